//! One call of one hook: what it is told and given, and what is known when it is over.
//!
//! Nothing is kept here: what a hook has written and wants to remember comes back with its outcome, and the caller applies, records or drops it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};

use pressroom_archive::dists::Staged;
use pressroom_archive::domain::{ArchivePurpose, HookOutcome, PassPriority};
use pressroom_archive::openpgp::Signer;
use pressroom_archive::store::Connection;
use pressroom_archive::store::hook::Seen;
use pressroom_sandbox::{Artefact, Call, Context, Sandbox, Walls};

use super::convert;
use super::grant::{Grant, patterns};
use super::http::Fetcher;
use super::lists::Marks;
use super::overlay::{Overlay, Quota, Writable};
use super::registry::{Entry, Kind};
use super::run_parts::{self, Invocation};
use super::secrets;
use super::services::{Log, Services, StateChanges};
use super::sweep;
use super::told::Told;
use crate::root::Root;

/// What only pre-publication hooks have.
#[derive(Clone, Copy)]
pub(super) struct Before<'a> {
    pub(super) staged: &'a Staged,
    pub(super) signer: &'a dyn Signer,
    /// What other hooks have written or removed in this pass.
    pub(super) others: &'a BTreeSet<String>,
}

/// What a hook has written: new content, or none for a removed file.
pub(super) type Writes = BTreeMap<String, Option<Vec<u8>>>;

/// What is known of one call.
pub(super) struct Called {
    pub(super) outcome: HookOutcome,
    pub(super) summary: String,
    pub(super) details: String,
    pub(super) log_tail: String,
    pub(super) duration: Duration,
    pub(super) peak_memory_bytes: Option<u64>,
    pub(super) host_calls: Option<u64>,
    /// The staged tree is not as the hook meant it: the pass must not go on with it, whatever the grant says.
    pub(super) tree_is_damaged: bool,
    /// For the staged tree, if it succeeded.
    pub(super) writes: Writes,
    /// What it wants to remember, or to forget, if it succeeded.
    pub(super) state: BTreeMap<String, Option<Vec<u8>>>,
    /// What it has read of what it remembered.
    pub(super) seen: Seen,
    /// What stood around it, if it was called in a worker.
    pub(super) walls: Option<Walls>,
}

impl Called {
    /// That a hook was not called, and why.
    pub(super) const fn refused(reason: String) -> Self {
        Self {
            outcome: HookOutcome::Refused,
            summary: reason,
            details: String::new(),
            log_tail: String::new(),
            duration: Duration::ZERO,
            peak_memory_bytes: None,
            host_calls: None,
            tree_is_damaged: false,
            writes: BTreeMap::new(),
            state: BTreeMap::new(),
            seen: Seen::new(),
            walls: None,
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

/// The moment when so much time has passed, or a week.
fn deadline(after: Duration) -> Instant {
    Instant::now() + after.min(Duration::from_secs(7 * 24 * 60 * 60))
}

/// Calls hooks.
#[derive(Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) root: &'a Root,
    pub(super) sandbox: &'a Sandbox,
    /// This program, which starts executables so that they end with it.
    pub(super) launcher: Option<&'a Path>,
}

impl Caller<'_> {
    /// Calls a hook; `before` is there before publication.
    pub(super) fn call(
        &self,
        db: &Connection,
        entry: &Entry,
        told: &Told,
        before: Option<Before<'_>>,
    ) -> Called {
        match &entry.kind {
            Kind::Wasm { grant, artefact } => self.call_wasm(db, entry, (grant, artefact), told, before),
            Kind::Executable => self.execute(entry, told, before),
        }
    }

    fn call_wasm(
        &self,
        db: &Connection,
        entry: &Entry,
        (grant, artefact): (&Grant, &Artefact),
        told: &Told,
        before: Option<Before<'_>>,
    ) -> Called {
        let hooks = &self.root.config.hooks;
        let suites: Vec<String> = told.suites().iter().map(|suite| suite.name.clone()).collect();
        // patterns were looked at when the grant was read
        let globs = |list: &[String]| patterns(list).unwrap_or_default();
        let quota = Quota {
            bytes: grant.limits.staging_bytes.unwrap_or(hooks.staging_bytes),
            files: grant.limits.staging_files.unwrap_or(hooks.staging_files),
        };
        let overlay = before.map(|Before { staged, others, .. }| {
            let writable = Writable::new(grant.capabilities.staging.as_deref().unwrap_or_default());
            Overlay::new(staged, &suites, others, writable, quota)
        });
        let limits = grant.limits.sandbox(&self.root.config);
        let config_json = match config_json(self.root, grant) {
            Ok(config_json) => config_json,
            Err(error) => return Called::refused(error.to_string()),
        };
        // what is only tried tells nobody
        let servers = if told.context.is_dry_run() { None } else { grant.capabilities.url_patterns().ok() };
        let librarian = self.root.librarian();
        let mut services = Services {
            db,
            hook: entry.name(),
            archives: &told.archives,
            overlay,
            signer: before.map(|before| before.signer),
            may_sign: globs(&grant.capabilities.signing),
            signatures: 0,
            now: told.started(),
            state: StateChanges::new(
                db,
                told.distribution,
                entry.name(),
                grant.limits.state_bytes.unwrap_or(hooks.state_bytes),
            ),
            log: Log::default(),
            librarian: &librarian,
            until: deadline(limits.wall),
            marks: Marks::default(),
            http: Fetcher::new(
                servers.unwrap_or_default(),
                grant.capabilities.networks().unwrap_or_default(),
                &limits,
                grant.limits.http_time(),
            ),
            changes: None,
            changes_unknown: told.changes_unknown.as_deref(),
        };
        let call = Call {
            context: told.context.clone(),
            config_json,
            limits,
            capabilities: grant.capabilities.sandbox(),
        };
        let report = self.sandbox.call(artefact, &call, &mut services);
        let Services { overlay, state, log, .. } = services;
        let writes = overlay.map(Overlay::into_changes).unwrap_or_default();
        let (state, seen) = state.into_changes();
        let mut log_tail = log.text();
        if report.log_lines_dropped > 0 {
            log_tail.push_str(&format!("[{} more lines were dropped]\n", report.log_lines_dropped));
        }
        for (stream, tail) in [("stdout", &report.stdout_tail), ("stderr", &report.stderr_tail)] {
            log_tail.extend(tail.lines().map(|line| format!("{stream}: {line}\n")));
        }
        let (outcome, mut summary, details) = convert::outcome(report.outcome);
        if outcome == HookOutcome::TimedOut {
            summary = format!("it was stopped at its time limit of {} seconds", call.limits.wall.as_secs());
        }
        Called {
            outcome,
            summary,
            details,
            log_tail,
            duration: report.duration,
            peak_memory_bytes: Some(report.peak_memory_bytes),
            host_calls: Some(report.host_calls),
            tree_is_damaged: false,
            writes,
            state,
            seen,
            walls: report.walls,
        }
    }

    fn execute(&self, entry: &Entry, told: &Told, before: Option<Before<'_>>) -> Called {
        let hooks = &self.root.config.hooks;
        let invocation = Invocation {
            launcher: self.launcher,
            program: &entry.path,
            arguments: vec![told.priority().as_u8().to_string().into()],
            environment: self.environment(told, before),
            time_limit: hooks.executable_time_limit(),
            output_bytes: hooks.executable_output_bytes,
        };
        let staged = before.map(|before| before.staged.folder());
        let links = staged.map(sweep::links).transpose();
        let ended = run_parts::run(&invocation);
        let failure = run_parts::failure(&ended.ending, invocation.time_limit);
        let left = links.and_then(|links| match (staged, links) {
            (Some(staged), Some(links)) => sweep::left_behind(staged, &links),
            _ => Ok(None),
        });
        let left = match left {
            Ok(None) => None,
            Ok(Some(left)) => {
                Some(format!("it has left in the staged tree what must not be published: {left}"))
            }
            Err(error) => Some(format!("what it has left in the staged tree cannot be looked at: {error}")),
        };
        for line in ended.output.lines() {
            tracing::info!(hook = entry.file_name, "{line}");
        }
        let outcome = match (&failure, &ended.ending) {
            (None, _) if left.is_some() => HookOutcome::Failed,
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
        let tree_is_damaged = left.is_some();
        let summary = match left {
            None => summary,
            Some(left) if summary.is_empty() => left,
            Some(left) => format!("{left}; {summary}"),
        };
        Called {
            outcome,
            summary,
            details: String::new(),
            log_tail: ended.output,
            duration: ended.duration,
            peak_memory_bytes: None,
            host_calls: None,
            writes: Writes::new(),
            state: BTreeMap::new(),
            seen: Seen::new(),
            walls: None,
            tree_is_damaged,
        }
    }

    /// The environment that Soyuz gives to a point's executables.
    fn environment(&self, told: &Told, before: Option<Before<'_>>) -> Vec<(&'static str, OsString)> {
        let mut environment: Vec<(&'static str, OsString)> = vec![("SITE_NAME", told.site_name().into())];
        let paths: Vec<_> =
            told.archives.iter().map(|(archive, _)| (archive, self.root.archive_paths(archive))).collect();
        match &told.context {
            Context::PrePublication(_) | Context::PostPublication(_) => {
                if let Some((archive, paths)) = paths.first() {
                    let dists = before.map_or_else(|| paths.dists(), |before| before.staged.dists());
                    environment.push(("ARCHIVEROOT", paths.root.clone().into()));
                    environment.push(("DISTSROOT", dists.into()));
                    if archive.purpose == ArchivePurpose::Primary {
                        environment.push(("OVERRIDEROOT", paths.overrides.clone().into()));
                    }
                }
            }
            Context::Finalize(_) => {
                let roots: Vec<String> =
                    paths.iter().map(|(_, paths)| paths.root.display().to_string()).collect();
                environment.push(("ARCHIVEROOTS", roots.join(" ").into()));
                let security_only = if told.priority() == PassPriority::HIGH { "yes" } else { "no" };
                environment.push(("SECURITY_UPLOAD_ONLY", security_only.into()));
            }
        }
        environment
    }
}
