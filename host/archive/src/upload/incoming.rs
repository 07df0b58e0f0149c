//! What lies in incoming, and which of it has come to its end.
//!
//! A folder in incoming is one upload, as a server makes one for each connection; the folders in it, if any, say where it goes. Files that lie in
//! incoming itself, or in a folder that stands there for a distribution (`debian/`, `~ann/debian/tools/`), are uploads too: each `.changes` with what
//! it lists. Nothing here is opened but folders and regular files, and nothing is followed: what lies here is anybody's.
//!
//! Whether an upload still arrives is decided by the time of the last change of its inodes, which the sender cannot set, and by what its
//! `.changes` lists: dput sends that last.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, openat2, statat};
use rustix::io::Errno;

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
        let folder =
            rustix::fs::openat(CWD, &path, folder_flags(), Mode::empty()).during("open the folder", &path)?;
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
        let below = if below.as_os_str().is_empty() { Path::new(".") } else { below };
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

fn open_beneath(folder: BorrowedFd<'_>, below: &Path, flags: OFlags) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(folder, below, flags, Mode::empty(), resolve)
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

/// Whether something in a shared folder goes nowhere with a `.changes` that lists it: another one, or a folder, which has the uploads of others in it.
fn is_others(name: &OsStr, stat: &Stat) -> bool {
    is_changes(name) || kind(stat) == FileType::Directory
}

/// A scan under way.
struct Looking<'a> {
    incoming: &'a Incoming,
    patience: &'a Patience,
    now: Timestamp,
    scan: Scan,
}

/// What an upload is waited for: how long, and why.
struct Wait(SignedDuration, String);

impl Looking<'_> {
    /// How long ago something was; a time to come is no time to wait for, since the clock has been set.
    fn age(&self, changed: Timestamp) -> SignedDuration {
        let age = self.now.duration_since(changed);
        if age < -SignedDuration::from_mins(1) { SignedDuration::MAX } else { age }
    }

    /// Says that something still arrives, if it does.
    fn waits(&mut self, name: &str, newest: Timestamp, wait: Option<Wait>) -> bool {
        let settle = Wait(self.patience.settle, "it has changed a moment ago".to_owned());
        for Wait(patience, why) in std::iter::once(settle).chain(wait) {
            if self.age(newest) < patience {
                self.scan.arriving.push(Arriving {
                    name: name.to_owned(),
                    why,
                    look_again: newest.saturating_add(patience).unwrap_or(self.now),
                });
                return true;
            }
        }
        false
    }

    /// A folder in which the uploads of many lie side by side.
    fn shared_folder(
        &mut self,
        below: &Path,
        words: &[String],
        stands: &dyn Fn(&str) -> bool,
    ) -> Result<(), DiskError> {
        let folder = self.incoming.open_folder(below)?;
        let at = self.incoming.path.join(below);
        let Some(entries) = entries(folder.as_fd(), usize::MAX).during("read the folder", &at)? else {
            return Ok(());
        };
        // files that begin with a dot are the transport's own
        let seen = || entries.iter().filter(|(name, _)| !name.as_bytes().starts_with(b"."));
        let mut listings: BTreeMap<&OsStr, Listing> = BTreeMap::new();
        let mut listed_by: BTreeMap<String, usize> = BTreeMap::new();
        for (name, stat) in seen().filter(|(name, _)| is_changes(name)) {
            if kind(stat) != FileType::RegularFile {
                continue;
            }
            let listing = listing(folder.as_fd(), name);
            if let Listing::Files(files) = &listing {
                for (file, _) in files {
                    *listed_by.entry(file.clone()).or_default() += 1;
                }
            }
            listings.insert(name, listing);
        }
        for (changes, listing) in &listings {
            self.flat(below, words, changes, listing, &entries, &listed_by);
        }
        for (name, stat) in seen() {
            let display = display(&below.join(name));
            match kind(stat) {
                FileType::Directory => {
                    let word = name.to_str();
                    if let Some(word) = word
                        && words.len() < MAX_DEPTH
                        && (!words.is_empty() || stands(word))
                    {
                        let words: Vec<String> = words.iter().cloned().chain([word.to_owned()]).collect();
                        // one that nobody may read is not in the way of the others
                        if let Err(error) = self.shared_folder(&below.join(name), &words, stands) {
                            // nothing tells when that has changed
                            let look_again = self.now.saturating_add(LOOK_AGAIN).unwrap_or(self.now);
                            let why = format!("{error}: {}", error.source);
                            self.scan.arriving.push(Arriving { name: display, why, look_again });
                        }
                    } else {
                        self.own_folder(&below.join(name), below, name);
                    }
                }
                FileType::RegularFile => {
                    let is_log = listings.keys().any(|changes| is_log_of(name, changes));
                    let is_listed = name.to_str().is_some_and(|name| listed_by.contains_key(name));
                    let is_marker = marked(name).is_some_and(|file| entries.contains_key(file)) && !is_log;
                    if listings.contains_key(name.as_os_str()) || is_listed || is_log || is_marker {
                        continue;
                    }
                    if self.age(changed(stat)) >= self.patience.orphans.max(self.patience.settle) {
                        self.stray(
                            below,
                            name,
                            display,
                            "no .changes lists it: send it with the .changes that does",
                        );
                    }
                }
                FileType::Symlink
                | FileType::Fifo
                | FileType::Socket
                | FileType::CharacterDevice
                | FileType::BlockDevice
                | FileType::Unknown => {
                    if self.age(changed(stat)) >= self.patience.settle {
                        self.stray(
                            below,
                            name,
                            display,
                            "it is neither a file nor a folder: send the file itself",
                        );
                    }
                }
            }
        }
        Ok(())
    }

    fn stray(&mut self, below: &Path, file: &OsStr, name: String, trouble: &str) {
        self.scan.ready.push(Leaf {
            name,
            folder: below.to_owned(),
            file: file.to_owned(),
            kind: LeafKind::Stray,
            uploads: Vec::new(),
            trouble: Some(trouble.to_owned()),
        });
    }

    /// A `.changes` in a shared folder.
    fn flat(
        &mut self,
        below: &Path,
        words: &[String],
        changes: &OsStr,
        listing: &Listing,
        entries: &BTreeMap<OsString, Stat>,
        listed_by: &BTreeMap<String, usize>,
    ) {
        let name = display(&below.join(changes));
        let mut newest = entries.get(changes).map_or(self.now, changed);
        let mut files: Vec<(OsString, Shared)> = Vec::new();
        let mut wait = None;
        let none = Vec::new();
        let listed = match listing {
            Listing::Files(files) => files,
            Listing::CutOff => {
                wait = Some(Wait(self.patience.grace, "its .changes is not all there".to_owned()));
                &none
            }
            Listing::Unknown => &none,
        };
        let mut missing = Vec::new();
        let mut markers = vec![changes.to_owned()];
        for (file, size_bytes) in listed {
            markers.push(file.into());
            let Some(stat) = entries.get(OsStr::new(file)) else {
                missing.push(file.as_str());
                continue;
            };
            // whoever names what others have sent gets none of it
            if is_others(OsStr::new(file), stat) {
                continue;
            }
            newest = newest.max(changed(stat));
            if kind(stat) == FileType::RegularFile && u64::try_from(stat.st_size).unwrap_or(0) < *size_bytes {
                missing.push(file);
            }
            let shared =
                if listed_by.get(file).is_some_and(|count| *count > 1) { Shared::Yes } else { Shared::No };
            files.push((file.into(), shared));
        }
        if !missing.is_empty() {
            wait = Some(lacks(self.patience, &missing));
        }
        for mut marker in markers {
            marker.push(".upload");
            if let Some(stat) = entries.get(&marker).filter(|stat| !is_others(&marker, stat)) {
                newest = newest.max(changed(stat));
                wait = Some(being_sent(self.patience));
                files.push((marker, Shared::No));
            }
        }
        let logs = entries.iter().filter(|(name, stat)| is_log_of(name, changes) && !is_others(name, stat));
        files.extend(logs.map(|(name, _)| (name.clone(), Shared::No)));
        if self.waits(&name, newest, wait) {
            return;
        }
        // a name that is not UTF-8 cannot be one
        let uploads = changes.to_str().map(|changes| Found {
            folder: below.to_owned(),
            target: words.to_vec(),
            changes: changes.to_owned(),
            below: changes.to_owned(),
        });
        let trouble = uploads.is_none().then(|| "its name is not UTF-8".to_owned());
        self.scan.ready.push(Leaf {
            name,
            folder: below.to_owned(),
            file: changes.to_owned(),
            kind: LeafKind::Changes { files },
            uploads: uploads.into_iter().collect(),
            trouble,
        });
    }

    /// A folder that is one upload.
    fn own_folder(&mut self, path: &Path, below: &Path, file: &OsStr) {
        let name = display(path);
        let mut inside = Inside { newest: Timestamp::UNIX_EPOCH, ..Inside::default() };
        let walked = self.walk(path, &[], &mut inside);
        let mut trouble = match walked {
            Ok(()) => None,
            // it was taken away meanwhile
            Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => Some(format!("it cannot be read: {}", error.source)),
        };
        if inside.count > MAX_ENTRIES {
            trouble = Some(format!("it has more than {MAX_ENTRIES} files and folders: send fewer at a time"));
            inside.uploads.clear();
        } else if inside.uploads.is_empty() && trouble.is_none() {
            inside.wait = Some(Wait(self.patience.grace, "it has no .changes yet".to_owned()));
            let strangers = inside.strangers.join(", ");
            trouble = Some(if strangers.is_empty() {
                "it is empty".to_owned()
            } else {
                format!("it has no .changes, only {strangers}")
            });
        }
        if self.waits(&name, inside.newest, inside.wait.take()) {
            return;
        }
        inside.uploads.sort_by(|one, other| {
            (!one.is_source(), &one.folder, &one.changes).cmp(&(
                !other.is_source(),
                &other.folder,
                &other.changes,
            ))
        });
        self.scan.ready.push(Leaf {
            name,
            folder: below.to_owned(),
            file: file.to_owned(),
            kind: LeafKind::Folder,
            uploads: inside.uploads,
            trouble,
        });
    }

    fn walk(&self, path: &Path, words: &[String], inside: &mut Inside) -> Result<(), DiskError> {
        let at = self.incoming.path.join(path);
        let folder = self.incoming.open_folder(path)?;
        let own = rustix::fs::fstat(&folder).during("look at", &at)?;
        inside.newest = inside.newest.max(changed(&own));
        let left = MAX_ENTRIES.saturating_sub(inside.count);
        let Some(entries) = entries(folder.as_fd(), left).during("read the folder", &at)? else {
            inside.count = MAX_ENTRIES + 1;
            return Ok(());
        };
        inside.count += entries.len();
        let changes: Vec<&OsString> = entries.keys().filter(|name| is_changes(name)).collect();
        for (name, stat) in &entries {
            inside.newest = inside.newest.max(changed(stat));
            if kind(stat) == FileType::Directory {
                let Some(word) = name.to_str().filter(|_| words.len() < MAX_DEPTH) else { continue };
                let words: Vec<String> = words.iter().cloned().chain([word.to_owned()]).collect();
                self.walk(&path.join(name), &words, inside)?;
                if inside.count > MAX_ENTRIES {
                    return Ok(());
                }
                continue;
            }
            if marked(name).is_some() && !changes.iter().any(|changes| is_log_of(name, changes)) {
                inside.wait = Some(being_sent(self.patience));
            }
            if !is_changes(name) {
                if inside.strangers.len() < MAX_STRANGERS {
                    inside.strangers.push(name.to_string_lossy().escape_debug().to_string());
                }
                continue;
            }
            let Some(text) = name.to_str() else { continue };
            match listing(folder.as_fd(), name) {
                Listing::Files(files) => {
                    let missing: Vec<&str> = files
                        .iter()
                        .filter(|(file, size_bytes)| {
                            entries.get(OsStr::new(file)).is_none_or(|stat| {
                                kind(stat) == FileType::RegularFile
                                    && u64::try_from(stat.st_size).unwrap_or(0) < *size_bytes
                            })
                        })
                        .map(|(file, _)| file.as_str())
                        .collect();
                    if !missing.is_empty() {
                        inside.wait = Some(lacks(self.patience, &missing));
                    }
                }
                Listing::CutOff => {
                    inside.wait = Some(Wait(self.patience.grace, "its .changes is not all there".to_owned()));
                }
                Listing::Unknown => {}
            }
            inside.uploads.push(Found {
                folder: path.to_owned(),
                target: words.to_vec(),
                changes: text.to_owned(),
                below: words.iter().map(|word| format!("{word}/")).collect::<String>() + text,
            });
        }
        Ok(())
    }
}

/// What is known of a folder that is one upload.
#[derive(Default)]
struct Inside {
    newest: Timestamp,
    count: usize,
    uploads: Vec<Found>,
    strangers: Vec<String>,
    wait: Option<Wait>,
}

fn lacks(patience: &Patience, missing: &[&str]) -> Wait {
    let some: Vec<&str> = missing.iter().copied().take(MAX_STRANGERS).collect();
    Wait(patience.grace, format!("files that it lists are not all there yet: {}", some.join(", ")))
}

fn being_sent(patience: &Patience) -> Wait {
    Wait(patience.grace, "a file that ends in .upload says that it is being sent".to_owned())
}

/// A path as people and rows have it: anybody may have chosen it.
fn display(path: &Path) -> String {
    path.to_string_lossy().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::disk::write_staged;
    use crate::domain::{Md5, Sha256};

    struct Base(tempfile::TempDir);

    impl Base {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("incoming")).unwrap();
            Self(folder)
        }

        fn at(&self, path: &str) -> PathBuf {
            self.0.path().join("incoming").join(path)
        }

        fn put(&self, path: &str, content: &[u8]) {
            write_staged(&self.at(path), content).unwrap();
        }

        /// Long after everything that was put there, or so many seconds after.
        fn scan(&self, patience: &Patience, seconds: i64) -> Scan {
            let newest = walk(&self.at("")).into_iter().max().unwrap();
            let now = newest + SignedDuration::from_secs(seconds);
            let stands = |name: &str| name == "demo" || name.starts_with('~');
            Incoming::open(self.0.path()).unwrap().scan(&stands, patience, now).unwrap()
        }

        fn ready(&self, seconds: i64) -> Vec<String> {
            let patience = Patience::default();
            self.scan(&patience, seconds).ready.into_iter().map(|leaf| leaf.name).collect()
        }
    }

    fn walk(path: &Path) -> Vec<Timestamp> {
        let mut times = vec![changed(&rustix::fs::lstat(path).unwrap())];
        if path.symlink_metadata().unwrap().is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                times.extend(walk(&entry.unwrap().path()));
            }
        }
        times
    }

    fn changes(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut text = "Format: 1.8\nSource: hello\nArchitecture: source\nVersion: 1\nDistribution: one\n\
                        Maintainer: Ann <ann@example.org>\nChanges:\n hello\nFiles:\n"
            .to_owned();
        for (name, content) in files {
            text.push_str(&format!(" {} {} misc optional {name}\n", Md5::of(content), content.len()));
        }
        text.push_str("Checksums-Sha256:\n");
        for (name, content) in files {
            text.push_str(&format!(" {} {} {name}\n", Sha256::of(content), content.len()));
        }
        text.into_bytes()
    }

    const HELLO: &str = "hello_1_source.changes";

    #[test]
    fn an_upload_is_ready_when_nothing_has_changed_for_a_while() {
        let base = Base::new();
        base.put("hello_1.dsc", b"dsc");
        base.put(HELLO, &changes(&[("hello_1.dsc", b"dsc")]));
        assert!(base.ready(2).is_empty());
        let scan = base.scan(&Patience::default(), 2);
        assert_eq!(scan.arriving[0].why, "it has changed a moment ago");
        let scan = base.scan(&Patience::default(), 6);
        assert!(scan.arriving.is_empty());
        let [leaf] = &scan.ready[..] else { panic!("{scan:?}") };
        assert_eq!(leaf.kind, LeafKind::Changes { files: vec![("hello_1.dsc".into(), Shared::No)] });
        assert_eq!(
            leaf.uploads,
            [Found {
                folder: PathBuf::new(),
                target: vec![],
                changes: HELLO.to_owned(),
                below: HELLO.to_owned()
            }]
        );
    }

    #[test]
    fn what_is_listed_and_not_all_there_is_waited_for_and_then_not() {
        for there in [None, Some(&b"d"[..])] {
            for folder in ["", "upload-1/", "demo/"] {
                let base = Base::new();
                if let Some(content) = there {
                    base.put(&format!("{folder}hello_1.dsc"), content);
                }
                base.put(&format!("{folder}{HELLO}"), &changes(&[("hello_1.dsc", b"dsc")]));
                let scan = base.scan(&Patience::default(), 60);
                assert!(scan.ready.is_empty());
                assert!(scan.arriving[0].why.contains("hello_1.dsc"), "{scan:?}");
                assert_eq!(base.ready(16 * 60).len(), 1);
            }
        }
    }

    #[test]
    fn a_marker_keeps_an_upload_for_the_grace_time_and_dputs_log_does_not() {
        let base = Base::new();
        base.put("hello_1.dsc", b"dsc");
        base.put(HELLO, &changes(&[("hello_1.dsc", b"dsc")]));
        base.put("hello_1_source.server.upload", b"log");
        let scan = base.scan(&Patience::default(), 60);
        let LeafKind::Changes { files } = &scan.ready[0].kind else { panic!() };
        assert_eq!(files.len(), 2, "the log goes with it");
        base.put("hello_1.dsc.upload", b"");
        assert!(base.ready(60).is_empty());
        assert_eq!(base.ready(16 * 60).len(), 1);
    }

    #[test]
    fn a_signed_text_that_is_cut_off_is_waited_for() {
        let base = Base::new();
        base.put(HELLO, b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nFormat: 1.8\n");
        assert!(base.ready(60).is_empty());
        assert_eq!(base.ready(16 * 60), [HELLO]);
        base.put(HELLO, b"nonsense");
        assert_eq!(base.ready(60), [HELLO]);
    }

    #[test]
    fn folders_say_where_an_upload_goes() {
        let base = Base::new();
        for folder in ["demo", "demo/one", "~ann/demo/tools", "upload-1/demo/one", "upload-2"] {
            base.put(&format!("{folder}/hello_1.dsc"), b"dsc");
            base.put(&format!("{folder}/{HELLO}"), &changes(&[("hello_1.dsc", b"dsc")]));
        }
        let scan = base.scan(&Patience::default(), 60);
        let targets: Vec<(String, String)> =
            scan.ready.iter().map(|leaf| (leaf.name.clone(), leaf.uploads[0].target.join("/"))).collect();
        let expected = [
            (&format!("demo/{HELLO}")[..], "demo"),
            (&format!("demo/one/{HELLO}"), "demo/one"),
            ("upload-1", "demo/one"),
            ("upload-2", ""),
            (&format!("~ann/demo/tools/{HELLO}"), "~ann/demo/tools"),
        ];
        assert_eq!(targets, expected.map(|(name, target)| (name.to_owned(), target.to_owned())));
    }

    #[test]
    fn sources_come_before_binaries() {
        let base = Base::new();
        for name in [
            "a_1_amd64.changes",
            "b_1_source.changes",
            "upload/a_1_amd64.changes",
            "upload/b_1_source.changes",
        ] {
            base.put(name, &changes(&[]));
        }
        let scan = base.scan(&Patience::default(), 60);
        let names: Vec<&str> = scan.ready.iter().map(|leaf| leaf.name.as_str()).collect();
        assert_eq!(names, ["b_1_source.changes", "upload", "a_1_amd64.changes"]);
        assert_eq!(scan.ready[1].uploads[0].changes, "b_1_source.changes");
    }

    #[test]
    fn what_is_no_file_is_never_opened_and_is_put_aside() {
        let base = Base::new();
        symlink("/etc/passwd", base.at(HELLO)).unwrap();
        symlink("/etc", base.at("folder")).unwrap();
        let made = rustix::fs::mknodat(CWD, base.at("fifo_1_source.changes"), FileType::Fifo, Mode::RUSR, 0);
        made.unwrap();
        base.put("upload/real.txt", b"x");
        symlink("/etc/passwd", base.at("upload/x_1_source.changes")).unwrap();
        let scan = base.scan(&Patience::default(), 3600);
        let found: Vec<(&str, bool, usize)> = scan
            .ready
            .iter()
            .map(|leaf| (leaf.name.as_str(), leaf.kind == LeafKind::Stray, leaf.uploads.len()))
            .collect();
        // the one in the folder is found, and refused when it is to be read
        let expected =
            [("fifo_1_source.changes", true, 0), ("folder", true, 0), (HELLO, true, 0), ("upload", false, 1)];
        assert_eq!(found, expected);
        let incoming = Incoming::open(base.0.path()).unwrap();
        let folder = incoming.open_folder(Path::new("upload")).unwrap();
        let read = read_regular(folder.as_fd(), OsStr::new("x_1_source.changes"), 100);
        assert!(matches!(read, Err(ReadError::NotRegular)));
        assert!(incoming.open_folder(Path::new("folder")).is_err());
        assert!(incoming.open_folder(Path::new("../incoming")).is_err());
    }

    #[test]
    fn what_no_changes_lists_is_put_aside_after_a_day() {
        let base = Base::new();
        base.put("lonely.deb", b"x");
        base.put(".hidden", b"x");
        assert!(base.ready(3600).is_empty());
        assert_eq!(base.ready(25 * 3600), ["lonely.deb"]);
    }

    #[test]
    fn a_folder_without_changes_or_with_far_too_much_is_no_upload() {
        let base = Base::new();
        base.put("empty/.keep", b"");
        let scan = base.scan(&Patience::default(), 60);
        assert_eq!(scan.arriving[0].why, "it has no .changes yet");
        let scan = base.scan(&Patience::default(), 3600);
        assert!(scan.ready[0].uploads.is_empty() && scan.ready[0].trouble.is_some());
        for number in 0..=MAX_ENTRIES {
            base.put(&format!("empty/{number}"), b"");
        }
        let scan = base.scan(&Patience::default(), 3600);
        assert!(scan.ready[0].trouble.as_ref().unwrap().contains("more than 5000"));
    }

    #[test]
    fn a_file_that_two_uploads_list_is_known_to_be_shared() {
        let base = Base::new();
        base.put("hello_1.dsc", b"dsc");
        base.put(HELLO, &changes(&[("hello_1.dsc", b"dsc")]));
        base.put("hello_1_amd64.changes", &changes(&[("hello_1.dsc", b"dsc")]));
        for leaf in base.scan(&Patience::default(), 60).ready {
            assert_eq!(leaf.kind, LeafKind::Changes { files: vec![("hello_1.dsc".into(), Shared::Yes)] });
        }
    }
}
