//! What happens in the year: each thing is done to the archive and told to the model.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use pressroom_archive::copy::{CopyError, Copying, End, carry_out, plan};
use pressroom_archive::death_row::expire::{self, Expire};
use pressroom_archive::death_row::reap::look_at_all_again;
use pressroom_archive::dists::ArchivePaths;
use pressroom_archive::domain::{
    ArchSeriesId, ArchivePurpose, PersonKind, SeriesStatus, Sha256, UploadStatus,
};
use pressroom_archive::dominate::{StayOfExecution, schedule_suite};
use pressroom_archive::people::Actor;
use pressroom_archive::refile::{self, Change, refile};
use pressroom_archive::store::archive::{Archive, archive, create_archive, keep_versions};
use pressroom_archive::store::distribution::distribution;
use pressroom_archive::store::obsolete::{EndedArchives, make_obsolete};
use pressroom_archive::store::person::{NewPerson, create_person};
use pressroom_archive::store::publication::{
    NewSourcePublication, Phasing, publish_arch_all_for, publish_source,
};
use pressroom_archive::store::removal::{self, Removal, request_removal};
use pressroom_archive::store::series::{self, SeriesChange};
use pressroom_archive::store::suite::suites_of;
use pressroom_archive::store::{Made, StoreError, pass};

use super::chance::Chance;
use super::model::{self, ALL, COMPONENTS, File, Filing, Model, SOURCE, Status};
use crate::fixture::{House, Package, Wanted};

/// The distribution's archive, and somebody's.
pub(super) const PRIMARY: usize = 0;
pub(super) const PERSONAL: usize = 1;
const SERIES: [&str; 2] = ["s", "t"];
const ARCHITECTURES: [&str; 2] = ["amd64", "arm64"];
const KEEP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// How often what has happened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) uploads: usize,
    pub(super) builds: usize,
    pub(super) copies: usize,
    pub(super) refused_copies: usize,
    pub(super) removals: usize,
    pub(super) refiled: usize,
    pub(super) passes: usize,
    pub(super) died: usize,
    /// How often something else was done in the middle of a pass.
    pub(super) beside: usize,
    pub(super) publications: usize,
    pub(super) reaped: usize,
    /// What could have left the pool on a day, and was not looked at again yet.
    pub(super) reaped_later: usize,
    pub(super) expired: usize,
}

/// A source, and what is built of it now.
struct Recipe {
    name: String,
    upstream: usize,
    revision: usize,
    parts: Vec<Part>,
}

#[derive(Clone)]
struct Part {
    name: String,
    is_for_all: bool,
    has_symbols: bool,
    uses_others: bool,
}

/// A build that is not over.
struct Build {
    day: u64,
    suite: usize,
    source: usize,
    component: String,
    tag: &'static str,
    parts: Vec<Part>,
}

/// What has happened on a day, for who has to find out why something disagrees.
struct Told {
    seed: u64,
    day: u64,
    lines: Vec<String>,
}

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("YEAR_SEED={} YEAR_DAYS={}: it was on the last day:", self.seed, self.day);
            for line in &self.lines {
                eprintln!("  {line}");
            }
        }
    }
}

/// The archive and the model, side by side.
pub(super) struct World {
    pub(super) house: House,
    pub(super) archives: Vec<(Archive, ArchivePaths)>,
    pub(super) model: Model,
    pub(super) counts: Counts,
    /// The rows of the suites, in the model's order.
    pub(super) suites: Vec<i64>,
    /// Packages that could have left a pool, and names in it, with the day on which that was seen first.
    pub(super) late: BTreeMap<String, u64>,
    /// How many publications have a row, in the model.
    pub(super) bound: usize,
    chance: Chance,
    recipes: Vec<Recipe>,
    builds: Vec<Build>,
    told: Told,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut house = House::in_memory(&COMPONENTS, &ARCHITECTURES);
        let (now, reference) = (house.now, "~ann/d/tools".parse().unwrap());
        let of = distribution(house.db.read(), &"d".parse().unwrap()).unwrap();
        house
            .db
            .write(|tx| {
                let ann = "ann".parse().unwrap();
                create_person(
                    tx,
                    &NewPerson { name: &ann, kind: PersonKind::Person, display_name: "Ann" },
                    now,
                )?;
                create_archive(tx, &of, &reference, ArchivePurpose::Ppa, "tools", now)
            })
            .unwrap();
        let personal = archive(house.db.read(), &reference).unwrap();
        let paths = ArchivePaths::new(&house.folder.path().join("archives"), &reference);
        let archives = vec![(house.archive.clone(), house.paths.clone()), (personal, paths)];
        let model = Model {
            archives: vec![
                model::Archive { name: "d", is_personal: false, keep: 1 },
                model::Archive { name: "tools", is_personal: true, keep: 1 },
            ],
            ..Model::default()
        };
        let recipes = (0..24)
            .map(|number| {
                let prefix = ["app", "lib", "tool", "zed"][number % 4];
                let name = format!("{prefix}{number}");
                let part = |ending: &str, is_for_all, has_symbols| Part {
                    name: format!("{name}{ending}"),
                    is_for_all,
                    has_symbols,
                    uses_others: number % 5 == 0 && !is_for_all,
                };
                let mut parts = vec![part("", number % 7 == 6, number % 3 == 0)];
                parts.extend((number % 2 == 0).then(|| part("-data", true, false)));
                parts.extend((number % 4 == 1).then(|| part("-0", false, false)));
                Recipe { name: name.clone(), upstream: 1, revision: 0, parts }
            })
            .collect();
        let mut world = Self {
            house,
            archives,
            model,
            counts: Counts::default(),
            suites: Vec::new(),
            late: BTreeMap::new(),
            bound: 0,
            chance: Chance::new(seed),
            recipes,
            builds: Vec::new(),
            told: Told { seed, day: 0, lines: Vec::new() },
        };
        world.know_series(SERIES[0]);
        world
    }

    /// Tells the model of a series, and of the suites that it has in each archive.
    fn know_series(&mut self, name: &'static str) {
        let series = self.model.series.len();
        self.model.series.push(model::Series {
            name,
            architectures: ARCHITECTURES.to_vec(),
            is_obsolete: false,
        });
        for archive in [PRIMARY, PERSONAL] {
            for suite in suites_of(self.house.db.read(), self.archives[archive].0.id).unwrap() {
                if !self.suites.contains(&suite.id.0) {
                    self.suites.push(suite.id.0);
                    let name = suite.name.to_string();
                    self.model.suites.push(model::Suite { archive, series, name, is_owed: true });
                }
            }
        }
    }

    // ---------------------------------------------------------------- a day

    pub(super) fn live(&mut self, day: u64) {
        self.told.day = day;
        self.told.lines.clear();
        self.house.now += SignedDuration::from_hours(20);
        self.turn_of_events(day);
        for build in std::mem::take(&mut self.builds) {
            if build.day <= day { self.build(&build) } else { self.builds.push(build) }
        }
        for _ in 0..=self.chance.below(2) {
            if let Some(suite) = self.upload_target() {
                self.upload(suite, day);
            }
        }
        for _ in 0..self.chance.below(3) {
            self.something();
        }
        self.publish(PRIMARY);
        for _ in 0..self.chance.below(3) {
            self.something();
        }
        if self.chance.percent(45) {
            self.publish(PERSONAL);
        }
        if self.chance.percent(25) {
            self.publish(PRIMARY);
        }
        if self.chance.percent(85) {
            let careful = day.is_multiple_of(13);
            self.reap(PRIMARY, careful, day);
            self.reap(PERSONAL, careful, day);
        }
        if self.chance.percent(50) {
            self.expire();
        }
        if day.is_multiple_of(30) {
            self.look_at_everything();
        }
    }

    /// What happens once in the year.
    fn turn_of_events(&mut self, day: u64) {
        match day {
            40 => self.keep(2),
            75 => self.set_status(0, SeriesStatus::Frozen),
            90 => self.set_status(0, SeriesStatus::Current),
            100 => self.new_series(),
            150 => self.new_architecture(0, "riscv64"),
            190 => self.keep(3),
            230 => self.keep(1),
            260 => self.new_architecture(1, "riscv64"),
            280 => self.set_status(0, SeriesStatus::Supported),
            310 => self.end_series(0),
            _ => {}
        }
    }

    /// Something that people do to packages.
    fn something(&mut self) {
        match self.chance.below(10) {
            0..=3 => self.copy(),
            4 | 5 => self.phase(),
            6 | 7 => self.move_it(),
            _ => self.remove(),
        }
    }

    // ---------------------------------------------------------------- who, where, when

    pub(super) fn now(&self) -> i64 {
        self.house.now.as_second()
    }

    fn tell(&mut self, line: String) {
        self.told.lines.push(line);
    }

    /// A minute later, and in this archive.
    fn turn_to(&mut self, archive: usize) {
        self.house.now += SignedDuration::from_mins(1);
        (self.house.archive, self.house.paths) = self.archives[archive].clone();
    }

    pub(super) fn suite_name(&self, suite: usize) -> &str {
        &self.model.suites[suite].name
    }

    fn series_id(&self, series: usize) -> pressroom_archive::domain::SeriesId {
        self.house.shape(self.model.series[series].name).series.id
    }

    /// Whether packages may come into a suite: its series goes on, and it is not the release of a stable one.
    fn is_open(&self, suite: usize) -> bool {
        let suite = &self.model.suites[suite];
        let series = &self.model.series[suite.series];
        let is_release = suite.name == series.name;
        let stands_still = suite.archive == PRIMARY && is_release && suite.series == 0 && self.told.day >= 90;
        !series.is_obsolete && !stands_still
    }

    /// The suites that are lived in.
    fn lived_in(&self) -> Vec<usize> {
        let is_used = |suite: &usize| {
            let suite = &self.model.suites[*suite];
            match suite.archive {
                PRIMARY => !suite.name.ends_with("-backports") && !suite.name.ends_with("-security"),
                _ => !suite.name.contains('-'),
            }
        };
        (0..self.model.suites.len()).filter(is_used).collect()
    }

    fn upload_target(&mut self) -> Option<usize> {
        let open: Vec<usize> = self.lived_in().into_iter().filter(|one| self.is_open(*one)).collect();
        self.chance.of(&open).copied()
    }

    /// A source that is published or waits in a suite, and the suite.
    fn some_source(&mut self, holds: impl Fn(&Self, usize) -> bool) -> Option<(usize, String)> {
        let all = self.model.which(|one| {
            one.status.is_active() && !one.is_unwanted && self.model.is_source(one) && holds(self, one.suite)
        });
        let one = self.chance.of(&all).copied()?;
        let publication = &self.model.publications[one];
        Some((publication.suite, self.model.package_of(publication).name.clone()))
    }

    // ---------------------------------------------------------------- packages come in

    fn upload(&mut self, suite: usize, day: u64) {
        let archive = self.model.suites[suite].archive;
        self.turn_to(archive);
        let which = self.chance.below(self.recipes.len());
        self.change_recipe(which);
        let recipe = &mut self.recipes[which];
        recipe.revision += 1;
        let (name, parts) = (recipe.name.clone(), recipe.parts.clone());
        let orig = |upstream: usize| {
            let text = format!("the original of {name} {upstream}");
            let file = File {
                name: format!("{name}_{upstream}.orig.tar.gz"),
                sha256: Sha256::of(text.as_bytes()).to_string(),
            };
            (file, text)
        };
        while self.model.expired.contains(&orig(recipe.upstream).0) {
            recipe.upstream += 1;
        }
        let own = if archive == PERSONAL { "~ann" } else { "" };
        let version = format!("{}-{}{own}", recipe.upstream, recipe.revision);
        let (orig, text) = orig(recipe.upstream);
        let orig_row = self.house.put(&orig.name, text.as_bytes()).row();
        let dsc_text = format!(
            "Format: 3.0 (quilt)\nSource: {name}\nBinary: {name}\nArchitecture: any\nVersion: {version}\n\
             Maintainer: Ann Uploader <ann@example.org>\n"
        );
        let dsc = File {
            name: format!("{name}_{version}.dsc"),
            sha256: Sha256::of(dsc_text.as_bytes()).to_string(),
        };
        let dsc_row = self.house.put(&dsc.name, dsc_text.as_bytes());
        let release = self.house.source_release(&name, &version, &dsc_text, dsc_row, &[orig_row]);
        let component = self.component_of(archive, &name);
        let filing = Filing { component: component.clone(), section: "misc".to_owned(), priority: None };
        let shape = self.house.shape(self.suite_name(suite));
        let (component_row, section) = (self.house.component(&component), "misc".parse().unwrap());
        let now = self.house.now;
        let new = NewSourcePublication {
            suite: shape.suite.id,
            release: Made::Known(release),
            name: &name.parse().unwrap(),
            component: component_row,
            section: Some(&section),
            creator: "test",
        };
        self.house.db.write(|tx| publish_source(tx, &new, now)).unwrap();
        let parsed: pressroom_archive::domain::DebVersion = version.parse().unwrap();
        let package = self.model.add_package(model::Package {
            name: name.clone(),
            version: parsed.clone(),
            tag: SOURCE.to_owned(),
            source: (name.clone(), parsed),
            is_symbols: false,
            files: vec![dsc, orig],
            used: Vec::new(),
            row: Some(release.0),
        });
        let seconds = self.now();
        self.model.wish(suite, SOURCE, package, &filing, None, seconds);
        self.tell(format!("{name} {version} comes to {} in {component}", self.suite_name(suite)));
        self.counts.uploads += 1;
        self.bind();
        let architectures = self.model.series[self.model.suites[suite].series].architectures.clone();
        let own = if archive == PRIMARY && self.chance.percent(12) {
            (*self.chance.of(&COMPONENTS).unwrap()).to_owned()
        } else {
            component
        };
        for tag in std::iter::once(ALL).chain(architectures) {
            let of_tag: Vec<Part> =
                parts.iter().filter(|part| part.is_for_all == (tag == ALL)).cloned().collect();
            // some architectures lag, and sometimes one never comes
            if !of_tag.is_empty() && !self.chance.percent(4) {
                let day = day + self.chance.below(5) as u64;
                let component = own.clone();
                self.builds.push(Build { day, suite, source: package, component, tag, parts: of_tag });
            }
        }
    }

    /// The upstream version goes on, packages are renamed, become one for all or are that no more, get symbols.
    fn change_recipe(&mut self, which: usize) {
        let roll = self.chance.below(100);
        let part = self.chance.below(self.recipes[which].parts.len());
        let recipe = &mut self.recipes[which];
        let number = recipe.revision;
        match roll {
            0..=29 => recipe.upstream += 1,
            30..=37 => recipe.parts[part].name = format!("{}-r{number}", recipe.name),
            38..=43 => recipe.parts[part].is_for_all = !recipe.parts[part].is_for_all,
            44..=48 => recipe.parts[part].has_symbols = !recipe.parts[part].has_symbols,
            49..=53 if recipe.parts.len() < 4 => recipe.parts.push(Part {
                name: format!("{}-plus{number}", recipe.name),
                is_for_all: number.is_multiple_of(2),
                has_symbols: false,
                uses_others: false,
            }),
            54..=56 if recipe.parts.len() > 1 => {
                recipe.parts.remove(part);
            }
            _ => {}
        }
    }

    /// Where a source is in an archive, or somewhere.
    fn component_of(&mut self, archive: usize, name: &str) -> String {
        if archive == PERSONAL {
            return COMPONENTS[0].to_owned();
        }
        let there = self.model.publications.iter().rev().find(|one| {
            let is_active = one.status.is_active() && self.model.is_source(one);
            is_active && self.model.archive_of(one) == archive && self.model.package_of(one).name == name
        });
        match there {
            Some(there) => there.filing.component.clone(),
            None => (*self.chance.of(&COMPONENTS).unwrap()).to_owned(),
        }
    }

    fn build(&mut self, build: &Build) {
        if !self.is_open(build.suite) {
            return;
        }
        let archive = self.model.suites[build.suite].archive;
        self.turn_to(archive);
        let source = self.model.packages[build.source].clone();
        // sometimes a package is built again without a change of its source
        let again = if build.tag != ALL && self.chance.percent(6) { "+b1" } else { "" };
        let version = format!("{}{again}", source.version);
        let folder = tempfile::tempdir_in(self.house.folder.path()).unwrap();
        let (mut paths, mut packages) = (Vec::new(), Vec::new());
        for part in &build.parts {
            let mut used = Vec::new();
            if part.uses_others {
                let others = self.model.which(|one| {
                    self.model.is_source(one)
                        && one.status == Status::Published
                        && self.model.archive_of(one) == archive
                });
                if let Some(other) = self.chance.of(&others) {
                    let other = self.model.package_of(&self.model.publications[*other]);
                    used.push((other.name.clone(), other.version.clone()));
                }
            }
            let symbols = part.has_symbols && build.tag != ALL;
            for is_symbols in [false].into_iter().chain(symbols.then_some(true)) {
                let name = if is_symbols { format!("{}-dbgsym", part.name) } else { part.name.clone() };
                let used = if is_symbols { Vec::new() } else { used.clone() };
                let mut deb = Package::new(&name, &version, build.tag)
                    .field("Source", &format!("{} ({})", source.name, source.version));
                for (name, version) in &used {
                    deb = deb.field("Built-Using", &format!("{name} (= {version})"));
                }
                let deb = if is_symbols { deb.ending("ddeb") } else { deb };
                let path = deb.write(folder.path());
                let file = File {
                    name: path.file_name().unwrap().to_str().unwrap().to_owned(),
                    sha256: Sha256::of(&std::fs::read(&path).unwrap()).to_string(),
                };
                paths.push(path);
                packages.push(model::Package {
                    name,
                    version: version.parse().unwrap(),
                    tag: build.tag.to_owned(),
                    source: (source.name.clone(), source.version.clone()),
                    is_symbols,
                    files: vec![file],
                    used,
                    row: None,
                });
            }
        }
        let suite = self.suite_name(build.suite).to_owned();
        let report = self.house.import_paths(&suite, Some(&build.component), &paths);
        assert!(report.complaints.is_empty(), "{:?}", report.complaints);
        let filing = Filing {
            component: build.component.clone(),
            section: "misc".to_owned(),
            priority: Some("optional".to_owned()),
        };
        let now = self.now();
        for package in packages {
            let package = self.model.add_package(package);
            for index in self.model.indexes(build.suite, package) {
                self.model.wish(build.suite, &index, package, &filing, None, now);
            }
        }
        self.tell(format!("{} {version} is built for {} in {suite}", source.name, build.tag));
        self.counts.builds += 1;
        self.bind();
    }

    // ---------------------------------------------------------------- what people do to packages

    fn operator() -> Actor {
        Actor::Operator { name: "root".to_owned() }
    }

    /// A source with its binaries goes to another suite, or archive.
    fn copy(&mut self) {
        let lived_in = self.lived_in();
        let Some((from, name)) = self.some_source(|_, _| true) else { return };
        let open: Vec<usize> = lived_in.into_iter().filter(|to| *to != from && self.is_open(*to)).collect();
        let Some(to) = self.chance.of(&open).copied() else { return };
        let (of, target) = (self.model.suites[from].archive, self.model.suites[to].archive);
        self.turn_to(of);
        let from_shape = self.house.shape(self.suite_name(from));
        self.turn_to(target);
        let to_shape = self.house.shape(self.suite_name(to));
        let actor = Self::operator();
        let packages = [name.parse().unwrap()];
        let request = Copying {
            from: End { archive: &self.archives[of].0, shape: &from_shape },
            to: End { archive: &self.archives[target].0, shape: &to_shape },
            packages: &packages,
            with_binaries: true,
            unembargo: false,
            auto_approve: true,
            actor: &actor,
            reason: "it was tested",
        };
        let (librarian, now) = (self.house.librarian.clone(), self.house.now);
        let planned = self
            .house
            .db
            .write(|tx| -> Result<_, CopyError> {
                Ok(match plan(tx, &librarian, &request)? {
                    Ok(plan) => {
                        carry_out(tx, &request, &plan, now)?;
                        Ok(plan)
                    }
                    Err(against) => Err(against),
                })
            })
            .unwrap();
        let (from, seconds) = (self.suite_name(from).to_owned(), self.now());
        let plan = match planned {
            Ok(plan) => plan,
            Err(against) => {
                self.counts.refused_copies += 1;
                let why: Vec<&str> = against.iter().map(|one| one.check).collect();
                let to = self.suite_name(to).to_owned();
                self.tell(format!("{name} is not copied from {from} to {to}: {why:?}"));
                return;
            }
        };
        // nobody builds here
        self.house.sql("UPDATE binary_package_build SET status = 'CANCELLED' WHERE status = 'NEEDSBUILD'");
        let tag = |id: &ArchSeriesId| {
            to_shape.architectures.iter().find(|one| one.id == *id).unwrap().tag.to_string()
        };
        for package in &plan.packages {
            assert_eq!(package.status, UploadStatus::Accepted);
            let source = self.package_of_row(true, package.release.0);
            let filing = self.filing(&package.filed);
            self.model.wish(to, SOURCE, source, &filing, None, seconds);
            for binary in &package.binaries {
                let release = self.package_of_row(false, binary.release.0);
                let filing = self.filing(&binary.filed);
                for index in &binary.in_indexes_of {
                    self.model.wish(to, &tag(index), release, &filing, None, seconds);
                }
            }
            let to = self.suite_name(to).to_owned();
            self.tell(format!("{name} {} is copied from {from} to {to}", package.version));
        }
        self.counts.copies += 1;
        self.bind();
    }

    fn filing(&self, filed: &pressroom_archive::store::package_upload::Filed) -> Filing {
        Filing {
            component: series::component_name(self.house.db.read(), filed.component).unwrap().to_string(),
            section: filed.section.as_ref().map(ToString::to_string).unwrap_or_default(),
            priority: filed.priority.as_ref().map(ToString::to_string),
        }
    }

    fn package_of_row(&self, is_source: bool, row: i64) -> usize {
        let is_it = |one: &model::Package| one.row == Some(row) && (one.tag == SOURCE) == is_source;
        self.model.packages.iter().position(is_it).unwrap()
    }

    /// An update is given to some of its users, to more, to all.
    fn phase(&mut self) {
        let found = self.some_source(|world, suite| {
            world.model.suites[suite].archive == PRIMARY && world.suite_name(suite).ends_with("-updates")
        });
        let Some((suite, name)) = found else { return };
        let percentage = *self.chance.of(&[10u8, 50, 90, 100, 100]).unwrap();
        let phasing = if percentage == 100 { Phasing::All } else { Phasing::Percentage(percentage) };
        let change = Change { component: None, section: None, priority: None, phasing };
        let percentage = (percentage < 100).then_some(percentage);
        self.change(suite, &name, refile::RefiledPackages::SourceAndBinaries, &change, |_, of| {
            *of = percentage;
        });
        self.tell(format!("{name} in {} is given to {percentage:?}", self.suite_name(suite)));
    }

    /// Packages go to another component, or section.
    fn move_it(&mut self) {
        let found = self
            .some_source(|world, suite| world.model.suites[suite].archive == PRIMARY && world.is_open(suite));
        let Some((suite, mut name)) = found else { return };
        let extent = match self.chance.below(4) {
            0 => refile::RefiledPackages::Source,
            1 => {
                let of_source = self.model.which(|one| {
                    let package = self.model.package_of(one);
                    one.suite == suite
                        && one.status.is_active()
                        && !one.is_unwanted
                        && !self.model.is_source(one)
                        && package.source.0 == name
                });
                let Some(binary) = self.chance.of(&of_source).copied() else { return };
                name = self.model.package_of(&self.model.publications[binary]).name.clone();
                refile::RefiledPackages::Binaries
            }
            _ => refile::RefiledPackages::SourceAndBinaries,
        };
        let component = (*self.chance.of(&COMPONENTS).unwrap()).to_owned();
        let section = self.chance.percent(30).then(|| ["net", "admin", "misc"][self.chance.below(3)]);
        self.turn_to(PRIMARY);
        let change = Change {
            component: Some((self.house.component(&component), component.parse().unwrap())),
            section: section.map(|section| section.parse().unwrap()),
            priority: None,
            phasing: Phasing::Unsaid,
        };
        self.change(suite, &name, extent, &change, |filing, _| {
            filing.component.clone_from(&component);
            if let Some(section) = section {
                filing.section = section.to_owned();
            }
        });
        self.tell(format!(
            "{name} in {} is filed in {component} {section:?}, {extent:?}",
            self.suite_name(suite)
        ));
    }

    fn change(
        &mut self,
        suite: usize,
        name: &str,
        extent: refile::RefiledPackages,
        change: &Change,
        so: impl Fn(&mut Filing, &mut Option<u8>),
    ) {
        self.turn_to(self.model.suites[suite].archive);
        if !self.is_open(suite) {
            return;
        }
        let shape = self.house.shape(self.suite_name(suite));
        let actor = Self::operator();
        let names = [name.parse().unwrap()];
        let request = refile::Refiling {
            archive: &self.house.archive,
            shape: &shape,
            names: &names,
            extent,
            change,
            actor: &actor,
            reason: "it belongs there",
        };
        let now = self.house.now;
        self.house.db.write(|tx| refile(tx, &request, now)).unwrap();
        let with_binaries = match extent {
            refile::RefiledPackages::Binaries => None,
            refile::RefiledPackages::Source => Some(false),
            refile::RefiledPackages::SourceAndBinaries => Some(true),
        };
        let says_nothing_of_sources = change.component.is_none() && change.section.is_none();
        let seconds = self.now();
        self.model.refile(
            suite,
            name,
            with_binaries,
            |filing, percentage| {
                if !(says_nothing_of_sources && filing.priority.is_none()) {
                    so(filing, percentage);
                }
            },
            seconds,
        );
        self.counts.refiled += 1;
        self.bind();
    }

    fn remove(&mut self) {
        let found = self.some_source(|world, suite| world.is_open(suite));
        let Some((suite, mut name)) = found else { return };
        let is_source = self.chance.percent(60);
        if !is_source {
            let of_suite = self.model.which(|one| {
                one.suite == suite && one.status.is_active() && !one.is_unwanted && !self.model.is_source(one)
            });
            let Some(binary) = self.chance.of(&of_suite).copied() else { return };
            name = self.model.package_of(&self.model.publications[binary]).name.clone();
        }
        self.turn_to(self.model.suites[suite].archive);
        let shape = self.house.shape(self.suite_name(suite));
        let extent = if is_source {
            removal::RemovedPackages::SourceAndBinaries
        } else {
            removal::RemovedPackages::Binaries
        };
        let wish =
            Removal { suite: shape.suite.id, name: &name, extent, by: "ann", comment: "no longer wanted" };
        let now = self.house.now;
        self.house
            .db
            .write(|tx| {
                request_removal(tx, &wish, now)?;
                schedule_suite(tx, shape.suite.id, StayOfExecution::default(), now)
            })
            .unwrap();
        let seconds = self.now();
        self.model.remove(suite, &name, is_source, seconds);
        self.tell(format!("{name} is to go from {}, {extent:?}", self.suite_name(suite)));
        self.counts.removals += 1;
        self.bind();
    }

    // ---------------------------------------------------------------- settings

    /// Somebody's archive keeps another number of versions.
    fn keep(&mut self, versions: u16) {
        let archive = self.archives[PERSONAL].0.id;
        self.house.db.write(|tx| keep_versions(tx, archive, versions)).unwrap();
        let before = std::mem::replace(&mut self.model.archives[PERSONAL].keep, versions.into());
        if before > versions.into() {
            for suite in self.model.suites.iter_mut().filter(|suite| suite.archive == PERSONAL) {
                suite.is_owed = true;
            }
        }
        self.tell(format!("{versions} versions stay in somebody's archive"));
    }

    fn set_status(&mut self, series: usize, status: SeriesStatus) {
        let (id, now) = (self.series_id(series), self.house.now);
        let change = SeriesChange { status: Some(status), ..SeriesChange::default() };
        self.house.db.write(|tx| series::change_series(tx, id, &change, now)).unwrap();
        self.tell(format!("{} is {status}", self.model.series[series].name));
    }

    fn new_series(&mut self) {
        let (distribution, now) = (self.archives[PRIMARY].0.distribution, self.house.now);
        self.house
            .db
            .write(|tx| {
                let name = SERIES[1].parse().unwrap();
                let id = series::create_series(tx, distribution, &name, &"2".parse().unwrap(), now)?;
                for component in COMPONENTS {
                    series::add_component(tx, id, &component.parse().unwrap())?;
                }
                for architecture in ARCHITECTURES {
                    series::set_architecture(tx, id, &architecture.parse().unwrap(), true)?;
                }
                Ok::<(), StoreError>(())
            })
            .unwrap();
        self.know_series(SERIES[1]);
        self.tell("there is a new series".to_owned());
    }

    fn new_architecture(&mut self, series: usize, tag: &'static str) {
        self.turn_to(PRIMARY);
        let (id, now) = (self.series_id(series), self.house.now);
        self.house
            .db
            .write(|tx| {
                let parsed = tag.parse().unwrap();
                series::set_architecture(tx, id, &parsed, true)?;
                let all = series::architectures(tx, id)?;
                let row = all.into_iter().find(|one| one.tag == parsed).unwrap();
                publish_arch_all_for(tx, id, row.id, "test", now)
            })
            .unwrap();
        let seconds = self.now();
        self.model.add_architecture(series, tag, seconds);
        self.tell(format!("{} is for {tag} too", self.model.series[series].name));
        self.bind();
    }

    fn end_series(&mut self, series: usize) {
        self.turn_to(PRIMARY);
        self.set_status(series, SeriesStatus::Obsolete);
        let (id, now, seconds) = (self.series_id(series), self.house.now, self.now());
        self.house.db.write(|tx| make_obsolete(tx, id, EndedArchives::People, now)).unwrap();
        self.model.end_series(series, true, seconds);
        self.bind();
    }

    // ---------------------------------------------------------------- runs

    /// A publisher's run: of all that is dirty, or of some of it. Sometimes people and death row do something meanwhile, sometimes it dies before its
    /// trees are in place.
    fn publish(&mut self, archive: usize) {
        self.turn_to(archive);
        self.survey_agrees(archive);
        let dirty: Vec<usize> = {
            let names: BTreeSet<i64> = self.house.dirt().iter().map(|dirt| dirt.suite.id.0).collect();
            (0..self.suites.len()).filter(|suite| names.contains(&self.suites[*suite])).collect()
        };
        let all: Vec<usize> = (0..self.model.suites.len())
            .filter(|suite| self.model.suites[*suite].archive == archive)
            .collect();
        let chosen = match self.chance.percent(20) {
            true => self.chance.of(&dirty).into_iter().copied().collect(),
            false => dirty.clone(),
        };
        if chosen.is_empty() {
            return;
        }
        let rows: Vec<i64> = chosen.iter().map(|suite| self.suites[*suite]).collect();
        // what is not dirty has no need of a pass
        let judged = if chosen == dirty { all } else { chosen.clone() };
        let prepared = self.house.prepare_some(Wanted::Changed, |dirt| rows.contains(&dirt.suite.id.0));
        assert_eq!(prepared.skipped, []);
        self.model.prepare(&judged);
        self.counts.passes += 1;
        // the others go on meanwhile
        if self.chance.percent(12) {
            self.counts.beside += 1;
            self.tell(format!("while {} is prepared", self.model.archives[archive].name));
            for _ in 0..self.chance.below(4) {
                self.something();
            }
            if self.chance.percent(60) {
                self.reap(archive, false, self.told.day);
            }
            self.turn_to(archive);
        }
        if self.chance.percent(5) {
            let now = self.house.now;
            self.house.db.write(|tx| pass::abandon_pass(tx, prepared.pass, "died", now)).unwrap();
            self.model.abandon();
            self.tell(format!("the publisher of {} dies", self.model.archives[archive].name));
            self.counts.died += 1;
            self.rows_agree();
            self.pool_agrees(archive);
            return;
        }
        self.house.install(&prepared);
        let now = self.now();
        self.model.install(now);
        let names: Vec<&str> = chosen.iter().map(|suite| self.suite_name(*suite)).collect();
        let line = format!("{} is published: {}", self.model.archives[archive].name, names.join(" "));
        self.tell(line);
        self.rows_agree();
        self.indexes_agree(&chosen);
        self.pool_agrees(archive);
    }

    /// Death row: what leaves the pool may do so, and what may leave it does, at once where everything is looked at, and otherwise within a week.
    fn reap(&mut self, archive: usize, careful: bool, day: u64) {
        self.turn_to(archive);
        let id = self.house.archive.id;
        if careful {
            look_at_all_again(&mut self.house.db, id).unwrap();
        }
        let reaped = self.house.reap();
        assert!(reaped.problems.is_empty(), "{:?}", reaped.problems);
        self.counts.reaped += reaped.publications;
        self.tell(format!(
            "death row of {}: {} publications, {} files",
            self.model.archives[archive].name,
            reaped.publications,
            reaped.files.len()
        ));
        let now = self.now();
        let looked_at = self.several_names(archive);
        let mut still_late = BTreeSet::new();
        for sources in [false, true] {
            let may = self.model.condemned(archive, sources, now);
            let did = self.left_the_pool(archive, sources);
            let said = |world: &Self, package: &usize| {
                let package = &world.model.packages[*package];
                format!("{} {} {}", package.name, package.version, package.tag)
            };
            if let Some(early) = did.difference(&may).next() {
                panic!("{} has left the pool too early", said(self, early));
            }
            for late in may.difference(&did) {
                let late = format!("{archive} {}", said(self, late));
                self.is_late(late.clone(), careful, day);
                still_late.insert(late);
            }
            self.model.reap(archive, &did, now);
        }
        self.names_agree(archive, looked_at, careful, day, &mut still_late);
        let of_archive = format!("{archive} ");
        self.late.retain(|late, _| !late.starts_with(&of_archive) || still_late.contains(late));
        self.rows_agree();
        self.pool_agrees(archive);
    }

    /// Something is not done that could be: that is as it should be for a week, unless everything was looked at.
    pub(super) fn is_late(&mut self, what: String, careful: bool, day: u64) {
        assert!(!careful, "{what} has not left the pool");
        let since = *self.late.entry(what.clone()).or_insert(day);
        assert!(day - since <= 9, "{what} could leave the pool since day {since}");
        self.counts.reaped_later += 1;
    }

    fn expire(&mut self) {
        self.turn_to(PRIMARY);
        let wish = Expire { keep: KEEP, run: None, careful: false };
        let expired =
            expire::expire(&mut self.house.db, &self.house.librarian, wish, self.house.now).unwrap();
        assert!(expired.problems.is_empty(), "{:?}", expired.problems);
        let now = self.now();
        let mut expected: Vec<String> = self.model.expire(now).into_iter().map(|file| file.name).collect();
        let mut found: Vec<String> = expired.files.into_iter().map(|file| file.filename).collect();
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "what the librarian lets go");
        self.counts.expired += found.len();
        self.tell(format!("{} originals expire", found.len()));
    }

    /// A careful pass changes nothing, all dates are compared, and every file is read.
    fn look_at_everything(&mut self) {
        for archive in [PRIMARY, PERSONAL] {
            self.turn_to(archive);
            let was_clean = self.house.dirt().is_empty();
            let before = self.house.texts();
            self.house.publish(Wanted::All);
            let all: Vec<usize> = (0..self.model.suites.len())
                .filter(|suite| self.model.suites[*suite].archive == archive)
                .collect();
            let now = self.now();
            self.model.pass(&all, now);
            assert!(!was_clean || before == self.house.texts(), "a careful pass has found something");
            self.house.assert_consistent();
            self.rows_agree();
            self.indexes_agree(&all);
            self.pool_agrees(archive);
            self.contents_agree(archive);
        }
        self.librarian_agrees();
    }
}
