//! A root of Pressroom in a folder of its own, and the commands run in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::apt::{Client, Line};
use crate::binary::pressroom;
use crate::gnupg;
use crate::tool::{self, Ran};

/// The distribution that tests publish.
pub const DISTRIBUTION: &str = "acme";
/// Its series.
pub const SERIES: &str = "aurora";
/// The clock of all commands unless a test says otherwise.
pub const NOW: &str = "2025-03-01T12:00:00Z";

/// A root.
#[derive(Debug)]
pub struct Root {
    _folder: Option<tempfile::TempDir>,
    path: PathBuf,
}

impl Root {
    /// A root with a distribution of two components (main, universe) and two architectures (amd64, arm64), and a key of its own.
    ///
    /// # Panics
    /// When `pressroom init` will not.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        Self::with_key(None)
    }

    /// The same with a signing key.
    ///
    /// # Panics
    /// When `pressroom init` will not.
    #[track_caller]
    #[must_use]
    pub fn with_key(key: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a root");
        let path = folder.path().join("root");
        init(&path, key).exits(0);
        Self { _folder: Some(folder), path }
    }

    /// A root that lies somewhere already and stays there.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        Self { _folder: None, path: path.to_owned() }
    }

    /// A copy of this root: the same database, keys and trees.
    ///
    /// # Panics
    /// When it cannot be copied.
    #[track_caller]
    #[must_use]
    pub fn copy(&self) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a root");
        let path = folder.path().join("root");
        tool::copy_tree(&self.path, &path);
        Self { _folder: Some(folder), path }
    }

    /// Its folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that is served.
    #[must_use]
    pub fn served(&self) -> PathBuf {
        self.path.join("archives").join(DISTRIBUTION)
    }

    /// The folder of a suite in the live tree.
    #[must_use]
    pub fn suite(&self, suite: &str) -> PathBuf {
        self.served().join("dists").join(suite)
    }

    /// Where the hooks of a point lie.
    #[must_use]
    pub fn hooks(&self, point: &str) -> PathBuf {
        self.path.join("hooks").join(DISTRIBUTION).join(format!("{point}.d"))
    }

    /// A command in this root, with the clock of the tests.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.command_at(NOW, arguments)
    }

    /// A command in this root at a time.
    #[must_use]
    pub fn command_at(&self, now: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(pressroom());
        command.env("LC_ALL", "C.UTF-8").env_remove("PRESSROOM_ROOT").stdin(Stdio::null());
        command.arg("--root").arg(&self.path).args(["--now", now]).args(arguments);
        command
    }

    /// Runs a command.
    #[track_caller]
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        tool::run(&mut self.command(arguments))
    }

    /// Runs a command at a time.
    #[track_caller]
    #[must_use]
    pub fn run_at(&self, now: &str, arguments: &[&str]) -> Ran {
        tool::run(&mut self.command_at(now, arguments))
    }

    /// Runs a command that has to succeed.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn ok(&self, arguments: &[&str]) -> Ran {
        self.run(arguments).exits(0)
    }

    /// Imports files or folders into a suite.
    #[track_caller]
    #[must_use]
    pub fn import(&self, suite: &str, paths: &[&Path]) -> Ran {
        tool::run(self.command(&["import", "--suite", suite]).args(paths))
    }

    /// Writes the public key where apt finds it, and gives its path.
    ///
    /// # Panics
    /// When `pressroom key export` will not.
    #[track_caller]
    #[must_use]
    pub fn key(&self) -> PathBuf {
        let command = &mut self.command(&["key", "export"]);
        let output = command.output().expect("the binary can be started");
        let key = output.stdout.clone();
        Ran::of(tool::line_of(command), &output).exits(0);
        // apt goes by the ending
        let ending = if key.starts_with(b"-----BEGIN") { "asc" } else { "gpg" };
        let path = self.path.with_extension(ending);
        tool::write(&path, key);
        path
    }

    /// Lets gpgv judge both signatures of a suite in the live tree.
    ///
    /// # Panics
    /// When one is not good.
    #[track_caller]
    pub fn verify(&self, suite: &str) {
        gnupg::verify_suite(&gnupg::keyring(&self.key()), &self.suite(suite));
    }

    /// What a user would write into sources.list to read some suites from the disk.
    ///
    /// # Panics
    /// When the key cannot be exported.
    #[track_caller]
    #[must_use]
    pub fn line(&self, suites: &str) -> Line {
        Line {
            uri: format!("file://{}", self.served().display()),
            suites: suites.to_owned(),
            components: "main universe".to_owned(),
            signed_by: self.key(),
        }
    }

    /// An apt client that reads some suites from the disk.
    ///
    /// # Panics
    /// When the key cannot be exported.
    #[track_caller]
    #[must_use]
    pub fn client(&self, suites: &str) -> Client {
        Client::new(&self.line(suites), &["arm64"])
    }

    /// The text of an index of the live tree, from its gzipped form: `index("aurora", "main/binary-amd64/Packages")`.
    ///
    /// # Panics
    /// When it is not there.
    #[track_caller]
    #[must_use]
    pub fn index(&self, suite: &str, index: &str) -> String {
        let packed = tool::read(&self.suite(suite).join(format!("{index}.gz")));
        let mut text = String::new();
        let mut decoder = flate2::read::MultiGzDecoder::new(packed.as_slice());
        std::io::Read::read_to_string(&mut decoder, &mut text)
            .unwrap_or_else(|error| panic!("cannot decompress {index}.gz of {suite}: {error}"));
        text
    }

    /// Names and versions in an index, in its order.
    ///
    /// # Panics
    /// When it is not there.
    #[track_caller]
    #[must_use]
    pub fn indexed(&self, suite: &str, index: &str) -> Vec<String> {
        let stanzas = crate::stanza::stanzas(&self.index(suite, index));
        stanzas
            .iter()
            .map(|stanza| format!("{} {}", stanza.field("Package"), stanza.field("Version")))
            .collect()
    }
}

impl Default for Root {
    fn default() -> Self {
        Self::new()
    }
}

/// Runs `pressroom init` for the distribution of the tests.
#[track_caller]
#[must_use]
pub fn init(path: &Path, key: Option<&Path>) -> Ran {
    let mut command = Command::new(pressroom());
    command.env("LC_ALL", "C.UTF-8").env_remove("PRESSROOM_ROOT").stdin(Stdio::null());
    command.args(["--now", NOW, "init"]).arg(path).args(["--distribution", DISTRIBUTION, "--series", SERIES]);
    command.args([
        "--component",
        "main",
        "--component",
        "universe",
        "--architecture",
        "amd64",
        "--architecture",
        "arm64",
    ]);
    if let Some(key) = key {
        command.arg("--signing-key").arg(key);
    }
    tool::run(&mut command)
}
