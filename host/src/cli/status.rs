//! `pressroom status`: what is pending, published, dirty.

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::domain::plain;
use pressroom_archive::domain::{
    DistributionName, HookOutcome, IndexEngine, PackageKind, PublicationStatus, RunId, ScriptState,
};
use pressroom_archive::release::renewal::valid_until;
use pressroom_archive::store::archive::{Archive, archives};
use pressroom_archive::store::distribution::{Distribution, distribution, distributions};
use pressroom_archive::store::hook_run::{self, Recorded};
use pressroom_archive::store::run::Run;
use pressroom_archive::store::series::series_by_id;
use pressroom_archive::store::suite::{Reason, Suite};
use pressroom_archive::store::{Connection, StoreError, publication, run, suite};
use serde::Serialize;

use super::output::{BAD, DIM, GOOD, WARN, painted, table};
use super::{End, Session};
use crate::hooks::{self, Registry};
use crate::operators::scripts;
use crate::root::{KeyState, SigningKeys};

/// Show what is pending and what is published in every suite, and what stands in the way.
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// Only this distribution.
    #[arg(long)]
    distribution: Option<DistributionName>,
}

#[derive(Serialize)]
struct Shown {
    suites: Vec<Row>,
    /// Files in hook folders that will not run.
    complaints: Vec<String>,
    /// What the kernel puts around hooks in WASM, beside the engine.
    walls: Walls,
    /// Archives whose indexes are made by a program of the machine that nothing keeps to its folders.
    unconfined_engines: Vec<String>,
    /// Hooks that failed after an installation, and what is done about it.
    failed_hooks: Vec<FailedHook>,
    /// The keys that sign.
    signing_keys: Vec<ShownKey>,
    /// Scripts whose last run did not succeed.
    failing: Vec<FailingScript>,
    last_run: Option<LastRun>,
}

#[derive(Serialize)]
struct ShownKey {
    #[serde(flatten)]
    state: KeyState,
    /// It expires soon.
    warned: bool,
}

impl ShownKey {
    /// What is to be said of it, if anything.
    fn text(&self) -> Option<String> {
        let KeyState { archive, fingerprint, ends, expires, problem, .. } = &self.state;
        let whose = archive.as_ref().map_or_else(String::new, |archive| format!(" of {archive}"));
        if let Some(problem) = problem {
            return Some(format!("{} {problem}\n", painted(BAD, format!("the key{whose} cannot sign:"))));
        }
        if let Some(end) = ends {
            return Some(format!(
                "{} {fingerprint}{whose} signs until {end}, beside the key that takes its place\n",
                painted(DIM, "key on its way out:")
            ));
        }
        let expires = expires.filter(|_| self.warned)?;
        Some(format!(
            "{} {fingerprint}{whose} on {expires}: extend it, or put another in its place with `pressroom key rotate` while clients know it\n",
            painted(WARN, "key expires:")
        ))
    }
}

#[derive(Serialize)]
struct FailingScript {
    script: String,
    distribution: String,
    scope: String,
    outcome: String,
    /// How many runs have not succeeded.
    failures: u32,
    since: String,
    run: i64,
    message: String,
    #[serde(skip)]
    title: String,
    /// Whether its hooks that failed have been made good since: nothing is to be called again.
    #[serde(skip)]
    made_good: bool,
}

impl FailingScript {
    fn of(state: ScriptState) -> Option<Self> {
        let failing = state.failing?;
        Some(Self {
            title: plain::line(&state.script.to_string(), 200),
            made_good: false,
            script: state.script.name,
            distribution: state.script.distribution,
            scope: state.script.scope,
            outcome: state.last_outcome.to_string(),
            failures: failing.failures,
            since: failing.since.to_string(),
            run: state.last_run.0,
            message: state.last_message,
        })
    }
}

#[derive(Serialize)]
struct Walls {
    /// Whether hooks run only where all of them stand.
    required: bool,
    landlock: Wall,
    seccomp: Wall,
    rlimits: Wall,
}

#[derive(Serialize)]
struct Wall {
    stands: bool,
    /// What it covers, or why it is missing.
    detail: String,
}

impl Walls {
    fn probe(required: bool) -> Self {
        let shown = |wall: &pressroom_sandbox::Wall| match wall {
            pressroom_sandbox::Wall::Stands(detail) => Wall { stands: true, detail: detail.clone() },
            pressroom_sandbox::Wall::Missing(detail) => Wall { stands: false, detail: detail.clone() },
        };
        match hooks::walls() {
            Ok(walls) => Self {
                required,
                landlock: shown(&walls.landlock),
                seccomp: shown(&walls.seccomp),
                rlimits: shown(&walls.rlimits),
            },
            Err(error) => {
                let unknown = || Wall { stands: false, detail: format!("{error:#}") };
                Self { required, landlock: unknown(), seccomp: unknown(), rlimits: unknown() }
            }
        }
    }

    fn text(&self) -> String {
        let all = [("Landlock", &self.landlock), ("seccomp", &self.seccomp), ("rlimits", &self.rlimits)];
        let words = all.map(|(name, wall)| {
            if wall.stands {
                painted(GOOD, name)
            } else {
                painted(WARN, format!("no {name} ({})", wall.detail))
            }
        });
        let required = if self.required { ", required" } else { "" };
        format!("Walls around hooks: {}{required}\n", words.join(", "))
    }
}

#[derive(Serialize)]
struct FailedHook {
    distribution: String,
    run: i64,
    point: String,
    hook: String,
    outcome: HookOutcome,
    summary: String,
    /// How often it was called.
    attempts: u32,
    /// From when on a run calls it again by itself; none: an operator has to.
    next_attempt: Option<String>,
}

#[derive(Serialize)]
struct Row {
    archive: String,
    suite: String,
    pending_sources: u64,
    pending_binaries: u64,
    published_sources: u64,
    published_binaries: u64,
    /// Why the next run publishes it; none: it does not.
    dirty: Vec<String>,
    /// The `Valid-Until` of its live Release.
    valid_until: Option<String>,
    /// That has passed: clients refuse the suite.
    has_lapsed: bool,
    /// Who holds it; none: nobody.
    paused: Option<Paused>,
    /// Changes that wait until somebody approves them.
    unapproved: u64,
    /// Binaries that wait for the rest of their source.
    held: u64,
    last_published: Option<String>,
}

#[derive(Serialize)]
struct Paused {
    by: String,
    reason: String,
    since: String,
}

#[derive(Serialize)]
struct LastRun {
    run: i64,
    script: String,
    started: String,
    outcome: String,
    message: String,
}

impl Status {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let db = root.db_for_reading()?;
        let read = db.read();
        let (keys, now) = (root.signing_keys(session.clock.began()), session.clock.began());
        let mut all_archives = Vec::new();
        let (mut suites, mut complaints, mut failed_hooks) = (Vec::new(), Vec::new(), Vec::new());
        let all = match &self.distribution {
            Some(name) => vec![distribution(read, name)?],
            None => distributions(read)?,
        };
        for distribution in all {
            let registry = Registry::load(&root, read, &root.hooks_folder(&distribution.name))?;
            complaints.extend(
                registry
                    .complaints
                    .iter()
                    .map(|complaint| format!("{}: {}", complaint.path.display(), complaint.reason)),
            );
            for first in hook_run::not_made_good(read, distribution.id)? {
                failed_hooks.push(failed_hook(read, &distribution, first)?);
            }
            for archive in archives(read, distribution.id)? {
                let fingerprints = keys.fingerprints(read, &archive).ok();
                for one in suite::suites_of(read, archive.id)? {
                    suites.push(suite_row(read, session, &keys, (&archive, fingerprints.as_deref()), one)?);
                }
                all_archives.push(archive);
            }
        }
        let walls = Walls::probe(root.config.hooks.require_walls);
        let is_unconfined =
            |archive: &&Archive| archive.index_engine == IndexEngine::AptFtparchive && !walls.landlock.stands;
        let warn_before = SignedDuration::from_secs(root.config.signing.warn_before_seconds.into());
        let shown = Shown {
            unconfined_engines: all_archives
                .iter()
                .filter(is_unconfined)
                .map(|archive| archive.reference.to_string())
                .collect(),
            suites,
            complaints,
            walls,
            signing_keys: signing_keys(keys.states(read, &all_archives)?, now, warn_before),
            failing: self.failing(read, &failed_hooks, now)?,
            failed_hooks,
            last_run: run::last_runs(read, 1)?.pop().map(LastRun::of),
        };
        session.output.show(&shown, || text(&shown))?;
        Ok(End::Success)
    }

    /// The scripts that do not succeed, as far as they are of the distribution that was asked about.
    fn failing(
        &self,
        db: &Connection,
        failed_hooks: &[FailedHook],
        now: Timestamp,
    ) -> Result<Vec<FailingScript>, StoreError> {
        let mut failing: Vec<FailingScript> =
            scripts(db, now)?.into_iter().filter_map(FailingScript::of).collect();
        failing.retain(|one| match &self.distribution {
            Some(name) => one.distribution.is_empty() || one.distribution == name.as_str(),
            None => true,
        });
        for one in &mut failing {
            let calls = hook_run::hook_runs_of(db, RunId(one.run))?;
            let is_owed = failed_hooks.iter().any(|hook| hook.run == one.run);
            one.made_good = !is_owed && calls.iter().any(|call| call.made_good_by.is_some());
        }
        Ok(failing)
    }
}

impl LastRun {
    fn of(run: Run) -> Self {
        Self {
            run: run.id.0,
            script: run.name,
            started: run.date_started.to_string(),
            outcome: run.outcome.map_or("RUNNING", |outcome| outcome.as_str()).to_owned(),
            message: run.message,
        }
    }
}

/// How a suite of an archive is, which these keys sign, where there are any.
fn suite_row(
    db: &Connection,
    session: &Session,
    keys: &SigningKeys<'_>,
    (archive, fingerprints): (&Archive, Option<&str>),
    one: Suite,
) -> anyhow::Result<Row> {
    let sources = publication::counts(db, one.id, PackageKind::Source)?;
    let binaries = publication::counts(db, one.id, PackageKind::Binary)?;
    let count = |counts: &[(PublicationStatus, u64)], status| {
        counts.iter().find(|(one, _)| *one == status).map_or(0, |(_, count)| *count)
    };
    let valid_for = series_by_id(db, one.series)?.valid_for_seconds;
    let valid_until = valid_until(&one, valid_for);
    let renewals = keys.renewals(fingerprints, &one, valid_for);
    let mut dirt = suite::dirt(db, one, session.clock.now())?;
    // what is not published is not renewed
    if archive.is_published() {
        dirt.renewals = renewals;
    }
    Ok(Row {
        archive: archive.reference.to_string(),
        suite: dirt.suite.name.to_string(),
        pending_sources: count(&sources, PublicationStatus::Pending),
        pending_binaries: count(&binaries, PublicationStatus::Pending),
        published_sources: count(&sources, PublicationStatus::Published),
        published_binaries: count(&binaries, PublicationStatus::Published),
        dirty: dirt.reasons().iter().map(Reason::short).collect(),
        has_lapsed: valid_until.is_some_and(|until| until <= session.clock.began()),
        valid_until: valid_until.map(|until| until.to_string()),
        unapproved: dirt.unapproved,
        held: dirt.held,
        last_published: dirt.suite.date_last_published.map(|date| date.to_string()),
        paused: dirt.suite.pause.map(|pause| Paused {
            by: pause.by,
            reason: pause.reason,
            since: pause.since.to_string(),
        }),
    })
}

/// The keys that sign, with those marked that expire before long.
fn signing_keys(states: Vec<KeyState>, now: Timestamp, warn_before: SignedDuration) -> Vec<ShownKey> {
    let warned =
        |state: &KeyState| state.expires.is_some_and(|expires| now.duration_until(expires) <= warn_before);
    states.into_iter().map(|state| ShownKey { warned: warned(&state), state }).collect()
}

/// A first call that was not made good, as its last repetition has left it.
fn failed_hook(
    db: &Connection,
    distribution: &Distribution,
    first: Recorded,
) -> Result<FailedHook, StoreError> {
    let next_attempt = first.date_next_attempt.map(|date| date.to_string());
    let run = first.call.run.0;
    let call = hook_run::repetitions_of(db, first.id)?.pop().unwrap_or(first).call;
    Ok(FailedHook {
        distribution: distribution.name.to_string(),
        run,
        point: call.point,
        hook: call.hook,
        outcome: call.outcome,
        summary: call.summary,
        attempts: call.attempt,
        next_attempt,
    })
}

fn text(shown: &Shown) -> String {
    let cells: Vec<Vec<String>> = shown
        .suites
        .iter()
        .map(|row| {
            let mut words = Vec::new();
            if row.has_lapsed {
                words.push(painted(BAD, "lapsed, clients refuse it"));
            }
            if let Some(Paused { by, reason, since }) = &row.paused {
                words.push(painted(BAD, format!("paused by {by} since {since} ({reason})")));
            }
            if !row.dirty.is_empty() {
                words.push(painted(WARN, row.dirty.join(", ")));
            }
            if row.unapproved > 0 {
                words.push(painted(WARN, format!("{} to approve", row.unapproved)));
            }
            if row.held > 0 {
                words.push(painted(DIM, format!("{} wait for their source", row.held)));
            }
            let dirty = if words.is_empty() { painted(GOOD, "clean") } else { words.join(", ") };
            vec![
                row.archive.clone(),
                row.suite.clone(),
                format!("{} + {}", row.pending_sources, row.pending_binaries),
                format!("{} + {}", row.published_sources, row.published_binaries),
                dirty,
                row.last_published.clone().unwrap_or_else(|| painted(DIM, "never")),
            ]
        })
        .collect();
    let mut text = table(&["ARCHIVE", "SUITE", "PENDING", "PUBLISHED", "STATE", "LAST PUBLISHED"], &cells);
    text.push_str(&format!(
        "{}\n",
        painted(DIM, "(sources + binaries, a binary for all architectures once for each)")
    ));
    for complaint in &shown.complaints {
        text.push_str(&format!("{} {complaint}\n", painted(WARN, "will not run:")));
    }
    for failed in &shown.failed_hooks {
        let FailedHook { run, point, hook, outcome, summary, attempts, .. } = failed;
        let (head, then) = match &failed.next_attempt {
            Some(date) => {
                (painted(WARN, "waits to be called again:"), format!("by the first run from {date} on"))
            }
            None => (painted(BAD, "failed:"), format!("call it again with `pressroom hook replay {run}`")),
        };
        let often = if *attempts == 1 { "once".to_owned() } else { format!("{attempts} times") };
        text.push_str(&format!(
            "{head} {hook} ({point}) of run {run}, called {often}, {outcome}: {summary}; {then}\n"
        ));
    }
    text.extend(shown.signing_keys.iter().filter_map(ShownKey::text));
    for one in &shown.failing {
        let FailingScript { title, outcome, failures, since, run, .. } = one;
        let times = if *failures == 1 { "once".to_owned() } else { format!("{failures} times") };
        let why = if one.made_good {
            format!(
                "its hooks were made good since (`pressroom hook log {run}`), and the next run that succeeds ends this"
            )
        } else {
            plain::line(&one.message, 400)
        };
        text.push_str(&format!(
            "{} {title} has not succeeded, {times} since {since}; run {run} is {outcome}: {why}\n",
            painted(BAD, "failing:"),
        ));
    }
    text.push_str(&shown.walls.text());
    if !shown.unconfined_engines.is_empty() {
        text.push_str(&format!(
            "{} makes the indexes of {}, and nothing keeps it to its folders\n",
            painted(WARN, "apt-ftparchive"),
            shown.unconfined_engines.join(", ")
        ));
    }
    if let Some(run) = &shown.last_run {
        let message = if run.message.is_empty() { String::new() } else { format!(": {}", run.message) };
        text.push_str(&format!(
            "Last run: {} ({}) at {}, {}{message}\n",
            run.run, run.script, run.started, run.outcome
        ));
    }
    text
}
