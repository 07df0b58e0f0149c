//! `pressroom key`: the archive's own key, and the keys of people.

use std::io::Read;
use std::path::PathBuf;

use anyhow::Context;
use jiff::Timestamp;
use pressroom_archive::domain::{PersonKind, PersonName};
use pressroom_archive::people::keyring::{ImportError, take_in};
use pressroom_archive::release::sign::{
    Certificate, CertificateSummary, MAX_CERTIFICATES_BYTES, Signer as _,
};
use pressroom_archive::store::openpgp_key::{OpenpgpKey, find_key, keys, remove_key, set_key_active};
use pressroom_archive::store::{Db, StoreError, person};
use serde::Serialize;

use super::output::{table, write_bytes};
use super::{End, Session, exit};

/// The key that signs the archives, and the keys of the people who upload.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the public key of the archives, as apt's signed-by wants it.
    ///
    /// For example: pressroom key export > /etc/apt/keyrings/demo.asc
    Export {
        /// Not armoured, for a file that ends in .gpg.
        #[arg(long)]
        binary: bool,
    },
    /// Print the fingerprint of the archives' key.
    Fingerprint,
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
    /// List the keys of people.
    List {
        /// Only those of this person.
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
    person: String,
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
            Self::Export { binary } => {
                let (root, now) = (session.root()?, session.clock.began());
                let key = root.signing_keys(now).of_root(root.db()?.read())?.public_key()?;
                write_bytes(if *binary { &key.binary } else { &key.armored })?;
                Ok(End::Success)
            }
            Self::Fingerprint => {
                let (root, now) = (session.root()?, session.clock.began());
                let signer = root.signing_keys(now).of_root(root.db()?.read())?;
                session.output.show(&signer.fingerprint(), || format!("{}\n", signer.fingerprint()))?;
                Ok(End::Success)
            }
            Self::Import { file, person } => import(session, file, person),
            Self::List { person } => list(session, &session.root()?.db()?, person.as_ref(), &[]),
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
                name: plain.chars().filter(|character| !character.is_control()).take(80).collect(),
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
        person: key.person_name.to_string(),
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
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.person.clone(),
                    row.fingerprint.clone(),
                    row.algorithm.clone(),
                    row.state.clone(),
                    row.expires.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default(),
                    row.user_ids.first().cloned().unwrap_or_default(),
                ]
            })
            .collect();
        table(&["PERSON", "KEY", "ALGORITHM", "STATE", "EXPIRES", "USER ID"], &cells)
    })?;
    Ok(End::Success)
}
