//! Domination over rows, pass after pass: whatever a pass touches is judged together with all that depends on it, so that a careful pass finds nothing more
//! to do; and each publication that gives way gets its date.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::domain::digest::Hasher;
use pressroom_archive::domain::name::FileName;
use pressroom_archive::domain::{
    ArchSeriesId, BinaryFormat, BinaryReleaseId, ComponentId, PackageKind, PassId, PassPriority,
    PublicationId, PublicationStatus, SourceReleaseId, SuiteId,
};
use pressroom_archive::dominate::{
    Dominated, Scope, StayOfExecution, dominate, schedule_after, schedule_suite,
};
use pressroom_archive::store::archive::keep_versions;
use pressroom_archive::store::package_release::{
    NewBinaryRelease, NewSourceRelease, binary_release, source_release,
};
use pressroom_archive::store::pass::{abandon_pass, begin_pass, complete_installation};
use pressroom_archive::store::publication::{
    NewBinaryPublication, NewSourcePublication, Phasing, publish_phased_binary, publish_source,
};
use pressroom_archive::store::removal::{Removal, RemovedPackages, request_removal};
use pressroom_archive::store::suite::Dirt;
use pressroom_archive::store::transition::{Transition, plan_transitions};
use pressroom_archive::store::{Connection, Made, Transaction, library_file, run};
use proptest::prelude::*;

use crate::fixture::{House, Package, Wanted};

const STAY: StayOfExecution = StayOfExecution(1000);

/// A suite whose rows are made by hand, in one transaction.
struct Rows<'a> {
    tx: &'a Transaction<'a>,
    archive: pressroom_archive::domain::ArchiveId,
    distribution: pressroom_archive::domain::DistributionId,
    suite: SuiteId,
    component: ComponentId,
    architectures: Vec<ArchSeriesId>,
    dirt: Vec<Dirt>,
    now: Timestamp,
    sources: BTreeMap<(String, String), SourceReleaseId>,
    binaries: BTreeMap<(String, String, String), BinaryReleaseId>,
}

/// A binary of [`Rows`].
#[derive(Debug, Clone, Copy)]
struct Binary<'a> {
    name: &'a str,
    version: &'a str,
    source: (&'a str, &'a str),
    is_for_all: bool,
    format: BinaryFormat,
    percentage: Option<u8>,
}

impl<'a> Binary<'a> {
    const fn new(name: &'a str, version: &'a str, source: &'a str) -> Self {
        let format = BinaryFormat::Deb;
        Self { name, version, source: (source, version), is_for_all: false, format, percentage: None }
    }

    const fn for_all(mut self) -> Self {
        self.is_for_all = true;
        self
    }

    const fn symbols(mut self) -> Self {
        self.format = BinaryFormat::Ddeb;
        self
    }

    const fn phased(mut self, percentage: Option<u8>) -> Self {
        self.percentage = percentage;
        self
    }
}

impl Rows<'_> {
    fn file(&self, name: &str) -> Made<pressroom_archive::domain::AliasId> {
        let mut hasher = Hasher::default();
        hasher.update(name.as_bytes());
        let name: FileName = name.parse().unwrap();
        library_file::alias(self.tx, &hasher.finish(), &name, self.now).unwrap()
    }

    fn source(&mut self, name: &str, version: &str) {
        self.now += SignedDuration::from_secs(1);
        let key = (name.to_owned(), version.to_owned());
        let (name, parsed) = (name.parse().unwrap(), version.parse().unwrap());
        let release = self.sources.get(&key).copied().unwrap_or_else(|| {
            let new = NewSourceRelease {
                name: &name,
                version: &parsed,
                format: "1.0",
                architecture: "any",
                section: None,
                priority: None,
                maintainer: "Ann Uploader <ann@example.org>",
                dsc: "",
                dsc_file: self.file(&format!("{name}_{version}.dsc")),
                files: &[],
                archive: self.archive,
            };
            source_release(self.tx, &new, self.now).unwrap().row()
        });
        self.sources.insert(key, release);
        let new = NewSourcePublication {
            suite: self.suite,
            release: Made::Known(release),
            name: &name,
            component: self.component,
            section: None,
            creator: "test",
        };
        publish_source(self.tx, &new, self.now).unwrap();
    }

    /// Publishes a binary on an architecture; one for all on each.
    fn binary(&mut self, place: usize, binary: Binary<'_>) {
        self.now += SignedDuration::from_secs(1);
        let tag = if binary.is_for_all { "all" } else { ["amd64", "arm64"][place] };
        let key = (binary.name.to_owned(), binary.version.to_owned(), tag.to_owned());
        let release = self.binaries.get(&key).copied().unwrap_or_else(|| {
            let new = NewBinaryRelease {
                name: &binary.name.parse().unwrap(),
                version: &binary.version.parse().unwrap(),
                format: binary.format,
                architecture: &tag.parse().unwrap(),
                source_name: &binary.source.0.parse().unwrap(),
                source_version: &binary.source.1.parse().unwrap(),
                source_release: None,
                section: None,
                priority: None,
                essential: false,
                built_using: "",
                static_built_using: "",
                control: "",
                file: self.file(&format!("{}_{}_{tag}.deb", binary.name, binary.version)),
            };
            binary_release(self.tx, &new, self.now).unwrap().row()
        });
        self.binaries.insert(key, release);
        for (other, architecture) in self.architectures.iter().enumerate() {
            if other == place || binary.is_for_all {
                let new = NewBinaryPublication {
                    suite: self.suite,
                    architecture: *architecture,
                    release: Made::Known(release),
                    name: binary.name,
                    component: self.component,
                    section: None,
                    priority: None,
                    creator: "test",
                };
                let phasing = Phasing::of(binary.percentage);
                publish_phased_binary(self.tx, &new, phasing, self.now).unwrap();
            }
        }
    }

    fn remove(&mut self, name: &str, extent: RemovedPackages) {
        self.now += SignedDuration::from_secs(1);
        let removal = Removal { suite: self.suite, name, extent, by: "ann", comment: "no longer wanted" };
        request_removal(self.tx, &removal, self.now).unwrap();
        schedule_suite(self.tx, self.suite, STAY, self.now).unwrap();
    }

    fn begin(&self) -> PassId {
        let run = run::begin_run(self.tx, "test", "host", self.distribution, self.now).unwrap();
        begin_pass(self.tx, run, self.archive, PassPriority::LOW, &self.dirt, self.now, self.now).unwrap()
    }

    /// What phase A plans.
    fn publish_pending(&self, pass: PassId) {
        for (kind, table) in [
            (PackageKind::Source, "source_package_publishing_history"),
            (PackageKind::Binary, "binary_package_publishing_history"),
        ] {
            let pending: Vec<Transition> =
                ids(self.tx, &format!("SELECT id FROM {table} WHERE status = 'PENDING'"))
                    .into_iter()
                    .map(|id| Transition {
                        kind,
                        publication: PublicationId(id),
                        from_status: PublicationStatus::Pending,
                        to_status: PublicationStatus::Published,
                        superseded_by: None,
                    })
                    .collect();
            plan_transitions(self.tx, pass, &pending).unwrap();
        }
    }

    /// A whole pass.
    fn pass(&mut self) -> Dominated {
        self.now += SignedDuration::from_secs(1);
        let pass = self.begin();
        self.publish_pending(pass);
        let dominated = dominate(self.tx, pass, Scope::Touched, STAY, self.now).unwrap();
        complete_installation(self.tx, pass, self.now).unwrap();
        schedule_after(self.tx, pass, self.now).unwrap();
        dominated
    }

    /// What a pass that looks at every name would do besides.
    fn missed(&self) -> Dominated {
        let pass = self.begin();
        let dominated = dominate(self.tx, pass, Scope::All, STAY, self.now).unwrap();
        abandon_pass(self.tx, pass, "nothing", self.now).unwrap();
        dominated
    }

    /// `name version architecture` of the binaries that are published, by name.
    fn published(&self) -> Vec<String> {
        texts(
            self.tx,
            "SELECT publication.binary_package_name || ' ' || release.version || ' ' || architecture.architecture_tag
             FROM binary_package_publishing_history AS publication
             JOIN binary_package_release AS release ON release.id = publication.binary_package_release
             JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series
             WHERE publication.status = 'PUBLISHED'
             ORDER BY publication.binary_package_name, release.version, architecture.id",
        )
    }

    /// `name version status, seconds until it may go` of the sources.
    fn sources(&self) -> Vec<String> {
        self.dates("source_package_publishing_history", "source_package_release", "source_package_name")
    }

    /// As well, of the binaries.
    fn dates_of_binaries(&self) -> Vec<String> {
        self.dates("binary_package_publishing_history", "binary_package_release", "binary_package_name")
    }

    fn dates(&self, table: &str, release: &str, name: &str) -> Vec<String> {
        let now = self.now.as_microsecond();
        texts(
            self.tx,
            &format!(
                "SELECT publication.{name} || ' ' || release.version || ' ' || status || ' ' ||
                 coalesce((scheduled_deletion_date - {now}) / 1000000, 'held')
                 FROM {table} AS publication JOIN {release} AS release ON release.id = publication.{release}
                 WHERE status <> 'PUBLISHED' OR scheduled_deletion_date IS NOT NULL ORDER BY publication.id"
            ),
        )
    }

    /// Everything inactive without a date is a source that a binary holds.
    fn assert_dates(&self) {
        let inactive = "status NOT IN ('PENDING', 'PUBLISHED') AND scheduled_deletion_date IS NULL";
        let binaries =
            ids(self.tx, &format!("SELECT id FROM binary_package_publishing_history WHERE {inactive}"));
        assert!(binaries.is_empty(), "{binaries:?}");
        let free = ids(
            self.tx,
            &format!(
                "SELECT publication.id FROM source_package_publishing_history AS publication
                 JOIN source_package_release AS source ON source.id = publication.source_package_release WHERE {inactive}
                 AND (NOT EXISTS (SELECT 1 FROM binary_package_publishing_history AS binary
                   JOIN binary_package_release AS release ON release.id = binary.binary_package_release
                   WHERE release.source_package_name = source.source_package_name AND release.source_version = source.version
                   AND binary.scheduled_deletion_date IS NULL)
                 OR EXISTS (SELECT 1 FROM source_package_publishing_history AS other
                   WHERE other.source_package_release = source.id AND other.status = 'PUBLISHED'))"
            ),
        );
        assert!(free.is_empty(), "nothing holds {free:?}");
        let active = "status IN ('PENDING', 'PUBLISHED') AND scheduled_deletion_date IS NOT NULL";
        for table in ["source_package_publishing_history", "binary_package_publishing_history"] {
            assert!(ids(self.tx, &format!("SELECT id FROM {table} WHERE {active}")).is_empty(), "{table}");
        }
    }
}

fn ids(db: &Connection, sql: &str) -> Vec<i64> {
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn texts(db: &Connection, sql: &str) -> Vec<String> {
    let mut statement = db.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Tries something in a suite that has been published once, and takes it back.
fn in_a_suite<T>(keep: u16, test: impl FnOnce(&mut Rows<'_>) -> T) -> T {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    house.publish(Wanted::All);
    let shape = house.shape("s");
    let dirt = house.dirt_of("s");
    let (archive, now) = (house.archive.clone(), house.now);
    let mut result = None;
    house
        .db
        .rehearse(|tx| {
            keep_versions(tx, archive.id, keep)?;
            let mut rows = Rows {
                tx,
                archive: archive.id,
                distribution: archive.distribution,
                suite: shape.suite.id,
                component: shape.components[0].id,
                architectures: shape.architectures.iter().map(|one| one.id).collect(),
                dirt: vec![dirt],
                now,
                sources: BTreeMap::new(),
                binaries: BTreeMap::new(),
            };
            result = Some(test(&mut rows));
            Ok::<(), pressroom_archive::store::StoreError>(())
        })
        .unwrap();
    result.unwrap()
}

#[test]
fn an_architecture_that_catches_up_lets_what_is_for_all_go_in_a_pass_that_publishes_nothing_of_its_name() {
    in_a_suite(1, |rows| {
        rows.source("app", "1");
        rows.binary(0, Binary::new("app", "1", "app"));
        rows.binary(1, Binary::new("app", "1", "app"));
        rows.binary(0, Binary::new("app-data", "1", "app").for_all());
        rows.pass();
        rows.source("app", "2");
        rows.binary(0, Binary::new("app", "2", "app"));
        rows.binary(0, Binary::new("app-data", "2", "app").for_all());
        rows.pass();
        let lagging = ["app 2 amd64", "app 1 arm64"];
        let mut published = rows.published();
        assert_eq!(published.len(), 6, "{published:?}");
        assert!(
            published.contains(&"app-data 1 amd64".to_owned())
                && lagging.iter().all(|one| published.contains(&(*one).to_owned()))
        );
        assert_eq!(rows.sources(), ["app 1 SUPERSEDED held"]);
        rows.binary(1, Binary::new("app", "2", "app"));
        assert_eq!(rows.pass(), Dominated { superseded: 3, deleted: 0 });
        published = rows.published();
        assert_eq!(published, ["app 2 amd64", "app 2 arm64", "app-data 2 amd64", "app-data 2 arm64"]);
        assert_eq!(rows.sources(), ["app 1 SUPERSEDED 1000"], "nothing holds it any more");
        rows.assert_dates();
    });
}

#[test]
fn a_removed_source_takes_the_binaries_that_came_after_somebody_asked_for_it() {
    in_a_suite(1, |rows| {
        rows.source("app", "1");
        rows.binary(0, Binary::new("app", "1", "app"));
        rows.pass();
        rows.remove("app", RemovedPackages::SourceAndBinaries);
        // built meanwhile
        rows.binary(1, Binary::new("app", "1", "app"));
        rows.binary(1, Binary::new("other", "1", "other"));
        assert_eq!(rows.pass(), Dominated { superseded: 0, deleted: 3 });
        assert_eq!(rows.published(), ["other 1 arm64"]);
        assert_eq!(rows.dates_of_binaries(), ["app 1 DELETED 0", "app 1 DELETED 0"]);
        assert_eq!(rows.sources(), ["app 1 DELETED 0"]);
        let words = texts(
            rows.tx,
            "SELECT DISTINCT removed_by || ': ' || removal_comment FROM binary_package_publishing_history WHERE status = 'DELETED'",
        );
        assert_eq!(words, ["ann: no longer wanted"]);
        rows.assert_dates();
    });
}

#[test]
fn binaries_of_a_removed_source_stay_where_it_came_again() {
    in_a_suite(1, |rows| {
        rows.source("app", "1");
        rows.pass();
        rows.remove("app", RemovedPackages::SourceAndBinaries);
        rows.source("app", "1");
        rows.binary(0, Binary::new("app", "1", "app"));
        assert_eq!(rows.pass(), Dominated { superseded: 0, deleted: 1 });
        assert_eq!(rows.published(), ["app 1 amd64"]);
        // the row that went is of a release that is published by another one
        assert_eq!(rows.sources(), ["app 1 DELETED 0"]);
        // another version is another source
        rows.remove("app", RemovedPackages::SourceAndBinaries);
        rows.source("app", "2");
        rows.binary(0, Binary::new("app", "2", "app"));
        rows.pass();
        assert_eq!(rows.published(), ["app 2 amd64"]);
        rows.assert_dates();
    });
}

#[test]
fn what_waited_and_is_removed_gets_its_date_at_once() {
    in_a_suite(1, |rows| {
        rows.source("app", "1");
        rows.binary(0, Binary::new("app", "1", "app"));
        rows.remove("app", RemovedPackages::SourceAndBinaries);
        assert_eq!(rows.dates_of_binaries(), ["app 1 DELETED 0"]);
        assert_eq!(rows.sources(), ["app 1 DELETED 0"]);
        rows.assert_dates();
    });
}

#[test]
fn symbols_go_with_a_package_that_is_removed_and_with_one_that_was_superseded_before_they_came() {
    in_a_suite(1, |rows| {
        rows.binary(0, Binary::new("app", "1", "app"));
        rows.binary(0, Binary::new("app-dbgsym", "1", "app").symbols());
        rows.binary(0, Binary::new("lib", "1", "lib"));
        rows.pass();
        rows.remove("app", RemovedPackages::Binaries);
        rows.binary(0, Binary::new("lib", "2", "lib"));
        assert_eq!(rows.pass(), Dominated { superseded: 1, deleted: 2 });
        assert_eq!(rows.published(), ["lib 2 amd64"]);
        rows.binary(0, Binary::new("lib-dbgsym", "1", "lib").symbols());
        assert_eq!(rows.pass(), Dominated { superseded: 1, deleted: 0 });
        assert_eq!(rows.published(), ["lib 2 amd64"]);
        rows.assert_dates();
    });
}

#[test]
fn a_phased_update_keeps_the_version_before_with_its_source_until_it_is_complete() {
    in_a_suite(1, |rows| {
        rows.source("app", "1");
        rows.binary(0, Binary::new("app", "1", "app"));
        rows.pass();
        rows.source("app", "2");
        for percentage in [Some(10), Some(50)] {
            rows.binary(0, Binary::new("app", "2", "app").phased(percentage));
            rows.pass();
            assert_eq!(rows.published(), ["app 1 amd64", "app 2 amd64"]);
            assert!(rows.sources().is_empty(), "{:?}", rows.sources());
        }
        rows.binary(0, Binary::new("app", "2", "app").phased(None));
        rows.pass();
        assert_eq!(rows.published(), ["app 2 amd64"]);
        assert_eq!(rows.sources(), ["app 1 SUPERSEDED 1000"]);
        rows.assert_dates();
    });
}

#[test]
fn what_stays_until_its_removal_is_approved_is_there_and_takes_nobodys_place() {
    in_a_suite(1, |rows| {
        let approval = |rows: &Rows<'_>, required: bool| {
            rows.tx.execute("UPDATE suite SET approval_required = ?1", [required]).unwrap();
        };
        rows.binary(0, Binary::new("app", "2", "app"));
        rows.binary(0, Binary::new("app-data", "2", "app").for_all());
        rows.pass();
        approval(rows, true);
        rows.remove("app", RemovedPackages::Binaries);
        rows.binary(0, Binary::new("app", "1", "old"));
        rows.binary(0, Binary::new("app-data", "3", "app").for_all());
        assert_eq!(rows.pass(), Dominated { superseded: 0, deleted: 0 });
        assert_eq!(rows.published().len(), 6, "app-data 2 may be needed still: {:?}", rows.published());
        assert_eq!(rows.missed(), Dominated { superseded: 0, deleted: 0 });
        approval(rows, false);
        assert_eq!(rows.pass(), Dominated { superseded: 2, deleted: 1 });
        assert_eq!(rows.published(), ["app 1 amd64", "app-data 3 amd64", "app-data 3 arm64"]);
        rows.assert_dates();
    });
}

/// What happens in a suite.
#[derive(Debug, Clone)]
enum Event {
    Source { source: usize, version: usize },
    Build { source: usize, version: usize, place: usize, rebuilt: bool, percentage: Option<u8> },
    Remove { name: usize, extent: bool },
    Pass,
}

const SOURCES: [&str; 2] = ["app", "lib"];
const VERSIONS: [&str; 4] = ["1", "2", "3", "4"];
const NAMES: [&str; 6] = ["app", "app-data", "app-doc", "app-dbgsym", "lib", "lib-common"];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let percentage = prop_oneof![3 => Just(None), 1 => Just(Some(10u8)), 1 => Just(Some(60u8))];
    let build = (0..2usize, 0..4usize, 0..2usize, 0..6u8, percentage).prop_map(
        |(source, version, place, rebuilt, percentage)| Event::Build {
            source,
            version,
            place,
            rebuilt: rebuilt == 0,
            percentage,
        },
    );
    proptest::collection::vec(
        prop_oneof![
            2 => (0..2usize, 0..4usize).prop_map(|(source, version)| Event::Source { source, version }),
            6 => build,
            1 => (0..6usize, any::<bool>()).prop_map(|(name, extent)| Event::Remove { name, extent }),
            3 => Just(Event::Pass),
        ],
        1..40,
    )
}

fn happen(rows: &mut Rows<'_>, event: &Event) {
    match event {
        Event::Source { source, version } => rows.source(SOURCES[*source], VERSIONS[*version]),
        Event::Build { source, version, place, rebuilt, percentage } => {
            let (source, plain) = (SOURCES[*source], VERSIONS[*version]);
            let version = if *rebuilt { format!("{plain}+b1") } else { plain.to_owned() };
            let built = |name: &'static str| NAMES.iter().find(|one| **one == name).copied().unwrap_or(name);
            let one = |name| {
                let mut binary = Binary::new(name, &version, source).phased(*percentage);
                binary.source.1 = plain;
                binary
            };
            match source {
                "app" => {
                    rows.binary(*place, one(built("app")));
                    rows.binary(*place, one(built("app-dbgsym")).symbols());
                    // it changes its mind with every version
                    let doc = one(built("app-doc"));
                    if plain == "2" || plain == "4" {
                        rows.binary(*place, doc);
                    } else if *place == 0 {
                        rows.binary(0, doc.for_all());
                    }
                    if *place == 0 {
                        rows.binary(0, one(built("app-data")).for_all());
                    }
                }
                _ => {
                    rows.binary(*place, one(built("lib")));
                    if *place == 1 {
                        rows.binary(0, one(built("lib-common")).for_all());
                    }
                }
            }
        }
        Event::Remove { name, extent } => {
            // what is taken back before it was published touches no index
            rows.pass();
            let extent = if *extent { RemovedPackages::SourceAndBinaries } else { RemovedPackages::Binaries };
            rows.remove(NAMES[*name], extent);
        }
        Event::Pass => {
            rows.pass();
            assert_eq!(rows.missed(), Dominated { superseded: 0, deleted: 0 }, "{:?}", rows.published());
            rows.assert_dates();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 300, ..ProptestConfig::default() })]

    #[test]
    fn a_pass_judges_all_that_depends_on_what_it_touches(events in events(), keep in 1..4u16) {
        in_a_suite(keep, |rows| {
            for event in events.iter().chain([&Event::Pass]) {
                happen(rows, event);
            }
        });
    }
}

#[test]
fn an_index_has_both_versions_of_a_phased_update() {
    const INDEX: &str = "s/main/binary-amd64/Packages";
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let phase = |house: &mut House, percentage: Option<u8>| {
        let sql = "UPDATE binary_package_publishing_history SET phased_update_percentage = ?1 WHERE status = 'PENDING'";
        house.db.read().execute(sql, [percentage]).unwrap();
        house.now += SignedDuration::from_secs(1);
        house.publish(Wanted::Changed);
    };
    phase(&mut house, Some(20));
    assert_eq!(house.packages(INDEX), ["aa 1", "aa 2"]);
    let text = house.index(INDEX);
    assert_eq!(text.matches("Phased-Update-Percentage: 20").count(), 1, "{text}");
    let shape = house.shape("s");
    let release = ids(house.db.read(), "SELECT max(id) FROM binary_package_release")[0];
    let now = house.now;
    let new = NewBinaryPublication {
        suite: shape.suite.id,
        architecture: shape.architectures[0].id,
        release: Made::Known(BinaryReleaseId(release)),
        name: "aa",
        component: shape.components[0].id,
        section: Some(&"misc".parse().unwrap()),
        priority: Some(&"optional".parse().unwrap()),
        creator: "test",
    };
    house.db.write(|tx| publish_phased_binary(tx, &new, Phasing::All, now)).unwrap();
    phase(&mut house, None);
    assert_eq!(house.packages(INDEX), ["aa 2"]);
    let texts = house.texts();
    house.publish(Wanted::All);
    assert_eq!(house.texts(), texts);
    house.assert_consistent();
}

#[test]
fn an_archive_shows_as_many_versions_as_it_keeps_and_fewer_when_it_is_told_so() {
    const INDEX: &str = "s/main/binary-amd64/Packages";
    let mut house = House::new(&["main"], &["amd64"]);
    let archive = house.archive.id;
    house.db.write(|tx| keep_versions(tx, archive, 2)).unwrap();
    for version in ["1", "2", "3"] {
        house.import("s", None, &[Package::new("aa", version, "amd64"), Package::new("bb", "1", "amd64")]);
        house.publish(Wanted::Changed);
        house.now += SignedDuration::from_secs(1);
    }
    assert_eq!(house.packages(INDEX), ["aa 2", "aa 3", "bb 1"]);
    house.db.write(|tx| keep_versions(tx, archive, 3)).unwrap();
    assert!(house.dirt().is_empty(), "what is out does not come back");
    house.db.write(|tx| keep_versions(tx, archive, 1)).unwrap();
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 3", "bb 1"]);
    for wrong in [0, 1001] {
        house.db.write(|tx| keep_versions(tx, archive, wrong)).unwrap_err();
    }
    house.assert_consistent();
}
