//! Indexes of many segments: what the increments make, and what happens to segments that are not what they were.

use std::fs;
use std::os::unix::fs::FileExt;

use jiff::SignedDuration;
use pressroom_archive::disk;
use pressroom_archive::domain::{Compressor, Compressors, SegmentSize};
use pressroom_archive::store::index_segment::segments_of;
use pressroom_archive::store::series::SeriesChange;
use proptest::prelude::*;

use crate::fixture::{House, Package, Wanted};

const INDEX: &str = "s/main/binary-amd64/Packages";

/// A house whose indexes are cut into pieces of some four stanzas, in all forms.
fn house_of_small_segments() -> House {
    let mut house = House::new(&["main", "universe"], &["amd64"]);
    house.change_series(&SeriesChange {
        index_segment_size: Some(SegmentSize::new(1 << 10).unwrap()),
        index_compressors: Some(Compressors::new(Compressor::ALL.iter().copied()).unwrap()),
        ..SeriesChange::default()
    });
    house
}

fn packages(numbers: impl IntoIterator<Item = usize>, version: &str) -> Vec<Package> {
    numbers.into_iter().map(|number| Package::new(&format!("p{number:03}"), version, "amd64")).collect()
}

/// The files of the tree that are indexes, with their content.
fn index_files(house: &House) -> Vec<(String, Vec<u8>)> {
    disk::files_below(&house.paths.dists())
        .unwrap()
        .into_iter()
        .filter(|file| !file.path.contains("by-hash"))
        .filter(|file| file.path.contains("/Packages") || file.path.contains("/Sources"))
        .map(|file| (file.path.clone(), fs::read(house.paths.dists().join(&file.path)).unwrap()))
        .collect()
}

fn segments(house: &House) -> usize {
    let suite = house.shape("s").suite.id;
    segments_of(house.db.read(), suite, "main/binary-amd64/Packages").unwrap().len()
}

/// Publishes what waits, and holds the files, byte for byte, against those that a rebuild from the rows makes.
fn publish_and_compare(house: &mut House) {
    house.publish(Wanted::Changed);
    house.assert_consistent();
    let increments = index_files(house);
    house.publish(Wanted::All);
    let rebuilt = index_files(house);
    for ((path, one), (_, other)) in increments.iter().zip(&rebuilt) {
        assert!(one == other, "{path} is not what a rebuild makes of it");
    }
    assert_eq!(increments.len(), rebuilt.len());
}

#[test]
fn an_index_has_segments_and_a_change_replaces_those_it_touches() {
    let mut house = house_of_small_segments();
    house.import("s", None, &packages(0..100, "1"));
    house.publish(Wanted::Changed);
    let suite = house.shape("s").suite.id;
    let before = segments_of(house.db.read(), suite, "main/binary-amd64/Packages").unwrap();
    assert!(before.len() > 10, "{}", before.len());
    house.import("s", None, &packages([50], "2"));
    let prepared = house.publish(Wanted::Changed);
    let changes: Vec<_> = prepared.built.iter().flat_map(|built| &built.segments).collect();
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((change.dropped.len(), change.added.len()), (1, 1));
    let after = segments_of(house.db.read(), suite, "main/binary-amd64/Packages").unwrap();
    let kept = after.iter().filter(|one| before.contains(one)).count();
    assert_eq!((after.len(), kept), (before.len(), before.len() - 1));
    publish_and_compare(&mut house);
}

#[test]
fn a_pass_that_is_not_installed_leaves_the_segments_as_they_were() {
    let mut house = house_of_small_segments();
    house.import("s", None, &packages(0..40, "1"));
    house.publish(Wanted::Changed);
    let before = segments(&house);
    house.import("s", None, &packages(40..80, "1"));
    let prepared = house.prepare(Wanted::Changed);
    assert_eq!(segments(&house), before);
    let now = house.now;
    house
        .db
        .write(|tx| pressroom_archive::store::pass::abandon_pass(tx, prepared.pass, "held", now))
        .unwrap();
    publish_and_compare(&mut house);
    assert!(segments(&house) > before);
}

#[test]
fn other_sizes_and_forms_are_taken_up_by_the_next_publication() {
    let mut house = house_of_small_segments();
    house.import("s", None, &packages(0..60, "1"));
    house.publish(Wanted::Changed);
    let small = segments(&house);
    house.change_series(&SeriesChange {
        index_segment_size: Some(SegmentSize::new(4 << 10).unwrap()),
        index_compressors: Some(Compressors::new([Compressor::Xz, Compressor::Gz]).unwrap()),
        ..SeriesChange::default()
    });
    publish_and_compare(&mut house);
    assert!(segments(&house) < small);
    assert_eq!(index_files(&house).iter().filter(|(path, _)| path.ends_with("Packages.zst")).count(), 0);
    house.change_series(&SeriesChange {
        index_compressors: Some(Compressors::new([Compressor::Zst, Compressor::Gz]).unwrap()),
        ..SeriesChange::default()
    });
    publish_and_compare(&mut house);
    house.import("s", None, &packages([7], "2"));
    publish_and_compare(&mut house);
}

/// What can happen to a published file behind the publisher's back.
#[derive(Debug, Clone, Copy)]
enum Harm {
    /// A byte in its middle is another.
    Damaged,
    /// It ends early.
    CutOff,
    /// Something else is there.
    Replaced,
    Gone,
}

fn harm(house: &House, form: Compressor, harm: Harm) {
    let path = house.paths.dists().join(format!("{INDEX}{}", form.extension()));
    match harm {
        Harm::Damaged => {
            let file = fs::File::options().read(true).write(true).open(&path).unwrap();
            let middle = file.metadata().unwrap().len() / 2;
            let mut byte = [0];
            // an empty one has no middle
            if file.read_at(&mut byte, middle).unwrap() == 1 {
                file.write_all_at(&[byte[0] ^ 0x41], middle).unwrap();
            }
        }
        Harm::CutOff => {
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_len(file.metadata().unwrap().len() / 2).unwrap();
        }
        Harm::Replaced => {
            disk::remove_file(&path).unwrap();
            disk::write_staged(&path, b"something else").unwrap();
        }
        Harm::Gone => disk::remove_file(&path).unwrap(),
    }
}

#[test]
fn segments_that_are_damaged_or_lost_are_made_again() {
    for what in [Harm::Damaged, Harm::CutOff, Harm::Replaced, Harm::Gone] {
        for forms in [&[Compressor::Gz][..], &[Compressor::Xz], Compressor::ALL] {
            let mut house = house_of_small_segments();
            house.import("s", None, &packages(0..60, "1"));
            house.publish(Wanted::Changed);
            for form in forms {
                harm(&house, *form, what);
            }
            house.now += SignedDuration::from_secs(1);
            // in the part that is harmed, and in one that is not
            house.import("s", None, &packages([3, 30, 58], "2"));
            publish_and_compare(&mut house);
            assert_eq!(house.packages(INDEX).len(), 60, "{what:?} {forms:?}");
        }
    }
}

#[test]
fn rows_that_do_not_fit_the_files_are_found_out() {
    for sql in [
        "UPDATE index_segment_form SET sha256 = zeroblob(32)",
        "UPDATE index_segment_form SET file_size = file_size + 1",
        "UPDATE index_segment SET text_size = text_size + 1",
        "DELETE FROM index_segment_form WHERE form = 'gz'",
        "DELETE FROM index_segment WHERE id % 3 = 0",
        "DELETE FROM index_segment",
    ] {
        let mut house = house_of_small_segments();
        house.import("s", None, &packages(0..60, "1"));
        house.publish(Wanted::Changed);
        let Ok(_) = house.db.read().execute_batch(sql) else { panic!("{sql}") };
        house.import("s", None, &packages([30], "2"));
        house.publish(Wanted::Changed);
        house.assert_consistent();
        let texts = house.texts();
        assert_eq!(house.packages(INDEX).len(), 60, "{sql}");
        // the cuts may be others now, the text is the same
        house.publish(Wanted::All);
        assert_eq!(house.texts(), texts, "{sql}");
    }
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
    Harm {
        form: usize,
        harm: Harm,
    },
    Publish,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let import = (0usize..80, 1usize..9, 1usize..20, 1usize..5, 0usize..2).prop_map(
        |(first, step, count, version, component)| Event::Import { first, step, count, version, component },
    );
    let harms = prop_oneof![Just(Harm::Damaged), Just(Harm::CutOff), Just(Harm::Replaced), Just(Harm::Gone)];
    let harm = (0..Compressor::ALL.len(), harms).prop_map(|(form, harm)| Event::Harm { form, harm });
    proptest::collection::vec(prop_oneof![5 => import, 1 => harm, 3 => Just(Event::Publish)], 1..14)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn increments_and_rebuilds_give_the_same_files(events in events()) {
        let mut house = house_of_small_segments();
        house.publish(Wanted::Changed);
        for event in events {
            house.now += SignedDuration::from_secs(1);
            match event {
                Event::Import { first, step, count, version, component } => {
                    let numbers = (first..).step_by(step).take(count);
                    let component = ["main", "universe"][component];
                    house.import("s", Some(component), &packages(numbers, &version.to_string()));
                }
                Event::Harm { form, harm: what } => {
                    let form = Compressor::ALL[form];
                    if house.paths.dists().join(format!("{INDEX}{}", form.extension())).exists() {
                        harm(&house, form, what);
                    }
                }
                Event::Publish => drop(house.publish(Wanted::Changed)),
            }
        }
        // something changes, so that what was harmed last is looked at
        house.import("s", Some("main"), &packages([0], "9"));
        publish_and_compare(&mut house);
    }
}
