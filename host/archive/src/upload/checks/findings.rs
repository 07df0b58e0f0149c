//! What the checks have found so far. Says nothing of its own.

use crate::domain::plain::escaped_to;
use crate::domain::problem::{Problem, Severity};

/// So many are told; what comes after them is counted.
const MAX_PROBLEMS: usize = 200;
/// The longest text of one, in characters.
const MAX_TEXT_CHARACTERS: usize = 2000;

/// Problems in the order in which they were found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    problems: Vec<Problem>,
    untold: usize,
    rejects: bool,
}

impl Findings {
    /// For this the upload does not come in.
    pub(super) fn reject(
        &mut self,
        check: &'static str,
        file: &str,
        what: impl AsRef<str>,
        remedy: impl AsRef<str>,
    ) {
        self.rejects = true;
        self.add(Severity::Rejection, check, file, what.as_ref(), remedy.as_ref());
    }

    /// This the uploader is told.
    pub(super) fn warn(
        &mut self,
        check: &'static str,
        file: &str,
        what: impl AsRef<str>,
        remedy: impl AsRef<str>,
    ) {
        self.add(Severity::Warning, check, file, what.as_ref(), remedy.as_ref());
    }

    fn add(&mut self, severity: Severity, check: &'static str, file: &str, what: &str, remedy: &str) {
        if self.problems.len() == MAX_PROBLEMS {
            self.untold += 1;
            return;
        }
        let plain = |text: &str| escaped_to(text, MAX_TEXT_CHARACTERS);
        let file = (!file.is_empty()).then(|| plain(file));
        self.problems.push(Problem { severity, check, file, what: plain(what), remedy: plain(remedy) });
    }

    /// Whether something was found for which the upload does not come in.
    pub(super) const fn rejects(&self) -> bool {
        self.rejects
    }

    /// All of it.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        if self.untold > 0 {
            self.problems.push(Problem {
                severity: if self.rejects { Severity::Rejection } else { Severity::Warning },
                check: "more",
                file: None,
                what: format!("{} more problems were found", self.untold),
                remedy: "see to these first and upload again".to_owned(),
            });
        }
        self.problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_one_line_and_short_and_problems_are_few() {
        let mut findings = Findings::default();
        findings.warn("a", "evil\u{1b}[31m\n\u{202e}", "x".repeat(5000), "");
        assert!(!findings.rejects());
        for _ in 0..MAX_PROBLEMS {
            findings.reject("b", "", "what", "remedy");
        }
        assert!(findings.rejects());
        let problems = findings.into_problems();
        assert_eq!(problems.len(), MAX_PROBLEMS + 1);
        assert_eq!(problems[0].file.as_deref(), Some("evil\\u{1b}[31m\\n\\u{202e}"));
        assert!(problems[0].what.chars().count() == MAX_TEXT_CHARACTERS + 1);
        assert_eq!(problems[1].file, None);
        assert!(
            problems[MAX_PROBLEMS].what.starts_with("1 more")
                && problems[MAX_PROBLEMS].severity == Severity::Rejection
        );
    }
}
