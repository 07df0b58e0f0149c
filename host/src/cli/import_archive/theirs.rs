//! The other repository: where it is, whose signature counts, and which of its suites are meant.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use pressroom_archive::disk;
use pressroom_archive::domain::{NameError, Pocket, SeriesName, SuiteName, chain};
use pressroom_archive::openpgp::{Certificate, MAX_CERTIFICATES_BYTES};
use pressroom_archive::store::{Db, openpgp_key};
use pressroom_archive::upload::takeover::found::find;
use pressroom_archive::upload::takeover::index::Selection;
use pressroom_archive::upload::takeover::release::{TheirRelease, Trust, read_release};
use pressroom_archive::upload::takeover::{Folder, Repository};

use super::ImportArchive;
use crate::cli::{Session, exit};
use crate::http::WebRepository;
use crate::root::Root;

/// A suite of the other repository, and the one of ours that takes it.
pub(super) struct Pair {
    pub(super) theirs: TheirRelease,
    /// As the other repository calls it.
    pub(super) name: String,
    pub(super) ours: SuiteName,
}

/// The other repository.
pub(super) struct Theirs {
    pub(super) repository: Box<dyn Repository>,
    /// Where it is, for people.
    pub(super) shown: String,
    /// What has made it, where that can be seen.
    pub(super) found: Option<&'static str>,
    suites: Vec<String>,
    aliases: Vec<(String, String)>,
}

impl ImportArchive {
    /// Whose signature counts.
    pub(super) fn trust(
        &self,
        session: &Session,
        root: &Root,
        db: &Db,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Trust> {
        if self.allow_unsigned {
            return Ok(Trust::Anybody);
        }
        let mut signers = Vec::new();
        for file in &self.keyrings {
            let length =
                std::fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?.len();
            if length > MAX_CERTIFICATES_BYTES as u64 {
                return Err(exit::configuration(format!("{} is too large for a keyring", file.display())));
            }
            let (usable, unusable) = Certificate::read_usable(&disk::read(file)?)
                .map_err(|error| exit::configuration(format!("{}: {error}", file.display())))?;
            signers.extend(usable);
            notes.extend(unusable.iter().map(|error| format!("{}: {}", file.display(), chain(error))));
        }
        for key in &self.keys {
            let fingerprint = key.to_string();
            let of_person = openpgp_key::find_key(db.read(), &fingerprint)?.map(|key| key.certificate);
            let bytes = match of_person {
                Some(certificate) => certificate,
                None => {
                    let keys = root.signing_keys(session.clock.began());
                    let own = keys.public_key(db.read(), &fingerprint).map(|key| key.binary);
                    own.ok_or_else(|| {
                        exit::usage(format!(
                            "no key {fingerprint} is known here: name the file that has it with --keyring, or see `pressroom key list`"
                        ))
                    })?
                }
            };
            signers.extend(Certificate::read_all(&bytes)?);
        }
        if signers.is_empty() {
            return Err(exit::usage(
                "whose repository is it? Name the key of who signs it with --keyring FILE or --key FINGERPRINT; --allow-unsigned takes it as it is",
            ));
        }
        Ok(Trust::Signers(signers))
    }

    /// The other repository, wherever it is.
    pub(super) fn theirs(&self) -> anyhow::Result<Theirs> {
        let path = match self.from.split_once("://") {
            None => Path::new(&self.from).to_owned(),
            Some(("file", path)) => {
                let url =
                    url::Url::parse(&self.from).map_err(|error| exit::usage(format!("{path}: {error}")))?;
                url.to_file_path().map_err(|()| {
                    exit::usage("a file URL has the whole path of a folder of this machine, as file:///srv/repository")
                })?
            }
            Some(_) => {
                let repository =
                    WebRepository::new(&self.from).map_err(|error| exit::usage(error.to_string()))?;
                if self.suites.is_empty() {
                    return Err(exit::usage(
                        "which suite? A web server does not say which there are: name one with --suite, as in dists/SUITE/InRelease",
                    ));
                }
                return Ok(Theirs {
                    shown: repository.url().to_string(),
                    repository: Box::new(repository),
                    found: None,
                    suites: self.suites.clone(),
                    aliases: Vec::new(),
                });
            }
        };
        let found = find(&path).map_err(|error| exit::usage(error.to_string()))?;
        let suites = if self.suites.is_empty() { found.suites } else { self.suites.clone() };
        Ok(Theirs {
            shown: found.root.display().to_string(),
            repository: Box::new(Folder::new(found.root)),
            found: Some(found.kind.as_str()),
            suites,
            aliases: found.aliases,
        })
    }

    /// The suites that are meant, verified, with those of ours that take them.
    pub(super) fn pairs(
        &self,
        session: &Session,
        theirs: &Theirs,
        trust: &Trust,
        selection: &Selection<'_>,
    ) -> anyhow::Result<Vec<Pair>> {
        if self.into.is_some() && theirs.suites.len() != 1 {
            return Err(exit::usage(format!(
                "--into names one suite of ours, and there are {} of theirs: name the one that is meant with --suite",
                theirs.suites.len()
            )));
        }
        let mut pairs = Vec::new();
        for name in &theirs.suites {
            let ours = match &self.into {
                Some(suite) => suite.clone(),
                None => name.parse().map_err(|error: NameError| {
                    exit::usage(format!("{error}: no suite of ours can be called so, name the one that takes it with --suite and --into"))
                })?,
            };
            let now = session.clock.now();
            let release = read_release(&*theirs.repository, name, trust, self.allow_expired, now)?;
            let missing = selection.missing(&release);
            if !missing.is_empty() {
                let has = |words: Vec<String>| words.join(", ");
                return Err(exit::usage(format!(
                    "{name} does not have {}: it has the components {} and the architectures {}",
                    missing.join(" and "),
                    has(release.components.iter().map(|one| one.name.to_string()).collect()),
                    has(release.architectures.iter().map(ToString::to_string).collect())
                )));
            }
            pairs.push(Pair { theirs: release, name: name.clone(), ours });
        }
        // a series is made from its release pocket, where that is there
        pairs.sort_by_key(|pair| pair.ours.pocket() != Pocket::Release);
        Ok(pairs)
    }
}

/// What was named; none: all of it.
pub(super) fn some<T: Ord + Clone>(all: &[T]) -> Option<BTreeSet<T>> {
    (!all.is_empty()).then(|| all.iter().cloned().collect())
}

/// Links in a folder are other names of series: they are not taken, and said.
pub(super) fn say_aliases(theirs: &Theirs, pairs: &[Pair], notes: &mut Vec<String>) {
    for (alias, target) in theirs.aliases.iter().filter(|(alias, _)| alias.parse::<SeriesName>().is_ok()) {
        if let Some(pair) =
            pairs.iter().find(|pair| pair.name == *target && pair.ours.pocket() == Pocket::Release)
        {
            notes.push(format!(
                "{target} is also called {alias} there: `pressroom series set {} --alias {alias}` gives it that name here",
                pair.ours.series()
            ));
        }
    }
}
