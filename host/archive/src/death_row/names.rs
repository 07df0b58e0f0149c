//! Names that leave the pool, on disk. The rows have gone already; what is done here may be done again.
//!
//! First what stays is put in order: the component that has the file now gets it, the links lead to it. Only then do names go, so that at every instant each
//! name that stays can be read. A folder goes with its last name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::disk::{self, DiskError, During, Identity};
use crate::domain::archive_layout::POOL;
use crate::domain::digest::{Sha256, digest_reader};
use crate::domain::name::{ComponentName, FileName, SourceName};
use crate::librarian::Librarian;
use crate::pool::PoolPath;

/// A name that is in nobody's way: it is not taken out.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClearError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What is there is not what was put there.
    #[error("{} is no file of this archive any more ({what}): look at it, and move it away", path.display())]
    Foreign {
        /// Where.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
}

/// A name that goes.
#[derive(Debug)]
pub(super) struct Going<'a> {
    pub(super) component: &'a ComponentName,
    pub(super) sha256: Sha256,
    pub(super) size_bytes: u64,
    pub(super) was_recorded: bool,
}

/// A name that stays.
#[derive(Debug)]
pub(super) struct Staying {
    pub(super) component: ComponentName,
    pub(super) sha256: Sha256,
    pub(super) is_symlink: bool,
}

/// A file of a source with its names.
#[derive(Debug)]
pub(super) struct Names<'a> {
    pub(super) source: &'a SourceName,
    pub(super) filename: &'a FileName,
    pub(super) staying: &'a [Staying],
}

impl Names<'_> {
    fn path(&self, component: &ComponentName) -> PoolPath {
        PoolPath::new(component, self.source, self.filename)
    }

    /// Puts what stays in order; `also` are names that have the file still, perhaps.
    pub(super) fn settle(
        &self,
        root: &Path,
        librarian: &Librarian,
        also: &[Going<'_>],
    ) -> Result<(), ClearError> {
        let Some(real) = self.staying.iter().find(|name| !name.is_symlink) else { return Ok(()) };
        let at = self.path(&real.component).below(root);
        if !look(&at)?.is_some_and(|found| found.is_file()) {
            let original = librarian.path(&real.sha256);
            let from = also
                .iter()
                .filter(|name| name.sha256 == real.sha256)
                .map(|name| self.path(name.component).below(root))
                .chain([original.clone()])
                .find(|path| fs::symlink_metadata(path).is_ok_and(|found| found.is_file()));
            disk::link_or_copy(&from.unwrap_or(original), &at)?;
        }
        for link in self.staying.iter().filter(|name| name.is_symlink) {
            let (path, target) =
                (self.path(&link.component), self.path(&link.component).link_to(&real.component));
            let at = path.below(root);
            if fs::read_link(&at).ok().as_ref() != Some(&target) {
                disk::symlink(&target, &at)?;
            }
        }
        Ok(())
    }

    /// Takes a name out. One that is not there is fine.
    pub(super) fn clear(
        &self,
        root: &Path,
        librarian: &Librarian,
        going: &Going<'_>,
    ) -> Result<(), ClearError> {
        let path = self.path(going.component).below(root);
        if let Some(found) = look(&path)? {
            if let Some(what) = foreign(&path, &found, librarian, going)? {
                return Err(ClearError::Foreign { path, what });
            }
            disk::remove_file(&path)?;
        }
        remove_empty_folders(&path, &root.join(POOL))?;
        Ok(())
    }
}

fn look(path: &Path) -> Result<Option<fs::Metadata>, DiskError> {
    match fs::symlink_metadata(path) {
        Ok(found) => Ok(Some(found)),
        // also where a file stands in the place of its folder
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).during("look at", path),
    }
}

/// Why what is there is not to be touched; none: it is ours.
fn foreign(
    path: &Path,
    found: &fs::Metadata,
    librarian: &Librarian,
    going: &Going<'_>,
) -> Result<Option<&'static str>, DiskError> {
    if found.is_symlink() {
        return Ok(None);
    }
    if !found.is_file() {
        return Ok(Some("it is neither a file nor a link"));
    }
    // mostly the original under another name
    let original = Identity::of(&librarian.path(&going.sha256))?;
    if original == Some(Identity::from_metadata(found)) {
        return Ok(None);
    }
    if found.len() != going.size_bytes {
        return Ok(Some("it has another length"));
    }
    // what was recorded was put there; of the rest nothing is known
    if !going.was_recorded && digest_reader(disk::open(path)?).during("read", path)?.sha256 != going.sha256 {
        return Ok(Some("it has other content"));
    }
    Ok(None)
}

/// Removes the folders above a name that have nothing in them, up to the pool's own.
fn remove_empty_folders(path: &Path, pool: &Path) -> Result<(), DiskError> {
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != pool && folder.starts_with(pool)) {
        match fs::remove_dir(folder) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => return Ok(()),
            // a link to a folder of another disk, or something strange that is in nobody's way
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(()),
            Err(error) => return Err(error).during("remove the folder", folder),
        }
    }
    Ok(())
}
