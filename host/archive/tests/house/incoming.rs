//! What comes in, and what does not and why: a bad file stops nothing else.

use pressroom_archive::disk;
use pressroom_archive::domain::{PackageKind, SeriesStatus};
use pressroom_archive::store::package_override::{Override, set_override};
use pressroom_archive::store::publication::publish_as_overridden;
use pressroom_archive::store::series::{self, SeriesChange};
use pressroom_archive::upload::import::{ImportError, Target, import};

use crate::fixture::{House, Package, Wanted};

#[test]
fn a_section_may_name_the_component() {
    let mut house = House::new(&["main", "contrib"], &["amd64"]);
    let report = house.import(
        "s",
        None,
        &[
            Package::new("aa", "1", "amd64").section("contrib/net"),
            Package::new("bb", "1", "amd64").section("net"),
            Package::new("cc", "1", "amd64").section("non-free/net"),
        ],
    );
    let components: Vec<&str> = report.accepted.iter().map(|accepted| accepted.component.as_str()).collect();
    assert_eq!(components, ["contrib", "main"]);
    assert!(report.complaints[0].reason.contains("non-free"), "{:?}", report.complaints);
    house.publish(Wanted::Changed);
    assert!(house.index("s/contrib/binary-amd64/Packages").contains("\nSection: contrib/net\n"));
    assert!(house.index("s/main/binary-amd64/Packages").contains("\nSection: net\n"));
}

#[test]
fn an_override_is_stronger_than_the_package() {
    let mut house = House::new(&["main", "contrib"], &["amd64"]);
    let shape = house.shape("s");
    let (archive, now) = (house.archive.id, house.now);
    let new = Override {
        component: Some(shape.components[1].id),
        section: Some("admin".parse().unwrap()),
        priority: Some("required".parse().unwrap()),
    };
    house
        .db
        .write(|tx| {
            set_override(tx, (archive, shape.series.id), (PackageKind::Binary, "aa"), &new, "admin", now)
        })
        .unwrap();
    house.import("s", Some("main"), &[Package::new("aa", "1", "amd64"), Package::new("bb", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let index = house.index("s/contrib/binary-amd64/Packages");
    assert!(
        index.contains("\nPriority: required\n") && index.contains("\nSection: contrib/admin\n"),
        "{index}"
    );
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["bb 1"]);
}

#[test]
fn an_override_changes_what_is_published_where_that_is_asked_for() {
    let mut house = House::new(&["main", "contrib"], &["amd64", "arm64"]);
    house.import("s", None, &[Package::new("aa", "1", "all"), Package::new("bb", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let shape = house.shape("s");
    let (archive, now) = (house.archive.id, house.now);
    let new = Override { component: Some(shape.components[1].id), section: None, priority: None };
    let change = |house: &mut House| {
        let (place, what) = ((archive, shape.series.id), (PackageKind::Binary, "aa"));
        house.db.write(|tx| publish_as_overridden(tx, place, what, &new, "admin", now)).unwrap()
    };
    assert_eq!(change(&mut house), 2, "one for each architecture");
    assert_eq!(change(&mut house), 0, "which wait already");
    house.now += jiff::SignedDuration::from_secs(1);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["bb 1"]);
    assert_eq!(house.packages("s/contrib/binary-arm64/Packages"), ["aa 1"]);
    house.assert_consistent();
    house.change_series(&SeriesChange {
        status: Some(pressroom_archive::domain::SeriesStatus::Current),
        ..SeriesChange::default()
    });
    let back = Override { component: Some(shape.components[0].id), ..new };
    let (place, what) = ((archive, shape.series.id), (PackageKind::Binary, "aa"));
    let waiting = house.db.write(|tx| publish_as_overridden(tx, place, what, &back, "admin", now)).unwrap();
    assert_eq!(waiting, 0, "the release pocket of a stable series does not change");
}

#[test]
fn an_override_also_changes_what_waits_to_be_published() {
    let mut house = House::new(&["main", "contrib"], &["amd64"]);
    let release = house.source("aa", "1", &[("debian/control", b"Source: aa\n")]);
    house.publish_source("s", release, "aa");
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    let shape = house.shape("s");
    let (archive, now) = (house.archive.id, house.now);
    let contrib = Override { component: Some(shape.components[1].id), section: None, priority: None };
    let change = |house: &mut House, kind, new: &Override| {
        let (place, what) = ((archive, shape.series.id), (kind, "aa"));
        house.db.write(|tx| publish_as_overridden(tx, place, what, new, "admin", now)).unwrap()
    };
    for kind in [PackageKind::Source, PackageKind::Binary] {
        assert_eq!(change(&mut house, kind, &contrib), 1);
        assert_eq!(change(&mut house, kind, &contrib), 0, "which waits already");
    }
    // another word leaves what waits where it is
    let section = Override { component: None, section: Some("net".parse().unwrap()), priority: None };
    assert_eq!(change(&mut house, PackageKind::Binary, &section), 1);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), [""; 0]);
    assert_eq!(house.packages("s/contrib/binary-amd64/Packages"), ["aa 1"]);
    assert_eq!(house.packages("s/contrib/source/Sources"), ["aa 1"]);
    assert!(house.index("s/contrib/binary-amd64/Packages").contains("\nSection: contrib/net\n"));
    house.assert_consistent();
    // published in one place and on the way to another, it is taken as it will be
    house.now += jiff::SignedDuration::from_secs(1);
    let now = house.now;
    let main = Override { component: Some(shape.components[0].id), ..section.clone() };
    let admin = Override { section: Some("admin".parse().unwrap()), ..section };
    let (place, what) = ((archive, shape.series.id), (PackageKind::Binary, "aa"));
    for new in [&main, &admin] {
        house.db.write(|tx| publish_as_overridden(tx, place, what, new, "admin", now)).unwrap();
    }
    house.publish(Wanted::Changed);
    assert!(house.index("s/main/binary-amd64/Packages").contains("\nSection: admin\n"));
    house.assert_consistent();
}

#[test]
fn bad_files_are_named_and_the_others_come_in() {
    let mut house = House::new(&["main"], &["amd64"]);
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    disk::write_staged(&at("garbage_1_amd64.deb"), b"garbage").unwrap();
    disk::write_staged(
        &at("cut_1_amd64.deb"),
        b"!<arch>\ndebian-binary   0           0     0     100644  4 ",
    )
    .unwrap();
    disk::write_staged(&at("no spaces_1_amd64.deb"), b"").unwrap();
    disk::write_staged(&at("lonely_1.dsc"), &dsc("lonely")).unwrap();
    disk::write_staged(&at("misnamed_2.dsc"), &dsc("lonely")).unwrap();
    let other = Package::new("other", "1", "s390x").write(folder.path());
    let good = Package::new("good", "1", "amd64").write(folder.path());
    let report = house.import_paths("s", None, &[folder.path().to_owned()]);
    let accepted: Vec<_> = report.accepted.iter().map(|accepted| accepted.path.clone()).collect();
    assert_eq!(accepted, [good]);
    let reason = |name: &str| {
        let found = report.complaints.iter().find(|complaint| complaint.path == at(name));
        found.unwrap_or_else(|| panic!("{name}: {:?}", report.complaints)).reason.clone()
    };
    for (name, word) in [
        ("garbage_1_amd64.deb", "ar"),
        ("cut_1_amd64.deb", ""),
        ("no spaces_1_amd64.deb", "' '"),
        ("lonely_1.dsc", "lonely_1.tar.xz"),
        ("misnamed_2.dsc", "lonely_1.dsc"),
        (other.file_name().unwrap().to_str().unwrap(), "s390x"),
    ] {
        assert!(reason(name).contains(word), "{name}: {}", reason(name));
    }
    assert_eq!(report.complaints.len(), 6, "{:?}", report.complaints);
    // what the .dsc says and what lies beside it differ
    disk::write_staged(&at("lonely_1.tar.xz"), b"other").unwrap();
    let report = house.import_paths("s", None, &[at("lonely_1.dsc")]);
    assert!(report.complaints[0].reason.contains("differs"), "{:?}", report.complaints);
    disk::write_staged(&at("lonely_1.tar.xz"), b"tar").unwrap();
    let report = house.import_paths("s", None, &[at("lonely_1.dsc")]);
    assert_eq!(report.complaints, []);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/source/Sources"), ["lonely 1"]);
    house.assert_consistent();
}

/// A native source of one file whose content is `tar`.
fn dsc(name: &str) -> Vec<u8> {
    let digests = pressroom_archive::domain::FileDigests::of(b"tar");
    let file = format!("3 {name}_1.tar.xz");
    format!(
        "Format: 3.0 (native)\nSource: {name}\nBinary: {name}\nArchitecture: any\nVersion: 1\nMaintainer: D <d@example.org>\n\
         Checksums-Sha1:\n {} {file}\nChecksums-Sha256:\n {} {file}\nFiles:\n {} {file}\n",
        digests.sha1, digests.sha256, digests.md5
    )
    .into_bytes()
}

#[test]
fn a_stable_release_pocket_and_a_disabled_archive_take_nothing_in() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (series, now) = (house.shape("s").series.id, house.now);
    let stable = SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() };
    house.db.write(|tx| series::change_series(tx, series, &stable, now)).unwrap();
    let refused = |house: &mut House, suite: &str| {
        let shape = house.shape(suite);
        let target = Target { archive: &house.archive, shape: &shape, component: None, creator: "test" };
        match import(&mut house.db, &house.librarian, &target, &[], now, &|_| {}) {
            Err(ImportError::Refused(reason)) => reason,
            other => panic!("{other:?}"),
        }
    };
    assert!(refused(&mut house, "s").contains("s-updates"));
    house.import("s-updates", None, &[Package::new("aa", "1", "amd64")]);
    house.archive.enabled = false;
    assert!(refused(&mut house, "s-updates").contains("disabled"));
}

#[test]
fn a_version_that_has_given_way_to_a_higher_one_does_not_come_back_by_a_repeat() {
    let mut house = House::new(&["main"], &["amd64"]);
    let both = [Package::new("aa", "1", "amd64"), Package::new("aa", "2", "amd64")];
    house.import("s", None, &both);
    house.publish(Wanted::Changed);
    let again = house.import("s", None, &both);
    assert!(again.accepted.iter().all(|accepted| accepted.new_publications == 0), "{:?}", again.accepted);
    assert!(house.dirt().is_empty());
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["aa 2"]);
}

#[test]
fn the_last_word_on_a_component_counts() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    let package = [Package::new("aa", "1", "amd64")];
    house.import("s", Some("main"), &package);
    house.publish(Wanted::Changed);
    house.import("s", Some("universe"), &package);
    house.import("s", Some("main"), &package);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["aa 1"]);
    assert!(house.packages("s/universe/binary-amd64/Packages").is_empty());
}

#[test]
fn what_waits_for_an_architecture_that_is_off_waits_on() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    house.import("s", None, &[Package::new("aa", "1", "arm64"), Package::new("bb", "1", "amd64")]);
    let (series, arm64) = (house.shape("s").series.id, "arm64".parse().unwrap());
    house.db.write(|tx| series::set_architecture(tx, series, &arm64, false)).unwrap();
    house.publish(Wanted::Changed);
    assert!(house.dirt().is_empty());
    house.db.write(|tx| series::set_architecture(tx, series, &arm64, true)).unwrap();
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-arm64/Packages"), ["aa 1"]);
}
