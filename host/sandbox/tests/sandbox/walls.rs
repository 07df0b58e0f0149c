//! Each of the kernel's walls, with somebody behind it who has got through the engine's; and kernels that lack one.

use std::{os::unix::process::ExitStatusExt, process::Command};

use pressroom_sandbox::{CallOutcome, CallReport, Limits, Point, Sandbox, Wall, Walls};

use crate::support::{Host, bad_artefact, call, report, sandbox, sandbox_with};

const WORKER: &str = env!("CARGO_BIN_EXE_sandbox-worker");

/// How an attempt behind the walls ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Done,
    Refused(i32),
    /// By seccomp.
    Killed,
}
use End::{Done, Killed, Refused};

const NO_SUCH_CALL: End = Refused(libc::ENOSYS);

/// Lets a confined process try something, where these walls are missing.
#[track_caller]
fn attempt(without: &[&str], what: &str) -> End {
    let mut command = Command::new(WORKER);
    for wall in without {
        command.args(["without", wall]);
    }
    let output = command.args(["try", what]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    match (output.status.signal(), said.trim()) {
        (Some(libc::SIGSYS), _) => Killed,
        (None, "done") => Done,
        (None, number) if output.status.success() => Refused(number.parse().unwrap()),
        _ => panic!("{what}: {output:?}"),
    }
}

#[test]
fn what_running_a_hook_takes_is_still_there() {
    for what in ["nothing", "memory", "thread"] {
        assert_eq!(attempt(&[], what), Done, "{what}");
    }
}

#[test]
fn what_no_hook_has_a_use_for_ends_the_process() {
    for what in [
        "execute",
        "fork",
        "trace",
        "read-the-parent",
        "signal-the-parent",
        "signal-a-thread-of-the-parent",
        "internet",
        "local-socket",
        "netlink",
        "namespace",
        "ring",
        "program-for-the-kernel",
    ] {
        assert_eq!(attempt(&[], what), Killed, "{what}");
        assert_eq!(attempt(&["landlock"], what), Killed, "{what}, without Landlock");
    }
}

#[test]
fn all_other_calls_are_as_if_this_kernel_had_none() {
    for what in [
        "open",
        "create",
        "make-folder",
        "remove",
        "link",
        "change-mode",
        "folder",
        "make-fifo",
        "memory-file",
        "connect",
        "other-user",
        "clone3",
        "executable-memory",
        "dumpable",
        "terminal",
        "more-limits",
    ] {
        assert_eq!(attempt(&[], what), NO_SUCH_CALL, "{what}");
        assert_eq!(attempt(&["landlock"], what), NO_SUCH_CALL, "{what}, without Landlock");
    }
}

#[test]
fn landlock_alone_keeps_files_shut() {
    for what in ["open", "create", "make-folder", "link", "make-fifo"] {
        assert_eq!(attempt(&["seccomp"], what), Refused(libc::EACCES), "{what}");
    }
    // A signal to a process outside needs the sixth version of Landlock, which is in Linux 6.12.
    let scoped = attempt(&["seccomp"], "signal-the-parent");
    assert!(matches!(scoped, Refused(libc::EPERM) | Done), "{scoped:?}");
}

#[test]
fn limits_alone_bound_memory() {
    assert_eq!(attempt(&["landlock", "seccomp"], "much-memory"), Refused(libc::ENOMEM));
    assert_eq!(attempt(&["landlock", "seccomp"], "open"), Done, "there is nobody left to refuse it");
}

#[test]
fn all_walls_stand_here_and_a_report_says_so() {
    let walls = sandbox().walls().unwrap();
    assert_eq!(walls.missing(), None, "these tests need a kernel with Landlock and seccomp");
    let answer = call_with(&sandbox().requiring_walls(true));
    report(&answer);
    assert_eq!(answer.walls, Some(walls));
}

fn without(wall: &str) -> Sandbox {
    sandbox_with(WORKER, &["without", wall])
}

fn call_with(sandbox: &Sandbox) -> CallReport {
    let call = call(Point::Finalize, r#"{"behave": "done"}"#, Limits::default());
    sandbox.call(bad_artefact(), &call, &mut Host::default())
}

fn wall<'walls>(walls: &'walls Walls, name: &str) -> &'walls Wall {
    walls.each().into_iter().find(|(one, _)| one.eq_ignore_ascii_case(name)).unwrap().1
}

#[test]
fn a_kernel_that_lacks_a_wall_runs_hooks_within_the_others_and_says_so() {
    for name in ["landlock", "seccomp", "rlimits"] {
        let sandbox = without(name);
        let probed = sandbox.walls().unwrap();
        assert!(matches!(wall(&probed, name), Wall::Missing(reason) if !reason.is_empty()), "{probed:?}");
        let answer = call_with(&sandbox);
        report(&answer);
        let walls = answer.walls.unwrap();
        for (one, state) in walls.each() {
            assert_eq!(state.stands(), !one.eq_ignore_ascii_case(name), "without {name}: {walls:?}");
        }
    }
}

#[test]
fn where_walls_are_required_a_hook_does_not_run_without_one() {
    for name in ["landlock", "seccomp", "rlimits"] {
        let mut host = Host::default();
        let call = call(Point::Finalize, r#"{"behave": "host-call-storm", "amount": 1}"#, Limits::default());
        let answer = without(name).requiring_walls(true).call(bad_artefact(), &call, &mut host);
        let CallOutcome::NotLoadable(reason) = &answer.outcome else { panic!("{answer:?}") };
        assert!(reason.to_lowercase().contains(name), "{reason}");
        assert_eq!(host.requests, 0);
        let refused = without(name).requiring_walls(true).check(bad_artefact(), &[Point::Finalize]);
        assert!(refused.unwrap_err().to_string().to_lowercase().contains(name));
    }
}

#[test]
fn a_worker_that_cannot_say_which_walls_stand_is_an_error() {
    for (program, arguments) in [("/bin/true", [].as_slice()), ("/nonexistent", &[]), ("/bin/echo", &["x"])] {
        assert!(sandbox_with(program, arguments).walls().is_err(), "{program}");
    }
}
