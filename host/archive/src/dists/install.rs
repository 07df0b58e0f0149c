//! Putting the staged trees in place.
//!
//! First everything written is made durable, then the journal says what is about to be exchanged, then it is, then the rows say so. A death
//! anywhere in between is read from the journal by the next run.

use std::path::Path;

use jiff::Timestamp;

use super::stage::{ArchivePaths, StageError, Staged};
use crate::disk::{self, DiskError, Exchanged, Identity};
use crate::domain::PassId;
use crate::dominate::schedule_after;
use crate::mirror::number_pass;
use crate::store::pass::{self, PlannedExchange};
use crate::store::{Db, StoreError, Transaction};

/// Why a pass could not be installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The staged trees are not as they were.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// A staged tree has gone.
    #[error("the staged tree {tree} has disappeared: nothing more is installed; run again")]
    Gone {
        /// Which.
        tree: String,
    },
}

/// Where in the installation it failed, which says whether the pass can still be abandoned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstallStep {
    /// Nothing live was touched.
    Before,
    /// The journal has it: the next run takes it to its end.
    Begun,
}

/// Installs the staged trees of a pass and carries out what it has planned. `record` writes down what the pass has put on disk beside them: it is
/// called when that is durable, in the transaction that begins the installation.
///
/// # Errors
/// When a step fails, with where: before the exchange the pass can be abandoned; after it has begun the next run completes it.
pub fn install(
    db: &mut Db,
    pass: PassId,
    staged: &Staged,
    record: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
    now: Timestamp,
) -> Result<(), (InstallStep, InstallError)> {
    let paths = staged.paths();
    prepare(db, pass, staged, record).map_err(|error| (InstallStep::Before, error))?;
    exchange_all(db, pass, paths).map_err(|error| (InstallStep::Begun, error))?;
    complete(db, pass, paths, now).map_err(|error| (InstallStep::Begun, error))
}

fn prepare(
    db: &mut Db,
    pass: PassId,
    staged: &Staged,
    record: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>,
) -> Result<(), InstallError> {
    let mut exchanges = Vec::new();
    for tree in staged.trees() {
        let identity =
            Identity::of(&staged.folder().join(&tree))?.ok_or(InstallError::Gone { tree: tree.clone() })?;
        exchanges.push(PlannedExchange { tree, staged: identity });
    }
    // everything that was written, linked and renamed since the pass began, in one go; the pool may lie on a filesystem of its own
    disk::sync_filesystem(staged.folder())?;
    let pool = staged.paths().pool();
    let device = |path: &Path| Ok::<_, DiskError>(Identity::of(path)?.map(|identity| identity.device));
    if device(&pool)?.is_some_and(|pool| device(staged.folder()).is_ok_and(|staged| staged != Some(pool))) {
        disk::sync_filesystem(&pool)?;
    }
    tracing::debug_span!("record").in_scope(|| {
        db.write(|tx| {
            record(tx)?;
            pass::begin_installing(tx, pass, &exchanges)
        })
    })?;
    Ok(())
}

/// Exchanges what the journal names and is not in place yet.
pub(super) fn exchange_all(db: &Db, pass: PassId, paths: &ArchivePaths) -> Result<(), InstallError> {
    disk::make_folder(&paths.root)?;
    for planned in pass::planned_exchanges(db.read(), pass)? {
        let (staged, live) = (paths.staged(pass).join(&planned.tree), paths.root.join(&planned.tree));
        if Identity::of(&live)? == Some(planned.staged) {
            continue;
        }
        if Identity::of(&staged)? != Some(planned.staged) {
            return Err(InstallError::Gone { tree: planned.tree });
        }
        let span = tracing::debug_span!("exchange", tree = planned.tree);
        if span.in_scope(|| disk::exchange(&staged, &live))? == Exchanged::InTwoSteps {
            tracing::warn!(
                tree = planned.tree,
                "exchanged in two steps: this filesystem has no atomic exchange"
            );
        }
    }
    disk::sync_folder(&paths.root)?;
    disk::sync_folder(&paths.staged(pass))?;
    Ok(())
}

pub(super) fn complete(
    db: &mut Db,
    pass: PassId,
    paths: &ArchivePaths,
    now: Timestamp,
) -> Result<(), InstallError> {
    tracing::debug_span!("complete").in_scope(|| {
        db.write(|tx| {
            pass::complete_installation(tx, pass, now)?;
            number_pass(tx, pass, now)?;
            schedule_after(tx, pass, now)
        })
    })?;
    disk::discard_tree(&paths.staging)?;
    Ok(())
}
