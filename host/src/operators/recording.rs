//! The record of a run that no conductor orders: an import, a look into incoming, a round of sending.
//!
//! While it runs it shares a lock with its like. Who gets that lock alone knows that none of them lives, and says so of those that have not said how they
//! ended.

use pressroom_archive::disk::FileLock;
use pressroom_archive::domain::plain;
use pressroom_archive::domain::{RunId, RunOutcome, Sha256};
use pressroom_archive::store::run::{self, Activity};
use pressroom_archive::store::{Db, StoreError};

use crate::clock::Clock;
use crate::root::Root;

/// The longest message that is recorded, in characters.
const MAX_MESSAGE: usize = 4000;

/// How such a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RunEnded {
    /// There was nothing to do.
    Idle,
    /// It did this.
    Done(String),
    /// It did not do all, because of this.
    Failed(String),
}

/// A run that goes on.
#[derive(Debug)]
pub(crate) struct Recording {
    run: RunId,
    _lock: FileLock,
}

impl Recording {
    /// Records that a run begins.
    pub(crate) fn begin(
        root: &Root,
        db: &mut Db,
        clock: &Clock,
        activity: &Activity<'_>,
    ) -> anyhow::Result<Self> {
        let about = format!("{:?}\n{}", activity.distribution, activity.scope);
        let digest = Sha256::of(about.as_bytes()).to_string();
        let file = format!("run-{}-{}.lock", activity.name, digest.get(..16).unwrap_or(&digest));
        let path = root.locks_folder().join(file);
        let alone = FileLock::try_alone(&path)?;
        let (host, now) = (crate::root::host_name(), clock.now());
        let run = db.write(|tx| {
            if alone.is_some() {
                run::end_dead_activity(tx, activity, now)?;
            }
            run::begin_activity(tx, activity, &host, now)
        })?;
        // others come in beside this one; who has it alone holds it for a moment only
        let lock = match alone {
            Some(alone) => alone.share()?,
            None => FileLock::shared(&path)?,
        };
        Ok(Self { run, _lock: lock })
    }

    /// Records how it ended. That this cannot be is said on the log, and is no error: the next run records that this one has died.
    pub(crate) fn end(self, db: &mut Db, clock: &Clock, ended: &RunEnded) {
        let (run, now) = (self.run, clock.now());
        let result = db.write(|tx| match ended {
            RunEnded::Idle => run::end_idle_run(tx, run, "nothing to do", now),
            RunEnded::Done(done) => {
                run::end_run(tx, run, RunOutcome::Succeeded, &plain::line(done, MAX_MESSAGE), now)
            }
            RunEnded::Failed(why) => {
                run::end_run(tx, run, RunOutcome::Failed, &plain::line(why, MAX_MESSAGE), now)
            }
        });
        if let Err::<(), StoreError>(error) = result {
            tracing::error!("how the run ended could not be recorded: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use pressroom_archive::disk;
    use pressroom_archive::store::run::{last_runs, open_runs};

    use super::*;
    use crate::root::{CONFIG_FILE, DATABASE_FILE};

    const UPLOADS: Activity<'_> =
        Activity { name: "process-upload", distribution: None, scope: "/srv/uploads" };

    fn root(folder: &std::path::Path) -> (Root, Db) {
        disk::write_staged(&folder.join(CONFIG_FILE), b"").unwrap();
        let db = Db::create(&folder.join(DATABASE_FILE)).unwrap();
        (Root::open(folder).unwrap(), db)
    }

    #[test]
    fn a_run_that_died_is_found_by_the_next_and_one_that_lives_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (root, mut db) = root(folder.path());
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let first = Recording::begin(&root, &mut db, &clock, &UPLOADS).unwrap();
        let beside = Recording::begin(&root, &mut db, &clock, &UPLOADS).unwrap();
        assert_eq!(open_runs(db.read()).unwrap().len(), 2, "both live");
        // it dies
        drop(first);
        beside.end(&mut db, &clock, &RunEnded::Done("1 accepted".into()));
        let other = Activity { scope: "/srv/others", ..UPLOADS };
        Recording::begin(&root, &mut db, &clock, &other).unwrap().end(&mut db, &clock, &RunEnded::Idle);
        assert_eq!(open_runs(db.read()).unwrap().len(), 1, "another folder is no business of this one");
        Recording::begin(&root, &mut db, &clock, &UPLOADS).unwrap().end(
            &mut db,
            &clock,
            &RunEnded::Failed("a\nb".into()),
        );
        let outcomes: Vec<_> = last_runs(db.read(), 9)
            .unwrap()
            .into_iter()
            .map(|run| (run.outcome.unwrap(), run.message))
            .collect();
        let said = |outcome: RunOutcome, message: &str| (outcome, message.to_owned());
        assert_eq!(
            outcomes,
            [
                said(RunOutcome::Failed, "a b"),
                said(RunOutcome::Succeeded, "nothing to do"),
                said(RunOutcome::Succeeded, "1 accepted"),
                said(RunOutcome::Interrupted, "it died; found by the next run"),
            ]
        );
    }

    #[test]
    fn a_run_with_nothing_to_do_takes_the_place_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (root, mut db) = root(folder.path());
        let clock = Clock::fixed(Timestamp::UNIX_EPOCH);
        let mut once = |ended: RunEnded| {
            Recording::begin(&root, &mut db, &clock, &UPLOADS).unwrap().end(&mut db, &clock, &ended);
            db.write(|tx| {
                run::not_considered(tx, 9)?.iter().try_for_each(|one| run::mark_considered(tx, one.id))
            })
            .unwrap();
            last_runs(db.read(), 9).unwrap().len()
        };
        let counts = [
            once(RunEnded::Idle),
            once(RunEnded::Idle),
            once(RunEnded::Done("1 accepted".into())),
            once(RunEnded::Idle),
            once(RunEnded::Idle),
        ];
        assert_eq!(counts, [1, 1, 2, 2, 2]);
    }
}
