//! What uploaders sign in the clear, and their certificates: what is said of both to people, and that no text holds which was not signed.

#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use pressroom_archive::openpgp::{Certificate, Clearsigned};
use pressroom_fuzz::{bounded, presentable, text};

static KNOWN: LazyLock<Vec<Certificate>> = LazyLock::new(|| {
    Certificate::read_all(include_bytes!("../seeds/openpgp.certificates"))
        .expect("the certificates of the seeds are good")
});

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let now = Timestamp::from_second(1_740_830_400).expect("a time in 2025");
    if *choice % 2 == 0 {
        match bounded(|| Certificate::read_all(bytes)) {
            Ok(certificates) => {
                for certificate in certificates {
                    let said = format!("{:?} {:?}", certificate.user_ids(), certificate.summary());
                    assert!(!said.contains(char::is_control));
                    assert!(!certificate.summary().algorithm.contains(char::is_control));
                    for user in certificate.user_ids() {
                        assert!(!user.contains(char::is_control), "{user:?} comes to terminals");
                    }
                    if let Err(objection) = certificate.usable(now) {
                        presentable(&objection);
                    }
                    let _ =
                        bounded(|| (certificate.parts(), certificate.revoked_parts(), certificate.binary()));
                }
            }
            Err(error) => presentable(&error),
        }
        return;
    }
    let Some(text) = text(bytes) else { return };
    LazyLock::force(&KNOWN);
    match bounded(|| Clearsigned::parse(text)) {
        Ok(None) => {}
        Ok(Some(signed)) => {
            for (place, issuer) in signed.issuers().iter().enumerate() {
                let words = issuer.fingerprints.iter().chain(&issuer.key_ids);
                assert!(
                    words.flat_map(|word| word.bytes()).all(|byte| byte.is_ascii_hexdigit()),
                    "{issuer:?}"
                );
                for certificate in KNOWN.iter() {
                    if let Err(objection) = bounded(|| signed.verify(place, certificate, now)) {
                        presentable(&objection);
                    }
                }
            }
        }
        Err(error) => presentable(&error),
    }
});
