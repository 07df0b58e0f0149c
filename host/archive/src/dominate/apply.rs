//! Domination of a pass: the contests it has opened, judged, and written down, and the removals that were asked for.

use rusqlite::Transaction;

use super::judge::judge;
use super::schedule::StayOfExecution;
use crate::domain::{PassId, PublicationStatus};
use crate::store::pass::{Transition, changing_suites_of_pass, plan_transitions, set_stay};
use crate::store::{StoreError, publication, removal};

/// How many publications go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dominated {
    /// Because another took their place.
    pub superseded: usize,
    /// Because somebody has asked for it.
    pub deleted: usize,
}

/// Judges every name that the pass publishes, and writes down what is superseded, with the stay that its files get; and what is to be removed from the
/// suites of the pass.
///
/// # Errors
/// When the database fails.
pub fn dominate(tx: &Transaction<'_>, pass: PassId, stay: StayOfExecution) -> Result<Dominated, StoreError> {
    set_stay(tx, pass, stay.0)?;
    let mut transitions = Vec::new();
    for contest in publication::contests(tx, pass)? {
        for verdict in judge(&contest.candidates) {
            let from_status = contest
                .candidates
                .iter()
                .find(|candidate| candidate.publication == verdict.superseded)
                .map_or(PublicationStatus::Published, |candidate| candidate.status);
            transitions.push(Transition {
                kind: contest.kind,
                publication: verdict.superseded,
                from_status,
                to_status: PublicationStatus::Superseded,
                superseded_by: Some(verdict.by_release),
            });
        }
    }
    let superseded = transitions.len();
    // what is to be removed has no part in a contest
    for suite in changing_suites_of_pass(tx, pass)? {
        transitions.extend(removal::requested_transitions(tx, suite)?);
    }
    plan_transitions(tx, pass, &transitions)?;
    Ok(Dominated { superseded, deleted: transitions.len() - superseded })
}
