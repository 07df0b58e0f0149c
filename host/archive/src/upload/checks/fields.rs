//! How long fields may be. Pure.
//!
//! What is published of a field is in every client's lists, and what is not is read by programs that expect a line. Fields that list things may be long;
//! all others are a few words.

use super::findings::Findings;

/// The longest field that lists or tells something, in bytes.
const MOST_OF_LISTS: usize = 1 << 20;
/// The longest other field, in bytes.
const MOST: usize = 64 << 10;

/// Fields that list or tell something, in lower case; checksums and build relations are found by how they begin.
const LISTS: [&str; 16] = [
    "binary",
    "breaks",
    "built-using",
    "changes",
    "conflicts",
    "depends",
    "description",
    "enhances",
    "files",
    "package-list",
    "pre-depends",
    "provides",
    "recommends",
    "replaces",
    "static-built-using",
    "suggests",
];

fn is_list(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    LISTS.contains(&field.as_str())
        || ["build-", "checksums-", "x-cargo-"].iter().any(|start| field.starts_with(start))
}

/// Refuses fields that are longer than any that somebody needs.
pub(super) fn check<'f>(
    check: &'static str,
    file: &str,
    fields: impl Iterator<Item = (&'f str, &'f str)>,
    findings: &mut Findings,
) {
    for (field, value) in fields {
        let most = if is_list(field) { MOST_OF_LISTS } else { MOST };
        if value.len() > most {
            findings.reject(
                check,
                file,
                format!(
                    "its field {field} has {} bytes, and {most} are the most that are taken",
                    value.len()
                ),
                "shorten it where it is written, in debian/control or debian/changelog, and build again",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_be_long_and_other_fields_a_few_words() {
        let refused = |field: &str, length: usize| {
            let mut findings = Findings::default();
            let value = "x".repeat(length);
            check("deb-control", "a.deb", [(field, value.as_str())].into_iter(), &mut findings);
            findings.rejects()
        };
        for field in ["Depends", "changes", "Checksums-Sha256", "Build-Depends", "Description"] {
            assert!(!refused(field, 1 << 20) && refused(field, (1 << 20) + 1), "{field}");
        }
        for field in ["Homepage", "Maintainer", "X-Anything"] {
            assert!(!refused(field, 64 << 10) && refused(field, (64 << 10) + 1), "{field}");
        }
    }
}
