//! `distribution`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{DistributionName, shown};
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
    /// Whether uploads to the release pocket of a series under development go to PROPOSED.
    pub redirect_release_uploads: bool,
    /// The address that closes a bug, with `%s` for its number; none: no mail closes bugs.
    pub bug_mail: Option<String>,
    /// Who gets JSON by POST for a bug that is to be closed.
    pub bug_webhook: Option<String>,
}

const COLUMNS: &str =
    "id, name, display_name, redirect_release_uploads, bug_mail, bug_webhook FROM distribution";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Distribution> {
    Ok(Distribution {
        id: row.get(0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        redirect_release_uploads: row.get(3)?,
        bug_mail: row.get(4)?,
        bug_webhook: row.get(5)?,
    })
}

/// All distributions, by name.
///
/// # Errors
/// When the database fails.
pub fn distributions(db: &Connection) -> Result<Vec<Distribution>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} ORDER BY name"))
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
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE name = ?1"))
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

/// Which settings of a distribution to change; those left out stay.
#[derive(Debug, Clone, Default)]
pub struct DistributionChange {
    /// Whether uploads to the release pocket of a series under development go to PROPOSED.
    pub redirect_release_uploads: Option<bool>,
    /// The address that closes a bug; `Some(None)`: none.
    pub bug_mail: Option<Option<String>>,
    /// Who gets JSON for a bug that is to be closed; `Some(None)`: nobody.
    pub bug_webhook: Option<Option<String>>,
}

/// Changes what a distribution wants of uploads.
///
/// # Errors
/// When the address has no place for a bug's number, or the URL is none.
pub fn change_distribution(
    tx: &Transaction<'_>,
    id: DistributionId,
    change: &DistributionChange,
) -> Result<(), StoreError> {
    if let Some(Some(address)) = &change.bug_mail {
        let example = address.replacen("%s", "1", 1);
        if example == *address || !address.is_ascii() || example.parse::<lettre::Address>().is_err() {
            return Err(StoreError::Refused(format!(
                "{} closes no bugs: give a mail address with %s for the number, as %s-done@bugs.example.org",
                shown(address)
            )));
        }
    }
    if let Some(Some(url)) = &change.bug_webhook {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
        if rest.is_empty() || rest.starts_with('/') || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(StoreError::Refused(format!(
                "{} is no URL: it begins with https:// or http://",
                shown(url)
            )));
        }
    }
    tx.execute(
        "UPDATE distribution SET redirect_release_uploads = coalesce(?2, redirect_release_uploads),
         bug_mail = CASE WHEN ?3 THEN ?4 ELSE bug_mail END, bug_webhook = CASE WHEN ?5 THEN ?6 ELSE bug_webhook END WHERE id = ?1",
        (
            id,
            change.redirect_release_uploads,
            change.bug_mail.is_some(),
            change.bug_mail.as_ref().and_then(Option::as_deref),
            change.bug_webhook.is_some(),
            change.bug_webhook.as_ref().and_then(Option::as_deref),
        ),
    )
    .map(|_| ())
    .during("change the distribution")
}
