//! What operators see of their root: `check` as a monitoring system calls it, metrics, mails about runs, and a root that nobody may write to.

use pressroom_tests::deb::Deb;
use pressroom_tests::mount::Cage;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool;

const OK: i32 = 0;
const WARNING: i32 = 1;
const CRITICAL: i32 = 2;
const UNKNOWN: i32 = 3;

/// How full the disk of these tests is does not matter.
const ANY_DISK: &str = "[monitoring]\ndisk-warning-percent = 0\ndisk-critical-percent = 0\n";

/// A root whose operators have a Maildir, and metrics.
fn root() -> Root {
    let root = Root::new();
    let file = root.path().join("pressroom.toml");
    let text = tool::read_text(&file);
    let before = text.split("\n[mail]\n").next().unwrap();
    let mail = "transport = \"maildir\"\nfrom = \"Acme Archive <archive@example.org>\"\noperators = [\"Ops <ops@example.org>\"]";
    tool::write(&file, format!("{before}\n[mail]\n{mail}\n[metrics]\nfile = \"metrics.prom\"\n{ANY_DISK}"));
    root
}

fn add(root: &Root) {
    let folder = tempfile::tempdir().unwrap();
    let _ = root.import(SERIES, &[&Deb::new("hello", "1.0").build(folder.path())]);
}

/// A hook that fails before the publication, and says something.
fn break_it(root: &Root) -> std::path::PathBuf {
    let hook = root.hooks("pre-publication").join("50-broken");
    tool::write_program(&hook, "#!/bin/sh\necho it is full of \"$0\"\nexit 3\n");
    hook
}

/// All mails, each as text.
fn mails(root: &Root) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(root.path().join("mail/new")) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| tool::read_text(path)).collect()
}

#[test]
fn a_check_says_what_a_monitoring_system_wants_to_hear() {
    let root = root();
    let ran = root.run(&["check"]).exits(OK);
    assert!(ran.stdout.starts_with("PRESSROOM OK: all is well | '"), "{}", ran.account());
    let ran = root.run(&["check", "--max-age", "900"]).exits(CRITICAL);
    assert!(ran.stdout.contains(&format!("publish of {DISTRIBUTION} has never run")), "{}", ran.account());
    add(&root);
    root.ok(&["publish"]);
    let ran = root.run(&["check", "--max-age", "900"]).exits(OK);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.account());
    let ran =
        root.run_at("2025-03-01T12:15:01Z", &["check", "--warn-age", "600", "--max-age", "publish=1000"]);
    let ran = ran.exits(WARNING).says(&["last succeeded 15 min ago, which may be 10 min at most"]);
    assert!(ran.stdout.contains("'publish of acme age'=901s;600;1000"), "{}", ran.account());
    let _ = root.run_at("2025-03-01T12:15:01Z", &["check", "--max-age", "900"]).exits(CRITICAL);
    // another distribution's publisher is not asked for
    let _ = root
        .run(&["check", "--max-age", "process-upload=60"])
        .exits(CRITICAL)
        .says(&["process-upload has never run"]);
    for wrong in [&["--max-age", "soon"][..], &["--distribution", "nowhere"], &["--nonsense"]] {
        let ran = root.run(&[&["check"], wrong].concat()).exits(UNKNOWN);
        assert!(ran.stdout.starts_with("PRESSROOM UNKNOWN: "), "{}", ran.account());
    }
    let json: serde_json::Value =
        serde_json::from_str(&root.run(&["--format", "json", "check"]).exits(OK).stdout).unwrap();
    assert_eq!(json["level"], "OK");
    let nowhere = tempfile::tempdir().unwrap();
    let _ = Root::at(nowhere.path()).run(&["check"]).exits(UNKNOWN);
}

#[test]
fn a_folder_of_uploads_that_has_gone_is_a_failure_and_one_that_was_never_there_is_none() {
    let root = root();
    let base = tempfile::tempdir().unwrap();
    let (incoming, aside) = (base.path().join("incoming"), base.path().join("aside"));
    let look = |base: &std::path::Path| root.run(&["process-upload", &base.to_string_lossy()]);
    look(base.path()).exits(2).says(&["mkdir -p"]);
    root.run(&["check"]).exits(OK);
    tool::make_folder(&incoming);
    look(base.path()).exits(0);
    tool::rename(&incoming, &aside);
    for _ in 0..2 {
        look(base.path()).exits(2).says(&["mkdir -p"]);
    }
    root.run(&["check"]).exits(CRITICAL).says(&["process-upload", "failed 2 times", "there is no folder"]);
    assert_eq!(mails(&root).len(), 1);
    tool::rename(&aside, &incoming);
    look(base.path()).exits(0);
    root.run(&["check"]).exits(OK);
    // the whole disk
    std::fs::remove_dir_all(base.path()).unwrap();
    look(base.path()).exits(2);
    root.run(&["check"]).exits(CRITICAL);
}

#[test]
fn operators_are_mailed_once_of_a_run_that_fails_and_once_when_it_is_over() {
    let root = root();
    add(&root);
    let hook = break_it(&root);
    for _ in 0..3 {
        let _ = root.run(&["publish"]).exits(1);
    }
    let mail = match mails(&root).as_slice() {
        [one] => one.clone(),
        other => panic!("{other:?}"),
    };
    for words in [
        "publish of acme: failed (run",
        "50-broken (pre-publication)",
        "it is full of",
        "begins: stage",
        "To: Ops",
    ] {
        assert!(mail.contains(words), "{words} is not in {mail}");
    }
    let _ = root.run(&["check"]).exits(CRITICAL).says(&["publish of acme failed 3 times since", "50-broken"]);
    let _ = root
        .run(&["history", "--details", "-n", "1"])
        .exits(0)
        .says(&["the end of its log", "begins: stage"]);
    let metrics = tool::read_text(&root.path().join("metrics.prom"));
    let labels = "{script=\"publish\",distribution=\"acme\",scope=\"\"";
    assert!(metrics.contains(&format!("pressroom_run_failures{labels}}} 3\n")), "{metrics}");
    std::fs::remove_file(hook).unwrap();
    root.ok(&["publish"]);
    root.ok(&["publish"]);
    let all = mails(&root);
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(
        all.iter().any(|mail| mail.contains("succeeds again") && mail.contains("In-Reply-To: ")),
        "{all:?}"
    );
    let _ = root.run(&["check"]).exits(OK);
    let metrics = tool::read_text(&root.path().join("metrics.prom"));
    for line in [
        format!("pressroom_run_failures{labels}}} 0"),
        format!("pressroom_run_last_outcome{labels},outcome=\"SUCCEEDED\"}} 1"),
        "pressroom_publications_pending{distribution=\"acme\"} 0".to_owned(),
    ] {
        assert!(metrics.lines().any(|one| one == line), "{line} is not in {metrics}");
    }
    // each family stands together, with its type before it
    let mut seen = std::collections::BTreeSet::new();
    let mut last = String::new();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        if name != last {
            assert!(seen.insert(name.to_owned()), "{name} stands in two places");
            assert!(metrics.contains(&format!("# TYPE {name} gauge\n{name}")), "{name}");
            name.clone_into(&mut last);
        }
    }
}

#[test]
fn what_operators_would_be_told_can_be_tried() {
    let root = root();
    root.ok(&["outbox", "test"]);
    assert!(mails(&root)[0].contains("what you are told of runs that fail"));
    let nobody = Root::new();
    let _ = nobody.run(&["outbox", "test"]).exits(3).says(&["transport is \"none\""]);
}

#[test]
fn every_script_says_how_it_went_and_those_with_nothing_to_do_take_one_row() {
    let root = root();
    add(&root);
    let uploads = tempfile::tempdir().unwrap();
    let base = uploads.path().to_str().unwrap();
    std::fs::create_dir(uploads.path().join("incoming")).unwrap();
    for _ in 0..3 {
        root.ok(&["process-upload", base]);
        root.ok(&["outbox", "send"]);
    }
    let folder = tempfile::tempdir().unwrap();
    tool::write(&folder.path().join("broken.deb"), "no package");
    let _ = root.run(&["import", "--suite", SERIES, folder.path().to_str().unwrap()]).exits(1);
    let runs: Vec<serde_json::Value> =
        serde_json::from_str(&root.ok(&["--format", "json", "history", "-n", "20"]).stdout).unwrap();
    let said: Vec<String> = runs
        .iter()
        .rev()
        .map(|run| [&run["script"], &run["outcome"]].map(|word| word.as_str().unwrap()).join(" "))
        .collect();
    assert_eq!(
        said,
        ["import SUCCEEDED", "process-upload SUCCEEDED", "outbox-send SUCCEEDED", "import FAILED"],
        "{runs:?}"
    );
    // that was by hand
    assert_eq!(mails(&root), [""; 0]);
    let _ = root.run(&["check"]).exits(OK);
    let _ = root.run(&["check", "--max-age", "import=60"]).exits(CRITICAL).says(&["import of acme failed"]);
}

#[test]
fn a_root_that_nobody_may_write_to_can_be_looked_at() {
    let root = root();
    add(&root);
    root.ok(&["publish"]);
    let cage = Cage::new();
    let folder = root.path().as_os_str();
    cage.shell("mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\"", &[folder]);
    let written = cage.run(tool::tool("touch").arg(root.path().join("new")));
    assert_ne!(written.code, Some(0), "it is read-only");
    for arguments in [&["status"][..], &["history"], &["check", "--max-age", "900"], &["outbox", "list"]] {
        let ran = cage.run(&root.command(arguments)).exits(0);
        assert!(!ran.stdout.is_empty(), "{}", ran.account());
    }
    let ran = cage.run(&root.command(&["publish"]));
    assert_ne!(ran.code, Some(0), "{}", ran.account());
}
