//! Workers that are none, or end before their work does.

use std::{
    fs::File,
    time::{Duration, Instant},
};

use pressroom_sandbox::{
    Artefact, CallOutcome, CompileError, CompileLimits, HostReply, HostRequest, HostServices, Limits, Point,
    Sandbox, Sha256,
};

use crate::support::{Host, bad_artefact, bad_component, call, sandbox, sandbox_with, short};

fn outcome(sandbox: &Sandbox) -> CallOutcome {
    let call = call(Point::Finalize, r#"{"behave": "done"}"#, short());
    sandbox.call(bad_artefact(), &call, &mut Host::default()).outcome
}

#[track_caller]
fn lost(sandbox: &Sandbox, reason: &str) {
    match outcome(sandbox) {
        CallOutcome::WorkerLost(said) => assert!(said.contains(reason), "{said}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_is_not_there() {
    lost(&sandbox_with("/nonexistent/worker", &[]), "cannot be started");
}

#[test]
fn a_worker_that_leaves_at_once() {
    lost(&sandbox_with("/bin/true", &[]), "gone");
    lost(&sandbox_with("/bin/false", &[]), "exit status: 1");
}

#[test]
fn a_worker_that_dies_with_words() {
    let sandbox = sandbox_with("/bin/sh", &["-c", "echo 'no such luck' >&2; exit 3"]);
    let call = call(Point::Finalize, "{}", short());
    let answer = sandbox.call(bad_artefact(), &call, &mut Host::default());
    assert!(
        matches!(&answer.outcome, CallOutcome::WorkerLost(said) if said.contains("exit status: 3")),
        "{answer:?}"
    );
    assert_eq!(answer.stderr_tail, "no such luck");
}

#[test]
fn a_worker_that_says_nothing_is_killed() {
    let begin = Instant::now();
    assert_eq!(outcome(&sandbox_with("/bin/sleep", &["3600"])), CallOutcome::TimedOut);
    // One that has closed all its pipes, too.
    lost(&sandbox_with("/bin/sh", &["-c", "exec <&- >&- 2>&-; exec sleep 3600"]), "gone");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn a_worker_that_never_reads_is_killed() {
    let begin = Instant::now();
    let mut call = call(Point::Finalize, "{}", short());
    // More than any pipe holds.
    call.config_json = "x".repeat(30 << 20);
    let answer = sandbox_with("/bin/sleep", &["3600"]).call(bad_artefact(), &call, &mut Host::default());
    assert_eq!(answer.outcome, CallOutcome::TimedOut);
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn a_worker_that_talks_garbage() {
    for garbage in [
        r"\377\377\377\377",         // a length beyond all measure
        r"\004\000\000\000abcd",     // no message
        r"\001\000\000\000\000",     // half a message
        r"\002\000\000\000\002\000", // an answer to another order
    ] {
        lost(&sandbox_with("/bin/sh", &["-c", &format!("printf '{garbage}'; exec sleep 3600")]), "");
    }
    lost(&sandbox_with("/bin/sh", &["-c", "exec cat /dev/zero"]), "");
    lost(&sandbox_with("/bin/sh", &["-c", r"printf '\012\000\000\000abc'"]), "gone");
}

#[test]
fn a_worker_that_floods_its_standard_error_still_ends() {
    let begin = Instant::now();
    assert_eq!(
        outcome(&sandbox_with("/bin/sh", &["-c", "while :; do echo and so on >&2; done"])),
        CallOutcome::TimedOut
    );
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn a_worker_that_asks_for_too_much_at_once() {
    struct Pages(Vec<u32>);
    impl HostServices for Pages {
        fn answer(&mut self, request: HostRequest) -> HostReply {
            if let HostRequest::Changes { max, .. } = request {
                self.0.push(max);
            }
            HostReply::Changes(Ok(Vec::new()))
        }
    }
    // The request for the first four billion changes.
    let question = r"\010\000\000\000\000\002\000\377\377\377\377\017";
    let call = call(Point::Finalize, "{}", short());
    let mut pages = Pages(Vec::new());
    let script = format!("printf '{question}'; exec sleep 3600");
    let answer = sandbox_with("/bin/sh", &["-c", &script]).call(bad_artefact(), &call, &mut pages);
    assert_eq!(answer.outcome, CallOutcome::TimedOut, "{answer:?}");
    assert_eq!(pages.0, [1_000]);
}

#[test]
fn a_worker_that_says_more_than_the_limits_allow() {
    // A frame that would do for the longest report, and one byte more.
    let limits = Limits { host_call_bytes: 1_000, report_bytes: 1_000, ..short() };
    let length = (1_000_u32 + (64 << 10) + 1).to_le_bytes().map(|byte| format!(r"\{byte:03o}")).concat();
    let call = call(Point::Finalize, "{}", limits);
    let script = format!("printf '{length}'; exec sleep 3600");
    let answer = sandbox_with("/bin/sh", &["-c", &script]).call(bad_artefact(), &call, &mut Host::default());
    assert!(
        matches!(&answer.outcome, CallOutcome::WorkerLost(said) if said.contains("longer")),
        "{answer:?}"
    );
}

#[test]
fn a_worker_that_asks_more_than_it_may() {
    // Frames of the request for a key's value, faster than any limit.
    let question = r"\003\000\000\000\000\011\000";
    let script = format!("while printf '{question}'; do :; done");
    let mut call = call(Point::Finalize, "{}", Limits { host_calls: 10, ..short() });
    call.capabilities.state = true;
    let mut host = Host::default();
    let answer = sandbox_with("/bin/sh", &["-c", &script]).call(bad_artefact(), &call, &mut host);
    assert!(matches!(&answer.outcome, CallOutcome::WorkerLost(_)), "{answer:?}");
    assert_eq!(host.requests, 10);
}

/// The only child that this thread has while it answers a question: the worker.
fn worker_of_this_thread() -> String {
    let children = std::fs::read_to_string("/proc/thread-self/children").unwrap();
    let children: Vec<&str> = children.split_whitespace().collect();
    assert_eq!(children.len(), 1, "{children:?}");
    children[0].to_owned()
}

#[test]
fn a_worker_is_confined_while_it_runs_a_hook() {
    #[derive(Default)]
    struct Looker {
        looked: bool,
    }
    impl HostServices for Looker {
        fn answer(&mut self, _: HostRequest) -> HostReply {
            let process = std::path::Path::new("/proc").join(worker_of_this_thread());
            let status = std::fs::read_to_string(process.join("status")).unwrap();
            assert!(status.contains("NoNewPrivs:\t1"), "{status}");
            assert!(status.contains("Seccomp:\t2") && status.contains("Threads:\t2"), "{status}");
            let limits = std::fs::read_to_string(process.join("limits")).unwrap();
            let limit = |name: &str| {
                let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                line.split_whitespace().next().unwrap().to_owned()
            };
            assert_eq!(limit("Max core file size"), "0");
            assert_eq!(limit("Max file size"), "0");
            assert_eq!(limit("Max open files"), "64");
            assert_eq!(limit("Max cpu time"), "122");
            assert!(limit("Max data size").parse::<u64>().unwrap() < 1 << 30);
            assert_eq!(std::fs::read(process.join("environ")).unwrap(), b"");
            assert_eq!(std::fs::read_link(process.join("cwd")).unwrap(), std::path::Path::new("/"));
            let mut open = 0;
            for entry in std::fs::read_dir(process.join("fd")).unwrap() {
                let target = std::fs::read_link(entry.unwrap().path()).unwrap();
                assert!(
                    target.to_string_lossy().starts_with("pipe:"),
                    "the worker has {} open",
                    target.display()
                );
                open += 1;
            }
            assert_eq!(open, 5, "the three streams, and the copies of two of them");
            self.looked = true;
            HostReply::Value(Ok(None))
        }
    }
    // A file that was meant for someone else, and would be inherited.
    let stray = File::open("/etc/passwd").unwrap();
    rustix::io::fcntl_setfd(&stray, rustix::io::FdFlags::empty()).unwrap();
    let mut looker = Looker::default();
    let call = call(Point::Finalize, r#"{"behave": "host-call-storm", "amount": 1}"#, Limits::default());
    let answer = sandbox().call(bad_artefact(), &call, &mut looker);
    assert!(looker.looked && matches!(answer.outcome, CallOutcome::Report(_)), "{answer:?}");
}

#[test]
fn a_worker_that_is_killed_in_the_middle_of_a_call() {
    struct Killer;
    impl HostServices for Killer {
        fn answer(&mut self, _: HostRequest) -> HostReply {
            let pid = rustix::process::Pid::from_raw(worker_of_this_thread().parse().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            HostReply::Value(Ok(None))
        }
    }
    let call = call(Point::Finalize, r#"{"behave": "host-call-storm"}"#, Limits::default());
    let answer = sandbox().call(bad_artefact(), &call, &mut Killer);
    assert!(matches!(&answer.outcome, CallOutcome::WorkerLost(said) if said.contains("gone")), "{answer:?}");
}

#[test]
fn workers_do_not_disturb_each_other() {
    let artefact = bad_artefact();
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let config = if number % 2 == 0 { r#"{"behave": "done"}"# } else { r#"{"behave": "panic"}"# };
                let call = call(Point::Finalize, config, Limits::default());
                let outcome = sandbox().call(artefact, &call, &mut Host::default()).outcome;
                assert_eq!(matches!(outcome, CallOutcome::Report(_)), number % 2 == 0, "{outcome:?}");
            });
        }
    });
}

#[test]
fn a_compiling_worker_that_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("artefact");
    let limits = CompileLimits { wall: Duration::ZERO, ..CompileLimits::default() };
    for (program, arguments) in
        [("/bin/false", [].as_slice()), ("/nonexistent/worker", &[]), ("/bin/echo", &["hello"])]
    {
        let error = sandbox_with(program, arguments).compile(bad_component(), &out, &limits).unwrap_err();
        assert!(matches!(error, CompileError::WorkerLost { .. }), "{error:?}");
        assert!(!out.exists());
    }
    let error = sandbox_with("/bin/sleep", &["3600"]).compile(bad_component(), &out, &limits).unwrap_err();
    assert!(matches!(error, CompileError::TooDear { .. }), "{error:?}");
}

#[test]
fn a_relative_artefact_is_not_found_from_the_workers_folder() {
    let artefact = Artefact { path: "somewhere".into(), sha256: Sha256::of(b"") };
    let call = call(Point::Finalize, "{}", Limits::default());
    let answer = sandbox().call(&artefact, &call, &mut Host::default());
    assert!(matches!(answer.outcome, CallOutcome::NotLoadable(_)), "{answer:?}");
}
