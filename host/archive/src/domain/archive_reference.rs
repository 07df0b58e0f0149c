//! How an archive is named: `debian` for a distribution's primary archive, `debian/partner` for another one of its own, `~ann/debian/tools` for
//! one of a person or team.

use std::fmt;
use std::str::FromStr;

use super::name::{ComponentName, DistributionName, NameError, PersonName};

/// The name of the archive row that is a distribution's primary one.
pub const PRIMARY_ARCHIVE_NAME: &str = "primary";

/// An archive of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchiveReference {
    distribution: DistributionName,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Primary,
    Named(ComponentName),
    Ppa { owner: PersonName, name: ComponentName },
}

impl ArchiveReference {
    /// The primary archive of a distribution.
    #[must_use]
    pub const fn primary(distribution: DistributionName) -> Self {
        Self { distribution, kind: Kind::Primary }
    }

    /// Another archive of the distribution's own; `primary` names the primary one.
    #[must_use]
    pub fn named(distribution: DistributionName, name: ComponentName) -> Self {
        let kind = if name.as_str() == PRIMARY_ARCHIVE_NAME { Kind::Primary } else { Kind::Named(name) };
        Self { distribution, kind }
    }

    /// The archive of a person or team.
    #[must_use]
    pub const fn ppa(owner: PersonName, distribution: DistributionName, name: ComponentName) -> Self {
        Self { distribution, kind: Kind::Ppa { owner, name } }
    }

    /// The distribution.
    #[must_use]
    pub const fn distribution(&self) -> &DistributionName {
        &self.distribution
    }

    /// The name in the archive's row.
    #[must_use]
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Primary => PRIMARY_ARCHIVE_NAME,
            Kind::Named(name) | Kind::Ppa { name, .. } => name.as_str(),
        }
    }

    /// Whose it is; none: the distribution's own.
    #[must_use]
    pub const fn owner(&self) -> Option<&PersonName> {
        match &self.kind {
            Kind::Primary | Kind::Named(_) => None,
            Kind::Ppa { owner, .. } => Some(owner),
        }
    }

    /// The folder below the archives' folder that is served: `debian`, `debian-partner`, `~ann/debian/tools`. No distribution's name begins with
    /// a tilde, so the folders of people hold nothing else.
    #[must_use]
    pub fn folder(&self) -> String {
        match &self.kind {
            Kind::Primary => self.distribution.to_string(),
            Kind::Named(name) => format!("{}-{name}", self.distribution),
            Kind::Ppa { owner, name } => format!("~{owner}/{}/{name}", self.distribution),
        }
    }
}

impl fmt::Display for ArchiveReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Primary => f.pad(self.distribution.as_str()),
            Kind::Named(name) => f.pad(&format!("{}/{name}", self.distribution)),
            Kind::Ppa { owner, name } => f.pad(&format!("~{owner}/{}/{name}", self.distribution)),
        }
    }
}

impl FromStr for ArchiveReference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if let Some(rest) = text.strip_prefix('~') {
            let mut parts = rest.splitn(3, '/');
            let mut part = || parts.next().unwrap_or_default();
            let owner = part().parse()?;
            return Ok(Self::ppa(owner, part().parse()?, part().parse()?));
        }
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
        for (text, folder) in [
            ("debian", "debian"),
            ("debian/partner", "debian-partner"),
            ("~ann/debian/tools", "~ann/debian/tools"),
            ("~a.team/debian/primary", "~a.team/debian/primary"),
        ] {
            let archive: ArchiveReference = text.parse().unwrap();
            assert_eq!((archive.to_string().as_str(), archive.folder().as_str()), (text, folder));
        }
        assert_eq!("debian/primary".parse::<ArchiveReference>().unwrap().to_string(), "debian");
        for text in [
            "",
            "/",
            "debian/",
            "debian/a/b",
            "../x",
            "~",
            "~ann",
            "~ann/debian",
            "~ann/debian/",
            "~/debian/x",
            "~../debian/x",
            "~ann/debian/x/y",
            "~~ann/debian/x",
        ] {
            assert!(text.parse::<ArchiveReference>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_archive_knows_whose_it_is() {
        let archive: ArchiveReference = "~ann/debian/tools".parse().unwrap();
        assert_eq!(
            (archive.owner().unwrap().as_str(), archive.distribution().as_str(), archive.name()),
            ("ann", "debian", "tools")
        );
        assert_eq!("debian/tools".parse::<ArchiveReference>().unwrap().owner(), None);
    }
}
