//! Runs of hooks as an operator sees and repeats them: logs, replays, dry runs, retries, vetoes that are overridden.

use std::fs::File;
use std::path::{Path, PathBuf};

use pressroom_tests::binary;
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::tool::{self, Ran, read_text, write_program};
use pressroom_tests::tree::{assert_same, picture};
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const CONFIGURATION: i32 = 3;
const BUSY: i32 = 4;
const HELD: i32 = 5;

/// A root in which a version of a package waits.
fn pending() -> Root {
    let root = Root::new();
    import(&root, "1.0");
    root
}

fn import(root: &Root, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("good", version).with("Section", "utils").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Adds the hook that behaves as it is told, under a name, with all that it can be granted.
#[track_caller]
fn add(root: &Root, name: &str, point: &str, behaviour: &str) {
    let manifest = root.path().join(format!("{name}.toml"));
    tool::write(
        &manifest,
        format!(
            "name = \"{name}\"\npoints = [\"{point}\"]\n[capabilities]\narchive = true\nstaging = [\"project/*\"]\nstate = true\n\
             signing = [\"project/*\"]\n[config]\nbehave = \"{behaviour}\"\namount = 1\n"
        ),
    );
    let component = text(&binary::hook("bad_plugins"));
    root.ok(&["hook", "add", &component, "--manifest", &text(&manifest), "--grant", "requested"]);
}

/// The grant of such a hook.
fn grant(root: &Root, name: &str, point: &str) -> PathBuf {
    root.hooks(point).join(format!("50-{name}.toml"))
}

/// Lets a hook that is there behave otherwise from now on.
#[track_caller]
fn behave(root: &Root, name: &str, point: &str, behaviour: &str) {
    let grant = grant(root, name, point);
    let lines: Vec<String> = read_text(&grant)
        .lines()
        .map(|line| {
            if line.starts_with("behave = ") { format!("behave = \"{behaviour}\"") } else { line.to_owned() }
        })
        .collect();
    tool::write(&grant, format!("{}\n", lines.join("\n")));
}

/// Sets keys under `[hooks]` in the configuration.
#[track_caller]
fn configure(root: &Root, lines: &str) {
    let path = root.path().join("pressroom.toml");
    let changed = read_text(&path).replacen("[hooks]\n", &format!("[hooks]\n{lines}\n"), 1);
    tool::write(&path, changed);
}

/// What a command says as JSON, however it ends.
#[track_caller]
fn json(root: &Root, arguments: &[&str]) -> Value {
    let ran = root.run(&[&["--format", "json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

/// That a command does not say something.
#[track_caller]
fn silent_on(ran: &Ran, word: &str) {
    assert!(!ran.everything().contains(word), "this was not to say {word:?}\n{}", ran.account());
}

// ---------------------------------------------------------------- replays

#[test]
fn a_hook_that_failed_after_the_installation_is_made_good_by_a_replay_once() {
    for point in ["post-publication", "finalize"] {
        let root = pending();
        add(&root, "bad", point, "failed");
        root.run(&["publish"]).exits(FAILURE).says(&["it does not work", "`pressroom hook replay 2`"]);
        root.ok(&["status"]).says(&["failed:", "50-bad.wasm", "pressroom hook replay 2"]);
        // as long as it fails, it stays so
        root.run(&["hook", "replay", "2"]).exits(FAILURE).says(&["it does not work", "attempt 2"]);
        root.ok(&["status"]).says(&["called 2 times", "pressroom hook replay 2"]);
        behave(&root, "bad", point, "state-bomb");
        root.ok(&["hook", "replay", "2"]).says(&["DONE", "attempt 3"]);
        silent_on(&root.ok(&["status"]).says(&["its hooks were made good since"]), "pressroom hook replay");
        root.ok(&["hook", "log", "2"]).says(&["made good in run 4", "FAILED", "attempt 2", "attempt 3"]);
        root.ok(&["history"]).says(&["hook-replay", "made good in run 4"]);
        // what it wants to remember is kept: the next call finds it
        root.ok(&["hook", "replay", "2"]).says(&["Nothing to replay"]);
        let log = json(&root, &["hook", "log", "2"]);
        assert_eq!(log[0]["later"].as_array().unwrap().len(), 2, "{log}");
        root.ok(&["hook", "replay", "2", "--all"]).says(&["attempt 4"]);
    }
}

#[test]
fn what_a_hook_was_told_then_it_is_told_again() {
    let root = pending();
    let told = root.path().join("told");
    let fails = root.path().join("fails");
    tool::write(&fails, "");
    let script = format!(
        "#!/bin/sh\necho \"$1 $ARCHIVEROOTS $SECURITY_UPLOAD_ONLY $SITE_NAME\" >>'{}'\n[ ! -e '{}' ]\n",
        told.display(),
        fails.display()
    );
    write_program(&root.hooks("finalize").join("10-tells"), &script);
    add(&root, "bad", "post-publication", "read-much");
    let changes = |run: i64| {
        let log = json(&root, &["hook", "log", &run.to_string(), "--hook", "bad"]);
        log[0]["summary"].as_str().unwrap().to_owned()
    };
    root.run(&["publish", "--suite", SERIES]).exits(FAILURE).says(&["10-tells"]);
    let first = changes(2);
    // something else is published meanwhile, and another name of the host is configured
    std::fs::remove_file(&fails).unwrap();
    for version in ["1.1", "1.2"] {
        import(&root, version);
        root.ok(&["publish"]);
    }
    let configuration = root.path().join("pressroom.toml");
    let renamed = format!("site-name = \"elsewhere\"\n{}", read_text(&configuration));
    tool::write(&configuration, renamed);
    root.ok(&["hook", "replay", "2", "--hook", "tells"]);
    let told = read_text(&told);
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 4, "{told}");
    assert_eq!(lines[0], lines[3], "{told}");
    // the changes are those of that pass: two publications of one package
    root.ok(&["hook", "replay", "2", "--hook", "bad", "--all"]).says(&[&first]);
    assert_ne!(first, changes(4), "a later pass has changed more");
}

#[test]
fn a_replayer_that_dies_when_the_hook_has_done_its_work_has_recorded_nothing_and_calls_it_again() {
    let root = pending();
    let (done, mode) = (root.path().join("done"), root.path().join("mode"));
    let script = format!(
        "#!/bin/sh\ncase \"$(cat '{mode}')\" in\nfail) exit 3;;\ndie) echo done >>'{done}'; kill -9 $PPID;;\n*) echo done >>'{done}';;\nesac\n",
        mode = mode.display(),
        done = done.display()
    );
    write_program(&root.hooks("finalize").join("10-mirror"), &script);
    tool::write(&mode, "fail");
    root.run(&["publish"]).exits(FAILURE).says(&["10-mirror", "3"]);
    tool::write(&mode, "die");
    let killed = root.run(&["hook", "replay", "2"]);
    assert!(killed.code.is_none(), "it was to be killed\n{}", killed.account());
    let log = json(&root, &["hook", "log", "2"]);
    assert!(log[0]["made_good_by_run"].is_null() && log[0]["later"].as_array().unwrap().is_empty(), "{log}");
    tool::write(&mode, "work");
    root.ok(&["hook", "replay", "2"]);
    assert_eq!(read_text(&done), "done\ndone\n");
    root.ok(&["hook", "log", "2"]).says(&["made good in run 4"]);
    root.ok(&["history"]).says(&["INTERRUPTED"]);
}

#[test]
fn after_a_death_in_a_run_the_hooks_that_it_has_recorded_are_not_called_again() {
    let root = pending();
    let (told, marker) = (root.path().join("told"), root.path().join("marker"));
    let tells = |name: &str| format!("#!/bin/sh\necho {name} >>'{}'\n", told.display());
    write_program(&root.hooks("finalize").join("10-first"), &tells("first"));
    write_program(
        &root.hooks("finalize").join("20-kills"),
        &format!("#!/bin/sh\n[ -e '{0}' ] && exit 0\n: >'{0}'\nkill -9 $PPID\n", marker.display()),
    );
    write_program(&root.hooks("finalize").join("30-last"), &tells("last"));
    assert!(root.run(&["publish"]).code.is_none());
    root.ok(&["publish"]);
    assert_eq!(read_text(&told), "first\nlast\n");
}

#[test]
fn a_replay_that_cannot_be_is_refused_and_calls_nothing() {
    let root = pending();
    add(&root, "bad", "finalize", "failed");
    add(&root, "other", "finalize", "failed");
    let path = |file: &str| root.hooks("finalize").join(file);
    root.run(&["publish"]).exits(FAILURE);
    let refused = |arguments: &[&str], code: i32, words: &[&str]| {
        let _ = root.run(&[&["hook", "replay"], arguments].concat()).exits(code).says(words);
        let log = json(&root, &["hook", "log", "2"]);
        assert!(
            log.as_array().unwrap().iter().all(|call| call["later"].as_array().unwrap().is_empty()),
            "{log}"
        );
    };
    refused(&["7"], USAGE, &["no run 7", "there is 2, 1"]);
    refused(&["0"], USAGE, &["0"]);
    refused(&["2", "--hook", "nobody"], USAGE, &["nobody", "50-bad.wasm", "50-other.wasm"]);
    refused(&["2", "--hook", "bad", "--point", "post-publication"], USAGE, &["post-publication"]);
    refused(&["2", "--point", "pre-publication"], USAGE, &["--dry-run"]);
    refused(&["2", "--distribution", "elsewhere"], USAGE, &["acme"]);
    refused(&["2", "--show", "project/bad"], USAGE, &["--dry-run"]);
    // while somebody publishes
    let lock = File::open(root.path().join("locks/publish-acme.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    refused(&["2"], BUSY, &["acme"]);
    drop(lock);
    // one hook is gone, the other is another one: both are said, and the one that could be called is not
    add(&root, "third", "finalize", "done");
    let component = tool::read(&binary::hook("announce"));
    let gone = tool::read(&path("50-bad.wasm"));
    std::fs::remove_file(path("50-bad.wasm")).unwrap();
    refused(&["2", "--hook", "bad"], CONFIGURATION, &["50-bad.wasm", "not there any more"]);
    tool::write(&path("50-other.wasm"), component);
    refused(&["2"], CONFIGURATION, &["50-bad.wasm", "50-other.wasm", "SHA256"]);
    tool::write(&path("50-bad.wasm"), gone);
    refused(&["2"], CONFIGURATION, &["50-other.wasm", "cannot run now"]);
    root.run(&["hook", "replay", "2", "--hook", "bad"]).exits(FAILURE).says(&["it does not work"]);
}

#[test]
fn another_component_under_the_hooks_name_is_called_only_where_the_operator_says_so() {
    let root = pending();
    add(&root, "bad", "post-publication", "failed");
    root.run(&["publish"]).exits(FAILURE);
    let manifest = root.path().join("bad.toml");
    tool::write(
        &manifest,
        "name = \"bad\"\npoints = [\"post-publication\"]\n[capabilities]\narchive = true\n",
    );
    let component = text(&binary::hook("announce"));
    root.ok(&["hook", "add", &component, "--manifest", &text(&manifest), "--grant", "requested"]);
    let grant = grant(&root, "bad", "post-publication");
    let without = read_text(&grant);
    tool::write(&grant, without.split("[config]").next().unwrap());
    root.run(&["hook", "replay", "2"]).exits(CONFIGURATION).says(&[
        "not the hook that was called",
        "--current",
        "SHA256",
    ]);
    root.ok(&["hook", "replay", "2", "--current"]);
    root.ok(&["hook", "log", "2"]).says(&["made good"]);
    // under another number it is the same hook
    let root = pending();
    add(&root, "bad", "finalize", "failed");
    root.run(&["publish"]).exits(FAILURE);
    behave(&root, "bad", "finalize", "done");
    for ending in ["wasm", "toml"] {
        let folder = root.hooks("finalize");
        tool::write(
            &folder.join(format!("70-bad.{ending}")),
            tool::read(&folder.join(format!("50-bad.{ending}"))),
        );
        std::fs::remove_file(folder.join(format!("50-bad.{ending}"))).unwrap();
    }
    root.ok(&["hook", "replay", "2"]).says(&["70-bad.wasm", "DONE"]);
}

#[test]
fn what_hooks_were_told_is_kept_for_so_many_runs() {
    let root = pending();
    configure(&root, "replayable-runs = 2");
    add(&root, "bad", "finalize", "failed");
    root.run(&["publish"]).exits(FAILURE);
    behave(&root, "bad", "finalize", "done");
    import(&root, "1.1");
    root.ok(&["publish"]);
    root.ok(&["status"]).says(&["hook replay 2"]);
    import(&root, "1.2");
    root.ok(&["publish"]);
    silent_on(&root.ok(&["status"]), "hook replay 2");
    root.run(&["hook", "replay", "2"]).exits(FAILURE).says(&["50-bad.wasm", "not kept", "replayable-runs"]);
    root.run(&["hook", "replay", "2", "--dry-run"]).exits(FAILURE).says(&["not kept"]);
    root.ok(&["hook", "replay", "4", "--all"]).says(&["DONE"]);
    // what it said is kept all the same
    root.ok(&["hook", "log", "2"]).says(&["it does not work"]);
}

// ---------------------------------------------------------------- dry runs

#[test]
fn a_dry_run_shows_what_a_hook_would_do_and_keeps_nothing_of_it() {
    let root = pending();
    add(&root, "bad", "pre-publication", "veto");
    root.run(&["publish"]).exits(HELD);
    let database = || {
        let history = root.ok(&["history", "--details"]).stdout;
        (history, root.ok(&["status"]).stdout, picture(&root.path().join("archives")))
    };
    let (history, status, before) = database();
    root.run(&["hook", "replay", "2", "--dry-run"]).exits(FAILURE).says(&["VETO", "not on my watch"]);
    behave(&root, "bad", "pre-publication", "write");
    root.ok(&["hook", "replay", "2", "--dry-run"]).says(&["DONE", "would write project/bad (4 bytes)"]);
    let shown = root.ok(&["hook", "replay", "2", "--dry-run", "--show", "project/bad"]);
    assert_eq!(shown.stdout, "bad\n");
    root.run(&["hook", "replay", "2", "--dry-run", "--show", "project/good"])
        .exits(USAGE)
        .says(&["project/good", "project/bad"]);
    let into = root.path().join("into");
    root.ok(&["hook", "replay", "2", "--dry-run", "--into", &text(&into)]);
    assert_eq!(read_text(&into.join("pass-1/50-bad.wasm/project/bad")), "bad\n");
    root.run(&["hook", "replay", "2", "--dry-run", "--into", &text(&into)]).exits(USAGE).says(&["already"]);
    behave(&root, "bad", "pre-publication", "state-bomb");
    root.ok(&["hook", "replay", "2", "--dry-run"]).says(&["would remember key 0 (65536 bytes)"]);
    behave(&root, "bad", "pre-publication", "sign");
    root.ok(&["hook", "replay", "2", "--dry-run", "--show", "project/bad.gpg"]).says(&["dry run"]);
    let dry = json(&root, &["hook", "replay", "2", "--dry-run"]);
    assert_eq!(dry[0]["writes"][1]["name"], "project/bad.gpg", "{dry}");
    for (behaviour, word) in [("outside-grant", "pool/main/b/bad"), ("escaping-path", "escaped")] {
        behave(&root, "bad", "pre-publication", behaviour);
        root.run(&["hook", "replay", "2", "--dry-run"]).exits(FAILURE).says(&["FAILED", word]);
    }
    let after = database();
    assert_eq!((history, status), (after.0, after.1));
    assert_same("the archives before and after", &before, &after.2);
}

#[test]
fn a_dry_run_of_a_hook_that_held_a_pass_sees_what_the_pass_would_have_changed() {
    let root = pending();
    add(&root, "bad", "pre-publication", "veto");
    root.run(&["publish"]).exits(HELD);
    behave(&root, "bad", "pre-publication", "read-much");
    let dry = json(&root, &["hook", "replay", "2", "--dry-run"]);
    assert!(dry[0]["unknown"].is_null(), "{dry}");
    let before = dry[0]["summary"].as_str().unwrap().to_owned();
    assert_ne!(before, "read 0 records");
    // of several passes that were given up, the last one's are known
    behave(&root, "bad", "pre-publication", "veto");
    root.run(&["publish"]).exits(HELD);
    behave(&root, "bad", "pre-publication", "read-much");
    root.run(&["hook", "replay", "2", "--dry-run"]).exits(FAILURE).says(&["not known", "pass 1"]);
    root.ok(&["hook", "replay", "3", "--dry-run"]).says(&[&before]);
    // and it is what the hook then sees
    root.ok(&["publish"]);
    root.ok(&["hook", "log", "4"]).says(&[&before]);
    root.client(SERIES).update();
}

#[test]
fn executables_take_no_part_in_a_dry_run() {
    let root = pending();
    let told = root.path().join("told");
    let script = format!("#!/bin/sh\necho told >>'{}'\n", told.display());
    write_program(&root.hooks("finalize").join("10-tells"), &script);
    add(&root, "bad", "finalize", "skipped");
    root.ok(&["publish"]);
    root.ok(&["hook", "replay", "2", "--dry-run"]).says(&["10-tells", "not started", "SKIPPED"]);
    root.run(&["hook", "replay", "2", "--dry-run", "--hook", "tells"])
        .exits(USAGE)
        .says(&["10-tells", "executable"]);
    assert_eq!(read_text(&told), "told\n");
}

// ---------------------------------------------------------------- retries

#[test]
fn a_temporary_failure_after_the_installation_is_retried_by_later_runs_so_often_and_no_more() {
    for point in ["post-publication", "finalize"] {
        let root = pending();
        configure(&root, "retry-attempts = 3");
        add(&root, "bad", point, "temporary");
        root.run(&["publish"]).exits(FAILURE).says(&["the moon is not full"]);
        root.ok(&["status"]).says(&["waits to be called again", "2025-03-01T12:00:00Z", "called once"]);
        root.ok(&["publish", "--dry-run"]).says(&["called again:", "50-bad.wasm", "of run 2"]);
        // the next run; then not before five minutes have gone; then no more
        root.run(&["publish"]).exits(FAILURE).says(&["the moon is not full", "of run 2"]);
        root.ok(&["status"]).says(&["waits to be called again", "2025-03-01T12:05:00Z", "called 2 times"]);
        root.run_at("2025-03-01T12:04:59Z", &["publish"]).exits(0);
        root.run_at("2025-03-01T12:05:00Z", &["publish"]).exits(FAILURE).says(&["the moon is not full"]);
        let status = root.ok(&["status"]).says(&["called 3 times", "pressroom hook replay 2"]);
        silent_on(&status, "waits to be called again");
        root.run_at("2025-03-09T12:00:00Z", &["publish"]).exits(0);
        // an operator still can
        behave(&root, "bad", point, "done");
        root.ok(&["hook", "replay", "2"]).says(&["attempt 4"]);
        silent_on(&root.ok(&["status"]), "pressroom hook replay");
    }
}

#[test]
fn a_retry_comes_before_the_hooks_of_new_passes_and_makes_the_failure_good() {
    let root = pending();
    add(&root, "bad", "post-publication", "temporary");
    add(&root, "last", "finalize", "temporary");
    root.run(&["publish"]).exits(FAILURE);
    behave(&root, "bad", "post-publication", "read-much");
    behave(&root, "last", "finalize", "skipped");
    import(&root, "1.1");
    root.ok(&["publish"]);
    let log = json(&root, &["hook", "log", "4"]);
    let calls: Vec<(&str, bool)> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|call| (call["point"].as_str().unwrap(), call["again_for_run"] == 2))
        .collect();
    let expected =
        [("post-publication", true), ("post-publication", false), ("finalize", true), ("finalize", false)];
    assert_eq!(calls, expected, "{log}");
    root.ok(&["hook", "log", "2"]).says(&["made good in run 4"]);
    root.ok(&["history"]).says(&["2 hooks of earlier runs called again", "SKIPPED"]);
    silent_on(&root.ok(&["status"]), "waits to be called again");
    // nothing more of it
    root.ok(&["publish"]);
    root.ok(&["hook", "log", "5"]).says(&["called no hook"]);
}

#[test]
fn a_hook_that_is_disabled_owes_its_retry_until_it_is_enabled() {
    let root = pending();
    add(&root, "bad", "finalize", "temporary");
    root.run(&["publish"]).exits(FAILURE);
    root.ok(&["hook", "disable", "bad"]);
    import(&root, "1.1");
    root.ok(&["publish"]);
    root.ok(&["hook", "log", "4"]).says(&["called no hook"]);
    root.run(&["hook", "replay", "2"]).exits(CONFIGURATION).says(&["is disabled", "hook enable"]);
    assert_eq!(json(&root, &["status"])["failed_hooks"][0]["attempts"], 1);
    root.ok(&["hook", "enable", "bad"]);
    behave(&root, "bad", "finalize", "done");
    root.ok(&["publish"]);
    root.ok(&["hook", "log", "2"]).says(&["made good in run 5"]);
}

#[test]
fn an_operator_who_is_quicker_than_the_next_run_leaves_nothing_to_retry() {
    let root = pending();
    add(&root, "bad", "finalize", "temporary");
    root.run(&["publish"]).exits(FAILURE);
    // a replay that fails for a time as well counts as an attempt, and the next run comes later
    root.run(&["hook", "replay", "2"]).exits(FAILURE).says(&["the moon is not full", "attempt 2"]);
    let status = json(&root, &["status"]);
    assert_eq!(status["failed_hooks"][0]["attempts"], 2, "{status}");
    assert_eq!(status["failed_hooks"][0]["next_attempt"], "2025-03-01T12:05:00Z", "{status}");
    behave(&root, "bad", "finalize", "done");
    root.ok(&["hook", "replay", "2"]);
    root.run_at("2025-03-01T13:00:00Z", &["publish"]).exits(0);
    let log = json(&root, &["hook", "log", "2"]);
    assert_eq!(log[0]["later"].as_array().unwrap().len(), 2, "{log}");
    assert_eq!(json(&root, &["status"])["failed_hooks"], Value::Array(Vec::new()));
}

#[test]
fn a_failure_that_an_operator_leaves_as_it_is_is_neither_retried_nor_shown_as_open() {
    let root = pending();
    add(&root, "bad", "finalize", "temporary");
    add(&root, "other", "finalize", "failed");
    root.run(&["publish"]).exits(FAILURE);
    let dismiss = ["hook", "replay", "2", "--hook", "bad", "--dismiss"];
    for (more, words) in [
        (&[][..], &["--reason"][..]),
        (&["--reason", " "], &["--reason"]),
        (&["--reason", "so", "--dry-run"], &["--dry-run"]),
        (&["--reason", "so", "--all"], &["--all"]),
    ] {
        root.run(&[&dismiss, more].concat()).exits(USAGE).says(words);
    }
    root.run(&["hook", "replay", "2", "--reason", "so"]).exits(USAGE).says(&["--dismiss"]);
    let reason = ["--reason", "the mirror is gone", "--as", "Ada"];
    root.ok(&[&dismiss[..], &reason].concat())
        .says(&["50-bad.wasm", "left as it is by Ada: the mirror is gone"]);
    let status = json(&root, &["status"]);
    let open: Vec<&str> =
        status["failed_hooks"].as_array().unwrap().iter().map(|one| one["hook"].as_str().unwrap()).collect();
    assert_eq!(open, ["50-other.wasm"], "{status}");
    root.ok(&["publish"]);
    root.ok(&["hook", "log", "2"]).says(&["left as it is by Ada: the mirror is gone"]);
    root.ok(&[&dismiss[..], &reason].concat()).says(&["Nothing to leave"]);
    // what is left as it is can be called all the same where it is asked for
    behave(&root, "bad", "finalize", "done");
    behave(&root, "other", "finalize", "done");
    let replayed = root.ok(&["hook", "replay", "2"]).says(&["50-other.wasm"]);
    silent_on(&replayed, "50-bad.wasm");
    root.ok(&["hook", "replay", "2", "--hook", "bad", "--all"]).says(&["DONE"]);
}

#[test]
fn what_a_hook_that_is_to_be_retried_was_told_is_kept_until_it_has_been() {
    let root = pending();
    configure(&root, "replayable-runs = 0\nretry-attempts = 2");
    add(&root, "bad", "finalize", "temporary");
    root.run(&["publish"]).exits(FAILURE);
    root.run(&["publish"]).exits(FAILURE).says(&["the moon is not full", "of run 2"]);
    root.run(&["hook", "replay", "2"]).exits(FAILURE).says(&["not kept"]);
    assert_eq!(json(&root, &["status"])["failed_hooks"], Value::Array(Vec::new()));
}

#[test]
fn a_retry_of_a_hook_that_is_gone_is_given_up_with_its_reason() {
    let root = pending();
    add(&root, "bad", "finalize", "temporary");
    root.run(&["publish"]).exits(FAILURE);
    let (wasm, grant) = (root.hooks("finalize").join("50-bad.wasm"), grant(&root, "bad", "finalize"));
    let kept = (tool::read(&wasm), tool::read(&grant));
    std::fs::remove_file(&wasm).unwrap();
    std::fs::remove_file(&grant).unwrap();
    root.run(&["publish"]).exits(FAILURE).says(&[
        "50-bad.wasm",
        "not there any more",
        "pressroom hook replay 2",
    ]);
    root.ok(&["publish"]);
    root.ok(&["hook", "log", "2"]).says(&["REFUSED", "attempt 2"]);
    tool::write(&wasm, kept.0);
    tool::write(&grant, kept.1);
    behave(&root, "bad", "finalize", "done");
    root.ok(&["publish"]);
    silent_on(&root.ok(&["hook", "log", "2"]), "made good");
    root.ok(&["hook", "replay", "2"]).says(&["DONE"]);
}

#[test]
fn before_the_installation_a_temporary_failure_leaves_everything_waiting_and_is_no_retry() {
    let root = pending();
    add(&root, "bad", "pre-publication", "temporary");
    root.run(&["publish"]).exits(FAILURE).says(&["the moon is not full"]);
    silent_on(&root.ok(&["status"]), "called again");
    root.ok(&["hook", "replay", "2"]).says(&["Nothing to replay", "50-bad.wasm", "--dry-run"]);
    behave(&root, "bad", "pre-publication", "done");
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    silent_on(&root.ok(&["hook", "log", "3"]), "attempt");
}

#[test]
fn a_hook_whose_failure_only_warns_is_retried_too_and_fails_no_run() {
    let root = pending();
    add(&root, "bad", "finalize", "temporary");
    let grant = grant(&root, "bad", "finalize");
    let warns = read_text(&grant).replace("\"abort\"", "\"warn\"");
    tool::write(&grant, warns);
    root.run(&["publish"]).exits(0).says(&["the moon is not full"]);
    root.run(&["publish"]).exits(0).says(&["the moon is not full", "of run 2"]);
    root.ok(&["status"]).says(&["waits to be called again"]);
}

// ---------------------------------------------------------------- vetoes that are overridden

#[test]
fn a_named_veto_does_not_hold_the_pass_and_who_and_why_is_recorded() {
    let root = pending();
    add(&root, "bad", "pre-publication", "veto");
    root.run(&["publish"]).exits(HELD);
    let ran = root.ok(&["publish", "--override-veto", "bad", "--reason", "cleared by\nlegal", "--as", "Ada"]);
    ran.says(&["overridden", "not on my watch", "Ada", "cleared by legal"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    for shown in [&["history"][..], &["hook", "log", "3"]] {
        root.ok(shown).says(&["VETO", "overridden by Ada: cleared by legal"]);
    }
    let log = json(&root, &["hook", "log", "3"]);
    assert_eq!(log[0]["overridden"]["by"], "Ada", "{log}");
    let history = json(&root, &["history"]);
    assert_eq!(history[0]["outcome"], "SUCCEEDED", "{history}");
    assert!(history[0]["message"].as_str().unwrap().contains("overridden by Ada"), "{history}");
    // for that run only
    import(&root, "1.1");
    root.run(&["publish"]).exits(HELD);
    // without a name it is the user who runs it
    let mut command = root.command(&["publish", "--override-veto", "50-bad.wasm", "--reason", "again"]);
    let _ = tool::run(command.env("SUDO_USER", "grace")).exits(0).says(&["grace"]);
    import(&root, "1.2");
    let mut command = root.command(&["publish", "--override-veto", "50-bad", "--reason", "again"]);
    let user = tool::succeed(tool::tool("id").args(["-u", "-n"])).stdout;
    let _ = tool::run(command.env_remove("SUDO_USER")).exits(0).says(&[&format!("says {}", user.trim())]);
}

#[test]
fn an_override_without_a_reason_or_of_a_hook_that_is_not_there_is_refused() {
    let root = pending();
    add(&root, "bad", "pre-publication", "veto");
    add(&root, "after", "finalize", "veto");
    for (arguments, words) in [
        (&["--override-veto", "bad"][..], &["--reason"][..]),
        (&["--override-veto", "bad", "--reason", " \n"], &["--reason"]),
        (&["--override-veto", "bad", "--reason", "\u{1b}[2J"], &["control characters"]),
        (&["--override-veto", "bad", "--reason", "so", "--as", ""], &["--as"]),
        (&["--override-veto", "bad", "--reason", "so", "--dry-run"], &["--dry-run"]),
        (&["--reason", "so"], &["--override-veto"]),
        (&["--as", "Ada"], &["--override-veto"]),
        (&["--override-veto", "nobody", "--reason", "so"], &["nobody", "50-bad.wasm"]),
        (&["--override-veto", "after", "--reason", "so"], &["after", "50-bad.wasm"]),
    ] {
        root.run(&[&["publish"], arguments].concat()).exits(USAGE).says(words);
        assert!(!root.served().join("dists").exists(), "nothing is installed");
    }
    root.ok(&["distribution", "add", "second"]);
    root.run(&["publish", "--override-veto", "bad", "--reason", "so"]).exits(USAGE).says(&["--distribution"]);
}

#[test]
fn only_the_veto_of_the_hook_that_is_named_is_overridden_and_no_failure() {
    let root = pending();
    add(&root, "bad", "pre-publication", "veto");
    add(&root, "worse", "pre-publication", "veto");
    let publish = ["publish", "--override-veto", "bad", "--reason", "so"];
    root.run(&publish).exits(HELD).says(&["50-worse.wasm"]);
    assert!(!root.served().join("dists").exists());
    behave(&root, "worse", "pre-publication", "done");
    behave(&root, "bad", "pre-publication", "failed");
    root.run(&publish).exits(FAILURE).says(&["it does not work"]);
    assert!(!root.served().join("dists").exists());
    behave(&root, "bad", "pre-publication", "done");
    let ran = root.ok(&publish).says(&["bad did not veto"]);
    silent_on(&ran, "overridden:");
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
}

#[test]
fn what_a_hook_with_an_overridden_veto_wrote_and_remembered_is_dropped() {
    let root = pending();
    add(&root, "bad", "pre-publication", "veto");
    add(&root, "worse", "pre-publication", "write");
    root.ok(&["publish", "--override-veto", "bad", "--override-veto", "worse", "--reason", "so"])
        .says(&["worse did not veto"]);
    assert_eq!(read_text(&root.served().join("project/bad")), "bad\n");
    root.ok(&["hook", "log", "2", "--hook", "worse"]).says(&["DONE"]);
    let log = root.ok(&["hook", "log", "2", "--hook", "bad"]);
    silent_on(&log, "worse");
}

// ---------------------------------------------------------------- the log

#[test]
fn the_log_of_a_run_has_everything_that_its_hooks_said() {
    let root = pending();
    add(&root, "bad", "pre-publication", "done");
    add(&root, "skips", "finalize", "skipped");
    root.ok(&["publish"]);
    root.ok(&["hook", "log", "2"]).says(&[
        "pre-publication 50-bad.wasm DONE: done with acme",
        "nothing to add",
        "info: all is well",
        "host calls",
        "finalize 50-skips.wasm SKIPPED: nothing to do",
    ]);
    root.ok(&["history"]).says(&["SKIPPED", "nothing to do"]);
    let only = root.ok(&["hook", "log", "2", "--point", "finalize"]);
    silent_on(&only, "50-bad.wasm");
    let log = json(&root, &["hook", "log", "2", "--hook", "bad"]);
    assert_eq!(log.as_array().unwrap().len(), 1, "{log}");
    for field in ["duration_us", "peak_memory_bytes", "host_calls", "attempt"] {
        assert!(log[0][field].is_u64(), "{field}: {log}");
    }
    root.run(&["hook", "log", "9"]).exits(USAGE).says(&["no run 9", "there is 2, 1"]);
    root.run(&["hook", "log", "2", "--hook", "nobody"]).exits(USAGE).says(&["nobody", "50-skips.wasm"]);
    root.run(&["hook", "log", "2", "--point", "whenever"]).exits(USAGE).says(&["whenever"]);
    root.ok(&["hook", "log", "2", "--point", "post-publication"])
        .says(&["called no hook at post-publication"]);
}
