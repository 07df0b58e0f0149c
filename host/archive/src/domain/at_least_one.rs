//! Sets of settings without any of which there would be nothing.

use std::collections::BTreeSet;

use super::{Compressor, SourceFormat};

macro_rules! at_least_one {
    ($($(#[$meta:meta])* $name:ident of $one:ty, $error:ident: $text:literal;)+) => { $(
        /// None was named.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        #[error($text)]
        pub struct $error;

        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(BTreeSet<$one>);

        impl $name {
            /// These.
            ///
            /// # Errors
            /// When there is none.
            pub fn new(all: impl IntoIterator<Item = $one>) -> Result<Self, $error> {
                let all = BTreeSet::from_iter(all);
                if all.is_empty() { Err($error) } else { Ok(Self(all)) }
            }

            /// Each of them once.
            pub fn iter(&self) -> impl Iterator<Item = $one> {
                self.0.iter().copied()
            }
        }
    )+ };
}

at_least_one! {
    /// The forms in which indexes are published.
    Compressors of Compressor, NoCompressor: "an index must be published in at least one form: name gz, xz, zst or uncompressed";
    /// The formats that source packages may have.
    SourceFormats of SourceFormat, NoSourceFormat: "source packages must have a format: name 1.0, \"3.0 (native)\" or \"3.0 (quilt)\"";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_twice_is_there_once_and_nothing_is_refused() {
        let forms = Compressors::new([Compressor::Xz, Compressor::Gz, Compressor::Xz]).unwrap();
        assert_eq!(forms.iter().count(), 2);
        assert_eq!(Compressors::new([]), Err(NoCompressor));
        assert_eq!(SourceFormats::new([]), Err(NoSourceFormat));
        assert!(NoSourceFormat.to_string().contains("3.0 (quilt)"));
    }
}
