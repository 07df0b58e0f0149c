//! Names: of packages, suites, sections, files.
//!
//! Decides what text may be such a name; never asks whether the named thing exists. Every type keeps the text it was
//! made from, unchanged, and is made only by its constructor ([`std::str::FromStr`], [`TryFrom<String>`], serde).
//! Because names become path components and words of index stanzas, none of them can hold a slash
//! (a [`Section`] has one at most), white space, a control character, or begin with a dot or a dash.

use super::plain::shown;

/// Text that cannot be what it was offered as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value} is no {what}: {reason}")]
pub struct NameError {
    /// What the text was to be, in the field's words: "source package name".
    pub what: &'static str,
    /// The text, quoted, escaped and shortened, so that it may be shown to a person.
    pub value: String,
    /// Which rule it breaks.
    pub reason: NameFault,
}

/// The rule that a refused text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameFault {
    /// There is no text.
    #[error("it is empty")]
    Empty,
    /// Fewer characters than the rule asks for.
    #[error("it needs at least {least} characters")]
    TooShort {
        /// The least number of characters.
        least: usize,
    },
    /// More bytes than are allowed.
    #[error("it is longer than {most} bytes")]
    TooLong {
        /// The largest number of bytes.
        most: usize,
    },
    /// Not exactly as long as it has to be.
    #[error("it must have exactly {exactly} characters")]
    WrongLength {
        /// The number of characters.
        exactly: usize,
    },
    /// The first character may stand elsewhere perhaps, but not there.
    #[error("it must not begin with {0:?}")]
    BadStart(char),
    /// A character that the rule does not know.
    #[error("{0:?} is not allowed in it")]
    BadCharacter(char),
    /// More than one slash in a section.
    #[error("it has more than one slash")]
    TooManySlashes,
    /// An ending with a meaning of its own.
    #[error("names ending in {0} are taken for another purpose; choose another ending")]
    ReservedEnding(&'static str),
    /// A version's epoch is there, but is not a number.
    #[error("the epoch before the first colon is not a number")]
    BadEpoch,
    /// A version's epoch is a number that dpkg cannot hold.
    #[error("the epoch is larger than {most}")]
    EpochTooLarge {
        /// The largest epoch.
        most: u32,
    },
    /// A version has nothing between its epoch and its revision.
    #[error("the upstream version is empty")]
    EmptyUpstream,
    /// A version ends in the dash that announces a revision.
    #[error("the revision after the last dash is empty")]
    EmptyRevision,
}

impl NameError {
    pub(crate) fn new(what: &'static str, value: &str, reason: NameFault) -> Self {
        Self { what, value: shown(value), reason }
    }
}

/// Gives a checked-text type its constructors and its ways back to text.
///
/// `Eq`, `Ord` and `Hash` are the type's own affair; everything else of the family is the same for all.
macro_rules! checked_text {
    ($type:ident, $what:literal, $check:path) => {
        impl $type {
            /// The text it was made from.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn check(text: &str) -> Result<(), $crate::domain::name::NameError> {
                $check(text).map_err(|reason| $crate::domain::name::NameError::new($what, text, reason))
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::domain::name::NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::domain::name::NameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::check(&text)?;
                Ok(Self(text))
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.0
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(&self.0, out)
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(out, concat!(stringify!($type), "({:?})"), self.0)
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?
                    .try_into()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use checked_text;

/// A name whose order and equality are those of its text.
macro_rules! name {
    ($(#[$meta:meta])* $type:ident, $what:literal, $check:path) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        checked_text!($type, $what, $check);

        /// Lets a map keyed by the name be asked with plain text; sound because equality, order and hash are the
        /// text's.
        impl std::borrow::Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name! {
    /// The name of a source package (Debian Policy 5.6.1): at least two characters of `a-z 0-9 + - .`, the first one a
    /// letter or digit.
    SourceName, "source package name", package_name
}
name! {
    /// The name of a binary package (Debian Policy 5.6.7); the rule is the source's.
    BinaryName, "binary package name", package_name
}
name! {
    /// The name of a component: `main`, `universe`, `non-free-firmware`. One word without a slash, because it is one
    /// folder under `dists/<suite>` and under `pool`.
    ComponentName, "component name", word
}
name! {
    /// An architecture (`amd64`), one of the words `all` and `source`, or a wildcard (`linux-any`) as the
    /// `Architecture` fields hold them (Debian Policy 5.6.8).
    ArchitectureTag, "architecture", architecture
}
name! {
    /// The name of a distribution. Because an archive's side folders stand beside its root and are called after it,
    /// a name must not end as they do.
    DistributionName, "distribution name", distribution_name
}
name! {
    /// The name of a series: `noble`, `trixie`. A suite is called after its series and pocket, so a series
    /// must not end like a pocket.
    SeriesName, "series name", series_name
}
name! {
    /// The name of a person or team: one word, because the folder of a person's archives is called after it.
    PersonName, "name of a person or team", word
}
name! {
    /// The name of a package set: one word.
    PackageSetName, "package set name", word
}
name! {
    /// A section as in control and index files (Debian Policy 2.4), with or without its component in front:
    /// `libs`, `non-free/libs`.
    Section, "section", section
}
name! {
    /// The priority of a package (Debian Policy 2.5): `required`, `important`, `standard`, `optional`, `extra`.
    /// Other words are kept, since archives hold them.
    PackagePriority, "package priority", priority
}
name! {
    /// The name of a file in a pool or an upload: one path component that is safe on disk, in a URL and in the
    /// columns of a checksum field.
    FileName, "file name", file_name
}

impl ArchitectureTag {
    /// Whether this is `all`: packages that are the same everywhere.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.0 == "all"
    }

    /// Whether this stands for several architectures (`any`, `linux-any`), as only source packages may say.
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.split('-').any(|part| part == "any")
    }

    /// Whether this is `source`: the word for source packages in a `.changes`.
    #[must_use]
    pub fn is_source(&self) -> bool {
        self.0 == "source"
    }
}

impl Section {
    /// The part before the slash: `non-free` of `non-free/libs`, nothing of `libs`.
    #[must_use]
    pub fn component(&self) -> Option<&str> {
        self.0.split_once('/').map(|(component, _)| component)
    }

    /// The part after the slash, or everything where there is none: `libs` of both `libs` and `non-free/libs`.
    #[must_use]
    pub fn without_component(&self) -> &str {
        self.0.split_once('/').map_or(&self.0, |(_, rest)| rest)
    }
}

impl PackagePriority {
    /// Whether this is one of the priorities that policy knows.
    #[must_use]
    pub fn is_known(&self) -> bool {
        matches!(self.as_str(), "required" | "important" | "standard" | "optional" | "extra")
    }

    /// What is said to who names one that policy does not know.
    #[must_use]
    pub fn unknown(&self) -> String {
        format!("there is no priority {self}: there is required, important, standard, optional and extra")
    }
}

impl FileName {
    /// The name's ending after its last dot, `deb` of `hello_2.10_amd64.deb`.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        self.0.rsplit_once('.').map(|(_, extension)| extension)
    }
}

impl From<&BinaryName> for SourceName {
    /// A binary package that does not name its source has one of its own name; the rule for both names is the same.
    fn from(name: &BinaryName) -> Self {
        Self(name.0.clone())
    }
}

/// The longest name of a package. Policy sets none; with a version and an architecture it has to fit the 255 bytes
/// that a file system gives a file name.
pub const MAX_PACKAGE_NAME_BYTES: usize = 200;
/// The longest name of anything else that is one word.
pub const MAX_WORD_BYTES: usize = 100;
/// The longest name of a file, as file systems have it.
pub const MAX_FILE_NAME_BYTES: usize = 255;

const POCKET_ENDINGS: [&str; 4] = ["-security", "-updates", "-proposed", "-backports"];
const SIDE_FOLDER_ENDINGS: [&str; 4] = ["-staging", "-overrides", "-cache", "-misc"];

/// First character by `first`, the others by `rest`, at most `most` bytes.
fn spelled(
    text: &str,
    most: usize,
    first: impl Fn(char) -> bool,
    rest: impl Fn(char) -> bool,
) -> Result<(), NameFault> {
    if text.len() > most {
        return Err(NameFault::TooLong { most });
    }
    let mut characters = text.chars();
    let start = characters.next().ok_or(NameFault::Empty)?;
    if !first(start) {
        return Err(if rest(start) { NameFault::BadStart(start) } else { NameFault::BadCharacter(start) });
    }
    characters.find(|character| !rest(*character)).map_or(Ok(()), |bad| Err(NameFault::BadCharacter(bad)))
}

fn lower_or_digit(character: char) -> bool {
    character.is_ascii_lowercase() || character.is_ascii_digit()
}

fn package_name(text: &str) -> Result<(), NameFault> {
    spelled(text, MAX_PACKAGE_NAME_BYTES, lower_or_digit, |c| lower_or_digit(c) || "+.-".contains(c))?;
    if text.len() < 2 {
        return Err(NameFault::TooShort { least: 2 });
    }
    Ok(())
}

fn word(text: &str) -> Result<(), NameFault> {
    spelled(text, MAX_WORD_BYTES, lower_or_digit, |c| lower_or_digit(c) || "+.-".contains(c))
}

fn architecture(text: &str) -> Result<(), NameFault> {
    spelled(text, MAX_WORD_BYTES, lower_or_digit, |c| lower_or_digit(c) || c == '-')
}

fn distribution_name(text: &str) -> Result<(), NameFault> {
    word(text)?;
    without_endings(text, &SIDE_FOLDER_ENDINGS)
}

fn series_name(text: &str) -> Result<(), NameFault> {
    word(text)?;
    without_endings(text, &POCKET_ENDINGS)
}

fn without_endings(text: &str, endings: &[&'static str]) -> Result<(), NameFault> {
    endings.iter().find(|e| text.ends_with(**e)).map_or(Ok(()), |e| Err(NameFault::ReservedEnding(e)))
}

fn section(text: &str) -> Result<(), NameFault> {
    if text.len() > MAX_WORD_BYTES {
        return Err(NameFault::TooLong { most: MAX_WORD_BYTES });
    }
    if text.matches('/').count() > 1 {
        return Err(NameFault::TooManySlashes);
    }
    text.split('/').try_for_each(|part| {
        spelled(
            part,
            MAX_WORD_BYTES,
            |c| c.is_ascii_alphanumeric(),
            |c| c.is_ascii_alphanumeric() || "-+._".contains(c),
        )
    })
}

fn priority(text: &str) -> Result<(), NameFault> {
    spelled(text, MAX_WORD_BYTES, |c| c.is_ascii_lowercase(), |c| lower_or_digit(c) || c == '-')
}

fn file_name(text: &str) -> Result<(), NameFault> {
    spelled(
        text,
        MAX_FILE_NAME_BYTES,
        |c| c.is_ascii_alphanumeric(),
        |c| c.is_ascii_alphanumeric() || ".+:~_%-".contains(c),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault<T: std::str::FromStr<Err = NameError>>(text: &str) -> Option<NameFault> {
        text.parse::<T>().err().map(|error| error.reason)
    }

    #[test]
    fn accepts_what_archives_hold() {
        for text in ["hello", "0ad", "libstdc++6", "g++", "a1", "python3.12", "gir1.2-gtk-4.0"] {
            assert_eq!(fault::<SourceName>(text), None, "{text}");
            assert_eq!(fault::<BinaryName>(text), None, "{text}");
        }
        for text in ["main", "non-free-firmware", "a"] {
            assert_eq!(fault::<ComponentName>(text), None, "{text}");
        }
        for text in ["amd64", "all", "source", "any", "linux-any", "x32", "kfreebsd-i386"] {
            assert_eq!(fault::<ArchitectureTag>(text), None, "{text}");
        }
        for text in ["libs", "non-free/libs", "non-free-firmware/kernel", "gnu-r", "OldLibs", "x.y_z+1"] {
            assert_eq!(fault::<Section>(text), None, "{text}");
        }
        for text in ["required", "optional", "extra", "source", "x-later2"] {
            assert_eq!(fault::<PackagePriority>(text), None, "{text}");
        }
        for text in ["hello_2.10-3_amd64.deb", "a_1%3a2.dsc", "X", "a:b~c", "linux_6.1.tar.xz.asc"] {
            assert_eq!(fault::<FileName>(text), None, "{text}");
        }
        for text in ["ubuntu", "debian", "staging", "my-distro"] {
            assert_eq!(fault::<DistributionName>(text), None, "{text}");
        }
        for text in ["noble", "trixie", "14.04", "security", "x-securityx"] {
            assert_eq!(fault::<SeriesName>(text), None, "{text}");
        }
    }

    #[test]
    fn refuses_with_the_rule_that_is_broken() {
        use NameFault::*;
        assert_eq!(fault::<SourceName>(""), Some(Empty));
        assert_eq!(fault::<SourceName>("a"), Some(TooShort { least: 2 }));
        assert_eq!(fault::<SourceName>("-ab"), Some(BadStart('-')));
        assert_eq!(fault::<SourceName>(".."), Some(BadStart('.')));
        assert_eq!(fault::<SourceName>("Hello"), Some(BadCharacter('H')));
        assert_eq!(fault::<SourceName>("a/b"), Some(BadCharacter('/')));
        assert_eq!(fault::<BinaryName>("a b"), Some(BadCharacter(' ')));
        assert_eq!(fault::<BinaryName>("ab\n"), Some(BadCharacter('\n')));
        assert_eq!(fault::<BinaryName>("ab\0"), Some(BadCharacter('\0')));
        assert_eq!(fault::<BinaryName>("naïve"), Some(BadCharacter('ï')));
        assert_eq!(fault::<BinaryName>(&"a".repeat(201)), Some(TooLong { most: 200 }));
        assert_eq!(fault::<ComponentName>("main/libs"), Some(BadCharacter('/')));
        assert_eq!(fault::<ComponentName>(".."), Some(BadStart('.')));
        assert_eq!(fault::<ArchitectureTag>("amd_64"), Some(BadCharacter('_')));
        assert_eq!(fault::<ArchitectureTag>("-any"), Some(BadStart('-')));
        assert_eq!(fault::<DistributionName>("ubuntu-cache"), Some(ReservedEnding("-cache")));
        assert_eq!(fault::<DistributionName>("ubuntu-staging"), Some(ReservedEnding("-staging")));
        assert_eq!(fault::<SeriesName>("noble-security"), Some(ReservedEnding("-security")));
        assert_eq!(fault::<SeriesName>("noble-backports"), Some(ReservedEnding("-backports")));
        assert_eq!(fault::<Section>("a/b/c"), Some(TooManySlashes));
        assert_eq!(fault::<Section>("/libs"), Some(Empty));
        assert_eq!(fault::<Section>("non-free/"), Some(Empty));
        assert_eq!(fault::<Section>("non-free/.."), Some(BadStart('.')));
        assert_eq!(fault::<PackagePriority>("Optional"), Some(BadCharacter('O')));
        assert_eq!(fault::<PackagePriority>("1st"), Some(BadStart('1')));
        assert_eq!(fault::<FileName>("../etc"), Some(BadStart('.')));
        assert_eq!(fault::<FileName>("a/b"), Some(BadCharacter('/')));
        assert_eq!(fault::<FileName>("-rf"), Some(BadStart('-')));
        assert_eq!(fault::<FileName>("a b"), Some(BadCharacter(' ')));
        assert_eq!(fault::<FileName>(&"a".repeat(256)), Some(TooLong { most: 255 }));
    }

    #[test]
    fn architectures_know_what_they_stand_for() {
        let is_wildcard = |text: &str| text.parse::<ArchitectureTag>().unwrap().is_wildcard();
        assert!(is_wildcard("any") && is_wildcard("linux-any") && is_wildcard("any-amd64"));
        assert!(!is_wildcard("all") && !is_wildcard("source") && !is_wildcard("many"));
    }

    #[test]
    fn sections_give_their_parts() {
        let plain: Section = "libs".parse().unwrap();
        let full: Section = "non-free/libs".parse().unwrap();
        assert_eq!((plain.component(), plain.without_component()), (None, "libs"));
        assert_eq!((full.component(), full.without_component()), (Some("non-free"), "libs"));
    }

    #[test]
    fn a_refusal_shows_the_text_safely_and_shortly() {
        let error = "evil\u{1b}[31m\nname".parse::<SourceName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""evil\u{1b}[31m\nname" is no source package name: '\u{1b}' is not allowed in it"#
        );
        let error = "A".repeat(10_000).parse::<SeriesName>().unwrap_err();
        assert!(error.to_string().len() < 200, "{error}");
    }

    #[test]
    fn serde_goes_through_the_constructor() {
        let name: SourceName = serde_json::from_str("\"hello\"").unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), "\"hello\"");
        let refused = serde_json::from_str::<SourceName>("\"He/llo\"").unwrap_err();
        assert!(refused.to_string().contains("source package name"), "{refused}");
    }

    proptest! {
        #[test]
        fn any_text_is_kept_or_refused(text in any::<String>()) {
            if let Ok(name) = text.parse::<FileName>() {
                prop_assert_eq!(name.to_string(), text.clone());
                prop_assert_eq!(std::path::Path::new(name.as_str()).components().count(), 1);
            }
            if let Err(error) = text.parse::<SourceName>() {
                prop_assert!(!error.to_string().contains(char::is_control));
            }
        }

        #[test]
        fn package_names_match_the_policy_expression(text in "[a-c0+.-]{0,4}") {
            let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
            prop_assert_eq!(text.parse::<BinaryName>().is_ok(), first && text.len() >= 2);
        }
    }
}
