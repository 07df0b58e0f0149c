//! The journal of what changed in the files of an archive, by number.
//!
//! A number is given in the transaction in which the change is: with the installation of a pass, or when names have left the pool. What it has is in the order in
//! which to follow it: files of the pool before the indexes that name them, those before the Release that lists them, and what goes at the end; so who follows it,
//! what is new of all numbers first, has at every step what a client can use. From the rows the files are written, again if somebody died meanwhile:
//!
//! ```text
//! journal/state       first 3
//!                     last 17
//! journal/17          # number 17 …
//!                     +  PATH  SIZE  SHA256     a file, new or in the place of another
//!                     @  PATH  TARGET           a symbolic link
//!                     -  PATH                   gone
//!                     !                         not known: compare everything
//! ```
//!
//! with a tab between the words of a line.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;

use super::MirrorError;
use crate::disk::{self, DiskError, During};
use crate::domain::archive_layout::JOURNAL;
use crate::domain::{ArchiveId, FileChange, MirrorCause, PassId};
use crate::pool::PoolPath;
use crate::store::archive::Archive;
use crate::store::mirror_journal::{self as rows, Entry, PoolState};
use crate::store::{Connection, Db, StoreError, Transaction, pass, pool_listing};

/// The file in it that says which numbers there are.
const STATE: &str = "state";
/// So many changes are read at once.
const PAGE: u64 = 10_000;

/// What changed in the pool: what is new, files before links to them, and what has gone.
fn pool_changes(tx: &Transaction<'_>, archive: ArchiveId) -> Result<[Vec<FileChange>; 2], StoreError> {
    let (mut files, mut links, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for change in rows::pool_changes(tx, archive)? {
        let path = PoolPath::new(&change.component, &change.source, &change.filename);
        match change.now {
            Some(PoolState::File { size_bytes, sha256 }) => {
                files.push(FileChange::File { path: path.to_string(), size_bytes, sha256 });
            }
            Some(PoolState::Link { to: Some(to) }) => {
                let target = path.link_to(&to).to_string_lossy().into_owned();
                links.push(FileChange::Link { path: path.to_string(), target });
            }
            // it leads nowhere
            Some(PoolState::Link { to: None }) => {}
            None => gone.push(FileChange::Removed { path: path.to_string() }),
        }
    }
    files.append(&mut links);
    Ok([files, gone])
}

/// Gives a number to what a pass has changed, in the transaction that completes its installation, where the archive keeps a journal, and says of its listing
/// that it is owed, where it has one.
///
/// # Errors
/// When the database fails.
pub fn number_pass(tx: &Transaction<'_>, id: PassId, now: Timestamp) -> Result<(), StoreError> {
    let tree = rows::take_tree(tx, id)?;
    let Some(archive) = pass::find_pass(tx, id)?.map(|pass| pass.archive) else { return Ok(()) };
    pool_listing::owe(tx, archive)?;
    if rows::settings(tx, archive)?.journal == 0 {
        return Ok(());
    }
    let [mut changes, gone] = pool_changes(tx, archive)?;
    let cause = match tree {
        Some(mut tree) => {
            // what has to make room first stays in front, what goes at the end is before what goes from the pool
            let removals = tree.iter().rev().take_while(|change| change.is_removal()).count();
            let tail = tree.split_off(tree.len() - removals);
            changes.extend(tree);
            changes.extend(tail);
            changes.extend(gone);
            MirrorCause::Pass
        }
        // the journal began while the pass was being installed, or an older pressroom began to install it
        None => {
            changes = vec![FileChange::Everything];
            MirrorCause::Reset
        }
    };
    rows::forget_pool_changes(tx, archive)?;
    rows::append(tx, archive, cause, Some(id), &changes, now).map(drop)
}

/// Gives a number to what has changed in the pool since the last, where anything has. Nothing where the archive keeps no journal.
///
/// # Errors
/// When the database fails.
pub fn number_removals(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    if rows::settings(tx, archive)?.journal == 0 {
        return Ok(None);
    }
    let [mut changes, gone] = pool_changes(tx, archive)?;
    changes.extend(gone);
    rows::forget_pool_changes(tx, archive)?;
    if changes.is_empty() {
        return Ok(None);
    }
    rows::append(tx, archive, MirrorCause::DeathRow, None, &changes, now).map(Some)
}

/// Gives a number to files that belong to no pass, in this order, where there are any. Nothing where the archive keeps no journal.
///
/// # Errors
/// When the database fails.
pub fn number_files(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    changes: &[FileChange],
    now: Timestamp,
) -> Result<Option<u64>, StoreError> {
    if changes.is_empty() || rows::settings(tx, archive)?.journal == 0 {
        return Ok(None);
    }
    rows::append(tx, archive, MirrorCause::Files, None, changes, now).map(Some)
}

/// Writes the numbers whose files are not there yet into the archive, and takes away those that are too old. How many were written. Without a journal what is
/// left of one goes.
///
/// # Errors
/// When the disk or the database fails; the next call goes on.
pub fn write_journal(db: &mut Db, archive: &Archive, root: &Path) -> Result<usize, MirrorError> {
    let folder = root.join(JOURNAL);
    let keep = rows::settings(db.read(), archive.id)?.journal;
    if keep == 0 {
        // only of what was ours once
        if rows::has_numbers(db.read(), archive.id)? && folder.join(STATE).exists() {
            remove_before(&folder, u64::MAX)?;
            disk::remove_file(&folder.join(STATE))?;
        }
        return Ok(0);
    }
    let entries = rows::to_be_written(db.read(), archive.id)?;
    let Some((first, last)) = rows::numbers(db.read(), archive.id)? else { return Ok(0) };
    // as it is when the old ones are forgotten
    let first = first.max((last + 1).saturating_sub(u64::from(keep.max(1))));
    let state = format!("first {first}\nlast {last}\n");
    if entries.is_empty() && fs::read(folder.join(STATE)).is_ok_and(|said| said == state.as_bytes()) {
        return Ok(0);
    }
    for entry in &entries {
        let text = text_of(db.read(), archive, entry)?;
        disk::write_atomic(&folder.join(entry.number.to_string()), text.as_bytes(), disk::SERVED_FILE_MODE)?;
    }
    // who reads it finds the files that it names: the new ones are there, the old ones still
    disk::write_atomic(&folder.join(STATE), state.as_bytes(), disk::SERVED_FILE_MODE)?;
    remove_before(&folder, first)?;
    // as long as this is not said all of it is owed
    db.write(|tx| {
        entries.iter().try_for_each(|entry| rows::mark_written(tx, entry.id))?;
        rows::prune(tx, archive.id, keep)
    })?;
    Ok(entries.len())
}

/// Removes the files of numbers before one.
fn remove_before(folder: &Path, first: u64) -> Result<(), DiskError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.during("read the folder", folder)?,
    };
    for entry in entries {
        let entry = entry.during("read the folder", folder)?;
        let number = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
        if number.is_some_and(|number| number < first) {
            disk::remove_file(&entry.path())?;
        }
    }
    Ok(())
}

/// A number as its file has it.
fn text_of(db: &Connection, archive: &Archive, entry: &Entry) -> Result<String, StoreError> {
    let Entry { id, number, cause, date_created, changes, .. } = entry;
    let mut text = format!(
        "# number {number}\n# archive {}\n# cause {}\n# date {:.0}\n# changes {changes}\n",
        archive.reference,
        cause.as_str().to_ascii_lowercase(),
        date_created,
    );
    let mut offset = 0;
    loop {
        let page = rows::changes(db, *id, offset, PAGE)?;
        if page.is_empty() {
            return Ok(text);
        }
        offset += page.len() as u64;
        for change in &page {
            let _ = match change {
                FileChange::File { path, size_bytes, sha256 } => {
                    writeln!(text, "+\t{path}\t{size_bytes}\t{sha256}")
                }
                FileChange::Link { path, target } => writeln!(text, "@\t{path}\t{target}"),
                FileChange::Removed { path } => writeln!(text, "-\t{path}"),
                FileChange::Everything => writeln!(text, "!"),
            };
        }
    }
}
