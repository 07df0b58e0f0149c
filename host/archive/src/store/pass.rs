//! `publisher_pass` and what belongs to it: the journal of a run.
//!
//! A pass writes down what it will do to publications (`publisher_transition`) before it makes indexes, and what it will put in place
//! (`publisher_exchange`) before it does; only when the trees are in place are the transitions carried out, in one transaction.
//! A pass that fails leaves every publication as it was.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::archive_file;
use super::sql::Date;
use super::suite::Dirt;
use super::{During, StoreError};
use crate::disk::Identity;
use crate::domain::{ArchiveId, PackageKind, PassId, PassPriority, PassState, RunId, SuiteId};

/// Begins a pass over suites of an archive, whose Release files will have `release_date`. It takes the marks of these suites as they are now.
///
/// # Errors
/// When the database fails.
pub fn begin_pass(
    tx: &Transaction<'_>,
    run: RunId,
    archive: ArchiveId,
    priority: PassPriority,
    suites: &[Dirt],
    release_date: Timestamp,
    now: Timestamp,
) -> Result<PassId, StoreError> {
    const WHAT: &str = "record the pass";
    let id = tx
        .prepare_cached(
            "INSERT INTO publisher_pass (script_activity, archive, priority, state, release_date, date_started)
             VALUES (?1, ?2, ?3, 'PREPARING', ?4, ?5)
             RETURNING id",
        )
        .and_then(|mut statement| statement.query_row((run, archive, priority, Date(release_date), Date(now)), |row| row.get(0)))
        .during(WHAT)?;
    for dirt in suites {
        tx.execute(
            "INSERT INTO publisher_pass_suite (publisher_pass, suite, indexes_wanted, release_wanted, only_release)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            (
                id,
                dirt.suite.id,
                // what it does not do it does not take for done
                if dirt.only_release || !dirt.fresh {
                    dirt.suite.indexes_created
                } else {
                    dirt.suite.indexes_wanted
                },
                dirt.suite.release_wanted,
                dirt.only_release,
            ),
        )
        .during(WHAT)?;
        // a mark asks for a Release, and every pass makes that; indexes are asked for apart from it
        for (mark, _) in &dirt.marks {
            tx.execute(
                "INSERT INTO publisher_pass_dirt (publisher_pass, dirty_suite) VALUES (?1, ?2)",
                (id, mark),
            )
            .during(WHAT)?;
        }
    }
    Ok(id)
}

/// Records for which keys the Release files of a pass are, as in [`Suite::signing_keys`](super::suite::Suite::signing_keys).
///
/// # Errors
/// When the database fails.
pub fn set_signing_keys(tx: &Transaction<'_>, pass: PassId, keys: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE publisher_pass SET signing_keys = ?2 WHERE id = ?1", (pass, keys))
        .map(|_| ())
        .during("record who signs")
}

/// A staged folder that takes the place of a live one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedExchange {
    /// `dists`, or another folder at the archive's root.
    pub tree: String,
    /// Which folder it is that becomes live.
    pub staged: Identity,
}

/// Records that the trees of a pass are about to be put in place, in this order.
///
/// # Errors
/// When the database fails.
pub fn begin_installing(
    tx: &Transaction<'_>,
    pass: PassId,
    exchanges: &[PlannedExchange],
) -> Result<(), StoreError> {
    const WHAT: &str = "record that the pass is installed";
    super::hook::refuse_forgotten(tx, pass)?;
    for (ordering, exchange) in (0i64..).zip(exchanges) {
        tx.execute(
            "INSERT INTO publisher_exchange (publisher_pass, ordering, tree, staged_device, staged_inode) VALUES (?1, ?2, ?3, ?4, ?5)",
            (pass, ordering, &exchange.tree, exchange.staged.device.cast_signed(), exchange.staged.inode.cast_signed()),
        )
        .during(WHAT)?;
    }
    set_state(tx, pass, PassState::Installing)
}

/// The exchanges that a pass has recorded, in order.
///
/// # Errors
/// When the database fails.
pub fn planned_exchanges(db: &Connection, pass: PassId) -> Result<Vec<PlannedExchange>, StoreError> {
    db.prepare_cached(
        "SELECT tree, staged_device, staged_inode FROM publisher_exchange WHERE publisher_pass = ?1 ORDER BY ordering",
    )
    .and_then(|mut statement| {
        statement
            .query_map([pass], |row| {
                let (device, inode): (i64, i64) = (row.get(1)?, row.get(2)?);
                Ok(PlannedExchange {
                    tree: row.get(0)?,
                    staged: Identity { device: device.cast_unsigned(), inode: inode.cast_unsigned() },
                })
            })?
            .collect()
    })
    .during("read what the pass installs")
}

fn set_state(tx: &Transaction<'_>, pass: PassId, state: PassState) -> Result<(), StoreError> {
    tx.execute("UPDATE publisher_pass SET state = ?2 WHERE id = ?1", (pass, state))
        .map(|_| ())
        .during("record how far the pass is")
}

/// Carries out what an installed pass has planned: publications change, marks go, suites are clean, index files are current.
///
/// What waited and was taken back meanwhile is in the tree all the same: it is published, and the next pass removes it. A publication that somebody
/// changed otherwise keeps what it became, and its suite's indexes are made in full by the next pass.
///
/// # Errors
/// When the database fails.
pub fn complete_installation(tx: &Transaction<'_>, pass: PassId, now: Timestamp) -> Result<(), StoreError> {
    change_publications(tx, pass, now)?;
    super::suite_hold::forget_approvals(tx, pass)?;
    mark_suites(tx, pass, now)?;
    adopt(tx, pass, now)?;
    forget_journal(tx, pass, WHAT_IS_CARRIED_OUT)?;
    tx.execute("UPDATE publisher_pass SET date_installed = ?2 WHERE id = ?1", (pass, Date(now)))
        .during(WHAT_IS_CARRIED_OUT)?;
    set_state(tx, pass, PassState::Installed)
}

const WHAT_IS_CARRIED_OUT: &str = "carry out what the pass has planned";

/// Publications become what the pass has planned. The indexes of a suite are wanted anew where one did not.
fn change_publications(tx: &Transaction<'_>, pass: PassId, now: Timestamp) -> Result<(), StoreError> {
    for table in ["source_package_publishing_history", "binary_package_publishing_history"] {
        let kind = if table.starts_with("source") { PackageKind::Source } else { PackageKind::Binary };
        tx.execute(
            &format!(
                "UPDATE {table} SET status = transition.to_status,
                 date_published = CASE WHEN transition.to_status = 'PUBLISHED' THEN ?3 ELSE date_published END,
                 date_superseded = CASE WHEN transition.to_status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE') THEN ?3 ELSE date_superseded END,
                 superseded_by = coalesce(transition.superseded_by, {table}.superseded_by)
                 FROM publisher_transition AS transition
                 WHERE transition.publisher_pass = ?1 AND transition.kind = ?2 AND transition.publication = {table}.id
                 AND transition.from_status = {table}.status"
            ),
            (pass, kind, Date(now)),
        )
        .during(WHAT_IS_CARRIED_OUT)?;
        tx.execute(
            &format!(
                "UPDATE {table} SET status = 'PUBLISHED', date_published = ?3, date_superseded = NULL, scheduled_deletion_date = NULL
                 FROM publisher_transition AS transition
                 WHERE transition.publisher_pass = ?1 AND transition.kind = ?2 AND transition.publication = {table}.id
                 AND transition.from_status = 'PENDING' AND transition.to_status = 'PUBLISHED'
                 AND {table}.status = 'DELETED' AND {table}.removed_by IS NOT NULL"
            ),
            (pass, kind, Date(now)),
        )
        .during(WHAT_IS_CARRIED_OUT)?;
        tx.execute(
            &format!(
                "UPDATE suite SET indexes_wanted = indexes_wanted + 1 WHERE id IN (
                   SELECT {table}.suite FROM publisher_transition AS transition
                   JOIN {table} ON {table}.id = transition.publication
                   WHERE transition.publisher_pass = ?1 AND transition.kind = ?2 AND {table}.status <> transition.to_status)"
            ),
            (pass, kind),
        )
        .during(WHAT_IS_CARRIED_OUT)?;
    }
    // what goes with its source says so in its words
    tx.execute(
        "UPDATE binary_package_publishing_history AS gone
         SET removed_by = coalesce(source.removed_by, 'domination'), removal_comment = source.removal_comment
         FROM publisher_transition AS transition
         LEFT JOIN source_package_publishing_history AS source ON source.id = transition.deleted_with
         WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND transition.to_status = 'DELETED'
         AND transition.publication = gone.id AND gone.status = 'DELETED' AND gone.removed_by IS NULL",
        [pass],
    )
    .during(WHAT_IS_CARRIED_OUT)?;
    Ok(())
}

/// Marks that the pass has seen go; its suites are as it has left them, with their index files.
fn mark_suites(tx: &Transaction<'_>, pass: PassId, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM dirty_suite WHERE id IN (SELECT dirty_suite FROM publisher_pass_dirt WHERE publisher_pass = ?1)",
        [pass],
    )
    .during(WHAT_IS_CARRIED_OUT)?;
    for suite in suites_of_pass(tx, pass)? {
        tx.execute(
            // settings that changed while the pass was made are a reason that it has not seen
            "UPDATE suite SET indexes_created = seen.indexes_wanted, release_created = seen.release_wanted, date_last_published = ?3,
             release_date = (SELECT release_date FROM publisher_pass WHERE id = ?1),
             signing_keys = (SELECT signing_keys FROM publisher_pass WHERE id = ?1),
             date_indexes_created = CASE WHEN indexes_created < seen.indexes_wanted THEN ?3 ELSE date_indexes_created END
             FROM publisher_pass_suite AS seen WHERE seen.publisher_pass = ?1 AND seen.suite = ?2 AND suite.id = ?2",
            (pass, suite, Date(now)),
        )
        .during(WHAT_IS_CARRIED_OUT)?;
        archive_file::adopt_listed_files(tx, pass, suite, now)?;
    }
    Ok(())
}

/// What was written down for the pass by others takes its place.
fn adopt(tx: &Transaction<'_>, pass: PassId, now: Timestamp) -> Result<(), StoreError> {
    super::publisher::owe(tx, pass)?;
    super::index_segment::adopt_segments(tx, pass)?;
    super::index_patch::adopt_patches(tx, pass, now)?;
    super::hook::adopt_planned_state(tx, pass)?;
    super::custom_publication::carry_out(tx, pass, now)?;
    super::dists_link::adopt_links(tx, pass)?;
    super::snapshot_moment::note_installation(tx, pass, now)
}

/// What the journal needs until a pass is installed or forgotten. Transitions stay for history and replays, and what changed in trees is
/// for mirrors, so that an installation keeps it.
const JOURNAL: [&str; 7] = [
    "publisher_index_file",
    "publisher_expiry",
    "publisher_hook_state",
    "publisher_hook_seen",
    "publisher_exchange",
    "publisher_link",
    "publisher_pass_dirt",
];

fn forget_journal(tx: &Transaction<'_>, pass: PassId, what: &'static str) -> Result<(), StoreError> {
    for table in JOURNAL {
        tx.execute(&format!("DELETE FROM {table} WHERE publisher_pass = ?1"), [pass]).during(what)?;
    }
    Ok(())
}

/// Forgets what a pass had planned: everything is as before it.
///
/// Where hooks were called in it, its transitions stay for dry runs of these hooks, until another pass over the archive with its priority is forgotten in
/// which hooks were called. They are carried out by nobody.
///
/// # Errors
/// When the database fails.
pub fn abandon_pass(
    tx: &Transaction<'_>,
    pass: PassId,
    message: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    const WHAT: &str = "forget the pass";
    let found = find_pass(tx, pass)?;
    let state = found.as_ref().map(|pass| pass.state);
    if !matches!(state, Some(PassState::Preparing | PassState::Installing)) {
        return Err(StoreError::Refused(format!("pass {pass} is over: it cannot be forgotten")));
    }
    if state == Some(PassState::Installing) {
        // some of its trees may be live: what the rows say of them is not to be relied on
        tx.execute(
            "UPDATE suite SET indexes_wanted = indexes_wanted + 1
             WHERE id IN (SELECT suite FROM publisher_pass_suite WHERE publisher_pass = ?1)",
            [pass],
        )
        .during(WHAT)?;
        // the next pass is held against what is live, so nobody would be told of that
        if let Some(archive) = found.map(|pass| pass.archive)
            && super::mirror_journal::settings(tx, archive)?.journal > 0
        {
            super::mirror_journal::begin_anew(tx, archive, now)?;
        }
    }
    super::index_segment::forget_segments(tx, pass)?;
    super::index_patch::forget_patches(tx, pass)?;
    super::custom_publication::forget(tx, pass)?;
    forget_changes(tx, pass)?;
    forget_journal(tx, pass, WHAT)?;
    // what would have changed in trees; an installation keeps it for mirrors
    tx.execute("DELETE FROM publisher_tree_change WHERE publisher_pass = ?1", [pass]).during(WHAT)?;
    tx.execute(
        "UPDATE publisher_pass SET date_completed = ?2, message = ?3 WHERE id = ?1",
        (pass, Date(now), message),
    )
    .during(WHAT)?;
    set_state(tx, pass, PassState::Abandoned)
}

/// Deletes the transitions of an abandoned pass, or, where hooks were called in it, those of the one before it in which they were.
fn forget_changes(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    const WHAT: &str = "forget what a pass would have changed";
    let hooks_were_called: bool = tx
        .query_row("SELECT EXISTS (SELECT 1 FROM hook_run WHERE publisher_pass = ?1)", [pass], |row| {
            row.get(0)
        })
        .during(WHAT)?;
    let forgotten: Vec<PassId> = if hooks_were_called {
        tx.prepare_cached(
            "SELECT earlier.id FROM publisher_pass AS earlier JOIN publisher_pass AS this ON this.id = ?1
             WHERE earlier.archive = this.archive AND earlier.priority = this.priority AND earlier.state = 'ABANDONED'
             AND NOT earlier.changes_forgotten AND earlier.id <> ?1 ORDER BY earlier.id",
        )
        .and_then(|mut statement| statement.query_map([pass], |row| row.get(0))?.collect())
        .during(WHAT)?
    } else {
        vec![pass]
    };
    for pass in forgotten {
        tx.execute("DELETE FROM publisher_transition WHERE publisher_pass = ?1", [pass]).during(WHAT)?;
        tx.execute("UPDATE publisher_pass SET changes_forgotten = 1 WHERE id = ?1", [pass]).during(WHAT)?;
    }
    Ok(())
}

/// Records that nothing more happens in an installed pass.
///
/// # Errors
/// When the database fails.
pub fn end_pass(tx: &Transaction<'_>, pass: PassId, message: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE publisher_pass SET date_completed = ?2, message = ?3 WHERE id = ?1",
        (pass, Date(now), message),
    )
    .map(|_| ())
    .during("record the end of the pass")
}

/// Writes down how long the files of what a pass supersedes stay, in seconds.
///
/// # Errors
/// When the database fails.
pub fn set_stay(tx: &Transaction<'_>, pass: PassId, seconds: u32) -> Result<(), StoreError> {
    tx.execute("UPDATE publisher_pass SET stay_seconds = ?2 WHERE id = ?1", (pass, seconds))
        .map(|_| ())
        .during("record how long files stay")
}

/// How long the files of what a pass supersedes stay, in seconds.
///
/// # Errors
/// When the database fails.
pub fn stay_of(db: &Connection, pass: PassId) -> Result<u32, StoreError> {
    db.prepare_cached("SELECT stay_seconds FROM publisher_pass WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([pass], |row| row.get(0)))
        .during("read how long files stay")
}

/// The suites of a pass.
///
/// # Errors
/// When the database fails.
pub fn suites_of_pass(db: &Connection, pass: PassId) -> Result<Vec<SuiteId>, StoreError> {
    db.prepare_cached("SELECT suite FROM publisher_pass_suite WHERE publisher_pass = ?1 ORDER BY suite")
        .and_then(|mut statement| statement.query_map([pass], |row| row.get(0))?.collect())
        .during("list the suites of a pass")
}

/// The suites of a pass of which it changes more than the Release.
///
/// # Errors
/// When the database fails.
pub fn changing_suites_of_pass(db: &Connection, pass: PassId) -> Result<Vec<SuiteId>, StoreError> {
    db.prepare_cached(
        "SELECT suite FROM publisher_pass_suite WHERE publisher_pass = ?1 AND NOT only_release ORDER BY suite",
    )
    .and_then(|mut statement| statement.query_map([pass], |row| row.get(0))?.collect())
    .during("list the suites of a pass")
}

/// A pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pass {
    /// Its row.
    pub id: PassId,
    /// Its run.
    pub run: RunId,
    /// Its archive.
    pub archive: ArchiveId,
    /// Its priority.
    pub priority: PassPriority,
    /// How far it is.
    pub state: PassState,
    /// When it began.
    pub date_started: Timestamp,
    /// When its tree was installed.
    pub date_installed: Option<Timestamp>,
    /// When it ended.
    pub date_completed: Option<Timestamp>,
    /// What it said.
    pub message: String,
    /// What it would have changed is not known any more.
    pub changes_forgotten: bool,
}

const COLUMNS: &str = "id, script_activity, archive, priority, state, date_started, date_installed, date_completed, message, changes_forgotten FROM publisher_pass";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Pass> {
    Ok(Pass {
        id: row.get(0)?,
        run: row.get(1)?,
        archive: row.get(2)?,
        priority: row.get(3)?,
        state: row.get(4)?,
        date_started: row.get::<_, Date>(5)?.0,
        date_installed: row.get::<_, Option<Date>>(6)?.map(|date| date.0),
        date_completed: row.get::<_, Option<Date>>(7)?.map(|date| date.0),
        message: row.get(8)?,
        changes_forgotten: row.get(9)?,
    })
}

/// The passes of an archive that never came to an end.
///
/// # Errors
/// When the database fails.
pub fn unfinished_passes(db: &Connection, archive: ArchiveId) -> Result<Vec<Pass>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE archive = ?1 AND state IN ('PREPARING', 'INSTALLING') ORDER BY id"
    ))
    .and_then(|mut statement| statement.query_map([archive], from_row)?.collect())
    .during("look for unfinished passes")
}

/// The pass over a suite that has not come to an end, if there is one: what it changes is not in the publications yet.
///
/// # Errors
/// When the database fails.
pub fn open_over(db: &Connection, suite: SuiteId) -> Result<Option<Pass>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE state IN ('PREPARING', 'INSTALLING')
         AND EXISTS (SELECT 1 FROM publisher_pass_suite AS seen WHERE seen.publisher_pass = publisher_pass.id AND seen.suite = ?1)
         ORDER BY id LIMIT 1"
    ))
    .and_then(|mut statement| statement.query_row([suite], from_row).optional())
    .during("look for an unfinished pass over a suite")
}

/// The passes of a run, in order.
///
/// # Errors
/// When the database fails.
pub fn passes_of(db: &Connection, run: RunId) -> Result<Vec<Pass>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE script_activity = ?1 ORDER BY id"))
        .and_then(|mut statement| statement.query_map([run], from_row)?.collect())
        .during("list the passes of a run")
}

/// A pass that was installed by a run that died before its finalize hooks.
///
/// # Errors
/// When the database fails.
pub fn unfinalized_passes(db: &Connection, archive: ArchiveId) -> Result<Vec<Pass>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} INDEXED BY publisher_pass_open WHERE archive = ?1 AND state = 'INSTALLED' AND NOT finalized AND date_completed IS NULL ORDER BY id"
    ))
    .and_then(|mut statement| statement.query_map([archive], from_row)?.collect())
    .during("look for passes that were not finalized")
}

/// Records that the finalize hooks have been run for a pass.
///
/// # Errors
/// When the database fails.
pub fn mark_finalized(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    tx.execute("UPDATE publisher_pass SET finalized = 1 WHERE id = ?1", [pass])
        .map(|_| ())
        .during("record that the pass is finalized")
}

/// The pass over an archive that was installed last before another one.
///
/// # Errors
/// When the database fails.
pub fn previous_pass(
    db: &Connection,
    archive: ArchiveId,
    before: PassId,
) -> Result<Option<PassId>, StoreError> {
    db.prepare_cached(
        "SELECT max(id) FROM publisher_pass WHERE archive = ?1 AND state = 'INSTALLED' AND id < ?2",
    )
    .and_then(|mut statement| statement.query_row((archive, before), |row| row.get(0)))
    .during("find the pass before")
}

/// Whether a pass has a row.
///
/// # Errors
/// When the database fails.
pub fn find_pass(db: &Connection, id: PassId) -> Result<Option<Pass>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find the pass")
}
