//! Signatures over hooks, made by gpg.

use jiff::Timestamp;

use super::gnupg::Home;
use crate::openpgp::{AuthorError, Certificates, Expiry};

const HOOK: &[u8] = b"\0asm a hook";

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn certificates(home: &Home, keys: &[&str]) -> Certificates {
    let mut all = vec!["--batch", "--armor", "--export"];
    all.extend(keys);
    Certificates::read(&home.gpg(&all, b"")).unwrap()
}

/// A signature by a key at a time, as gpg writes it.
fn sign(home: &Home, key: &str, time: &str, more: &[&str]) -> Vec<u8> {
    let (file, signature) = (home.file("hook.wasm"), home.file("hook.sig"));
    crate::disk::write_staged(&file, HOOK).unwrap();
    let (file, signature) = (file.to_str().unwrap().to_owned(), signature.to_str().unwrap().to_owned());
    let mut all = more.to_vec();
    all.extend(["--local-user", key, "--output", &signature, "--detach-sign", &file]);
    home.gpg_at(time, &all);
    std::fs::read(&signature).unwrap()
}

#[test]
fn a_signature_by_a_named_person_is_taken_armoured_or_not_and_by_a_subkey() {
    let home = Home::new();
    let alice = home.make_key("ed25519", "cert", "20240101T000000", "0");
    let subkey = home.add_subkey(&alice, "ed25519", "sign", "20240102T000000", "0");
    let rsa = home.make_key("rsa2048", "sign", "20240101T000000", "0");
    let trusted = certificates(&home, &[&alice, &rsa]);
    for (key, more) in [(&alice, vec!["--armor"]), (&rsa, vec![])] {
        let signature = sign(&home, key, "20240201T000000", &more);
        let good =
            trusted.verify(&signature, HOOK, at("2024-06-01T00:00:00Z"), Expiry::MustBeValidNow).unwrap();
        assert_eq!(&good.fingerprint, key);
        assert!(good.user_id.contains("archive@example.org"), "{good:?}");
        assert_eq!(good.made, at("2024-02-01T00:00:00Z"));
        // what is kept is armoured, and holds as well
        let kept = trusted.verify(good.armored.as_bytes(), HOOK, good.made, Expiry::WhenItWasMade).unwrap();
        assert_eq!(kept, good);
    }
    assert_eq!(trusted.fingerprints(), [alice.clone(), rsa]);
    assert_eq!(trusted.only(&subkey).unwrap().fingerprints(), [alice]);
    assert!(trusted.only("0000").is_none());
}

#[test]
fn what_does_not_hold_is_refused_with_the_reason() {
    let home = Home::new();
    let alice = home.make_key("ed25519", "sign", "20240101T000000", "1y");
    let mallory = home.make_key("ed25519", "sign", "20240102T000000", "0");
    let weak = home.make_key("rsa1024", "sign", "20240101T000000", "0");
    // with a key like alice's, gpg makes no signature with SHA1
    let rsa = home.make_key("rsa2048", "sign", "20240101T000000", "0");
    let trusted = certificates(&home, &[&alice, &weak, &rsa]);
    let now = at("2024-06-01T00:00:00Z");
    let signature = sign(&home, &alice, "20240201T000000", &[]);
    let refusal = |signature: &[u8], content: &[u8], now| {
        let error = trusted.verify(signature, content, now, Expiry::MustBeValidNow).unwrap_err();
        error.to_string()
    };
    for (said, word) in [
        (refusal(&signature, b"\0asm another hook", now), "changed since"),
        (refusal(&sign(&home, &mallory, "20240201T000000", &[]), HOOK, now), &*mallory),
        (refusal(&sign(&home, &weak, "20240201T000000", &[]), HOOK, now), "1024 bits"),
        (refusal(&sign(&home, &rsa, "20240201T000000", &["--digest-algo", "SHA1"]), HOOK, now), "digest"),
        (refusal(&signature, HOOK, at("2024-01-15T00:00:00Z")), "still to come"),
        (refusal(&signature, HOOK, at("2025-06-01T00:00:00Z")), "expired at 2024-12-31"),
        (refusal(b"", HOOK, now), "detached"),
        (refusal(b"hello", HOOK, now), "detached"),
        (refusal(&signature[..20], HOOK, now), "detached"),
        (refusal(&vec![0; 1 << 20], HOOK, now), "detached"),
    ] {
        assert!(said.contains(word), "{said} lacks {word}");
    }
    // what a good key has signed stays signed when the key expires
    trusted.verify(&signature, HOOK, at("2025-06-01T00:00:00Z"), Expiry::WhenItWasMade).unwrap();
}

#[test]
fn a_revoked_key_signs_nothing_any_more() {
    let home = Home::new();
    let alice = home.make_key("ed25519", "sign", "20240101T000000", "0");
    let signature = sign(&home, &alice, "20240201T000000", &[]);
    home.revoke(&alice);
    let error = certificates(&home, &[&alice])
        .verify(&signature, HOOK, at("2024-06-01T00:00:00Z"), Expiry::WhenItWasMade)
        .unwrap_err();
    assert!(error.to_string().contains("revoked"), "{error}");
}

#[test]
fn what_are_no_certificates_is_refused() {
    let home = Home::new();
    let alice = home.make_key("ed25519", "sign", "20240101T000000", "0");
    let secret = home.gpg_at("20240102T000000", &["--armor", "--export-secret-keys", &alice]);
    for bytes in [b"".to_vec(), b"hello".to_vec(), secret, vec![0; (4 << 20) + 1]] {
        assert!(matches!(Certificates::read(&bytes), Err(AuthorError::NotCertificates(_))));
    }
}
