//! `pressroom override`: an archive admin's word on where packages belong.

use std::collections::BTreeMap;

use pressroom_archive::domain::{
    ArchitectureTag, ArchiveReference, ComponentName, ExtraField, PackageKind, PackagePriority, Pocket,
    Section, SeriesId, SeriesName,
};
use pressroom_archive::people::{self, Actor};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::extra_override::{
    NamedExtraField, extra_fields, remove_extra_fields, set_extra_fields,
};
use pressroom_archive::store::package_override::{
    NamedOverride, Override, components_now, find_override, overrides, remove_override, set_override,
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
    /// Set the override of a package. Of component, section and priority, what is left out is as the package says; fields are set one by one.
    ///
    /// For example: pressroom override set --series one hello --section devel --priority optional --published;
    /// pressroom override set --series one hello --field Task=demo-desktop --published
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
        /// A further field of its stanzas, as Task, Bugs or Origin, also in place of the package's own; again for more. FIELD= takes it back.
        #[arg(long = "field", value_name = "FIELD=VALUE")]
        fields: Vec<ExtraField>,
        /// The fields are for this architecture alone, and go before those for all.
        #[arg(long, requires = "fields", conflicts_with = "source")]
        architecture: Option<ArchitectureTag>,
        /// Also for what is published now or waits to be: the next run publishes it so, in every suite of the series (not in the release pocket of a stable one).
        #[arg(long)]
        published: bool,
        #[command(flatten)]
        by: As,
    },
    /// Remove the override of a package and its fields: it counts again what the package says.
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
        if let Self::Set {
            source,
            package,
            component,
            section,
            priority,
            fields,
            architecture,
            published,
            by,
            ..
        } = self
        {
            let kind = if *source { PackageKind::Source } else { PackageKind::Binary };
            // the same rule for both kinds of names
            let package: pressroom_archive::domain::BinaryName = package.parse()?;
            let files = component.is_some() || section.is_some() || priority.is_some();
            if !files && fields.is_empty() {
                return Err(super::exit::usage(
                    "an override says something: name --component, --section, --priority or --field",
                ));
            }
            let actor = by.actor(&root, &db)?;
            let now = session.clock.now();
            db.write(|tx| {
                let (place, what) = ((archive.id, row.id), (kind, package.as_str()));
                let component = match component {
                    Some(component) => Some(series::component(tx, row.id, component)?),
                    None => None,
                };
                if let Some(tag) = architecture {
                    let known = series::architectures(tx, row.id)?;
                    if !known.iter().any(|one| one.tag == *tag) {
                        let known = known.into_iter().map(|one| one.tag.to_string()).collect();
                        return Err(StoreError::Unknown {
                            what: "architecture",
                            name: tag.to_string(),
                            known,
                        }
                        .into());
                    }
                }
                may_override(tx, &actor, &archive, row.id, what, component.as_ref())?;
                let component = component.map(|component| component.id);
                let new = Override { component, section: section.clone(), priority: priority.clone() };
                if files {
                    set_override(tx, place, what, &new, actor.name(), now)?;
                }
                // what was said before and waits to be published stays said
                let new = if files {
                    new
                } else {
                    find_override(tx, place.0, place.1, what.0, what.1)?.unwrap_or_default()
                };
                set_extra_fields(tx, place, what, architecture.as_ref(), fields, actor.name(), now)?;
                if *published {
                    publish_as_overridden(tx, place, what, &new, actor.name(), now)?;
                }
                Ok::<_, anyhow::Error>(())
            })?;
        }
        if let Self::Remove { source, package, by, .. } = self {
            let kind = if *source { PackageKind::Source } else { PackageKind::Binary };
            let actor = by.actor(&root, &db)?;
            let removed = db.write(|tx| {
                let (place, what) = ((archive.id, row.id), (kind, package.as_str()));
                may_override(tx, &actor, &archive, row.id, what, None)?;
                Ok::<_, anyhow::Error>(
                    remove_override(tx, place, what)? | remove_extra_fields(tx, place, what)?,
                )
            })?;
            if !removed {
                let word = if *source { "source" } else { "binary" };
                return Err(super::exit::usage(format!(
                    "the {word} package {package} has no override in {name}"
                )));
            }
        }
        let fields = extra_fields(db.read(), archive.id, row.id)?;
        let rows = with_fields(overrides(db.read(), archive.id, row.id)?, fields);
        session.output.show(&rows, || {
            let or_own = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
            let cells: Vec<Vec<String>> = rows
                .iter()
                .map(|Row { filed, fields }| {
                    let fields: Vec<String> = fields
                        .iter()
                        .map(|one| match &one.architecture {
                            None => format!("{}={}", one.field, one.value),
                            Some(architecture) => format!("{}={} ({architecture})", one.field, one.value),
                        })
                        .collect();
                    vec![
                        filed.kind.to_string().to_ascii_lowercase(),
                        filed.package.clone(),
                        or_own(&filed.component),
                        or_own(&filed.section),
                        or_own(&filed.priority),
                        fields.join(", "),
                    ]
                })
                .collect();
            table(&["KIND", "PACKAGE", "COMPONENT", "SECTION", "PRIORITY", "FIELDS"], &cells)
        })?;
        Ok(End::Success)
    }
}

/// All that is said of a package.
#[derive(serde::Serialize)]
struct Row {
    #[serde(flatten)]
    filed: NamedOverride,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<NamedExtraField>,
}

/// Brings what is said of packages together, by kind and name.
fn with_fields(overrides: Vec<NamedOverride>, fields: Vec<NamedExtraField>) -> Vec<Row> {
    let mut rows: BTreeMap<(&'static str, String), Row> = overrides
        .into_iter()
        .map(|filed| ((filed.kind.as_str(), filed.package.clone()), Row { filed, fields: Vec::new() }))
        .collect();
    for field in fields {
        let row = rows.entry((field.kind.as_str(), field.package.clone())).or_insert_with(|| Row {
            filed: NamedOverride {
                kind: field.kind,
                package: field.package.clone(),
                component: None,
                section: None,
                priority: None,
            },
            fields: Vec::new(),
        });
        row.fields.push(field);
    }
    rows.into_values().collect()
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
