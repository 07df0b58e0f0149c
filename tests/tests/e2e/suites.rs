//! Suites that somebody holds, and passes that are done with care or in part.

use std::fs;
use std::path::PathBuf;

use pressroom_tests::deb::Deb;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool;
use serde_json::Value;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const INDEX: &str = "main/binary-amd64/Packages";
const UPDATES: &str = "aurora-updates";

fn arrive(root: &Root, suite: &str, name: &str, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new(name, version).architecture("amd64").write(folder.path());
    root.import(suite, &[&deb]).exits(0);
}

fn json(root: &Root, arguments: &[&str]) -> Value {
    let ran = root.ok(&[&["--format", "json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

/// What `status` says of a suite of the primary archive.
fn status(root: &Root, suite: &str) -> Value {
    let all = json(root, &["status"]);
    let of = |row: &&Value| row["suite"] == suite && row["archive"] == DISTRIBUTION;
    all["suites"].as_array().unwrap().iter().find(of).unwrap().clone()
}

/// `hello` 1 is published.
fn published() -> Root {
    let root = Root::new();
    arrive(&root, SERIES, "hello", "1");
    root.ok(&["publish"]);
    root
}

#[test]
fn a_paused_suite_is_left_alone_and_said_until_it_is_resumed() {
    let root = published();
    root.run(&["suite", "pause", SERIES, "--reason", " "]).exits(USAGE).says(&["--reason"]);
    root.run(&["suite", "pause", "nonsense", "--reason", "so"]).exits(USAGE).says(&["nonsense", UPDATES]);
    root.ok(&["suite", "pause", SERIES, "--reason", "freeze for the release", "--as", "Ann Uploader"]);
    root.run(&["suite", "pause", SERIES, "--reason", "again"])
        .exits(FAILURE)
        .says(&["Ann Uploader", "freeze"]);
    arrive(&root, SERIES, "hello", "2");
    arrive(&root, UPDATES, "other", "1");
    let release = tool::read(&root.suite(SERIES).join("InRelease"));
    // others go on, and it is no failure
    let ran = root.ok(&["publish"]);
    assert!(
        ran.stderr.contains("left alone:") && ran.stderr.contains("freeze for the release"),
        "{}",
        ran.account()
    );
    assert_eq!(root.indexed(UPDATES, INDEX), ["other 1"]);
    for flags in [&["--suite", SERIES][..], &["--careful"], &["--dirty-suite", SERIES]] {
        root.ok(&[&["publish"], flags].concat());
        assert_eq!(tool::read(&root.suite(SERIES).join("InRelease")), release, "{flags:?}");
    }
    let said = &json(&root, &["publish", "--dry-run"])[0]["left_alone"];
    assert!(said[0].as_str().unwrap().contains("paused by Ann Uploader"), "{said}");
    assert_eq!(status(&root, SERIES)["paused"]["by"], "Ann Uploader");
    root.ok(&["suite", "resume", SERIES, "--reason", "it is out"]);
    root.run(&["suite", "resume", SERIES]).exits(FAILURE).says(&["not paused"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["hello 2"]);
    let log = json(&root, &["suite", "show", SERIES]);
    let actions: Vec<&str> =
        log["log"].as_array().unwrap().iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["RESUMED", "PAUSED"], "{log:#}");
}

#[test]
fn a_suite_that_needs_approval_publishes_what_was_approved_and_nothing_that_came_later() {
    let root = published();
    root.run(&["suite", "approve", SERIES]).exits(FAILURE).says(&["needs no approval"]);
    root.ok(&["suite", "set", SERIES, "--approval", "required"]);
    arrive(&root, SERIES, "hello", "2");
    root.ok(&["remove", "--suite", SERIES, "--binary", "hello", "--comment", "gone"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["hello 1"], "nothing was approved");
    arrive(&root, SERIES, "more", "1");
    // what waits was looked at, and then something came
    arrive(&root, SERIES, "late", "1");
    root.run(&["suite", "approve", SERIES, "--expect", "2"]).exits(USAGE).says(&["3 changes"]);
    root.ok(&["suite", "approve", SERIES, "--dry-run"]).says(&["late 1", "would be approved"]);
    root.ok(&["suite", "approve", SERIES, "--expect", "3", "--reason", "looked at"]);
    arrive(&root, SERIES, "later", "1");
    let ran = root.ok(&["publish"]);
    assert!(ran.stderr.contains("1 changes wait for approval"), "{}", ran.account());
    assert_eq!(root.indexed(SERIES, INDEX), ["late 1", "more 1"], "with the removal");
    assert_eq!(status(&root, SERIES)["unapproved"], 1);
    root.ok(&["publish", "--careful"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["late 1", "more 1"]);
    // indexes in full are a change as well, and other changes do not answer for them
    root.ok(&["suite", "approve", SERIES]);
    root.ok(&["series", "set", SERIES, "--index-compressors", "gz,xz,zst"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["late 1", "later 1", "more 1"]);
    assert_eq!(status(&root, SERIES)["unapproved"], 1);
    root.ok(&["suite", "approve", SERIES]).says(&["settings that have changed"]);
    arrive(&root, SERIES, "last", "1");
    root.ok(&["publish"]);
    assert!(root.suite(SERIES).join(format!("{INDEX}.zst")).is_file());
    assert_eq!(status(&root, SERIES)["unapproved"], 1);
    // without approval nothing waits
    root.ok(&["suite", "set", SERIES, "--approval", "none"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["last 1", "late 1", "later 1", "more 1"]);
}

#[test]
fn who_holds_or_approves_has_the_right_to_decide_about_the_pocket() {
    let root = published();
    for name in ["ann", "bob"] {
        root.ok(&["person", "add", name, "--email", &format!("{name}@example.org")]);
    }
    root.ok(&["permission", "grant", "ann", "QUEUE_ADMIN", "--archive", DISTRIBUTION, "--pocket", "RELEASE"]);
    root.ok(&["suite", "set", SERIES, "--approval", "required", "--as", "ann"]);
    arrive(&root, SERIES, "hello", "2");
    for (arguments, suite) in [
        (&["pause", "--reason", "so"][..], SERIES),
        (&["approve"], SERIES),
        (&["mark-dirty"], SERIES),
        (&["set", "--group-by-source", "true"], SERIES),
    ] {
        let arguments = [&["suite", arguments[0], suite], &arguments[1..], &["--as", "bob"]].concat();
        root.run(&arguments).exits(FAILURE).says(&["bob", "QUEUE_ADMIN"]);
    }
    root.run(&["suite", "pause", UPDATES, "--reason", "so", "--as", "ann"])
        .exits(FAILURE)
        .says(&["--pocket UPDATES"]);
    root.ok(&["suite", "approve", SERIES, "--as", "ann"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["hello 2"]);
}

#[test]
fn how_suites_are_published_is_exported_and_applied() {
    let root = published();
    root.ok(&["suite", "set", UPDATES, "--group-by-source", "true", "--group-by-source-most-seconds", "600"]);
    root.ok(&["suite", "set", SERIES, "--approval", "required"]);
    let exported = root.ok(&["export"]).stdout;
    for words in ["approval = \"required\"", "group-by-source-most-seconds = 600"] {
        assert!(exported.contains(words), "{exported}");
    }
    let other = Root::new();
    let file = other.path().join("description.toml");
    tool::write(&file, &exported);
    other.ok(&["apply", &file.to_string_lossy()]).says(&["suite aurora: approval = \"required\""]);
    other.ok(&["apply", &file.to_string_lossy()]).says(&["Nothing to change"]);
    assert_eq!(other.ok(&["export"]).stdout, exported);
}

/// Over HTTP clients ask for what has changed since the second of the one that they have.
#[test]
fn two_publications_in_a_second_are_of_two_seconds() {
    let root = published();
    let seen = || {
        let release = tool::read_text(&root.suite(SERIES).join("Release"));
        let date = release.lines().find(|line| line.starts_with("Date: ")).unwrap().to_owned();
        let second = |name| {
            std::os::unix::fs::MetadataExt::mtime(&fs::metadata(root.suite(SERIES).join(name)).unwrap())
        };
        (date, ["InRelease", "Release", "Release.gpg"].map(second))
    };
    let (first, seconds) = seen();
    assert_eq!(first, "Date: Sat, 01 Mar 2025 12:00:00 UTC");
    arrive(&root, SERIES, "hello", "2");
    root.ok(&["publish"]);
    assert_eq!(seen(), ("Date: Sat, 01 Mar 2025 12:00:01 UTC".to_owned(), seconds.map(|second| second + 1)));
    root.verify(SERIES);
}

#[test]
fn a_marked_suite_gets_a_new_release_and_no_new_index() {
    let root = published();
    let at = |later: &str, arguments: &[&str]| root.run_at(later, arguments).exits(0);
    let index = root.suite(SERIES).join(format!("{INDEX}.gz"));
    let inode = |path: &PathBuf| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let (before, other) = (inode(&index), tool::read(&root.suite(UPDATES).join("InRelease")));
    at("2025-03-01T13:00:00Z", &["suite", "mark-dirty", SERIES, "--reason", "the mirror lost it"]);
    assert_eq!(status(&root, SERIES)["dirty"].as_array().unwrap().len(), 1);
    at("2025-03-01T13:00:00Z", &["publish", "--suite", UPDATES]);
    assert_eq!(status(&root, SERIES)["dirty"].as_array().unwrap().len(), 1, "--suite eats no mark");
    at("2025-03-01T13:00:00Z", &["publish"]);
    let release = tool::read_text(&root.suite(SERIES).join("Release"));
    assert!(release.contains("Date: Sat, 01 Mar 2025 13:00:00"), "{release}");
    assert_eq!(inode(&index), before);
    assert_eq!(tool::read(&root.suite(UPDATES).join("InRelease")), other, "it was not marked");
    // by the run itself, besides what is dirty anyway; a run that fails leaves the mark
    arrive(&root, UPDATES, "other", "1");
    let hook = root.hooks("pre-publication").join("10-fails");
    tool::write_program(&hook, "#!/bin/sh\nexit 3\n");
    root.run_at("2025-03-01T14:00:00Z", &["publish", "--dirty-suite", SERIES]).exits(FAILURE);
    assert_eq!(status(&root, SERIES)["dirty"].as_array().unwrap().len(), 1);
    fs::remove_file(&hook).unwrap();
    at("2025-03-01T14:00:00Z", &["publish", "--dirty-suite", SERIES]);
    let release = tool::read_text(&root.suite(SERIES).join("Release"));
    assert!(release.contains("Date: Sat, 01 Mar 2025 14:00:00"), "{release}");
    assert_eq!(root.indexed(UPDATES, INDEX), ["other 1"]);
    assert!(status(&root, SERIES)["dirty"].as_array().unwrap().is_empty());
    at("2025-03-01T15:00:00Z", &["suite", "mark-dirty", SERIES, "--indexes"]);
    at("2025-03-01T15:00:00Z", &["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["hello 1"]);
}

#[test]
fn careful_publishing_makes_lost_files_again_and_touches_no_other_content() {
    let root = published();
    let file = root.served().join("pool/main/h/hello/hello_1_amd64.deb");
    let content = tool::read(&file);
    fs::remove_file(&file).unwrap();
    root.ok(&["publish"]);
    assert!(!file.exists(), "nobody has looked");
    let release = tool::read(&root.suite(SERIES).join("InRelease"));
    root.ok(&["publish", "--careful-publishing"]).says(&["hello_1_amd64.deb was lost"]);
    assert_eq!(tool::read(&file), content);
    assert_eq!(tool::read(&root.suite(SERIES).join("InRelease")), release, "the indexes are as they were");
    fs::remove_file(&file).unwrap();
    tool::write(&file, "foreign");
    root.run(&["publish", "--careful-publishing"])
        .exits(FAILURE)
        .says(&["hello_1_amd64.deb has other content"]);
    assert_eq!(tool::read(&file), b"foreign");
    fs::remove_file(&file).unwrap();
    root.ok(&["publish", "--careful-publishing"]);
    // whoever writes into the pool's file writes into the original
    let mut permissions = fs::metadata(&file).unwrap().permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
    fs::set_permissions(&file, permissions).unwrap();
    fs::OpenOptions::new().write(true).open(&file).unwrap().set_len(3).unwrap();
    root.run(&["publish", "--careful-publishing"]).exits(FAILURE).says(&["the librarian's original"]);
}

#[test]
fn a_release_pocket_that_holds_still_is_looked_at_with_care_and_marked_once_whatever_waits_in_it() {
    let root = published();
    arrive(&root, SERIES, "hello", "2");
    root.ok(&["series", "set", SERIES, "--status", "CURRENT"]);
    let waits = ["changes wait in aurora"];
    let file = root.served().join("pool/main/h/hello/hello_1_amd64.deb");
    for careful in ["--careful-publishing", "--careful"] {
        fs::remove_file(&file).unwrap();
        root.run(&["publish", careful]).exits(FAILURE).says(&waits).says(&["was lost and is there again"]);
        assert!(file.is_file());
    }
    let index = root.suite(SERIES).join(format!("{INDEX}.xz"));
    fs::remove_file(&index).unwrap();
    root.run(&["publish", "--careful-indexing"]).exits(FAILURE).says(&waits);
    assert!(index.is_file());
    assert_eq!(root.indexed(SERIES, INDEX), ["hello 1"]);
    assert_eq!(status(&root, SERIES)["pending_binaries"], 1, "nothing comes in");
    root.client(SERIES).update();
    // a mark is carried out, and then it is gone
    root.ok(&["suite", "mark-dirty", SERIES]);
    let release = || tool::read(&root.suite(SERIES).join("InRelease"));
    let before = release();
    root.run_at("2025-03-02T12:00:00Z", &["publish"]).exits(FAILURE).says(&waits);
    let marked = release();
    assert_ne!(marked, before);
    assert_eq!(status(&root, SERIES)["dirty"], serde_json::json!(["pending"]));
    root.run_at("2025-03-03T12:00:00Z", &["publish"]).exits(FAILURE).says(&waits);
    assert_eq!(release(), marked);
    // all indexes were asked for: that waits until it may change
    root.ok(&["suite", "mark-dirty", SERIES, "--indexes"]);
    root.run_at("2025-03-04T12:00:00Z", &["publish"]).exits(FAILURE);
    assert_eq!(status(&root, SERIES)["dirty"], serde_json::json!(["fresh", "pending"]));
    root.ok(&["series", "set", SERIES, "--status", "FROZEN"]);
    root.run_at("2025-03-05T12:00:00Z", &["publish"]).exits(0);
    assert_eq!(root.indexed(SERIES, INDEX), ["hello 2"]);
    root.run_at("2025-03-06T12:00:00Z", &["publish"]).exits(0).says(&["Nothing to publish"]);
}

#[test]
fn care_makes_no_release_for_a_pocket_that_was_never_published_while_what_waits_may_not_come_in() {
    let root = published();
    root.ok(&["series", "add", "borealis", "--component", "main", "--architecture", "amd64"]);
    arrive(&root, "borealis", "hello", "1");
    root.ok(&["series", "set", "borealis", "--status", "CURRENT"]);
    root.run(&["publish", "--careful", "--suite", "borealis"])
        .exits(FAILURE)
        .says(&["changes wait in borealis"]);
    assert!(!root.suite("borealis").join("InRelease").exists());
}

#[test]
fn what_a_run_leaves_out_is_owed_by_the_next() {
    let root = published();
    arrive(&root, SERIES, "more", "1");
    // nothing comes in, what goes goes
    root.ok(&["remove", "--suite", SERIES, "--binary", "hello", "--comment", "gone"]);
    root.ok(&["publish", "--disable-publishing"]);
    assert!(root.indexed(SERIES, INDEX).is_empty());
    assert_eq!(status(&root, SERIES)["pending_binaries"], 1);
    // made up to the hooks, not installed
    root.ok(&["publish", "--disable-release"]).says(&["not installed"]);
    assert_eq!(status(&root, SERIES)["pending_binaries"], 1);
    root.ok(&["publish", "--disable-indexing"]);
    assert_eq!(status(&root, SERIES)["published_binaries"], 1);
    assert!(root.indexed(SERIES, INDEX).is_empty(), "it is in no index");
    root.client(SERIES).update();
    root.ok(&["publish", "--disable-indexing"]).says(&["in full first"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["more 1"]);
    // two versions stand beside each other until somebody judges
    arrive(&root, SERIES, "more", "2");
    root.ok(&["publish", "--disable-domination"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["more 1", "more 2"]);
    root.ok(&["publish", "--disable-domination"]).says(&["Nothing to publish"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["more 2"]);
    // a new suite is not installed without indexes
    root.ok(&["series", "add", "borealis", "--component", "main", "--architecture", "amd64"]);
    root.ok(&["publish", "--disable-indexing"]).says(&["borealis", "in full first"]);
    assert!(!root.suite("borealis").exists());
}
