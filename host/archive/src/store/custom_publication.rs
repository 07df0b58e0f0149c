//! `custom_publication` and `publisher_custom_transition`: custom uploads on their way into the served tree.
//!
//! What was accepted is PENDING for its suite. A pass unpacks it into the staged tree and writes down what becomes of it; the installation of the pass
//! carries that out. What cannot be published is DELETED at once, and the log of its upload says why.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::package_upload::{self, PUBLISHER};
use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{ComponentName, FileName};
use crate::domain::{
    CustomFormat, CustomPublicationId, CustomUploadId, DebVersion, PassId, PublicationStatus, Sha256,
    SuiteId, UploadId,
};

/// Asks for a custom file of an upload to be published in a suite; one that was asked for already stays as it is. The suite is dirty with it, and needs no
/// mark.
///
/// # Errors
/// When the database fails.
pub fn publish_custom(
    tx: &Transaction<'_>,
    suite: SuiteId,
    custom: CustomUploadId,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO custom_publication (suite, package_upload_custom, status, date_created) VALUES (?1, ?2, 'PENDING', ?3)",
    )
    .and_then(|mut statement| statement.execute((suite, custom, Date(now))))
    .map(|_| ())
    .during("ask for a custom upload to be published")
}

/// A custom file that waits to be published, or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomPublication {
    /// Its row.
    pub id: CustomPublicationId,
    /// The upload that brought it.
    pub upload: UploadId,
    /// What it is.
    pub format: CustomFormat,
    /// Its name.
    pub filename: FileName,
    /// Its content.
    pub sha256: Sha256,
    /// Its length.
    pub size_bytes: u64,
    /// Where its upload filed it.
    pub component: ComponentName,
    /// The version that was unpacked, once it was.
    pub version: Option<DebVersion>,
}

const COLUMNS: &str = "publication.id, custom.package_upload, custom.custom_format, alias.filename, content.sha256, content.file_size, \
    component.name, publication.version \
    FROM custom_publication AS publication \
    JOIN package_upload_custom AS custom ON custom.id = publication.package_upload_custom \
    JOIN library_file_alias AS alias ON alias.id = custom.library_file \
    JOIN library_file_content AS content ON content.id = alias.content \
    JOIN component ON component.id = custom.component";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<CustomPublication> {
    Ok(CustomPublication {
        id: row.get(0)?,
        upload: row.get(1)?,
        format: row.get(2)?,
        filename: row.get(3)?,
        sha256: row.get(4)?,
        size_bytes: row.get(5)?,
        component: row.get(6)?,
        version: row.get(7)?,
    })
}

/// What waits in a suite and may be published, in the order in which it came.
///
/// # Errors
/// When the database fails.
pub fn pending(db: &Connection, suite: SuiteId) -> Result<Vec<CustomPublication>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} JOIN suite ON suite.id = publication.suite WHERE publication.suite = ?1 AND publication.status = 'PENDING'
         AND (NOT suite.approval_required OR EXISTS (SELECT 1 FROM approved_change
           WHERE approved_change.suite = suite.id AND kind = 'CUSTOM' AND change = publication.id))
         ORDER BY publication.id"
    ))
    .and_then(|mut statement| statement.query_map([suite], from_row)?.collect())
    .during("list the custom uploads that wait")
}

/// What is published in a folder of a suite, the latest last.
///
/// # Errors
/// When the database fails.
pub fn published_in(
    db: &Connection,
    suite: SuiteId,
    folder: &str,
) -> Result<Vec<CustomPublication>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE publication.suite = ?1 AND publication.status = 'PUBLISHED' AND publication.folder = ?2
         ORDER BY publication.id"
    ))
    .and_then(|mut statement| statement.query_map((suite, folder), from_row)?.collect())
    .during("list the custom uploads of a folder")
}

/// The custom publication of a row.
///
/// # Errors
/// When the database fails.
pub fn find(db: &Connection, id: CustomPublicationId) -> Result<Option<CustomPublication>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE publication.id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find a custom upload")
}

/// The folders below the suite's that custom uploads have for themselves, a folder for each version in them; also what a pass makes. Sorted.
///
/// # Errors
/// When the database fails.
pub fn version_folders(db: &Connection, suite: SuiteId, pass: PassId) -> Result<Vec<String>, StoreError> {
    db.prepare_cached(
        "SELECT coalesce(transition.folder, publication.folder) AS folder FROM custom_publication AS publication
         JOIN package_upload_custom AS custom ON custom.id = publication.package_upload_custom
         LEFT JOIN publisher_custom_transition AS transition
           ON transition.custom_publication = publication.id AND transition.publisher_pass = ?2
         WHERE publication.suite = ?1 AND custom.custom_format <> 'DDTP_TARBALL'
         AND coalesce(transition.folder, publication.folder) IS NOT NULL
         GROUP BY 1 ORDER BY 1",
    )
    .and_then(|mut statement| statement.query_map((suite, pass), |row| row.get(0))?.collect())
    .during("list the folders of custom uploads")
}

/// How many wait in a suite.
///
/// # Errors
/// When the database fails.
pub fn count_pending(db: &Connection, suite: SuiteId) -> Result<u64, StoreError> {
    db.prepare_cached("SELECT count(*) FROM custom_publication WHERE suite = ?1 AND status = 'PENDING'")
        .and_then(|mut statement| statement.query_row([suite], |row| row.get(0)))
        .during("count the custom uploads that wait")
}

/// Says for good that something that waits will not be published, in the log of its upload too.
///
/// # Errors
/// When the database fails.
pub fn refuse(
    tx: &Transaction<'_>,
    id: CustomPublicationId,
    reason: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "refuse a custom upload";
    let refused: Option<CustomUploadId> = tx
        .prepare_cached(
            "UPDATE custom_publication SET status = 'DELETED' WHERE id = ?1 AND status = 'PENDING' RETURNING package_upload_custom",
        )
        .and_then(|mut statement| statement.query_row([id], |row| row.get(0)).optional())
        .during(WHAT)?;
    let Some(custom) = refused else { return Ok(()) };
    let upload: UploadId = tx
        .prepare_cached("SELECT package_upload FROM package_upload_custom WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([custom], |row| row.get(0)))
        .during(WHAT)?;
    let status = package_upload::upload(tx, upload)?.status;
    package_upload::log(tx, upload, (status, status), PUBLISHER, reason, now)
}

/// What a pass does to one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomTransition {
    /// The row.
    pub publication: CustomPublicationId,
    /// What it becomes.
    pub to_status: PublicationStatus,
    /// Where it lies, without the version; none: nowhere.
    pub folder: Option<String>,
    /// Which version it is.
    pub version: Option<DebVersion>,
}

/// Records what a pass will do. A later word on the same row replaces an earlier one.
///
/// # Errors
/// When the database fails.
pub fn plan_transitions(
    tx: &Transaction<'_>,
    pass: PassId,
    transitions: &[CustomTransition],
) -> Result<(), StoreError> {
    let mut statement = tx
        .prepare_cached(
            "INSERT INTO publisher_custom_transition (publisher_pass, custom_publication, to_status, folder, version)
             VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (publisher_pass, custom_publication) DO UPDATE SET
             to_status = excluded.to_status, folder = excluded.folder, version = excluded.version",
        )
        .during("record what the pass does to custom uploads")?;
    for one in transitions {
        statement
            .execute((pass, one.publication, one.to_status, &one.folder, &one.version))
            .during("record what the pass does to custom uploads")?;
    }
    Ok(())
}

/// How many custom uploads a pass changes.
///
/// # Errors
/// When the database fails.
pub fn count_transitions(db: &Connection, pass: PassId) -> Result<u64, StoreError> {
    db.prepare_cached("SELECT count(*) FROM publisher_custom_transition WHERE publisher_pass = ?1")
        .and_then(|mut statement| statement.query_row([pass], |row| row.get(0)))
        .during("count what the pass does to custom uploads")
}

/// Carries out what an installed pass has planned. What somebody changed otherwise meanwhile keeps what it became.
///
/// # Errors
/// When the database fails.
pub(super) fn carry_out(tx: &Transaction<'_>, pass: PassId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE custom_publication SET status = transition.to_status, folder = transition.folder, version = transition.version,
         date_published = coalesce(custom_publication.date_published,
           CASE WHEN transition.to_status = 'PUBLISHED' THEN ?2 END)
         FROM publisher_custom_transition AS transition
         WHERE transition.publisher_pass = ?1 AND transition.custom_publication = custom_publication.id
         AND custom_publication.status IN ('PENDING', 'PUBLISHED')",
        (pass, Date(now)),
    )
    .during("carry out what the pass has planned for custom uploads")?;
    forget(tx, pass)
}

/// Forgets what a pass had planned.
///
/// # Errors
/// When the database fails.
pub(super) fn forget(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM publisher_custom_transition WHERE publisher_pass = ?1", [pass])
        .map(|_| ())
        .during("forget what a pass has planned for custom uploads")
}
