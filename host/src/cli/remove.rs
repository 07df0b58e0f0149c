//! `pressroom remove`.

use std::collections::BTreeSet;

use pressroom_archive::domain::{ArchiveReference, BinaryName, SuiteName};
use pressroom_archive::store::removal::{Extent, Removal, Requested, request_removal};
use pressroom_archive::store::{StoreError, series, suite};
use serde::Serialize;

use super::describe::OPERATOR;
use super::output::{BOLD, painted};
use super::{End, Session, exit, the_archive};

const EXAMPLES: &str = "\
Examples:
  pressroom remove --suite one --comment \"abandoned upstream\" hello
  pressroom remove --suite one --binary hello-dbg

What is published goes with the next `pressroom publish`; its files stay in the pool. What waits is taken back at once.";

/// Remove packages from a suite: sources with the binaries that were built from them, or binaries alone.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Remove {
    /// From where, as one or one-updates.
    #[arg(long)]
    suite: SuiteName,
    /// The archive; without it, the primary one of the only distribution.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// The names are those of binary packages, not of sources.
    #[arg(long)]
    binary: bool,
    /// Why; it is kept with the publications.
    #[arg(long, default_value = "")]
    comment: String,
    #[arg(required = true, value_name = "PACKAGE")]
    packages: Vec<String>,
}

#[derive(Serialize)]
struct Removed {
    package: String,
    #[serde(flatten)]
    requested: Requested,
}

impl Remove {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let mut db = session.root()?.db()?;
        let archive = the_archive(&db, self.archive.as_ref())?;
        let suite = suite::suite(db.read(), archive.id, &self.suite)?;
        let status = series::series_by_id(db.read(), suite.series)?.status;
        if suite.name.pocket() == pressroom_archive::domain::Pocket::Release && status.is_stable() {
            return Err(exit::usage(format!(
                "{} is {status}, and its release pocket does not change: open it again with `pressroom series set {} --status FROZEN` first",
                suite.name,
                suite.name.series()
            )));
        }
        let extent = if self.binary { Extent::Binaries } else { Extent::SourceAndBinaries };
        let mut removed = Vec::new();
        // all of them or none
        db.write(|tx| {
            for package in BTreeSet::from_iter(&self.packages) {
                // the same rule for both kinds of names
                let name: BinaryName =
                    package.parse().map_err(|error| StoreError::Refused(format!("{error}")))?;
                let removal = Removal {
                    suite: suite.id,
                    name: name.as_str(),
                    extent,
                    by: OPERATOR,
                    comment: &self.comment,
                };
                let requested = request_removal(tx, &removal, session.clock.now())?;
                if requested == Requested::default() {
                    let (what, other) = match extent {
                        Extent::SourceAndBinaries => {
                            ("source package, and no binary of a source,", "name binary packages with --binary")
                        }
                        Extent::Binaries => ("binary package", "without --binary, names are those of sources"),
                    };
                    return Err(StoreError::Refused(format!(
                        "there is no {what} {name} in {} that is published or waits and is not to be removed already; nothing was \
                         changed ({other})",
                        suite.name
                    )));
                }
                removed.push(Removed { package: package.clone(), requested });
            }
            Ok::<(), StoreError>(())
        })?;
        session.output.show(&removed, || {
            removed
                .iter()
                .map(|Removed { package, requested: Requested { published, pending } }| {
                    format!(
                        "{} goes from {}: {published} publications with the next run, {pending} that waited at once\n",
                        painted(BOLD, package),
                        suite.name
                    )
                })
                .collect()
        })?;
        Ok(End::Success)
    }
}
