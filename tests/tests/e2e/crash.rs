//! `kill -9` at any moment: the live tree stays whole, and the next run ends where an undisturbed one would have.

use std::os::fd::AsFd;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use pressroom_tests::deb::Deb;
use pressroom_tests::gnupg;
use pressroom_tests::random::Random;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::tool::write_program;
use pressroom_tests::tree::{Picture, assert_same, picture};
use pressroom_tests::{binary, source};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// How many publishers are killed.
const KILLS: usize = 50;
/// The second publication, which is the one that is killed.
const SECOND: &str = "2025-03-01T13:00:00Z";
const SECURITY: &str = "aurora-security";
/// A root is killed in so often at the most before it may end: deaths during recovery, too.
const KILLS_OF_ONE_ROOT: usize = 4;

/// A published archive with more waiting: new versions, new packages, both suites, and patches of all their indexes.
fn prepared() -> Root {
    let root = Root::new();
    root.ok(&["series", "set", SERIES, "--pdiffs", "9"]);
    let hook = binary::hook("indices");
    let manifest = pressroom_tests::tool::workspace().join("plugins/indices/hook.toml");
    root.ok(&[
        "hook",
        "add",
        &hook.to_string_lossy(),
        "--manifest",
        &manifest.to_string_lossy(),
        "--grant",
        "requested",
    ]);
    for (version, first) in [("1.0-1", true), ("1.1-1", false)] {
        let folder = tempfile::tempdir().unwrap();
        for suite in [SERIES, SECURITY] {
            let below = folder.path().join(suite);
            for number in 0..12 {
                let name = format!("{suite}-package-{number}");
                let architecture = ["all", "amd64", "arm64"][number % 3];
                let _ = Deb::new(&name, version).architecture(architecture).payload(version).write(&below);
            }
            let _ = source::build(&below, &format!("{suite}-source"), version);
            root.import(suite, &[&below]).exits(0);
        }
        if first {
            root.ok(&["publish"]);
        }
    }
    root
}

/// The part of the archive that a client sees: everything.
fn served(root: &Root) -> Picture {
    picture(&root.served())
}

/// Kills a child after a while, if it has not ended. Tells whether it was killed.
pub(crate) fn kill_after(mut child: Child, wait: Duration) -> bool {
    let process = Pid::from_child(&child);
    let descriptor = pidfd_open(process, PidfdFlags::empty()).unwrap();
    let wait = Timespec::try_from(wait).unwrap();
    let ended =
        poll(&mut [PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)], Some(&wait)).unwrap() == 1;
    if !ended {
        child.kill().unwrap();
    }
    // a child that ended in between was not killed
    std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()) == Some(9)
}

#[test]
fn fifty_killed_publishers_leave_a_whole_archive_and_the_next_run_converges() {
    let prepared = prepared();
    let reference = prepared.copy();
    let started = Instant::now();
    reference.run_at(SECOND, &["publish"]).exits(0);
    // how long a publisher takes, as far as it is known; other tests run beside this one
    let mut duration = started.elapsed();
    let expected = served(&reference);
    let keyring = gnupg::keyring(&prepared.key());

    let mut random = Random::new(0x5eed);
    let mut kills = 0;
    let mut roots = 0;
    while kills < KILLS {
        let root = prepared.copy();
        let client = root.client("aurora aurora-security");
        roots += 1;
        assert!(roots < 10 * KILLS, "{kills} of {roots} publishers could be killed before they had ended");
        for earlier in 0..KILLS_OF_ONE_ROOT {
            let wait = duration.mul_f64(random.fraction());
            let started = Instant::now();
            let child = root
                .command_at(SECOND, &["publish"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            if !kill_after(child, wait) {
                if earlier == 0 {
                    duration = started.elapsed();
                }
                break;
            }
            kills += 1;
            for suite in [SERIES, SECURITY] {
                gnupg::verify_suite(&keyring, &root.suite(suite));
            }
            client.update();
        }
        root.run_at(SECOND, &["publish"]).exits(0);
        assert_same(
            &format!("after {kills} kills, the archive and that of an undisturbed run"),
            &served(&root),
            &expected,
        );
        // nothing is left to do, and nothing is left lying about
        root.run_at(SECOND, &["publish"]).exits(0);
        assert_same("the archive and itself after one run more", &served(&root), &expected);
        let left = picture(&root.path().join("archives"));
        let left: Vec<&String> = left.keys().filter(|path| path.contains("-staging/")).collect();
        assert!(left.is_empty(), "staged trees are left: {left:?}");
    }
}

#[test]
fn a_publisher_that_dies_before_the_first_publication_leaves_nothing_that_apt_would_read() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("first", "1.0").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    let mut random = Random::new(0xf1);
    for _ in 0..8 {
        let child = root
            .command_at(SECOND, &["publish"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let killed = kill_after(child, Duration::from_millis(400).mul_f64(random.fraction()));
        // either there is no tree, or a whole one
        if root.served().join("dists").exists() {
            root.client(SERIES).update();
        }
        if !killed {
            break;
        }
    }
    root.run_at(SECOND, &["publish"]).exits(0);
    root.verify(SERIES);
    assert_eq!(root.indexed(SERIES, "main/binary-arm64/Packages"), ["first 1.0"]);
}

#[test]
fn a_publisher_that_dies_in_a_hook_is_followed_by_one_that_ends_its_work() {
    for (point, is_installed) in [("pre-publication", false), ("post-publication", true), ("finalize", true)]
    {
        let root = Root::new();
        let folder = tempfile::tempdir().unwrap();
        let _ = Deb::new("first", "1.0").write(folder.path());
        root.import(SERIES, &[folder.path()]).exits(0);
        let (marker, told) = (folder.path().join("marker"), folder.path().join("told"));
        let script =
            format!("#!/bin/sh\n[ -e '{0}' ] && exit 0\n: >'{0}'\nkill -9 $PPID\n", marker.display());
        write_program(&root.hooks(point).join("10-kills"), &script);
        write_program(
            &root.hooks("finalize").join("20-tells"),
            &format!("#!/bin/sh\necho $1 >>'{}'\n", told.display()),
        );
        let killed = root.run_at(SECOND, &["publish"]);
        assert!(killed.code.is_none(), "{point}: it was to be killed\n{}", killed.account());
        assert_eq!(root.served().join("dists").exists(), is_installed, "{point}");
        root.run_at(SECOND, &["publish"]).exits(0);
        root.verify(SERIES);
        assert_eq!(root.indexed(SERIES, "main/binary-arm64/Packages"), ["first 1.0"], "{point}");
        // the mirrors are told of what was installed, also when the run that installed it has died
        let told = std::fs::read_to_string(&told).unwrap_or_default();
        assert_eq!(told, "1\n", "{point}");
        root.ok(&["history"]).says(&["INTERRUPTED"]);
    }
}

#[test]
fn a_killed_import_is_repeated_and_nothing_is_lost_or_doubled() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..60 {
        let _ = Deb::new(&format!("package-{number}"), "1.0").write(folder.path());
    }
    let _ = source::build(folder.path(), "source", "1.0-1");
    let root = Root::new();
    let reference = root.copy();
    let started = Instant::now();
    reference.import(SERIES, &[folder.path()]).exits(0);
    let duration = started.elapsed();
    reference.ok(&["publish"]);

    let mut random = Random::new(0x1337);
    for _ in 0..10 {
        let mut command = root.command(&["import", "--suite", SERIES]);
        let child = command.arg(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        kill_after(child, duration.mul_f64(random.fraction()));
    }
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    assert_same(
        "the archive after killed imports and that of an undisturbed one",
        &served(&root),
        &served(&reference),
    );
}
