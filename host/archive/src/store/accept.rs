//! What `accept` asks of rows of several tables.

use rusqlite::Connection;

use super::{During, StoreError};
use crate::domain::name::FileName;
use crate::domain::{BinaryReleaseId, Sha256};

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
