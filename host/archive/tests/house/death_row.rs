//! Files leave the pool when nothing wants them any more, and a death between rows and disk loses nothing.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use pressroom_archive::death_row::reap::{look_at_all_again, read_built_using, rehearse};
use pressroom_archive::death_row::{Reap, ReapError, Reaped, finish, reap};
use pressroom_archive::disk;
use pressroom_archive::store::obsolete::{self, EndedArchives};
use pressroom_archive::store::removal::{self, Removal, request_removal};
use pressroom_archive::store::{Connection, StoreError, pass};
use proptest::prelude::*;
use rusqlite::types::FromSql;

use crate::fixture::{House, Package, Wanted};

impl House {
    fn reaping<T>(&mut self, work: impl FnOnce(&mut pressroom_archive::store::Db, Reap<'_>) -> T) -> T {
        let reap = Reap {
            archive: &self.archive,
            root: &self.paths.root,
            librarian: &self.librarian,
            run: None,
            limit: None,
        };
        work(&mut self.db, reap)
    }

    pub(crate) fn reap(&mut self) -> Reaped {
        let now = self.now;
        self.reaping(|db, what| reap(db, what, now, || Ok::<(), ReapError>(()))).unwrap()
    }

    fn rehearse_reaping(&mut self) -> Reaped {
        let now = self.now;
        self.reaping(|db, what| rehearse(db, what, now)).unwrap()
    }

    /// Takes from disk what a run that died has left.
    fn finish(&mut self) -> Vec<String> {
        finish(&mut self.db, self.archive.id, &self.paths.root, &self.librarian, self.now).unwrap().problems
    }

    fn pass_time(&mut self, hours: i64) {
        self.now += SignedDuration::from_hours(hours);
    }

    pub(crate) fn sql(&mut self, sql: &str) -> usize {
        self.db
            .write(|tx| {
                Ok::<_, StoreError>(tx.execute(sql, []).unwrap_or_else(|error| panic!("{sql}: {error}")))
            })
            .unwrap()
    }

    pub(crate) fn value<T: FromSql>(&self, sql: &str) -> T {
        let db: &Connection = self.db.read();
        db.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(crate) fn pool(&self, path: &str) -> PathBuf {
        self.paths.root.join("pool").join(path)
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        fs::symlink_metadata(self.pool(path)).is_ok()
    }

    fn remove(&mut self, name: &str) {
        let (suite, now) = (self.shape("s").suite.id, self.now);
        let extent = removal::RemovedPackages::SourceAndBinaries;
        let removal = Removal { suite, name, extent, by: "operator", comment: "no longer wanted" };
        self.db.write(|tx| request_removal(tx, &removal, now)).unwrap();
        self.publish(Wanted::Changed);
    }
}

fn reasons(reaped: &Reaped) -> String {
    let said = reaped.held.iter().map(|held| {
        let reasons: Vec<String> = held.reasons.iter().map(ToString::to_string).collect();
        format!("{} {}: {}", held.package, held.path, reasons.join("; "))
    });
    said.collect::<Vec<_>>().join("\n")
}

const ONE: &str = "main/a/aa/aa_1_amd64.deb";
const TWO: &str = "main/a/aa/aa_2_amd64.deb";

/// `aa` 2 has taken the place of `aa` 1.
fn superseded() -> House {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    for version in ["1", "2"] {
        house.import("s", None, &[Package::new("aa", version, "amd64"), Package::new("bb", "1", "amd64")]);
        house.publish(Wanted::Changed);
        house.pass_time(1);
    }
    house
}

#[test]
fn a_superseded_file_stays_for_a_day_and_goes_then() {
    let mut house = superseded();
    let held = house.rehearse_reaping();
    assert!(reasons(&held).contains("aa 1 (amd64) in s stays until"), "{}", reasons(&held));
    assert_eq!(held.held[0].path, format!("pool/{ONE}"));
    assert_eq!(house.reap(), Reaped::default(), "its turn has not come, so that it costs nothing");
    house.pass_time(23);
    let size = fs::metadata(house.pool(ONE)).unwrap().len();
    let planned = house.rehearse_reaping();
    assert!(house.has(ONE), "a dry run leaves everything");
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.freed_bytes), (1, size));
    assert_eq!((planned.files, planned.publications), (reaped.files.clone(), 1));
    assert_eq!(reaped.files[0].path, format!("pool/{ONE}"));
    assert!(!house.has(ONE) && house.has(TWO) && house.has("main/b/bb"));
    assert_eq!(house.value::<i64>("SELECT count(*) FROM pool_file WHERE filename = 'aa_1_amd64.deb'"), 0);
    assert_eq!(
        house.value::<i64>(
            "SELECT count(*) FROM binary_package_publishing_history WHERE date_removed IS NOT NULL"
        ),
        1
    );
    assert_eq!(house.value::<i64>("SELECT count(*) FROM reaped_file WHERE date_done IS NULL"), 0);
    assert_eq!(house.reap(), Reaped::default());
    // the name is free now
    let other = house.import("s-proposed", None, &[Package::new("aa", "1", "amd64").note("other")]);
    assert_eq!(other.accepted.len(), 1, "{:?}", other.complaints);
}

#[test]
fn what_was_removed_goes_with_its_folders_and_the_room_that_it_took() {
    let mut house = superseded();
    let size = |house: &House| {
        pressroom_archive::store::upload_rules::size_bytes(house.db.read(), house.archive.id).unwrap()
    };
    let before = size(&house);
    house.remove("aa");
    let reaped = house.reap();
    assert_eq!(reaped.publications, 1, "{}", reasons(&reaped));
    assert!(!house.has(TWO) && house.has(ONE), "what was superseded has a day still");
    house.pass_time(24);
    assert_eq!(house.reap().publications, 1);
    assert!(!house.has("main/a") && house.has("main/b/bb/bb_1_amd64.deb"));
    assert!(size(&house) < before / 2);
    house.assert_consistent();
}

#[test]
fn a_file_that_the_disk_has_lost_is_fine() {
    let mut house = superseded();
    fs::remove_dir_all(house.pool("main/a")).unwrap();
    house.pass_time(24);
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.problems.len()), (1, 0));
}

#[test]
fn what_is_published_elsewhere_in_the_archive_stays() {
    let mut house = superseded();
    house.import("s-updates", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.pass_time(24);
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.files.len()), (0, 0));
    assert!(house.has(ONE));
    assert!(reasons(&house.rehearse_reaping()).contains("aa 1 (amd64) in s-updates is published"));
    // it is not looked at again until something happens, or somebody asks
    assert_eq!(house.reap().looked_at, 0);
    let archive = house.archive.id;
    look_at_all_again(&mut house.db, archive).unwrap();
    assert_eq!(house.reap().looked_at, 1);
    // both go when the last one may
    let updates = house.shape("s-updates").suite.id;
    house.sql(&format!(
        "UPDATE binary_package_publishing_history SET status = 'DELETED', scheduled_deletion_date = 0 WHERE suite = {updates}"
    ));
    assert_eq!(house.reap().publications, 2);
    assert!(!house.has(ONE));
}

#[test]
fn what_waits_to_be_published_keeps_its_file_and_what_comes_back_gets_it_again() {
    let mut house = superseded();
    house.pass_time(24);
    house.import("s-proposed", None, &[Package::new("aa", "1", "amd64")]);
    assert_eq!(house.reap().publications, 0);
    assert!(house.has(ONE));
    house.publish(Wanted::Changed);
    assert!(house.has(ONE));
    house.assert_consistent();
    // one that has gone is made anew
    let mut house = superseded();
    house.pass_time(24);
    assert_eq!(house.reap().publications, 1);
    house.import("s-proposed", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    assert!(house.has(ONE));
    assert_eq!(house.packages("s-proposed/main/binary-amd64/Packages"), ["aa 1"]);
}

#[test]
fn what_a_pass_is_about_to_change_is_left_alone() {
    let mut house = superseded();
    house.pass_time(24);
    house.import("s-proposed", None, &[Package::new("aa", "1", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    // taken back while the pass is made: its index has it all the same
    house.sql("UPDATE binary_package_publishing_history SET status = 'DELETED', removed_by = 'ann', scheduled_deletion_date = 0 WHERE status = 'PENDING'");
    let reaped = house.reap();
    assert_eq!(reaped.publications, 0);
    assert!(reasons(&reaped).contains("a pass that has not ended changes"), "{}", reasons(&reaped));
    house.install(&prepared);
    assert!(house.has(ONE) && house.packages("s-proposed/main/binary-amd64/Packages") == ["aa 1"]);
}

#[test]
fn an_orig_tarball_that_another_version_has_stays_until_the_last_one_goes() {
    let mut house = House::new(&["main"], &["amd64"]);
    let orig = house.put("hello_1.orig.tar.gz", b"the original").row();
    for version in ["1-1", "1-2"] {
        let text = format!("Source: hello\nVersion: {version}\n");
        let dsc = house.put(&format!("hello_{version}.dsc"), text.as_bytes());
        let release = house.source_release("hello", version, &text, dsc, &[orig]);
        house.publish_source("s", release, "hello");
        house.publish(Wanted::Changed);
        house.pass_time(1);
    }
    house.pass_time(24);
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.files.len()), (1, 1), "{reaped:?}");
    assert!(!house.has("main/h/hello/hello_1-1.dsc") && house.has("main/h/hello/hello_1.orig.tar.gz"));
    assert!(reasons(&reaped).contains("hello_1.orig.tar.gz: hello 1-2 (source) in s is published"));
    house.remove("hello");
    assert_eq!(house.reap().files.len(), 2);
    assert!(!house.has("main/h"));
}

#[test]
fn a_package_that_has_moved_leaves_its_old_component_and_its_file_moves_with_it() {
    for (from, to) in [("universe", "main"), ("main", "universe")] {
        let mut house = House::new(&["main", "universe"], &["amd64"]);
        for component in [from, to] {
            house.import("s", Some(component), &[Package::new("aa", "1", "amd64")]);
            house.publish(Wanted::Changed);
            house.pass_time(1);
        }
        let at = |component: &str| format!("{component}/a/aa/aa_1_amd64.deb");
        assert!(house.has(&at(from)) && house.has(&at(to)));
        house.pass_time(24);
        let reaped = house.reap();
        assert_eq!(reaped.files.len(), 1, "{reaped:?}");
        assert!(reaped.files[0].stays_elsewhere && reaped.freed_bytes == 0);
        assert!(!house.has(from), "{from} has nothing any more");
        assert!(fs::symlink_metadata(house.pool(&at(to))).unwrap().is_file());
        assert_eq!(house.value::<i64>("SELECT sum(is_symlink) FROM pool_file"), 0);
        // the publication has not left the pool: its package is published
        assert_eq!(reaped.publications, 0);
        house.assert_consistent();
    }
}

#[test]
fn a_source_stays_as_long_as_its_binaries_are_published_anywhere() {
    let mut house = House::new(&["main"], &["amd64"]);
    let release = house.source("hello", "1", &[("a", b"a")]);
    house.publish_source("s", release, "hello");
    house.import("s-updates", None, &[Package::new("hello", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.sql("UPDATE source_package_publishing_history SET status = 'DELETED', scheduled_deletion_date = 0");
    let reaped = house.reap();
    assert_eq!(reaped.publications, 0);
    assert!(reasons(&reaped).contains("its binary package hello 1 (amd64) in s-updates is published"));
    assert_eq!(house.reap().looked_at, 0, "nothing has happened since");
    // with the binary the source goes, in the same run
    house.sql("UPDATE binary_package_publishing_history SET status = 'DELETED', scheduled_deletion_date = 0");
    assert_eq!(house.reap().publications, 2);
    assert!(!house.has("main/h"));
}

#[test]
fn a_source_that_went_into_a_package_stays_as_long_as_the_package_is_there() {
    for (field, value, holds) in [
        ("Built-Using", "hello (= 1)", true),
        ("Static-Built-Using", "other (= 3), hello (= 1)", true),
        ("Built-Using", "hello", true),
        ("Built-Using", "hello (= 2)", false),
        ("Recommends", "hello (= 1)", false),
    ] {
        for came_before in [false, true] {
            let mut house = House::new(&["main"], &["amd64"]);
            let release = house.source("hello", "1", &[("a", b"a")]);
            house.publish_source("s", release, "hello");
            house.import("s", None, &[Package::new("tool", "1", "amd64").field(field, value)]);
            house.publish(Wanted::Changed);
            if came_before {
                house.sql("DELETE FROM binary_built_using");
                house.sql("INSERT INTO binary_built_using_unread SELECT id FROM binary_package_release WHERE built_using || static_built_using <> ''");
                read_built_using(&mut house.db).unwrap();
                assert_eq!(read_built_using(&mut house.db).unwrap(), 0, "once is enough");
            }
            house.remove("hello");
            let reaped = house.reap();
            assert_eq!(reaped.publications, usize::from(!holds), "{field}: {value}");
            if !holds {
                continue;
            }
            let said = format!("tool 1 (amd64) in s names it in {field}");
            assert!(reasons(&reaped).contains(&said), "{}", reasons(&reaped));
            // also while it is in no index any more, for as long as its file is in the pool
            house.sql("UPDATE binary_package_publishing_history SET status = 'SUPERSEDED', scheduled_deletion_date = 1900000000000000");
            let archive = house.archive.id;
            look_at_all_again(&mut house.db, archive).unwrap();
            assert_eq!(house.reap().publications, 0);
            house.now = jiff::Timestamp::from_second(1_900_000_000).unwrap();
            assert_eq!(house.reap().publications, 2);
            assert!(!house.has("main/h") && !house.has("main/t"));
        }
    }
}

#[test]
fn what_something_keeps_stays_in_the_pool() {
    let mut house = superseded();
    house.pass_time(24);
    let until = (house.now + SignedDuration::from_hours(2)).as_microsecond();
    house.sql(&format!(
        "INSERT INTO pool_hold (archive, source_package_name, filename, content, held_by, date_until, date_created)
         SELECT archive, source_package_name, filename, content, 'snapshot 7', {until}, 0 FROM pool_file WHERE filename = 'aa_1_amd64.deb'"
    ));
    let reaped = house.reap();
    assert_eq!(reaped.publications, 0);
    assert!(reasons(&reaped).contains("snapshot 7 keeps it until"), "{}", reasons(&reaped));
    assert!(house.has(ONE));
    house.pass_time(2);
    assert_eq!(house.reap().publications, 1);
    assert!(!house.has(ONE));
}

#[test]
fn what_was_kept_of_a_package_that_has_gone_otherwise_goes_when_nothing_keeps_it() {
    let mut house = House::new(&["main"], &["amd64"]);
    let release = house.source("hello", "1", &[("a", b"a")]);
    house.publish_source("s", release, "hello");
    house.publish(Wanted::Changed);
    let files = house.value::<usize>("SELECT count(*) FROM pool_file");
    house.sql(
        "INSERT INTO pool_hold (archive, source_package_name, filename, content, held_by, date_until, date_created)
         SELECT archive, source_package_name, filename, content, 'snapshot 7', NULL, 0 FROM pool_file ORDER BY filename DESC LIMIT 1",
    );
    house.remove("hello");
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.files.len()), (0, files - 1), "{}", reasons(&reaped));
    assert_eq!(house.reap().looked_at, 0, "nothing has happened since");
    house.sql("DELETE FROM pool_hold");
    house.pass_time(24);
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.files.len()), (1, 1), "{}", reasons(&reaped));
    assert!(!house.has("main/h"));
}

#[test]
fn what_is_obsolete_goes_when_the_suite_was_published_without_it() {
    let mut house = superseded();
    let (series, now) = (house.shape("s").series.id, house.now);
    let ended =
        house.db.write(|tx| obsolete::make_obsolete(tx, series, EndedArchives::Distribution, now)).unwrap();
    assert_eq!((ended.sources, ended.binaries), (0, 2));
    let reaped = house.reap();
    assert_eq!(reaped.publications, 0);
    assert!(reasons(&reaped).contains("s has not been published without it"), "{}", reasons(&reaped));
    house.publish(Wanted::Changed);
    assert!(house.packages("s/main/binary-amd64/Packages").is_empty());
    assert_eq!(house.reap().publications, 2);
    assert!(!house.has(TWO) && !house.has("main/b"));
    let again =
        house.db.write(|tx| obsolete::make_obsolete(tx, series, EndedArchives::Distribution, now)).unwrap();
    assert_eq!(again.all(), 0);
    assert!(house.dirt().is_empty());
    house.assert_consistent();
}

#[test]
fn a_source_that_waited_for_its_binaries_goes_when_their_series_ends() {
    let mut house = House::new(&["main"], &["amd64"]);
    for version in ["1", "2"] {
        let release = house.source("hello", version, &[("a", version.as_bytes())]);
        house.publish_source("s", release, "hello");
        if version == "1" {
            house.import("s", None, &[Package::new("old", version, "amd64").field("Source", "hello")]);
        }
        house.publish(Wanted::Changed);
        house.pass_time(48);
    }
    assert_eq!(house.reap().publications, 0, "old is built by no source any more, and is published");
    let (series, now) = (house.shape("s").series.id, house.now);
    let ended =
        house.db.write(|tx| obsolete::make_obsolete(tx, series, EndedArchives::Distribution, now)).unwrap();
    assert_eq!((ended.sources, ended.binaries), (1, 1));
    house.publish(Wanted::Changed);
    let reaped = house.reap();
    assert_eq!(reaped.publications, 3, "{}", reasons(&reaped));
    assert!(!house.has("main/h"));
    house.assert_consistent();
}

#[test]
fn a_run_that_died_before_the_disk_is_finished_by_the_next() {
    let mut house = superseded();
    house.pass_time(24);
    let bytes = fs::read(house.pool(ONE)).unwrap();
    house.reap();
    // as it is when a machine dies between the rows and the disk
    disk::write_staged(&house.pool(ONE), &bytes).unwrap();
    house.sql("UPDATE reaped_file SET date_done = NULL");
    assert_eq!(house.finish(), [""; 0]);
    assert!(!house.has(ONE) && house.has(TWO));
    assert_eq!(house.value::<i64>("SELECT count(*) FROM reaped_file WHERE date_done IS NULL"), 0);
}

#[test]
fn a_name_that_is_wanted_again_is_not_taken_out_by_what_a_dead_run_has_left() {
    for is_published in [false, true] {
        let mut house = superseded();
        house.pass_time(24);
        house.reap();
        house.import("s-proposed", None, &[Package::new("aa", "1", "amd64")]);
        if is_published {
            house.publish(Wanted::Changed);
        } else {
            // its name is on disk, and recorded nowhere yet
            house.prepare(Wanted::Changed);
        }
        house.sql("UPDATE reaped_file SET date_done = NULL");
        assert_eq!(house.finish(), [""; 0]);
        assert!(house.has(ONE), "{is_published}");
    }
}

#[test]
fn a_move_that_was_interrupted_is_finished_with_every_name_readable() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    for component in ["main", "universe"] {
        house.import("s", Some(component), &[Package::new("aa", "1", "amd64")]);
        house.publish(Wanted::Changed);
        house.pass_time(1);
    }
    house.pass_time(24);
    let (main, universe) =
        (house.pool("main/a/aa/aa_1_amd64.deb"), house.pool("universe/a/aa/aa_1_amd64.deb"));
    let bytes = fs::read(&main).unwrap();
    house.reap();
    // the rows say where the file is, the disk does not yet
    fs::remove_file(&universe).unwrap();
    disk::symlink(Path::new("../../../main/a/aa/aa_1_amd64.deb"), &universe).unwrap();
    disk::write_staged(&main, &bytes).unwrap();
    house.sql("UPDATE reaped_file SET date_done = NULL");
    assert_eq!(house.finish(), [""; 0]);
    assert!(fs::symlink_metadata(&universe).unwrap().is_file() && !house.has("main"));
    assert_eq!(fs::read(&universe).unwrap(), bytes);
}

#[test]
fn what_is_not_ours_is_not_touched_and_said_and_the_rest_goes() {
    let mut house = superseded();
    house.remove("bb");
    house.pass_time(24);
    fs::remove_file(house.pool(ONE)).unwrap();
    fs::create_dir(house.pool(ONE)).unwrap();
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.problems.len()), (2, 1), "{reaped:?}");
    assert!(reaped.problems[0].contains(ONE) && reaped.problems[0].contains("neither a file nor a link"));
    assert!(house.has(ONE) && !house.has("main/b"));
    // other content under our name
    fs::remove_dir(house.pool(ONE)).unwrap();
    disk::write_staged(&house.pool(ONE), b"somebody else's").unwrap();
    let problems = house.reap().problems;
    assert!(problems[0].contains("another length"), "{problems:?}");
    fs::remove_file(house.pool(ONE)).unwrap();
    // a file in the place of its folder: the name is not there
    fs::remove_dir_all(house.pool("main/a/aa")).unwrap();
    disk::write_staged(&house.pool("main/a/aa"), b"somebody else's").unwrap();
    assert_eq!(house.reap(), Reaped { finished: 1, ..Reaped::default() });
    assert!(house.has("main/a/aa"));
    assert_eq!(house.value::<i64>("SELECT count(*) FROM reaped_file WHERE date_done IS NULL"), 0);
}

#[test]
fn what_a_dead_pass_has_put_there_without_a_row_goes_with_its_publication() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    let now = house.now;
    house.db.write(|tx| pass::abandon_pass(tx, prepared.pass, "died", now)).unwrap();
    assert!(house.has(ONE));
    house.sql("UPDATE binary_package_publishing_history SET status = 'DELETED', scheduled_deletion_date = 0");
    assert_eq!(house.reap().publications, 1);
    assert!(!house.has(ONE));
    // what somebody else has put there is another thing
    let mut house = House::new(&["main"], &["amd64"]);
    let bytes = {
        house.import("s", None, &[Package::new("aa", "1", "amd64")]);
        house.sql(
            "UPDATE binary_package_publishing_history SET status = 'DELETED', scheduled_deletion_date = 0",
        );
        let size: i64 = house.value("SELECT file_size FROM library_file_content");
        vec![7; usize::try_from(size).unwrap()]
    };
    disk::write_staged(&house.pool(ONE), &bytes).unwrap();
    let reaped = house.reap();
    assert!(reaped.problems[0].contains("other content"), "{reaped:?}");
    assert!(house.has(ONE));
}

#[test]
fn a_limit_is_kept_and_the_rest_is_for_the_next_run() {
    let mut house = House::new(&["main"], &["amd64"]);
    let packages: Vec<Package> =
        (0..5).map(|number| Package::new(&format!("p{number}"), "1", "amd64")).collect();
    house.import("s", None, &packages);
    house.publish(Wanted::Changed);
    house.sql("UPDATE binary_package_publishing_history SET status = 'DELETED', scheduled_deletion_date = 0");
    let now = house.now;
    let mut limited = || {
        house
            .reaping(|db, what| reap(db, Reap { limit: Some(2), ..what }, now, || Ok::<(), ReapError>(())))
            .unwrap()
    };
    let counts: Vec<(usize, bool)> =
        (0..4).map(|_| limited()).map(|one| (one.publications, one.has_more)).collect();
    assert_eq!(counts, [(2, true), (2, true), (1, false), (0, false)]);
}

/// A publication in a random archive: of which package, in which component and suite, what it is, and when its files may go.
type Row = (usize, usize, usize, &'static str, Option<i64>);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let status = prop_oneof![Just("PUBLISHED"), Just("SUPERSEDED"), Just("DELETED"), Just("OBSOLETE")];
    let date = prop_oneof![Just(None), (1_799_990_000i64..1_800_010_000).prop_map(Some)];
    prop::collection::vec((0..4usize, 0..3usize, 0..3usize, status, date), 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Against the rule as it stands, read slowly: a file is in the pool when an unremoved publication of it is not past, in each component that one is in.
    #[test]
    fn what_is_wanted_can_be_read_and_the_rest_is_gone(rows in rows(), steps in prop::collection::vec(0..8000i64, 1..4)) {
        const COMPONENTS: [&str; 3] = ["main", "universe", "restricted"];
        const SUITES: [&str; 3] = ["s", "s-updates", "s-proposed"];
        let mut house = House::new(&COMPONENTS, &["amd64"]);
        for (number, (package, component, suite, _, _)) in rows.iter().enumerate() {
            let package = Package::new(&format!("p{package}"), "1", "amd64");
            house.import(SUITES[*suite], Some(COMPONENTS[*component]), &[package]);
            if number % 4 == 3 || number + 1 == rows.len() {
                house.publish(Wanted::Changed);
            }
        }
        // what domination made of them is written over: any state may be there
        let ids: Vec<i64> = {
            let mut statement = house.db.read().prepare("SELECT id FROM binary_package_publishing_history ORDER BY id").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        for (id, (_, _, _, status, date)) in ids.iter().zip(&rows) {
            let date = match (*status, date) {
                ("PUBLISHED", _) | (_, None) => "NULL".to_owned(),
                (_, Some(date)) => (date * 1_000_000).to_string(),
            };
            house.sql(&format!("UPDATE binary_package_publishing_history SET status = '{status}', scheduled_deletion_date = {date}, date_published = coalesce(date_published, 1) WHERE id = {id}"));
        }
        for step in steps {
            house.now += SignedDuration::from_secs(step);
            // nothing is to depend on what an earlier run has remembered
            let archive = house.archive.id;
            look_at_all_again(&mut house.db, archive).unwrap();
            prop_assert_eq!(house.reap().problems, Vec::<String>::new());
            let now = house.now.as_microsecond();
            for package in 0..4 {
                let wanted: Vec<String> = {
                    let sql = format!(
                        "SELECT DISTINCT component.name FROM binary_package_publishing_history AS publication
                         JOIN component ON component.id = publication.component
                         WHERE binary_package_name = 'p{package}' AND (status = 'PUBLISHED' OR scheduled_deletion_date IS NULL
                           OR scheduled_deletion_date > {now}) AND date_removed IS NULL ORDER BY 1"
                    );
                    let mut statement = house.db.read().prepare(&sql).unwrap();
                    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
                };
                let (mut files, mut links) = (0, 0);
                for component in COMPONENTS {
                    let path = house.pool(&format!("{component}/p/p{package}/p{package}_1_amd64.deb"));
                    match fs::symlink_metadata(&path) {
                        Ok(found) if found.is_file() => files += 1,
                        Ok(_) => links += 1,
                        Err(_) => {}
                    }
                    let is_wanted = wanted.iter().any(|one| one == component);
                    prop_assert!(!is_wanted || fs::read(&path).is_ok(), "{component} p{package} {wanted:?}");
                    // a name that nobody wants may stay until its publication's date has come
                    prop_assert!(!wanted.is_empty() || !path.exists(), "{component} p{package}");
                }
                prop_assert_eq!(files, usize::from(!wanted.is_empty()), "one file, p{} {} links", package, links);
                let names: i64 = house.value(&format!("SELECT count(*) FROM pool_file WHERE filename = 'p{package}_1_amd64.deb'"));
                prop_assert_eq!(names, files as i64 + links);
            }
        }
    }
}

#[test]
fn what_happens_to_a_publication_is_a_reason_to_look_at_it() {
    let mut house = superseded();
    house.import("s-updates", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.pass_time(24);
    assert_eq!((house.reap().looked_at, house.reap().looked_at), (1, 0));
    // it was published again, and goes a second time
    house.sql(
        "UPDATE binary_package_publishing_history SET status = 'PUBLISHED' WHERE date_look_again IS NOT NULL",
    );
    assert_eq!(
        house.value::<i64>(
            "SELECT count(*) FROM binary_package_publishing_history WHERE date_look_again IS NOT NULL"
        ),
        0
    );
    assert_eq!((house.reap().looked_at, house.reap().looked_at), (1, 0), "a date from before means nothing");
    house.sql("UPDATE binary_package_publishing_history SET status = 'DELETED', scheduled_deletion_date = 0");
    assert_eq!(house.reap().publications, 4);
    assert!(!house.has("main"));
}
