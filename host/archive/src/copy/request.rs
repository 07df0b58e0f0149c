//! The life of a request to fill a copy archive: which step leads where. Pure.

use crate::domain::CopyRequestStatus;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Somebody begins with it.
    Begin,
    /// All of it is done.
    Finish,
    /// It turns out that it cannot be done.
    Fail,
    /// It is not wanted any more, and somebody may be at it.
    AskToStop,
    /// It is not wanted any more, and nobody is at it, or whoever was has stopped.
    Stop,
}

/// What a request is after something has happened to it; none: that cannot happen to it.
#[must_use]
pub const fn after(status: CopyRequestStatus, act: Act) -> Option<CopyRequestStatus> {
    use CopyRequestStatus::{Canceling, Cancelled, Complete, Failed, InProgress, New};
    match (status, act) {
        (New, Act::Begin) => Some(InProgress),
        (InProgress, Act::Finish) => Some(Complete),
        (New | InProgress, Act::Fail) => Some(Failed),
        (InProgress, Act::AskToStop) => Some(Canceling),
        (New, Act::AskToStop) | (New | InProgress | Canceling, Act::Stop) => Some(Cancelled),
        (InProgress | Canceling, Act::Begin)
        | (New | Canceling, Act::Finish)
        | (Canceling, Act::Fail | Act::AskToStop)
        | (Complete | Failed | Cancelled, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_stays_as_it_is_and_the_rest_ends_in_one_of_three_ways() {
        use CopyRequestStatus::{Canceling, Cancelled, Complete, Failed, InProgress, New};
        let all = [Act::Begin, Act::Finish, Act::Fail, Act::AskToStop, Act::Stop];
        for status in CopyRequestStatus::ALL {
            for act in all {
                let after = after(*status, act);
                assert!(status.is_open() || after.is_none(), "{status} {act:?}");
                assert_ne!(after, Some(*status), "{status} {act:?}");
            }
        }
        for (status, act, expected) in [
            (New, Act::Begin, Some(InProgress)),
            (New, Act::AskToStop, Some(Cancelled)),
            (New, Act::Finish, None),
            (InProgress, Act::Begin, None),
            (InProgress, Act::Finish, Some(Complete)),
            (InProgress, Act::Fail, Some(Failed)),
            (InProgress, Act::AskToStop, Some(Canceling)),
            (InProgress, Act::Stop, Some(Cancelled)),
            (Canceling, Act::Stop, Some(Cancelled)),
            (Canceling, Act::Fail, None),
            (Canceling, Act::AskToStop, None),
            (Complete, Act::Stop, None),
            (Cancelled, Act::Begin, None),
            (Failed, Act::Begin, None),
        ] {
            assert_eq!(after(status, act), expected, "{status} {act:?}");
        }
    }
}
