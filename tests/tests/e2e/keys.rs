//! Keys that change, Release files that do not lapse, other names of suites: as apt and gpgv see them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pressroom_tests::apt::{Client, Line};
use pressroom_tests::deb::Deb;
use pressroom_tests::gnupg;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::stanza::stanzas;
use pressroom_tests::tool;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const CONFIGURATION: i32 = 3;

/// A root with a package.
fn published() -> Root {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("hello", "1.0").build(folder.path());
    root.import(SERIES, &[&deb]).exits(0);
    root.ok(&["publish"]);
    root
}

/// What a user gets as the key at a time, in a file of its own.
fn exported(root: &Root, now: &str, name: &str) -> PathBuf {
    let path = root.path().with_extension(format!("{name}.asc"));
    tool::write(&path, root.run_at(now, &["key", "export"]).exits(0).stdout);
    path
}

fn fingerprint(root: &Root, now: &str) -> String {
    root.run_at(now, &["key", "fingerprint"]).exits(0).stdout.trim().to_owned()
}

fn generated(root: &Root, arguments: &[&str]) -> String {
    let ran = root.ok(&[&["key", "generate"][..], arguments].concat());
    ran.stdout.lines().next().unwrap_or_default().to_owned()
}

/// Whether gpgv, which knows these keys, finds a good signature of one on both forms of a suite's.
fn is_signed(key: &Path, suite: &Path) -> bool {
    let ring = gnupg::keyring(key);
    let good = |files: &[&Path]| {
        // gpgv fails for a signature that it cannot check, although another is good; apt does not
        gnupg::gpgv(&ring, files).everything().contains("Good signature")
    };
    let (clear, detached) =
        (good(&[&suite.join("InRelease")]), good(&[&suite.join("Release.gpg"), &suite.join("Release")]));
    assert_eq!(clear, detached, "both forms in {}", suite.display());
    clear
}

fn release(root: &Root, suite: &str) -> pressroom_tests::stanza::Stanza {
    stanzas(&tool::read_text(&root.suite(suite).join("Release"))).remove(0)
}

#[test]
fn a_key_takes_the_place_of_another_while_clients_know_either() {
    const SOON: &str = "2025-03-01T12:30:00Z";
    const AFTERWARDS: &str = "2025-03-01T13:00:00Z";
    let root = published();
    let (old, old_key) = (fingerprint(&root, SOON), exported(&root, SOON, "old"));
    let new = generated(&root, &["--user-id", "Next <archive@example.org>"]);
    root.ok(&["publish"]).says(&["Nothing to publish"]);
    root.ok(&["key", "list"]).says(&[&format!("(nothing)          {new}"), "signs nothing", "Next"]);
    root.run(&["key", "rotate", &"0".repeat(40), "--overlap-seconds", "0"]).exits(USAGE).says(&[&new]);
    root.ok(&["key", "rotate", &new, "--overlap-seconds", "3600"]);
    root.run(&["key", "rotate", &new, "--overlap-seconds", "3600"]).exits(USAGE).says(&["signs already"]);
    root.ok(&["key", "list"]).says(&[&format!("{old}  elliptic curve  signs until 2025-03-01T13:00:00Z")]);
    root.ok(&["status"]).says(&["signed for other keys", "key on its way out", &old]);
    // every suite gets a new signature, and no index
    root.run_at(SOON, &["publish", "--dry-run"]).exits(0).says(&["signed for other keys"]);
    root.run_at(SOON, &["publish"]).exits(0);
    root.ok(&["history", "-n", "1", "--details"]).says(&["0 indexes with 0 stanzas", "0 of them read"]);
    root.run_at(SOON, &["publish"]).exits(0).says(&["Nothing to publish"]);
    let both_keys = exported(&root, SOON, "both");
    assert_eq!(fingerprint(&root, SOON), new, "the one that stays");
    // after its time only the new one signs, whether the old one is still there or not
    let line = root.line("aurora aurora-updates");
    let update = |key: &Path| Client::new(&Line { signed_by: key.to_owned(), ..line.clone() }, &["arm64"]);
    let (early, late) = (update(&old_key), update(&both_keys));
    early.update();
    late.update();
    tool::write(&root.path().join("keys/signing-key.asc"), "");
    root.run_at(AFTERWARDS, &["publish", "--dry-run"]).exits(0).says(&["signed for other keys"]);
    root.run_at(SOON, &["key", "forget", &old]).exits(USAGE).says(&["signs", "key rotate"]);
    root.run_at(AFTERWARDS, &["key", "forget", &new]).exits(USAGE).says(&["signs", "key rotate"]);
    let refused = root.run_at(AFTERWARDS, &["key", "forget", &old]).exits(USAGE);
    refused.says(&["clients are served what", "and 4 more", "pressroom publish"]);
    root.run_at(AFTERWARDS, &["publish"]).exits(0);
    root.run_at(AFTERWARDS, &["key", "forget", &old]).exits(0).says(&["is forgotten", "is removed"]);
    assert!(!root.path().join("keys/signing-key.asc").exists());
    assert!(!root.run_at(AFTERWARDS, &["key", "list"]).exits(0).stdout.contains(&old));
    root.run_at(AFTERWARDS, &["key", "forget", &old])
        .exits(USAGE)
        .says(&["signing key with the fingerprint"]);
    root.run_at(AFTERWARDS, &["publish"]).exits(0).says(&["Nothing to publish"]);
    let new_key = exported(&root, AFTERWARDS, "new");
    update(&new_key).update();
    late.update();
    let refused = early.apt_get(&["update"]);
    assert!(refused.everything().contains("NO_PUBKEY"), "{}", refused.account());
    for suite in ["aurora", "aurora-security"] {
        gnupg::verify_suite(&gnupg::keyring(&new_key), &root.suite(suite));
        assert!(!is_signed(&old_key, &root.suite(suite)));
    }
}

#[test]
fn the_first_key_of_a_root_can_be_forgotten_and_taken_in_again() {
    const NOW: &str = "2025-03-01T12:00:00Z";
    let root = published();
    let (first, file) = (fingerprint(&root, NOW), root.path().join("keys/signing-key.asc"));
    let own_file = root.path().join(format!("keys/{first}.asc"));
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup.asc");
    std::fs::copy(&file, &backup).unwrap();
    let backup = backup.to_str().unwrap();
    let second = generated(&root, &[]);
    let rotate = |new: &str| root.ok(&["key", "rotate", new, "--overlap-seconds", "0"]);
    let publish = || root.run(&["publish", "--dirty-suite", "aurora"]);
    let publishes = |by: &str| {
        publish().exits(0);
        assert_eq!(fingerprint(&root, NOW), by);
        gnupg::verify_suite(&gnupg::keyring(&exported(&root, NOW, "now")), &root.suite("aurora"));
        root.ok(&["publish"]).says(&["Nothing to publish"]);
    };
    rotate(&second);
    publishes(&second);
    root.ok(&["key", "forget", &first]).says(&["is removed"]);
    // it goes back to where it was: there is no second copy that nobody would think of
    root.ok(&["key", "add", backup]);
    assert!(file.exists() && !own_file.exists());
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    root.ok(&["key", "list"]).says(&[&format!("(nothing)          {first}"), "signs nothing"]);
    publishes(&second);
    root.ok(&["key", "forget", &first]).says(&["is removed"]);
    assert!(!file.exists());
    publishes(&second);
    // it signs again
    root.ok(&["key", "add", backup]);
    rotate(&first);
    publishes(&first);
    // something else in its place is not written over; once that has gone, nobody misses the key there
    rotate(&second);
    publishes(&second);
    root.ok(&["key", "forget", &first]);
    tool::write(&file, "not a key");
    root.ok(&["key", "add", backup]);
    assert_eq!(tool::read_text(&file), "not a key");
    assert!(own_file.exists());
    publish().exits(CONFIGURATION).says(&["signing-key.asc"]);
    root.ok(&["key", "list"]).says(&["(all archives)     keys/signing-key.asc"]);
    std::fs::remove_file(&file).unwrap();
    publishes(&second);
    rotate(&first);
    publishes(&first);
    std::fs::remove_file(&own_file).unwrap();
    publish().exits(CONFIGURATION).says(&["there is no signing key", &first]);
}

#[test]
fn a_key_that_lay_outside_the_root_is_taken_in_again_and_one_that_never_signed_is_missed() {
    const NOW: &str = "2025-03-01T12:00:00Z";
    let root = published();
    let first = fingerprint(&root, NOW);
    let folder = tempfile::tempdir().unwrap();
    let (outside, backup) = (folder.path().join("key.asc"), folder.path().join("backup.asc"));
    let inside = root.path().join("keys/signing-key.asc");
    std::fs::copy(&inside, &outside).unwrap();
    std::fs::copy(&inside, &backup).unwrap();
    std::fs::remove_file(&inside).unwrap();
    let config = root.path().join("pressroom.toml");
    let named = |from: &str, to: &str| tool::write(&config, tool::read_text(&config).replacen(from, to, 1));
    named("keys/signing-key.asc", outside.to_str().unwrap());
    let publish = || root.run(&["publish", "--dirty-suite", "aurora"]);
    let second = generated(&root, &[]);
    root.ok(&["key", "rotate", &second, "--overlap-seconds", "0"]);
    root.ok(&["publish"]);
    root.ok(&["key", "forget", &first]).says(&["still in", outside.to_str().unwrap()]);
    std::fs::remove_file(&outside).unwrap();
    publish().exits(0);
    root.ok(&["key", "add", backup.to_str().unwrap()]);
    assert!(!outside.exists() && root.path().join(format!("keys/{first}.asc")).exists());
    publish().exits(0);
    assert_eq!(fingerprint(&root, NOW), second);
    // of another root: no key of the configuration has moved there
    let other = published();
    let new = generated(&other, &[]);
    other.ok(&["key", "rotate", &new, "--overlap-seconds", "0"]);
    other.ok(&["publish"]);
    let config = other.path().join("pressroom.toml");
    let text = tool::read_text(&config).replacen("keys/signing-key.asc", "keys/elsewhere.asc", 1);
    tool::write(&config, text);
    let refused = other.run(&["publish", "--dirty-suite", "aurora"]).exits(CONFIGURATION);
    refused.says(&["there is no signing key", "elsewhere.asc"]);
}

#[test]
fn a_key_of_gpg_can_take_the_place_of_a_file() {
    let root = published();
    let home = tempfile::Builder::new().prefix("pr-e2e-").tempdir_in("/tmp").unwrap();
    let gpg = |arguments: &[&str]| {
        let mut command = tool::tool("gpg");
        command.arg("--homedir").arg(home.path()).args([
            "--batch",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
        ]);
        tool::succeed(command.args(arguments))
    };
    let user = "Card <archive@example.org>";
    let _ = gpg(&[
        "--faked-system-time",
        "20240101T000000",
        "--quick-generate-key",
        user,
        "ed25519",
        "sign",
        "never",
    ]);
    let listing = gpg(&["--with-colons", "--list-keys", user]).stdout;
    let new =
        listing.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
    let config = root.path().join("pressroom.toml");
    // the file signs on, since it is what stands in the configuration until gpg does
    let with_gpg = |key: &str| {
        let text = tool::read_text(&config);
        let section =
            format!("[signing.gpg]\nhome = \"{}\"\nkey = \"{key}\"\n\n[publication]", home.path().display());
        tool::write(&config, text.replacen("[publication]", &section, 1));
    };
    root.run(&["key", "add", "--gpg", &new]).exits(FAILURE).says(&["[signing.gpg]"]);
    let old_key = exported(&root, "2025-03-01T12:00:00Z", "old");
    with_gpg(&new);
    // what the configuration names signs: the next run sees that it is another key
    root.ok(&["publish"]).says(&["low priority"]);
    let new_key = exported(&root, "2025-03-01T12:00:00Z", "new");
    assert!(is_signed(&new_key, &root.suite(SERIES)) && !is_signed(&old_key, &root.suite(SERIES)));
    // and the file's key joins it
    let file = root.path().join("keys/signing-key.asc");
    let old = root.ok(&["key", "add", file.to_str().unwrap()]).stdout.lines().next().unwrap().to_owned();
    root.ok(&["key", "rotate", &old, "--overlap-seconds", "600"]);
    root.ok(&["publish"]);
    assert!(is_signed(&new_key, &root.suite(SERIES)) && is_signed(&old_key, &root.suite(SERIES)));
    let mut kill = tool::tool("gpgconf");
    let _ = tool::run(kill.arg("--homedir").arg(home.path()).args(["--kill", "all"]));
}

#[test]
fn an_archive_of_somebody_has_a_key_of_its_own_and_what_is_wrong_with_it_stops_no_other() {
    let root = published();
    root.ok(&["person", "add", "ann"]);
    root.ok(&["archive", "add", "~ann/acme/tools"]);
    let folder = tempfile::tempdir().unwrap();
    let import = |archive: &str, version: &str| {
        let deb = Deb::new("tool", version).build(folder.path());
        let deb = deb.to_str().unwrap();
        root.ok(&["import", "--archive", archive, "--suite", SERIES, deb]);
    };
    import("~ann/acme/tools", "1.0");
    root.ok(&["publish"]);
    let suite = root.path().join("archives/~ann/acme/tools/dists/aurora");
    let roots = root.key();
    assert!(is_signed(&roots, &suite), "until it has one, those of the root sign it");
    let own = generated(&root, &["--archive", "~ann/acme/tools", "--overlap-seconds", "60"]);
    // what stands in a file as it stands here ends nobody's time
    let file = root.path().with_extension("toml");
    tool::write(&file, root.ok(&["export"]).stdout);
    root.ok(&["apply", file.to_str().unwrap()]).says(&["Nothing to change"]);
    root.ok(&["publish"]);
    let later = "2025-03-01T12:01:00Z";
    let key = root.path().with_extension("own.asc");
    let export = ["key", "export", "--archive", "~ann/acme/tools"];
    tool::write(&key, root.run_at(later, &export).exits(0).stdout);
    assert!(is_signed(&key, &suite) && is_signed(&roots, &suite));
    root.run_at(later, &["publish"]).exits(0);
    assert!(is_signed(&key, &suite) && !is_signed(&roots, &suite));
    assert!(is_signed(&roots, &root.suite(SERIES)), "others keep that of the root");
    // it cannot be used, and only its archive waits
    let file = root.path().join(format!("keys/{own}.asc"));
    tool::set_mode(&file, 0o644);
    import("~ann/acme/tools", "2.0");
    import("acme", "2.0");
    root.run_at(later, &["publish"]).exits(FAILURE).says(&["~ann/acme/tools was not published", "chmod 600"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["hello 1.0", "tool 2.0"]);
    root.ok(&["status"]).says(&["the key of ~ann/acme/tools cannot sign"]);
    tool::set_mode(&file, 0o600);
    root.ok(&["export"]).says(&[&format!("signing-key = \"{own}\"")]);
    // without one, the root's sign again
    root.ok(&["archive", "set", "~ann/acme/tools", "--signing-key", "none"]);
    root.run_at("2025-03-01T12:02:00Z", &["publish"]).exits(0);
    assert!(is_signed(&roots, &suite) && !is_signed(&key, &suite));
    root.ok(&["archive", "set", "~ann/acme/tools", "--signing-key", &own]);
    root.run(&["archive", "set", "acme", "--signing-key", &"F".repeat(40)]).exits(USAGE).says(&[&own]);
}

#[test]
fn a_key_that_expires_on_its_way_out_is_left_out() {
    let root = published();
    let bad = root.path().join("expired.asc");
    gnupg::write_expired_key(&bad);
    root.run(&["key", "add", bad.to_str().unwrap()]).exits(CONFIGURATION).says(&["expired at 2024"]);
    let short = root.path().join("short.asc");
    gnupg::write_key(&short, "20250301T110000", "1d");
    let old = root.ok(&["key", "add", short.to_str().unwrap()]).stdout.lines().next().unwrap().to_owned();
    root.ok(&["key", "rotate", &old, "--overlap-seconds", "0"]);
    root.ok(&["publish"]);
    root.ok(&["status"]).says(&["key expires:", "2025-03-02T11:00:00Z"]);
    let late = "2025-03-02T12:00:00Z";
    let new = generated(&root, &[]);
    root.run_at(late, &["publish"]).exits(CONFIGURATION).says(&["expired at 2025-03-02T11:00:00Z"]);
    root.ok(&["key", "rotate", &new, "--overlap-seconds", "864000"]);
    root.ok(&["publish"]);
    let folder = tempfile::tempdir().unwrap();
    root.import(SERIES, &[&Deb::new("late", "1.0").build(folder.path())]).exits(0);
    root.run_at(late, &["publish"]).exits(0).says(&["was on its way out"]);
    root.run_at(late, &["publish"]).exits(0).says(&["Nothing to publish"]);
    root.run_at(late, &["status"]).exits(0).says(&["cannot sign", "expired at 2025-03-02"]);
}

#[test]
fn release_files_are_signed_anew_before_they_lapse() {
    let root = published();
    root.ok(&["series", "set", SERIES, "--valid-for-seconds", "86400"]);
    root.ok(&["publish"]);
    let index = root.suite(SERIES).join("main/binary-amd64/Packages.gz");
    let inode = |path: &Path| std::fs::metadata(path).unwrap().ino();
    let before = inode(&index);
    // it is of the second after that of the one before
    root.run_at("2025-03-02T04:00:00Z", &["publish"]).exits(0).says(&["Nothing to publish"]);
    let due = "2025-03-02T04:00:01Z";
    root.run_at(due, &["publish", "--dry-run"]).exits(0).says(&["valid until 2025-03-02T12:00:01Z only"]);
    root.run_at(due, &["publish"]).exits(0);
    for suite in [SERIES, "aurora-backports"] {
        assert_eq!(release(&root, suite).field("Valid-Until"), "Mon, 03 Mar 2025 04:00:01 UTC", "{suite}");
        root.verify(suite);
    }
    assert_eq!(inode(&index), before, "no index was made");
    root.run_at(due, &["publish"]).exits(0).says(&["Nothing to publish"]);
    root.run_at("2025-03-04T00:00:00Z", &["status"]).exits(0).says(&["lapsed, clients refuse it"]);
    // what the operator says counts, up to half of the time
    let config = root.path().join("pressroom.toml");
    let text =
        tool::read_text(&config).replace("[publication]", "[publication]\nrefresh-margin-seconds = 3600");
    tool::write(&config, text);
    root.run_at("2025-03-03T03:00:00Z", &["publish"]).exits(0).says(&["Nothing to publish"]);
    root.run_at("2025-03-03T03:00:01Z", &["publish"]).exits(0).says(&["low priority"]);
}

#[test]
fn what_waits_in_a_stable_series_does_not_let_its_release_lapse() {
    let root = published();
    root.ok(&["series", "set", SERIES, "--valid-for-seconds", "86400"]);
    root.ok(&["publish"]);
    let folder = tempfile::tempdir().unwrap();
    root.import(SERIES, &[&Deb::new("late", "1.0").build(folder.path())]).exits(0);
    root.ok(&["remove", "--suite", SERIES, "--comment", "too late", "--binary", "hello"]);
    root.ok(&["series", "set", SERIES, "--status", "CURRENT"]);
    let due = "2025-03-02T11:00:00Z";
    root.run_at(due, &["publish"]).exits(FAILURE).says(&["4 changes wait in aurora"]);
    assert_eq!(release(&root, SERIES).field("Date"), "Sun, 02 Mar 2025 11:00:00 UTC");
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["hello 1.0"]);
    root.ok(&["series", "set", SERIES, "--status", "FROZEN"]);
    root.run_at(due, &["publish"]).exits(0);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["late 1.0"], "it waited on");
}

#[test]
fn release_files_say_what_the_operator_wants_and_apt_agrees() {
    let root = published();
    let key = fingerprint(&root, "2025-03-01T12:00:00Z");
    let ten_years = "315360000";
    root.ok(&["series", "set", SERIES, "--suite-name", "stable", "--valid-for-seconds", ten_years]);
    let urls = ["https://example.org/c/@CHANGEPATH@_changelog", "https://example.org/s/@SNAPSHOTID@/"];
    root.run(&["archive", "set", "acme", "--changelogs", urls[1]]).exits(FAILURE).says(&["@CHANGEPATH@"]);
    let no_slash = "https://example.org/s/@SNAPSHOTID@";
    root.run(&["archive", "set", "acme", "--snapshots", no_slash])
        .exits(FAILURE)
        .says(&["@SNAPSHOTID@dists", "has to end in a slash"]);
    root.ok(&[
        "archive",
        "set",
        "acme",
        "--signed-by",
        "keys",
        "--changelogs",
        urls[0],
        "--snapshots",
        urls[1],
    ]);
    root.ok(&["publish"]);
    for (suite, suite_field, codename) in
        [(SERIES, "stable", SERIES), ("aurora-updates", "stable-updates", "aurora-updates")]
    {
        let release = release(&root, suite);
        assert_eq!(
            release.names()[..11],
            [
                "Origin",
                "Label",
                "Suite",
                "Snapshots",
                "Version",
                "Codename",
                "Changelogs",
                "Date",
                "Valid-Until",
                "Architectures",
                "Components"
            ]
        );
        for (field, value) in [
            ("Suite", suite_field),
            ("Codename", codename),
            ("Changelogs", urls[0]),
            ("Snapshots", urls[1]),
            ("Signed-By", &key),
            ("Acquire-By-Hash", "yes"),
        ] {
            assert_eq!(release.field(field), value, "{field} of {suite}");
        }
        assert_eq!(release.names().last(), Some(&"Acquire-By-Hash"));
    }
    let client = root.client("aurora aurora-updates");
    client.update();
    // both keys are named while both sign, so that a client that holds the archive to either goes on
    let new = generated(&root, &[]);
    root.ok(&["key", "rotate", &new, "--overlap-seconds", "3600"]).says(&["Valid-Until"]);
    root.ok(&["publish"]);
    let mut both = [key.as_str(), new.as_str()];
    both.sort_unstable();
    assert_eq!(release(&root, SERIES).field("Signed-By"), both.join(","));
    client.update();
    // nobody is locked out by a slip
    root.ok(&["archive", "set", "acme", "--signed-by", &"A".repeat(40)]);
    root.run(&["publish"]).exits(FAILURE).says(&["clients would take nothing any more"]);
    assert_eq!(release(&root, SERIES).field("Signed-By"), both.join(","));
}

#[test]
fn the_stubs_of_installer_packages_and_debug_symbols_stand_beside_their_indexes() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let udeb = Deb::new("hello-udeb", "1.0").architecture("amd64").udeb().build(folder.path());
    root.import(SERIES, &[&udeb]).exits(0);
    root.ok(&["publish"]);
    let stub = tool::read_text(&root.suite(SERIES).join("main/debian-installer/binary-amd64/Release"));
    assert_eq!(stub, tool::read_text(&root.suite(SERIES).join("main/binary-amd64/Release")));
    assert!(!root.suite(SERIES).join("main/debug").exists(), "and only there");
    root.client(SERIES).update();
}

#[test]
fn suites_are_found_by_their_other_names() {
    let root = published();
    let link = |name: &str| std::fs::read_link(root.served().join("dists").join(name)).ok();
    root.ok(&["series", "set", SERIES, "--alias", "stable", "--suite-name", "stable"]);
    root.ok(&["distribution", "set", "acme", "--development-alias", "devel"]);
    root.ok(&["publish"]);
    assert_eq!(link("stable-updates"), Some("aurora-updates".into()));
    assert_eq!(link("devel"), Some(SERIES.into()));
    let client = root.client("stable stable-updates");
    client.update();
    assert_eq!(client.candidate("hello").as_deref(), Some("1.0"));
    // a new series is the newest one as soon as there is something in it
    root.ok(&["series", "add", "borealis", "--component", "main", "--architecture", "amd64"]);
    root.run(&["series", "add", "stable", "--component", "main"]).exits(FAILURE).says(&["another name"]);
    root.run(&["series", "set", "borealis", "--alias", "devel"])
        .exits(FAILURE)
        .says(&["means something already"]);
    root.ok(&["publish"]);
    assert_eq!(link("devel"), Some(SERIES.into()));
    let folder = tempfile::tempdir().unwrap();
    root.import("borealis", &[&Deb::new("hello", "2.0").build(folder.path())]).exits(0);
    root.ok(&["publish"]);
    assert_eq!(link("devel-security"), Some("borealis-security".into()));
    // names move and go, and what somebody else has made stays
    std::os::unix::fs::symlink("elsewhere", root.served().join("dists/oldstable")).unwrap();
    root.ok(&["series", "set", SERIES, "--alias", "oldstable"]);
    root.ok(&["series", "set", "borealis", "--alias", "oldstable"])
        .says(&["oldstable is borealis and no longer aurora"]);
    root.ok(&["series", "set", SERIES, "--alias", "oldstable"]);
    let given_up = root.ok(&["series", "set", "borealis", "--alias", "stable"]);
    assert!(!given_up.everything().contains("no longer"), "{}", given_up.account());
    root.run(&["publish"]).exits(FAILURE).says(&["dists/oldstable cannot be a link to aurora"]);
    assert_eq!((link("stable"), link("oldstable")), (Some("borealis".into()), Some("elsewhere".into())));
    assert_eq!(link("oldstable-updates"), Some("aurora-updates".into()));
    root.ok(&["distribution", "set", "acme", "--development-alias", ""]);
    root.ok(&["series", "set", SERIES, "--alias", ""]);
    root.ok(&["publish"]);
    assert_eq!((link("devel"), link("devel-security"), link("oldstable-updates")), (None, None, None));
    root.ok(&["publish"]).says(&["Nothing to publish"]);
}
