//! Unpacking a tarball that nobody has reason to trust into a folder that nobody looks into yet.
//!
//! Only regular files, folders and symbolic links come out of it, below the folder, with modes of our own; links are made last, when it is known where
//! they lead, and lead nowhere but inside. What is not so is a fault, and the folder is thrown away by who asked. Nothing here knows suites.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;

use crate::disk::{self, DiskError, During};
use crate::domain::digest::digest_reader;
use crate::domain::plain::{Said, shown};
use crate::format::tarball::{Bounds, ContentsError, Entry, EntryKind, Walk, decompressed};
use crate::index;
use crate::work::{Work, count, count_bytes};

/// The longest path of an entry.
const MAX_PATH_BYTES: usize = 1024;
/// The longest name of a file, as file systems have it.
const MAX_NAME_BYTES: usize = 255;
/// So often a path may lead through links, as for the kernel.
const MAX_LINKS: usize = 40;
/// So many names are followed for all links of a tarball together.
const MAX_STEPS: u64 = 1 << 20;
/// setuid and setgid.
const RIGHTS_OF_ANOTHER: u32 = 0o6000;

/// How much a tarball may become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All of it, when decompressed.
    pub unpacked_bytes: u64,
    /// Entries, folders among them.
    pub entries: usize,
    /// The bytes of all names together.
    pub path_bytes: u64,
}

impl Limits {
    /// A tarball may become so many times as large as it is: what has more in it is made to fill a disk.
    const MOST_TIMES: u64 = 100;
    /// But any may become so large.
    const ANY_BYTES: u64 = 64 << 20;

    /// What holds where at most so many bytes may come out of a tarball.
    #[must_use]
    pub const fn new(unpacked_bytes: u64) -> Self {
        Self { unpacked_bytes, entries: 100_000, path_bytes: 16 << 20 }
    }

    /// What holds for a tarball of so many bytes.
    #[must_use]
    pub(super) fn of(self, packed_bytes: u64) -> Self {
        let most = packed_bytes.saturating_mul(Self::MOST_TIMES).max(Self::ANY_BYTES);
        Self { unpacked_bytes: self.unpacked_bytes.min(most), ..self }
    }
}

/// What is wrong with a tarball.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No whole, undamaged stream of its compression.
    #[error("it cannot be decompressed, or is cut off ({reason}): pack it again")]
    Decompress {
        /// What the decoder said.
        reason: String,
    },
    /// No tar archive, or not a whole one.
    #[error("the tar archive in it is damaged at byte {offset}: {reason}")]
    Damaged {
        /// Where, when decompressed.
        offset: u64,
        /// What is wrong.
        reason: String,
    },
    /// It grows too large.
    #[error("it has more than {most} {what}: a larger one is not unpacked")]
    TooMuch {
        /// How many there may be.
        most: u64,
        /// Of what.
        what: &'static str,
    },
    /// A path that no entry may have.
    #[error("it has {path}, which {reason}")]
    Path {
        /// The path, quoted.
        path: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something that is not served.
    #[error(
        "{path} in it is {kind}: only files, folders and symbolic links are published (tar with --hard-dereference makes files of hard links)"
    )]
    Kind {
        /// Its path, quoted.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A link that leads out.
    #[error(
        "{path} in it leads to {target}, which is not inside of {inside}: let it lead to something that is"
    )]
    Link {
        /// Its path, quoted.
        path: String,
        /// Its target, quoted.
        target: String,
        /// Of what.
        inside: String,
    },
    /// Nothing in it is at the place that counts.
    #[error("nothing in it is below {below}: that is what is published")]
    Empty {
        /// The folder that would count.
        below: String,
    },
    /// A compressed text that is none.
    #[error("{path} in it cannot be unpacked as {ending} ({reason}): clients could not read it")]
    Form {
        /// Its path, quoted.
        path: String,
        /// The ending of its name.
        ending: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Forms of one text with different texts.
    #[error("the forms of {path} in it do not carry the same text: make them from one file")]
    FormsDiffer {
        /// Its path, quoted, without the ending.
        path: String,
    },
}

/// Why a tarball was not unpacked.
#[derive(Debug, thiserror::Error)]
pub(super) enum UnpackError {
    /// It is its own fault.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// It is ours.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

impl From<ContentsError> for Fault {
    fn from(error: ContentsError) -> Self {
        match error {
            ContentsError::Decompress(error) => Self::Decompress { reason: Said::by(error).to_string() },
            ContentsError::Tar { offset, reason } => Self::Damaged { offset, reason },
            ContentsError::Escaping { path } => Self::Path { path, reason: "leads out of the archive" },
            ContentsError::TooMuch { most, what } => Self::TooMuch { most, what },
            ContentsError::Bomb { unpacked_bytes, .. } => {
                Self::TooMuch { most: unpacked_bytes, what: "bytes when decompressed" }
            }
        }
    }
}

impl From<ContentsError> for UnpackError {
    fn from(error: ContentsError) -> Self {
        Self::Fault(error.into())
    }
}

/// What was unpacked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    pub(super) files: u64,
    pub(super) links: u64,
    /// Entries that are not at a place that counts.
    pub(super) passed_over: u64,
}

enum Node {
    Folder,
    File,
    Link(String),
}

/// Where entries have to be to count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Below<'a> {
    /// A folder that may stand above.
    pub(super) above: &'a str,
    /// The folder whose content is unpacked.
    pub(super) folder: &'a str,
}

/// Unpacks what is below a folder of a tarball, with the compression that its ending says, into `to`, a new folder.
pub(super) fn unpack(
    packed: &Path,
    ending: &str,
    below: Below<'_>,
    limits: Limits,
    to: &Path,
) -> Result<Unpacked, UnpackError> {
    let file = std::fs::File::open(packed).during("read", packed)?;
    count(Work::FilesOpened, 1);
    let packed_bytes = file.metadata().during("look at", packed)?.len();
    let trouble = Rc::new(RefCell::new(None));
    let source = Watched { inner: file, trouble: Rc::clone(&trouble) };
    let limits = limits.of(packed_bytes);
    let bounds =
        Bounds { bytes: limits.unpacked_bytes, entries: limits.entries, compressed_bytes: packed_bytes };
    let unpacked = decompressed(ending, BufReader::new(source), |reader| {
        Ok(unpack_tarball(Walk::new(reader, bounds), limits, below, to))
    });
    let unpacked = unpacked.unwrap_or_else(|error| Err(error.into()));
    // a disk that fails looks like a stream that is damaged
    match trouble.take() {
        Some(error) => Err(error).during("read", packed).map_err(UnpackError::from),
        None => unpacked,
    }
}

/// Remembers what the disk said, which decoders tell as their own words.
struct Watched<R> {
    inner: R,
    trouble: Rc<RefCell<Option<io::Error>>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        match read {
            Ok(read) => {
                count_bytes(Work::BytesRead, read);
                Ok(read)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                *self.trouble.borrow_mut() = Some(error);
                Err(kind.into())
            }
        }
    }
}

fn unpack_tarball(
    mut walk: Walk<'_>,
    limits: Limits,
    below: Below<'_>,
    to: &Path,
) -> Result<Unpacked, UnpackError> {
    let mut path_bytes = 0;
    let mut tree: BTreeMap<String, Node> = BTreeMap::new();
    let mut unpacked = Unpacked::default();
    disk::make_folder(to)?;
    while let Some(entry) = walk.next_entry()? {
        path_bytes += (entry.path.len() + entry.link.len()) as u64;
        if path_bytes > limits.path_bytes {
            return Err(Fault::TooMuch { most: limits.path_bytes, what: "bytes of names" }.into());
        }
        let path = judge_entry(&entry)?;
        let Some(path) = counted(&path, below) else {
            unpacked.passed_over += 1;
            continue;
        };
        if path.is_empty() {
            if entry.kind == EntryKind::Folder {
                continue;
            }
            return Err(fault(&entry, "has to be a folder").into());
        }
        place(&mut tree, &path, &entry)?;
        match entry.kind {
            EntryKind::Folder => disk::make_folder(&to.join(&path))?,
            EntryKind::File => {
                let at = to.join(&path);
                let mut file = disk::create_staged(&at)?;
                let mut written = Ok(());
                walk.each_piece(|piece| {
                    if written.is_ok() {
                        written = file.write_all(piece);
                    }
                })?;
                written.during("write", &at)?;
                count(Work::BytesWritten, entry.size_bytes);
                unpacked.files += 1;
            }
            EntryKind::Symlink => unpacked.links += 1,
            EntryKind::HardLink | EntryKind::Fifo | EntryKind::Device | EntryKind::Other => {}
        }
    }
    if unpacked.files == 0 {
        return Err(Fault::Empty { below: below.folder.to_owned() }.into());
    }
    let mut steps = 0;
    for (path, node) in &tree {
        let Node::Link(target) = node else { continue };
        if !leads_inside(&tree, path, target, &mut steps)? {
            return Err(Fault::Link {
                path: shown(path),
                target: shown(target),
                inside: below.folder.to_owned(),
            }
            .into());
        }
        disk::symlink(Path::new(target), &to.join(path))?;
    }
    Ok(unpacked)
}

/// The path of an entry that may be unpacked, without what says nothing.
fn judge_entry(entry: &Entry) -> Result<String, Fault> {
    let path = std::str::from_utf8(&entry.path).map_err(|_| fault(entry, "is not UTF-8"))?;
    if path.len() > MAX_PATH_BYTES {
        return Err(fault(entry, "is too long"));
    }
    if path.chars().any(char::is_control) {
        return Err(fault(entry, "has a control character in it"));
    }
    if path.starts_with('/') {
        return Err(fault(entry, "is absolute: it would lead out of the archive"));
    }
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => return Err(fault(entry, "has .. in it: it would lead out of the archive")),
            part if part.len() > MAX_NAME_BYTES => return Err(fault(entry, "is too long")),
            part => parts.push(part),
        }
    }
    let unfit = match entry.kind {
        _ if entry.is_sparse => Some("a sparse file"),
        EntryKind::File | EntryKind::Folder | EntryKind::Symlink => None,
        EntryKind::HardLink => Some("a hard link"),
        EntryKind::Fifo => Some("a FIFO"),
        EntryKind::Device => Some("a device"),
        EntryKind::Other => Some("an entry of unknown kind"),
    };
    if let Some(kind) = unfit {
        return Err(Fault::Kind { path: shown(path), kind });
    }
    if entry.kind == EntryKind::File && entry.mode & RIGHTS_OF_ANOTHER != 0 {
        return Err(fault(entry, "has a setuid or setgid bit: nothing that is served may have one"));
    }
    Ok(parts.join("/"))
}

fn fault(entry: &Entry, reason: &'static str) -> Fault {
    Fault::Path { path: shown(&String::from_utf8_lossy(&entry.path)), reason }
}

/// The path below the folder that counts; none if it is elsewhere.
fn counted(path: &str, below: Below<'_>) -> Option<String> {
    let below_above = path.strip_prefix(below.above).and_then(|rest| rest.strip_prefix('/')).unwrap_or(path);
    let rest = below_above.strip_prefix(below.folder)?;
    if rest.is_empty() { Some(String::new()) } else { rest.strip_prefix('/').map(str::to_owned) }
}

/// Notes an entry and the folders above it.
fn place(tree: &mut BTreeMap<String, Node>, path: &str, entry: &Entry) -> Result<(), Fault> {
    for (at, _) in path.match_indices('/') {
        match tree.get(&path[..at]) {
            None => {
                tree.insert(path[..at].to_owned(), Node::Folder);
            }
            Some(Node::Folder) => {}
            Some(Node::File | Node::Link(_)) => {
                return Err(fault(entry, "is below something that is no folder"));
            }
        }
    }
    let node = match entry.kind {
        EntryKind::Folder => Node::Folder,
        EntryKind::Symlink => {
            let target = std::str::from_utf8(&entry.link).ok();
            let target = target.filter(|target| {
                !target.is_empty() && target.len() <= MAX_PATH_BYTES && !target.chars().any(char::is_control)
            });
            Node::Link(target.ok_or_else(|| fault(entry, "is a link to no path"))?.to_owned())
        }
        EntryKind::File | EntryKind::HardLink | EntryKind::Fifo | EntryKind::Device | EntryKind::Other => {
            Node::File
        }
    };
    match (tree.get(path), &node) {
        (None, _) => {
            tree.insert(path.to_owned(), node);
            Ok(())
        }
        (Some(Node::Folder), Node::Folder) => Ok(()),
        (Some(_), _) => Err(fault(entry, "is in it twice")),
    }
}

/// Whether a link at a path leads to a place inside, through whichever other links. What is not there counts by its place.
fn leads_inside(
    tree: &BTreeMap<String, Node>,
    path: &str,
    target: &str,
    steps: &mut u64,
) -> Result<bool, Fault> {
    if target.starts_with('/') {
        return Ok(false);
    }
    let mut at: Vec<String> = path.split('/').map(str::to_owned).collect();
    at.pop();
    let mut left: VecDeque<String> = target.split('/').map(str::to_owned).collect();
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        *steps += 1;
        if *steps > MAX_STEPS {
            return Err(Fault::TooMuch { most: MAX_STEPS, what: "names on the ways of its links" });
        }
        match part.as_str() {
            "" | "." => {}
            ".." => {
                if at.pop().is_none() {
                    return Ok(false);
                }
            }
            _ => {
                at.push(part);
                if let Some(Node::Link(next)) = tree.get(&at.join("/")) {
                    links += 1;
                    if next.starts_with('/') || links > MAX_LINKS {
                        return Ok(false);
                    }
                    at.pop();
                    for part in next.split('/').rev() {
                        left.push_front(part.to_owned());
                    }
                }
            }
        }
    }
    Ok(true)
}

/// The endings of names under which a text can lie, besides none.
const FORMS: [&str; 4] = [".gz", ".xz", ".zst", ".bz2"];

/// The name of a text without the ending of its form, and that.
pub(super) fn form_of(path: &str) -> Option<(&str, &'static str)> {
    FORMS.iter().find_map(|ending| Some((path.strip_suffix(ending)?, *ending)))
}

/// Whether every compressed text in a folder can be read, and says the same in each of its forms: what a Release lists must be so, and a publication must
/// not fail for what somebody has sent.
pub(super) fn check_texts(folder: &Path, limits: Limits) -> Result<(), UnpackError> {
    let mut agreed = BTreeMap::new();
    let mut left = limits.unpacked_bytes;
    for file in disk::files_below(folder)? {
        if file.path.chars().any(char::is_whitespace) {
            return Err(Fault::Path { path: shown(&file.path), reason: "has white space in it" }.into());
        }
        if index::by_hash::is_by_hash(&file.path) {
            return Err(Fault::Path {
                path: shown(&file.path),
                reason: "is a name that the publisher gives",
            }
            .into());
        }
        let (text, ending) = form_of(&file.path).unwrap_or((&file.path, ""));
        let packed = disk::open(&folder.join(&file.path))?;
        let bad = |reason: &dyn std::fmt::Display| Fault::Form {
            path: shown(&file.path),
            ending,
            reason: reason.to_string(),
        };
        let most = left.saturating_add(1);
        let read = decompressed(ending, BufReader::new(packed), |reader| {
            digest_reader(reader.take(most)).map_err(ContentsError::Decompress)
        });
        let digests = read.map_err(|error| match error {
            ContentsError::Decompress(error) => bad(&Said::by(error)),
            error @ (ContentsError::Tar { .. }
            | ContentsError::Escaping { .. }
            | ContentsError::TooMuch { .. }
            | ContentsError::Bomb { .. }) => bad(&error),
        })?;
        left = left
            .checked_sub(digests.size_bytes)
            .ok_or(Fault::TooMuch { most: limits.unpacked_bytes, what: "bytes of texts when unpacked" })?;
        if *agreed.entry(text.to_owned()).or_insert(digests) != digests {
            return Err(Fault::FormsDiffer { path: shown(text) }.into());
        }
    }
    Ok(())
}
