//! Letting go of originals that no row wants.
//!
//! What has left the pool of somebody's archive is kept for some days, what a distribution has had until every series that had it is obsolete. A source goes
//! whole or not at all. The rows go first, with an entry in the journal, then the file; nothing comes in meanwhile, because who takes something in
//! holds the librarian's lock too.

use jiff::{SignedDuration, Timestamp};
use rusqlite::Transaction;
use serde::Serialize;

use super::reap::ReapError;
use crate::disk::DiskError;
use crate::domain::{AliasId, RunId};
use crate::librarian::Librarian;
use crate::store::expiry::{self, Wanted};
use crate::store::{Db, StoreError};

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

/// What [`expire`] would do.
///
/// # Errors
/// When the database fails.
pub fn rehearse(db: &mut Db, wish: Expire, now: Timestamp) -> Result<Expired, StoreError> {
    db.rehearse(|tx| {
        let mut expired = Expired::default();
        if wish.careful {
            expiry::suggest_all(tx, now)?;
        }
        for file in expiry::due(tx, now)? {
            look_at(tx, wish, file, now, &mut expired)?;
        }
        Ok(expired)
    })
}

fn look_at(
    tx: &Transaction<'_>,
    wish: Expire,
    file: AliasId,
    now: Timestamp,
    expired: &mut Expired,
) -> Result<(), StoreError> {
    // it may have gone with another file of its package
    let Some(original) = expiry::original(tx, file)? else { return expiry::look_again(tx, file, None) };
    expired.looked_at += 1;
    if let Some(wanted) = expiry::wanted(tx, &original, wish.keep, now)? {
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
        expired.kept.push(Kept {
            filename: original.filename.to_string(),
            reason,
            until: until.map(|date| date.to_string()),
        });
        return expiry::look_again(tx, file, next);
    }
    for other in expiry::together_with(tx, file)? {
        let Some(original) = expiry::original(tx, other)? else { continue };
        // an orig tarball that another version has
        if other != file && expiry::wanted(tx, &original, wish.keep, now)?.is_some() {
            continue;
        }
        if expiry::begin_expiring(tx, &original, wish.run, now)? {
            expired.freed_bytes += original.size_bytes;
        }
        expired.files.push(Lost { filename: original.filename.to_string(), size_bytes: original.size_bytes });
    }
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
