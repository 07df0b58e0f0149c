//! The diff of a source package of format 1.0: whether it can be applied where it is meant to be, and what becomes of the few members that matter.
//!
//! Nothing is written. Every path has to lie below the source's folder, every hunk has to be whole; of those that are [`wanted`](super::source_tree::WANTED) the
//! hunks are applied, as dpkg-source lets patch do it without fuzz. The others are only counted through.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader};

use super::source_tree::{Member, wanted};
use super::tarball::{Bounds, ContentsError, plain};
use crate::domain::plain::shown;

/// The longest line that is read.
const MAX_LINE_BYTES: usize = 4 << 20;
/// So often a diff may come back to one of the members that matter: each time all of the member is gone through.
const MAX_TIMES: u32 = 16;

/// The members of a source's tree that matter.
pub type Members = BTreeMap<&'static str, Member>;

/// A diff that cannot be applied, or should not.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// The bytes are no whole, undamaged gzip stream.
    #[error("it cannot be decompressed, or is cut off")]
    Decompress(#[source] io::Error),
    /// It grows too large.
    #[error(transparent)]
    TooMuch(ContentsError),
    /// A line that is not what has to be there.
    #[error("line {line}: {reason}")]
    Line {
        /// Which.
        line: u64,
        /// What is wrong.
        reason: String,
    },
}

/// Reads a diff that was compressed by gzip, and gives what it makes of the members of the upstream tarball. All of it is read.
///
/// # Errors
/// When it cannot be applied, or should not.
pub fn read(reader: impl BufRead, bounds: Bounds, base: &Members) -> Result<Members, DiffError> {
    let decoder = flate2::bufread::MultiGzDecoder::new(reader);
    let mut lines = Lines {
        reader: BufReader::with_capacity(64 << 10, decoder),
        bounds,
        number: 0,
        bytes: 0,
        line: Vec::new(),
        is_given_back: false,
    };
    let mut members = base.clone();
    let mut times: BTreeMap<&'static str, u32> = BTreeMap::new();
    while lines.advance()? {
        let Some(old) = lines.line.strip_prefix(b"--- ").map(path_of) else { continue };
        let old = old.to_vec();
        if !lines.advance()? {
            return Err(lines.fail("the line that begins with +++ is missing"));
        }
        let Some(new) = lines.line.strip_prefix(b"+++ ").map(|rest| path_of(rest).to_vec()) else {
            return Err(lines.fail("after a line that begins with --- one has to begin with +++"));
        };
        let named = if new == b"/dev/null" { &old } else { &new };
        let path = below_top(named).ok_or_else(|| {
            let path = shown(&String::from_utf8_lossy(named));
            lines.fail(&format!("{path} is not below the source's folder"))
        })?;
        let wanted = wanted(&path);
        if let Some((name, _)) = wanted {
            let times = times.entry(name).or_default();
            *times += 1;
            if *times > MAX_TIMES {
                return Err(lines.fail(&format!(
                    "it changes {name} more than {MAX_TIMES} times, and a diff changes a file once"
                )));
            }
        }
        hunks(&mut lines, wanted, new == b"/dev/null", &mut members)?;
    }
    Ok(members)
}

/// Without the date that follows a tab.
fn path_of(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|byte| *byte == b'\t').unwrap_or(rest.len());
    rest[..end].trim_ascii_end()
}

/// The path without its first part; none where it leads elsewhere.
fn below_top(path: &[u8]) -> Option<Vec<u8>> {
    if path.starts_with(b"/") {
        return None;
    }
    let path = plain(path).ok()?;
    let at = path.iter().position(|byte| *byte == b'/')?;
    Some(path[at + 1..].to_vec())
}

/// Reads the hunks of a file.
fn hunks<R: BufRead>(
    lines: &mut Lines<R>,
    wanted: Option<(&'static str, u64)>,
    is_removed: bool,
    members: &mut Members,
) -> Result<(), DiffError> {
    let base = match wanted.and_then(|(name, _)| members.get(name)) {
        None => Some(Vec::new()),
        Some(Member::File(content)) => Some(content.clone()),
        // what is wrong with it stays so
        Some(Member::TooLong { .. } | Member::NoFile { .. }) => None,
    };
    let mut patching =
        wanted.zip(base).map(|((name, most_bytes), base)| (name, Patching::new(base, most_bytes)));
    while lines.advance()? {
        let Some(header) = lines.line.strip_prefix(b"@@ -") else {
            lines.is_given_back = true;
            break;
        };
        let (start, mut old, mut new) =
            numbers(header).ok_or_else(|| lines.fail("the numbers of a hunk cannot be read"))?;
        if let Some((_, patching)) = &mut patching {
            patching.go_to(if old == 0 { start } else { start.saturating_sub(1) });
        }
        while old > 0 || new > 0 {
            if !lines.advance()? {
                return Err(lines.fail("it ends in the middle of a hunk"));
            }
            let (mark, text) = lines.line.split_first().map_or((b' ', &[][..]), |(mark, text)| (*mark, text));
            let (is_old, is_new) = match mark {
                b' ' | b'\t' => (true, true),
                b'-' => (true, false),
                b'+' => (false, true),
                b'\\' => {
                    if let Some((_, patching)) = &mut patching {
                        patching.without_newline();
                    }
                    continue;
                }
                _ => return Err(lines.fail("a line of a hunk begins with a blank, + or -")),
            };
            if is_old && old == 0 || is_new && new == 0 {
                return Err(lines.fail("the hunk has more lines than it says"));
            }
            old -= u64::from(is_old);
            new -= u64::from(is_new);
            let applies = patching.as_mut().is_none_or(|(_, patching)| patching.line(text, (is_old, is_new)));
            if !applies {
                return Err(lines.fail(&format!(
                    "the hunk does not fit {} of the upstream tarball",
                    wanted.unwrap_or_default().0
                )));
            }
        }
        // it may follow the last line
        if lines.advance()? {
            if lines.line.starts_with(b"\\")
                && let Some((_, patching)) = &mut patching
            {
                patching.without_newline();
            }
            lines.is_given_back = !lines.line.starts_with(b"\\");
        }
    }
    if let Some((name, patching)) = patching {
        if is_removed {
            members.remove(name);
        } else {
            members.insert(name, patching.finish());
        }
    }
    Ok(())
}

/// Of `-12,3 +12,4 @@` without its sign: where the hunk begins in the old file, and how many lines each has.
fn numbers(header: &[u8]) -> Option<(u64, u64, u64)> {
    let header = std::str::from_utf8(header).ok()?;
    let (old, rest) = header.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let pair = |text: &str| -> Option<(u64, u64)> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let ((start, old), (_, new)) = (pair(old)?, pair(new)?);
    Some((start, old, new))
}

/// A file to which hunks are applied.
struct Patching {
    base: Vec<u8>,
    /// How much of the base was used.
    at: usize,
    /// How many of its lines were.
    line: u64,
    out: Vec<u8>,
    /// How long the result may be.
    most_bytes: u64,
    /// Whether the result is longer than what is kept.
    too_long: bool,
}

impl Patching {
    const fn new(base: Vec<u8>, most_bytes: u64) -> Self {
        Self { base, at: 0, line: 0, out: Vec::new(), most_bytes, too_long: false }
    }

    /// The next line of the base with its line end; none at its end.
    fn next_line(&mut self) -> Option<std::ops::Range<usize>> {
        let rest = self.base.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        let range = self.at..self.at + length;
        self.at += length;
        self.line += 1;
        Some(range)
    }

    /// Takes the lines before a hunk as they are.
    fn go_to(&mut self, line: u64) {
        while self.line < line {
            let Some(range) = self.next_line() else { return };
            let text = self.base[range].to_vec();
            self.push(&text);
        }
    }

    /// A line of a hunk; not, where it does not fit.
    fn line(&mut self, text: &[u8], (is_old, is_new): (bool, bool)) -> bool {
        if is_old {
            let Some(range) = self.next_line() else { return false };
            let found = &self.base[range];
            if found.strip_suffix(b"\n").unwrap_or(found) != text {
                return false;
            }
        }
        if is_new {
            self.push(text);
            self.push(b"\n");
        }
        true
    }

    fn push(&mut self, text: &[u8]) {
        if self.out.len() as u64 + text.len() as u64 > self.most_bytes {
            self.too_long = true;
        } else {
            self.out.extend_from_slice(text);
        }
    }

    fn without_newline(&mut self) {
        if self.out.ends_with(b"\n") {
            self.out.pop();
        }
    }

    fn finish(mut self) -> Member {
        self.go_to(u64::MAX);
        if self.too_long {
            Member::TooLong { size_bytes: self.most_bytes + 1 }
        } else {
            Member::File(self.out)
        }
    }
}

/// The lines of a text, one at a time.
struct Lines<R> {
    reader: R,
    bounds: Bounds,
    number: u64,
    bytes: u64,
    /// The last one, without its line end.
    line: Vec<u8>,
    /// Whether the last one is to be read again.
    is_given_back: bool,
}

impl<R: BufRead> Lines<R> {
    /// Goes to the next line; not, at the end.
    fn advance(&mut self) -> Result<bool, DiffError> {
        if std::mem::take(&mut self.is_given_back) {
            return Ok(true);
        }
        self.line.clear();
        let mut limited = io::Read::take(&mut self.reader, MAX_LINE_BYTES as u64);
        let read = limited.read_until(b'\n', &mut self.line).map_err(DiffError::Decompress)?;
        self.number += 1;
        if read == MAX_LINE_BYTES {
            return Err(self.fail(&format!("it has {MAX_LINE_BYTES} bytes or more")));
        }
        self.bytes += read as u64;
        self.bounds.check(self.bytes).map_err(DiffError::TooMuch)?;
        if self.line.ends_with(b"\n") {
            self.line.pop();
        }
        Ok(read > 0)
    }

    fn fail(&self, reason: &str) -> DiffError {
        DiffError::Line { line: self.number, reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    const BOUNDS: Bounds = Bounds { bytes: 1 << 20, entries: 0, compressed_bytes: 1 << 20 };

    fn gz(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn applied(text: &str, base: &[(&'static str, &str)]) -> Result<Members, String> {
        let base = base.iter().map(|(name, text)| (*name, Member::File(text.as_bytes().to_vec()))).collect();
        read(&gz(text.as_bytes())[..], BOUNDS, &base).map_err(|error| error.to_string())
    }

    fn content(members: &Members, name: &str) -> String {
        match &members[name] {
            Member::File(content) => String::from_utf8(content.clone()).unwrap(),
            other @ (Member::TooLong { .. } | Member::NoFile { .. }) => panic!("{other:?}"),
        }
    }

    #[test]
    fn new_files_and_changed_ones_come_out() {
        let diff = "--- hello-1.orig/src/a.c\n+++ hello-1/src/a.c\n@@ -1,2 +1,2 @@\n-old\n+new\n same\n\
            --- hello-1.orig/debian/changelog\t2024-01-01 00:00:00\n+++ hello-1/debian/changelog\t2024-01-01 00:00:00\n\
            @@ -0,0 +1,2 @@\n+hello (1-1) x; urgency=low\n+  * Hi.\n\\ No newline at end of file\n\
            --- hello-1.orig/debian/copyright\n+++ hello-1/debian/copyright\n@@ -2,2 +2,3 @@\n two\n-three\n+drei\n+vier\n\
            @@ -5 +6 @@\n-five\n+sechs\n";
        let members = applied(diff, &[("debian/copyright", "one\ntwo\nthree\nfour\nfive\nsix\n")]).unwrap();
        assert_eq!(content(&members, "debian/changelog"), "hello (1-1) x; urgency=low\n  * Hi.");
        assert_eq!(content(&members, "debian/copyright"), "one\ntwo\ndrei\nvier\nfour\nsechs\nsix\n");
        let removed = "--- a/debian/control\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n";
        assert!(applied(removed, &[("debian/control", "x\n")]).unwrap().is_empty());
        assert_eq!(applied("", &[("debian/control", "x\n")]).unwrap().len(), 1);
    }

    #[test]
    fn what_cannot_be_applied_is_refused() {
        for (diff, part) in [
            ("--- a/x\n", "+++ is missing"),
            ("--- a/x\n@@ -1 +1 @@\n", "line 2: after"),
            ("--- a/../../x\n+++ a/../../x\n@@ -0,0 +1 @@\n+x\n", "not below"),
            ("--- /etc/passwd\n+++ /etc/passwd\n@@ -0,0 +1 @@\n+x\n", "not below"),
            ("--- x\n+++ x\n@@ -0,0 +1 @@\n+x\n", "not below"),
            ("--- a/x\n+++ a/x\n@@ -1 +one @@\n", "numbers"),
            ("--- a/x\n+++ a/x\n@@ -1,2 +1,2 @@\n x\n", "middle of a hunk"),
            ("--- a/x\n+++ a/x\n@@ -1 +1 @@\nx\n", "begins with a blank"),
            ("--- a/x\n+++ a/x\n@@ -0,0 +1 @@\n-x\n", "more lines"),
            (
                "--- a/debian/control\n+++ a/debian/control\n@@ -1 +1 @@\n-y\n+z\n",
                "does not fit debian/control",
            ),
            (
                "--- a/debian/control\n+++ a/debian/control\n@@ -9 +9 @@\n-x\n+z\n",
                "does not fit debian/control",
            ),
        ] {
            let refusal = applied(diff, &[("debian/control", "x\n")]).unwrap_err();
            assert!(refusal.contains(part), "{part}: {refusal}");
        }
        let cut = gz(b"--- a/x\n+++ a/x\n@@ -0,0 +1 @@\n+x\n");
        assert!(matches!(
            read(&cut[..cut.len() - 4], BOUNDS, &Members::new()),
            Err(DiffError::Decompress(_))
        ));
        let large = gz(&vec![b'\n'; 2 << 20]);
        assert!(matches!(read(&large[..], BOUNDS, &Members::new()), Err(DiffError::TooMuch(_))));
    }

    #[test]
    fn a_diff_does_not_come_back_to_a_long_file_again_and_again() {
        let once = "--- a/debian/changelog\n+++ a/debian/changelog\n";
        let base = [("debian/changelog", "x\n")];
        assert!(applied(&once.repeat(16), &base).is_ok());
        assert!(
            applied(&once.repeat(17), &base).unwrap_err().contains("line 34: it changes debian/changelog")
        );
        // of what nobody holds there may be any number
        assert!(applied(&"--- a/x\n+++ a/x\n".repeat(1000), &base).is_ok());
    }

    #[test]
    fn long_results_are_not_held() {
        let line = format!("+{}\n", "x".repeat(1 << 20));
        let diff =
            format!("--- a/debian/copyright\n+++ a/debian/copyright\n@@ -0,0 +1,11 @@\n{}", line.repeat(11));
        let bounds = Bounds { bytes: 1 << 30, ..BOUNDS };
        let members = read(&gz(diff.as_bytes())[..], bounds, &Members::new()).unwrap();
        assert_eq!(members["debian/copyright"], Member::TooLong { size_bytes: (10 << 20) + 1 });
    }

    proptest! {
        #[test]
        fn no_text_panics(parts in prop::collection::vec(prop_oneof![
            Just("--- a/debian/control\n"), Just("+++ a/debian/control\n"), Just("@@ -1,2 +1,2 @@\n"), Just("@@ -0,0 +9 @@\n"),
            Just(" x\n"), Just("-x\n"), Just("+x\n"), Just("\\ No\n"), Just("@@ -1,99999999999999 +1 @@\n"), Just("\n"),
        ], 0..20)) {
            drop(applied(&parts.concat(), &[("debian/control", "x\nx\n")]));
        }
    }
}
