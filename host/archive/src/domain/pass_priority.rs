//! The priority of a pass: what every hook is told.

use std::fmt;

/// 0 is high: the security fast track. 1 is low: the normal pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PassPriority(u8);

impl PassPriority {
    /// The security fast track.
    pub const HIGH: Self = Self(0);
    /// The normal pass.
    pub const LOW: Self = Self(1);

    /// As hooks get it.
    #[must_use]
    pub const fn as_u8(self) -> u8 {
        self.0
    }

    /// Any priority; only 0 and 1 are given out today.
    #[must_use]
    pub const fn new(priority: u8) -> Self {
        Self(priority)
    }
}

impl fmt::Display for PassPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HIGH => f.pad("high"),
            Self::LOW => f.pad("low"),
            Self(other) => f.pad(&other.to_string()),
        }
    }
}
