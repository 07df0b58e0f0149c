//! Folders out of which a pass has taken the last file.
//!
//! A folder goes only when there is nothing in it, which the system itself sees to. A suite's own folder stays, and so do the trees at the archive's root.

use std::fs;
use std::io;
use std::path::Path;

use super::MirrorError;
use crate::disk::{DiskError, During};
use crate::domain::ArchiveId;
use crate::store::{Db, mirror_journal};

/// Removes those of the folders that passes have taken something out of that are empty, and those above them that become so. How many have gone.
///
/// # Errors
/// When the disk or the database fails; the next call finds the same.
pub fn remove_vacated(db: &mut Db, archive: ArchiveId, root: &Path) -> Result<usize, MirrorError> {
    let vacated = mirror_journal::vacated(db.read(), archive)?;
    if vacated.is_empty() {
        return Ok(0);
    }
    let mut removed = 0;
    for folder in &vacated {
        removed += remove_upwards(root, folder)?;
    }
    db.write(|tx| mirror_journal::forget_vacated(tx, archive, &vacated))?;
    Ok(removed)
}

/// Whether a folder may go when it is empty: what is below a suite, or below another tree.
fn may_go(folder: &str) -> bool {
    let least = if folder.starts_with("dists/") { 2 } else { 1 };
    folder.matches('/').count() >= least
}

fn remove_upwards(root: &Path, folder: &str) -> Result<usize, DiskError> {
    let mut removed = 0;
    let mut folder = folder;
    while may_go(folder) {
        let path = root.join(folder);
        match fs::remove_dir(&path) {
            Ok(()) => removed += 1,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory
                ) =>
            {
                break;
            }
            Err(error) => return Err(error).during("remove the folder", &path),
        }
        let Some((above, _)) = folder.rsplit_once('/') else { break };
        folder = above;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{make_folder, write_staged};

    #[test]
    fn what_is_empty_goes_upwards_and_the_rest_stays() {
        let root = tempfile::tempdir().unwrap();
        make_folder(&root.path().join("dists/s/main/binary-x/by-hash/SHA256")).unwrap();
        write_staged(&root.path().join("dists/s/main/kept"), b"x").unwrap();
        assert_eq!(remove_upwards(root.path(), "dists/s/main/binary-x/by-hash/SHA256").unwrap(), 3);
        assert_eq!(remove_upwards(root.path(), "dists/s/main/binary-x").unwrap(), 0, "gone already");
        assert!(root.path().join("dists/s/main/kept").exists());
        for (folder, stays) in [("dists/t", true), ("dists", true), ("project", true), ("project/old", false)]
        {
            make_folder(&root.path().join(folder)).unwrap();
            remove_upwards(root.path(), folder).unwrap();
            assert_eq!(root.path().join(folder).exists(), stays, "{folder}");
        }
        // a link out of the archive is no folder
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), root.path().join("project/link")).unwrap();
        assert_eq!(remove_upwards(root.path(), "project/link").unwrap(), 0);
        assert!(elsewhere.path().exists());
    }
}
