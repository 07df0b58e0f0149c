//! Copies of whole archives: made, built, merged into, kept, and interrupted, by commands.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use pressroom_tests::apt::{Client, Line};
use pressroom_tests::deb::Deb;
use pressroom_tests::random::Random;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::source;
use pressroom_tests::tool;
use pressroom_tests::tree::{Picture, assert_same, picture};
use pressroom_tests::upload::Package;
use pressroom_tests::writing::Writing;
use serde_json::Value;

use crate::crash::kill_after;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const COPY: &str = "acme/frozen";
const LATER: &str = "2025-03-01T13:00:00Z";

/// `count` packages, each as a source and a binary package, published in the series.
fn root(count: usize, version: &str) -> Root {
    let root = Root::new();
    add(&root, count, version);
    root.ok(&["publish"]);
    root
}

fn add(root: &Root, count: usize, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let name = format!("package{number}");
        let _ = source::build(folder.path(), &name, version);
        let _ = Deb::new(&name, version).architecture("amd64").write(folder.path());
    }
    root.import(SERIES, &[folder.path()]).exits(0);
}

fn json(root: &Root, arguments: &[&str]) -> Value {
    let ran = root.run(&[&["--format", "json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

/// The folder from which the copy is served.
fn served(root: &Root) -> PathBuf {
    root.path().join("archives/acme-frozen")
}

fn populate<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["populate-archive", "--from", "acme/aurora", "--to", COPY, "--reason", "as it was shipped"], more]
        .concat()
}

fn enable(root: &Root) {
    root.ok(&["archive", "set", COPY, "--enabled", "true"]);
}

#[test]
fn a_copy_is_published_when_somebody_enables_it_and_its_users_get_what_the_origin_has() {
    let root = root(2, "1.0-1");
    let frozen = populate(&["--include-binaries"]);
    let dry = root.ok(&[&frozen[..], &["--dry-run"]].concat());
    dry.says(&["nothing was done", "2 sources, 2 publications of binary packages"]);
    assert!(!root.ok(&["archive", "list"]).stdout.contains(COPY));
    root.ok(&frozen).says(&["COMPLETE", "2 sources", "is disabled"]);
    root.ok(&["archive", "list"]).says(&["COPY", "disabled", "as it was shipped", "amd64 arm64"]);
    root.ok(&["copy-request", "show", "1"]).says(&["as it was shipped", "all of it", "COMPLETE"]);
    root.ok(&["copy-request", "list"]).says(&["No copy request is open."]);
    root.ok(&["copy-request", "list", "--all"]).says(&["COMPLETE", COPY]);
    root.ok(&["history"]).says(&["populate-archive", "2 sources"]);
    // nobody publishes it
    root.ok(&["publish", "--copy-archives"]);
    assert!(!served(&root).join("dists").exists());
    root.run(&["publish", "--archive", COPY]).exits(USAGE).says(&["--enabled true"]);
    root.run(&["import", "--suite", SERIES, "--archive", COPY, "."]).exits(FAILURE).says(&["disabled"]);
    enable(&root);
    // nor a run that says nothing of copies
    root.ok(&["publish"]);
    assert!(!served(&root).join("dists").exists());
    root.ok(&["publish", "--copy-archives"]);
    for index in ["main/binary-amd64/Packages.gz", "main/source/Sources.gz"] {
        let of_copy = tool::read(&served(&root).join("dists").join(SERIES).join(index));
        assert!(of_copy == tool::read(&root.suite(SERIES).join(index)), "{index} differs");
    }
    let line = Line {
        uri: format!("file://{}", served(&root).display()),
        suites: SERIES.to_owned(),
        components: "main".to_owned(),
        signed_by: root.key(),
    };
    let client = Client::new(&line, &[]);
    let _ = client.update();
    assert_eq!(client.candidate("package1").as_deref(), Some("1.0-1"));
    let _ = client.apt_get(&["download", "package0"]).exits(0);
}

#[test]
fn a_copy_is_merged_into_and_nothing_ever_leaves_its_pool() {
    let root = root(2, "1.0-1");
    root.ok(&populate(&["--include-binaries"]));
    enable(&root);
    root.ok(&["publish", "--copy-archives"]);
    root.run(&populate(&[])).exits(FAILURE).says(&["with --merge-copy"]);
    add(&root, 3, "1.1-1");
    let merge = populate(&["--include-binaries", "--merge-copy"]);
    root.run_at(LATER, &merge).exits(0).says(&["3 sources"]);
    root.run_at(LATER, &merge).exits(0).says(&["0 sources", "3 left alone"]);
    root.run_at(LATER, &["publish", "--copy-archives"]).exits(0);
    root.run_at(LATER, &["publish"]).exits(0);
    let text = tool::succeed(
        tool::tool("zcat")
            .arg(served(&root).join("dists").join(SERIES).join("main/binary-amd64/Packages.gz")),
    );
    assert!(
        text.stdout.contains("Version: 1.1-1") && !text.stdout.contains("Version: 1.0-1"),
        "{}",
        text.stdout
    );
    // the stay of execution is long over: the primary archive lets go of what the copy keeps
    let old = "pool/main/p/package0/package0_1.0-1_amd64.deb";
    let much_later = "2025-06-01T12:00:00Z";
    root.run_at(much_later, &["process-death-row"]).exits(0);
    root.run_at(much_later, &["process-death-row", "--archive", COPY])
        .exits(USAGE)
        .says(&["keeps what it has"]);
    root.run_at("2025-12-01T12:00:00Z", &["expire"]).exits(0);
    assert!(!root.served().join(old).exists());
    assert!(served(&root).join(old).exists());
    // so that it can be merged anew, or published with care
    root.run_at(much_later, &["publish", "--copy-archives", "--careful"]).exits(0);
    let what_was = ["copy", SERIES, SERIES, "package0=1.0-1", "--archive", COPY, "--to-archive", "acme"];
    root.run_at(much_later, &[&what_was[..], &["--binaries"]].concat())
        .exits(FAILURE)
        .says(&["1.1-1, which is higher"]);
}

#[test]
fn a_rebuild_is_built_by_builders_and_filed_as_in_what_it_is_a_copy_of() {
    let base = tempfile::tempdir().unwrap();
    let incoming = base.path().to_string_lossy().into_owned();
    tool::make_folder(&base.path().join("incoming"));
    let root = Root::new();
    let package = Package::new("hello", "1.0-1").binaries(&[("hello", "any")]).section("universe/misc");
    let leaf =
        |name: &str, archive: &str| base.path().join("incoming").join(name).join(DISTRIBUTION).join(archive);
    let _ = package.source(&leaf("source", ""));
    root.ok(&["process-upload", "--leaf", "source", "--policy", "sync", &incoming]);
    root.ok(&["queue", "accept", "--approve", "1"]);
    root.ok(&["publish"]);
    root.ok(&[
        "populate-archive",
        "--from",
        "acme/aurora",
        "--to",
        "acme/rebuild",
        "--architecture",
        "amd64",
        "--reason",
        "a new compiler",
    ])
    .says(&["1 sources", "1 builds"]);
    let claim = ["build", "claim", "amd64", "--builder", "alpha", "--archive", "acme/rebuild"];
    assert_eq!(json(&root, &claim), Value::Null, "it is disabled");
    root.ok(&["archive", "set", "acme/rebuild", "--enabled", "true"]);
    let claimed = json(&root, &claim);
    // its urgency, the release pocket, universe, less that it is a copy
    assert_eq!(claimed["score"], 10 + 1500 + 250 - 2600, "{claimed:#}");
    let build = claimed["build"].to_string();
    root.ok(&["build", "finish", &build, "--builder", "alpha"]);
    // people upload nothing there
    let _ = package.source(&leaf("by-hand", "rebuild"));
    let refused = json(&root, &["process-upload", "--leaf", "by-hand", "--policy", "sync", &incoming]);
    assert!(refused.to_string().contains("archive-copy"), "{refused:#}");
    let _ = package.built(&leaf("amd64", "rebuild"), "amd64", false);
    let taken = json(
        &root,
        &["process-upload", "--leaf", "amd64", "--policy", "buildd", "--build", &build, &incoming],
    );
    assert_eq!(taken["done"][0]["verdict"], "ACCEPTED", "{taken:#}");
    assert_eq!(taken["done"][0]["queue"], "ACCEPTED", "{taken:#}");
    root.ok(&["publish", "--copy-archives"]);
    root.ok(&["build", "show", &build]).says(&["FULLYBUILT"]);
    let text = tool::succeed(
        tool::tool("zcat")
            .arg(root.path().join("archives/acme-rebuild/dists/aurora/universe/binary-amd64/Packages.gz")),
    );
    assert!(text.stdout.contains("pool/universe/h/hello/hello_1.0-1_amd64.deb"), "{}", text.stdout);
    assert!(!root.path().join("archives/acme-rebuild/dists/aurora/main/binary-arm64").exists());
}

#[test]
fn a_dry_run_keeps_nobody_from_writing_and_waits_for_nobody() {
    let root = root(3, "1.0-1");
    let writing = Writing::begin(&root);
    // all that is written is in a copy, of which nothing stays
    let aside = tempfile::tempdir().unwrap();
    let dry = populate(&["--include-binaries", "--dry-run", "--batch", "1"]);
    let said = root.command(&dry).env("TMPDIR", aside.path()).output().unwrap();
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.status.success(), "{text}{}", String::from_utf8_lossy(&said.stderr));
    assert!(text.contains("3 sources, 3 publications of binary packages"), "{text}");
    assert_eq!(std::fs::read_dir(aside.path()).unwrap().count(), 0);
    drop(writing);
    assert!(!root.ok(&["archive", "list"]).stdout.contains(COPY));
}

/// Everything that the copy's users see, once it is published.
fn published(root: &Root) -> Picture {
    enable(root);
    root.run_at(LATER, &["publish", "--copy-archives"]).exits(0);
    picture(&served(root))
}

#[test]
fn a_copy_whose_makers_are_killed_is_whole_in_the_end() {
    let prepared = root(12, "1.0-1");
    let all = populate(&["--include-binaries", "--batch", "1"]);
    let reference = prepared.copy();
    let started = Instant::now();
    reference.ok(&all);
    let duration = started.elapsed();
    let expected = published(&reference);
    let mut random = Random::new(0xc0b1);
    let mut kills = 0;
    for _ in 0..6 {
        let root = prepared.copy();
        for _ in 0..3 {
            let child = root.command(&all).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            let killed = kill_after(child, duration.mul_f64(random.fraction()));
            kills += usize::from(killed);
            if !killed {
                break;
            }
            // what is half there is not let loose
            if json(&root, &["copy-request", "list"]).as_array().is_some_and(|open| !open.is_empty()) {
                root.run(&["archive", "set", COPY, "--enabled", "true"])
                    .exits(FAILURE)
                    .says(&["is being filled"]);
            }
        }
        if !root.ok(&["archive", "list"]).stdout.contains(COPY) {
            root.ok(&all);
        }
        root.ok(&["copy-request", "process"]);
        let done = &json(&root, &["copy-request", "list", "--all"])[0];
        assert_eq!(
            (&done["status"], &done["total"]["sources"]),
            (&"COMPLETE".into(), &12.into()),
            "{done:#}"
        );
        assert_same(
            &format!("after {kills} kills, the copy and an undisturbed one"),
            &published(&root),
            &expected,
        );
    }
    assert!(kills > 0, "none could be killed before it had ended");
}

#[test]
fn what_is_asked_for_can_wait_be_dropped_and_be_described() {
    let root = root(1, "1.0-1");
    root.ok(&populate(&["--later"])).says(&["NEW"]);
    root.ok(&["copy-request", "list"]).says(&["NEW", "as it was shipped"]);
    root.run(&["archive", "set", COPY, "--enabled", "true"]).exits(FAILURE).says(&["copy-request process 1"]);
    root.ok(&["copy-request", "cancel", "1", "--reason", "not now"]).says(&["CANCELLED"]);
    root.ok(&["copy-request", "show", "1"]).says(&["cancelled by", "not now"]);
    root.run(&["copy-request", "process", "1"]).exits(USAGE).says(&["CANCELLED"]);
    root.run(&["copy-request", "cancel", "1"]).exits(FAILURE).says(&["CANCELLED already"]);
    root.run(&["copy-request", "show", "7"]).exits(USAGE).says(&["no copy request 7"]);
    root.ok(&["copy-request", "process"]).says(&["No copy request is open."]);
    root.ok(&populate(&["--later", "--merge-copy"]));
    root.ok(&["copy-request", "process", "2"]).says(&["COMPLETE", "1 sources", "1 builds"]);
    // a suite and an archive of one name
    root.ok(&["archive", "add", "acme/aurora"]);
    let more = ["--to", "acme/x", "--reason", "x"];
    let from = |text| [&["populate-archive", "--from", text], &more[..]].concat();
    root.run(&from("acme/aurora")).exits(USAGE).says(&["acme/primary/aurora"]);
    root.run(&from("acme/nowhere")).exits(USAGE).says(&["nowhere"]);
    root.ok(&[&from("acme/primary/aurora")[..], &["--dry-run"]].concat()).says(&["1 sources"]);
    root.run(&["archive", "add", "acme/y", "--purpose", "COPY"]).exits(USAGE).says(&["populate-archive"]);
    // what was said of the copy is described, and made elsewhere
    let exported = root.ok(&["export"]).stdout;
    assert!(exported.contains("as it was shipped") && exported.contains("copy-of"), "{exported}");
    let file = root.path().join("all.toml");
    tool::write(&file, &exported);
    let file = file.to_string_lossy().into_owned();
    root.ok(&["apply", &file]).says(&["Nothing to change"]);
    let other = Root::new();
    other.ok(&["apply", &file]);
    other.ok(&["archive", "list"]).says(&["COPY", "disabled", "as it was shipped"]);
    assert!(exported.contains("origin-archive = \"acme\"\n"), "{exported}");
    assert!(other.ok(&["export"]).stdout.contains("origin-archive = \"acme\"\n"));
    // also where what it is a copy of is described after it
    root.ok(&["archive", "add", "acme/zoo"]);
    let of_zoo = root.ok(&["export"]).stdout.replacen(
        "origin-archive = \"acme\"\n",
        "origin-archive = \"acme/zoo\"\n",
        1,
    );
    let zoo = root.path().join("zoo.toml").to_string_lossy().into_owned();
    tool::write(zoo.as_ref(), &of_zoo);
    let third = Root::new();
    third.ok(&["apply", &zoo]);
    assert!(third.ok(&["export"]).stdout.contains("origin-archive = \"acme/zoo\"\n"));
    // and where it is not here at all
    let nowhere = of_zoo.replacen("\"acme/zoo\"", "\"elsewhere/zoo\"", 1);
    tool::write(zoo.as_ref(), &nowhere);
    let fourth = Root::new();
    fourth.ok(&["apply", &zoo]);
    assert!(!fourth.ok(&["export"]).stdout.contains("origin-archive"));
    let narrower =
        exported.replacen("architectures = [\"amd64\", \"arm64\"]", "architectures = [\"amd64\"]", 1);
    if narrower != exported {
        tool::write(file.as_ref(), narrower);
        root.run(&["apply", &file]).exits(FAILURE).says(&["do not change"]);
    }
}
