//! Letting go of originals that no row wants.
//!
//! What has left the pool of somebody's archive is kept for some days, what a distribution has had until every series that had it is obsolete. A source goes
//! whole or not at all. The rows go first, with an entry in the journal, then the file; nothing comes in meanwhile, because who takes something in
//! holds the librarian's lock too.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::reap::ReapError;
use crate::disk::DiskError;
use crate::domain::{AliasId, RunId};
use crate::librarian::Librarian;
use crate::store::expiry::{self, Original, Wanted};
use crate::store::{Connection, Db, StoreError, Transaction};

/// What is asked of it.
#[derive(Debug, Clone, Copy)]
pub struct Expire {
    /// So long the files of a package are kept after it has left the pool of somebody's archive.
    pub keep: SignedDuration,
    /// The run that does it.
    pub run: Option<RunId>,
    /// Look at everything that ever left a pool, not only at what has left it since.
    pub careful: bool,
}

/// An original that has gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// Its name.
    pub filename: String,
    /// Its length.
    pub size_bytes: u64,
}

/// One that may have gone, and is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its name.
    pub filename: String,
    /// By whom.
    pub reason: String,
    /// Until when, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What was done.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Expired {
    /// How many originals were looked at.
    pub looked_at: usize,
    /// What packages have no more.
    pub files: Vec<Lost>,
    /// How much the librarian has less.
    pub freed_bytes: u64,
    /// What stays.
    pub kept: Vec<Kept>,
    /// How many files have gone that no row has ever had: somebody who brought them in was killed, or refused what they belonged to.
    #[serde(skip_serializing_if = "is_none")]
    pub swept: usize,
    /// What could not be taken off the disk; the next run tries again.
    pub problems: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}

/// Originals that are written down in one transaction.
const BATCH: usize = 256;

/// What nobody says when it is let go is looked at again after so long.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What came in without a row is left alone for so long.
const UNNAMED: SignedDuration = SignedDuration::from_hours(24);

/// So many of the librarian's folders are looked at on a day for what no row has: within a month each is, and what that costs grows with no run.
const FOLDERS_A_DAY: i64 = 9;

/// Lets go of what nobody wants.
///
/// # Errors
/// When the database or the disk fails. What was begun is finished by the next run.
pub fn expire(
    db: &mut Db,
    librarian: &Librarian,
    wish: Expire,
    now: Timestamp,
) -> Result<Expired, ReapError> {
    let mut expired = Expired::default();
    {
        let _alone = librarian.closed()?;
        finish(db, librarian, now, &mut expired)?;
    }
    if wish.careful {
        db.write(|tx| expiry::suggest_all(tx, now))?;
    }
    for batch in expiry::due(db.read(), now)?.chunks(BATCH) {
        let _alone = librarian.closed()?;
        db.write(|tx| batch.iter().try_for_each(|file| look_at(tx, wish, *file, now, &mut expired)))?;
        finish(db, librarian, now, &mut expired)?;
    }
    sweep(db, librarian, wish, now, &mut expired)?;
    Ok(expired)
}

/// Removes what has lain in some of the librarian's folders for a day and has no row.
fn sweep(
    db: &Db,
    librarian: &Librarian,
    wish: Expire,
    now: Timestamp,
    expired: &mut Expired,
) -> Result<(), ReapError> {
    let day = now.as_second().div_euclid(24 * 60 * 60);
    let folders: Vec<u8> = if wish.careful {
        (0..=u8::MAX).collect()
    } else {
        let number = |one: i64| u8::try_from((day * FOLDERS_A_DAY + one).rem_euclid(256)).unwrap_or_default();
        (0..FOLDERS_A_DAY).map(number).collect()
    };
    for folder in folders {
        // nothing may come in between the question and the answer
        let _alone = librarian.closed()?;
        for sha256 in librarian.contents_of(folder, now - UNNAMED)? {
            if expiry::is_known(db.read(), &sha256)? {
                continue;
            }
            match librarian.remove(&sha256) {
                Ok(()) => expired.swept += 1,
                Err(error) => expired.problems.push(describe(&error)),
            }
        }
    }
    Ok(())
}

/// What [`expire`] would do. It reads, and keeps nobody from writing.
///
/// # Errors
/// When the database fails.
pub fn rehearse(db: &Db, wish: Expire, now: Timestamp) -> Result<Expired, StoreError> {
    db.look(|db| {
        let mut expired = Expired::default();
        let mut gone = HashSet::new();
        let due = if wish.careful { expiry::due_or_suggested(db, now)? } else { expiry::due(db, now)? };
        for file in due {
            match judge(db, wish, file, now, &gone)? {
                Fate::Gone => continue,
                Fate::Stays { kept, .. } => expired.kept.push(kept),
                Fate::Goes(originals) => {
                    for original in originals {
                        gone.insert(original.alias);
                        let names = expiry::names_of(db, original.content)?;
                        expired.lose(original, names.iter().all(|name| gone.contains(name)));
                    }
                }
            }
            expired.looked_at += 1;
        }
        Ok(expired)
    })
}

/// What is to become of an original.
enum Fate {
    /// Nothing: it has none of its content any more.
    Gone,
    /// Somebody wants it.
    Stays {
        /// Who.
        kept: Kept,
        /// When it is looked at again; none: when something else happens to it.
        next: Option<Timestamp>,
    },
    /// It goes, and these with it; it is one of them.
    Goes(Vec<Original>),
}

impl Expired {
    fn lose(&mut self, original: Original, is_freed: bool) {
        if is_freed {
            self.freed_bytes += original.size_bytes;
        }
        self.files.push(Lost { filename: original.filename.to_string(), size_bytes: original.size_bytes });
    }
}

/// Decides about an original. `gone`: what would have gone by now, where the rows do not say so.
fn judge(
    db: &Connection,
    wish: Expire,
    file: AliasId,
    now: Timestamp,
    gone: &HashSet<AliasId>,
) -> Result<Fate, StoreError> {
    let original = |file: AliasId| if gone.contains(&file) { Ok(None) } else { expiry::original(db, file) };
    let Some(first) = original(file)? else { return Ok(Fate::Gone) };
    if let Some(wanted) = expiry::wanted(db, &first, wish.keep, now)? {
        let (reason, until, next) = match wanted {
            Wanted::Publication { archive } => (format!("a publication in {archive} has it"), None, None),
            Wanted::Series { archive, series } => {
                (format!("{archive} keeps it until its series {series} is obsolete"), None, None)
            }
            Wanted::Removed { archive, until } => {
                (format!("it has left {archive} a short time ago"), Some(until), Some(until))
            }
            Wanted::Upload { upload } => (format!("upload {upload} has it"), None, Some(now + LOOK_AGAIN)),
            Wanted::Build { build } => (format!("build {build} needs it"), None, Some(now + LOOK_AGAIN)),
            Wanted::Record => ("it is kept with an upload or a build".to_owned(), None, None),
            Wanted::Pool => ("a pool has it".to_owned(), None, Some(now + LOOK_AGAIN)),
        };
        let filename = first.filename.to_string();
        let kept = Kept { filename, reason, until: until.map(|date| date.to_string()) };
        return Ok(Fate::Stays { kept, next });
    }
    let mut going = Vec::new();
    for other in expiry::together_with(db, file)? {
        let Some(original) = original(other)? else { continue };
        // an orig tarball that another version has
        if other == file || expiry::wanted(db, &original, wish.keep, now)?.is_none() {
            going.push(original);
        }
    }
    Ok(Fate::Goes(going))
}

fn look_at(
    tx: &Transaction<'_>,
    wish: Expire,
    file: AliasId,
    now: Timestamp,
    expired: &mut Expired,
) -> Result<(), StoreError> {
    match judge(tx, wish, file, now, &HashSet::new())? {
        // it may have gone with another file of its package
        Fate::Gone => return expiry::look_again(tx, file, None),
        Fate::Stays { kept, next } => {
            expired.kept.push(kept);
            expiry::look_again(tx, file, next)?;
        }
        Fate::Goes(originals) => {
            for original in originals {
                let is_freed = expiry::begin_expiring(tx, &original, wish.run, now)?;
                expired.lose(original, is_freed);
            }
        }
    }
    expired.looked_at += 1;
    Ok(())
}

/// Takes from disk what no row has. The librarian is closed.
fn finish(
    db: &mut Db,
    librarian: &Librarian,
    now: Timestamp,
    expired: &mut Expired,
) -> Result<(), ReapError> {
    let undone = expiry::undone(db.read())?;
    if undone.is_empty() {
        return Ok(());
    }
    let mut done = Vec::with_capacity(undone.len());
    for one in undone {
        let removed = if one.is_back { Ok(()) } else { librarian.remove(&one.sha256) };
        match removed {
            Ok(()) => done.push(one.id),
            Err(error) => {
                let problem = describe(&error);
                if !expired.problems.contains(&problem) {
                    expired.problems.push(problem);
                }
            }
        }
    }
    librarian.sync()?;
    db.write(|tx| expiry::mark_done(tx, &done, now))?;
    Ok(())
}

fn describe(error: &DiskError) -> String {
    crate::domain::chain(error)
}
