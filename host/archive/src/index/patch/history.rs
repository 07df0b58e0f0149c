//! Which patches of an index clients are told of, and how: `PATH.diff/Index`, which apt's pdiffs begin with.
//!
//! Every patch makes the text of one publication of the one before. Clients fetch those that lead from what they have to what is current, and apply
//! them in one go. `X-Patch-Precedence: merged`, which other archives have, is not for us: there each publication makes every patch anew, one from
//! each older text to the current one, so that a small change costs what the history is long, and so do mirrors; and a client that was to fetch six
//! small files fetches one as large. Here a publication adds one file, and no file is ever another under its name.

use std::fmt::Write;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use crate::domain::PatchLimit;
use crate::store::index_patch::{Content, PatchFacts};

/// How many patches of a history, the oldest first, clients are told of no longer.
///
/// As many go as are above the limit, and then the oldest, until all together are not larger than the smallest form of the index: a client that has
/// to read as much fetches that, and apt has no other measure.
pub(super) fn surplus(history: &[&PatchFacts], limit: PatchLimit, whole_bytes: u64) -> usize {
    let by_count = history.len().saturating_sub(usize::from(limit.count()));
    let mut room = whole_bytes;
    let fitting = history[by_count..].iter().rev().take_while(|patch| {
        let fits = patch.file.size_bytes <= room;
        room = room.saturating_sub(patch.file.size_bytes);
        fits
    });
    let fitting = fitting.count();
    history.len() - fitting
}

/// From which patch on a history leads from text to text up to the current one.
pub(super) fn begin_of_chain(history: &[&PatchFacts], current: Content) -> usize {
    let mut wanted = current;
    let leading = history.iter().rev().take_while(|patch| {
        let leads = patch.to == wanted;
        wanted = patch.from;
        leads
    });
    history.len() - leading.count()
}

/// The name of a patch that is made at a moment: after those of all others, since clients apply patches in the order of their names.
pub(super) fn name_at(now: Timestamp, last: Option<&str>) -> String {
    let name = stamp(now);
    // otherwise the clock was set back, or this is the second of a second
    match last.filter(|last| *last >= name.as_str()).and_then(moment) {
        Some(last) => stamp(last.checked_add(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MAX)),
        None => name,
    }
}

const NAME_FORMAT: &str = "%Y-%m-%d-%H%M.%S";

fn stamp(moment: Timestamp) -> String {
    moment.strftime(NAME_FORMAT).to_string()
}

fn moment(name: &str) -> Option<Timestamp> {
    let datetime = DateTime::strptime(NAME_FORMAT, name).ok()?;
    Offset::UTC.to_timestamp(datetime).ok()
}

/// What clients are told: the current text, and for each patch, the oldest first, what it is for, what it says, and its file.
pub(super) fn index_text(current: Content, history: &[&PatchFacts]) -> String {
    let mut text = format!("SHA256-Current: {} {}\n", current.sha256, current.size_bytes);
    let lists: [(&str, fn(&PatchFacts) -> Content, &str); 3] = [
        ("SHA256-History", |patch| patch.from, ""),
        ("SHA256-Patches", |patch| patch.patch, ""),
        ("SHA256-Download", |patch| patch.file, ".gz"),
    ];
    for (field, content, ending) in lists {
        text.push_str(field);
        text.push_str(":\n");
        for patch in history {
            let Content { sha256, size_bytes } = content(patch);
            // writing to a text does not fail
            let _ = writeln!(text, " {sha256} {size_bytes:>9} {}{ending}", patch.name);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Content {
        Content::of(text.as_bytes())
    }

    fn patch(from: &str, to: &str, file_bytes: u64) -> PatchFacts {
        PatchFacts {
            name: format!("2026-11-21-0000.{}", from.len()),
            from: content(from),
            to: content(to),
            patch: content("1d\n"),
            file: Content { size_bytes: file_bytes, ..content("packed") },
        }
    }

    #[test]
    fn the_oldest_patches_go_by_number_and_by_size() {
        let all: Vec<PatchFacts> = (0..5).map(|_| patch("a", "b", 100)).collect();
        let history: Vec<&PatchFacts> = all.iter().collect();
        let limit = |count| PatchLimit::new(count).unwrap();
        for (count, whole_bytes, gone) in [
            (56, 10_000, 0),
            (3, 10_000, 2),
            (0, 10_000, 5),
            (56, 500, 0),
            (56, 499, 1),
            (56, 99, 5),
            (2, 150, 4),
        ] {
            assert_eq!(surplus(&history, limit(count), whole_bytes), gone, "{count} {whole_bytes}");
        }
        assert_eq!(surplus(&[], limit(1), 0), 0);
        // one that is too large hides those before it, which lead to it
        let mixed = [patch("a", "b", 1), patch("b", "c", 1000), patch("c", "d", 1)];
        assert_eq!(surplus(&mixed.iter().collect::<Vec<_>>(), limit(9), 500), 2);
    }

    #[test]
    fn a_history_is_believed_as_far_as_it_leads_to_the_current_text() {
        let all = [patch("a", "b", 1), patch("x", "c", 1), patch("c", "d", 1), patch("d", "e", 1)];
        let history: Vec<&PatchFacts> = all.iter().collect();
        assert_eq!(begin_of_chain(&history, content("e")), 1);
        assert_eq!(begin_of_chain(&history, content("d")), 4);
        assert_eq!(begin_of_chain(&history[..1], content("b")), 0);
        assert_eq!(begin_of_chain(&[], content("b")), 0);
    }

    #[test]
    fn names_are_times_and_always_grow() {
        let now: Timestamp = "2026-11-21T21:43:05.7Z".parse().unwrap();
        assert_eq!(name_at(now, None), "2026-11-21-2143.05");
        assert_eq!(name_at(now, Some("2026-11-21-2143.04")), "2026-11-21-2143.05");
        assert_eq!(name_at(now, Some("2026-11-21-2143.05")), "2026-11-21-2143.06");
        assert_eq!(name_at(now, Some("2027-12-31-2359.59")), "2028-01-01-0000.00");
        // whatever else has got there is no reason not to publish
        assert_eq!(name_at(now, Some("zzz")), "2026-11-21-2143.05");
    }

    #[test]
    fn the_index_of_patches_is_as_apt_reads_it() {
        let all = [patch("a", "bb", 7), patch("bb", "ccc", 8)];
        let history: Vec<&PatchFacts> = all.iter().collect();
        let (a, bb, ccc) = (content("a").sha256, content("bb").sha256, content("ccc").sha256);
        let (patch, packed) = (content("1d\n").sha256, content("packed").sha256);
        let expected = format!(
            "SHA256-Current: {ccc} 3\n\
             SHA256-History:\n {a}         1 2026-11-21-0000.1\n {bb}         2 2026-11-21-0000.2\n\
             SHA256-Patches:\n {patch}         3 2026-11-21-0000.1\n {patch}         3 2026-11-21-0000.2\n\
             SHA256-Download:\n {packed}         7 2026-11-21-0000.1.gz\n {packed}         8 2026-11-21-0000.2.gz\n"
        );
        assert_eq!(index_text(content("ccc"), &history), expected);
    }
}
