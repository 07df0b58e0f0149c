//! `pressroom build retry|cancel|rescore`: what people want of builds, and whether they may.

use pressroom_archive::build;
use pressroom_archive::domain::{BuildId, BuildStatus, SourceName, SourceReleaseId};
use pressroom_archive::people::{Actor, Denied, UploadQuestion, package_sets_of, rights};
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::binary_package_build::{self as rows, Filter, Order};
use pressroom_archive::store::suite::Suite;
use pressroom_archive::store::{Connection, Db, StoreError, Transaction, archive, build_source, suite};
use serde::Serialize;

use super::{Shown, build_number, status_text};
use crate::cli::output::{BAD, painted};
use crate::cli::who::{As, comment};
use crate::cli::{End, Session};

/// Let builds that have ended without packages be tried once more. Whoever may upload the source may, and whoever administers the queue.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Retry {
    #[command(flatten)]
    by: As,
    /// A word about it; it is kept with the build.
    #[arg(long, visible_alias = "reason", default_value = "")]
    comment: String,
    #[arg(required = true, value_name = "BUILD", value_parser = build_number)]
    builds: Vec<BuildId>,
}

/// Let nobody build something. What is being built ends when its builder stops, or, where that has died, when it is cancelled once more.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Cancel {
    #[command(flatten)]
    by: As,
    /// A word about it; it is kept with the build.
    #[arg(long, visible_alias = "reason", default_value = "")]
    comment: String,
    #[arg(required = true, value_name = "BUILD", value_parser = build_number)]
    builds: Vec<BuildId>,
}

/// Compute the scores of builds that wait again, as after a change of a package set; or set one, which stays. For who administers the queue.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Rescore {
    #[command(flatten)]
    by: As,
    /// The score; the highest is built first. Without it, it is computed, also where it was set before.
    #[arg(long, allow_negative_numbers = true, conflicts_with = "waiting")]
    score: Option<i64>,
    /// All that wait and have no score that a person has set.
    #[arg(long, conflicts_with = "builds")]
    waiting: bool,
    #[arg(required_unless_present = "waiting", value_name = "BUILD", value_parser = build_number)]
    builds: Vec<BuildId>,
}

impl Retry {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let said = comment(&self.comment)?;
        Deciding::begin(session, &self.by)?.all(&self.builds, Right::UploadOrAdminister, |tx, id, actor| {
            build::retry(tx, id, actor, &said, session.clock.now())
        })
    }
}

impl Cancel {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let said = comment(&self.comment)?;
        Deciding::begin(session, &self.by)?.all(&self.builds, Right::Administer, |tx, id, actor| {
            build::cancel(tx, id, actor, &said, session.clock.now()).map(|_| ())
        })
    }
}

impl Rescore {
    pub(in crate::cli) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let deciding = Deciding::begin(session, &self.by)?;
        let builds = if self.waiting { waiting(deciding.db.read())? } else { self.builds.clone() };
        deciding.all(&builds, Right::Administer, |tx, id, actor| {
            build::set_score(tx, id, self.score, actor, session.clock.now()).map(|_| ())
        })
    }
}

/// The builds that wait with a computed score.
fn waiting(db: &Connection) -> Result<Vec<BuildId>, StoreError> {
    let filter = Filter { statuses: &[BuildStatus::NeedsBuild], ..Filter::default() };
    let builds = rows::builds(db, &filter, Order::Score, u32::MAX)?;
    Ok(builds.into_iter().filter(|build| !build.score_is_manual).map(|build| build.id).collect())
}

/// Which right a command asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    Administer,
    UploadOrAdminister,
}

/// Somebody, about to decide.
struct Deciding<'a> {
    session: &'a Session,
    db: Db,
    actor: Actor,
}

/// What became of a build.
#[derive(Serialize)]
struct Decided {
    #[serde(flatten)]
    shown: Shown,
}

/// A build of which nothing became.
#[derive(Serialize)]
struct Refused {
    build: i64,
    reason: String,
}

#[derive(Serialize, Default)]
struct Decisions {
    done: Vec<Decided>,
    refused: Vec<Refused>,
}

impl<'a> Deciding<'a> {
    fn begin(session: &'a Session, by: &As) -> anyhow::Result<Self> {
        let root = session.root()?;
        let db = root.db()?;
        let actor = by.actor(&root, &db)?;
        Ok(Self { session, db, actor })
    }

    /// Decides over each of the builds, if whoever asks may: asked in the transaction that does it. One that cannot be stops no other.
    fn all(
        mut self,
        builds: &[BuildId],
        right: Right,
        decide: impl Fn(&Transaction<'_>, BuildId, &str) -> Result<(), StoreError>,
    ) -> anyhow::Result<End> {
        let mut decisions = Decisions::default();
        let mut last = None;
        for id in builds {
            let decided = self.db.write(|tx| {
                may(tx, &self.actor, *id, right)?;
                decide(tx, *id, self.actor.name())?;
                Ok::<_, anyhow::Error>(Decided { shown: Shown::new(tx, &rows::build(tx, *id)?)? })
            });
            match decided {
                Ok(done) => decisions.done.push(done),
                // one alone ends as its error says
                Err(error) if builds.len() == 1 => last = Some(error),
                Err(error) => decisions.refused.push(Refused { build: id.0, reason: format!("{error:#}") }),
            }
        }
        if let Some(error) = last {
            return Err(error);
        }
        self.session.output.show(&decisions, || {
            if builds.is_empty() {
                return "No build waits with a score that is computed.\n".to_owned();
            }
            let line = |Decided { shown }: &Decided| {
                format!("{} is {}, score {}\n", shown.title(), status_text(shown.status), shown.score)
            };
            decisions.done.iter().map(line).collect()
        })?;
        if self.session.output.is_text() {
            for Refused { build, reason } in &decisions.refused {
                anstream::eprintln!("{} {reason}", painted(BAD, format!("not done with build {build}:")));
            }
        }
        Ok(if decisions.refused.is_empty() { End::Success } else { End::Failure })
    }
}

fn may(tx: &Transaction<'_>, actor: &Actor, id: BuildId, right: Right) -> anyhow::Result<()> {
    let build = rows::build(tx, id)?;
    let archive = archive::archive_by_id(tx, build.archive)?;
    let suite = suite::suite_by_id(tx, build.suite)?;
    judge(tx, actor, (&archive, &suite), (build.source, &build.source_name), right)??;
    Ok(())
}

/// Whether somebody may decide over the builds of a source: by the place where it is filed.
pub(super) fn judge(
    db: &Connection,
    actor: &Actor,
    (archive, suite): (&Archive, &Suite),
    (source, name): (SourceReleaseId, &SourceName),
    right: Right,
) -> Result<Result<(), Denied>, StoreError> {
    let pocket = suite.name.pocket();
    let component = build_source::score_facts(db, suite.id, source)?.component;
    let rights = rights(db, archive, actor)?;
    let components: Vec<_> = component.clone().into_iter().collect();
    let administers = rights.may_administer(suite.series, pocket, &components);
    if right == Right::Administer || administers.is_ok() {
        return Ok(administers);
    }
    let sets = package_sets_of(db, suite.series, name)?;
    let question = UploadQuestion {
        series: suite.series,
        pocket,
        component: component.as_ref().map(|(id, name)| (*id, name)),
        source: name,
        package_sets: &sets,
        is_new: false,
    };
    Ok(rights.may_upload(&question))
}
