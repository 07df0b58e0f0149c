//! Where an archive's trees lie, and the staged one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::disk::{self, DiskError, Sharing};
use crate::domain::archive_layout::{DISTS, POOL, may_be_staged};
use crate::domain::{ArchiveReference, PassId, SuiteName};

/// The folders of one archive. What stands beside the root has its name with an ending, as in Soyuz.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivePaths {
    /// What is served: `dists/`, `pool/` and what hooks add.
    pub root: PathBuf,
    /// Trees that are being made; on the same filesystem, because they are exchanged with live ones.
    pub staging: PathBuf,
    /// Override files for the legacy hooks of a primary archive (`OVERRIDEROOT`).
    pub overrides: PathBuf,
    /// What an index engine remembers of packages from one pass to the next; can be removed.
    pub cache: PathBuf,
}

impl ArchivePaths {
    /// The folders of an archive below the folder of all archives.
    #[must_use]
    pub fn new(archives: &Path, archive: &ArchiveReference) -> Self {
        let folder = archive.folder();
        Self {
            root: archives.join(&folder),
            staging: archives.join(format!("{folder}-staging")),
            overrides: archives.join(format!("{folder}-overrides")),
            cache: archives.join(format!("{folder}-cache")),
        }
    }

    /// The live tree of suites.
    #[must_use]
    pub fn dists(&self) -> PathBuf {
        self.root.join(DISTS)
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> PathBuf {
        self.root.join(POOL)
    }

    /// The folder of the staged trees of a pass. Each has its own, so that a program that outlives its pass writes into nothing.
    #[must_use]
    pub fn staged(&self, pass: PassId) -> PathBuf {
        self.staging.join(pass.to_string())
    }
}

/// Why there is no staged tree, or not the one that was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// A tree that no pass may replace.
    #[error("{name} is not a tree that a publication can replace: name a folder such as indices or project")]
    BadTree {
        /// What was asked for.
        name: String,
    },
    /// What is written into a suite by a link would be written into another.
    #[error(
        "dists/{suite} in the staged tree is no folder, but a link or a file that Pressroom has not made: nothing is written there; let no hook and nobody else \
         put anything in the place of a suite's folder, remove what is there, and publish again"
    )]
    NoFolder {
        /// The suite.
        suite: SuiteName,
    },
    /// The live trees are only looked at.
    #[error("{name} cannot be staged: this is a view of what is live, into which nothing is written")]
    Live {
        /// What was asked for.
        name: String,
    },
}

/// The staged trees of a pass.
#[derive(Debug)]
pub struct Staged {
    paths: ArchivePaths,
    folder: PathBuf,
    sharing: Sharing,
    side_trees: BTreeSet<String>,
    /// It is the live trees that are looked at.
    is_live: bool,
}

impl Staged {
    /// Makes the staged tree of suites like the live one. What an earlier pass left is removed first.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn begin(paths: &ArchivePaths, pass: PassId, sharing: Sharing) -> Result<Self, StageError> {
        disk::discard_tree(&paths.staging)?;
        let folder = paths.staged(pass);
        disk::make_folder(&folder)?;
        let left_out = link_span(DISTS, sharing)
            .in_scope(|| disk::clone_tree(&paths.dists(), &folder.join(DISTS), sharing))?;
        for path in left_out {
            tracing::warn!(path = %path.display(), "left out of the staged tree: neither file, folder nor link");
        }
        Ok(Self { paths: paths.clone(), folder, sharing, side_trees: BTreeSet::new(), is_live: false })
    }

    /// The live trees, as if they were staged: for those who look at what would be written, and write nothing. Needs no lock, and touches no other pass's
    /// staged tree.
    #[must_use]
    pub fn of_live(paths: &ArchivePaths) -> Self {
        Self {
            paths: paths.clone(),
            folder: paths.root.clone(),
            sharing: Sharing::HardLinks,
            side_trees: BTreeSet::new(),
            is_live: true,
        }
    }

    /// The folder that stands for the archive's root.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The staged tree of suites.
    #[must_use]
    pub fn dists(&self) -> PathBuf {
        self.folder.join(DISTS)
    }

    /// The folder of a suite in the staged tree, there or yet to be made. Whoever writes into a suite asks here.
    ///
    /// # Errors
    /// When something else has its place.
    pub fn suite(&self, suite: &SuiteName) -> Result<PathBuf, StageError> {
        let folder = self.dists().join(suite.to_string());
        match std::fs::symlink_metadata(&folder) {
            Ok(found) if !found.is_dir() => Err(StageError::NoFolder { suite: suite.clone() }),
            _ => Ok(folder),
        }
    }

    /// Stages another folder at the archive's root, like the live one, so that files in it can change.
    ///
    /// # Errors
    /// When it is not one that may be replaced, what is looked at is live, or the disk fails.
    pub fn stage_tree(&mut self, name: &str) -> Result<(), StageError> {
        if self.is_live {
            return Err(StageError::Live { name: name.to_owned() });
        }
        if name == DISTS || self.side_trees.contains(name) {
            return Ok(());
        }
        let is_link =
            std::fs::symlink_metadata(self.paths.root.join(name)).is_ok_and(|found| found.is_symlink());
        if is_link || !may_be_staged(name) {
            return Err(StageError::BadTree { name: name.to_owned() });
        }
        link_span(name, self.sharing).in_scope(|| {
            disk::clone_tree(&self.paths.root.join(name), &self.folder.join(name), self.sharing)
        })?;
        self.side_trees.insert(name.to_owned());
        Ok(())
    }

    /// The trees that will be put in place, in that order: the suites first.
    #[must_use]
    pub fn trees(&self) -> Vec<String> {
        std::iter::once(DISTS.to_owned()).chain(self.side_trees.iter().cloned()).collect()
    }

    /// Where a staged file lies, or where the live one lies if its tree is not staged.
    #[must_use]
    pub fn locate(&self, path: &str) -> PathBuf {
        let tree = path.split('/').next().unwrap_or(path);
        let staged = tree == DISTS || self.side_trees.contains(tree);
        if staged { self.folder.join(path) } else { self.paths.root.join(path) }
    }

    /// Gives up: nothing of it stays.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn discard(self) -> Result<(), DiskError> {
        if self.is_live { Ok(()) } else { disk::discard_tree(&self.paths.staging) }
    }

    /// The archive's folders.
    #[must_use]
    pub const fn paths(&self) -> &ArchivePaths {
        &self.paths
    }
}

/// The making of a second tree, by what is done to its files.
fn link_span(tree: &str, sharing: Sharing) -> tracing::Span {
    match sharing {
        Sharing::HardLinks => tracing::debug_span!("link", tree),
        Sharing::Copies => tracing::debug_span!("copy", tree),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_staged;

    #[test]
    fn the_staged_tree_begins_as_the_live_one_and_side_trees_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ArchivePaths::new(folder.path(), &"debian".parse().unwrap());
        write_staged(&paths.dists().join("s/Release"), b"live").unwrap();
        write_staged(&paths.root.join("project/trace/host"), b"old").unwrap();
        write_staged(&paths.staged(PassId(1)).join("dists/s/left"), b"by a dead run").unwrap();
        let mut staged = Staged::begin(&paths, PassId(2), Sharing::HardLinks).unwrap();
        assert_eq!(disk::files_below(staged.folder()).unwrap().len(), 1);
        assert_eq!(staged.locate("project/trace/host"), paths.root.join("project/trace/host"));
        staged.stage_tree("project").unwrap();
        assert_eq!(staged.trees(), ["dists", "project"]);
        assert_eq!(std::fs::read(staged.locate("project/trace/host")).unwrap(), b"old");
        staged.discard().unwrap();
        assert!(paths.dists().join("s/Release").exists());
    }

    #[test]
    fn a_view_of_the_live_trees_stages_nothing_and_leaves_other_passes_alone() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ArchivePaths::new(folder.path(), &"debian".parse().unwrap());
        write_staged(&paths.dists().join("s/Release"), b"live").unwrap();
        let other = paths.staged(PassId(1)).join("dists/s/Release");
        write_staged(&other, b"in work").unwrap();
        let mut view = Staged::of_live(&paths);
        assert_eq!(view.locate("dists/s/Release"), paths.dists().join("s/Release"));
        assert_eq!(view.locate("project/trace"), paths.root.join("project/trace"));
        for tree in ["dists", "project"] {
            assert!(matches!(view.stage_tree(tree), Err(StageError::Live { .. })), "{tree}");
        }
        view.discard().unwrap();
        assert!(other.exists() && paths.dists().join("s/Release").exists());
    }

    #[test]
    fn what_is_no_folder_is_no_place_to_write_a_suite_to() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ArchivePaths::new(folder.path(), &"debian".parse().unwrap());
        write_staged(&paths.dists().join("s/Release"), b"live").unwrap();
        write_staged(&paths.dists().join("file"), b"").unwrap();
        disk::symlink(Path::new("s"), &paths.dists().join("link")).unwrap();
        disk::symlink(Path::new("nowhere"), &paths.dists().join("dangling")).unwrap();
        let staged = Staged::begin(&paths, PassId(1), Sharing::HardLinks).unwrap();
        for suite in ["s", "new"] {
            assert_eq!(staged.suite(&suite.parse().unwrap()).unwrap(), staged.dists().join(suite));
        }
        for suite in ["file", "link", "dangling"] {
            let refused = staged.suite(&suite.parse().unwrap()).unwrap_err().to_string();
            assert!(refused.contains(&format!("dists/{suite} ")), "{refused}");
        }
    }

    #[test]
    fn the_pool_and_odd_names_cannot_be_staged() {
        let folder = tempfile::tempdir().unwrap();
        let paths = ArchivePaths::new(folder.path(), &"debian".parse().unwrap());
        let mut staged = Staged::begin(&paths, PassId(2), Sharing::Copies).unwrap();
        for name in ["pool", "snapshots", "journal", "ls-lR.gz", "..", "", ".hidden", "a/b", "dists.old", "é"]
        {
            assert!(staged.stage_tree(name).is_err(), "{name}");
        }
    }
}
