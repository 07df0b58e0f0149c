//! Hooks that were built against an earlier WIT: this host runs them, whatever has been added since.

use std::path::Path;

use pressroom_sandbox::{
    CallOutcome, HostReply, HostRequest, HostServices, Level, Limits, Outcome, Point, StateError, inspect,
};

use crate::support::{Host, call, compile, report, sandbox};

/// The component of a version, as it was built once. It is never built again.
fn frozen(version: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/fixtures/frozen/hooks-{version}.wasm"))
}

/// A host that gives short pages, as real ones do.
#[derive(Default)]
struct Paged(Host);

impl HostServices for Paged {
    fn answer(&mut self, request: HostRequest) -> HostReply {
        let request = match request {
            HostRequest::Changes { offset, max } => HostRequest::Changes { offset, max: max.min(100) },
            HostRequest::Packages { index, offset, max } => {
                HostRequest::Packages { index, offset, max: max.min(100) }
            }
            HostRequest::Contents { index, names, below, offset, max } if names.is_empty() => {
                HostRequest::Contents { index, names, below, offset, max: max.min(100) }
            }
            HostRequest::Contents { offset: 1.., .. } => return HostReply::Contents(Ok(Vec::new())),
            HostRequest::Contents { index, names, below, max, .. } => {
                HostRequest::Contents { index, names, below, offset: 0, max: max.min(1) }
            }
            other => other,
        };
        if let HostRequest::Sign { output, .. } = &request {
            self.0.files.insert(output.clone(), b"signature".to_vec());
        }
        match request {
            HostRequest::StateSet { key, .. } if key.is_empty() => {
                HostReply::Stored(Err(StateError::BadKey("a key has 1 to 256 bytes".into())))
            }
            request => self.0.answer(request),
        }
    }
}

const ARCHIVE: &str = "\
known bookworm of bookworm Pocket::Release main amd64
unknown true
changes: Action::Published PackageKind::Source package-0 1.0-1 source debian bookworm main admin optional package-0
changes: Action::Published PackageKind::Source package-1 1.0-1 source debian bookworm main admin optional package-1
changes: Action::Published PackageKind::Source package-2 1.0-1 source debian bookworm main admin optional package-2
changes: 1234
packages: package-0 1.0-1 source main admin optional package-0 1.0-1
packages: package-1 1.0-1 source main admin optional package-1 1.0-1
packages: package-2 1.0-1 source main admin optional package-2 1.0-1
packages: 1234
files of sources false
packages: package-0 1.0-1 amd64 main admin optional package-0 1.0-1
packages: package-1 1.0-1 amd64 main admin optional package-1 1.0-1
packages: package-2 1.0-1 amd64 main admin optional package-2 1.0-1
packages: 1234
contents: package-0 1.0-1 amd64 usr/0
contents: package-1 1.0-1 amd64 usr/1
contents: package-2 1.0-1 amd64 usr/2
contents: 1234
contents: package-0 1.0-1 amd64 frozen-stiff0
contents: 1
previous true
";

#[test]
fn a_hook_of_0_1_0_runs_at_all_points() {
    let folder = tempfile::tempdir().unwrap();
    let component = frozen("0.1.0");
    let bytes = std::fs::read(&component).unwrap();
    assert!(bytes.len() < 200_000, "{} bytes", bytes.len());
    let inspection = inspect(&bytes).unwrap();
    assert_eq!(inspection.points, Point::ALL);
    for import in ["archive", "config", "log", "signing", "staging", "state"] {
        assert!(inspection.imports.iter().any(|one| one == import), "{import}: {:?}", inspection.imports);
    }
    let artefact = compile(&component, &folder.path().join("frozen"));
    sandbox().check(&artefact, &Point::ALL).unwrap();

    let mut host = Paged::default();
    for (number, (point, first, staged)) in [
        (Point::PrePublication, "pre-publication debian debian low numbered dry false", true),
        (Point::PostPublication, "post-publication debian debian low numbered dry false", false),
        (Point::Finalize, "finalize debian debian+debian/partner low numbered dry false", false),
    ]
    .into_iter()
    .enumerate()
    {
        let call = call(point, r#"{"greeting": "hello"}"#, Limits::default());
        let answer = sandbox().call(&artefact, &call, &mut host);
        let said = report(&answer);
        assert_eq!(said.outcome, Outcome::Done);
        let staging = "staged project/frozen/one 13\nstaged project/frozen/one.asc ?\nstaged project/frozen/one.gpg ?\n\
            part \"st\\nsec\"\nwhole \"first\\nsecond\\n\"\nabsent Err(StagingError::NotFound)\n";
        let expected = format!(
            "{first}\nstarted 1709210096\nsuite bookworm of bookworm Pocket::Release main amd64\n{ARCHIVE}call {}, keys calls\nbad key true\n{}config hello",
            number + 1,
            if staged { staging } else { "" },
        );
        assert_eq!(said.details, expected, "{point}");
        assert_eq!(said.summary, format!("saw {} things", expected.lines().count()));
    }
    let levels: Vec<Level> = host.0.log.iter().map(|(level, _)| *level).collect();
    assert_eq!(levels, [Level::Debug, Level::Info, Level::Warn, Level::Error].repeat(3));
    assert_eq!(host.0.log[2].1, "a line of Level::Warn");
    assert_eq!(host.0.state["calls"], b"3");
    assert_eq!(host.0.signed.len(), 2);
    assert_eq!(host.0.files["project/frozen/one"], b"first\nsecond\n");
    assert!(!host.0.files.contains_key("project/frozen/two"));
}

#[test]
fn a_hook_of_0_1_0_answers_all_that_there_is_to_answer() {
    let folder = tempfile::tempdir().unwrap();
    let artefact = compile(&frozen("0.1.0"), &folder.path().join("frozen"));
    let told = "as it was told".to_owned();
    for (answer, expected) in [
        ("veto", CallOutcome::Veto(told.clone())),
        ("temporary", CallOutcome::Temporary(told.clone())),
        ("failed", CallOutcome::Failed(told.clone())),
    ] {
        for point in Point::ALL {
            let call = call(point, &format!(r#"{{"answer": "{answer}"}}"#), Limits::default());
            assert_eq!(sandbox().call(&artefact, &call, &mut Paged::default()).outcome, expected);
        }
    }
    let skipped = call(Point::Finalize, r#"{"answer": "skipped"}"#, Limits::default());
    let answer = sandbox().call(&artefact, &skipped, &mut Paged::default());
    assert_eq!((report(&answer).outcome, &report(&answer).summary), (Outcome::Skipped, &told));
    // with nothing granted it is told so
    let mut denied = call(Point::Finalize, "{}", Limits::default());
    denied.capabilities = pressroom_sandbox::Capabilities::default();
    let answer = sandbox().call(&artefact, &denied, &mut Paged::default());
    assert!(
        matches!(&answer.outcome, CallOutcome::Failed(said) if said.contains("not granted")),
        "{answer:?}"
    );
}
