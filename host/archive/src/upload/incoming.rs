//! What lies in incoming, and which of it has come to its end.
//!
//! A folder in incoming is one upload, as a server makes one for each connection; the folders in it, if any, say where it goes. Files that lie in
//! incoming itself, or in a folder that stands there for a distribution (`debian/`, `~ann/debian/tools/`), are uploads too: each `.changes` with what
//! it lists. Nothing here is opened but folders and regular files, and nothing is followed: what lies here is anybody's.
//!
//! Whether an upload still arrives is decided by the time of the last change of its inodes, which the sender cannot set, and by what its
//! `.changes` lists: dput sends that last.

mod looking;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use self::looking::Looking;
use crate::disk::{DiskError, During};
use crate::format::clearsign::ClearsignError;
use crate::format::{Changes, ChangesError};
use crate::work::{Work, count, count_bytes};

/// How long things may take to arrive.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// So long nothing of an upload may have changed before it is looked at.
    pub settle: SignedDuration,
    /// So long after its last change an upload that lacks files is waited for.
    pub grace: SignedDuration,
    /// So long a file that no `.changes` lists may lie in incoming.
    pub orphans: SignedDuration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            settle: SignedDuration::from_secs(5),
            grace: SignedDuration::from_mins(15),
            orphans: SignedDuration::from_hours(24),
        }
    }
}

/// The largest `.changes` that is read, in bytes.
pub const MAX_CHANGES_BYTES: u64 = 4 << 20;
/// So many files and folders may be in the folder of one upload.
const MAX_ENTRIES: usize = 5000;
/// `~owner/distribution/archive/suite` below the folder of an upload.
const MAX_DEPTH: usize = 4;
/// What could not be read is looked at again after so long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_mins(1);
/// So many names of strangers that an upload is said to have: the rest is left out.
const MAX_STRANGERS: usize = 20;

/// The folder that things are put into.
#[derive(Debug)]
pub struct Incoming {
    path: PathBuf,
    folder: OwnedFd,
    /// How many `.changes` of a folder have listed each file when that was first asked: more than do now, at most.
    listed: RefCell<BTreeMap<PathBuf, BTreeMap<String, usize>>>,
}

/// What a leaf is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeafKind {
    /// A folder that somebody made for this upload.
    Folder,
    /// A `.changes` among others, with the files that it lists and that are there, and whether another lists each too.
    Changes {
        /// Without the `.changes`.
        files: Vec<(OsString, Shared)>,
    },
    /// Something that belongs to no upload.
    Stray,
}

/// Whether a file belongs to one upload alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shared {
    /// One `.changes` lists it.
    No,
    /// Another one in the same folder does too.
    Yes,
}

/// Something in incoming that has one fate.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// How it is called: the path below incoming, which is that of the `.changes` where it is not a folder.
    pub name: String,
    /// The folder that it lies in, below incoming.
    pub folder: PathBuf,
    /// Its own name there.
    pub file: OsString,
    /// What it is.
    pub kind: LeafKind,
    /// Its `.changes` in the order in which they are looked at; none: it cannot be an upload.
    pub uploads: Vec<Found>,
    /// Why it cannot be one, or what else is odd.
    pub trouble: Option<String>,
}

/// A `.changes` that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The folder that it lies in, below incoming.
    pub folder: PathBuf,
    /// The words of the path that say where it goes; empty: none do.
    pub target: Vec<String>,
    /// Its name.
    pub changes: String,
    /// Its path below the folder that is the upload; its name where it is none. A leaf has each once.
    pub below: String,
}

impl Found {
    /// Sources are looked at first: binaries may need them.
    fn is_source(&self) -> bool {
        self.changes.ends_with("_source.changes")
    }
}

/// Something that still arrives.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Arriving {
    /// How it is called.
    pub name: String,
    /// What it is waited for.
    pub why: String,
    /// When it is worth looking again, if nothing changes before.
    pub look_again: Timestamp,
}

/// What lies in incoming.
#[derive(Debug, Default)]
pub struct Scan {
    /// What can be judged, in order.
    pub ready: Vec<Leaf>,
    /// What has to be waited for.
    pub arriving: Vec<Arriving>,
}

impl Incoming {
    /// Opens the incoming folder of a base folder.
    ///
    /// # Errors
    /// When it is not there, or cannot be read.
    pub fn open(base: &Path) -> Result<Self, DiskError> {
        let path = base.join("incoming");
        let folder = openat(CWD, &path, folder_flags(), Mode::empty()).during("open the folder", &path)?;
        Ok(Self { path, folder, listed: RefCell::default() })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens a folder below, through no link.
    ///
    /// # Errors
    /// When it is not there, or no folder.
    pub fn open_folder(&self, below: &Path) -> Result<OwnedFd, DiskError> {
        if below.as_os_str().is_empty() {
            // a handle of its own, since reading moves on in it
            return openat(&self.folder, ".", folder_flags(), Mode::empty())
                .during("open the folder", &self.path);
        }
        open_beneath(self.folder.as_fd(), below, folder_flags())
            .during("open the folder", &self.path.join(below))
    }

    /// Looks at everything. `stands` says of the name of a folder in incoming itself whether it stands there for a distribution or a person
    /// rather than being an upload.
    ///
    /// # Errors
    /// When incoming cannot be read.
    pub fn scan(
        &self,
        stands: &dyn Fn(&str) -> bool,
        patience: &Patience,
        now: Timestamp,
    ) -> Result<Scan, DiskError> {
        let mut looking = Looking { incoming: self, patience, now, scan: Scan::default() };
        looking.shared_folder(Path::new(""), &[], stands)?;
        let mut scan = looking.scan;
        scan.ready.sort_by(|one, other| key(one).cmp(&key(other)));
        scan.arriving.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(scan)
    }

    /// The names that the `.changes` of a shared folder list.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn listed_in(&self, below: &Path) -> Result<BTreeSet<OsString>, DiskError> {
        let folder = self.open_folder(below)?;
        let at = self.path.join(below);
        let entries = entries(folder.as_fd(), usize::MAX).during("read the folder", &at)?.unwrap_or_default();
        let mut listed = BTreeSet::new();
        for (name, _) in entries.iter().filter(|(name, _)| is_changes(name)) {
            if let Listing::Files(files) = listing(folder.as_fd(), name) {
                listed.extend(files.into_iter().map(|(file, _)| OsString::from(file)));
            }
        }
        Ok(listed)
    }

    /// What lies in incoming under a name that [`Self::scan`] gave, whether it is complete or not; none where nothing does any more.
    ///
    /// # Errors
    /// When incoming cannot be read.
    pub fn leaf(&self, name: &str) -> Result<Option<Leaf>, DiskError> {
        let path = Path::new(name);
        let (Some(below), Some(file)) = (path.parent(), path.file_name()) else { return Ok(None) };
        let words: Vec<String> = below.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        let folder = match self.open_folder(below) {
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let stat = match statat(&folder, file, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(None),
            other => other.during("look at", &self.path.join(path))?,
        };
        let patience = Patience {
            settle: SignedDuration::ZERO,
            grace: SignedDuration::ZERO,
            orphans: SignedDuration::ZERO,
        };
        let mut looking =
            Looking { incoming: self, patience: &patience, now: Timestamp::MAX, scan: Scan::default() };
        match kind(&stat) {
            FileType::Directory => looking.own_folder(path, below, file),
            FileType::RegularFile if is_changes(file) => {
                let at = self.path.join(below);
                let entries =
                    entries(folder.as_fd(), usize::MAX).during("read the folder", &at)?.unwrap_or_default();
                let listing = listing(folder.as_fd(), file);
                let mut known = self.listed.borrow_mut();
                let listed_by =
                    known.entry(below.to_owned()).or_insert_with(|| count_listed(folder.as_fd(), &entries));
                looking.flat(below, &words, file, &listing, &entries, listed_by);
            }
            FileType::RegularFile
            | FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => looking.stray(below, file, name.to_owned(), "it belongs to no upload"),
        }
        Ok(looking.scan.ready.pop())
    }
}

/// Sources before binaries, then by name.
fn key(leaf: &Leaf) -> (bool, &str) {
    let sources_alone = leaf.uploads.iter().all(Found::is_source);
    (leaf.kind != LeafKind::Folder && !sources_alone, &leaf.name)
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW
}

/// Opens what lies below a folder, name by name, each in the folder that the one before has opened. Nothing leads out of it: `..`, `/` and links are
/// refused as openat2 does with `RESOLVE_BENEATH` and `RESOLVE_NO_SYMLINKS`. That call would do all this at once, but systemd answers it with ENOSYS for
/// a unit that has `RestrictSUIDSGID=yes`, because a filter of system calls cannot look at its flags.
fn open_beneath(folder: BorrowedFd<'_>, below: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let mut names = Vec::new();
    for component in below.components() {
        match component {
            Component::Normal(name) => names.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return Err(Errno::XDEV),
        }
    }
    let last = names.pop().ok_or(Errno::NOENT)?;
    // on the way it is enough to be able to go through
    let through = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut reached: Option<OwnedFd> = None;
    for name in names {
        reached = Some(open_no_link(reached.as_ref().map_or(folder, AsFd::as_fd), name, through)?);
    }
    open_no_link(reached.as_ref().map_or(folder, AsFd::as_fd), last, flags | OFlags::NOFOLLOW)
}

/// Opens one name of a folder, which is no link: `ELOOP` where it is one, also where the system finds first that a link is no folder.
fn open_no_link(folder: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    match openat(folder, name, flags, Mode::empty()) {
        Err(Errno::NOTDIR) => match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if kind(&stat) == FileType::Symlink => Err(Errno::LOOP),
            Ok(_) | Err(_) => Err(Errno::NOTDIR),
        },
        other => other,
    }
}

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is a link, a folder, a FIFO, a device.
    #[error("it is no regular file: send the file itself")]
    NotRegular,
    /// It has more bytes than are read.
    #[error("it has more than {limit} bytes: it cannot be what its name says")]
    TooLarge {
        /// How many are read.
        limit: u64,
    },
    /// The system would not.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] std::io::Error),
}

/// Opens a regular file of a folder, without waiting for anybody; none: something else lies there.
///
/// # Errors
/// When nothing lies there, or it cannot be opened.
pub(super) fn open_regular(folder: BorrowedFd<'_>, name: &OsStr) -> std::io::Result<Option<File>> {
    // a FIFO would be waited for, and a device may do anything when it is opened
    if kind(&statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?) != FileType::RegularFile {
        return Ok(None);
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = match open_beneath(folder, Path::new(name), flags) {
        Err(Errno::LOOP) => return Ok(None),
        other => File::from(other?),
    };
    count(Work::FilesOpened, 1);
    // it may have been exchanged meanwhile
    Ok(opened.metadata()?.is_file().then_some(opened))
}

/// Reads a regular file of a folder, up to so many bytes, without waiting for anybody.
///
/// # Errors
/// When it is no regular file, or longer, or cannot be read.
pub fn read_regular(folder: BorrowedFd<'_>, name: &OsStr, limit: u64) -> Result<Vec<u8>, ReadError> {
    let opened = open_regular(folder, name).map_err(ReadError::Unreadable)?.ok_or(ReadError::NotRegular)?;
    let mut bytes = Vec::new();
    opened.take(limit + 1).read_to_end(&mut bytes).map_err(ReadError::Unreadable)?;
    count_bytes(Work::BytesRead, bytes.len());
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge { limit });
    }
    Ok(bytes)
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// When the inode last changed: writing, renaming and linking all do, and nobody can set it.
fn changed(stat: &Stat) -> Timestamp {
    let nanoseconds = i32::try_from(stat.st_ctime_nsec).unwrap_or(0);
    Timestamp::new(stat.st_ctime, nanoseconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The names in a folder with what they are, by name. One that goes away meanwhile is left out.
fn entries(folder: BorrowedFd<'_>, most: usize) -> rustix::io::Result<Option<BTreeMap<OsString, Stat>>> {
    let mut found = BTreeMap::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                found.insert(name.to_owned(), stat);
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        if found.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(found))
}

/// What a `.changes` lists, as far as that can be said before anything is judged.
enum Listing {
    /// Names and sizes.
    Files(Vec<(String, u64)>),
    /// It is not all there.
    CutOff,
    /// It cannot be read, now or ever.
    Unknown,
}

fn listing(folder: BorrowedFd<'_>, name: &OsStr) -> Listing {
    let Ok(bytes) = read_regular(folder, name, MAX_CHANGES_BYTES) else { return Listing::Unknown };
    match Changes::parse(&bytes) {
        Ok(changes) => Listing::Files(
            changes.files.iter().map(|file| (file.name.to_string(), file.size_bytes)).collect(),
        ),
        Err(ChangesError::Clearsign(ClearsignError::CutOff)) => Listing::CutOff,
        Err(_) if bytes.is_empty() => Listing::CutOff,
        Err(_) => Listing::Unknown,
    }
}

/// How many `.changes` of a folder list each file.
fn count_listed(folder: BorrowedFd<'_>, entries: &BTreeMap<OsString, Stat>) -> BTreeMap<String, usize> {
    let mut listed_by: BTreeMap<String, usize> = BTreeMap::new();
    for (name, stat) in entries.iter().filter(|(name, _)| is_changes(name)) {
        if kind(stat) == FileType::RegularFile
            && let Listing::Files(files) = listing(folder, name)
        {
            for (file, _) in files {
                *listed_by.entry(file).or_default() += 1;
            }
        }
    }
    listed_by
}

/// The file that a marker speaks of: `hello.dsc` of `hello.dsc.upload`, nothing of `.upload`.
fn marked(name: &OsStr) -> Option<&OsStr> {
    name.as_bytes().strip_suffix(b".upload").map(OsStr::from_bytes)
}

/// What dput writes beside a `.changes` that it has sent: `hello_1.0_source.server.upload`.
fn is_log_of(name: &OsStr, changes: &OsStr) -> bool {
    let (Some(stem), Some(log)) = (changes.as_bytes().strip_suffix(b".changes"), marked(name)) else {
        return false;
    };
    log.as_bytes().strip_prefix(stem).is_some_and(|rest| rest.first() == Some(&b'.') && rest != b".changes")
}

fn is_changes(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b".changes")
}

/// What is called as a `.changes` is up to its ending, so that nobody looks at all the others for each.
fn near<'a>(
    entries: &'a BTreeMap<OsString, Stat>,
    changes: &OsStr,
) -> impl Iterator<Item = (&'a OsString, &'a Stat)> {
    let stem = changes.as_bytes().strip_suffix(b"changes").unwrap_or(changes.as_bytes()).to_vec();
    let first = OsStr::from_bytes(&stem).to_owned();
    entries.range(first..).take_while(move |(name, _)| name.as_bytes().starts_with(&stem))
}

/// Whether something in a shared folder goes nowhere with a `.changes` that lists it: another one, or a folder, which has the uploads of others in it.
fn is_others(name: &OsStr, stat: &Stat) -> bool {
    is_changes(name) || kind(stat) == FileType::Directory
}
