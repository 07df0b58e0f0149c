//! What an index has, a page at a time: as the pass will leave it, without the paragraphs, so that nobody needs to hold a whole index.

use rusqlite::Connection;

use super::indexed::{BinaryIndex, Names};
use super::{During, StoreError};
use crate::domain::name::{ArchitectureTag, PackagePriority, Section, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{BinaryReleaseId, ComponentId, PassId, PublicationId, SuiteId};

/// Where a page has ended. The next one begins behind it, whatever has changed meanwhile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    name: String,
    version: String,
    architecture: String,
    publication: PublicationId,
}

impl Place {
    /// Before everything of a name.
    fn before(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            version: String::new(),
            architecture: String::new(),
            publication: PublicationId(0),
        }
    }

    /// Where to begin among these names, after a page that has ended here.
    fn first(names: &Names, after: Option<&Self>) -> Self {
        match after {
            Some(place) if place.name.as_str() >= names.from() => place.clone(),
            _ => Self::before(names.from()),
        }
    }

    /// The name of the last package.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A binary of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedBinary {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// `all`, or the index's own.
    pub architecture: ArchitectureTag,
    /// As overridden.
    pub section: Option<Section>,
    /// As overridden.
    pub priority: Option<PackagePriority>,
    /// The source's name.
    pub source: SourceName,
    /// The source's version.
    pub source_version: DebVersion,
    /// What was uploaded.
    pub release: BinaryReleaseId,
    publication: PublicationId,
}

impl ListedBinary {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            name: self.name.clone(),
            version: self.version.to_string(),
            architecture: self.architecture.to_string(),
            publication: self.publication,
        }
    }
}

/// So many binaries of an index as the pass will leave it (without a pass: as it is), those behind a place, in the order of
/// [`for_each_binary`](super::indexed::for_each_binary).
///
/// # Errors
/// When the database fails.
pub fn binaries_after(
    db: &Connection,
    pass: Option<PassId>,
    index: &BinaryIndex,
    names: &Names,
    after: Option<&Place>,
    most: usize,
) -> Result<Vec<ListedBinary>, StoreError> {
    let first = Place::first(names, after);
    db.prepare_cached(include_str!("binaries_after.sql"))
        .and_then(|mut statement| {
            let parameters = rusqlite::params![
                index.suite,
                index.component,
                index.architecture,
                index.format,
                pass,
                first.name,
                names.below(),
                first.version,
                first.architecture,
                first.publication,
                most,
            ];
            statement
                .query_map(parameters, |row| {
                    Ok(ListedBinary {
                        name: row.get(0)?,
                        version: row.get(1)?,
                        architecture: row.get(2)?,
                        publication: row.get(3)?,
                        release: row.get(4)?,
                        section: row.get(5)?,
                        priority: row.get(6)?,
                        source: row.get(7)?,
                        source_version: row.get(8)?,
                    })
                })?
                .collect()
        })
        .during("list a page of an index")
}

/// A source of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSource {
    /// Its name.
    pub name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// As overridden.
    pub section: Option<Section>,
    /// What its own words give.
    pub priority: Option<PackagePriority>,
    publication: PublicationId,
}

impl ListedSource {
    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> Place {
        Place {
            version: self.version.to_string(),
            publication: self.publication,
            ..Place::before(self.name.as_str())
        }
    }
}

/// As [`binaries_after`], for sources.
///
/// # Errors
/// When the database fails.
pub fn sources_after(
    db: &Connection,
    pass: Option<PassId>,
    (suite, component): (SuiteId, ComponentId),
    names: &Names,
    after: Option<&Place>,
    most: usize,
) -> Result<Vec<ListedSource>, StoreError> {
    let first = Place::first(names, after);
    db.prepare_cached(include_str!("sources_after.sql"))
        .and_then(|mut statement| {
            let parameters = rusqlite::params![
                suite,
                component,
                pass,
                first.name,
                names.below(),
                first.version,
                first.publication,
                most,
            ];
            statement
                .query_map(parameters, |row| {
                    Ok(ListedSource {
                        name: row.get(0)?,
                        version: row.get(1)?,
                        publication: row.get(2)?,
                        section: row.get(3)?,
                        priority: row.get(4)?,
                    })
                })?
                .collect()
        })
        .during("list a page of an index")
}
