//! `archive_file`: what the live Release files list, and the generations of it that lie under by-hash.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction};

use super::sql::{Date, size};
use super::{During, StoreError};
use crate::domain::digest::{FileDigests, Sha256};
use crate::domain::{ArchiveFileId, PassId, SuiteId};

/// A file that a Release lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Below the suite's folder.
    pub path: String,
    /// Its content.
    pub digests: FileDigests,
    /// Listed, but only its compressed forms are on disk.
    pub is_virtual: bool,
    /// When the file was written to last, in nanoseconds since 1970; 0 until it lies in its place, and for texts that do not.
    pub modified_ns: i64,
}

impl ListedFile {
    /// A file.
    #[must_use]
    pub const fn file(path: String, digests: FileDigests) -> Self {
        Self { path, digests, is_virtual: false, modified_ns: 0 }
    }

    /// A text that only its compressed forms carry.
    #[must_use]
    pub const fn text(path: String, digests: FileDigests) -> Self {
        Self { path, digests, is_virtual: true, modified_ns: 0 }
    }
}

/// What the live Release of a suite lists, by path.
///
/// # Errors
/// When the database fails.
pub fn listed_files(db: &Connection, suite: SuiteId) -> Result<Vec<ListedFile>, StoreError> {
    db.prepare_cached(
        "SELECT path, file_size, md5, sha1, sha256, is_virtual, modified_ns FROM archive_file WHERE suite = ?1 AND date_superseded IS NULL ORDER BY path",
    )
    .and_then(|mut statement| {
        statement
            .query_map([suite], |row| {
                let digests =
                    FileDigests { size_bytes: row.get(1)?, md5: row.get(2)?, sha1: row.get(3)?, sha256: row.get(4)? };
                Ok(ListedFile { path: row.get(0)?, digests, is_virtual: row.get(5)?, modified_ns: row.get(6)? })
            })?
            .collect()
    })
    .during("list the index files")
}

/// An older generation of an index file that is still on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldGeneration {
    /// Its row.
    pub id: ArchiveFileId,
    /// Below the suite's folder.
    pub path: String,
    /// Its content.
    pub sha256: Sha256,
    /// Since when it is listed no more.
    pub date_superseded: Timestamp,
}

/// The older generations on disk, by path, the newest first.
///
/// # Errors
/// When the database fails.
pub fn old_generations(db: &Connection, suite: SuiteId) -> Result<Vec<OldGeneration>, StoreError> {
    db.prepare_cached(
        "SELECT id, path, sha256, date_superseded FROM archive_file
         WHERE suite = ?1 AND date_superseded IS NOT NULL AND NOT is_virtual
         ORDER BY path, date_superseded DESC, id DESC",
    )
    .and_then(|mut statement| {
        statement
            .query_map([suite], |row| {
                Ok(OldGeneration {
                    id: row.get(0)?,
                    path: row.get(1)?,
                    sha256: row.get(2)?,
                    date_superseded: row.get::<_, Date>(3)?.0,
                })
            })?
            .collect()
    })
    .during("list the old index files")
}

/// How long older generations stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// So many older ones of each file at least, besides the one that is replaced.
    pub generations: usize,
    /// Any of them for so long after a newer one came.
    pub grace: SignedDuration,
}

/// Which old generations may go: beyond the number *and* beyond the grace. Of a file that is `listed` no more there will be no newer generation, so the grace
/// alone counts.
#[must_use]
pub fn expired<'a>(
    old: &'a [OldGeneration],
    listed: &BTreeSet<&str>,
    retention: Retention,
    now: Timestamp,
) -> Vec<&'a OldGeneration> {
    let mut expired = Vec::new();
    let (mut path, mut rank) = ("", 0);
    for generation in old {
        if generation.path != path {
            (path, rank) = (&generation.path, 0);
        }
        rank += 1;
        let is_beyond = rank > retention.generations || !listed.contains(path);
        if is_beyond && generation.date_superseded + retention.grace < now {
            expired.push(generation);
        }
    }
    expired
}

/// Makes the files that a pass lists the current ones: others are superseded, content that comes back is reprieved, what the pass took away
/// is forgotten.
///
/// # Errors
/// When the database fails.
pub fn adopt_listed_files(
    tx: &Transaction<'_>,
    pass: PassId,
    suite: SuiteId,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "record the index files";
    tx.execute(
        "UPDATE archive_file SET date_superseded = ?3 WHERE suite = ?2 AND date_superseded IS NULL AND NOT EXISTS (
           SELECT 1 FROM publisher_index_file AS new WHERE new.publisher_pass = ?1 AND new.suite = ?2
           AND new.path = archive_file.path AND new.sha256 = archive_file.sha256 AND new.is_virtual = archive_file.is_virtual)",
        (pass, suite, Date(now)),
    )
    .during(WHAT)?;
    tx.execute(
        "UPDATE archive_file SET date_superseded = NULL, modified_ns = new.modified_ns FROM publisher_index_file AS new
         WHERE new.publisher_pass = ?1 AND new.suite = ?2 AND archive_file.suite = ?2 AND new.path = archive_file.path
         AND new.sha256 = archive_file.sha256 AND new.is_virtual = archive_file.is_virtual",
        (pass, suite),
    )
    .during(WHAT)?;
    tx.execute(
        "INSERT INTO archive_file (suite, path, sha256, sha1, md5, file_size, is_virtual, modified_ns, date_created)
         SELECT suite, path, sha256, sha1, md5, file_size, is_virtual, modified_ns, ?3 FROM publisher_index_file AS new
         WHERE new.publisher_pass = ?1 AND new.suite = ?2 AND NOT EXISTS (
           SELECT 1 FROM archive_file AS old WHERE old.suite = ?2 AND old.path = new.path AND old.sha256 = new.sha256
           AND old.is_virtual = new.is_virtual)
         ORDER BY path",
        (pass, suite, Date(now)),
    )
    .during(WHAT)?;
    tx.execute(
        "DELETE FROM archive_file WHERE suite = ?2 AND date_superseded IS NOT NULL
         AND id IN (SELECT archive_file FROM publisher_expiry WHERE publisher_pass = ?1)",
        (pass, suite),
    )
    .during(WHAT)?;
    tx.execute(
        "DELETE FROM archive_file WHERE suite = ?1 AND is_virtual AND date_superseded IS NOT NULL",
        [suite],
    )
    .map(|_| ())
    .during(WHAT)
}

/// Records which files the Release of a suite lists in a pass that is about to be installed, and which generations it took away.
///
/// # Errors
/// When the database fails.
pub fn prepare_listed_files(
    tx: &Transaction<'_>,
    pass: PassId,
    suite: SuiteId,
    files: &[ListedFile],
    expired: &[ArchiveFileId],
) -> Result<(), StoreError> {
    for id in expired {
        tx.prepare_cached("INSERT INTO publisher_expiry (publisher_pass, archive_file) VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute((pass, id)))
            .during("record what has expired")?;
    }
    let mut statement = tx
        .prepare_cached(
            "INSERT INTO publisher_index_file (publisher_pass, suite, path, file_size, md5, sha1, sha256, is_virtual, modified_ns)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )
        .during("record the index files")?;
    for file in files {
        let digests = &file.digests;
        statement
            .execute((
                pass,
                suite,
                &file.path,
                size(digests.size_bytes),
                &digests.md5,
                &digests.sha1,
                &digests.sha256,
                file.is_virtual,
                file.modified_ns,
            ))
            .during("record the index files")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_stays_by_number_or_by_grace() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let generation = |path: &str, seconds| OldGeneration {
            id: ArchiveFileId(0),
            path: path.into(),
            sha256: Sha256::of(format!("{seconds}").as_bytes()),
            date_superseded: at(seconds),
        };
        let old = [generation("a", 900), generation("a", 500), generation("a", 100), generation("b", 100)];
        let gone_of = |listed: &[&'static str], generations, grace| -> Vec<(&str, i64)> {
            let retention = Retention { generations, grace: SignedDuration::from_secs(grace) };
            expired(&old, &listed.iter().copied().collect(), retention, at(1000))
                .into_iter()
                .map(|one| (one.path.as_str(), one.date_superseded.as_second()))
                .collect()
        };
        let gone = |generations, grace| gone_of(&["a", "b"], generations, grace);
        assert_eq!(gone(1, 600), [("a", 100)]);
        assert_eq!(gone(1, 10), [("a", 500), ("a", 100)]);
        assert_eq!(gone(0, 600), [("a", 100), ("b", 100)]);
        assert_eq!(gone(0, 2000), []);
        assert_eq!(gone(3, 0), []);
        // of a file that is no more
        assert_eq!(gone_of(&["b"], 3, 600), [("a", 100)]);
        assert_eq!(gone_of(&["b"], 3, 10), [("a", 900), ("a", 500), ("a", 100)]);
        assert_eq!(gone_of(&[], 1, 2000), []);
    }
}
