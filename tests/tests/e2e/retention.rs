//! Which versions stay: several in one index, as apt finds them.

use pressroom_tests::apt::{Client, spotless};
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::source;

const INDEX: &str = "main/binary-amd64/Packages";
const USAGE: i32 = 2;

/// Publishes a version of `tool`, with its source.
fn publish(root: &Root, version: &str, before: impl FnOnce()) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("tool", version).architecture("amd64").write(folder.path());
    let _ = source::build(folder.path(), "tool", version);
    root.import(SERIES, &[folder.path()]).exits(0);
    before();
    root.ok(&["publish"]);
}

/// Gives `tool` to so many in a hundred.
fn phase(root: &Root, percentage: &str) {
    let change = ["change-override", "--suite", SERIES, "--phased-update-percentage", percentage];
    root.ok(&[&change[..], &["--reason", "step by step", "tool"]].concat());
}

fn can_install(client: &Client, what: &str) -> bool {
    client.apt_get(&["install", "--yes", "--download-only", what]).code == Some(0)
}

#[test]
fn while_an_update_is_phased_apt_finds_the_version_before_and_then_no_more() {
    let root = Root::new();
    publish(&root, "1.0-1", || {});
    publish(&root, "2.0-1", || phase(&root, "10"));
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 1.0-1", "tool 2.0-1"]);
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["tool 1.0-1", "tool 2.0-1"]);
    let client = root.client(SERIES);
    client.update();
    spotless(client.apt_cache(&["policy", "tool"])).says(&["1.0-1", "2.0-1", "phased 10%"]);
    assert!(can_install(&client, "tool=1.0-1"));
    phase(&root, "100");
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 2.0-1"]);
    assert_eq!(root.indexed(SERIES, "main/source/Sources"), ["tool 2.0-1"]);
    client.update();
    assert!(!can_install(&client, "tool=1.0-1"));
    assert!(can_install(&client, "tool"));
}

#[test]
fn an_archive_that_keeps_two_versions_lets_people_go_back() {
    let root = Root::new();
    root.ok(&["archive", "set", DISTRIBUTION, "--keep-versions", "2"]);
    root.ok(&["export"]).says(&["keep-versions = 2"]);
    for version in ["1.0-1", "2.0-1", "3.0-1"] {
        publish(&root, version, || {});
    }
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 2.0-1", "tool 3.0-1"]);
    let client = root.client(SERIES);
    client.update();
    assert_eq!(client.candidate("tool").as_deref(), Some("3.0-1"));
    assert!(can_install(&client, "tool=2.0-1") && !can_install(&client, "tool=1.0-1"));
    // fewer: what is too many goes with the next run, and a dry run says so
    root.ok(&["archive", "set", DISTRIBUTION, "--keep-versions", "1"]);
    root.ok(&["publish", "--dry-run"]).says(&["superseded tool 2.0-1 source", "superseded tool 2.0-1 amd64"]);
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, INDEX), ["tool 3.0-1"]);
    root.run(&["archive", "set", DISTRIBUTION, "--keep-versions", "0"]).exits(USAGE).says(&["1..=1000"]);
}

#[test]
fn what_no_source_builds_any_more_stays_and_is_reported() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("libtool1", "1.0-1").architecture("amd64").with("Source", "tool").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    publish(&root, "1.0-1", || {});
    root.ok(&["report", "nbs", "--suite", SERIES]).says(&["Every binary package"]);
    publish(&root, "2.0-1", || {});
    assert_eq!(root.indexed(SERIES, INDEX), ["libtool1 1.0-1", "tool 2.0-1"]);
    root.ok(&["report", "nbs", "--suite", SERIES]).says(&["libtool1", "1.0-1", "its source is at 2.0-1"]);
    root.ok(&["remove", "--suite", SERIES, "--binary", "--comment", "NBS", "libtool1"]);
    root.ok(&["publish"]);
    root.ok(&["report", "nbs", "--suite", SERIES]).says(&["Every binary package"]);
    root.run(&["report", "nbs", "--suite", "nowhere"]).exits(USAGE).says(&["there is no suite nowhere"]);
}
