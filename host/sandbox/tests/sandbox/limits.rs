//! Every limit of a call, reached.

use std::time::{Duration, Instant};

use pressroom_sandbox::{CallOutcome, CallReport, LimitKind, Limits};

use crate::support::{Host, misbehave, misbehave_with, misbehave_within, report, short};

#[track_caller]
fn exceeds(limit: LimitKind, answer: &CallReport) {
    assert_eq!(answer.outcome, CallOutcome::LimitExceeded(limit), "{answer:?}");
}

#[test]
fn a_loop_ends_at_the_deadline() {
    let begin = Instant::now();
    let answer = misbehave_within(r#"{"behave": "loop"}"#, short());
    assert_eq!(answer.outcome, CallOutcome::TimedOut, "{answer:?}");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    assert!(answer.peak_memory_bytes > 0, "the worker itself told how it ended: {answer:?}");
}

#[test]
fn a_sleep_ends_at_the_deadline() {
    let begin = Instant::now();
    let answer = misbehave_within(r#"{"behave": "sleep", "amount": 3600}"#, short());
    assert_eq!(answer.outcome, CallOutcome::TimedOut, "{answer:?}");
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[test]
fn questions_without_end_end_at_the_deadline() {
    let limits = Limits { host_calls: u64::MAX, ..short() };
    let answer = misbehave_within(r#"{"behave": "host-call-storm"}"#, limits);
    assert_eq!(answer.outcome, CallOutcome::TimedOut, "{answer:?}");
}

#[test]
fn memory_has_an_end() {
    let limits = Limits { memory_bytes: 64 << 20, ..Limits::default() };
    let answer = misbehave_within(r#"{"behave": "allocate"}"#, limits);
    exceeds(LimitKind::Memory, &answer);
    assert!(answer.peak_memory_bytes <= 64 << 20 && answer.peak_memory_bytes > 32 << 20, "{answer:?}");
}

#[test]
fn the_stack_has_an_end() {
    exceeds(LimitKind::Stack, &misbehave(r#"{"behave": "recurse"}"#));
}

#[test]
fn log_lines_beyond_the_limit_are_dropped_and_counted() {
    let mut host = Host::default();
    let limits = Limits { log_lines: 10, ..Limits::default() };
    let answer = misbehave_with(&mut host, r#"{"behave": "log-flood", "amount": 100000}"#, limits);
    report(&answer);
    assert_eq!(host.log.len(), 10);
    assert_eq!(host.log[9].1, "line 9");
    assert_eq!(answer.log_lines_dropped, 99_990);

    let mut host = Host::default();
    let limits = Limits { log_bytes: 30, ..Limits::default() };
    let answer = misbehave_with(&mut host, r#"{"behave": "log-flood", "amount": 100}"#, limits);
    report(&answer);
    assert!(host.log.iter().map(|(_, line)| line.len()).sum::<usize>() <= 30);
    assert_eq!(answer.log_lines_dropped + host.log.len() as u64, 100);
}

#[test]
fn standard_output_and_error_have_an_end() {
    for behave in ["stdout-flood", "stderr-flood"] {
        let limits = Limits { output_bytes: 100_000, ..Limits::default() };
        let answer = misbehave_within(&format!(r#"{{"behave": "{behave}"}}"#), limits);
        exceeds(LimitKind::Output, &answer);
        let tail = if behave == "stdout-flood" { &answer.stdout_tail } else { &answer.stderr_tail };
        assert!(tail.len() <= 4096 && tail.contains("of something that nobody wants to read"), "{answer:?}");
    }
}

#[test]
fn a_little_standard_output_is_kept() {
    let answer = misbehave(r#"{"behave": "stdout-flood", "amount": 2}"#);
    report(&answer);
    assert!(
        answer.stdout_tail.starts_with("line 0 of") && answer.stdout_tail.contains("\nline 1 of"),
        "{answer:?}"
    );
    assert_eq!(answer.stderr_tail, "");
}

#[test]
fn a_report_and_a_reason_have_an_end() {
    exceeds(LimitKind::Report, &misbehave(r#"{"behave": "huge-report", "amount": 100000}"#));
    exceeds(LimitKind::Report, &misbehave(r#"{"behave": "huge-veto", "amount": 100000}"#));
    assert_eq!(report(&misbehave(r#"{"behave": "huge-report", "amount": 65000}"#)).details.len(), 65_000);
}

#[test]
fn a_report_beyond_all_measure_never_leaves_the_guest() {
    exceeds(LimitKind::HostCallBytes, &misbehave(r#"{"behave": "huge-report", "amount": 50000000}"#));
}

#[test]
fn questions_have_an_end() {
    let mut host = Host::default();
    let limits = Limits { host_calls: 100, ..Limits::default() };
    let answer = misbehave_with(&mut host, r#"{"behave": "host-call-storm"}"#, limits);
    exceeds(LimitKind::HostCalls, &answer);
    assert_eq!((host.requests, answer.host_calls), (100, 100));
}

#[test]
fn what_one_question_carries_has_an_end() {
    exceeds(LimitKind::HostCallBytes, &misbehave(r#"{"behave": "huge-host-call", "amount": 50000000}"#));
    // Whatever an operator allows, the frames have an end of their own.
    let limits = Limits { host_call_bytes: u32::MAX, ..Limits::default() };
    exceeds(LimitKind::HostCallBytes, &misbehave_within(r#"{"behave": "huge-host-call"}"#, limits));
    let mut host = Host::default();
    report(&misbehave_with(
        &mut host,
        r#"{"behave": "huge-host-call", "amount": 8000000}"#,
        Limits::default(),
    ));
    assert_eq!(host.state["key"].len(), 8_000_000);
}

#[test]
fn handles_have_an_end() {
    let limits = Limits { handles: 50, ..Limits::default() };
    exceeds(LimitKind::Handles, &misbehave_within(r#"{"behave": "open-handles"}"#, limits));
}

#[test]
fn tables_and_instances_have_an_end() {
    for limits in [
        Limits { instances: 1, ..Limits::default() },
        Limits { memories: 0, ..Limits::default() },
        Limits { tables: 0, ..Limits::default() },
        Limits { table_elements: 1, ..Limits::default() },
    ] {
        let answer = misbehave_within(r#"{"behave": "done"}"#, limits.clone());
        exceeds(LimitKind::Tables, &answer);
    }
}
