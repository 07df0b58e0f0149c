//! The publishers of a distribution, side by side: each has its lock, its runs and its archives, and none of them does anything to another's.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use pressroom_tests::binary::pressroom;
use pressroom_tests::deb::Deb;
use pressroom_tests::gnupg;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool::{self, Ran, tool};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const BUSY: i32 = 4;
const PPA: &str = "~ann/acme/tools";
const EMPTY: &str = "~ann/acme/empty";
const PRIVATE: &str = "~ann/acme/secret";
/// A publisher that does not come so far in this time has failed.
const PATIENCE: Timespec = Timespec { tv_sec: 120, tv_nsec: 0 };

/// A distribution with an archive of each publisher but copies, and a package that waits in each.
fn root() -> Root {
    let root = Root::new();
    root.ok(&["person", "add", "ann", "--email", "ann@example.org"]);
    for archive in ["acme/tools", "acme/secret"] {
        root.ok(&["archive", "add", archive, "--purpose", "PPA", "--owner", "ann"]);
    }
    root.ok(&["archive", "set", PRIVATE, "--private", "true"]);
    for archive in [DISTRIBUTION, PPA, PRIVATE] {
        arrive(&root, archive, "1");
    }
    root
}

fn arrive(root: &Root, archive: &str, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("hello", version).payload(archive).write(folder.path());
    root.ok(&["import", "--archive", archive, "--suite", SERIES, &deb.to_string_lossy()]);
}

/// Where an archive is served from.
fn served(root: &Root, archive: &str) -> PathBuf {
    let listed = json(root, &["archive", "list"]);
    let row = listed.as_array().unwrap().iter().find(|row| row["archive"] == archive);
    PathBuf::from(row.unwrap_or_else(|| panic!("{listed:#}"))["served_from"].as_str().unwrap())
}

fn json(root: &Root, arguments: &[&str]) -> Value {
    let ran = root.ok(&[&["--format", "json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

/// The versions of `hello` in the index of an archive; none: it was never published.
fn versions(root: &Root, archive: &str) -> Vec<String> {
    let path = served(root, archive).join(format!("dists/{SERIES}/main/binary-amd64/Packages.gz"));
    if !path.exists() {
        return Vec::new();
    }
    let text = tool::succeed(tool("zcat").arg(path)).stdout;
    text.lines().filter_map(|line| line.strip_prefix("Version: ")).map(str::to_owned).collect()
}

/// A named pipe that this end never waits for.
struct Pipe(File);

impl Pipe {
    fn make(path: &Path) -> Self {
        tool::succeed(tool("mkfifo").arg(path));
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        Self(OpenOptions::new().read(true).write(true).custom_flags(flags).open(path).unwrap())
    }

    fn wait(&mut self, what: &str) {
        let ready =
            poll(&mut [PollFd::from_borrowed_fd(self.0.as_fd(), PollFlags::IN)], Some(&PATIENCE)).unwrap();
        assert_eq!(ready, 1, "{what} has not come so far");
        let mut bytes = [0; 64];
        assert!(self.0.read(&mut bytes).unwrap() > 0);
    }
}

/// A publisher that stands before its installation until it is let through.
struct Standing {
    child: Child,
    go: Pipe,
}

/// Makes every pass stand before its installation, in a hook; tells where its pipes are.
fn stop_passes(root: &Root) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    tool::write_program(
        &root.hooks("pre-publication").join("10-stands"),
        &format!(
            "#!/bin/sh\ncase \"$ARCHIVEROOT\" in */tools) of=ppas ;; */secret) of=private ;; */empty) of=empty ;; *) of=main ;; esac\n\
             [ -p '{at}/'$of.go ] || exit 0\nexec 3<>'{at}/'$of.go\necho here >'{at}/'$of.here\nread word <&3\n"
        ),
    );
    folder
}

impl Standing {
    fn begin(root: &Root, pipes: &Path, of: &str, flags: &[&str]) -> Self {
        let (mut here, go) =
            (Pipe::make(&pipes.join(format!("{of}.here"))), Pipe::make(&pipes.join(format!("{of}.go"))));
        let child = root
            .command(&[&["publish"], flags].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        here.wait(of);
        Self { child, go }
    }

    fn let_through(mut self) -> Ran {
        self.go.0.write_all(b"go\n").unwrap();
        let output = self.child.wait_with_output().unwrap();
        Ran::of("publish".to_owned(), &output)
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The outcomes of the runs of a publisher, the oldest first.
fn outcomes(root: &Root, publisher: &str) -> Vec<String> {
    let runs = json(root, &["history", "-n", "50"]);
    let mut outcomes: Vec<String> = (runs.as_array().unwrap().iter())
        .filter(|run| run["publisher"] == publisher)
        .map(|run| run["outcome"].as_str().unwrap().to_owned())
        .collect();
    outcomes.reverse();
    outcomes
}

#[test]
fn three_publishers_run_at_once_and_one_that_is_killed_harms_no_other() {
    let root = root();
    let pipes = stop_passes(&root);
    let main = Standing::begin(&root, pipes.path(), "main", &["--main-archives"]);
    let ppas = Standing::begin(&root, pipes.path(), "ppas", &["--ppas"]);
    let private = Standing::begin(&root, pipes.path(), "private", &["--ppas", "--private"]);
    // all three are in the middle of a pass; each keeps the next run of its own out, and of its own alone
    for (flags, word) in [
        (&["--main-archives"][..], "acme is being published already"),
        (&["--ppas"], "the PPAs of acme are being published already"),
        (&["--ppas", "--private"], "the private PPAs of acme are being published already"),
        (&["--archive", PPA], "the PPAs of acme"),
    ] {
        root.run(&[&["publish"], flags].concat()).exits(BUSY).says(&[word]);
    }
    root.run(&["process-accepted", "--archive", PPA]).exits(BUSY);
    private.kill();
    // whoever comes now ends no run but those of the one that was killed
    ppas.let_through().exits(0);
    assert_eq!(versions(&root, PPA), ["1"]);
    std::fs::remove_file(pipes.path().join("ppas.go")).unwrap();
    arrive(&root, PPA, "2");
    root.ok(&["publish", "--ppas"]);
    assert_eq!(versions(&root, PPA), ["2"]);
    assert_eq!(outcomes(&root, "main-archives"), ["RUNNING"]);
    assert_eq!(outcomes(&root, "private-ppas"), ["RUNNING"], "nobody has looked yet");
    assert!(versions(&root, PRIVATE).is_empty());
    main.let_through().exits(0);
    assert_eq!(versions(&root, DISTRIBUTION), ["1"]);
    std::fs::remove_file(pipes.path().join("private.go")).unwrap();
    std::fs::remove_file(pipes.path().join("main.go")).unwrap();
    root.ok(&["publish", "--ppas", "--private"]).says(&["begins again"]);
    assert_eq!(versions(&root, PRIVATE), ["1"]);
    assert_eq!(outcomes(&root, "main-archives"), ["SUCCEEDED"]);
    assert_eq!(outcomes(&root, "ppas"), ["SUCCEEDED", "SUCCEEDED"]);
    assert_eq!(outcomes(&root, "private-ppas"), ["INTERRUPTED", "SUCCEEDED"]);
    for archive in [DISTRIBUTION, PPA, PRIVATE] {
        gnupg::verify_suite(&gnupg::keyring(&root.key()), &served(&root, archive).join("dists").join(SERIES));
    }
}

/// An archive without packages, which may still become private; its publisher stands in the middle of a pass over it.
fn standing_over_an_empty_one(root: &Root, pipes: &Path) -> Standing {
    root.ok(&["archive", "add", "acme/empty", "--purpose", "PPA", "--owner", "ann"]);
    let standing = Standing::begin(root, pipes, "empty", &["--archive", EMPTY]);
    std::fs::remove_file(pipes.join("empty.go")).unwrap();
    root.ok(&["archive", "set", EMPTY, "--private", "true"]);
    standing
}

fn is_published(root: &Root, archive: &str) -> bool {
    served(root, archive).join("dists").join(SERIES).join("InRelease").is_file()
}

#[test]
fn an_archive_that_becomes_private_under_its_publisher_is_left_alone_until_that_has_ended() {
    let root = root();
    let pipes = stop_passes(&root);
    let ppas = standing_over_an_empty_one(&root, pipes.path());
    let ran = root.ok(&["publish", "--ppas", "--private"]);
    assert!(ran.everything().contains("~ann/acme/empty is left alone: run"), "{}", ran.account());
    assert_eq!(versions(&root, PRIVATE), ["1"]);
    ppas.let_through().exits(0);
    assert!(!is_published(&root, EMPTY), "where it is served from now");
    root.ok(&["publish", "--ppas", "--private"]);
    assert!(is_published(&root, EMPTY));
}

#[test]
fn what_a_publisher_without_archives_has_left_behind_is_taken_over_by_the_one_that_has_them_now() {
    let root = root();
    let pipes = stop_passes(&root);
    standing_over_an_empty_one(&root, pipes.path()).kill();
    root.ok(&["publish", "--ppas", "--private"]).says(&["begins again"]);
    assert!(is_published(&root, EMPTY));
    assert_eq!(outcomes(&root, "ppas"), ["INTERRUPTED"]);
}

#[test]
fn what_is_named_is_published_and_the_rest_waits() {
    let root = root();
    root.ok(&["publish", "--main-archives"]);
    assert_eq!(versions(&root, DISTRIBUTION), ["1"]);
    assert!(versions(&root, PPA).is_empty() && versions(&root, PRIVATE).is_empty());
    root.ok(&["publish", "--ppas", "--exclude", PPA]);
    assert!(versions(&root, PPA).is_empty(), "it was left out");
    root.ok(&["publish", "--archive", PPA]);
    assert_eq!(versions(&root, PPA), ["1"]);
    assert!(versions(&root, PRIVATE).is_empty());
    // a suite that is marked in one distribution is no word about all suites of another
    derived(&root, "other", "one");
    root.ok(&["publish", "--suite", SERIES, "--dirty-suite", "one", "--main-archives"]);
    assert!(served(&root, "other").join("dists/one/InRelease").is_file());
    assert!(!served(&root, "other").join("dists/one-updates").exists());
    // as without any word: everything
    root.ok(&["publish"]);
    assert_eq!(versions(&root, PRIVATE), ["1"]);
    for (arguments, word) in [
        (&["--archive", PPA, "--ppas"][..], "--ppas"),
        (&["--archive", PPA, "--exclude", PRIVATE], "--exclude"),
        (&["--private"], "--ppas"),
        (&["--all-derived", "--distribution", DISTRIBUTION], "--distribution"),
        (&["--all-derived"], "--parent"),
        (&["--exclude", "acme/nothing"], "acme/nothing"),
        (&["--careful-release", "--disable-release"], "--disable-release"),
        (
            &["--disable-publishing", "--disable-domination", "--disable-indexing", "--disable-release"],
            "nothing to do",
        ),
        (&["--dirty-suite", "nonsense"], "nonsense"),
    ] {
        root.run(&[&["publish"], arguments].concat()).exits(USAGE).says(&[word]);
    }
    root.ok(&["archive", "set", PPA, "--publish", "false"]);
    root.run(&["publish", "--archive", PPA]).exits(USAGE).says(&["--publish true"]);
}

/// A distribution with a series, and a package that waits in it.
fn derived(root: &Root, name: &str, series: &str) {
    root.ok(&["distribution", "add", name]);
    let one =
        ["series", "add", series, "--distribution", name, "--component", "main", "--architecture", "amd64"];
    root.ok(&one);
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("hello", "1").payload(name).write(folder.path());
    root.ok(&["import", "--archive", name, "--suite", series, &deb.to_string_lossy()]);
}

/// With the system's clock, since one that stands still is never behind.
#[test]
fn who_publishes_a_derivative_while_another_command_is_at_its_parent_sets_no_clock_wrong() {
    let root = Root::new();
    derived(&root, "other", "one");
    root.ok(&["distribution", "set", "other", "--parent", DISTRIBUTION]);
    let packages = tempfile::tempdir().unwrap();
    let deb = |version: &str| Deb::new("hello", version).write(packages.path()).display().to_string();
    let command = format!("'{}' --root '{}'", pressroom().display(), root.path().display());
    let import = |deb: &str| format!("{command} import --archive other --suite one '{deb}'\n");
    // in a later second, and then something more for the first command
    let script = format!(
        "#!/bin/sh\nset -e\nbegan=$(date +%s)\nwhile [ \"$(date +%s)\" = \"$began\" ]; do :; done\n{}{command} publish --all-derived\n{}",
        import(&deb("2")),
        import(&deb("3"))
    );
    tool::write_program(&root.hooks("pre-publication").join("10-other"), &script);
    arrive(&root, DISTRIBUTION, "1");
    let mut publish = std::process::Command::new(pressroom());
    publish.env("LC_ALL", "C.UTF-8").env_remove("PRESSROOM_ROOT").stdin(Stdio::null());
    publish.arg("--root").arg(root.path()).args(["publish", "--main-archives"]);
    tool::run(&mut publish).exits(0);
    let index = served(&root, "other").join("dists/one/main/binary-amd64/Packages.gz");
    let packed = tool::run(tool("zcat").arg(&index)).exits(0).stdout;
    assert!(packed.contains("Version: 3\n"), "{packed}");
}

#[test]
fn a_derivative_with_a_failing_hook_does_not_stop_a_healthy_one() {
    let root = root();
    derived(&root, "broken", "one");
    derived(&root, "healthy", "two");
    derived(&root, "unrelated", "three");
    root.ok(&["distribution", "set", "broken", "--parent", DISTRIBUTION]);
    root.ok(&["series", "set", "two", "--distribution", "healthy", "--inherit-overrides", "acme/aurora"]);
    root.run(&["distribution", "set", DISTRIBUTION, "--parent", "broken"]).exits(FAILURE).says(&["itself"]);
    let hook = root.path().join("hooks/broken/pre-publication.d/10-fails");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    tool::write_program(&hook, "#!/bin/sh\nexit 3\n");
    root.run(&["publish", "--all-derived"]).exits(FAILURE).says(&["broken", "10-fails"]);
    let is_published =
        |name: &str, series: &str| served(&root, name).join("dists").join(series).join("InRelease").is_file();
    assert!(is_published("healthy", "two") && !is_published("broken", "one"));
    assert!(
        !is_published("unrelated", "three") && !is_published(DISTRIBUTION, SERIES),
        "they derive from nothing"
    );
    // what it derives from is a setting like others
    let exported = root.ok(&["export"]).stdout;
    assert!(exported.contains("parent = \"acme\""), "{exported}");
    root.ok(&["distribution", "set", "broken", "--parent", ""]);
    let file = root.path().join("description.toml");
    tool::write(&file, exported);
    root.ok(&["apply", &file.to_string_lossy()]).says(&["parent = \"acme\""]);
    root.ok(&["apply", &file.to_string_lossy()]).says(&["Nothing to change"]);
}

/// The `Date` of a suite.
fn date(root: &Root, archive: &str, suite: &str) -> String {
    let release = served(root, archive).join("dists").join(suite).join("Release");
    pressroom_tests::stanza::stanzas(&tool::read_text(&release)).remove(0).field("Date").to_owned()
}

#[test]
fn what_a_command_publishes_after_something_long_is_of_the_time_at_which_that_has_ended() {
    let root = root();
    derived(&root, "later", "one");
    // it ends in another second than it has begun in
    tool::write_program(
        &root.hooks("pre-publication").join("10-takes-its-time"),
        "#!/bin/sh\nbegun=$(date +%s)\nwhile [ \"$(date +%s)\" = \"$begun\" ]; do :; done\n",
    );
    let mut command = std::process::Command::new(pressroom_tests::binary::pressroom());
    command.env_remove("PRESSROOM_ROOT").arg("--root").arg(root.path()).args(["publish", "--main-archives"]);
    tool::succeed(&mut command);
    assert_ne!(date(&root, DISTRIBUTION, SERIES), date(&root, "later", "one"));
    // unless somebody has said what time it is
    root.run_at("2035-01-01T00:00:00Z", &["publish", "--main-archives", "--careful-release"]).exits(0);
    assert_eq!(date(&root, DISTRIBUTION, SERIES), date(&root, "later", "one"));
}

#[test]
fn a_ppa_that_fails_stops_neither_the_next_nor_the_others() {
    let root = root();
    root.ok(&["archive", "add", "acme/zzz", "--purpose", "PPA", "--owner", "ann"]);
    arrive(&root, "~ann/acme/zzz", "1");
    tool::write_program(
        &root.hooks("pre-publication").join("10-fails"),
        "#!/bin/sh\ncase \"$ARCHIVEROOT\" in */tools) exit 3 ;; esac\n",
    );
    root.run(&["publish"]).exits(FAILURE).says(&[PPA, "10-fails"]);
    for archive in [DISTRIBUTION, PRIVATE, "~ann/acme/zzz"] {
        assert_eq!(versions(&root, archive), ["1"], "{archive}");
    }
    assert!(versions(&root, PPA).is_empty());
}

#[test]
fn a_ppa_whose_folder_is_lost_under_a_run_that_dies_stops_no_other() {
    let root = root();
    root.ok(&["person", "add", "ben"]);
    root.ok(&["archive", "add", "acme/tools", "--purpose", "PPA", "--owner", "ben"]);
    arrive(&root, "~ben/acme/tools", "1");
    let pipes = stop_passes(&root);
    Standing::begin(&root, pipes.path(), "ppas", &["--ppas"]).kill();
    std::fs::remove_file(pipes.path().join("ppas.go")).unwrap();
    let folder = root.path().join("archives/~ann");
    let aside = root.path().join("aside");
    tool::succeed(tool::tool("mv").arg(&folder).arg(&aside));
    tool::write(&folder, "no folder");
    root.run(&["publish", "--ppas"]).exits(FAILURE).says(&[PPA, "was not published"]);
    assert_eq!(versions(&root, "~ben/acme/tools"), ["1"]);
    // its disk is back
    std::fs::remove_file(&folder).unwrap();
    tool::succeed(tool::tool("mv").arg(&aside).arg(&folder));
    root.ok(&["publish", "--ppas"]);
    assert_eq!(versions(&root, PPA), ["1"]);
}
