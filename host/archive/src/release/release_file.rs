//! The text of a Release file (DebianRepository/Format; `apt-ftparchive release`): fields in the order that Launchpad gives them, then the lists.

use std::fmt::Write;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Checksum, Pocket, SignedBy};
use crate::store::archive::Archive;
use crate::store::archive_file::ListedFile;
use crate::store::shape::SuiteShape;

/// A date as Release files have it: RFC 2822 in UTC, with the zone by name.
#[must_use]
pub fn release_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S UTC").to_string()
}

/// What a Release file says of a suite.
#[derive(Debug, Clone)]
pub struct ReleaseFile<'a> {
    /// The archive.
    pub archive: &'a Archive,
    /// How people write the distribution.
    pub distribution_display_name: &'a str,
    /// The suite.
    pub shape: &'a SuiteShape,
    /// `Date`.
    pub date: Timestamp,
    /// The fingerprints of the keys that will sign it, for `Signed-By` where the archive wants that.
    pub signing_keys: &'a [String],
}

impl ReleaseFile<'_> {
    fn origin(&self) -> &str {
        if self.archive.origin.is_empty() { self.distribution_display_name } else { &self.archive.origin }
    }

    fn label(&self) -> &str {
        if self.archive.label.is_empty() { self.origin() } else { &self.archive.label }
    }

    fn description(&self) -> String {
        let series = &self.shape.series;
        if series.description.is_empty() {
            let pocket = match self.shape.suite.name.pocket() {
                Pocket::Release => "",
                Pocket::Security => " Security Updates",
                Pocket::Updates => " Updates",
                Pocket::Proposed => " Proposed Updates",
                Pocket::Backports => " Backports",
            };
            format!("{} {} {}{pocket}", self.distribution_display_name, series.display_name, series.version)
        } else {
            series.description.clone()
        }
    }

    /// `Suite`: the name of its folder, unless its series is called otherwise (stable, stable-updates).
    fn suite(&self) -> String {
        let name = &self.shape.suite.name;
        match self.shape.series.suite_name.as_str() {
            "" => name.to_string(),
            other => format!("{other}{}", name.pocket().suffix()),
        }
    }

    /// `Codename`. Clients take a suite under its `Suite` or its `Codename`: where the first is not its folder's name, the second is.
    fn codename(&self) -> String {
        let series = &self.shape.series;
        let codename = if series.codename.is_empty() { series.name.as_str() } else { &series.codename };
        if series.suite_name.is_empty() {
            codename.to_owned()
        } else {
            format!("{codename}{}", self.shape.suite.name.pocket().suffix())
        }
    }

    /// `Signed-By`, where there is one.
    fn signed_by(&self) -> Option<String> {
        let fingerprints = match &self.archive.signed_by {
            SignedBy::Nothing => return None,
            SignedBy::Keys => self.signing_keys,
            SignedBy::These(fingerprints) => fingerprints,
        };
        Some(fingerprints.join(","))
    }

    /// Whether clients take from the suite only what they are asked to.
    const fn is_not_automatic(&self) -> bool {
        match self.shape.suite.name.pocket() {
            Pocket::Backports => self.shape.series.backports_not_automatic,
            Pocket::Proposed => self.shape.series.proposed_not_automatic,
            Pocket::Release | Pocket::Security | Pocket::Updates => false,
        }
    }

    /// The Release of the whole suite. `files` are sorted by path.
    #[must_use]
    pub fn suite_text(&self, files: &[ListedFile]) -> String {
        let series = &self.shape.series;
        let mut text = String::new();
        let mut field = |name: &str, value: &str| {
            text.push_str(name);
            text.push_str(": ");
            text.push_str(value);
            text.push('\n');
        };
        let words = |words: Vec<&str>| words.join(" ");
        field("Origin", self.origin());
        field("Label", self.label());
        field("Suite", &self.suite());
        if !self.archive.snapshots.is_empty() {
            field("Snapshots", &self.archive.snapshots);
        }
        field("Version", &series.version);
        field("Codename", &self.codename());
        if !self.archive.changelogs.is_empty() {
            field("Changelogs", &self.archive.changelogs);
        }
        field("Date", &release_date(self.date));
        if let Some(valid_for) = series.valid_for_seconds {
            field("Valid-Until", &release_date(self.date + SignedDuration::from_secs(valid_for)));
        }
        field("Architectures", &words(self.shape.architectures.iter().map(|one| one.tag.as_str()).collect()));
        field("Components", &words(self.shape.components.iter().map(|one| one.name.as_str()).collect()));
        field("Description", &self.description());
        if self.is_not_automatic() {
            field("NotAutomatic", "yes");
            field("ButAutomaticUpgrades", "yes");
        }
        if let Some(signed_by) = self.signed_by() {
            field("Signed-By", &signed_by);
        }
        for checksum in &series.checksums {
            text.push_str(match checksum {
                Checksum::Md5 => "MD5Sum:\n",
                Checksum::Sha1 => "SHA1:\n",
                Checksum::Sha256 => "SHA256:\n",
            });
            for ListedFile { path, digests, .. } in files {
                let size = digests.size_bytes;
                // writing into a String cannot fail
                let _ = match checksum {
                    Checksum::Md5 => writeln!(text, " {} {size:>16} {path}", digests.md5),
                    Checksum::Sha1 => writeln!(text, " {} {size:>16} {path}", digests.sha1),
                    Checksum::Sha256 => writeln!(text, " {} {size:>16} {path}", digests.sha256),
                };
            }
        }
        if series.publish_by_hash && series.advertise_by_hash {
            text.push_str("Acquire-By-Hash: yes\n");
        }
        text
    }

    /// The stub beside the index of a component and architecture (`source` for Sources).
    #[must_use]
    pub fn index_stub(&self, component: &str, architecture: &str) -> String {
        let mut text = format!(
            "Archive: {}\nVersion: {}\nComponent: {component}\nOrigin: {}\nLabel: {}\nArchitecture: {architecture}\n",
            self.suite(),
            self.shape.series.version,
            self.origin(),
            self.label(),
        );
        if self.is_not_automatic() {
            text.push_str("NotAutomatic: yes\nButAutomaticUpgrades: yes\n");
        }
        text
    }
}
