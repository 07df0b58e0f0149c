//! Several keys that sign as one: each text has a signature of every key, in one armour.
//!
//! While clients learn of a new key, whoever knows the old or the new one verifies what is published. Clients take a document with
//! signatures that they cannot check as long as there is one that they can.

use std::io::Read;

use jiff::Timestamp;
use pgp::armor::{self, BlockType, Dearmor};
use pgp::ser::Serialize;

use super::{PublicKey, SignError, Signer, cleartext};

/// One key or more, the one that stays first.
pub struct Signers {
    first: Box<dyn Signer>,
    others: Vec<Box<dyn Signer>>,
}

/// Never shows key material.
impl std::fmt::Debug for Signers {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.fingerprints()).finish()
    }
}

impl Signers {
    /// These keys; `first` gives the whole its name.
    #[must_use]
    pub fn new(first: Box<dyn Signer>, others: Vec<Box<dyn Signer>>) -> Self {
        Self { first, others }
    }

    /// Each key alone, the first one first.
    pub fn each(&self) -> impl Iterator<Item = &dyn Signer> {
        std::iter::once(&self.first).chain(&self.others).map(AsRef::as_ref)
    }

    /// The fingerprints of the primary keys, the first key's first.
    pub fn fingerprints(&self) -> impl Iterator<Item = &str> {
        self.each().map(Signer::fingerprint)
    }

    fn failed(&self, action: &'static str, source: pgp::errors::Error) -> SignError {
        SignError::Library { action, fingerprint: self.fingerprint().to_owned(), source: Box::new(source) }
    }

    /// The packets in an armour.
    fn packets(&self, armored: &[u8]) -> Result<Vec<u8>, SignError> {
        let mut packets = Vec::new();
        Dearmor::new(armored)
            .read_to_end(&mut packets)
            .map_err(|source| self.failed("read a signature", source.into()))?;
        Ok(packets)
    }

    fn armor(&self, packets: Vec<u8>, kind: BlockType) -> Result<Vec<u8>, SignError> {
        let mut armored = Vec::new();
        // the checksum is for readers older than RFC 9580
        armor::write(&Packets(packets), kind, &mut armored, None, true)
            .map_err(|source| self.failed("armour what several keys have made", source))?;
        Ok(armored)
    }
}

/// Packets that are serialised already.
struct Packets(Vec<u8>);

impl Serialize for Packets {
    fn to_writer<W: std::io::Write>(&self, writer: &mut W) -> pgp::errors::Result<()> {
        writer.write_all(&self.0)?;
        Ok(())
    }

    fn write_len(&self) -> usize {
        self.0.len()
    }
}

impl Signer for Signers {
    fn detached(&self, data: &[u8], now: Timestamp) -> Result<Vec<u8>, SignError> {
        if self.others.is_empty() {
            return self.first.detached(data, now);
        }
        let mut packets = Vec::new();
        for signer in self.each() {
            packets.extend(self.packets(&signer.detached(data, now)?)?);
        }
        self.armor(packets, BlockType::Signature)
    }

    fn clear(&self, text: &str, now: Timestamp) -> Result<Vec<u8>, SignError> {
        if self.others.is_empty() {
            return self.first.clear(text, now);
        }
        let (mut packets, mut hashes) = (Vec::new(), Vec::new());
        for signer in self.each() {
            let document = signer.clear(text, now)?;
            let bad = |reason: &'static str| SignError::BadSignature {
                fingerprint: signer.fingerprint().to_owned(),
                reason: reason.to_owned(),
            };
            packets.extend(self.packets(cleartext::unframe(&document, text).map_err(bad)?.as_bytes())?);
            for hash in cleartext::hashes(&document) {
                if !hashes.contains(&hash) {
                    hashes.push(hash);
                }
            }
        }
        let armored = self.armor(packets, BlockType::Signature)?;
        Ok(cleartext::frame(text, &hashes.join(", "), &String::from_utf8_lossy(&armored)))
    }

    fn check(&self, now: Timestamp) -> Result<(), SignError> {
        self.each().try_for_each(|signer| signer.check(now))
    }

    fn fingerprint(&self) -> &str {
        self.first.fingerprint()
    }

    fn signs_until(&self, now: Timestamp) -> Result<Option<Timestamp>, SignError> {
        self.first.signs_until(now)
    }

    /// All keys, in one file as apt reads it: of several armours in one file it takes only the first.
    fn public_key(&self) -> Result<PublicKey, SignError> {
        if self.others.is_empty() {
            return self.first.public_key();
        }
        let mut binary = Vec::new();
        for signer in self.each() {
            binary.extend(signer.public_key()?.binary);
        }
        Ok(PublicKey { armored: self.armor(binary.clone(), BlockType::PublicKey)?, binary })
    }
}
