//! `pressroom permission`.

use std::str::FromStr;

use pressroom_archive::domain::{
    ArchiveReference, ComponentName, PackageSetName, Permission, PersonName, Pocket, SeriesName, SourceName,
    SuiteName, WordError,
};
use pressroom_archive::people::{self, Actor, Denied, Ground, UploadQuestion};
use pressroom_archive::store::archive::{Archive, archives};
use pressroom_archive::store::archive_permission::{
    Granted, NewPermission, Scope, grant, permissions, permissions_for, revoke,
};
use pressroom_archive::store::distribution::distributions;
use pressroom_archive::store::{Connection, Db, StoreError, package_set, person, series, suite};
use serde::Serialize;

use super::output::{BAD, GOOD, painted, table};
use super::{End, Session, exit, the_archive, who};

const EXAMPLES: &str = "\
Examples:
  pressroom permission grant ann UPLOAD --component main
  pressroom permission grant core QUEUE_ADMIN --archive demo --pocket SECURITY
  pressroom permission grant ben UPLOAD --source hello --series one
  pressroom permission check ben UPLOAD --suite one hello

UPLOAD is the right to upload what is in the component, pocket, package set or package that is named, or anything to the archive where none of them
is; new sources need any right to upload. QUEUE_ADMIN is the right to decide what becomes of uploads that wait, and to move and remove packages. What
a team may, its members may; who owns a PPA may do everything in it; an admin may do everything everywhere.";

/// Who may upload what, and who may decide about uploads.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = EXAMPLES)]
pub(super) enum Command {
    /// Give a person or team a right.
    Grant {
        person: PersonName,
        /// UPLOAD or QUEUE_ADMIN.
        #[arg(value_parser = word::<Permission>)]
        permission: Permission,
        #[command(flatten)]
        place: Place,
    },
    /// Take a right back: the one that was given with the same flags.
    Revoke {
        person: PersonName,
        /// UPLOAD or QUEUE_ADMIN.
        #[arg(value_parser = word::<Permission>)]
        permission: Permission,
        #[command(flatten)]
        place: Place,
    },
    /// List the rights over all archives, or one.
    List {
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// Only those that this person has, also as a member of teams; or that this team has.
        #[arg(long)]
        person: Option<PersonName>,
        /// Only those over this package set.
        #[arg(long)]
        package_set: Option<PackageSetName>,
    },
    /// Say whether somebody may upload a source to a suite, or decide about what waits for it, and why. Exits with 1 where not.
    Check {
        person: PersonName,
        /// UPLOAD or QUEUE_ADMIN.
        #[arg(value_parser = word::<Permission>)]
        permission: Permission,
        /// The source that is to be uploaded.
        source: Option<SourceName>,
        #[arg(long)]
        suite: SuiteName,
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// The component that the package is in; again for more, for a decision about several packages.
        #[arg(long = "component", value_name = "COMPONENT")]
        components: Vec<ComponentName>,
        /// The source was never there before.
        #[arg(long)]
        new: bool,
    },
}

/// What a right is over.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// Over which archive; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// Over what is in a component.
    #[arg(long, group = "scope")]
    component: Option<ComponentName>,
    /// Over a pocket: RELEASE, SECURITY, UPDATES, PROPOSED or BACKPORTS.
    #[arg(long, group = "scope", value_parser = word::<Pocket>)]
    pocket: Option<Pocket>,
    /// Over a source package.
    #[arg(long, group = "scope", value_name = "PACKAGE")]
    source: Option<SourceName>,
    /// Over the packages of a set.
    #[arg(long, group = "scope", value_name = "SET")]
    package_set: Option<PackageSetName>,
    /// In this series only.
    #[arg(long)]
    series: Option<SeriesName>,
}

/// A word of a closed set, in whatever case.
fn word<T: FromStr<Err = WordError>>(text: &str) -> Result<T, WordError> {
    text.to_ascii_uppercase().replace('-', "_").parse()
}

#[derive(Serialize)]
struct Row {
    person: String,
    permission: Permission,
    archive: String,
    component: Option<String>,
    pocket: Option<Pocket>,
    source: Option<String>,
    package_set: Option<String>,
    series: Option<String>,
    creator: String,
}

#[derive(Serialize)]
struct Answer {
    allowed: bool,
    reason: String,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let mut db = session.root()?.db()?;
        match self {
            Self::Grant { person, permission, place } => {
                let archive = the_archive(&db, place.archive.as_ref())?;
                let who = person::person(db.read(), person)?;
                if !who.active {
                    return Err(exit::usage(format!(
                        "{person} is not active any more, and no right would count: `pressroom person set {person} --active true` comes first"
                    )));
                }
                let (scope, series) = place.scope(db.read(), &archive)?;
                let new = NewPermission {
                    archive: archive.id,
                    person: who.id,
                    permission: *permission,
                    scope: &scope,
                    series,
                };
                let creator = who::recorded(&db)?;
                db.write(|tx| grant(tx, &new, &creator, session.clock.now()))?;
                list(session, &db, Some(&archive.reference), Some(person), None)
            }
            Self::Revoke { person, permission, place } => {
                let archive = the_archive(&db, place.archive.as_ref())?;
                let (scope, series) = place.scope(db.read(), &archive)?;
                let old = NewPermission {
                    archive: archive.id,
                    person: person::person(db.read(), person)?.id,
                    permission: *permission,
                    scope: &scope,
                    series,
                };
                if !db.write(|tx| revoke(tx, &old))? {
                    return Err(exit::usage(format!(
                        "{person} has no such permission of its own: `pressroom permission list --person {person}` shows them, and whether they come \
                         from a team"
                    )));
                }
                list(session, &db, Some(&archive.reference), Some(person), None)
            }
            Self::List { archive, person, package_set } => {
                list(session, &db, archive.as_ref(), person.as_ref(), package_set.as_ref())
            }
            Self::Check { person, permission, source, suite, archive, components, new } => {
                let archive = the_archive(&db, archive.as_ref())?;
                let check = Check { archive: &archive, suite, components, is_new: *new };
                let answer = check.answer(db.read(), person, *permission, source.as_ref())?;
                let answer = match answer {
                    Ok(ground) => Answer { allowed: true, reason: said(&ground) },
                    Err(denied) => Answer { allowed: false, reason: denied.to_string() },
                };
                session.output.show(&answer, || {
                    let word = if answer.allowed { painted(GOOD, "yes") } else { painted(BAD, "no") };
                    format!("{word}: {}\n", answer.reason)
                })?;
                Ok(if answer.allowed { End::Success } else { End::Failure })
            }
        }
    }
}

impl Place {
    /// What is meant, of what there is.
    fn scope(
        &self,
        db: &Connection,
        archive: &Archive,
    ) -> anyhow::Result<(Scope, Option<pressroom_archive::domain::SeriesId>)> {
        let series = match &self.series {
            Some(name) => Some(series::series(db, archive.distribution, name)?),
            None => None,
        };
        let scope = if let Some(name) = &self.component {
            let all = series::series_of(db, archive.distribution)?;
            let mut known = Vec::new();
            for one in all.iter().filter(|one| series.as_ref().is_none_or(|series| series.id == one.id)) {
                known.extend(series::components(db, one.id)?);
            }
            let found = known.iter().find(|component| component.name == *name);
            let found = found.ok_or_else(|| {
                let mut names: Vec<String> =
                    known.iter().map(|component| component.name.to_string()).collect();
                names.sort();
                names.dedup();
                StoreError::Unknown { what: "component", name: name.to_string(), known: names }
            })?;
            Scope::Component(found.id, found.name.clone())
        } else if let Some(pocket) = self.pocket {
            Scope::Pocket(pocket)
        } else if let Some(source) = &self.source {
            Scope::Source(source.clone())
        } else if let Some(name) = &self.package_set {
            let set = match &series {
                Some(series) => package_set::package_set(db, series.id, name)?,
                None => only_set(db, archive, name)?,
            };
            Scope::PackageSet(set.id, set.name)
        } else {
            Scope::Archive
        };
        Ok((scope, series.map(|series| series.id)))
    }
}

/// The package set of a name where one series has such a set.
fn only_set(
    db: &Connection,
    archive: &Archive,
    name: &PackageSetName,
) -> anyhow::Result<package_set::PackageSet> {
    let mut found = Vec::new();
    let mut known = Vec::new();
    for series in series::series_of(db, archive.distribution)? {
        for set in package_set::package_sets(db, series.id)? {
            known.push(format!("{} of {}", set.name, series.name));
            if set.name == *name {
                found.push((set, series.name.clone()));
            }
        }
    }
    if found.len() > 1 {
        let series: Vec<String> = found.iter().map(|(_, series)| series.to_string()).collect();
        return Err(exit::usage(format!(
            "there is a package set {name} in {}: say which with --series",
            series.join(" and in ")
        )));
    }
    match found.pop() {
        Some((set, _)) => Ok(set),
        None => Err(StoreError::Unknown { what: "package set", name: name.to_string(), known }.into()),
    }
}

/// What is asked of somebody's rights.
struct Check<'a> {
    archive: &'a Archive,
    suite: &'a SuiteName,
    components: &'a [ComponentName],
    is_new: bool,
}

impl Check<'_> {
    fn answer(
        &self,
        db: &Connection,
        name: &PersonName,
        permission: Permission,
        source: Option<&SourceName>,
    ) -> anyhow::Result<Result<Ground, Denied>> {
        let suite = suite::suite(db, self.archive.id, self.suite)?;
        let rights = people::rights(db, self.archive, &Actor::Person(person::person(db, name)?))?;
        let components = self
            .components
            .iter()
            .map(|name| series::component(db, suite.series, name).map(|found| (found.id, found.name)))
            .collect::<Result<Vec<_>, _>>()?;
        match permission {
            Permission::Upload => {
                let source = source.ok_or_else(|| exit::usage("name the source that is to be uploaded"))?;
                if components.len() > 1 {
                    return Err(exit::usage("a source is in one component: name --component once"));
                }
                Ok(rights.upload_ground(&UploadQuestion {
                    series: suite.series,
                    pocket: suite.name.pocket(),
                    component: components.first().map(|(id, name)| (*id, name)),
                    source,
                    package_sets: &people::package_sets_of(db, suite.series, source)?,
                    is_new: self.is_new,
                }))
            }
            Permission::QueueAdmin => {
                Ok(rights.administer_ground(suite.series, suite.name.pocket(), &components))
            }
        }
    }
}

/// Why something is allowed, for people.
fn said(ground: &Ground) -> String {
    match ground {
        Ground::Everything => "an admin may do everything".to_owned(),
        Ground::Owner(name) => format!("the archive is that of {name}"),
        Ground::Permissions(granted) => {
            let each = granted.iter().map(|one| {
                let series =
                    one.series.as_ref().map(|(_, name)| format!(" --series {name}")).unwrap_or_default();
                format!("{} has {}{}{series}", one.person_name, one.permission, one.scope.flags())
            });
            each.collect::<Vec<_>>().join("; ")
        }
    }
}

fn row(granted: Granted, archive: &Archive) -> Row {
    let mut row = Row {
        person: granted.person_name.to_string(),
        permission: granted.permission,
        archive: archive.reference.to_string(),
        component: None,
        pocket: None,
        source: None,
        package_set: None,
        series: granted.series.map(|(_, name)| name.to_string()),
        creator: granted.creator,
    };
    match granted.scope {
        Scope::Archive => {}
        Scope::Component(_, name) => row.component = Some(name.to_string()),
        Scope::Pocket(pocket) => row.pocket = Some(pocket),
        Scope::Source(name) => row.source = Some(name.to_string()),
        Scope::PackageSet(_, name) => row.package_set = Some(name.to_string()),
    }
    row
}

fn list(
    session: &Session,
    db: &Db,
    archive: Option<&ArchiveReference>,
    whose: Option<&PersonName>,
    set: Option<&PackageSetName>,
) -> anyhow::Result<End> {
    let whose = match whose {
        Some(name) => Some(person::person(db.read(), name)?),
        None => None,
    };
    let mut all = Vec::new();
    match archive {
        Some(reference) => all.push(pressroom_archive::store::archive::archive(db.read(), reference)?),
        None => {
            for distribution in distributions(db.read())? {
                all.extend(archives(db.read(), distribution.id)?);
            }
        }
    }
    let mut rows = Vec::new();
    for archive in &all {
        let granted = match &whose {
            Some(person) => permissions_for(db.read(), archive.id, person.id)?,
            None => permissions(db.read(), archive.id)?,
        };
        let over_set = |granted: &Granted| {
            set.is_none_or(|set| matches!(&granted.scope, Scope::PackageSet(_, name) if name == set))
        };
        rows.extend(granted.into_iter().filter(over_set).map(|granted| row(granted, archive)));
    }
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let over = [
                    ("component ", row.component.clone()),
                    ("pocket ", row.pocket.map(|pocket| pocket.to_string())),
                    ("source ", row.source.clone()),
                    ("package set ", row.package_set.clone()),
                ];
                let over = over.into_iter().find_map(|(what, name)| name.map(|name| format!("{what}{name}")));
                vec![
                    row.person.clone(),
                    row.permission.to_string(),
                    row.archive.clone(),
                    over.unwrap_or_else(|| "everything".to_owned()),
                    row.series.clone().unwrap_or_else(|| "all".to_owned()),
                    row.creator.clone(),
                ]
            })
            .collect();
        table(&["WHO", "MAY", "ARCHIVE", "OVER", "SERIES", "GIVEN BY"], &cells)
    })?;
    Ok(End::Success)
}
