//! What an OpenPGP certificate says about itself, read once into [`KeyFacts`], and whether a signature is by
//! it.
//!
//! Only what the primary key verifiably says counts: a self-signature that does not verify is as if it were
//! not there. Revocations are taken at their word, since believing a false one only stops the signing.

use std::time::Duration;

use jiff::Timestamp;
use pgp::composed::SignedPublicKey;
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{self, KeyFlags, Signature, SignatureType, SubpacketData};
use pgp::types::{EcdsaPublicParams, EddsaLegacyPublicParams, KeyDetails, KeyVersion, PublicParams, Tag};

use super::SignError;
use super::judge::{Algorithm, KeyFacts, KeyPart, SecretHalf};

/// A fingerprint as it is shown everywhere.
pub(super) fn fingerprint_of(key: &impl KeyDetails) -> String {
    format!("{:X}", key.fingerprint())
}

/// The facts of `certificate`, with the secret half of each part where `secret_half` says.
pub(super) fn facts(
    certificate: &SignedPublicKey,
    secret_half: impl Fn(&str) -> SecretHalf,
) -> Result<KeyFacts, SignError> {
    let key = &certificate.primary_key;
    let fingerprint = fingerprint_of(key);
    let details = &certificate.details;

    let direct = newest(details.direct_signatures.iter().filter(|signature| {
        signature.typ() == Some(SignatureType::Key) && signature.verify_key(key).is_ok()
    }));
    let user = newest(details.users.iter().filter_map(|user| newest_certification(user, key)));
    let (flags, lifetime) = match (direct, user) {
        // As gpg reads it: what the direct-key signature does not say, the newest user ID says.
        (Some(direct), Some(user)) => {
            (flags(direct).or_else(|| flags(user)), lifetime(direct).or_else(|| lifetime(user)))
        }
        (Some(only), None) | (None, Some(only)) => (flags(only), lifetime(only)),
        (None, None) => {
            return Err(SignError::InvalidKey {
                fingerprint,
                reason: "it has no valid self-signature".to_owned(),
            });
        }
    };

    let primary = KeyPart {
        algorithm: algorithm(key),
        created: moment(key.created_at()),
        expires: expiry(key, lifetime),
        revoked: details.revocation_signatures.first().map(revocation_reason),
        invalid: None,
        signs: flags.is_some_and(|flags| flags.sign()),
        secret: secret_half(&fingerprint),
        fingerprint,
    };
    let subkeys = certificate
        .public_subkeys
        .iter()
        .map(|subkey| subkey_facts(key, &subkey.key, &subkey.signatures, &secret_half))
        .collect();
    Ok(KeyFacts { primary, subkeys })
}

fn subkey_facts(
    primary: &packet::PublicKey,
    subkey: &packet::PublicSubkey,
    signatures: &[Signature],
    secret_half: &impl Fn(&str) -> SecretHalf,
) -> KeyPart {
    let binding = newest(signatures.iter().filter(|signature| {
        signature.typ() == Some(SignatureType::SubkeyBinding)
            && signature.verify_subkey_binding(primary, subkey).is_ok()
    }));
    let signs = binding.and_then(flags).is_some_and(|flags| flags.sign());
    // Without the signature back, anyone could bind this subkey to a key of their own (RFC 9580, section
    // 10.1.5).
    let bound_back = binding
        .and_then(Signature::embedded_signature)
        .is_some_and(|back| back.verify_primary_key_binding(subkey, primary).is_ok());
    let invalid = match binding {
        None => Some("its binding to the primary key does not verify"),
        Some(_) if signs && !bound_back => {
            Some("it lacks the signature that binds it back to the primary key")
        }
        Some(_) => None,
    };
    let fingerprint = fingerprint_of(subkey);
    KeyPart {
        algorithm: algorithm(subkey),
        created: moment(subkey.created_at()),
        expires: expiry(subkey, binding.and_then(lifetime)),
        revoked: signatures
            .iter()
            .find(|signature| signature.typ() == Some(SignatureType::SubkeyRevocation))
            .map(revocation_reason),
        invalid: invalid.map(str::to_owned),
        // A subkey that nothing binds may claim to sign, so that the refusal can name it.
        signs: signs || binding.is_none(),
        secret: secret_half(&fingerprint),
        fingerprint,
    }
}

/// Checks that `signature` is of the kind asked for, strong, and by a part of `certificate` over `bytes`.
pub(super) fn verify(
    certificate: &SignedPublicKey,
    signature: &Signature,
    kind: SignatureType,
    bytes: &[u8],
) -> Result<(), String> {
    if signature.typ() != Some(kind) {
        return Err(format!("it is of another kind than {kind:?}"));
    }
    let strong = [HashAlgorithm::Sha256, HashAlgorithm::Sha384, HashAlgorithm::Sha512];
    if !signature.hash_alg().is_some_and(|hash| strong.contains(&hash)) {
        return Err("its digest is none of SHA256, SHA384 and SHA512".to_owned());
    }
    let by_primary = signature.verify(&certificate.primary_key, bytes);
    let by_subkey =
        || certificate.public_subkeys.iter().any(|subkey| signature.verify(&subkey.key, bytes).is_ok());
    match by_primary {
        Ok(()) => Ok(()),
        Err(_) if by_subkey() => Ok(()),
        // what the library says of it are the assertions that failed
        Err(_) => Err("no part of the key made it over these bytes".to_owned()),
    }
}

/// The newest certification by `key` itself of a user ID that it has not revoked since.
fn newest_certification<'a>(
    user: &'a pgp::types::SignedUser,
    key: &packet::PublicKey,
) -> Option<&'a Signature> {
    let own = |signature: &&Signature| signature.verify_certification(key, Tag::UserId, &user.id).is_ok();
    let latest = newest(user.signatures.iter().filter(own))?;
    (latest.typ() != Some(SignatureType::CertRevocation)).then_some(latest)
}

/// The last of the newest: of two made in one second the later in the file.
fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| signature.created())
}

/// The key flags, told apart from none being stated.
fn flags(signature: &Signature) -> Option<KeyFlags> {
    signature.config()?.hashed_subpackets().find_map(|subpacket| {
        if let SubpacketData::KeyFlags(flags) = &subpacket.data { Some(flags.clone()) } else { None }
    })
}

/// How long the key lives from its creation, where it ends at all; a stated zero means that it does not.
fn lifetime(signature: &Signature) -> Option<Duration> {
    signature.key_expiration_time().map(Duration::from).filter(|lifetime| !lifetime.is_zero())
}

fn expiry(key: &impl KeyDetails, lifetime: Option<Duration>) -> Option<Timestamp> {
    // Both are counts of seconds in 32 bits, far inside the range of a `Timestamp`.
    lifetime.and_then(|lifetime| moment(key.created_at()).checked_add(lifetime).ok())
}

fn moment(time: pgp::types::Timestamp) -> Timestamp {
    Timestamp::from_second(i64::from(time.as_secs())).unwrap_or(Timestamp::MAX)
}

fn revocation_reason(signature: &Signature) -> String {
    let text =
        signature.revocation_reason_string().map(|text| String::from_utf8_lossy(text)).unwrap_or_default();
    match signature.revocation_reason_code() {
        Some(code) if text.is_empty() => format!("{code:?}"),
        Some(code) => format!("{code:?}: {}", text.escape_debug()),
        None => "no reason given".to_owned(),
    }
}

fn algorithm(key: &impl KeyDetails) -> Algorithm {
    if key.version() != KeyVersion::V4 {
        return Algorithm::Other(format!("a key of version {}", u8::from(key.version())));
    }
    let params = key.public_params();
    if let PublicParams::RSA(rsa) = params {
        use pgp::ser::Serialize as _;
        // The serialised modulus begins with its length in bits.
        let length = rsa.to_bytes().ok().and_then(|bytes| Some(u16::from_be_bytes(*bytes.first_chunk()?)));
        return Algorithm::Rsa { bits: length.map_or(0, u32::from) };
    }
    if let PublicParams::ECDSA(ecdsa) = params {
        // Signing on the larger curves takes a random number here, and a rerun would publish other bytes.
        let known = matches!(ecdsa, EcdsaPublicParams::P256 { .. } | EcdsaPublicParams::P384 { .. });
        return if known {
            Algorithm::KnownCurve
        } else {
            Algorithm::Other(format!("ECDSA on {}", ecdsa.curve()))
        };
    }
    if matches!(params, PublicParams::EdDSALegacy(EddsaLegacyPublicParams::Ed25519 { .. })) {
        return Algorithm::KnownCurve;
    }
    Algorithm::Other(format!("{:?}", key.algorithm()))
}
