//! The `.changes` of an upload, signed or not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::Changes;
use pressroom_fuzz::{bounded, presentable};

fuzz_target!(|data: &[u8]| {
    bounded(|| match Changes::parse(data) {
        Ok(changes) => {
            let mut names: Vec<&str> = changes.files.iter().map(|file| file.name.as_str()).collect();
            for name in &names {
                let is_plain =
                    !name.contains('/') && !name.starts_with('.') && !name.contains(char::is_control);
                assert!(is_plain, "{name:?} would lead somewhere");
            }
            names.sort_unstable();
            let listed = names.len();
            names.dedup();
            assert_eq!(names.len(), listed, "a file is listed twice");
            let _ = changes.has_source();
            assert!(changes.pairs().count() > 0);
        }
        Err(error) => presentable(&error),
    });
});
