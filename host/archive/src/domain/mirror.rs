//! What changes in the files that are served, as those who copy them are told.

use super::digest::Sha256;
use super::word::words;

/// A change of one path below an archive's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileChange {
    /// There is a file, new or in the place of what was there.
    File {
        /// Where.
        path: String,
        /// How long it is.
        size_bytes: u64,
        /// What it has.
        sha256: Sha256,
    },
    /// There is a symbolic link, new or in the place of what was there.
    Link {
        /// Where.
        path: String,
        /// What it reads.
        target: String,
    },
    /// There is nothing any more.
    Removed {
        /// Where.
        path: String,
    },
    /// What changed is not known: everything has to be compared.
    Everything,
}

impl FileChange {
    /// The path that changes; empty where it is not one.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::File { path, .. } | Self::Link { path, .. } | Self::Removed { path } => path,
            Self::Everything => "",
        }
    }

    /// Whether something goes.
    #[must_use]
    pub const fn is_removal(&self) -> bool {
        matches!(self, Self::Removed { .. })
    }
}

words! {
    /// Why there is a number of the journal.
    MirrorCause, "cause of a change that mirrors are told of" {
        /// A pass was installed.
        Pass = "PASS",
        /// Files have left the pool.
        DeathRow = "DEATH-ROW",
        /// Files were made that belong to no pass, as ls-lR.gz.
        Files = "FILES",
        /// What changed since the number before is not known.
        Reset = "RESET",
    }
}
