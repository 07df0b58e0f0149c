//! Other names of suites, and suites that come to have them.

use std::fs;

use pressroom_archive::disk;
use pressroom_archive::dists::{StageError, Staged};
use pressroom_archive::domain::PassId;
use pressroom_archive::store::series_link::set_aliases;
use pressroom_archive::store::{Db, StoreError, dists_link, series};

use crate::fixture::{House, Package, Wanted};

const INDEX: &str = "main/binary-amd64/Packages";

fn set_alias(house: &mut House, series: &str, aliases: &[&str]) {
    let series = house.shape(series).series.id;
    let aliases: Vec<_> = aliases.iter().map(|alias| alias.parse().unwrap()).collect();
    house.db.write(|tx| set_aliases(tx, series, &aliases)).unwrap();
}

fn add_series(db: &mut Db, house: (pressroom_archive::domain::DistributionId, jiff::Timestamp), name: &str) {
    let (distribution, now) = house;
    db.write(|tx| {
        let id = series::create_series(tx, distribution, &name.parse().unwrap(), &"2".parse().unwrap(), now)?;
        series::add_component(tx, id, &"main".parse().unwrap())?;
        series::set_architecture(tx, id, &"amd64".parse().unwrap(), true)
    })
    .unwrap();
}

#[test]
fn a_suite_that_gets_the_name_of_a_link_gets_a_folder_of_its_own() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    house.import("s", None, &[Package::new("kept", "1", "amd64")]);
    set_alias(&mut house, "s", &["next"]);
    house.publish(Wanted::Changed);
    let dists = house.paths.dists();
    assert!(dists.join("next").is_symlink() && dists.join("next-updates").is_symlink());
    let release = fs::read(dists.join("s/universe/binary-amd64/Packages.gz")).unwrap();
    set_alias(&mut house, "s", &[]);
    let whose = (house.archive.distribution, house.now);
    add_series(&mut house.db, whose, "next");
    house.import("next", None, &[Package::new("other", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    assert!(dists.join("next").is_dir() && !dists.join("next").is_symlink());
    assert_eq!(house.packages(&format!("s/{INDEX}")), ["kept 1"]);
    assert_eq!(house.packages(&format!("next/{INDEX}")), ["other 1"]);
    assert_eq!(fs::read(dists.join("s/universe/binary-amd64/Packages.gz")).unwrap(), release);
    assert!(dists_link::links_of(house.db.read(), house.archive.id).unwrap().is_empty());
    // by increments, and all of it made anew
    for (wanted, version) in [(Wanted::Changed, "2"), (Wanted::All, "3")] {
        house.now += jiff::SignedDuration::from_secs(60);
        house.import("next", None, &[Package::new("other", version, "amd64")]);
        house.publish(wanted);
        house.assert_consistent();
        assert_eq!(house.packages(&format!("s/{INDEX}")), ["kept 1"]);
        assert_eq!(house.packages(&format!("next/{INDEX}")), [format!("other {version}")]);
    }
}

#[test]
fn an_alias_that_goes_to_another_series_takes_its_links_along() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("kept", "1", "amd64")]);
    set_alias(&mut house, "s", &["stable"]);
    house.publish(Wanted::Changed);
    let whose = (house.archive.distribution, house.now);
    add_series(&mut house.db, whose, "t");
    set_alias(&mut house, "t", &["stable"]);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    assert_eq!(fs::read_link(house.paths.dists().join("stable")).unwrap(), std::path::Path::new("t"));
    assert_eq!(house.packages(&format!("s/{INDEX}")), ["kept 1"]);
    let refused = house.db.write(|tx| {
        series::create_series(tx, whose.0, &"stable".parse().unwrap(), &"3".parse().unwrap(), whose.1)
    });
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}

#[test]
fn nothing_is_written_where_somebody_has_put_a_link_in_the_place_of_a_suite() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("kept", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let dists = house.paths.dists();
    disk::symlink(std::path::Path::new("s"), &dists.join("theirs")).unwrap();
    let staged = Staged::begin(&house.paths, PassId(99), disk::Sharing::HardLinks).unwrap();
    let refused = staged.suite(&"theirs".parse().unwrap());
    assert!(matches!(refused, Err(StageError::NoFolder { .. })), "{refused:?}");
    assert_eq!(staged.suite(&"s".parse().unwrap()).unwrap(), staged.dists().join("s"));
}
