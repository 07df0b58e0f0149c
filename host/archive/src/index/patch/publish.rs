//! The patches of a suite's indexes in the staged tree, as a pass makes these indexes.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::history;
use super::maker::{Made, NoPatch};
use super::{patch_file, patch_folder, patch_index};
use crate::disk::{self, DiskError, During};
use crate::domain::digest::FileDigests;
use crate::domain::{Compressor, IndexPatchId, PassId, PatchLimit, SuiteId};
use crate::index::IndexError;
use crate::index::segment::assemble::Assembled;
use crate::index::segment::form;
use crate::store::archive_file::ListedFile;
use crate::store::index_patch::{self, Content, PatchChange, PatchFacts, StoredPatch};
use crate::store::shape::SuiteShape;
use crate::store::{Connection, StoreError, pass};

/// Whether the files of patches are read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::index) enum Check {
    /// They are looked at: whether they are there, as long as they were.
    Length,
    /// They are read.
    Content,
}

/// The patches of a suite in a pass.
#[derive(Debug)]
pub(in crate::index) struct Patches<'a> {
    db: &'a Connection,
    suite: SuiteId,
    /// The suite's, in the staged tree.
    folder: &'a Path,
    limit: PatchLimit,
    check: Check,
    /// When the pass began, where there are patches to be made.
    now: Timestamp,
    stored: Vec<StoredPatch>,
    /// The indexes that the pass has made.
    seen: BTreeSet<String>,
    changes: Vec<PatchChange>,
}

impl<'a> Patches<'a> {
    pub(in crate::index) fn open(
        db: &'a Connection,
        pass: PassId,
        shape: &SuiteShape,
        folder: &'a Path,
        check: Check,
    ) -> Result<Self, StoreError> {
        let (suite, limit) = (shape.suite.id, shape.series.index_patches);
        Ok(Self {
            db,
            suite,
            folder,
            limit,
            check,
            now: match limit {
                PatchLimit::NONE => Timestamp::UNIX_EPOCH,
                _ => pass::find_pass(db, pass)?.map_or(Timestamp::UNIX_EPOCH, |pass| pass.date_started),
            },
            stored: index_patch::patches_of(db, suite, pass)?,
            seen: BTreeSet::new(),
            changes: Vec::new(),
        })
    }

    /// The text of an index that a patch is to be made from; none where none is wanted, or clients have no such index.
    pub(in crate::index) fn base(&self, path: &str) -> Result<Option<Content>, StoreError> {
        if self.limit == PatchLimit::NONE {
            return Ok(None);
        }
        index_patch::listed_text(self.db, self.suite, path)
    }

    /// Puts the patches of an index in place that the pass has made from `base`. Gives the file that tells of them, if it is another than before.
    pub(in crate::index) fn carry_on(
        &mut self,
        path: &str,
        base: Content,
        assembled: &Assembled,
    ) -> Result<Option<ListedFile>, IndexError> {
        let Some(current) = text_of(path, assembled) else { return Ok(None) };
        self.seen.insert(path.to_owned());
        let stored: Vec<&StoredPatch> =
            self.stored.iter().filter(|patch| patch.path == path && patch.is_current).collect();
        let facts: Vec<&PatchFacts> = stored.iter().map(|patch| &patch.facts).collect();
        let lost = facts.iter().rposition(|patch| !self.is_there(path, patch));
        let mut begin = history::begin_of_chain(&facts, base).max(lost.map_or(0, |lost| lost + 1));
        let mut added = None;
        if current != base {
            match &assembled.patch {
                Some(Ok(made)) => added = Some(self.pack(path, made, current)?),
                Some(Err(reason)) => {
                    say_no_patch(path, *reason);
                    begin = facts.len();
                }
                None => begin = facts.len(),
            }
        }
        let mut history: Vec<&PatchFacts> = facts[begin..].to_vec();
        history.extend(added.as_ref().map(|(facts, _)| facts));
        let surplus = history::surplus(&history, self.limit, least_bytes(assembled));
        let history = &history[surplus..];
        let retired: Vec<IndexPatchId> =
            stored.iter().take(begin.saturating_add(surplus)).map(|patch| patch.id).collect();
        let index = patch_index(path);
        if history.is_empty() {
            disk::remove_file(&self.folder.join(index))?;
            self.changes.extend(change(path, retired, None));
            return Ok(None);
        }
        if let Some((facts, packed)) = &added {
            self.write(&patch_file(path, &facts.name), packed)?;
        }
        let text = history::index_text(current, history);
        self.changes.extend(change(path, retired, added.map(|(facts, _)| facts)));
        let at = self.folder.join(&index);
        if disk::read(&at).is_ok_and(|there| there == text.as_bytes()) {
            return Ok(None);
        }
        disk::write_staged(&at, text.as_bytes())?;
        Ok(Some(ListedFile::file(index, FileDigests::of(text.as_bytes()))))
    }

    /// Removes what lies among the patches of these indexes and is none of theirs, as where an installation was cut off and undone. With no patches wanted the
    /// folders are nobody's business here.
    pub(in crate::index) fn sweep<'p>(&self, paths: impl Iterator<Item = &'p str>) -> Result<(), DiskError> {
        if self.limit == PatchLimit::NONE {
            return Ok(());
        }
        for path in paths {
            let stored = self.stored.iter().filter(|patch| patch.path == path).map(|patch| &patch.facts);
            let added =
                self.changes.iter().filter(|change| change.path == path).flat_map(|change| &change.added);
            let known: BTreeSet<String> =
                stored.chain(added).map(|facts| patch_file(path, &facts.name)).collect();
            let folder = patch_folder(path);
            let below = self.folder.join(&folder);
            if !below.is_dir() {
                continue;
            }
            for file in disk::files_below(&below)? {
                let file = format!("{folder}/{}", file.path);
                let is_by_itself = !file[folder.len() + 1..].contains('/');
                if is_by_itself && file.ends_with(".gz") && !known.contains(&file) {
                    disk::remove_file(&self.folder.join(&file))?;
                }
            }
        }
        Ok(())
    }

    /// What becomes of all patches of the suite. Clients are told nothing any more of those of indexes that are none of `is_index`.
    pub(in crate::index) fn finish(
        mut self,
        is_index: impl Fn(&str) -> bool,
    ) -> Result<Vec<PatchChange>, DiskError> {
        let current = self.stored.iter().filter(|patch| patch.is_current);
        let paths: BTreeSet<&str> = current.clone().map(|patch| patch.path.as_str()).collect();
        for path in paths {
            if self.seen.contains(path) || (is_index(path) && self.limit != PatchLimit::NONE) {
                continue;
            }
            disk::remove_file(&self.folder.join(patch_index(path)))?;
            let retired = current.clone().filter(|patch| patch.path == path).map(|patch| patch.id).collect();
            self.changes.extend(change(path, retired, None));
        }
        Ok(self.changes)
    }

    /// A patch as a file of its own.
    fn pack(&self, path: &str, made: &Made, to: Content) -> Result<(PatchFacts, Vec<u8>), IndexError> {
        let last = self
            .stored
            .iter()
            .filter(|patch| patch.path == path)
            .map(|patch| patch.facts.name.as_str())
            .max();
        let name = history::name_at(self.now, last);
        let packed = form::pack(made.script.as_bytes(), Compressor::Gz).map_err(|source| {
            IndexError::Compress { path: patch_file(path, &name), form: Compressor::Gz, source }
        })?;
        let (patch, file) = (Content::of(made.script.as_bytes()), Content::of(&packed));
        Ok((PatchFacts { name, from: made.from, to, patch, file }, packed))
    }

    fn write(&self, path: &str, packed: &[u8]) -> Result<(), DiskError> {
        let at = self.folder.join(path);
        let mut file = disk::create_staged(&at)?;
        std::io::Write::write_all(&mut file, packed).during("write", &at)?;
        crate::work::count_bytes(crate::work::Work::BytesWritten, packed.len());
        // clients give the index that they make with it this time
        file.set_modified(self.now.into()).during("set the time of", &at)
    }

    /// Whether the file of a patch is still there.
    fn is_there(&self, path: &str, patch: &PatchFacts) -> bool {
        let at = self.folder.join(patch_file(path, &patch.name));
        match self.check {
            Check::Length => std::fs::symlink_metadata(&at)
                .is_ok_and(|file| file.is_file() && file.len() == patch.file.size_bytes),
            Check::Content => disk::read(&at).is_ok_and(|content| Content::of(&content) == patch.file),
        }
    }
}

fn say_no_patch(path: &str, reason: NoPatch) {
    match reason {
        NoPatch::TooMuch => tracing::info!(index = path, "no patch: {reason}; clients fetch the whole index"),
        NoPatch::Unsayable | NoPatch::Lost | NoPatch::OtherText => {
            tracing::warn!(index = path, "no patch: {reason}; clients fetch the whole index");
        }
    }
}

fn change(path: &str, retired: Vec<IndexPatchId>, added: Option<PatchFacts>) -> Option<PatchChange> {
    let changes = !retired.is_empty() || added.is_some();
    changes.then(|| PatchChange { path: path.to_owned(), retired, added })
}

fn text_of(path: &str, assembled: &Assembled) -> Option<Content> {
    let text = assembled.files.iter().find(|file| file.path == path)?;
    Some(Content { sha256: text.digests.sha256, size_bytes: text.digests.size_bytes })
}

/// How much clients have to fetch of the index itself.
fn least_bytes(assembled: &Assembled) -> u64 {
    let files = assembled.files.iter().filter(|file| !file.is_virtual);
    files.map(|file| file.digests.size_bytes).min().unwrap_or(0)
}
