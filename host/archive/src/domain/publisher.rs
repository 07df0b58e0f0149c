//! The publishers of a distribution, which run beside each other, and the words about suites that somebody holds.

use super::status::ArchivePurpose;
use super::word::words;

words! {
    /// A publisher of a distribution: each has a lock of its own, and archives that no other one touches. The order is that in which one run after the
    /// other takes them.
    Publisher, "publisher" {
        /// The distribution's own archives: the primary one and those beside it.
        MainArchives = "main-archives",
        /// The archives of people that everybody may read.
        Ppas = "ppas",
        /// Those that are not for everybody.
        PrivatePpas = "private-ppas",
        /// Copies, for rebuilds.
        CopyArchives = "copy-archives",
    }
}

impl Publisher {
    /// Whose work an archive is.
    #[must_use]
    pub const fn of(purpose: ArchivePurpose, private: bool) -> Self {
        match (purpose, private) {
            (ArchivePurpose::Primary | ArchivePurpose::Partner, _) => Self::MainArchives,
            (ArchivePurpose::Ppa, false) => Self::Ppas,
            (ArchivePurpose::Ppa, true) => Self::PrivatePpas,
            (ArchivePurpose::Copy, _) => Self::CopyArchives,
        }
    }

    /// What it publishes of a distribution, for a sentence: as in `the PPAs of demo`.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::MainArchives => "the main archives",
            Self::Ppas => "the PPAs",
            Self::PrivatePpas => "the private PPAs",
            Self::CopyArchives => "the copy archives",
        }
    }
}

words! {
    /// What somebody did to the publication of a suite.
    SuiteAction, "action on a suite" {
        /// Runs leave it alone.
        Paused = "PAUSED",
        /// They publish it again.
        Resumed = "RESUMED",
        /// What waited then may be published.
        Approved = "APPROVED",
        /// It is published although nothing of it waits.
        Marked = "MARKED",
        /// Its settings were changed.
        Set = "SET",
    }
}

words! {
    /// A change of a suite that can be approved.
    ChangeKind, "kind of change" {
        /// A source that is pending.
        Source = "SOURCE",
        /// A binary that is pending.
        Binary = "BINARY",
        /// A published source that is to be removed.
        SourceRemoval = "SOURCE-REMOVAL",
        /// A published binary that is to be removed.
        BinaryRemoval = "BINARY-REMOVAL",
        /// A custom upload.
        Custom = "CUSTOM",
        /// An explicit mark.
        Mark = "MARK",
        /// Its indexes, all of them: they are new, or show settings that have changed.
        Indexes = "INDEXES",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_archive_has_one_publisher() {
        use ArchivePurpose::{Copy, Partner, Ppa, Primary};
        for (purpose, private, publisher) in [
            (Primary, false, Publisher::MainArchives),
            (Primary, true, Publisher::MainArchives),
            (Partner, false, Publisher::MainArchives),
            (Ppa, false, Publisher::Ppas),
            (Ppa, true, Publisher::PrivatePpas),
            (Copy, false, Publisher::CopyArchives),
            (Copy, true, Publisher::CopyArchives),
        ] {
            assert_eq!(Publisher::of(purpose, private), publisher, "{purpose} {private}");
        }
    }
}
