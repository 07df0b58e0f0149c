//! Patches of indexes: from every text that clients are told of they lead to the current one, whatever has happened; and they go when their time has come.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::Path;

use jiff::SignedDuration;
use pressroom_archive::disk::{self, Identity};
use pressroom_archive::dists::{Recovered, recover};
use pressroom_archive::domain::digest::Sha256;
use pressroom_archive::domain::{Compressor, Compressors, PatchLimit, SegmentSize, Translations};
use pressroom_archive::store::pass;
use pressroom_archive::store::series::SeriesChange;
use proptest::prelude::*;

use crate::fixture::{House, Package, Wanted};

const PACKAGES: &str = "s/main/binary-amd64/Packages";

/// A house with patches, whose indexes are cut into pieces of some four stanzas.
fn house(most: u32) -> House {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    house.change_series(&SeriesChange {
        index_segment_size: Some(SegmentSize::new(1 << 10).unwrap()),
        index_compressors: Some(Compressors::new([Compressor::Gz, Compressor::Xz]).unwrap()),
        ..SeriesChange::default()
    });
    limit(&mut house, most);
    house
}

fn limit(house: &mut House, most: u32) {
    let index_patches = Some(PatchLimit::new(most).unwrap());
    house.change_series(&SeriesChange { index_patches, ..SeriesChange::default() });
}

fn packages(numbers: impl IntoIterator<Item = usize>, version: &str) -> Vec<Package> {
    numbers.into_iter().map(|number| Package::new(&format!("p{number:03}"), version, "amd64")).collect()
}

/// A second later, as publications are.
fn publish(house: &mut House, wanted: Wanted) {
    house.now += SignedDuration::from_secs(1);
    house.publish(wanted);
    house.assert_consistent();
}

/// What an index of patches says: the current text's digest, and per patch its name, the digest of the text that it is for, of its commands and of its file.
struct Told {
    current: String,
    patches: Vec<[String; 4]>,
}

fn told(house: &House, index: &str) -> Option<Told> {
    let text = fs::read_to_string(house.paths.dists().join(format!("{index}.diff/Index"))).ok()?;
    let mut lists: BTreeMap<&str, Vec<Vec<&str>>> = BTreeMap::new();
    let mut field = "";
    for line in text.lines() {
        match line.strip_prefix(' ') {
            Some(entry) => lists.entry(field).or_default().push(entry.split_ascii_whitespace().collect()),
            None => {
                let (name, rest) = line.split_once(':').unwrap();
                field = name;
                lists
                    .entry(field)
                    .or_default()
                    .extend((!rest.is_empty()).then(|| rest.split_ascii_whitespace().collect()));
            }
        }
    }
    assert_eq!(
        lists.keys().copied().collect::<Vec<_>>(),
        ["SHA256-Current", "SHA256-Download", "SHA256-History", "SHA256-Patches"]
    );
    let current = lists["SHA256-Current"][0][0].to_owned();
    let patches = lists["SHA256-History"].iter().zip(&lists["SHA256-Patches"]).zip(&lists["SHA256-Download"]);
    let patches = patches.map(|((history, patch), download)| {
        assert_eq!((history[2], format!("{}.gz", history[2]).as_str()), (patch[2], download[2]));
        [history[2], history[0], patch[0], download[0]].map(str::to_owned)
    });
    Some(Told { current, patches: patches.collect() })
}

/// Does what an editor does with a script.
fn edit(text: &str, script: &str) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut input = script.split_inclusive('\n');
    while let Some(command) = input.next() {
        let command = command.trim_end();
        let (numbers, letter) = command.split_at(command.len() - 1);
        let numbers: Vec<usize> = numbers.split(',').map(|number| number.parse().unwrap()).collect();
        let (first, last) = (numbers[0], numbers[numbers.len() - 1]);
        let come: Vec<&str> = match letter {
            "d" => Vec::new(),
            _ => input.by_ref().take_while(|line| *line != ".\n").collect(),
        };
        let gone = if letter == "a" { first..first } else { first - 1..last };
        lines.splice(gone, come);
    }
    lines.concat()
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

/// Clients that have stopped at each publication.
#[derive(Default)]
struct Clients {
    /// By index and digest.
    had: BTreeMap<(String, String), String>,
}

impl Clients {
    /// Brings every client up to date that is told how, and says for each index how many texts they came from.
    fn update(&mut self, house: &House) -> BTreeMap<String, usize> {
        let mut came = BTreeMap::new();
        let release = fs::read_to_string(house.paths.dists().join("s/Release")).unwrap();
        for file in disk::files_below(&house.paths.dists()).unwrap() {
            if file.path.contains(".diff/") && !file.path.contains("/by-hash/") {
                let is_listed = release.contains(&format!(" {}\n", file.path.strip_prefix("s/").unwrap()));
                assert_eq!(is_listed, file.path.ends_with("/Index"), "{}", file.path);
            }
        }
        let files = disk::files_below(&house.paths.dists()).unwrap().into_iter();
        let indexes = files.filter_map(|file| file.path.strip_suffix(".gz").map(str::to_owned));
        for index in indexes.filter(|path| !path.contains(".diff/") && !path.contains("/by-hash/")) {
            let text = house.index(&index);
            let digest = Sha256::of(text.as_bytes()).to_string();
            if let Some(told) = told(house, &index) {
                assert_eq!(told.current, digest, "{index}");
                assert!(told.patches.is_sorted() && !told.patches.is_empty());
                let folder = house.paths.dists().join(format!("{index}.diff"));
                for (place, [_, from, ..]) in told.patches.iter().enumerate() {
                    let mut has = self.had.get(&(index.clone(), from.clone())).unwrap().clone();
                    for [name, from, patch, download] in &told.patches[place..] {
                        let file = folder.join(format!("{name}.gz"));
                        assert_eq!(Sha256::of(&fs::read(&file).unwrap()).to_string(), *download);
                        let script = unpacked(&file);
                        assert_eq!(Sha256::of(script.as_bytes()).to_string(), *patch);
                        assert_eq!(Sha256::of(has.as_bytes()).to_string(), *from);
                        has = edit(&has, &script);
                    }
                    assert!(has == text, "{index} from {from}");
                }
                came.insert(index.clone(), told.patches.len());
            }
            self.had.insert((index, digest), text);
        }
        came
    }
}

/// The files of patches that lie there.
fn files(house: &House, index: &str) -> usize {
    let folder = house.paths.dists().join(format!("{index}.diff"));
    fs::read_dir(folder).map_or(0, |entries| {
        entries.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(".gz")).count()
    })
}

#[test]
fn clients_are_told_how_to_come_from_the_last_publications() {
    let mut house = house(3);
    let mut clients = Clients::default();
    house.import("s", None, &packages(0..100, "1"));
    publish(&mut house, Wanted::Changed);
    assert!(clients.update(&house).is_empty(), "there is nothing before it");
    for (number, version, expected) in [(50, "2", 1), (7, "2", 2), (50, "3", 3), (99, "2", 3)] {
        house.import("s", None, &packages([number], version));
        publish(&mut house, Wanted::Changed);
        assert_eq!(clients.update(&house).get(PACKAGES), Some(&expected));
    }
    // one that nothing changed
    assert!(told(&house, "s/universe/binary-amd64/Packages").is_none());
    // without a change nothing is another
    let index = fs::read(house.paths.dists().join(format!("{PACKAGES}.diff/Index"))).unwrap();
    for wanted in [Wanted::Changed, Wanted::All] {
        publish(&mut house, wanted);
        assert_eq!(fs::read(house.paths.dists().join(format!("{PACKAGES}.diff/Index"))).unwrap(), index);
    }
    // with one, a pass that makes everything anew has a patch as well
    house.import("s", None, &packages([3, 60], "2"));
    publish(&mut house, Wanted::All);
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&3));
}

#[test]
fn all_kinds_of_indexes_have_patches() {
    let mut house = house(9);
    house.change_series(&SeriesChange {
        translations: Some(Translations::English),
        contents: Some(true),
        ..SeriesChange::default()
    });
    let mut clients = Clients::default();
    let all = |version: &str| -> Vec<Package> {
        let with_files = |package: Package| {
            let name = package.name.clone();
            let paths: Vec<String> = (0..9).map(|file| format!("usr/share/{name}/{file}")).collect();
            package.note(&name).files(&paths.iter().map(String::as_str).collect::<Vec<_>>())
        };
        packages(0..60, version).into_iter().map(with_files).collect()
    };
    house.import("s", None, &all("1"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    let package = Package::new("p030", "2", "amd64")
        .note("is another")
        .files(&["usr/share/p030/1", "usr/share/p030/new"]);
    house.import("s", None, &[package]);
    publish(&mut house, Wanted::Changed);
    let came: Vec<String> = clients.update(&house).into_keys().collect();
    assert_eq!(came, ["s/main/Contents-amd64", PACKAGES, "s/main/i18n/Translation-en"]);
}

#[test]
fn patches_are_never_more_than_the_index_itself() {
    let mut house = house(50);
    let mut clients = Clients::default();
    house.import("s", None, &packages(0..12, "1"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    let one_by_one = (2..12).map(|version| packages([5], &version.to_string()));
    let mut most = 0;
    for changed in one_by_one.chain([packages(0..12, "20")]) {
        house.import("s", None, &changed);
        publish(&mut house, Wanted::Changed);
        most = most.max(clients.update(&house).get(PACKAGES).copied().unwrap_or_default());
        let Some(told) = told(&house, PACKAGES) else { continue };
        let size =
            |name: &str| fs::metadata(house.paths.dists().join(format!("{PACKAGES}{name}"))).unwrap().len();
        let sum: u64 = told.patches.iter().map(|patch| size(&format!(".diff/{}.gz", patch[0]))).sum();
        assert!(sum <= size(".gz").min(size(".xz")));
    }
    assert!((2..10).contains(&most), "{most}");
}

#[test]
fn patches_nobody_is_told_of_stay_for_those_who_have_just_read_of_them() {
    let mut house = house(2);
    house.import("s", None, &packages(0..100, "1"));
    publish(&mut house, Wanted::Changed);
    for version in ["2", "3", "4", "5"] {
        house.import("s", None, &packages([50], version));
        publish(&mut house, Wanted::Changed);
    }
    assert_eq!((told(&house, PACKAGES).unwrap().patches.len(), files(&house, PACKAGES)), (2, 4));
    // a generation stays in any case
    house.now += SignedDuration::from_secs(1000);
    house.import("s", None, &packages([50], "6"));
    publish(&mut house, Wanted::Changed);
    assert_eq!((told(&house, PACKAGES).unwrap().patches.len(), files(&house, PACKAGES)), (2, 4));
    publish(&mut house, Wanted::All);
    assert_eq!((told(&house, PACKAGES).unwrap().patches.len(), files(&house, PACKAGES)), (2, 3));
    // none are wanted any more
    limit(&mut house, 0);
    publish(&mut house, Wanted::Changed);
    assert!(told(&house, PACKAGES).is_none());
    assert_eq!(files(&house, PACKAGES), 5 - 2);
    house.now += SignedDuration::from_secs(1000);
    publish(&mut house, Wanted::All);
    assert_eq!(files(&house, PACKAGES), 1);
    house.import("s", None, &packages([50], "7"));
    publish(&mut house, Wanted::Changed);
    assert!(told(&house, PACKAGES).is_none());
}

#[test]
fn a_pass_that_is_not_installed_leaves_the_patches_as_they_were() {
    let mut house = house(5);
    let mut clients = Clients::default();
    house.import("s", None, &packages(0..100, "1"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    house.import("s", None, &packages([50], "2"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    house.import("s", None, &packages([51], "2"));
    let prepared = house.prepare(Wanted::Changed);
    assert_eq!(prepared.built[0].patches.len(), 1);
    let now = house.now;
    house.db.write(|tx| pass::abandon_pass(tx, prepared.pass, "held", now)).unwrap();
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&1));
    // in the same second
    house.publish(Wanted::Changed);
    house.assert_consistent();
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&2));
}

#[test]
fn what_an_installation_that_was_undone_has_left_is_removed() {
    let mut house = house(5);
    let mut clients = Clients::default();
    house.import("s", None, &packages(0..100, "1"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    house.import("s", None, &packages([50], "2"));
    publish(&mut house, Wanted::Changed);
    let stray = house.paths.dists().join(format!("{PACKAGES}.diff/2020-01-01-0000.00.gz"));
    disk::write_staged(&stray, b"x").unwrap();
    publish(&mut house, Wanted::All);
    assert_eq!((stray.exists(), files(&house, PACKAGES)), (false, 1));
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&1));
}

#[test]
fn an_installation_that_was_cut_off_is_taken_to_its_end_with_its_patches() {
    let mut house = house(5);
    let mut clients = Clients::default();
    house.import("s", None, &packages(0..100, "1"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    house.import("s", None, &packages([50], "2"));
    let prepared = house.prepare(Wanted::Changed);
    let tree = "dists".to_owned();
    let staged = Identity::of(&prepared.staged.dists()).unwrap().unwrap();
    let exchange = [pass::PlannedExchange { tree, staged }];
    house.db.write(|tx| pass::begin_installing(tx, prepared.pass, &exchange)).unwrap();
    let (archive, now) = (house.archive.id, house.now);
    let recovered = recover(&mut house.db, archive, &house.paths, now).unwrap();
    assert_eq!(recovered, [Recovered::Completed(prepared.pass)]);
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&1));
    house.import("s", None, &packages([51], "2"));
    publish(&mut house, Wanted::Changed);
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&2));
}

#[test]
fn an_index_that_is_not_what_clients_have_begins_a_new_history() {
    for wanted in [Wanted::Changed, Wanted::All] {
        let mut house = house(5);
        let mut clients = Clients::default();
        house.import("s", None, &packages(0..100, "1"));
        publish(&mut house, Wanted::Changed);
        clients.update(&house);
        house.import("s", None, &packages([50], "2"));
        publish(&mut house, Wanted::Changed);
        assert_eq!(clients.update(&house).get(PACKAGES), Some(&1));
        // all forms are lost, and with them the old lines
        for form in ["gz", "xz"] {
            let path = house.paths.dists().join(format!("{PACKAGES}.{form}"));
            disk::write_staged(&path, b"something else").unwrap();
        }
        house.import("s", None, &packages([51], "2"));
        publish(&mut house, wanted);
        assert_eq!(clients.update(&house).get(PACKAGES), None, "{wanted:?}");
        house.import("s", None, &packages([52], "2"));
        publish(&mut house, Wanted::Changed);
        assert_eq!(clients.update(&house).get(PACKAGES), Some(&1), "{wanted:?}");
    }
}

#[test]
fn a_patch_that_is_lost_takes_those_with_it_that_lead_to_it() {
    let mut house = house(5);
    let mut clients = Clients::default();
    house.import("s", None, &packages(0..100, "1"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    for version in ["2", "3", "4"] {
        house.import("s", None, &packages([50], version));
        publish(&mut house, Wanted::Changed);
        clients.update(&house);
    }
    let second = told(&house, PACKAGES).unwrap().patches[1][0].clone();
    let path = house.paths.dists().join(format!("{PACKAGES}.diff/{second}.gz"));
    let was = fs::read(&path).unwrap();
    disk::write_staged(&path, &vec![b'x'; was.len()]).unwrap();
    // as long as it was, which is as far as a usual pass looks
    publish(&mut house, Wanted::All);
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&1));
    house.import("s", None, &packages([50], "5"));
    publish(&mut house, Wanted::Changed);
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&2));
}

#[test]
fn other_sizes_of_segments_and_other_forms_change_no_history() {
    let mut house = house(5);
    let mut clients = Clients::default();
    house.import("s", None, &packages(0..100, "1"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    house.import("s", None, &packages([50], "2"));
    publish(&mut house, Wanted::Changed);
    clients.update(&house);
    house.change_series(&SeriesChange {
        index_segment_size: Some(SegmentSize::new(4 << 10).unwrap()),
        index_compressors: Some(
            Compressors::new([Compressor::Gz, Compressor::Zst, Compressor::Uncompressed]).unwrap(),
        ),
        ..SeriesChange::default()
    });
    publish(&mut house, Wanted::Changed);
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&1));
    house.import("s", None, &packages([51], "2"));
    publish(&mut house, Wanted::Changed);
    assert_eq!(clients.update(&house).get(PACKAGES), Some(&2));
}

#[derive(Debug, Clone)]
enum Event {
    /// A version of each of some packages comes, to a component: it may move there, and go from where it was.
    Import {
        first: usize,
        step: usize,
        count: usize,
        version: usize,
        component: usize,
    },
    /// A form of the published index is damaged.
    Harm(usize),
    Limit(u32),
    Publish(Wanted),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let import = (0usize..80, 1usize..9, 1usize..20, 1usize..5, 0usize..2).prop_map(
        |(first, step, count, version, component)| Event::Import { first, step, count, version, component },
    );
    let publish = prop_oneof![4 => Just(Wanted::Changed), 1 => Just(Wanted::All)].prop_map(Event::Publish);
    let harm = (0usize..2).prop_map(Event::Harm);
    let limit = prop_oneof![Just(1), Just(2), Just(4), Just(0)].prop_map(Event::Limit);
    proptest::collection::vec(prop_oneof![5 => import, 1 => harm, 1 => limit, 5 => publish], 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_clients_are_told_is_right(events in events()) {
        let mut house = house(3);
        let mut clients = Clients::default();
        house.import("s", Some("main"), &packages(0..40, "1"));
        publish(&mut house, Wanted::Changed);
        clients.update(&house);
        for event in events {
            match event {
                Event::Import { first, step, count, version, component } => {
                    let numbers = (first..).step_by(step).take(count);
                    house.import("s", Some(["main", "universe"][component]), &packages(numbers, &version.to_string()));
                }
                Event::Harm(form) => {
                    let path = house.paths.dists().join(format!("{PACKAGES}.{}", ["gz", "xz"][form]));
                    let mut content = fs::read(&path).unwrap();
                    let middle = content.len() / 2;
                    content[middle] ^= 0x41;
                    // a client has the one that was there
                    disk::write_staged(&path, &content).unwrap();
                    house.import("s", Some("main"), &packages([0], "9"));
                    publish(&mut house, Wanted::All);
                    clients.update(&house);
                }
                Event::Limit(most) => limit(&mut house, most),
                Event::Publish(wanted) => {
                    publish(&mut house, wanted);
                    clients.update(&house);
                }
            }
        }
    }
}
