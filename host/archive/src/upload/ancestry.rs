//! Where the packages of an upload are filed, and which of them were never there before.
//!
//! In main archives, what a package was filed under last counts, then what the series has inherited, then what its source is filed under, then what
//! its uploader says; an admin's override counts before all of them, and makes nothing known that was not there. What was deleted is new again, and
//! filed as it was. Personal archives take what was uploaded, in one component. What is built in a copy archive is filed as in what that is a copy of.

use super::examined::{ExaminedBinary, ExaminedCustom};
use crate::domain::{
    ArchSeriesId, ArchitectureTag, ArchiveId, ArchivePurpose, ComponentId, PackageKind, PackagePriority,
    Section, SeriesId, SourceName,
};
use crate::store::ancestry::{self, Ancestor};
use crate::store::archive::Archive;
use crate::store::package_override::{self, Override};
use crate::store::package_upload::Filed;
use crate::store::series::SeriesComponent;
use crate::store::shape::SuiteShape;
use crate::store::{Connection, StoreError, copy_archive, series_link};

/// The component that personal archives publish in.
const PPA_COMPONENT: &str = "main";

/// What a package says of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Said<'a> {
    /// In which section.
    pub section: Option<&'a Section>,
    /// With which priority; of binaries alone.
    pub priority: Option<&'a PackagePriority>,
}

/// Files the packages of one upload.
#[derive(Debug)]
pub struct Filing<'a> {
    db: &'a Connection,
    archive: &'a Archive,
    shape: &'a SuiteShape,
    has_overrides: bool,
}

/// Why nothing can be filed.
pub type NoComponent = String;

impl<'a> Filing<'a> {
    /// For uploads to a suite.
    ///
    /// # Errors
    /// When the database fails.
    pub fn new(db: &'a Connection, archive: &'a Archive, shape: &'a SuiteShape) -> Result<Self, StoreError> {
        let has_overrides = package_override::has_overrides(db, archive.id, shape.series.id)?;
        Ok(Self { db, archive, shape, has_overrides })
    }

    /// Where a source is filed.
    ///
    /// # Errors
    /// When the database fails.
    pub fn source(
        &self,
        name: &SourceName,
        said: Said<'_>,
    ) -> Result<Result<Filed, NoComponent>, StoreError> {
        if self.archive.purpose == ArchivePurpose::Ppa {
            return Ok(self.as_said(said));
        }
        let own = (self.archive.id, self.shape.series.id);
        let mut found = ancestry::source_ancestor(self.db, own, name)?;
        if found.is_none() {
            for parent in self.parents()? {
                found = ancestry::source_ancestor(self.db, parent, name)?.filter(|one| one.is_live);
                if found.is_some() {
                    break;
                }
            }
        }
        let found_override = self.found_override(PackageKind::Source, name.as_str())?;
        Ok(self.filed(found, found_override, None, Said { priority: None, ..said }))
    }

    /// Where a binary package is filed; `source` is where its source is, if that is known.
    ///
    /// # Errors
    /// When the database fails.
    pub fn binary(
        &self,
        name: &str,
        architecture: &ArchitectureTag,
        source: Option<ComponentId>,
        said: Said<'_>,
    ) -> Result<Result<Filed, NoComponent>, StoreError> {
        if self.archive.purpose == ArchivePurpose::Ppa {
            return Ok(self.as_said(said));
        }
        let of = |shape: &SuiteShape| -> Vec<ArchSeriesId> {
            shape
                .architectures
                .iter()
                .filter(|one| architecture.is_all() || one.tag == *architecture)
                .map(|one| one.id)
                .collect()
        };
        let own = (self.archive.id, self.shape.series.id);
        let mut found = ancestry::binary_ancestor(self.db, own, &of(self.shape), name)?;
        if found.is_none() {
            for parent in self.parents()? {
                found = ancestry::binary_ancestor(self.db, parent, &[], name)?.filter(|one| one.is_live);
                if found.is_some() {
                    break;
                }
            }
        }
        let found_override = self.found_override(PackageKind::Binary, name)?;
        Ok(self.filed(found, found_override, source, said))
    }

    /// As [`Self::binary`], of a package that was examined.
    ///
    /// # Errors
    /// When the database fails.
    pub fn examined_binary(
        &self,
        binary: &ExaminedBinary,
        source: Option<ComponentId>,
    ) -> Result<Result<Filed, NoComponent>, StoreError> {
        let control = &binary.control;
        let said = Said {
            section: binary.section.as_ref().or(control.section.as_ref()),
            priority: binary.priority.as_ref().or(control.priority.as_ref()),
        };
        self.binary(control.package.as_str(), &control.architecture, source, said)
    }

    /// Where a custom file is filed: as it says, or as its source is.
    pub fn custom(&self, custom: &ExaminedCustom, source: Option<ComponentId>) -> Result<Filed, NoComponent> {
        let said = Said { section: custom.section.as_ref(), priority: None };
        if self.archive.purpose == ArchivePurpose::Ppa {
            return self.as_said(said);
        }
        let component = match custom.section.as_ref().and_then(Section::component) {
            Some(_) => None,
            None => source,
        };
        let filed = self.default(said)?;
        Ok(Filed { component: component.unwrap_or(filed.component), is_new: false, ..filed })
    }

    /// Where else a package may be filed: for a copy, in what it is a copy of; then in the series whose overrides this one inherits.
    fn parents(&self) -> Result<Vec<(ArchiveId, SeriesId)>, StoreError> {
        let mut parents = match self.archive.purpose {
            ArchivePurpose::Copy => copy_archive::filed_as(self.db, self.archive)?
                .into_iter()
                .map(|archive| (archive, self.shape.series.id))
                .collect(),
            ArchivePurpose::Primary | ArchivePurpose::Partner | ArchivePurpose::Ppa => Vec::new(),
        };
        parents.extend(series_link::inherited(self.db, self.shape.series.id)?);
        Ok(parents)
    }

    fn found_override(&self, kind: PackageKind, name: &str) -> Result<Option<Override>, StoreError> {
        if !self.has_overrides {
            return Ok(None);
        }
        package_override::find_override(self.db, self.archive.id, self.shape.series.id, kind, name)
    }

    fn named(&self, name: &str) -> Option<&SeriesComponent> {
        self.shape.components.iter().find(|component| component.name.as_str() == name)
    }

    fn first(&self) -> Result<ComponentId, NoComponent> {
        self.shape.components.first().map(|component| component.id).ok_or_else(|| {
            format!(
                "{} has no component yet: an administrator adds one with `pressroom series set --component`",
                self.shape.suite.name
            )
        })
    }

    /// Personal archives: as its uploader says, in one component.
    fn as_said(&self, said: Said<'_>) -> Result<Filed, NoComponent> {
        let component = match self.named(PPA_COMPONENT) {
            Some(component) => component.id,
            None => self.first()?,
        };
        Ok(Filed {
            component,
            section: said.section.cloned(),
            priority: said.priority.cloned(),
            is_new: false,
        })
    }

    /// Of what nothing is known: as its uploader says, and the most preferred component where he names none.
    fn default(&self, said: Said<'_>) -> Result<Filed, NoComponent> {
        let component = match said.section.and_then(Section::component) {
            None => self.first()?,
            Some(name) => {
                self.named(name)
                    .ok_or_else(|| {
                        format!(
                            "its section says component {name}, which {} does not have: name one of those that it has",
                            self.shape.suite.name
                        )
                    })?
                    .id
            }
        };
        Ok(Filed {
            component,
            section: said.section.cloned(),
            priority: said.priority.cloned(),
            is_new: true,
        })
    }

    fn filed(
        &self,
        ancestor: Option<Ancestor>,
        found: Option<Override>,
        source: Option<ComponentId>,
        said: Said<'_>,
    ) -> Result<Filed, NoComponent> {
        let mut filed = match ancestor {
            Some(ancestor) => Filed {
                component: ancestor.component,
                section: ancestor.section.or_else(|| said.section.cloned()),
                priority: ancestor.priority.or_else(|| said.priority.cloned()),
                is_new: !ancestor.is_live,
            },
            None => match source {
                Some(component) => Filed {
                    component,
                    section: said.section.cloned(),
                    priority: said.priority.cloned(),
                    is_new: true,
                },
                None => self.default(said)?,
            },
        };
        if let Some(found) = found {
            filed.component = found.component.unwrap_or(filed.component);
            filed.section = found.section.or(filed.section);
            filed.priority = found.priority.or(filed.priority);
        }
        // of a parent's series, or of an override that was made before the series lost it
        if self.shape.components.iter().all(|component| component.id != filed.component) {
            filed.component = self.default(Said { section: None, ..said })?.component;
        }
        Ok(filed)
    }
}
