//! `process-upload` as a process: a daemon that is woken and ended, two at once, deaths at any moment.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use pressroom_tests::random::Random;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::tool;
use pressroom_tests::upload::{Format, Package};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;

/// A root, and a folder that uploads are put into.
struct Gate {
    root: Root,
    _folder: tempfile::TempDir,
    base: PathBuf,
}

impl Gate {
    fn new() -> Self {
        let root = Root::new();
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("base");
        fs::create_dir_all(base.join("incoming")).unwrap();
        Self { root, _folder: folder, base }
    }

    /// Sources by these names, unsigned, in a folder of their own, as another program would send them.
    fn sources(&self, names: &[String]) -> PathBuf {
        let folder = self.base.with_file_name("sources");
        for name in names {
            let _ = Package::new(name, "1.0").format(Format::Native).distribution(SERIES).source(&folder);
        }
        folder
    }

    /// Puts everything into incoming, each .changes after what it lists.
    fn send(&self, folder: &Path) {
        let mut names: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .collect();
        names.sort_by_key(|path| path.extension().is_some_and(|ending| ending == "changes"));
        for path in names {
            fs::copy(&path, self.base.join("incoming").join(path.file_name().unwrap())).unwrap();
        }
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<&'a str> {
        let mut arguments = vec!["--format", "json", "process-upload", "--policy", "sync"];
        arguments.extend(more);
        arguments.push(self.base.to_str().unwrap());
        arguments
    }

    fn process(&self, more: &[&str]) -> Value {
        let ran = self.root.ok(&self.arguments(more));
        serde_json::from_str(&ran.stdout).unwrap()
    }

    fn incoming(&self) -> usize {
        fs::read_dir(self.base.join("incoming")).unwrap().count()
    }

    /// The queue's uploads by source, from the receipts on disk.
    fn accepted(&self) -> Vec<String> {
        let mut sources: Vec<String> = match fs::read_dir(self.base.join("accepted")) {
            Err(_) => Vec::new(),
            Ok(entries) => entries
                .map(|entry| entry.unwrap().path())
                .filter(|path| path.to_string_lossy().ends_with(".receipt.json"))
                .map(|path| {
                    let receipt: Value = serde_json::from_str(&tool::read_text(&path)).unwrap();
                    receipt["source"].as_str().unwrap().to_owned()
                })
                .collect(),
        };
        sources.sort();
        sources
    }
}

/// Waits for the end of a process, for a while.
fn ended(child: &mut Child) -> std::process::ExitStatus {
    let pid = Pid::from_child(child);
    let fd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)];
    let most = Timespec { tv_sec: 60, tv_nsec: 0 };
    assert_eq!(poll(&mut fds, Some(&most)).unwrap(), 1, "it does not end");
    child.wait().unwrap()
}

#[test]
fn a_daemon_takes_what_comes_and_ends_when_it_is_told_to() {
    let gate = Gate::new();
    let folder = gate.sources(&["hello".to_owned()]);
    let mut daemon = gate.root.command(&gate.arguments(&["--watch"])).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(daemon.stdout.take().unwrap()).lines();
    gate.send(&folder);
    let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(report["done"][0]["source"], "hello");
    assert_eq!(report["done"][0]["queue"], "NEW");
    // another one, while it is there
    fs::remove_dir_all(&folder).unwrap();
    gate.send(&gate.sources(&["other".to_owned()]));
    let report: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(report["done"][0]["source"], "other");
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    assert!(ended(&mut daemon).success());
    assert!(lines.next().is_none());
    assert_eq!(gate.accepted(), ["hello", "other"]);
    assert_eq!(gate.incoming(), 0);
}

#[test]
fn two_at_once_take_every_upload_once() {
    let gate = Gate::new();
    let names: Vec<String> = (0..6).map(|number| format!("package-{number:02}")).collect();
    gate.send(&gate.sources(&names));
    let start = || {
        gate.root.command(&gate.arguments(&[])).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut both = [start(), start()];
    let codes = both.each_mut().map(|child| ended(child).code());
    // one may have come when the other was there
    assert!(codes.iter().all(|code| matches!(code, Some(0 | 4))) && codes.contains(&Some(0)), "{codes:?}");
    gate.process(&[]);
    assert_eq!(gate.accepted(), names);
    assert_eq!(gate.incoming(), 0);
}

#[test]
fn whenever_it_is_killed_nothing_is_lost_and_nothing_taken_twice() {
    let gate = Gate::new();
    let names: Vec<String> = (0..16).map(|number| format!("package-{number:02}")).collect();
    gate.send(&gate.sources(&names));
    let mut random = Random::new(5);
    for _ in 0..20 {
        let mut child = gate
            .root
            .command(&gate.arguments(&[]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let fd = pidfd_open(Pid::from_child(&child), PidfdFlags::empty()).unwrap();
        let mut fds = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)];
        let moment = Duration::from_micros(random.number() % 300_000);
        let most = Timespec { tv_sec: 0, tv_nsec: moment.as_nanos().try_into().unwrap() };
        let _ = poll(&mut fds, Some(&most)).unwrap();
        let _ = child.kill();
        child.wait().unwrap();
        // at any moment each upload is in incoming or put away, or between the two with the whole of it
        let there = gate.accepted();
        assert!(there.iter().all(|name| names.contains(name)), "{there:?}");
    }
    let report = gate.process(&[]);
    assert_eq!(report["troubles"].as_array().unwrap().len(), 0, "{report}");
    assert_eq!(gate.accepted(), names);
    assert_eq!(gate.incoming(), 0);
    for name in &names {
        let folders: Vec<PathBuf> = fs::read_dir(gate.base.join("accepted"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir() && path.to_string_lossy().ends_with(&format!("-{name}_1.0_source")))
            .collect();
        assert_eq!(folders.len(), 1, "{name}");
        assert_eq!(fs::read_dir(&folders[0]).unwrap().count(), 3, "{name}");
    }
    assert!(!gate.base.join("rejected").exists() && !gate.base.join("failed").exists());
}

#[test]
fn wrong_use_is_said_with_what_to_do() {
    let gate = Gate::new();
    let nowhere = gate.base.join("nowhere");
    let ran = gate.root.run(&["process-upload", nowhere.to_str().unwrap()]).exits(2);
    assert!(ran.stderr.contains("mkdir -p"), "{}", ran.stderr);
    let base = gate.base.to_str().unwrap();
    gate.root.run(&["process-upload", "--leaf", "hello", base]).exits(2);
    gate.root.run(&["process-upload", "--leaf", "hello", "--build", "1", base]).exits(2);
    gate.root.run(&["process-upload", "--policy", "other", base]).exits(2);
    gate.root.run(&["process-upload", "--watch", "--dry-run", base]).exits(2);
    gate.root.run(&["process-upload", "--context", "a\nb", base]).exits(2);
    // an upload that is refused is a failure when it is the one that was asked for
    gate.send(&gate.sources(&["hello".to_owned()]));
    gate.root.run(&["process-upload", "--leaf", "hello_1.0_source.changes", base]).exits(1);
    assert!(gate.base.join("rejected").exists());
}
