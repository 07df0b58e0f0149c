//! `package_upload` and what hangs on it: uploads that came in, what is in them, and what was done to them.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::name::{ComponentName, FileName, PackagePriority, Section, SourceName};
use crate::domain::{
    AliasId, ArchitectureTag, ArchiveId, BinaryFormat, BinaryReleaseId, BuildId, ComponentId, CustomFormat,
    CustomUploadId, DebVersion, PersonId, Sha256, SourceReleaseId, SuiteId, UploadId, UploadPolicy,
    UploadStatus,
};

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageUpload {
    /// Its row.
    pub id: UploadId,
    /// Where it goes.
    pub archive: ArchiveId,
    /// To which suite.
    pub suite: SuiteId,
    /// How far it has come.
    pub status: UploadStatus,
    /// By which rules it was judged.
    pub policy: UploadPolicy,
    /// Who signed it; none: nobody.
    pub signer: Option<PersonId>,
    /// The fingerprint of the primary key.
    pub signing_key: Option<String>,
    /// As its `.changes` says.
    pub changed_by: String,
    /// Its `.changes` without the signature; copies have none.
    pub changes_file: Option<AliasId>,
    /// The source that it is about.
    pub source_name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// When it came in.
    pub date_created: Timestamp,
    /// When it was done, or rejected.
    pub date_ended: Option<Timestamp>,
}

pub(super) const COLUMNS: &str = "id, archive, suite, status, policy, signer, signing_key, changed_by, changes_file, source_package_name, version,
                       date_created, date_ended FROM package_upload";

pub(super) fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<PackageUpload> {
    Ok(PackageUpload {
        id: row.get(0)?,
        archive: row.get(1)?,
        suite: row.get(2)?,
        status: row.get(3)?,
        policy: row.get(4)?,
        signer: row.get(5)?,
        signing_key: row.get(6)?,
        changed_by: row.get(7)?,
        changes_file: row.get(8)?,
        source_name: row.get(9)?,
        version: row.get(10)?,
        date_created: row.get::<_, Date>(11)?.0,
        date_ended: row.get::<_, Option<Date>>(12)?.map(|date| date.0),
    })
}

/// An upload that comes in.
#[derive(Debug, Clone)]
pub struct NewUpload<'a> {
    /// Where it goes.
    pub archive: ArchiveId,
    /// To which suite.
    pub suite: SuiteId,
    /// Where it begins.
    pub status: UploadStatus,
    /// By which rules it was judged.
    pub policy: UploadPolicy,
    /// Who signed it.
    pub signer: Option<PersonId>,
    /// With which key.
    pub signing_key: Option<&'a str>,
    /// As its `.changes` says.
    pub changed_by: &'a str,
    /// Its `.changes` without the signature.
    pub changes_file: Option<AliasId>,
    /// The source that it is about.
    pub source_name: &'a SourceName,
    /// Its version.
    pub version: &'a DebVersion,
    /// Why it begins there: the first line of its log.
    pub comment: &'a str,
}

/// How the publisher signs what it does itself, in logs.
pub const PUBLISHER: &str = "pressroom";

/// Adds an upload, and the first line of its log.
///
/// # Errors
/// When the database fails.
pub fn add_upload(tx: &Transaction<'_>, new: &NewUpload<'_>, now: Timestamp) -> Result<UploadId, StoreError> {
    let id = tx
        .prepare_cached(
            "INSERT INTO package_upload (archive, suite, status, policy, signer, signing_key, changed_by, changes_file,
             source_package_name, version, date_created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )
        .and_then(|mut statement| {
            statement.insert((
                new.archive,
                new.suite,
                new.status,
                new.policy,
                new.signer,
                new.signing_key,
                new.changed_by,
                new.changes_file,
                new.source_name,
                new.version,
                Date(now),
            ))
        })
        .map(UploadId)
        .during("add an upload")?;
    log(tx, id, (new.status, new.status), PUBLISHER, new.comment, now)?;
    Ok(id)
}

/// The upload of a row.
///
/// # Errors
/// When there is none, or the database fails.
pub fn upload(db: &Connection, id: UploadId) -> Result<PackageUpload, StoreError> {
    let found = db
        .prepare_cached(&format!("SELECT {COLUMNS} WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find an upload")?;
    match found {
        Some(upload) => Ok(upload),
        None => {
            let newest = newest_uploads(db, KNOWN_UPLOADS)?;
            let known = newest.iter().map(ToString::to_string).collect();
            Err(StoreError::Unknown { what: "upload", name: id.to_string(), known })
        }
    }
}

/// So many uploads are named to one who asks for another.
const KNOWN_UPLOADS: u32 = 10;

/// The last uploads, the newest first.
fn newest_uploads(db: &Connection, limit: u32) -> Result<Vec<UploadId>, StoreError> {
    db.prepare_cached("SELECT id FROM package_upload ORDER BY id DESC LIMIT ?1")
        .and_then(|mut statement| statement.query_map([limit], |row| row.get(0))?.collect())
        .during("list the newest uploads")
}

/// Which uploads are meant; what is none does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// In which archive.
    pub archive: Option<ArchiveId>,
    /// For which suite.
    pub suite: Option<SuiteId>,
    /// How far they have come.
    pub status: Option<UploadStatus>,
    /// About which source.
    pub source_name: Option<&'a SourceName>,
}

/// Up to `limit` uploads after a row, in the order in which they came.
///
/// # Errors
/// When the database fails.
pub fn uploads(
    db: &Connection,
    filter: &Filter<'_>,
    after: UploadId,
    limit: u32,
) -> Result<Vec<PackageUpload>, StoreError> {
    // each condition is written only where it is asked for, so that the indexes serve
    let mut sql = format!("SELECT {COLUMNS} WHERE id > ?1");
    for (asked, condition) in [
        (filter.archive.is_some(), " AND archive = ?2"),
        (filter.suite.is_some(), " AND suite = ?3"),
        (filter.status.is_some(), " AND status = ?4"),
        (filter.source_name.is_some(), " AND source_package_name = ?5"),
    ] {
        sql.push_str(if asked { condition } else { "" });
    }
    // the numbers of parameters that are left out must be there all the same
    sql.push_str(" AND (?2 IS ?2 AND ?3 IS ?3 AND ?4 IS ?4 AND ?5 IS ?5) ORDER BY id LIMIT ?6");
    db.prepare_cached(&sql)
        .and_then(|mut statement| {
            statement
                .query_map(
                    (after, filter.archive, filter.suite, filter.status, filter.source_name, limit),
                    from_row,
                )?
                .collect()
        })
        .during("list uploads")
}

/// Brings an upload from one status to another, and logs who did it and why.
///
/// # Errors
/// When it is not in `from` any more, or the database fails.
pub fn change_status(
    tx: &Transaction<'_>,
    id: UploadId,
    (from, to): (UploadStatus, UploadStatus),
    reviewer: &str,
    comment: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let ends = matches!(to, UploadStatus::Done | UploadStatus::Rejected);
    let changed = tx
        .prepare_cached(
            "UPDATE package_upload SET status = ?3, date_ended = ?4 WHERE id = ?1 AND status = ?2",
        )
        .and_then(|mut statement| statement.execute((id, from, to, ends.then_some(Date(now)))))
        .during("change an upload")?;
    if changed == 0 {
        let is = upload(tx, id)?.status;
        return Err(StoreError::Refused(format!(
            "upload {id} is {is}, not {from} any more: somebody else was faster, look at `pressroom queue log {id}`"
        )));
    }
    log(tx, id, (from, to), reviewer, comment, now)
}

/// Adds a line to an upload's log; with the same status twice, what was done changed none.
///
/// # Errors
/// When the database fails.
pub fn log(
    tx: &Transaction<'_>,
    id: UploadId,
    (old, new): (UploadStatus, UploadStatus),
    reviewer: &str,
    comment: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO package_upload_log (package_upload, date_created, reviewer, old_status, new_status, comment)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut statement| statement.execute((id, Date(now), reviewer, old, new, comment)))
    .map(|_| ())
    .during("log what was done to an upload")
}

/// A line of an upload's log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogLine {
    /// When.
    pub date: Timestamp,
    /// Who.
    pub reviewer: String,
    /// What it was before.
    pub old_status: UploadStatus,
    /// What it was afterwards.
    pub new_status: UploadStatus,
    /// Why.
    pub comment: String,
}

/// What was done to an upload, in order.
///
/// # Errors
/// When the database fails.
pub fn log_of(db: &Connection, id: UploadId) -> Result<Vec<LogLine>, StoreError> {
    db.prepare_cached(
        "SELECT date_created, reviewer, old_status, new_status, comment FROM package_upload_log WHERE package_upload = ?1 ORDER BY id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([id], |row| {
                Ok(LogLine {
                    date: row.get::<_, Date>(0)?.0,
                    reviewer: row.get(1)?,
                    old_status: row.get(2)?,
                    new_status: row.get(3)?,
                    comment: row.get(4)?,
                })
            })?
            .collect()
    })
    .during("list what was done to an upload")
}

// ---------------------------------------------------------------- what is in it

/// Where a package of an upload is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Its component.
    pub component: ComponentId,
    /// Its section.
    pub section: Option<Section>,
    /// Its priority; of binaries alone.
    pub priority: Option<PackagePriority>,
    /// Whether nothing of its name was there before.
    pub is_new: bool,
}

/// Adds the source of an upload.
///
/// # Errors
/// When the database fails.
pub fn add_source(
    tx: &Transaction<'_>,
    upload: UploadId,
    release: SourceReleaseId,
    filed: &Filed,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO package_upload_source (package_upload, source_package_release, component, section, is_new)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )
    .and_then(|mut statement| {
        statement.execute((upload, release, filed.component, &filed.section, filed.is_new))
    })
    .map(|_| ())
    .during("add the source of an upload")
}

/// Adds a binary package of an upload.
///
/// # Errors
/// When the database fails.
pub fn add_binary(
    tx: &Transaction<'_>,
    upload: UploadId,
    release: BinaryReleaseId,
    filed: &Filed,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT INTO package_upload_binary (package_upload, binary_package_release, component, section, priority, is_new)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut statement| {
        statement.execute((upload, release, filed.component, &filed.section, &filed.priority, filed.is_new))
    })
    .map(|_| ())
    .during("add a binary package of an upload")
}

/// Says of an upload which build it is of.
///
/// # Errors
/// When the database fails.
pub fn add_build(tx: &Transaction<'_>, upload: UploadId, build: BuildId) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO package_upload_build (package_upload, build) VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute((upload, build)))
        .map(|_| ())
        .during("add the build of an upload")
}

/// Adds a custom file of an upload.
///
/// # Errors
/// When the database fails.
pub fn add_custom(
    tx: &Transaction<'_>,
    upload: UploadId,
    format: CustomFormat,
    file: AliasId,
    component: ComponentId,
) -> Result<CustomUploadId, StoreError> {
    tx.prepare_cached(
        "INSERT INTO package_upload_custom (package_upload, custom_format, library_file, component) VALUES (?1, ?2, ?3, ?4)",
    )
    .and_then(|mut statement| statement.insert((upload, format, file, component)))
    .map(CustomUploadId)
    .during("add a custom file of an upload")
}

/// Keeps another file with an upload.
///
/// # Errors
/// When the database fails.
pub fn add_file(tx: &Transaction<'_>, upload: UploadId, file: AliasId) -> Result<(), StoreError> {
    tx.prepare_cached(
        "INSERT OR IGNORE INTO package_upload_file (package_upload, library_file) VALUES (?1, ?2)",
    )
    .and_then(|mut statement| statement.execute((upload, file)))
    .map(|_| ())
    .during("keep a file of an upload")
}

/// The source of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadSource {
    /// What.
    pub release: SourceReleaseId,
    /// Its name.
    pub name: SourceName,
    /// Its version.
    pub version: DebVersion,
    /// Where it is filed.
    pub filed: Filed,
    /// The component's name.
    pub component: ComponentName,
}

/// The source of an upload, where it has one.
///
/// # Errors
/// When the database fails.
pub fn source_of(db: &Connection, upload: UploadId) -> Result<Option<UploadSource>, StoreError> {
    db.prepare_cached(
        "SELECT release.id, release.source_package_name, release.version, component.id, component.name, filed.section, filed.is_new
         FROM package_upload_source AS filed JOIN source_package_release AS release ON release.id = filed.source_package_release
         JOIN component ON component.id = filed.component WHERE filed.package_upload = ?1",
    )
    .and_then(|mut statement| {
        statement
            .query_row([upload], |row| {
                Ok(UploadSource {
                    release: row.get(0)?,
                    name: row.get(1)?,
                    version: row.get(2)?,
                    component: row.get(4)?,
                    filed: Filed {
                        component: row.get(3)?,
                        section: row.get(5)?,
                        priority: None,
                        is_new: row.get(6)?,
                    },
                })
            })
            .optional()
    })
    .during("find the source of an upload")
}

/// A binary package of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadBinary {
    /// What.
    pub release: BinaryReleaseId,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: DebVersion,
    /// What it is for.
    pub architecture: ArchitectureTag,
    /// Its format.
    pub format: BinaryFormat,
    /// Where it is filed.
    pub filed: Filed,
    /// The component's name.
    pub component: ComponentName,
}

/// The binary packages of an upload, by name and architecture.
///
/// # Errors
/// When the database fails.
pub fn binaries_of(db: &Connection, upload: UploadId) -> Result<Vec<UploadBinary>, StoreError> {
    db.prepare_cached(
        "SELECT release.id, release.binary_package_name, release.version, release.architecture_tag, release.bin_package_format,
         component.id, component.name, filed.section, filed.priority, filed.is_new
         FROM package_upload_binary AS filed JOIN binary_package_release AS release ON release.id = filed.binary_package_release
         JOIN component ON component.id = filed.component WHERE filed.package_upload = ?1
         ORDER BY release.binary_package_name, release.architecture_tag, release.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([upload], |row| {
                Ok(UploadBinary {
                    release: row.get(0)?,
                    name: row.get(1)?,
                    version: row.get(2)?,
                    architecture: row.get(3)?,
                    format: row.get(4)?,
                    component: row.get(6)?,
                    filed: Filed {
                        component: row.get(5)?,
                        section: row.get(7)?,
                        priority: row.get(8)?,
                        is_new: row.get(9)?,
                    },
                })
            })?
            .collect()
    })
    .during("list the binary packages of an upload")
}

/// A custom file of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadCustom {
    /// Its row.
    pub id: CustomUploadId,
    /// What it is.
    pub format: CustomFormat,
    /// Its name.
    pub filename: FileName,
    /// Its content.
    pub sha256: Sha256,
    /// Where it is filed.
    pub component: ComponentId,
    /// The component's name.
    pub component_name: ComponentName,
}

/// The custom files of an upload, in order.
///
/// # Errors
/// When the database fails.
pub fn customs_of(db: &Connection, upload: UploadId) -> Result<Vec<UploadCustom>, StoreError> {
    db.prepare_cached(
        "SELECT custom.id, custom_format, alias.filename, content.sha256, component.id, component.name
         FROM package_upload_custom AS custom JOIN library_file_alias AS alias ON alias.id = custom.library_file
         JOIN library_file_content AS content ON content.id = alias.content
         JOIN component ON component.id = custom.component WHERE custom.package_upload = ?1 ORDER BY custom.id",
    )
    .and_then(|mut statement| {
        statement
            .query_map([upload], |row| {
                Ok(UploadCustom {
                    id: row.get(0)?,
                    format: row.get(1)?,
                    filename: row.get(2)?,
                    sha256: row.get(3)?,
                    component: row.get(4)?,
                    component_name: row.get(5)?,
                })
            })?
            .collect()
    })
    .during("list the custom files of an upload")
}

/// The builds that an upload is of.
///
/// # Errors
/// When the database fails.
pub fn builds_of(db: &Connection, upload: UploadId) -> Result<Vec<BuildId>, StoreError> {
    db.prepare_cached("SELECT build FROM package_upload_build WHERE package_upload = ?1 ORDER BY build")
        .and_then(|mut statement| statement.query_map([upload], |row| row.get(0))?.collect())
        .during("list the builds of an upload")
}
