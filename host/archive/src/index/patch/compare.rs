//! Which lines of a text are others in the next one.
//!
//! A line that occurs once in each text holds the two together, where it comes in the same order as the others of that kind; between two such lines
//! the question is asked anew, since what occurs twice in an index (`Architecture: amd64`) occurs once in a stanza. That is quick whatever changed, and
//! finds the few lines that a new version of a package changes in its stanza.

use std::collections::HashMap;
use std::ops::Range;

/// Texts that cannot be told apart by lines that occur once are not looked into deeper than this.
const MOST_QUESTIONS: usize = 24;

/// Lines of a text that others take the place of. Lines are counted from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    /// In the old text; empty where lines are only added.
    pub(super) old: Range<usize>,
    /// In the new text; empty where lines only go.
    pub(super) new: Range<usize>,
}

/// What makes `new` of `old`, in order; no two edits touch each other.
pub(super) fn compare(old: &[&str], new: &[&str]) -> Vec<Edit> {
    let mut pairs = Vec::new();
    pair(old, new, (0, 0), MOST_QUESTIONS, &mut pairs);
    let (mut edits, mut from) = (Vec::new(), (0, 0));
    for (old, new) in pairs.into_iter().chain([(old.len(), new.len())]) {
        if (old, new) != from {
            edits.push(Edit { old: from.0..old, new: from.1..new });
        }
        from = (old + 1, new + 1);
    }
    edits
}

/// Finds lines that are the same in both texts, in order. `at` is where the texts stand in the whole ones.
fn pair(old: &[&str], new: &[&str], at: (usize, usize), questions: usize, pairs: &mut Vec<(usize, usize)>) {
    let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (inner_old, inner_new) = (&old[before..], &new[before..]);
    let after =
        inner_old.iter().rev().zip(inner_new.iter().rev()).take_while(|(old, new)| old == new).count();
    pairs.extend((0..before).map(|line| (at.0 + line, at.1 + line)));
    let (inner_old, inner_new) =
        (&inner_old[..inner_old.len() - after], &inner_new[..inner_new.len() - after]);
    let inner_at = (at.0 + before, at.1 + before);
    if questions > 0 && !inner_old.is_empty() && !inner_new.is_empty() {
        let anchors = ascending(&lines_that_occur_once(inner_old, inner_new));
        let mut from = (0, 0);
        for (old, new) in anchors {
            let between = (inner_at.0 + from.0, inner_at.1 + from.1);
            pair(&inner_old[from.0..old], &inner_new[from.1..new], between, questions - 1, pairs);
            pairs.push((inner_at.0 + old, inner_at.1 + new));
            from = (old + 1, new + 1);
        }
        if from != (0, 0) {
            let between = (inner_at.0 + from.0, inner_at.1 + from.1);
            pair(&inner_old[from.0..], &inner_new[from.1..], between, questions - 1, pairs);
        }
    }
    let end = (inner_at.0 + inner_old.len(), inner_at.1 + inner_new.len());
    pairs.extend((0..after).map(|line| (end.0 + line, end.1 + line)));
}

/// Where lines are that occur once in each text, in the order of the old one.
fn lines_that_occur_once(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    /// Where a line is in a text.
    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Seen {
        Nowhere,
        At(usize),
        Often,
    }
    impl Seen {
        const fn again(self, line: usize) -> Self {
            match self {
                Self::Nowhere => Self::At(line),
                Self::At(_) | Self::Often => Self::Often,
            }
        }
    }
    let mut seen: HashMap<&str, (Seen, Seen)> = HashMap::with_capacity(new.len());
    for (line, text) in new.iter().enumerate() {
        let (_, in_new) = seen.entry(text).or_insert((Seen::Nowhere, Seen::Nowhere));
        *in_new = in_new.again(line);
    }
    for (line, text) in old.iter().enumerate() {
        if let Some((in_old, _)) = seen.get_mut(text) {
            *in_old = in_old.again(line);
        }
    }
    let once = |line: usize| match seen.get(old[line])? {
        (Seen::At(old), Seen::At(new)) => Some((*old, *new)),
        _ => None,
    };
    (0..old.len()).filter_map(once).collect()
}

/// As many of the pairs, which ascend by their first, as ascend by their second as well.
fn ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // of the sequences of each length the one that ends lowest, by the place of its end in `pairs`
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (place, (_, new)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *new);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(place);
        } else {
            ends[length] = place;
        }
    }
    let mut longest: Vec<(usize, usize)> =
        std::iter::successors(ends.last().copied(), |place| before[*place])
            .map(|place| pairs[place])
            .collect();
    longest.reverse();
    longest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str) -> Vec<&str> {
        text.split_inclusive('\n').collect()
    }

    /// The new text, from the old one and what of the new one the edits name.
    fn apply(old: &[&str], new: &[&str], edits: &[Edit]) -> String {
        let (mut text, mut from) = (String::new(), 0);
        for Edit { old: gone, new: come } in edits {
            text.extend(old[from..gone.start].iter().copied());
            text.extend(new[come.clone()].iter().copied());
            from = gone.end;
        }
        text.extend(old[from..].iter().copied());
        text
    }

    fn changed(old: &str, new: &str) -> (usize, usize) {
        let edits = compare(&lines(old), &lines(new));
        assert_eq!(apply(&lines(old), &lines(new), &edits), new);
        (edits.iter().map(|edit| edit.old.len()).sum(), edits.iter().map(|edit| edit.new.len()).sum())
    }

    fn stanza(name: &str, version: &str) -> String {
        format!(
            "Package: {name}\nArchitecture: amd64\nVersion: {version}\nSection: misc\nFilename: {name}_{version}\n\n"
        )
    }

    #[test]
    fn a_new_version_changes_the_lines_that_say_so() {
        let of = |versions: &[&str]| -> String {
            ["a", "b", "c", "d"].iter().zip(versions).map(|(name, version)| stanza(name, version)).collect()
        };
        assert_eq!(changed(&of(&["1", "1", "1", "1"]), &of(&["1", "1", "1", "1"])), (0, 0));
        assert_eq!(changed(&of(&["1", "1", "1", "1"]), &of(&["1", "2", "1", "1"])), (2, 2));
        assert_eq!(changed(&of(&["1", "1", "1", "1"]), &of(&["2", "1", "1", "2"])), (4, 4));
        assert_eq!(changed(&of(&["1", "1", "1", "1"]), &of(&["2", "2", "2", "2"])), (8, 8));
    }

    #[test]
    fn packages_that_come_and_go_are_whole_stanzas() {
        let of = |names: &[&str]| -> String { names.iter().map(|name| stanza(name, "1")).collect() };
        assert_eq!(changed(&of(&["a", "b", "c"]), &of(&["a", "c"])), (6, 0));
        assert_eq!(changed(&of(&["a", "c"]), &of(&["a", "b", "c", "d"])), (0, 12));
        assert_eq!(changed("", &of(&["a"])), (0, 6));
        assert_eq!(changed(&of(&["a"]), ""), (6, 0));
        assert_eq!(changed("", ""), (0, 0));
        // two versions of one
        let both = stanza("b", "1") + &stanza("b", "2");
        assert_eq!(changed(&stanza("b", "1"), &both), (0, 6));
        assert_eq!(changed(&both, &stanza("b", "2")), (6, 0));
    }

    #[test]
    fn what_changes_places_is_taken_away_and_put_back() {
        let (gone, come) = changed("a\nb\nc\nd\ne\nf\n", "d\na\nb\nc\nf\ne\n");
        assert!(gone == come && gone <= 3, "{gone} {come}");
    }

    #[test]
    fn texts_of_one_line_repeated_are_compared_as_well() {
        assert_eq!(changed(&"x\n".repeat(5000), &"x\n".repeat(4000)), (1000, 0));
        assert_eq!(changed(&"x\ny\n".repeat(2000), &"y\nx\n".repeat(2000)).0, 1999 * 2 + 2);
    }

    proptest! {
        #[test]
        fn edits_make_the_new_text_of_the_old_one_and_do_not_touch(
            old in proptest::collection::vec(0u8..12, 0..60),
            new in proptest::collection::vec(0u8..12, 0..60),
        ) {
            let text = |numbers: &[u8]| -> String { numbers.iter().map(|number| format!("{number}\n")).collect() };
            let (old, new) = (text(&old), text(&new));
            let (old_lines, new_lines) = (lines(&old), lines(&new));
            let edits = compare(&old_lines, &new_lines);
            prop_assert_eq!(apply(&old_lines, &new_lines, &edits), new);
            for edit in &edits {
                prop_assert!(!edit.old.is_empty() || !edit.new.is_empty());
            }
            for both in edits.windows(2) {
                prop_assert!(both[0].old.end < both[1].old.start && both[0].new.end < both[1].new.start);
            }
        }
    }
}
