//! What waits, counted: uploads for people, messages for servers, publications for a pass. Only what waits is looked at.

use jiff::Timestamp;
use rusqlite::Connection;

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{DistributionId, MessageStatus, UploadStatus};

/// How many wait, and since when the one that has waited longest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// How many.
    pub count: u64,
    /// Since when; none: nothing waits.
    pub since: Option<Timestamp>,
}

fn waiting(row: &rusqlite::Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting { count: row.get(0)?, since: row.get::<_, Option<Date>>(1)?.map(|date| date.0) })
}

/// The uploads of a distribution in a status.
///
/// # Errors
/// When the database fails.
pub fn uploads(
    db: &Connection,
    distribution: DistributionId,
    status: UploadStatus,
) -> Result<Waiting, StoreError> {
    db.prepare_cached(
        "SELECT count(*), min(package_upload.date_created) FROM package_upload JOIN archive ON archive.id = package_upload.archive
         WHERE package_upload.status = ?2 AND archive.distribution = ?1",
    )
    .and_then(|mut statement| statement.query_row((distribution, status), waiting))
    .during("count the uploads that wait")
}

/// The messages in a status.
///
/// # Errors
/// When the database fails.
pub fn messages(db: &Connection, status: MessageStatus) -> Result<Waiting, StoreError> {
    db.prepare_cached("SELECT count(*), min(date_created) FROM outbox_message WHERE status = ?1")
        .and_then(|mut statement| statement.query_row([status], waiting))
        .during("count the messages that wait")
}

/// The publications of a distribution that are PENDING; those of sources and binaries, one for each architecture.
///
/// # Errors
/// When the database fails.
pub fn publications(db: &Connection, distribution: DistributionId) -> Result<Waiting, StoreError> {
    db.prepare_cached(
        "SELECT count(*), min(waiting.date_created) FROM (
             SELECT suite, date_created FROM source_package_publishing_history WHERE status = 'PENDING'
             UNION ALL SELECT suite, date_created FROM binary_package_publishing_history WHERE status = 'PENDING') AS waiting
         JOIN suite ON suite.id = waiting.suite JOIN archive ON archive.id = suite.archive
         WHERE archive.distribution = ?1 AND archive.publish AND (archive.enabled OR archive.purpose <> 'COPY')",
    )
    .and_then(|mut statement| statement.query_row([distribution], waiting))
    .during("count the publications that wait")
}
