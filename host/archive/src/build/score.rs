//! How much a build hurries: a number made of where its source goes and what its upload says.

use crate::domain::{ArchivePurpose, Pocket};
use crate::format::changes::Urgency;
use crate::store::build_source::ScoreFacts;

/// The builds of a private archive come before all others.
const PRIVATE: i64 = 10_000;
/// Those of a copy of an archive come after all others.
const COPY: i64 = -2_600;
/// Packages of this section get nothing for what they are: there are many, and nobody waits for one.
const UNHURRIED_SECTION: &str = "translations";

/// The score of a build.
#[must_use]
pub fn score(facts: &ScoreFacts, urgency: Urgency) -> i64 {
    let of_archive = if facts.is_private { PRIVATE } else { 0 }
        + match facts.purpose {
            ArchivePurpose::Copy => COPY,
            ArchivePurpose::Primary | ArchivePurpose::Ppa | ArchivePurpose::Partner => 0,
        };
    let score = facts.archive_bonus.saturating_add(of_archive);
    if facts.section.as_ref().is_some_and(|section| section.without_component() == UNHURRIED_SECTION) {
        return score;
    }
    let of_package = of_urgency(urgency)
        + of_pocket(facts.pocket)
        + facts.component.as_ref().map_or(0, |(_, component)| of_component(component.as_str()));
    score.saturating_add(of_package).saturating_add(facts.package_set_bonus.unwrap_or(0))
}

const fn of_urgency(urgency: Urgency) -> i64 {
    match urgency {
        Urgency::Low => 5,
        Urgency::Medium => 10,
        Urgency::High => 15,
        // for Policy these two are one
        Urgency::Critical | Urgency::Emergency => 20,
    }
}

const fn of_pocket(pocket: Pocket) -> i64 {
    match pocket {
        Pocket::Backports => 0,
        Pocket::Release => 1_500,
        Pocket::Proposed | Pocket::Updates => 3_000,
        Pocket::Security => 4_500,
    }
}

fn of_component(component: &str) -> i64 {
    match component {
        "universe" => 250,
        "restricted" => 750,
        "main" => 1_000,
        "partner" => 1_250,
        _ => 0,
    }
}

/// As the builds' table has it.
pub(crate) const fn urgency_word(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Low => "low",
        Urgency::Medium => "medium",
        Urgency::High => "high",
        Urgency::Critical => "critical",
        Urgency::Emergency => "emergency",
    }
}

/// What the builds' table has.
pub(crate) fn urgency_of(word: &str) -> Urgency {
    [Urgency::Medium, Urgency::High, Urgency::Critical, Urgency::Emergency]
        .into_iter()
        .find(|urgency| urgency_word(*urgency) == word)
        .unwrap_or(Urgency::Low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ComponentId;

    fn facts(pocket: Pocket, component: &str) -> ScoreFacts {
        ScoreFacts {
            is_private: false,
            purpose: ArchivePurpose::Primary,
            archive_bonus: 0,
            pocket,
            component: Some((ComponentId(1), component.parse().unwrap())),
            section: Some("libs".parse().unwrap()),
            package_set_bonus: None,
        }
    }

    #[test]
    fn a_score_is_the_sum_of_what_is_known() {
        use Pocket::{Backports, Proposed, Release, Security, Updates};
        use Urgency::{Critical, Emergency, High, Low, Medium};
        for (pocket, component, urgency, expected) in [
            (Release, "main", Low, 2_505),
            (Release, "universe", Low, 1_755),
            (Release, "multiverse", Medium, 1_510),
            (Release, "restricted", High, 2_265),
            (Release, "partner", Emergency, 2_770),
            (Security, "main", Critical, 5_520),
            (Updates, "main", Low, 4_005),
            (Proposed, "main", Low, 4_005),
            (Backports, "universe", Low, 255),
            (Backports, "contrib", Low, 5),
        ] {
            let facts = facts(pocket, component);
            assert_eq!(score(&facts, urgency), expected, "{pocket} {component} {urgency:?}");
        }
    }

    #[test]
    fn archives_and_package_sets_count_too() {
        let plain = facts(Pocket::Release, "main");
        let private = ScoreFacts { is_private: true, ..plain.clone() };
        assert_eq!(score(&private, Urgency::Low), 12_505);
        let copy = ScoreFacts { purpose: ArchivePurpose::Copy, archive_bonus: 100, ..plain.clone() };
        assert_eq!(score(&copy, Urgency::Low), 5);
        let set = ScoreFacts { package_set_bonus: Some(30), ..plain.clone() };
        assert_eq!(score(&set, Urgency::Low), 2_535);
        let nowhere = ScoreFacts { component: None, section: None, ..plain };
        assert_eq!(score(&nowhere, Urgency::Low), 1_505);
    }

    #[test]
    fn translations_get_what_their_archive_gets_alone() {
        for section in ["translations", "universe/translations"] {
            let facts = ScoreFacts {
                section: Some(section.parse().unwrap()),
                archive_bonus: 7,
                package_set_bonus: Some(1_000),
                ..facts(Pocket::Security, "main")
            };
            assert_eq!(score(&facts, Urgency::Emergency), 7);
        }
    }

    #[test]
    fn no_bonus_is_too_large() {
        let facts = ScoreFacts {
            is_private: true,
            archive_bonus: i64::MAX,
            package_set_bonus: Some(i64::MAX),
            ..facts(Pocket::Security, "main")
        };
        assert_eq!(score(&facts, Urgency::Low), i64::MAX);
    }

    #[test]
    fn an_urgency_comes_back_as_it_was() {
        for urgency in [Urgency::Low, Urgency::Medium, Urgency::High, Urgency::Critical, Urgency::Emergency] {
            assert_eq!(urgency_of(urgency_word(urgency)), urgency);
        }
        assert_eq!(urgency_of("soon"), Urgency::Low);
    }
}
