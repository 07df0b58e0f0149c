//! When the Release of a suite has to be written and signed anew although nothing in the suite changes: pure.
//!
//! Clients refuse a Release whose `Valid-Until` has passed, and one that no key of theirs has signed.

use jiff::{SignedDuration, Timestamp};

use crate::store::suite::Suite;

/// Why a Release is written anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Renewal {
    /// Its `Valid-Until` comes near, or has passed.
    ValidUntil(Timestamp),
    /// It is for other keys than those that sign now.
    Keys,
}

impl std::fmt::Display for Renewal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ValidUntil(until) => write!(f, "its Release is valid until {until} only"),
            Self::Keys => f.write_str("its Release was signed for other keys"),
        }
    }
}

/// How suites are renewed.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// The moment that is judged.
    pub now: Timestamp,
    /// So long before `Valid-Until` it is time; none: a third of the whole. At most half of the whole, so that a Release lives for a while.
    pub margin: Option<SignedDuration>,
    /// The fingerprints of the keys that sign now, as in [`Suite::signing_keys`]; none: they are not known, or have never changed.
    pub keys: Option<&'a str>,
}

/// Until when the live Release of a suite is valid, if it ends.
#[must_use]
pub fn valid_until(suite: &Suite, valid_for_seconds: Option<i64>) -> Option<Timestamp> {
    suite.release_date?.checked_add(SignedDuration::from_secs(valid_for_seconds?)).ok()
}

/// Why the live Release of a suite is to be renewed now. A suite that has none is not renewed.
#[must_use]
pub fn renewals(suite: &Suite, valid_for_seconds: Option<i64>, terms: Terms<'_>) -> Vec<Renewal> {
    let mut renewals = Vec::new();
    if let (Some(until), Some(period)) = (valid_until(suite, valid_for_seconds), valid_for_seconds) {
        let margin = terms.margin.map_or(period / 3, |margin| margin.as_secs().clamp(0, period / 2));
        if terms.now.duration_until(until) <= SignedDuration::from_secs(margin) {
            renewals.push(Renewal::ValidUntil(until));
        }
    }
    if suite.release_date.is_some()
        && terms.keys.is_some_and(|keys| suite.signing_keys.as_deref() != Some(keys))
    {
        renewals.push(Renewal::Keys);
    }
    renewals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ArchiveId, SeriesId, SuiteId};

    fn suite(date: Option<&str>, keys: Option<&str>) -> Suite {
        Suite {
            id: SuiteId(1),
            archive: ArchiveId(1),
            series: SeriesId(1),
            name: "one".parse().unwrap(),
            indexes_wanted: 1,
            indexes_created: 1,
            release_wanted: 0,
            release_created: 0,
            signing_keys: keys.map(str::to_owned),
            date_last_published: None,
            release_date: date.map(|date| date.parse().unwrap()),
            was_indexed: true,
            pause: None,
            approval_required: false,
            group_by_source_seconds: None,
            domination_owed: false,
        }
    }

    fn due(date: Option<&str>, period: Option<i64>, margin: Option<i64>, now: &str) -> bool {
        let terms =
            Terms { now: now.parse().unwrap(), margin: margin.map(SignedDuration::from_secs), keys: None };
        !renewals(&suite(date, None), period, terms).is_empty()
    }

    #[test]
    fn a_release_is_renewed_when_a_third_of_its_time_is_left_or_what_the_operator_says() {
        const HOUR: i64 = 3600;
        let published = Some("2025-03-01T00:00:00Z");
        for (period, margin, now, expected) in [
            (Some(9 * HOUR), None, "2025-03-01T05:59:59Z", false),
            (Some(9 * HOUR), None, "2025-03-01T06:00:00Z", true),
            (Some(9 * HOUR), None, "2025-03-02T00:00:00Z", true),
            (Some(9 * HOUR), Some(HOUR), "2025-03-01T07:59:59Z", false),
            (Some(9 * HOUR), Some(HOUR), "2025-03-01T08:00:00Z", true),
            // more than half would renew it all the time
            (Some(10 * HOUR), Some(24 * HOUR), "2025-03-01T04:59:59Z", false),
            (Some(10 * HOUR), Some(24 * HOUR), "2025-03-01T05:00:00Z", true),
            (None, None, "2035-03-01T00:00:00Z", false),
            (None, Some(HOUR), "2035-03-01T00:00:00Z", false),
        ] {
            assert_eq!(due(published, period, margin, now), expected, "{period:?} {margin:?} {now}");
        }
        assert!(!due(None, Some(HOUR), None, "2025-03-01T00:00:00Z"), "what has no Release is not renewed");
        assert!(!due(published, Some(HOUR), None, "2024-03-01T00:00:00Z"), "a clock that was set back");
    }

    #[test]
    fn a_release_that_was_signed_for_other_keys_is_renewed() {
        let now = "2025-03-01T00:00:00Z".parse().unwrap();
        let terms = |keys| Terms { now, margin: None, keys };
        let published = |keys| suite(Some("2025-02-01T00:00:00Z"), keys);
        assert_eq!(renewals(&published(Some("A")), None, terms(Some("A B"))), [Renewal::Keys]);
        assert_eq!(renewals(&published(None), None, terms(Some("A"))), [Renewal::Keys]);
        assert!(renewals(&published(Some("A B")), None, terms(Some("A B"))).is_empty());
        assert!(renewals(&published(None), None, terms(None)).is_empty());
        assert!(renewals(&suite(None, None), None, terms(Some("A"))).is_empty());
    }
}
