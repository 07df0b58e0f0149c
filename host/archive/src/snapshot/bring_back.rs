//! Brings a suite back to a snapshot: what stands in the way, then the rows, in one transaction. What has to be done is decided by
//! [`restore`](super::restore); the next pass over the suite publishes it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::diff::{Difference, diff};
use super::restore::{Missing, OfWaiting, Plan, missing, plan};
use crate::domain::{RunId, SeriesStatus, SnapshotName, SuiteAction, SuiteId, SuiteName};
use crate::dominate::{StayOfExecution, schedule_suite};
use crate::librarian::Librarian;
use crate::people::{Actor, Denied, rights};
use crate::store::archive::Archive;
use crate::store::series::{Series, series_by_id};
use crate::store::snapshot::{Snapshot, snapshot_at};
use crate::store::snapshot_content::{self as content, Indexed, Moment, Restoration, Steps};
use crate::store::suite::{Suite, suite_by_id};
use crate::store::suite_hold::{self, Word};
use crate::store::{Connection, StoreError, Transaction, pass};

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// The suite of it.
    pub suite: SuiteId,
    /// To which snapshot: the one of that time, or the one that was live then.
    pub snapshot: &'a SnapshotName,
    /// Who asks.
    pub actor: &'a Actor,
    /// Why.
    pub reason: &'a str,
    /// What becomes of what waits; none: nothing may.
    pub on_waiting: Option<OfWaiting>,
    /// Also where nothing changes otherwise.
    pub allow_stable: bool,
    /// How long the files of what gives way stay.
    pub stay: StayOfExecution,
}

/// What the next run will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The suite.
    pub suite: String,
    /// The snapshot that was found.
    pub snapshot: SnapshotName,
    /// How many publications are made anew.
    pub again: usize,
    /// How many leave the indexes.
    pub leaving: usize,
    /// How many waited, and wait no more.
    pub withdrawn: usize,
    /// Removals that somebody has asked for, and that are taken back.
    pub reprieved: Vec<Removal>,
    /// Removals of packages of the snapshot that are carried out all the same.
    pub going: Vec<Removal>,
    /// What the next run changes in the indexes.
    pub changes: Vec<Difference>,
    /// Packages of the snapshot for architectures that are off now.
    pub left_out: Vec<String>,
    /// Who holds the suite's publication, so that runs leave it alone.
    pub paused_by: Option<String>,
}

/// A removal that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// Of what.
    pub package: String,
    /// Who has asked for it, and with which words.
    pub by: String,
}

/// Why nothing was brought back.
#[derive(Debug, thiserror::Error)]
pub enum BringBackError {
    /// What a pass is about to install is in no row yet: what would be decided without it would be decided wrongly.
    #[error(
        "run {run} is publishing {suite} since {since}, and what it changes there is not known yet: wait until it is over (`pressroom history`); if it has died, \
         `pressroom publish` ends its work. Then restore"
    )]
    Publishing {
        /// The run of the pass.
        run: RunId,
        /// The suite.
        suite: SuiteName,
        /// Since when.
        since: Timestamp,
    },
    /// It takes another word, or cannot be.
    #[error("{0}")]
    Refused(String),
    /// Who asks lacks a right.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The database failed, or there is no such snapshot.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Has the next run publish a suite as it was.
///
/// # Errors
/// When a right is lacking, something stands in the way, or the database fails; nothing of it may be kept then.
pub fn bring_back(
    tx: &Transaction<'_>,
    librarian: &Librarian,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Restored, BringBackError> {
    let suite = suite_by_id(tx, request.suite)?;
    let series = series_by_id(tx, suite.series)?;
    rights(tx, request.archive, request.actor)?.may_administer(suite.series, suite.name.pocket(), &[])?;
    let holds_still = request.archive.purpose.holds_still(suite.name.pocket(), series.status);
    refuse_still(&series, &suite, holds_still && !request.allow_stable)?;
    let snapshot = snapshot_at(tx, suite.id, request.snapshot)?;
    refuse_beside(tx, &suite)?;
    let then = content::indexed(tx, suite.id, (&snapshot).into())?;
    let live = content::indexed(tx, suite.id, Moment::Now)?;
    let waiting = content::waiting(tx, suite.id)?;
    let all_taken_back = plan(&then, &live, &waiting, OfWaiting::Withdrawn);
    let removals = reprieved(&live, &all_taken_back.steps);
    let others = waiting.iter().filter(|one| !one.is_of_a_restoration).map(|one| one.said.clone());
    let of_removals = removals.iter().map(|one| format!("the removal of {} by {}", one.package, one.by));
    let others: Vec<String> = others.chain(of_removals).collect();
    let of_waiting = of_waiting(&suite.name, request.on_waiting, &others, holds_still)?;
    let Plan { steps, left_out, going } = match of_waiting {
        OfWaiting::Withdrawn => all_taken_back,
        OfWaiting::Kept => plan(&then, &live, &waiting, OfWaiting::Kept),
    };
    refuse_lost(&suite, &snapshot, &missing(tx, librarian, &then, &steps)?)?;
    write_down(tx, request, (&suite, holds_still), &snapshot, &steps, now)?;
    let published: Vec<Indexed> =
        then.iter().filter(|one| !left_out.contains(one) && !going.contains(one)).cloned().collect();
    Ok(Restored {
        suite: suite.name.to_string(),
        snapshot: snapshot.name,
        again: steps.again.len(),
        leaving: steps.leaving.len(),
        withdrawn: steps.withdrawn.len(),
        reprieved: reprieved(&live, &steps),
        going: match of_waiting {
            OfWaiting::Kept => {
                let goes = |one: &Removal| going.iter().any(|going| package_said(going) == one.package);
                removals.into_iter().filter(goes).collect()
            }
            OfWaiting::Withdrawn => Vec::new(),
        },
        changes: diff(&live, &published),
        left_out: left_out.into_iter().map(package_said).collect(),
        paused_by: suite.pause.map(|pause| pause.by),
    })
}

/// What may not change is not restored without a word for it; what has ended is not restored.
fn refuse_still(series: &Series, suite: &Suite, is_still: bool) -> Result<(), BringBackError> {
    if series.status == SeriesStatus::Obsolete {
        return Err(BringBackError::Refused(format!(
            "the series {} has ended: nothing is published in it",
            series.name
        )));
    }
    if is_still {
        return Err(BringBackError::Refused(format!(
            "{} is {}, and its release pocket does not change: --allow-stable has it restored all the same",
            suite.name, series.status
        )));
    }
    Ok(())
}

fn refuse_beside(db: &Connection, suite: &Suite) -> Result<(), BringBackError> {
    match pass::open_over(db, suite.id)? {
        None => Ok(()),
        Some(pass) => Err(BringBackError::Publishing {
            run: pass.run,
            suite: suite.name.clone(),
            since: pass.date_started,
        }),
    }
}

fn refuse_lost(suite: &Suite, snapshot: &Snapshot, lost: &[Missing]) -> Result<(), BringBackError> {
    match lost.first() {
        None => Ok(()),
        Some(Missing { package, file }) => Err(BringBackError::Refused(format!(
            "{} cannot be restored to {}: {} files are not kept any more, as {file} of {package}",
            suite.name,
            snapshot.name,
            lost.len()
        ))),
    }
}

/// What becomes of what others have in the suite, if that is said where there is any; a suite that does not change takes nothing in but what is restored.
fn of_waiting(
    suite: &SuiteName,
    wish: Option<OfWaiting>,
    others: &[String],
    holds_still: bool,
) -> Result<OfWaiting, BringBackError> {
    match wish {
        Some(OfWaiting::Kept) if holds_still && !others.is_empty() => Err(BringBackError::Refused(format!(
            "{suite} does not change, and --allow-stable lets nothing in but what is restored: {} changes wait there too ({}): --waiting remove takes them back",
            others.len(),
            some_of(others)
        ))),
        Some(wish) => Ok(wish),
        None if others.is_empty() => Ok(OfWaiting::Kept),
        None => Err(BringBackError::Refused(format!(
            "{} changes wait in {suite} ({}): --waiting keep has them carried out with what is restored, --waiting remove takes them back",
            others.len(),
            some_of(others)
        ))),
    }
}

fn write_down(
    tx: &Transaction<'_>,
    request: &Request<'_>,
    (suite, holds_still): (&Suite, bool),
    snapshot: &Snapshot,
    steps: &Steps,
    now: Timestamp,
) -> Result<(), BringBackError> {
    let by = request.actor.name();
    let restoration = Restoration {
        suite: suite.id,
        name: &snapshot.name,
        actor: by,
        reason: request.reason,
        allow_stable: request.allow_stable,
    };
    if *steps != Steps::default() {
        content::restore(tx, &restoration, steps, now)?;
        // a run would refuse it together with the rest, each time
        if holds_still && !content::is_allowed_to_change(tx, suite.id)? {
            return Err(BringBackError::Refused(format!(
                "{} does not change, and --allow-stable lets nothing in but what is restored: custom uploads wait there too, which no restoration takes back; have the series FROZEN until they are published",
                suite.name
            )));
        }
    }
    // what waited is deleted, and no pass comes by it
    schedule_suite(tx, suite.id, request.stay, now)?;
    let comment = format!("restored to snapshot {}: {}", snapshot.name, request.reason);
    suite_hold::log(tx, suite.id, SuiteAction::Set, Word { by, comment: &comment }, now)?;
    Ok(())
}

/// The removals that steps take back which somebody has asked for; what a restoration wants gone is nobody's word.
fn reprieved(live: &[Indexed], steps: &Steps) -> Vec<Removal> {
    let rows: BTreeSet<_> = steps.reprieved.iter().copied().collect();
    let of = |one: &Indexed| one.removal.clone().map(|by| Removal { package: package_said(one), by });
    live.iter().filter(|one| rows.contains(&(one.kind, one.publication))).filter_map(of).collect()
}

fn package_said(one: &Indexed) -> String {
    format!("{} {} ({})", one.name, one.version, one.architecture)
}

/// So many names are listed in a sentence.
const NAMED: usize = 5;

fn some_of(names: &[String]) -> String {
    let mut text = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > NAMED {
        text.push_str(&format!(" and {} more", names.len() - NAMED));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_have_waiting_is_never_decided_without_a_word() {
        use OfWaiting::{Kept, Withdrawn};
        let suite: SuiteName = "one".parse().unwrap();
        let others = ["aa 1 (amd64)".to_owned()];
        for (wish, others, holds_still, expected) in [
            (None, &[][..], false, Ok(Kept)),
            (None, &others[..], false, Err("--waiting keep has them carried out")),
            (Some(Kept), &others[..], false, Ok(Kept)),
            (Some(Withdrawn), &others[..], false, Ok(Withdrawn)),
            // nothing but what is restored comes into what does not change
            (None, &[][..], true, Ok(Kept)),
            (Some(Kept), &[][..], true, Ok(Kept)),
            (Some(Kept), &others[..], true, Err("lets nothing in but what is restored")),
            (Some(Withdrawn), &others[..], true, Ok(Withdrawn)),
        ] {
            let case = format!("{wish:?} {others:?} {holds_still}");
            match (of_waiting(&suite, wish, others, holds_still), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{case}"),
                (Err(BringBackError::Refused(text)), Err(expected)) => {
                    assert!(text.contains(expected) && text.contains("aa 1 (amd64)"), "{case}: {text}");
                }
                (found, expected) => panic!("{case}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn a_sentence_names_some_and_counts_the_rest() {
        let names = ["a", "b", "c", "d", "e", "f", "g"].map(str::to_owned);
        assert_eq!(some_of(&names[..5]), "a, b, c, d, e");
        assert_eq!(some_of(&names), "a, b, c, d, e and 2 more");
    }
}
