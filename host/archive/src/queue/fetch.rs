//! Writing the files of an upload into a folder: as they came, and never over a file that is another.
//!
//! First it is looked at everything that is there, then is written: a folder with one file that is in the way gets none of them.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::disk::{self, DiskError, During};
use crate::domain::Sha256;
use crate::domain::digest::digest_reader;
use crate::librarian::Librarian;
use crate::store::upload_queue::{FileContent, UploadFile};

/// Why files are not written.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Something else is there under the name.
    #[error("{} is there already, and is not the file of the upload: nothing was written; name another folder with --to", path.display())]
    Other {
        /// Where.
        path: PathBuf,
    },
    /// What the librarian has is not what came in.
    #[error("the original of {name} is damaged: it has SHA256 {found}, not {expected}; restore {} from a backup", original.display())]
    Damaged {
        /// The file.
        name: String,
        /// What it should be.
        expected: Sha256,
        /// What it is.
        found: Sha256,
        /// Where it lies.
        original: PathBuf,
    },
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It is written.
    Written,
    /// It was there.
    WasThere,
    /// Its content is not kept any more.
    NotKept,
}

/// A file, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// What became of it.
    pub fate: Fate,
}

/// Writes files into a folder that there is. In a dry run it says what would be.
///
/// # Errors
/// When a file that is another is in the way, an original is damaged, or the disk fails.
pub fn fetch(
    librarian: &Librarian,
    files: &[UploadFile],
    folder: &Path,
    dry_run: bool,
) -> Result<Vec<Fetched>, FetchError> {
    let mut fetched = Vec::with_capacity(files.len());
    for file in files {
        let path = folder.join(file.filename.as_str());
        let fate = match &file.content {
            None => Fate::NotKept,
            Some(content) => match is_there(&path, content)? {
                None => Fate::Written,
                Some(true) => Fate::WasThere,
                Some(false) => return Err(FetchError::Other { path }),
            },
        };
        fetched.push(Fetched { path, fate });
    }
    if dry_run {
        return Ok(fetched);
    }
    for (file, Fetched { path, fate }) in files.iter().zip(&fetched) {
        if let (Fate::Written, Some(content)) = (fate, &file.content) {
            write(librarian, file.filename.as_str(), content, path)?;
        }
    }
    Ok(fetched)
}

/// Whether a file is there: none, no; otherwise whether it is the one. Nothing but a regular file is it, and nothing else is opened.
fn is_there(path: &Path, content: &FileContent) -> Result<Option<bool>, DiskError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other.during("look at", path)?,
    };
    if !metadata.is_file() || metadata.len() != content.size_bytes {
        return Ok(Some(false));
    }
    let found = digest_reader(disk::open(path)?.take(content.size_bytes)).during("read", path)?;
    Ok(Some(found.sha256 == content.sha256))
}

fn write(librarian: &Librarian, name: &str, content: &FileContent, path: &Path) -> Result<(), FetchError> {
    let original = librarian.path(&content.sha256);
    // all of it, before any of it is written
    let found = digest_reader(disk::open(&original)?).during("read", &original)?.sha256;
    if found != content.sha256 {
        return Err(FetchError::Damaged { name: name.to_owned(), expected: content.sha256, found, original });
    }
    // a copy: what is done to it afterwards does not reach the original
    if disk::write_new(path, disk::open(&original)?, disk::SERVED_FILE_MODE)? {
        return Ok(());
    }
    Err(FetchError::Other { path: path.to_owned() })
}
