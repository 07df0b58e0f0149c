//! What is asked for becomes a request, with the archive where it is not there yet, or every reason why not.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{PopulateError, may, refused};
use crate::domain::name::{ComponentName, SourceName};
use crate::domain::{
    ArchitectureTag, ArchivePurpose, ArchiveReference, ComponentId, CopyRequestId, CopyRequestStatus,
    PackageSetName, SuiteId, SuiteName,
};
use crate::people::Actor;
use crate::store::archive::{
    Archive, ArchiveChange, archive_by_id, archives, change_archive, create_archive,
};
use crate::store::copy_archive::{self, NewCopyOf, add_copy_of};
use crate::store::copy_request::{self, NewCopyRequest};
use crate::store::distribution::distribution;
use crate::store::suite::{Suite, suite, suites_of};
use crate::store::{Connection, StoreError, Transaction, live, package_set, series};

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
    let (target, is_new) = the_archive(tx, wanted, now)?;
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
        note_copy(tx, wanted, &target, &suites, now)?;
    } else {
        refuse_or_settle(tx, wanted, &target)?;
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

/// The archive that is meant, and whether it has just been made.
fn the_archive(
    tx: &Transaction<'_>,
    wanted: &Populate<'_>,
    now: Timestamp,
) -> Result<(Archive, bool), PopulateError> {
    let to = wanted.to;
    let of = distribution(tx, to.distribution())?;
    if to.owner().is_some() || *to == ArchiveReference::primary(of.name.clone()) {
        return Err(refused(
            format!("{to} cannot be a copy archive"),
            format!("a copy is an archive of a distribution's own: name it {}/NAME", of.name),
        ));
    }
    let found = archives(tx, of.id)?.into_iter().find(|archive| archive.reference == *to);
    match found {
        Some(archive) => Ok((archive, false)),
        None if wanted.merge => {
            Err(refused(format!("there is no archive {to} to merge into"), "without --merge-copy it is made"))
        }
        None => {
            let named = format!("Copy of {}", wanted.origin_in_words);
            let display_name = wanted.display_name.unwrap_or(&named);
            let id = create_archive(tx, &of, to, ArchivePurpose::Copy, display_name, now)?;
            let made = archive_by_id(tx, id)?;
            change_archive(tx, &made, &ArchiveChange { enabled: Some(false), ..ArchiveChange::default() })?;
            Ok((archive_by_id(tx, id)?, true))
        }
    }
}

/// Writes down of an archive that was made what it is a copy of.
fn note_copy(
    tx: &Transaction<'_>,
    wanted: &Populate<'_>,
    target: &Archive,
    suites: &[SuitePair],
    now: Timestamp,
) -> Result<(), PopulateError> {
    let architectures = architectures(tx, wanted, suites)?;
    let new = NewCopyOf {
        origin: wanted.origin_in_words,
        origin_archive: Some(wanted.origin.id),
        reason: wanted.reason,
        creator: wanted.actor.name(),
        architectures: &architectures,
    };
    Ok(add_copy_of(tx, target, &new, now)?)
}

/// Refuses what cannot be asked of a copy archive that is there, and settles of which archive it is a copy where that was not known.
fn refuse_or_settle(
    tx: &Transaction<'_>,
    wanted: &Populate<'_>,
    target: &Archive,
) -> Result<(), PopulateError> {
    let to = wanted.to;
    if !wanted.merge {
        return Err(refused(
            format!("there is a copy archive {to} already"),
            "with --merge-copy it gets what it lacks and what is newer; otherwise name another archive",
        ));
    }
    if !wanted.architectures.is_empty() {
        return Err(refused(
            format!("the architectures of {to} do not change"),
            "leave --architecture out, or make another copy archive with it",
        ));
    }
    if copy_archive::copy_of(tx, target.id)?.is_some_and(|copy| copy.origin == wanted.origin_in_words) {
        // one that was described before its origin was here
        copy_archive::set_origin_archive(tx, target.id, wanted.origin.id)?;
    }
    Ok(())
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
            if live::has_live(tx, one.id)? {
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
