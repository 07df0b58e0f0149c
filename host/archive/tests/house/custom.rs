//! Custom uploads: unpacked into the staged tree, kept three deep, carried out with the installation; what is hostile is refused, and the pass goes on.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;

use pressroom_archive::custom::{Inherited, Limits, inherit_customs};
use pressroom_archive::disk::{self, Identity};
use pressroom_archive::dists::{Recovered, recover};
use pressroom_archive::domain::digest::FileDigests;
use pressroom_archive::domain::{
    ArchivePurpose, CustomFormat, SeriesStatus, UploadId, UploadPolicy, UploadStatus,
};
use pressroom_archive::store::package_upload::{self, NewUpload};
use pressroom_archive::store::pass::{self, PlannedExchange};
use pressroom_archive::store::{StoreError, custom_publication, library_file, new_series, series};
use tar::EntryType;

use crate::fixture::{House, Package, Wanted};

/// An entry: its kind, path, content or target, mode.
type Entry<'a> = (EntryType, &'a str, &'a [u8], u32);

fn file<'a>(path: &'a str, content: &'a str) -> Entry<'a> {
    (EntryType::Regular, path, content.as_bytes(), 0o644)
}

fn packed<'a>(path: &'a str, content: &'a [u8]) -> Entry<'a> {
    (EntryType::Regular, path, content, 0o644)
}

fn link<'a>(path: &'a str, target: &'a str) -> Entry<'a> {
    (EntryType::Symlink, path, target.as_bytes(), 0o777)
}

/// A tar archive in which paths are as they are said, whatever they are.
fn tar_of(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (kind, path, content, mode) in entries {
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        let is_bare = matches!(*kind, EntryType::Symlink | EntryType::Link);
        header.set_size(if is_bare { 0 } else { content.len() as u64 });
        if is_bare {
            header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content);
        }
        header.set_cksum();
        tar.extend(header.as_bytes());
        if !is_bare {
            tar.extend(*content);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
    }
    tar.extend([0; 1024]);
    tar
}

fn gz(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn house() -> House {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house
}

/// An upload that was accepted, with one custom file that waits to be published in `s`.
fn upload(house: &mut House, format: CustomFormat, name: &str, content: &[u8]) -> UploadId {
    let (archive, shape, now) = (house.archive.id, house.shape("s"), house.now);
    let digests = FileDigests::of(content);
    house.librarian.keep_bytes(content, &digests).unwrap();
    let component = series::component(house.db.read(), shape.series.id, &"main".parse().unwrap()).unwrap();
    house
        .db
        .write(|tx| {
            let new = NewUpload {
                archive,
                suite: shape.suite.id,
                status: UploadStatus::Done,
                policy: UploadPolicy::Buildd,
                signer: None,
                signing_key: None,
                changed_by: "",
                changes_file: None,
                source_name: &"source".parse().unwrap(),
                version: &"1".parse().unwrap(),
                comment: "",
            };
            let upload = package_upload::add_upload(tx, &new, now)?;
            let file = library_file::alias(tx, &digests, &name.parse().unwrap(), now)?.row();
            let custom = package_upload::add_custom(tx, upload, format, file, component.id)?;
            custom_publication::publish_custom(tx, shape.suite.id, custom, now)?;
            Ok::<_, StoreError>(upload)
        })
        .unwrap()
}

fn installer(house: &mut House, version: &str, entries: &[Entry<'_>]) -> UploadId {
    let name = format!("debian-installer-images_{version}_amd64.tar.gz");
    upload(house, CustomFormat::DebianInstaller, &name, &gz(&tar_of(entries)))
}

fn plain_installer(house: &mut House, version: &str) -> UploadId {
    let path = format!("{version}/images/SHA256SUMS");
    installer(house, version, &[file(&path, version)])
}

/// What lies in a folder of the live suite: names, and where links lead.
fn names(house: &House, folder: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(house.paths.dists().join("s").join(folder)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        names.push(match fs::read_link(entry.path()) {
            Ok(target) => format!("{name} -> {}", target.display()),
            Err(_) => name,
        });
    }
    names.sort();
    names
}

fn text(house: &House, path: &str) -> String {
    fs::read_to_string(house.paths.dists().join("s").join(path)).unwrap()
}

/// Publishes, and gives the reason of the one that was refused.
fn refusal(house: &mut House) -> String {
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.customs.refused.len(), 1, "{:?}", prepared.customs);
    prepared.customs.refused[0].reason.clone()
}

#[test]
fn an_installer_is_unpacked_and_current_and_no_index_is_made_for_it() {
    let mut house = house();
    installer(
        &mut house,
        "20230607",
        &[
            (EntryType::Directory, "./installer-amd64/20230607/", b"", 0o2775),
            file("./installer-amd64/20230607/images/SHA256SUMS", "sums"),
            file("./installer-amd64/20230607/images/netboot/mini.iso", "iso"),
            link("./installer-amd64/20230607/images/current.iso", "netboot/mini.iso"),
            link("./installer-amd64/current", "20230607"),
        ],
    );
    assert!(house.dirt().iter().all(|dirt| dirt.customs == 1 && !dirt.needs_all_indexes()));
    let prepared = house.publish(Wanted::Changed);
    assert_eq!((prepared.customs.published, prepared.customs.refused.len()), (1, 0));
    assert!(prepared.built.iter().all(|built| built.indexes == 0));
    assert_eq!(names(&house, "main/installer-amd64"), ["20230607", "current -> 20230607"]);
    assert_eq!(text(&house, "main/installer-amd64/current/images/current.iso"), "iso");
    // it has sums of its own, and its files no names by hash
    assert!(!text(&house, "Release").contains("installer"));
    assert!(!house.paths.dists().join("s/main/installer-amd64/20230607/images/by-hash").exists());
    assert!(house.dirt().is_empty());
    house.assert_consistent();
    let live = disk::files_below(&house.paths.dists()).unwrap().len();
    house.publish(Wanted::All);
    assert_eq!(disk::files_below(&house.paths.dists()).unwrap().len(), live);
}

#[test]
fn the_three_highest_versions_stay_and_current_leads_to_the_highest() {
    let mut house = house();
    for version in ["20230101", "20230101+b1", "20240101~rc1"] {
        plain_installer(&mut house, version);
        house.publish(Wanted::Changed);
    }
    assert_eq!(
        names(&house, "main/installer-amd64"),
        ["20230101", "20230101+b1", "20240101~rc1", "current -> 20240101~rc1"]
    );
    // two at once, one of them lower than what is there
    plain_installer(&mut house, "20240101");
    plain_installer(&mut house, "20230101+b2");
    house.publish(Wanted::Changed);
    assert_eq!(
        names(&house, "main/installer-amd64"),
        ["20230101+b2", "20240101", "20240101~rc1", "current -> 20240101"]
    );
    // three higher ones are there: it is not unpacked at all
    plain_installer(&mut house, "20200101");
    let prepared = house.publish(Wanted::Changed);
    assert_eq!((prepared.customs.published, prepared.customs.superseded), (0, 1));
    assert_eq!(names(&house, "main/installer-amd64").len(), 4);
    assert!(house.dirt().is_empty());
}

#[test]
fn a_version_that_is_there_is_refused_for_good_and_the_rest_is_published() {
    let mut house = house();
    plain_installer(&mut house, "1.0");
    house.publish(Wanted::Changed);
    let again = installer(&mut house, "1.0-0", &[file("1.0-0/other", "")]);
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let reason = refusal(&mut house);
    assert!(reason.contains("version 1.0 is in main/installer-amd64 already"), "{reason}");
    assert!(reason.contains("higher version"), "{reason}");
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["aa 2"]);
    assert_eq!(text(&house, "main/installer-amd64/1.0/images/SHA256SUMS"), "1.0");
    assert!(house.dirt().is_empty());
    let log = package_upload::log_of(house.db.read(), again).unwrap();
    assert_eq!(log.last().unwrap().comment, reason);
    assert!(house.publish(Wanted::All).customs.refused.is_empty(), "it is said once");
}

#[test]
fn what_is_hostile_is_refused_with_its_reason_and_leaves_nothing() {
    let device = (EntryType::Char, "1/null", &b""[..], 0o666);
    let sparse = (EntryType::GNUSparse, "1/sparse", &b""[..], 0o644);
    let setuid = (EntryType::Regular, "1/su", &b"x"[..], 0o4755);
    let cases: Vec<(&str, Vec<Entry<'_>>)> = vec![
        ("is absolute", vec![file("/etc/cron.d/x", "x")]),
        ("has .. in it", vec![file("1/../../../x", "x")]),
        ("has .. in it", vec![file("../x", "x"), file("1/a", "a")]),
        ("is a device", vec![device]),
        ("is a FIFO", vec![(EntryType::Fifo, "1/fifo", b"", 0o644)]),
        ("is a hard link", vec![file("1/a", ""), (EntryType::Link, "1/b", b"1/a", 0o644)]),
        ("is a hard link", vec![(EntryType::Link, "1/b", b"/etc/passwd", 0o644)]),
        ("a sparse file", vec![sparse]),
        ("setuid", vec![setuid]),
        ("leads to \"/etc\"", vec![file("1/a", ""), link("1/etc", "/etc")]),
        ("not inside of 1", vec![file("1/a", ""), link("1/up", "../..")]),
        ("not inside of 1", vec![file("1/a", ""), link("1/b/up", "../../x")]),
        // through another link, `..` leads elsewhere than it reads
        ("not inside of 1", vec![file("1/a", ""), link("1/b/c", "../."), link("1/x", "b/c/../../y")]),
        ("not inside of 1", vec![file("1/a", ""), link("1/loop", "loop")]),
        ("below something that is no folder", vec![link("1/l", "/tmp"), file("1/l/x", "x")]),
        ("below something that is no folder", vec![file("1/l", ""), file("1/l/x", "x")]),
        ("is in it twice", vec![file("1/a", "1"), file("1/./a", "2")]),
        ("is in it twice", vec![file("1/a/b", "1"), link("1/a", ".")]),
        ("a control character", vec![file("1/a\x1b[2J", "")]),
        ("has to be a folder", vec![link("1", ".")]),
        ("nothing in it is below 1", vec![file("2/a", ""), link("current", "2")]),
        ("nothing in it is below 1", vec![]),
    ];
    let mut house = house();
    for (number, (expected, entries)) in cases.into_iter().enumerate() {
        let before: BTreeSet<String> =
            disk::files_below(house.folder.path()).unwrap().into_iter().map(|file| file.path).collect();
        installer(&mut house, "1", &entries);
        let version = format!("2.{number}");
        house.import("s", None, &[Package::new("aa", &version, "amd64")]);
        let reason = refusal(&mut house);
        assert!(reason.contains(expected), "{expected}: {reason}");
        assert!(!reason.chars().any(char::is_control), "{reason:?}");
        let packages = house.packages("s/main/binary-amd64/Packages");
        assert_eq!(packages, [format!("aa {version}")], "{expected}");
        let new = disk::files_below(house.folder.path()).unwrap().into_iter().map(|file| file.path);
        let strange: Vec<String> = new
            .filter(|path| !before.contains(path) && !path.starts_with("librarian/"))
            .filter(|path| !path.contains("by-hash") && !path.contains("/pool/") && !path.starts_with("db"))
            .collect();
        assert!(strange.is_empty(), "{expected}: {strange:?}");
        house.assert_consistent();
    }
}

#[test]
fn what_is_damaged_or_too_large_is_refused() {
    let whole = gz(&tar_of(&[file("1/a", &"a".repeat(5000))]));
    let mut changed = tar_of(&[file("1/a", "")]);
    changed[0] = b'2';
    let mut lies = tar_of(&[file("1/a", "")]);
    lies.truncate(512);
    let long: Vec<u8> = {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 30);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let many: Vec<String> = (0..50).map(|number| format!("1/{number}")).collect();
    let many: Vec<Entry<'_>> = many.iter().map(|path| file(path, "")).collect();
    let mut house = house();
    house.custom_limits = Limits { entries: 40, ..Limits::new(100_000) };
    for (expected, content) in [
        ("cannot be decompressed", b"not gzip".to_vec()),
        ("cannot be decompressed", whole[..whole.len() - 9].to_vec()),
        ("cannot be decompressed", Vec::new()),
        ("its checksum does not fit", gz(&changed)),
        ("is too long", gz(&long)),
        ("in the middle of a header", gz(&lies[..300])),
        ("more than 40 entries", gz(&tar_of(&many))),
        ("more than 100000 bytes when decompressed", gz(&tar_of(&[file("1/zero", &"\0".repeat(200_000))]))),
    ] {
        upload(&mut house, CustomFormat::DebianInstaller, "debian-installer-images_1_amd64.tar.gz", &content);
        let reason = refusal(&mut house);
        assert!(reason.contains(expected), "{expected}: {reason}");
        assert!(!house.paths.dists().join("s/main/installer-amd64").exists(), "{expected}");
    }
}

#[test]
fn links_that_take_too_long_to_follow_are_refused() {
    let mut house = house();
    // each leads to the one before, and forty of them to a file
    let links: Vec<(String, String)> = (1..2000)
        .map(|number| {
            let next = if number % 40 == 0 { "a".to_owned() } else { (number - 1).to_string() };
            (format!("1/{number}"), format!("{}{next}", "./".repeat(45)))
        })
        .collect();
    let mut entries = vec![file("1/a", "")];
    entries.extend(links.iter().map(|(name, target)| link(name, target)));
    installer(&mut house, "1", &entries);
    let reason = refusal(&mut house);
    assert!(reason.contains("more than 1048576 names on the ways of its links"), "{reason}");
}

#[test]
fn a_tarball_that_grows_a_thousandfold_is_refused_whatever_the_limit() {
    let mut house = house();
    let zeros = vec![0; 80 << 20];
    let tar = tar_of(&[(EntryType::Regular, "1/zero", &zeros, 0o644)]);
    let packed = zstd::bulk::compress(&tar, 1).unwrap();
    upload(&mut house, CustomFormat::Signing, "shim_1_amd64.tar.zst", &packed);
    let reason = refusal(&mut house);
    assert!(reason.contains("more than 67108864 bytes when decompressed"), "{reason}");
}

#[test]
fn links_that_stay_inside_are_published() {
    let mut house = house();
    let entries = [
        file("1/a/b/c", "c"),
        link("1/x", "a/b"),
        link("1/y", "x/../b/./c"),
        link("1/a/dangling", "../none"),
    ];
    let packed = gz(&tar_of(&entries));
    upload(&mut house, CustomFormat::Uefi, "grub2_1_amd64.tar.gz", &packed);
    assert!(house.publish(Wanted::Changed).customs.refused.is_empty());
    assert_eq!(text(&house, "main/signed/grub2-amd64/current/y"), "c");
    let listed = names(&house, "main/signed/grub2-amd64/1");
    assert_eq!(listed, ["a", "x -> a/b", "y -> x/../b/./c"]);
}

#[test]
fn something_else_in_the_place_is_not_followed() {
    let mut house = house();
    let outside = house.folder.path().join("outside");
    disk::make_folder(&outside).unwrap();
    disk::symlink(&outside, &house.paths.dists().join("s/main/installer-amd64")).unwrap();
    plain_installer(&mut house, "1");
    let reason = refusal(&mut house);
    assert!(reason.contains("installer-amd64 on the way to main/installer-amd64 is no folder"), "{reason}");
    assert_eq!(fs::read_dir(outside).unwrap().count(), 0);
}

#[test]
fn translations_take_the_place_of_those_before_and_are_listed() {
    let mut house = house();
    let ddtp = |house: &mut House, version: &str, entries: &[Entry<'_>]| {
        let name = format!("translations_main_{version}.tar.gz");
        upload(house, CustomFormat::DdtpTarball, &name, &gz(&tar_of(entries)))
    };
    let (german, french) = (gz(b"deutsch"), gz(b"fran\xc3\xa7ais"));
    ddtp(
        &mut house,
        "1",
        &[packed("i18n/Translation-de.gz", &german), packed("i18n/Translation-fr.gz", &french)],
    );
    assert!(house.publish(Wanted::Changed).customs.refused.is_empty());
    let release = text(&house, "Release");
    assert!(
        release.contains("main/i18n/Translation-de.gz") && release.contains(" main/i18n/Translation-de\n")
    );
    // another form of the same language, and one language less
    let xz = liblzma::encode_all(&b"Deutsch"[..], 1).unwrap();
    ddtp(&mut house, "2", &[packed("i18n/Translation-de.xz", &xz), file("README", "not published")]);
    assert!(house.publish(Wanted::Changed).customs.refused.is_empty());
    assert_eq!(names(&house, "main/i18n"), ["Translation-de.xz", "by-hash"]);
    house.assert_consistent();
    // what would make a Release fail, or is no news
    let forms = [packed("i18n/Translation-de.xz", &xz), packed("i18n/Translation-de.gz", &german)];
    for (expected, entries) in [
        ("do not carry the same text", &forms[..]),
        ("cannot be unpacked as .xz", &[file("i18n/Translation-it.xz", "no xz")]),
        ("white space", &[file("i18n/Translation it", "")]),
        ("a name that the publisher gives", &[file("i18n/by-hash/SHA256/00", "")]),
        ("without folders", &[file("i18n/sub/Translation-it", "")]),
        ("it has links", &[file("i18n/a", ""), link("i18n/Translation-it", "a")]),
        ("nothing in it is below i18n", &[file("other/Translation-it", "")]),
    ] {
        ddtp(&mut house, "3", entries);
        let reason = refusal(&mut house);
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
    ddtp(&mut house, "2", &[file("i18n/Translation-it", "italiano")]);
    let reason = refusal(&mut house);
    assert!(reason.contains("version 2 is published in main/i18n"), "{reason}");
    let name = "translations_multiverse_3.tar.gz";
    upload(&mut house, CustomFormat::DdtpTarball, name, &gz(&tar_of(&[file("i18n/Translation-it", "")])));
    let reason = refusal(&mut house);
    assert!(reason.contains("no component multiverse"), "{reason}");
    assert_eq!(names(&house, "main/i18n"), ["Translation-de.xz", "by-hash"]);
}

#[test]
fn what_is_for_others_is_kept_and_words_about_packages_lie_beside_the_suites_of_a_ppa() {
    let mut house = house();
    upload(
        &mut house,
        CustomFormat::RosettaTranslations,
        "hello_1_amd64_translations.tar.gz",
        b"not looked at",
    );
    upload(&mut house, CustomFormat::MetaData, "shop_1_all.tar.gz", b"words");
    let prepared = house.publish(Wanted::Changed);
    assert_eq!((prepared.customs.published, prepared.customs.refused.len()), (2, 0));
    assert_eq!(prepared.staged.trees(), ["dists"]);
    house.archive.purpose = ArchivePurpose::Ppa;
    let packed = upload(&mut house, CustomFormat::MetaData, "shop_2_all.tar.gz", b"other words");
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.staged.trees(), ["dists", "meta"], "{packed}");
    let at = house.paths.root.join("meta/s/shop-all/current/shop_2_all.tar.gz");
    assert_eq!(fs::read(at).unwrap(), b"other words");
    assert!(house.dirt().is_empty());
}

#[test]
fn an_original_that_is_missing_waits_and_holds_nobody_up() {
    let mut house = house();
    plain_installer(&mut house, "1");
    disk::discard_tree(&house.folder.path().join("librarian")).unwrap();
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    let reason = refusal(&mut house);
    assert!(reason.contains("restore it"), "{reason}");
    assert_eq!(house.packages("s/main/binary-amd64/Packages"), ["aa 2"]);
    assert_eq!(house.dirt()[0].customs, 1);
}

#[test]
fn before_the_installation_a_custom_upload_is_forgotten_and_waits_still() {
    let mut house = house();
    plain_installer(&mut house, "1");
    let prepared = house.prepare(Wanted::Changed);
    assert_eq!(prepared.customs.published, 1);
    let recovered = recover(&mut house.db, house.archive.id, &house.paths, house.now).unwrap();
    assert_eq!(recovered, [Recovered::Abandoned(prepared.pass)]);
    assert_eq!(house.dirt()[0].customs, 1);
    assert_eq!(custom_publication::count_transitions(house.db.read(), prepared.pass).unwrap(), 0);
    assert!(!house.paths.dists().join("s/main/installer-amd64").exists());
    house.publish(Wanted::Changed);
    assert_eq!(names(&house, "main/installer-amd64"), ["1", "current -> 1"]);
}

#[test]
fn once_begun_an_installation_carries_custom_uploads_out() {
    for is_in_place in [false, true] {
        let mut house = house();
        for version in ["1", "2", "3"] {
            plain_installer(&mut house, version);
            house.publish(Wanted::Changed);
        }
        plain_installer(&mut house, "4");
        let prepared = house.prepare(Wanted::Changed);
        let staged = Identity::of(&prepared.staged.dists()).unwrap().unwrap();
        let exchanges = [PlannedExchange { tree: "dists".to_owned(), staged }];
        house.db.write(|tx| pass::begin_installing(tx, prepared.pass, &exchanges)).unwrap();
        if is_in_place {
            disk::exchange(&prepared.staged.dists(), &house.paths.dists()).unwrap();
        }
        let recovered = recover(&mut house.db, house.archive.id, &house.paths, house.now).unwrap();
        assert_eq!(recovered, [Recovered::Completed(prepared.pass)]);
        assert_eq!(names(&house, "main/installer-amd64"), ["2", "3", "4", "current -> 4"]);
        assert!(house.dirt().is_empty());
        let suite = house.shape("s").suite.id;
        let published =
            custom_publication::published_in(house.db.read(), suite, "main/installer-amd64").unwrap();
        let versions: Vec<String> =
            published.into_iter().filter_map(|row| Some(row.version?.to_string())).collect();
        assert_eq!(versions, ["2", "3", "4"]);
        house.assert_consistent();
    }
}

// ---------------------------------------------------------------- a new series

/// Adds a series behind those that there are.
fn add_series(house: &mut House, name: &str, component: &str) {
    let (distribution, now) = (house.archive.distribution, house.now);
    house
        .db
        .write(|tx| {
            let id =
                series::create_series(tx, distribution, &name.parse().unwrap(), &"2".parse().unwrap(), now)?;
            series::add_component(tx, id, &component.parse().unwrap())?;
            series::set_architecture(tx, id, &"amd64".parse().unwrap(), true)
        })
        .unwrap();
}

fn inherited(house: &mut House) -> Inherited {
    let (archive, now) = (house.archive.clone(), house.now);
    house.db.write(|tx| inherit_customs(tx, &archive, &|_| true, now)).unwrap()
}

fn inherit(house: &mut House) -> usize {
    let Inherited { asked_for, left_out } = inherited(house);
    assert!(left_out.is_empty(), "{left_out:?}");
    asked_for
}

/// Nothing is taken, and why is said.
fn takes_nothing(house: &mut House, said: &str) {
    let Inherited { asked_for, left_out } = inherited(house);
    assert!(asked_for == 0 && left_out.len() == 1 && left_out[0].contains(said), "{left_out:?}");
}

#[test]
fn a_new_series_has_the_newest_custom_uploads_of_the_one_before_it() {
    let mut house = house();
    plain_installer(&mut house, "1");
    plain_installer(&mut house, "2");
    upload(
        &mut house,
        CustomFormat::DistUpgrader,
        "dist-upgrader_20_all.tar.gz",
        &gz(&tar_of(&[file("20/release.tar.gz", "upgrader")])),
    );
    house.publish(Wanted::Changed);
    assert_eq!(inherit(&mut house), 0, "no series is new");
    add_series(&mut house, "t", "main");
    assert_eq!(inherit(&mut house), 2);
    assert_eq!(inherit(&mut house), 2, "asked for once");
    house.publish(Wanted::Changed);
    let live = house.paths.dists().join("t");
    let at = |path: &str| live.join(path);
    assert_eq!(fs::read_to_string(at("main/installer-amd64/2/images/SHA256SUMS")).unwrap(), "2");
    assert!(!at("main/installer-amd64/1").exists(), "the newest alone");
    assert_eq!(fs::read_to_string(at("main/dist-upgrader-all/20/release.tar.gz")).unwrap(), "upgrader");
    assert!(at("main/binary-amd64/Packages.gz").is_file());
    // it has its indexes: what comes into the older one is no matter of it
    plain_installer(&mut house, "3");
    house.publish(Wanted::Changed);
    assert_eq!(inherit(&mut house), 0);
    assert!(!at("main/installer-amd64/3").exists());
}

#[test]
fn a_new_series_takes_nothing_where_it_holds_still_or_has_no_place_for_it() {
    let mut house = house();
    plain_installer(&mut house, "1");
    house.publish(Wanted::Changed);
    add_series(&mut house, "t", "universe");
    takes_nothing(
        &mut house,
        "main/installer-amd64 of s is not taken over into t: it does not have that component",
    );
    add_series(&mut house, "u", "main");
    let (t, u) = (house.shape("t").series.id, house.shape("u").series.id);
    takes_nothing(&mut house, "into t: it does not have");
    let s = house.shape("s").series.id;
    house
        .db
        .write(|tx| {
            assert!(
                matches!(new_series::set_previous_series(tx, s, Some(u)), Err(StoreError::Refused(_))),
                "a circle"
            );
            assert!(matches!(new_series::set_previous_series(tx, t, Some(t)), Err(StoreError::Refused(_))));
            new_series::set_previous_series(tx, u, Some(s))?;
            let released = series::SeriesChange {
                status: Some(SeriesStatus::Current),
                ..series::SeriesChange::default()
            };
            series::change_series(tx, u, &released, house.now)
        })
        .unwrap();
    let left_out = inherited(&mut house).left_out;
    assert!(
        left_out[1].contains("into u: it is CURRENT, and its release pocket does not change"),
        "{left_out:?}"
    );
    let developed =
        series::SeriesChange { status: Some(SeriesStatus::Development), ..series::SeriesChange::default() };
    let now = house.now;
    house.db.write(|tx| series::change_series(tx, u, &developed, now)).unwrap();
    let Inherited { asked_for, left_out } = inherited(&mut house);
    assert_eq!((asked_for, left_out.len()), (1, 1), "t has no place for it still");
}

#[test]
fn descriptions_of_a_custom_upload_stand_back_for_those_that_are_made_here() {
    let mut house = house();
    house.change_series(&series::SeriesChange {
        translations: Some(pressroom_archive::domain::Translations::English),
        ..series::SeriesChange::default()
    });
    house.publish(Wanted::Changed);
    let before = house.index("s/main/i18n/Translation-en");
    assert!(before.contains("Package: aa\n"), "{before}");
    house.now += jiff::SignedDuration::from_secs(1);
    let brought = gz(b"Package: zz\n\n");
    let entries = [
        packed("i18n/Translation-en.gz", &brought),
        file("i18n/Translation-en", "Package: zz\n\n"),
        packed("i18n/Translation-de.gz", &brought),
    ];
    upload(&mut house, CustomFormat::DdtpTarball, "translations_main_5.tar.gz", &gz(&tar_of(&entries)));
    house.publish(Wanted::Changed);
    house.assert_consistent();
    assert_eq!(house.index("s/main/i18n/Translation-en"), before);
    assert_eq!(house.index("s/main/i18n/Translation-de"), "Package: zz\n\n");
    assert!(!house.paths.dists().join("s/main/i18n/Translation-en").exists(), "another text");
}
