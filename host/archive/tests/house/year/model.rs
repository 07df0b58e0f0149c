//! The slow model: what an archive is after each step, read from the text of the rules alone.
//!
//! Everything is a plain vector that is gone through from end to end whenever something is asked. With the rooms that it judges it shares the order of
//! versions, and nothing else: no row, no rule, no path.

use std::collections::{BTreeMap, BTreeSet};

use pressroom_archive::domain::DebVersion;

/// In seconds, as all times here.
pub(super) const DAY: i64 = 86_400;

/// What was superseded keeps its files for so long.
const STAY: i64 = DAY;

/// What has left somebody's own archive is kept for so long.
const KEPT: i64 = 7 * DAY;

/// The most preferred first.
pub(super) const COMPONENTS: [&str; 3] = ["main", "universe", "multiverse"];

/// The word of a source where a binary has its architecture.
pub(super) const SOURCE: &str = "source";

/// The word of a package for all architectures.
pub(super) const ALL: &str = "all";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Published,
    Superseded,
    Deleted,
    Obsolete,
}

impl Status {
    pub(super) const fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Published)
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Published => "PUBLISHED",
            Self::Superseded => "SUPERSEDED",
            Self::Deleted => "DELETED",
            Self::Obsolete => "OBSOLETE",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Archive {
    pub(super) name: &'static str,
    /// Somebody's own.
    pub(super) is_personal: bool,
    /// So many versions of a name stay.
    pub(super) keep: usize,
}

#[derive(Debug, Clone)]
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) architectures: Vec<&'static str>,
    pub(super) is_obsolete: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Suite {
    pub(super) archive: usize,
    pub(super) series: usize,
    pub(super) name: String,
    /// Its indexes have to be made in full, so that those which are live may list what is over.
    pub(super) is_owed: bool,
}

/// A name and a content.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) sha256: String,
}

#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: DebVersion,
    /// `source`, `all`, or an architecture.
    pub(super) tag: String,
    /// The source that it is of, and that one's version.
    pub(super) source: (String, DebVersion),
    pub(super) is_symbols: bool,
    pub(super) files: Vec<File>,
    /// The sources that went into it.
    pub(super) used: Vec<(String, DebVersion)>,
    /// The row of the release, when it is known.
    pub(super) row: Option<i64>,
}

/// Where a package is filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filing {
    pub(super) component: String,
    pub(super) section: String,
    pub(super) priority: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Publication {
    pub(super) package: usize,
    pub(super) suite: usize,
    /// `source`, or in the index of which architecture.
    pub(super) index: String,
    pub(super) filing: Filing,
    pub(super) percentage: Option<u8>,
    pub(super) status: Status,
    /// Somebody wants it to go.
    pub(super) is_unwanted: bool,
    pub(super) created: i64,
    pub(super) published: Option<i64>,
    pub(super) ended: Option<i64>,
    /// By which package.
    pub(super) superseded_by: Option<usize>,
    /// From when on its files may go.
    pub(super) scheduled: Option<i64>,
    pub(super) removed: Option<i64>,
    /// Its row, when it is known.
    pub(super) row: Option<i64>,
}

/// A file in the pool of an archive, in the folder of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InPool {
    pub(super) archive: usize,
    pub(super) source: String,
    pub(super) file: File,
}

/// The components that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    /// The one that has the file itself; the others have links to it.
    pub(super) real: String,
    pub(super) all: BTreeSet<String>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Model {
    pub(super) archives: Vec<Archive>,
    pub(super) series: Vec<Series>,
    pub(super) suites: Vec<Suite>,
    pub(super) packages: Vec<Package>,
    /// In the order in which they were made.
    pub(super) publications: Vec<Publication>,
    pub(super) pool: BTreeMap<InPool, Names>,
    /// What the librarian has let go.
    pub(super) expired: BTreeSet<File>,
    /// What a pass is about to make of publications.
    pub(super) plan: Plan,
}

/// What a pass that is not installed yet does.
#[derive(Debug, Default, Clone)]
pub(super) struct Plan {
    suites: Vec<usize>,
    /// What each publication was, what it becomes, and which package takes its place.
    steps: BTreeMap<usize, (Status, Status, Option<usize>)>,
}

/// What becomes of publications, and which package has taken their place.
type Fates = BTreeMap<usize, (Status, Option<usize>)>;

/// What competes in one index: versions, the highest first; of each its publications, the newest first.
type Contest = Vec<Vec<usize>>;

fn most_preferred<'a>(components: impl IntoIterator<Item = &'a String>) -> String {
    let place = |name: &str| COMPONENTS.iter().position(|one| *one == name);
    components.into_iter().min_by_key(|name| place(name)).cloned().unwrap()
}

impl Model {
    // ---------------------------------------------------------------- looking

    pub(super) fn package_of(&self, publication: &Publication) -> &Package {
        &self.packages[publication.package]
    }

    fn version(&self, publication: usize) -> &DebVersion {
        &self.package_of(&self.publications[publication]).version
    }

    pub(super) fn archive_of(&self, publication: &Publication) -> usize {
        self.suites[publication.suite].archive
    }

    pub(super) fn is_source(&self, publication: &Publication) -> bool {
        publication.index == SOURCE
    }

    /// The publications for which something holds, in the order in which they were made.
    pub(super) fn which(&self, holds: impl Fn(&Publication) -> bool) -> Vec<usize> {
        (0..self.publications.len()).filter(|one| holds(&self.publications[*one])).collect()
    }

    // ---------------------------------------------------------------- what people do

    pub(super) fn add_package(&mut self, package: Package) -> usize {
        self.packages.push(package);
        self.packages.len() - 1
    }

    /// Somebody wants a package to be in an index. Nothing comes of it where it is there, or waits to be, filed so already; nor where it was there so,
    /// and a higher version has taken its place.
    pub(super) fn wish(
        &mut self,
        suite: usize,
        index: &str,
        package: usize,
        filing: &Filing,
        percentage: Option<Option<u8>>,
        now: i64,
    ) {
        let name = self.packages[package].name.clone();
        let version = self.packages[package].version.clone();
        let is_so = |one: &Publication| {
            one.filing == *filing && percentage.is_none_or(|percentage| percentage == one.percentage)
        };
        let of_name = self.which(|one| {
            one.suite == suite
                && one.index == index
                && self.package_of(one).name == name
                && !(one.status == Status::Published && one.is_unwanted)
        });
        let is_it = |one: &&usize| self.publications[**one].package == package;
        let newest = of_name
            .iter()
            .filter(is_it)
            .filter(|one| self.publications[**one].status.is_active())
            .max_by_key(|one| (self.publications[**one].created, **one));
        let changes_nothing = match newest {
            Some(newest) => is_so(&self.publications[*newest]),
            None => {
                let was_so = of_name.iter().filter(is_it).any(|one| {
                    let one = &self.publications[*one];
                    one.status == Status::Superseded && is_so(one)
                });
                let is_below = of_name.iter().any(|one| {
                    self.publications[*one].status.is_active()
                        && self.version(*one).dpkg_cmp(&version).is_gt()
                });
                was_so && is_below
            }
        };
        if !changes_nothing {
            self.publications.push(Publication {
                package,
                suite,
                index: index.to_owned(),
                filing: filing.clone(),
                percentage: percentage.flatten(),
                status: Status::Pending,
                is_unwanted: false,
                created: now,
                published: None,
                ended: None,
                superseded_by: None,
                scheduled: None,
                removed: None,
                row: None,
            });
        }
    }

    /// The indexes that a package is in: one for all architectures is in each.
    pub(super) fn indexes(&self, suite: usize, package: usize) -> Vec<String> {
        let tag = self.packages[package].tag.as_str();
        if tag == SOURCE {
            return vec![SOURCE.to_owned()];
        }
        let architectures = &self.series[self.suites[suite].series].architectures;
        architectures.iter().filter(|one| tag == ALL || **one == tag).map(|one| (*one).to_owned()).collect()
    }

    /// Files the highest versions of packages elsewhere.
    pub(super) fn refile(
        &mut self,
        suite: usize,
        name: &str,
        with_binaries: Option<bool>,
        change: impl Fn(&mut Filing, &mut Option<u8>),
        now: i64,
    ) {
        let mut names: BTreeSet<(String, String)> = BTreeSet::new();
        for one in self.publications.iter().filter(|one| one.suite == suite) {
            let package = self.package_of(one);
            let is_meant = match with_binaries {
                // the source of the name, and what is built from it
                Some(true) => package.source.0 == name,
                Some(false) => self.is_source(one) && package.name == name,
                None => !self.is_source(one) && package.name == name,
            };
            if is_meant {
                names.insert((one.index.clone(), package.name.clone()));
            }
        }
        for (index, package) in names {
            // of a name that another source builds now in a higher version nothing is known here: it is the highest that is meant of those that are
            let of_name = self.which(|one| {
                let it = self.package_of(one);
                one.suite == suite
                    && one.index == index
                    && one.status.is_active()
                    && !one.is_unwanted
                    && it.name == package
                    && (with_binaries != Some(true) || it.source.0 == name)
            });
            let Some(found) = self.contest(&of_name).first().map(|version| version[0]) else { continue };
            let found = self.publications[found].clone();
            let (mut filing, mut percentage) = (found.filing.clone(), found.percentage);
            change(&mut filing, &mut percentage);
            if index == SOURCE {
                percentage = None;
            }
            self.wish(suite, &index, found.package, &filing, Some(percentage), now);
        }
    }

    /// Somebody wants the source of a name with its binaries, or binaries of the name, to go: what waits goes at once, the rest with the next pass.
    pub(super) fn remove(&mut self, suite: usize, name: &str, is_source: bool, now: i64) {
        let meant = self.which(|one| {
            let package = self.package_of(one);
            let is_meant = if is_source {
                if self.is_source(one) { package.name == name } else { package.source.0 == name }
            } else {
                !self.is_source(one) && package.name == name
            };
            one.suite == suite && one.status.is_active() && !one.is_unwanted && is_meant
        });
        for one in meant {
            let one = &mut self.publications[one];
            one.is_unwanted = true;
            if one.status == Status::Pending {
                one.status = Status::Deleted;
                one.ended = Some(now);
            }
        }
        self.schedule(suite, now);
    }

    /// An architecture is new in a series: what is for all is on it too.
    pub(super) fn add_architecture(&mut self, series: usize, tag: &'static str, now: i64) {
        self.series[series].architectures.push(tag);
        for suite in 0..self.suites.len() {
            if self.suites[suite].series != series {
                continue;
            }
            self.suites[suite].is_owed = true;
            let of_all = self.which(|one| {
                one.suite == suite
                    && one.status.is_active()
                    && !one.is_unwanted
                    && self.package_of(one).tag == ALL
            });
            let mut seen: Vec<(usize, Filing, Option<u8>)> = Vec::new();
            // of one that is filed so twice the last word counts
            let mut new = Vec::new();
            for one in of_all.into_iter().rev() {
                let one = self.publications[one].clone();
                let what = (one.package, one.filing.clone(), one.percentage);
                if !seen.contains(&what) {
                    seen.push(what);
                    new.push(one);
                }
            }
            for one in new.into_iter().rev() {
                self.publications.push(Publication {
                    index: tag.to_owned(),
                    status: Status::Pending,
                    created: now,
                    published: None,
                    ended: None,
                    superseded_by: None,
                    scheduled: None,
                    removed: None,
                    row: None,
                    ..one
                });
            }
        }
    }

    /// A series ends: all that is active in it is OBSOLETE, and may go at once; so may what has waited for it.
    pub(super) fn end_series(&mut self, series: usize, with_personal: bool, now: i64) {
        self.series[series].is_obsolete = true;
        for suite in 0..self.suites.len() {
            let Suite { archive, series: of, .. } = self.suites[suite];
            if of != series || (self.archives[archive].is_personal && !with_personal) {
                continue;
            }
            for one in self.publications.iter_mut().filter(|one| one.suite == suite) {
                if one.status.is_active() {
                    self.suites[suite].is_owed = true;
                    (one.status, one.ended, one.scheduled) = (Status::Obsolete, Some(now), Some(now));
                } else if one.scheduled.is_none() && one.removed.is_none() {
                    one.scheduled = Some(now);
                }
            }
        }
    }

    // ---------------------------------------------------------------- a pass

    /// Publishes suites of an archive.
    pub(super) fn pass(&mut self, suites: &[usize], now: i64) {
        self.prepare(suites);
        self.install(now);
    }

    /// A pass up to its installation: names are in the pool, and it is decided what becomes of publications.
    pub(super) fn prepare(&mut self, suites: &[usize]) {
        for suite in suites {
            self.put_into_the_pool(*suite);
        }
        self.plan = Plan { suites: suites.to_vec(), steps: BTreeMap::new() };
        for suite in suites.iter().copied() {
            let mut fates = self.removals(suite);
            let kept_sources = self.judge_binaries(suite, &mut fates);
            self.judge_symbols(suite, &mut fates);
            self.judge_sources(suite, &kept_sources, &mut fates);
            for one in self.which(|one| one.suite == suite && one.status.is_active()) {
                let is = self.publications[one].status;
                let becomes = match fates.get(&one) {
                    Some((status, by)) => Some((is, *status, *by)),
                    None => (is == Status::Pending).then_some((is, Status::Published, None)),
                };
                self.plan.steps.extend(becomes.map(|step| (one, step)));
            }
        }
    }

    /// The pass dies: nothing of it was, but names that it has made in the pool.
    pub(super) fn abandon(&mut self) {
        self.plan = Plan::default();
    }

    /// What was decided comes true. What waited and was taken back meanwhile is in the indexes all the same, and the next pass takes it out.
    pub(super) fn install(&mut self, now: i64) {
        let Plan { suites, steps } = std::mem::take(&mut self.plan);
        for suite in &suites {
            self.suites[*suite].is_owed = false;
        }
        for (one, (was, becomes, by)) in steps {
            let one = &mut self.publications[one];
            if one.status == was {
                (one.status, one.superseded_by) = (becomes, by);
                match becomes {
                    Status::Published => one.published = Some(now),
                    Status::Pending | Status::Superseded | Status::Deleted | Status::Obsolete => {
                        one.ended = Some(now);
                    }
                }
                one.is_unwanted |= becomes == Status::Deleted;
            } else if (was, becomes, one.is_unwanted) == (Status::Pending, Status::Published, true) {
                (one.status, one.published, one.ended, one.scheduled) =
                    (Status::Published, Some(now), None, None);
            } else {
                self.suites[one.suite].is_owed |= one.status != becomes;
            }
        }
        for suite in suites {
            self.schedule(suite, now);
        }
    }

    /// Phase A: what waits gets its names, and the most preferred component has the file.
    fn put_into_the_pool(&mut self, suite: usize) {
        let archive = self.suites[suite].archive;
        for one in self.publications.iter().filter(|one| one.suite == suite && one.status == Status::Pending)
        {
            let package = &self.packages[one.package];
            for file in &package.files {
                let place = InPool { archive, source: package.source.0.clone(), file: file.clone() };
                let component = &one.filing.component;
                let new = Names { real: component.clone(), all: BTreeSet::new() };
                let names = self.pool.entry(place).or_insert(new);
                names.all.insert(component.clone());
                names.real = most_preferred(&names.all);
            }
        }
    }

    /// What somebody wants to go, with the binaries of sources that go.
    fn removals(&self, suite: usize) -> Fates {
        let mut fates = Fates::new();
        let unwanted =
            self.which(|one| one.suite == suite && one.status == Status::Published && one.is_unwanted);
        fates.extend(unwanted.iter().map(|one| (*one, (Status::Deleted, None))));
        for source in unwanted.iter().filter(|one| self.is_source(&self.publications[**one])) {
            let package = self.publications[*source].package;
            let stays_otherwise = self.publications.iter().enumerate().any(|(other, one)| {
                one.suite == suite
                    && one.package == package
                    && one.status.is_active()
                    && !fates.contains_key(&other)
            });
            if stays_otherwise {
                continue;
            }
            let of = &self.packages[package];
            for binary in self.which(|one| {
                let it = self.package_of(one);
                one.suite == suite
                    && one.status.is_active()
                    && !self.is_source(one)
                    && (&it.source.0, it.source.1.to_string()) == (&of.name, of.version.to_string())
            }) {
                fates.insert(binary, (Status::Deleted, None));
            }
        }
        fates
    }

    /// By version, of what is given.
    fn contest(&self, publications: &[usize]) -> Contest {
        let mut sorted = publications.to_vec();
        sorted.sort_by(|one, other| {
            let (a, b) = (&self.publications[*one], &self.publications[*other]);
            (self.version(*other).dpkg_cmp(self.version(*one)))
                .then((b.created, *other).cmp(&(a.created, *one)))
        });
        let is_same = |one: &usize, other: &usize| self.version(*one).dpkg_cmp(self.version(*other)).is_eq();
        sorted.chunk_by(is_same).map(<[usize]>::to_vec).collect()
    }

    /// The contests of a suite, of what stays so far.
    fn contests(&self, suite: usize, fates: &Fates, symbols: bool) -> Vec<Contest> {
        let mut by_index: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for one in 0..self.publications.len() {
            let publication = &self.publications[one];
            let package = self.package_of(publication);
            if publication.suite == suite
                && publication.status.is_active()
                && !fates.contains_key(&one)
                && !self.is_source(publication)
                && package.is_symbols == symbols
            {
                by_index.entry((publication.index.clone(), package.name.clone())).or_default().push(one);
            }
        }
        by_index.values().map(|all| self.contest(all)).collect()
    }

    /// Which versions stay whatever else is there: as many as the archive keeps, and the one before the latest while that is given to some only.
    fn kept(&self, contest: &Contest, keep: usize) -> Vec<bool> {
        (0..contest.len())
            .map(|rank| {
                let phased = |version: &Vec<usize>| {
                    self.publications[version[0]].percentage.is_some_and(|some| some < 100)
                };
                rank < keep || contest[..rank].iter().all(phased)
            })
            .collect()
    }

    /// A live version keeps its newest publication; what is below is superseded by the nearest live one above, what is above all of them is deleted.
    fn decide(&self, contest: &Contest, live: &[bool], fates: &mut Fates) {
        let mut above = None;
        for (version, is_live) in contest.iter().zip(live) {
            let mut going = version.as_slice();
            if *is_live {
                above = Some(self.publications[version[0]].package);
                going = &version[1..];
            }
            let status = if above.is_some() { Status::Superseded } else { Status::Deleted };
            fates.extend(going.iter().map(|one| (*one, (status, above))));
        }
    }

    fn keep_of(&self, suite: usize) -> usize {
        self.archives[self.suites[suite].archive].keep
    }

    fn tag(&self, publication: usize) -> &str {
        &self.package_of(&self.publications[publication]).tag
    }

    fn source_of(&self, publication: usize) -> (String, String) {
        let (name, version) = &self.package_of(&self.publications[publication]).source;
        (name.clone(), version.to_string())
    }

    /// Two passes. The sources of what is kept though it is not the latest.
    fn judge_binaries(&self, suite: usize, fates: &mut Fates) -> BTreeSet<(String, String)> {
        let keep = self.keep_of(suite);
        let contests = self.contests(suite, fates, false);
        let mut kept_sources = BTreeSet::new();
        for contest in &contests {
            let kept = self.kept(contest, keep);
            for (version, _) in contest.iter().zip(&kept).skip(1).filter(|(_, kept)| **kept) {
                kept_sources.insert(self.source_of(version[0]));
            }
            let live: Vec<bool> =
                contest.iter().zip(kept).map(|(version, kept)| kept || self.tag(version[0]) == ALL).collect();
            self.decide(contest, &live, fates);
        }
        // what is for one architecture, on any of them
        let specific: BTreeSet<(String, String)> = contests
            .iter()
            .flatten()
            .flatten()
            .filter(|one| !fates.contains_key(one) && self.tag(**one) != ALL)
            .map(|one| self.source_of(*one))
            .collect();
        for contest in &contests {
            let kept = self.kept(contest, keep);
            let (mut rest, mut live) = (Contest::new(), Vec::new());
            for (version, kept) in contest.iter().zip(kept) {
                let left: Vec<usize> =
                    version.iter().copied().filter(|one| !fates.contains_key(one)).collect();
                if let Some(newest) = left.first().copied() {
                    let is_needed = specific.contains(&self.source_of(newest));
                    live.push(kept || self.tag(newest) != ALL || is_needed);
                    rest.push(left);
                }
            }
            self.decide(&rest, &live, fates);
        }
        kept_sources
    }

    /// Debug symbols are there as long as their package is, in the same version; those that never had one are judged as packages.
    fn judge_symbols(&self, suite: usize, fates: &mut Fates) {
        let keep = self.keep_of(suite);
        for contest in self.contests(suite, fates, true) {
            let first = &self.publications[contest[0][0]];
            let name = self.package_of(first).name.trim_end_matches("-dbgsym").to_owned();
            let index = first.index.clone();
            let packages = self
                .which(|one| one.suite == suite && one.index == index && self.package_of(one).name == name);
            let there: Vec<usize> = packages
                .iter()
                .copied()
                .filter(|one| self.publications[*one].status.is_active() && !fates.contains_key(one))
                .collect();
            let is_in = |all: &[usize], version: &DebVersion| {
                all.iter().any(|one| self.version(*one).dpkg_cmp(version).is_eq())
            };
            let live: Vec<bool> = contest
                .iter()
                .zip(self.kept(&contest, keep))
                .map(|(version, kept)| {
                    let version = self.version(version[0]);
                    is_in(&there, version) || (kept && !is_in(&packages, version))
                })
                .collect();
            let mut own = Fates::new();
            self.decide(&contest, &live, &mut own);
            for (one, fate) in &mut own {
                // by what has taken the place of its package
                let newer =
                    there.iter().filter(|other| self.version(**other).dpkg_cmp(self.version(*one)).is_gt());
                let nearest = newer.min_by(|one, other| self.version(**one).dpkg_cmp(self.version(**other)));
                if let (Status::Deleted, Some(nearest)) = (fate.0, nearest) {
                    *fate = (Status::Superseded, Some(self.publications[*nearest].package));
                }
            }
            fates.extend(own);
        }
    }

    fn judge_sources(&self, suite: usize, kept: &BTreeSet<(String, String)>, fates: &mut Fates) {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for one in self.which(|one| one.suite == suite && one.status.is_active() && self.is_source(one)) {
            if !fates.contains_key(&one) {
                by_name.entry(self.package_of(&self.publications[one]).name.clone()).or_default().push(one);
            }
        }
        for all in by_name.values() {
            let contest = self.contest(all);
            let live: Vec<bool> = contest
                .iter()
                .enumerate()
                .map(|(rank, version)| {
                    rank < self.keep_of(suite) || kept.contains(&self.source_of(version[0]))
                })
                .collect();
            self.decide(&contest, &live, fates);
        }
    }

    /// The judge: from when on the files of what is over may go. Binaries first; a source waits while a binary of it in its suite has no date, unless it
    /// is published there by another row.
    fn schedule(&mut self, suite: usize, now: i64) {
        for sources in [false, true] {
            let to_do = self.which(|one| {
                one.suite == suite
                    && !one.status.is_active()
                    && one.scheduled.is_none()
                    && one.removed.is_none()
                    && self.is_source(one) == sources
            });
            for one in to_do {
                if sources && self.is_held_by_binaries(one) {
                    continue;
                }
                let stay = if self.publications[one].status == Status::Superseded { STAY } else { 0 };
                self.publications[one].scheduled = Some(now + stay);
            }
        }
    }

    fn is_held_by_binaries(&self, source: usize) -> bool {
        let publication = &self.publications[source];
        let of = self.source_of(source);
        let in_suite = |other: &usize| self.publications[*other].suite == publication.suite;
        let all: Vec<usize> = (0..self.publications.len()).filter(in_suite).collect();
        let is_published_otherwise = all.iter().any(|other| {
            let one = &self.publications[*other];
            one.package == publication.package && one.status == Status::Published
        });
        let has_binaries = all.iter().any(|other| {
            let one = &self.publications[*other];
            !self.is_source(one)
                && self.source_of(*other) == of
                && one.scheduled.is_none()
                && one.removed.is_none()
        });
        has_binaries && !is_published_otherwise
    }

    // ---------------------------------------------------------------- what goes

    /// The unremoved publications of an archive that have a file.
    fn owners(&self, place: &InPool) -> Vec<usize> {
        self.which(|one| {
            let package = self.package_of(one);
            one.removed.is_none()
                && self.archive_of(one) == place.archive
                && package.source.0 == place.source
                && package.files.contains(&place.file)
        })
    }

    /// Whether a publication keeps its files in the pool.
    fn keeps(&self, publication: usize, now: i64) -> bool {
        let one = &self.publications[publication];
        if self.plan.steps.contains_key(&publication) {
            return true;
        }
        if one.status.is_active()
            || self.suites[one.suite].is_owed
            || one.scheduled.is_none_or(|date| date > now)
        {
            return true;
        }
        let archive = self.archive_of(one);
        let in_archive = |other: &&Publication| self.archive_of(other) == archive;
        if !self.is_source(one)
            || self
                .publications
                .iter()
                .filter(in_archive)
                .any(|other| other.package == one.package && other.status.is_active())
        {
            return false;
        }
        // a source that is published no more: its binaries may be, and what it went into
        let of = self.source_of(publication);
        self.publications.iter().filter(in_archive).any(|other| {
            let package = self.package_of(other);
            let is_binary_of_it = !self.is_source(other)
                && (package.source.0.as_str(), package.source.1.to_string()) == (of.0.as_str(), of.1.clone());
            let uses_it = package
                .used
                .iter()
                .any(|(name, version)| (name, version.to_string()) == (&of.0, of.1.clone()));
            (is_binary_of_it && other.status.is_active()) || (uses_it && other.removed.is_none())
        })
    }

    pub(super) fn place(&self, archive: usize, package: usize, file: &File) -> InPool {
        InPool { archive, source: self.packages[package].source.0.clone(), file: file.clone() }
    }

    /// The packages, sources or binaries, of which a file may leave the pool of an archive.
    pub(super) fn condemned(&self, archive: usize, sources: bool, now: i64) -> BTreeSet<usize> {
        let is_due = |one: &Publication| {
            self.archive_of(one) == archive
                && self.is_source(one) == sources
                && one.removed.is_none()
                && !one.status.is_active()
                && one.scheduled.is_some_and(|date| date <= now)
        };
        let due: BTreeSet<usize> =
            self.publications.iter().filter(|one| is_due(one)).map(|one| one.package).collect();
        due.into_iter()
            .filter(|package| {
                self.packages[*package].files.iter().any(|file| {
                    self.owners(&self.place(archive, *package, file)).iter().all(|one| !self.keeps(*one, now))
                })
            })
            .collect()
    }

    /// Packages leave the pool: files that nothing keeps go, and the publications are removed.
    pub(super) fn reap(&mut self, archive: usize, packages: &BTreeSet<usize>, now: i64) {
        let mut going = Vec::new();
        for package in packages {
            for file in &self.packages[*package].files {
                let place = self.place(archive, *package, file);
                if self.owners(&place).iter().all(|one| !self.keeps(*one, now)) {
                    going.push(place);
                }
            }
        }
        for place in going {
            self.pool.remove(&place);
        }
        for one in 0..self.publications.len() {
            if self.archive_of(&self.publications[one]) == archive
                && packages.contains(&self.publications[one].package)
                && self.publications[one].removed.is_none()
            {
                self.publications[one].removed = Some(now);
            }
        }
    }

    /// The components in which a file of the pool is wanted, and whether all that want it have their names.
    pub(super) fn wanted_names(&self, place: &InPool, now: i64) -> (BTreeSet<String>, bool) {
        let owners = self.owners(place);
        let is_settled = owners.iter().all(|one| {
            self.publications[*one].status != Status::Pending && !self.plan.steps.contains_key(one)
        });
        let wanted = owners
            .iter()
            .filter(|one| self.keeps(**one, now))
            .map(|one| self.publications[*one].filing.component.clone())
            .collect();
        (wanted, is_settled)
    }

    /// Whether death row has a reason to look at a file: a publication of it is past.
    pub(super) fn is_past(&self, place: &InPool, now: i64) -> bool {
        self.owners(place).iter().any(|one| {
            let one = &self.publications[*one];
            !one.status.is_active() && one.scheduled.is_some_and(|date| date <= now)
        })
    }

    /// The files that nobody wants any more: kept for a week after they have left somebody's archive, and in a distribution until the series that had
    /// them is over.
    pub(super) fn expire(&mut self, now: i64) -> BTreeSet<File> {
        let mut wanted: BTreeMap<File, bool> = BTreeMap::new();
        for one in &self.publications {
            let archive = &self.archives[self.archive_of(one)];
            let keeps = match one.removed {
                None => true,
                Some(date) if archive.is_personal => now - date < KEPT,
                Some(_) => !self.series[self.suites[one.suite].series].is_obsolete,
            };
            for file in &self.packages[one.package].files {
                *wanted.entry(file.clone()).or_default() |= keeps;
            }
        }
        let gone: BTreeSet<File> = wanted
            .into_iter()
            .filter(|(file, wanted)| !wanted && !self.expired.contains(file))
            .map(|(file, _)| file)
            .collect();
        self.expired.extend(gone.iter().cloned());
        gone
    }
}
