//! Takes packages out of a suite: whose right it is, what is asked for, and when the files may go.
//!
//! What waits is deleted at once. What is published goes with the next pass, which finds the wish on the publication.

use jiff::Timestamp;

use crate::domain::{BinaryName, SuiteName};
use crate::dominate::{StayOfExecution, schedule_suite};
use crate::people::{Actor, Denied, rights};
use crate::refile::{RefileError, refuse_stable};
use crate::store::archive::Archive;
use crate::store::removal::{
    InQueue, Removal, RemovedPackages, Requested, components_of, in_queue, request_removal,
};
use crate::store::shape::shape;
use crate::store::{StoreError, Transaction, suite};

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// The suite of it.
    pub suite: &'a SuiteName,
    /// The names, of sources by the same rule as of binary packages.
    pub packages: &'a [BinaryName],
    /// What they mean.
    pub extent: RemovedPackages,
    /// Who asks.
    pub actor: &'a Actor,
    /// Why.
    pub comment: &'a str,
    /// How long the files of what goes stay.
    pub stay: StayOfExecution,
}

/// What was found of a name.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Removed {
    /// The name.
    pub package: BinaryName,
    /// What goes.
    #[serde(flatten)]
    pub requested: Requested,
    /// What brings it back.
    pub in_queue: Vec<InQueue>,
}

/// Why nothing was removed.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The database failed, or there is no such suite.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Who asks lacks a right.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The suite does not change.
    #[error(transparent)]
    Still(RefileError),
    /// There is nothing of that name to remove.
    #[error(
        "there is no {what} {name} in {suite} that is published or waits and is not to be removed already; nothing was changed ({other}){}",
        in_queue.iter().map(|one| format!("; {one}")).collect::<String>()
    )]
    NotThere {
        /// What there is none of.
        what: &'static str,
        /// Which.
        name: BinaryName,
        /// Where.
        suite: SuiteName,
        /// What may have been meant.
        other: &'static str,
        /// What waits of it.
        in_queue: Vec<InQueue>,
    },
}

/// Has packages taken out of a suite: all of them, or none. What was found of each, in the order of their names.
///
/// # Errors
/// When a package is not there, a right is lacking, the suite does not change, or the database fails; nothing of it may be kept then.
pub fn remove(
    tx: &Transaction<'_>,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<Vec<Removed>, RemoveError> {
    let Request { archive, packages, extent, actor, comment, .. } = *request;
    let shape = shape(tx, suite::suite(tx, archive.id, request.suite)?)?;
    refuse_stable(archive, &shape).map_err(RemoveError::Still)?;
    let (suite, rights) = (&shape.suite, rights(tx, archive, actor)?);
    let mut names: Vec<&BinaryName> = packages.iter().collect();
    names.sort_unstable();
    names.dedup();
    let mut removed = Vec::new();
    for name in names {
        let components = components_of(tx, suite.id, name.as_str(), extent)?;
        // what is not there is said below
        if !components.is_empty() {
            rights.may_administer(shape.series.id, suite.name.pocket(), &components)?;
        }
        let removal = Removal { suite: suite.id, name: name.as_str(), extent, by: actor.name(), comment };
        let requested = request_removal(tx, &removal, now)?;
        let in_queue = in_queue(tx, suite.id, name.as_str(), extent)?;
        if requested == Requested::default() {
            let (what, other) = match extent {
                RemovedPackages::SourceAndBinaries => {
                    ("source package, and no binary of a source,", "name binary packages with --binary")
                }
                RemovedPackages::Binaries => {
                    ("binary package", "without --binary, names are those of sources")
                }
            };
            let (name, suite) = (name.clone(), suite.name.clone());
            return Err(RemoveError::NotThere { what, name, suite, other, in_queue });
        }
        removed.push(Removed { package: name.clone(), requested, in_queue });
    }
    // what waited is deleted, and no pass comes by it
    schedule_suite(tx, suite.id, request.stay, now)?;
    Ok(removed)
}
