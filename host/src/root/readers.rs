//! Who may read private archives, as web servers read it: a file for each of them, written anew when its content changes.

use std::path::PathBuf;

use jiff::Timestamp;
use pressroom_archive::disk;
use pressroom_archive::people::htpasswd;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::{Connection, archive_auth_token};

use super::Root;

/// The web server reads it by its group.
const MODE: u32 = 0o640;

impl Root {
    /// The file of the users who may read a private archive: outside of every tree that is served.
    pub(crate) fn readers_file(&self, archive: &Archive) -> PathBuf {
        self.at(&self.config.paths.readers).join(format!("{}.htpasswd", archive.reference.folder()))
    }

    /// Brings the file of a private archive up to date. An archive that everybody may read has none.
    pub(crate) fn write_readers(
        &self,
        db: &Connection,
        archive: &Archive,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        if !archive.private {
            return Ok(());
        }
        let path = self.readers_file(archive);
        let text = htpasswd(&archive_auth_token::readers(db, archive.id, now)?);
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            disk::write_atomic(&path, text.as_bytes(), MODE)?;
        }
        Ok(())
    }
}
