//! Phase D: the Release file over everything that is in a suite's staged folder, and its signatures.

mod patches;
mod release_file;
pub mod renewal;
pub mod rotation;
mod write;

pub use release_file::{ReleaseFile, release_date};
pub use write::{Folders, Known, ReleaseError, Signed, Trust, write_release, write_unsigned};
