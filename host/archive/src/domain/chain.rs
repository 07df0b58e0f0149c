//! Errors as people read them.

use std::error::Error;
use std::fmt::Write as _;

/// An error with all its causes, in one line: `cannot read hello.dsc: the text cannot be read: line 3: …`.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // writing to a string does not fail
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}
