//! Which keys a Release file says that the next one will be signed by (`Signed-By`).

use std::fmt;
use std::str::FromStr;

/// What stands in the field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SignedBy {
    /// There is none: clients take whichever key they know.
    #[default]
    Nothing,
    /// The keys that sign.
    Keys,
    /// These fingerprints: 40 upper-case hexadecimal digits each, with `!` where that very subkey has to sign.
    These(Vec<String>),
}

/// Why a text names no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no keys: give none, keys (those that sign), or fingerprints of 40 hexadecimal digits with commas between"
)]
pub struct SignedByError(String);

impl FromStr for SignedBy {
    type Err = SignedByError;

    fn from_str(text: &str) -> Result<Self, SignedByError> {
        match text {
            "" | "none" => return Ok(Self::Nothing),
            "keys" => return Ok(Self::Keys),
            _ => {}
        }
        let mut all = Vec::new();
        for one in text.split(',') {
            let mut one: String = one.chars().filter(|character| *character != ' ').collect();
            one.make_ascii_uppercase();
            let digits = one.strip_suffix('!').unwrap_or(&one);
            if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return Err(SignedByError(text.chars().take(80).collect()));
            }
            all.push(one);
        }
        Ok(Self::These(all))
    }
}

impl fmt::Display for SignedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.pad("none"),
            Self::Keys => f.pad("keys"),
            Self::These(all) => f.pad(&all.join(",")),
        }
    }
}

impl serde::Serialize for SignedBy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for SignedBy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_named_by_whole_fingerprints() {
        let one = "0123456789ABCDEF0123456789ABCDEF01234567";
        for (text, shown) in [
            ("", "none".to_owned()),
            ("none", "none".to_owned()),
            ("keys", "keys".to_owned()),
            (one, one.to_owned()),
            (&format!("{}!, {one}", one.to_lowercase()), format!("{one}!,{one}")),
        ] {
            assert_eq!(text.parse::<SignedBy>().unwrap().to_string(), shown, "{text}");
            assert_eq!(shown.parse::<SignedBy>(), text.parse(), "{text}");
        }
        for text in ["all", "0123456789ABCDEF", &format!("{one},"), &format!("{one}!!"), &format!("{one}\n")]
        {
            assert!(text.parse::<SignedBy>().is_err(), "{text}");
        }
    }
}
