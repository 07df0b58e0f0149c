//! Removals: what is asked for goes with the next pass, and only that.

use pressroom_archive::domain::{BinaryReleaseId, PackageKind, PublicationStatus, SeriesStatus};
use pressroom_archive::dominate::StayOfExecution;
use pressroom_archive::people::Actor;
use pressroom_archive::remove::{RemoveError, Request};
use pressroom_archive::store::removal::{Removal, RemovedPackages, Requested, request_removal};
use pressroom_archive::store::series::SeriesChange;
use pressroom_archive::store::{Made, StoreError, publication, series};

use crate::fixture::{House, Package, Wanted};

const INDEX: &str = "s/main/binary-amd64/Packages";

fn remove(house: &mut House, name: &str, extent: RemovedPackages) -> Requested {
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
fn all_packages_are_removed_or_none_and_none_from_what_does_not_change() {
    let mut house = house();
    let (archive, now) = (house.archive.clone(), house.now);
    let actor = Actor::Operator { name: "root".to_owned() };
    let suite = "s".parse().unwrap();
    let ask = |house: &mut House, names: &[&str]| {
        let packages: Vec<_> = names.iter().map(|name| name.parse().unwrap()).collect();
        let request = Request {
            archive: &archive,
            suite: &suite,
            packages: &packages,
            extent: RemovedPackages::Binaries,
            actor: &actor,
            comment: "no longer wanted",
            stay: StayOfExecution::default(),
        };
        house.db.write(|tx| pressroom_archive::remove::remove(tx, &request, now))
    };
    let error = ask(&mut house, &["aa", "nothing"]).unwrap_err();
    assert!(matches!(error, RemoveError::NotThere { .. }), "{error}");
    assert!(error.to_string().contains("no binary package nothing in s"), "{error}");
    house.import("s", None, &[Package::new("dd", "1", "amd64")]);
    let removed = ask(&mut house, &["dd", "aa", "dd"]).unwrap();
    let removed: Vec<_> = removed.iter().map(|one| (one.package.as_str(), one.requested)).collect();
    let (aa, dd) = (Requested { published: 1, pending: 0 }, Requested { published: 0, pending: 1 });
    assert_eq!(removed, [("aa", aa), ("dd", dd)]);
    assert_eq!(
        house.value::<i64>("SELECT count(*) FROM binary_package_publishing_history WHERE status = 'DELETED' AND scheduled_deletion_date IS NULL"),
        0,
        "what waited has its date"
    );
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() });
    let error = ask(&mut house, &["bb"]).unwrap_err();
    assert!(matches!(error, RemoveError::Still(_)), "{error}");
}

#[test]
fn a_removed_package_goes_from_every_index_with_the_next_pass() {
    let mut house = house();
    assert_eq!(remove(&mut house, "bb", RemovedPackages::Binaries), Requested { published: 2, pending: 0 });
    assert_eq!(remove(&mut house, "bb", RemovedPackages::Binaries), Requested::default(), "once is enough");
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
    assert_eq!(
        remove(&mut house, "aa", RemovedPackages::SourceAndBinaries),
        Requested { published: 1, pending: 0 }
    );
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["bb 1", "cc 1"]);
}

#[test]
fn what_waits_is_taken_back_at_once_and_what_comes_afterwards_stays() {
    let mut house = house();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    assert_eq!(remove(&mut house, "aa", RemovedPackages::Binaries), Requested { published: 1, pending: 1 });
    house.import("s", None, &[Package::new("dd", "1", "amd64")]);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["bb 1", "cc 1", "dd 1"]);
    // asked for and thought better of: the very package again, and an older one, which the removed one does not stand above
    remove(&mut house, "cc", RemovedPackages::Binaries);
    remove(&mut house, "bb", RemovedPackages::Binaries);
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
    remove(&mut house, "aa", RemovedPackages::Binaries);
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
    assert_eq!(remove(&mut house, "dd", RemovedPackages::Binaries), Requested { published: 0, pending: 1 });
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

#[test]
fn a_new_architecture_has_what_is_for_all_as_the_others_are_about_to_have_it() {
    use pressroom_archive::store::publication::{Phasing, publish_arch_all_for};
    for (before, after) in [(Phasing::Percentage(10), Phasing::All), (Phasing::All, Phasing::Percentage(10))]
    {
        let mut house = house();
        for phasing in [before, after] {
            phase(&mut house, phasing);
            if phasing == before {
                house.publish(Wanted::Changed);
            }
            house.now += jiff::SignedDuration::from_secs(1);
        }
        let (series, now) = (house.shape("s").series.id, house.now);
        house
            .db
            .write(|tx| {
                let tag = "riscv64".parse().unwrap();
                series::set_architecture(tx, series, &tag, true)?;
                let all = series::architectures(tx, series)?;
                let new = all.into_iter().find(|one| one.tag == tag).unwrap();
                publish_arch_all_for(tx, series, new.id, "test", now)
            })
            .unwrap();
        house.publish(Wanted::Changed);
        let text = |architecture: &str| {
            let text = house.index(&format!("s/main/binary-{architecture}/Packages"));
            text.split("\n\n").find(|stanza| stanza.contains("Package: bb\n")).unwrap().to_owned()
        };
        assert_eq!(text("riscv64"), text("arm64"), "{before:?} {after:?}");
        assert_eq!(text("arm64").contains("Phased-Update-Percentage"), after != Phasing::All);
    }
}

/// Files `bb` for so many, on every architecture.
fn phase(house: &mut House, phasing: pressroom_archive::store::publication::Phasing) {
    let shape = house.shape("s");
    let release = house.value("SELECT id FROM binary_package_release WHERE binary_package_name = 'bb'");
    let now = house.now;
    house
        .db
        .write(|tx| {
            for architecture in &shape.architectures {
                let new = publication::NewBinaryPublication {
                    suite: shape.suite.id,
                    architecture: architecture.id,
                    release: Made::Known(BinaryReleaseId(release)),
                    name: "bb",
                    component: shape.components[0].id,
                    section: Some(&"misc".parse().unwrap()),
                    priority: Some(&"optional".parse().unwrap()),
                    creator: "test",
                };
                publication::publish_phased_binary(tx, &new, phasing, now)?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
}
