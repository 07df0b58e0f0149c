//! `pressroom series`.

use pressroom_archive::domain::{DistributionName, SeriesName, SeriesStatus};
use pressroom_archive::store::archive::archive_by_id;
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::obsolete::{self, Counted, EndedArchives};
use pressroom_archive::store::series::{
    Series, SeriesChange, architectures, change_series, components, series, series_of,
};
use pressroom_archive::store::{Db, StoreError};
use serde::Serialize;

use super::output::{BOLD, painted, table};
use super::{End, Session, exit, the_distribution};
use crate::describe::{
    self, Description, DistributionDescription, DistributionSettings, SeriesDescription, SeriesSettings,
};

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
    /// Change where a series is in its life. With OBSOLETE everything in it ends: the next run publishes its suites empty, and then the files may go.
    ///
    /// For example: pressroom series set-status one OBSOLETE --dry-run
    SetStatus {
        name: SeriesName,
        status: SeriesStatus,
        #[arg(long)]
        distribution: Option<DistributionName>,
        /// With OBSOLETE: people's archives end with it too, not the distribution's own alone.
        #[arg(long)]
        ppas: bool,
        /// With OBSOLETE: so many publications end; a dry run says how many there are.
        #[arg(long, value_name = "COUNT")]
        confirm: Option<usize>,
        /// Print what would end, and do nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

#[derive(Serialize)]
struct StatusChanged {
    series: String,
    from: SeriesStatus,
    to: SeriesStatus,
    /// What has ended, or would.
    obsolete: Counted,
    dry_run: bool,
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
        let (Self::List { distribution }
        | Self::Add { distribution, .. }
        | Self::Set { distribution, .. }
        | Self::SetStatus { distribution, .. }) = self;
        let distribution = the_distribution(db.read(), distribution.as_ref())?;
        let (name, settings) = match self {
            Self::List { .. } => return list(session, &db, &distribution),
            Self::SetStatus { name, status, ppas, confirm, dry_run, .. } => {
                let extent = if *ppas { EndedArchives::People } else { EndedArchives::Distribution };
                let series = series(db.read(), distribution.id, name)?;
                return set_status(session, &mut db, &series, *status, extent, *confirm, *dry_run);
            }
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

/// Changes the status of a series, and ends what is active in it where it has become OBSOLETE.
fn set_status(
    session: &Session,
    db: &mut Db,
    series: &Series,
    status: SeriesStatus,
    extent: EndedArchives,
    confirmed: Option<usize>,
    dry_run: bool,
) -> anyhow::Result<End> {
    let ends = status == SeriesStatus::Obsolete;
    if !ends && (confirmed.is_some() || extent == EndedArchives::People) {
        return Err(exit::usage("--confirm and --ppas are about the end of a series, which is OBSOLETE"));
    }
    let counted = if ends { obsolete::active(db.read(), series.id, extent)? } else { Counted::default() };
    let left_live = if ends { obsolete::left_live(db.read(), series.id, extent)? } else { Vec::new() };
    let changed = StatusChanged {
        series: series.name.to_string(),
        from: series.status,
        to: status,
        obsolete: counted,
        dry_run,
    };
    if !dry_run {
        let now = session.clock.now();
        db.write(|tx| {
            // what has come in since it was counted is not what was confirmed
            let counted = if ends { obsolete::active(tx, series.id, extent)? } else { Counted::default() };
            if counted.all() > 0 && confirmed != Some(counted.all()) {
                let ppas = if extent == EndedArchives::People { " --ppas" } else { "" };
                return Err(exit::usage(format!(
                    "{} source and {} binary publications of {} would end, and cannot be brought back: if that is meant, say \
                     `pressroom series set-status {2} OBSOLETE{ppas} --confirm {}`",
                    counted.sources,
                    counted.binaries,
                    series.name,
                    counted.all()
                )));
            }
            change_series(tx, series.id, &SeriesChange { status: Some(status), ..SeriesChange::default() }, now)?;
            if ends {
                obsolete::make_obsolete(tx, series.id, extent, now)?;
            }
            Ok::<(), anyhow::Error>(())
        })?;
    }
    for archive in left_live {
        let archive = archive_by_id(db.read(), archive)?.reference;
        tracing::warn!(
            "{archive} is not published: its indexes list what ends, and its files stay until they do not. `pressroom archive set {archive} --publish true` \
             lets `pressroom publish` leave it out"
        );
    }
    session.output.show(&changed, || {
        let StatusChanged { series, from, to, obsolete, .. } = &changed;
        let is = if dry_run { "would be" } else { "is" };
        let mut text = format!("{} {is} {to}; it was {from}\n", painted(BOLD, series));
        if obsolete.all() > 0 {
            let (end, then) = if dry_run {
                ("would end", format!("it takes --confirm {}", obsolete.all()))
            } else {
                let then = "the next `pressroom publish` leaves them out, and then `pressroom process-death-row` removes their files";
                ("have ended", then.to_owned())
            };
            let Counted { sources, binaries } = obsolete;
            text.push_str(&format!("{sources} source and {binaries} binary publications {end}: {then}\n"));
        }
        text
    })?;
    Ok(End::Success)
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
