//! What an upload changes: its packages beside those that they would take the place of.
//!
//! For each package its ancestor is found ([`ancestor`]), both are read once ([`source`], [`binary`]) into control fields, a tree of files and a few texts, and these are
//! compared: [`fields`], [`tree`], [`text`]. Where there is no ancestor everything is new. All of it is bounded: what is kept of a package, how long a text may be
//! to be compared, how many lines come out; what is left out is counted. A package that cannot be read is a word about it, and stops no other.

mod ancestor;
mod binary;
mod fields;
mod source;
mod text;
mod tree;

pub use ancestor::Against;
pub use fields::FieldChange;
pub use text::TextDiff;
pub use tree::{FileChange, FileChanges, FileFacts};

use std::collections::{BTreeMap, BTreeSet};

use super::entry::Entry;
use crate::librarian::Librarian;
use crate::store::{Connection, StoreError};
use text::Text;
use tree::Tree;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many files of a package are named.
    pub files: usize,
    /// How many lines of a text's changes are shown.
    pub lines_of_text: usize,
    /// How many lines of all texts of a package.
    pub lines: usize,
}

impl Limits {
    /// What a person reads.
    #[must_use]
    pub const fn some() -> Self {
        Self { files: 60, lines_of_text: 120, lines: 1000 }
    }

    /// Whatever there is, short of what would fill a disk.
    #[must_use]
    pub const fn all() -> Self {
        Self { files: 100_000, lines_of_text: 20_000, lines: 200_000 }
    }
}

/// What an upload changes of a package.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ItemDiff {
    /// `source`, `binary` or `custom`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub architecture: String,
    /// Its version.
    pub version: String,
    /// What it is compared with; none: with nothing, because nothing of its name is there.
    pub against: Option<Against>,
    /// The fields of its control file, or of its `.dsc`, that differ.
    pub fields: Vec<FieldChange>,
    /// What it is made of: of a source its tarballs and what else came with it, of a binary package its maintainer scripts and the like.
    pub parts: FileChanges,
    /// What is in it.
    pub files: FileChanges,
    /// Texts that differ: maintainer scripts, and in sources what is in `debian/`.
    pub texts: Vec<TextDiff>,
    /// Texts that differ and are not shown, because there are too many.
    pub texts_left_out: usize,
    /// What could not be compared, and why.
    pub troubles: Vec<String>,
}

/// What is known of a package when it was read.
#[derive(Debug, Default)]
struct Seen {
    /// Its control fields: a paragraph.
    control: String,
    parts: Tree,
    files: Tree,
    texts: BTreeMap<String, Text>,
    troubles: Vec<String>,
}

/// What an upload changes, package by package: its source, its binary packages, its custom files.
///
/// # Errors
/// When the database fails.
pub fn diff(
    db: &Connection,
    librarian: &Librarian,
    entry: &Entry,
    limits: &Limits,
) -> Result<Vec<ItemDiff>, StoreError> {
    let mut items = Vec::new();
    if let Some(new) = &entry.source {
        let before = ancestor::source(db, entry, new)?;
        let files = source::files(db, new.release)?;
        let old_files = match &before {
            Some((release, _)) => source::files(db, *release)?,
            None => Vec::new(),
        };
        // what both have, as an upstream tarball, says nothing
        let of = |files: &[source::SourceFile]| -> BTreeSet<_> {
            files.iter().map(|file| (file.name.clone(), file.digests.sha256)).collect()
        };
        let shared: BTreeSet<_> = of(&files).intersection(&of(&old_files)).cloned().collect();
        let seen = source::read(db, librarian, new.release, &files, &shared)?;
        let old = match &before {
            Some((release, _)) => source::read(db, librarian, *release, &old_files, &shared)?,
            None => Seen::default(),
        };
        let what = ("source", new.name.to_string(), "source".to_owned(), new.version.to_string());
        items.push(item(what, before.map(|(_, against)| against), &old, &seen, limits));
    }
    for new in &entry.binaries {
        let before = ancestor::binary(db, entry, new)?;
        let seen = binary::read(db, librarian, new.release)?;
        let old = match &before {
            Some((release, _)) => binary::read(db, librarian, *release)?,
            None => Seen::default(),
        };
        let what = ("binary", new.name.clone(), new.architecture.to_string(), new.version.to_string());
        items.push(item(what, before.map(|(_, against)| against), &old, &seen, limits));
    }
    for new in &entry.customs {
        let seen = source::read_tarball(librarian, new.filename.as_str(), &new.sha256);
        let what = ("custom", new.format.to_string(), String::new(), new.filename.to_string());
        items.push(item(what, None, &Seen::default(), &seen, limits));
    }
    Ok(items)
}

fn item(
    (kind, name, architecture, version): (&'static str, String, String, String),
    against: Option<Against>,
    old: &Seen,
    new: &Seen,
    limits: &Limits,
) -> ItemDiff {
    let (fields, mut texts) = fields::compare(&old.control, &new.control, limits.lines_of_text);
    let names: BTreeSet<&String> = old.texts.keys().chain(new.texts.keys()).collect();
    let nothing = Text::Whole(String::new());
    for name in names {
        let (before, now) = (old.texts.get(name), new.texts.get(name));
        let is_there = (before.is_some(), now.is_some());
        let (before, now) = (before.unwrap_or(&nothing), now.unwrap_or(&nothing));
        texts.extend(text::compare(name, is_there, before, now, limits.lines_of_text));
    }
    let mut left = limits.lines;
    let fitting = texts
        .iter()
        .take_while(|text| {
            let fits = text.lines.len() <= left;
            left = left.saturating_sub(text.lines.len());
            fits
        })
        .count();
    let texts_left_out = texts.len() - fitting;
    texts.truncate(fitting);
    let side = |word: &str, troubles: &[String]| -> Vec<String> {
        troubles.iter().map(|trouble| format!("{word}: {trouble}")).collect()
    };
    let mut troubles = side("in the upload", &new.troubles);
    troubles.extend(side("before", &old.troubles));
    ItemDiff {
        kind,
        name,
        architecture,
        version,
        against,
        fields,
        parts: tree::compare(&old.parts, &new.parts, limits.files),
        files: tree::compare(&old.files, &new.files, limits.files),
        texts,
        texts_left_out,
        troubles,
    }
}
