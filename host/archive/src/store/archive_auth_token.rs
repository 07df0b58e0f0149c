//! `archive_auth_token`: who may read private archives. Of a secret only its hash is here.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{ArchiveId, ArchiveReference, PersonId, TokenId};

/// What lets somebody read an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthToken {
    /// Its row.
    pub id: TokenId,
    /// Whose it is; none: a machine's.
    pub person: Option<PersonId>,
    /// How the user is called to the web server: a person's name, or a machine's after a plus.
    pub user_name: String,
    /// As web servers verify it.
    pub hash: String,
    /// Who gave it.
    pub created_by: String,
    /// When.
    pub date_created: Timestamp,
    /// From when it is worth nothing; none: it stays.
    pub date_expires: Option<Timestamp>,
    /// When it was taken back.
    pub date_revoked: Option<Timestamp>,
    /// Who took it back.
    pub revoked_by: Option<String>,
}

/// A new one.
#[derive(Debug, Clone)]
pub struct NewAuthToken<'a> {
    /// For which archive.
    pub archive: ArchiveId,
    /// For whom; none: for a machine.
    pub person: Option<PersonId>,
    /// As in [`AuthToken::user_name`].
    pub user_name: &'a str,
    /// As web servers verify it.
    pub hash: &'a str,
    /// Who gives it.
    pub by: &'a str,
    /// From when it is worth nothing.
    pub expires: Option<Timestamp>,
}

const COLUMNS: &str = "id, person, user_name, hash, created_by, date_created, date_expires, date_revoked, revoked_by FROM archive_auth_token";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<AuthToken> {
    Ok(AuthToken {
        id: row.get(0)?,
        person: row.get(1)?,
        user_name: row.get(2)?,
        hash: row.get(3)?,
        created_by: row.get(4)?,
        date_created: row.get::<_, Date>(5)?.0,
        date_expires: row.get::<_, Option<Date>>(6)?.map(|date| date.0),
        date_revoked: row.get::<_, Option<Date>>(7)?.map(|date| date.0),
        revoked_by: row.get(8)?,
    })
}

/// Every token of an archive, also those that were taken back, by user and age.
///
/// # Errors
/// When the database fails.
pub fn tokens(db: &Connection, archive: ArchiveId) -> Result<Vec<AuthToken>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE archive = ?1 ORDER BY user_name, id"))
        .and_then(|mut statement| statement.query_map([archive], from_row)?.collect())
        .during("list who may read an archive")
}

/// The users who may read an archive now, with their hashes, by name. A person who is not active may not.
///
/// # Errors
/// When the database fails.
pub fn readers(
    db: &Connection,
    archive: ArchiveId,
    now: Timestamp,
) -> Result<Vec<(String, String)>, StoreError> {
    db.prepare_cached(
        "SELECT user_name, hash FROM archive_auth_token AS token LEFT JOIN person ON person.id = token.person
         WHERE token.archive = ?1 AND date_revoked IS NULL AND (date_expires IS NULL OR date_expires > ?2)
         AND (token.person IS NULL OR person.active) ORDER BY user_name",
    )
    .and_then(|mut statement| {
        statement.query_map((archive, Date(now)), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("list who may read an archive")
}

/// Lets somebody read an archive.
///
/// # Errors
/// When whoever it is may already, unless that has expired.
pub fn add_token(tx: &Transaction<'_>, new: &NewAuthToken<'_>, now: Timestamp) -> Result<(), StoreError> {
    const WHAT: &str = "record who may read an archive";
    // one that has expired makes room
    tx.execute(
        "UPDATE archive_auth_token SET date_revoked = date_expires WHERE archive = ?1 AND user_name = ?2 AND date_revoked IS NULL
         AND date_expires <= ?3",
        (new.archive, new.user_name, Date(now)),
    )
    .during(WHAT)?;
    let there: Option<i64> = tx
        .prepare_cached(
            "SELECT id FROM archive_auth_token WHERE archive = ?1 AND user_name = ?2 AND date_revoked IS NULL",
        )
        .and_then(|mut statement| {
            statement.query_row((new.archive, new.user_name), |row| row.get(0)).optional()
        })
        .during(WHAT)?;
    if there.is_some() {
        return Err(StoreError::Exists { what: "token of", name: new.user_name.to_owned() });
    }
    tx.execute(
        "INSERT INTO archive_auth_token (archive, person, user_name, hash, created_by, date_created, date_expires)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        (
            new.archive,
            new.person,
            new.user_name,
            new.hash,
            new.by,
            Date(now),
            new.expires.map(Date),
        ),
    )
    .map(|_| ())
    .during(WHAT)
}

/// Takes back what lets somebody read an archive.
///
/// # Errors
/// When there is nothing of the kind; it says who may.
pub fn revoke_token(
    tx: &Transaction<'_>,
    (archive, reference): (ArchiveId, &ArchiveReference),
    user_name: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let revoked = tx
        .execute(
            "UPDATE archive_auth_token SET date_revoked = ?3, revoked_by = ?4 WHERE archive = ?1 AND user_name = ?2
             AND date_revoked IS NULL",
            (archive, user_name, Date(now), by),
        )
        .during("take a token back")?;
    if revoked == 0 {
        let known = tokens(tx, archive)?.into_iter().filter(|token| token.date_revoked.is_none());
        return Err(StoreError::Unknown {
            what: "token",
            name: format!("of {user_name} for {reference}"),
            known: known.map(|token| token.user_name).collect(),
        });
    }
    Ok(())
}
