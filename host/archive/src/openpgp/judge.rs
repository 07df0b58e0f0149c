//! Whether a key may sign at a moment, and which of its parts does.
//!
//! Pure: it sees facts about the key, however they were found, and a moment.

use jiff::Timestamp;

use super::SignError;

/// What `apt` and `gpgv` accept at least (`APT::Key::Assert-Pubkey-Algo`).
const MINIMUM_RSA_BITS: u32 = 2048;

/// The algorithm of one part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Algorithm {
    Rsa {
        bits: u32,
    },
    /// Signs on a curve that `gpgv` 2.2 verifies: Ed25519 in its legacy encoding, or a NIST curve.
    KnownCurve,
    /// Anything else, by its name.
    Other(String),
}

/// Where the secret half of a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SecretHalf {
    Here,
    Locked,
    Elsewhere,
}

/// A primary key or subkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyPart {
    /// Upper-case hexadecimal digits.
    pub(super) fingerprint: String,
    pub(super) algorithm: Algorithm,
    pub(super) created: Timestamp,
    pub(super) expires: Option<Timestamp>,
    /// The reason, where it was revoked.
    pub(super) revoked: Option<String>,
    /// Why it cannot be used whatever the time, where so.
    pub(super) invalid: Option<String>,
    pub(super) signs: bool,
    pub(super) secret: SecretHalf,
}

/// A whole key: the primary, which vouches for the rest, and its subkeys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyFacts {
    pub(super) primary: KeyPart,
    pub(super) subkeys: Vec<KeyPart>,
}

impl KeyFacts {
    /// The part that signs at `now`: as gpg does it, the newest valid signing subkey, else the primary key.
    ///
    /// The primary key must be valid even when a subkey signs, because clients check the subkey through it.
    /// Parts whose secret half is elsewhere are passed over while another can sign.
    pub(super) fn choose(&self, now: Timestamp) -> Result<&KeyPart, SignError> {
        self.primary.judge(now)?;

        let mut candidates: Vec<&KeyPart> = self.subkeys.iter().filter(|part| part.signs).collect();
        // Of two made in the same second the later in the key goes first: `reverse` before the stable sort.
        candidates.reverse();
        candidates.sort_by_key(|part| std::cmp::Reverse(part.created));
        candidates.extend(Some(&self.primary).filter(|part| part.signs));

        let mut first_refusal = None;
        for part in candidates {
            let refusal = match (part.judge(now), part.secret) {
                (Ok(()), SecretHalf::Here) => return Ok(part),
                // The key that should sign is there and locked: signing with an older one would only hide
                // that.
                (Ok(()), SecretHalf::Locked) => {
                    return Err(SignError::Locked { fingerprint: part.fingerprint.clone() });
                }
                (Ok(()), SecretHalf::Elsewhere) => {
                    SignError::SecretElsewhere { fingerprint: part.fingerprint.clone() }
                }
                (Err(refusal), _) => refusal,
            };
            first_refusal.get_or_insert(refusal);
        }
        Err(first_refusal.unwrap_or_else(|| SignError::NoSigningCapability {
            fingerprint: self.primary.fingerprint.clone(),
        }))
    }

    /// Until when a part that can sign at `now` does: none of them expires later, nor does the primary key. None: there is no end.
    pub(super) fn signs_until(&self, now: Timestamp) -> Option<Timestamp> {
        let signs =
            |part: &&KeyPart| part.signs && part.secret != SecretHalf::Elsewhere && part.judge(now).is_ok();
        let parts = self.subkeys.iter().chain(Some(&self.primary)).filter(signs);
        let last = parts.map(|part| part.expires.unwrap_or(Timestamp::MAX)).max();
        let end = last.unwrap_or(now).min(self.primary.expires.unwrap_or(Timestamp::MAX));
        Some(end).filter(|end| *end != Timestamp::MAX)
    }
}

impl KeyPart {
    fn judge(&self, now: Timestamp) -> Result<(), SignError> {
        let fingerprint = self.fingerprint.clone();
        if let Some(reason) = &self.revoked {
            return Err(SignError::Revoked { fingerprint, reason: reason.clone() });
        }
        if let Some(reason) = &self.invalid {
            return Err(SignError::InvalidKey { fingerprint, reason: reason.clone() });
        }
        match &self.algorithm {
            Algorithm::Rsa { bits } if *bits < MINIMUM_RSA_BITS => {
                return Err(SignError::Weak { fingerprint, bits: *bits, minimum_bits: MINIMUM_RSA_BITS });
            }
            Algorithm::Rsa { .. } | Algorithm::KnownCurve => {}
            Algorithm::Other(algorithm) => {
                return Err(SignError::UnsupportedAlgorithm { fingerprint, algorithm: algorithm.clone() });
            }
        }
        if self.created > now {
            return Err(SignError::NotYetValid { fingerprint, created: self.created });
        }
        if let Some(expired) = self.expires.filter(|expires| *expires <= now) {
            return Err(SignError::Expired { fingerprint, expired });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn part(fingerprint: &str, created: i64) -> KeyPart {
        KeyPart {
            fingerprint: fingerprint.to_owned(),
            algorithm: Algorithm::KnownCurve,
            created: at(created),
            expires: None,
            revoked: None,
            invalid: None,
            signs: true,
            secret: SecretHalf::Here,
        }
    }

    fn key(subkeys: Vec<KeyPart>) -> KeyFacts {
        KeyFacts { primary: part("P", 100), subkeys }
    }

    fn chosen(facts: &KeyFacts, now: i64) -> String {
        match facts.choose(at(now)) {
            Ok(part) => part.fingerprint.clone(),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[test]
    fn chooses_the_newest_valid_part() {
        assert_eq!(chosen(&key(vec![]), 100), "P");
        assert_eq!(chosen(&key(vec![part("A", 100)]), 100), "A");
        assert_eq!(chosen(&key(vec![part("A", 100), part("B", 200)]), 300), "B");
        assert_eq!(chosen(&key(vec![part("B", 200), part("A", 100)]), 300), "B");
        assert_eq!(chosen(&key(vec![part("A", 200), part("B", 200)]), 300), "B");
        assert_eq!(chosen(&key(vec![part("A", 100), part("B", 200)]), 150), "A", "B is not yet valid");

        let expired = KeyPart { expires: Some(at(250)), ..part("B", 200) };
        assert_eq!(chosen(&key(vec![part("A", 100), expired.clone()]), 249), "B");
        assert_eq!(chosen(&key(vec![part("A", 100), expired.clone()]), 250), "A");
        assert_eq!(chosen(&key(vec![expired]), 250), "P");

        let revoked = KeyPart { revoked: Some("lost".to_owned()), ..part("B", 200) };
        assert_eq!(chosen(&key(vec![part("A", 100), revoked]), 300), "A");
        let weak = KeyPart { algorithm: Algorithm::Rsa { bits: 2047 }, ..part("B", 200) };
        assert_eq!(chosen(&key(vec![weak]), 300), "P");
        let strong = KeyPart { algorithm: Algorithm::Rsa { bits: 2048 }, ..part("B", 200) };
        assert_eq!(chosen(&key(vec![strong]), 300), "B");
        let encrypts = KeyPart { signs: false, ..part("B", 200) };
        assert_eq!(chosen(&key(vec![encrypts]), 300), "P");
        let offline = KeyPart { secret: SecretHalf::Elsewhere, ..part("B", 200) };
        assert_eq!(chosen(&key(vec![offline]), 300), "P");
    }

    #[test]
    fn an_offline_primary_still_vouches_for_its_subkey() {
        let mut facts = key(vec![part("A", 100)]);
        facts.primary.secret = SecretHalf::Elsewhere;
        assert_eq!(chosen(&facts, 300), "A");
        facts.primary.expires = Some(at(200));
        assert!(chosen(&facts, 300).contains("P expired at"), "{}", chosen(&facts, 300));
    }

    #[test]
    fn refuses_with_the_reason_of_the_part_that_should_sign() {
        let only = |primary: KeyPart| KeyFacts { primary, subkeys: vec![] };
        for (facts, now, expected) in [
            (
                only(KeyPart { expires: Some(at(200)), ..part("P", 100) }),
                200,
                "P expired at 1970-01-01T00:03:20Z",
            ),
            (only(part("P", 100)), 99, "P is valid from 1970-01-01T00:01:40Z only"),
            (
                only(KeyPart { revoked: Some("lost".to_owned()), ..part("P", 100) }),
                200,
                "P is revoked (lost)",
            ),
            (
                only(KeyPart { invalid: Some("disabled".to_owned()), ..part("P", 100) }),
                200,
                "P cannot be used: disabled",
            ),
            (only(KeyPart { signs: false, ..part("P", 100) }), 200, "P has no part that may sign"),
            (
                only(KeyPart { secret: SecretHalf::Locked, ..part("P", 100) }),
                200,
                "P is locked by a passphrase",
            ),
            (only(KeyPart { secret: SecretHalf::Elsewhere, ..part("P", 100) }), 200, "P is not here"),
            (
                only(KeyPart { algorithm: Algorithm::Rsa { bits: 1024 }, ..part("P", 100) }),
                200,
                "P is RSA of 1024 bits",
            ),
            (
                only(KeyPart { algorithm: Algorithm::Other("DSA".to_owned()), ..part("P", 100) }),
                200,
                "P uses DSA",
            ),
            (
                key(vec![KeyPart { secret: SecretHalf::Locked, ..part("A", 100) }]),
                200,
                "A is locked by a passphrase",
            ),
            (
                KeyFacts {
                    primary: KeyPart { signs: false, ..part("P", 100) },
                    subkeys: vec![
                        KeyPart { expires: Some(at(150)), ..part("A", 100) },
                        KeyPart { expires: Some(at(180)), ..part("B", 120) },
                    ],
                },
                200,
                "B expired at",
            ),
        ] {
            let refusal = chosen(&facts, now);
            assert!(refusal.contains(expected), "{refusal} lacks {expected}");
        }
    }
}
