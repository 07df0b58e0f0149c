//! Running a point: every hook of it, in order, each recorded.
//!
//! A hook that fails does not stop the others, so that the operators see every problem at once; what it wrote is dropped. The point's result is the
//! worst of its hooks.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use pressroom_archive::dists::Staged;
use pressroom_archive::domain::{ArchivePurpose, HookOutcome, PassId, PassPriority, RunId};
use pressroom_archive::release::sign::Signer;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::hook::{self, HookRun};
use pressroom_archive::store::shape::SuiteShape;
use pressroom_archive::store::{Db, StoreError};
use pressroom_sandbox::{Artefact, Call, Context, FinalizeContext, PassContext, Point, Sandbox};

use super::convert::{self, pass_suites};
use super::grant::{Grant, OnFailure, patterns};
use super::http::Fetcher;
use super::overlay::{self, Overlay, Quota};
use super::registry::{Entry, Kind, Registry};
use super::run_parts::{self, Invocation};
use super::secrets;
use super::services::{Log, PackageCache, Services, StateChanges};
use crate::clock::Clock;
use crate::root::Root;

/// What all hooks of a point are told of.
#[derive(Debug, Clone)]
pub(crate) struct PassFacts<'a> {
    pub(crate) distribution: &'a Distribution,
    pub(crate) run: RunId,
    /// The archives with their passes: one, but for finalize.
    pub(crate) archives: &'a [(Archive, PassId)],
    pub(crate) priority: PassPriority,
    /// The suites of these passes.
    pub(crate) shapes: &'a [SuiteShape],
    /// The run's one time.
    pub(crate) started: Timestamp,
}

/// What only pre-publication hooks have.
pub(crate) struct StagedSide<'a> {
    pub(crate) staged: &'a mut Staged,
    pub(crate) signer: &'a dyn Signer,
    /// The paths that WASM hooks have written or removed.
    pub(crate) changed: &'a mut BTreeSet<String>,
}

/// How a point ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PointResult {
    /// Every hook did its work, or was allowed not to.
    Passed,
    /// A hook holds the pass.
    Held(String),
    /// A hook failed.
    Failed(String),
}

/// Runs the hooks of a registry.
pub(crate) struct Dispatcher<'a> {
    pub(crate) root: &'a Root,
    pub(crate) registry: &'a Registry,
    pub(crate) sandbox: &'a Sandbox,
    /// This program, which starts executables so that they end with it.
    pub(crate) launcher: Option<&'a Path>,
    pub(crate) clock: Clock,
}

/// What is known of one call.
struct Called {
    outcome: HookOutcome,
    summary: String,
    details: String,
    log_tail: String,
    duration: Duration,
    peak_memory_bytes: Option<u64>,
    /// The staged tree is not as the hook meant it: the pass must not go on with it, whatever the grant says.
    tree_is_damaged: bool,
}

impl Called {
    /// Nothing was called.
    fn refused(summary: String) -> Self {
        Self {
            outcome: HookOutcome::Refused,
            summary,
            details: String::new(),
            log_tail: String::new(),
            duration: Duration::ZERO,
            peak_memory_bytes: None,
            tree_is_damaged: false,
        }
    }
}

/// The operator's configuration, with the secrets that it names.
fn config_json(root: &Root, grant: &Grant) -> Result<String, secrets::SecretError> {
    let found = secrets::read(root.folder(), &grant.secrets)?;
    let mut config = serde_json::to_value(&grant.config).unwrap_or_default();
    if let Some(config) = config.as_object_mut().filter(|_| !found.is_empty()) {
        config.insert(secrets::CONFIG_KEY.to_owned(), found.into_iter().collect());
    }
    Ok(if config.is_object() { config.to_string() } else { "{}".to_owned() })
}

impl Dispatcher<'_> {
    /// Runs a point; `side` is there before publication.
    pub(crate) fn run(
        &self,
        db: &mut Db,
        point: Point,
        facts: &PassFacts<'_>,
        mut side: Option<StagedSide<'_>>,
    ) -> Result<PointResult, StoreError> {
        let mut held = Vec::new();
        let mut failed = Vec::new();
        for entry in self.registry.at(point) {
            let _span = tracing::info_span!("hook", hook = entry.file_name, %point).entered();
            let date_started = self.clock.now();
            let called = match &entry.kind {
                Kind::Wasm { grant, artefact } => {
                    self.call(db, point, facts, side.as_mut(), entry, grant, artefact)?
                }
                Kind::Executable => self.execute(point, facts, side.as_mut(), entry),
            };
            let (kind, sha256, on_failure) = match &entry.kind {
                Kind::Wasm { grant, .. } => ("WASM", Some(grant.sha256), grant.on_failure),
                Kind::Executable => ("EXECUTABLE", None, OnFailure::Abort),
            };
            let record = HookRun {
                run: facts.run,
                pass: facts.archives.first().map(|(_, pass)| *pass),
                point: point.to_string(),
                hook: entry.file_name.clone(),
                kind: kind.to_owned(),
                sha256,
                priority: facts.priority,
                date_started,
                duration: called.duration,
                peak_memory_bytes: called.peak_memory_bytes,
                outcome: called.outcome,
                summary: called.summary.clone(),
                details: called.details,
                log_tail: called.log_tail,
            };
            db.write(|tx| hook::record_hook_run(tx, &record))?;
            if called.outcome.is_success() {
                continue;
            }
            let said = format!("{} ({point}): {}: {}", entry.file_name, called.outcome, called.summary);
            if on_failure == OnFailure::Warn && !called.tree_is_damaged {
                tracing::warn!(hook = entry.file_name, "{said}");
            } else if called.outcome == HookOutcome::Veto && point == Point::PrePublication {
                held.push(said);
            } else {
                failed.push(said);
            }
        }
        Ok(if !failed.is_empty() {
            PointResult::Failed([failed, held].concat().join("; "))
        } else if !held.is_empty() {
            PointResult::Held(held.join("; "))
        } else {
            PointResult::Passed
        })
    }

    #[expect(clippy::too_many_arguments, reason = "what one call has to do with, told apart by their types")]
    fn call(
        &self,
        db: &mut Db,
        point: Point,
        facts: &PassFacts<'_>,
        side: Option<&mut StagedSide<'_>>,
        entry: &Entry,
        grant: &Grant,
        artefact: &Artefact,
    ) -> Result<Called, StoreError> {
        let hooks = &self.root.config.hooks;
        let suites: Vec<String> = facts.shapes.iter().map(|shape| shape.suite.name.to_string()).collect();
        // patterns were looked at when the grant was read
        let globs = |list: &[String]| patterns(list).unwrap_or_default();
        let quota = Quota {
            bytes: grant.limits.staging_bytes.unwrap_or(hooks.staging_bytes),
            files: grant.limits.staging_files.unwrap_or(hooks.staging_files),
        };
        let (mut staged_side, signer) = match side {
            Some(side) => (Some((&mut *side.staged, &mut *side.changed)), Some(side.signer)),
            None => (None, None),
        };
        let overlay = staged_side.as_ref().map(|(staged, _)| {
            Overlay::new(
                staged,
                &suites,
                globs(grant.capabilities.staging.as_deref().unwrap_or_default()),
                quota,
            )
        });
        let limits = grant.limits.sandbox(&self.root.config);
        let config_json = match config_json(self.root, grant) {
            Ok(config_json) => config_json,
            Err(error) => return Ok(Called::refused(error.to_string())),
        };
        let mut services = Services {
            db: db.read(),
            hook: entry.name(),
            archives: facts.archives,
            overlay,
            signer,
            may_sign: globs(&grant.capabilities.signing),
            now: facts.started,
            state: StateChanges::new(
                db.read(),
                facts.distribution.id,
                entry.name(),
                grant.limits.state_bytes.unwrap_or(hooks.state_bytes),
            ),
            log: Log::default(),
            packages: PackageCache::default(),
            http: Fetcher::new(
                grant.capabilities.url_patterns().unwrap_or_default(),
                grant.capabilities.networks().unwrap_or_default(),
                &limits,
                grant.limits.http_time(),
            ),
            changes: None,
        };
        let call = Call {
            context: context(self.root, point, facts),
            config_json,
            limits,
            capabilities: grant.capabilities.sandbox(),
        };
        let report = self.sandbox.call(artefact, &call, &mut services);
        let Services { overlay, state, log, .. } = services;
        let writes = overlay.map(Overlay::into_changes).unwrap_or_default();
        let state = state.into_changes();
        let mut log_tail = log.text();
        if report.log_lines_dropped > 0 {
            log_tail.push_str(&format!("[{} more lines were dropped]\n", report.log_lines_dropped));
        }
        for (stream, tail) in [("stdout", &report.stdout_tail), ("stderr", &report.stderr_tail)] {
            log_tail.extend(tail.lines().map(|line| format!("{stream}: {line}\n")));
        }
        let mut tree_is_damaged = false;
        let (mut outcome, mut summary, details) = convert::outcome(report.outcome);
        if outcome == HookOutcome::TimedOut {
            summary = format!("it was stopped at its time limit of {} seconds", call.limits.wall.as_secs());
        }
        if outcome.is_success()
            && let Some((staged, changed)) = staged_side.as_mut()
        {
            match overlay::apply(staged, &writes) {
                Ok(()) => changed.extend(writes.into_keys()),
                Err(error) => {
                    tree_is_damaged = true;
                    outcome = HookOutcome::Failed;
                    summary = format!("what it wrote cannot be staged: {error:#}");
                }
            }
        }
        // after the switch what was done cannot be undone: one that asks to be called again goes on from where it came
        if outcome.is_success() || (outcome == HookOutcome::Temporary && point != Point::PrePublication) {
            let pass = facts.archives.first().map(|(_, pass)| *pass);
            db.write(|tx| {
                state.iter().try_for_each(|(key, value)| match (point, pass) {
                    // what is remembered of a pass that is not installed would be wrong
                    (Point::PrePublication, Some(pass)) => {
                        hook::plan_state(tx, pass, entry.name(), key, value.as_deref())
                    }
                    _ => hook::set_state(tx, facts.distribution.id, entry.name(), key, value.as_deref()),
                })
            })?;
        }
        Ok(Called {
            outcome,
            summary,
            details,
            log_tail,
            duration: report.duration,
            peak_memory_bytes: Some(report.peak_memory_bytes),
            tree_is_damaged,
        })
    }

    fn execute(
        &self,
        point: Point,
        facts: &PassFacts<'_>,
        side: Option<&mut StagedSide<'_>>,
        entry: &Entry,
    ) -> Called {
        let hooks = &self.root.config.hooks;
        let invocation = Invocation {
            launcher: self.launcher,
            program: &entry.path,
            argument: facts.priority.as_u8().to_string(),
            environment: self.environment(point, facts, side.as_deref()),
            time_limit: hooks.executable_time_limit(),
            output_bytes: hooks.executable_output_bytes,
        };
        let ended = run_parts::run(&invocation);
        let failure = run_parts::failure(&ended.ending, invocation.time_limit);
        for line in ended.output.lines() {
            tracing::info!(hook = entry.file_name, "{line}");
        }
        let outcome = match (&failure, &ended.ending) {
            (None, _) => HookOutcome::Done,
            (Some(_), run_parts::Ending::TimedOut) => HookOutcome::TimedOut,
            (Some(_), run_parts::Ending::NotStarted(_)) => HookOutcome::Refused,
            (Some(_), run_parts::Ending::Exited(_)) => HookOutcome::Failed,
        };
        let last_line = || ended.output.lines().last().unwrap_or_default().to_owned();
        let summary = match failure {
            None => last_line(),
            Some(failure) if ended.output.is_empty() => failure,
            Some(failure) => format!("{failure}; its last line: {}", last_line()),
        };
        Called {
            outcome,
            summary,
            details: String::new(),
            log_tail: ended.output,
            duration: ended.duration,
            peak_memory_bytes: None,
            tree_is_damaged: false,
        }
    }

    /// The environment that Soyuz gives to a point's executables.
    fn environment(
        &self,
        point: Point,
        facts: &PassFacts<'_>,
        side: Option<&StagedSide<'_>>,
    ) -> Vec<(&'static str, OsString)> {
        let mut environment: Vec<(&'static str, OsString)> =
            vec![("SITE_NAME", self.root.site_name().into())];
        let paths: Vec<_> = facts
            .archives
            .iter()
            .map(|(archive, _)| (archive, self.root.archive_paths(&archive.reference)))
            .collect();
        match point {
            Point::PrePublication | Point::PostPublication => {
                if let Some((archive, paths)) = paths.first() {
                    let dists = side.map_or_else(|| paths.dists(), |side| side.staged.dists());
                    environment.push(("ARCHIVEROOT", paths.root.clone().into()));
                    environment.push(("DISTSROOT", dists.into()));
                    if archive.purpose == ArchivePurpose::Primary {
                        environment.push(("OVERRIDEROOT", paths.overrides.clone().into()));
                    }
                }
            }
            Point::Finalize => {
                let roots: Vec<String> =
                    paths.iter().map(|(_, paths)| paths.root.display().to_string()).collect();
                environment.push(("ARCHIVEROOTS", roots.join(" ").into()));
                let security_only = if facts.priority == PassPriority::HIGH { "yes" } else { "no" };
                environment.push(("SECURITY_UPLOAD_ONLY", security_only.into()));
            }
        }
        environment
    }
}

/// What a hook is told.
fn context(root: &Root, point: Point, facts: &PassFacts<'_>) -> Context {
    let (run, pass) =
        (facts.run.0.cast_unsigned(), facts.archives.first().map_or(0, |(_, pass)| pass.0.cast_unsigned()));
    let priority = facts.priority.as_u8();
    let started = facts.started.as_second().cast_unsigned();
    let distribution = facts.distribution.name.to_string();
    let site_name = root.site_name();
    let suites = pass_suites(facts.shapes);
    let mut archives: Vec<String> =
        facts.archives.iter().map(|(archive, _)| archive.reference.to_string()).collect();
    let of_pass = |archives: &mut Vec<String>, suites| PassContext {
        run,
        pass,
        priority,
        distribution: distribution.clone(),
        archive: archives.pop().unwrap_or_default(),
        suites,
        started,
        site_name: site_name.clone(),
        dry_run: false,
    };
    match point {
        Point::PrePublication => Context::PrePublication(of_pass(&mut archives, suites)),
        Point::PostPublication => Context::PostPublication(of_pass(&mut archives, suites)),
        Point::Finalize => Context::Finalize(FinalizeContext {
            run,
            pass,
            priority,
            distribution,
            archives,
            suites,
            started,
            site_name,
            dry_run: false,
        }),
    }
}
