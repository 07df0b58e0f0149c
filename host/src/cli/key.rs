//! `pressroom key`: the archive's own key, and the keys of people.

use std::io::Read;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::Context;
use jiff::Timestamp;
use pressroom_archive::domain::{ArchiveReference, PersonKind, PersonName};
use pressroom_archive::openpgp::{
    Certificate, CertificateSummary, MAX_CERTIFICATES_BYTES, Signer as _, Signers,
};
use pressroom_archive::people::keyring::{ImportError, take_in};
use pressroom_archive::store::archive::archive;
use pressroom_archive::store::openpgp_key::{OpenpgpKey, find_key, keys, remove_key, set_key_active};
use pressroom_archive::store::{Db, StoreError, person};
use serde::Serialize;

use super::output::{table, write_bytes};
use super::{End, Session, exit, signing_key};
use crate::root::Root;
use pressroom_archive::domain::plain::is_obeyed;

/// The key that signs the archives, and the keys of the people who upload.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a key that signs archives.
    Generate(signing_key::Generate),
    /// Take in a key that signs archives.
    Add(signing_key::Add),
    /// Put a key in the place of those that sign.
    Rotate(signing_key::Rotate),
    /// Forget a key that signs nothing any more, and remove its secret half.
    Forget(signing_key::Forget),
    /// Print the public keys that sign now, as apt's signed-by wants them.
    ///
    /// For example: pressroom key export > /etc/apt/keyrings/demo.asc
    Export {
        /// Those of this archive; without it, those of the archives without a key of their own.
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// Not armoured, for a file that ends in .gpg.
        #[arg(long)]
        binary: bool,
    },
    /// Print the fingerprint of the archives' key; of several the one that stays.
    Fingerprint {
        /// That of this archive; without it, that of the archives without a key of their own.
        #[arg(long)]
        archive: Option<ArchiveReference>,
    },
    /// Take in the public keys of a person, so that uploads signed by them are taken; again, when they were extended, revoked or got new parts.
    ///
    /// For example: gpg --export --armor ann@example.org > ann.asc; pressroom key import ann.asc --person ann
    Import {
        /// The file, armoured or not; - for standard input.
        file: PathBuf,
        /// Whose they are.
        #[arg(long)]
        person: PersonName,
    },
    /// List the keys that sign archives, and those of people.
    List {
        /// Only those of this person
        #[arg(long)]
        person: Option<PersonName>,
    },
    /// Take no signature of a person's key any more, from now on.
    #[command(visible_alias = "revoke")]
    Disable {
        /// The fingerprint of its primary key.
        fingerprint: String,
    },
    /// Take the signatures of a person's key that was disabled again.
    Enable {
        /// The fingerprint of its primary key.
        fingerprint: String,
    },
    /// Forget a person's key. Uploads that it has signed keep its fingerprint.
    Remove {
        /// The fingerprint of its primary key.
        fingerprint: String,
    },
}

#[derive(Serialize)]
struct Row {
    /// Whose it is; none: it is there to sign archives.
    person: Option<String>,
    /// What it signs: `all archives` (without a key of their own), or an archive; empty: nothing.
    signs: Option<String>,
    /// When it signs no longer, because another takes its place.
    signs_until: Option<Timestamp>,
    fingerprint: String,
    algorithm: String,
    /// `active`, or why its signatures are not taken now.
    state: String,
    expires: Option<Timestamp>,
    user_ids: Vec<String>,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        match self {
            Self::Generate(command) => command.run(session),
            Self::Add(command) => command.run(session),
            Self::Rotate(command) => command.run(session),
            Self::Forget(command) => command.run(session),
            Self::Export { archive, binary } => {
                let key = signers(session, archive.as_ref())?.public_key()?;
                write_bytes(if *binary { &key.binary } else { &key.armored })?;
                Ok(End::Success)
            }
            Self::Fingerprint { archive } => {
                let signers = signers(session, archive.as_ref())?;
                session.output.show(&signers.fingerprint(), || format!("{}\n", signers.fingerprint()))?;
                Ok(End::Success)
            }
            Self::Import { file, person } => import(session, file, person),
            Self::List { person: Some(person) } => list(session, &session.root()?.db()?, Some(person), &[]),
            Self::List { person: None } => {
                let root = session.root()?;
                list_all(session, &root, &root.db()?)
            }
            Self::Disable { fingerprint } => {
                change(session, fingerprint, |tx, key| set_key_active(tx, key.id, false))
            }
            Self::Enable { fingerprint } => {
                change(session, fingerprint, |tx, key| set_key_active(tx, key.id, true))
            }
            Self::Remove { fingerprint } => change(session, fingerprint, |tx, key| remove_key(tx, key.id)),
        }
    }
}

/// Who signs an archive, or those without a key of their own.
fn signers(session: &Session, reference: Option<&ArchiveReference>) -> anyhow::Result<Rc<Signers>> {
    let root = session.root()?;
    let (db, keys) = (root.db()?, root.signing_keys(session.clock.began()));
    match reference {
        None => keys.of_root(db.read()),
        Some(reference) => keys.of(db.read(), &archive(db.read(), reference)?),
    }
}

fn import(session: &Session, file: &std::path::Path, name: &PersonName) -> anyhow::Result<End> {
    let mut db = session.root()?.db()?;
    let whose = person::person(db.read(), name)?;
    if whose.kind == PersonKind::Team {
        return Err(exit::usage(format!(
            "{name} is a team: a person signs, name one of its members with --person"
        )));
    }
    let now = session.clock.now();
    let limit = u64::try_from(MAX_CERTIFICATES_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let cannot = || format!("cannot read {}", file.display());
    if file.as_os_str() == "-" {
        std::io::stdin().take(limit + 1).read_to_end(&mut bytes).with_context(cannot)?;
    } else {
        std::fs::File::open(file)
            .and_then(|open| open.take(limit + 1).read_to_end(&mut bytes))
            .with_context(cannot)?;
    }
    if bytes.starts_with(b"-----BEGIN PGP PRIVATE KEY BLOCK-----") {
        return Err(exit::usage(format!(
            "{} holds a secret key, which belongs nowhere but to {name}: take the public one, from `gpg --export --armor`",
            file.display()
        )));
    }
    let no_certificates = || format!("{} is not taken in", file.display());
    let certificates = Certificate::read_all(&bytes).with_context(no_certificates)?;
    db.write(|tx| {
        for certificate in &certificates {
            take_in(tx, whose.id, certificate, now)?;
        }
        Ok::<_, ImportError>(())
    })
    .with_context(no_certificates)?;
    let fingerprints: Vec<String> = certificates.iter().map(Certificate::fingerprint).collect();
    for certificate in &certificates {
        // it is taken in all the same: who signs with it is then told what is wrong with it, not that nobody knows it
        if let Err(objection) = certificate.usable(now) {
            tracing::warn!("the key {} signs nothing that is taken: {objection}", certificate.fingerprint());
        }
    }
    list(session, &db, None, &fingerprints)
}

/// Changes the key of a fingerprint, which people write with blanks and in small letters.
fn change(
    session: &Session,
    fingerprint: &str,
    work: impl FnOnce(&pressroom_archive::store::Transaction<'_>, &OpenpgpKey) -> Result<(), StoreError>,
) -> anyhow::Result<End> {
    let mut db = session.root()?.db()?;
    let plain: String = fingerprint.chars().filter(|character| !character.is_whitespace()).collect();
    let plain = plain.strip_prefix("0x").unwrap_or(&plain).to_ascii_uppercase();
    let key = match find_key(db.read(), &plain)? {
        Some(key) => key,
        None => {
            let known = keys(db.read())?.into_iter().take(20);
            return Err(StoreError::Unknown {
                what: "key of a person with the fingerprint",
                name: plain.chars().filter(|character| !is_obeyed(*character)).take(80).collect(),
                known: known.map(|key| format!("{} of {}", key.fingerprint, key.person_name)).collect(),
            }
            .into());
        }
    };
    db.write(|tx| work(tx, &key))?;
    list(session, &db, Some(&key.person_name), &[])
}

fn row(key: OpenpgpKey, now: Timestamp) -> Row {
    let certificate = Certificate::read_all(&key.certificate).ok().and_then(|mut all| all.pop());
    let (summary, user_ids, usable) = match &certificate {
        Some(one) => {
            (one.summary(), one.user_ids(), one.usable(now).map_err(|objection| objection.to_string()))
        }
        None => (CertificateSummary::default(), Vec::new(), Ok(())),
    };
    let state = match (key.active, &certificate, summary.revoked, usable) {
        (_, None, _, _) => "damaged".to_owned(),
        (_, Some(_), Some(_), _) => "revoked".to_owned(),
        (false, Some(_), None, _) => "disabled".to_owned(),
        (true, Some(_), None, Ok(())) => "active".to_owned(),
        (true, Some(_), None, Err(reason)) => match summary.expires {
            Some(expired) if expired <= now => "expired".to_owned(),
            _ => reason,
        },
    };
    Row {
        person: Some(key.person_name.to_string()),
        signs: None,
        signs_until: None,
        fingerprint: key.fingerprint,
        algorithm: summary.algorithm,
        state,
        expires: summary.expires,
        user_ids,
    }
}

fn list(session: &Session, db: &Db, whose: Option<&PersonName>, only: &[String]) -> anyhow::Result<End> {
    let whose = match whose {
        Some(name) => Some(person::person(db.read(), name)?.id),
        None => None,
    };
    let now = session.clock.now();
    let rows: Vec<Row> = keys(db.read())?
        .into_iter()
        .filter(|key| whose.is_none_or(|whose| key.person == whose))
        .filter(|key| only.is_empty() || only.contains(&key.fingerprint))
        .map(|key| row(key, now))
        .collect();
    show(session, &rows)
}

/// The keys that sign archives, then those of people.
pub(super) fn list_all(session: &Session, root: &Root, db: &Db) -> anyhow::Result<End> {
    let now = session.clock.began();
    let of_archives = signing_key::listed(root, db.read(), now)?.into_iter().map(|key| Row {
        person: None,
        signs: Some(key.signs),
        signs_until: key.ends,
        fingerprint: key.fingerprint,
        algorithm: key.algorithm,
        state: key.state,
        expires: key.expires,
        user_ids: key.user_ids,
    });
    let rows: Vec<Row> =
        of_archives.chain(keys(db.read())?.into_iter().map(|key| row(key, session.clock.now()))).collect();
    show(session, &rows)
}

fn show(session: &Session, rows: &[Row]) -> anyhow::Result<End> {
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    match (&row.person, row.signs.as_deref()) {
                        (Some(person), _) => person.clone(),
                        (None, Some("") | None) => "(nothing)".to_owned(),
                        (None, Some(signs)) => format!("({signs})"),
                    },
                    row.fingerprint.clone(),
                    row.algorithm.clone(),
                    row.state.clone(),
                    row.expires.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default(),
                    row.user_ids.first().cloned().unwrap_or_default(),
                ]
            })
            .collect();
        table(&["PERSON OR ARCHIVE", "KEY", "ALGORITHM", "STATE", "EXPIRES", "USER ID"], &cells)
    })?;
    Ok(End::Success)
}
