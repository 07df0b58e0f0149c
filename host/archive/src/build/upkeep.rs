//! Builds as time goes by: their scores computed again, and those that nobody needs any more.

use jiff::Timestamp;
use rusqlite::Transaction;

use super::score::{score, urgency_of};
use super::transitions::{Act, after};
use crate::domain::BuildId;
use crate::store::StoreError;
use crate::store::binary_package_build::{self as rows, Along, Build};
use crate::store::package_upload::PUBLISHER;

/// Computes the score of a build again, and forgets the one that a person has set. What it is now.
///
/// # Errors
/// When the database fails.
pub fn rescore(tx: &Transaction<'_>, build: &Build) -> Result<i64, StoreError> {
    let facts = rows::score_facts(tx, build.suite, build.source)?;
    let score = score(&facts, urgency_of(&build.urgency));
    rows::set_score(tx, build.id, score, false)?;
    Ok(score)
}

/// Ends the builds that wait although their source has given way to a newer one, or was removed. Which.
///
/// # Errors
/// When the database fails.
pub fn supersede(tx: &Transaction<'_>, now: Timestamp) -> Result<Vec<BuildId>, StoreError> {
    let in_vain = rows::waiting_in_vain(tx)?;
    for id in &in_vain {
        end(tx, &rows::build(tx, *id)?, now)?;
    }
    Ok(in_vain)
}

/// Ends a build that waits in vain.
pub(super) fn end(tx: &Transaction<'_>, build: &Build, now: Timestamp) -> Result<(), StoreError> {
    let Some(to) = after(build.status, Act::Supersede) else { return Ok(()) };
    let why = "its source is not published any more";
    rows::change_status(tx, build.id, (build.status, to), Along::default(), PUBLISHER, why, now)
}
