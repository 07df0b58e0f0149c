//! What can be seen of the archive, compared with the model: rows, indexes, the pool, the librarian.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use pressroom_archive::domain::Sha256;
use pressroom_archive::store::suite::{Dirt, dirt, suites_of};
use pressroom_archive::store::survey::survey;

use super::life::World;
use super::model::{COMPONENTS, InPool, Names, Publication, SOURCE, Status};

const SECOND: i64 = 1_000_000;

/// What lies at a path of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Lies {
    File,
    Link(PathBuf),
    /// No folder is empty.
    EmptyFolder,
}

const HISTORIES: [(&str, &str, bool); 2] = [
    ("source_package_publishing_history", "source_package_release", true),
    ("binary_package_publishing_history", "binary_package_release", false),
];

/// A row of a history: what it is about, what the release is, and what has become of it.
struct Row {
    id: i64,
    release: i64,
    about: String,
    state: String,
}

fn seconds(date: Option<i64>) -> String {
    date.map_or_else(|| "-".to_owned(), |date| (date / SECOND).to_string())
}

impl World {
    /// The rows of a history that are new, or that a pool has still, or had until now.
    fn rows(&self, (history, release, is_source): (&str, &str, bool), condition: &str) -> Vec<Row> {
        let (name, tag, index, join, priority, percentage) = match is_source {
            true => ("source_package_name", "'source'", "'source'", "", "NULL", "NULL"),
            false => (
                "binary_package_name",
                "release.architecture_tag",
                "architecture.architecture_tag",
                "JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series",
                "publication.priority",
                "publication.phased_update_percentage",
            ),
        };
        let sql = format!(
            "SELECT publication.id, release.id, publication.suite, {index}, release.{name}, release.version, {tag}, component.name,
                    coalesce(publication.section, ''), coalesce({priority}, '-'), coalesce({percentage}, 100),
                    status, publication.date_created, date_published, date_superseded, scheduled_deletion_date, date_removed, superseded_by,
                    removed_by IS NOT NULL
             FROM {history} AS publication JOIN {release} AS release ON release.id = publication.{release}
             JOIN component ON component.id = publication.component {join}
             WHERE {condition} ORDER BY publication.id"
        );
        let mut statement = self.house.db.read().prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| {
            let suite: i64 = row.get(2)?;
            let suite = self.suites.iter().position(|one| *one == suite).unwrap();
            let text = |column| row.get::<_, String>(column);
            let date = |column| Ok::<_, rusqlite::Error>(seconds(row.get(column)?));
            Ok(Row {
                id: row.get(0)?,
                release: row.get(1)?,
                about: format!(
                    "{suite} {} {} {} {} {} {} {} {} {}",
                    text(3)?,
                    text(4)?,
                    text(5)?,
                    text(6)?,
                    text(7)?,
                    text(8)?,
                    text(9)?,
                    row.get::<_, u8>(10)?,
                    date(12)?
                ),
                state: format!(
                    "{} published {} ended {} may go {} removed {} by {} unwanted {}",
                    text(11)?,
                    date(13)?,
                    date(14)?,
                    date(15)?,
                    date(16)?,
                    row.get::<_, Option<i64>>(17)?.unwrap_or_default(),
                    row.get::<_, bool>(18)?
                ),
            })
        });
        rows.unwrap().map(Result::unwrap).collect()
    }

    fn about(&self, one: &Publication) -> String {
        let package = self.model.package_of(one);
        format!(
            "{} {} {} {} {} {} {} {} {} {}",
            one.suite,
            one.index,
            package.name,
            package.version,
            package.tag,
            one.filing.component,
            one.filing.section,
            one.filing.priority.as_deref().unwrap_or("-"),
            one.percentage.unwrap_or(100),
            one.created
        )
    }

    fn state(&self, one: &Publication) -> String {
        let date = |date: Option<i64>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
        let by = one.superseded_by.map(|by| self.model.packages[by].row.unwrap());
        format!(
            "{} published {} ended {} may go {} removed {} by {} unwanted {}",
            one.status.word(),
            date(one.published),
            date(one.ended),
            date(one.scheduled),
            date(one.removed),
            by.unwrap_or_default(),
            one.is_unwanted
        )
    }

    /// Finds the rows of the publications that the model has made: these, and no others, are new.
    pub(super) fn bind(&mut self) {
        let mut unbound: BTreeMap<(bool, String), Vec<usize>> = BTreeMap::new();
        for one in self.bound..self.model.publications.len() {
            let publication = &self.model.publications[one];
            let key = (publication.index == SOURCE, self.about(publication));
            unbound.entry(key).or_default().push(one);
        }
        for history in HISTORIES {
            let last = self.model.publications[..self.bound]
                .iter()
                .filter(|one| (one.index == SOURCE) == history.2)
                .filter_map(|one| one.row)
                .max()
                .unwrap_or(0);
            for row in self.rows(history, &format!("publication.id > {last}")) {
                let found = unbound.get_mut(&(history.2, row.about.clone())).and_then(Vec::pop);
                let found = found.unwrap_or_else(|| panic!("nobody has asked for {}", row.about));
                self.model.publications[found].row = Some(row.id);
                let package = self.model.publications[found].package;
                let known = self.model.packages[package].row.get_or_insert(row.release);
                assert_eq!(*known, row.release, "{}", row.about);
            }
        }
        let missing: Vec<_> =
            unbound.iter().filter(|(_, left)| !left.is_empty()).map(|(key, _)| &key.1).collect();
        assert!(missing.is_empty(), "these should wait: {missing:?}");
        self.counts.publications += self.model.publications.len() - self.bound;
        self.bound = self.model.publications.len();
    }

    /// Status and dates of every publication that a pool has, or had until now.
    pub(super) fn rows_agree(&self) {
        let now = self.now();
        for history in HISTORIES {
            let condition = format!("date_removed IS NULL OR date_removed >= {}", now * SECOND);
            let rows = self.rows(history, &condition);
            let expected: Vec<&Publication> = (self.model.publications.iter())
                .filter(|one| (one.index == SOURCE) == history.2)
                .filter(|one| one.removed.is_none_or(|date| date >= now))
                .collect();
            let mut wrong = Vec::new();
            let by_row: BTreeMap<i64, &Publication> =
                expected.iter().map(|one| (one.row.unwrap(), *one)).collect();
            for row in &rows {
                match by_row.get(&row.id) {
                    None => wrong.push(format!("{}: {} should not be there", row.about, row.state)),
                    Some(one) if self.state(one) != row.state => {
                        wrong.push(format!(
                            "{}:\n    is     {}\n    should {}",
                            row.about,
                            row.state,
                            self.state(one)
                        ));
                    }
                    Some(_) => {}
                }
            }
            assert!(wrong.is_empty(), "{}", wrong.join("\n"));
            assert_eq!(rows.len(), expected.len(), "how many rows are in the pool still");
        }
    }

    /// The packages whose publications have left the pool of an archive at this moment.
    pub(super) fn left_the_pool(&self, archive: usize, sources: bool) -> BTreeSet<usize> {
        let history = HISTORIES[usize::from(!sources)];
        let gone: BTreeSet<i64> = self
            .rows(history, &format!("date_removed = {}", self.now() * SECOND))
            .into_iter()
            .map(|row| row.id)
            .collect();
        let is_gone = |one: &&Publication| {
            self.model.archive_of(one) == archive
                && self.model.is_source(one) == sources
                && one.row.is_some_and(|row| gone.contains(&row))
        };
        self.model.publications.iter().filter(is_gone).map(|one| one.package).collect()
    }

    /// What one question over all archives says of each suite of one, and what many over each do.
    pub(super) fn survey_agrees(&self, archive: usize) {
        let (db, now) = (self.house.db.read(), self.house.now);
        let archive = &self.archives[archive].0;
        let survey = survey(db, archive.distribution).unwrap();
        let said: Vec<Dirt> =
            survey.suites_of(archive.id).map(|(suite, _)| survey.dirt(db, suite, now).unwrap()).collect();
        let each = suites_of(db, archive.id).unwrap().into_iter();
        assert_eq!(said, each.map(|suite| dirt(db, suite, now).unwrap()).collect::<Vec<_>>());
    }

    // ---------------------------------------------------------------- indexes

    /// What each index of suites shows.
    pub(super) fn indexes_agree(&self, suites: &[usize]) {
        for suite in suites {
            let of = &self.model.suites[*suite];
            let folder = self.archives[of.archive].1.dists();
            let architectures = &self.model.series[of.series].architectures;
            for component in COMPONENTS {
                let path = format!("{}/{component}/source/Sources", of.name);
                self.index_agrees(*suite, component, SOURCE, false, &path);
                for architecture in architectures {
                    let path = format!("{}/{component}/binary-{architecture}/Packages", of.name);
                    self.index_agrees(*suite, component, architecture, false, &path);
                    let path = format!("{}/{component}/debug/binary-{architecture}/Packages", of.name);
                    if folder.join(format!("{path}.gz")).exists() {
                        self.index_agrees(*suite, component, architecture, true, &path);
                    } else {
                        let expected = self.listed(*suite, component, architecture, true);
                        assert_eq!(expected, [""; 0], "{path} is not there");
                    }
                }
            }
        }
    }

    fn listed(&self, suite: usize, component: &str, index: &str, symbols: bool) -> Vec<String> {
        let is_listed = |one: &&Publication| {
            one.suite == suite
                && one.status == Status::Published
                && one.index == index
                && one.filing.component == component
                && self.model.package_of(one).is_symbols == symbols
        };
        let mut listed: Vec<String> = (self.model.publications.iter())
            .filter(is_listed)
            .map(|one| {
                let package = self.model.package_of(one);
                let section = match component {
                    "main" => one.filing.section.clone(),
                    _ => format!("{component}/{}", one.filing.section),
                };
                let folder = folder(component, &package.source.0);
                if index == SOURCE {
                    return format!("{} {} {section} {folder}", package.name, package.version);
                }
                let share = one.percentage.map(|share| format!(" {share}%")).unwrap_or_default();
                let file = &package.files[0].name;
                format!(
                    "{} {} {} {section}{share} {folder}/{file}",
                    package.name, package.version, package.tag
                )
            })
            .collect();
        listed.sort();
        listed
    }

    fn index_agrees(&self, suite: usize, component: &str, index: &str, symbols: bool, path: &str) {
        let archive = self.model.suites[suite].archive;
        let text = text_of(&self.archives[archive].1.dists().join(format!("{path}.gz")));
        let mut found: Vec<String> = Vec::new();
        for stanza in text.split_terminator("\n\n") {
            let field = |name: &str| {
                stanza
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
                    .unwrap_or_default()
            };
            let (name, version, section) = (field("Package"), field("Version"), field("Section"));
            if index == SOURCE {
                found.push(format!("{name} {version} {section} {}", field("Directory")));
                continue;
            }
            let share = match field("Phased-Update-Percentage") {
                "" => String::new(),
                share => format!(" {share}%"),
            };
            found.push(format!(
                "{name} {version} {} {section}{share} {}",
                field("Architecture"),
                field("Filename")
            ));
        }
        found.sort();
        assert_eq!(found, self.listed(suite, component, index, symbols), "{path} of archive {archive}");
    }

    // ---------------------------------------------------------------- the pool

    /// Which names the pool has, which of them are the file, and where the others lead.
    pub(super) fn pool_agrees(&self, archive: usize) {
        let mut expected: BTreeMap<PathBuf, Lies> = BTreeMap::new();
        for (place, names) in self.model.pool.iter().filter(|(place, _)| place.archive == archive) {
            for component in &names.all {
                let lies = match *component == names.real {
                    true => Lies::File,
                    false => {
                        let real = path(&names.real, place);
                        Lies::Link(Path::new("../../..").join(real.strip_prefix("pool").unwrap()))
                    }
                };
                expected.insert(path(component, place), lies);
            }
        }
        let root = &self.archives[archive].1.root;
        let mut found = BTreeMap::new();
        if root.join("pool").exists() {
            walk(root, Path::new("pool"), &mut found);
        }
        found.retain(|path, _| *path != Path::new("pool"));
        if found != expected {
            let only = |one: &BTreeMap<PathBuf, Lies>, other: &BTreeMap<PathBuf, Lies>| -> Vec<String> {
                let differs = |(path, lies): &(&PathBuf, &Lies)| other.get(*path) != Some(*lies);
                one.iter()
                    .filter(differs)
                    .map(|(path, lies)| format!("{} {lies:?}", path.display()))
                    .collect()
            };
            panic!(
                "the pool of archive {archive}:\n  has    {:#?}\n  should {:#?}",
                only(&found, &expected),
                only(&expected, &found)
            );
        }
    }

    /// What is in each file of the pool.
    pub(super) fn contents_agree(&self, archive: usize) {
        let root = &self.archives[archive].1.root;
        for (place, names) in self.model.pool.iter().filter(|(place, _)| place.archive == archive) {
            for component in &names.all {
                let path = path(component, place);
                let sha256 = Sha256::of(&fs::read(root.join(&path)).unwrap()).to_string();
                assert_eq!(sha256, place.file.sha256, "{}", path.display());
            }
        }
    }

    /// The files of several components that death row has a reason to look at.
    pub(super) fn several_names(&self, archive: usize) -> Vec<InPool> {
        let now = self.now();
        let several = self.model.pool.iter().filter(|(place, names)| {
            place.archive == archive && names.all.len() > 1 && self.model.is_past(place, now)
        });
        several.map(|(place, _)| place.clone()).collect()
    }

    /// After death row: a file of several components has lost the names that nobody wants, or it has them for a few days still. What is wanted is there.
    pub(super) fn names_agree(
        &mut self,
        archive: usize,
        looked_at: Vec<InPool>,
        careful: bool,
        day: u64,
        still_late: &mut BTreeSet<String>,
    ) {
        let now = self.now();
        let root = self.archives[archive].1.root.clone();
        for place in looked_at {
            let Some(before) = self.model.pool.get(&place).cloned() else { continue };
            let (wanted, is_settled) = self.model.wanted_names(&place, now);
            let staying: BTreeSet<String> = before.all.intersection(&wanted).cloned().collect();
            if !is_settled || staying.is_empty() || staying == before.all {
                continue;
            }
            let real = match staying.contains(&before.real) {
                true => before.real.clone(),
                // of those that are left the most preferred one becomes the file
                false => {
                    let preferred = COMPONENTS.iter().find(|one| staying.contains(**one));
                    (*preferred.unwrap()).to_owned()
                }
            };
            let there = |component: &&String| root.join(path(component, &place)).symlink_metadata().is_ok();
            let found: BTreeSet<String> = before.all.iter().filter(there).cloned().collect();
            assert!(found.is_superset(&staying), "{place:?} has lost a name that is wanted: {found:?}");
            if found == staying {
                self.model.pool.insert(place, Names { real, all: staying });
                continue;
            }
            assert_eq!(found, before.all, "{place:?} has lost some names that nobody wants, and not all");
            let late = format!("{archive} the names of {} other than {staying:?}", place.file.name);
            self.is_late(late.clone(), careful, day);
            still_late.insert(late);
        }
    }

    // ---------------------------------------------------------------- the librarian

    /// Which originals the librarian has: of everything that ever came, what has not expired.
    pub(super) fn librarian_agrees(&self) {
        let mut expected: BTreeSet<String> = BTreeSet::new();
        for package in &self.model.packages {
            let kept = package.files.iter().filter(|file| !self.model.expired.contains(file));
            expected.extend(kept.map(|file| file.sha256.clone()));
        }
        let mut found = BTreeMap::new();
        let root = self.house.folder.path();
        walk(root, Path::new("librarian"), &mut found);
        let found: BTreeSet<String> = found
            .into_iter()
            .filter(|(_, lies)| *lies == Lies::File)
            .map(|(path, _)| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let lost: Vec<_> = expected.difference(&found).collect();
        let left: Vec<_> = found.difference(&expected).collect();
        assert!(
            lost.is_empty() && left.is_empty(),
            "the librarian has lost {lost:?}, and has {left:?} still"
        );
    }
}

/// Where the sources of a name are in a component.
fn folder(component: &str, source: &str) -> String {
    let length = if source.starts_with("lib") { 4 } else { 1 };
    format!("pool/{component}/{}/{source}", &source[..length])
}

fn path(component: &str, place: &InPool) -> PathBuf {
    Path::new(&folder(component, &place.source)).join(&place.file.name)
}

fn text_of(path: &Path) -> String {
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(file), &mut text).unwrap();
    text
}

/// All that lies below a folder.
fn walk(root: &Path, below: &Path, found: &mut BTreeMap<PathBuf, Lies>) {
    let mut is_empty = true;
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        is_empty = false;
        let path = below.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            walk(root, &path, found);
        } else if kind.is_symlink() {
            found.insert(path.clone(), Lies::Link(fs::read_link(root.join(&path)).unwrap()));
        } else {
            found.insert(path, Lies::File);
        }
    }
    if is_empty {
        found.insert(below.to_owned(), Lies::EmptyFolder);
    }
}
