//! From a file to native code, and all the files that are none.

use std::{fs::File, io::Write, path::Path, time::Duration};

use pressroom_sandbox::{
    Artefact, CallOutcome, CheckError, CompileError, CompileLimits, InspectError, Limits, Point, Sandbox,
    Sha256, artefact_key,
};

use crate::support::{Host, bad_artefact, bad_component, call, compile, report, sandbox};

fn file(folder: &Path, name: &str, content: &[u8]) -> std::path::PathBuf {
    let path = folder.join(name);
    File::create(&path).unwrap().write_all(content).unwrap();
    path
}

fn load(artefact: &Artefact) -> CallOutcome {
    let call = call(Point::Finalize, r#"{"behave": "done"}"#, Limits::default());
    sandbox().call(artefact, &call, &mut Host::default()).outcome
}

#[test]
fn a_component_is_inspected_compiled_checked_and_called() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("artefact");
    let compiled = sandbox().compile(bad_component(), &out, &CompileLimits::default()).unwrap();
    assert_eq!(compiled.inspection.points, Point::ALL);
    assert_eq!(compiled.inspection.imports, ["archive", "config", "log", "signing", "staging", "state"]);
    assert_eq!(compiled.inspection.versions, ["0.1.0"]);
    assert_eq!(compiled.inspection.memories, 1);
    assert_eq!(compiled.artefact.path, out);
    assert_eq!(compiled.artefact_bytes, out.metadata().unwrap().len());
    assert_eq!(compiled.artefact.sha256, Sha256::of_reader(File::open(&out).unwrap()).unwrap());
    assert!(artefact_key(&compiled.inspection.sha256).starts_with(&compiled.inspection.sha256.to_string()));
    sandbox().check(&compiled.artefact, &Point::ALL).unwrap();
    assert!(matches!(load(&compiled.artefact), CallOutcome::Report(_)));
}

#[test]
fn the_same_component_gives_the_same_artefact() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(compile(bad_component(), &folder.path().join("again")).sha256, bad_artefact().sha256);
}

#[test]
fn what_is_no_hook_is_refused_before_the_compiler_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let component = std::fs::read(bad_component()).unwrap();
    let native = std::fs::read(&bad_artefact().path).unwrap();
    let out = folder.path().join("artefact");
    for (name, content, expected) in [
        ("garbage", b"once upon a time".as_slice(), InspectError::NotWasm),
        ("empty", b"", InspectError::NotWasm),
        ("core module", b"\0asm\x01\0\0\0", InspectError::CoreModule),
        ("native", &native, InspectError::Native),
        ("no points", &wat::parse_str("(component)").unwrap(), InspectError::NoPoints),
    ] {
        let path = file(folder.path(), name, content);
        match sandbox().compile(&path, &out, &CompileLimits::default()) {
            Err(CompileError::Inspect { source, .. }) => assert_eq!(source, expected, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
        assert!(!out.exists(), "{name}");
    }
    for length in [component.len() - 1, component.len() / 2, 100] {
        let path = file(folder.path(), "truncated", &component[..length]);
        let error = sandbox().compile(&path, &out, &CompileLimits::default()).unwrap_err();
        assert!(
            matches!(error, CompileError::Inspect { source: InspectError::Malformed(_), .. }),
            "{error:?}"
        );
    }
    let error =
        sandbox().compile(&folder.path().join("absent"), &out, &CompileLimits::default()).unwrap_err();
    assert!(matches!(error, CompileError::Read { .. }), "{error:?}");
}

#[test]
fn what_is_invalid_inside_is_refused_by_the_compiler() {
    let folder = tempfile::tempdir().unwrap();
    let mut component = std::fs::read(bad_component()).unwrap();
    // The sections stay as they are; the code in the middle does not.
    let middle = component.len() / 3;
    component[middle..middle + 64].fill(0xfe);
    let path = file(folder.path(), "bent", &component);
    let out = folder.path().join("artefact");
    let error = sandbox().compile(&path, &out, &CompileLimits::default()).unwrap_err();
    assert!(matches!(error, CompileError::Refused { .. } | CompileError::Inspect { .. }), "{error:?}");
    assert!(!out.exists());
}

#[test]
fn an_artefact_that_is_there_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let out = file(folder.path(), "artefact", b"precious");
    let error = sandbox().compile(bad_component(), &out, &CompileLimits::default()).unwrap_err();
    assert!(matches!(error, CompileError::Artefact { .. }), "{error:?}");
    assert_eq!(std::fs::read(out).unwrap(), b"precious");
}

#[test]
fn compiling_has_limits() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("artefact");
    let bomb = bomb(folder.path());
    for limits in [
        CompileLimits { memory_bytes: 48 << 20, ..CompileLimits::default() },
        CompileLimits { cpu: Duration::from_secs(1), ..CompileLimits::default() },
        CompileLimits { wall: Duration::ZERO, ..CompileLimits::default() },
    ] {
        let result = sandbox().compile(&bomb, &out, &limits);
        assert!(matches!(result, Err(CompileError::TooDear { .. })), "{limits:?}: {result:?}");
        assert!(!out.exists());
    }
}

/// A component that keeps a compiler busy: loop upon loop, each changing one of a great many values that all live to the end.
fn bomb(folder: &Path) -> std::path::PathBuf {
    const VALUES: usize = 1_500;
    let mut body = String::new();
    for number in 0..VALUES {
        body.push_str(&format!(
            "(loop (local.set {number} (i32.add (local.get {number}) (local.get {}))) (br_if 0 (local.get {})))",
            (number * 7 + 1) % VALUES,
            (number * 3 + 2) % VALUES,
        ));
    }
    for number in 0..VALUES {
        body.push_str(&format!("(global.set 0 (i32.xor (global.get 0) (local.get {number})))"));
    }
    let locals = "i32 ".repeat(VALUES);
    let text = format!(
        r#"(component
             (core module (global (mut i32) (i32.const 0)) (func (export "f") (local {locals}) {body}))
             (instance $i) (export "pressroom:hooks/finalize@0.1.0" (instance $i)))"#
    );
    file(folder, "bomb", &wat::parse_str(text).unwrap())
}

#[test]
fn an_artefact_with_another_digest_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let mut native = std::fs::read(&bad_artefact().path).unwrap();
    let last = native.len() - 1;
    native[last] ^= 1;
    let artefact = Artefact { path: file(folder.path(), "tampered", &native), sha256: bad_artefact().sha256 };
    let CallOutcome::NotLoadable(reason) = load(&artefact) else { panic!("it was loaded") };
    assert!(reason.contains("not what was compiled"), "{reason}");
}

#[test]
fn what_is_no_artefact_is_not_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let absent = Artefact { path: folder.path().join("absent"), sha256: Sha256::of(b"") };
    assert!(matches!(load(&absent), CallOutcome::NotLoadable(_)));
    for content in [b"".as_slice(), b"once upon a time", &std::fs::read(bad_component()).unwrap()] {
        let artefact =
            Artefact { path: file(folder.path(), "no artefact", content), sha256: Sha256::of(content) };
        assert!(matches!(load(&artefact), CallOutcome::NotLoadable(_)));
    }
}

#[test]
fn a_hook_without_the_point_is_not_called() {
    let folder = tempfile::tempdir().unwrap();
    let component = crate::support::build_component("trace");
    let trace = compile(&component, &folder.path().join("trace"));
    sandbox().check(&trace, &[Point::PrePublication]).unwrap();
    for point in [Point::PostPublication, Point::Finalize] {
        let CheckError::Refused(reason) = sandbox().check(&trace, &[point]).unwrap_err() else {
            panic!("not refused")
        };
        assert!(reason.contains(point.as_str()), "{reason}");
    }
    assert!(matches!(load(&trace), CallOutcome::NotLoadable(_)));
}

#[test]
fn another_shape_of_a_known_name_shows_at_the_check() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        // The point is there, but what it exports is no function of that type.
        ("point", r#"(component (instance $i) (export "pressroom:hooks/finalize@0.1.0" (instance $i)))"#),
        // A function is wanted with other parameters than this host's.
        (
            "import",
            r#"(component
                 (import "pressroom:hooks/log@0.1.0" (instance (export "write" (func))))
                 (instance $i) (export "pressroom:hooks/finalize@0.1.0" (instance $i)))"#,
        ),
    ] {
        let component = file(folder.path(), name, &wat::parse_str(text).unwrap());
        let artefact = compile(&component, &folder.path().join(format!("{name} artefact")));
        let result = sandbox().check(&artefact, &[Point::Finalize]);
        assert!(matches!(result, Err(CheckError::Refused(_))), "{name}: {result:?}");
    }
}

#[test]
fn a_metered_hook_says_what_it_took_and_is_no_hook_for_a_publication() {
    let folder = tempfile::tempdir().unwrap();
    let metered = sandbox().metered();
    let counted = |sandbox: &Sandbox, artefact: &Artefact, behaviour: &str| {
        let config = format!(r#"{{"behave": "{behaviour}"}}"#);
        sandbox.call(artefact, &call(Point::Finalize, &config, Limits::default()), &mut Host::default())
    };
    let compiled =
        metered.compile(bad_component(), &folder.path().join("metered"), &CompileLimits::default()).unwrap();
    metered.check(&compiled.artefact, &[Point::Finalize]).unwrap();
    let first = counted(&metered, &compiled.artefact, "done");
    assert!(
        report(&first).summary.contains("done") && first.fuel.is_some_and(|fuel| fuel > 100),
        "{first:?}"
    );
    assert_eq!(
        counted(&metered, &compiled.artefact, "done").fuel,
        first.fuel,
        "the same work is the same fuel"
    );
    let failed = counted(&metered, &compiled.artefact, "panic");
    assert!(failed.fuel.is_some_and(|fuel| fuel > 100), "what broke is measured too: {failed:?}");
    for (sandbox, artefact) in [(&sandbox(), &compiled.artefact), (&metered, bad_artefact())] {
        let refused = counted(sandbox, artefact, "done");
        assert!(matches!(refused.outcome, CallOutcome::NotLoadable(_)), "{refused:?}");
        assert_eq!(refused.fuel, None);
    }
    assert_eq!(counted(&sandbox(), bad_artefact(), "done").fuel, None, "nobody counts in a publication");
}
