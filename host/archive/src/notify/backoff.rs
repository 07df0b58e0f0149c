//! When a message that nobody took is tried again, and when it is given up.

use jiff::{SignedDuration, Timestamp};

/// The longest wait between two attempts.
const LONGEST: SignedDuration = SignedDuration::from_hours(6);

/// How long and how often it is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How often in all; at least once.
    pub attempts: u32,
    /// How long the second attempt waits after the first. Every further wait is twice as long, up to six hours.
    pub first_wait: SignedDuration,
}

impl Patience {
    /// When a message is tried again that was tried `attempts` times; none: never.
    #[must_use]
    pub fn next(&self, attempts: u32, now: Timestamp) -> Option<Timestamp> {
        (attempts < self.attempts).then(|| self.after(attempts, now))
    }

    /// When a message would be tried again, however often it was tried.
    #[must_use]
    pub fn after(&self, attempts: u32, now: Timestamp) -> Timestamp {
        let doubled = 1_i32.checked_shl(attempts.saturating_sub(1).min(30)).unwrap_or(i32::MAX);
        let wait = self.first_wait.saturating_mul(doubled).min(LONGEST);
        now.checked_add(wait).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_six_hours_and_come_to_an_end() {
        let patience = Patience { attempts: 9, first_wait: SignedDuration::from_mins(5) };
        let now = Timestamp::UNIX_EPOCH;
        let waits: Vec<_> = (1..=10)
            .map(|attempts| patience.next(attempts, now).map(|at| at.duration_since(now).as_secs() / 60))
            .collect();
        let expected =
            [Some(5), Some(10), Some(20), Some(40), Some(80), Some(160), Some(320), Some(360), None, None];
        assert_eq!(waits, expected);
    }

    #[test]
    fn absurd_numbers_are_only_long_waits() {
        let patience = Patience { attempts: u32::MAX, first_wait: SignedDuration::MAX };
        for attempts in [0, 1, 31, 32, u32::MAX - 1] {
            let at = patience.next(attempts, Timestamp::UNIX_EPOCH).unwrap();
            assert_eq!(at.duration_since(Timestamp::UNIX_EPOCH), LONGEST);
        }
        assert_eq!(patience.after(1, Timestamp::MAX), Timestamp::MAX);
    }
}
