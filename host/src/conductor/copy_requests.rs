//! Copy requests: a run of its own carries each out, batch by batch.
//!
//! A distribution has one such run at a time, whose lock tells whether somebody is at work. One that is asked to end, or dies, leaves the request where it
//! was, and the next run goes on there.

use anyhow::Context;
use pressroom_archive::copy::populate::{self, PopulateError, Step};
use pressroom_archive::domain::{CopyRequestId, CopyRequestStatus, RunId, RunOutcome};
use pressroom_archive::librarian::Librarian;
use pressroom_archive::store::archive::archive_by_id;
use pressroom_archive::store::copy_request::{self, Done, request, suites_of};
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::run::{self as run_rows, Activity};
use pressroom_archive::store::{Connection, Db, StoreError};
use tracing::info_span;

use super::lock::{Lock, LockError};
use crate::clock::Clock;
use crate::root::Root;
use crate::stop::Stop;

/// The name of these runs in `script_activity`.
const SCRIPT: &str = "populate-archive";

/// How a run left a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// It has come to its end.
    Ended(CopyRequestStatus),
    /// The run was asked to end.
    Stopped,
}

/// How a request is carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace<'a> {
    /// So many names at once.
    pub(crate) batch: u32,
    /// Whether to end between two batches.
    pub(crate) stop: &'a Stop,
    pub(crate) clock: Clock,
}

/// The lock of those who carry out the requests for archives of a distribution.
fn lock(root: &Root, distribution: &Distribution, clock: Clock) -> Result<Lock, LockError> {
    let name = &distribution.name;
    let what = format!("a copy into an archive of {name}");
    Lock::take_work(&root.locks_folder(), &format!("copy-requests-{name}.lock"), &what, clock.now())
}

/// Whether somebody carries out requests for archives of a distribution.
///
/// # Errors
/// When that cannot be found out.
pub(crate) fn is_at_work(root: &Root, distribution: &Distribution, clock: Clock) -> Result<bool, LockError> {
    match lock(root, distribution, clock) {
        Ok(_lock) => Ok(false),
        Err(LockError::Working { .. }) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Carries a request out, from where it was.
pub(crate) fn run(
    root: &Root,
    db: &mut Db,
    distribution: &Distribution,
    id: CopyRequestId,
    pace: Pace<'_>,
) -> anyhow::Result<Left> {
    let _span = info_span!("copy-request", request = id.0).entered();
    let _lock = lock(root, distribution, pace.clock)?;
    let run = begin(db, distribution, pace.clock)?;
    let result = all(db, &root.librarian(), id, pace);
    let (outcome, message) = match &result {
        Ok(Left::Ended(CopyRequestStatus::Failed)) => {
            (RunOutcome::Failed, format!("copy request {id}: {}", request(db.read(), id)?.status_message))
        }
        Ok(_) => (RunOutcome::Succeeded, said(db.read(), id)?),
        Err(error) => (RunOutcome::Failed, format!("copy request {id}: {error:#}")),
    };
    if let Err(error) = db.write(|tx| run_rows::end_run(tx, run, outcome, &message, pace.clock.now())) {
        // a disk that is full: the next run records that this one has died
        tracing::error!("how the run ended could not be recorded: {error}");
    }
    result.with_context(|| {
        format!("copy request {id} stays where it is: `pressroom copy-request process {id}` goes on with it")
    })
}

fn begin(db: &mut Db, distribution: &Distribution, clock: Clock) -> Result<RunId, StoreError> {
    let host = crate::root::host_name();
    db.write(|tx| {
        let activity = Activity { name: SCRIPT, distribution: Some(distribution.id), scope: "" };
        run_rows::end_dead_activity(tx, &activity, clock.now())?;
        run_rows::begin_activity(tx, &activity, &host, clock.now())
    })
}

/// What was done, for the record.
fn said(db: &Connection, id: CopyRequestId) -> Result<String, StoreError> {
    let of_request = request(db, id)?;
    let target = archive_by_id(db, of_request.target_archive)?;
    let Done { sources, binaries, builds, .. } = total(db, id)?;
    Ok(format!(
        "copy request {id} for {} is {}: {sources} sources, {binaries} publications of binary packages, {builds} builds",
        target.reference, of_request.status
    ))
}

/// How much was done for a request, in all its suites.
pub(crate) fn total(db: &Connection, id: CopyRequestId) -> Result<Done, StoreError> {
    Ok(suites_of(db, id)?.into_iter().fold(Done::default(), |total, one| total.and(one.done)))
}

fn all(db: &mut Db, librarian: &Librarian, id: CopyRequestId, pace: Pace<'_>) -> anyhow::Result<Left> {
    loop {
        match db.write(|tx| populate::step(tx, librarian, id, pace.batch, pace.clock.now())) {
            Ok(Step::Ended(status)) => return Ok(Left::Ended(status)),
            Ok(Step::GoesOn) if pace.stop.is_asked() => return Ok(Left::Stopped),
            Ok(Step::GoesOn) => {}
            // what the archive's rules say now, they say the next time too
            Err(PopulateError::Store(error @ (StoreError::Refused(_) | StoreError::Unknown { .. }))) => {
                let why = error.to_string();
                let status = db.write(|tx| populate::fail(tx, id, &why, pace.clock.now()))?;
                return Ok(Left::Ended(status));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What [`run`] would do with a request, without a run that is recorded: for a database that nobody else has.
///
/// # Errors
/// When the database or the librarian's disk fails.
pub(crate) fn rehearse(
    db: &mut Db,
    librarian: &Librarian,
    id: CopyRequestId,
    pace: Pace<'_>,
) -> anyhow::Result<Left> {
    all(db, librarian, id, pace)
}

/// The requests that have not come to their end, in the order in which they were made.
pub(crate) fn open(db: &Connection) -> Result<Vec<CopyRequestId>, StoreError> {
    let open = copy_request::requests(db, copy_request::Listed::Open)?;
    Ok(open.into_iter().map(|request| request.id).collect())
}
