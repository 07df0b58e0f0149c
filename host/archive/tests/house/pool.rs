//! Names in the pool: links between components, and content that is never overwritten.

use std::fs;
use std::path::Path;

use pressroom_archive::disk;
use pressroom_archive::pool::{Pool, verify_pool};
use pressroom_archive::store::{During, pool_need, publisher, series};

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

#[test]
fn which_component_is_preferred_is_the_word_of_the_oldest_series_and_not_of_the_suites_in_a_pass() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    let (distribution, now) = (house.archive.distribution, house.now);
    // a newer series prefers another component, and a pass over its suites alone changes nothing in the pool
    house
        .db
        .write(|tx| {
            let id =
                series::create_series(tx, distribution, &"t".parse().unwrap(), &"2".parse().unwrap(), now)?;
            for component in ["universe", "main"] {
                series::add_component(tx, id, &component.parse().unwrap())?;
            }
            series::set_architecture(tx, id, &"amd64".parse().unwrap(), true)
        })
        .unwrap();
    let package = [Package::new("aa", "1", "amd64")];
    house.import("t", Some("universe"), &package);
    house.publish(Wanted::Changed);
    let is_file = |path: &Path| fs::symlink_metadata(path).unwrap().is_file();
    let (main, universe) = (house_path(&house, "main"), house_path(&house, "universe"));
    assert!(is_file(&universe));
    house.import("t-updates", Some("main"), &package);
    house.publish(Wanted::Changed);
    assert!(is_file(&main) && !is_file(&universe));
    house.import("t-security", Some("universe"), &package);
    house.publish(Wanted::Changed);
    assert!(is_file(&main) && !is_file(&universe));
}

/// Looks again at everything that is published in `s`: what was made again, and what is wrong.
fn verify(house: &mut House) -> (Vec<String>, Vec<String>) {
    let suite = house.shape("s").suite.id;
    let published = pool_need::published_files(house.db.read(), suite).unwrap();
    let preference = publisher::component_preference(house.db.read(), house.archive.distribution).unwrap();
    let pool = Pool {
        archive: house.archive.id,
        root: &house.paths.root,
        librarian: &house.librarian,
        preference: &preference,
    };
    let verified = verify_pool(&mut house.db, pool, &published, house.now).unwrap();
    (verified.made_again, verified.problems)
}

#[test]
fn names_that_were_lost_are_made_again_with_their_links_and_rows() {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    let package = [Package::new("aa", "1", "all")];
    house.import("s", Some("universe"), &package);
    house.import("s-updates", Some("main"), &package);
    house.publish(Wanted::Changed);
    let (main, universe) = ("pool/main/a/aa/aa_1_all.deb", "pool/universe/a/aa/aa_1_all.deb");
    let at = |house: &House, path: &str| house.paths.root.join(path);
    assert_eq!(verify(&mut house), (Vec::new(), Vec::new()));
    fs::remove_file(at(&house, universe)).unwrap();
    assert_eq!(verify(&mut house), (vec![universe.to_owned()], Vec::new()));
    fs::remove_file(at(&house, main)).unwrap();
    assert_eq!(verify(&mut house), (vec![main.to_owned()], Vec::new()));
    // a link that leads elsewhere, and one where the file belongs
    for path in [main, universe] {
        fs::remove_file(at(&house, path)).unwrap();
        std::os::unix::fs::symlink("elsewhere", at(&house, path)).unwrap();
    }
    assert_eq!(verify(&mut house), (vec![main.to_owned(), universe.to_owned()], Vec::new()));
    assert_eq!(fs::read(at(&house, main)).unwrap(), fs::read(at(&house, universe)).unwrap());
    house.db.write(|tx| tx.execute("DELETE FROM pool_file", []).map(drop).during("forget")).unwrap();
    assert_eq!(verify(&mut house), (vec![universe.to_owned()], Vec::new()), "nobody knows of main any more");
    let names: i64 =
        house.db.read().query_row("SELECT count(*) FROM pool_file", [], |row| row.get(0)).unwrap();
    assert_eq!(names, 1);
    // what somebody has put there is not touched
    fs::remove_file(at(&house, universe)).unwrap();
    disk::write_staged(&at(&house, universe), b"foreign").unwrap();
    let (made_again, problems) = verify(&mut house);
    assert!(made_again.is_empty() && problems[0].contains("other content"), "{problems:?}");
    assert_eq!(fs::read(at(&house, universe)).unwrap(), b"foreign");
}

#[test]
fn a_file_that_nobody_has_any_more_is_said() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    fs::remove_dir_all(house.folder.path().join("librarian")).unwrap();
    assert_eq!(verify(&mut house), (Vec::new(), Vec::new()));
    fs::remove_file(house_path(&house, "main")).unwrap();
    let (made_again, problems) = verify(&mut house);
    assert!(made_again.is_empty() && problems[0].contains("is lost, and the librarian"), "{problems:?}");
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
