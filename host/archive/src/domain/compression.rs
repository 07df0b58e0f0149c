//! How index files are compressed, and which checksums they carry: what a series chooses.

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
