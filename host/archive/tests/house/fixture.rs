//! A house with a database, disks and a key, packages made by hand, and a pass that can be stopped between its phases.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::custom::{self, Customs, Limits};
use pressroom_archive::disk::{self, Sharing};
use pressroom_archive::dists::{
    ArchivePaths, Staged, clear_links, install, make_links, possible_links, wanted_links,
};
use pressroom_archive::domain::{
    ArchivePurpose, ArchiveReference, PassId, PassPriority, SeriesName, SuiteName,
};
use pressroom_archive::dominate::{self, StayOfExecution, dominate};
use pressroom_archive::index::{self, Built, Scope};
use pressroom_archive::librarian::Librarian;
use pressroom_archive::mirror::{self, TreeChanges};
use pressroom_archive::openpgp::OwnKey;
use pressroom_archive::pool::{Pool, Pooled, Skipped, poolify};
use pressroom_archive::release::{Folders, Known, ReleaseFile, Signed, Trust, write_release};
use pressroom_archive::store::archive::{Archive, archive, create_archive};
use pressroom_archive::store::archive_file::{self, Retention};
use pressroom_archive::store::distribution::{create_distribution, distribution};
use pressroom_archive::store::indexed::IndexKey;
use pressroom_archive::store::shape::{SuiteShape, shape, shapes_of};
use pressroom_archive::store::suite::{self, Dirt};
use pressroom_archive::store::{
    Db, StoreError, Transaction, custom_publication, dists_link, mirror_journal, pass, publisher, run,
    series, source_group,
};
use pressroom_archive::store::{index_patch, index_segment, transition};
use pressroom_archive::upload::gather;
use pressroom_archive::upload::import::{ImportReport, Target, import};

const RETENTION: Retention = Retention { generations: 1, grace: SignedDuration::from_secs(100) };

/// A house of one distribution `d` with the series `s`.
pub(crate) struct House {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) db: Db,
    pub(crate) librarian: Librarian,
    pub(crate) archive: Archive,
    pub(crate) paths: ArchivePaths,
    key: OwnKey,
    pub(crate) now: Timestamp,
    /// What may come out of a custom upload.
    pub(crate) custom_limits: Limits,
}

/// The error of a closure that only has the database's.
fn keep<T>(result: Result<T, StoreError>) -> T {
    result.unwrap()
}

impl House {
    pub(crate) fn new(components: &[&str], architectures: &[&str]) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), components, architectures)
    }

    /// A house that lies in memory where the system has a folder there: for what takes very many steps, each of which would wait for a disk.
    pub(crate) fn in_memory(components: &[&str], architectures: &[&str]) -> Self {
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self::in_folder(folder.unwrap(), components, architectures)
    }

    fn in_folder(folder: tempfile::TempDir, components: &[&str], architectures: &[&str]) -> Self {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut db = Db::create(&folder.path().join("db")).unwrap();
        let reference: ArchiveReference = "d".parse().unwrap();
        keep(db.write(|tx| {
            let id = create_distribution(tx, reference.distribution(), &"D".parse().unwrap(), now)?;
            let row = distribution(tx, reference.distribution())?;
            create_archive(tx, &row, &reference, ArchivePurpose::Primary, "primary", now)?;
            let series = series::create_series(tx, id, &"s".parse().unwrap(), &"1".parse().unwrap(), now)?;
            for component in components {
                series::add_component(tx, series, &component.parse().unwrap())?;
            }
            for architecture in architectures {
                series::set_architecture(tx, series, &architecture.parse().unwrap(), true)?;
            }
            Ok::<(), StoreError>(())
        }));
        let archive = archive(db.read(), &reference).unwrap();
        Self {
            librarian: Librarian::new(folder.path().join("librarian")),
            paths: ArchivePaths::new(&folder.path().join("archives"), &reference),
            key: OwnKey::generate("D <d@example.org>", now).unwrap(),
            folder,
            db,
            archive,
            now,
            custom_limits: Limits::new(1 << 30),
        }
    }

    pub(crate) fn shape(&self, name: &str) -> SuiteShape {
        let name: SuiteName = name.parse().unwrap();
        shape(self.db.read(), suite::suite(self.db.read(), self.archive.id, &name).unwrap()).unwrap()
    }

    /// Changes the series `s`.
    pub(crate) fn change_series(&mut self, change: &series::SeriesChange) {
        let (series, now) = (self.shape("s").series.id, self.now);
        keep(self.db.write(|tx| series::change_series(tx, series, change, now)));
    }

    /// Makes packages and imports them.
    pub(crate) fn import(
        &mut self,
        suite: &str,
        component: Option<&str>,
        packages: &[Package],
    ) -> ImportReport {
        let incoming = tempfile::tempdir_in(self.folder.path()).unwrap();
        let paths: Vec<PathBuf> = packages.iter().map(|package| package.write(incoming.path())).collect();
        self.import_paths(suite, component, &paths)
    }

    pub(crate) fn import_paths(
        &mut self,
        suite: &str,
        component: Option<&str>,
        paths: &[PathBuf],
    ) -> ImportReport {
        let shape = self.shape(suite);
        let component = component
            .map(|name| series::component(self.db.read(), shape.series.id, &name.parse().unwrap()).unwrap());
        let target =
            Target { archive: &self.archive, shape: &shape, component: component.as_ref(), creator: "test" };
        let gathered = gather(paths);
        assert!(gathered.complaints.is_empty(), "{:?}", gathered.complaints);
        import(&mut self.db, &self.librarian, &target, &gathered.items, self.now, &|_| {}).unwrap()
    }

    pub(crate) fn dirt(&self) -> Vec<Dirt> {
        shapes_of(self.db.read(), &self.archive)
            .unwrap()
            .into_iter()
            .map(|shape| suite::dirt(self.db.read(), shape.suite, self.now).unwrap())
            .filter(Dirt::is_dirty)
            .collect()
    }

    /// What waits in a suite, if anything.
    pub(crate) fn dirt_of(&self, suite: &str) -> Dirt {
        suite::dirt(self.db.read(), self.shape(suite).suite, self.now).unwrap()
    }

    pub(crate) fn pending(&self) -> u64 {
        self.dirt().iter().map(|dirt| dirt.pending).sum()
    }

    /// Takes a pass over everything dirty to where its trees are ready to be installed.
    pub(crate) fn prepare(&mut self, scope: Wanted) -> Prepared {
        self.prepare_some(scope, |_| true)
    }

    /// As [`Self::prepare`], over those of the dirty suites that are chosen.
    pub(crate) fn prepare_some(&mut self, scope: Wanted, chosen: impl Fn(&Dirt) -> bool) -> Prepared {
        let (now, archive) = (self.now, self.archive.id);
        let mut dirt = self.dirt();
        dirt.retain(chosen);
        let scope_is_all = scope == Wanted::All;
        if scope_is_all {
            dirt = shapes_of(self.db.read(), &self.archive)
                .unwrap()
                .into_iter()
                .map(|shape| suite::dirt(self.db.read(), shape.suite, now).unwrap())
                .collect();
        }
        let distribution = self.archive.distribution;
        let pass = keep(self.db.write(|tx| {
            let run = run::begin_run(tx, "test", "host", distribution, now)?;
            pass::begin_pass(tx, run, archive, PassPriority::LOW, &dirt, now, now)
        }));
        let mut staged = Staged::begin(&self.paths, pass, Sharing::HardLinks).unwrap();
        self.clear_links(&staged);
        let shapes: Vec<SuiteShape> =
            dirt.iter().map(|one| shape(self.db.read(), one.suite.clone()).unwrap()).collect();
        let mut pending = Vec::new();
        for shape in &shapes {
            pending.extend(source_group::publishable_files(self.db.read(), &shape.suite, now).unwrap());
        }
        let preference = publisher::component_preference(self.db.read(), distribution).unwrap();
        let pool =
            Pool { archive, root: &self.paths.root, librarian: &self.librarian, preference: &preference };
        let poolified = poolify(&mut self.db, pass, pool, &pending, now).unwrap();
        let judged = if scope_is_all { dominate::Scope::All } else { dominate::Scope::Touched };
        keep(self.db.write(|tx| dominate(tx, pass, judged, StayOfExecution::default(), now)));
        let customs =
            Customs { archive: &self.archive, librarian: &self.librarian, limits: self.custom_limits };
        let customs = custom::publish(&mut self.db, pass, customs, &mut staged, &shapes, now).unwrap();
        let touched = transition::touched_indexes(self.db.read(), pass).unwrap();
        let mut prepared = Prepared {
            pass,
            staged,
            pooled: poolified.pooled,
            skipped: poolified.skipped,
            customs,
            built: Vec::new(),
            signed: Vec::new(),
        };
        for (shape, dirt) in shapes.iter().zip(&dirt) {
            let folder = prepared.staged.suite(&shape.suite.name).unwrap();
            let of_suite: Vec<IndexKey> =
                touched.iter().filter(|key| key.suite() == shape.suite.id).cloned().collect();
            let scope = match scope {
                Wanted::All => Scope::Careful,
                Wanted::Changed if dirt.needs_all_indexes() => Scope::All,
                Wanted::Changed => Scope::Only(&of_suite),
            };
            let built = index::build(self.db.read(), pass, shape, scope, &folder).unwrap();
            keep(self.db.write(|tx| {
                index_segment::prepare_segments(tx, pass, shape.suite.id, &built.segments)?;
                index_patch::prepare_patches(tx, pass, shape.suite.id, &built.patches)
            }));
            let release = ReleaseFile {
                archive: &self.archive,
                distribution_display_name: "D",
                shape,
                date: now,
                signing_keys: &[],
            };
            let listed = archive_file::listed_files(self.db.read(), shape.suite.id).unwrap();
            let old = archive_file::old_generations(self.db.read(), shape.suite.id).unwrap();
            let live = self.paths.dists().join(shape.suite.name.to_string());
            let unlisted = custom_publication::version_folders(self.db.read(), shape.suite.id, pass).unwrap();
            let patches = index_patch::patches_of(self.db.read(), shape.suite.id, pass).unwrap();
            let signed = write_release(
                &release,
                Folders { staged: &folder, live: &live },
                Known {
                    built: &built.files,
                    listed: &listed,
                    old: &old,
                    unlisted: &unlisted,
                    patches: &patches,
                },
                if scope_is_all { Trust::Nothing } else { Trust::Rows },
                RETENTION,
                &self.key,
            )
            .unwrap();
            keep(self.db.write(|tx| {
                archive_file::prepare_listed_files(tx, pass, shape.suite.id, &signed.files, &signed.expired)?;
                index_patch::prepare_upkeep(tx, pass, &signed.dropped_patches, &signed.expired_patches)
            }));
            prepared.built.push(built);
            prepared.signed.push(signed);
        }
        self.make_links(&prepared);
        prepared
    }

    fn aliases(&self) -> Vec<(SeriesName, SeriesName)> {
        dists_link::aliases_in(self.db.read(), self.archive.distribution).unwrap()
    }

    fn clear_links(&self, staged: &Staged) {
        let ours = dists_link::links_of(self.db.read(), self.archive.id).unwrap();
        let suites = suite::suites_of(self.db.read(), self.archive.id).unwrap();
        let suites = suites.into_iter().map(|suite| suite.name.to_string()).collect();
        let possible = possible_links(self.aliases().into_iter().map(|(alias, _)| alias), &suites);
        clear_links(&staged.dists(), &ours, &possible).unwrap();
    }

    fn make_links(&mut self, prepared: &Prepared) {
        let dists = prepared.staged.dists();
        let ours = dists_link::links_of(self.db.read(), self.archive.id).unwrap();
        let linked = make_links(&dists, &ours, &wanted_links(&dists, self.aliases())).unwrap();
        assert!(linked.refused.is_empty(), "{:?}", linked.refused);
        keep(self.db.write(|tx| dists_link::plan_links(tx, prepared.pass, &linked.changes)));
    }

    /// A whole pass.
    pub(crate) fn publish(&mut self, scope: Wanted) -> Prepared {
        let prepared = self.prepare(scope);
        self.install(&prepared);
        prepared
    }

    /// Puts what is prepared in place.
    pub(crate) fn install(&mut self, prepared: &Prepared) {
        let (archive, now) = (self.archive.id, self.now);
        let changes = self.tree_changes(prepared);
        let record = |tx: &Transaction<'_>| {
            prepared.pooled.record(tx, archive, now)?;
            changes.record(tx, archive, prepared.pass)
        };
        install(&mut self.db, prepared.pass, &prepared.staged, record, now).unwrap();
    }

    /// What a pass has otherwise than what is live.
    pub(crate) fn tree_changes(&self, prepared: &Prepared) -> TreeChanges {
        let has_journal = mirror_journal::settings(self.db.read(), self.archive.id).unwrap().journal > 0;
        let staged = &prepared.staged;
        mirror::changes(staged.folder(), &self.paths.root, &staged.trees(), has_journal).unwrap()
    }

    /// The text of an index of the live tree, from its gzip form.
    pub(crate) fn index(&self, path: &str) -> String {
        let file = fs::File::open(self.paths.dists().join(format!("{path}.gz"))).unwrap();
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
        text
    }

    /// `name version` of the packages of an index of the live tree.
    pub(crate) fn packages(&self, path: &str) -> Vec<String> {
        let text = self.index(path);
        let field = |stanza: &str, name: &str| {
            stanza
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name}: ")))
                .unwrap_or_default()
                .to_owned()
        };
        text.split_terminator("\n\n")
            .map(|stanza| format!("{} {}", field(stanza, "Package"), field(stanza, "Version")))
            .collect()
    }

    /// All index texts of the live tree, by path.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        disk::files_below(&self.paths.dists())
            .unwrap()
            .into_iter()
            .filter_map(|file| file.path.strip_suffix(".gz").map(str::to_owned))
            .map(|path| (path.clone(), self.index(&path)))
            .collect()
    }

    /// Whether every file that a live Release lists is there with the size that it says, and has its by-hash name.
    pub(crate) fn assert_consistent(&self) {
        for file in disk::files_below(&self.paths.dists()).unwrap() {
            let Some(suite) = file.path.strip_suffix("/InRelease") else { continue };
            let folder = self.paths.dists().join(suite);
            let release = fs::read_to_string(folder.join("Release")).unwrap();
            let (_, list) = release.split_once("SHA256:\n").unwrap();
            for line in list.lines().take_while(|line| line.starts_with(' ')) {
                let words: Vec<&str> = line.split_ascii_whitespace().collect();
                let [sha256, size, path] = words.as_slice() else { panic!("{line}") };
                let at = folder.join(path);
                if !at.exists() {
                    let is_form = |ending: &&str| folder.join(format!("{path}{ending}")).exists();
                    assert!([".gz", ".xz", ".zst"].iter().any(is_form), "{path} is listed and not there");
                    continue;
                }
                assert_eq!(at.metadata().unwrap().len().to_string(), *size, "{path}");
                let by_hash = at.parent().unwrap().join("by-hash/SHA256").join(sha256);
                assert_eq!(fs::read(&by_hash).unwrap(), fs::read(&at).unwrap(), "{path}");
            }
        }
    }
}

/// Which indexes a pass makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Changed,
    All,
}

/// A pass that is ready to be installed.
pub(crate) struct Prepared {
    pub(crate) pass: PassId,
    pub(crate) staged: Staged,
    pub(crate) pooled: Pooled,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) customs: custom::Published,
    pub(crate) built: Vec<Built>,
    pub(crate) signed: Vec<Signed>,
}

/// A binary package to be made.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) architecture: String,
    pub(crate) section: String,
    pub(crate) ending: &'static str,
    /// Makes packages of one name and version differ.
    pub(crate) note: String,
    /// More fields of its control paragraph, a line each.
    pub(crate) fields: String,
    /// The paths in it, each an empty file.
    pub(crate) files: Vec<String>,
    /// Maintainer scripts, by name.
    pub(crate) scripts: Vec<(String, String)>,
}

impl Package {
    pub(crate) fn new(name: &str, version: &str, architecture: &str) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            architecture: architecture.into(),
            section: "misc".into(),
            ending: "deb",
            note: String::new(),
            fields: String::new(),
            files: Vec::new(),
            scripts: Vec::new(),
        }
    }

    pub(crate) fn section(mut self, section: &str) -> Self {
        self.section = section.into();
        self
    }

    pub(crate) fn note(mut self, note: &str) -> Self {
        self.note = note.into();
        self
    }

    pub(crate) fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push_str(&format!("{name}: {value}\n"));
        self
    }

    pub(crate) fn files(mut self, files: &[&str]) -> Self {
        self.files = files.iter().map(|file| (*file).to_owned()).collect();
        self
    }

    pub(crate) fn ending(mut self, ending: &'static str) -> Self {
        self.ending = ending;
        self
    }

    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let control = format!(
            "Package: {}\nVersion: {}\nArchitecture: {}\nMaintainer: D <d@example.org>\nSection: {}\nPriority: optional\n{}\
             Description: a package {}\n",
            self.name, self.version, self.architecture, self.section, self.fields, self.note
        );
        let data: Vec<(&str, &[u8])> = self.files.iter().map(|file| (file.as_str(), &b""[..])).collect();
        let mut members: Vec<(&str, &[u8])> = vec![("./control", control.as_bytes())];
        members.extend(self.scripts.iter().map(|(name, text)| (name.as_str(), text.as_bytes())));
        let mut deb = b"!<arch>\n".to_vec();
        for (name, content) in [
            ("debian-binary", b"2.0\n".to_vec()),
            ("control.tar.gz", tar_gz(&members)),
            ("data.tar.gz", tar_gz(&data)),
        ] {
            writeln!(deb, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", content.len())
                .unwrap();
            let odd = content.len() % 2 == 1;
            deb.extend(content);
            deb.extend(odd.then_some(b'\n'));
        }
        let path =
            folder.join(format!("{}_{}_{}.{}", self.name, self.version, self.architecture, self.ending));
        disk::write_staged(&path, &deb).unwrap();
        path
    }
}

pub(crate) fn tar_gz(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(1_700_000_000);
        tar.append_data(&mut header, name, *content).unwrap();
    }
    tar.into_inner().unwrap().finish().unwrap()
}
