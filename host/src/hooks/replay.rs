//! Calling a hook again with what it was told in a run of the past: for good, or as a dry run of which nothing stays.
//!
//! The hook must be the one that was called: a component with another digest is another hook, unless the operator takes it for the same. It runs with the
//! grant and configuration of today. What it asks of the archive is answered from the rows of today, and the changes of its pass from what is kept of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use pressroom_archive::dists::Staged;
use pressroom_archive::domain::{HookOutcome, RunId};
use pressroom_archive::openpgp::{PublicKey, SignError, Signer};
use pressroom_archive::store::hook_run::{self, Recorded};
use pressroom_archive::store::{Connection, Db, StoreError};
use pressroom_sandbox::{Point, Sandbox};

use super::call::{Before, Called, Caller, Writes};
use super::dispatch::{on_failure, said, what_now};
use super::grant::OnFailure;
use super::record::{Kept, Record, Repetition, keeps_state, kind_and_digest, record, record_refusal};
use super::registry::{Entry, Kind, Registry, own_name};
use super::told::{Effect, Told, Untold, told_then};
use crate::clock::Clock;
use crate::root::Root;

/// Which component is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Component {
    /// The one that was called then.
    Recorded,
    /// The one that lies there now.
    Current,
}

/// Why a call cannot be made again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Obstacle {
    #[error("{hook} ({point}) cannot be called again: {source}")]
    Untold { hook: String, point: Point, source: Untold },
    #[error(
        "{hook} is not there any more at {point}: put it back, or leave it out with --hook (`pressroom hook list` shows what there is)"
    )]
    Gone { hook: String, point: Point },
    #[error("{hook} ({point}) is disabled: `pressroom hook enable` takes it back into use")]
    Disabled { hook: String, point: Point },
    #[error("{hook} ({point}) cannot run now: {reason}")]
    Broken { hook: String, point: Point, reason: String },
    #[error(
        "{hook} ({point}) is not the hook that was called: then {then}, now {now}; if the one of now is to be called with what the other was told, \
         say so with --current"
    )]
    Changed { hook: String, point: Point, then: String, now: String },
    #[error("what is recorded of {hook} names a point that nobody knows: {point}")]
    NoPoint { hook: String, point: String },
}

impl Obstacle {
    /// Whether the operator can put it right among the hooks.
    pub(crate) const fn is_configuration(&self) -> bool {
        match self {
            Self::Gone { .. } | Self::Disabled { .. } | Self::Broken { .. } | Self::Changed { .. } => true,
            Self::Untold { .. } | Self::NoPoint { .. } => false,
        }
    }
}

/// A call that can be made again.
pub(crate) struct Ready<'a> {
    pub(crate) first: &'a Recorded,
    entry: &'a Entry,
    told: Told,
}

impl Ready<'_> {
    /// Whether it is a program, which cannot be told that it is a dry run.
    pub(crate) const fn is_executable(&self) -> bool {
        matches!(self.entry.kind, Kind::Executable)
    }

    /// What a dry run of it cannot know.
    pub(crate) fn unknown(&self) -> Option<&str> {
        self.told.changes_unknown.as_deref()
    }
}

/// How a repeated call ended.
#[derive(Debug, Clone)]
pub(crate) struct Again {
    pub(crate) outcome: HookOutcome,
    /// In a line.
    pub(crate) said: String,
    /// The grant says that its failure is only to be told.
    pub(crate) warns_only: bool,
}

/// What a dry run has shown.
pub(crate) struct Rehearsed {
    pub(crate) outcome: HookOutcome,
    pub(crate) summary: String,
    pub(crate) details: String,
    pub(crate) log_tail: String,
    pub(crate) duration: Duration,
    pub(crate) peak_memory_bytes: Option<u64>,
    pub(crate) host_calls: Option<u64>,
    pub(crate) writes: Writes,
    pub(crate) state: BTreeMap<String, Option<Vec<u8>>>,
}

/// Calls hooks again.
pub(crate) struct Replayer<'a> {
    pub(crate) root: &'a Root,
    pub(crate) registry: &'a Registry,
    pub(crate) sandbox: &'a Sandbox,
    /// As for a dispatcher.
    pub(crate) launcher: Option<&'a Path>,
    pub(crate) clock: Clock,
}

impl<'a> Replayer<'a> {
    /// Finds what a call takes to be made again for good.
    pub(crate) fn prepare(
        &self,
        db: &Connection,
        first: &'a Recorded,
        component: Component,
    ) -> Result<Result<Ready<'a>, Obstacle>, StoreError> {
        self.find(db, first, component, Effect::Real)
    }

    /// The same for a dry run.
    pub(crate) fn prepare_rehearsal(
        &self,
        db: &Connection,
        first: &'a Recorded,
        component: Component,
    ) -> Result<Result<Ready<'a>, Obstacle>, StoreError> {
        self.find(db, first, component, Effect::DryRun)
    }

    fn find(
        &self,
        db: &Connection,
        first: &'a Recorded,
        component: Component,
        effect: Effect,
    ) -> Result<Result<Ready<'a>, Obstacle>, StoreError> {
        let hook = first.call.hook.clone();
        let Ok(point) = first.call.point.parse::<Point>() else {
            return Ok(Err(Obstacle::NoPoint { hook, point: first.call.point.clone() }));
        };
        let entry = match self.entry(point, &first.call.hook) {
            Ok(entry) => entry,
            Err(obstacle) => return Ok(Err(obstacle)),
        };
        let (kind, sha256) = kind_and_digest(entry);
        let is_the_same = (kind, sha256) == (first.call.kind.as_str(), first.call.sha256);
        if component == Component::Recorded && !is_the_same {
            let named = |kind: &str, sha256: Option<_>| match sha256 {
                Some(sha256) => format!("SHA256 {sha256}"),
                None => kind.to_ascii_lowercase(),
            };
            let then = named(&first.call.kind, first.call.sha256);
            return Ok(Err(Obstacle::Changed { hook, point, then, now: named(kind, sha256) }));
        }
        Ok(match told_then(db, point, &first.call, effect)? {
            Ok(told) => Ok(Ready { first, entry, told }),
            Err(source) => Err(Obstacle::Untold { hook, point, source }),
        })
    }

    /// The hook of a file's name, or of the same hook's under another number.
    fn entry(&self, point: Point, file_name: &str) -> Result<&'a Entry, Obstacle> {
        let entries = self.registry.at(point);
        let named = entries.iter().find(|entry| entry.file_name == file_name);
        let renumbered = || entries.iter().find(|entry| entry.name() == own_name(file_name));
        if let Some(entry) = named.or_else(renumbered) {
            return Ok(entry);
        }
        let hook = file_name.to_owned();
        let is_meant = |name: &str| name == file_name || own_name(name) == own_name(file_name);
        if self.registry.disabled.iter().any(|one| one.point == point && is_meant(&one.file_name)) {
            return Err(Obstacle::Disabled { hook, point });
        }
        let folder = format!("{point}.d");
        let complaint = self.registry.complaints.iter().find(|complaint| {
            let name = complaint.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_there = complaint.path.parent().is_some_and(|parent| parent.ends_with(&folder));
            is_there && is_meant(name)
        });
        Err(match complaint {
            Some(complaint) => Obstacle::Broken { hook, point, reason: complaint.reason.clone() },
            None => Obstacle::Gone { hook, point },
        })
    }

    fn caller(&self) -> Caller<'a> {
        Caller { root: self.root, sandbox: self.sandbox, launcher: self.launcher }
    }

    /// Makes a call again, after the installation, and records it.
    pub(crate) fn again(&self, db: &mut Db, run: RunId, ready: &Ready<'_>) -> Result<Again, StoreError> {
        let Ready { first, entry, told } = ready;
        let point = told.context.point();
        let _span = tracing::info_span!("hook", hook = entry.file_name, %point).entered();
        let date_started = self.clock.now();
        let again = Repetition { first, attempt: next_attempt(db.read(), first)? };
        let called = self.caller().call(db.read(), entry, told, None);
        let told_of = Record {
            run,
            entry,
            told,
            date_started,
            now: self.clock.now(),
            overridden: None,
            repeats: Some(again),
        };
        let Kept { outcome, summary, next } = record(db, &self.root.config, &told_of, called)?;
        let mut said = format!("{}, of run {}", said(entry, point, outcome, &summary), first.call.run);
        if !outcome.is_success() {
            said.push_str(&what_now(point, first.call.run, next));
        }
        Ok(Again { outcome, said, warns_only: on_failure(entry) == OnFailure::Warn })
    }

    /// Makes a call again and keeps nothing of it.
    pub(crate) fn rehearse(&self, db: &Connection, ready: &Ready<'_>) -> Rehearsed {
        let Ready { entry, told, .. } = ready;
        let live = told.archives.first().map(|(archive, _)| {
            let paths = self.root.archive_paths(archive);
            Staged::of_live(&paths)
        });
        let nobodys = BTreeSet::new();
        let before = live
            .as_ref()
            .filter(|_| told.context.point() == Point::PrePublication)
            .map(|staged| Before { staged, signer: &NoSigner, others: &nobodys });
        let Called {
            outcome,
            summary,
            details,
            log_tail,
            duration,
            peak_memory_bytes,
            host_calls,
            writes,
            state,
            seen: _,
            walls: _,
            tree_is_damaged: _,
        } = self.caller().call(db, entry, told, before);
        // what a run would drop is no part of what it would do
        let writes = if outcome.is_success() { writes } else { Writes::new() };
        let state = if keeps_state(told.context.point(), outcome) { state } else { BTreeMap::new() };
        Rehearsed {
            outcome,
            summary,
            details,
            log_tail,
            duration,
            peak_memory_bytes,
            host_calls,
            writes,
            state,
        }
    }
}

/// Records that a run could not make a call again that it owed.
pub(crate) fn give_up(
    db: &mut Db,
    run: RunId,
    first: &Recorded,
    obstacle: &Obstacle,
    now: Timestamp,
) -> Result<(), StoreError> {
    let attempt = next_attempt(db.read(), first)?;
    record_refusal(db, run, Repetition { first, attempt }, &obstacle.to_string(), now)
}

fn next_attempt(db: &Connection, first: &Recorded) -> Result<u32, StoreError> {
    let repetitions = hook_run::repetitions_of(db, first.id)?;
    let last = repetitions.iter().map(|one| one.call.attempt).max().unwrap_or(first.call.attempt);
    Ok(last.saturating_add(1))
}

/// What stands where a signature would be.
const NOT_SIGNED: &str = "This was a dry run: here would be a signature.\n";

/// Signs nothing, so that a hook that asks for a signature goes on.
struct NoSigner;

impl Signer for NoSigner {
    fn detached(&self, _: &[u8], _: Timestamp) -> Result<Vec<u8>, SignError> {
        Ok(NOT_SIGNED.into())
    }

    fn clear(&self, text: &str, _: Timestamp) -> Result<Vec<u8>, SignError> {
        Ok(format!("{text}{NOT_SIGNED}").into())
    }

    fn check(&self, _: Timestamp) -> Result<(), SignError> {
        Ok(())
    }

    fn fingerprint(&self) -> &str {
        ""
    }

    fn signs_until(&self, _: Timestamp) -> Result<Option<Timestamp>, SignError> {
        Ok(None)
    }

    fn public_key(&self) -> Result<PublicKey, SignError> {
        Ok(PublicKey { armored: Vec::new(), binary: Vec::new() })
    }
}
