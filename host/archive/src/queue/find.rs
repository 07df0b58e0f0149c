//! Which uploads words mean: a number is an upload, anything else the name of a source, with a version if it has a slash.
//!
//! A name means every source that has it in its own, unless it is to be exact. Whoever only looks sees them all; who decides is asked back where a
//! name that is not exact means several sources, so that `gcc` does not decide about `gcc-doc` too.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use crate::domain::plain::shown;
use crate::domain::{ArchiveId, DebVersion, SuiteName, UploadId, UploadStatus};
use crate::store::package_upload::{PackageUpload, upload};
use crate::store::upload_queue::{Named, Wanted, newest};
use crate::store::{Connection, StoreError, suite};

/// What somebody calls uploads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// One, by its number.
    Number(UploadId),
    /// Those of a source, or of several.
    Name {
        /// Its name, or a part of it.
        name: String,
        /// Only of this version.
        version: Option<DebVersion>,
    },
}

/// A word that can mean no upload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word} means no upload: give its number, the name of its source, or NAME/VERSION")]
pub struct WordFault {
    word: String,
}

impl FromStr for Word {
    type Err = WordFault;

    fn from_str(text: &str) -> Result<Self, WordFault> {
        let fault = || WordFault { word: shown(text) };
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(|number| Self::Number(UploadId(number))).map_err(|_| fault());
        }
        let (name, version) = match text.split_once('/') {
            None => (text, None),
            Some((name, version)) => (name, Some(version.parse().map_err(|_| fault())?)),
        };
        // a part of a name may begin with what a name may not
        let may_be_in_a_name =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
        if name.is_empty() || name.starts_with('-') || !name.bytes().all(may_be_in_a_name) {
            return Err(fault());
        }
        Ok(Self::Name { name: name.to_owned(), version })
    }
}

impl std::fmt::Display for Word {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(id) => id.fmt(out),
            Self::Name { name, version: None } => out.write_str(name),
            Self::Name { name, version: Some(version) } => write!(out, "{name}/{version}"),
        }
    }
}

/// What the uploads that are found are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// To be listed: a name may mean any number of sources, or none; so many uploads of each word at most, the newest.
    Listing(u32),
    /// To be looked at: as for a list, and every word means something.
    Looking(u32),
    /// To be decided about: every word means something, and one source.
    Deciding,
}

/// Which uploads are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Any of these; empty: all.
    pub words: &'a [Word],
    /// Only in this archive.
    pub archive: Option<ArchiveId>,
    /// Only for suites of this name.
    pub suite: Option<&'a SuiteName>,
    /// Only those that have come so far; empty: however far. Numbers are not bound by it.
    pub statuses: &'a [UploadStatus],
    /// Names are whole names.
    pub exact: bool,
}

/// Why words do not say which uploads are meant.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The database failed, or there is no such upload.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nothing is called so.
    #[error("{word} means no upload{among}: look at `pressroom queue list --status all {word}`")]
    Nothing {
        /// What was asked for.
        word: String,
        /// Among which.
        among: String,
    },
    /// A part of several names.
    #[error("{word} is a part of several names ({}): say which, or take the whole name with --exact", names.join(", "))]
    Several {
        /// What was asked for.
        word: String,
        /// What it may mean.
        names: Vec<String>,
    },
    /// A number of an upload that is elsewhere.
    #[error("upload {id} ({source_name} {version}) is not {asked}: it is {is}")]
    Elsewhere {
        /// Its number.
        id: UploadId,
        /// Its source.
        source_name: String,
        /// Its version.
        version: DebVersion,
        /// Where it was looked for.
        asked: String,
        /// Where it is.
        is: String,
    },
}

/// The uploads that are asked for, in the order in which they came, each once.
///
/// # Errors
/// When a word is none of an upload, or of several where one has to be meant.
pub fn find(db: &Connection, asked: &Asked<'_>, what_for: Use) -> Result<Vec<PackageUpload>, FindError> {
    let limit = match what_for {
        Use::Listing(limit) | Use::Looking(limit) => limit,
        Use::Deciding => u32::MAX,
    };
    let mut wanted = Wanted {
        archive: asked.archive,
        suite: asked.suite,
        statuses: asked.statuses,
        name: None,
        version: None,
    };
    if asked.words.is_empty() && what_for != Use::Deciding {
        return Ok(newest(db, &wanted, limit)?);
    }
    let mut found: BTreeMap<UploadId, PackageUpload> = BTreeMap::new();
    for word in asked.words {
        match word {
            Word::Number(id) => {
                let upload = upload(db, *id)?;
                refuse_elsewhere(db, asked, &upload)?;
                found.insert(upload.id, upload);
            }
            Word::Name { name, version } => {
                wanted.version = version.as_ref();
                wanted.name = Some(if asked.exact { Named::Exactly(name) } else { Named::Containing(name) });
                let uploads = newest(db, &wanted, limit)?;
                let names: BTreeSet<&str> =
                    uploads.iter().map(|upload| upload.source_name.as_str()).collect();
                match what_for {
                    Use::Listing(_) => {}
                    Use::Looking(_) => refuse_nothing(word, asked, &names)?,
                    Use::Deciding => {
                        refuse_nothing(word, asked, &names)?;
                        refuse_several(word, &names)?;
                    }
                }
                found.extend(uploads.into_iter().map(|upload| (upload.id, upload)));
            }
        }
    }
    Ok(found.into_values().collect())
}

fn refuse_nothing(word: &Word, asked: &Asked<'_>, names: &BTreeSet<&str>) -> Result<(), FindError> {
    if !names.is_empty() {
        return Ok(());
    }
    let statuses: Vec<&str> = asked.statuses.iter().map(|status| status.as_str()).collect();
    let mut among = match statuses.as_slice() {
        [] => String::new(),
        statuses => format!(" that is {}", statuses.join(" or ")),
    };
    if let Some(suite) = asked.suite {
        among.push_str(&format!(" in {suite}"));
    }
    Err(FindError::Nothing { word: word.to_string(), among })
}

fn refuse_several(word: &Word, names: &BTreeSet<&str>) -> Result<(), FindError> {
    if names.len() <= 1 {
        return Ok(());
    }
    // a few say enough
    let names = names.iter().take(10).map(|name| (*name).to_owned()).collect();
    Err(FindError::Several { word: word.to_string(), names })
}

/// A number beside `--suite` or `--archive` that is of another one is a slip.
fn refuse_elsewhere(db: &Connection, asked: &Asked<'_>, upload: &PackageUpload) -> Result<(), FindError> {
    let elsewhere = |asked: String, is: String| FindError::Elsewhere {
        id: upload.id,
        source_name: upload.source_name.to_string(),
        version: upload.version.clone(),
        asked,
        is,
    };
    if let Some(archive) = asked.archive
        && archive != upload.archive
    {
        let is = crate::store::archive::archive_by_id(db, upload.archive)?.reference;
        let asked = crate::store::archive::archive_by_id(db, archive)?.reference;
        return Err(elsewhere(format!("in {asked}"), format!("in {is}")));
    }
    if let Some(asked) = asked.suite {
        let is = suite::suite_by_id(db, upload.suite)?.name;
        if is != *asked {
            return Err(elsewhere(format!("for {asked}"), format!("for {is}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_an_upload_and_anything_else_a_name() {
        let name = |name: &str, version: Option<&str>| Word::Name {
            name: name.to_owned(),
            version: version.map(|version| version.parse().unwrap()),
        };
        for (text, word) in [
            ("12", Word::Number(UploadId(12))),
            ("hello", name("hello", None)),
            ("hello/1:2.10-3~x", name("hello", Some("1:2.10-3~x"))),
            ("7zip", name("7zip", None)),
            ("42/1", name("42", Some("1"))),
            ("+", name("+", None)),
        ] {
            assert_eq!(text.parse::<Word>().unwrap(), word);
            assert_eq!(word.to_string(), text);
        }
    }

    #[test]
    fn what_can_mean_no_upload_is_refused() {
        for text in [
            "",
            "/1",
            "hello/",
            "hello/1/2",
            "Hello",
            "a b",
            "../x",
            "-x",
            "x\u{1b}[2J",
            "99999999999999999999",
        ] {
            let error = text.parse::<Word>().unwrap_err().to_string();
            assert!(!error.contains('\u{1b}'), "{error}");
        }
    }
}
