//! Where an index is divided.
//!
//! A name begins a new segment when the segment before has enough text and the name's digest says so, or when that segment has too much. Whether a
//! name does depends on nothing after it and on nothing before the segment's own beginning: cutting can begin at any cut, and what is cut from a
//! changed index falls in step with what was cut before it changed.

use crate::domain::SegmentSize;
use crate::domain::digest::Sha256;

/// When a segment may end and when it must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::index) struct Rule {
    at_least_bytes: usize,
    at_most_bytes: usize,
    /// Of so many names one may begin a segment.
    one_name_in: u64,
}

impl Rule {
    /// Segments of this size on average: five eighths of it at least, and then as many names as make up the rest, at some 750 bytes a stanza
    /// (Debian's are); never much more than twice of it.
    pub(in crate::index) fn new(size: SegmentSize) -> Self {
        Self::of_entries(size, 2048)
    }

    /// The same of lines of Contents, at some 90 bytes a line.
    pub(in crate::index) fn of_lines(size: SegmentSize) -> Self {
        Self::of_entries(size, 256)
    }

    fn of_entries(size: SegmentSize, share_bytes: usize) -> Self {
        let bytes = size.bytes();
        Self {
            at_least_bytes: bytes / 8 * 5,
            at_most_bytes: bytes * 2,
            one_name_in: u64::try_from(bytes / share_bytes).unwrap_or(u64::MAX).max(1),
        }
    }

    /// Whether a name begins a new segment, when the current one has so much text.
    fn begins(self, name: &str, text_bytes: usize) -> bool {
        text_bytes >= self.at_most_bytes
            || (text_bytes >= self.at_least_bytes && {
                let digest = Sha256::of(name.as_bytes());
                let first = digest.as_bytes().first_chunk().copied().unwrap_or_default();
                u64::from_le_bytes(first).is_multiple_of(self.one_name_in)
            })
    }
}

/// A segment's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::index) struct Segment {
    /// The name of its first package.
    pub(in crate::index) first_name: String,
    /// How many stanzas it has.
    pub(in crate::index) stanzas: usize,
    /// They.
    pub(in crate::index) text: String,
}

/// Takes stanzas in order and gives segments.
#[derive(Debug)]
pub(in crate::index) struct Cutter {
    rule: Rule,
    /// Room for the last name added; the first of the segment is in `current`.
    last_name: String,
    current: Option<Segment>,
}

impl Cutter {
    pub(in crate::index) const fn new(rule: Rule) -> Self {
        Self { rule, last_name: String::new(), current: None }
    }

    /// Adds a stanza. Gives the segment that its name has ended, if it has.
    pub(in crate::index) fn add(&mut self, name: &str, stanza: &str) -> Option<Segment> {
        let ended = if self.would_cut(name) { self.current.take() } else { None };
        let segment = self.current.get_or_insert_with(|| Segment {
            first_name: name.to_owned(),
            stanzas: 0,
            text: String::with_capacity(self.rule.at_least_bytes),
        });
        segment.stanzas += 1;
        segment.text.push_str(stanza);
        self.last_name.clear();
        self.last_name.push_str(name);
        ended
    }

    /// Whether this name, coming next, would begin a new segment. The versions of one name stay together.
    pub(in crate::index) fn would_cut(&self, name: &str) -> bool {
        self.current
            .as_ref()
            .is_some_and(|segment| name != self.last_name && self.rule.begins(name, segment.text.len()))
    }

    /// Whether nothing was added since the last segment was given.
    pub(in crate::index) const fn is_empty(&self) -> bool {
        self.current.is_none()
    }

    /// The segment so far, as where the index ends.
    pub(in crate::index) const fn end(&mut self) -> Option<Segment> {
        self.current.take()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn rule(bytes: usize) -> Rule {
        Rule::new(SegmentSize::new(bytes).unwrap())
    }

    fn cut(rule: Rule, stanzas: &BTreeMap<String, usize>) -> Vec<Segment> {
        let mut cutter = Cutter::new(rule);
        let mut segments: Vec<Segment> =
            stanzas.iter().filter_map(|(name, length)| cutter.add(name, &"x".repeat(*length))).collect();
        segments.extend(cutter.end());
        segments
    }

    fn archive() -> BTreeMap<String, usize> {
        (0..4000).map(|number| (format!("package-{number:05}"), 300 + number % 900)).collect()
    }

    #[test]
    fn segments_have_the_size_that_was_asked_for() {
        let segments = cut(rule(64 << 10), &archive());
        let total: usize = segments.iter().map(|segment| segment.text.len()).sum();
        let average = total / segments.len();
        assert!((48 << 10..80 << 10).contains(&average), "{average}");
        for segment in &segments[..segments.len() - 1] {
            assert!(segment.text.len() >= 40 << 10 && segment.text.len() < (128 << 10) + 1200);
        }
    }

    #[test]
    fn a_change_leaves_nearly_all_segments_as_they_were() {
        let before = cut(rule(64 << 10), &archive());
        for number in (0..4000).step_by(97) {
            for change in ["remove", "add", "lengthen"] {
                let mut changed = archive();
                match change {
                    "remove" => drop(changed.remove(&format!("package-{number:05}"))),
                    "add" => drop(changed.insert(format!("package-{number:05}-doc"), 700)),
                    _ => drop(changed.insert(format!("package-{number:05}"), 1500)),
                }
                let after = cut(rule(64 << 10), &changed);
                let new = after.iter().filter(|segment| !before.contains(segment)).count();
                assert!(new <= 6, "{change} {number}: {new} new segments");
            }
        }
    }

    #[test]
    fn versions_of_one_name_are_never_parted() {
        let mut cutter = Cutter::new(rule(1 << 10));
        for _ in 0..100 {
            assert!(cutter.add("one", &"x".repeat(500)).is_none());
        }
        assert!(cutter.add("two", "x").is_some());
    }

    proptest! {
        #[test]
        fn cutting_from_any_cut_on_gives_the_same(lengths in proptest::collection::vec(1usize..900, 1..200)) {
            let all: BTreeMap<String, usize> =
                lengths.iter().enumerate().map(|(number, length)| (format!("p{number:03}"), *length)).collect();
            let segments = cut(rule(2 << 10), &all);
            for (place, segment) in segments.iter().enumerate() {
                let rest = all.clone().split_off(&segment.first_name);
                prop_assert_eq!(&cut(rule(2 << 10), &rest)[..], &segments[place..]);
            }
        }
    }
}
