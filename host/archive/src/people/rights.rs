//! What somebody may over an archive: a pure judge over permissions that are loaded once.
//!
//! A right is over a whole archive, or a component, a pocket, a source package or a package set of it, in one series or in all. Who owns a PPA may do
//! everything in it. Whether the suite takes uploads at all is not asked here.

use crate::domain::{
    ArchiveReference, ComponentId, ComponentName, PackageSetId, Permission, PersonName, Pocket, SeriesId,
    SeriesName, SourceName, SuiteName,
};
use crate::store::archive::Archive;
use crate::store::archive_permission::{self, Granted, Scope};
use crate::store::{Connection, StoreError, package_set, person, series};

use super::Actor;

/// What somebody may over an archive.
#[derive(Debug, Clone)]
pub struct Rights {
    actor: Actor,
    archive: ArchiveReference,
    /// The actor itself, or the team that it is in, if the archive is a PPA of it.
    owner: Option<PersonName>,
    permissions: Vec<Granted>,
    series: Vec<(SeriesId, SeriesName)>,
}

/// An upload that somebody wants to make.
#[derive(Debug, Clone, Copy)]
pub struct UploadQuestion<'a> {
    /// Into which series.
    pub series: SeriesId,
    /// Into which pocket of it.
    pub pocket: Pocket,
    /// Where the source will be; none: that is not known.
    pub component: Option<(ComponentId, &'a ComponentName)>,
    /// The source.
    pub source: &'a SourceName,
    /// The sets of the series that it is in.
    pub package_sets: &'a [PackageSetId],
    /// Nothing of its name was there before: any right to upload will do, since somebody looks at it.
    pub is_new: bool,
}

/// Why something is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// There are no persons, or it is an admin.
    Everything,
    /// The archive is its own, or its team's.
    Owner(PersonName),
    /// These permissions, one for each thing that was asked about.
    Permissions(Vec<Granted>),
}

/// Who lacks what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {remedy}")]
pub struct Denied {
    /// Who may not do what.
    pub what: String,
    /// Which commands would allow it.
    pub remedy: String,
}

/// What somebody may over an archive. Who changes something asks in the transaction that does it: what was taken back a moment before counts no more.
///
/// # Errors
/// When the database fails.
pub fn rights(db: &Connection, archive: &Archive, actor: &Actor) -> Result<Rights, StoreError> {
    // as it is now, not as it was when the command began
    let actor = match actor {
        Actor::Person(who) => Actor::Person(person::person_by_id(db, who.id)?),
        Actor::Operator { .. } => actor.clone(),
    };
    let mut found = Rights {
        actor: actor.clone(),
        archive: archive.reference.clone(),
        owner: None,
        permissions: Vec::new(),
        series: series::series_of(db, archive.distribution)?
            .into_iter()
            .map(|one| (one.id, one.name))
            .collect(),
    };
    if let Actor::Person(who) = &actor
        && who.active
    {
        found.permissions = archive_permission::permissions_for(db, archive.id, who.id)?;
        if let Some(owner) = archive.reference.owner() {
            found.owner =
                person::with_teams(db, who.id)?.into_iter().map(|one| one.name).find(|name| name == owner);
        }
    }
    Ok(found)
}

/// The package sets of a series that a source is in.
///
/// # Errors
/// When the database fails.
pub fn package_sets_of(
    db: &Connection,
    series: SeriesId,
    source: &SourceName,
) -> Result<Vec<PackageSetId>, StoreError> {
    Ok(package_set::package_sets_of(db, series, source)?.into_iter().map(|set| set.id).collect())
}

impl Rights {
    /// Whose they are.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whether an upload may be made.
    ///
    /// # Errors
    /// It may not: who lacks what.
    pub fn may_upload(&self, question: &UploadQuestion<'_>) -> Result<(), Denied> {
        self.upload_ground(question).map(|_| ())
    }

    /// Why an upload may be made.
    ///
    /// # Errors
    /// It may not: who lacks what.
    pub fn upload_ground(&self, question: &UploadQuestion<'_>) -> Result<Ground, Denied> {
        if let Some(ground) = self.everything() {
            return Ok(ground);
        }
        // in a PPA nothing waits for anybody's look, so that a new name is no reason to ask for less
        let any_will_do = question.is_new && self.archive.owner().is_none();
        let covers = |granted: &&Granted| {
            granted.permission == Permission::Upload
                && self.in_series(granted, question.series)
                && (any_will_do
                    || match &granted.scope {
                        Scope::Archive => true,
                        Scope::Component(id, _) => question.component.is_some_and(|(asked, _)| asked == *id),
                        Scope::Pocket(pocket) => *pocket == question.pocket,
                        Scope::Source(name) => name == question.source,
                        Scope::PackageSet(id, _) => question.package_sets.contains(id),
                    })
        };
        match self.permissions.iter().find(covers) {
            Some(granted) => Ok(Ground::Permissions(vec![granted.clone()])),
            None => Err(self.no_upload(question)),
        }
    }

    /// Whether somebody may decide about packages that wait, or move them: over all their components, or the pocket.
    ///
    /// # Errors
    /// It may not: who lacks what.
    pub fn may_administer(
        &self,
        series: SeriesId,
        pocket: Pocket,
        components: &[(ComponentId, ComponentName)],
    ) -> Result<(), Denied> {
        self.administer_ground(series, pocket, components).map(|_| ())
    }

    /// Why somebody may decide.
    ///
    /// # Errors
    /// It may not: who lacks what.
    pub fn administer_ground(
        &self,
        series: SeriesId,
        pocket: Pocket,
        components: &[(ComponentId, ComponentName)],
    ) -> Result<Ground, Denied> {
        if let Some(ground) = self.everything() {
            return Ok(ground);
        }
        let mine: Vec<&Granted> = self
            .permissions
            .iter()
            .filter(|granted| granted.permission == Permission::QueueAdmin && self.in_series(granted, series))
            .collect();
        let whole = mine.iter().find(|granted| match &granted.scope {
            Scope::Archive => true,
            Scope::Pocket(own) => *own == pocket,
            Scope::Component(..) | Scope::Source(_) | Scope::PackageSet(..) => false,
        });
        if let Some(granted) = whole {
            return Ok(Ground::Permissions(vec![(*granted).clone()]));
        }
        let over = |component: ComponentId| {
            mine.iter().find(|granted| matches!(&granted.scope, Scope::Component(id, _) if *id == component))
        };
        let lacking: Vec<&ComponentName> =
            components.iter().filter(|(id, _)| over(*id).is_none()).map(|(_, name)| name).collect();
        // what is in no component is not everybody's
        if !lacking.is_empty() || components.is_empty() {
            return Err(self.no_queue(series, pocket, &lacking));
        }
        Ok(Ground::Permissions(
            components.iter().filter_map(|(id, _)| over(*id)).map(|it| (*it).clone()).collect(),
        ))
    }

    /// Whether what is in the archive is somebody's business, where it is not everybody's: it is who owns it, or has any right over it.
    ///
    /// # Errors
    /// It is not: who lacks what.
    pub fn may_see(&self) -> Result<(), Denied> {
        if self.everything().is_some() || !self.permissions.is_empty() {
            return Ok(());
        }
        let (who, archive) = (self.actor.name(), &self.archive);
        let grant = format!("`pressroom permission grant {who} UPLOAD --archive {archive}`");
        Err(Denied {
            what: format!("{who} has no right over {archive}, which is private"),
            remedy: self.inactive().unwrap_or_else(|| format!("any would do, as by {grant}")),
        })
    }

    /// Why it may do everything in the archive, where it may.
    #[must_use]
    pub fn ground_over_all(&self) -> Option<Ground> {
        self.everything()
    }

    fn everything(&self) -> Option<Ground> {
        if self.actor.may_everything() {
            return Some(Ground::Everything);
        }
        self.owner.clone().map(Ground::Owner)
    }

    fn in_series(&self, granted: &Granted, series: SeriesId) -> bool {
        granted.series.as_ref().is_none_or(|(id, _)| *id == series)
    }

    fn suite(&self, series: SeriesId, pocket: Pocket) -> String {
        match self.series.iter().find(|(id, _)| *id == series) {
            Some((_, name)) => SuiteName::new(name.clone(), pocket).to_string(),
            None => format!("the pocket {pocket} of a series"),
        }
    }

    /// The part of a refusal that says why whoever it is has no rights at all, where so.
    fn inactive(&self) -> Option<String> {
        match &self.actor {
            Actor::Person(person) if !person.active => Some(format!(
                "{name} is not active: `pressroom person set {name} --active true` changes that",
                name = person.name
            )),
            Actor::Person(_) | Actor::Operator { .. } => None,
        }
    }

    fn no_upload(&self, question: &UploadQuestion<'_>) -> Denied {
        let UploadQuestion { series, pocket, component, source, .. } = *question;
        let (who, archive) = (self.actor.name(), &self.archive);
        let what = format!("{who} may not upload {source} to {} of {archive}", self.suite(series, pocket));
        if let Some(remedy) = self.inactive() {
            return Denied { what, remedy };
        }
        let grant = format!("`pressroom permission grant {who} UPLOAD --archive {archive}");
        let remedy = match (archive.owner(), component) {
            (Some(owner), _) => format!(
                "it is the archive of {owner}: {grant} --source {source}` would allow it, without --source for all packages"
            ),
            (None, _) if question.is_new => format!(
                "{who} has no right at all to upload to {archive}, and {source} is new there: {grant} --source {source}` would allow it, or any \
                 other right to upload"
            ),
            (None, Some((_, component))) => format!(
                "{who} has no right over the component {component}, the pocket {pocket}, the package {source} or a package set that it \
                 is in: {grant} --component {component}` would allow it, or with --source {source} for this package alone"
            ),
            (None, None) => format!(
                "{who} has no right over the pocket {pocket}, the package {source} or a package set that it is in: {grant} --source \
                 {source}` would allow it"
            ),
        };
        Denied { what, remedy }
    }

    fn no_queue(&self, series: SeriesId, pocket: Pocket, lacking: &[&ComponentName]) -> Denied {
        let (who, archive) = (self.actor.name(), &self.archive);
        let mut names: Vec<&str> = lacking.iter().map(|name| name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let of = if names.is_empty() { String::new() } else { format!(" in {}", names.join(" and ")) };
        let what = format!(
            "{who} may not decide about packages{of} for {} of {archive}",
            self.suite(series, pocket)
        );
        if let Some(remedy) = self.inactive() {
            return Denied { what, remedy };
        }
        let grant = format!("`pressroom permission grant {who} QUEUE_ADMIN --archive {archive}");
        let remedy = match names.first() {
            Some(first) if names.len() == 1 => {
                format!("{grant} --component {first}` would allow it, or with --pocket {pocket}")
            }
            Some(_) => format!(
                "{grant} --component` with each of {} would allow it, or with --pocket {pocket}",
                names.join(", ")
            ),
            None => format!("{grant} --pocket {pocket}` would allow it"),
        };
        Denied { what, remedy }
    }
}

#[cfg(test)]
mod tests;
