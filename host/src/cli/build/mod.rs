//! `pressroom build`: what its commands have in common: who may, and how a build is said in a line.

mod claim;
mod create;
mod decide;
mod list;
mod log;
mod report;
mod show;

use jiff::Timestamp;
use pressroom_archive::domain::{BuildId, BuildStatus};
use pressroom_archive::store::binary_package_build::Build;
use pressroom_archive::store::{Connection, archive, indexed};
use serde::Serialize;

use super::output::{BAD, BOLD, DIM, GOOD, WARN, painted};
use super::{End, Session};
use crate::root::Root;

/// Look at what is to be built of sources for architectures, and steer it; and what a builder outside says of it.
///
/// Nothing is built here. A builder claims a build, builds the source, says that it has finished, and uploads what it has made with `pressroom
/// process-upload --policy buildd`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    List(list::List),
    Show(show::Show),
    Log(log::Log),
    Create(create::Create),
    Retry(decide::Retry),
    Cancel(decide::Cancel),
    Rescore(decide::Rescore),
    Claim(claim::Claim),
    Finish(report::Finish),
    Fail(report::Fail),
    GiveBack(report::GiveBack),
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        match self {
            Self::List(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Log(command) => command.run(session),
            Self::Create(command) => command.run(session),
            Self::Retry(command) => command.run(session),
            Self::Cancel(command) => command.run(session),
            Self::Rescore(command) => command.run(session),
            Self::Claim(command) => command.run(session),
            Self::Finish(command) => command.run(session),
            Self::Fail(command) => command.run(session),
            Self::GiveBack(command) => command.run(session),
        }
    }
}

/// The number of a build.
fn build_number(text: &str) -> Result<BuildId, String> {
    text.parse()
        .ok()
        .filter(|id| *id > 0)
        .map(BuildId)
        .ok_or_else(|| "a build is meant by its number, as `pressroom build list` shows it".to_owned())
}

/// A build as programs read it.
#[derive(Debug, Serialize)]
struct Shown {
    build: i64,
    status: BuildStatus,
    archive: String,
    suite: String,
    architecture: String,
    source: String,
    version: String,
    /// Makes the packages for all architectures too.
    arch_indep: bool,
    score: i64,
    score_is_manual: bool,
    urgency: String,
    builder: Option<String>,
    dependencies: Option<String>,
    has_log: bool,
    created: Timestamp,
    started: Option<Timestamp>,
    finished: Option<Timestamp>,
}

impl Shown {
    fn new(db: &Connection, build: &Build) -> anyhow::Result<Self> {
        Ok(Self {
            build: build.id.0,
            status: build.status,
            archive: archive::archive_by_id(db, build.archive)?.reference.to_string(),
            suite: build.suite_name.to_string(),
            architecture: build.architecture.to_string(),
            source: build.source_name.to_string(),
            version: build.version.to_string(),
            arch_indep: build.arch_indep,
            score: build.score,
            score_is_manual: build.score_is_manual,
            urgency: build.urgency.clone(),
            builder: build.builder.clone(),
            dependencies: build.dependencies.clone(),
            has_log: build.build_log.is_some(),
            created: build.date_created,
            started: build.date_started,
            finished: build.date_finished,
        })
    }

    /// `5 hello 2.10-3 for amd64 (s of d)`.
    fn title(&self) -> String {
        format!(
            "{} for {}{} {}",
            painted(BOLD, format!("{} {} {}", self.build, self.source, self.version)),
            self.architecture,
            if self.arch_indep { " and all" } else { "" },
            painted(DIM, format!("({} of {})", self.suite, self.archive)),
        )
    }
}

/// A file of the source that is built.
#[derive(Debug, Serialize)]
struct SourceFile {
    name: String,
    size_bytes: u64,
    sha256: String,
    /// Where it lies on this host.
    path: String,
}

/// The files of the source that is built, the .dsc among them.
fn source_files(root: &Root, db: &Connection, build: &Build) -> anyhow::Result<Vec<SourceFile>> {
    let librarian = root.librarian();
    let files = indexed::source_files(db, build.source)?;
    Ok(files
        .into_iter()
        .map(|(name, digests)| SourceFile {
            name: name.to_string(),
            size_bytes: digests.size_bytes,
            sha256: digests.sha256.to_string(),
            path: librarian.path(&digests.sha256).display().to_string(),
        })
        .collect())
}

/// A status in its colour.
fn status_text(status: BuildStatus) -> String {
    let style = match status {
        BuildStatus::FullyBuilt => GOOD,
        BuildStatus::FailedToBuild | BuildStatus::ChrootWait | BuildStatus::FailedToUpload => BAD,
        BuildStatus::ManualDepWait | BuildStatus::Cancelling => WARN,
        BuildStatus::Superseded | BuildStatus::Cancelled => DIM,
        BuildStatus::NeedsBuild | BuildStatus::Building | BuildStatus::Gathering | BuildStatus::Uploading => {
            BOLD
        }
    };
    painted(style, status)
}

/// A date for people, to the minute.
fn date_text(date: Timestamp) -> String {
    date.strftime("%Y-%m-%d %H:%M").to_string()
}
