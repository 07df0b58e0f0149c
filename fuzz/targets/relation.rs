//! What fields say of other packages: the `Source` of binary packages and uploads.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::relation::parse_source_field;
use pressroom_fuzz::{bounded, presentable, text};

fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    bounded(|| match parse_source_field(text) {
        Ok((name, version)) => {
            let written = version.map_or_else(|| name.to_string(), |version| format!("{name} ({version})"));
            let (again, _) = parse_source_field(&written).expect("what was written can be read");
            assert_eq!(again, name);
        }
        Err(error) => presentable(&error),
    });
});
