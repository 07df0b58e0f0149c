//! Originals go when nothing wants them any more, and not before.

use jiff::SignedDuration;
use pressroom_archive::death_row::expire::{Expire, rehearse};
use pressroom_archive::death_row::{Expired, expire};
use pressroom_archive::disk;
use pressroom_archive::domain::{
    ArchivePurpose, FileDigests, PersonKind, SeriesStatus, Sha256, UploadStatus,
};
use pressroom_archive::store::Db;
use pressroom_archive::store::archive::{archive, create_archive};
use pressroom_archive::store::distribution::distribution;
use pressroom_archive::store::obsolete::{EndedArchives, make_obsolete};
use pressroom_archive::store::person::{NewPerson, create_person};
use pressroom_archive::store::series::SeriesChange;

use crate::fixture::{House, Package, Wanted};

const KEEP: SignedDuration = SignedDuration::from_hours(7 * 24);

impl House {
    fn wish(careful: bool) -> Expire {
        Expire { keep: KEEP, run: None, careful }
    }

    fn expire(&mut self) -> Expired {
        let planned = rehearse(&self.db, Self::wish(false), self.now).unwrap();
        let expired = expire(&mut self.db, &self.librarian, Self::wish(false), self.now).unwrap();
        assert_eq!(planned, expired, "a dry run says what is done");
        expired
    }

    /// Whether the librarian has what has this name in the database now.
    fn is_kept(&self, sha256: &Sha256) -> bool {
        self.librarian.path(sha256).exists()
    }

    fn content_of(&self, filename: &str) -> Sha256 {
        let bytes: Vec<u8> = self.value(&format!(
            "SELECT sha256 FROM library_file_content AS content JOIN library_file_alias AS alias ON alias.content = content.id
             WHERE alias.filename = '{filename}'"
        ));
        Sha256::from_bytes(bytes.try_into().unwrap())
    }

    /// Deletes everything that is published, and takes it out of the pool.
    fn reap_everything(&mut self) {
        for history in ["source_package_publishing_history", "binary_package_publishing_history"] {
            self.sql(&format!(
                "UPDATE {history} SET status = 'DELETED', scheduled_deletion_date = 0 WHERE date_removed IS NULL"
            ));
        }
        self.reap();
    }
}

/// A house whose archive is somebody's.
fn ppa() -> House {
    let mut house = House::new(&["main"], &["amd64"]);
    let (now, reference) = (house.now, "~ann/d/tools".parse().unwrap());
    let of = distribution(house.db.read(), &"d".parse().unwrap()).unwrap();
    house
        .db
        .write(|tx| {
            let ann = "ann".parse().unwrap();
            create_person(tx, &NewPerson { name: &ann, kind: PersonKind::Person, display_name: "Ann" }, now)?;
            create_archive(tx, &of, &reference, ArchivePurpose::Ppa, "tools", now)
        })
        .unwrap();
    house.archive = archive(house.db.read(), &reference).unwrap();
    house.paths =
        pressroom_archive::dists::ArchivePaths::new(&house.folder.path().join("archives"), &reference);
    house
}

#[test]
fn what_has_left_the_archive_of_a_person_is_kept_for_a_week() {
    let mut house = ppa();
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let sha256 = house.content_of("aa_1_amd64.deb");
    assert_eq!(house.expire(), Expired::default());
    house.reap_everything();
    let kept = house.expire();
    assert_eq!((kept.files.len(), kept.kept.len()), (0, 1));
    assert!(kept.kept[0].reason.contains("~ann/d/tools") && kept.kept[0].until.is_some(), "{kept:?}");
    house.now += KEEP - SignedDuration::from_secs(1);
    assert_eq!(house.expire(), Expired::default(), "it is known until when");
    house.now += SignedDuration::from_secs(1);
    let gone = house.expire();
    assert_eq!((gone.files.len(), gone.kept.len()), (1, 0));
    assert!(gone.freed_bytes > 0 && !house.is_kept(&sha256));
    assert_eq!(house.value::<i64>("SELECT count(*) FROM library_file_content"), 0);
    assert_eq!(house.expire(), Expired::default());
    // it may come in anew, as a package of its own
    let report = house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    assert_eq!(report.accepted.len(), 1, "{:?}", report.complaints);
    house.publish(Wanted::Changed);
    assert!(house.is_kept(&sha256));
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["aa 1"]);
}

#[test]
fn what_a_distribution_has_had_is_kept_until_its_series_is_obsolete() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let sha256 = house.content_of("aa_1_amd64.deb");
    house.reap_everything();
    house.now += KEEP * 100;
    let kept = house.expire();
    assert!(kept.kept[0].reason.contains("until its series s is obsolete"), "{kept:?}");
    assert!(house.is_kept(&sha256));
    let (series, now) = (house.shape("s").series.id, house.now);
    house.db.write(|tx| make_obsolete(tx, series, EndedArchives::Distribution, now)).unwrap();
    assert_eq!(house.expire().files.len(), 0, "the series says so itself");
    house.sql("UPDATE distro_series SET status = 'OBSOLETE'");
    house.db.write(|tx| make_obsolete(tx, series, EndedArchives::Distribution, now)).unwrap();
    assert_eq!(house.expire().files.len(), 1);
    assert!(!house.is_kept(&sha256));
}

#[test]
fn what_a_series_has_had_may_go_when_it_is_called_obsolete_and_nothing_more() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.reap_everything();
    assert_eq!(house.expire().kept.len(), 1);
    house.import("s", None, &[Package::new("bb", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Obsolete), ..SeriesChange::default() });
    let expired = house.expire();
    assert_eq!((expired.files.len(), expired.kept.len()), (1, 0), "{expired:?}");
    assert_eq!(expired.files[0].filename, "aa_1_amd64.deb");
}

#[test]
fn a_source_goes_whole_and_leaves_what_another_version_has() {
    let mut house = ppa();
    let orig = house.put("hello_1.orig.tar.gz", b"the original").row();
    for version in ["1-1", "1-2"] {
        let text = format!("Source: hello\nVersion: {version}\n");
        let dsc = house.put(&format!("hello_{version}.dsc"), text.as_bytes());
        let diff = house.put(&format!("hello_{version}.diff.gz"), format!("diff {version}").as_bytes()).row();
        let release = house.source_release("hello", version, &text, dsc, &[orig, diff]);
        house.publish_source("s", release, "hello");
        house.publish(Wanted::Changed);
        house.now += SignedDuration::from_hours(1);
    }
    house.now += SignedDuration::from_hours(24);
    assert_eq!(house.reap().publications, 1);
    house.now += KEEP;
    let gone = house.expire();
    let mut names: Vec<&str> = gone.files.iter().map(|lost| lost.filename.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["hello_1-1.diff.gz", "hello_1-1.dsc"]);
    assert!(house.is_kept(&FileDigests::of(b"the original").sha256));
    house.reap_everything();
    house.now += KEEP;
    assert_eq!(house.expire().files.len(), 3);
    assert!(!house.is_kept(&FileDigests::of(b"the original").sha256));
}

#[test]
fn what_an_upload_or_another_archive_or_a_pool_wants_stays() {
    // an upload that waits for a decision, of the same package
    let mut house = ppa();
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let upload = house.upload("s", "aa", "1", UploadStatus::New);
    house.add_binary(upload, &Package::new("aa", "1", "amd64"), "main");
    house.reap_everything();
    house.now += KEEP * 2;
    let kept = house.expire();
    assert!(kept.files.is_empty() && kept.kept[0].reason.contains("upload"), "{kept:?}");
    house.sql("UPDATE package_upload SET status = 'DONE'");
    house.now += KEEP;
    assert_eq!(house.expire().files.len(), 1);
    // the distribution has the same file
    let mut house = ppa();
    let own = house.archive.clone();
    for reference in ["~ann/d/tools", "d"] {
        house.archive = archive(house.db.read(), &reference.parse().unwrap()).unwrap();
        house.paths = pressroom_archive::dists::ArchivePaths::new(
            &house.folder.path().join("archives"),
            &house.archive.reference,
        );
        house.import("s", None, &[Package::new("aa", "1", "amd64")]);
        house.publish(Wanted::Changed);
    }
    let suites = format!("SELECT id FROM suite WHERE archive = {}", own.id);
    house.sql(&format!("UPDATE binary_package_publishing_history SET status = 'DELETED', scheduled_deletion_date = 0 WHERE suite IN ({suites})"));
    let primary = std::mem::replace(&mut house.archive, own);
    house.reap();
    house.now += KEEP * 2;
    let kept = house.expire();
    assert_eq!(kept.kept[0].reason, format!("a publication in {} has it", primary.reference));
    assert!(house.is_kept(&house.content_of("aa_1_amd64.deb")));
}

#[test]
fn what_died_half_way_is_finished_and_what_came_back_meanwhile_stays() {
    let package = Package::new("aa", "1", "amd64");
    for comes_back in [false, true] {
        let mut house = ppa();
        house.import("s", None, std::slice::from_ref(&package));
        house.publish(Wanted::Changed);
        let sha256 = house.content_of("aa_1_amd64.deb");
        let bytes = std::fs::read(house.librarian.path(&sha256)).unwrap();
        house.reap_everything();
        house.now += KEEP;
        house.expire();
        // the rows have gone, the file has not
        house.librarian.keep_bytes(&bytes, &FileDigests::of(&bytes)).unwrap();
        house.sql("UPDATE expired_content SET date_done = NULL");
        if comes_back {
            assert_eq!(house.import("s", None, std::slice::from_ref(&package)).accepted.len(), 1);
        }
        expire(&mut house.db, &house.librarian, House::wish(false), house.now).unwrap();
        assert_eq!(house.is_kept(&sha256), comes_back);
        assert_eq!(house.value::<i64>("SELECT count(*) FROM expired_content WHERE date_done IS NULL"), 0);
    }
}

#[test]
fn what_came_in_and_belongs_to_nothing_goes_after_a_day_within_a_month() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    let known = house.content_of("aa_1_amd64.deb");
    let texts: Vec<Vec<u8>> = (0..300).map(|number| format!("left behind {number}").into_bytes()).collect();
    let lost: Vec<Sha256> = texts
        .iter()
        .map(|text| {
            let digests = FileDigests::of(text);
            house.librarian.keep_bytes(text, &digests).unwrap();
            digests.sha256
        })
        .collect();
    let other = house.librarian.path(&known).with_file_name("not ours");
    disk::write_staged(&other, b"not ours").unwrap();
    let left = |house: &House| lost.iter().filter(|one| house.is_kept(one)).count();
    // files are as old as the disk says, whatever the house's clock says
    let came_in = house.librarian.path(&lost[299]).metadata().unwrap().modified().unwrap();
    house.now = jiff::Timestamp::try_from(came_in).unwrap();
    let run = |house: &mut House, careful| {
        expire(&mut house.db, &house.librarian, House::wish(careful), house.now).unwrap().swept
    };
    assert_eq!((run(&mut house, true), left(&house)), (0, 300), "it may belong to something in a moment");
    house.now += SignedDuration::from_hours(25);
    let mut swept = Vec::new();
    for _ in 0..30 {
        swept.push(run(&mut house, false));
        house.now += SignedDuration::from_hours(24);
    }
    assert_eq!((swept.iter().sum::<usize>(), left(&house)), (300, 0));
    assert!(swept.iter().all(|one| *one < 60), "a run looks at a part: {swept:?}");
    assert!(house.is_kept(&known) && other.exists());
    assert_eq!(run(&mut house, true), 0);
}

#[test]
fn what_has_expired_cannot_be_published_again_from_its_rows() {
    let mut house = ppa();
    let release = house.source("hello", "1", &[("a", b"a")]);
    house.publish_source("s", release, "hello");
    house.publish(Wanted::Changed);
    house.reap_everything();
    house.now += KEEP;
    assert_eq!(house.expire().files.len(), 2);
    let (suite, component, now) = (house.shape("s").suite.id, house.component("main"), house.now);
    let name = "hello".parse().unwrap();
    let new = pressroom_archive::store::publication::NewSourcePublication {
        suite,
        release: pressroom_archive::store::Made::Known(release),
        name: &name,
        component,
        section: None,
        creator: "test",
    };
    let refused = house
        .db
        .write(|tx| pressroom_archive::store::publication::publish_source(tx, &new, now))
        .unwrap_err();
    assert!(refused.to_string().contains("is not kept any more"), "{refused}");
}

#[test]
fn all_that_ever_left_a_pool_can_be_looked_at_again() {
    let mut house = ppa();
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.reap_everything();
    house.now += KEEP;
    house.sql("DELETE FROM expiry_candidate");
    assert_eq!(house.expire(), Expired::default());
    let planned = rehearse(&house.db, House::wish(true), house.now).unwrap();
    let expired = expire(&mut house.db, &house.librarian, House::wish(true), house.now).unwrap();
    assert_eq!(expired.files.len(), 1);
    assert_eq!(planned, expired, "a dry run says what is done");
}

#[test]
fn a_dry_run_keeps_nobody_from_writing_and_says_once_what_two_packages_have() {
    let mut house = ppa();
    let bytes = b"the original";
    // one content under two names, one name in two sources
    let (orig, other) =
        (house.put("hello_1.orig.tar.gz", bytes).row(), house.put("bye_1.orig.tar.gz", bytes).row());
    for (name, version, file) in [("hello", "1-1", orig), ("hello", "1-2", orig), ("bye", "1-1", other)] {
        let text = format!("Source: {name}\nVersion: {version}\n");
        let dsc = house.put(&format!("{name}_{version}.dsc"), text.as_bytes());
        let release = house.source_release(name, version, &text, dsc, &[file]);
        house.publish_source("s", release, name);
        house.publish(Wanted::Changed);
    }
    house.reap_everything();
    house.now += KEEP;
    // somebody else is writing
    let now = house.now;
    let mut others = Db::open(&house.folder.path().join("db")).unwrap();
    let planned = others
        .write(|tx| {
            tx.execute("UPDATE archive SET description = 'changed'", []).unwrap();
            rehearse(&house.db, House::wish(false), now)
        })
        .unwrap();
    assert_eq!(planned.files.len(), 5, "{planned:?}");
    let contents: i64 = house.value("SELECT sum(file_size) FROM library_file_content");
    assert_eq!(planned.freed_bytes, u64::try_from(contents).unwrap());
    assert_eq!(house.expire(), planned);
}
