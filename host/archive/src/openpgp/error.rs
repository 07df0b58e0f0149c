//! Why a signature or a key was refused. Each message names the key or the file, the reason, and what to do.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use jiff::Timestamp;

/// Why a document was not signed, or a key not accepted.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The text cannot be signed in the clear so that every client reads the same.
    #[error("cannot sign this text in the clear: line {line} {reason}")]
    UnfitText {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// There is nothing in the document.
    #[error("cannot sign an empty document")]
    EmptyDocument,
    /// The document is larger than [`MAX_DOCUMENT_BYTES`](super::MAX_DOCUMENT_BYTES).
    #[error("cannot sign a document of {size_bytes} bytes: the limit is {limit_bytes}")]
    DocumentTooLarge {
        /// Its size.
        size_bytes: usize,
        /// The largest size that is signed.
        limit_bytes: usize,
    },
    /// OpenPGP counts seconds since 1970 in 32 bits.
    #[error(
        "cannot sign at {now}: OpenPGP knows times from 1970 to 2106 only, check the clock of this machine"
    )]
    TimeOutOfRange {
        /// The moment that was given.
        now: Timestamp,
    },

    /// The key file is not there.
    #[error(
        "there is no signing key {path}: restore it from a backup, or name another one as key-file in pressroom.toml (gpg gives one with \
         `gpg --export-secret-keys --armor`)"
    )]
    MissingKeyFile {
        /// The path that was tried.
        path: PathBuf,
    },
    /// The key file could not be read.
    #[error("cannot read the signing key {path}")]
    ReadKeyFile {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The path is a directory, a device or the like.
    #[error("the signing key {path} is not a regular file")]
    NotARegularFile {
        /// The path.
        path: PathBuf,
    },
    /// Others than the owner may read or change the key file, which `ssh` refuses as well.
    #[error("the signing key {path} is open to others (mode {mode:04o}): run `chmod 600 {path}`")]
    ExposedKeyFile {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file is larger than any key.
    #[error("the signing key {path} has more than {limit_bytes} bytes: it is no exported secret key")]
    KeyFileTooLarge {
        /// The file.
        path: PathBuf,
        /// The largest size that is read.
        limit_bytes: u64,
    },
    /// The file holds something else than an OpenPGP secret key.
    #[error(
        "the signing key {path} does not hold an OpenPGP secret key that can be used here: \
         export one with `gpg --export-secret-keys --armor`, or sign through gpg"
    )]
    NotASecretKey {
        /// The file.
        path: PathBuf,
        /// What the parser said, where it said anything.
        #[source]
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// The file holds a public key.
    #[error(
        "{path} holds the public key {fingerprint} only: export the secret one \
         with `gpg --export-secret-keys --armor {fingerprint}`"
    )]
    PublicKeyOnly {
        /// The file.
        path: PathBuf,
        /// The primary key.
        fingerprint: String,
    },
    /// The file holds more than one key, and guessing is no way to choose an identity.
    #[error(
        "{path} holds several keys, {first} and {second} among them: export one alone \
         with `gpg --export-secret-keys --armor {first}`"
    )]
    SeveralKeys {
        /// The file.
        path: PathBuf,
        /// The first primary key.
        first: String,
        /// The second primary key.
        second: String,
    },
    /// A user ID that no key should carry.
    #[error("cannot make a key for {user_id:?}: {reason}")]
    UnfitUserId {
        /// What was given.
        user_id: String,
        /// What is wrong with it.
        reason: &'static str,
    },

    /// The key, or the part of it that would sign, is past its expiry.
    #[error(
        "the signing key {fingerprint} expired at {expired}: extend it with \
         `gpg --quick-set-expire` and hand out its public key again, or sign with another key"
    )]
    Expired {
        /// The primary key or subkey.
        fingerprint: String,
        /// When it expired.
        expired: Timestamp,
    },
    /// The key, or the part of it that would sign, was revoked.
    #[error("the signing key {fingerprint} is revoked ({reason}): sign with another key")]
    Revoked {
        /// The primary key or subkey.
        fingerprint: String,
        /// The reason that the revocation gives.
        reason: String,
    },
    /// The key was made after `now`.
    #[error("the signing key {fingerprint} is valid from {created} only: check the clock of this machine")]
    NotYetValid {
        /// The primary key or subkey.
        fingerprint: String,
        /// When it becomes valid.
        created: Timestamp,
    },
    /// An RSA key that `apt` refuses for its length.
    #[error(
        "the signing key {fingerprint} is RSA of {bits} bits, and apt trusts none below {minimum_bits}: make a new key"
    )]
    Weak {
        /// The primary key or subkey.
        fingerprint: String,
        /// Its length.
        bits: u32,
        /// The least that is accepted.
        minimum_bits: u32,
    },
    /// An algorithm that not every supported client verifies, or that does not sign twice alike.
    #[error(
        "the signing key {fingerprint} uses {algorithm}, which is not accepted here: use Ed25519, or RSA of 2048 bits or more"
    )]
    UnsupportedAlgorithm {
        /// The primary key or subkey.
        fingerprint: String,
        /// The algorithm as it is called.
        algorithm: String,
    },
    /// The key carries no valid statement about itself, or was disabled.
    #[error("the signing key {fingerprint} cannot be used: {reason}")]
    InvalidKey {
        /// The primary key or subkey.
        fingerprint: String,
        /// Why.
        reason: String,
    },
    /// No part of the key may sign.
    #[error(
        "the key {fingerprint} has no part that may sign: add one with \
         `gpg --quick-add-key {fingerprint} ed25519 sign`, or sign with another key"
    )]
    NoSigningCapability {
        /// The primary key.
        fingerprint: String,
    },
    /// The secret half is elsewhere: offline or on a smartcard.
    #[error(
        "the secret half of {fingerprint} is not here, it is offline or on a smartcard: \
         import it, or sign through a gpg that reaches it"
    )]
    SecretElsewhere {
        /// The primary key or subkey.
        fingerprint: String,
    },
    /// The secret half is encrypted.
    #[error(
        "the secret half of {fingerprint} is locked by a passphrase: remove it with \
         `gpg --change-passphrase` and export the key again, or sign through gpg, whose agent can hold the passphrase"
    )]
    Locked {
        /// The primary key or subkey.
        fingerprint: String,
    },

    /// The OpenPGP library refused to make a signature or a key.
    #[error("cannot {action} with the key {fingerprint}")]
    Library {
        /// What was tried.
        action: &'static str,
        /// The primary key or subkey.
        fingerprint: String,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A signature was made but does not hold. It is not published.
    #[error("the signature by {fingerprint} was made but does not verify ({reason}): nothing was signed")]
    BadSignature {
        /// The primary key.
        fingerprint: String,
        /// What is wrong with it.
        reason: String,
    },

    /// Not a full fingerprint.
    #[error(
        "{given:?} does not name a signing key: give its full fingerprint, 40 hexadecimal digits, as printed by \
         `gpg --list-secret-keys --with-subkey-fingerprint`"
    )]
    NotAFingerprint {
        /// What was given.
        given: String,
    },
    /// The home directory of gpg is not there.
    #[error("the gpg home {path} is not a directory")]
    MissingGpgHome {
        /// The path.
        path: PathBuf,
    },
    /// gpg has no such secret key.
    #[error(
        "gpg knows no secret key {key} in {home}: import it there, or attach the smartcard and run `gpg --card-status`"
    )]
    UnknownKey {
        /// The fingerprint that was asked for.
        key: String,
        /// The home directory.
        home: PathBuf,
    },
    /// The program could not be run.
    #[error("cannot run {program} to {action}")]
    RunGpg {
        /// The program.
        program: PathBuf,
        /// What it was asked.
        action: &'static str,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The program said no.
    #[error("{program} failed to {action} ({status}): {stderr}")]
    GpgFailed {
        /// The program.
        program: PathBuf,
        /// What it was asked.
        action: &'static str,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// The program did not end in time, and was killed with its process group.
    #[error(
        "{program} did not {action} within {limit:?} and was killed, it may be waiting for a passphrase or a touch: {stderr}"
    )]
    GpgTimeLimit {
        /// The program.
        program: PathBuf,
        /// What it was asked.
        action: &'static str,
        /// The limit.
        limit: Duration,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// The program wrote more than its task can need, and was killed.
    #[error("{program} wrote more than {limit_bytes} bytes when asked to {action}, and was killed")]
    GpgOutputTooLong {
        /// The program.
        program: PathBuf,
        /// What it was asked.
        action: &'static str,
        /// The limit.
        limit_bytes: usize,
    },
    /// The program succeeded, but its answer makes no sense.
    #[error("cannot make sense of the answer of {program} when asked to {action}: {reason}")]
    GpgAnswer {
        /// The program.
        program: PathBuf,
        /// What it was asked.
        action: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}
