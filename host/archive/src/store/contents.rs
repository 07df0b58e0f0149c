//! `binary_package_contents`: which paths a binary package brings along. The list is packed here; what it says is for
//! [`PathList`](crate::format::PathList).

use rusqlite::{Connection, OptionalExtension};

use super::{During, StoreError};
use crate::domain::BinaryReleaseId;
use crate::domain::digest::Sha256;

/// A list as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackedPaths {
    /// How many paths there are.
    pub count: usize,
    /// The list, packed; empty of none.
    pub packed: Vec<u8>,
}

/// Keeps the list of a release, unless it is known already: a release never changes.
///
/// # Errors
/// When the database fails.
pub fn keep(db: &Connection, release: BinaryReleaseId, paths: &PackedPaths) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT OR IGNORE INTO binary_package_contents (binary_package_release, paths, list) VALUES (?1, ?2, ?3)",
    )
    .and_then(|mut statement| statement.execute((release, paths.count, &paths.packed)))
    .map(drop)
    .during("keep the files of a package")
}

/// Keeps lists that were read afterwards, all or none.
///
/// # Errors
/// When the database fails.
pub fn keep_all<'l>(
    db: &Connection,
    lists: impl IntoIterator<Item = (BinaryReleaseId, &'l PackedPaths)>,
) -> Result<(), StoreError> {
    const WHAT: &str = "keep the files of packages";
    // nothing else of this connection is under way between two statements of a hook
    let transaction = db.unchecked_transaction().during(WHAT)?;
    for (release, paths) in lists {
        keep(&transaction, release, paths)?;
    }
    transaction.commit().during(WHAT)
}

/// The packed list of a release; none where it is not known.
///
/// # Errors
/// When the database fails.
pub fn find(db: &Connection, release: BinaryReleaseId) -> Result<Option<Vec<u8>>, StoreError> {
    db.prepare_cached("SELECT list FROM binary_package_contents WHERE binary_package_release = ?1")
        .and_then(|mut statement| statement.query_row([release], |row| row.get(0)).optional())
        .during("find the files of a package")
}

/// The file of a release, if it is still there.
///
/// # Errors
/// When the database fails.
pub fn original(db: &Connection, release: BinaryReleaseId) -> Result<Option<Sha256>, StoreError> {
    db.prepare_cached(
        "SELECT content.sha256 FROM binary_package_release AS release
         JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
         JOIN library_file_content AS content ON content.id = alias.content WHERE release.id = ?1",
    )
    .and_then(|mut statement| statement.query_row([release], |row| row.get(0)).optional())
    .during("find the file of a package")
}
