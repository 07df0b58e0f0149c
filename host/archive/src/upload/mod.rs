//! How packages come in.
//!
//! There are two doors. That of a trusted operator goes straight to PENDING, without queue and rights: [`gather`] finds the packages, `read` takes
//! each into the librarian, [`import`] adds the rows.
//! That of everybody else begins at a folder that anybody may write to: [`incoming`] finds what has arrived, [`target`] where it goes, [`policy`]
//! whether it may, [`ancestry`] what there was of it before, [`verdict`] where it begins.

mod bring;
pub mod checks;
pub mod examined;
mod gather;
pub mod import;
mod paths;
mod read;
mod releases;

pub mod ancestry;
pub mod incoming;
pub mod policy;
pub mod target;
pub mod verdict;

pub use gather::{Complaint, Gathered, Item, gather};
pub use paths::{PathsError, packed_paths, unpack};
