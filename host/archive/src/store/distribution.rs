//! `distribution`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError, archive, series, series_link, suite};
use crate::domain::name::DistributionName;
use crate::domain::plain::shown;
use crate::domain::{DistributionId, NameError, ReleaseText, SeriesName};

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
    /// The name in `dists/` of its newest series with packages; none: there is no such link.
    pub development_alias: Option<SeriesName>,
}

const COLUMNS: &str = "id, name, display_name, redirect_release_uploads, bug_mail, bug_webhook, development_alias FROM distribution";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Distribution> {
    Ok(Distribution {
        id: row.get(0)?,
        name: row.get(1)?,
        display_name: row.get(2)?,
        redirect_release_uploads: row.get(3)?,
        bug_mail: row.get(4)?,
        bug_webhook: row.get(5)?,
        development_alias: Some(row.get::<_, String>(6)?)
            .filter(|alias| !alias.is_empty())
            .map(|alias| alias.parse())
            .transpose()
            .map_err(|error: NameError| {
                rusqlite::Error::FromSqlConversionFailure(6, rusqlite::types::Type::Text, Box::new(error))
            })?,
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
    /// The name in `dists/` of the newest series; `Some(None)`: none.
    pub development_alias: Option<Option<SeriesName>>,
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
    if let Some(alias) = &change.development_alias {
        set_development_alias(tx, id, alias.as_ref())?;
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

/// The links in dists are made by the next pass over each archive.
fn set_development_alias(
    tx: &Transaction<'_>,
    id: DistributionId,
    alias: Option<&SeriesName>,
) -> Result<(), StoreError> {
    let word = alias.map_or("", SeriesName::as_str);
    let before: String = tx
        .query_row("SELECT development_alias FROM distribution WHERE id = ?1", [id], |row| row.get(0))
        .during("look for the alias of the newest series")?;
    if before == word {
        return Ok(());
    }
    let is_series = series::series_of(tx, id)?.iter().any(|series| series.name.as_str() == word);
    if is_series || series_link::is_alias(tx, id, word)? {
        return Err(StoreError::Refused(format!(
            "{word} cannot be the name of the newest series: it means a series already"
        )));
    }
    tx.execute("UPDATE distribution SET development_alias = ?2 WHERE id = ?1", (id, word))
        .during("change the distribution")?;
    for archive in archive::archives(tx, id)? {
        suite::forget_release(tx, suite::Of::Archive(archive.id))?;
    }
    Ok(())
}
