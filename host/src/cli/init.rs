//! `pressroom init`: a new root, or nothing: what was made is taken away again where a later step fails.

use std::path::{Path, PathBuf};

use anyhow::Context;
use jiff::Timestamp;
use pressroom_archive::disk;
use pressroom_archive::domain::{ArchitectureTag, ComponentName, DistributionName, SeriesName};
use pressroom_archive::openpgp::{OwnKey, Signer};
use pressroom_archive::store::{Db, StoreError};
use serde::Serialize;

use super::{End, Session, exit};
use crate::describe::{
    self, Description, DistributionDescription, DistributionSettings, SeriesDescription, SeriesSettings,
};
use crate::root::{CONFIG_FILE, Config, DATABASE_FILE, DEFAULT_KEY_FILE, Root};

const EXAMPLES: &str = "\
Examples:
  pressroom init /srv/apt --distribution demo --series one --component main --architecture amd64 --architecture arm64
  pressroom init /srv/apt --signing-key ~/archive-key.asc";

/// Make a root: configuration, database, a signing key unless one is named, and a first distribution.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Init {
    /// An empty folder, or one that is not there yet.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// The first distribution.
    #[arg(long, value_name = "NAME", requires = "series")]
    distribution: Option<DistributionName>,
    /// Its first series.
    #[arg(long, value_name = "NAME", requires = "distribution")]
    series: Option<SeriesName>,
    /// A component of the series; again for more, the most preferred first. Without any: main.
    #[arg(long = "component", value_name = "NAME", requires = "series")]
    components: Vec<ComponentName>,
    /// An architecture of the series; again for more. Without any: this machine's.
    #[arg(long = "architecture", value_name = "NAME", requires = "series")]
    architectures: Vec<ArchitectureTag>,
    /// An OpenPGP secret key without a passphrase, instead of a new one. It stays where it is.
    #[arg(long, value_name = "FILE")]
    signing_key: Option<PathBuf>,
}

#[derive(Serialize)]
struct Made {
    root: PathBuf,
    fingerprint: String,
    distribution: Option<String>,
}

impl Init {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let folder = std::path::absolute(&self.folder).context("cannot find the folder")?;
        refuse_used(&folder)?;
        let now = session.clock.began();
        // what can be wrong is found before anything is made
        let description = self.description()?;
        let (key_file, new_key, fingerprint) = match &self.signing_key {
            Some(path) => {
                let path = std::path::absolute(path).context("cannot find the signing key")?;
                let key = OwnKey::load(&path, now)?;
                (
                    path.to_str().ok_or_else(|| exit::usage("the key's path is not UTF-8"))?.to_owned(),
                    None,
                    key.fingerprint().to_owned(),
                )
            }
            None => {
                let name = self.distribution.as_ref().map_or("Pressroom", DistributionName::as_str);
                let key = OwnKey::generate(
                    &format!("{name} Archive Signing Key <archive@{}>", crate::root::host_name()),
                    now,
                )?;
                let secret = key.secret_key()?;
                (DEFAULT_KEY_FILE.to_owned(), Some(secret), key.fingerprint().to_owned())
            }
        };
        if let Some(description) = &description {
            // in a database that is gone with the value
            apply(&mut Db::in_memory()?, description, now)?;
        }
        let mut made = Pieces::default();
        if let Err(error) = self.make(
            &folder,
            (&key_file, new_key.as_ref().map(|secret| &secret[..])),
            description.as_ref(),
            &mut made,
            now,
        ) {
            made.take_away();
            return Err(error);
        }
        let distribution = self.distribution.as_ref().map(ToString::to_string);
        let made = Made { root: folder.clone(), fingerprint, distribution };
        session.output.show(&made, || self.text(&made))?;
        Ok(End::Success)
    }

    /// Makes everything in a folder that is empty or not there yet; what it has made, also where it does not come to its end, is among the pieces.
    fn make(
        &self,
        folder: &Path,
        (key_file, new_key): (&str, Option<&[u8]>),
        description: Option<&Description>,
        pieces: &mut Pieces,
        now: Timestamp,
    ) -> anyhow::Result<()> {
        pieces.folder(folder)?;
        if let Some(secret) = new_key {
            let path = folder.join(key_file);
            pieces.folder(path.parent().unwrap_or(folder))?;
            pieces.file(&path, secret, 0o600)?;
        }
        let mut db = pieces.database(&folder.join(DATABASE_FILE))?;
        if let Some(description) = description {
            apply(&mut db, description, now)?;
        }
        let template = Config::template(key_file);
        // last: a folder with a configuration is a root
        pieces.file(&folder.join(CONFIG_FILE), template.as_bytes(), 0o644)?;
        let root = Root::open(folder)?;
        if let Some(distribution) = &self.distribution {
            for point in pressroom_sandbox::Point::ALL {
                pieces.folder(&root.hooks_folder(distribution).join(format!("{point}.d")))?;
            }
        }
        Ok(())
    }

    fn description(&self) -> anyhow::Result<Option<Description>> {
        let (Some(distribution), Some(series)) = (&self.distribution, &self.series) else { return Ok(None) };
        let components =
            if self.components.is_empty() { vec!["main".parse()?] } else { self.components.clone() };
        let architectures = if self.architectures.is_empty() {
            vec![this_architecture().parse()?]
        } else {
            self.architectures.clone()
        };
        let settings = SeriesSettings { components, architectures, ..SeriesSettings::default() };
        Ok(Some(Description {
            persons: Vec::new(),
            teams: Vec::new(),
            distributions: vec![DistributionDescription {
                name: distribution.clone(),
                display_name: None,
                settings: DistributionSettings::default(),
                archives: Vec::new(),
                series: vec![SeriesDescription { name: series.clone(), settings, package_sets: Vec::new() }],
            }],
        }))
    }

    fn text(&self, made: &Made) -> String {
        let root = made.root.display();
        let next = match (&self.distribution, &self.series) {
            (Some(_), Some(series)) => format!(
                "Next:\n  pressroom --root {root} import --suite {series} PATH…\n  pressroom --root {root} publish\n"
            ),
            _ => format!(
                "Next:\n  pressroom --root {root} distribution add NAME\n  pressroom --root {root} series add NAME --component main --architecture {}\n",
                this_architecture()
            ),
        };
        format!("Made the root {root}, which signs with the key {}.\n{next}", made.fingerprint)
    }
}

fn apply(db: &mut Db, description: &Description, now: Timestamp) -> anyhow::Result<()> {
    db.write(|tx| describe::apply(tx, description, now))
        .map_err(|error: StoreError| anyhow::Error::from(error))
}

/// What one call has made, in order: what was there before, or somebody else makes meanwhile, is not among it.
#[derive(Default)]
struct Pieces(Vec<Piece>);

enum Piece {
    Folder(PathBuf),
    File(PathBuf),
}

impl Pieces {
    /// Makes a folder, with those that it lies in.
    fn folder(&mut self, path: &Path) -> anyhow::Result<()> {
        let missing: Vec<&Path> = path.ancestors().take_while(|folder| !folder.exists()).collect();
        self.0.extend(missing.into_iter().rev().map(|folder| Piece::Folder(folder.to_owned())));
        Ok(disk::make_folder(path)?)
    }

    /// Writes a file that is not there.
    fn file(&mut self, path: &Path, content: &[u8], mode: u32) -> anyhow::Result<()> {
        if !disk::write_new(path, content, mode)? {
            return Err(exit::usage(format!(
                "somebody else makes a root in the same folder: {} is there by now",
                path.display()
            )));
        }
        self.0.push(Piece::File(path.to_owned()));
        Ok(())
    }

    /// Makes a database that is not there, with what lies beside it while it is open.
    fn database(&mut self, path: &Path) -> Result<Db, StoreError> {
        let made = Db::create(path);
        if !matches!(made, Err(StoreError::Exists { .. })) {
            for ending in ["", "-wal", "-shm", "-journal"] {
                let mut name = path.as_os_str().to_owned();
                name.push(ending);
                self.0.push(Piece::File(name.into()));
            }
        }
        made
    }

    /// Removes all of it, so that the folder is as it was and the same command can be given again. A folder with what others have put there stays.
    fn take_away(self) {
        for piece in self.0.into_iter().rev() {
            let (path, gone) = match piece {
                Piece::File(path) => {
                    let gone = disk::remove_file(&path).map_err(|error| error.source);
                    (path, gone)
                }
                Piece::Folder(path) => {
                    let gone = std::fs::remove_dir(&path);
                    (path, gone)
                }
            };
            match gone {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "what was made cannot be taken away again: remove it before you try once more");
                }
                Ok(()) | Err(_) => {}
            }
        }
    }
}

/// Debian's name for the architecture that this program was built for.
fn this_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "i386",
        "arm" => "armhf",
        "powerpc64" => "ppc64el",
        "loongarch64" => "loong64",
        other => other,
    }
}

fn refuse_used(folder: &Path) -> anyhow::Result<()> {
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot make a root in {}", folder.display())),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(exit::usage(format!(
                "{} is not empty: name a folder that is empty or not there yet",
                folder.display()
            ))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_taken_away_and_nothing_else() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("srv/apt");
        std::fs::create_dir(outside.path().join("srv")).unwrap();
        let mut pieces = Pieces::default();
        pieces.folder(&folder.join("keys")).unwrap();
        pieces.file(&folder.join("keys/key"), b"secret", 0o600).unwrap();
        drop(pieces.database(&folder.join(DATABASE_FILE)).unwrap());
        pieces.take_away();
        assert!(outside.path().join("srv").exists() && !folder.exists());
        // what is of others stays, and the folders that it lies in
        let mut pieces = Pieces::default();
        pieces.folder(&folder.join("keys")).unwrap();
        disk::write_staged(&folder.join("keys/theirs"), b"mine").unwrap();
        drop(Db::create(&folder.join(DATABASE_FILE)).unwrap());
        assert!(pieces.file(&folder.join("keys/theirs"), b"ours", 0o600).is_err());
        assert!(pieces.database(&folder.join(DATABASE_FILE)).is_err());
        pieces.take_away();
        assert_eq!(disk::read(&folder.join("keys/theirs")).unwrap(), b"mine");
        assert!(folder.join(DATABASE_FILE).exists());
    }
}
