//! `hook_run` and `hook_context`: what hooks did, how often, and what they were told.
//!
//! The first call of a hook with a context stands for all calls with it: the later ones, retries and replays, point to it (`repeats`), and what became of
//! them in the end is written down in it.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::{Date, size};
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::{DistributionId, HookOutcome, HookRunId, PassId, PassPriority, Publisher, RunId};

/// One call of one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookRun {
    /// The run that called it.
    pub run: RunId,
    /// The pass that it was told of: the first, where there are several.
    pub pass: Option<PassId>,
    /// `pre-publication`, `post-publication` or `finalize`.
    pub point: String,
    /// The file's name.
    pub hook: String,
    /// `WASM` or `EXECUTABLE`.
    pub kind: String,
    /// The component's digest.
    pub sha256: Option<Sha256>,
    /// What it was told.
    pub priority: PassPriority,
    /// When it began.
    pub date_started: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// How much memory it had at most.
    pub peak_memory_bytes: Option<u64>,
    /// How many questions it asked of the host; none for executables, and for calls of before this was counted.
    pub host_calls: Option<u64>,
    /// How it ended.
    pub outcome: HookOutcome,
    /// Its line.
    pub summary: String,
    /// What it said beyond the line.
    pub details: String,
    /// The end of its log.
    pub log_tail: String,
    /// Which call with its context it is: 1 is the first.
    pub attempt: u32,
    /// The first one, if it is a later one.
    pub repeats: Option<HookRunId>,
    /// Why its veto did not hold the pass, or its failure after the installation is left as it is.
    pub overridden: Option<Overridden>,
}

/// An operator's word that a veto or a failure does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overridden {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A call as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Its row.
    pub id: HookRunId,
    /// The call.
    pub call: HookRun,
    /// Of a first call that failed: the later one that succeeded.
    pub made_good_by: Option<HookRunId>,
    /// Of a first call that failed for a time: from when on a run calls it again by itself.
    pub date_next_attempt: Option<Timestamp>,
}

impl Recorded {
    /// The row of the first call with its context.
    #[must_use]
    pub fn first(&self) -> HookRunId {
        self.call.repeats.unwrap_or(self.id)
    }

    /// Whether it is a first call that failed, and nothing was done about it since.
    #[must_use]
    pub fn is_owed(&self) -> bool {
        let Self { call, made_good_by, .. } = self;
        call.repeats.is_none()
            && !call.outcome.is_success()
            && made_good_by.is_none()
            && call.overridden.is_none()
    }
}

const COLUMNS: &str = "hook_run.id, hook_run.script_activity, hook_run.publisher_pass, hook_run.point, hook_run.hook, hook_run.kind,
    hook_run.sha256, hook_run.priority, hook_run.date_started, hook_run.duration_us, hook_run.peak_memory_bytes, hook_run.outcome,
    hook_run.summary, hook_run.details, hook_run.log_tail, hook_run.attempt, hook_run.repeats, hook_run.made_good_by,
    hook_run.date_next_attempt, hook_run.host_calls, hook_run.overridden_by, hook_run.override_reason";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Recorded> {
    let (by, reason): (Option<String>, Option<String>) = (row.get(20)?, row.get(21)?);
    Ok(Recorded {
        id: row.get(0)?,
        call: HookRun {
            run: row.get(1)?,
            pass: row.get(2)?,
            point: row.get(3)?,
            hook: row.get(4)?,
            kind: row.get(5)?,
            sha256: row.get(6)?,
            priority: row.get(7)?,
            date_started: row.get::<_, Date>(8)?.0,
            duration: Duration::from_micros(row.get(9)?),
            peak_memory_bytes: row.get(10)?,
            outcome: row.get(11)?,
            summary: row.get(12)?,
            details: row.get(13)?,
            log_tail: row.get(14)?,
            attempt: row.get(15)?,
            repeats: row.get(16)?,
            host_calls: row.get(19)?,
            overridden: by.map(|by| Overridden { by, reason: reason.unwrap_or_default() }),
        },
        made_good_by: row.get(17)?,
        date_next_attempt: row.get::<_, Option<Date>>(18)?.map(|date| date.0),
    })
}

/// Records a call.
///
/// # Errors
/// When the database fails.
pub fn record_hook_run(tx: &Transaction<'_>, call: &HookRun) -> Result<HookRunId, StoreError> {
    let overridden = call.overridden.as_ref();
    tx.query_row(
        "INSERT INTO hook_run (script_activity, publisher_pass, point, hook, kind, sha256, priority, date_started, duration_us,
         peak_memory_bytes, outcome, summary, details, log_tail, attempt, repeats, host_calls, overridden_by, override_reason)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) RETURNING id",
        rusqlite::params![
            call.run,
            call.pass,
            call.point,
            call.hook,
            call.kind,
            call.sha256,
            call.priority,
            Date(call.date_started),
            i64::try_from(call.duration.as_micros()).unwrap_or(i64::MAX),
            call.peak_memory_bytes.map(size),
            call.outcome,
            call.summary,
            call.details,
            call.log_tail,
            call.attempt,
            call.repeats,
            call.host_calls.map(size),
            overridden.map(|overridden| &overridden.by),
            overridden.map(|overridden| &overridden.reason),
        ],
        |row| row.get(0),
    )
    .during("record what a hook did")
}

/// Records in a first call what became of it: the call that made it good, or when it is to be made again.
///
/// # Errors
/// When the database fails.
pub fn settle(
    tx: &Transaction<'_>,
    first: HookRunId,
    made_good_by: Option<HookRunId>,
    next_attempt: Option<Timestamp>,
) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE hook_run SET made_good_by = coalesce(made_good_by, ?2), date_next_attempt = ?3 WHERE id = ?1",
        (first, made_good_by, next_attempt.map(Date)),
    )
    .map(|_| ())
    .during("record what became of a hook's call")
}

/// Records in a first call that its failure is left as it is: it is neither made again nor shown as open.
///
/// # Errors
/// When the database fails.
pub fn dismiss(tx: &Transaction<'_>, first: HookRunId, word: &Overridden) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE hook_run SET overridden_by = ?2, override_reason = ?3, date_next_attempt = NULL WHERE id = ?1",
        (first, &word.by, &word.reason),
    )
    .map(|_| ())
    .during("record that a hook's failure is left as it is")
}

/// The calls that a run made, in order.
///
/// # Errors
/// When the database fails.
pub fn hook_runs_of(db: &Connection, run: RunId) -> Result<Vec<Recorded>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM hook_run WHERE script_activity = ?1 ORDER BY id"))
        .and_then(|mut statement| statement.query_map([run], from_row)?.collect())
        .during("list what hooks did")
}

/// A call.
///
/// # Errors
/// When the database fails.
pub fn find_hook_run(db: &Connection, id: HookRunId) -> Result<Option<Recorded>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM hook_run WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find what a hook did")
}

/// The first calls of all calls that a run made, in order.
///
/// # Errors
/// When the database fails.
pub fn first_calls_of(db: &Connection, run: RunId) -> Result<Vec<Recorded>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM hook_run WHERE id IN (SELECT coalesce(repeats, id) FROM hook_run WHERE script_activity = ?1)
         ORDER BY id"
    ))
    .and_then(|mut statement| statement.query_map([run], from_row)?.collect())
    .during("list what hooks did")
}

/// The later calls with the context of a first one, in order.
///
/// # Errors
/// When the database fails.
pub fn repetitions_of(db: &Connection, first: HookRunId) -> Result<Vec<Recorded>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM hook_run WHERE repeats = ?1 ORDER BY id"))
        .and_then(|mut statement| statement.query_map([first], from_row)?.collect())
        .during("list what hooks did again")
}

/// The files of the hooks whose first call at a point is recorded for a pass, sorted.
///
/// # Errors
/// When the database fails.
pub fn called_hooks(db: &Connection, pass: PassId, point: &str) -> Result<Vec<String>, StoreError> {
    db.prepare_cached(
        "SELECT DISTINCT hook FROM hook_run WHERE publisher_pass = ?1 AND point = ?2 AND repeats IS NULL ORDER BY hook",
    )
    .and_then(|mut statement| statement.query_map((pass, point), |row| row.get(0))?.collect())
    .during("list what hooks did in a pass")
}

/// The first calls at a point that runs of a publisher before `run` have made and that are to be made again by now, in order.
///
/// # Errors
/// When the database fails.
pub fn due_retries(
    db: &Connection,
    (distribution, publisher): (DistributionId, Publisher),
    point: &str,
    run: RunId,
    now: Timestamp,
) -> Result<Vec<Recorded>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM hook_run INDEXED BY hook_run_to_retry JOIN script_activity ON script_activity.id = hook_run.script_activity
         WHERE hook_run.date_next_attempt <= ?4 AND hook_run.point = ?2 AND hook_run.script_activity < ?3
         AND script_activity.distribution = ?1 AND script_activity.publisher = ?5 ORDER BY hook_run.id"
    ))
    .and_then(|mut statement| {
        statement.query_map((distribution, point, run, Date(now), publisher), from_row)?.collect()
    })
    .during("look for hooks that are to be called again")
}

/// The first calls that failed after the installation, were neither made good nor left as they are, and can be made again: those that a run makes again by itself, and those whose context is
/// kept. In order.
///
/// # Errors
/// When the database fails.
pub fn not_made_good(db: &Connection, distribution: DistributionId) -> Result<Vec<Recorded>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM hook_run JOIN script_activity ON script_activity.id = hook_run.script_activity
         WHERE hook_run.point <> 'pre-publication' AND hook_run.outcome NOT IN ('DONE', 'SKIPPED') AND hook_run.repeats IS NULL
         AND hook_run.made_good_by IS NULL AND hook_run.overridden_by IS NULL AND script_activity.distribution = ?1
         AND (hook_run.date_next_attempt IS NOT NULL OR EXISTS (
           SELECT 1 FROM hook_context AS told WHERE told.script_activity = hook_run.script_activity
           AND told.publisher_pass = hook_run.publisher_pass AND told.point = hook_run.point))
         ORDER BY hook_run.id"
    ))
    .and_then(|mut statement| statement.query_map([distribution], from_row)?.collect())
    .during("look for hooks that have failed")
}

/// Keeps what the hooks of a point are told, unless it is kept already.
///
/// # Errors
/// When the database fails.
pub fn keep_context(
    tx: &Transaction<'_>,
    distribution: DistributionId,
    run: RunId,
    pass: PassId,
    point: &str,
    context: &str,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO hook_context (script_activity, publisher_pass, point, distribution, context) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (script_activity, publisher_pass, point) DO NOTHING",
    )
    .and_then(|mut statement| statement.execute((run, pass, point, distribution, context)))
    .map(|_| ())
    .during("keep what hooks are told")
}

/// What the hook of a first call was told; none: it is not kept any more, or never was.
///
/// # Errors
/// When the database fails.
pub fn kept_context(db: &Connection, first: &HookRun) -> Result<Option<String>, StoreError> {
    db.prepare_cached(
        "SELECT context FROM hook_context WHERE script_activity = ?1 AND publisher_pass = ?2 AND point = ?3",
    )
    .and_then(|mut statement| {
        statement.query_row((first.run, first.pass, &first.point), |row| row.get(0)).optional()
    })
    .during("read what a hook was told")
}

/// Forgets the contexts of all runs of a publisher but the last so many that have any; those of calls that are to be made again stay.
///
/// # Errors
/// When the database fails.
pub fn expire_contexts(
    tx: &Transaction<'_>,
    (distribution, publisher): (DistributionId, Publisher),
    runs: u32,
) -> Result<usize, StoreError> {
    tx.prepare_cached(
        "DELETE FROM hook_context WHERE distribution = ?1
         AND (SELECT publisher FROM script_activity AS own WHERE own.id = hook_context.script_activity) = ?3
         AND script_activity <= (
           SELECT script_activity FROM hook_context AS other WHERE distribution = ?1
           AND (SELECT publisher FROM script_activity AS run WHERE run.id = other.script_activity) = ?3
           GROUP BY script_activity ORDER BY script_activity DESC LIMIT 1 OFFSET ?2)
         AND NOT EXISTS (
           SELECT 1 FROM hook_run WHERE hook_run.date_next_attempt IS NOT NULL AND hook_run.script_activity = hook_context.script_activity
           AND hook_run.publisher_pass = hook_context.publisher_pass AND hook_run.point = hook_context.point)",
    )
    .and_then(|mut statement| statement.execute((distribution, runs, publisher)))
    .during("forget what hooks were told long ago")
}
