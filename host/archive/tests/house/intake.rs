//! Uploads from a folder to the queue: signed by people, judged, moved, told.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::SignedDuration;
use pressroom_archive::accept::process_accepted;
use pressroom_archive::build::create::create_builds;
use pressroom_archive::build::{cancel, retry};
use pressroom_archive::disk;
use pressroom_archive::domain::{
    ArchivePurpose, BuildId, FileDigests, Permission, PersonKind, SeriesStatus, Sha256, UploadId,
    UploadPolicy, UploadStatus, UploadVerdict,
};
use pressroom_archive::format::changes::Urgency;
use pressroom_archive::notify::Letterhead;
use pressroom_archive::openpgp::{OwnKey, Signer};
use pressroom_archive::store::archive::{ArchiveChange, archive, change_archive, create_archive};
use pressroom_archive::store::archive_permission::{NewPermission, Scope, grant};
use pressroom_archive::store::distribution::{DistributionChange, change_distribution, distribution};
use pressroom_archive::store::openpgp_key::{NewKey, keep_key};
use pressroom_archive::store::person::{NewPerson, PersonChange, change_person, create_person, person_by_id};
use pressroom_archive::store::removal::{Removal, RemovedPackages, request_removal};
use pressroom_archive::store::series::{SeriesChange, add_component, create_series, series_of};
use pressroom_archive::store::series_link::{set_aliases, set_inherits_from};
use pressroom_archive::store::{StoreError, package_upload, upload_receipt};
use pressroom_archive::upload::checks::Limits;
use pressroom_archive::upload::incoming::Patience;
use pressroom_archive::upload::process::{
    Afterwards, Done, House as Hands, Mode, Options, ProcessError, Report, process,
};

use crate::fixture::{House, Package, Wanted, tar_gz};

/// A house with a folder for uploads, and Ann, who may upload.
struct Gate {
    house: House,
    base: PathBuf,
    ann: OwnKey,
    options: Options,
}

impl Gate {
    fn new() -> Self {
        let mut house = House::new(&["main", "extra"], &["amd64"]);
        let base = house.folder.path().join("base");
        fs::create_dir_all(base.join("incoming")).unwrap();
        // signatures are not from the future
        let ann = OwnKey::generate("Ann Uploader <ann@example.org>", house.now).unwrap();
        let (archive, now) = (house.archive.id, house.now);
        house
            .db
            .write(|tx| {
                let name = "ann".parse().unwrap();
                let new = NewPerson { name: &name, kind: PersonKind::Person, display_name: "Ann Uploader" };
                let person = create_person(tx, &new, now)?;
                let change = PersonChange {
                    emails: Some(vec!["ann@example.org".parse().unwrap()]),
                    ..PersonChange::default()
                };
                change_person(tx, &person_by_id(tx, person)?, &change)?;
                let fingerprint = ann.fingerprint().to_owned();
                let key_id = fingerprint[fingerprint.len() - 16..].to_owned();
                let key = NewKey {
                    person,
                    fingerprint: &fingerprint,
                    certificate: &ann.public_key().unwrap().binary,
                    parts: &[(fingerprint.clone(), key_id)],
                };
                keep_key(tx, &key, now)?;
                let right = NewPermission {
                    archive,
                    person,
                    permission: Permission::Upload,
                    scope: &Scope::Archive,
                    series: None,
                };
                grant(tx, &right, "test", now)
            })
            .unwrap();
        let options = Options {
            policy: UploadPolicy::Insecure,
            context: "insecure".to_owned(),
            leaf: None,
            mode: Mode::Real,
            afterwards: Afterwards::Move,
            patience: Patience {
                settle: SignedDuration::ZERO,
                grace: SignedDuration::ZERO,
                orphans: SignedDuration::ZERO,
            },
            limits: Limits::default(),
            build: None,
        };
        Self { house, base, ann, options }
    }

    fn try_run(&mut self) -> Result<Report, ProcessError> {
        let now = self.house.now;
        let letterhead = Letterhead {
            sender: "Archive <archive@example.org>".parse().unwrap(),
            bounces: "archive@example.org".parse().unwrap(),
            site: "here".to_owned(),
            templates: self.house.folder.path().join("templates"),
            operators: Vec::new(),
        };
        let mut hands = Hands {
            db: &mut self.house.db,
            librarian: &self.house.librarian,
            base: &self.base,
            letterhead: Some(&letterhead),
        };
        process(&mut hands, &self.options, &|| now, &|| true)
    }

    fn run(&mut self) -> Report {
        self.try_run().unwrap()
    }

    fn run_one(&mut self) -> Done {
        let report = self.run();
        assert!(report.troubles.is_empty() && report.arriving.is_empty(), "{report:?}");
        let [done] = &report.done[..] else { panic!("{report:?}") };
        done.clone()
    }

    /// Puts a source into a folder of incoming; signed by Ann.
    fn put(&self, folder: &str, source: &Source) -> PathBuf {
        let at = self.base.join("incoming").join(folder);
        for (name, bytes) in source.files(|text| self.signed(text)) {
            disk::write_staged(&at.join(name), &bytes).unwrap();
        }
        at
    }

    fn signed(&self, text: &str) -> Vec<u8> {
        // each signature is of another moment: a second one of the same text is another word
        self.ann.clear(text, self.house.now).unwrap()
    }

    fn later(&mut self) {
        self.house.now += SignedDuration::from_secs(60);
    }

    fn mails(&self) -> Vec<(String, String)> {
        let mut statement =
            self.house.db.read().prepare("SELECT topic, recipients FROM outbox_message ORDER BY id").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        self.house.db.read().query_row(&sql, [], |row| row.get(0)).unwrap()
    }

    fn status(&mut self, status: pressroom_archive::domain::SeriesStatus) {
        self.house.change_series(&SeriesChange { status: Some(status), ..SeriesChange::default() });
    }

    fn change_upload(&mut self, upload: i64, to: UploadStatus) {
        let (id, now) = (UploadId(upload), self.house.now);
        let from = package_upload::upload(self.house.db.read(), id).unwrap().status;
        self.house.db.write(|tx| package_upload::change_status(tx, id, (from, to), "ann", "", now)).unwrap();
    }

    /// Publishes a source as what was there before.
    fn publish(&mut self, name: &str, version: &str) {
        let release = self.house.source(name, version, &[("debian/changelog", b"x")]);
        self.house.publish_source("s", release, name);
        self.house.publish(Wanted::Changed);
    }

    /// Puts what a builder made of hello into incoming.
    fn put_binary(&self, version: &str) {
        let incoming = self.base.join("incoming");
        let name = format!("hello_{version}_amd64");
        let deb = Package::new("hello", version, "amd64").write(&incoming);
        let lists = lists(&[(&format!("{name}.deb"), &fs::read(&deb).unwrap())], Some("misc"));
        let text = format!(
            "Format: 1.8\nDate: Mon, 01 Jan 2024 00:00:00 +0000\nSource: hello\nBinary: hello\nArchitecture: amd64\nVersion: {version}\nDistribution: s\n\
             Urgency: medium\nMaintainer: Ann Uploader <ann@example.org>\nChanged-By: Ann Uploader <ann@example.org>\n\
             Changes:\n hello ({version}) s; urgency=medium\n{lists}"
        );
        disk::write_staged(&incoming.join(format!("{name}.changes")), text.as_bytes()).unwrap();
    }

    /// Publishes a source of version 1.0 and brings its build for amd64 to a status.
    fn with_build(&mut self, name: &str, status: &str) -> BuildId {
        let release = self.house.source(name, "1.0", &[("debian/changelog", b"x")]);
        self.house.publish_source("s", release, name);
        self.house.publish(Wanted::Changed);
        let (archive, shape, now) = (self.house.archive.clone(), self.house.shape("s"), self.house.now);
        let build = self
            .house
            .db
            .write(|tx| {
                let build = create_builds(tx, &archive, &shape, release, Urgency::Low, now)?[0];
                tx.execute("UPDATE binary_package_build SET status = ?1", [status]).map_err(sql)?;
                Ok::<_, StoreError>(build)
            })
            .unwrap();
        self.later();
        build
    }

    fn build_status(&self) -> String {
        let sql = "SELECT status FROM binary_package_build ORDER BY id";
        self.house.db.read().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn left(&self) -> Vec<String> {
        below(&self.base.join("incoming"))
    }
}

/// All files below a folder, by path.
fn below(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> =
        disk::files_below(folder).unwrap().into_iter().map(|file| file.path).collect();
    found.sort();
    found
}

/// A source package to be uploaded.
#[derive(Clone)]
struct Source {
    name: &'static str,
    version: &'static str,
    suite: &'static str,
    section: &'static str,
    note: &'static str,
}

impl Source {
    const fn new(name: &'static str, version: &'static str) -> Self {
        Self { name, version, suite: "s", section: "misc", note: "" }
    }

    fn stem(&self) -> String {
        format!("{}_{}", self.name, self.version)
    }

    fn changes_name(&self) -> String {
        format!("{}_source.changes", self.stem())
    }

    fn files(&self, sign: impl Fn(&str) -> Vec<u8>) -> Vec<(String, Vec<u8>)> {
        let Self { name, version, suite, section, note } = self;
        let top = format!("{name}-{version}");
        let at = |path: &str| format!("{top}/{path}");
        let changelog = format!(
            "{name} ({version}) {suite}; urgency=medium\n\n  * A change {note}.\n\n -- Ann Uploader <ann@example.org>  Mon, 01 Jan 2024 00:00:00 +0000\n"
        );
        let control = format!(
            "Source: {name}\nSection: {section}\nPriority: optional\nMaintainer: Ann Uploader <ann@example.org>\n\n\
             Package: {name}\nArchitecture: any\nDescription: a package\n"
        );
        let members = [
            (at("debian/changelog"), changelog.as_bytes()),
            (at("debian/control"), control.as_bytes()),
            (at("debian/copyright"), &b"License: MIT\n"[..]),
        ];
        let members: Vec<(&str, &[u8])> =
            members.iter().map(|(path, content)| (path.as_str(), *content)).collect();
        let tarball = tar_gz(&members);
        let tar_name = format!("{}.tar.gz", self.stem());
        let dsc = format!(
            "Format: 3.0 (native)\nSource: {name}\nBinary: {name}\nArchitecture: any\nVersion: {version}\n\
             Maintainer: Ann Uploader <ann@example.org>\nStandards-Version: 4.6.0\nPackage-List:\n {name} deb {section} optional arch=any\n{}",
            lists(&[(&tar_name, &tarball)], None)
        );
        let dsc = sign(&dsc);
        let dsc_name = format!("{}.dsc", self.stem());
        let changes = format!(
            "Format: 1.8\nDate: Mon, 01 Jan 2024 00:00:00 +0000\nSource: {name}\nArchitecture: source\nVersion: {version}\nDistribution: {suite}\n\
             Urgency: medium\nMaintainer: Ann Uploader <ann@example.org>\nChanged-By: Ann Uploader <ann@example.org>\nChanges:\n {name} ({version}) {suite}; urgency=medium\n .\n   * A change.\n{}",
            lists(&[(&dsc_name, &dsc), (&tar_name, &tarball)], Some(section))
        );
        vec![(tar_name, tarball), (dsc_name, dsc), (self.changes_name(), sign(&changes))]
    }
}

fn lists(files: &[(&str, &[u8])], section: Option<&str>) -> String {
    let mut text = "Checksums-Sha1:\n".to_owned();
    let digests: Vec<FileDigests> = files.iter().map(|(_, bytes)| FileDigests::of(bytes)).collect();
    for ((name, bytes), of) in files.iter().zip(&digests) {
        text.push_str(&format!(" {} {} {name}\n", of.sha1, bytes.len()));
    }
    text.push_str("Checksums-Sha256:\n");
    for ((name, bytes), of) in files.iter().zip(&digests) {
        text.push_str(&format!(" {} {} {name}\n", of.sha256, bytes.len()));
    }
    text.push_str("Files:\n");
    for ((name, bytes), of) in files.iter().zip(&digests) {
        let section = section.map_or_else(String::new, |section| format!(" {section} optional"));
        text.push_str(&format!(" {} {}{section} {name}\n", of.md5, bytes.len()));
    }
    text
}

#[test]
fn a_signed_source_waits_as_new_with_a_receipt_and_a_mail() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    let done = gate.run_one();
    assert_eq!((done.verdict, done.queue), (UploadVerdict::Accepted, Some(UploadStatus::New)), "{done:?}");
    assert_eq!(done.messages, ["new: source hello"]);
    assert_eq!(done.signer.as_deref(), Some("ann"));
    assert_eq!(gate.mails(), [("NEW".to_owned(), "ann@example.org".to_owned())]);
    assert!(gate.left().is_empty());
    let place = "00000001-hello_1.0_source";
    assert_eq!(done.moved_to.as_deref(), Some(&*format!("accepted/{place}")));
    let expected = [
        format!("{place}.receipt.json"),
        format!("{place}.receipt.txt"),
        format!("{place}/hello_1.0.dsc"),
        format!("{place}/hello_1.0.tar.gz"),
        format!("{place}/hello_1.0_source.changes"),
    ];
    let mut found = below(&gate.base.join("accepted"));
    found.sort();
    assert_eq!(found.len(), expected.len());
    assert!(expected.iter().all(|path| found.contains(path)), "{found:?}");
    let receipt = fs::read_to_string(gate.base.join(format!("accepted/{place}.receipt.json"))).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!((&receipt["verdict"], &receipt["upload"]), (&"ACCEPTED".into(), &1.into()));
    // what is kept has no signature, with which anybody could upload again
    let upload = package_upload::upload(gate.house.db.read(), UploadId(1)).unwrap();
    let changes =
        pressroom_archive::store::library_file::sha256_of(gate.house.db.read(), upload.changes_file.unwrap());
    let kept = fs::read_to_string(gate.house.librarian.path(&changes.unwrap())).unwrap();
    assert!(kept.starts_with("Format: 1.8\n") && !kept.contains("PGP"), "{kept}");
    assert_eq!(gate.run().done, []);
}

#[test]
fn what_is_known_is_accepted_or_waits_where_the_series_does_not_move() {
    for (status, suite, expected) in [
        (SeriesStatus::Development, "s", UploadStatus::Accepted),
        (SeriesStatus::Frozen, "s", UploadStatus::Unapproved),
        (SeriesStatus::Current, "s-proposed", UploadStatus::Unapproved),
    ] {
        let mut gate = Gate::new();
        gate.publish("hello", "1.0");
        gate.status(status);
        gate.put("d", &Source { suite, ..Source::new("hello", "2.0") });
        let done = gate.run_one();
        assert_eq!(done.queue, Some(expected), "{done:?}");
        assert_eq!(done.suite.as_deref(), Some(suite));
    }
}

#[test]
fn what_was_removed_is_new_again_and_filed_as_it_was() {
    let mut gate = Gate::new();
    gate.publish("hello", "1.0");
    let suite = gate.house.shape("s").suite.id;
    let now = gate.house.now;
    let removal = Removal {
        suite,
        name: "hello",
        extent: RemovedPackages::SourceAndBinaries,
        by: "ann",
        comment: "for a test",
    };
    gate.house.db.write(|tx| request_removal(tx, &removal, now).map(|_| ())).unwrap();
    gate.house.publish(Wanted::Changed);
    gate.put("", &Source { section: "extra/net", ..Source::new("hello", "2.0") });
    let done = gate.run_one();
    assert_eq!(done.queue, Some(UploadStatus::New), "{done:?}");
    let source = package_upload::source_of(gate.house.db.read(), UploadId(1)).unwrap().unwrap();
    assert_eq!(source.component.as_str(), "main");
    assert!(source.filed.is_new);
}

#[test]
fn a_signature_leads_to_one_upload() {
    let mut gate = Gate::new();
    let hello = Source::new("hello", "1.0");
    gate.put("", &hello);
    gate.run_one();
    let kept = gate.base.join("accepted/00000001-hello_1.0_source");
    for name in below(&kept) {
        fs::copy(kept.join(&name), gate.base.join("incoming").join(&name)).unwrap();
    }
    let again = gate.run_one();
    assert_eq!(again.verdict, UploadVerdict::Rejected);
    let checks: Vec<&str> = again.problems.iter().map(|problem| problem.check).collect();
    assert!(checks.contains(&"replay"), "{checks:?}");
    assert!(again.problems[0].to_string().contains("as upload 1"), "{again:?}");
    assert_eq!(gate.count("package_upload"), 1);
    // in another form, with the same signature
    let changes = fs::read_to_string(kept.join(hello.changes_name())).unwrap();
    for name in below(&kept) {
        fs::copy(kept.join(&name), gate.base.join("incoming").join(&name)).unwrap();
    }
    disk::write_staged(
        &gate.base.join("incoming").join(hello.changes_name()),
        format!("\n{changes}\n").as_bytes(),
    )
    .unwrap();
    assert!(gate.run_one().problems.iter().any(|problem| problem.check == "replay"));
}

#[test]
fn who_may_not_upload_is_told_so_and_everything_else_too() {
    let mut gate = Gate::new();
    gate.house.db.write(|tx| tx.execute("DELETE FROM archive_permission", []).map_err(sql)).unwrap();
    let at = gate.put("", &Source { suite: "s-security", ..Source::new("hello", "1.0") });
    fs::remove_file(at.join("hello_1.0.tar.gz")).unwrap();
    let done = gate.run_one();
    assert_eq!(done.verdict, UploadVerdict::Rejected);
    let checks: Vec<&str> = done.problems.iter().map(|problem| problem.check).collect();
    assert!(checks.contains(&"rights") && checks.contains(&"pocket") && checks.len() > 2, "{checks:?}");
    assert!(done.problems.iter().all(|problem| problem.file.is_some()), "{:?}", done.problems);
    // signed: so it is told
    assert_eq!(gate.mails(), [("REJECTED".to_owned(), "ann@example.org".to_owned())]);
    assert_eq!(gate.count("package_upload"), 0);
    let moved = gate.base.join(done.moved_to.unwrap());
    assert_eq!(below(&moved), ["hello_1.0.dsc", "hello_1.0_source.changes"]);
}

fn sql(source: rusqlite::Error) -> StoreError {
    StoreError::Refused(source.to_string())
}

#[test]
fn what_nobody_known_has_signed_is_refused_and_told_to_nobody() {
    let mut gate = Gate::new();
    let hello = Source::new("hello", "1.0");
    for (name, bytes) in hello.files(|text| text.as_bytes().to_vec()) {
        disk::write_staged(&gate.base.join("incoming").join(name), &bytes).unwrap();
    }
    let done = gate.run_one();
    assert_eq!((done.verdict, done.mails), (UploadVerdict::Rejected, 0));
    assert_eq!(done.problems[0].check, "signature-missing");
    let mallory = OwnKey::generate("Ann Uploader <ann@example.org>", gate.house.now).unwrap();
    for (name, bytes) in hello.files(|text| mallory.clear(text, gate.house.now).unwrap()) {
        disk::write_staged(&gate.base.join("incoming").join(name), &bytes).unwrap();
    }
    let done = gate.run_one();
    assert_eq!(done.problems[0].check, "signature-unknown-key");
    assert!(gate.mails().is_empty());
    assert!(gate.left().is_empty());
    // from a program that is trusted it is taken
    gate.options.policy = UploadPolicy::Sync;
    for (name, bytes) in hello.files(|text| text.as_bytes().to_vec()) {
        disk::write_staged(&gate.base.join("incoming").join(name), &bytes).unwrap();
    }
    assert_eq!(gate.run_one().verdict, UploadVerdict::Accepted);
}

#[test]
fn a_text_that_was_changed_after_it_was_signed_is_refused() {
    let mut gate = Gate::new();
    let at = gate.put("", &Source::new("hello", "1.0"));
    let path = at.join("hello_1.0_source.changes");
    let text = fs::read_to_string(&path).unwrap().replace("urgency=medium", "urgency=high");
    disk::write_staged(&path, text.as_bytes()).unwrap();
    let done = gate.run_one();
    assert_eq!((done.verdict, done.problems[0].check), (UploadVerdict::Rejected, "signature-bad"));
    assert_eq!(gate.count("package_upload"), 0);
}

#[test]
fn what_cannot_be_read_as_an_upload_has_failed() {
    let mut gate = Gate::new();
    let incoming = gate.base.join("incoming");
    disk::write_staged(&incoming.join("a_1_source.changes"), b"\xff\xfe nonsense").unwrap();
    disk::write_staged(&incoming.join("upload/readme"), b"no changes").unwrap();
    disk::write_staged(&incoming.join("orphan.deb"), b"x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", incoming.join("link_1_source.changes")).unwrap();
    fs::create_dir(incoming.join("bad\x1b[31m")).unwrap();
    let report = gate.run();
    assert_eq!(report.done.len(), 5, "{report:?}");
    for done in &report.done {
        assert_eq!(done.verdict, UploadVerdict::Failed, "{done:?}");
        assert!(done.moved_to.as_ref().unwrap().starts_with("failed/"));
        assert!(!done.leaf.contains('\x1b') && !done.messages.concat().contains('\x1b'), "{done:?}");
    }
    assert!(gate.left().is_empty() && gate.mails().is_empty());
    assert_eq!(gate.count("upload_receipt"), 5);
    // nothing is left behind, and nothing was followed
    assert_eq!(fs::read_dir(&incoming).unwrap().count(), 0);
    assert!(gate.run().done.is_empty());
}

#[test]
fn a_run_that_died_before_it_moved_is_finished_by_the_next() {
    for folder in ["", "upload-1"] {
        let mut gate = Gate::new();
        gate.put(folder, &Source::new("hello", "1.0"));
        // nothing can be put there
        disk::write_staged(&gate.base.join("accepted"), b"in the way").unwrap();
        let report = gate.run();
        assert_eq!((report.done.len(), report.troubles.len()), (1, 1), "{report:?}");
        assert_eq!(report.done[0].moved_to, None);
        assert_eq!(gate.left().len(), 3);
        fs::remove_file(gate.base.join("accepted")).unwrap();
        if folder.is_empty() {
            // it died between two files
            let place = gate.base.join("accepted/00000001-hello_1.0_source");
            fs::create_dir_all(&place).unwrap();
            disk::rename(&gate.base.join("incoming/hello_1.0.dsc"), &place.join("hello_1.0.dsc")).unwrap();
        }
        let report = gate.run();
        assert_eq!((report.finished, report.done.len(), report.troubles.len()), (1, 0, 0), "{report:?}");
        assert!(gate.left().is_empty());
        assert_eq!((gate.count("package_upload"), gate.count("upload_receipt")), (1, 1));
        assert_eq!(below(&gate.base.join("accepted")).len(), 5);
        let receipts = upload_receipt::not_moved(
            gate.house.db.read(),
            &gate.base.canonicalize().unwrap().to_string_lossy(),
        );
        assert!(receipts.unwrap().is_empty());
        assert_eq!(gate.run().finished, 0);
    }
}

#[test]
fn what_cannot_be_moved_has_one_receipt_however_often_that_is_tried() {
    let mut gate = Gate::new();
    disk::write_staged(&gate.base.join("incoming/stray/hello.deb"), b"x").unwrap();
    let place = gate.base.join("failed");
    disk::write_staged(&place, b"no folder").unwrap();
    for _ in 0..3 {
        let report = gate.run();
        assert_eq!(report.troubles.len(), 1, "{report:?}");
        assert_eq!(gate.count("upload_receipt"), 1);
        gate.later();
    }
    fs::remove_file(&place).unwrap();
    let report = gate.run();
    assert_eq!((report.finished, report.troubles.len()), (1, 0), "{report:?}");
    assert_eq!((gate.left().len(), gate.count("upload_receipt")), (0, 1));
}

#[test]
fn another_upload_of_the_name_that_came_before_the_move_is_judged_for_itself() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    disk::write_staged(&gate.base.join("accepted"), b"in the way").unwrap();
    gate.run();
    fs::remove_file(gate.base.join("accepted")).unwrap();
    gate.later();
    // the same version with something else in it
    gate.put("", &Source { note: "of heart", ..Source::new("hello", "1.0") });
    let report = gate.run();
    assert_eq!((report.finished, report.done.len()), (1, 1), "{report:?}");
    // both wait for a decision, and whoever decides is told
    assert_eq!(report.done[0].queue, Some(UploadStatus::New), "{report:?}");
    assert!(report.done[0].problems.iter().any(|problem| problem.check == "version-waiting"), "{report:?}");
    assert_eq!(gate.count("package_upload"), 2);
    assert!(gate.left().is_empty());
    // of what is accepted there is one
    gate.change_upload(1, UploadStatus::Accepted);
    gate.later();
    gate.put("", &Source { note: "of mind", ..Source::new("hello", "1.0") });
    let done = gate.run_one();
    assert!(done.problems.iter().any(|problem| problem.check == "pool-name"), "{done:?}");
    assert_eq!((done.verdict, gate.count("package_upload")), (UploadVerdict::Rejected, 2));
}

#[test]
fn packages_are_built_of_the_source_that_was_accepted_wherever_it_came_in_first() {
    // a newer one of the same version was rejected
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    gate.run_one();
    gate.later();
    gate.put("", &Source { note: "x", ..Source::new("hello", "1.0") });
    gate.run_one();
    gate.change_upload(2, UploadStatus::Rejected);
    gate.change_upload(1, UploadStatus::Accepted);
    gate.options.policy = UploadPolicy::Buildd;
    gate.put_binary("1.0");
    let done = gate.run_one();
    assert_eq!(done.verdict, UploadVerdict::Accepted, "{done:?}");
    // the same files came into another archive before
    let mut gate = Gate::new();
    let now = gate.house.now;
    gate.house
        .db
        .write(|tx| {
            let found = distribution(tx, &"d".parse().unwrap())?;
            let reference = "~ann/d/tools".parse().unwrap();
            create_archive(tx, &found, &reference, ArchivePurpose::Ppa, "tools", now).map(|_| ())
        })
        .unwrap();
    let hello = Source::new("hello", "1.0");
    let files = hello.files(|text| gate.signed(text));
    for folder in ["~ann/d/tools", ""] {
        for (name, bytes) in &files {
            disk::write_staged(&gate.base.join("incoming").join(folder).join(name), bytes).unwrap();
        }
        assert_eq!(gate.run_one().verdict, UploadVerdict::Accepted);
    }
    gate.change_upload(2, UploadStatus::Accepted);
    gate.options.policy = UploadPolicy::Buildd;
    gate.put_binary("1.0");
    let done = gate.run_one();
    assert_eq!((done.verdict, done.archive.as_deref()), (UploadVerdict::Accepted, Some("d")), "{done:?}");
}

#[test]
fn a_dry_run_says_what_would_be_and_leaves_everything() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    gate.options.mode = Mode::DryRun;
    let before = gate.left();
    let done = gate.run_one();
    assert_eq!(done.queue, Some(UploadStatus::New));
    assert_eq!((done.upload, done.receipt, done.moved_to), (None, None, None));
    assert_eq!(gate.left(), before);
    for table in ["package_upload", "upload_receipt", "outbox_message", "library_file_content"] {
        assert_eq!(gate.count(table), 0, "{table}");
    }
    assert!(!gate.house.folder.path().join("librarian").exists());
    assert_eq!(fs::read_dir(&gate.base).unwrap().count(), 1, "incoming alone");
}

#[test]
fn what_is_to_stay_stays_and_is_judged_once() {
    let mut gate = Gate::new();
    gate.options.afterwards = Afterwards::Keep;
    gate.put("", &Source::new("hello", "1.0"));
    gate.put("upload", &Source { note: "x", ..Source::new("other", "1.0") });
    let report = gate.run();
    assert_eq!(report.done.len(), 2);
    assert_eq!(report.done[0].moved_to.as_deref(), Some("incoming/hello_1.0_source.changes"));
    assert_eq!(gate.left().len(), 6);
    assert_eq!(gate.run().done, []);
    // not when it is another one
    gate.later();
    gate.put("", &Source::new("hello", "1.0"));
    assert_eq!(gate.run().done.len(), 1);
}

#[test]
fn a_folder_goes_where_the_worst_of_it_belongs() {
    let mut gate = Gate::new();
    gate.put("upload/d", &Source::new("hello", "1.0"));
    gate.put("upload/d/nowhere", &Source::new("other", "1.0"));
    let report = gate.run();
    let verdicts: Vec<UploadVerdict> = report.done.iter().map(|done| done.verdict).collect();
    assert_eq!(verdicts, [UploadVerdict::Accepted, UploadVerdict::Rejected], "{report:?}");
    for done in &report.done {
        assert_eq!(done.moved_to.as_deref(), Some("rejected/00000001-upload"));
    }
    let receipt = fs::read_to_string(gate.base.join("rejected/00000001-upload.receipt.json")).unwrap();
    let receipts: Vec<serde_json::Value> = serde_json::from_str(&receipt).unwrap();
    assert_eq!(receipts.len(), 2);
}

#[test]
fn only_the_leaf_that_is_named_is_taken() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    gate.put("", &Source::new("other", "1.0"));
    gate.options.leaf = Some("other_1.0_source.changes".to_owned());
    let done = gate.run_one();
    assert_eq!(done.source.as_deref(), Some("other"));
    assert_eq!(gate.left().len(), 3);
}

#[test]
fn a_file_that_two_uploads_list_goes_with_both() {
    let mut gate = Gate::new();
    let hello = Source::new("hello", "1.0");
    let at = gate.put("", &hello);
    let again = at.join("hello_1.0_again.changes");
    fs::copy(at.join(hello.changes_name()), &again).unwrap();
    let report = gate.run();
    assert_eq!(report.done.len(), 2, "{report:?}");
    for done in &report.done {
        let place = gate.base.join(done.moved_to.as_ref().unwrap());
        assert_eq!(below(&place).len(), 3, "{done:?}");
    }
    assert!(gate.left().is_empty(), "{:?}", gate.left());
    assert_eq!(gate.count("package_upload"), 1);
}

#[test]
fn an_archive_takes_no_more_than_its_quota() {
    let mut gate = Gate::new();
    let row = gate.house.archive.clone();
    let quota = |mib| ArchiveChange { authorized_size_mib: Some(Some(mib)), ..ArchiveChange::default() };
    gate.house.db.write(|tx| change_archive(tx, &row, &quota(0))).unwrap();
    gate.put("", &Source::new("hello", "1.0"));
    let done = gate.run_one();
    assert_eq!(done.problems[0].check, "quota");
    gate.house.db.write(|tx| change_archive(tx, &row, &quota(1))).unwrap();
    gate.later();
    gate.put("", &Source::new("hello", "1.0"));
    assert_eq!(gate.run_one().verdict, UploadVerdict::Accepted);
}

#[test]
fn uploads_that_come_at_once_do_not_pass_a_quota_together() {
    let mut gate = Gate::new();
    let row = gate.house.archive.clone();
    let quota = ArchiveChange { authorized_size_mib: Some(Some(1)), ..ArchiveChange::default() };
    gate.house.db.write(|tx| change_archive(tx, &row, &quota)).unwrap();
    // each has more than half a mebibyte
    let noise = |name: &str| {
        let mut digest = Sha256::of(name.as_bytes());
        let mut text = String::new();
        while text.len() < 900_000 {
            text.push_str(&digest.to_string());
            digest = Sha256::of(&text.as_bytes()[text.len() - 64..]);
        }
        text.leak()
    };
    for name in ["hello", "other", "third"] {
        gate.put("", &Source { note: noise(name), ..Source::new(name, "1.0") });
    }
    let report = gate.run();
    let verdicts: Vec<UploadVerdict> = report.done.iter().map(|done| done.verdict).collect();
    let (accepted, rejected) = (UploadVerdict::Accepted, UploadVerdict::Rejected);
    assert_eq!(verdicts, [accepted, rejected, rejected], "{:?}", report.done[0].problems);
    assert_eq!(report.done[1].problems[0].check, "quota", "{:?}", report.done[1].problems);
    assert_eq!(gate.count("package_upload"), 1);
}

#[test]
fn an_upload_takes_nothing_away_that_others_have_sent() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    gate.put("d/s", &Source { note: "x", ..Source::new("other", "1.0") });
    // the first to be looked at, signed by nobody
    let listed = [("d", &b"x"[..]), ("hello_1.0_source.changes", b"x"), ("aa_1.dsc", b"x")];
    let text = format!(
        "Format: 1.8\nDate: Mon, 01 Jan 2024 00:00:00 +0000\nSource: aa\nArchitecture: source\nVersion: 1\nDistribution: s\n\
         Urgency: medium\nMaintainer: Ann Uploader <ann@example.org>\nChanges:\n aa (1) s; urgency=medium\n{}",
        lists(&listed, Some("misc"))
    );
    disk::write_staged(&gate.base.join("incoming/aa_1_source.changes"), text.as_bytes()).unwrap();
    let report = gate.run();
    let verdicts: Vec<(String, UploadVerdict)> =
        report.done.iter().map(|done| (done.leaf.clone(), done.verdict)).collect();
    let expected = [
        ("aa_1_source.changes", UploadVerdict::Failed),
        ("d/s/other_1.0_source.changes", UploadVerdict::Accepted),
        ("hello_1.0_source.changes", UploadVerdict::Accepted),
    ];
    assert_eq!(verdicts, expected.map(|(leaf, verdict)| (leaf.to_owned(), verdict)), "{report:?}");
    assert!(report.troubles.is_empty(), "{report:?}");
    let failed = gate.base.join(report.done[0].moved_to.as_ref().unwrap());
    assert_eq!(below(&failed), ["aa_1_source.changes"]);
}

#[test]
fn what_was_moved_and_sent_again_before_that_was_written_down_is_judged_for_itself() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    disk::write_staged(&gate.base.join("accepted"), b"in the way").unwrap();
    gate.run();
    fs::remove_file(gate.base.join("accepted")).unwrap();
    let place = gate.base.join("accepted/00000001-hello_1.0_source");
    fs::create_dir_all(&place).unwrap();
    for name in gate.left() {
        // the same bytes are there and here
        fs::copy(gate.base.join("incoming").join(&name), place.join(&name)).unwrap();
    }
    let report = gate.run();
    assert_eq!((report.finished, report.done.len()), (1, 1), "{report:?}");
    assert!(report.troubles.is_empty(), "{report:?}");
    assert!(report.done[0].problems.iter().any(|problem| problem.check == "replay"), "{report:?}");
    assert!(gate.left().is_empty());
    assert_eq!(gate.count("package_upload"), 1);
}

#[test]
fn no_name_of_an_upload_moves_a_terminal() {
    let mut gate = Gate::new();
    let name = "a\x1b]0;x\x07\u{202e}_1_source.changes";
    let moves = |text: &str| text.contains(['\x1b', '\u{202e}']);
    disk::write_staged(&gate.base.join("incoming").join(name), b"x").unwrap();
    disk::write_staged(&gate.base.join("incoming/folder").join(name), b"x").unwrap();
    let report = gate.run();
    assert_eq!(report.done.len(), 2, "{report:?}");
    for done in &report.done {
        assert!(!moves(done.changes.as_ref().unwrap()) && !moves(&done.leaf), "{done:?}");
        assert!(!moves(&done.messages.concat()), "{done:?}");
        let receipt = format!("{}.receipt.txt", done.moved_to.as_ref().unwrap());
        assert!(!moves(&fs::read_to_string(gate.base.join(receipt)).unwrap()), "{done:?}");
    }
    assert!(gate.left().is_empty());
}

#[test]
fn a_row_that_cannot_be_is_not_in_the_way_of_the_others() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    gate.put("", &Source { note: "x", ..Source::new("other", "1.0") });
    let trigger = "CREATE TRIGGER no BEFORE INSERT ON package_upload WHEN NEW.source_package_name = 'hello'
                   BEGIN SELECT RAISE(ABORT, 'no'); END";
    gate.house.db.write(|tx| tx.execute(trigger, []).map_err(sql)).unwrap();
    let report = gate.run();
    assert_eq!((report.done.len(), report.troubles.len()), (1, 1), "{report:?}");
    assert_eq!(report.done[0].source.as_deref(), Some("other"));
    assert_eq!(gate.left().len(), 3, "it comes again");
    gate.house.db.write(|tx| tx.execute("DROP TRIGGER no", []).map_err(sql)).unwrap();
    assert_eq!(gate.run_one().source.as_deref(), Some("hello"));
    assert!(gate.left().is_empty());
}

#[test]
fn uploads_to_a_series_under_development_may_go_to_proposed() {
    let mut gate = Gate::new();
    let id = gate.house.archive.distribution;
    let change = DistributionChange { redirect_release_uploads: Some(true), ..DistributionChange::default() };
    let found = distribution(gate.house.db.read(), &"d".parse().unwrap()).unwrap();
    assert_eq!(found.id, id);
    gate.house.db.write(|tx| change_distribution(tx, found.id, &change)).unwrap();
    gate.put("", &Source::new("hello", "1.0"));
    assert_eq!(gate.run_one().suite.as_deref(), Some("s-proposed"));
}

#[test]
fn a_personal_archive_takes_everything_of_its_owner_at_once() {
    let mut gate = Gate::new();
    let now = gate.house.now;
    gate.house
        .db
        .write(|tx| {
            tx.execute("DELETE FROM archive_permission", []).map_err(sql)?;
            let found = distribution(tx, &"d".parse().unwrap())?;
            let reference = "~ann/d/tools".parse().unwrap();
            create_archive(tx, &found, &reference, ArchivePurpose::Ppa, "tools", now).map(|_| ())
        })
        .unwrap();
    gate.put("~ann/d/tools", &Source { section: "extra/net", ..Source::new("hello", "1.0") });
    let done = gate.run_one();
    assert_eq!(done.queue, Some(UploadStatus::Accepted), "{done:?}");
    assert_eq!(done.archive.as_deref(), Some("~ann/d/tools"));
    let source = package_upload::source_of(gate.house.db.read(), UploadId(1)).unwrap().unwrap();
    assert_eq!((source.component.as_str(), source.filed.section.unwrap().as_str()), ("main", "extra/net"));
    // also of a series that is released: its pocket is all that such an archive has
    gate.status(SeriesStatus::Current);
    let own = archive(gate.house.db.read(), &"~ann/d/tools".parse().unwrap()).unwrap();
    let House { db, librarian, .. } = &mut gate.house;
    let report = process_accepted(db, librarian, &own, &|_| true, &|| now).unwrap();
    assert_eq!((report.done.len(), report.stuck.len()), (1, 0), "{report:?}");
    let build = BuildId(report.done[0].builds[0]);
    db.write(|tx| cancel(tx, build, "ann", "", now)).unwrap();
    db.write(|tx| retry(tx, build, "ann", "", now)).unwrap();
}

#[test]
fn overrides_are_inherited_where_the_series_says_so() {
    for inherits in [false, true] {
        let mut gate = Gate::new();
        let (now, distribution) = (gate.house.now, gate.house.archive.distribution);
        gate.house
            .db
            .write(|tx| {
                let parent =
                    create_series(tx, distribution, &"p".parse().unwrap(), &"0".parse().unwrap(), now)?;
                for component in ["main", "extra"] {
                    add_component(tx, parent, &component.parse().unwrap())?;
                }
                let all = series_of(tx, distribution)?;
                let own = all.iter().find(|series| series.name.as_str() == "s").unwrap().id;
                let parents: Vec<_> = inherits.then_some(parent).into_iter().collect();
                set_inherits_from(tx, own, &parents)
            })
            .unwrap();
        let release = gate.house.source("hello", "0.5", &[("debian/changelog", b"x")]);
        gate.house.publish_source("p", release, "hello");
        gate.put("", &Source { section: "extra/net", ..Source::new("hello", "1.0") });
        let done = gate.run_one();
        let expected = if inherits { UploadStatus::Accepted } else { UploadStatus::New };
        assert_eq!(done.queue, Some(expected), "{done:?}");
        let source = package_upload::source_of(gate.house.db.read(), UploadId(1)).unwrap().unwrap();
        assert_eq!(source.component.as_str(), if inherits { "main" } else { "extra" });
    }
}

#[test]
fn an_upload_may_name_an_alias_of_a_series() {
    let mut gate = Gate::new();
    let series = gate.house.shape("s").series.id;
    gate.house.db.write(|tx| set_aliases(tx, series, &["unstable".parse().unwrap()])).unwrap();
    gate.put("", &Source { suite: "unstable", ..Source::new("hello", "1.0") });
    assert_eq!(gate.run_one().suite.as_deref(), Some("s"));
}

#[test]
fn two_changes_of_one_name_in_a_folder_are_two() {
    let mut gate = Gate::new();
    gate.put("upload/d/s", &Source::new("hello", "1.0"));
    gate.put(
        "upload/d/s-proposed",
        &Source { suite: "s-proposed", note: "x", ..Source::new("hello", "1.0") },
    );
    assert_eq!(gate.run().done.len(), 2);
    assert_eq!((gate.count("upload_receipt"), gate.count("package_upload")), (2, 2));
}

#[test]
fn what_was_built_goes_where_its_source_was_sent_on_to() {
    let mut gate = Gate::new();
    let id = gate.house.archive.distribution;
    let change = DistributionChange { redirect_release_uploads: Some(true), ..DistributionChange::default() };
    gate.house.db.write(|tx| change_distribution(tx, id, &change)).unwrap();
    gate.put("", &Source::new("hello", "1.0"));
    assert_eq!(gate.run_one().suite.as_deref(), Some("s-proposed"));
    let now = gate.house.now;
    let accepted = (UploadStatus::New, UploadStatus::Accepted);
    gate.house
        .db
        .write(|tx| package_upload::change_status(tx, UploadId(1), accepted, "ann", "", now))
        .unwrap();
    gate.options.policy = UploadPolicy::Buildd;
    gate.put_binary("1.0");
    let done = gate.run_one();
    assert_eq!(
        (done.verdict, done.suite.as_deref()),
        (UploadVerdict::Accepted, Some("s-proposed")),
        "{done:?}"
    );
}

#[test]
fn packages_of_a_builder_find_their_source_and_their_build() {
    let mut gate = Gate::new();
    gate.publish("hello", "1.0");
    gate.options.policy = UploadPolicy::Buildd;
    gate.put_binary("1.0");
    let done = gate.run_one();
    assert_eq!(done.queue, Some(UploadStatus::New), "{done:?}");
    assert_eq!(done.messages, ["new: binary hello"]);
    let builds = package_upload::builds_of(gate.house.db.read(), UploadId(1)).unwrap();
    assert_eq!(builds.len(), 1);
    assert_eq!(gate.build_status(), "FULLYBUILT");
    // of a source that is not here
    gate.put_binary("7.0");
    let done = gate.run_one();
    assert_eq!((done.verdict, done.problems[0].check), (UploadVerdict::Rejected, "build"), "{done:?}");
    assert_eq!(gate.count("package_upload"), 1);
    // of a build that there is not
    gate.put_binary("1.0");
    gate.options.build = Some(BuildId(77));
    let done = gate.run_one();
    assert!(done.problems[0].what.contains("no build 77"), "{done:?}");
    // of one that is done already
    gate.put_binary("1.0");
    gate.options.build = Some(builds[0]);
    let done = gate.run_one();
    assert_eq!((done.verdict, done.problems[0].check), (UploadVerdict::Rejected, "build"), "{done:?}");
}

#[test]
fn a_build_whose_upload_is_refused_has_failed_to_upload_also_where_nobody_names_it() {
    for (status, after) in [
        ("NEEDSBUILD", "NEEDSBUILD"),
        ("BUILDING", "FAILEDTOUPLOAD"),
        ("GATHERING", "FAILEDTOUPLOAD"),
        ("UPLOADING", "FAILEDTOUPLOAD"),
        ("CANCELLED", "CANCELLED"),
    ] {
        let mut gate = Gate::new();
        gate.with_build("hello", status);
        gate.options.policy = UploadPolicy::Buildd;
        gate.put_binary("1.0");
        // the package is not what the .changes lists
        let deb = gate.base.join("incoming/hello_1.0_amd64.deb");
        let other = vec![b'x'; fs::read(&deb).unwrap().len()];
        disk::write_staged(&deb, &other).unwrap();
        let done = gate.run_one();
        assert_eq!(done.verdict, UploadVerdict::Rejected, "{done:?}");
        assert_eq!(gate.build_status(), after, "{status}");
    }
}

#[test]
fn whoever_names_a_wrong_build_does_not_end_it() {
    let mut gate = Gate::new();
    gate.publish("hello", "1.0");
    let other = gate.with_build("other", "BUILDING");
    gate.options.policy = UploadPolicy::Buildd;
    gate.options.build = Some(other);
    gate.put_binary("1.0");
    let done = gate.run_one();
    assert_eq!((done.verdict, done.problems[0].check), (UploadVerdict::Rejected, "build"), "{done:?}");
    assert_eq!(gate.build_status(), "BUILDING");
    // but what nobody can read is its builder's
    disk::write_staged(&gate.base.join("incoming/x.changes"), b"nonsense").unwrap();
    assert_eq!(gate.run_one().verdict, UploadVerdict::Failed);
    assert_eq!(gate.build_status(), "FAILEDTOUPLOAD");
}

#[test]
fn what_cannot_be_judged_now_stays_in_incoming() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    let librarian = gate.house.folder.path().join("librarian");
    disk::write_staged(&librarian, b"no folder").unwrap();
    assert!(gate.try_run().is_err());
    assert_eq!((gate.left().len(), gate.count("package_upload"), gate.count("upload_receipt")), (3, 0, 0));
    fs::remove_file(&librarian).unwrap();
    // a template that cannot be used is the operator's to mend, and in nobody's way
    let template = gate.house.folder.path().join("templates/d/new.txt");
    disk::write_staged(&template, b"{{ nonsense").unwrap();
    assert_eq!(gate.run_one().verdict, UploadVerdict::Accepted);
}

#[test]
fn what_comes_into_a_folder_that_is_to_stay_is_judged_too() {
    let mut gate = Gate::new();
    gate.options.afterwards = Afterwards::Keep;
    gate.put("upload", &Source::new("hello", "1.0"));
    disk::write_staged(&gate.base.join("incoming/orphan.deb"), b"x").unwrap();
    assert_eq!(gate.run().done.len(), 2);
    assert_eq!(gate.run().done, []);
    gate.put("upload", &Source::new("other", "1.0"));
    assert_eq!(gate.run_one().source.as_deref(), Some("other"));
    assert_eq!(gate.run().done, []);
}

#[test]
fn what_was_signed_is_remembered_by_a_digest() {
    let mut gate = Gate::new();
    gate.put("", &Source::new("hello", "1.0"));
    gate.run_one();
    let digest: Vec<u8> =
        gate.house.db.read().query_row("SELECT sha256 FROM signed_changes", [], |row| row.get(0)).unwrap();
    assert_eq!(digest.len(), Sha256::BYTES);
}
