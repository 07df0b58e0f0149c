//! The queue: uploads are found by what they are called, and decided about as far as their lives and the archive allow.

use pressroom_archive::domain::UploadStatus::{self, Accepted, Done, New, Rejected, Unapproved};
use pressroom_archive::domain::{SeriesStatus, UploadId};
use pressroom_archive::queue::decide::{Decided, Refused, Verb, decide};
use pressroom_archive::queue::{Asked, Entry, FindError, Use, Word, find};
use pressroom_archive::store::archive::{ArchiveChange, change_archive};
use pressroom_archive::store::package_upload::{self, log_of};
use pressroom_archive::store::series::SeriesChange;

use crate::fixture::{House, Package, Wanted};

fn house() -> House {
    House::new(&["main", "universe"], &["amd64", "arm64"])
}

fn found(house: &House, words: &[&str], asked: Asked<'_>, what_for: Use) -> Result<Vec<i64>, FindError> {
    let words: Vec<Word> = words.iter().map(|word| word.parse().unwrap()).collect();
    let asked = Asked { words: &words, ..asked };
    Ok(find(house.db.read(), &asked, what_for)?.into_iter().map(|upload| upload.id.0).collect())
}

const ANY: Asked<'_> = Asked { words: &[], archive: None, suite: None, statuses: &[], exact: false };

fn ask(house: &mut House, upload: UploadId, verb: Verb) -> Result<Decided, Refused> {
    let now = house.now;
    house.db.write(|tx| decide(tx, upload, verb, "ann", "so it is", now)).unwrap()
}

#[test]
fn uploads_are_found_by_number_name_part_version_and_place() {
    let mut house = house();
    house.source_upload("s", ("gcc", "1"), "main", New);
    house.source_upload("s-updates", ("gcc", "2"), "main", Unapproved);
    house.source_upload("s", ("gcc-doc", "1"), "main", Done);
    let listing = Use::Listing(10);
    let suite = "s-updates".parse().unwrap();
    for (words, asked, expected) in [
        (&[][..], ANY, &[1, 2, 3][..]),
        (&["gcc"], ANY, &[1, 2, 3]),
        (&["cc-d"], ANY, &[3]),
        (&["gcc"], Asked { exact: true, ..ANY }, &[1, 2]),
        (&["gcc/2"], ANY, &[2]),
        (&["gcc/3"], ANY, &[]),
        (&["3", "gcc/1", "3"], ANY, &[1, 3]),
        (&[], Asked { suite: Some(&suite), ..ANY }, &[2]),
        (&["gcc"], Asked { statuses: &[New, Done], ..ANY }, &[1, 3]),
    ] {
        assert_eq!(found(&house, words, asked, listing).unwrap(), expected, "{words:?}");
    }
    assert_eq!(found(&house, &[], ANY, Use::Listing(2)).unwrap(), [2, 3], "the newest, in order");
    assert_eq!(
        found(&house, &[], ANY, Use::Deciding).unwrap(),
        [0; 0],
        "nothing is decided that nobody names"
    );
}

#[test]
fn who_decides_is_asked_back_where_a_word_is_not_clear() {
    let mut house = house();
    house.source_upload("s", ("gcc", "1"), "main", New);
    house.source_upload("s", ("gcc-doc", "1"), "main", New);
    assert!(matches!(
        found(&house, &["gcc"], ANY, Use::Deciding),
        Err(FindError::Several { names, .. }) if names == ["gcc", "gcc-doc"]
    ));
    assert_eq!(found(&house, &["gcc"], Asked { exact: true, ..ANY }, Use::Deciding).unwrap(), [1]);
    assert_eq!(found(&house, &["gcc-"], ANY, Use::Deciding).unwrap(), [2]);
    let waiting = Asked { statuses: &[Unapproved], ..ANY };
    for what_for in [Use::Deciding, Use::Looking(5)] {
        let error = found(&house, &["gcc-"], waiting, what_for).unwrap_err();
        assert!(error.to_string().contains("gcc- means no upload that is UNAPPROVED"), "{error}");
    }
    assert_eq!(found(&house, &["2"], waiting, Use::Deciding).unwrap(), [2], "a number is what it is");
    let suite = "s-updates".parse().unwrap();
    let error = found(&house, &["2"], Asked { suite: Some(&suite), ..ANY }, Use::Deciding).unwrap_err();
    assert_eq!(error.to_string(), "upload 2 (gcc-doc 1) is not for s-updates: it is for s");
    assert!(found(&house, &["9"], ANY, Use::Listing(1)).is_err());
}

#[test]
fn a_decision_is_logged_with_who_and_why() {
    let mut house = house();
    let upload = house.source_upload("s", ("hello", "1"), "main", New);
    let decided = ask(&mut house, upload, Verb::Accept).unwrap();
    assert_eq!((decided.from, decided.to, decided.warnings.len()), (New, Accepted, 0));
    ask(&mut house, upload, Verb::Reject).unwrap();
    ask(&mut house, upload, Verb::Accept).unwrap();
    let log = log_of(house.db.read(), upload).unwrap();
    let lines: Vec<_> =
        log.iter().map(|line| (line.reviewer.as_str(), line.old_status, line.new_status)).collect();
    assert_eq!(
        lines,
        [
            ("pressroom", New, New),
            ("ann", New, Accepted),
            ("ann", Accepted, Rejected),
            ("ann", Rejected, Accepted)
        ]
    );
    assert!(log.iter().skip(1).all(|line| line.comment == "so it is"));
    // what is not in its life changes nothing
    let Refused { reasons } = ask(&mut house, upload, Verb::Accept).unwrap_err();
    assert!(reasons[0].contains("ACCEPTED") && reasons[0].contains("process-accepted"), "{reasons:?}");
    assert_eq!(log_of(house.db.read(), upload).unwrap().len(), 4);
}

#[test]
fn what_is_new_in_a_frozen_series_has_to_be_approved_too() {
    let mut house = house();
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Frozen), ..SeriesChange::default() });
    let both = |house: &mut House, name: &str, verb: Verb| -> (UploadStatus, usize) {
        let upload = house.source_upload("s", (name, "1"), "main", New);
        let decided = ask(house, upload, verb).unwrap();
        (decided.to, log_of(house.db.read(), upload).unwrap().len())
    };
    assert_eq!(both(&mut house, "aa", Verb::Accept), (Unapproved, 2));
    assert_eq!(both(&mut house, "bb", Verb::AcceptAndApprove), (Accepted, 3));
    let upload = house.source_upload("s", ("cc", "1"), "main", Unapproved);
    assert_eq!(ask(&mut house, upload, Verb::Accept).unwrap().to, Accepted);
}

#[test]
fn a_dry_run_says_what_would_be_and_leaves_nothing() {
    let mut house = house();
    let upload = house.source_upload("s", ("hello", "1"), "main", New);
    let now = house.now;
    let decided = house.db.rehearse(|tx| decide(tx, upload, Verb::Accept, "ann", "", now)).unwrap();
    assert_eq!(decided.unwrap().to, Accepted);
    assert_eq!(house.status(upload), New);
    assert_eq!(log_of(house.db.read(), upload).unwrap().len(), 1);
}

#[test]
fn what_has_come_between_an_upload_and_its_publication_is_said_all_at_once() {
    let mut house = house();
    let upload = house.source_upload("s", ("hello", "1"), "universe", New);
    house.add_binary(upload, &Package::new("hello", "1", "riscv64"), "universe");
    // the same name came in by another way, with other content
    let release = house.source("hello", "1", &[("other", b"other\n")]);
    house.publish_source("s-updates", release, "hello");
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() });
    let (archive, component) = (house.archive.clone(), house.component("universe"));
    let change = ArchiveChange { enabled: Some(false), ..ArchiveChange::default() };
    house.db.write(|tx| change_archive(tx, &archive, &change)).unwrap();
    house.db.read().execute("DELETE FROM component_selection WHERE component = ?1", [component.0]).unwrap();
    let Refused { reasons } = ask(&mut house, upload, Verb::AcceptAndApprove).unwrap_err();
    let all = reasons.join("\n");
    for part in [
        "is disabled: enable it",
        "s is CURRENT by now",
        "no component universe any more",
        "hello is for riscv64",
        "hello_1.dsc is in the archive by now with other content",
        "hello_1.tar.gz is in the archive by now with other content",
    ] {
        assert!(all.contains(part), "{part} in {all}");
    }
    assert_eq!(house.status(upload), New);
    // none of this keeps anybody from refusing it
    assert_eq!(ask(&mut house, upload, Verb::Reject).unwrap().to, Rejected);
}

#[test]
fn one_of_two_uploads_of_a_version_comes_in() {
    let mut house = house();
    let first = house.source_upload("s", ("hello", "1"), "main", New);
    let release = house.source("hello", "1", &[("other", b"other\n")]);
    let second = house.upload("s", "hello", "1", New);
    let filed = package_upload::source_of(house.db.read(), first).unwrap().unwrap().filed;
    house.db.write(|tx| package_upload::add_source(tx, second, release, &filed)).unwrap();
    ask(&mut house, first, Verb::Accept).unwrap();
    let Refused { reasons } = ask(&mut house, second, Verb::Accept).unwrap_err();
    assert!(reasons[0].starts_with("upload 1 has brought another hello 1 to d"), "{reasons:?}");
    ask(&mut house, first, Verb::Reject).unwrap();
    ask(&mut house, second, Verb::Accept).unwrap();
}

#[test]
fn whoever_accepts_what_is_old_is_told() {
    let mut house = house();
    let newer = house.source("hello", "2", &[("a", b"a\n")]);
    house.publish_source("s", newer, "hello");
    house.publish(Wanted::Changed);
    let upload = house.source_upload("s", ("hello", "1"), "main", New);
    let decided = ask(&mut house, upload, Verb::Accept).unwrap();
    assert!(decided.warnings[0].contains("s has hello 2 already, which is newer"), "{:?}", decided.warnings);
}

#[test]
fn an_entry_has_everything_that_is_in_an_upload() {
    let mut house = house();
    let upload = house.source_upload("s", ("hello", "1"), "main", New);
    house.add_binary(upload, &Package::new("hello", "1", "amd64"), "universe");
    house.add_binary(upload, &Package::new("hello-doc", "1", "all"), "main");
    let buildinfo = house.put("hello_1_amd64.buildinfo", b"Format: 1.0\n").row();
    house.db.write(|tx| package_upload::add_file(tx, upload, buildinfo)).unwrap();
    let entry =
        Entry::load(house.db.read(), package_upload::upload(house.db.read(), upload).unwrap()).unwrap();
    assert_eq!(entry.kinds(), "source, amd64, all");
    let components: Vec<String> = entry.components().into_iter().map(|(_, name)| name.to_string()).collect();
    assert_eq!(components, ["main", "universe"]);
    let names: Vec<&str> = entry.files.iter().map(|file| file.filename.as_str()).collect();
    assert_eq!(
        names,
        [
            "hello-doc_1_all.deb",
            "hello_1.dsc",
            "hello_1.tar.gz",
            "hello_1_amd64.buildinfo",
            "hello_1_amd64.deb",
            "hello_1_source.changes"
        ]
    );
    assert_eq!(entry.items().len(), 3);
}
