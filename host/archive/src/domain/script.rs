//! How scripts are doing: which script, its last run, and the incident that it is in.

use std::fmt;

use jiff::Timestamp;

use super::{DistributionId, RunId, RunOutcome};

/// A script for what it works on: what has incidents of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Script {
    /// As `publish`.
    pub name: String,
    /// The row of its distribution.
    pub distribution_id: Option<DistributionId>,
    /// The distribution's name; empty: of none, or of several.
    pub distribution: String,
    /// What it is about beside that, as a folder of uploads; empty: nothing.
    pub scope: String,
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let Self { distribution, scope, .. } = self;
        match (distribution.as_str(), scope.as_str()) {
            ("", "") => Ok(()),
            (about, "") | ("", about) => write!(f, " of {about}"),
            // an archive names its distribution
            (distribution, archive) if archive.contains(distribution) => write!(f, " of {archive}"),
            (distribution, publisher) => write!(f, " of {distribution} ({publisher})"),
        }
    }
}

/// How a script is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptState {
    /// Which.
    pub script: Script,
    /// Its last run that has ended.
    pub last_run: RunId,
    /// How that ended.
    pub last_outcome: RunOutcome,
    /// What it said at the end.
    pub last_message: String,
    /// When it began.
    pub last_started: Timestamp,
    /// When it ended.
    pub last_completed: Timestamp,
    /// When a run last ended well; none: never.
    pub last_success: Option<Timestamp>,
    /// Since then; none: nothing is wrong.
    pub failing: Option<Failing>,
}

/// An incident that is not over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failing {
    /// The first run of it.
    pub first: RunId,
    /// When that ended.
    pub since: Timestamp,
    /// How many runs it has.
    pub failures: u32,
    /// Whether the operators were told.
    pub told: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_named_with_what_it_works_on() {
        let script = |distribution: &str, scope: &str| {
            let name = "process-upload".to_owned();
            Script { name, distribution_id: None, distribution: distribution.into(), scope: scope.into() }
                .to_string()
        };
        assert_eq!(script("demo", ""), "process-upload of demo");
        assert_eq!(script("", "/srv/uploads"), "process-upload of /srv/uploads");
        assert_eq!(script("demo", "~ann/demo/tools"), "process-upload of ~ann/demo/tools");
        assert_eq!(script("demo", "ppas"), "process-upload of demo (ppas)");
        assert_eq!(script("", ""), "process-upload");
    }
}
