//! Writing and signing the Release files of a suite in the staged tree.
//!
//! Everything in the suite's folder is listed, whoever put it there. A digest is taken from where it is known: this pass made the file, or the file is
//! the very one (by device and inode) that the live Release lists. Everything else is read.

use std::collections::HashMap;
use std::path::Path;

use jiff::Timestamp;
use rayon::prelude::*;

use super::release_file::ReleaseFile;
use super::sign::{SignError, Signer};
use crate::disk::{self, DiskError, Identity};
use crate::domain::digest::FileDigests;
use crate::domain::{ArchiveFileId, Compressor};
use crate::index::by_hash;
use crate::store::archive_file::{ListedFile, OldGeneration, Retention};

/// Why a suite could not be signed and sealed.
#[derive(Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The staged tree's disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The key would not.
    #[error("cannot sign the Release file of {suite}")]
    Sign {
        /// The suite.
        suite: String,
        /// Why.
        source: SignError,
    },
    /// A name that a Release file cannot list.
    #[error(
        "{path} in the staged tree cannot be listed in a Release file: names have no white space and no control characters"
    )]
    BadName {
        /// Below the suite's folder.
        path: String,
    },
}

/// What was written.
#[derive(Debug)]
pub struct Signed {
    /// What the Release lists, and the three core files: the next generation of the suite's files.
    pub files: Vec<ListedFile>,
    /// How many files had to be read.
    pub files_read: usize,
    /// The older generations whose by-hash names went.
    pub expired: Vec<ArchiveFileId>,
}

/// The files that say what the others are.
const CORE_FILES: [&str; 3] = ["Release", "Release.gpg", "InRelease"];

/// Where a suite's files are and were.
#[derive(Debug, Clone, Copy)]
pub struct Folders<'a> {
    /// In the staged tree.
    pub staged: &'a Path,
    /// In the live one; may not be there.
    pub live: &'a Path,
}

/// What is known of a suite's files before they are looked at.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Made by this pass.
    pub built: &'a [ListedFile],
    /// Listed by the live Release.
    pub listed: &'a [ListedFile],
    /// Older ones on disk.
    pub old: &'a [OldGeneration],
}

/// Writes `Release`, `InRelease` and `Release.gpg` of a suite, and the by-hash names of all its files.
///
/// # Errors
/// When the disk fails, the key would not sign, or something lies there that cannot be listed.
pub fn write_release(
    release: &ReleaseFile<'_>,
    folders: Folders<'_>,
    known: Known<'_>,
    retention: Retention,
    signer: &dyn Signer,
) -> Result<Signed, ReleaseError> {
    let now = release.date;
    write_stubs(release, folders.staged)?;
    let (mut files, files_read) = list(folders, known)?;
    let text = release.suite_text(&files);
    let failed = |source| ReleaseError::Sign { suite: release.shape.suite.name.to_string(), source };
    let contents: [Vec<u8>; 3] = [
        text.clone().into_bytes(),
        signer.detached(text.as_bytes(), now).map_err(failed)?,
        signer.clear(&text, now).map_err(failed)?,
    ];
    for (name, content) in CORE_FILES.iter().zip(&contents) {
        disk::write_staged(&folders.staged.join(name), content)?;
        files.push(ListedFile {
            path: (*name).to_owned(),
            digests: FileDigests::of(content),
            is_virtual: false,
        });
    }
    one_time(folders.staged, known.built, now)?;
    let expired = if release.shape.series.publish_by_hash {
        by_hash::update(folders.staged, &files, known.old, retention, now)?
    } else {
        Vec::new()
    };
    Ok(Signed { files, files_read, expired })
}

/// The small Release file beside each index. One that says the same already is left alone, so that it stays shared with the live tree.
fn write_stubs(release: &ReleaseFile<'_>, folder: &Path) -> Result<(), DiskError> {
    let architectures = release.shape.architectures.iter().map(|one| one.tag.as_str());
    for component in &release.shape.components {
        for architecture in architectures.clone().chain(["source"]) {
            let below =
                if architecture == "source" { "source".into() } else { format!("binary-{architecture}") };
            let path = folder.join(component.name.as_str()).join(below).join("Release");
            let text = release.index_stub(component.name.as_str(), architecture);
            if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
                disk::write_staged(&path, text.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// Everything that the Release has to list, by path, and how many files had to be read for it.
fn list(folders: Folders<'_>, known: Known<'_>) -> Result<(Vec<ListedFile>, usize), ReleaseError> {
    let built: HashMap<&str, &ListedFile> =
        known.built.iter().map(|file| (file.path.as_str(), file)).collect();
    let listed: HashMap<&str, &ListedFile> =
        known.listed.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut files: Vec<ListedFile> = Vec::new();
    let mut unknown: Vec<String> = Vec::new();
    let mut unchanged: Vec<String> = Vec::new();
    for entry in disk::files_below(folders.staged)? {
        if by_hash::is_by_hash(&entry.path) || CORE_FILES.contains(&entry.path.as_str()) {
            continue;
        }
        if entry.path.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(ReleaseError::BadName { path: entry.path.escape_default().to_string() });
        }
        // a file made by this pass may have been replaced by a hook since: then it has another length or is read below
        let same_as_live = || -> Result<bool, DiskError> {
            Ok(Identity::of(&folders.live.join(&entry.path))? == Some(entry.identity))
        };
        match (built.get(entry.path.as_str()), listed.get(entry.path.as_str())) {
            (Some(file), _) if !file.is_virtual => files.push((*file).clone()),
            (_, Some(file))
                if !file.is_virtual && file.digests.size_bytes == entry.size_bytes && same_as_live()? =>
            {
                unchanged.push(entry.path.clone());
                files.push((*file).clone());
            }
            _ => unknown.push(entry.path),
        }
    }
    let files_read = unknown.len();
    let read: Vec<ListedFile> = unknown
        .into_par_iter()
        .map(|path| {
            let digests = crate::index::digests_of(&folders.staged.join(&path))?;
            Ok(ListedFile { path, digests, is_virtual: false })
        })
        .collect::<Result<_, DiskError>>()?;
    files.extend(read);
    // texts of which only compressed forms lie there: made now, or as before where a form of them is
    files.extend(known.built.iter().filter(|file| file.is_virtual).cloned());
    for file in known.listed.iter().filter(|file| file.is_virtual && !built.contains_key(file.path.as_str()))
    {
        let form_is_unchanged = Compressor::ALL
            .iter()
            .any(|form| unchanged.binary_search(&format!("{}{}", file.path, form.extension())).is_ok());
        if form_is_unchanged && !files.iter().any(|other| other.path == file.path) {
            files.push(file.clone());
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok((files, files_read))
}

/// Core files and the indexes made with them share one time, so that a mirror sees them change together.
fn one_time(folder: &Path, built: &[ListedFile], now: Timestamp) -> Result<(), DiskError> {
    use crate::disk::During;
    let made = built.iter().filter(|file| !file.is_virtual).map(|file| file.path.as_str());
    for path in made.chain(CORE_FILES) {
        let path = folder.join(path);
        // what a hook took away again
        let Ok(file) = std::fs::File::options().write(true).open(&path) else { continue };
        file.set_modified(now.into()).during("set the time of", &path)?;
    }
    Ok(())
}
