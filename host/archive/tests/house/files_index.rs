//! Contents: which packages have each file, and that a change costs what it is large.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::FileExt;

use pressroom_archive::domain::{SegmentSize, SuiteId};
use pressroom_archive::store::index_segment::{paths_of, segments_of};
use pressroom_archive::store::series::SeriesChange;
use proptest::prelude::*;

use crate::fixture::{House, Package, Wanted};

const CONTENTS: &str = "s/main/Contents-amd64";

fn house() -> House {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64"]);
    set(&mut house, true);
    house
}

fn set(house: &mut House, contents: bool) {
    house.change_series(&SeriesChange {
        contents: Some(contents),
        index_segment_size: Some(SegmentSize::new(1 << 10).unwrap()),
        ..SeriesChange::default()
    });
}

fn suite(house: &House) -> SuiteId {
    house.shape("s").suite.id
}

#[test]
fn every_path_has_a_line_with_its_packages() {
    let mut house = house();
    house.import(
        "s",
        Some("main"),
        &[
            Package::new("aa", "1", "amd64").files(&["usr/bin/aa", "usr/share/both", "usr/share/a file"]),
            Package::new("bb", "1", "all").files(&["usr/share/both"]).section("utils"),
            Package::new("cc", "1", "arm64").files(&["usr/bin/cc"]),
            Package::new("dd-udeb", "1", "amd64").files(&["bin/dd"]).ending("udeb"),
            Package::new("ee-dbgsym", "1", "amd64").files(&["usr/lib/debug/ee"]).ending("ddeb"),
        ],
    );
    house.import("s", Some("universe"), &[Package::new("ff", "1", "amd64").files(&["usr/bin/ff"])]);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    for (path, text) in [
        (CONTENTS, "usr/bin/aa  misc/aa\nusr/share/a file  misc/aa\nusr/share/both  misc/aa,utils/bb\n"),
        ("s/main/Contents-arm64", "usr/bin/cc  misc/cc\nusr/share/both  utils/bb\n"),
        ("s/main/Contents-udeb-amd64", "bin/dd  misc/dd-udeb\n"),
        ("s/main/Contents-udeb-arm64", ""),
        ("s/universe/Contents-amd64", "usr/bin/ff  universe/misc/ff\n"),
        ("s/universe/Contents-arm64", ""),
    ] {
        assert_eq!(house.index(path), text, "{path}");
    }
    let release = std::fs::read_to_string(house.paths.dists().join("s/Release")).unwrap();
    assert!(release.contains(" main/Contents-amd64\n") && release.contains(" main/Contents-amd64.gz\n"));
}

#[test]
fn a_change_touches_the_lines_that_are_others_afterwards() {
    let mut house = house();
    let files = |number: usize| format!("usr/share/data/{number:04}");
    let all: Vec<String> = (0..400).map(files).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    house.import("s", None, &[Package::new("aa", "1", "amd64").files(&all)]);
    house.import("s", None, &[Package::new("bb", "1", "amd64").files(&all[..200])]);
    house.publish(Wanted::Changed);
    let count = segments_of(house.db.read(), suite(&house), "main/Contents-amd64").unwrap().len();
    assert!(count > 8, "{count}");
    // the same files in another version
    house.import("s", None, &[Package::new("aa", "2", "amd64").files(&all)]);
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.built[0].indexes, 1, "Packages alone");
    // one file less, one more
    let mut fewer: Vec<&str> = all.clone();
    fewer.remove(7);
    fewer.push("usr/share/data/9999");
    house.import("s", None, &[Package::new("aa", "3", "amd64").files(&fewer)]);
    let prepared = house.publish(Wanted::Changed);
    assert_eq!(prepared.built[0].indexes, 2);
    let change =
        prepared.built[0].segments.iter().find(|change| change.path == "main/Contents-amd64").unwrap();
    assert!(change.added.len() <= 3 && change.dropped.len() <= 3, "{change:?}");
    let text = house.index(CONTENTS);
    assert!(
        text.contains("usr/share/data/0007  misc/bb\n") && text.contains("usr/share/data/9999  misc/aa\n")
    );
    house.publish(Wanted::All);
    assert_eq!(house.index(CONTENTS), text);
}

#[test]
fn a_package_that_is_filed_elsewhere_is_called_otherwise() {
    let mut house = house();
    let aa = Package::new("aa", "1", "amd64").files(&["usr/bin/aa"]);
    house.import("s", Some("main"), std::slice::from_ref(&aa));
    house.publish(Wanted::Changed);
    house.now += jiff::SignedDuration::from_secs(1);
    house.import("s", Some("universe"), &[aa]);
    house.publish(Wanted::Changed);
    assert_eq!(house.index(CONTENTS), "");
    assert_eq!(house.index("s/universe/Contents-amd64"), "usr/bin/aa  universe/misc/aa\n");
    house.assert_consistent();
}

#[test]
fn where_contents_are_not_wanted_any_more_they_go_with_their_rows() {
    let mut house = house();
    house.import("s", None, &[Package::new("aa", "1", "amd64").files(&["usr/bin/aa"])]);
    house.publish(Wanted::Changed);
    assert!(paths_of(house.db.read(), suite(&house)).unwrap().contains(&"main/Contents-amd64".to_owned()));
    set(&mut house, false);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    for path in [CONTENTS, "s/universe/Contents-arm64"] {
        assert!(!house.paths.dists().join(format!("{path}.gz")).exists(), "{path}");
    }
    assert!(!paths_of(house.db.read(), suite(&house)).unwrap().contains(&"main/Contents-amd64".to_owned()));
}

#[test]
fn an_architecture_that_goes_takes_its_contents_also_empty_ones_and_what_others_made_stays() {
    let mut house = house();
    house.import("s", Some("main"), &[Package::new("aa", "1", "all").files(&["usr/bin/aa"])]);
    house.publish(Wanted::Changed);
    let at = |house: &House, path: &str| house.paths.dists().join(format!("s/{path}"));
    let own = at(&house, "main/Contents-source.gz");
    pressroom_archive::disk::write_staged(
        &own,
        &std::fs::read(at(&house, "main/Contents-amd64.gz")).unwrap(),
    )
    .unwrap();
    let series = house.shape("s").series.id;
    house
        .db
        .write(|tx| {
            pressroom_archive::store::series::set_architecture(tx, series, &"arm64".parse().unwrap(), false)
        })
        .unwrap();
    house.publish(Wanted::Changed);
    house.assert_consistent();
    for path in ["main/Contents-arm64.gz", "main/Contents-arm64.xz", "universe/Contents-arm64.gz"] {
        assert!(!at(&house, path).exists(), "{path}");
    }
    assert!(at(&house, "universe/Contents-amd64.gz").exists() && own.exists());
}

#[test]
fn lines_that_are_lost_altogether_are_made_again_at_once() {
    let mut house = house();
    let files: Vec<String> = (0..300).map(|number| format!("usr/share/data/{number:04}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    house.import("s", None, &[Package::new("aa", "1", "amd64").files(&files)]);
    house.publish(Wanted::Changed);
    let before = house.index(CONTENTS);
    for ending in ["gz", "xz"] {
        let path = house.paths.dists().join(format!("{CONTENTS}.{ending}"));
        pressroom_archive::disk::remove_file(&path).unwrap();
        pressroom_archive::disk::write_staged(&path, b"something else").unwrap();
    }
    house.import("s", None, &[Package::new("bb", "1", "amd64").files(&["usr/bin/bb"])]);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    assert_eq!(house.index(CONTENTS), format!("usr/bin/bb  misc/bb\n{before}"));
}

#[test]
fn lines_that_were_damaged_are_made_again_from_the_lists() {
    let mut house = house();
    let files: Vec<String> = (0..300).map(|number| format!("usr/share/data/{number:04}")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    house.import("s", None, &[Package::new("aa", "1", "amd64").files(&files)]);
    house.publish(Wanted::Changed);
    for ending in ["gz", "xz"] {
        let path = house.paths.dists().join(format!("{CONTENTS}.{ending}"));
        let file = std::fs::File::options().read(true).write(true).open(&path).unwrap();
        let middle = file.metadata().unwrap().len() / 2;
        file.write_all_at(b"harm", middle).unwrap();
    }
    house.import("s", None, &[Package::new("bb", "1", "amd64").files(&files[..299])]);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    let text = house.index(CONTENTS);
    assert_eq!(text.lines().count(), 300);
    assert_eq!(text.lines().filter(|line| line.ends_with("  misc/aa,misc/bb")).count(), 299);
}

/// The paths of a package of the property: some of its own, some that others have too.
fn files_of(name: usize, version: usize) -> Vec<String> {
    let mut files =
        vec![format!("usr/share/doc/p{name:02}/copyright"), format!("usr/lib/p{name:02}.so.{version}")];
    files.extend(
        (0..10).map(|number| format!("usr/share/common/{:02}", (name * 3 + version * 7 + number) % 40)),
    );
    files
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn increments_of_files_are_what_a_rebuild_and_a_slow_twin_give(
        events in proptest::collection::vec((0usize..5, 0usize..20, 1usize..4, 0usize..3, 0usize..2, 0usize..2), 1..25),
    ) {
        let mut house = house();
        for (publish, name, version, architecture, component, section) in events {
            house.now += jiff::SignedDuration::from_secs(1);
            let files = files_of(name, version);
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let package = Package::new(&format!("p{name:02}"), &version.to_string(), ["amd64", "arm64", "all"][architecture])
                .files(&files)
                .section(["misc", "utils"][section]);
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
        for component in ["main", "universe"] {
            for architecture in ["amd64", "arm64"] {
                let mut lines: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
                let text = house.index(&format!("s/{component}/binary-{architecture}/Packages"));
                for stanza in text.split_terminator("\n\n") {
                    let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)).unwrap();
                    let (name, version) = (field("Package: "), field("Version: "));
                    for path in files_of(name[1..].parse().unwrap(), version.parse().unwrap()) {
                        lines.entry(path).or_default().insert(format!("{}/{name}", field("Section: ")));
                    }
                }
                let twin: String = lines
                    .into_iter()
                    .map(|(path, owners)| format!("{path}  {}\n", owners.into_iter().collect::<Vec<_>>().join(",")))
                    .collect();
                prop_assert_eq!(house.index(&format!("s/{component}/Contents-{architecture}")), twin);
            }
        }
    }
}
