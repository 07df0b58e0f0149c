//! What the hooks of this repository add to an archive, judged by the tools that read it.

use std::path::Path;

use pressroom_tests::deb::{self, Deb};
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::tool::{self, read, read_text, tool, workspace};
use pressroom_tests::{binary, gnupg};

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Adds a hook with all that it asks for.
#[track_caller]
fn add(root: &Root, name: &str) {
    let manifest = text(&workspace().join("plugins").join(name).join("hook.toml"));
    let component = text(&binary::hook(&name.replace('-', "_")));
    root.ok(&["hook", "add", &component, "--manifest", &manifest, "--grant", "requested"]);
}

/// Imports a package with these files.
#[track_caller]
fn import(root: &Root, deb: &Deb, files: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<(String, Vec<u8>)> =
        files.iter().map(|file| (format!("./{file}"), b"content".to_vec())).collect();
    tool::write(&folder.path().join(deb.file_name()), deb::bytes(deb.control().as_bytes(), &files));
    root.import(SERIES, &[folder.path()]).exits(0);
}

/// The line of the signed Release for a file of the suite.
#[track_caller]
fn assert_is_listed(root: &Root, file: &str) {
    let content = read(&root.suite(SERIES).join(file));
    let sha256 = pressroom_tests::tree::sha256(&content);
    let release = read_text(&root.suite(SERIES).join("InRelease"));
    let is_listed = release
        .lines()
        .any(|line| line.split_whitespace().eq([sha256.as_str(), &content.len().to_string(), file]));
    assert!(is_listed, "{file} {sha256} is not in\n{release}");
}

fn last_run(root: &Root) -> String {
    root.ok(&["history", "--details"]).stdout
}

#[test]
fn a_shell_is_told_which_package_has_a_command() {
    let root = Root::new();
    add(&root, "command-not-found");
    import(
        &root,
        &Deb::new("tools", "1.0").architecture("amd64"),
        &["usr/bin/hammer", "sbin/saw", "etc/tools.conf"],
    );
    import(&root, &Deb::new("games", "1:2.0"), &["usr/games/chess"]);
    import(&root, &Deb::new("quiet", "3"), &["usr/share/quiet/data"]);
    root.ok(&["publish"]);
    root.verify(SERIES);
    let commands =
        |architecture: &str| read_text(&root.suite(SERIES).join(format!("main/cnf/Commands-{architecture}")));
    let games = "name: games\nversion: 1:2.0\ncommands: chess\n";
    assert_eq!(
        commands("amd64"),
        format!(
            "suite: aurora\ncomponent: main\narch: amd64\n\n{games}\nname: tools\nversion: 1.0\ncommands: hammer,saw\n"
        )
    );
    assert_eq!(commands("arm64"), format!("suite: aurora\ncomponent: main\narch: arm64\n\n{games}"));
    for file in ["main/cnf/Commands-amd64", "main/cnf/Commands-amd64.xz", "universe/cnf/Commands-arm64.xz"] {
        assert_is_listed(&root, file);
    }
    let packed = root.suite(SERIES).join("main/cnf/Commands-amd64.xz");
    assert_eq!(
        tool::succeed(tool("xz").args(["--decompress", "--stdout"]).arg(&packed)).stdout,
        commands("amd64")
    );

    // a newer one: what it changes is changed, by the changes alone
    import(&root, &Deb::new("tools", "1.1").architecture("amd64"), &["usr/bin/hammer", "usr/bin/pliers"]);
    root.ok(&["publish"]);
    assert!(last_run(&root).contains("wrote 1 Commands indexes, 0 of them anew"), "{}", last_run(&root));
    let increment = commands("amd64");
    assert!(increment.ends_with("name: tools\nversion: 1.1\ncommands: hammer,pliers\n"), "{increment}");
    // a removal
    root.ok(&["remove", "--suite", SERIES, "--binary", "games"]);
    root.ok(&["publish"]);
    assert!(!commands("arm64").contains("games") && !commands("amd64").contains("games"));

    // a pass that it does not see; at the next one it begins anew
    let grant = root.hooks("pre-publication").join("50-command-not-found.toml");
    let component = grant.with_extension("wasm");
    let (kept_grant, kept) = (read(&grant), read(&component));
    std::fs::remove_file(&grant).unwrap();
    std::fs::remove_file(&component).unwrap();
    import(&root, &Deb::new("missed", "1"), &["usr/bin/missed"]);
    root.ok(&["publish"]);
    tool::write(&grant, kept_grant);
    tool::write(&component, kept);
    import(&root, &Deb::new("later", "1"), &["usr/bin/later"]);
    root.ok(&["publish"]);
    assert!(last_run(&root).contains("4 of them anew"), "{}", last_run(&root));
    assert!(
        commands("amd64").contains("commands: missed\n") && commands("arm64").contains("commands: later\n")
    );
    root.verify(SERIES);
    // as the package command-not-found sets it up; apt chooses the packed form, and verifies it
    let client = root.client(SERIES);
    let target = |key: &str, value: &str| format!("Acquire::IndexTargets::deb::CNF::{key}={value}");
    let [key, short, long] = [
        target("MetaKey", "$(COMPONENT)/cnf/Commands-amd64"),
        target("ShortDescription", "Commands-amd64"),
        target("Description", "$(RELEASE)/$(COMPONENT) Commands"),
    ];
    let options = ["-o", &key, "-o", &short, "-o", &long];
    client.apt_get(&[&options[..], &["update"]].concat()).exits(0).says(&["aurora/main Commands"]);
    let said = client.apt_get(&[&options[..], &["indextargets", "Created-By: CNF"]].concat()).exits(0).stdout;
    let file =
        said.lines().find_map(|line| line.strip_prefix("Filename: ")).expect("apt has the index").trim();
    let fetched = tool::succeed(tool("/usr/lib/apt/apt-helper").args(["cat-file", file])).stdout;
    assert!(fetched == commands("amd64") || fetched.contains("component: universe\n"), "{fetched}");
}

#[test]
fn an_installer_gets_checksums_that_are_signed() {
    let root = Root::new();
    add(&root, "checksums");
    let tree = "main/installer-amd64/20250301";
    let script = format!(
        "#!/bin/sh\nset -e\ncd \"$DISTSROOT/aurora\"\nmkdir -p {tree}/images\necho kernel >{tree}/images/linux\n\
         echo manifest >{tree}/MANIFEST\nln -sfn 20250301 main/installer-amd64/current\n"
    );
    tool::write_program(&root.hooks("pre-publication").join("10-installer"), &script);
    import(&root, &Deb::new("one", "1"), &[]);
    root.ok(&["publish"]);
    root.verify(SERIES);
    let folder = root.suite(SERIES).join(tree);
    let sums = folder.join("SHA256SUMS");
    tool::succeed(tool("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&folder));
    assert_eq!(read_text(&sums).lines().count(), 2);
    let keyring = gnupg::keyring(&root.key());
    gnupg::gpgv(&keyring, &[&folder.join("SHA256SUMS.gpg"), &sums]).exits(0);
    for file in ["SHA256SUMS", "SHA256SUMS.gpg", "images/linux"] {
        assert_is_listed(&root, &format!("{tree}/{file}"));
    }
    // nothing changes: nothing is signed anew
    let signature = read(&folder.join("SHA256SUMS.gpg"));
    import(&root, &Deb::new("two", "1"), &[]);
    root.ok(&["publish"]);
    assert!(
        last_run(&root).contains("no tree of an installer or upgrader has changed"),
        "{}",
        last_run(&root)
    );
    assert_eq!(read(&folder.join("SHA256SUMS.gpg")), signature);
    // one more file
    let more = script + &format!("echo initrd >{tree}/images/initrd.gz\n");
    tool::write_program(&root.hooks("pre-publication").join("10-installer"), &more);
    import(&root, &Deb::new("three", "1"), &[]);
    root.ok(&["publish"]);
    tool::succeed(tool("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&folder));
    assert_eq!(read_text(&sums).lines().count(), 3);
    gnupg::gpgv(&keyring, &[&folder.join("SHA256SUMS.gpg"), &sums]).exits(0);
}

#[test]
fn feeds_tell_what_was_published() {
    let root = Root::new();
    add(&root, "feed");
    import(&root, &Deb::new("one", "1.0").with("Description", "less <than> & \"more\""), &[]);
    root.ok(&["publish"]);
    let feed = root.served().join("project/feed");
    let json = |at: &str| -> serde_json::Value {
        let feed: serde_json::Value = serde_json::from_slice(&read(&feed.join("feed.json"))).unwrap();
        feed.pointer(at).cloned().unwrap_or_default()
    };
    assert_eq!(json("/version"), "https://jsonfeed.org/version/1.1");
    assert_eq!(json("/items/0/title"), "one 1.0 published in aurora/main");
    assert_eq!(json("/items/0/date_published"), "2025-03-01T12:00:00Z");
    import(&root, &Deb::new("two", "2.0"), &[]);
    root.ok(&["publish"]);
    root.ok(&["remove", "--suite", SERIES, "--binary", "one"]);
    root.ok(&["publish"]);
    for (at, title) in [
        ("/items/0/title", "one 1.0 removed from aurora/main"),
        ("/items/1/title", "two 2.0 published in aurora/main"),
        ("/items/2/title", "one 1.0 published in aurora/main"),
    ] {
        assert_eq!(json(at), title);
    }
    assert_eq!(json("/items/3"), serde_json::Value::Null);
    let read_atom = "import sys, xml.etree.ElementTree as tree\n\
        name = '{http://www.w3.org/2005/Atom}'\n\
        feed = tree.parse(sys.argv[1]).getroot()\n\
        print(*[entry.find(name + 'title').text for entry in feed.iter(name + 'entry')], sep='\\n')\n\
        assert feed.find(name + 'id').text and feed.find(name + 'updated').text == '2025-03-01T12:00:00Z'\n\
        assert len({entry.find(name + 'id').text for entry in feed.iter(name + 'entry')}) == 3\n";
    let said = tool::succeed(tool("python3").args(["-c", read_atom]).arg(feed.join("atom.xml")));
    assert_eq!(
        said.stdout,
        "one 1.0 removed from aurora/main\ntwo 2.0 published in aurora/main\none 1.0 published in aurora/main\n"
    );
    // nothing new is nothing to tell
    let before = read(&feed.join("feed.json"));
    root.ok(&["publish"]);
    assert_eq!(read(&feed.join("feed.json")), before);
}

#[test]
fn a_frozen_hook_sees_a_real_archive() {
    let root = Root::new();
    let manifest = root.path().join("frozen.toml");
    tool::write(
        &manifest,
        "name = \"frozen\"\npoints = [\"pre-publication\", \"post-publication\", \"finalize\"]\n[capabilities]\narchive = true\n\
         staging = [\"project/frozen/*\"]\nstate = true\nsigning = [\"project/frozen/*\"]\n[config]\ngreeting = \"hello\"\n",
    );
    let component = text(&workspace().join("tests/fixtures/frozen/hooks-0.1.0.wasm"));
    root.ok(&["hook", "add", &component, "--manifest", &text(&manifest), "--grant", "requested"]);
    import(
        &root,
        &Deb::new("frozen-stiff", "1.0").architecture("amd64"),
        &["usr/bin/stiff", "etc/stiff.conf"],
    );
    root.ok(&["publish"]);
    let said = last_run(&root);
    for line in [
        "pre-publication acme acme low numbered dry false",
        "post-publication acme acme low numbered dry false",
        "finalize acme acme low numbered dry false",
        "changes: Action::Published PackageKind::Binary frozen-stiff 1.0 amd64 acme aurora main misc optional frozen-stiff",
        "packages: frozen-stiff 1.0 amd64 main misc optional frozen-stiff 1.0",
        "files of sources true",
        "contents: frozen-stiff 1.0 amd64 usr/bin/stiff",
        "contents: frozen-stiff 1.0 amd64 etc/stiff.conf+usr/bin/stiff",
        "previous false",
        "bad key true",
        "staged project/frozen/one 13",
        "config hello",
    ] {
        assert!(said.contains(line), "{line} is not in\n{said}");
    }
    let folder = root.served().join("project/frozen");
    let keyring = gnupg::keyring(&root.key());
    gnupg::gpgv(&keyring, &[&folder.join("one.gpg"), &folder.join("one")]).exits(0);
    gnupg::gpgv(&keyring, &[&folder.join("one.asc")]).exits(0);
    import(&root, &Deb::new("next", "1"), &[]);
    root.ok(&["publish"]);
    assert!(last_run(&root).contains("previous true"), "{}", last_run(&root));
}
