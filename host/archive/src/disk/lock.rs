//! Locks between processes that work on the same files: `flock`, so that they are gone with their holder, however that dies.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{DiskError, During, make_folder};
use crate::work::{Work, count};

/// A held lock; let go when dropped.
#[derive(Debug)]
pub struct FileLock {
    file: File,
    path: PathBuf,
}

impl FileLock {
    /// Waits until nobody holds it, and holds it alone.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn alone(path: &Path) -> Result<Self, DiskError> {
        let lock = Self::open(path)?;
        lock.wait(FlockOperation::LockExclusive)?;
        Ok(lock)
    }

    /// Waits until nobody holds it alone, and holds it with others.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn shared(path: &Path) -> Result<Self, DiskError> {
        let lock = Self::open(path)?;
        lock.wait(FlockOperation::LockShared)?;
        Ok(lock)
    }

    /// Holds it alone, if nobody holds it; waits for nobody.
    ///
    /// # Errors
    /// When the file cannot be made or locked, which does not mean that somebody holds it.
    pub fn try_alone(path: &Path) -> Result<Option<Self>, DiskError> {
        let lock = Self::open(path)?;
        match lock.flock(FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(lock)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error).during("take the lock", path),
        }
    }

    /// Waits until nobody holds it alone, and holds it with others, also where it was held alone until now.
    ///
    /// # Errors
    /// When it cannot be locked.
    pub fn share(self) -> Result<Self, DiskError> {
        self.wait(FlockOperation::LockShared)?;
        Ok(self)
    }

    /// The file, for a line about who holds it.
    pub const fn file(&mut self) -> &mut File {
        &mut self.file
    }

    fn open(path: &Path) -> Result<Self, DiskError> {
        make_folder(path.parent().unwrap_or(Path::new(".")))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .during("open the lock", path)?;
        count(Work::FilesOpened, 1);
        Ok(Self { file, path: path.to_owned() })
    }

    fn wait(&self, how: FlockOperation) -> Result<(), DiskError> {
        self.flock(how).during("take the lock", &self.path)
    }

    /// A signal ends no waiting.
    fn flock(&self, how: FlockOperation) -> Result<(), Errno> {
        loop {
            match flock(&self.file, how) {
                Err(Errno::INTR) => {}
                other => return other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn who_holds_it_alone_waits_for_those_who_share_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/one");
        let shared = [FileLock::shared(&path).unwrap(), FileLock::shared(&path).unwrap()];
        let is_free = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let _alone = FileLock::alone(&path).unwrap();
                assert!(is_free.load(Ordering::SeqCst));
            });
            is_free.store(true, Ordering::SeqCst);
            drop(shared);
            waiting.join().unwrap();
        });
        FileLock::alone(&path).unwrap();
        FileLock::shared(&path).unwrap();
    }

    #[test]
    fn who_does_not_wait_is_told_at_once_that_somebody_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/one");
        let first = FileLock::try_alone(&path).unwrap().unwrap();
        assert!(FileLock::try_alone(&path).unwrap().is_none());
        let shared = first.share().unwrap();
        let other = FileLock::shared(&path).unwrap();
        assert!(FileLock::try_alone(&path).unwrap().is_none());
        drop((shared, other));
        assert!(FileLock::try_alone(&path).unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_locked_is_an_error_and_not_somebody_elses() {
        let folder = tempfile::tempdir().unwrap();
        assert!(FileLock::try_alone(folder.path()).is_err());
        crate::disk::write_staged(&folder.path().join("file"), b"").unwrap();
        assert!(FileLock::try_alone(&folder.path().join("file/lock")).is_err());
    }
}
