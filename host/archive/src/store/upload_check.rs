//! The questions that the checks of an upload ask of many tables.

use rusqlite::{Connection, OptionalExtension};

use super::{During, StoreError};
use crate::domain::digest::{FileDigests, Sha256};
use crate::domain::name::{FileName, Section, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{ArchSeriesId, ArchiveId, SeriesId, SuiteId, UploadId, UploadStatus};

/// The source formats that a series takes, as its row has them.
///
/// # Errors
/// When the database fails.
pub fn source_formats(db: &Connection, series: SeriesId) -> Result<Vec<String>, StoreError> {
    db.prepare_cached("SELECT source_formats FROM distro_series WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([series], |row| row.get::<_, String>(0)))
        .map(|formats| formats.split(',').map(|format| format.trim().to_owned()).collect())
        .during("find the source formats of a series")
}

/// The highest version of a source that is, or waits to be, published in a suite.
///
/// # Errors
/// When the database fails.
pub fn highest_source(
    db: &Connection,
    suite: SuiteId,
    name: &SourceName,
) -> Result<Option<DebVersion>, StoreError> {
    db.prepare_cached(
        "SELECT release.version FROM source_package_publishing_history AS publication
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         WHERE publication.suite = ?1 AND publication.source_package_name = ?2 AND publication.status IN ('PENDING', 'PUBLISHED')
         ORDER BY publication.id",
    )
    .and_then(|mut statement| {
        statement.query_map((suite, name), |row| row.get(0))?.collect::<rusqlite::Result<Vec<DebVersion>>>()
    })
    .map(|versions| versions.into_iter().max())
    .during("find what is published of a source")
}

/// The highest version of a binary package that is, or waits to be, published in a suite for an architecture.
///
/// # Errors
/// When the database fails.
pub fn highest_binary(
    db: &Connection,
    suite: SuiteId,
    architecture: ArchSeriesId,
    name: &str,
) -> Result<Option<DebVersion>, StoreError> {
    db.prepare_cached(
        "SELECT release.version FROM binary_package_publishing_history AS publication
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         WHERE publication.suite = ?1 AND publication.binary_package_name = ?3 AND publication.distro_arch_series = ?2
           AND publication.status IN ('PENDING', 'PUBLISHED')
         ORDER BY publication.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, architecture, name), |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<DebVersion>>>()
    })
    .map(|versions| versions.into_iter().max())
    .during("find what is published of a binary package")
}

/// A file of a source package that an archive has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPart {
    /// Its content.
    pub digests: FileDigests,
    /// The package that has it: `hello 2.10-3`.
    pub package: String,
}

/// The files of a name of the source packages of an archive: of those that are or were published and are not removed yet, and of those in its
/// queue. The newest first, each content once; what has expired is not among them.
///
/// # Errors
/// When the database fails.
pub fn source_parts(
    db: &Connection,
    archive: ArchiveId,
    filename: &FileName,
) -> Result<Vec<KnownPart>, StoreError> {
    db.prepare_cached(
        "SELECT content.file_size, content.md5, content.sha1, content.sha256,
                release.source_package_name || ' ' || release.version, max(release.id) AS newest
         FROM library_file_alias AS alias
         JOIN library_file_content AS content ON content.id = alias.content
         JOIN source_package_release_file AS file ON file.library_file = alias.id
         JOIN source_package_release AS release ON release.id = file.source_package_release
         WHERE alias.filename = ?2 AND (EXISTS (
             SELECT 1 FROM source_package_publishing_history AS publication JOIN suite ON suite.id = publication.suite
             WHERE publication.source_package_release = release.id AND suite.archive = ?1 AND publication.date_removed IS NULL)
           OR EXISTS (
             SELECT 1 FROM package_upload_source AS source JOIN package_upload AS upload ON upload.id = source.package_upload
             WHERE source.source_package_release = release.id AND upload.archive = ?1
               AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')))
         GROUP BY content.id ORDER BY newest DESC",
    )
    .and_then(|mut statement| {
        statement
            .query_map((archive, filename), |row| {
                let digests = FileDigests {
                    size_bytes: row.get(0)?,
                    md5: row.get(1)?,
                    sha1: row.get(2)?,
                    sha256: row.get(3)?,
                };
                Ok(KnownPart { digests, package: row.get(4)? })
            })?
            .collect()
    })
    .during("find the files of a source package")
}

/// An upload that has come in and is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub upload: UploadId,
    /// What it waits for.
    pub status: UploadStatus,
}

/// The oldest upload that has come in and is not done, with a source of this name and version.
///
/// # Errors
/// When the database fails.
pub fn waiting_source(
    db: &Connection,
    archive: ArchiveId,
    name: &SourceName,
    version: &DebVersion,
) -> Result<Option<Waiting>, StoreError> {
    db.prepare_cached(
        "SELECT upload.id, upload.status FROM package_upload AS upload
         JOIN package_upload_source AS source ON source.package_upload = upload.id
         WHERE upload.source_package_name = ?2 AND upload.version = ?3 AND upload.archive = ?1
           AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
         ORDER BY upload.status = 'ACCEPTED' DESC, upload.id LIMIT 1",
    )
    .and_then(|mut statement| {
        statement
            .query_row((archive, name, version), |row| {
                Ok(Waiting { upload: row.get(0)?, status: row.get(1)? })
            })
            .optional()
    })
    .during("find an upload that waits")
}

/// An upload that waits in an archive and has a file of this name with other content; of several the one that is nearest to being published.
///
/// # Errors
/// When the database fails.
pub fn waiting_holder(
    db: &Connection,
    archive: ArchiveId,
    filename: &FileName,
    offered: &Sha256,
) -> Result<Option<Waiting>, StoreError> {
    db.prepare_cached(
        "SELECT id, status FROM (SELECT upload.id, upload.status FROM library_file_alias AS alias
         JOIN library_file_content AS content ON content.id = alias.content
         JOIN source_package_release_file AS file ON file.library_file = alias.id
         JOIN package_upload_source AS source ON source.source_package_release = file.source_package_release
         JOIN package_upload AS upload ON upload.id = source.package_upload
         WHERE alias.filename = ?2 AND content.sha256 <> ?3 AND upload.archive = ?1 AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
         UNION ALL
         SELECT upload.id, upload.status FROM library_file_alias AS alias
         JOIN library_file_content AS content ON content.id = alias.content
         JOIN binary_package_release AS release ON release.binary_package_file = alias.id
         JOIN package_upload_binary AS binary ON binary.binary_package_release = release.id
         JOIN package_upload AS upload ON upload.id = binary.package_upload
         WHERE alias.filename = ?2 AND content.sha256 <> ?3 AND upload.archive = ?1 AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
         ) ORDER BY status = 'ACCEPTED' DESC, id LIMIT 1",
    )
    .and_then(|mut statement| {
        statement
            .query_row((archive, filename, offered), |row| {
                Ok(Waiting { upload: row.get(0)?, status: row.get(1)? })
            })
            .optional()
    })
    .during("find an upload that waits")
}

/// The upload that was accepted in an archive, is not done, and has a file of this name with other content.
///
/// # Errors
/// When the database fails.
pub fn accepted_holder(
    db: &Connection,
    archive: ArchiveId,
    filename: &FileName,
    offered: &Sha256,
) -> Result<Option<UploadId>, StoreError> {
    let waiting = waiting_holder(db, archive, filename, offered)?;
    Ok(waiting.filter(|waiting| waiting.status == UploadStatus::Accepted).map(|waiting| waiting.upload))
}

/// Whether somebody with a say in an archive has filed a package in a section.
///
/// # Errors
/// When the database fails.
pub fn section_is_used(db: &Connection, archive: ArchiveId, section: &Section) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM package_override WHERE archive = ?1
         AND (section = ?2 OR substr(section, instr(section, '/') + 1) = ?2))",
    )
    .and_then(|mut statement| statement.query_row((archive, section.without_component()), |row| row.get(0)))
    .during("look for a section")
}
