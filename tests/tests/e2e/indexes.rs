//! Indexes beside Packages and Sources, by the word of those who read them: apt for descriptions, apt-file for files.

use std::path::Path;

use pressroom_tests::deb::{Deb, bytes};
use pressroom_tests::pool;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::stanza::stanzas;
use pressroom_tests::tool::{self, read_text, tool};

use crate::timings::{Spent, add};

const TRANSLATION: &str = "main/i18n/Translation-en";
const CONTENTS: &str = "main/Contents-amd64";
const LATER: &str = "2025-03-01T13:00:00Z";

/// Writes a package with these files into a folder.
fn package(folder: &Path, name: &str, version: &str, files: &[&str]) {
    let deb = Deb::new(name, version).architecture("amd64");
    let data: Vec<(String, Vec<u8>)> =
        files.iter().map(|file| (format!("./{file}"), name.as_bytes().to_vec())).collect();
    tool::write(&folder.join(deb.file_name()), bytes(deb.control().as_bytes(), &data));
}

#[test]
fn apt_shows_the_long_descriptions_that_stand_apart() {
    let root = Root::new();
    root.ok(&["series", "set", SERIES, "--translations", "en"]);
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("hello", "1.0")
        .with("Description", "greets people\n One by one.\n .\n  - all")
        .build(folder.path());
    let _ = Deb::new("short", "1.0").with("Description", "says no more").build(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    let packages = root.index(SERIES, "main/binary-amd64/Packages");
    assert!(!packages.contains("One by one"), "{packages}");
    let client = root.client(SERIES);
    client.update();
    let shown = client.apt_cache(&["show", "hello"]).exits(0).stdout;
    assert!(shown.contains("Description-en: greets people\n One by one.\n .\n  - all\n"), "{shown}");
    assert!(client.apt_cache(&["search", "one by one"]).exits(0).stdout.starts_with("hello - greets people"));
    // another description comes with another version, and an update brings it
    add(&root, "hello", "2.0");
    root.run_at(LATER, &["publish"]).exits(0);
    client.update();
    let shown = client.apt_cache(&["show", "hello"]).exits(0).stdout;
    assert!(shown.contains(" It is there so that there is something to publish."), "{shown}");
}

#[test]
fn descriptions_of_real_packages_stand_apart_as_apt_ftparchive_puts_them() {
    let root = Root::new();
    root.ok(&["series", "set", SERIES, "--translations", "en"]);
    let folder = tempfile::tempdir().unwrap();
    let _ = pool::write(folder.path(), 1000);
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    let work = tempfile::tempdir().unwrap();
    let mut command = tool("apt-ftparchive");
    tool::write(&work.path().join("apt.conf"), "");
    command.env("APT_CONFIG", work.path().join("apt.conf")).current_dir(root.served()).args([
        "-o",
        "APT::FTPArchive::LongDescription=false",
        "packages",
        "pool",
    ]);
    let theirs = tool::succeed(&mut command).stdout;
    let fields = |text: &str| -> std::collections::BTreeMap<String, (String, String)> {
        stanzas(text)
            .into_iter()
            .map(|one| {
                let field = |name: &str| one.field(name).to_owned();
                (field("Filename"), (field("Description"), field("Description-md5")))
            })
            .collect()
    };
    let ours = fields(&root.index(SERIES, "main/binary-amd64/Packages"));
    assert!(ours.len() >= 1000);
    assert_eq!(ours, fields(&theirs));
    let translation = stanzas(&root.index(SERIES, TRANSLATION));
    for one in &translation {
        let synopsis = one.field("Description-en").lines().next().unwrap().to_owned();
        let digest = one.field("Description-md5").to_owned();
        assert!(ours.values().any(|own| *own == (synopsis.clone(), digest.clone())), "{one:?}");
    }
    assert_eq!(translation.len(), ours.len());
}

#[test]
fn apt_file_finds_packages_by_their_files() {
    let root = Root::new();
    root.ok(&["series", "set", SERIES, "--contents", "true"]);
    let folder = tempfile::tempdir().unwrap();
    package(folder.path(), "hello", "1.0", &["usr/bin/hello", "usr/share/doc/hello/a file"]);
    package(folder.path(), "world", "1.0", &["usr/bin/world", "usr/share/common"]);
    package(folder.path(), "other", "1.0", &["usr/share/common"]);
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    assert!(root.index(SERIES, CONTENTS).contains("usr/share/common  misc/other,misc/world\n"));
    let client = root.client(SERIES);
    client.configure("50apt-file.conf", &read_text(Path::new("/etc/apt/apt.conf.d/50apt-file.conf")));
    client.update();
    let said = client.apt_file(&["search", "-x", "/a file$"]).exits(0).stdout;
    assert_eq!(said.trim(), "hello: /usr/share/doc/hello/a file");
    let said = client.apt_file(&["search", "usr/share/common"]).exits(0).stdout;
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["other: /usr/share/common", "world: /usr/share/common"]);
    let said = client.apt_file(&["list", "world"]).exits(0).stdout;
    assert_eq!(said.lines().collect::<Vec<_>>(), ["world: /usr/bin/world", "world: /usr/share/common"]);
    // a file goes, and is found no longer
    let folder = tempfile::tempdir().unwrap();
    package(folder.path(), "hello", "2.0", &["usr/bin/hello2"]);
    root.import(SERIES, &[folder.path()]).exits(0);
    root.run_at(LATER, &["publish"]).exits(0);
    client.update();
    assert_eq!(client.apt_file(&["search", "-F", "/usr/bin/hello"]).stdout, "");
    let said = client.apt_file(&["search", "-F", "/usr/bin/hello2"]).exits(0).stdout;
    assert_eq!(said.trim(), "hello: /usr/bin/hello2");
}

#[test]
fn a_changed_file_costs_its_line_in_an_archive_of_any_size() {
    let base = Root::new();
    base.ok(&[
        "series",
        "set",
        SERIES,
        "--contents",
        "true",
        "--translations",
        "en",
        "--index-segment-kib",
        "4",
    ]);
    let archive = |count: usize| {
        let root = base.copy();
        let folder = tempfile::tempdir().unwrap();
        for number in 0..count {
            let files: Vec<String> =
                (0..20).map(|file| format!("usr/share/package-{number:04}/{file:02}")).collect();
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            package(folder.path(), &format!("package-{number:04}"), "1.0", &files);
        }
        package(folder.path(), "package-0050", "2.0", &["usr/share/one", "usr/share/two"]);
        root.import(SERIES, &[folder.path()]).exits(0);
        root.ok(&["publish"]);
        let folder = tempfile::tempdir().unwrap();
        package(folder.path(), "package-0050", "3.0", &["usr/share/one", "usr/share/three"]);
        root.import(SERIES, &[folder.path()]).exits(0);
        Spent::publishing(&root)
    };
    let (small, large) = (archive(100), archive(500));
    for spent in [&small, &large] {
        assert_eq!(spent.of("lines_rendered"), 1, "{:?}", spent.all());
        // once more where it begins a segment
        assert!((1..=2).contains(&spent.of("stanzas_rendered")), "{:?}", spent.all());
        // of Packages and of Contents; of descriptions nothing has changed
        assert!((2..=8).contains(&spent.of("segments_rendered")), "{:?}", spent.all());
    }
    assert!(large.of("segments_kept") > 3 * small.of("segments_kept"), "{:?}", large.all());
    // the rows of the segments themselves are as many as these are
    let rows = large.of("rows_read").abs_diff(small.of("rows_read"));
    assert!(rows <= 2 * large.of("segments_kept"), "{rows} {:?} {:?}", small.all(), large.all());
}

#[test]
fn settings_of_indexes_are_part_of_a_description() {
    let root = Root::new();
    root.ok(&["series", "set", SERIES, "--contents", "true", "--translations", "en"]);
    let exported = root.ok(&["export"]).stdout;
    assert!(exported.contains("translations = \"en\"") && exported.contains("contents = true"), "{exported}");
    root.run(&["series", "set", SERIES, "--translations", "de"]).exits(2);
    add(&root, "hello", "1.0");
    root.ok(&["publish"]);
    root.ok(&["series", "set", SERIES, "--contents", "false", "--translations", "none"]);
    root.run_at(LATER, &["publish"]).exits(0);
    let release = read_text(&root.suite(SERIES).join("Release"));
    assert!(!release.contains("Contents-") && !release.contains("Translation-"), "{release}");
    root.client(SERIES).update();
}

#[test]
fn fields_that_the_archive_adds_are_shown_by_apt() {
    let root = Root::new();
    add(&root, "hello", "1.0");
    root.ok(&["publish"]);
    let set = |arguments: &[&str]| {
        root.run(&[&["override", "set", "--series", SERIES, "hello", "--published"], arguments].concat())
    };
    set(&["--field", "Task=demo-desktop", "--field", "Bugs=mailto:bugs@example.org"])
        .exits(0)
        .says(&["Task=demo-desktop"]);
    set(&["--field", "Task=demo-arm", "--architecture", "arm64"]).exits(0);
    root.run_at(LATER, &["publish"]).exits(0);
    let (amd64, arm64) =
        (root.index(SERIES, "main/binary-amd64/Packages"), root.index(SERIES, "main/binary-arm64/Packages"));
    assert!(
        amd64.contains("\nBugs: mailto:bugs@example.org\n") && amd64.contains("\nTask: demo-desktop\n"),
        "{amd64}"
    );
    assert!(
        arm64.contains("\nBugs: mailto:bugs@example.org\n") && arm64.contains("\nTask: demo-arm\n"),
        "{arm64}"
    );
    let client = root.client(SERIES);
    client.update();
    assert!(client.apt_cache(&["show", "hello"]).exits(0).stdout.contains("Task: demo-desktop"));
    // what is filed stays when only a field is said, and the other way round
    set(&["--section", "games"]).exits(0);
    set(&["--field", "Bugs="]).exits(0);
    root.run_at("2025-03-01T14:00:00Z", &["publish"]).exits(0);
    let amd64 = root.index(SERIES, "main/binary-amd64/Packages");
    assert!(amd64.contains("\nSection: games\n") && amd64.contains("\nTask: demo-desktop\n"), "{amd64}");
    assert!(!amd64.contains("Bugs"), "{amd64}");
    // a full rebuild says the same
    root.run_at("2025-03-01T15:00:00Z", &["publish", "--careful"]).exits(0);
    assert_eq!(root.index(SERIES, "main/binary-amd64/Packages"), amd64);
    for refused in ["Version=2", "Task", "Task=a\nDepends: b", "Filename=x", "-x=y"] {
        set(&["--field", refused]).exits(2);
    }
    set(&["--field", "Task=x", "--architecture", "sparc"]).exits(2);
    root.ok(&["override", "remove", "--series", SERIES, "hello"]);
    root.run(&["override", "remove", "--series", SERIES, "hello"]).exits(2);
}
