//! What a hook may answer, what it may ask, and what it is told.

use pressroom_sandbox::{
    CallOutcome, Capabilities, Context, HostReply, HostRequest, HostServices, Level, Limits, Outcome, Point,
};

use crate::support::{Host, STARTED, bad_artefact, call, misbehave, misbehave_with, report, sandbox};

#[test]
fn done_at_every_point() {
    for (point, summary) in [
        (Point::PrePublication, "done with debian"),
        (Point::PostPublication, "done with debian"),
        (Point::Finalize, "done with debian debian/partner"),
    ] {
        let mut host = Host::default();
        let call = call(point, r#"{"behave": "done"}"#, Limits::default());
        let answer = sandbox().call(bad_artefact(), &call, &mut host);
        let report = report(&answer);
        assert_eq!(report.outcome, Outcome::Done);
        assert_eq!(report.summary, summary);
        assert_eq!(report.details, "nothing to add");
        assert_eq!(host.log, [(Level::Info, "all is well".to_owned())]);
        assert_eq!(answer.host_calls, 0, "a log line is no question");
        assert!(answer.peak_memory_bytes > 0 && answer.peak_memory_bytes < 4 << 20, "{answer:?}");
        assert!(!answer.duration.is_zero());
    }
}

#[test]
fn skipped_veto_temporary_and_failed() {
    assert_eq!(report(&misbehave(r#"{"behave": "skipped"}"#)).outcome, Outcome::Skipped);
    assert_eq!(misbehave(r#"{"behave": "veto"}"#).outcome, CallOutcome::Veto("not on my watch".into()));
    assert_eq!(
        misbehave(r#"{"behave": "temporary"}"#).outcome,
        CallOutcome::Temporary("the moon is not full".into())
    );
    assert_eq!(misbehave(r#"{"behave": "failed"}"#).outcome, CallOutcome::Failed("it does not work".into()));
}

#[test]
fn a_wrong_configuration_is_told_to_the_operator() {
    let CallOutcome::Failed(reason) = misbehave(r#"{"behave": "dance"}"#).outcome else {
        panic!("not failed")
    };
    assert!(reason.contains("[config]") && reason.contains("dance"), "{reason}");
}

#[test]
fn a_panic_shows_its_message() {
    let answer = misbehave(r#"{"behave": "panic"}"#);
    let CallOutcome::Trapped(reason) = &answer.outcome else { panic!("not trapped: {answer:?}") };
    assert!(reason.contains("the sky is falling"), "{reason}");
    assert!(answer.stderr_tail.contains("the sky is falling"), "{answer:?}");
}

#[test]
fn leaving_as_a_program_does_is_no_report() {
    let answer = misbehave(r#"{"behave": "exit"}"#);
    assert!(matches!(answer.outcome, CallOutcome::Trapped(_)), "{answer:?}");
}

#[test]
fn everything_can_be_read_in_pages() {
    let answer = misbehave(r#"{"behave": "read-much", "amount": 2}"#);
    // The changes, and the packages of amd64 and source.
    assert_eq!(report(&answer).summary, format!("read {} records", 2 * 3 * 1_234));
}

#[test]
fn staging_state_and_signing_reach_the_host() {
    let mut host = Host::default();
    let answer = misbehave_with(&mut host, r#"{"behave": "write"}"#, Limits::default());
    assert_eq!(report(&answer).outcome, Outcome::Done);
    assert_eq!(host.files["project/bad"], b"bad\n");

    let answer = misbehave_with(&mut host, r#"{"behave": "sign"}"#, Limits::default());
    assert_eq!(report(&answer).outcome, Outcome::Done);
    assert_eq!(host.signed, [("project/bad".to_owned(), "project/bad.gpg".to_owned())]);

    let answer =
        misbehave_with(&mut host, r#"{"behave": "many-bytes", "amount": 3000000}"#, Limits::default());
    assert_eq!(report(&answer).outcome, Outcome::Done);
    assert_eq!(host.files["project/bad"].len(), 3_000_000);

    let answer = misbehave_with(&mut host, r#"{"behave": "state-bomb", "amount": 3}"#, Limits::default());
    assert_eq!(report(&answer).outcome, Outcome::Done);
    assert_eq!(host.state.len(), 3);
    assert_eq!(answer.host_calls, 3);
}

#[test]
fn what_is_not_granted_never_reaches_the_host() {
    for (config, reason) in [
        (r#"{"behave": "write"}"#, "staging is not granted"),
        (r#"{"behave": "remove"}"#, "staging is not granted"),
        (r#"{"behave": "append-unwritten"}"#, "staging is not granted"),
        (r#"{"behave": "read-much"}"#, "`archive` is not granted"),
        (r#"{"behave": "state-bomb"}"#, "Denied"),
        (r#"{"behave": "host-call-storm"}"#, "Denied"),
    ] {
        let mut host = Host::default();
        let mut call = call(Point::PrePublication, config, Limits::default());
        call.capabilities = Capabilities::default();
        let answer = sandbox().call(bad_artefact(), &call, &mut host);
        let CallOutcome::Failed(said) = &answer.outcome else { panic!("{config}: {answer:?}") };
        assert!(said.contains(reason), "{config}: {said}");
        assert_eq!(host.requests, 0, "{config}");
    }
    let mut host = Host::default();
    let mut call = call(Point::PrePublication, r#"{"behave": "sign"}"#, Limits::default());
    call.capabilities.signing = false;
    let answer = sandbox().call(bad_artefact(), &call, &mut host);
    assert!(
        matches!(&answer.outcome, CallOutcome::Failed(said) if said.contains("signing is not granted to this hook")),
        "{answer:?}"
    );
    assert!(host.signed.is_empty());
}

#[test]
fn a_denied_hook_that_insists_changes_nothing() {
    for behave in ["escaping-path", "absolute-path", "odd-paths", "overwrite-release", "outside-grant"] {
        let mut host = Host::default();
        let config = format!(r#"{{"behave": "{behave}", "insist": true}}"#);
        let mut call = call(Point::PrePublication, &config, Limits::default());
        call.capabilities.staging = false;
        let answer = sandbox().call(bad_artefact(), &call, &mut host);
        assert!(report(&answer).details.contains("Denied"), "{answer:?}");
        assert!(host.files.is_empty());
    }
}

#[test]
fn a_guest_has_no_folder_no_variable_no_network_and_the_clock_of_the_run() {
    let answer = misbehave(r#"{"behave": "look-around"}"#);
    let expected = format!(
        "root: none\nhere: none\nwrite: false\nvariables: 0\narguments: 0\n\
         connect: false\nlisten: false\nnames: false\nclock: {STARTED}"
    );
    assert_eq!(report(&answer).details, expected);
}

#[test]
fn odd_texts_are_made_fit_for_a_log() {
    let mut host = Host::default();
    let answer = misbehave_with(&mut host, r#"{"behave": "odd-log"}"#, Limits::default());
    assert_eq!(report(&answer).outcome, Outcome::Done);
    let lines: Vec<&str> = host.log.iter().map(|(_, line)| line.as_str()).collect();
    assert!(lines[0].len() < 9_000 && lines[0].ends_with('…'), "{}", lines[0].len());
    assert_eq!(lines[1..], ["one\\ntwo\\r\\nthree", "\\u{1b}[2J\\u{7}"]);

    let answer = misbehave(r#"{"behave": "odd-report"}"#);
    assert_eq!(report(&answer).summary, "one\\ntwo\\u{1b}[2J");
    assert_eq!(report(&answer).details, "three\nfour\u{fffd}[2J");
}

#[test]
fn a_host_that_answers_something_else_is_no_harm() {
    struct Odd;
    impl HostServices for Odd {
        fn answer(&mut self, _: HostRequest) -> HostReply {
            HostReply::Logged
        }
    }
    let call = call(Point::PrePublication, r#"{"behave": "write"}"#, Limits::default());
    let answer = sandbox().call(bad_artefact(), &call, &mut Odd);
    assert!(matches!(answer.outcome, CallOutcome::WorkerLost(_)), "{answer:?}");
}

#[test]
fn an_answer_that_is_too_long_for_a_frame_is_a_failure_of_the_question() {
    struct Generous;
    impl HostServices for Generous {
        fn answer(&mut self, request: HostRequest) -> HostReply {
            match request {
                HostRequest::StateGet { .. } => {
                    HostReply::Value(Ok(Some(pressroom_sandbox::ByteBuf::from(vec![0; 50 << 20]))))
                }
                _ => HostReply::Logged,
            }
        }
    }
    let call = call(Point::Finalize, r#"{"behave": "host-call-storm", "amount": 1}"#, Limits::default());
    assert!(matches!(call.context, Context::Finalize(_)));
    let answer = sandbox().call(bad_artefact(), &call, &mut Generous);
    let CallOutcome::Failed(reason) = &answer.outcome else { panic!("{answer:?}") };
    assert!(reason.contains("ask for less"), "{reason}");
}
