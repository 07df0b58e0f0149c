//! The rule: which of several publications of a name stay in an index, and what becomes of the others.
//!
//! In each index the latest version of a name is live, and so many before it as the archive keeps; while the latest is given to a part of its users
//! only, also the one before. Of a live version the newest publication stays. What is below a live version is superseded by the nearest live one above;
//! what is above every live version is deleted.
//!
//! Binaries are judged twice. First every version for all architectures counts as live. Then, when it is known which packages for one
//! architecture stay, one for all stays that is not the latest while one of the same source, on any architecture, is still in the index or waits to be: it may
//! need it. All architectures of a name are judged together, so an identical row for another architecture goes as well unless it is kept there.
//!
//! Debug symbols go with their package. A source stays while a binary of it is kept for phasing or because the archive keeps more versions. Nothing here
//! ever takes the last version of a name out of an index, except debug symbols whose package has gone: who wants that asks for a removal.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;

use crate::domain::version::DebVersion;
use crate::domain::{
    ArchSeriesId, BinaryFormat, PackageKind, PackageReleaseId, PublicationId, PublicationStatus,
};
use crate::store::contest::{Candidate, ContestedBinary, ContestedSource, DEBUG_ENDING, SourceVersion};

/// What is to become of one publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Of which table.
    pub kind: PackageKind,
    /// The publication that goes.
    pub publication: PublicationId,
    /// What it says now.
    pub from_status: PublicationStatus,
    /// What becomes of it.
    pub becomes: Becomes,
}

/// How a publication goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Becomes {
    /// SUPERSEDED, by a release: the nearest live one above. (Soyuz names a build for binaries. A release says more: it is there also for packages that
    /// were imported, and leads to its build.)
    Superseded(PackageReleaseId),
    /// DELETED: nothing live is above it.
    Deleted,
}

/// Judges the publications of a suite. Those of each name must be all that there are, for all architectures; of a source whose binary may go, all
/// binaries. Their order does not matter.
#[must_use]
pub fn judge(binaries: &[ContestedBinary], sources: &[ContestedSource], keep: NonZeroUsize) -> Vec<Verdict> {
    let mut verdicts = Verdicts::default();
    let packages = contests(binaries.iter().filter(|one| !is_debug(one)));
    let kept = judge_packages(binaries, &packages, keep, &mut verdicts);
    judge_debug_symbols(binaries, &packages, keep, &mut verdicts);
    judge_sources(sources, &kept, keep, &mut verdicts);
    verdicts.in_order
}

#[derive(Default)]
struct Verdicts {
    in_order: Vec<Verdict>,
    gone: BTreeSet<(PackageKind, PublicationId)>,
}

impl Verdicts {
    fn add(&mut self, kind: PackageKind, gone: impl IntoIterator<Item = Verdict>) {
        for verdict in gone {
            self.gone.insert((kind, verdict.publication));
            self.in_order.push(verdict);
        }
    }

    fn stays(&self, binary: &ContestedBinary) -> bool {
        !self.gone.contains(&(PackageKind::Binary, binary.candidate.publication))
    }
}

fn is_debug(binary: &ContestedBinary) -> bool {
    binary.format == BinaryFormat::Ddeb
}

/// What competes in one index, by version: the highest first, of each the newest publication first.
type Contest<'a, T> = Vec<Vec<&'a T>>;

/// Anything that takes part in a contest.
trait Contestant {
    fn candidate(&self) -> &Candidate;
}

impl Contestant for ContestedBinary {
    fn candidate(&self) -> &Candidate {
        &self.candidate
    }
}

impl Contestant for ContestedSource {
    fn candidate(&self) -> &Candidate {
        &self.candidate
    }
}

fn by_version<T: Contestant>(mut all: Vec<&T>) -> Contest<'_, T> {
    all.retain(|one| one.candidate().takes_part);
    all.sort_by(|one, other| {
        let (one, other) = (one.candidate(), other.candidate());
        (other.version.dpkg_cmp(&one.version))
            .then_with(|| (other.date_created, other.publication).cmp(&(one.date_created, one.publication)))
    });
    let mut contest: Contest<'_, T> = Vec::new();
    for one in all {
        match contest.last_mut() {
            Some(same) if is_same(&same[0].candidate().version, &one.candidate().version) => same.push(one),
            _ => contest.push(vec![one]),
        }
    }
    contest
}

/// As dpkg means it.
fn is_same(one: &DebVersion, other: &DebVersion) -> bool {
    one.dpkg_cmp(other).is_eq()
}

type Contests<'a> = BTreeMap<(ArchSeriesId, &'a str), Contest<'a, ContestedBinary>>;

fn contests<'a>(binaries: impl Iterator<Item = &'a ContestedBinary>) -> Contests<'a> {
    let mut names: BTreeMap<(ArchSeriesId, &str), Vec<&ContestedBinary>> = BTreeMap::new();
    for binary in binaries {
        names.entry((binary.architecture, &binary.name)).or_default().push(binary);
    }
    names.into_iter().map(|(index, all)| (index, by_version(all))).collect()
}

/// What becomes of the publications of a name, when it is decided which versions are live.
fn plan<T: Contestant>(kind: PackageKind, contest: &Contest<'_, T>, live: &[bool]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let mut above: Option<&Candidate> = None;
    for (version, is_live) in contest.iter().zip(live) {
        let mut publications = version.iter().map(|one| one.candidate());
        if *is_live {
            above = publications.next();
        }
        verdicts.extend(publications.map(|one| Verdict {
            kind,
            publication: one.publication,
            from_status: one.status,
            becomes: above.map_or(Becomes::Deleted, |above| Becomes::Superseded(above.release)),
        }));
    }
    verdicts
}

/// The versions of a name that stay whatever else is there: the latest, as many as the archive keeps, and what those have who do not get the latest yet.
fn kept(contest: &Contest<'_, ContestedBinary>, keep: NonZeroUsize) -> Vec<bool> {
    let mut all_above_are_phased = true;
    let mut kept = Vec::with_capacity(contest.len());
    for (rank, version) in contest.iter().enumerate() {
        kept.push(rank < keep.get() || all_above_are_phased);
        all_above_are_phased &= version[0].is_phased;
    }
    kept
}

/// Judges packages, twice. The sources of what is kept though it is not the latest.
fn judge_packages<'a>(
    binaries: &'a [ContestedBinary],
    contests: &Contests<'a>,
    keep: NonZeroUsize,
    verdicts: &mut Verdicts,
) -> BTreeSet<&'a SourceVersion> {
    let mut sources = BTreeSet::new();
    for contest in contests.values() {
        let mut live = kept(contest, keep);
        let before = contest.iter().zip(&live).skip(1).filter(|(_, kept)| **kept);
        sources.extend(before.map(|(version, _)| &version[0].source));
        for (live, version) in live.iter_mut().zip(contest) {
            // of a version the newest publication counts: the others go in any case
            *live |= version[0].is_for_all;
        }
        verdicts.add(PackageKind::Binary, plan(PackageKind::Binary, contest, &live));
    }
    // what is for one architecture is decided; what waits for another pass counts
    let built: BTreeSet<&SourceVersion> = binaries
        .iter()
        .filter(|one| !one.is_for_all && !is_debug(one) && verdicts.stays(one))
        .map(|one| &one.source)
        .collect();
    for contest in contests.values() {
        let mut contest = contest.clone();
        let mut live = kept(&contest, keep);
        for version in &mut contest {
            version.retain(|one| verdicts.stays(one));
        }
        // nobody is left of a version that has gone
        let mut is_left = contest.iter().map(|version| !version.is_empty());
        live.retain(|_| is_left.next().unwrap_or(false));
        contest.retain(|version| !version.is_empty());
        for (live, version) in live.iter_mut().zip(&contest) {
            *live |= !version[0].is_for_all || built.contains(&version[0].source);
        }
        verdicts.add(PackageKind::Binary, plan(PackageKind::Binary, &contest, &live));
    }
    sources
}

/// Debug symbols stay as long as the package of their name and version is in the index. Those that never had one are judged as packages are.
fn judge_debug_symbols(
    binaries: &[ContestedBinary],
    packages: &Contests<'_>,
    keep: NonZeroUsize,
    verdicts: &mut Verdicts,
) {
    let debug = contests(binaries.iter().filter(|one| is_debug(one)));
    if debug.is_empty() {
        return;
    }
    // what waits for another pass counts
    let mut there: BTreeMap<(ArchSeriesId, &str), Vec<&ContestedBinary>> = BTreeMap::new();
    for package in binaries.iter().filter(|one| !is_debug(one) && verdicts.stays(one)) {
        there.entry((package.architecture, &package.name)).or_default().push(package);
    }
    for ((architecture, name), contest) in debug {
        let package = name.strip_suffix(DEBUG_ENDING);
        let there = package.and_then(|package| there.get(&(architecture, package)));
        let live: Vec<bool> = contest
            .iter()
            .zip(kept(&contest, keep))
            .map(|(version, kept)| {
                let is_there =
                    |one: &&ContestedBinary| is_same(&one.candidate.version, &version[0].candidate.version);
                let had_package = version.iter().any(|one| one.had_package);
                there.into_iter().flatten().any(is_there) || (kept && !had_package)
            })
            .collect();
        let mut gone = plan(PackageKind::Binary, &contest, &live);
        // by what its package was
        let above = package.and_then(|package| packages.get(&(architecture, package)));
        for verdict in gone.iter_mut().filter(|verdict| verdict.becomes == Becomes::Deleted) {
            let of = contest.iter().flatten().find(|one| one.candidate.publication == verdict.publication);
            let newer = |one: &&&ContestedBinary| {
                of.is_some_and(|of| one.candidate.version.dpkg_cmp(&of.candidate.version).is_gt())
            };
            let nearest = above.into_iter().flatten().rev().flatten().filter(|one| verdicts.stays(one));
            if let Some(nearest) = nearest.filter(newer).take(1).next() {
                verdict.becomes = Becomes::Superseded(nearest.candidate.release);
            }
        }
        verdicts.add(PackageKind::Binary, gone);
    }
}

fn judge_sources(
    sources: &[ContestedSource],
    kept: &BTreeSet<&SourceVersion>,
    keep: NonZeroUsize,
    verdicts: &mut Verdicts,
) {
    let mut names: BTreeMap<_, Vec<&ContestedSource>> = BTreeMap::new();
    for source in sources {
        names.entry(&source.name).or_default().push(source);
    }
    for all in names.into_values() {
        let contest = by_version(all);
        let live: Vec<bool> = contest
            .iter()
            .enumerate()
            .map(|(rank, version)| {
                let stays = |one: &&ContestedSource| {
                    let source =
                        SourceVersion { name: one.name.clone(), version: one.candidate.version.clone() };
                    kept.contains(&source)
                };
                rank < keep.get() || version.iter().any(stays)
            })
            .collect();
        verdicts.add(PackageKind::Source, plan(PackageKind::Source, &contest, &live));
    }
}

#[cfg(test)]
mod tests;
