//! Which packages are meant by the paths on a command line: files, folders, .changes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::domain::chain;
use crate::domain::digest::Sha256;
use crate::domain::name::{PackagePriority, Section};
use crate::format::Changes;

/// A package that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The .deb, .udeb, .ddeb or .dsc.
    pub path: PathBuf,
    /// What a .changes said of it; few have one, and there may be a million.
    pub listed: Option<Box<Listed>>,
}

impl Item {
    pub(super) fn is_source(&self) -> bool {
        self.path.extension().is_some_and(|extension| extension == "dsc")
    }
}

/// What a .changes says of one of its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its content.
    pub sha256: Sha256,
    /// Where it is to be filed.
    pub section: Option<Section>,
    /// How much it is wanted.
    pub priority: Option<PackagePriority>,
}

/// Something that was asked for and does not come in, and why.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Complaint {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Complaint {
    pub(super) fn new(path: &Path, reason: impl Into<String>) -> Self {
        Self { path: path.to_owned(), reason: reason.into() }
    }

    /// With an error and all its causes as the reason.
    pub(super) fn from_error(path: &Path, error: &dyn std::error::Error) -> Self {
        Self::new(path, chain(error))
    }
}

/// The packages that the paths mean.
#[derive(Debug, Default)]
pub struct Gathered {
    /// By path.
    pub items: Vec<Item>,
    /// What could not be used.
    pub complaints: Vec<Complaint>,
}

impl Gathered {
    fn append(&mut self, mut other: Self) {
        self.items.append(&mut other.items);
        self.complaints.append(&mut other.complaints);
    }
}

/// What a file's name says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Package,
    Changes,
    Other,
}

fn kind(path: &Path) -> Kind {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("deb" | "udeb" | "ddeb" | "dsc") => Kind::Package,
        Some("changes") => Kind::Changes,
        _ => Kind::Other,
    }
}

/// The largest .changes that is read.
const MAX_CHANGES_BYTES: u64 = 16 << 20;

/// Finds the packages that the paths mean: a package itself, the packages that a .changes lists, all packages below a folder (what a .changes in a
/// folder lists lies there too). Links to folders are not followed.
#[must_use]
pub fn gather(paths: &[PathBuf]) -> Gathered {
    let mut gathered = Gathered::default();
    for path in paths {
        let mut complain = |complaint| gathered.complaints.push(complaint);
        match fs::metadata(path) {
            Err(error) => complain(Complaint::new(path, format!("it cannot be looked at: {error}"))),
            Ok(metadata) if metadata.is_dir() => gathered.append(walk(path)),
            Ok(metadata) if !metadata.is_file() => {
                complain(Complaint::new(path, "it is neither a file nor a folder"));
            }
            Ok(metadata) => match kind(path) {
                Kind::Package => gathered.items.push(Item { path: path.clone(), listed: None }),
                Kind::Changes if metadata.len() > MAX_CHANGES_BYTES => {
                    complain(Complaint::new(path, "it is too large for a .changes file"));
                }
                Kind::Changes => match changes(path) {
                    Ok(listed) => gathered.items.extend(listed),
                    Err(complaint) => complain(complaint),
                },
                Kind::Other => complain(Complaint::new(
                    path,
                    "it is no package: name .deb, .udeb, .ddeb, .dsc or .changes files, or folders with them",
                )),
            },
        }
    }
    // by bytes, since comparing paths part by part takes ten times as long
    gathered.items.par_sort_by(|one, other| one.path.as_os_str().cmp(other.path.as_os_str()));
    // named twice; what a .changes says of it counts
    gathered.items.dedup_by(|second, first| {
        let same = second.path.as_os_str() == first.path.as_os_str();
        if same && second.listed.is_some() {
            first.listed = second.listed.take();
        }
        same
    });
    gathered
}

/// The packages below a folder; folders are read side by side.
fn walk(folder: &Path) -> Gathered {
    let mut gathered = Gathered::default();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            let reason = format!("the folder cannot be read: {error}");
            gathered.complaints.push(Complaint::new(folder, reason));
            return gathered;
        }
    };
    let mut folders = Vec::new();
    for entry in entries.flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => folders.push(path),
            Ok(_) if kind(&path) == Kind::Package => gathered.items.push(Item { path, listed: None }),
            _ => {}
        }
    }
    let below = folders.par_iter().map(|folder| walk(folder)).reduce(Gathered::default, |mut one, other| {
        one.append(other);
        one
    });
    gathered.append(below);
    gathered
}

/// The packages that a .changes lists, which lie beside it. What else it lists (the parts of a source, a .buildinfo) is looked at with the
/// package that it belongs to, or not needed.
fn changes(path: &Path) -> Result<Vec<Item>, Complaint> {
    let bytes =
        fs::read(path).map_err(|error| Complaint::new(path, format!("it cannot be read: {error}")))?;
    let changes = Changes::parse(&bytes).map_err(|error| Complaint::from_error(path, &error))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let missing: BTreeSet<String> = (changes.files.iter())
        .filter(|file| !folder.join(file.name.as_str()).is_file())
        .map(|file| file.name.to_string())
        .collect();
    if !missing.is_empty() {
        let missing: Vec<String> = missing.into_iter().collect();
        return Err(Complaint::new(
            path,
            format!("files that it lists are not beside it: {}; nothing of it was taken", missing.join(", ")),
        ));
    }
    Ok(changes
        .files
        .into_iter()
        .map(|file| {
            let listed = Listed { sha256: file.sha256, section: file.section, priority: file.priority };
            Item { path: folder.join(file.name.as_str()), listed: Some(Box::new(listed)) }
        })
        .filter(|item| kind(&item.path) == Kind::Package)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::write_staged;

    #[test]
    fn folders_give_their_packages_and_the_rest_is_said() {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        for path in ["a/one.deb", "a/b/two.dsc", "a/notes.txt", "three.udeb", "four.txt"] {
            write_staged(&at(path), b"x").unwrap();
        }
        let gathered = gather(&[at("a"), at("three.udeb"), at("four.txt"), at("none.deb"), at("a/one.deb")]);
        let items: Vec<_> = gathered.items.iter().map(|item| item.path.clone()).collect();
        assert_eq!(items, [at("a/b/two.dsc"), at("a/one.deb"), at("three.udeb")]);
        let complaints: Vec<_> = gathered.complaints.iter().map(|complaint| complaint.path.clone()).collect();
        assert_eq!(complaints, [at("four.txt"), at("none.deb")]);
    }

    #[test]
    fn a_changes_whose_files_are_missing_gives_nothing() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("hello_1_source.changes");
        write_staged(&path, b"Format: 1.8\n").unwrap();
        let gathered = gather(&[path]);
        assert!(gathered.items.is_empty());
        assert_eq!(gathered.complaints.len(), 1);
    }
}
