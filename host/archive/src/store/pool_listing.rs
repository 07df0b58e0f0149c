//! `pool_listing`: the part of an archive's ls-lR.gz that is about its pool, in parts of sources that follow each other, and which of them are not as the
//! pool is.

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::size;
use super::{During, StoreError};
use crate::domain::name::{ComponentName, FileName, SourceName};
use crate::domain::{ArchiveId, ComponentId, PoolFileId};

/// Says whether an archive has an ls-lR.gz. One that did not have it has all of it to be made.
///
/// # Errors
/// When the database fails.
pub fn set_ls_lr(tx: &Transaction<'_>, archive: ArchiveId, wanted: bool) -> Result<(), StoreError> {
    const WHAT: &str = "say whether there is an ls-lR.gz";
    if super::mirror_journal::settings(tx, archive)?.ls_lr == wanted {
        return Ok(());
    }
    tx.execute("UPDATE archive SET ls_lr = ?2, ls_lr_owed = 0 WHERE id = ?1", (archive, wanted))
        .during(WHAT)?;
    for table in ["pool_listing", "pool_listing_stale"] {
        tx.execute(&format!("DELETE FROM {table} WHERE archive = ?1"), [archive]).during(WHAT)?;
    }
    if wanted {
        tx.execute(
            "INSERT INTO pool_listing_stale (archive, component, source_package_name)
             SELECT DISTINCT archive, component, source_package_name FROM pool_file WHERE archive = ?1
             ORDER BY archive, component, source_package_name",
            [archive],
        )
        .during(WHAT)?;
    }
    Ok(())
}

/// The first source of an archive, by component and name, whose folder is not as the listing has it.
///
/// # Errors
/// When the database fails.
pub fn next_stale(
    db: &Connection,
    archive: ArchiveId,
) -> Result<Option<(ComponentId, ComponentName, SourceName)>, StoreError> {
    db.prepare_cached(
        "SELECT stale.component, component.name, stale.source_package_name FROM pool_listing_stale AS stale
         JOIN component ON component.id = stale.component WHERE stale.archive = ?1
         ORDER BY stale.component, stale.source_package_name LIMIT 1",
    )
    .and_then(|mut statement| {
        statement.query_row([archive], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()
    })
    .during("look for what changed in the pool")
}

/// Says of the listing of an archive, where it has one, that it is not as the archive is.
///
/// # Errors
/// When the database fails.
pub fn owe(tx: &Transaction<'_>, archive: ArchiveId) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE archive SET ls_lr_owed = 1 WHERE id = ?1 AND ls_lr AND NOT ls_lr_owed")
        .and_then(|mut statement| statement.execute([archive]))
        .map(drop)
        .during("record that the listing is owed")
}

/// Whether the listing of an archive is not as the archive is.
///
/// # Errors
/// When the database fails.
pub fn is_owed(db: &Connection, archive: ArchiveId) -> Result<bool, StoreError> {
    db.prepare_cached(
        "SELECT ls_lr AND (ls_lr_owed OR EXISTS (SELECT 1 FROM pool_listing_stale WHERE archive = ?1))
         FROM archive WHERE id = ?1",
    )
    .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
    .during("ask whether the listing is owed")
}

/// Records that the listing lies in the archive.
///
/// # Errors
/// When the database fails.
pub fn settle(tx: &Transaction<'_>, archive: ArchiveId) -> Result<(), StoreError> {
    tx.execute("UPDATE archive SET ls_lr_owed = 0 WHERE id = ?1", [archive])
        .map(drop)
        .during("record that the listing is there")
}

/// Sources of a component whose names are not before one and before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Of which archive.
    pub archive: ArchiveId,
    /// In which component.
    pub component: ComponentId,
    /// Not before this.
    pub from: String,
    /// Before this.
    pub to: String,
}

/// Where, within a span, the part of the listing begins that a source is in, or would be.
///
/// # Errors
/// When the database fails.
pub fn part_of(db: &Connection, span: &Span, source: &SourceName) -> Result<Option<String>, StoreError> {
    db.prepare_cached(
        "SELECT first_source FROM pool_listing WHERE archive = ?1 AND component = ?2 AND first_source >= ?3 AND first_source <= ?4
         ORDER BY first_source DESC LIMIT 1",
    )
    .and_then(|mut statement| {
        statement
            .query_row((span.archive, span.component, &span.from, source), |row| row.get(0))
            .optional()
    })
    .during("find a part of the listing")
}

/// Where, within a span, the next part of the listing begins behind a name.
///
/// # Errors
/// When the database fails.
pub fn part_after(db: &Connection, span: &Span, name: &str) -> Result<Option<String>, StoreError> {
    db.prepare_cached(
        "SELECT first_source FROM pool_listing WHERE archive = ?1 AND component = ?2 AND first_source > ?3 AND first_source < ?4
         ORDER BY first_source LIMIT 1",
    )
    .and_then(|mut statement| {
        statement.query_row((span.archive, span.component, name, &span.to), |row| row.get(0)).optional()
    })
    .during("find a part of the listing")
}

/// A name in the pool, as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedName {
    /// Its row.
    pub id: PoolFileId,
    /// In whose folder.
    pub source: SourceName,
    /// The name.
    pub filename: FileName,
    /// How long the file is.
    pub size_bytes: u64,
    /// It is a link, to the file in this component.
    pub link_to: Option<ComponentName>,
    /// When it was written to last, in seconds since 1970, if anybody has looked.
    pub modified: Option<i64>,
}

/// The names in the pool of the sources of a span, by source and name.
///
/// # Errors
/// When the database fails.
pub fn names(db: &Connection, span: &Span) -> Result<Vec<ListedName>, StoreError> {
    db.prepare_cached(
        "SELECT file.id, file.source_package_name, file.filename, content.file_size, file.modified,
                CASE WHEN file.is_symlink THEN
                  (SELECT holder.name FROM pool_file AS real JOIN component AS holder ON holder.id = real.component
                   WHERE real.archive = ?1 AND real.source_package_name = file.source_package_name
                   AND real.filename = file.filename AND NOT real.is_symlink) END
         FROM pool_file AS file JOIN library_file_content AS content ON content.id = file.content
         WHERE file.archive = ?1 AND file.component = ?2 AND file.source_package_name >= ?3 AND file.source_package_name < ?4
         ORDER BY file.source_package_name, file.filename",
    )
    .and_then(|mut statement| {
        statement
            .query_map((span.archive, span.component, &span.from, &span.to), |row| {
                Ok(ListedName {
                    id: row.get(0)?,
                    source: row.get(1)?,
                    filename: row.get(2)?,
                    size_bytes: row.get(3)?,
                    modified: row.get(4)?,
                    link_to: row.get(5)?,
                })
            })?
            .collect()
    })
    .during("list a part of the pool")
}

/// Records when a name in the pool was written to last.
///
/// # Errors
/// When the database fails.
pub fn set_modified(tx: &Transaction<'_>, name: PoolFileId, seconds: i64) -> Result<(), StoreError> {
    tx.prepare_cached("UPDATE pool_file SET modified = ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute((name, seconds)))
        .map(drop)
        .during("record when a file was written to")
}

/// A part of the listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The folder above those of its sources.
    pub prefix: String,
    /// Its first source.
    pub first_source: String,
    /// How many it has.
    pub sources: u64,
    /// The latest change in it, in seconds since 1970.
    pub newest: i64,
    /// The lines of its folders, as a gzip member.
    pub lines: Vec<u8>,
    /// Its folders, as a gzip member.
    pub folders: Vec<u8>,
}

/// Puts parts in the place of those of a span, which is then as the pool is.
///
/// # Errors
/// When the database fails.
pub fn replace(tx: &Transaction<'_>, span: &Span, parts: &[Part]) -> Result<(), StoreError> {
    const WHAT: &str = "record a part of the listing";
    let of_span = (span.archive, span.component, &span.from, &span.to);
    tx.prepare_cached(
        "DELETE FROM pool_listing WHERE archive = ?1 AND component = ?2 AND first_source >= ?3 AND first_source < ?4",
    )
    .and_then(|mut statement| statement.execute(of_span))
    .during(WHAT)?;
    tx.prepare_cached(
        "DELETE FROM pool_listing_stale WHERE archive = ?1 AND component = ?2 AND source_package_name >= ?3
         AND source_package_name < ?4",
    )
    .and_then(|mut statement| statement.execute(of_span))
    .during(WHAT)?;
    for part in parts {
        tx.prepare_cached(
            "INSERT INTO pool_listing (archive, component, prefix, first_source, sources, newest, lines, folders)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )
        .and_then(|mut statement| {
            statement.execute((
                span.archive,
                span.component,
                &part.prefix,
                &part.first_source,
                size(part.sources),
                part.newest,
                &part.lines,
                &part.folders,
            ))
        })
        .during(WHAT)?;
    }
    Ok(())
}

/// All parts of an archive's listing, by component, prefix and source.
///
/// # Errors
/// When the database fails.
pub fn parts(db: &Connection, archive: ArchiveId) -> Result<Vec<(ComponentName, Part)>, StoreError> {
    db.prepare_cached(
        "SELECT component.name, prefix, first_source, sources, newest, lines, folders FROM pool_listing
         JOIN component ON component.id = pool_listing.component WHERE archive = ?1
         ORDER BY component.name, prefix, first_source",
    )
    .and_then(|mut statement| {
        statement
            .query_map([archive], |row| {
                Ok((
                    row.get(0)?,
                    Part {
                        prefix: row.get(1)?,
                        first_source: row.get(2)?,
                        sources: row.get(3)?,
                        newest: row.get(4)?,
                        lines: row.get(5)?,
                        folders: row.get(6)?,
                    },
                ))
            })?
            .collect()
    })
    .during("read the listing of the pool")
}
