//! The `Source` field of binary packages and of `.changes` files: a name, and a version where it is not the
//! package's own (Debian Policy 5.6.1).

use crate::domain::name::NameError;
use crate::domain::plain::shown;
use crate::domain::{DebVersion, SourceName};

/// A value that does not name a source package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceFieldError {
    /// Neither a name nor a name with a version in parentheses.
    #[error("{value} is neither \"name\" nor \"name (version)\"")]
    Shape {
        /// What is there, quoted and shortened.
        value: String,
    },
    /// The name or the version is not one.
    #[error(transparent)]
    Word(#[from] NameError),
}

/// Reads `hello` or `hello (2.10-3)`.
///
/// # Errors
/// Another shape, or a name or version that is none.
pub fn parse_source_field(value: &str) -> Result<(SourceName, Option<DebVersion>), SourceFieldError> {
    const BLANKS: [char; 2] = [' ', '\t'];
    let value = value.trim_matches(BLANKS);
    let Some((name, rest)) = value.split_once('(') else { return Ok((value.parse()?, None)) };
    let version = rest.strip_suffix(')').ok_or_else(|| SourceFieldError::Shape { value: shown(value) })?;
    Ok((name.trim_end_matches(BLANKS).parse()?, Some(version.trim_matches(BLANKS).parse()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        for (value, name, version) in [
            ("hello", "hello", None),
            ("hello (2.10-3)", "hello", Some("2.10-3")),
            ("hello(1:2)", "hello", Some("1:2")),
            (" hello  ( 1 ) ", "hello", Some("1")),
        ] {
            let (found, found_version) = parse_source_field(value).unwrap();
            assert_eq!(found.as_str(), name);
            assert_eq!(found_version.as_ref().map(DebVersion::as_str), version);
        }
    }

    #[test]
    fn refuses_others() {
        for value in [
            "",
            "h",
            "hello (",
            "hello (1",
            "hello ()",
            "hello (1) x",
            "hello 1",
            "(1)",
            "hello (1))",
            "a\nb",
        ] {
            assert!(parse_source_field(value).is_err(), "{value:?}");
        }
    }
}
