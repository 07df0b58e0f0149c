//! Control files: their paragraphs, the fields of these, and that what was read can be written and read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::{control, field};
use pressroom_fuzz::{bounded, presentable};

fuzz_target!(|data: &[u8]| {
    bounded(|| {
        let text = match control::text(data) {
            Ok(text) => text,
            Err(error) => return presentable(&error),
        };
        for paragraph in control::paragraphs(text) {
            let paragraph = match paragraph {
                Ok(paragraph) => paragraph,
                Err(error) => return presentable(&error),
            };
            for error in [
                field::required_line(&paragraph, "Package").err(),
                field::source(&paragraph).err(),
                field::require(&paragraph, &["Package", "Version"]).err(),
            ] {
                error.iter().for_each(|error| presentable(error));
            }
            let mut written = String::new();
            if let Err(error) = control::write_paragraph(&mut written, paragraph.pairs()) {
                panic!("what was read cannot be written: {error} in {paragraph:?}");
            }
            let again = control::single_paragraph(&written).expect("what was written can be read");
            let pairs: Vec<_> = paragraph.pairs().collect();
            assert_eq!(again.pairs().collect::<Vec<_>>(), pairs);
            for (name, value) in pairs {
                assert_eq!(paragraph.get(name), Some(value));
                let _ = control::unfolded(value);
            }
        }
    });
});
