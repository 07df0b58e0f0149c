//! Removals: who wants which packages out of a suite, and why.
//!
//! What waits is deleted at once. What is published stays so until a pass has installed indexes without it: the request is written on the publication
//! (`removed_by`, `removal_comment`), and the pass plans the transition from there.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::transition::Transition;
use super::{During, StoreError};
use crate::domain::name::{ComponentName, SourceName};
use crate::domain::{
    ComponentId, DebVersion, PackageKind, PublicationId, PublicationStatus, SuiteId, UploadStatus,
};

/// Which packages go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovedPackages {
    /// The source of the name and every binary that was built from it.
    SourceAndBinaries,
    /// The binaries of the name, whatever they were built from.
    Binaries,
}

/// A wish to have packages removed.
#[derive(Debug, Clone, Copy)]
pub struct Removal<'a> {
    /// From where.
    pub suite: SuiteId,
    /// Of which name.
    pub name: &'a str,
    /// Which of them.
    pub extent: RemovedPackages,
    /// Who asks.
    pub by: &'a str,
    /// Why.
    pub comment: &'a str,
}

/// What a request has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Requested {
    /// Publications that the next pass takes out.
    pub published: usize,
    /// Publications that waited, and wait no more.
    pub pending: usize,
}

const SOURCES: &str = "UPDATE source_package_publishing_history SET removed_by = ?3, removal_comment = ?4,
    status = ?6, date_superseded = CASE WHEN ?6 = 'DELETED' THEN ?5 ELSE date_superseded END
    WHERE suite = ?1 AND source_package_name = ?2 AND status = ?7 AND removed_by IS NULL";

const BINARIES: &str = "UPDATE binary_package_publishing_history INDEXED BY binary_publication_by_name
    SET removed_by = ?3, removal_comment = ?4,
    status = ?6, date_superseded = CASE WHEN ?6 = 'DELETED' THEN ?5 ELSE date_superseded END
    WHERE suite = ?1 AND binary_package_name = ?2 AND status = ?7 AND removed_by IS NULL AND distro_arch_series IN (
      SELECT architecture.id FROM suite JOIN distro_arch_series AS architecture ON architecture.distro_series = suite.distro_series
      WHERE suite.id = ?1)";

const BINARIES_OF_SOURCE: &str =
    "UPDATE binary_package_publishing_history INDEXED BY binary_publication_by_release
    SET removed_by = ?3, removal_comment = ?4,
    status = ?6, date_superseded = CASE WHEN ?6 = 'DELETED' THEN ?5 ELSE date_superseded END
    WHERE suite = ?1 AND status = ?7 AND removed_by IS NULL AND binary_package_release IN (
      SELECT id FROM binary_package_release WHERE source_package_name = ?2)";

/// Asks for packages to be removed.
///
/// # Errors
/// When the database fails.
pub fn request_removal(
    tx: &Transaction<'_>,
    removal: &Removal<'_>,
    now: Timestamp,
) -> Result<Requested, StoreError> {
    let statements: &[&str] = match removal.extent {
        RemovedPackages::SourceAndBinaries => &[SOURCES, BINARIES_OF_SOURCE],
        RemovedPackages::Binaries => &[BINARIES],
    };
    let mut requested = Requested::default();
    for sql in statements {
        for (from, to, count) in [
            (PublicationStatus::Pending, PublicationStatus::Deleted, &mut requested.pending),
            (PublicationStatus::Published, PublicationStatus::Published, &mut requested.published),
        ] {
            *count += tx
                .prepare_cached(sql)
                .and_then(|mut statement| {
                    statement.execute((
                        removal.suite,
                        removal.name,
                        removal.by,
                        removal.comment,
                        Date(now),
                        to,
                        from,
                    ))
                })
                .during("ask for a removal")?;
        }
    }
    Ok(requested)
}

/// The components of what a removal of these packages would take, by name.
///
/// # Errors
/// When the database fails.
pub fn components_of(
    db: &Connection,
    suite: SuiteId,
    name: &str,
    extent: RemovedPackages,
) -> Result<Vec<(ComponentId, ComponentName)>, StoreError> {
    const LIVE: &str = "publication.status IN ('PENDING', 'PUBLISHED') AND publication.removed_by IS NULL";
    let binaries = match extent {
        RemovedPackages::SourceAndBinaries => "release.source_package_name = ?2",
        RemovedPackages::Binaries => "release.binary_package_name = ?2",
    };
    let sources = match extent {
        RemovedPackages::SourceAndBinaries => format!(
            "SELECT publication.component FROM source_package_publishing_history AS publication
             WHERE publication.suite = ?1 AND publication.source_package_name = ?2 AND {LIVE} UNION "
        ),
        RemovedPackages::Binaries => String::new(),
    };
    db.prepare_cached(&format!(
        "SELECT id, name FROM component WHERE id IN (
           {sources} SELECT publication.component FROM binary_package_release AS release
           JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_release
             ON publication.binary_package_release = release.id
           WHERE {binaries} AND publication.suite = ?1 AND {LIVE})
         ORDER BY name"
    ))
    .and_then(|mut statement| {
        statement.query_map((suite, name), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    })
    .during("list the components of packages")
}

/// An upload that a removal does not touch, and that brings the package back when it is published.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct InQueue {
    /// Its row.
    pub upload: i64,
    /// How far it has come.
    pub status: UploadStatus,
    /// The source that it is about.
    pub source: SourceName,
    /// Its version.
    pub version: DebVersion,
}

impl std::fmt::Display for InQueue {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { upload, status, source, version } = self;
        write!(
            out,
            "upload {upload} of {source} {version} is {status} and stays in the queue: `pressroom queue reject {upload}` takes it out of there"
        )
    }
}

/// The uploads in a suite's queue that have packages which a removal takes out.
///
/// # Errors
/// When the database fails.
pub fn in_queue(
    db: &Connection,
    suite: SuiteId,
    name: &str,
    extent: RemovedPackages,
) -> Result<Vec<InQueue>, StoreError> {
    let condition = match extent {
        RemovedPackages::SourceAndBinaries => "source_package_name = ?2",
        RemovedPackages::Binaries => {
            "id IN (SELECT uploaded.package_upload FROM binary_package_release AS release
               JOIN package_upload_binary AS uploaded ON uploaded.binary_package_release = release.id
               WHERE release.binary_package_name = ?2)"
        }
    };
    db.prepare_cached(&format!(
        "SELECT id, status, source_package_name, version FROM package_upload
         WHERE suite = ?1 AND status IN ('NEW', 'UNAPPROVED', 'ACCEPTED') AND {condition} ORDER BY id"
    ))
    .and_then(|mut statement| {
        statement
            .query_map((suite, name), |row| {
                Ok(InQueue {
                    upload: row.get(0)?,
                    status: row.get(1)?,
                    source: row.get(2)?,
                    version: row.get(3)?,
                })
            })?
            .collect()
    })
    .during("look for uploads that would bring a package back")
}

/// How many published packages of a suite are to be removed.
///
/// # Errors
/// When the database fails.
pub fn count_requested(db: &Connection, suite: SuiteId) -> Result<u64, StoreError> {
    db.prepare_cached(
        "SELECT (SELECT count(*) FROM source_package_publishing_history INDEXED BY source_publication_to_remove
                 WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL AND suite = ?1)
              + (SELECT count(*) FROM binary_package_publishing_history INDEXED BY binary_publication_to_remove
                 WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL AND suite = ?1)",
    )
    .and_then(|mut statement| statement.query_row([suite], |row| row.get(0)))
    .during("count what is to be removed")
}

/// What a pass over a suite does to the packages whose removal is asked for.
///
/// # Errors
/// When the database fails.
pub fn requested_transitions(db: &Connection, suite: SuiteId) -> Result<Vec<Transition>, StoreError> {
    const WHAT: &str = "list what is to be removed";
    let mut transitions = Vec::new();
    for (kind, sql) in [
        (
            PackageKind::Source,
            "SELECT id FROM source_package_publishing_history INDEXED BY source_publication_to_remove
             WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL AND suite = ?1 ORDER BY id",
        ),
        (
            PackageKind::Binary,
            "SELECT id FROM binary_package_publishing_history INDEXED BY binary_publication_to_remove
             WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL AND suite = ?1 ORDER BY id",
        ),
    ] {
        let ids: Vec<PublicationId> = db
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_map([suite], |row| row.get(0))?.collect())
            .during(WHAT)?;
        transitions.extend(ids.into_iter().map(|publication| Transition {
            kind,
            publication,
            from_status: PublicationStatus::Published,
            to_status: PublicationStatus::Deleted,
            superseded_by: None,
        }));
    }
    Ok(transitions)
}
