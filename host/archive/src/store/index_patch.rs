//! `index_patch`: the patches by which clients bring an index that they have up to date.
//!
//! A pass prepares what it adds beside the live ones, and says which of those are named no longer or have gone; with the installation that is so.
//! A patch that is named no longer stays on disk for a while: clients that have just read the index of patches before ask for it.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::{Date, size};
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::{IndexPatchId, PassId, SuiteId};

/// A content, known by its digest and length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Its digest.
    pub sha256: Sha256,
    /// How long it is.
    pub size_bytes: u64,
}

impl Content {
    /// Of data that is in memory.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        Self { sha256: Sha256::of(data), size_bytes: u64::try_from(data.len()).unwrap_or(u64::MAX) }
    }
}

/// What is known of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchFacts {
    /// As `2026-11-21-2143.05`; its file lies in the index's folder of patches and ends with `.gz`. Names grow with time.
    pub name: String,
    /// The text that it is for.
    pub from: Content,
    /// The text that it makes of it.
    pub to: Content,
    /// Its commands.
    pub patch: Content,
    /// They, compressed.
    pub file: Content,
}

/// A patch on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPatch {
    /// Its row.
    pub id: IndexPatchId,
    /// The index, below the suite's folder, without the ending of a form.
    pub path: String,
    /// What it is.
    pub facts: PatchFacts,
    /// Whether clients are told of it.
    pub is_current: bool,
    /// Since when they are not; none also where that begins with a pass that is not installed.
    pub date_superseded: Option<Timestamp>,
}

/// What a pass does to the patches of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchChange {
    /// The index, below the suite's folder, without the ending of a form.
    pub path: String,
    /// Those that clients are told of no longer.
    pub retired: Vec<IndexPatchId>,
    /// The one that is new.
    pub added: Option<PatchFacts>,
}

/// The text of an index as the live Release of a suite lists it, which is what clients have; none where it lists none.
///
/// # Errors
/// When the database fails.
pub fn listed_text(db: &Connection, suite: SuiteId, path: &str) -> Result<Option<Content>, StoreError> {
    db.prepare_cached(
        "SELECT sha256, file_size FROM archive_file WHERE suite = ?1 AND path = ?2 AND date_superseded IS NULL",
    )
    .and_then(|mut statement| {
        statement
            .query_row((suite, path), |row| Ok(Content { sha256: row.get(0)?, size_bytes: row.get(1)? }))
            .optional()
    })
    .during("look for what clients have of an index")
}

/// The patches of a suite as a pass leaves them so far: by path, the oldest first.
///
/// # Errors
/// When the database fails.
pub fn patches_of(db: &Connection, suite: SuiteId, pass: PassId) -> Result<Vec<StoredPatch>, StoreError> {
    db.prepare_cached(
        "SELECT patch.id, patch.path, patch.name, patch.from_sha256, patch.from_size, patch.to_sha256, patch.to_size,
         patch.patch_sha256, patch.patch_size, patch.file_sha256, patch.file_size, patch.date_superseded,
         patch.date_superseded IS NULL AND NOT EXISTS (SELECT 1 FROM publisher_index_patch AS change
           WHERE change.publisher_pass = ?2 AND change.index_patch = patch.id)
         FROM index_patch AS patch WHERE patch.suite = ?1 AND (patch.publisher_pass IS NULL OR patch.publisher_pass = ?2)
         ORDER BY patch.path, patch.name",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, pass), |row| {
                let content = |column: usize| {
                    Ok::<_, rusqlite::Error>(Content { sha256: row.get(column)?, size_bytes: row.get(column + 1)? })
                };
                let facts = PatchFacts {
                    name: row.get(2)?,
                    from: content(3)?,
                    to: content(5)?,
                    patch: content(7)?,
                    file: content(9)?,
                };
                Ok(StoredPatch {
                    id: row.get(0)?,
                    path: row.get(1)?,
                    facts,
                    is_current: row.get(12)?,
                    date_superseded: row.get::<_, Option<Date>>(11)?.map(|date| date.0),
                })
            })?
            .collect()
    })
    .during("list the patches of indexes")
}

/// Records what a pass that is about to be installed does to the patches of a suite.
///
/// # Errors
/// When the database fails.
pub fn prepare_patches(
    tx: &Transaction<'_>,
    pass: PassId,
    suite: SuiteId,
    changes: &[PatchChange],
) -> Result<(), StoreError> {
    for PatchChange { path, retired, added } in changes {
        prepare_upkeep(tx, pass, retired, &[])?;
        let Some(PatchFacts { name, from, to, patch, file }) = added else { continue };
        tx.prepare_cached(
            "INSERT INTO index_patch (suite, path, name, from_sha256, from_size, to_sha256, to_size, patch_sha256, patch_size,
             file_sha256, file_size, publisher_pass) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )
        .and_then(|mut statement| {
            statement.execute(rusqlite::params![
                suite,
                path,
                name,
                from.sha256,
                size(from.size_bytes),
                to.sha256,
                size(to.size_bytes),
                patch.sha256,
                size(patch.size_bytes),
                file.sha256,
                size(file.size_bytes),
                pass
            ])
        })
        .during("record a patch of an index")?;
    }
    Ok(())
}

/// Records which patches a pass tells clients of no longer, and of which it has taken away the files.
///
/// # Errors
/// When the database fails.
pub fn prepare_upkeep(
    tx: &Transaction<'_>,
    pass: PassId,
    retired: &[IndexPatchId],
    removed: &[IndexPatchId],
) -> Result<(), StoreError> {
    for (ids, change) in [(retired, "RETIRED"), (removed, "REMOVED")] {
        for id in ids {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO publisher_index_patch (publisher_pass, index_patch, change) VALUES (?1, ?2, ?3)",
            )
            .and_then(|mut statement| statement.execute((pass, id, change)))
            .during("record what becomes of a patch")?;
        }
    }
    Ok(())
}

/// Makes what an installed pass has prepared the live state.
pub(super) fn adopt_patches(tx: &Transaction<'_>, pass: PassId, now: Timestamp) -> Result<(), StoreError> {
    const WHAT: &str = "record the patches of the indexes";
    tx.execute("UPDATE index_patch SET publisher_pass = NULL WHERE publisher_pass = ?1", [pass])
        .during(WHAT)?;
    tx.execute(
        "UPDATE index_patch SET date_superseded = ?2 WHERE date_superseded IS NULL AND id IN (
           SELECT index_patch FROM publisher_index_patch WHERE publisher_pass = ?1 AND change = 'RETIRED')",
        (pass, Date(now)),
    )
    .during(WHAT)?;
    tx.execute(
        "DELETE FROM index_patch WHERE id IN (
           SELECT index_patch FROM publisher_index_patch WHERE publisher_pass = ?1 AND change = 'REMOVED')",
        [pass],
    )
    .during(WHAT)?;
    tx.execute("DELETE FROM publisher_index_patch WHERE publisher_pass = ?1", [pass]).map(|_| ()).during(WHAT)
}

/// Forgets what a pass that is not installed has prepared.
pub(super) fn forget_patches(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    const WHAT: &str = "forget the patches of a pass";
    tx.execute("DELETE FROM index_patch WHERE publisher_pass = ?1", [pass]).during(WHAT)?;
    tx.execute("DELETE FROM publisher_index_patch WHERE publisher_pass = ?1", [pass]).map(|_| ()).during(WHAT)
}
