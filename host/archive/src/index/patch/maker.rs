//! Making the patch between two publications of an index, from its segments as they come by.
//!
//! A segment that both have is counted, by lines; where segments differ, the old texts between two that both have are compared with the new ones there.
//! So what is compared is what has changed, whatever the size of the index. A patch that is not right is worse than none, although clients would see it
//! and fetch the index: the old text goes through a digest as a whole, which has to be that of what clients have, and every change is
//! made on the old lines, which has to give the new ones.

use std::mem::take;
use std::sync::Arc;

use sha2::{Digest as _, Sha256 as Algorithm};

use super::compare::{Edit, compare};
use super::script::{Change, is_sayable, script};
use crate::domain::digest::Sha256;
use crate::index::segment::cut::Segment;
use crate::store::index_patch::Content;
use crate::work::{self, Work};

/// So much old text and so much new text is compared at a place, and so much comes in all: beyond that nothing of an index has stayed, and a patch of it is
/// as large as the index.
pub(in crate::index) const MOST_BYTES: usize = 16 << 20;

/// What comes next, in order: of the old texts and of the new ones each. Which of two that differ comes first does not matter.
#[derive(Debug)]
pub(in crate::index) enum Piece {
    /// A text that both have.
    Same(Arc<Segment>),
    /// One that the old index has.
    Old(String),
    /// One that the new index has.
    New(Arc<Segment>),
}

impl Piece {
    pub(in crate::index) fn text(&self) -> &str {
        match self {
            Self::Same(segment) | Self::New(segment) => &segment.text,
            Self::Old(text) => text,
        }
    }
}

/// Why there is no patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::index) enum NoPatch {
    /// More than a patch is good for.
    #[error("too much has changed")]
    TooMuch,
    /// A text that ed's language has no way to say.
    #[error("a changed line is one that a patch cannot have")]
    Unsayable,
    /// Part of the old text is not there any more.
    #[error("the published text is lost in part")]
    Lost,
    /// The old text is not what clients have.
    #[error("what lies there is not what clients have")]
    OtherText,
}

/// A patch that has been made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::index) struct Made {
    /// The text that it is for.
    pub(in crate::index) from: Content,
    /// Its commands.
    pub(in crate::index) script: String,
}

/// Takes pieces, and makes a patch.
#[derive(Debug, Default)]
pub(in crate::index) struct Maker {
    digest: Algorithm,
    old_bytes: u64,
    /// So many lines of the old text have come by, those that wait to be compared not among them.
    old_lines: u64,
    /// What differs since the last piece that both have.
    old: String,
    new: Vec<Arc<Segment>>,
    new_bytes: usize,
    changes: Vec<Change>,
    come_bytes: usize,
    failed: Option<NoPatch>,
}

impl Maker {
    pub(in crate::index) fn take(&mut self, piece: Piece) {
        if self.failed.is_some() {
            return;
        }
        let length = piece.text().len();
        if !matches!(piece, Piece::New(_)) {
            self.digest.update(piece.text());
            self.old_bytes = self.old_bytes.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        }
        match piece {
            Piece::Same(segment) => {
                self.compare();
                self.old_lines += lines_in(&segment.text);
            }
            Piece::Old(text) if self.old.is_empty() => self.old = text,
            Piece::Old(text) => self.old.push_str(&text),
            Piece::New(segment) => {
                self.new_bytes += length;
                self.new.push(segment);
            }
        }
        if self.old.len() > MOST_BYTES || self.new_bytes > MOST_BYTES {
            self.fail(NoPatch::TooMuch);
        }
    }

    fn fail(&mut self, reason: NoPatch) {
        self.failed.get_or_insert(reason);
        (self.old, self.new, self.changes) = Default::default();
    }

    /// Compares what differs between two pieces that are the same.
    fn compare(&mut self) {
        let (old, new) = (take(&mut self.old), take(&mut self.new));
        self.new_bytes = 0;
        let old: Vec<&str> = old.split_inclusive('\n').collect();
        let new: Vec<&str> = new.iter().flat_map(|segment| segment.text.split_inclusive('\n')).collect();
        work::count_bytes(Work::LinesCompared, old.len() + new.len());
        // only the last line of a text can be without its end, and then no line of an editor is it
        if old.last().is_some_and(|line| !line.ends_with('\n')) {
            return self.fail(NoPatch::Unsayable);
        }
        let edits = compare(&old, &new);
        if !is_right(&old, &new, &edits) {
            return self.fail(NoPatch::OtherText);
        }
        for Edit { old: gone, new: come } in edits {
            let come = new[come].concat();
            self.come_bytes += come.len();
            if self.come_bytes > MOST_BYTES {
                return self.fail(NoPatch::TooMuch);
            }
            if !is_sayable(&come) {
                return self.fail(NoPatch::Unsayable);
            }
            let before = self.old_lines + count(gone.start);
            self.changes.push(Change { before, gone: count(gone.len()), come });
        }
        self.old_lines += count(old.len());
    }

    /// The patch, for a text that is `published`.
    pub(in crate::index) fn finish(mut self, published: Content) -> Result<Made, NoPatch> {
        self.compare();
        if let Some(reason) = self.failed {
            return Err(reason);
        }
        let sha256 = Sha256::from_bytes(self.digest.finalize().into());
        let from = Content { sha256, size_bytes: self.old_bytes };
        if from != published {
            return Err(NoPatch::OtherText);
        }
        Ok(Made { from, script: script(&self.changes) })
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn lines_in(text: &str) -> u64 {
    count(text.bytes().filter(|byte| *byte == b'\n').count())
}

/// Whether edits make the new lines of the old ones.
fn is_right(old: &[&str], new: &[&str], edits: &[Edit]) -> bool {
    let (mut at_old, mut at_new) = (0, 0);
    for Edit { old: gone, new: come } in edits {
        if old.get(at_old..gone.start) != new.get(at_new..come.start) || old.get(at_old..gone.start).is_none()
        {
            return false;
        }
        (at_old, at_new) = (gone.end, come.end);
    }
    old.get(at_old..).is_some() && old.get(at_old..) == new.get(at_new..)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn segment(text: &str) -> Arc<Segment> {
        Arc::new(Segment { first_name: String::new(), stanzas: 1, text: text.into() })
    }

    /// Reads a script as ed does, knowing nothing of how it was made.
    fn edited(text: &str, script: &str) -> String {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        let mut input = script.lines();
        while let Some(command) = input.next() {
            let letter = command.chars().last().unwrap();
            let numbers: Vec<usize> =
                command.trim_end_matches(letter).split(',').map(|number| number.parse().unwrap()).collect();
            let (first, last) = (numbers[0], *numbers.last().unwrap());
            let mut come = Vec::new();
            if letter != 'd' {
                for line in input.by_ref() {
                    if line == "." {
                        break;
                    }
                    come.push(format!("{line}\n"));
                }
            }
            match letter {
                'a' => drop(lines.splice(first..first, come)),
                'c' | 'd' => drop(lines.splice(first - 1..last, come)),
                _ => panic!("{command}"),
            }
        }
        lines.concat()
    }

    /// What a program makes of a text by a script, in a folder of its own.
    fn by_program(text: &str, script: &str, program: &[&str], closing: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let (file, commands) = (folder.path().join("text"), folder.path().join("script"));
        std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
        std::fs::File::create(&commands).unwrap().write_all(format!("{script}{closing}").as_bytes()).unwrap();
        let input = std::fs::File::open(&commands).unwrap();
        let ran = Command::new(program[0])
            .args(&program[1..])
            .current_dir(folder.path())
            .stdin(input)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{program:?} {ran:?}\n{script}");
        std::fs::read(file).unwrap()
    }

    /// The patch of pieces of which the old text is the published one.
    fn made(pieces: Vec<Piece>) -> Result<(Made, String, String), NoPatch> {
        let (mut old, mut new) = (String::new(), String::new());
        let mut maker = Maker::default();
        for piece in pieces {
            if !matches!(piece, Piece::New(_)) {
                old.push_str(piece.text());
            }
            if !matches!(piece, Piece::Old(_)) {
                new.push_str(piece.text());
            }
            maker.take(piece);
        }
        maker.finish(Content::of(old.as_bytes())).map(|made| (made, old, new))
    }

    fn same(text: &str) -> Piece {
        Piece::Same(segment(text))
    }

    fn old(text: &str) -> Piece {
        Piece::Old(text.into())
    }

    fn new(text: &str) -> Piece {
        Piece::New(segment(text))
    }

    #[test]
    fn lines_are_counted_over_all_segments() {
        let (made, before, after) = made(vec![
            same("a\nb\n"),
            old("c\nd\n"),
            new("c\n"),
            old("e\n"),
            new("e\nf\n"),
            same("g\n"),
            new("h\n"),
            same("i\n"),
            old("j\n"),
        ])
        .unwrap();
        assert_eq!(made.script, "8d\n6a\nh\n.\n5a\nf\n.\n4d\n");
        assert_eq!(edited(&before, &made.script), after);
        assert_eq!(made.from, Content::of(before.as_bytes()));
    }

    #[test]
    fn the_same_text_has_an_empty_patch_however_it_is_cut() {
        let (made, ..) =
            made(vec![old("a\nb\n"), old("c\n"), new("a\n"), new("b\nc\n"), same("d\n")]).unwrap();
        assert_eq!(made.script, "");
        assert_eq!(super::Maker::default().finish(Content::of(b"")).unwrap().script, "");
    }

    #[test]
    fn what_is_not_known_for_sure_has_no_patch() {
        assert_eq!(made(vec![old("a\n"), new("b\n.\n")]).unwrap_err(), NoPatch::Unsayable);
        assert_eq!(made(vec![old("a\n"), new("b")]).unwrap_err(), NoPatch::Unsayable);
        assert_eq!(made(vec![old("a"), new("b\n")]).unwrap_err(), NoPatch::Unsayable);
        // one that goes is no trouble
        assert_eq!(made(vec![old("a\n.\n"), new("a\n")]).unwrap().0.script, "2d\n");
        let mut maker = Maker::default();
        maker.take(old("a\n"));
        maker.take(new("b\n"));
        assert_eq!(maker.finish(Content::of(b"A\n")).unwrap_err(), NoPatch::OtherText);
        let long = "x\n".repeat(MOST_BYTES / 2 + 1);
        for pieces in
            [vec![old("a\n"), new(&long)], vec![old(&long), new("a\n")], vec![old(&long), same("a\n")]]
        {
            assert_eq!(made(pieces).unwrap_err(), NoPatch::TooMuch);
        }
    }

    fn texts() -> impl Strategy<Value = Vec<(u8, String)>> {
        let line =
            prop_oneof!["[a-c]{0,2}", Just(" .".to_owned()), Just("..".to_owned()), Just("1d".to_owned())];
        let text = proptest::collection::vec(line, 0..8)
            .prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect::<String>());
        proptest::collection::vec((0u8..3, text), 0..8)
    }

    fn pieces(texts: &[(u8, String)]) -> Vec<Piece> {
        texts.iter().map(|(kind, text)| [same, old, new][usize::from(*kind)](text)).collect()
    }

    proptest! {
        #[test]
        fn a_patch_makes_the_new_text_of_the_old_one(texts in texts()) {
            let (made, before, after) = made(pieces(&texts)).unwrap();
            prop_assert_eq!(edited(&before, &made.script), after);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn ed_and_patch_make_the_new_text_of_the_old_one(texts in texts()) {
            let (made, before, after) = made(pieces(&texts)).unwrap();
            let by_ed = by_program(&before, &made.script, &["ed", "-s", "text"], "w\nq\n");
            prop_assert_eq!(&String::from_utf8(by_ed).unwrap(), &after);
            // patch takes an empty script for garbage
            if !made.script.is_empty() && !after.is_empty() {
                let by_patch = by_program(&before, &made.script, &["patch", "--ed", "-s", "text"], "");
                prop_assert_eq!(&String::from_utf8(by_patch).unwrap(), &after);
            }
        }
    }
}
