//! Text for one field of a Release file: one line, so that no setting can add a field or end the paragraph.

use std::fmt;
use std::str::FromStr;

/// Why a text cannot stand in a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} cannot stand in a Release file: it must be one line of at most 500 characters, without control characters or blanks around it"
)]
pub struct ReleaseTextError(String);

/// A line for a field of a Release file; may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReleaseText(String);

impl ReleaseText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ReleaseText {
    type Err = ReleaseTextError;

    fn from_str(text: &str) -> Result<Self, ReleaseTextError> {
        let bad = text.chars().any(char::is_control) || text.trim() != text || text.chars().count() > 500;
        if bad { Err(ReleaseTextError(text.chars().take(60).collect())) } else { Ok(Self(text.to_owned())) }
    }
}

impl fmt::Display for ReleaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl serde::Serialize for ReleaseText {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for ReleaseText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a text is no word for a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseWordError {
    /// It cannot stand in a field at all.
    #[error(transparent)]
    Text(#[from] ReleaseTextError),
    /// It is several words.
    #[error("{0:?} is no name of a suite: it is one word, as stable")]
    Words(String),
}

/// One word for a field of a Release file that names a suite; may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReleaseWord(ReleaseText);

impl ReleaseWord {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromStr for ReleaseWord {
    type Err = ReleaseWordError;

    fn from_str(text: &str) -> Result<Self, ReleaseWordError> {
        let word: ReleaseText = text.parse()?;
        match text.contains(char::is_whitespace) {
            true => Err(ReleaseWordError::Words(text.to_owned())),
            false => Ok(Self(word)),
        }
    }
}

impl fmt::Display for ReleaseWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl serde::Serialize for ReleaseWord {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for ReleaseWord {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_one_line() {
        for text in ["", "12", "D\u{e9}bian, for all"] {
            assert_eq!(text.parse::<ReleaseText>().unwrap().to_string(), text);
        }
        for text in ["two\nlines", "1\n\nSHA256:", " x", "x ", "\t", "\u{7f}", &"x".repeat(501)] {
            assert!(text.parse::<ReleaseText>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_suite_is_named_by_one_word() {
        for text in ["", "stable", "24.04"] {
            assert_eq!(text.parse::<ReleaseWord>().unwrap().to_string(), text);
        }
        for (text, why) in [("very stable", "it is one word"), ("a\tb", "one line"), ("a\nb", "one line")] {
            let error = text.parse::<ReleaseWord>().unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
