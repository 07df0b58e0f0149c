//! Signatures by people over what they upload: texts signed in the clear, and the certificates that verify them.
//!
//! It decides which text was signed, whom its signatures name, and whether each holds. Whose the certificates are, and what that allows, is for
//! the caller. The rules are those for authors of hooks (`author`); the clock of an uploader may be a little ahead.

use jiff::{SignedDuration, Timestamp};
use pgp::composed::{ArmorOptions, Deserializable, DetachedSignature, SignedPublicKey};
use pgp::packet::SignatureType;
use pgp::ser::Serialize;
use pgp::types::KeyDetails;

use super::author::{self, AuthorError, Certificates, Expiry, GoodSignature, Objection};
use super::certificate::{self, fingerprint_of};
use super::cleartext;
use super::judge::{Algorithm, KeyPart, SecretHalf};
use crate::domain::plain::Said;
use crate::domain::plain::is_obeyed;
use crate::format::clearsign::{self, ClearsignError};

/// So far ahead may the clock of who signs be.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(10);

/// So many signatures over one text are looked at.
const MAX_SIGNATURES: usize = 16;

/// A text with the signatures over it, none of them verified.
#[derive(Debug)]
pub struct Clearsigned {
    text: String,
    signatures: Vec<DetachedSignature>,
}

/// What a signature says of its maker, in upper-case hexadecimal digits. It may say nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Issuer {
    /// Fingerprints of primary keys or subkeys.
    pub fingerprints: Vec<String>,
    /// Ends (version 4) or begins (version 6) of fingerprints: 16 digits.
    pub key_ids: Vec<String>,
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSignature {
    /// Of the primary key.
    pub fingerprint: String,
    /// When it was made, by its own word.
    pub made: Timestamp,
}

impl Clearsigned {
    /// Takes a text that is signed in the clear apart; none: it has no signature.
    ///
    /// # Errors
    /// Something stands around the signed text, or the frame or the signature is not well formed.
    pub fn parse(text: &str) -> Result<Option<Self>, ClearsignedError> {
        let unwrapped = clearsign::unwrap(text)?;
        let Some(armored) = unwrapped.signature else {
            return Ok(None);
        };
        let unread =
            |source: pgp::errors::Error| ClearsignedError::NotASignature(Said::by(source).to_string());
        let (found, _headers) = DetachedSignature::from_reader_many(armored.as_bytes()).map_err(unread)?;
        let signatures = found.take(MAX_SIGNATURES + 1).collect::<Result<Vec<_>, _>>().map_err(unread)?;
        if signatures.is_empty() {
            return Err(ClearsignedError::NotASignature("there is none in its block".to_owned()));
        }
        if signatures.len() > MAX_SIGNATURES {
            return Err(ClearsignedError::NotASignature(format!("there are more than {MAX_SIGNATURES}")));
        }
        // blanks before a line end are not signed, and so they are not read either
        let text =
            unwrapped.text.lines().flat_map(|line| [cleartext::without_end_blanks(line), "\n"]).collect();
        Ok(Some(Self { text, signatures }))
    }

    /// Exactly what was signed, its lines ended by newlines.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whom its signatures name, in their order.
    #[must_use]
    pub fn issuers(&self) -> Vec<Issuer> {
        self.signatures
            .iter()
            .map(|one| Issuer {
                fingerprints: one.signature.issuer_fingerprint().iter().map(|it| format!("{it:X}")).collect(),
                key_ids: one
                    .signature
                    .issuer_key_id()
                    .iter()
                    .map(|it| it.to_string().to_uppercase())
                    .collect(),
            })
            .collect()
    }

    /// Verifies one of its signatures, by its place among the issuers, against a certificate.
    ///
    /// # Errors
    /// It does not hold, or does not count.
    pub fn verify(&self, place: usize, by: &Certificate, now: Timestamp) -> Result<TextSignature, Objection> {
        let broken = |text: &str| Objection::Broken(text.to_owned());
        let one = self.signatures.get(place).ok_or_else(|| broken("there is no such signature"))?;
        let bytes = cleartext::signed_bytes(&self.text);
        let made =
            one.signature.created().and_then(|made| Timestamp::from_second(made.as_secs().into()).ok());
        let now = match made {
            Some(made) if made > now && made.duration_since(now) <= CLOCKS_DIFFER => made,
            _ => now,
        };
        match by.0.verify_one(one, SignatureType::Text, &bytes, now, Expiry::MustBeValidNow) {
            Ok(good) => Ok(TextSignature { fingerprint: good.fingerprint, made: good.made }),
            Err(AuthorError::Bad { reason, .. }) => Err(reason),
            Err(error) => Err(Objection::Broken(error.to_string())),
        }
    }
}

/// Why a text cannot be taken apart into a text and its signatures.
#[derive(Debug, thiserror::Error)]
pub enum ClearsignedError {
    /// The frame.
    #[error(transparent)]
    Frame(#[from] ClearsignError),
    /// What stands where the signature should.
    #[error("its signature cannot be read: {0}")]
    NotASignature(String),
}

/// The public key of one person.
#[derive(Debug, Clone)]
pub struct Certificate(Certificates);

/// What a signature may name of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificatePart {
    /// In upper-case hexadecimal digits.
    pub fingerprint: String,
    /// Its 16 digits that old signatures have.
    pub key_id: String,
}

impl Certificate {
    /// Reads certificates, armoured or binary, each by itself.
    ///
    /// # Errors
    /// There is none, or one that cannot be used.
    pub fn read_all(bytes: &[u8]) -> Result<Vec<Self>, AuthorError> {
        let all = Certificates::read(bytes)?;
        Ok(all.0.into_iter().map(|one| Self(Certificates(vec![one]))).collect())
    }

    /// Reads certificates as [`read_all`](Self::read_all) does, and leaves out those that cannot be used: keyrings of archives have keys of long ago. Says
    /// what is wrong with each of those.
    ///
    /// # Errors
    /// There is none that can be used.
    pub fn read_usable(bytes: &[u8]) -> Result<(Vec<Self>, Vec<AuthorError>), AuthorError> {
        let (usable, unusable) = Certificates::read_usable(bytes)?;
        Ok((usable.0.into_iter().map(|one| Self(Certificates(vec![one]))).collect(), unusable))
    }

    /// Verifies a detached signature, armoured or binary, over exactly `signed`. Of several in it one has to hold.
    ///
    /// # Errors
    /// None is by this certificate and holds.
    pub fn verify_detached(
        &self,
        signature: &[u8],
        signed: &[u8],
        now: Timestamp,
    ) -> Result<GoodSignature, AuthorError> {
        self.0.verify(signature, signed, now, Expiry::MustBeValidNow)
    }

    fn key(&self) -> Option<&SignedPublicKey> {
        self.0.0.first()
    }

    /// Of the primary key, in upper-case hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key().map(|key| fingerprint_of(&key.primary_key)).unwrap_or_default()
    }

    /// Its primary key and its subkeys.
    #[must_use]
    pub fn parts(&self) -> Vec<CertificatePart> {
        let part = |key: &dyn Named| CertificatePart { fingerprint: key.fingerprint(), key_id: key.key_id() };
        let Some(key) = self.key() else { return Vec::new() };
        std::iter::once(part(&key.primary_key))
            .chain(key.public_subkeys.iter().map(|subkey| part(&subkey.key)))
            .collect()
    }

    /// What it says of whose it is, without control characters.
    #[must_use]
    pub fn user_ids(&self) -> Vec<String> {
        let Some(key) = self.key() else { return Vec::new() };
        let ids = key.details.users.iter().filter_map(|user| user.id.as_str());
        ids.take(20)
            .map(|id| id.chars().filter(|character| !is_obeyed(*character)).take(200).collect())
            .collect()
    }

    /// The certificate itself, binary.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn binary(&self) -> Result<Vec<u8>, AuthorError> {
        let write = |key: &SignedPublicKey| key.to_bytes();
        self.written(write)
    }

    /// The certificate in ASCII armour.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn armored(&self) -> Result<String, AuthorError> {
        self.written(|key| key.to_armored_string(ArmorOptions::default()))
    }

    fn written<T>(
        &self,
        write: impl Fn(&SignedPublicKey) -> pgp::errors::Result<T>,
    ) -> Result<T, AuthorError> {
        let key = self.key().ok_or(AuthorError::NotCertificates(None))?;
        write(key).map_err(|source| AuthorError::BadCertificate {
            fingerprint: fingerprint_of(&key.primary_key),
            source: Box::new(Said::by(source)),
        })
    }

    /// Whether it could sign something now that is taken.
    ///
    /// # Errors
    /// Why not: what its best part lacks.
    pub fn usable(&self, now: Timestamp) -> Result<(), Objection> {
        let unfit = |text: String| Objection::Unfit(text);
        let key = self.key().ok_or_else(|| unfit("there is no certificate".to_owned()))?;
        let facts =
            certificate::facts(key, |_| SecretHalf::Elsewhere).map_err(|error| unfit(error.to_string()))?;
        author::judge_part(&facts.primary, now, now, Expiry::MustBeValidNow)?;
        author::judge_strength(&facts.primary, author::is_strong(&key.primary_key))?;
        let mut last = unfit(format!("{} has no part that may sign", facts.primary.fingerprint));
        if facts.primary.signs {
            return Ok(());
        }
        for (part, subkey) in facts.subkeys.iter().zip(&key.public_subkeys).filter(|(part, _)| part.signs) {
            let good = author::judge_part(part, now, now, Expiry::MustBeValidNow)
                .and_then(|()| author::judge_strength(part, author::is_strong(&subkey.key)));
            match good {
                Ok(()) => return Ok(()),
                Err(objection) => last = objection,
            }
        }
        Err(last)
    }

    /// Its algorithm, and when it ends where it does; for people.
    #[must_use]
    pub fn summary(&self) -> CertificateSummary {
        let facts = self.key().and_then(|key| certificate::facts(key, |_| SecretHalf::Elsewhere).ok());
        let Some(facts) = facts else { return CertificateSummary::default() };
        CertificateSummary {
            algorithm: match &facts.primary.algorithm {
                Algorithm::Rsa { bits } => format!("RSA {bits}"),
                Algorithm::KnownCurve => "elliptic curve".to_owned(),
                Algorithm::Other(name) => name.clone(),
            },
            expires: facts.primary.expires,
            revoked: facts.primary.revoked,
        }
    }

    /// The fingerprints of its parts that are revoked. Nothing takes a revocation back.
    #[must_use]
    pub fn revoked_parts(&self) -> Vec<String> {
        let facts = self.key().and_then(|key| certificate::facts(key, |_| SecretHalf::Elsewhere).ok());
        let parts =
            facts.map(|facts| std::iter::once(facts.primary).chain(facts.subkeys)).into_iter().flatten();
        parts.filter(|part: &KeyPart| part.revoked.is_some()).map(|part| part.fingerprint).collect()
    }
}

/// What is shown of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CertificateSummary {
    /// Of its primary key.
    pub algorithm: String,
    /// When its primary key expires.
    pub expires: Option<Timestamp>,
    /// Why it is revoked, if so.
    pub revoked: Option<String>,
}

/// What primary keys and subkeys have in common here.
trait Named {
    fn fingerprint(&self) -> String;
    fn key_id(&self) -> String;
}

impl<K: KeyDetails> Named for K {
    fn fingerprint(&self) -> String {
        fingerprint_of(self)
    }

    fn key_id(&self) -> String {
        self.legacy_key_id().to_string().to_uppercase()
    }
}
