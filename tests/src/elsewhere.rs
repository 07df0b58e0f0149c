//! Repositories that other programs publish: reprepro, aptly, apt-ftparchive; signed by a key of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tool::{self, tool};

/// When their keys were made and sign, whatever the machine's clock says.
const SIGNED: &str = "20250201T000000";

/// A home of gpg with a key that signs.
#[derive(Debug)]
pub struct Signer {
    home: tempfile::TempDir,
}

impl Signer {
    /// Makes a key.
    ///
    /// # Panics
    /// When gpg will not.
    #[must_use]
    #[track_caller]
    #[expect(clippy::new_without_default, reason = "it is not cheap")]
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("there is room for a folder");
        tool::set_mode(home.path(), 0o700);
        tool::write(&home.path().join("gpg.conf"), format!("faked-system-time {SIGNED}\n"));
        let signer = Self { home };
        let mut make = signer.gpg();
        make.args(["--quick-generate-key", "Elsewhere <elsewhere@example.org>", "ed25519", "sign", "never"]);
        tool::succeed(&mut make);
        signer
    }

    fn gpg(&self) -> Command {
        let mut command = tool("gpg");
        command.env("GNUPGHOME", self.home.path());
        command.args(["--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]);
        command
    }

    /// Its fingerprint.
    ///
    /// # Panics
    /// When gpg will not say it.
    #[must_use]
    #[track_caller]
    pub fn fingerprint(&self) -> String {
        let said = tool::succeed(self.gpg().args(["--with-colons", "--list-keys"])).stdout;
        let line = said.lines().find(|line| line.starts_with("fpr:")).expect("the key has a fingerprint");
        line.split(':').nth(9).expect("it is the tenth word").to_owned()
    }

    /// A file with its public key.
    ///
    /// # Panics
    /// When gpg will not export it.
    #[must_use]
    #[track_caller]
    pub fn keyring(&self) -> PathBuf {
        let path = self.home.path().join("public.asc");
        tool::succeed(self.gpg().args(["--armor", "--output"]).arg(&path).arg("--export"));
        path
    }

    /// Signs the Release of a suite, in the clear or beside it.
    ///
    /// # Panics
    /// When gpg will not.
    #[track_caller]
    pub fn sign(&self, suite: &Path, in_the_clear: bool) {
        let (name, how) =
            if in_the_clear { ("InRelease", "--clear-sign") } else { ("Release.gpg", "--detach-sign") };
        let mut sign = self.gpg();
        tool::succeed(
            sign.args(["--armor", how, "--output"]).arg(suite.join(name)).arg(suite.join("Release")),
        );
    }

    /// A repository by reprepro of the suite `codename`, also called `stable`: components main and contrib, architecture amd64 and sources.
    ///
    /// # Panics
    /// When reprepro will not.
    #[track_caller]
    pub fn reprepro(&self, base: &Path, codename: &str, overrides: &str, files: &[(&str, PathBuf)]) {
        tool::write(
            &base.join("conf/distributions"),
            format!(
                "Origin: Elsewhere\nLabel: Elsewhere Label\nSuite: stable\nCodename: {codename}\nVersion: 7\nComponents: main contrib\n\
                 Architectures: amd64 source\nDescription: What was there before\nDebOverride: override\nSignWith: {}\n",
                self.fingerprint()
            ),
        );
        tool::write(&base.join("conf/override"), overrides);
        for (component, file) in files {
            let is_source = file.extension().is_some_and(|ending| ending == "dsc");
            let mut command = tool("reprepro");
            command
                .env("GNUPGHOME", self.home.path())
                .arg("--basedir")
                .arg(base)
                .args(["--component", component]);
            // a section is asked for by reprepro, and a source has none
            if is_source {
                command.args(["--section", "misc", "--priority", "optional", "includedsc"]);
            } else {
                command.arg("includedeb");
            }
            tool::succeed(command.arg(codename).arg(file));
        }
    }

    /// A repository by aptly of the suite `name`, in a root of aptly.
    ///
    /// # Panics
    /// When aptly will not.
    #[track_caller]
    pub fn aptly(&self, root: &Path, name: &str, files: &[PathBuf]) {
        let configuration = root.join("aptly.conf");
        tool::write(
            &configuration,
            format!("{{\"rootDir\": \"{}\", \"architectures\": [\"amd64\", \"source\"]}}\n", root.display()),
        );
        let aptly = || {
            let mut command = tool("aptly");
            command.env("GNUPGHOME", self.home.path()).arg(format!("-config={}", configuration.display()));
            command
        };
        tool::succeed(aptly().args([
            "repo",
            "create",
            &format!("-distribution={name}"),
            "-component=main",
            "all",
        ]));
        tool::succeed(aptly().args(["repo", "add", "all"]).args(files));
        let key = format!("-gpg-key={}", self.fingerprint());
        tool::succeed(aptly().args(["publish", "repo", "-batch", &key, "all"]));
    }
}

/// Writes the indexes of a repository by apt-ftparchive over `pool/COMPONENT` in a folder: for amd64, with sources, unsigned.
///
/// # Panics
/// When apt-ftparchive will not.
#[track_caller]
pub fn ftparchive(root: &Path, suite: &str, components: &[&str]) {
    let run = |arguments: &[&str]| {
        let mut command = tool("apt-ftparchive");
        command.env("APT_CONFIG", "/dev/null").current_dir(root).args(arguments);
        tool::succeed(&mut command).stdout
    };
    let folder = root.join("dists").join(suite);
    for component in components {
        let pool = format!("pool/{component}");
        let below = folder.join(component);
        tool::write(&below.join("binary-amd64/Packages"), run(&["--arch", "amd64", "packages", &pool]));
        tool::write(&below.join("source/Sources"), run(&["sources", &pool]));
    }
    release(root, suite, components);
}

/// Writes the Release of a suite anew, over the indexes that are there.
///
/// # Panics
/// When apt-ftparchive will not.
#[track_caller]
pub fn release(root: &Path, suite: &str, components: &[&str]) {
    let folder = root.join("dists").join(suite);
    for name in ["Release", "InRelease", "Release.gpg"] {
        let _ = std::fs::remove_file(folder.join(name));
    }
    let mut command = tool("apt-ftparchive");
    command.env("APT_CONFIG", "/dev/null").current_dir(root);
    for (name, value) in [
        ("Suite", suite),
        ("Codename", suite),
        ("Components", &components.join(" ")),
        ("Architectures", "amd64"),
    ] {
        command.arg("-o").arg(format!("APT::FTPArchive::Release::{name}={value}"));
    }
    let text = tool::succeed(command.args(["release", &format!("dists/{suite}")])).stdout;
    tool::write(&folder.join("Release"), text);
}
