//! Text of others, as it may stand on a terminal or in a mail: nothing that either would obey, nothing that turns what stands beside it.

/// Whether a mail or a terminal would do something else with it than show it: control characters, and those that turn the direction of writing.
#[must_use]
pub fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// One line of at most so many characters: what a mail or a terminal would obey becomes a blank.
#[must_use]
pub fn line(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut length = 0;
    // a blank after every cut, so that words stay apart
    for word in text.split(|character: char| character.is_whitespace() || is_obeyed(character)) {
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
            length += 1;
        }
        for character in word.chars() {
            if length >= most {
                out.push('…');
                return out;
            }
            out.push(character);
            length += 1;
        }
    }
    out
}

/// Lines, at most so many bytes of them: what would be obeyed becomes U+FFFD, but for tabs and ends of lines.
#[must_use]
pub fn lines(text: &str, most_bytes: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most_bytes));
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let kept = match character {
            '\r' if characters.peek() == Some(&'\n') => continue,
            '\r' => '\n',
            '\n' | '\t' => character,
            _ if is_obeyed(character) => '\u{fffd}',
            _ => character,
        };
        if out.len() + kept.len_utf8() > most_bytes {
            // whole lines, where there are any
            out.truncate(out.rfind('\n').map_or(out.len(), |end| end + 1));
            out.push_str("[…]\n");
            return out;
        }
        out.push(kept);
    }
    out
}

/// A text of as many characters, with U+FFFD for each that would be obeyed: for names of files, of which folders are called after.
#[must_use]
pub fn replaced(text: &str) -> String {
    text.chars()
        .map(|character| if is_obeyed(character) { char::REPLACEMENT_CHARACTER } else { character })
        .collect()
}

/// Something in a text that a terminal or a mail would obey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "U+{:04X} is in it, which is not seen but obeyed: leave out control characters and those that turn the direction of writing",
    u32::from(*.0)
)]
pub struct Obeyed(char);

/// What somebody says of what they do, in one line; may be empty.
///
/// # Errors
/// When there is something in it that whoever reads it would not see.
pub fn remark(text: &str) -> Result<String, Obeyed> {
    match text.chars().find(|character| is_obeyed(*character) && !character.is_whitespace()) {
        Some(character) => Err(Obeyed(character)),
        None => Ok(text.split_whitespace().collect::<Vec<_>>().join(" ")),
    }
}

/// A text in one line without anything that a terminal would obey, or that would hide or turn around what stands beside it: such characters are written as
/// escapes.
#[must_use]
pub fn escaped(text: &str) -> String {
    escaped_to(text, usize::MAX)
}

/// As [`escaped`], of at most so many characters of the text.
pub(crate) fn escaped_to(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    let mut characters = text.chars();
    for character in characters.by_ref().take(most) {
        match character {
            // these are escaped in literals, and no harm where nothing is quoted
            '\'' | '"' | '\\' => out.push(character),
            _ => out.extend(character.escape_debug()),
        }
    }
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// As [`escaped`], for lines of files: a tab stays one, since it may mean something there and does no harm.
pub(crate) fn escaped_line(line: &str) -> String {
    line.split('\t').map(escaped).collect::<Vec<_>>().join("\t")
}

/// How many characters of a refused text are shown.
const SHOWN_CHARACTERS: usize = 60;

/// The text as it may be shown in a message: quoted, without control characters, not too long.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::from("\"");
    let mut characters = text.chars();
    for character in characters.by_ref().take(SHOWN_CHARACTERS) {
        out.extend(character.escape_debug());
    }
    out.push('"');
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// The longest word of a library that is repeated, in characters.
const SAID_CHARACTERS: usize = 200;

/// What a library says of bytes that somebody sent, fit for a terminal and a mail: libraries repeat the bytes, as they are.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Said(String);

impl Said {
    /// Without control characters, not too long, and without the stack that some errors show.
    pub(crate) fn by(library: impl std::fmt::Display) -> Self {
        let text = library.to_string();
        // `snafu` errors that are shown by their fields begin these so
        let text = text.split(" { backtrace:").next().unwrap_or_default();
        Self(escaped_to(text, SAID_CHARACTERS))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_is_one_line_whatever_was_sent() {
        for (sent, shown) in [
            ("plain", "plain"),
            ("a\r\nBcc: all@example.org", "a Bcc: all@example.org"),
            ("a\u{0}b\u{1b}[31mred\u{85}c\u{2028}d", "a b [31mred c d"),
            ("\u{202e}txet", "txet"),
            ("  much \t room  ", "much room"),
            ("", ""),
        ] {
            assert_eq!(line(sent, 100), shown);
        }
        assert_eq!(line("äöü", 2), "äö…");
        assert_eq!(line("ab cd", 3), "ab …");
    }

    #[test]
    fn lines_stay_lines_and_what_is_too_much_is_left_out() {
        assert_eq!(lines("a\r\nb\rc\n\td\u{7}", 100), "a\nb\nc\n\td\u{fffd}");
        assert_eq!(lines("one\ntwo\nthree\n", 9), "one\ntwo\n[…]\n");
        assert_eq!(lines("ääää", 5), "ää[…]\n");
    }

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(
            escaped("Ann \"A\" Uploader \\ <ann@example.org> é 漢"),
            "Ann \"A\" Uploader \\ <ann@example.org> é 漢"
        );
        for (text, shown) in [
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("\u{7f}\0", "\\u{7f}\\0"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn the_word_of_a_library_is_one_line_and_not_long() {
        assert_eq!(Said::by("it's \"odd\"").to_string(), "it's \"odd\"");
        assert_eq!(Said::by("a\u{1b}[2J\nb\u{202e}").to_string(), "a\\u{1b}[2J\\nb\\u{202e}");
        assert_eq!(Said::by("bad InvalidInput { backtrace: Some(..) }").to_string(), "bad InvalidInput");
        assert_eq!(Said::by("x".repeat(1000)).to_string().chars().count(), SAID_CHARACTERS + 1);
    }

    #[test]
    fn a_name_of_a_file_stays_as_long() {
        assert_eq!(replaced("a\u{1b}b\u{202e}c\td"), "a\u{fffd}b\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn what_somebody_says_is_one_line_and_refused_where_it_would_be_obeyed() {
        for (said, kept) in
            [(" much \n room\t", "much room"), ("Ærø \"1\" 漢字 שלום", "Ærø \"1\" 漢字 שלום"), ("", "")]
        {
            assert_eq!(remark(said).unwrap(), kept);
        }
        for (said, named) in [
            ("a\u{1b}[2Jb", "U+001B"),
            ("a\0", "U+0000"),
            ("safe \u{202e}txt.exe", "U+202E"),
            ("\u{2066}a\u{2069}", "U+2066"),
            ("\u{200f}", "U+200F"),
            ("\u{61c}a", "U+061C"),
            ("\u{feff}a", "U+FEFF"),
        ] {
            let refused = remark(said).unwrap_err().to_string();
            assert!(refused.contains(named) && !refused.contains(is_obeyed), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_obeyed_is_left_of_any_text(text in any::<String>(), most in 0_usize..40) {
            for plain in [
                line(&text, most),
                lines(&text, most).replace(['\n', '\t'], ""),
                escaped(&text),
                escaped_line(&text).replace('\t', ""),
                escaped_to(&text, most),
                replaced(&text),
                shown(&text),
                Said::by(&text).to_string(),
                remark(&text).unwrap_or_default(),
            ] {
                prop_assert!(!plain.contains(is_obeyed), "{plain:?}");
            }
            prop_assert_eq!(replaced(&text).chars().count(), text.chars().count());
        }
    }
}
