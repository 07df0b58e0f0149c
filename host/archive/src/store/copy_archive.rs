//! `copy_archive` and `copy_archive_architecture`: what was said when a copy archive was made, and for which architectures it is.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::archive::Archive;
use super::series::ArchSeries;
use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{ArchitectureTag, ArchiveId, ArchivePurpose, SeriesId};

/// What a copy archive is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CopyOf {
    /// Of what it is a copy, as somebody has written it.
    pub origin: String,
    /// The archive that this means, if it is here.
    #[serde(skip)]
    pub origin_archive: Option<ArchiveId>,
    /// Why it was made.
    pub reason: String,
    /// Who has made it.
    pub creator: String,
    /// When.
    pub date: Timestamp,
    /// Its architectures, by name.
    pub architectures: Vec<String>,
}

/// What is said of a copy archive when it is made.
#[derive(Debug, Clone, Copy)]
pub struct NewCopyOf<'a> {
    /// Of what it is a copy, in words.
    pub origin: &'a str,
    /// The archive that this means, if it is here.
    pub origin_archive: Option<ArchiveId>,
    /// Why.
    pub reason: &'a str,
    /// Who makes it.
    pub creator: &'a str,
    /// For which architectures.
    pub architectures: &'a [ArchitectureTag],
}

/// Says of an archive what it is a copy of.
///
/// # Errors
/// When it is no copy archive, no reason or no architecture is given, or the database fails.
pub fn add_copy_of(
    tx: &Transaction<'_>,
    archive: &Archive,
    new: &NewCopyOf<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "say what an archive is a copy of";
    if archive.purpose != ArchivePurpose::Copy {
        return Err(StoreError::Refused(format!(
            "{} is a {} archive, and no copy",
            archive.reference, archive.purpose
        )));
    }
    if new.reason.is_empty() || new.architectures.is_empty() {
        return Err(StoreError::Refused(format!(
            "{} needs a reason why it is made, and at least one architecture",
            archive.reference
        )));
    }
    tx.prepare_cached(
        "INSERT INTO copy_archive (archive, origin, origin_archive, reason, creator, date_created) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .and_then(|mut statement| {
        statement.execute((archive.id, new.origin, new.origin_archive, new.reason, new.creator, Date(now)))
    })
    .during(WHAT)?;
    for architecture in new.architectures {
        tx.prepare_cached(
            "INSERT OR IGNORE INTO copy_archive_architecture (archive, architecture_tag) VALUES (?1, ?2)",
        )
        .and_then(|mut statement| statement.execute((archive.id, architecture)))
        .during(WHAT)?;
    }
    Ok(())
}

/// Says which archive a copy archive is a copy of, where that is not known yet: what was known stays.
///
/// # Errors
/// When the database fails.
pub fn set_origin_archive(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    origin: ArchiveId,
) -> Result<(), StoreError> {
    tx.prepare_cached(
        "UPDATE copy_archive SET origin_archive = ?2 WHERE archive = ?1 AND origin_archive IS NULL AND archive <> ?2",
    )
    .and_then(|mut statement| statement.execute((archive, origin)))
    .map(|_| ())
    .during("say what an archive is a copy of")
}

/// What an archive is a copy of; none: it is no copy.
///
/// # Errors
/// When the database fails.
pub fn copy_of(db: &Connection, archive: ArchiveId) -> Result<Option<CopyOf>, StoreError> {
    const WHAT: &str = "read what an archive is a copy of";
    let found = db
        .prepare_cached("SELECT origin, reason, creator, date_created, origin_archive FROM copy_archive WHERE archive = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([archive], |row| {
                    Ok(CopyOf {
                        origin: row.get(0)?,
                        reason: row.get(1)?,
                        creator: row.get(2)?,
                        date: row.get::<_, Date>(3)?.0,
                        origin_archive: row.get(4)?,
                        architectures: Vec::new(),
                    })
                })
                .optional()
        })
        .during(WHAT)?;
    let Some(mut found) = found else { return Ok(None) };
    found.architectures = db
        .prepare_cached(
            "SELECT architecture_tag FROM copy_archive_architecture WHERE archive = ?1 ORDER BY architecture_tag",
        )
        .and_then(|mut statement| statement.query_map([archive], |row| row.get(0))?.collect())
        .during(WHAT)?;
    Ok(Some(found))
}

/// The architectures of a series that an archive has, by name: the enabled ones; of a copy archive, those of them that it was made for.
///
/// # Errors
/// When the database fails.
pub fn architectures_in(
    db: &Connection,
    archive: ArchiveId,
    series: SeriesId,
) -> Result<Vec<ArchSeries>, StoreError> {
    db.prepare_cached(
        "SELECT id, architecture_tag, enabled FROM distro_arch_series AS architecture WHERE distro_series = ?2 AND enabled
         AND (NOT EXISTS (SELECT 1 FROM copy_archive WHERE archive = ?1)
              OR EXISTS (SELECT 1 FROM copy_archive_architecture AS fixed
                         WHERE fixed.archive = ?1 AND fixed.architecture_tag = architecture.architecture_tag))
         ORDER BY architecture_tag",
    )
    .and_then(|mut statement| {
        statement
            .query_map((archive, series), |row| {
                Ok(ArchSeries { id: row.get(0)?, tag: row.get(1)?, enabled: row.get(2)? })
            })?
            .collect()
    })
    .during("list the architectures of an archive")
}

/// Where it is looked up how a package of a copy archive is filed that is not in it yet: what it is a copy of, then the primary archive.
///
/// # Errors
/// When the database fails.
pub fn filed_as(db: &Connection, archive: &Archive) -> Result<Vec<ArchiveId>, StoreError> {
    db.prepare_cached(
        "SELECT origin.id FROM archive AS origin
         LEFT JOIN copy_archive ON copy_archive.archive = ?1 AND copy_archive.origin_archive = origin.id
         WHERE origin.distribution = ?2 AND (copy_archive.archive IS NOT NULL OR origin.purpose = 'PRIMARY')
         ORDER BY copy_archive.archive IS NULL, origin.id",
    )
    .and_then(|mut statement| {
        statement.query_map((archive.id, archive.distribution), |row| row.get(0))?.collect()
    })
    .during("find what an archive is a copy of")
}
