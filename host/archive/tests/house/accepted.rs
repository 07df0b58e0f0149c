//! What was accepted becomes publications and builds, one upload after the other, and what a builder uploads finds its build.

use jiff::{SignedDuration, Timestamp};
use pressroom_archive::accept::{Report, process_accepted};
use pressroom_archive::bugs::{Telling, Told, tell_of_bugs};
use pressroom_archive::build::{self, Claim, Outcome};
use pressroom_archive::copy;
use pressroom_archive::disk;
use pressroom_archive::domain::{
    ArchivePurpose, ArchiveReference, BuildId, BuildStatus, ComponentId, CustomFormat, FileDigests, FileName,
    Md5, PackageKind, PublicationStatus, SeriesStatus, Sha1, Sha256, SourceReleaseId, UploadId, UploadPolicy,
    UploadStatus,
};
use pressroom_archive::people::Actor;
use pressroom_archive::store::archive::{Archive, archive, create_archive};
use pressroom_archive::store::binary_package_build::{self as build_rows, Along, Build};
use pressroom_archive::store::package_release::{NewSourceRelease, source_release};
use pressroom_archive::store::package_upload::{self, Filed, NewUpload};
use pressroom_archive::store::removal::{Removal, RemovedPackages, request_removal};
use pressroom_archive::store::series::{self, SeriesChange};
use pressroom_archive::store::suite_hold::{self, SuiteChange};
use pressroom_archive::store::{StoreError, build_source, distribution, library_file, publication, suite};

use crate::fixture::{House, Package, Wanted};

/// A source package, in an upload.
struct Source<'a> {
    name: &'a str,
    version: &'a str,
    architecture: &'a str,
    /// More lines of the `.changes`.
    changes: &'a str,
}

const HELLO: Source<'static> = Source { name: "hello", version: "1", architecture: "any all", changes: "" };

fn digests(bytes: &[u8]) -> FileDigests {
    FileDigests {
        size_bytes: bytes.len() as u64,
        md5: Md5::of(bytes),
        sha1: Sha1::of(bytes),
        sha256: Sha256::of(bytes),
    }
}

impl House {
    /// An upload of packages that were built, with no `.changes`: nothing of it is read here.
    fn built_upload(&mut self, status: UploadStatus, build: BuildId, packages: &[Package]) -> UploadId {
        let upload = self.upload("s", "hello", "1", status);
        for package in packages {
            self.add_binary(upload, package, "main");
        }
        let now = self.now;
        self.db
            .write(|tx| {
                build::came_in(tx, build, now)?;
                package_upload::add_build(tx, upload, build)
            })
            .unwrap();
        let forget = "UPDATE package_upload SET changes_file = NULL WHERE id = ?1";
        self.db.read().execute(forget, [upload.0]).unwrap();
        upload
    }

    fn keep(&self, bytes: &[u8]) -> FileDigests {
        let digests = digests(bytes);
        self.librarian.keep_bytes(bytes, &digests).unwrap();
        digests
    }

    /// An upload of a source, accepted for a suite.
    fn accept(&mut self, suite: &str, source: &Source<'_>) -> (UploadId, SourceReleaseId) {
        let component = self.shape(suite).components[0].id;
        self.accept_in(suite, source, component)
    }

    fn accept_in(
        &mut self,
        suite: &str,
        source: &Source<'_>,
        component: ComponentId,
    ) -> (UploadId, SourceReleaseId) {
        let Source { name, version, architecture, changes } = source;
        let tarball = self.keep(format!("{name} {version}").as_bytes());
        let dsc_text = format!(
            "Format: 3.0 (native)\nSource: {name}\nBinary: {name}\nArchitecture: {architecture}\nVersion: {version}\n\
             Maintainer: D <d@example.org>\nChecksums-Sha256:\n {} {} {name}_{version}.tar.xz\n",
            tarball.sha256, tarball.size_bytes
        );
        let dsc = self.keep(dsc_text.as_bytes());
        let changes_text = format!(
            "Format: 1.8\nSource: {name}\nArchitecture: source\nVersion: {version}\nDistribution: {suite}\n\
             Maintainer: D <d@example.org>\nChanged-By: D <d@example.org>\n{changes}Changes:\n {name}\n\
             Checksums-Sha256:\n {} {} {name}_{version}.dsc\nFiles:\n {} {} misc optional {name}_{version}.dsc\n",
            dsc.sha256, dsc.size_bytes, dsc.md5, dsc.size_bytes
        );
        let changes = self.keep(changes_text.as_bytes());
        let file = |ending: &str| -> FileName { format!("{name}_{version}{ending}").parse().unwrap() };
        let (suite, archive, now) = (self.shape(suite).suite.id, self.archive.id, self.now);
        let (name, version) = (name.parse().unwrap(), version.parse().unwrap());
        self.db
            .write(|tx| {
                let files = [library_file::alias(tx, &tarball, &file(".tar.xz"), now)?.row()];
                let release = source_release(
                    tx,
                    &NewSourceRelease {
                        name: &name,
                        version: &version,
                        format: "3.0 (native)",
                        architecture,
                        section: None,
                        priority: None,
                        maintainer: "D <d@example.org>",
                        dsc: &dsc_text,
                        dsc_file: library_file::alias(tx, &dsc, &file(".dsc"), now)?,
                        files: &files,
                        archive,
                    },
                    now,
                )?
                .row();
                let changes_file =
                    Some(library_file::alias(tx, &changes, &file("_source.changes"), now)?.row());
                let new = NewUpload {
                    archive,
                    suite,
                    status: UploadStatus::Accepted,
                    policy: UploadPolicy::Insecure,
                    signer: None,
                    signing_key: None,
                    changed_by: "D <d@example.org>",
                    changes_file,
                    source_name: &name,
                    version: &version,
                    comment: "",
                };
                let upload = package_upload::add_upload(tx, &new, now)?;
                let section = Some("misc".parse().unwrap());
                let filed = Filed { component, section, priority: None, is_new: false };
                package_upload::add_source(tx, upload, release, &filed)?;
                Ok::<_, StoreError>((upload, release))
            })
            .unwrap()
    }

    fn process(&mut self) -> Report {
        let now = self.now;
        let archive = self.archive.clone();
        process_accepted(&mut self.db, &self.librarian, &archive, &|_| true, &|| now).unwrap()
    }

    /// `amd64+ NEEDSBUILD 2505` of each build of a source; the plus has the packages for all.
    fn builds(&self, source: SourceReleaseId) -> Vec<String> {
        build_rows::builds_of_source(self.db.read(), self.archive.id, source)
            .unwrap()
            .iter()
            .map(|build| {
                let indep = if build.arch_indep { "+" } else { "" };
                format!("{}{indep} {} {}", build.architecture, build.status, build.score)
            })
            .collect()
    }

    fn attach(
        &mut self,
        source: SourceReleaseId,
        architecture: &str,
        asked: Option<BuildId>,
    ) -> Result<Build, String> {
        let (shape, archive, now) = (self.shape("s"), self.archive.clone(), self.now);
        self.db
            .write(|tx| {
                let architecture = architecture.parse().unwrap();
                let id = build::attach(tx, &archive, &shape, source, &architecture, asked, now)?;
                match id {
                    Ok(id) => Ok::<_, StoreError>(Ok(build_rows::build(tx, id)?)),
                    Err(reason) => Ok(Err(reason)),
                }
            })
            .unwrap()
    }

    fn claim(&mut self, architecture: &str, builder: &str) -> Option<Build> {
        let (architecture, now) = (architecture.parse().unwrap(), self.now);
        let claim = Claim { architecture: &architecture, archive: None, builder };
        self.db.write(|tx| build::claim(tx, &claim, now)).unwrap()
    }

    fn report(
        &mut self,
        id: BuildId,
        builder: &str,
        outcome: Outcome<'_>,
    ) -> Result<BuildStatus, StoreError> {
        let now = self.now;
        let report = build::Report { builder: Some(builder), outcome, log: None, comment: "" };
        self.db.write(|tx| build::report(tx, id, &report, builder, now))
    }

    fn set_status(&mut self, build: BuildId, to: BuildStatus) {
        let now: Timestamp = self.now;
        self.db
            .write(|tx| {
                let from = build_rows::build(tx, build)?.status;
                build_rows::change_status(tx, build, (from, to), Along::default(), "test", "", now)
            })
            .unwrap();
    }
}

const INDEX: &str = "s/main/source/Sources";

#[test]
fn an_accepted_source_is_published_and_has_its_builds() {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    let (upload, source) = house.accept("s", &Source { changes: "Urgency: high\n", ..HELLO });
    let report = house.process();
    assert!(report.stuck.is_empty(), "{report:?}");
    assert_eq!((report.done[0].upload, report.done[0].new_publications), (upload.0, 1));
    assert_eq!(house.status_of(upload), UploadStatus::Done);
    assert_eq!(house.builds(source), ["amd64+ NEEDSBUILD 2515", "arm64 NEEDSBUILD 2515"]);
    let log = package_upload::log_of(house.db.read(), upload).unwrap();
    assert_eq!(log.last().unwrap().reviewer, "pressroom");
    house.publish(Wanted::Changed);
    let sources = house.index(INDEX);
    assert!(sources.contains("Package: hello\n") && sources.contains("\nSection: misc\n"), "{sources}");
    // it is done: a second time finds nothing
    assert_eq!(house.process(), Report::default());
    assert!(house.dirt().is_empty());
}

#[test]
fn one_that_cannot_be_published_stops_no_other_and_says_every_reason() {
    let mut house = House::new(&["main"], &["amd64"]);
    let strange = {
        let now = house.now;
        house
            .db
            .write(|tx| {
                use pressroom_archive::store::series;
                let other = series::create_series(
                    tx,
                    house.archive.distribution,
                    &"t".parse().unwrap(),
                    &"2".parse().unwrap(),
                    now,
                )?;
                series::add_component(tx, other, &"strange".parse().unwrap())?;
                Ok::<_, StoreError>(series::components(tx, other)?[0].id)
            })
            .unwrap()
    };
    let (first, _) = house.accept_in("s", &HELLO, strange);
    let (second, _) = house.accept("s", &Source { name: "bye", ..HELLO });
    let report = house.process();
    assert_eq!(report.done.iter().map(|done| done.upload).collect::<Vec<_>>(), [second.0]);
    let said = report.stuck[0].to_string();
    assert!(said.starts_with("upload 1 (hello 1) stays accepted: it is filed in strange"), "{said}");
    assert!(said.contains("pressroom queue override"), "{said}");
    assert_eq!(house.status_of(first), UploadStatus::Accepted);
    // and it is done as soon as it can be
    let series = house.shape("s").series.id;
    house
        .db
        .write(|tx| pressroom_archive::store::series::add_component(tx, series, &"strange".parse().unwrap()))
        .unwrap();
    assert_eq!(house.process().done.len(), 1);
    assert_eq!(house.status_of(first), UploadStatus::Done);
}

#[test]
fn a_release_pocket_that_does_not_change_takes_nothing() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (upload, source) = house.accept("s", &HELLO);
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() });
    let report = house.process();
    assert!(report.stuck[0].reasons[0].contains("release pocket does not change"), "{report:?}");
    assert_eq!(house.status_of(upload), UploadStatus::Accepted);
    assert!(house.builds(source).is_empty());
    // updates of the same series do change
    let (upload, _) = house.accept("s-updates", &Source { version: "2", ..HELLO });
    assert_eq!(house.process().done[0].upload, upload.0);
}

#[test]
fn two_uploads_with_one_file_name_do_not_both_come_in() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.accept("s", &HELLO);
    // another .dsc of the same name and version
    let (second, _) = house.accept("s", &Source { architecture: "amd64", ..HELLO });
    let report = house.process();
    assert_eq!(report.done.len(), 1);
    assert!(
        report.stuck[0].reasons[0].starts_with("hello_1.dsc of hello is in the archive already"),
        "{report:?}"
    );
    assert_eq!(house.status_of(second), UploadStatus::Accepted);
}

#[test]
fn only_the_suites_that_are_asked_for_are_looked_at() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (release, _) = house.accept("s", &HELLO);
    let (updates, _) = house.accept("s-updates", &Source { version: "2", ..HELLO });
    let (now, archive) = (house.now, house.archive.clone());
    let is_wanted = |name: &pressroom_archive::domain::SuiteName| name.to_string() == "s-updates";
    let report = process_accepted(&mut house.db, &house.librarian, &archive, &is_wanted, &|| now).unwrap();
    assert_eq!(report.done.iter().map(|done| done.upload).collect::<Vec<_>>(), [updates.0]);
    assert_eq!(house.status_of(release), UploadStatus::Accepted);
}

#[test]
fn what_a_disk_has_lost_is_said_and_the_rest_is_done() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (first, source) = house.accept("s", &HELLO);
    let (second, _) = house.accept("s", &Source { name: "bye", ..HELLO });
    let changes = package_upload::upload(house.db.read(), first).unwrap().changes_file.unwrap();
    let sha256 = library_file::sha256_of(house.db.read(), changes).unwrap();
    std::fs::remove_file(house.librarian.path(&sha256)).unwrap();
    let report = house.process();
    assert!(report.stuck[0].reasons[0].starts_with("its .changes cannot be read: "), "{report:?}");
    assert_eq!(report.done.iter().map(|done| done.upload).collect::<Vec<_>>(), [second.0]);
    // nothing of it was begun
    assert!(house.builds(source).is_empty());
    let suite = house.shape("s").suite.id;
    let counts = publication::counts(house.db.read(), suite, PackageKind::Source).unwrap();
    assert_eq!(counts, [(PublicationStatus::Pending, 1)]);
}

#[test]
fn packages_of_an_upload_are_published_for_their_architectures_and_know_their_build() {
    let mut house = House::new(&["main", "contrib"], &["amd64", "arm64"]);
    let (_, source) = house.accept("s", &HELLO);
    house.process();
    let build = house.attach(source, "amd64", None).unwrap();
    // their releases, as if an upload had brought them
    house.import(
        "s-proposed",
        None,
        &[Package::new("hello", "1", "amd64"), Package::new("hello-data", "1", "all")],
    );
    let (archive, suite, now) = (house.archive.id, house.shape("s").suite.id, house.now);
    let component = house.shape("s").components[1].id;
    let upload = house
        .db
        .write(|tx| {
            build::came_in(tx, build.id, now)?;
            let (name, version) = ("hello".parse().unwrap(), "1".parse().unwrap());
            let new = NewUpload {
                archive,
                suite,
                status: UploadStatus::Accepted,
                policy: UploadPolicy::Buildd,
                signer: None,
                signing_key: None,
                changed_by: "",
                changes_file: None,
                source_name: &name,
                version: &version,
                comment: "",
            };
            let upload = package_upload::add_upload(tx, &new, now)?;
            for id in [1, 2] {
                let filed = Filed {
                    component,
                    section: Some("admin".parse().unwrap()),
                    priority: Some("extra".parse().unwrap()),
                    is_new: false,
                };
                let release = pressroom_archive::domain::BinaryReleaseId(id);
                package_upload::add_binary(tx, upload, release, &filed)?;
            }
            package_upload::add_build(tx, upload, build.id)?;
            Ok::<_, StoreError>(upload)
        })
        .unwrap();
    let report = house.process();
    assert_eq!(report.done[0].new_publications, 3, "{report:?}");
    assert_eq!(house.status_of(upload), UploadStatus::Done);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/contrib/binary-amd64/Packages"), ["hello 1", "hello-data 1"]);
    assert_eq!(house.packages("s/contrib/binary-arm64/Packages"), ["hello-data 1"]);
    assert!(house.index("s/contrib/binary-arm64/Packages").contains("\nPriority: extra\n"));
    let marked: i64 = house
        .db
        .read()
        .query_row("SELECT count(*) FROM binary_package_release WHERE build = ?1", [build.id.0], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(marked, 2);
    assert_eq!(house.builds(source)[0], "amd64+ FULLYBUILT 2505");
}

#[test]
fn custom_files_wait_for_a_pass() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (upload, _) = house.accept("s", &HELLO);
    let digests = house.keep(b"a tarball");
    let (shape, now) = (house.shape("s"), house.now);
    house
        .db
        .write(|tx| {
            let file = library_file::alias(tx, &digests, &"hello_1_amd64.tar.gz".parse().unwrap(), now)?;
            let component = shape.components[0].id;
            package_upload::add_custom(tx, upload, CustomFormat::Signing, file.row(), component)
        })
        .unwrap();
    assert_eq!(house.process().done[0].customs, 1);
    let waiting: i64 = house
        .db
        .read()
        .query_row("SELECT count(*) FROM custom_publication WHERE status = 'PENDING'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(waiting, 1);
    assert!(suite::dirt(house.db.read(), shape.suite, house.now).unwrap().is_dirty());
}

// ---------------------------------------------------------------- builds

#[test]
fn an_upload_finds_the_build_of_its_source_and_architecture() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    let (_, source) = house.accept("s", &HELLO);
    house.process();
    let build = house.attach(source, "arm64", None).unwrap();
    assert_eq!((build.architecture.as_str(), build.status), ("arm64", BuildStatus::Uploading));
    // the same again, as after a death
    assert_eq!(house.attach(source, "arm64", Some(build.id)).unwrap().id, build.id);
    let for_all = house.attach(source, "all", None).unwrap();
    assert_eq!(for_all.architecture.as_str(), "amd64");
    let now = house.now;
    house.db.write(|tx| build::came_in(tx, build.id, now)).unwrap();
    assert_eq!(house.builds(source), ["amd64+ UPLOADING 2505", "arm64 FULLYBUILT 2505"]);
    house.db.write(|tx| build::did_not_come_in(tx, for_all.id, "it is broken", now)).unwrap();
    assert_eq!(house.builds(source)[0], "amd64+ FAILEDTOUPLOAD 2505");
    let events = build_rows::events_of(house.db.read(), for_all.id).unwrap();
    assert_eq!(events.last().unwrap().comment, "it is broken");
    // and a better one is taken
    house.attach(source, "all", None).unwrap();
}

#[test]
fn packages_that_nobody_asked_for_get_a_build_where_their_source_is() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    let (upload, source) = house.accept("s", &Source { architecture: "amd64", ..HELLO });
    // accepted is enough
    let build = house.attach(source, "arm64", None).unwrap();
    assert_eq!((build.status, build.score), (BuildStatus::Uploading, 2_505));
    house.process();
    assert_eq!(house.builds(source), ["amd64 NEEDSBUILD 2505", "arm64 UPLOADING 2505"]);
    assert_eq!(house.status_of(upload), UploadStatus::Done);
    let reason = house.attach(source, "riscv64", None).unwrap_err();
    assert!(reason.starts_with("it is for riscv64, which s does not have (it has amd64, arm64)"), "{reason}");
    let reason = house.attach(source, "all", None).unwrap_err();
    assert!(reason.contains("needs no build that makes packages for all"), "{reason}");
}

#[test]
fn packages_without_their_source_have_no_build() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (upload, source) = house.accept("s", &HELLO);
    let now = house.now;
    house
        .db
        .write(|tx| {
            let change = (UploadStatus::Accepted, UploadStatus::Rejected);
            package_upload::change_status(tx, upload, change, "ann", "no", now)
        })
        .unwrap();
    let reason = house.attach(source, "amd64", None).unwrap_err();
    assert!(reason.starts_with("its source hello 1 is neither published nor accepted in s of d"), "{reason}");
    assert!(house.builds(source).is_empty());
}

#[test]
fn what_was_built_of_a_source_that_was_removed_meanwhile_does_not_come_in() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    let (_, source) = house.accept("s", &HELLO);
    house.process();
    house.publish(Wanted::Changed);
    let build = house.claim("amd64", "alpha").unwrap();
    let (suite, now) = (house.shape("s").suite.id, house.now);
    let removal = Removal {
        suite,
        name: "hello",
        extent: RemovedPackages::SourceAndBinaries,
        by: "ann",
        comment: "a hole",
    };
    house.db.write(|tx| request_removal(tx, &removal, now)).unwrap();
    // asked for is as good as done, also to who names the build
    for asked in [None, Some(build.id)] {
        let reason = house.attach(source, "amd64", asked).unwrap_err();
        assert!(
            reason.starts_with("its source hello 1 is neither published nor accepted in s of d"),
            "{reason}"
        );
    }
    house.publish(Wanted::Changed);
    assert!(house.attach(source, "amd64", Some(build.id)).is_err());
    assert!(house.attach(source, "arm64", None).is_err());
    assert_eq!(house.builds(source)[0], "amd64+ BUILDING 2505");
    // one that was published again is one that is here
    house.publish_source("s", source, "hello");
    assert_eq!(house.attach(source, "amd64", Some(build.id)).unwrap().status, BuildStatus::Uploading);
}

#[test]
fn packages_that_were_accepted_before_their_source_went_stay_accepted_and_say_why() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (sources, source) = house.accept("s", &HELLO);
    let build = house.attach(source, "amd64", None).unwrap().id;
    let upload = house.built_upload(UploadStatus::Accepted, build, &[Package::new("hello", "1", "amd64")]);
    let (now, away) = (house.now, (UploadStatus::Accepted, UploadStatus::Rejected));
    house.db.write(|tx| package_upload::change_status(tx, sources, away, "ann", "", now)).unwrap();
    let report = house.process();
    assert!(report.done.is_empty(), "{report:?}");
    assert_eq!(
        report.stuck[0].reasons,
        [
            "its source hello 1 is not published in s of d: bring that back, or reject the packages with `pressroom queue reject 2`"
        ]
    );
    // with its source it is done, in the same run
    let back = (UploadStatus::Rejected, UploadStatus::Accepted);
    house.db.write(|tx| package_upload::change_status(tx, sources, back, "ann", "", now)).unwrap();
    let report = house.process();
    assert_eq!(
        report.done.iter().map(|done| done.upload).collect::<Vec<_>>(),
        [sources.0, upload.0],
        "{report:?}"
    );
}

#[test]
fn what_was_built_and_rejected_can_be_built_once_more() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (_, source) = house.accept("s", &HELLO);
    house.process();
    let build = house.attach(source, "amd64", None).unwrap().id;
    let data = Package::new("hello-data", "1", "all").field("Source", "hello");
    let packages = [Package::new("hello", "1", "amd64"), data];
    let upload = house.built_upload(UploadStatus::New, build, &packages);
    let now = house.now;
    let retry = |house: &mut House| house.db.write(|tx| build::retry(tx, build, "ann", "", now));
    let refused = retry(&mut house).unwrap_err().to_string();
    assert!(
        refused.contains("is FULLYBUILT, by upload 2") && refused.contains("pressroom queue reject 2"),
        "{refused}"
    );
    let change = |house: &mut House, from, to| {
        house.db.write(|tx| package_upload::change_status(tx, upload, (from, to), "ann", "", now)).unwrap();
    };
    change(&mut house, UploadStatus::New, UploadStatus::Rejected);
    retry(&mut house).unwrap();
    assert_eq!(house.builds(source), ["amd64+ NEEDSBUILD 2505"]);
    // accepted after all: nobody is given it any more
    change(&mut house, UploadStatus::Rejected, UploadStatus::Accepted);
    assert_eq!(house.process().done.len(), 1);
    assert_eq!(house.builds(source), ["amd64+ SUPERSEDED 2505"]);
    assert!(house.claim("amd64", "alpha").is_none());
}

#[test]
fn a_build_that_is_named_has_to_fit() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    let (_, hello) = house.accept("s", &HELLO);
    let (_, bye) = house.accept("s", &Source { name: "bye", ..HELLO });
    let (_, updates) = house.accept("s-updates", &Source { version: "2", ..HELLO });
    house.process();
    let id = |source| {
        let builds = build_rows::builds_of_source(house.db.read(), house.archive.id, source).unwrap();
        (builds[0].id, builds[1].id)
    };
    let ((amd64, arm64), (of_updates, _)) = (id(hello), id(updates));
    for (source, architecture, asked, expected) in [
        (hello, "amd64", BuildId(99), "there is no build 99"),
        (bye, "amd64", amd64, "is of hello 1 for amd64 in s, and this is an upload of bye 1"),
        (hello, "arm64", amd64, "is of hello 1 for amd64 in s, and this upload is for arm64"),
        (hello, "all", arm64, "does not make the packages for all architectures"),
        (updates, "amd64", of_updates, "is of hello 2 for amd64 in s-updates, and this upload is for s:"),
    ] {
        let reason = house.attach(source, architecture, Some(asked)).unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }
    assert_eq!(house.attach(hello, "all", Some(amd64)).unwrap().id, amd64);
}

#[test]
fn what_is_built_or_not_wanted_takes_no_upload() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    let (upload, source) = house.accept("s", &HELLO);
    house.process();
    let build = house.attach(source, "amd64", None).unwrap().id;
    let now = house.now;
    house
        .db
        .write(|tx| {
            build::came_in(tx, build, now)?;
            package_upload::add_build(tx, upload, build)
        })
        .unwrap();
    let reason = house.attach(source, "amd64", None).unwrap_err();
    assert!(reason.contains("is FULLYBUILT already, by upload 1"), "{reason}");
    house.db.read().execute_batch("UPDATE package_upload SET status = 'REJECTED'").unwrap();
    // what came in was thrown out again
    assert_eq!(house.attach(source, "amd64", None).unwrap().id, build);
    let arm64 = build_rows::builds_of_source(house.db.read(), house.archive.id, source).unwrap()[1].id;
    house.set_status(arm64, BuildStatus::Cancelled);
    let reason = house.attach(source, "arm64", Some(arm64)).unwrap_err();
    assert!(reason.contains("is CANCELLED") && reason.contains("pressroom build retry"), "{reason}");
}

#[test]
fn builds_of_a_source_that_has_given_way_are_superseded() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (_, old) = house.accept("s", &HELLO);
    house.process();
    house.publish(Wanted::Changed);
    house.now += SignedDuration::from_secs(1);
    let (_, new) = house.accept("s", &Source { version: "2", ..HELLO });
    house.process();
    let now = house.now;
    assert!(
        house.db.write(|tx| build::supersede(tx, now)).unwrap().is_empty(),
        "the old one is published yet"
    );
    house.publish(Wanted::Changed);
    assert_eq!(house.db.write(|tx| build::supersede(tx, now)).unwrap().len(), 1);
    assert_eq!(house.builds(old), ["amd64+ SUPERSEDED 2505"]);
    assert_eq!(house.builds(new), ["amd64+ NEEDSBUILD 2505"]);
}

#[test]
fn builders_get_the_highest_score_first_and_nothing_twice() {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    let universe = house.shape("s").components[1].id;
    let only = Source { architecture: "amd64", ..HELLO };
    house.accept_in("s", &Source { name: "low", ..only }, universe);
    house.accept("s", &Source { name: "first", ..only });
    house.accept("s", &Source { name: "second", ..only });
    house.accept("s-security", &Source { name: "urgent", changes: "Urgency: critical\n", ..only });
    house.process();
    let mut order = Vec::new();
    while let Some(build) = house.claim("amd64", "alpha") {
        assert_eq!((build.status, build.builder.as_deref()), (BuildStatus::Building, Some("alpha")));
        order.push(format!("{} {}", build.source_name, build.score));
    }
    assert_eq!(order, ["urgent 5520", "first 2505", "second 2505", "low 1755"]);
    assert!(house.claim("arm64", "beta").is_none());
    let now = house.now;
    let nobody = Claim { architecture: &"amd64".parse().unwrap(), archive: None, builder: " \u{7}" };
    assert!(house.db.write(|tx| build::claim(tx, &nobody, now)).is_err());
}

#[test]
fn a_builder_says_how_it_ended_and_only_of_its_own() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (_, source) = house.accept("s", &HELLO);
    house.process();
    let id = house.claim("amd64", "alpha").unwrap().id;
    let error = house.report(id, "beta", Outcome::Failed).unwrap_err().to_string();
    assert!(error.contains("is alpha's, not beta's"), "{error}");
    assert_eq!(
        house.report(id, "alpha", Outcome::Misses("libfoo-dev\n (>= 2)\u{1b}[0m")).unwrap(),
        BuildStatus::ManualDepWait
    );
    let build = build_rows::build(house.db.read(), id).unwrap();
    assert_eq!(build.dependencies.as_deref(), Some("libfoo-dev (>= 2) [0m"));
    // it has ended
    let error = house.report(id, "alpha", Outcome::Built).unwrap_err().to_string();
    assert!(error.contains("is MANUALDEPWAIT, and cannot be finished"), "{error}");
    let now = house.now;
    house.db.write(|tx| build::retry(tx, id, "ann", "", now)).unwrap();
    let build = build_rows::build(house.db.read(), id).unwrap();
    assert_eq!((build.status, build.builder, build.dependencies), (BuildStatus::NeedsBuild, None, None));
    // given back, and claimed by another
    house.claim("amd64", "alpha").unwrap();
    assert_eq!(house.report(id, "alpha", Outcome::GivenBack).unwrap(), BuildStatus::NeedsBuild);
    house.claim("amd64", "beta").unwrap();
    assert_eq!(house.report(id, "beta", Outcome::Built).unwrap(), BuildStatus::Uploading);
    assert_eq!(house.attach(source, "amd64", Some(id)).unwrap().id, id);
    let said: Vec<String> = build_rows::events_of(house.db.read(), id)
        .unwrap()
        .iter()
        .map(|event| format!("{} {}", event.actor, event.new_status))
        .collect();
    assert_eq!(
        said,
        [
            "pressroom NEEDSBUILD",
            "alpha BUILDING",
            "alpha MANUALDEPWAIT",
            "ann NEEDSBUILD",
            "alpha BUILDING",
            "alpha NEEDSBUILD",
            "beta BUILDING",
            "beta UPLOADING"
        ]
    );
}

#[test]
fn what_is_cancelled_ends_when_its_builder_stops() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    let (_, source) = house.accept("s", &Source { architecture: "any", ..HELLO });
    house.process();
    let amd64 = house.claim("amd64", "alpha").unwrap().id;
    let arm64 = build_rows::builds_of_source(house.db.read(), house.archive.id, source).unwrap()[1].id;
    let now = house.now;
    let cancel = |house: &mut House, id| house.db.write(|tx| build::cancel(tx, id, "ann", "no", now));
    assert_eq!(cancel(&mut house, arm64).unwrap(), BuildStatus::Cancelled);
    assert!(cancel(&mut house, arm64).is_err());
    assert_eq!(cancel(&mut house, amd64).unwrap(), BuildStatus::Cancelling);
    // whatever the builder says now
    assert_eq!(house.report(amd64, "alpha", Outcome::Built).unwrap(), BuildStatus::Cancelled);
    assert!(house.claim("arm64", "alpha").is_none());
    // a builder that never answers
    house.db.write(|tx| build::retry(tx, amd64, "ann", "", now)).unwrap();
    house.claim("amd64", "alpha").unwrap();
    cancel(&mut house, amd64).unwrap();
    assert_eq!(cancel(&mut house, amd64).unwrap(), BuildStatus::Cancelled);
}

#[test]
fn a_score_that_somebody_sets_stays() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (_, source) = house.accept("s", &HELLO);
    house.process();
    let id = build_rows::builds_of_source(house.db.read(), house.archive.id, source).unwrap()[0].id;
    let now = house.now;
    let score = |house: &mut House, score| house.db.write(|tx| build::set_score(tx, id, score, "ann", now));
    assert_eq!(score(&mut house, Some(9_999)).unwrap(), 9_999);
    house.claim("amd64", "alpha").unwrap();
    assert!(score(&mut house, None).is_err(), "it does not wait any more");
    house.report(id, "alpha", Outcome::Failed).unwrap();
    house.db.write(|tx| build::retry(tx, id, "ann", "", now)).unwrap();
    assert_eq!(house.builds(source), ["amd64+ NEEDSBUILD 9999"]);
    assert_eq!(score(&mut house, None).unwrap(), 2_505);
}

#[test]
fn what_could_not_be_published_is_not_tried_again() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    let (_, source) = house.accept("s", &HELLO);
    house.process();
    let builds = build_rows::builds_of_source(house.db.read(), house.archive.id, source).unwrap();
    let (amd64, arm64) = (builds[0].id, builds[1].id);
    for id in [amd64, arm64] {
        house.set_status(id, BuildStatus::Building);
        house.set_status(id, BuildStatus::FailedToBuild);
    }
    let (now, series) = (house.now, house.shape("s").series.id);
    let retry = |house: &mut House, id| {
        house.db.write(|tx| build::retry(tx, id, "ann", "", now)).unwrap_err().to_string()
    };
    house
        .db
        .write(|tx| {
            pressroom_archive::store::series::set_architecture(tx, series, &"arm64".parse().unwrap(), false)
        })
        .unwrap();
    assert!(retry(&mut house, arm64).contains("s does not publish arm64 any more"));
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() });
    assert!(retry(&mut house, amd64).contains("release pocket does not change"));
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Development), ..SeriesChange::default() });
    house.db.read().execute_batch("UPDATE source_package_publishing_history SET status = 'DELETED'").unwrap();
    assert!(retry(&mut house, amd64).contains("hello 1 is not published any more"));
}

#[test]
fn a_build_that_waits_for_packages_is_tried_again_when_they_are_published() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    let (_, source) = house.accept("s", &Source { architecture: "any", ..HELLO });
    house.process();
    for architecture in ["amd64", "arm64"] {
        let id = house.claim(architecture, "alpha").unwrap().id;
        house.report(id, "alpha", Outcome::Misses("libfoo-dev (>= 2)")).unwrap();
    }
    let again = |house: &mut House| {
        let now = house.now;
        house.db.write(|tx| build::depwait::retry_satisfied(tx, now)).unwrap().len()
    };
    house.import("s", None, &[Package::new("libfoo-dev", "1.9", "amd64")]);
    house.publish(Wanted::Changed);
    assert_eq!(again(&mut house), 0);
    house.import("s-updates", None, &[Package::new("libfoo-dev", "2.1", "amd64")]);
    assert_eq!(again(&mut house), 0, "it is not published yet");
    house.publish(Wanted::Changed);
    assert_eq!(again(&mut house), 1);
    assert_eq!(house.builds(source), ["amd64 NEEDSBUILD 2505", "arm64 MANUALDEPWAIT 2505"]);
}

// ---------------------------------------------------------------- bugs

impl House {
    fn tell(&mut self, telling: Telling) -> Told {
        let distribution =
            distribution::distribution(self.db.read(), self.archive.reference.distribution()).unwrap();
        let now = self.now;
        tell_of_bugs(&mut self.db, &self.librarian, &distribution, None, telling, now).unwrap()
    }

    fn messages(&self) -> i64 {
        self.db.read().query_row("SELECT count(*) FROM outbox_message", [], |row| row.get(0)).unwrap()
    }
}

/// How many bugs an upload has closed.
fn closed_by(house: &House, upload: UploadId) -> u32 {
    house
        .db
        .read()
        .query_row("SELECT count(*) FROM bug_closure WHERE package_upload = ?1", [upload.0], |row| row.get(0))
        .unwrap()
}

#[test]
fn a_bug_is_closed_by_a_version_once_and_where_users_find_it() {
    let mut house = House::new(&["main"], &["amd64"]);
    house
        .db
        .read()
        .execute_batch("UPDATE distribution SET bug_webhook = 'https://bugs.example.org/closed'")
        .unwrap();
    let changes = "Closes: 12 34\nLaunchpad-Bugs-Fixed: 56\n";
    let (upload, _) = house.accept("s", &Source { changes, ..HELLO });
    house.accept("s-proposed", &Source { name: "tried", changes: "Closes: 99\n", ..HELLO });
    let report = house.process();
    assert_eq!(report.done[0].bugs, ["DEBBUGS 12", "DEBBUGS 34", "LAUNCHPAD 56"]);
    assert!(report.done[1].bugs.is_empty());
    assert_eq!(closed_by(&house, upload), 3);
    assert_eq!(house.tell(Telling::Told), Told { bugs: 3, problems: Vec::new() });
    assert_eq!(house.messages(), 3);
    assert_eq!(house.tell(Telling::Told), Told::default());
    // the same version elsewhere closes nothing once more
    house.accept("s-updates", &Source { changes, ..HELLO });
    assert!(house.process().done[0].bugs.is_empty());
    assert_eq!(house.tell(Telling::Told), Told::default());
    assert_eq!(house.messages(), 3);
}

/// Copies `hello` from one suite to another within the archive, as the operator: what is said to be closed.
fn copy_hello(house: &mut House, from: &str, to: &str) -> copy::Outcome {
    let archive = house.archive.clone();
    copy_hello_from(house, (&archive, from), to)
}

/// The same from a suite of another archive.
fn copy_hello_from(house: &mut House, from: (&Archive, &str), to: &str) -> copy::Outcome {
    copy_hello_with(house, from, to, false)
}

/// The same, perhaps with what was built of it.
fn copy_hello_with(
    house: &mut House,
    (origin, from): (&Archive, &str),
    to: &str,
    with_binaries: bool,
) -> copy::Outcome {
    let own = std::mem::replace(&mut house.archive, origin.clone());
    let from = house.shape(from);
    house.archive = own;
    let to = house.shape(to);
    let (archive, librarian, now) = (house.archive.clone(), house.librarian.clone(), house.now);
    let actor = Actor::Operator { name: "root".to_owned() };
    let request = copy::Copying {
        from: copy::End { archive: origin, shape: &from },
        to: copy::End { archive: &archive, shape: &to },
        packages: &["hello".parse().unwrap()],
        with_binaries,
        unembargo: false,
        auto_approve: false,
        actor: &actor,
        reason: "",
    };
    let copied = house.db.write(|tx| -> Result<_, copy::CopyError> {
        let plan = copy::plan(tx, &librarian, &request)?.unwrap();
        Ok(copy::carry_out(tx, &request, &plan, now)?)
    });
    copied.unwrap().remove(0).outcome
}

#[test]
fn a_copy_that_brings_what_was_built_ends_the_builds_that_wait_for_it() {
    for (status, to) in [(SeriesStatus::Development, "s"), (SeriesStatus::Current, "s-updates")] {
        let mut house = House::new(&["main"], &["amd64", "arm64"]);
        let (_, source) = house.accept("s-proposed", &HELLO);
        house.process();
        // built elsewhere, and only for one architecture
        let data = Package::new("hello-data", "1", "all").field("Source", "hello");
        house.import("s-proposed", None, &[Package::new("hello", "1", "amd64"), data]);
        house.publish(Wanted::Changed);
        assert_eq!(house.builds(source), ["amd64+ NEEDSBUILD 4005", "arm64 NEEDSBUILD 4005"]);
        house.change_series(&SeriesChange { status: Some(status), ..SeriesChange::default() });
        let archive = house.archive.clone();
        let copied = copy_hello_with(&mut house, (&archive, "s-proposed"), to, true);
        if let copy::Outcome::Queued { upload, status } = copied {
            // nothing has come yet
            assert_eq!(house.builds(source)[0], "amd64+ NEEDSBUILD 4005");
            let (now, change) = (house.now, (status, UploadStatus::Accepted));
            house
                .db
                .write(|tx| package_upload::change_status(tx, UploadId(upload), change, "ann", "", now))
                .unwrap();
            assert_eq!(house.process().done.len(), 1);
        } else {
            assert_eq!(status, SeriesStatus::Development, "{copied:?}");
        }
        assert_eq!(house.builds(source), ["amd64+ SUPERSEDED 4005", "arm64 NEEDSBUILD 4005"]);
        let ended = build_of(&house, source, "amd64");
        let events = build_rows::events_of(house.db.read(), ended).unwrap();
        assert_eq!(events.last().unwrap().comment, "its binary packages came in otherwise");
        assert!(house.claim("amd64", "alpha").is_none());
        assert_eq!(house.claim("arm64", "alpha").unwrap().source, source);
        // the source alone ends nothing
        let (_, other) = house.accept("s-proposed", &Source { version: "2", architecture: "amd64", ..HELLO });
        house.process();
        assert_eq!(house.builds(other), ["amd64 NEEDSBUILD 4005"]);
    }
}

fn bugs_of(outcome: &copy::Outcome) -> &[String] {
    match outcome {
        copy::Outcome::Pending { bugs, .. } => bugs,
        other @ (copy::Outcome::AsItWas | copy::Outcome::Queued { .. }) => panic!("{other:?}"),
    }
}

/// `hello` 1 in `s`, and 2 and 3 in `s-proposed`, each of which closes bugs; 4 was rejected, and 3 of another package is none of its.
fn tried(house: &mut House) {
    house.accept("s", &Source { changes: "Closes: 10\n", ..HELLO });
    house.process();
    house.publish(Wanted::Changed);
    for (version, changes) in [("2", "Closes: 20 21\n"), ("3", "Closes: 30\nLaunchpad-Bugs-Fixed: 31\n")] {
        house.accept("s-proposed", &Source { version, changes, ..HELLO });
    }
    let (rejected, _) =
        house.accept("s-proposed", &Source { version: "2.5", changes: "Closes: 40\n", ..HELLO });
    let now = house.now;
    let away = (UploadStatus::Accepted, UploadStatus::Rejected);
    house.db.write(|tx| package_upload::change_status(tx, rejected, away, "root", "", now)).unwrap();
    house.accept("s-proposed", &Source { name: "other", version: "3", changes: "Closes: 50\n", ..HELLO });
    assert!(house.process().done.iter().all(|one| one.bugs.is_empty()));
    house.publish(Wanted::Changed);
}

#[test]
fn a_copy_closes_the_bugs_of_all_versions_since_that_which_users_have() {
    let mut house = House::new(&["main"], &["amd64"]);
    house
        .db
        .read()
        .execute_batch("UPDATE distribution SET bug_webhook = 'https://bugs.example.org/closed'")
        .unwrap();
    tried(&mut house);
    // builds of it wait in the archive, which would be made anew
    house.db.read().execute_batch("UPDATE binary_package_build SET status = 'FAILEDTOBUILD'").unwrap();
    let outcome = copy_hello(&mut house, "s-proposed", "s");
    assert_eq!(bugs_of(&outcome), ["DEBBUGS 20", "DEBBUGS 21", "DEBBUGS 30", "LAUNCHPAD 31"]);
    // the first one's own bug waits too
    assert_eq!(house.tell(Telling::Told), Told { bugs: 5, problems: Vec::new() });
    let told: Vec<String> = {
        let read = house.db.read();
        let mut statement =
            read.prepare("SELECT CAST(content AS TEXT) FROM outbox_message ORDER BY id").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert!(told.iter().all(|one| !one.contains("s-proposed")), "{told:?}");
    assert_eq!(copy_hello(&mut house, "s-proposed", "s"), copy::Outcome::AsItWas);
    assert_eq!(house.tell(Telling::Told), Told::default());
}

#[test]
fn a_copy_over_two_steps_closes_what_was_uploaded_where_it_began() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (reference, now): (ArchiveReference, _) = ("d/trial".parse().unwrap(), house.now);
    house
        .db
        .write(|tx| {
            let row = distribution::distribution(tx, reference.distribution())?;
            create_archive(tx, &row, &reference, ArchivePurpose::Partner, "trial", now)
        })
        .unwrap();
    house.accept("s", &Source { changes: "Closes: 10\n", ..HELLO });
    house.process();
    let trial = archive(house.db.read(), &reference).unwrap();
    let own = std::mem::replace(&mut house.archive, trial.clone());
    // 2 and 3 are tried there, and 3 is copied on; users have more than 0.9, and 4 comes too late
    for (version, changes) in [("0.9", "Closes: 9\n"), ("2", "Closes: 20\n"), ("3", "Closes: 30\n")] {
        house.accept("s", &Source { version, changes, ..HELLO });
        house.process();
    }
    house.archive = own;
    house.db.read().execute_batch("UPDATE binary_package_build SET status = 'FAILEDTOBUILD'").unwrap();
    let first = copy_hello_from(&mut house, (&trial, "s"), "s-proposed");
    assert!(bugs_of(&first).is_empty(), "{first:?}");
    let own = std::mem::replace(&mut house.archive, trial.clone());
    // back to where it came from: the way goes in a circle
    let primary = own.clone();
    let back = copy_hello_from(&mut house, (&primary, "s-proposed"), "s-proposed");
    assert!(bugs_of(&back).is_empty(), "{back:?}");
    house.accept("s", &Source { version: "4", changes: "Closes: 40\n", ..HELLO });
    house.process();
    house.archive = own;
    house.db.read().execute_batch("UPDATE binary_package_build SET status = 'FAILEDTOBUILD'").unwrap();
    let second = copy_hello(&mut house, "s-proposed", "s");
    assert_eq!(bugs_of(&second), ["DEBBUGS 20", "DEBBUGS 30"]);
}

#[test]
fn a_copy_closes_nothing_where_it_is_only_tried_and_what_waits_closes_when_it_is_accepted() {
    let mut house = House::new(&["main"], &["amd64"]);
    tried(&mut house);
    house.db.read().execute_batch("UPDATE binary_package_build SET status = 'FAILEDTOBUILD'").unwrap();
    house.change_series(&SeriesChange { status: Some(SeriesStatus::Current), ..SeriesChange::default() });
    let outcome = copy_hello(&mut house, "s-proposed", "s-updates");
    let copy::Outcome::Queued { upload, .. } = outcome else { panic!("{outcome:?}") };
    let (upload, now) = (UploadId(upload), house.now);
    assert_eq!(closed_by(&house, upload), 0);
    let accepted = (UploadStatus::Unapproved, UploadStatus::Accepted);
    house.db.write(|tx| package_upload::change_status(tx, upload, accepted, "root", "", now)).unwrap();
    let report = house.process();
    assert_eq!(report.done[0].bugs, ["DEBBUGS 20", "DEBBUGS 21", "DEBBUGS 30", "LAUNCHPAD 31"]);
}

#[test]
fn what_cannot_be_told_holds_no_package_back_and_is_told_later() {
    let mut house = House::new(&["main"], &["amd64"]);
    house
        .db
        .read()
        .execute_batch("UPDATE distribution SET bug_webhook = 'https://bugs.example.org/closed'")
        .unwrap();
    let (upload, _) = house.accept("s", &Source { changes: "Closes: 12\n", ..HELLO });
    house.process();
    let changes = package_upload::upload(house.db.read(), upload).unwrap().changes_file.unwrap();
    let path = house.librarian.path(&library_file::sha256_of(house.db.read(), changes).unwrap());
    let original = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let told = house.tell(Telling::Told);
    assert!(told.problems[0].starts_with("nobody was told of the 1 bugs that upload 1 closes"), "{told:?}");
    assert_eq!((house.status_of(upload), house.messages()), (UploadStatus::Done, 0));
    disk::write_staged(&path, &original).unwrap();
    assert_eq!(house.tell(Telling::Told).bugs, 1);
}

#[test]
fn whoever_is_not_to_be_told_never_is() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.accept("s", &Source { changes: "Closes: 12\n", ..HELLO });
    house.process();
    assert_eq!(house.tell(Telling::KeptQuiet), Told::default());
    assert_eq!(house.tell(Telling::Told), Told::default());
    assert_eq!(house.messages(), 0);
}

#[test]
fn builds_that_are_missing_are_made_for_what_is_published() {
    let mut house = House::new(&["main"], &["amd64"]);
    let (_, hello) = house.accept("s", &HELLO);
    let (_, bye) = house.accept("s", &Source { name: "bye", architecture: "amd64", ..HELLO });
    house.process();
    house.publish(Wanted::Changed);
    let series = house.shape("s").series.id;
    house
        .db
        .write(|tx| {
            pressroom_archive::store::series::set_architecture(tx, series, &"arm64".parse().unwrap(), true)
        })
        .unwrap();
    let (shape, archive, now) = (house.shape("s"), house.archive.clone(), house.now);
    let sources = build_source::published_sources(house.db.read(), shape.suite.id).unwrap();
    assert_eq!(sources.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["bye", "hello"]);
    let create = |house: &mut House| {
        let mut made = 0;
        for one in &sources {
            made += house
                .db
                .write(|tx| build::create::create_missing(tx, &archive, &shape, one.id, now))
                .unwrap()
                .len();
        }
        made
    };
    assert_eq!(create(&mut house), 1);
    assert_eq!(house.builds(hello), ["amd64+ NEEDSBUILD 2505", "arm64 NEEDSBUILD 2505"]);
    assert_eq!(house.builds(bye), ["amd64 NEEDSBUILD 2505"]);
    assert_eq!(create(&mut house), 0);
}

// ---------------------------------------------------------------- binaries that wait for each other

/// A suite that publishes the binaries of a source together, an hour after the first at the latest; its source `hello` is published, its builds are to come.
fn grouped() -> (House, SourceReleaseId) {
    let mut house = House::new(&["main"], &["amd64", "arm64", "i386"]);
    let suite = house.shape("s").suite.id;
    house
        .db
        .write(|tx| {
            let change = SuiteChange {
                group_by_source: Some(true),
                group_by_source_seconds: Some(3600),
                ..SuiteChange::default()
            };
            suite_hold::change_suite(tx, suite, &change)
        })
        .unwrap();
    let (_, source) = house.accept("s", &HELLO);
    house.process();
    house.publish(Wanted::Changed);
    assert_eq!(house.builds(source).len(), 3);
    (house, source)
}

fn build_of(house: &House, source: SourceReleaseId, architecture: &str) -> BuildId {
    let builds = build_rows::builds_of_source(house.db.read(), house.archive.id, source).unwrap();
    builds.iter().find(|build| build.architecture.as_str() == architecture).unwrap().id
}

fn waiting(house: &House) -> (u64, u64) {
    let dirt = suite::dirt(house.db.read(), house.shape("s").suite, house.now).unwrap();
    (dirt.pending, dirt.held)
}

#[test]
fn binaries_of_a_source_are_published_together_when_no_build_is_to_come() {
    let (mut house, source) = grouped();
    // a field after the description
    let data = Package::new("hello-data", "1", "all").note("\nSource: hello");
    house.import("s", None, &[Package::new("hello", "1", "amd64"), data]);
    house.set_status(build_of(&house, source, "amd64"), BuildStatus::FullyBuilt);
    // they are no reason for a pass, and a pass that something else asks for leaves them
    assert_eq!(waiting(&house), (0, 4));
    assert!(house.dirt().is_empty());
    house.import("s", None, &[Package::new("other", "1", "amd64")]);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["other 1"]);
    house.set_status(build_of(&house, source, "arm64"), BuildStatus::FailedToBuild);
    assert_eq!(waiting(&house), (0, 4), "one is to come");
    house.import("s", None, &[Package::new("hello", "1", "i386")]);
    house.set_status(build_of(&house, source, "i386"), BuildStatus::FullyBuilt);
    assert_eq!(waiting(&house), (5, 0));
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["hello 1", "hello-data 1", "other 1"]);
    assert_eq!(house.packages("s/main/binary-i386/Packages"), ["hello 1", "hello-data 1"]);
}

#[test]
fn an_architecture_that_is_off_is_not_waited_for_and_nothing_waits_for_ever() {
    let (mut house, source) = grouped();
    house.import("s", None, &[Package::new("hello", "1", "amd64")]);
    for architecture in ["amd64", "arm64"] {
        house.set_status(build_of(&house, source, architecture), BuildStatus::FullyBuilt);
    }
    assert_eq!(waiting(&house), (0, 1));
    let series = house.shape("s").series.id;
    let i386 = "i386".parse().unwrap();
    house.db.write(|tx| series::set_architecture(tx, series, &i386, false)).unwrap();
    assert_eq!(waiting(&house), (1, 0));
    house.db.write(|tx| series::set_architecture(tx, series, &i386, true)).unwrap();
    assert_eq!(waiting(&house), (0, 1));
    house.now += SignedDuration::from_secs(3599);
    assert_eq!(waiting(&house), (0, 1));
    house.now += SignedDuration::from_secs(1);
    assert_eq!(waiting(&house), (1, 0));
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["hello 1"]);
}
