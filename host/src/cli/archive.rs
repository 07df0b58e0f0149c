//! `pressroom archive`.

use pressroom_archive::domain::{ArchiveReference, ReleaseText};
use pressroom_archive::store::archive::{archive, archives};
use pressroom_archive::store::distribution::{distribution, distributions};
use pressroom_archive::store::{Db, StoreError};
use serde::Serialize;

use super::describe::{self, ArchiveDescription, Description, DistributionDescription};
use super::output::table;
use super::{End, Session};

/// List, add and change archives: `debian` is the primary archive of debian, `debian/partner` another one of its own.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List all archives.
    List,
    /// Add a partner archive beside a distribution's primary one.
    ///
    /// For example: pressroom archive add demo/partner --display-name 'Partners of Demo'
    Add {
        #[arg(value_name = "DISTRIBUTION/NAME")]
        reference: ArchiveReference,
        #[command(flatten)]
        settings: Settings,
    },
    /// Change an archive.
    ///
    /// For example: pressroom archive set demo --origin Demo --label 'Demo Security'
    Set {
        #[arg(value_name = "ARCHIVE")]
        reference: ArchiveReference,
        #[command(flatten)]
        settings: Settings,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Settings {
    /// As people write it.
    #[arg(long)]
    display_name: Option<String>,
    /// A sentence for people.
    #[arg(long)]
    description: Option<String>,
    /// `Origin` in the Release files; without one, the distribution's display name.
    #[arg(long)]
    origin: Option<ReleaseText>,
    /// `Label` in the Release files; without one, as the origin.
    #[arg(long)]
    label: Option<ReleaseText>,
    /// Whether packages may come in.
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Whether runs publish it.
    #[arg(long, value_name = "true|false")]
    publish: Option<bool>,
}

#[derive(Serialize)]
struct Row {
    archive: String,
    purpose: String,
    display_name: String,
    enabled: bool,
    publish: bool,
    served_from: String,
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        let (reference, settings) = match self {
            Self::List => return list(session, &root, &db),
            Self::Add { reference, settings } => {
                let row = distribution(db.read(), reference.distribution())?;
                if archives(db.read(), row.id)?.iter().any(|archive| archive.reference == *reference) {
                    return Err(StoreError::Exists { what: "archive", name: reference.to_string() }.into());
                }
                (reference, settings)
            }
            Self::Set { reference, settings } => {
                archive(db.read(), reference)?;
                (reference, settings)
            }
        };
        let description = Description {
            distributions: vec![DistributionDescription {
                name: reference.distribution().clone(),
                display_name: None,
                archives: vec![ArchiveDescription {
                    name: reference.name().parse()?,
                    display_name: settings.display_name.clone(),
                    description: settings.description.clone(),
                    origin: settings.origin.clone(),
                    label: settings.label.clone(),
                    enabled: settings.enabled,
                    publish: settings.publish,
                }],
                series: Vec::new(),
            }],
        };
        let now = session.clock.now();
        db.write(|tx| describe::apply(tx, &description, now))?;
        list(session, &root, &db)
    }
}

fn list(session: &Session, root: &crate::root::Root, db: &Db) -> anyhow::Result<End> {
    let mut rows = Vec::new();
    for distribution in distributions(db.read())? {
        for archive in archives(db.read(), distribution.id)? {
            rows.push(Row {
                archive: archive.reference.to_string(),
                purpose: archive.purpose.to_string(),
                display_name: archive.display_name,
                enabled: archive.enabled,
                publish: archive.publish,
                served_from: root.archive_paths(&archive.reference).root.display().to_string(),
            });
        }
    }
    session.output.show(&rows, || {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let state = match (row.enabled, row.publish) {
                    (true, true) => "published",
                    (true, false) => "not published",
                    (false, true) => "takes nothing in",
                    (false, false) => "off",
                };
                vec![
                    row.archive.clone(),
                    row.purpose.clone(),
                    state.to_owned(),
                    row.served_from.clone(),
                    row.display_name.clone(),
                ]
            })
            .collect();
        table(&["ARCHIVE", "PURPOSE", "STATE", "SERVED FROM", "NAME"], &cells)
    })?;
    Ok(End::Success)
}
