//! Who may read private archives, as web servers read it: a file for each of them, written anew when its content changes.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use pressroom_archive::disk::{self, DiskError, During, FileLock};
use pressroom_archive::people::htpasswd;
use pressroom_archive::store::archive::{Archive, archives};
use pressroom_archive::store::distribution::distributions;
use pressroom_archive::store::{Connection, archive_auth_token};

use super::Root;

/// The web server reads it by its group.
const MODE: u32 = 0o640;
/// It goes through by the same.
const FOLDER_MODE: u32 = 0o750;

impl Root {
    /// The file of the users who may read a private archive: outside of every tree that is served.
    pub(crate) fn readers_file(&self, archive: &Archive) -> PathBuf {
        self.at(&self.config.paths.readers).join(format!("{}.htpasswd", archive.reference.folder()))
    }

    /// Makes a folder that is for its user and, read only, its group. One that is there is as its operator has made it.
    fn make_closed(&self, folder: &Path) -> Result<(), DiskError> {
        if folder.is_dir() {
            return Ok(());
        }
        disk::make_folder(folder)?;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(FOLDER_MODE)).during("close", folder)
    }

    /// Brings the files of all private archives up to date: somebody has come or gone.
    pub(crate) fn write_all_readers(&self, db: &Connection, now: Timestamp) -> anyhow::Result<()> {
        for distribution in distributions(db)? {
            for archive in archives(db, distribution.id)? {
                self.write_readers(db, &archive, now)?;
            }
        }
        Ok(())
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
        let paths = &self.config.paths;
        for folder in [&paths.private_archives, &paths.readers] {
            self.make_closed(&self.at(folder))?;
        }
        // from before the rows are read: whoever has read them earlier has written earlier, and brings nobody back who was taken out since
        let name = format!("readers-{}.lock", archive.reference.folder().replace('/', ":"));
        let _lock = FileLock::alone(&self.locks_folder().join(name))?;
        let path = self.readers_file(archive);
        let text = htpasswd(&archive_auth_token::readers(db, archive.id, now)?);
        if std::fs::read(&path).ok().as_deref() != Some(text.as_bytes()) {
            disk::write_atomic(&path, text.as_bytes(), MODE)?;
        }
        Ok(())
    }
}
