//! How packages come in.
//!
//! There are three doors. That of a trusted operator goes straight to PENDING, without queue and rights: [`gather`] finds the packages, `read` takes
//! each into the librarian, [`import`] adds the rows.
//! That of everybody else begins at a folder that anybody may write to: [`incoming`] finds what has arrived; [`judge`] asks who signed it, [`target`]
//! where it goes, [`policy`] and the rights of the signer whether it may, [`checks`] whether it is as it must be; [`record`] writes it down, with
//! what there was of it before ([`ancestry`]) and where it begins ([`verdict`]); [`shelf`] puts it away. [`process`] is a run over all of it.

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
pub mod judge;
pub mod policy;
pub mod process;
pub mod record;
pub mod shelf;
pub mod takeover;
pub mod target;
pub mod verdict;
pub mod watch;

pub use gather::{Complaint, Gathered, Item, gather};
pub use paths::{PathsError, packed_paths, unpack};
