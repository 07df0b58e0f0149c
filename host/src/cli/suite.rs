//! `pressroom suite`: what becomes of a suite's publication, and who says so.

use pressroom_archive::domain::{
    ArchiveReference, ChangeKind, DistributionName, Publisher, SuiteAction, SuiteName,
};
use pressroom_archive::store::Db;
use pressroom_archive::store::archive::{Archive, archive_by_id, archives};
use pressroom_archive::store::suite::{self, Of, Suite};
use pressroom_archive::store::suite_hold::{self, SuiteLogLine, WaitingChange, Word};
use serde::Serialize;

use super::of_suite::{decide, found};
use super::output::{BAD, BOLD, DIM, GOOD, WARN, painted, table};
use super::who::{As, reason, some_word};
use super::{End, Session, exit, the_archive, the_distribution};
use crate::describe::{Approval, SuiteSettings};
use crate::root::Root;

/// List suites, hold and release their publication, approve what waits in them.
///
/// Pausing, resuming, marking and approving take the right to decide about uploads (`QUEUE_ADMIN`) over the suite's pocket, where there are persons.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the suites of a distribution's archives.
    List {
        #[arg(long, conflicts_with = "archive")]
        distribution: Option<DistributionName>,
        /// Only this archive's.
        #[arg(long)]
        archive: Option<ArchiveReference>,
    },
    /// Show what waits in a suite, who holds it, and who did what to it.
    Show {
        suite: SuiteName,
        /// The archive; without it, the primary one of the only distribution.
        #[arg(long)]
        archive: Option<ArchiveReference>,
    },
    /// Change how a suite is published.
    ///
    /// For example: pressroom suite set one-updates --approval required
    Set {
        suite: SuiteName,
        #[arg(long)]
        archive: Option<ArchiveReference>,
        #[command(flatten)]
        settings: SuiteSettings,
        #[command(flatten)]
        by: As,
    },
    /// Have a suite published by the next run although nothing waits in it: its Release is made and signed anew.
    MarkDirty {
        suite: SuiteName,
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// Make all its indexes again too, from the rows.
        #[arg(long)]
        indexes: bool,
        /// Why.
        #[arg(long, value_name = "TEXT", default_value = "asked for")]
        reason: String,
        #[command(flatten)]
        by: As,
    },
    /// Hold the publication of a suite: runs leave it alone, and what comes in waits. A pass that is under way ends.
    Pause {
        suite: SuiteName,
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// Why; it is shown to everybody who looks, and kept.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        by: As,
    },
    /// Let runs publish a suite again that was paused.
    Resume {
        suite: SuiteName,
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// Why; it is kept.
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
        #[command(flatten)]
        by: As,
    },
    Approve(Approve),
}

/// Let everything be published that waits in a suite which needs approval. What comes in later waits for the next approval.
#[derive(Debug, clap::Args)]
pub(super) struct Approve {
    suite: SuiteName,
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// Why; it is kept.
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Only if it is so many changes, so that nothing is approved that came in after somebody has looked.
    #[arg(long, value_name = "COUNT")]
    expect: Option<usize>,
    /// Print what would be approved, and approve nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    by: As,
}

#[derive(Serialize)]
struct Row {
    archive: String,
    publisher: Publisher,
    suite: String,
    /// Who has paused it; none: nobody.
    paused_by: Option<String>,
    pause_reason: Option<String>,
    paused_since: Option<String>,
    approval: Approval,
    group_by_source: bool,
    group_by_source_most_seconds: u32,
    /// Changes that the next run publishes.
    changes: u64,
    /// Changes that wait for approval.
    unapproved: u64,
    /// Binaries that wait for the rest of their source.
    held: u64,
    last_published: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    row: Row,
    waiting: Vec<WaitingChange>,
    log: Vec<ShownLine>,
}

#[derive(Serialize)]
struct ShownLine {
    date: String,
    action: SuiteAction,
    by: String,
    reason: String,
}

#[derive(Serialize)]
struct Approved {
    suite: String,
    dry_run: bool,
    approved: Vec<WaitingChange>,
}

/// So many lines of a suite's log are shown.
const LOG_LINES: u32 = 20;

/// So many changes are listed for a person.
const LISTED_CHANGES: usize = 50;

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        match self {
            Self::List { distribution, archive } => {
                let all = match archive {
                    Some(_) => vec![the_archive(&db, archive.as_ref())?],
                    None => {
                        let distribution = the_distribution(db.read(), distribution.as_ref())?;
                        archives(db.read(), distribution.id)?
                    }
                };
                list(session, &db, &all)
            }
            Self::Show { suite, archive } => {
                let (archive, suite) = found(&db, archive.as_ref(), suite)?;
                show(session, &db, &archive, suite)
            }
            Self::Set { suite, archive, settings, by } => {
                let (archive, suite) = found(&db, archive.as_ref(), suite)?;
                let actor = by.actor(&root, &db)?;
                let now = session.clock.now();
                decide(&mut db, (&archive, &suite), &actor, |tx| {
                    let change = settings.change();
                    if suite_hold::change_suite(tx, suite.id, &change)? {
                        let word = Word { by: actor.name(), comment: &settings.words() };
                        suite_hold::log(tx, suite.id, SuiteAction::Set, word, now)?;
                    }
                    Ok(())
                })?;
                show(session, &db, &archive, suite::suite_by_id(db.read(), suite.id)?)
            }
            Self::MarkDirty { suite, archive, indexes, reason: why, by } => {
                let (archive, suite) = found(&db, archive.as_ref(), suite)?;
                let (actor, why, now) = (by.actor(&root, &db)?, reason(why)?, session.clock.now());
                decide(&mut db, (&archive, &suite), &actor, |tx| {
                    suite::mark_dirty(tx, suite.id, &format!("{why} (by {})", actor.name()), now)?;
                    if *indexes {
                        suite::forget_indexes(tx, Of::Suite(suite.id))?;
                    }
                    let word = Word { by: actor.name(), comment: &why };
                    Ok(suite_hold::log(tx, suite.id, SuiteAction::Marked, word, now)?)
                })?;
                show(session, &db, &archive, suite::suite_by_id(db.read(), suite.id)?)
            }
            Self::Pause { suite, archive, reason: why, by } => {
                let (archive, suite) = found(&db, archive.as_ref(), suite)?;
                let (actor, now) = (by.actor(&root, &db)?, session.clock.now());
                let otherwise =
                    "a suite is not paused without a word: say why with --reason; it is shown with it";
                let why = some_word(reason(why)?, otherwise)?;
                let word = Word { by: actor.name(), comment: &why };
                decide(&mut db, (&archive, &suite), &actor, |tx| {
                    Ok(suite_hold::pause(tx, &suite::suite_by_id(tx, suite.id)?, word, now)?)
                })?;
                show(session, &db, &archive, suite::suite_by_id(db.read(), suite.id)?)
            }
            Self::Resume { suite, archive, reason: why, by } => {
                let (archive, suite) = found(&db, archive.as_ref(), suite)?;
                let (actor, why, now) = (by.actor(&root, &db)?, reason(why)?, session.clock.now());
                let word = Word { by: actor.name(), comment: &why };
                decide(&mut db, (&archive, &suite), &actor, |tx| {
                    Ok(suite_hold::resume(tx, &suite::suite_by_id(tx, suite.id)?, word, now)?)
                })?;
                show(session, &db, &archive, suite::suite_by_id(db.read(), suite.id)?)
            }
            Self::Approve(approve) => approve.run(session, &root, &mut db),
        }
    }
}

impl Approve {
    fn run(&self, session: &Session, root: &Root, db: &mut Db) -> anyhow::Result<End> {
        let Self { suite, archive, reason: why, expect, dry_run, by } = self;
        let (archive, suite) = found(db, archive.as_ref(), suite)?;
        let (why, now) = (reason(why)?, session.clock.now());
        let check = |changes: &[WaitingChange]| match expect {
            Some(expected) if *expected != changes.len() => Err(exit::usage(format!(
                "{} changes wait for approval in {}, not {expected}: look again with `pressroom suite show {}`",
                changes.len(),
                suite.name,
                suite.name
            ))),
            _ => Ok(()),
        };
        let approved = if *dry_run {
            let mut waiting = suite_hold::waiting(db.read(), suite.id)?;
            waiting.retain(|change| !change.approved);
            check(&waiting)?;
            waiting
        } else {
            let actor = by.actor(root, db)?;
            let word = Word { by: actor.name(), comment: &why };
            decide(db, (&archive, &suite), &actor, |tx| {
                let approved = suite_hold::approve(tx, &suite::suite_by_id(tx, suite.id)?, word, now)?;
                check(&approved)?;
                Ok(approved)
            })?
        };
        let shown = Approved { suite: suite.name.to_string(), dry_run: *dry_run, approved };
        session.output.show(&shown, || {
            if shown.approved.is_empty() {
                return format!("Nothing waits for approval in {}.\n", shown.suite);
            }
            let (head, end) = if shown.dry_run {
                ("would be approved", "")
            } else {
                ("approved", ": the next run publishes it")
            };
            let mut text = changes_text(&shown.approved);
            text.push_str(&format!(
                "{} changes of {} {head}{end}.\n",
                shown.approved.len(),
                painted(BOLD, &shown.suite)
            ));
            text
        })?;
        Ok(End::Success)
    }
}

fn row(session: &Session, db: &Db, archive: &Archive, suite: Suite) -> anyhow::Result<Row> {
    let settings = suite_hold::settings(db.read(), suite.id)?;
    let dirt = suite::dirt(db.read(), suite, session.clock.now())?;
    let changes = dirt.changes() + u64::from(dirt.fresh) + u64::try_from(dirt.marks.len()).unwrap_or(0);
    let suite = dirt.suite;
    let (paused_by, pause_reason, paused_since) = match suite.pause {
        None => (None, None, None),
        Some(pause) => (Some(pause.by), Some(pause.reason), Some(pause.since.to_string())),
    };
    Ok(Row {
        archive: archive.reference.to_string(),
        publisher: archive.publisher(),
        suite: suite.name.to_string(),
        paused_by,
        pause_reason,
        paused_since,
        approval: Approval::of(suite.approval_required),
        group_by_source: suite.group_by_source_seconds.is_some(),
        group_by_source_most_seconds: settings.group_by_source_seconds.unwrap_or(0),
        changes,
        unapproved: dirt.unapproved,
        held: dirt.held,
        last_published: suite.date_last_published.map(|date| date.to_string()),
    })
}

fn list(session: &Session, db: &Db, all: &[Archive]) -> anyhow::Result<End> {
    let mut rows = Vec::new();
    for archive in all {
        for one in suite::suites_of(db.read(), archive.id)? {
            rows.push(row(session, db, archive, one)?);
        }
    }
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.archive.clone(),
                    row.suite.clone(),
                    state(row),
                    if row.approval == Approval::Required { "required" } else { "none" }.to_owned(),
                    if row.group_by_source {
                        format!("at most {} s", row.group_by_source_most_seconds)
                    } else {
                        "no".to_owned()
                    },
                    row.last_published.clone().unwrap_or_else(|| painted(DIM, "never")),
                ]
            })
            .collect();
        table(&["ARCHIVE", "SUITE", "STATE", "APPROVAL", "GROUPED BY SOURCE", "LAST PUBLISHED"], &cells)
    })?;
    Ok(End::Success)
}

/// What the next run does with it, in words.
fn state(row: &Row) -> String {
    let mut words = Vec::new();
    if let (Some(by), Some(reason)) = (&row.paused_by, &row.pause_reason) {
        words.push(painted(BAD, format!("paused by {by} ({reason})")));
    }
    if row.changes > 0 {
        words.push(painted(WARN, format!("{} to publish", row.changes)));
    }
    if row.unapproved > 0 {
        words.push(painted(WARN, format!("{} to approve", row.unapproved)));
    }
    if row.held > 0 {
        words.push(format!("{} wait for their source", row.held));
    }
    if words.is_empty() { painted(GOOD, "clean") } else { words.join(", ") }
}

fn show(session: &Session, db: &Db, archive: &Archive, suite: Suite) -> anyhow::Result<End> {
    let archive = archive_by_id(db.read(), archive.id)?;
    let id = suite.id;
    let shown = Shown {
        row: row(session, db, &archive, suite)?,
        waiting: suite_hold::waiting(db.read(), id)?,
        log: suite_hold::last_log_lines(db.read(), id, LOG_LINES)?
            .into_iter()
            .map(|SuiteLogLine { action, actor, comment, date }| ShownLine {
                date: date.to_string(),
                action,
                by: actor,
                reason: comment,
            })
            .collect(),
    };
    session.output.show(&shown, || {
        let row = &shown.row;
        let mut text = format!("{} of {}: {}\n", painted(BOLD, &row.suite), row.archive, state(row));
        if let Some(since) = &row.paused_since {
            text.push_str(&format!("Paused since {since}.\n"));
        }
        let approval = match row.approval {
            Approval::Required => "Its changes are published when somebody has approved them",
            Approval::None => "Its changes need no approval",
        };
        let grouped = if row.group_by_source {
            format!(
                "the binaries of a source wait for each other, {} seconds at the most",
                row.group_by_source_most_seconds
            )
        } else {
            "the binaries of a source do not wait for each other".to_owned()
        };
        text.push_str(&format!("{approval}; {grouped}.\n"));
        text.push_str(&changes_text(&shown.waiting));
        for ShownLine { date, action, by, reason } in &shown.log {
            let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            text.push_str(&format!("{} {action} by {by}{reason}\n", painted(DIM, date)));
        }
        text
    })?;
    Ok(End::Success)
}

fn changes_text(changes: &[WaitingChange]) -> String {
    let mut text = String::new();
    for change in changes.iter().take(LISTED_CHANGES) {
        let approved = if change.approved { painted(GOOD, " (approved)") } else { String::new() };
        let head = match change.kind {
            ChangeKind::Source | ChangeKind::Binary => "publishes ",
            ChangeKind::Custom => "unpacks ",
            ChangeKind::SourceRemoval
            | ChangeKind::BinaryRemoval
            | ChangeKind::Mark
            | ChangeKind::Indexes => "",
        };
        text.push_str(&format!("  {head}{}{approved}\n", change.what));
    }
    if let Some(more) = changes.len().checked_sub(LISTED_CHANGES).filter(|more| *more > 0) {
        text.push_str(&format!("  and {more} more (all of them with --format json)\n"));
    }
    text
}
