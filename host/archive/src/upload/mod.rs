//! How packages come in.
//!
//! [`import`] is the door of a trusted operator: straight to PENDING, without queue and rights.

mod gather;
pub mod import;

pub use gather::{Complaint, Gathered, Item, gather};
