//! `package_copy`, and what has to be known of packages to copy them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{ComponentName, FileName, PackagePriority, Section, SourceName};
use crate::domain::{
    ArchSeriesId, ArchitectureTag, ArchiveId, BinaryReleaseId, ComponentId, DebVersion, SeriesId, Sha256,
    SourceReleaseId, SuiteId, SuiteName, UploadId,
};

/// A source that is or was published in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedSource {
    /// What.
    pub release: SourceReleaseId,
    /// Its version.
    pub version: DebVersion,
    /// `Format` of its .dsc.
    pub format: String,
    /// Its component.
    pub component: ComponentId,
    /// The component's name.
    pub component_name: ComponentName,
    /// Its section.
    pub section: Option<Section>,
    /// Whether it is, or waits to be, in the index, and nobody has asked for its removal.
    pub is_live: bool,
}

/// The publications of a source in a suite: live ones first, then the newest first.
///
/// # Errors
/// When the database fails.
pub fn sources_in(
    db: &Connection,
    suite: SuiteId,
    name: &SourceName,
) -> Result<Vec<CopiedSource>, StoreError> {
    db.prepare_cached(
        "SELECT release.id, release.version, release.dsc_format, component.id, component.name, publication.section,
         publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL AS live
         FROM source_package_publishing_history AS publication
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         JOIN component ON component.id = publication.component
         WHERE publication.suite = ?1 AND publication.source_package_name = ?2
         ORDER BY live DESC, publication.date_created DESC, publication.id DESC",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, name), |row| {
                Ok(CopiedSource {
                    release: row.get(0)?,
                    version: row.get(1)?,
                    format: row.get(2)?,
                    component: row.get(3)?,
                    component_name: row.get(4)?,
                    section: row.get(5)?,
                    is_live: row.get(6)?,
                })
            })?
            .collect()
    })
    .during("find a source to copy")
}

/// A binary package that was built from a source, as it is or was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedBinary {
    /// What.
    pub release: BinaryReleaseId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// What it is for.
    pub architecture: ArchitectureTag,
    /// Its component.
    pub component: ComponentId,
    /// The component's name.
    pub component_name: ComponentName,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority.
    pub priority: Option<PackagePriority>,
    /// Its name in the pool.
    pub filename: FileName,
    /// Its content; of one that has expired, a digest that no file has.
    pub sha256: Sha256,
    /// Its size; of one that has expired, nothing.
    pub size_bytes: u64,
    /// Whether it is live, for some architecture.
    pub is_live: bool,
    /// Where it is or was.
    pub suite: SuiteName,
}

/// In which suites binary packages are looked for.
#[derive(Debug, Clone, Copy)]
pub enum Within {
    /// In one.
    Suite(SuiteId),
    /// In all of an archive.
    Archive(ArchiveId),
}

/// The binary packages of a version of a source, each once for each suite, by name and architecture.
///
/// # Errors
/// When the database fails.
pub fn binaries_of(
    db: &Connection,
    within: Within,
    name: &SourceName,
    (release, version): (SourceReleaseId, &DebVersion),
) -> Result<Vec<CopiedBinary>, StoreError> {
    let (condition, id) = match within {
        Within::Suite(id) => ("publication.suite = ?4", id.0),
        Within::Archive(id) => ("suite.archive = ?4", id.0),
    };
    let mut binaries: Vec<CopiedBinary> = db
        .prepare_cached(&format!(
            "SELECT release.id, release.binary_package_name, release.version, release.architecture_tag, component.id, component.name,
             publication.section, publication.priority, alias.filename, coalesce(content.sha256, zeroblob(32)),
             publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL AS live, series.name, suite.pocket,
             coalesce(content.file_size, 0)
             FROM binary_package_release AS release
             JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
               ON publication.binary_package_release = release.id
             JOIN suite ON suite.id = publication.suite
             JOIN distro_series AS series ON series.id = suite.distro_series
             JOIN component ON component.id = publication.component
             JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
             LEFT JOIN library_file_content AS content ON content.id = alias.content
             WHERE release.source_package_name = ?1 AND release.source_version = ?2
               AND (release.source_package_release IS NULL OR release.source_package_release = ?3) AND {condition}
             ORDER BY release.binary_package_name, release.architecture_tag, release.id, suite.id, live DESC, publication.id DESC"
        ))
        .and_then(|mut statement| {
            statement
                .query_map((name, version, release, id), |row| {
                    Ok(CopiedBinary {
                        release: row.get(0)?,
                        name: row.get(1)?,
                        version: row.get(2)?,
                        architecture: row.get(3)?,
                        component: row.get(4)?,
                        component_name: row.get(5)?,
                        section: row.get(6)?,
                        priority: row.get(7)?,
                        filename: row.get(8)?,
                        sha256: row.get(9)?,
                        is_live: row.get(10)?,
                        suite: SuiteName::new(row.get(11)?, row.get(12)?),
                        size_bytes: row.get(13)?,
                    })
                })?
                .collect()
        })
        .during("find the binary packages of a source")?;
    // the first of each is the live one, if one is
    binaries.dedup_by(|next, first| next.release == first.release && next.suite == first.suite);
    Ok(binaries)
}

/// Where a package is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledIn {
    /// Its component.
    pub component: ComponentId,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority.
    pub priority: Option<PackagePriority>,
}

/// Where the live binary package of a name is filed in a suite, for one of these architectures.
///
/// # Errors
/// When the database fails.
pub fn binary_filed_in(
    db: &Connection,
    suite: SuiteId,
    name: &str,
    architectures: &[ArchSeriesId],
) -> Result<Option<FiledIn>, StoreError> {
    for architecture in architectures {
        let found = db
            .prepare_cached(
                "SELECT component, section, priority FROM binary_package_publishing_history
                 WHERE suite = ?1 AND distro_arch_series = ?2 AND binary_package_name = ?3
                 AND status IN ('PENDING', 'PUBLISHED') AND removed_by IS NULL ORDER BY date_created DESC, id DESC LIMIT 1",
            )
            .and_then(|mut statement| {
                statement
                    .query_row((suite, architecture, name), |row| {
                        Ok(FiledIn { component: row.get(0)?, section: row.get(1)?, priority: row.get(2)? })
                    })
                    .optional()
            })
            .during("find where a binary package is filed")?;
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The upload with which a source waits for a suite, if one does.
///
/// # Errors
/// When the database fails.
pub fn waiting_upload(
    db: &Connection,
    suite: SuiteId,
    release: SourceReleaseId,
) -> Result<Option<UploadId>, StoreError> {
    db.prepare_cached(
        "SELECT upload.id FROM package_upload_source AS filed JOIN package_upload AS upload ON upload.id = filed.package_upload
         WHERE filed.source_package_release = ?2 AND upload.suite = ?1 AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
         ORDER BY upload.id LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row((suite, release), |row| row.get(0)).optional())
    .map(|id| id.map(UploadId))
    .during("look for a source in the queue")
}

/// The binary packages of a version of a source that wait in the queue of a suite, as `hello (amd64)`, each with its upload.
///
/// # Errors
/// When the database fails.
pub fn binaries_in_queue(
    db: &Connection,
    suite: SuiteId,
    name: &SourceName,
    (release, version): (SourceReleaseId, &DebVersion),
) -> Result<Vec<(String, i64)>, StoreError> {
    db.prepare_cached(
        "SELECT release.binary_package_name || ' (' || release.architecture_tag || ')', upload.id
         FROM binary_package_release AS release
         JOIN package_upload_binary AS filed ON filed.binary_package_release = release.id
         JOIN package_upload AS upload ON upload.id = filed.package_upload
         WHERE release.source_package_name = ?1 AND release.source_version = ?2
           AND (release.source_package_release IS NULL OR release.source_package_release = ?3)
           AND upload.suite = ?4 AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
         ORDER BY release.binary_package_name, release.architecture_tag, upload.id",
    )
    .and_then(|mut statement| {
        statement.query_map((name, version, release, suite), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("look for binary packages in the queue")
}

/// A copy that is made.
#[derive(Debug, Clone, Copy)]
pub struct NewCopy<'a> {
    /// From where.
    pub from_suite: SuiteId,
    /// To where.
    pub to_suite: SuiteId,
    /// What.
    pub release: SourceReleaseId,
    /// Whether with its binary packages.
    pub with_binaries: bool,
    /// Who wants it.
    pub requester: &'a str,
    /// Why.
    pub reason: &'a str,
    /// With which upload it waits; none: it was published at once.
    pub upload: Option<UploadId>,
}

/// Records a copy.
///
/// # Errors
/// When the database fails.
pub fn add_copy(tx: &Transaction<'_>, new: &NewCopy<'_>, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO package_copy (from_suite, to_suite, source_package_release, with_binaries, requester, reason, package_upload, date_created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut statement| {
        statement.execute((
            new.from_suite,
            new.to_suite,
            new.release,
            new.with_binaries,
            new.requester,
            new.reason,
            new.upload,
            Date(now),
        ))
    })
    .map(|_| ())
    .during("record a copy")
}

/// A copy that was made.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MadeCopy {
    /// When.
    pub date: Timestamp,
    /// The source.
    pub package: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// From which suite.
    pub from: SuiteName,
    /// To which.
    pub to: SuiteName,
    /// Whether with its binary packages.
    pub with_binaries: bool,
    /// Who wanted it.
    pub requester: String,
    /// Why.
    pub reason: String,
    /// With which upload it waited, if it did.
    pub upload: Option<i64>,
}

/// The last copies into a suite, the newest first.
///
/// # Errors
/// When the database fails.
pub fn last_copies(db: &Connection, to: SuiteId, limit: u32) -> Result<Vec<MadeCopy>, StoreError> {
    db.prepare_cached(
        "SELECT copy.date_created, release.source_package_name, release.version, from_series.name, from_suite.pocket, to_series.name,
         to_suite.pocket, with_binaries, requester, reason, package_upload
         FROM package_copy AS copy JOIN source_package_release AS release ON release.id = copy.source_package_release
         JOIN suite AS from_suite ON from_suite.id = copy.from_suite
         JOIN distro_series AS from_series ON from_series.id = from_suite.distro_series
         JOIN suite AS to_suite ON to_suite.id = copy.to_suite
         JOIN distro_series AS to_series ON to_series.id = to_suite.distro_series
         WHERE copy.to_suite = ?1 ORDER BY copy.id DESC LIMIT ?2",
    )
    .and_then(|mut statement| {
        statement
            .query_map((to, limit), |row| {
                Ok(MadeCopy {
                    date: row.get::<_, Date>(0)?.0,
                    package: row.get(1)?,
                    version: row.get(2)?,
                    from: SuiteName::new(row.get(3)?, row.get(4)?),
                    to: SuiteName::new(row.get(5)?, row.get(6)?),
                    with_binaries: row.get(7)?,
                    requester: row.get(8)?,
                    reason: row.get(9)?,
                    upload: row.get(10)?,
                })
            })?
            .collect()
    })
    .during("list copies")
}

/// The uploads in which sources of a name came into a series of an archive and were taken, with the versions and the `.changes` that are still kept, in
/// order.
///
/// # Errors
/// When the database fails.
pub fn uploads_with_changes(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    name: &SourceName,
) -> Result<Vec<(UploadId, DebVersion, Sha256)>, StoreError> {
    db.prepare_cached(
        "SELECT upload.id, upload.version, content.sha256 FROM package_upload AS upload
         JOIN package_upload_source AS source ON source.package_upload = upload.id
         JOIN suite ON suite.id = upload.suite AND suite.distro_series = ?3
         JOIN library_file_alias AS alias ON alias.id = upload.changes_file
         JOIN library_file_content AS content ON content.id = alias.content
         WHERE upload.source_package_name = ?2 AND upload.archive = ?1 AND upload.status IN ('ACCEPTED', 'DONE') ORDER BY upload.id",
    )
    .and_then(|mut statement| {
        statement.query_map((archive, name, series), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    })
    .during("list the uploads of a source")
}

/// From which series of which archives sources of a name were copied into a series of an archive, each with its version.
///
/// # Errors
/// When the database fails.
pub fn copied_into(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    name: &SourceName,
) -> Result<Vec<(ArchiveId, SeriesId, DebVersion)>, StoreError> {
    db.prepare_cached(
        "SELECT DISTINCT from_row.archive, from_row.distro_series, release.version
         FROM source_package_release AS release INDEXED BY source_package_release_by_name
         CROSS JOIN package_copy AS copy INDEXED BY package_copy_by_source ON copy.source_package_release = release.id
         JOIN suite AS to_row ON to_row.id = copy.to_suite AND to_row.archive = ?1 AND to_row.distro_series = ?2
         JOIN suite AS from_row ON from_row.id = copy.from_suite
         WHERE release.source_package_name = ?3
         ORDER BY from_row.archive, from_row.distro_series, release.version",
    )
    .and_then(|mut statement| {
        statement
            .query_map((archive, series, name), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect()
    })
    .during("find where a source was copied from")
}

/// The suite from which a copy has come that waits, or waited, as an upload.
///
/// # Errors
/// When the database fails.
pub fn copied_from(db: &Connection, upload: UploadId) -> Result<Option<SuiteId>, StoreError> {
    db.prepare_cached("SELECT from_suite FROM package_copy WHERE package_upload = ?1 ORDER BY id LIMIT 1")
        .and_then(|mut statement| statement.query_row([upload], |row| row.get(0)).optional())
        .during("find where a copy comes from")
}
