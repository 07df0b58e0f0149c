//! `script_activity`: every run, however it ended.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{DistributionId, Publisher, RunId, RunOutcome};

/// Records that a run begins.
///
/// # Errors
/// When the database fails.
pub fn begin_run(
    tx: &Transaction<'_>,
    name: &str,
    hostname: &str,
    distribution: DistributionId,
    now: Timestamp,
) -> Result<RunId, StoreError> {
    begin_activity(tx, &Activity { name, distribution: Some(distribution), scope: "" }, hostname, now)
}

/// What a run is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity<'a> {
    /// The script, as `process-upload`.
    pub name: &'a str,
    /// Of which distribution; none: of none, or of several.
    pub distribution: Option<DistributionId>,
    /// What it is about beside that, as a folder of uploads; empty: nothing.
    pub scope: &'a str,
}

/// Whether this process has ended a run.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Whether this process has ended a run, so that there may be something to say of it afterwards.
#[must_use]
pub fn has_ended() -> bool {
    ENDED.load(Ordering::Relaxed)
}

/// Records that a run of any script begins.
///
/// # Errors
/// When the database fails.
pub fn begin_activity(
    tx: &Transaction<'_>,
    activity: &Activity<'_>,
    hostname: &str,
    now: Timestamp,
) -> Result<RunId, StoreError> {
    let Activity { name, distribution, scope } = activity;
    tx.prepare_cached(
        "INSERT INTO script_activity (name, hostname, process_id, distribution, scope, date_started) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         RETURNING id",
    )
    .and_then(|mut statement| {
        statement.query_row((name, hostname, std::process::id(), distribution, scope, Date(now)), |row| row.get(0))
    })
    .during("record the run")
}

/// Records of runs of this that never said how they ended that they died. The caller knows that none of them lives.
///
/// # Errors
/// When the database fails.
pub fn end_dead_activity(
    tx: &Transaction<'_>,
    activity: &Activity<'_>,
    now: Timestamp,
) -> Result<usize, StoreError> {
    tx.execute(
        "UPDATE script_activity SET date_completed = ?4, outcome = 'INTERRUPTED', message = 'it died; found by the next run'
         WHERE name = ?1 AND distribution IS ?2 AND scope = ?3 AND date_completed IS NULL",
        (activity.name, activity.distribution, activity.scope, Date(now)),
    )
    .during("record the runs that died")
}

/// Records that a run had nothing to do. An earlier one of the same that had nothing to do either gives way, so that a script that looks every
/// minute does not fill the table.
///
/// # Errors
/// When the database fails.
pub fn end_idle_run(
    tx: &Transaction<'_>,
    run: RunId,
    message: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    end_run(tx, run, RunOutcome::Succeeded, message, now)?;
    tx.prepare_cached("UPDATE script_activity SET idle = 1 WHERE id = ?1")
        .and_then(|mut statement| statement.execute([run]))
        .during("record how the run ended")?;
    tx.prepare_cached(
        "DELETE FROM script_activity WHERE id IN (
             SELECT earlier.id FROM script_activity AS earlier JOIN script_activity AS run ON run.id = ?1
             WHERE earlier.idle = 1 AND earlier.name = run.name AND earlier.scope = run.scope
               AND earlier.distribution IS run.distribution AND earlier.considered = 1 AND earlier.id < run.id)",
    )
    .and_then(|mut statement| statement.execute([run]))
    .map(|_| ())
    .during("forget an earlier run that had nothing to do")
}

/// Records how a run ended.
///
/// # Errors
/// When the database fails.
pub fn end_run(
    tx: &Transaction<'_>,
    run: RunId,
    outcome: RunOutcome,
    message: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    ENDED.store(true, Ordering::Relaxed);
    tx.execute(
        "UPDATE script_activity SET date_completed = ?2, outcome = ?3, message = ?4 WHERE id = ?1",
        (run, Date(now), outcome, message),
    )
    .map(|_| ())
    .during("record how the run ended")
}

/// Records of runs of a publisher that never said how they ended that they died. The caller holds the publisher's lock, so none of them lives.
///
/// # Errors
/// When the database fails.
pub fn end_dead_runs(
    tx: &Transaction<'_>,
    distribution: DistributionId,
    publisher: Publisher,
    now: Timestamp,
) -> Result<usize, StoreError> {
    tx.execute(
        "UPDATE script_activity SET date_completed = ?3, outcome = 'INTERRUPTED', message = 'it died; found by the next run'
         WHERE distribution = ?1 AND publisher = ?2 AND date_completed IS NULL",
        (distribution, publisher, Date(now)),
    )
    .during("record the runs that died")
}

/// A run, as `pressroom history` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its row.
    pub id: RunId,
    /// Which script, as `publish` or `process-upload`.
    pub name: String,
    /// On which host.
    pub hostname: String,
    /// Its process.
    pub process_id: i64,
    /// For which distribution; empty: for none, or for several.
    pub distribution: String,
    /// Its row.
    pub distribution_id: Option<DistributionId>,
    /// What it is about beside that; empty: nothing.
    pub scope: String,
    /// When it began.
    pub date_started: Timestamp,
    /// When it ended; none: it runs, or died.
    pub date_completed: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<RunOutcome>,
    /// What it said at the end.
    pub message: String,
    /// Of which publisher it is; none: it publishes nothing.
    pub publisher: Option<Publisher>,
}

const SELECT: &str = "SELECT script_activity.id, script_activity.name, hostname, process_id, coalesce(distribution.name, ''), date_started,
    date_completed, outcome, message, distribution, scope, publisher FROM script_activity LEFT JOIN distribution ON distribution.id = distribution";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: row.get(0)?,
        name: row.get(1)?,
        hostname: row.get(2)?,
        process_id: row.get(3)?,
        distribution: row.get(4)?,
        date_started: row.get::<_, Date>(5)?.0,
        date_completed: row.get::<_, Option<Date>>(6)?.map(|date| date.0),
        outcome: row.get(7)?,
        message: row.get(8)?,
        distribution_id: row.get(9)?,
        scope: row.get(10)?,
        publisher: row.get(11)?,
    })
}

/// The last runs, the newest first.
///
/// # Errors
/// When the database fails.
pub fn last_runs(db: &Connection, limit: u32) -> Result<Vec<Run>, StoreError> {
    db.prepare_cached(&format!("{SELECT} ORDER BY script_activity.id DESC LIMIT ?1"))
        .and_then(|mut statement| statement.query_map([limit], from_row)?.collect())
        .during("list the runs")
}

/// A run.
///
/// # Errors
/// When there is none with this number, or the database fails.
pub fn find_run(db: &Connection, id: RunId) -> Result<Run, StoreError> {
    let found = db
        .prepare_cached(&format!("{SELECT} WHERE script_activity.id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find the run")?;
    match found {
        Some(run) => Ok(run),
        None => {
            let known = last_runs(db, KNOWN_RUNS)?.into_iter().map(|run| run.id.to_string()).collect();
            Err(StoreError::Unknown { what: "run", name: id.to_string(), known })
        }
    }
}

/// So many runs are named to one who asks for another.
const KNOWN_RUNS: u32 = 10;

// ---------------------------------------------------------------- how scripts are doing

/// Runs that have ended and that nobody has considered, in the order in which they began.
///
/// # Errors
/// When the database fails.
pub fn not_considered(db: &Connection, limit: u32) -> Result<Vec<Run>, StoreError> {
    db.prepare_cached(&format!(
        "{SELECT} WHERE considered = 0 AND date_completed IS NOT NULL ORDER BY script_activity.id LIMIT ?1"
    ))
    .and_then(|mut statement| statement.query_map([limit], from_row)?.collect())
    .during("list the runs that have ended")
}

/// Says that a run was considered.
///
/// # Errors
/// When the database fails.
pub fn mark_considered(tx: &Transaction<'_>, run: RunId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE script_activity SET considered = 1 WHERE id = ?1")
        .and_then(|mut statement| statement.execute([run]))
        .map(|_| ())
        .during("mark a run")
}

/// Runs that have not said how they ended, the oldest first: they go on, or have died.
///
/// # Errors
/// When the database fails.
pub fn open_runs(db: &Connection) -> Result<Vec<Run>, StoreError> {
    db.prepare_cached(&format!("{SELECT} WHERE date_completed IS NULL ORDER BY script_activity.id"))
        .and_then(|mut statement| statement.query_map([], from_row)?.collect())
        .during("list the runs that go on")
}
