//! Which keys sign at a moment, and what takes the place of which: pure, over the rows of who signs what until when.
//!
//! An archive has keys of its own or those of the root. A key signs from its first day until another takes its place, or, while clients learn of the
//! other, some time longer: then both sign.

use jiff::Timestamp;

use crate::store::signing_key::{KeyUse, Rotation};

/// The keys that sign at `now`: first those that stay, the youngest of them before, then those that go.
#[must_use]
pub fn current(uses: &[KeyUse], now: Timestamp) -> Vec<&KeyUse> {
    let mut current: Vec<&KeyUse> =
        uses.iter().filter(|one| one.ended.is_none_or(|ended| ended > now)).collect();
    current.sort_by_key(|one| {
        let end = one.ended.unwrap_or(Timestamp::MAX);
        (std::cmp::Reverse(end), std::cmp::Reverse(one.begun), std::cmp::Reverse(one.id))
    });
    current
}

/// Why a key cannot take the place of others.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fingerprint} is the key that signs already, and nothing ends its time: name another one")]
pub struct SignsAlready {
    /// The key.
    pub fingerprint: String,
}

/// Lets a key take the place of those that sign at `now`, which sign on until `until`. One that is on its way out already keeps its day, unless
/// that is later.
///
/// # Errors
/// When it is the only one that signs.
pub fn rotate(
    uses: &[KeyUse],
    new: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Rotation, SignsAlready> {
    let mut rotation = Rotation { begins: true, ..Rotation::default() };
    for one in current(uses, now) {
        if one.fingerprint == new {
            rotation.begins = false;
            rotation.kept = one.ended.is_some().then(|| one.clone());
        } else if one.ended.is_none_or(|ended| ended > until) {
            rotation.ends.push((one.clone(), until));
        }
    }
    if rotation == Rotation::default() {
        return Err(SignsAlready { fingerprint: new.to_owned() });
    }
    Ok(rotation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::KeyUseId;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn key(fingerprint: &str, begun: i64, ended: Option<i64>) -> KeyUse {
        KeyUse {
            id: Some(KeyUseId(begun)),
            fingerprint: fingerprint.to_owned(),
            begun: at(begun),
            ended: ended.map(at),
        }
    }

    fn signing(uses: &[KeyUse], now: i64) -> Vec<&str> {
        current(uses, at(now)).into_iter().map(|one| one.fingerprint.as_str()).collect()
    }

    /// The uses after a rotation, as the rows would be.
    fn after(uses: &[KeyUse], new: &str, now: i64, until: i64) -> Vec<KeyUse> {
        let rotation = rotate(uses, new, at(now), at(until)).unwrap();
        let mut uses = uses.to_vec();
        for one in &mut uses {
            if let Some((_, end)) = rotation.ends.iter().find(|(ended, _)| ended == one) {
                one.ended = Some(*end);
            } else if rotation.kept.as_ref() == Some(one) {
                one.ended = None;
            }
        }
        if rotation.begins {
            uses.push(key(new, now, None));
        }
        uses
    }

    #[test]
    fn both_sign_until_the_old_one_has_had_its_time() {
        let uses = after(&[key("OLD", 0, None)], "NEW", 100, 200);
        assert_eq!(signing(&uses, 100), ["NEW", "OLD"]);
        assert_eq!(signing(&uses, 199), ["NEW", "OLD"]);
        assert_eq!(signing(&uses, 200), ["NEW"]);
        let at_once = after(&[key("OLD", 0, None)], "NEW", 100, 100);
        assert_eq!(signing(&at_once, 100), ["NEW"]);
    }

    #[test]
    fn a_second_change_does_not_give_the_oldest_key_more_time() {
        let uses = after(&[key("OLD", 0, None)], "NEW", 100, 200);
        let uses = after(&uses, "NEWER", 150, 400);
        assert_eq!(signing(&uses, 160), ["NEWER", "NEW", "OLD"]);
        assert_eq!(signing(&uses, 200), ["NEWER", "NEW"]);
        assert_eq!(signing(&uses, 400), ["NEWER"]);
        // but less, where that is asked for
        let hurried = after(&after(&[key("OLD", 0, None)], "NEW", 100, 1000), "NEWER", 150, 160);
        assert_eq!(signing(&hurried, 160), ["NEWER"]);
    }

    #[test]
    fn a_change_can_be_taken_back() {
        let uses = after(&[key("OLD", 0, None)], "NEW", 100, 200);
        let back = after(&uses, "OLD", 150, 150);
        assert_eq!(signing(&back, 150), ["OLD"]);
        assert_eq!(signing(&back, 500), ["OLD"]);
        // and also when the old one has ended
        let again = after(&uses, "OLD", 300, 300);
        assert_eq!(signing(&again, 300), ["OLD"]);
    }

    #[test]
    fn a_key_does_not_take_its_own_place() {
        assert!(rotate(&[key("OLD", 0, None)], "OLD", at(100), at(200)).is_err());
        let two = [key("OLD", 0, None), key("NEW", 10, None)];
        assert_eq!(rotate(&two, "NEW", at(100), at(200)).unwrap().ends.len(), 1, "but that of the other");
        assert!(rotate(&[], "NEW", at(100), at(200)).unwrap().begins);
    }
}
