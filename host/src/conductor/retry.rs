//! What a run owes to those before it: hooks that failed for a time after the installation are called again with what they were told then.
//!
//! At each point they come before the hooks of new passes, the oldest call first; what no new pass gave occasion for is done at the end of the run, so
//! that nothing of it keeps a security update from being installed.

use pressroom_archive::store::{Db, StoreError, hook_run};
use pressroom_sandbox::Point;

use super::context::Run;
use crate::hooks::replay::{self, Component, Obstacle, Replayer};

/// The points at which a failure does not stop what it belongs to.
pub(super) const AFTER_INSTALLATION: [Point; 2] = [Point::PostPublication, Point::Finalize];

impl Run<'_> {
    /// What calls hooks of earlier runs again.
    const fn replayer(&self) -> Replayer<'_> {
        Replayer {
            root: self.root,
            registry: self.registry,
            sandbox: self.sandbox,
            launcher: Some(self.program),
            clock: self.clock,
        }
    }

    /// Calls the hooks of a point again that are owed a call by now; once in a run.
    pub(super) fn retry(&mut self, db: &mut Db, point: Point) -> Result<(), StoreError> {
        if !self.retried.insert(point) {
            return Ok(());
        }
        let now = self.clock.now();
        let due = hook_run::due_retries(
            db.read(),
            (self.distribution.id, self.publisher),
            point.as_str(),
            self.id,
            now,
        )?;
        let mut problems = Vec::new();
        let mut left_alone = 0;
        for first in &due {
            let replayer = self.replayer();
            match replayer.prepare(db.read(), first, Component::Recorded)? {
                Ok(ready) => {
                    let again = replayer.again(db, self.id, &ready)?;
                    if again.outcome.is_success() {
                        tracing::info!(hook = first.call.hook, "{}", again.said);
                    } else if again.warns_only {
                        tracing::warn!(hook = first.call.hook, "{}", again.said);
                    } else {
                        problems.push(again.said);
                    }
                }
                // it does not run, and is not missed; what it owes waits until it is enabled
                Err(Obstacle::Disabled { .. }) => left_alone += 1,
                Err(obstacle) => {
                    replay::give_up(db, self.id, first, &obstacle, now)?;
                    problems.push(format!(
                        "{obstacle}; it is not tried again by itself: see `pressroom hook replay {}`",
                        first.call.run
                    ));
                }
            }
        }
        self.called_again += due.len() - left_alone;
        self.problems.extend(problems);
        Ok(())
    }

    /// The same for all points, at the end of a run.
    pub(super) fn retry_what_is_left(&mut self, db: &mut Db) -> Result<(), StoreError> {
        AFTER_INSTALLATION.into_iter().try_for_each(|point| self.retry(db, point))
    }
}
