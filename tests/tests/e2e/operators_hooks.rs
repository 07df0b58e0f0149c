//! The operator's side of hooks: what is added, judged, upgraded, taken out of use and away; and what stops a publication before it begins.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use pressroom_tests::deb::Deb;
use pressroom_tests::random::Random;
use pressroom_tests::root::{DISTRIBUTION, Root, SERIES};
use pressroom_tests::tool::{self, Ran, read_text, set_mode, tool, workspace, write_program};
use pressroom_tests::tree::{Picture, assert_same, picture, sha256};
use pressroom_tests::{apt, binary};

const FAILURE: i32 = 1;
const USAGE: i32 = 2;
const CONFIGURATION: i32 = 3;
const PRE: &str = "pre-publication";

/// A root with a package waiting in the release suite.
fn pending() -> Root {
    let root = Root::new();
    arrive(&root, "1.0");
    root
}

/// A version of a package comes in.
fn arrive(root: &Root, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let _ = Deb::new("good", version).write(folder.path());
    root.import(SERIES, &[folder.path()]).exits(0);
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn component(name: &str) -> String {
    text(&binary::hook(name))
}

fn manifest(name: &str) -> String {
    text(&workspace().join("plugins").join(name).join("hook.toml"))
}

/// Adds a first-party hook.
#[track_caller]
fn add(root: &Root, name: &str, more: &[&str]) -> Ran {
    let (component, manifest) = (component(name), manifest(name));
    root.ok(&[&["hook", "add", &component, "--manifest", &manifest], more].concat())
}

fn trace(root: &Root) -> (PathBuf, PathBuf) {
    let path = root.hooks(PRE).join("90-trace.wasm");
    (path.clone(), path.with_extension("toml"))
}

fn hooks(root: &Root) -> Picture {
    picture(&root.path().join("hooks"))
}

/// A command that fails, says these words, and leaves the hooks and what is compiled of them as they were.
#[track_caller]
fn refused(root: &Root, code: i32, arguments: &[&str], words: &[&str]) {
    let before = (hooks(root), picture(&root.path().join("cache")));
    root.run(arguments).exits(code).says(words);
    assert_same("the hooks before and after a refusal", &before.0, &hooks(root));
    assert_same(
        "what is compiled before and after a refusal",
        &before.1,
        &picture(&root.path().join("cache")),
    );
}

/// A publication that does not begin: exit code 3, these words, nothing staged, no pass.
#[track_caller]
fn does_not_begin(root: &Root, words: &[&str]) {
    let before = picture(&root.path().join("archives"));
    root.run(&["publish"]).exits(CONFIGURATION).says(words);
    assert_same("the archives before and after", &before, &picture(&root.path().join("archives")));
    let history = json(&root.ok(&["history", "--format", "json"]));
    assert_eq!(history[0]["passes"].as_array().map_or(0, Vec::len), 0, "{history:#}");
}

fn json(ran: &Ran) -> serde_json::Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.account()))
}

fn listed(root: &Root) -> serde_json::Value {
    json(&root.ok(&["hook", "list", "--format", "json"]))
}

/// What the list says of the hooks before publication.
fn pre_publication(root: &Root) -> Vec<serde_json::Value> {
    listed(root)[0]["points"][0]["hooks"].as_array().unwrap().clone()
}

fn compiled(root: &Root) -> usize {
    let names = apt::names_in(&root.path().join("cache/hooks"));
    names.iter().filter(|name| name.ends_with(".cwasm")).count()
}

/// The serial in the trace file.
fn serial(root: &Root) -> String {
    let folder = root.served().join("project/trace");
    let names = apt::names_in(&folder);
    let text = read_text(&folder.join(&names[0]));
    text.lines().find_map(|line| line.strip_prefix("Archive serial: ")).unwrap().to_owned()
}

// ---------------------------------------------------------------- the grant

#[test]
fn a_new_grant_asks_and_grants_nothing_until_the_operator_takes_the_marks_away() {
    let root = pending();
    add(&root, "trace", &[]).says(&["not granted", "state", "staging=project/trace/*"]);
    let (_, grant) = trace(&root);
    let written = read_text(&grant);
    for line in ["#staging = [\"project/trace/*\"]", "#state = true", "wall-seconds = 10", "[requested]"] {
        assert!(written.lines().any(|one| one == line), "{line} is not in\n{written}");
    }
    assert!(written.contains("remember things"), "what each means stands there:\n{written}");
    let hook = &pre_publication(&root)[0];
    assert_eq!(hook["granted"], serde_json::json!([]));
    assert_eq!(hook["not_granted"], serde_json::json!(["staging", "staging=project/trace/*", "state"]));
    // without them the hook says so and the pass is given up
    root.run(&["publish"]).exits(FAILURE).says(&["90-trace", "not granted"]);
    tool::write(&grant, written.replace("\n#s", "\ns"));
    assert_eq!(pre_publication(&root)[0]["not_granted"], serde_json::json!([]));
    root.ok(&["publish"]);
    assert_eq!(serial(&root), "2025030101");
}

#[test]
fn a_limit_beyond_the_operators_own_is_asked_for_too() {
    let root = Root::new();
    let wish = root.path().join("wish.toml");
    tool::write(
        &wish,
        "name = \"trace\"\npoints = [\"pre-publication\"]\n[limits]\nmemory-bytes = 1073741824\nwall-seconds = 5\n",
    );
    let arguments = ["hook", "add", &component("trace"), "--manifest", &text(&wish)];
    root.ok(&arguments).says(&["memory-bytes=1073741824"]);
    let grant = root.hooks(PRE).join("50-trace.toml");
    let written = read_text(&grant);
    assert!(
        written.contains("#memory-bytes = 1073741824") && written.contains("\nwall-seconds = 5"),
        "{written}"
    );
    root.ok(&[&arguments[..], &["--grant", "limits"]].concat());
    let written = read_text(&grant);
    assert!(written.contains("\nmemory-bytes = 1073741824") && !written.contains("#memory"), "{written}");
}

#[test]
fn what_an_operator_has_written_into_a_grant_stays_with_every_command() {
    let root = Root::new();
    add(&root, "trace", &["--grant", "state"]);
    let (_, grant) = trace(&root);
    let mine = read_text(&grant).replace("state = true", "state = true # since the audit")
        + "# ask carol before you change this\ngreeting = \"hello\"\n";
    let mine =
        mine.replace("\n# What its author asks for, for", "\n[config]\n# What its author asks for, for");
    let mine = mine.replacen("[config]\n", "", 1);
    tool::write(&grant, mine.replace("on-failure = \"abort\"", "on-failure = \"warn\" # for now"));
    // the lines that were put behind [requested] belong to it: that is no capability
    root.run(&["hook", "list"]).says(&["stops the publication", "90-trace"]);
    let fixed = read_text(&grant).replace("# ask carol before you change this\ngreeting = \"hello\"\n", "");
    tool::write(&grant, &fixed);
    root.ok(&["hook", "disable", "trace"]);
    root.ok(&["hook", "enable", "trace"]);
    root.ok(&["hook", "upgrade", &component("indices"), "--name", "trace", "--grant", "archive"]);
    let written = read_text(&grant);
    for kept in ["# since the audit", "on-failure = \"warn\" # for now", "archive = true", "state = true"] {
        assert!(written.contains(kept), "{kept} is not in\n{written}");
    }
}

// ---------------------------------------------------------------- out of use, and back

#[test]
fn a_disabled_hook_stops_nothing_whatever_is_wrong_with_it() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    let (component, grant) = trace(&root);
    let before = read_text(&grant);
    tool::write(&component, tool::read(&binary::hook("indices")));
    does_not_begin(&root, &["90-trace.wasm", "SHA256"]);
    root.ok(&["hook", "disable", "trace"]).says(&["Disabled", "90-trace.wasm"]);
    root.ok(&["hook", "disable", "trace"]).says(&["disabled already"]);
    let hook = &pre_publication(&root)[0];
    assert_eq!(hook["disabled"], true);
    assert_eq!(listed(&root)[0]["complaints"], serde_json::json!([]));
    root.ok(&["hook", "list"]).says(&["90-trace.wasm", "disabled"]);
    root.ok(&["publish"]);
    assert!(!root.served().join("project").exists(), "it did not run");
    // taken back, it counts again, and that is said at once
    root.run(&["hook", "enable", "trace"]).exits(FAILURE).says(&["Enabled", "SHA256"]);
    assert_eq!(read_text(&grant), before);
    // even a grant that cannot be read otherwise says so
    tool::write(&grant, format!("surprise = 1\n{before}"));
    does_not_begin(&root, &["surprise"]);
    root.ok(&["hook", "disable", "trace"]);
    arrive(&root, "1.1");
    root.ok(&["publish"]);
}

#[test]
fn an_executable_is_disabled_by_its_name() {
    let root = pending();
    let hook = root.hooks("finalize").join("10-fails");
    write_program(&hook, "#!/bin/sh\nexit 3\n");
    refused(&root, USAGE, &["hook", "disable", "nothing"], &["no hook nothing", "fails"]);
    refused(&root, USAGE, &["hook", "disable", "fails", "--point", PRE], &["finalize"]);
    root.ok(&["hook", "disable", "fails", "--point", "finalize"]);
    assert!(!hook.exists() && root.hooks("finalize").join("10-fails.disabled").exists());
    let listed = listed(&root);
    assert_eq!(listed[0]["complaints"], serde_json::json!([]), "{listed:#}");
    assert_eq!(listed[0]["points"][2]["hooks"][0]["disabled"], true, "{listed:#}");
    root.ok(&["publish"]);
    // never over another one
    write_program(&hook, "#!/bin/sh\nexit 0\n");
    refused(&root, FAILURE, &["hook", "enable", "10-fails.disabled"], &["10-fails", "is there"]);
    std::fs::remove_file(&hook).unwrap();
    root.ok(&["hook", "enable", "fails"]);
    arrive(&root, "1.1");
    root.run(&["publish"]).exits(FAILURE).says(&["10-fails"]);
}

// ---------------------------------------------------------------- away

#[test]
fn a_removed_hook_leaves_its_state_and_nothing_else() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    add(&root, "indices", &["--grant", "requested"]);
    assert_eq!(compiled(&root), 2);
    root.ok(&["publish"]);
    root.ok(&["hook", "remove", "trace"]).says(&["Removed", "90-trace.wasm"]);
    assert_eq!(apt::names_in(&root.hooks(PRE)), ["50-indices.toml", "50-indices.wasm"]);
    assert_eq!(compiled(&root), 1);
    refused(&root, USAGE, &["hook", "remove", "trace"], &["no hook trace", "indices"]);
    add(&root, "trace", &["--grant", "requested"]);
    arrive(&root, "1.1");
    root.ok(&["publish"]);
    assert_eq!(serial(&root), "2025030102", "it remembers");
    root.ok(&["hook", "remove", "trace", "--forget-state"]).says(&["Forgot its state"]);
    add(&root, "trace", &["--grant", "requested"]);
    arrive(&root, "1.2");
    root.ok(&["publish"]);
    assert_eq!(serial(&root), "2025030101", "it has forgotten");
}

#[test]
fn what_another_distribution_runs_stays_compiled() {
    let root = pending();
    root.ok(&["distribution", "add", "other"]);
    for distribution in [DISTRIBUTION, "other"] {
        add(&root, "trace", &["--distribution", distribution]);
    }
    root.ok(&["hook", "remove", "trace", "--distribution", DISTRIBUTION]);
    assert_eq!(compiled(&root), 1);
    root.ok(&["hook", "remove", "trace", "--distribution", "other"]);
    assert_eq!(compiled(&root), 0);
}

// ---------------------------------------------------------------- another version

#[test]
fn an_upgrade_shows_what_is_different_and_widens_nothing_by_itself() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    let (path, grant) = trace(&root);
    let before = (hooks(&root), picture(&root.path().join("cache")));
    // the component of another hook, as a version that wants more
    let new = component("indices");
    let arguments = ["hook", "upgrade", &new, "--name", "trace", "--manifest", &manifest("indices")];
    let ran = root.ok(&[&arguments[..], &["--dry-run"]].concat());
    ran.says(&["would change", "archive", "indices/override.*", "KiB ->"]);
    let shown = json(&root.ok(&[&arguments[..], &["--dry-run", "--format", "json"]].concat()));
    let difference = &shown["difference"];
    assert!(difference["imports"]["before"].as_array().unwrap().contains(&"state".into()), "{difference:#}");
    assert_eq!(
        difference["requested"]["before"],
        serde_json::json!(["staging", "staging=project/trace/*", "state"])
    );
    assert!(difference["imports"]["after"].as_array().unwrap().contains(&"archive".into()), "{difference:#}");
    assert_eq!(difference["granted"]["before"], difference["granted"]["after"]);
    assert_eq!(difference["versions"]["before"], serde_json::json!(["0.1.0"]));
    assert_eq!(difference["new_config_keys"], serde_json::json!(["at-high-priority"]));
    assert!(shown["not_granted"].as_array().unwrap().contains(&"archive".into()), "{shown:#}");
    assert_same("the hooks before and after a dry run", &before.0, &hooks(&root));
    assert_same("what is compiled before and after it", &before.1, &picture(&root.path().join("cache")));
    root.ok(&arguments).says(&["Upgraded", "not granted", "archive"]);
    assert_eq!(tool::read(&path), tool::read(Path::new(&new)));
    let written = read_text(&grant);
    assert!(written.contains("#archive = true") && written.contains("\nstate = true"), "{written}");
    assert!(written.contains(&sha256(&tool::read(&path))) && !written.contains("replaces"), "{written}");
    assert_eq!(compiled(&root), 1, "the old one is not kept");
    root.ok(&[&arguments[..], &["--grant", "requested"]].concat()).says(&["the component that it was"]);
    let written = read_text(&grant);
    assert!(written.contains("\narchive = true") && !written.contains("#archive"), "{written}");
    root.ok(&["publish"]);
}

#[test]
fn an_upgrade_that_does_not_fit_changes_nothing() {
    let root = Root::new();
    add(&root, "trace", &["--grant", "requested"]);
    let nothing = root.path().join("nothing.wasm");
    tool::write(&nothing, "nothing");
    let nothing = text(&nothing);
    let upgrade = |more: &[&'static str], file: &str| -> Vec<String> {
        let all = ["hook", "upgrade", file].into_iter().chain(more.iter().copied());
        all.map(str::to_owned).collect()
    };
    for (arguments, code, words) in [
        (
            upgrade(&["--name", "trace"], &component("announce")),
            FAILURE,
            vec!["no pre-publication", "post-publication"],
        ),
        (upgrade(&["--name", "trace"], &nothing), FAILURE, vec!["nothing.wasm", "not WASM"]),
        (upgrade(&[], &component("indices")), USAGE, vec!["no hook indices", "trace"]),
        (upgrade(&[], "elsewhere"), USAGE, vec!["no hook elsewhere"]),
        (
            upgrade(&["--name", "trace", "--grant", "network"], &component("indices")),
            FAILURE,
            vec!["network"],
        ),
        (
            upgrade(&["--name", "trace", "--signature", "/nowhere"], &component("indices")),
            FAILURE,
            vec!["signed-by"],
        ),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&root, code, &arguments, &words);
    }
}

#[test]
fn a_component_that_was_exchanged_in_its_folder_is_taken_by_name() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    let (path, _) = trace(&root);
    tool::write(&path, tool::read(&binary::hook("indices")));
    does_not_begin(&root, &["SHA256", "hook upgrade --dry-run trace"]);
    root.ok(&["hook", "upgrade", "--dry-run", "trace"]).says(&["not known", "archive"]);
    does_not_begin(&root, &["SHA256"]);
    root.ok(&["hook", "upgrade", "trace", "--grant", "archive", "--grant", "staging=indices/*"]);
    root.ok(&["publish"]);
}

// ---------------------------------------------------------------- commands that are ended between their steps

#[test]
fn an_addition_that_is_cut_off_stops_nothing() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    let (path, _) = trace(&root);
    // the grant is there, the component is not yet, or not any more
    std::fs::remove_file(&path).unwrap();
    root.run(&["hook", "list"]).says(&["will not run", "90-trace.toml"]);
    root.ok(&["publish"]);
    add(&root, "trace", &["--grant", "requested"]);
    assert_eq!(listed(&root)[0]["complaints"], serde_json::json!([]));
}

#[test]
fn an_upgrade_that_is_cut_off_runs_the_old_component_or_the_new_one() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    let (path, grant) = trace(&root);
    let old = tool::read(&path);
    let copy = root.copy();
    let upgrade = [
        "hook",
        "upgrade",
        &component("indices"),
        "--name",
        "trace",
        "--grant",
        "archive",
        "--grant",
        "staging=indices/*",
    ];
    copy.ok(&upgrade);
    let (new_path, new_grant) = trace(&copy);
    // compiled, and the grant says that both may be there: the old one still is
    tool::copy_tree(&copy.path().join("cache"), &root.path().join("cache-new"));
    let interim = read_text(&new_grant).replacen(
        "sha256 = ",
        &format!("replaces = \"{}\"\nsha256 = ", sha256(&old)),
        1,
    );
    tool::write(&grant, &interim);
    root.run(&["hook", "list"]).exits(0).says(&["90-trace.wasm", "unfinished"]);
    root.ok(&["publish"]);
    assert_eq!(serial(&root), "2025030101", "the old one ran");
    // the new one is there, the grant is as before
    let again = copy.copy();
    tool::write(&trace(&again).1, &interim);
    again.run(&["hook", "list"]).says(&["unfinished"]);
    again.ok(&["publish"]);
    again.ok(&upgrade);
    assert_eq!(listed(&again)[0]["complaints"], serde_json::json!([]));
    assert!(!read_text(&trace(&again).1).contains("replaces"));
    // and a third component is neither
    tool::write(&path, tool::read(&binary::hook("announce")));
    does_not_begin(&root, &["SHA256"]);
    root.ok(&upgrade);
    assert_eq!(tool::read(&path), tool::read(&new_path));
    assert_eq!(listed(&root)[0]["complaints"], serde_json::json!([]));
}

#[test]
fn a_hook_that_gets_another_number_never_runs_twice() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    let (path, grant) = trace(&root);
    let (old, text) = (tool::read(&path), read_text(&grant));
    add(&root, "trace", &["--order", "15"]);
    let folder = root.hooks(PRE);
    assert_eq!(apt::names_in(&folder), ["15-trace.toml", "15-trace.wasm"]);
    // as it was before the old one went
    let final_text = read_text(&folder.join("15-trace.toml"));
    tool::write(&folder.join("15-trace.toml"), format!("moved-from = \"90-trace\"\n{final_text}"));
    tool::write(&path, &old);
    tool::write(&grant, &text);
    let names: Vec<serde_json::Value> =
        pre_publication(&root).iter().map(|hook| hook["hook"].clone()).collect();
    assert_eq!(names, ["15-trace.wasm"]);
    root.ok(&["publish"]);
    assert_eq!(serial(&root), "2025030101");
    // before the new one came: the old one runs
    std::fs::remove_file(folder.join("15-trace.wasm")).unwrap();
    arrive(&root, "1.1");
    root.ok(&["publish"]);
    assert_eq!(serial(&root), "2025030102");
    add(&root, "trace", &["--order", "15"]);
    assert_eq!(apt::names_in(&folder), ["15-trace.toml", "15-trace.wasm"]);
    assert!(!read_text(&folder.join("15-trace.toml")).contains("moved-from"));
}

// ---------------------------------------------------------------- what stops a run before it begins

#[test]
fn everything_that_cannot_run_is_said_at_once_with_what_to_do() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    add(&root, "indices", &["--grant", "requested"]);
    add(&root, "announce", &["--grant", "requested"]);
    std::fs::remove_file(trace(&root).1).unwrap();
    tool::write(&root.hooks(PRE).join("50-indices.wasm"), "other");
    for name in apt::names_in(&root.path().join("cache/hooks")) {
        tool::write(&root.path().join("cache/hooks").join(name), "stale");
    }
    let own = root.hooks("finalize").join("10-own");
    write_program(&own, "#!/bin/sh\nexit 0\n");
    set_mode(&own, 0o777);
    let words = [
        "90-trace.wasm",
        "no grant",
        "hook add",
        "50-indices.wasm",
        "SHA256",
        "hook upgrade",
        "50-announce.wasm",
        "compiled form",
        "hook compile",
        "10-own",
        "chmod o-w",
    ];
    does_not_begin(&root, &words);
    // wrapped to the terminal, so by single words
    root.ok(&["hook", "list"]).says(&[
        "90-trace.wasm",
        "50-indices.wasm",
        "50-announce.wasm",
        "10-own",
        "o-w",
    ]);
    assert_eq!(listed(&root)[0]["complaints"].as_array().unwrap().len(), 4);
}

#[test]
fn a_key_and_hooks_that_cannot_be_used_are_said_together() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    std::fs::remove_file(trace(&root).1).unwrap();
    set_mode(&root.path().join("keys/signing-key.asc"), 0o644);
    does_not_begin(&root, &["90-trace.wasm", "chmod 600"]);
}

#[test]
fn what_others_may_write_decides_nothing() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    let (path, grant) = trace(&root);
    for (open, mode, safe) in [
        (grant, 0o666, 0o644),
        (path, 0o646, 0o644),
        (root.hooks(PRE), 0o777, 0o775),
        (root.hooks("finalize"), 0o1777, 0o755),
        (root.path().join("hooks").join(DISTRIBUTION), 0o757, 0o755),
    ] {
        tool::make_folder(&root.hooks("finalize"));
        set_mode(&open, mode);
        does_not_begin(&root, &[&text(&open), "chmod o-w"]);
        root.ok(&["hook", "list"]).says(&["stops the publication", "chmod"]);
        set_mode(&open, safe);
    }
    root.ok(&["publish"]);
}

#[test]
fn a_compiled_form_that_was_exchanged_is_found_before_anything_is_staged() {
    let root = pending();
    add(&root, "announce", &["--grant", "requested"]);
    let folder = root.path().join("cache/hooks");
    for name in apt::names_in(&folder) {
        let mut bytes = tool::read(&folder.join(&name));
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        tool::write(&folder.join(name), bytes);
    }
    // a hook that runs after the switch: too late to find out then
    does_not_begin(&root, &["50-announce.wasm", "hook compile"]);
    root.ok(&["hook", "compile"]);
    root.ok(&["publish"]);
}

// ---------------------------------------------------------------- signatures

/// People with keys.
struct People {
    home: tempfile::TempDir,
}

impl People {
    fn new() -> Self {
        let people = Self { home: tempfile::Builder::new().prefix("pr-people-").tempdir_in("/tmp").unwrap() };
        for name in ["alice", "mallory"] {
            let user = format!("{name} <{name}@example.org>");
            tool::succeed(people.gpg().args(["--quick-generate-key", &user, "ed25519", "sign", "0"]));
        }
        people
    }

    fn gpg(&self) -> std::process::Command {
        let mut command = tool("gpg");
        command.arg("--homedir").arg(self.home.path()).args([
            "--batch",
            "--yes",
            "--pinentry-mode",
            "loopback",
        ]);
        command.args(["--passphrase", "", "--faked-system-time", "20250201T000000"]);
        command
    }

    /// Writes a certificate.
    fn certificate(&self, name: &str, path: &Path) -> String {
        tool::make_folder(path.parent().unwrap());
        tool::succeed(self.gpg().args(["--armor", "--output"]).arg(path).args(["--export", name]));
        text(path)
    }

    fn fingerprint(&self, name: &str) -> String {
        let ran = tool::succeed(self.gpg().args(["--with-colons", "--list-keys", name]));
        let line = ran.stdout.lines().find(|line| line.starts_with("fpr:")).unwrap().to_owned();
        line.split(':').nth(9).unwrap().to_owned()
    }

    /// Signs a file, and gives the signature's path.
    fn sign(&self, name: &str, file: &str, more: &[&str]) -> String {
        let stem = Path::new(file).file_stem().unwrap().to_string_lossy();
        let path = self.home.path().join(format!("{name}-{stem}-{}.sig", more.len()));
        let mut command = self.gpg();
        command.args(more).args(["--local-user", name, "--output"]).arg(&path).args(["--detach-sign", file]);
        tool::succeed(&mut command);
        text(&path)
    }
}

impl Drop for People {
    fn drop(&mut self) {
        let _ = tool("gpgconf").arg("--homedir").arg(self.home.path()).args(["--kill", "all"]).output();
    }
}

#[test]
fn a_hook_that_has_to_be_signed_is_taken_with_a_good_signature_only() {
    let (root, people) = (pending(), People::new());
    let alice = people.certificate("alice", &root.path().join("keys/alice.asc"));
    let file = component("trace");
    let wish = manifest("trace");
    let begin = ["hook", "add", &file, "--manifest", &wish, "--grant", "requested"];
    let with =
        |more: &[&str]| -> Vec<String> { begin.iter().chain(more).map(|&word| word.to_owned()).collect() };
    let other = people.sign("alice", &component("indices"), &["--armor"]);
    let by_mallory = people.sign("mallory", &file, &[]);
    let good = people.sign("alice", &file, &["--armor"]);
    for (more, words) in [
        (vec!["--signed-by", &*alice], vec!["not signed", "alice.asc"]),
        (vec!["--signed-by", &alice, "--signature", &by_mallory], vec!["signed by", "trace.wasm is refused"]),
        (vec!["--signed-by", &alice, "--signature", &other], vec!["refused"]),
        (vec!["--signed-by", &alice, "--signature", &file], vec!["no detached"]),
        (vec!["--signed-by", "/nowhere.asc", "--signature", &good], vec!["/nowhere.asc"]),
        (vec!["--signed-by", &file, "--signature", &good], vec!["certificate"]),
        (vec!["--signature", &good], vec!["--signed-by"]),
    ] {
        let arguments = with(&more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&root, FAILURE, &arguments, &words);
    }
    let arguments = with(&["--signed-by", &alice, "--signature", &good]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    root.ok(&arguments).says(&["signed by alice", &people.fingerprint("alice")]);
    assert_eq!(pre_publication(&root)[0]["signed_by"]["fingerprint"], people.fingerprint("alice"));
    root.ok(&["hook", "list"]).says(&["signed by", "alice@example.org"]);
    root.ok(&["publish"]);
    // a version that is not signed does not take its place
    refused(&root, FAILURE, &["hook", "upgrade", &component("indices"), "--name", "trace"], &["not signed"]);
    refused(&root, FAILURE, &["hook", "add", &file], &["not signed"]);
    // and a grant from which the signature was taken stops the next run
    let (_, grant) = trace(&root);
    let (before, rest) = {
        let text = read_text(&grant);
        let (before, rest) = text.split_once("signature = ").unwrap();
        (before.to_owned(), rest.to_owned())
    };
    let (_, after) = rest.split_once("END PGP SIGNATURE-----").unwrap();
    let after = after.split_once('\n').unwrap().1.trim_start_matches(['"', '\'']);
    tool::write(&grant, format!("{before}{after}"));
    does_not_begin(&root, &["90-trace.wasm", "not signed"]);
}

#[test]
fn signatures_can_be_asked_of_all_hooks_by_fingerprint() {
    let (root, people) = (pending(), People::new());
    add(&root, "trace", &["--grant", "requested"]);
    let configuration = root.path().join("pressroom.toml");
    let fingerprint = people.fingerprint("alice");
    let changed =
        read_text(&configuration).replace("# signed-by = []", &format!("signed-by = [\"{fingerprint}\"]"));
    tool::write(&configuration, changed);
    does_not_begin(&root, &["90-trace.wasm", "not signed"]);
    let file = component("trace");
    let good = people.sign("alice", &file, &[]);
    let upgrade = ["hook", "upgrade", &file, "--signature", &good];
    refused(&root, FAILURE, &upgrade, &[&fingerprint, "keys/authors"]);
    let certificate = root.path().join("keys/authors/team.asc");
    people.certificate("alice", &certificate);
    root.ok(&upgrade).says(&["Signed by"]);
    root.ok(&["publish"]);
    // a certificate that others may write vouches for nobody
    set_mode(&certificate, 0o666);
    does_not_begin(&root, &["team.asc", "chmod o-w"]);
    set_mode(&certificate, 0o644);
    // somebody who is trusted no more
    std::fs::remove_file(&certificate).unwrap();
    people.certificate("mallory", &certificate);
    does_not_begin(&root, &[&fingerprint]);
}

// ---------------------------------------------------------------- judged without being added

#[test]
fn a_component_is_checked_without_a_root_and_every_problem_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str]| {
        let mut command = std::process::Command::new(binary::pressroom());
        command
            .current_dir(folder.path())
            .env_remove("PRESSROOM_ROOT")
            .args(["hook", "check"])
            .args(arguments);
        tool::run(&mut command)
    };
    let trace = component("trace");
    check(&[&trace, "--manifest", &manifest("trace")]).exits(0).says(&["runs", PRE, "compiled"]);
    let version = env!("CARGO_PKG_VERSION");
    check(&[&trace, "--host-version", version]).exits(0).says(&[version]);
    check(&[&trace, "--host-version", "0.0.1"]).exits(USAGE).says(&["0.0.1", version]);
    let bad = folder.path().join("bad.wasm");
    let component = wat::parse_str(
        r#"(component (import "wasi:sockets/tcp@0.3.0" (instance)) (import "pressroom:hooks/log@9.0.0" (instance))
           (instance $f) (export "pressroom:hooks/embargo@0.1.0" (instance $f))
           (instance $g) (export "pressroom:hooks/finalize@0.1.0" (instance $g)))"#,
    );
    tool::write(&bad, component.unwrap());
    let wish = folder.path().join("bad.toml");
    tool::write(
        &wish,
        "name = \"b d\"\npoints = [\"pre-publication\"]\norder = 100\n[capabilities]\nstate = true\n",
    );
    let ran = check(&[&text(&bad), "--format", "json"]);
    let checked = json(&ran.exits(FAILURE));
    let findings = checked["findings"].as_array().unwrap();
    let said = |weight: &str| findings.iter().filter(|finding| finding["weight"] == weight).count();
    assert_eq!((said("problem"), said("warning")), (6, 2), "{checked:#}");
    for word in ["wasi:sockets/tcp@0.3.0", "log@9.0.0", "embargo", "b d", "finalize", "100"] {
        assert!(
            findings.iter().any(|one| one["text"].as_str().unwrap().contains(word)),
            "{word}: {checked:#}"
        );
    }
    // an interface that is there by name and is something else shows when it is loaded
    let hollow = folder.path().join("hollow.wasm");
    let component = wat::parse_str(
        r#"(component (instance $f) (export "pressroom:hooks/finalize@0.1.0" (instance $f)))"#,
    );
    tool::write(&hollow, component.unwrap());
    check(&[&text(&hollow)]).exits(FAILURE).says(&["does not run", "finalize"]);
    tool::write(&wish, "name = 3\n");
    tool::write(&bad, "nothing");
    check(&[&text(&bad), "--manifest", &text(&wish)]).exits(FAILURE).says(&["not WASM", "bad.toml", "name"]);
    assert_eq!(apt::names_in(folder.path()), ["bad.toml", "bad.wasm", "hollow.wasm"]);
}

#[test]
fn an_import_that_is_not_granted_is_a_warning() {
    let root = pending();
    root.ok(&["hook", "add", &component("indices")]);
    let path = text(&root.hooks(PRE).join("50-indices.wasm"));
    root.ok(&["hook", "check", &path]).says(&["warning", "archive", "not granted"]);
    root.ok(&["hook", "list"]).says(&["not granted", "archive"]);
    tool::write(&root.hooks(PRE).join("50-indices.wasm"), tool::read(&binary::hook("trace")));
    root.run(&["hook", "check", &path]).exits(FAILURE).says(&["SHA256"]);
}

#[test]
fn what_a_component_wants_and_was_made_with_is_shown() {
    let root = pending();
    let file = component("indices");
    root.ok(&["hook", "inspect", &file]).says(&[
        "archive",
        "which suites and packages",
        "wit-component",
        "0.1.0",
    ]);
    let shown = json(&root.ok(&["hook", "inspect", &file, "--format", "json"]));
    let archive = &shown["capabilities"][0];
    assert_eq!(archive["capability"], "archive");
    assert!(archive["functions"].as_array().unwrap().contains(&"packages".into()), "{shown:#}");
    assert_eq!(archive["granted"], serde_json::Value::Null);
    assert!(
        shown["producers"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["field"] == "processed-by" && one["name"] == "wit-component"),
        "{shown:#}"
    );
    assert_eq!(shown["sha256"], sha256(&tool::read(Path::new(&file))));
    add(&root, "indices", &["--grant", "archive"]);
    let path = text(&root.hooks(PRE).join("50-indices.wasm"));
    let shown = json(&root.ok(&["hook", "inspect", &path, "--format", "json"]));
    assert_eq!(shown["capabilities"][0]["granted"], true, "{shown:#}");
    assert_eq!(shown["grant"]["granted"], serde_json::json!(["archive"]));
    root.ok(&["hook", "inspect", &path]).says(&["(granted)", "(not granted)", "asks for"]);
}

#[test]
fn the_list_tells_how_each_hook_ended_and_fits_a_terminal() {
    let root = pending();
    add(&root, "trace", &["--grant", "requested"]);
    add(&root, "indices", &["--grant", "requested", "--grant", "staging=a/*", "--grant", "staging=b/*"]);
    write_program(&root.hooks("finalize").join("10-fails"), "#!/bin/sh\nexit 3\n");
    assert_eq!(pre_publication(&root)[0]["last"], serde_json::Value::Null);
    root.run(&["publish"]).exits(FAILURE);
    let listed = listed(&root);
    assert_eq!(listed[0]["points"][0]["hooks"][1]["last"]["outcome"], "DONE", "{listed:#}");
    assert_eq!(listed[0]["points"][2]["hooks"][0]["last"]["outcome"], "FAILED", "{listed:#}");
    assert_eq!(listed[0]["points"][0]["hooks"][1]["limits"]["wall-seconds"], 10, "{listed:#}");
    let ran = root.ok(&["hook", "list"]).says(&["DONE in run 2", "FAILED in run 2", "wall-seconds=10"]);
    assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{}", ran.stdout);
}

// ---------------------------------------------------------------- kill -9

/// How many commands are killed.
const KILLS: usize = 16;

#[test]
fn whenever_a_command_is_killed_the_next_publication_begins() {
    let prepared = pending();
    add(&prepared, "trace", &["--grant", "requested"]);
    let (new, old) = (component("indices"), component("trace"));
    let arguments = |number: usize| match number % 4 {
        0 => vec!["hook", "upgrade", &*new, "--name", "trace", "--grant", "archive"],
        1 => vec!["hook", "add", &*old, "--order", "15"],
        2 => vec!["hook", "remove", "trace"],
        _ => vec!["hook", "add", &*new, "--grant", "archive"],
    };
    let durations: Vec<Duration> = (0..4)
        .map(|number| {
            let root = prepared.copy();
            let started = Instant::now();
            root.ok(&arguments(number));
            started.elapsed()
        })
        .collect();
    let mut random = Random::new(0x5eed);
    let (mut kills, mut tries) = (0, 0);
    while kills < KILLS {
        tries += 1;
        assert!(tries < 20 * KILLS, "{kills} of {tries} commands could be killed before they had ended");
        let root = prepared.copy();
        let mut command = root.command(&arguments(tries));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // what is written comes at the end
        let wait = durations[tries % 4].mul_f64(0.6 + 0.5 * random.fraction());
        if !crate::crash::kill_after(child, wait) {
            continue;
        }
        kills += 1;
        let listed = listed(&root);
        let complaints = listed[0]["complaints"].as_array().unwrap();
        assert!(complaints.iter().all(|complaint| complaint["blocks"] == false), "{tries}: {listed:#}");
        // doing it again ends where it would have ended
        let code = root.run(&arguments(tries)).code;
        assert!(code == Some(0) || (tries % 4 == 2 && code == Some(USAGE)), "{tries}: {code:?}");
        let ended = prepared.copy();
        ended.ok(&arguments(tries));
        let texts = |root: &Root| picture(&root.hooks(PRE));
        if tries % 4 != 2 {
            assert_same("an undisturbed command and one that was done again", &texts(&ended), &texts(&root));
        }
    }
}
