//! Several keys that sign as one, as gpgv, gpg and our own readers see them.

use super::super::{Certificate, OwnKey, PublicKey, Signer, Signers};
use super::gnupg::{Home, run};
use super::{AWKWARD_TEXTS, now};

fn key(name: &str) -> OwnKey {
    OwnKey::generate(name, now()).unwrap()
}

fn pair() -> (Signers, [PublicKey; 2]) {
    let (one, two) = (key("One"), key("Two"));
    let publics = [one.public_key().unwrap(), two.public_key().unwrap()];
    (Signers::new(Box::new(one), vec![Box::new(two)]), publics)
}

#[test]
fn who_knows_either_key_or_both_finds_a_good_signature() {
    let (signers, publics) = pair();
    signers.check(now()).unwrap();
    assert_eq!(signers.fingerprints().count(), 2);
    let both = signers.public_key().unwrap();
    for text in AWKWARD_TEXTS {
        let home = Home::new();
        let (clear, detached) =
            (signers.clear(text, now()).unwrap(), signers.detached(text.as_bytes(), now()).unwrap());
        assert!(home.clear_verifies(&both, &clear).is_some(), "{text:?}");
        assert!(home.detached_verifies(&both, &detached, text.as_bytes()));
        for public in &publics {
            // gpgv fails for the one that it cannot check, and says that the other is good, by which apt goes
            let (ring, file) =
                (home.keyring(public), home.private_file(&format!("in-{}", public.binary.len()), &clear));
            let said = run(
                "gpgv",
                &["--status-fd", "1", "--keyring", ring.to_str().unwrap(), file.to_str().unwrap()],
                b"",
            );
            let said = String::from_utf8_lossy(&said.stdout).into_owned();
            assert!(
                said.contains(" GOODSIG ") && said.contains(" NO_PUBKEY ") && !said.contains("BADSIG"),
                "{said}"
            );
            std::fs::remove_file(file).unwrap();
        }
        let tampered = String::from_utf8(clear).unwrap().replacen("\n\n", "\n\ntampered\n", 1);
        assert!(home.clear_verifies(&both, tampered.as_bytes()).is_none());
    }
}

#[test]
fn the_keys_come_out_in_one_armour() {
    let (signers, publics) = pair();
    let both = signers.public_key().unwrap();
    let armored = String::from_utf8(both.armored.clone()).unwrap();
    assert_eq!(armored.matches("-----BEGIN").count(), 1);
    assert_eq!(Certificate::read_all(&both.armored).unwrap().len(), 2);
    assert_eq!(both.binary, [publics[0].binary.clone(), publics[1].binary.clone()].concat());
    assert_eq!(run("gpg", &["--dearmor"], &both.armored).stdout, both.binary);
}

#[test]
fn one_key_alone_signs_as_it_would_without() {
    let (one, same) = {
        let key = key("One");
        let home = Home::new();
        let path = home.private_file("key.asc", &key.secret_key().unwrap());
        (key, OwnKey::load(&path, now()).unwrap())
    };
    let alone = Signers::new(Box::new(same), Vec::new());
    assert_eq!(alone.clear("a\n", now()).unwrap(), one.clear("a\n", now()).unwrap());
    assert_eq!(alone.detached(b"a", now()).unwrap(), one.detached(b"a", now()).unwrap());
    assert_eq!(alone.public_key().unwrap(), one.public_key().unwrap());
    assert!(alone.clear("no end", now()).is_err());
}

#[test]
fn what_one_of_them_cannot_sign_is_not_signed_at_all() {
    let early = now() - jiff::SignedDuration::from_secs(60);
    let old = OwnKey::generate("Old", early).unwrap();
    let signers = Signers::new(Box::new(old), vec![Box::new(key("Too new"))]);
    assert!(signers.check(early).is_err());
    assert!(signers.clear("a\n", early).is_err() && signers.detached(b"a", early).is_err());
    signers.check(now()).unwrap();
}
