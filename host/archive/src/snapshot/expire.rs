//! Letting go of snapshots whose time is over.
//!
//! The rows say so first, so that nothing is held for them any more; then the folders go, then the rows. A suite's folder stays as long as a later moment leads to it, because its time
//! begins when something else takes its place; a moment loses its links to others when its own time is over.

use jiff::Timestamp;

use super::make::discard_leavings;
use super::{SnapshotError, folder_of};
use crate::disk::{self, DiskError, During};
use crate::dists::ArchivePaths;
use crate::domain::ArchiveId;
use crate::domain::archive_layout::{DISTS, SNAPSHOTS};
use crate::store::Db;
use crate::store::snapshot_moment;

/// Lets go of the snapshots of an archive whose time is over. Says how many there were.
///
/// # Errors
/// When the disk or the database fails; what was begun is finished by the next call.
pub fn expire(
    db: &mut Db,
    archive: ArchiveId,
    paths: &ArchivePaths,
    now: Timestamp,
) -> Result<usize, SnapshotError> {
    if !snapshot_moment::has_expired(db.read(), archive, now)? {
        return Ok(0);
    }
    db.write(|tx| snapshot_moment::expire(tx, archive, now))?;
    let gone = snapshot_moment::expired(db.read(), archive)?;
    for (_, name) in &gone.whole {
        disk::discard_tree(&folder_of(paths, name))?;
    }
    for (_, suite, name) in &gone.suites {
        disk::discard_tree(&folder_of(paths, name).join(DISTS).join(suite.to_string()))?;
    }
    for name in &gone.links {
        remove_links(&folder_of(paths, name).join(DISTS))?;
    }
    discard_leavings(paths, &snapshot_moment::owed(db.read(), archive)?)?;
    if paths.root.join(SNAPSHOTS).exists() {
        // a folder that came back with a power cut would be nobody's
        disk::sync_filesystem(&paths.root)?;
    }
    db.write(|tx| snapshot_moment::forget(tx, &gone))?;
    Ok(gone.suites.len())
}

/// Removes the links that lead out of a moment. Another name of a suite that is in it still stays with it.
fn remove_links(folder: &std::path::Path) -> Result<(), DiskError> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.during("read the folder", folder)?,
    };
    let here = folder.canonicalize().during("find the folder", folder)?;
    for entry in entries {
        let entry = entry.during("read the folder", folder)?;
        let is_link = entry.file_type().during("look at", &entry.path())?.is_symlink();
        // where a link of links ends; one that leads nowhere goes
        let leads_to_a_neighbour = || {
            entry.path().canonicalize().is_ok_and(|end| end.is_dir() && end.parent() == Some(here.as_path()))
        };
        if is_link && !leads_to_a_neighbour() {
            disk::remove_file(&entry.path())?;
        }
    }
    Ok(())
}
