//! `hook_run`, `hook_state`, `hook_artefact`, as operators who keep hooks in order ask them: how one ended last, what is kept for one that is gone.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::{DistributionId, HookOutcome, RunId};

/// The last call of a hook at a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastCall {
    /// The run.
    pub run: RunId,
    /// When it began.
    pub date_started: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// How much memory it had at most.
    pub peak_memory_bytes: Option<u64>,
    /// How it ended.
    pub outcome: HookOutcome,
    /// Its line.
    pub summary: String,
}

/// How a hook, by its file's name, ended at a point the last time in a distribution.
///
/// # Errors
/// When the database fails.
pub fn last_call(
    db: &Connection,
    distribution: DistributionId,
    point: &str,
    hook: &str,
) -> Result<Option<LastCall>, StoreError> {
    db.prepare_cached(
        "SELECT hook_run.script_activity, hook_run.date_started, duration_us, peak_memory_bytes, hook_run.outcome, summary
         FROM hook_run JOIN script_activity ON script_activity.id = hook_run.script_activity
         WHERE hook_run.hook = ?1 AND hook_run.point = ?2 AND script_activity.distribution = ?3
         ORDER BY hook_run.id DESC LIMIT 1",
    )
    .and_then(|mut statement| {
        statement
            .query_row((hook, point, distribution), |row| {
                Ok(LastCall {
                    run: row.get(0)?,
                    date_started: row.get::<_, Date>(1)?.0,
                    duration: Duration::from_micros(row.get(2)?),
                    peak_memory_bytes: row.get(3)?,
                    outcome: row.get(4)?,
                    summary: row.get(5)?,
                })
            })
            .optional()
    })
    .during("find a hook's last call")
}

/// The components that are compiled, with the engine that each is compiled for, sorted.
///
/// # Errors
/// When the database fails.
pub fn artefacts(db: &Connection) -> Result<Vec<(Sha256, String)>, StoreError> {
    db.prepare_cached("SELECT component_sha256, engine FROM hook_artefact ORDER BY component_sha256, engine")
        .and_then(|mut statement| statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .during("list compiled hooks")
}

/// Forgets what a component is compiled to, for every engine.
///
/// # Errors
/// When the database fails.
pub fn forget_artefacts(tx: &Transaction<'_>, component: &Sha256) -> Result<(), StoreError> {
    tx.execute("DELETE FROM hook_artefact WHERE component_sha256 = ?1", [component])
        .map(|_| ())
        .during("forget a compiled hook")
}

/// Forgets everything that a hook remembers in a distribution, and says how many keys that were.
///
/// # Errors
/// When the database fails.
pub fn forget_state(
    tx: &Transaction<'_>,
    distribution: DistributionId,
    hook: &str,
) -> Result<usize, StoreError> {
    tx.execute("DELETE FROM hook_state WHERE distribution = ?1 AND hook = ?2", (distribution, hook))
        .during("forget a hook's state")
}

/// Whether a run has begun that has not said how it ended: it goes on, or has died.
///
/// # Errors
/// When the database fails.
pub fn a_run_is_open(db: &Connection) -> Result<bool, StoreError> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM script_activity WHERE date_completed IS NULL)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .during("look for runs that go on")
}
