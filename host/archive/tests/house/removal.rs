//! Removals: what is asked for goes with the next pass, and only that.

use pressroom_archive::domain::{PackageKind, PublicationStatus};
use pressroom_archive::store::publication;
use pressroom_archive::store::removal::{Extent, Removal, Requested, request_removal};

use crate::fixture::{House, Package, Wanted};

const INDEX: &str = "s/main/binary-amd64/Packages";

fn remove(house: &mut House, name: &str, extent: Extent) -> Requested {
    let (suite, now) = (house.shape("s").suite.id, house.now);
    let removal = Removal { suite, name, extent, by: "operator", comment: "no longer wanted" };
    house.db.write(|tx| request_removal(tx, &removal, now)).unwrap()
}

fn count(house: &House, status: PublicationStatus) -> u64 {
    let counts =
        publication::counts(house.db.read(), house.shape("s").suite.id, PackageKind::Binary).unwrap();
    counts.iter().find(|(one, _)| *one == status).map_or(0, |(_, count)| *count)
}

fn house() -> House {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    house.import(
        "s",
        None,
        &[Package::new("aa", "1", "amd64"), Package::new("bb", "1", "all"), Package::new("cc", "1", "amd64")],
    );
    house.publish(Wanted::Changed);
    house
}

#[test]
fn a_removed_package_goes_from_every_index_with_the_next_pass() {
    let mut house = house();
    assert_eq!(remove(&mut house, "bb", Extent::Binaries), Requested { published: 2, pending: 0 });
    assert_eq!(remove(&mut house, "bb", Extent::Binaries), Requested::default(), "once is enough");
    assert_eq!(house.packages(INDEX), ["aa 1", "bb 1", "cc 1"], "it is published until then");
    house.now += jiff::SignedDuration::from_secs(1);
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.built[0].indexes, 2);
    assert_eq!(house.packages(INDEX), ["aa 1", "cc 1"]);
    assert!(house.packages("s/main/binary-arm64/Packages").is_empty());
    assert_eq!(count(&house, PublicationStatus::Deleted), 2);
    assert!(house.dirt().is_empty());
    let texts = house.texts();
    house.publish(Wanted::All);
    assert_eq!(house.texts(), texts);
    house.assert_consistent();
}

#[test]
fn a_source_takes_its_binaries_with_it() {
    let mut house = house();
    // a binary whose control file names no source is of the source of its own name
    assert_eq!(remove(&mut house, "aa", Extent::SourceAndBinaries), Requested { published: 1, pending: 0 });
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["bb 1", "cc 1"]);
}

#[test]
fn what_waits_is_taken_back_at_once_and_what_comes_afterwards_stays() {
    let mut house = house();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    assert_eq!(remove(&mut house, "aa", Extent::Binaries), Requested { published: 1, pending: 1 });
    house.import("s", None, &[Package::new("dd", "1", "amd64")]);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["bb 1", "cc 1", "dd 1"]);
    // asked for and thought better of: the very package again, and an older one, which the removed one does not stand above
    remove(&mut house, "cc", Extent::Binaries);
    remove(&mut house, "bb", Extent::Binaries);
    house.import("s", None, &[Package::new("cc", "1", "amd64"), Package::new("bb", "0.9", "all")]);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["bb 0.9", "cc 1", "dd 1"]);
    // and one that has gone comes again
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 1", "bb 0.9", "cc 1", "dd 1"]);
    house.assert_consistent();
}

#[test]
fn a_pass_that_is_not_installed_leaves_the_request() {
    let mut house = house();
    remove(&mut house, "aa", Extent::Binaries);
    let prepared = house.prepare(Wanted::Changed);
    let now = house.now;
    house
        .db
        .write(|tx| pressroom_archive::store::pass::abandon_pass(tx, prepared.pass, "held", now))
        .unwrap();
    assert_eq!(count(&house, PublicationStatus::Published), 4);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["bb 1", "cc 1"]);
}

#[test]
fn what_is_taken_back_while_a_pass_is_made_goes_with_the_next() {
    let mut house = house();
    house.import("s", None, &[Package::new("aa", "2", "amd64"), Package::new("dd", "1", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    assert_eq!(remove(&mut house, "dd", Extent::Binaries), Requested { published: 0, pending: 1 });
    house.install(&prepared);
    assert_eq!(house.packages(INDEX), ["aa 2", "bb 1", "cc 1", "dd 1"], "the tree had it already");
    assert_eq!(count(&house, PublicationStatus::Published), 5, "and the rows say so");
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 2", "bb 1", "cc 1"]);
    assert!(house.dirt().is_empty());
    house.assert_consistent();
}

#[test]
fn rows_that_change_otherwise_while_a_pass_is_made_have_the_indexes_made_in_full() {
    let mut house = house();
    house.import("s", None, &[Package::new("dd", "1", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    house
        .db
        .read()
        .execute_batch(
            "UPDATE binary_package_publishing_history SET status = 'OBSOLETE' WHERE status = 'PENDING'",
        )
        .unwrap();
    house.install(&prepared);
    assert_eq!(house.packages(INDEX).len(), 4);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 1", "bb 1", "cc 1"]);
}
