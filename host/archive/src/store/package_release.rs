//! `source_package_release`, `binary_package_release` and their files: what was uploaded, wherever it is published.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, Made, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::name::{ArchitectureTag, BinaryName, FileName, PackagePriority, Section, SourceName};
use crate::domain::version::DebVersion;
use crate::domain::{AliasId, ArchiveId, BinaryFormat, BinaryReleaseId, SourceReleaseId};

/// A source package, as it was uploaded.
#[derive(Debug, Clone)]
pub struct NewSourceRelease<'a> {
    /// `Source`.
    pub name: &'a SourceName,
    /// `Version`.
    pub version: &'a DebVersion,
    /// `Format`.
    pub format: &'a str,
    /// `Architecture`.
    pub architecture: &'a str,
    /// What its own words give, if they do.
    pub section: Option<&'a Section>,
    /// As `section`.
    pub priority: Option<&'a PackagePriority>,
    /// `Maintainer`.
    pub maintainer: &'a str,
    /// The stripped paragraph.
    pub dsc: &'a str,
    /// The .dsc itself.
    pub dsc_file: Made<AliasId>,
    /// The files that it lists.
    pub files: &'a [AliasId],
    /// Where it came in.
    pub archive: ArchiveId,
}

/// The row of a source package, made if needed: the .dsc decides whether it is the same.
///
/// # Errors
/// When the database fails.
pub fn source_release(
    tx: &Transaction<'_>,
    new: &NewSourceRelease<'_>,
    now: Timestamp,
) -> Result<Made<SourceReleaseId>, StoreError> {
    if let Made::Known(file) = new.dsc_file
        && let Some(known) = tx
            .prepare_cached("SELECT id FROM source_package_release WHERE dsc_file = ?1")
            .and_then(|mut statement| statement.query_row([file], |row| row.get(0)).optional())
            .during("find a source package")?
    {
        return Ok(Made::Known(known));
    }
    let id = tx
        .prepare_cached(
            "INSERT INTO source_package_release (source_package_name, version, dsc_format, architecture_hint_list, section, priority,
             maintainer, dsc, dsc_file, upload_archive, date_uploaded) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )
        .and_then(|mut statement| {
            statement.insert((
                new.name,
                new.version,
                new.format,
                new.architecture,
                new.section,
                new.priority,
                new.maintainer,
                new.dsc,
                new.dsc_file.row(),
                new.archive,
                Date(now),
            ))
        })
        .map(SourceReleaseId)
        .during("add a source package")?;
    for file in std::iter::once(&new.dsc_file.row()).chain(new.files) {
        tx.prepare_cached(
            "INSERT OR IGNORE INTO source_package_release_file (source_package_release, library_file) VALUES (?1, ?2)",
        )
        .and_then(|mut statement| statement.execute((id, file)))
        .during("add a source package's file")?;
    }
    Ok(Made::New(id))
}

/// The source package of a name and version in an archive: what is published or accepted there, wherever it came in first; else the newest that
/// came into it.
///
/// # Errors
/// When the database fails.
pub fn find_source_release(
    db: &Connection,
    archive: ArchiveId,
    name: &SourceName,
    version: &DebVersion,
) -> Result<Option<SourceReleaseId>, StoreError> {
    db.prepare_cached(include_str!("source_of_version.sql"))
        .and_then(|mut statement| statement.query_row((name, version, archive), |row| row.get(0)).optional())
        .during("find a source package")
}

/// A binary package, as it was uploaded.
#[derive(Debug, Clone)]
pub struct NewBinaryRelease<'a> {
    /// `Package`.
    pub name: &'a BinaryName,
    /// `Version`.
    pub version: &'a DebVersion,
    /// By the file's name and `Package-Type`.
    pub format: BinaryFormat,
    /// `Architecture`.
    pub architecture: &'a ArchitectureTag,
    /// `Source`, or its own name.
    pub source_name: &'a SourceName,
    /// The version in `Source`, or its own.
    pub source_version: &'a DebVersion,
    /// Its source's row, where it is known.
    pub source_release: Option<SourceReleaseId>,
    /// What its own words give.
    pub section: Option<&'a Section>,
    /// As `section`.
    pub priority: Option<&'a PackagePriority>,
    /// `Essential: yes`.
    pub essential: bool,
    /// `Built-Using`.
    pub built_using: &'a str,
    /// `Static-Built-Using`.
    pub static_built_using: &'a str,
    /// The control paragraph.
    pub control: &'a str,
    /// The file.
    pub file: Made<AliasId>,
}

/// The row of a binary package, made if needed: the file decides whether it is the same.
///
/// # Errors
/// When the database fails.
pub fn binary_release(
    tx: &Transaction<'_>,
    new: &NewBinaryRelease<'_>,
    now: Timestamp,
) -> Result<Made<BinaryReleaseId>, StoreError> {
    if let Made::Known(file) = new.file
        && let Some(known) = tx
            .prepare_cached("SELECT id FROM binary_package_release WHERE binary_package_file = ?1")
            .and_then(|mut statement| statement.query_row([file], |row| row.get(0)).optional())
            .during("find a binary package")?
    {
        return Ok(Made::Known(known));
    }
    tx.prepare_cached(
        "INSERT INTO binary_package_release (binary_package_name, version, bin_package_format, architecture_tag, source_package_name,
         source_version, source_package_release, section, priority, essential, built_using, static_built_using, control,
         binary_package_file, date_created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )
    .and_then(|mut statement| {
        statement.insert((
            new.name,
            new.version,
            new.format,
            new.architecture,
            new.source_name,
            new.source_version,
            new.source_release,
            new.section,
            new.priority,
            new.essential,
            new.built_using,
            new.static_built_using,
            new.control,
            new.file.row(),
            Date(now),
        ))
    })
    .map(|id| Made::New(BinaryReleaseId(id)))
    .during("add a binary package")
}

/// Who has a file name in an archive: some package that is or was published there, or waits to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameHolder {
    /// The content that the name stands for.
    pub sha256: Sha256,
    /// `hello 2.10-3 (amd64)`.
    pub package: String,
}

/// Who has a file name in an archive, with other content than offered, whatever its source: clients tell packages apart by
/// name, version and architecture. A name stays taken while the
/// file is in the pool or a publication of it has not been removed.
///
/// # Errors
/// When the database fails.
pub fn other_holder(
    db: &Connection,
    archive: ArchiveId,
    filename: &FileName,
    offered: &Sha256,
) -> Result<Option<NameHolder>, StoreError> {
    db.prepare_cached(include_str!("other_holder.sql"))
        .and_then(|mut statement| {
            statement
                .query_row((archive, filename, offered), |row| {
                    Ok(NameHolder { sha256: row.get(0)?, package: row.get(1)? })
                })
                .optional()
        })
        .during("find who has a pool name")
}
