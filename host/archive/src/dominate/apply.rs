//! Domination of a pass: the contests it has opened, judged, and written down.

use rusqlite::Transaction;

use super::judge::judge;
use crate::domain::{PassId, PublicationStatus};
use crate::store::pass::{Transition, plan_transitions};
use crate::store::{StoreError, publication};

/// Judges every name that the pass publishes, and writes down what is superseded. Says how many publications are.
///
/// # Errors
/// When the database fails.
pub fn dominate(tx: &Transaction<'_>, pass: PassId) -> Result<usize, StoreError> {
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
    plan_transitions(tx, pass, &transitions)?;
    Ok(transitions.len())
}
