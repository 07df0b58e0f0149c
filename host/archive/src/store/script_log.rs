//! `script_log`: the end of what runs said that did not succeed.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{During, StoreError};
use crate::domain::RunId;

/// So many are kept: those of the last runs.
const KEPT: u32 = 200;

/// Keeps what a run said, and forgets what runs of long ago have said.
///
/// # Errors
/// When the database fails.
pub fn keep_log(tx: &Transaction<'_>, run: RunId, log: &str) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO script_log (script_activity, log) VALUES (?1, ?2) ON CONFLICT (script_activity) DO UPDATE SET log = excluded.log",
    )
    .and_then(|mut statement| statement.execute((run, log)))
    .during("keep what a run said")?;
    tx.prepare_cached(
        "DELETE FROM script_log WHERE script_activity <= (SELECT script_activity FROM script_log ORDER BY script_activity DESC LIMIT 1 OFFSET ?1)",
    )
    .and_then(|mut statement| statement.execute([KEPT]))
    .map(|_| ())
    .during("forget what runs of long ago have said")
}

/// What a run said, if that is kept.
///
/// # Errors
/// When the database fails.
pub fn log_of(db: &Connection, run: RunId) -> Result<Option<String>, StoreError> {
    db.prepare_cached("SELECT log FROM script_log WHERE script_activity = ?1")
        .and_then(|mut statement| statement.query_row([run], |row| row.get(0)).optional())
        .during("read what a run said")
}
