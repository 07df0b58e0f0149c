//! Work is counted: a pass makes what has changed, and reads nothing that it knows.

use crate::fixture::{House, Package, Wanted};

#[test]
fn a_change_makes_the_indexes_that_have_it() {
    let mut house = House::new(&["main", "universe"], &["amd64", "arm64", "riscv64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64"), Package::new("bb", "1", "all")]);
    house.publish(Wanted::Changed);
    for (package, indexes) in [(Package::new("aa", "2", "amd64"), 1), (Package::new("bb", "2", "all"), 3)] {
        house.import("s", None, &[package]);
        let prepared = house.publish(Wanted::Changed);
        assert_eq!(prepared.built.len(), 1, "only the suite that has it");
        assert_eq!(prepared.built[0].indexes, indexes);
        assert_eq!(prepared.signed[0].files_read, 0, "what did not change is known");
        house.assert_consistent();
    }
}

#[test]
fn subcomponents_have_their_indexes_on_every_architecture_as_soon_as_one_has_a_package() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    house.import(
        "s",
        None,
        &[
            Package::new("aa-udeb", "1", "amd64").ending("udeb"),
            Package::new("aa-dbgsym", "1", "arm64").ending("ddeb"),
        ],
    );
    house.publish(Wanted::Changed);
    for (path, packages) in [
        ("s/main/binary-amd64/Packages", &["aa 1"][..]),
        ("s/main/debian-installer/binary-amd64/Packages", &["aa-udeb 1"]),
        ("s/main/debian-installer/binary-arm64/Packages", &[]),
        ("s/main/debug/binary-amd64/Packages", &[]),
        ("s/main/debug/binary-arm64/Packages", &["aa-dbgsym 1"]),
    ] {
        assert_eq!(house.packages(path), packages, "{path}");
    }
    house.assert_consistent();
}

#[test]
fn old_generations_stay_by_number_and_grace() {
    let mut house = House::new(&["main"], &["amd64"]);
    let mut counts = Vec::new();
    for version in 1..=5 {
        house.import("s", None, &[Package::new("aa", &version.to_string(), "amd64")]);
        house.publish(Wanted::Changed);
        house.assert_consistent();
        let by_hash = house.paths.dists().join("s/main/binary-amd64/by-hash/SHA256");
        // of Packages.gz, Packages.xz, Release: the last does not change
        counts.push(std::fs::read_dir(by_hash).unwrap().count());
        house.now += jiff::SignedDuration::from_secs(101);
    }
    // the current one and one older, and those whose grace is not over when the pass is made
    assert_eq!(counts, [3, 5, 7, 7, 7]);
}

#[test]
fn an_architecture_that_goes_takes_its_indexes_and_leaves_their_by_hash_names() {
    let mut house = House::new(&["main"], &["amd64", "arm64"]);
    house.import("s", None, &[Package::new("aa", "1", "all")]);
    house.publish(Wanted::Changed);
    let series = house.shape("s").series.id;
    house
        .db
        .write(|tx| {
            pressroom_archive::store::series::set_architecture(tx, series, &"arm64".parse().unwrap(), false)
        })
        .unwrap();
    house.publish(Wanted::Changed);
    let folder = house.paths.dists().join("s/main/binary-arm64");
    assert!(!folder.join("Packages.gz").exists() && !folder.join("Release").exists());
    assert!(folder.join("by-hash/SHA256").read_dir().unwrap().count() > 0, "clients of the old Release");
    let release = std::fs::read_to_string(house.paths.dists().join("s/Release")).unwrap();
    assert!(release.contains("\nArchitectures: amd64\n") && !release.contains("arm64"), "{release}");
    house.assert_consistent();
}

#[test]
fn an_index_that_loses_its_last_package_is_made_empty() {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    let udeb = Package::new("aa-udeb", "1", "amd64").ending("udeb");
    house.import("s", Some("main"), std::slice::from_ref(&udeb));
    house.publish(Wanted::Changed);
    house.now += jiff::SignedDuration::from_secs(1);
    house.import("s", Some("universe"), &[udeb]);
    house.publish(Wanted::Changed);
    assert_eq!(house.packages("s/main/debian-installer/binary-amd64/Packages"), [""; 0]);
    assert_eq!(house.packages("s/universe/debian-installer/binary-amd64/Packages"), ["aa-udeb 1"]);
    house.assert_consistent();
}

#[test]
fn settings_that_change_while_a_pass_is_made_are_published_by_the_next() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "all")]);
    let prepared = house.prepare(Wanted::Changed);
    let series = house.shape("s").series.id;
    house
        .db
        .write(|tx| {
            pressroom_archive::store::series::set_architecture(tx, series, &"arm64".parse().unwrap(), true)
        })
        .unwrap();
    house.install(&prepared);
    assert!(!house.dirt().is_empty(), "the pass has not seen it");
    house.publish(Wanted::Changed);
    assert!(house.paths.dists().join("s/main/binary-arm64/Packages.gz").exists());
    assert!(house.dirt().is_empty());
}

#[test]
fn a_file_that_was_written_to_in_place_is_read_again() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    let prepared = house.prepare(Wanted::Changed);
    drop(prepared);
    let extra = house.paths.dists().join("s/extra");
    for content in ["AAAA", "BBBB"] {
        // not through a new file, as an executable may do it
        std::fs::create_dir_all(extra.parent().unwrap()).unwrap();
        let mut file = std::fs::File::options().write(true).create(true).truncate(true).open(&extra).unwrap();
        std::io::Write::write_all(&mut file, content.as_bytes()).unwrap();
        drop(file);
        house.publish(Wanted::All);
        let release = std::fs::read_to_string(house.paths.dists().join("s/Release")).unwrap();
        let sha256 = pressroom_archive::domain::Sha256::of(content.as_bytes()).to_string();
        assert!(release.contains(&format!("{sha256} {:>16} extra", 4)), "{release}");
        house.now += jiff::SignedDuration::from_secs(1);
    }
}

#[test]
fn what_others_put_beside_the_indexes_is_listed_with_the_texts_of_its_forms() {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house.publish(Wanted::Changed);
    let gz = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, text).unwrap();
        encoder.finish().unwrap()
    };
    let texts =
        ["dep11/Components-amd64.yml", "dep11/icons-64x64.tar", "cnf/Commands-amd64", "Contents-amd64"];
    for text in texts {
        let path = house.paths.dists().join(format!("s/main/{text}.gz"));
        pressroom_archive::disk::write_staged(&path, &gz(text.as_bytes())).unwrap();
    }
    house.import("s", None, &[Package::new("aa", "2", "amd64")]);
    house.publish(Wanted::Changed);
    house.assert_consistent();
    let release = std::fs::read_to_string(house.paths.dists().join("s/Release")).unwrap();
    for text in texts {
        let sha256 = pressroom_archive::domain::digest::Sha256::of(text.as_bytes()).to_string();
        let (size, path) = (text.len().to_string(), format!("main/{text}"));
        let is_it =
            |line: &str| line.split_ascii_whitespace().eq([sha256.as_str(), size.as_str(), path.as_str()]);
        assert!(release.lines().any(is_it), "{text}: {release}");
        assert!(release.contains(&format!(" {path}.gz\n")), "{text}: {release}");
    }
}
