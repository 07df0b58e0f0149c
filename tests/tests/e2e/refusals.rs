//! Bad input: an error that names the thing and the reason, an exit code, and nothing lost or half-published.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use pressroom_tests::apt::{names_in, spotless};
use pressroom_tests::deb::{self, Deb};
use pressroom_tests::gnupg;
use pressroom_tests::mount::Cage;
use pressroom_tests::root::{DISTRIBUTION, NOW, Root, SERIES, init};
use pressroom_tests::tool::{self, Ran, read, read_text, tool};
use pressroom_tests::tree::{assert_same, picture};
use pressroom_tests::{binary, source};

/// The exit codes of the manual.
const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const CONFIGURATION: i32 = 3;
const BUSY: i32 = 4;

/// Imports a bad file together with a good one: the bad one is named with a reason, and the good one is published.
#[track_caller]
fn refused(name: &str, content: &[u8], reason: &[&str]) {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    tool::write(&folder.path().join(name), content);
    let _ = Deb::new("good", "1.0").write(folder.path());
    bad_beside_good(&root, folder.path(), name, reason);
}

#[track_caller]
fn bad_beside_good(root: &Root, folder: &Path, name: &str, reason: &[&str]) -> Ran {
    let ran = root.import(SERIES, &[folder]).exits(FAILURE).says(&[name]).says(reason);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    let stem = name.split(['_', '.']).next().unwrap();
    assert!(!root.served().join("pool/main").join(&stem[..1]).join(stem).exists(), "{name} is in the pool");
    root.client(SERIES).update();
    ran
}

/// A package that differs from a good one in one field.
fn deb_with(field: &str, value: &str) -> Vec<u8> {
    deb::bytes(Deb::new("bad", "1.0").with(field, value).control().as_bytes(), &[])
}

// ---------------------------------------------------------------- packages

#[test]
fn a_truncated_deb() {
    let folder = tempfile::tempdir().unwrap();
    let whole = read(&Deb::new("bad", "1.0").build(folder.path()));
    refused("bad_1.0_all.deb", &whole[..whole.len() - 7], &["data.tar"]);
}

#[test]
fn debs_cut_off_anywhere() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let whole = read(&Deb::new("bad", "1.0").build(folder.path()));
    let cut = folder.path().join("cut");
    for length in (0..whole.len()).step_by(whole.len() / 12) {
        tool::write(&cut.join(format!("bad{length}_1.0_all.deb")), &whole[..length]);
    }
    let ran = root.import(SERIES, &[&cut]).exits(FAILURE);
    for name in names_in(&cut) {
        assert!(ran.everything().contains(&name), "{name} is not named\n{}", ran.account());
    }
    assert!(!root.served().join("pool").exists());
}

#[test]
fn garbage_called_a_deb() {
    refused("bad_1.0_all.deb", b"this is no package at all\n", &["ar archive"]);
}

#[test]
fn an_empty_file_called_a_deb() {
    refused("bad_1.0_all.deb", b"", &[]);
}

#[test]
fn a_control_file_without_a_mandatory_field() {
    for field in ["Package", "Version", "Architecture", "Maintainer", "Description"] {
        let control = Deb::new("bad", "1.0").without(field).control();
        refused("bad_1.0_all.deb", &deb::bytes(control.as_bytes(), &[]), &[field]);
    }
}

#[test]
fn a_control_file_that_is_not_utf_8() {
    let control = Deb::new("bad", "1.0").control().replace("Pressroom Tests", "Pressroom Te\u{df}ts");
    let latin1: Vec<u8> =
        control.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect();
    refused("bad_1.0_all.deb", &deb::bytes(&latin1, &[]), &["UTF-8"]);
}

#[test]
fn a_member_that_says_it_is_longer_than_it_is() {
    let mut lying = deb::ar(&[("debian-binary", b"2.0\n")]);
    lying.extend(deb::ar_header("control.tar.gz", 5000));
    lying.extend(deb::tar_gz(&[("./control".to_owned(), Deb::new("bad", "1.0").control().into_bytes())]));
    refused("bad_1.0_all.deb", &lying, &["control.tar.gz"]);
}

#[test]
fn a_control_member_that_says_it_is_enormous() {
    let mut lying = deb::ar(&[("debian-binary", b"2.0\n")]);
    lying.extend(deb::ar_header("control.tar.gz", 9_999_999_999));
    lying.extend(b"little");
    refused("bad_1.0_all.deb", &lying, &["control.tar.gz"]);
}

#[test]
fn a_control_file_that_grows_when_it_is_decompressed() {
    let bomb = deb::tar_gz(&[("./control".to_owned(), vec![b'x'; 64 << 20])]);
    let package = deb::ar(&[
        ("debian-binary", b"2.0\n"),
        ("control.tar.gz", &bomb),
        ("data.tar.gz", &deb::tar_gz(&[])),
    ]);
    refused("bad_1.0_all.deb", &package, &["control.tar.gz"]);
}

#[test]
fn data_that_nobody_can_unpack() {
    let control = deb::tar_gz(&[("./control".to_owned(), Deb::new("bad", "1.0").control().into_bytes())]);
    let with_data = |name: &str, data: &[u8]| {
        deb::ar(&[("debian-binary", b"2.0\n"), ("control.tar.gz", &control), (name, data)])
    };
    let whole = deb::tar_gz(&[("./usr/bin/bad".to_owned(), vec![b'x'; 5000])]);
    let escaping = deb::tar_gz(&[("./usr/../../etc/passwd".to_owned(), Vec::new())]);
    for (name, data, reason) in [
        ("data.tar.gz", &b"garbage"[..], "cannot be decompressed"),
        ("data.tar.xz", &whole, "cannot be decompressed"),
        ("data.tar.gz", &whole[..whole.len() - 4], "cannot be decompressed"),
        ("data.tar", &[b'x'; 2048], "damaged"),
        ("data.tar.gz", &escaping, "leads out of the root"),
    ] {
        refused("bad_1.0_all.deb", &with_data(name, data), &[name, reason]);
    }
}

#[test]
fn an_illegal_version() {
    for version in ["1.0/../../x", "1.0 2", "-1", "1:", "a:1", "1.0_2", ""] {
        refused("bad_1.0_all.deb", &deb_with("Version", version), &["ersion"]);
    }
}

#[test]
fn an_illegal_package_name() {
    for name in ["../bad", "Bad", "b", "bad/worse", "bad name", ".bad"] {
        refused("bad_1.0_all.deb", &deb_with("Package", name), &["Package"]);
    }
}

#[test]
fn an_illegal_source_name_or_section() {
    refused("bad_1.0_all.deb", &deb_with("Source", "../../etc"), &["Source"]);
    refused("bad_1.0_all.deb", &deb_with("Section", "../../etc"), &["Section"]);
}

#[test]
fn relations_for_which_apt_would_refuse_the_whole_index() {
    for (field, value) in [("Depends", "foo (>> , |"), ("Recommends", "foo bar"), ("Provides", "a, , b")] {
        refused("bad_1.0_all.deb", &deb_with(field, value), &[field, "apt would take no index with it"]);
    }
}

#[test]
fn an_unknown_architecture() {
    refused("bad_1.0_s390x.deb", &deb_with("Architecture", "s390x"), &["s390x", "amd64"]);
}

#[test]
fn a_dsc_whose_files_are_missing() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("good", "1.0").write(folder.path());
    let _ = source::build(folder.path(), "bad", "1.0-1");
    std::fs::remove_file(folder.path().join("bad_1.0.orig.tar.gz")).unwrap();
    bad_beside_good(&root, folder.path(), "bad_1.0-1.dsc", &["bad_1.0.orig.tar.gz"]);
}

#[test]
fn a_dsc_whose_files_differ() {
    for change in ["longer", "other"] {
        let root = Root::new();
        let folder = tempfile::tempdir().unwrap();
        let _ = Deb::new("good", "1.0").write(folder.path());
        let _ = source::build(folder.path(), "bad", "1.0-1");
        let original = folder.path().join("bad_1.0.orig.tar.gz");
        let mut content = read(&original);
        if change == "longer" {
            content.push(0);
        } else {
            *content.last_mut().unwrap() ^= 1;
        }
        tool::write(&original, content);
        bad_beside_good(&root, folder.path(), "bad_1.0-1.dsc", &["bad_1.0.orig.tar.gz"]);
    }
}

#[test]
fn a_dsc_that_names_files_elsewhere() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("good", "1.0").write(folder.path());
    let dsc = source::build(folder.path(), "bad", "1.0-1");
    let text = read_text(&dsc).replace(" bad_1.0.orig.tar.gz", " ../../../etc/passwd");
    tool::write(&dsc, text);
    bad_beside_good(&root, folder.path(), "bad_1.0-1.dsc", &["passwd"]);
}

#[test]
fn a_file_that_is_in_the_pool_with_other_content() {
    let root = Root::new();
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _ = Deb::new("clash", "1.0").payload("one").write(one.path());
    let _ = Deb::new("clash", "1.0").payload("two").write(two.path());
    let _ = Deb::new("good", "1.0").write(two.path());
    root.import(SERIES, &[one.path()]).exits(0);
    root.ok(&["publish"]);
    let file = root.served().join("pool/main/c/clash/clash_1.0_all.deb");
    let before = read(&file);
    root.import(SERIES, &[two.path()]).exits(FAILURE).says(&["clash_1.0_all.deb", "content"]);
    root.ok(&["publish"]);
    assert_eq!(read(&file), before, "a file in the pool is never written over");
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["clash 1.0", "good 1.0"]);
}

#[test]
fn a_source_whose_upstream_tarball_is_another_than_that_in_the_pool() {
    let root = Root::new();
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _ = source::build(one.path(), "clash", "1.0-1");
    root.import(SERIES, &[one.path()]).exits(0);
    root.ok(&["publish"]);
    // the same upstream version, packed once more
    let _ = source::build(two.path(), "clash", "1.0-2");
    let tarball = two.path().join("clash_1.0.orig.tar.gz");
    let script = "gzip -dc \"$1\" >\"$1.tar\" && gzip -1nc \"$1.tar\" >\"$1\" && rm \"$1.tar\"";
    tool::succeed(tool("sh").args(["-c", script, "sh"]).arg(&tarball));
    assert_ne!(read(&tarball), read(&one.path().join("clash_1.0.orig.tar.gz")));
    let _ = source::build(two.path(), "clash", "1.0-2");
    root.import(SERIES, &[two.path()]).exits(FAILURE).says(&["clash_1.0.orig.tar.gz", "content"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["clash 1.0-1"]);
}

#[test]
fn a_file_in_the_pool_that_somebody_put_there() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("clash", "1.0").write(folder.path());
    let _ = Deb::new("good", "1.0").write(folder.path());
    let file = root.served().join("pool/main/c/clash/clash_1.0_all.deb");
    tool::write(&file, "not ours");
    root.import(SERIES, &[folder.path()]).exits(0);
    // one clash is critical and reported, and the rest goes on
    root.run(&["publish"]).exits(FAILURE).says(&["clash_1.0_all.deb"]);
    assert_eq!(read_text(&file), "not ours");
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    root.client(SERIES).update();
    // and once it is out of the way the package is published
    std::fs::remove_file(&file).unwrap();
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["clash 1.0", "good 1.0"]);
}

#[test]
fn a_path_that_is_not_there() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let good = Deb::new("good", "1.0").write(folder.path());
    let missing = folder.path().join("missing_1.0_all.deb");
    root.import(SERIES, &[&missing, &good]).exits(FAILURE).says(&["missing_1.0_all.deb"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
}

// ---------------------------------------------------------------- names that nothing has

#[test]
fn unknown_suites_components_and_commands() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let good = Deb::new("good", "1.0").write(folder.path());
    let good = good.to_string_lossy();
    for (arguments, code, words) in [
        (&["import", "--suite", "borealis", &good][..], USAGE, &["borealis", SERIES][..]),
        (&["import", "--suite", "aurora-tomorrow", &good], USAGE, &["aurora-tomorrow"]),
        (&["import", "--suite", SERIES, "--component", "nonfree", &good], USAGE, &["nonfree", "main"]),
        (&["publish", "--suite", "borealis"], USAGE, &["borealis"]),
        (&["publish", "--distribution", "nobody"], USAGE, &["nobody", DISTRIBUTION]),
        (&["import", &good], USAGE, &["--suite"]),
        (&["publsh"], USAGE, &["publsh", "publish"]),
        (&["publish", "--no-such-flag"], USAGE, &["--no-such-flag"]),
        (&["import", "--suite", "../x", &good], USAGE, &["../x"]),
    ] {
        let ran = root.run(arguments);
        assert!(ran.code == Some(code), "this was to exit with {code}\n{}", ran.account());
        ran.says(words);
    }
    assert!(!root.served().join("dists").exists());
}

// ---------------------------------------------------------------- roots, configuration, keys

#[test]
fn a_folder_that_is_not_empty_is_not_made_a_root() {
    let folder = tempfile::tempdir().unwrap();
    tool::write(&folder.path().join("precious"), "mine");
    let ran = init(folder.path(), None);
    assert!(ran.code != Some(0), "{}", ran.account());
    ran.says(&[&folder.path().to_string_lossy(), "empty"]);
    assert_eq!(names_in(folder.path()), ["precious"]);
}

/// What `pressroom init` says to these arguments, with files of so many blocks of 512 bytes at most.
fn init_with(folder: &Path, arguments: &[&str], most_blocks: Option<u32>) -> Ran {
    let mut command = tool::tool("sh");
    let limit = most_blocks.map_or(String::new(), |blocks| format!("trap '' XFSZ; ulimit -f {blocks}; "));
    // a file that would be longer fails, as on a disk that is full
    command.args(["-c", &format!("{limit}exec \"$@\""), "sh"]).arg(binary::pressroom());
    command.args(["--now", NOW, "init"]).arg(folder);
    tool::run(command.args(arguments))
}

#[test]
fn a_root_that_cannot_be_made_leaves_nothing_behind() {
    const GOOD: [&str; 6] = ["--distribution", "demo", "--series", "one", "--architecture", "amd64"];
    let outside = tempfile::tempdir().unwrap();
    let empty = outside.path().join("empty");
    let with = |more: &[&'static str]| [&GOOD[..], more].concat();
    for (arguments, most_blocks, reason) in [
        (with(&["--architecture", "all"]), None, "all"),
        (with(&["--architecture", "linux-any"]), None, "linux-any"),
        (with(&["--component", "main", "--component", "Main"]), None, "Main"),
        (with(&["--signing-key", "/nowhere/key.asc"]), None, "/nowhere/key.asc"),
        (with(&["--signing-key", "/etc/passwd"]), None, "/etc/passwd"),
        // the key fits, and the database does not
        (with(&[]), Some(16), "pressroom.db"),
        // and here there is no room for the key
        (with(&[]), Some(0), "signing-key.asc"),
    ] {
        let nowhere = outside.path().join("not/there/yet");
        std::fs::create_dir_all(&empty).unwrap();
        for folder in [&nowhere, &empty] {
            let ran = init_with(folder, &arguments, most_blocks);
            assert!(ran.code != Some(0), "{}", ran.account());
            ran.says(&[reason]);
        }
        assert_eq!(names_in(outside.path()), ["empty"], "{arguments:?}");
        assert_eq!(names_in(&empty), [""; 0], "{arguments:?}");
        // and the call that is right goes through
        for folder in [&nowhere, &empty] {
            init_with(folder, &GOOD, None).exits(0);
            Root::at(folder).run(&["publish"]).exits(0);
        }
        std::fs::remove_dir_all(outside.path().join("not")).unwrap();
        std::fs::remove_dir_all(&empty).unwrap();
    }
}

#[test]
fn a_signing_key_may_lie_in_a_file_of_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    init(&made, None).exits(0);
    let key = folder.path().join("the \"key\" \\ 'mine'.asc");
    std::fs::copy(made.join("keys/signing-key.asc"), &key).unwrap();
    let root = folder.path().join("root");
    init(&root, Some(&key)).exits(0);
    Root::at(&root).run(&["publish"]).exits(0);
}

#[test]
fn a_folder_that_is_no_root() {
    let folder = tempfile::tempdir().unwrap();
    Root::at(folder.path())
        .run(&["publish"])
        .exits(CONFIGURATION)
        .says(&["pressroom.toml", "pressroom init"]);
    Root::at(&folder.path().join("nowhere")).run(&["status"]).exits(CONFIGURATION).says(&["nowhere"]);
}

#[test]
fn a_configuration_with_a_wrong_key() {
    let root = Root::new();
    let path = root.path().join("pressroom.toml");
    tool::write(&path, "[publication]\nby-hash-generation = 3\n");
    root.run(&["publish"]).exits(CONFIGURATION).says(&["pressroom.toml", "line 2", "by-hash-generation"]);
    tool::write(&path, "[publication\n");
    root.run(&["status"]).exits(CONFIGURATION).says(&["pressroom.toml", "line 1"]);
}

#[test]
fn a_key_file_that_is_missing() {
    let root = root_with_pending();
    std::fs::remove_file(root.path().join("keys/signing-key.asc")).unwrap();
    root.run(&["publish"]).exits(CONFIGURATION).says(&["signing-key.asc"]);
    assert!(!root.served().join("dists").exists(), "nothing is installed unsigned");
}

#[test]
fn an_expired_signing_key() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("expired.asc");
    gnupg::write_expired_key(&key);
    // it may be refused at once, or when it has to sign; here it was good once
    let path = folder.path().join("root");
    let ran = init(&path, Some(&key));
    let ran = if ran.code == Some(0) {
        let root = Root::at(&path);
        add_pending(&root);
        root.run(&["publish"])
    } else {
        ran
    };
    assert!(matches!(ran.code, Some(FAILURE | CONFIGURATION)), "{}", ran.account());
    ran.says(&["expired", "2024-01-0"]);
    assert!(
        !path.join("archives").join(DISTRIBUTION).join("dists").exists(),
        "nothing is installed unsigned"
    );
}

#[test]
fn a_key_that_expires_leaves_the_live_tree_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("expired.asc");
    gnupg::write_expired_key(&key);
    let root = Root::with_key(None);
    add_pending(&root);
    root.ok(&["publish"]);
    let before = picture(&root.served().join("dists"));
    tool::write(&root.path().join("keys/signing-key.asc"), read(&key));
    let waiting = tempfile::tempdir().unwrap();
    let _ = Deb::new("later", "1.0").write(waiting.path());
    let imported = root.import(SERIES, &[waiting.path()]);
    assert!(imported.code == Some(0), "taking packages in needs no key\n{}", imported.account());
    let ran = root.run(&["publish"]);
    assert!(matches!(ran.code, Some(FAILURE | CONFIGURATION)), "{}", ran.account());
    ran.says(&["expired"]);
    assert_same(
        "the tree before and after a run that cannot sign",
        &before,
        &picture(&root.served().join("dists")),
    );
}

#[test]
fn a_root_that_another_publisher_holds() {
    let root = root_with_pending();
    // the first publisher waits in a hook until it is told to go on
    let (told, telling) = (root.path().join("told"), root.path().join("telling"));
    tool::succeed(tool("mkfifo").args([&told, &telling]));
    let script = format!("#!/bin/sh\necho here >'{}'\nread word <'{}'\n", told.display(), telling.display());
    tool::write_program(&root.hooks("pre-publication").join("10-wait"), &script);
    let first = root.command(&["publish"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut word = String::new();
    BufReader::new(std::fs::File::open(&told).unwrap()).read_line(&mut word).unwrap();
    root.run(&["publish"]).exits(BUSY).says(&[DISTRIBUTION, &first.id().to_string()]);
    root.ok(&["status"]);
    std::fs::OpenOptions::new().write(true).open(&telling).unwrap().write_all(b"go\n").unwrap();
    let output = first.wait_with_output().unwrap();
    Ran::of("the first publisher".to_owned(), &output).exits(0);
    root.client(SERIES).update();
}

fn add_pending(root: &Root) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("good", "1.0").write(folder.path());
    let _ = source::build(folder.path(), "good", "1.0-1");
    root.import(SERIES, &[folder.path()]).exits(0);
}

fn root_with_pending() -> Root {
    let root = Root::new();
    add_pending(&root);
    root
}

// ---------------------------------------------------------------- disks

/// What is on the small disk of these tests: a published archive and more that waits, and what an undisturbed run makes of it.
struct SmallDisk {
    cage: Cage,
    root: Root,
    _place: tempfile::TempDir,
    expected: pressroom_tests::tree::Picture,
    client: pressroom_tests::apt::Client,
}

const LATER: &str = "2025-03-01T13:00:00Z";

impl SmallDisk {
    /// A tmpfs of so many KiB with all or a part of the root on it.
    fn new(kilobytes: usize, on_disk: &str) -> Self {
        let prepared = root_with_pending();
        prepared.ok(&["publish"]);
        let folder = tempfile::tempdir().unwrap();
        for number in 0..40 {
            let name = format!("waiting-{number}");
            let payload: String = (0..40)
                .map(|line| pressroom_tests::tree::sha256(format!("{name} {line}").as_bytes()))
                .collect();
            let _ = Deb::new(&name, "1.0").payload(&payload).write(folder.path());
        }
        prepared.import(SERIES, &[folder.path()]).exits(0);
        let reference = prepared.copy();
        reference.run_at(LATER, &["publish"]).exits(0);
        let expected = picture(&reference.served());

        let cage = Cage::new();
        let place = tempfile::tempdir().unwrap();
        let at = place.path().join("root");
        tool::copy_tree(prepared.path(), &at);
        let (disk, original) = (at.join(on_disk), prepared.path().join(on_disk));
        cage.shell(
            "mount -t tmpfs -o \"size=$3k,mode=755\" pressroom \"$1\" && cp -a \"$2/.\" \"$1/\"",
            &[disk.as_os_str(), original.as_os_str(), OsStr::new(&kilobytes.to_string())],
        );
        let client = prepared.client(SERIES);
        let mut line = prepared.line(SERIES);
        line.uri = format!("file://{}", at.join("archives").join(DISTRIBUTION).display());
        let key = place.path().join("key").with_extension(line.signed_by.extension().unwrap());
        tool::write(&key, read(&line.signed_by));
        line.signed_by = key;
        client.point_to(&line);
        Self { cage, root: Root::at(&at), _place: place, expected, client }
    }

    fn publish(&self) -> Ran {
        self.cage.run(&self.root.command_at(LATER, &["publish"]))
    }

    /// apt takes the live tree as it is.
    fn is_whole(&self) {
        let mut command = tool("apt-get");
        command.env("APT_CONFIG", self.client.configuration()).arg("update");
        spotless(self.cage.run(&command));
    }

    /// What is served now, seen from within.
    fn served(&self) -> pressroom_tests::tree::Picture {
        let seen = tempfile::tempdir().unwrap();
        let copy = seen.path().join("served");
        let served: PathBuf = self.root.served();
        self.cage.shell("cp -a \"$1\" \"$2\"", &[served.as_os_str(), copy.as_os_str()]);
        picture(&copy)
    }
}

/// Publishes on a disk that has so many KiB left, from none to enough; then with all the room it wants.
#[track_caller]
fn publishes_when_there_is_room(disk: &SmallDisk, filler: &Path) {
    let mut failed = 0;
    for free in [0, 8, 24, 40, 60, 80, 120, 160, 200, 250, 300, 400, 500, 700, 1000, 1500] {
        disk.cage.shell(
            "rm -f \"$1\"; dd if=/dev/zero of=\"$1\" bs=1k 2>/dev/null || true; truncate -s \"-${2}k\" \"$1\"",
            &[filler.as_os_str(), OsStr::new(&free.to_string())],
        );
        let ran = disk.publish();
        disk.is_whole();
        if ran.code == Some(0) {
            break;
        }
        failed += 1;
        let ran = ran.exits(FAILURE);
        // what SQLite calls an input/output error may be a full disk or a broken one, and is said to be either
        let said = ran.everything();
        assert!(said.contains("make room") || said.contains("is full: look at it"), "{}", ran.account());
    }
    assert!(failed >= 3, "only {failed} runs failed for want of room");
    disk.cage.shell("rm -f \"$1\"", &[filler.as_os_str()]);
    disk.publish().exits(0);
    disk.is_whole();
    assert_same(
        "the archive after a full disk and that of an undisturbed run",
        &disk.served(),
        &disk.expected,
    );
}

#[test]
fn a_disk_that_is_full_in_the_middle_of_a_pass() {
    let disk = SmallDisk::new(24 << 10, "");
    publishes_when_there_is_room(&disk, &disk.root.path().join("filler"));
}

#[test]
fn a_disk_of_the_archives_that_is_full_in_the_middle_of_a_pass() {
    let disk = SmallDisk::new(24 << 10, "archives");
    publishes_when_there_is_room(&disk, &disk.root.path().join("archives/filler"));
}

#[test]
fn a_disk_that_turns_read_only_in_the_middle_of_a_pass() {
    let disk = SmallDisk::new(24 << 10, "archives");
    let archives = disk.root.path().join("archives");
    // the hook comes when the indexes are there and before the Release is
    let script = format!("#!/bin/sh\nmount -o remount,bind,ro '{}'\n", archives.display());
    let hook = disk.root.hooks("pre-publication").join("10-remount");
    tool::write_program(&hook, &script);
    disk.publish().exits(FAILURE).says(&["read-only"]);
    disk.is_whole();
    // and it is read-only from the start of the next one
    std::fs::remove_file(&hook).unwrap();
    disk.publish().exits(FAILURE).says(&["read-only"]);
    disk.is_whole();
    disk.cage.shell("mount -o remount,bind,rw \"$1\"", &[archives.as_os_str()]);
    disk.publish().exits(0);
    disk.is_whole();
    assert_same(
        "the archive after a read-only disk and that of an undisturbed run",
        &disk.served(),
        &disk.expected,
    );
}

#[test]
fn a_clock_that_is_no_time() {
    let root = Root::new();
    root.run_at("yesterday", &["publish"]).exits(USAGE).says(&["yesterday"]);
    assert!(binary::pressroom().is_file() && !NOW.is_empty());
}

#[test]
fn a_reason_that_would_turn_what_stands_beside_it_is_refused_everywhere() {
    const TURNED: &str = "fine \u{202e}esrever";
    let root = Root::new();
    let suite = ["--suite", SERIES];
    for command in [
        &["suite", "pause", SERIES, "--reason", TURNED][..],
        &["suite", "resume", SERIES, "--reason", TURNED],
        &["suite", "approve", SERIES, "--reason", TURNED],
        &["suite", "mark-dirty", SERIES, "--reason", TURNED],
        &["snapshot", "pin", SERIES, "20260501T120000Z", "--reason", TURNED],
        &["snapshot", "unpin", SERIES, "20260501T120000Z", "--reason", TURNED],
        &["snapshot", "restore", SERIES, "20260501T120000Z", "--reason", TURNED],
        &["remove", suite[0], suite[1], "hello", "--comment", TURNED],
        &["change-override", suite[0], suite[1], "hello", "--section", "net", "--reason", TURNED],
        &["queue", "accept", "1", "--comment", TURNED],
        &["queue", "reject", "1", "--comment", TURNED],
        &["build", "retry", "1", "--comment", TURNED],
        &["build", "cancel", "1", "--comment", TURNED],
        &["copy", SERIES, SERIES, "hello", "--reason", TURNED],
        &["populate-archive", "--from", DISTRIBUTION, "--to", "demo-copy", "--reason", TURNED],
        &["publish", "--override-veto", "bad", "--reason", TURNED],
        &["suite", "pause", SERIES, "--reason", "fine", "--as", TURNED],
    ] {
        let ran = root.run(command).exits(USAGE).says(&["shown to people", "U+202E", "control characters"]);
        assert!(!ran.everything().contains('\u{202e}'), "{}", ran.account());
    }
    assert!(!root.ok(&["status"]).stdout.contains("paused"));
}
