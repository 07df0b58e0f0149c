//! `signing_key` and `signing_key_use`: the keys that archives are signed with, where their secret halves are, and which signs what until when.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::plain::is_obeyed;
use crate::domain::{ArchiveId, KeyHolder, KeyUseId, SigningKeyId, SuiteId};

/// A key that signs, has signed, or may be told to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its row.
    pub id: SigningKeyId,
    /// Of the primary key, in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// Who has its secret half.
    pub held_by: KeyHolder,
    /// The file, below the root unless absolute; or the key as gpg is asked for it.
    pub place: String,
    /// When it came here.
    pub date_created: Timestamp,
}

/// A key in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// Its row; none: the key of the configuration, which signs without one.
    pub id: Option<KeyUseId>,
    /// Of the primary key, in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// From when.
    pub begun: Timestamp,
    /// Until when; none: until another takes its place.
    pub ended: Option<Timestamp>,
}

/// What a change of keys does to the uses that there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// These keys get this end.
    pub ends: Vec<(KeyUse, Timestamp)>,
    /// This one has no end any more.
    pub kept: Option<KeyUse>,
    /// The new key has to be put to use.
    pub begins: bool,
}

const COLUMNS: &str = "id, fingerprint, held_by, place, date_created FROM signing_key";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<SigningKey> {
    Ok(SigningKey {
        id: row.get(0)?,
        fingerprint: row.get(1)?,
        held_by: row.get(2)?,
        place: row.get(3)?,
        date_created: row.get::<_, Date>(4)?.0,
    })
}

/// All keys, oldest first. Without the one of the configuration, unless another has taken its place.
///
/// # Errors
/// When the database fails.
pub fn signing_keys(db: &Connection) -> Result<Vec<SigningKey>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE date_forgotten IS NULL ORDER BY id"))
        .and_then(|mut statement| statement.query_map([], from_row)?.collect())
        .during("list the signing keys")
}

/// The key of a fingerprint.
///
/// # Errors
/// When the database fails.
pub fn find_signing_key(db: &Connection, fingerprint: &str) -> Result<Option<SigningKey>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE fingerprint = ?1 AND date_forgotten IS NULL"))
        .and_then(|mut statement| statement.query_row([fingerprint], from_row).optional())
        .during("look for a signing key")
}

/// The key of a fingerprint.
///
/// # Errors
/// When there is none; it says which there are.
pub fn signing_key(db: &Connection, fingerprint: &str) -> Result<SigningKey, StoreError> {
    if let Some(key) = find_signing_key(db, fingerprint)? {
        return Ok(key);
    }
    Err(StoreError::Unknown {
        what: "signing key with the fingerprint",
        name: fingerprint.chars().filter(|character| !is_obeyed(*character)).take(80).collect(),
        known: signing_keys(db)?.into_iter().map(|key| key.fingerprint).collect(),
    })
}

/// Who has the secret half of a key and where, or had it before the key was forgotten; none: it was never here.
///
/// # Errors
/// When the database fails.
pub fn last_place(db: &Connection, fingerprint: &str) -> Result<Option<(KeyHolder, String)>, StoreError> {
    db.prepare_cached("SELECT held_by, place FROM signing_key WHERE fingerprint = ?1")
        .and_then(|mut statement| {
            statement.query_row([fingerprint], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .during("look for where a signing key was")
}

/// Takes a key in, or says anew where its secret half is.
///
/// # Errors
/// When the database fails.
pub fn put_signing_key(
    tx: &Transaction<'_>,
    fingerprint: &str,
    held_by: KeyHolder,
    place: &str,
    now: Timestamp,
) -> Result<SigningKeyId, StoreError> {
    tx.prepare_cached(
        "INSERT INTO signing_key (fingerprint, held_by, place, date_created) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (fingerprint) DO UPDATE SET held_by = excluded.held_by, place = excluded.place, date_forgotten = NULL
         RETURNING id",
    )
    .and_then(|mut statement| {
        statement.query_row((fingerprint, held_by, place, Date(now)), |row| row.get(0))
    })
    .during("take the signing key in")
}

/// A use of a key, with where the key's secret half is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlacedUse {
    /// Since when and until when.
    pub used: KeyUse,
    /// As in [`SigningKey::held_by`].
    pub held_by: KeyHolder,
    /// As in [`SigningKey::place`].
    pub place: String,
}

/// Every use of keys by an archive, or by all that have none of their own: those that have ended too, oldest first.
///
/// # Errors
/// When the database fails.
pub fn placed_uses(db: &Connection, archive: Option<ArchiveId>) -> Result<Vec<PlacedUse>, StoreError> {
    db.prepare_cached(
        "SELECT signing_key_use.id, fingerprint, date_begun, date_ended, held_by, place FROM signing_key_use
         JOIN signing_key ON signing_key.id = signing_key WHERE archive IS ?1 ORDER BY signing_key_use.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([archive], |row| {
                Ok(PlacedUse {
                    used: KeyUse {
                        id: row.get(0)?,
                        fingerprint: row.get(1)?,
                        begun: row.get::<_, Date>(2)?.0,
                        ended: row.get::<_, Option<Date>>(3)?.map(|date| date.0),
                    },
                    held_by: row.get(4)?,
                    place: row.get(5)?,
                })
            })?
            .collect()
    })
    .during("list who signs")
}

/// The same, without the places.
///
/// # Errors
/// When the database fails.
pub fn uses(db: &Connection, archive: Option<ArchiveId>) -> Result<Vec<KeyUse>, StoreError> {
    Ok(placed_uses(db, archive)?.into_iter().map(|one| one.used).collect())
}

/// Carries out a rotation to a key that is here. Keys that it ends and that have no row (that of the configuration, or the root's where an archive gets its
/// first own one) must be here too; they get one.
///
/// # Errors
/// When a key is not here, or the database fails.
pub fn carry_out(
    tx: &Transaction<'_>,
    archive: Option<ArchiveId>,
    new: &str,
    rotation: &Rotation,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "record who signs";
    let begin = |fingerprint: &str, begun: Timestamp, ended: Option<Timestamp>| -> Result<(), StoreError> {
        let key = signing_key(tx, fingerprint)?.id;
        tx.execute(
            "INSERT INTO signing_key_use (archive, signing_key, date_begun, date_ended, decided_by) VALUES (?1, ?2, ?3, ?4, ?5)",
            (archive, key, Date(begun), ended.map(Date), by),
        )
        .map(|_| ())
        .during(WHAT)
    };
    let end = |id, ended: Option<Timestamp>| {
        tx.execute(
            "UPDATE signing_key_use SET date_ended = ?2, decided_by = ?3 WHERE id = ?1",
            (id, ended.map(Date), by),
        )
        .map(|_| ())
        .during(WHAT)
    };
    let of_archive = uses(tx, archive)?;
    let has_row = |one: &KeyUse| one.id.is_some() && of_archive.iter().any(|other| other.id == one.id);
    for (one, until) in &rotation.ends {
        match one.id.filter(|_| has_row(one)) {
            Some(id) => end(id, Some(*until))?,
            None => begin(&one.fingerprint, one.begun, Some(*until))?,
        }
    }
    match &rotation.kept {
        Some(one) if has_row(one) => {
            if let Some(id) = one.id {
                end(id, None)?;
            }
        }
        Some(one) => begin(&one.fingerprint, one.begun, None)?,
        None => {}
    }
    if rotation.begins {
        begin(new, now, None)?;
    }
    Ok(())
}

/// Whether a key signs anything at a moment, or will.
///
/// # Errors
/// When the database fails.
pub fn still_signs(db: &Connection, key: SigningKeyId, now: Timestamp) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM signing_key_use WHERE signing_key = ?1 AND (date_ended IS NULL OR date_ended > ?2))",
    )
    .and_then(|mut statement| statement.query_row((key, Date(now)), |row| row.get(0)))
    .during("look for what a key signs")
}

/// The suites whose live Release a key has signed, by row.
///
/// # Errors
/// When the database fails.
pub fn suites_signed_by(db: &Connection, fingerprint: &str) -> Result<Vec<SuiteId>, StoreError> {
    db.prepare_cached(
        "SELECT id FROM suite WHERE release_date IS NOT NULL AND instr(' ' || signing_keys || ' ', ' ' || ?1 || ' ') > 0 ORDER BY id",
    )
    .and_then(|mut statement| statement.query_map([fingerprint], |row| row.get(0))?.collect())
    .during("list what a key has signed")
}

/// Forgets a key: it is neither listed nor put in the place of another, until it is taken in again.
///
/// # Errors
/// When the database fails.
pub fn forget_signing_key(tx: &Transaction<'_>, key: SigningKeyId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute("UPDATE signing_key SET date_forgotten = ?2 WHERE id = ?1", (key, Date(now)))
        .map(drop)
        .during("forget a signing key")
}

/// Lets an archive have no key of its own any more: those of the root sign it from now on.
///
/// # Errors
/// When the database fails.
pub fn end_own_keys(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    by: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE signing_key_use SET date_ended = ?2, decided_by = ?3 WHERE archive = ?1 AND (date_ended IS NULL OR date_ended > ?2)",
        (archive, Date(now), by),
    )
    .map(|_| ())
    .during("record who signs")
}
