//! `scheduled_deletion_date` of both histories: from when on the files of what has given way may go.
//!
//! The rule is `dominate::schedule`'s. Here are the facts that it judges, and the date that it gives.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{PackageKind, PassId, PublicationId, PublicationStatus, SuiteId};

/// A publication that is not active and has no date yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unscheduled {
    /// Of which table.
    pub kind: PackageKind,
    /// The row.
    pub publication: PublicationId,
    /// How it gave way.
    pub status: PublicationStatus,
    /// Of a source: a binary publication of the same release in its suite has neither a date nor gone.
    pub has_binaries: bool,
    /// Of a source: the same release is PUBLISHED in its suite by another row.
    pub is_published_otherwise: bool,
}

const WHAT: &str = "list what may go";

fn table(kind: PackageKind) -> &'static str {
    match kind {
        PackageKind::Source => "source_package_publishing_history",
        PackageKind::Binary => "binary_package_publishing_history",
    }
}

/// The binaries that an installed pass has taken out.
///
/// # Errors
/// When the database fails.
pub fn binaries_taken_out(db: &Connection, pass: PassId) -> Result<Vec<Unscheduled>, StoreError> {
    db.prepare_cached(
        "SELECT publication.id, publication.status FROM publisher_transition AS transition
         CROSS JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
         WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND transition.to_status <> 'PUBLISHED'
         AND publication.status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE')
         AND publication.scheduled_deletion_date IS NULL AND publication.date_removed IS NULL ORDER BY publication.id",
    )
    .and_then(|mut statement| statement.query_map([pass], binary)?.collect())
    .during(WHAT)
}

/// The sources that an installed pass has taken out, and those that were out before and whose binaries it has taken out.
///
/// # Errors
/// When the database fails.
pub fn sources_taken_out(db: &Connection, pass: PassId) -> Result<Vec<Unscheduled>, StoreError> {
    let ids: Vec<PublicationId> = db
        .prepare_cached(include_str!("unheld_sources.sql"))
        .and_then(|mut statement| statement.query_map([pass], |row| row.get(0))?.collect())
        .during(WHAT)?;
    ids.into_iter().map(|id| source(db, id)).collect()
}

/// Everything in a suite that is not active and has no date.
///
/// # Errors
/// When the database fails.
pub fn unscheduled(
    db: &Connection,
    suite: SuiteId,
    kind: PackageKind,
) -> Result<Vec<Unscheduled>, StoreError> {
    match kind {
        PackageKind::Binary => db
            .prepare_cached(
                "SELECT id, status FROM binary_package_publishing_history INDEXED BY binary_publication_unscheduled
                 WHERE suite = ?1 AND status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE') AND scheduled_deletion_date IS NULL
                 AND date_removed IS NULL ORDER BY id",
            )
            .and_then(|mut statement| statement.query_map([suite], binary)?.collect())
            .during(WHAT),
        PackageKind::Source => {
            let ids: Vec<PublicationId> = db
                .prepare_cached(
                    "SELECT id FROM source_package_publishing_history INDEXED BY source_publication_unscheduled
                     WHERE suite = ?1 AND status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE') AND scheduled_deletion_date IS NULL
                     AND date_removed IS NULL ORDER BY id",
                )
                .and_then(|mut statement| statement.query_map([suite], |row| row.get(0))?.collect())
                .during(WHAT)?;
            ids.into_iter().map(|id| source(db, id)).collect()
        }
    }
}

fn binary(row: &rusqlite::Row<'_>) -> rusqlite::Result<Unscheduled> {
    Ok(Unscheduled {
        kind: PackageKind::Binary,
        publication: row.get(0)?,
        status: row.get(1)?,
        has_binaries: false,
        is_published_otherwise: false,
    })
}

fn source(db: &Connection, publication: PublicationId) -> Result<Unscheduled, StoreError> {
    db.prepare_cached(include_str!("source_hold.sql"))
        .and_then(|mut statement| {
            statement.query_row([publication], |row| {
                Ok(Unscheduled {
                    kind: PackageKind::Source,
                    publication,
                    status: row.get(0)?,
                    has_binaries: row.get(1)?,
                    is_published_otherwise: row.get(2)?,
                })
            })
        })
        .during(WHAT)
}

/// Says from when on the files of a publication may go.
///
/// # Errors
/// When the database fails.
pub fn schedule(
    tx: &Transaction<'_>,
    kind: PackageKind,
    publication: PublicationId,
    date: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(&format!("UPDATE {} SET scheduled_deletion_date = ?2 WHERE id = ?1", table(kind)))
        .and_then(|mut statement| statement.execute((publication, Date(date))))
        .map(|_| ())
        .during("say from when on files may go")
}
