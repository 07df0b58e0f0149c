//! What the host answers a hook: the archive as the pass will leave it, the staged tree, the hook's memory, signatures, the log.

use std::collections::{BTreeMap, VecDeque};

use globset::GlobSet;
use jiff::Timestamp;
use pressroom_archive::domain::{BinaryFormat, DistributionId, PackageKind, PassId, PublicationId};
use pressroom_archive::release::sign::Signer;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::publication::{BinaryIndex, Names, changed_publications, named_transitions};
use pressroom_archive::store::shape::{SuiteShape, shapes_of};
use pressroom_archive::store::{Connection, StoreError, hook, publication};
use pressroom_sandbox::{
    ArchiveError, ByteBuf, Change, HostReply, HostRequest, HostServices, Index, Level, Package, SigningMode,
    StagingError, StateError,
};

use super::convert;
use super::overlay::Overlay;

/// The longest key of a hook's memory.
const MAX_KEY_BYTES: usize = 256;
/// Most keys of it.
const MAX_KEYS: usize = 1000;
/// A page of changes or packages has at most so many.
pub(super) const MAX_PAGE: u32 = 500;
/// So many lines of the log are kept with the run.
const LOG_TAIL_LINES: usize = 100;

/// What the answers come from.
pub(super) struct Services<'a> {
    pub(super) db: &'a Connection,
    pub(super) hook: &'a str,
    /// The archives of this call, with the pass over each.
    pub(super) archives: &'a [(Archive, PassId)],
    /// Only before publication.
    pub(super) overlay: Option<Overlay<'a>>,
    pub(super) signer: Option<&'a dyn Signer>,
    pub(super) may_sign: GlobSet,
    pub(super) now: Timestamp,
    pub(super) state: StateChanges<'a>,
    pub(super) log: Log,
    pub(super) packages: PackageCache,
    /// What is asked for a page at a time: sorted once, when the first page is asked for.
    pub(super) changes: Option<Vec<ChangedOf<'a>>>,
}

/// An archive, its pass, and the publications that it changes.
pub(super) type ChangedOf<'a> = (&'a Archive, PassId, Vec<(PackageKind, PublicationId)>);

/// The end of a hook's log.
#[derive(Debug, Default)]
pub(super) struct Log {
    lines: VecDeque<String>,
}

impl Log {
    fn add(&mut self, hook: &str, level: Level, message: &str) {
        match level {
            Level::Debug => tracing::debug!(hook, "{message}"),
            Level::Info => tracing::info!(hook, "{message}"),
            Level::Warn => tracing::warn!(hook, "{message}"),
            Level::Error => tracing::error!(hook, "{message}"),
        }
        self.lines.push_back(log_line(level, message));
        if self.lines.len() > LOG_TAIL_LINES {
            self.lines.pop_front();
        }
    }

    /// The lines that are kept.
    pub(super) fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

/// A line as it is kept.
pub(super) fn log_line(level: Level, message: &str) -> String {
    let word = match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warning",
        Level::Error => "error",
    };
    format!("{word}: {message}")
}

/// A hook's memory: as it was kept, with the changes of this call over it.
pub(super) struct StateChanges<'a> {
    kept: Kept<'a>,
    most_bytes: u64,
    changes: BTreeMap<String, Option<Vec<u8>>>,
}

/// Where a hook's memory was kept.
enum Kept<'a> {
    Rows {
        db: &'a Connection,
        distribution: DistributionId,
        hook: &'a str,
    },
    /// By a fixture.
    Given(&'a BTreeMap<String, Vec<u8>>),
}

impl Kept<'_> {
    fn value(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        match self {
            Self::Rows { db, distribution, hook } => {
                hook::state(db, *distribution, hook, key).map_err(|error| failed_state(&error))
            }
            Self::Given(values) => Ok(values.get(key).cloned()),
        }
    }

    fn sizes(&self) -> Result<BTreeMap<String, u64>, StateError> {
        match self {
            Self::Rows { db, distribution, hook } => {
                let keys = hook::state_keys(db, *distribution, hook).map_err(|error| failed_state(&error))?;
                Ok(keys.into_iter().collect())
            }
            Self::Given(values) => {
                Ok(values.iter().map(|(key, value)| (key.clone(), value.len() as u64)).collect())
            }
        }
    }
}

impl<'a> StateChanges<'a> {
    pub(super) const fn new(
        db: &'a Connection,
        distribution: DistributionId,
        hook: &'a str,
        most_bytes: u64,
    ) -> Self {
        Self { kept: Kept::Rows { db, distribution, hook }, most_bytes, changes: BTreeMap::new() }
    }

    /// A memory that a fixture gives.
    pub(super) const fn of(given: &'a BTreeMap<String, Vec<u8>>, most_bytes: u64) -> Self {
        Self { kept: Kept::Given(given), most_bytes, changes: BTreeMap::new() }
    }

    pub(super) fn into_changes(self) -> BTreeMap<String, Option<Vec<u8>>> {
        self.changes
    }

    pub(super) fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        check_key(key)?;
        match self.changes.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.kept.value(key),
        }
    }

    /// Every key with the size of its value, as this call would leave it.
    pub(super) fn sizes(&self) -> Result<BTreeMap<String, u64>, StateError> {
        let mut sizes = self.kept.sizes()?;
        for (key, value) in &self.changes {
            match value {
                Some(value) => drop(sizes.insert(key.clone(), value.len() as u64)),
                None => drop(sizes.remove(key)),
            }
        }
        Ok(sizes)
    }

    pub(super) fn set(&mut self, key: String, value: Option<Vec<u8>>) -> Result<(), StateError> {
        check_key(&key)?;
        if let Some(value) = &value {
            let mut sizes = self.sizes()?;
            sizes.insert(key.clone(), value.len() as u64);
            let bytes: u64 = sizes.iter().map(|(key, size)| key.len() as u64 + size).sum();
            if sizes.len() > MAX_KEYS {
                return Err(StateError::Quota(format!("more than {MAX_KEYS} keys")));
            }
            if bytes > self.most_bytes {
                return Err(StateError::Quota(format!("more than {} bytes", self.most_bytes)));
            }
        }
        self.changes.insert(key, value);
        Ok(())
    }
}

fn failed_state(error: &StoreError) -> StateError {
    StateError::Failed(error.to_string())
}

fn check_key(key: &str) -> Result<(), StateError> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err(StateError::BadKey(format!("a key has 1 to {MAX_KEY_BYTES} bytes, not {}", key.len())));
    }
    Ok(())
}

/// The index that was asked for last: pages are asked for one after the other.
#[derive(Default)]
pub(super) struct PackageCache {
    last: Option<(Index, Vec<Package>)>,
}

impl HostServices for Services<'_> {
    fn answer(&mut self, request: HostRequest) -> HostReply {
        match request {
            HostRequest::Log { level, message } => {
                self.log.add(self.hook, level, &message);
                HostReply::Logged
            }
            HostRequest::Suites { archive } => {
                HostReply::Suites(self.shapes(&archive).map(|(_, shapes)| convert::pass_suites(&shapes)))
            }
            HostRequest::Changes { offset, max } => HostReply::Changes(self.changes(offset, max)),
            HostRequest::Packages { index, offset, max } => {
                HostReply::Packages(self.page(index, offset, max))
            }
            HostRequest::StagingList { folder } => {
                HostReply::Files(self.overlay_ref().and_then(|overlay| overlay.list(&folder)))
            }
            HostRequest::StagingRead { path, offset, max_bytes } => HostReply::Content(
                self.overlay_ref()
                    .and_then(|overlay| overlay.read(&path, offset, max_bytes))
                    .map(ByteBuf::from),
            ),
            HostRequest::StagingWrite { path, content } => {
                HostReply::Staged(self.overlay_mut().and_then(|overlay| overlay.write(&path, content)))
            }
            HostRequest::StagingAppend { path, content } => {
                HostReply::Staged(self.overlay_mut().and_then(|overlay| overlay.append(&path, &content)))
            }
            HostRequest::StagingRemove { path } => {
                HostReply::Staged(self.overlay_mut().and_then(|overlay| overlay.remove(&path)))
            }
            HostRequest::StateGet { key } => {
                HostReply::Value(self.state.get(&key).map(|value| value.map(ByteBuf::from)))
            }
            HostRequest::StateSet { key, value } => HostReply::Stored(self.state.set(key, Some(value))),
            HostRequest::StateDelete { key } => HostReply::Stored(self.state.set(key, None)),
            HostRequest::StateKeys => {
                HostReply::Keys(self.state.sizes().map(|sizes| sizes.into_keys().collect()))
            }
            HostRequest::Sign { input, output, mode } => HostReply::Staged(self.sign(&input, &output, mode)),
        }
    }
}

pub(super) const NO_STAGING: &str = "there is a staged tree only before publication";

impl<'a> Services<'a> {
    fn overlay_ref(&self) -> Result<&Overlay<'a>, StagingError> {
        self.overlay.as_ref().ok_or_else(|| StagingError::Denied(NO_STAGING.to_owned()))
    }

    fn overlay_mut(&mut self) -> Result<&mut Overlay<'a>, StagingError> {
        self.overlay.as_mut().ok_or_else(|| StagingError::Denied(NO_STAGING.to_owned()))
    }

    fn shapes(&self, archive: &str) -> Result<(PassId, Vec<SuiteShape>), ArchiveError> {
        let (row, pass) = self
            .archives
            .iter()
            .find(|(row, _)| row.reference.to_string() == archive)
            .ok_or_else(|| ArchiveError::Unknown(format!("archive {archive}")))?;
        let shapes = shapes_of(self.db, row).map_err(|error| ArchiveError::Failed(error.to_string()))?;
        Ok((*pass, shapes))
    }

    fn changes(&mut self, offset: u64, max: u32) -> Result<Vec<Change>, ArchiveError> {
        let failed = |error: StoreError| ArchiveError::Failed(error.to_string());
        if self.changes.is_none() {
            let mut all = Vec::new();
            for (archive, pass) in self.archives {
                all.push((archive, *pass, changed_publications(self.db, *pass).map_err(failed)?));
            }
            self.changes = Some(all);
        }
        let mut skip = usize::try_from(offset).unwrap_or(usize::MAX);
        let mut left = max.min(MAX_PAGE) as usize;
        let mut changes = Vec::new();
        for (archive, pass, publications) in self.changes.iter().flatten() {
            let page = &publications[skip.min(publications.len())..];
            let page = &page[..left.min(page.len())];
            skip = skip.saturating_sub(publications.len());
            if page.is_empty() {
                continue;
            }
            left -= page.len();
            let reference = archive.reference.to_string();
            let (_, shapes) = self.shapes(&reference)?;
            changes.extend(named_transitions(self.db, *pass, page).map_err(failed)?.into_iter().map(
                |transition| {
                    let suite = shapes.iter().find(|shape| shape.suite.id == transition.suite);
                    let suite = suite.map(|shape| shape.suite.name.to_string()).unwrap_or_default();
                    convert::change(transition, &reference, &suite)
                },
            ));
        }
        Ok(changes)
    }

    fn page(&mut self, index: Index, offset: u64, max: u32) -> Result<Vec<Package>, ArchiveError> {
        if self.packages.last.as_ref().is_none_or(|(last, _)| *last != index) {
            let packages = self.packages(&index)?;
            self.packages.last = Some((index, packages));
        }
        let packages = self.packages.last.as_ref().map_or(&[][..], |(_, packages)| packages);
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(packages.len());
        let end = start.saturating_add(max.min(MAX_PAGE) as usize).min(packages.len());
        Ok(packages[start..end].to_vec())
    }

    fn packages(&self, index: &Index) -> Result<Vec<Package>, ArchiveError> {
        let unknown = |what: &str, name: &str| ArchiveError::Unknown(format!("{what} {name}"));
        let (pass, shapes) = self.shapes(&index.archive)?;
        let shape = shapes
            .iter()
            .find(|shape| shape.suite.name.to_string() == index.suite)
            .ok_or_else(|| unknown("suite", &index.suite))?;
        let (component, format) = match index.component.split_once('/') {
            None => (index.component.as_str(), BinaryFormat::Deb),
            Some((component, subcomponent)) => {
                let format =
                    BinaryFormat::ALL.iter().find(|format| format.subcomponent() == Some(subcomponent));
                (component, *format.ok_or_else(|| unknown("component", &index.component))?)
            }
        };
        let component = shape
            .components
            .iter()
            .find(|one| one.name.as_str() == component)
            .ok_or_else(|| unknown("component", &index.component))?;
        let mut packages = Vec::new();
        let name = component.name.to_string();
        let text = |value: Option<String>| value.unwrap_or_default();
        let result: Result<(), StoreError> = if index.architecture == "source" {
            publication::for_each_source(
                self.db,
                Some(pass),
                shape.suite.id,
                component.id,
                &Names::all(),
                |source| {
                    packages.push(Package {
                        name: source.name.to_string(),
                        version: source.version.to_string(),
                        architecture: "source".to_owned(),
                        component: name.clone(),
                        section: text(source.section.map(|section| section.to_string())),
                        priority: text(source.priority.map(|priority| priority.to_string())),
                        source: source.name.to_string(),
                        source_version: source.version.to_string(),
                    });
                    Ok(())
                },
            )
        } else {
            let architecture = shape
                .architectures
                .iter()
                .find(|one| one.tag.as_str() == index.architecture)
                .ok_or_else(|| unknown("architecture", &index.architecture))?;
            let index = BinaryIndex {
                suite: shape.suite.id,
                component: component.id,
                architecture: architecture.id,
                format,
            };
            publication::for_each_binary(self.db, Some(pass), &index, &Names::all(), |binary| {
                packages.push(Package {
                    name: binary.name,
                    version: binary.version.to_string(),
                    architecture: binary.architecture.to_string(),
                    component: name.clone(),
                    section: text(binary.section.map(|section| section.to_string())),
                    priority: text(binary.priority.map(|priority| priority.to_string())),
                    source: binary.source.to_string(),
                    source_version: binary.source_version.to_string(),
                });
                Ok(())
            })
        };
        result.map_err(|error| ArchiveError::Failed(error.to_string()))?;
        Ok(packages)
    }

    fn sign(&mut self, input: &str, output: &str, mode: SigningMode) -> Result<(), StagingError> {
        let (Some(overlay), Some(signer)) = (self.overlay.as_mut(), self.signer) else {
            return Err(StagingError::Denied(NO_STAGING.to_owned()));
        };
        sign(overlay, signer, &self.may_sign, self.now, [input, output], mode)?;
        self.log.add(self.hook, Level::Info, &format!("signed {input} to {output}"));
        Ok(())
    }
}

/// Signs a file of the overlay into another, if the grant lets the hook.
pub(super) fn sign(
    overlay: &mut Overlay<'_>,
    signer: &dyn Signer,
    may_sign: &GlobSet,
    now: Timestamp,
    [input, output]: [&str; 2],
    mode: SigningMode,
) -> Result<(), StagingError> {
    if !may_sign.is_match(input) {
        return Err(StagingError::Denied(format!("{input} is not within what the grant lets it sign")));
    }
    let content = overlay.read_whole(input)?;
    let failed = |error: &dyn std::error::Error| StagingError::Failed(error.to_string());
    let signature = match mode {
        SigningMode::Detached => signer.detached(&content, now).map_err(|error| failed(&error))?,
        SigningMode::Clear => {
            let text = std::str::from_utf8(&content).map_err(|error| failed(&error))?;
            signer.clear(text, now).map_err(|error| failed(&error))?
        }
    };
    overlay.write(output, signature)
}
