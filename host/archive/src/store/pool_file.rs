//! `pool_file`: the names in the pool and what they stand for.

use jiff::Timestamp;
use rusqlite::Transaction;

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::name::{FileName, SourceName};
use crate::domain::{ArchiveId, ComponentId, ContentId};

/// A name in the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolFile {
    /// Under which component.
    pub component: ComponentId,
    /// What it stands for.
    pub sha256: Sha256,
    /// A link to the same name in another component.
    pub is_symlink: bool,
}

/// A name to be recorded.
#[derive(Debug, Clone)]
pub struct NewPoolFile<'a> {
    /// The archive.
    pub archive: ArchiveId,
    /// The component.
    pub component: ComponentId,
    /// The source.
    pub source: &'a SourceName,
    /// The name.
    pub filename: &'a FileName,
    /// What it stands for.
    pub content: ContentId,
    /// A link to the same name in another component.
    pub is_symlink: bool,
}

/// Records a name, or that it has become a link or a file.
///
/// # Errors
/// When the database fails.
pub fn record_pool_file(
    tx: &Transaction<'_>,
    new: &NewPoolFile<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO pool_file (archive, component, source_package_name, filename, content, is_symlink, date_created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (archive, source_package_name, filename, component) DO UPDATE SET is_symlink = excluded.is_symlink",
    )
    .and_then(|mut statement| {
        statement.execute((
            new.archive,
            new.component,
            new.source,
            new.filename,
            new.content,
            new.is_symlink,
            Date(now),
        ))
    })
    .map(|_| ())
    .during("record a pool file")
}
