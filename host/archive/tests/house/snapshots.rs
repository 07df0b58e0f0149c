//! Suites as they were: made of what is installed, held together with the pool, let go, and brought back.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use pressroom_archive::disk::{self, Identity};
use pressroom_archive::domain::{SeriesStatus, SnapshotName};
use pressroom_archive::dominate::StayOfExecution;
use pressroom_archive::people::Actor;
use pressroom_archive::snapshot::bring_back::{BringBackError, Request, Restored, bring_back};
use pressroom_archive::snapshot::diff::{What, diff};
use pressroom_archive::snapshot::expire::expire;
use pressroom_archive::snapshot::folder_of;
use pressroom_archive::snapshot::make::make_owed;
use pressroom_archive::snapshot::restore::OfWaiting;
use pressroom_archive::store::publisher::{self, LeftOut};
use pressroom_archive::store::series::SeriesChange;
use pressroom_archive::store::snapshot::{self as rows, Snapshot};
use pressroom_archive::store::snapshot_content::{self as content, Moment};
use pressroom_archive::store::{pass, snapshot_moment};
use proptest::prelude::*;

use crate::fixture::{House, Package, Wanted};

const INDEX: &str = "s/main/binary-amd64/Packages";
const DAY: u32 = 24 * 60 * 60;

impl House {
    fn keep_snapshots(&mut self, seconds: Option<u32>) {
        let archive = self.archive.id;
        self.db.write(|tx| rows::keep_seconds(tx, archive, seconds)).unwrap();
    }

    fn make_snapshots(&mut self) -> Vec<String> {
        let made = make_owed(&mut self.db, self.archive.id, &self.paths, self.now).unwrap();
        made.iter().map(ToString::to_string).collect()
    }

    fn expire_snapshots(&mut self) -> usize {
        expire(&mut self.db, self.archive.id, &self.paths, self.now).unwrap()
    }

    /// Publishes packages, and makes the snapshot; an hour passes.
    fn release(&mut self, packages: &[Package]) -> SnapshotName {
        self.import("s", None, packages);
        self.publish(Wanted::Changed);
        let made = self.make_snapshots();
        self.now += SignedDuration::from_hours(1);
        made.last().unwrap().parse().unwrap()
    }

    fn snapshots(&self) -> Vec<Snapshot> {
        rows::snapshots_of(self.db.read(), self.archive.id).unwrap()
    }

    fn moments(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.paths.root.join("snapshots")) else { return Vec::new() };
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn snapshot_suite(&self, name: &SnapshotName, suite: &str) -> PathBuf {
        folder_of(&self.paths, name).join("dists").join(suite)
    }

    fn at(&self, name: &SnapshotName) -> Snapshot {
        rows::snapshot_at(self.db.read(), self.shape("s").suite.id, name).unwrap()
    }

    /// Restores `s`; the next pass carries it out.
    fn restore(&mut self, name: &SnapshotName, of_waiting: OfWaiting) -> usize {
        let restored = self.try_to_restore(name, Some(of_waiting)).unwrap();
        assert_eq!(restored.left_out, Vec::<String>::new());
        restored.again + restored.leaving
    }

    fn try_to_restore(
        &mut self,
        name: &SnapshotName,
        on_waiting: Option<OfWaiting>,
    ) -> Result<Restored, BringBackError> {
        let (suite, archive, now) = (self.shape("s").suite.id, self.archive.clone(), self.now);
        let request = Request {
            archive: &archive,
            suite,
            snapshot: name,
            actor: &Actor::Operator { name: "ann".to_owned() },
            reason: "it was better",
            on_waiting,
            allow_stable: false,
            stay: StayOfExecution::default(),
        };
        self.db.write(|tx| bring_back(tx, &self.librarian, &request, now))
    }

    /// The texts of all indexes of `s` that have any: an index that a suite once had stays, empty.
    fn texts_of_s(&self) -> BTreeMap<String, String> {
        self.texts().into_iter().filter(|(path, text)| path.starts_with("s/") && !text.is_empty()).collect()
    }
}

fn package(version: &str) -> Package {
    Package::new("aa", version, "amd64")
}

#[test]
fn each_installation_makes_a_folder_of_second_names_beside_the_pool() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[package("1")]);
    house.publish(Wanted::Changed);
    assert_eq!(house.make_snapshots(), Vec::<String>::new(), "nobody has asked for any");
    house.keep_snapshots(Some(DAY));
    house.now += SignedDuration::from_hours(1);
    let one = house.release(&[package("2")]);
    assert_eq!(one.as_str(), "20270115T090000Z");
    // the suite that was published, and those that had no snapshot yet
    for suite in ["s", "s-updates"] {
        let (live, then) = (house.paths.dists().join(suite), house.snapshot_suite(&one, suite));
        let files = disk::files_below(&then).unwrap();
        assert!(files.iter().any(|file| file.path == "InRelease"), "{files:?}");
        for file in files {
            assert_eq!(Identity::of(&live.join(&file.path)).unwrap(), Some(file.identity), "{}", file.path);
        }
    }
    // of the generation before only clients of the live tree know
    let by_hash =
        |folder: PathBuf| fs::read_dir(folder.join("main/binary-amd64/by-hash/SHA256")).unwrap().count();
    assert!(by_hash(house.paths.dists().join("s")) > by_hash(house.snapshot_suite(&one, "s")));
    let pool = folder_of(&house.paths, &one).join("pool/main/a/aa/aa_2_amd64.deb");
    assert!(pool.is_file(), "the pool is reached from the moment");
    let before = fs::read(house.snapshot_suite(&one, "s").join("Release")).unwrap();
    let two = house.release(&[package("3")]);
    assert_eq!(fs::read(house.snapshot_suite(&one, "s").join("Release")).unwrap(), before);
    // what was not published at a moment is what it was then, by a link
    assert!(house.snapshot_suite(&two, "s-updates").is_symlink());
    assert!(house.snapshot_suite(&two, "s-updates").join("InRelease").is_file());
    let newest = &house.snapshots()[0];
    assert!(newest.is_made && newest.name == two && newest.date_superseded.is_none());
    assert!(newest.content.size_bytes > newest.content.new_bytes && newest.content.new_bytes > 0);
    assert_eq!(house.moments(), [one.as_str(), two.as_str()]);
}

#[test]
fn what_is_owed_when_somebody_dies_is_made_by_the_next_and_never_by_half() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    house.import("s", None, &[package("1")]);
    house.publish(Wanted::Changed);
    let owed = snapshot_moment::owed(house.db.read(), house.archive.id).unwrap();
    let name = owed[0].name.clone();
    assert!(house.moments().is_empty() && !house.snapshots()[0].is_made);
    // died while it was filled
    let making = house.paths.root.join("snapshots").join(format!(".pressroom-making-{name}"));
    disk::write_staged(&making.join("dists/s/half"), b"x").unwrap();
    assert_eq!(house.make_snapshots(), [name.as_str()]);
    assert!(!making.exists() && !house.snapshot_suite(&name, "s").join("half").exists());
    // died when the folder had its name and the rows did not know
    let files = house.snapshots()[0].content.files;
    house.sql("UPDATE snapshot SET date_made = NULL, files = NULL, file_size = NULL, new_size = NULL");
    assert_eq!(house.make_snapshots(), [name.as_str()]);
    assert_eq!((house.snapshots()[0].content.files, house.make_snapshots().len()), (files, 0));
    // what can be made no more, since something else was installed, is forgotten
    house.sql("UPDATE snapshot SET date_made = NULL");
    house.now += SignedDuration::from_hours(1);
    house.import("s", None, &[package("2")]);
    house.publish(Wanted::Changed);
    let left: Vec<String> = house
        .snapshots()
        .iter()
        .filter(|one| one.suite_name.to_string() == "s")
        .map(|one| one.name.to_string())
        .collect();
    assert_eq!(left.len(), 1);
    assert_ne!(left[0], name.as_str());
}

#[test]
fn what_a_snapshot_needs_stays_in_the_pool_and_goes_when_its_time_is_over() {
    let pool = "main/a/aa/aa_1_amd64.deb";
    for keep in [None, Some(3 * DAY)] {
        let mut house = House::new(&["main"], &["amd64"]);
        house.keep_snapshots(keep);
        for version in ["1", "2"] {
            house.import("s", None, &[package(version)]);
            house.publish(Wanted::Changed);
            house.make_snapshots();
            house.now += SignedDuration::from_hours(1);
        }
        house.now += SignedDuration::from_hours(24);
        let reaped = house.reap();
        let Some(_) = keep else {
            assert!(!house.has(pool), "without snapshots a day is all");
            continue;
        };
        assert!(house.has(pool));
        let reason = reaped.held[0].reasons[0].to_string();
        assert_eq!(
            reason,
            "the snapshot 20270115T080000Z of s needs it, and is kept until 2027-01-18T09:00:00Z"
        );
        assert_eq!(house.reap().looked_at, 0, "until then it costs nothing");
        house.now += SignedDuration::from_hours(2 * 24);
        // the row counts: as long as the folder may be there, what it needs is there
        assert_eq!(house.reap().held.len(), 1);
        assert_eq!(house.expire_snapshots(), 1);
        assert_eq!(house.reap().publications, 1);
        assert!(!house.has(pool) && house.has("main/a/aa/aa_2_amd64.deb"));
        let first = "20270115T080000Z".parse().unwrap();
        assert!(!house.snapshot_suite(&first, "s").exists());
        assert!(house.snapshot_suite(&first, "s-updates").exists(), "that suite is what it was then");
        assert_eq!(house.expire_snapshots(), 0, "what is live stays, however old it is");
    }
}

#[test]
fn a_pinned_snapshot_stays_with_its_files_until_it_is_let_go() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    let one = house.release(&[package("1")]);
    let two = house.release(&[package("2")]);
    house.release(&[package("3")]);
    let (now, archive) = (house.now, house.archive.id);
    let pinned = house.at(&one);
    house.db.write(|tx| rows::pin(tx, &pinned, ("ann", "the release"), now)).unwrap();
    let again = house.at(&one);
    let refused = house.db.write(|tx| rows::pin(tx, &again, ("bob", "too"), now)).unwrap_err();
    assert!(refused.to_string().contains("pinned already, by ann"), "{refused}");
    house.now += SignedDuration::from_hours(48);
    house.expire_snapshots();
    let reaped = house.reap();
    assert!(
        reaped
            .held
            .iter()
            .any(|held| held.reasons[0].to_string().contains("which ann has pinned (the release), needs it"))
    );
    assert!(house.has("main/a/aa/aa_1_amd64.deb") && !house.has("main/a/aa/aa_2_amd64.deb"));
    assert!(house.snapshot_suite(&one, "s").join("InRelease").exists());
    assert!(!house.snapshot_suite(&two, "s").exists());
    // the suites that were not pinned are no longer beside it
    assert!(!house.snapshot_suite(&two, "s-updates").exists());
    assert!(rows::snapshot_at(house.db.read(), pinned.suite, &two).is_err());
    let pinned = house.at(&one);
    house.db.write(|tx| rows::unpin(tx, archive, &pinned)).unwrap();
    house.expire_snapshots();
    house.reap();
    assert!(!house.has("main/a/aa/aa_1_amd64.deb") && !house.snapshot_suite(&one, "s").exists());
}

#[test]
fn without_snapshots_what_there_was_goes_and_what_comes_later_begins_anew() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    let one = house.release(&[package("1")]);
    house.keep_snapshots(None);
    assert!(house.expire_snapshots() > 0);
    assert_eq!((house.moments().len(), house.snapshots().len()), (0, 0));
    house.import("s", None, &[package("2")]);
    house.publish(Wanted::Changed);
    assert!(house.make_snapshots().is_empty());
    house.now += SignedDuration::from_hours(1);
    house.keep_snapshots(Some(DAY));
    let three = house.release(&[package("3")]);
    assert!(house.snapshot_suite(&three, "s-updates").join("Release").is_file());
    assert!(rows::snapshot_at(house.db.read(), house.shape("s").suite.id, &one).is_err());
}

#[test]
fn a_moment_leads_to_other_suites_as_they_were_as_long_as_it_is_kept() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    house.release(&[package("1")]);
    house.import("s-updates", None, &[Package::new("bb", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.make_snapshots();
    house.now += SignedDuration::from_hours(1);
    let text = |house: &House, name: &SnapshotName| {
        fs::read_to_string(house.snapshot_suite(name, "s-updates").join("Release")).unwrap()
    };
    // nothing happens in updates for long
    let mut names = Vec::new();
    for version in ["2", "3", "4", "5", "6"] {
        names.push(house.release(&[package(version)]));
        house.now += SignedDuration::from_hours(10);
        house.expire_snapshots();
    }
    let last = names.last().unwrap();
    assert!(!house.snapshot_suite(&names[0], "s").exists(), "older than a day");
    assert_eq!(
        text(&house, last),
        fs::read_to_string(house.paths.dists().join("s-updates/Release")).unwrap()
    );
    let then = text(&house, last);
    house.import("s-updates", None, &[Package::new("bb", "2", "amd64")]);
    house.publish(Wanted::Changed);
    house.make_snapshots();
    house.now += SignedDuration::from_hours(10);
    house.expire_snapshots();
    assert_eq!(text(&house, last), then, "it is what it was then");
}

#[test]
fn two_installations_in_a_second_have_two_names() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    let names: Vec<String> = ["1", "2", "3"]
        .iter()
        .map(|version| {
            house.import("s", None, &[package(version)]);
            house.publish(Wanted::Changed);
            house.make_snapshots().remove(0)
        })
        .collect();
    assert_eq!(names, ["20270115T080000Z", "20270115T080001Z", "20270115T080002Z"]);
    // each has what was installed with it, whatever the clock says
    let suite = house.shape("s").suite.id;
    for (name, version) in names.iter().zip(["1", "2", "3"]) {
        let snapshot = house.at(&name.parse().unwrap());
        assert_eq!(snapshot.name.as_str(), name);
        let then = content::indexed(house.db.read(), suite, Moment::from(&snapshot)).unwrap();
        assert_eq!(then.iter().map(|one| one.version.to_string()).collect::<Vec<_>>(), [version]);
    }
}

#[test]
fn a_difference_is_what_was_added_removed_changed_and_refiled() {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    house.keep_snapshots(Some(DAY));
    let all = |name: &str, version: &str| Package::new(name, version, "all");
    let one = house.release(&[all("gone", "1"), all("newer", "9"), all("moved", "1"), all("same", "1")]);
    let suite = house.shape("s").suite.id;
    house.sql(
        "UPDATE binary_package_publishing_history SET removed_by = 'ann' WHERE binary_package_name = 'gone'",
    );
    house.import("s", Some("universe"), &[all("moved", "1")]);
    let two = house.release(&[all("newer", "10"), all("fresh", "1")]);
    let at = |name: &SnapshotName| {
        content::indexed(house.db.read(), suite, Moment::from(&house.at(name))).unwrap()
    };
    let said: Vec<String> = diff(&at(&one), &at(&two))
        .iter()
        .map(|one| {
            let versions = |all: &[pressroom_archive::domain::DebVersion]| {
                all.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
            };
            format!(
                "{:?} {} {} {} {}",
                one.what,
                one.package,
                one.architectures.join("+"),
                versions(&one.before),
                versions(&one.after)
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            "Added fresh amd64+arm64  1",
            "Removed gone amd64+arm64 1 ",
            "Refiled moved amd64+arm64 1 1",
            "Changed newer amd64+arm64 9 10",
        ]
    );
    let moved = diff(&at(&one), &at(&two)).into_iter().find(|one| one.what == What::Refiled).unwrap();
    assert_eq!(moved.filed_before.unwrap(), "main/misc optional");
    assert_eq!(moved.filed_after.unwrap(), "universe/misc optional");
    let live = content::indexed(house.db.read(), suite, Moment::Now).unwrap();
    assert!(diff(&at(&two), &live).is_empty());
}

#[test]
fn what_is_restored_is_the_same_to_the_byte_and_stays_so() {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    house.keep_snapshots(Some(DAY));
    let all = |name: &str, version: &str| Package::new(name, version, "all");
    let one = house.release(&[
        package("1").field("Source", "tool"),
        all("data", "1").field("Source", "tool"),
        all("gone", "1"),
        all("moved", "1"),
        all("same", "1"),
    ]);
    let then = house.texts_of_s();
    house.sql(
        "UPDATE binary_package_publishing_history SET removed_by = 'ann' WHERE binary_package_name = 'gone'",
    );
    house.import("s", Some("universe"), &[all("moved", "1")]);
    house.release(&[package("2"), all("data", "2"), all("fresh", "1")]);
    house.release(&[package("3")]);
    assert_ne!(house.texts_of_s(), then);
    assert!(house.restore(&one, OfWaiting::Kept) > 0);
    house.publish(Wanted::Changed);
    assert_eq!(house.texts_of_s(), then);
    house.assert_consistent();
    house.make_snapshots();
    // neither a pass over everything nor the next change undoes it
    house.now += SignedDuration::from_hours(1);
    house.publish(Wanted::All);
    assert_eq!(house.texts_of_s(), then);
    assert_eq!(house.restore(&one, OfWaiting::Kept), 0, "there is nothing to do");
    house.release(&[all("other", "1")]);
    assert_eq!(house.packages(INDEX), ["aa 1", "data 1", "gone 1", "moved 1", "other 1", "same 1"]);
    // what comes later takes its place as usual
    house.release(&[package("4"), all("data", "4")]);
    assert_eq!(house.packages(INDEX), ["aa 4", "data 4", "gone 1", "moved 1", "other 1", "same 1"]);
    house.now += SignedDuration::from_hours(72);
    house.expire_snapshots();
    house.reap();
    house.reap();
    assert!(!house.has("main/a/aa/aa_3_amd64.deb") && house.has("main/a/aa/aa_4_amd64.deb"));
}

#[test]
fn several_versions_that_stood_beside_each_other_do_so_again() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    house.sql("UPDATE archive SET keep_versions = 3");
    for version in ["1", "2"] {
        house.release(&[package(version)]);
    }
    let three = house.release(&[package("3")]);
    let then = house.texts_of_s();
    house.sql("UPDATE archive SET keep_versions = 1");
    house.release(&[package("4")]);
    assert_eq!(house.packages(INDEX), ["aa 4"]);
    house.restore(&three, OfWaiting::Kept);
    house.publish(Wanted::All);
    assert_eq!(house.texts_of_s(), then);
    house.make_snapshots();
    house.now += SignedDuration::from_hours(1);
    house.publish(Wanted::All);
    assert_eq!(house.packages(INDEX), ["aa 1", "aa 2", "aa 3"]);
    // a newer one is judged with all of them by the rule of today
    house.release(&[package("5")]);
    assert_eq!(house.packages(INDEX), ["aa 5"]);
}

#[test]
fn what_waits_comes_with_it_or_waits_no_more_and_a_second_wish_takes_the_place_of_the_first() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    let one = house.release(&[package("1")]);
    let two = house.release(&[package("2")]);
    house.release(&[package("3")]);
    house.import("s", None, &[Package::new("late", "1", "amd64")]);
    house.restore(&one, OfWaiting::Kept);
    house.restore(&two, OfWaiting::Withdrawn);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 2"]);
    assert_eq!(house.pending(), 0);
    assert_eq!(
        house.value::<i64>("SELECT count(*) FROM binary_package_publishing_history WHERE status = 'DELETED' AND scheduled_deletion_date IS NULL"),
        0
    );
    house.make_snapshots();
    house.now += SignedDuration::from_hours(1);
    // a removal that somebody asked for is carried out with what else is kept of what waits, and is taken back with it
    house.sql("UPDATE binary_package_publishing_history SET removed_by = 'bob' WHERE status = 'PUBLISHED'");
    house.import("s", None, &[Package::new("late", "2", "amd64")]);
    house.restore(&two, OfWaiting::Kept);
    house.restore(&two, OfWaiting::Withdrawn);
    house.import("s", None, &[Package::new("late", "3", "amd64")]);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 2", "late 3"]);
    house.sql("UPDATE binary_package_publishing_history SET removed_by = 'bob' WHERE status = 'PUBLISHED'");
    house.restore(&two, OfWaiting::Kept);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), Vec::<String>::new());
}

#[test]
fn what_stands_in_the_way_of_a_restoration_is_said_and_nothing_is_changed() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    let one = house.release(&[package("1")]);
    house.release(&[package("2")]);
    house.import("s", None, &[Package::new("late", "1", "amd64")]);
    let refusal = |house: &mut House| match house.try_to_restore(&one, None) {
        Err(BringBackError::Refused(text)) => text,
        other => panic!("{other:?}"),
    };
    let before: i64 = house.value("SELECT count(*) FROM snapshot_restore");
    let text = refusal(&mut house);
    assert!(text.starts_with("1 changes wait in s (") && text.contains("--waiting keep"), "{text}");
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() });
    assert!(refusal(&mut house).contains("is CURRENT, and its release pocket does not change"));
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Obsolete), ..SeriesChange::default() });
    assert!(refusal(&mut house).contains("has ended"));
    assert_eq!(house.value::<i64>("SELECT count(*) FROM snapshot_restore"), before);
    assert_eq!(house.pending(), 1);
}

#[test]
fn nothing_goes_before_what_was_there_instead_has_come() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    let one = house.release(&[package("1")]);
    house.release(&[package("2")]);
    house.restore(&one, OfWaiting::Kept);
    // somebody has put something in the place of the file
    let at = house.pool("main/a/aa/aa_1_amd64.deb");
    let original = fs::read(&at).unwrap();
    disk::write_staged(&at, b"something else").unwrap();
    house.sql("DELETE FROM pool_file WHERE filename = 'aa_1_amd64.deb'");
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.skipped.len(), 1);
    assert_eq!(house.packages(INDEX), ["aa 2"]);
    disk::write_staged(&at, &original).unwrap();
    house.publish(Wanted::Changed);
    assert_eq!(house.packages(INDEX), ["aa 1"]);
}

#[test]
fn what_is_published_is_needed_by_no_snapshot_so_that_what_shares_a_file_with_it_ends() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    let orig = house.put("hello_1.orig.tar.gz", b"the original").row();
    let mut names: Vec<SnapshotName> = Vec::new();
    let mut publish = |house: &mut House, version: &str, files: &[_]| {
        let text = format!("Source: hello\nVersion: {version}\n");
        let dsc = house.put(&format!("hello_{version}.dsc"), text.as_bytes());
        let release = house.source_release("hello", version, &text, dsc, files);
        house.publish_source("s", release, "hello");
        house.publish(Wanted::Changed);
        names.push(house.make_snapshots().remove(0).parse().unwrap());
        house.now += SignedDuration::from_hours(1);
    };
    publish(&mut house, "1-1", &[orig]);
    publish(&mut house, "1-2", &[orig]);
    house.now += SignedDuration::from_hours(72);
    house.expire_snapshots();
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.files.len()), (1, 1), "{reaped:?}");
    assert!(!house.has("main/h/hello/hello_1-1.dsc") && house.has("main/h/hello/hello_1.orig.tar.gz"));
    assert_eq!(
        house.value::<i64>(
            "SELECT count(*) FROM source_package_publishing_history WHERE date_removed IS NOT NULL"
        ),
        1
    );
    // nor does what shares a file with something that a snapshot has stay with that
    publish(&mut house, "1-3", &[orig]);
    publish(&mut house, "2-1", &[]);
    let (pinned, now) = (house.at(&names[2]), house.now);
    house.db.write(|tx| rows::pin(tx, &pinned, ("ann", "the release"), now)).unwrap();
    house.now += SignedDuration::from_hours(72);
    house.expire_snapshots();
    let reaped = house.reap();
    assert_eq!((reaped.publications, reaped.files.len()), (1, 1), "{reaped:?}");
    assert!(!house.has("main/h/hello/hello_1-2.dsc") && house.has("main/h/hello/hello_1-3.dsc"));
    assert!(house.has("main/h/hello/hello_1.orig.tar.gz"));
    let (pinned, archive) = (house.at(&names[2]), house.archive.id);
    house.db.write(|tx| rows::unpin(tx, archive, &pinned)).unwrap();
    house.expire_snapshots();
    assert_eq!(house.reap().files.len(), 2);
    assert!(!house.has("main/h/hello/hello_1.orig.tar.gz") && house.has("main/h/hello/hello_2-1.dsc"));
}

#[test]
fn a_package_that_has_moved_leaves_its_old_name_when_no_snapshot_has_it_there() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    house.keep_snapshots(Some(3 * DAY));
    for component in ["main", "universe"] {
        house.import("s", Some(component), &[package("1")]);
        house.publish(Wanted::Changed);
        house.make_snapshots();
        house.now += SignedDuration::from_hours(1);
    }
    house.now += SignedDuration::from_hours(25);
    house.reap();
    assert!(house.has("main/a/aa/aa_1_amd64.deb"), "a snapshot has it under that name");
    house.now += SignedDuration::from_hours(7 * 24);
    house.expire_snapshots();
    assert_eq!(house.reap().files.len(), 1);
    assert!(!house.has("main/a"));
    assert!(fs::symlink_metadata(house.pool("universe/a/aa/aa_1_amd64.deb")).unwrap().is_file());
    house.assert_consistent();
}

#[test]
fn an_installation_without_indexes_of_what_it_changes_ends_no_snapshot_and_owes_none() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(3 * DAY));
    let one = house.release(&[package("1")]);
    // one makes no indexes, the next writes a Release alone
    house.import("s", None, &[package("2")]);
    let prepared = house.prepare(Wanted::Changed);
    let left_out = LeftOut { domination: false, indexes: true };
    house.db.write(|tx| publisher::leave_out(tx, prepared.pass, left_out)).unwrap();
    house.install(&prepared);
    assert!(house.make_snapshots().is_empty());
    house.now += SignedDuration::from_hours(24);
    let prepared = house.prepare(Wanted::Changed);
    house.sql(&format!(
        "UPDATE publisher_pass_suite SET only_release = 1, indexes_wanted = indexes_wanted - 1 WHERE publisher_pass = {}",
        prepared.pass
    ));
    house.install(&prepared);
    assert!(house.make_snapshots().is_empty());
    assert!(house.at(&one).date_superseded.is_none(), "it is what the indexes say");
    house.now += SignedDuration::from_hours(24);
    let (superseded, suite) = (house.now, house.shape("s").suite.id);
    house.publish(Wanted::Changed);
    let two: SnapshotName = house.make_snapshots().remove(0).parse().unwrap();
    assert_eq!(house.at(&one).date_superseded, Some(superseded));
    let versions = |house: &House, name: &SnapshotName| {
        let then = content::indexed(house.db.read(), suite, Moment::from(&house.at(name))).unwrap();
        then.iter().map(|one| one.version.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (versions(&house, &one), versions(&house, &two)),
        (vec!["1".to_owned()], vec!["2".to_owned()])
    );
    // it is kept from then on, with what it lists
    house.now += SignedDuration::from_hours(60);
    house.expire_snapshots();
    house.reap();
    assert!(house.has("main/a/aa/aa_1_amd64.deb"));
    house.now += SignedDuration::from_hours(7 * 24);
    house.expire_snapshots();
    house.reap();
    assert!(!house.has("main/a/aa/aa_1_amd64.deb"));
}

#[test]
fn who_wants_snapshots_no_more_has_their_files_go_whatever_death_row_has_seen_meanwhile() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(30 * DAY));
    house.release(&[package("1")]);
    house.release(&[package("2")]);
    house.now += SignedDuration::from_hours(25);
    house.keep_snapshots(None);
    assert_eq!(house.reap().held.len(), 1, "its folder is there still");
    house.expire_snapshots();
    assert_eq!(house.reap().publications, 1);
    assert!(!house.has("main/a/aa/aa_1_amd64.deb"));
}

#[test]
fn what_could_not_be_made_leaves_nothing_and_nobody_pins_it() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    house.release(&[package("1")]);
    house.import("s", None, &[package("2")]);
    house.publish(Wanted::Changed);
    let (now, name) = (house.now, house.snapshots()[0].name.clone());
    let unmade = house.at(&name);
    let refused = house.db.write(|tx| rows::pin(tx, &unmade, ("ann", "x"), now)).unwrap_err();
    assert!(refused.to_string().contains("is not there yet: run `pressroom publish`"), "{refused}");
    let begin = |house: &House, name: &SnapshotName| {
        let making = house.paths.root.join("snapshots").join(format!(".pressroom-making-{name}"));
        disk::write_staged(&making.join("dists/s/half"), b"x").unwrap();
        making
    };
    let making = begin(&house, &name);
    house.now += SignedDuration::from_hours(1);
    house.release(&[package("3")]);
    assert!(!making.exists());
    // also where none are wanted any more
    house.import("s", None, &[package("4")]);
    house.publish(Wanted::Changed);
    let making = begin(&house, &house.snapshots()[0].name);
    house.keep_snapshots(None);
    house.expire_snapshots();
    assert!(!making.exists());
}

#[test]
fn a_moment_that_is_made_late_does_not_lead_to_what_came_after_it() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    house.release(&[package("1")]);
    house.import("s", None, &[package("2")]);
    house.publish(Wanted::Changed);
    house.now += SignedDuration::from_hours(1);
    house.import("s-updates", None, &[Package::new("bb", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let made: Vec<SnapshotName> = house.make_snapshots().iter().map(|name| name.parse().unwrap()).collect();
    assert_eq!(made.len(), 2);
    assert!(house.snapshot_suite(&made[0], "s").is_dir());
    assert!(!house.snapshot_suite(&made[0], "s-updates").is_symlink());
    assert!(house.snapshot_suite(&made[1], "s").is_symlink(), "that was what it is");
}

#[test]
fn a_pinned_snapshot_keeps_the_other_names_of_its_suite() {
    use std::os::unix::fs::symlink;
    let mut house = House::new(&["main"], &["amd64"]);
    house.keep_snapshots(Some(DAY));
    house.release(&[package("1")]);
    house.import("s", None, &[package("2")]);
    house.publish(Wanted::Changed);
    let dists = house.paths.dists();
    for (name, target) in [("stable", "s"), ("stable-updates", "s-updates")] {
        symlink(target, dists.join(name)).unwrap();
    }
    let two: SnapshotName = house.make_snapshots().remove(0).parse().unwrap();
    let (pinned, now) = (house.at(&two), house.now);
    house.db.write(|tx| rows::pin(tx, &pinned, ("ann", "the release"), now)).unwrap();
    house.now += SignedDuration::from_hours(1);
    house.release(&[package("3")]);
    let at = |name: &str| house.snapshot_suite(&two, name);
    assert!(at("stable").is_symlink() && at("s-updates").is_symlink() && at("stable-updates").is_symlink());
    house.now += SignedDuration::from_hours(48);
    house.expire_snapshots();
    let at = |name: &str| house.snapshot_suite(&two, name);
    assert!(at("stable").join("InRelease").is_file(), "it is the pinned suite");
    assert!(!at("s-updates").is_symlink() && !at("stable-updates").is_symlink());
}

#[test]
fn what_is_withheld_costs_what_is_removed_and_what_waits_and_not_the_product() {
    let steps = |count: usize| {
        let mut house = House::new(&["main"], &["amd64"]);
        house.keep_snapshots(Some(DAY));
        let packages = |version: &str| {
            (0..count)
                .map(|number| Package::new(&format!("aa{number}"), version, "amd64"))
                .collect::<Vec<_>>()
        };
        let one = house.release(&packages("1"));
        house.release(&packages("2"));
        assert_eq!(house.restore(&one, OfWaiting::Kept), 2 * count);
        let pass = house.prepare(Wanted::Changed).pass;
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let withheld = house.db.rehearse(|tx| {
            tx.progress_handler(
                10,
                Some(move || {
                    counter.fetch_add(1, Ordering::Relaxed);
                    false
                }),
            )
            .unwrap();
            let withheld = content::withhold_removals(tx, pass);
            tx.progress_handler(0, None::<fn() -> bool>).unwrap();
            withheld
        });
        assert_eq!(withheld.unwrap(), 0, "all that comes back is in the pass");
        asked.load(Ordering::Relaxed)
    };
    let (small, large) = (steps(25), steps(100));
    assert!(small > 0 && large <= 6 * small, "{small} for 25 packages, {large} for 100");
}

#[test]
fn a_pass_that_has_not_ended_is_known_by_its_suites() {
    let mut house = House::new(&["main"], &["amd64"]);
    let of = |house: &House, suite: &str| {
        pass::open_over(house.db.read(), house.shape(suite).suite.id).unwrap().map(|open| open.id)
    };
    house.import("s", None, &[package("1")]);
    house.publish(Wanted::Changed);
    assert_eq!(of(&house, "s"), None);
    house.import("s", None, &[package("2")]);
    let prepared = house.prepare(Wanted::Changed);
    assert_eq!((of(&house, "s"), of(&house, "s-updates")), (Some(prepared.pass), None));
    house.install(&prepared);
    assert_eq!(of(&house, "s"), None);
}

#[derive(Debug, Clone)]
enum Event {
    Import { component: usize, name: usize, version: usize, architecture: usize, phased: bool },
    Remove { name: usize },
    Keep { versions: usize },
    Restore { snapshot: usize },
}

const COMPONENTS: [&str; 2] = ["main", "universe"];
const NAMES: [&str; 3] = ["aa", "ab", "aa-dbgsym"];
const VERSIONS: [&str; 4] = ["1.0-1", "1.1-1", "1:0.9", "2.0~rc1"];
const ARCHITECTURES: [&str; 3] = ["amd64", "arm64", "all"];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let import = (
        0..COMPONENTS.len(),
        0..NAMES.len(),
        0..VERSIONS.len(),
        0..ARCHITECTURES.len(),
        prop::bool::weighted(0.2),
    )
        .prop_map(|(component, name, version, architecture, phased)| Event::Import {
            component,
            name,
            version,
            architecture,
            phased,
        });
    let remove = (0..NAMES.len()).prop_map(|name| Event::Remove { name });
    let keep = (1..3_usize).prop_map(|versions| Event::Keep { versions });
    let restore = (0..20_usize).prop_map(|snapshot| Event::Restore { snapshot });
    prop::collection::vec(prop_oneof![6 => import, 1 => remove, 1 => keep, 3 => restore], 4..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    #[test]
    fn whatever_has_happened_a_suite_can_be_what_it_was(events in events()) {
        let mut house = House::new(&COMPONENTS, &["amd64", "arm64"]);
        house.keep_snapshots(Some(1000 * DAY));
        let mut known: Vec<(SnapshotName, BTreeMap<String, String>)> = Vec::new();
        for event in events {
            let mut wanted = None;
            match event {
                Event::Import { component, name, version, architecture, phased } => {
                    let debug = NAMES[name].ends_with("-dbgsym");
                    let mut package = Package::new(NAMES[name], VERSIONS[version], ARCHITECTURES[architecture])
                        .field("Source", "tool")
                        .section(if debug { "debug" } else { "misc" });
                    if debug {
                        package = package.ending("ddeb");
                    }
                    house.import("s", Some(COMPONENTS[component]), &[package]);
                    if phased {
                        house.sql("UPDATE binary_package_publishing_history SET phased_update_percentage = 10 WHERE status = 'PENDING'");
                    }
                }
                Event::Remove { name } => {
                    house.sql(&format!(
                        "UPDATE binary_package_publishing_history SET removed_by = 'bob' WHERE status = 'PUBLISHED' AND binary_package_name = '{}'",
                        NAMES[name]
                    ));
                }
                Event::Keep { versions } => {
                    house.sql(&format!("UPDATE archive SET keep_versions = {versions}"));
                }
                Event::Restore { snapshot } if !known.is_empty() => {
                    let (name, texts) = known[snapshot % known.len()].clone();
                    house.restore(&name, OfWaiting::Withdrawn);
                    wanted = Some(texts);
                }
                Event::Restore { .. } => {}
            }
            house.publish(Wanted::Changed);
            if let Some(wanted) = wanted {
                prop_assert_eq!(&house.texts_of_s(), &wanted);
                house.make_snapshots();
                house.publish(Wanted::All);
                prop_assert_eq!(&house.texts_of_s(), &wanted);
                house.assert_consistent();
            }
            if let Some(name) = house.make_snapshots().last() {
                known.push((name.parse().unwrap(), house.texts_of_s()));
            }
            house.now += SignedDuration::from_hours(30);
            house.reap();
        }
    }
}
