//! What `accept` asks of rows of several tables, and leaves in them.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError, suite};
use crate::domain::name::FileName;
use crate::domain::{BinaryReleaseId, CustomUploadId, Sha256, SuiteId};

/// The file of a binary package: its name in the pool, and its content.
///
/// # Errors
/// When the row is gone, or the database fails.
pub fn binary_file(db: &Connection, release: BinaryReleaseId) -> Result<(FileName, Sha256), StoreError> {
    db.prepare_cached(
        "SELECT alias.filename, content.sha256 FROM binary_package_release AS release
         JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
         JOIN library_file_content AS content ON content.id = alias.content WHERE release.id = ?1",
    )
    .and_then(|mut statement| statement.query_row([release], |row| Ok((row.get(0)?, row.get(1)?))))
    .during("find the file of a binary package")
}

/// Lets a custom file of an upload wait for a pass over a suite.
///
/// # Errors
/// When the database fails.
pub fn publish_custom(
    tx: &Transaction<'_>,
    suite: SuiteId,
    custom: CustomUploadId,
    filename: &FileName,
    now: Timestamp,
) -> Result<(), StoreError> {
    let added = tx
        .prepare_cached(
            "INSERT OR IGNORE INTO custom_publication (suite, package_upload_custom, status, date_created)
             VALUES (?1, ?2, 'PENDING', ?3)",
        )
        .and_then(|mut statement| statement.execute((suite, custom, Date(now))))
        .during("let a custom file wait for a pass")?;
    if added == 0 { Ok(()) } else { suite::mark_dirty(tx, suite, &format!("{filename} was accepted"), now) }
}
