//! The command line: what scripts rely on, what it teaches, and what is made and changed by commands.

use pressroom_tests::apt::{Client, Line, names_in};
use pressroom_tests::binary;
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::stanza::{listed, stanzas};
use pressroom_tests::tool::{self, read_text, tool};
use pressroom_tests::tree::sha256;
use serde_json::Value;

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const CONFIGURATION: i32 = 3;

fn add_package(root: &Root, suite: &str, name: &str, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new(name, version).write(folder.path());
    root.import(suite, &[folder.path()]).exits(0);
}

/// What a command says as JSON.
#[track_caller]
fn json(root: &Root, arguments: &[&str]) -> Value {
    let ran = root.ok(&[&["--format", "json"], arguments].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}\n{}", ran.account()))
}

#[test]
fn every_command_that_a_script_reads_speaks_json() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new("hello", "1.0").write(folder.path());
    let imported = json(&root, &["import", "--suite", SERIES, &deb.to_string_lossy()]);
    assert!(imported.to_string().contains("hello"), "{imported}");
    let plan = json(&root, &["publish", "--dry-run"]);
    assert!(plan.to_string().contains("hello"), "{plan}");
    let status = json(&root, &["status"]);
    assert!(status.to_string().contains("aurora-security"), "{status}");
    json(&root, &["publish"]);
    let history = json(&root, &["history"]);
    assert_eq!(history[0]["outcome"], "SUCCEEDED", "{history}");
    for list in [&["series", "list"][..], &["archive", "list"], &["distribution", "list"], &["hook", "list"]]
    {
        assert!(json(&root, list).is_array(), "{list:?}");
    }
}

#[test]
fn a_pipe_gets_no_colours_and_no_progress_bars() {
    let root = Root::new();
    add_package(&root, SERIES, "hello", "1.0");
    for arguments in
        [&["status"][..], &["publish"], &["history", "--details"], &["hook", "list"], &["--help"]]
    {
        let ran = root.ok(arguments);
        assert!(!ran.everything().contains('\u{1b}'), "{}", ran.account());
    }
}

#[test]
fn a_terminal_gets_the_log_in_colours() {
    let root = Root::new();
    add_package(&root, SERIES, "hello", "1.0");
    let line = tool::line_of(&root.command(&["--verbose", "publish"]));
    // its child's terminal is one that `script` makes
    let said = tool::succeed(
        tool("script").args(["--quiet", "--return", "--command", &line, "/dev/null"]).env_remove("NO_COLOR"),
    );
    let said = said.says(&["binaries published"]).everything();
    assert!(said.lines().any(|line| line.contains("DEBUG") && line.contains('\u{1b}')), "{said}");
}

#[test]
fn help_teaches_with_examples_and_says_the_exit_codes() {
    let root = Root::new();
    let help = root.ok(&["--help"]).stdout;
    for words in ["Exit codes", "pressroom init", "pressroom publish", "--root", "PRESSROOM_ROOT"] {
        assert!(help.contains(words), "{words}\n{help}");
    }
    for command in
        [&["init"][..], &["import"], &["publish"], &["series", "add"], &["hook", "add"], &["key", "export"]]
    {
        let help = root.ok(&[command, &["--help"]].concat()).stdout;
        assert!(help.contains("xample"), "{command:?} gives no example:\n{help}");
    }
    assert!(root.ok(&["apply", "--help"]).stdout.contains("[[distribution]]"));
}

#[test]
fn completions_and_manual_pages_are_made() {
    let root = Root::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(root.ok(&["completions", shell]).stdout.contains("pressroom"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    root.ok(&["man", &folder.path().to_string_lossy()]);
    let pages = names_in(folder.path());
    for page in ["pressroom.1", "pressroom-publish.1", "pressroom-import.1"] {
        assert!(pages.contains(&page.to_owned()), "{page} is not among {pages:?}");
    }
}

#[test]
fn the_root_is_found_by_flag_variable_and_working_folder() {
    let root = Root::new();
    let expected = root.ok(&["status"]).stdout;
    let mut command = std::process::Command::new(pressroom_tests::binary::pressroom());
    let by_variable = tool::succeed(command.arg("status").env("PRESSROOM_ROOT", root.path()));
    let mut command = std::process::Command::new(pressroom_tests::binary::pressroom());
    let by_folder =
        tool::succeed(command.arg("status").env_remove("PRESSROOM_ROOT").current_dir(root.path()));
    assert_eq!(by_variable.stdout, expected);
    assert_eq!(by_folder.stdout, expected);
}

#[test]
fn a_new_series_is_published_in_full_by_the_next_run() {
    let root = Root::new();
    root.ok(&["publish"]);
    root.ok(&[
        "series",
        "add",
        "borealis",
        "--series-version",
        "2",
        "--component",
        "main",
        "--architecture",
        "amd64",
    ]);
    root.ok(&["publish"]);
    for suite in
        ["borealis", "borealis-security", "borealis-updates", "borealis-proposed", "borealis-backports"]
    {
        assert_eq!(root.index(suite, "main/binary-amd64/Packages"), "", "{suite}");
        root.verify(suite);
    }
    let line = Line { components: "main".to_owned(), ..root.line("aurora borealis borealis-updates") };
    Client::new(&line, &[]).update();
    let backports = stanzas(&read_text(&root.suite("borealis-backports").join("Release"))).remove(0);
    assert_eq!((backports.field("NotAutomatic"), backports.field("ButAutomaticUpgrades")), ("yes", "yes"));
    assert_eq!(stanzas(&read_text(&root.suite("borealis").join("Release")))[0].get("NotAutomatic"), None);
}

#[test]
fn the_forms_and_checksums_of_indexes_are_those_of_the_series() {
    let root = Root::new();
    add_package(&root, SERIES, "hello", "1.0");
    root.ok(&["publish"]);
    root.ok(&[
        "series",
        "set",
        SERIES,
        "--index-compressors",
        "uncompressed,gz,zst",
        "--checksums",
        "md5,sha1,sha256",
    ]);
    root.run_at("2025-03-01T13:00:00Z", &["publish"]).exits(0);
    let folder = root.suite(SERIES).join("main/binary-amd64");
    let names: Vec<String> =
        names_in(&folder).into_iter().filter(|name| name.starts_with("Packages")).collect();
    assert_eq!(names, ["Packages", "Packages.gz", "Packages.zst"], "a form that is made no longer goes");
    let unpacked = tool::succeed(tool("zstd").args(["-dcq"]).arg(folder.join("Packages.zst"))).stdout;
    assert_eq!(sha256(unpacked.as_bytes()), sha256(&tool::read(&folder.join("Packages"))));
    let release = read_text(&root.suite(SERIES).join("Release"));
    assert_eq!(listed(&release, "SHA1").len(), listed(&release, "SHA256").len());
    assert!(stanzas(&unpacked)[0].get("SHA1").is_some());
    root.client(SERIES).update();
}

#[test]
fn words_that_mean_something_else_are_no_architecture_and_no_component() {
    let root = Root::new();
    for (flag, word, said) in [
        ("--architecture", "any", "no architecture of its own"),
        ("--architecture", "linux-any", "no architecture of its own"),
        ("--architecture", "source", "no architecture of its own"),
        ("--component", "by-hash", "a component cannot be called by-hash"),
    ] {
        root.run(&["series", "set", SERIES, flag, word]).exits(FAILURE).says(&[said]);
    }
    // which distribution is meant is said with the flag that the command has
    root.ok(&["distribution", "add", "other"]);
    root.run(&["remove", "--suite", SERIES, "hello"]).exits(USAGE).says(&["--archive: acme, other"]);
    root.run(&["series", "set", SERIES, "--display-name", "x"])
        .exits(USAGE)
        .says(&["--distribution: acme, other"]);
}

#[test]
fn a_removed_package_goes_with_the_next_run_and_what_is_not_there_is_refused() {
    let root = Root::new();
    for name in ["hello", "world"] {
        add_package(&root, SERIES, name, "1.0");
    }
    root.ok(&["publish"]);
    let before = root.ok(&["status"]).stdout;
    // all of the names or none
    root.run(&["remove", "--suite", SERIES, "--binary", "hello", "helo"])
        .exits(USAGE)
        .says(&["no binary package helo", "nothing was changed"]);
    root.run(&["remove", "--suite", SERIES, "--binary", "../hello"]).exits(USAGE);
    assert_eq!(root.ok(&["status"]).stdout, before);
    root.ok(&["remove", "--suite", SERIES, "--comment", "abandoned", "hello", "hello"])
        .says(&["2 publications with the next run"]);
    root.run(&["remove", "--suite", SERIES, "hello"]).exits(USAGE).says(&["not to be removed already"]);
    root.ok(&["status"]).says(&["removals"]);
    root.ok(&["publish", "--dry-run"]).says(&["2 publications are to be removed", "deleted hello"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages").len(), 2);
    root.run_at("2025-03-01T13:00:00Z", &["publish"]).exits(0).says(&["2 deleted"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages").len(), 1);
    let client = root.client(SERIES);
    client.update();
    assert_eq!((client.candidate("hello"), client.candidate("world").as_deref()), (None, Some("1.0")));
    root.ok(&["publish"]).says(&["Nothing to publish"]);
    root.ok(&["series", "set", SERIES, "--status", "CURRENT"]);
    root.run(&["remove", "--suite", SERIES, "world"]).exits(2).says(&["does not change", "FROZEN"]);
}

#[test]
fn an_override_shows_in_what_is_published_where_that_is_asked_for() {
    let root = Root::new();
    add_package(&root, SERIES, "hello", "1.0");
    root.ok(&["publish"]);
    root.ok(&["override", "set", "--series", SERIES, "hello", "--section", "games"]);
    root.ok(&["publish"]).says(&["Nothing to publish"]);
    root.ok(&["override", "set", "--series", SERIES, "hello", "--section", "games", "--published"]);
    root.run_at("2025-03-01T13:00:00Z", &["publish"]).exits(0);
    assert_eq!(stanzas(&root.index(SERIES, "main/binary-amd64/Packages"))[0].field("Section"), "games");
    root.client(SERIES).update();
}

#[test]
fn segments_have_the_size_that_the_series_says() {
    let root = Root::new();
    root.run(&["series", "set", SERIES, "--index-segment-kib", "0"]).exits(2).says(&["from 1 KiB to 64 MiB"]);
    root.run(&["series", "set", SERIES, "--index-segment-kib", "1M"]).exits(2).says(&["not a number of KiB"]);
    root.ok(&["series", "set", SERIES, "--index-segment-kib", "64"]);
    root.ok(&["export"]).says(&["index-segment-kib = 64"]);
}

#[test]
fn a_valid_until_is_after_the_date() {
    let root = Root::new();
    root.ok(&["series", "set", SERIES, "--valid-for-seconds", "604800"]);
    root.ok(&["publish"]);
    let release = stanzas(&read_text(&root.suite(SERIES).join("Release"))).remove(0);
    assert_eq!(release.field("Valid-Until"), "Sat, 08 Mar 2025 12:00:00 UTC");
}

#[test]
fn what_exists_is_exported_and_applied_as_one_file() {
    let root = Root::new();
    let exported = root.ok(&["export"]).stdout;
    let file = root.path().join("all.toml");
    tool::write(&file, &exported);
    let file = file.to_string_lossy().into_owned();
    root.ok(&["apply", &file]).says(&["Nothing to change"]);
    let changed = exported.replace("\"amd64\"", "\"amd64\", \"riscv64\"");
    assert_ne!(changed, exported, "{exported}");
    tool::write(file.as_ref(), changed);
    root.ok(&["apply", &file, "--dry-run"]).says(&["riscv64"]);
    assert_eq!(root.ok(&["export"]).stdout, exported, "a dry run changes nothing");
    root.ok(&["apply", &file]).says(&["riscv64"]);
    root.ok(&["apply", &file]).says(&["Nothing to change"]);
    root.ok(&["publish"]);
    assert_eq!(root.index(SERIES, "main/binary-riscv64/Packages"), "");
}

#[test]
fn a_file_to_apply_with_a_wrong_key_or_value_is_refused_with_its_line() {
    let root = Root::new();
    let file = root.path().join("wrong.toml");
    let before = root.ok(&["export"]).stdout;
    for (line, word) in [
        ("compononts = [\"main\"]", "compononts"),
        ("components = [\"no such/thing\"]", "no such/thing"),
        ("architectures = [\"../x\"]", "../x"),
        ("status = \"SLEEPING\"", "SLEEPING"),
    ] {
        let text = format!(
            "[[distribution]]\nname = \"{DISTRIBUTION}\"\n[[distribution.series]]\nname = \"{SERIES}\"\n{line}\n"
        );
        tool::write(&file, text);
        let ran = root.run(&["apply", &file.to_string_lossy()]);
        assert!(ran.code == Some(CONFIGURATION), "{line} was taken\n{}", ran.account());
        ran.says(&["wrong.toml", word, "line"]);
    }
    assert_eq!(root.ok(&["export"]).stdout, before);
}

#[test]
fn what_is_there_already_or_has_no_legal_name_is_not_made() {
    let root = Root::new();
    for (arguments, word) in [
        (&["series", "add", SERIES, "--component", "main", "--architecture", "amd64"][..], SERIES),
        (&["distribution", "add", DISTRIBUTION], DISTRIBUTION),
        (&["distribution", "add", "../x"], "../x"),
        (&["series", "add", "a/b", "--component", "main", "--architecture", "amd64"], "a/b"),
        (&["series", "set", "borealis", "--series-version", "2"], "borealis"),
    ] {
        let ran = root.run(arguments);
        assert!(matches!(ran.code, Some(1 | 2)), "{}", ran.account());
        ran.says(&[word]);
    }
}

/// A root with a second distribution, `other`, whose series is `one`.
fn with_two_distributions() -> Root {
    let root = Root::new();
    root.ok(&["distribution", "add", "other"]);
    root.ok(&[
        "series",
        "add",
        "one",
        "--distribution",
        "other",
        "--component",
        "main",
        "--architecture",
        "amd64",
    ]);
    root
}

#[test]
fn one_of_several_distributions_is_published_by_its_name() {
    let root = with_two_distributions();
    // what is about an archive has a flag that names one
    let told = ["--archive", DISTRIBUTION, "other"];
    let ran = root.run(&["override", "list", "--series", "one"]).exits(USAGE).says(&told);
    assert!(!ran.stderr.contains("--distribution"), "{}", ran.account());
    root.ok(&["override", "list", "--series", "one", "--archive", "other"]);
    root.ok(&["publish", "--distribution", "other"]);
    assert!(root.path().join("archives/other/dists/one/InRelease").is_file());
    assert!(!root.served().join("dists").exists());
    root.ok(&["publish"]);
    root.client(SERIES).update();
    // a suite names its distribution
    root.ok(&["publish", "--suite", "one", "--careful"]);
    root.ok(&["publish", "--suite", SERIES, "--suite", "one", "--careful"]);
    root.run(&["publish", "--suite", "nonsense"]).exits(2).says(&["nonsense", "one-security", SERIES]);
}

#[test]
fn a_distribution_that_fails_does_not_stop_the_next() {
    let root = with_two_distributions();
    tool::write_program(&root.hooks("pre-publication").join("10-fails"), "#!/bin/sh\nexit 3\n");
    root.run(&["publish"]).exits(FAILURE).says(&[DISTRIBUTION, "10-fails"]);
    assert!(!root.served().join("dists").exists());
    assert!(root.path().join("archives/other/dists/one/InRelease").is_file());
}

#[test]
fn a_dry_run_says_what_would_stop_the_run() {
    let root = Root::new();
    root.run(&["publish", "--dry-run", "--suite", "nonsense"]).exits(2).says(&["nonsense"]);
    let broken = root.hooks("finalize").join("10-broken.wasm");
    tool::write(&broken, "no component");
    root.run(&["publish", "--dry-run"]).exits(3).says(&["10-broken.wasm"]);
    std::fs::remove_file(&broken).unwrap();
    root.run(&["publish", "--security-only", "--suite", SERIES]).exits(2).says(&["--security-only"]);
    root.run(&["publish", "--dry-run"]).exits(0);
    assert!(!root.served().exists(), "nothing was done");
}

#[test]
fn a_setting_is_one_line_and_a_clock_does_not_go_back() {
    let root = Root::new();
    for setting in ["--description", "--series-version", "--display-name"] {
        root.run(&["series", "set", SERIES, setting, "1\n\nSHA256:"]).exits(2).says(&["one line"]);
    }
    let later = "2025-06-01T12:00:00Z";
    root.run_at(later, &["publish"]).exits(0);
    root.ok(&["series", "set", SERIES, "--description", "later"]);
    root.run(&["publish"]).exits(1).says(&["clock", "2025-03-01", "2025-06-01"]);
    root.run(&["publish", "--dry-run"]).exits(1).says(&["--accept-older-date"]);
    root.copy().ok(&["publish", "--accept-older-date"]);
    root.run_at(later, &["publish"]).exits(0);
}

#[test]
fn what_is_served_can_be_read_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let root = Root::new();
    let program = binary::pressroom();
    let script =
        format!("umask 077; exec '{}' --root '{}' publish", program.display(), root.path().display());
    let status = std::process::Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(status.success());
    for folder in ["", "dists", &format!("dists/{SERIES}/main/binary-amd64")] {
        let mode = root.served().join(folder).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o755, "{folder}");
    }
}
