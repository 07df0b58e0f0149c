//! Where a repository's files come from, and what may be the path of one.
//!
//! Decides which of a repository's own words are a path below it: whoever writes its indexes must not name files elsewhere.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::domain::plain::shown;
use crate::work::{Work, count, count_bytes};

/// The path of a file below a repository's root: `pool/main/h/hello/hello_1.0_amd64.deb`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryPath(String);

/// Text that is no path below a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value} is no path of a file in a repository: {reason}")]
pub struct PathError {
    /// The text, fit to be shown.
    pub value: String,
    /// Which rule it breaks.
    pub reason: &'static str,
}

/// The longest path.
const MAX_PATH_BYTES: usize = 1024;

impl RepositoryPath {
    /// The path, with slashes between its parts.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Where it is below a folder.
    #[must_use]
    pub fn below(&self, root: &Path) -> PathBuf {
        root.join(&self.0)
    }

    /// A path below this one.
    ///
    /// # Errors
    /// When that is none.
    pub fn join(&self, rest: &str) -> Result<Self, PathError> {
        format!("{}/{rest}", self.0).parse()
    }

    /// The last part.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&self.0, |(_, name)| name)
    }
}

impl FromStr for RepositoryPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let bad = |reason| PathError { value: shown(text), reason };
        if text.len() > MAX_PATH_BYTES {
            return Err(bad("it is longer than 1024 bytes"));
        }
        if text.starts_with('/') {
            return Err(bad("it must not begin with a slash"));
        }
        // also what turns the direction of a line on a terminal
        let cannot_be_shown = |one: char| !matches!(one, '\'' | '"' | '\\') && one.escape_debug().count() > 1;
        if text.chars().any(cannot_be_shown) {
            return Err(bad("it has a character that cannot be shown"));
        }
        let mut path = String::with_capacity(text.len());
        for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                return Err(bad("it leads out of a folder (..)"));
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(part);
        }
        if path.is_empty() {
            return Err(bad("it names nothing"));
        }
        Ok(Self(path))
    }
}

impl fmt::Display for RepositoryPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a file of a repository cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is none of that name.
    #[error("it is not there")]
    NotThere,
    /// It could not be got, also when asked again.
    #[error("{0}")]
    Failed(String),
}

/// A repository, wherever it is.
pub trait Repository: Sync {
    /// Opens a file. What it has is not to be believed: it is bounded and verified by who reads it.
    ///
    /// # Errors
    /// When there is none, or it cannot be got.
    fn open(&self, path: &RepositoryPath) -> Result<Box<dyn Read + Send + '_>, OpenError>;

    /// The file itself, where it lies on a disk of this machine: it can be linked then.
    fn on_disk(&self, path: &RepositoryPath) -> Option<PathBuf>;

    /// How many files are best read at once.
    fn at_once(&self) -> usize;
}

/// A repository in a folder of this machine.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The repository whose `dists` and pool lie in a folder.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }
}

/// A file that is read, counted.
struct Counted(fs::File);

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        count_bytes(Work::BytesRead, read);
        Ok(read)
    }
}

impl Repository for Folder {
    fn open(&self, path: &RepositoryPath) -> Result<Box<dyn Read + Send + '_>, OpenError> {
        open_regular(&path.below(&self.root)).map(|file| Box::new(Counted(file)) as Box<dyn Read + Send>)
    }

    fn on_disk(&self, path: &RepositoryPath) -> Option<PathBuf> {
        // links are followed, as servers do: aptly can publish by them
        fs::canonicalize(path.below(&self.root)).ok()
    }

    fn at_once(&self) -> usize {
        rayon::current_num_threads()
    }
}

/// Opens a regular file; nothing else is waited for.
fn open_regular(path: &Path) -> Result<fs::File, OpenError> {
    let failed = |error: io::Error| {
        if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
            OpenError::NotThere
        } else {
            OpenError::Failed(format!("it cannot be read: {error}"))
        }
    };
    // a FIFO would be waited for
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(failed)?;
    count(Work::FilesOpened, 1);
    if file.metadata().map_err(failed)?.is_file() {
        Ok(file)
    } else {
        Err(OpenError::Failed("it is no regular file".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_staged;

    #[test]
    fn a_path_stays_below_the_root() {
        for (text, path) in [
            ("pool/main/h/hello_1.deb", "pool/main/h/hello_1.deb"),
            ("./pool//x_1%3a2~rc1+b1.deb", "pool/x_1%3a2~rc1+b1.deb"),
            ("a/./b", "a/b"),
            ("..a/b..", "..a/b.."),
        ] {
            assert_eq!(text.parse::<RepositoryPath>().unwrap().as_str(), path);
        }
    }

    #[test]
    fn what_leads_elsewhere_is_no_path() {
        let long = "x".repeat(1025);
        for text in [
            "",
            ".",
            "./",
            "/etc/passwd",
            "..",
            "a/../../b",
            "pool/..",
            "a\nb",
            "a\u{1b}[2J",
            "a\u{202e}b",
            &long,
        ] {
            assert!(text.parse::<RepositoryPath>().is_err(), "{text:?}");
        }
        let error = "a/\u{1b}[2J".parse::<RepositoryPath>().unwrap_err().to_string();
        assert!(!error.contains('\u{1b}'), "{error}");
    }

    #[test]
    fn only_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        write_staged(&folder.path().join("a/file"), b"text").unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.path().join("a/fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let repository = Folder::new(folder.path().to_owned());
        let open = |path: &str| {
            let mut text = String::new();
            repository.open(&path.parse().unwrap()).map(|mut file| {
                file.read_to_string(&mut text).unwrap();
                text
            })
        };
        assert_eq!(open("a/file").unwrap(), "text");
        assert_eq!(open("a/none").unwrap_err(), OpenError::NotThere);
        assert_eq!(open("a/file/below").unwrap_err(), OpenError::NotThere);
        for path in ["a", "a/fifo"] {
            assert_eq!(
                open(path).unwrap_err(),
                OpenError::Failed("it is no regular file".to_owned()),
                "{path}"
            );
        }
    }
}
