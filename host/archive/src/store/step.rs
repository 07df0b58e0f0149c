//! `publisher_step`: how far a pass is, and how long each step took.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{PassId, StepId};

/// Records that a step of a pass begins.
///
/// # Errors
/// When the database fails.
pub fn begin_step(
    tx: &Transaction<'_>,
    pass: PassId,
    name: &str,
    now: Timestamp,
) -> Result<StepId, StoreError> {
    tx.prepare_cached(
        "INSERT INTO publisher_step (publisher_pass, name, date_started) VALUES (?1, ?2, ?3) RETURNING id",
    )
    .and_then(|mut statement| statement.query_row((pass, name, Date(now)), |row| row.get(0)))
    .during("record a step")
}

/// Records that a step has ended.
///
/// # Errors
/// When the database fails.
pub fn end_step(
    tx: &Transaction<'_>,
    step: StepId,
    detail: &str,
    duration: Duration,
    now: Timestamp,
) -> Result<(), StoreError> {
    let duration_us = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    tx.execute(
        "UPDATE publisher_step SET date_completed = ?2, duration_us = ?3, detail = ?4 WHERE id = ?1",
        (step, Date(now), duration_us, detail),
    )
    .map(|_| ())
    .during("record the end of a step")
}

/// A step of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `poolify`, `index`, …
    pub name: String,
    /// How long it took; none: it did not end.
    pub duration: Option<Duration>,
    /// What it did.
    pub detail: String,
}

/// The steps of a pass, in order.
///
/// # Errors
/// When the database fails.
pub fn steps_of(db: &Connection, pass: PassId) -> Result<Vec<Step>, StoreError> {
    db.prepare_cached(
        "SELECT name, duration_us, detail FROM publisher_step WHERE publisher_pass = ?1 ORDER BY id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([pass], |row| {
                let duration: Option<u64> = row.get(1)?;
                Ok(Step {
                    name: row.get(0)?,
                    duration: duration.map(Duration::from_micros),
                    detail: row.get(2)?,
                })
            })?
            .collect()
    })
    .during("list the steps of a pass")
}
