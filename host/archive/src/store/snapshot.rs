//! `snapshot`: suites as passes have installed them, how long they are kept, and who wants one kept for longer.
//!
//! A snapshot is a suite in the folder of a moment ([`snapshot_moment`](super::snapshot_moment)). It is live until the next installation of its suite, and kept for a time
//! after that. Its row goes when its folder has gone.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::sql::{Date, suite_name};
use super::{During, StoreError, death_row};
use crate::domain::{ArchiveId, PassId, RunId, SnapshotId, SnapshotName, SuiteId, SuiteName};

/// How long snapshots of an archive are kept after something else has taken their place, in seconds; none: there are none.
///
/// # Errors
/// When the database fails.
pub fn kept_seconds(db: &Connection, archive: ArchiveId) -> Result<Option<u32>, StoreError> {
    db.prepare_cached("SELECT keep_snapshots_seconds FROM archive WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
        .during("read how long snapshots are kept")
}

/// Says how long. What is held for one that is kept for less is looked at again.
///
/// # Errors
/// When the database fails.
pub fn keep_seconds(
    tx: &Transaction<'_>,
    archive: ArchiveId,
    seconds: Option<u32>,
) -> Result<(), StoreError> {
    if kept_seconds(tx, archive)? == seconds {
        return Ok(());
    }
    tx.execute("UPDATE archive SET keep_snapshots_seconds = ?2 WHERE id = ?1", (archive, seconds))
        .during("say how long snapshots are kept")?;
    death_row::look_at_all_again(tx, archive)
}

/// What a snapshot's folder has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Content {
    /// How many files.
    pub files: u64,
    /// How long they are together, in bytes; of one with several names once.
    pub size_bytes: u64,
    /// How long those are together that the snapshot before does not have.
    pub new_bytes: u64,
}

/// A snapshot that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its row.
    pub id: SnapshotId,
    /// Of which suite.
    pub suite: SuiteId,
    /// That suite's name.
    pub suite_name: SuiteName,
    /// Its name, which is that of its folder.
    pub name: SnapshotName,
    /// The pass that has installed it.
    pub pass: PassId,
    /// The run of that.
    pub run: RunId,
    /// When.
    pub date_created: Timestamp,
    /// Its folder is there.
    pub is_made: bool,
    /// When something else took its place; none: it is live.
    pub date_superseded: Option<Timestamp>,
    /// Until when it is kept, apart from pins; none: as long as it is live.
    pub kept_until: Option<Timestamp>,
    /// What is in it.
    pub content: Content,
    /// Who wants it kept whatever its age.
    pub pin: Option<Pin>,
}

/// A word that keeps a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Whose.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub since: Timestamp,
}

const COLUMNS: &str = "snapshot.id, snapshot.suite, series.name, suite.pocket, moment.name, snapshot.publisher_pass, pass.script_activity, snapshot.date_created,
    snapshot.date_made IS NOT NULL, snapshot.date_superseded, snapshot.date_superseded + archive.keep_snapshots_seconds * 1000000,
    coalesce(snapshot.files, 0), coalesce(snapshot.file_size, 0), coalesce(snapshot.new_size, 0),
    snapshot.pinned_by, snapshot.pin_reason, snapshot.date_pinned
    FROM suite JOIN snapshot ON snapshot.suite = suite.id JOIN snapshot_moment AS moment ON moment.id = snapshot.moment
    JOIN distro_series AS series ON series.id = suite.distro_series JOIN archive ON archive.id = suite.archive
    JOIN publisher_pass AS pass ON pass.id = snapshot.publisher_pass";

fn from_row(row: &Row<'_>) -> rusqlite::Result<Snapshot> {
    let date = |at| row.get::<_, Option<Date>>(at).map(|date| date.map(|date| date.0));
    Ok(Snapshot {
        id: row.get(0)?,
        suite: row.get(1)?,
        suite_name: suite_name(row, 2)?,
        name: row.get(4)?,
        pass: row.get(5)?,
        run: row.get(6)?,
        date_created: row.get::<_, Date>(7)?.0,
        is_made: row.get(8)?,
        date_superseded: date(9)?,
        kept_until: date(10)?,
        content: Content { files: row.get(11)?, size_bytes: row.get(12)?, new_bytes: row.get(13)? },
        pin: match (row.get(14)?, date(16)?) {
            (Some(by), Some(since)) => Some(Pin { by, reason: row.get(15)?, since }),
            _ => None,
        },
    })
}

/// The snapshots of an archive that are kept, by suite, the newest first.
///
/// # Errors
/// When the database fails.
pub fn snapshots_of(db: &Connection, archive: ArchiveId) -> Result<Vec<Snapshot>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE suite.archive = ?1 AND snapshot.date_expired IS NULL ORDER BY series.id, suite.id, snapshot.id DESC"
    ))
    .and_then(|mut statement| statement.query_map([archive], from_row)?.collect())
    .during("list the snapshots")
}

/// The snapshot that shows a suite as it was at a time: that of this name, or the one before it, where that was live then.
///
/// # Errors
/// When none is kept: it says which are.
pub fn snapshot_at(db: &Connection, suite: SuiteId, name: &SnapshotName) -> Result<Snapshot, StoreError> {
    let found = db
        .prepare_cached(&format!(
            "SELECT {COLUMNS} WHERE snapshot.suite = ?1 AND snapshot.date_expired IS NULL AND moment.name <= ?2
             ORDER BY moment.name DESC LIMIT 1"
        ))
        .and_then(|mut statement| statement.query_row((suite, name), from_row).optional())
        .during("find a snapshot")?;
    let was_live = |found: &Snapshot| {
        found.name == *name || found.date_superseded.is_none_or(|superseded| superseded > name.moment())
    };
    match found.filter(was_live) {
        Some(found) => Ok(found),
        None => Err(StoreError::Unknown {
            what: "snapshot of that suite as of",
            name: name.to_string(),
            known: names_of(db, suite)?,
        }),
    }
}

/// So many names are said when another one is not there.
const NAMES_SAID: u32 = 20;

fn names_of(db: &Connection, suite: SuiteId) -> Result<Vec<String>, StoreError> {
    db.prepare_cached(
        "SELECT moment.name FROM snapshot JOIN snapshot_moment AS moment ON moment.id = snapshot.moment
         WHERE snapshot.suite = ?1 AND snapshot.date_expired IS NULL ORDER BY moment.name DESC LIMIT ?2",
    )
    .and_then(|mut statement| statement.query_map((suite, NAMES_SAID), |row| row.get(0))?.collect())
    .during("list the snapshots of a suite")
}

/// Keeps a snapshot whatever its age.
///
/// # Errors
/// When somebody keeps it already: who, and why. When it is not made yet, because what cannot be made goes whoever wants it.
pub fn pin(
    tx: &Transaction<'_>,
    snapshot: &Snapshot,
    (by, reason): (&str, &str),
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(pin) = &snapshot.pin {
        return Err(StoreError::Refused(format!(
            "the snapshot {} of {} is pinned already, by {} since {}: {}",
            snapshot.name, snapshot.suite_name, pin.by, pin.since, pin.reason
        )));
    }
    if !snapshot.is_made {
        return Err(StoreError::Refused(format!(
            "the folder of the snapshot {} of {} is not there yet: run `pressroom publish`, which makes it, and pin it then",
            snapshot.name, snapshot.suite_name
        )));
    }
    tx.execute(
        "UPDATE snapshot SET pinned_by = ?2, pin_reason = ?3, date_pinned = ?4 WHERE id = ?1",
        (snapshot.id, by, reason, Date(now)),
    )
    .map(drop)
    .during("pin a snapshot")
}

/// Keeps it no longer than the others. What is held for it is looked at again.
///
/// # Errors
/// When nobody has pinned it, or the database fails.
pub fn unpin(tx: &Transaction<'_>, archive: ArchiveId, snapshot: &Snapshot) -> Result<(), StoreError> {
    if snapshot.pin.is_none() {
        return Err(StoreError::Refused(format!(
            "the snapshot {} of {} is not pinned",
            snapshot.name, snapshot.suite_name
        )));
    }
    tx.execute(
        "UPDATE snapshot SET pinned_by = NULL, pin_reason = '', date_pinned = NULL WHERE id = ?1",
        [snapshot.id],
    )
    .during("let a snapshot go")?;
    death_row::look_at_all_again(tx, archive)
}
