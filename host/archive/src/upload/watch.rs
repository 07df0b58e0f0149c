//! Waiting for something to be put into incoming, by the kernel's word (inotify).
//!
//! What is told is only that it is worth looking again; what there is, a scan says. A watch is begun before the scan, so that nothing comes between
//! the two.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use jiff::SignedDuration;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;

use crate::disk::{DiskError, During};

/// Folders below incoming, and those in them: `~owner/distribution/archive/suite` in the folder of an upload.
const MAX_DEPTH: usize = 5;
/// So many folders are watched; in those beyond, things are found when it is looked again anyway.
const MAX_FOLDERS: usize = 4096;

/// Why waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// Something was put into incoming, or changed there.
    Changed,
    /// It was long enough.
    Time,
    /// The descriptor that means the end can be read.
    Stopped,
}

/// Looks out for changes in the incoming folder of a base folder, from its making on.
#[derive(Debug)]
pub struct Watch {
    inotify: OwnedFd,
}

impl Watch {
    /// Begins to look out.
    ///
    /// # Errors
    /// When incoming cannot be watched.
    pub fn begin(base: &Path) -> Result<Self, DiskError> {
        let incoming = base.join("incoming");
        let inotify =
            inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).during("watch", &incoming)?;
        let mut left = MAX_FOLDERS;
        add(&inotify, &incoming, 0, &mut left).during("watch", &incoming)?;
        Ok(Self { inotify })
    }

    /// Waits until something has changed, so much time is over, or `stop` can be read.
    ///
    /// # Errors
    /// When the kernel does not let it.
    pub fn wait(&self, most: SignedDuration, stop: BorrowedFd<'_>) -> std::io::Result<Woken> {
        let most = if most.is_negative() { SignedDuration::ZERO } else { most };
        let timeout = Timespec { tv_sec: most.as_secs(), tv_nsec: most.subsec_nanos().into() };
        let mut fds =
            [PollFd::from_borrowed_fd(stop, PollFlags::IN), PollFd::new(&self.inotify, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => Ok(Woken::Time),
            Ok(_) if !fds[0].revents().is_empty() => Ok(Woken::Stopped),
            Ok(_) => {
                self.drain();
                Ok(Woken::Changed)
            }
            // by a signal, which says what it wants through `stop`
            Err(Errno::INTR) => Ok(Woken::Time),
            Err(error) => Err(error.into()),
        }
    }

    /// Lets what comes in come for a while, so that many pieces are one look; says whether `stop` can be read.
    ///
    /// # Errors
    /// When the kernel does not let it.
    pub fn pause(&self, most: SignedDuration, stop: BorrowedFd<'_>) -> std::io::Result<Woken> {
        let timeout = Timespec { tv_sec: most.as_secs(), tv_nsec: most.subsec_nanos().into() };
        match poll(&mut [PollFd::from_borrowed_fd(stop, PollFlags::IN)], Some(&timeout)) {
            Ok(0) | Err(Errno::INTR) => Ok(Woken::Time),
            Ok(_) => Ok(Woken::Stopped),
            Err(error) => Err(error.into()),
        }
    }

    /// What has been told is looked at all at once.
    fn drain(&self) {
        let mut buffer = [const { MaybeUninit::uninit() }; 4096];
        let mut reader = inotify::Reader::new(self.inotify.as_fd(), &mut buffer);
        while reader.next().is_ok() {}
    }
}

fn add(inotify: &OwnedFd, folder: &Path, depth: usize, left: &mut usize) -> std::io::Result<()> {
    if *left == 0 {
        return Ok(());
    }
    *left -= 1;
    let flags = WatchFlags::CREATE
        | WatchFlags::MOVED_TO
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::ONLYDIR
        | WatchFlags::DONT_FOLLOW;
    inotify::add_watch(inotify, folder, flags)?;
    if depth == MAX_DEPTH {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)?.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            // one that has gone, or that nobody may read
            let _ = add(inotify, &entry.path(), depth + 1, left);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::disk::write_staged;

    const LONG: SignedDuration = SignedDuration::from_secs(60);

    #[test]
    fn what_is_put_into_incoming_or_a_folder_of_it_ends_the_waiting() {
        let base = tempfile::tempdir().unwrap();
        let (quiet, mut stop) = std::io::pipe().unwrap();
        write_staged(&base.path().join("incoming/demo/old"), b"x").unwrap();
        for path in ["incoming/new", "incoming/demo/new", "incoming/folder/new"] {
            let watch = Watch::begin(base.path()).unwrap();
            assert_eq!(watch.wait(SignedDuration::ZERO, quiet.as_fd()).unwrap(), Woken::Time);
            write_staged(&base.path().join(path), b"x").unwrap();
            assert_eq!(watch.wait(LONG, quiet.as_fd()).unwrap(), Woken::Changed, "{path}");
            assert_eq!(watch.wait(SignedDuration::ZERO, quiet.as_fd()).unwrap(), Woken::Time);
        }
        let watch = Watch::begin(base.path()).unwrap();
        assert_eq!(watch.pause(SignedDuration::ZERO, quiet.as_fd()).unwrap(), Woken::Time);
        stop.write_all(b"!").unwrap();
        assert_eq!(watch.pause(LONG, quiet.as_fd()).unwrap(), Woken::Stopped);
        assert_eq!(watch.wait(LONG, quiet.as_fd()).unwrap(), Woken::Stopped);
        assert!(Watch::begin(&base.path().join("incoming")).is_err());
    }
}
