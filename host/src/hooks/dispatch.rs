//! Running a point: every hook of it, in order, each recorded.
//!
//! A hook that fails does not stop the others, so that the operators see every problem at once; what it wrote is dropped. The point's result is the
//! worst of its hooks. A veto that an operator has overridden does not count.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;
use pressroom_archive::dists::Staged;
use pressroom_archive::domain::{HookOutcome, PassId, PassPriority, RunId};
use pressroom_archive::openpgp::Signer;
use pressroom_archive::store::archive::Archive;
use pressroom_archive::store::distribution::Distribution;
use pressroom_archive::store::hook_run::{self, Overridden};
use pressroom_archive::store::shape::SuiteShape;
use pressroom_archive::store::{Db, StoreError};
use pressroom_sandbox::{Point, Sandbox};

use super::call::{Before, Caller};
use super::grant::OnFailure;
use super::overlay;
use super::record::{Kept, Record, record};
use super::registry::{Entry, Kind, Registry};
use super::told::told;
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
    /// An earlier run has died over this pass: the hooks whose call it has recorded are not called by this one.
    pub(crate) is_resumed: bool,
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

/// An operator's word that the vetoes of some hooks do not hold a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VetoOverride {
    /// Names of hooks, or of their files.
    pub(crate) hooks: BTreeSet<String>,
    pub(crate) by: String,
    pub(crate) reason: String,
}

impl VetoOverride {
    /// Whether it is about a hook.
    fn names(&self, entry: &Entry) -> bool {
        self.hooks.iter().any(|name| entry.is_called(name))
    }
}

/// Runs the hooks of a registry.
pub(crate) struct Dispatcher<'a> {
    pub(crate) root: &'a Root,
    pub(crate) registry: &'a Registry,
    pub(crate) sandbox: &'a Sandbox,
    /// This program, which starts executables so that they end with it.
    pub(crate) launcher: Option<&'a Path>,
    pub(crate) clock: Clock,
    pub(crate) veto_override: Option<&'a VetoOverride>,
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
        let entries = self.registry.at(point);
        if entries.is_empty() {
            return Ok(PointResult::Passed);
        }
        let told = told(self.root, point, facts);
        let called_before = match (facts.is_resumed, told.pass()) {
            (true, Some(pass)) => hook_run::called_hooks(db.read(), pass, point.as_str())?,
            _ => Vec::new(),
        };
        let caller = Caller { root: self.root, sandbox: self.sandbox, launcher: self.launcher };
        let is_to_call = |entry: &&Entry| !called_before.contains(&entry.file_name);
        let is_wasm = |entry: &&Entry| matches!(entry.kind, Kind::Wasm { .. });
        self.sandbox.expect(entries.iter().filter(is_to_call).filter(is_wasm).count());
        let mut held = Vec::new();
        let mut failed = Vec::new();
        for entry in entries.iter().filter(is_to_call) {
            let _span = tracing::info_span!("hook", hook = entry.file_name, %point).entered();
            let date_started = self.clock.now();
            let before = side.as_ref().map(|side| Before {
                staged: side.staged,
                signer: side.signer,
                others: side.changed,
            });
            let mut called = caller.call(db.read(), entry, &told, before);
            if let Some(walls) = &called.walls {
                self.registry.warn_of_walls(walls);
            }
            if let (true, Some(side)) = (called.outcome.is_success(), side.as_mut()) {
                match overlay::apply(side.staged, &called.writes) {
                    Ok(()) => side.changed.extend(std::mem::take(&mut called.writes).into_keys()),
                    Err(error) => {
                        called.tree_is_damaged = true;
                        called.outcome = HookOutcome::Failed;
                        called.summary = format!("what it wrote cannot be staged: {error:#}");
                    }
                }
            }
            let (called_outcome, tree_is_damaged) = (called.outcome, called.tree_is_damaged);
            let overridden = self
                .veto_override
                .filter(|it| {
                    let is_veto = called_outcome == HookOutcome::Veto;
                    point == Point::PrePublication && is_veto && it.names(entry)
                })
                .map(|it| Overridden { by: it.by.clone(), reason: it.reason.clone() });
            let is_overridden = overridden.is_some();
            let told_of = Record {
                run: facts.run,
                entry,
                told: &told,
                date_started,
                now: self.clock.now(),
                overridden,
                repeats: None,
            };
            let Kept { outcome, summary, next } = record(db, &self.root.config, &told_of, called)?;
            // what it has written there was made from a memory that is none any more
            let tree_is_damaged = tree_is_damaged || outcome != called_outcome;
            if outcome.is_success() || is_overridden {
                continue;
            }
            let said =
                format!("{}{}", said(entry, point, outcome, &summary), what_now(point, facts.run, next));
            if on_failure(entry) == OnFailure::Warn && !tree_is_damaged {
                tracing::warn!(hook = entry.file_name, "{said}");
            } else if outcome == HookOutcome::Veto && point == Point::PrePublication {
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
}

/// How a hook ended, in a line.
pub(super) fn said(entry: &Entry, point: Point, outcome: HookOutcome, summary: &str) -> String {
    format!("{} ({point}): {outcome}: {summary}", entry.file_name)
}

/// What becomes of a failure, for the end of a line: of one before the installation nothing, as the pass begins again.
pub(super) fn what_now(point: Point, run: RunId, next: Option<Timestamp>) -> String {
    match (point, next) {
        (Point::PrePublication, _) => String::new(),
        (Point::PostPublication | Point::Finalize, Some(next)) => {
            format!(" (the first run from {next} on calls it again)")
        }
        (Point::PostPublication | Point::Finalize, None) => {
            format!(" (`pressroom hook replay {run}` calls it again)")
        }
    }
}

/// What its failure means.
pub(super) const fn on_failure(entry: &Entry) -> OnFailure {
    match &entry.kind {
        Kind::Wasm { grant, .. } => grant.on_failure,
        Kind::Executable => OnFailure::Abort,
    }
}
