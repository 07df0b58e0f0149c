//! What publishers that run beside each other ask of rows: whose run it is, who has an archive, what a pass has left out and is owed.

use rusqlite::{Connection, OptionalExtension, Transaction};

use jiff::Timestamp;

use super::archive::{Archive, archive_by_id};
use super::{During, StoreError, run};
use crate::domain::{ComponentId, DistributionId, PassId, Publisher, RunId};

/// Records that a run of a publisher begins. The caller holds the publisher's lock; runs of it that never ended are dead, and recorded so.
///
/// # Errors
/// When the database fails.
pub fn begin_run(
    tx: &Transaction<'_>,
    name: &str,
    hostname: &str,
    (distribution, publisher): (DistributionId, Publisher),
    now: Timestamp,
) -> Result<RunId, StoreError> {
    run::end_dead_runs(tx, distribution, publisher, now)?;
    let id = run::begin_run(tx, name, hostname, distribution, now)?;
    tx.execute("UPDATE script_activity SET publisher = ?2 WHERE id = ?1", (id, publisher))
        .during("record whose run it is")?;
    Ok(id)
}

/// The run of another publisher that is at work on an archive; none: nobody is. An archive changes its publisher when it becomes private, or public,
/// and a run of the other one may be in the middle of it then.
///
/// # Errors
/// When the database fails.
pub fn at_work_elsewhere(
    db: &Connection,
    archive: &Archive,
    own: RunId,
) -> Result<Option<RunId>, StoreError> {
    db.prepare_cached(
        "SELECT run.id FROM publisher_pass AS pass INDEXED BY publisher_pass_open JOIN script_activity AS run ON run.id = pass.script_activity
         WHERE pass.archive = ?1 AND run.id <> ?2 AND run.date_completed IS NULL AND pass.date_completed IS NULL
         ORDER BY run.id LIMIT 1",
    )
    .and_then(|mut statement| statement.query_row((archive.id, own), |row| row.get(0)).optional())
    .during("look for another publisher's work")
}

/// Refuses a pass over an archive that is another publisher's by now, or that another run is at work on. Asked in the transaction that begins the pass.
///
/// # Errors
/// When it is so: whose it is.
pub fn refuse_beside(tx: &Transaction<'_>, archive: &Archive, own: RunId) -> Result<(), StoreError> {
    let now = archive_by_id(tx, archive.id)?.publisher();
    if now != archive.publisher() {
        return Err(StoreError::Refused(format!(
            "{} is among {} by now: the run that publishes those has it",
            archive.reference,
            now.what()
        )));
    }
    match at_work_elsewhere(tx, archive, own)? {
        None => Ok(()),
        Some(run) => Err(StoreError::Refused(format!(
            "run {run} is at work on {}: it is published by the next run after that one has ended",
            archive.reference
        ))),
    }
}

/// The components of a distribution's series, the most preferred first: which has a file of several in its pool. The oldest series says so first, so that
/// a new one changes nothing in a pool that is there.
///
/// # Errors
/// When the database fails.
pub fn component_preference(
    db: &Connection,
    distribution: DistributionId,
) -> Result<Vec<ComponentId>, StoreError> {
    let all: Vec<ComponentId> = db
        .prepare_cached(
            "SELECT component FROM component_selection JOIN distro_series ON distro_series.id = distro_series
             WHERE distribution = ?1 ORDER BY distro_series.id, ordering, component",
        )
        .and_then(|mut statement| statement.query_map([distribution], |row| row.get(0))?.collect())
        .during("list the components")?;
    let mut preference: Vec<ComponentId> = Vec::new();
    for component in all {
        if !preference.contains(&component) {
            preference.push(component);
        }
    }
    Ok(preference)
}

/// What a pass leaves out because the operator said so.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// It lets several publications of a name stand beside each other.
    pub domination: bool,
    /// It makes no indexes.
    pub indexes: bool,
}

/// Writes down what a pass leaves out.
///
/// # Errors
/// When the database fails.
pub fn leave_out(tx: &Transaction<'_>, pass: PassId, left_out: LeftOut) -> Result<(), StoreError> {
    if left_out == LeftOut::default() {
        return Ok(());
    }
    tx.execute(
        "UPDATE publisher_pass_suite SET domination_left_out = ?2, indexes_left_out = ?3 WHERE publisher_pass = ?1",
        (pass, left_out.domination, left_out.indexes),
    )
    .map(|_| ())
    .during("record what the pass leaves out")
}

/// What an installed pass has left out is owed from now on, where it has changed something; what it has not, no longer.
///
/// # Errors
/// When the database fails.
pub(super) fn owe(tx: &Transaction<'_>, pass: PassId) -> Result<(), StoreError> {
    // a fresh suite that is in no pass without indexes stays as it is: it costs a look at the rows of this pass alone
    const CHANGED: &str = "SELECT publication.suite FROM publisher_transition AS transition
           JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
           WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE'
         UNION SELECT publication.suite FROM publisher_transition AS transition
           JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
           WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY'";
    let (without_domination, without_indexes): (bool, bool) = tx
        .query_row(
            "SELECT coalesce(max(domination_left_out), 0), coalesce(max(indexes_left_out), 0) FROM publisher_pass_suite
             WHERE publisher_pass = ?1",
            [pass],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .during("read what the pass has left out")?;
    const WHAT: &str = "record what the pass has left out";
    if without_indexes {
        tx.execute(
            &format!("UPDATE suite SET indexes_wanted = indexes_wanted + 1 WHERE id IN ({CHANGED})"),
            [pass],
        )
        .during(WHAT)?;
    }
    if without_domination {
        tx.execute(&format!("UPDATE suite SET domination_owed = 1 WHERE id IN ({CHANGED})"), [pass])
            .during(WHAT)?;
    } else {
        tx.execute(
            "UPDATE suite SET domination_owed = 0 WHERE domination_owed = 1
             AND id IN (SELECT suite FROM publisher_pass_suite WHERE publisher_pass = ?1 AND NOT only_release)",
            [pass],
        )
        .during(WHAT)?;
    }
    Ok(())
}
