//! Patches of indexes, by the word of apt: it fetches them instead of the index, applies them, and is no worse off where there are none for it.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use pressroom_tests::apt::{Client, Line, names_in};
use pressroom_tests::deb::{Deb, bytes};
use pressroom_tests::random::Random;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::server::Server;
use pressroom_tests::source;
use pressroom_tests::tool::{self, read_text, tool};
use pressroom_tests::tree::{assert_same, picture};

use crate::crash::kill_after;
use crate::timings::{Spent, add, with_packages};

const INDEX: &str = "main/binary-amd64/Packages";

/// An archive of some packages, of whose indexes so many patches are kept, published.
fn archive(most: &str, count: usize) -> Root {
    let base = Root::new();
    base.ok(&["series", "set", SERIES, "--pdiffs", most, "--index-segment-kib", "16"]);
    with_packages(&base, count)
}

/// Publishes another version of a package, so many minutes after noon.
#[track_caller]
fn publish(root: &Root, name: &str, version: &str, minutes: usize) {
    add(root, name, version);
    root.run_at(&format!("2025-03-01T12:{minutes:02}:00Z"), &["publish"]).exits(0);
}

fn client(root: &Root, server: &Server) -> Client {
    Client::new(&Line { uri: server.uri(), ..root.line(SERIES) }, &["arm64"])
}

/// The Packages that a client has, as text.
#[track_caller]
fn packages_of(client: &Client) -> String {
    let lists = client.configuration().with_file_name("state").join("lists");
    let name = names_in(&lists).into_iter().find(|name| name.ends_with("main_binary-amd64_Packages"));
    read_text(&lists.join(name.expect("the client has the index")))
}

/// What of the index itself, its patches not among it, was asked for.
fn whole(asked: &[String]) -> Vec<&String> {
    asked
        .iter()
        .filter(|path| path.contains("main/binary-amd64/") && !path.contains("Packages.diff/"))
        .collect()
}

/// The patches that were asked for and there, in that order.
fn patches(asked: &[String]) -> Vec<String> {
    let names = asked
        .iter()
        .filter_map(|path| path.split_once("main/binary-amd64/Packages.diff/2")?.1.strip_suffix(".gz"));
    let names: Vec<String> = names.map(|name| format!("2{name}")).collect();
    assert!(asked.iter().all(|path| !path.starts_with("404") || !path.contains(".diff/")), "{asked:?}");
    names
}

#[test]
fn apt_fetches_patches_instead_of_the_index() {
    let root = archive("3", 150);
    let server = Server::new(&root.served());
    let (merging, stepping, late) = (client(&root, &server), client(&root, &server), client(&root, &server));
    stepping.configure("50steps", "Acquire::PDiffs::Merge \"false\";\n");
    for client in [&merging, &stepping, &late] {
        client.update();
    }
    assert!(!whole(&server.take_asked()).is_empty());
    publish(&root, "package-00100", "2.0", 10);
    publish(&root, "another", "1.0", 20);
    root.ok(&["remove", "--suite", SERIES, "--binary", "package-00120"]);
    publish(&root, "package-00100", "3.0", 30);
    let expected = root.index(SERIES, INDEX);
    let names = ["2025-03-01-1210.00", "2025-03-01-1220.00", "2025-03-01-1230.00"];
    for (client, how) in [(&merging, "in one go"), (&stepping, "one by one")] {
        client.update();
        let asked = server.take_asked();
        assert!(whole(&asked).is_empty(), "{how}: {asked:?}");
        let mut fetched = patches(&asked);
        fetched.sort();
        assert_eq!(fetched, names, "{how}");
        // what tells of them is taken by its hash
        assert!(asked.iter().any(|path| path.contains("Packages.diff/by-hash/SHA256/")), "{asked:?}");
        assert!(packages_of(client) == expected, "{how}");
        assert_eq!(client.candidate("package-00100").as_deref(), Some("3.0"));
        assert_eq!(client.candidate("another").as_deref(), Some("1.0"));
        assert_eq!(client.candidate("package-00120"), None);
    }
    // one more step, and nothing to do
    publish(&root, "package-00007", "2.0", 40);
    merging.update();
    assert_eq!(patches(&server.take_asked()), ["2025-03-01-1240.00"]);
    merging.update();
    let asked = server.take_asked();
    assert!(patches(&asked).is_empty() && whole(&asked).is_empty(), "{asked:?}");
    // a client that is too old is not told how to go on, and takes the index
    late.update();
    let asked = server.take_asked();
    assert!(patches(&asked).is_empty() && whole(&asked).len() == 1, "{asked:?}");
    for client in [&merging, &late] {
        assert!(packages_of(client) == root.index(SERIES, INDEX));
    }
}

#[test]
fn a_client_that_has_just_read_of_a_patch_still_gets_it() {
    let root = archive("1", 110);
    let server = Server::new(&root.served());
    let client = client(&root, &server);
    client.update();
    publish(&root, "package-00100", "2.0", 10);
    server.pin("dists/aurora/InRelease");
    let before = root.index(SERIES, INDEX);
    publish(&root, "package-00100", "3.0", 20);
    publish(&root, "package-00101", "3.0", 30);
    let _ = server.take_asked();
    client.update();
    let asked = server.take_asked();
    assert_eq!((patches(&asked), whole(&asked).len()), (vec!["2025-03-01-1210.00".to_owned()], 0));
    assert!(packages_of(&client) == before);
    assert_eq!(client.candidate("package-00100").as_deref(), Some("2.0"));
}

#[test]
fn killed_publishers_leave_a_chain_of_patches_that_apt_can_follow() {
    let root = archive("9", 120);
    let undisturbed = root.copy();
    let server = Server::new(&root.served());
    let (steady, late) = (client(&root, &server), client(&root, &server));
    steady.update();
    late.update();
    let mut random = Random::new(0x9d1f);
    let mut kills = 0;
    let mut names = Vec::new();
    let _ = server.take_asked();
    for step in 1..=9 {
        let (now, version) = (format!("2025-03-01T12:{:02}:00Z", 5 * step), format!("{step}.5"));
        for one in [&root, &undisturbed] {
            add(one, &format!("package-{:05}", 11 * step), &version);
            add(one, &format!("another-{step}"), &version);
        }
        let started = Instant::now();
        undisturbed.run_at(&now, &["publish"]).exits(0);
        let duration = started.elapsed();
        for _ in 0..4 {
            let mut publish = root.command_at(&now, &["publish"]);
            let child = publish.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
            if !kill_after(child, duration.mul_f64(random.fraction())) {
                break;
            }
            kills += 1;
            root.verify(SERIES);
            steady.update();
        }
        root.run_at(&now, &["publish"]).exits(0);
        assert_same(
            &format!("after {kills} kills, the archive and that of an undisturbed publisher"),
            &picture(&root.served()),
            &picture(&undisturbed.served()),
        );
        steady.update();
        assert!(packages_of(&steady) == root.index(SERIES, INDEX), "step {step}, {kills} kills");
        let asked = server.take_asked();
        assert!(whole(&asked).is_empty(), "step {step}: {asked:?}");
        let name = format!("2025-03-01-12{:02}.00", 5 * step);
        assert_eq!(patches(&asked), [name.as_str()], "step {step}, {kills} kills: each is fetched once");
        names.push(name);
    }
    assert!(kills > 3, "{kills} publishers were killed");
    // who comes late goes through all of them
    late.update();
    let asked = server.take_asked();
    let mut fetched = patches(&asked);
    fetched.sort();
    assert_eq!((fetched, whole(&asked).len()), (names, 0));
    assert!(packages_of(&late) == root.index(SERIES, INDEX));
}

#[test]
fn sources_descriptions_and_lists_of_files_have_patches_too() {
    let base = Root::new();
    base.ok(&["series", "set", SERIES, "--pdiffs", "9", "--translations", "en", "--contents", "true"]);
    let all = |root: &Root, version: &str, count: usize| {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..count {
            let name = format!("package-{number:03}");
            let deb = Deb::new(&name, version).architecture("amd64");
            let control = deb
                .with("Description", &format!("is {name} {version}\n It is in version {version}."))
                .control();
            let file = (format!("./usr/share/{name}/{version}"), name.into_bytes());
            let deb = bytes(control.as_bytes(), &[file]);
            tool::write(&folder.path().join(format!("package-{number:03}_{version}_amd64.deb")), deb);
            let _ = source::build(folder.path(), &format!("source-{number:03}"), &format!("{version}-1"));
        }
        root.import(SERIES, &[folder.path()]).exits(0);
    };
    all(&base, "1.0", 40);
    base.ok(&["publish"]);
    let server = Server::new(&base.served());
    let client = client(&base, &server);
    client.configure("50apt-file.conf", &read_text(&PathBuf::from("/etc/apt/apt.conf.d/50apt-file.conf")));
    client.update();
    all(&base, "2.0", 1);
    base.run_at("2025-03-01T12:10:00Z", &["publish"]).exits(0);
    let _ = server.take_asked();
    client.update();
    let asked = server.take_asked();
    for index in ["binary-amd64/Packages", "source/Sources", "i18n/Translation-en", "Contents-amd64"] {
        let patch = format!("200 dists/{SERIES}/main/{index}.diff/2025-03-01-1210.00.gz");
        assert!(asked.contains(&patch), "{patch} {asked:?}");
    }
    let whole = asked.iter().filter(|path| path.contains("/main/") && !path.contains(".diff/"));
    assert_eq!(whole.count(), 0, "{asked:?}");
    assert!(client.apt_cache(&["show", "package-000"]).exits(0).stdout.contains("It is in version 2.0."));
    let said = client.apt_file(&["search", "-F", "/usr/share/package-000/2.0"]).exits(0).stdout;
    assert_eq!(said.trim(), "package-000: /usr/share/package-000/2.0");
}

#[test]
fn an_index_that_a_hook_replaces_is_fetched_and_the_next_has_no_patch_of_it() {
    let root = archive("9", 100);
    let server = Server::new(&root.served());
    let client = client(&root, &server);
    client.update();
    let index = root.suite(SERIES).join(format!("{INDEX}.diff/Index"));
    publish(&root, "package-00001", "2.0", 10);
    assert!(index.exists());
    let replace = root.hooks("pre-publication").join("10-replace");
    tool::write_program(
        &replace,
        &format!(
            "#!/bin/sh -e\ncd \"$DISTSROOT/{SERIES}/main/binary-amd64\"\n\
             zcat Packages.gz | sed 's/^Section: .*/Section: games/' >text\n\
             gzip -9nc text >Packages.gz.new; xz -c text >Packages.xz.new; rm text\n\
             mv Packages.gz.new Packages.gz; mv Packages.xz.new Packages.xz\n"
        ),
    );
    publish(&root, "package-00001", "3.0", 20);
    assert!(!index.exists() && root.index(SERIES, INDEX).contains("Section: games"));
    client.update();
    assert!(packages_of(&client) == root.index(SERIES, INDEX));
    std::fs::remove_file(&replace).unwrap();
    publish(&root, "package-00001", "4.0", 30);
    assert!(!index.exists(), "what was made is no patch of what the hook has made");
    client.update();
    let _ = server.take_asked();
    publish(&root, "package-00001", "5.0", 40);
    assert!(index.exists());
    client.update();
    let asked = server.take_asked();
    assert_eq!((patches(&asked), whole(&asked).len()), (vec!["2025-03-01-1240.00".to_owned()], 0));
    assert_eq!(client.candidate("package-00001").as_deref(), Some("5.0"));
}

#[test]
fn a_patch_costs_what_the_change_is_large() {
    let spent = |count: usize| {
        let root = archive("9", count);
        publish(&root, "package-00040", "2.0", 10);
        add(&root, "package-00040", "3.0");
        Spent::publishing(&root)
    };
    let (small, large) = (spent(60), spent(480));
    for spent in [&small, &large] {
        // of two architectures, some segments of 16 KiB before and after
        assert!((20..6000).contains(&spent.of("lines_compared")), "{:?}", spent.all());
    }
    assert!(large.of("segments_kept") > 3 * small.of("segments_kept"), "{:?}", large.all());
    assert_eq!(large.of("files_opened"), small.of("files_opened"));
    let off = archive("none", 60);
    publish(&off, "package-00040", "2.0", 10);
    add(&off, "package-00040", "3.0");
    assert_eq!(Spent::publishing(&off).of("lines_compared"), 0);
}

#[test]
fn how_many_patches_there_are_is_a_setting() {
    let root = Root::new();
    assert!(root.ok(&["export"]).stdout.contains("pdiffs = \"none\""));
    root.ok(&["series", "set", SERIES, "--pdiffs", "56"]);
    let exported = root.ok(&["export"]).stdout;
    assert!(exported.contains("pdiffs = 56"), "{exported}");
    for wrong in ["-1", "1001", "all", ""] {
        root.run(&["series", "set", SERIES, &format!("--pdiffs={wrong}")]).exits(2);
    }
    let file = root.path().join("description.toml");
    tool::write(&file, exported.replace("pdiffs = 56", "pdiffs = 12"));
    let path = file.display().to_string();
    root.ok(&["apply", &path]);
    assert!(root.ok(&["export"]).stdout.contains("pdiffs = 12"));
    tool::write(&file, exported.replace("pdiffs = 56", "pdiffs = \"some\""));
    root.run(&["apply", &path]).exits(3).says(&["up to 1000 patches", "\"some\""]);
    root.ok(&["series", "set", SERIES, "--pdiffs", "none"]);
    assert!(root.ok(&["export"]).stdout.contains("pdiffs = \"none\""));
}

#[test]
fn apts_own_program_makes_the_next_index_of_the_one_before() {
    let root = archive("9", 150);
    let before = root.index(SERIES, INDEX);
    publish(&root, "package-00010", "2.0", 10);
    publish(&root, "aaa", "1.0", 20);
    publish(&root, "zzz", "1.0", 30);
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("input"), folder.path().join("output"));
    tool::write(&input, &before);
    let patches = root.suite(SERIES).join(format!("{INDEX}.diff"));
    let names = names_in(&patches).into_iter().filter(|name| name.ends_with(".gz"));
    let files: Vec<PathBuf> = names.map(|name| patches.join(name)).collect();
    assert_eq!(files.len(), 3);
    tool::succeed(tool("/usr/lib/apt/methods/rred").arg("-t").arg(&input).arg(&output).args(&files));
    assert!(read_text(&output) == root.index(SERIES, INDEX));
}
