//! Copies between suites and archives, packages that are filed elsewhere, and what removals ask for: with the rights of whoever wants them.

use pressroom_archive::copy::judge::Objection;
use pressroom_archive::copy::{Copied, CopyError, Copying, End, Outcome, Wish, carry_out, plan};
use pressroom_archive::domain::{
    ArchivePurpose, ArchiveReference, PackageKind, Permission, PersonKind, PersonName, Pocket, SeriesStatus,
    Sha256, SourceFormat, SourceFormats, SourceName, UploadStatus,
};
use pressroom_archive::overrides::{self, Of, OverrideError, Word};
use pressroom_archive::people::Actor;
use pressroom_archive::refile::{Change, RefileError, Refiled, RefiledPackages, Refiling, refile};
use pressroom_archive::store::archive::{Archive, ArchiveChange, archive, change_archive, create_archive};
use pressroom_archive::store::archive_permission::{NewPermission, Scope, grant, revoke};
use pressroom_archive::store::distribution::distribution;
use pressroom_archive::store::override_change::last_override_changes;
use pressroom_archive::store::package_copy::last_copies;
use pressroom_archive::store::person::{NewPerson, PersonChange, change_person, create_person, person};
use pressroom_archive::store::publication::Phasing;
use pressroom_archive::store::removal::{self, components_of};
use pressroom_archive::store::series::SeriesChange;
use pressroom_archive::store::shape::{SuiteShape, shape};
use pressroom_archive::store::{StoreError, package_upload, suite};

use crate::fixture::{House, Package, Wanted};

/// What a test asks for, besides packages.
#[derive(Clone, Copy)]
struct Asked<'a> {
    from: (&'a Archive, &'a str),
    to: (&'a Archive, &'a str),
    binaries: bool,
    unembargo: bool,
    auto_approve: bool,
    actor: &'a Actor,
}

fn operator() -> Actor {
    Actor::Operator { name: "root".to_owned() }
}

/// `hello` 1 as a source and two binary packages, published in `s-proposed`.
fn house() -> House {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    let release = house.source("hello", "1", &[("debian/control", b"Source: hello\n")]);
    house.publish_source("s-proposed", release, "hello");
    let packages = [Package::new("hello", "1", "amd64"), Package::new("hello", "1", "arm64")];
    house.import("s-proposed", Some("main"), &packages);
    house.publish(Wanted::Changed);
    house
}

fn shape_of(house: &House, archive: &Archive, name: &str) -> SuiteShape {
    let suite = suite::suite(house.db.read(), archive.id, &name.parse().unwrap()).unwrap();
    shape(house.db.read(), suite).unwrap()
}

fn request<'a>(
    asked: Asked<'a>,
    (from, to): (&'a SuiteShape, &'a SuiteShape),
    packages: &'a [Wish],
) -> Copying<'a> {
    Copying {
        from: End { archive: asked.from.0, shape: from },
        to: End { archive: asked.to.0, shape: to },
        packages,
        with_binaries: asked.binaries,
        unembargo: asked.unembargo,
        auto_approve: asked.auto_approve,
        actor: asked.actor,
        reason: "it was tested",
    }
}

fn copy(house: &mut House, asked: Asked<'_>, packages: &[&str]) -> Result<Vec<Copied>, Vec<Objection>> {
    let packages: Vec<_> = packages.iter().map(|package| package.parse().unwrap()).collect();
    let (from, to) = (shape_of(house, asked.from.0, asked.from.1), shape_of(house, asked.to.0, asked.to.1));
    let request = request(asked, (&from, &to), &packages);
    let (librarian, now) = (house.librarian.clone(), house.now);
    house
        .db
        .write(|tx| -> Result<_, CopyError> {
            Ok(match plan(tx, &librarian, &request)? {
                Ok(plan) => Ok(carry_out(tx, &request, &plan, now)?),
                Err(against) => Err(against),
            })
        })
        .unwrap()
}

/// Copies within the primary archive, with binaries, as the operator.
fn copy_on(
    house: &mut House,
    from: &str,
    to: &str,
    packages: &[&str],
) -> Result<Vec<Copied>, Vec<Objection>> {
    let (own, actor) = (house.archive.clone(), operator());
    let asked = Asked {
        from: (&own, from),
        to: (&own, to),
        binaries: true,
        unembargo: false,
        auto_approve: false,
        actor: &actor,
    };
    copy(house, asked, packages)
}

fn checks(result: Result<Vec<Copied>, Vec<Objection>>) -> Vec<&'static str> {
    result.unwrap_err().into_iter().map(|objection| objection.check).collect()
}

fn add_archive(house: &mut House, reference: &str, purpose: ArchivePurpose) -> Archive {
    let reference: ArchiveReference = reference.parse().unwrap();
    let now = house.now;
    house
        .db
        .write(|tx| {
            let row = distribution(tx, reference.distribution())?;
            create_archive(tx, &row, &reference, purpose, "another", now).map(|_| ())
        })
        .unwrap();
    archive(house.db.read(), &reference).unwrap()
}

fn add_person(house: &mut House, name: &str) -> Actor {
    let (name, now): (PersonName, _) = (name.parse().unwrap(), house.now);
    house
        .db
        .write(|tx| {
            let new = NewPerson { name: &name, kind: PersonKind::Person, display_name: "Ann Uploader" };
            create_person(tx, &new, now)
        })
        .unwrap();
    Actor::Person(person(house.db.read(), &name).unwrap())
}

fn permit(house: &mut House, archive: &Archive, actor: &Actor, permission: Permission, scope: Scope) {
    let (Actor::Person(person), now) = (actor, house.now) else { panic!("an operator may everything") };
    let new =
        NewPermission { archive: archive.id, person: person.id, permission, scope: &scope, series: None };
    house.db.write(|tx| grant(tx, &new, "root", now)).unwrap();
}

fn component_scope(house: &House, name: &str) -> Scope {
    Scope::Component(house.component(name), name.parse().unwrap())
}

fn set_status(house: &mut House, status: SeriesStatus) {
    house.change_series(&SeriesChange { status: Some(status), ..SeriesChange::default() });
}

#[test]
fn what_was_tested_moves_with_its_binaries_as_it_is() {
    let mut house = house();
    let copied = copy_on(&mut house, "s-proposed", "s", &["hello"]).unwrap();
    assert_eq!(copied[0].binaries, ["hello (amd64)", "hello (arm64)"]);
    assert_eq!(copied[0].outcome, Outcome::Pending { publications: 3, builds: Vec::new(), bugs: Vec::new() });
    house.publish(Wanted::Changed);
    for architecture in ["amd64", "arm64"] {
        let index = format!("s/main/binary-{architecture}/Packages");
        assert_eq!(house.packages(&index), ["hello 1"]);
        assert_eq!(
            house.index(&index),
            house.index(&format!("s-proposed/main/binary-{architecture}/Packages"))
        );
    }
    assert_eq!(house.packages("s/main/source/Sources"), ["hello 1"]);
    // again it changes nothing, and is not kept as a copy
    let again = copy_on(&mut house, "s-proposed", "s", &["hello=1"]).unwrap();
    assert_eq!(again[0].outcome, Outcome::AsItWas);
    let log = last_copies(house.db.read(), house.shape("s").suite.id, 10).unwrap();
    assert_eq!(log.len(), 1);
    assert_eq!((log[0].reason.as_str(), log[0].requester.as_str()), ("it was tested", "root"));
    assert_eq!(log[0].from.to_string(), "s-proposed");
}

#[test]
fn all_are_copied_or_none_and_every_reason_is_said() {
    let mut house = house();
    let against =
        copy_on(&mut house, "s-proposed", "s", &["hello", "nothing", "hello=2", "hello=1"]).unwrap_err();
    let said: Vec<String> = against.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "nothing: there is no source package nothing in s-proposed of d: names are those of source packages",
            "hello=2: 2 was never in s-proposed of d: name a version that was there: 1",
        ]
    );
    assert_eq!(house.pending(), 0);
}

#[test]
fn the_target_decides_what_comes_in_at_all() {
    let mut house = house();
    assert_eq!(checks(copy_on(&mut house, "s-proposed", "s-proposed", &["hello"])), ["same-suite"]);
    assert_eq!(checks(copy_on(&mut house, "s-proposed", "s-updates", &["hello"])), ["pocket"]);
    set_status(&mut house, SeriesStatus::Current);
    let against = copy_on(&mut house, "s-proposed", "s", &["hello"]).unwrap_err();
    assert!(against[0].to_string().contains("its release pocket does not change"), "{}", against[0]);
    let formats = Some(SourceFormats::new([SourceFormat::Quilt]).unwrap());
    house.change_series(&SeriesChange { source_formats: formats, ..SeriesChange::default() });
    assert_eq!(checks(copy_on(&mut house, "s-proposed", "s-updates", &["hello"])), ["format"]);
}

#[test]
fn a_series_that_does_not_move_has_copies_looked_at() {
    let mut house = house();
    set_status(&mut house, SeriesStatus::Frozen);
    let copied = copy_on(&mut house, "s-proposed", "s", &["hello"]).unwrap();
    let Outcome::Queued { upload, status } = copied[0].outcome else { panic!("{copied:?}") };
    assert_eq!(status, UploadStatus::Unapproved);
    let upload = pressroom_archive::domain::UploadId(upload);
    assert_eq!(package_upload::binaries_of(house.db.read(), upload).unwrap().len(), 2);
    let log = package_upload::log_of(house.db.read(), upload).unwrap();
    assert!(log[0].comment.starts_with("copied from s-proposed of d: "), "{log:?}");
    assert_eq!((log[1].reviewer.as_str(), log[1].comment.as_str()), ("root", "it was tested"));
    assert_eq!(house.pending(), 0);
    assert_eq!(checks(copy_on(&mut house, "s-proposed", "s", &["hello"])), ["waits"]);
    // past the queue, for whoever decides there
    let (own, actor) = (house.archive.clone(), operator());
    let asked = Asked {
        from: (&own, "s-proposed"),
        to: (&own, "s"),
        binaries: true,
        unembargo: false,
        auto_approve: true,
        actor: &actor,
    };
    assert!(matches!(copy(&mut house, asked, &["hello"]).unwrap()[0].outcome, Outcome::Pending { .. }));
}

#[test]
fn what_was_built_and_waits_for_somebody_is_waited_for() {
    let mut house = house();
    let upload = house.upload("s-proposed", "hello", "1", UploadStatus::New);
    house.add_binary(upload, &Package::new("hello-doc", "1", "all").field("Source", "hello"), "main");
    let against = copy_on(&mut house, "s-proposed", "s", &["hello"]).unwrap_err();
    let said: Vec<&str> = against.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(said, ["hello-doc (all) of 1 was built, and waits in the queue as upload 1"]);
    let (away, now) = ((UploadStatus::New, UploadStatus::Rejected), house.now);
    house.db.write(|tx| package_upload::change_status(tx, upload, away, "root", "", now)).unwrap();
    assert!(copy_on(&mut house, "s-proposed", "s", &["hello"]).is_ok());
}

#[test]
fn what_would_go_back_or_clash_is_refused() {
    let mut house = house();
    let newer = house.source("hello", "2", &[("debian/control", b"Source: hello\n")]);
    house.publish_source("s", newer, "hello");
    let against = copy_on(&mut house, "s-proposed", "s", &["hello"]).unwrap_err();
    assert!(against[0].to_string().contains("s has 2, which is higher than 1"), "{}", against[0]);
    // where the suite has none, its release pocket counts
    set_status(&mut house, SeriesStatus::Frozen);
    assert_eq!(checks(copy_on(&mut house, "s-proposed", "s-updates", &["hello"])), ["not-older"]);
    // the same file names with other content
    let other = add_archive(&mut house, "d/partner", ArchivePurpose::Partner);
    let own = std::mem::replace(&mut house.archive, other.clone());
    let release = house.source("hello", "1", &[("debian/control", b"another one\n")]);
    house.publish_source("s", release, "hello");
    house.archive = own.clone();
    let actor = operator();
    let asked = Asked {
        from: (&own, "s-proposed"),
        to: (&other, "s"),
        binaries: false,
        unembargo: false,
        auto_approve: false,
        actor: &actor,
    };
    let mut found = checks(copy(&mut house, asked, &["hello"]));
    found.dedup();
    assert_eq!(found, ["other-content", "other-source"]);
}

#[test]
fn what_was_accepted_with_other_content_is_in_the_way_and_what_still_waits_is_not() {
    for (status, expected) in [
        (UploadStatus::Accepted, Some("other-content")),
        (UploadStatus::New, None),
        (UploadStatus::Rejected, None),
    ] {
        let mut house = house();
        let other = add_archive(&mut house, "d/partner", ArchivePurpose::Partner);
        let own = std::mem::replace(&mut house.archive, other.clone());
        house.source_upload("s", ("hello", "1"), "main", status);
        house.archive = own.clone();
        let actor = operator();
        let asked = Asked {
            from: (&own, "s-proposed"),
            to: (&other, "s"),
            binaries: false,
            unembargo: false,
            auto_approve: true,
            actor: &actor,
        };
        match (copy(&mut house, asked, &["hello"]), expected) {
            (Ok(_), None) => {}
            (Err(against), Some(check)) => {
                assert!(against.iter().all(|one| one.check == check), "{against:?}");
                assert!(against[0].what.starts_with("upload 1 was accepted"), "{against:?}");
                assert!(against[0].remedy.contains("pressroom queue reject 1"), "{against:?}");
            }
            (result, _) => panic!("{status}: {result:?}"),
        }
    }
}

#[test]
fn a_copy_goes_into_no_archive_past_its_quota() {
    let mut house = house();
    // noise: it is no smaller in a tarball
    let (mut noise, mut last) = (Vec::new(), Sha256::of(b"noise"));
    while noise.len() < 700_000 {
        noise.extend_from_slice(last.as_bytes());
        last = Sha256::of(last.as_bytes());
    }
    for name in ["large", "other"] {
        let release = house.source(name, "1", &[("debian/noise", &noise), ("debian/name", name.as_bytes())]);
        house.publish_source("s-proposed", release, name);
    }
    let other = add_archive(&mut house, "d/partner", ArchivePurpose::Partner);
    let quota = ArchiveChange { authorized_size_mib: Some(Some(1)), ..ArchiveChange::default() };
    house.db.write(|tx| change_archive(tx, &other, &quota)).unwrap();
    let other = archive(house.db.read(), &"d/partner".parse().unwrap()).unwrap();
    let (own, actor) = (house.archive.clone(), operator());
    let asked = Asked {
        from: (&own, "s-proposed"),
        to: (&other, "s"),
        binaries: false,
        unembargo: false,
        auto_approve: true,
        actor: &actor,
    };
    // each would go there alone, and both do not
    let against = copy(&mut house, asked, &["large", "other"]).unwrap_err();
    assert_eq!(
        against.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "s of d/partner: the archive d/partner would be at 2 of 1 MiB with this copy: remove packages that are not needed, or ask an administrator for more"
        ]
    );
    copy(&mut house, asked, &["large"]).unwrap();
    assert_eq!(checks(copy(&mut house, asked, &["other"])), ["quota"]);
    // what is there takes no more room when it is copied once more
    let quota = ArchiveChange { authorized_size_mib: Some(Some(0)), ..ArchiveChange::default() };
    house.db.write(|tx| change_archive(tx, &other, &quota)).unwrap();
    let other = archive(house.db.read(), &"d/partner".parse().unwrap()).unwrap();
    assert_eq!(checks(copy(&mut house, Asked { to: (&other, "s"), ..asked }, &["hello"])), ["quota"]);
    house
        .db
        .write(|tx| -> Result<_, StoreError> {
            tx.execute("UPDATE binary_package_build SET status = 'FULLYBUILT'", []).unwrap();
            Ok(())
        })
        .unwrap();
    let within = Asked { from: (&other, "s"), to: (&other, "s-proposed"), ..asked };
    copy(&mut house, within, &["large"]).unwrap();
}

#[test]
fn a_source_alone_is_built_again_where_nothing_is_built_of_it() {
    let mut house = house();
    let (own, actor) = (house.archive.clone(), operator());
    let mut asked = Asked {
        from: (&own, "s-proposed"),
        to: (&own, "s"),
        binaries: false,
        unembargo: false,
        auto_approve: false,
        actor: &actor,
    };
    let against = copy(&mut house, asked, &["hello"]).unwrap_err();
    assert_eq!(against[0].check, "has-binaries");
    assert!(against[0].remedy.contains("--binaries"));
    let ppa = add_archive(&mut house, "d/rebuild", ArchivePurpose::Copy);
    asked.to = (&ppa, "s");
    let copied = copy(&mut house, asked, &["hello"]).unwrap();
    let Outcome::Pending { publications: 1, builds, .. } = &copied[0].outcome else { panic!("{copied:?}") };
    assert_eq!(builds.len(), 2);
    // what is built of it there would be lost among what is copied
    asked.binaries = true;
    assert!(copy(&mut house, asked, &["hello"]).is_ok());
}

#[test]
fn binaries_that_are_there_must_be_among_those_that_are_copied() {
    let mut house = house();
    let (own, actor) = (house.archive.clone(), operator());
    copy_on(&mut house, "s-proposed", "s", &["hello"]).unwrap();
    let suite = house.shape("s-proposed").suite.id;
    let now = house.now;
    let removal = removal::Removal {
        suite,
        name: "hello",
        extent: removal::RemovedPackages::Binaries,
        by: "root",
        comment: "",
    };
    house.db.write(|tx| removal::request_removal(tx, &removal, now)).unwrap();
    let asked = Asked {
        from: (&own, "s-proposed"),
        to: (&own, "s"),
        binaries: true,
        unembargo: false,
        auto_approve: false,
        actor: &actor,
    };
    assert_eq!(checks(copy(&mut house, asked, &["hello"])), ["no-binaries", "superset", "superset"]);
}

#[test]
fn what_is_private_is_disclosed_only_when_that_is_said_and_only_while_its_files_are_kept() {
    let mut house = house();
    let mut own = house.archive.clone();
    own.private = true;
    let (other, actor) = (add_archive(&mut house, "d/partner", ArchivePurpose::Partner), operator());
    let mut asked = Asked {
        from: (&own, "s-proposed"),
        to: (&other, "s"),
        binaries: true,
        unembargo: false,
        auto_approve: true,
        actor: &actor,
    };
    assert_eq!(checks(copy(&mut house, asked, &["hello"])), ["unembargo"]);
    asked.unembargo = true;
    // who only has a right where it goes does not get at it
    let ann = add_person(&mut house, "ann");
    let to_other = Scope::Archive;
    for permission in [Permission::Upload, Permission::QueueAdmin] {
        permit(&mut house, &other, &ann, permission, to_other.clone());
    }
    let hers = Asked { actor: &ann, ..asked };
    let against = copy(&mut house, hers, &["hello"]).unwrap_err();
    assert_eq!((against.len(), against[0].check), (1, "rights"));
    assert!(against[0].what.contains("d, which is private"), "{}", against[0]);
    permit(&mut house, &own, &ann, Permission::Upload, Scope::Source("another".parse().unwrap()));
    assert!(copy(&mut house, hers, &["hello"]).is_ok());
    assert!(copy(&mut house, asked, &["hello"]).is_ok());
    pressroom_archive::disk::discard_tree(&house.folder.path().join("librarian")).unwrap();
    assert_eq!(checks(copy(&mut house, asked, &["hello"])), ["expired"]);
}

#[test]
fn what_a_series_never_had_is_new_and_keeps_its_component() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    let other = add_archive(&mut house, "d/partner", ArchivePurpose::Partner);
    let own = house.archive.clone();
    let release = house.source("hello", "1", &[("debian/control", b"Source: hello\n")]);
    house.publish_source("s", release, "hello");
    house.import("s", Some("universe"), &[Package::new("hello", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let actor = operator();
    let asked = Asked {
        from: (&own, "s"),
        to: (&other, "s"),
        binaries: true,
        unembargo: false,
        auto_approve: false,
        actor: &actor,
    };
    let copied = copy(&mut house, asked, &["hello"]).unwrap();
    let Outcome::Queued { upload, status: UploadStatus::New } = copied[0].outcome else {
        panic!("{copied:?}")
    };
    let upload = pressroom_archive::domain::UploadId(upload);
    let binaries = package_upload::binaries_of(house.db.read(), upload).unwrap();
    assert_eq!((binaries[0].component.as_str(), binaries[0].filed.is_new), ("universe", true));
    assert!(package_upload::source_of(house.db.read(), upload).unwrap().unwrap().filed.is_new);
}

#[test]
fn an_architecture_that_the_target_lacks_is_left_out_and_said() {
    let mut house = house();
    let series = house.shape("s").series.id;
    let arm64 = "arm64".parse().unwrap();
    house
        .db
        .write(|tx| pressroom_archive::store::series::set_architecture(tx, series, &arm64, false).map(|_| ()))
        .unwrap();
    let copied = copy_on(&mut house, "s-proposed", "s", &["hello"]).unwrap();
    assert_eq!(copied[0].left_out, ["hello (arm64)"]);
    assert_eq!(copied[0].binaries, ["hello (amd64)"]);
}

#[test]
fn copies_take_the_rights_that_uploads_take() {
    let mut house = house();
    let (own, ann) = (house.archive.clone(), add_person(&mut house, "ann"));
    let mut asked = Asked {
        from: (&own, "s-proposed"),
        to: (&own, "s"),
        binaries: true,
        unembargo: false,
        auto_approve: false,
        actor: &ann,
    };
    let against = copy(&mut house, asked, &["hello"]).unwrap_err();
    assert_eq!(against[0].check, "rights");
    assert!(against[0].to_string().contains("permission grant ann UPLOAD"), "{}", against[0]);
    let universe = component_scope(&house, "universe");
    permit(&mut house, &own, &ann, Permission::Upload, universe);
    assert_eq!(checks(copy(&mut house, asked, &["hello"])), ["rights"]);
    let main = component_scope(&house, "main");
    permit(&mut house, &own, &ann, Permission::Upload, main);
    // to upload is not to decide
    asked.auto_approve = true;
    assert_eq!(checks(copy(&mut house, asked, &["hello"])), ["rights"]);
    asked.auto_approve = false;
    assert!(copy(&mut house, asked, &["hello"]).is_ok());
    permit(&mut house, &own, &ann, Permission::QueueAdmin, Scope::Pocket(Pocket::Release));
    asked.auto_approve = true;
    assert!(copy(&mut house, asked, &["hello"]).is_ok());
}

#[test]
fn a_right_that_was_taken_back_meanwhile_counts_no_more() {
    let mut house = house();
    let (own, ann, now) = (house.archive.clone(), add_person(&mut house, "ann"), house.now);
    let whole = NewPermission {
        archive: own.id,
        person: person(house.db.read(), &"ann".parse().unwrap()).unwrap().id,
        permission: Permission::QueueAdmin,
        scope: &Scope::Archive,
        series: None,
    };
    permit(&mut house, &own, &ann, Permission::Upload, Scope::Archive);
    permit(&mut house, &own, &ann, Permission::QueueAdmin, Scope::Archive);
    let asked = Asked {
        from: (&own, "s-proposed"),
        to: (&own, "s"),
        binaries: true,
        unembargo: false,
        auto_approve: true,
        actor: &ann,
    };
    let elsewhere = change(&house, Some("universe"), None, Phasing::Unsaid);
    // as in a command that was begun with the right, and is carried out without it
    let (from, to) = (house.shape("s-proposed"), house.shape("s"));
    let (hello, packages) = (["hello".parse().unwrap()], ["hello".parse().unwrap()]);
    let copied = request(asked, (&from, &to), &packages);
    let filed = filing(&own, &from, &ann, &hello, RefiledPackages::Binaries, &elsewhere);
    let librarian = house.librarian.clone();
    house
        .db
        .write(|tx| -> Result<(), CopyError> {
            assert!(plan(tx, &librarian, &copied)?.is_ok());
            assert!(revoke(tx, &whole)?);
            assert_eq!(plan(tx, &librarian, &copied)?.unwrap_err()[0].check, "rights");
            assert!(matches!(refile(tx, &filed, now), Err(RefileError::Denied(_))));
            grant(tx, &whole, "root", now)?;
            assert!(plan(tx, &librarian, &copied)?.is_ok());
            // nor does anything count of who was set inactive
            let Actor::Person(row) = &ann else { panic!("she is a person") };
            change_person(tx, row, &PersonChange { active: Some(false), ..PersonChange::default() })?;
            assert_eq!(plan(tx, &librarian, &copied)?.unwrap_err()[0].check, "rights");
            assert!(matches!(refile(tx, &filed, now), Err(RefileError::Denied(_))));
            Ok(())
        })
        .unwrap();
    assert_eq!(checks(copy(&mut house, asked, &["hello"])), ["rights"]);
    assert!(last_copies(house.db.read(), house.shape("s").suite.id, 10).unwrap().is_empty());
}

// ---------------------------------------------------------------- filed elsewhere

fn change(house: &House, component: Option<&str>, section: Option<&str>, phasing: Phasing) -> Change {
    Change {
        component: component.map(|name| (house.component(name), name.parse().unwrap())),
        section: section.map(|section| section.parse().unwrap()),
        priority: None,
        phasing,
    }
}

fn filing<'a>(
    archive: &'a Archive,
    shape: &'a SuiteShape,
    actor: &'a Actor,
    names: &'a [SourceName],
    extent: RefiledPackages,
    change: &'a Change,
) -> Refiling<'a> {
    Refiling { archive, shape, names, extent, change, actor, reason: "it belongs there" }
}

fn file(
    house: &mut House,
    actor: &Actor,
    name: &str,
    extent: RefiledPackages,
    change: &Change,
) -> Result<Vec<Refiled>, RefileError> {
    let (own, shape, now) = (house.archive.clone(), house.shape("s-proposed"), house.now);
    let names = [name.parse().unwrap()];
    let request = filing(&own, &shape, actor, &names, extent, change);
    house.db.write(|tx| refile(tx, &request, now))
}

#[test]
fn a_package_is_published_anew_where_it_is_filed_now() {
    let mut house = house();
    house.now += jiff::SignedDuration::from_secs(1);
    let elsewhere = change(&house, Some("universe"), Some("admin"), Phasing::Percentage(20));
    let changed =
        file(&mut house, &operator(), "hello", RefiledPackages::SourceAndBinaries, &elsewhere).unwrap();
    assert_eq!(changed.len(), 3);
    assert!(
        changed.iter().all(|one| one.waits && (one.from.as_str(), one.to.as_str()) == ("main", "universe"))
    );
    house.publish(Wanted::Changed);
    assert!(house.packages("s-proposed/main/binary-amd64/Packages").is_empty());
    assert!(house.packages("s-proposed/main/source/Sources").is_empty());
    assert_eq!(house.packages("s-proposed/universe/source/Sources"), ["hello 1"]);
    let index = house.index("s-proposed/universe/binary-amd64/Packages");
    assert!(index.contains("\nSection: universe/admin\n"), "{index}");
    assert!(index.contains("\nPhased-Update-Percentage: 20\n"), "{index}");
    // the same again changes nothing; a word on the section alone keeps the percentage
    let changed =
        file(&mut house, &operator(), "hello", RefiledPackages::SourceAndBinaries, &elsewhere).unwrap();
    assert!(changed.iter().all(|one| !one.waits));
    house.now += jiff::SignedDuration::from_secs(1);
    let section = change(&house, None, Some("devel"), Phasing::Unsaid);
    file(&mut house, &operator(), "hello", RefiledPackages::Binaries, &section).unwrap();
    house.publish(Wanted::Changed);
    let index = house.index("s-proposed/universe/binary-amd64/Packages");
    assert!(index.contains("universe/devel\n") && index.contains("Percentage: 20\n"), "{index}");
    house.now += jiff::SignedDuration::from_secs(1);
    let all = change(&house, None, None, Phasing::All);
    assert_eq!(
        file(&mut house, &operator(), "hello", RefiledPackages::SourceAndBinaries, &all).unwrap().len(),
        2
    );
    house.publish(Wanted::Changed);
    assert!(!house.index("s-proposed/universe/binary-amd64/Packages").contains("Percentage"));
    let log = last_override_changes(house.db.read(), house.shape("s-proposed").suite.id, 10).unwrap();
    let said: Vec<&str> = log.iter().map(|one| one.change.as_str()).collect();
    assert_eq!(
        said,
        [
            "given to all",
            "section devel",
            "component universe, section admin, given to 20 in a hundred",
            "component universe, section admin"
        ]
    );
    let texts = house.texts();
    house.publish(Wanted::All);
    assert_eq!(house.texts(), texts);
}

#[test]
fn filing_takes_the_right_over_both_components() {
    let mut house = house();
    let (own, ann) = (house.archive.clone(), add_person(&mut house, "ann"));
    let elsewhere = change(&house, Some("universe"), None, Phasing::Unsaid);
    let denied = |house: &mut House| {
        let error = file(house, &ann, "hello", RefiledPackages::Binaries, &elsewhere).unwrap_err();
        assert!(matches!(error, RefileError::Denied(_)), "{error}");
        error.to_string()
    };
    assert!(denied(&mut house).contains("main and universe"));
    let universe = component_scope(&house, "universe");
    permit(&mut house, &own, &ann, Permission::QueueAdmin, universe);
    assert!(denied(&mut house).contains("in main"));
    let main = component_scope(&house, "main");
    permit(&mut house, &own, &ann, Permission::QueueAdmin, main);
    assert_eq!(file(&mut house, &ann, "hello", RefiledPackages::Binaries, &elsewhere).unwrap().len(), 2);
}

#[test]
fn an_override_takes_the_right_over_where_a_package_is_and_where_it_goes() {
    let mut house = house();
    let (own, ann, now) = (house.archive.clone(), add_person(&mut house, "ann"), house.now);
    let (hello, component) = ("hello".parse().unwrap(), "universe".parse().unwrap());
    let series = house.shape("s").series.id;
    let of = Of { archive: &own, series, kind: PackageKind::Binary, package: &hello, actor: &ann };
    let word = Word {
        component: Some(&component),
        section: None,
        priority: None,
        fields: &[],
        architecture: None,
        published: true,
    };
    let set = |house: &mut House, word: &Word<'_>| house.db.write(|tx| overrides::set(tx, &of, word, now));
    let denied = |house: &mut House| match set(house, &word) {
        Err(OverrideError::Denied(denied)) => denied.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(denied(&mut house).contains("main and universe"));
    let universe = component_scope(&house, "universe");
    permit(&mut house, &own, &ann, Permission::QueueAdmin, universe);
    assert!(denied(&mut house).contains("in main"));
    assert!(house.db.write(|tx| overrides::remove(tx, &of)).is_err(), "it is where it was");
    let main = component_scope(&house, "main");
    permit(&mut house, &own, &ann, Permission::QueueAdmin, main);
    let elsewhere = "riscv64".parse().unwrap();
    let unknown = set(&mut house, &Word { architecture: Some(&elsewhere), ..word });
    assert!(matches!(unknown, Err(OverrideError::Store(StoreError::Unknown { .. }))), "{unknown:?}");
    assert_eq!(house.pending(), 0);
    set(&mut house, &word).unwrap();
    assert_eq!(house.pending(), 2, "it is published there, for each architecture");
    assert!(house.db.write(|tx| overrides::remove(tx, &of)).unwrap());
    assert!(!house.db.write(|tx| overrides::remove(tx, &of)).unwrap(), "once is enough");
}

#[test]
fn what_is_not_there_or_may_not_change_is_not_filed_elsewhere() {
    let mut house = house();
    let elsewhere = change(&house, Some("universe"), None, Phasing::Unsaid);
    for extent in [RefiledPackages::Binaries, RefiledPackages::Source, RefiledPackages::SourceAndBinaries] {
        let error = file(&mut house, &operator(), "nothing", extent, &elsewhere).unwrap_err().to_string();
        assert!(error.contains("nothing in s-proposed") && error.contains("nothing was changed"), "{error}");
    }
    set_status(&mut house, SeriesStatus::Supported);
    assert!(
        file(&mut house, &operator(), "hello", RefiledPackages::Source, &elsewhere).is_ok(),
        "a pocket moves"
    );
    let (own, shape) = (house.archive.clone(), house.shape("s"));
    let error = pressroom_archive::refile::refuse_stable(&own, &shape).unwrap_err().to_string();
    assert!(error.contains("--status FROZEN"), "{error}");
}

#[test]
fn a_removal_is_over_the_components_of_what_goes() {
    let house = house();
    let suite = house.shape("s-proposed").suite.id;
    let names = |name: &str, extent| -> Vec<String> {
        let found: Result<Vec<_>, StoreError> = components_of(house.db.read(), suite, name, extent);
        found.unwrap().into_iter().map(|(_, name)| name.to_string()).collect()
    };
    assert_eq!(names("hello", removal::RemovedPackages::SourceAndBinaries), ["main"]);
    assert_eq!(names("hello", removal::RemovedPackages::Binaries), ["main"]);
    assert!(names("nothing", removal::RemovedPackages::SourceAndBinaries).is_empty());
}
