//! `library_file_content` and `library_file_alias`: the originals, by content and by name.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::{Date, size};
use super::{During, StoreError};
use crate::domain::digest::{FileDigests, Sha256};
use crate::domain::name::FileName;
use crate::domain::{AliasId, ContentId};

/// The row of a content, if it is known.
///
/// # Errors
/// When the database fails.
pub fn find_content(db: &Connection, sha256: &Sha256) -> Result<Option<ContentId>, StoreError> {
    db.prepare_cached("SELECT id FROM library_file_content WHERE sha256 = ?1")
        .and_then(|mut statement| statement.query_row([sha256], |row| row.get(0)).optional())
        .during("find a file")
}

/// The row of a content, made if needed.
///
/// # Errors
/// When the database fails.
pub fn content(tx: &Transaction<'_>, digests: &FileDigests, now: Timestamp) -> Result<ContentId, StoreError> {
    if let Some(id) = find_content(tx, &digests.sha256)? {
        return Ok(id);
    }
    tx.prepare_cached(
        "INSERT INTO library_file_content (sha256, sha1, md5, file_size, date_created) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
    )
    .and_then(|mut statement| {
        statement.query_row(
            (&digests.sha256, &digests.sha1, &digests.md5, size(digests.size_bytes), Date(now)),
            |row| row.get(0),
        )
    })
    .during("add a file")
}

/// The row of a content under a name, made if needed.
///
/// # Errors
/// When the database fails.
pub fn alias(
    tx: &Transaction<'_>,
    content: ContentId,
    filename: &FileName,
    now: Timestamp,
) -> Result<AliasId, StoreError> {
    let known = tx
        .prepare_cached("SELECT id FROM library_file_alias WHERE content = ?1 AND filename = ?2")
        .and_then(|mut statement| statement.query_row((content, filename), |row| row.get(0)).optional())
        .during("find a file")?;
    if let Some(id) = known {
        return Ok(id);
    }
    tx.prepare_cached(
        "INSERT INTO library_file_alias (content, filename, date_created) VALUES (?1, ?2, ?3) RETURNING id",
    )
    .and_then(|mut statement| statement.query_row((content, filename, Date(now)), |row| row.get(0)))
    .during("add a file")
}
