//! A hook in another language, built from nothing but `wit/`, runs unchanged.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use pressroom_sandbox::{CallOutcome, Limits, Point, inspect};

use crate::support::{Host, call, compile, report, sandbox};

/// What builds it: `COMPONENTIZE_PY`, or what is in `PATH`.
fn componentize_py() -> PathBuf {
    std::env::var_os("COMPONENTIZE_PY").map_or_else(|| "componentize-py".into(), PathBuf::from)
}

#[test]
fn a_hook_in_python_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    let component = folder.path().join("newest.wasm");
    let tool = componentize_py();
    let built = Command::new(&tool)
        .arg("-d")
        .arg(root.join("wit"))
        .args(["-d", "newest.wit", "-w", "example:newest/newest-hook", "componentize", "newest", "-o"])
        .arg(&component)
        .current_dir(root.join("tests/fixtures/python-hook"))
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}: this test takes componentize-py 0.25: `pip install componentize-py==0.25.1`, and \
                 either have it in PATH or name it in COMPONENTIZE_PY",
                tool.display()
            )
        });
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    let inspection = inspect(&std::fs::read(&component).unwrap()).unwrap();
    assert_eq!(inspection.points, [Point::PrePublication, Point::Finalize]);

    let artefact = compile(&component, &folder.path().join("newest"));
    sandbox().check(&artefact, &inspection.points).unwrap();

    let mut host = Host::default();
    let before = call(Point::PrePublication, r#"{"veto": ["nothing"]}"#, Limits::default());
    let answer = sandbox().call(&artefact, &before, &mut host);
    assert_eq!(report(&answer).summary, "listed 1234 sources", "{answer:?}");
    assert_eq!(host.log[0].1, "1234 sources in indices/newest.json");
    let text = String::from_utf8(host.files["indices/newest.json"].clone()).unwrap();
    assert!(text.contains("\"package-1233\": \"1.0-1\""), "{text}");

    let veto = call(Point::PrePublication, r#"{"veto": ["package-7"]}"#, Limits::default());
    let answer = sandbox().call(&artefact, &veto, &mut host);
    assert_eq!(answer.outcome, CallOutcome::Veto("package-7 is not to be published".into()));

    let mut denied = before;
    denied.capabilities.staging = false;
    let answer = sandbox().call(&artefact, &denied, &mut host);
    assert!(
        matches!(&answer.outcome, CallOutcome::Failed(said) if said.contains("not granted")),
        "{answer:?}"
    );

    let finalize = call(Point::Finalize, "{}", Limits::default());
    for run in 1..=2 {
        let answer = sandbox().call(&artefact, &finalize, &mut host);
        assert_eq!(report(&answer).summary, format!("1234 changes in 2 archives, run {run}"));
    }
    assert_eq!(host.state, BTreeMap::from([("runs".to_owned(), b"2".to_vec())]));
}
