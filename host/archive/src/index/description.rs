//! A package's description, whole or apart: the first line stays in Packages, with the digest by which clients find the rest in Translation-en.

use crate::domain::Md5;
use crate::format::control;

/// What a package says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Description<'a>(&'a str);

impl<'a> Description<'a> {
    /// The description in a package's paragraph; none where it has none.
    pub(super) fn of(paragraph: &'a str) -> Option<Self> {
        control::pairs(paragraph)
            .find(|(name, _)| name.eq_ignore_ascii_case("Description"))
            .and_then(|(_, value)| Self::new(value))
    }

    /// The description that a field has.
    pub(super) fn new(value: &'a str) -> Option<Self> {
        // apt takes blanks around a value for none of it
        Some(value.trim_matches([' ', '\t', '\n'])).filter(|text| !text.is_empty()).map(Self)
    }

    /// Its first line.
    pub(super) fn synopsis(self) -> &'a str {
        self.0.split('\n').next().unwrap_or(self.0)
    }

    /// The digest that clients know it by: of all of it, with a newline.
    pub(super) fn digest(self) -> Md5 {
        let mut text = String::with_capacity(self.0.len() + 1);
        text.push_str(self.0);
        text.push('\n');
        Md5::of(text.as_bytes())
    }

    /// Appends its stanza in Translation-en.
    pub(super) fn write(self, package: &str, digest: Md5, out: &mut String) {
        for (field, value) in
            [("Package", package), ("Description-md5", &digest.to_string()), ("Description-en", self.0)]
        {
            out.push_str(field);
            out.push_str(": ");
            out.push_str(value);
            out.push('\n');
        }
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_has_a_first_line_a_digest_and_a_stanza() {
        let paragraph = "Package: hello\ndescription: greets\n in two\n .\n parts\nTag: x\n";
        let description = Description::of(paragraph).unwrap();
        assert_eq!(description.synopsis(), "greets");
        // printf 'greets\n in two\n .\n parts\n' | md5sum
        assert_eq!(description.digest().to_string(), "a4ad972598dde209552a191945907d11");
        let mut out = String::new();
        description.write("hello", description.digest(), &mut out);
        assert_eq!(
            out,
            "Package: hello\nDescription-md5: a4ad972598dde209552a191945907d11\nDescription-en: greets\n in two\n .\n parts\n\n"
        );
    }

    #[test]
    fn a_package_may_say_one_line_or_nothing() {
        assert_eq!(Description::of("Package: hello\nDescription: greets\n").unwrap().synopsis(), "greets");
        for paragraph in
            ["Package: hello\n", "Package: hello\nDescription:\n", "Description:  \nPackage: a\n"]
        {
            assert_eq!(Description::of(paragraph), None, "{paragraph:?}");
        }
    }
}
