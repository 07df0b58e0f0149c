//! The librarian: the originals of all files, by content, for as long as a row wants them.
//!
//! A file is written once, under `<first two>/<sha256>`, after all of it was seen, and never changed. A short one is handed over whole and
//! written under its name ([`Librarian::keep_bytes`]); a long one comes in through a [`Deposit`], which hashes while it writes, or shares the blocks of the file that it is
//! a copy of, so that the disk is read once. The caller makes a batch of files durable with [`Librarian::sync`] before it commits rows that name
//! them; a file that no row names is harmless. What is there already may be what a machine that died had not written yet: it is compared with what
//! is offered, and replaced where it differs.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tempfile::{NamedTempFile, TempPath};

use crate::disk::{self, DiskError, During, FileLock};
use crate::domain::digest::{FileDigests, Hasher, Sha256, digest_reader};
use crate::work::{Work, count, count_bytes};

/// The store of originals.
#[derive(Debug, Clone)]
pub struct Librarian {
    root: PathBuf,
    lock: Option<PathBuf>,
}

impl Librarian {
    /// The librarian of a folder, which is made when the first file comes in.
    #[must_use]
    pub const fn new(root: PathBuf) -> Self {
        Self { root, lock: None }
    }

    /// The same, with the file of a lock between those who bring files in and those who remove them. Without one there must not be both.
    #[must_use]
    pub fn with_lock(self, lock: PathBuf) -> Self {
        Self { lock: Some(lock), ..self }
    }

    /// Where a content lies, if it is here.
    #[must_use]
    pub fn path(&self, sha256: &Sha256) -> PathBuf {
        // 256 folders: a million files are four thousand in each, and a folder of its own for each file would cost more than the file
        let hex = sha256.to_string();
        self.root.join(&hex[..2]).join(hex)
    }

    /// Opens a content.
    ///
    /// # Errors
    /// When it is not here.
    pub fn open(&self, sha256: &Sha256) -> Result<File, DiskError> {
        let path = self.path(sha256);
        count(Work::FilesOpened, 1);
        File::open(&path).during("open the original", &path)
    }

    /// Takes in a file that is in memory, whose digests these are.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn keep_bytes(&self, bytes: &[u8], digests: &FileDigests) -> Result<(), DiskError> {
        debug_assert_eq!(Sha256::of(bytes), digests.sha256);
        let path = self.path(&digests.sha256);
        // under its own name at once: until a row names it nobody looks, and what a process that was killed has left is found out below
        let made = match create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                disk::make_folder(path.parent().unwrap_or(&self.root))?;
                create_new(&path)
            }
            made => made,
        };
        match made {
            Ok(mut file) => {
                let written =
                    file.write_all(bytes).and_then(|()| make_readable(&file)).during("write", &path);
                if written.is_err() {
                    // the next one to come would find it out too
                    let _ = fs::remove_file(&path);
                }
                written?;
                count_bytes(Work::BytesWritten, bytes.len());
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if holds(&path, bytes).during("read", &path)? {
                    return Ok(());
                }
                let mut temporary = self.temporary()?;
                temporary.as_file_mut().write_all(bytes).during("write", &path)?;
                count_bytes(Work::BytesWritten, bytes.len());
                self.settle(temporary.into_temp_path(), digests)
            }
            Err(error) => Err(error).during("write", &path),
        }
    }

    /// Begins to take a file in.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn deposit(&self) -> Result<Deposit, DiskError> {
        Ok(Deposit { temporary: self.temporary()?, hasher: Hasher::new() })
    }

    /// A copy of a file that shares its blocks, to be read and then kept; none where the filesystem does not share. What is written to the
    /// file afterwards does not reach it.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn share(&self, source: &File) -> Result<Option<Shared>, DiskError> {
        let temporary = self.temporary()?;
        if rustix::fs::ioctl_ficlone(temporary.as_file(), source).is_err() {
            return Ok(None);
        }
        count(Work::BytesCopied, source.metadata().map_or(0, |metadata| metadata.len()));
        Ok(Some(Shared { temporary, hasher: Hasher::new() }))
    }

    /// Gives a file of ours a second name here, to be read and then kept: for files that nobody writes into any more. None where it cannot be linked: on
    /// another filesystem, another user's, or one that others may write to or not all may read.
    ///
    /// # Errors
    /// When there is no room for the name.
    pub fn link(&self, source: &Path) -> Result<Option<Shared>, DiskError> {
        let incoming = self.root.join("incoming");
        disk::make_folder(&incoming)?;
        let linked = tempfile::Builder::new().make_in(&incoming, |name| {
            fs::hard_link(source, name)?;
            // what lies there now is what is looked at, whatever becomes of the other name; no link, no FIFO
            let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
            let opened = File::options().read(true).custom_flags(flags.bits().cast_signed()).open(name);
            let is_fit = |file: &File| {
                let metadata = file.metadata()?;
                Ok::<bool, io::Error>(
                    metadata.is_file()
                        && metadata.uid() == rustix::process::geteuid().as_raw()
                        && metadata.permissions().mode() & 0o7777 == disk::SERVED_FILE_MODE,
                )
            };
            match opened.and_then(|file| is_fit(&file).map(|is_fit| (file, is_fit))) {
                Ok((file, true)) => Ok(file),
                unfit => {
                    fs::remove_file(name)?;
                    Err(unfit.err().unwrap_or_else(|| io::ErrorKind::PermissionDenied.into()))
                }
            }
        });
        count(Work::FilesOpened, 1);
        match linked {
            Ok(temporary) => Ok(Some(Shared { temporary, hasher: Hasher::new() })),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem) =>
            {
                Err(error).during("link into", &incoming)
            }
            // it is copied instead
            Err(_) => Ok(None),
        }
    }

    /// Gives a file its place.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn keep(&self, sealed: Sealed) -> Result<FileDigests, DiskError> {
        self.settle(sealed.temporary, &sealed.digests)?;
        Ok(sealed.digests)
    }

    fn temporary(&self) -> Result<NamedTempFile, DiskError> {
        let incoming = self.root.join("incoming");
        let make = || {
            tempfile::Builder::new()
                .permissions(Permissions::from_mode(disk::SERVED_FILE_MODE))
                .tempfile_in(&incoming)
        };
        let made = match make() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                disk::make_folder(&incoming)?;
                make()
            }
            made => made,
        };
        count(Work::FilesOpened, 1);
        made.during("write", &incoming)
    }

    /// Gives a whole file its name, unless it has one already.
    fn settle(&self, temporary: TempPath, digests: &FileDigests) -> Result<(), DiskError> {
        let path = self.path(&digests.sha256);
        make_path_readable(&temporary).during("write", &path)?;
        let persisted = match temporary.persist_noclobber(&path) {
            Err(error) if error.error.kind() == io::ErrorKind::NotFound => {
                disk::make_folder(path.parent().unwrap_or(&self.root))?;
                error.path.persist_noclobber(&path)
            }
            persisted => persisted,
        };
        let refused = match persisted {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if refused.error.kind() != io::ErrorKind::AlreadyExists {
            return Err(refused.error).during("keep", &path);
        }
        if !is_whole(&path, digests).during("read", &path)? {
            tracing::warn!(path = %path.display(), "replaced: it was not the content that its name says");
            refused.path.persist(&path).map_err(|error| error.error).during("keep", &path)?;
        }
        Ok(())
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
            // since when it is as it is, also if it is a link to a file that is older; a deposit that has been kept meanwhile is gone from here
            let changed =
                entry.metadata().ok().and_then(|metadata| Timestamp::from_second(metadata.ctime()).ok());
            if changed.is_some_and(|changed| changed < before) {
                disk::remove_file(&entry.path())?;
                swept += 1;
            }
        }
        Ok(swept)
    }

    /// The contents in one of the folders that were written before a moment, by name. Files whose name is none of a content are left out.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn contents_of(&self, folder: u8, before: Timestamp) -> Result<Vec<Sha256>, DiskError> {
        let folder = self.root.join(format!("{folder:02x}"));
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.during("read the folder", &folder)?,
        };
        let mut contents = Vec::new();
        for entry in entries {
            let entry = entry.during("read the folder", &folder)?;
            let Some(sha256) = entry.file_name().to_str().and_then(|name| name.parse::<Sha256>().ok()) else {
                continue;
            };
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let is_old = modified
                .is_ok_and(|modified| Timestamp::try_from(modified).is_ok_and(|modified| modified < before));
            contents.extend(is_old.then_some(sha256));
        }
        contents.sort_unstable();
        Ok(contents)
    }

    /// Says that files come in whose rows are written afterwards: until it is dropped none is removed. Waits while some are.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn open_for_deposits(&self) -> Result<Option<FileLock>, DiskError> {
        self.lock.as_deref().map(FileLock::shared).transpose()
    }

    /// Waits until every file that has come in has its row, and lets none in until it is dropped.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn closed(&self) -> Result<Option<FileLock>, DiskError> {
        self.lock.as_deref().map(FileLock::alone).transpose()
    }

    /// Removes a content that no row has. The librarian is [closed](Self::closed). One that is not there is fine.
    ///
    /// # Errors
    /// When it stays.
    pub fn remove(&self, sha256: &Sha256) -> Result<(), DiskError> {
        disk::remove_file(&self.path(sha256))
    }

    /// Makes all deposits durable.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn sync(&self) -> Result<(), DiskError> {
        disk::sync_filesystem(&self.root)
    }
}

fn create_new(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create_new(true).mode(disk::SERVED_FILE_MODE).open(path)?;
    count(Work::FilesOpened, 1);
    Ok(file)
}

/// The umask does not decide about files that others are to read.
fn make_readable(file: &File) -> io::Result<()> {
    if file.metadata()?.permissions().mode() & 0o7777 == disk::SERVED_FILE_MODE {
        return Ok(());
    }
    file.set_permissions(Permissions::from_mode(disk::SERVED_FILE_MODE))
}

/// As [`make_readable`], for a file that is closed.
fn make_path_readable(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.permissions().mode() & 0o7777 == disk::SERVED_FILE_MODE {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(disk::SERVED_FILE_MODE))
}

/// Whether the file that is there has these bytes.
fn holds(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut file = File::open(path)?;
    count(Work::FilesOpened, 1);
    if file.metadata()?.len() != bytes.len() as u64 {
        return Ok(false);
    }
    let mut found = Vec::with_capacity(bytes.len());
    file.read_to_end(&mut found)?;
    count_bytes(Work::BytesRead, found.len());
    Ok(found == bytes)
}

/// Whether the file that is there has this content.
fn is_whole(path: &Path, digests: &FileDigests) -> io::Result<bool> {
    let file = File::open(path)?;
    count(Work::FilesOpened, 1);
    if file.metadata()?.len() != digests.size_bytes {
        return Ok(false);
    }
    count(Work::BytesRead, digests.size_bytes);
    Ok(digest_reader(file)?.sha256 == digests.sha256)
}

/// A file on its way in, written piece by piece; gone when dropped.
#[derive(Debug)]
pub struct Deposit {
    temporary: NamedTempFile,
    hasher: Hasher,
}

impl Deposit {
    /// All of it was written.
    #[must_use]
    pub fn seal(self) -> Sealed {
        Sealed { temporary: self.temporary.into_temp_path(), digests: self.hasher.finish() }
    }
}

impl Write for Deposit {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.temporary.as_file_mut().write(buffer)?;
        self.hasher.update(&buffer[..written]);
        count_bytes(Work::BytesWritten, written);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file on its way in that shares the blocks of another, and is hashed as it is read; gone when dropped.
#[derive(Debug)]
pub struct Shared {
    temporary: NamedTempFile,
    hasher: Hasher,
}

impl Shared {
    /// All of it was read.
    #[must_use]
    pub fn seal(self) -> Sealed {
        Sealed { temporary: self.temporary.into_temp_path(), digests: self.hasher.finish() }
    }
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.temporary.as_file_mut().read(buffer)?;
        self.hasher.update(&buffer[..read]);
        count_bytes(Work::BytesRead, read);
        Ok(read)
    }
}

/// A file that is whole and closed, and whose digests are known; gone when dropped.
#[derive(Debug)]
pub struct Sealed {
    temporary: TempPath,
    digests: FileDigests,
}

impl Sealed {
    /// What it is.
    #[must_use]
    pub const fn digests(&self) -> &FileDigests {
        &self.digests
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;

    use super::*;

    fn kept(librarian: &Librarian, content: &[u8]) -> FileDigests {
        let digests = FileDigests::of(content);
        librarian.keep_bytes(content, &digests).unwrap();
        digests
    }

    fn deposited(librarian: &Librarian, content: &[u8]) -> FileDigests {
        let mut deposit = librarian.deposit().unwrap();
        for piece in content.chunks(2) {
            deposit.write_all(piece).unwrap();
        }
        let sealed = deposit.seal();
        assert_eq!(*sealed.digests(), FileDigests::of(content));
        librarian.keep(sealed).unwrap()
    }

    #[test]
    fn a_file_is_kept_once_and_a_dropped_deposit_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let librarian = Librarian::new(root.path().join("librarian"));
        for keep in [kept, deposited, kept, deposited] {
            let digests = keep(&librarian, b"hello");
            assert_eq!(digests, FileDigests::of(b"hello"));
            let path = librarian.path(&digests.sha256);
            assert_eq!(fs::read(&path).unwrap(), b"hello");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o644);
        }
        drop(librarian.deposit().unwrap());
        disk::write_staged(&root.path().join("librarian/incoming/left"), b"by one that died").unwrap();
        assert_eq!(librarian.sweep(Timestamp::UNIX_EPOCH).unwrap(), 0);
        assert_eq!(librarian.sweep(Timestamp::MAX).unwrap(), 1);
        assert_eq!(fs::read_dir(root.path().join("librarian/incoming")).unwrap().count(), 0);
        assert!(librarian.open(&Sha256::of(b"other")).is_err());
    }

    #[test]
    fn what_a_dead_machine_left_under_a_name_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let librarian = Librarian::new(root.path().to_owned());
        let path = librarian.path(&Sha256::of(b"hello"));
        for keep in [kept, deposited] {
            // the name was on disk before the bytes were
            for left in [&b""[..], b"hel", b"\0\0\0\0\0"] {
                disk::write_staged(&path, left).unwrap();
                keep(&librarian, b"hello");
                assert_eq!(fs::read(&path).unwrap(), b"hello");
            }
        }
        // what is right stays the file that it is: the pool has links to it
        let before = disk::Identity::of(&path).unwrap();
        kept(&librarian, b"hello");
        deposited(&librarian, b"hello");
        assert_eq!(disk::Identity::of(&path).unwrap(), before);
    }

    #[test]
    fn a_link_is_the_same_file_and_is_made_only_to_what_nobody_else_writes_into() {
        let root = tempfile::tempdir().unwrap();
        let librarian = Librarian::new(root.path().join("librarian"));
        let source = root.path().join("source");
        disk::write_staged(&source, b"content").unwrap();
        let mut linked = librarian.link(&source).unwrap().unwrap();
        io::copy(&mut linked, &mut io::sink()).unwrap();
        // it is as new as the link, whatever the file says
        assert_eq!(librarian.sweep(Timestamp::UNIX_EPOCH).unwrap(), 0);
        let digests = librarian.keep(linked.seal()).unwrap();
        assert_eq!(digests, FileDigests::of(b"content"));
        let path = librarian.path(&digests.sha256);
        assert_eq!(disk::Identity::of(&path).unwrap(), disk::Identity::of(&source).unwrap());
        // again: what is kept stays, and nothing is left over
        let mut again = librarian.link(&source).unwrap().unwrap();
        io::copy(&mut again, &mut io::sink()).unwrap();
        librarian.keep(again.seal()).unwrap();
        fs::set_permissions(&source, Permissions::from_mode(0o664)).unwrap();
        assert!(librarian.link(&source).unwrap().is_none());
        assert!(librarian.link(&root.path().join("none")).unwrap().is_none());
        disk::symlink(Path::new("source"), &root.path().join("link")).unwrap();
        assert!(librarian.link(&root.path().join("link")).unwrap().is_none());
        assert_eq!(fs::read_dir(root.path().join("librarian/incoming")).unwrap().count(), 0);
    }

    #[test]
    fn a_shared_file_is_a_copy() {
        let root = tempfile::tempdir().unwrap();
        let librarian = Librarian::new(root.path().join("librarian"));
        let (name, content) = (root.path().join("source"), vec![7; 300_000]);
        disk::write_staged(&name, &content).unwrap();
        // where the filesystem does not share there is nothing to hold
        let Some(mut shared) = librarian.share(&File::open(&name).unwrap()).unwrap() else { return };
        OpenOptions::new().write(true).open(&name).unwrap().write_all(b"written to afterwards").unwrap();
        io::copy(&mut shared, &mut io::sink()).unwrap();
        let digests = librarian.keep(shared.seal()).unwrap();
        assert_eq!(digests, FileDigests::of(&content));
        assert_eq!(fs::read(librarian.path(&digests.sha256)).unwrap(), content);
    }
}
