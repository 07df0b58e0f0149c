//! Text that somebody has sent, as it may stand on a terminal.

/// A text in one line without anything that a terminal would obey, or that would hide or turn around what stands beside it: such characters are written as
/// escapes.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // these are escaped in literals, and harmless
            '\'' | '"' | '\\' => out.push(character),
            _ => out.extend(character.escape_debug()),
        }
    }
    out
}

/// As [`plain`], for lines of files: a tab stays one, since it may mean something there and does no harm.
pub(super) fn plain_line(line: &str) -> String {
    line.split('\t').map(plain).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(
            plain("Ann \"A\" Uploader \\ <ann@example.org> é 漢"),
            "Ann \"A\" Uploader \\ <ann@example.org> é 漢"
        );
        for (text, escaped) in [
            ("\u{1b}[2Jx", "\\u{1b}[2Jx"),
            ("a\nb\r\tc", "a\\nb\\r\\tc"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{202e}gnp.exe", "\\u{202e}gnp.exe"),
            ("\u{7f}\0", "\\u{7f}\\0"),
        ] {
            assert_eq!(plain(text), escaped);
        }
    }
}
