//! What a run does before its first pass: marks that the operator has asked for, and what a new series takes from the one before it.

use pressroom_archive::custom::{Inherited, inherit_customs};
use pressroom_archive::domain::SuiteName;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::{Connection, Db, StoreError, Transaction, suite};

use super::context::{Options, Run};

/// The reason of marks that a run makes for its operator.
const ASKED_FOR: &str = "asked for with --dirty-suite";

/// Marks suites of archives, as far as they are there.
pub(super) fn mark_within(
    tx: &Transaction<'_>,
    archives: &[Archive],
    options: &Options,
    now: jiff::Timestamp,
) -> Result<(), StoreError> {
    for archive in archives {
        for one in suite::suites_of(tx, archive.id)? {
            if options.dirty_suites.contains(&one.name) && !is_marked(tx, &one, now)? {
                suite::mark_dirty(tx, one.id, ASKED_FOR, now)?;
            }
        }
    }
    Ok(())
}

/// A run that failed leaves its mark, and the next need not make another.
fn is_marked(db: &Connection, one: &suite::Suite, now: jiff::Timestamp) -> Result<bool, StoreError> {
    Ok(suite::dirt(db, one.clone(), now)?.marks.iter().any(|(_, reason)| reason == ASKED_FOR))
}

impl Run<'_> {
    /// Marks the suites that the operator has named.
    pub(super) fn mark_dirty(&self, db: &mut Db, archives: &[Archive]) -> Result<(), StoreError> {
        if self.options.dirty_suites.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        db.write(|tx| mark_within(tx, archives, self.options, now))
    }

    /// Asks for the custom uploads of the series before to be published in a series whose indexes are made for the first time. What cannot be is a problem
    /// of the run, and stops nothing: the indexes of a new series are worth more than its installer.
    pub(super) fn prepare_new_series(&mut self, db: &mut Db, archives: &[Archive]) -> Result<(), StoreError> {
        for archive in archives {
            // also where nothing that waits comes in: its indexes are made, and then it is no new series any more
            if self.put_aside.contains(&archive.id) {
                continue;
            }
            let now = self.clock.now();
            let is_for = |name: &SuiteName| self.options.is_for(name);
            // mostly there is no new series, and no transaction is needed
            if pressroom_archive::store::new_series::suites_to_fill(db.read(), archive)?.is_empty() {
                continue;
            }
            match db.write(|tx| inherit_customs(tx, archive, &is_for, now)) {
                Ok(Inherited { asked_for, left_out }) => {
                    if asked_for > 0 {
                        tracing::info!(archive = %archive.reference, copied = asked_for, "custom uploads of the series before are published in the new one");
                    }
                    self.notes.extend(left_out);
                }
                Err(error) => {
                    let causes = pressroom_archive::domain::chain(&error);
                    self.problems.push(format!(
                        "the custom uploads of the series before were not published in the new one of {}: {causes}",
                        archive.reference
                    ));
                }
            }
        }
        Ok(())
    }
}
