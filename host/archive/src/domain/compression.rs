//! How index files are compressed, which checksums they carry, and how many patches of them there are: what a series chooses.

use serde::{Deserialize, Serialize};

use super::word::words;

words! {
    /// One form in which an index file is published.
    Compressor, "compressor" {
        /// The text itself.
        Uncompressed = "uncompressed",
        /// RFC 1952.
        Gz = "gz",
        /// The .xz format.
        Xz = "xz",
        /// RFC 8878.
        Zst = "zst",
    }
}

impl Compressor {
    /// What the file's name ends with.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Uncompressed => "",
            Self::Gz => ".gz",
            Self::Xz => ".xz",
            Self::Zst => ".zst",
        }
    }
}

words! {
    /// A checksum in Packages, Sources and Release.
    Checksum, "checksum" {
        /// `MD5sum`, `MD5Sum`, `Files`: not for safety, but old tools want it.
        Md5 = "md5",
        /// `SHA1`.
        Sha1 = "sha1",
        /// `SHA256`: always there.
        Sha256 = "sha256",
    }
}

words! {
    /// Where the long descriptions of packages stand.
    Translations, "place of descriptions" {
        /// In Packages.
        Whole = "none",
        /// Apart, in `i18n/Translation-en`; Packages has the first line and `Description-md5`.
        English = "en",
    }
}

words! {
    /// What makes Packages and Sources.
    IndexEngine, "index engine" {
        /// Pressroom itself, from its rows: what a change costs depends on the change.
        Native = "native",
        /// apt-ftparchive, from the files in the pool: it looks at every package of an index.
        AptFtparchive = "apt-ftparchive",
    }
}

/// How much text a segment of an index has on average. Small ones make a change quick to publish, large ones make small files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct SegmentSize(u32);

/// A size that no segment can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("segments have from 1 KiB to 64 MiB (65536 KiB) of text, not {0}")]
pub struct SegmentSizeError(usize);

impl SegmentSize {
    const LEAST_BYTES: usize = 1 << 10;
    const MOST_BYTES: usize = 64 << 20;

    /// A size in bytes.
    ///
    /// # Errors
    /// Below 1 KiB and above 64 MiB.
    pub fn new(bytes: usize) -> Result<Self, SegmentSizeError> {
        if !(Self::LEAST_BYTES..=Self::MOST_BYTES).contains(&bytes) {
            return Err(SegmentSizeError(bytes));
        }
        u32::try_from(bytes).map(Self).map_err(|_| SegmentSizeError(bytes))
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }
}

/// From a number of KiB.
impl TryFrom<u32> for SegmentSize {
    type Error = SegmentSizeError;

    fn try_from(kib: u32) -> Result<Self, Self::Error> {
        Self::new(usize::try_from(kib).unwrap_or(usize::MAX).saturating_mul(1024))
    }
}

/// As a number of KiB.
impl From<SegmentSize> for u32 {
    fn from(size: SegmentSize) -> Self {
        size.0 / 1024
    }
}

/// From a number of KiB, as on a command line.
impl std::str::FromStr for SegmentSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kib: u32 = text.parse().map_err(|_| format!("{text} is not a number of KiB"))?;
        Self::try_from(kib).map_err(|error| error.to_string())
    }
}

/// How many patches of an index are kept, by which clients bring up to date what they have; with 0 none are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct PatchLimit(u16);

/// A number of patches that no index can have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an index has up to 1000 patches (56 are two weeks of four publications a day), or none, not {0}")]
pub struct PatchLimitError(String);

impl PatchLimit {
    /// No patches are made.
    pub const NONE: Self = Self(0);
    const MOST: u16 = 1000;

    /// So many; 0: none.
    ///
    /// # Errors
    /// Above 1000: clients read a line of each at every update.
    pub fn new(count: u32) -> Result<Self, PatchLimitError> {
        match u16::try_from(count) {
            Ok(count @ ..=Self::MOST) => Ok(Self(count)),
            Ok(_) | Err(_) => Err(PatchLimitError(count.to_string())),
        }
    }

    /// How many; 0: none are made.
    #[must_use]
    pub const fn count(self) -> u16 {
        self.0
    }
}

/// From a number or `none`, as on a command line.
impl std::str::FromStr for PatchLimit {
    type Err = PatchLimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        let shown = || PatchLimitError(super::plain::shown(text).to_string());
        Self::new(text.parse().map_err(|_| shown())?)
    }
}

impl std::fmt::Display for PatchLimit {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::NONE { out.pad("none") } else { self.0.fmt(out) }
    }
}

/// As a number, or the word `none`.
impl Serialize for PatchLimit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::NONE { serializer.serialize_str("none") } else { serializer.serialize_u16(self.0) }
    }
}

impl<'de> Deserialize<'de> for PatchLimit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Word(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(count) => Self::new(count),
            Written::Word(word) => word.parse(),
        }
        .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_patches_is_bounded_and_none_is_a_word() {
        for (text, count) in [("none", 0), ("0", 0), ("1", 1), ("56", 56), ("1000", 1000)] {
            let limit: PatchLimit = text.parse().unwrap();
            assert_eq!(limit.count(), count);
            assert_eq!(limit.to_string().parse::<PatchLimit>().unwrap(), limit);
            let written = serde_json::to_string(&limit).unwrap();
            assert_eq!(serde_json::from_str::<PatchLimit>(&written).unwrap(), limit, "{written}");
        }
        for text in ["", "-1", "1001", "70000", "many", "None", "5.5"] {
            assert!(text.parse::<PatchLimit>().is_err(), "{text}");
        }
        for written in ["-1", "1001", "\"all\"", "true", "[]"] {
            assert!(serde_json::from_str::<PatchLimit>(written).is_err(), "{written}");
        }
    }

    #[test]
    fn segments_have_a_size_that_can_be_had() {
        assert_eq!("1024".parse::<SegmentSize>().unwrap().bytes(), 1 << 20);
        assert_eq!(u32::from(SegmentSize::new(1 << 20).unwrap()), 1024);
        for text in ["", "0", "-1", "1M", "65537", "5000000"] {
            assert!(text.parse::<SegmentSize>().is_err(), "{text}");
        }
    }
}
