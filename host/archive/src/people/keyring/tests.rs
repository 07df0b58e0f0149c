//! Signatures that gpg makes, as debsign has it do.

use super::*;
use crate::domain::PersonKind;
use crate::openpgp::tests::gnupg::Home;
use crate::store::Db;
use crate::store::openpgp_key::set_key_active;
use crate::store::person::{NewPerson, PersonChange, change_person, create_person, person};

const TEXT: &str = "Format: 1.8\nSource: hello\nDescription: \n- not a dash escape   \n\nend\n";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn now() -> Timestamp {
    at("2024-06-01T00:00:00Z")
}

struct House {
    db: Db,
    gpg: Home,
}

impl House {
    fn new() -> Self {
        let mut db = Db::in_memory().unwrap();
        db.write(|tx| {
            for name in ["ann", "ben"] {
                let name = name.parse().unwrap();
                let new = NewPerson { name: &name, kind: PersonKind::Person, display_name: "Somebody" };
                create_person(tx, &new, now())?;
            }
            Ok::<_, StoreError>(())
        })
        .unwrap();
        Self { db, gpg: Home::new() }
    }

    fn person(&self, name: &str) -> PersonId {
        person(self.db.read(), &name.parse().unwrap()).unwrap().id
    }

    /// Takes a key of gpg's in for somebody.
    fn import(&mut self, key: &str, whose: &str) {
        let exported = self.gpg.gpg(&["--batch", "--export", key], b"");
        let certificate = Certificate::read_all(&exported).unwrap().remove(0);
        let person = self.person(whose);
        self.db.write(|tx| take_in(tx, person, &certificate, now())).unwrap();
    }

    fn key(&mut self, algorithm: &str, whose: &str) -> String {
        let key =
            self.gpg.make_key(algorithm, "sign", &format!("20240101T0000{:02}", self.person(whose).0), "1y");
        self.import(&key, whose);
        key
    }

    fn sign(&self, keys: &[&str], time: &str, more: &[&str]) -> Vec<u8> {
        let (file, signed) = (self.gpg.file("text"), self.gpg.file("signed"));
        crate::disk::write_staged(&file, TEXT.as_bytes()).unwrap();
        let mut all = more.to_vec();
        for key in keys {
            all.extend(["--local-user", key]);
        }
        all.extend(["--output", signed.to_str().unwrap(), "--clearsign", file.to_str().unwrap()]);
        self.gpg.gpg_at(time, &all);
        std::fs::read(&signed).unwrap()
    }

    fn verify(&self, signed: &[u8], now: Timestamp) -> Result<Signed, SignatureFault> {
        verify(self.db.read(), signed, now).unwrap()
    }

    fn fault(&self, signed: &[u8], now: Timestamp) -> &'static str {
        let fault = self.verify(signed, now).unwrap_err();
        assert!(!fault.remedy().is_empty() && !fault.to_string().is_empty());
        fault.check()
    }
}

#[test]
fn a_good_signature_says_who_and_exactly_what() {
    let mut house = House::new();
    for (algorithm, whose) in [("ed25519", "ann"), ("rsa2048", "ben")] {
        let key = house.key(algorithm, whose);
        let signed = house.verify(&house.sign(&[&key], "20240201T000000", &[]), now()).unwrap();
        assert_eq!((signed.person.name.as_str(), &signed.fingerprint), (whose, &key));
        assert_eq!(signed.made, at("2024-02-01T00:00:00Z"));
        // blanks at the end of a line are not signed
        assert_eq!(
            signed.text,
            TEXT.replace(" \n", "\n").replace("   \n", "\n").replace("escape  ", "escape")
        );
    }
}

#[test]
fn a_subkey_signs_for_its_primary_key() {
    let mut house = House::new();
    let primary = house.gpg.make_key("ed25519", "cert", "20240101T000000", "0");
    let subkey = house.gpg.add_subkey(&primary, "rsa2048", "sign", "20240102T000000", "0");
    house.import(&primary, "ann");
    let signed = house.verify(&house.sign(&[&format!("{subkey}!")], "20240201T000000", &[]), now()).unwrap();
    assert_eq!((signed.person.name.as_str(), signed.fingerprint), ("ann", primary));
}

#[test]
fn what_is_not_a_whole_signed_text_is_refused() {
    let mut house = House::new();
    let key = house.key("ed25519", "ann");
    let good = house.sign(&[&key], "20240201T000000", &[]);
    let text = String::from_utf8(good.clone()).unwrap();
    let carriage_returns = text.replace('\n', "\r\n");
    let within = text.replace("Source: hello\n", "Source: hello\r\n");
    assert_ne!(within, text);
    let latin = [good.clone(), vec![0xe9]].concat();
    let other_block =
        text.replace("-----BEGIN PGP SIGNATURE-----\n\n", "-----BEGIN PGP SIGNATURE-----\n\nAAAA");
    for (bytes, check) in [
        (TEXT.as_bytes(), "signature-missing"),
        (b"", "signature-missing"),
        (carriage_returns.as_bytes(), "signature-line-ends"),
        (within.as_bytes(), "signature-line-ends"),
        (&latin, "signature-text"),
        (format!("A: 1\n{text}").as_bytes(), "signature-framing"),
        (format!("{text}\nA: 1\n").as_bytes(), "signature-framing"),
        (format!("{text}{text}").as_bytes(), "signature-framing"),
        (&good[..good.len() - 30], "signature-framing"),
        (text.replace("Source: hello", "Source: jello").as_bytes(), "signature-bad"),
        (other_block.as_bytes(), "signature-unreadable"),
    ] {
        assert_eq!(house.fault(bytes, now()), check, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn keys_that_are_unknown_weak_expired_or_revoked_sign_nothing() {
    let mut house = House::new();
    let stranger = house.gpg.make_key("ed25519", "sign", "20240101T000100", "0");
    let (weak, old, ann) =
        (house.key("rsa1024", "ann"), house.key("dsa2048", "ann"), house.key("rsa3072", "ann"));
    let sha1 = house.sign(&[&ann], "20240201T000000", &["--digest-algo", "SHA1"]);
    let good = house.sign(&[&ann], "20240201T000000", &[]);
    for (signed, when, check) in [
        (house.sign(&[&stranger], "20240201T000000", &[]), now(), "signature-unknown-key"),
        (house.sign(&[&weak], "20240201T000000", &[]), now(), "signature-weak"),
        (house.sign(&[&old], "20240201T000000", &["--digest-algo", "SHA256"]), now(), "signature-weak"),
        (sha1, now(), "signature-weak"),
        (good.clone(), at("2026-01-01T00:00:00Z"), "signature-expired"),
        (good.clone(), at("2024-01-31T23:00:00Z"), "signature-future"),
    ] {
        assert_eq!(house.fault(&signed, when), check);
    }
    // clocks differ a little
    house.verify(&good, at("2024-01-31T23:55:00Z")).unwrap();
    house.gpg.revoke(&ann);
    house.import(&ann, "ann");
    assert_eq!(house.fault(&good, now()), "signature-revoked");
}

#[test]
fn disabled_keys_and_inactive_people_sign_nothing() {
    let mut house = House::new();
    let key = house.key("ed25519", "ann");
    let good = house.sign(&[&key], "20240201T000000", &[]);
    let row = openpgp_key::find_key(house.db.read(), &key).unwrap().unwrap().id;
    house.db.write(|tx| set_key_active(tx, row, false)).unwrap();
    assert_eq!(house.fault(&good, now()), "signature-key-disabled");
    house.db.write(|tx| set_key_active(tx, row, true)).unwrap();
    house.verify(&good, now()).unwrap();
    let ann = person(house.db.read(), &"ann".parse().unwrap()).unwrap();
    let leaves = PersonChange { active: Some(false), ..PersonChange::default() };
    house.db.write(|tx| change_person(tx, &ann, &leaves)).unwrap();
    assert_eq!(house.fault(&good, now()), "signature-person-inactive");
}

#[test]
fn a_certificate_is_one_persons_and_takes_no_revocation_back() {
    let mut house = House::new();
    let key = house.key("ed25519", "ann");
    let read = |house: &House| {
        Certificate::read_all(&house.gpg.gpg(&["--batch", "--export", &key], b"")).unwrap().remove(0)
    };
    let before = read(&house);
    let (ann, ben) = (house.person("ann"), house.person("ben"));
    let refused = house.db.write(|tx| take_in(tx, ben, &before, now()));
    assert!(matches!(refused, Err(ImportError::Store(StoreError::Refused(_)))));
    assert!(before.usable(now()).is_ok() && before.usable(at("2026-01-01T00:00:00Z")).is_err());
    house.gpg.revoke(&key);
    let after = read(&house);
    assert!(after.usable(now()).is_err());
    house.db.write(|tx| take_in(tx, ann, &after, now())).unwrap();
    let refused = house.db.write(|tx| take_in(tx, ann, &before, now()));
    assert!(matches!(refused, Err(ImportError::Older { .. })));
}

#[test]
fn several_signatures_must_be_known_and_by_one_person() {
    let mut house = House::new();
    let (first, ben) = (house.key("ed25519", "ann"), house.key("ed25519", "ben"));
    let second = house.key("rsa2048", "ann");
    let stranger = house.gpg.make_key("ed25519", "sign", "20240101T000100", "0");
    let by_both = house.sign(&[&first, &second], "20240201T000000", &[]);
    assert_eq!(house.verify(&by_both, now()).unwrap().person.name.as_str(), "ann");
    for others in [[&first, &ben], [&first, &stranger], [&stranger, &first]] {
        let keys: Vec<&str> = others.iter().map(|key| key.as_str()).collect();
        assert_eq!(house.fault(&house.sign(&keys, "20240201T000000", &[]), now()), "signature-several");
    }
}
