//! One run of a publisher at a time; the publishers of a distribution run beside each other.
//!
//! The lock is `flock` on a file, so it is gone with its holder, however that dies. What stands in the file is only for people.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::Path;

use jiff::Timestamp;
use pressroom_archive::disk::{DiskError, During, FileLock};
use pressroom_archive::domain::{DistributionName, Publisher};

/// A held lock; let go when dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _lock: FileLock,
}

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LockError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(
        "{} being published already ({holder}): wait for that run, or look at `pressroom status`",
        what_is(distribution, *publisher)
    )]
    Busy { distribution: DistributionName, publisher: Publisher, holder: String },
    #[error("{what} is being done already ({holder}): wait for that to end, it looks at everything")]
    Working { what: String, holder: String },
}

/// What is being published, with its verb; the main archives are what a distribution is.
fn what_is(distribution: &DistributionName, publisher: Publisher) -> String {
    match publisher {
        Publisher::MainArchives => format!("{distribution} is"),
        Publisher::Ppas | Publisher::PrivatePpas | Publisher::CopyArchives => {
            format!("{} of {distribution} are", publisher.what())
        }
    }
}

/// The file of a publisher's lock. No distribution's name has an @.
fn file_name(distribution: &DistributionName, publisher: Publisher) -> String {
    match publisher {
        Publisher::MainArchives => format!("publish-{distribution}.lock"),
        Publisher::Ppas | Publisher::PrivatePpas | Publisher::CopyArchives => {
            format!("publish-{distribution}@{publisher}.lock")
        }
    }
}

impl Lock {
    /// Takes the lock of a publisher of a distribution, or says at once who has it.
    pub(crate) fn take(
        folder: &Path,
        distribution: &DistributionName,
        publisher: Publisher,
        now: Timestamp,
    ) -> Result<Self, LockError> {
        Self::take_named(folder, &file_name(distribution, publisher), now, |holder| LockError::Busy {
            distribution: distribution.clone(),
            publisher,
            holder,
        })
    }

    /// Takes the lock of other work, in a file of its own, or says at once who has it.
    pub(crate) fn take_work(
        folder: &Path,
        file: &str,
        what: &str,
        now: Timestamp,
    ) -> Result<Self, LockError> {
        Self::take_named(folder, file, now, |holder| LockError::Working { what: what.to_owned(), holder })
    }

    fn take_named(
        folder: &Path,
        file: &str,
        now: Timestamp,
        busy: impl FnOnce(String) -> LockError,
    ) -> Result<Self, LockError> {
        let path = folder.join(file);
        let Some(mut lock) = FileLock::try_alone(&path)? else {
            let mut holder = String::new();
            // a holder that has just begun has written nothing yet
            if let Ok(file) = File::open(&path) {
                let _ = file.take(200).read_to_string(&mut holder);
            }
            return Err(busy(holder.trim().to_owned()));
        };
        let file = lock.file();
        file.set_len(0).during("write", &path)?;
        file.rewind().during("write", &path)?;
        // not counted: its length is that of a number of the system
        writeln!(file, "process {} on {} since {now}", std::process::id(), crate::root::host_name())
            .during("write", &path)?;
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(folder: &Path, distribution: &str, publisher: Publisher) -> Result<Lock, LockError> {
        Lock::take(folder, &distribution.parse().unwrap(), publisher, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_second_run_of_a_publisher_is_told_who_the_first_is_and_comes_in_when_it_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let lock = take(folder.path(), "debian", Publisher::MainArchives).unwrap();
        match take(folder.path(), "debian", Publisher::MainArchives) {
            Err(LockError::Busy { holder, .. }) => {
                assert!(holder.contains(&std::process::id().to_string()), "{holder}");
            }
            other => panic!("{other:?}"),
        }
        take(folder.path(), "other", Publisher::MainArchives).unwrap();
        drop(lock);
        take(folder.path(), "debian", Publisher::MainArchives).unwrap();
    }

    #[test]
    fn the_publishers_of_a_distribution_run_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let all: Vec<Lock> = Publisher::ALL
            .iter()
            .map(|publisher| take(folder.path(), "debian", *publisher).unwrap())
            .collect();
        for publisher in Publisher::ALL {
            let busy = take(folder.path(), "debian", *publisher).unwrap_err().to_string();
            assert!(busy.contains("debian") && busy.contains("being published already"), "{busy}");
        }
        // a distribution that is called like one of their files is another one
        take(folder.path(), "debian-ppas", Publisher::MainArchives).unwrap();
        drop(all);
    }

    #[test]
    fn other_work_has_locks_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let take = |file: &str| Lock::take_work(folder.path(), file, "that", Timestamp::UNIX_EPOCH);
        let _one = take("one.lock").unwrap();
        assert!(matches!(take("one.lock"), Err(LockError::Working { .. })));
        take("two.lock").unwrap();
    }
}
