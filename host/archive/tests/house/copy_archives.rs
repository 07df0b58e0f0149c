//! Copies of whole archives: what comes in, what does not, and requests that die, are dropped, or are made twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use pressroom_archive::copy::populate::{Begun, Populate, PopulateError, Step, begin, cancel, step};
use pressroom_archive::dists::ArchivePaths;
use pressroom_archive::domain::{
    ArchitectureTag, ArchivePurpose, ArchiveReference, BuildId, BuildStatus, ComponentName, CopyRequestId,
    CopyRequestStatus, PackageKind, PackageSetName, Permission, PersonKind, PersonName, PublicationStatus,
    SeriesStatus, SourceFormat, SourceFormats, SourceReleaseId, SuiteName,
};
use pressroom_archive::people::{Actor, rights};
use pressroom_archive::store::archive::{Archive, ArchiveChange, archive, change_archive, create_archive};
use pressroom_archive::store::archive_permission::{NewPermission, Scope, grant};
use pressroom_archive::store::binary_package_build as build_rows;
use pressroom_archive::store::copy_archive::{self, copy_of};
use pressroom_archive::store::copy_request::{self, Done, problems_of, request, suites_of};
use pressroom_archive::store::distribution::{create_distribution, distribution};
use pressroom_archive::store::package_copy::last_copies;
use pressroom_archive::store::package_set::{PackageSetChange, change_package_set, create_package_set};
use pressroom_archive::store::person::{NewPerson, create_person, person};
use pressroom_archive::store::series::SeriesChange;
use pressroom_archive::store::shape::shape;
use pressroom_archive::store::{StoreError, indexed, publication, series, suite};
use pressroom_archive::upload::ancestry::{Filing, Said};

use crate::fixture::{House, Package, Wanted};

/// What a test asks for.
#[derive(Clone)]
struct Asked {
    from: Option<SuiteName>,
    to: ArchiveReference,
    to_suite: Option<SuiteName>,
    merge: bool,
    architectures: Vec<ArchitectureTag>,
    components: Vec<ComponentName>,
    package_sets: Vec<PackageSetName>,
    binaries: bool,
    actor: Actor,
    reason: &'static str,
}

impl Asked {
    fn new() -> Self {
        Self {
            from: Some("s".parse().unwrap()),
            to: "d/copy".parse().unwrap(),
            to_suite: None,
            merge: false,
            architectures: Vec::new(),
            components: Vec::new(),
            package_sets: Vec::new(),
            binaries: true,
            actor: Actor::Operator { name: "root".to_owned() },
            reason: "to look at it",
        }
    }

    fn begin(&self, house: &mut House) -> Result<Begun, PopulateError> {
        let (origin, now) = (house.archive.clone(), house.now);
        let wanted = Populate {
            origin: &origin,
            origin_in_words: "d/s",
            from: self.from.as_ref(),
            to: &self.to,
            to_suite: self.to_suite.as_ref(),
            merge: self.merge,
            architectures: &self.architectures,
            components: &self.components,
            package_sets: &self.package_sets,
            with_binaries: self.binaries,
            display_name: None,
            actor: &self.actor,
            reason: self.reason,
        };
        house.db.write(|tx| begin(tx, &wanted, now))
    }

    /// All of it. What was done.
    fn fill(&self, house: &mut House) -> Done {
        let id = self.begin(house).unwrap().request();
        assert_eq!(carry_out(house, id, 100), CopyRequestStatus::Complete);
        done(house, id)
    }

    fn refused(&self, house: &mut House) -> String {
        self.begin(house).unwrap_err().to_string()
    }
}

fn one_step(house: &mut House, id: CopyRequestId, names: u32) -> Step {
    let (librarian, now) = (house.librarian.clone(), house.now);
    house.db.write(|tx| step(tx, &librarian, id, names, now)).unwrap()
}

fn carry_out(house: &mut House, id: CopyRequestId, names: u32) -> CopyRequestStatus {
    loop {
        if let Step::Ended(status) = one_step(house, id, names) {
            return status;
        }
    }
}

fn done(house: &House, id: CopyRequestId) -> Done {
    suites_of(house.db.read(), id).unwrap().into_iter().fold(Done::default(), |all, one| all.and(one.done))
}

fn copy(house: &House) -> Archive {
    archive(house.db.read(), &"d/copy".parse().unwrap()).unwrap()
}

/// Works on the copy from now on.
fn turn_to_copy(house: &mut House) {
    house.archive = copy(house);
    house.paths = ArchivePaths::new(&house.folder.path().join("archives"), &house.archive.reference);
}

fn enable(house: &mut House) -> Result<(), StoreError> {
    let copy = copy(house);
    let change = ArchiveChange { enabled: Some(true), ..ArchiveChange::default() };
    house.db.write(|tx| change_archive(tx, &copy, &change))
}

fn add_source(house: &mut House, suite: &str, name: &str, version: &str) -> SourceReleaseId {
    let release = house.source(name, version, &[("debian/control", name.as_bytes())]);
    house.publish_source(suite, release, name);
    release
}

/// `apple`, `hello` and `zebra` as sources in `s`, with binaries for two architectures and one for all; a binary without a source, one in universe.
fn house() -> House {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    for name in ["apple", "hello", "zebra"] {
        add_source(&mut house, "s", name, "1");
    }
    let all = [
        Package::new("hello", "1", "amd64"),
        Package::new("hello", "1", "arm64"),
        Package::new("hello-doc", "1", "all").field("Source", "hello"),
        Package::new("alone", "3", "amd64"),
    ];
    house.import("s", Some("main"), &all);
    house.import("s", Some("universe"), &[Package::new("wild", "1", "amd64").section("universe/games")]);
    house.publish(Wanted::Changed);
    house
}

const AMD64: &str = "s/main/binary-amd64/Packages";
const ARM64: &str = "s/main/binary-arm64/Packages";
const SOURCES: &str = "s/main/source/Sources";

#[test]
fn a_copy_has_what_its_origin_has_filed_as_there_and_waits_for_somebodys_word() {
    let mut house = house();
    let texts = house.texts();
    let done = Asked::new().fill(&mut house);
    // hello for each, hello-doc for both, alone and wild
    assert_eq!((done.sources, done.binaries, done.left_alone), (3, 6, 0));
    let copy = copy(&house);
    assert_eq!((copy.purpose, copy.enabled, copy.is_published()), (ArchivePurpose::Copy, false, false));
    let said = copy_of(house.db.read(), copy.id).unwrap().unwrap();
    assert_eq!(
        (said.origin.as_str(), said.reason.as_str(), said.creator.as_str()),
        ("d/s", "to look at it", "root")
    );
    assert_eq!(said.architectures, ["amd64", "arm64"]);
    enable(&mut house).unwrap();
    turn_to_copy(&mut house);
    assert!(house.archive.is_published());
    house.publish(Wanted::Changed);
    let of_suite = |texts: std::collections::BTreeMap<String, String>| -> Vec<(String, String)> {
        texts.into_iter().filter(|(path, _)| path.starts_with("s/")).collect()
    };
    assert_eq!(of_suite(house.texts()), of_suite(texts));
    assert_eq!(house.packages("s/universe/binary-amd64/Packages"), ["wild 1"]);
    house.assert_consistent();
    let log = last_copies(house.db.read(), house.shape("s").suite.id, 10).unwrap();
    assert_eq!((log.len(), log[0].reason.as_str()), (3, "to look at it"));
}

#[test]
fn sources_alone_are_built_there_after_everybody_elses() {
    let mut house = house();
    let done = Asked { binaries: false, ..Asked::new() }.fill(&mut house);
    assert_eq!((done.sources, done.binaries, done.builds), (3, 0, 6));
    let copy = copy(&house);
    let of_copy = build_rows::Filter { archive: Some(copy.id), ..build_rows::Filter::default() };
    let builds = build_rows::builds(house.db.read(), &of_copy, build_rows::Order::Score, 100).unwrap();
    // low, release, main: 2505 less 2600
    assert_eq!(builds.len(), 6);
    assert!(builds.iter().all(|build| build.score == -95), "{builds:?}");
    let next =
        || build_rows::next_waiting(house.db.read(), &"amd64".parse().unwrap(), Some(copy.id)).unwrap();
    assert!(next().is_none(), "it is disabled");
    enable(&mut house).unwrap();
    let next = build_rows::next_waiting(house.db.read(), &"amd64".parse().unwrap(), Some(copy.id)).unwrap();
    assert!(next.is_some());
}

#[test]
fn what_comes_in_built_is_built_by_nobody_and_what_a_builder_is_at_does_not_come_in() {
    let mut house = house();
    Asked { binaries: false, ..Asked::new() }.fill(&mut house);
    let (copy, now) = (copy(&house), house.now);
    let builds = |house: &House| -> Vec<(String, BuildId)> {
        let of_copy = build_rows::Filter { archive: Some(copy.id), ..build_rows::Filter::default() };
        let all = build_rows::builds(house.db.read(), &of_copy, build_rows::Order::Newest, 100).unwrap();
        let mut all: Vec<_> = all
            .into_iter()
            .map(|one| (format!("{} {} {}", one.source_name, one.architecture, one.status), one.id))
            .collect();
        all.sort();
        all
    };
    let (said, on_arm64) = builds(&house)[3].clone();
    assert_eq!(said, "hello arm64 NEEDSBUILD");
    let turn = |house: &mut House, from, to| {
        let along = build_rows::Along::default();
        house
            .db
            .write(|tx| build_rows::change_status(tx, on_arm64, (from, to), along, "alpha", "", now))
            .unwrap();
    };
    turn(&mut house, BuildStatus::NeedsBuild, BuildStatus::Building);
    let merge = Asked { merge: true, ..Asked::new() };
    let id = merge.begin(&mut house).unwrap().request();
    assert_eq!(carry_out(&mut house, id, 100), CopyRequestStatus::Complete);
    // hello for amd64, hello-doc for both, alone and wild
    assert_eq!(done(&house, id).binaries, 5);
    let problems = problems_of(house.db.read(), id).unwrap();
    let said: Vec<(&str, &str)> =
        problems.iter().map(|one| (one.package.as_str(), one.check.as_str())).collect();
    assert_eq!(said, [("hello 1 (arm64)", "building")]);
    assert!(problems[0].message.contains("pressroom build cancel"), "{}", problems[0].message);
    let expected = |on_arm64: &str| {
        let others = ["apple amd64", "apple arm64", "zebra amd64", "zebra arm64"];
        let mut all: Vec<String> = others.iter().map(|one| format!("{one} NEEDSBUILD")).collect();
        all.extend(["hello amd64 SUPERSEDED".to_owned(), format!("hello arm64 {on_arm64}")]);
        all.sort();
        all
    };
    let is = |house: &House| builds(house).into_iter().map(|(said, _)| said).collect::<Vec<_>>();
    assert_eq!(is(&house), expected("BUILDING"));
    // the builder gives it back, and the next merge brings what it would have made
    turn(&mut house, BuildStatus::Building, BuildStatus::NeedsBuild);
    assert_eq!(merge.fill(&mut house).binaries, 1);
    assert_eq!(is(&house), expected("SUPERSEDED"));
    let events = build_rows::events_of(house.db.read(), on_arm64).unwrap();
    assert_eq!(events.last().unwrap().comment, "its binary packages came in otherwise");
}

#[test]
fn the_architectures_of_a_copy_are_those_that_it_was_made_for() {
    let mut house = house();
    let amd64 = vec!["amd64".parse().unwrap()];
    let done = Asked { architectures: amd64.clone(), ..Asked::new() }.fill(&mut house);
    assert_eq!((done.binaries, done.builds), (4, 2), "apple and zebra are to be built for amd64");
    let series = house.shape("s").series.id;
    let now = house.now;
    house
        .db
        .write(|tx| {
            let tag = "riscv64".parse().unwrap();
            series::set_architecture(tx, series, &tag, true)?;
            let new = series::architectures(tx, series)?.into_iter().find(|one| one.tag == tag).unwrap();
            publication::publish_arch_all_for(tx, series, new.id, "test", now).map(|_| ())
        })
        .unwrap();
    assert_eq!(house.shape("s").architectures.len(), 3);
    assert_eq!(house.pending(), 1, "hello-doc for the new one, in the primary archive alone");
    turn_to_copy(&mut house);
    let tags: Vec<String> = house.shape("s").architectures.iter().map(|one| one.tag.to_string()).collect();
    assert_eq!(tags, ["amd64"]);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(AMD64), ["alone 3", "hello 1", "hello-doc 1"]);
    assert!(!house.paths.dists().join("s/main/binary-arm64").exists());
    assert!(!house.paths.dists().join("s/main/binary-riscv64").exists());
}

#[test]
fn a_part_is_copied_by_component_and_by_package_set() {
    let mut house = house();
    let universe = Asked { components: vec!["universe".parse().unwrap()], ..Asked::new() };
    let done = universe.fill(&mut house);
    assert_eq!((done.sources, done.binaries), (0, 1));
    let (series, now) = (house.shape("s").series.id, house.now);
    house
        .db
        .write(|tx| {
            let id = create_package_set(tx, series, &"greeters".parse().unwrap(), now)?;
            let add = ["hello", "nowhere"].into_iter().map(|name| name.parse().unwrap()).collect();
            change_package_set(tx, id, &PackageSetChange { add, ..PackageSetChange::default() })
        })
        .unwrap();
    let greeters = Asked { package_sets: vec!["greeters".parse().unwrap()], merge: true, ..Asked::new() };
    let done = greeters.fill(&mut house);
    assert_eq!((done.sources, done.binaries, done.left_alone), (1, 4, 1));
    let unknown =
        Asked { package_sets: vec!["greeters".parse().unwrap(), "gone".parse().unwrap()], ..greeters };
    assert_eq!(unknown.refused(&mut house), "there is no package set gone: there is greeters");
    let unknown = Asked { components: vec!["partner".parse().unwrap()], merge: true, ..Asked::new() };
    assert_eq!(unknown.refused(&mut house), "there is no component partner: there is main, universe");
}

#[test]
fn a_merge_brings_what_is_new_and_newer_and_leaves_the_rest() {
    let mut house = house();
    let origin = (house.archive.clone(), house.paths.clone());
    Asked::new().fill(&mut house);
    // newer in the copy
    turn_to_copy(&mut house);
    add_source(&mut house, "s", "zebra", "9");
    house.publish(Wanted::Changed);
    (house.archive, house.paths) = origin;
    // newer and new in the origin; apple is gone there
    add_source(&mut house, "s", "hello", "2");
    add_source(&mut house, "s", "new", "1");
    house.import("s", Some("main"), &[Package::new("hello", "2", "amd64")]);
    let merge = Asked { merge: true, ..Asked::new() };
    let done = merge.fill(&mut house);
    // hello 2 for amd64 alone: the others are the same there; apple, zebra, alone and wild are left
    assert_eq!((done.sources, done.binaries, done.left_alone), (2, 1, 4));
    assert_eq!(merge.fill(&mut house), Done { left_alone: 6, ..Done::default() });
    turn_to_copy(&mut house);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(SOURCES), ["apple 1", "hello 2", "new 1", "zebra 9"]);
    assert_eq!(house.packages(AMD64), ["alone 3", "hello 2", "hello-doc 1"]);
    assert_eq!(house.packages(ARM64), ["hello 1", "hello-doc 1"]);
}

#[test]
fn a_request_that_dies_goes_on_with_the_next_name_and_the_same_wish_is_the_same_request() {
    let mut whole = house();
    Asked::new().fill(&mut whole);
    let mut house = house();
    let asked = Asked::new();
    let id = asked.begin(&mut house).unwrap().request();
    assert_eq!(request(house.db.read(), id).unwrap().status, CopyRequestStatus::New);
    // two names at a time, and after the second step it is gone: the third was not kept
    for _ in 0..2 {
        assert_eq!(one_step(&mut house, id, 2), Step::GoesOn);
    }
    let (librarian, now) = (house.librarian.clone(), house.now);
    let _died: Result<(), PopulateError> = house.db.write(|tx| {
        step(tx, &librarian, id, 2, now)?;
        Err(StoreError::Refused("the power went".to_owned()).into())
    });
    let half = suites_of(house.db.read(), id).unwrap();
    assert_eq!((half[0].last_name.as_str(), half[0].done.sources), ("wild", 2));
    assert!(enable(&mut house).unwrap_err().to_string().contains("copy-request process 1"));
    assert_eq!(asked.begin(&mut house).unwrap(), Begun::GoesOn(id));
    let other = Asked { binaries: false, merge: true, ..asked };
    assert!(other.refused(&mut house).contains("copy request 1 is still to bring something else"));
    assert_eq!(carry_out(&mut house, id, 2), CopyRequestStatus::Complete);
    assert_eq!(done(&house, id), done(&whole, id));
    assert_eq!(one_step(&mut house, id, 2), Step::Ended(CopyRequestStatus::Complete));
    for house in [&mut house, &mut whole] {
        turn_to_copy(house);
        house.publish(Wanted::Changed);
    }
    assert_eq!(house.texts(), whole.texts());
}

/// How many instructions SQLite carries out for a copy of everything.
fn steps_of_a_copy(house: &mut House, names: u32) -> u64 {
    let id = Asked::new().begin(house).unwrap().request();
    let steps = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&steps);
    let count = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        false
    };
    house.db.read().progress_handler(1, Some(count)).unwrap();
    assert_eq!(carry_out(house, id, names), CopyRequestStatus::Complete);
    house.db.read().progress_handler(1, None::<fn() -> bool>).unwrap();
    assert_eq!(done(house, id).binaries, 6);
    steps.load(Ordering::Relaxed)
}

#[test]
fn the_work_of_a_copy_is_that_of_what_is_copied_and_not_of_all_that_there_is() {
    let mut alone = house();
    let few = steps_of_a_copy(&mut alone, 2);
    let mut house = house();
    // other archives have a thousand more, of sources between those of this one
    house
        .db
        .read()
        .execute_batch(
            "CREATE TEMP TABLE file AS SELECT alias.* FROM library_file_alias AS alias
               JOIN binary_package_release AS release ON release.binary_package_file = alias.id WHERE release.source_package_name = 'hello' LIMIT 1;
             CREATE TEMP TABLE more AS SELECT * FROM binary_package_release WHERE source_package_name = 'hello' LIMIT 1;
             BEGIN",
        )
        .unwrap();
    for number in 0..1000 {
        house
            .db
            .read()
            .execute_batch(&format!(
                "UPDATE temp.file SET id = {0}, filename = 'lib{0}.deb'; INSERT INTO library_file_alias SELECT * FROM temp.file;
                 UPDATE temp.more SET id = {0}, binary_package_file = {0}, source_package_name = 'lib{0}', source_package_release = NULL;
                 INSERT INTO binary_package_release SELECT * FROM temp.more",
                100_000 + number
            ))
            .unwrap();
    }
    house.db.read().execute_batch("COMMIT").unwrap();
    let many = steps_of_a_copy(&mut house, 2);
    assert!(many < few + 1000, "{many} steps, where the same copy of a small database takes {few}");
    let noted = "SELECT count(*) FROM package_copy_request_source";
    let noted: i64 = house.db.read().query_row(noted, [], |row| row.get(0)).unwrap();
    assert_eq!(noted, 0, "what was written down on the way is forgotten at the end");
}

#[test]
fn a_request_is_dropped_at_once_or_when_whoever_is_at_it_looks_up() {
    let mut house = house();
    let root = Actor::Operator { name: "root".to_owned() };
    let now = house.now;
    let drop_it = |house: &mut House, id, is_at_work| {
        house.db.write(|tx| cancel(tx, id, (&root, is_at_work), "not now", now))
    };
    let id = Asked::new().begin(&mut house).unwrap().request();
    assert_eq!(drop_it(&mut house, id, true).unwrap(), CopyRequestStatus::Cancelled);
    let again = drop_it(&mut house, id, false).unwrap_err().to_string();
    assert!(again.contains("is CANCELLED already") && again.contains("--merge-copy"), "{again}");

    let merge = Asked { merge: true, ..Asked::new() };
    let id = merge.begin(&mut house).unwrap().request();
    assert_eq!(one_step(&mut house, id, 2), Step::GoesOn);
    assert_eq!(drop_it(&mut house, id, true).unwrap(), CopyRequestStatus::Canceling);
    assert!(drop_it(&mut house, id, true).unwrap_err().to_string().contains("is CANCELING already"));
    // one that is to end is not the one that is asked for
    assert!(merge.refused(&mut house).contains("copy request 2"));
    assert_eq!(one_step(&mut house, id, 2), Step::Ended(CopyRequestStatus::Cancelled));
    let row = request(house.db.read(), id).unwrap();
    assert_eq!(row.status_message, "cancelled by root: not now");
    assert!(row.date_completed.is_some());
    // what came stays, and the next goes on from there
    let done = merge.fill(&mut house);
    assert_eq!((done.sources, done.left_alone), (2, 2));
}

#[test]
fn what_cannot_come_is_written_down_and_stops_nothing_else() {
    let mut house = house();
    let of_zebra = indexed::source_files(house.db.read(), suite_sources(&house, "zebra")).unwrap();
    let gone = house.librarian.path(&of_zebra[0].1.sha256);
    std::fs::remove_file(&gone).unwrap();
    let id = Asked { binaries: false, ..Asked::new() }.begin(&mut house).unwrap().request();
    // the copy has other content under a name of apple
    let origin = house.archive.clone();
    turn_to_copy(&mut house);
    let other = house.source("apple", "0", &[("debian/control", b"another one\n")]);
    house.publish_source("s", other, "apple");
    let clash = house.put("apple_1.tar.gz", b"other content").row();
    let row = (other, clash);
    house
        .db
        .read()
        .execute("INSERT INTO source_package_release_file VALUES (?1, ?2)", (row.0.0, row.1.0))
        .unwrap();
    house.archive = origin;
    assert_eq!(carry_out(&mut house, id, 1), CopyRequestStatus::Complete);
    let problems = problems_of(house.db.read(), id).unwrap();
    let said: Vec<(&str, &str)> =
        problems.iter().map(|one| (one.package.as_str(), one.check.as_str())).collect();
    assert_eq!(said, [("apple 1", "other-content"), ("zebra 1", "expired")]);
    assert!(problems[1].message.contains("is not kept any more"), "{}", problems[1].message);
    assert_eq!(done(&house, id).sources, 1);
    // formats, where the series of the copy takes others
    let formats = Some(SourceFormats::new([SourceFormat::Quilt]).unwrap());
    house.change_series(&SeriesChange { source_formats: formats, ..SeriesChange::default() });
    add_source(&mut house, "s", "pear", "1");
    let merge = Asked { binaries: false, merge: true, ..Asked::new() };
    let id = merge.begin(&mut house).unwrap().request();
    assert_eq!(carry_out(&mut house, id, 100), CopyRequestStatus::Complete);
    let problems = problems_of(house.db.read(), id).unwrap();
    assert!(problems.iter().any(|one| one.package == "pear 1" && one.check == "format"), "{problems:?}");
}

/// The release of a source in `s`.
fn suite_sources(house: &House, name: &str) -> SourceReleaseId {
    let suite = house.shape("s").suite.id;
    pressroom_archive::store::package_copy::sources_in(house.db.read(), suite, &name.parse().unwrap())
        .unwrap()[0]
        .release
}

#[test]
fn a_released_series_can_be_copied_and_built_although_it_stands_still() {
    let mut house = house();
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() });
    let done = Asked::new().fill(&mut house);
    assert_eq!(done.sources, 3);
    turn_to_copy(&mut house);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(SOURCES), ["apple 1", "hello 1", "zebra 1"]);
    // what is built of it is filed as in the origin, though its name is new in the copy
    let shape = house.shape("s");
    let amd64 = "amd64".parse().unwrap();
    let games = "games".parse().unwrap();
    let said = Said { section: Some(&games), priority: None };
    let universe = house.component("universe");
    house.db.read().execute_batch("DELETE FROM binary_package_publishing_history WHERE suite IN (SELECT id FROM suite WHERE archive = 2)").unwrap();
    let filing = Filing::new(house.db.read(), &house.archive, &shape).unwrap();
    let filed = filing.binary("wild", &amd64, Some(house.component("main")), said).unwrap().unwrap();
    assert_eq!((filed.component, filed.is_new), (universe, false));
}

#[test]
fn what_may_not_be_is_refused_with_what_to_do() {
    let mut house = house();
    let of = |change: &dyn Fn(&mut Asked)| {
        let mut asked = Asked::new();
        change(&mut asked);
        asked
    };
    let mut says = |asked: Asked, expected: &str| {
        let said = asked.refused(&mut house);
        assert!(said.contains(expected), "{said}");
        assert!(
            archive(house.db.read(), &"d/copy".parse().unwrap()).is_err(),
            "nothing of it is kept: {said}"
        );
    };
    says(of(&|asked| asked.reason = ""), "say why with --reason");
    says(of(&|asked| asked.to = "d".parse().unwrap()), "name it d/NAME");
    says(of(&|asked| asked.to = "~ann/d/tools".parse().unwrap()), "name it d/NAME");
    says(of(&|asked| asked.to = "other/copy".parse().unwrap()), "there is no distribution other");
    says(of(&|asked| asked.merge = true), "without --merge-copy it is made");
    says(of(&|asked| asked.from = Some("t".parse().unwrap())), "there is no suite t");
}

#[test]
fn an_origin_that_is_empty_or_private_gives_nothing() {
    let mut house = House::new(&["main"], &["amd64"]);
    assert!(Asked { from: None, ..Asked::new() }.refused(&mut house).contains("there is no package in d"));
    let several = Asked { from: None, to_suite: Some("s".parse().unwrap()), ..Asked::new() };
    add_source(&mut house, "s", "hello", "1");
    assert!(several.refused(&mut house).contains("--from ARCHIVE/SUITE"));
    let nowhere = Asked { to_suite: Some("t".parse().unwrap()), ..Asked::new() };
    assert!(nowhere.refused(&mut house).contains("d/copy has no suite t"));
    let wrong = Asked { architectures: vec!["arm64".parse().unwrap()], ..Asked::new() };
    assert_eq!(wrong.refused(&mut house), "there is no architecture arm64: there is amd64");
    house.archive.private = true;
    assert!(Asked::new().refused(&mut house).starts_with("d is private: "));
    house.archive.private = false;
    // it becomes private while it is copied
    let id = Asked::new().begin(&mut house).unwrap().request();
    house.db.read().execute_batch("UPDATE archive SET private = 1 WHERE name = 'primary'").unwrap();
    assert_eq!(carry_out(&mut house, id, 1), CopyRequestStatus::Failed);
    assert!(request(house.db.read(), id).unwrap().status_message.contains("has become private"));
    assert_eq!(copy_request::open_request(house.db.read(), copy(&house).id).unwrap(), None);
}

#[test]
fn a_copy_that_was_described_before_its_origin_was_here_learns_which_it_is() {
    let mut house = house();
    Asked::new().fill(&mut house);
    let (copy, now) = (copy(&house), house.now);
    let origin = |house: &House| copy_of(house.db.read(), copy.id).unwrap().unwrap().origin_archive;
    assert_eq!(origin(&house), Some(house.archive.id));
    let forget = "UPDATE copy_archive SET origin_archive = NULL, origin = ";
    // what is merged into a copy of something else is not what it is a copy of
    for (words, expected) in [("d/t", None), ("d/s", Some(house.archive.id))] {
        house.db.read().execute_batch(&format!("{forget} '{words}'")).unwrap();
        Asked { merge: true, ..Asked::new() }.fill(&mut house);
        assert_eq!(origin(&house), expected, "{words}");
    }
    let reference: ArchiveReference = "d/partner".parse().unwrap();
    let partner = house.db.write(|tx| {
        let row = distribution(tx, reference.distribution())?;
        create_archive(tx, &row, &reference, ArchivePurpose::Partner, "another", now)
    });
    let (partner, own) = (partner.unwrap(), house.archive.id);
    house.db.write(|tx| copy_archive::set_origin_archive(tx, copy.id, partner)).unwrap();
    assert_eq!(origin(&house), Some(own), "what was known stays");
}

#[test]
fn a_copy_that_is_there_is_only_merged_into_and_keeps_its_architectures() {
    let mut house = house();
    Asked::new().fill(&mut house);
    assert!(Asked::new().refused(&mut house).contains("with --merge-copy"));
    let merge = Asked { merge: true, architectures: vec!["amd64".parse().unwrap()], ..Asked::new() };
    assert!(merge.refused(&mut house).contains("the architectures of d/copy do not change"));
    let reference: ArchiveReference = "d/partner".parse().unwrap();
    let now = house.now;
    house
        .db
        .write(|tx| {
            let row = distribution(tx, reference.distribution())?;
            create_archive(tx, &row, &reference, ArchivePurpose::Partner, "another", now).map(|_| ())
        })
        .unwrap();
    let partner = Asked { to: reference, merge: true, ..Asked::new() };
    assert!(partner.refused(&mut house).contains("d/partner is a PARTNER archive and no copy"));
    turn_to_copy(&mut house);
    let itself = Asked { merge: true, ..Asked::new() };
    assert!(itself.refused(&mut house).contains("copied into itself"));
}

#[test]
fn whoever_decides_about_the_distribution_may_fill_a_copy_and_drop_it() {
    let mut house = house();
    let (name, now): (PersonName, _) = ("ann".parse().unwrap(), house.now);
    house
        .db
        .write(|tx| {
            let new = NewPerson { name: &name, kind: PersonKind::Person, display_name: "Ann Uploader" };
            create_person(tx, &new, now)
        })
        .unwrap();
    let ann = person(house.db.read(), &name).unwrap();
    let asked = Asked { actor: Actor::Person(ann.clone()), ..Asked::new() };
    assert!(
        asked
            .refused(&mut house)
            .contains("ann may not decide about packages in main and universe for s of d")
    );
    let own = house.archive.clone();
    let permit = |house: &mut House, scope: &Scope| {
        let new = NewPermission {
            archive: own.id,
            person: ann.id,
            permission: Permission::QueueAdmin,
            scope,
            series: None,
        };
        house.db.write(|tx| grant(tx, &new, "root", now)).unwrap();
    };
    let main = Scope::Component(house.component("main"), "main".parse().unwrap());
    permit(&mut house, &main);
    assert!(asked.refused(&mut house).contains("in universe"));
    let by_root = Asked::new().begin(&mut house).unwrap().request();
    let hers = Actor::Person(ann.clone());
    let denied = house.db.write(|tx| cancel(tx, by_root, (&hers, false), "", now)).unwrap_err();
    assert!(matches!(denied, PopulateError::Denied(_)), "{denied}");
    permit(&mut house, &Scope::Archive);
    house.db.write(|tx| cancel(tx, by_root, (&hers, false), "", now)).unwrap();
    let id = Asked { merge: true, ..asked }.begin(&mut house).unwrap().request();
    assert_eq!(request(house.db.read(), id).unwrap().requester, "ann");
    assert!(rights(house.db.read(), &copy(&house), &hers).is_ok());
}

#[test]
fn nothing_of_a_copy_is_given_a_date_that_its_files_depend_on() {
    let mut house = house();
    Asked::new().fill(&mut house);
    turn_to_copy(&mut house);
    house.publish(Wanted::Changed);
    add_source(&mut house, "s", "hello", "2");
    house.publish(Wanted::Changed);
    let suite = suite::suite(house.db.read(), house.archive.id, &"s".parse().unwrap()).unwrap();
    let superseded = publication::counts(house.db.read(), suite.id, PackageKind::Source).unwrap();
    assert!(superseded.contains(&(PublicationStatus::Superseded, 1)), "{superseded:?}");
    let pool = house.paths.root.join("pool/main/h/hello");
    assert!(pool.join("hello_1.dsc").exists() && pool.join("hello_2.dsc").exists());
    assert_eq!(shape(house.db.read(), suite).unwrap().architectures.len(), 2);
}

#[test]
fn another_distribution_takes_what_its_series_has_a_place_for() {
    let mut house = house();
    let (reference, now): (ArchiveReference, _) = ("e".parse().unwrap(), house.now);
    house
        .db
        .write(|tx| {
            let id = create_distribution(tx, reference.distribution(), &"E".parse().unwrap(), now)?;
            let row = distribution(tx, reference.distribution())?;
            create_archive(tx, &row, &reference, ArchivePurpose::Primary, "primary", now)?;
            let series = series::create_series(tx, id, &"t".parse().unwrap(), &"1".parse().unwrap(), now)?;
            series::add_component(tx, series, &"main".parse().unwrap())?;
            for architecture in ["amd64", "riscv64"] {
                series::set_architecture(tx, series, &architecture.parse().unwrap(), true)?;
            }
            Ok::<(), StoreError>(())
        })
        .unwrap();
    let to: ArchiveReference = "e/copy".parse().unwrap();
    let asked = Asked { to: to.clone(), to_suite: Some("t".parse().unwrap()), ..Asked::new() };
    let id = asked.begin(&mut house).unwrap().request();
    assert_eq!(carry_out(&mut house, id, 100), CopyRequestStatus::Complete);
    // hello for amd64, hello-doc for both, alone; arm64 is nobody's there
    let done = done(&house, id);
    assert_eq!((done.sources, done.binaries), (3, 4));
    let problems = problems_of(house.db.read(), id).unwrap();
    let said: Vec<(&str, &str)> =
        problems.iter().map(|one| (one.package.as_str(), one.check.as_str())).collect();
    assert_eq!(said, [("wild 1 (amd64)", "component")]);
    assert!(problems[0].message.contains("series set t --component universe"), "{}", problems[0].message);
    let said = copy_of(house.db.read(), archive(house.db.read(), &to).unwrap().id).unwrap().unwrap();
    assert_eq!(said.architectures, ["amd64", "riscv64"]);
}
