//! Suites: a series and a pocket, written as one name (`bookworm-security`).

use std::fmt;
use std::str::FromStr;

use super::name::{NameError, SeriesName};
use super::word::words;

words! {
    /// The part of a series that a suite publishes.
    Pocket, "pocket" {
        /// The series as released.
        Release = "RELEASE",
        /// Security updates.
        Security = "SECURITY",
        /// Recommended updates.
        Updates = "UPDATES",
        /// Updates to be tested.
        Proposed = "PROPOSED",
        /// Newer versions for who asks for them.
        Backports = "BACKPORTS",
    }
}

impl Pocket {
    /// What the suite's name has after the series: empty, or `-security` and so on.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Release => "",
            Self::Security => "-security",
            Self::Updates => "-updates",
            Self::Proposed => "-proposed",
            Self::Backports => "-backports",
        }
    }
}

/// A suite's name: what stands under `dists/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SuiteName {
    series: SeriesName,
    pocket: Pocket,
}

impl SuiteName {
    /// The suite of a pocket of a series.
    #[must_use]
    pub const fn new(series: SeriesName, pocket: Pocket) -> Self {
        Self { series, pocket }
    }

    /// The series.
    #[must_use]
    pub const fn series(&self) -> &SeriesName {
        &self.series
    }

    /// The pocket.
    #[must_use]
    pub const fn pocket(&self) -> Pocket {
        self.pocket
    }
}

impl fmt::Display for SuiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}{}", self.series, self.pocket.suffix()))
    }
}

impl FromStr for SuiteName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (series, pocket) = Pocket::ALL
            .iter()
            .filter(|pocket| !pocket.suffix().is_empty())
            .find_map(|pocket| Some((text.strip_suffix(pocket.suffix())?, *pocket)))
            .unwrap_or((text, Pocket::Release));
        Ok(Self { series: series.parse()?, pocket })
    }
}

impl serde::Serialize for SuiteName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for SuiteName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_a_series_and_a_pocket() {
        for (text, series, pocket) in [
            ("bookworm", "bookworm", Pocket::Release),
            ("bookworm-security", "bookworm", Pocket::Security),
            ("two-words-updates", "two-words", Pocket::Updates),
            ("b-proposed", "b", Pocket::Proposed),
            ("noble-backports", "noble", Pocket::Backports),
        ] {
            let suite: SuiteName = text.parse().unwrap();
            assert_eq!((suite.series().as_str(), suite.pocket()), (series, pocket));
            assert_eq!(suite.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_suite_is_refused() {
        for text in
            ["", "-security", "bookworm-security-updates", "../x", "a/b", "Upper", "x-updates-updates"]
        {
            assert!(text.parse::<SuiteName>().is_err(), "{text}");
        }
    }
}
