//! `pressroom copy-request`, and what a request is in words.

use anyhow::Context;
use pressroom_archive::copy::populate;
use pressroom_archive::domain::{ArchiveReference, CopyRequestId, CopyRequestStatus};
use pressroom_archive::store::archive::archive_by_id;
use pressroom_archive::store::copy_request::{
    CopyProblem, CopyRequest, Done, Listed, components_of, problems_of, request, requests, suites_of,
};
use pressroom_archive::store::distribution::{Distribution, distribution};
use pressroom_archive::store::{Connection, Db, StoreError};
use serde::Serialize;

use super::output::{BAD, BOLD, WARN, painted, table};
use super::who::{self, As};
use super::{End, Session, exit};
use crate::conductor::LockError;
use crate::conductor::copy_requests::{self, Left, Pace};
use crate::root::Root;
use crate::stop::Stop;

/// So many names are copied in one transaction.
const BATCH: u32 = 100;

/// Requests to fill copy archives, which `populate-archive` makes: look at them, go on with them, drop them.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the requests: those about which something is still to be done.
    List {
        /// Also those that have come to their end.
        #[arg(long)]
        all: bool,
        /// Only those into this archive.
        #[arg(long, value_name = "ARCHIVE")]
        to: Option<ArchiveReference>,
    },
    /// Show a request: who asked for what, how far it has come, what could not be copied.
    Show {
        #[arg(value_name = "REQUEST")]
        request: i64,
    },
    /// Go on with requests, from where they were: those that are named, or all that have not come to their end.
    ///
    /// For example: pressroom copy-request process 3
    Process {
        #[arg(value_name = "REQUEST")]
        requests: Vec<i64>,
        #[command(flatten)]
        batch: Batch,
    },
    /// Drop a request. What has been copied stays.
    Cancel {
        #[arg(value_name = "REQUEST")]
        request: i64,
        /// Why; it is kept with the request.
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        by: As,
    },
}

/// How much is done in one transaction.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Batch {
    /// So many packages are copied at once: others who write to the database wait as long, and as much is done again after a crash.
    #[arg(long = "batch", value_name = "NUMBER", default_value_t = BATCH, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) size: u32,
}

/// A suite of a request.
#[derive(Debug, Serialize)]
struct SuiteView {
    from: String,
    to: String,
    is_done: bool,
    #[serde(flatten)]
    done: Done,
}

/// A request, for people and programs.
#[derive(Debug, Serialize)]
pub(super) struct RequestView {
    request: i64,
    status: String,
    message: String,
    from: String,
    to: String,
    /// Whether the target is built and published.
    enabled: bool,
    with_binaries: bool,
    components: Vec<String>,
    package_sets: Vec<String>,
    requester: String,
    reason: String,
    requested: String,
    started: Option<String>,
    completed: Option<String>,
    total: Done,
    suites: Vec<SuiteView>,
    not_copied: Vec<CopyProblem>,
}

impl RequestView {
    pub(super) fn of(db: &Connection, row: &CopyRequest) -> Result<Self, StoreError> {
        let target = archive_by_id(db, row.target_archive)?;
        Ok(Self {
            request: row.id.0,
            status: row.status.to_string(),
            message: row.status_message.clone(),
            from: archive_by_id(db, row.source_archive)?.reference.to_string(),
            to: target.reference.to_string(),
            enabled: target.enabled,
            with_binaries: row.copy_binaries,
            components: components_of(db, row.id)?.into_iter().map(|(_, name)| name.to_string()).collect(),
            package_sets: row.package_sets.split_whitespace().map(str::to_owned).collect(),
            requester: row.requester.clone(),
            reason: row.reason.clone(),
            requested: row.date_created.to_string(),
            started: row.date_started.map(|date| date.to_string()),
            completed: row.date_completed.map(|date| date.to_string()),
            total: copy_requests::total(db, row.id)?,
            suites: suites_of(db, row.id)?
                .into_iter()
                .map(|one| SuiteView {
                    from: one.from_name.to_string(),
                    to: one.to_name.to_string(),
                    is_done: one.is_done,
                    done: one.done,
                })
                .collect(),
            not_copied: problems_of(db, row.id)?,
        })
    }

    /// What was done, and what could not be.
    pub(super) fn text(&self) -> String {
        let total = &self.total;
        let mut text = format!(
            "{} {} -> {}: {} sources, {} publications of binary packages, {} builds; {} left alone, {} not copied\n",
            painted(BOLD, format!("copy request {} {}", self.request, self.status)),
            self.from,
            self.to,
            total.sources,
            total.binaries,
            total.builds,
            total.left_alone,
            self.not_copied.len()
        );
        if !self.message.is_empty() {
            text.push_str(&format!("  {}\n", self.message));
        }
        for one in &self.not_copied {
            text.push_str(&format!(
                "  {} {} to {}: {}\n",
                painted(WARN, "not copied:"),
                one.package,
                one.suite,
                one.message
            ));
        }
        text
    }

    /// Everything that is known.
    fn whole_text(&self) -> String {
        let mut text = self.text();
        let listed = |names: &[String], none: &str| {
            if names.is_empty() { none.to_owned() } else { names.join(", ") }
        };
        let what = if self.with_binaries { "sources and binary packages" } else { "sources, to be built" };
        let lines = [
            ("What", what.to_owned()),
            ("Components", listed(&self.components, "all")),
            ("Package sets", listed(&self.package_sets, "all packages")),
            ("Asked for by", self.requester.clone()),
            ("Why", self.reason.clone()),
            ("Asked for", self.requested.clone()),
            ("Begun", self.started.clone().unwrap_or_else(|| "not yet".to_owned())),
            ("Ended", self.completed.clone().unwrap_or_else(|| "not yet".to_owned())),
        ];
        for (name, value) in lines {
            text.push_str(&format!("  {name}: {value}\n"));
        }
        let cells: Vec<Vec<String>> = self
            .suites
            .iter()
            .map(|one| {
                vec![
                    one.from.clone(),
                    one.to.clone(),
                    one.done.sources.to_string(),
                    one.done.binaries.to_string(),
                    one.done.builds.to_string(),
                    one.done.left_alone.to_string(),
                    if one.is_done { "all of it" } else { "not all yet" }.to_owned(),
                ]
            })
            .collect();
        text.push_str(&table(&["FROM", "TO", "SOURCES", "BINARIES", "BUILDS", "LEFT ALONE", "DONE"], &cells));
        text
    }
}

impl Command {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let mut db = root.db()?;
        match self {
            Self::List { all, to } => list(session, &db, *all, to.as_ref()),
            Self::Show { request: id } => {
                let view = RequestView::of(db.read(), &request(db.read(), CopyRequestId(*id))?)?;
                session.output.show(&view, || view.whole_text())?;
                Ok(End::Success)
            }
            Self::Process { requests, batch } => process(session, &root, &mut db, requests, *batch),
            Self::Cancel { request, reason, by } => {
                cancel(session, &root, &mut db, CopyRequestId(*request), reason, by)
            }
        }
    }
}

fn list(session: &Session, db: &Db, all: bool, to: Option<&ArchiveReference>) -> anyhow::Result<End> {
    let wanted = match to {
        None => None,
        Some(reference) => Some(pressroom_archive::store::archive::archive(db.read(), reference)?.id),
    };
    let listed = if all { Listed::All } else { Listed::Open };
    let mut views = Vec::new();
    for row in requests(db.read(), listed)? {
        if wanted.is_none_or(|id| id == row.target_archive) {
            views.push(RequestView::of(db.read(), &row)?);
        }
    }
    session.output.show(&views, || {
        if views.is_empty() {
            return if all { "There is no copy request.\n" } else { "No copy request is open.\n" }.to_owned();
        }
        let cells: Vec<Vec<String>> = views
            .iter()
            .map(|one| {
                vec![
                    one.request.to_string(),
                    one.status.clone(),
                    one.from.clone(),
                    one.to.clone(),
                    one.total.sources.to_string(),
                    one.total.binaries.to_string(),
                    one.requester.clone(),
                    one.reason.clone(),
                ]
            })
            .collect();
        table(&["REQUEST", "STATUS", "FROM", "TO", "SOURCES", "BINARIES", "BY", "WHY"], &cells)
    })?;
    Ok(End::Success)
}

/// The distribution whose archive a request fills.
fn distribution_of(db: &Connection, id: CopyRequestId) -> Result<Distribution, StoreError> {
    let target = archive_by_id(db, request(db, id)?.target_archive)?;
    distribution(db, target.reference.distribution())
}

fn process(session: &Session, root: &Root, db: &mut Db, named: &[i64], batch: Batch) -> anyhow::Result<End> {
    let wanted = match named {
        [] => copy_requests::open(db.read())?,
        named => named.iter().copied().map(CopyRequestId).collect(),
    };
    for id in &wanted {
        let status = request(db.read(), *id)?.status;
        if !status.is_open() {
            return Err(exit::usage(format!(
                "copy request {id} is {status}: nothing more is done about it; `pressroom populate-archive --merge-copy` brings in what is missing"
            )));
        }
    }
    let stop = Stop::on_signals()?;
    let (mut views, mut worst) = (Vec::new(), Ok(End::Success));
    for id in wanted {
        if stop.is_asked() {
            break;
        }
        match carry_out(session, root, db, id, batch, &stop) {
            Ok((view, end)) => {
                views.push(view);
                worst = exit::worse(worst, Ok(end));
            }
            // somebody else is at it, and looks at everything that is asked for one after the other
            Err(error) if named.is_empty() && error.downcast_ref::<LockError>().is_some() => {
                anstream::eprintln!("{} {error}", painted(WARN, "left alone:"));
            }
            Err(error) => worst = exit::worse(worst, Err(error)),
        }
    }
    session.output.show(&views, || match views.as_slice() {
        [] => "No copy request is open.\n".to_owned(),
        views => views.iter().map(RequestView::text).collect(),
    })?;
    worst
}

/// Carries a request out, and says how it was left.
pub(super) fn carry_out(
    session: &Session,
    root: &Root,
    db: &mut Db,
    id: CopyRequestId,
    batch: Batch,
    stop: &Stop,
) -> anyhow::Result<(RequestView, End)> {
    let of = distribution_of(db.read(), id)?;
    let pace = Pace { batch: batch.size, stop, clock: session.clock };
    let left = copy_requests::run(root, db, &of, id, pace)?;
    let view = RequestView::of(db.read(), &request(db.read(), id)?)?;
    let end = match left {
        Left::Ended(CopyRequestStatus::Failed) => {
            anstream::eprintln!("{} {}", painted(BAD, "not done:"), view.message);
            End::Failure
        }
        Left::Ended(_) if view.not_copied.is_empty() => End::Success,
        Left::Ended(_) => End::Failure,
        Left::Stopped => {
            anstream::eprintln!(
                "{} `pressroom copy-request process {id}` goes on where it was",
                painted(WARN, "stopped:")
            );
            End::Failure
        }
    };
    Ok((view, end))
}

fn cancel(
    session: &Session,
    root: &Root,
    db: &mut Db,
    id: CopyRequestId,
    reason: &str,
    by: &As,
) -> anyhow::Result<End> {
    let reason = who::reason(reason)?;
    let actor = by.actor(root, db)?;
    let of = distribution_of(db.read(), id)?;
    let is_at_work = copy_requests::is_at_work(root, &of, session.clock)?;
    let now = session.clock.now();
    let status = db
        .write(|tx| populate::cancel(tx, id, (&actor, is_at_work), &reason, now))
        .with_context(|| format!("copy request {id} was not cancelled"))?;
    let view = RequestView::of(db.read(), &request(db.read(), id)?)?;
    session.output.show(&view, || {
        let what = if status == CopyRequestStatus::Canceling {
            "whoever is at it stops after the packages that are under way"
        } else {
            "what has been copied stays"
        };
        format!("copy request {id} is {status}: {what}\n")
    })?;
    Ok(End::Success)
}
