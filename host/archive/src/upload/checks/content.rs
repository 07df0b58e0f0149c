//! What is in a source package: whether its tarballs and its diff can be unpacked, and whether the few members are there without which an archive
//! cannot do. Pure: it sees what was read of them.

use std::collections::BTreeMap;

use super::findings::Findings;
use crate::domain::chain;
use crate::domain::name::FileName;
use crate::domain::plain::shown;
use crate::format::source_diff::{DiffError, Members};
use crate::format::source_tree::{self, Member, Role, SourceTree, TreeError};
use crate::format::tarball::ContentsError;
use crate::format::{SourceControl, SourceFormat, changelog};

/// What was read of a file of a source package.
#[derive(Debug)]
pub(super) enum Content {
    /// A tarball.
    Tree(Result<SourceTree, TreeError>),
    /// A diff, applied to the upstream tarball; none: that could not be read.
    Diff(Option<Result<Members, DiffError>>),
    /// A signature.
    Other,
}

/// What a file is in its package, by its name, which [`SourceControl::parse`] has found to be one of its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The tarball of a native package.
    Native,
    /// The upstream tarball.
    Upstream,
    /// Another tarball of upstream's.
    Component,
    /// The folder `debian`.
    Debian,
    /// The diff.
    Diff,
    /// A signature.
    Signature,
}

impl Part {
    /// What a file of a package is. A version may have any of these words in it, so that only the ends count.
    pub(super) fn of(control: &SourceControl, name: &FileName) -> Self {
        let name = name.as_str();
        let is_native = match control.format {
            SourceFormat::Native => true,
            // it is all that such a package has
            SourceFormat::V1 => !control.files.iter().any(|file| file.name.as_str().ends_with(".diff.gz")),
            SourceFormat::Quilt => false,
        };
        let stem = name.rsplit_once(".tar").map_or(name, |(stem, _)| stem);
        if is_native {
            Self::Native
        } else if name.ends_with(".asc") {
            Self::Signature
        } else if name.ends_with(".diff.gz") {
            Self::Diff
        } else if stem.ends_with(".debian") {
            Self::Debian
        } else if stem.ends_with(".orig") {
            Self::Upstream
        } else {
            Self::Component
        }
    }

    /// How a tarball is looked at.
    pub(super) const fn of_tree(self) -> Role {
        match self {
            Self::Debian => Role::Debian,
            Self::Native | Self::Upstream | Self::Component | Self::Diff | Self::Signature => Role::Tree,
        }
    }
}

/// The ending of a tarball's name that tells its compression.
pub(super) fn compression(name: &FileName) -> &str {
    let name = name.as_str();
    name.rfind(".tar").map_or("", |at| &name[at + ".tar".len()..])
}

/// The checks of all that was read, by what it is in the package.
pub(super) fn check(
    dsc: &FileName,
    control: &SourceControl,
    contents: &BTreeMap<FileName, Content>,
    findings: &mut Findings,
) {
    let mut members = None;
    let mut is_whole = true;
    for (name, content) in contents {
        let part = Part::of(control, name);
        let found = match content {
            Content::Tree(Ok(tree)) => {
                check_top(name, part, tree, findings);
                check_patches(name, part, tree, findings);
                Some(&tree.members)
            }
            Content::Diff(Some(Ok(members))) => Some(members),
            Content::Diff(None) => {
                is_whole = false;
                None
            }
            Content::Tree(Err(error)) => {
                is_whole = false;
                findings.reject(check_of(error), name.as_str(), unpacking(error), REPACK);
                None
            }
            Content::Diff(Some(Err(error))) => {
                is_whole = false;
                findings.reject("unpack", name.as_str(), unpacking(error), REPACK);
                None
            }
            Content::Other => None,
        };
        if holds_debian(control.format, part) {
            members = found;
        }
    }
    // of what could not be unpacked nobody knows what is in it
    if is_whole && let Some(members) = members {
        check_members(dsc, control, members, findings);
    }
}

/// What to do about a source package that cannot be unpacked.
const REPACK: &str = "build the source package again with dpkg-buildpackage -S, and try dpkg-source -x on it";

pub(super) fn unpacking(error: &dyn std::error::Error) -> String {
    format!("it cannot be unpacked: {}", chain(error))
}

pub(super) const fn check_of(error: &TreeError) -> &'static str {
    match error {
        TreeError::Contents(ContentsError::TooMuch { .. } | ContentsError::Bomb { .. }) => "unpack-size",
        TreeError::Contents(
            ContentsError::Escaping { .. } | ContentsError::Decompress(_) | ContentsError::Tar { .. },
        )
        | TreeError::Absolute { .. }
        | TreeError::Kind { .. }
        | TreeError::ThroughLink { .. }
        | TreeError::HardLink { .. }
        | TreeError::Symlink { .. }
        | TreeError::OutsideDebian { .. }
        | TreeError::Debian { .. } => "unpack",
    }
}

/// Which of its files has the folder `debian`, once all are applied.
fn holds_debian(format: SourceFormat, part: Part) -> bool {
    match format {
        SourceFormat::Native => part == Part::Native,
        SourceFormat::Quilt => part == Part::Debian,
        SourceFormat::V1 => part == Part::Native || part == Part::Diff,
    }
}

/// What is unpacked is one folder. dpkg-source makes one of an upstream tarball that has none; whoever packs a native one decides that himself.
fn check_top(name: &FileName, part: Part, tree: &SourceTree, findings: &mut Findings) {
    const WHAT: &str = "pack what is in it in one folder, as hello-2.10/";
    if tree.has_one_folder {
        return;
    }
    let what = match tree.top.as_slice() {
        [] => "it is empty".to_owned(),
        [only] => format!("all that is at its top is {only}, which is no folder"),
        [first, second, ..] => format!("at its top is not one folder, but {first}, {second} and so on"),
    };
    match part {
        Part::Native => findings.reject("top-folder", name.as_str(), what, WHAT),
        Part::Debian if tree.top.is_empty() => findings.reject("top-folder", name.as_str(), what, REPACK),
        Part::Upstream | Part::Component => findings.warn("top-folder", name.as_str(), what, WHAT),
        Part::Debian | Part::Diff | Part::Signature => {}
    }
}

/// The patches that `debian/patches/series` lists are there.
fn check_patches(name: &FileName, part: Part, tree: &SourceTree, findings: &mut Findings) {
    if part != Part::Debian {
        return;
    }
    let Some(Member::File(series)) = tree.members.get("debian/patches/series") else { return };
    for line in series.split(|byte| *byte == b'\n') {
        let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
        // a name may be followed by options of patch
        let patch = line.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
        if !patch.is_empty() && !tree.patches.contains(patch) {
            let patch = shown(&String::from_utf8_lossy(patch));
            findings.reject(
                "patch-missing",
                name.as_str(),
                format!("debian/patches/series lists {patch}, which is not in debian/patches"),
                "add the patch, or take it out of the series, and build again",
            );
        }
    }
}

fn check_members(dsc: &FileName, control: &SourceControl, members: &Members, findings: &mut Findings) {
    let dsc = dsc.as_str();
    match file(dsc, members, "debian/changelog", ("changelog-link", "changelog-size"), findings) {
        Found::File(content) => check_changelog(dsc, control, content, findings),
        Found::Missing => findings.reject(
            "changelog-missing",
            dsc,
            "it has no debian/changelog",
            "add one, as dch --create writes it, and build again",
        ),
        Found::Refused => {}
    }
    match file(dsc, members, "debian/copyright", ("copyright-link", "copyright-size"), findings) {
        Found::Missing => findings.warn(
            "copyright-missing",
            dsc,
            "it has no debian/copyright",
            "write one: Policy 12.5 wants it in every package",
        ),
        Found::File(_) | Found::Refused => {}
    }
    match file(dsc, members, "debian/control", ("control-link", "control-size"), findings) {
        Found::Missing => findings.reject(
            "control-missing",
            dsc,
            "it has no debian/control, without which nothing can be built",
            "add it and build again",
        ),
        Found::File(_) | Found::Refused => {}
    }
}

/// The first entry is of the version that is uploaded.
fn check_changelog(dsc: &str, control: &SourceControl, content: &[u8], findings: &mut Findings) {
    let Some((source, version)) = changelog::first_entry(content) else {
        findings.warn(
            "changelog-entry",
            dsc,
            "debian/changelog does not begin with an entry",
            "begin it as \"hello (2.10-3) unstable; urgency=medium\"",
        );
        return;
    };
    if source != control.source || version != control.version {
        findings.warn(
            "changelog-entry",
            dsc,
            format!(
                "debian/changelog begins with {source} {version}, but this is {} {}",
                control.source, control.version
            ),
            "build the source package from the folder that has this changelog",
        );
    }
}

enum Found<'m> {
    File(&'m [u8]),
    Missing,
    Refused,
}

fn file<'m>(
    dsc: &str,
    members: &'m Members,
    name: &'static str,
    (of_link, of_size): (&'static str, &'static str),
    findings: &mut Findings,
) -> Found<'m> {
    match members.get(name) {
        None => Found::Missing,
        Some(Member::File(content)) => Found::File(content),
        Some(Member::TooLong { size_bytes }) => {
            findings.reject(
                of_size,
                dsc,
                format!(
                    "its {name} has {size_bytes} bytes or more, and {} MiB are the most that are taken",
                    source_tree::wanted(name.as_bytes()).map_or(0, |(_, most_bytes)| most_bytes >> 20)
                ),
                "shorten it, as dch and cme can, and build again",
            );
            Found::Refused
        }
        Some(Member::NoFile { what }) => {
            findings.reject(
                of_link,
                dsc,
                format!("its {name} is {what}, and has to be a file"),
                "put a copy there instead, and build again",
            );
            Found::Refused
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(format: &str, version: &str, names: &[&str]) -> Vec<Part> {
        let lines =
            |digest: &str| names.iter().map(|name| format!("\n {digest} 3 {name}")).collect::<String>();
        let text = format!(
            "Format: {format}\nSource: hello\nVersion: {version}\nMaintainer: Ann Uploader <ann@example.org>\nBinary: hello\n\
             Architecture: any\nStandards-Version: 4.6.2\nChecksums-Sha256:{}\nFiles:{}\n",
            lines("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            lines("900150983cd24fb0d6963f7d28e17f72"),
        );
        let control = SourceControl::parse(text.as_bytes()).unwrap();
        names.iter().map(|name| Part::of(&control, &name.parse().unwrap())).collect()
    }

    #[test]
    fn a_version_makes_no_other_part_of_a_file() {
        for version in ["1", "1.orig", "1.debian.tar.2", "1.orig.tar.2", "1.orig-2", "1.diff.gz.2"] {
            let native = format!("hello_{version}.tar.gz");
            assert_eq!(parts("3.0 (native)", version, &[&native]), [Part::Native], "{native}");
            assert_eq!(parts("1.0", version, &[&native]), [Part::Native], "{native}");
            if version.contains('-') {
                continue;
            }
            let full = format!("{version}-1");
            let names = [
                format!("hello_{version}.orig.tar.xz"),
                format!("hello_{version}.orig-doc.tar.bz2"),
                format!("hello_{version}.orig.tar.xz.asc"),
                format!("hello_{full}.debian.tar.lzma"),
            ];
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let expected = [Part::Upstream, Part::Component, Part::Signature, Part::Debian];
            assert_eq!(parts("3.0 (quilt)", &full, &names), expected, "{full}");
            let names = [format!("hello_{version}.orig.tar.gz"), format!("hello_{full}.diff.gz")];
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            assert_eq!(parts("1.0", &full, &names), [Part::Upstream, Part::Diff], "{full}");
        }
    }
}
