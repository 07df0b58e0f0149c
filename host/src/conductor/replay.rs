//! Hooks of a run of the past, called again because an operator says so.
//!
//! For good it is a run of its own, under the lock of that run's publisher and in `script_activity`. As a dry run it takes no lock and leaves no row: it looks at the
//! archive as it is.

use anyhow::Context;
use pressroom_archive::domain::{Publisher, RunId, RunOutcome};
use pressroom_archive::store::distribution::{Distribution, distribution};
use pressroom_archive::store::hook_run::{self, Overridden, Recorded};
use pressroom_archive::store::run::{self as run_rows, find_run};
use pressroom_archive::store::{Connection, Db, StoreError, publisher};
use pressroom_sandbox::Point;

use super::lock::Lock;
use crate::clock::Clock;
use crate::hooks::replay::{Component, Obstacle, Ready, Rehearsed, Replayer};
use crate::hooks::{self, Registry};
use crate::root::Root;

/// The name of such a run in `script_activity`.
const SCRIPT: &str = "hook-replay";

/// Which calls are meant.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) run: RunId,
    /// Only at this point.
    pub(crate) point: Option<Point>,
    /// Only of this hook: its own name, or its file's.
    pub(crate) hook: Option<String>,
    /// Those with which nothing is wrong (any more) as well.
    pub(crate) everything: bool,
    pub(crate) component: Component,
}

/// What a replay did.
#[derive(Debug)]
pub(crate) struct Replayed {
    /// Its own run; none: there was nothing to do.
    pub(crate) run: Option<RunId>,
    /// The calls that it made.
    pub(crate) calls: Vec<Recorded>,
    /// Hooks of before the installation that failed in that run, which only a dry run can call again.
    pub(crate) only_as_dry_run: Vec<String>,
}

/// Calls that cannot be made again: all of them, and nothing was done.
#[derive(Debug, thiserror::Error)]
#[error("no hook was called, because:\n{}", self.lines())]
pub(crate) struct Obstacles(Vec<Obstacle>);

impl Obstacles {
    fn lines(&self) -> String {
        self.0.iter().map(|obstacle| format!("  {obstacle}")).collect::<Vec<_>>().join("\n")
    }

    /// Whether the operator can put something right among the hooks.
    pub(crate) fn is_configuration(&self) -> bool {
        self.0.iter().any(Obstacle::is_configuration)
    }
}

/// A question that names no call.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoSuchCall(String);

/// What replaying takes besides the rows.
struct Means {
    registry: Registry,
    sandbox: pressroom_sandbox::Sandbox,
    program: std::path::PathBuf,
}

impl Means {
    fn gather(root: &Root, db: &Connection, distribution: &Distribution) -> anyhow::Result<Self> {
        let registry = Registry::load(root, db, &root.hooks_folder(&distribution.name))?;
        let program = hooks::this_program().context("cannot find this program, to start hooks with")?;
        let sandbox = hooks::sandbox()
            .context("cannot find this program, to start hooks with")?
            .requiring_walls(root.config.hooks.require_walls);
        Ok(Self { registry, sandbox, program })
    }

    fn replayer<'a>(&'a self, root: &'a Root, clock: Clock) -> Replayer<'a> {
        Replayer {
            root,
            registry: &self.registry,
            sandbox: &self.sandbox,
            launcher: Some(&self.program),
            clock,
        }
    }
}

/// Whose lock it takes to call hooks of a run again: its publisher's.
fn publisher_of(db: &Connection, run: RunId) -> Result<Publisher, StoreError> {
    Ok(find_run(db, run)?.publisher.unwrap_or(Publisher::MainArchives))
}

/// The distribution that a run was for.
pub(crate) fn distribution_of(db: &Connection, run: RunId) -> anyhow::Result<Distribution> {
    let run = find_run(db, run)?;
    let name = run.distribution.parse().with_context(|| format!("run {} was for no distribution", run.id))?;
    Ok(distribution(db, &name)?)
}

/// Calls hooks of a run again, for good.
pub(crate) fn replay(root: &Root, wanted: &Wanted, clock: Clock) -> anyhow::Result<Replayed> {
    let mut db = root.db()?;
    let distribution = distribution_of(db.read(), wanted.run)?;
    let publisher = publisher_of(db.read(), wanted.run)?;
    let _lock = Lock::take(&root.locks_folder(), &distribution.name, publisher, clock.now())?;
    // read under the lock: a publisher may have called them again meanwhile
    let mut only_as_dry_run = Vec::new();
    let mut calls = Vec::new();
    for first in calls_of(db.read(), wanted)? {
        if first.call.point == Point::PrePublication.as_str() {
            only_as_dry_run.extend(first.is_owed().then_some(first.call.hook));
        } else if first.is_owed() || wanted.everything {
            calls.push(first);
        }
    }
    if calls.is_empty() {
        return Ok(Replayed { run: None, calls, only_as_dry_run });
    }
    let means = Means::gather(root, db.read(), &distribution)?;
    let replayer = means.replayer(root, clock);
    let ready = all_or_nothing(&calls, |first| replayer.prepare(db.read(), first, wanted.component))?;
    let host = crate::root::host_name();
    let run =
        db.write(|tx| publisher::begin_run(tx, SCRIPT, &host, (distribution.id, publisher), clock.now()))?;
    let made = call_all(&replayer, &mut db, run, &ready);
    let (outcome, message) = match &made {
        Ok(failed) if failed.is_empty() => {
            (RunOutcome::Succeeded, format!("{} hooks of run {} called again", ready.len(), wanted.run))
        }
        Ok(failed) => (RunOutcome::Failed, failed.join("; ")),
        Err(error) => (RunOutcome::Failed, error.to_string()),
    };
    db.write(|tx| run_rows::end_run(tx, run, outcome, &message, clock.now()))?;
    made?;
    Ok(Replayed { run: Some(run), calls: hook_run::hook_runs_of(db.read(), run)?, only_as_dry_run })
}

/// Leaves the failures of a run after the installation as they are: no run and no replay calls these hooks again by itself.
pub(crate) fn dismiss(
    root: &Root,
    wanted: &Wanted,
    word: &Overridden,
    clock: Clock,
) -> anyhow::Result<Vec<Recorded>> {
    let mut db = root.db()?;
    let distribution = distribution_of(db.read(), wanted.run)?;
    let publisher = publisher_of(db.read(), wanted.run)?;
    let _lock = Lock::take(&root.locks_folder(), &distribution.name, publisher, clock.now())?;
    let mut dismissed = calls_of(db.read(), wanted)?;
    dismissed.retain(|first| first.is_owed() && first.call.point != Point::PrePublication.as_str());
    db.write(|tx| dismissed.iter().try_for_each(|first| hook_run::dismiss(tx, first.id, word)))?;
    Ok(dismissed)
}

/// How those that failed have failed.
fn call_all(
    replayer: &Replayer<'_>,
    db: &mut Db,
    run: RunId,
    ready: &[Ready<'_>],
) -> Result<Vec<String>, StoreError> {
    let mut failed = Vec::new();
    for one in ready {
        let again = replayer.again(db, run, one)?;
        if !again.outcome.is_success() {
            failed.push(again.said);
        }
    }
    Ok(failed)
}

/// A hook that was called again with nothing kept.
pub(crate) struct DryRun {
    pub(crate) first: Recorded,
    /// What it could not be told.
    pub(crate) unknown: Option<String>,
    /// None: it is a program, which was not started.
    pub(crate) rehearsed: Option<Rehearsed>,
}

/// Calls hooks of a run again and keeps nothing of it.
pub(crate) fn rehearse(root: &Root, wanted: &Wanted, clock: Clock) -> anyhow::Result<Vec<DryRun>> {
    let db = root.db()?;
    let distribution = distribution_of(db.read(), wanted.run)?;
    let calls = calls_of(db.read(), wanted)?;
    let means = Means::gather(root, db.read(), &distribution)?;
    let replayer = means.replayer(root, clock);
    let ready =
        all_or_nothing(&calls, |first| replayer.prepare_rehearsal(db.read(), first, wanted.component))?;
    if let (Some(program), true, Some(_)) =
        (ready.first(), ready.iter().all(Ready::is_executable), &wanted.hook)
    {
        return Err(NoSuchCall(format!(
            "{} is an executable: it cannot be told that this is a dry run, and nothing would keep it from doing what it does; replay it for good, \
             or run it by hand",
            program.first.call.hook
        ))
        .into());
    }
    Ok(ready
        .iter()
        .map(|one| DryRun {
            first: one.first.clone(),
            unknown: one.unknown().map(str::to_owned),
            rehearsed: (!one.is_executable()).then(|| replayer.rehearse(db.read(), one)),
        })
        .collect())
}

/// The first calls that are meant.
fn calls_of(db: &Connection, wanted: &Wanted) -> anyhow::Result<Vec<Recorded>> {
    let all = hook_run::first_calls_of(db, wanted.run)?;
    let at_point: Vec<Recorded> = all
        .into_iter()
        .filter(|first| wanted.point.is_none_or(|point| first.call.point == point.as_str()))
        .collect();
    let Some(name) = &wanted.hook else { return Ok(at_point) };
    let (meant, others): (Vec<_>, Vec<_>) =
        at_point.into_iter().partition(|first| hooks::is_called(&first.call.hook, name));
    if meant.is_empty() {
        let known: std::collections::BTreeSet<String> =
            others.into_iter().map(|first| first.call.hook).collect();
        let place = wanted.point.map(|point| format!(" at {point}")).unwrap_or_default();
        let among = if known.is_empty() {
            "no hook was".to_owned()
        } else {
            format!("those that were are {}", known.into_iter().collect::<Vec<_>>().join(", "))
        };
        return Err(
            NoSuchCall(format!("run {} did not call a hook {name}{place}: {among}", wanted.run)).into()
        );
    }
    Ok(meant)
}

fn all_or_nothing<'a>(
    calls: &'a [Recorded],
    prepare: impl Fn(&'a Recorded) -> Result<Result<Ready<'a>, Obstacle>, StoreError>,
) -> anyhow::Result<Vec<Ready<'a>>> {
    let (mut ready, mut obstacles) = (Vec::new(), Vec::new());
    for first in calls {
        match prepare(first)? {
            Ok(one) => ready.push(one),
            Err(obstacle) => obstacles.push(obstacle),
        }
    }
    if obstacles.is_empty() { Ok(ready) } else { Err(Obstacles(obstacles).into()) }
}
