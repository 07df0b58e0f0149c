//! `pressroom team`.

use pressroom_archive::domain::{PersonKind, PersonName};
use pressroom_archive::store::person::{
    self, Person, PersonChange, emails_of, join_team, leave_team, members_of, teams_of,
};
use pressroom_archive::store::{Connection, Db, StoreError};
use serde::Serialize;

use super::output::{BOLD, DIM, painted, table};
use super::people::{add, addresses, all_of, leave, names, of_kind, set};
use super::{End, Session};

const KIND: PersonKind = PersonKind::Team;

/// Teams of persons and teams: what a team may, its members may.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a team.
    ///
    /// For example: pressroom team add core --email core@lists.example.org --member ann --member ben
    Add {
        name: PersonName,
        #[command(flatten)]
        settings: Settings,
        /// A person or team in it; again for more.
        #[arg(long = "member", value_name = "PERSON")]
        members: Vec<PersonName>,
    },
    /// Change a team.
    Set {
        name: PersonName,
        /// Whether being in it is worth anything.
        #[arg(long, value_name = "true|false")]
        active: Option<bool>,
        #[command(flatten)]
        settings: Settings,
    },
    /// List the teams.
    List {
        /// Also those that are not active any more.
        #[arg(long)]
        all: bool,
    },
    /// Show a team and its members.
    Show { name: PersonName },
    /// Take persons or teams into a team.
    Join {
        team: PersonName,
        #[arg(required = true, value_name = "PERSON")]
        members: Vec<PersonName>,
    },
    /// Take persons or teams out of a team.
    Leave {
        team: PersonName,
        #[arg(required = true, value_name = "PERSON")]
        members: Vec<PersonName>,
    },
    /// Let being in a team be worth nothing any more. It is remembered; `team set NAME --active true` takes it back.
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
}

impl Settings {
    fn change(&self, active: Option<bool>) -> Result<PersonChange, StoreError> {
        Ok(PersonChange {
            display_name: self.display_name.clone(),
            active,
            emails: addresses(&self.emails)?,
            ..PersonChange::default()
        })
    }
}

#[derive(Serialize)]
struct Row {
    name: String,
    display_name: String,
    emails: Vec<String>,
    active: bool,
    members: Vec<String>,
    teams: Vec<String>,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let mut db = session.root()?.db()?;
        let now = session.clock.now();
        let name = match self {
            Self::List { all } => return list(session, &db, *all),
            Self::Show { name } => name,
            Self::Add { name, settings, members } => {
                db.write(|tx| {
                    let team = add(tx, name, KIND, &settings.change(None)?, now)?;
                    for member in members {
                        join_team(tx, &team, &person::person(tx, member)?, now)?;
                    }
                    Ok::<_, StoreError>(())
                })?;
                name
            }
            Self::Set { name, active, settings } => {
                set(&mut db, name, KIND, &settings.change(*active)?)?;
                name
            }
            Self::Join { team, members } => {
                db.write(|tx| {
                    let row = of_kind(tx, team, KIND)?;
                    for member in members {
                        join_team(tx, &row, &person::person(tx, member)?, now)?;
                    }
                    Ok::<_, anyhow::Error>(())
                })?;
                team
            }
            Self::Leave { team, members } => {
                db.write(|tx| {
                    let row = of_kind(tx, team, KIND)?;
                    for member in members {
                        if !leave_team(tx, row.id, person::person(tx, member)?.id)? {
                            return Err(anyhow::Error::from(StoreError::Refused(format!(
                                "{member} is not in {team}: nothing was changed (`pressroom team show {team}` lists its members)"
                            ))));
                        }
                    }
                    Ok(())
                })?;
                team
            }
            Self::Remove { name } => {
                leave(&mut db, name, KIND)?;
                name
            }
        };
        show(session, &db, name)
    }
}

fn row(db: &Connection, team: Person) -> Result<Row, StoreError> {
    Ok(Row {
        emails: emails_of(db, team.id)?,
        members: names(members_of(db, team.id)?),
        teams: names(teams_of(db, team.id)?),
        name: team.name.to_string(),
        display_name: team.display_name,
        active: team.active,
    })
}

fn state(row: &Row) -> &'static str {
    if row.active { "" } else { ", not active" }
}

fn show(session: &Session, db: &Db, name: &PersonName) -> anyhow::Result<End> {
    let shown = row(db.read(), of_kind(db.read(), name, KIND)?)?;
    session.output.show(&shown, || {
        let mut text = format!("{} {}{}\n", painted(BOLD, &shown.name), shown.display_name, state(&shown));
        for (what, value) in
            [("mail", &shown.emails), ("members", &shown.members), ("in teams", &shown.teams)]
        {
            if !value.is_empty() {
                text.push_str(&format!("  {} {}\n", painted(DIM, format!("{what}:")), value.join(", ")));
            }
        }
        text
    })?;
    Ok(End::Success)
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
                    row.members.join(" "),
                ]
            })
            .collect();
        table(&["TEAM", "NAME", "MAIL", "MEMBERS"], &cells)
    })?;
    Ok(End::Success)
}
