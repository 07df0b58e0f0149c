//! A key file of ours, ours or exported by gpg, before the programs that will meet its signatures.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::Timestamp;

use super::super::{OwnKey, SignError, Signer};
use super::gnupg::{Home, succeed};
use super::{AWKWARD_TEXTS, large_text, now};

fn refusal(path: &Path, now: Timestamp) -> SignError {
    OwnKey::load(path, now).expect_err("the key should be refused")
}

/// Both forms verify, and neither does once a byte of the text was changed.
fn assert_signs(home: &Home, key: &OwnKey, text: &str) {
    let public = key.public_key().unwrap();
    let detached = key.detached(text.as_bytes(), now()).unwrap();
    let clear = key.clear(text, now()).unwrap();
    assert!(home.detached_verifies(&public, &detached, text.as_bytes()));
    assert!(home.clear_verifies(&public, &clear).is_some());

    let at = text.find(|character: char| character.is_ascii_alphabetic()).unwrap();
    let mut tampered = text.as_bytes().to_vec();
    tampered[at] ^= 1;
    assert!(!home.detached_verifies(&public, &detached, &tampered));
    let mut tampered = clear.clone();
    let at = clear.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2;
    let at = at + clear[at..].iter().position(u8::is_ascii_alphabetic).unwrap();
    tampered[at] ^= 1;
    assert!(home.clear_verifies(&public, &tampered).is_none());
}

#[test]
fn a_generated_key_is_ed25519_and_is_accepted_everywhere() {
    let home = Home::new();
    let created = "2023-01-01T00:00:00Z".parse().unwrap();
    let key = OwnKey::generate("Example Archive <archive@example.org>", created).unwrap();
    for text in AWKWARD_TEXTS {
        assert_signs(&home, &key, text);
    }
    assert_signs(&home, &key, &large_text());

    home.gpg(&["--batch", "--import"], &key.secret_key().unwrap());
    let listing = home.gpg(&["--batch", "--with-colons", "--list-secret-keys"], b"");
    let listing = String::from_utf8(listing).unwrap();
    let fields: Vec<&str> =
        listing.lines().find(|line| line.starts_with("sec:")).unwrap().split(':').collect();
    assert_eq!(fields[3], "22", "EdDSA");
    assert_eq!(fields[5], created.as_second().to_string());
    assert_eq!(fields[6], "", "no expiry");
    assert_eq!(fields[11], "scSC");
    assert_eq!(fields[16], "ed25519");
    assert!(listing.contains(&format!("fpr:::::::::{}:", key.fingerprint())), "{listing}");
    assert!(listing.contains("Example Archive <archive@example.org>"), "{listing}");
    assert!(!listing.contains("ssb:"), "{listing}");
}

#[test]
fn a_generated_key_loads_again_and_signs_the_same_bytes() {
    let home = Home::new();
    let key = OwnKey::generate("Example Archive", now()).unwrap();
    let path = home.private_file("key.asc", &key.secret_key().unwrap());
    let loaded = OwnKey::load(&path, now()).unwrap();
    assert_eq!(loaded.fingerprint(), key.fingerprint());
    assert_eq!(loaded.public_key().unwrap(), key.public_key().unwrap());
    assert_eq!(*loaded.secret_key().unwrap(), *key.secret_key().unwrap());

    let text = AWKWARD_TEXTS[1];
    assert_eq!(loaded.clear(text, now()).unwrap(), key.clear(text, now()).unwrap());
    assert_eq!(loaded.detached(b"data", now()).unwrap(), key.detached(b"data", now()).unwrap());
    let later = now() + jiff::Span::new().seconds(1);
    assert_ne!(loaded.detached(b"data", later).unwrap(), key.detached(b"data", now()).unwrap());
    assert_ne!(
        OwnKey::generate("Example Archive", now()).unwrap().fingerprint(),
        key.fingerprint(),
        "keys are random"
    );
}

#[test]
fn the_signature_says_when_and_by_whom() {
    let home = Home::new();
    let key = OwnKey::generate("Example Archive", now()).unwrap();
    let signed = "2024-06-02T03:04:05Z".parse().unwrap();
    let signature = key.detached(b"data", signed).unwrap();
    let packets = String::from_utf8(home.gpg(&["--list-packets"], &signature)).unwrap();
    assert!(packets.contains(&format!("created {}", signed.as_second())), "{packets}");
    assert!(packets.contains("digest algo 10"), "SHA512: {packets}");
    assert!(packets.contains("sigclass 0x00"), "{packets}");
    assert!(packets.contains(&format!("issuer fpr v4 {}", key.fingerprint())), "{packets}");
    let clear = String::from_utf8(key.clear("a\n", signed).unwrap()).unwrap();
    assert!(clear.starts_with(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\na\n-----BEGIN PGP SIGNATURE-----\n"
    ));
    let (_, signature) = clear.split_at(clear.find("-----BEGIN PGP SIGNATURE").unwrap());
    let packets = String::from_utf8(home.gpg(&["--list-packets"], signature.as_bytes())).unwrap();
    assert!(packets.contains("sigclass 0x01"), "{packets}");
}

#[test]
fn the_cleartext_reads_as_gpg_writes_it() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let key =
        OwnKey::load(&home.export_secret("--export-secret-keys", &fingerprint, "key.asc"), now()).unwrap();
    let public = key.public_key().unwrap();
    for text in AWKWARD_TEXTS {
        let theirs = home.gpg(&["--batch", "--local-user", &fingerprint, "--clear-sign"], text.as_bytes());
        let theirs = home.clear_verifies(&public, &theirs).unwrap();
        let ours = home.clear_verifies(&public, &key.clear(text, now()).unwrap()).unwrap();
        assert_eq!(String::from_utf8(ours), String::from_utf8(theirs), "{text:?}");
    }
}

#[test]
fn keys_exported_by_gpg_sign() {
    let home = Home::new();
    for algorithm in ["ed25519", "rsa2048", "rsa3072", "nistp256", "nistp384"] {
        let fingerprint = home.make_key(algorithm, "sign", "20200101T000000", "never");
        let path = home.export_secret("--export-secret-keys", &fingerprint, &format!("{algorithm}.asc"));
        let key = OwnKey::load(&path, now()).unwrap();
        assert_eq!(key.fingerprint(), fingerprint);
        assert_signs(&home, &key, AWKWARD_TEXTS[0]);
        assert_eq!(
            key.detached(b"data", now()).unwrap(),
            key.detached(b"data", now()).unwrap(),
            "{algorithm}"
        );
    }
}

#[test]
fn a_binary_export_loads() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let armored = home.export_secret("--export-secret-keys", &fingerprint, "key.asc");
    let binary = succeed("gpg", &["--dearmor", "--output", "-", armored.to_str().unwrap()], b"");
    let key = OwnKey::load(&home.private_file("key.gpg", &binary), now()).unwrap();
    assert_eq!(key.fingerprint(), fingerprint);
}

#[test]
fn the_newest_valid_signing_subkey_signs() {
    let home = Home::new();
    let primary = home.make_key("rsa2048", "cert", "20200101T000000", "never");
    home.add_subkey(&primary, "cv25519", "encr", "20200101T000000", "never");
    let old = home.add_subkey(&primary, "rsa2048", "sign", "20210101T000000", "never");
    let new = home.add_subkey(&primary, "ed25519", "sign", "20220101T000000", "20230101T000000");
    let path = home.export_secret("--export-secret-keys", &primary, "key.asc");

    for (moment, signer) in
        [("2021-06-01T00:00:00Z", &old), ("2022-06-01T00:00:00Z", &new), ("2023-06-01T00:00:00Z", &old)]
    {
        let moment = moment.parse().unwrap();
        let key = OwnKey::load(&path, moment).unwrap();
        assert_eq!(key.fingerprint(), primary);
        let signature = key.detached(b"data", moment).unwrap();
        assert!(home.detached_verifies(&key.public_key().unwrap(), &signature, b"data"));
        let packets = String::from_utf8(home.gpg(&["--list-packets"], &signature)).unwrap();
        assert!(packets.contains(signer.as_str()), "{packets}");
    }
    assert_signs(&home, &OwnKey::load(&path, now()).unwrap(), AWKWARD_TEXTS[3]);

    let early = refusal(&path, "2020-06-01T00:00:00Z".parse().unwrap());
    assert!(matches!(&early, SignError::NotYetValid { fingerprint, .. } if *fingerprint == new), "{early}");
}

#[test]
fn a_subkey_signs_for_an_offline_primary() {
    let home = Home::new();
    let primary = home.make_key("ed25519", "cert", "20200101T000000", "never");
    home.add_subkey(&primary, "ed25519", "sign", "20200102T000000", "never");
    let path = home.export_secret("--export-secret-subkeys", &primary, "key.asc");
    let key = OwnKey::load(&path, now()).unwrap();
    assert_eq!(key.fingerprint(), primary);
    assert_signs(&home, &key, AWKWARD_TEXTS[0]);
}

#[test]
fn an_expiry_that_was_extended_counts() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "20210101T000000");
    let short = home.export_secret("--export-secret-keys", &fingerprint, "short.asc");
    home.gpg_at("20200601T000000", &["--quick-set-expire", &fingerprint, "20250101T000000"]);
    let long = home.export_secret("--export-secret-keys", &fingerprint, "long.asc");
    home.gpg_at("20200701T000000", &["--quick-set-expire", &fingerprint, "0"]);
    let endless = home.export_secret("--export-secret-keys", &fingerprint, "endless.asc");

    let expired = refusal(&short, now());
    assert!(
        matches!(&expired, SignError::Expired { fingerprint: named, .. } if *named == fingerprint),
        "{expired}"
    );
    assert!(expired.to_string().contains("expired at 2021-01-0"), "{expired}");
    assert!(OwnKey::load(&long, now()).is_ok());
    assert!(matches!(refusal(&long, "2025-06-01T00:00:00Z".parse().unwrap()), SignError::Expired { .. }));
    assert!(OwnKey::load(&endless, "2100-01-01T00:00:00Z".parse().unwrap()).is_ok());
}

#[test]
fn a_loaded_key_is_judged_again_as_time_passes() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "20240701T000000");
    let key =
        OwnKey::load(&home.export_secret("--export-secret-keys", &fingerprint, "key.asc"), now()).unwrap();
    key.check(now()).unwrap();
    let late = "2024-08-01T00:00:00Z".parse().unwrap();
    assert!(matches!(key.check(late), Err(SignError::Expired { .. })));
    assert!(matches!(key.detached(b"data", late), Err(SignError::Expired { .. })));
    assert!(matches!(key.clear("a\n", late), Err(SignError::Expired { .. })));
    let early = "2019-01-01T00:00:00Z".parse().unwrap();
    assert!(matches!(key.check(early), Err(SignError::NotYetValid { .. })));
    for far in ["1969-01-01T00:00:00Z", "2107-01-01T00:00:00Z"] {
        assert!(matches!(key.check(far.parse().unwrap()), Err(SignError::TimeOutOfRange { .. })), "{far}");
    }
}

#[test]
fn revoked_keys_are_refused() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "never");
    home.revoke(&fingerprint);
    let revoked = refusal(&home.export_secret("--export-secret-keys", &fingerprint, "key.asc"), now());
    assert!(
        matches!(&revoked, SignError::Revoked { fingerprint: named, .. } if *named == fingerprint),
        "{revoked}"
    );

    let primary = home.make_key("ed25519", "cert", "20200102T000000", "never");
    let subkey = home.add_subkey(&primary, "ed25519", "sign", "20200103T000000", "never");
    home.revoke_subkey(&primary);
    let revoked = refusal(&home.export_secret("--export-secret-keys", &primary, "subkey.asc"), now());
    assert!(
        matches!(&revoked, SignError::Revoked { fingerprint, reason } if *fingerprint == subkey && reason.contains("lost it")),
        "{revoked}"
    );
}

#[test]
fn keys_that_cannot_sign_are_refused() {
    let home = Home::new();
    let primary = home.make_key("ed25519", "cert", "20200101T000000", "never");
    let refused = refusal(&home.export_secret("--export-secret-keys", &primary, "cert.asc"), now());
    assert!(
        matches!(&refused, SignError::NoSigningCapability { fingerprint } if *fingerprint == primary),
        "{refused}"
    );
    assert!(refused.to_string().contains("--quick-add-key"), "{refused}");

    let weak = home.make_key("rsa1024", "sign", "20200101T000000", "never");
    let refused = refusal(&home.export_secret("--export-secret-keys", &weak, "weak.asc"), now());
    assert!(matches!(refused, SignError::Weak { bits: 1024, minimum_bits: 2048, .. }), "{refused}");

    let random = home.make_key("nistp521", "sign", "20200101T000000", "never");
    let refused = refusal(&home.export_secret("--export-secret-keys", &random, "random.asc"), now());
    assert!(
        matches!(&refused, SignError::UnsupportedAlgorithm { algorithm, .. } if algorithm.contains("521")),
        "{refused}"
    );

    let dsa = home.make_key("dsa2048", "sign", "20200101T000000", "never");
    let refused = refusal(&home.export_secret("--export-secret-keys", &dsa, "dsa.asc"), now());
    assert!(
        matches!(&refused, SignError::UnsupportedAlgorithm { algorithm, .. } if algorithm == "DSA"),
        "{refused}"
    );
}

#[test]
fn a_locked_key_is_refused_with_advice() {
    let home = Home::new();
    let arguments = [
        "--batch",
        "--passphrase",
        "secret",
        "--pinentry-mode",
        "loopback",
        "--faked-system-time",
        "20200101T000000",
    ];
    let make = [&arguments[..], &["--quick-generate-key", "Locked", "ed25519", "sign", "never"]].concat();
    home.gpg(&make, b"");
    let export = [&arguments[..], &["--armor", "--export-secret-keys", "Locked"]].concat();
    let path = home.private_file("key.asc", &home.gpg(&export, b""));
    let locked = refusal(&path, now());
    assert!(matches!(locked, SignError::Locked { .. }), "{locked}");
    assert!(locked.to_string().contains("--change-passphrase"), "{locked}");
}

#[test]
fn files_that_hold_no_secret_key_are_refused() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "never");
    let public = home.gpg(&["--armor", "--export", &fingerprint], b"");
    let refused = refusal(&home.private_file("public.asc", &public), now());
    assert!(
        matches!(&refused, SignError::PublicKeyOnly { fingerprint: named, .. } if *named == fingerprint),
        "{refused}"
    );
    assert!(refused.to_string().contains("--export-secret-keys"), "{refused}");

    let first = std::fs::read(home.export_secret("--export-secret-keys", &fingerprint, "first.asc")).unwrap();
    for (name, content) in [
        ("empty", &b""[..]),
        ("text", b"this is no key\n"),
        ("binary", b"\xff\xfe\x00\x01\x02\x03"),
        ("truncated", &first[..first.len() / 2]),
        ("armour", b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n-----END PGP PRIVATE KEY BLOCK-----\n"),
        ("ssh", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"),
    ] {
        let refused = refusal(&home.private_file(name, content), now());
        assert!(matches!(refused, SignError::NotASecretKey { .. }), "{name}: {refused}");
    }

    home.make_key("ed25519", "sign", "20200102T000000", "never");
    let refused =
        refusal(&home.export_secret("--export-secret-keys", "archive@example.org", "both.asc"), now());
    assert!(matches!(&refused, SignError::SeveralKeys { first, .. } if *first == fingerprint), "{refused}");
}

#[test]
fn a_forged_self_signature_does_not_count() {
    let home = Home::new();
    let fingerprint = home.make_key("ed25519", "sign", "20200101T000000", "20210101T000000");
    let path = home.export_secret("--export-secret-keys", &fingerprint, "key.asc");
    let mut packets = succeed("gpg", &["--dearmor", "--output", "-", path.to_str().unwrap()], b"");
    // The subpacket of the key's lifetime: its length, its type, and four bytes of seconds, made larger.
    let at = packets.windows(2).position(|pair| pair == [5, 9]).unwrap();
    packets[at + 2] = 0x7f;
    let refused = refusal(&home.private_file("forged.gpg", &packets), now());
    assert!(
        matches!(&refused, SignError::InvalidKey { reason, .. } if reason.contains("self-signature")),
        "{refused}"
    );
}

#[test]
fn files_that_are_not_private_are_refused() {
    let home = Home::new();
    let key = OwnKey::generate("Example Archive", now()).unwrap();
    let path = home.private_file("key.asc", &key.secret_key().unwrap());
    for mode in [0o640, 0o604, 0o620, 0o601] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let refused = refusal(&path, now());
        assert!(
            matches!(refused, SignError::ExposedKeyFile { mode: found, .. } if found == mode),
            "{refused}"
        );
        assert!(refused.to_string().contains(&format!("chmod 600 {}", path.display())), "{refused}");
    }
    for mode in [0o600, 0o400] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(OwnKey::load(&path, now()).is_ok(), "{mode:o}");
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let home = Home::new();
    let missing = refusal(&home.file("nothing"), now());
    assert!(matches!(missing, SignError::MissingKeyFile { .. }), "{missing}");
    assert!(matches!(refusal(home.path(), now()), SignError::NotARegularFile { .. }));
    assert!(matches!(refusal(Path::new("/dev/zero"), now()), SignError::NotARegularFile { .. }));
    let below = refusal(&home.private_file("file", b"").join("below"), now());
    assert!(matches!(below, SignError::ReadKeyFile { .. }), "{below}");
    let large = home.private_file("large", &vec![b'a'; 5 * 1024 * 1024]);
    assert!(matches!(refusal(&large, now()), SignError::KeyFileTooLarge { .. }));
}

#[test]
fn unfit_documents_and_user_ids_are_refused() {
    let key = OwnKey::generate("Example Archive", now()).unwrap();
    assert!(matches!(key.clear("no newline", now()), Err(SignError::UnfitText { line: 1, .. })));
    assert!(matches!(key.clear("", now()), Err(SignError::EmptyDocument)));
    assert!(matches!(key.detached(b"", now()), Err(SignError::EmptyDocument)));
    for user_id in ["", " ", " a", "a ", "a\nb", "a\0", &"a".repeat(2049)] {
        assert!(
            matches!(OwnKey::generate(user_id, now()), Err(SignError::UnfitUserId { .. })),
            "{user_id:?}"
        );
    }
    let far = "2107-01-01T00:00:00Z".parse().unwrap();
    assert!(matches!(OwnKey::generate("a", far), Err(SignError::TimeOutOfRange { .. })));
}

#[test]
fn debugging_shows_no_secret() {
    let key = OwnKey::generate("Example Archive", now()).unwrap();
    assert_eq!(format!("{key:?}"), format!("OwnKey {{ fingerprint: {:?}, .. }}", key.fingerprint()));
}
