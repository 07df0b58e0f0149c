//! Carrying a plan out: files to the librarian, rows to the database, in batches that each are whole.
//!
//! What is here already is not fetched; a run that died is taken up by the next where it ended. Publications are PENDING: the next pass puts them in the indexes,
//! filed as the other repository had them, unless an override of ours says otherwise. Whoever takes again gets what is new there, and what it files otherwise now.

use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use rayon::prelude::*;

use super::complaint;
use super::fetch::{Failure, Fetcher, Links, Tally};
use super::index::{Binary, Part, Placed};
use super::plan::{Fate, Plan, WantedBinary, WantedSource, fate};
use super::repository::Repository;
use super::stanza::{Additions, additions};
use crate::disk::{self, DiskError};
use crate::domain::name::{ComponentName, FileName};
use crate::domain::{BinaryReleaseId, ComponentId, PackageKind, SourceReleaseId};
use crate::librarian::Librarian;
use crate::store::archive::{Archive, versions_kept};
use crate::store::package_override::{self, Override};
use crate::store::publication::{self, NewBinaryPublication, NewSourcePublication, Phasing, Wished};
use crate::store::series::ArchSeries;
use crate::store::shape::{SuiteShape, shape};
use crate::store::suite::suite_by_id;
use crate::store::takeover::{self, InOurSuite};
use crate::store::{
    Connection, Db, Made, StoreError, Transaction, described, extra_override, package_release,
};
use crate::upload::Complaint;
use crate::upload::read::Content;
use crate::upload::releases;

/// Why taking over stops before its end.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    /// The librarian's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No threads can be made to read with.
    #[error("cannot begin to read files side by side")]
    Threads(#[source] rayon::ThreadPoolBuildError),
}

/// Where the packages go.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// The suite.
    pub shape: &'a SuiteShape,
    /// Who asks.
    pub creator: &'a str,
}

/// How many packages of a kind came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Came {
    /// They wait now, in an index at least.
    pub new: usize,
    /// They were there, as the other repository has them.
    pub as_it_was: usize,
}

/// What was done, or would be.
#[derive(Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Taken {
    /// Sources.
    pub sources: Came,
    /// Binary packages; one for all architectures counts once.
    pub binaries: Came,
    /// Publications that wait now.
    pub publications: usize,
    /// Files that were fetched, or would be.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files among them that share their blocks with those of the other repository, or are links to them.
    pub linked: u64,
    /// Packages that somebody has removed here, and that stay so.
    pub removed_here: usize,
    /// Versions that came once and have given way to newer ones here.
    pub gave_way: usize,
    /// Versions that are older than what our archive keeps.
    pub older_versions: usize,
    /// Sources that were there only because something was built using them.
    pub extra_sources: usize,
    /// Fields of stanzas that cannot be kept, by name, and of how many packages.
    pub lost_fields: std::collections::BTreeMap<String, usize>,
    /// What was not taken, and why.
    pub complaints: Vec<Complaint>,
}

/// How a suite is to be taken over.
pub struct Takeover<'a> {
    /// From where.
    pub repository: &'a dyn Repository,
    /// Where originals are kept.
    pub librarian: &'a Librarian,
    /// Whether files may be shared.
    pub links: Links,
    /// Called with how many more packages are done.
    pub progress: &'a (dyn Fn(usize) + Sync),
}

impl std::fmt::Debug for Takeover<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Takeover").field("links", &self.links).finish_non_exhaustive()
    }
}

/// So many packages are committed at once at the most, ...
const BATCH: usize = 512;
/// ... with so many bytes: what a run that dies has done is not done again.
const BATCH_BYTES: u64 = 512 << 20;

/// How many versions of a name stay in an archive.
///
/// # Errors
/// When the database fails.
pub fn keeps(db: &Connection, archive: &Archive) -> Result<NonZeroUsize, StoreError> {
    Ok(NonZeroUsize::new(versions_kept(db, archive.id)?.into()).unwrap_or(NonZeroUsize::MIN))
}

/// A package of the plan.
#[derive(Debug, Clone, Copy)]
enum Item<'a> {
    Source(&'a WantedSource),
    Binary(&'a WantedBinary),
}

impl Item<'_> {
    fn bytes(&self) -> u64 {
        match self {
            Self::Source(one) => {
                one.source.files.iter().chain([&one.source.dsc]).map(|part| part.size_bytes).sum()
            }
            Self::Binary(one) => one.binary.file.size_bytes,
        }
    }

    fn path(&self) -> &str {
        match self {
            Self::Source(one) => one.source.dsc.path.as_str(),
            Self::Binary(one) => one.binary.file.path.as_str(),
        }
    }
}

/// What is known of a package before it is fetched.
enum Known {
    /// Its row.
    Source(SourceReleaseId),
    /// Its row.
    Binary(BinaryReleaseId),
    /// It has to be fetched.
    No,
}

/// Takes a plan's packages over into a suite.
///
/// # Errors
/// When the disk or the database fails; what was committed stays.
pub fn take(
    db: &mut Db,
    takeover: &Takeover<'_>,
    target: &Target<'_>,
    plan: &mut Plan,
    now: Timestamp,
) -> Result<Taken, TakeError> {
    let librarian = takeover.librarian;
    // until the rows are there nothing that has come in may be taken for what nobody wants
    let _open = librarian.open_for_deposits()?;
    let mut taken = Taken {
        complaints: std::mem::take(&mut plan.complaints),
        older_versions: plan.older_versions,
        extra_sources: plan.extra_sources,
        ..Taken::default()
    };
    let wanted = look(db.read(), target, plan, &mut taken)?;
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(takeover.repository.at_once().max(1))
        .build()
        .map_err(TakeError::Threads)?;
    let tally = Tally::default();
    let fetcher =
        Fetcher { repository: takeover.repository, librarian, links: takeover.links, tally: &tally };
    disk::in_batches(
        batches(wanted),
        |batch| fetched(&threads, &fetcher, takeover.progress, batch),
        // where nothing came in there may be no librarian yet
        |batch| {
            let brings = |one: &Brought<'_>| matches!(one.1, Ok(Ready::Fetched(_)));
            if batch.iter().any(brings) { librarian.sync() } else { Ok(()) }
        },
        |batch| -> Result<(), TakeError> {
            let mut ready = Vec::with_capacity(batch.len());
            for (item, one) in batch {
                match one {
                    Ok(one) => ready.push((item, one)),
                    Err(Failure::Bad(reason)) => taken.complaints.push(complaint(item.path(), reason)),
                    Err(Failure::Stop(error)) => return Err(error.into()),
                }
            }
            db.write(|tx| add_all(tx, target, &ready, &mut taken, now))?;
            Ok(())
        },
    )?;
    taken.files = tally.files.load(Ordering::Relaxed);
    taken.bytes = tally.bytes.load(Ordering::Relaxed);
    taken.linked = tally.linked.load(Ordering::Relaxed);
    taken.complaints.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(taken)
}

/// A package of a batch, and what came of it.
type Brought<'a> = (Item<'a>, Result<Ready, Failure>);

/// Fetches what is not known of a batch, side by side.
fn fetched<'a>(
    threads: &rayon::ThreadPool,
    fetcher: &Fetcher<'_>,
    progress: &(dyn Fn(usize) + Sync),
    batch: Vec<(Item<'a>, Known)>,
) -> Vec<Brought<'a>> {
    let fetch = |(item, known): (Item<'a>, Known)| {
        let ready = match (known, item) {
            (Known::Source(release), _) => Ok(Ready::Source(release)),
            (Known::Binary(release), _) => Ok(Ready::Binary(release)),
            (Known::No, Item::Source(one)) => fetcher.source(&one.source).map(Ready::Fetched),
            (Known::No, Item::Binary(one)) => fetcher.binary(&one.binary).map(Ready::Fetched),
        };
        progress(1);
        (item, ready)
    };
    threads.install(|| batch.into_par_iter().map(fetch).collect())
}

/// What [`take`] would do, as far as it can be known without fetching anything. Within a transaction that is not kept.
///
/// # Errors
/// When the database fails.
pub fn rehearse(
    tx: &Transaction<'_>,
    target: &Target<'_>,
    plan: &mut Plan,
    now: Timestamp,
) -> Result<Taken, StoreError> {
    let mut taken = Taken {
        complaints: std::mem::take(&mut plan.complaints),
        older_versions: plan.older_versions,
        extra_sources: plan.extra_sources,
        ..Taken::default()
    };
    let mut ready = Vec::new();
    for (item, known) in look(tx, target, plan, &mut taken)? {
        match (known, item) {
            (Known::Source(release), _) => ready.push((item, Ready::Source(release))),
            (Known::Binary(release), _) => ready.push((item, Ready::Binary(release))),
            (Known::No, Item::Source(one)) => {
                taken.sources.new += 1;
                taken.files += 1 + one.source.files.len() as u64;
                taken.bytes += item.bytes();
                taken.publications += 1;
            }
            (Known::No, Item::Binary(one)) => {
                taken.binaries.new += 1;
                taken.files += 1;
                taken.bytes += item.bytes();
                taken.publications += places(target.shape, one).len();
            }
        }
    }
    add_all(tx, target, &ready, &mut taken, now)?;
    taken.complaints.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(taken)
}

/// In batches of some packages or some bytes.
fn batches<'a>(wanted: Vec<(Item<'a>, Known)>) -> Vec<Vec<(Item<'a>, Known)>> {
    let mut batches = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0_u64);
    for (item, known) in wanted {
        if matches!(known, Known::No) {
            bytes = bytes.saturating_add(item.bytes());
        }
        batch.push((item, known));
        if batch.len() == BATCH || bytes >= BATCH_BYTES {
            batches.push(std::mem::take(&mut batch));
            bytes = 0;
        }
    }
    batches.push(batch);
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// What of the plan is to be brought or published: all that does not stand back behind what is here. Sources first, so that binaries find theirs.
fn look<'a>(
    db: &Connection,
    target: &Target<'_>,
    plan: &'a Plan,
    taken: &mut Taken,
) -> Result<Vec<(Item<'a>, Known)>, StoreError> {
    let keep = keeps(db, target.archive)?;
    let mut wanted = Vec::with_capacity(plan.len());
    for one in &plan.sources {
        let known = takeover::known_source(db, &one.source.dsc.sha256)?;
        let name = (&one.source.name, &one.source.version);
        let standing = takeover::source_standing(db, target.shape.suite.id, name, known)?;
        let item = Item::Source(one);
        if stands_back(&[standing], keep, item, taken) {
            continue;
        }
        wanted.push((item, known.map_or(Known::No, Known::Source)));
    }
    for one in &plan.binaries {
        let known = takeover::known_binary(db, &one.binary.file.sha256)?;
        let name = (one.binary.name.as_str(), &one.binary.version);
        let mut standings = Vec::new();
        for (architecture, _) in places(target.shape, one) {
            let index = (target.shape.suite.id, architecture.id);
            standings.push(takeover::binary_standing(db, index, name, known)?);
        }
        let item = Item::Binary(one);
        if stands_back(&standings, keep, item, taken) {
            continue;
        }
        wanted.push((item, known.map_or(Known::No, Known::Binary)));
    }
    Ok(wanted)
}

/// Whether a package is published in none of its indexes because of what is there; counts and says why.
fn stands_back(standings: &[InOurSuite], keep: NonZeroUsize, item: Item<'_>, taken: &mut Taken) -> bool {
    let fates: Vec<Fate> = standings.iter().map(|standing| fate(standing, keep)).collect();
    if fates.contains(&Fate::Publish) {
        return false;
    }
    let older = fates.iter().find_map(|fate| match fate {
        Fate::Older(than) => Some(than),
        Fate::Publish | Fate::HasGivenWay | Fate::Removed => None,
    });
    match older {
        Some(than) => taken.complaints.push(complaint(
            item.path(),
            format!("it is older than {than}, which is here already: if it is to come in its place, remove that first with `pressroom remove`"),
        )),
        None if fates.contains(&Fate::Removed) => taken.removed_here += 1,
        None if fates.contains(&Fate::HasGivenWay) => taken.gave_way += 1,
        // it is for none of our architectures
        None => {}
    }
    true
}

/// The indexes of ours that a package goes to, each with the place that says how it is filed there.
fn places<'a>(shape: &'a SuiteShape, one: &'a WantedBinary) -> Vec<(&'a ArchSeries, &'a Placed<Binary>)> {
    let of = |architecture: &ArchSeries| {
        let own = one.places.iter().find(|place| place.architecture == architecture.tag);
        own.or_else(|| one.places.first().filter(|_| one.everywhere))
    };
    shape.architectures.iter().filter_map(|architecture| Some((architecture, of(architecture)?))).collect()
}

/// A package whose files are with the librarian.
enum Ready {
    Source(SourceReleaseId),
    Binary(BinaryReleaseId),
    Fetched(Content),
}

/// Adds the rows of a batch.
fn add_all(
    tx: &Transaction<'_>,
    target: &Target<'_>,
    ready: &[(Item<'_>, Ready)],
    taken: &mut Taken,
    now: Timestamp,
) -> Result<(), StoreError> {
    // what came since the run began counts: an architecture, a component, an override
    let shape = shape(tx, suite_by_id(tx, target.shape.suite.id)?)?;
    let rows = Rows {
        tx,
        target: Target { shape: &shape, ..*target },
        has_overrides: package_override::has_overrides(tx, target.archive.id, shape.series.id)?,
        keep: keeps(tx, target.archive)?,
        now,
    };
    for (item, one) in ready {
        let added = match (item, one) {
            (Item::Source(wanted), Ready::Source(release)) => match rows.source_clash(wanted)? {
                None => rows.add_source(wanted, Made::Known(*release))?,
                Some(reason) => Err(reason),
            },
            (Item::Source(wanted), Ready::Fetched(content)) => match rows.source_release(content)? {
                Ok(release) => rows.add_source(wanted, release)?,
                Err(reason) => Err(reason),
            },
            (Item::Binary(wanted), Ready::Binary(release)) => match rows.binary_clash(wanted)? {
                None => rows.add_binary(wanted, Made::Known(*release))?,
                Some(reason) => Err(reason),
            },
            (Item::Binary(wanted), Ready::Fetched(content)) => match rows.binary_release(content)? {
                Ok(release) => rows.add_binary(wanted, release)?,
                Err(reason) => Err(reason),
            },
            (Item::Source(_), Ready::Binary(_)) | (Item::Binary(_), Ready::Source(_)) => {
                Err("it is a source package and a binary one".to_owned())
            }
        };
        match added {
            Err(reason) => taken.complaints.push(complaint(item.path(), reason)),
            Ok(Added { publications, lost }) => {
                let came = match item {
                    Item::Source(_) => &mut taken.sources,
                    Item::Binary(_) => &mut taken.binaries,
                };
                *(if publications > 0 { &mut came.new } else { &mut came.as_it_was }) += 1;
                taken.publications += publications;
                for field in lost {
                    *taken.lost_fields.entry(field).or_default() += 1;
                }
            }
        }
    }
    Ok(())
}

/// What became of a package.
#[derive(Default)]
struct Added {
    publications: usize,
    /// Fields that cannot be kept.
    lost: Vec<String>,
}

/// The rows of a batch, on their way in.
struct Rows<'a> {
    tx: &'a Transaction<'a>,
    target: Target<'a>,
    has_overrides: bool,
    keep: NonZeroUsize,
    now: Timestamp,
}

impl Rows<'_> {
    /// Who has a name in the pool that a source of another archive here, which is known by what is listed, would have there.
    fn source_clash(&self, wanted: &WantedSource) -> Result<Option<String>, StoreError> {
        let source = &wanted.source;
        let dsc = format!("{}_{}.dsc", source.name, source.version.without_epoch());
        let files = source.files.iter().map(|part| (part.path.file_name(), part));
        for (name, part) in files.chain([(dsc.as_str(), &source.dsc)]) {
            if let Some(reason) = self.clash(name, part)? {
                return Ok(Some(reason));
            }
        }
        Ok(None)
    }

    /// The same of a binary package.
    fn binary_clash(&self, wanted: &WantedBinary) -> Result<Option<String>, StoreError> {
        let one = &wanted.binary;
        let (version, kind) = (one.version.without_epoch(), one.package_type);
        self.clash(&format!("{}_{version}_{}.{kind}", one.name, one.architecture), &one.file)
    }

    fn clash(&self, name: &str, part: &Part) -> Result<Option<String>, StoreError> {
        match name.parse::<FileName>() {
            Ok(name) => releases::clash_of(self.tx, self.target.archive.id, &name, &part.sha256),
            Err(error) => Ok(Some(error.to_string())),
        }
    }

    fn source_release(&self, content: &Content) -> Result<Result<Made<SourceReleaseId>, String>, StoreError> {
        let Content::Source { control, filename, dsc, files } = content else {
            return Ok(Err("it is no source package".to_owned()));
        };
        let archive = self.target.archive.id;
        for (name, digests) in files.iter().map(|(name, digests)| (name, digests)).chain([(filename, dsc)]) {
            if let Some(reason) = releases::clash(self.tx, archive, name, digests)? {
                return Ok(Err(reason));
            }
        }
        let files: Vec<_> = files.iter().map(|(name, digests)| (name, digests)).collect();
        releases::source(self.tx, archive, control, (filename, dsc), &files, self.now).map(Ok)
    }

    fn binary_release(&self, content: &Content) -> Result<Result<Made<BinaryReleaseId>, String>, StoreError> {
        let Content::Binary { control, text, digests, paths } = content else {
            return Ok(Err("it is no binary package".to_owned()));
        };
        let archive = self.target.archive.id;
        let filename = match releases::pool_name(control) {
            Ok(filename) => filename,
            Err(reason) => return Ok(Err(reason)),
        };
        if let Some(reason) = releases::clash(self.tx, archive, &filename, digests)? {
            return Ok(Err(reason));
        }
        let source =
            package_release::find_source_release(self.tx, archive, &control.source, &control.source_version)?;
        let binary = releases::Binary { control, text, digests, paths, filename: &filename, source };
        releases::binary(self.tx, &binary, self.now).map(Ok)
    }

    fn add_source(
        &self,
        wanted: &WantedSource,
        release: Made<SourceReleaseId>,
    ) -> Result<Result<Added, String>, StoreError> {
        let Self { tx, target, now, .. } = self;
        let source = &wanted.source;
        let suite = target.shape.suite.id;
        let standing =
            takeover::source_standing(tx, suite, (&source.name, &source.version), Some(release.row()))?;
        // a pass or somebody else was quicker
        if fate(&standing, self.keep) != Fate::Publish {
            return Ok(Ok(Added::default()));
        }
        let found = self.find_override(PackageKind::Source, source.name.as_str())?;
        let component = match self.component(found.as_ref(), &wanted.component) {
            Ok(component) => component,
            Err(reason) => return Ok(Err(reason)),
        };
        let own = takeover::dsc_of(tx, release.row())?;
        let Additions { fields, lost } = additions(&source.text, &own);
        let place = (target.archive.id, target.shape.series.id);
        let name = (PackageKind::Source, source.name.as_str());
        extra_override::set_extra_fields(tx, place, name, None, &fields, target.creator, *now)?;
        let section = found.and_then(|found| found.section).or_else(|| source.section.clone());
        let new = NewSourcePublication {
            suite,
            release,
            name: &source.name,
            component,
            section: section.as_ref(),
            creator: target.creator,
        };
        let wished = publication::publish_source(tx, &new, *now)?;
        Ok(Ok(Added { publications: usize::from(wished == Wished::Pending), lost }))
    }

    fn add_binary(
        &self,
        wanted: &WantedBinary,
        release: Made<BinaryReleaseId>,
    ) -> Result<Result<Added, String>, StoreError> {
        let Self { tx, target, now, .. } = self;
        let (suite, binary) = (target.shape.suite.id, &wanted.binary);
        let own = described::control_of(tx, release.row())?;
        let found = self.find_override(PackageKind::Binary, binary.name.as_str())?;
        let mut added = Added::default();
        for (architecture, place) in places(target.shape, wanted) {
            let index = (suite, architecture.id);
            let name = (binary.name.as_str(), &binary.version);
            let standing = takeover::binary_standing(tx, index, name, Some(release.row()))?;
            if fate(&standing, self.keep) != Fate::Publish {
                continue;
            }
            let component = match self.component(found.as_ref(), &place.component) {
                Ok(component) => component,
                Err(reason) => return Ok(Err(reason)),
            };
            let listed = &place.stanza;
            let Additions { fields, lost } = additions(&listed.text, &own);
            added.lost = lost;
            let series = (target.archive.id, target.shape.series.id);
            let named = (PackageKind::Binary, binary.name.as_str());
            extra_override::set_extra_fields(tx, series, named, None, &fields, target.creator, *now)?;
            let (mut section, mut priority) = (listed.section.clone(), listed.priority.clone());
            if let Some(found) = &found {
                section = found.section.clone().or(section);
                priority = found.priority.clone().or(priority);
            }
            let new = NewBinaryPublication {
                suite,
                architecture: architecture.id,
                release,
                name: binary.name.as_str(),
                component,
                section: section.as_ref(),
                priority: priority.as_ref(),
                creator: target.creator,
            };
            let wished = publication::publish_phased_binary(tx, &new, Phasing::of(listed.phased), *now)?;
            added.publications += usize::from(wished == Wished::Pending);
        }
        Ok(Ok(added))
    }

    /// The override of a package, if there is one: it is this archive's own word.
    fn find_override(&self, kind: PackageKind, name: &str) -> Result<Option<Override>, StoreError> {
        if !self.has_overrides {
            return Ok(None);
        }
        let (archive, series) = (self.target.archive.id, self.target.shape.series.id);
        package_override::find_override(self.tx, archive, series, kind, name)
    }

    fn component(&self, found: Option<&Override>, theirs: &ComponentName) -> Result<ComponentId, String> {
        let components = &self.target.shape.components;
        if let Some(id) = found.and_then(|found| found.component) {
            return components.iter().find(|one| one.id == id).map(|one| one.id).ok_or_else(|| {
                format!(
                    "its override names a component that {} does not have: change it with `pressroom override set`",
                    self.target.shape.suite.name
                )
            });
        }
        components.iter().find(|one| one.name == *theirs).map(|one| one.id).ok_or_else(|| {
            format!(
                "it is in the component {theirs}, which {} does not have: add it with `pressroom series set --component`",
                self.target.shape.suite.name
            )
        })
    }
}
