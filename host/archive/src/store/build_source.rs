//! What decides which builds there are: sources, architectures, scores.

use rusqlite::Connection;

use super::{During, StoreError};
use crate::domain::name::{ArchitectureTag, ComponentName, Section, SourceName};
use crate::domain::{
    ArchiveId, ArchivePurpose, BuildId, ComponentId, DebVersion, Pocket, SeriesId, SourceReleaseId, SuiteId,
};

/// What is known of a source that is to be built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildSource {
    /// Its row.
    pub id: SourceReleaseId,
    /// Its name.
    pub name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// `Architecture`, as in the .dsc.
    pub architecture: String,
    /// The stripped paragraph of the .dsc.
    pub dsc: String,
}

/// A source that is to be built.
///
/// # Errors
/// When the row is gone, or the database fails.
pub fn build_source(db: &Connection, id: SourceReleaseId) -> Result<BuildSource, StoreError> {
    db.prepare_cached(
        "SELECT id, source_package_name, version, architecture_hint_list, dsc FROM source_package_release WHERE id = ?1",
    )
    .and_then(|mut statement| statement.query_row([id], source_from_row))
    .during("find the source of a build")
}

/// The sources that are or wait to be published in a suite, by name and the order in which they came.
///
/// # Errors
/// When the database fails.
pub fn published_sources(db: &Connection, suite: SuiteId) -> Result<Vec<BuildSource>, StoreError> {
    db.prepare_cached(
        "SELECT DISTINCT release.id, release.source_package_name, release.version, release.architecture_hint_list, release.dsc
         FROM source_package_publishing_history AS publication
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         WHERE publication.suite = ?1 AND publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL
         ORDER BY release.source_package_name, release.id",
    )
    .and_then(|mut statement| statement.query_map([suite], source_from_row)?.collect())
    .during("list the sources of a suite")
}

fn source_from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<BuildSource> {
    Ok(BuildSource {
        id: row.get(0)?,
        name: row.get(1)?,
        version: row.get(2)?,
        architecture: row.get(3)?,
        dsc: row.get(4)?,
    })
}

/// The architectures that a source's binary packages in a series of an archive are for, as far as they are or wait to be published.
///
/// # Errors
/// When the database fails.
pub fn architectures_there(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    source: &BuildSource,
) -> Result<Vec<ArchitectureTag>, StoreError> {
    db.prepare_cached(
        "SELECT DISTINCT release.architecture_tag FROM binary_package_release AS release
         JOIN binary_package_publishing_history AS publication ON publication.binary_package_release = release.id
         JOIN suite ON suite.id = publication.suite
         WHERE release.source_package_name = ?1 AND release.source_version = ?2
         AND (release.source_package_release IS NULL OR release.source_package_release = ?3)
         AND suite.archive = ?4 AND suite.distro_series = ?5 AND publication.status IN ('PENDING', 'PUBLISHED')
         ORDER BY release.architecture_tag",
    )
    .and_then(|mut statement| {
        statement
            .query_map((&source.name, &source.version, source.id, archive, series), |row| row.get(0))?
            .collect()
    })
    .during("list what was built of a source")
}

/// Whether a source is or waits to be published in a series of an archive, and nobody has asked for its removal.
///
/// # Errors
/// When the database fails.
pub fn source_is_published(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    source: SourceReleaseId,
) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT EXISTS (
           SELECT 1 FROM source_package_publishing_history AS publication JOIN suite ON suite.id = publication.suite
           WHERE publication.source_package_release = ?3 AND publication.status IN ('PENDING', 'PUBLISHED')
           AND publication.removed_by IS NULL AND suite.archive = ?1 AND suite.distro_series = ?2)",
    )
    .and_then(|mut statement| statement.query_row((archive, series, source), |row| row.get(0)))
    .during("look for the publications of a build's source")
}

/// Whether a source is published so, or an upload with it is accepted there.
///
/// # Errors
/// When the database fails.
pub fn source_is_here(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    source: SourceReleaseId,
) -> Result<bool, StoreError> {
    if source_is_published(db, (archive, series), source)? {
        return Ok(true);
    }
    db.prepare_cached(
        "SELECT EXISTS (
           SELECT 1 FROM package_upload_source AS filed JOIN package_upload AS upload ON upload.id = filed.package_upload
           JOIN suite ON suite.id = upload.suite
           WHERE filed.source_package_release = ?3 AND upload.status = 'ACCEPTED'
           AND suite.archive = ?1 AND suite.distro_series = ?2)",
    )
    .and_then(|mut statement| statement.query_row((archive, series, source), |row| row.get(0)))
    .during("look for the source of a build")
}

/// What a build's score is made of, apart from its urgency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScoreFacts {
    /// Whether the archive is private.
    pub is_private: bool,
    /// What the archive is for.
    pub purpose: ArchivePurpose,
    /// What the archive's builds get beside.
    pub archive_bonus: i64,
    /// The pocket.
    pub pocket: Pocket,
    /// Where the source is filed, by its newest active publication in the archive's series; none: nowhere yet.
    pub component: Option<(ComponentId, ComponentName)>,
    /// As the component; or else as the source says of itself.
    pub section: Option<Section>,
    /// The highest bonus of the package sets that have the source.
    pub package_set_bonus: Option<i64>,
}

/// What the score of a source's builds in a suite is made of.
///
/// # Errors
/// When the database fails.
pub fn score_facts(
    db: &Connection,
    suite: SuiteId,
    source: SourceReleaseId,
) -> Result<ScoreFacts, StoreError> {
    db.prepare_cached(include_str!("score_facts.sql"))
        .and_then(|mut statement| {
            statement.query_row((suite, source), |row| {
                let (id, name): (Option<ComponentId>, Option<ComponentName>) = (row.get(7)?, row.get(4)?);
                Ok(ScoreFacts {
                    is_private: row.get(0)?,
                    purpose: row.get(1)?,
                    archive_bonus: row.get(2)?,
                    pocket: row.get(3)?,
                    component: id.zip(name),
                    section: row.get(5)?,
                    package_set_bonus: row.get(6)?,
                })
            })
        })
        .during("look for what scores a build")
}

/// What holds of a build whose source has neither a place in the archive nor an upload that waits.
const IN_VAIN: &str = "build.status = 'NEEDSBUILD'
         AND NOT EXISTS (
           SELECT 1 FROM source_package_publishing_history AS publication JOIN suite ON suite.id = publication.suite
           WHERE publication.source_package_release = build.source_package_release
           AND publication.status IN ('PENDING', 'PUBLISHED') AND suite.archive = build.archive)
         AND NOT EXISTS (
           SELECT 1 FROM package_upload_source AS filed JOIN package_upload AS upload ON upload.id = filed.package_upload
           WHERE filed.source_package_release = build.source_package_release AND upload.archive = build.archive
           AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED'))";

/// The builds that wait although their source has given way, or has gone: it is in no publication of the archive that stands, and in no upload on its way.
///
/// # Errors
/// When the database fails.
pub fn waiting_in_vain(db: &Connection) -> Result<Vec<BuildId>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT build.id FROM binary_package_build AS build WHERE {IN_VAIN} ORDER BY build.id"
    ))
    .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
    .during("list the builds whose source has gone")
}

/// Whether a build waits although its source has gone.
///
/// # Errors
/// When the database fails.
pub fn waits_in_vain(db: &Connection, id: BuildId) -> Result<bool, StoreError> {
    db.prepare_cached(&format!(
        "SELECT EXISTS (SELECT 1 FROM binary_package_build AS build WHERE build.id = ?1 AND {IN_VAIN})"
    ))
    .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
    .during("ask whether the source of a build has gone")
}
