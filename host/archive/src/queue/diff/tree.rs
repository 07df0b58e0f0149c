//! Files side by side: which came, which went, and which have other bytes, another size, mode, owner or target.

use std::collections::BTreeMap;
use std::io::BufRead;

use crate::domain::plain::escaped;
use crate::format::package_paths::{MAX_DATA_BYTES, MAX_ENTRIES};
use crate::format::tarball::{self, Bounds, ContentsError, Entry, EntryKind, Walk, plain as below_root};

use super::text::Text;

/// So many files of a package are kept; of one that has more it is said that it has.
const MOST_FILES: usize = 500_000;
/// So many bytes of their paths, and of what links lead to.
const MOST_PATHS_BYTES: usize = 64 << 20;
/// The longest text that is kept, in bytes.
const MOST_TEXT_BYTES: u64 = 2 << 20;
/// The most bytes of all texts of a package.
const MOST_TEXTS_BYTES: u64 = 32 << 20;

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// As `ls` has it: `-`, `d`, `l`; any device is `c`.
    pub(super) kind: char,
    pub(super) mode: u32,
    /// `root/root`.
    pub(super) owner: Box<str>,
    pub(super) size_bytes: u64,
    /// Where a link leads.
    pub(super) link: Box<[u8]>,
    /// Of its bytes.
    pub(super) digest: [u8; 16],
}

/// Files by their paths.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: BTreeMap<Vec<u8>, Node>,
    /// Of all paths and links that ever were in it.
    paths_bytes: usize,
}

/// What `ls` says of a file.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileFacts {
    /// `-` of a file, `d` of a folder, `l` of a symbolic link, `h` of a hard one; `c` of a device, `p` of a FIFO; `?` of anything else.
    pub kind: char,
    /// Its mode, in octal digits.
    pub mode: String,
    /// As `root/root`.
    pub owner: String,
    /// How long it is.
    pub size_bytes: u64,
    /// Where a link leads.
    pub link: Option<String>,
    #[serde(skip)]
    bits: u32,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileChange {
    /// Where it is.
    pub path: String,
    /// What it was; none: it was not there.
    pub old: Option<FileFacts>,
    /// What it is; none: it is not there any more.
    pub new: Option<FileFacts>,
    /// Whether it was there, and has other bytes.
    pub other_bytes: bool,
}

/// The files that differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct FileChanges {
    /// How many came.
    pub added: usize,
    /// How many went.
    pub removed: usize,
    /// How many are others.
    pub changed: usize,
    /// How many are as they were.
    pub same: usize,
    /// Some of those that differ, by path.
    pub files: Vec<FileChange>,
    /// How many more differ.
    pub left_out: usize,
}

/// What differs between two trees, `most` files at most.
pub(super) fn compare(old: &Tree, new: &Tree, most: usize) -> FileChanges {
    let mut changes = FileChanges::default();
    let (mut olds, mut news) = (old.nodes.iter().peekable(), new.nodes.iter().peekable());
    loop {
        let order = match (olds.peek(), news.peek()) {
            (None, None) => return changes,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { olds.next() } else { None };
        let new = if order.is_ge() { news.next() } else { None };
        let Some((path, _)) = new.or(old) else { return changes };
        let (old, new) = (old.map(|(_, node)| node), new.map(|(_, node)| node));
        match (old, new) {
            (Some(old), Some(new)) if old == new => {
                changes.same += 1;
                continue;
            }
            (Some(_), Some(_)) => changes.changed += 1,
            (None, _) => changes.added += 1,
            (_, None) => changes.removed += 1,
        }
        if changes.files.len() >= most {
            changes.left_out += 1;
            continue;
        }
        changes.files.push(FileChange {
            path: escaped(&String::from_utf8_lossy(path)),
            other_bytes: old.zip(new).is_some_and(|(old, new)| old.digest != new.digest),
            old: old.map(facts),
            new: new.map(facts),
        });
    }
}

fn facts(node: &Node) -> FileFacts {
    FileFacts {
        kind: node.kind,
        mode: format!("{:04o}", node.mode),
        owner: escaped(&node.owner),
        size_bytes: node.size_bytes,
        link: (!node.link.is_empty()).then(|| escaped(&String::from_utf8_lossy(&node.link))),
        bits: node.mode,
    }
}

impl std::fmt::Display for FileFacts {
    /// `-rwxr-xr-x root/root 12`, and where a link leads.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", self.kind)?;
        for (shift, special, sign) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
            let bits = self.bits >> shift;
            let executes = match (self.bits & special != 0, bits & 1 != 0) {
                (false, false) => '-',
                (false, true) => 'x',
                (true, true) => sign,
                (true, false) => sign.to_ascii_uppercase(),
            };
            let (reads, writes) =
                (if bits & 4 != 0 { 'r' } else { '-' }, if bits & 2 != 0 { 'w' } else { '-' });
            write!(out, "{reads}{writes}{executes}")?;
        }
        write!(out, " {} {}", self.owner, self.size_bytes)?;
        match &self.link {
            Some(link) if self.kind == 'h' => write!(out, " is {link}"),
            Some(link) => write!(out, " -> {link}"),
            None => Ok(()),
        }
    }
}

/// How paths in a tar archive become paths in a tree.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// As they are.
    Root,
    /// Below this, and without the one folder that everything is in.
    WithoutTop(String),
}

/// Gathers what is in a tar archive.
pub(super) struct Gather<'a> {
    pub(super) tree: &'a mut Tree,
    pub(super) texts: &'a mut BTreeMap<String, Text>,
    /// Which texts are wanted.
    is_wanted: fn(&[u8]) -> bool,
    place: Place,
    top: Option<Vec<u8>>,
    /// The file that goes by.
    now: Option<Now>,
    /// Bytes of all texts.
    kept_bytes: u64,
    /// There were more files than are kept.
    pub(super) is_too_much: bool,
}

struct Now {
    path: Vec<u8>,
    hasher: sha2::Sha256,
    text: Option<Vec<u8>>,
    size_bytes: u64,
}

impl<'a> Gather<'a> {
    pub(super) fn new(
        tree: &'a mut Tree,
        texts: &'a mut BTreeMap<String, Text>,
        place: Place,
        is_wanted: fn(&[u8]) -> bool,
    ) -> Self {
        Self { tree, texts, is_wanted, place, top: None, now: None, kept_bytes: 0, is_too_much: false }
    }

    fn at(&mut self, path: &[u8]) -> Result<Vec<u8>, ContentsError> {
        let path = below_root(path)?;
        let Place::WithoutTop(below) = &self.place else { return Ok(path) };
        let top = self
            .top
            .get_or_insert_with(|| path.split(|byte| *byte == b'/').next().unwrap_or_default().to_vec());
        let rest = match path.strip_prefix(top.as_slice()) {
            Some([]) => &[][..],
            Some([b'/', rest @ ..]) => rest,
            // what is beside the one folder
            _ => path.as_slice(),
        };
        if rest.is_empty() || below.is_empty() {
            return Ok(rest.to_vec());
        }
        Ok([below.as_bytes(), b"/", rest].concat())
    }

    /// Puts down what went by last.
    fn finish(&mut self) {
        use sha2::Digest;
        let Some(Now { path, hasher, text, size_bytes }) = self.now.take() else { return };
        let mut digest = [0; 16];
        digest.copy_from_slice(&hasher.finalize()[..16]);
        if let Some(node) = self.tree.nodes.get_mut(&path) {
            node.digest = digest;
        }
        if (self.is_wanted)(&path) {
            let whole =
                text.and_then(|bytes| String::from_utf8(bytes).ok()).filter(|text| !text.contains('\0'));
            let text = match whole {
                Some(text) => {
                    self.kept_bytes += text.len() as u64;
                    Text::Whole(text)
                }
                None => Text::Opaque { size_bytes, digest },
            };
            self.texts.insert(escaped(&String::from_utf8_lossy(&path)), text);
        }
    }
}

impl Gather<'_> {
    /// Gathers everything in an archive that is compressed as the ending of its name says, and that has so many bytes.
    pub(super) fn walk(
        &mut self,
        ending: &str,
        archive: impl BufRead,
        compressed_bytes: u64,
    ) -> Result<(), ContentsError> {
        let bounds = Bounds { bytes: MAX_DATA_BYTES, entries: MAX_ENTRIES, compressed_bytes };
        let walked = tarball::decompressed(ending, archive, |reader| {
            let mut walk = Walk::new(reader, bounds);
            while let Some(entry) = walk.next_entry()? {
                self.entry(entry)?;
                walk.each_piece(|piece| self.piece(piece))?;
            }
            Ok(())
        });
        self.finish();
        walked
    }

    fn entry(&mut self, entry: Entry) -> Result<(), ContentsError> {
        use sha2::Digest;
        self.finish();
        let path = self.at(&entry.path)?;
        let kind = match entry.kind {
            // folders of the oldest archives are files whose names end so
            EntryKind::File if entry.path.ends_with(b"/") => 'd',
            EntryKind::File => '-',
            EntryKind::Folder => 'd',
            EntryKind::Symlink => 'l',
            EntryKind::HardLink => 'h',
            EntryKind::Device => 'c',
            EntryKind::Fifo => 'p',
            EntryKind::Other => '?',
        };
        if path.is_empty() {
            return Ok(());
        }
        let link = match entry.kind {
            EntryKind::Symlink | EntryKind::HardLink => entry.link,
            EntryKind::File | EntryKind::Folder | EntryKind::Device | EntryKind::Fifo | EntryKind::Other => {
                Vec::new()
            }
        };
        self.tree.paths_bytes = self.tree.paths_bytes.saturating_add(path.len() + link.len());
        if self.tree.nodes.len() >= MOST_FILES || self.tree.paths_bytes > MOST_PATHS_BYTES {
            self.is_too_much = true;
            return Ok(());
        }
        let node = Node {
            kind,
            mode: entry.mode & 0o7777,
            owner: format!("{}/{}", entry.user, entry.group).into(),
            size_bytes: entry.size_bytes,
            link: link.into(),
            digest: [0; 16],
        };
        self.tree.nodes.insert(path.clone(), node);
        if kind == '-' {
            let fits = entry.size_bytes <= MOST_TEXT_BYTES
                && self.kept_bytes.saturating_add(entry.size_bytes) <= MOST_TEXTS_BYTES;
            let text = ((self.is_wanted)(&path) && fits).then(Vec::new);
            self.now = Some(Now { path, hasher: sha2::Sha256::new(), text, size_bytes: entry.size_bytes });
        }
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) {
        use sha2::Digest;
        if let Some(now) = &mut self.now {
            now.hasher.update(bytes);
            if let Some(text) = &mut now.text {
                text.extend_from_slice(bytes);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: char, mode: u32, size_bytes: u64, link: &str, digest: u8) -> Node {
        Node {
            kind,
            mode,
            owner: "root/root".into(),
            size_bytes,
            link: link.as_bytes().into(),
            digest: [digest; 16],
        }
    }

    fn tree(files: &[(&str, Node)]) -> Tree {
        Tree {
            paths_bytes: 0,
            nodes: files.iter().map(|(path, node)| (path.as_bytes().to_vec(), node.clone())).collect(),
        }
    }

    #[test]
    fn every_difference_of_a_file_is_told() {
        let old = tree(&[
            ("a", node('-', 0o644, 1, "", 1)),
            ("b", node('-', 0o644, 1, "", 1)),
            ("c", node('-', 0o644, 1, "", 1)),
            ("d", node('l', 0o777, 0, "a", 0)),
            ("e", node('-', 0o755, 2, "", 1)),
        ]);
        let new = tree(&[
            ("a", node('-', 0o644, 1, "", 1)),
            ("b", node('-', 0o4755, 1, "", 1)),
            ("c", node('-', 0o644, 1, "", 2)),
            ("d", node('l', 0o777, 0, "b\u{1b}", 0)),
            ("f", node('d', 0o1777, 0, "", 0)),
        ]);
        let changes = compare(&old, &new, 10);
        assert_eq!((changes.added, changes.removed, changes.changed, changes.same), (1, 1, 3, 1));
        let told: Vec<String> = changes
            .files
            .iter()
            .map(|file| {
                let text = |facts: &Option<FileFacts>| {
                    facts.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)
                };
                let bytes = if file.other_bytes { ", other bytes" } else { "" };
                format!("{}: {} => {}{bytes}", file.path, text(&file.old), text(&file.new))
            })
            .collect();
        assert_eq!(
            told,
            [
                "b: -rw-r--r-- root/root 1 => -rwsr-xr-x root/root 1",
                "c: -rw-r--r-- root/root 1 => -rw-r--r-- root/root 1, other bytes",
                "d: lrwxrwxrwx root/root 0 -> a => lrwxrwxrwx root/root 0 -> b\\u{1b}",
                "e: -rwxr-xr-x root/root 2 => -",
                "f: - => drwxrwxrwt root/root 0"
            ]
        );
    }

    #[test]
    fn a_package_without_end_is_kept_up_to_a_bound() {
        let (mut tree, mut texts) = (Tree::default(), BTreeMap::new());
        let mut gather = Gather::new(&mut tree, &mut texts, Place::Root, |_| false);
        let mut archive = tar::Builder::new(Vec::new());
        for number in 0..20_000 {
            let mut header = tar::Header::new_gnu();
            header.set_size(3);
            let path = format!("{number}/{}", "x".repeat(3800));
            archive.append_data(&mut header, path, &b"abc"[..]).unwrap();
        }
        let archive = archive.into_inner().unwrap();
        gather.walk("", archive.as_slice(), archive.len() as u64).unwrap();
        assert!(gather.is_too_much);
        assert!((10_000..19_000).contains(&tree.nodes.len()), "{}", tree.nodes.len());
    }

    #[test]
    fn what_is_not_named_is_counted() {
        let new = tree(&[("a", node('-', 0o644, 1, "", 1)), ("b", node('-', 0o644, 1, "", 1))]);
        let changes = compare(&Tree::default(), &new, 1);
        assert_eq!((changes.added, changes.files.len(), changes.left_out), (2, 1, 1));
    }
}
