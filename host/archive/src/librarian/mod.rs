//! The librarian: the originals of all files, by content, for as long as a row wants them.
//!
//! A file is written once, under `<first two>/<next two>/<sha256>`, after all of it was seen, and never changed. It comes in through a
//! [`Deposit`], which hashes while it writes, so that the disk is read once. The caller makes a batch of deposits durable with [`Librarian::sync`]
//! before it commits rows that name them; a file that no row names is harmless.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::NamedTempFile;

use crate::disk::{self, DiskError, During};
use crate::domain::digest::{DigestWriter, FileDigests, Sha256};

/// The store of originals.
#[derive(Debug, Clone)]
pub struct Librarian {
    root: PathBuf,
}

impl Librarian {
    /// The librarian of a folder, which is made when the first file comes in.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where a content lies, if it is here.
    #[must_use]
    pub fn path(&self, sha256: &Sha256) -> PathBuf {
        let hex = sha256.to_string();
        self.root.join(&hex[..2]).join(&hex[2..4]).join(hex)
    }

    /// Opens a content.
    ///
    /// # Errors
    /// When it is not here.
    pub fn open(&self, sha256: &Sha256) -> Result<File, DiskError> {
        let path = self.path(sha256);
        File::open(&path).during("open the original", &path)
    }

    /// Begins to take a file in.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn deposit(&self) -> Result<Deposit, DiskError> {
        let incoming = self.root.join("incoming");
        disk::make_folder(&incoming)?;
        let temporary = NamedTempFile::new_in(&incoming).during("write", &incoming)?;
        Ok(Deposit { writer: DigestWriter::new(BufWriter::with_capacity(1 << 17, temporary)) })
    }

    /// Gives a deposit its place. What is there already stays.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn keep(&self, deposit: Deposit) -> Result<FileDigests, DiskError> {
        let (writer, digests) = deposit.writer.finish();
        let temporary =
            writer.into_inner().map_err(io::IntoInnerError::into_error).during("write", &self.root)?;
        let path = self.path(&digests.sha256);
        disk::make_folder(path.parent().unwrap_or(&self.root))?;
        let readable = std::os::unix::fs::PermissionsExt::from_mode(disk::SERVED_FILE_MODE);
        temporary.as_file().set_permissions(readable).during("write", &path)?;
        match temporary.persist_noclobber(&path) {
            Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => {
                Err(error.error).during("keep", &path)
            }
            _ => Ok(digests),
        }
    }

    /// Takes a whole file in.
    ///
    /// # Errors
    /// When it cannot be read or kept.
    pub fn keep_file(&self, path: &Path) -> Result<FileDigests, DiskError> {
        let mut source = File::open(path).during("read", path)?;
        let mut deposit = self.deposit()?;
        io::copy(&mut source, &mut deposit).during("keep", path)?;
        self.keep(deposit)
    }

    /// Removes what deposits left behind that came to no end, as in a process that was killed, and that are older than `before`.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sweep(&self, before: Timestamp) -> Result<usize, DiskError> {
        let incoming = self.root.join("incoming");
        let entries = match fs::read_dir(&incoming) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            other => other.during("read the folder", &incoming)?,
        };
        let mut swept = 0;
        for entry in entries.flatten() {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            // a deposit that has been kept meanwhile is gone from here
            if modified
                .is_ok_and(|modified| Timestamp::try_from(modified).is_ok_and(|modified| modified < before))
            {
                disk::remove_file(&entry.path())?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// Makes all deposits durable.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> Result<(), DiskError> {
        disk::sync_filesystem(&self.root)
    }
}

/// A file on its way in; gone when dropped.
#[derive(Debug)]
pub struct Deposit {
    writer: DigestWriter<BufWriter<NamedTempFile>>,
}

impl Write for Deposit {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.writer.write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_kept_once_and_a_dropped_deposit_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let librarian = Librarian::new(root.path().join("librarian"));
        for _ in 0..2 {
            let mut deposit = librarian.deposit().unwrap();
            deposit.write_all(b"hello").unwrap();
            let digests = librarian.keep(deposit).unwrap();
            assert_eq!(digests, FileDigests::of(b"hello"));
            assert_eq!(std::fs::read(librarian.path(&digests.sha256)).unwrap(), b"hello");
        }
        drop(librarian.deposit().unwrap());
        disk::write_staged(&root.path().join("librarian/incoming/left"), b"by one that died").unwrap();
        assert_eq!(librarian.sweep(Timestamp::UNIX_EPOCH).unwrap(), 0);
        assert_eq!(librarian.sweep(Timestamp::MAX).unwrap(), 1);
        assert_eq!(std::fs::read_dir(root.path().join("librarian/incoming")).unwrap().count(), 0);
        assert!(librarian.open(&Sha256::of(b"other")).is_err());
    }
}
