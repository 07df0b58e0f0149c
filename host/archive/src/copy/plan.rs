//! What a copy would do: everything that has to be known is read here, judged, and filed where the target files it.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::judge::{Built, Facts, File, Objection, objections};
use crate::bugs::{ClosedByCopy, CopiedFrom, closed_by_copy};
use crate::disk::{DiskError, During};
use crate::domain::name::{NameError, SourceName};
use crate::domain::problem::Severity;
use crate::domain::{
    ArchSeriesId, ArchitectureTag, BinaryReleaseId, BuildStatus, ComponentId, ComponentName, DebVersion,
    PackageKind, Pocket, Sha256, SourceReleaseId, SuiteName, UploadPolicy, UploadStatus,
};
use crate::librarian::Librarian;
use crate::people::{Actor, Rights, UploadQuestion, package_sets_of, rights};
use crate::store::archive::Archive;
use crate::store::library_file::expired_files;
use crate::store::package_copy::{self, CopiedBinary, CopiedSource, Within};
use crate::store::package_upload::Filed;
use crate::store::shape::SuiteShape;
use crate::store::upload_check::accepted_holder;
use crate::store::{
    Connection, StoreError, ancestry, binary_package_build, indexed, package_override, package_release,
    suite, upload_rules,
};
use crate::upload::ancestry::{Filing, Said};
use crate::upload::policy::{self, Offered};
use crate::upload::verdict::{Arrival, destiny};

/// A package that was asked for: `hello`, or `hello=2.10-3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The source.
    pub name: SourceName,
    /// Which version; none: the one that is live.
    pub version: Option<DebVersion>,
}

/// A text that names no package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}: name a source package, as hello, or with a version, as hello=2.10-3")]
pub struct WishError(#[from] NameError);

impl FromStr for Wish {
    type Err = WishError;

    fn from_str(text: &str) -> Result<Self, WishError> {
        let (name, version) = match text.split_once('=') {
            None => (text, None),
            Some((name, version)) => (name, Some(version.parse()?)),
        };
        Ok(Self { name: name.parse()?, version })
    }
}

impl std::fmt::Display for Wish {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.version {
            None => self.name.fmt(out),
            Some(version) => write!(out, "{}={version}", self.name),
        }
    }
}

/// One end of a copy.
#[derive(Debug, Clone, Copy)]
pub struct End<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// The suite of it.
    pub shape: &'a SuiteShape,
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Copying<'a> {
    /// From where.
    pub from: End<'a>,
    /// To where.
    pub to: End<'a>,
    /// Which packages.
    pub packages: &'a [Wish],
    /// Whether with their binary packages.
    pub with_binaries: bool,
    /// From a private archive to a public one, and that is meant.
    pub unembargo: bool,
    /// Past the queue of the target.
    pub auto_approve: bool,
    /// Who asks.
    pub actor: &'a Actor,
    /// Why.
    pub reason: &'a str,
}

/// Why nothing could be judged.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The librarian's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// A binary package that goes with its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedBinary {
    /// What.
    pub release: BinaryReleaseId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub architecture: ArchitectureTag,
    /// In whose indexes it will be.
    pub in_indexes_of: Vec<ArchSeriesId>,
    /// Where it will be filed.
    pub filed: Filed,
}

/// A package that will be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What.
    pub release: SourceReleaseId,
    /// Its name.
    pub name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// Where it will be filed.
    pub filed: Filed,
    /// The component's name.
    pub component: ComponentName,
    /// What goes with it.
    pub binaries: Vec<PlannedBinary>,
    /// What does not, because the target has no such architecture.
    pub left_out: Vec<String>,
    /// Where it begins: ACCEPTED is published at once.
    pub status: UploadStatus,
    /// Why there.
    pub comment: String,
    /// The bugs that it closes by coming there at once.
    pub closes: Vec<ClosedByCopy>,
    /// The content of its files, each with its size.
    pub contents: BTreeMap<Sha256, u64>,
}

/// What will be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The packages, in the order in which they were asked for, each once.
    pub packages: Vec<Planned>,
}

/// What a request comes to: all of it, or every reason against it.
///
/// # Errors
/// When the database or the librarian's disk fails.
pub fn plan(
    db: &Connection,
    librarian: &Librarian,
    request: &Copying<'_>,
) -> Result<Result<Plan, Vec<Objection>>, CopyError> {
    let mut against = of_target(request);
    against.extend(of_origin(db, request)?);
    let rights = rights(db, request.to.archive, request.actor)?;
    let mut packages: Vec<Planned> = Vec::new();
    // what the target refuses as a whole is not said again for each package
    if against.is_empty() {
        for wish in request.packages {
            match (Planner { db, librarian, rights: &rights, request }).package(wish)? {
                Err(reasons) => against.extend(reasons),
                Ok(planned) if packages.iter().any(|one| one.name == planned.name) => {
                    against.extend((!packages.contains(&planned)).then(|| Objection {
                        package: wish.to_string(),
                        check: "twice",
                        what: "it was asked for in two versions".to_owned(),
                        remedy: "name one of them".to_owned(),
                    }));
                }
                Ok(planned) => packages.push(planned),
            }
        }
    }
    against.extend(of_quota(db, request, &packages)?);
    Ok(if against.is_empty() { Ok(Plan { packages }) } else { Err(against) })
}

/// An archive with a quota takes no more than that of copies either. What it has already adds nothing.
fn of_quota(
    db: &Connection,
    request: &Copying<'_>,
    packages: &[Planned],
) -> Result<Option<Objection>, StoreError> {
    let archive = request.to.archive;
    let Some(quota_bytes) = archive.quota_bytes() else { return Ok(None) };
    let there = upload_rules::contents(db, archive.id)?;
    let mut more: BTreeMap<Sha256, u64> = BTreeMap::new();
    for planned in packages {
        more.extend(planned.contents.iter().filter(|(sha256, _)| !there.contains_key(sha256)));
    }
    let (has_bytes, more_bytes) = (there.values().sum(), more.values().copied().sum::<u64>());
    if more_bytes == 0 {
        return Ok(None);
    }
    let over = policy::size(&archive.reference.to_string(), "copy", has_bytes, more_bytes, quota_bytes);
    Ok(over.filter(|problem| problem.severity == Severity::Rejection).map(|problem| Objection {
        package: format!("{} of {}", request.to.shape.suite.name, archive.reference),
        check: problem.check,
        what: problem.what,
        remedy: problem.remedy,
    }))
}

/// What is wrong with the target, whatever goes there.
fn of_target(request: &Copying<'_>) -> Vec<Objection> {
    let End { archive, shape } = request.to;
    let name = &shape.suite.name;
    let everything = || format!("{name} of {}", archive.reference);
    if request.from.shape.suite.id == shape.suite.id {
        return vec![Objection {
            package: everything(),
            check: "same-suite",
            what: "packages would be copied to where they are".to_owned(),
            remedy: "name another suite, or another archive with --to-archive".to_owned(),
        }];
    }
    let offered = Offered {
        policy: UploadPolicy::Sync,
        purpose: archive.purpose,
        enabled: archive.enabled,
        archive: &archive.reference.to_string(),
        suite: name,
        status: shape.series.status,
        has_source: true,
        binary: None,
        custom: None,
        architectures: &[],
    };
    policy::problems(&offered)
        .into_iter()
        // copies are what it is for
        .filter(|problem| problem.check != policy::IS_A_COPY)
        .map(|problem| Objection {
            package: everything(),
            check: problem.check,
            what: problem.what,
            remedy: problem.remedy,
        })
        .collect()
}

/// What is in a private archive is not everybody's to copy.
fn of_origin(db: &Connection, request: &Copying<'_>) -> Result<Option<Objection>, StoreError> {
    let End { archive, shape } = request.from;
    if !archive.private || archive.id == request.to.archive.id {
        return Ok(None);
    }
    let denied = rights(db, archive, request.actor)?.may_see().err();
    Ok(denied.map(|denied| Objection {
        package: format!("{} of {}", shape.suite.name, archive.reference),
        check: "rights",
        what: denied.what,
        remedy: denied.remedy,
    }))
}

/// Looks at one package.
struct Planner<'a> {
    db: &'a Connection,
    librarian: &'a Librarian,
    /// Of who asks, over the target's archive.
    rights: &'a Rights,
    request: &'a Copying<'a>,
}

impl Planner<'_> {
    fn package(&self, wish: &Wish) -> Result<Result<Planned, Vec<Objection>>, CopyError> {
        let object = |check: &'static str, what: String, remedy: String| {
            Ok(Err(vec![Objection { package: wish.to_string(), check, what, remedy }]))
        };
        let (from, to) = (self.request.from, self.request.to);
        let source = match self.source(wish)? {
            Ok(source) => source,
            Err((what, remedy)) => return object("not-there", what, remedy),
        };
        let (mut binaries, mut left_out) = (Vec::new(), Vec::new());
        let all = if self.request.with_binaries { self.binaries(wish, &source)? } else { Vec::new() };
        for binary in all {
            let indexes = in_indexes_of(to.shape, &binary.architecture);
            if indexes.is_empty() {
                left_out.push(format!("{} ({})", binary.name, binary.architecture));
            } else {
                binaries.push((binary, indexes));
            }
        }
        let mut against = objections(&self.facts(wish, &source, &binaries)?);
        let filing = Filing::new(self.db, to.archive, to.shape)?;
        let filed = match self.file_source(&filing, wish, &source)? {
            Ok(filed) => filed,
            Err(reason) => {
                return object(
                    "component",
                    reason,
                    "give the series a component that it can be in".to_owned(),
                );
            }
        };
        let mut planned = Vec::new();
        let own = indexed::source_files(self.db, source.release)?.into_iter();
        let mut contents: BTreeMap<Sha256, u64> =
            own.map(|(_, digests)| (digests.sha256, digests.size_bytes)).collect();
        contents.extend(binaries.iter().map(|(binary, _)| (binary.sha256, binary.size_bytes)));
        for (binary, in_indexes_of) in binaries {
            match self.file_binary(&filing, &binary, &in_indexes_of, filed.component)? {
                Ok(filed) => planned.push(PlannedBinary {
                    release: binary.release,
                    name: binary.name,
                    architecture: binary.architecture,
                    in_indexes_of,
                    filed,
                }),
                Err(reason) => {
                    return object(
                        "component",
                        reason,
                        "give the series a component that it can be in".to_owned(),
                    );
                }
            }
        }
        let names =
            |id: ComponentId| to.shape.components.iter().find(|one| one.id == id).map(|one| one.name.clone());
        let component = names(filed.component).unwrap_or_else(|| source.component_name.clone());
        let (status, comment) = self.destiny(&source, wish, &filed, &planned);
        against.extend(self.rights(wish, &filed, &component, &planned, status)?);
        if status != UploadStatus::Accepted
            && let Some(upload) = package_copy::waiting_upload(self.db, to.shape.suite.id, source.release)?
        {
            against.push(Objection {
                package: wish.to_string(),
                check: "waits",
                what: format!(
                    "{} waits for {} already, as upload {upload}",
                    source.version, to.shape.suite.name
                ),
                remedy: format!("`pressroom queue show {upload}` shows it"),
            });
        }
        if !against.is_empty() {
            return Ok(Err(against));
        }
        let closes = if status == UploadStatus::Accepted {
            let origin = CopiedFrom { archive: from.archive.id, series: from.shape.series.id };
            let target = (to.archive.purpose, to.shape);
            closed_by_copy(self.db, self.librarian, origin, target, (&wish.name, &source.version))?
        } else {
            Vec::new()
        };
        let comment = if self.request.auto_approve { "approved at once".to_owned() } else { comment };
        Ok(Ok(Planned {
            release: source.release,
            name: wish.name.clone(),
            version: source.version,
            filed,
            component,
            binaries: planned,
            left_out,
            status,
            comment: format!(
                "copied from {} of {}: {comment}",
                from.shape.suite.name, from.archive.reference
            ),
            closes,
            contents,
        }))
    }

    /// The source that is meant.
    fn source(&self, wish: &Wish) -> Result<Result<CopiedSource, (String, String)>, StoreError> {
        let End { archive, shape } = self.request.from;
        let all = package_copy::sources_in(self.db, shape.suite.id, &wish.name)?;
        let place = format!("{} of {}", shape.suite.name, archive.reference);
        let found = match &wish.version {
            Some(version) => all.iter().find(|one| one.version == *version),
            None => all.iter().filter(|one| one.is_live).max_by(|one, other| {
                // of the same version the newest, which comes first
                one.version.dpkg_cmp(&other.version).then(std::cmp::Ordering::Greater)
            }),
        };
        Ok(match (found, all.is_empty()) {
            (Some(found), _) => Ok(found.clone()),
            (None, true) => Err((
                format!("there is no source package {} in {place}", wish.name),
                "names are those of source packages".to_owned(),
            )),
            (None, false) => {
                let mut versions: Vec<&DebVersion> = all.iter().map(|one| &one.version).collect();
                versions.sort_unstable();
                versions.dedup();
                let versions: Vec<String> = versions.into_iter().map(ToString::to_string).collect();
                let what = match &wish.version {
                    Some(version) => format!("{version} was never in {place}"),
                    None => format!("it is not in {place} any more"),
                };
                Err((what, format!("name a version that was there: {}", versions.join(", "))))
            }
        })
    }

    /// The binary packages of a source where it is copied from: the live ones; of a source that is not live, all that were there.
    fn binaries(&self, wish: &Wish, source: &CopiedSource) -> Result<Vec<CopiedBinary>, StoreError> {
        let within = Within::Suite(self.request.from.shape.suite.id);
        let mut all =
            package_copy::binaries_of(self.db, within, &wish.name, (source.release, &source.version))?;
        if source.is_live {
            all.retain(|binary| binary.is_live);
        }
        Ok(all)
    }

    fn facts(
        &self,
        wish: &Wish,
        source: &CopiedSource,
        binaries: &[(CopiedBinary, Vec<ArchSeriesId>)],
    ) -> Result<Facts, CopyError> {
        let (from, to) = (self.request.from, self.request.to);
        let own = indexed::source_files(self.db, source.release)?;
        let own = own.into_iter().map(|(name, digests)| (name, digests.sha256));
        let built = binaries.iter().map(|(binary, _)| (binary.filename.clone(), binary.sha256));
        let mut files = Vec::new();
        for (name, sha256) in own.chain(built) {
            let path = self.librarian.path(&sha256);
            let is_here = path.try_exists().during("look at", &path)?;
            let holder = package_release::other_holder(self.db, to.archive.id, &name, &sha256)?;
            let holder = holder.map(|holder| (holder.package, holder.sha256));
            let accepted = accepted_holder(self.db, to.archive.id, &name, &sha256)?;
            files.push(File { name, is_here, holder, accepted });
        }
        // of what has expired nothing is known but its name
        let gone = expired_files(self.db, source.release.into())?;
        let expired = |name| File { name, is_here: false, holder: None, accepted: None };
        files.extend(gone.into_iter().map(expired));
        let same = (source.release, &source.version);
        let in_archive =
            package_copy::binaries_of(self.db, Within::Archive(to.archive.id), &wish.name, same)?;
        let live = in_archive.iter().filter(|one| one.is_live);
        let (in_suite, in_archive) = live.partition::<Vec<_>, _>(|one| one.suite == to.shape.suite.name);
        let words = |all: Vec<&CopiedBinary>| all.into_iter().map(built_in_words).collect();
        let builds = binary_package_build::builds_of_source(self.db, to.archive.id, source.release)?;
        let is_under_way = |status: BuildStatus| match status {
            BuildStatus::NeedsBuild
            | BuildStatus::Building
            | BuildStatus::Gathering
            | BuildStatus::Uploading => true,
            BuildStatus::FullyBuilt
            | BuildStatus::FailedToBuild
            | BuildStatus::ManualDepWait
            | BuildStatus::ChrootWait
            | BuildStatus::Superseded
            | BuildStatus::FailedToUpload
            | BuildStatus::Cancelling
            | BuildStatus::Cancelled => false,
        };
        let there = self.highest_there(wish)?;
        let live_there = package_copy::sources_in(self.db, to.shape.suite.id, &wish.name)?;
        let is_other_source = live_there.iter().any(|one| {
            one.is_live && one.version.dpkg_cmp(&source.version).is_eq() && one.release != source.release
        });
        Ok(Facts {
            package: wish.to_string(),
            version: source.version.clone(),
            format: source.format.clone(),
            formats: to.shape.series.source_formats.clone(),
            series: to.shape.series.name.to_string(),
            suite: to.shape.suite.name.to_string(),
            files,
            there,
            is_other_source,
            with_binaries: self.request.with_binaries,
            binaries: words(binaries.iter().map(|(binary, _)| binary).collect()),
            in_suite: words(in_suite),
            in_archive: words(in_archive),
            unpublished: package_copy::binaries_in_queue(
                self.db,
                from.shape.suite.id,
                &wish.name,
                (source.release, &source.version),
            )?,
            building: builds
                .into_iter()
                .filter(|build| is_under_way(build.status))
                .map(|build| build.architecture)
                .collect(),
            is_disclosed: from.archive.private && !to.archive.private,
            unembargo: self.request.unembargo,
        })
    }

    /// The highest version that is live in the target, or, where none is, in the release pocket of its series.
    fn highest_there(&self, wish: &Wish) -> Result<Option<(DebVersion, String)>, StoreError> {
        let to = self.request.to;
        let release = SuiteName::new(to.shape.series.name.clone(), Pocket::Release);
        let mut suites = vec![to.shape.suite.clone()];
        if release != to.shape.suite.name {
            suites.extend(
                suite::suites_of(self.db, to.archive.id)?.into_iter().filter(|one| one.name == release),
            );
        }
        for one in suites {
            let live = package_copy::sources_in(self.db, one.id, &wish.name)?;
            let highest = live.into_iter().filter(|one| one.is_live).map(|one| one.version).max();
            if let Some(highest) = highest {
                return Ok(Some((highest, one.name.to_string())));
            }
        }
        Ok(None)
    }

    /// As the target has it now; else as its series files it; else where it was.
    fn file_source(
        &self,
        filing: &Filing<'_>,
        wish: &Wish,
        source: &CopiedSource,
    ) -> Result<Result<Filed, String>, StoreError> {
        let to = self.request.to;
        let there = package_copy::sources_in(self.db, to.shape.suite.id, &wish.name)?;
        if let Some(live) = there.into_iter().find(|one| one.is_live) {
            return Ok(Ok(Filed {
                component: live.component,
                section: live.section,
                priority: None,
                is_new: false,
            }));
        }
        let section = source.section.as_ref().and_then(plain);
        let filed = filing.source(&wish.name, Said { section: section.as_ref(), priority: None })?;
        let place = (to.archive.id, to.shape.series.id);
        let is_unknown = ancestry::source_ancestor(self.db, place, &wish.name)?.is_none();
        let found = package_override::find_override(
            self.db,
            to.archive.id,
            to.shape.series.id,
            PackageKind::Source,
            wish.name.as_str(),
        )?;
        let is_overridden = found.is_some_and(|found| found.component.is_some());
        Ok(filed.map(|filed| {
            let keeps = filed.is_new && is_unknown && !is_overridden;
            match self.same_component(&source.component_name).filter(|_| keeps) {
                Some(component) => Filed { component, ..filed },
                None => filed,
            }
        }))
    }

    fn file_binary(
        &self,
        filing: &Filing<'_>,
        binary: &CopiedBinary,
        architectures: &[ArchSeriesId],
        source: ComponentId,
    ) -> Result<Result<Filed, String>, StoreError> {
        let suite = self.request.to.shape.suite.id;
        if let Some(there) = package_copy::binary_filed_in(self.db, suite, &binary.name, architectures)? {
            return Ok(Ok(Filed {
                component: there.component,
                section: there.section,
                priority: there.priority,
                is_new: false,
            }));
        }
        let section = binary.section.as_ref().and_then(plain);
        let said = Said { section: section.as_ref(), priority: binary.priority.as_ref() };
        let component = self.same_component(&binary.component_name).unwrap_or(source);
        filing.binary(&binary.name, &binary.architecture, Some(component), said)
    }

    /// The component of a name in the target.
    fn same_component(&self, name: &ComponentName) -> Option<ComponentId> {
        self.request.to.shape.components.iter().find(|one| one.name == *name).map(|one| one.id)
    }

    /// Where a copy begins: as an upload by a trusted program would, unless it goes past the queue.
    fn destiny(
        &self,
        source: &CopiedSource,
        wish: &Wish,
        filed: &Filed,
        binaries: &[PlannedBinary],
    ) -> (UploadStatus, String) {
        let to = self.request.to;
        let mut new: Vec<String> = Vec::new();
        new.extend(filed.is_new.then(|| format!("source {} {}", wish.name, source.version)));
        let mut names: Vec<&str> =
            binaries.iter().filter(|one| one.filed.is_new).map(|one| one.name.as_str()).collect();
        names.dedup();
        new.extend(names.into_iter().map(|name| format!("binary {name}")));
        if self.request.auto_approve {
            return (UploadStatus::Accepted, String::new());
        }
        destiny(&Arrival {
            purpose: to.archive.purpose,
            status: to.shape.series.status,
            policy: UploadPolicy::Sync,
            new: &new,
            customs: &[],
        })
    }

    fn rights(
        &self,
        wish: &Wish,
        filed: &Filed,
        component: &ComponentName,
        binaries: &[PlannedBinary],
        status: UploadStatus,
    ) -> Result<Option<Objection>, StoreError> {
        let shape = self.request.to.shape;
        let (series, pocket) = (shape.series.id, shape.suite.name.pocket());
        let denied = if self.request.auto_approve {
            let named = |id: ComponentId| {
                let found = shape.components.iter().find(|one| one.id == id);
                (id, found.map_or_else(|| component.clone(), |one| one.name.clone()))
            };
            let mut components = vec![(filed.component, component.clone())];
            components.extend(binaries.iter().map(|one| named(one.filed.component)));
            components.sort();
            components.dedup();
            self.rights.may_administer(series, pocket, &components)
        } else {
            let package_sets = package_sets_of(self.db, series, &wish.name)?;
            self.rights.may_upload(&UploadQuestion {
                series,
                pocket,
                component: Some((filed.component, component)),
                source: &wish.name,
                package_sets: &package_sets,
                is_new: status == UploadStatus::New && filed.is_new,
            })
        };
        Ok(denied.err().map(|denied| Objection {
            package: wish.to_string(),
            check: "rights",
            what: denied.what,
            remedy: denied.remedy,
        }))
    }
}

/// A section without its component, which the target says.
fn plain(section: &crate::domain::Section) -> Option<crate::domain::Section> {
    section.without_component().parse().ok()
}

fn built_in_words(binary: &CopiedBinary) -> Built {
    Built {
        release: binary.release,
        name: binary.name.clone(),
        architecture: binary.architecture.clone(),
        suite: binary.suite.to_string(),
    }
}

/// The architectures in whose indexes a package is.
fn in_indexes_of(shape: &SuiteShape, tag: &ArchitectureTag) -> Vec<ArchSeriesId> {
    shape.architectures.iter().filter(|one| tag.is_all() || one.tag == *tag).map(|one| one.id).collect()
}
