//! Descriptions of people, for `apply` and `export`: persons with their keys, teams, package sets, rights.
//!
//! A description says only what it names; the rest stays. A list that it names (mail addresses, members, sources) is the whole list; persons, teams, keys,
//! sets and rights that it does not name stay.

use jiff::Timestamp;
use pressroom_archive::domain::{
    ComponentName, MailAddress, MailAddressError, PackageSetName, Permission, PersonKind, PersonName, Pocket,
    SeriesName, SourceName,
};
use pressroom_archive::openpgp::Certificate;
use pressroom_archive::people::keyring::{ImportError, take_in};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::archive_permission::{self, NewPermission, Scope, grant};
use pressroom_archive::store::openpgp_key::{self, set_key_active};
use pressroom_archive::store::package_set::{self, PackageSetChange};
use pressroom_archive::store::person::{self, NewPerson, Person, PersonChange};
use pressroom_archive::store::series::Series;
use pressroom_archive::store::{Connection, StoreError, Transaction, series};
use serde::{Deserialize, Serialize};

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PersonDescription {
    pub(crate) name: PersonName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    /// All of them, the one that gets mail first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) emails: Option<Vec<String>>,
    /// Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unix_user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) admin: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active: Option<bool>,
    #[serde(default, rename = "key", skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<KeyDescription>,
}

/// A person's key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KeyDescription {
    /// For people, and held against the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active: Option<bool>,
    /// In ASCII armour.
    pub(crate) certificate: String,
}

/// A team.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TeamDescription {
    pub(crate) name: PersonName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) display_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) emails: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) active: Option<bool>,
    /// All of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) members: Option<Vec<PersonName>>,
}

/// A package set of a series.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PackageSetDescription {
    pub(crate) name: PackageSetName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) build_score: Option<i64>,
    /// All of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sources: Option<Vec<SourceName>>,
}

/// A right over an archive, or over at most one kind of thing in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PermissionDescription {
    /// A person or team.
    pub(crate) person: PersonName,
    pub(crate) permission: Permission,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) component: Option<ComponentName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pocket: Option<Pocket>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<SourceName>,
    /// Of the series that is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) package_set: Option<PackageSetName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) series: Option<SeriesName>,
}

/// The addresses that somebody has written.
pub(crate) fn mail_addresses<'a>(
    texts: impl IntoIterator<Item = &'a String>,
) -> Result<Vec<MailAddress>, StoreError> {
    let refused = |error: MailAddressError| StoreError::Refused(error.to_string());
    texts.into_iter().map(|text| text.parse().map_err(refused)).collect()
}

/// Makes the persons and teams that are described, without their members: they may be in each other.
pub(super) fn apply(
    tx: &Transaction<'_>,
    persons: &[PersonDescription],
    teams: &[TeamDescription],
    now: Timestamp,
) -> Result<(), StoreError> {
    for wanted in persons {
        let row = known_or_new(tx, &wanted.name, PersonKind::Person, wanted.display_name.as_deref(), now)?;
        let change = PersonChange {
            display_name: wanted.display_name.clone(),
            unix_user: wanted.unix_user.clone().map(|user| Some(user).filter(|user| !user.is_empty())),
            is_admin: wanted.admin,
            active: wanted.active,
            emails: wanted.emails.as_ref().map(mail_addresses).transpose()?,
        };
        person::change_person(tx, &row, &change)?;
        for key in &wanted.keys {
            apply_key(tx, &row, key, now)?;
        }
    }
    for wanted in teams {
        let row = known_or_new(tx, &wanted.name, PersonKind::Team, wanted.display_name.as_deref(), now)?;
        let change = PersonChange {
            display_name: wanted.display_name.clone(),
            active: wanted.active,
            emails: wanted.emails.as_ref().map(mail_addresses).transpose()?,
            ..PersonChange::default()
        };
        person::change_person(tx, &row, &change)?;
    }
    for wanted in teams {
        let team = person::person(tx, &wanted.name)?;
        let Some(members) = &wanted.members else { continue };
        for member in person::members_of(tx, team.id)?.iter().filter(|one| !members.contains(&one.name)) {
            person::leave_team(tx, team.id, member.id)?;
        }
        for member in members {
            person::join_team(tx, &team, &person::person(tx, member)?, now)?;
        }
    }
    Ok(())
}

fn known_or_new(
    tx: &Transaction<'_>,
    name: &PersonName,
    kind: PersonKind,
    display_name: Option<&str>,
    now: Timestamp,
) -> Result<Person, StoreError> {
    match person::find_person(tx, name)? {
        None => {
            person::create_person(
                tx,
                &NewPerson { name, kind, display_name: display_name.unwrap_or(name.as_str()) },
                now,
            )?;
            person::person(tx, name)
        }
        Some(found) if found.kind == kind => Ok(found),
        Some(found) => Err(StoreError::Refused(match found.kind {
            PersonKind::Person => {
                format!("{name} is a person already, and cannot be a team: choose another name")
            }
            PersonKind::Team => {
                format!("{name} is a team already, and cannot be a person: choose another name")
            }
        })),
    }
}

fn apply_key(
    tx: &Transaction<'_>,
    person: &Person,
    wanted: &KeyDescription,
    now: Timestamp,
) -> Result<(), StoreError> {
    let refused = |reason: String| StoreError::Refused(format!("a key of {}: {reason}", person.name));
    let mut found =
        Certificate::read_all(wanted.certificate.as_bytes()).map_err(|error| refused(error.to_string()))?;
    let (Some(certificate), true) = (found.pop(), found.is_empty()) else {
        return Err(refused(
            "there are several certificates in one: give each a [[person.key]] of its own".to_owned(),
        ));
    };
    let fingerprint = certificate.fingerprint();
    if wanted.fingerprint.as_ref().is_some_and(|said| *said != fingerprint) {
        return Err(refused(format!(
            "the certificate is that of {fingerprint}, not what stands beside it as fingerprint"
        )));
    }
    let id = take_in(tx, person.id, &certificate, now).map_err(|error| match error {
        ImportError::Store(error) => error,
        error @ (ImportError::Certificate(_) | ImportError::Older { .. }) => refused(error.to_string()),
    })?;
    match wanted.active {
        Some(active) => set_key_active(tx, id, active),
        None => Ok(()),
    }
}

/// Makes the package sets of a series that are described.
pub(super) fn apply_package_sets(
    tx: &Transaction<'_>,
    series: &Series,
    wanted: &[PackageSetDescription],
    now: Timestamp,
) -> Result<(), StoreError> {
    for wanted in wanted {
        let known = package_set::package_sets(tx, series.id)?.into_iter().find(|set| set.name == wanted.name);
        let id = match known {
            Some(set) => set.id,
            None => package_set::create_package_set(tx, series.id, &wanted.name, now)?,
        };
        let mut change = PackageSetChange {
            description: wanted.description.clone(),
            relative_build_score: wanted.build_score,
            ..PackageSetChange::default()
        };
        if let Some(sources) = &wanted.sources {
            change.add = sources.iter().cloned().collect();
            let before = package_set::sources_of(tx, id)?.into_iter();
            change.remove = before.filter(|source| !change.add.contains(source)).collect();
        }
        package_set::change_package_set(tx, id, &change)?;
    }
    Ok(())
}

/// Gives the rights over an archive that are described. Those that are not stay.
pub(super) fn apply_permissions(
    tx: &Transaction<'_>,
    archive: &Archive,
    wanted: &[PermissionDescription],
    creator: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    for wanted in wanted {
        let series = match &wanted.series {
            Some(name) => Some(series::series(tx, archive.distribution, name)?),
            None => None,
        };
        let scope = scope(tx, archive, wanted, series.as_ref())?;
        let new = NewPermission {
            archive: archive.id,
            person: person::person(tx, &wanted.person)?.id,
            permission: wanted.permission,
            scope: &scope,
            series: series.map(|series| series.id),
        };
        grant(tx, &new, creator, now)?;
    }
    Ok(())
}

fn scope(
    tx: &Transaction<'_>,
    archive: &Archive,
    wanted: &PermissionDescription,
    series: Option<&Series>,
) -> Result<Scope, StoreError> {
    let PermissionDescription { person, permission, component, pocket, source, package_set, .. } = wanted;
    let about = || format!("the {permission} permission of {person} over {}", archive.reference);
    Ok(match (component, pocket, source, package_set) {
        (None, None, None, None) => Scope::Archive,
        (Some(name), None, None, None) => {
            let of = match series {
                Some(series) => vec![series.clone()],
                None => series::series_of(tx, archive.distribution)?,
            };
            let mut known = Vec::new();
            for one in of {
                known.extend(series::components(tx, one.id)?);
            }
            let found = known.iter().find(|one| one.name == *name).ok_or_else(|| StoreError::Unknown {
                what: "component",
                name: name.to_string(),
                known: known.iter().map(|one| one.name.to_string()).collect(),
            })?;
            Scope::Component(found.id, found.name.clone())
        }
        (None, Some(pocket), None, None) => Scope::Pocket(*pocket),
        (None, None, Some(source), None) => Scope::Source(source.clone()),
        (None, None, None, Some(name)) => {
            let series = series.ok_or_else(|| {
                StoreError::Refused(format!(
                    "{} is over the package set {name}: name its series too",
                    about()
                ))
            })?;
            let set = package_set::package_set(tx, series.id, name)?;
            Scope::PackageSet(set.id, set.name)
        }
        (_, _, _, _) => {
            return Err(StoreError::Refused(format!(
                "{} is over one of component, pocket, source and package-set, or over the whole archive: give several permissions",
                about()
            )));
        }
    })
}

/// Everybody that there is.
pub(super) fn export(db: &Connection) -> Result<(Vec<PersonDescription>, Vec<TeamDescription>), StoreError> {
    let (mut persons, mut teams) = (Vec::new(), Vec::new());
    let keys = openpgp_key::keys(db)?;
    for row in person::persons(db)? {
        let emails = Some(person::emails_of(db, row.id)?);
        match row.kind {
            PersonKind::Person => persons.push(PersonDescription {
                emails,
                keys: keys
                    .iter()
                    .filter(|key| key.person == row.id)
                    .map(|key| {
                        let damaged = |reason: String| {
                            StoreError::Refused(format!(
                                "the certificate {} in the database cannot be exported ({reason}): import it again with `pressroom key import`",
                                key.fingerprint
                            ))
                        };
                        let all = Certificate::read_all(&key.certificate).map_err(|error| damaged(error.to_string()))?;
                        let one = all.first().ok_or_else(|| damaged("it is empty".to_owned()))?;
                        Ok(KeyDescription {
                            fingerprint: Some(key.fingerprint.clone()),
                            active: Some(key.active),
                            certificate: one.armored().map_err(|error| damaged(error.to_string()))?,
                        })
                    })
                    .collect::<Result<_, StoreError>>()?,
                name: row.name,
                display_name: Some(row.display_name),
                unix_user: Some(row.unix_user.unwrap_or_default()),
                admin: Some(row.is_admin),
                active: Some(row.active),
            }),
            PersonKind::Team => teams.push(TeamDescription {
                emails,
                members: Some(person::members_of(db, row.id)?.into_iter().map(|member| member.name).collect()),
                name: row.name,
                display_name: Some(row.display_name),
                active: Some(row.active),
            }),
        }
    }
    Ok((persons, teams))
}

/// The package sets of a series.
pub(super) fn export_package_sets(
    db: &Connection,
    series: &Series,
) -> Result<Vec<PackageSetDescription>, StoreError> {
    package_set::package_sets(db, series.id)?
        .into_iter()
        .map(|set| {
            Ok(PackageSetDescription {
                sources: Some(package_set::sources_of(db, set.id)?),
                name: set.name,
                description: Some(set.description),
                build_score: Some(set.relative_build_score),
            })
        })
        .collect()
}

/// The rights over an archive.
pub(super) fn export_permissions(
    db: &Connection,
    archive: &Archive,
) -> Result<Vec<PermissionDescription>, StoreError> {
    let mut all = Vec::new();
    for granted in archive_permission::permissions(db, archive.id)? {
        let mut one = PermissionDescription {
            person: granted.person_name,
            permission: granted.permission,
            component: None,
            pocket: None,
            source: None,
            package_set: None,
            series: granted.series.map(|(_, name)| name),
        };
        match granted.scope {
            Scope::Archive => {}
            Scope::Component(_, name) => one.component = Some(name),
            Scope::Pocket(pocket) => one.pocket = Some(pocket),
            Scope::Source(name) => one.source = Some(name),
            Scope::PackageSet(_, name) => one.package_set = Some(name),
        }
        all.push(one);
    }
    Ok(all)
}
