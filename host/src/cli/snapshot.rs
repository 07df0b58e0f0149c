//! `pressroom snapshot`: suites as they were.

use pressroom_archive::domain::{ArchiveReference, PackageKind, SnapshotName, SuiteAction, SuiteName};
use pressroom_archive::snapshot::bring_back::{BringBackError, Request, Restored, bring_back};
use pressroom_archive::snapshot::diff::{Difference, What, diff};
use pressroom_archive::snapshot::folder_of;
use pressroom_archive::snapshot::restore::OfWaiting;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::snapshot::{self as rows, snapshot_at};
use pressroom_archive::store::snapshot_content::{self as content, Indexed, Moment};
use pressroom_archive::store::suite::{self, Suite};
use pressroom_archive::store::suite_hold::{self, Word};
use pressroom_archive::store::{Connection, Db, Transaction};
use serde::Serialize;

use super::of_suite::{decide, found};
use super::output::{BAD, BOLD, DIM, GOOD, WARN, bytes, painted, table};
use super::who::{As, reason, some_word};
use super::{End, Session, exit, the_archive};
use crate::root::Root;

/// List, keep, compare and bring back suites as they were.
///
/// An archive with `pressroom archive set ARCHIVE --keep-snapshots-seconds SECONDS` keeps every suite as each run has installed it, under snapshots/TIME of the archive.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the snapshots of an archive.
    List {
        /// Only this suite's.
        #[arg(long)]
        suite: Option<SuiteName>,
        /// The archive; without it, the primary one of the only distribution.
        #[arg(long)]
        archive: Option<ArchiveReference>,
    },
    /// Keep a snapshot, with all files that it needs, until it is unpinned.
    Pin {
        /// The suite, as one or one-updates.
        suite: SuiteName,
        /// As 20260501T120000Z: the snapshot of that time, or the one that was live then.
        #[arg(value_name = "TIME")]
        snapshot: SnapshotName,
        /// The archive; without it, the primary one of the only distribution.
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// Why; it is shown with it.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        by: As,
    },
    /// Keep a snapshot no longer than the others.
    Unpin {
        /// The suite, as one or one-updates.
        suite: SuiteName,
        /// As 20260501T120000Z: the snapshot of that time, or the one that was live then.
        #[arg(value_name = "TIME")]
        snapshot: SnapshotName,
        /// The archive; without it, the primary one of the only distribution.
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// Why; it is kept in the log of the suite.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        #[command(flatten)]
        by: As,
    },
    /// Show which packages are different between two snapshots, or between one and what is live.
    ///
    /// For example: pressroom snapshot diff one 20260501T120000Z live
    Diff {
        /// The suite, as one or one-updates.
        suite: SuiteName,
        /// As 20260501T120000Z: the snapshot of that time, or the one that was live then.
        #[arg(value_name = "TIME")]
        before: Side,
        /// The same, or what is live now.
        #[arg(value_name = "TIME|live")]
        after: Side,
        /// The archive; without it, the primary one of the only distribution.
        #[arg(long)]
        archive: Option<ArchiveReference>,
    },
    Restore(Restore),
}

/// Have a suite published by the next run as it was: with the packages of a snapshot, filed as they were.
///
/// Settings, installers and what hooks add stay as they are now. Later uploads take the place of what was restored as usual.
#[derive(Debug, clap::Args)]
pub(super) struct Restore {
    /// The suite, as one or one-updates.
    suite: SuiteName,
    /// As 20260501T120000Z: the snapshot of that time, or the one that was live then.
    #[arg(value_name = "TIME")]
    snapshot: SnapshotName,
    /// The archive; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// Why; it is kept with the packages and in the log of the suite.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// What becomes of packages that wait to be published, and of removals of packages of then: keep has them carried out too, remove takes them back.
    #[arg(long, value_enum)]
    waiting: Option<OnWaiting>,
    /// Also where nothing changes otherwise: in the release pocket of a stable series.
    #[arg(long)]
    allow_stable: bool,
    /// Say what would be, and do nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    by: As,
}

/// What becomes of what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum OnWaiting {
    /// It is carried out too.
    Keep,
    /// It waits no more.
    Remove,
}

impl OnWaiting {
    const fn of(self) -> OfWaiting {
        match self {
            Self::Keep => OfWaiting::Kept,
            Self::Remove => OfWaiting::Withdrawn,
        }
    }
}

/// One of two things that are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Side {
    /// What is in the indexes now.
    Live,
    /// A snapshot.
    Snapshot(SnapshotName),
}

impl std::str::FromStr for Side {
    type Err = pressroom_archive::domain::SnapshotNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "live" { Ok(Self::Live) } else { text.parse().map(Self::Snapshot) }
    }
}

#[derive(Serialize)]
struct Row {
    suite: String,
    snapshot: SnapshotName,
    run: i64,
    pass: i64,
    date: String,
    /// It is what clients get now.
    live: bool,
    /// Its folder is there.
    made: bool,
    /// Until when it is kept, apart from a pin; none: as long as it is live.
    kept_until: Option<String>,
    pinned_by: Option<String>,
    pin_reason: Option<String>,
    pinned_since: Option<String>,
    files: u64,
    size_bytes: u64,
    /// So much of it the snapshot before has too.
    shared_bytes: u64,
    path: String,
}

#[derive(Serialize)]
struct Compared {
    suite: String,
    before: String,
    after: String,
    differences: Vec<Difference>,
}

/// What a restoration comes to.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    restored: Restored,
    dry_run: bool,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        match self {
            Self::List { suite, archive } => {
                let archive = the_archive(&db, archive.as_ref())?;
                list(session, &root, db.read(), &archive, suite.as_ref())
            }
            Self::Pin { suite, snapshot, archive, reason: why, by } => {
                let (archive, suite) = found(&db, archive.as_ref(), suite)?;
                let (actor, now) = (by.actor(&root, &db)?, session.clock.now());
                let otherwise =
                    "a snapshot is not pinned without a word: say why with --reason; it is shown with it";
                let why = some_word(reason(why)?, otherwise)?;
                let name = decide(&mut db, (&archive, &suite), &actor, |tx| {
                    let found = snapshot_at(tx, suite.id, snapshot)?;
                    rows::pin(tx, &found, (actor.name(), &why), now)?;
                    let comment = format!("snapshot {} pinned: {why}", found.name);
                    let word = Word { by: actor.name(), comment: &comment };
                    suite_hold::log(tx, suite.id, SuiteAction::Set, word, now)?;
                    Ok(found.name)
                })?;
                said(session, &suite, &name, "is kept until it is unpinned")
            }
            Self::Unpin { suite, snapshot, archive, reason: why, by } => {
                let (archive, suite) = found(&db, archive.as_ref(), suite)?;
                let (actor, why, now) = (by.actor(&root, &db)?, reason(why)?, session.clock.now());
                let name = decide(&mut db, (&archive, &suite), &actor, |tx| {
                    let found = snapshot_at(tx, suite.id, snapshot)?;
                    rows::unpin(tx, archive.id, &found)?;
                    let comment = format!("snapshot {} unpinned: {why}", found.name);
                    let word = Word { by: actor.name(), comment: comment.trim_end_matches(": ") };
                    suite_hold::log(tx, suite.id, SuiteAction::Set, word, now)?;
                    Ok(found.name)
                })?;
                said(session, &suite, &name, "is kept as long as others are")
            }
            Self::Diff { suite, before, after, archive } => {
                let (_, suite) = found(&db, archive.as_ref(), suite)?;
                let (before, old) = side(db.read(), &suite, before)?;
                let (after, new) = side(db.read(), &suite, after)?;
                let suite = suite.name.to_string();
                let compared = Compared { suite, before, after, differences: diff(&old, &new) };
                session.output.show(&compared, || {
                    if compared.differences.is_empty() {
                        return format!(
                            "{} has the same packages in {} and {}.\n",
                            compared.suite, compared.before, compared.after
                        );
                    }
                    differences_text(&compared.differences)
                })?;
                Ok(End::Success)
            }
            Self::Restore(restore) => restore.run(session, &root, &mut db),
        }
    }
}

impl Restore {
    fn run(&self, session: &Session, root: &Root, db: &mut Db) -> anyhow::Result<End> {
        let Self { suite, snapshot, archive, reason: why, waiting, allow_stable, dry_run, by } = self;
        let (archive, suite) = found(db, archive.as_ref(), suite)?;
        let otherwise =
            "a suite is not restored without a word: say why with --reason; it is kept with the packages";
        let why = some_word(reason(why)?, otherwise)?;
        let actor = by.actor(root, db)?;
        let request = Request {
            archive: &archive,
            suite: suite.id,
            snapshot,
            actor: &actor,
            reason: &why,
            on_waiting: waiting.map(OnWaiting::of),
            allow_stable: *allow_stable,
            stay: root.config.death_row.stay(),
        };
        let (librarian, now) = (root.librarian(), session.clock.now());
        let work = |tx: &Transaction<'_>| bring_back(tx, &librarian, &request, now);
        let restored = if *dry_run { db.rehearse(work) } else { db.write(work) }.map_err(ended)?;
        let shown = Shown { restored, dry_run: *dry_run };
        session.output.show(&shown, || restored_text(&shown))?;
        Ok(End::Success)
    }
}

/// An end with the exit code that belongs to it.
fn ended(error: BringBackError) -> anyhow::Error {
    match error {
        BringBackError::Publishing { .. } => exit::busy(error.to_string()),
        BringBackError::Refused(message) => exit::usage(message),
        BringBackError::Denied(denied) => denied.into(),
        BringBackError::Store(error) => error.into(),
    }
}

/// A side of a comparison: its name, and what was in the indexes.
fn side(db: &Connection, suite: &Suite, side: &Side) -> anyhow::Result<(String, Vec<Indexed>)> {
    let (name, moment) = match side {
        Side::Live => ("live".to_owned(), Moment::Now),
        Side::Snapshot(name) => {
            let found = snapshot_at(db, suite.id, name)?;
            (found.name.to_string(), Moment::from(&found))
        }
    };
    Ok((name, content::indexed(db, suite.id, moment)?))
}

#[derive(Serialize)]
struct Said {
    suite: String,
    snapshot: SnapshotName,
}

fn said(session: &Session, suite: &Suite, name: &SnapshotName, what: &str) -> anyhow::Result<End> {
    let said = Said { suite: suite.name.to_string(), snapshot: name.clone() };
    session
        .output
        .show(&said, || format!("The snapshot {} of {} {what}.\n", painted(BOLD, name), said.suite))?;
    Ok(End::Success)
}

fn list(
    session: &Session,
    root: &Root,
    db: &Connection,
    archive: &Archive,
    suite: Option<&SuiteName>,
) -> anyhow::Result<End> {
    if let Some(name) = suite {
        suite::suite(db, archive.id, name)?;
    }
    let paths = root.archive_paths(archive);
    let rows: Vec<Row> = rows::snapshots_of(db, archive.id)?
        .into_iter()
        .filter(|one| suite.is_none_or(|name| one.suite_name == *name))
        .map(|one| Row {
            path: folder_of(&paths, &one.name).display().to_string(),
            suite: one.suite_name.to_string(),
            snapshot: one.name,
            run: one.run.0,
            pass: one.pass.0,
            date: one.date_created.to_string(),
            live: one.date_superseded.is_none(),
            made: one.is_made,
            kept_until: one.kept_until.map(|date| date.to_string()),
            pinned_since: one.pin.as_ref().map(|pin| pin.since.to_string()),
            pin_reason: one.pin.as_ref().map(|pin| pin.reason.clone()),
            pinned_by: one.pin.map(|pin| pin.by),
            files: one.content.files,
            size_bytes: one.content.size_bytes,
            shared_bytes: one.content.size_bytes.saturating_sub(one.content.new_bytes),
        })
        .collect();
    let kept = rows::kept_seconds(db, archive.id)?;
    session.output.show(&rows, || {
        let mut text = if rows.is_empty() {
            format!("{} has no snapshots.\n", archive.reference)
        } else {
            let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
            table(&["SUITE", "SNAPSHOT", "RUN", "KEPT", "SIZE", "SHARED", "PINNED"], &cells)
        };
        if kept.is_none() {
            text.push_str(&format!(
                "{0} keeps none: `pressroom archive set {0} --keep-snapshots-seconds SECONDS` has it keep them.\n",
                archive.reference
            ));
        }
        text
    })?;
    Ok(End::Success)
}

fn cells(row: &Row) -> Vec<String> {
    let kept = match &row.kept_until {
        _ if !row.made => painted(WARN, "not made yet"),
        _ if row.live => painted(GOOD, "live"),
        Some(until) => format!("until {until}"),
        None => painted(DIM, "until the next run"),
    };
    let pinned = match (&row.pinned_by, &row.pin_reason) {
        (Some(by), Some(reason)) => format!("by {by} ({reason})"),
        _ => String::new(),
    };
    vec![
        row.suite.clone(),
        row.snapshot.to_string(),
        row.run.to_string(),
        kept,
        bytes(row.size_bytes),
        bytes(row.shared_bytes),
        pinned,
    ]
}

fn differences_text(differences: &[Difference]) -> String {
    let versions = |versions: &[pressroom_archive::domain::DebVersion]| {
        versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    };
    let mut text = String::new();
    for one in differences {
        let what = match one.what {
            What::Added => painted(GOOD, "added"),
            What::Removed => painted(BAD, "removed"),
            What::Changed => painted(WARN, "changed"),
            What::Refiled => painted(DIM, "refiled"),
        };
        let (before, after) = match (&one.filed_before, &one.filed_after) {
            (Some(before), Some(after)) => (before.clone(), after.clone()),
            _ => (versions(&one.before), versions(&one.after)),
        };
        let how = match one.what {
            What::Added => after,
            What::Removed => before,
            What::Changed => format!("{before} -> {after}"),
            What::Refiled => format!("{}: {before} -> {after}", versions(&one.after)),
        };
        let kind = match one.kind {
            PackageKind::Source => "source".to_owned(),
            PackageKind::Binary => one.architectures.join(", "),
        };
        text.push_str(&format!("{what} {} ({kind}) {how}\n", painted(BOLD, &one.package)));
    }
    text
}

fn restored_text(Shown { restored, dry_run }: &Shown) -> String {
    let mut text = differences_text(&restored.changes);
    for package in &restored.left_out {
        text.push_str(&format!("{} {package}: its architecture is off\n", painted(WARN, "left out")));
    }
    let suite = painted(BOLD, &restored.suite);
    if restored.withdrawn > 0 {
        text.push_str(&format!("{} publications wait no more\n", restored.withdrawn));
    }
    for one in &restored.reprieved {
        let taken_back = painted(WARN, "taken back");
        text.push_str(&format!("{taken_back} the removal of {} by {}\n", one.package, one.by));
    }
    for one in &restored.going {
        text.push_str(&format!("{} {}, removed by {}\n", painted(WARN, "goes"), one.package, one.by));
    }
    text.push_str(&match (restored.changes.is_empty(), dry_run) {
        (true, _) if !restored.reprieved.is_empty() => {
            format!("{suite} has the packages of {}, and keeps them.\n", restored.snapshot)
        }
        (true, _) => format!("{suite} has the packages of {} already.\n", restored.snapshot),
        (false, true) => format!("{suite} would be as in {} with the next run.\n", restored.snapshot),
        (false, false) => format!(
            "{suite} is as in {} with the next run: {} publications come back, {} go.\n",
            restored.snapshot, restored.again, restored.leaving
        ),
    });
    if let Some(by) = &restored.paused_by {
        text.push_str(&format!(
            "{} {} is paused by {by}: `pressroom suite resume` lets runs publish it.\n",
            painted(WARN, "but"),
            restored.suite
        ));
    }
    text
}
