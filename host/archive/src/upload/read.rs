//! Reading a package into the librarian: every byte once.
//!
//! A short file is read into memory, hashed and looked at there, and then written; a long one is hashed and looked at on its way. Either way the
//! bytes that are hashed are those that are kept, whatever somebody does to the file meanwhile. What does not come in leaves nothing.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::bring::{bring, drain};
use super::gather::{Complaint, Item, Listed};
use crate::disk::DiskError;
use crate::domain::digest::FileDigests;
use crate::domain::name::FileName;
use crate::format::{
    BinaryControl, DebControl, DebError, PackageType, SourceControl, SourceFile, read_deb_control, relations,
};
use crate::librarian::{Librarian, Sealed};
use crate::store::package_paths::PackedPaths;
use crate::work::{Work, count, count_bytes};

/// Why a package was not read.
pub(super) enum Failure {
    /// It is bad.
    Complaint(Complaint),
    /// The librarian's disk failed.
    Stop(DiskError),
}

/// A package that was read, and whose files the librarian has.
pub(super) struct Package {
    pub(super) path: PathBuf,
    pub(super) listed: Option<Box<Listed>>,
    pub(super) content: Content,
}

/// What it is.
pub(super) enum Content {
    Binary {
        control: Box<BinaryControl>,
        text: String,
        digests: FileDigests,
        paths: PackedPaths,
    },
    Source {
        control: Box<SourceControl>,
        filename: FileName,
        dsc: FileDigests,
        files: Vec<(FileName, FileDigests)>,
    },
}

/// Reads a package; when it is good, the librarian has all its files.
pub(super) fn read(librarian: &Librarian, item: &Item) -> Result<Package, Failure> {
    let path = &item.path;
    let name: FileName = path
        .file_name()
        .and_then(|name| name.to_str())
        .ok_or_else(|| complain(path, "its name is not UTF-8".to_owned()))?
        .parse()
        .map_err(|error: crate::domain::name::NameError| complain(path, error.to_string()))?;
    let content = match PackageType::of_file_name(&name) {
        Some(package_type) => read_binary(librarian, item, package_type)?,
        None => read_source(librarian, item, name)?,
    };
    Ok(Package { path: path.clone(), listed: item.listed.clone(), content })
}

fn complain(path: &Path, reason: String) -> Failure {
    Failure::Complaint(Complaint::new(path, reason))
}

fn complain_of(path: &Path, error: &dyn std::error::Error) -> Failure {
    Failure::Complaint(Complaint::from_error(path, error))
}

/// Whether a file is what the .changes lists, where one does.
fn check_listed(item: &Item, digests: &FileDigests) -> Result<(), Failure> {
    match &item.listed {
        Some(listed) if listed.sha256 != digests.sha256 => Err(complain(
            &item.path,
            format!("its SHA256 is {}, but the .changes lists {}", digests.sha256, listed.sha256),
        )),
        _ => Ok(()),
    }
}

/// A regular file that is open, and how long it was then.
struct Opened {
    file: File,
    size_bytes: u64,
}

fn open(path: &Path) -> Result<Opened, Failure> {
    let unreadable = |error: io::Error| complain(path, format!("it cannot be read: {error}"));
    // a FIFO would be waited for
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(unreadable)?;
    count(Work::FilesOpened, 1);
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(complain(path, "it is no regular file".to_owned()));
    }
    Ok(Opened { file, size_bytes: metadata.len() })
}

/// Files up to this are read into memory.
const SHORT_BYTES: u64 = 256 * 1024;
/// Longer ones, so much at a time.
const PIECE_BYTES: usize = 128 * 1024;

/// Calls `look` with the bytes of a short file. The memory is that of the thread, for all its files.
fn with_bytes<T>(opened: &mut Opened, look: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|buffer| {
        // a byte more than it was long: what comes short of that is its end
        let length = usize::try_from(opened.size_bytes).unwrap_or(0);
        if buffer.len() <= length {
            buffer.resize(length + 1, 0);
        }
        let mut read = 0;
        while read < length {
            match opened.file.read(&mut buffer[read..=length]) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        count_bytes(Work::BytesRead, read);
        if read > length {
            return Err(io::Error::other("it is being written to: import it when it is complete"));
        }
        Ok(look(&buffer[..read]))
    })
}

fn read_binary(librarian: &Librarian, item: &Item, package_type: PackageType) -> Result<Content, Failure> {
    let path = &item.path;
    let mut opened = open(path)?;
    let look = |read: Result<DebControl, DebError>, digests: &FileDigests| {
        let deb = read.map_err(|error| complain_of(path, &error))?;
        let control = deb.binary(package_type).map_err(|error| complain_of(path, &error))?;
        relations::check_binary(deb.pairs()).map_err(|error| complain_of(path, &error))?;
        check_listed(item, digests)?;
        let packed = deb.paths.pack().map_err(|error| complain_of(path, &error))?;
        let paths = PackedPaths { count: deb.paths.len(), packed };
        Ok(Content::Binary { control: Box::new(control), text: deb.text, digests: *digests, paths })
    };
    if opened.size_bytes <= SHORT_BYTES {
        return with_bytes(&mut opened, |bytes| {
            let digests = FileDigests::of(bytes);
            let content = look(read_deb_control(bytes), &digests)?;
            librarian.keep_bytes(bytes, &digests).map_err(Failure::Stop)?;
            Ok(content)
        })
        .map_err(|error| complain(path, format!("it cannot be read: {error}")))?;
    }
    let (sealed, read) = take_in(librarian, path, opened.file, |reader| {
        read_deb_control(BufReader::with_capacity(PIECE_BYTES, reader))
    })?;
    let content = look(read, sealed.digests())?;
    librarian.keep(sealed).map_err(Failure::Stop)?;
    Ok(content)
}

/// Brings a long file to the librarian while `look` reads it.
fn take_in<T>(
    librarian: &Librarian,
    path: &Path,
    file: File,
    look: impl FnOnce(&mut dyn Read) -> T,
) -> Result<(Sealed, T), Failure> {
    let brought = bring(librarian, path, file, u64::MAX, look).map_err(Failure::Stop)?;
    Ok((brought.sealed, brought.seen))
}

/// The largest .dsc that is read.
const MAX_DSC_BYTES: u64 = 4 << 20;

fn read_source(librarian: &Librarian, item: &Item, filename: FileName) -> Result<Content, Failure> {
    let path = &item.path;
    let mut bytes = Vec::new();
    open(path)?
        .file
        .take(MAX_DSC_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| complain(path, format!("it cannot be read: {error}")))?;
    count_bytes(Work::BytesRead, bytes.len());
    if bytes.len() as u64 > MAX_DSC_BYTES {
        return Err(complain(path, "it is too large for a .dsc".to_owned()));
    }
    let dsc = FileDigests::of(&bytes);
    check_listed(item, &dsc)?;
    let control = SourceControl::parse(&bytes).map_err(|error| complain_of(path, &error))?;
    let expected = format!("{}_{}.dsc", control.source, control.version.without_epoch());
    if filename.as_str() != expected {
        return Err(complain(
            path,
            format!("a .dsc of {} {} is named {expected}: rename it", control.source, control.version),
        ));
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut files = Vec::with_capacity(control.files.len());
    for file in &control.files {
        files.push((file.name.clone(), read_part(librarian, path, &folder.join(file.name.as_str()), file)?));
    }
    librarian.keep_bytes(&bytes, &dsc).map_err(Failure::Stop)?;
    Ok(Content::Source { control: Box::new(control), filename, dsc, files })
}

/// Takes in a file that a .dsc lists, if it is that file.
fn read_part(
    librarian: &Librarian,
    dsc: &Path,
    path: &Path,
    listed: &SourceFile,
) -> Result<FileDigests, Failure> {
    let said = |what: String| complain(dsc, format!("{} {what}", listed.name));
    let mut opened = open(path).map_err(|_| {
        said("is listed but is not there, beside the .dsc: put it there and import the .dsc again".to_owned())
    })?;
    let check = |found: &FileDigests| {
        if found.size_bytes != listed.size_bytes || found.sha256 != listed.sha256 {
            return Err(said(format!(
                "differs from what the .dsc lists: {} bytes with SHA256 {}, not {} bytes with {}",
                found.size_bytes, found.sha256, listed.size_bytes, listed.sha256
            )));
        }
        if found.md5 != listed.md5 || listed.sha1.is_some_and(|sha1| sha1 != found.sha1) {
            return Err(said("has other MD5 or SHA1 sums than the .dsc lists".to_owned()));
        }
        Ok(())
    };
    let unreadable = |error: io::Error| said(format!("cannot be read: {error}"));
    if opened.size_bytes <= SHORT_BYTES {
        return with_bytes(&mut opened, |bytes| {
            let digests = FileDigests::of(bytes);
            check(&digests)?;
            librarian.keep_bytes(bytes, &digests).map_err(Failure::Stop)?;
            Ok(digests)
        })
        .map_err(unreadable)?;
    }
    let (sealed, read) = take_in(librarian, path, opened.file, |reader| {
        // one byte more than listed tells a longer file, and bounds what is kept
        drain(&mut reader.take(listed.size_bytes.saturating_add(1)))
    })?;
    read.map_err(unreadable)?;
    check(sealed.digests())?;
    librarian.keep(sealed).map_err(Failure::Stop)
}
