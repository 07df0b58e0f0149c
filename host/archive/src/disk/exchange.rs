//! Putting a staged folder in the place of a live one.
//!
//! Where the filesystem can, in one atomic step (`renameat2` with `RENAME_EXCHANGE`): at no instant is there no live folder. Where it
//! cannot, in two renames, with the old folder aside under a name that recovery knows.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{DiskError, During, Identity, make_folder, rename};

/// Which way a folder came into its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exchanged {
    /// There was none before: a plain rename.
    First,
    /// In one step.
    AtOnce,
    /// In two: for a moment there was none.
    InTwoSteps,
}

/// Where the two-step way keeps the old folder in between.
fn aside(staged: &Path) -> PathBuf {
    let mut name = staged.file_name().unwrap_or_default().to_os_string();
    name.push(".old");
    staged.with_file_name(name)
}

/// Puts `staged` at `live`; what was live is afterwards at `staged`, or nothing.
///
/// It may be called again after a crash with the same arguments as long as `staged` has not become live: it takes up where it was.
///
/// # Errors
/// When a rename fails; the live folder is then the old one, except between the two steps, which the next call completes.
pub fn exchange(staged: &Path, live: &Path) -> Result<Exchanged, DiskError> {
    exchange_by(staged, live, RenameFlags::EXCHANGE)
}

fn exchange_by(staged: &Path, live: &Path, flags: RenameFlags) -> Result<Exchanged, DiskError> {
    let aside = aside(staged);
    if Identity::of(live)?.is_none() {
        if let Some(folder) = live.parent() {
            make_folder(folder)?;
        }
        rename(staged, live)?;
        if Identity::of(&aside)?.is_some() {
            rename(&aside, staged)?;
            return Ok(Exchanged::InTwoSteps);
        }
        return Ok(Exchanged::First);
    }
    match renameat_with(CWD, staged, CWD, live, flags) {
        Ok(()) => Ok(Exchanged::AtOnce),
        // no such call, or no such flag on this filesystem
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            rename(live, &aside)?;
            rename(staged, live)?;
            rename(&aside, staged)?;
            Ok(Exchanged::InTwoSteps)
        }
        Err(error) => Err(error).during("put in place", live),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::write_staged;

    fn folders() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let (staged, live) = (root.path().join("side/dists"), root.path().join("archive/dists"));
        write_staged(&staged.join("file"), b"new").unwrap();
        (root, staged, live)
    }

    fn text(folder: &Path) -> String {
        fs::read_to_string(folder.join("file")).unwrap()
    }

    #[test]
    fn the_first_tree_is_moved_in() {
        let (_root, staged, live) = folders();
        assert_eq!(exchange(&staged, &live).unwrap(), Exchanged::First);
        assert_eq!(text(&live), "new");
        assert!(!staged.exists());
    }

    #[test]
    fn a_later_tree_changes_places_with_the_live_one() {
        let (_root, staged, live) = folders();
        write_staged(&live.join("file"), b"old").unwrap();
        exchange(&staged, &live).unwrap();
        assert_eq!((text(&live), text(&staged)), ("new".into(), "old".into()));
    }

    /// Flags that no filesystem accepts together stand for a filesystem without the exchange.
    const REFUSED: RenameFlags = RenameFlags::EXCHANGE.union(RenameFlags::NOREPLACE);

    #[test]
    fn without_the_exchange_it_takes_two_steps() {
        let (_root, staged, live) = folders();
        write_staged(&live.join("file"), b"old").unwrap();
        assert_eq!(exchange_by(&staged, &live, REFUSED).unwrap(), Exchanged::InTwoSteps);
        assert_eq!((text(&live), text(&staged)), ("new".into(), "old".into()));
        assert!(!aside(&staged).exists());
    }

    #[test]
    fn a_death_between_the_two_steps_is_completed_by_the_next_call() {
        let (_root, staged, live) = folders();
        write_staged(&live.join("file"), b"old").unwrap();
        rename(&live, &aside(&staged)).unwrap();
        assert_eq!(exchange_by(&staged, &live, REFUSED).unwrap(), Exchanged::InTwoSteps);
        assert_eq!((text(&live), text(&staged)), ("new".into(), "old".into()));
    }
}
