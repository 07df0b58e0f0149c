//! The program under test and the hooks it runs: built once for a run of the tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::tool::{self, workspace};

/// The `pressroom` that is tested: that of `PRESSROOM_BINARY`, or the one of this workspace, built now if it has changed.
///
/// # Panics
/// When there is none and it cannot be built.
#[must_use]
pub fn pressroom() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("PRESSROOM_BINARY") {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "PRESSROOM_BINARY is {}, which is not there", path.display());
            return path;
        }
        // of the whole workspace the one program: so cargo chooses the same features as for `cargo test --workspace`, and compiles nothing twice
        let mut command = cargo();
        command
            .args(["build", "--quiet", "--workspace", "--bin", "pressroom", "--target-dir"])
            .arg(target_folder());
        tool::succeed(&mut command);
        profile_folder().join("pressroom")
    })
}

/// A hook of this workspace as a component: `trace`, `bad_plugins`.
///
/// # Panics
/// When it cannot be built.
#[must_use]
pub fn hook(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let mut command = cargo();
        command.args(["build", "--quiet", "--target", "wasm32-wasip2", "--profile", "plugin"]);
        command.arg("--target-dir").arg(target_folder());
        for package in [
            "announce",
            "checksums",
            "command-not-found",
            "feed",
            "indices",
            "mirror-push",
            "trace",
            "webhook",
            "bad-http",
            "bad-plugins",
        ] {
            command.args(["--package", package]);
        }
        tool::succeed(&mut command);
        target_folder().join("wasm32-wasip2/plugin")
    });
    let path = folder.join(format!("{name}.wasm"));
    assert!(path.is_file(), "there is no hook {}", path.display());
    path
}

/// The hook in Python of the fixtures, made into a component by componentize-py: that of `COMPONENTIZE_PY` (which `.cargo/config.toml` sets to the one
/// that `script/setup test` installs), or the one on the search path.
///
/// # Panics
/// When there is no componentize-py, or it will not.
#[must_use]
pub fn python_hook() -> &'static Path {
    static COMPONENT: OnceLock<PathBuf> = OnceLock::new();
    COMPONENT.get_or_init(|| {
        let program = componentize_py();
        let component = target_folder().join("python-hook.wasm");
        let mut command = Command::new(program);
        command.arg("-d").arg(workspace().join("wit")).args([
            "-d",
            "newest.wit",
            "-w",
            "example:newest/newest-hook",
        ]);
        command.args(["componentize", "newest", "-o"]).arg(&component);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        tool::succeed(command.current_dir(workspace().join("tests/fixtures/python-hook")));
        component
    })
}

/// componentize-py: that of `COMPONENTIZE_PY`, or the one on the search path.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn componentize_py() -> PathBuf {
    let named = std::env::var_os("COMPONENTIZE_PY").map(PathBuf::from).filter(|path| path.is_file());
    named.or_else(|| tool::find("componentize-py")).unwrap_or_else(|| {
        panic!(
            "componentize-py is not installed and this test needs it: `script/setup test` puts it in place"
        )
    })
}

/// What a project in JavaScript has installed: that of `PRESSROOM_NODE_MODULES`, or the one that `script/setup test` puts in place.
///
/// # Panics
/// When it is not there.
#[must_use]
pub fn node_modules() -> PathBuf {
    let named = std::env::var_os("PRESSROOM_NODE_MODULES").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| workspace().join("target/javascript/node_modules"));
    assert!(
        folder.join("componentize-qjs").is_dir(),
        "componentize-qjs is not in {} and this test needs it: `script/setup test` puts it in place",
        folder.display()
    );
    folder
}

/// Where projects that a test makes are built, so that their crates are compiled once.
#[must_use]
pub fn project_folder() -> PathBuf {
    target_folder().join("projects")
}

fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    // what cargo tells the tests of this crate is not meant for the crates that are built now
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text == "LD_LIBRARY_PATH"
        {
            command.env_remove(&name);
        }
    }
    command
}

/// `target`, wherever it is.
fn target_folder() -> &'static Path {
    let profile = profile_folder();
    profile.parent().unwrap_or(profile)
}

/// `target/debug`, wherever it is: the test itself is in `deps` below it.
fn profile_folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let test = std::env::current_exe().expect("a running program has a path");
        let folder =
            test.parent().and_then(Path::parent).expect("cargo puts tests below the profile's folder");
        folder.to_owned()
    })
}
