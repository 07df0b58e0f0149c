//! `pressroom override`: an archive admin's word on where packages belong.

use std::collections::BTreeMap;

use pressroom_archive::domain::{
    ArchitectureTag, ArchiveReference, ComponentName, ExtraField, PackageKind, PackagePriority, ReleaseText,
    Section, SeriesId, SeriesName, chain,
};
use pressroom_archive::format::relations;
use pressroom_archive::overrides::{self, Of, OverrideError, Word};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::extra_override::{NamedExtraField, extra_fields};
use pressroom_archive::store::package_override::{NamedOverride, overrides as all_overrides};
use pressroom_archive::store::{Db, series};

use super::output::table;
use super::who::As;
use super::{End, Session, exit, the_archive};
use crate::root::Root;

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
    Set(Set),
    Remove(Remove),
}

/// Set the override of a package. Of component, section and priority, what is left out is as the package says; fields are set one by one.
///
/// For example: pressroom override set --series one hello --section devel --priority optional --published;
/// pressroom override set --series one hello --field Task=demo-desktop --published
#[derive(Debug, clap::Args)]
pub(super) struct Set {
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
}

/// Remove the override of a package and its fields: it counts again what the package says.
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
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
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let (Self::List { series: name, archive }
        | Self::Set(Set { series: name, archive, .. })
        | Self::Remove(Remove { series: name, archive, .. })) = self;
        let archive = the_archive(&db, archive.as_ref())?;
        let series = series::series(db.read(), archive.distribution, name)?.id;
        match self {
            Self::List { .. } => {}
            Self::Set(set) => set.run(session, &root, &mut db, (&archive, series))?,
            Self::Remove(remove) => remove.run(&root, &mut db, (&archive, series))?,
        }
        list(session, &db, &archive, series)
    }
}

impl Set {
    fn run(
        &self,
        session: &Session,
        root: &Root,
        db: &mut Db,
        (archive, series): (&Archive, SeriesId),
    ) -> anyhow::Result<()> {
        let word = Word {
            component: self.component.as_ref(),
            section: self.section.as_ref(),
            priority: self.priority.as_ref(),
            fields: &self.fields,
            architecture: self.architecture.as_ref(),
            published: self.published,
        };
        let package = &self.package.parse()?;
        if word.is_empty() {
            return Err(exit::usage(
                "an override says something: name --component, --section, --priority or --field",
            ));
        }
        if let Some(priority) = self.priority.as_ref().filter(|priority| !priority.is_known()) {
            return Err(exit::usage(priority.unknown()));
        }
        for field in self.fields.iter().filter(|_| !self.source) {
            let value = field.value.as_ref().map_or("", ReleaseText::as_str);
            relations::check_binary(std::iter::once((field.name.as_str(), value)))
                .map_err(|error| exit::usage(chain(&error)))?;
        }
        let (actor, now) = (self.by.actor(root, db)?, session.clock.now());
        let of = Of { archive, series, kind: kind(self.source), package, actor: &actor };
        db.write(|tx| overrides::set(tx, &of, &word, now)).map_err(ended)
    }
}

impl Remove {
    fn run(&self, root: &Root, db: &mut Db, (archive, series): (&Archive, SeriesId)) -> anyhow::Result<()> {
        let package = &self.package.parse().map_err(|error| exit::usage(format!("{error}")))?;
        let actor = self.by.actor(root, db)?;
        let of = Of { archive, series, kind: kind(self.source), package, actor: &actor };
        if db.write(|tx| overrides::remove(tx, &of)).map_err(ended)? {
            return Ok(());
        }
        let word = if self.source { "source" } else { "binary" };
        Err(exit::usage(format!("the {word} package {} has no override in {}", self.package, self.series)))
    }
}

const fn kind(source: bool) -> PackageKind {
    if source { PackageKind::Source } else { PackageKind::Binary }
}

/// An end with the exit code that belongs to it.
fn ended(error: OverrideError) -> anyhow::Error {
    match error {
        OverrideError::Denied(denied) => denied.into(),
        OverrideError::Store(error) => error.into(),
    }
}

fn list(session: &Session, db: &Db, archive: &Archive, series: SeriesId) -> anyhow::Result<End> {
    let fields = extra_fields(db.read(), archive.id, series)?;
    let rows = with_fields(all_overrides(db.read(), archive.id, series)?, fields);
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
