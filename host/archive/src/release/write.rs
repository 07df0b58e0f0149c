//! Writing and signing the Release files of a suite in the staged tree.
//!
//! Everything in the suite's folder is listed, whoever put it there, but for the folders of custom uploads and for patches of indexes. A digest is taken from where it is
//! known: this pass made the file, or the file is the very one (by inode, size and time) that the live Release lists. Everything else is read.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use rayon::prelude::*;
use tracing::debug_span;

use super::patches;
use super::release_file::ReleaseFile;
use crate::disk::{self, DiskError, During, Identity};
use crate::domain::digest::FileDigests;
use crate::domain::{ArchiveFileId, BinaryFormat, Compressor, IndexPatchId};
use crate::index::{by_hash, text_digests};
use crate::openpgp::{SignError, Signer};
use crate::store::archive_file::{ListedFile, OldGeneration, Retention};
use crate::store::index_patch::StoredPatch;
use crate::work::{Work, count};

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
    /// A compressed index that is none.
    #[error("{path} in the staged tree is not what its name says: it cannot be unpacked as {form}")]
    BadForm {
        /// Below the suite's folder.
        path: String,
        /// What its name says.
        form: Compressor,
        /// Why not.
        source: io::Error,
    },
    /// Forms of one index with different texts.
    #[error(
        "the compressed forms of {path} in the staged tree do not carry the same text: a hook that replaces one must replace all"
    )]
    FormsDiffer {
        /// Below the suite's folder.
        path: String,
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
    /// The patches that clients are not told of, because the index is another than they lead to.
    pub dropped_patches: Vec<IndexPatchId>,
    /// The patches whose files went.
    pub expired_patches: Vec<IndexPatchId>,
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
    /// Folders below the suite's of which nothing is listed: custom uploads, as images of the installer, have sums of their own.
    pub unlisted: &'a [String],
    /// The patches of indexes as this pass leaves them, none of which is listed.
    pub patches: &'a [StoredPatch],
}

/// Whether digests are taken from where they are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Of a file that is, by inode, size and time, the one that the live Release lists.
    Rows,
    /// Never: every file is read.
    Nothing,
}

/// Writes the unsigned `Release` of a suite as it is so far, for hooks that read it before publication. No signature of an older one is left.
///
/// # Errors
/// As [`write_release`], which replaces it.
pub fn write_unsigned(
    release: &ReleaseFile<'_>,
    folders: Folders<'_>,
    known: Known<'_>,
    trust: Trust,
) -> Result<(), ReleaseError> {
    write_stubs(release, folders.staged)?;
    let (files, _) = list(folders, known, trust)?;
    for name in CORE_FILES {
        disk::remove_file(&folders.staged.join(name))?;
    }
    disk::write_staged(&folders.staged.join("Release"), release.suite_text(&files).as_bytes())?;
    Ok(())
}

/// Writes `Release`, `InRelease` and `Release.gpg` of a suite, and the by-hash names of all its files.
///
/// # Errors
/// When the disk fails, the key would not sign, or something lies there that cannot be listed.
pub fn write_release(
    release: &ReleaseFile<'_>,
    folders: Folders<'_>,
    known: Known<'_>,
    trust: Trust,
    retention: Retention,
    signer: &dyn Signer,
) -> Result<Signed, ReleaseError> {
    let (now, suite) = (release.date, release.shape.suite.name.to_string());
    debug_span!("stubs", suite).in_scope(|| write_stubs(release, folders.staged))?;
    let (mut files, files_read) = debug_span!("list", suite).in_scope(|| list(folders, known, trust))?;
    let dropped_patches = patches::drop_wrong(folders.staged, known.patches, &mut files)?;
    let text = release.suite_text(&files);
    let failed = |source| ReleaseError::Sign { suite: suite.clone(), source };
    let (detached, clear) = debug_span!("sign", suite)
        .in_scope(|| Ok((signer.detached(text.as_bytes(), now)?, signer.clear(&text, now)?)))
        .map_err(failed)?;
    debug_span!("write", suite).in_scope(|| {
        for (name, content) in CORE_FILES.iter().zip([text.into_bytes(), detached, clear]) {
            disk::write_staged(&folders.staged.join(name), &content)?;
            files.push(ListedFile::file((*name).to_owned(), FileDigests::of(&content)));
        }
        one_time(folders.staged, known.built, now)?;
        note_times(folders.staged, &mut files)
    })?;
    let expired = if release.shape.series.publish_by_hash {
        debug_span!("by-hash", suite)
            .in_scope(|| by_hash::update(folders.staged, &files, known.old, retention, now))?
    } else {
        Vec::new()
    };
    let expired_patches = patches::expire(folders.staged, known.patches, &files, retention, now)?;
    Ok(Signed { files, files_read, expired, dropped_patches, expired_patches })
}

/// The small Release file beside each index. One that says the same already is left alone, so that it stays shared with the live tree.
fn write_stubs(release: &ReleaseFile<'_>, folder: &Path) -> Result<(), DiskError> {
    let architectures = release.shape.architectures.iter().map(|one| one.tag.as_str());
    for component in &release.shape.components {
        for architecture in architectures.clone().chain(["source"]) {
            let own = folder.join(component.name.as_str());
            let mut folders = Vec::new();
            if architecture == "source" {
                folders.push(own.join("source"));
            } else {
                let below = format!("binary-{architecture}");
                // those of installer packages and debug symbols are there where there are such packages
                let inner = BinaryFormat::ALL.iter().filter_map(|format| format.subcomponent());
                let inner = inner.map(|name| own.join(name).join(&below)).filter(|folder| folder.is_dir());
                folders.push(own.join(&below));
                folders.extend(inner);
            }
            let text = release.index_stub(component.name.as_str(), architecture);
            for folder in folders {
                let path = folder.join("Release");
                if disk::read(&path).ok().as_deref() != Some(text.as_bytes()) {
                    disk::write_staged(&path, text.as_bytes())?;
                }
            }
        }
    }
    Ok(())
}

/// Everything that the Release has to list, by path, and how many files had to be read for it.
fn list(
    folders: Folders<'_>,
    known: Known<'_>,
    trust: Trust,
) -> Result<(Vec<ListedFile>, usize), ReleaseError> {
    let built = by_path(known.built);
    let listed = by_path(known.listed);
    let patches = patches::files_of(known.patches);
    let mut files: Vec<ListedFile> = Vec::new();
    let mut unknown: Vec<String> = Vec::new();
    for entry in disk::files_below(folders.staged)? {
        if by_hash::is_by_hash(&entry.path) || CORE_FILES.contains(&entry.path.as_str()) {
            continue;
        }
        let is_in = |folder: &String| {
            entry.path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.starts_with('/'))
        };
        if known.unlisted.iter().any(is_in) || patches.contains(&entry.path) {
            continue;
        }
        if entry.path.chars().any(|character| character.is_whitespace() || character.is_control()) {
            return Err(ReleaseError::BadName { path: entry.path.escape_default().to_string() });
        }
        let is_the_live_one = |file: &ListedFile| -> Result<bool, DiskError> {
            Ok(trust == Trust::Rows
                && !file.is_virtual
                && (file.digests.size_bytes, file.modified_ns) == (entry.size_bytes, entry.modified_ns)
                && Identity::of(&folders.live.join(&entry.path))? == Some(entry.identity))
        };
        match (built.get(entry.path.as_str()), listed.get(entry.path.as_str())) {
            (Some(file), _) if !file.is_virtual => files.push((*file).clone()),
            (_, Some(file)) if is_the_live_one(file)? => files.push((*file).clone()),
            _ => unknown.push(entry.path),
        }
    }
    let mut files_read = unknown.len();
    let span = debug_span!("hash", files = unknown.len()).entered();
    let read: Vec<ListedFile> = unknown
        .into_par_iter()
        .map(|path| {
            let digests = crate::index::digests_of(&folders.staged.join(&path))?;
            count(Work::FilesOpened, 1);
            count(Work::BytesRead, digests.size_bytes);
            Ok(ListedFile::file(path, digests))
        })
        .collect::<Result<_, DiskError>>()?;
    span.exit();
    files.extend(read);
    let (texts, unpacked) = texts(folders.staged, &files, &built, &listed)?;
    files_read += unpacked;
    files.extend(texts);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok((files, files_read))
}

type ByPath<'a> = HashMap<&'a str, &'a ListedFile>;

fn by_path(files: &[ListedFile]) -> ByPath<'_> {
    files.iter().map(|file| (file.path.as_str(), file)).collect()
}

/// The compressed forms that a text can have.
const FORMS: [Compressor; 3] = [Compressor::Gz, Compressor::Xz, Compressor::Zst];

/// The texts of which only compressed forms lie there, and how many forms had to be unpacked: apt wants a text's own checksums, whichever form it
/// takes. They are known where all forms are those that were made with the text, now or for the live Release; otherwise, as when a hook has
/// brought or replaced a form, every form is unpacked, and they must agree.
fn texts(
    folder: &Path,
    files: &[ListedFile],
    built: &ByPath<'_>,
    listed: &ByPath<'_>,
) -> Result<(Vec<ListedFile>, usize), ReleaseError> {
    let mut forms_of: BTreeMap<&str, Vec<(Compressor, &ListedFile)>> = BTreeMap::new();
    for file in files {
        for form in FORMS {
            if let Some(text) = file.path.strip_suffix(form.extension())
                && is_index(text)
            {
                forms_of.entry(text).or_default().push((form, file));
            }
        }
    }
    for file in files {
        // the text lies there itself
        forms_of.remove(file.path.as_str());
    }
    let (mut texts, mut unpacked) = (Vec::new(), 0);
    for (text, forms) in forms_of {
        let from = |known: &ByPath<'_>| {
            let all = forms.iter().all(|(_, file)| {
                known
                    .get(file.path.as_str())
                    .is_some_and(|known| known.digests == file.digests && !known.is_virtual)
            });
            known.get(text).filter(|known| all && known.is_virtual).map(|known| known.digests)
        };
        if let Some(digests) = from(built).or_else(|| from(listed)) {
            texts.push(ListedFile::text(text.to_owned(), digests));
            continue;
        }
        let mut agreed = None;
        for (form, file) in &forms {
            let _span = debug_span!("unpack", path = file.path).entered();
            let path = folder.join(&file.path);
            let packed = disk::open(&path)?;
            let digests = text_digests(packed, *form).map_err(|source| ReleaseError::BadForm {
                path: file.path.clone(),
                form: *form,
                source,
            })?;
            unpacked += 1;
            if *agreed.get_or_insert(digests) != digests {
                return Err(ReleaseError::FormsDiffer { path: text.to_owned() });
            }
        }
        texts.extend(agreed.map(|digests| ListedFile::text(text.to_owned(), digests)));
    }
    Ok((texts, unpacked))
}

/// Whether clients take a file of this name as an index, in whichever form there is.
fn is_index(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    matches!(name, "Packages" | "Sources")
        || ["Translation-", "Contents-", "Commands-", "Components-", "icons-"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Core files and the indexes made with them share one time, so that a mirror sees them change together.
fn one_time(folder: &Path, built: &[ListedFile], now: Timestamp) -> Result<(), DiskError> {
    let made = built.iter().filter(|file| !file.is_virtual).map(|file| file.path.as_str());
    for path in made.chain(CORE_FILES) {
        let path = folder.join(path);
        // what a hook took away again
        let Ok(file) = File::options().write(true).open(&path) else { continue };
        count(Work::FilesOpened, 1);
        file.set_modified(now.into()).during("set the time of", &path)?;
    }
    Ok(())
}

/// Notes when each file was written to last, by which a later pass sees that it is still the same.
fn note_times(folder: &Path, files: &mut [ListedFile]) -> Result<(), DiskError> {
    for file in files.iter_mut().filter(|file| !file.is_virtual) {
        let path = folder.join(&file.path);
        file.modified_ns = disk::modified_ns(&std::fs::symlink_metadata(&path).during("look at", &path)?);
    }
    Ok(())
}
