//! Digests of files, and how they are taken.
//!
//! Decides how a digest is spelled (lower-case hexadecimal) and takes all three of a file in one pass. Whether a
//! digest is the right one is decided elsewhere.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::name::{NameError, NameFault};

/// A digest of one algorithm: so many bytes, spelled in lower-case hexadecimal.
macro_rules! digest {
    ($(#[$meta:meta])* $type:ident, $bytes:literal, $what:literal, $algorithm:ty) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type([u8; $bytes]);

        impl $type {
            /// How many bytes the digest has; its text has twice as many characters.
            pub const BYTES: usize = $bytes;

            /// The digest with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(bytes)
            }

            /// The bytes of the digest.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// The digest of data that is in memory.
            #[must_use]
            pub fn of(data: &[u8]) -> Self {
                Self(<$algorithm>::digest(data).into())
            }
        }

        impl std::str::FromStr for $type {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                let mut bytes = [0; $bytes];
                from_hex(text, &mut bytes).map_err(|reason| NameError::new($what, text, reason))?;
                Ok(Self(bytes))
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut text = [0; 2 * $bytes];
                out.pad(to_hex(&self.0, &mut text))
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(out, concat!(stringify!($type), "({})"), self)
            }
        }

        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut text = [0; 2 * $bytes];
                serializer.serialize_str(to_hex(&self.0, &mut text))
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
            }
        }
    };
}

digest! {
    /// An MD5 digest. Only to agree with what older files say; it protects nothing.
    Md5, 16, "MD5 digest", md5::Md5
}
digest! {
    /// A SHA-1 digest. Only to agree with what older files say; it protects nothing.
    Sha1, 20, "SHA-1 digest", sha1::Sha1
}
digest! {
    /// A SHA-256 digest: what a file is known by.
    Sha256, 32, "SHA-256 digest", sha2::Sha256
}

/// What the indexes say of a file's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileDigests {
    /// How long the file is, in bytes.
    pub size_bytes: u64,
    /// Its MD5 digest.
    pub md5: Md5,
    /// Its SHA-1 digest.
    pub sha1: Sha1,
    /// Its SHA-256 digest.
    pub sha256: Sha256,
}

impl FileDigests {
    /// The digests of data that is in memory.
    #[must_use]
    pub fn of(data: &[u8]) -> Self {
        let mut hasher = Hasher::new();
        hasher.update(data);
        hasher.finish()
    }
}

/// Takes the size and all three digests of data that comes by in pieces.
#[derive(Clone, Default)]
pub struct Hasher {
    size_bytes: u64,
    md5: md5::Md5,
    sha1: sha1::Sha1,
    sha256: sha2::Sha256,
}

impl Hasher {
    /// A hasher that has seen nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next piece into account.
    pub fn update(&mut self, data: &[u8]) {
        // In pieces that stay in the cache while the three read them by turns.
        for piece in data.chunks(PIECE_BYTES) {
            self.size_bytes += piece.len() as u64;
            self.md5.update(piece);
            self.sha1.update(piece);
            self.sha256.update(piece);
        }
    }

    /// How many bytes it has seen.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The digests of all it has seen.
    #[must_use]
    pub fn finish(self) -> FileDigests {
        FileDigests {
            size_bytes: self.size_bytes,
            md5: Md5(self.md5.finalize().into()),
            sha1: Sha1(self.sha1.finalize().into()),
            sha256: Sha256(self.sha256.finalize().into()),
        }
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Hasher").field("size_bytes", &self.size_bytes).finish_non_exhaustive()
    }
}

/// Writes to another writer, and knows the digests of what was written.
#[derive(Debug)]
pub struct DigestWriter<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> DigestWriter<W> {
    /// Passes everything on to `inner`.
    pub fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::new() }
    }

    /// The writer below, and the digests of what went through. Does not flush.
    pub fn finish(self) -> (W, FileDigests) {
        (self.inner, self.hasher.finish())
    }
}

impl<W: Write> Write for DigestWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(data)?;
        self.hasher.update(&data[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Reads from another reader, and knows the digests of what was read.
#[derive(Debug)]
pub struct DigestReader<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> DigestReader<R> {
    /// Reads from `inner`.
    pub fn new(inner: R) -> Self {
        Self { inner, hasher: Hasher::new() }
    }

    /// How many bytes were read so far.
    pub fn size_bytes(&self) -> u64 {
        self.hasher.size_bytes()
    }

    /// The digests of what was read so far.
    pub fn finish(self) -> FileDigests {
        self.hasher.finish()
    }
}

impl<R: Read> Read for DigestReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// The digests of everything that the reader gives until its end.
///
/// # Errors
/// Whatever the reader answers, except interruptions, which are tried again.
pub fn digest_reader(mut reader: impl Read) -> io::Result<FileDigests> {
    let mut hasher = Hasher::new();
    let mut buffer = vec![0; 4 * PIECE_BYTES];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(read) => hasher.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

const PIECE_BYTES: usize = 16 * 1024;

const HEX: &[u8; 16] = b"0123456789abcdef";

fn to_hex<'a>(bytes: &[u8], text: &'a mut [u8]) -> &'a str {
    for (pair, byte) in text.chunks_exact_mut(2).zip(bytes) {
        pair[0] = HEX[usize::from(byte >> 4)];
        pair[1] = HEX[usize::from(byte & 15)];
    }
    // Every byte is one of HEX.
    std::str::from_utf8(text).unwrap_or_default()
}

/// Reads exactly as many digits as fill `bytes`. Upper case is refused: the text must come back as it was, and every
/// tool of the field writes lower case.
fn from_hex(text: &str, bytes: &mut [u8]) -> Result<(), NameFault> {
    if let Some(bad) = text.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
        return Err(NameFault::BadCharacter(bad));
    }
    if text.len() != 2 * bytes.len() {
        return Err(NameFault::WrongLength { exactly: 2 * bytes.len() });
    }
    let value = |digit: u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = value(pair[0]) << 4 | value(pair[1]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_digests() {
        let digests = FileDigests::of(b"abc");
        assert_eq!(digests.size_bytes, 3);
        assert_eq!(digests.md5.to_string(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(digests.sha1.to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            digests.sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(Sha256::of(b"abc"), digests.sha256);
    }

    #[test]
    fn refuses_other_spellings() {
        let fault = |text: &str| text.parse::<Md5>().unwrap_err().reason;
        assert_eq!(fault(""), NameFault::WrongLength { exactly: 32 });
        assert_eq!(fault("900150983cd24fb0d6963f7d28e17f7"), NameFault::WrongLength { exactly: 32 });
        assert_eq!(fault("900150983cd24fb0d6963f7d28e17f722"), NameFault::WrongLength { exactly: 32 });
        assert_eq!(fault("900150983CD24fb0d6963f7d28e17f72"), NameFault::BadCharacter('C'));
        assert_eq!(fault("900150983cd24fb0d6963f7d28e17f7é"), NameFault::BadCharacter('é'));
        assert!(serde_json::from_str::<Sha1>("\"abc\"").is_err());
    }

    #[test]
    fn a_failing_reader_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("no disk"))
            }
        }
        assert!(digest_reader(b"abc".chain(Broken)).is_err());
    }

    proptest! {
        #[test]
        fn all_ways_give_the_same(data in prop::collection::vec(any::<u8>(), 0..70_000), cut in 0usize..70_000) {
            let whole = FileDigests::of(&data);
            let (front, back) = data.split_at(cut.min(data.len()));
            let mut writer = DigestWriter::new(Vec::new());
            writer.write_all(front).unwrap();
            writer.write_all(back).unwrap();
            let (written, digests) = writer.finish();
            prop_assert_eq!(&written, &data);
            prop_assert_eq!(digests, whole);
            prop_assert_eq!(digest_reader(&data[..]).unwrap(), whole);
            let mut reader = DigestReader::new(&data[..]);
            io::copy(&mut reader, &mut io::sink()).unwrap();
            prop_assert_eq!(reader.finish(), whole);
        }

        #[test]
        fn text_and_bytes_are_the_same(bytes in any::<[u8; 32]>()) {
            let digest = Sha256::from_bytes(bytes);
            prop_assert_eq!(digest.to_string().parse::<Sha256>().unwrap(), digest);
            let json = serde_json::to_string(&digest).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sha256>(&json).unwrap(), digest);
        }
    }
}
