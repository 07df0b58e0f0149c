//! Suites as they were, as apt finds them; kept, compared and brought back.

use std::process::Stdio;
use std::time::Instant;

use pressroom_tests::apt::{Client, Line};
use pressroom_tests::deb::Deb;
use pressroom_tests::gnupg;
use pressroom_tests::random::Random;
use pressroom_tests::root::{DISTRIBUTION, NOW, Root, SERIES};
use pressroom_tests::source;
use pressroom_tests::tool;
use pressroom_tests::tree::{assert_same, picture};
use serde_json::Value;

use crate::crash::kill_after;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const BUSY: i32 = 4;

/// When the second version comes, and the third.
const SECOND: &str = "2025-03-01T13:00:00Z";
const THIRD: &str = "2025-03-02T13:00:00Z";
/// When the stay of the first is over, by days.
const LATER: &str = "2025-03-10T13:00:00Z";
/// The snapshots of these.
const ONE: &str = "20250301T120000Z";
const TWO: &str = "20250301T130000Z";
const THREE: &str = "20250302T130000Z";

const INDEX: &str = "main/binary-amd64/Packages";

/// Publishes a version of `tool` with its source, at a time.
fn publish(root: &Root, version: &str, now: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("tool", version).architecture("amd64").payload(version).write(folder.path());
    let _ = source::build(folder.path(), "tool", version);
    root.import(SERIES, &[folder.path()]).exits(0);
    root.run_at(now, &["publish"]).exits(0);
}

fn keep(root: &Root, seconds: &str) {
    root.ok(&["archive", "set", DISTRIBUTION, "--keep-snapshots-seconds", seconds]);
}

/// An archive that keeps snapshots for a month, with three versions of `tool`.
fn root() -> Root {
    let root = Root::new();
    keep(&root, "2592000");
    for (version, now) in [("1.0-1", NOW), ("2.0-1", SECOND), ("3.0-1", THIRD)] {
        publish(&root, version, now);
    }
    root
}

/// A client of a snapshot.
fn client(root: &Root, snapshot: &str) -> Client {
    let line = root.line(SERIES);
    Client::new(&Line { uri: format!("{}/snapshots/{snapshot}", line.uri), ..line }, &["arm64"])
}

fn restore(root: &Root, now: &str, snapshot: &str, more: &[&str]) -> tool::Ran {
    let command = ["snapshot", "restore", SERIES, snapshot, "--reason", "it was better"];
    root.run_at(now, &[&command[..], more].concat())
}

#[track_caller]
fn json(root: &Root, now: &str, arguments: &[&str]) -> Value {
    let ran = root.run_at(now, &[&["--format", "json"], arguments].concat()).exits(0);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

#[test]
fn apt_installs_what_a_suite_had_when_its_files_would_have_gone_long_ago() {
    let root = root();
    root.run_at(LATER, &["process-death-row"]).exits(0).says(&[
        "tool_1.0-1_amd64.deb",
        &format!("the snapshot {ONE} of {SERIES} needs it, and is kept until 2025-03-31T13:00:00Z"),
    ]);
    for (snapshot, version) in [(ONE, "1.0-1"), (TWO, "2.0-1"), (THREE, "3.0-1")] {
        let client = client(&root, snapshot);
        client.update();
        assert_eq!(client.candidate("tool").as_deref(), Some(version), "{snapshot}");
        client.apt_get(&["install", "--yes", "--download-only", "tool"]).exits(0);
        client.apt_get(&["source", "--download-only", "tool"]).exits(0);
        // the other suites were there too
        let updates = root.served().join(format!("snapshots/{snapshot}/dists/{SERIES}-updates/InRelease"));
        assert!(updates.is_file(), "{snapshot}");
    }
    let listed = json(&root, LATER, &["snapshot", "list", "--suite", SERIES]);
    assert_eq!(listed.as_array().unwrap().len(), 3, "{listed}");
    assert_eq!((&listed[0]["snapshot"], &listed[0]["live"]), (&THREE.into(), &true.into()), "{listed}");
    assert!(listed[0]["shared_bytes"].as_u64().unwrap() > 0, "{listed}");
    root.ok(&["snapshot", "list"]).says(&["live", "until 2025-03-31T13:00:00Z", "aurora-security"]);
    root.ok(&["export"]).says(&["keep-snapshots-seconds = 2592000"]);
    // without them it is as it ever was
    keep(&root, "none");
    root.run_at(LATER, &["publish"]).exits(0);
    root.run_at(LATER, &["process-death-row"]).exits(0).says(&["gone", "tool_1.0-1_amd64.deb"]);
    assert!(!root.served().join("pool/main/t/tool/tool_2.0-1_amd64.deb").exists());
    root.ok(&["snapshot", "list"]).says(&["has no snapshots", "--keep-snapshots-seconds"]);
    root.verify(SERIES);
    root.client(SERIES).update();
}

#[test]
fn a_snapshot_that_has_lapsed_is_taken_by_who_says_so() {
    let root = Root::new();
    keep(&root, "2592000");
    root.ok(&["series", "set", SERIES, "--valid-for-seconds", "86400"]);
    publish(&root, "1.0-1", NOW);
    let client = client(&root, ONE);
    client.apt_get(&["update"]).says(&["expired"]);
    client.configure("snapshot", "Acquire::Check-Valid-Until \"false\";\n");
    client.update();
    assert_eq!(client.candidate("tool").as_deref(), Some("1.0-1"));
}

#[test]
fn a_suite_is_restored_by_the_next_run_and_later_uploads_go_on_from_there() {
    let root = root();
    let client = root.client(SERIES);
    client.update();
    let index = |snapshot: &str, index: &str| {
        tool::read(&root.served().join(format!("snapshots/{snapshot}/dists/{SERIES}/{index}.gz")))
    };
    root.ok(&["snapshot", "diff", SERIES, ONE, TWO]).says(&["changed tool (source) 1.0-1 -> 2.0-1"]);
    root.ok(&["snapshot", "diff", SERIES, THREE, "live"]).says(&["the same packages"]);
    restore(&root, LATER, ONE, &["--dry-run"])
        .exits(0)
        .says(&["changed tool (amd64) 3.0-1 -> 1.0-1", "would be"]);
    root.run_at(LATER, &["publish"]).exits(0).says(&["Nothing"]);
    restore(&root, LATER, ONE, &[]).exits(0).says(&["2 publications come back, 2 go"]);
    root.run_at(LATER, &["publish", "--dry-run"])
        .exits(0)
        .says(&["deleted tool 3.0-1", "published tool 1.0-1"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 3.0-1"]);
    root.run_at(LATER, &["publish"]).exits(0);
    for name in [INDEX, "main/source/Sources", "main/binary-arm64/Packages"] {
        assert_eq!(tool::read(&root.suite(SERIES).join(format!("{name}.gz"))), index(ONE, name), "{name}");
    }
    root.verify(SERIES);
    client.update();
    assert_eq!(client.candidate("tool").as_deref(), Some("1.0-1"));
    client.apt_get(&["install", "--yes", "--download-only", "tool"]).exits(0);
    root.ok(&["suite", "show", SERIES]).says(&[&format!("restored to snapshot {ONE}: it was better")]);
    // what was there before is to be had too, and so is what was restored
    root.ok(&["snapshot", "diff", SERIES, ONE, "live"]).says(&["the same packages"]);
    root.run_at(LATER, &["publish", "--careful"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 1.0-1"]);
    publish(&root, "4.0-1", "2025-03-11T13:00:00Z");
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 4.0-1"]);
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["tool 4.0-1"]);
}

#[test]
fn what_cannot_be_restored_says_why_and_what_to_do() {
    let root = root();
    let known = format!("there is {THREE}, {TWO}, {ONE}");
    restore(&root, LATER, "20240101T000000Z", &[]).exits(USAGE).says(&["no snapshot of that suite", &known]);
    root.run(&["snapshot", "restore", SERIES, "yesterday", "--reason", "x"])
        .exits(USAGE)
        .says(&["20260501T120000Z"]);
    root.run(&["snapshot", "restore", SERIES, ONE]).exits(USAGE).says(&["--reason"]);
    root.run(&["snapshot", "restore", "nowhere", ONE, "--reason", "x"]).exits(USAGE);
    root.run(&["snapshot", "restore", SERIES, ONE, "--reason", " "]).exits(USAGE).says(&["without a word"]);
    root.run(&["archive", "set", DISTRIBUTION, "--keep-snapshots-seconds", "-3"]).exits(USAGE);
    // something waits
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("late", "1.0").architecture("amd64").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    restore(&root, LATER, ONE, &[]).exits(USAGE).says(&[
        "late 1.0 (amd64)",
        "--waiting keep",
        "--waiting remove",
    ]);
    // a stable series
    let _ = Deb::new("later", "1.0").architecture("amd64").write(folder.path());
    root.run_at(LATER, &["publish"]).exits(0);
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["series", "set", SERIES, "--status", "CURRENT"]);
    restore(&root, LATER, ONE, &[]).exits(USAGE).says(&["CURRENT", "--allow-stable"]);
    // nothing else comes in with such a word
    restore(&root, LATER, ONE, &["--allow-stable", "--waiting", "keep"]).exits(USAGE).says(&[
        "lets nothing in but what is restored",
        "later 1.0 (amd64)",
        "--waiting remove",
    ]);
    root.run_at(LATER, &["publish"]).exits(FAILURE).says(&["does not change"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["late 1.0", "tool 3.0-1"]);
    restore(&root, LATER, ONE, &["--allow-stable", "--waiting", "remove"]).exits(0);
    root.run_at(LATER, &["publish"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 1.0-1"]);
}

#[test]
fn nothing_is_restored_while_a_run_changes_the_suite_or_has_died_at_it() {
    let root = Root::new();
    keep(&root, "2592000");
    publish(&root, "1.0-1", NOW);
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("tool", "2.0-1").architecture("amd64").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    let hook = root.hooks("pre-publication").join("10-kills");
    tool::write_program(&hook, "#!/bin/sh\nkill -9 $PPID\n");
    let killed = root.run_at(SECOND, &["publish"]);
    assert!(killed.code.is_none(), "it was to be killed\n{}", killed.account());
    std::fs::remove_file(&hook).unwrap();
    for more in [&["--waiting", "remove"][..], &["--waiting", "remove", "--dry-run"]] {
        restore(&root, THIRD, ONE, more).exits(BUSY).says(&["is publishing aurora", "`pressroom publish`"]);
    }
    // another suite is nothing to that run
    root.run(&["snapshot", "restore", "aurora-updates", ONE, "--reason", "x", "--dry-run"]).exits(0);
    root.run_at(THIRD, &["publish"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 2.0-1"]);
    restore(&root, THIRD, ONE, &[]).exits(0);
    root.run_at(THIRD, &["publish"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 1.0-1"]);
    root.run_at(LATER, &["publish", "--careful"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 1.0-1"]);
}

#[test]
fn a_run_without_indexes_leaves_the_snapshot_before_it_what_clients_get() {
    let root = Root::new();
    keep(&root, "864000");
    publish(&root, "1.0-1", NOW);
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("tool", "2.0-1").architecture("amd64").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    root.run_at(SECOND, &["publish", "--disable-indexing"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 1.0-1"]);
    root.run_at(LATER, &["publish"]).exits(0);
    let listed = json(&root, LATER, &["snapshot", "list", "--suite", SERIES]);
    let names: Vec<&str> =
        listed.as_array().unwrap().iter().map(|one| one["snapshot"].as_str().unwrap()).collect();
    assert_eq!(names, ["20250310T130000Z", ONE], "{listed}");
    root.ok(&["snapshot", "diff", SERIES, ONE, "live"]).says(&["changed tool (amd64) 1.0-1 -> 2.0-1"]);
    // it is kept from when something else took its place, with all that it lists
    let then = "2025-03-15T13:00:00Z";
    root.run_at(then, &["publish"]).exits(0);
    root.run_at(then, &["process-death-row"]).exits(0);
    let client = client(&root, ONE);
    client.update();
    client.apt_get(&["install", "--yes", "--download-only", "tool"]).exits(0);
}

#[test]
fn a_removal_that_waits_is_taken_back_by_nobody_without_a_word() {
    let root = root();
    let remove = ["remove", "--suite", SERIES, "--comment", "licence", "tool"];
    root.run_at(LATER, &remove).exits(0);
    restore(&root, LATER, THREE, &[]).exits(USAGE).says(&[
        "the removal of tool 3.0-1 (amd64) by",
        "licence",
        "--waiting keep",
        "--waiting remove",
    ]);
    restore(&root, LATER, THREE, &["--waiting", "keep", "--dry-run"])
        .exits(0)
        .says(&["removed tool (amd64) 3.0-1", "goes tool 3.0-1 (source), removed by"]);
    let taken = restore(&root, LATER, THREE, &["--waiting", "remove"]).exits(0).says(&[
        "taken back the removal of tool 3.0-1 (source)",
        "licence",
        "and keeps them",
    ]);
    assert!(!taken.stdout.contains("already"), "{}", taken.account());
    root.run_at(LATER, &["publish"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 3.0-1"]);
    root.run_at(LATER, &remove).exits(0);
    restore(&root, LATER, THREE, &["--waiting", "keep"]).exits(0);
    root.run_at(LATER, &["publish"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), Vec::<String>::new());
}

#[test]
fn who_pins_and_restores_has_the_right_to_decide_about_the_pocket() {
    let root = root();
    root.ok(&["person", "add", "ann"]);
    let pin = ["snapshot", "pin", SERIES, TWO, "--reason", "the beta", "--as", "ann"];
    root.run(&pin).exits(FAILURE).says(&["ann may not"]);
    restore(&root, LATER, TWO, &["--as", "ann"]).exits(FAILURE).says(&["ann may not"]);
    root.ok(&["permission", "grant", "ann", "QUEUE_ADMIN", "--archive", DISTRIBUTION, "--pocket", "RELEASE"]);
    root.ok(&pin).says(&["kept until it is unpinned"]);
    root.run(&pin).exits(FAILURE).says(&["pinned already, by ann"]);
    root.run(&["snapshot", "pin", SERIES, TWO, "--reason", "", "--as", "ann"]).exits(USAGE);
    root.ok(&["snapshot", "list"]).says(&["by ann (the beta)"]);
    root.ok(&["suite", "show", SERIES]).says(&[&format!("snapshot {TWO} pinned: the beta")]);
    // the others go, and what the pinned one needs stays
    keep(&root, "3600");
    root.run_at(LATER, &["publish"]).exits(0);
    root.run_at(LATER, &["process-death-row"]).exits(0).says(&["gone", "tool_1.0-1_amd64.deb"]);
    root.run_at(LATER, &["expire"]).exits(0);
    let client = client(&root, TWO);
    client.update();
    client.apt_get(&["install", "--yes", "--download-only", "tool"]).exits(0);
    restore(&root, LATER, ONE, &["--as", "ann"]).exits(USAGE).says(&["no snapshot of that suite"]);
    root.ok(&["snapshot", "unpin", SERIES, TWO, "--as", "ann"]);
    root.run_at(LATER, &["publish"]).exits(0);
    root.run_at(LATER, &["process-death-row"]).exits(0).says(&["gone", "tool_2.0-1_amd64.deb"]);
    assert!(!root.served().join(format!("snapshots/{TWO}/dists/{SERIES}")).exists());
    root.verify(SERIES);
}

#[test]
fn whenever_a_publisher_is_killed_every_snapshot_is_whole_and_none_is_missing() {
    let prepared = Root::new();
    keep(&prepared, "2592000");
    let security = format!("{SERIES}-security");
    for (version, first) in [("1.0-1", true), ("1.1-1", false)] {
        let folder = tempfile::tempdir().unwrap();
        for suite in [SERIES, &security] {
            let below = folder.path().join(suite);
            for number in 0..8 {
                let _ = Deb::new(&format!("{suite}-{number}"), version).payload(version).write(&below);
            }
            prepared.import(suite, &[&below]).exits(0);
        }
        if first {
            prepared.ok(&["publish"]);
        }
    }
    let reference = prepared.copy();
    let started = Instant::now();
    reference.run_at(SECOND, &["publish"]).exits(0);
    let duration = started.elapsed();
    let expected = picture(&reference.served());
    assert!(
        expected.keys().any(|path| path.starts_with(&format!("snapshots/{TWO}/"))),
        "{:?}",
        expected.keys()
    );
    let keyring = gnupg::keyring(&prepared.key());
    let mut random = Random::new(0x5a1);
    for _ in 0..8 {
        let root = prepared.copy();
        for _ in 0..2 {
            let child = root
                .command_at(SECOND, &["publish"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            kill_after(child, duration.mul_f64(random.fraction()));
            let moments = root.served().join("snapshots");
            for name in pressroom_tests::apt::names_in(&moments) {
                if name.starts_with('.') {
                    continue;
                }
                // the fast track came before the other suite was there
                let dists = moments.join(&name).join("dists");
                for suite in pressroom_tests::apt::names_in(&dists) {
                    gnupg::verify_suite(&keyring, &dists.join(suite));
                }
            }
        }
        root.run_at(SECOND, &["publish"]).exits(0);
        assert_same(
            "after kills, the archive and that of an undisturbed run",
            &picture(&root.served()),
            &expected,
        );
    }
}
