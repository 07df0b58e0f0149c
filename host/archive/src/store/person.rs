//! `person`, `email_address` and `team_membership`: who uploads and decides.
//!
//! A team has members, who are persons or other teams; what it may, they may. Nobody is ever deleted, because logs and uploads name them: who leaves
//! is no longer active.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{MailAddress, PersonId, PersonKind, PersonName, plain};

/// A person or team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its row.
    pub id: PersonId,
    /// As on the command line.
    pub name: PersonName,
    /// One, or several together.
    pub kind: PersonKind,
    /// As people write it: `Ann Uploader`.
    pub display_name: String,
    /// Who of the host this is.
    pub unix_user: Option<String>,
    /// Whether it may do everything.
    pub is_admin: bool,
    /// Whether it may do anything.
    pub active: bool,
}

const COLUMNS: &str = "person.id, person.name, person.kind, person.display_name, person.unix_user, person.is_admin, person.active FROM person";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person {
        id: row.get(0)?,
        name: row.get(1)?,
        kind: row.get(2)?,
        display_name: row.get(3)?,
        unix_user: row.get(4)?,
        is_admin: row.get(5)?,
        active: row.get(6)?,
    })
}

/// All persons and teams, by name.
///
/// # Errors
/// When the database fails.
pub fn persons(db: &Connection) -> Result<Vec<Person>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} ORDER BY person.name"))
        .and_then(|mut statement| statement.query_map([], from_row)?.collect())
        .during("list the persons")
}

/// Whether there is a person, active or not. A root without one belongs to whoever can write to it.
///
/// # Errors
/// When the database fails.
pub fn any_person(db: &Connection) -> Result<bool, StoreError> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM person WHERE kind = 'PERSON')")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .during("look for persons")
}

/// The person or team of a name, if there is one.
///
/// # Errors
/// When the database fails.
pub fn find_person(db: &Connection, name: &PersonName) -> Result<Option<Person>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE name = ?1"))
        .and_then(|mut statement| statement.query_row([name], from_row).optional())
        .during("find a person")
}

/// How many names an error lists.
const NAMES_SHOWN: usize = 20;

/// The person or team of a name.
///
/// # Errors
/// When there is none; it says which there are.
pub fn person(db: &Connection, name: &PersonName) -> Result<Person, StoreError> {
    match find_person(db, name)? {
        Some(person) => Ok(person),
        None => Err(StoreError::Unknown {
            what: "person or team",
            name: name.to_string(),
            known: persons(db)?.into_iter().take(NAMES_SHOWN).map(|person| person.name.to_string()).collect(),
        }),
    }
}

/// The person or team of a row.
///
/// # Errors
/// When the row is gone.
pub fn person_by_id(db: &Connection, id: PersonId) -> Result<Person, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE id = ?1"))
        .and_then(|mut statement| statement.query_row([id], from_row).optional())
        .during("find a person")?
        .ok_or_else(|| StoreError::Unknown {
            what: "person",
            name: format!("with row {id}"),
            known: Vec::new(),
        })
}

/// The person who is this user of the host.
///
/// # Errors
/// When the database fails.
pub fn person_of_user(db: &Connection, unix_user: &str) -> Result<Option<Person>, StoreError> {
    db.prepare_cached(&format!("SELECT {COLUMNS} WHERE unix_user = ?1"))
        .and_then(|mut statement| statement.query_row([unix_user], from_row).optional())
        .during("find a person")
}

/// Whose mail address this is; upper and lower case are the same.
///
/// # Errors
/// When the database fails.
pub fn person_of_email(db: &Connection, email: &str) -> Result<Option<Person>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} JOIN email_address ON email_address.person = person.id WHERE email = ?1"
    ))
    .and_then(|mut statement| statement.query_row([email], from_row).optional())
    .during("find a person")
}

/// Someone's mail addresses; the first one gets mail.
///
/// # Errors
/// When the database fails.
pub fn emails_of(db: &Connection, id: PersonId) -> Result<Vec<String>, StoreError> {
    db.prepare_cached("SELECT email FROM email_address WHERE person = ?1 ORDER BY ordering, email")
        .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect())
        .during("list mail addresses")
}

/// Someone to be added.
#[derive(Debug, Clone)]
pub struct NewPerson<'a> {
    /// As on the command line.
    pub name: &'a PersonName,
    /// One, or several together.
    pub kind: PersonKind,
    /// As people write it.
    pub display_name: &'a str,
}

/// Adds a person or team.
///
/// # Errors
/// When the name is taken.
pub fn create_person(
    tx: &Transaction<'_>,
    new: &NewPerson<'_>,
    now: Timestamp,
) -> Result<PersonId, StoreError> {
    if let Some(known) = find_person(tx, new.name)? {
        let what = match known.kind {
            PersonKind::Person => "person",
            PersonKind::Team => "team",
        };
        return Err(StoreError::Exists { what, name: new.name.to_string() });
    }
    let display_name = shown_text("name", new.display_name)?;
    tx.prepare_cached(
        "INSERT INTO person (name, kind, display_name, date_created) VALUES (?1, ?2, ?3, ?4) RETURNING id",
    )
    .and_then(|mut statement| {
        statement.query_row((new.name, new.kind, display_name, Date(now)), |row| row.get(0))
    })
    .during("add a person")
}

/// Which settings of somebody to change; those left out stay.
#[derive(Debug, Clone, Default)]
pub struct PersonChange {
    /// As people write it.
    pub display_name: Option<String>,
    /// Who of the host this is; `Some(None)`: nobody.
    pub unix_user: Option<Option<String>>,
    /// Whether it may do everything.
    pub is_admin: Option<bool>,
    /// Whether it may do anything.
    pub active: Option<bool>,
    /// All mail addresses, the one that gets mail first.
    pub emails: Option<Vec<MailAddress>>,
}

/// Changes a person or team.
///
/// # Errors
/// When an address or user is somebody else's, or is none; a team has no user and no admin's rights.
pub fn change_person(tx: &Transaction<'_>, person: &Person, change: &PersonChange) -> Result<(), StoreError> {
    let name = &person.name;
    if person.kind == PersonKind::Team
        && (change.unix_user.as_ref().is_some_and(Option::is_some) || change.is_admin == Some(true))
    {
        return Err(StoreError::Refused(format!(
            "{name} is a team, which is no user of the host and no admin: set that of its members"
        )));
    }
    let display_name = change.display_name.as_deref().map(|text| shown_text("name", text)).transpose()?;
    if let Some(Some(user)) = &change.unix_user {
        shown_text("user", user)?;
        if let Some(other) = person_of_user(tx, user)?.filter(|other| other.id != person.id) {
            return Err(StoreError::Refused(format!(
                "the user {user} is {} already: `pressroom person set {} --unix-user ''` takes that back",
                other.name, other.name
            )));
        }
    }
    tx.prepare_cached(
        "UPDATE person SET display_name = coalesce(?2, display_name), unix_user = CASE WHEN ?3 THEN ?4 ELSE unix_user END,
         is_admin = coalesce(?5, is_admin), active = coalesce(?6, active) WHERE id = ?1",
    )
    .and_then(|mut statement| {
        statement.execute((
            person.id,
            display_name,
            change.unix_user.is_some(),
            change.unix_user.as_ref().and_then(Option::as_deref),
            change.is_admin,
            change.active,
        ))
    })
    .during("change a person")?;
    match &change.emails {
        Some(emails) => set_emails(tx, person, emails),
        None => Ok(()),
    }
}

/// A text that is shown to people and stands in mails: one line.
fn shown_text<'a>(what: &str, text: &'a str) -> Result<&'a str, StoreError> {
    let is_odd = text.is_empty() || text.trim() != text || text.chars().any(plain::is_obeyed);
    if is_odd || text.chars().count() > 200 {
        return Err(StoreError::Refused(format!(
            "{} cannot be a {what}: it must be one line of at most 200 characters, without control characters or blanks around it",
            crate::domain::plain::shown(text)
        )));
    }
    Ok(text)
}

fn set_emails(tx: &Transaction<'_>, person: &Person, emails: &[MailAddress]) -> Result<(), StoreError> {
    for email in emails {
        if let Some(other) = person_of_email(tx, email.as_str())?.filter(|other| other.id != person.id) {
            return Err(StoreError::Refused(format!(
                "the mail address {email} is that of {} already",
                other.name
            )));
        }
    }
    tx.execute("DELETE FROM email_address WHERE person = ?1", [person.id]).during("change mail addresses")?;
    let mut statement = tx
        .prepare_cached("INSERT OR IGNORE INTO email_address (person, email, ordering) VALUES (?1, ?2, ?3)")
        .during("change mail addresses")?;
    for (ordering, email) in (0_i64..).zip(emails) {
        statement.execute((person.id, email.as_str(), ordering)).during("change mail addresses")?;
    }
    Ok(())
}

/// Someone, and all teams that it is in, also through other teams; by name. Teams that are not active are no way in.
///
/// # Errors
/// When the database fails.
pub fn with_teams(db: &Connection, id: PersonId) -> Result<Vec<Person>, StoreError> {
    db.prepare_cached(&format!(
        "WITH RECURSIVE mine(person) AS (
             SELECT ?1
             UNION SELECT team FROM team_membership JOIN mine ON member = mine.person JOIN person AS team_row ON team_row.id = team
             WHERE team_row.active
         )
         SELECT {COLUMNS} JOIN mine ON mine.person = person.id ORDER BY person.name"
    ))
    .and_then(|mut statement| statement.query_map([id], from_row)?.collect())
    .during("list someone's teams")
}

/// The members of a team, by name; not those of teams in it.
///
/// # Errors
/// When the database fails.
pub fn members_of(db: &Connection, team: PersonId) -> Result<Vec<Person>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} JOIN team_membership ON member = person.id WHERE team = ?1 ORDER BY person.name"
    ))
    .and_then(|mut statement| statement.query_map([team], from_row)?.collect())
    .during("list the members of a team")
}

/// The teams that someone is in without another team between; by name.
///
/// # Errors
/// When the database fails.
pub fn teams_of(db: &Connection, member: PersonId) -> Result<Vec<Person>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} JOIN team_membership ON team = person.id WHERE member = ?1 ORDER BY person.name"
    ))
    .and_then(|mut statement| statement.query_map([member], from_row)?.collect())
    .during("list someone's teams")
}

/// Takes a member into a team; one that is in it stays. Says whether it was not.
///
/// # Errors
/// When `team` is none, or is in `member` itself.
pub fn join_team(
    tx: &Transaction<'_>,
    team: &Person,
    member: &Person,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if team.kind != PersonKind::Team {
        return Err(StoreError::Refused(format!(
            "{} is a person, not a team: make one with `pressroom team add NAME`",
            team.name
        )));
    }
    if team.id == member.id {
        return Err(StoreError::Refused(format!("{} cannot be in itself", team.name)));
    }
    if with_teams_also_inactive(tx, team.id)?.contains(&member.id) {
        return Err(StoreError::Refused(format!(
            "{} cannot be in {}, because {} is in {}",
            member.name, team.name, team.name, member.name
        )));
    }
    tx.prepare_cached(
        "INSERT OR IGNORE INTO team_membership (team, member, date_created) VALUES (?1, ?2, ?3)",
    )
    .and_then(|mut statement| statement.execute((team.id, member.id, Date(now))))
    .map(|count| count > 0)
    .during("take a member into a team")
}

fn with_teams_also_inactive(db: &Connection, id: PersonId) -> Result<Vec<PersonId>, StoreError> {
    db.prepare_cached(
        "WITH RECURSIVE mine(person) AS (
             SELECT ?1 UNION SELECT team FROM team_membership JOIN mine ON member = mine.person
         ) SELECT person FROM mine ORDER BY person",
    )
    .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect())
    .during("list someone's teams")
}

/// Takes a member out of a team; says whether it was in it.
///
/// # Errors
/// When the database fails.
pub fn leave_team(tx: &Transaction<'_>, team: PersonId, member: PersonId) -> Result<bool, StoreError> {
    tx.execute("DELETE FROM team_membership WHERE team = ?1 AND member = ?2", (team, member))
        .map(|count| count > 0)
        .during("take a member out of a team")
}
