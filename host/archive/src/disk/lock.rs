//! Locks between processes that work on the same files: `flock`, so that they are gone with their holder, however that dies.

use std::fs::{File, OpenOptions};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use super::{DiskError, During, make_folder};
use crate::work::{Work, count};

/// A held lock; let go when dropped.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits until nobody holds it, and holds it alone.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn alone(path: &Path) -> Result<Self, DiskError> {
        Self::take(path, FlockOperation::LockExclusive)
    }

    /// Waits until nobody holds it alone, and holds it with others.
    ///
    /// # Errors
    /// When the file cannot be made or locked.
    pub fn shared(path: &Path) -> Result<Self, DiskError> {
        Self::take(path, FlockOperation::LockShared)
    }

    fn take(path: &Path, how: FlockOperation) -> Result<Self, DiskError> {
        make_folder(path.parent().unwrap_or(Path::new(".")))?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .during("open the lock", path)?;
        count(Work::FilesOpened, 1);
        loop {
            match flock(&file, how) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error).during("take the lock", path),
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
}
