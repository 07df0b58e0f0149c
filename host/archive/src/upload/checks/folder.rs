//! The files of an upload, taken from the folder in which they lie: each opened once, read once, hashed on the way to the librarian.
//!
//! The folder belongs to whoever uploads. A name is one path component, a link is not followed, and what is no regular file is never opened.
//! What is wrong with a file is a finding; what is wrong with the publisher's own disk is an error.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::Errno;

use super::super::bring::{bring, drain};
use super::ExamineError;
use super::findings::Findings;
use crate::disk::{DiskError, During};
use crate::domain::FileDigests;
use crate::domain::name::FileName;
use crate::format::ChangesFile;
use crate::librarian::{Librarian, Sealed};
use crate::work::{Work, count};

/// Long files are read so much at a time.
const PIECE_BYTES: usize = 128 * 1024;

/// A file of the upload that is what the `.changes` lists, on its way to the librarian; gone when dropped.
#[derive(Debug)]
pub(super) struct Taken<T> {
    pub(super) sealed: Sealed,
    /// What a check has made of its content.
    pub(super) seen: T,
}

/// Takes a file that the `.changes` lists, while `look` reads it; none: it is not as it is listed, and the findings say why.
///
/// # Errors
/// When a disk of the publisher fails.
pub(super) fn take<T>(
    folder: BorrowedFd<'_>,
    librarian: &Librarian,
    listed: &ChangesFile,
    findings: &mut Findings,
    look: impl FnOnce(&mut dyn io::BufRead) -> T,
) -> Result<Option<Taken<T>>, ExamineError> {
    let Some((file, size_bytes)) = open(folder, &listed.name, findings)? else { return Ok(None) };
    let name = listed.name.as_str();
    if size_bytes != listed.size_bytes {
        findings.reject(
            "file-size",
            name,
            format!("it has {size_bytes} bytes, but {} are listed", listed.size_bytes),
            "upload it again, whole, as it was when the .changes was made",
        );
        return Ok(None);
    }
    // a byte more than is listed tells a file that grows
    let most = listed.size_bytes.saturating_add(1);
    let path = PathBuf::from(name);
    let brought = bring(librarian, &path, file, most, |reader| {
        let mut reader = BufReader::with_capacity(PIECE_BYTES, reader);
        let seen = look(&mut reader);
        // also of a file that is bad all bytes are hashed
        (seen, drain(&mut reader))
    })?;
    if let Some(error) = brought.source_error {
        return Err(DiskError { action: "read", path, source: error }.into());
    }
    brought.seen.1.during("read", &path)?;
    if !check_digests(listed, brought.sealed.digests(), findings) {
        return Ok(None);
    }
    Ok(Some(Taken { sealed: brought.sealed, seen: brought.seen.0 }))
}

/// Opens a regular file; none: there is none, and the findings say so.
fn open(
    folder: BorrowedFd<'_>,
    name: &FileName,
    findings: &mut Findings,
) -> Result<Option<(File, u64)>, ExamineError> {
    const AGAIN: &str = "upload it, and then the .changes again";
    let mut refuse = |check, what: String| {
        findings.reject(check, name.as_str(), what, AGAIN);
        Ok(None)
    };
    let failed = |errno: Errno| -> ExamineError {
        DiskError { action: "open", path: PathBuf::from(name.as_str()), source: errno.into() }.into()
    };
    let kind = match statat(folder, name.as_str(), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => FileType::from_raw_mode(stat.st_mode),
        Err(Errno::NOENT) => {
            return refuse("file-present", "it is listed, but was not uploaded".to_owned());
        }
        Err(errno) => return Err(failed(errno)),
    };
    if kind != FileType::RegularFile {
        return refuse("file-kind", format!("it is {}, no regular file", called(kind)));
    }
    // it may have become something else since
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match openat(folder, name.as_str(), flags, Mode::empty()) {
        Ok(file) => file,
        Err(Errno::NOENT) => {
            return refuse("file-present", "it is listed, but was not uploaded".to_owned());
        }
        Err(Errno::LOOP) => {
            return refuse("file-kind", "it is a symbolic link, no regular file".to_owned());
        }
        Err(Errno::ACCESS) => {
            return refuse("file-kind", "its mode lets nobody read it".to_owned());
        }
        Err(errno) => return Err(failed(errno)),
    };
    count(Work::FilesOpened, 1);
    let stat = fstat(&file).map_err(failed)?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::RegularFile {
        return refuse("file-kind", format!("it is {}, no regular file", called(kind)));
    }
    Ok(Some((File::from(file), u64::try_from(stat.st_size).unwrap_or(0))))
}

const fn called(kind: FileType) -> &'static str {
    match kind {
        FileType::RegularFile => "a regular file",
        FileType::Directory => "a folder",
        FileType::Symlink => "a symbolic link",
        FileType::Fifo => "a FIFO",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Unknown => "of a kind that is not known",
    }
}

/// Whether a file is what is listed.
fn check_digests(listed: &ChangesFile, found: &FileDigests, findings: &mut Findings) -> bool {
    const AGAIN: &str = "it was changed after the .changes was made, or on its way: upload it again as it was, or make and sign the .changes again";
    let name = listed.name.as_str();
    let differs = if found.size_bytes != listed.size_bytes {
        let what = format!("it has {} bytes, but {} are listed", found.size_bytes, listed.size_bytes);
        findings.reject(
            "file-size",
            name,
            what,
            "upload it again, whole, as it was when the .changes was made",
        );
        return false;
    } else if found.sha256 != listed.sha256 {
        format!("its SHA256 is {}, but {} is listed", found.sha256, listed.sha256)
    } else if found.md5 != listed.md5 {
        format!("its MD5 is {}, but {} is listed", found.md5, listed.md5)
    } else if let Some(sha1) = listed.sha1.filter(|sha1| *sha1 != found.sha1) {
        format!("its SHA1 is {}, but {sha1} is listed", found.sha1)
    } else {
        return true;
    };
    findings.reject("file-digest", name, differs, AGAIN);
    false
}

/// The content of a short file, or where it is longer than that, one byte more.
pub(super) fn read_short(reader: &mut dyn io::BufRead, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}
