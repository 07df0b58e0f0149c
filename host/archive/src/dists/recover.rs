//! What a run that died left behind: read from the journal, not guessed.
//!
//! A pass that had not begun to install is forgotten with its staged trees: every publication is as it was. One that had is taken to its end, because
//! its trees are complete, signed and durable; should they have gone before the first exchange, it is forgotten as well.

use jiff::Timestamp;

use super::install::{InstallError, complete, exchange_all};
use super::stage::ArchivePaths;
use crate::disk::{self, Identity};
use crate::domain::{ArchiveId, PassId, PassState};
use crate::store::Db;
use crate::store::pass;

/// What was found and done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recovered {
    /// Nothing of it was live: forgotten.
    Abandoned(PassId),
    /// It was being installed: it is installed now.
    Completed(PassId),
}

/// Ends what unfinished passes of an archive have begun. The caller holds the lock, so nobody is at work on them.
///
/// # Errors
/// When the disk or the database fails; then the next call finds the same.
pub fn recover(
    db: &mut Db,
    archive: ArchiveId,
    paths: &ArchivePaths,
    now: Timestamp,
) -> Result<Vec<Recovered>, InstallError> {
    let mut recovered = Vec::new();
    for unfinished in pass::unfinished_passes(db.read(), archive)? {
        let id = unfinished.id;
        let forward = match unfinished.state {
            PassState::Installing => can_go_forward(db, id, paths)?,
            PassState::Preparing | PassState::Installed | PassState::Abandoned => false,
        };
        if forward {
            exchange_all(db, id, paths)?;
            complete(db, id, paths, now)?;
            recovered.push(Recovered::Completed(id));
        } else {
            db.write(|tx| pass::abandon_pass(tx, id, "the run died before this pass was installed", now))?;
            recovered.push(Recovered::Abandoned(id));
        }
    }
    disk::discard_tree(&paths.staging)?;
    Ok(recovered)
}

/// Whether every tree is either in place or still staged.
fn can_go_forward(db: &Db, id: PassId, paths: &ArchivePaths) -> Result<bool, InstallError> {
    let planned = pass::planned_exchanges(db.read(), id)?;
    for exchange in &planned {
        let live = Identity::of(&paths.root.join(&exchange.tree))?;
        let staged = Identity::of(&paths.staged(id).join(&exchange.tree))?;
        if live != Some(exchange.staged) && staged != Some(exchange.staged) {
            return Ok(false);
        }
    }
    Ok(!planned.is_empty())
}
