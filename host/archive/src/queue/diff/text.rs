//! Texts side by side, as a unified diff: bounded in what is compared and in what is told.

use similar::{ChangeTag, TextDiff as Compared};

use crate::domain::plain::escaped_line;

/// What is known of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Text {
    /// All of it.
    Whole(String),
    /// That it has so many bytes, which are too many to be compared, or are no text; and which they are.
    Opaque { size_bytes: u64, digest: [u8; 16] },
}

/// A text that differs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TextDiff {
    /// Which.
    pub name: String,
    /// Whether it was not there before.
    pub is_new: bool,
    /// Whether it is not there any more.
    pub is_gone: bool,
    /// Lines of a unified diff, without the two that name files.
    pub lines: Vec<String>,
    /// Lines that are left out.
    pub left_out: usize,
}

/// So many lines that differ are compared line by line; more of them are told one side after the other.
const MOST_COMPARED: usize = 10_000;
/// How many lines that are the same stand around those that are not.
const AROUND: usize = 3;
/// The longest line that is shown whole, in characters.
const MOST_CHARACTERS: usize = 500;

/// How a text differs; none: it does not.
pub(super) fn compare(
    name: &str,
    (was_there, is_there): (bool, bool),
    old: &Text,
    new: &Text,
    most_lines: usize,
) -> Option<TextDiff> {
    if was_there == is_there && old == new {
        return None;
    }
    let mut lines = match (old, new) {
        (Text::Whole(old), Text::Whole(new)) => unified(old, new),
        (old, new) => vec![format!("{} before, {} now: not compared", size(old), size(new))],
    };
    let left_out = lines.len().saturating_sub(most_lines);
    lines.truncate(most_lines);
    Some(TextDiff { name: name.to_owned(), is_new: !was_there, is_gone: !is_there, lines, left_out })
}

fn size(text: &Text) -> String {
    match text {
        Text::Whole(text) => format!("{} bytes", text.len()),
        Text::Opaque { size_bytes, .. } => format!("{size_bytes} bytes"),
    }
}

/// Lines of a unified diff, without the two that name files.
pub(super) fn unified(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) =
        (old.split_inclusive('\n').collect(), new.split_inclusive('\n').collect());
    // what is the same at both ends, as the old entries of a changelog, costs nothing
    let before = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let most_behind = old.len().min(new.len()) - before;
    let behind =
        old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new).count().min(most_behind);
    let kept_before = before.min(AROUND);
    let skipped = before - kept_before;
    let cut = |lines: &[&str]| lines.len() - behind.saturating_sub(AROUND);
    let (old, new) = (&old[skipped..cut(&old)], &new[skipped..cut(&new)]);
    let differing = |lines: &[&str]| lines.len().saturating_sub(kept_before + behind.min(AROUND));
    if differing(old).max(differing(new)) > MOST_COMPARED {
        return one_after_the_other(old, new, skipped);
    }
    let compared = Compared::from_slices(old, new);
    let mut lines = Vec::new();
    for group in compared.grouped_ops(AROUND) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let range = |begin: usize, end: usize| hunk_range(skipped + begin, end - begin);
        lines.push(format!(
            "@@ -{} +{} @@",
            range(first.old_range().start, last.old_range().end),
            range(first.new_range().start, last.new_range().end)
        ));
        for change in group.iter().flat_map(|op| compared.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
            };
            lines.push(shown(sign, change.value()));
        }
    }
    lines
}

fn one_after_the_other(old: &[&str], new: &[&str], skipped: usize) -> Vec<String> {
    let mut lines =
        vec![format!("@@ -{} +{} @@", hunk_range(skipped, old.len()), hunk_range(skipped, new.len()))];
    lines.extend(old.iter().map(|line| shown('-', line)));
    lines.extend(new.iter().map(|line| shown('+', line)));
    lines
}

/// As in a unified diff: lines are counted from 1, and an empty range names the line before it.
fn hunk_range(begin: usize, length: usize) -> String {
    match length {
        0 => format!("{begin},0"),
        1 => format!("{}", begin + 1),
        length => format!("{},{length}", begin + 1),
    }
}

fn shown(sign: char, line: &str) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    match line.char_indices().nth(MOST_CHARACTERS) {
        None => format!("{sign}{}", escaped_line(line)),
        Some((at, _)) => {
            format!("{sign}{}… ({} characters)", escaped_line(&line[..at]), line.chars().count())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> Text {
        Text::Whole(text.to_owned())
    }

    #[test]
    fn a_text_that_differs_is_a_unified_diff() {
        let old: String = (1..=20).map(|number| format!("line {number}\n")).collect();
        let new = old.replace("line 9\n", "line nine\nand a half\n");
        assert_eq!(
            unified(&old, &new),
            [
                "@@ -6,7 +6,8 @@",
                " line 6",
                " line 7",
                " line 8",
                "-line 9",
                "+line nine",
                "+and a half",
                " line 10",
                " line 11",
                " line 12"
            ]
        );
        assert_eq!(unified("", "a\nb\n"), ["@@ -0,0 +1,2 @@", "+a", "+b"]);
        assert_eq!(unified("a\nb\n", ""), ["@@ -1,2 +0,0 @@", "-a", "-b"]);
        assert_eq!(unified("a\na\na\n", "a\na\n"), ["@@ -1,3 +1,2 @@", " a", " a", "-a"]);
        assert!(compare("x", (true, true), &whole(&old), &whole(&old), 10).is_none());
    }

    #[test]
    fn what_came_and_what_went_is_said() {
        let came = compare("postinst", (false, true), &whole(""), &whole("#!/bin/sh\n"), 10).unwrap();
        assert!(came.is_new && !came.is_gone);
        let empty = compare("docs", (false, true), &whole(""), &whole(""), 10).unwrap();
        assert!(empty.is_new && empty.lines.is_empty());
        let gone = compare("postinst", (true, false), &whole("#!/bin/sh\n"), &whole(""), 10).unwrap();
        assert!(gone.is_gone && gone.lines == ["@@ -1 +0,0 @@", "-#!/bin/sh"]);
    }

    #[test]
    fn what_is_told_is_bounded_and_shows_what_would_be_obeyed() {
        let text = "\u{1b}]0;x\u{7}\tindented\r\n".repeat(500);
        let diff = compare("x", (false, true), &whole(""), &whole(&text), 10).unwrap();
        assert_eq!((diff.lines.len(), diff.left_out), (10, 491));
        assert_eq!(diff.lines[1], "+\\u{1b}]0;x\\u{7}\tindented\\r");
        let long = compare("x", (false, true), &whole(""), &whole(&"y".repeat(70_000)), 10).unwrap();
        assert!(long.lines[1].len() < 600 && long.lines[1].ends_with("… (70000 characters)"));
    }

    #[test]
    fn texts_without_a_line_in_common_are_not_compared_for_ever() {
        let many = |begin: usize| -> String {
            (begin..begin + 30_000).map(|number| format!("{number}\n")).collect()
        };
        let (old, new) = (many(0), many(1_000_000));
        assert_eq!(unified(&old, &new).len(), 60_001);
        // a changelog of any length with a new entry is no such thing
        let longer = format!("new entry\n{old}");
        assert_eq!(unified(&old, &longer), ["@@ -1,3 +1,4 @@", "+new entry", " 0", " 1", " 2"]);
    }

    #[test]
    fn what_is_no_text_is_told_by_its_size() {
        let opaque = |digest: u8| Text::Opaque { size_bytes: 9, digest: [digest; 16] };
        assert!(compare("x", (true, true), &opaque(1), &opaque(1), 10).is_none());
        let diff = compare("x", (true, true), &opaque(1), &opaque(2), 10).unwrap();
        assert_eq!(diff.lines, ["9 bytes before, 9 bytes now: not compared"]);
    }
}
