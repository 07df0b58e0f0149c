//! What there was of a package before: where it is or was filed in a series, and in the series that its own is derived from.

use rusqlite::{Connection, OptionalExtension};

use super::{During, StoreError};
use crate::domain::{
    ArchSeriesId, ArchiveId, ComponentId, DebVersion, PackagePriority, Pocket, Section, SeriesId, SourceName,
    SourceReleaseId,
};

/// A publication that an upload comes after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ancestor {
    /// Its component.
    pub component: ComponentId,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority; of binaries alone.
    pub priority: Option<PackagePriority>,
    /// Its version.
    pub version: DebVersion,
    /// Whether it is, or waits to be, in the indexes, and nobody has asked for its removal.
    pub is_live: bool,
}

/// The newest publication of a source in any pocket of a series: a live one if there is one, else the last that was.
///
/// # Errors
/// When the database fails.
pub fn source_ancestor(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    name: &SourceName,
) -> Result<Option<Ancestor>, StoreError> {
    db.prepare_cached(
        "SELECT publication.component, publication.section, NULL, release.version,
         publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL AS live
         FROM suite JOIN source_package_publishing_history AS publication ON publication.suite = suite.id
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         WHERE suite.archive = ?1 AND suite.distro_series = ?2 AND publication.source_package_name = ?3
         ORDER BY live DESC, publication.date_created DESC, publication.id DESC LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row((archive, series, name), from_row).optional())
    .during("look for what there was of a source")
}

/// The newest publication of a binary package in any pocket of a series: a live one if there is one, for one of the architectures rather than for
/// another.
///
/// # Errors
/// When the database fails.
pub fn binary_ancestor(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    architectures: &[ArchSeriesId],
    name: &str,
) -> Result<Option<Ancestor>, StoreError> {
    let of_these = architectures.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    // numbers of our own rows; there are few different lists, so that the statements stay prepared
    db.prepare_cached(&format!(
        "SELECT publication.component, publication.section, publication.priority, release.version,
         publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL AS live
         FROM suite JOIN distro_arch_series AS architecture ON architecture.distro_series = suite.distro_series
         JOIN binary_package_publishing_history AS publication
           ON publication.suite = suite.id AND publication.distro_arch_series = architecture.id
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         WHERE suite.archive = ?1 AND suite.distro_series = ?2 AND publication.binary_package_name = ?3
         ORDER BY live DESC, architecture.id IN ({of_these}) DESC, publication.date_created DESC, publication.id DESC LIMIT 1"
    ))
    .and_then(|mut statement| statement.query_row((archive, series, name), from_row).optional())
    .during("look for what there was of a binary package")
}

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Ancestor> {
    Ok(Ancestor {
        component: row.get(0)?,
        section: row.get(1)?,
        priority: row.get(2)?,
        version: row.get(3)?,
        is_live: row.get(4)?,
    })
}

/// The pockets of a series in which a release of a source is, waits to be published, or was accepted.
///
/// # Errors
/// When the database fails.
pub fn pockets_of_release(
    db: &Connection,
    (archive, series): (ArchiveId, SeriesId),
    release: SourceReleaseId,
) -> Result<Vec<Pocket>, StoreError> {
    db.prepare_cached(
        "SELECT pocket FROM suite WHERE archive = ?1 AND distro_series = ?2 AND (
           EXISTS (SELECT 1 FROM source_package_publishing_history AS publication WHERE publication.source_package_release = ?3
                   AND publication.suite = suite.id AND publication.status IN ('PENDING', 'PUBLISHED'))
           OR EXISTS (SELECT 1 FROM package_upload_source AS source JOIN package_upload AS upload ON upload.id = source.package_upload
                      WHERE source.source_package_release = ?3 AND upload.suite = suite.id AND upload.status = 'ACCEPTED'))
         ORDER BY suite.id",
    )
    .and_then(|mut statement| statement.query_map((archive, series, release), |row| row.get(0))?.collect())
    .during("look for the pockets of a source")
}
