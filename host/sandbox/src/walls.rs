//! Which of the kernel's walls stand around a worker: what a kernel lacks is no error, but it is known, and an operator may insist.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text;

/// One wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wall {
    /// It stands; with what it covers, in a few words.
    Stands(String),
    /// It does not, and why.
    Missing(String),
}

impl Wall {
    /// Whether it stands.
    pub fn stands(&self) -> bool {
        matches!(self, Self::Stands(_))
    }
}

impl fmt::Display for Wall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stands(covers) => write!(formatter, "stands ({covers})"),
            Self::Missing(reason) => write!(formatter, "missing ({reason})"),
        }
    }
}

/// What the kernel holds a worker to, beside the engine: the second line, for the day on which the first has a hole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walls {
    /// No file, no connection, no signal to others.
    pub landlock: Wall,
    /// No system call but those that running a hook takes.
    pub seccomp: Wall,
    /// Memory, processor time, descriptors, no written file.
    pub rlimits: Wall,
}

impl Walls {
    /// Each with its name.
    pub fn each(&self) -> [(&'static str, &Wall); 3] {
        [("Landlock", &self.landlock), ("seccomp", &self.seccomp), ("rlimits", &self.rlimits)]
    }

    /// The same in words that are fit for a log, whoever has said them.
    pub(crate) fn tidy(self) -> Self {
        let tidy = |wall: Wall| match wall {
            Wall::Stands(covers) => Wall::Stands(text::one_line(&covers)),
            Wall::Missing(reason) => Wall::Missing(text::one_line(&reason)),
        };
        Self { landlock: tidy(self.landlock), seccomp: tidy(self.seccomp), rlimits: tidy(self.rlimits) }
    }

    /// Those that do not stand, with the reason of each; nothing when all do.
    pub fn missing(&self) -> Option<String> {
        let missing: Vec<String> = self
            .each()
            .into_iter()
            .filter_map(|(name, wall)| match wall {
                Wall::Stands(_) => None,
                Wall::Missing(reason) => Some(format!("{name} ({reason})")),
            })
            .collect();
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_its_reason() {
        let stands = || Wall::Stands("all".into());
        let mut walls = Walls { landlock: stands(), seccomp: stands(), rlimits: stands() };
        assert_eq!(walls.missing(), None);
        walls.landlock = Wall::Missing("this kernel has none".into());
        walls.rlimits = Wall::Missing("memory".into());
        assert_eq!(walls.missing().unwrap(), "Landlock (this kernel has none), rlimits (memory)");
    }
}
