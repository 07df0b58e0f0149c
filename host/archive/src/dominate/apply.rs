//! Domination of a pass: what has been opened to a contest, judged, and written down; and the removals that were asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use jiff::Timestamp;

use super::judge::{Becomes, judge};
use super::schedule::{StayOfExecution, schedule_suite};
use crate::domain::name::SourceName;
use crate::domain::{ArchSeriesId, BinaryFormat, PackageKind, PassId, PublicationStatus, SuiteId};
use crate::store::contest::{
    self, Candidate, ContestedBinary, ContestedSource, DEBUG_ENDING, Opened, SourceVersion, all_contested,
};
use crate::store::pass::{changing_suites_of_pass, set_stay};
use crate::store::suite_hold::withhold_removals;
use crate::store::transition::{Transition, plan_transitions};
use crate::store::{StoreError, Transaction, removal, snapshot_content};

/// How many publications go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dominated {
    /// Because another took their place.
    pub superseded: usize,
    /// Because somebody has asked for it, or what they belong to is deleted.
    pub deleted: usize,
}

/// Which names are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// None: only what somebody wants removed goes.
    Requested,
    /// Those that the pass publishes or deletes, and those whose stay depends on them; all of suites that are published in full.
    Touched,
    /// All of the suites of the pass; and what has given way there before, and should have a date from which on it may go, gets it.
    All,
}

/// Judges publications of the suites of a pass, and writes down what it does to them: what is superseded, with the stay that its files get, and what
/// somebody wants removed, with the binaries of sources that are.
///
/// # Errors
/// When the database fails.
pub fn dominate(
    tx: &Transaction<'_>,
    pass: PassId,
    scope: Scope,
    stay: StayOfExecution,
    now: Timestamp,
) -> Result<Dominated, StoreError> {
    set_stay(tx, pass, stay.0)?;
    let suites = changing_suites_of_pass(tx, pass)?;
    // what is to be removed has no part in a contest
    let mut removals = Vec::new();
    for suite in &suites {
        removals.extend(removal::requested_transitions(tx, *suite)?);
    }
    plan_transitions(tx, pass, &removals)?;
    let withheld = withhold_removals(tx, pass)? + snapshot_content::withhold_removals(tx, pass)?;
    let deleted = removals.len().saturating_sub(withheld) + delete_binaries_of_sources(tx, pass)?;
    let mut dominated = Dominated { superseded: 0, deleted };
    let in_full = match scope {
        Scope::Requested => return Ok(dominated),
        Scope::Touched => contest::suites_in_full(tx, pass)?,
        Scope::All => suites,
    };
    let keep = NonZeroUsize::new(contest::versions_kept(tx, pass)?).unwrap_or(NonZeroUsize::MIN);
    let mut opened = contest::opened(tx, pass)?;
    for suite in in_full {
        let all = all_contested(tx, suite)?;
        let of_suite = opened.entry(suite).or_default();
        of_suite.binaries.extend(all.binaries);
        of_suite.sources.extend(all.sources);
        if scope == Scope::All {
            schedule_suite(tx, suite, stay, now)?;
        }
    }
    let mut transitions = Vec::new();
    for (suite, opened) in opened {
        let field = Field::gather(tx, pass, suite, opened)?;
        let (binaries, sources) = field.rows();
        for verdict in judge(&binaries, &sources, keep) {
            let (to_status, superseded_by) = match verdict.becomes {
                Becomes::Superseded(by) => (PublicationStatus::Superseded, Some(by)),
                Becomes::Deleted => (PublicationStatus::Deleted, None),
            };
            match verdict.becomes {
                Becomes::Superseded(_) => dominated.superseded += 1,
                Becomes::Deleted => dominated.deleted += 1,
            }
            transitions.push(Transition {
                kind: verdict.kind,
                publication: verdict.publication,
                from_status: verdict.from_status,
                to_status,
                superseded_by,
            });
        }
    }
    plan_transitions(tx, pass, &transitions)?;
    if transitions
        .iter()
        .any(|one| (one.kind, one.to_status) == (PackageKind::Source, PublicationStatus::Deleted))
    {
        dominated.deleted += delete_binaries_of_sources(tx, pass)?;
    }
    Ok(dominated)
}

/// Deletes the binaries of the sources that the pass deletes. How many.
fn delete_binaries_of_sources(tx: &Transaction<'_>, pass: PassId) -> Result<usize, StoreError> {
    let binaries = contest::binaries_of_deleted_sources(tx, pass)?;
    let transitions: Vec<Transition> = binaries.iter().map(|(transition, _)| *transition).collect();
    plan_transitions(tx, pass, &transitions)?;
    for (transition, source) in &binaries {
        contest::delete_with(tx, pass, transition.publication, *source)?;
    }
    Ok(transitions.len())
}

/// The publications of a suite that have to be judged together: all of each name, and of each source of which a binary may go all binaries.
struct Field<'a> {
    tx: &'a Transaction<'a>,
    pass: PassId,
    suite: SuiteId,
    binaries: BTreeMap<String, Vec<ContestedBinary>>,
    sources: BTreeMap<SourceName, Vec<ContestedSource>>,
    of_sources: BTreeSet<SourceVersion>,
    /// What is to be looked at still.
    to_do: Vec<Wanted>,
}

enum Wanted {
    Binaries(String),
    Sources(SourceName),
    BinariesOf(SourceVersion),
}

impl<'a> Field<'a> {
    fn gather(
        tx: &'a Transaction<'a>,
        pass: PassId,
        suite: SuiteId,
        opened: Opened,
    ) -> Result<Self, StoreError> {
        let mut to_do: Vec<Wanted> = opened.of_sources.into_iter().map(Wanted::BinariesOf).collect();
        to_do.extend(opened.sources.into_iter().map(Wanted::Sources));
        for name in opened.binaries {
            // the symbols of a package that is deleted have no other reason to be looked at
            to_do.push(Wanted::Binaries(format!("{name}{DEBUG_ENDING}")));
            to_do.push(Wanted::Binaries(name));
        }
        let mut field = Self {
            tx,
            pass,
            suite,
            binaries: BTreeMap::new(),
            sources: BTreeMap::new(),
            of_sources: BTreeSet::new(),
            to_do,
        };
        while let Some(wanted) = field.to_do.pop() {
            match wanted {
                Wanted::Binaries(name) => field.add_binaries(name)?,
                Wanted::Sources(name) => field.add_sources(name)?,
                Wanted::BinariesOf(source) => field.add_binaries_of(source)?,
            }
        }
        Ok(field)
    }

    fn add_binaries(&mut self, name: String) -> Result<(), StoreError> {
        if self.binaries.contains_key(&name) {
            return Ok(());
        }
        let mut rows = contest::binaries_named(self.tx, self.pass, self.suite, &name)?;
        leave_what_was_restored(rows.iter_mut().map(|row| &mut row.candidate));
        let is_debug = rows.iter().any(|row| row.format == BinaryFormat::Ddeb);
        if let Some(package) = name.strip_suffix(DEBUG_ENDING).filter(|_| is_debug) {
            self.to_do.push(Wanted::Binaries(package.to_owned()));
        }
        let losing = losing(&rows);
        if !losing.is_empty() {
            self.to_do.push(Wanted::Binaries(format!("{name}{DEBUG_ENDING}")));
        }
        self.to_do.extend(losing.into_iter().map(Wanted::BinariesOf));
        self.binaries.insert(name, rows);
        Ok(())
    }

    fn add_sources(&mut self, name: SourceName) -> Result<(), StoreError> {
        if self.sources.contains_key(&name) {
            return Ok(());
        }
        let mut rows = contest::sources_named(self.tx, self.pass, self.suite, &name)?;
        leave_what_was_restored(rows.iter_mut().map(|row| &mut row.candidate));
        let latest = rows
            .iter()
            .filter(|row| row.candidate.takes_part)
            .map(|row| &row.candidate.version)
            .max_by(|one, other| one.dpkg_cmp(other));
        // it may stay with binaries of it
        self.to_do.extend(
            rows.iter()
                .filter(|row| latest.is_some_and(|latest| row.candidate.version.dpkg_cmp(latest).is_lt()))
                .map(|row| {
                    let version = row.candidate.version.clone();
                    Wanted::BinariesOf(SourceVersion { name: name.clone(), version })
                }),
        );
        self.sources.insert(name, rows);
        Ok(())
    }

    fn add_binaries_of(&mut self, source: SourceVersion) -> Result<(), StoreError> {
        if self.of_sources.contains(&source) {
            return Ok(());
        }
        let names = contest::names_of_source(self.tx, self.suite, &source)?;
        self.to_do.extend(names.into_iter().map(Wanted::Binaries));
        self.to_do.push(Wanted::Sources(source.name.clone()));
        self.of_sources.insert(source);
        Ok(())
    }

    fn rows(self) -> (Vec<ContestedBinary>, Vec<ContestedSource>) {
        (self.binaries.into_values().flatten().collect(), self.sources.into_values().flatten().collect())
    }
}

/// Publications of a name that are all of a restored snapshot are not judged: they are to stand beside each other as they did then, until something else of that name
/// comes.
fn leave_what_was_restored<'c>(candidates: impl Iterator<Item = &'c mut Candidate>) {
    let mut candidates: Vec<&mut Candidate> = candidates.collect();
    if candidates.iter().filter(|one| one.takes_part).all(|one| one.is_restored) {
        candidates.iter_mut().for_each(|one| one.takes_part = false);
    }
}

/// The sources of the binaries of a name that are not the only ones in their index, and not the latest there.
fn losing(rows: &[ContestedBinary]) -> Vec<SourceVersion> {
    let mut latest: BTreeMap<ArchSeriesId, &ContestedBinary> = BTreeMap::new();
    let rank = |row: &ContestedBinary| (row.candidate.date_created, row.candidate.publication);
    for row in rows.iter().filter(|row| row.candidate.takes_part) {
        let best = latest.entry(row.architecture).or_insert(row);
        let order = row.candidate.version.dpkg_cmp(&best.candidate.version);
        if order.then_with(|| rank(row).cmp(&rank(best))).is_gt() {
            *best = row;
        }
    }
    let is_latest = |row: &ContestedBinary| {
        latest
            .get(&row.architecture)
            .is_none_or(|best| best.candidate.publication == row.candidate.publication)
    };
    let mut losing: Vec<SourceVersion> = rows
        .iter()
        .filter(|row| row.candidate.takes_part && !is_latest(row))
        .map(|row| row.source.clone())
        .collect();
    losing.sort();
    losing.dedup();
    losing
}
