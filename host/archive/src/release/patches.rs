//! Patches of indexes as a Release file has them: only what tells of them is listed, and only where it is about the text that is listed too.
//!
//! A patch that clients are told of no longer stays for those who have just read of it, as long as other older files do.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;

use crate::disk::{self, DiskError};
use crate::domain::IndexPatchId;
use crate::index::{patch_file, patch_index};
use crate::store::archive_file::{ListedFile, Retention};
use crate::store::index_patch::StoredPatch;

/// The files of patches, below the suite's folder.
pub(super) fn files_of(patches: &[StoredPatch]) -> BTreeSet<String> {
    patches.iter().map(|patch| patch_file(&patch.path, &patch.facts.name)).collect()
}

/// Takes away what tells of patches to another text of an index than the one among `files`, as when a hook has replaced the index. Says which patches
/// clients are not told of for that.
///
/// # Errors
/// When the disk fails.
pub(super) fn drop_wrong(
    folder: &Path,
    patches: &[StoredPatch],
    files: &mut Vec<ListedFile>,
) -> Result<Vec<IndexPatchId>, DiskError> {
    let mut current: BTreeMap<&str, Vec<&StoredPatch>> = BTreeMap::new();
    for patch in patches.iter().filter(|patch| patch.is_current) {
        current.entry(&patch.path).or_default().push(patch);
    }
    let mut dropped = Vec::new();
    for (path, history) in current {
        let is_of_the_text = history.last().is_some_and(|last| {
            let text = files.iter().find(|file| file.path == path);
            text.is_some_and(|text| text.digests.sha256 == last.facts.to.sha256)
        });
        if !is_of_the_text {
            let index = patch_index(path);
            tracing::info!(
                index = path,
                "the index was replaced: its patches are for another text, and clients fetch it whole"
            );
            disk::remove_file(&folder.join(&index))?;
            files.retain(|file| file.path != index);
            dropped.extend(history.iter().map(|patch| patch.id));
        }
    }
    Ok(dropped)
}

/// Removes the files of patches that clients have not been told of for long: beyond the number *and* beyond the grace, as of older generations of
/// other files; where their index is not among `files` any more, beyond the grace alone. Says which.
///
/// # Errors
/// When the disk fails.
pub(super) fn expire(
    folder: &Path,
    patches: &[StoredPatch],
    files: &[ListedFile],
    retention: Retention,
    now: Timestamp,
) -> Result<Vec<IndexPatchId>, DiskError> {
    let listed = files.iter().map(|file| file.path.as_str()).collect();
    let expired = expired(patches, &listed, retention, now);
    for patch in &expired {
        disk::remove_file(&folder.join(patch_file(&patch.path, &patch.facts.name)))?;
    }
    Ok(expired.into_iter().map(|patch| patch.id).collect())
}

fn expired<'a>(
    patches: &'a [StoredPatch],
    listed: &BTreeSet<&str>,
    retention: Retention,
    now: Timestamp,
) -> Vec<&'a StoredPatch> {
    let mut retired: BTreeMap<&str, Vec<(Timestamp, &StoredPatch)>> = BTreeMap::new();
    for patch in patches {
        if let Some(date) = patch.date_superseded {
            retired.entry(&patch.path).or_default().push((date, patch));
        }
    }
    let mut expired = Vec::new();
    for (index, mut of_index) in retired {
        of_index.sort_by(|(one, first), (other, second)| {
            (other, &second.facts.name).cmp(&(one, &first.facts.name))
        });
        let kept = if listed.contains(index) { retention.generations } else { 0 };
        let beyond = of_index.into_iter().skip(kept);
        expired.extend(beyond.filter(|(date, _)| *date + retention.grace < now).map(|(_, patch)| patch));
    }
    expired
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::digest::FileDigests;
    use crate::store::index_patch::{Content, PatchFacts};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn patch(id: i64, path: &str, to: &str, retired: Option<i64>) -> StoredPatch {
        let content = Content::of(b"x");
        let facts = PatchFacts {
            name: format!("2026-11-21-0000.0{id}"),
            from: content,
            to: Content::of(to.as_bytes()),
            patch: content,
            file: content,
        };
        StoredPatch {
            id: IndexPatchId(id),
            path: path.into(),
            facts,
            is_current: retired.is_none(),
            date_superseded: retired.map(at),
        }
    }

    #[test]
    fn a_patch_nobody_is_told_of_stays_by_number_or_by_grace() {
        let patches = [
            patch(1, "a", "", Some(100)),
            patch(2, "a", "", Some(500)),
            patch(3, "a", "", Some(500)),
            patch(4, "a", "", None),
            patch(5, "b", "", Some(100)),
        ];
        let listed = std::cell::RefCell::new(BTreeSet::from(["a", "b"]));
        let gone = |generations, grace| -> Vec<i64> {
            let retention = Retention { generations, grace: SignedDuration::from_secs(grace) };
            expired(&patches, &listed.borrow(), retention, at(1000))
                .into_iter()
                .map(|patch| patch.id.0)
                .collect()
        };
        assert_eq!(gone(1, 600), [1]);
        assert_eq!(gone(1, 10), [2, 1]);
        assert_eq!(gone(0, 10), [3, 2, 1, 5]);
        assert!(gone(0, 2000).is_empty() && gone(3, 0).is_empty());
        // an index that is no more
        *listed.borrow_mut() = BTreeSet::from(["b"]);
        assert_eq!(gone(1, 600), [1]);
        assert_eq!(gone(3, 10), [3, 2, 1]);
        assert!(gone(0, 2000).is_empty());
    }

    #[test]
    fn what_tells_of_patches_goes_where_the_index_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let listed = |path: &str, text: &str| ListedFile::text(path.into(), FileDigests::of(text.as_bytes()));
        let mut files = Vec::new();
        for path in ["a", "b", "c"] {
            disk::write_staged(&folder.path().join(patch_index(path)), b"x").unwrap();
            files.push(ListedFile::file(patch_index(path), FileDigests::of(b"x")));
        }
        files.extend([listed("a", "new"), listed("b", "a hook's")]);
        let patches = [
            patch(1, "a", "old", None),
            patch(2, "a", "new", None),
            patch(3, "b", "new", None),
            patch(4, "b", "newer", Some(1)),
            patch(5, "c", "new", None),
        ];
        let dropped = drop_wrong(folder.path(), &patches, &mut files).unwrap();
        assert_eq!(dropped, [IndexPatchId(3), IndexPatchId(5)]);
        let left: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        assert_eq!(left, [&patch_index("a"), "a", "b"]);
        assert!(
            folder.path().join(patch_index("a")).exists() && !folder.path().join(patch_index("b")).exists()
        );
    }
}
