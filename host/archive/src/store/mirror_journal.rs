//! `mirror_journal` and what belongs to it: what changed in the files that are served, by number; what has to be written down next; and which folders may be
//! empty since a pass.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::sql::{Date, size};
use super::{During, StoreError};
use crate::domain::digest::Sha256;
use crate::domain::name::{ComponentName, FileName, SourceName};
use crate::domain::{ArchiveId, FileChange, MirrorCause, MirrorJournalId, PassId};

/// Most numbers of a journal that an archive may keep.
pub const MOST_NUMBERS_KEPT: u32 = 100_000;

/// What an archive makes for mirrors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Whether there is an ls-lR.gz.
    pub ls_lr: bool,
    /// How many numbers of the journal stay; 0: there is none.
    pub journal: u32,
}

/// What an archive makes for mirrors.
///
/// # Errors
/// When the database fails.
pub fn settings(db: &Connection, archive: ArchiveId) -> Result<Settings, StoreError> {
    db.prepare_cached("SELECT ls_lr, mirror_journal FROM archive WHERE id = ?1")
        .and_then(|mut statement| {
            statement.query_row([archive], |row| Ok(Settings { ls_lr: row.get(0)?, journal: row.get(1)? }))
        })
        .during("read what an archive makes for mirrors")
}

/// The archives to whose followers something is owed that nobody lived to do, or could.
///
/// # Errors
/// When the database fails.
pub fn behind(db: &Connection) -> Result<BTreeSet<ArchiveId>, StoreError> {
    db.prepare_cached(
        "SELECT archive FROM vacated_folder
         UNION SELECT id FROM archive WHERE ls_lr AND (ls_lr_owed
             OR EXISTS (SELECT 1 FROM pool_listing_stale WHERE pool_listing_stale.archive = archive.id))
         UNION SELECT id FROM archive WHERE mirror_journal > 0 AND (
             EXISTS (SELECT 1 FROM mirror_pool_change WHERE mirror_pool_change.archive = archive.id)
             OR EXISTS (SELECT 1 FROM mirror_journal AS entry WHERE entry.archive = archive.id AND entry.written = 0))",
    )
    .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
    .during("ask what is owed to mirrors")
}

/// Says how many numbers of the journal stay. Where there was none, it begins with a number that says that everything has to be compared.
///
/// # Errors
/// When it is more than [`MOST_NUMBERS_KEPT`], or the database fails.
pub fn keep_numbers(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    numbers: u32,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "say how many numbers of the journal stay";
    if numbers > MOST_NUMBERS_KEPT {
        return Err(StoreError::Refused(format!(
            "the journal for mirrors keeps at most {MOST_NUMBERS_KEPT} numbers, not {numbers}"
        )));
    }
    let before = settings(tx, archive)?.journal;
    tx.execute("UPDATE archive SET mirror_journal = ?2 WHERE id = ?1", (archive, numbers)).during(WHAT)?;
    if (before == 0) != (numbers == 0) {
        tx.execute("DELETE FROM mirror_pool_change WHERE archive = ?1", [archive]).during(WHAT)?;
    }
    if before == 0 && numbers > 0 {
        let first = begin_anew(tx, archive, now)?;
        // their files have gone with the journal, and nobody could follow from them
        tx.execute("DELETE FROM mirror_journal WHERE archive = ?1 AND number < ?2", (archive, size(first)))
            .during(WHAT)?;
    }
    Ok(())
}

/// Adds a number that says that everything has to be compared.
///
/// # Errors
/// When the database fails.
pub fn begin_anew(tx: &Transaction<'_>, archive: ArchiveId, now: Timestamp) -> Result<u64, StoreError> {
    append(tx, archive, MirrorCause::Reset, None, &[FileChange::Everything], now)
}

/// What a change is in a row: action, path, size, digest, target.
fn columns(change: &FileChange) -> (&'static str, &str, Option<i64>, Option<&Sha256>, Option<&str>) {
    match change {
        FileChange::File { path, size_bytes, sha256 } => {
            ("FILE", path, Some(size(*size_bytes)), Some(sha256), None)
        }
        FileChange::Link { path, target } => ("LINK", path, None, None, Some(target)),
        FileChange::Removed { path } => ("REMOVED", path, None, None, None),
        FileChange::Everything => ("EVERYTHING", "", None, None, None),
    }
}

/// A change from a row of action, path, size, digest, target.
fn from_row(row: &Row<'_>) -> rusqlite::Result<FileChange> {
    let (action, path): (String, String) = (row.get(0)?, row.get(1)?);
    Ok(match action.as_str() {
        "FILE" => FileChange::File { path, size_bytes: row.get(2)?, sha256: row.get(3)? },
        "LINK" => FileChange::Link { path, target: row.get(4)? },
        "REMOVED" => FileChange::Removed { path },
        _ => FileChange::Everything,
    })
}

/// Adds a number with these changes, in that order.
///
/// # Errors
/// When the database fails.
pub fn append(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    cause: MirrorCause,
    pass: Option<PassId>,
    changes: &[FileChange],
    now: Timestamp,
) -> Result<u64, StoreError> {
    const WHAT: &str = "add to the journal for mirrors";
    let (id, number): (MirrorJournalId, u64) = tx
        .prepare_cached(
            "INSERT INTO mirror_journal (archive, number, cause, publisher_pass, date_created)
             SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4 FROM mirror_journal WHERE archive = ?1 RETURNING id, number",
        )
        .and_then(|mut statement| {
            statement.query_row((archive, cause, pass, Date(now)), |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .during(WHAT)?;
    let mut statement = tx
        .prepare_cached(
            "INSERT INTO mirror_change (mirror_journal, ordering, action, path, file_size, sha256, target)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .during(WHAT)?;
    for (ordering, change) in (0i64..).zip(changes) {
        let (action, path, size, sha256, target) = columns(change);
        statement.execute((id, ordering, action, path, size, sha256, target)).during(WHAT)?;
    }
    Ok(number)
}

/// A number of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its row.
    pub id: MirrorJournalId,
    /// The number.
    pub number: u64,
    /// Why there is one.
    pub cause: MirrorCause,
    /// The pass that was installed.
    pub pass: Option<PassId>,
    /// When it was added.
    pub date_created: Timestamp,
    /// How many changes it has.
    pub changes: u64,
}

const ENTRY: &str = "SELECT id, number, cause, publisher_pass, date_created,
    (SELECT count(*) FROM mirror_change WHERE mirror_journal = mirror_journal.id) FROM mirror_journal";

fn entry_from_row(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        number: row.get(1)?,
        cause: row.get(2)?,
        pass: row.get(3)?,
        date_created: row.get::<_, Date>(4)?.0,
        changes: row.get(5)?,
    })
}

/// The numbers that are kept, the first and the last; none where there is no journal.
///
/// # Errors
/// When the database fails.
pub fn numbers(db: &Connection, archive: ArchiveId) -> Result<Option<(u64, u64)>, StoreError> {
    if settings(db, archive)?.journal == 0 {
        return Ok(None);
    }
    db.prepare_cached("SELECT min(number), max(number) FROM mirror_journal WHERE archive = ?1")
        .and_then(|mut statement| {
            statement.query_row([archive], |row| {
                Ok(row.get::<_, Option<u64>>(0)?.zip(row.get::<_, Option<u64>>(1)?))
            })
        })
        .during("read the numbers of the journal for mirrors")
}

/// Whether an archive has numbers of a journal, also where it keeps none any more.
///
/// # Errors
/// When the database fails.
pub fn has_numbers(db: &Connection, archive: ArchiveId) -> Result<bool, StoreError> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM mirror_journal WHERE archive = ?1)")
        .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
        .during("look for a journal for mirrors")
}

/// A number of a journal, if it is kept.
///
/// # Errors
/// When the database fails.
pub fn entry(db: &Connection, archive: ArchiveId, number: u64) -> Result<Option<Entry>, StoreError> {
    db.prepare_cached(&format!("{ENTRY} WHERE archive = ?1 AND number = ?2"))
        .and_then(|mut statement| statement.query_row((archive, size(number)), entry_from_row).optional())
        .during("find a number of the journal for mirrors")
}

/// The row of a number of a journal, if it is kept.
///
/// # Errors
/// When the database fails.
pub fn entry_id(
    db: &Connection,
    archive: ArchiveId,
    number: u64,
) -> Result<Option<MirrorJournalId>, StoreError> {
    db.prepare_cached("SELECT id FROM mirror_journal WHERE archive = ?1 AND number = ?2")
        .and_then(|mut statement| statement.query_row((archive, size(number)), |row| row.get(0)).optional())
        .during("find a number of the journal for mirrors")
}

/// The numbers whose file does not lie in the archive yet, in order.
///
/// # Errors
/// When the database fails.
pub fn to_be_written(db: &Connection, archive: ArchiveId) -> Result<Vec<Entry>, StoreError> {
    db.prepare_cached(&format!(
        "{ENTRY} INDEXED BY mirror_journal_to_be_written WHERE archive = ?1 AND written = 0 ORDER BY number"
    ))
    .and_then(|mut statement| statement.query_map([archive], entry_from_row)?.collect())
    .during("list what of the journal for mirrors is to be written")
}

/// The changes of a number in order, leaving out so many, and at most so many.
///
/// # Errors
/// When the database fails.
pub fn changes(
    db: &Connection,
    entry: MirrorJournalId,
    offset: u64,
    most: u64,
) -> Result<Vec<FileChange>, StoreError> {
    db.prepare_cached(
        "SELECT action, path, file_size, sha256, target FROM mirror_change
         WHERE mirror_journal = ?1 AND ordering >= ?2 ORDER BY ordering LIMIT ?3",
    )
    .and_then(|mut statement| statement.query_map((entry, size(offset), size(most)), from_row)?.collect())
    .during("read the journal for mirrors")
}

/// Records that the file of a number lies in the archive.
///
/// # Errors
/// When the database fails.
pub fn mark_written(tx: &Transaction<'_>, entry: MirrorJournalId) -> Result<(), StoreError> {
    tx.execute("UPDATE mirror_journal SET written = 1 WHERE id = ?1", [entry])
        .map(drop)
        .during("record that the journal is written")
}

/// Forgets the numbers before the last so many; the last stays always, since the next one counts from it.
///
/// # Errors
/// When the database fails.
pub fn prune(tx: &Transaction<'_>, archive: ArchiveId, keep: u32) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM mirror_journal WHERE archive = ?1 AND written = 1
         AND number <= (SELECT max(number) FROM mirror_journal WHERE archive = ?1) - ?2",
        (archive, keep.max(1)),
    )
    .map(drop)
    .during("forget what is old in the journal for mirrors")
}

// ---------------------------------------------------------------- what a pass changes

/// Records what a pass is about to change in the trees that it replaces, in the order in which to follow it.
///
/// # Errors
/// When the database fails.
pub fn record_tree(tx: &Transaction<'_>, pass: PassId, changes: &[FileChange]) -> Result<(), StoreError> {
    const WHAT: &str = "record what the pass changes in its trees";
    tx.execute("DELETE FROM publisher_tree_change WHERE publisher_pass = ?1", [pass]).during(WHAT)?;
    let mut statement = tx
        .prepare_cached(
            "INSERT INTO publisher_tree_change (publisher_pass, ordering, action, path, file_size, sha256, target)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )
        .during(WHAT)?;
    for (ordering, change) in (0i64..).zip(changes) {
        let (action, path, size, sha256, target) = columns(change);
        statement.execute((pass, ordering, action, path, size, sha256, target)).during(WHAT)?;
    }
    tx.execute("UPDATE publisher_pass SET tree_recorded = 1 WHERE id = ?1", [pass]).map(drop).during(WHAT)
}

/// Takes what [`record_tree`] has recorded: none where it was not.
///
/// # Errors
/// When the database fails.
pub fn take_tree(tx: &Transaction<'_>, pass: PassId) -> Result<Option<Vec<FileChange>>, StoreError> {
    const WHAT: &str = "read what the pass has changed in its trees";
    let recorded: bool = tx
        .prepare_cached("SELECT tree_recorded FROM publisher_pass WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([pass], |row| row.get(0)))
        .during(WHAT)?;
    let changes = tx
        .prepare_cached(
            "SELECT action, path, file_size, sha256, target FROM publisher_tree_change WHERE publisher_pass = ?1 ORDER BY ordering",
        )
        .and_then(|mut statement| statement.query_map([pass], from_row)?.collect())
        .during(WHAT)?;
    tx.execute("DELETE FROM publisher_tree_change WHERE publisher_pass = ?1", [pass]).during(WHAT)?;
    Ok(recorded.then_some(changes))
}

// ---------------------------------------------------------------- the pool

/// A name in the pool that changed, as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolChange {
    /// Under which component.
    pub component: ComponentName,
    /// In whose folder.
    pub source: SourceName,
    /// The name.
    pub filename: FileName,
    /// What it stands for; none: it has gone.
    pub now: Option<PoolState>,
}

/// What a name in the pool stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PoolState {
    /// The file.
    File {
        /// How long it is.
        size_bytes: u64,
        /// What it has.
        sha256: Sha256,
    },
    /// A link to the file in another component.
    Link {
        /// That component; none: the rows do not say.
        to: Option<ComponentName>,
    },
}

/// The names in the pool of an archive that changed since the journal was written last, by component, source and name.
///
/// # Errors
/// When the database fails.
pub fn pool_changes(db: &Connection, archive: ArchiveId) -> Result<Vec<PoolChange>, StoreError> {
    db.prepare_cached(
        "SELECT component.name, changed.source_package_name, changed.filename, now.id IS NOT NULL, now.is_symlink, content.file_size,
                content.sha256,
                (SELECT holder.name FROM pool_file AS file JOIN component AS holder ON holder.id = file.component
                 WHERE file.archive = ?1 AND file.source_package_name = changed.source_package_name
                 AND file.filename = changed.filename AND NOT file.is_symlink)
         FROM (SELECT DISTINCT component, source_package_name, filename FROM mirror_pool_change WHERE archive = ?1) AS changed
         JOIN component ON component.id = changed.component
         LEFT JOIN pool_file AS now ON now.archive = ?1 AND now.source_package_name = changed.source_package_name
           AND now.filename = changed.filename AND now.component = changed.component
         LEFT JOIN library_file_content AS content ON content.id = now.content
         ORDER BY component.name, changed.source_package_name, changed.filename",
    )
    .and_then(|mut statement| {
        statement
            .query_map([archive], |row| {
                let now = match (row.get::<_, bool>(3)?, row.get::<_, Option<bool>>(4)?) {
                    (false, _) => None,
                    (true, Some(true)) => Some(PoolState::Link { to: row.get(7)? }),
                    (true, _) => Some(PoolState::File { size_bytes: row.get(5)?, sha256: row.get(6)? }),
                };
                Ok(PoolChange { component: row.get(0)?, source: row.get(1)?, filename: row.get(2)?, now })
            })?
            .collect()
    })
    .during("list what changed in the pool")
}

/// Forgets which names changed: the journal has them.
///
/// # Errors
/// When the database fails.
pub fn forget_pool_changes(tx: &Transaction<'_>, archive: ArchiveId) -> Result<(), StoreError> {
    tx.execute("DELETE FROM mirror_pool_change WHERE archive = ?1", [archive])
        .map(drop)
        .during("record that the journal has what changed in the pool")
}

// ---------------------------------------------------------------- empty folders

/// Records folders, below the archive's root, that may be empty when a pass is installed.
///
/// # Errors
/// When the database fails.
pub fn record_vacated<'a>(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    folders: impl IntoIterator<Item = &'a str>,
) -> Result<(), StoreError> {
    const WHAT: &str = "record folders that may be empty";
    let mut statement = tx
        .prepare_cached("INSERT OR IGNORE INTO vacated_folder (archive, path) VALUES (?1, ?2)")
        .during(WHAT)?;
    for folder in folders {
        statement.execute((archive, folder)).during(WHAT)?;
    }
    Ok(())
}

/// The folders of an archive that may be empty, the deepest first.
///
/// # Errors
/// When the database fails.
pub fn vacated(db: &Connection, archive: ArchiveId) -> Result<Vec<String>, StoreError> {
    db.prepare_cached("SELECT path FROM vacated_folder WHERE archive = ?1 ORDER BY path DESC")
        .and_then(|mut statement| statement.query_map([archive], |row| row.get(0))?.collect())
        .during("list folders that may be empty")
}

/// Forgets folders: they were looked at. None while a pass of the archive is being installed, since it empties them only then.
///
/// # Errors
/// When the database fails.
pub fn forget_vacated(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    folders: &[String],
) -> Result<(), StoreError> {
    const WHAT: &str = "record that folders were looked at";
    let mut statement =
        tx.prepare_cached("DELETE FROM vacated_folder WHERE archive = ?1 AND path = ?2").during(WHAT)?;
    let is_installing = tx
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM publisher_pass WHERE archive = ?1 AND state = 'INSTALLING')",
        )
        .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
        .during(WHAT)?;
    let folders = if is_installing { &[] } else { folders };
    for folder in folders {
        statement.execute((archive, folder)).during(WHAT)?;
    }
    Ok(())
}
