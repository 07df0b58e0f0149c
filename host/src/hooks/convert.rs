//! The archive's words as the sandbox's, and back. Here and nowhere else.

use pressroom_archive::domain::{self, HookOutcome};
use pressroom_archive::store::shape::SuiteShape;
use pressroom_archive::store::transition::NamedTransition;
use pressroom_sandbox::{Action, CallOutcome, Change, Outcome, PackageKind, Pocket, Suite};

/// A suite, as hooks are told of it.
pub(super) fn suite(shape: &SuiteShape) -> Suite {
    Suite {
        name: shape.suite.name.to_string(),
        series: shape.series.name.to_string(),
        pocket: pocket(shape.suite.name.pocket()),
        components: shape.components.iter().map(|component| component.name.to_string()).collect(),
        architectures: shape.architectures.iter().map(|one| one.tag.to_string()).collect(),
    }
}

/// The suites of a pass.
pub(crate) fn pass_suites(shapes: &[SuiteShape]) -> Vec<Suite> {
    let mut suites: Vec<Suite> = shapes.iter().map(suite).collect();
    suites.sort_by(|one, other| one.name.cmp(&other.name));
    suites
}

pub(super) const fn pocket(pocket: domain::Pocket) -> Pocket {
    match pocket {
        domain::Pocket::Release => Pocket::Release,
        domain::Pocket::Security => Pocket::Security,
        domain::Pocket::Updates => Pocket::Updates,
        domain::Pocket::Proposed => Pocket::Proposed,
        domain::Pocket::Backports => Pocket::Backports,
    }
}

/// A transition, as hooks are told of it. What waits is none yet.
pub(super) fn change(transition: NamedTransition, archive: &str, suite: &str) -> Change {
    Change {
        action: match transition.to_status {
            domain::PublicationStatus::Pending | domain::PublicationStatus::Published => Action::Published,
            domain::PublicationStatus::Superseded => Action::Superseded,
            domain::PublicationStatus::Deleted | domain::PublicationStatus::Obsolete => Action::Deleted,
        },
        kind: match transition.kind {
            domain::PackageKind::Source => PackageKind::Source,
            domain::PackageKind::Binary => PackageKind::Binary,
        },
        name: transition.name,
        version: transition.version.to_string(),
        architecture: transition.architecture.to_string(),
        archive: archive.to_owned(),
        suite: suite.to_owned(),
        component: transition.component.to_string(),
        section: transition.section.map(|section| section.to_string()).unwrap_or_default(),
        priority: transition.priority.map(|priority| priority.to_string()).unwrap_or_default(),
        source: transition.source.to_string(),
    }
}

/// How a call ended, in a word, a line and more.
pub(super) fn outcome(outcome: CallOutcome) -> (HookOutcome, String, String) {
    match outcome {
        CallOutcome::Report(report) => {
            let word = match report.outcome {
                Outcome::Done => HookOutcome::Done,
                Outcome::Skipped => HookOutcome::Skipped,
            };
            (word, report.summary, report.details)
        }
        CallOutcome::Veto(reason) => (HookOutcome::Veto, reason, String::new()),
        CallOutcome::Temporary(reason) => (HookOutcome::Temporary, reason, String::new()),
        CallOutcome::Failed(reason) => (HookOutcome::Failed, reason, String::new()),
        CallOutcome::Trapped(reason) => (HookOutcome::Trapped, reason, String::new()),
        CallOutcome::TimedOut => {
            (HookOutcome::TimedOut, "it was stopped at its time limit".to_owned(), String::new())
        }
        CallOutcome::LimitExceeded(limit) => {
            (HookOutcome::OverLimit, format!("it went over its limit of {limit}"), String::new())
        }
        CallOutcome::WorkerLost(reason) => {
            (HookOutcome::Trapped, format!("its process was lost: {reason}"), String::new())
        }
        CallOutcome::NotLoadable(reason) => {
            (HookOutcome::Refused, format!("it cannot be loaded: {reason}"), String::new())
        }
    }
}

/// A change of a file, in the sandbox's words.
pub(super) fn file_change(change: domain::FileChange) -> pressroom_sandbox::FileChange {
    use pressroom_sandbox::FileChange as Told;
    match change {
        domain::FileChange::File { path, size_bytes, sha256 } => {
            Told::File { path, size_bytes, sha256: sha256.to_string() }
        }
        domain::FileChange::Link { path, target } => Told::Link { path, target },
        domain::FileChange::Removed { path } => Told::Removed(path),
        domain::FileChange::Everything => Told::Everything,
    }
}
