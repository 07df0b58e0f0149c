//! `script_activity`: every run, however it ended.

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
    tx.prepare_cached(
        "INSERT INTO script_activity (name, hostname, process_id, distribution, date_started) VALUES (?1, ?2, ?3, ?4, ?5) RETURNING id",
    )
    .and_then(|mut statement| {
        statement.query_row((name, hostname, std::process::id(), distribution, Date(now)), |row| row.get(0))
    })
    .during("record the run")
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
    /// Which script: `publish` or `hook-replay`.
    pub name: String,
    /// On which host.
    pub hostname: String,
    /// Its process.
    pub process_id: i64,
    /// For which distribution.
    pub distribution: String,
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
    date_completed, outcome, message, publisher FROM script_activity LEFT JOIN distribution ON distribution.id = distribution";

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
        publisher: row.get(9)?,
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
