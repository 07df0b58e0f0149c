//! `pressroom person`.

use pressroom_archive::domain::{PersonId, PersonKind, PersonName};
use pressroom_archive::store::person::{Person, PersonChange, emails_of, teams_of};
use pressroom_archive::store::{Connection, Db, StoreError, openpgp_key};
use serde::Serialize;

use super::output::{BOLD, DIM, painted, table};
use super::people::{add, addresses, all_of, leave, names, of_kind, set};
use super::{End, Session};

const KIND: PersonKind = PersonKind::Person;

const EXAMPLES: &str = "\
Examples:
  pressroom person add ann --display-name 'Ann Uploader' --email ann@example.org --unix-user ann
  pressroom key import ann.asc --person ann
  pressroom permission grant ann UPLOAD --component main

A root without persons belongs to whoever can write to it. As soon as there is one, what is decided about packages is decided by a person: the
one that --as names, or [people] as of pressroom.toml, or whose Unix user runs the command.";

/// The people who upload and decide.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum Command {
    /// Add a person.
    Add {
        name: PersonName,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change a person.
    Set {
        name: PersonName,
        /// Whether the person may do anything.
        #[arg(long, value_name = "true|false")]
        active: Option<bool>,
        #[command(flatten)]
        settings: Settings,
    },
    /// List the persons.
    List {
        /// Also those who are not active any more.
        #[arg(long)]
        all: bool,
    },
    /// Show a person: mail addresses, teams, keys.
    Show { name: PersonName },
    /// Let a person do nothing any more: no signature of theirs is taken, no right counts. They are remembered, because uploads and logs name them; `person
    /// set NAME --active true` takes them back.
    Remove { name: PersonName },
}

#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// As people write the name; without it, the short one.
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// A mail address; again for more, the first one gets mail. All that there were are replaced; empty for none.
    #[arg(long = "email", value_name = "ADDRESS")]
    emails: Vec<String>,
    /// The Unix user whose commands without --as are this person's; empty for none.
    #[arg(long, value_name = "USER")]
    unix_user: Option<String>,
    /// Whether the person may do everything in every archive.
    #[arg(long, value_name = "true|false", num_args = 0..=1, default_missing_value = "true")]
    admin: Option<bool>,
}

impl Settings {
    fn change(&self, active: Option<bool>) -> Result<PersonChange, StoreError> {
        Ok(PersonChange {
            display_name: self.display_name.clone(),
            unix_user: self.unix_user.clone().map(|user| Some(user).filter(|user| !user.is_empty())),
            is_admin: self.admin,
            active,
            emails: addresses(&self.emails)?,
        })
    }
}

/// What is shown of a person in a list.
#[derive(Serialize)]
struct Row {
    name: String,
    display_name: String,
    emails: Vec<String>,
    unix_user: Option<String>,
    admin: bool,
    active: bool,
    teams: Vec<String>,
}

#[derive(Serialize)]
struct Detail {
    #[serde(flatten)]
    row: Row,
    /// The fingerprints of keys, with whether their signatures are taken.
    keys: Vec<ShownKey>,
}

#[derive(Serialize)]
struct ShownKey {
    fingerprint: String,
    active: bool,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let now = session.clock.now();
        let name = match self {
            Self::List { all } => return list(session, &db, *all),
            Self::Show { name } => name,
            Self::Add { name, settings } => {
                db.write(|tx| add(tx, name, KIND, &settings.change(None)?, now))?;
                name
            }
            Self::Set { name, active, settings } => {
                set(&mut db, name, KIND, &settings.change(*active)?)?;
                root.write_all_readers(db.read(), now)?;
                name
            }
            Self::Remove { name } => {
                leave(&mut db, name, KIND)?;
                root.write_all_readers(db.read(), now)?;
                name
            }
        };
        show(session, &db, name)
    }
}

/// A person as it is shown.
fn row(db: &Connection, person: Person) -> Result<Row, StoreError> {
    Ok(Row {
        emails: emails_of(db, person.id)?,
        teams: names(teams_of(db, person.id)?),
        name: person.name.to_string(),
        display_name: person.display_name,
        unix_user: person.unix_user,
        admin: person.is_admin,
        active: person.active,
    })
}

fn keys_of(db: &Connection, id: PersonId) -> Result<Vec<ShownKey>, StoreError> {
    let all = openpgp_key::keys(db)?.into_iter().filter(|key| key.person == id);
    Ok(all.map(|key| ShownKey { fingerprint: key.fingerprint, active: key.active }).collect())
}

fn show(session: &Session, db: &Db, name: &PersonName) -> anyhow::Result<End> {
    let person = of_kind(db.read(), name, KIND)?;
    let shown = Detail { keys: keys_of(db.read(), person.id)?, row: row(db.read(), person)? };
    session.output.show(&shown, || {
        let Detail { row, keys } = &shown;
        let mut text = format!("{} {}{}\n", painted(BOLD, &row.name), row.display_name, state(row));
        let mut line = |what: &str, value: String| {
            if !value.is_empty() {
                text.push_str(&format!("  {} {value}\n", painted(DIM, format!("{what}:"))));
            }
        };
        line("mail", row.emails.join(", "));
        line("Unix user", row.unix_user.clone().unwrap_or_default());
        line("teams", row.teams.join(", "));
        for key in keys {
            line("key", format!("{}{}", key.fingerprint, if key.active { "" } else { " (disabled)" }));
        }
        text
    })?;
    Ok(End::Success)
}

fn state(row: &Row) -> &'static str {
    match (row.active, row.admin) {
        (false, _) => ", not active",
        (true, true) => ", admin",
        (true, false) => "",
    }
}

fn list(session: &Session, db: &Db, all: bool) -> anyhow::Result<End> {
    let rows = all_of(db.read(), KIND, all, row)?;
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.name.clone(),
                    format!("{}{}", row.display_name, state(row)),
                    row.emails.join(" "),
                    row.unix_user.clone().unwrap_or_default(),
                    row.teams.join(" "),
                ]
            })
            .collect();
        table(&["PERSON", "NAME", "MAIL", "UNIX USER", "TEAMS"], &cells)
    })?;
    Ok(End::Success)
}
