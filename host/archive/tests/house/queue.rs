//! The queue: uploads are found by what they are called, and decided about as far as their lives and the archive allow.

use std::fs;
use std::io::Write;
use std::path::Path;

use pressroom_archive::build;
use pressroom_archive::disk;
use pressroom_archive::domain::UploadStatus::{self, Accepted, Done, New, Rejected, Unapproved};
use pressroom_archive::domain::{Permission, PersonKind, PersonName, Pocket, SeriesStatus, UploadId};
use pressroom_archive::people::Actor;
use pressroom_archive::queue::decide::{Decided, Refused, Review, Verb, decide};
use pressroom_archive::queue::diff::{FileFacts, Limits, diff};
use pressroom_archive::queue::fetch::{Fate, FetchError, fetch};
use pressroom_archive::queue::overrides::{Meant, Wish, file_otherwise};
use pressroom_archive::queue::{Asked, Entry, FindError, Use, Word, find};
use pressroom_archive::store::StoreError;
use pressroom_archive::store::archive::{ArchiveChange, change_archive};
use pressroom_archive::store::archive_permission::{NewPermission, Scope, grant};
use pressroom_archive::store::package_upload::{self, Filed, log_of};
use pressroom_archive::store::person::{self, NewPerson, create_person};
use pressroom_archive::store::removal::{Removal, RemovedPackages, request_removal};
use pressroom_archive::store::series::SeriesChange;

use crate::fixture::{House, Package, Wanted, tar_gz};

fn house() -> House {
    House::new(&["main", "universe"], &["amd64", "arm64"])
}

fn found(house: &House, words: &[&str], asked: Asked<'_>, what_for: Use) -> Result<Vec<i64>, FindError> {
    let words: Vec<Word> = words.iter().map(|word| word.parse().unwrap()).collect();
    let asked = Asked { words: &words, ..asked };
    Ok(find(house.db.read(), &asked, what_for)?.into_iter().map(|upload| upload.id.0).collect())
}

const ANY: Asked<'_> = Asked { words: &[], archive: None, suite: None, statuses: &[], exact: false };

fn operator() -> Actor {
    Actor::Operator { name: "ann".to_owned() }
}

fn ask(house: &mut House, upload: UploadId, verb: Verb) -> Result<Decided, Refused> {
    let now = house.now;
    let review = Review { actor: &operator(), comment: "so it is", now };
    house.db.write(|tx| decide(tx, upload, verb, &review)).unwrap()
}

#[test]
fn who_asks_for_an_upload_that_is_not_there_is_told_of_the_newest() {
    let mut house = House::new(&["main"], &["amd64"]);
    let asked =
        |house: &House| package_upload::upload(house.db.read(), UploadId(99)).unwrap_err().to_string();
    assert!(asked(&house).ends_with("no upload 99: there is none yet"), "{}", asked(&house));
    for version in 1..=12 {
        house.upload("s", "hello", &version.to_string(), UploadStatus::New);
    }
    assert!(
        asked(&house).ends_with("no upload 99: there is 12, 11, 10, 9, 8, 7, 6, 5, 4, 3"),
        "{}",
        asked(&house)
    );
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
    let Refused { reasons, .. } = ask(&mut house, upload, Verb::Accept).unwrap_err();
    assert!(reasons[0].contains("ACCEPTED") && reasons[0].contains("process-accepted"), "{reasons:?}");
    assert_eq!(ask(&mut house, upload, Verb::Accept).unwrap_err().status, Accepted, "whatever it was before");
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
    let review = Review { actor: &operator(), comment: "", now };
    let decided = house.db.rehearse(|tx| decide(tx, upload, Verb::Accept, &review)).unwrap();
    assert_eq!(decided.unwrap().to, Accepted);
    assert_eq!(house.status_of(upload), New);
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
    let Refused { reasons, .. } = ask(&mut house, upload, Verb::AcceptAndApprove).unwrap_err();
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
    assert_eq!(house.status_of(upload), New);
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
    let Refused { reasons, .. } = ask(&mut house, second, Verb::Accept).unwrap_err();
    assert!(reasons[0].starts_with("upload 1 has brought another hello 1 to d"), "{reasons:?}");
    ask(&mut house, first, Verb::Reject).unwrap();
    ask(&mut house, second, Verb::Accept).unwrap();
}

/// An upload of what two builds of hello have both made, with other content.
fn built_twice(house: &mut House, other: &str) -> [UploadId; 2] {
    let mut build = |more: &[(&str, &str)]| {
        let upload = house.upload("s", "hello", "1", New);
        let doc = more
            .iter()
            .fold(Package::new("hello-doc", "1", "all"), |doc, (name, value)| doc.field(name, value));
        house.add_binary(upload, &doc, "main");
        upload
    };
    [build(&[]), build(&[("Homepage", other)])]
}

#[test]
fn of_two_uploads_that_bring_a_file_name_with_other_content_one_comes_in() {
    let mut house = house();
    let [first, second] = built_twice(&mut house, "https://example.org/arm64");
    // while both wait, either may
    ask(&mut house, second, Verb::Accept).unwrap();
    let Refused { reasons, status } = ask(&mut house, first, Verb::Accept).unwrap_err();
    assert_eq!(status, New);
    assert_eq!(
        reasons,
        [
            "hello-doc_1_all.deb has other content in upload 2, which was accepted: a file name is used once, so reject one of the two"
        ]
    );
    ask(&mut house, second, Verb::Reject).unwrap();
    ask(&mut house, first, Verb::Accept).unwrap();
    assert!(ask(&mut house, second, Verb::Accept).is_err(), "after all, neither");
    // the same content is no other
    let mut house = self::house();
    let upload = house.upload("s", "hello", "1", New);
    house.add_binary(upload, &Package::new("hello-doc", "1", "all"), "main");
    let [same, _] = built_twice(&mut house, "https://example.org");
    ask(&mut house, upload, Verb::Accept).unwrap();
    ask(&mut house, same, Verb::Accept).unwrap();
}

#[test]
fn packages_whose_source_has_gone_are_not_accepted() {
    let mut house = house();
    let release = house.source("hello", "1", &[("main.c", b"int main;\n")]);
    house.publish_source("s", release, "hello");
    house.publish(Wanted::Changed);
    let upload = house.upload("s", "hello", "1", New);
    house.add_binary(upload, &Package::new("hello", "1", "amd64"), "main");
    let (archive, shape, now) = (house.archive.clone(), house.shape("s"), house.now);
    house
        .db
        .write(|tx| {
            let amd64 = "amd64".parse().unwrap();
            let build = build::attach(tx, &archive, &shape, release, &amd64, None, now)?.unwrap();
            package_upload::add_build(tx, upload, build)
        })
        .unwrap();
    let now = house.now;
    let review = Review { actor: &operator(), comment: "", now };
    assert!(house.db.rehearse(|tx| decide(tx, upload, Verb::Accept, &review)).unwrap().is_ok());
    // asked for is as good as done
    let removal = Removal {
        suite: shape.suite.id,
        name: "hello",
        extent: RemovedPackages::SourceAndBinaries,
        by: "ann",
        comment: "a hole",
    };
    house.db.write(|tx| request_removal(tx, &removal, now)).unwrap();
    for _ in 0..2 {
        let Refused { reasons, .. } = ask(&mut house, upload, Verb::Accept).unwrap_err();
        assert!(
            reasons[0].starts_with("its source hello 1 is neither published nor accepted in s of d any more"),
            "{reasons:?}"
        );
        house.publish(Wanted::Changed);
    }
    // and an upload that brings it again will do
    let again = house.upload("s", "hello", "1", New);
    let filed = Filed { component: house.component("main"), section: None, priority: None, is_new: true };
    house.db.write(|tx| package_upload::add_source(tx, again, release, &filed)).unwrap();
    ask(&mut house, again, Verb::Accept).unwrap();
    ask(&mut house, upload, Verb::Accept).unwrap();
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

fn wish(component: Option<&str>, section: Option<&str>, priority: Option<&str>) -> Wish {
    Wish {
        component: component.map(|text| text.parse().unwrap()),
        section: section.map(|text| text.parse().unwrap()),
        priority: priority.map(|text| text.parse().unwrap()),
    }
}

fn file(
    house: &mut House,
    upload: UploadId,
    meant: Meant<'_>,
    wish: &Wish,
) -> Result<Vec<String>, Vec<String>> {
    let review = Review { actor: &operator(), comment: "for it is so", now: house.now };
    let filed = house.db.write(|tx| file_otherwise(tx, upload, meant, wish, &review)).unwrap();
    filed.map(|changes| changes.iter().map(ToString::to_string).collect())
}

#[test]
fn packages_are_filed_otherwise_and_it_is_logged() {
    let mut house = house();
    let upload = house.source_upload("s", ("hello", "1"), "universe", New);
    house.add_binary(upload, &Package::new("hello", "1", "amd64"), "universe");
    house.add_binary(upload, &Package::new("hello-doc", "1", "all"), "universe");
    let moved = wish(Some("main"), Some("net"), None);
    assert_eq!(
        file(&mut house, upload, Meant::Source, &moved).unwrap(),
        ["source hello: component universe to main, section misc to net"]
    );
    let names = ["hello-doc".to_owned()];
    assert_eq!(
        file(&mut house, upload, Meant::Binaries(&names), &wish(None, None, Some("extra"))).unwrap(),
        ["all hello-doc: priority optional to extra"]
    );
    assert_eq!(file(&mut house, upload, Meant::Binaries(&[]), &moved).unwrap().len(), 2);
    assert_eq!(file(&mut house, upload, Meant::Source, &moved).unwrap(), ["source hello: as it was"]);
    let entry =
        Entry::load(house.db.read(), package_upload::upload(house.db.read(), upload).unwrap()).unwrap();
    let filed: Vec<String> = entry
        .items()
        .into_iter()
        .map(|item| {
            let priority = item.priority.map_or_else(|| "-".to_owned(), |priority| priority.to_string());
            format!("{} {} {} {priority}", item.name, item.component, item.section.unwrap())
        })
        .collect();
    let main = house.component("main");
    assert_eq!(entry.components(), [(main, "main".parse().unwrap())]);
    assert_eq!(filed, ["hello main net -", "hello main net optional", "hello-doc main net extra"]);
    let log = log_of(house.db.read(), upload).unwrap();
    assert_eq!(log.len(), 5, "what was as it was is not logged");
    assert_eq!(log[1].comment, "source hello: component universe to main, section misc to net: for it is so");
    assert_eq!((log[1].reviewer.as_str(), log[1].old_status, log[1].new_status), ("ann", New, New));
}

#[test]
fn what_cannot_be_filed_so_is_said_with_every_reason() {
    let mut house = house();
    let upload = house.source_upload("s", ("hello", "1"), "main", Done);
    house.add_binary(upload, &Package::new("hello", "1", "amd64"), "main");
    let names = ["hello-dbg".to_owned()];
    let bad = wish(Some("multiverse"), Some("universe/net"), Some("urgent"));
    let reasons = file(&mut house, upload, Meant::Binaries(&names), &bad).unwrap_err();
    for (reason, part) in reasons.iter().zip([
        "file those otherwise with `pressroom change-override`",
        "s has no component multiverse: it has main, universe",
        "say --section net and --component apart",
        "there is no priority urgent",
        "upload 1 has no binary package hello-dbg: it has hello",
    ]) {
        assert!(reason.contains(part), "{reason}");
    }
    assert_eq!(reasons.len(), 5);
    let bare = house.upload("s", "hello", "2", New);
    let net = wish(None, Some("net"), None);
    assert!(file(&mut house, bare, Meant::Source, &net).unwrap_err()[0].contains("has no source"));
    assert!(
        file(&mut house, bare, Meant::Binaries(&[]), &net).unwrap_err()[0].contains("has no binary package")
    );
    assert_eq!(log_of(house.db.read(), upload).unwrap().len(), 1);
}

fn fetched(house: &House, upload: UploadId, folder: &Path, dry_run: bool) -> Result<Vec<Fate>, FetchError> {
    let entry =
        Entry::load(house.db.read(), package_upload::upload(house.db.read(), upload).unwrap()).unwrap();
    let fetched = fetch(&house.librarian, &entry.files, folder, dry_run)?;
    Ok(fetched.into_iter().map(|one| one.fate).collect())
}

#[test]
fn files_are_written_as_they_came_and_never_over_others() {
    let mut house = house();
    let upload = house.source_upload("s", ("hello", "1"), "main", New);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert_eq!(fetched(&house, upload, folder.path(), true).unwrap(), [Fate::Written; 3]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    assert_eq!(fetched(&house, upload, folder.path(), false).unwrap(), [Fate::Written; 3]);
    assert!(fs::read_to_string(path("hello_1.dsc")).unwrap().starts_with("Format: 3.0 (native)\n"));
    assert_eq!(fetched(&house, upload, folder.path(), false).unwrap(), [Fate::WasThere; 3]);
    // what is done to the copy does not reach the original
    disk::write_staged(&path("hello_1.dsc"), b"other").unwrap();
    fs::remove_file(path("hello_1.tar.gz")).unwrap();
    for dry_run in [true, false] {
        let error = fetched(&house, upload, folder.path(), dry_run).unwrap_err();
        assert!(error.to_string().contains("hello_1.dsc is there already"), "{error}");
    }
    assert_eq!(fs::read(path("hello_1.dsc")).unwrap(), b"other");
    assert!(!path("hello_1.tar.gz").exists(), "nothing is written where one is in the way");
    // a link is not followed, whatever it leads to
    fs::remove_file(path("hello_1.dsc")).unwrap();
    disk::symlink(Path::new("/dev/null"), &path("hello_1.dsc")).unwrap();
    assert!(fetched(&house, upload, folder.path(), false).is_err());
    fs::remove_file(path("hello_1.dsc")).unwrap();
    assert_eq!(
        fetched(&house, upload, folder.path(), false).unwrap(),
        [Fate::Written, Fate::Written, Fate::WasThere]
    );
}

#[test]
fn a_damaged_original_is_not_handed_out() {
    let mut house = house();
    let upload = house.source_upload("s", ("hello", "1"), "main", New);
    let entry =
        Entry::load(house.db.read(), package_upload::upload(house.db.read(), upload).unwrap()).unwrap();
    let content = entry.files[0].content.clone().unwrap();
    disk::write_staged(&house.librarian.path(&content.sha256), b"damaged").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let error = fetched(&house, upload, folder.path(), false).unwrap_err();
    assert!(error.to_string().contains("the original of hello_1.dsc is damaged"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// What is told of an upload's packages, in short lines.
fn compared(house: &House, upload: UploadId) -> Vec<String> {
    let entry =
        Entry::load(house.db.read(), package_upload::upload(house.db.read(), upload).unwrap()).unwrap();
    let items = diff(house.db.read(), &house.librarian, &entry, &Limits::some()).unwrap();
    let mut lines = Vec::new();
    for item in items {
        let against = item.against.map_or_else(
            || "nothing".to_owned(),
            |against| format!("{} {} {}", against.version, against.suite, against.archive),
        );
        lines.push(format!("{} {} {} beside {against}", item.kind, item.name, item.version));
        lines.extend(item.troubles);
        for field in item.fields {
            lines.push(format!(
                "{}: -{:?} +{:?}",
                field.name,
                field.old.unwrap_or_default(),
                field.new.unwrap_or_default()
            ));
        }
        for file in item.parts.files.into_iter().chain(item.files.files) {
            let facts = |facts: Option<FileFacts>| facts.map_or_else(String::new, |facts| facts.to_string());
            let bytes = if file.other_bytes { " other bytes" } else { "" };
            lines.push(format!("{} {:?} {:?}{bytes}", file.path, facts(file.old), facts(file.new)));
        }
        for text in item.texts {
            lines.push(format!("{}: {}", text.name, text.lines.join("|")));
        }
    }
    lines
}

fn add_source(
    house: &mut House,
    suite: &str,
    name: &str,
    version: &str,
    files: &[(&str, &[u8])],
) -> UploadId {
    let release = house.source(name, version, files);
    let upload = house.upload(suite, name, version, New);
    let filed = Filed { component: house.component("main"), section: None, priority: None, is_new: false };
    house.db.write(|tx| package_upload::add_source(tx, upload, release, &filed)).unwrap();
    upload
}

#[test]
fn a_source_is_compared_with_what_is_published_of_it() {
    let mut house = house();
    let control = b"Source: hello\nBuild-Depends: debhelper\n";
    let old = house.source("hello", "1", &[("debian/control", control), ("main.c", b"a\n"), ("gone.c", b"")]);
    house.publish_source("s", old, "hello");
    house.publish(Wanted::Changed);
    let files: [(&str, &[u8]); 3] = [
        ("debian/control", b"Source: hello\nBuild-Depends: debhelper\nX: \x1b[2J\n"),
        ("main.c", b"b\n"),
        ("debian/rules", b"\xff\xfe"),
    ];
    let upload = add_source(&mut house, "s-updates", "hello", "2", &files);
    let lines = compared(&house, upload);
    assert_eq!(lines[0], "source hello 2 beside 1 s d", "from the release pocket, where the suite has none");
    for line in [
        "Version: -\"1\" +\"2\"",
        "debian/control \"-rw-r--r-- ?/? 39\" \"-rw-r--r-- ?/? 47\" other bytes",
        "debian/rules \"\" \"-rw-r--r-- ?/? 2\"",
        "gone.c \"-rw-r--r-- ?/? 0\" \"\"",
        "main.c \"-rw-r--r-- ?/? 2\" \"-rw-r--r-- ?/? 2\" other bytes",
        "debian/control: @@ -1,2 +1,3 @@| Source: hello| Build-Depends: debhelper|+X: \\u{1b}[2J",
        "debian/rules: 0 bytes before, 2 bytes now: not compared",
    ] {
        assert!(lines.iter().any(|one| one == line), "{line} in {lines:#?}");
    }
    assert!(lines[0..].iter().all(|line| !line.starts_with("Checksums")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("hello_2.tar.gz \"\"")), "{lines:?}");
}

#[test]
fn what_has_no_ancestor_is_shown_whole_and_what_is_elsewhere_is_none() {
    let mut house = house();
    let old = house.source("hello", "1", &[("main.c", b"a\n")]);
    house.publish_source("s-proposed", old, "hello");
    let upload = add_source(&mut house, "s", "hello", "2", &[("debian/control", b"Source: hello\n")]);
    let lines = compared(&house, upload);
    assert_eq!(lines[0], "source hello 2 beside nothing");
    assert!(lines.contains(&"debian/control: @@ -0,0 +1 @@|+Source: hello".to_owned()), "{lines:?}");
}

#[test]
fn a_binary_package_is_compared_by_fields_scripts_and_files() {
    let mut house = house();
    let mut old = Package::new("hello", "1", "amd64").files(&["./usr/bin/hello", "./usr/bin/old"]);
    old.scripts = vec![("postinst".into(), "#!/bin/sh\nset -e\n".into())];
    house.import("s", None, &[old]);
    house.publish(Wanted::Changed);
    let upload = house.upload("s", "hello", "2", New);
    let mut new =
        Package::new("hello", "2", "amd64").files(&["./usr/bin/hello", "./usr/bin/new"]).section("net");
    new.scripts = vec![
        ("postinst".into(), "#!/bin/sh\nset -e\nrm -rf /\n".into()),
        ("prerm".into(), "exit 0\n".into()),
    ];
    house.add_binary(upload, &new, "main");
    let lines = compared(&house, upload);
    assert_eq!(
        lines,
        [
            "binary hello 2 beside 1 s d",
            "Version: -\"1\" +\"2\"",
            "Section: -\"misc\" +\"net\"",
            "postinst \"-rw-r--r-- ?/? 17\" \"-rw-r--r-- ?/? 26\" other bytes",
            "prerm \"\" \"-rw-r--r-- ?/? 7\"",
            "usr/bin/new \"\" \"-rw-r--r-- ?/? 0\"",
            "usr/bin/old \"-rw-r--r-- ?/? 0\" \"\"",
            "postinst: @@ -1,2 +1,3 @@| #!/bin/sh| set -e|+rm -rf /",
            "prerm: @@ -0,0 +1 @@|+exit 0",
        ]
    );
}

#[test]
fn what_cannot_be_read_is_a_word_about_it() {
    let mut house = house();
    let upload = add_source(&mut house, "s", "hello", "2", &[("debian/control", b"Source: hello\n")]);
    let entry =
        Entry::load(house.db.read(), package_upload::upload(house.db.read(), upload).unwrap()).unwrap();
    let tarball = entry.files.iter().find(|file| file.filename.as_str() == "hello_2.tar.gz").unwrap();
    let path = house.librarian.path(&tarball.content.as_ref().unwrap().sha256);
    disk::write_staged(&path, b"damaged").unwrap();
    let lines = compared(&house, upload);
    assert!(lines[1].starts_with("in the upload: hello_2.tar.gz: it cannot be decompressed"), "{lines:?}");
    fs::remove_file(&path).unwrap();
    assert!(compared(&house, upload)[1].starts_with("in the upload: cannot open the original"));
}

#[test]
fn sources_of_every_format_are_put_together_as_they_unpack() {
    let mut house = house();
    let tar = |files: &[(&str, &[u8])]| tar_gz(files);
    let gz = |text: &str| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(text.as_bytes()).unwrap();
        gz.finish().unwrap()
    };
    let upstream = tar(&[("hello-1/debian/rules", b"upstream's\n"), ("hello-1/a.c", b"a\n")]);
    let docs = tar(&[("docs-1/manual", b"m\n")]);
    let of = |house: &mut House, version: &str, parts: &[(&str, &[u8])]| -> UploadId {
        let dsc = format!("Source: hello\nVersion: {version}\n");
        let dsc_file = house.put(&format!("hello_{version}.dsc"), dsc.as_bytes());
        let files: Vec<_> = parts.iter().map(|(name, bytes)| house.put(name, bytes).row()).collect();
        let release = house.source_release("hello", version, &dsc, dsc_file, &files);
        let upload = house.upload("s", "hello", version, New);
        let filed =
            Filed { component: house.component("main"), section: None, priority: None, is_new: false };
        house.db.write(|tx| package_upload::add_source(tx, upload, release, &filed)).unwrap();
        house.publish_source("s", release, "hello");
        upload
    };
    let debian = |rules: &[u8]| tar(&[("./debian/rules", rules)]);
    of(
        &mut house,
        "1-1",
        &[
            ("hello_1.orig.tar.gz", &upstream),
            ("hello_1.orig-docs.tar.gz", &docs),
            ("hello_1-1.debian.tar.gz", &debian(b"one\n")),
        ],
    );
    let second = of(
        &mut house,
        "1-2",
        &[
            ("hello_1.orig.tar.gz", &upstream),
            ("hello_1.orig-docs.tar.gz", &docs),
            ("hello_1-2.debian.tar.gz", &debian(b"two\n")),
        ],
    );
    let lines = compared(&house, second);
    assert!(lines.contains(&"debian/rules: @@ -1 +1 @@|-one|+two".to_owned()), "{lines:#?}");
    // what both have is not looked at
    assert!(!lines.iter().any(|line| line.contains("a.c") || line.contains("orig")), "{lines:#?}");
    // the same upstream under format 1.0
    let patch = gz("--- hello-1.orig/debian/rules\n+++ hello-1/debian/rules\n@@ -0,0 +1 @@\n+three\n");
    let third = of(&mut house, "1-3", &[("hello_1.orig.tar.gz", &upstream), ("hello_1-3.diff.gz", &patch)]);
    let lines = compared(&house, third);
    assert_eq!(lines[0], "source hello 1-3 beside 1-2 s d");
    assert!(lines.contains(&"debian/rules: @@ -1 +1 @@|-two|+three".to_owned()), "{lines:#?}");
    assert!(lines.contains(&"docs/manual \"-rw-r--r-- ?/? 2\" \"\"".to_owned()), "{lines:#?}");
}

impl House {
    /// A person who may decide about a part of the archive.
    fn admin(&mut self, name: &str, scopes: &[Scope]) -> Actor {
        let (archive, now) = (self.archive.id, self.now);
        let name: PersonName = name.parse().unwrap();
        let added: Result<(), StoreError> = self.db.write(|tx| {
            let new = NewPerson { name: &name, kind: PersonKind::Person, display_name: name.as_str() };
            let person = create_person(tx, &new, now)?;
            for scope in scopes {
                let permission = Permission::QueueAdmin;
                grant(tx, &NewPermission { archive, person, permission, scope, series: None }, "test", now)?;
            }
            Ok(())
        });
        added.unwrap();
        Actor::Person(person::person(self.db.read(), &name).unwrap())
    }

    fn over(&self, component: &str) -> Scope {
        Scope::Component(self.component(component), component.parse().unwrap())
    }
}

fn ask_as(
    house: &mut House,
    actor: &Actor,
    upload: UploadId,
    verb: Verb,
) -> Result<UploadStatus, Vec<String>> {
    let review = Review { actor, comment: "word", now: house.now };
    let decided = house.db.rehearse(|tx| decide(tx, upload, verb, &review)).unwrap();
    decided.map(|decided| decided.to).map_err(|refused| refused.reasons)
}

#[test]
fn who_decides_has_a_right_over_every_component_of_an_upload_or_over_its_pocket() {
    let mut house = house();
    let in_main = house.source_upload("s", ("aa", "1"), "main", New);
    let in_both = house.source_upload("s", ("bb", "1"), "main", New);
    house.add_binary(in_both, &Package::new("bb", "1", "amd64"), "universe");
    let in_updates = house.source_upload("s-updates", ("cc", "1"), "universe", Unapproved);
    let (main, universe) = (house.over("main"), house.over("universe"));
    let nobody = house.admin("nobody", &[]);
    let of_main = house.admin("of-main", std::slice::from_ref(&main));
    let of_both = house.admin("of-both", &[main, universe]);
    let of_updates = house.admin("of-updates", &[Scope::Pocket(Pocket::Updates)]);
    let of_all = house.admin("of-all", &[Scope::Archive]);
    // who; which of the three
    for (actor, expected) in [
        (&nobody, [false, false, false]),
        (&of_main, [true, false, false]),
        (&of_both, [true, true, true]),
        (&of_updates, [false, false, true]),
        (&of_all, [true, true, true]),
        (&operator(), [true, true, true]),
    ] {
        for (upload, expected) in [in_main, in_both, in_updates].into_iter().zip(expected) {
            for verb in [Verb::Accept, Verb::Reject] {
                let asked = ask_as(&mut house, actor, upload, verb);
                assert_eq!(asked.is_ok(), expected, "{} {upload} {verb:?} {asked:?}", actor.name());
            }
        }
    }
    let reasons = ask_as(&mut house, &of_main, in_both, Verb::Accept).unwrap_err();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].contains("of-main") && reasons[0].contains("universe"), "{reasons:?}");
    assert!(reasons[0].contains("pressroom permission grant"), "{reasons:?}");
}

#[test]
fn who_files_packages_otherwise_has_a_right_over_where_they_were_and_where_they_go() {
    let mut house = house();
    let upload = house.source_upload("s", ("aa", "1"), "universe", New);
    let (main, universe) = (house.over("main"), house.over("universe"));
    let of_main = house.admin("of-main", std::slice::from_ref(&main));
    let of_universe = house.admin("of-universe", std::slice::from_ref(&universe));
    let of_both = house.admin("of-both", &[main, universe]);
    let to_main = wish(Some("main"), None, None);
    let to_net = wish(None, Some("net"), None);
    for (actor, wish, expected) in [
        (&of_main, &to_main, false),
        (&of_universe, &to_main, false),
        (&of_both, &to_main, true),
        (&of_universe, &to_net, true),
        (&of_main, &to_net, false),
    ] {
        let review = Review { actor, comment: "", now: house.now };
        let filed = house.db.rehearse(|tx| file_otherwise(tx, upload, Meant::Source, wish, &review)).unwrap();
        assert_eq!(filed.is_ok(), expected, "{} {wish:?} {filed:?}", actor.name());
    }
}

#[test]
fn the_log_says_which_person_it_was() {
    let mut house = house();
    let upload = house.source_upload("s", ("aa", "1"), "main", New);
    let main = house.over("main");
    let actor = house.admin("ann", &[main]);
    let review = Review { actor: &actor, comment: "fine", now: house.now };
    house.db.write(|tx| decide(tx, upload, Verb::Accept, &review)).unwrap().unwrap();
    assert_eq!(log_of(house.db.read(), upload).unwrap()[1].reviewer, "ann");
}
