//! Snapshots: suites as passes have installed them, to be had for a time after something else has taken their place.
//!
//! [`make`] gives the files of the live suites second names in a folder of the moment, `snapshots/20260501T120000Z` below the archive's root, as soon as an installation owes it.
//! Nothing is copied, and nothing is listed: what the indexes say lies in the pool, which death row leaves there as long as a snapshot is kept. [`expire`] lets go of those
//! whose time is over. [`diff`] says what is different between two moments, and [`restore`] what has to be done so that a suite is again what it was; both are pure. [`bring_back`] has
//! that done.

pub mod bring_back;
pub mod diff;
pub mod expire;
pub mod make;
pub mod restore;

use std::path::PathBuf;

use crate::disk::DiskError;
use crate::dists::ArchivePaths;
use crate::domain::SnapshotName;
use crate::domain::archive_layout::SNAPSHOTS;
use crate::store::StoreError;

/// Why a snapshot could not be made or let go.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The folder of a moment.
#[must_use]
pub fn folder_of(paths: &ArchivePaths, name: &SnapshotName) -> PathBuf {
    paths.root.join(SNAPSHOTS).join(name.as_str())
}
