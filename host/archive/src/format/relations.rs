//! Relations between packages (Debian Policy 7.1): `a (>= 1) [amd64] <!nocheck> | b:any, c`.
//!
//! Decides what is one. Substitution variables are none: what is published has none left. Empty places between commas are, since dpkg writes them.

use crate::domain::plain::shown;
use crate::domain::{ArchitectureTag, BinaryName, DebVersion};

/// The most alternatives of a field together.
pub const MAX_RELATIONS: usize = 10_000;

/// A text that is no relation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} is no relation: {reason}")]
pub struct RelationError {
    /// The alternative, quoted and shortened.
    text: String,
    /// What is wrong with it.
    reason: String,
}

/// How versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionTest {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// A package that is meant, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its name.
    pub package: BinaryName,
    /// What stands after a colon: an architecture, `any`, `native`.
    pub qualifier: Option<String>,
    /// Which versions of it.
    pub version: Option<(VersionTest, DebVersion)>,
    /// For which architectures this counts, wildcards included, and whether for all others instead; empty: for all.
    pub architectures: Vec<(bool, ArchitectureTag)>,
    /// In which build profiles this counts: one of the lists has to hold, each word of it with whether it is negated.
    pub profiles: Vec<Vec<(bool, String)>>,
}

/// Reads a field: what is separated by commas has to hold, and of what is separated by bars one.
///
/// # Errors
/// Names the first alternative that is none.
pub fn parse(value: &str) -> Result<Vec<Vec<Relation>>, RelationError> {
    let mut count = 0;
    let mut all = Vec::new();
    for group in value.split(',') {
        if group.trim().is_empty() {
            continue;
        }
        let mut alternatives = Vec::new();
        for alternative in group.split('|') {
            count += 1;
            if count > MAX_RELATIONS {
                let reason = format!("the field has more than {MAX_RELATIONS}");
                return Err(RelationError { text: shown(alternative.trim()), reason });
            }
            alternatives.push(relation(alternative)?);
        }
        all.push(alternatives);
    }
    Ok(all)
}

fn relation(text: &str) -> Result<Relation, RelationError> {
    let fail = |reason: String| RelationError { text: shown(text.trim()), reason };
    let mut rest = text.trim();
    if rest.contains("${") {
        return Err(fail("it has a substitution variable, which nobody has substituted".to_owned()));
    }
    let end = rest
        .find(|character: char| character.is_whitespace() || ":([<".contains(character))
        .unwrap_or(rest.len());
    let package = rest[..end].parse::<BinaryName>().map_err(|error| fail(error.to_string()))?;
    rest = &rest[end..];
    let mut qualifier = None;
    if let Some(after) = rest.strip_prefix(':') {
        let end = after
            .find(|character: char| character.is_whitespace() || "([<".contains(character))
            .unwrap_or(after.len());
        let word: ArchitectureTag = after[..end].parse().map_err(|error| fail(format!("{error}")))?;
        qualifier = Some(word.to_string());
        rest = &after[end..];
    }
    let mut version = None;
    rest = rest.trim_start();
    if let Some(after) = rest.strip_prefix('(') {
        let (inside, after) = after.split_once(')').ok_or_else(|| fail("a ) is missing".to_owned()))?;
        version = Some(version_test(inside).map_err(&fail)?);
        rest = after.trim_start();
    }
    let mut architectures = Vec::new();
    if let Some(after) = rest.strip_prefix('[') {
        let (inside, after) = after.split_once(']').ok_or_else(|| fail("a ] is missing".to_owned()))?;
        for word in inside.split_whitespace() {
            let (negated, word) = negated(word);
            architectures.push((negated, word.parse().map_err(|error| fail(format!("{error}")))?));
        }
        if architectures.is_empty() {
            return Err(fail("there is no architecture in []".to_owned()));
        }
        if architectures.iter().any(|(negated, _)| *negated != architectures[0].0) {
            return Err(fail("in [] either all architectures have a ! or none".to_owned()));
        }
        rest = after.trim_start();
    }
    let mut profiles = Vec::new();
    while let Some(after) = rest.strip_prefix('<') {
        let (inside, after) = after.split_once('>').ok_or_else(|| fail("a > is missing".to_owned()))?;
        let mut list = Vec::new();
        for word in inside.split_whitespace() {
            let (negated, word) = negated(word);
            let is_profile =
                |character: char| character.is_ascii_alphanumeric() || "-._+".contains(character);
            if word.is_empty() || !word.chars().all(is_profile) {
                return Err(fail(format!("{} is no build profile", shown(word))));
            }
            list.push((negated, word.to_owned()));
        }
        if list.is_empty() {
            return Err(fail("there is no build profile in <>".to_owned()));
        }
        profiles.push(list);
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        return Err(fail(format!("{} is left over", shown(rest))));
    }
    Ok(Relation { package, qualifier, version, architectures, profiles })
}

fn negated(word: &str) -> (bool, &str) {
    word.strip_prefix('!').map_or((false, word), |word| (true, word))
}

fn version_test(inside: &str) -> Result<(VersionTest, DebVersion), String> {
    let inside = inside.trim();
    // those without a double sign are as old as dpkg: they mean less or equal, and more or equal
    let (test, rest) = [
        ("<<", VersionTest::Earlier),
        ("<=", VersionTest::EarlierOrEqual),
        (">=", VersionTest::LaterOrEqual),
        (">>", VersionTest::Later),
        ("<", VersionTest::EarlierOrEqual),
        (">", VersionTest::LaterOrEqual),
        ("=", VersionTest::Equal),
    ]
    .into_iter()
    .find_map(|(sign, test)| Some((test, inside.strip_prefix(sign)?)))
    .ok_or("a version is compared with <<, <=, =, >= or >>")?;
    rest.trim().parse().map(|version| (test, version)).map_err(|error| format!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_groups_of_alternatives() {
        let all = parse(
            "debhelper-compat (= 13), libc6-dev (>= 2.3)|libc-dev,\n python3:any <!nocheck> <cross stage1>, gcc [linux-any !hurd-i386]x",
        );
        assert!(all.is_err());
        let all = parse(
            "debhelper-compat (= 13), libc6-dev(>=2.3)|libc-dev,\n python3:any (>> 1:3) [amd64 linux-any] <!nocheck> <cross stage1>,,",
        )
        .unwrap();
        assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [1, 2, 1]);
        assert_eq!(all[0][0].version, Some((VersionTest::Equal, "13".parse().unwrap())));
        assert_eq!(all[1][0].version.as_ref().unwrap().0, VersionTest::LaterOrEqual);
        let python = &all[2][0];
        assert_eq!(python.qualifier.as_deref(), Some("any"));
        assert_eq!(python.architectures.len(), 2);
        assert_eq!(
            python.profiles,
            [vec![(true, "nocheck".into())], vec![(false, "cross".into()), (false, "stage1".into())]]
        );
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn what_is_no_relation_is_refused() {
        for text in [
            "De bhelper",
            "a",
            "aa (13)",
            "aa (= )",
            "aa (= 1",
            "aa (= one)",
            "aa [amd64",
            "aa []",
            "aa [amd64 !i386]",
            "aa <!nocheck",
            "aa <>",
            "aa <a b*>",
            "aa | ",
            "aa, | bb",
            "aa bb",
            "${misc:Depends}",
            "aa (>= ${source:Version})",
            "aa:",
            "aa (= 1) (= 2)",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&"aa,".repeat(MAX_RELATIONS + 1)).is_err());
        assert_eq!(
            parse("aa (13)").unwrap_err().to_string(),
            "\"aa (13)\" is no relation: a version is compared with <<, <=, =, >= or >>"
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-c0-9 :()\\[\\]<>=|,!\\PC]{0,40}") {
            drop(parse(&text));
        }
    }
}
