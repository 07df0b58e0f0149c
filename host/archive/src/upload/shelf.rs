//! Where uploads go when they have been judged: `accepted`, `rejected` or `failed` beside incoming, with their receipts.
//!
//! A receipt is written before anything is moved, and says nothing of where the upload went. The place follows from the receipt alone, so that
//! whoever comes after a death takes up where it was: what is there already is not moved again, the `.changes` goes last.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, RenameFlags, linkat, renameat_with};
use rustix::io::Errno;
use serde::Serialize;

use super::incoming::{Incoming, Leaf, LeafKind, Shared, open_regular};
use crate::disk::{self, DiskError, During};
use crate::domain::plain;
use crate::domain::{UploadStatus, UploadVerdict};
use crate::store::upload_receipt::Receipt;

/// The folder below the base folder that uploads of a verdict go to.
#[must_use]
pub const fn folder_of(verdict: UploadVerdict) -> &'static str {
    match verdict {
        UploadVerdict::Accepted => "accepted",
        UploadVerdict::Rejected => "rejected",
        UploadVerdict::Failed => "failed",
    }
}

/// The verdict on several `.changes` of one folder: the worst.
#[must_use]
pub fn worst(verdicts: impl IntoIterator<Item = UploadVerdict>) -> UploadVerdict {
    const fn weight(verdict: UploadVerdict) -> u8 {
        match verdict {
            UploadVerdict::Accepted => 0,
            UploadVerdict::Rejected => 1,
            UploadVerdict::Failed => 2,
        }
    }
    verdicts.into_iter().max_by_key(|verdict| weight(*verdict)).unwrap_or(UploadVerdict::Failed)
}

/// Where the leaf of some receipts goes, below the base folder; none without a receipt. By the first of them, so that two of one name have two
/// places.
#[must_use]
pub fn place(receipts: &[Receipt]) -> Option<String> {
    let first = receipts.first()?;
    let name = first.leaf.rsplit('/').next().unwrap_or(&first.leaf);
    let stem = name.strip_suffix(".changes").unwrap_or(name);
    // a name may have 255 bytes, and endings are still to come
    let mut end = stem.len().min(200);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let verdict = worst(receipts.iter().map(|receipt| receipt.verdict));
    Some(format!("{}/{:08}-{}", folder_of(verdict), first.id.0, &stem[..end]))
}

/// Whether the move of a leaf to its place was finished: a `.changes` goes last.
#[must_use]
pub fn is_there(base: &Path, leaf: &Leaf, place: &str) -> bool {
    let place = base.join(place);
    let last = match &leaf.kind {
        LeafKind::Folder | LeafKind::Stray => place,
        LeafKind::Changes { .. } => place.join(&leaf.file),
    };
    last.symlink_metadata().is_ok()
}

/// A receipt as it is on disk.
#[derive(Debug, Serialize)]
pub struct ReceiptFile<'a> {
    receipt: i64,
    date: String,
    leaf: &'a str,
    context: &'a str,
    policy: &'static str,
    verdict: &'static str,
    changes: Option<&'a str>,
    source: Option<&'a str>,
    version: Option<&'a str>,
    archive: Option<&'a str>,
    suite: Option<&'a str>,
    upload: Option<i64>,
    /// Where it began in the queue.
    queue: Option<UploadStatus>,
    signer: Option<&'a str>,
    moved_to: &'a str,
    messages: Vec<&'a str>,
    problems: serde_json::Value,
}

/// What the rows of an upload add to its receipt.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Its archive.
    pub archive: Option<String>,
    /// Its suite.
    pub suite: Option<String>,
    /// How far it has come.
    pub status: Option<UploadStatus>,
}

impl<'a> ReceiptFile<'a> {
    /// The file of a receipt.
    #[must_use]
    pub fn new(receipt: &'a Receipt, known: &'a Known, moved_to: &'a str) -> Self {
        Self {
            receipt: receipt.id.0,
            date: receipt.date_created.to_string(),
            leaf: &receipt.leaf,
            context: &receipt.context,
            policy: receipt.policy.as_str(),
            verdict: receipt.verdict.as_str(),
            changes: receipt.changes_filename.as_deref(),
            source: receipt.source_name.as_ref().map(|name| name.as_str()),
            version: receipt.version.as_ref().map(|version| version.as_str()),
            archive: known.archive.as_deref(),
            suite: known.suite.as_deref(),
            upload: receipt.upload.map(|upload| upload.0),
            queue: known.status,
            signer: receipt.signer.as_deref(),
            moved_to,
            messages: receipt.messages.lines().collect(),
            problems: serde_json::from_str(&receipt.problems).unwrap_or_default(),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("{}: {}", self.verdict, plain::replaced(self.changes.unwrap_or(self.leaf)));
        if let (Some(source), Some(version)) = (self.source, self.version) {
            text.push_str(&format!(" ({source} {version})"));
        }
        if let (Some(archive), Some(suite)) = (self.archive, self.suite) {
            text.push_str(&format!("\nfor {suite} of {archive}"));
        }
        if let (Some(upload), Some(status)) = (self.upload, self.queue) {
            text.push_str(&format!("\nupload {upload} of the queue, {status}"));
        }
        text.push_str(&format!("\nreceipt {} of {}, policy {}, ", self.receipt, self.date, self.policy));
        text.push_str(
            &self
                .signer
                .map_or_else(|| "no signature that holds".to_owned(), |name| format!("signed by {name}")),
        );
        text.push('\n');
        for message in &self.messages {
            text.push_str(&format!("  {message}\n"));
        }
        text
    }
}

/// Writes the receipts of a leaf beside the place that it goes to. [`disk::sync_filesystem`] makes them durable.
///
/// # Errors
/// When they cannot be written.
pub fn write_receipts(base: &Path, place: &str, receipts: &[(Receipt, Known)]) -> Result<(), DiskError> {
    let files: Vec<ReceiptFile<'_>> =
        receipts.iter().map(|(receipt, known)| ReceiptFile::new(receipt, known, place)).collect();
    let text: Vec<String> = files.iter().map(ReceiptFile::text).collect();
    // one upload is a value, several in one folder a list of them
    let json = match &files[..] {
        [one] => serde_json::to_vec_pretty(one),
        several => serde_json::to_vec_pretty(several),
    };
    let mut json = json.map_err(io::Error::from).during("write the receipt of", &base.join(place))?;
    json.push(b'\n');
    put_beside(base, &format!("{place}.receipt.json"), &json)?;
    put_beside(base, &format!("{place}.receipt.txt"), text.join("\n").as_bytes())
}

/// Writes a file that whoever looks at the folder sees whole or not at all.
fn put_beside(base: &Path, name: &str, content: &[u8]) -> Result<(), DiskError> {
    let path = base.join(name);
    // of the same name in the next run: what a death leaves is written again
    let unfinished = base.join(match name.rsplit_once('/') {
        Some((folder, name)) => format!("{folder}/.{name}"),
        None => format!(".{name}"),
    });
    disk::write_staged(&unfinished, content)?;
    disk::rename(&unfinished, &path)
}

/// Moves a leaf to its place; what is there already stays. Says which files others list too: they are still in incoming.
///
/// # Errors
/// When something cannot be moved.
pub fn put_away(
    incoming: &Incoming,
    base: &Path,
    leaf: &Leaf,
    place: &str,
) -> Result<Vec<OsString>, DiskError> {
    let to = base.join(place);
    let folder = incoming.open_folder(&leaf.folder)?;
    let from = |name: &OsStr| incoming.path().join(&leaf.folder).join(name);
    if let Some(folder) = to.parent() {
        disk::make_folder(folder)?;
    }
    let LeafKind::Changes { files } = &leaf.kind else {
        rename(folder.as_fd(), &leaf.file, &to).during("move away", &from(&leaf.file))?;
        return Ok(Vec::new());
    };
    disk::make_folder(&to)?;
    let mut left = Vec::new();
    for (name, shared) in files {
        match shared {
            Shared::No => rename(folder.as_fd(), name, &to.join(name)),
            Shared::Yes => {
                left.push(name.clone());
                second_name(folder.as_fd(), name, &to.join(name))
            }
        }
        .during("move away", &from(name))?;
    }
    rename(folder.as_fd(), &leaf.file, &to.join(&leaf.file)).during("move away", &from(&leaf.file))?;
    Ok(left)
}

/// Moves what is there; what is not has been moved already.
fn rename(folder: BorrowedFd<'_>, name: &OsStr, to: &Path) -> io::Result<()> {
    match renameat_with(folder, name, CWD, to, RenameFlags::NOREPLACE) {
        // not on this filesystem
        Err(Errno::INVAL | Errno::NOSYS) => match rustix::fs::renameat(folder, name, CWD, to) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        },
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Gives a file that others list too a second name, or copies it where that may not be.
fn second_name(folder: BorrowedFd<'_>, name: &OsStr, to: &Path) -> io::Result<()> {
    match linkat(folder, name, CWD, to, AtFlags::empty()) {
        Ok(()) | Err(Errno::EXIST | Errno::NOENT) => return Ok(()),
        Err(_) => {}
    }
    let Some(mut file) = open_regular(folder, name)? else { return Ok(()) };
    let mut copy: File = disk::create_staged(to).map_err(|error| error.source)?;
    io::copy(&mut Read::by_ref(&mut file), &mut copy).map(|_| ())
}

/// Takes files away that several `.changes` listed, all of which have been moved.
///
/// # Errors
/// When they stay.
pub fn remove_left(incoming: &Incoming, folder: &Path, name: &OsStr) -> Result<(), DiskError> {
    let at: PathBuf = incoming.path().join(folder).join(name);
    debug_assert!(!name.as_bytes().contains(&b'/'));
    let folder = incoming.open_folder(folder)?;
    match rustix::fs::unlinkat(&folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error).during("remove", &at),
    }
}
