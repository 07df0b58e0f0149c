//! Reading a source package for a comparison: the fields of its `.dsc`, the files in its tarballs, the texts in `debian/`.
//!
//! It is put together as dpkg-source would: what is in the upstream tarball, further ones in their folders, and `debian/` from where the packaging is. Of format 1.0 the
//! `.diff.gz` is read: what it makes is a text, what it changes is told as it changes it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read};

use super::Seen;
use super::text::Text;
use super::tree::{Gather, Node, Place};
use crate::domain::name::FileName;
use crate::domain::plain::escaped;
use crate::domain::{FileDigests, Sha256, SourceReleaseId, chain};
use crate::librarian::Librarian;
use crate::store::{Connection, StoreError, indexed, upload_queue};

/// The longest `.diff.gz` that is read, in bytes when decompressed.
const MOST_DIFF_BYTES: u64 = 64 << 20;

/// A file of a source.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    pub(super) name: FileName,
    pub(super) digests: FileDigests,
}

/// The files of a source, the `.dsc` among them.
pub(super) fn files(db: &Connection, release: SourceReleaseId) -> Result<Vec<SourceFile>, StoreError> {
    let files = indexed::source_files(db, release)?;
    Ok(files.into_iter().map(|(name, digests)| SourceFile { name, digests }).collect())
}

/// What a file of a source is, in the order in which they are unpacked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part<'n> {
    /// All of it, or what upstream has.
    Main { ending: &'n str },
    /// More of upstream, in a folder of its own.
    Further { folder: &'n str, ending: &'n str },
    /// The packaging.
    Debian { ending: &'n str },
    /// The packaging, as changes.
    Diff,
    /// A signature, the `.dsc`.
    Other,
}

fn part(name: &str) -> Part<'_> {
    if name.ends_with(".diff.gz") {
        return Part::Diff;
    }
    let Some((stem, ending)) = tarball(name) else { return Part::Other };
    if stem.ends_with(".debian") {
        return Part::Debian { ending };
    }
    match stem.rsplit_once(".orig-") {
        Some((_, folder)) if !folder.is_empty() && !folder.contains('.') => Part::Further { folder, ending },
        _ => Part::Main { ending },
    }
}

/// The name without what says that it is a tarball, and how that is compressed.
fn tarball(name: &str) -> Option<(&str, &str)> {
    let (stem, ending) = name.rsplit_once(".tar")?;
    ["", ".gz", ".bz2", ".xz", ".lzma", ".zst"].contains(&ending).then_some((stem, ending))
}

fn is_packaging(path: &[u8]) -> bool {
    path.starts_with(b"debian/")
}

/// What is in a source package, apart from files that are shared. What cannot be read is a trouble.
pub(super) fn read(
    db: &Connection,
    librarian: &Librarian,
    release: SourceReleaseId,
    all: &[SourceFile],
    shared: &BTreeSet<(FileName, Sha256)>,
) -> Result<Seen, StoreError> {
    let mut seen = Seen { control: upload_queue::source_text(db, release)?, ..Seen::default() };
    let mut ordered: Vec<(Part<'_>, &SourceFile)> =
        all.iter().map(|file| (part(file.name.as_str()), file)).collect();
    ordered.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (part, file) in ordered {
        if !file.name.as_str().ends_with(".dsc") {
            let mut digest = [0; 16];
            digest.copy_from_slice(&file.digests.sha256.as_bytes()[..16]);
            let node = Node {
                kind: '-',
                mode: 0o644,
                owner: "".into(),
                size_bytes: file.digests.size_bytes,
                link: Box::default(),
                digest,
            };
            seen.parts.nodes.insert(file.name.as_str().as_bytes().to_vec(), node);
        }
        if shared.contains(&(file.name.clone(), file.digests.sha256)) {
            continue;
        }
        let (place, ending) = match &part {
            Part::Main { ending } => (Place::WithoutTop(String::new()), *ending),
            Part::Further { folder, ending } => (Place::WithoutTop((*folder).to_owned()), *ending),
            Part::Debian { ending } => {
                // what upstream has there gives way
                seen.files.nodes.retain(|path, _| !is_packaging(path));
                seen.texts.clear();
                (Place::Root, *ending)
            }
            Part::Diff => {
                let read = read_diff(librarian, &file.digests.sha256, &mut seen);
                seen.troubles.extend(read.err().map(|trouble| format!("{}: {trouble}", file.name)));
                continue;
            }
            Part::Other => continue,
        };
        walk(librarian, file.name.as_str(), &file.digests.sha256, (place, ending), &mut seen);
    }
    Ok(seen)
}

/// What is in a tarball by itself.
pub(super) fn read_tarball(librarian: &Librarian, name: &str, sha256: &Sha256) -> Seen {
    let mut seen = Seen::default();
    match tarball(name) {
        Some((_, ending)) => walk(librarian, name, sha256, (Place::Root, ending), &mut seen),
        None => seen.troubles.push(format!("{name} is no tarball")),
    }
    seen
}

fn walk(librarian: &Librarian, name: &str, sha256: &Sha256, (place, ending): (Place, &str), seen: &mut Seen) {
    let Seen { files, texts, troubles, .. } = seen;
    let file = match librarian.open(sha256) {
        Ok(file) => file,
        Err(error) => return troubles.push(chain(&error)),
    };
    let compressed_bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let file = BufReader::with_capacity(128 * 1024, file);
    let mut gather = Gather::new(files, texts, place, is_packaging);
    let walked = gather.walk(ending, file, compressed_bytes);
    if gather.is_too_much {
        troubles.push(format!("{name} has more files than are compared"));
    }
    troubles.extend(walked.err().map(|error| format!("{name}: {}", chain(&error))));
}

/// What a `.diff.gz` makes and changes.
fn read_diff(librarian: &Librarian, sha256: &Sha256, seen: &mut Seen) -> Result<(), String> {
    let file = librarian.open(sha256).map_err(|error| chain(&error))?;
    let mut text = Vec::new();
    flate2::bufread::MultiGzDecoder::new(BufReader::new(file))
        .take(MOST_DIFF_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| format!("cannot be decompressed: {error}"))?;
    if text.len() as u64 > MOST_DIFF_BYTES {
        return Err(format!("has more than {MOST_DIFF_BYTES} bytes when decompressed: not compared"));
    }
    for (path, text) in patched(&text) {
        seen.texts.insert(escaped(&path), Text::Whole(text));
    }
    Ok(())
}

/// The files that a unified diff makes, as texts, and those that it changes, as its lines about them; by path without the first folder.
fn patched(diff: &[u8]) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut now: Option<String> = None;
    // lines of the hunk that are still to come, of the old file and of the new one; a line that looks like a heading may be one of them
    let (mut old_left, mut new_left, mut makes) = (0_u64, 0_u64, false);
    for line in diff.split(|byte| *byte == b'\n').map(String::from_utf8_lossy) {
        let line = line.as_ref();
        if old_left == 0 && new_left == 0 {
            if let Some(name) = line.strip_prefix("+++ ") {
                let name = name.split('\t').next().unwrap_or_default();
                now = Some(name.split_once('/').map_or(name, |(_, rest)| rest).to_owned());
                continue;
            }
            if let (Some(hunk), Some(path)) = (hunk(line), &now) {
                (old_left, new_left) = hunk;
                makes = old_left == 0;
                let text = files.entry(path.clone()).or_default();
                if !makes {
                    text.push_str(line);
                    text.push('\n');
                }
            }
            continue;
        }
        match line.as_bytes().first() {
            Some(b'+') => new_left = new_left.saturating_sub(1),
            Some(b'-') => old_left = old_left.saturating_sub(1),
            Some(b'\\') => {}
            _ => {
                old_left = old_left.saturating_sub(1);
                new_left = new_left.saturating_sub(1);
            }
        }
        if let Some(text) = now.as_ref().and_then(|path| files.get_mut(path)) {
            text.push_str(if makes { line.strip_prefix('+').unwrap_or(line) } else { line });
            text.push('\n');
        }
    }
    files
}

/// How many lines a hunk has of the old and of the new file, by its heading.
fn hunk(line: &str) -> Option<(u64, u64)> {
    let rest = line.strip_prefix("@@ -")?;
    let (old, rest) = rest.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let length = |range: &str| match range.split_once(',') {
        Some((_, length)) => length.parse().ok(),
        None => Some(1),
    };
    Some((length(old)?, length(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_source_are_told_apart_by_their_names() {
        for (name, expected) in [
            ("hello_1.orig.tar.xz", Part::Main { ending: ".xz" }),
            ("hello_1.tar.gz", Part::Main { ending: ".gz" }),
            ("hello_1.orig-docs.tar.bz2", Part::Further { folder: "docs", ending: ".bz2" }),
            ("hello_1-1.debian.tar.xz", Part::Debian { ending: ".xz" }),
            ("hello_1-1.diff.gz", Part::Diff),
            ("hello_1.orig.tar.xz.asc", Part::Other),
            ("hello_1-1.dsc", Part::Other),
        ] {
            assert_eq!(part(name), expected, "{name}");
        }
        assert!(part("a.orig.tar") < part("a.debian.tar"));
    }

    #[test]
    fn a_diff_makes_texts_and_changes_others() {
        let diff = b"--- hello-1.orig/debian/control\n+++ hello-1/debian/control\n@@ -0,0 +1,3 @@\n+Source: hello\n\
                     +++ looks like a heading\n+end\n\
                     --- hello-1.orig/src/main.c\t2020-01-01\n+++ hello-1/src/main.c\t2020-01-02\n@@ -1,2 +1 @@\n-a\n b\n";
        let files = patched(diff);
        assert_eq!(files["debian/control"], "Source: hello\n++ looks like a heading\nend\n");
        assert_eq!(files["src/main.c"], "@@ -1,2 +1 @@\n-a\n b\n");
        assert_eq!(files.len(), 2);
        for odd in [
            &b""[..],
            b"@@ -1 +1 @@\n-x\n",
            b"+++ \n@@ -x +y @@\n",
            b"\xff\xfe\n+++ a/b\n@@ -0,0 +1,99999999999999 @@\n+\xff",
        ] {
            patched(odd);
        }
    }
}
