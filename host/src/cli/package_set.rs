//! `pressroom package-set`.

use pressroom_archive::domain::{DistributionName, PackageSetName, SeriesName, SourceName};
use pressroom_archive::store::package_set::{
    PackageSet, PackageSetChange, change_package_set, create_package_set, package_set, package_sets,
    package_sets_of, remove_package_set, sources_of,
};
use pressroom_archive::store::series::{series, series_of};
use pressroom_archive::store::{Connection, Db, StoreError};
use serde::Serialize;

use super::output::{BOLD, painted, table};
use super::{End, Session, the_distribution};

/// Sets of source packages of a series, which rights can be over and which builds can be put first by.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Add a package set.
    ///
    /// For example: pressroom package-set add desktop --series one --description 'What a desktop needs' --source shell --source settings
    Add {
        name: PackageSetName,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change a package set.
    Set {
        name: PackageSetName,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        settings: Settings,
        /// A source that is in it no longer; again for more.
        #[arg(long, value_name = "SOURCE")]
        remove_source: Vec<SourceName>,
    },
    /// List the package sets of all series, or of one.
    List {
        #[arg(long)]
        series: Option<SeriesName>,
        #[arg(long)]
        distribution: Option<DistributionName>,
        /// Only those that have this source.
        #[arg(long)]
        source: Option<SourceName>,
    },
    /// Show a package set with its sources.
    Show {
        name: PackageSetName,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a package set that no permission is over.
    Remove {
        name: PackageSetName,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The series that it is of.
    #[arg(long)]
    series: SeriesName,
    #[arg(long)]
    distribution: Option<DistributionName>,
}

#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// A sentence for people.
    #[arg(long)]
    description: Option<String>,
    /// What builds of its packages get on top of their score.
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true)]
    build_score: Option<i64>,
    /// A source that is in it; again for more. Those that are in it stay.
    #[arg(long = "source", value_name = "SOURCE")]
    sources: Vec<SourceName>,
}

impl Settings {
    fn change(&self, remove: &[SourceName]) -> PackageSetChange {
        PackageSetChange {
            description: self.description.clone(),
            relative_build_score: self.build_score,
            add: self.sources.iter().cloned().collect(),
            remove: remove.iter().cloned().collect(),
        }
    }
}

#[derive(Serialize)]
struct Row {
    name: String,
    series: String,
    description: String,
    build_score: i64,
    sources: Vec<String>,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let mut db = session.root()?.db()?;
        let now = session.clock.now();
        let (name, place) = match self {
            Self::List { series, distribution, source } => {
                return list(session, &db, (distribution.as_ref(), series.as_ref()), source.as_ref());
            }
            Self::Add { name, place, .. }
            | Self::Set { name, place, .. }
            | Self::Show { name, place }
            | Self::Remove { name, place } => (name, place),
        };
        let distribution = the_distribution(db.read(), place.distribution.as_ref())?;
        let series = series(db.read(), distribution.id, &place.series)?;
        match self {
            Self::Add { settings, .. } => db.write(|tx| {
                let id = create_package_set(tx, series.id, name, now)?;
                change_package_set(tx, id, &settings.change(&[]))
            })?,
            Self::Set { settings, remove_source, .. } => {
                let set = package_set(db.read(), series.id, name)?;
                db.write(|tx| change_package_set(tx, set.id, &settings.change(remove_source)))?;
            }
            Self::Remove { .. } => {
                let set = package_set(db.read(), series.id, name)?;
                db.write(|tx| remove_package_set(tx, &set))?;
                return list(session, &db, (Some(&distribution.name), Some(&place.series)), None);
            }
            Self::List { .. } | Self::Show { .. } => {}
        }
        let shown = row(db.read(), package_set(db.read(), series.id, name)?, &place.series)?;
        session.output.show(&shown, || {
            let score = if shown.build_score == 0 {
                String::new()
            } else {
                format!(", build score {:+}", shown.build_score)
            };
            let sources: String = shown.sources.iter().map(|source| format!("  {source}\n")).collect();
            format!(
                "{} of {}{score} {}\n{sources}",
                painted(BOLD, &shown.name),
                shown.series,
                shown.description
            )
        })?;
        Ok(End::Success)
    }
}

fn row(db: &Connection, set: PackageSet, series: &SeriesName) -> Result<Row, StoreError> {
    Ok(Row {
        sources: sources_of(db, set.id)?.iter().map(ToString::to_string).collect(),
        name: set.name.to_string(),
        series: series.to_string(),
        description: set.description,
        build_score: set.relative_build_score,
    })
}

fn list(
    session: &Session,
    db: &Db,
    (distribution, only): (Option<&DistributionName>, Option<&SeriesName>),
    source: Option<&SourceName>,
) -> anyhow::Result<End> {
    let distribution = the_distribution(db.read(), distribution)?;
    let of = match only {
        Some(name) => vec![series(db.read(), distribution.id, name)?],
        None => series_of(db.read(), distribution.id)?,
    };
    let mut rows = Vec::new();
    for series in of {
        let sets = match source {
            Some(source) => package_sets_of(db.read(), series.id, source)?,
            None => package_sets(db.read(), series.id)?,
        };
        for set in sets {
            rows.push(row(db.read(), set, &series.name)?);
        }
    }
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    row.name.clone(),
                    row.series.clone(),
                    row.sources.len().to_string(),
                    row.build_score.to_string(),
                    row.description.clone(),
                ]
            })
            .collect();
        table(&["PACKAGE SET", "SERIES", "SOURCES", "SCORE", "DESCRIPTION"], &cells)
    })?;
    Ok(End::Success)
}
