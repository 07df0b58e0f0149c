//! People as `Maintainer` and `Changed-By` name them: a name and an address in angle brackets (Debian Policy 5.6.2).
//!
//! Decides what can be a recipient's address. A name is any text: Policy has names with commas and full stops, which RFC 5322 wants in quotes,
//! and archives are full of such names without them.

use std::str::FromStr;

use lettre::Address;

use crate::domain::plain::shown;

/// The longest name and address together, in bytes.
pub const MAX_MAILBOX_BYTES: usize = 512;

/// A text that names nobody who could be written to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailboxError {
    /// It is not `Name <address>`.
    #[error("{value} is not \"Name <name@example.org>\"")]
    Shape {
        /// What is there, quoted and shortened.
        value: String,
    },
    /// It is longer than is read.
    #[error("{value} is longer than {MAX_MAILBOX_BYTES} bytes")]
    TooLong {
        /// What is there, quoted and shortened.
        value: String,
    },
    /// It has a control character.
    #[error("{value} has a control character")]
    ControlCharacter {
        /// What is there, quoted and shortened.
        value: String,
    },
    /// What stands in the angle brackets is no address.
    #[error("{value} is no address of mail")]
    Address {
        /// What is there, quoted and shortened.
        value: String,
    },
}

/// Somebody who can be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// As people call them, without quotes around.
    pub name: String,
    /// `ann@example.org`.
    pub address: String,
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    fn from_str(text: &str) -> Result<Self, MailboxError> {
        let value = || shown(text);
        if text.len() > MAX_MAILBOX_BYTES {
            return Err(MailboxError::TooLong { value: value() });
        }
        if text.contains(char::is_control) {
            return Err(MailboxError::ControlCharacter { value: value() });
        }
        let shape = || MailboxError::Shape { value: value() };
        let (name, rest) = text.trim().rsplit_once('<').ok_or_else(shape)?;
        let address = rest.strip_suffix('>').ok_or_else(shape)?;
        let name = name.trim();
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name).trim();
        if name.is_empty() || name.contains(['<', '>']) {
            return Err(shape());
        }
        if !is_plain(address) || address.parse::<Address>().is_err() {
            return Err(MailboxError::Address { value: shown(address) });
        }
        Ok(Self { name: name.to_owned(), address: address.to_owned() })
    }
}

/// Whether an address is of the kind that people have. Beyond that the standard knows quoted local parts and domains in brackets, which no program of the
/// field writes, and whose words a mail program may take for its own: for an option, a pipe, a file.
fn is_plain(address: &str) -> bool {
    let Some((local, domain)) = address.split_once('@') else { return false };
    let is_of = |more: &'static str| {
        move |character: char| character.is_ascii_alphanumeric() || more.contains(character)
    };
    !local.starts_with(['-', '|', '/', '!'])
        && local.chars().all(is_of(".!#$%&'*+-/=?^_`{|}~"))
        && domain.chars().all(is_of(".-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_a_mail_program_could_take_for_something_else_are_refused() {
        for address in [
            "\"er ve\"@example.org",
            "-oQ/tmp@example.org",
            "|/bin/sh@example.org",
            "/etc/passwd@example.org",
            "ann@exam|ple.org",
            "ann@[127.0.0.1]",
            "ann@one@example.org",
        ] {
            assert!(format!("Ann <{address}>").parse::<Mailbox>().is_err(), "{address}");
        }
        for address in ["ann+tag@example.org", "o'hara_x=y@mail-1.example.org", "a.b@example"] {
            assert!(format!("Ann <{address}>").parse::<Mailbox>().is_ok(), "{address}");
        }
    }

    use proptest::prelude::*;

    #[test]
    fn names_are_any_text() {
        for (text, name, address) in [
            ("Ann Uploader <ann@example.org>", "Ann Uploader", "ann@example.org"),
            ("Jörg Ümlaut <j.u+debian@example.co.uk>", "Jörg Ümlaut", "j.u+debian@example.co.uk"),
            ("A. C. Powell, IV <acp@example.org>", "A. C. Powell, IV", "acp@example.org"),
            ("\"A. C. Powell, IV\" <acp@example.org>", "A. C. Powell, IV", "acp@example.org"),
            ("Team (see wiki) <team@lists.example.org>", "Team (see wiki)", "team@lists.example.org"),
        ] {
            let found: Mailbox = text.parse().unwrap();
            assert_eq!((found.name.as_str(), found.address.as_str()), (name, address), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_written_to_is_refused() {
        for text in [
            "",
            "Ann",
            "ann@example.org",
            "<ann@example.org>",
            "Ann <ann>",
            "Ann <ann@>",
            "Ann <@example.org>",
            "Ann <ann@example.org> and more",
            "Ann <ann@example.org",
            "Ann <a@example.org> <b@example.org>",
            "Ann <a@b@example.org>",
            "Ann <a b@example.org>",
            "Ann <a@example.org,b@example.org>",
            "Ann\nBcc: x@example.org <ann@example.org>",
            "Ann <ann@example.org\r>",
        ] {
            assert!(text.parse::<Mailbox>().is_err(), "{text:?}");
        }
        assert!(format!("{} <a@example.org>", "x".repeat(600)).parse::<Mailbox>().is_err());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_no_control_character_comes_through(text in "\\PC{0,20}<\\PC{0,20}>|[a<>@\n\r ]{0,30}") {
            if let Ok(mailbox) = text.parse::<Mailbox>() {
                prop_assert!(!mailbox.name.contains(char::is_control) && !mailbox.address.contains(char::is_control));
            }
        }
    }
}
