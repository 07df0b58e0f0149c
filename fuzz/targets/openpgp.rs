//! OpenPGP as people send it: certificates, and signatures against a certificate that is known. The first byte chooses.

#![no_main]

use std::sync::LazyLock;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use pressroom_archive::openpgp::{Certificates, Expiry};
use pressroom_fuzz::{bounded, presentable};

static KNOWN: LazyLock<Certificates> = LazyLock::new(|| {
    Certificates::read(include_bytes!("../seeds/openpgp.certificates"))
        .expect("the certificates of the fixtures are good")
});

/// What the signatures of the seeds are over.
const SIGNED: &[u8] = include_bytes!("../seeds/openpgp.signed");

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let now = Timestamp::from_second(1_740_830_400).expect("a time in 2025");
    if *choice % 2 == 0 {
        match bounded(|| Certificates::read(bytes)) {
            Ok(certificates) => {
                for fingerprint in certificates.fingerprints() {
                    assert!(
                        fingerprint.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
                    );
                    assert!(certificates.only(&fingerprint).is_some());
                }
            }
            Err(error) => presentable(&error),
        }
    } else {
        LazyLock::force(&KNOWN);
        match bounded(|| KNOWN.verify(bytes, SIGNED, now, Expiry::MustBeValidNow)) {
            Ok(good) => assert!(KNOWN.fingerprints().contains(&good.fingerprint)),
            Err(error) => presentable(&error),
        }
    }
});
