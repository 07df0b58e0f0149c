//! `snapshot_moment`: folders of snapshots that are owed, made, ended and gone, with the installations of their suites.
//!
//! A moment is a folder; a snapshot is a suite in it. The rows are written in the transaction of the installation, so that what is owed is known whoever dies.
//! Its row goes when its folder has gone.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::snapshot::{Content, kept_seconds};
use super::sql::{Date, size, suite_name};
use super::{During, StoreError, death_row};
use crate::domain::{
    ArchiveId, DistributionId, MomentId, PackageKind, PassId, SnapshotId, SnapshotName, SuiteId, SuiteName,
};

/// Writes down which publications an installed pass has brought in and taken out, ends the snapshots of its suites, and owes new ones, where the archive keeps any. A suite
/// of the archive that has none yet gets its first one with them. A suite whose indexes do not have yet what the pass has changed gets one when they have.
///
/// # Errors
/// When the database fails.
pub(super) fn note_installation(
    tx: &Transaction<'_>,
    pass: PassId,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "record what was installed";
    for (kind, history) in [
        (PackageKind::Source, "source_package_publishing_history"),
        (PackageKind::Binary, "binary_package_publishing_history"),
    ] {
        for (column, before, after) in [
            ("published_by_pass", "<> 'PUBLISHED'", "= 'PUBLISHED'"),
            ("left_by_pass", "= 'PUBLISHED'", "<> 'PUBLISHED'"),
        ] {
            tx.prepare_cached(&format!(
                "UPDATE {history} SET {column} = ?1 FROM publisher_transition AS transition
                 WHERE transition.publisher_pass = ?1 AND transition.kind = ?2 AND transition.publication = {history}.id
                 AND transition.from_status {before} AND transition.to_status {after} AND {history}.status {after}"
            ))
            .and_then(|mut statement| statement.execute((pass, kind)))
            .during(WHAT)?;
        }
    }
    let (archive, kept): (ArchiveId, Option<u32>) = tx
        .prepare_cached(
            "SELECT archive.id, archive.keep_snapshots_seconds FROM publisher_pass AS pass JOIN archive ON archive.id = pass.archive WHERE pass.id = ?1",
        )
        .and_then(|mut statement| statement.query_row([pass], |row| Ok((row.get(0)?, row.get(1)?))))
        .during(WHAT)?;
    // one whose folder was never made has nothing to show any more
    for sql in [
        format!("DELETE FROM snapshot WHERE date_made IS NULL AND suite IN ({WITH_THEIR_INDEXES})"),
        format!(
            "UPDATE snapshot INDEXED BY snapshot_live SET date_superseded = ?2 WHERE date_superseded IS NULL
             AND suite IN ({WITH_THEIR_INDEXES})"
        ),
    ] {
        let mut statement = tx.prepare_cached(&sql).during(WHAT)?;
        match statement.parameter_count() {
            1 => statement.execute([pass]),
            _ => statement.execute((pass, Date(now))),
        }
        .during(WHAT)?;
    }
    if kept.is_none() {
        return Ok(());
    }
    let wanting: Vec<SuiteId> = tx
        .prepare_cached(&format!(
            "SELECT suite.id FROM suite WHERE suite.archive = ?2 AND suite.date_last_published IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM snapshot WHERE snapshot.suite = suite.id AND snapshot.date_superseded IS NULL)
             AND (suite.indexes_created >= suite.indexes_wanted OR suite.id IN ({WITH_THEIR_INDEXES}))
             ORDER BY suite.id"
        ))
        .and_then(|mut statement| statement.query_map((pass, archive), |row| row.get(0))?.collect())
        .during(WHAT)?;
    if wanting.is_empty() {
        return Ok(());
    }
    let last: Option<SnapshotName> = tx
        .prepare_cached("SELECT max(name) FROM snapshot_moment WHERE archive = ?1")
        .and_then(|mut statement| statement.query_row([archive], |row| row.get(0)))
        .during(WHAT)?;
    let Some(name) = SnapshotName::after(now, last.as_ref()) else { return Ok(()) };
    tx.prepare_cached(
        "UPDATE snapshot_moment SET date_superseded = ?2 WHERE archive = ?1 AND date_superseded IS NULL",
    )
    .and_then(|mut statement| statement.execute((archive, Date(now))))
    .during(WHAT)?;
    let moment: MomentId = tx
        .prepare_cached(
            "INSERT INTO snapshot_moment (archive, name, publisher_pass, date_created) VALUES (?1, ?2, ?3, ?4) RETURNING id",
        )
        .and_then(|mut statement| statement.query_row((archive, &name, pass, Date(now)), |row| row.get(0)))
        .during(WHAT)?;
    for suite in wanting {
        tx.prepare_cached(
            "INSERT INTO snapshot (moment, suite, publisher_pass, date_created) VALUES (?1, ?2, ?3, ?4)",
        )
        .and_then(|mut statement| statement.execute((moment, suite, pass, Date(now))))
        .during(WHAT)?;
    }
    Ok(())
}

/// The suites of a pass that it has installed with indexes of what is published there. The others have the indexes of before, because the pass made none and something has changed,
/// or wrote a Release alone where they were owed: what they show is what the snapshot before shows, which stays the live one.
const WITH_THEIR_INDEXES: &str = "SELECT seen.suite FROM publisher_pass_suite AS seen JOIN suite AS installed ON installed.id = seen.suite
    WHERE seen.publisher_pass = ?1
    AND NOT ((seen.indexes_left_out OR seen.only_release) AND installed.indexes_created < installed.indexes_wanted)";

/// A moment of which snapshots are owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedMoment {
    /// Its row.
    pub id: MomentId,
    /// The name of its folder.
    pub name: SnapshotName,
    /// The suites.
    pub suites: Vec<(SnapshotId, SuiteId, SuiteName)>,
}

/// The moments of an archive of which snapshots are owed, the oldest first: none, but for what has just been installed and what a dead run has left.
///
/// # Errors
/// When the database fails.
pub fn owed(db: &Connection, archive: ArchiveId) -> Result<Vec<OwedMoment>, StoreError> {
    const WHAT: &str = "list the snapshots that are owed";
    let mut statement = db
        .prepare_cached(
            "SELECT moment.id, moment.name, snapshot.id, suite.id, series.name, suite.pocket
             FROM suite JOIN snapshot INDEXED BY snapshot_owed ON snapshot.suite = suite.id
             JOIN snapshot_moment AS moment ON moment.id = snapshot.moment
             JOIN distro_series AS series ON series.id = suite.distro_series
             WHERE suite.archive = ?1 AND snapshot.date_made IS NULL AND snapshot.date_expired IS NULL ORDER BY moment.id, suite.id",
        )
        .during(WHAT)?;
    let mut rows = statement.query([archive]).during(WHAT)?;
    let mut moments: Vec<OwedMoment> = Vec::new();
    while let Some(row) = rows.next().during(WHAT)? {
        let mut read = || -> rusqlite::Result<()> {
            let (id, suite) = (row.get(0)?, (row.get(2)?, row.get(3)?, suite_name(row, 4)?));
            match moments.last_mut() {
                Some(last) if last.id == id => last.suites.push(suite),
                _ => moments.push(OwedMoment { id, name: row.get(1)?, suites: vec![suite] }),
            }
            Ok(())
        };
        read().during(WHAT)?;
    }
    Ok(moments)
}

/// The snapshots of an archive that are live, with the names of their folders, by suite.
///
/// # Errors
/// When the database fails.
pub fn live(db: &Connection, archive: ArchiveId) -> Result<Vec<(SuiteName, SnapshotName)>, StoreError> {
    db.prepare_cached(
        "SELECT series.name, suite.pocket, moment.name FROM suite JOIN snapshot INDEXED BY snapshot_live ON snapshot.suite = suite.id
         JOIN snapshot_moment AS moment ON moment.id = snapshot.moment JOIN distro_series AS series ON series.id = suite.distro_series
         WHERE suite.archive = ?1 AND snapshot.date_superseded IS NULL AND snapshot.date_expired IS NULL ORDER BY suite.id",
    )
    .and_then(|mut statement| {
        statement.query_map([archive], |row| Ok((suite_name(row, 0)?, row.get(2)?)))?.collect()
    })
    .during("list the snapshots that are live")
}

/// The snapshot of a suite before a pass, whose folder is there.
///
/// # Errors
/// When the database fails.
pub fn folder_before(
    db: &Connection,
    suite: SuiteId,
    snapshot: SnapshotId,
) -> Result<Option<SnapshotName>, StoreError> {
    db.prepare_cached(
        "SELECT moment.name FROM snapshot INDEXED BY snapshot_by_pass JOIN snapshot_moment AS moment ON moment.id = snapshot.moment
         WHERE snapshot.suite = ?1 AND snapshot.id < ?2 AND snapshot.date_made IS NOT NULL AND snapshot.date_expired IS NULL
         ORDER BY snapshot.publisher_pass DESC LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row((suite, snapshot), |row| row.get(0)).optional())
    .during("find the snapshot before")
}

/// Records that the folder of a snapshot is there; none: its suite has nothing that could be in one.
///
/// # Errors
/// When the database fails.
pub fn mark_made(
    tx: &Transaction<'_>,
    snapshot: SnapshotId,
    content: Option<Content>,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "record that a snapshot was made";
    match content {
        None => tx.execute("DELETE FROM snapshot WHERE id = ?1", [snapshot]),
        Some(content) => tx.execute(
            "UPDATE snapshot SET date_made = ?2, files = ?3, file_size = ?4, new_size = ?5 WHERE id = ?1",
            (snapshot, Date(now), size(content.files), size(content.size_bytes), size(content.new_bytes)),
        ),
    }
    .map(drop)
    .during(WHAT)
}

/// The archives of a distribution that have snapshots, or owe some: one question for all of them.
///
/// # Errors
/// When the database fails.
pub fn archives_with_any(
    db: &Connection,
    distribution: DistributionId,
) -> Result<BTreeSet<ArchiveId>, StoreError> {
    db.prepare_cached(
        "SELECT id FROM archive WHERE distribution = ?1 AND EXISTS (SELECT 1 FROM snapshot_moment WHERE snapshot_moment.archive = archive.id)
         ORDER BY id",
    )
    .and_then(|mut statement| statement.query_map([distribution], |row| row.get(0))?.collect())
    .during("list the archives with snapshots")
}

/// A folder that is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired {
    /// The snapshots whose suites' folders go, with the names of their moments.
    pub suites: Vec<(SnapshotId, SuiteName, SnapshotName)>,
    /// The moments of which nothing is left when these have gone: the whole folder goes.
    pub whole: Vec<(MomentId, SnapshotName)>,
    /// The moments that lead to other suites no more, and have a snapshot that is kept.
    pub links: Vec<SnapshotName>,
}

/// What has been superseded until when is kept no more; all of it, where the archive keeps none.
fn cutoff(db: &Connection, archive: ArchiveId, now: Timestamp) -> Result<(&'static str, Date), StoreError> {
    Ok(match kept_seconds(db, archive)? {
        None => ("?2 IS NOT NULL", Date(now)),
        Some(seconds) => {
            let kept = SignedDuration::from_secs(i64::from(seconds));
            ("{it}.date_superseded <= ?2", Date(now.checked_sub(kept).unwrap_or(Timestamp::MIN)))
        }
    })
}

/// Whether anything of an archive has to go.
///
/// # Errors
/// When the database fails.
pub fn has_expired(db: &Connection, archive: ArchiveId, now: Timestamp) -> Result<bool, StoreError> {
    let (condition, cutoff) = cutoff(db, archive, now)?;
    let (of_moment, of_snapshot) =
        (condition.replace("{it}", "moment"), condition.replace("{it}", "snapshot"));
    db.prepare_cached(&format!(
        "SELECT EXISTS (
           SELECT 1 FROM snapshot_moment AS moment INDEXED BY snapshot_moment_whole
           WHERE moment.archive = ?1 AND moment.date_expired IS NULL AND {of_moment})
         OR EXISTS (
           SELECT 1 FROM suite CROSS JOIN snapshot INDEXED BY snapshot_due ON snapshot.suite = suite.id
           WHERE suite.archive = ?1 AND snapshot.pinned_by IS NULL AND snapshot.date_expired IS NULL AND {of_snapshot})
         OR EXISTS (
           SELECT 1 FROM suite CROSS JOIN snapshot INDEXED BY snapshot_expired ON snapshot.suite = suite.id
           WHERE suite.archive = ?1 AND snapshot.date_expired IS NOT NULL)"
    ))
    .and_then(|mut statement| statement.query_row((archive, cutoff), |row| row.get(0)))
    .during("ask whether snapshots have expired")
}

/// Ends what nobody wants kept any more, in rows. From then on nothing is held for it; where the archive keeps none any more, what was is looked at again.
///
/// # Errors
/// When the database fails.
pub fn expire(tx: &Transaction<'_>, archive: ArchiveId, now: Timestamp) -> Result<(), StoreError> {
    const WHAT: &str = "end snapshots";
    let (condition, cutoff) = cutoff(tx, archive, now)?;
    for sql in [
        format!(
            "UPDATE snapshot INDEXED BY snapshot_due SET date_expired = ?3
             WHERE suite IN (SELECT id FROM suite WHERE archive = ?1) AND pinned_by IS NULL AND date_expired IS NULL AND {}",
            condition.replace("{it}", "snapshot")
        ),
        format!(
            "UPDATE snapshot_moment INDEXED BY snapshot_moment_whole SET date_expired = ?3
             WHERE archive = ?1 AND date_expired IS NULL AND {}",
            condition.replace("{it}", "snapshot_moment")
        ),
    ] {
        tx.prepare_cached(&sql)
            .and_then(|mut statement| statement.execute((archive, cutoff, Date(now))))
            .during(WHAT)?;
    }
    // what was held for one that ends before the time that was said for it
    match kept_seconds(tx, archive)? {
        None => death_row::look_at_all_again(tx, archive),
        Some(_) => Ok(()),
    }
}

/// The folders of an archive that are to go, by moment.
///
/// # Errors
/// When the database fails.
pub fn expired(db: &Connection, archive: ArchiveId) -> Result<Expired, StoreError> {
    const WHAT: &str = "list the snapshots that go";
    let suites = db
        .prepare_cached(
            "SELECT snapshot.id, series.name, suite.pocket, moment.name
             FROM suite JOIN snapshot INDEXED BY snapshot_expired ON snapshot.suite = suite.id
             JOIN snapshot_moment AS moment ON moment.id = snapshot.moment JOIN distro_series AS series ON series.id = suite.distro_series
             WHERE suite.archive = ?1 AND snapshot.date_expired IS NOT NULL ORDER BY moment.name, suite.id",
        )
        .and_then(|mut statement| {
            statement.query_map([archive], |row| Ok((row.get(0)?, suite_name(row, 1)?, row.get(3)?)))?.collect()
        })
        .during(WHAT)?;
    let all: Vec<(MomentId, SnapshotName, bool)> = db
        .prepare_cached(
            "SELECT moment.id, moment.name, EXISTS (
               SELECT 1 FROM snapshot WHERE snapshot.moment = moment.id AND snapshot.date_expired IS NULL)
             FROM snapshot_moment AS moment INDEXED BY snapshot_moment_expired
             WHERE moment.archive = ?1 AND moment.date_expired IS NOT NULL ORDER BY moment.name",
        )
        .and_then(|mut statement| {
            statement.query_map([archive], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })
        .during(WHAT)?;
    let (left, whole): (Vec<_>, Vec<_>) = all.into_iter().partition(|(.., has_more)| *has_more);
    Ok(Expired {
        suites,
        whole: whole.into_iter().map(|(id, name, _)| (id, name)).collect(),
        links: left.into_iter().map(|(_, name, _)| name).collect(),
    })
}

/// Forgets what the disk has no more.
///
/// # Errors
/// When the database fails.
pub fn forget(tx: &Transaction<'_>, gone: &Expired) -> Result<(), StoreError> {
    const WHAT: &str = "forget snapshots that have gone";
    for (snapshot, ..) in &gone.suites {
        tx.prepare_cached("DELETE FROM snapshot WHERE id = ?1")
            .and_then(|mut statement| statement.execute([snapshot]))
            .during(WHAT)?;
    }
    for (moment, _) in &gone.whole {
        tx.prepare_cached("DELETE FROM snapshot_moment WHERE id = ?1")
            .and_then(|mut statement| statement.execute([moment]))
            .during(WHAT)?;
    }
    Ok(())
}
