//! One line of Contents: read from a published text, and written.

use std::collections::BTreeSet;

/// The packages of a line, as it has them.
pub(super) type Owners = BTreeSet<String>;

/// What stands between a path, which may have blanks, and its packages, which have none.
const BETWEEN: &str = "  ";

/// A line of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) path: &'a str,
    owners: &'a str,
    /// All of it, with its newline.
    pub(super) text: &'a str,
}

impl<'a> Line<'a> {
    fn new(text: &'a str) -> Option<Self> {
        let (before, owners) = text.strip_suffix('\n')?.rsplit_once(' ')?;
        let path = before.strip_suffix(&BETWEEN[1..])?;
        (!path.is_empty() && !owners.is_empty()).then_some(Self { path, owners, text })
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.owners.split(',')
    }
}

/// The lines of a text; none in place of one that is no such line.
pub(super) fn lines(text: &str) -> impl Iterator<Item = Option<Line<'_>>> {
    text.split_inclusive('\n').map(Line::new)
}

/// The name of a package that is called with its section.
pub(super) fn name_of(owner: &str) -> &str {
    owner.rsplit('/').next().unwrap_or(owner)
}

/// Appends a line.
pub(super) fn write(out: &mut String, path: &str, owners: &Owners) {
    out.push_str(path);
    out.push_str(BETWEEN);
    for (place, owner) in owners.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        out.push_str(owner);
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_whatever_blanks_a_path_has() {
        let owners: Owners = ["utils/b", "devel/a", "c"].map(str::to_owned).into();
        for path in ["usr/bin/x", "usr/share/a file", " begins", "ends ", "ends  ", "two  blanks"] {
            let mut text = String::new();
            write(&mut text, path, &owners);
            let line = lines(&text).next().flatten().unwrap();
            assert_eq!((line.path, line.text), (path, text.as_str()));
            assert_eq!(line.owners().collect::<Vec<_>>(), ["c", "devel/a", "utils/b"]);
            assert_eq!(line.owners().map(name_of).collect::<Vec<_>>(), ["c", "a", "b"]);
        }
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for text in ["usr/bin/x  a", "usr/bin/x\n", "usr/bin/x a\n", "  a\n", "usr/bin/x  \n", "\n"] {
            assert_eq!(lines(text).next(), Some(None), "{text:?}");
        }
        assert_eq!(lines("").next(), None);
    }
}
