//! `pressroom init`: a new root.

use std::path::{Path, PathBuf};

use anyhow::Context;
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
        disk::make_folder(&folder)?;
        if let Some(secret) = &new_key {
            disk::write_atomic(&folder.join(&key_file), secret, 0o600)?;
        }
        let mut db = Db::create(&folder.join(DATABASE_FILE))?;
        if let Some(description) = self.description()? {
            db.write(|tx| describe::apply(tx, &description, now))
                .map_err(|error: StoreError| anyhow::Error::from(error))?;
        }
        // last: a folder with a configuration is a root
        disk::write_atomic(&folder.join(CONFIG_FILE), Config::template(&key_file).as_bytes(), 0o644)?;
        let root = Root::open(&folder)?;
        if let Some(distribution) = &self.distribution {
            for point in pressroom_sandbox::Point::ALL {
                disk::make_folder(&root.hooks_folder(distribution).join(format!("{point}.d")))?;
            }
        }
        let distribution = self.distribution.as_ref().map(ToString::to_string);
        let made = Made { root: folder.clone(), fingerprint, distribution };
        session.output.show(&made, || self.text(&made))?;
        Ok(End::Success)
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
