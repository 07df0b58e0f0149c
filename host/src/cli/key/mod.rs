//! `pressroom key`: the keys that sign the archives, and the keys of people.

mod people;
mod signing;

use std::path::PathBuf;
use std::rc::Rc;

use jiff::Timestamp;
use pressroom_archive::domain::{ArchiveReference, PersonName};
use pressroom_archive::openpgp::{Signer as _, Signers};
use pressroom_archive::store::archive::archive;
use pressroom_archive::store::openpgp_key::{remove_key, set_key_active};
use serde::Serialize;

use super::output::{table, write_bytes};
use super::{End, Session};

/// The key that signs the archives, and the keys of the people who upload.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a key that signs archives.
    Generate(signing::Generate),
    /// Take in a key that signs archives.
    Add(signing::Add),
    /// Put a key in the place of those that sign.
    Rotate(signing::Rotate),
    /// Forget a key that signs nothing any more, and remove its secret half.
    Forget(signing::Forget),
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
    /// Empty where it is not known.
    fingerprint: String,
    /// Where the secret half of such a key should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
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
            Self::Rotate(command) => {
                command.run(session)?;
                show(session, &all(session)?)
            }
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
            Self::Import { file, person } => show(session, &people::import(session, file, person)?),
            Self::List { person: Some(person) } => {
                show(session, &people::rows(session, &session.root()?.db()?, Some(person))?)
            }
            Self::List { person: None } => show(session, &all(session)?),
            Self::Disable { fingerprint } => {
                let set = people::change(session, fingerprint, |tx, key| set_key_active(tx, key.id, false));
                show(session, &set?)
            }
            Self::Enable { fingerprint } => {
                let set = people::change(session, fingerprint, |tx, key| set_key_active(tx, key.id, true));
                show(session, &set?)
            }
            Self::Remove { fingerprint } => {
                show(session, &people::change(session, fingerprint, |tx, key| remove_key(tx, key.id))?)
            }
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

/// The keys that sign archives, then those of people.
fn all(session: &Session) -> anyhow::Result<Vec<Row>> {
    let root = session.root()?;
    let db = root.db()?;
    let of_archives = signing::listed(&root, db.read(), session.clock.began())?.into_iter().map(|key| Row {
        person: None,
        signs: Some(key.signs),
        signs_until: key.ends,
        fingerprint: key.fingerprint,
        place: key.place,
        algorithm: key.algorithm,
        state: key.state,
        expires: key.expires,
        user_ids: key.user_ids,
    });
    Ok(of_archives.chain(people::rows(session, &db, None)?).collect())
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
                    row.place.clone().unwrap_or_else(|| row.fingerprint.clone()),
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
