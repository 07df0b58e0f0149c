//! `pressroom series`.

use pressroom_archive::domain::{DistributionName, SeriesName};
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::series::{architectures, components, series, series_of};
use pressroom_archive::store::{Db, StoreError};
use serde::Serialize;

use super::describe::{
    self, Description, DistributionDescription, DistributionSettings, SeriesDescription, SeriesSettings,
};
use super::output::table;
use super::{End, Session, the_distribution};

/// List, add and change series. Each has the suites SERIES, SERIES-security, SERIES-updates, SERIES-proposed and SERIES-backports.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the series of a distribution.
    List {
        #[arg(long)]
        distribution: Option<DistributionName>,
    },
    /// Add a series.
    ///
    /// For example: pressroom series add two --series-version 2 --component main --architecture amd64
    Add {
        name: SeriesName,
        #[arg(long)]
        distribution: Option<DistributionName>,
        #[command(flatten)]
        settings: Box<SeriesSettings>,
    },
    /// Change a series. What shows in the published files is published in full by the next run.
    ///
    /// For example: pressroom series set two --architecture arm64 --index-compressors gz,xz,zst --status CURRENT
    Set {
        name: SeriesName,
        #[arg(long)]
        distribution: Option<DistributionName>,
        #[command(flatten)]
        settings: Box<SeriesSettings>,
    },
}

#[derive(Serialize)]
struct Row {
    name: String,
    version: String,
    status: String,
    components: Vec<String>,
    architectures: Vec<String>,
    index_compressors: Vec<&'static str>,
    checksums: Vec<&'static str>,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let mut db = session.root()?.db()?;
        let (Self::List { distribution } | Self::Add { distribution, .. } | Self::Set { distribution, .. }) =
            self;
        let distribution = the_distribution(db.read(), distribution.as_ref())?;
        let (name, settings) = match self {
            Self::List { .. } => return list(session, &db, &distribution),
            Self::Add { name, settings, .. } => {
                if series_of(db.read(), distribution.id)?.iter().any(|series| series.name == *name) {
                    return Err(StoreError::Exists { what: "series", name: name.to_string() }.into());
                }
                (name, settings)
            }
            Self::Set { name, settings, .. } => {
                series(db.read(), distribution.id, name)?;
                (name, settings)
            }
        };
        let description = Description {
            persons: Vec::new(),
            teams: Vec::new(),
            distributions: vec![DistributionDescription {
                name: distribution.name.clone(),
                display_name: None,
                settings: DistributionSettings::default(),
                archives: Vec::new(),
                series: vec![SeriesDescription {
                    name: name.clone(),
                    settings: (**settings).clone(),
                    package_sets: Vec::new(),
                }],
            }],
        };
        let now = session.clock.now();
        db.write(|tx| describe::apply(tx, &description, now))?;
        list(session, &db, &distribution)
    }
}

fn list(session: &Session, db: &Db, distribution: &Distribution) -> anyhow::Result<End> {
    let mut rows = Vec::new();
    for one in series_of(db.read(), distribution.id)? {
        rows.push(Row {
            components: components(db.read(), one.id)?
                .into_iter()
                .map(|component| component.name.to_string())
                .collect(),
            architectures: architectures(db.read(), one.id)?
                .into_iter()
                .filter(|architecture| architecture.enabled)
                .map(|architecture| architecture.tag.to_string())
                .collect(),
            name: one.name.to_string(),
            version: one.version,
            status: one.status.to_string(),
            index_compressors: one.index_compressors.into_iter().map(|form| form.as_str()).collect(),
            checksums: one.checksums.into_iter().map(|checksum| checksum.as_str()).collect(),
        });
    }
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.name.clone(),
                    row.version.clone(),
                    row.status.clone(),
                    row.components.join(" "),
                    row.architectures.join(" "),
                    row.index_compressors.join(" "),
                    row.checksums.join(" "),
                ]
            })
            .collect();
        table(&["SERIES", "VERSION", "STATUS", "COMPONENTS", "ARCHITECTURES", "INDEXES", "CHECKSUMS"], &cells)
    })?;
    Ok(End::Success)
}
