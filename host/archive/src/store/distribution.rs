//! `distribution`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::DistributionName;
use crate::domain::{DistributionId, ReleaseText};

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// Its row.
    pub id: DistributionId,
    /// As on the command line.
    pub name: DistributionName,
    /// As people write it: `Debian`.
    pub display_name: String,
}

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Distribution> {
    Ok(Distribution { id: row.get(0)?, name: row.get(1)?, display_name: row.get(2)? })
}

/// All distributions, by name.
///
/// # Errors
/// When the database fails.
pub fn distributions(db: &Connection) -> Result<Vec<Distribution>, StoreError> {
    db.prepare_cached("SELECT id, name, display_name FROM distribution ORDER BY name")
        .and_then(|mut statement| statement.query_map([], from_row)?.collect())
        .during("list the distributions")
}

/// The distribution of a name, if there is one.
///
/// # Errors
/// When the database fails.
pub fn find_distribution(
    db: &Connection,
    name: &DistributionName,
) -> Result<Option<Distribution>, StoreError> {
    db.prepare_cached("SELECT id, name, display_name FROM distribution WHERE name = ?1")
        .and_then(|mut statement| statement.query_row([name], from_row).optional())
        .during("find the distribution")
}

/// The distribution of a name.
///
/// # Errors
/// When there is none; it says which there are.
pub fn distribution(db: &Connection, name: &DistributionName) -> Result<Distribution, StoreError> {
    match find_distribution(db, name)? {
        Some(distribution) => Ok(distribution),
        None => Err(StoreError::Unknown {
            what: "distribution",
            name: name.to_string(),
            known: distributions(db)?.into_iter().map(|distribution| distribution.name.to_string()).collect(),
        }),
    }
}

/// Adds a distribution.
///
/// # Errors
/// When it exists.
pub fn create_distribution(
    tx: &Transaction<'_>,
    name: &DistributionName,
    display_name: &ReleaseText,
    now: Timestamp,
) -> Result<DistributionId, StoreError> {
    if find_distribution(tx, name)?.is_some() {
        return Err(StoreError::Exists { what: "distribution", name: name.to_string() });
    }
    tx.prepare_cached(
        "INSERT INTO distribution (name, display_name, date_created) VALUES (?1, ?2, ?3) RETURNING id",
    )
    .and_then(|mut statement| statement.query_row((name, display_name.as_str(), Date(now)), |row| row.get(0)))
    .during("add the distribution")
}

/// Changes how people write it.
///
/// # Errors
/// When the database fails.
pub fn set_display_name(
    tx: &Transaction<'_>,
    id: DistributionId,
    display_name: &ReleaseText,
) -> Result<(), StoreError> {
    tx.execute("UPDATE distribution SET display_name = ?2 WHERE id = ?1", (id, display_name.as_str()))
        .map(|_| ())
        .during("change the distribution")
}
