//! Death row and expiry from outside: what goes and when, what it costs, and what a death in the middle leaves.

use std::process::Stdio;
use std::time::{Duration, Instant};

use pressroom_tests::deb::Deb;
use pressroom_tests::random::Random;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::source;
use pressroom_tests::tool;
use pressroom_tests::tree::{assert_same, picture};
use pressroom_tests::writing::Writing;
use serde_json::Value;

use crate::crash::kill_after;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const BUSY: i32 = 4;

/// When the second versions are published.
const SECOND: &str = "2025-03-01T13:00:00Z";
/// A moment before the first versions' stay is over, and the moment when it is.
const BEFORE: &str = "2025-03-02T12:59:59Z";
const AFTER: &str = "2025-03-02T13:00:00Z";

/// An archive of so many binary packages, of which so many have a second version. Nothing has left its pool.
fn root(packages: usize, updated: usize) -> Root {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    for (version, count, now) in [("1.0-1", packages, None), ("2.0-1", updated, Some(SECOND))] {
        if count == 0 {
            continue;
        }
        let below = folder.path().join(version);
        for number in 0..count {
            let _ = Deb::new(&format!("package-{number}"), version)
                .architecture("amd64")
                .payload(version)
                .write(&below);
        }
        let _ = source::build(&below, "hello", version);
        root.import(SERIES, &[&below]).exits(0);
        root.run_at(now.unwrap_or(pressroom_tests::root::NOW), &["publish"]).exits(0);
    }
    root
}

#[track_caller]
fn json(root: &Root, now: &str, arguments: &[&str]) -> Value {
    let ran = root.run_at(now, &[&["--format", "json"], arguments].concat()).exits(0);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

#[test]
fn what_has_given_way_stays_for_a_day_and_apt_never_misses_what_is_published() {
    let root = root(2, 1);
    let pool = |file: &str| root.served().join("pool/main").join(file).exists();
    let (old, kept) = ("p/package-0/package-0_1.0-1_amd64.deb", "p/package-1/package-1_1.0-1_amd64.deb");
    root.run_at(BEFORE, &["process-death-row"]).exits(0).says(&["Nothing has to leave a pool"]);
    let planned = json(&root, BEFORE, &["process-death-row", "--dry-run"]);
    let held = planned["archives"][0]["held"].as_array().unwrap();
    let of_package = held.iter().find(|one| one["path"] == format!("pool/main/{old}")).unwrap();
    assert_eq!(of_package["reasons"][0]["why"], "stay", "{planned}");
    assert_eq!(of_package["reasons"][0]["until"], AFTER, "{planned}");
    assert!(pool(old));
    root.run_at(AFTER, &["process-death-row", "--dry-run"]).exits(0).says(&["would go", old]);
    assert!(pool(old), "a dry run leaves everything");
    let done = json(&root, AFTER, &["process-death-row"]);
    // a package, and a source whose upstream tarball is another one
    assert_eq!(done["archives"][0]["publications"], 2, "{done}");
    assert!(!pool(old) && pool(kept) && !pool("h/hello/hello_1.0-1.dsc") && pool("h/hello/hello_2.0-1.dsc"));
    root.run_at(AFTER, &["history", "-n", "1"])
        .exits(0)
        .says(&["process-death-row", "2 publications removed"]);
    let client = root.client(SERIES);
    client.update().exits(0);
    client.apt_get(&["--download-only", "install", "package-0", "package-1"]).exits(0);
    root.verify(SERIES);
}

#[test]
fn what_was_removed_on_purpose_goes_at_once_and_its_source_with_it() {
    let root = root(1, 0);
    root.run_at(SECOND, &["remove", "--suite", SERIES, "hello"]).exits(0);
    root.run_at(SECOND, &["remove", "--suite", SERIES, "--binary", "package-0"]).exits(0);
    root.run_at(SECOND, &["publish"]).exits(0);
    let done = json(&root, SECOND, &["process-death-row"]);
    assert!(done["archives"][0]["publications"].as_u64().unwrap() >= 2, "{done}");
    assert!(!root.served().join("pool/main/p").exists());
}

#[test]
fn a_series_that_ends_keeps_its_files_where_nothing_is_published_until_that_is_done() {
    let root = root(1, 0);
    let obsolete = ["series", "set-status", SERIES, "OBSOLETE"];
    assert!(!root.ok(&[&obsolete[..], &["--dry-run"]].concat()).everything().contains("is not published"));
    root.ok(&["archive", "set", DISTRIBUTION, "--publish", "false"]);
    let said = root.ok(&[&obsolete[..], &["--dry-run"]].concat());
    said.says(&["acme is not published", "archive set acme --publish true"]);
    let planned = json(&root, SECOND, &[&obsolete[..], &["--dry-run"]].concat());
    let count =
        ["sources", "binaries"].map(|kind| planned["obsolete"][kind].as_u64().unwrap()).iter().sum::<u64>();
    let ended = root.run_at(SECOND, &[&obsolete[..], &["--confirm", &count.to_string()]].concat());
    ended.exits(0).says(&["acme is not published"]);
    root.run_at(AFTER, &["publish"]).exits(0);
    let planned = root.run_at(AFTER, &["process-death-row", "--dry-run"]).exits(0);
    planned.says(&["has not been published without it"]);
    root.run_at(AFTER, &["process-death-row"]).exits(0);
    // what is live lists it, and so it can be had
    root.client(SERIES).update().exits(0);
    assert!(!root.indexed(SERIES, "main/binary-amd64/Packages").is_empty());
    assert!(root.served().join("pool/main/p/package-0").exists());
    root.ok(&["archive", "set", DISTRIBUTION, "--publish", "true"]);
    root.run_at(AFTER, &["publish"]).exits(0);
    assert_eq!(json(&root, AFTER, &["process-death-row"])["archives"][0]["publications"], count);
    assert!(!root.served().join("pool/main").exists());
}

#[test]
fn a_series_ends_when_that_is_confirmed_and_its_files_go_after_its_indexes() {
    let root = root(3, 0);
    let said = root.run(&["series", "set-status", SERIES, "OBSOLETE"]).exits(USAGE);
    let planned = json(&root, SECOND, &["series", "set-status", SERIES, "OBSOLETE", "--dry-run"]);
    let count =
        planned["obsolete"]["sources"].as_u64().unwrap() + planned["obsolete"]["binaries"].as_u64().unwrap();
    said.says(&[&format!("--confirm {count}"), "cannot be brought back"]);
    root.run(&["series", "set-status", SERIES, "OBSOLETE", "--confirm", "1"]).exits(USAGE);
    root.run(&["series", "set-status", SERIES, "CURRENT", "--ppas"]).exits(USAGE);
    root.run_at(SECOND, &["series", "set-status", SERIES, "OBSOLETE", "--confirm", &count.to_string()])
        .exits(0);
    // the live indexes list the files still
    root.run_at(SECOND, &["process-death-row"]).exits(0).says(&["has not been published without it"]);
    let client = root.client(SERIES);
    client.update().exits(0);
    client.apt_get(&["--download-only", "install", "package-0"]).exits(0);
    root.run_at(SECOND, &["publish"]).exits(0);
    assert!(root.indexed(SERIES, "main/binary-amd64/Packages").is_empty());
    let done = json(&root, SECOND, &["process-death-row"]);
    assert_eq!(done["archives"][0]["publications"], count, "{done}");
    assert!(!root.served().join("pool/main").exists());
    root.run_at(SECOND, &["expire", "--dry-run"]).exits(0).says(&["would go", "would be freed"]);
    let expired = json(&root, SECOND, &["expire", "--dry-run"]);
    assert_eq!(json(&root, SECOND, &["expire"]), expired);
    let files = tool::succeed(tool::tool("find").arg(root.path().join("librarian")).args(["-type", "f"]));
    assert_eq!(files.stdout, "", "the librarian has nothing left");
    root.run_at(SECOND, &["publish", "--careful"]).exits(0);
    root.verify(SERIES);
}

#[test]
fn it_runs_once_at_a_time_and_says_what_cannot_be_done() {
    let root = root(1, 1);
    root.run(&["process-death-row", "--archive", "acme/none"]).exits(USAGE);
    root.run(&["process-death-row", "--distribution", "none"]).exits(USAGE);
    root.run(&["process-death-row", "--limit", "0"]).exits(USAGE);
    let lock = root.path().join("locks/death-row-acme.lock");
    let mut command = tool::tool("flock");
    command.arg(&lock).arg(pressroom_tests::binary::pressroom()).arg("--root").arg(root.path());
    tool::run(command.args(["--now", AFTER, "process-death-row"])).exits(BUSY).says(&["death row of acme"]);
    // a folder where the file was
    let path = root.served().join("pool/main/p/package-0/package-0_1.0-1_amd64.deb");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir_all(path.join("below")).unwrap();
    root.run_at(AFTER, &["process-death-row"]).exits(FAILURE).says(&["neither a file nor a link"]);
    // what is published meanwhile does not need that name
    root.run_at(AFTER, &["publish"]).exits(0);
    std::fs::remove_dir_all(&path).unwrap();
    root.run_at(AFTER, &["process-death-row"]).exits(0);
    root.run_at(AFTER, &["history", "-n", "1"]).exits(0).says(&["SUCCEEDED"]);
}

#[test]
fn a_pool_whose_disk_fails_does_not_keep_the_others_as_they_are() {
    let root = root(1, 0);
    root.ok(&["archive", "add", "acme/partner", "--purpose", "PARTNER"]);
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("other", "1").architecture("amd64").payload("1").write(folder.path());
    tool::run(root.command(&["import", "--archive", "acme/partner", "--suite", SERIES]).arg(folder.path()))
        .exits(0);
    root.run_at(SECOND, &["publish"]).exits(0);
    for (archive, name) in [("acme", "package-0"), ("acme/partner", "other")] {
        root.ok(&["remove", "--archive", archive, "--suite", SERIES, "--binary", name, "--comment", "old"]);
    }
    root.run_at(BEFORE, &["publish"]).exits(0);
    let planned = json(&root, AFTER, &["process-death-row", "--dry-run", "--limit", "1"]);
    let looked_at = planned["archives"].as_array().unwrap().iter().map(|one| one["looked_at"].as_u64());
    assert_eq!(looked_at.sum::<Option<u64>>(), Some(1), "in all archives together: {planned}");
    // no lock can be had where a folder is in its place
    let lock = root.path().join("locks/pool-acme.lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    let said = root.run_at(AFTER, &["process-death-row"]).exits(FAILURE);
    said.says(&["acme: its pool was left alone", "other_1_amd64.deb"]);
    std::fs::remove_dir(&lock).unwrap();
    root.run_at(AFTER, &["process-death-row"]).exits(0).says(&["package-0_1.0-1_amd64.deb"]);
}

#[test]
fn a_dry_run_keeps_nobody_from_writing_and_waits_for_nobody() {
    let root = root(2, 1);
    let aside = tempfile::tempdir().unwrap();
    let rehearsed = || {
        let mut command = root.command_at(AFTER, &["process-death-row", "--dry-run"]);
        tool::run(command.env("TMPDIR", aside.path()))
            .exits(0)
            .says(&["would go", "package-0_1.0-1_amd64.deb"])
    };
    let writing = Writing::begin(&root);
    let beside = rehearsed().stdout;
    drop(writing);
    assert_eq!(std::fs::read_dir(aside.path()).unwrap().count(), 0, "of the copy nothing stays");
    assert_eq!(rehearsed().stdout, beside);
    root.run_at(AFTER, &["process-death-row"]).exits(0).says(&["package-0_1.0-1_amd64.deb"]);
}

#[test]
fn what_leaves_costs_the_same_in_an_archive_of_any_size() {
    let work = |packages: usize| {
        let root = root(packages, 20);
        let done = json(&root, AFTER, &["process-death-row"]);
        assert_eq!(done["archives"][0]["publications"], 21, "{done}");
        ["rows_read", "database_steps", "files_opened", "bytes_read", "bytes_written", "syncs"]
            .map(|work| (work, done["work"][work].as_u64().unwrap()))
    };
    for ((what, small), (_, large)) in work(40).into_iter().zip(work(200)) {
        // steps of a search grow with the depth of an index
        assert!(large <= small + small / 5 + 10, "{what}: {small} of 40 packages, {large} of 200");
    }
}

#[test]
fn whenever_it_is_killed_the_next_one_ends_where_an_undisturbed_one_would_have() {
    let prepared = root(60, 60);
    let reference = prepared.copy();
    let started = Instant::now();
    reference.run_at(AFTER, &["process-death-row"]).exits(0);
    let duration = started.elapsed();
    let expected = picture(&reference.served());
    let mut random = Random::new(0xdead);
    let mut kills = 0;
    for _ in 0..12 {
        let root = prepared.copy();
        for _ in 0..3 {
            let child = root
                .command_at(AFTER, &["process-death-row"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            if !kill_after(child, duration.mul_f64(random.fraction())) {
                break;
            }
            kills += 1;
        }
        // a publisher in between finishes what was begun, and what it publishes can be had
        root.run_at(AFTER, &["publish"]).exits(0);
        root.run_at(AFTER, &["process-death-row"]).exits(0);
        assert_same("after deaths", &picture(&root.served()), &expected);
    }
    assert!(kills > 0 && duration > Duration::ZERO, "none could be killed");
}

#[test]
fn beside_publishers_no_file_that_is_published_is_ever_missing() {
    let root = root(30, 30);
    // the same versions again, in another suite, while their files leave the pool
    let folder = tempfile::tempdir().unwrap();
    for number in 0..30 {
        let _ = Deb::new(&format!("package-{number}"), "1.0-1")
            .architecture("amd64")
            .payload("1.0-1")
            .write(folder.path());
    }
    let start = |arguments: &[&str]| {
        root.command_at(AFTER, arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let reaping = start(&["process-death-row", "--limit", "15"]);
    tool::run(root.command_at(AFTER, &["import", "--suite", "aurora-proposed"]).arg(folder.path())).exits(0);
    let children = [reaping, start(&["publish"]), start(&["process-death-row"])];
    for mut child in children {
        child.wait().unwrap();
    }
    root.run_at(AFTER, &["publish"]).exits(0);
    root.run_at(AFTER, &["process-death-row"]).exits(0);
    for suite in [SERIES, "aurora-proposed"] {
        let index = root.index(suite, "main/binary-amd64/Packages");
        let files: Vec<&str> = index.lines().filter_map(|line| line.strip_prefix("Filename: ")).collect();
        assert_eq!(files.len(), 30, "{suite}");
        for file in files {
            assert!(root.served().join(file).is_file(), "{file} of {suite} is not there");
        }
    }
}
