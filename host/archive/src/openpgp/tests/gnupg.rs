//! A GnuPG home that ends with the test, its agent included.

#![expect(clippy::disallowed_methods, reason = "files of a test need not survive it")]

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::super::PublicKey;

/// Runs a program and panics with its name when it is not there.
pub(crate) fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("this test needs the program {program}: {error}"));
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        // What does not read all of its input fails by its status.
        scope.spawn(move || drop(stdin.write_all(input)));
        child.wait_with_output().unwrap()
    })
}

pub(crate) fn succeed(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(program, arguments, input);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {}: {stderr}", output.status);
    output.stdout
}

/// A home in a path that is short enough for the agent's socket.
pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { directory: tempfile::Builder::new().prefix("pr-gpg-").tempdir_in("/tmp").unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["--homedir", self.path().to_str().unwrap(), "--no-tty", "--quiet"];
        all.extend(arguments);
        all
    }

    pub(crate) fn gpg(&self, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        succeed("gpg", &self.arguments(arguments), input)
    }

    /// gpg, when it is to do something without asking and the clock to stand at `time`.
    pub(crate) fn gpg_at(&self, time: &str, arguments: &[&str]) -> Vec<u8> {
        // without the mark the clock goes on from there while gpg works
        let stands = format!("{time}!");
        let mut all = vec![
            "--batch",
            "--yes",
            "--passphrase",
            "",
            "--pinentry-mode",
            "loopback",
            "--faked-system-time",
            &stands,
        ];
        all.extend(arguments);
        self.gpg(&all, b"")
    }

    /// Makes a primary key and returns its fingerprint. `usage` is as in `--quick-generate-key`.
    pub(crate) fn make_key(&self, algorithm: &str, usage: &str, time: &str, expiry: &str) -> String {
        let user_id = format!("Example {algorithm} {usage} {time} <archive@example.org>");
        self.gpg_at(time, &["--quick-generate-key", &user_id, algorithm, usage, expiry]);
        self.fingerprints(&format!("={user_id}")).remove(0)
    }

    /// Adds a subkey and returns its fingerprint.
    pub(crate) fn add_subkey(
        &self,
        primary: &str,
        algorithm: &str,
        usage: &str,
        time: &str,
        expiry: &str,
    ) -> String {
        let before = self.fingerprints(primary);
        self.gpg_at(time, &["--quick-add-key", primary, algorithm, usage, expiry]);
        self.fingerprints(primary).into_iter().find(|fingerprint| !before.contains(fingerprint)).unwrap()
    }

    /// Of the primary key, then of its subkeys.
    pub(crate) fn fingerprints(&self, key: &str) -> Vec<String> {
        let listing =
            self.gpg(&["--batch", "--with-colons", "--with-subkey-fingerprint", "--list-keys", key], b"");
        String::from_utf8(listing)
            .unwrap()
            .lines()
            .filter(|line| line.starts_with("fpr:"))
            .map(|line| line.split(':').nth(9).unwrap().to_owned())
            .collect()
    }

    /// Imports the revocation that gpg made together with the key.
    pub(crate) fn revoke(&self, fingerprint: &str) {
        let certificate = self.file("openpgp-revocs.d").join(format!("{fingerprint}.rev"));
        let armored = std::fs::read_to_string(certificate).unwrap().replace(":-----BEGIN", "-----BEGIN");
        self.gpg(&["--batch", "--import"], armored.as_bytes());
    }

    /// Revokes the only subkey of a key.
    pub(crate) fn revoke_subkey(&self, primary: &str) {
        let dialogue = b"key 1\nrevkey\ny\n1\nlost it\n\ny\nsave\n";
        self.gpg(&["--yes", "--command-fd", "0", "--status-fd", "2", "--edit-key", primary], dialogue);
    }

    /// Writes an exported secret key to a file of mode 0600.
    pub(crate) fn export_secret(&self, what: &str, key: &str, name: &str) -> PathBuf {
        let exported = self
            .gpg(&["--batch", "--passphrase", "", "--pinentry-mode", "loopback", "--armor", what, key], b"");
        assert!(!exported.is_empty(), "gpg exported nothing of {key}");
        self.private_file(name, &exported)
    }

    pub(crate) fn private_file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.file(name);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).unwrap();
        file.write_all(content).unwrap();
        path
    }

    /// A keyring file for gpgv, which wants the binary form.
    pub(crate) fn keyring(&self, key: &PublicKey) -> PathBuf {
        let path = self.file("keyring.gpg");
        std::fs::write(&path, &key.binary).unwrap();
        path
    }

    /// What gpgv and gpg say of a detached signature; they must agree.
    pub(crate) fn detached_verifies(&self, key: &PublicKey, signature: &[u8], data: &[u8]) -> bool {
        let keyring = self.keyring(key);
        let (signature_file, data_file) = (self.file("signature.asc"), self.file("data"));
        std::fs::write(&signature_file, signature).unwrap();
        std::fs::write(&data_file, data).unwrap();
        let files = [signature_file.to_str().unwrap(), data_file.to_str().unwrap()];
        let by_gpgv = run("gpgv", &["--keyring", keyring.to_str().unwrap(), files[0], files[1]], b"");
        let by_gpg = self.gpg_verify(key, &["--verify", files[0], files[1]]);
        assert_eq!(by_gpgv.status.success(), by_gpg.status.success(), "{by_gpgv:?} {by_gpg:?}");
        by_gpgv.status.success()
    }

    /// What gpgv and gpg say of a cleartext-signed document; they must agree. Returns the text as gpgv read
    /// it.
    pub(crate) fn clear_verifies(&self, key: &PublicKey, document: &[u8]) -> Option<Vec<u8>> {
        let keyring = self.keyring(key);
        let (file, text) = (self.file("InRelease"), self.file("text"));
        std::fs::write(&file, document).unwrap();
        let (file, text_name) = (file.to_str().unwrap(), text.to_str().unwrap());
        let arguments = ["--keyring", keyring.to_str().unwrap(), "--output", text_name, file];
        let _ = std::fs::remove_file(&text);
        let by_gpgv = run("gpgv", &arguments, b"");
        let by_gpg = self.gpg_verify(key, &["--verify", file]);
        assert_eq!(by_gpgv.status.success(), by_gpg.status.success(), "{by_gpgv:?} {by_gpg:?}");
        by_gpgv.status.success().then(|| std::fs::read(&text).unwrap())
    }

    /// gpg in a home of its own, where only the public key is known.
    fn gpg_verify(&self, key: &PublicKey, arguments: &[&str]) -> Output {
        let reader = Home::new();
        reader.gpg(&["--batch", "--import"], &key.armored);
        run("gpg", &reader.arguments(arguments), b"")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let home = self.path().to_str().unwrap_or_default();
        let _ = Command::new("gpgconf").args(["--homedir", home, "--kill", "all"]).output();
    }
}
