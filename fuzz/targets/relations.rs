//! Relations between packages, and the people in `Maintainer` and `Changed-By`: values of fields that others will read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pressroom_archive::format::mailbox::Mailbox;
use pressroom_archive::format::relations;
use pressroom_fuzz::{bounded, presentable, text};

fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    bounded(|| {
        match relations::parse(text) {
            Ok(all) => assert!(all.iter().all(|alternatives| !alternatives.is_empty())),
            Err(error) => presentable(&error),
        }
        match text.parse::<Mailbox>() {
            Ok(mailbox) => {
                let Mailbox { name, address } = mailbox;
                assert!(!name.is_empty() && !name.contains(['<', '>']), "{name:?}");
                assert!(
                    !format!("{name}{address}").contains(char::is_control),
                    "a header could be put in: {text:?}"
                );
                assert!(
                    address.matches('@').count() == 1 && !address.contains([' ', '<', '>', ',', '\\']),
                    "{address:?}"
                );
            }
            Err(error) => presentable(&error),
        }
    });
});
