//! A copy of the database, in which what is only tried is done: it may take long, and nobody who writes is to wait for it.

use anyhow::Context;
use pressroom_archive::store::Db;

/// A copy that is gone with the value.
#[derive(Debug)]
pub(crate) struct Aside {
    /// The copy.
    pub(crate) db: Db,
    /// Goes after it.
    _folder: tempfile::TempDir,
}

impl Aside {
    /// Makes a copy of a database in the folder for temporary files, where there is room for it and as much again for what is written.
    pub(crate) fn of(db: &Db) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("pressroom-dry-run-")
            .tempdir()
            .context("cannot make a folder for a copy of the database")?;
        let what = || format!("a dry run works on a copy of the database in {}", folder.path().display());
        let needed = db.size_bytes()?.saturating_mul(2);
        let free = rustix::fs::statvfs(folder.path())
            .map(|space| space.f_bavail.saturating_mul(space.f_frsize))
            .with_context(what)?;
        if free < needed {
            return Err(anyhow::anyhow!(
                "{needed} bytes are needed and {free} free there: set TMPDIR to another folder"
            ))
            .with_context(what);
        }
        let copy = db.copy_to(&folder.path().join("pressroom.db")).with_context(what)?;
        Ok(Self { db: copy, _folder: folder })
    }
}
