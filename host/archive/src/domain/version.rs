//! Versions of Debian packages: `[epoch:]upstream[-revision]` (Debian Policy 5.6.12).
//!
//! Decides what is a version and which of two is newer. What `dpkg --validate-version` refuses, or only warns of and
//! then fails for, is refused here; white space around a version is the reader's affair, not part of it.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::name::{NameFault, checked_text};

/// A version of a source or binary package.
///
/// Two versions may be the same to dpkg and yet be different texts: `1.0`, `1.0-0` and `0:1.0`. File names and index
/// stanzas hold the text, so `Eq` and `Hash` go by the text. `Ord` is dpkg's order, and only between versions that are
/// the same to dpkg the order of their texts, which makes it total and agree with `Eq`. Ask [`DebVersion::dpkg_cmp`]
/// where "the same version" is meant as dpkg means it.
#[derive(Clone)]
pub struct DebVersion(String);

checked_text!(DebVersion, "version", check);

/// The longest version; with a package's name and an architecture it has to fit a file name.
pub const MAX_VERSION_BYTES: usize = 200;

/// The largest epoch: dpkg holds it in a C `int`.
pub const MAX_EPOCH: u32 = i32::MAX as u32;

impl DebVersion {
    /// The number before the first colon, 0 where there is none.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        // The constructor has seen that it is a number in range.
        self.0.split_once(':').and_then(|(epoch, _)| epoch.parse().ok()).unwrap_or(0)
    }

    /// The text without the epoch and its colon, as file names hold it.
    #[must_use]
    pub fn without_epoch(&self) -> &str {
        self.0.split_once(':').map_or(&self.0, |(_, rest)| rest)
    }

    /// The upstream version: what stands between the epoch and the last dash.
    #[must_use]
    pub fn upstream(&self) -> &str {
        let rest = self.without_epoch();
        rest.rsplit_once('-').map_or(rest, |(upstream, _)| upstream)
    }

    /// The Debian revision: what stands after the last dash. A native package has none.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        self.without_epoch().rsplit_once('-').map(|(_, revision)| revision)
    }

    /// dpkg's order: `Equal` also for `1.0` and `1.0-0`, which are different texts.
    #[must_use]
    pub fn dpkg_cmp(&self, other: &Self) -> Ordering {
        self.epoch()
            .cmp(&other.epoch())
            .then_with(|| compare_part(self.upstream(), other.upstream()))
            .then_with(|| compare_part(self.revision().unwrap_or(""), other.revision().unwrap_or("")))
    }
}

impl PartialEq for DebVersion {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for DebVersion {}

impl Hash for DebVersion {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Ord for DebVersion {
    fn cmp(&self, other: &Self) -> Ordering {
        self.dpkg_cmp(other).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for DebVersion {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

fn check(text: &str) -> Result<(), NameFault> {
    if text.is_empty() {
        return Err(NameFault::Empty);
    }
    if text.len() > MAX_VERSION_BYTES {
        return Err(NameFault::TooLong { most: MAX_VERSION_BYTES });
    }
    let rest = match text.split_once(':') {
        None => text,
        Some((epoch, rest)) => {
            if epoch.is_empty() || !epoch.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(NameFault::BadEpoch);
            }
            // Digits only, so the one way to fail is to be too large.
            if !epoch.parse::<u32>().is_ok_and(|epoch| epoch <= MAX_EPOCH) {
                return Err(NameFault::EpochTooLarge { most: MAX_EPOCH });
            }
            rest
        }
    };
    let (upstream, revision) = match rest.rsplit_once('-') {
        None => (rest, None),
        Some((upstream, revision)) => (upstream, Some(revision)),
    };
    let start = upstream.chars().next().ok_or(NameFault::EmptyUpstream)?;
    if revision == Some("") {
        return Err(NameFault::EmptyRevision);
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".+~".contains(c);
    if let Some(bad) = upstream.chars().find(|c| !allowed(*c) && !"-:".contains(*c)) {
        return Err(NameFault::BadCharacter(bad));
    }
    if let Some(bad) = revision.unwrap_or("").chars().find(|c| !allowed(*c)) {
        return Err(NameFault::BadCharacter(bad));
    }
    if !start.is_ascii_digit() {
        return Err(NameFault::BadStart(start));
    }
    Ok(())
}

/// Where a byte stands in the order of the parts that are not numbers: `~` before the end of the part, the end before
/// letters, letters before everything else.
fn rank(byte: Option<&u8>) -> u16 {
    match byte {
        Some(b'~') => 0,
        None => 1,
        Some(byte) if byte.is_ascii_digit() => 1,
        Some(byte) if byte.is_ascii_alphabetic() => 2 + u16::from(*byte),
        Some(byte) => 2 + 256 + u16::from(*byte),
    }
}

/// Compares upstream versions, or revisions, by turns: a run of other characters by [`rank`], then a number by value.
/// Numbers are compared as text, so they may be of any length.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !(left.is_empty() && right.is_empty()) {
        loop {
            let at_number = |part: &[u8]| part.first().is_none_or(u8::is_ascii_digit);
            if at_number(left) && at_number(right) {
                break;
            }
            match rank(left.first()).cmp(&rank(right.first())) {
                Ordering::Equal => (left, right) = (&left[1..], &right[1..]),
                decided @ (Ordering::Less | Ordering::Greater) => return decided,
            }
        }
        let (left_number, left_rest) = take_number(left);
        let (right_number, right_rest) = take_number(right);
        let by_value = left_number.len().cmp(&right_number.len()).then_with(|| left_number.cmp(right_number));
        if by_value != Ordering::Equal {
            return by_value;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

/// The digits in front, without leading zeros, and what follows them.
fn take_number(part: &[u8]) -> (&[u8], &[u8]) {
    let end = part.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(part.len());
    let (digits, rest) = part.split_at(end);
    let zeros = digits.iter().position(|byte| *byte != b'0').unwrap_or(digits.len());
    (&digits[zeros..], rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    fn version(text: &str) -> DebVersion {
        text.parse().unwrap()
    }

    fn fault(text: &str) -> Option<NameFault> {
        text.parse::<DebVersion>().err().map(|error| error.reason)
    }

    /// The last word on versions.
    fn dpkg(arguments: &[&str]) -> bool {
        let run = Command::new("dpkg").args(arguments).output();
        run.unwrap_or_else(|error| panic!("this test needs the tool dpkg: {error}")).status.success()
    }

    /// The order in dpkg's words.
    fn relation(order: Ordering) -> &'static str {
        match order {
            Ordering::Less => "lt",
            Ordering::Equal => "eq",
            Ordering::Greater => "gt",
        }
    }

    #[test]
    fn takes_versions_apart() {
        let full = version("1:2.3-4-5ubuntu1");
        assert_eq!(full.epoch(), 1);
        assert_eq!(full.without_epoch(), "2.3-4-5ubuntu1");
        assert_eq!(full.upstream(), "2.3-4");
        assert_eq!(full.revision(), Some("5ubuntu1"));
        let native = version("007:1:1");
        assert_eq!((native.epoch(), native.upstream(), native.revision()), (7, "1:1", None));
        assert_eq!(native.to_string(), "007:1:1");
    }

    #[test]
    fn refuses_what_dpkg_does_not_validate() {
        use NameFault::*;
        for (text, reason) in [
            ("", Empty),
            ("a1.0", BadStart('a')),
            (".1", BadStart('.')),
            ("1:a", BadStart('a')),
            ("1.0-", EmptyRevision),
            (":1.0", BadEpoch),
            ("a:1", BadEpoch),
            ("0x1:1", BadEpoch),
            ("1-1.0:1", BadEpoch),
            ("1:", EmptyUpstream),
            ("1:-1", EmptyUpstream),
            ("2147483648:1", EpochTooLarge { most: MAX_EPOCH }),
            ("99999999999999999999:1", EpochTooLarge { most: MAX_EPOCH }),
            ("1.0_1", BadCharacter('_')),
            ("1.0-1_", BadCharacter('_')),
            ("1 2", BadCharacter(' ')),
            ("1/2", BadCharacter('/')),
            ("1.0+é", BadCharacter('é')),
        ] {
            assert_eq!(fault(text), Some(reason), "{text}");
            assert!(!dpkg(&["--validate-version", text]), "dpkg takes {text}");
        }
        assert_eq!(fault(&"1".repeat(201)), Some(TooLong { most: 200 }));
        // dpkg trims these; here the reader of the field does.
        assert_eq!(fault(" 1"), Some(BadCharacter(' ')));
        // dpkg reads the epoch with strtol; no archive holds such a thing.
        assert_eq!(fault("+1:1"), Some(BadEpoch));
    }

    #[test]
    fn orders_as_dpkg_does() {
        // Each one older than the next.
        let ascending = [
            "0~~",
            "0~~a",
            "0~",
            "0",
            "0a",
            "0+",
            "1.0~rc1-1",
            "1.0",
            "1.0-1",
            "1.0-1+b1",
            "1.0-1.1",
            "1.0-10",
            "1.0a-1",
            "1.0+dfsg-1",
            "1.1",
            "1.10",
            "2",
            "1:0",
            "2:0~",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(version(pair[0]).dpkg_cmp(&version(pair[1])), Ordering::Less, "{pair:?}");
            assert!(dpkg(&["--compare-versions", pair[0], "lt", pair[1]]), "{pair:?}");
        }
    }

    #[test]
    fn equal_to_dpkg_is_not_equal_as_text() {
        for (left, right) in [("1.0", "1.0-0"), ("1", "0:1"), ("1.0", "1.00"), ("1.0", "1.0-00")] {
            assert!(dpkg(&["--compare-versions", left, "eq", right]), "{left} {right}");
            let (left, right) = (version(left), version(right));
            assert_eq!(left.dpkg_cmp(&right), Ordering::Equal);
            assert_ne!(left, right);
            assert_eq!(left.cmp(&right), left.as_str().cmp(right.as_str()));
        }
    }

    #[test]
    fn numbers_may_be_longer_than_a_machine_word() {
        let long = "9".repeat(60);
        assert!(version(&format!("1.{long}")) < version(&format!("1.1{long}")));
        assert!(version(&format!("1.000{long}")) > version("1.5"));
    }

    /// Texts out of few characters, so that pairs often begin alike.
    fn near_versions() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => "([0-2]:)?[0-2][01a~+.-]{0,5}(-[01a~+.]{0,3})?",
            1 => "([0-9]{1,3}:)?[0-9a-zA-Z.+~:-]{1,12}(-[0-9a-zA-Z.+~]{0,6})?",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn agrees_with_dpkg(left in near_versions(), right in near_versions()) {
            prop_assert_eq!(left.parse::<DebVersion>().is_ok(), dpkg(&["--validate-version", &left]));
            let (Ok(a), Ok(b)) = (left.parse::<DebVersion>(), right.parse::<DebVersion>()) else {
                return Ok(());
            };
            let relation = relation(a.dpkg_cmp(&b));
            prop_assert!(dpkg(&["--compare-versions", &left, relation, &right]), "{} {} {}", left, relation, right);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]

        /// A second implementation finds the doubtful pairs quickly; where the two disagree (as for `1a` and `1a0`,
        /// which are the same), dpkg has the last word.
        #[test]
        fn where_debversion_disagrees_dpkg_decides(left in near_versions(), right in near_versions()) {
            let (Ok(a), Ok(b)) = (left.parse::<DebVersion>(), right.parse::<DebVersion>()) else {
                return Ok(());
            };
            let theirs = |text: &str| text.parse::<debversion::Version>().ok();
            let ours = a.dpkg_cmp(&b);
            if theirs(&left).zip(theirs(&right)).map(|(left, right)| left.cmp(&right)) != Some(ours) {
                prop_assert!(dpkg(&["--compare-versions", &left, relation(ours), &right]), "{} {}", left, right);
            }
        }

        #[test]
        fn the_order_is_total(a in near_versions(), b in near_versions(), c in near_versions()) {
            let (Ok(a), Ok(b), Ok(c)) = (a.parse::<DebVersion>(), b.parse::<DebVersion>(), c.parse::<DebVersion>())
            else {
                return Ok(());
            };
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
            if a <= b && b <= c {
                prop_assert!(a <= c);
            }
        }

        #[test]
        fn any_text_is_kept_or_refused(text in any::<String>()) {
            if let Ok(version) = text.parse::<DebVersion>() {
                prop_assert_eq!(version.to_string(), text);
            }
        }
    }
}
