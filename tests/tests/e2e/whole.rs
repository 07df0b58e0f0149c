//! From packages to an archive that apt takes packages from.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pressroom_tests::apt::{Client, Line, names_in, spotless};
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::server::Server;
use pressroom_tests::stanza::{listed, stanzas};
use pressroom_tests::tool::{read, read_text};
use pressroom_tests::tree::{assert_same, picture, sha256};
use pressroom_tests::{source, tool};

const SECURITY: &str = "aurora-security";

/// One of everything, in two folders: for the release suite and for the security suite.
fn packages(folder: &Path) {
    let (release, security) = (folder.join("release"), folder.join("security"));
    for deb in [
        Deb::new("hello", "1.0-1").architecture("amd64").with("Depends", "hello-data (= 1.0-1)"),
        Deb::new("hello", "1.0-1").architecture("arm64").with("Depends", "hello-data (= 1.0-1)"),
        Deb::new("hello-data", "1.0-1").with("Source", "hello").with("Multi-Arch", "foreign"),
        Deb::new("hello-udeb", "1.0-1").architecture("amd64").with("Source", "hello").udeb(),
        Deb::new("hello-dbgsym", "1.0-1").architecture("amd64").with("Source", "hello").ddeb(),
    ] {
        let _ = deb.build(&release);
    }
    let _ = source::build(&release, "hello", "1.0-1");
    let _ = Deb::new("urgent", "2:3.0-1").architecture("amd64").build(&security);
    let _ = source::build(&security, "urgent", "2:3.0-1");
}

/// A root in which [`packages`] are published.
fn published() -> Root {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    root.import(SERIES, &[&folder.path().join("release")]).exits(0);
    root.import(SECURITY, &[&folder.path().join("security")]).exits(0);
    root.ok(&["publish"]);
    root
}

#[test]
fn apt_updates_installs_and_fetches_sources_without_a_warning() {
    let root = published();
    // by the web, so that apt has something to download; files on its own disk it would take where they lie
    let server = Server::new(&root.served());
    let client = Client::new(&Line { uri: server.uri(), ..root.line("aurora aurora-security") }, &["arm64"]);
    client.update();
    spotless(client.apt_get(&["install", "--yes", "--download-only", "hello", "urgent"]));
    assert_eq!(
        client.downloaded(),
        ["hello-data_1.0-1_all.deb", "hello_1.0-1_amd64.deb", "urgent_2%3a3.0-1_amd64.deb"]
    );
    spotless(client.apt_get(&["install", "--yes", "--download-only", "hello:arm64"]));
    assert!(client.downloaded().contains(&"hello_1.0-1_arm64.deb".to_owned()));
    for (name, upstream) in [("hello", "1.0"), ("urgent", "3.0")] {
        spotless(client.apt_get(&["source", name]));
        let unpacked = client.work().join(format!("{name}-{upstream}"));
        assert!(unpacked.join("debian/changelog").is_file(), "{} is not unpacked", unpacked.display());
    }
    for suite in [SERIES, SECURITY] {
        root.verify(suite);
    }
}

#[test]
fn packages_lie_where_debian_has_them_and_in_the_indexes_they_belong_to() {
    let root = published();
    assert_eq!(
        names_in(&root.served().join("pool/main/h/hello")),
        [
            "hello-data_1.0-1_all.deb",
            "hello-dbgsym_1.0-1_amd64.ddeb",
            "hello-udeb_1.0-1_amd64.udeb",
            "hello_1.0-1.debian.tar.gz",
            "hello_1.0-1.dsc",
            "hello_1.0-1_amd64.deb",
            "hello_1.0-1_arm64.deb",
            "hello_1.0.orig.tar.gz",
        ]
    );
    // architecture all is in the index of each architecture, and udebs and ddebs are in indexes of their own
    for architecture in ["amd64", "arm64"] {
        assert_eq!(
            root.indexed(SERIES, &format!("main/binary-{architecture}/Packages")),
            ["hello 1.0-1", "hello-data 1.0-1"]
        );
    }
    assert_eq!(root.indexed(SERIES, "main/debian-installer/binary-amd64/Packages"), ["hello-udeb 1.0-1"]);
    assert_eq!(root.indexed(SERIES, "main/debug/binary-amd64/Packages"), ["hello-dbgsym 1.0-1"]);
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["hello 1.0-1"]);
    assert_eq!(root.indexed(SECURITY, "main/binary-amd64/Packages"), ["urgent 2:3.0-1"]);
    // empty indexes exist in every form
    for index in
        ["universe/binary-amd64/Packages", "universe/binary-arm64/Packages", "universe/source/Sources"]
    {
        assert_eq!(root.index(SERIES, index), "", "{index}");
        assert!(root.suite(SERIES).join(format!("{index}.xz")).is_file(), "{index}.xz");
    }
    let hello = &stanzas(&root.index(SERIES, "main/binary-amd64/Packages"))[0];
    let file = root.served().join(hello.field("Filename"));
    assert_eq!(hello.field("SHA256"), sha256(&read(&file)));
    assert_eq!(hello.field("Size"), read(&file).len().to_string());
    let source = &stanzas(&root.index(SERIES, "main/source/Sources"))[0];
    assert_eq!(source.field("Directory"), "pool/main/h/hello");
    let dsc = sha256(&read(&root.served().join("pool/main/h/hello/hello_1.0-1.dsc")));
    assert!(
        source.field("Checksums-Sha256").contains(&dsc),
        "the .dsc itself is among the files of a source"
    );
}

#[test]
fn release_files_say_what_the_suite_is_and_list_all_that_is_in_it() {
    let root = published();
    for (suite, series) in [(SERIES, SERIES), (SECURITY, SERIES)] {
        let text = read_text(&root.suite(suite).join("Release"));
        let release = &stanzas(&text)[0];
        for (field, value) in [
            ("Suite", suite),
            ("Codename", series),
            ("Date", "Sat, 01 Mar 2025 12:00:00 UTC"),
            ("Architectures", "amd64 arm64"),
            ("Components", "main universe"),
            ("Acquire-By-Hash", "yes"),
        ] {
            assert_eq!(release.field(field), value, "{field} of {suite}");
        }
        for field in ["Origin", "Label", "Version", "Description"] {
            assert!(!release.field(field).is_empty(), "{field} of {suite}");
        }
        let listed = listed(&text, "SHA256");
        // what is on disk is listed with its checksum, but for the core files and by-hash; beyond it are uncompressed forms
        let core = ["Release", "InRelease", "Release.gpg"];
        let on_disk: BTreeSet<String> = picture(&root.suite(suite))
            .into_keys()
            .filter(|path| {
                !path.ends_with('/') && !path.contains("by-hash/") && !core.contains(&path.as_str())
            })
            .collect();
        for path in &on_disk {
            let content = read(&root.suite(suite).join(path));
            assert_eq!(
                listed.get(path),
                Some(&(sha256(&content), content.len() as u64)),
                "{path} of {suite}"
            );
        }
        for (path, (digest, _)) in &listed {
            if !on_disk.contains(path) {
                assert_eq!(*digest, sha256(root.index(suite, path).as_bytes()), "{path} of {suite}");
            }
        }
        assert!(listed.contains_key("main/binary-amd64/Packages"), "the uncompressed index is listed");
    }
}

#[test]
fn a_newer_version_takes_the_place_of_an_older_one_and_the_older_files_stay() {
    let root = published();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("hello", "1.1-1")
        .architecture("amd64")
        .with("Depends", "hello-data (= 1.1-1)")
        .build(folder.path());
    let _ = Deb::new("hello-data", "1.1-1").with("Source", "hello").build(folder.path());
    let _ = Deb::new("hello-udeb", "1.1-1")
        .architecture("amd64")
        .with("Source", "hello")
        .udeb()
        .build(folder.path());
    let _ = source::build(folder.path(), "hello", "1.1-1");
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    // hello 1.0-1 on arm64 needs its data still
    let lagging = ["hello 1.1-1", "hello-data 1.0-1", "hello-data 1.1-1"];
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), lagging);
    let later = Deb::new("hello", "1.1-1").architecture("arm64").with("Depends", "hello-data (= 1.1-1)");
    root.import(SERIES, &[&later.write(folder.path())]).exits(0);
    root.ok(&["publish"]);
    for index in ["main/binary-amd64/Packages", "main/binary-arm64/Packages"] {
        assert_eq!(root.indexed(SERIES, index), ["hello 1.1-1", "hello-data 1.1-1"]);
    }
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["hello 1.1-1"]);
    // a client with the old indexes can still fetch; taking files away is death row's affair
    assert!(root.served().join("pool/main/h/hello/hello_1.0-1_amd64.deb").is_file());
    let client = root.client(SERIES);
    client.update();
    assert_eq!(client.candidate("hello").as_deref(), Some("1.1-1"));
    spotless(client.apt_get(&["install", "--yes", "--download-only", "hello"]));
}

#[test]
fn an_older_version_does_not_take_the_place_of_a_newer_one() {
    let root = published();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("hello-data", "0.9-1").with("Source", "hello").build(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["hello 1.0-1", "hello-data 1.0-1"]);
}

#[test]
fn doing_it_again_changes_nothing() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    let import = || root.import(SERIES, &[&folder.path().join("release")]).exits(0);
    import();
    import();
    root.ok(&["publish"]);
    let before = picture(&root.served());
    root.run_at("2025-03-01T13:00:00Z", &["publish"]).exits(0);
    import();
    root.run_at("2025-03-01T14:00:00Z", &["publish"]).exits(0);
    assert_same("the archive before and after runs with nothing to do", &before, &picture(&root.served()));
}

#[test]
fn the_same_packages_key_and_clock_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    let (release, security) = (folder.path().join("release"), folder.path().join("security"));
    let one = Root::new();
    let two = Root::with_key(Some(&one.path().join("keys/signing-key.asc")));
    for root in [&one, &two] {
        root.import(SERIES, &[&release]).exits(0);
        root.import(SECURITY, &[&security]).exits(0);
        root.ok(&["publish"]);
    }
    assert_same("two archives of the same packages", &picture(&one.served()), &picture(&two.served()));
}

#[test]
fn a_client_that_has_just_read_the_old_inrelease_still_gets_its_files() {
    let root = published();
    let server = Server::new(&root.served());
    let line = Line { uri: server.uri(), ..root.line(SERIES) };
    server.pin("dists/aurora/InRelease");
    // the archive moves on three times within an hour, as after three security updates
    for (version, now) in [
        ("1.1-1", "2025-03-01T12:10:00Z"),
        ("1.2-1", "2025-03-01T12:20:00Z"),
        ("1.3-1", "2025-03-01T12:30:00Z"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let _ = Deb::new("hello", version).architecture("amd64").build(folder.path());
        let _ = source::build(folder.path(), "hello", version);
        root.import(SERIES, &[folder.path()]).exits(0);
        root.run_at(now, &["publish"]).exits(0);
    }
    let old = Client::new(&line, &["arm64"]);
    old.update();
    let asked = server.take_asked();
    let by_hash = asked.iter().filter(|asked| asked.contains("/by-hash/SHA256/")).count();
    assert!(by_hash >= 2, "apt takes indexes by their hash: {asked:?}");
    assert!(!asked.iter().any(|asked| asked.contains("/by-hash/") && asked.starts_with("404")), "{asked:?}");
    assert_eq!(old.candidate("hello").as_deref(), Some("1.0-1"));
    spotless(old.apt_get(&["install", "--yes", "--download-only", "hello"]));
    spotless(old.apt_get(&["source", "hello"]));

    let new = Client::new(&Line { uri: Server::new(&root.served()).uri(), ..line }, &["arm64"]);
    new.update();
    assert_eq!(new.candidate("hello").as_deref(), Some("1.3-1"));
}

#[test]
fn clients_that_update_while_the_archive_moves_on_see_nothing_of_it() {
    let root = published();
    let server = Server::new(&root.served());
    let client = Client::new(&Line { uri: server.uri(), ..root.line("aurora aurora-security") }, &["arm64"]);
    let waiting = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        let publisher = scope.spawn(|| {
            for minute in 10..25 {
                let folder = waiting.path().join(minute.to_string());
                let _ = Deb::new("hello", &format!("1.{minute}-1")).architecture("amd64").write(&folder);
                let _ = Deb::new("urgent", &format!("2:3.{minute}-1")).architecture("amd64").write(&folder);
                let now = format!("2025-03-01T12:{minute}:00Z");
                for suite in [SERIES, SECURITY] {
                    tool::run(root.command_at(&now, &["import", "--suite", suite]).arg(&folder)).exits(0);
                }
                root.run_at(&now, &["publish"]).exits(0);
            }
        });
        while !publisher.is_finished() {
            client.update();
        }
    });
    client.update();
    assert_eq!(client.candidate("hello").as_deref(), Some("1.24-1"));
    let asked = server.take_asked();
    let missing: Vec<&String> = asked.iter().filter(|asked| asked.starts_with("404")).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_run_for_one_suite_leaves_what_waits_in_others() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    root.import(SERIES, &[&folder.path().join("release")]).exits(0);
    root.import("aurora-updates", &[&folder.path().join("security")]).exits(0);
    root.ok(&["publish", "--suite", "aurora-updates"]);
    assert_eq!(root.indexed("aurora-updates", "main/source/Sources"), ["urgent 2:3.0-1"]);
    assert!(!root.served().join("pool/main/h").exists());
    root.client("aurora-updates").update();
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["hello 1.0-1"]);
}

#[test]
fn old_generations_of_indexes_go_when_their_time_is_over() {
    let root = published();
    let by_hash = root.suite(SERIES).join("main/binary-amd64/by-hash/SHA256");
    let first = names_in(&by_hash);
    for day in 2..=9 {
        let folder = tempfile::tempdir().unwrap();
        let _ = Deb::new("hello", &format!("1.{day}-1")).architecture("amd64").build(folder.path());
        root.import(SERIES, &[folder.path()]).exits(0);
        root.run_at(&format!("2025-03-{day:02}T12:00:00Z"), &["publish"]).exits(0);
    }
    let last = names_in(&by_hash);
    assert!(
        last.len() < 3 * first.len() + 8,
        "by-hash grows without end: {} names at first, {} now",
        first.len(),
        last.len()
    );
    let current = sha256(&read(&root.suite(SERIES).join("main/binary-amd64/Packages.xz")));
    assert!(last.contains(&current), "the current index is there under its hash");
    let oldest: Vec<&String> = first.iter().filter(|name| last.contains(name)).collect();
    // the stub beside the index never changes
    assert!(oldest.len() <= 1, "of the first generation are still there: {oldest:?}");
    root.client(SERIES).update();
}

#[test]
fn the_security_fast_track_publishes_only_security_suites() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    root.import(SERIES, &[&folder.path().join("release")]).exits(0);
    root.import(SECURITY, &[&folder.path().join("security")]).exits(0);
    root.ok(&["publish", "--security-only"]);
    assert_eq!(root.indexed(SECURITY, "main/binary-amd64/Packages"), ["urgent 2:3.0-1"]);
    assert!(
        !root.served().join("pool/main/h/hello/hello_1.0-1_amd64.deb").exists(),
        "hello is not of the security suite"
    );
    root.client(SECURITY).update();
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["hello 1.0-1", "hello-data 1.0-1"]);
    root.client("aurora aurora-security").update();
}

#[test]
fn a_dry_run_tells_the_plan_and_changes_nothing() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    root.import(SERIES, &[&folder.path().join("release")]).exits(0);
    let before = picture(&root.path().join("archives"));
    root.ok(&["publish", "--dry-run"]).says(&["hello", SERIES]);
    assert_same("the archives before and after a dry run", &before, &picture(&root.path().join("archives")));
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["hello 1.0-1"]);
}

#[test]
fn revisions_of_a_source_share_their_upstream_tarball() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    for revision in ["1.0-1", "1.0-2"] {
        let _ = source::build(folder.path(), "shared", revision);
        root.import(SERIES, &[folder.path()]).exits(0);
        root.ok(&["publish"]);
    }
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["shared 1.0-2"]);
    let client = root.client(SERIES);
    client.update();
    spotless(client.apt_get(&["source", "shared"]));
}

#[test]
fn a_package_in_two_components_is_one_file_and_a_link_to_it() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("both", "1.0").write(folder.path());
    root.ok(&["import", "--suite", SERIES, "--component", "universe", &deb.to_string_lossy()]);
    root.ok(&["publish"]);
    root.ok(&["import", "--suite", SECURITY, "--component", "main", &deb.to_string_lossy()]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "universe/binary-amd64/Packages"), ["both 1.0"]);
    assert_eq!(root.indexed(SECURITY, "main/binary-amd64/Packages"), ["both 1.0"]);
    // the most preferred component has the file
    let path = |component: &str| root.served().join(format!("pool/{component}/b/both/both_1.0_all.deb"));
    assert!(path("main").symlink_metadata().unwrap().is_file());
    assert!(path("universe").symlink_metadata().unwrap().is_symlink());
    assert_eq!(read(&path("universe")), read(&deb));
    for suite in [SERIES, SECURITY] {
        let client = root.client(suite);
        client.update();
        spotless(client.apt_get(&["install", "--yes", "--download-only", "both"]));
    }
}

#[test]
fn what_is_served_can_be_read_by_everybody_whatever_the_umask() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    for arguments in
        [&["import", "--suite", SERIES, &folder.path().join("release").to_string_lossy()][..], &["publish"]]
    {
        let command = root.command(arguments);
        let mut shell = tool::tool("sh");
        shell
            .args(["-c", "umask 077; exec \"$@\"", "sh"])
            .arg(command.get_program())
            .args(command.get_args());
        tool::succeed(&mut shell);
    }
    for path in picture(&root.served()).keys() {
        let mode = std::fs::metadata(root.served().join(path)).unwrap().permissions().mode() & 0o777;
        let expected = if path.ends_with('/') { 0o755 } else { 0o644 };
        assert_eq!(mode, expected, "{path} has the mode {mode:o}");
    }
}

#[test]
fn a_changes_file_brings_all_that_it_names() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("uploaded", "1.0-1").with("Section", "utils").build(folder.path());
    let dsc = source::build(folder.path(), "uploaded", "1.0-1");
    let changes = write_changes(folder.path(), "uploaded", "1.0-1", &[&deb, &dsc]);
    root.import(SERIES, &[&changes]).exits(0);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["uploaded 1.0-1"]);
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["uploaded 1.0-1"]);
}

/// A .changes that names a .deb and a .dsc with its files.
fn write_changes(folder: &Path, name: &str, version: &str, files: &[&Path]) -> std::path::PathBuf {
    let mut names: BTreeSet<String> =
        files.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for path in files.iter().filter(|path| path.extension().is_some_and(|ending| ending == "dsc")) {
        names.extend(listed(&read_text(path), "Checksums-Sha256").into_keys());
    }
    let mut lists = [String::new(), String::new(), String::new()];
    for file in &names {
        let path = folder.join(file);
        let size = read(&path).len();
        for (list, tool) in lists.iter_mut().zip(["md5sum", "sha1sum", "sha256sum"]) {
            let said = tool::succeed(tool::tool(tool).arg(&path)).stdout;
            let digest = said.split(' ').next().unwrap();
            let between = if tool == "md5sum" { " misc optional" } else { "" };
            list.push_str(&format!("\n {digest} {size}{between} {file}"));
        }
    }
    let path = folder.join(format!("{name}_{version}_source.changes"));
    let [md5, sha1, sha256] = lists;
    tool::write(
        &path,
        format!(
            "Format: 1.8\nDate: Tue, 14 Nov 2023 22:13:20 +0000\nSource: {name}\nBinary: {name}\nArchitecture: source all\n\
             Version: {version}\nDistribution: {SERIES}\nUrgency: medium\nMaintainer: Pressroom Tests <tests@example.org>\n\
             Changed-By: Pressroom Tests <tests@example.org>\nDescription:\n {name} - something\nChanges:\n {name} ({version}) {SERIES}; urgency=medium\n\
             \x20.\n   * Made.\nChecksums-Sha1:{sha1}\nChecksums-Sha256:{sha256}\nFiles:{md5}\n"
        ),
    );
    path
}
