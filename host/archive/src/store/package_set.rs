//! `package_set` and `package_set_source`: source packages of a series that are cared for together.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{PackageSetId, PackageSetName, SeriesId, SourceName};

/// A package set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageSet {
    /// Its row.
    pub id: PackageSetId,
    /// The series that it is of.
    pub series: SeriesId,
    /// As on the command line.
    pub name: PackageSetName,
    /// A sentence for people.
    pub description: String,
    /// What builds of its packages get on top of their score.
    pub relative_build_score: i64,
}

const COLUMNS: &str =
    "package_set.id, distro_series, name, description, relative_build_score FROM package_set";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<PackageSet> {
    Ok(PackageSet {
        id: row.get(0)?,
        series: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        relative_build_score: row.get(4)?,
    })
}

/// The package sets of a series, by name.
///
/// # Errors
/// When the database fails.
pub fn package_sets(db: &Connection, series: SeriesId) -> Result<Vec<PackageSet>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE distro_series = ?1 ORDER BY name"))
        .and_then(|mut statement| statement.query_map([series], from_row)?.collect())
        .during("list the package sets")
}

/// The package set of a name in a series.
///
/// # Errors
/// When there is none; it says which there are.
pub fn package_set(
    db: &Connection,
    series: SeriesId,
    name: &PackageSetName,
) -> Result<PackageSet, StoreError> {
    let all = package_sets(db, series)?;
    let known = all.iter().map(|set| set.name.to_string()).collect();
    all.into_iter().find(|set| set.name == *name).ok_or_else(|| StoreError::Unknown {
        what: "package set",
        name: name.to_string(),
        known,
    })
}

/// The package sets of a series that a source is in, by name.
///
/// # Errors
/// When the database fails.
pub fn package_sets_of(
    db: &Connection,
    series: SeriesId,
    source: &SourceName,
) -> Result<Vec<PackageSet>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} JOIN package_set_source ON package_set = package_set.id
         WHERE source_package_name = ?2 AND distro_series = ?1 ORDER BY name"
    ))
    .and_then(|mut statement| statement.query_map((series, source), from_row)?.collect())
    .during("list the package sets of a source")
}

/// The sources in a package set, by name.
///
/// # Errors
/// When the database fails.
pub fn sources_of(db: &Connection, set: PackageSetId) -> Result<Vec<SourceName>, StoreError> {
    db.prepare_cached(
        "SELECT source_package_name FROM package_set_source WHERE package_set = ?1 ORDER BY source_package_name",
    )
    .and_then(|mut statement| statement.query_map([set], |row| row.get(0))?.collect())
    .during("list the sources of a package set")
}

/// Adds a package set without sources.
///
/// # Errors
/// When it exists.
pub fn create_package_set(
    tx: &Transaction<'_>,
    series: SeriesId,
    name: &PackageSetName,
    now: Timestamp,
) -> Result<PackageSetId, StoreError> {
    if package_sets(tx, series)?.iter().any(|set| set.name == *name) {
        return Err(StoreError::Exists { what: "package set", name: name.to_string() });
    }
    tx.prepare_cached(
        "INSERT INTO package_set (distro_series, name, date_created) VALUES (?1, ?2, ?3) RETURNING id",
    )
    .and_then(|mut statement| statement.query_row((series, name, Date(now)), |row| row.get(0)))
    .during("add a package set")
}

/// Which settings of a package set to change; those left out stay.
#[derive(Debug, Clone, Default)]
pub struct PackageSetChange {
    /// A sentence for people.
    pub description: Option<String>,
    /// What builds of its packages get on top of their score.
    pub relative_build_score: Option<i64>,
    /// Sources that are in it from now on.
    pub add: BTreeSet<SourceName>,
    /// Sources that are in it no longer.
    pub remove: BTreeSet<SourceName>,
}

/// Changes a package set.
///
/// # Errors
/// When the database fails.
pub fn change_package_set(
    tx: &Transaction<'_>,
    id: PackageSetId,
    change: &PackageSetChange,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE package_set SET description = coalesce(?2, description),
         relative_build_score = coalesce(?3, relative_build_score) WHERE id = ?1",
        (id, &change.description, change.relative_build_score),
    )
    .during("change a package set")?;
    for (sources, sql) in [
        (
            &change.remove,
            "DELETE FROM package_set_source WHERE package_set = ?1 AND source_package_name = ?2",
        ),
        (
            &change.add,
            "INSERT OR IGNORE INTO package_set_source (package_set, source_package_name) VALUES (?1, ?2)",
        ),
    ] {
        let mut statement = tx.prepare_cached(sql).during("change a package set")?;
        for source in sources {
            statement.execute((id, source)).during("change a package set")?;
        }
    }
    Ok(())
}

/// Removes a package set.
///
/// # Errors
/// When there are rights over it.
pub fn remove_package_set(tx: &Transaction<'_>, set: &PackageSet) -> Result<(), StoreError> {
    let rights: i64 = tx
        .query_row("SELECT count(*) FROM archive_permission WHERE package_set = ?1", [set.id], |row| {
            row.get(0)
        })
        .during("look for rights over a package set")?;
    if rights > 0 {
        return Err(StoreError::Refused(format!(
            "{rights} permissions are over the package set {}: revoke them first, `pressroom permission list --package-set {}` shows them",
            set.name, set.name
        )));
    }
    tx.execute("DELETE FROM package_set WHERE id = ?1", [set.id]).map(|_| ()).during("remove a package set")
}
