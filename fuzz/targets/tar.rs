//! The two members of a package that are tar archives, in every compression. The first byte chooses, the rest is the member.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::read_deb;
use pressroom_fuzz::{ar, bounded, presentable};

const MEMBERS: [&str; 10] = [
    "control.tar",
    "control.tar.gz",
    "control.tar.xz",
    "control.tar.zst",
    "data.tar",
    "data.tar.gz",
    "data.tar.xz",
    "data.tar.zst",
    "data.tar.bz2",
    "data.tar.lzma",
];

/// A control member with a package in it.
const CONTROL: &[u8] = include_bytes!("../seeds/tar.control");

fuzz_target!(|data: &[u8]| {
    let Some((choice, member)) = data.split_first() else { return };
    let name = MEMBERS[usize::from(*choice) % MEMBERS.len()];
    let package = if name.starts_with("control") {
        // two blocks of nothing are an archive of nothing
        ar(&[("debian-binary", b"2.0\n"), (name, member), ("data.tar", &[0; 1024])])
    } else {
        ar(&[("debian-binary", b"2.0\n"), ("control.tar", CONTROL), (name, member)])
    };
    match bounded(|| read_deb(package.as_slice())) {
        Ok((control, _)) => {
            for path in control.paths.iter() {
                let is_inside =
                    !path.starts_with(b"/") && path.split(|byte| *byte == b'/').all(|part| part != b"..");
                assert!(is_inside && !path.is_empty(), "{:?}", String::from_utf8_lossy(path));
            }
            let mut paths: Vec<&[u8]> = control.paths.iter().collect();
            paths.sort_unstable();
            paths.dedup();
            assert!(paths.into_iter().eq(control.paths.iter()), "sorted, and each once");
        }
        Err(error) => presentable(&error),
    }
});
