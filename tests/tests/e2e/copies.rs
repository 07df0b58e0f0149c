//! Packages that are copied, filed elsewhere and removed by commands, and what the indexes say of them.

use pressroom_tests::deb::Deb;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::source;
use pressroom_tests::tool::{self, tool};
use serde_json::Value;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const PROPOSED: &str = "aurora-proposed";

/// `hello` 1.0-1, as a source and a binary package, published in `aurora-proposed`.
fn root() -> Root {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let dsc = source::build(folder.path(), "hello", "1.0-1");
    let deb = Deb::new("hello", "1.0-1").architecture("amd64").write(folder.path());
    root.import(PROPOSED, &[&dsc, &deb]).exits(0);
    root.ok(&["publish"]);
    root
}

fn index(root: &Root, suite: &str, component: &str) -> String {
    let path = root.suite(suite).join(component).join("binary-amd64/Packages.gz");
    tool::succeed(tool("zcat").arg(path)).stdout
}

fn json(root: &Root, arguments: &[&str]) -> Value {
    let ran = root.ok(&[&["--format", "json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

#[test]
fn what_was_tested_is_copied_with_its_binaries_as_it_is() {
    let root = root();
    let copy = ["copy", PROPOSED, SERIES, "hello", "--binaries", "--reason", "it works"];
    let planned = root.ok(&[&copy[..], &["--dry-run"]].concat());
    planned.says(&["would wait", "with 1 binary package", "2 publications"]);
    assert!(!index(&root, SERIES, "main").contains("hello"));
    root.ok(&["publish"]);
    assert!(!index(&root, SERIES, "main").contains("hello"), "a dry run leaves nothing");
    let copied = json(&root, &copy);
    assert_eq!(copied["copied"][0]["outcome"], "pending", "{copied}");
    assert_eq!(copied["copied"][0]["binaries"][0], "hello (amd64)", "{copied}");
    root.ok(&["publish"]);
    assert_eq!(index(&root, SERIES, "main"), index(&root, PROPOSED, "main"));
    root.ok(&["copy", "--log", SERIES]).says(&["hello", "1.0-1", "it works"]);
    let again = root.ok(&copy);
    again.says(&["as it was"]);
}

#[test]
fn a_copy_that_may_not_be_says_every_reason_and_copies_nothing() {
    let root = root();
    let refused =
        root.run(&["copy", PROPOSED, SERIES, "hello", "other", "hello=9", "--binaries"]).exits(FAILURE);
    refused.says(&[
        "nothing was copied",
        "there is no source package other",
        "9 was never in aurora-proposed",
    ]);
    root.run(&["copy", PROPOSED, PROPOSED, "hello"]).exits(FAILURE).says(&["where they are", "--to-archive"]);
    root.run(&["copy", PROPOSED, SERIES, "Not_A_Name"]).exits(USAGE);
    root.run(&["copy", PROPOSED]).exits(USAGE);
    // a stable series does not change, and what goes to its pockets is looked at
    root.ok(&["series", "set", SERIES, "--status", "CURRENT"]);
    let refused = root.run(&["copy", PROPOSED, SERIES, "hello", "--binaries"]).exits(FAILURE);
    refused.says(&["its release pocket does not change"]);
    let queued = root.ok(&["copy", PROPOSED, "aurora-updates", "hello", "--binaries"]);
    queued.says(&["queue", "UNAPPROVED"]);
    root.ok(&["queue", "list"]).says(&["hello", "1.0-1"]);
    root.ok(&["queue", "accept", "1"]);
    root.ok(&["publish"]);
    assert!(index(&root, "aurora-updates", "main").contains("hello"));
}

#[test]
fn what_is_filed_elsewhere_moves_there_and_may_be_for_a_part_of_its_users() {
    let root = root();
    let change = [
        "change-override",
        "--suite",
        PROPOSED,
        "--component",
        "universe",
        "--section",
        "admin",
        "--phased-update-percentage",
        "10",
        "--source-and-binaries",
        "--reason",
        "it belongs there",
        "hello",
    ];
    let later = "2025-03-01T13:00:00Z";
    let dry = [&change[..], &["--dry-run"]].concat();
    root.run_at(later, &dry).exits(0).says(&[
        "main -> universe",
        "misc -> admin",
        "all -> 10 %",
        "would wait",
    ]);
    let silly =
        ["change-override", "--suite", PROPOSED, "--priority", "silly", "--source-and-binaries", "hello"];
    root.run(&silly).exits(USAGE).says(&["there is no priority silly", "optional"]);
    let silly = ["override", "set", "--series", SERIES, "hello", "--priority", "silly"];
    root.run(&silly).exits(USAGE).says(&["there is no priority silly"]);
    let field = ["override", "set", "--series", SERIES, "hello", "--field", "Suggests=foo bar"];
    root.run(&field).exits(USAGE).says(&["Suggests", "apt would take no index"]);
    root.run_at(later, &change).exits(0).says(&["main -> universe", "waits for the next run"]);
    root.run_at(later, &["publish"]).exits(0);
    assert!(!index(&root, PROPOSED, "main").contains("hello"));
    let universe = index(&root, PROPOSED, "universe");
    assert!(universe.contains("universe/admin") && universe.contains("pool/universe/h/hello"), "{universe}");
    assert!(universe.contains("Phased-Update-Percentage"), "{universe}");
    root.ok(&["change-override", "--suite", PROPOSED, "--log"])
        .says(&["component universe", "it belongs there"]);
    root.run(&["change-override", "--suite", PROPOSED, "hello"]).exits(USAGE).says(&["--component"]);
    let wrong = ["change-override", "--suite", PROPOSED, "--section", "universe/admin", "hello"];
    root.run(&wrong).exits(USAGE).says(&["--component universe --section admin"]);
    let nobody = ["change-override", "--suite", PROPOSED, "--section", "admin", "nobody"];
    root.run(&nobody).exits(USAGE).says(&["no binary package nobody", "nothing was changed"]);
}

#[test]
fn removals_take_a_right_and_a_reason_where_there_are_persons() {
    let root = root();
    root.ok(&["person", "add", "ann", "--email", "ann@example.org"]);
    let remove = ["remove", "--suite", PROPOSED, "hello", "--as", "ann"];
    root.run(&["remove", "--suite", PROPOSED, "hello", "--comment", "x"]).exits(USAGE).says(&["--as"]);
    root.run(&remove).exits(USAGE).says(&["--comment"]);
    let remove = [&remove[..], &["--comment", "abandoned upstream"]].concat();
    root.run(&remove).exits(FAILURE).says(&["ann may not decide", "QUEUE_ADMIN", "--component main"]);
    root.ok(&["publish"]);
    assert!(index(&root, PROPOSED, "main").contains("hello"));
    let copy = ["copy", PROPOSED, SERIES, "hello", "--binaries", "--as", "ann"];
    root.run(&copy).exits(FAILURE).says(&["ann may not upload hello", "permission grant ann UPLOAD"]);
    let grant =
        ["permission", "grant", "ann", "QUEUE_ADMIN", "--archive", DISTRIBUTION, "--component", "main"];
    root.ok(&grant);
    root.ok(&remove);
    root.ok(&["publish"]);
    assert!(!index(&root, PROPOSED, "main").contains("hello"));
}
