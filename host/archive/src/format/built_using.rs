//! `Built-Using` and `Static-Built-Using` (Debian Policy 7.8): `gcc-11 (= 11.2.0-1), libfoo (= 1)`.
//!
//! Decides which sources are meant. What is no relation is passed over, and the rest counts: a slip in one place must not let the sources of the others go.

use super::relations::{VersionTest, parse};
use crate::domain::name::SourceName;
use crate::domain::version::DebVersion;
use crate::domain::{BuiltUsingField, Ingredient};

/// The most sources of a field that count.
const MOST: usize = 10_000;

/// The sources that the fields `Built-Using` and `Static-Built-Using` of a package name.
#[must_use]
pub fn ingredients(built: &str, statically_built: &str) -> Vec<Ingredient> {
    let fields =
        [(BuiltUsingField::BuiltUsing, built), (BuiltUsingField::StaticBuiltUsing, statically_built)];
    let all = fields.into_iter().flat_map(|(field, value)| {
        built_using(value).into_iter().map(move |(source, version)| Ingredient { field, source, version })
    });
    all.collect()
}

/// The sources that a field names, each with its version where it says one, in order and each once.
#[must_use]
pub fn built_using(value: &str) -> Vec<(SourceName, Option<DebVersion>)> {
    let mut found = Vec::new();
    for part in value.split(',').take(MOST) {
        let Ok(groups) = parse(part) else { continue };
        for relation in groups.into_iter().flatten() {
            let Ok(source) = relation.package.as_str().parse() else { continue };
            // without a version, or with another test than the one that Policy has: whichever version it may be stays
            let version = match relation.version {
                Some((VersionTest::Equal, version)) => Some(version),
                Some((
                    VersionTest::Earlier
                    | VersionTest::EarlierOrEqual
                    | VersionTest::LaterOrEqual
                    | VersionTest::Later,
                    _,
                ))
                | None => None,
            };
            found.push((source, version));
        }
    }
    found.sort();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Vec<String> {
        built_using(value)
            .into_iter()
            .map(|(name, version)| {
                version.map_or_else(|| name.to_string(), |version| format!("{name} {version}"))
            })
            .collect()
    }

    #[test]
    fn sources_are_read_with_their_versions() {
        for (value, sources) in [
            ("", &[][..]),
            ("gcc-11 (= 11.2.0-1)", &["gcc-11 11.2.0-1"]),
            ("bb (= 2),\n aa (= 1:1~rc1-1+b2),", &["aa 1:1~rc1-1+b2", "bb 2"]),
            ("aa (= 1), aa (= 1), aa (= 2)", &["aa 1", "aa 2"]),
            ("aa", &["aa"]),
            ("aa (>= 1)", &["aa"]),
        ] {
            assert_eq!(read(value), sources, "{value}");
        }
    }

    #[test]
    fn what_is_no_relation_takes_nothing_else_with_it() {
        assert_eq!(read("aa (= 1), ???, bb (= 2, cc (= 3)"), ["aa 1", "cc 3"]);
        assert_eq!(read("aa (= 1), ${misc:Built-Using}"), ["aa 1"]);
    }
}
