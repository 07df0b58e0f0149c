//! Taking packages straight to PENDING, as a trusted operator asks.
//!
//! Three hands work side by side, each on another batch: files are read once, in parallel, into the librarian, hashed on the way; the librarian is
//! synced; one transaction adds the rows, so that no row names what is not on disk. A file that is bad is a complaint and stops nothing else; a disk
//! or database that fails stops, and what was committed stays. A repeat finds everything there and changes nothing.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;

use super::gather::{Complaint, Item};
use super::read::{Content, Failure, Package, read};
use super::releases::{self, Binary};
use crate::disk::{self, DiskError};
use crate::domain::digest::FileDigests;
use crate::domain::name::{ComponentName, FileName, Section};
use crate::domain::{ComponentId, PackageKind};
use crate::format::{BinaryControl, SourceControl};
use crate::librarian::Librarian;
use crate::store::archive::Archive;
use crate::store::package_override::{self, Override};
use crate::store::package_paths::PackedPaths;
use crate::store::publication::{self, NewBinaryPublication, NewSourcePublication, Wished};
use crate::store::series::SeriesComponent;
use crate::store::shape::{SuiteShape, shape};
use crate::store::{Db, StoreError};
use crate::store::{Transaction, package_release};

/// Why an import stops before its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The librarian's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The suite or archive takes nothing in.
    #[error("{0}")]
    Refused(String),
}

/// Where packages are to go.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// The suite.
    pub shape: &'a SuiteShape,
    /// The component that was asked for; none: by override, section, or the first.
    pub component: Option<&'a SeriesComponent>,
    /// Who asks.
    pub creator: &'a str,
}

/// A package that came in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Accepted {
    /// The file.
    pub path: PathBuf,
    /// Its package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// `source`, or what the package is for.
    pub architecture: String,
    /// The component that it goes to.
    pub component: ComponentName,
    /// How many publications wait that did not before; 0: it is or waits to be published already.
    pub new_publications: usize,
}

/// What an import did.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ImportReport {
    /// By path.
    pub accepted: Vec<Accepted>,
    /// By path.
    pub complaints: Vec<Complaint>,
}

/// A deposit that has not come to its end after so long never will.
const UNFINISHED: SignedDuration = SignedDuration::from_hours(24);

/// So many packages are committed at once; three times as many are in memory.
const BATCH: usize = 2048;

/// Imports packages; `progress` is called with how many more are done.
///
/// # Errors
/// When the suite takes nothing in, or the disk or the database fails.
pub fn import(
    db: &mut Db,
    librarian: &Librarian,
    target: &Target<'_>,
    items: &[Item],
    now: Timestamp,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<ImportReport, ImportError> {
    refuse_closed(target)?;
    // until the rows are there nothing that has come in may be taken for what nobody wants
    let _open = librarian.open_for_deposits()?;
    librarian.sweep(now - UNFINISHED)?;
    // sources first, so that binaries find theirs
    let (mut items, binaries): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|item| item.is_source());
    items.extend(binaries);
    let mut report = ImportReport::default();
    disk::in_batches(
        items.chunks(BATCH),
        |batch| read_batch(librarian, batch, progress),
        // where nothing came in there may be no librarian yet
        |batch| if batch.iter().any(Result::is_ok) { librarian.sync() } else { Ok(()) },
        |batch| commit(db, target, batch, now, &mut report),
    )?;
    report.accepted.sort_by(|one, other| one.path.cmp(&other.path));
    report.complaints.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(report)
}

fn read_batch(
    librarian: &Librarian,
    batch: &[&Item],
    progress: &(dyn Fn(usize) + Sync),
) -> Vec<Result<Package, Failure>> {
    batch
        .par_iter()
        .map(|item| {
            let package = read(librarian, item);
            progress(1);
            package
        })
        .collect()
}

/// Adds the rows of a batch, whose files are on disk.
fn commit(
    db: &mut Db,
    target: &Target<'_>,
    batch: Vec<Result<Package, Failure>>,
    now: Timestamp,
    report: &mut ImportReport,
) -> Result<(), ImportError> {
    let mut packages = Vec::with_capacity(batch.len());
    for package in batch {
        match package {
            Ok(package) => packages.push(package),
            Err(Failure::Complaint(complaint)) => report.complaints.push(complaint),
            Err(Failure::Stop(error)) => return Err(error.into()),
        }
    }
    if packages.is_empty() {
        return Ok(());
    }
    db.write(|tx| {
        // what came since the import began counts: an architecture, a component, an override
        let shape = shape(tx, target.shape.suite.clone())?;
        let rows = Rows {
            tx,
            target: Target { shape: &shape, ..*target },
            has_overrides: package_override::has_overrides(tx, target.archive.id, shape.series.id)?,
            now,
        };
        for package in &packages {
            match rows.add(package)? {
                Ok(accepted) => report.accepted.push(accepted),
                Err(reason) => report.complaints.push(Complaint::new(&package.path, reason)),
            }
        }
        Ok(())
    })
}

/// What may not change takes nothing in: clients of a stable series rely on it.
fn refuse_closed(target: &Target<'_>) -> Result<(), ImportError> {
    let (suite, series) = (&target.shape.suite.name, &target.shape.series);
    if !target.archive.enabled {
        return Err(ImportError::Refused(format!(
            "the archive {} is disabled: enable it with `pressroom archive set {0} --enabled true`",
            target.archive.reference
        )));
    }
    if target.archive.purpose.holds_still(suite.pocket(), series.status) {
        return Err(ImportError::Refused(format!(
            "{suite} is {}, and its release pocket does not change: import to {suite}-updates or {suite}-security",
            series.status
        )));
    }
    if target.shape.architectures.is_empty() || target.shape.components.is_empty() {
        return Err(ImportError::Refused(format!(
            "{suite} has no architecture or no component yet: add them with `pressroom series set`"
        )));
    }
    Ok(())
}

/// The rows of a batch, on their way in.
struct Rows<'a> {
    tx: &'a Transaction<'a>,
    target: Target<'a>,
    /// Whether there is any to be looked for.
    has_overrides: bool,
    now: Timestamp,
}

/// What the override of a package says, or else what the operator, the package's section or the series' first component says.
fn component(
    target: &Target<'_>,
    found: Option<&Override>,
    section: Option<&Section>,
) -> Result<ComponentId, String> {
    let components = &target.shape.components;
    if let Some(id) = found.and_then(|found| found.component) {
        if component_name(target, id).is_none() {
            return Err(format!(
                "its override names a component that {} does not have: change it with `pressroom override set`",
                target.shape.suite.name
            ));
        }
        return Ok(id);
    }
    if let Some(component) = target.component {
        return Ok(component.id);
    }
    match section.and_then(Section::component) {
        None => components.first().map(|component| component.id).ok_or_else(|| "the series has no component".to_owned()),
        Some(name) => {
            components.iter().find(|component| component.name.as_str() == name).map(|component| component.id).ok_or_else(
                || {
                    format!(
                        "its section says component {name}, which {} does not have: name one with --component, or add it with \
                         `pressroom series set`",
                        target.shape.suite.name
                    )
                },
            )
        }
    }
}

fn component_name(target: &Target<'_>, id: ComponentId) -> Option<ComponentName> {
    target
        .shape
        .components
        .iter()
        .find(|component| component.id == id)
        .map(|component| component.name.clone())
}

impl Rows<'_> {
    /// Adds the rows of a package, or says why it cannot be.
    fn add(&self, package: &Package) -> Result<Result<Accepted, String>, StoreError> {
        match &package.content {
            Content::Binary { control, text, digests, paths } => {
                self.add_binary(package, control, text, digests, paths)
            }
            Content::Source { control, filename, dsc, files } => {
                self.add_source(package, control, filename, dsc, files)
            }
        }
    }

    /// The override of a package, if there is one.
    fn find_override(&self, kind: PackageKind, name: &str) -> Result<Option<Override>, StoreError> {
        if !self.has_overrides {
            return Ok(None);
        }
        let (archive, series) = (self.target.archive.id, self.target.shape.series.id);
        package_override::find_override(self.tx, archive, series, kind, name)
    }

    /// Says who has the name in the pool, if it is taken by other content.
    fn clash(&self, filename: &FileName, digests: &FileDigests) -> Result<Option<String>, StoreError> {
        releases::clash(self.tx, self.target.archive.id, filename, digests)
    }

    fn add_binary(
        &self,
        package: &Package,
        control: &BinaryControl,
        text: &str,
        digests: &FileDigests,
        paths: &PackedPaths,
    ) -> Result<Result<Accepted, String>, StoreError> {
        let Self { tx, target, now, .. } = self;
        let (now, shape) = (*now, target.shape);
        let architectures: Vec<_> = shape
            .architectures
            .iter()
            .filter(|one| control.architecture.is_all() || one.tag == control.architecture)
            .collect();
        if architectures.is_empty() {
            let known: Vec<&str> = shape.architectures.iter().map(|one| one.tag.as_str()).collect();
            return Ok(Err(format!(
                "it is for {}, which {} does not have (it has {}): add it with `pressroom series set --architecture`",
                control.architecture,
                shape.suite.name,
                known.join(", ")
            )));
        }
        let found = self.find_override(PackageKind::Binary, control.package.as_str())?;
        let listed = package.listed.as_ref();
        let section = listed.and_then(|listed| listed.section.as_ref()).or(control.section.as_ref());
        let priority = listed.and_then(|listed| listed.priority.as_ref()).or(control.priority.as_ref());
        let component = match component(target, found.as_ref(), section) {
            Ok(component) => component,
            Err(reason) => return Ok(Err(reason)),
        };
        let filename = match releases::pool_name(control) {
            Ok(filename) => filename,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Some(reason) = self.clash(&filename, digests)? {
            return Ok(Err(reason));
        }
        let source = package_release::find_source_release(
            tx,
            target.archive.id,
            &control.source,
            &control.source_version,
        )?;
        let binary = Binary { control, text, digests, paths, filename: &filename, source };
        let release = releases::binary(tx, &binary, now)?;
        let (mut section, mut priority) = (section.cloned(), priority.cloned());
        if let Some(found) = &found {
            section = found.section.clone().or(section);
            priority = found.priority.clone().or(priority);
        }
        let mut new_publications = 0;
        for architecture in architectures {
            let new = NewBinaryPublication {
                suite: shape.suite.id,
                architecture: architecture.id,
                release,
                name: control.package.as_str(),
                component,
                section: section.as_ref(),
                priority: priority.as_ref(),
                creator: target.creator,
            };
            new_publications += usize::from(publication::publish_binary(tx, &new, now)? == Wished::Pending);
        }
        Ok(accepted(
            target,
            package,
            control.package.as_str(),
            control.version.to_string(),
            control.architecture.as_str(),
            component,
            new_publications,
        ))
    }

    fn add_source(
        &self,
        package: &Package,
        control: &SourceControl,
        filename: &FileName,
        dsc: &FileDigests,
        files: &[(FileName, FileDigests)],
    ) -> Result<Result<Accepted, String>, StoreError> {
        let Self { tx, target, now, .. } = self;
        let (now, shape) = (*now, target.shape);
        let found = self.find_override(PackageKind::Source, control.source.as_str())?;
        let (own_section, _) = releases::package_list(control);
        let listed = package.listed.as_ref().and_then(|listed| listed.section.clone());
        let section = listed.or(own_section);
        let component = match component(target, found.as_ref(), section.as_ref()) {
            Ok(component) => component,
            Err(reason) => return Ok(Err(reason)),
        };
        for (name, digests) in files.iter().map(|(name, digests)| (name, digests)).chain([(filename, dsc)]) {
            if let Some(reason) = self.clash(name, digests)? {
                return Ok(Err(reason));
            }
        }
        let files: Vec<_> = files.iter().map(|(name, digests)| (name, digests)).collect();
        let release = releases::source(tx, target.archive.id, control, (filename, dsc), &files, now)?;
        let section = found.and_then(|found| found.section).or(section);
        let new = NewSourcePublication {
            suite: shape.suite.id,
            release,
            name: &control.source,
            component,
            section: section.as_ref(),
            creator: target.creator,
        };
        let new_publications = usize::from(publication::publish_source(tx, &new, now)? == Wished::Pending);
        Ok(accepted(
            target,
            package,
            control.source.as_str(),
            control.version.to_string(),
            "source",
            component,
            new_publications,
        ))
    }
}

fn accepted(
    target: &Target<'_>,
    package: &Package,
    name: &str,
    version: String,
    architecture: &str,
    component: ComponentId,
    new_publications: usize,
) -> Result<Accepted, String> {
    Ok(Accepted {
        path: package.path.clone(),
        package: name.to_owned(),
        version,
        architecture: architecture.to_owned(),
        component: component_name(target, component).ok_or_else(|| {
            format!("its override names a component that {} does not have", target.shape.suite.name)
        })?,
        new_publications,
    })
}
