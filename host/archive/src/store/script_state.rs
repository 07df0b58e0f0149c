//! `script_state`: how every script is doing.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{DistributionId, Failing, RunId, RunOutcome, Script, ScriptState};

const SELECT: &str = "SELECT script_state.name, script_state.distribution, coalesce(distribution.name, ''), scope, last_run, last_outcome,
    last_message, date_last_started, date_last_completed, date_last_success, failures, first_failure, date_failing_since, told
    FROM script_state LEFT JOIN distribution ON distribution.id = script_state.distribution";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<ScriptState> {
    let (first, since): (Option<RunId>, Option<Date>) = (row.get(11)?, row.get(12)?);
    let (failures, told) = (row.get(10)?, row.get(13)?);
    Ok(ScriptState {
        script: Script {
            name: row.get(0)?,
            distribution_id: row.get::<_, Option<DistributionId>>(1)?,
            distribution: row.get(2)?,
            scope: row.get(3)?,
        },
        last_run: row.get(4)?,
        last_outcome: row.get::<_, RunOutcome>(5)?,
        last_message: row.get(6)?,
        last_started: row.get::<_, Date>(7)?.0,
        last_completed: row.get::<_, Date>(8)?.0,
        last_success: row.get::<_, Option<Date>>(9)?.map(|date| date.0),
        failing: first.zip(since).map(|(first, since)| Failing { first, since: since.0, failures, told }),
    })
}

/// How every script is doing, by name, distribution and scope.
///
/// # Errors
/// When the database fails.
pub fn states(db: &Connection) -> Result<Vec<ScriptState>, StoreError> {
    db.prepare_cached(&format!("{SELECT} ORDER BY script_state.name, 3, scope"))
        .and_then(|mut statement| statement.query_map([], from_row)?.collect())
        .during("list how scripts are doing")
}

/// Keeps how a script is doing.
///
/// # Errors
/// When the database fails.
pub fn keep_state(tx: &Transaction<'_>, state: &ScriptState) -> Result<(), StoreError> {
    let date = |date: Timestamp| Date(date);
    let Script { name, distribution_id, scope, .. } = &state.script;
    let failing = state.failing.as_ref();
    tx.prepare_cached("DELETE FROM script_state WHERE name = ?1 AND coalesce(distribution, 0) = coalesce(?2, 0) AND scope = ?3")
        .and_then(|mut statement| statement.execute((name, distribution_id, scope)))
        .during("keep how a script is doing")?;
    tx.prepare_cached(
        "INSERT INTO script_state (name, distribution, scope, last_run, last_outcome, last_message, date_last_started, date_last_completed,
         date_last_success, failures, first_failure, date_failing_since, told) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )
    .and_then(|mut statement| {
        statement.execute(rusqlite::params![
            name,
            distribution_id,
            scope,
            state.last_run,
            state.last_outcome,
            state.last_message,
            date(state.last_started),
            date(state.last_completed),
            state.last_success.map(date),
            failing.map_or(0, |failing| failing.failures),
            failing.map(|failing| failing.first),
            failing.map(|failing| date(failing.since)),
            failing.is_some_and(|failing| failing.told),
        ])
    })
    .map(|_| ())
    .during("keep how a script is doing")
}
