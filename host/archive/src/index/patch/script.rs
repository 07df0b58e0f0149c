//! Patches in the language that apt has for them: what `diff --ed` writes, the commands `a`, `c` and `d` of ed(1), the last change first, so that
//! no command moves the lines that another one names.
//!
//! Lines of a text cannot always be given to ed: a line that is a single full stop ends what is added, and apt knows no way around that. Nor does it
//! take a line that is longer than its memory for one, or with a null in it. Indexes have none of these; where one has, there is no patch.

use std::fmt::Write;

/// apt reads lines of 512 KiB.
const MOST_LINE_BYTES: usize = 256 << 10;

/// A place of a text that is another in the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// So many lines of the old text stand before it.
    pub(super) before: u64,
    /// So many lines of it go.
    pub(super) gone: u64,
    /// The lines that come in their place.
    pub(super) come: String,
}

/// Whether lines can be given in a script.
pub(super) fn is_sayable(lines: &str) -> bool {
    lines.split_inclusive('\n').all(|line| {
        line.ends_with('\n') && line != ".\n" && line.len() <= MOST_LINE_BYTES && !line.contains('\0')
    })
}

/// The script of changes, which come in the order of the text and do not touch.
pub(super) fn script(changes: &[Change]) -> String {
    let mut script = String::new();
    for Change { before, gone, come } in changes.iter().rev() {
        let (first, last) = (before + 1, before + gone);
        let command = match (gone, come.is_empty()) {
            (0, true) => continue,
            (0, false) => 'a',
            (_, true) => 'd',
            (_, false) => 'c',
        };
        // writing to a text does not fail
        let _ = match gone {
            0 => writeln!(script, "{before}{command}"),
            1 => writeln!(script, "{first}{command}"),
            _ => writeln!(script, "{first},{last}{command}"),
        };
        if !come.is_empty() {
            script.push_str(come);
            script.push_str(".\n");
        }
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: u64, gone: u64, come: &str) -> Change {
        Change { before, gone, come: come.into() }
    }

    #[test]
    fn the_last_change_comes_first() {
        let changes = [
            change(0, 0, "a\n"),
            change(2, 1, ""),
            change(5, 3, ""),
            change(9, 1, "b\n"),
            change(12, 2, "c\nd\n"),
        ];
        assert_eq!(script(&changes), "13,14c\nc\nd\n.\n10c\nb\n.\n6,8d\n3d\n0a\na\n.\n");
        assert_eq!(script(&[]), "");
        assert_eq!(script(&[change(3, 0, "")]), "");
    }

    #[test]
    fn what_ed_would_misunderstand_cannot_be_said() {
        for lines in ["", "\n", "a\n", " .\n", "..\n", "a\n.b\n", "Package: a\n\n"] {
            assert!(is_sayable(lines), "{lines:?}");
        }
        for lines in [".\n", "a\n.\n", "a", "a\nb", "a\0b\n", "."] {
            assert!(!is_sayable(lines), "{lines:?}");
        }
        assert!(is_sayable(&("x".repeat(200 << 10) + "\n")) && !is_sayable(&("x".repeat(300 << 10) + "\n")));
    }
}
