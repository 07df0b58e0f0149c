//! `pressroom build list`.

use std::io::IsTerminal;

use clap::ValueEnum;
use pressroom_archive::domain::plain::escaped;
use pressroom_archive::domain::{ArchitectureTag, ArchiveReference, BuildStatus, SourceName, SuiteName};
use pressroom_archive::store::binary_package_build::{Filter, Order, builds};
use pressroom_archive::store::{archive, suite};

use super::{Shown, date_text, status_text};
use crate::cli::output::{DIM, fitted_table, painted};
use crate::cli::{End, Session, the_archive};

const EXAMPLES: &str = "\
Examples:
  pressroom build list                            what waits or is being built, in the order in which it is
  pressroom build list --architecture riscv64 --status failed
  pressroom build list --status all hello";

/// List builds: those that are under way, the highest score first, unless others are asked for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct List {
    /// Only of this archive; without it, of any.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// Only for this suite.
    #[arg(long)]
    suite: Option<SuiteName>,
    /// Only for this architecture.
    #[arg(long)]
    architecture: Option<ArchitectureTag>,
    /// Only those that have come so far; again for more.
    #[arg(long = "status", value_enum, value_name = "STATUS")]
    statuses: Vec<Status>,
    /// Only those of this builder.
    #[arg(long)]
    builder: Option<String>,
    /// Not more than so many.
    #[arg(long, short = 'n', default_value_t = 200, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Only of this source.
    #[arg(value_name = "SOURCE")]
    source: Option<SourceName>,
}

/// How far a build has come: one status in Soyuz's words, or several that are asked for together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// Those that wait for a builder or are at one.
    Active,
    /// Those that have failed in any way.
    Failed,
    #[value(alias = "NEEDSBUILD")]
    Needsbuild,
    #[value(alias = "BUILDING")]
    Building,
    #[value(alias = "GATHERING")]
    Gathering,
    #[value(alias = "UPLOADING")]
    Uploading,
    #[value(alias = "FULLYBUILT")]
    Fullybuilt,
    #[value(alias = "FAILEDTOBUILD")]
    Failedtobuild,
    #[value(alias = "MANUALDEPWAIT")]
    Manualdepwait,
    #[value(alias = "CHROOTWAIT")]
    Chrootwait,
    #[value(alias = "FAILEDTOUPLOAD")]
    Failedtoupload,
    #[value(alias = "SUPERSEDED")]
    Superseded,
    #[value(alias = "CANCELLING")]
    Cancelling,
    #[value(alias = "CANCELLED")]
    Cancelled,
    All,
}

/// What waits for a builder or is at one.
const ACTIVE: &[BuildStatus] = &[
    BuildStatus::NeedsBuild,
    BuildStatus::Building,
    BuildStatus::Gathering,
    BuildStatus::Uploading,
    BuildStatus::Cancelling,
];

impl Status {
    const fn statuses(self) -> &'static [BuildStatus] {
        match self {
            Self::Active => ACTIVE,
            Self::Failed => &[
                BuildStatus::FailedToBuild,
                BuildStatus::ManualDepWait,
                BuildStatus::ChrootWait,
                BuildStatus::FailedToUpload,
            ],
            Self::Needsbuild => &[BuildStatus::NeedsBuild],
            Self::Building => &[BuildStatus::Building],
            Self::Gathering => &[BuildStatus::Gathering],
            Self::Uploading => &[BuildStatus::Uploading],
            Self::Fullybuilt => &[BuildStatus::FullyBuilt],
            Self::Failedtobuild => &[BuildStatus::FailedToBuild],
            Self::Manualdepwait => &[BuildStatus::ManualDepWait],
            Self::Chrootwait => &[BuildStatus::ChrootWait],
            Self::Failedtoupload => &[BuildStatus::FailedToUpload],
            Self::Superseded => &[BuildStatus::Superseded],
            Self::Cancelling => &[BuildStatus::Cancelling],
            Self::Cancelled => &[BuildStatus::Cancelled],
            Self::All => BuildStatus::ALL,
        }
    }
}

impl List {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let db = session.root()?.db()?;
        let (archive, suite) = match (&self.archive, &self.suite) {
            (None, None) => (None, None),
            (Some(reference), None) => (Some(archive::archive(db.read(), reference)?.id), None),
            (reference, Some(name)) => {
                let archive = the_archive(&db, reference.as_ref())?;
                (Some(archive.id), Some(suite::suite(db.read(), archive.id, name)?.id))
            }
        };
        let mut statuses: Vec<BuildStatus> =
            self.statuses.iter().flat_map(|status| status.statuses()).copied().collect();
        if self.statuses.is_empty() {
            statuses.extend(ACTIVE);
        }
        let is_to_do = statuses.iter().all(|status| ACTIVE.contains(status));
        let filter = Filter {
            archive,
            suite,
            statuses: &statuses,
            architecture: self.architecture.as_ref(),
            source_name: self.source.as_ref(),
            builder: self.builder.as_deref(),
        };
        let order = if is_to_do { Order::Score } else { Order::Newest };
        // one more, to know that there are more
        let mut found = builds(db.read(), &filter, order, self.limit.saturating_add(1))?;
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let are_there_more = found.len() > limit;
        found.truncate(limit);
        let shown =
            found.iter().map(|build| Shown::new(db.read(), build)).collect::<anyhow::Result<Vec<_>>>()?;
        session.output.show(&shown, || {
            if shown.is_empty() {
                return self.nothing();
            }
            let mut text = table_text(&shown);
            if are_there_more {
                text.push_str(&painted(DIM, "There are more: ask for them with --limit.\n"));
            }
            text
        })?;
        Ok(End::Success)
    }

    fn nothing(&self) -> String {
        if self.statuses.is_empty() {
            "Nothing waits to be built; builds of the past are listed with --status all.\n".to_owned()
        } else {
            "There is no such build.\n".to_owned()
        }
    }
}

/// Which columns give way where a line is too long, the first first.
const GIVE_WAY: &[usize] = &[7, 8, 5, 4];

fn table_text(shown: &[Shown]) -> String {
    // where all are of one archive it says nothing
    let is_one = shown.windows(2).all(|pair| matches!(pair, [one, other] if one.archive == other.archive));
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|one| {
            vec![
                one.build.to_string(),
                status_text(one.status),
                format!("{}{}", one.score, if one.score_is_manual { "!" } else { "" }),
                if is_one { one.suite.clone() } else { format!("{} {}", one.archive, one.suite) },
                one.source.clone(),
                one.version.clone(),
                format!("{}{}", one.architecture, if one.arch_indep { "+all" } else { "" }),
                one.builder.as_deref().map(escaped).unwrap_or_default(),
                date_text(one.created),
            ]
        })
        .collect();
    let headings = ["ID", "STATUS", "SCORE", "SUITE", "SOURCE", "VERSION", "FOR", "BUILDER", "MADE (UTC)"];
    fitted_table(&headings, &rows, GIVE_WAY, std::io::stdout().is_terminal())
}
