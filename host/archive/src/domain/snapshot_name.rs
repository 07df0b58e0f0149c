//! How snapshots are named: by the second, as clients write it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

/// The name of a snapshot: `20260501T120000Z`. Of two the later one is the greater.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotName(String);

/// A text that names no snapshot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no snapshot: write a time as 20260501T120000Z")]
pub struct SnapshotNameError(String);

const FORMAT: &str = "%Y%m%dT%H%M%SZ";

impl SnapshotName {
    /// The name of what is made at a moment; none before the year 0 and after 9999.
    #[must_use]
    pub fn at(moment: Timestamp) -> Option<Self> {
        moment.strftime(FORMAT).to_string().parse().ok()
    }

    /// The name of what is made at a moment, after another that was made before.
    #[must_use]
    pub fn after(moment: Timestamp, last: Option<&Self>) -> Option<Self> {
        let name = Self::at(moment)?;
        match last {
            Some(last) if *last >= name => {
                Self::at(last.moment().checked_add(jiff::SignedDuration::from_secs(1)).ok()?)
            }
            _ => Some(name),
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The second that it names.
    #[must_use]
    pub fn moment(&self) -> Timestamp {
        read(&self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

fn read(text: &str) -> Option<Timestamp> {
    let part = |from, to| text.get(from..to);
    let (date, time) = (part(0, 8)?, part(9, 15)?);
    let is_shaped = text.len() == 16 && part(8, 9) == Some("T") && part(15, 16) == Some("Z");
    if !is_shaped || !date.bytes().chain(time.bytes()).all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(9, 11)?, part(11, 13)?, part(13, 15)?);
    let moment: Timestamp = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z").parse().ok()?;
    // there are seconds that are written in two ways
    (moment.strftime(FORMAT).to_string() == text).then_some(moment)
}

impl FromStr for SnapshotName {
    type Err = SnapshotNameError;

    fn from_str(text: &str) -> Result<Self, SnapshotNameError> {
        match read(text) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err(SnapshotNameError(text.chars().take(40).collect())),
        }
    }
}

impl fmt::Display for SnapshotName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl serde::Serialize for SnapshotName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_second_as_clients_write_it() {
        let name: SnapshotName = "20260501T120000Z".parse().unwrap();
        assert_eq!(name.moment().to_string(), "2026-05-01T12:00:00Z");
        assert_eq!(SnapshotName::at(name.moment()).unwrap(), name);
        for text in [
            "",
            "live",
            "20260501T120000",
            "2026-05-01T12:00:00Z",
            "20261301T120000Z",
            "20260501T126000Z",
            "20260501t120000Z",
            "../../../../etc/x",
            "20260501T120000Z\n",
            "２0260501T1200Z",
        ] {
            assert!(text.parse::<SnapshotName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_later_one_has_a_greater_name_whatever_the_clock_says() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let first = SnapshotName::after(at("2026-05-01T12:00:00.9Z"), None).unwrap();
        assert_eq!(first.as_str(), "20260501T120000Z");
        for moment in ["2026-05-01T12:00:00.95Z", "2020-01-01T00:00:00Z"] {
            let next = SnapshotName::after(at(moment), Some(&first)).unwrap();
            assert_eq!(next.as_str(), "20260501T120001Z");
        }
        let later = SnapshotName::after(at("2026-05-01T12:00:07Z"), Some(&first)).unwrap();
        assert_eq!(later.as_str(), "20260501T120007Z");
    }
}
