//! Signatures by others: whether a file is as one of the people wrote it whose certificates were named.
//!
//! It decides whether a detached signature holds, by whom, and since when. Which certificates are named, and what a good signature is worth, is
//! for the caller. The rules are those of the archive's own key where they apply: a part that may sign, bound to its primary key, not
//! revoked, strong, and valid when the signature was made.

use std::error::Error;

use jiff::Timestamp;
use pgp::composed::{ArmorOptions, Deserializable, DetachedSignature, SignedPublicKey};
use pgp::packet::{Signature, SignatureType};
use pgp::types::{KeyDetails, PublicParams, VerifyingKey};

use super::certificate::{self, fingerprint_of};
use super::judge::{Algorithm, KeyPart, SecretHalf};
use crate::domain::plain::Said;
use crate::domain::plain::is_obeyed;

/// A file of certificates has a few kilobytes for each; one that many people have certified, some hundred.
pub const MAX_CERTIFICATES_BYTES: usize = 4 * 1024 * 1024;

/// A detached signature has some hundred bytes.
pub const MAX_SIGNATURE_BYTES: usize = 64 * 1024;

/// RSA keys below are refused, as for the archive's own key.
const MINIMUM_RSA_BITS: u32 = 2048;

/// So many signatures in one file are looked at.
const MAX_SIGNATURES: usize = 16;

/// Public keys of people whose signatures are taken.
#[derive(Debug, Clone, Default)]
pub struct Certificates(pub(super) Vec<SignedPublicKey>);

/// When the key must have been valid, beside the moment of the signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// Now as well: for a signature that is seen for the first time.
    MustBeValidNow,
    /// Not beyond that: what was signed by a good key stays signed when the key expires.
    WhenItWasMade,
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodSignature {
    /// Of the primary key, in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// The key's first user ID, without control characters; empty where there is none.
    pub user_id: String,
    /// When it was made, by its own word.
    pub made: Timestamp,
    /// The signature in ASCII armour.
    pub armored: String,
}

/// Why a file is not taken as signed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorError {
    /// No certificates in a file that should have some.
    #[error("it holds no OpenPGP certificate that can be used: export one with `gpg --export --armor`")]
    NotCertificates(#[source] Option<Box<dyn Error + Send + Sync>>),
    /// A certificate that says nothing valid about itself.
    #[error("the certificate {fingerprint} cannot be used")]
    BadCertificate {
        /// The primary key.
        fingerprint: String,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Something else than a detached signature.
    #[error("it is no detached OpenPGP signature: make one with `gpg --detach-sign`")]
    NotASignature(#[source] Option<Box<dyn Error + Send + Sync>>),
    /// A signature by somebody else.
    #[error("it is signed by {by}, and taken from {trusted} only")]
    Stranger {
        /// What the signature says of its maker.
        by: String,
        /// The certificates that were named.
        trusted: String,
    },
    /// A signature that does not hold.
    #[error("the signature by {fingerprint} does not hold: {reason}")]
    Bad {
        /// The primary key.
        fingerprint: String,
        /// What is wrong with it.
        reason: Objection,
    },
}

/// Why a signature that names a key does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    /// It is over other bytes, or of another kind, or not well made.
    #[error("{0}")]
    Broken(String),
    /// Its digest or its key can be forged.
    #[error("{0}")]
    Weak(String),
    /// It says that it was made in the future.
    #[error("it is from {0}, which is still to come: check the clocks")]
    Future(Timestamp),
    /// The key or the signature has expired.
    #[error("{0}")]
    Expired(String),
    /// The key, or the part that made it, is revoked.
    #[error("{0}")]
    Revoked(String),
    /// The part that made it may not, or is not one of the key's.
    #[error("{0}")]
    Unfit(String),
}

impl Certificates {
    /// Reads certificates, armoured or binary, one or several.
    ///
    /// # Errors
    /// There is none, or one that cannot be used.
    pub fn read(bytes: &[u8]) -> Result<Self, AuthorError> {
        if bytes.len() > MAX_CERTIFICATES_BYTES {
            return Err(AuthorError::NotCertificates(None));
        }
        let unread =
            |source: pgp::errors::Error| AuthorError::NotCertificates(Some(Box::new(Said::by(source))));
        let (found, _headers) = SignedPublicKey::from_reader_many(bytes).map_err(unread)?;
        let certificates = found.collect::<Result<Vec<_>, _>>().map_err(unread)?;
        if certificates.is_empty() {
            return Err(AuthorError::NotCertificates(None));
        }
        for certificate in &certificates {
            certificate::facts(certificate, |_| SecretHalf::Elsewhere).map_err(|source| {
                AuthorError::BadCertificate {
                    fingerprint: fingerprint_of(&certificate.primary_key),
                    source: Box::new(source),
                }
            })?;
        }
        Ok(Self(certificates))
    }

    /// The same, and those that cannot be used are left out, each with what is wrong with it.
    ///
    /// # Errors
    /// There is none that can be used.
    pub(super) fn read_usable(bytes: &[u8]) -> Result<(Self, Vec<AuthorError>), AuthorError> {
        let unread =
            |source: pgp::errors::Error| AuthorError::NotCertificates(Some(Box::new(Said::by(source))));
        if bytes.len() > MAX_CERTIFICATES_BYTES {
            return Err(AuthorError::NotCertificates(None));
        }
        let (found, _headers) = SignedPublicKey::from_reader_many(bytes).map_err(unread)?;
        let (mut usable, mut unusable) = (Vec::new(), Vec::new());
        // a certificate has some hundred bytes at least
        for one in found.take(MAX_CERTIFICATES_BYTES / 64) {
            match one {
                Err(error) => unusable.push(unread(error)),
                Ok(one) => match certificate::facts(&one, |_| SecretHalf::Elsewhere) {
                    Ok(_) => usable.push(one),
                    Err(source) => unusable.push(AuthorError::BadCertificate {
                        fingerprint: fingerprint_of(&one.primary_key),
                        source: Box::new(source),
                    }),
                },
            }
        }
        if usable.is_empty() {
            return Err(unusable.pop().unwrap_or(AuthorError::NotCertificates(None)));
        }
        Ok((Self(usable), unusable))
    }

    /// Takes those of another in.
    pub fn extend(&mut self, other: Self) {
        for certificate in other.0 {
            let fingerprint = fingerprint_of(&certificate.primary_key);
            if !self.0.iter().any(|own| fingerprint_of(&own.primary_key) == fingerprint) {
                self.0.push(certificate);
            }
        }
    }

    /// The certificate with this fingerprint of its primary key or of a subkey, alone; none: it is not among them.
    #[must_use]
    pub fn only(&self, fingerprint: &str) -> Option<Self> {
        let has = |certificate: &&SignedPublicKey| {
            fingerprint_of(&certificate.primary_key) == fingerprint
                || certificate.public_subkeys.iter().any(|subkey| fingerprint_of(&subkey.key) == fingerprint)
        };
        self.0.iter().find(has).map(|certificate| Self(vec![certificate.clone()]))
    }

    /// The fingerprints of the primary keys, in upper-case hexadecimal digits.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<String> {
        self.0.iter().map(|certificate| fingerprint_of(&certificate.primary_key)).collect()
    }

    /// Verifies that `signature`, armoured or binary, is by one of these over exactly `signed`. Of several signatures one has to hold.
    ///
    /// # Errors
    /// None holds: why the last one does not.
    pub fn verify(
        &self,
        signature: &[u8],
        signed: &[u8],
        now: Timestamp,
        expiry: Expiry,
    ) -> Result<GoodSignature, AuthorError> {
        if signature.len() > MAX_SIGNATURE_BYTES {
            return Err(AuthorError::NotASignature(None));
        }
        let unread =
            |source: pgp::errors::Error| AuthorError::NotASignature(Some(Box::new(Said::by(source))));
        let (found, _headers) = DetachedSignature::from_reader_many(signature).map_err(unread)?;
        let mut last = AuthorError::NotASignature(None);
        for one in found.take(MAX_SIGNATURES) {
            match self.verify_one(&one.map_err(unread)?, SignatureType::Binary, signed, now, expiry) {
                Ok(good) => return Ok(good),
                // what is wrong with the one by somebody who is known says more
                Err(AuthorError::Stranger { .. }) if matches!(last, AuthorError::Bad { .. }) => {}
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Verifies that one signature is by one of these over exactly `signed`.
    pub(super) fn verify_one(
        &self,
        detached: &DetachedSignature,
        kind: SignatureType,
        signed: &[u8],
        now: Timestamp,
        expiry: Expiry,
    ) -> Result<GoodSignature, AuthorError> {
        let signature = &detached.signature;
        for certificate in &self.0 {
            let primary = &certificate.primary_key;
            let subkeys = &certificate.public_subkeys;
            let names = is_by(signature, primary) || subkeys.iter().any(|one| is_by(signature, &one.key));
            if !names {
                continue;
            }
            let fingerprint = fingerprint_of(primary);
            let bad = |reason: Objection| AuthorError::Bad { fingerprint: fingerprint.clone(), reason };
            certificate::verify(certificate, signature, kind, signed).map_err(|reason| {
                bad(if has_weak_digest(signature) {
                    Objection::Weak(format!("{reason} (gpg makes a stronger one with --digest-algo SHA512)"))
                } else {
                    Objection::Broken(format!(
                        "{reason}; the file is another one, or was changed since it was signed"
                    ))
                })
            })?;
            let made = made(signature)
                .ok_or_else(|| bad(Objection::Broken("it does not say when it was made".to_owned())))?;
            // that very part counts which made it, whatever the signature says of its maker
            let subkey = subkeys.iter().find(|one| signature.verify(&one.key, signed).is_ok());
            let maker = match subkey {
                Some(subkey) => {
                    Part { fingerprint: fingerprint_of(&subkey.key), strong: is_strong(&subkey.key) }
                }
                None => Part { fingerprint: fingerprint.clone(), strong: is_strong(primary) },
            };
            judge(certificate, &maker, signature, made, now, expiry).map_err(bad)?;
            let armored = detached
                .to_armored_string(ArmorOptions::default())
                .map_err(|source| AuthorError::NotASignature(Some(Box::new(Said::by(source)))))?;
            return Ok(GoodSignature { fingerprint, user_id: user_id(certificate), made, armored });
        }
        Err(AuthorError::Stranger { by: maker(signature), trusted: self.fingerprints().join(", ") })
    }
}

/// The part of a key that made a signature.
struct Part {
    fingerprint: String,
    strong: bool,
}

/// Whether a signature that is right by its mathematics is also one that counts.
fn judge(
    certificate: &SignedPublicKey,
    maker: &Part,
    signature: &Signature,
    made: Timestamp,
    now: Timestamp,
    expiry: Expiry,
) -> Result<(), Objection> {
    if made > now {
        return Err(Objection::Future(made));
    }
    let lifetime = signature.signature_expiration_time().map(std::time::Duration::from);
    if let Some(lifetime) = lifetime.filter(|lifetime| !lifetime.is_zero()) {
        let ends = made.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        if expiry == Expiry::MustBeValidNow && ends <= now {
            return Err(Objection::Expired(format!("it has expired at {ends}")));
        }
    }
    let facts = certificate::facts(certificate, |_| SecretHalf::Elsewhere)
        .map_err(|error| Objection::Unfit(error.to_string()))?;
    let part =
        facts.subkeys.iter().find(|part| part.fingerprint == maker.fingerprint).unwrap_or(&facts.primary);
    judge_part(&facts.primary, made, now, expiry)?;
    judge_part(part, made, now, expiry)?;
    if !part.signs {
        return Err(Objection::Unfit(format!("{} may not sign", part.fingerprint)));
    }
    judge_strength(part, maker.strong)?;
    // who can forge its statements can add parts to the key
    judge_strength(&facts.primary, is_strong(&certificate.primary_key))
}

/// Refuses keys that can be forged. What else than RSA and the known curves `is_strong` is for the caller to say.
pub(super) fn judge_strength(part: &KeyPart, is_strong: bool) -> Result<(), Objection> {
    match &part.algorithm {
        Algorithm::Rsa { bits } if *bits < MINIMUM_RSA_BITS => Err(Objection::Weak(format!(
            "{} is RSA of {bits} bits, below {MINIMUM_RSA_BITS}",
            part.fingerprint
        ))),
        Algorithm::Rsa { .. } | Algorithm::KnownCurve => Ok(()),
        Algorithm::Other(_) if is_strong => Ok(()),
        Algorithm::Other(algorithm) => {
            Err(Objection::Weak(format!("{} uses {algorithm}, which is not taken", part.fingerprint)))
        }
    }
}

/// Whether the digest is none of those that count.
fn has_weak_digest(signature: &Signature) -> bool {
    use pgp::crypto::hash::HashAlgorithm::{Sha256, Sha384, Sha512};
    !signature.hash_alg().is_some_and(|hash| [Sha256, Sha384, Sha512].contains(&hash))
}

pub(super) fn judge_part(
    part: &KeyPart,
    made: Timestamp,
    now: Timestamp,
    expiry: Expiry,
) -> Result<(), Objection> {
    let fingerprint = &part.fingerprint;
    if let Some(reason) = &part.revoked {
        return Err(Objection::Revoked(format!("{fingerprint} is revoked ({reason})")));
    }
    if let Some(reason) = &part.invalid {
        return Err(Objection::Unfit(format!("{fingerprint} cannot be used: {reason}")));
    }
    if part.created > made {
        return Err(Objection::Unfit(format!("it is older than the key {fingerprint}")));
    }
    match part.expires {
        Some(expired) if expired <= made => Err(Objection::Expired(format!(
            "the key {fingerprint} had expired at {expired}, before it was made"
        ))),
        Some(expired) if expired <= now && expiry == Expiry::MustBeValidNow => Err(Objection::Expired(
            format!("the key {fingerprint} expired at {expired}: ask its owner for the extended certificate"),
        )),
        _ => Ok(()),
    }
}

/// What every OpenPGP program makes today, beside RSA and the curves of the archive's own key.
pub(super) fn is_strong(key: &impl KeyDetails) -> bool {
    matches!(key.public_params(), PublicParams::Ed25519(_) | PublicParams::Ed448(_) | PublicParams::ECDSA(_))
}

/// Whether a signature names this key, or names none.
fn is_by(signature: &Signature, key: &impl VerifyingKey) -> bool {
    let (fingerprints, ids) = (signature.issuer_fingerprint(), signature.issuer_key_id());
    if !fingerprints.is_empty() {
        return fingerprints.contains(&&key.fingerprint());
    }
    ids.is_empty() || ids.contains(&&key.legacy_key_id())
}

/// What a signature says of its maker.
fn maker(signature: &Signature) -> String {
    if let Some(fingerprint) = signature.issuer_fingerprint().first() {
        return format!("{fingerprint:X}");
    }
    signature
        .issuer_key_id()
        .first()
        .map_or_else(|| "nobody whom it names".to_owned(), |id| id.to_string().to_uppercase())
}

fn made(signature: &Signature) -> Option<Timestamp> {
    Timestamp::from_second(i64::from(signature.created()?.as_secs())).ok()
}

fn user_id(certificate: &SignedPublicKey) -> String {
    let id = certificate.details.users.first().and_then(|user| user.id.as_str());
    id.unwrap_or_default().chars().filter(|character| !is_obeyed(*character)).take(200).collect()
}
