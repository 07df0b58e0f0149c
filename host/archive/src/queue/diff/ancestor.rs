//! What a package is compared with: the newest of its name where it goes, else in the release pocket, else in what the series is made from.
//!
//! Of an upload whose publications are made the one before it counts, which may have given way to it.

use crate::domain::{BinaryReleaseId, DebVersion, SourceReleaseId, SuiteId, UploadStatus};
use crate::queue::entry::Entry;
use crate::store::archive::archive_by_id;
use crate::store::package_upload::{UploadBinary, UploadSource};
use crate::store::suite::suite_by_id;
use crate::store::upload_queue::{There, binaries_there, sources_there, suites_before};
use crate::store::{Connection, StoreError};

/// What a package is compared with.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Against {
    /// Its version.
    pub version: String,
    /// In which suite.
    pub suite: String,
    /// Of which archive.
    pub archive: String,
}

/// The ancestor of a source.
pub(super) fn source(
    db: &Connection,
    entry: &Entry,
    new: &UploadSource,
) -> Result<Option<(SourceReleaseId, Against)>, StoreError> {
    nearest(db, entry, &new.version, |suite| {
        let mut there = sources_there(db, suite, &new.name)?;
        there.retain(|there| there.release != new.release);
        Ok(there)
    })
}

/// The ancestor of a binary package.
pub(super) fn binary(
    db: &Connection,
    entry: &Entry,
    new: &UploadBinary,
) -> Result<Option<(BinaryReleaseId, Against)>, StoreError> {
    nearest(db, entry, &new.version, |suite| {
        let mut there = binaries_there(db, suite, &new.name, &new.architecture)?;
        there.retain(|there| there.release != new.release);
        Ok(there)
    })
}

fn nearest<T: Copy>(
    db: &Connection,
    entry: &Entry,
    version: &DebVersion,
    there: impl Fn(SuiteId) -> Result<Vec<There<T>>, StoreError>,
) -> Result<Option<(T, Against)>, StoreError> {
    let is_done = entry.upload.status == UploadStatus::Done;
    for suite in suites_before(db, entry.upload.suite)? {
        if let Some(found) = newest(&there(suite)?, version, is_done) {
            let suite = suite_by_id(db, suite)?;
            let against = Against {
                version: found.version.to_string(),
                suite: suite.name.to_string(),
                archive: archive_by_id(db, suite.archive)?.reference.to_string(),
            };
            return Ok(Some((found.release, against)));
        }
    }
    Ok(None)
}

/// The newest that is older, or else the newest; of what has given way only where the upload itself may be why.
fn newest<'t, T>(there: &'t [There<T>], version: &DebVersion, is_done: bool) -> Option<&'t There<T>> {
    let counts = |there: &&There<T>| there.is_active || is_done;
    let is_older = |there: &&There<T>| there.version.dpkg_cmp(version).is_lt();
    let by_version = |one: &&There<T>, other: &&There<T>| one.version.dpkg_cmp(&other.version);
    let older = there.iter().filter(counts).filter(is_older).max_by(by_version);
    older.or_else(|| there.iter().filter(|there| there.is_active).max_by(by_version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_that_is_older_is_the_ancestor() {
        let there = |release: i64, version: &str, is_active| There {
            release,
            version: version.parse().unwrap(),
            is_active,
        };
        let all = [there(1, "1", false), there(2, "2", true), there(3, "10", true), there(4, "3", false)];
        for (version, is_done, expected) in [
            ("4", false, Some(2)),
            ("4", true, Some(4)),
            ("11", false, Some(3)),
            ("1.5", false, Some(3)),
            ("1.5", true, Some(1)),
            ("0", true, Some(3)),
        ] {
            let found = newest(&all, &version.parse().unwrap(), is_done).map(|there| there.release);
            assert_eq!(found, expected, "{version} {is_done}");
        }
        assert!(newest::<i64>(&[], &"1".parse().unwrap(), true).is_none());
    }
}
