//! Texts that come from a guest, made fit for a log, a row or a terminal.

use std::{error::Error, fmt::Write as _};

/// The longest line of a log, and the longest tail of an output.
pub(crate) const MOST_LINE_BYTES: usize = 8 << 10;

/// The beginning of a text, cut between characters.
pub(crate) fn clip(text: &str, most_bytes: usize) -> &str {
    if text.len() <= most_bytes { text } else { &text[..text.floor_char_boundary(most_bytes)] }
}

/// One line: line breaks and other control characters are written as escapes, a line that is too long is cut.
pub(crate) fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MOST_LINE_BYTES));
    for character in clip(text, MOST_LINE_BYTES).chars() {
        if character.is_control() && character != '\t' {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    if text.len() > MOST_LINE_BYTES {
        line.push('…');
    }
    line
}

/// Lines, as a guest wrote them, without the control characters that a terminal would obey.
pub(crate) fn plain(text: &str) -> String {
    text.chars()
        .map(
            |character| {
                if character.is_control() && !matches!(character, '\n' | '\t') {
                    '\u{fffd}'
                } else {
                    character
                }
            },
        )
        .collect()
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a string does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines() {
        assert_eq!(one_line("a\nb\tc"), "a\\nb\tc");
        assert_eq!(one_line("\u{1b}[2J"), "\\u{1b}[2J");
        assert_eq!(one_line("é"), "é");
        assert_eq!(one_line(&"x".repeat(9000)).len(), MOST_LINE_BYTES + '…'.len_utf8());
        assert_eq!(clip("éé", 3), "é");
        assert_eq!(plain("a\r\n\u{7}"), "a\u{fffd}\n\u{fffd}");
    }
}
