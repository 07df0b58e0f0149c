//! Fields with a meaning: a value of a paragraph becomes a name, a version, a list of words.
//!
//! Decides how values are cut; the words themselves know what they may be. Knows no particular file.

use std::str::FromStr;

use super::control::{Field, Paragraph};
use super::relation::{SourceFieldError, parse_source_field};
use crate::domain::name::NameError;
use crate::domain::plain::shown;
use crate::domain::{DebVersion, SourceName};

/// A field that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A mandatory field is not there.
    #[error("the field {field} is missing; add it")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field is there and has no value.
    #[error("line {line}: the field {field} is empty")]
    Empty {
        /// The field.
        field: &'static str,
        /// The line on which it begins.
        line: usize,
    },
    /// A value goes on over lines where it must not.
    #[error("line {line}: the field {field} must have its value on one line")]
    Folded {
        /// The field.
        field: &'static str,
        /// The line on which it begins.
        line: usize,
    },
    /// A word of the value is not what it is to be.
    #[error("line {line}: the field {field} cannot be used")]
    Malformed {
        /// The field.
        field: &'static str,
        /// The line on which it begins, or on which the word is in a list of files.
        line: usize,
        /// What is wrong with the word.
        #[source]
        reason: NameError,
    },
    /// A `Source` field that does not name a source package.
    #[error("line {line}: the field Source cannot be used")]
    MalformedSource {
        /// The line on which it begins.
        line: usize,
        /// What is wrong with it.
        #[source]
        reason: SourceFieldError,
    },
    /// A value of another kind than the field has.
    #[error("line {line}: the field {field} is {value}, but must be {expected}")]
    Unexpected {
        /// The field.
        field: &'static str,
        /// The line on which it begins.
        line: usize,
        /// What is there, quoted and shortened.
        value: String,
        /// What is to be there.
        expected: &'static str,
    },
}

impl FieldError {
    /// The field is something else than `expected`.
    pub(crate) fn unexpected(field: &'static str, line: usize, value: &str, expected: &'static str) -> Self {
        Self::Unexpected { field, line, value: shown(value), expected }
    }
}

/// Refuses the first of the fields that is missing or empty.
///
/// # Errors
/// Names the field.
pub fn require(paragraph: &Paragraph<'_>, fields: &[&'static str]) -> Result<(), FieldError> {
    fields.iter().try_for_each(|field| required(paragraph, field).map(drop))
}

/// The field, which has to be there and to have a value.
///
/// # Errors
/// It is missing or empty.
pub fn required<'a>(paragraph: &Paragraph<'a>, field: &'static str) -> Result<Field<'a>, FieldError> {
    let found = paragraph.field(field).ok_or(FieldError::Missing { field })?;
    if found.value.is_empty() {
        return Err(FieldError::Empty { field, line: found.line });
    }
    Ok(found)
}

/// The field if it is there and has a value.
#[must_use]
pub fn optional<'a>(paragraph: &Paragraph<'a>, field: &'static str) -> Option<Field<'a>> {
    paragraph.field(field).filter(|found| !found.value.is_empty())
}

/// The value of a field that has to be on one line.
///
/// # Errors
/// It is missing, empty or goes on.
pub fn required_line<'a>(paragraph: &Paragraph<'a>, field: &'static str) -> Result<&'a str, FieldError> {
    required(paragraph, field).and_then(|found| one_line(field, found))
}

/// The value of a field that has to be on one line if it is there.
///
/// # Errors
/// It goes on.
pub fn optional_line<'a>(
    paragraph: &Paragraph<'a>,
    field: &'static str,
) -> Result<Option<&'a str>, FieldError> {
    optional(paragraph, field).map(|found| one_line(field, found)).transpose()
}

fn one_line<'a>(field: &'static str, found: Field<'a>) -> Result<&'a str, FieldError> {
    if found.value.contains('\n') {
        return Err(FieldError::Folded { field, line: found.line });
    }
    Ok(found.value)
}

/// The whole value of a mandatory field as one word.
///
/// # Errors
/// It is missing, empty or not such a word.
pub fn required_word<T: FromStr<Err = NameError>>(
    paragraph: &Paragraph<'_>,
    field: &'static str,
) -> Result<T, FieldError> {
    required(paragraph, field).and_then(|found| word(field, found.line, found.value))
}

/// The whole value of an optional field as one word.
///
/// # Errors
/// It is there and not such a word.
pub fn optional_word<T: FromStr<Err = NameError>>(
    paragraph: &Paragraph<'_>,
    field: &'static str,
) -> Result<Option<T>, FieldError> {
    optional(paragraph, field).map(|found| word(field, found.line, found.value)).transpose()
}

/// The value of an optional field, cut at white space and at `separators` into words; none where there is no field.
///
/// # Errors
/// One of them is not such a word.
pub fn words<T: FromStr<Err = NameError>>(
    paragraph: &Paragraph<'_>,
    field: &'static str,
    separators: &[char],
) -> Result<Vec<T>, FieldError> {
    let Some(found) = optional(paragraph, field) else { return Ok(Vec::new()) };
    found
        .value
        .split(|c: char| c.is_ascii_whitespace() || separators.contains(&c))
        .filter(|text| !text.is_empty())
        .map(|text| word(field, found.line, text))
        .collect()
}

/// The `Source` field, which may have a version in parentheses; none where there is no such field.
///
/// # Errors
/// It names no source package.
pub fn source(paragraph: &Paragraph<'_>) -> Result<Option<(SourceName, Option<DebVersion>)>, FieldError> {
    optional(paragraph, "Source")
        .map(|found| {
            parse_source_field(found.value)
                .map_err(|reason| FieldError::MalformedSource { line: found.line, reason })
        })
        .transpose()
}

/// One word of a field's value.
pub(crate) fn word<T: FromStr<Err = NameError>>(
    field: &'static str,
    line: usize,
    text: &str,
) -> Result<T, FieldError> {
    text.parse().map_err(|reason| FieldError::Malformed { field, line, reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BinaryName;
    use crate::format::control::single_paragraph;

    #[test]
    fn says_which_field_and_line() {
        let paragraph =
            single_paragraph("A: x\nSource: He/llo\nEmpty:\nFolded: a\n b\nList: aa,\n b/b\n").unwrap();
        let shown = |error: FieldError| error.to_string();
        assert_eq!(
            shown(require(&paragraph, &["A", "Gone"]).unwrap_err()),
            "the field Gone is missing; add it"
        );
        assert_eq!(shown(require(&paragraph, &["Empty"]).unwrap_err()), "line 3: the field Empty is empty");
        assert_eq!(
            shown(required_word::<SourceName>(&paragraph, "Source").unwrap_err()),
            "line 2: the field Source cannot be used"
        );
        assert_eq!(
            shown(optional_line(&paragraph, "Folded").unwrap_err()),
            "line 4: the field Folded must have its value on one line"
        );
        assert!(words::<BinaryName>(&paragraph, "List", &[',']).is_err());
    }

    #[test]
    fn an_empty_optional_field_is_none() {
        let paragraph = single_paragraph("A: x\nSource:\nList: aa, bb,\n cc\n").unwrap();
        assert_eq!(optional_word::<SourceName>(&paragraph, "Source").unwrap(), None);
        assert_eq!(optional_line(&paragraph, "Source").unwrap(), None);
        let list: Vec<BinaryName> = words(&paragraph, "List", &[',']).unwrap();
        assert_eq!(list.iter().map(BinaryName::as_str).collect::<Vec<_>>(), ["aa", "bb", "cc"]);
        assert!(words::<BinaryName>(&paragraph, "Gone", &[]).unwrap().is_empty());
    }
}
