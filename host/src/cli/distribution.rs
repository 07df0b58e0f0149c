//! `pressroom distribution`.

use pressroom_archive::domain::{DistributionName, ReleaseText};
use pressroom_archive::store::archive::archives;
use pressroom_archive::store::distribution::{distribution, distributions};
use pressroom_archive::store::series::series_of;
use pressroom_archive::store::{Db, StoreError};
use serde::Serialize;

use super::output::table;
use super::{End, Session};
use crate::describe::{self, Description, DistributionDescription, DistributionSettings};

/// List, add and change distributions.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the distributions.
    List,
    /// Add a distribution, with its primary archive.
    Add {
        name: DistributionName,
        /// As people write it; `Origin` in the Release files.
        #[arg(long)]
        display_name: Option<ReleaseText>,
        #[command(flatten)]
        settings: DistributionSettings,
    },
    /// Change a distribution.
    ///
    /// For example: pressroom distribution set demo --bug-mail %s-done@bugs.example.org
    Set {
        name: DistributionName,
        /// As people write it; `Origin` in the Release files.
        #[arg(long)]
        display_name: Option<ReleaseText>,
        #[command(flatten)]
        settings: DistributionSettings,
    },
}

#[derive(Serialize)]
struct Row {
    name: String,
    display_name: String,
    series: Vec<String>,
    archives: Vec<String>,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let mut db = session.root()?.db()?;
        let (name, display_name, settings) = match self {
            Self::List => return list(session, &db),
            Self::Add { name, display_name, settings } => {
                if pressroom_archive::store::distribution::find_distribution(db.read(), name)?.is_some() {
                    return Err(StoreError::Exists { what: "distribution", name: name.to_string() }.into());
                }
                (name, display_name.clone(), settings)
            }
            Self::Set { name, display_name, settings } => {
                distribution(db.read(), name)?;
                (name, display_name.clone(), settings)
            }
        };
        let description = Description {
            persons: Vec::new(),
            teams: Vec::new(),
            distributions: vec![DistributionDescription {
                name: name.clone(),
                display_name,
                settings: settings.clone(),
                archives: Vec::new(),
                series: Vec::new(),
            }],
        };
        let now = session.clock.now();
        db.write(|tx| describe::apply(tx, &description, now))?;
        list(session, &db)
    }
}

fn list(session: &Session, db: &Db) -> anyhow::Result<End> {
    let mut rows = Vec::new();
    for one in distributions(db.read())? {
        rows.push(Row {
            series: series_of(db.read(), one.id)?.into_iter().map(|series| series.name.to_string()).collect(),
            archives: archives(db.read(), one.id)?
                .into_iter()
                .map(|archive| archive.reference.to_string())
                .collect(),
            name: one.name.to_string(),
            display_name: one.display_name,
        });
    }
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![row.name.clone(), row.display_name.clone(), row.series.join(" "), row.archives.join(" ")]
            })
            .collect();
        table(&["DISTRIBUTION", "NAME", "SERIES", "ARCHIVES"], &cells)
    })?;
    Ok(End::Success)
}
