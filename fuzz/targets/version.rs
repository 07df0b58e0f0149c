//! Versions, three to an input, a line each: their parts, and that they are in one order.

#![no_main]

use std::cmp::Ordering;

use libfuzzer_sys::fuzz_target;
use pressroom_archive::domain::DebVersion;
use pressroom_fuzz::{bounded, presentable, text};

fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    bounded(|| {
        let mut versions = Vec::new();
        for line in text.split('\n').take(3) {
            match line.parse::<DebVersion>() {
                Ok(version) => {
                    assert_eq!(version.to_string(), line, "the text is kept");
                    let revision =
                        version.revision().map(|revision| format!("-{revision}")).unwrap_or_default();
                    assert_eq!(version.without_epoch(), format!("{}{revision}", version.upstream()));
                    assert_eq!(version.dpkg_cmp(&version), Ordering::Equal);
                    versions.push(version);
                }
                Err(error) => presentable(&error),
            }
        }
        let [one, two, three] = versions.as_slice() else { return };
        let (first, second, whole) = (one.dpkg_cmp(two), two.dpkg_cmp(three), one.dpkg_cmp(three));
        assert_eq!(first, two.dpkg_cmp(one).reverse());
        if first == second {
            assert_eq!(whole, first, "{one} {two} {three}");
        }
        if first == Ordering::Equal {
            assert_eq!(whole, second, "{one} {two} {three}");
        }
    });
});
