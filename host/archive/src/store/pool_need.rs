//! The files that publications need in the pool.

use rusqlite::Connection;

use super::pool_file::PoolFile;
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::name::{FileName, SourceName};
use crate::domain::{ComponentId, ContentId, PackageKind, PublicationId, PublicationStatus, SuiteId};

/// A file that a publication needs in the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeededFile {
    /// The publication.
    pub publication: PublicationId,
    /// Of which table.
    pub kind: PackageKind,
    /// In which component.
    pub component: ComponentId,
    /// Whose folder in the pool.
    pub source: SourceName,
    /// Its name in the pool.
    pub filename: FileName,
    /// Its content's row.
    pub content: ContentId,
    /// Its content.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// What its source has of this name in the pool.
    pub names: Vec<PoolFile>,
}

/// The files of what is pending in a suite, sources first, by publication.
///
/// # Errors
/// When the database fails.
pub fn pending_files(db: &Connection, suite: SuiteId) -> Result<Vec<NeededFile>, StoreError> {
    files_of(db, suite, PublicationStatus::Pending)
}

/// The files of what is published in a suite, sources first, by publication.
///
/// # Errors
/// When the database fails.
pub fn published_files(db: &Connection, suite: SuiteId) -> Result<Vec<NeededFile>, StoreError> {
    files_of(db, suite, PublicationStatus::Published)
}

fn files_of(
    db: &Connection,
    suite: SuiteId,
    status: PublicationStatus,
) -> Result<Vec<NeededFile>, StoreError> {
    const WHAT: &str = "list the files of publications";
    let mut files: Vec<NeededFile> = Vec::new();
    for (kind, sql) in [
        (PackageKind::Source, include_str!("pending_source_files.sql")),
        (PackageKind::Binary, include_str!("pending_binary_files.sql")),
    ] {
        let mut statement = db.prepare_cached(sql).during(WHAT)?;
        let mut rows = statement.query((suite, status)).during(WHAT)?;
        while let Some(row) = rows.next().during(WHAT)? {
            read_file(row, kind, &mut files).during(WHAT)?;
        }
    }
    Ok(files)
}

/// A file, or one more name of the last.
fn read_file(
    row: &rusqlite::Row<'_>,
    kind: PackageKind,
    files: &mut Vec<NeededFile>,
) -> rusqlite::Result<()> {
    let (publication, content): (PublicationId, ContentId) = (row.get(0)?, row.get(4)?);
    let name = match row.get(7)? {
        None => None,
        Some(component) => Some(PoolFile { component, sha256: row.get(8)?, is_symlink: row.get(9)? }),
    };
    let filename = row.get_ref(3)?.as_str()?;
    match files.last_mut() {
        Some(last)
            if (last.kind, last.publication) == (kind, publication) && last.filename.as_str() == filename =>
        {
            last.names.extend(name);
        }
        _ => files.push(NeededFile {
            publication,
            kind,
            component: row.get(1)?,
            source: row.get(2)?,
            filename: row.get(3)?,
            content,
            sha256: row.get(5)?,
            size_bytes: row.get(6)?,
            names: name.into_iter().collect(),
        }),
    }
    Ok(())
}
