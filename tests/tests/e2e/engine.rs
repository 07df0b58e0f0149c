//! apt-ftparchive as the engine of an archive: what it makes is what the native engine makes, and what it cannot make is not published.

use std::collections::BTreeMap;
use std::path::Path;

use pressroom_tests::deb::Deb;
use pressroom_tests::pool;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::source;
use pressroom_tests::stanza::stanzas;
use pressroom_tests::tool::{self, read, read_text};

const LATER: &str = "2025-03-01T13:00:00Z";
const EVEN_LATER: &str = "2025-03-01T14:00:00Z";
const INDEXES: [&str; 8] = [
    "main/binary-amd64/Packages",
    "main/binary-arm64/Packages",
    "main/source/Sources",
    "main/debian-installer/binary-amd64/Packages",
    "main/debian-installer/binary-arm64/Packages",
    "universe/binary-amd64/Packages",
    "universe/binary-arm64/Packages",
    "universe/source/Sources",
];

fn use_apt_ftparchive(root: &Root) {
    root.ok(&["archive", "set", DISTRIBUTION, "--index-engine", "apt-ftparchive"]);
}

/// The stanzas of an index in order, each with its fields by lower-case name.
fn fields(root: &Root, index: &str) -> Vec<BTreeMap<String, String>> {
    stanzas(&root.index(SERIES, index))
        .into_iter()
        .map(|stanza| stanza.0.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
        .collect()
}

#[track_caller]
fn assert_same(native: &Root, other: &Root) {
    for index in INDEXES {
        let (mut native, other) = (fields(native, index), fields(other, index));
        if index.ends_with("/Sources") {
            // which apt-ftparchive takes from the priorities of binaries, and apt from nowhere
            native.iter_mut().for_each(|fields| drop(fields.remove("priority")));
        }
        assert_eq!(native.len(), other.len(), "{index}");
        for (native, other) in native.iter().zip(&other) {
            assert_eq!(native, other, "{index}");
        }
    }
}

#[test]
fn both_engines_say_the_same_of_everything() {
    let native = Root::new();
    native.ok(&["series", "set", SERIES, "--translations", "en", "--contents", "true"]);
    let folder = tempfile::tempdir().unwrap();
    let _ = pool::write(folder.path(), 300);
    for (name, version) in [("alpha", "1.0-1"), ("libbeta", "1:2.0-3")] {
        let _ = source::build(folder.path(), name, version);
    }
    let _ = Deb::new("tiny-udeb", "1.0").architecture("amd64").udeb().write(folder.path());
    let _ = Deb::new("phased", "1.0").architecture("arm64").write(folder.path());
    let _ = Deb::new("plain", "1.0").without("Priority").write(folder.path());
    native.import(SERIES, &[folder.path()]).exits(0);
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("elsewhere", "1.0").write(folder.path());
    let elsewhere = &native
        .command(&["import", "--suite", SERIES, "--component", "universe"])
        .arg(folder.path())
        .output();
    assert!(elsewhere.as_ref().unwrap().status.success(), "{elsewhere:?}");
    native.ok(&[
        "override",
        "set",
        "--series",
        SERIES,
        "phased",
        "--field",
        "Task=demo",
        "--field",
        "X-Own=a b",
    ]);
    native.ok(&["override", "set", "--series", SERIES, "tiny-udeb", "--section", "debian-installer"]);
    let other = native.copy();
    use_apt_ftparchive(&other);
    for root in [&native, &other] {
        root.ok(&["publish"]);
    }
    assert_same(&native, &other);
    for index in ["main/i18n/Translation-en", "main/Contents-amd64"] {
        assert_eq!(native.index(SERIES, index), other.index(SERIES, index));
    }
    other.verify(SERIES);
    other.client(SERIES).update();
    // and after a change, a phased one and one of an override
    for (root, now) in [(&native, LATER), (&other, LATER)] {
        let folder = tempfile::tempdir().unwrap();
        let _ = Deb::new("plain", "2.0").write(folder.path());
        root.import(SERIES, &[folder.path()]).exits(0);
        root.ok(&[
            "override",
            "set",
            "--series",
            SERIES,
            "alpha",
            "--source",
            "--section",
            "games",
            "--published",
        ]);
        root.ok(&[
            "override",
            "set",
            "--series",
            SERIES,
            "elsewhere",
            "--priority",
            "extra",
            "--field",
            "Task=x",
            "--published",
        ]);
        root.run_at(now, &["publish"]).exits(0);
    }
    assert_same(&native, &other);
    // two versions beside each other, of which only one is phased
    for root in [&native, &other] {
        root.ok(&["archive", "set", DISTRIBUTION, "--keep-versions", "2"]);
        let folder = tempfile::tempdir().unwrap();
        let _ = Deb::new("phased", "2.0").architecture("arm64").write(folder.path());
        root.import(SERIES, &[folder.path()]).exits(0);
        root.run_at("2025-03-01T13:10:00Z", &["publish"]).exits(0);
        root.ok(&["change-override", "--suite", SERIES, "phased", "--phased-update-percentage", "10"]);
        root.run_at("2025-03-01T13:20:00Z", &["publish"]).exits(0);
    }
    let text = native.index(SERIES, "main/binary-arm64/Packages");
    assert_eq!(text.matches("Package: phased\n").count(), 2, "{text}");
    assert_eq!(text.matches("Phased-Update-Percentage: 10\n").count(), 1, "{text}");
    assert_same(&native, &other);
    let overrides = other.path().join(format!("archives/{DISTRIBUTION}-overrides"));
    let text = read_text(&overrides.join(format!("override.{SERIES}.universe")));
    assert_eq!(text, "elsewhere\textra\tuniverse/misc\n");
    assert_eq!(
        read_text(&overrides.join(format!("override.{SERIES}.extra.universe"))),
        "elsewhere\tTask\tx\n"
    );
    assert!(other.path().join(format!("archives/{DISTRIBUTION}-cache/packages-amd64.db")).exists());
    // careful, and back to the native engine: what is published fits
    other.run_at(EVEN_LATER, &["publish", "--careful"]).exits(0);
    assert_same(&native, &other);
    other.ok(&["archive", "set", DISTRIBUTION, "--index-engine", "native"]);
    other.run_at("2025-03-01T15:00:00Z", &["publish"]).exits(0);
    for index in INDEXES {
        assert_eq!(native.index(SERIES, index), other.index(SERIES, index), "{index}");
    }
}

#[test]
fn a_package_that_is_not_what_was_published_holds_the_publication() {
    let root = Root::new();
    use_apt_ftparchive(&root);
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("one", "1.0").write(folder.path());
    let _ = Deb::new("two", "1.0").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    let before = read(&root.suite(SERIES).join("InRelease"));
    let pool = root.served().join("pool/main/o/one/one_1.0_all.deb");
    for (other, said) in [
        (Some(Deb::new("one", "1.0").payload("another")), "is not the file that was published"),
        (None, "it has left pool/main/o/one/one_1.0_all.deb out"),
    ] {
        let made = tempfile::tempdir().unwrap();
        std::fs::remove_file(&pool).ok();
        if let Some(other) = other {
            std::fs::copy(other.write(made.path()), &pool).unwrap();
            // it goes by the time of a file, in seconds
            let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
            std::fs::File::options().write(true).open(&pool).unwrap().set_modified(long_ago).unwrap();
        }
        let _ = Deb::new("two", "2.0").write(made.path());
        root.import(SERIES, &[&made.path().join("two_2.0_all.deb")]).exits(0);
        root.run_at(LATER, &["publish"]).exits(1).says(&[said, "--index-engine native"]);
        assert_eq!(read(&root.suite(SERIES).join("InRelease")), before, "nothing was installed");
    }
    assert!(!root.path().join(format!("archives/{DISTRIBUTION}-staging")).join("index-engine").exists());
    root.ok(&["archive", "set", DISTRIBUTION, "--index-engine", "native"]);
    root.run_at(LATER, &["publish"]).exits(0);
}

#[test]
fn an_engine_that_takes_too_long_is_killed_and_nothing_is_published() {
    let root = Root::new();
    use_apt_ftparchive(&root);
    let file = root.path().join("pressroom.toml");
    let text = read_text(&file);
    let limit = "apt-ftparchive-seconds = 0\n";
    let text = if text.contains("[publication]") {
        text.replacen("[publication]\n", &format!("[publication]\n{limit}"), 1)
    } else {
        format!("{text}\n[publication]\n{limit}")
    };
    tool::write(&file, text);
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("one", "1.0").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    root.run(&["publish"]).exits(1).says(&["still running after 0 seconds"]);
    assert!(!root.suite(SERIES).join("InRelease").exists());
    root.run(&["archive", "set", DISTRIBUTION, "--index-engine", "reprepro"]).exits(2);
}

#[test]
fn the_engine_is_kept_to_its_folders() {
    let root = Root::new();
    let (work, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tool::write(&outside.path().join("secret"), "secret");
    let run = |script: &str| {
        let mut command = root.command(&[]);
        let program = command.get_program().to_owned();
        command = std::process::Command::new(program);
        command.arg("index-engine").arg(work.path()).arg("--write").arg(work.path());
        command.args(["--", "sh", "-c", script]).env("OUTSIDE", outside.path());
        tool::run(&mut command)
    };
    let said = run("echo here > inside && cat inside").exits(0);
    if said.stderr.contains("not kept to its folders") {
        // a kernel without Landlock says so
        return;
    }
    assert_eq!(said.stdout, "here\n");
    for script in ["cat $OUTSIDE/secret", "echo x > $OUTSIDE/new", "rm $OUTSIDE/secret", "cat /etc/passwd"] {
        let said = run(script);
        assert_eq!(said.stdout, "", "{script}");
        assert!(said.stderr.contains("ermission denied"), "{script}: {}", said.stderr);
    }
    assert!(outside.path().join("secret").exists() && !outside.path().join("new").exists());
    let nothing: &Path = Path::new("/nothing/here");
    let mut command = std::process::Command::new(root.command(&[]).get_program());
    tool::run(command.arg("index-engine").arg(nothing).args(["--", "true"])).exits(126);
}
