//! What those are given who copy an archive: a listing of it (`ls-lR.gz`), and a journal of what changed, in an order in which every step leaves what a client
//! can use.
//!
//! [`changes`] holds a staged tree against the live one before it is installed; [`number_pass`] and [`number_removals`] give numbers to what changed, in the
//! transaction in which it does; [`write_journal`] puts them into the archive as files. [`write_listing`] makes the listing from rows: only what changed in the
//! pool is looked at. [`remove_vacated`] takes away folders that a pass has left empty. None of them decides what is published.

mod journal;
mod lines;
mod listing;
mod tree;
mod vacated;

pub use journal::{number_files, number_pass, number_removals, write_journal};
pub use lines::Owner;
pub use listing::write_listing;
pub use tree::{TreeChanges, changes};
pub use vacated::remove_vacated;

use std::path::Path;

use jiff::Timestamp;

use crate::disk::DiskError;
use crate::store::archive::Archive;
use crate::store::{Db, StoreError, mirror_journal, pool_listing};

/// Why mirrors are not told.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// When there is a listing to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// A pass was installed: other trees than the pool may have changed.
    Pass,
    /// Names have left the pool, or nothing has changed.
    DeathRow,
}

/// What was done for mirrors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeptUp {
    /// How many empty folders have gone.
    pub vacated: usize,
    /// Whether the listing is new.
    pub is_listed: bool,
    /// How many numbers of the journal were written.
    pub numbers: usize,
}

/// Whether there is anything that [`keep_up`] could do: of most archives of people there is not.
///
/// # Errors
/// When the database fails.
pub fn has_anything_to_do(db: &Db, archive: &Archive) -> Result<bool, StoreError> {
    let mirror_journal::Settings { ls_lr, journal } = mirror_journal::settings(db.read(), archive.id)?;
    Ok(ls_lr
        || journal > 0
        || !mirror_journal::vacated(db.read(), archive.id)?.is_empty()
        || mirror_journal::has_numbers(db.read(), archive.id)?)
}

/// Does all that an archive does for mirrors, after something changed in it: empty folders go, the listing is made, the journal is written. The caller holds the
/// pool's lock.
///
/// # Errors
/// When the disk or the database fails; the next call makes up for it.
pub fn keep_up(
    db: &mut Db,
    archive: &Archive,
    root: &Path,
    owner: &Owner,
    after: After,
    now: Timestamp,
) -> Result<KeptUp, MirrorError> {
    let mut done = KeptUp::default();
    let vacated = remove_vacated(db, archive.id, root);
    let settings = mirror_journal::settings(db.read(), archive.id)?;
    if settings.journal > 0 {
        db.write(|tx| number_removals(tx, archive.id, now))?;
    }
    let is_due = settings.ls_lr && (after == After::Pass || pool_listing::is_owed(db.read(), archive.id)?);
    let listed = match is_due {
        true => {
            // the pool's parts are new before the file is
            db.write(|tx| pool_listing::owe(tx, archive.id))?;
            write_listing(db, archive.id, root, owner).map(Some)
        }
        false => Ok(None),
    };
    if let Ok(Some(listing)) = &listed {
        done.is_listed = true;
        db.write(|tx| {
            pool_listing::settle(tx, archive.id)?;
            number_files(tx, archive.id, std::slice::from_ref(listing), now)
        })?;
    }
    // those who follow the journal do not wait for the rest
    done.numbers = write_journal(db, archive, root)?;
    listed?;
    done.vacated = vacated?;
    Ok(done)
}
