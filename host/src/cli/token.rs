//! `pressroom token`: who may read private archives.

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::domain::{ArchiveReference, PersonKind, PersonName};
use pressroom_archive::people::{Actor, Denied, Ground, MachineName, new_token, rights};
use pressroom_archive::store::archive::{Archive, archive};
use pressroom_archive::store::archive_auth_token::{NewAuthToken, add_token, revoke_token, tokens};
use pressroom_archive::store::{Db, StoreError, Transaction, person};
use serde::Serialize;

use super::output::table;
use super::who::As;
use super::{End, Session, exit};

/// Who may read a private archive: persons and machines, each with a secret for the web server.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Let somebody read a private archive. The secret is printed once and kept nowhere.
    ///
    /// For example: pressroom token add --archive ~ann/demo/tools --person ben
    Add {
        #[command(flatten)]
        whose: Whose,
        /// Take back the token that there is.
        #[arg(long)]
        replace: bool,
        /// It is worth nothing after so long; without it, it is worth something until it is taken back.
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
        valid_for_seconds: Option<u32>,
        #[command(flatten)]
        by: As,
    },
    /// List who may read a private archive.
    List {
        #[arg(long, value_name = "ARCHIVE")]
        archive: ArchiveReference,
        /// Also those that were taken back or have expired.
        #[arg(long)]
        all: bool,
    },
    /// Let somebody read a private archive no longer.
    Revoke {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        by: As,
    },
}

/// Of which archive, for whom.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(super) struct Whose {
    #[arg(long, value_name = "ARCHIVE")]
    archive: ArchiveReference,
    /// A person.
    #[arg(long, required_unless_present = "machine", conflicts_with = "machine")]
    person: Option<PersonName>,
    /// Something that is no person, as a builder: any name.
    #[arg(long, value_name = "NAME")]
    machine: Option<MachineName>,
}

#[derive(Serialize)]
struct Given {
    archive: String,
    user: String,
    secret: String,
}

#[derive(Serialize)]
struct Row {
    user: String,
    /// `active`, `expired`, `revoked`, or `inactive` where the person is.
    state: &'static str,
    created: Timestamp,
    created_by: String,
    expires: Option<Timestamp>,
    revoked: Option<Timestamp>,
    revoked_by: Option<String>,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        match self {
            Self::Add { whose, replace, valid_for_seconds, by } => {
                let archive = private(&db, &whose.archive)?;
                let actor = by.actor(&root, &db)?;
                let now = session.clock.now();
                let (person, user) = whose.user(&db)?;
                let expires = valid_for_seconds
                    .map(|seconds| now.saturating_add(SignedDuration::from_secs(seconds.into())))
                    .transpose()?;
                let token = new_token()?;
                let new = NewAuthToken {
                    archive: archive.id,
                    person,
                    user_name: &user,
                    hash: &token.hash,
                    by: actor.name(),
                    expires,
                };
                db.write(|tx| {
                    may_decide(tx, &archive, &actor)?;
                    let has_one = |error: &StoreError| matches!(error, StoreError::Exists { .. });
                    match add_token(tx, &new, now) {
                        Err(error) if has_one(&error) && *replace => {
                            revoke_token(tx, (archive.id, &archive.reference), &user, actor.name(), now)?;
                            add_token(tx, &new, now)
                        }
                        Err(error) if has_one(&error) => Err(StoreError::Refused(format!(
                            "{user} may read {} already: --replace gives another secret in place of that one",
                            archive.reference
                        ))),
                        other => other,
                    }?;
                    Ok::<_, anyhow::Error>(())
                })?;
                root.write_readers(db.read(), &archive, now)?;
                let given = Given { archive: archive.reference.to_string(), user, secret: token.secret };
                session.output.show(&given, || text(&given))?;
                Ok(End::Success)
            }
            Self::List { archive, all } => list(session, &db, &private(&db, archive)?, *all),
            Self::Revoke { whose, by } => {
                let archive = private(&db, &whose.archive)?;
                let actor = by.actor(&root, &db)?;
                let (now, (_, user)) = (session.clock.now(), whose.user(&db)?);
                db.write(|tx| {
                    may_decide(tx, &archive, &actor)?;
                    revoke_token(tx, (archive.id, &archive.reference), &user, actor.name(), now)?;
                    Ok::<_, anyhow::Error>(())
                })?;
                root.write_readers(db.read(), &archive, now)?;
                list(session, &db, &archive, false)
            }
        }
    }
}

impl Whose {
    /// The person, and how the user is called.
    fn user(&self, db: &Db) -> anyhow::Result<(Option<pressroom_archive::domain::PersonId>, String)> {
        if let Some(machine) = &self.machine {
            return Ok((None, machine.to_string()));
        }
        let Some(name) = &self.person else {
            return Err(exit::usage("name who is to read it, with --person or --machine"));
        };
        let found = person::person(db.read(), name)?;
        if found.kind == PersonKind::Team {
            return Err(exit::usage(format!(
                "{name} is a team: give each member a token of its own, so that one can be taken back alone"
            )));
        }
        Ok((Some(found.id), found.name.to_string()))
    }
}

/// The archive, if it is one that not everybody may read.
fn private(db: &Db, reference: &ArchiveReference) -> anyhow::Result<Archive> {
    let archive = archive(db.read(), reference)?;
    if !archive.private {
        return Err(exit::usage(format!(
            "{reference} is open to everybody: tokens are for archives that were made with `pressroom archive add {reference} --private true`"
        )));
    }
    Ok(archive)
}

/// Refuses whoever does not decide who reads the archive: who owns it does, or an admin.
fn may_decide(tx: &Transaction<'_>, archive: &Archive, actor: &Actor) -> anyhow::Result<()> {
    match rights(tx, archive, actor)?.ground_over_all() {
        Some(Ground::Everything | Ground::Owner(_)) => Ok(()),
        Some(_) | None => Err(Denied {
            what: format!("{} does not decide who reads {}", actor.name(), archive.reference),
            remedy: "who owns the archive does, or an admin".to_owned(),
        }
        .into()),
    }
}

fn text(given: &Given) -> String {
    let Given { archive, user, secret } = given;
    format!(
        "{user} may read {archive}. This is the only time that the secret is shown; in a file of mode 600 in /etc/apt/auth.conf.d:\n\
         machine https://HOST/PATH login {user} password {secret}\n"
    )
}

fn list(session: &Session, db: &Db, archive: &Archive, all: bool) -> anyhow::Result<End> {
    let now = session.clock.now();
    let mut rows = Vec::new();
    for token in tokens(db.read(), archive.id)? {
        let is_active = match token.person {
            Some(id) => person::person_by_id(db.read(), id)?.active,
            None => true,
        };
        let state = match (token.date_revoked, token.date_expires) {
            (_, Some(expired)) if expired <= now => "expired",
            (Some(_), _) => "revoked",
            (None, _) if !is_active => "inactive",
            (None, _) => "active",
        };
        if all || ["active", "inactive"].contains(&state) {
            rows.push(Row {
                user: token.user_name,
                state,
                created: token.date_created,
                created_by: token.created_by,
                expires: token.date_expires,
                revoked: token.date_revoked,
                revoked_by: token.revoked_by,
            });
        }
    }
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.user.clone(),
                    row.state.to_owned(),
                    row.created.to_string(),
                    row.created_by.clone(),
                    row.expires.map(|date| date.to_string()).unwrap_or_default(),
                ]
            })
            .collect();
        table(&["USER", "STATE", "GIVEN", "BY", "EXPIRES"], &cells)
    })?;
    Ok(End::Success)
}
