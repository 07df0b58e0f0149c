//! `pool_file`: the names in the pool and what they stand for.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::name::{ComponentName, FileName, SourceName};
use crate::domain::{ArchiveId, ComponentId, ContentId};

/// A name in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolFile {
    /// Under which component.
    pub component: ComponentId,
    /// Its name.
    pub component_name: ComponentName,
    /// What it stands for.
    pub sha256: Sha256,
    /// A link to the same name in another component.
    pub is_symlink: bool,
}

/// The names that a file of a source has in the pool of an archive, by component.
///
/// # Errors
/// When the database fails.
pub fn pool_names(
    db: &Connection,
    archive: ArchiveId,
    source: &SourceName,
    filename: &FileName,
) -> Result<Vec<PoolFile>, StoreError> {
    db.prepare_cached(
        "SELECT pool_file.component, component.name, content.sha256, pool_file.is_symlink FROM pool_file
         JOIN component ON component.id = pool_file.component
         JOIN library_file_content AS content ON content.id = pool_file.content
         WHERE pool_file.archive = ?1 AND pool_file.source_package_name = ?2 AND pool_file.filename = ?3 ORDER BY component.name",
    )
    .and_then(|mut statement| {
        statement
            .query_map((archive, source, filename), |row| {
                Ok(PoolFile {
                    component: row.get(0)?,
                    component_name: row.get(1)?,
                    sha256: row.get(2)?,
                    is_symlink: row.get(3)?,
                })
            })?
            .collect()
    })
    .during("list the names of a pool file")
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
