//! Where time goes and how much work there is: what is shown of it, and that the work is that of the change, not of the archive.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use pressroom_tests::deb::Deb;
use pressroom_tests::mount::Cage;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool::{self, read, read_text, tool};
use serde_json::Value;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
/// A time after [`pressroom_tests::root::NOW`].
const LATER: &str = "2025-03-02T12:00:00Z";

/// All that is counted.
const WORK: [&str; 13] = [
    "rows_read",
    "database_steps",
    "files_opened",
    "bytes_read",
    "bytes_written",
    "bytes_copied",
    "stanzas_rendered",
    "lines_rendered",
    "segments_rendered",
    "segments_compressed",
    "segments_kept",
    "lines_compared",
    "syncs",
];

/// The steps of a pass, in order.
const STEPS: [&str; 9] = [
    "stage",
    "poolify",
    "dominate",
    "index",
    "pre-publication",
    "release",
    "install",
    "snapshots",
    "post-publication",
];

// ---------------------------------------------------------------- archives, and what it cost to publish them

/// What a run says that it has done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spent(Value);

impl Spent {
    /// Publishes with the phases, at a time after that of the root.
    #[track_caller]
    pub(crate) fn publishing(root: &Root) -> Self {
        let ran = root.run_at(LATER, &["--format", "json", "publish", "--timings"]).exits(0);
        let mut all: Value = serde_json::from_str(&ran.stdout).unwrap();
        Self(all[0].take())
    }

    /// How much of something there was in all.
    #[track_caller]
    pub(crate) fn of(&self, work: &str) -> u64 {
        self.0["work"][work].as_u64().unwrap_or_else(|| panic!("there is no {work} in {}", self.0["work"]))
    }

    /// How much of something there was in phases of one name, wherever they are in the tree.
    #[track_caller]
    pub(crate) fn within(&self, phase: &str, work: &str) -> u64 {
        fn sum(phases: &Value, name: &str, work: &str) -> u64 {
            let one = |phase: &Value| match phase["phase"] == name {
                true => phase["work"][work].as_u64().unwrap(),
                false => sum(&phase["phases"], name, work),
            };
            phases.as_array().unwrap().iter().map(one).sum()
        }
        sum(&self.0["timings"], phase, work)
    }

    /// How much of something there was outside of phases of one name.
    #[track_caller]
    pub(crate) fn outside(&self, phase: &str, work: &str) -> u64 {
        self.of(work) - self.within(phase, work)
    }

    /// All counts, for messages and to compare.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, u64> {
        WORK.into_iter().map(|work| (work, self.of(work))).collect()
    }
}

/// A copy of a root with so many more small packages in the release suite, published: packages of the same names in each such root.
#[track_caller]
pub(crate) fn with_packages(root: &Root, count: usize) -> Root {
    let root = root.copy();
    let folder = tempfile::tempdir().unwrap();
    for number in 0..count {
        let _ = Deb::new(&format!("package-{number:05}"), "1.0").write(folder.path());
    }
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    root
}

/// Imports one more package.
#[track_caller]
pub(crate) fn add(root: &Root, name: &str, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new(name, version).write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
}

/// Two archives with the same key, a small one and one ten times as large.
#[track_caller]
fn small_and_large() -> (Root, Root) {
    let base = Root::new();
    (with_packages(&base, 50), with_packages(&base, 500))
}

// ---------------------------------------------------------------- work

#[test]
fn the_same_change_costs_the_same_work_and_it_is_counted() {
    let root = with_packages(&Root::new(), 3);
    add(&root, "hello", "1.0");
    let before = root.copy();
    let spent = Spent::publishing(&root);
    assert_eq!(spent.all(), Spent::publishing(&before).all());
    // at least what shows in the tree
    let written: usize = ["Release", "InRelease", "Release.gpg", "main/binary-amd64/Packages.xz"]
        .iter()
        .map(|name| read(&root.suite(SERIES).join(name)).len())
        .sum();
    assert!(spent.of("bytes_written") >= written as u64, "{:?}", spent.all());
    for (work, least) in [("rows_read", 20), ("database_steps", 100), ("files_opened", 5), ("syncs", 2)] {
        assert!(spent.of(work) >= least, "{work}: {:?}", spent.all());
    }
    // hard links
    assert_eq!(spent.of("bytes_copied"), 0);
    for work in WORK {
        assert_eq!(spent.within("run", work), spent.of(work), "{work} is counted outside of the run");
    }
}

#[test]
fn files_that_are_copied_for_executables_are_counted() {
    let root = with_packages(&Root::new(), 1);
    tool::write_program(&root.hooks("pre-publication").join("10-nothing"), "#!/bin/sh\n");
    add(&root, "hello", "1.0");
    let live = tool::succeed(tool("du").args(["--apparent-size", "-b", "-s"]).arg(root.suite(SERIES))).stdout;
    let live: u64 = live.split_whitespace().next().unwrap().parse().unwrap();
    let spent = Spent::publishing(&root);
    // folders have a size too, and files with two names are copied twice
    assert!(spent.of("bytes_copied") > live / 4, "{live} {:?}", spent.all());
}

#[test]
fn nothing_to_do_costs_the_same_in_an_archive_of_any_size() {
    let (small, large) = small_and_large();
    let spent = [Spent::publishing(&small), Spent::publishing(&large)];
    assert_eq!(spent[0].all(), spent[1].all());
    let [spent, _] = spent;
    assert!(spent.of("rows_read") < 300, "{:?}", spent.all());
    assert!(spent.of("files_opened") < 5, "{:?}", spent.all());
    assert_eq!((spent.of("syncs"), spent.of("stanzas_rendered")), (0, 0), "{:?}", spent.all());
}

#[test]
fn one_package_costs_the_same_outside_of_the_index_in_an_archive_of_any_size() {
    let (small, large) = small_and_large();
    // one that is new, and one that takes the place of another
    for (name, version) in [("hello", "1.0"), ("package-00007", "2.0")] {
        let spent = [&small, &large].map(|root| {
            add(root, name, version);
            Spent::publishing(root)
        });
        let outside = |work: &str| [spent[0].outside("index", work), spent[1].outside("index", work)];
        for work in ["rows_read", "files_opened", "bytes_read", "bytes_copied", "syncs"] {
            let [of_small, of_large] = outside(work);
            assert_eq!(of_small, of_large, "{work} {name}: {:?} {:?}", spent[0].all(), spent[1].all());
        }
        // a statement's last hundred is counted or not
        let [of_small, of_large] = outside("database_steps");
        assert!(of_small.abs_diff(of_large) <= 500, "{name}: {of_small} {of_large}");
    }
}

#[test]
fn work_is_always_in_the_json_and_timings_when_asked_for() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("hello", "1.0").write(folder.path());
    let import = ["--format", "json", "import", "--suite", SERIES, &deb.to_string_lossy()];
    for (arguments, name) in [(&import[..], "import"), (&["--format", "json", "publish"], "run")] {
        for asked in [false, true] {
            let arguments = [arguments, if asked { &["--timings"] } else { &[] }].concat();
            let ran = root.ok(&arguments);
            assert_eq!(ran.stderr, "", "{}", ran.account());
            let mut shown: Value = serde_json::from_str(&ran.stdout).unwrap();
            if shown.is_array() {
                shown = shown[0].take();
            }
            let names: BTreeSet<&str> =
                shown["work"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, BTreeSet::from(WORK), "{}", ran.account());
            if asked {
                assert_eq!(shown["timings"][0]["phase"], name, "{}", ran.account());
                assert_eq!(shown["timings"][0]["count"], 1, "{}", ran.account());
            } else {
                assert!(shown.get("timings").is_none(), "{}", ran.account());
            }
        }
    }
}

// ---------------------------------------------------------------- the table

/// The phases of a table, with how deep they are.
fn phases(table: &str) -> Vec<(usize, &str)> {
    let lines = table.lines().skip_while(|line| !line.starts_with("PHASE")).skip(1);
    lines
        .take_while(|line| !line.is_empty())
        .map(|line| {
            let name = line.trim_start();
            ((line.len() - name.len()) / 2, name.split_whitespace().next().unwrap())
        })
        .collect()
}

#[test]
fn timings_are_a_table_of_phases_and_one_of_work() {
    let root = Root::new();
    add(&root, "hello", "1.0");
    let without_mirrors = root.copy();
    root.ok(&["archive", "set", DISTRIBUTION, "--mirror-journal", "10"]);
    let ran = root.ok(&["publish", "--timings"]);
    assert!(!ran.stdout.contains("PHASE"), "{}", ran.account());
    let phases = phases(&ran.stderr);
    assert_eq!(phases[0], (0, "run"), "{}", ran.account());
    let steps: Vec<&str> = phases
        .iter()
        .filter(|(depth, name)| *depth == 2 && STEPS.contains(name))
        .map(|(_, name)| *name)
        .collect();
    assert_eq!(steps, STEPS, "{}", ran.account());
    for below in [(1, "pass"), (1, "finalize"), (2, "mirror"), (3, "sign"), (3, "exchange"), (3, "complete")]
    {
        assert!(phases.contains(&below), "{below:?}\n{}", ran.account());
    }
    let run = ran.stderr.lines().find(|line| line.starts_with("run ")).unwrap();
    assert!(run.contains(" 1 ") && run.ends_with("100.0 %"), "{run}");
    for work in WORK {
        let words = work.replace('_', " ");
        let line = ran.stderr.lines().find(|line| line.starts_with(&words));
        let count = line.and_then(|line| line.rsplit(' ').next()).and_then(|count| count.parse::<u64>().ok());
        assert!(count.is_some(), "{words}\n{}", ran.account());
    }
    let quiet = root.ok(&["publish"]);
    assert_eq!(quiet.stderr, "", "{}", quiet.account());
    // most archives of people make nothing for mirrors, and have no such step
    let ran = without_mirrors.ok(&["publish", "--timings"]);
    assert!(!self::phases(&ran.stderr).iter().any(|(_, name)| *name == "mirror"), "{}", ran.account());
}

#[test]
fn a_run_that_fails_says_where_its_time_went() {
    let root = Root::new();
    add(&root, "hello", "1.0");
    tool::write_program(&root.hooks("pre-publication").join("10-fails"), "#!/bin/sh\nexit 1\n");
    for format in [&[][..], &["--format", "json"]] {
        let ran = root.run(&[format, &["publish", "--timings"]].concat()).exits(FAILURE).says(&["10-fails"]);
        let phases = phases(&ran.stderr);
        for phase in [(3, "hook"), (2, "abandon")] {
            assert!(phases.contains(&phase), "{phase:?}\n{}", ran.account());
        }
        assert!(!phases.iter().any(|(_, name)| *name == "install"), "{}", ran.account());
    }
}

#[test]
fn each_of_several_distributions_has_timings_of_its_own() {
    let root = Root::new();
    root.ok(&["distribution", "add", "beta"]);
    let new = [
        "series",
        "add",
        "borealis",
        "--distribution",
        "beta",
        "--series-version",
        "1",
        "--component",
        "main",
    ];
    root.ok(&[&new[..], &["--architecture", "amd64"]].concat());
    let ran = root.ok(&["publish", "--timings"]);
    assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("run ")).count(), 2, "{}", ran.account());
    for name in [DISTRIBUTION, "beta"] {
        assert!(ran.stderr.lines().any(|line| line == name), "{name}\n{}", ran.account());
    }
}

// ---------------------------------------------------------------- the trace file

/// The events of a trace file. Every begin has its end, in each thread the last that was begun first.
#[track_caller]
fn events(path: &Path) -> Vec<Value> {
    let events: Vec<Value> = serde_json::from_str(&read_text(path)).unwrap();
    let mut open: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
    for event in &events {
        let open = open.entry(event["tid"].as_u64().unwrap()).or_default();
        match event["ph"].as_str().unwrap() {
            "B" => open.push(event),
            "E" => {
                let begin = open.pop().unwrap_or_else(|| panic!("{event} has not begun"));
                assert_eq!(begin["name"], event["name"]);
                assert!(begin["ts"].as_f64() <= event["ts"].as_f64(), "{begin} {event}");
            }
            "M" | "i" => {}
            other => panic!("there are events of kind {other}"),
        }
    }
    for open in open.values() {
        assert!(open.is_empty(), "{open:?} have not ended");
    }
    events
}

/// The names of the spans that were begun, in order.
fn begun(events: &[Value]) -> Vec<&str> {
    events.iter().filter(|event| event["ph"] == "B").map(|event| event["name"].as_str().unwrap()).collect()
}

#[test]
fn a_trace_has_the_phases_of_import_and_publication() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let file = path.to_string_lossy();
    let deb = Deb::new("hello", "1.0").write(&folder.path().join("packages"));
    root.ok(&["import", "--suite", SERIES, "--trace", &file, &deb.to_string_lossy()]);
    assert_eq!(begun(&events(&path))[0], "import");

    tool::write_program(&root.hooks("post-publication").join("10-nothing"), "#!/bin/sh\n");
    let ran = root.ok(&["publish", "--trace", &file]);
    assert_eq!(ran.stderr, "", "{}", ran.account());
    let events = events(&path);
    let begun = begun(&events);
    let steps: Vec<&str> = begun.iter().copied().filter(|name| STEPS.contains(name)).collect();
    assert_eq!(steps, STEPS);
    for name in
        ["run", "recover", "pass", "hook", "finalize", "list", "hash", "sign", "sync", "exchange", "discard"]
    {
        assert!(begun.contains(&name), "{name} is not in {begun:?}");
    }
    let first = |name: &str| events.iter().find(|event| event["name"] == name).unwrap();
    assert_eq!(first("run")["args"]["distribution"], DISTRIBUTION);
    assert_eq!(first("hook")["args"]["hook"], "10-nothing");
    assert_eq!(first("sign")["args"]["suite"], SERIES);
    let end = events.iter().rfind(|event| event["name"] == "run").unwrap();
    assert!(end["args"]["rows_read"].as_u64() > Some(0) && end["args"]["run"].as_i64() > Some(0), "{end}");
}

#[test]
fn a_run_that_fails_has_a_whole_trace() {
    let root = Root::new();
    add(&root, "hello", "1.0");
    tool::write_program(&root.hooks("pre-publication").join("10-fails"), "#!/bin/sh\nexit 1\n");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json");
    let file = path.to_string_lossy();
    root.run(&["publish", "--trace", &file]).exits(FAILURE);
    let failed = events(&path);
    assert!(begun(&failed).contains(&"hook") && begun(&failed).contains(&"abandon"), "{:?}", begun(&failed));
    // one that ends before there is a run replaces it
    root.run(&["publish", "--suite", "unknown", "--trace", &file]).exits(USAGE);
    assert!(begun(&events(&path)).is_empty());
}

#[test]
fn a_trace_does_not_change_what_is_said_or_published() {
    let root = Root::new();
    add(&root, "hello", "1.0");
    let (with, without) = (root.copy(), root.copy());
    let path = with.path().with_extension("json");
    let traced = with.ok(&["--verbose", "publish", "--trace", &path.to_string_lossy()]);
    let plain = without.ok(&["--verbose", "publish"]);
    assert_eq!((&traced.stdout, &traced.stderr), (&plain.stdout, &plain.stderr));
    assert_eq!(read(&with.suite(SERIES).join("InRelease")), read(&without.suite(SERIES).join("InRelease")));
    let said = plain.stderr.lines().filter(|line| line.contains("DEBUG")).count();
    let noted = events(&path).iter().filter(|event| event["ph"] == "i").count();
    assert_eq!(said, noted, "{}", plain.account());
}

// ---------------------------------------------------------------- refusals

/// Publishing with a trace file is refused before anything is done.
#[track_caller]
fn refused(root: &Root, run: impl FnOnce(&mut Command) -> tool::Ran, file: &OsStr, reason: &str) {
    let before = root.ok(&["--format", "json", "history"]).stdout;
    let _ = run(root.command(&["publish", "--trace"]).arg(file)).exits(USAGE).says(&[reason]);
    assert_eq!(root.ok(&["--format", "json", "history"]).stdout, before, "a run was begun");
    assert!(!root.served().join("dists").exists());
}

#[test]
fn a_trace_goes_into_a_regular_file_or_nowhere() {
    let root = Root::new();
    add(&root, "hello", "1.0");
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    tool::write(&at("file"), "precious");
    std::os::unix::fs::symlink("file", at("link")).unwrap();
    tool::succeed(tool("mkfifo").arg(at("fifo")));
    let no_file = "no regular file";
    for (path, reason) in [
        (folder.path().to_owned(), no_file),
        (at("link"), no_file),
        // a writer would wait for its reader
        (at("fifo"), no_file),
        ("/dev/null".into(), no_file),
        (at("missing/trace.json"), "not found"),
        (at("file/trace.json"), "not a directory"),
        ("".into(), "a value is required"),
    ] {
        refused(&root, tool::run, path.as_os_str(), reason);
    }
    assert_eq!(read_text(&at("file")), "precious");
    // what is a name and no word
    let mut command = root.command(&["publish", "--trace", "-"]);
    tool::succeed(command.current_dir(folder.path()));
    assert!(begun(&events(&at("-"))).contains(&"run"));
}

#[test]
fn a_plan_has_no_timings() {
    let root = Root::new();
    for flag in [&["--timings"][..], &["--trace", "trace.json"]] {
        root.run(&[&["publish", "--dry-run"], flag].concat()).exits(USAGE).says(&["cannot be used with"]);
    }
    root.run(&["status", "--timings"]).exits(USAGE);
}

#[test]
fn a_trace_on_a_bad_disk_is_said_and_the_publication_is_done() {
    let root = Root::new();
    add(&root, "hello", "1.0");
    let cage = Cage::new();
    let disk = tempfile::tempdir().unwrap();
    let file = disk.path().join("trace.json");
    cage.shell("mount -t tmpfs -o size=8k,mode=755 pressroom \"$1\"", &[disk.path().as_os_str()]);
    cage.shell("mount -o remount,ro \"$1\"", &[disk.path().as_os_str()]);
    refused(&root, |command| cage.run(command), file.as_os_str(), "read-only");
    cage.shell("mount -o remount,rw \"$1\"", &[disk.path().as_os_str()]);
    let ran = cage.run(root.command(&["publish", "--trace"]).arg(&file)).exits(FAILURE);
    let ran = ran.says(&["cannot write all of the trace file", "No space left"]);
    assert!(ran.stdout.contains("binaries published"), "{}", ran.account());
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["hello 1.0"]);
}
