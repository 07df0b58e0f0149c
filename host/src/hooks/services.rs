//! What the host answers a hook: the archive as the pass will leave it, the staged tree, the hook's memory, signatures, the log.

use std::collections::{BTreeMap, VecDeque};

use globset::GlobSet;
use std::time::Instant;

use jiff::Timestamp;
use pressroom_archive::domain::{DistributionId, PackageKind, PassId, PublicationId};
use pressroom_archive::librarian::Librarian;
use pressroom_archive::openpgp::Signer;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::shape::{SuiteShape, shapes_of};
use pressroom_archive::store::transition::{changed_publications, named_transitions};
use pressroom_archive::store::{Connection, StoreError, hook, mirror_journal};
use pressroom_sandbox::{
    ArchiveError, ByteBuf, Change, FileChange, HostReply, HostRequest, HostServices, Index, Level, Package,
    PackageContents, SigningMode, StagingError, StateError,
};

use super::convert;
use super::http::Fetcher;
use super::lists::{Lists, MAX_PAGE, Marks, Question};
use super::overlay::Overlay;

/// The longest key of a hook's memory.
const MAX_KEY_BYTES: usize = 256;
/// Most keys of it.
const MAX_KEYS: usize = 1000;
/// Of so many keys it is known what a call has read: of all that there can be, and of many that there are not.
const MAX_KEYS_SEEN: usize = 10 * MAX_KEYS;
/// Most signatures in one call: each is work of the key, and a line in the log.
const MAX_SIGNATURES: usize = 1000;
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
    /// How many were asked for.
    pub(super) signatures: usize,
    pub(super) now: Timestamp,
    pub(super) state: StateChanges<'a>,
    pub(super) log: Log,
    pub(super) librarian: &'a Librarian,
    /// The end of the call: no question is worked on beyond it.
    pub(super) until: Instant,
    /// How far lists were read.
    pub(super) marks: Marks,
    pub(super) http: Fetcher,
    /// What is asked for a page at a time: sorted once, when the first page is asked for.
    pub(super) changes: Option<Vec<ChangedOf<'a>>>,
    /// Why nobody knows what the pass changes, where that is so.
    pub(super) changes_unknown: Option<&'a str>,
}

/// An archive, its pass, and the publications that it changes.
pub(super) type ChangedOf<'a> = (&'a Archive, PassId, Vec<(PackageKind, PublicationId)>);

/// The end of a hook's log.
#[derive(Debug, Default)]
pub(super) struct Log {
    lines: VecDeque<String>,
    /// What the host says of the hook, which the hook's own lines can neither look like nor push out. There are no more than it may make
    /// signatures and requests.
    of_host: Vec<String>,
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

    /// A line of the host's own: what it has done for the hook.
    fn add_of_host(&mut self, hook: &str, level: Level, message: &str) {
        match level {
            Level::Debug | Level::Info => tracing::info!(hook, "{message}"),
            Level::Warn | Level::Error => tracing::warn!(hook, "{message}"),
        }
        self.of_host.push(format!("host: {message}"));
    }

    /// The lines that are kept.
    pub(super) fn text(&self) -> String {
        self.of_host.iter().chain(&self.lines).map(|line| format!("{line}\n")).collect()
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
    /// What the call has read of what was kept.
    seen: hook::Seen,
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
        let kept = Kept::Rows { db, distribution, hook };
        Self { kept, most_bytes, changes: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// A memory that a fixture gives.
    pub(super) const fn of(given: &'a BTreeMap<String, Vec<u8>>, most_bytes: u64) -> Self {
        let kept = Kept::Given(given);
        Self { kept, most_bytes, changes: BTreeMap::new(), seen: BTreeMap::new() }
    }

    /// What the call wants to keep, and what it has read.
    pub(super) fn into_changes(self) -> (BTreeMap<String, Option<Vec<u8>>>, hook::Seen) {
        (self.changes, self.seen)
    }

    pub(super) fn get(&mut self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        check_key(key)?;
        if let Some(value) = self.changes.get(key) {
            return Ok(value.clone());
        }
        let value = self.kept.value(key)?;
        if self.seen.len() >= MAX_KEYS_SEEN && !self.seen.contains_key(key) {
            return Ok(value);
        }
        // one call sees one memory, whoever changes it meanwhile
        Ok(self.seen.entry(key.to_owned()).or_insert(value).clone())
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
        } else if self.kept.value(&key)?.is_none() {
            // to forget what was never kept takes no room
            self.changes.remove(&key);
            return Ok(());
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
                HostReply::Packages(self.packages(index, offset, max))
            }
            HostRequest::Contents { index, names, below, offset, max } => {
                let archive = index.archive.clone();
                let question = Question::Contents { index, names, below };
                HostReply::Contents(self.contents(&archive, question, offset, max))
            }
            HostRequest::PreviousPass { archive } => HostReply::PreviousPass(self.previous_pass(&archive)),
            HostRequest::JournalNumbers { archive } => {
                HostReply::JournalNumbers(self.journal_numbers(&archive))
            }
            HostRequest::JournalChanges { archive, number, offset, max } => {
                HostReply::JournalChanges(self.journal_changes(&archive, number, offset, max))
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
            HostRequest::Http(request) => {
                let fetched = self.http.fetch(&request);
                self.log.add_of_host(self.hook, fetched.level, &fetched.line);
                HostReply::Http(fetched.reply)
            }
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

    fn archive(&self, archive: &str) -> Result<&'a (Archive, PassId), ArchiveError> {
        self.archives
            .iter()
            .find(|(row, _)| row.reference.to_string() == archive)
            .ok_or_else(|| ArchiveError::Unknown(format!("archive {archive}")))
    }

    fn shapes(&self, archive: &str) -> Result<(PassId, Vec<SuiteShape>), ArchiveError> {
        let (row, pass) = self.archive(archive)?;
        let shapes = shapes_of(self.db, row).map_err(|error| ArchiveError::Failed(error.to_string()))?;
        Ok((*pass, shapes))
    }

    fn changes(&mut self, offset: u64, max: u32) -> Result<Vec<Change>, ArchiveError> {
        let failed = |error: StoreError| ArchiveError::Failed(error.to_string());
        if let Some(reason) = self.changes_unknown {
            return Err(ArchiveError::Failed(reason.to_owned()));
        }
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

    fn lists(&self, archive: &str) -> Result<Lists<'_>, ArchiveError> {
        let (pass, shapes) = self.shapes(archive)?;
        Ok(Lists { db: self.db, librarian: self.librarian, until: self.until, pass, shapes })
    }

    fn packages(&mut self, index: Index, offset: u64, max: u32) -> Result<Vec<Package>, ArchiveError> {
        let mut marks = std::mem::take(&mut self.marks);
        let page =
            self.lists(&index.archive).and_then(|lists| lists.packages(&mut marks, index, offset, max));
        self.marks = marks;
        page
    }

    fn contents(
        &mut self,
        archive: &str,
        question: Question,
        offset: u64,
        max: u32,
    ) -> Result<Vec<PackageContents>, ArchiveError> {
        let mut marks = std::mem::take(&mut self.marks);
        let page = self.lists(archive).and_then(|lists| lists.contents(&mut marks, question, offset, max));
        self.marks = marks;
        page
    }

    fn previous_pass(&self, archive: &str) -> Result<Option<u64>, ArchiveError> {
        let (row, pass) = self.archive(archive)?;
        let previous = pressroom_archive::store::pass::previous_pass(self.db, row.id, *pass);
        let previous = previous.map_err(|error| ArchiveError::Failed(error.to_string()))?;
        Ok(previous.map(|pass| pass.0.cast_unsigned()))
    }

    fn journal_numbers(&self, archive: &str) -> Result<Option<(u64, u64)>, ArchiveError> {
        let (row, _) = self.archive(archive)?;
        mirror_journal::numbers(self.db, row.id).map_err(|error| ArchiveError::Failed(error.to_string()))
    }

    fn journal_changes(
        &self,
        archive: &str,
        number: u64,
        offset: u64,
        max: u32,
    ) -> Result<Vec<FileChange>, ArchiveError> {
        let failed = |error: StoreError| ArchiveError::Failed(error.to_string());
        let (row, _) = self.archive(archive)?;
        let kept = mirror_journal::numbers(self.db, row.id).map_err(failed)?;
        let entry = match kept {
            Some(_) => mirror_journal::entry_id(self.db, row.id, number).map_err(failed)?,
            None => None,
        };
        let entry = entry.ok_or_else(|| {
            ArchiveError::Unknown(match kept {
                Some((first, last)) => {
                    format!("number {number} of the journal of {archive}, which keeps {first} to {last}")
                }
                None => format!("number {number}: {archive} keeps no journal"),
            })
        })?;
        let most = u64::from(max.min(MAX_PAGE));
        let changes = mirror_journal::changes(self.db, entry, offset, most).map_err(failed)?;
        Ok(changes.into_iter().map(convert::file_change).collect())
    }

    fn sign(&mut self, input: &str, output: &str, mode: SigningMode) -> Result<(), StagingError> {
        let (Some(overlay), Some(signer)) = (self.overlay.as_mut(), self.signer) else {
            return Err(StagingError::Denied(NO_STAGING.to_owned()));
        };
        self.signatures += 1;
        if self.signatures > MAX_SIGNATURES {
            return Err(StagingError::Quota(format!("more than {MAX_SIGNATURES} signatures")));
        }
        sign(overlay, signer, &self.may_sign, self.now, [input, output], mode)?;
        self.log.add_of_host(self.hook, Level::Info, &format!("signed {input} to {output}"));
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
