//! The rule: the latest version is live; of equal versions, the publication made last.

use crate::domain::PublicationId;
use crate::store::publication::Candidate;

/// What is to become of one publication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// The publication that goes.
    pub superseded: PublicationId,
    /// The release that takes its place: the nearest live one above.
    pub by_release: i64,
}

/// Judges the publications of one name. The order of `candidates` does not matter.
#[must_use]
pub fn judge(candidates: &[Candidate]) -> Vec<Verdict> {
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    order.sort_by(|one, other| {
        (other.version.dpkg_cmp(&one.version))
            .then_with(|| (other.date_created, other.publication).cmp(&(one.date_created, one.publication)))
    });
    let Some((live, rest)) = order.split_first() else { return Vec::new() };
    rest.iter().map(|one| Verdict { superseded: one.publication, by_release: live.release }).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::PublicationStatus;

    fn candidate(id: i64, version: &str, second: i64) -> Candidate {
        Candidate {
            publication: PublicationId(id),
            release: id * 10,
            version: version.parse().unwrap(),
            status: PublicationStatus::Published,
            date_created: Timestamp::from_second(second).unwrap(),
        }
    }

    fn gone(candidates: &[Candidate]) -> Vec<(i64, i64)> {
        let mut gone: Vec<_> =
            judge(candidates).into_iter().map(|verdict| (verdict.superseded.0, verdict.by_release)).collect();
        gone.sort_unstable();
        gone
    }

    #[test]
    fn the_latest_version_is_live() {
        assert_eq!(
            gone(&[candidate(1, "1.0-1", 0), candidate(2, "1.0-1+b1", 0), candidate(3, "0.9", 9)]),
            [(1, 20), (3, 20)]
        );
        assert_eq!(gone(&[candidate(1, "1:0.1", 0), candidate(2, "9.0", 5)]), [(2, 10)]);
        assert_eq!(gone(&[candidate(1, "1.0~rc1", 5), candidate(2, "1.0", 0)]), [(1, 20)]);
    }

    #[test]
    fn of_equal_versions_the_last_publication_is_live() {
        assert_eq!(gone(&[candidate(1, "1.0", 5), candidate(2, "1.0", 3)]), [(2, 10)]);
        assert_eq!(gone(&[candidate(1, "1.0", 5), candidate(2, "1.0", 5)]), [(1, 20)]);
    }

    #[test]
    fn one_alone_stays() {
        assert_eq!(gone(&[candidate(1, "1.0", 5)]), []);
        assert_eq!(gone(&[]), []);
    }

    proptest! {
        #[test]
        fn exactly_one_stays_whatever_the_order(
            mut rows in proptest::collection::vec(("[0-9][0-9.~+]{0,3}", 0i64..3), 1..8),
            swaps in proptest::collection::vec((0usize..8, 0usize..8), 0..8),
        ) {
            rows.retain(|(version, _)| version.parse::<crate::domain::version::DebVersion>().is_ok());
            prop_assume!(!rows.is_empty());
            let candidates: Vec<_> =
                rows.iter().zip(1..).map(|((version, second), id)| candidate(id, version, *second)).collect();
            let mut other = candidates.clone();
            for (one, two) in swaps {
                let length = other.len();
                other.swap(one % length, two % length);
            }
            prop_assert_eq!(gone(&candidates).len(), candidates.len() - 1);
            prop_assert_eq!(gone(&candidates), gone(&other));
        }
    }
}
