//! Filling a copy archive: what is asked for becomes a request, with the archive where it is not there yet, and the request is carried out in batches,
//! each in a transaction of its own.
//!
//! A copy is made *disabled*: nothing of it is built or published before somebody says so. What comes in is filed as it is in its origin. A name comes in
//! when the copy lacks it or has only something older; nothing is ever taken out, so that the first filling and every merge are the same work. What cannot
//! be copied is written down and stops nothing else. The request remembers the last name that it has dealt with: one that dies goes on there.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::judge::{File, Objection, of_files, of_format};
use super::request::{Act, after};
use crate::build::create::{create_builds, urgency_in};
use crate::build::supersede_built;
use crate::disk::{DiskError, During as _};
use crate::domain::name::{ComponentName, SourceName};
use crate::domain::{
    ArchitectureTag, ArchivePurpose, ArchiveReference, BinaryReleaseId, BuildStatus, ComponentId,
    CopyRequestId, CopyRequestStatus, DebVersion, FileName, PackageKind, PackageSetName, Sha256,
    SourceReleaseId, SuiteId, SuiteName,
};
use crate::librarian::Librarian;
use crate::people::{Actor, Denied, Rights, rights};
use crate::store::archive::{
    Archive, ArchiveChange, archive_by_id, archives, change_archive, create_archive,
};
use crate::store::binary_package_build::{Build, builds_of_source};
use crate::store::copy_archive::{self, NewCopyOf, add_copy_of};
use crate::store::copy_request::{self, CopyRequest, Done, LiveBinary, NewCopyRequest, RequestedSuite};
use crate::store::distribution::distribution;
use crate::store::library_file::expired_files;
use crate::store::package_copy::{self, CopiedSource, NewCopy};
use crate::store::publication::{
    self, NewBinaryPublication, NewSourcePublication, Wished, publish_binary, publish_source,
};
use crate::store::shape::{SuiteShape, shape};
use crate::store::suite::{Suite, suite, suite_by_id, suites_of};
use crate::store::upload_check::accepted_holder;
use crate::store::{Made, StoreError, package_release, package_set, series};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Populate<'a> {
    /// From which archive.
    pub origin: &'a Archive,
    /// As somebody has written it.
    pub origin_in_words: &'a str,
    /// From which suite; none: from all that have packages.
    pub from: Option<&'a SuiteName>,
    /// Into which archive.
    pub to: &'a ArchiveReference,
    /// Into which suite; none: the one of the same name.
    pub to_suite: Option<&'a SuiteName>,
    /// What is new or newer comes into an archive that is there; otherwise the archive is made.
    pub merge: bool,
    /// For which architectures the archive is made; none: for those that are enabled in its series.
    pub architectures: &'a [ArchitectureTag],
    /// Only these components; none: all.
    pub components: &'a [ComponentName],
    /// Only the sources of these package sets; none: all.
    pub package_sets: &'a [PackageSetName],
    /// Whether binary packages come too; without them, what comes is built.
    pub with_binaries: bool,
    /// As people write the archive that is made.
    pub display_name: Option<&'a str>,
    /// Who asks for it.
    pub actor: &'a Actor,
    /// Why.
    pub reason: &'a str,
}

/// Why a copy archive is not filled.
#[derive(Debug, thiserror::Error)]
pub enum PopulateError {
    /// It may not be, or cannot be as it was asked for.
    #[error("{what}: {remedy}")]
    Refused {
        /// What is in the way.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Whoever asks has no right to it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database failed, or has no such thing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The librarian's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

fn refused(what: impl Into<String>, remedy: impl Into<String>) -> PopulateError {
    PopulateError::Refused { what: what.into(), remedy: remedy.into() }
}

/// What became of a wish to fill an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// It is a request now.
    New(CopyRequestId),
    /// The very same is a request already, which has not come to its end.
    GoesOn(CopyRequestId),
}

impl Begun {
    /// The request.
    #[must_use]
    pub const fn request(self) -> CopyRequestId {
        match self {
            Self::New(id) | Self::GoesOn(id) => id,
        }
    }
}

/// From which suite to which, with the names that are wanted of it; none: all.
type SuitePair = (Suite, Suite, Option<Vec<SourceName>>);

/// Writes down what is asked for, and makes the archive where it is to be made. Nothing is copied yet.
///
/// # Errors
/// When it may not be, and then nothing of it may be kept.
pub fn begin(tx: &Transaction<'_>, wanted: &Populate<'_>, now: Timestamp) -> Result<Begun, PopulateError> {
    let Populate { origin, to, .. } = *wanted;
    if wanted.reason.is_empty() {
        return Err(refused(
            "no reason is given",
            "say why with --reason: it is kept with the archive and with the request",
        ));
    }
    if origin.private {
        return Err(refused(
            format!("{} is private", origin.reference),
            "copies are made of what everybody may read; single packages can be copied with `pressroom copy --unembargo`",
        ));
    }
    let of = distribution(tx, to.distribution())?;
    if to.owner().is_some() || *to == ArchiveReference::primary(of.name.clone()) {
        return Err(refused(
            format!("{to} cannot be a copy archive"),
            format!("a copy is an archive of a distribution's own: name it {}/NAME", of.name),
        ));
    }
    let found = archives(tx, of.id)?.into_iter().find(|archive| archive.reference == *to);
    let is_new = found.is_none();
    let target = match found {
        Some(archive) => archive,
        None if wanted.merge => {
            return Err(refused(
                format!("there is no archive {to} to merge into"),
                "without --merge-copy it is made",
            ));
        }
        None => {
            let named = format!("Copy of {}", wanted.origin_in_words);
            let display_name = wanted.display_name.unwrap_or(&named);
            let id = create_archive(tx, &of, to, ArchivePurpose::Copy, display_name, now)?;
            let made = archive_by_id(tx, id)?;
            change_archive(tx, &made, &ArchiveChange { enabled: Some(false), ..ArchiveChange::default() })?;
            archive_by_id(tx, id)?
        }
    };
    if target.purpose != ArchivePurpose::Copy {
        return Err(refused(
            format!("{to} is a {} archive and no copy", target.purpose),
            "name another archive; packages are brought into this one with `pressroom copy`",
        ));
    }
    if origin.id == target.id {
        return Err(refused(format!("{to} would be copied into itself"), "name another archive"));
    }
    let suites = pairs(tx, wanted, &target)?;
    may(tx, wanted.actor, &target, &suites.iter().map(|(_, to, _)| to).collect::<Vec<_>>())?;
    let components = components(tx, wanted, &suites)?;
    let open = copy_request::open_request(tx, target.id)?;
    if let Some(id) = open {
        if is_the_same(tx, id, wanted, &suites, &components)? {
            return Ok(Begun::GoesOn(id));
        }
        return Err(refused(
            format!("copy request {id} is still to bring something else into {to}"),
            format!(
                "`pressroom copy-request process {id}` brings it to its end, `pressroom copy-request cancel {id}` drops it"
            ),
        ));
    }
    if is_new {
        let architectures = architectures(tx, wanted, &suites)?;
        let new = NewCopyOf {
            origin: wanted.origin_in_words,
            origin_archive: Some(origin.id),
            reason: wanted.reason,
            creator: wanted.actor.name(),
            architectures: &architectures,
        };
        add_copy_of(tx, &target, &new, now)?;
    } else if !wanted.merge {
        return Err(refused(
            format!("there is a copy archive {to} already"),
            "with --merge-copy it gets what it lacks and what is newer; otherwise name another archive",
        ));
    } else if !wanted.architectures.is_empty() {
        return Err(refused(
            format!("the architectures of {to} do not change"),
            "leave --architecture out, or make another copy archive with it",
        ));
    } else if copy_archive::copy_of(tx, target.id)?.is_some_and(|copy| copy.origin == wanted.origin_in_words)
    {
        // one that was described before its origin was here
        copy_archive::set_origin_archive(tx, target.id, origin.id)?;
    }
    let suites: Vec<(SuiteId, SuiteId, Option<Vec<SourceName>>)> =
        suites.into_iter().map(|(from, to, names)| (from.id, to.id, names)).collect();
    let new = NewCopyRequest {
        source_archive: origin.id,
        target_archive: target.id,
        copy_binaries: wanted.with_binaries,
        suites: &suites,
        package_sets: &words(wanted.package_sets),
        components: &components,
        requester: wanted.actor.name(),
        reason: wanted.reason,
    };
    Ok(Begun::New(copy_request::add_request(tx, &new, now)?))
}

fn words(names: &[PackageSetName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// From which suites to which.
fn pairs(tx: &Connection, wanted: &Populate<'_>, target: &Archive) -> Result<Vec<SuitePair>, PopulateError> {
    let origin = wanted.origin;
    let mut from = match wanted.from {
        Some(name) => vec![suite(tx, origin.id, name)?],
        None => suites_of(tx, origin.id)?,
    };
    if wanted.from.is_none() {
        let mut with_packages = Vec::new();
        for one in from {
            if copy_request::has_live(tx, one.id)? {
                with_packages.push(one);
            }
        }
        from = with_packages;
    }
    if from.is_empty() {
        return Err(refused(
            format!("there is no package in {}", origin.reference),
            "name an archive with packages, or one of its suites",
        ));
    }
    if wanted.to_suite.is_some() && wanted.from.is_none() {
        return Err(refused(
            format!("several suites of {} would come into one", origin.reference),
            "with --to-suite name the one that is copied: --from ARCHIVE/SUITE",
        ));
    }
    let all = suites_of(tx, target.id)?;
    let mut pairs = Vec::new();
    for one in from {
        let name = wanted.to_suite.unwrap_or(&one.name);
        let Some(to) = all.iter().find(|suite| suite.name == *name) else {
            let known: Vec<String> = all.iter().map(|suite| suite.name.to_string()).collect();
            return Err(refused(
                format!("{} has no suite {name}, only {}", target.reference, known.join(", ")),
                "say with --to-suite into which one, or add the series with `pressroom series add`",
            ));
        };
        pairs.push((one, to.clone(), None));
    }
    if wanted.package_sets.is_empty() {
        return Ok(pairs);
    }
    let mut found: Vec<&PackageSetName> = Vec::new();
    for (from, _, names) in &mut pairs {
        let mut wanted_names = Vec::new();
        for set in package_set::package_sets(tx, from.series)? {
            if let Some(name) = wanted.package_sets.iter().find(|name| **name == set.name) {
                found.push(name);
                wanted_names.extend(package_set::sources_of(tx, set.id)?);
            }
        }
        wanted_names.sort_unstable();
        wanted_names.dedup();
        *names = Some(wanted_names);
    }
    if let Some(unknown) = wanted.package_sets.iter().find(|name| !found.contains(name)) {
        let mut known = Vec::new();
        for (from, ..) in &pairs {
            known.extend(
                package_set::package_sets(tx, from.series)?.into_iter().map(|set| set.name.to_string()),
            );
        }
        known.sort_unstable();
        known.dedup();
        return Err(StoreError::Unknown { what: "package set", name: unknown.to_string(), known }.into());
    }
    Ok(pairs)
}

/// Whether somebody may decide about packages of suites of a copy, in the copy itself or in the primary archive.
fn may(tx: &Connection, actor: &Actor, target: &Archive, suites: &[&Suite]) -> Result<(), PopulateError> {
    let primary = archives(tx, target.distribution)?
        .into_iter()
        .find(|archive| archive.purpose == ArchivePurpose::Primary);
    let of_copy = rights(tx, target, actor)?;
    let of_primary = primary.map(|primary| rights(tx, &primary, actor)).transpose()?;
    for to in suites {
        let components: Vec<(ComponentId, ComponentName)> =
            series::components(tx, to.series)?.into_iter().map(|one| (one.id, one.name)).collect();
        let asked = |rights: &Rights| rights.may_administer(to.series, to.name.pocket(), &components);
        if asked(&of_copy).is_ok() {
            continue;
        }
        // it is the primary archive that a right can be given over before there is a copy
        asked(of_primary.as_ref().unwrap_or(&of_copy))?;
    }
    Ok(())
}

/// The components that are wanted; none: all.
fn components(
    tx: &Connection,
    wanted: &Populate<'_>,
    suites: &[SuitePair],
) -> Result<Vec<ComponentId>, PopulateError> {
    let mut known: BTreeMap<ComponentName, ComponentId> = BTreeMap::new();
    for (from, ..) in suites {
        known.extend(series::components(tx, from.series)?.into_iter().map(|one| (one.name, one.id)));
    }
    let find = |name: &ComponentName| {
        known.get(name).copied().ok_or_else(|| StoreError::Unknown {
            what: "component",
            name: name.to_string(),
            known: known.keys().map(ToString::to_string).collect(),
        })
    };
    let mut found = wanted.components.iter().map(find).collect::<Result<Vec<_>, _>>()?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The architectures that an archive is made for.
fn architectures(
    tx: &Connection,
    wanted: &Populate<'_>,
    suites: &[SuitePair],
) -> Result<Vec<ArchitectureTag>, PopulateError> {
    let mut known: Vec<ArchitectureTag> = Vec::new();
    for (_, to, _) in suites {
        let enabled = series::architectures(tx, to.series)?.into_iter().filter(|one| one.enabled);
        known.extend(enabled.map(|one| one.tag));
    }
    known.sort_unstable();
    known.dedup();
    if let Some(unknown) = wanted.architectures.iter().find(|tag| !known.contains(tag)) {
        return Err(StoreError::Unknown {
            what: "architecture",
            name: unknown.to_string(),
            known: known.iter().map(ToString::to_string).collect(),
        }
        .into());
    }
    if known.is_empty() {
        return Err(refused(
            format!("no architecture is enabled in the series of {}", wanted.to),
            "add one with `pressroom series set --architecture`",
        ));
    }
    Ok(if wanted.architectures.is_empty() { known } else { wanted.architectures.to_vec() })
}

/// Whether a request asks for exactly this.
fn is_the_same(
    tx: &Connection,
    id: CopyRequestId,
    wanted: &Populate<'_>,
    suites: &[SuitePair],
    components: &[ComponentId],
) -> Result<bool, StoreError> {
    let request = copy_request::request(tx, id)?;
    let own: Vec<ComponentId> =
        copy_request::components_of(tx, id)?.into_iter().map(|(component, _)| component).collect();
    let mut own_sorted = own;
    own_sorted.sort_unstable();
    let of_request: Vec<(SuiteId, SuiteId)> =
        copy_request::suites_of(tx, id)?.into_iter().map(|one| (one.from, one.to)).collect();
    let asked: Vec<(SuiteId, SuiteId)> = suites.iter().map(|(from, to, _)| (from.id, to.id)).collect();
    let architectures =
        copy_archive::copy_of(tx, request.target_archive)?.map_or_else(Vec::new, |copy| copy.architectures);
    let mut named: Vec<String> = wanted.architectures.iter().map(ToString::to_string).collect();
    named.sort_unstable();
    named.dedup();
    Ok(request.status != CopyRequestStatus::Canceling
        && request.source_archive == wanted.origin.id
        && request.copy_binaries == wanted.with_binaries
        && request.package_sets == words(wanted.package_sets)
        && of_request == asked
        && own_sorted == components
        && (named.is_empty() || named == architectures))
}

/// How far a step has brought a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more to do.
    GoesOn,
    /// It has come to its end.
    Ended(CopyRequestStatus),
}

/// Carries out a part of a request: up to so many names.
///
/// # Errors
/// When the database or the librarian's disk fails; nothing of the step may be kept then, and the request goes on where it was.
pub fn step(
    tx: &Transaction<'_>,
    librarian: &Librarian,
    id: CopyRequestId,
    names: u32,
    now: Timestamp,
) -> Result<Step, PopulateError> {
    let request = copy_request::request(tx, id)?;
    let end = |act: Act, message: &str| change(tx, id, act, message, now).map(Step::Ended);
    match request.status {
        CopyRequestStatus::New => {
            let begun = (CopyRequestStatus::New, CopyRequestStatus::InProgress);
            copy_request::change_status(tx, id, begun, "", now)?;
        }
        CopyRequestStatus::InProgress => {}
        CopyRequestStatus::Canceling => return end(Act::Stop, &request.status_message),
        status @ (CopyRequestStatus::Complete | CopyRequestStatus::Failed | CopyRequestStatus::Cancelled) => {
            return Ok(Step::Ended(status));
        }
    }
    let (origin, target) =
        (archive_by_id(tx, request.source_archive)?, archive_by_id(tx, request.target_archive)?);
    if origin.private {
        let why = format!("{} has become private, and what is in it is not everybody's", origin.reference);
        return end(Act::Fail, &why);
    }
    let suites = copy_request::suites_of(tx, id)?;
    let Some(of_request) = suites.into_iter().find(|one| !one.is_done) else {
        return end(Act::Finish, "");
    };
    if of_request.last_name.is_empty() && request.copy_binaries && !request.only_named {
        copy_request::note_sources_of_binaries(tx, id, &of_request)?;
    }
    let next = copy_request::next_names(tx, &request, &of_request, names)?;
    if let Some(last) = next.last() {
        let worker = Worker::new(tx, librarian, &request, &target, &of_request, now)?;
        let mut done = Done::default();
        for name in &next {
            done = done.and(worker.name(name)?);
        }
        copy_request::record_progress(tx, id, of_request.ordering, last, done)?;
    }
    if u32::try_from(next.len()).is_ok_and(|count| count < names) {
        copy_request::end_suite(tx, id, of_request.ordering)?;
    }
    Ok(Step::GoesOn)
}

/// Says of a request that it cannot be done. What it is then.
///
/// # Errors
/// When it has come to its end already, or the database fails.
pub fn fail(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    message: &str,
    now: Timestamp,
) -> Result<CopyRequestStatus, PopulateError> {
    change(tx, id, Act::Fail, message, now)
}

/// Drops a request. Where somebody is at work, that is told, and stops after what is under way; what has been copied stays. What it is then.
///
/// # Errors
/// When whoever asks may not, it has come to its end already, or the database fails.
pub fn cancel(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    (actor, is_at_work): (&Actor, bool),
    reason: &str,
    now: Timestamp,
) -> Result<CopyRequestStatus, PopulateError> {
    let request = copy_request::request(tx, id)?;
    if request.requester != actor.name() {
        let target = archive_by_id(tx, request.target_archive)?;
        let mut suites = Vec::new();
        for one in copy_request::suites_of(tx, id)? {
            suites.push(suite_by_id(tx, one.to)?);
        }
        may(tx, actor, &target, &suites.iter().collect::<Vec<_>>())?;
    }
    let why = match reason {
        "" => format!("cancelled by {}", actor.name()),
        reason => format!("cancelled by {}: {reason}", actor.name()),
    };
    change(tx, id, if is_at_work { Act::AskToStop } else { Act::Stop }, &why, now)
}

fn change(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    act: Act,
    message: &str,
    now: Timestamp,
) -> Result<CopyRequestStatus, PopulateError> {
    let copy_request::CopyRequest { status, only_named, .. } = copy_request::request(tx, id)?;
    let to = after(status, act).ok_or_else(|| {
        let what = format!("copy request {id} is {status} already");
        let remedy = match status {
            CopyRequestStatus::Canceling => "whoever is at it stops after the packages that are under way",
            CopyRequestStatus::New
            | CopyRequestStatus::InProgress
            | CopyRequestStatus::Complete
            | CopyRequestStatus::Failed
            | CopyRequestStatus::Cancelled => "nothing more is done about it; `pressroom populate-archive --merge-copy` brings in what is missing",
        };
        refused(what, remedy)
    })?;
    copy_request::change_status(tx, id, (status, to), message, now)?;
    if !to.is_open() && !only_named {
        copy_request::forget_sources_of_binaries(tx, id)?;
    }
    Ok(to)
}

/// Whether something is new or newer than what is there.
fn is_wanted(offered: &DebVersion, there: Option<&DebVersion>) -> bool {
    there.is_none_or(|there| offered.dpkg_cmp(there).is_gt())
}

/// Copies names of a suite.
struct Worker<'a> {
    tx: &'a Transaction<'a>,
    librarian: &'a Librarian,
    request: &'a CopyRequest,
    target: &'a Archive,
    of_request: &'a RequestedSuite,
    from: SuiteShape,
    to: SuiteShape,
    /// Only these components; none: all.
    components: Vec<ComponentId>,
    now: Timestamp,
}

impl<'a> Worker<'a> {
    fn new(
        tx: &'a Transaction<'a>,
        librarian: &'a Librarian,
        request: &'a CopyRequest,
        target: &'a Archive,
        of_request: &'a RequestedSuite,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            tx,
            librarian,
            request,
            target,
            of_request,
            from: shape(tx, suite_by_id(tx, of_request.from)?)?,
            to: shape(tx, suite_by_id(tx, of_request.to)?)?,
            components: copy_request::components_of(tx, request.id)?.into_iter().map(|(id, _)| id).collect(),
            now,
        })
    }

    /// Whether a component was asked for.
    fn has(&self, component: ComponentId) -> bool {
        self.components.is_empty() || self.components.contains(&component)
    }

    /// A source with the binary packages that are of it.
    fn name(&self, name: &SourceName) -> Result<Done, PopulateError> {
        let mut done = Done::default();
        let all = package_copy::sources_in(self.tx, self.of_request.from, name)?;
        // of the same version the newest, which comes first
        let best = all
            .iter()
            .filter(|one| one.is_live && self.has(one.component))
            .max_by(|one, other| one.version.dpkg_cmp(&other.version).then(std::cmp::Ordering::Greater));
        let there = package_copy::sources_in(self.tx, self.of_request.to, name)?;
        let mut own: Vec<SourceReleaseId> =
            there.iter().filter(|one| one.is_live).map(|one| one.release).collect();
        let there = there.into_iter().filter(|one| one.is_live).map(|one| one.version).max();
        let newer = best.filter(|source| is_wanted(&source.version, there.as_ref()));
        own.extend(newer.map(|source| source.release));
        if let Some(source) = newer {
            let against = self.against_source(name, source)?;
            if !against.is_empty() {
                self.problems(&against)?;
                return Ok(done);
            }
            done.sources += u64::from(self.publish_source(name, source)?);
        }
        let mut has_problem = false;
        if self.request.copy_binaries {
            let mut builds = Vec::new();
            for source in &own {
                builds.extend(builds_of_source(self.tx, self.target.id, *source)?);
            }
            (done.binaries, has_problem) = self.binaries(name, &builds)?;
            if done.binaries > 0 {
                for source in &own {
                    supersede_built(self.tx, (self.target.id, &self.to), *source, self.now)?;
                }
            }
        }
        // what has come built is not built again; what is missing is
        if let Some(source) = newer {
            let urgency = urgency_in(self.tx, self.request.source_archive, source.release)?;
            let builds = create_builds(self.tx, self.target, &self.to, source.release, urgency, self.now)?;
            done.builds += u64::try_from(builds.len()).unwrap_or(u64::MAX);
        }
        done.left_alone = u64::from(done == Done::default() && !has_problem);
        Ok(done)
    }

    fn against_source(
        &self,
        name: &SourceName,
        source: &CopiedSource,
    ) -> Result<Vec<Objection>, PopulateError> {
        let package = format!("{name} {}", source.version);
        let mut against =
            of_format(&package, &source.format, &self.to.series.source_formats, &self.to.series.name);
        against.extend(self.against_component(&package, source.component));
        let mut files = Vec::new();
        for (filename, digests) in publication::source_files(self.tx, source.release)? {
            files.push(self.file(filename, Some(&digests.sha256))?);
        }
        // of what has expired nothing is known but its name
        for filename in expired_files(self.tx, PackageKind::Source, source.release.0)? {
            files.push(self.file(filename, None)?);
        }
        against.extend(of_files(&package, &files));
        Ok(against)
    }

    /// A component that the series of the target does not have has no index there.
    fn against_component(&self, package: &str, component: ComponentId) -> Option<Objection> {
        let is_there = self.to.components.iter().any(|one| one.id == component);
        (!is_there).then(|| {
            let named = self.from.components.iter().find(|one| one.id == component);
            let named = named.map_or_else(|| "a component".to_owned(), |one| one.name.to_string());
            Objection {
                package: package.to_owned(),
                check: "component",
                what: format!("it is in {named}, which {} does not have", self.to.series.name),
                remedy: format!(
                    "add it with `pressroom series set {} --component {named}`",
                    self.to.series.name
                ),
            }
        })
    }

    fn file(&self, name: FileName, sha256: Option<&Sha256>) -> Result<File, PopulateError> {
        let Some(sha256) = sha256 else {
            return Ok(File { name, is_here: false, holder: None, accepted: None });
        };
        let path = self.librarian.path(sha256);
        let is_here = path.try_exists().during("look at", &path)?;
        let holder = package_release::other_holder(self.tx, self.target.id, &name, sha256)?;
        let accepted = accepted_holder(self.tx, self.target.id, &name, sha256)?;
        let holder = holder.map(|holder| (holder.package, holder.sha256));
        Ok(File { name, is_here, holder, accepted })
    }

    fn problems(&self, against: &[Objection]) -> Result<(), StoreError> {
        for one in against {
            let said = format!("{}: {}", one.what, one.remedy);
            let place = (self.request.id, self.of_request.to);
            copy_request::add_problem(self.tx, place, (&one.package, one.check, &said))?;
        }
        Ok(())
    }

    fn publish_source(&self, name: &SourceName, source: &CopiedSource) -> Result<bool, StoreError> {
        let new = NewSourcePublication {
            suite: self.of_request.to,
            release: Made::Known(source.release),
            name,
            component: source.component,
            section: source.section.as_ref(),
            creator: &self.request.requester,
        };
        if publish_source(self.tx, &new, self.now)? == Wished::AsItWas {
            return Ok(false);
        }
        let copy = NewCopy {
            from_suite: self.of_request.from,
            to_suite: self.of_request.to,
            release: source.release,
            with_binaries: self.request.copy_binaries,
            requester: &self.request.requester,
            reason: &self.request.reason,
            upload: None,
        };
        package_copy::add_copy(self.tx, &copy, self.now)?;
        Ok(true)
    }

    /// Index by index, since one architecture may still have what the others have not any more. How many came, and whether one could not.
    fn binaries(&self, source: &SourceName, builds: &[Build]) -> Result<(u64, bool), PopulateError> {
        let mut live = copy_request::live_binaries(self.tx, self.of_request.from, source)?;
        live.retain(|binary| self.has(binary.component));
        let (mut came, mut has_problem) = (0, false);
        let mut fit: BTreeMap<BinaryReleaseId, bool> = BTreeMap::new();
        for architecture in &self.to.architectures {
            let has_index = self.from.architectures.iter().any(|one| one.tag == architecture.tag);
            for binary in best_of(&live, &architecture.tag, has_index) {
                let there =
                    copy_request::live_version(self.tx, self.of_request.to, architecture.id, &binary.name)?;
                if !is_wanted(&binary.version, there.as_ref()) {
                    continue;
                }
                let is_fit = match fit.get(&binary.release) {
                    Some(known) => *known,
                    None => {
                        let package = format!("{} {} ({})", binary.name, binary.version, binary.architecture);
                        let file = self.file(binary.filename.clone(), binary.sha256.as_ref())?;
                        let mut against = of_files(&package, &[file]);
                        against.extend(self.against_component(&package, binary.component));
                        against.extend(against_building(&package, binary, builds));
                        self.problems(&against)?;
                        has_problem |= !against.is_empty();
                        fit.insert(binary.release, against.is_empty());
                        against.is_empty()
                    }
                };
                if !is_fit {
                    continue;
                }
                let new = NewBinaryPublication {
                    suite: self.of_request.to,
                    architecture: architecture.id,
                    release: Made::Known(binary.release),
                    name: &binary.name,
                    component: binary.component,
                    section: binary.section.as_ref(),
                    priority: binary.priority.as_ref(),
                    creator: &self.request.requester,
                };
                came += u64::from(publish_binary(self.tx, &new, self.now)? == Wished::Pending);
            }
        }
        Ok((came, has_problem))
    }
}

/// What a builder is about to bring in would have the same name and other content.
fn against_building(package: &str, binary: &LiveBinary, builds: &[Build]) -> Option<Objection> {
    let is_under_way = |one: &&Build| {
        matches!(one.status, BuildStatus::Building | BuildStatus::Gathering | BuildStatus::Uploading)
    };
    let makes_it = |one: &&Build| {
        let is_for =
            one.architecture == binary.architecture || (one.arch_indep && binary.architecture.is_all());
        is_for && one.version == binary.source_version
    };
    let build = builds.iter().filter(is_under_way).find(makes_it)?;
    Some(Objection {
        package: package.to_owned(),
        check: "building",
        what: format!("the copy builds it itself, as build {} for {}", build.id, build.architecture),
        remedy: format!(
            "leave it to the builder, or stop it with `pressroom build cancel {}` and merge once more",
            build.id
        ),
    })
}

/// Of each name the highest version in the index of an architecture, the newest publication of it. Where the origin has no such index, what is for all.
fn best_of<'a>(live: &'a [LiveBinary], tag: &ArchitectureTag, has_index: bool) -> Vec<&'a LiveBinary> {
    let mut best: BTreeMap<&str, &LiveBinary> = BTreeMap::new();
    let is_meant = |one: &&LiveBinary| {
        if has_index { one.in_index_of == *tag } else { one.architecture.is_all() }
    };
    for one in live.iter().filter(is_meant) {
        let known = best.entry(&one.name).or_insert(one);
        if one.version.dpkg_cmp(&known.version).is_gt() {
            *known = one;
        }
    }
    best.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(name: &str, version: &str, architecture: &str, in_index_of: &str) -> LiveBinary {
        LiveBinary {
            release: BinaryReleaseId(1),
            name: name.to_owned(),
            version: version.parse().unwrap(),
            source_version: version.parse().unwrap(),
            architecture: architecture.parse().unwrap(),
            in_index_of: in_index_of.parse().unwrap(),
            component: ComponentId(1),
            section: None,
            priority: None,
            filename: format!("{name}_{version}_{architecture}.deb").parse().unwrap(),
            sha256: None,
        }
    }

    fn best(live: &[LiveBinary], tag: &str, has_index: bool) -> Vec<String> {
        let found = best_of(live, &tag.parse().unwrap(), has_index);
        found.iter().map(|one| format!("{} {} {}", one.name, one.version, one.architecture)).collect()
    }

    #[test]
    fn each_index_gives_the_highest_version_that_it_has() {
        let live = [
            // it was for all, and is built for amd64 by now
            binary("hello", "1", "all", "arm64"),
            binary("hello", "2", "amd64", "amd64"),
            binary("hello", "1", "all", "amd64"),
            binary("hello-doc", "2", "all", "amd64"),
            binary("hello-doc", "2", "all", "arm64"),
        ];
        assert_eq!(best(&live, "amd64", true), ["hello 2 amd64", "hello-doc 2 all"]);
        assert_eq!(best(&live, "arm64", true), ["hello 1 all", "hello-doc 2 all"]);
        assert_eq!(best(&live, "riscv64", true), Vec::<String>::new());
        assert_eq!(best(&live, "riscv64", false), ["hello 1 all", "hello-doc 2 all"]);
    }

    #[test]
    fn what_is_there_and_as_high_is_left_alone() {
        let version = |text: &str| text.parse::<DebVersion>().unwrap();
        for (offered, there, expected) in [
            ("1", None, true),
            ("2", Some("1"), true),
            ("1", Some("1"), false),
            ("1-0", Some("1"), false),
            ("1~rc1", Some("1"), false),
            ("1", Some("1~rc1"), true),
            ("1", Some("1:0"), false),
        ] {
            let there = there.map(version);
            assert_eq!(is_wanted(&version(offered), there.as_ref()), expected, "{offered} {there:?}");
        }
    }
}
