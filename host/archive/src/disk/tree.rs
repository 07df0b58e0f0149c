//! Whole folders: a second tree that shares the unchanged files of the first, the list of its files, its end.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{DiskError, During, Identity, copy_file, make_folder};

/// How a staged tree has the files of the live one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// The same file under a second name: free, but nobody may write into it.
    HardLinks,
    /// Files of its own (with shared blocks where the filesystem can), for programs that write in place.
    Copies,
}

/// Makes `to` a second tree like `from`: folders, regular files, symbolic links as they are. Anything else (a FIFO, a device) does not belong
/// into a served tree and is left out; its path is in the result. Where `from` is not there, `to` is an empty folder.
///
/// # Errors
/// When something cannot be read or made.
pub fn clone_tree(from: &Path, to: &Path, sharing: Sharing) -> Result<Vec<PathBuf>, DiskError> {
    let mut left_out = Vec::new();
    make_folder(to)?;
    let entries = match fs::read_dir(from) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(left_out),
        other => other.during("read the folder", from)?,
    };
    for entry in entries {
        let entry = entry.during("read the folder", from)?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().during("look at", &source)?;
        if kind.is_dir() {
            left_out.extend(clone_tree(&source, &target, sharing)?);
        } else if kind.is_symlink() {
            let link = fs::read_link(&source).during("read the link", &source)?;
            std::os::unix::fs::symlink(link, &target).during("link", &target)?;
        } else if kind.is_file() {
            match sharing {
                Sharing::HardLinks => super::link_or_copy(&source, &target)?,
                Sharing::Copies => copy_file(&source, &target)?,
            }
        } else {
            left_out.push(source);
        }
    }
    Ok(left_out)
}

/// A regular file in a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeEntry {
    /// Relative to the folder that was asked about, with `/`.
    pub path: String,
    /// Its length.
    pub size_bytes: u64,
    /// Which file it is.
    pub identity: Identity,
    /// When it was written to last, in nanoseconds since 1970.
    pub modified_ns: i64,
}

/// When a file was written to last, in nanoseconds since 1970.
#[must_use]
pub fn modified_ns(metadata: &fs::Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}

/// The regular files below a folder, sorted by path. Links are not followed and not listed. Names that are not UTF-8 are refused: no index could
/// name them. Nothing there: an empty list.
///
/// # Errors
/// When something cannot be read.
pub fn files_below(folder: &Path) -> Result<Vec<TreeEntry>, DiskError> {
    let mut files = Vec::new();
    collect(folder, "", &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<TreeEntry>) -> Result<(), DiskError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.during("read the folder", folder)?,
    };
    for entry in entries {
        let entry = entry.during("read the folder", folder)?;
        let path = entry.path();
        let name =
            entry.file_name().into_string().map_err(|_| io::Error::from(io::ErrorKind::InvalidFilename));
        let name = name.during("read the name of", &path)?;
        let kind = entry.file_type().during("look at", &path)?;
        if kind.is_dir() {
            collect(&path, &format!("{prefix}{name}/"), files)?;
        } else if kind.is_file() {
            let metadata = entry.metadata().during("look at", &path)?;
            files.push(TreeEntry {
                path: format!("{prefix}{name}"),
                size_bytes: metadata.len(),
                identity: Identity::from_metadata(&metadata),
                modified_ns: modified_ns(&metadata),
            });
        }
    }
    Ok(())
}

/// Removes what is neither folder, file nor link below a folder: a FIFO would hold who reads it, a device is none of ours. Says what went.
///
/// # Errors
/// When something cannot be read or stays.
pub fn remove_special_files(folder: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(folder).during("read the folder", folder)? {
        let entry = entry.during("read the folder", folder)?;
        let path = entry.path();
        let kind = entry.file_type().during("look at", &path)?;
        if kind.is_dir() {
            removed.extend(remove_special_files(&path)?);
        } else if !kind.is_file() && !kind.is_symlink() {
            super::remove_file(&path)?;
            removed.push(path);
        }
    }
    Ok(removed)
}

/// Removes a folder with all that is in it; nothing there is fine.
///
/// # Errors
/// When something stays.
pub fn remove_tree(path: &Path) -> Result<(), DiskError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).during("remove", path),
        _ => Ok(()),
    }
}

/// Takes a folder away: first its name, in one step, then what is in it. A program that still writes into it can hold up only the second,
/// which a later call makes up for.
///
/// # Errors
/// When the name stays.
pub fn discard_tree(path: &Path) -> Result<(), DiskError> {
    let Some(folder) = path.parent().filter(|_| path.exists()) else { return Ok(()) };
    let _span = tracing::debug_span!("discard", path = %path.display()).entered();
    let aside =
        tempfile::Builder::new().prefix(TRASH_PREFIX).tempdir_in(folder).during("remove", path)?.keep();
    super::rename(path, &aside.join("tree"))?;
    for entry in fs::read_dir(folder).during("read the folder", folder)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(TRASH_PREFIX)
            && let Err(error) = remove_tree(&entry.path())
        {
            tracing::warn!("{error}; the next run tries again");
        }
    }
    Ok(())
}

/// What the names of folders that are being removed begin with.
const TRASH_PREFIX: &str = ".pressroom-gone-";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_staged;

    #[test]
    fn a_clone_shares_or_copies_and_leaves_out_what_is_no_file() {
        let root = tempfile::tempdir().unwrap();
        let from = root.path().join("from");
        write_staged(&from.join("a/file"), b"x").unwrap();
        std::os::unix::fs::symlink("file", from.join("a/link")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            from.join("fifo"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        for (sharing, same) in [(Sharing::HardLinks, true), (Sharing::Copies, false)] {
            let to = root.path().join(format!("{sharing:?}"));
            assert_eq!(clone_tree(&from, &to, sharing).unwrap(), vec![from.join("fifo")]);
            assert_eq!(
                Identity::of(&from.join("a/file")).unwrap() == Identity::of(&to.join("a/file")).unwrap(),
                same
            );
            assert_eq!(fs::read_link(to.join("a/link")).unwrap(), Path::new("file"));
            let paths: Vec<_> = files_below(&to).unwrap().into_iter().map(|entry| entry.path).collect();
            assert_eq!(paths, ["a/file"]);
        }
        assert_eq!(remove_special_files(&from).unwrap(), vec![from.join("fifo")]);
        assert!(from.join("a/link").is_symlink() && !from.join("fifo").exists());
    }

    #[test]
    fn nothing_there_is_an_empty_tree() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("none"), root.path().join("to"));
        clone_tree(&from, &to, Sharing::HardLinks).unwrap();
        assert!(to.is_dir());
        assert!(files_below(&from).unwrap().is_empty());
        remove_tree(&from).unwrap();
        discard_tree(&from).unwrap();
        discard_tree(&to).unwrap();
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
    }
}
