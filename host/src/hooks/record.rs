//! What is written down of a call.
//!
//! A row, what the hook wants to remember and what it was told go in one transaction: a publisher that dies before it has not called the hook, as far as
//! anyone knows, and the hook is called again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::domain::{HookOutcome, RunId, Sha256};
use pressroom_archive::store::hook_run::{self, HookRun, Overridden, Recorded};
use pressroom_archive::store::{Db, StoreError, Transaction, hook};
use pressroom_sandbox::Point;

use super::call::Called;
use super::registry::{Entry, Kind};
use super::told::Told;
use crate::root::Config;

/// A wait between two attempts is no longer.
const LONGEST_WAIT_SECONDS: i64 = 24 * 60 * 60;

/// A later call with the context of a first one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Repetition<'a> {
    pub(super) first: &'a Recorded,
    /// Which call it is: 2 is the first repetition.
    pub(super) attempt: u32,
}

/// A call with what is to be recorded beside it.
pub(super) struct Record<'a> {
    pub(super) run: RunId,
    pub(super) entry: &'a Entry,
    pub(super) told: &'a Told,
    pub(super) date_started: Timestamp,
    pub(super) now: Timestamp,
    pub(super) overridden: Option<Overridden>,
    pub(super) repeats: Option<Repetition<'a>>,
}

/// How a call ended, when it is recorded.
pub(super) struct Kept {
    pub(super) outcome: HookOutcome,
    pub(super) summary: String,
    /// From when on a run makes it again.
    pub(super) next: Option<Timestamp>,
}

/// Keeps a call: its row, what the hook remembers, and what becomes of the context's first call. One that would remember what another publisher has made
/// out of date has failed for the moment, and keeps nothing.
pub(super) fn record(
    db: &mut Db,
    config: &Config,
    record: &Record<'_>,
    called: Called,
) -> Result<Kept, StoreError> {
    let Record { run, entry, told, date_started, now, .. } = *record;
    let point = told.context.point();
    let (kind, sha256) = kind_and_digest(entry);
    let attempt = record.repeats.map_or(1, |again| again.attempt);
    let is_owed = record.repeats.is_none_or(|again| again.first.is_owed());
    let Called {
        outcome,
        summary,
        details,
        log_tail,
        duration,
        peak_memory_bytes,
        host_calls,
        state,
        seen,
        ..
    } = called;
    let mut row = HookRun {
        run,
        pass: told.pass(),
        point: point.to_string(),
        hook: entry.file_name.clone(),
        kind: kind.to_owned(),
        sha256,
        priority: told.priority(),
        date_started,
        duration,
        peak_memory_bytes,
        host_calls,
        outcome,
        summary,
        details,
        log_tail,
        attempt,
        repeats: record.repeats.map(|again| again.first.id),
        overridden: record.overridden.clone(),
    };
    db.write(|tx| {
        let mut keeps_state = keeps_state(point, outcome) && !state.is_empty();
        if keeps_state {
            let of = (told.distribution, entry.name());
            if let Some(key) = hook::changed_meanwhile(tx, of, &seen, state.keys(), told.pass())? {
                row.outcome = HookOutcome::Temporary;
                row.summary = hook::changed_by_another(entry.name(), key);
                keeps_state = false;
            }
        }
        let outcome = row.outcome;
        let next = next_attempt(config, point, outcome, attempt, now).filter(|_| is_owed);
        if let (Some(pass), None) = (told.pass(), record.repeats) {
            hook_run::keep_context(tx, told.distribution, run, pass, point.as_str(), &told.kept())?;
        }
        let id = hook_run::record_hook_run(tx, &row)?;
        match record.repeats {
            None if next.is_none() => {}
            None => hook_run::settle(tx, id, None, next)?,
            Some(again) => {
                let made_good = (is_owed && outcome.is_success()).then_some(id);
                hook_run::settle(tx, again.first.id, made_good, next)?;
            }
        }
        if keeps_state {
            keep_state(tx, told, entry.name(), (&state, &seen))?;
        }
        Ok::<_, StoreError>(next)
    })
    .map(|next| Kept { outcome: row.outcome, summary: row.summary, next })
}

/// Records that a later call could not be made; the hook is called again only when an operator says so.
pub(super) fn record_refusal(
    db: &mut Db,
    run: RunId,
    Repetition { first, attempt }: Repetition<'_>,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let refused = Called::refused(reason.to_owned());
    let row = HookRun {
        run,
        date_started: now,
        duration: refused.duration,
        peak_memory_bytes: refused.peak_memory_bytes,
        host_calls: refused.host_calls,
        outcome: refused.outcome,
        summary: refused.summary,
        details: refused.details,
        log_tail: refused.log_tail,
        attempt,
        repeats: Some(first.id),
        overridden: None,
        ..first.call.clone()
    };
    db.write(|tx| {
        hook_run::record_hook_run(tx, &row)?;
        hook_run::settle(tx, first.id, None, None)
    })
}

/// Whether what a hook wants to remember counts, however it is called. After the switch what was done cannot be undone: one that asks to be called
/// again goes on from where it came.
pub(super) fn keeps_state(point: Point, outcome: HookOutcome) -> bool {
    outcome.is_success() || (outcome == HookOutcome::Temporary && point != Point::PrePublication)
}

fn keep_state(
    tx: &Transaction<'_>,
    told: &Told,
    hook: &str,
    (state, seen): (&BTreeMap<String, Option<Vec<u8>>>, &hook::Seen),
) -> Result<(), StoreError> {
    if let (Point::PrePublication, Some(pass)) = (told.context.point(), told.pass()) {
        hook::remember_seen(tx, pass, hook, seen)?;
    }
    state.iter().try_for_each(|(key, value)| match (told.context.point(), told.pass()) {
        // what is remembered of a pass that is not installed would be wrong
        (Point::PrePublication, Some(pass)) => hook::plan_state(tx, pass, hook, key, value.as_deref()),
        _ => hook::set_state(tx, told.distribution, hook, key, value.as_deref()),
    })
}

/// As `hook_run` has it.
pub(super) fn kind_and_digest(entry: &Entry) -> (&'static str, Option<Sha256>) {
    match &entry.kind {
        Kind::Wasm { grant, .. } => ("WASM", Some(grant.sha256)),
        Kind::Executable => ("EXECUTABLE", None),
    }
}

/// From when on a run makes a call again by itself: after the installation, where the hook says that its trouble will pass. The first time it is the next
/// run; then the waits double.
fn next_attempt(
    config: &Config,
    point: Point,
    outcome: HookOutcome,
    attempt: u32,
    now: Timestamp,
) -> Option<Timestamp> {
    let hooks = &config.hooks;
    if outcome != HookOutcome::Temporary || point == Point::PrePublication || attempt >= hooks.retry_attempts
    {
        return None;
    }
    let doubled = 2_i64.checked_pow(attempt - 1).unwrap_or(i64::MAX);
    let wait = i64::from(hooks.retry_seconds).saturating_mul(doubled - 1).min(LONGEST_WAIT_SECONDS);
    Some(now.checked_add(SignedDuration::from_secs(wait)).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_retry_is_the_next_run_and_then_the_waits_double_up_to_a_bound() {
        let mut config = Config::default();
        config.hooks.retry_seconds = 300;
        config.hooks.retry_attempts = 50;
        let now = Timestamp::UNIX_EPOCH;
        let wait = |attempt| {
            next_attempt(&config, Point::Finalize, HookOutcome::Temporary, attempt, now)
                .map(|at| at.as_second())
        };
        assert_eq!([1, 2, 3, 4].map(wait), [Some(0), Some(300), Some(900), Some(2100)]);
        assert_eq!(wait(49), Some(LONGEST_WAIT_SECONDS));
        assert_eq!(wait(50), None);
    }

    #[test]
    fn only_a_temporary_failure_after_the_installation_is_retried() {
        let config = Config::default();
        let next = |point, outcome| next_attempt(&config, point, outcome, 1, Timestamp::UNIX_EPOCH);
        assert!(next(Point::PostPublication, HookOutcome::Temporary).is_some());
        assert!(next(Point::PrePublication, HookOutcome::Temporary).is_none());
        for outcome in [
            HookOutcome::Done,
            HookOutcome::Skipped,
            HookOutcome::Veto,
            HookOutcome::Failed,
            HookOutcome::Trapped,
            HookOutcome::TimedOut,
            HookOutcome::OverLimit,
            HookOutcome::Refused,
        ] {
            assert!(next(Point::Finalize, outcome).is_none(), "{outcome}");
        }
    }
}
