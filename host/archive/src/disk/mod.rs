//! Every durable write, and the few operations on folders that the rest is built on.
//!
//! What is promised: a file written by [`write_atomic`] is there whole or not at all, and stays; links and exchanges made before
//! [`sync_filesystem`] returns stay. Nothing here follows a symbolic link at the end of a path that it writes. What is opened, read and written
//! is [counted](crate::work).

mod batches;
mod exchange;
mod lock;
mod reader;
mod tree;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use batches::in_batches;
pub use exchange::{Exchanged, exchange};
pub use lock::FileLock;
pub use reader::{Reader, open, read};
pub use tree::{
    Sharing, TreeEntry, clone_tree, discard_tree, files_below, modified_ns, remove_special_files, remove_tree,
};

use crate::work::{Work, count, count_bytes};

/// The mode of everything that is served.
pub const SERVED_FILE_MODE: u32 = 0o644;

/// A file operation that failed: what was tried, on what.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}{}", path.display(), hint(source))]
pub struct DiskError {
    /// As `write`, `link`.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

fn hint(error: &io::Error) -> &'static str {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        " (make room on that filesystem and run again: nothing was lost)"
    } else if kind == io::ErrorKind::ReadOnlyFilesystem {
        " (the filesystem is read-only: mount it writable and run again)"
    } else if kind == io::ErrorKind::PermissionDenied {
        " (run as the user who owns the root)"
    } else {
        ""
    }
}

/// Says of an [`io::Result`] what was tried.
pub trait During<T> {
    /// Turns the error into a [`DiskError`].
    fn during(self, action: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> During<T> for io::Result<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|source| DiskError { action, path: path.to_owned(), source })
    }
}

impl<T> During<T> for rustix::io::Result<T> {
    fn during(self, action: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(io::Error::from).during(action, path)
    }
}

/// What a folder or file is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// `st_dev`.
    pub device: u64,
    /// `st_ino`.
    pub inode: u64,
}

impl Identity {
    /// The identity of what lies at a path, without following a link; none where nothing lies.
    ///
    /// # Errors
    /// When the path cannot be looked at.
    pub fn of(path: &Path) -> Result<Option<Self>, DiskError> {
        match fs::symlink_metadata(path) {
            Ok(metadata) => Ok(Some(Self::from_metadata(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).during("look at", path),
        }
    }

    /// The identity in what `stat` said.
    #[must_use]
    pub fn from_metadata(metadata: &fs::Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

/// Makes a folder and those above it. One that is there is fine.
///
/// # Errors
/// When it cannot be made.
pub fn make_folder(path: &Path) -> Result<(), DiskError> {
    fs::create_dir_all(path).during("make the folder", path)
}

/// Makes a folder that nobody else may look into or write, also when it is there.
///
/// # Errors
/// When it cannot be made, or is another user's.
pub fn make_private_folder(path: &Path) -> Result<(), DiskError> {
    make_folder(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700)).during("keep others out of", path)
}

/// Writes a file whole: a temporary beside it, synced, renamed, the folder synced.
///
/// # Errors
/// When a step fails; the old file is then still there.
pub fn write_atomic(path: &Path, content: &[u8], mode: u32) -> Result<(), DiskError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".pressroom-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .during("write", path)?;
    count(Work::FilesOpened, 1);
    temporary.write_all(content).during("write", path)?;
    count_bytes(Work::BytesWritten, content.len());
    // the umask does not decide about files that others are to read
    temporary.as_file().set_permissions(fs::Permissions::from_mode(mode)).during("write", path)?;
    temporary.as_file().sync_all().during("sync", path)?;
    count(Work::Syncs, 1);
    temporary.persist(path).map_err(|error| error.error).during("write", path)?;
    sync_folder(folder)
}

/// Writes a new file whole, from a reader, as [`write_atomic`] does; where anything has its name already it is left alone, and the answer is no.
///
/// # Errors
/// When a step fails; nothing is there then.
pub fn write_new(path: &Path, mut content: impl Read, mode: u32) -> Result<bool, DiskError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut temporary = tempfile::Builder::new()
        .prefix(".pressroom-")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(folder)
        .during("write", path)?;
    count(Work::FilesOpened, 1);
    let written = io::copy(&mut content, temporary.as_file_mut()).during("write", path)?;
    count(Work::BytesWritten, written);
    temporary.as_file().set_permissions(fs::Permissions::from_mode(mode)).during("write", path)?;
    temporary.as_file().sync_all().during("sync", path)?;
    count(Work::Syncs, 1);
    match temporary.persist_noclobber(path) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(error.error).during("write", path),
    }
    sync_folder(folder)?;
    Ok(true)
}

/// Writes a new file into a tree that is not live; [`sync_filesystem`] makes it durable with the rest. A file of that name is
/// replaced and never written into: it may be shared with the live tree.
///
/// # Errors
/// When it cannot be written.
pub fn write_staged(path: &Path, content: &[u8]) -> Result<(), DiskError> {
    let mut file = create_staged(path)?;
    file.write_all(content).during("write", path)?;
    count_bytes(Work::BytesWritten, content.len());
    Ok(())
}

/// Opens a new file in a tree that is not live, as [`write_staged`] does. Who writes into it counts the bytes.
///
/// # Errors
/// When it cannot be made.
pub fn create_staged(path: &Path) -> Result<File, DiskError> {
    if let Some(folder) = path.parent() {
        make_folder(folder)?;
    }
    remove_file(path)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(SERVED_FILE_MODE)
        .open(path)
        .during("make", path)?;
    count(Work::FilesOpened, 1);
    file.set_permissions(fs::Permissions::from_mode(SERVED_FILE_MODE)).during("make", path)?;
    Ok(file)
}

/// Removes a file or link; nothing there is fine.
///
/// # Errors
/// When it stays.
pub fn remove_file(path: &Path) -> Result<(), DiskError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).during("remove", path),
        _ => Ok(()),
    }
}

/// Moves a file to a name in the same filesystem, over what is there.
///
/// # Errors
/// When it cannot be moved.
pub fn rename(from: &Path, to: &Path) -> Result<(), DiskError> {
    rustix::fs::rename(from, to).during("put in place", to)
}

/// Gives a file a second name, in one step, over what has that name now: a hard link where the filesystem allows, otherwise a copy.
///
/// # Errors
/// When neither can be made.
pub fn link_or_copy(from: &Path, to: &Path) -> Result<(), DiskError> {
    let folder = to.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    match fs::hard_link(from, to) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let aside =
                tempfile::Builder::new().prefix(".pressroom-").tempdir_in(folder).during("link", to)?;
            let name = aside.path().join("file");
            match fs::hard_link(from, &name) {
                Ok(()) => return rename(&name, to),
                Err(error) if no_links(&error) => {}
                Err(error) => return Err(error).during("link", to),
            }
        }
        Err(error) if no_links(&error) => {}
        Err(error) => return Err(error).during("link", to),
    }
    copy_file(from, to)
}

/// Gives a file a second name as [`link_or_copy`] does, unless that name is taken: then `false`, and what has it stays.
///
/// # Errors
/// When neither can be made.
pub fn link_or_copy_new(from: &Path, to: &Path) -> Result<bool, DiskError> {
    let mut linked = fs::hard_link(from, to);
    if linked.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        make_folder(to.parent().unwrap_or(Path::new(".")))?;
        linked = fs::hard_link(from, to);
    }
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) if no_links(&error) => match fs::symlink_metadata(to) {
            Ok(_) => Ok(false),
            Err(_) => copy_file(from, to).map(|()| true),
        },
        Err(error) => Err(error).during("link", to),
    }
}

fn no_links(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::CrossesDevices
            | io::ErrorKind::TooManyLinks
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::Unsupported
    )
}

/// Copies a file over a name, through a temporary; the blocks are shared where the filesystem can (`FICLONE`, `copy_file_range`).
///
/// # Errors
/// When it cannot be read or written.
pub fn copy_file(from: &Path, to: &Path) -> Result<(), DiskError> {
    let folder = to.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let mut source = File::open(from).during("read", from)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".pressroom-")
        .permissions(fs::Permissions::from_mode(SERVED_FILE_MODE))
        .tempfile_in(folder)
        .during("write", to)?;
    count(Work::FilesOpened, 2);
    if rustix::fs::ioctl_ficlone(temporary.as_file(), &source).is_err() {
        io::copy(&mut source, temporary.as_file_mut()).during("write", to)?;
    }
    let metadata = source.metadata().during("read", from)?;
    count(Work::BytesCopied, metadata.len());
    temporary.as_file().set_permissions(fs::Permissions::from_mode(SERVED_FILE_MODE)).during("write", to)?;
    let modified = metadata.modified().during("read", from)?;
    temporary.as_file().set_modified(modified).during("write", to)?;
    temporary.persist(to).map_err(|error| error.error).during("write", to)?;
    Ok(())
}

/// Appends a range of one file to another: the kernel copies, and shares the blocks where the filesystem can (`copy_file_range`).
///
/// # Errors
/// When either fails, or the range is not there.
pub fn copy_range(from: &File, start: u64, length: u64, to: &mut File) -> io::Result<()> {
    let (mut offset, mut left) = (start, length);
    while left > 0 {
        let most = usize::try_from(left).unwrap_or(usize::MAX);
        match rustix::fs::copy_file_range(from, Some(&mut offset), &*to, None, most) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(copied) => left -= u64::try_from(copied).unwrap_or(left).min(left),
            Err(rustix::io::Errno::INTR) => {}
            // not between these filesystems, or not on this one
            Err(
                rustix::io::Errno::XDEV
                | rustix::io::Errno::INVAL
                | rustix::io::Errno::NOSYS
                | rustix::io::Errno::OPNOTSUPP,
            ) => {
                let mut source = from;
                source.seek(io::SeekFrom::Start(offset))?;
                return match io::copy(&mut source.take(left), to)? {
                    copied if copied == left => Ok(()),
                    _ => Err(io::ErrorKind::UnexpectedEof.into()),
                };
            }
            Err(error) => return Err(error.into()),
        }
    }
    count(Work::BytesCopied, length);
    Ok(())
}

/// Makes a symbolic link, in one step, over what has that name now.
///
/// # Errors
/// When it cannot be made.
pub fn symlink(target: &Path, at: &Path) -> Result<(), DiskError> {
    let folder = at.parent().unwrap_or(Path::new("."));
    make_folder(folder)?;
    let aside = tempfile::Builder::new().prefix(".pressroom-").tempdir_in(folder).during("link", at)?;
    let name = aside.path().join("link");
    std::os::unix::fs::symlink(target, &name).during("link", at)?;
    rename(&name, at)
}

/// Makes a folder's entries durable.
///
/// # Errors
/// When the disk fails.
pub fn sync_folder(path: &Path) -> Result<(), DiskError> {
    File::open(path).and_then(|folder| folder.sync_all()).during("sync", path)?;
    count(Work::Syncs, 1);
    Ok(())
}

/// Makes everything written to the filesystem of a folder durable: one call instead of one for each file.
///
/// # Errors
/// When the disk fails, now or in a write since the last call.
pub fn sync_filesystem(path: &Path) -> Result<(), DiskError> {
    let _span = tracing::debug_span!("sync", path = %path.display()).entered();
    let folder = File::open(path).during("sync", path)?;
    rustix::fs::syncfs(&folder).during("sync the filesystem of", path)?;
    count(Work::Syncs, 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Counts;

    #[test]
    fn a_file_is_replaced_whole_and_keeps_no_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        write_atomic(&path, b"one", 0o600).unwrap();
        write_atomic(&path, b"two", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_written_copied_and_synced_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        let before = Counts::now();
        write_staged(&one, &[1; 1000]).unwrap();
        copy_file(&one, &two).unwrap();
        write_atomic(&two, &[2; 300], 0o644).unwrap();
        sync_filesystem(folder.path()).unwrap();
        // other tests of this process count too
        let since = Counts::now().since(&before);
        let expected = [
            (Work::FilesOpened, 4),
            (Work::BytesWritten, 1300),
            (Work::BytesCopied, 1000),
            // a file, its folder, the filesystem
            (Work::Syncs, 3),
        ];
        for (work, least) in expected {
            assert!(since.of(work) >= least, "{}: {}", work.name(), since.of(work));
        }
    }

    #[test]
    fn a_staged_write_never_reaches_a_shared_file() {
        let folder = tempfile::tempdir().unwrap();
        let (live, staged) = (folder.path().join("live"), folder.path().join("staged"));
        write_staged(&live, b"live").unwrap();
        link_or_copy(&live, &staged).unwrap();
        write_staged(&staged, b"staged").unwrap();
        assert_eq!(fs::read(&live).unwrap(), b"live");
    }

    #[test]
    fn a_link_goes_over_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        write_staged(&one, b"1").unwrap();
        write_staged(&two, b"2").unwrap();
        link_or_copy(&one, &two).unwrap();
        assert_eq!(Identity::of(&one).unwrap(), Identity::of(&two).unwrap());
        symlink(Path::new("one"), &two).unwrap();
        assert_eq!(fs::read_link(&two).unwrap(), Path::new("one"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_range_is_copied_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        write_staged(&from, b"0123456789").unwrap();
        let to = folder.path().join("to");
        let (source, mut target) = (File::open(&from).unwrap(), create_staged(&to).unwrap());
        target.write_all(b"<").unwrap();
        copy_range(&source, 2, 5, &mut target).unwrap();
        target.write_all(b">").unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"<23456>");
        assert!(copy_range(&source, 8, 5, &mut target).is_err());
        // another filesystem, which the kernel may refuse to copy from
        let mut target = create_staged(&to).unwrap();
        let memory = File::open("/proc/self/status").unwrap();
        copy_range(&memory, 0, 5, &mut target).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"Name:");
    }

    #[test]
    fn a_new_name_is_given_and_a_taken_one_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("a/b/two"));
        write_staged(&one, b"1").unwrap();
        assert!(link_or_copy_new(&one, &two).unwrap());
        assert_eq!(Identity::of(&one).unwrap(), Identity::of(&two).unwrap());
        let taken = folder.path().join("taken");
        write_staged(&taken, b"other").unwrap();
        assert!(!link_or_copy_new(&one, &taken).unwrap());
        assert_eq!(fs::read(&taken).unwrap(), b"other");
        let error =
            link_or_copy_new(&folder.path().join("none"), &folder.path().join("x/three")).unwrap_err();
        assert!(error.to_string().contains("x/three"), "{error}");
    }

    #[test]
    fn errors_name_the_path() {
        let error = write_staged(Path::new("/proc/nothing/here"), b"").unwrap_err();
        assert!(error.to_string().contains("/proc/nothing"), "{error}");
    }
}
