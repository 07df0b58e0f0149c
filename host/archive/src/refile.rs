//! Filing published packages elsewhere: in another component or section, with another priority, for so many in a hundred.
//!
//! A publication never changes what it says. A new one of the same package takes its place: it waits, and the pass that publishes it supersedes the one
//! before. Nothing of the package itself changes, and its files stay or get a second name in the pool.

use jiff::Timestamp;

use crate::domain::name::{ComponentName, PackagePriority, Section, SourceName};
use crate::domain::{ComponentId, PackageKind};
use crate::people::{Actor, Denied, Rights, rights};
use crate::store::archive::Archive;
use crate::store::live::{FiledLive, LiveSource, Named, live_binaries, live_sources};
use crate::store::override_change::{self, NewOverrideChange};
use crate::store::publication::{
    NewBinaryPublication, NewSourcePublication, Phasing, Wished, publish_phased_binary, publish_source,
};
use crate::store::shape::SuiteShape;
use crate::store::{Made, StoreError, Transaction};

/// What is changed; what is left out stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The component.
    pub component: Option<(ComponentId, ComponentName)>,
    /// The section.
    pub section: Option<Section>,
    /// The priority; of binary packages alone.
    pub priority: Option<PackagePriority>,
    /// To how many binary packages are given.
    pub phasing: Phasing,
}

impl Change {
    /// Whether it says nothing that counts for packages of a kind.
    #[must_use]
    pub fn says_nothing_of(&self, kind: PackageKind) -> bool {
        let of_both = self.component.is_none() && self.section.is_none();
        match kind {
            PackageKind::Source => of_both,
            PackageKind::Binary => of_both && self.priority.is_none() && self.phasing == Phasing::Unsaid,
        }
    }

    /// In words, of packages of a kind.
    fn words(&self, kind: PackageKind) -> String {
        let mut words = Vec::new();
        words.extend(self.component.as_ref().map(|(_, name)| format!("component {name}")));
        words.extend(self.section.as_ref().map(|section| format!("section {section}")));
        if kind == PackageKind::Binary {
            words.extend(self.priority.as_ref().map(|priority| format!("priority {priority}")));
            words.extend(match self.phasing {
                Phasing::Unsaid => None,
                Phasing::All => Some("given to all".to_owned()),
                Phasing::Percentage(percentage) => Some(format!("given to {percentage} in a hundred")),
            });
        }
        words.join(", ")
    }
}

/// Which packages a name means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefiledPackages {
    /// Binary packages of the name.
    Binaries,
    /// The source of the name.
    Source,
    /// The source of the name, and the binary packages that were built from it.
    SourceAndBinaries,
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Refiling<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// The suite of it.
    pub shape: &'a SuiteShape,
    /// The names.
    pub names: &'a [SourceName],
    /// What they mean.
    pub extent: RefiledPackages,
    /// What is changed.
    pub change: &'a Change,
    /// Who asks.
    pub actor: &'a Actor,
    /// Why.
    pub reason: &'a str,
}

/// A package that is filed elsewhere now, or was already.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Refiled {
    /// Source or binary.
    pub kind: PackageKind,
    /// Its name.
    pub package: String,
    /// Its version.
    pub version: String,
    /// In whose index; none for sources.
    pub architecture: Option<String>,
    /// The component that it was in.
    pub from: String,
    /// The component that it will be in.
    pub to: String,
    /// The section that it was in.
    pub from_section: Option<Section>,
    /// The section that it will be in.
    pub to_section: Option<Section>,
    /// The priority that it had; none for sources.
    pub from_priority: Option<PackagePriority>,
    /// The priority that it will have; none for sources.
    pub to_priority: Option<PackagePriority>,
    /// To how many in a hundred it was given; none: to all.
    pub from_percentage: Option<u8>,
    /// To how many in a hundred it will be given; none: to all.
    pub to_percentage: Option<u8>,
    /// Whether it waits for the next run; otherwise it was filed so already.
    pub waits: bool,
}

/// Why nothing was filed elsewhere.
#[derive(Debug, thiserror::Error)]
pub enum RefileError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Who asks lacks a right.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The rules of the archive do not allow it.
    #[error("{0}")]
    Refused(String),
}

/// Files packages elsewhere: all of them, or none.
///
/// # Errors
/// When a package is not there, a right is lacking, or the database fails; nothing of it may be kept then.
pub fn refile(
    tx: &Transaction<'_>,
    request: &Refiling<'_>,
    now: Timestamp,
) -> Result<Vec<Refiled>, RefileError> {
    refuse_stable(request.archive, request.shape)?;
    if let Some((id, name)) = &request.change.component
        && request.shape.components.iter().all(|one| one.id != *id)
    {
        return Err(RefileError::Refused(format!("{} has no component {name}", request.shape.series.name)));
    }
    if let Some(priority) = request.change.priority.as_ref().filter(|priority| !priority.is_known()) {
        return Err(RefileError::Refused(priority.unknown()));
    }
    let rights = rights(tx, request.archive, request.actor)?;
    let mut refiled = Vec::new();
    for name in request.names {
        refiled.extend(one(tx, request, &rights, name, now)?);
    }
    Ok(refiled)
}

/// Refuses what would change the release pocket of a stable series; people's own archives have no such thing.
///
/// # Errors
/// When it would.
pub fn refuse_stable(archive: &Archive, shape: &SuiteShape) -> Result<(), RefileError> {
    let (suite, series) = (&shape.suite.name, &shape.series);
    if archive.purpose.holds_still(suite.pocket(), series.status) {
        return Err(RefileError::Refused(format!(
            "{suite} is {}, and its release pocket does not change: open it again with `pressroom series set {} --status FROZEN` first",
            series.status, series.name
        )));
    }
    Ok(())
}

fn one(
    tx: &Transaction<'_>,
    request: &Refiling<'_>,
    rights: &Rights,
    name: &SourceName,
    now: Timestamp,
) -> Result<Vec<Refiled>, RefileError> {
    let suite = &request.shape.suite;
    let (sources, binaries) = match request.extent {
        RefiledPackages::Binaries => (Vec::new(), live_binaries(tx, suite.id, Named::Binary(name.as_str()))?),
        RefiledPackages::Source => (live_sources(tx, suite.id, name.as_str())?, Vec::new()),
        RefiledPackages::SourceAndBinaries => (
            live_sources(tx, suite.id, name.as_str())?,
            live_binaries(tx, suite.id, Named::Source(name.as_str()))?,
        ),
    };
    let source = highest_source(sources);
    let binaries = highest_binaries(binaries);
    if source.is_none() && binaries.is_empty() {
        let (what, other) = match request.extent {
            RefiledPackages::Binaries => {
                ("binary package", "name sources with --source or --source-and-binaries")
            }
            RefiledPackages::Source | RefiledPackages::SourceAndBinaries => {
                ("source package", "without --source, names are those of binary packages")
            }
        };
        return Err(RefileError::Refused(format!(
            "there is no {what} {name} in {} that is published or waits: nothing was changed ({other})",
            suite.name
        )));
    }
    // over where they are, and over where they go
    let mut components: Vec<(ComponentId, ComponentName)> = Vec::new();
    components.extend(source.iter().map(|one| (one.component, one.component_name.clone())));
    components.extend(binaries.iter().map(|one| (one.component, one.component_name.clone())));
    components.extend(request.change.component.clone());
    components.sort();
    components.dedup();
    rights.may_administer(request.shape.series.id, suite.name.pocket(), &components)?;
    let mut refiled = Vec::new();
    if let Some(source) = source.filter(|_| !request.change.says_nothing_of(PackageKind::Source)) {
        refiled.push(file_source(tx, request, name, &source, now)?);
    }
    for binary in &binaries {
        refiled.push(file_binary(tx, request, binary, now)?);
    }
    record(tx, request, &refiled, now)?;
    Ok(refiled)
}

/// The newest publication of the highest version.
fn highest_source(live: Vec<LiveSource>) -> Option<LiveSource> {
    live.into_iter().reduce(|best, one| if one.version.dpkg_cmp(&best.version).is_gt() { one } else { best })
}

/// For each name and architecture the newest publication of the highest version.
fn highest_binaries(live: Vec<FiledLive>) -> Vec<FiledLive> {
    let mut highest: Vec<FiledLive> = Vec::new();
    for one in live {
        match highest.last_mut() {
            Some(best) if (&best.name, best.architecture) == (&one.name, one.architecture) => {
                if one.version.dpkg_cmp(&best.version).is_gt() {
                    *best = one;
                }
            }
            _ => highest.push(one),
        }
    }
    highest
}

fn file_source(
    tx: &Transaction<'_>,
    request: &Refiling<'_>,
    name: &SourceName,
    source: &LiveSource,
    now: Timestamp,
) -> Result<Refiled, StoreError> {
    let change = request.change;
    let (component, to) = match &change.component {
        Some((id, name)) => (*id, name),
        None => (source.component, &source.component_name),
    };
    let section = change.section.as_ref().or(source.section.as_ref());
    let new = NewSourcePublication {
        suite: request.shape.suite.id,
        release: Made::Known(source.release),
        name,
        component,
        section,
        creator: request.actor.name(),
    };
    Ok(Refiled {
        kind: PackageKind::Source,
        package: name.to_string(),
        version: source.version.to_string(),
        architecture: None,
        from: source.component_name.to_string(),
        to: to.to_string(),
        from_section: source.section.clone(),
        to_section: section.cloned(),
        from_priority: None,
        to_priority: None,
        from_percentage: None,
        to_percentage: None,
        waits: publish_source(tx, &new, now)? == Wished::Pending,
    })
}

fn file_binary(
    tx: &Transaction<'_>,
    request: &Refiling<'_>,
    binary: &FiledLive,
    now: Timestamp,
) -> Result<Refiled, StoreError> {
    let change = request.change;
    let (component, to) = match &change.component {
        Some((id, name)) => (*id, name),
        None => (binary.component, &binary.component_name),
    };
    let section = change.section.as_ref().or(binary.section.as_ref());
    let priority = change.priority.as_ref().or(binary.priority.as_ref());
    let new = NewBinaryPublication {
        suite: request.shape.suite.id,
        architecture: binary.architecture,
        release: Made::Known(binary.release),
        name: &binary.name,
        component,
        section,
        priority,
        creator: request.actor.name(),
    };
    let phasing = match change.phasing {
        Phasing::Unsaid => Phasing::of(binary.phased_update_percentage),
        Phasing::All | Phasing::Percentage(_) => change.phasing,
    };
    Ok(Refiled {
        kind: PackageKind::Binary,
        package: binary.name.clone(),
        version: binary.version.to_string(),
        architecture: Some(binary.tag.to_string()),
        from: binary.component_name.to_string(),
        to: to.to_string(),
        from_section: binary.section.clone(),
        to_section: section.cloned(),
        from_priority: binary.priority.clone(),
        to_priority: priority.cloned(),
        from_percentage: binary.phased_update_percentage,
        to_percentage: match phasing {
            Phasing::Percentage(percentage) => Some(percentage),
            Phasing::All | Phasing::Unsaid => None,
        },
        waits: publish_phased_binary(tx, &new, phasing, now)? == Wished::Pending,
    })
}

/// Once for each package, however many architectures it has.
fn record(
    tx: &Transaction<'_>,
    request: &Refiling<'_>,
    refiled: &[Refiled],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut changed: Vec<(PackageKind, &str)> =
        refiled.iter().filter(|one| one.waits).map(|one| (one.kind, one.package.as_str())).collect();
    changed.dedup();
    for (kind, name) in changed {
        let new = NewOverrideChange {
            suite: request.shape.suite.id,
            kind,
            name,
            change: &request.change.words(kind),
            requester: request.actor.name(),
            reason: request.reason,
        };
        override_change::add_override_change(tx, &new, now)?;
    }
    Ok(())
}
