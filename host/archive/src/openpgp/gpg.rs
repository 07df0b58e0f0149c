//! Signing through gpg: for keys in an agent, on a smartcard, or behind a program that speaks for a hardware
//! module.
//!
//! The secret never comes near this process. What gpg answers is not believed either: the text must come back
//! as it was given, and the signature must verify against the public key that gpg exported at the start.
//!
//! gpg uses its own clock for the signature; `now` only judges the key.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use pgp::composed::{Deserializable, DetachedSignature, SignedPublicKey};
use pgp::packet::SignatureType;
use pgp::ser::Serialize;

use super::judge::{Algorithm, KeyFacts, KeyPart, SecretHalf};
use super::process::Invocation;
use super::{PublicKey, SignError, Signer, certificate, cleartext};

/// Listings and exported keys; a key certified by many people has some hundred kilobytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// What a signature adds to a document at most, beside two bytes for each escaped line.
const MAX_SIGNATURE_BYTES: usize = 64 * 1024;

/// The full fingerprint of a key: 40 hexadecimal digits, and `!` after them to insist on that very subkey.
///
/// Nothing shorter and no user ID is accepted, since another key may answer to those tomorrow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint(String);

impl FromStr for Fingerprint {
    type Err = SignError;

    /// Reads a fingerprint as gpg prints it, with or without spaces.
    fn from_str(given: &str) -> Result<Self, SignError> {
        let mut digits: String = given.chars().filter(|character| *character != ' ').collect();
        digits.make_ascii_uppercase();
        let bare = digits.strip_suffix('!').unwrap_or(&digits);
        if bare.len() == 40 && bare.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Self(digits));
        }
        Err(SignError::NotAFingerprint { given: given.chars().take(80).collect() })
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Fingerprint {
    fn without_mark(&self) -> &str {
        self.0.trim_end_matches('!')
    }

    /// Whether that very subkey must sign, rather than the newest.
    fn insists(&self) -> bool {
        self.0.ends_with('!')
    }
}

/// How gpg is to be run.
#[derive(Debug, Clone)]
pub struct GpgSettings {
    /// The program: `gpg`, or one that understands the same options and speaks for another key store.
    pub program: PathBuf,
    /// Its home directory.
    pub home: PathBuf,
    /// The key, or one of its subkeys.
    pub key: Fingerprint,
    /// How long one run may take; it and what it started is killed after that. Leave time for a touch where
    /// one is needed.
    pub time_limit: Duration,
}

/// Signs by running gpg.
#[derive(Debug)]
pub struct GpgSigner {
    settings: GpgSettings,
    /// Of the primary key.
    fingerprint: String,
    certificate: SignedPublicKey,
}

impl GpgSigner {
    /// Asks gpg for the key and its public half. Whether the key may sign is left to
    /// [`check`](Signer::check).
    ///
    /// # Errors
    /// There is no such home or key, or the program cannot be run or fails.
    pub fn open(settings: GpgSettings) -> Result<Self, SignError> {
        if !settings.home.is_dir() {
            return Err(SignError::MissingGpgHome { path: settings.home });
        }
        let facts = list(&settings)?;
        let fingerprint = facts.primary.fingerprint;
        let armored = export(&settings, &fingerprint)?;
        let certificate = read_certificate(&settings, &armored, &fingerprint)?;
        Ok(Self { settings, fingerprint, certificate })
    }

    /// Has gpg sign `input`; what it answers is still to be verified.
    fn sign(&self, command: &str, action: &'static str, input: &[u8]) -> Result<Vec<u8>, SignError> {
        let settings = &self.settings;
        let key = match settings.key.insists() {
            true => settings.key.to_string(),
            false => self.fingerprint.clone(),
        };
        let arguments = ["--local-user", key.as_str(), "--armor", "--digest-algo", "SHA512", command];
        let mut invocation = invocation(settings, action, &arguments);
        invocation.input = input;
        invocation.output_limit_bytes = input.len().saturating_mul(3).saturating_add(MAX_SIGNATURE_BYTES);
        invocation.output()
    }

    /// The key as gpg lists it now, without the parts that are not to sign.
    fn parts_that_may(&self) -> Result<KeyFacts, SignError> {
        let facts = list(&self.settings)?;
        if !self.settings.key.insists() {
            return Ok(facts);
        }
        let wanted = self.settings.key.without_mark();
        Ok(KeyFacts {
            subkeys: facts.subkeys.into_iter().filter(|part| part.fingerprint == wanted).collect(),
            primary: KeyPart {
                signs: facts.primary.signs && facts.primary.fingerprint == wanted,
                ..facts.primary
            },
        })
    }

    fn verify(&self, armored: &str, kind: SignatureType, bytes: &[u8]) -> Result<(), SignError> {
        let bad = |reason: String| SignError::BadSignature { fingerprint: self.fingerprint.clone(), reason };
        let (signatures, _headers) =
            DetachedSignature::from_string_many(armored).map_err(|source| bad(source.to_string()))?;
        // A wrapper may sign with a second key as well, while clients learn of a new one; ours must be among
        // them.
        let mut last_reason = "there is no signature in the answer".to_owned();
        for signature in signatures {
            let signature = signature.map_err(|source| bad(source.to_string()))?;
            match certificate::verify(&self.certificate, &signature.signature, kind, bytes) {
                Ok(()) => return Ok(()),
                Err(reason) => last_reason = reason,
            }
        }
        Err(bad(last_reason))
    }
}

impl Signer for GpgSigner {
    fn detached(&self, data: &[u8], now: Timestamp) -> Result<Vec<u8>, SignError> {
        cleartext::check_size(data)?;
        self.check(now)?;
        let action = "make a detached signature";
        let answer = self.sign("--detach-sign", action, data)?;
        let armored = cleartext::whole_signature(&answer)
            .map_err(|reason| nonsense(&self.settings, action, reason.to_owned()))?;
        self.verify(armored, SignatureType::Binary, data)?;
        Ok(answer)
    }

    fn clear(&self, text: &str, now: Timestamp) -> Result<Vec<u8>, SignError> {
        cleartext::check(text)?;
        self.check(now)?;
        let action = "sign a text in the clear";
        let answer = self.sign("--clear-sign", action, text.as_bytes())?;
        let armored = cleartext::unframe(&answer, text)
            .map_err(|reason| nonsense(&self.settings, action, reason.to_owned()))?;
        self.verify(armored, SignatureType::Text, &cleartext::signed_bytes(text))?;
        Ok(answer)
    }

    /// Lists the key anew, since it may have been revoked or extended meanwhile. It does not try a signature:
    /// that could ask somebody to touch a card, each time. A passphrase that no agent holds thus shows at the
    /// first signature.
    fn check(&self, now: Timestamp) -> Result<(), SignError> {
        self.parts_that_may()?.choose(now).map(|_| ())
    }

    fn signs_until(&self, now: Timestamp) -> Result<Option<Timestamp>, SignError> {
        Ok(self.parts_that_may()?.signs_until(now))
    }

    fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    fn public_key(&self) -> Result<PublicKey, SignError> {
        let armored = export(&self.settings, &self.fingerprint)?;
        let certificate = read_certificate(&self.settings, &armored, &self.fingerprint)?;
        let binary = certificate.to_bytes().map_err(|source| SignError::Library {
            action: "export the public key",
            fingerprint: self.fingerprint.clone(),
            source: Box::new(source),
        })?;
        Ok(PublicKey { armored, binary })
    }
}

fn invocation<'a>(settings: &'a GpgSettings, action: &'static str, arguments: &[&str]) -> Invocation<'a> {
    let mut all: Vec<OsString> = ["--batch", "--no-tty", "--homedir"].map(OsString::from).to_vec();
    all.push(settings.home.clone().into_os_string());
    all.extend(arguments.iter().map(OsString::from));
    Invocation {
        program: &settings.program,
        arguments: all,
        action,
        input: &[],
        output_limit_bytes: MAX_ANSWER_BYTES,
        time_limit: settings.time_limit,
    }
}

fn nonsense(settings: &GpgSettings, action: &'static str, reason: String) -> SignError {
    SignError::GpgAnswer { program: settings.program.clone(), action, reason }
}

fn list(settings: &GpgSettings) -> Result<KeyFacts, SignError> {
    let action = "list the signing key";
    let key = settings.key.without_mark();
    let arguments =
        ["--with-colons", "--fixed-list-mode", "--with-subkey-fingerprint", "--list-secret-keys", "--", key];
    let invocation = invocation(settings, action, &arguments);
    let ended = invocation.run()?;
    // gpg has no exit status of its own for a key that is not there; it says so in words, and lists nothing.
    if !ended.status.success() && ended.stdout.is_empty() && ended.stderr.contains("No secret key") {
        return Err(SignError::UnknownKey { key: key.to_owned(), home: settings.home.clone() });
    }
    if !ended.status.success() {
        return Err(invocation.failed(ended.status, ended.stderr));
    }
    let listing = String::from_utf8_lossy(&ended.stdout);
    let keys = parse_listing(&listing).map_err(|reason| nonsense(settings, action, reason))?;
    keys.into_iter()
        .find(|facts| {
            facts.primary.fingerprint == key || facts.subkeys.iter().any(|part| part.fingerprint == key)
        })
        .ok_or_else(|| SignError::UnknownKey { key: key.to_owned(), home: settings.home.clone() })
}

fn export(settings: &GpgSettings, fingerprint: &str) -> Result<Vec<u8>, SignError> {
    let arguments = ["--armor", "--export-options", "export-minimal", "--export", "--", fingerprint];
    invocation(settings, "export the public key", &arguments).output()
}

fn read_certificate(
    settings: &GpgSettings,
    armored: &[u8],
    fingerprint: &str,
) -> Result<SignedPublicKey, SignError> {
    let nonsense = |reason| nonsense(settings, "export the public key", reason);
    let (certificate, _headers) =
        SignedPublicKey::from_armor_single(armored).map_err(|source| nonsense(source.to_string()))?;
    let found = certificate::fingerprint_of(&certificate.primary_key);
    if found != fingerprint {
        return Err(nonsense(format!("it exported the key {found} instead of {fingerprint}")));
    }
    Ok(certificate)
}

/// Reads `--with-colons` output as `doc/DETAILS` of GnuPG describes it.
fn parse_listing(listing: &str) -> Result<Vec<KeyFacts>, String> {
    let mut keys: Vec<KeyFacts> = Vec::new();
    for line in listing.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        match fields[0] {
            "sec" => keys.push(KeyFacts { primary: parse_part(line, &fields)?, subkeys: Vec::new() }),
            "ssb" => {
                let part = parse_part(line, &fields)?;
                keys.last_mut().ok_or("a subkey stands before any key")?.subkeys.push(part);
            }
            "fpr" => {
                let key = keys.last_mut().ok_or("a fingerprint stands before any key")?;
                let part = key.subkeys.last_mut().unwrap_or(&mut key.primary);
                part.fingerprint = field(&fields, 10).to_owned();
            }
            _ => {}
        }
    }
    let nameless = |facts: &KeyFacts| {
        facts.primary.fingerprint.is_empty() || facts.subkeys.iter().any(|part| part.fingerprint.is_empty())
    };
    if keys.iter().any(nameless) {
        return Err("a key is listed without its fingerprint".to_owned());
    }
    Ok(keys)
}

/// The field of that number, counted from 1 as in the documentation.
fn field<'a>(fields: &[&'a str], number: usize) -> &'a str {
    fields.get(number - 1).copied().unwrap_or_default()
}

fn parse_part(line: &str, fields: &[&str]) -> Result<KeyPart, String> {
    let unreadable = |what: &str| format!("cannot read the {what} in the line {line:?}");
    let moment =
        |number| -> Option<Timestamp> { Timestamp::from_second(field(fields, number).parse().ok()?).ok() };
    let capabilities = field(fields, 12);
    let validity = field(fields, 2);
    let invalid = if capabilities.contains('D') || validity.contains('d') {
        Some("it is disabled in this gpg home: enable it with `gpg --edit-key`")
    } else if validity.contains('i') {
        Some("gpg holds it to be invalid: it may lack a self-signature")
    } else {
        None
    };
    Ok(KeyPart {
        fingerprint: String::new(),
        algorithm: parse_algorithm(fields).ok_or_else(|| unreadable("algorithm"))?,
        created: moment(6).ok_or_else(|| unreadable("creation time"))?,
        expires: match field(fields, 7) {
            "" | "0" => None,
            _ => Some(moment(7).ok_or_else(|| unreadable("expiry time"))?),
        },
        revoked: validity.contains('r').then(|| "as gpg lists it".to_owned()),
        invalid: invalid.map(str::to_owned),
        // Lower case is what this part may do, upper case what the whole key may.
        signs: capabilities.contains('s'),
        // `#` is a part whose secret half is away; a card gives its serial number.
        secret: if field(fields, 15) == "#" { SecretHalf::Elsewhere } else { SecretHalf::Here },
    })
}

fn parse_algorithm(fields: &[&str]) -> Option<Algorithm> {
    let curve = field(fields, 17);
    Some(match (field(fields, 4).parse::<u8>().ok()?, curve) {
        (1 | 3, _) => Algorithm::Rsa { bits: field(fields, 3).parse().ok()? },
        (19, "nistp256" | "nistp384" | "nistp521") | (22, "ed25519") => Algorithm::KnownCurve,
        (17, _) => Algorithm::Other("DSA".to_owned()),
        (number, "") => Algorithm::Other(format!("the algorithm number {number}")),
        (_, curve) => Algorithm::Other(format!("the curve {curve}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "\
sec:u:255:22:AAAAAAAAAAAAAAAA:1577836800:1893456000::u:::scESC:::+::ed25519:::0:
fpr:::::::::0000000000000000000000000000000000000001:
grp:::::::::0000000000000000000000000000000000000002:
uid:u::::1577836800::0000000000000000000000000000000000000003::Example Archive::::::::::0:
ssb:u:3072:1:BBBBBBBBBBBBBBBB:1609459200::::::s:::D276000124010200FFFE00010000::::
fpr:::::::::0000000000000000000000000000000000000004:
ssb:r:255:18:CCCCCCCCCCCCCCCC:1609459200::::::e:::#::cv25519::
fpr:::::::::0000000000000000000000000000000000000005:
";

    #[test]
    fn reads_a_listing() {
        let keys = parse_listing(LISTING).unwrap();
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        assert_eq!(key.primary.fingerprint, "0000000000000000000000000000000000000001");
        assert_eq!(key.primary.algorithm, Algorithm::KnownCurve);
        assert_eq!(key.primary.created, "2020-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(key.primary.expires, Some("2030-01-01T00:00:00Z".parse().unwrap()));
        assert!(key.primary.signs && key.primary.revoked.is_none() && key.primary.invalid.is_none());
        let [card, encryption] = key.subkeys.as_slice() else { panic!("{keys:?}") };
        assert_eq!(card.fingerprint, "0000000000000000000000000000000000000004");
        assert_eq!(card.algorithm, Algorithm::Rsa { bits: 3072 });
        assert!(card.signs && card.expires.is_none());
        assert_eq!(card.secret, SecretHalf::Here);
        assert!(!encryption.signs && encryption.revoked.is_some());
        assert_eq!(encryption.secret, SecretHalf::Elsewhere);
        assert_eq!(encryption.algorithm, Algorithm::Other("the curve cv25519".to_owned()));
        assert_eq!(parse_listing("").unwrap(), []);
    }

    #[test]
    fn reads_disabled_and_invalid_keys() {
        for (from, to, part) in [("scESC", "scDESC", "disabled"), ("sec:u", "sec:i", "self-signature")] {
            let keys = parse_listing(&LISTING.replace(from, to)).unwrap();
            let reason = keys[0].primary.invalid.clone().unwrap();
            assert!(reason.contains(part), "{reason}");
        }
    }

    #[test]
    fn refuses_listings_that_make_no_sense() {
        for (listing, part) in [
            (LISTING.replace("1577836800:1893456000", "then:1893456000"), "creation time"),
            (LISTING.replace("1577836800:1893456000", "1577836800:soon"), "expiry time"),
            (LISTING.replace("255:22", "255:new"), "algorithm"),
            (LISTING.replace("3072:1", "long:1"), "algorithm"),
            (LISTING.replace("sec:", "pub:"), "before any key"),
            (LISTING.lines().take(1).collect::<String>(), "without its fingerprint"),
            ("sec".to_owned(), "algorithm"),
        ] {
            let reason = parse_listing(&listing).expect_err(&listing);
            assert!(reason.contains(part), "{reason} lacks {part}");
        }
    }

    #[test]
    fn takes_full_fingerprints_only() {
        let digits = "00112233445566778899aabbccddeeff00112233";
        let parsed: Fingerprint = digits.parse().unwrap();
        assert_eq!(parsed.to_string(), digits.to_uppercase());
        assert!(!parsed.insists());
        let spaced: Fingerprint = "0011 2233 4455 6677 8899  AABB CCDD EEFF 0011 2233".parse().unwrap();
        assert_eq!(spaced, parsed);
        let insisting: Fingerprint = format!("{digits}!").parse().unwrap();
        assert!(insisting.insists());
        assert_eq!(insisting.without_mark(), parsed.to_string());
        for given in [
            "",
            "!",
            "archive@example.org",
            "DDEEFF0011223300",
            &digits[1..],
            &format!("{digits}0"),
            &format!("{digits}!!"),
        ] {
            assert!(
                matches!(given.parse::<Fingerprint>(), Err(SignError::NotAFingerprint { .. })),
                "{given}"
            );
        }
    }
}
