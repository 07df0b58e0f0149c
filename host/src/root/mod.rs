//! A root: the folder with the configuration, the database, the keys, the librarian, the archives and the hooks of one installation.

mod config;
mod readers;
mod signing;

use std::path::{Path, PathBuf};

use pressroom_archive::disk::{DiskError, FileLock};
use pressroom_archive::dists::ArchivePaths;
use pressroom_archive::domain::DistributionName;
use pressroom_archive::librarian::Librarian;
use pressroom_archive::notify::Letterhead;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::{Db, StoreError};

pub(crate) use config::{Config, ConfigError, DEFAULT_KEY_FILE, Mail, MailTls, MailTransport};
pub(crate) use signing::{KeyState, Place, SigningKeys, own_place};

/// The configuration's name in a root.
pub(crate) const CONFIG_FILE: &str = "pressroom.toml";
/// The database's name in a root.
pub(crate) const DATABASE_FILE: &str = "pressroom.db";

/// An opened root.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    folder: PathBuf,
    pub(crate) config: Config,
}

impl Root {
    /// Opens the root in a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, ConfigError> {
        let folder = std::path::absolute(folder)
            .map_err(|source| ConfigError::Read { path: folder.to_owned(), source })?;
        let config = Config::read(&folder.join(CONFIG_FILE))?;
        if let Some(message) = config.paths.shows_what_is_private(&folder) {
            return Err(ConfigError::Syntax { path: folder.join(CONFIG_FILE), message });
        }
        Ok(Self { folder, config })
    }

    /// The file of its configuration.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.at(Path::new(CONFIG_FILE))
    }

    /// A path below the root, unless it is absolute.
    fn at(&self, path: &Path) -> PathBuf {
        self.folder.join(path)
    }

    /// The root's own folder; what a grant names by a relative path is below it.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A path that is below the root unless it is absolute.
    pub(crate) fn below(&self, path: &Path) -> PathBuf {
        self.at(path)
    }

    /// Where certificates of hooks' authors lie, for those that are named by fingerprint.
    pub(crate) fn authors_folder(&self) -> PathBuf {
        self.folder.join("keys/authors")
    }

    /// Opens the database.
    pub(crate) fn db(&self) -> Result<Db, StoreError> {
        Db::open(&self.at(Path::new(DATABASE_FILE)))
    }

    /// Opens the database to ask it something: also on a read-only root, or for one who may only read it.
    pub(crate) fn db_for_reading(&self) -> Result<Db, StoreError> {
        match Db::open_for_reading(&self.at(Path::new(DATABASE_FILE))) {
            // of an older pressroom: one who may write brings it up to date
            Err(refused @ StoreError::Refused(_)) => self.db().map_err(|_| refused),
            opened => opened,
        }
    }

    /// The store of originals.
    pub(crate) fn librarian(&self) -> Librarian {
        Librarian::new(self.at(&self.config.paths.librarian))
            .with_lock(self.locks_folder().join("librarian.lock"))
    }

    /// The folders of an archive. What is private lies in a tree of its own, so that no server of the others shows it.
    pub(crate) fn archive_paths(&self, archive: &Archive) -> ArchivePaths {
        let paths = &self.config.paths;
        let folder = if archive.private { &paths.private_archives } else { &paths.archives };
        ArchivePaths::new(&self.at(folder), &archive.reference)
    }

    /// The folder of a distribution's hooks.
    pub(crate) fn hooks_folder(&self, distribution: &DistributionName) -> PathBuf {
        self.at(&self.config.paths.hooks).join(distribution.as_str())
    }

    /// Where compiled hooks are; only the host writes there.
    pub(crate) fn artefacts_folder(&self) -> PathBuf {
        self.at(&self.config.paths.cache).join("hooks")
    }

    /// The folder of lock files.
    pub(crate) fn locks_folder(&self) -> PathBuf {
        self.folder.join("locks")
    }

    /// Waits for the lock of an archive's pool: whoever makes or removes names there holds it.
    pub(crate) fn pool_lock(&self, archive: &Archive) -> Result<FileLock, DiskError> {
        // no part of a reference has a colon
        let name = format!("pool-{}.lock", archive.reference.folder().replace('/', ":"));
        FileLock::alone(&self.locks_folder().join(name))
    }

    /// Who writes mails, and with which templates, all of which are tried; none where no mail is written.
    pub(crate) fn letterhead(&self) -> Result<Option<Letterhead>, ConfigError> {
        let letterhead = self.letterhead_as_it_is()?;
        if let Some(letterhead) = &letterhead {
            pressroom_archive::notify::templates::check(&letterhead.templates)
                .map_err(ConfigError::Templates)?;
        }
        Ok(letterhead)
    }

    /// The same with templates that nobody has tried: for those who write even when one is broken.
    pub(crate) fn letterhead_as_it_is(&self) -> Result<Option<Letterhead>, ConfigError> {
        let mail = &self.config.mail;
        let wrong = |message| ConfigError::Mail { path: self.config_file(), message };
        let Some((sender, bounces)) = mail.sender().map_err(wrong)? else { return Ok(None) };
        let (templates, operators) = (self.at(&mail.templates), mail.operators().map_err(wrong)?);
        Ok(Some(Letterhead { sender, bounces, site: self.site_name(), templates, operators }))
    }

    /// How this host is called.
    pub(crate) fn site_name(&self) -> String {
        self.config.site_name.clone().unwrap_or_else(host_name)
    }
}

/// What the kernel says this host is called.
pub(crate) fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
