//! What is published or waits in a suite, as those who file or copy it ask.

use rusqlite::Connection;

use super::{During, StoreError};
use crate::domain::name::{ComponentName, FileName, PackagePriority, Section, SourceName};
use crate::domain::{
    ArchSeriesId, ArchitectureTag, BinaryReleaseId, ComponentId, DebVersion, Sha256, SourceReleaseId, SuiteId,
};

/// A source that is live in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveSource {
    /// What.
    pub release: SourceReleaseId,
    /// Its version.
    pub version: DebVersion,
    /// Its component.
    pub component: ComponentId,
    /// The component's name.
    pub component_name: ComponentName,
    /// Its section.
    pub section: Option<Section>,
}

/// The live publications of a source in a suite, the newest first.
///
/// # Errors
/// When the database fails.
pub fn live_sources(db: &Connection, suite: SuiteId, name: &str) -> Result<Vec<LiveSource>, StoreError> {
    db.prepare_cached(
        "SELECT release.id, release.version, component.id, component.name, publication.section
         FROM source_package_publishing_history AS publication
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         JOIN component ON component.id = publication.component
         WHERE publication.suite = ?1 AND publication.source_package_name = ?2
           AND publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL
         ORDER BY publication.date_created DESC, publication.id DESC",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, name), |row| {
                Ok(LiveSource {
                    release: row.get(0)?,
                    version: row.get(1)?,
                    component: row.get(2)?,
                    component_name: row.get(3)?,
                    section: row.get(4)?,
                })
            })?
            .collect()
    })
    .during("find a source that is published")
}

/// A binary package that is live in a suite, for one architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FiledLive {
    /// What.
    pub release: BinaryReleaseId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// In whose index.
    pub architecture: ArchSeriesId,
    /// That one's name.
    pub tag: ArchitectureTag,
    /// Its component.
    pub component: ComponentId,
    /// The component's name.
    pub component_name: ComponentName,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority.
    pub priority: Option<PackagePriority>,
    /// To how many in a hundred it is given, if not to all.
    pub phased_update_percentage: Option<u8>,
}

/// By which name binary packages are meant.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// Their own.
    Binary(&'a str),
    /// That of the source that they were built from.
    Source(&'a str),
}

/// The live publications of binary packages in a suite, by name and architecture, the newest first.
///
/// # Errors
/// When the database fails.
pub fn live_binaries(
    db: &Connection,
    suite: SuiteId,
    named: Named<'_>,
) -> Result<Vec<FiledLive>, StoreError> {
    let (condition, name) = match named {
        Named::Binary(name) => ("release.binary_package_name = ?2", name),
        Named::Source(name) => ("release.source_package_name = ?2", name),
    };
    db.prepare_cached(&format!(
        "SELECT release.id, release.binary_package_name, release.version, architecture.id, architecture.architecture_tag,
         component.id, component.name, publication.section, publication.priority, publication.phased_update_percentage
         FROM binary_package_release AS release
         JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
           ON publication.binary_package_release = release.id
         JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series
         JOIN component ON component.id = publication.component
         WHERE publication.suite = ?1 AND {condition}
           AND publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL
         ORDER BY release.binary_package_name, architecture.architecture_tag, publication.date_created DESC, publication.id DESC"
    ))
    .and_then(|mut statement| {
        statement
            .query_map((suite, name), |row| {
                Ok(FiledLive {
                    release: row.get(0)?,
                    name: row.get(1)?,
                    version: row.get(2)?,
                    architecture: row.get(3)?,
                    tag: row.get(4)?,
                    component: row.get(5)?,
                    component_name: row.get(6)?,
                    section: row.get(7)?,
                    priority: row.get(8)?,
                    phased_update_percentage: row.get(9)?,
                })
            })?
            .collect()
    })
    .during("find binary packages that are published")
}

/// A live publication of a binary package of a source in a suite, in the index of one architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopiedLive {
    /// What.
    pub release: BinaryReleaseId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// The version of its source.
    pub source_version: DebVersion,
    /// What it is for.
    pub architecture: ArchitectureTag,
    /// In whose index it is.
    pub in_index_of: ArchitectureTag,
    /// Its component.
    pub component: ComponentId,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority.
    pub priority: Option<PackagePriority>,
    /// Its name in the pool.
    pub filename: FileName,
    /// Its content; none: it is not kept any more.
    pub sha256: Option<Sha256>,
}

/// The live binary packages of a name of sources in a suite, by name, index and age, the newest publication first.
///
/// # Errors
/// When the database fails.
pub fn live_of_source(
    db: &Connection,
    suite: SuiteId,
    source: &SourceName,
) -> Result<Vec<CopiedLive>, StoreError> {
    db.prepare_cached(
        "SELECT release.id, release.binary_package_name, release.version, release.architecture_tag, architecture.architecture_tag,
         publication.component, publication.section, publication.priority, alias.filename, content.sha256, release.source_version
         FROM binary_package_release AS release
         JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
           ON publication.binary_package_release = release.id
         JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series AND architecture.enabled
         JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
         LEFT JOIN library_file_content AS content ON content.id = alias.content
         WHERE release.source_package_name = ?2 AND publication.suite = ?1 AND publication.status IN ('PENDING', 'PUBLISHED')
         AND publication.removed_by IS NULL
         ORDER BY release.binary_package_name, architecture.architecture_tag, publication.date_created DESC, publication.id DESC",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, source), |row| {
                Ok(CopiedLive {
                    release: row.get(0)?,
                    name: row.get(1)?,
                    version: row.get(2)?,
                    architecture: row.get(3)?,
                    in_index_of: row.get(4)?,
                    component: row.get(5)?,
                    section: row.get(6)?,
                    priority: row.get(7)?,
                    filename: row.get(8)?,
                    sha256: row.get(9)?,
                    source_version: row.get(10)?,
                })
            })?
            .collect()
    })
    .during("find the binary packages of a source")
}

/// The highest version of a live binary package of a name in the index of an architecture of a suite.
///
/// # Errors
/// When the database fails.
pub fn live_version(
    db: &Connection,
    suite: SuiteId,
    architecture: ArchSeriesId,
    name: &str,
) -> Result<Option<DebVersion>, StoreError> {
    let all: Vec<DebVersion> = db
        .prepare_cached(
            "SELECT release.version FROM binary_package_publishing_history AS publication INDEXED BY binary_publication_by_name
             JOIN binary_package_release AS release ON release.id = publication.binary_package_release
             WHERE publication.suite = ?1 AND publication.distro_arch_series = ?2 AND publication.binary_package_name = ?3
             AND publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL ORDER BY publication.id",
        )
        .and_then(|mut statement| {
            statement.query_map((suite, architecture, name), |row| row.get(0))?.collect()
        })
        .during("look for a binary package")?;
    Ok(all.into_iter().max_by(DebVersion::dpkg_cmp))
}

/// Whether a suite of an archive has anything that is live.
///
/// # Errors
/// When the database fails.
pub fn has_live(db: &Connection, suite: SuiteId) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM source_package_publishing_history INDEXED BY source_publication_by_status
                        WHERE suite = ?1 AND status IN ('PENDING', 'PUBLISHED'))
             OR EXISTS (SELECT 1 FROM binary_package_publishing_history INDEXED BY binary_publication_by_status
                        WHERE suite = ?1 AND status IN ('PENDING', 'PUBLISHED'))",
    )
    .and_then(|mut statement| statement.query_row([suite], |row| row.get(0)))
    .during("ask whether a suite has packages")
}
