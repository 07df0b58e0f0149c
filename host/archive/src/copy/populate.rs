//! Filling a copy archive: what is asked for becomes a request, with the archive where it is not there yet, and the request is carried out in batches,
//! each in a transaction of its own.
//!
//! A copy is made *disabled*: nothing of it is built or published before somebody says so. What comes in is filed as it is in its origin. A name comes in
//! when the copy lacks it or has only something older; nothing is ever taken out, so that the first filling and every merge are the same work. What cannot
//! be copied is written down and stops nothing else. The request remembers the last name that it has dealt with: one that dies goes on there.

mod begin;
mod fill;

use jiff::Timestamp;

pub use begin::{Begun, Populate, begin};
use fill::Worker;

use super::request::{Act, after};
use crate::disk::DiskError;
use crate::domain::name::ComponentName;
use crate::domain::{ArchivePurpose, ComponentId, CopyRequestId, CopyRequestStatus};
use crate::librarian::Librarian;
use crate::people::{Actor, Denied, Rights, rights};
use crate::store::archive::{Archive, archive_by_id, archives};
use crate::store::copy_request::{self, Done};
use crate::store::suite::{Suite, suite_by_id};
use crate::store::{Connection, StoreError, Transaction, series};

/// Why a copy archive is not filled.
#[derive(Debug, thiserror::Error)]
pub enum PopulateError {
    /// It may not be, or cannot be as it was asked for.
    #[error("{what}: {remedy}")]
    Refused {
        /// What is in the way.
        what: String,
        /// What to do about it.
        remedy: String,
    },
    /// Whoever asks has no right to it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database failed, or has no such thing.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The librarian's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

fn refused(what: impl Into<String>, remedy: impl Into<String>) -> PopulateError {
    PopulateError::Refused { what: what.into(), remedy: remedy.into() }
}

/// Whether somebody may decide about packages of suites of a copy, in the copy itself or in the primary archive.
fn may(tx: &Connection, actor: &Actor, target: &Archive, suites: &[&Suite]) -> Result<(), PopulateError> {
    let primary = archives(tx, target.distribution)?
        .into_iter()
        .find(|archive| archive.purpose == ArchivePurpose::Primary);
    let of_copy = rights(tx, target, actor)?;
    let of_primary = primary.map(|primary| rights(tx, &primary, actor)).transpose()?;
    for to in suites {
        let components: Vec<(ComponentId, ComponentName)> =
            series::components(tx, to.series)?.into_iter().map(|one| (one.id, one.name)).collect();
        let asked = |rights: &Rights| rights.may_administer(to.series, to.name.pocket(), &components);
        if asked(&of_copy).is_ok() {
            continue;
        }
        // it is the primary archive that a right can be given over before there is a copy
        asked(of_primary.as_ref().unwrap_or(&of_copy))?;
    }
    Ok(())
}

/// How far a step has brought a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There is more to do.
    GoesOn,
    /// It has come to its end.
    Ended(CopyRequestStatus),
}

/// Carries out a part of a request: up to so many names.
///
/// # Errors
/// When the database or the librarian's disk fails; nothing of the step may be kept then, and the request goes on where it was.
pub fn step(
    tx: &Transaction<'_>,
    librarian: &Librarian,
    id: CopyRequestId,
    names: u32,
    now: Timestamp,
) -> Result<Step, PopulateError> {
    let request = copy_request::request(tx, id)?;
    let end = |act: Act, message: &str| change(tx, id, act, message, now).map(Step::Ended);
    match request.status {
        CopyRequestStatus::New => {
            change(tx, id, Act::Begin, "", now)?;
        }
        CopyRequestStatus::InProgress => {}
        CopyRequestStatus::Canceling => return end(Act::Stop, &request.status_message),
        status @ (CopyRequestStatus::Complete | CopyRequestStatus::Failed | CopyRequestStatus::Cancelled) => {
            return Ok(Step::Ended(status));
        }
    }
    let (origin, target) =
        (archive_by_id(tx, request.source_archive)?, archive_by_id(tx, request.target_archive)?);
    if origin.private {
        let why = format!("{} has become private, and what is in it is not everybody's", origin.reference);
        return end(Act::Fail, &why);
    }
    let suites = copy_request::suites_of(tx, id)?;
    let Some(of_request) = suites.into_iter().find(|one| !one.is_done) else {
        return end(Act::Finish, "");
    };
    if of_request.last_name.is_empty() && request.copy_binaries && !request.only_named {
        copy_request::note_sources_of_binaries(tx, id, &of_request)?;
    }
    let next = copy_request::next_names(tx, &request, &of_request, names)?;
    if let Some(last) = next.last() {
        let worker = Worker::new(tx, librarian, &request, &target, &of_request, now)?;
        let mut done = Done::default();
        for name in &next {
            done = done.and(worker.name(name)?);
        }
        copy_request::record_progress(tx, id, of_request.ordering, last, done)?;
    }
    if u32::try_from(next.len()).is_ok_and(|count| count < names) {
        copy_request::end_suite(tx, id, of_request.ordering)?;
    }
    Ok(Step::GoesOn)
}

/// Says of a request that it cannot be done. What it is then.
///
/// # Errors
/// When it has come to its end already, or the database fails.
pub fn fail(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    message: &str,
    now: Timestamp,
) -> Result<CopyRequestStatus, PopulateError> {
    change(tx, id, Act::Fail, message, now)
}

/// Drops a request. Where somebody is at work, that is told, and stops after what is under way; what has been copied stays. What it is then.
///
/// # Errors
/// When whoever asks may not, it has come to its end already, or the database fails.
pub fn cancel(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    (actor, is_at_work): (&Actor, bool),
    reason: &str,
    now: Timestamp,
) -> Result<CopyRequestStatus, PopulateError> {
    let request = copy_request::request(tx, id)?;
    if request.requester != actor.name() {
        let target = archive_by_id(tx, request.target_archive)?;
        let mut suites = Vec::new();
        for one in copy_request::suites_of(tx, id)? {
            suites.push(suite_by_id(tx, one.to)?);
        }
        may(tx, actor, &target, &suites.iter().collect::<Vec<_>>())?;
    }
    let why = match reason {
        "" => format!("cancelled by {}", actor.name()),
        reason => format!("cancelled by {}: {reason}", actor.name()),
    };
    change(tx, id, if is_at_work { Act::AskToStop } else { Act::Stop }, &why, now)
}

fn change(
    tx: &Transaction<'_>,
    id: CopyRequestId,
    act: Act,
    message: &str,
    now: Timestamp,
) -> Result<CopyRequestStatus, PopulateError> {
    let copy_request::CopyRequest { status, only_named, .. } = copy_request::request(tx, id)?;
    let to = after(status, act).ok_or_else(|| {
        let what = format!("copy request {id} is {status} already");
        let remedy = match status {
            CopyRequestStatus::Canceling => "whoever is at it stops after the packages that are under way",
            CopyRequestStatus::New
            | CopyRequestStatus::InProgress
            | CopyRequestStatus::Complete
            | CopyRequestStatus::Failed
            | CopyRequestStatus::Cancelled => "nothing more is done about it; `pressroom populate-archive --merge-copy` brings in what is missing",
        };
        refused(what, remedy)
    })?;
    copy_request::change_status(tx, id, (status, to), message, now)?;
    if !to.is_open() && !only_named {
        copy_request::forget_sources_of_binaries(tx, id)?;
    }
    Ok(to)
}
