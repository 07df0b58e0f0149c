//! Doing what was planned: publications that wait for a pass, or uploads that wait for somebody.

use jiff::Timestamp;

use super::plan::{Copying, Plan, Planned};
use crate::bugs::record_closed_by_copy;
use crate::build::create::{create_builds, urgency_in};
use crate::build::supersede_built;
use crate::domain::{DebVersion, SourceName, UploadPolicy, UploadStatus};
use crate::people::Actor;
use crate::store::package_copy::{self, NewCopy};
use crate::store::package_upload::{self, NewUpload};
use crate::store::publication::{
    NewBinaryPublication, NewSourcePublication, Wished, publish_binary, publish_source,
};
use crate::store::{Made, StoreError, Transaction};

/// What became of a package.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum Outcome {
    /// Its publications wait for the next run.
    Pending {
        /// How many wait that did not before.
        publications: usize,
        /// The builds that were made.
        builds: Vec<i64>,
        /// The bugs that are closed now, as `DEBBUGS 12`.
        bugs: Vec<String>,
    },
    /// All of it was there.
    AsItWas,
    /// It waits for somebody's decision.
    Queued {
        /// The upload.
        upload: i64,
        /// NEW or UNAPPROVED.
        status: UploadStatus,
    },
}

/// A package that was copied.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    /// Its name.
    pub package: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// Where it is filed.
    pub component: String,
    /// The binary packages that went with it, as `hello (amd64)`.
    pub binaries: Vec<String>,
    /// Those that did not: the target has no such architecture.
    pub left_out: Vec<String>,
    /// What became of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// Does what was planned.
///
/// # Errors
/// When the database fails; nothing of it may be kept then.
pub fn carry_out(
    tx: &Transaction<'_>,
    request: &Copying<'_>,
    plan: &Plan,
    now: Timestamp,
) -> Result<Vec<Copied>, StoreError> {
    plan.packages.iter().map(|planned| one(tx, request, planned, now)).collect()
}

fn one(
    tx: &Transaction<'_>,
    request: &Copying<'_>,
    planned: &Planned,
    now: Timestamp,
) -> Result<Copied, StoreError> {
    let outcome = match planned.status {
        UploadStatus::Accepted => publish(tx, request, planned, now)?,
        UploadStatus::New | UploadStatus::Unapproved | UploadStatus::Done | UploadStatus::Rejected => {
            queue(tx, request, planned, now)?
        }
    };
    let upload = match &outcome {
        Outcome::Queued { upload, .. } => Some(crate::domain::UploadId(*upload)),
        Outcome::Pending { .. } | Outcome::AsItWas => None,
    };
    if outcome != Outcome::AsItWas {
        let new = NewCopy {
            from_suite: request.from.shape.suite.id,
            to_suite: request.to.shape.suite.id,
            release: planned.release,
            with_binaries: request.with_binaries,
            requester: request.actor.name(),
            reason: request.reason,
            upload,
        };
        package_copy::add_copy(tx, &new, now)?;
    }
    Ok(Copied {
        package: planned.name.clone(),
        version: planned.version.clone(),
        component: planned.component.to_string(),
        binaries: planned.binaries.iter().map(|one| format!("{} ({})", one.name, one.architecture)).collect(),
        left_out: planned.left_out.clone(),
        outcome,
    })
}

fn publish(
    tx: &Transaction<'_>,
    request: &Copying<'_>,
    planned: &Planned,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let (to, creator) = (request.to, request.actor.name());
    let source = NewSourcePublication {
        suite: to.shape.suite.id,
        release: Made::Known(planned.release),
        name: &planned.name,
        component: planned.filed.component,
        section: planned.filed.section.as_ref(),
        creator,
    };
    let mut publications = usize::from(publish_source(tx, &source, now)? == Wished::Pending);
    for binary in &planned.binaries {
        for architecture in &binary.in_indexes_of {
            let publication = NewBinaryPublication {
                suite: to.shape.suite.id,
                architecture: *architecture,
                release: Made::Known(binary.release),
                name: &binary.name,
                component: binary.filed.component,
                section: binary.filed.section.as_ref(),
                priority: binary.filed.priority.as_ref(),
                creator,
            };
            publications += usize::from(publish_binary(tx, &publication, now)? == Wished::Pending);
        }
    }
    // what was copied built is not built again; what is missing is
    let urgency = urgency_in(tx, request.from.archive.id, planned.release)?;
    let builds = create_builds(tx, to.archive, to.shape, planned.release, urgency, now)?;
    if !planned.binaries.is_empty() {
        // and what waited to be built, and has come, is not waited for
        supersede_built(tx, (to.archive.id, to.shape), planned.release, now)?;
    }
    if publications == 0 && builds.is_empty() {
        return Ok(Outcome::AsItWas);
    }
    let bugs = record_closed_by_copy(tx, to.shape, &planned.name, &planned.closes, now)?;
    Ok(Outcome::Pending { publications, builds: builds.into_iter().map(|build| build.0).collect(), bugs })
}

fn queue(
    tx: &Transaction<'_>,
    request: &Copying<'_>,
    planned: &Planned,
    now: Timestamp,
) -> Result<Outcome, StoreError> {
    let (to, actor) = (request.to, request.actor);
    let new = NewUpload {
        archive: to.archive.id,
        suite: to.shape.suite.id,
        status: planned.status,
        policy: UploadPolicy::Sync,
        signer: match actor {
            Actor::Person(person) => Some(person.id),
            Actor::Operator { .. } => None,
        },
        signing_key: None,
        changed_by: actor.name(),
        changes_file: None,
        source_name: &planned.name,
        version: &planned.version,
        comment: &planned.comment,
    };
    let upload = package_upload::add_upload(tx, &new, now)?;
    package_upload::add_source(tx, upload, planned.release, &planned.filed)?;
    for binary in &planned.binaries {
        package_upload::add_binary(tx, upload, binary.release, &binary.filed)?;
    }
    if !request.reason.is_empty() {
        let status = (planned.status, planned.status);
        package_upload::log(tx, upload, status, actor.name(), request.reason, now)?;
    }
    Ok(Outcome::Queued { upload: upload.0, status: planned.status })
}
