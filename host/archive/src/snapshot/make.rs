//! Making the folders that an installation owes.
//!
//! A folder is made under a name that no client asks for, made durable, and renamed: it is there whole or not at all. The publisher does this before anything
//! else can be installed, so the live suites are what they were when the snapshot was owed; one who dies before has left the rows, and the next run goes on from them.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::{SnapshotError, folder_of};
use crate::disk::{self, DiskError, Identity, Sharing};
use crate::dists::ArchivePaths;
use crate::domain::archive_layout::{DISTS, POOL, SNAPSHOTS};
use crate::domain::{ArchiveId, SnapshotName, SuiteId, SuiteName};
use crate::index::by_hash;
use crate::store::archive_file::{self, listed_files};
use crate::store::snapshot::Content;
use crate::store::snapshot_moment::OwedMoment;
use crate::store::{Connection, Db, StoreError, snapshot_moment};

/// What the names of folders begin with that are being made.
const MAKING: &str = ".pressroom-making-";

/// Makes the snapshots of an archive that are owed. Says which moments there are now that were not.
///
/// # Errors
/// When the disk or the database fails; what is owed still is made by the next call.
pub fn make_owed(
    db: &mut Db,
    archive: ArchiveId,
    paths: &ArchivePaths,
    now: Timestamp,
) -> Result<Vec<SnapshotName>, SnapshotError> {
    let mut made = Vec::new();
    let owed = snapshot_moment::owed(db.read(), archive)?;
    if !owed.is_empty() {
        discard_leavings(paths, &owed)?;
    }
    for moment in owed {
        let _span = tracing::debug_span!("snapshot", name = %moment.name).entered();
        let (folder, making) = (
            folder_of(paths, &moment.name),
            paths.root.join(SNAPSHOTS).join(format!("{MAKING}{}", moment.name)),
        );
        // a run that died may have got so far
        if !folder.exists() {
            disk::remove_tree(&making)?;
            fill(db.read(), archive, paths, &moment, &making)?;
            disk::sync_filesystem(&paths.root)?;
            disk::rename(&making, &folder)?;
            disk::sync_folder(&paths.root.join(SNAPSHOTS))?;
        }
        let mut contents = Vec::with_capacity(moment.suites.len());
        for (id, suite, name) in &moment.suites {
            let before = snapshot_moment::folder_before(db.read(), *suite, *id)?;
            let before = before.map(|before| suite_folder(&folder_of(paths, &before), name));
            contents.push((*id, look_at(&suite_folder(&folder, name), before.as_deref())?));
        }
        db.write(|tx| {
            contents
                .into_iter()
                .try_for_each(|(id, content)| snapshot_moment::mark_made(tx, id, content, now))
        })?;
        made.push(moment.name);
    }
    Ok(made)
}

/// Discards what was begun of moments that nobody owes any more: it could not be made, and something else was installed meanwhile.
pub(super) fn discard_leavings(paths: &ArchivePaths, owed: &[OwedMoment]) -> Result<(), DiskError> {
    use disk::During;
    let folder = paths.root.join(SNAPSHOTS);
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.during("read the folder", &folder)?,
    };
    for entry in entries {
        let name = entry.during("read the folder", &folder)?.file_name();
        let begun = name.to_str().and_then(|name| name.strip_prefix(MAKING));
        if begun.is_some_and(|begun| owed.iter().all(|moment| moment.name.as_str() != begun)) {
            disk::remove_tree(&folder.join(&name))?;
        }
    }
    Ok(())
}

fn suite_folder(moment: &Path, suite: &SuiteName) -> std::path::PathBuf {
    moment.join(DISTS).join(suite.to_string())
}

/// Puts everything into the folder of a moment: the suites that are owed, links to the snapshots of the others, the links that the live tree has, and one to the pool.
fn fill(
    db: &Connection,
    archive: ArchiveId,
    paths: &ArchivePaths,
    moment: &OwedMoment,
    folder: &Path,
) -> Result<(), SnapshotError> {
    let dists = folder.join(DISTS);
    disk::make_folder(&dists)?;
    for (_, suite, name) in &moment.suites {
        let live = paths.dists().join(name.to_string());
        if !is_folder(&live) {
            continue;
        }
        let at = dists.join(name.to_string());
        disk::clone_tree(&live, &at, Sharing::HardLinks)?;
        for path in older_generations(db, *suite)? {
            disk::remove_file(&at.join(path))?;
        }
    }
    for (suite, name) in snapshot_moment::live(db, archive)? {
        let at = dists.join(suite.to_string());
        // one that was made later shows the suite as it was not then
        if name.as_str() < moment.name.as_str() && at.symlink_metadata().is_err() {
            disk::symlink(&Path::new("../..").join(name.as_str()).join(DISTS).join(suite.to_string()), &at)?;
        }
    }
    for (name, target) in links_in(&paths.dists())? {
        let at = dists.join(&name);
        if dists.join(&target).exists() && at.symlink_metadata().is_err() {
            disk::symlink(&target, &at)?;
        }
    }
    Ok(disk::symlink(&Path::new("../..").join(POOL), &folder.join(POOL))?)
}

/// The names under by-hash of what the Release of a suite lists no more: clients that have just read an older one find them in the live tree.
fn older_generations(db: &Connection, suite: SuiteId) -> Result<Vec<String>, StoreError> {
    let current: BTreeSet<String> = listed_files(db, suite)?
        .iter()
        .map(|file| by_hash::by_hash_path(&file.path, &file.digests.sha256.to_string()))
        .collect();
    let old = archive_file::old_generations(db, suite)?;
    let names = old.iter().map(|one| by_hash::by_hash_path(&one.path, &one.sha256.to_string()));
    Ok(names.filter(|name| !current.contains(name)).collect())
}

/// The links in a folder that lead to something beside them.
fn links_in(folder: &Path) -> Result<Vec<(std::ffi::OsString, std::path::PathBuf)>, DiskError> {
    use disk::During;
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.during("read the folder", folder)?,
    };
    let mut links = Vec::new();
    for entry in entries {
        let entry = entry.during("read the folder", folder)?;
        if let Ok(target) = std::fs::read_link(entry.path())
            && target.components().count() == 1
        {
            links.push((entry.file_name(), target));
        }
    }
    links.sort();
    Ok(links)
}

/// Whether a folder is there, not a link that leads to another suite's.
fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|found| found.is_dir())
}

/// What is in the folder of a suite; none where there is no such folder. A file with several names counts once.
fn look_at(folder: &Path, before: Option<&Path>) -> Result<Option<Content>, DiskError> {
    if !is_folder(folder) {
        return Ok(None);
    }
    let key = |identity: Identity| (identity.device, identity.inode);
    let known: BTreeSet<(u64, u64)> = match before {
        None => BTreeSet::new(),
        Some(before) => disk::files_below(before)?.iter().map(|file| key(file.identity)).collect(),
    };
    let mut seen = BTreeSet::new();
    let mut content = Content::default();
    for file in disk::files_below(folder)? {
        if !seen.insert(key(file.identity)) {
            continue;
        }
        content.files += 1;
        content.size_bytes += file.size_bytes;
        if !known.contains(&key(file.identity)) {
            content.new_bytes += file.size_bytes;
        }
    }
    Ok(Some(content))
}
