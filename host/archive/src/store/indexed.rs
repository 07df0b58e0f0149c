//! What an index has, package by package, as a pass will leave it.

use rusqlite::Connection;

use super::{During, StoreError};
use crate::domain::digest::FileDigests;
use crate::domain::name::{ArchitectureTag, FileName, PackagePriority, Section, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{ArchSeriesId, BinaryFormat, ComponentId, PassId, SourceReleaseId, SuiteId};

/// Which packages an index has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKey {
    /// A Sources file.
    Sources {
        /// The suite.
        suite: SuiteId,
        /// The component.
        component: ComponentId,
    },
    /// A Packages file.
    Packages(BinaryIndex),
}

impl IndexKey {
    /// The suite that has it.
    #[must_use]
    pub const fn suite(&self) -> SuiteId {
        match self {
            Self::Sources { suite, .. } | Self::Packages(BinaryIndex { suite, .. }) => *suite,
        }
    }
}

/// A binary in an index.
#[derive(Debug)]
pub struct IndexedBinary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// `all`, or the index's own.
    pub architecture: ArchitectureTag,
    /// The source's name.
    pub source: SourceName,
    /// The source's version.
    pub source_version: DebVersion,
    /// As overridden.
    pub section: Option<Section>,
    /// As overridden.
    pub priority: Option<PackagePriority>,
    /// The package's own paragraph.
    pub control: String,
    /// Its file's name in the pool.
    pub filename: FileName,
    /// Its file.
    pub digests: FileDigests,
    /// How many in a hundred get it, if not all.
    pub phased_update_percentage: Option<u8>,
    /// Lines that the archive adds to its stanza.
    pub extra_fields: Option<String>,
}

/// Whose binaries are asked for: those of one Packages file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BinaryIndex {
    /// The suite.
    pub suite: SuiteId,
    /// The component.
    pub component: ComponentId,
    /// The architecture.
    pub architecture: ArchSeriesId,
    /// Ordinary packages, or one of the subcomponents.
    pub format: BinaryFormat,
}

/// Packages of names in a range of the alphabet, by bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    from: String,
    below: Option<String>,
}

impl Names {
    /// All names from one on, below another; no bound where there is none.
    #[must_use]
    pub fn between(from: Option<&str>, below: Option<&str>) -> Self {
        Self { from: from.unwrap_or_default().to_owned(), below: below.map(str::to_owned) }
    }

    /// All names.
    #[must_use]
    pub fn all() -> Self {
        Self::between(None, None)
    }

    /// One name.
    #[must_use]
    pub fn one(name: &str) -> Self {
        Self { from: name.to_owned(), below: Some(format!("{name}\0")) }
    }

    /// The first name that is meant.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// The first name that is not.
    pub(super) fn below(&self) -> &str {
        // no package's name has this character
        self.below.as_deref().unwrap_or("\u{10ffff}")
    }

    /// Whether a name is meant.
    #[must_use]
    pub fn contain(&self, name: &str) -> bool {
        name >= self.from.as_str() && self.below.as_deref().is_none_or(|below| name < below)
    }
}

/// Calls `each` with the binaries of an index as the pass will leave it (without a pass: as it is), by name. Versions of one name come in
/// the order of their text.
///
/// # Errors
/// When the database fails, or what `each` says.
pub fn for_each_binary<E: From<StoreError>>(
    db: &Connection,
    pass: Option<PassId>,
    index: &BinaryIndex,
    names: &Names,
    mut each: impl FnMut(IndexedBinary) -> Result<(), E>,
) -> Result<(), E> {
    const WHAT: &str = "list the binaries of an index";
    let mut statement = db.prepare_cached(include_str!("indexed_binaries.sql")).during(WHAT)?;
    let mut rows = statement
        .query((
            index.suite,
            index.component,
            index.architecture,
            index.format,
            pass,
            names.from(),
            names.below(),
        ))
        .during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let binary = || -> rusqlite::Result<IndexedBinary> {
            Ok(IndexedBinary {
                name: row.get(0)?,
                version: row.get(1)?,
                architecture: row.get(2)?,
                source: row.get(3)?,
                source_version: row.get(4)?,
                section: row.get(5)?,
                priority: row.get(6)?,
                control: row.get(7)?,
                filename: row.get(8)?,
                digests: FileDigests {
                    size_bytes: row.get(9)?,
                    md5: row.get(10)?,
                    sha1: row.get(11)?,
                    sha256: row.get(12)?,
                },
                phased_update_percentage: row.get(13)?,
                extra_fields: row.get(14)?,
            })
        };
        each(binary().during(WHAT)?)?;
    }
    Ok(())
}

/// A source in an index.
#[derive(Debug)]
pub struct IndexedSource {
    /// Its name.
    pub name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// As overridden.
    pub section: Option<Section>,
    /// What its own words give.
    pub priority: Option<PackagePriority>,
    /// The .dsc's paragraph.
    pub dsc: String,
    /// The .dsc's name in the pool.
    pub filename: FileName,
    /// The .dsc.
    pub digests: FileDigests,
    /// Its row.
    pub release: SourceReleaseId,
    /// Lines that the archive adds to its stanza.
    pub extra_fields: Option<String>,
}

/// As [`for_each_binary`], for sources.
///
/// # Errors
/// As there.
pub fn for_each_source<E: From<StoreError>>(
    db: &Connection,
    pass: Option<PassId>,
    suite: SuiteId,
    component: ComponentId,
    names: &Names,
    mut each: impl FnMut(IndexedSource) -> Result<(), E>,
) -> Result<(), E> {
    const WHAT: &str = "list the sources of an index";
    let mut statement = db.prepare_cached(include_str!("indexed_sources.sql")).during(WHAT)?;
    let mut rows = statement.query((suite, component, pass, names.from(), names.below())).during(WHAT)?;
    while let Some(row) = rows.next().during(WHAT)? {
        let source = || -> rusqlite::Result<IndexedSource> {
            Ok(IndexedSource {
                name: row.get(0)?,
                version: row.get(1)?,
                section: row.get(2)?,
                priority: row.get(3)?,
                dsc: row.get(4)?,
                filename: row.get(5)?,
                digests: FileDigests {
                    size_bytes: row.get(6)?,
                    md5: row.get(7)?,
                    sha1: row.get(8)?,
                    sha256: row.get(9)?,
                },
                release: row.get(10)?,
                extra_fields: row.get(11)?,
            })
        };
        each(source().during(WHAT)?)?;
    }
    Ok(())
}

/// The files of a source, the .dsc included, by name.
///
/// # Errors
/// When the database fails.
pub fn source_files(
    db: &Connection,
    release: SourceReleaseId,
) -> Result<Vec<(FileName, FileDigests)>, StoreError> {
    db.prepare_cached(
        "SELECT alias.filename, content.file_size, content.md5, content.sha1, content.sha256
         FROM source_package_release_file AS file JOIN library_file_alias AS alias ON alias.id = file.library_file
         JOIN library_file_content AS content ON content.id = alias.content
         WHERE file.source_package_release = ?1 ORDER BY alias.filename",
    )
    .and_then(|mut statement| {
        statement
            .query_map([release], |row| {
                let digests =
                    FileDigests { size_bytes: row.get(1)?, md5: row.get(2)?, sha1: row.get(3)?, sha256: row.get(4)? };
                Ok((row.get(0)?, digests))
            })?
            .collect()
    })
    .during("list the files of a source")
}

/// The formats that a component of a suite has binaries of, or will have by a pass.
///
/// # Errors
/// When the database fails.
pub fn formats_in(
    db: &Connection,
    pass: Option<PassId>,
    suite: SuiteId,
    component: ComponentId,
) -> Result<Vec<BinaryFormat>, StoreError> {
    db.prepare_cached(include_str!("formats_in.sql"))
        .and_then(|mut statement| statement.query_map((suite, component, pass), |row| row.get(0))?.collect())
        .during("list the package formats of a component")
}
