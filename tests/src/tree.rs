//! Pictures of a folder, to be compared.

use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::tool;

/// What lies below a folder: for every path the digest of its content, or where a link leads, or that it is a folder.
pub type Picture = BTreeMap<String, String>;

/// Takes a picture of a folder.
///
/// # Panics
/// When something in it cannot be read.
#[track_caller]
#[must_use]
pub fn picture(folder: &Path) -> Picture {
    let mut found = Picture::new();
    add(folder, "", &mut found);
    found
}

#[track_caller]
fn add(folder: &Path, prefix: &str, found: &mut Picture) {
    for name in crate::apt::names_in(folder) {
        let (path, key) = (folder.join(&name), format!("{prefix}{name}"));
        let kind = std::fs::symlink_metadata(&path)
            .unwrap_or_else(|error| panic!("cannot look at {}: {error}", path.display()));
        if kind.is_dir() {
            found.insert(format!("{key}/"), "folder".to_owned());
            add(&path, &format!("{key}/"), found);
        } else if kind.is_symlink() {
            let target = std::fs::read_link(&path)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
            found.insert(key, format!("-> {}", target.display()));
        } else {
            found.insert(key, sha256(&tool::read(&path)));
        }
    }
}

/// A digest in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What differs between two pictures, a line for each path: none when they are the same.
#[must_use]
pub fn differences(one: &Picture, other: &Picture) -> Vec<String> {
    let paths: std::collections::BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differing = paths.into_iter().filter(|path| one.get(*path) != other.get(*path));
    differing.map(|path| format!("{path}: {:?} and {:?}", one.get(path), other.get(path))).collect()
}

/// Insists that two pictures are the same.
///
/// # Panics
/// When they are not, with the paths that differ.
#[track_caller]
pub fn assert_same(what: &str, one: &Picture, other: &Picture) {
    let differences = differences(one, other);
    assert!(differences.is_empty(), "{what} differ:\n{}", differences.join("\n"));
}
