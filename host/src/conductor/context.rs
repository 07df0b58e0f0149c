//! What every part of a run has at hand.

use std::collections::BTreeSet;
use std::path::Path;

use pressroom_archive::domain::{
    ArchiveId, ArchiveReference, PassPriority, Pocket, Publisher, RunId, SuiteName,
};
use pressroom_archive::dominate::Scope;
use pressroom_archive::store::distribution::Distribution;
use pressroom_sandbox::{Point, Sandbox};

use crate::clock::Clock;
use crate::hooks::{Dispatcher, Registry, VetoOverride};
use crate::root::{Root, SigningKeys};

/// The phases of a pass that can be done with care, or left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Phases {
    /// A: what is pending comes into the pool, and custom uploads into the tree.
    pub(crate) publishing: bool,
    /// B: of several publications of a name the right ones stay.
    pub(crate) domination: bool,
    /// C: indexes.
    pub(crate) indexing: bool,
    /// D: Release files, and with them the installation.
    pub(crate) release_file: bool,
}

impl Phases {
    /// All of them.
    pub(crate) const ALL: Self =
        Self { publishing: true, domination: true, indexing: true, release_file: true };

    /// Whether there is any.
    pub(crate) const fn any(self) -> bool {
        self.publishing || self.domination || self.indexing || self.release_file
    }
}

/// What the operator asks of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Only these archives; none: all of the publisher.
    pub(crate) archives: BTreeSet<ArchiveReference>,
    /// Not these.
    pub(crate) excluded: BTreeSet<ArchiveReference>,
    /// Only these; none: all.
    pub(crate) suites: BTreeSet<SuiteName>,
    /// Only the fast track.
    pub(crate) security_only: bool,
    /// A Release may be older than the one it replaces.
    pub(crate) accept_older_date: bool,
    /// Suites that are marked before the run, and published although nothing waits in them.
    pub(crate) dirty_suites: BTreeSet<SuiteName>,
    /// Done from nothing, or checked against everything, for all suites of the run, whether something changed or not.
    pub(crate) careful: Phases,
    /// Left out.
    pub(crate) disabled: Phases,
    /// Vetoes that hold no pass of this run.
    pub(crate) veto_override: Option<VetoOverride>,
}

impl Options {
    /// Whether the run is for a suite.
    pub(super) fn is_for(&self, suite: &SuiteName) -> bool {
        let is_named =
            self.suites.is_empty() || self.suites.contains(suite) || self.dirty_suites.contains(suite);
        is_named && (!self.security_only || suite.pocket() == Pocket::Security)
    }

    /// Which publications are judged.
    pub(super) const fn judged(&self) -> Scope {
        match (self.disabled.domination, self.careful.domination) {
            (true, _) => Scope::Requested,
            (false, true) => Scope::All,
            (false, false) => Scope::Touched,
        }
    }

    /// Whether the run is for an archive, as far as its publisher has it.
    pub(super) fn has(&self, archive: &ArchiveReference) -> bool {
        (self.archives.is_empty() || self.archives.contains(archive)) && !self.excluded.contains(archive)
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
    /// Which of its publishers this is.
    pub(super) publisher: Publisher,
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
    /// What was left alone, and why: said, and no failure.
    pub(super) notes: Vec<String>,
    /// Archives of which nothing more is done in this run: people's whose pass failed or is held, and what another publisher is at work on.
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
