//! Large indexes: a change costs what it is large, and every decoder reads what was put together.

use std::path::{Path, PathBuf};

use pressroom_tests::apt::names_in;
use pressroom_tests::deb::Deb;
use pressroom_tests::pool;
use pressroom_tests::root::{Root, SERIES};
use pressroom_tests::stanza::{listed, stanzas};
use pressroom_tests::tool::{self, read, read_text, tool};
use pressroom_tests::tree::sha256;

use crate::timings::{Spent, add};

const INDEX: &str = "main/binary-amd64/Packages";
const FORMS: u64 = 2;
/// The same package in each archive.
const CHANGED: &str = "package-in-the-middle";

/// An archive with so many of the real packages in segments of 32 KiB, published.
#[track_caller]
fn archive(base: &Root, packages: &Path, count: usize) -> Root {
    let root = base.copy();
    let mut all: Vec<PathBuf> = names_in(packages).into_iter().map(|name| packages.join(name)).collect();
    all.truncate(count);
    let paths: Vec<&Path> = all.iter().map(PathBuf::as_path).collect();
    root.import(SERIES, &paths).exits(0);
    change(&root, "1.0");
    root.ok(&["publish"]);
    root
}

/// Imports a version of the package, for one architecture.
#[track_caller]
fn change(root: &Root, version: &str) {
    let folder = tempfile::tempdir().unwrap();
    let deb = Deb::new(CHANGED, version).architecture("amd64").write(folder.path());
    root.import(SERIES, &[&deb]).exits(0);
}

/// What `update` costs, published in a small archive and in one five times as large.
#[track_caller]
fn costs(update: impl Fn(&Root)) -> (Spent, Spent) {
    let packages = tempfile::tempdir().unwrap();
    let _ = pool::write(packages.path(), 1500);
    let base = Root::new();
    base.ok(&["series", "set", SERIES, "--index-segment-kib", "32"]);
    let (small, large) = (archive(&base, packages.path(), 300), archive(&base, packages.path(), 1500));
    update(&small);
    update(&large);
    (Spent::publishing(&small), Spent::publishing(&large))
}

/// The work of one changed package, which does not grow with the archive.
#[track_caller]
fn assert_one_change((small, large): &(Spent, Spent), stanzas_at_most: u64) {
    for spent in [small, large] {
        let all = spent.all();
        assert!(spent.of("stanzas_rendered") <= stanzas_at_most, "{all:?}");
        // its own, and one or two more where the cuts move
        assert!((1..=3).contains(&spent.of("segments_rendered")), "{all:?}");
        assert!(spent.of("segments_compressed") <= 3 * FORMS, "{all:?}");
    }
    // the rows of the segments themselves, one and one for each form, are as many as these are
    let rows = large.of("rows_read").abs_diff(small.of("rows_read"));
    assert!(rows <= large.of("segments_kept"), "{rows} {:?} {:?}", small.all(), large.all());
    assert_eq!(large.of("files_opened"), small.of("files_opened"));
    let written = large.of("bytes_written").abs_diff(small.of("bytes_written"));
    assert!(written < 3 * 32 * 1024, "{written} {:?} {:?}", small.all(), large.all());
    // what is not written is copied
    assert!(large.of("bytes_copied") > 3 * small.of("bytes_copied"), "{:?} {:?}", small.all(), large.all());
    assert!(large.of("segments_kept") > 3 * small.of("segments_kept"), "{:?}", large.all());
}

#[test]
fn an_update_costs_what_it_is_large() {
    assert_one_change(&costs(|root| change(root, "2.0")), 1);
}

#[test]
fn a_removal_costs_what_it_is_large() {
    let remove = |root: &Root| drop(root.ok(&["remove", "--suite", SERIES, "--binary", CHANGED]));
    assert_one_change(&costs(remove), 0);
}

#[test]
fn an_override_costs_what_it_is_large() {
    let set = |root: &Root| {
        drop(root.ok(&["override", "set", "--series", SERIES, CHANGED, "--section", "games", "--published"]));
    };
    assert_one_change(&costs(set), 1);
}

#[test]
fn a_move_to_another_component_costs_what_it_is_large() {
    let (small, large) = costs(|root| {
        drop(root.ok(&[
            "override",
            "set",
            "--series",
            SERIES,
            CHANGED,
            "--component",
            "universe",
            "--published",
        ]));
    });
    // it leaves one index and is alone in the other
    assert_one_change(&(small, large), 1);
}

#[test]
fn every_decoder_and_apt_read_an_index_of_many_segments() {
    let root = Root::new();
    root.ok(&[
        "series",
        "set",
        SERIES,
        "--index-segment-kib",
        "32",
        "--index-compressors",
        "uncompressed,gz,xz,zst",
    ]);
    let packages = tempfile::tempdir().unwrap();
    let paths = pool::write(packages.path(), 800);
    let paths: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    root.import(SERIES, &paths).exits(0);
    root.ok(&["publish"]);
    for version in ["1.0", "2.0"] {
        change(&root, version);
        root.run_at(
            if version == "1.0" { "2025-03-01T13:00:00Z" } else { "2025-03-01T14:00:00Z" },
            &["publish"],
        )
        .exits(0);
        let folder = root.suite(SERIES);
        let at = |ending: &str| folder.join(format!("{INDEX}{ending}"));
        let text = read(&at(""));
        for (program, test, ending) in [("gzip", "-t", ".gz"), ("xz", "-t", ".xz"), ("zstd", "-tq", ".zst")] {
            tool::succeed(tool(program).arg(test).arg(at(ending)));
        }
        let list = tool::succeed(tool("xz").args(["--robot", "--list"]).arg(at(".xz"))).stdout;
        let totals: Vec<&str> = list.lines().last().unwrap().split('\t').collect();
        let (streams, blocks): (u64, u64) = (totals[1].parse().unwrap(), totals[2].parse().unwrap());
        assert!(streams == 1 && blocks > 5, "{list}");
        let python = "import gzip, lzma, sys\n\
                      text = open(sys.argv[1], 'rb').read()\n\
                      assert gzip.open(sys.argv[1] + '.gz').read() == text\n\
                      assert lzma.open(sys.argv[1] + '.xz').read() == text\n\
                      assert lzma.open(sys.argv[1] + '.xz').readlines()[-1] == b'\\n'";
        tool::succeed(tool("python3").args(["-c", python]).arg(at("")));
        let release = read_text(&folder.join("Release"));
        for ending in ["", ".gz", ".xz", ".zst"] {
            let path = format!("{INDEX}{ending}");
            let (digest, size) = &listed(&release, "SHA256")[&path];
            let content = read(&at(ending));
            assert_eq!((*digest == sha256(&content), *size), (true, content.len() as u64), "{path}");
        }
        assert_eq!(stanzas(&String::from_utf8(text).unwrap()).len(), 801);
        assert_eq!(root.client(SERIES).candidate(CHANGED), None, "nothing was fetched yet");
        let client = root.client(SERIES);
        client.update();
        assert_eq!(client.candidate(CHANGED).as_deref(), Some(version));
    }
    // dpkg's own reader of such files
    let available = root.path().join("available");
    tool::succeed(
        tool("dpkg")
            .arg("--admindir")
            .arg(root.path())
            .arg("--update-avail")
            .arg(root.suite(SERIES).join(INDEX)),
    );
    assert!(read_text(&available).contains(&format!("Package: {CHANGED}\n")));
}

#[test]
fn the_disk_is_synced_before_the_exchange_and_nothing_is_written_behind_it() {
    let root = Root::new();
    add(&root, "hello", "1.0");
    let trace = root.path().join("trace.json");
    root.ok(&["publish", "--trace", &trace.to_string_lossy()]);
    let events: Vec<serde_json::Value> = serde_json::from_str(&read_text(&trace)).unwrap();
    let names: Vec<(String, String)> = events
        .iter()
        .filter(|event| event["ph"] == "B" || event["ph"] == "E")
        .map(|event| {
            (event["name"].as_str().unwrap_or_default().to_owned(), event["ph"].as_str().unwrap().to_owned())
        })
        .collect();
    let place = |name: &str, phase: &str| -> Vec<usize> {
        let found = names.iter().enumerate().filter(|(_, (one, at))| one == name && at == phase);
        found.map(|(place, _)| place).collect()
    };
    let exchanged = place("exchange", "B");
    let synced: Vec<usize> = place("sync", "E").into_iter().filter(|sync| *sync < exchanged[0]).collect();
    assert_eq!((exchanged.len(), synced.len()), (1, 1), "{names:?}");
    for phase in ["link", "copy", "write", "sign", "by-hash", "assemble", "release"] {
        for written in place(phase, "E") {
            assert!(written < synced[0], "{phase} ends after the sync: {names:?}");
        }
    }
}
