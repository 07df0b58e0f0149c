//! Who may do what, and who signed.
//!
//! [`rights`] judges what somebody may over an archive, from rows that are loaded once; [`keyring`] says who signed a text, and takes
//! certificates in.
//!
//! A root in which no person exists belongs to whoever can write to it. As soon as there is one, what is decided is decided by a person.

pub mod keyring;
mod rights;
mod token;

pub use rights::{Denied, Ground, Rights, UploadQuestion, package_sets_of, rights};
pub use token::{MachineName, MachineNameError, NewToken, TokenError, htpasswd, new_token};

use crate::store::person::Person;

/// Who does something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Whoever can write to a root in which no person exists: may do everything.
    Operator {
        /// As logs have it: the user of the host, or the name that was given.
        name: String,
    },
    /// A person.
    Person(Person),
}

impl Actor {
    /// As logs have it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Operator { name } => name,
            Self::Person(person) => person.name.as_str(),
        }
    }

    /// Whether there is nothing that it may not.
    #[must_use]
    pub const fn may_everything(&self) -> bool {
        match self {
            Self::Operator { .. } => true,
            Self::Person(person) => person.is_admin && person.active,
        }
    }
}
