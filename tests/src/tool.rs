//! Running other programs, and saying which one is missing.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The Debian package that has a tool, for those that are not always there.
const PACKAGES: [(&str, &str); 17] = [
    ("apt-cache", "apt"),
    ("apt-ftparchive", "apt-utils"),
    ("aptly", "aptly"),
    ("apt-get", "apt"),
    ("cargo", "rustup"),
    ("dpkg-deb", "dpkg"),
    ("dpkg-genchanges", "dpkg-dev"),
    ("dpkg-scanpackages", "dpkg-dev"),
    ("dpkg-source", "dpkg-dev"),
    ("dput", "dput"),
    ("gpg", "gnupg"),
    ("openssl", "openssl"),
    ("gpgv", "gpgv"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
    ("python3", "python3-venv"),
    ("script", "bsdutils"),
];

/// A command for a tool, in the plain locale.
///
/// # Panics
/// When the tool is not installed: with its name and the package that has it.
#[must_use]
pub fn tool(name: &str) -> Command {
    if find(name).is_none() {
        let package = PACKAGES.iter().find(|(tool, _)| *tool == name).map_or(name, |(_, package)| package);
        panic!(
            "{name} is not installed and this test needs it: `script/setup test` (or `apt-get install {package}`) puts it in place"
        );
    }
    let mut command = Command::new(name);
    command.env("LC_ALL", "C.UTF-8").env_remove("LANGUAGE");
    command
}

/// Where a tool is on the search path.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|candidate| candidate.is_file())
}

/// What a program said and how it ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// What `output` says of a command.
    #[must_use]
    pub fn of(line: String, output: &Output) -> Self {
        Self {
            line,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Both outputs, one after the other.
    #[must_use]
    pub fn everything(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Insists on an exit code.
    ///
    /// # Panics
    /// When it was another, with all that the program said.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(self.code == Some(code), "this was to exit with {code}\n{}", self.account());
        self
    }

    /// Insists that all of these are said, on either output.
    ///
    /// # Panics
    /// When one of them is not.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Self {
        let said = self.everything();
        for word in words {
            assert!(said.contains(word), "this was to say {word:?}\n{}", self.account());
        }
        self
    }

    /// The command, its end and its words.
    #[must_use]
    pub fn account(&self) -> String {
        let mut account = format!("$ {}\n", self.line);
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                // writing into a String cannot fail
                let _ = writeln!(account, "--- {name}\n{}", text.trim_end());
            }
        }
        let _ = writeln!(account, "--- exit {:?}", self.code);
        account
    }
}

/// Runs a command to its end.
///
/// # Panics
/// When it cannot be started.
#[track_caller]
pub fn run(command: &mut Command) -> Ran {
    let line = line_of(command);
    match command.output() {
        Ok(output) => Ran::of(line, &output),
        Err(error) => panic!("cannot start {line}: {error}"),
    }
}

/// Runs a command that has to succeed.
///
/// # Panics
/// When it does not.
#[track_caller]
pub fn succeed(command: &mut Command) -> Ran {
    run(command).exits(0)
}

/// A command as a person would type it, nearly.
#[must_use]
pub fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

/// The folder of the workspace.
///
/// # Panics
/// Never: the crate lies in it.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// Reads a file that must be there.
///
/// # Panics
/// When it cannot be read, with its path.
#[track_caller]
#[must_use]
pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Reads a text that must be there.
///
/// # Panics
/// When it cannot be read or is not UTF-8, with its path.
#[track_caller]
#[must_use]
pub fn read_text(path: &Path) -> String {
    String::from_utf8(read(path)).unwrap_or_else(|error| panic!("{} is not UTF-8: {error}", path.display()))
}

/// Gives a file or folder another name.
///
/// # Panics
/// When it cannot.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "what a test makes need not outlive a power cut")]
pub fn rename(from: &Path, to: &Path) {
    std::fs::rename(from, to)
        .unwrap_or_else(|error| panic!("cannot rename {} to {}: {error}", from.display(), to.display()));
}

/// Writes a file and the folders above it.
///
/// # Panics
/// When it cannot.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "what a test makes need not outlive a power cut")]
pub fn write(path: &Path, content: impl AsRef<[u8]>) {
    make_folder(path.parent().unwrap_or(path));
    std::fs::write(path, content).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
}

/// Writes a program: [`write`], and it may be executed.
///
/// # Panics
/// When it cannot.
#[track_caller]
pub fn write_program(path: &Path, content: &str) {
    write(path, content);
    set_mode(path, 0o755);
}

/// Sets the permission bits of a file.
///
/// # Panics
/// When it cannot.
#[track_caller]
pub fn set_mode(path: &Path, mode: u32) {
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(path, permissions)
        .unwrap_or_else(|error| panic!("cannot change the mode of {}: {error}", path.display()));
}

/// Makes a folder and those above it.
///
/// # Panics
/// When it cannot.
#[track_caller]
pub fn make_folder(path: &Path) {
    std::fs::create_dir_all(path).unwrap_or_else(|error| panic!("cannot make {}: {error}", path.display()));
}

/// Copies a folder with all in it, times and modes included.
///
/// # Panics
/// When it cannot.
#[track_caller]
pub fn copy_tree(from: &Path, to: &Path) {
    // --reflink=auto is cp's default only from coreutils 9.0 on
    succeed(tool("cp").args(["--archive", "--reflink=auto", "--"]).arg(from).arg(to));
}
