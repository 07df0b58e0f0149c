//! `upload_receipt` and `signed_changes`: what became of everything that was put into incoming, and which signatures have been used.
//!
//! A receipt is written in the transaction that takes an upload in, before anything is moved. Until `moved_to` says where the upload went, the
//! next run finishes the move instead of judging again.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{
    ArchiveId, DebVersion, PersonId, ReceiptId, Sha256, SourceName, UploadId, UploadPolicy, UploadVerdict,
};

/// A receipt that is to be written.
#[derive(Debug, Clone)]
pub struct NewReceipt<'a> {
    /// The base folder.
    pub base: &'a str,
    /// The name in incoming.
    pub leaf: &'a str,
    /// For which purpose it was processed.
    pub context: &'a str,
    /// By which rules.
    pub policy: UploadPolicy,
    /// What was decided.
    pub verdict: UploadVerdict,
    /// The `.changes`, below the leaf.
    pub changes_filename: Option<&'a str>,
    /// Its content as it lay in incoming.
    pub changes_sha256: Option<Sha256>,
    /// The source that it is about, where that is known.
    pub source_name: Option<&'a SourceName>,
    /// Its version.
    pub version: Option<&'a DebVersion>,
    /// What it became.
    pub upload: Option<UploadId>,
    /// Whose signature holds.
    pub signer: Option<PersonId>,
    /// A line for each problem or remark.
    pub messages: &'a str,
    /// The problems, as JSON.
    pub problems: &'a str,
    /// Where it stays; none: it is to be moved.
    pub moved_to: Option<&'a str>,
}

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its row.
    pub id: ReceiptId,
    /// The base folder.
    pub base: String,
    /// The name in incoming.
    pub leaf: String,
    /// For which purpose it was processed.
    pub context: String,
    /// By which rules.
    pub policy: UploadPolicy,
    /// What was decided.
    pub verdict: UploadVerdict,
    /// The `.changes`, below the leaf.
    pub changes_filename: Option<String>,
    /// Its content as it lay in incoming.
    pub changes_sha256: Option<Sha256>,
    /// The source that it is about.
    pub source_name: Option<SourceName>,
    /// Its version.
    pub version: Option<DebVersion>,
    /// What it became.
    pub upload: Option<UploadId>,
    /// The name of who signed it.
    pub signer: Option<String>,
    /// A line for each problem or remark.
    pub messages: String,
    /// The problems, as JSON.
    pub problems: String,
    /// Where it went, below the base folder; none: it is not moved yet.
    pub moved_to: Option<String>,
    /// When it was decided.
    pub date_created: Timestamp,
}

const COLUMNS: &str = "receipt.id, base, leaf, context, policy, verdict, changes_filename, changes_sha256, source_package_name, version,
                       package_upload, person.name, messages, problems, moved_to, receipt.date_created
                       FROM upload_receipt AS receipt LEFT JOIN person ON person.id = receipt.signer";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Receipt> {
    Ok(Receipt {
        id: row.get(0)?,
        base: row.get(1)?,
        leaf: row.get(2)?,
        context: row.get(3)?,
        policy: row.get(4)?,
        verdict: row.get(5)?,
        changes_filename: row.get(6)?,
        changes_sha256: row.get(7)?,
        source_name: row.get(8)?,
        version: row.get(9)?,
        upload: row.get(10)?,
        signer: row.get(11)?,
        messages: row.get(12)?,
        problems: row.get(13)?,
        moved_to: row.get(14)?,
        date_created: row.get::<_, Date>(15)?.0,
    })
}

/// Writes a receipt.
///
/// # Errors
/// When the database fails.
pub fn add_receipt(
    tx: &Transaction<'_>,
    new: &NewReceipt<'_>,
    now: Timestamp,
) -> Result<ReceiptId, StoreError> {
    tx.prepare_cached(
        "INSERT INTO upload_receipt (base, leaf, context, policy, verdict, changes_filename, changes_sha256, source_package_name,
         version, package_upload, signer, messages, problems, moved_to, date_created)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )
    .and_then(|mut statement| {
        statement.insert(rusqlite::params![
            new.base,
            new.leaf,
            new.context,
            new.policy,
            new.verdict,
            new.changes_filename,
            new.changes_sha256,
            new.source_name,
            new.version,
            new.upload,
            new.signer,
            new.messages,
            new.problems,
            new.moved_to,
            Date(now),
        ])
    })
    .map(ReceiptId)
    .during("write a receipt")
}

/// The receipts of a base folder whose uploads are not moved yet, oldest first.
///
/// # Errors
/// When the database fails.
pub fn not_moved(db: &Connection, base: &str) -> Result<Vec<Receipt>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE receipt.base = ?1 AND receipt.moved_to IS NULL ORDER BY receipt.id"
    ))
    .and_then(|mut statement| statement.query_map([base], from_row)?.collect())
    .during("list the uploads that are not moved yet")
}

/// The receipts of a name in incoming, oldest first.
///
/// # Errors
/// When the database fails.
pub fn receipts_of_leaf(db: &Connection, base: &str, leaf: &str) -> Result<Vec<Receipt>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE receipt.base = ?1 AND receipt.leaf = ?2 ORDER BY receipt.id"
    ))
    .and_then(|mut statement| statement.query_map((base, leaf), from_row)?.collect())
    .during("list the receipts of an upload")
}

/// A receipt.
///
/// # Errors
/// When there is none, or the database fails.
pub fn receipt(db: &Connection, id: ReceiptId) -> Result<Receipt, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE receipt.id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find a receipt")?
        .ok_or_else(|| StoreError::Unknown { what: "receipt", name: id.to_string(), known: Vec::new() })
}

/// Says where an upload went.
///
/// # Errors
/// When the database fails.
pub fn moved(tx: &Transaction<'_>, id: ReceiptId, to: &str) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE upload_receipt SET moved_to = ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute((id, to)))
        .map(|_| ())
        .during("say where an upload went")
}

/// The upload that a signature has led to in an archive; `digest` is of the signer, the time of signing and the signed text.
///
/// # Errors
/// When the database fails.
pub fn upload_of_signature(
    db: &Connection,
    archive: ArchiveId,
    digest: &Sha256,
) -> Result<Option<UploadId>, StoreError> {
    db.prepare_cached("SELECT package_upload FROM signed_changes WHERE archive = ?1 AND sha256 = ?2")
        .and_then(|mut statement| statement.query_row((archive, digest), |row| row.get(0)).optional())
        .during("look for an upload with the same signature")
}

/// Remembers that a signature has led to an upload.
///
/// # Errors
/// When it has led to one already, or the database fails.
pub fn use_signature(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    digest: &Sha256,
    upload: UploadId,
) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO signed_changes (archive, sha256, package_upload) VALUES (?1, ?2, ?3)")
        .and_then(|mut statement| statement.execute((archive, digest, upload)))
        .map(|_| ())
        .during("remember a signature")
}
