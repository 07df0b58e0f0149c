//! What a distribution and an archive want of uploads, and what is on its way through the queue: small questions over several tables.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};

use super::{During, StoreError};
use crate::domain::{ArchiveId, DebVersion, SeriesId, Sha256, SourceName, UploadId, UploadStatus};

/// How many bytes an archive has: its pool, and what waits in its queue and is not in the pool. Looks at every file of the archive.
///
/// # Errors
/// When the database fails.
pub fn size_bytes(db: &Connection, archive: ArchiveId) -> Result<u64, StoreError> {
    let sql = concat!("SELECT coalesce(sum(file_size), 0) FROM (", include_str!("archive_contents.sql"), ")");
    db.prepare_cached(sql)
        .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
        .during("ask how large an archive is")
}

/// The content of all files that `size_bytes` counts, each with its size.
///
/// # Errors
/// When the database fails.
pub fn contents(db: &Connection, archive: ArchiveId) -> Result<BTreeMap<Sha256, u64>, StoreError> {
    db.prepare_cached(include_str!("archive_contents.sql"))
        .and_then(|mut statement| {
            statement.query_map([archive], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during("list what an archive has")
}

/// Whether an archive's pool has a content.
///
/// # Errors
/// When the database fails.
pub fn is_in_pool(db: &Connection, archive: ArchiveId, sha256: &Sha256) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM library_file_content AS content JOIN pool_file ON pool_file.content = content.id
         WHERE content.sha256 = ?2 AND pool_file.archive = ?1)",
    )
    .and_then(|mut statement| statement.query_row((archive, sha256), |row| row.get(0)))
    .during("look for a file in the pool")
}

/// An upload of a version of a source that waits in a series of an archive, the first of them.
///
/// # Errors
/// When the database fails.
pub fn waiting_upload(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    name: &SourceName,
    version: &DebVersion,
) -> Result<Option<(UploadId, UploadStatus)>, StoreError> {
    db.prepare_cached(
        "SELECT upload.id, upload.status FROM package_upload AS upload JOIN suite ON suite.id = upload.suite
         JOIN package_upload_source AS source ON source.package_upload = upload.id
         WHERE upload.source_package_name = ?3 AND upload.version = ?4 AND upload.archive = ?1 AND suite.distro_series = ?2
           AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED') ORDER BY upload.id LIMIT 1",
    )
    .and_then(|mut statement| {
        statement.query_row((archive, series, name, version), |row| Ok((row.get(0)?, row.get(1)?))).optional()
    })
    .during("look for an upload that waits")
}
