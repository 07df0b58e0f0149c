//! Taking over a repository that others have published: what its signed indexes list becomes publications here.
//!
//! The repository is read through [`Repository`], wherever it is; on this machine's disk [`found`] says where it lies. [`release`] reads what a suite of it
//! says of itself, once somebody who is trusted has signed that. [`index`] reads the indexes that it lists, [`stanza`] what they say of packages. [`plan`]
//! decides what of it is taken, given what is here, and is pure; [`take`] brings the files to the librarian and adds the rows. Each file is
//! verified by what is above it, down from the signature, and bounded by it. What is bad is a complaint, and the rest goes on.
//!
//! Files lie in our pool where ours lie, not where the other repository had them.

mod fetch;
pub mod found;
pub mod index;
mod packed;
pub mod plan;
pub mod release;
pub mod repository;
mod stanza;
pub mod take;

pub use fetch::Links;
pub use repository::{Folder, OpenError, Repository, RepositoryPath};

use std::path::Path;

use super::Complaint;

/// Something of the repository that is not taken, and why.
fn complaint(about: &str, reason: impl Into<String>) -> Complaint {
    Complaint::new(Path::new(about), reason)
}

/// As many problems of one kind are said one by one; after them, how many there were.
pub const MOST_SAID: usize = 1000;
