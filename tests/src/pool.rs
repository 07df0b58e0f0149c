//! Thousands of small packages with real control data: one for each package of the release that this machine follows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::deb;
use crate::stanza::{Stanza, stanzas};
use crate::tool::{self, tool};

/// What an index says of a package and the package's own control file does not.
const FIELDS_OF_INDEXES: [&str; 8] =
    ["filename", "size", "md5sum", "sha1", "sha256", "sha512", "description-md5", "status"];

/// Writes `count` packages to a folder and gives their paths.
///
/// # Panics
/// When the machine's package lists have fewer: with what to do.
#[track_caller]
#[must_use]
pub fn write(folder: &Path, count: usize) -> Vec<PathBuf> {
    let available = tool::succeed(tool("apt-cache").arg("dumpavail")).stdout;
    let mut seen = BTreeSet::new();
    let mut paths = Vec::new();
    for stanza in stanzas(&available) {
        let Some(file) = file_name(&stanza) else { continue };
        // of several versions of a package the first
        if paths.len() < count
            && seen.insert((stanza.field("Package").to_owned(), stanza.field("Architecture").to_owned()))
        {
            let path = folder.join(file);
            tool::write(&path, deb::bytes(control(&stanza).as_bytes(), &[]));
            paths.push(path);
        }
    }
    assert!(
        paths.len() == count,
        "this test wants {count} packages and apt-cache dumpavail has {}: `script/setup test` (or `apt-get update`) fetches the lists",
        paths.len()
    );
    paths
}

fn file_name(stanza: &Stanza) -> Option<String> {
    let (name, version) = (stanza.get("Package")?, stanza.get("Version")?);
    let architecture =
        stanza.get("Architecture").filter(|architecture| ["all", "amd64"].contains(architecture))?;
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    Some(format!("{name}_{version}_{architecture}.deb"))
}

fn control(stanza: &Stanza) -> String {
    let kept =
        stanza.0.iter().filter(|(name, _)| !FIELDS_OF_INDEXES.contains(&name.to_ascii_lowercase().as_str()));
    kept.map(|(name, value)| format!("{name}:{}{value}\n", if value.starts_with('\n') { "" } else { " " }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_files_are_those_of_the_packages_themselves() {
        let stanza =
            &stanzas("Package: a\nVersion: 1:2\nArchitecture: all\nTag:\n x,\n y\nSHA256: 00\nFilename: f\n")
                [0];
        assert_eq!(control(stanza), "Package: a\nVersion: 1:2\nArchitecture: all\nTag:\n x,\n y\n");
        assert_eq!(file_name(stanza).unwrap(), "a_2_all.deb");
        assert_eq!(file_name(&stanzas("Package: a\nVersion: 1\nArchitecture: riscv64\n")[0]), None);
    }
}
