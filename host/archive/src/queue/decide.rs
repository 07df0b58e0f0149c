//! Accepting and rejecting: whether it may be, with every reason why not, and then doing it.
//!
//! Rights, the upload's life, and what has changed since it came in are looked at again in the transaction that writes the decision down, so that two people who decide at
//! once do not both. A dry run is the same transaction, taken back.

use jiff::Timestamp;

use super::entry::Entry;
use super::transitions::{self, Approval};
use crate::domain::{UploadId, UploadStatus};
use crate::people::{Actor, rights};
use crate::store::package_upload::{self, change_status};
use crate::store::series::{self, series_by_id};
use crate::store::upload_check::waiting_holder;
use crate::store::upload_queue::{accepted_before, sources_there};
use crate::store::{
    Connection, StoreError, Transaction, binary_package_build, build_source, copy_archive, package_release,
};
use crate::upload::verdict::{Arrival, destiny};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// To let an upload in; what is NEW where everything is looked at waits for its approval then.
    Accept,
    /// The same, and to approve it too.
    AcceptAndApprove,
    /// To refuse it.
    Reject,
}

/// Who decides, why and when.
#[derive(Debug, Clone, Copy)]
pub struct Review<'a> {
    /// Who.
    pub actor: &'a Actor,
    /// Why; may be empty.
    pub comment: &'a str,
    /// When.
    pub now: Timestamp,
}

/// What was done to an upload.
#[derive(Debug, Clone)]
pub struct Decided {
    /// What it was before.
    pub from: UploadStatus,
    /// What it is now.
    pub to: UploadStatus,
    /// What whoever decided should know.
    pub warnings: Vec<String>,
    /// The upload, as it is now.
    pub entry: Entry,
}

/// Why nothing was done to an upload: every reason that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the upload is, and stays: somebody else may have decided since it was looked for.
    pub status: UploadStatus,
    /// One at least, each a sentence without its end.
    pub reasons: Vec<String>,
}

/// Accepts or rejects an upload, if nothing stands in the way, and logs who did it and why.
///
/// # Errors
/// When there is no such upload, or the database fails.
pub fn decide(
    tx: &Transaction<'_>,
    id: UploadId,
    verb: Verb,
    review: &Review<'_>,
) -> Result<Result<Decided, Refused>, StoreError> {
    let mut entry = Entry::load(tx, package_upload::upload(tx, id)?)?;
    let from = entry.upload.status;
    let rights = rights(tx, &entry.archive, review.actor)?;
    let may = rights.may_administer(entry.suite.series, entry.suite.name.pocket(), &entry.components());
    if let Err(denied) = may {
        // whoever may not decide is not told what else is the matter
        return Ok(Err(Refused { status: from, reasons: vec![denied.to_string()] }));
    }
    let mut reasons = Vec::new();
    let steps = match steps(tx, &entry, verb)? {
        Ok(steps) => steps,
        Err(reason) => {
            reasons.push(reason.to_string());
            Vec::new()
        }
    };
    if verb != Verb::Reject && reasons.is_empty() {
        reasons.extend(obstacles(tx, &entry)?);
    }
    if !reasons.is_empty() {
        return Ok(Err(Refused { status: from, reasons }));
    }
    for to in steps {
        change_status(tx, id, (entry.upload.status, to), review.actor.name(), review.comment, review.now)?;
        entry.upload.status = to;
    }
    let warnings = if verb == Verb::Reject { Vec::new() } else { warnings(tx, &entry)? };
    Ok(Ok(Decided { from, to: entry.upload.status, warnings, entry }))
}

/// The statuses that an upload comes to, one after the other.
fn steps(
    db: &Connection,
    entry: &Entry,
    verb: Verb,
) -> Result<Result<Vec<UploadStatus>, transitions::Illegal>, StoreError> {
    let from = entry.upload.status;
    let series = series_by_id(db, entry.suite.series)?;
    // where it would begin if nothing in it were new
    let customs: Vec<_> = entry.customs.iter().map(|custom| custom.format).collect();
    let (known, _) = destiny(&Arrival {
        purpose: entry.archive.purpose,
        status: series.status,
        policy: entry.upload.policy,
        new: &[],
        customs: &customs,
    });
    let approval = if known == UploadStatus::Unapproved { Approval::Needed } else { Approval::NotNeeded };
    Ok(match verb {
        Verb::Reject => transitions::reject(from).map(|to| vec![to]),
        Verb::Accept => transitions::accept(from, approval).map(|to| vec![to]),
        Verb::AcceptAndApprove => transitions::accept(from, approval).and_then(|to| {
            if to == UploadStatus::Accepted {
                return Ok(vec![to]);
            }
            transitions::accept(to, Approval::NotNeeded).map(|accepted| vec![to, accepted])
        }),
    })
}

/// What has come between an upload and its publication since it came in.
fn obstacles(db: &Connection, entry: &Entry) -> Result<Vec<String>, StoreError> {
    let mut reasons = Vec::new();
    let (archive, suite) = (&entry.archive, &entry.suite);
    let series = series_by_id(db, suite.series)?;
    if !archive.enabled {
        reasons.push(format!(
            "the archive {0} is disabled: enable it with `pressroom archive set {0} --enabled true`",
            archive.reference
        ));
    }
    if archive.purpose.holds_still(suite.name.pocket(), series.status) {
        reasons.push(format!(
            "{0} is {1} by now, and its release pocket does not change: reject it, and have it uploaded to {0}-updates or {0}-proposed",
            suite.name, series.status
        ));
    }
    let components = series::components(db, series.id)?;
    for (id, name) in entry.components() {
        if !components.iter().any(|component| component.id == id) {
            reasons.push(format!(
                "{} has no component {name} any more: file the packages elsewhere with `pressroom queue override`",
                suite.name
            ));
        }
    }
    let architectures = copy_archive::architectures_in(db, archive.id, series.id)?;
    for binary in &entry.binaries {
        let is_there =
            architectures.iter().any(|one| binary.architecture.is_all() || one.tag == binary.architecture);
        if !is_there {
            reasons.push(format!(
                "{} is for {}, which {} does not have: add it with `pressroom series set {} --architecture {1}`",
                binary.name,
                binary.architecture,
                suite.name,
                suite.name.series()
            ));
        }
    }
    if let Some(source) = &entry.source
        && let Some(other) = accepted_before(db, &entry.upload, source.release)?
    {
        reasons.push(format!(
            "upload {other} has brought another {} {} to {}, and was accepted: a version is used once, so reject this one",
            source.name, source.version, archive.reference
        ));
    }
    for build in package_upload::builds_of(db, entry.upload.id)? {
        let build = binary_package_build::build(db, build)?;
        if !build_source::source_is_here(db, (archive.id, series.id), build.source)? {
            reasons.push(format!(
                "its source {} {} is neither published nor accepted in {} of {} any more: reject this one, or bring the source back first",
                build.source_name, build.version, series.name, archive.reference
            ));
        }
    }
    for file in &entry.files {
        let Some(content) = &file.content else {
            reasons.push(format!("{} is not kept any more: have it uploaded again", file.filename));
            continue;
        };
        if let Some(holder) = package_release::other_holder(db, archive.id, &file.filename, &content.sha256)?
        {
            reasons.push(format!(
                "{} is in the archive by now with other content, of {}: a file name is used once, so reject this one",
                file.filename, holder.package
            ));
        }
        // of several that wait, one comes in
        let waiting = waiting_holder(db, archive.id, &file.filename, &content.sha256)?;
        if let Some(other) = waiting.filter(|other| other.status == UploadStatus::Accepted) {
            reasons.push(format!(
                "{} has other content in upload {}, which was accepted: a file name is used once, so reject one of the two",
                file.filename, other.upload
            ));
        }
    }
    Ok(reasons)
}

/// What is no reason to stop, and may not be what was meant.
fn warnings(db: &Connection, entry: &Entry) -> Result<Vec<String>, StoreError> {
    let Some(source) = &entry.source else { return Ok(Vec::new()) };
    let newest = sources_there(db, entry.suite.id, &source.name)?
        .into_iter()
        .filter(|there| there.is_active && there.release != source.release)
        .max_by(|one, other| one.version.dpkg_cmp(&other.version));
    Ok(newest
        .filter(|newest| newest.version.dpkg_cmp(&source.version).is_gt())
        .map(|newest| {
            format!(
                "{} has {} {} already, which is newer: {} would give way to it at once",
                entry.suite.name, source.name, newest.version, source.version
            )
        })
        .into_iter()
        .collect())
}
