//! The tarballs of source packages and of what is served as it is, in every compression. The first byte chooses, the rest is the tarball.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::source_tree::{Member, Role, read};
use pressroom_archive::format::tarball::Bounds;
use pressroom_fuzz::{bounded, presentable};

const ENDINGS: [&str; 5] = ["", ".gz", ".xz", ".bz2", ".lzma"];
const ROLES: [Role; 3] = [Role::Tree, Role::Debian, Role::Served];

fuzz_target!(|data: &[u8]| {
    let Some((choice, tarball)) = data.split_first() else { return };
    let (ending, role) = (ENDINGS[usize::from(*choice) % 5], ROLES[usize::from(*choice) / 5 % 3]);
    let bounds = Bounds { bytes: 1 << 30, entries: 10_000, compressed_bytes: tarball.len() as u64 };
    match bounded(|| read(ending, tarball, bounds, role)) {
        Ok(tree) => {
            assert!(!tree.has_one_folder || tree.top.len() == 1);
            assert!(tree.top.iter().all(|name| !name.contains(char::is_control)), "{:?}", tree.top);
            for member in tree.members.values() {
                if let Member::File(content) = member {
                    assert!(content.len() <= 16 << 20, "{} bytes are kept", content.len());
                }
            }
        }
        Err(error) => presentable(&error),
    }
});
