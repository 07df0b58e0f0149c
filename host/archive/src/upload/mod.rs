//! How packages come in.
//!
//! This is the door of a trusted operator: straight to PENDING, without queue and rights: [`gather`] finds the packages,
//! `read` takes each into the librarian, [`import`] adds the rows.

mod bring;
pub mod checks;
pub mod examined;
mod gather;
pub mod import;
mod paths;
mod read;

pub use gather::{Complaint, Gathered, Item, gather};
pub use paths::{PathsError, packed_paths, unpack};
