//! The first line of `debian/changelog` (deb-changelog(5)): `hello (2.10-3) unstable; urgency=medium`.

use crate::domain::{DebVersion, SourceName};

/// So many bytes are looked through for the first line.
const MAX_BEGINNING_BYTES: usize = 64 << 10;

/// Of which version the first entry is; none where no such line comes first.
#[must_use]
pub fn first_entry(content: &[u8]) -> Option<(SourceName, DebVersion)> {
    let beginning = &content[..content.len().min(MAX_BEGINNING_BYTES)];
    let line = beginning.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty())?;
    let line = std::str::from_utf8(line).ok()?.trim_end();
    let (name, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(')')?;
    if !rest.starts_with(' ') || !rest.contains(';') {
        return None;
    }
    Some((name.parse().ok()?, version.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_says_name_and_version() {
        let (name, version) =
            first_entry(b"\n\nhello (1:2.10-3) unstable; urgency=medium\n\n  * Hi.\n").unwrap();
        assert_eq!((name.as_str(), version.as_str()), ("hello", "1:2.10-3"));
        for text in [
            &b""[..],
            b"hello\n",
            b"hello (2.10-3)\n",
            b"hello (2.10-3) unstable\n",
            b"hello () unstable; urgency=low\n",
            b"  * Hi.\nhello (1) unstable; urgency=low\n",
            b"\xff (1) unstable; urgency=low\n",
        ] {
            assert_eq!(first_entry(text), None, "{text:?}");
        }
    }
}
