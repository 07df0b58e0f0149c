//! Relations between packages (Debian Policy 7.1): `a (>= 1) [amd64] <!nocheck> | b:any, c`.
//!
//! Decides what is one. Substitution variables are none: what is published has none left. Empty places between commas are, since dpkg writes them.
//!
//! [`parse`] reads those of sources. Those of binary packages are held against [`readable`]: what cannot be read there harms more than its package, since apt
//! takes no word of an index in which it finds one such field, for any package of the archive.

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

/// The fields of binary packages that have relations, and that apt reads in an index.
pub const BINARY_FIELDS: [&str; 10] = [
    "Pre-Depends",
    "Depends",
    "Recommends",
    "Suggests",
    "Enhances",
    "Breaks",
    "Conflicts",
    "Replaces",
    "Provides",
    "Obsoletes",
];

/// A field of a binary package that would make apt refuse an index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the field {field} cannot be read, and apt would take no index with it")]
pub struct FieldFault {
    /// Which.
    pub field: &'static str,
    /// Why.
    #[source]
    pub reason: RelationError,
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

/// The first field of a binary package's control file with relations that clients could not read; an empty one harms nobody.
///
/// # Errors
/// Names the field and what is wrong with it.
pub fn check_binary<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> Result<(), FieldFault> {
    for (name, value) in fields {
        if let Some(field) = BINARY_FIELDS.into_iter().find(|field| field.eq_ignore_ascii_case(name)) {
            readable(value).map_err(|reason| FieldFault { field, reason })?;
        }
    }
    Ok(())
}

/// Whether dpkg and apt can both read the relations of a binary package. They take names that Policy does not allow, with capitals and underscores, and so
/// is done here: packages of vendors have them. There is nothing in brackets, which is for sources, and apt reads no place between commas that is empty, unless
/// it is the last.
///
/// # Errors
/// Names the first alternative that one of them cannot read.
pub fn readable(value: &str) -> Result<(), RelationError> {
    let fail =
        |text: &str, reason: &str| RelationError { text: shown(text.trim()), reason: reason.to_owned() };
    if !value.is_ascii() {
        // other blanks than those of ASCII are none to apt
        return Err(fail(value, "it has a character that is not ASCII"));
    }
    let value = value.trim();
    if value.is_empty() {
        return Ok(());
    }
    let groups: Vec<&str> = value.strip_suffix(',').unwrap_or(value).split(',').collect();
    let mut count = 0;
    for alternative in groups.into_iter().flat_map(|group| group.split('|')) {
        count += 1;
        if count > MAX_RELATIONS {
            return Err(fail(alternative, &format!("the field has more than {MAX_RELATIONS}")));
        }
        let written = written(alternative)?;
        if !is_name_for_dpkg(written.package) {
            return Err(fail(
                alternative,
                "a package's name is made of letters, digits and - + . _, and begins with a letter or digit",
            ));
        }
        if !written.architectures.is_empty() || !written.profiles.is_empty() {
            return Err(fail(
                alternative,
                "what stands in [] or <> is for sources, and for builds to leave out",
            ));
        }
    }
    // apt wants more than three characters from there to the end of the field
    if let Some((_, last)) = value.rsplit_once('(')
        && last.trim_start().len() <= SHORTEST_FOR_APT
    {
        return Err(fail(
            value,
            "apt reads no version as short as this at the end of a field: write it as (= 1)",
        ));
    }
    Ok(())
}

/// What apt does not read behind the last `(` of a field: `=1)`.
const SHORTEST_FOR_APT: usize = 3;

fn is_name_for_dpkg(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.chars().all(|character| character.is_ascii_alphanumeric() || "-+._".contains(character))
}

fn relation(text: &str) -> Result<Relation, RelationError> {
    let Written { package, qualifier, version, architectures, profiles } = written(text)?;
    let package = package
        .parse::<BinaryName>()
        .map_err(|error| RelationError { text: shown(text.trim()), reason: error.to_string() })?;
    Ok(Relation { package, qualifier, version, architectures, profiles })
}

/// As [`Relation`], with a name that may be none.
struct Written<'a> {
    package: &'a str,
    qualifier: Option<String>,
    version: Option<(VersionTest, DebVersion)>,
    architectures: Vec<(bool, ArchitectureTag)>,
    profiles: Vec<Vec<(bool, String)>>,
}

fn written(text: &str) -> Result<Written<'_>, RelationError> {
    let fail = |reason: String| RelationError { text: shown(text.trim()), reason };
    let mut rest = text.trim();
    if rest.contains("${") {
        return Err(fail("it has a substitution variable, which nobody has substituted".to_owned()));
    }
    let end = rest
        .find(|character: char| character.is_whitespace() || ":([<".contains(character))
        .unwrap_or(rest.len());
    if end == 0 {
        return Err(fail("the name of a package is missing".to_owned()));
    }
    let package = &rest[..end];
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
    Ok(Written { package, qualifier, version, architectures, profiles })
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

    #[test]
    fn relations_of_binary_packages_are_those_that_dpkg_and_apt_read() {
        for value in [
            "",
            " ",
            "aa",
            "aa,",
            "aa, ",
            "libc6 (>= 2.36), libgcc-s1 (>= 3.0) | libgcc1:any (<< 1:10~),\n perl:any",
            "python3-foo (= 1.0-1+b1), python3.11-foo",
            "a-b:amd64 (>= 1)",
            "Foo_Bar (>= 1)",
            "r (>= 1)",
            "7zip",
            "aa ( = 1 )",
            "aa (=1), bb",
            "aa(= 1)|bb",
        ] {
            assert_eq!(readable(value), Ok(()), "{value}");
        }
        for value in [
            "foo (>> , |",
            "foo bar",
            "aa,, bb",
            ", aa",
            "aa,,",
            "| aa",
            "aa |",
            "aa | | bb",
            "aa | , bb",
            "aa (13)",
            "aa (1.0-13)",
            "aa (",
            "aa (=1)",
            "aa (= )",
            "aa (= 1",
            "aa (= 1) (= 2)",
            "aa (<> 1)",
            "aa (>= one)",
            "aa (x)",
            "aa [amd64",
            "aa [amd64]",
            "aa <!nocheck>",
            "aa)",
            "aa:",
            "-aa",
            "é",
            "aa \u{a0}",
            "${misc:Depends}",
            "aa (= ${binary:Version})",
        ] {
            assert!(readable(value).is_err(), "{value}");
        }
        assert!(readable(&"aa,".repeat(MAX_RELATIONS + 1)).is_err());
        assert_eq!(readable(&"aa,".repeat(MAX_RELATIONS)), Ok(()));
    }

    #[test]
    fn of_a_control_file_the_fields_with_relations_are_looked_at_and_no_others() {
        let fields =
            |name: &'static str| [("Package", "a b"), (name, "aa bb"), ("Description", "a (")].into_iter();
        for name in BINARY_FIELDS {
            assert_eq!(check_binary(fields(name)).unwrap_err().field, name);
        }
        assert!(check_binary(fields("Tag")).is_ok());
        assert_eq!(
            crate::domain::chain(&check_binary(fields("pre-depends")).unwrap_err()),
            "the field Pre-Depends cannot be read, and apt would take no index with it: \"aa bb\" is no relation: \"bb\" is left over"
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-c0-9 :()\\[\\]<>=|,!\\PC]{0,40}") {
            drop(parse(&text));
            drop(readable(&text));
        }

        #[test]
        fn what_is_read_as_a_relation_of_a_package_is_one_of_a_source(text in "[a-c]{2,3}( \\([<>=]{1,2} ?[0-9a]{1,3}\\))?([,|] ?[a-c]{2,3}( \\([<>=]{1,2} ?[0-9a]{1,3}\\))?){0,3}") {
            if readable(&text).is_ok() {
                proptest::prop_assert!(parse(&text).is_ok());
            }
        }
    }
}
