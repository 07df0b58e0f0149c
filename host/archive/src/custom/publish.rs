//! The custom uploads of a pass: what waits is unpacked beside the staged tree, given its place in it, and written down for the installation.
//!
//! What cannot be published is refused for good and said, and the pass goes on: an operator's installer must not hold up security updates. Trouble of
//! the disk or the database is the pass's own, and leaves everything waiting.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::unpack::{Below, Limits, UnpackError, check_texts, form_of, unpack};
use crate::disk::{self, DiskError, During};
use crate::dists::{StageError, Staged};
use crate::domain::name::ComponentName;
use crate::domain::{ArchivePurpose, CustomPublicationId, DebVersion, PassId, PublicationStatus};
use crate::format::custom_name::{CustomName, Place};
use crate::librarian::Librarian;
use crate::store::archive::Archive;
use crate::store::custom_publication::{self, CustomPublication, CustomTransition};
use crate::store::shape::SuiteShape;
use crate::store::{Db, StoreError};

/// So many versions stay beside each other.
pub const KEPT_VERSIONS: usize = 3;
/// The link to the highest.
const CURRENT: &str = "current";

/// Why the custom uploads of a pass were not published, through no fault of theirs.
#[derive(Debug, thiserror::Error)]
pub enum CustomError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A tree cannot be staged.
    #[error(transparent)]
    Stage(#[from] StageError),
}

/// A custom upload that was not published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its row.
    pub publication: CustomPublicationId,
    /// Which, why, and what to do.
    pub reason: String,
    /// Whether it waits for another run; otherwise it is refused for good.
    pub waits: bool,
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// How many have their place now.
    pub published: usize,
    /// How many versions have gone for newer ones.
    pub superseded: usize,
    /// What was not published.
    pub refused: Vec<Refused>,
}

/// What it takes to publish them.
#[derive(Debug, Clone, Copy)]
pub struct Customs<'a> {
    /// The archive of the pass.
    pub archive: &'a Archive,
    /// Who has the tarballs.
    pub librarian: &'a Librarian,
    /// How large one may become.
    pub limits: Limits,
}

/// Publishes the custom uploads that wait in the suites of a pass into its staged trees.
///
/// # Errors
/// When the disk or the database fails.
pub fn publish(
    db: &mut Db,
    pass: PassId,
    customs: Customs<'_>,
    staged: &mut Staged,
    shapes: &[SuiteShape],
    now: Timestamp,
) -> Result<Published, CustomError> {
    let mut done = Published::default();
    for shape in shapes {
        let mut work = Suite { db, customs, staged, shape, transitions: Vec::new() };
        for custom in custom_publication::pending(work.db.read(), shape.suite.id)? {
            let outcome = work.publish(&custom);
            disk::remove_tree(&work.aside(&custom))?;
            let name = format!("{} of upload {} for {}", custom.filename, custom.upload, shape.suite.name);
            match outcome? {
                Outcome::Published { superseded } => {
                    done.published += 1;
                    done.superseded += superseded;
                }
                Outcome::TooOld => done.superseded += 1,
                Outcome::Waits(reason) => done.refused.push(Refused {
                    publication: custom.id,
                    reason: format!("{name} waits: {reason}"),
                    waits: true,
                }),
                Outcome::Refused(reason) => {
                    let reason = format!("{name} cannot be published, and is refused: {reason}");
                    work.db.write(|tx| custom_publication::refuse(tx, custom.id, &reason, now))?;
                    done.refused.push(Refused { publication: custom.id, reason, waits: false });
                }
            }
        }
        let transitions = work.transitions;
        db.write(|tx| custom_publication::plan_transitions(tx, pass, &transitions))?;
    }
    Ok(done)
}

/// What became of one.
enum Outcome {
    /// It has its place; so many others have lost theirs.
    Published { superseded: usize },
    /// Newer ones are there, as many as are kept.
    TooOld,
    /// It cannot be published now.
    Waits(String),
    /// It cannot be published.
    Refused(String),
}

/// A suite in work.
struct Suite<'a> {
    db: &'a mut Db,
    customs: Customs<'a>,
    staged: &'a mut Staged,
    shape: &'a SuiteShape,
    transitions: Vec<CustomTransition>,
}

/// A folder of versions.
struct Versions {
    /// What the folder is below.
    base: PathBuf,
    /// Below the base.
    folder: String,
    /// As rows name it: below the suite's folder.
    in_rows: String,
}

impl Suite<'_> {
    fn publish(&mut self, custom: &CustomPublication) -> Result<Outcome, CustomError> {
        let name = match CustomName::parse(custom.format, &custom.filename) {
            Ok(name) => name,
            Err(error) => return Ok(Outcome::Refused(error.to_string())),
        };
        let packed = self.customs.librarian.path(&custom.sha256);
        if !packed.try_exists().during("look at", &packed)? {
            return Ok(Outcome::Waits(format!("its original is not at {}: restore it", packed.display())));
        }
        let Some(main) = main_component(self.shape) else {
            return Ok(Outcome::Waits(format!(
                "series {} has no component: add one with `pressroom series set`",
                self.shape.series.name
            )));
        };
        let suite = &self.shape.suite.name;
        let is_ppa = self.customs.archive.purpose == ArchivePurpose::Ppa;
        match name.place(main, is_ppa) {
            Place::Versions { folder } => {
                let base = self.staged.suite(suite)?;
                self.add_version(custom, &name, &Versions { base, in_rows: folder.clone(), folder })
            }
            Place::Beside { tree, folder } => {
                self.staged.stage_tree(tree)?;
                let in_rows = format!("../../{tree}/{suite}/{folder}");
                // below the tree, so that the suite's folder in it is looked at as well
                let (base, folder) = (self.staged.folder().join(tree), format!("{suite}/{folder}"));
                self.add_version(custom, &name, &Versions { base, folder, in_rows })
            }
            Place::Translations { folder } => self.translations(custom, &name, &packed, &folder),
            Place::Kept => {
                self.becomes(custom.id, PublicationStatus::Published, None, Some(&name.version));
                Ok(Outcome::Published { superseded: 0 })
            }
        }
    }

    /// Where something is unpacked before it has its place: beside the trees of the pass.
    fn aside(&self, custom: &CustomPublication) -> PathBuf {
        self.staged.folder().join(format!(".custom-{}", custom.id))
    }

    fn becomes(
        &mut self,
        publication: CustomPublicationId,
        to_status: PublicationStatus,
        folder: Option<&str>,
        version: Option<&DebVersion>,
    ) {
        self.transitions.retain(|one| one.publication != publication);
        self.transitions.push(CustomTransition {
            publication,
            to_status,
            folder: folder.map(str::to_owned),
            version: version.cloned(),
        });
    }

    /// What is or will be published in a folder, with its versions.
    fn published_in(&self, folder: &str) -> Result<Vec<(CustomPublicationId, DebVersion)>, StoreError> {
        let rows = custom_publication::published_in(self.db.read(), self.shape.suite.id, folder)?;
        let mut published: Vec<(CustomPublicationId, DebVersion)> = rows
            .into_iter()
            .filter_map(|row| Some((row.id, row.version?)))
            .filter(|(id, _)| self.transitions.iter().all(|one| one.publication != *id))
            .collect();
        published.extend(self.transitions.iter().filter_map(|one| {
            let here = one.to_status == PublicationStatus::Published && one.folder.as_deref() == Some(folder);
            here.then(|| Some((one.publication, one.version.clone()?)))?
        }));
        Ok(published)
    }

    /// Gives a version its folder beside the others, and takes away those that are too many.
    fn add_version(
        &mut self,
        custom: &CustomPublication,
        name: &CustomName,
        versions: &Versions,
    ) -> Result<Outcome, CustomError> {
        if let Some(reason) = no_folder(&versions.base, &versions.folder)? {
            return Ok(Outcome::Refused(reason));
        }
        let at = versions.base.join(&versions.folder);
        let mut there = versions_in(&at)?;
        if let Some(same) = there.iter().find(|version| version.dpkg_cmp(&name.version).is_eq()) {
            return Ok(Outcome::Refused(format!(
                "version {same} is in {} already, and what is published does not change: upload it with a higher version",
                versions.folder
            )));
        }
        if is_folder(&at.join(CURRENT))? {
            return Ok(Outcome::Refused(format!(
                "{CURRENT} in {} is a folder, where a link to the highest version has to be: move it away, and upload again \
                 with a higher version",
                versions.folder
            )));
        }
        if there.iter().filter(|version| **version > name.version).count() >= KEPT_VERSIONS {
            tracing::info!(
                file = %custom.filename,
                "not unpacked: {KEPT_VERSIONS} higher versions are in {}", versions.folder
            );
            self.becomes(custom.id, PublicationStatus::Superseded, None, Some(&name.version));
            return Ok(Outcome::TooOld);
        }
        let packed = self.customs.librarian.path(&custom.sha256);
        let aside = self.aside(custom);
        if name.is_published_as_it_is() {
            // no second name of the original: an executable hook may write into what is staged
            disk::copy_file(&packed, &aside.join(custom.filename.as_str()))?;
        } else {
            let above = versions.folder.rsplit('/').next().unwrap_or(&versions.folder);
            let below = Below { above, folder: name.version.as_str() };
            match unpack(&packed, name.compression, below, self.customs.limits, &aside) {
                Ok(unpacked) => {
                    tracing::debug!(file = %custom.filename, ?unpacked, "unpacked");
                }
                Err(UnpackError::Fault(fault)) => return Ok(Outcome::Refused(fault.to_string())),
                Err(UnpackError::Disk(error)) => return Err(error.into()),
            }
        }
        disk::make_folder(&at)?;
        disk::rename(&aside, &at.join(name.version.as_str()))?;
        there.push(name.version.clone());
        there.sort_by(|one, other| other.cmp(one));
        let mut superseded = 0;
        for version in there.iter().skip(KEPT_VERSIONS) {
            disk::remove_tree(&at.join(version.as_str()))?;
            superseded += 1;
            let gone = self.published_in(&versions.in_rows)?;
            for (id, _) in gone.into_iter().filter(|(_, published)| published == version) {
                self.becomes(id, PublicationStatus::Superseded, Some(&versions.in_rows), Some(version));
            }
        }
        if let Some(highest) = there.first() {
            disk::symlink(Path::new(highest.as_str()), &at.join(CURRENT))?;
        }
        self.becomes(custom.id, PublicationStatus::Published, Some(&versions.in_rows), Some(&name.version));
        Ok(Outcome::Published { superseded })
    }

    /// Puts translated descriptions in the place of those that an earlier upload brought.
    fn translations(
        &mut self,
        custom: &CustomPublication,
        name: &CustomName,
        packed: &Path,
        folder: &str,
    ) -> Result<Outcome, CustomError> {
        let known =
            |component: &ComponentName| self.shape.components.iter().any(|one| one.name == *component);
        if let Some(component) = name.component.as_ref().filter(|component| !known(component)) {
            return Ok(Outcome::Refused(format!(
                "series {} has no component {component}: name one that it has in the file's name",
                self.shape.series.name
            )));
        }
        let base = self.staged.suite(&self.shape.suite.name)?;
        if let Some(reason) = no_folder(&base, folder)? {
            return Ok(Outcome::Refused(reason));
        }
        let published = self.published_in(folder)?;
        if let Some((_, newer)) =
            published.iter().find(|(_, version)| version.dpkg_cmp(&name.version).is_ge())
        {
            return Ok(Outcome::Refused(format!(
                "version {newer} is published in {folder}: upload it with a higher version"
            )));
        }
        let aside = self.aside(custom);
        let below = Below { above: "", folder: "i18n" };
        let unpacked = unpack(packed, name.compression, below, self.customs.limits, &aside)
            .and_then(|unpacked| check_texts(&aside, self.customs.limits).map(|()| unpacked));
        match unpacked {
            Ok(unpacked) if unpacked.links > 0 => {
                return Ok(Outcome::Refused("it has links: have a file for each language in it".to_owned()));
            }
            Ok(unpacked) => tracing::debug!(file = %custom.filename, ?unpacked, "unpacked"),
            Err(UnpackError::Fault(fault)) => return Ok(Outcome::Refused(fault.to_string())),
            Err(UnpackError::Disk(error)) => return Err(error.into()),
        }
        let at = base.join(folder);
        let new: BTreeSet<String> = disk::files_below(&aside)?.into_iter().map(|file| file.path).collect();
        for path in &new {
            if path.contains('/') || is_folder(&at.join(path))? {
                return Ok(Outcome::Refused(format!(
                    "i18n/{path} in it cannot be published: translations lie side by side in {folder}, without folders"
                )));
            }
        }
        for path in self.unpacked_by(&published, &aside)? {
            disk::remove_file(&at.join(path))?;
        }
        for path in &new {
            let (text, _) = form_of(path).unwrap_or((path, ""));
            for ending in ["", ".gz", ".xz", ".zst", ".bz2"] {
                // another form, from elsewhere, would say something else
                disk::remove_file(&at.join(format!("{text}{ending}")))?;
            }
        }
        disk::make_folder(&at)?;
        for path in &new {
            disk::rename(&aside.join(path), &at.join(path))?;
        }
        for (id, version) in &published {
            self.becomes(*id, PublicationStatus::Superseded, Some(folder), Some(version));
        }
        self.becomes(custom.id, PublicationStatus::Published, Some(folder), Some(&name.version));
        Ok(Outcome::Published { superseded: published.len() })
    }

    /// The files that earlier uploads of translations have brought: a language that is in them alone goes with them.
    fn unpacked_by(
        &self,
        published: &[(CustomPublicationId, DebVersion)],
        aside: &Path,
    ) -> Result<BTreeSet<String>, CustomError> {
        let mut files = BTreeSet::new();
        for (id, _) in published {
            let Some(earlier) = custom_publication::find(self.db.read(), *id)? else { continue };
            let Ok(name) = CustomName::parse(earlier.format, &earlier.filename) else { continue };
            let (packed, to) = (self.customs.librarian.path(&earlier.sha256), aside.join(".earlier"));
            let below = Below { above: "", folder: "i18n" };
            // it was unpacked before; where it cannot be any more, what it brought stays
            if unpack(&packed, name.compression, below, self.customs.limits, &to).is_ok() {
                files.extend(disk::files_below(&to)?.into_iter().map(|file| file.path));
            }
            disk::remove_tree(&to)?;
        }
        files.retain(|path| !path.contains('/'));
        Ok(files)
    }
}

/// The component that has what is not of one component: `main`, or, where there is none of that name, the most preferred.
fn main_component(shape: &SuiteShape) -> Option<&ComponentName> {
    let names = || shape.components.iter().map(|component| &component.name);
    names().find(|name| name.as_str() == "main").or_else(|| names().next())
}

/// Why a folder is no place for files of ours: something on the way to it is no folder.
fn no_folder(base: &Path, folder: &str) -> Result<Option<String>, DiskError> {
    let mut at = base.to_owned();
    for part in folder.split('/') {
        at.push(part);
        match fs::symlink_metadata(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).during("look at", &at),
            Ok(found) if found.is_dir() => {}
            Ok(_) => {
                return Ok(Some(format!(
                    "{part} on the way to {folder} is no folder of the suite: move it away, and upload again with a higher version"
                )));
            }
        }
    }
    Ok(None)
}

/// Whether a folder is there, not a link to one.
fn is_folder(path: &Path) -> Result<bool, DiskError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(found.is_dir()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).during("look at", path),
    }
}

/// The versions that have a folder in a folder, in no order.
fn versions_in(folder: &Path) -> Result<Vec<DebVersion>, DiskError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.during("read the folder", folder)?,
    };
    let mut versions = Vec::new();
    for entry in entries {
        let entry = entry.during("read the folder", folder)?;
        let is_folder = entry.file_type().during("look at", &entry.path())?.is_dir();
        if is_folder && let Some(version) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            versions.push(version);
        }
    }
    Ok(versions)
}
