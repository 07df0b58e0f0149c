//! A key file of ours: made, loaded, judged, and signed with, without any other program.
//!
//! The file is an armoured OpenPGP secret key without a passphrase, as `gpg --export-secret-keys --armor`
//! writes it; the permissions of the file are its protection, and they are checked. Writing the file durably
//! is the caller's.
//!
//! Nothing here is random once a key exists: the same key, text and moment give the same bytes, so that a
//! rerun publishes what the interrupted run would have.

use std::fmt;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jiff::Timestamp;
use pgp::composed::{
    ArmorOptions, DetachedSignature, KeyType, PublicOrSecret, SignedKeyDetails, SignedPublicKey,
    SignedSecretKey,
};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::sym::SymmetricKeyAlgorithm;
use pgp::packet::{
    Features, KeyFlags, PubKeyInner, Signature, SignatureConfig, SignatureType, Subpacket, SubpacketData,
    UserId,
};
use pgp::ser::Serialize;
use pgp::types::{KeyVersion, Password, S2kParams, SecretParams, SigningKey, StringToKey, Tag};
use zeroize::Zeroizing;

use super::judge::{KeyFacts, KeyPart, SecretHalf};
use super::{PublicKey, SignError, Signer, certificate, cleartext};
use crate::work::{Work, count, count_bytes};

/// The digest of every signature; SHA-256 would do, SHA-512 is what EdDSA uses inside.
const DIGEST: HashAlgorithm = HashAlgorithm::Sha512;

/// Exported keys have a few kilobytes; those that many people have certified, some hundred.
const MAX_KEY_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// GnuPG reads no longer user IDs.
const MAX_USER_ID_BYTES: usize = 2048;

/// A secret key in memory, fit to sign when it was loaded.
pub struct OwnKey {
    secret: SignedSecretKey,
    public: SignedPublicKey,
    facts: KeyFacts,
}

/// Never shows key material.
impl fmt::Debug for OwnKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OwnKey").field("fingerprint", &self.fingerprint()).finish_non_exhaustive()
    }
}

impl OwnKey {
    /// Makes a key named `user_id` (as `Example Archive <archive@example.org>`), created at `now`.
    ///
    /// It is an Ed25519 key of version 4 in the encoding that GnuPG introduced (EdDSA, algorithm 22): the
    /// newer encoding of RFC 9580 and keys of version 6 are unknown to the gpgv 2.2 of bookworm and jammy,
    /// while this one verifies with every gpgv since stretch and bionic, and is on the list of
    /// `APT::Key::Assert-Pubkey-Algo`.
    ///
    /// The primary key itself signs. Clients keep an archive key for years without refreshing it, so a
    /// signing subkey added later would be unknown to them, and `Signed-By` can name the one fingerprint. For
    /// the same reason the key does not expire: an expiry would cut off every client that has not fetched the
    /// extended key in time.
    ///
    /// # Errors
    /// [`SignError::UnfitUserId`] and [`SignError::TimeOutOfRange`].
    pub fn generate(user_id: &str, now: Timestamp) -> Result<Self, SignError> {
        check_user_id(user_id)?;
        let created = openpgp_time(now)?;
        let secret = new_key(user_id, created).map_err(|source| SignError::Library {
            action: "make a self-signature",
            fingerprint: "being made".to_owned(),
            source: Box::new(source),
        })?;
        Self::judged(secret, now)
    }

    /// Loads the key in `path`, armoured or binary, and refuses it unless it may sign at `now`.
    ///
    /// # Errors
    /// The file is missing, readable by others, or does not hold exactly one secret key; the key is refused
    /// as by [`check`](Signer::check).
    pub fn load(path: &Path, now: Timestamp) -> Result<Self, SignError> {
        let bytes = read_key_file(path)?;
        Self::judged(parse(path, &bytes)?, now)
    }

    /// The secret key in ASCII armour, to be written to a file of mode 0600. Cleared from memory when
    /// dropped.
    ///
    /// # Errors
    /// The key could not be serialised.
    pub fn secret_key(&self) -> Result<Zeroizing<Vec<u8>>, SignError> {
        self.secret
            .to_armored_bytes(ArmorOptions::default())
            .map(Zeroizing::new)
            .map_err(|source| self.library_error("write the secret key", source))
    }

    fn judged(secret: SignedSecretKey, now: Timestamp) -> Result<Self, SignError> {
        let public = secret.to_public_key();
        let facts = certificate::facts(&public, |fingerprint| secret_half(&secret, fingerprint))?;
        facts.choose(now)?;
        Ok(Self { secret, public, facts })
    }

    /// A signature by the part that signs at `now`, verified before it is returned.
    fn sign(&self, kind: SignatureType, bytes: &[u8], now: Timestamp) -> Result<String, SignError> {
        let part = self.facts.choose(now)?;
        let time = openpgp_time(now)?;
        let signature =
            self.sign_by(part, kind, bytes, time).map_err(|source| self.library_error("sign", source))?;
        // A fault in the computation must not reach clients; with RSA it would even give the key away.
        certificate::verify(&self.public, &signature, kind, bytes).map_err(|reason| {
            SignError::BadSignature { fingerprint: self.fingerprint().to_owned(), reason }
        })?;
        DetachedSignature::new(signature)
            .to_armored_string(ArmorOptions::default())
            .map_err(|source| self.library_error("armour a signature", source))
    }

    fn sign_by(
        &self,
        part: &KeyPart,
        kind: SignatureType,
        bytes: &[u8],
        time: pgp::types::Timestamp,
    ) -> pgp::errors::Result<Signature> {
        let subkey = self
            .secret
            .secret_subkeys
            .iter()
            .find(|subkey| certificate::fingerprint_of(&subkey.key) == part.fingerprint);
        match subkey {
            Some(subkey) => data_signature(&subkey.key, kind, bytes, time),
            None => data_signature(&self.secret.primary_key, kind, bytes, time),
        }
    }

    fn library_error(&self, action: &'static str, source: pgp::errors::Error) -> SignError {
        SignError::Library { action, fingerprint: self.fingerprint().to_owned(), source: Box::new(source) }
    }
}

impl Signer for OwnKey {
    fn detached(&self, data: &[u8], now: Timestamp) -> Result<Vec<u8>, SignError> {
        cleartext::check_size(data)?;
        self.sign(SignatureType::Binary, data, now).map(String::into_bytes)
    }

    fn clear(&self, text: &str, now: Timestamp) -> Result<Vec<u8>, SignError> {
        cleartext::check(text)?;
        let signature = self.sign(SignatureType::Text, &cleartext::signed_bytes(text), now)?;
        Ok(cleartext::frame(text, &DIGEST.to_string(), &signature))
    }

    fn check(&self, now: Timestamp) -> Result<(), SignError> {
        openpgp_time(now)?;
        self.facts.choose(now).map(|_| ())
    }

    fn fingerprint(&self) -> &str {
        &self.facts.primary.fingerprint
    }

    fn signs_until(&self, now: Timestamp) -> Result<Option<Timestamp>, SignError> {
        Ok(self.facts.signs_until(now))
    }

    fn public_key(&self) -> Result<PublicKey, SignError> {
        let failed = |source| self.library_error("export the public key", source);
        Ok(PublicKey {
            armored: self.public.to_armored_bytes(ArmorOptions::default()).map_err(failed)?,
            binary: self.public.to_bytes().map_err(failed)?,
        })
    }
}

fn check_user_id(user_id: &str) -> Result<(), SignError> {
    let reason = if user_id.trim().is_empty() {
        "it is empty"
    } else if user_id.trim() != user_id {
        "it begins or ends with a space"
    } else if user_id.len() > MAX_USER_ID_BYTES {
        "it is longer than 2048 bytes"
    } else if user_id.chars().any(char::is_control) {
        "it has a control character"
    } else {
        return Ok(());
    };
    Err(SignError::UnfitUserId { user_id: user_id.chars().take(80).collect(), reason })
}

fn openpgp_time(now: Timestamp) -> Result<pgp::types::Timestamp, SignError> {
    u32::try_from(now.as_second())
        .map(pgp::types::Timestamp::from_secs)
        .map_err(|_| SignError::TimeOutOfRange { now })
}

/// The key and its one self-signature; built by hand because the builder of the library reads the clock.
fn new_key(user_id: &str, created: pgp::types::Timestamp) -> pgp::errors::Result<SignedSecretKey> {
    let kind = KeyType::Ed25519Legacy;
    let (public_params, secret_params) = kind.generate(rand::rngs::OsRng)?;
    let inner = PubKeyInner::new(KeyVersion::V4, kind.to_alg(), created, None, public_params)?;
    let public = pgp::packet::PublicKey::from_inner(inner)?;
    let primary_key = pgp::packet::SecretKey::new(public.clone(), secret_params)?;

    let mut flags = KeyFlags::default();
    flags.set_certify(true);
    flags.set_sign(true);
    let mut features = Features::default();
    features.set_seipd_v1(true);
    let user_id = UserId::from_str(Default::default(), user_id)?;

    let mut config = signature_config(&primary_key, SignatureType::CertPositive, created)?;
    config.hashed_subpackets.extend([
        Subpacket::regular(SubpacketData::KeyFlags(flags))?,
        Subpacket::regular(SubpacketData::IsPrimary(true))?,
        Subpacket::regular(SubpacketData::PreferredHashAlgorithms(
            [HashAlgorithm::Sha512, HashAlgorithm::Sha256].as_slice().into(),
        ))?,
        Subpacket::regular(SubpacketData::PreferredSymmetricAlgorithms(
            [SymmetricKeyAlgorithm::AES256].as_slice().into(),
        ))?,
        Subpacket::regular(SubpacketData::Features(features))?,
    ]);
    let certification =
        config.sign_certification(&primary_key, &public, &Password::empty(), Tag::UserId, &user_id)?;
    let details = SignedKeyDetails::new(vec![], vec![], vec![user_id.into_signed(certification)], vec![]);
    Ok(SignedSecretKey::new(primary_key, details, vec![], vec![]))
}

fn data_signature(
    key: &impl SigningKey,
    kind: SignatureType,
    bytes: &[u8],
    time: pgp::types::Timestamp,
) -> pgp::errors::Result<Signature> {
    signature_config(key, kind, time)?.sign(key, &Password::empty(), bytes)
}

fn signature_config(
    key: &impl SigningKey,
    kind: SignatureType,
    time: pgp::types::Timestamp,
) -> pgp::errors::Result<SignatureConfig> {
    let mut config = SignatureConfig::v4(kind, key.algorithm(), DIGEST);
    config.hashed_subpackets = vec![
        Subpacket::regular(SubpacketData::SignatureCreationTime(time))?,
        Subpacket::regular(SubpacketData::IssuerFingerprint(key.fingerprint()))?,
    ];
    // Verifiers older than the fingerprint subpacket look for this one.
    config.unhashed_subpackets = vec![Subpacket::regular(SubpacketData::IssuerKeyId(key.legacy_key_id()))?];
    Ok(config)
}

/// Reads a file that is small, regular and the owner's alone; judged by its handle, so that it cannot be
/// swapped between.
fn read_key_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, SignError> {
    let unreadable = |source: std::io::Error| {
        if source.kind() == ErrorKind::NotFound {
            SignError::MissingKeyFile { path: path.to_owned() }
        } else {
            SignError::ReadKeyFile { path: path.to_owned(), source }
        }
    };
    // Asked before opening, since opening a pipe would wait for its writer.
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(SignError::NotARegularFile { path: path.to_owned() });
    }
    let file = File::open(path).map_err(unreadable)?;
    count(Work::FilesOpened, 1);
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SignError::NotARegularFile { path: path.to_owned() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(SignError::ExposedKeyFile { path: path.to_owned(), mode });
    }
    if metadata.len() > MAX_KEY_FILE_BYTES {
        return Err(SignError::KeyFileTooLarge { path: path.to_owned(), limit_bytes: MAX_KEY_FILE_BYTES });
    }
    // Reserved at once: a buffer that grows would leave copies of the key behind.
    let capacity = usize::try_from(metadata.len()).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    file.take(MAX_KEY_FILE_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    count_bytes(Work::BytesRead, bytes.len());
    Ok(bytes)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<SignedSecretKey, SignError> {
    let not_a_key = |source: Option<pgp::errors::Error>| SignError::NotASecretKey {
        path: path.to_owned(),
        source: source.map(|source| Box::new(source).into()),
    };
    let (keys, _headers) =
        PublicOrSecret::from_reader_many(bytes).map_err(|source| not_a_key(Some(source)))?;
    let mut found: Option<SignedSecretKey> = None;
    for key in keys {
        match key.map_err(|source| not_a_key(Some(source)))? {
            PublicOrSecret::Public(key) => {
                return Err(SignError::PublicKeyOnly {
                    path: path.to_owned(),
                    fingerprint: certificate::fingerprint_of(&key.primary_key),
                });
            }
            PublicOrSecret::Secret(second) => {
                if let Some(first) = found {
                    return Err(SignError::SeveralKeys {
                        path: path.to_owned(),
                        first: certificate::fingerprint_of(&first.primary_key),
                        second: certificate::fingerprint_of(&second.primary_key),
                    });
                }
                found = Some(second);
            }
        }
    }
    found.ok_or_else(|| not_a_key(None))
}

fn secret_half(key: &SignedSecretKey, fingerprint: &str) -> SecretHalf {
    if certificate::fingerprint_of(&key.primary_key) == fingerprint {
        return half_of(key.primary_key.secret_params());
    }
    key.secret_subkeys
        .iter()
        .find(|subkey| certificate::fingerprint_of(&subkey.key) == fingerprint)
        .map_or(SecretHalf::Elsewhere, |subkey| half_of(subkey.key.secret_params()))
}

fn half_of(params: &SecretParams) -> SecretHalf {
    let SecretParams::Encrypted(encrypted) = params else {
        return SecretHalf::Here;
    };
    // GnuPG marks what it does not export, or has on a card, as locked in a private way of its own.
    let stub = matches!(
        encrypted.string_to_key_params(),
        S2kParams::Cfb { s2k: StringToKey::Private { .. }, .. }
            | S2kParams::MalleableCfb { s2k: StringToKey::Private { .. }, .. }
    );
    if stub { SecretHalf::Elsewhere } else { SecretHalf::Locked }
}
