//! `pressroom queue`: what its commands have in common: the words that mean uploads, and how an upload is said in a line.

mod accept;
mod decided;
mod diff;
mod fetch;
mod list;
mod log;
mod overrides;
mod reject;
mod show;

use clap::ValueEnum;
use jiff::Timestamp;
use pressroom_archive::domain::{ArchiveReference, SuiteName, UploadStatus};
use pressroom_archive::queue::{self, Asked, Entry, Item, Use, Word};
use pressroom_archive::store::package_upload::PackageUpload;
use pressroom_archive::store::{Connection, archive};
use serde::Serialize;

use super::exit;
use super::output::{BAD, BOLD, DIM, GOOD, WARN, painted};
use crate::cli::{End, Session};

/// Look at uploads that wait for a decision, and at those of the past; file their packages, let them in or refuse them.
///
/// An UPLOAD is a number, the name of a source or a part of it, or NAME/VERSION.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    List(list::List),
    Show(show::Show),
    Diff(diff::Diff),
    Fetch(fetch::Fetch),
    #[command(subcommand)]
    Override(overrides::Override),
    Accept(accept::Accept),
    Reject(reject::Reject),
    Log(log::Log),
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        match self {
            Self::List(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Diff(command) => command.run(session),
            Self::Fetch(command) => command.run(session),
            Self::Override(command) => command.run(session),
            Self::Accept(command) => command.run(session),
            Self::Reject(command) => command.run(session),
            Self::Log(command) => command.run(session),
        }
    }
}

/// Where uploads are looked for.
#[derive(Debug, clap::Args)]
struct Where {
    /// Only uploads for this suite, as one or one-updates.
    #[arg(long)]
    suite: Option<SuiteName>,
    /// Only uploads to this archive; without it, to any.
    #[arg(long)]
    archive: Option<ArchiveReference>,
    /// Only uploads that have come so far; more of them with commas between.
    #[arg(long, visible_alias = "queue", value_enum, value_delimiter = ',', ignore_case = true)]
    status: Vec<Status>,
    /// Names are whole names, not parts of them.
    #[arg(long)]
    exact: bool,
}

/// How far an upload has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    New,
    Unapproved,
    Accepted,
    Done,
    Rejected,
    All,
}

impl Status {
    const fn statuses(self) -> &'static [UploadStatus] {
        match self {
            Self::New => &[UploadStatus::New],
            Self::Unapproved => &[UploadStatus::Unapproved],
            Self::Accepted => &[UploadStatus::Accepted],
            Self::Done => &[UploadStatus::Done],
            Self::Rejected => &[UploadStatus::Rejected],
            Self::All => UploadStatus::ALL,
        }
    }
}

/// What waits for somebody.
const WAITING: &[UploadStatus] = &[UploadStatus::New, UploadStatus::Unapproved];

impl Where {
    /// The uploads that words mean there; where no status is asked for, those of `otherwise`.
    fn find(
        &self,
        db: &Connection,
        words: &[Word],
        otherwise: &[UploadStatus],
        what_for: Use,
    ) -> anyhow::Result<Vec<PackageUpload>> {
        let archive = match &self.archive {
            Some(reference) => Some(archive::archive(db, reference)?.id),
            None => None,
        };
        if let Some(suite) = &self.suite {
            refuse_unknown_suite(db, suite)?;
        }
        let mut statuses: Vec<UploadStatus> =
            self.status.iter().flat_map(|status| status.statuses()).copied().collect();
        if self.status.is_empty() {
            statuses.extend(otherwise);
        }
        let asked =
            Asked { words, archive, suite: self.suite.as_ref(), statuses: &statuses, exact: self.exact };
        queue::find(db, &asked, what_for).map_err(|error| match error {
            queue::FindError::Store(error) => error.into(),
            unclear @ (queue::FindError::Nothing { .. }
            | queue::FindError::Several { .. }
            | queue::FindError::Elsewhere { .. }) => exit::usage(unclear.to_string()),
        })
    }
}

/// A suite that is nowhere is a slip, not a suite without uploads.
fn refuse_unknown_suite(db: &Connection, name: &SuiteName) -> anyhow::Result<()> {
    use pressroom_archive::store::{distribution, series};
    let mut known = Vec::new();
    for distribution in distribution::distributions(db)? {
        for series in series::series_of(db, distribution.id)? {
            if series.name == *name.series() {
                return Ok(());
            }
            known.push(series.name.to_string());
        }
    }
    Err(exit::usage(format!("there is no suite {name}: there are the series {}", known.join(", "))))
}

/// An upload as programs read it.
#[derive(Debug, Serialize)]
struct Shown {
    upload: i64,
    status: UploadStatus,
    archive: String,
    suite: String,
    source: String,
    version: String,
    policy: &'static str,
    changed_by: String,
    signer: Option<String>,
    signing_key: Option<String>,
    created: Timestamp,
    ended: Option<Timestamp>,
    items: Vec<Item>,
}

impl Shown {
    fn new(entry: &Entry) -> Self {
        let upload = &entry.upload;
        Self {
            upload: upload.id.0,
            status: upload.status,
            archive: entry.archive.reference.to_string(),
            suite: entry.suite.name.to_string(),
            source: upload.source_name.to_string(),
            version: upload.version.to_string(),
            policy: upload.policy.as_str(),
            changed_by: upload.changed_by.clone(),
            signer: entry.signer.as_ref().map(ToString::to_string),
            signing_key: upload.signing_key.clone(),
            created: upload.date_created,
            ended: upload.date_ended,
            items: entry.items(),
        }
    }
}

/// A status in its colour.
fn status_text(status: UploadStatus) -> String {
    let style = match status {
        UploadStatus::New | UploadStatus::Unapproved => WARN,
        UploadStatus::Accepted | UploadStatus::Done => GOOD,
        UploadStatus::Rejected => BAD,
    };
    painted(style, status)
}

/// `12 hello 2.10-3, s of d`.
fn title(entry: &Entry) -> String {
    let upload = &entry.upload;
    format!(
        "{} {}",
        painted(BOLD, format!("{} {} {}", upload.id, upload.source_name, upload.version)),
        painted(DIM, format!("({} of {})", entry.suite.name, entry.archive.reference)),
    )
}

/// A date for people, to the minute.
fn date_text(date: Timestamp) -> String {
    date.strftime("%Y-%m-%d %H:%M").to_string()
}
