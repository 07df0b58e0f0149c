//! What lies in an archive's root, by name, and which of it a pass may put another tree in place of.

use std::path::Path;

/// The tree of suites, in the root and in the folder of a pass.
pub const DISTS: &str = "dists";
/// The files of packages.
pub const POOL: &str = "pool";
/// The folder of all moments.
pub const SNAPSHOTS: &str = "snapshots";
/// The folder that has the journal.
pub const JOURNAL: &str = "journal";
/// The file that lists all the others.
pub const LISTING: &str = "ls-lR.gz";

/// Whether a folder at an archive's root may be replaced by a pass: an ordinary name, and neither the pool, whose files clients are
/// reading, nor the snapshots, nor the journal, to which death row writes as well, nor the listing, which could not be written where a folder has its name.
#[must_use]
pub fn may_be_staged(name: &str) -> bool {
    ![POOL, SNAPSHOTS, JOURNAL, LISTING].contains(&name)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && Path::new(name).extension().is_none_or(|extension| extension != "old")
}
