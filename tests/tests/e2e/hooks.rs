//! Hooks in a real publication: what they add, what they hold, what they cannot do.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use pressroom_tests::deb::Deb;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::stanza::listed;
use pressroom_tests::tool::{self, Ran, read_text, workspace, write_program};
use pressroom_tests::tree::{assert_same, picture};
use pressroom_tests::{binary, source};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

const FAILURE: i32 = 1;
const HELD: i32 = 5;
const SECURITY: &str = "aurora-security";

/// A root with a package waiting in the release suite.
fn pending() -> Root {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("good", "1.0").with("Section", "utils").write(folder.path());
    let _ = source::build(folder.path(), "good", "1.0-1");
    root.import(SERIES, &[folder.path()]).exits(0);
    root
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Adds a first-party hook with all that it asks for.
#[track_caller]
fn add(root: &Root, name: &str) {
    let manifest = workspace().join("plugins").join(name).join("hook.toml");
    root.ok(&[
        "hook",
        "add",
        &text(&binary::hook(name)),
        "--manifest",
        &text(&manifest),
        "--grant",
        "requested",
    ]);
}

/// Adds the misbehaving hook at a point, with lines for its configuration and its limits.
#[track_caller]
fn add_bad(root: &Root, point: &str, config: &str, limits: &str) {
    let manifest = root.path().join("bad.toml");
    tool::write(
        &manifest,
        format!(
            "name = \"bad\"\npoints = [\"{point}\"]\n[capabilities]\narchive = true\nstaging = [\"project/*\"]\nstate = true\n\
             [limits]\n{limits}\n[config]\n{config}\n"
        ),
    );
    let component = text(&binary::hook("bad_plugins"));
    root.ok(&["hook", "add", &component, "--manifest", &text(&manifest), "--grant", "requested"]);
}

/// What `pressroom history` says of the runs.
#[track_caller]
fn history(root: &Root) -> String {
    root.ok(&["history"]).stdout
}

/// A publication with the misbehaving hook before it: it ends with `code`, nothing is installed, the reason is told and recorded, and once the hook is
/// gone everything that waited is published.
#[track_caller]
fn misbehaves(config: &str, limits: &str, code: i32, words: &[&str]) {
    let root = pending();
    add_bad(&root, "pre-publication", config, limits);
    root.run(&["publish"]).exits(code).says(&["bad"]).says(words);
    assert!(!root.served().join("dists").exists(), "nothing is installed");
    let history = history(&root);
    assert!(history.contains("bad"), "the run is recorded with its hook:\n{history}");
    for file in ["50-bad.wasm", "50-bad.toml"] {
        std::fs::remove_file(root.hooks("pre-publication").join(file)).unwrap();
    }
    root.ok(&["publish"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    root.client(SERIES).update();
}

// ---------------------------------------------------------------- first-party hooks

#[test]
fn first_party_hooks_do_their_work_in_both_passes() {
    let root = pending();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("urgent", "1.0").write(folder.path());
    root.import(SECURITY, &[folder.path()]).exits(0);
    for name in ["trace", "indices", "announce"] {
        add(&root, name);
    }
    root.ok(&["hook", "list"]).says(&["trace", "indices", "announce"]);
    root.ok(&["publish"]);
    // the trace file, with a serial for each of the two passes
    let traces = pressroom_tests::apt::names_in(&root.served().join("project/trace"));
    assert_eq!(traces.len(), 1, "{traces:?}");
    let trace = read_text(&root.served().join("project/trace").join(&traces[0]));
    assert!(trace.contains("Sat, 01 Mar 2025 12:00:00") && trace.contains("2025030102"), "{trace}");
    // the overrides come with the normal pass only
    let overrides = pressroom_tests::apt::names_in(&root.served().join("indices"));
    assert!(overrides.iter().any(|name| name.starts_with("override.aurora.main")), "{overrides:?}");
    let main = read_text(&root.served().join("indices/override.aurora.main"));
    assert!(main.contains("good") && main.contains("utils"), "{main}");
    // the announcement is of the security pass
    let history = history(&root);
    for word in ["trace", "indices", "announce"] {
        assert!(history.contains(word), "{word} is not in the history:\n{history}");
    }
    root.client("aurora aurora-security").update();
}

#[test]
fn what_a_hook_adds_to_a_suite_is_signed_with_it() {
    let root = pending();
    let script = "#!/bin/sh\nset -e\ndate -u >\"$DISTSROOT/aurora/main/Contents-amd64\"\n";
    write_program(&root.hooks("pre-publication").join("20-contents"), script);
    root.ok(&["publish"]);
    let release = read_text(&root.suite(SERIES).join("Release"));
    assert!(listed(&release, "SHA256").contains_key("main/Contents-amd64"), "{release}");
    root.verify(SERIES);
    root.client(SERIES).update();
}

#[test]
fn a_hook_in_python_runs_unchanged() {
    let root = pending();
    let manifest = workspace().join("tests/fixtures/python-hook/hook.toml");
    let component = text(binary::python_hook());
    root.ok(&["hook", "add", &component, "--manifest", &text(&manifest), "--grant", "requested"]);
    root.ok(&["publish"]);
    let newest = read_text(&root.served().join("indices/newest.json"));
    let newest: serde_json::Value = serde_json::from_str(&newest).unwrap();
    assert_eq!(newest["newest"][SERIES]["good"], "1.0-1", "{newest}");
    let history = history(&root);
    assert!(history.contains("listed 1 sources"), "{history}");
    root.client(SERIES).update();
}

// ---------------------------------------------------------------- legacy hooks

#[test]
fn legacy_hooks_are_run_as_run_parts_would() {
    let root = pending();
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("urgent", "1.0").write(folder.path());
    root.import(SECURITY, &[folder.path()]).exits(0);
    let said = folder.path().join("said");
    let script = |point: &str| {
        format!(
            "#!/bin/sh\nprintf '%s priority=%s suites=%s archives=%s security=%s\\n' {point} \"$1\" \"$(ls \"${{DISTSROOT:-/nowhere}}\" 2>/dev/null | tr '\\n' ,)\" \"${{ARCHIVEROOTS:-$ARCHIVEROOT}}\" \"${{SECURITY_UPLOAD_ONLY:-}}\" >>'{}'\n",
            said.display()
        )
    };
    // publish-distro.d is an older name of pre-publication.d, and the two are one order
    write_program(&root.hooks("publish-distro").join("10-first"), &script("first"));
    write_program(&root.hooks("pre-publication").join("20-second"), &script("second"));
    write_program(&root.hooks("finalize").join("10-last"), &script("last"));
    root.ok(&["publish"]);
    let said = read_text(&said);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 6, "{said}");
    for (line, expected) in lines.iter().zip([
        "first priority=0",
        "second priority=0",
        "last priority=0",
        "first priority=1",
        "second priority=1",
        "last priority=1",
    ]) {
        assert!(line.starts_with(expected), "{said}");
    }
    assert!(lines[0].contains(&format!("archives={}", root.served().display())), "{said}");
    assert!(lines[2].ends_with("security=yes") && lines[5].ends_with("security=no"), "{said}");
}

#[test]
fn a_legacy_hook_that_fails_keeps_the_pass_from_being_installed() {
    let root = pending();
    let hook = root.hooks("pre-publication").join("10-fails");
    write_program(&hook, "#!/bin/sh\necho 'the moon is full'\nexit 3\n");
    root.run(&["publish"]).exits(FAILURE).says(&["10-fails", "3"]);
    assert!(!root.served().join("dists").exists());
    std::fs::remove_file(&hook).unwrap();
    root.ok(&["publish"]);
    root.client(SERIES).update();
}

#[test]
fn a_legacy_hook_that_fails_after_the_switch_is_reported_and_nothing_is_taken_back() {
    let root = pending();
    write_program(&root.hooks("finalize").join("10-fails"), "#!/bin/sh\nexit 3\n");
    root.run(&["publish"]).exits(FAILURE).says(&["10-fails"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    root.client(SERIES).update();
}

#[test]
fn a_legacy_hook_that_hangs_is_ended_with_all_that_it_started() {
    let root = pending();
    let configuration = root.path().join("pressroom.toml");
    let changed = read_text(&configuration).replace("# executable-seconds = 600", "executable-seconds = 1");
    tool::write(&configuration, changed);
    let child = root.path().join("child");
    let hook = root.hooks("pre-publication").join("10-hangs");
    write_program(&hook, &format!("#!/bin/sh\nsleep 3600 &\necho $! >'{}'\nsleep 3600\n", child.display()));
    root.run(&["publish"]).exits(FAILURE).says(&["10-hangs", "1 second"]);
    assert!(!root.served().join("dists").exists());
    assert!(has_ended(read_text(&child).trim().parse().unwrap()), "what the hook had started still runs");
}

/// Whether a process ends within ten seconds, or has ended.
fn has_ended(process: i32) -> bool {
    let Ok(descriptor) = pidfd_open(Pid::from_raw(process).unwrap(), PidfdFlags::empty()) else {
        return true;
    };
    let wait = Timespec { tv_sec: 10, tv_nsec: 0 };
    poll(&mut [PollFd::from_borrowed_fd(descriptor.as_fd(), PollFlags::IN)], Some(&wait)).unwrap() == 1
}

#[test]
fn a_hook_file_that_run_parts_would_skip_is_complained_of() {
    let root = pending();
    write_program(&root.hooks("finalize").join("10-mirror.sh"), "#!/bin/sh\nexit 3\n");
    tool::write(&root.hooks("finalize").join("20-forgotten"), "#!/bin/sh\nexit 3\n");
    root.run(&["hook", "list"]).says(&["10-mirror.sh", "20-forgotten", "executable"]);
    root.run(&["publish"]).exits(0).says(&["10-mirror.sh", "20-forgotten"]);
}

// ---------------------------------------------------------------- hooks that misbehave

#[test]
fn a_hook_that_traps() {
    misbehaves("behave = \"panic\"", "", FAILURE, &["sky is falling"]);
}

#[test]
fn a_hook_that_loops_for_ever() {
    misbehaves("behave = \"loop\"", "wall-seconds = 1", FAILURE, &["time limit"]);
}

#[test]
fn a_hook_that_sleeps_for_ever() {
    misbehaves("behave = \"sleep\"", "wall-seconds = 1", FAILURE, &["time limit"]);
}

#[test]
fn a_hook_that_allocates_without_bound() {
    misbehaves("behave = \"allocate\"", "memory-bytes = 33554432", FAILURE, &["memory"]);
}

#[test]
fn a_hook_that_fails_for_reasons_of_its_own() {
    misbehaves("behave = \"failed\"", "", FAILURE, &["it does not work"]);
    misbehaves("behave = \"temporary\"", "", FAILURE, &["the moon is not full"]);
}

#[test]
fn a_hook_that_vetoes_holds_the_pass() {
    misbehaves("behave = \"veto\"", "", HELD, &["not on my watch"]);
}

#[test]
fn a_hook_that_writes_where_it_may_not() {
    misbehaves("behave = \"outside-grant\"", "", FAILURE, &["pool/main/b/bad"]);
    misbehaves("behave = \"escaping-path\"", "", FAILURE, &["escaped"]);
    misbehaves("behave = \"overwrite-release\"", "", FAILURE, &["Release"]);
}

#[test]
fn a_hook_that_writes_too_much() {
    misbehaves("behave = \"many-bytes\"\namount = 8388608", "staging-bytes = 1048576", FAILURE, &["bytes"]);
    misbehaves("behave = \"state-bomb\"", "state-bytes = 1048576", FAILURE, &["bytes"]);
}

#[test]
fn a_hook_that_floods_its_log_loses_lines_and_nothing_else() {
    let root = pending();
    add_bad(&root, "pre-publication", "behave = \"log-flood\"\namount = 100000", "");
    let ran: Ran = root.run(&["publish"]).exits(0);
    assert!(
        ran.everything().len() < 1 << 20,
        "the flood reaches the operator: {} bytes",
        ran.everything().len()
    );
    assert!(history(&root).len() < 1 << 20);
    root.client(SERIES).update();
}

#[test]
fn a_veto_after_the_switch_is_a_failure_and_nothing_is_taken_back() {
    let root = pending();
    add_bad(&root, "post-publication", "behave = \"veto\"", "");
    root.run(&["publish"]).exits(FAILURE).says(&["not on my watch"]);
    assert_eq!(root.indexed(SERIES, "main/binary-amd64/Packages"), ["good 1.0"]);
    root.client(SERIES).update();
}

// ---------------------------------------------------------------- hooks that cannot be added, and grants

/// Adding fails with these words, and nothing is left in the hook folders.
#[track_caller]
fn not_added(root: &Root, arguments: &[&str], words: &[&str]) {
    let ran = root.run(&[&["hook", "add"], arguments].concat());
    assert!(ran.code != Some(0), "{}", ran.account());
    ran.says(words);
    assert!(
        picture(&root.path().join("hooks")).keys().all(|path| path.ends_with('/')),
        "something is left in the hook folders"
    );
}

#[test]
fn a_file_that_is_no_component() {
    let root = Root::new();
    let file: PathBuf = root.path().join("nothing.wasm");
    for content in [&b"nothing"[..], b"", b"\0asm\x01\0\0\0"] {
        tool::write(&file, content);
        not_added(&root, &[&text(&file)], &["nothing.wasm"]);
    }
    not_added(&root, &[&text(&root.path().join("missing.wasm"))], &["missing.wasm"]);
}

#[test]
fn a_capability_or_a_point_that_nobody_knows() {
    let root = Root::new();
    let component = text(&binary::hook("trace"));
    not_added(&root, &[&component, "--grant", "network"], &["network"]);
    not_added(&root, &[&component, "--point", "whenever"], &["whenever"]);
    not_added(&root, &[&component, "--point", "finalize"], &["finalize", "pre-publication"]);
    let manifest = root.path().join("wish.toml");
    tool::write(
        &manifest,
        "name = \"trace\"\npoints = [\"pre-publication\"]\n[capabilities]\nnetwork = true\n",
    );
    not_added(&root, &[&component, "--manifest", &text(&manifest)], &["wish.toml", "network"]);
}

#[test]
fn a_grant_with_a_capability_that_nobody_knows_or_another_digest_stops_the_pass() {
    for (from, to, word) in [
        ("[capabilities]", "[capabilities]\nnetwork = true", "network"),
        ("sha256 = \"", "sha256 = \"00", "sha256"),
    ] {
        let root = pending();
        add(&root, "trace");
        let grant = root.hooks("pre-publication").join("90-trace.toml");
        let changed = read_text(&grant).replacen(from, to, 1);
        tool::write(&grant, changed);
        root.run(&["hook", "list"]).says(&["90-trace", word]);
        let ran = root.run(&["publish"]);
        assert!(ran.code != Some(0), "{}", ran.account());
        ran.says(&["90-trace", word]);
        assert!(!root.served().join("dists").exists(), "nothing is installed without a hook that has to run");
    }
}

#[test]
fn a_component_that_was_exchanged_after_it_was_granted() {
    let root = pending();
    add(&root, "trace");
    let before = picture(&root.path().join("archives"));
    let component = root.hooks("pre-publication").join("90-trace.wasm");
    tool::write(&component, tool::read(&binary::hook("indices")));
    root.run(&["hook", "list"]).says(&["90-trace.wasm", "SHA256"]);
    let ran = root.run(&["publish"]);
    assert!(ran.code != Some(0), "{}", ran.account());
    ran.says(&["90-trace.wasm", "SHA256"]);
    assert_same("the archives before and after", &before, &picture(&root.path().join("archives")));
}

#[test]
fn with_an_executable_before_publication_unchanged_indexes_stay_listed_and_apt_takes_them() {
    let root = pending();
    tool::write_program(&root.hooks("pre-publication").join("10-nothing"), "#!/bin/sh\nexit 0\n");
    root.ok(&["publish"]);
    let before = listed_texts(&root);
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("good", "1.1").with("Section", "utils").write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
    root.ok(&["publish"]);
    assert_eq!(listed_texts(&root), before, "every index is still listed by its text");
    let client = root.client(SERIES);
    client.update().exits(0);
}

/// The indexes that a Release lists uncompressed.
fn listed_texts(root: &Root) -> Vec<String> {
    let release = read_text(&root.suite(SERIES).join("Release"));
    let (_, list) = release.split_once("SHA256:\n").unwrap();
    let paths = list.lines().filter_map(|line| line.split_whitespace().nth(2));
    paths
        .filter(|path| path.ends_with("/Packages") || path.ends_with("/Sources"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_a_hook_remembers_counts_when_the_pass_is_installed() {
    let root = pending();
    add(&root, "trace");
    let veto = root.hooks("pre-publication").join("99-hold");
    tool::write_program(&veto, "#!/bin/sh\nexit 1\n");
    for _ in 0..2 {
        root.run(&["publish"]).exits(FAILURE);
    }
    std::fs::remove_file(&veto).unwrap();
    root.ok(&["publish"]);
    let serial = std::fs::read_dir(root.served().join("project/trace")).unwrap().flatten().next().unwrap();
    assert!(
        read_text(&serial.path()).contains("Archive serial: 2025030101"),
        "{}",
        read_text(&serial.path())
    );
}

#[test]
fn a_hook_that_is_added_again_keeps_what_the_operator_has_set() {
    let root = pending();
    add(&root, "trace");
    let path = root.hooks("pre-publication").join("90-trace.toml");
    let grant =
        read_text(&path).replace("\"abort\"", "\"warn\"").replace("wall-seconds = 10", "wall-seconds = 7");
    tool::write(&path, grant);
    let component = text(&binary::hook("trace"));
    root.ok(&["hook", "add", &component, "--order", "15"]);
    let kept = read_text(&root.hooks("pre-publication").join("15-trace.toml"));
    for word in ["\"warn\"", "wall-seconds = 7", "project/trace/*"] {
        assert!(kept.contains(word), "{kept}");
    }
    assert!(!path.exists());
    root.ok(&["hook", "add", &component]);
    assert!(root.hooks("pre-publication").join("15-trace.wasm").exists());
}

#[test]
fn a_replaced_form_of_an_index_that_says_something_else_stops_the_pass() {
    let root = pending();
    let script = "#!/bin/sh\necho other | gzip > \"$DISTSROOT/aurora/main/binary-amd64/Packages.gz\"\n";
    let hook = root.hooks("pre-publication").join("10-replace");
    tool::write_program(&hook, script);
    root.run(&["publish"]).exits(FAILURE).says(&["main/binary-amd64/Packages", "same text"]);
    assert!(!root.served().join("dists").exists());
    std::fs::remove_file(&hook).unwrap();
    root.run(&["publish"]).exits(0);
}

#[test]
fn before_publication_a_hook_finds_the_new_release_unsigned() {
    let root = pending();
    let script = "#!/bin/sh\ncd \"$DISTSROOT/aurora\" && grep -c binary-amd64/Packages.xz Release && ls | tr '\\n' ' '\n";
    tool::write_program(&root.hooks("pre-publication").join("10-look"), script);
    for version in ["1.0", "1.1"] {
        let folder = tempfile::tempdir().unwrap();
        let _ = Deb::new("more", version).write(folder.path());
        root.import(SERIES, &[folder.path()]).exits(0);
        root.ok(&["publish"]);
        assert!(history(&root).contains("Release main universe"), "{}", history(&root));
        assert!(!history(&root).contains("InRelease"), "{}", history(&root));
        root.verify(SERIES);
    }
}

#[test]
fn each_point_of_a_hook_keeps_its_own_grant() {
    let root = pending();
    let component = text(&binary::hook("bad_plugins"));
    let add = |more: &[&str]| {
        root.ok(&[&["hook", "add", &component, "--point", "pre-publication", "--point", "finalize"], more]
            .concat());
    };
    add(&["--grant", "archive"]);
    let folder = root.hooks("finalize");
    let grant = read_text(&folder.join("50-bad-plugins.toml")).replace("archive = true", "archive = false");
    tool::write(&folder.join("90-bad-plugins.toml"), grant);
    tool::write(&folder.join("90-bad-plugins.wasm"), tool::read(&folder.join("50-bad-plugins.wasm")));
    std::fs::remove_file(folder.join("50-bad-plugins.wasm")).unwrap();
    std::fs::remove_file(folder.join("50-bad-plugins.toml")).unwrap();
    root.ok(&["hook", "add", &component]);
    assert!(read_text(&folder.join("90-bad-plugins.toml")).contains("archive = false"));
    assert!(read_text(&root.hooks("pre-publication").join("50-bad-plugins.toml")).contains("archive = true"));
    add(&["--grant", "state"]);
    assert!(read_text(&folder.join("90-bad-plugins.toml")).contains("state = true"));
}
