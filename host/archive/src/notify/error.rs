//! Why nobody could be told.

use std::path::PathBuf;

use crate::disk::DiskError;
use crate::store::StoreError;

/// Why a message could not be written.
#[derive(Debug, thiserror::Error)]
pub enum NotifyError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The `.changes` of the upload cannot be read.
    #[error("cannot read the .changes of an upload for the mail about it")]
    Changes(#[from] DiskError),
    /// A template is not one, or says something that cannot be said.
    #[error("the mail template {}{} cannot be used: {reason}; correct it, or remove it to have Pressroom's own", file.display(), at_line(*line))]
    Template {
        /// The file.
        file: PathBuf,
        /// Where in it.
        line: Option<usize>,
        /// Why.
        reason: String,
    },
    /// A template cannot be read.
    #[error("cannot read the mail template {}: make it a readable file, or remove it to have Pressroom's own", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// An address that an operator has set is none.
    #[error("{what} is {address:?}, which is no mail address: set it with `{command}`")]
    Address {
        /// Whose, as `the changes list of noble`.
        what: String,
        /// What it is.
        address: String,
        /// The command that changes it.
        command: String,
    },
    /// The mail cannot be put together.
    #[error("cannot write a mail about {about}")]
    Letter {
        /// As `hello 1.0`.
        about: String,
        /// Why.
        #[source]
        source: lettre::error::Error,
    },
}

fn at_line(line: Option<usize>) -> String {
    line.map_or_else(String::new, |line| format!(", line {line},"))
}
