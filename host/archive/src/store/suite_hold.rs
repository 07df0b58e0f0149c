//! Suites whose publication somebody holds: paused ones, and those whose changes wait for somebody's word. And the log of who did what, and why.
//!
//! An approval is of changes, each by its row: what comes in later waits for another one. It is forgotten when the change is carried out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::suite::{Dirt, Suite};
use super::{During, StoreError};
use crate::domain::{ChangeKind, PackageKind, PassId, PublicationId, SuiteAction, SuiteId};

/// Who does something to a suite's publication, and why.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    /// Who.
    pub by: &'a str,
    /// Why; may be empty.
    pub comment: &'a str,
}

/// Holds the publication of a suite: runs leave it alone until it is resumed. A pass that is under way ends.
///
/// # Errors
/// When it is held already: by whom, and why.
pub fn pause(tx: &Transaction<'_>, suite: &Suite, word: Word<'_>, now: Timestamp) -> Result<(), StoreError> {
    if let Some(pause) = &suite.pause {
        return Err(StoreError::Refused(format!(
            "{} is paused already, by {} since {}: {}",
            suite.name, pause.by, pause.since, pause.reason
        )));
    }
    tx.execute(
        "UPDATE suite SET paused_by = ?2, pause_reason = ?3, date_paused = ?4 WHERE id = ?1",
        (suite.id, word.by, word.comment, Date(now)),
    )
    .during("pause the suite")?;
    log(tx, suite.id, SuiteAction::Paused, word, now)
}

/// Lets runs publish a suite again.
///
/// # Errors
/// When nobody holds it.
pub fn resume(tx: &Transaction<'_>, suite: &Suite, word: Word<'_>, now: Timestamp) -> Result<(), StoreError> {
    if suite.pause.is_none() {
        return Err(StoreError::Refused(format!("{} is not paused", suite.name)));
    }
    tx.execute(
        "UPDATE suite SET paused_by = NULL, pause_reason = '', date_paused = NULL WHERE id = ?1",
        [suite.id],
    )
    .during("resume the suite")?;
    log(tx, suite.id, SuiteAction::Resumed, word, now)
}

/// Which settings of a suite's publication to change; those left out stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SuiteChange {
    /// Whether its changes wait for somebody's word.
    pub approval_required: Option<bool>,
    /// Whether the binaries of a source wait for each other.
    pub group_by_source: Option<bool>,
    /// How long at the most, in seconds.
    pub group_by_source_seconds: Option<u32>,
}

/// Changes a suite. Without approval nothing waits for a word, and the words that were given are forgotten. Tells whether anything changed.
///
/// # Errors
/// When the database fails.
pub fn change_suite(tx: &Transaction<'_>, suite: SuiteId, change: &SuiteChange) -> Result<bool, StoreError> {
    let changed = tx
        .execute(
            "UPDATE suite SET approval_required = coalesce(?2, approval_required), group_by_source = coalesce(?3, group_by_source),
             group_by_source_seconds = coalesce(?4, group_by_source_seconds)
             WHERE id = ?1 AND (approval_required, group_by_source, group_by_source_seconds) <>
               (coalesce(?2, approval_required), coalesce(?3, group_by_source), coalesce(?4, group_by_source_seconds))",
            (suite, change.approval_required, change.group_by_source, change.group_by_source_seconds),
        )
        .during("change the suite")?;
    tx.execute(
        "DELETE FROM approved_change WHERE suite = ?1 AND (SELECT NOT approval_required FROM suite WHERE id = ?1)",
        [suite],
    )
    .during("change the suite")?;
    Ok(changed > 0)
}

/// The settings of a suite's publication.
///
/// # Errors
/// When the database fails.
pub fn settings(db: &Connection, suite: SuiteId) -> Result<SuiteChange, StoreError> {
    db.prepare_cached(
        "SELECT approval_required, group_by_source, group_by_source_seconds FROM suite WHERE id = ?1",
    )
    .and_then(|mut statement| {
        statement.query_row([suite], |row| {
            Ok(SuiteChange {
                approval_required: Some(row.get(0)?),
                group_by_source: Some(row.get(1)?),
                group_by_source_seconds: Some(row.get(2)?),
            })
        })
    })
    .during("read the settings of a suite")
}

/// The settings that a suite has when nobody has said anything.
#[must_use]
pub const fn default_settings() -> SuiteChange {
    SuiteChange {
        approval_required: Some(false),
        group_by_source: Some(false),
        group_by_source_seconds: Some(86_400),
    }
}

/// A change that waits in a suite.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct WaitingChange {
    /// What it is.
    pub kind: ChangeKind,
    /// Its row; of indexes the count of reasons.
    pub change: i64,
    /// For a person.
    pub what: String,
    /// Whether somebody has approved it.
    pub approved: bool,
}

const WAITING: [(ChangeKind, &str); 7] = [
    (
        ChangeKind::Source,
        "SELECT publication.id, publication.source_package_name || ' ' || release.version || ' (source) in ' || component.name
         FROM source_package_publishing_history AS publication INDEXED BY source_publication_by_status
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         JOIN component ON component.id = publication.component
         WHERE publication.status = 'PENDING' AND publication.suite = ?1 ORDER BY publication.id",
    ),
    (
        ChangeKind::Binary,
        "SELECT publication.id, publication.binary_package_name || ' ' || release.version || ' (' || architecture_tag || ') in ' || component.name
         FROM binary_package_publishing_history AS publication INDEXED BY binary_publication_by_status
         JOIN (SELECT id AS release_id, version FROM binary_package_release) AS release ON release_id = publication.binary_package_release
         JOIN distro_arch_series ON distro_arch_series.id = publication.distro_arch_series AND enabled
         JOIN component ON component.id = publication.component
         WHERE publication.status = 'PENDING' AND publication.suite = ?1 ORDER BY publication.id",
    ),
    (
        ChangeKind::SourceRemoval,
        "SELECT publication.id, 'removal of ' || publication.source_package_name || ' ' || release.version || ' (source), asked for by '
           || publication.removed_by
         FROM source_package_publishing_history AS publication INDEXED BY source_publication_to_remove
         JOIN source_package_release AS release ON release.id = publication.source_package_release
         WHERE publication.status = 'PUBLISHED' AND publication.removed_by IS NOT NULL AND publication.suite = ?1
         ORDER BY publication.id",
    ),
    (
        ChangeKind::BinaryRemoval,
        "SELECT publication.id, 'removal of ' || publication.binary_package_name || ' ' || release.version || ' (' || distro_arch_series.architecture_tag
           || '), asked for by ' || publication.removed_by
         FROM binary_package_publishing_history AS publication INDEXED BY binary_publication_to_remove
         JOIN binary_package_release AS release ON release.id = publication.binary_package_release
         JOIN distro_arch_series ON distro_arch_series.id = publication.distro_arch_series
         WHERE publication.status = 'PUBLISHED' AND publication.removed_by IS NOT NULL AND publication.suite = ?1
         ORDER BY publication.id",
    ),
    (
        ChangeKind::Custom,
        "SELECT publication.id, alias.filename || ' (' || custom.custom_format || ')' FROM custom_publication AS publication
         JOIN package_upload_custom AS custom ON custom.id = publication.package_upload_custom
         JOIN library_file_alias AS alias ON alias.id = custom.library_file
         WHERE publication.suite = ?1 AND publication.status = 'PENDING' ORDER BY publication.id",
    ),
    (
        ChangeKind::Mark,
        "SELECT id, 'a mark: ' || reason FROM dirty_suite WHERE suite = ?1 ORDER BY id",
    ),
    (
        ChangeKind::Indexes,
        "SELECT indexes_wanted, 'all its indexes: they are new, or show settings that have changed' FROM suite
         WHERE id = ?1 AND indexes_created < indexes_wanted",
    ),
];

/// Everything that waits in a suite, by kind and row.
///
/// # Errors
/// When the database fails.
pub fn waiting(db: &Connection, suite: SuiteId) -> Result<Vec<WaitingChange>, StoreError> {
    const WHAT: &str = "list what waits in a suite";
    let approved: BTreeSet<(ChangeKind, i64)> = db
        .prepare_cached("SELECT kind, change FROM approved_change WHERE suite = ?1 ORDER BY kind, change")
        .and_then(|mut statement| {
            statement.query_map([suite], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .during(WHAT)?;
    let mut waiting = Vec::new();
    for (kind, sql) in WAITING {
        let mut statement = db.prepare_cached(sql).during(WHAT)?;
        let mut rows = statement.query([suite]).during(WHAT)?;
        while let Some(row) = rows.next().during(WHAT)? {
            let change = row.get(0).during(WHAT)?;
            waiting.push(WaitingChange {
                kind,
                change,
                what: row.get(1).during(WHAT)?,
                approved: approved.contains(&(kind, change)),
            });
        }
    }
    Ok(waiting)
}

/// Lets everything be published that waits in a suite now. What was not approved before.
///
/// # Errors
/// When the suite needs no approval, or the database fails.
pub fn approve(
    tx: &Transaction<'_>,
    suite: &Suite,
    word: Word<'_>,
    now: Timestamp,
) -> Result<Vec<WaitingChange>, StoreError> {
    if !suite.approval_required {
        return Err(StoreError::Refused(format!(
            "{} needs no approval: what waits in it is published by the next run (`pressroom suite set {} --approval required` changes that)",
            suite.name, suite.name
        )));
    }
    let new: Vec<WaitingChange> =
        waiting(tx, suite.id)?.into_iter().filter(|change| !change.approved).collect();
    for change in &new {
        tx.prepare_cached("INSERT OR IGNORE INTO approved_change (suite, kind, change) VALUES (?1, ?2, ?3)")
            .and_then(|mut statement| statement.execute((suite.id, change.kind, change.change)))
            .during("approve a change")?;
    }
    if !new.is_empty() {
        log(tx, suite.id, SuiteAction::Approved, word, now)?;
    }
    Ok(new)
}

/// Publications of a suite that wait for approval; none where it needs none.
///
/// # Errors
/// When the database fails.
pub fn unapproved_publications(
    db: &Connection,
    suite: &Suite,
) -> Result<BTreeSet<(PackageKind, PublicationId)>, StoreError> {
    if !suite.approval_required {
        return Ok(BTreeSet::new());
    }
    let waiting = waiting(db, suite.id)?.into_iter().filter(|change| !change.approved);
    Ok(waiting
        .filter_map(|change| match change.kind {
            ChangeKind::Source => Some((PackageKind::Source, PublicationId(change.change))),
            ChangeKind::Binary => Some((PackageKind::Binary, PublicationId(change.change))),
            ChangeKind::SourceRemoval
            | ChangeKind::BinaryRemoval
            | ChangeKind::Custom
            | ChangeKind::Mark
            | ChangeKind::Indexes => None,
        })
        .collect())
}

/// What waits in a suite without what is held back, for the rest of its source or for approval: those are counted apart.
pub(super) fn without_unapproved(
    db: &Connection,
    mut dirt: Dirt,
    held: &BTreeSet<PublicationId>,
) -> Result<Dirt, StoreError> {
    dirt.held = u64::try_from(held.len()).unwrap_or(u64::MAX);
    if !dirt.suite.approval_required {
        dirt.pending = dirt.pending.saturating_sub(dirt.held);
        return Ok(dirt);
    }
    let (approved, unapproved): (Vec<WaitingChange>, Vec<WaitingChange>) =
        waiting(db, dirt.suite.id)?.into_iter().partition(|change| change.approved);
    dirt.unapproved = u64::try_from(unapproved.len()).unwrap_or(u64::MAX);
    (dirt.pending, dirt.removals, dirt.customs, dirt.fresh) = (0, 0, 0, false);
    let mut marks = BTreeSet::new();
    for change in &approved {
        match change.kind {
            ChangeKind::Source => dirt.pending += 1,
            ChangeKind::Binary => dirt.pending += u64::from(!held.contains(&PublicationId(change.change))),
            ChangeKind::SourceRemoval | ChangeKind::BinaryRemoval => dirt.removals += 1,
            ChangeKind::Custom => dirt.customs += 1,
            ChangeKind::Mark => {
                marks.insert(change.change);
            }
            ChangeKind::Indexes => dirt.fresh = true,
        }
    }
    dirt.marks.retain(|(mark, _)| marks.contains(&mark.0));
    Ok(dirt)
}

/// Takes removals that nobody has approved out of what a pass does.
///
/// # Errors
/// When the database fails.
pub fn withhold_removals(tx: &Transaction<'_>, pass: PassId) -> Result<usize, StoreError> {
    let mut withheld = 0;
    for (kind, removal, table) in [
        (PackageKind::Source, ChangeKind::SourceRemoval, "source_package_publishing_history"),
        (PackageKind::Binary, ChangeKind::BinaryRemoval, "binary_package_publishing_history"),
    ] {
        withheld += tx
            .prepare_cached(&format!(
                "DELETE FROM publisher_transition WHERE publisher_pass = ?1 AND kind = ?2 AND to_status = 'DELETED'
                 AND EXISTS (
                   SELECT 1 FROM {table} AS publication JOIN suite ON suite.id = publication.suite
                   WHERE publication.id = publisher_transition.publication AND publication.status = 'PUBLISHED'
                   AND publication.removed_by IS NOT NULL AND suite.approval_required
                   AND NOT EXISTS (SELECT 1 FROM approved_change
                     WHERE approved_change.suite = suite.id AND approved_change.kind = ?3 AND change = publication.id))"
            ))
            .and_then(|mut statement| statement.execute((pass, kind, removal)))
            .during("keep what nobody has approved")?;
    }
    Ok(withheld)
}

/// Forgets the approvals of what an installed pass has carried out. Before its marks and custom transitions are forgotten.
///
/// # Errors
/// When the database fails.
pub(super) fn forget_approvals(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    const WHAT: &str = "forget approvals that were used";
    let any: bool = tx
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM approved_change WHERE suite IN
               (SELECT suite FROM publisher_pass_suite WHERE publisher_pass = ?1))",
            [pass],
            |row| row.get(0),
        )
        .during(WHAT)?;
    if !any {
        return Ok(());
    }
    const OF_PASS: &str = "suite IN (SELECT suite FROM publisher_pass_suite WHERE publisher_pass = ?1)";
    for condition in [
        "kind IN ('SOURCE', 'SOURCE-REMOVAL') AND change IN
           (SELECT publication FROM publisher_transition WHERE publisher_pass = ?1 AND kind = 'SOURCE')",
        "kind IN ('BINARY', 'BINARY-REMOVAL') AND change IN
           (SELECT publication FROM publisher_transition WHERE publisher_pass = ?1 AND kind = 'BINARY')",
        "kind = 'CUSTOM' AND change IN
           (SELECT custom_publication FROM publisher_custom_transition WHERE publisher_pass = ?1)",
        "kind = 'MARK' AND change IN (SELECT dirty_suite FROM publisher_pass_dirt WHERE publisher_pass = ?1)",
        "kind = 'INDEXES' AND change <= (SELECT indexes_wanted FROM publisher_pass_suite AS seen
           WHERE publisher_pass = ?1 AND seen.suite = approved_change.suite)",
    ] {
        tx.execute(&format!("DELETE FROM approved_change WHERE {OF_PASS} AND {condition}"), [pass])
            .during(WHAT)?;
    }
    Ok(())
}

/// Writes down what somebody did to a suite's publication.
///
/// # Errors
/// When the database fails.
pub fn log(
    tx: &Transaction<'_>,
    suite: SuiteId,
    action: SuiteAction,
    word: Word<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO suite_log (suite, action, actor, comment, date_created) VALUES (?1, ?2, ?3, ?4, ?5)",
        (suite, action, word.by, word.comment, Date(now)),
    )
    .map(|_| ())
    .during("write down who did something to a suite")
}

/// A line of the log of a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteLogLine {
    /// What was done.
    pub action: SuiteAction,
    /// By whom.
    pub actor: String,
    /// Why.
    pub comment: String,
    /// When.
    pub date: Timestamp,
}

/// The last lines of the log of a suite, the newest first.
///
/// # Errors
/// When the database fails.
pub fn last_log_lines(db: &Connection, suite: SuiteId, limit: u32) -> Result<Vec<SuiteLogLine>, StoreError> {
    db.prepare_cached(
        "SELECT action, actor, comment, date_created FROM suite_log WHERE suite = ?1 ORDER BY id DESC LIMIT ?2",
    )
    .and_then(|mut statement| {
        statement
            .query_map((suite, limit), |row| {
                Ok(SuiteLogLine {
                    action: row.get(0)?,
                    actor: row.get(1)?,
                    comment: row.get(2)?,
                    date: row.get::<_, Date>(3)?.0,
                })
            })?
            .collect()
    })
    .during("read the log of a suite")
}
