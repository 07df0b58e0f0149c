//! `pressroom override`: an archive admin's word on where packages belong.

use pressroom_archive::domain::{
    ArchiveReference, ComponentName, PackageKind, PackagePriority, Pocket, Section, SeriesId, SeriesName,
};
use pressroom_archive::people::{self, Actor};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::package_override::{
    Override, components_now, overrides, remove_override, set_override,
};
use pressroom_archive::store::publication::publish_as_overridden;
use pressroom_archive::store::series::SeriesComponent;
use pressroom_archive::store::{Connection, StoreError, series};

use super::operator::As;
use super::output::table;
use super::{End, Session, the_archive};

/// List, set and remove overrides. They count for packages that come in afterwards, and for published ones where asked for; what a package says of
/// itself counts where there is none.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the overrides of a series.
    List {
        #[arg(long)]
        series: SeriesName,
        #[arg(long)]
        archive: Option<ArchiveReference>,
    },
    /// Set the override of a package. What is left out is as the package says.
    ///
    /// For example: pressroom override set --series one hello --section devel --priority optional --published
    Set {
        #[arg(long)]
        series: SeriesName,
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// The source package of that name, not the binary one.
        #[arg(long)]
        source: bool,
        package: String,
        #[arg(long)]
        component: Option<ComponentName>,
        #[arg(long)]
        section: Option<Section>,
        #[arg(long, conflicts_with = "source")]
        priority: Option<PackagePriority>,
        /// Also for what is published now: the next run publishes it so, in every suite of the series (not in the release pocket of a stable one).
        #[arg(long)]
        published: bool,
        #[command(flatten)]
        by: As,
    },
    /// Remove the override of a package: it counts again what the package says.
    Remove {
        #[arg(long)]
        series: SeriesName,
        #[arg(long)]
        archive: Option<ArchiveReference>,
        /// The source package of that name, not the binary one.
        #[arg(long)]
        source: bool,
        package: String,
        #[command(flatten)]
        by: As,
    },
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let (Self::List { series: name, archive }
        | Self::Set { series: name, archive, .. }
        | Self::Remove { series: name, archive, .. }) = self;
        let archive = the_archive(&db, archive.as_ref())?;
        let row = series::series(db.read(), archive.distribution, name)?;
        if let Self::Set { source, package, component, section, priority, published, by, .. } = self {
            let kind = if *source { PackageKind::Source } else { PackageKind::Binary };
            // the same rule for both kinds of names
            let package: pressroom_archive::domain::BinaryName = package.parse()?;
            let component = match component {
                Some(component) => Some(series::component(db.read(), row.id, component)?),
                None => None,
            };
            if component.is_none() && section.is_none() && priority.is_none() {
                return Err(super::exit::usage(
                    "an override says something: name --component, --section or --priority",
                ));
            }
            let actor = by.actor(&root, &db)?;
            may_override(db.read(), &actor, &archive, row.id, (kind, package.as_str()), component.as_ref())?;
            let component = component.map(|component| component.id);
            let new = Override { component, section: section.clone(), priority: priority.clone() };
            let now = session.clock.now();
            db.write(|tx| {
                let (place, what) = ((archive.id, row.id), (kind, package.as_str()));
                set_override(tx, place, what, &new, actor.name(), now)?;
                if *published {
                    publish_as_overridden(tx, place, what, &new, actor.name(), now)?;
                }
                Ok(())
            })
            .map_err(|error: StoreError| anyhow::Error::from(error))?;
        }
        if let Self::Remove { source, package, by, .. } = self {
            let kind = if *source { PackageKind::Source } else { PackageKind::Binary };
            may_override(db.read(), &by.actor(&root, &db)?, &archive, row.id, (kind, package), None)?;
            if !db.write(|tx| remove_override(tx, (archive.id, row.id), (kind, package)))? {
                let word = if *source { "source" } else { "binary" };
                return Err(super::exit::usage(format!(
                    "the {word} package {package} has no override in {name}"
                )));
            }
        }
        let rows = overrides(db.read(), archive.id, row.id)?;
        session.output.show(&rows, || {
            let or_own = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let cells: Vec<Vec<String>> = rows
                .iter()
                .map(|row| {
                    vec![
                        row.kind.to_string().to_ascii_lowercase(),
                        row.package.clone(),
                        or_own(&row.component),
                        or_own(&row.section),
                        or_own(&row.priority),
                    ]
                })
                .collect();
            table(&["KIND", "PACKAGE", "COMPONENT", "SECTION", "PRIORITY"], &cells)
        })?;
        Ok(End::Success)
    }
}

/// Refuses who has no right over a component that the package is in, or would be in.
fn may_override(
    db: &Connection,
    actor: &Actor,
    archive: &Archive,
    series: SeriesId,
    (kind, name): (PackageKind, &str),
    to: Option<&SeriesComponent>,
) -> anyhow::Result<()> {
    let mut components = components_now(db, archive.id, series, kind, name)?;
    components.extend(to.map(|component| (component.id, component.name.clone())));
    Ok(people::rights(db, archive, actor)?.may_administer(series, Pocket::Release, &components)?)
}
