//! Death row and expiry: runs of their own, beside those that publish.
//!
//! Each has a lock, so that it is not run twice at once. With publishers they share the lock of a pool, which is held for a batch of files or for phase A, and
//! nothing longer; with those who take packages in, the librarian's.

use jiff::SignedDuration;
use pressroom_archive::death_row::{self, Expired, Reap, ReapError, Reaped, expire::Expire};
use pressroom_archive::domain::{ArchiveId, ArchivePurpose, RunId, RunOutcome};
use pressroom_archive::mirror::After;
use pressroom_archive::store::archive::{Archive, archives};
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::run::{self as run_rows, Activity};
use pressroom_archive::store::{Db, StoreError, mirror_journal};
use serde::Serialize;
use tracing::{debug_span, info_span};

use super::lock::Lock;
use super::mirror;
use crate::clock::Clock;
use crate::root::Root;

/// What the operator asks of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wanted {
    /// Only this archive.
    pub(crate) archive: Option<ArchiveId>,
    /// So many packages are looked at, in all archives together.
    pub(crate) limit: Option<usize>,
    /// What is held is looked at too, whatever was known of it.
    pub(crate) careful: bool,
}

/// What was done in an archive.
#[derive(Debug, Serialize)]
pub(crate) struct OfArchive {
    pub(crate) archive: String,
    #[serde(flatten)]
    pub(crate) reaped: Reaped,
}

/// The names of these runs in `script_activity`.
const DEATH_ROW: &str = "process-death-row";
const EXPIRE: &str = "expire";

/// The archives that are meant. What a copy has is never taken from it.
fn reaped_archives(db: &Db, distribution: &Distribution, wanted: Wanted) -> Result<Vec<Archive>, StoreError> {
    let mut all = archives(db.read(), distribution.id)?;
    all.retain(|archive| {
        archive.purpose != ArchivePurpose::Copy && wanted.archive.is_none_or(|id| id == archive.id)
    });
    Ok(all)
}

/// Takes what may go out of the pools of a distribution: a run of its own, recorded however it ends.
pub(crate) fn run(
    root: &Root,
    db: &mut Db,
    distribution: &Distribution,
    wanted: Wanted,
    clock: Clock,
) -> anyhow::Result<Vec<OfArchive>> {
    let _span = info_span!("process-death-row", distribution = %distribution.name).entered();
    let (folder, name) = (root.locks_folder(), &distribution.name);
    let what = format!("death row of {name}");
    let _lock = Lock::take_work(&folder, &format!("death-row-{name}.lock"), &what, clock.now())?;
    let host = crate::root::host_name();
    let id = db.write(|tx| {
        let activity = Activity { name: DEATH_ROW, distribution: Some(distribution.id), scope: "" };
        run_rows::end_dead_activity(tx, &activity, clock.now())?;
        run_rows::begin_activity(tx, &activity, &host, clock.now())
    })?;
    let result = all(root, db, distribution, wanted, id, clock);
    let (outcome, message) = match &result {
        Ok(done) if is_idle(done) => {
            end_idle(db, id, clock);
            return result;
        }
        Ok(done) => {
            let problems: Vec<&str> =
                done.iter().flat_map(|one| &one.reaped.problems).map(String::as_str).collect();
            match problems.is_empty() {
                true => (RunOutcome::Succeeded, said(done)),
                false => (RunOutcome::Failed, problems.join("; ")),
            }
        }
        Err(error) => (RunOutcome::Failed, format!("{error:#}")),
    };
    end(db, id, outcome, &message, clock);
    result
}

fn end(db: &mut Db, id: RunId, outcome: RunOutcome, message: &str, clock: Clock) {
    if let Err(error) = db.write(|tx| run_rows::end_run(tx, id, outcome, message, clock.now())) {
        // a disk that is full: the next run records that this one has died
        tracing::error!("how the run ended could not be recorded: {error}");
    }
}

/// Says of a run that it had nothing to do: one every half an hour would fill the table.
fn end_idle(db: &mut Db, id: RunId, clock: Clock) {
    if let Err(error) = db.write(|tx| run_rows::end_idle_run(tx, id, "nothing to do", clock.now())) {
        tracing::error!("how the run ended could not be recorded: {error}");
    }
}

fn is_idle(done: &[OfArchive]) -> bool {
    done.iter().all(|one| is_idle_in(&one.reaped))
}

const fn is_idle_in(reaped: &Reaped) -> bool {
    reaped.looked_at + reaped.finished == 0 && reaped.problems.is_empty()
}

fn said(done: &[OfArchive]) -> String {
    let publications: usize = done.iter().map(|one| one.reaped.publications).sum();
    let files: usize = done.iter().map(|one| one.reaped.files.len()).sum();
    let bytes: u64 = done.iter().map(|one| one.reaped.freed_bytes).sum();
    let held: usize = done.iter().map(|one| one.reaped.held.len()).sum();
    let more = if done.iter().any(|one| one.reaped.has_more) { "; there is more that is due" } else { "" };
    let finished: usize = done.iter().map(|one| one.reaped.finished).sum();
    let more = match finished {
        0 => more.to_owned(),
        some => format!("; {some} names gone that an earlier run had begun to take out{more}"),
    };
    format!(
        "{publications} publications removed, {files} names of files with {bytes} bytes, {held} files held{more}"
    )
}

fn all(
    root: &Root,
    db: &mut Db,
    distribution: &Distribution,
    wanted: Wanted,
    run: RunId,
    clock: Clock,
) -> anyhow::Result<Vec<OfArchive>> {
    death_row::reap::read_built_using(db)?;
    let librarian = root.librarian();
    let (mut done, mut left) = (Vec::new(), wanted.limit);
    for archive in reaped_archives(db, distribution, wanted)? {
        let _span = debug_span!("archive", archive = %archive.reference).entered();
        if wanted.careful {
            death_row::reap::look_at_all_again(db, archive.id)?;
        }
        let paths = root.archive_paths(&archive);
        let reap =
            Reap { archive: &archive, root: &paths.root, librarian: &librarian, run: Some(run), limit: left };
        let lock = || root.pool_lock(&archive).map_err(ReapError::from);
        let reaped = match death_row::reap(db, reap, clock.now(), lock) {
            Ok(reaped) => reaped,
            // the disk of one pool is not that of the others
            Err(ReapError::Disk(error)) => Reaped {
                problems: vec![format!(
                    "{}: its pool was left alone: {}",
                    archive.reference,
                    pressroom_archive::domain::chain(&error)
                )],
                ..Reaped::default()
            },
            Err(error @ ReapError::Store(_)) => return Err(error.into()),
        };
        left = left.map(|left| left.saturating_sub(reaped.looked_at));
        done.push((archive, reaped));
    }
    let behind = mirror_journal::behind(db.read())?;
    for (archive, reaped) in done.iter_mut().filter(|(archive, _)| behind.contains(&archive.id)) {
        reaped.problems.extend(mirror::keep_up(root, db, archive, After::DeathRow, clock).err());
    }
    let of =
        |(archive, reaped): (Archive, Reaped)| OfArchive { archive: archive.reference.to_string(), reaped };
    Ok(done.into_iter().map(of).collect())
}

/// What [`run`] would do, with all that has left the indexes and stays; nothing of it stays.
pub(crate) fn rehearse(
    root: &Root,
    db: &mut Db,
    distribution: &Distribution,
    wanted: Wanted,
    clock: Clock,
) -> anyhow::Result<Vec<OfArchive>> {
    let librarian = root.librarian();
    let (mut done, mut left) = (Vec::new(), wanted.limit);
    // a real run would read it first
    death_row::reap::read_built_using(db)?;
    for archive in reaped_archives(db, distribution, wanted)? {
        let paths = root.archive_paths(&archive);
        let reap =
            Reap { archive: &archive, root: &paths.root, librarian: &librarian, run: None, limit: left };
        let reaped = death_row::reap::rehearse(db, reap, clock.now())?;
        left = left.map(|left| left.saturating_sub(reaped.looked_at));
        done.push(OfArchive { archive: archive.reference.to_string(), reaped });
    }
    Ok(done)
}

fn wish(root: &Root, careful: bool, run: Option<RunId>) -> Expire {
    Expire {
        keep: SignedDuration::from_secs(root.config.librarian.keep_removed_seconds.into()),
        run,
        careful,
    }
}

/// Lets go of the originals that nobody wants: a run of its own, recorded however it ends.
pub(crate) fn expire(root: &Root, db: &mut Db, careful: bool, clock: Clock) -> anyhow::Result<Expired> {
    let _span = info_span!("expire").entered();
    let _lock = Lock::take_work(&root.locks_folder(), "expire.lock", "expiry", clock.now())?;
    let host = crate::root::host_name();
    let id = db.write(|tx| {
        let activity = Activity { name: EXPIRE, distribution: None, scope: "" };
        run_rows::end_dead_activity(tx, &activity, clock.now())?;
        run_rows::begin_activity(tx, &activity, &host, clock.now())
    })?;
    let result = death_row::expire(db, &root.librarian(), wish(root, careful, Some(id)), clock.now());
    let (outcome, message) = match &result {
        Ok(done) if done.problems.is_empty() && done.looked_at + done.swept == 0 => {
            end_idle(db, id, clock);
            return Ok(result?);
        }
        Ok(done) if !done.problems.is_empty() => (RunOutcome::Failed, done.problems.join("; ")),
        Ok(done) => (
            RunOutcome::Succeeded,
            format!(
                "{} files have expired, {} bytes freed, {} files kept{}",
                done.files.len(),
                done.freed_bytes,
                done.kept.len(),
                match done.swept {
                    0 => String::new(),
                    swept => format!("; {swept} files gone that belonged to nothing"),
                }
            ),
        ),
        Err(error) => (RunOutcome::Failed, pressroom_archive::domain::chain(error)),
    };
    end(db, id, outcome, &message, clock);
    Ok(result?)
}

/// What [`expire`] would do; nothing of it stays.
pub(crate) fn rehearse_expiry(
    root: &Root,
    db: &Db,
    careful: bool,
    clock: Clock,
) -> Result<Expired, StoreError> {
    death_row::expire::rehearse(db, wish(root, careful, None), clock.now())
}
