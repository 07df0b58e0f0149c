//! The diff of a source package of format 1.0, which is applied to the few members that matter. It is compressed here, since what a decoder
//! refuses is found by the other targets.

#![no_main]

use std::collections::BTreeMap;
use std::io::Write;

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::source_diff::read;
use pressroom_archive::format::source_tree::Member;
use pressroom_archive::format::tarball::Bounds;
use pressroom_fuzz::{bounded, presentable};

fuzz_target!(|data: &[u8]| {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    packed.write_all(data).expect("memory takes it");
    let packed = packed.finish().expect("memory takes it");
    let bounds = Bounds { bytes: 1 << 30, entries: 10_000, compressed_bytes: packed.len() as u64 };
    let changelog = "greetings (1.0-1) aurora; urgency=low\n\n  * Made.\n\n -- Ann <ann@example.org>  Tue, 14 Nov 2023 22:13:20 +0000\n";
    let base = BTreeMap::from([
        ("debian/changelog", Member::File(changelog.into())),
        ("debian/copyright", Member::NoFile { what: "a symbolic link" }),
    ]);
    if let Err(error) = bounded(|| read(packed.as_slice(), bounds, &base)) {
        presentable(&error);
    }
});
