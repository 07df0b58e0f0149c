//! Which files packages bring along: taken at import, asked a page at a time, read again where they are not known.

use std::fs;

use pressroom_archive::domain::BinaryReleaseId;
use pressroom_archive::domain::digest::Sha256;
use pressroom_archive::store::indexed::{BinaryIndex, Names, for_each_binary};
use pressroom_archive::store::indexed_page::{ListedBinary, Place, binaries_after, sources_after};
use pressroom_archive::store::package_paths;
use pressroom_archive::store::{StoreError, pass};
use pressroom_archive::upload::{PathsError, packed_paths, unpack};

use crate::fixture::{House, Package, Wanted};

fn index(house: &House) -> BinaryIndex {
    let shape = house.shape("s");
    BinaryIndex {
        suite: shape.suite.id,
        component: shape.components[0].id,
        architecture: shape.architectures[0].id,
        format: pressroom_archive::domain::BinaryFormat::Deb,
    }
}

/// All binaries of the index, read in pages of so many.
fn listed(house: &House, most: usize) -> Vec<ListedBinary> {
    let (mut all, mut place): (Vec<ListedBinary>, Option<Place>) = (Vec::new(), None);
    loop {
        let page = binaries_after(house.db.read(), None, &index(house), &Names::all(), place.as_ref(), most)
            .unwrap();
        assert!(page.len() <= most);
        let Some(last) = page.last() else { return all };
        place = Some(last.place());
        all.extend(page);
    }
}

fn paths(house: &House, release: BinaryReleaseId) -> Vec<String> {
    let packed = packed_paths(house.db.read(), &house.librarian, &[release]).unwrap().remove(0);
    let list = unpack(&packed).unwrap();
    list.iter().map(|path| String::from_utf8(path.to_vec()).unwrap()).collect()
}

fn house() -> House {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    house.import(
        "s",
        None,
        &[
            Package::new("aa", "1", "amd64").files(&["usr/bin/aa", "etc/aa.conf"]),
            Package::new("bb", "2", "all").files(&["usr/share/bb/data"]),
            Package::new("cc", "3", "amd64"),
            Package::new("dd", "4", "arm64").files(&["usr/bin/dd"]),
        ],
    );
    house.publish(Wanted::Changed);
    house
}

#[test]
fn an_import_keeps_the_files_of_packages() {
    let house = house();
    let all = listed(&house, 10);
    let names: Vec<&str> = all.iter().map(|binary| binary.name.as_str()).collect();
    assert_eq!(names, ["aa", "bb", "cc"]);
    assert_eq!(paths(&house, all[0].release), ["etc/aa.conf", "usr/bin/aa"]);
    assert_eq!(paths(&house, all[1].release), ["usr/share/bb/data"]);
    assert!(paths(&house, all[2].release).is_empty());
    assert!(package_paths::find(house.db.read(), all[2].release).unwrap().is_some(), "none is known too");
}

#[test]
fn pages_of_any_length_are_the_index() {
    let mut house = house();
    house.import("s", None, &[Package::new("aa", "2", "amd64"), Package::new("ab", "1:1", "amd64")]);
    house.publish(Wanted::Changed);
    let mut whole = Vec::new();
    for_each_binary::<StoreError>(house.db.read(), None, &index(&house), &Names::all(), |binary| {
        whole.push((binary.name, binary.version));
        Ok(())
    })
    .unwrap();
    assert_eq!(whole.len(), 4);
    for most in 1..6 {
        let found: Vec<_> = listed(&house, most).into_iter().map(|one| (one.name, one.version)).collect();
        assert_eq!(found, whole, "{most} at once");
    }
    let one = |name: &str| {
        binaries_after(house.db.read(), None, &index(&house), &Names::one(name), None, 9).unwrap()
    };
    assert_eq!((one("aa").len(), one("a").len(), one("ab")[0].version.to_string()), (1, 0, "1:1".to_owned()));
    let behind = one("aa")[0].place();
    let after = |name: &str| {
        binaries_after(house.db.read(), None, &index(&house), &Names::one(name), Some(&behind), 9)
            .unwrap()
            .len()
    };
    assert_eq!((after("aa"), after("ab")), (0, 1));
    let shape = house.shape("s");
    let sources = (shape.suite.id, shape.components[0].id);
    assert!(sources_after(house.db.read(), None, sources, &Names::all(), None, 9).unwrap().is_empty());
}

#[test]
fn a_pass_sees_what_it_will_publish() {
    let mut house = house();
    house.import("s", None, &[Package::new("aa", "2", "amd64").files(&["usr/bin/new"])]);
    house.now += jiff::SignedDuration::from_secs(1);
    let prepared = house.prepare(Wanted::Changed);
    let page =
        binaries_after(house.db.read(), Some(prepared.pass), &index(&house), &Names::one("aa"), None, 9)
            .unwrap();
    assert_eq!(page.len(), 1);
    assert_eq!(paths(&house, page[0].release), ["usr/bin/new"]);
    assert_eq!(paths(&house, listed(&house, 9)[0].release), ["etc/aa.conf", "usr/bin/aa"]);
    let before = pass::previous_pass(house.db.read(), house.archive.id, prepared.pass).unwrap();
    assert!(before.is_some_and(|before| before.0 < prepared.pass.0));
    assert_eq!(pass::previous_pass(house.db.read(), house.archive.id, before.unwrap()).unwrap(), None);
}

/// As it was before lists were kept.
fn forget(house: &mut House) {
    house
        .db
        .write(|tx| {
            tx.execute("DELETE FROM binary_package_contents", []).unwrap();
            Ok::<(), StoreError>(())
        })
        .unwrap();
}

#[test]
fn what_came_in_before_lists_were_kept_is_read_again_once() {
    let mut house = house();
    forget(&mut house);
    let releases: Vec<BinaryReleaseId> = listed(&house, 9).iter().map(|one| one.release).collect();
    let lists = packed_paths(house.db.read(), &house.librarian, &releases).unwrap();
    assert_eq!(unpack(&lists[0]).unwrap().len(), 2);
    // the originals are not needed any more
    fs::remove_dir_all(house.folder.path().join("librarian")).unwrap();
    assert_eq!(packed_paths(house.db.read(), &house.librarian, &releases).unwrap(), lists);
}

#[test]
fn the_same_import_again_keeps_the_lists_too() {
    let mut house = House::new(&["main"], &["amd64"]);
    let package = [Package::new("aa", "1", "amd64").files(&["usr/bin/aa"])];
    house.import("s", None, &package);
    house.publish(Wanted::Changed);
    forget(&mut house);
    house.import("s", None, &package);
    let release = listed(&house, 9)[0].release;
    assert!(package_paths::find(house.db.read(), release).unwrap().is_some());
}

#[test]
fn files_that_nobody_knows_any_more_are_an_error() {
    let mut house = house();
    forget(&mut house);
    let release = listed(&house, 9)[0].release;
    let original = package_paths::original(house.db.read(), release).unwrap().unwrap();
    fs::remove_file(house.librarian.path(&original)).unwrap();
    assert!(matches!(packed_paths(house.db.read(), &house.librarian, &[release]), Err(PathsError::Disk(_))));
    assert!(matches!(
        packed_paths(house.db.read(), &house.librarian, &[BinaryReleaseId(999_999)]),
        Err(PathsError::Gone)
    ));
    assert_ne!(original, Sha256::of(b""));
}
