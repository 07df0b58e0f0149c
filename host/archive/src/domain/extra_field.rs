//! Fields that an archive adds to the stanzas of packages, as apt-ftparchive's extra overrides do: `Task`, `Bugs`, `Origin`.

use std::fmt;
use std::str::FromStr;

use super::release_text::ReleaseText;

/// The name of a field that may be added to a stanza, or stand there for the package's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraFieldName(String);

/// Why a field cannot be added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtraFieldError {
    /// No field can have this name.
    #[error(
        "{0:?} is not the name of a field: it is made of at most 64 letters, digits and dashes, and begins with a letter"
    )]
    BadName(String),
    /// The field says what the package is, or where it is and is filed.
    #[error(
        "{0} is not an extra field: it says which package this is, or is made by pressroom (sections, priorities, components and phasing have options of their own)"
    )]
    NotExtra(String),
    /// No value.
    #[error("{0:?} is not FIELD=VALUE, as Task=demo-desktop; a field without a value (Task=) is taken back")]
    NoValue(String),
    /// A value that is no line.
    #[error(
        "the value of {0} cannot stand in a stanza: it must be one line of at most 500 characters, without control characters or blanks around it"
    )]
    BadValue(String),
}

/// What tells a package from others, and what the publisher writes.
const NOT_EXTRA: [&str; 22] = [
    "package",
    "package-type",
    "source",
    "binary",
    "version",
    "architecture",
    "format",
    "status",
    "filename",
    "directory",
    "files",
    "size",
    "md5sum",
    "sha1",
    "sha256",
    "sha512",
    "section",
    "priority",
    "phased-update-percentage",
    "description",
    "description-md5",
    "package-list",
];

impl ExtraFieldName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ExtraFieldName {
    type Err = ExtraFieldError;

    fn from_str(text: &str) -> Result<Self, ExtraFieldError> {
        let is_name = text.len() <= 64
            && text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
        if !is_name {
            return Err(ExtraFieldError::BadName(text.chars().take(60).collect()));
        }
        let lower = text.to_ascii_lowercase();
        if NOT_EXTRA.contains(&lower.as_str())
            || lower.starts_with("checksums-")
            || lower.starts_with("description-")
        {
            return Err(ExtraFieldError::NotExtra(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ExtraFieldName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What is said of a field: `Task=demo-desktop`, or `Task=` for nothing any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraField {
    /// Which.
    pub name: ExtraFieldName,
    /// Its value; none: what was said of it is taken back.
    pub value: Option<ReleaseText>,
}

impl FromStr for ExtraField {
    type Err = ExtraFieldError;

    fn from_str(text: &str) -> Result<Self, ExtraFieldError> {
        let (name, value) =
            text.split_once('=').ok_or_else(|| ExtraFieldError::NoValue(text.chars().take(60).collect()))?;
        let name: ExtraFieldName = name.parse()?;
        let value: ReleaseText = value.parse().map_err(|_| ExtraFieldError::BadValue(name.0.clone()))?;
        Ok(Self { name, value: Some(value).filter(|value| !value.as_str().is_empty()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_given_with_its_value_or_taken_back() {
        let field: ExtraField = "Bugs=mailto:bugs@example.org?x=y".parse().unwrap();
        assert_eq!(
            (field.name.as_str(), field.value.unwrap().as_str()),
            ("Bugs", "mailto:bugs@example.org?x=y")
        );
        assert_eq!("X-Own=".parse::<ExtraField>().unwrap().value, None);
    }

    #[test]
    fn what_says_which_package_it_is_or_is_made_here_is_refused() {
        for text in [
            "Package=x",
            "version=2",
            "SHA256=00",
            "Checksums-Sha256=x",
            "Section=x",
            "Description=x",
            "Description-en=x",
            "Phased-Update-Percentage=5",
            "Filename=pool/x",
        ] {
            assert!(matches!(text.parse::<ExtraField>(), Err(ExtraFieldError::NotExtra(_))), "{text}");
        }
        for text in ["=x", "-x=y", "a b=c", "a:b=c", "a\nb=c", "Task\u{e9}=x"] {
            assert!(matches!(text.parse::<ExtraField>(), Err(ExtraFieldError::BadName(_))), "{text}");
        }
        for text in ["Task=a\nDepends: b", "Task= a", "Task=\u{1b}[2J"] {
            assert!(matches!(text.parse::<ExtraField>(), Err(ExtraFieldError::BadValue(_))), "{text:?}");
        }
        assert!(matches!("Task".parse::<ExtraField>(), Err(ExtraFieldError::NoValue(_))));
    }
}
