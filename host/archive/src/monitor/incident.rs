//! Incidents: from the first run of a script that did not succeed to the next that did.

use crate::domain::{Failing, Publisher, RunOutcome, Script, ScriptState};
use crate::store::run::Run;

/// The script that a run is of. Publishers of one distribution run beside each other, and each has incidents of its own.
#[must_use]
pub fn script_of(run: &Run) -> Script {
    let publisher = match run.publisher {
        None | Some(Publisher::MainArchives) => "",
        Some(beside @ (Publisher::Ppas | Publisher::PrivatePpas | Publisher::CopyArchives)) => {
            beside.as_str()
        }
    };
    Script {
        name: run.name.clone(),
        distribution_id: run.distribution_id,
        distribution: run.distribution.clone(),
        scope: if run.scope.is_empty() { publisher.to_owned() } else { run.scope.clone() },
    }
}

/// What a run has changed about how its script is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// All was well, and is.
    Well,
    /// It did not succeed: the first run of an incident, or one more.
    Failing,
    /// It succeeded, and this incident is over.
    Over(Failing),
}

/// How a script is doing after a run. None where the run has not ended.
#[must_use]
pub fn after(before: Option<&ScriptState>, run: &Run) -> Option<(ScriptState, Turn)> {
    let (completed, outcome) = run.date_completed.zip(run.outcome)?;
    let earlier = before.and_then(|state| state.failing);
    let (failing, turn) = match (outcome, earlier) {
        (RunOutcome::Succeeded, None) => (None, Turn::Well),
        (RunOutcome::Succeeded, Some(over)) => (None, Turn::Over(over)),
        (RunOutcome::Failed | RunOutcome::Held | RunOutcome::Interrupted, earlier) => {
            let failing = match earlier {
                Some(earlier) => Failing { failures: earlier.failures.saturating_add(1), ..earlier },
                None => Failing { first: run.id, since: completed, failures: 1, told: false },
            };
            (Some(failing), Turn::Failing)
        }
    };
    let success = (outcome == RunOutcome::Succeeded).then_some(completed);
    let state = ScriptState {
        script: script_of(run),
        last_run: run.id,
        last_outcome: outcome,
        last_message: run.message.clone(),
        last_started: run.date_started,
        last_completed: completed,
        // of runs beside each other the one that began first may end last
        last_success: success.max(before.and_then(|state| state.last_success)),
        failing,
    };
    Some((state, turn))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::domain::{DistributionId, RunId};

    fn run(id: i64, outcome: Option<RunOutcome>) -> Run {
        let at = |second| Timestamp::from_second(second).unwrap();
        Run {
            id: RunId(id),
            name: "publish".into(),
            hostname: "host".into(),
            process_id: 1,
            distribution: "demo".into(),
            distribution_id: Some(DistributionId(1)),
            scope: String::new(),
            date_started: at(id * 100),
            date_completed: outcome.map(|_| at(id * 100 + 10)),
            outcome,
            message: format!("run {id}"),
            publisher: None,
        }
    }

    #[test]
    fn an_incident_begins_with_the_first_failure_and_ends_with_the_next_success() {
        use RunOutcome::{Failed, Held, Interrupted, Succeeded};
        let mut state: Option<ScriptState> = None;
        let mut turns = Vec::new();
        for (id, outcome) in (1..).zip([Succeeded, Failed, Held, Interrupted, Succeeded, Succeeded, Held]) {
            let (next, turn) = after(state.as_ref(), &run(id, Some(outcome))).unwrap();
            turns.push((turn, next.failing.map(|failing| (failing.first.0, failing.failures))));
            state = Some(next);
        }
        let over = turns[4].0;
        assert!(
            matches!(over, Turn::Over(Failing { first: RunId(2), failures: 3, told: false, .. })),
            "{over:?}"
        );
        let shown: Vec<_> =
            turns.iter().map(|(turn, failing)| (matches!(turn, Turn::Failing), *failing)).collect();
        assert_eq!(
            shown,
            [
                (false, None),
                (true, Some((2, 1))),
                (true, Some((2, 2))),
                (true, Some((2, 3))),
                (false, None),
                (false, None),
                (true, Some((7, 1)))
            ]
        );
        let state = state.unwrap();
        assert_eq!(state.last_success.unwrap().as_second(), 610);
        assert_eq!((state.last_run, state.last_outcome), (RunId(7), Held));
    }

    #[test]
    fn publishers_of_a_distribution_have_incidents_of_their_own() {
        let of = |publisher| script_of(&Run { publisher, ..run(1, None) }).scope;
        assert_eq!(of(None), of(Some(Publisher::MainArchives)));
        assert_eq!(of(Some(Publisher::Ppas)), "ppas");
        assert_ne!(of(Some(Publisher::PrivatePpas)), of(Some(Publisher::Ppas)));
    }

    #[test]
    fn a_run_that_goes_on_says_nothing() {
        assert_eq!(after(None, &run(1, None)), None);
    }
}
