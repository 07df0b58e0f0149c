//! What the process has done so far, in counts: the measure by which cost is held to the size of a change.
//!
//! Times depend on the machine, counts do not. They are of the whole process, because the work is spread over threads: what one run has cost is the
//! [difference](Counts::since) of two readings. Counting is the business of the rooms that do the work; nothing decides by a count. What other
//! processes do, as hooks and gpg, is not in it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::ser::{Serialize, Serializer};

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Rows that statements gave.
    RowsRead,
    /// Instructions of SQLite's virtual machine, counted by the hundred: what a statement costs that looks at much and gives little.
    DatabaseSteps,
    /// Files opened below the root, the database's own not among them.
    FilesOpened,
    /// Bytes read from files below the root.
    BytesRead,
    /// Bytes written to files below the root; those that the kernel copied or shared are not among them.
    BytesWritten,
    /// Bytes copied from file to file by the kernel, or shared.
    BytesCopied,
    /// Stanzas made from rows.
    StanzasRendered,
    /// Lines of Contents made from the lists of packages.
    LinesRendered,
    /// Segments of indexes whose text was made.
    SegmentsRendered,
    /// Segments compressed, once for each form.
    SegmentsCompressed,
    /// Segments taken as they were, once for each form.
    SegmentsKept,
    /// Lines of indexes, old and new ones, compared for patches.
    LinesCompared,
    /// Times that the disk was made to keep what was written to a file, a folder or a filesystem; the database's own not among them.
    Syncs,
}

impl Work {
    /// All of them, as they are shown.
    pub const ALL: [Self; 13] = [
        Self::RowsRead,
        Self::DatabaseSteps,
        Self::FilesOpened,
        Self::BytesRead,
        Self::BytesWritten,
        Self::BytesCopied,
        Self::StanzasRendered,
        Self::LinesRendered,
        Self::SegmentsRendered,
        Self::SegmentsCompressed,
        Self::SegmentsKept,
        Self::LinesCompared,
        Self::Syncs,
    ];

    /// Its name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RowsRead => "rows_read",
            Self::DatabaseSteps => "database_steps",
            Self::FilesOpened => "files_opened",
            Self::BytesRead => "bytes_read",
            Self::BytesWritten => "bytes_written",
            Self::BytesCopied => "bytes_copied",
            Self::StanzasRendered => "stanzas_rendered",
            Self::LinesRendered => "lines_rendered",
            Self::SegmentsRendered => "segments_rendered",
            Self::SegmentsCompressed => "segments_compressed",
            Self::SegmentsKept => "segments_kept",
            Self::LinesCompared => "lines_compared",
            Self::Syncs => "syncs",
        }
    }
}

static COUNTS: [AtomicU64; Work::ALL.len()] = [const { AtomicU64::new(0) }; Work::ALL.len()];

/// Counts some more of it.
pub fn count(work: Work, more: u64) {
    COUNTS[work as usize].fetch_add(more, Ordering::Relaxed);
}

/// [`count`] for a length in memory.
pub fn count_bytes(work: Work, length: usize) {
    count(work, u64::try_from(length).unwrap_or(u64::MAX));
}

/// A reading of all counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts([u64; Work::ALL.len()]);

impl Counts {
    /// What was counted until now.
    #[must_use]
    pub fn now() -> Self {
        Self(std::array::from_fn(|place| COUNTS[place].load(Ordering::Relaxed)))
    }

    /// What was counted since an earlier reading.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|place| self.0[place].saturating_sub(earlier.0[place])))
    }

    /// This and that together.
    #[must_use]
    pub fn plus(&self, more: &Self) -> Self {
        Self(std::array::from_fn(|place| self.0[place].saturating_add(more.0[place])))
    }

    /// How much of one.
    #[must_use]
    pub const fn of(&self, work: Work) -> u64 {
        self.0[work as usize]
    }
}

/// A map from [names](Work::name) to numbers.
impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(Work::ALL.map(|work| (work.name(), self.of(work))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_says_what_came_since() {
        let before = Counts::now();
        count(Work::Syncs, 2);
        count_bytes(Work::BytesCopied, 7);
        let since = Counts::now().since(&before);
        // other tests of this process count too
        assert!(since.of(Work::Syncs) >= 2 && since.of(Work::BytesCopied) >= 7);
        assert_eq!(since.plus(&since).of(Work::Syncs), 2 * since.of(Work::Syncs));
        let shown = serde_json::to_value(since).unwrap();
        assert_eq!(shown["bytes_copied"], since.of(Work::BytesCopied));
        for (place, work) in Work::ALL.into_iter().enumerate() {
            assert_eq!(place, work as usize, "{}", work.name());
        }
    }
}
