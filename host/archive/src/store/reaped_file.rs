//! `reaped_file`: names on their way out of a pool, written down before the disk is touched.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::death_row::File;
use super::sql::{Date, size};
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::name::{ComponentName, FileName, SourceName};
use crate::domain::{ArchiveId, ComponentId, ReapedFileId, RunId};

/// A name that is to be taken out of a pool.
#[derive(Debug, Clone)]
pub struct NewReaped<'a> {
    /// Of which archive.
    pub archive: ArchiveId,
    /// Under which component.
    pub component: ComponentId,
    /// In whose folder.
    pub source: &'a SourceName,
    /// The file.
    pub file: &'a File,
    /// By which run.
    pub run: Option<RunId>,
}

/// Takes a name out of `pool_file`, and writes into the journal that the disk has it still. Of a name that was not recorded, because the pass that may
/// have made it did not come to its end, it says so, unless it is in the journal already. Whether anything was written.
///
/// # Errors
/// When the database fails.
pub fn begin_reaping(tx: &Transaction<'_>, new: &NewReaped<'_>, now: Timestamp) -> Result<bool, StoreError> {
    const WHAT: &str = "record a name that leaves the pool";
    let was_recorded = tx
        .prepare_cached(
            "DELETE FROM pool_file WHERE archive = ?1 AND source_package_name = ?2 AND filename = ?3 AND component = ?4 AND content = ?5",
        )
        .and_then(|mut statement| {
            statement.execute((new.archive, new.source, &new.file.filename, new.component, new.file.content))
        })
        .during(WHAT)?
        > 0;
    let added = tx
        .prepare_cached(
            "INSERT INTO reaped_file (archive, component, source_package_name, filename, sha256, file_size, was_recorded, script_activity,
             date_created) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9
             WHERE NOT EXISTS (SELECT 1 FROM reaped_file WHERE archive = ?1 AND source_package_name = ?3 AND filename = ?4
               AND component = ?2 AND date_done IS NULL)",
        )
        .and_then(|mut statement| {
            statement.execute((
                new.archive,
                new.component,
                new.source,
                &new.file.filename,
                new.file.sha256,
                size(new.file.size_bytes),
                was_recorded,
                new.run,
                Date(now),
            ))
        })
        .during(WHAT)?;
    Ok(added > 0)
}

/// Records that a name that was a link has become the file.
///
/// # Errors
/// When the database fails.
pub fn become_file(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    source: &SourceName,
    filename: &FileName,
    component: ComponentId,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE pool_file SET is_symlink = component <> ?4
         WHERE archive = ?1 AND source_package_name = ?2 AND filename = ?3 AND is_symlink <> (component <> ?4)",
    )
    .and_then(|mut statement| statement.execute((archive, source, filename, component)))
    .map(drop)
    .during("record which name has the file")
}

/// A name that has left `pool_file`, and may be on disk still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    /// Its row.
    pub id: ReapedFileId,
    /// Under which component.
    pub component: ComponentName,
    /// That component's row.
    pub component_id: ComponentId,
    /// In whose folder.
    pub source: SourceName,
    /// The name.
    pub filename: FileName,
    /// What it stood for.
    pub sha256: Sha256,
    /// How long that is.
    pub size_bytes: u64,
    /// It was recorded; otherwise it may be somebody else's.
    pub was_recorded: bool,
}

/// The names of an archive that may be on disk still, those of a file together.
///
/// # Errors
/// When the database fails.
pub fn undone(db: &Connection, archive: ArchiveId) -> Result<Vec<Undone>, StoreError> {
    db.prepare_cached(
        "SELECT reaped.id, component.name, component.id, reaped.source_package_name, reaped.filename, reaped.sha256, reaped.file_size,
                reaped.was_recorded
         FROM reaped_file AS reaped INDEXED BY reaped_file_to_do JOIN component ON component.id = reaped.component
         WHERE reaped.archive = ?1 AND reaped.date_done IS NULL
         ORDER BY reaped.source_package_name, reaped.filename, reaped.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([archive], |row| {
                Ok(Undone {
                    id: row.get(0)?,
                    component: row.get(1)?,
                    component_id: row.get(2)?,
                    source: row.get(3)?,
                    filename: row.get(4)?,
                    sha256: row.get(5)?,
                    size_bytes: row.get(6)?,
                    was_recorded: row.get(7)?,
                })
            })?
            .collect()
    })
    .during("list what is to be taken out of the pool")
}

/// Records that the disk has names no more, or that they are wanted again.
///
/// # Errors
/// When the database fails.
pub fn mark_done(tx: &Transaction<'_>, ids: &[ReapedFileId], now: Timestamp) -> Result<(), StoreError> {
    for id in ids {
        tx.prepare_cached("UPDATE reaped_file SET date_done = ?2 WHERE id = ?1")
            .and_then(|mut statement| statement.execute((id, Date(now))))
            .during("record that a file has left the pool")?;
    }
    Ok(())
}
