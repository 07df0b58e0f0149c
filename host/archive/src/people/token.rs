//! What readers of a private archive show to the web server: made, and written as Apache and nginx read it.
//!
//! The secret is told once and never kept. It is random and long enough that no hash has to be slow: the web server computes it for every file that
//! apt fetches.

use std::fmt;
use std::str::FromStr;

use rand::RngCore as _;

/// A name under which something that is no person reads: begins with a plus, as no person's name does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineName(String);

/// Why a text is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no name for a machine: use up to 60 small letters, digits and hyphens, beginning with a letter"
)]
pub struct MachineNameError(String);

impl FromStr for MachineName {
    type Err = MachineNameError;

    fn from_str(text: &str) -> Result<Self, MachineNameError> {
        let is_fit = text.len() <= 60
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_fit {
            Ok(Self(format!("+{text}")))
        } else {
            Err(MachineNameError(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for MachineName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A new secret and its hash.
pub struct NewToken {
    /// 40 hexadecimal digits: to be told, and forgotten.
    pub secret: String,
    /// As bcrypt writes it (`$2y$`), which Apache and the C libraries of Linux know.
    pub hash: String,
}

/// Never shows the secret.
impl fmt::Debug for NewToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NewToken").finish_non_exhaustive()
    }
}

/// Why no secret was made.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The system gives no random bytes.
    #[error("the system gives no random numbers")]
    Random(#[source] rand::Error),
    /// The hash could not be made.
    #[error("cannot make the hash of a token: {0}")]
    Hash(String),
}

/// The least that bcrypt does: one to two milliseconds. There is nothing to guess in 160 random bits.
const COST: u32 = 4;

/// Makes a secret.
///
/// # Errors
/// When the system has no random numbers.
pub fn new_token() -> Result<NewToken, TokenError> {
    let (mut bytes, mut salt) = ([0; 20], [0; 16]);
    rand::rngs::OsRng.try_fill_bytes(&mut bytes).map_err(TokenError::Random)?;
    rand::rngs::OsRng.try_fill_bytes(&mut salt).map_err(TokenError::Random)?;
    let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash =
        bcrypt::hash_with_salt(&secret, COST, salt).map_err(|error| TokenError::Hash(error.to_string()))?;
    Ok(NewToken { secret, hash: hash.format_for_version(bcrypt::Version::TwoY) })
}

/// The file that web servers read: a user and a hash in each line.
#[must_use]
pub fn htpasswd(users: &[(String, String)]) -> String {
    users.iter().map(|(user, hash)| format!("{user}:{hash}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_secret_and_no_two_are_the_same() {
        let (one, two) = (new_token().unwrap(), new_token().unwrap());
        assert!(one.secret.len() == 40 && one.secret.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(one.hash.starts_with("$2y$04$"), "{}", one.hash);
        assert!(bcrypt::verify(&one.secret, &one.hash).unwrap());
        assert!(!bcrypt::verify(&two.secret, &one.hash).unwrap());
        assert_ne!(one.hash, two.hash);
        assert!(!format!("{one:?}").contains(&one.secret));
    }

    #[test]
    fn machines_have_names_that_no_person_has() {
        assert_eq!("build-1".parse::<MachineName>().unwrap().to_string(), "+build-1");
        for text in ["", "1", "+ci", "a:b", "a\nb", "Ci", &"a".repeat(61)] {
            assert!(text.parse::<MachineName>().is_err(), "{text}");
        }
        assert!("+ci".parse::<crate::domain::PersonName>().is_err());
    }

    #[test]
    fn a_line_is_a_user_and_a_hash() {
        assert_eq!(
            htpasswd(&[("ann".into(), "$2y$x".into()), ("+ci".into(), "h".into())]),
            "ann:$2y$x\n+ci:h\n"
        );
        assert_eq!(htpasswd(&[]), "");
    }
}
