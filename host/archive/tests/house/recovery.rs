//! A machine dies at every point of an installation; the next run reads the journal and goes on.

use pressroom_archive::disk::{self, Identity};
use pressroom_archive::dists::{Recovered, recover};
use pressroom_archive::domain::PassState;
use pressroom_archive::store::Connection;
use pressroom_archive::store::pass::{self, PlannedExchange};

use crate::fixture::{House, Package, Prepared, Wanted};

const INDEX: &str = "s/main/binary-amd64/Packages";

fn published_once() -> House {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house
}

/// The journal as it is when the exchange is about to begin.
fn begin(house: &mut House, prepared: &Prepared, side_trees: &[&str]) {
    let exchanges: Vec<PlannedExchange> = ["dists"]
        .iter()
        .chain(side_trees)
        .map(|tree| PlannedExchange {
            tree: (*tree).to_owned(),
            staged: Identity::of(&prepared.staged.folder().join(tree)).unwrap().unwrap(),
        })
        .collect();
    house.db.write(|tx| pass::begin_installing(tx, prepared.pass, &exchanges)).unwrap();
}

fn recovered(house: &mut House) -> Vec<Recovered> {
    recover(&mut house.db, house.archive.id, &house.paths, house.now).unwrap()
}

fn state(db: &Connection, prepared: &Prepared) -> PassState {
    pass::find_pass(db, prepared.pass).unwrap().unwrap().state
}

#[test]
fn before_the_installation_a_pass_is_forgotten_and_everything_is_pending_still() {
    let mut house = published_once();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    assert_eq!(recovered(&mut house), [Recovered::Abandoned(prepared.pass)]);
    assert_eq!(house.pending(), 1);
    assert_eq!(house.packages(INDEX), ["aa 1"]);
    assert!(!house.paths.staging.exists());
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 2"]);
    house.assert_consistent();
}

#[test]
fn once_begun_an_installation_is_taken_to_its_end() {
    for trees_in_place in 0..=2 {
        let mut house = published_once();
        house.import("s", None, &[Package::new("aa", "2", "amd64")]);
        let mut prepared = house.prepare(Wanted::Changed);
        prepared.staged.stage_tree("project").unwrap();
        disk::write_staged(&prepared.staged.locate("project/trace"), b"new").unwrap();
        begin(&mut house, &prepared, &["project"]);
        for tree in ["dists", "project"].iter().take(trees_in_place) {
            disk::exchange(&prepared.staged.folder().join(tree), &house.paths.root.join(tree)).unwrap();
        }
        assert_eq!(recovered(&mut house), [Recovered::Completed(prepared.pass)], "{trees_in_place}");
        assert_eq!(house.pending(), 0);
        assert_eq!(house.packages(INDEX), ["aa 2"]);
        assert_eq!(std::fs::read(house.paths.root.join("project/trace")).unwrap(), b"new");
        assert!(house.dirt().is_empty());
        assert!(!house.paths.staging.exists());
        assert_eq!(recovered(&mut house), []);
        house.assert_consistent();
    }
}

#[test]
fn between_the_two_steps_of_an_exchange_it_is_completed() {
    let mut house = published_once();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    begin(&mut house, &prepared, &[]);
    disk::rename(&house.paths.dists(), &prepared.staged.folder().join("dists.old")).unwrap();
    assert_eq!(recovered(&mut house), [Recovered::Completed(prepared.pass)]);
    assert_eq!(house.packages(INDEX), ["aa 2"]);
    house.assert_consistent();
}

#[test]
fn a_staged_tree_that_has_gone_before_the_exchange_is_made_again() {
    let mut house = published_once();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    begin(&mut house, &prepared, &[]);
    disk::remove_tree(&house.paths.staging).unwrap();
    assert_eq!(recovered(&mut house), [Recovered::Abandoned(prepared.pass)]);
    assert_eq!(state(house.db.read(), &prepared), PassState::Abandoned);
    assert_eq!(house.pending(), 1);
    // another of its trees may be live: its indexes are made from the rows, not from the segments that the rows still know
    assert!(house.dirt().iter().all(|dirt| dirt.fresh));
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 2"]);
}

#[test]
fn what_came_in_while_a_pass_was_made_waits_for_the_next() {
    let mut house = published_once();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    house.import("s", None, &[Package::new("bb", "1", "amd64")]);
    house.install(&prepared);
    assert_eq!(house.packages(INDEX), ["aa 2"]);
    assert_eq!(house.pending(), 1);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 2", "bb 1"]);
}

#[test]
fn a_mark_set_while_a_pass_was_made_is_still_there_after_it() {
    let mut house = published_once();
    let (suite, now) = (house.shape("s").suite.id, house.now);
    let mark = |house: &mut House, reason: &str| {
        house.db.write(|tx| pressroom_archive::store::suite::mark_dirty(tx, suite, reason, now)).unwrap();
    };
    mark(&mut house, "before");
    let prepared = house.prepare(Wanted::Changed);
    mark(&mut house, "meanwhile");
    house.install(&prepared);
    let reasons: Vec<String> =
        house.dirt().into_iter().flat_map(|dirt| dirt.marks).map(|(_, reason)| reason).collect();
    assert_eq!(reasons, ["meanwhile"]);
}

#[test]
fn an_abandoned_pass_leaves_its_marks() {
    let mut house = published_once();
    let (suite, now) = (house.shape("s").suite.id, house.now);
    house.db.write(|tx| pressroom_archive::store::suite::mark_dirty(tx, suite, "asked for", now)).unwrap();
    let prepared = house.prepare(Wanted::Changed);
    house.db.write(|tx| pass::abandon_pass(tx, prepared.pass, "held", now)).unwrap();
    assert_eq!(house.dirt().len(), 1);
    assert_eq!(house.dirt()[0].marks.len(), 1);
}
