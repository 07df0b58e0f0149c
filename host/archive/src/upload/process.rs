//! A run over incoming: what has arrived is judged, written down and put away.
//!
//! Uploads go in batches: their files come to the librarian, the librarian is synced once, then each upload has its own transaction, then all of
//! them are moved, the base folder is synced once, and the receipts say where they went. A death anywhere in between loses nothing: before its
//! transaction an upload is still in incoming and nothing knows of it; after it, its receipt says that it is to be moved, and the next run
//! does that first. What a batch needs of each other comes in different batches.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::checks::{ExamineError, Limits};
use super::incoming::{Arriving, Found, Incoming, Leaf, LeafKind, Patience, ReadError, read_regular};
use super::judge::{Bench, Judged, Sizes, judge};
use super::record::{Desk, Recorded, record};
use super::shelf::{self, Known};
use crate::disk::{self, DiskError, During};
use crate::domain::plain;
use crate::domain::problem::{Problem, Severity};
use crate::domain::{BuildId, ReceiptId, Sha256, UploadPolicy, UploadStatus, UploadVerdict, chain};
use crate::librarian::Librarian;
use crate::notify::{Letterhead, NotifyError};
use crate::store::archive::archive_by_id;
use crate::store::distribution::distributions;
use crate::store::suite::suites_of;
use crate::store::upload_receipt::{self, Receipt};
use crate::store::{Db, StoreError, Transaction, package_upload};

/// Why a run stops before its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// A disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody could be told.
    #[error(transparent)]
    Notify(#[from] NotifyError),
}

impl ProcessError {
    /// Whether the next upload would have the same trouble.
    fn is_everybodys(&self) -> bool {
        match self {
            Self::Disk(error) => matches!(
                error.source.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem
            ),
            Self::Store(error) | Self::Notify(NotifyError::Store(error)) => !error.is_about_rows(),
            Self::Notify(_) => true,
        }
    }
}

impl From<ExamineError> for ProcessError {
    fn from(error: ExamineError) -> Self {
        match error {
            ExamineError::Disk(error) => error.into(),
            ExamineError::Store(error) => error.into(),
        }
    }
}

/// Whether a run does what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It does.
    Real,
    /// Nothing is changed, nothing moved.
    DryRun,
}

/// Whether uploads that were judged stay in incoming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Afterwards {
    /// They go to the folder of their verdict.
    Move,
    /// They stay, and are not judged again.
    Keep,
}

/// What is asked of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// By which rules.
    pub policy: UploadPolicy,
    /// For which purpose: a word for receipts.
    pub context: String,
    /// Only this name in incoming.
    pub leaf: Option<String>,
    /// Whether it is meant.
    pub mode: Mode,
    /// What becomes of the files.
    pub afterwards: Afterwards,
    /// How long things may take to arrive.
    pub patience: Patience,
    /// How large things may be.
    pub limits: Limits,
    /// Which build the packages are of.
    pub build: Option<BuildId>,
}

/// What became of a `.changes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Done {
    /// The name in incoming.
    pub leaf: String,
    /// The `.changes`, where there is one.
    pub changes: Option<String>,
    /// What was decided.
    pub verdict: UploadVerdict,
    /// The source that it is about.
    pub source: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// Where it went.
    pub archive: Option<String>,
    /// To which suite.
    pub suite: Option<String>,
    /// Its number in the queue.
    pub upload: Option<i64>,
    /// Where it began there.
    pub queue: Option<UploadStatus>,
    /// Who signed it.
    pub signer: Option<String>,
    /// What was said, a line each.
    pub messages: Vec<String>,
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// How many messages were written.
    pub mails: usize,
    /// Its receipt; none in a dry run.
    pub receipt: Option<i64>,
    /// Where it lies, below the base folder; none: it has not been moved.
    pub moved_to: Option<String>,
}

/// What a run did.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// In order.
    pub done: Vec<Done>,
    /// What still arrives.
    pub arriving: Vec<Arriving>,
    /// What could not be judged or moved now, and is tried again by the next run.
    pub troubles: Vec<String>,
    /// How many moves of an earlier run were finished.
    pub finished: usize,
}

/// What a run works with.
#[derive(Debug)]
pub struct House<'a> {
    /// The database.
    pub db: &'a mut Db,
    /// Where files go.
    pub librarian: &'a Librarian,
    /// The base folder: `incoming` and the others are in it.
    pub base: &'a Path,
    /// Who writes mails; none: nobody does.
    pub letterhead: Option<&'a Letterhead>,
}

/// A deposit that has not come to its end after so long never will.
const UNFINISHED: SignedDuration = SignedDuration::from_hours(24);
/// So many uploads share a sync.
const BATCH: usize = 32;
/// Fewer do where their `.changes` are long: so many bytes of these are in memory at once, and one more.
const BATCH_BYTES: usize = 8 << 20;

/// Takes everything out of incoming that has arrived. `clock` says what time it is; `goes_on` whether another upload is to be begun.
///
/// # Errors
/// When the publisher itself is in trouble; what was done before stays done, and what was not is still in incoming.
pub fn process(
    house: &mut House<'_>,
    options: &Options,
    clock: &dyn Fn() -> Timestamp,
    goes_on: &dyn Fn() -> bool,
) -> Result<Report, ProcessError> {
    let base = std::fs::canonicalize(house.base).during("open the folder", house.base)?;
    let incoming = Incoming::open(&base)?;
    // what is judged has to lie somewhere; in a dry run, where it is gone afterwards
    let aside = match options.mode {
        Mode::Real => None,
        Mode::DryRun => {
            let folder = tempfile::Builder::new().prefix(".pressroom-dry-run-").tempdir_in(&base);
            Some(folder.during("make a folder in", &base)?)
        }
    };
    let scratch = aside.as_ref().map(|folder| Librarian::new(folder.path().to_owned()));
    let mut run = Run {
        librarian: scratch.as_ref().unwrap_or(house.librarian),
        kept: house.librarian,
        letterhead: house.letterhead,
        base_name: base.to_string_lossy().into_owned(),
        db: house.db,
        base,
        incoming,
        options,
        clock,
        report: Report::default(),
        batch: Batch::default(),
        left: BTreeSet::new(),
        sizes: Sizes::default(),
    };
    // until the rows are there nothing that has come in may be taken for what nobody wants
    let _open = run.kept.open_for_deposits()?;
    if options.mode == Mode::Real {
        // what a run that died had begun to take in
        house.librarian.sweep(clock() - UNFINISHED)?;
        run.finish_moves()?;
    }
    for leaf in run.scan()? {
        if !goes_on() {
            break;
        }
        let name = leaf.name.clone();
        match run.leaf(leaf) {
            Ok(()) => {}
            Err(error) if error.is_everybodys() => return Err(error),
            // one that nobody may read is not in the way of the others
            Err(error) => run.report.troubles.push(format!("{name}: {}", chain(&error))),
        }
    }
    run.flush()?;
    // of one that could not be judged to its end, what was judged
    for open in std::mem::take(&mut run.batch.leaves) {
        run.report.done.extend(open.done);
    }
    run.remove_left()?;
    Ok(run.report)
}

/// What is judged and not written down yet.
#[derive(Default)]
struct Batch {
    /// With the place of the leaf among `leaves`.
    judged: Vec<(usize, Judged)>,
    leaves: Vec<Open>,
    /// The sources that are in it.
    sources: BTreeSet<String>,
}

/// A leaf of which something is done.
struct Open {
    leaf: Leaf,
    /// Its receipts, those of an earlier run first.
    receipts: Vec<ReceiptId>,
    done: Vec<Done>,
    /// Whether all its `.changes` have been judged, so that it can be moved.
    is_complete: bool,
    /// Whether one of them could not be written down: it comes again.
    has_trouble: bool,
}

struct Run<'a> {
    db: &'a mut Db,
    librarian: &'a Librarian,
    /// Where the archive's own files are.
    kept: &'a Librarian,
    letterhead: Option<&'a Letterhead>,
    base: PathBuf,
    base_name: String,
    incoming: Incoming,
    options: &'a Options,
    clock: &'a dyn Fn() -> Timestamp,
    report: Report,
    batch: Batch,
    /// Files that several `.changes` list, where one of them has been moved.
    left: BTreeSet<(PathBuf, OsString)>,
    /// How large archives with a quota are.
    sizes: Sizes,
}

impl Run<'_> {
    /// What can be judged, in order.
    fn scan(&mut self) -> Result<Vec<Leaf>, ProcessError> {
        let names: BTreeSet<String> =
            distributions(self.db.read())?.into_iter().map(|one| one.name.to_string()).collect();
        let stands = |name: &str| name.starts_with('~') || names.contains(name);
        let scan = self.incoming.scan(&stands, &self.options.patience, (self.clock)())?;
        let wanted = |name: &str| self.options.leaf.as_ref().is_none_or(|leaf| leaf == name);
        self.report.arriving = scan.arriving.into_iter().filter(|one| wanted(&one.name)).collect();
        Ok(scan.ready.into_iter().filter(|leaf| wanted(&leaf.name)).collect())
    }

    /// Takes up where an earlier run has died: what is judged is moved, what is gone is gone.
    fn finish_moves(&mut self) -> Result<(), ProcessError> {
        let mut leaves: BTreeMap<String, Vec<Receipt>> = BTreeMap::new();
        for receipt in upload_receipt::not_moved(self.db.read(), &self.base_name)? {
            leaves.entry(receipt.leaf.clone()).or_default().push(receipt);
        }
        for (name, receipts) in leaves {
            let leaf = self.incoming.leaf(&name)?;
            let is_same = leaf.as_ref().is_some_and(|leaf| {
                leaf.uploads.is_empty() || receipts.iter().all(|receipt| self.is_there(leaf, receipt))
            });
            // where the move was finished, whatever has this name now has come since
            let is_moved = |leaf: &Leaf| {
                shelf::place(&receipts).is_some_and(|place| shelf::is_there(&self.base, leaf, &place))
            };
            let leaf = leaf.filter(|leaf| is_same && !is_moved(leaf));
            // a folder of which not all was judged comes again with what is left
            if let Some(leaf) = &leaf
                && leaf.uploads.iter().any(|found| !receipts.iter().any(|receipt| is_of(receipt, found)))
            {
                continue;
            }
            if let Err(error) = self.move_one(leaf.as_ref(), &receipts) {
                self.report.troubles.push(format!("{name}: {}", chain(&error)));
            } else {
                self.report.finished += 1;
            }
        }
        Ok(())
    }

    /// Whether the `.changes` of a receipt lies where it was, as it was.
    fn is_there(&self, leaf: &Leaf, receipt: &Receipt) -> bool {
        let Some(found) = leaf.uploads.iter().find(|found| is_of(receipt, found)) else { return false };
        receipt.changes_sha256 == self.sha256_of(found)
    }

    fn sha256_of(&self, found: &Found) -> Option<Sha256> {
        let folder = self.incoming.open_folder(&found.folder).ok()?;
        let read = read_regular(
            std::os::fd::AsFd::as_fd(&folder),
            std::ffi::OsStr::new(&found.changes),
            super::incoming::MAX_CHANGES_BYTES,
        );
        match read {
            Ok(bytes) => Some(Sha256::of(&bytes)),
            Err(ReadError::NotRegular | ReadError::TooLarge { .. } | ReadError::Unreadable(_)) => None,
        }
    }

    fn move_one(&mut self, leaf: Option<&Leaf>, receipts: &[Receipt]) -> Result<(), ProcessError> {
        let place = self.put_away(leaf, receipts)?;
        disk::sync_filesystem(&self.base)?;
        self.db.write(|tx| {
            receipts.iter().try_for_each(|receipt| upload_receipt::moved(tx, receipt.id, &place))
        })?;
        Ok(())
    }

    /// Writes the receipts and moves the leaf, if it is there.
    fn put_away(&mut self, leaf: Option<&Leaf>, receipts: &[Receipt]) -> Result<String, ProcessError> {
        let place = shelf::place(receipts)
            .ok_or_else(|| StoreError::Refused("an upload without a receipt cannot be moved".to_owned()))?;
        let mut known = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            known.push((receipt.clone(), self.known(receipt)?));
        }
        shelf::write_receipts(&self.base, &place, &known)?;
        if let Some(leaf) = leaf {
            for name in shelf::put_away(&self.incoming, &self.base, leaf, &place)? {
                self.left.insert((leaf.folder.clone(), name));
            }
        }
        Ok(place)
    }

    /// What the rows say of the upload of a receipt.
    fn known(&self, receipt: &Receipt) -> Result<Known, StoreError> {
        let Some(id) = receipt.upload else { return Ok(Known::default()) };
        let db = self.db.read();
        let upload = package_upload::upload(db, id)?;
        let archive = archive_by_id(db, upload.archive)?;
        let suite = suites_of(db, upload.archive)?.into_iter().find(|suite| suite.id == upload.suite);
        Ok(Known {
            archive: Some(archive.reference.to_string()),
            suite: suite.map(|suite| suite.name.to_string()),
            status: Some(upload.status),
        })
    }

    /// Judges what is in a leaf and is not judged already.
    fn leaf(&mut self, leaf: Leaf) -> Result<(), ProcessError> {
        let (mut before, mut stay) = (Vec::new(), Vec::new());
        if self.options.mode == Mode::Real {
            for receipt in upload_receipt::receipts_of_leaf(self.db.read(), &self.base_name, &leaf.name)? {
                match &receipt.moved_to {
                    None => before.push(receipt),
                    Some(place) if *place == kept(&leaf.name) => stay.push(receipt),
                    Some(_) => {}
                }
            }
        }
        // it was to stay, and is the same still
        let is_kept = |found: &Found| {
            stay.iter()
                .any(|receipt| is_of(receipt, found) && receipt.changes_sha256 == self.sha256_of(found))
        };
        // nothing in it was judged anew: it is to stay, or its move is owed, and was tried before
        let is_known = !stay.is_empty() || !before.is_empty();
        let is_stray = leaf.uploads.is_empty() && is_known;
        let mut leaf = leaf;
        let found = leaf.uploads.len();
        leaf.uploads.retain(|found| !is_kept(found));
        if is_stray || (leaf.uploads.is_empty() && found > 0) {
            return Ok(());
        }
        let uploads = leaf.uploads.clone();
        let trouble = leaf.trouble.clone();
        let open = Open {
            receipts: before.iter().map(|receipt| receipt.id).collect(),
            leaf,
            done: Vec::new(),
            is_complete: false,
            has_trouble: false,
        };
        self.batch.leaves.push(open);
        if uploads.is_empty() {
            let problem = Problem {
                severity: Severity::Rejection,
                check: "incoming",
                file: self.batch.leaves.last().map(|open| open.leaf.name.clone()),
                what: trouble.unwrap_or_else(|| "it is no upload".to_owned()),
                remedy: String::new(),
            };
            let found = Found {
                folder: PathBuf::new(),
                target: Vec::new(),
                changes: String::new(),
                below: String::new(),
            };
            let judged = Judged::failed(&found, self.options.policy, problem);
            let at = self.batch.leaves.len() - 1;
            self.batch.judged.push((at, judged));
        }
        for found in &uploads {
            if before
                .iter()
                .any(|receipt| is_of(receipt, found) && receipt.changes_sha256 == self.sha256_of(found))
            {
                continue;
            }
            // what comes later may need what came before: a tarball, a build
            let source = found.changes.split('_').next().unwrap_or_default().to_owned();
            if self.batch.sources.contains(&source) {
                self.flush()?;
            }
            self.batch.sources.insert(source);
            let bench = Bench {
                db: self.db.read(),
                librarian: self.librarian,
                kept: self.kept,
                policy: self.options.policy,
                limits: &self.options.limits,
                build: self.options.build,
                sizes: &self.sizes,
                now: (self.clock)(),
            };
            let judged = judge(&bench, &self.incoming, found)?;
            let at = self.batch.leaves.len() - 1;
            self.batch.judged.push((at, judged));
        }
        if let Some(open) = self.batch.leaves.last_mut() {
            open.is_complete = true;
        }
        let texts = self.batch.judged.iter().filter_map(|(_, judged)| judged.changes.as_ref());
        let bytes: usize = texts.map(|changes| changes.text.len()).sum();
        if self.batch.judged.len() >= BATCH || bytes >= BATCH_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes down what is judged, and moves what is complete. A leaf of which more is to come stays in the batch.
    fn flush(&mut self) -> Result<(), ProcessError> {
        let judged = std::mem::take(&mut self.batch.judged);
        self.batch.sources.clear();
        if judged.iter().any(|(_, judged)| judged.examined.is_some()) && self.options.mode == Mode::Real {
            self.librarian.sync()?;
        }
        let mut unwritten = BTreeSet::new();
        for (at, judged) in judged {
            match self.write_down(at, judged) {
                Ok(()) => {}
                Err(error) if error.is_everybodys() => return Err(error),
                // it stays in incoming, and is not in the way of the others
                Err(error) => {
                    let name = self.batch.leaves.get(at).map_or("", |open| open.leaf.name.as_str());
                    self.report.troubles.push(format!("{name}: {}", chain(&error)));
                    unwritten.insert(at);
                }
            }
        }
        for at in unwritten {
            if let Some(open) = self.batch.leaves.get_mut(at) {
                open.has_trouble = true;
            }
        }
        let mut open = std::mem::take(&mut self.batch.leaves);
        let later: Vec<Open> = match open.pop() {
            Some(last) if !last.is_complete => vec![last],
            Some(last) => {
                open.push(last);
                Vec::new()
            }
            None => Vec::new(),
        };
        self.batch.leaves = later;
        self.put_all_away(open)
    }

    fn write_down(&mut self, at: usize, mut judged: Judged) -> Result<(), ProcessError> {
        let Some(open) = self.batch.leaves.get_mut(at) else { return Ok(()) };
        // others of its batch may have filled the archive meanwhile
        if judged.verdict() == UploadVerdict::Accepted
            && let Some(destination) = &judged.destination
            && let Some(problem) = self.sizes.over(&destination.archive, judged.more_bytes)
        {
            judged.problems.retain(|one| one.check != problem.check);
            judged.problems.push(Problem { file: Some(judged.found.changes.clone()), ..problem });
            judged.examined = None;
        }
        let desk = Desk {
            librarian: self.librarian,
            letterhead: self.letterhead,
            base: &self.base_name,
            context: &self.options.context,
            policy: self.options.policy,
            build: self.options.build,
        };
        let moved_to = (self.options.afterwards == Afterwards::Keep).then(|| kept(&open.leaf.name));
        let now = (self.clock)();
        let leaf = open.leaf.name.as_str();
        let is_real = self.options.mode == Mode::Real;
        let work = |tx: &Transaction<'_>| -> Result<Recorded, NotifyError> {
            record(tx, &desk, leaf, &mut judged, moved_to.as_deref(), now)
        };
        let recorded = if is_real { self.db.write(work)? } else { self.db.rehearse(work)? };
        if recorded.upload.is_some()
            && let Some(destination) = &judged.destination
        {
            self.sizes.grow(destination.archive.id, judged.more_bytes);
        }
        let done = done(&open.leaf, &judged, &recorded, is_real, moved_to);
        if is_real {
            open.receipts.push(recorded.receipt);
        }
        open.done.push(done);
        Ok(())
    }

    fn put_all_away(&mut self, all: Vec<Open>) -> Result<(), ProcessError> {
        let moves = self.options.mode == Mode::Real && self.options.afterwards == Afterwards::Move;
        let mut places = Vec::new();
        let mut moved: Vec<(ReceiptId, String)> = Vec::new();
        for open in &all {
            let mut place = None;
            // one that could not be judged to its end comes again
            if moves && open.is_complete && !open.has_trouble {
                let receipts = open
                    .receipts
                    .iter()
                    .map(|id| upload_receipt::receipt(self.db.read(), *id))
                    .collect::<Result<Vec<_>, _>>()?;
                match self.put_away(Some(&open.leaf), &receipts) {
                    Ok(to) => {
                        moved.extend(open.receipts.iter().map(|id| (*id, to.clone())));
                        place = Some(to);
                    }
                    // its receipt says that it is to be moved
                    Err(error) => self.report.troubles.push(format!("{}: {}", open.leaf.name, chain(&error))),
                }
            }
            places.push(place);
        }
        if !moved.is_empty() {
            disk::sync_filesystem(&self.base)?;
            self.db.write(|tx| moved.iter().try_for_each(|(id, to)| upload_receipt::moved(tx, *id, to)))?;
        }
        for (open, place) in all.into_iter().zip(places) {
            self.report.done.extend(
                open.done
                    .into_iter()
                    .map(|done| Done { moved_to: place.clone().or(done.moved_to.clone()), ..done }),
            );
        }
        Ok(())
    }

    /// Takes away what several `.changes` have listed, when none that lists it is left.
    fn remove_left(&mut self) -> Result<(), ProcessError> {
        let left = std::mem::take(&mut self.left);
        let folders: BTreeSet<&PathBuf> = left.iter().map(|(folder, _)| folder).collect();
        for folder in folders {
            let listed = self.incoming.listed_in(folder)?;
            for (of, name) in &left {
                if of == folder && !listed.contains(name) {
                    shelf::remove_left(&self.incoming, folder, name)?;
                }
            }
        }
        Ok(())
    }
}

/// Whether a receipt is of a `.changes`: by its path, which a leaf has once.
fn is_of(receipt: &Receipt, found: &Found) -> bool {
    receipt.changes_filename.as_deref() == Some(found.below.as_str())
}

/// Where an upload is that stays.
fn kept(leaf: &str) -> String {
    format!("incoming/{leaf}")
}

fn done(leaf: &Leaf, judged: &Judged, recorded: &Recorded, is_real: bool, moved_to: Option<String>) -> Done {
    let changes = judged.changes.as_ref();
    let destination = judged.destination.as_ref();
    Done {
        leaf: leaf.name.clone(),
        changes: match leaf.kind {
            LeafKind::Stray => None,
            LeafKind::Folder | LeafKind::Changes { .. } => {
                Some(plain::replaced(&judged.found.changes)).filter(|name| !name.is_empty())
            }
        },
        verdict: recorded.verdict,
        source: changes.map(|changes| changes.source.to_string()),
        version: changes.map(|changes| changes.version.to_string()),
        archive: destination.map(|destination| destination.archive.reference.to_string()),
        suite: destination.map(|destination| destination.shape.suite.name.to_string()),
        upload: recorded.upload.filter(|_| is_real).map(|(id, _)| id.0),
        queue: recorded.upload.map(|(_, status)| status),
        signer: judged.signed.as_ref().map(|signed| signed.person.name.to_string()),
        messages: recorded.lines.clone(),
        problems: judged.problems.clone(),
        mails: recorded.messages,
        receipt: is_real.then_some(recorded.receipt.0),
        moved_to,
    }
}
