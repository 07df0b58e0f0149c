//! Who signed a text: the signature, the certificate and the person behind it.
//!
//! A good signature is by a key that is known here and active, of a person who is active, strong, not expired and not revoked when it was made and
//! now, over all of the text. What is handed out is exactly what was signed; nothing else of the file may be read.

use jiff::Timestamp;

use crate::domain::{KeyId, PersonId};
use crate::format::clearsign::ClearsignError;
use crate::openpgp::{AuthorError, Certificate, Clearsigned, ClearsignedError, Issuer, Objection};
use crate::store::openpgp_key::{self, NewKey, OpenpgpKey};
use crate::store::person::{self, Person};
use crate::store::{Connection, StoreError, Transaction};

/// A text that somebody signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Who.
    pub person: Person,
    /// Of the primary key, in upper-case hexadecimal digits.
    pub fingerprint: String,
    /// When, by the signature's own word.
    pub made: Timestamp,
    /// Exactly what was signed.
    pub text: String,
}

/// Why a text does not count as signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// Bytes that are no text.
    #[error("it is not a text: at byte {0} it is not UTF-8")]
    NotText(usize),
    /// Line ends of another system, which those who read it would take for different texts.
    #[error("lines of it end with carriage returns")]
    CarriageReturns,
    /// No signature.
    #[error("it is not signed")]
    NotSigned,
    /// The frame around the signed text holds something else, or is not whole.
    #[error("its signature does not hold all of it: {0}")]
    Framing(ClearsignError),
    /// What stands where a signature should.
    #[error("{0}")]
    NotASignature(String),
    /// Several signatures, by different people or not all known.
    #[error("it has {count} signatures that do not agree: {reason}")]
    Disagree {
        /// How many.
        count: usize,
        /// What about them.
        reason: String,
    },
    /// Nobody's key.
    #[error("it is signed with the key {key}, which is not known here")]
    UnknownKey {
        /// What the signature says.
        key: String,
    },
    /// A key whose signatures are not taken any more.
    #[error("the key {fingerprint} of {person} is disabled here")]
    Disabled {
        /// The primary key.
        fingerprint: String,
        /// Whose.
        person: String,
    },
    /// Somebody who may do nothing any more.
    #[error("{person}, who signed it, is not active here any more")]
    Inactive {
        /// Who.
        person: String,
    },
    /// It is over something else.
    #[error("its signature by {fingerprint} does not hold: {reason}")]
    Bad {
        /// The primary key.
        fingerprint: String,
        /// Why.
        reason: String,
    },
    /// The key is revoked.
    #[error("its signature by {fingerprint} does not count: {reason}")]
    Revoked {
        /// The primary key.
        fingerprint: String,
        /// Which part, and why.
        reason: String,
    },
    /// The key or the signature has expired.
    #[error("its signature by {fingerprint} does not count: {reason}")]
    Expired {
        /// The primary key.
        fingerprint: String,
        /// When.
        reason: String,
    },
    /// It can be forged.
    #[error("its signature by {fingerprint} is too weak: {reason}")]
    Weak {
        /// The primary key.
        fingerprint: String,
        /// What about it.
        reason: String,
    },
    /// It was made later than now.
    #[error("its signature by {fingerprint} was made at {made}, which is still to come")]
    Future {
        /// The primary key.
        fingerprint: String,
        /// By its own word.
        made: Timestamp,
    },
}

impl SignatureFault {
    /// The check that it breaks: stable, for programs and tests.
    #[must_use]
    pub const fn check(&self) -> &'static str {
        match self {
            Self::NotText(_) => "signature-text",
            Self::CarriageReturns => "signature-line-ends",
            Self::NotSigned => "signature-missing",
            Self::Framing(_) => "signature-framing",
            Self::NotASignature(_) => "signature-unreadable",
            Self::Disagree { .. } => "signature-several",
            Self::UnknownKey { .. } => "signature-unknown-key",
            Self::Disabled { .. } => "signature-key-disabled",
            Self::Inactive { .. } => "signature-person-inactive",
            Self::Bad { .. } => "signature-bad",
            Self::Revoked { .. } => "signature-revoked",
            Self::Expired { .. } => "signature-expired",
            Self::Weak { .. } => "signature-weak",
            Self::Future { .. } => "signature-future",
        }
    }

    /// What whoever made it can do.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::NotText(_) => "write it in UTF-8 and sign it again".to_owned(),
            Self::CarriageReturns => "make its lines end with newlines alone, as dos2unix does, and sign it again".to_owned(),
            Self::NotSigned => "sign it with debsign and upload it again".to_owned(),
            Self::Framing(_) | Self::NotASignature(_) | Self::Bad { .. } => {
                "sign it again with debsign, and let nothing change it on its way".to_owned()
            }
            Self::Disagree { .. } => "sign it once, with one key".to_owned(),
            Self::UnknownKey { .. } => {
                "sign it with a key that is known, or ask an operator to take this one in with `pressroom key import FILE --person NAME`"
                    .to_owned()
            }
            Self::Disabled { fingerprint, .. } => {
                format!("sign it with another key, or ask an operator for `pressroom key enable {fingerprint}`")
            }
            Self::Inactive { person } => format!("ask an operator for `pressroom person set {person} --active true`"),
            Self::Revoked { .. } => "sign it with another key".to_owned(),
            Self::Expired { .. } => {
                "extend the key, have its certificate imported again with `pressroom key import`, or sign with another key".to_owned()
            }
            Self::Weak { .. } => {
                "sign it with a strong key (Ed25519, or RSA of 2048 bits or more) and with SHA-512".to_owned()
            }
            Self::Future { .. } => "put the clock right on the machine that signed it, and sign it again".to_owned(),
        }
    }
}

/// Why a certificate is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// It is none, or damaged.
    #[error(transparent)]
    Certificate(#[from] AuthorError),
    /// The database failed, or the key is somebody else's.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An older state of a certificate would take a revocation back.
    #[error(
        "the certificate {fingerprint} that is here says that {part} is revoked, and this one does not: export it again where it was revoked"
    )]
    Older {
        /// The primary key.
        fingerprint: String,
        /// What is revoked.
        part: String,
    },
}

/// Takes a certificate in for somebody, or a newer state of one that is here. Whether its signatures are taken stays.
///
/// # Errors
/// When it is somebody else's, or older than what is here.
pub fn take_in(
    tx: &Transaction<'_>,
    person: PersonId,
    certificate: &Certificate,
    now: Timestamp,
) -> Result<KeyId, ImportError> {
    let fingerprint = certificate.fingerprint();
    if let Some(known) = openpgp_key::find_key(tx, &fingerprint)? {
        let revoked_now = certificate.revoked_parts();
        let before = Certificate::read_all(&known.certificate)?;
        let lost =
            before.iter().flat_map(Certificate::revoked_parts).find(|part| !revoked_now.contains(part));
        if let Some(part) = lost {
            return Err(ImportError::Older { fingerprint, part });
        }
    }
    let parts: Vec<(String, String)> =
        certificate.parts().into_iter().map(|part| (part.fingerprint, part.key_id)).collect();
    let binary = certificate.binary()?;
    let new = NewKey { person, fingerprint: &fingerprint, certificate: &binary, parts: &parts };
    Ok(openpgp_key::keep_key(tx, &new, now)?)
}

/// Who signed a text in the clear. The outer error is the publisher's own trouble.
///
/// # Errors
/// When the database fails, or a certificate in it is damaged.
pub fn verify(
    db: &Connection,
    clearsigned: &[u8],
    now: Timestamp,
) -> Result<Result<Signed, SignatureFault>, StoreError> {
    let document = match parse(clearsigned) {
        Ok(document) => document,
        Err(fault) => return Ok(Err(fault)),
    };
    let issuers = document.issuers();
    let mut good: Option<Signed> = None;
    for (place, issuer) in issuers.iter().enumerate() {
        let one = match verify_one(db, &document, (place, issuer), now)? {
            Ok(one) => one,
            Err(fault) if issuers.len() == 1 => return Ok(Err(fault)),
            Err(fault) => {
                return Ok(Err(SignatureFault::Disagree { count: issuers.len(), reason: fault.to_string() }));
            }
        };
        if let Some(before) = &good
            && before.person.id != one.person.id
        {
            let reason = format!("one is by {}, another by {}", before.person.name, one.person.name);
            return Ok(Err(SignatureFault::Disagree { count: issuers.len(), reason }));
        }
        good.get_or_insert(one);
    }
    Ok(good.ok_or(SignatureFault::NotSigned))
}

fn parse(bytes: &[u8]) -> Result<Clearsigned, SignatureFault> {
    let text = std::str::from_utf8(bytes).map_err(|error| SignatureFault::NotText(error.valid_up_to()))?;
    // also within the frame, where a signature does not see them
    if text.contains("-----BEGIN PGP SIGNED MESSAGE-----") && text.contains('\r') {
        return Err(SignatureFault::CarriageReturns);
    }
    match Clearsigned::parse(text) {
        Ok(Some(document)) => Ok(document),
        Ok(None) => Err(SignatureFault::NotSigned),
        Err(ClearsignedError::Frame(error)) => Err(SignatureFault::Framing(error)),
        Err(error @ ClearsignedError::NotASignature(_)) => {
            Err(SignatureFault::NotASignature(error.to_string()))
        }
    }
}

fn verify_one(
    db: &Connection,
    document: &Clearsigned,
    (place, issuer): (usize, &Issuer),
    now: Timestamp,
) -> Result<Result<Signed, SignatureFault>, StoreError> {
    let mut fault = SignatureFault::UnknownKey { key: named(issuer) };
    for key in candidates(db, issuer)? {
        let fingerprint = key.fingerprint.clone();
        let damaged = |reason: String| {
            StoreError::Refused(format!(
                "the certificate {fingerprint} in the database is damaged ({reason}): import it again with `pressroom key import`"
            ))
        };
        let certificate =
            Certificate::read_all(&key.certificate).map_err(|error| damaged(error.to_string()))?;
        let certificate = certificate.first().ok_or_else(|| damaged("it is empty".to_owned()))?;
        let made = match document.verify(place, certificate, now) {
            Ok(signature) => signature.made,
            Err(objection) => {
                fault = fault_of(key.fingerprint, objection);
                continue;
            }
        };
        let person = person::person_by_id(db, key.person)?;
        let name = person.name.to_string();
        if !key.active {
            return Ok(Err(SignatureFault::Disabled { fingerprint: key.fingerprint, person: name }));
        }
        if !person.active {
            return Ok(Err(SignatureFault::Inactive { person: name }));
        }
        return Ok(Ok(Signed {
            person,
            fingerprint: key.fingerprint,
            made,
            text: document.text().to_owned(),
        }));
    }
    Ok(Err(fault))
}

/// The certificates that a signature may be by. A fingerprint is proof against others with the same, a key ID is not.
fn candidates(db: &Connection, issuer: &Issuer) -> Result<Vec<OpenpgpKey>, StoreError> {
    let mut found: Vec<OpenpgpKey> = Vec::new();
    let asked = if issuer.fingerprints.is_empty() { &issuer.key_ids } else { &issuer.fingerprints };
    // a signature names one maker; whoever names many wants work to be done
    for name in asked.iter().take(4) {
        let keys = if issuer.fingerprints.is_empty() {
            openpgp_key::keys_of_key_id(db, name)?
        } else {
            openpgp_key::keys_of_fingerprint(db, name)?
        };
        for key in keys {
            if !found.iter().any(|known| known.id == key.id) {
                found.push(key);
            }
        }
    }
    Ok(found)
}

fn named(issuer: &Issuer) -> String {
    let name = issuer.fingerprints.first().or(issuer.key_ids.first());
    name.cloned().unwrap_or_else(|| "of nobody whom it names".to_owned())
}

fn fault_of(fingerprint: String, objection: Objection) -> SignatureFault {
    let reason = objection.to_string();
    match objection {
        Objection::Broken(_) | Objection::Unfit(_) => SignatureFault::Bad { fingerprint, reason },
        Objection::Weak(_) => SignatureFault::Weak { fingerprint, reason },
        Objection::Future(made) => SignatureFault::Future { fingerprint, made },
        Objection::Expired(_) => SignatureFault::Expired { fingerprint, reason },
        Objection::Revoked(_) => SignatureFault::Revoked { fingerprint, reason },
    }
}

#[cfg(test)]
mod tests;
