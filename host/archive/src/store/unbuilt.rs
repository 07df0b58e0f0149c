//! What is published in a suite, as a report about binaries that no source builds any more wants it.

use rusqlite::Connection;

use super::contest::SourceVersion;
use super::{During, StoreError};
use crate::domain::SuiteId;
use crate::domain::name::ArchitectureTag;

/// A published binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedBinary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// In whose index.
    pub architecture: ArchitectureTag,
    /// Whether it is one for all architectures.
    pub is_for_all: bool,
    /// What it was built from.
    pub source: SourceVersion,
}

/// A published source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedSource {
    /// What it is.
    pub source: SourceVersion,
    /// Its `Architecture` field.
    pub architectures: String,
}

/// The binaries that are published in a suite and that nobody wants removed, but for debug symbols, by name, version and architecture.
///
/// # Errors
/// When the database fails.
pub fn published_binaries(db: &Connection, suite: SuiteId) -> Result<Vec<PublishedBinary>, StoreError> {
    db.prepare_cached(
        "SELECT publication.binary_package_name, release.version, architecture.architecture_tag, release.architecture_tag = 'all',
         release.source_package_name, release.source_version
         FROM binary_package_publishing_history AS publication
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series
         WHERE publication.suite = ?1 AND publication.status = 'PUBLISHED' AND publication.removed_by IS NULL
         AND release.bin_package_format <> 'DDEB'
         ORDER BY publication.binary_package_name, release.version, architecture.architecture_tag, publication.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([suite], |row| {
                Ok(PublishedBinary {
                    name: row.get(0)?,
                    version: row.get(1)?,
                    architecture: row.get(2)?,
                    is_for_all: row.get(3)?,
                    source: SourceVersion { name: row.get(4)?, version: row.get(5)? },
                })
            })?
            .collect()
    })
    .during("list the binaries of a suite")
}

/// The sources that are published in a suite and that nobody wants removed, by name.
///
/// # Errors
/// When the database fails.
pub fn published_sources(db: &Connection, suite: SuiteId) -> Result<Vec<PublishedSource>, StoreError> {
    db.prepare_cached(
        "SELECT release.source_package_name, release.version, release.architecture_hint_list
         FROM source_package_publishing_history AS publication
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         WHERE publication.suite = ?1 AND publication.status = 'PUBLISHED' AND publication.removed_by IS NULL
         ORDER BY release.source_package_name, publication.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([suite], |row| {
                Ok(PublishedSource {
                    source: SourceVersion { name: row.get(0)?, version: row.get(1)? },
                    architectures: row.get(2)?,
                })
            })?
            .collect()
    })
    .during("list the sources of a suite")
}
