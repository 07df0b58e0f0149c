//! Addresses that somebody can be written to.

use std::fmt;
use std::str::FromStr;

use lettre::Address;

use super::plain::shown;

/// The longest address, in bytes (RFC 5321, 4.5.3.1.3, without the angle brackets).
const MAX_ADDRESS_BYTES: usize = 254;

/// A text that is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no mail address: give it as ann@example.org")]
pub struct MailAddressError(String);

/// An address alone, as `ann@example.org`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailAddress(Address);

impl MailAddress {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }
}

impl FromStr for MailAddress {
    type Err = MailAddressError;

    fn from_str(text: &str) -> Result<Self, MailAddressError> {
        text.parse()
            .ok()
            .filter(|_| text.is_ascii() && text.len() <= MAX_ADDRESS_BYTES)
            .map(Self)
            .ok_or_else(|| MailAddressError(shown(text)))
    }
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl From<MailAddress> for Address {
    fn from(address: MailAddress) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_one_that_somebody_can_be_written_to() {
        for text in ["ann@example.org", "one-changes@lists.example.org", "Ann+x@Example.ORG"] {
            assert_eq!(text.parse::<MailAddress>().unwrap().as_str(), text);
        }
        let long = format!("ann@{}.example.org", "x".repeat(250));
        for text in [
            "",
            "ann",
            "ann@",
            "no address",
            "Ann <ann@example.org>",
            "\u{e9}ve@example.org",
            "a@b\nc",
            &long,
        ] {
            let error = text.parse::<MailAddress>().unwrap_err().to_string();
            assert!(error.contains("is no mail address") && !error.contains('\n'), "{error}");
        }
    }
}
