//! Persons and teams: what `pressroom person` and `pressroom team` do in the same way.

use jiff::Timestamp;
use pressroom_archive::domain::{MailAddress, PersonKind, PersonName};
use pressroom_archive::store::person::{self, NewPerson, Person, PersonChange, change_person, create_person};
use pressroom_archive::store::{Connection, Db, StoreError, Transaction};

use super::exit;
use crate::describe::mail_addresses;

/// The person or team of a name; the other kind has a command of its own.
pub(super) fn of_kind(db: &Connection, name: &PersonName, kind: PersonKind) -> anyhow::Result<Person> {
    let found = person::person(db, name)?;
    match found.kind {
        same if same == kind => Ok(found),
        PersonKind::Team => Err(exit::usage(format!("{name} is a team: use `pressroom team`"))),
        PersonKind::Person => {
            Err(exit::usage(format!("{name} is a person, not a team: use `pressroom person`")))
        }
    }
}

/// Makes one; without another word it is called as its name is.
pub(super) fn add(
    tx: &Transaction<'_>,
    name: &PersonName,
    kind: PersonKind,
    settings: &PersonChange,
    now: Timestamp,
) -> Result<Person, StoreError> {
    let display_name = settings.display_name.as_deref().unwrap_or(name.as_str());
    create_person(tx, &NewPerson { name, kind, display_name }, now)?;
    let made = person::person(tx, name)?;
    change_person(tx, &made, settings)?;
    Ok(made)
}

/// Changes one.
pub(super) fn set(
    db: &mut Db,
    name: &PersonName,
    kind: PersonKind,
    change: &PersonChange,
) -> anyhow::Result<()> {
    db.write(|tx| Ok(change_person(tx, &of_kind(tx, name, kind)?, change)?))
}

/// Lets one do nothing any more; it is remembered.
pub(super) fn leave(db: &mut Db, name: &PersonName, kind: PersonKind) -> anyhow::Result<()> {
    set(db, name, kind, &PersonChange { active: Some(false), ..PersonChange::default() })
}

/// All of a kind, also those that do nothing any more where they are wanted too.
pub(super) fn all_of<T>(
    db: &Connection,
    kind: PersonKind,
    all: bool,
    row: impl Fn(&Connection, Person) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let wanted = |one: &Person| one.kind == kind && (all || one.active);
    person::persons(db)?.into_iter().filter(wanted).map(|one| row(db, one)).collect()
}

/// All mail addresses, as flags have them: none where nothing is said; the empty one takes all away.
pub(super) fn addresses(emails: &[String]) -> Result<Option<Vec<MailAddress>>, StoreError> {
    if emails.is_empty() {
        return Ok(None);
    }
    mail_addresses(emails.iter().filter(|email| !email.is_empty())).map(Some)
}

/// The names of persons.
pub(super) fn names(persons: Vec<Person>) -> Vec<String> {
    persons.into_iter().map(|person| person.name.to_string()).collect()
}
