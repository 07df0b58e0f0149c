//! Control fields side by side: which came, which went, which say something else, and of lists what was added and removed.

use super::text::{self, Text, TextDiff};
use crate::domain::plain::escaped;
use crate::format::control;

/// A field that differs.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldChange {
    /// Its name.
    pub name: String,
    /// What it was; none: it was not there. Long ones are cut.
    pub old: Option<String>,
    /// What it is; none: it is not there any more. Long ones are cut.
    pub new: Option<String>,
    /// Of a list: what it does not have any more.
    pub removed: Vec<String>,
    /// Of a list: what it has that it had not.
    pub added: Vec<String>,
}

/// Fields that say what the files say already.
const LISTS_OF_FILES: &[&str] = &["Files", "Checksums-Sha1", "Checksums-Sha256", "Checksums-Sha512"];

/// Fields that are lists with commas between.
const COMMA_LISTS: &[&str] = &[
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Breaks",
    "Conflicts",
    "Replaces",
    "Provides",
    "Built-Using",
    "Static-Built-Using",
    "Build-Depends",
    "Build-Depends-Indep",
    "Build-Depends-Arch",
    "Build-Conflicts",
    "Build-Conflicts-Indep",
    "Build-Conflicts-Arch",
    "Uploaders",
    "Binary",
];

/// The longest value that is shown whole, in characters.
const MOST_CHARACTERS: usize = 400;
/// How many things of a list are named.
const MOST_IN_LIST: usize = 100;

fn is_one_of(name: &str, names: &[&str]) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// The fields of two paragraphs that differ, in the order of the new one, those that are gone behind them; longer ones as texts.
pub(super) fn compare(old: &str, new: &str, most_lines: usize) -> (Vec<FieldChange>, Vec<TextDiff>) {
    let find = |text: &str, name: &str| -> Option<String> {
        control::pairs(text)
            .find(|(one, _)| one.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let (mut changes, mut texts) = (Vec::new(), Vec::new());
    let mut one = |name: &str, old: Option<String>, new: Option<String>| {
        if old == new || is_one_of(name, LISTS_OF_FILES) {
            return;
        }
        if is_one_of(name, COMMA_LISTS) && old.is_some() && new.is_some() {
            changes.extend(list(name, old.as_deref(), new.as_deref()));
            return;
        }
        let is_long = |value: &Option<String>| value.as_ref().is_some_and(|value| value.contains('\n'));
        if is_long(&old) || is_long(&new) {
            let is_there = (old.is_some(), new.is_some());
            let of = |value: Option<String>| Text::Whole(value.map(|value| value + "\n").unwrap_or_default());
            texts.extend(text::compare(&escaped(name), is_there, &of(old), &of(new), most_lines));
            return;
        }
        let cut = |value: String| cut(&escaped(&value));
        changes.push(FieldChange {
            name: escaped(name),
            old: old.map(cut),
            new: new.map(cut),
            removed: Vec::new(),
            added: Vec::new(),
        });
    };
    for (name, value) in control::pairs(new) {
        one(name, find(old, name), Some(value.trim().to_owned()));
    }
    for (name, value) in control::pairs(old) {
        if find(new, name).is_none() {
            one(name, Some(value.trim().to_owned()), None);
        }
    }
    (changes, texts)
}

/// What was added to a list and removed from it; nothing where only blanks, or the order, are others.
fn list(name: &str, old: Option<&str>, new: Option<&str>) -> Option<FieldChange> {
    let words = |value: Option<&str>| -> Vec<String> {
        let value = value.unwrap_or_default();
        let words = value.split(',').map(|word| word.split_whitespace().collect::<Vec<_>>().join(" "));
        words.filter(|word| !word.is_empty()).collect()
    };
    let (old, new) = (words(old), words(new));
    let without = |all: &[String], others: &[String]| -> Vec<String> {
        let others: std::collections::BTreeSet<&String> = others.iter().collect();
        let mut left: Vec<String> =
            all.iter().filter(|word| !others.contains(word)).map(|word| cut(&escaped(word))).collect();
        if left.len() > MOST_IN_LIST {
            let more = left.len() - MOST_IN_LIST;
            left.truncate(MOST_IN_LIST);
            left.push(format!("and {more} more"));
        }
        left
    };
    let (removed, added) = (without(&old, &new), without(&new, &old));
    let is_other = !removed.is_empty() || !added.is_empty();
    is_other.then(|| FieldChange { name: escaped(name), old: None, new: None, removed, added })
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}… ({} characters)", &text[..at], text.chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_differ_are_told_and_lists_by_what_was_added_and_removed() {
        let old = "Package: hello\nVersion: 1\nDepends: libc6 (>= 2.3), libfoo1\nSection: misc\nX-Old: y\n\
                   Description: greets\n and more\n";
        let new = "Package: hello\nversion: 2\nDepends: libc6 (>=  2.3),\n libfoo2\nSection: misc\nX-New: z\n\
                   Description: greets\n and less\n";
        let (changes, texts) = compare(old, new, 100);
        let told: Vec<String> = changes
            .iter()
            .map(|change| {
                let FieldChange { name, old, new, removed, added } = change;
                format!("{name} {old:?} {new:?} {removed:?} {added:?}")
            })
            .collect();
        assert_eq!(
            told,
            [
                "version Some(\"1\") Some(\"2\") [] []",
                "Depends None None [\"libfoo1\"] [\"libfoo2\"]",
                "X-New None Some(\"z\") [] []",
                "X-Old Some(\"y\") None [] []"
            ]
        );
        assert_eq!(texts.len(), 1);
        assert_eq!(texts[0].name, "Description");
        assert!(texts[0].lines.contains(&"- and more".to_owned()), "{texts:?}");
        assert_eq!(compare(new, new, 100), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_somebody_sent_reaches_no_terminal_and_fills_no_screen() {
        let new = format!("X: \u{1b}[2J{}\nDepends: {}\n", "y".repeat(9000), "\u{9b}a, ".repeat(900));
        let (changes, _) = compare("Depends: b\n", &new, 100);
        let text = serde_json::to_string(&changes).unwrap();
        assert!(!text.contains('\u{1b}') && !text.contains('\u{9b}') && text.len() < 3000, "{text}");
        let many: String = (0..900).map(|number| format!("lib{number}, ")).collect();
        let (changes, _) = compare("Depends: b\n", &format!("Depends: {many}\n"), 100);
        assert_eq!(changes[0].added.len(), MOST_IN_LIST + 1);
        assert_eq!(changes[0].added[MOST_IN_LIST], "and 800 more");
    }
}
