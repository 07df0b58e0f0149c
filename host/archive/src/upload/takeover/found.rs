//! Where a repository lies in a folder: what clients read of it, whatever made it.
//!
//! reprepro, aptly and others keep databases of their own beside what they publish. Only that is read: whoever published it has signed it. What the
//! folder is told by is said, so that nobody takes another repository over than was meant.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::domain::archive_layout::{DISTS, JOURNAL, POOL, SNAPSHOTS};

/// A published repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The folder that has `dists`.
    pub root: PathBuf,
    /// By what the folder that was named was known.
    pub kind: Kind,
    /// Its suites, by name.
    pub suites: Vec<String>,
    /// Links that lead to them: other names for the same.
    pub aliases: Vec<(String, String)>,
}

/// What a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What clients read.
    Published,
    /// The base of a reprepro repository.
    Reprepro,
    /// The root of aptly.
    Aptly,
    /// A root of pressroom.
    Pressroom,
}

impl Kind {
    /// For people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Published => "a published repository",
            Self::Reprepro => "a reprepro repository",
            Self::Aptly => "an aptly root",
            Self::Pressroom => "a root of pressroom",
        }
    }
}

/// Why a folder is no repository.
#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    /// The folder is not one.
    #[error("{} is not a folder that can be read: {reason}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Nothing is published below it.
    #[error(
        "{} has no dists/ with a signed suite, and no folder in which reprepro, aptly or pressroom publish has: name the folder that clients read; a \
         repository without dists/ (deb … ./) cannot be taken over",
        path.display()
    )]
    Nothing {
        /// Which.
        path: PathBuf,
    },
    /// More than one repository.
    #[error("{} has {}: name the one that you mean: {}", path.display(), count(found), list(found))]
    Several {
        /// Which.
        path: PathBuf,
        /// Those that there are.
        found: Vec<PathBuf>,
    },
}

fn count(found: &[PathBuf]) -> String {
    format!("{} published repositories", found.len())
}

fn list(found: &[PathBuf]) -> String {
    found.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// So many folders are looked at in one.
const MOST_ENTRIES: usize = 10_000;

/// Finds the repository that is published in a folder.
///
/// # Errors
/// There is none, or several.
pub fn find(folder: &Path) -> Result<Found, FoundError> {
    let entries = fs::read_dir(folder)
        .map_err(|error| FoundError::Folder { path: folder.to_owned(), reason: error.to_string() })?;
    drop(entries);
    let kind = kind(folder);
    let mut roots: Vec<PathBuf> =
        candidates(folder, kind).into_iter().filter(|root| has_suites(root)).collect();
    match roots.len() {
        0 => Err(FoundError::Nothing { path: folder.to_owned() }),
        1 => {
            let root = roots.remove(0);
            let (suites, aliases) = suites(&root);
            Ok(Found { root, kind, suites, aliases })
        }
        _ => Err(FoundError::Several { path: folder.to_owned(), found: roots }),
    }
}

fn kind(folder: &Path) -> Kind {
    if folder.join("conf/distributions").is_file() {
        Kind::Reprepro
    } else if folder.join("pressroom.toml").is_file() {
        Kind::Pressroom
    } else if folder.join("db/CURRENT").is_file() || folder.join("public").is_dir() {
        Kind::Aptly
    } else {
        Kind::Published
    }
}

/// Where the published trees of such a folder may be.
fn candidates(folder: &Path, kind: Kind) -> BTreeSet<PathBuf> {
    let mut roots = BTreeSet::from([folder.to_owned()]);
    match kind {
        Kind::Published => {}
        Kind::Reprepro => roots.extend(outdir(folder)),
        // by prefixes, which may have several parts
        Kind::Aptly => {
            let public = folder.join("public");
            for one in folders(&public) {
                roots.extend(folders(&one));
                roots.insert(one);
            }
            roots.insert(public);
        }
        // NAME, NAME/partner, ~OWNER/NAME/PPA
        Kind::Pressroom => {
            let mut level = vec![folder.join("archives"), folder.join("private-archives")];
            for _ in 0..4 {
                level = level.iter().flat_map(|one| folders(one)).collect();
                roots.extend(level.iter().cloned());
            }
        }
    }
    roots
}

/// Where reprepro is told to publish, if elsewhere than in its base: `outdir` in `conf/options`.
fn outdir(base: &Path) -> Option<PathBuf> {
    let mut text = String::new();
    fs::File::open(base.join("conf/options")).ok()?.take(1 << 20).read_to_string(&mut text).ok()?;
    let word = text.lines().find_map(|line| {
        let rest = line.trim().trim_start_matches("--").strip_prefix("outdir")?;
        let value = rest.trim_start_matches(['=', ' ', '\t']).trim();
        (!value.is_empty() && rest.len() != value.len()).then(|| value.to_owned())
    })?;
    // `+b/` is the base
    Some(match word.strip_prefix("+b/") {
        Some(below) => base.join(below),
        None => base.join(word),
    })
}

/// The folders in a folder, without those that are links or hidden, or part of a tree themselves.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .take(MOST_ENTRIES)
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter(|entry| {
            let name = entry.file_name();
            // snapshots of a repository are no others
            ![DISTS, POOL, SNAPSHOTS, JOURNAL].iter().any(|part| name == *part)
                && !name.as_encoded_bytes().starts_with(b".")
        })
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

fn has_suites(root: &Path) -> bool {
    !suites(root).0.is_empty()
}

/// The suites below `dists`, with a slash in their name at the most, and the links that lead to them.
fn suites(root: &Path) -> (Vec<String>, Vec<(String, String)>) {
    let (mut suites, mut aliases) = (Vec::new(), Vec::new());
    let dists = root.join(DISTS);
    for (name, path, link) in entries(&dists) {
        if let Some(target) = link {
            aliases.push((name, target));
            continue;
        }
        if has_release(&path) {
            suites.push(name);
            continue;
        }
        for (below, path, link) in entries(&path) {
            if link.is_none() && has_release(&path) {
                suites.push(format!("{name}/{below}"));
            }
        }
    }
    suites.sort();
    aliases.sort();
    (suites, aliases)
}

/// Folders and links to folders, with where the links lead.
fn entries(folder: &Path) -> Vec<(String, PathBuf, Option<String>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    entries
        .take(MOST_ENTRIES)
        .flatten()
        .filter_map(|entry| {
            let (name, path) = (entry.file_name().into_string().ok()?, entry.path());
            let kind = entry.file_type().ok()?;
            if kind.is_symlink() {
                let target = fs::read_link(&path).ok()?.to_str()?.trim_end_matches('/').to_owned();
                return path.is_dir().then_some((name, path, Some(target)));
            }
            kind.is_dir().then_some((name, path, None))
        })
        .collect()
}

fn has_release(folder: &Path) -> bool {
    ["InRelease", "Release"].iter().any(|name| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{symlink, write_staged};

    fn at(folder: &Path, files: &[&str]) {
        for file in files {
            write_staged(&folder.join(file), b"").unwrap();
        }
    }

    #[test]
    fn each_kind_of_root_is_known_by_its_own() {
        for (files, kind, root) in [
            (&["dists/one/InRelease"][..], Kind::Published, ""),
            (&["conf/distributions", "dists/one/Release"], Kind::Reprepro, ""),
            (&["db/CURRENT", "public/dists/one/Release"], Kind::Aptly, "public"),
            (&["db/CURRENT", "public/team/dists/one/Release"], Kind::Aptly, "public/team"),
            (&["pressroom.toml", "archives/demo/dists/one/InRelease"], Kind::Pressroom, "archives/demo"),
            (
                &[
                    "pressroom.toml",
                    "archives/demo/dists/one/InRelease",
                    "archives/demo/snapshots/20260501T120000Z/dists/one/InRelease",
                ],
                Kind::Pressroom,
                "archives/demo",
            ),
        ] {
            let folder = tempfile::tempdir().unwrap();
            at(folder.path(), files);
            let found = find(folder.path()).unwrap();
            let root = if root.is_empty() { folder.path().to_owned() } else { folder.path().join(root) };
            assert_eq!((found.kind, found.root), (kind, root), "{files:?}");
            assert_eq!(found.suites, ["one"]);
        }
    }

    #[test]
    fn reprepro_may_publish_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        at(folder.path(), &["conf/distributions", "www/dists/one/Release"]);
        for options in ["outdir www\n", "verbose\noutdir +b/www\n", "--outdir=www\n"] {
            write_staged(&folder.path().join("conf/options"), options.as_bytes()).unwrap();
            assert_eq!(find(folder.path()).unwrap().root, folder.path().join("www"), "{options}");
        }
    }

    #[test]
    fn suites_may_have_a_slash_and_links_are_other_names() {
        let folder = tempfile::tempdir().unwrap();
        at(
            folder.path(),
            &["dists/one/InRelease", "dists/two/updates/Release", "dists/one/main/binary-amd64/Release"],
        );
        symlink(Path::new("one"), &folder.path().join("dists/stable")).unwrap();
        let found = find(folder.path()).unwrap();
        assert_eq!(found.suites, ["one", "two/updates"]);
        assert_eq!(found.aliases, [("stable".to_owned(), "one".to_owned())]);
    }

    #[test]
    fn nothing_and_several_are_said() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(find(&folder.path().join("none")), Err(FoundError::Folder { .. })));
        at(folder.path(), &["dists/one/notes", "pool/x.deb"]);
        assert!(matches!(find(folder.path()), Err(FoundError::Nothing { .. })));
        at(folder.path(), &["public/a/dists/one/Release", "public/b/dists/one/Release"]);
        let several = find(folder.path()).unwrap_err().to_string();
        assert!(several.contains("2 published") && several.contains("public/b"), "{several}");
    }
}
