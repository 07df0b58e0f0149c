//! What builders say of their builds, and what people want of them.
//!
//! Which status may follow which is asked of [`super::transitions`]; here is what else must hold. What may not be done is refused with what to do.

use jiff::Timestamp;

use super::transitions::{Act, after};
use super::upkeep::{self, rescore};
use crate::domain::name::{ArchitectureTag, FileName, NameError};
use crate::domain::plain;
use crate::domain::{AliasId, ArchiveId, BuildId, BuildStatus};
use crate::store::binary_package_build::{self as rows, Along, Build};
use crate::store::{StoreError, Transaction, archive, build_source, series, suite};

/// The longest name of a builder, in characters.
const LONGEST_NAME: usize = 100;
/// The longest text that a builder says, in characters.
const LONGEST_TEXT: usize = 4_000;

/// What a builder asks for.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// What it can build for.
    pub architecture: &'a ArchitectureTag,
    /// Only of this archive.
    pub archive: Option<ArchiveId>,
    /// Its name.
    pub builder: &'a str,
}

/// Gives a builder the build whose turn it is; none where nothing waits for it.
///
/// # Errors
/// When its name is none, or the database fails.
pub fn claim(tx: &Transaction<'_>, claim: &Claim<'_>, now: Timestamp) -> Result<Option<Build>, StoreError> {
    check_name(claim.builder)?;
    let build = loop {
        let Some(build) = rows::next_waiting(tx, claim.architecture, claim.archive)? else { return Ok(None) };
        // nobody builds what nobody will publish; the others' turn comes, or that of the next run
        if !build_source::waits_in_vain(tx, build.id)? {
            break build;
        }
        upkeep::end(tx, &build, now)?;
    };
    let to = allowed(&build, Act::Claim, "claimed")?;
    let along = Along { builder: Some(claim.builder), ..Along::default() };
    rows::change_status(tx, build.id, (build.status, to), along, claim.builder, "claimed", now)?;
    rows::build(tx, build.id).map(Some)
}

fn check_name(builder: &str) -> Result<(), StoreError> {
    let is_name = !builder.trim().is_empty()
        && builder.chars().count() <= LONGEST_NAME
        && !builder.chars().any(plain::is_obeyed);
    if is_name {
        return Ok(());
    }
    Err(StoreError::Refused(format!(
        "a builder's name is a line of at most {LONGEST_NAME} characters without control characters"
    )))
}

/// How a builder has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// It has built it, and uploads what it has made.
    Built,
    /// It could not.
    Failed,
    /// These packages were not there.
    Misses(&'a str),
    /// It could not prepare.
    CouldNotPrepare,
    /// It does not build it, somebody else may.
    GivenBack,
}

/// What a builder says.
#[derive(Debug, Clone, Copy)]
pub struct Report<'a> {
    /// Who says it; none: an operator does.
    pub builder: Option<&'a str>,
    /// How it has ended.
    pub outcome: Outcome<'a>,
    /// What it wrote.
    pub log: Option<AliasId>,
    /// A word about it.
    pub comment: &'a str,
}

/// Takes what a builder says of a build. What the build is now: of one that somebody has cancelled meanwhile, cancelled.
///
/// # Errors
/// When the build is not that builder's, or not at that; or the database fails.
pub fn report(
    tx: &Transaction<'_>,
    id: BuildId,
    report: &Report<'_>,
    actor: &str,
    now: Timestamp,
) -> Result<BuildStatus, StoreError> {
    let build = rows::build(tx, id)?;
    if let (Some(says), Some(has)) = (report.builder, &build.builder)
        && says != has
    {
        return Err(StoreError::Refused(format!(
            "build {id} is {has}'s, not {says}'s: give the number of your own, as `pressroom build claim` said it"
        )));
    }
    let (act, done) = match report.outcome {
        Outcome::Built => (Act::Upload, "finished"),
        Outcome::Failed => (Act::Fail, "said to have failed"),
        Outcome::Misses(_) => (Act::MissDependencies, "said to miss packages"),
        Outcome::CouldNotPrepare => (Act::FailToPrepare, "said to have failed"),
        Outcome::GivenBack => (Act::GiveBack, "given back"),
    };
    let is_stopping = build.status == BuildStatus::Cancelling;
    // one that nobody has claimed can come in as packages, and cannot be finished
    let is_claimed = matches!(
        build.status,
        BuildStatus::Building | BuildStatus::Gathering | BuildStatus::Uploading | BuildStatus::Cancelling
    );
    let to = match if is_stopping { after(build.status, Act::Stop) } else { after(build.status, act) } {
        Some(to) if is_claimed => to,
        _ => return Err(not_now(&build, done)),
    };
    let dependencies = match report.outcome {
        Outcome::Misses(dependencies) => Some(plain::line(dependencies, LONGEST_TEXT)),
        Outcome::Built | Outcome::Failed | Outcome::CouldNotPrepare | Outcome::GivenBack => None,
    };
    if dependencies.as_deref() == Some("") {
        return Err(StoreError::Refused(
            "which packages are not there? Name them, as in `libfoo-dev (>= 2)`, with --dependencies".into(),
        ));
    }
    let along = Along { dependencies: dependencies.as_deref(), build_log: report.log, ..Along::default() };
    rows::change_status(
        tx,
        id,
        (build.status, to),
        along,
        actor,
        &plain::line(report.comment, LONGEST_TEXT),
        now,
    )?;
    Ok(to)
}

fn allowed(build: &Build, act: Act, done: &str) -> Result<BuildStatus, StoreError> {
    after(build.status, act).ok_or_else(|| not_now(build, done))
}

fn not_now(build: &Build, done: &str) -> StoreError {
    StoreError::Refused(format!(
        "build {0} of {1} {2} is {3}, and cannot be {done}: `pressroom build show {0}` says how it came to that",
        build.id, build.source_name, build.version, build.status
    ))
}

/// Lets a build that has ended wait for a builder once more, with a new score.
///
/// # Errors
/// When it has not ended, or what it has made or would make stands in the way; or the database fails.
pub fn retry(
    tx: &Transaction<'_>,
    id: BuildId,
    actor: &str,
    comment: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let build = rows::build(tx, id)?;
    let to = allowed(&build, Act::Retry, "built again")?;
    if build.status == BuildStatus::FullyBuilt
        && let Some(upload) = rows::uploads_of(tx, id)?.last()
    {
        return Err(StoreError::Refused(format!(
            "build {id} of {} {} is {}, by upload {upload}, and is not built again while that counts: reject it first with `pressroom queue reject {upload}`, if it is not published yet",
            build.source_name, build.version, build.status
        )));
    }
    let suite = suite::suite_by_id(tx, build.suite)?;
    let of_series = series::series_by_id(tx, suite.series)?;
    let archive = archive::archive_by_id(tx, build.archive)?;
    if archive.purpose.holds_still(build.suite_name.pocket(), of_series.status) {
        return Err(StoreError::Refused(format!(
            "{} is {}, and its release pocket does not change, so what build {id} makes could not be published",
            build.suite_name, of_series.status
        )));
    }
    let is_enabled =
        series::architectures(tx, suite.series)?.iter().any(|one| one.id == build.arch_series && one.enabled);
    if !is_enabled {
        return Err(StoreError::Refused(format!(
            "{} does not publish {} any more: turn it on with `pressroom series set {0} --architecture {1}` before build {id} is tried again",
            of_series.name, build.architecture
        )));
    }
    if !build_source::source_is_here(tx, (build.archive, suite.series), build.source)? {
        return Err(StoreError::Refused(format!(
            "{} {} is not published any more, so nobody needs build {id}",
            build.source_name, build.version
        )));
    }
    rows::change_status(tx, id, (build.status, to), Along::default(), actor, comment, now)?;
    if !build.score_is_manual {
        rescore(tx, &build)?;
    }
    Ok(())
}

/// Lets nobody build something: what waits is cancelled at once, what is being built when its builder says that it has stopped, or somebody cancels it
/// a second time. What the build is now.
///
/// # Errors
/// When it has ended, or the database fails.
pub fn cancel(
    tx: &Transaction<'_>,
    id: BuildId,
    actor: &str,
    comment: &str,
    now: Timestamp,
) -> Result<BuildStatus, StoreError> {
    let build = rows::build(tx, id)?;
    let act = if build.status == BuildStatus::Cancelling { Act::Stop } else { Act::Cancel };
    let to = allowed(&build, act, "cancelled")?;
    rows::change_status(tx, id, (build.status, to), Along::default(), actor, comment, now)?;
    Ok(to)
}

/// Gives a build that waits a score that stays, or the one that is computed. What it is now.
///
/// # Errors
/// When it does not wait, or the database fails.
pub fn set_score(
    tx: &Transaction<'_>,
    id: BuildId,
    score: Option<i64>,
    actor: &str,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let build = rows::build(tx, id)?;
    if build.status != BuildStatus::NeedsBuild {
        return Err(not_now(&build, "given another score"));
    }
    let (new, said) = match score {
        Some(score) => {
            rows::set_score(tx, id, score, true)?;
            (score, format!("score {} became {score}", build.score))
        }
        None => {
            let score = rescore(tx, &build)?;
            (score, format!("score {} was computed again: {score}", build.score))
        }
    };
    if new != build.score || build.score_is_manual != score.is_some() {
        rows::add_event(tx, id, (build.status, build.status), actor, &said, now)?;
    }
    Ok(new)
}

/// How a builder's log is called.
///
/// # Errors
/// When the name would be too long.
pub fn log_name(build: &Build) -> Result<FileName, NameError> {
    format!("buildlog_{}_{}_{}.txt", build.source_name, build.version.without_epoch(), build.architecture)
        .parse()
}
