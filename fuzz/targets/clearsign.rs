//! The clear-signature around a `.dsc` or `.changes`: what is taken out has to be what was signed, and nothing more.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::clearsign::unwrap;
use pressroom_fuzz::{bounded, presentable, text};

fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    bounded(|| match unwrap(text) {
        Ok(unwrapped) => match unwrapped.signature {
            None => assert_eq!(unwrapped.text, text, "a text without signature stays as it is"),
            Some(signature) => {
                assert!(signature.starts_with("-----BEGIN PGP SIGNATURE-----"));
                assert!(signature.ends_with("-----END PGP SIGNATURE-----"));
                // each line is one of the file's, escaped or not
                for line in unwrapped.text.lines() {
                    assert!(text.contains(line), "{line:?} was not signed");
                }
                assert!(unwrapped.lines_before >= 2);
                assert!(unwrapped.text.len() < text.len());
            }
        },
        Err(error) => presentable(&error),
    });
});
