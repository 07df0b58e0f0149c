//! Signatures and keys: made over Release files, verified over uploads, hooks and other people's repositories.
//!
//! It turns the text of a Release file into `InRelease` and `Release.gpg`. It decides whether a key may sign at a given moment and how the signed documents are framed. It never
//! decides *what* is signed, never reads the clock, and never writes a file: bytes come in, bytes go out.
//!
//! A key is judged once when it is loaded, again by [`Signer::check`] before a run begins, and again at each
//! signature: one rule (`judge`) for both kinds of signer. Every signature is verified against the public key
//! before it is handed out, so that what reaches the archive is what clients will accept. Signatures by others are verified in
//! `author` (over hooks) and `uploader` (over uploads).

mod author;
mod certificate;
mod cleartext;
mod error;
mod gpg;
mod joint;
mod judge;
mod own_key;
mod process;
mod uploader;

pub use author::{
    AuthorError, Certificates, Expiry, GoodSignature, MAX_CERTIFICATES_BYTES, MAX_SIGNATURE_BYTES, Objection,
};
pub use error::SignError;
pub use gpg::{Fingerprint, GpgSettings, GpgSigner};
pub use joint::Signers;
pub use own_key::OwnKey;
pub use uploader::{
    Certificate, CertificatePart, CertificateSummary, Clearsigned, ClearsignedError, Issuer, TextSignature,
};

use jiff::Timestamp;

/// The largest document that is signed, in bytes. The Release file of a large distribution has less than one
/// mebibyte.
pub const MAX_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;

/// Something that signs on behalf of an archive.
pub trait Signer: Send + Sync {
    /// An armoured detached signature over exactly `data`: the content of `Release.gpg`.
    ///
    /// # Errors
    /// The key is refused at `now` (as by [`check`](Signer::check)), or signing failed.
    fn detached(&self, data: &[u8], now: Timestamp) -> Result<Vec<u8>, SignError>;

    /// `text` as a cleartext-signed document (RFC 9580, section 7): the content of `InRelease`.
    ///
    /// The final newline of `text` is not part of what is signed, nor are spaces and tabs before a line end;
    /// they are published as they were given.
    ///
    /// # Errors
    /// As for [`detached`](Signer::detached), and [`SignError::UnfitText`] for a text that clients would read
    /// in more than one way.
    fn clear(&self, text: &str, now: Timestamp) -> Result<Vec<u8>, SignError>;

    /// Refuses now what would be refused while publishing: a key that is expired, revoked, not yet valid, too
    /// weak, or has no part that may sign.
    ///
    /// # Errors
    /// The reason, and what to do about it.
    fn check(&self, now: Timestamp) -> Result<(), SignError>;

    /// The fingerprint of the primary key in upper-case hexadecimal digits, as in `Signed-By`.
    fn fingerprint(&self) -> &str;

    /// Until when it can sign, as it is now: the expiry of the key, or of the last of its parts that sign. None: it does not expire.
    ///
    /// # Errors
    /// The key could not be looked at.
    fn signs_until(&self, now: Timestamp) -> Result<Option<Timestamp>, SignError>;

    /// The public key, to be handed to clients.
    ///
    /// # Errors
    /// It could not be exported.
    fn public_key(&self) -> Result<PublicKey, SignError>;
}

/// A public key in the two forms that `Signed-By` and `trusted.gpg.d` take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// ASCII armour, the content of an `.asc` file.
    pub armored: Vec<u8>,
    /// Binary packets, the content of a `.gpg` file.
    pub binary: Vec<u8>,
}

#[cfg(test)]
pub(crate) mod tests;
