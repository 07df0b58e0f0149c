//! What every part of a run has at hand.

use std::collections::BTreeSet;
use std::path::Path;

use pressroom_archive::domain::{ArchiveId, ArchiveReference, PassPriority, Pocket, RunId, SuiteName};
use pressroom_archive::store::distribution::Distribution;
use pressroom_sandbox::{Point, Sandbox};

use crate::clock::Clock;
use crate::hooks::{Dispatcher, Registry, VetoOverride};
use crate::root::{Root, SigningKeys};

/// What the operator asks of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Only these; none: all.
    pub(crate) suites: BTreeSet<SuiteName>,
    /// Only the fast track.
    pub(crate) security_only: bool,
    /// A Release may be older than the one it replaces.
    pub(crate) accept_older_date: bool,
    /// All indexes of the suites, whether they changed or not.
    pub(crate) careful: bool,
    /// Vetoes that hold no pass of this run.
    pub(crate) veto_override: Option<VetoOverride>,
}

impl Options {
    /// Whether the run is for a suite.
    pub(super) fn is_for(&self, suite: &SuiteName) -> bool {
        let is_named = self.suites.is_empty() || self.suites.contains(suite);
        is_named && (!self.security_only || suite.pocket() == Pocket::Security)
    }
}

/// Tells a person how far the run is.
pub(crate) trait Progress {
    /// A step of a pass begins.
    fn step(&self, archive: &ArchiveReference, priority: PassPriority, name: &str);
}

/// A run in work.
pub(super) struct Run<'a> {
    pub(super) root: &'a Root,
    pub(super) id: RunId,
    pub(super) distribution: &'a Distribution,
    pub(super) options: &'a Options,
    pub(super) clock: Clock,
    pub(super) keys: &'a SigningKeys<'a>,
    pub(super) registry: &'a Registry,
    pub(super) sandbox: &'a Sandbox,
    /// This program's file.
    pub(super) program: &'a Path,
    pub(super) progress: &'a dyn Progress,
    /// What was not done, for the operators.
    pub(super) problems: Vec<String>,
    /// Archives of people whose pass failed or is held: nothing more is done with them in this run.
    pub(super) put_aside: Vec<ArchiveId>,
    /// How many uploads that were accepted have their publications now.
    pub(super) accepted: usize,
    /// How many passes were installed.
    pub(super) installed: usize,
    /// The points at which it has called hooks of earlier runs again.
    pub(super) retried: BTreeSet<Point>,
    /// How many calls of earlier runs were made again.
    pub(super) called_again: usize,
}

impl Run<'_> {
    /// What runs the hooks of this run.
    pub(super) const fn dispatcher(&self) -> Dispatcher<'_> {
        Dispatcher {
            root: self.root,
            registry: self.registry,
            sandbox: self.sandbox,
            launcher: Some(self.program),
            clock: self.clock,
            veto_override: self.options.veto_override.as_ref(),
        }
    }
}
