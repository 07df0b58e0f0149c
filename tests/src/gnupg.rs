//! GnuPG as the judge of signatures, and as a maker of keys that Pressroom does not make.

use std::path::{Path, PathBuf};

use crate::tool::{self, Ran, tool};

/// A key ring as gpgv wants it (not armoured) from an exported key, armoured or not. It is written beside the key.
///
/// # Panics
/// When gpg does not take the key.
#[track_caller]
#[must_use]
pub fn keyring(key: &Path) -> PathBuf {
    let ring = key.with_extension("keyring");
    if tool::read(key).starts_with(b"-----BEGIN") {
        let home = tempfile::tempdir().expect("there is room for a folder");
        let mut command = tool("gpg");
        command.arg("--homedir").arg(home.path()).args(["--batch", "--yes", "--output"]).arg(&ring);
        tool::succeed(command.arg("--dearmor").arg(key));
    } else {
        tool::write(&ring, tool::read(key));
    }
    ring
}

/// Lets gpgv judge both forms of a suite's signature. The folder is that of the suite.
///
/// # Panics
/// When one of them is not good, or `InRelease` signs another text than `Release`.
#[track_caller]
pub fn verify_suite(keyring: &Path, suite: &Path) {
    let detached = gpgv(keyring, &[&suite.join("Release.gpg"), &suite.join("Release")]);
    detached.exits(0).says(&["Good signature"]);
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let text = folder.path().join("text");
    let mut command = tool("gpgv");
    command.arg("--keyring").arg(keyring).arg("--output").arg(&text).arg(suite.join("InRelease"));
    tool::run(&mut command).exits(0).says(&["Good signature"]);
    let (clear, release) = (tool::read_text(&text), tool::read_text(&suite.join("Release")));
    assert_eq!(
        clear.trim_end(),
        release.trim_end(),
        "InRelease signs another text than Release in {}",
        suite.display()
    );
}

/// What gpgv says of some files.
#[track_caller]
#[must_use]
pub fn gpgv(keyring: &Path, files: &[&Path]) -> Ran {
    tool::run(tool("gpgv").arg("--keyring").arg(keyring).args(files))
}

/// Makes a secret key that was good for one day in 2024, and writes it, armoured.
///
/// # Panics
/// When gpg will not.
#[track_caller]
pub fn write_expired_key(path: &Path) {
    write_key(path, "20240102T000000", "1d");
}

/// Makes a secret key at a time, as 20240102T000000, that is good for so long, as 1d, and writes it, armoured.
///
/// # Panics
/// When gpg will not.
#[track_caller]
pub fn write_key(path: &Path, made: &str, good_for: &str) {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let gpg = || {
        let mut command = tool("gpg");
        command.arg("--homedir").arg(home.path()).args([
            "--batch",
            "--yes",
            "--pinentry-mode",
            "loopback",
            "--passphrase",
            "",
        ]);
        command
    };
    let user = "Short <archive@example.org>";
    tool::succeed(gpg().args([
        "--faked-system-time",
        made,
        "--quick-generate-key",
        user,
        "ed25519",
        "sign",
        good_for,
    ]));
    tool::succeed(gpg().args(["--armor", "--output"]).arg(path).args(["--export-secret-keys", user]));
    // the agent of this home ends by itself when its socket goes with the folder
    tool::set_mode(path, 0o600);
}
