//! Which build an upload of binary packages is of.
//!
//! One that names its build has to fit it. One that does not finds the build of its source for its architecture; where there is none, because the
//! packages were built by hand, it is made. What does not fit is a reason to refuse the upload.

use jiff::Timestamp;

use super::create::{BuiltFor, plan, there};
use super::score::{score, urgency_word};
use super::transitions::{Act, after};
use crate::domain::{ArchitectureTag, BuildId, BuildStatus, SourceReleaseId};
use crate::format::changes::Urgency;
use crate::store::archive::Archive;
use crate::store::binary_package_build::{self as rows, Along, Build, NewBuild};
use crate::store::build_source::BuildSource;
use crate::store::package_upload::PUBLISHER;
use crate::store::series::ArchSeries;
use crate::store::shape::SuiteShape;
use crate::store::{StoreError, Transaction, build_source};

/// Finds or makes the build of an upload of binary packages, and brings it to `UPLOADING`. `architecture` is the one that the `.changes` names beside
/// `all`, or `all`. The reason, where there is none that fits.
///
/// # Errors
/// When the database fails.
pub fn attach(
    tx: &Transaction<'_>,
    archive: &Archive,
    shape: &SuiteShape,
    source: SourceReleaseId,
    architecture: &ArchitectureTag,
    asked: Option<BuildId>,
    now: Timestamp,
) -> Result<Result<BuildId, String>, StoreError> {
    let source = build_source::build_source(tx, source)?;
    let found = match asked {
        Some(id) => match asked_for(tx, archive, shape, &source, architecture, id)? {
            Ok(build) => Some(build),
            Err(reason) => return Ok(Err(reason)),
        },
        None => rows::builds_of_source(tx, archive.id, source.id)?.into_iter().find(|build| {
            shape.architectures.iter().any(|one| one.id == build.arch_series)
                && if architecture.is_all() { build.arch_indep } else { build.architecture == *architecture }
        }),
    };
    // nobody publishes what was built of a source that was removed or has given way meanwhile
    if !build_source::source_is_here(tx, (archive.id, shape.series.id), source.id)? {
        return Ok(Err(format!(
            "its source {} {} is neither published nor accepted in {} of {}: upload the source first, and accept it with `pressroom queue accept` if it waits",
            source.name, source.version, shape.series.name, archive.reference
        )));
    }
    match found {
        Some(build) => take(tx, &build, now),
        None => make(tx, archive, shape, &source, architecture, now),
    }
}

/// The build that an upload names, where it fits.
fn asked_for(
    tx: &Transaction<'_>,
    archive: &Archive,
    shape: &SuiteShape,
    source: &BuildSource,
    architecture: &ArchitectureTag,
    id: BuildId,
) -> Result<Result<Build, String>, StoreError> {
    let build = match rows::build(tx, id) {
        Ok(build) => build,
        Err(StoreError::Unknown { .. }) => {
            return Ok(Err(format!(
                "there is no build {id}: look at `pressroom build list`, or leave the build out to have it found"
            )));
        }
        Err(error) => return Err(error),
    };
    let is_of =
        format!("{} {} for {} in {}", build.source_name, build.version, build.architecture, build.suite_name);
    let reason = if build.source != source.id {
        format!("build {id} is of {is_of}, and this is an upload of {} {}", source.name, source.version)
    } else if build.archive != archive.id {
        format!("build {id} is of another archive than {}", archive.reference)
    } else if build.suite != shape.suite.id {
        format!("build {id} is of {is_of}, and this upload is for {}", shape.suite.name)
    } else if architecture.is_all() && !build.arch_indep {
        format!(
            "build {id} is of {is_of}, and does not make the packages for all architectures, which this upload has"
        )
    } else if !architecture.is_all() && build.architecture != *architecture {
        format!("build {id} is of {is_of}, and this upload is for {architecture}")
    } else {
        return Ok(Ok(build));
    };
    Ok(Err(format!("{reason}: upload what that build has made, or name the build that has made this")))
}

/// Brings a build to `UPLOADING`, where that is what may come now.
fn take(tx: &Transaction<'_>, build: &Build, now: Timestamp) -> Result<Result<BuildId, String>, StoreError> {
    let id = build.id;
    if build.status == BuildStatus::Uploading {
        return Ok(Ok(id));
    }
    if build.status == BuildStatus::FullyBuilt
        && let Some(upload) = rows::uploads_of(tx, id)?.last()
    {
        return Ok(Err(format!(
            "build {id} is {} already, by upload {upload}: nothing is to be done, or, if that upload was wrong, reject it first with `pressroom queue reject {upload}`",
            build.status
        )));
    }
    match after(build.status, Act::Upload) {
        Some(to) => {
            rows::change_status(
                tx,
                id,
                (build.status, to),
                Along::default(),
                PUBLISHER,
                "an upload came in",
                now,
            )?;
            Ok(Ok(id))
        }
        None => Ok(Err(format!(
            "build {id} is {}: nobody waits for it; if it is wanted after all, say so with `pressroom build retry {id}` and upload again",
            build.status
        ))),
    }
}

/// Makes the build of packages that were built although nobody has asked for it.
fn make(
    tx: &Transaction<'_>,
    archive: &Archive,
    shape: &SuiteShape,
    source: &BuildSource,
    architecture: &ArchitectureTag,
    now: Timestamp,
) -> Result<Result<BuildId, String>, StoreError> {
    let built_for = BuiltFor::of(source);
    let there = there(tx, archive, shape, source)?;
    let chosen: Option<(&ArchSeries, bool)> = if architecture.is_all() {
        let needed = plan(&built_for, &shape.architectures, &there).into_iter().find(|one| one.arch_indep);
        needed.and_then(|needed| {
            shape.architectures.iter().find(|one| one.id == needed.architecture).map(|one| (one, true))
        })
    } else {
        let is_indep = plan(&built_for, &shape.architectures, &there)
            .iter()
            .any(|one| one.tag == *architecture && one.arch_indep);
        shape.architectures.iter().find(|one| one.tag == *architecture).map(|one| (one, is_indep))
    };
    let Some((arch_series, arch_indep)) = chosen else {
        let known: Vec<&str> = shape.architectures.iter().map(|one| one.tag.as_str()).collect();
        return Ok(Err(if architecture.is_all() {
            format!(
                "{} {} needs no build that makes packages for all architectures: its .dsc names none, or they are here already",
                source.name, source.version
            )
        } else {
            format!(
                "it is for {architecture}, which {} does not have (it has {}): add it with `pressroom series set {} --architecture {architecture}`",
                shape.suite.name,
                known.join(", "),
                shape.series.name
            )
        }));
    };
    let score = score(&build_source::score_facts(tx, shape.suite.id, source.id)?, Urgency::Low);
    let new = NewBuild {
        archive: archive.id,
        suite: shape.suite.id,
        arch_series: arch_series.id,
        source: source.id,
        arch_indep,
        status: BuildStatus::Uploading,
        score,
        urgency: urgency_word(Urgency::Low),
        comment: "its packages were uploaded",
    };
    Ok(Ok(rows::add_build(tx, &new, now)?))
}

/// What a build has made has come in.
///
/// # Errors
/// When the build is not at that, or the database fails.
pub fn came_in(tx: &Transaction<'_>, id: BuildId, now: Timestamp) -> Result<(), StoreError> {
    let build = rows::build(tx, id)?;
    let Some(to) = after(build.status, Act::ComeIn) else {
        return Err(StoreError::Refused(format!(
            "build {id} is {}, so nothing of it can come in now",
            build.status
        )));
    };
    rows::change_status(
        tx,
        id,
        (build.status, to),
        Along::default(),
        PUBLISHER,
        "what it has made came in",
        now,
    )
}

/// What a build has made was refused, for a reason. Does nothing where no builder is at it: somebody else has sent what does not fit.
///
/// # Errors
/// When there is no such build, or the database fails.
pub fn did_not_come_in(
    tx: &Transaction<'_>,
    id: BuildId,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let build = rows::build(tx, id)?;
    match after(build.status, Act::StayOut) {
        Some(to) => rows::change_status(tx, id, (build.status, to), Along::default(), PUBLISHER, reason, now),
        None => Ok(()),
    }
}
