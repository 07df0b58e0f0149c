//! The second names of index files: `by-hash/SHA256/<digest>` beside each, for clients that still hold an older Release.
//!
//! What is current is linked; older generations, which the staged tree has from the live one, go when [`expired`] says so and nothing else in the
//! folder has that content.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use crate::disk::{self, DiskError};
use crate::domain::ArchiveFileId;
use crate::store::archive_file::{ListedFile, OldGeneration, Retention, expired};

/// The name of a content under by-hash, below the suite's folder.
#[must_use]
pub fn by_hash_path(path: &str, sha256: &str) -> String {
    match path.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/by-hash/SHA256/{sha256}"),
        None => format!("by-hash/SHA256/{sha256}"),
    }
}

/// Whether a path below a suite's folder is one of these second names.
#[must_use]
pub fn is_by_hash(path: &str) -> bool {
    path.split('/').any(|part| part == "by-hash")
}

/// Links what is current, and removes what has expired. Says which generations that were.
///
/// # Errors
/// When the disk fails.
pub fn update(
    folder: &Path,
    current: &[ListedFile],
    old: &[OldGeneration],
    retention: Retention,
    now: Timestamp,
) -> Result<Vec<ArchiveFileId>, DiskError> {
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for file in current.iter().filter(|file| !file.is_virtual) {
        let name = by_hash_path(&file.path, &file.digests.sha256.to_string());
        let at = folder.join(&name);
        if !at.exists() {
            disk::link_or_copy(&folder.join(&file.path), &at)?;
        }
        kept.insert(name);
    }
    let listed = current.iter().map(|file| file.path.as_str()).collect();
    let gone = expired(old, &listed, retention, now);
    kept.extend(
        old.iter()
            .filter(|one| !gone.contains(one))
            .map(|one| by_hash_path(&one.path, &one.sha256.to_string())),
    );
    let ids = gone.iter().map(|generation| generation.id).collect();
    for generation in gone {
        let name = by_hash_path(&generation.path, &generation.sha256.to_string());
        if !kept.contains(&name) {
            disk::remove_file(&folder.join(&name))?;
        }
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::disk::write_staged;
    use crate::domain::digest::FileDigests;

    #[test]
    fn current_files_have_a_second_name_and_expired_ones_lose_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        let listed =
            |path: &str, content: &str| ListedFile::file(path.into(), FileDigests::of(content.as_bytes()));
        let retention = Retention { generations: 0, grace: SignedDuration::from_secs(10) };
        let mut old = Vec::new();
        for (content, second) in [("one", 0), ("two", 15)] {
            write_staged(&folder.path().join("main/Packages.gz"), content.as_bytes()).unwrap();
            update(folder.path(), &[listed("main/Packages.gz", content)], &[], retention, at(0)).unwrap();
            old.push(OldGeneration {
                id: ArchiveFileId(second),
                path: "main/Packages.gz".into(),
                sha256: FileDigests::of(content.as_bytes()).sha256,
                date_superseded: at(second),
            });
        }
        write_staged(&folder.path().join("main/Packages.gz"), b"three").unwrap();
        let current = [listed("main/Packages.gz", "three")];
        assert_eq!(update(folder.path(), &current, &old, retention, at(20)).unwrap(), [ArchiveFileId(0)]);
        let names: Vec<String> =
            disk::files_below(folder.path()).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(names.iter().filter(|name| is_by_hash(name)).count() == 2);
        // the content of an expired generation that is current again stays
        let current = [listed("main/Packages.gz", "two")];
        update(folder.path(), &current, &old[1..], retention, at(99)).unwrap();
        assert_eq!(disk::files_below(folder.path()).unwrap().len(), 3);
    }
}
