//! Texts of others, made fit for mails and terminals: no control characters, no turned writing, no more than there is room for.

/// Whether a mail or a terminal would do something else with it than show it: control characters, and those that turn the direction of writing.
fn is_obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
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

#[cfg(test)]
mod tests {
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
}
