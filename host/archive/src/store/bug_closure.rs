//! `bug_closure`: the bugs that uploads have closed, each once for each version, and whether somebody was told.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::SourceName;
use crate::domain::{BugClosureId, BugTracker, DebVersion, DistributionId, SuiteId, UploadId};

/// A bug that an upload closes.
#[derive(Debug, Clone)]
pub struct NewClosure<'a> {
    /// Of which distribution.
    pub distribution: DistributionId,
    /// What the number is a number of.
    pub tracker: BugTracker,
    /// The number.
    pub bug: u64,
    /// The source that closes it.
    pub source: &'a SourceName,
    /// In this version.
    pub version: &'a DebVersion,
    /// By this upload.
    pub upload: UploadId,
    /// Where it is closed by a copy of what the upload has brought; none: where the upload goes.
    pub suite: Option<SuiteId>,
}

/// Remembers that a bug is closed; says whether that is new.
///
/// # Errors
/// When the database fails.
pub fn add_closure(tx: &Transaction<'_>, new: &NewClosure<'_>, now: Timestamp) -> Result<bool, StoreError> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO bug_closure (distribution, tracker, bug, source_package_name, version, package_upload, date_created, suite)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )
    .and_then(|mut statement| {
        statement.execute((
            new.distribution,
            new.tracker,
            new.bug,
            new.source,
            new.version,
            new.upload,
            Date(now),
            new.suite,
        ))
    })
    .map(|added| added > 0)
    .during("remember that a bug is closed")
}

/// A bug whose tracker is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Untold {
    /// The row.
    pub id: BugClosureId,
    /// What the number is a number of.
    pub tracker: BugTracker,
    /// The number.
    pub bug: u64,
    /// Where it is closed, if that is not where the upload went.
    pub suite: Option<SuiteId>,
}

/// The first upload after another with bugs of which nobody was told, and these, in order.
///
/// # Errors
/// When the database fails.
pub fn next_untold(
    db: &Connection,
    distribution: DistributionId,
    after: UploadId,
) -> Result<Option<(UploadId, Vec<Untold>)>, StoreError> {
    const WHAT: &str = "list the bugs of which nobody was told";
    let next: Option<UploadId> = db
        .prepare_cached(
            "SELECT min(package_upload) FROM bug_closure WHERE distribution = ?1 AND date_told IS NULL AND package_upload > ?2",
        )
        .and_then(|mut statement| statement.query_row((distribution, after), |row| row.get(0)))
        .during(WHAT)?;
    let Some(upload) = next else { return Ok(None) };
    let bugs = db
        .prepare_cached(
            "SELECT id, tracker, bug, suite FROM bug_closure WHERE distribution = ?1 AND package_upload = ?2 AND date_told IS NULL ORDER BY id",
        )
        .and_then(|mut statement| {
            statement
                .query_map((distribution, upload), |row| {
                    Ok(Untold { id: row.get(0)?, tracker: row.get(1)?, bug: row.get(2)?, suite: row.get(3)? })
                })?
                .collect()
        })
        .during(WHAT)?;
    Ok(Some((upload, bugs)))
}

/// Remembers that nobody has to be told of a bug any more.
///
/// # Errors
/// When the database fails.
pub fn mark_told(tx: &Transaction<'_>, id: BugClosureId, now: Timestamp) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE bug_closure SET date_told = ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute((id, Date(now))))
        .map(|_| ())
        .during("remember who was told of a bug")
}
