//! `library_file_content` and `library_file_alias`: the originals, by content and by name.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::{Date, size};
use super::{During, Made, StoreError};
use crate::domain::digest::{FileDigests, Sha256};
use crate::domain::name::FileName;
use crate::domain::{AliasId, ContentId, PackageKind, PackageReleaseId};

/// The row of a content under a name, made if needed, as that of the content is.
///
/// # Errors
/// When the database fails.
pub fn alias(
    tx: &Transaction<'_>,
    digests: &FileDigests,
    filename: &FileName,
    now: Timestamp,
) -> Result<Made<AliasId>, StoreError> {
    let content = content(tx, digests, now)?;
    if let Made::Known(content) = content
        && let Some(known) = tx
            .prepare_cached("SELECT id FROM library_file_alias WHERE content = ?1 AND filename = ?2")
            .and_then(|mut statement| statement.query_row((content, filename), |row| row.get(0)).optional())
            .during("find a file")?
    {
        return Ok(Made::Known(known));
    }
    tx.prepare_cached("INSERT INTO library_file_alias (content, filename, date_created) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.insert((content.row(), filename, Date(now))))
        .map(|id| Made::New(AliasId(id)))
        .during("add a file")
}

/// The files of a package that have expired, by name: it cannot be published again.
///
/// # Errors
/// When the database fails.
pub fn expired_files(db: &Connection, release: PackageReleaseId) -> Result<Vec<FileName>, StoreError> {
    let sql = match release.kind() {
        PackageKind::Source => {
            "SELECT alias.filename FROM source_package_release_file AS file
             JOIN library_file_alias AS alias ON alias.id = file.library_file
             WHERE file.source_package_release = ?1 AND alias.content IS NULL ORDER BY alias.filename"
        }
        PackageKind::Binary => {
            "SELECT alias.filename FROM binary_package_release AS release
             JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
             WHERE release.id = ?1 AND alias.content IS NULL"
        }
    };
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.query_map([release.row()], |row| row.get(0))?.collect())
        .during("find files that have expired")
}

/// Refuses a package whose files have expired.
///
/// # Errors
/// When they have, or the database fails.
pub fn refuse_expired(db: &Connection, release: PackageReleaseId) -> Result<(), StoreError> {
    match expired_files(db, release)?.first() {
        None => Ok(()),
        Some(file) => Err(StoreError::Refused(format!(
            "{file} is not kept any more, so it cannot be published again: import the package anew"
        ))),
    }
}

/// What a file has in it.
///
/// # Errors
/// When there is no such row, or the database fails.
pub fn sha256_of(db: &Connection, alias: AliasId) -> Result<Sha256, StoreError> {
    db.prepare_cached(
        "SELECT content.sha256 FROM library_file_alias AS alias JOIN library_file_content AS content ON content.id = alias.content
         WHERE alias.id = ?1",
    )
    .and_then(|mut statement| statement.query_row([alias], |row| row.get(0)))
    .during("find a file")
}

/// The row of a content, made if needed.
fn content(
    tx: &Transaction<'_>,
    digests: &FileDigests,
    now: Timestamp,
) -> Result<Made<ContentId>, StoreError> {
    // RETURNING would say the row, and copy every page aside that the statement changes
    let added = tx
        .prepare_cached(
            "INSERT INTO library_file_content (sha256, sha1, md5, file_size, date_created) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (sha256) DO NOTHING",
        )
        .and_then(|mut statement| {
            statement.execute((
                &digests.sha256,
                &digests.sha1,
                &digests.md5,
                size(digests.size_bytes),
                Date(now),
            ))
        })
        .during("add a file")?;
    if added > 0 {
        return Ok(Made::New(ContentId(tx.last_insert_rowid())));
    }
    tx.prepare_cached("SELECT id FROM library_file_content WHERE sha256 = ?1")
        .and_then(|mut statement| statement.query_row([&digests.sha256], |row| row.get(0)))
        .map(Made::Known)
        .during("find a file")
}
