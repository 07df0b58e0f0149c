//! Names in the pool: links between components, and content that is never overwritten.

use std::fs;
use std::path::Path;

use pressroom_archive::disk;

use crate::fixture::{House, Package, Wanted};

#[test]
fn the_most_preferred_component_has_the_file_and_the_others_links() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    let package = [Package::new("aa", "1", "amd64")];
    house.import("s", Some("universe"), &package);
    house.publish(Wanted::Changed);
    let at = |component: &str| house_path(&house, component);
    let (main, universe) = (at("main"), at("universe"));
    assert!(fs::symlink_metadata(&universe).unwrap().is_file() && !main.exists());
    house.import("s-updates", Some("main"), &package);
    house.publish(Wanted::Changed);
    assert!(fs::symlink_metadata(&main).unwrap().is_file());
    assert_eq!(fs::read_link(&universe).unwrap(), Path::new("../../../main/a/aa/aa_1_amd64.deb"));
    assert_eq!(fs::read(&universe).unwrap(), fs::read(&main).unwrap());
    assert!(house.index("s/universe/binary-amd64/Packages").contains("Filename: pool/universe/a/aa/"));
    assert!(house.index("s-updates/main/binary-amd64/Packages").contains("Filename: pool/main/a/aa/"));
}

fn house_path(house: &House, component: &str) -> std::path::PathBuf {
    house.paths.root.join(format!("pool/{component}/a/aa/aa_1_amd64.deb"))
}

#[test]
fn a_name_has_one_content_for_ever() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    // while it is pending, when it is published, and in another suite and component
    for suite in ["s", "s-updates"] {
        let report = house.import(suite, Some("universe"), &[Package::new("aa", "1", "amd64").note("other")]);
        assert!(report.accepted.is_empty());
        let reason = &report.complaints[0].reason;
        assert!(reason.contains("aa 1 (amd64)") && reason.contains("other content"), "{reason}");
        house.publish(Wanted::Changed);
    }
}

#[test]
fn a_foreign_file_in_the_pool_is_not_touched_and_its_publication_waits() {
    let mut house = House::new(&["main"], &["amd64"]);
    let foreign = house_path(&house, "main");
    disk::write_staged(&foreign, b"foreign").unwrap();
    house.import("s", None, &[Package::new("aa", "1", "amd64"), Package::new("bb", "1", "amd64")]);
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.skipped.len(), 1);
    assert!(prepared.skipped[0].reason.contains("pool/main/a/aa/aa_1_amd64.deb"), "{:?}", prepared.skipped);
    assert_eq!(fs::read(&foreign).unwrap(), b"foreign");
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["bb 1"]);
    assert_eq!(house.pending(), 1);
    fs::remove_file(&foreign).unwrap();
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["aa 1", "bb 1"]);
}

#[test]
fn what_a_dead_run_has_put_there_is_taken_as_it_is() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    let now = house.now;
    house
        .db
        .write(|tx| pressroom_archive::store::pass::abandon_pass(tx, prepared.pass, "died", now))
        .unwrap();
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["aa 1"]);
}

#[test]
fn a_repeat_is_harmless_and_a_moved_package_is_a_new_publication() {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    let package = [Package::new("aa", "1", "all")];
    assert_eq!(house.import("s", None, &package).accepted[0].new_publications, 2);
    assert_eq!(house.import("s", None, &package).accepted[0].new_publications, 0);
    house.publish(Wanted::Changed);
    assert_eq!(house.import("s", None, &package).accepted[0].new_publications, 0);
    assert!(house.dirt().is_empty());
    // the same package in another component takes the place of the first
    house.now += jiff::SignedDuration::from_secs(1);
    assert_eq!(house.import("s", Some("universe"), &package).accepted[0].new_publications, 2);
    house.publish(Wanted::Changed);
    for architecture in ["amd64", "arm64"] {
        assert!(house.packages(&format!("s/main/binary-{architecture}/Packages")).is_empty());
        assert_eq!(house.packages(&format!("s/universe/binary-{architecture}/Packages")), ["aa 1"]);
    }
}
