//! The `.dsc` of a source package, signed or not.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::SourceControl;
use pressroom_fuzz::{bounded, presentable};

fuzz_target!(|data: &[u8]| {
    bounded(|| match SourceControl::parse(data) {
        Ok(control) => {
            for file in &control.files {
                let name = file.name.as_str();
                let is_plain =
                    !name.contains('/') && !name.starts_with('.') && !name.contains(char::is_control);
                assert!(is_plain, "{name:?} would lead somewhere");
            }
            assert!(control.pairs().count() > 0);
        }
        Err(error) => presentable(&error),
    });
});
