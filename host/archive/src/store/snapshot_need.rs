//! Which snapshot needs a file, and for how long.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use super::sql::{Date, suite_name};
use super::{During, StoreError};
use crate::domain::{AliasId, ArchiveId, SnapshotName, SuiteId, SuiteName};

/// A snapshot that needs a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needing {
    /// Which, in words.
    pub said: String,
    /// Until when it is kept; none: until somebody lets it go, or something else takes its place.
    pub until: Option<Timestamp>,
}

/// The snapshot of an archive that needs a file for longest: one of a suite in whose indexes the file was at that time, and is no more. What is published needs nobody to
/// keep it, and is asked about when it leaves. Costs what the publications of the file are, however many snapshots there are.
///
/// # Errors
/// When the database fails.
pub fn needing(db: &Connection, archive: ArchiveId, file: AliasId) -> Result<Option<Needing>, StoreError> {
    const WHAT: &str = "find the snapshots that need a file";
    let any: bool = db
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM suite JOIN snapshot INDEXED BY snapshot_by_pass ON snapshot.suite = suite.id WHERE suite.archive = ?1)",
        )
        .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
        .during(WHAT)?;
    if !any {
        return Ok(None);
    }
    let mut longest: Option<Needing> = None;
    for from in [
        "source_package_release_file AS file
         JOIN source_package_publishing_history AS publication INDEXED BY source_publication_by_release
           ON publication.source_package_release = file.source_package_release AND file.library_file = ?2",
        "binary_package_release AS release
         JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
           ON publication.binary_package_release = release.id AND release.binary_package_file = ?2",
    ] {
        // of each publication: when it came into an index, and when it left it, by pass or by date
        let mut statement = db
            .prepare_cached(&format!(
                "SELECT publication.suite, coalesce(publication.published_by_pass, 0), coalesce(publication.left_by_pass, ?3),
                        CASE WHEN publication.left_by_pass IS NOT NULL THEN ?3 ELSE coalesce(publication.date_superseded, 0) END
                 FROM {from} JOIN suite ON suite.id = publication.suite AND suite.archive = ?1
                 WHERE publication.date_published IS NOT NULL AND publication.date_removed IS NULL AND publication.status <> 'PUBLISHED'"
            ))
            .during(WHAT)?;
        let lives: Vec<(SuiteId, i64, i64, i64)> = statement
            .query_map((archive, file, i64::MAX), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .and_then(Iterator::collect)
            .during(WHAT)?;
        for life in lives {
            for needing in [pinned_within(db, life)?, last_within(db, life)?].into_iter().flatten() {
                let is_longer = |other: &Needing| match (other.until, needing.until) {
                    (None, _) => false,
                    (Some(_), None) => true,
                    (Some(other), Some(until)) => until > other,
                };
                if longest.as_ref().is_none_or(is_longer) {
                    longest = Some(needing);
                }
            }
        }
    }
    Ok(longest)
}

const WITHIN: &str =
    "WHERE snapshot.suite = ?1 AND snapshot.publisher_pass >= ?2 AND snapshot.publisher_pass < ?3
    AND snapshot.date_created < ?4 AND snapshot.date_expired IS NULL";

/// The last snapshot of a suite that was made while something was in its indexes.
fn last_within(db: &Connection, life: (SuiteId, i64, i64, i64)) -> Result<Option<Needing>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT series.name, suite.pocket, moment.name, snapshot.date_superseded + archive.keep_snapshots_seconds * 1000000
         FROM snapshot INDEXED BY snapshot_by_pass JOIN snapshot_moment AS moment ON moment.id = snapshot.moment
         JOIN suite ON suite.id = snapshot.suite JOIN archive ON archive.id = suite.archive
         JOIN distro_series AS series ON series.id = suite.distro_series {WITHIN}
         ORDER BY snapshot.publisher_pass DESC LIMIT 1"
    ))
    .and_then(|mut statement| {
        statement
            .query_row(life, |row| {
                let (suite, name): (SuiteName, SnapshotName) = (suite_name(row, 0)?, row.get(2)?);
                let until = row.get::<_, Option<Date>>(3)?.map(|date| date.0);
                Ok(Needing { said: format!("the snapshot {name} of {suite}"), until })
            })
            .optional()
    })
    .during("find the snapshots that need a file")
}

/// One of them that somebody wants kept.
fn pinned_within(db: &Connection, life: (SuiteId, i64, i64, i64)) -> Result<Option<Needing>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT series.name, suite.pocket, moment.name, snapshot.pinned_by, snapshot.pin_reason
         FROM snapshot INDEXED BY snapshot_pinned JOIN snapshot_moment AS moment ON moment.id = snapshot.moment
         JOIN suite ON suite.id = snapshot.suite JOIN distro_series AS series ON series.id = suite.distro_series {WITHIN}
         AND snapshot.pinned_by IS NOT NULL ORDER BY snapshot.publisher_pass DESC LIMIT 1"
    ))
    .and_then(|mut statement| {
        statement
            .query_row(life, |row| {
                let (suite, name): (SuiteName, SnapshotName) = (suite_name(row, 0)?, row.get(2)?);
                let (by, reason): (String, String) = (row.get(3)?, row.get(4)?);
                let said = format!("the snapshot {name} of {suite}, which {by} has pinned ({reason}),");
                Ok(Needing { said, until: None })
            })
            .optional()
    })
    .during("find the snapshots that need a file")
}
