//! Translation-en: each description once, apart from Packages, and left alone by what changes none.

use pressroom_archive::domain::{SegmentSize, Translations};
use pressroom_archive::store::index_segment::paths_of;
use pressroom_archive::store::series::SeriesChange;
use proptest::prelude::*;

use crate::fixture::{House, Package, Wanted};

const PACKAGES: &str = "s/main/binary-amd64/Packages";
const TRANSLATION: &str = "s/main/i18n/Translation-en";

fn house() -> House {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    set(&mut house, Translations::English);
    house
}

fn set(house: &mut House, translations: Translations) {
    house.change_series(&SeriesChange {
        translations: Some(translations),
        index_segment_size: Some(SegmentSize::new(1 << 10).unwrap()),
        ..SeriesChange::default()
    });
}

fn package(name: &str, version: &str, architecture: &str, description: &str) -> Package {
    Package::new(name, version, architecture).note(&format!("{description}\n It is long."))
}

/// The packages of the translation, with their digests.
fn described(house: &House, path: &str) -> Vec<(String, String)> {
    let text = house.index(path);
    text.split_terminator("\n\n")
        .map(|stanza| {
            let mut lines = stanza.lines();
            let mut field = |name: &str| lines.next().unwrap().strip_prefix(name).unwrap().to_owned();
            (field("Package: "), field("Description-md5: "))
        })
        .collect()
}

#[test]
fn a_description_stands_once_for_all_architectures_and_packages_has_its_digest() {
    let mut house = house();
    house.import(
        "s",
        None,
        &[
            package("aa", "1", "amd64", "one"),
            package("aa", "1", "arm64", "one"),
            package("bb", "1", "amd64", "here"),
            package("bb", "1", "arm64", "there"),
            package("cc", "1", "all", "one"),
        ],
    );
    house.import("s", None, &[package("dd-udeb", "1", "amd64", "small").ending("udeb")]);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    let described = described(&house, TRANSLATION);
    let names: Vec<&str> = described.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["aa", "bb", "bb", "cc"]);
    let packages = house.index(PACKAGES);
    assert!(!packages.contains("It is long"), "{packages}");
    assert!(packages.contains(&format!("Description: a package one\nDescription-md5: {}\n", described[0].1)));
    assert!(house.index(TRANSLATION).contains("Description-en: a package one\n It is long.\n\n"));
    let udebs = house.index("s/main/debian-installer/binary-amd64/Packages");
    assert!(udebs.contains("It is long") && !udebs.contains("Description-md5"), "{udebs}");
    // of a component without packages too: clients look for it
    assert_eq!(house.index("s/universe/i18n/Translation-en"), "");
    let release = std::fs::read_to_string(house.paths.dists().join("s/Release")).unwrap();
    for path in
        ["main/i18n/Translation-en\n", "main/i18n/Translation-en.gz\n", "universe/i18n/Translation-en.xz\n"]
    {
        assert!(release.contains(path), "{path} is not in {release}");
    }
}

#[test]
fn a_change_that_changes_no_description_leaves_the_translation_alone() {
    let mut house = house();
    house.import("s", None, &[package("aa", "1", "amd64", "one"), package("bb", "1", "all", "two")]);
    house.publish(Wanted::Changed);
    let before = house.index(TRANSLATION);
    house.import("s", None, &[package("aa", "2", "amd64", "one")]);
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.built[0].indexes, 1, "only Packages");
    assert_eq!(prepared.signed[0].files_read, 0, "what did not change is known");
    assert_eq!(house.index(TRANSLATION), before);
    house.import("s", None, &[package("aa", "3", "amd64", "another")]);
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.built[0].indexes, 2);
    let after = house.index(TRANSLATION);
    assert!(after.contains("a package another") && !after.contains("a package one"), "{after}");
    house.assert_consistent();
}

#[test]
fn where_descriptions_are_whole_again_the_translations_go_and_those_of_others_stay() {
    let mut house = house();
    house.import("s", Some("main"), &[package("aa", "1", "amd64", "one")]);
    house.publish(Wanted::Changed);
    set(&mut house, Translations::Whole);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    for component in ["main", "universe"] {
        for ending in ["gz", "xz"] {
            let file = house.paths.dists().join(format!("s/{component}/i18n/Translation-en.{ending}"));
            assert!(!file.exists(), "{}", file.display());
        }
    }
    assert!(house.index(PACKAGES).contains("It is long"));
    let suite = house.shape("s").suite.id;
    assert!(paths_of(house.db.read(), suite).unwrap().iter().all(|path| !path.contains("i18n")));
    // what somebody else has put there is nobody's to remove
    let own = house.paths.dists().join("s/main/i18n/Translation-en.gz");
    std::fs::create_dir_all(own.parent().unwrap()).unwrap();
    std::fs::File::create(&own).unwrap();
    pressroom_archive::disk::remove_file(&own).unwrap();
    pressroom_archive::disk::write_staged(&own, &flate(b"Package: x\n\n")).unwrap();
    house.publish(Wanted::All);
    assert!(own.exists());
}

fn flate(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text).unwrap();
    encoder.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn increments_of_descriptions_are_what_a_rebuild_gives(
        events in proptest::collection::vec((0usize..5, 0usize..30, 1usize..4, 0usize..3, 0usize..3, 0usize..2), 1..25),
    ) {
        let mut house = house();
        for (publish, name, version, architecture, description, component) in events {
            house.now += jiff::SignedDuration::from_secs(1);
            let architecture = ["amd64", "arm64", "all"][architecture];
            let package =
                package(&format!("p{name:02}"), &version.to_string(), architecture, &format!("says {description}"));
            house.import("s", Some(["main", "universe"][component]), &[package]);
            if publish == 0 {
                house.publish(Wanted::Changed);
                house.assert_consistent();
            }
        }
        house.publish(Wanted::Changed);
        let increments = house.texts();
        house.publish(Wanted::All);
        prop_assert_eq!(increments, house.texts());
        // every package finds its description, and there are no others
        for component in ["main", "universe"] {
            let translation = described(&house, &format!("s/{component}/i18n/Translation-en"));
            let mut wanted = std::collections::BTreeSet::new();
            for architecture in ["amd64", "arm64"] {
                let text = house.index(&format!("s/{component}/binary-{architecture}/Packages"));
                for stanza in text.split_terminator("\n\n") {
                    let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
                    wanted.insert((field("Package: "), field("Description-md5: ")));
                }
            }
            prop_assert_eq!(translation, wanted.into_iter().collect::<Vec<_>>());
        }
    }
}
