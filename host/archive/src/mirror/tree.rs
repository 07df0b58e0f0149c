//! What differs between the trees that a pass has staged and those that are live, in the order in which a mirror follows it.
//!
//! Files that both share are the same without being read. Where a staged tree has copies, those of the same length are held against each other by their digests:
//! times say nothing, since all that passes of one run make has one. A digest is taken from the file's by-hash name where it has one, or else it is read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::Path;

use crate::disk::{self, DiskError, During, Identity};
use crate::domain::digest::{Sha256, digest_reader};
use crate::domain::{ArchiveId, FileChange, PassId};
use crate::store::{StoreError, Transaction, mirror_journal};

/// What lies at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lies {
    File { size_bytes: u64, identity: Identity },
    Link { target: String },
}

type Entries = BTreeMap<String, Lies>;
/// The digests of files that have a by-hash name, by which file it is.
type Known = HashMap<(u64, u64), Sha256>;

/// A tree with what is known of its files.
#[derive(Debug)]
struct Side<'a> {
    root: &'a Path,
    entries: Entries,
    known: Known,
}

impl<'a> Side<'a> {
    fn new(root: &'a Path, tree: &str) -> Result<Self, DiskError> {
        let entries = entries(root, tree)?;
        let known = by_hash_digests(&entries);
        Ok(Self { root, entries, known })
    }

    /// The digest of a file: by its by-hash name, or by reading it.
    fn digest(&self, path: &str, identity: Identity) -> Result<Sha256, DiskError> {
        match self.known.get(&(identity.device, identity.inode)) {
            Some(sha256) => Ok(*sha256),
            None => read(&self.root.join(path)),
        }
    }

    /// Whether this side has the same at a path as the other.
    fn has(&self, path: &str, lies: &Lies, other: &Self) -> Result<bool, DiskError> {
        Ok(match (self.entries.get(path), lies) {
            (
                Some(Lies::File { size_bytes, identity }),
                Lies::File { size_bytes: other_size, identity: other_identity },
            ) => {
                identity == other_identity
                    || (size_bytes == other_size
                        && (path.contains("/by-hash/")
                            || self.digest(path, *identity)? == other.digest(path, *other_identity)?))
            }
            (Some(mine), theirs) => mine == theirs,
            (None, _) => false,
        })
    }
}

/// What a pass changes in the trees that it replaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TreeChanges {
    /// The changes, in the order in which to follow them.
    pub changes: Vec<FileChange>,
    /// The folders out of which something goes, which may be empty then.
    pub vacated: BTreeSet<String>,
    /// It was asked which files change: an archive without a journal does not want to know.
    pub has_files: bool,
}

impl TreeChanges {
    /// Writes them down, in the transaction that begins the installation of the pass.
    ///
    /// # Errors
    /// When the database fails.
    pub fn record(&self, tx: &Transaction<'_>, archive: ArchiveId, pass: PassId) -> Result<(), StoreError> {
        mirror_journal::record_vacated(tx, archive, self.vacated.iter().map(String::as_str))?;
        if self.has_files { mirror_journal::record_tree(tx, pass, &self.changes) } else { Ok(()) }
    }
}

/// Holds the staged trees of these names against the live ones. With `has_files` it says which files changed, otherwise only which folders may become empty.
///
/// # Errors
/// When something cannot be read.
pub fn changes(
    staged: &Path,
    live: &Path,
    trees: &[String],
    has_files: bool,
) -> Result<TreeChanges, DiskError> {
    let mut changes = TreeChanges { has_files, ..TreeChanges::default() };
    let (mut new, mut gone) = (Vec::new(), Vec::new());
    for tree in trees {
        let (staged, live) = (Side::new(staged, tree)?, Side::new(live, tree)?);
        for path in live.entries.keys().filter(|path| !staged.entries.contains_key(*path)) {
            if let Some((folder, _)) = path.rsplit_once('/') {
                changes.vacated.insert(folder.to_owned());
            }
            gone.push(path.clone());
        }
        if !has_files {
            continue;
        }
        for (path, lies) in &staged.entries {
            if live.has(path, lies, &staged)? {
                continue;
            }
            new.push(match lies {
                Lies::Link { target } => FileChange::Link { path: path.clone(), target: target.clone() },
                Lies::File { size_bytes, identity } => FileChange::File {
                    path: path.clone(),
                    size_bytes: *size_bytes,
                    sha256: staged.digest(path, *identity)?,
                },
            });
        }
    }
    if has_files {
        changes.changes = in_order(new, gone);
    }
    Ok(changes)
}

fn read(path: &Path) -> Result<Sha256, DiskError> {
    Ok(digest_reader(disk::open(path)?).during("read", path)?.sha256)
}

fn by_hash_digests(entries: &Entries) -> Known {
    entries
        .iter()
        .filter_map(|(path, lies)| {
            let Lies::File { identity, .. } = lies else { return None };
            let (_, digest) = path.rsplit_once("/by-hash/SHA256/")?;
            Some(((identity.device, identity.inode), digest.parse().ok()?))
        })
        .collect()
}

/// The order in which to follow changes of trees: what clients find by its digest alone, then what a Release lists, then the Release files, and the signed
/// one that clients look at first as the last of a suite; then links to suites, other trees; and at the end what goes, the other way round.
fn in_order(new: Vec<FileChange>, gone: Vec<String>) -> Vec<FileChange> {
    let paths: BTreeSet<&str> = new.iter().map(FileChange::path).collect();
    // a folder in the place of a file, or a file in that of a folder
    let is_in_the_way = |path: &str| {
        let below = format!("{path}/");
        paths.range(below.as_str()..).next().is_some_and(|next| next.starts_with(&below))
            || path.match_indices('/').any(|(at, _)| paths.contains(&path[..at]))
    };
    let (first, last): (Vec<String>, Vec<String>) = gone.into_iter().partition(|path| is_in_the_way(path));
    let mut new = new;
    new.sort_by(|one, other| {
        (rank(one.path(), is_link(one)), one.path()).cmp(&(rank(other.path(), is_link(other)), other.path()))
    });
    let mut last = last;
    last.sort_by(|one, other| (rank(other, false), other).cmp(&(rank(one, false), one)));
    let removed = |path: String| FileChange::Removed { path };
    first.into_iter().map(removed).chain(new).chain(last.into_iter().map(removed)).collect()
}

const fn is_link(change: &FileChange) -> bool {
    matches!(change, FileChange::Link { .. })
}

/// When a path comes among those that are new.
fn rank(path: &str, is_link: bool) -> u8 {
    let depth = path.matches('/').count();
    if !path.starts_with("dists/") {
        return 6;
    }
    match path.rsplit('/').next().unwrap_or(path) {
        // dists/stable -> bookworm
        _ if is_link && depth == 1 => 5,
        _ if path.contains("/by-hash/") => 0,
        "Release" if depth == 2 => 2,
        "Release.gpg" if depth == 2 => 3,
        "InRelease" if depth == 2 => 4,
        _ => 1,
    }
}

/// The files and links of a tree, by path below the folder that it is in. What nobody could be told of is left out, and said: a name that is not UTF-8 or has
/// control characters.
fn entries(root: &Path, tree: &str) -> Result<Entries, DiskError> {
    let mut found = BTreeMap::new();
    collect(&root.join(tree), tree, &mut found)?;
    Ok(found)
}

fn collect(folder: &Path, prefix: &str, found: &mut Entries) -> Result<(), DiskError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.during("read the folder", folder)?,
    };
    for entry in entries {
        let entry = entry.during("read the folder", folder)?;
        let path = entry.path();
        let Some(name) = super::lines::plain_name(&entry.file_name()) else {
            tracing::warn!(path = ?path, "mirrors are not told of it, because of its name");
            continue;
        };
        let below = format!("{prefix}/{name}");
        let kind = entry.file_type().during("look at", &path)?;
        if kind.is_dir() {
            collect(&path, &below, found)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).during("read the link", &path)?;
            match super::lines::plain_name(target.as_os_str()) {
                Some(target) => drop(found.insert(below, Lies::Link { target })),
                None => tracing::warn!(path = ?path, "mirrors are not told of it, because of where it leads"),
            }
        } else if kind.is_file() {
            let metadata = entry.metadata().during("look at", &path)?;
            let lies =
                Lies::File { size_bytes: metadata.len(), identity: Identity::from_metadata(&metadata) };
            found.insert(below, lies);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{clone_tree, remove_file, symlink, write_staged};

    fn said(changes: &TreeChanges) -> Vec<String> {
        changes
            .changes
            .iter()
            .map(|change| match change {
                FileChange::File { path, .. } => format!("+{path}"),
                FileChange::Link { path, target } => format!("@{path} {target}"),
                FileChange::Removed { path } => format!("-{path}"),
                FileChange::Everything => "!".to_owned(),
            })
            .collect()
    }

    fn trees(sharing: disk::Sharing) -> (tempfile::TempDir, std::path::PathBuf, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (live, staged) = (folder.path().join("live"), folder.path().join("staged"));
        for (path, content) in [
            ("dists/s/InRelease", "1"),
            ("dists/s/Release", "1"),
            ("dists/s/Release.gpg", "1"),
            ("dists/s/main/Packages", "1"),
            ("dists/s/main/by-hash/SHA256/00", "1"),
            ("dists/s/main/kept", "kept"),
            ("project/trace", "1"),
        ] {
            write_staged(&live.join(path), content.as_bytes()).unwrap();
        }
        symlink(Path::new("s"), &live.join("dists/old")).unwrap();
        clone_tree(&live, &staged, sharing).unwrap();
        (folder, live, staged)
    }

    fn both() -> Vec<String> {
        vec!["dists".to_owned(), "project".to_owned()]
    }

    #[test]
    fn what_is_shared_or_copied_has_not_changed() {
        for sharing in [disk::Sharing::HardLinks, disk::Sharing::Copies] {
            let (_folder, live, staged) = trees(sharing);
            let nothing = TreeChanges { has_files: true, ..TreeChanges::default() };
            assert_eq!(changes(&staged, &live, &both(), true).unwrap(), nothing);
        }
    }

    #[test]
    fn digests_come_first_the_signed_release_last_and_then_what_goes() {
        let (_folder, live, staged) = trees(disk::Sharing::HardLinks);
        let text = b"a longer text";
        for path in ["InRelease", "Release", "Release.gpg", "main/Packages"] {
            write_staged(&staged.join("dists/s").join(path), text).unwrap();
        }
        let by_hash = format!("dists/s/main/by-hash/SHA256/{}", Sha256::of(text));
        disk::link_or_copy(&staged.join("dists/s/main/Packages"), &staged.join(&by_hash)).unwrap();
        write_staged(&staged.join("project/trace"), text).unwrap();
        symlink(Path::new("s"), &staged.join("dists/new")).unwrap();
        remove_file(&staged.join("dists/old")).unwrap();
        remove_file(&staged.join("dists/s/main/by-hash/SHA256/00")).unwrap();
        remove_file(&staged.join("dists/s/main/kept")).unwrap();
        let found = changes(&staged, &live, &both(), true).unwrap();
        assert_eq!(
            said(&found),
            [
                &format!("+{by_hash}"),
                "+dists/s/main/Packages",
                "+dists/s/Release",
                "+dists/s/Release.gpg",
                "+dists/s/InRelease",
                "@dists/new s",
                "+project/trace",
                "-dists/s/main/kept",
                "-dists/old",
                "-dists/s/main/by-hash/SHA256/00",
            ]
        );
        for change in &found.changes {
            if let FileChange::File { size_bytes, sha256, path } = change {
                assert_eq!((*size_bytes, *sha256), (text.len() as u64, Sha256::of(text)), "{path}");
            }
        }
        let vacated: Vec<&str> = found.vacated.iter().map(String::as_str).collect();
        assert_eq!(vacated, ["dists", "dists/s/main", "dists/s/main/by-hash/SHA256"]);
        let without = changes(&staged, &live, &both(), false).unwrap();
        assert_eq!((without.changes.len(), without.vacated), (0, found.vacated));
    }

    #[test]
    fn what_stands_in_the_way_goes_first() {
        let (_folder, live, staged) = trees(disk::Sharing::HardLinks);
        disk::remove_tree(&staged.join("dists/s/main/by-hash")).unwrap();
        write_staged(&staged.join("dists/s/main/by-hash"), b"a file").unwrap();
        remove_file(&staged.join("dists/s/main/kept")).unwrap();
        write_staged(&staged.join("dists/s/main/kept/below"), b"in a folder").unwrap();
        let found = changes(&staged, &live, &both(), true).unwrap();
        assert_eq!(
            said(&found),
            [
                "-dists/s/main/by-hash/SHA256/00",
                "-dists/s/main/kept",
                "+dists/s/main/by-hash",
                "+dists/s/main/kept/below",
            ]
        );
    }

    #[test]
    fn a_new_tree_is_all_new_and_names_that_would_break_a_line_are_left_out() {
        let (_folder, _, staged) = trees(disk::Sharing::HardLinks);
        write_staged(&staged.join("project/a\nb"), b"x").unwrap();
        let nothing = tempfile::tempdir().unwrap();
        let found = changes(&staged, nothing.path(), &both(), true).unwrap();
        assert_eq!(found.changes.len(), 8);
        assert!(found.vacated.is_empty());
    }
}
