//! The judge: from when on the files of what has given way may go.
//!
//! [`judge`] is pure. A binary gets a date with the pass that takes it out. A source is held while a binary of it in its suite has none, because who has
//! the binary may ask for the source; unless the very same release is published there by another row, as after a move between components. What is
//! removed when its date has come is not decided here.

use jiff::{SignedDuration, Timestamp};

use crate::domain::{PackageKind, PassId, PublicationStatus, SuiteId};
use crate::store::schedule::{self as rows, Unscheduled, binaries_taken_out, sources_taken_out, unscheduled};
use crate::store::{StoreError, Transaction, pass};

/// How long the files of what was superseded stay, in seconds: clients that have an older index still find them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StayOfExecution(pub u32);

impl Default for StayOfExecution {
    /// A day.
    fn default() -> Self {
        Self(24 * 60 * 60)
    }
}

/// From when on the files of a publication may go; none: it is held, or active.
#[must_use]
pub fn judge(row: &Unscheduled, stay: StayOfExecution, now: Timestamp) -> Option<Timestamp> {
    if row.kind == PackageKind::Source && row.has_binaries && !row.is_published_otherwise {
        return None;
    }
    match row.status {
        PublicationStatus::Superseded => Some(now + SignedDuration::from_secs(i64::from(stay.0))),
        PublicationStatus::Deleted | PublicationStatus::Obsolete => Some(now),
        PublicationStatus::Pending | PublicationStatus::Published => None,
    }
}

/// Judges what an installed pass has taken out, and the sources that its binaries held. How many publications have got a date.
///
/// # Errors
/// When the database fails.
pub fn schedule_after(tx: &Transaction<'_>, pass: PassId, now: Timestamp) -> Result<usize, StoreError> {
    let stay = StayOfExecution(pass::stay_of(tx, pass)?);
    // binaries first: they hold sources
    let binaries = carry_out(tx, &binaries_taken_out(tx, pass)?, stay, now)?;
    Ok(binaries + carry_out(tx, &sources_taken_out(tx, pass)?, stay, now)?)
}

/// Judges everything in a suite that has given way and has no date: after removals that no pass has made, and to be sure that nothing was missed. How
/// many publications have got one.
///
/// # Errors
/// When the database fails.
pub fn schedule_suite(
    tx: &Transaction<'_>,
    suite: SuiteId,
    stay: StayOfExecution,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let binaries = carry_out(tx, &unscheduled(tx, suite, PackageKind::Binary)?, stay, now)?;
    Ok(binaries + carry_out(tx, &unscheduled(tx, suite, PackageKind::Source)?, stay, now)?)
}

fn carry_out(
    tx: &Transaction<'_>,
    judged: &[Unscheduled],
    stay: StayOfExecution,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut scheduled = 0;
    for row in judged {
        if let Some(date) = judge(row, stay, now) {
            rows::schedule(tx, row.kind, row.publication, date)?;
            scheduled += 1;
        }
    }
    Ok(scheduled)
}

#[cfg(test)]
mod tests {
    use PackageKind::{Binary, Source};
    use PublicationStatus::{Deleted, Obsolete, Pending, Published, Superseded};

    use super::*;
    use crate::domain::PublicationId;

    #[test]
    fn each_sentence_of_the_rule() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let stay = StayOfExecution(60);
        // (what, how it gave way, has binaries without a date, is published otherwise), seconds from now
        let cases = [
            ((Binary, Superseded, false, false), Some(60)),
            ((Binary, Deleted, false, false), Some(0)),
            ((Binary, Obsolete, false, false), Some(0)),
            ((Binary, Published, false, false), None),
            ((Binary, Pending, false, false), None),
            ((Source, Superseded, false, false), Some(60)),
            ((Source, Deleted, false, false), Some(0)),
            ((Source, Obsolete, false, false), Some(0)),
            // binaries hold it, however it gave way
            ((Source, Superseded, true, false), None),
            ((Source, Deleted, true, false), None),
            ((Source, Obsolete, true, false), None),
            // a move between components
            ((Source, Superseded, true, true), Some(60)),
            ((Source, Superseded, false, true), Some(60)),
            ((Source, Published, false, true), None),
            ((Source, Pending, false, true), None),
        ];
        for ((kind, status, has_binaries, is_published_otherwise), expected) in cases {
            let row = Unscheduled {
                kind,
                publication: PublicationId(1),
                status,
                has_binaries,
                is_published_otherwise,
            };
            let expected = expected.map(|seconds| now + SignedDuration::from_secs(seconds));
            assert_eq!(judge(&row, stay, now), expected, "{row:?}");
        }
    }

    #[test]
    fn a_day_is_what_holds_when_nobody_says_otherwise() {
        assert_eq!(StayOfExecution::default().0, 86_400);
    }
}
