//! Builds as time goes by: their scores computed again, and those that nobody needs any more.

use jiff::Timestamp;

use super::create::BuiltFor;
use super::score::{score, urgency_of};
use super::transitions::{Act, after};
use crate::domain::{ArchiveId, BuildId, SourceReleaseId};
use crate::store::binary_package_build::{self as rows, Along, Build};
use crate::store::package_upload::PUBLISHER;
use crate::store::shape::SuiteShape;
use crate::store::{StoreError, Transaction, build_source};

/// Computes the score of a build again, and forgets the one that a person has set. What it is now.
///
/// # Errors
/// When the database fails.
pub fn rescore(tx: &Transaction<'_>, build: &Build) -> Result<i64, StoreError> {
    let facts = build_source::score_facts(tx, build.suite, build.source)?;
    let score = score(&facts, urgency_of(&build.urgency));
    rows::set_score(tx, build.id, score, false)?;
    Ok(score)
}

/// Ends the builds that wait although their source has given way to a newer one, or was removed. Which.
///
/// # Errors
/// When the database fails.
pub fn supersede(tx: &Transaction<'_>, now: Timestamp) -> Result<Vec<BuildId>, StoreError> {
    let in_vain = build_source::waiting_in_vain(tx)?;
    for id in &in_vain {
        end(tx, &rows::build(tx, *id)?, now)?;
    }
    Ok(in_vain)
}

/// Ends the builds of a source in a series of an archive that wait although what they would make has come in otherwise.
///
/// # Errors
/// When the database fails.
pub fn supersede_built(
    tx: &Transaction<'_>,
    (archive, shape): (ArchiveId, &SuiteShape),
    source: SourceReleaseId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let source = build_source::build_source(tx, source)?;
    let (built_for, there) =
        (BuiltFor::of(&source), build_source::architectures_there(tx, (archive, shape.series.id), &source)?);
    for build in rows::builds_of_source(tx, archive, source.id)? {
        let is_here = shape.architectures.iter().any(|one| one.id == build.arch_series);
        if is_here && built_for.has_all_of(&build.architecture, build.arch_indep, &there) {
            end_because(tx, &build, "its binary packages came in otherwise", now)?;
        }
    }
    Ok(())
}

/// Ends a build that waits in vain.
pub(super) fn end(tx: &Transaction<'_>, build: &Build, now: Timestamp) -> Result<(), StoreError> {
    end_because(tx, build, "its source is not published any more", now)
}

/// Ends a build if it waits.
fn end_because(tx: &Transaction<'_>, build: &Build, why: &str, now: Timestamp) -> Result<(), StoreError> {
    let Some(to) = after(build.status, Act::Supersede) else { return Ok(()) };
    rows::change_status(tx, build.id, (build.status, to), Along::default(), PUBLISHER, why, now)
}
