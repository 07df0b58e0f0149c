//! `archive_permission`: who may upload what, and who may decide about uploads.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::sql::Date;
use super::{During, StoreError};
use crate::domain::{
    ArchiveId, ComponentId, ComponentName, PackageSetId, PackageSetName, Permission, PermissionId, PersonId,
    PersonName, Pocket, SeriesId, SeriesName, SourceName,
};

/// What of an archive a right is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of it.
    Archive,
    /// What is in a component.
    Component(ComponentId, ComponentName),
    /// A pocket.
    Pocket(Pocket),
    /// A source package.
    Source(SourceName),
    /// The source packages of a set.
    PackageSet(PackageSetId, PackageSetName),
}

impl Scope {
    /// The flags of `pressroom permission` that name it; none for the whole archive.
    #[must_use]
    pub fn flags(&self) -> String {
        match self {
            Self::Archive => String::new(),
            Self::Component(_, name) => format!(" --component {name}"),
            Self::Pocket(pocket) => format!(" --pocket {pocket}"),
            Self::Source(name) => format!(" --source {name}"),
            Self::PackageSet(_, name) => format!(" --package-set {name}"),
        }
    }
}

/// A right that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// Its row.
    pub id: PermissionId,
    /// Over which archive.
    pub archive: ArchiveId,
    /// Whose.
    pub person: PersonId,
    /// Whose.
    pub person_name: PersonName,
    /// To do what.
    pub permission: Permission,
    /// Over what of it.
    pub scope: Scope,
    /// In which series; none: in all.
    pub series: Option<(SeriesId, SeriesName)>,
    /// Who has given it.
    pub creator: String,
}

const COLUMNS: &str = "archive_permission.id, archive_permission.archive, archive_permission.person, person.name, permission, component.id, component.name,
    pocket, source_package_name, package_set.id, package_set.name, distro_series.id, distro_series.name, creator
    FROM archive_permission JOIN person ON person.id = archive_permission.person
    LEFT JOIN component ON component.id = archive_permission.component
    LEFT JOIN package_set ON package_set.id = archive_permission.package_set
    LEFT JOIN distro_series ON distro_series.id = archive_permission.distro_series";

fn from_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Granted> {
    let scope = if let Some(id) = row.get(5)? {
        Scope::Component(id, row.get(6)?)
    } else if let Some(pocket) = row.get(7)? {
        Scope::Pocket(pocket)
    } else if let Some(source) = row.get(8)? {
        Scope::Source(source)
    } else if let Some(id) = row.get(9)? {
        Scope::PackageSet(id, row.get(10)?)
    } else {
        Scope::Archive
    };
    let series = match row.get(11)? {
        Some(id) => Some((id, row.get(12)?)),
        None => None,
    };
    Ok(Granted {
        id: row.get(0)?,
        archive: row.get(1)?,
        person: row.get(2)?,
        person_name: row.get(3)?,
        permission: row.get(4)?,
        scope,
        series,
        creator: row.get(13)?,
    })
}

/// The rights over an archive that someone has, also as a member of teams that are active.
///
/// # Errors
/// When the database fails.
pub fn permissions_for(
    db: &Connection,
    archive: ArchiveId,
    person: PersonId,
) -> Result<Vec<Granted>, StoreError> {
    db.prepare_cached(&format!(
        "WITH RECURSIVE mine(person) AS (
             SELECT ?2
             UNION SELECT team FROM team_membership JOIN mine ON member = mine.person JOIN person AS team_row ON team_row.id = team
             WHERE team_row.active
         )
         SELECT {COLUMNS} WHERE archive_permission.archive = ?1 AND archive_permission.person IN (SELECT person FROM mine)
         ORDER BY archive_permission.id"
    ))
    .and_then(|mut statement| statement.query_map((archive, person), from_row)?.collect())
    .during("list someone's permissions")
}

/// The rights over an archive, by whose they are.
///
/// # Errors
/// When the database fails.
pub fn permissions(db: &Connection, archive: ArchiveId) -> Result<Vec<Granted>, StoreError> {
    db.prepare_cached(&format!(
        "SELECT {COLUMNS} WHERE archive_permission.archive = ?1 ORDER BY person.name, permission, archive_permission.id"
    ))
    .and_then(|mut statement| statement.query_map([archive], from_row)?.collect())
    .during("list the permissions")
}

/// A right to be given.
#[derive(Debug, Clone, Copy)]
pub struct NewPermission<'a> {
    /// Over which archive.
    pub archive: ArchiveId,
    /// To whom.
    pub person: PersonId,
    /// To do what.
    pub permission: Permission,
    /// Over what of it.
    pub scope: &'a Scope,
    /// In which series; none: in all. A right over a package set is in the set's series in any case.
    pub series: Option<SeriesId>,
}

impl NewPermission<'_> {
    fn in_series_of_its_set(self, db: &Connection) -> Result<Self, StoreError> {
        let Scope::PackageSet(id, name) = self.scope else { return Ok(self) };
        let of: SeriesId = db
            .query_row("SELECT distro_series FROM package_set WHERE id = ?1", [id], |row| row.get(0))
            .during("find a package set")?;
        if self.series.is_some_and(|series| series != of) {
            return Err(StoreError::Refused(format!("the package set {name} is one of another series")));
        }
        Ok(Self { series: Some(of), ..self })
    }

    fn is(&self, granted: &Granted) -> bool {
        granted.person == self.person
            && granted.permission == self.permission
            && granted.scope == *self.scope
            && granted.series.as_ref().map(|(id, _)| *id) == self.series
    }
}

/// Gives a right; says whether it was not there already.
///
/// # Errors
/// When it is a right to decide over single packages, which there is not.
pub fn grant(
    tx: &Transaction<'_>,
    new: &NewPermission<'_>,
    creator: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let (mut component, mut pocket, mut source, mut set) = (None, None, None, None);
    match new.scope {
        Scope::Archive => {}
        Scope::Component(id, _) => component = Some(*id),
        Scope::Pocket(it) => pocket = Some(*it),
        Scope::Source(name) => source = Some(name),
        Scope::PackageSet(id, _) => set = Some(*id),
    }
    if new.permission == Permission::QueueAdmin && (source.is_some() || set.is_some()) {
        return Err(StoreError::Refused(
            "QUEUE_ADMIN is over a component, a pocket or a whole archive, not over single packages"
                .to_owned(),
        ));
    }
    let new = new.in_series_of_its_set(tx)?;
    if permissions(tx, new.archive)?.iter().any(|granted| new.is(granted)) {
        return Ok(false);
    }
    tx.prepare_cached(
        "INSERT INTO archive_permission (archive, person, permission, component, pocket, source_package_name, package_set,
         distro_series, date_created, creator) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )
    .and_then(|mut statement| {
        statement.execute((
            new.archive,
            new.person,
            new.permission,
            component,
            pocket,
            source,
            set,
            new.series,
            Date(now),
            creator,
        ))
    })
    .map(|_| true)
    .during("give a permission")
}

/// Takes a right back; says whether it was there.
///
/// # Errors
/// When the database fails.
pub fn revoke(tx: &Transaction<'_>, old: &NewPermission<'_>) -> Result<bool, StoreError> {
    let old = old.in_series_of_its_set(tx)?;
    let mut found = false;
    for granted in permissions(tx, old.archive)?.iter().filter(|granted| old.is(granted)) {
        tx.execute("DELETE FROM archive_permission WHERE id = ?1", [granted.id])
            .during("take a permission back")?;
        found = true;
    }
    Ok(found)
}
