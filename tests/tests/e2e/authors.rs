//! For authors: a project from `hook init`, in each language, is built, tested, added and run as it is; the shipped hooks pass their fixtures.

use std::path::{Path, PathBuf};
use std::process::Command;

use pressroom_tests::binary::{self, pressroom};
use pressroom_tests::deb::Deb;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::source;
use pressroom_tests::tool::{self, Ran, read_text, workspace, write};

const FAILURE: i32 = 1;
const USAGE: i32 = 2;

/// A command that needs no root.
fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(pressroom());
    command.env("LC_ALL", "C.UTF-8").env_remove("PRESSROOM_ROOT").current_dir(folder).args(arguments);
    command
}

#[track_caller]
fn run(folder: &Path, arguments: &[&str]) -> Ran {
    tool::run(&mut command(folder, arguments))
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

// ---------------------------------------------------------------- the shipped hooks

#[test]
fn every_first_party_hook_passes_its_fixtures() {
    let plugins = workspace().join("plugins");
    let names = pressroom_tests::apt::names_in(&plugins);
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let fixtures = plugins.join(&name).join("fixtures");
        assert!(fixtures.is_dir(), "{name} has no fixtures");
        let component = binary::hook(&name.replace('-', "_"));
        let ran = run(workspace(), &["hook", "test", &text(&component), "--fixtures", &text(&fixtures)]);
        ran.exits(0).says(&["as expected"]);
    }
}

// ---------------------------------------------------------------- fixtures

/// A fixture of the misbehaving hook, with what it is told to do.
fn fixture(folder: &Path, name: &str, config: &str) -> PathBuf {
    let fixture = folder.join("fixtures").join(name);
    write(
        &fixture.join("fixture.toml"),
        format!(
            "description = \"as the test has it\"\npoint = \"pre-publication\"\n[capabilities]\nstaging = [\"project/**\"]\n\
             archive = true\nstate = true\n[limits]\nwall-seconds = 2\n[config]\n{config}\n"
        ),
    );
    fixture
}

#[test]
fn a_fixture_is_blessed_then_holds_and_then_says_what_differs() {
    let folder = tempfile::tempdir().unwrap();
    let fixture = fixture(folder.path(), "done", "behave = \"done\"");
    let component = text(&binary::hook("bad_plugins"));
    let test = |more: &[&str]| run(folder.path(), &[&["hook", "test", &component], more].concat());
    test(&["--fixtures", "fixtures"]).exits(FAILURE).says(&["FAILED", "done", "--bless"]);
    test(&["--fixtures", "fixtures", "--bless"]).exits(0).says(&["blessed", "expected.toml"]);
    test(&["--fixture", "fixtures/done"]).exits(0).says(&["ok", "done", "fuel", "MiB", " ms"]);
    test(&[]).exits(0).says(&["1 of 1"]);
    let expected = fixture.join("expected.toml");
    let other = read_text(&expected).replace("done with debian", "done with ubuntu");
    write(&expected, other);
    write(&fixture.join("expected/project/absent"), "nobody writes this\n");
    let ran = test(&[]).exits(FAILURE);
    let ran = ran.says(&[
        "- done with ubuntu",
        "+ done with debian",
        "project/absent",
        "not written",
        "as the test has it",
    ]);
    assert!(!ran.stdout.contains('\u{1b}'), "no colours in a pipe");
    let json = run(folder.path(), &["--format", "json", "hook", "test", &component]).exits(FAILURE);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json[0]["result"], "failed");
    assert_eq!(json[0]["differences"][0]["what"], "summary");
    assert!(json[0]["fuel"].as_u64().unwrap() > 0 && json[0]["peak_memory_bytes"].as_u64().unwrap() > 0);
    test(&["--bless"]).exits(0).says(&["+ done with debian"]);
    assert!(!fixture.join("expected/project/absent").exists());
    test(&[]).exits(0);
}

#[test]
fn what_misbehaves_has_an_outcome_that_can_be_expected() {
    let folder = tempfile::tempdir().unwrap();
    for (name, config, outcome) in [
        ("veto", "behave = \"veto\"", "veto"),
        ("panic", "behave = \"panic\"", "trapped"),
        ("misspelt", "behave = \"dance\"", "failed"),
    ] {
        let fixture = fixture(folder.path(), name, config);
        write(&fixture.join("expected.toml"), format!("outcome = \"{outcome}\"\n"));
    }
    let component = text(&binary::hook("bad_plugins"));
    run(folder.path(), &["hook", "test", &component]).exits(0).says(&["3 of 3"]);
    // a fixture that cannot be run does not stop the others
    write(&folder.path().join("fixtures/broken/fixture.toml"), "point = \"pre-publication\"\nsurprise = 1\n");
    write(&folder.path().join("fixtures/empty/readme"), "");
    run(folder.path(), &["hook", "test", &component]).exits(FAILURE).says(&[
        "BROKEN",
        "surprise",
        "fixture.toml",
        "2 of 5",
    ]);
}

#[test]
fn what_cannot_be_tested_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let component = text(&binary::hook("trace"));
    run(folder.path(), &["hook", "test", &component]).exits(USAGE).says(&["fixtures", "--fixture"]);
    run(folder.path(), &["hook", "test", &component, "--fixture", "none"]).exits(USAGE).says(&["none"]);
    write(&folder.path().join("none.wasm"), "no component");
    let _ = fixture(folder.path(), "any", "");
    run(folder.path(), &["hook", "test", "none.wasm", "--fixtures", "fixtures"])
        .exits(FAILURE)
        .says(&["not WASM"]);
    // a point that the component has not
    let at = folder.path().join("fixtures/any/fixture.toml");
    write(&at, "point = \"finalize\"\n");
    run(folder.path(), &["hook", "test", &component])
        .exits(FAILURE)
        .says(&["no finalize", "pre-publication"]);
}

// ---------------------------------------------------------------- projects

#[test]
fn a_project_is_not_made_over_something_or_under_a_bad_name() {
    let folder = tempfile::tempdir().unwrap();
    let init =
        |more: &[&str]| run(folder.path(), &[&["hook", "init", "--language", "python"], more].concat());
    init(&["My_Hook"]).exits(USAGE).says(&["My_Hook", "--name"]);
    init(&["motd", "--name", "../up"]).exits(USAGE).says(&["../up"]);
    init(&["motd", "--point", "later"]).exits(USAGE).says(&["later"]);
    init(&["motd", "--sdk", "."]).exits(USAGE).says(&["--sdk"]);
    run(folder.path(), &["hook", "init", "motd"]).exits(USAGE).says(&["--language"]);
    assert!(!folder.path().join("motd").exists());
    write(&folder.path().join("full/here"), "before");
    init(&["full"]).exits(FAILURE).says(&["not empty", "here"]);
    assert_eq!(pressroom_tests::apt::names_in(&folder.path().join("full")), ["here"]);
    init(&["motd"]).exits(0).says(&["motd", "ci.sh"]);
}

/// Makes a project at all points, lets its own `ci.sh` build and test it, adds it, publishes, and looks at what it left.
#[track_caller]
fn project(language: &str, component: &str, prepare: impl FnOnce(&Path, &mut Command)) {
    let folder = tempfile::tempdir().unwrap();
    let name = format!("{language}-hook");
    let project = folder.path().join(&name);
    let points = ["--point", "finalize", "--point", "pre-publication", "--point", "post-publication"];
    run(folder.path(), &[&["hook", "init", "--language", language, &name], points.as_slice()].concat())
        .exits(0);
    let mut ci = Command::new("./ci.sh");
    ci.current_dir(&project).env("PRESSROOM", pressroom()).env("PYTHONDONTWRITEBYTECODE", "1");
    prepare(&project, &mut ci);
    let target = ci
        .get_envs()
        .find(|(key, _)| *key == "CARGO_TARGET_DIR")
        .and_then(|(_, value)| value.map(PathBuf::from));
    tool::run(&mut ci)
        .exits(0)
        .says(&["4 of 4 fixtures as expected", "pre-publication, post-publication, finalize"]);

    let component = target.unwrap_or(project.clone()).join(component);
    let root = Root::new();
    let packages = folder.path().join("packages");
    let _ = source::build(&packages, "good", "1.0-1");
    let _ = Deb::new("good", "1.0-1").write(&packages);
    root.import(SERIES, &[&packages]).exits(0);
    let manifest = text(&project.join("hook.toml"));
    root.ok(&["hook", "add", &text(&component), "--manifest", &manifest, "--grant", "requested"]);
    root.ok(&["publish"]);
    assert_eq!(read_text(&root.served().join(format!("project/{name}.txt"))), "good 1.0-1\n");
    let history = root.ok(&["history"]);
    history.says(&["1 sources published in acme", "pass 1 brought 1 sources to 1 archives"]);
    root.verify(SERIES);
}

#[test]
fn a_project_in_rust_builds_tests_itself_and_runs_as_it_is() {
    project("rust", "wasm32-wasip2/release/rust_hook.wasm", |project, ci| {
        tool::succeed(tool::tool("cargo").args(["fmt", "--check"]).current_dir(project));
        // the crates of this workspace, which are here already
        std::fs::copy(workspace().join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
        ci.env("CARGO_TARGET_DIR", binary::project_folder()).env("CARGO_NET_OFFLINE", "true");
    });
}

#[test]
fn a_project_in_python_builds_tests_itself_and_runs_as_it_is() {
    project("python", "python-hook.wasm", |_, ci| {
        ci.env("COMPONENTIZE_PY", binary::componentize_py());
    });
}

#[test]
fn a_project_in_javascript_builds_tests_itself_and_runs_as_it_is() {
    project("javascript", "javascript-hook.wasm", |project, _| {
        std::os::unix::fs::symlink(binary::node_modules(), project.join("node_modules")).unwrap();
    });
}
