//! `openpgp_key` and `openpgp_key_part`: the certificates of people, and what signatures may name of them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{KeyId, PersonId, PersonName};

/// A certificate of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenpgpKey {
    /// Its row.
    pub id: KeyId,
    /// Whose it is.
    pub person: PersonId,
    /// Whose it is.
    pub person_name: PersonName,
    /// Of the primary key, in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// The certificate, binary.
    pub certificate: Vec<u8>,
    /// Whether its signatures are taken.
    pub active: bool,
    /// When it came here first.
    pub date_created: Timestamp,
}

const COLUMNS: &str = "openpgp_key.id, openpgp_key.person, person.name, openpgp_key.fingerprint, certificate, openpgp_key.active, openpgp_key.date_created
    FROM openpgp_key JOIN person ON person.id = openpgp_key.person";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<OpenpgpKey> {
    Ok(OpenpgpKey {
        id: row.get(0)?,
        person: row.get(1)?,
        person_name: row.get(2)?,
        fingerprint: row.get(3)?,
        certificate: row.get(4)?,
        active: row.get(5)?,
        date_created: row.get::<_, Date>(6)?.0,
    })
}

/// All certificates, by whose they are and fingerprint.
///
/// # Errors
/// When the database fails.
pub fn keys(db: &Connection) -> Result<Vec<OpenpgpKey>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} ORDER BY person.name, openpgp_key.fingerprint"))
        .and_then(|mut statement| statement.query_map([], from_row)?.collect())
        .during("list the keys")
}

/// The certificate with this fingerprint of its primary key.
///
/// # Errors
/// When the database fails.
pub fn find_key(db: &Connection, fingerprint: &str) -> Result<Option<OpenpgpKey>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE openpgp_key.fingerprint = ?1"))
        .and_then(|mut statement| statement.query_row([fingerprint], from_row).optional())
        .during("find a key")
}

/// The certificates that have a part with this fingerprint.
///
/// # Errors
/// When the database fails.
pub fn keys_of_fingerprint(db: &Connection, fingerprint: &str) -> Result<Vec<OpenpgpKey>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} JOIN openpgp_key_part AS part ON part.openpgp_key = openpgp_key.id
         WHERE part.fingerprint = ?1 ORDER BY openpgp_key.id"
    ))
    .and_then(|mut statement| statement.query_map([fingerprint], from_row)?.collect())
    .during("find a key")
}

/// So many certificates with the same short name are looked at.
const MOST_OF_KEY_ID: u32 = 16;

/// The certificates that have a part with this key ID: 16 digits, which are not proof against others with the same.
///
/// # Errors
/// When the database fails.
pub fn keys_of_key_id(db: &Connection, key_id: &str) -> Result<Vec<OpenpgpKey>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT DISTINCT {COLUMNS} JOIN openpgp_key_part AS part ON part.openpgp_key = openpgp_key.id
         WHERE part.key_id = ?1 ORDER BY openpgp_key.id LIMIT ?2"
    ))
    .and_then(|mut statement| statement.query_map((key_id, MOST_OF_KEY_ID), from_row)?.collect())
    .during("find a key")
}

/// A certificate to be kept.
#[derive(Debug, Clone, Copy)]
pub struct NewKey<'a> {
    /// Whose it is.
    pub person: PersonId,
    /// Of the primary key.
    pub fingerprint: &'a str,
    /// The certificate, binary.
    pub certificate: &'a [u8],
    /// The fingerprint and key ID of each part.
    pub parts: &'a [(String, String)],
}

/// Keeps a certificate, or a newer state of one that is here: whether it is active stays.
///
/// # Errors
/// When it is somebody else's.
pub fn keep_key(tx: &Transaction<'_>, new: &NewKey<'_>, now: Timestamp) -> Result<KeyId, StoreError> {
    if let Some(known) = find_key(tx, new.fingerprint)?.filter(|known| known.person != new.person) {
        return Err(StoreError::Refused(format!(
            "the key {} is that of {} already: remove it there first with `pressroom key remove {}`",
            new.fingerprint, known.person_name, new.fingerprint
        )));
    }
    let id = tx
        .prepare_cached(
            "INSERT INTO openpgp_key (person, fingerprint, certificate, date_created) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (fingerprint) DO UPDATE SET certificate = excluded.certificate RETURNING id",
        )
        .and_then(|mut statement| {
            statement.query_row((new.person, new.fingerprint, new.certificate, Date(now)), |row| row.get(0))
        })
        .during("keep a key")?;
    tx.execute("DELETE FROM openpgp_key_part WHERE openpgp_key = ?1", [id]).during("keep a key")?;
    let mut statement = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO openpgp_key_part (fingerprint, key_id, openpgp_key) VALUES (?1, ?2, ?3)",
        )
        .during("keep a key")?;
    for (fingerprint, key_id) in new.parts {
        statement.execute((fingerprint, key_id, id)).during("keep a key")?;
    }
    Ok(id)
}

/// Says whether the signatures of a certificate are taken.
///
/// # Errors
/// When the database fails.
pub fn set_key_active(tx: &Transaction<'_>, id: KeyId, active: bool) -> Result<(), StoreError> {
    tx.execute("UPDATE openpgp_key SET active = ?2 WHERE id = ?1", (id, active))
        .map(|_| ())
        .during("change a key")
}

/// Removes a certificate. Uploads that it has signed keep its fingerprint.
///
/// # Errors
/// When the database fails.
pub fn remove_key(tx: &Transaction<'_>, id: KeyId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM openpgp_key WHERE id = ?1", [id]).map(|_| ()).during("remove a key")
}
