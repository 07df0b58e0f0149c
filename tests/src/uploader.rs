//! People who upload: a key of gpg's for each, good or bad in one way, and signatures as debsign makes them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tool::{self, Ran, tool};

/// What kind of key somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Ed25519, which signs by itself: what gpg makes by default.
    Good,
    /// A primary key that only certifies, and a subkey that signs.
    Subkey,
    /// RSA of so many bits.
    Rsa(u16),
    /// DSA of 2048 bits.
    Dsa,
    /// Good for one day in 2024.
    Expired,
    /// Revoked by its owner; the secret key is there still.
    Revoked,
}

/// When keys are made, as gpg writes it: before every moment that a test speaks of.
const BORN: &str = "20240101T000000";

/// Somebody with a folder of gpg's and one key in it.
#[derive(Debug)]
pub struct Uploader {
    home: tempfile::TempDir,
    user: String,
    kind: Key,
}

impl Uploader {
    /// Somebody with a good key.
    ///
    /// # Panics
    /// When gpg will not make it.
    #[track_caller]
    #[must_use]
    pub fn new(name: &str, email: &str) -> Self {
        Self::with_key(name, email, Key::Good)
    }

    /// Somebody with a key of a kind.
    ///
    /// # Panics
    /// When gpg will not make it.
    #[track_caller]
    #[must_use]
    pub fn with_key(name: &str, email: &str, kind: Key) -> Self {
        let home = tempfile::Builder::new().prefix("gpg").tempdir().expect("there is room for a folder");
        let uploader = Self { home, user: format!("{name} <{email}>"), kind };
        let rsa;
        let (algorithm, usage, expiry) = match kind {
            Key::Good | Key::Revoked => ("ed25519", "sign", "never"),
            Key::Subkey => ("ed25519", "cert", "never"),
            Key::Rsa(bits) => {
                rsa = format!("rsa{bits}");
                (rsa.as_str(), "sign", "never")
            }
            Key::Dsa => ("dsa2048", "sign", "never"),
            Key::Expired => ("ed25519", "sign", "1d"),
        };
        let make = ["--quick-generate-key", &uploader.user, algorithm, usage, expiry];
        tool::succeed(uploader.gpg_at(BORN).args(make));
        if kind == Key::Subkey {
            let fingerprint = uploader.fingerprint();
            tool::succeed(uploader.gpg_at(BORN).args([
                "--quick-add-key",
                &fingerprint,
                "ed25519",
                "sign",
                "never",
            ]));
        }
        uploader
    }

    /// Name and address, as in `Changed-By`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// gpg's folder, for programs that call gpg.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The primary key's fingerprint, in upper-case digits.
    ///
    /// # Panics
    /// When gpg does not have the key.
    #[track_caller]
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let ran = tool::succeed(self.gpg().args(["--with-colons", "--list-keys"]));
        let line = ran.stdout.lines().find_map(|line| line.strip_prefix("fpr:::::::::"));
        line.expect("gpg lists a fingerprint").trim_end_matches(':').to_owned()
    }

    /// Writes the certificate, armoured, with what revokes it where it is revoked; gives its path.
    ///
    /// # Panics
    /// When gpg will not.
    #[track_caller]
    #[must_use]
    pub fn certificate(&self, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}.asc", self.fingerprint()));
        tool::make_folder(folder);
        if self.kind != Key::Revoked {
            tool::succeed(self.gpg().args(["--armor", "--output"]).arg(&path).arg("--export"));
            return path;
        }
        // revoked in a folder of its own, so that the owner can go on signing
        let home = tempfile::Builder::new().prefix("gpg").tempdir().expect("there is room for a folder");
        let gpg = || gpg_in(home.path());
        let plain = tool::succeed(self.gpg().args(["--armor", "--export"])).stdout;
        let written = self.home().join(format!("openpgp-revocs.d/{}.rev", self.fingerprint()));
        // gpg writes a colon before the armour, lest somebody revokes a key by accident
        let revocation = tool::read_text(&written).replace(":-----BEGIN", "-----BEGIN");
        for text in [plain, revocation] {
            fed(gpg().arg("--import"), text.as_bytes());
        }
        tool::succeed(gpg().args(["--armor", "--output"]).arg(&path).arg("--export"));
        path
    }

    /// A text, signed within itself.
    ///
    /// # Panics
    /// When gpg will not.
    #[track_caller]
    #[must_use]
    pub fn clearsigned(&self, text: &str) -> String {
        self.clearsigned_with(text, &[])
    }

    /// The same with more options of gpg's, as `--digest-algo SHA1`.
    ///
    /// # Panics
    /// When gpg will not.
    #[track_caller]
    #[must_use]
    pub fn clearsigned_with(&self, text: &str, options: &[&str]) -> String {
        let mut gpg = match self.kind {
            Key::Expired => self.gpg_at("20240101T120000"),
            Key::Good | Key::Subkey | Key::Rsa(_) | Key::Dsa | Key::Revoked => self.gpg_at(SIGNED),
        };
        let ran =
            fed(gpg.args(["--allow-weak-digest-algos"]).args(options).arg("--clearsign"), text.as_bytes());
        ran.stdout
    }

    fn gpg(&self) -> Command {
        gpg_in(self.home())
    }

    fn gpg_at(&self, time: &str) -> Command {
        let mut command = self.gpg();
        command.args(["--faked-system-time", time]);
        command
    }
}

/// When signatures are made, as gpg writes it: a little before [`crate::root::NOW`].
const SIGNED: &str = "20250301T110000";

fn gpg_in(home: &Path) -> Command {
    let mut command = tool("gpg");
    command.arg("--homedir").arg(home);
    command.args(["--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", ""]);
    command
}

/// Runs a command on some input; it has to succeed.
#[track_caller]
fn fed(command: &mut Command, input: &[u8]) -> Ran {
    let file = tempfile::NamedTempFile::new().expect("there is room for a file");
    tool::write(file.path(), input);
    let file = std::fs::File::open(file.path()).expect("the file is there");
    tool::succeed(command.stdin(Stdio::from(file)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What gpg says of a signed text when it knows the certificate.
    fn judged(certificate: &Path, signed: &str) -> String {
        let home = tempfile::tempdir().unwrap();
        tool::succeed(gpg_in(home.path()).arg("--import").arg(certificate));
        let file = home.path().join("signed");
        tool::write(&file, signed);
        tool::run(gpg_in(home.path()).args(["--status-fd", "1", "--verify"]).arg(&file)).stdout
    }

    #[test]
    fn every_kind_of_key_is_what_it_says() {
        for (kind, words) in [
            (Key::Good, "GOODSIG"),
            (Key::Subkey, "GOODSIG"),
            (Key::Rsa(1024), "GOODSIG"),
            (Key::Dsa, "GOODSIG"),
            (Key::Expired, "EXPKEYSIG"),
            (Key::Revoked, "REVKEYSIG"),
        ] {
            let uploader = Uploader::with_key("Ann Uploader", "ann@example.org", kind);
            let folder = tempfile::tempdir().unwrap();
            let said = judged(&uploader.certificate(folder.path()), &uploader.clearsigned("a text\n"));
            assert!(said.contains(words), "{kind:?}: {said}");
        }
    }
}
