//! What is accepted gets its publications and builds, and builders outside build: by commands, from the source to the index.

use std::path::PathBuf;

use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool::{self, tool};
use pressroom_tests::upload::Package;
use serde_json::Value;

/// A root with a folder for uploads beside it.
struct House {
    root: Root,
    base: tempfile::TempDir,
}

impl House {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        tool::make_folder(&base.path().join("incoming"));
        Self { root: Root::new(), base }
    }

    /// Where an upload for the distribution is put together, as if somebody had sent it.
    fn leaf(&self, leaf: &str) -> PathBuf {
        self.base.path().join("incoming").join(leaf).join(DISTRIBUTION)
    }

    /// Takes in what was put there, and accepts it. The number of its upload.
    #[track_caller]
    fn take_in(&self, leaf: &str, more: &[&str]) -> String {
        let base = self.base.path().to_string_lossy().into_owned();
        let words = ["process-upload", "--leaf", leaf, &base];
        let done = &self.json(&[&words[..], more].concat())["done"][0];
        assert_eq!(done["verdict"], "ACCEPTED", "{done:#}");
        let number = done["upload"].to_string();
        if done["queue"] == "NEW" {
            self.root.ok(&["queue", "accept", "--approve", &number]);
        }
        number
    }

    /// Sends a source by a program that is trusted.
    #[track_caller]
    fn send(&self, package: &Package, leaf: &str) -> String {
        let _ = package.source(&self.leaf(leaf));
        self.take_in(leaf, &["--policy", "sync"])
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let ran = self.root.run(&[&["--format", "json"], words].concat());
        serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
    }

    /// `1 NEEDSBUILD amd64` of each build.
    fn builds(&self) -> Vec<String> {
        let builds = self.json(&["build", "list", "--status", "all"]);
        let line = |build: &Value| {
            let word = |name: &str| build[name].as_str().unwrap().to_owned();
            format!("{} {} {}", build["build"], word("status"), word("architecture"))
        };
        let mut lines: Vec<String> = builds.as_array().unwrap().iter().map(line).collect();
        lines.sort();
        lines
    }
}

fn hello(version: &str) -> Package {
    Package::new("hello", version).binaries(&[("hello", "any"), ("hello-doc", "all")])
}

#[test]
fn a_source_is_claimed_built_and_uploaded_and_its_packages_are_published() {
    let house = House::new();
    let upload = house.send(&hello("1.0-1").urgency("high").entry("Made. (Closes: #12)"), "source");
    house.root.ok(&["process-accepted", "--dry-run"]).says(&[
        "hello 1.0-1",
        "would get 1 publication",
        "1 bug",
    ]);
    assert_eq!(house.builds(), Vec::<String>::new());
    house
        .root
        .ok(&["process-accepted"])
        .says(&["hello 1.0-1 for aurora has 1 publication, 2 builds, 1 bug to close"]);
    house.root.ok(&["process-accepted"]).says(&["Nothing that was accepted waits."]);
    house.root.ok(&["queue", "log", &upload]).says(&["DONE", "its publications wait"]);
    assert_eq!(house.builds(), ["1 NEEDSBUILD amd64", "2 NEEDSBUILD arm64"]);

    let claimed = house.json(&["build", "claim", "amd64", "--builder", "alpha"]);
    assert_eq!((&claimed["build"], &claimed["arch_indep"]), (&1.into(), &true.into()), "{claimed:#}");
    assert_eq!(claimed["score"], 2515);
    let files = claimed["files"].as_array().unwrap();
    let dsc = files.iter().find(|file| file["name"] == "hello_1.0-1.dsc").unwrap();
    assert!(tool::read_text(dsc["path"].as_str().unwrap().as_ref()).contains("Source: hello"));
    assert_eq!(house.json(&["build", "claim", "amd64", "--builder", "alpha"]), Value::Null);

    let log = house.base.path().join("build.log");
    tool::write(&log, "made hello\n\u{1b}]0;title\u{7}\n");
    let log = log.to_string_lossy().into_owned();
    house.root.ok(&["build", "finish", "1", "--builder", "alpha", "--log", &log]).says(&["UPLOADING"]);
    assert!(
        house.root.ok(&["build", "log", "1"]).stdout.starts_with("made hello\n\u{1b}"),
        "as it is into a pipe"
    );
    let _ = hello("1.0-1").built(&house.leaf("amd64"), "amd64", true);
    house.take_in("amd64", &["--policy", "buildd", "--build", "1"]);
    house.root.ok(&["build", "show", "1"]).says(&["FULLYBUILT", "alpha", "came in by upload 2"]);

    // the other is built without a word, and found by its source
    let _ = hello("1.0-1").built(&house.leaf("arm64"), "arm64", false);
    house.take_in("arm64", &["--policy", "buildd"]);
    // a run does all the rest
    house.root.ok(&["publish", "--dry-run"]).says(&["hello 1.0-1 for aurora would get"]);
    house.root.ok(&["publish"]);
    assert_eq!(house.builds(), ["1 FULLYBUILT amd64", "2 FULLYBUILT arm64"]);
    assert_eq!(house.root.indexed(SERIES, "main/binary-amd64/Packages"), ["hello 1.0-1", "hello-doc 1.0-1"]);
    assert_eq!(house.root.indexed(SERIES, "main/binary-arm64/Packages"), ["hello 1.0-1", "hello-doc 1.0-1"]);
    house.root.ok(&["history"]).says(&["2 accepted uploads taken in"]);
    house.root.verify(SERIES);
}

#[test]
fn builds_that_fail_are_looked_at_and_tried_again() {
    let house = House::new();
    house.send(&hello("1.0-1"), "source");
    house.root.ok(&["publish"]);
    house.root.ok(&["build", "rescore", "2", "--score", "9000"]).says(&["9000"]);
    house.root.ok(&["build", "list"]).says(&["9000!"]);
    house.root.ok(&["build", "claim", "amd64", "--builder", "alpha"]);
    house.root.run(&["build", "fail", "1", "--builder", "beta"]).exits(1).says(&["is alpha's, not beta's"]);
    house.root.run(&["build", "fail", "1", "--status", "manualdepwait"]).exits(2).says(&["--dependencies"]);
    let words = [
        "build",
        "fail",
        "1",
        "--builder",
        "alpha",
        "--status",
        "MANUALDEPWAIT",
        "--dependencies",
        "libfoo-dev (>= 2)",
    ];
    house.root.ok(&words).says(&["MANUALDEPWAIT"]);
    house.root.ok(&["build", "list", "--status", "failed"]).says(&["MANUALDEPWAIT", "hello", "1.0-1"]);
    house.root.ok(&["build", "show", "1"]).says(&["waits for: libfoo-dev (>= 2)"]);
    house.root.run(&["build", "log", "1"]).exits(2).says(&["has no log"]);
    house.root.ok(&["build", "retry", "1", "--comment", "libfoo is there"]).says(&["NEEDSBUILD"]);
    house
        .root
        .run(&["build", "retry", "1", "2"])
        .exits(1)
        .says(&["is NEEDSBUILD, and cannot be built again"]);
    house.root.ok(&["build", "cancel", "2"]).says(&["CANCELLED"]);
    house
        .root
        .ok(&["build", "claim", "arm64", "--builder", "alpha"])
        .says(&["Nothing waits to be built for arm64"]);
    house.root.run(&["build", "show", "77"]).exits(2).says(&["there is no build 77: there is 2, 1"]);
    // a newer source takes the place of the older, whose build is not wanted any more
    house.send(&hello("1.0-2"), "newer");
    house.root.ok(&["publish"]);
    assert_eq!(
        house.builds(),
        ["1 SUPERSEDED amd64", "2 CANCELLED arm64", "3 NEEDSBUILD amd64", "4 NEEDSBUILD arm64"]
    );
    // an architecture that comes later
    house.root.ok(&["series", "set", SERIES, "--architecture", "riscv64"]);
    house
        .root
        .ok(&["build", "create", "--suite", SERIES, "--dry-run"])
        .says(&["riscv64", "1 builds would be made"]);
    house.root.ok(&["build", "create", "--suite", SERIES, "hello"]).says(&["5 hello 1.0-2", "riscv64"]);
    house.root.ok(&["build", "create", "--suite", SERIES]).says(&["lacks a build"]);
}

#[test]
fn a_log_that_could_wait_for_ever_is_not_opened() {
    let house = House::new();
    house.send(&hello("1.0-1"), "source");
    house.root.ok(&["process-accepted"]);
    house.root.ok(&["build", "claim", "amd64", "--builder", "alpha"]);
    let fifo = house.base.path().join("fifo");
    tool::succeed(tool("mkfifo").arg(&fifo));
    let fifo = fifo.to_string_lossy().into_owned();
    house.root.run(&["build", "fail", "1", "--log", &fifo]).exits(2).says(&["not a regular file"]);
    house.root.run(&["build", "fail", "1", "--log", "/nowhere"]).exits(1).says(&["/nowhere cannot be read"]);
    assert_eq!(house.builds()[0], "1 BUILDING amd64");
}

#[test]
fn an_upload_that_cannot_be_published_makes_the_run_fail_and_stops_no_other() {
    let house = House::new();
    let stuck = house.send(&hello("1.0-1"), "source");
    house.root.ok(&["series", "set", SERIES, "--status", "CURRENT"]);
    house.send(&Package::new("bye", "1.0-1").distribution("aurora-updates"), "updates");
    let ran = house.root.run(&["process-accepted"]).exits(1);
    ran.says(&[
        "bye 1.0-1 for aurora-updates has 1 publication",
        "hello 1.0-1",
        "stays accepted",
        "release pocket does not change",
    ]);
    house.root.run(&["publish"]).exits(1).says(&["stays accepted"]);
    assert_eq!(house.root.indexed("aurora-updates", "main/source/Sources"), ["bye 1.0-1"]);
    house.root.ok(&["history"]).says(&["FAILED", "stays accepted"]);
    house.root.ok(&["queue", "reject", &stuck, "--reason", "too late"]);
    house.root.ok(&["publish"]);
    assert_eq!(house.root.index(SERIES, "main/source/Sources"), "");
}
