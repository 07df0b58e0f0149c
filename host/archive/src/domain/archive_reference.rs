//! How an archive is named: `debian` for a distribution's primary archive, `debian/partner` for another one of its own.

use std::fmt;
use std::str::FromStr;

use super::name::{ComponentName, DistributionName, NameError};

/// The name of the archive row that is a distribution's primary one.
pub const PRIMARY_ARCHIVE_NAME: &str = "primary";

/// An archive of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveReference {
    distribution: DistributionName,
    name: Option<ComponentName>,
}

impl ArchiveReference {
    /// The primary archive of a distribution.
    #[must_use]
    pub const fn primary(distribution: DistributionName) -> Self {
        Self { distribution, name: None }
    }

    /// Another archive; `primary` names the primary one.
    #[must_use]
    pub fn named(distribution: DistributionName, name: ComponentName) -> Self {
        Self { distribution, name: (name.as_str() != PRIMARY_ARCHIVE_NAME).then_some(name) }
    }

    /// The distribution.
    #[must_use]
    pub const fn distribution(&self) -> &DistributionName {
        &self.distribution
    }

    /// The name in the archive's row.
    #[must_use]
    pub fn name(&self) -> &str {
        self.name.as_ref().map_or(PRIMARY_ARCHIVE_NAME, ComponentName::as_str)
    }

    /// The folder below the archives' folder that is served: `debian`, `debian-partner`.
    #[must_use]
    pub fn folder(&self) -> String {
        match &self.name {
            None => self.distribution.to_string(),
            Some(name) => format!("{}-{name}", self.distribution),
        }
    }
}

impl fmt::Display for ArchiveReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            None => f.pad(self.distribution.as_str()),
            Some(name) => f.pad(&format!("{}/{name}", self.distribution)),
        }
    }
}

impl FromStr for ArchiveReference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.split_once('/') {
            None => Ok(Self::primary(text.parse()?)),
            Some((distribution, name)) => Ok(Self::named(distribution.parse()?, name.parse()?)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_comes_back() {
        for (text, folder) in [("debian", "debian"), ("debian/partner", "debian-partner")] {
            let archive: ArchiveReference = text.parse().unwrap();
            assert_eq!((archive.to_string().as_str(), archive.folder().as_str()), (text, folder));
        }
        assert_eq!("debian/primary".parse::<ArchiveReference>().unwrap().to_string(), "debian");
        for text in ["", "/", "debian/", "debian/a/b", "../x"] {
            assert!(text.parse::<ArchiveReference>().is_err(), "{text}");
        }
    }
}
