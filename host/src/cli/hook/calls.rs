//! Calls of hooks as `history`, `hook log` and `hook replay` show them: one form for programs, one for people.

use std::time::Duration;

use pressroom_archive::domain::HookOutcome;
use pressroom_archive::domain::plain::replaced;
use pressroom_archive::store::hook_run::{self, Recorded};
use pressroom_archive::store::{Connection, StoreError};
use pressroom_sandbox::Point;
use serde::Serialize;

use crate::cli::output::{BAD, BOLD, DIM, GOOD, WARN, bytes, duration, painted};

/// A call of a hook.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct ShownCall {
    run: i64,
    pub(in crate::cli) pass: Option<i64>,
    point: String,
    hook: String,
    kind: String,
    sha256: Option<String>,
    priority: u8,
    started: String,
    outcome: HookOutcome,
    attempt: u32,
    /// The run of the first call with the same context, if this is a later one.
    again_for_run: Option<i64>,
    /// Of a first call that failed: the run in which a later one succeeded.
    made_good_by_run: Option<i64>,
    /// From when on a run calls it again by itself.
    next_attempt: Option<String>,
    overridden: Option<ShownOverride>,
    duration_us: u64,
    peak_memory_bytes: Option<u64>,
    host_calls: Option<u64>,
    summary: String,
    details: String,
    log: String,
}

impl ShownCall {
    /// Its run and time, for a person.
    pub(in crate::cli) fn when(&self) -> String {
        format!("in run {}, {}", self.run, self.started)
    }
}

#[derive(Debug, Serialize)]
struct ShownOverride {
    by: String,
    reason: String,
}

/// How much is said of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Detail {
    /// A line; everything where it failed.
    Failures,
    /// Everything.
    All,
}

/// A call as it is shown.
pub(in crate::cli) fn shown_call(db: &Connection, recorded: Recorded) -> Result<ShownCall, StoreError> {
    let run_of = |id| -> Result<Option<i64>, StoreError> {
        Ok(hook_run::find_hook_run(db, id)?.map(|other| other.call.run.0))
    };
    let again_for_run = recorded.call.repeats.map(run_of).transpose()?.flatten();
    let made_good_by_run = recorded.made_good_by.map(run_of).transpose()?.flatten();
    let Recorded { call, date_next_attempt, .. } = recorded;
    Ok(ShownCall {
        run: call.run.0,
        pass: call.pass.map(|pass| pass.0),
        point: call.point,
        hook: call.hook,
        kind: call.kind,
        sha256: call.sha256.map(|sha256| sha256.to_string()),
        priority: call.priority.as_u8(),
        started: call.date_started.to_string(),
        outcome: call.outcome,
        attempt: call.attempt,
        again_for_run,
        made_good_by_run,
        next_attempt: date_next_attempt.map(|date| date.to_string()),
        overridden: call.overridden.map(|one| ShownOverride { by: one.by, reason: one.reason }),
        duration_us: micros(call.duration),
        peak_memory_bytes: call.peak_memory_bytes,
        host_calls: call.host_calls,
        summary: call.summary,
        details: call.details,
        log: call.log_tail,
    })
}

pub(in crate::cli) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// An outcome in its colour: what was skipped is not as good as done, and nothing wrong.
pub(in crate::cli) fn outcome_text(outcome: HookOutcome) -> String {
    let style = match outcome {
        HookOutcome::Done => GOOD,
        HookOutcome::Skipped => DIM,
        HookOutcome::Temporary => WARN,
        HookOutcome::Veto
        | HookOutcome::Failed
        | HookOutcome::Trapped
        | HookOutcome::TimedOut
        | HookOutcome::OverLimit
        | HookOutcome::Refused => BAD,
    };
    painted(style, outcome)
}

/// What a call cost, in brackets.
pub(in crate::cli) fn cost_text(
    took: Duration,
    peak_memory_bytes: Option<u64>,
    host_calls: Option<u64>,
) -> String {
    let memory = peak_memory_bytes.map(|peak| format!(", {}", bytes(peak))).unwrap_or_default();
    let calls = host_calls.map(|count| format!(", {count} host calls")).unwrap_or_default();
    painted(DIM, format!("({}{memory}{calls})", duration(took)))
}

/// A call for a person, indented by so much.
pub(in crate::cli) fn call_text(call: &ShownCall, indent: &str, detail: Detail) -> String {
    let cost = cost_text(Duration::from_micros(call.duration_us), call.peak_memory_bytes, call.host_calls);
    let mut text = format!(
        "{indent}{} {} {}: {} {cost}\n",
        call.point,
        painted(BOLD, &call.hook),
        outcome_text(call.outcome),
        plain(&call.summary),
    );
    let mut note = |line: String| text.push_str(&format!("{indent}  {line}\n"));
    if let Some(run) = call.again_for_run {
        note(format!("attempt {} of what it was told in run {run}", call.attempt));
    }
    if let Some(one) = &call.overridden {
        let how = if call.point == Point::PrePublication.as_str() { "overridden" } else { "left as it is" };
        note(format!("{} by {}: {}", painted(WARN, how), one.by, one.reason));
    }
    if let Some(run) = call.made_good_by_run {
        note(format!("{} in run {run}", painted(GOOD, "made good")));
    }
    if let Some(date) = &call.next_attempt {
        note(format!("{} from {date} on", painted(WARN, "called again by the next run")));
    }
    if detail == Detail::All || !call.outcome.is_success() {
        for line in call.details.lines().chain(call.log.lines()) {
            text.push_str(&format!("{indent}  {}\n", plain(line)));
        }
    }
    text
}

/// A line without what a terminal would take for a command: programs say what they like.
pub(in crate::cli) fn plain(line: &str) -> String {
    line.split('\t').map(replaced).collect::<Vec<_>>().join("\t")
}
