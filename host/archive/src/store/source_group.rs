//! The binaries of a source that wait for each other, so that they appear together where a suite asks for it.
//!
//! A binary is held back while a build of its source for an enabled architecture of the suite is not over, and not longer than the suite says. Sources are
//! never held: builders need them. What was built elsewhere, without a build here, waits for nothing.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::Connection;

use super::pool_need::{NeededFile, pending_files};
use super::sql::Date;
use super::suite::Suite;
use super::{During, StoreError};
use crate::domain::{PackageKind, PublicationId};

/// The pending binaries of a suite that wait for the rest of their source.
///
/// # Errors
/// When the database fails.
pub fn held(db: &Connection, suite: &Suite, now: Timestamp) -> Result<BTreeSet<PublicationId>, StoreError> {
    let Some(most_seconds) = suite.group_by_source_seconds else { return Ok(BTreeSet::new()) };
    let waited_enough =
        now.checked_sub(jiff::SignedDuration::from_secs(most_seconds)).unwrap_or(Timestamp::MIN);
    db.prepare_cached(include_str!("held_binaries.sql"))
        .and_then(|mut statement| {
            statement.query_map((suite.id, Date(waited_enough)), |row| row.get(0))?.collect()
        })
        .during("list the binaries that wait for others of their source")
}

/// The files of what a pass over a suite may publish, sources first, by publication: what is pending, without what waits for something else.
///
/// # Errors
/// When the database fails.
pub fn publishable_files(
    db: &Connection,
    suite: &Suite,
    now: Timestamp,
) -> Result<Vec<NeededFile>, StoreError> {
    let mut files = pending_files(db, suite.id)?;
    let held = held(db, suite, now)?;
    let unapproved = super::suite_hold::unapproved_publications(db, suite)?;
    files.retain(|file| {
        let is_held = file.kind == PackageKind::Binary && held.contains(&file.publication);
        !is_held && !unapproved.contains(&(file.kind, file.publication))
    });
    Ok(files)
}
