//! Phase A: the files of what is pending get their names in the pool.
//!
//! [`layout`] says where a file belongs, and which of its names is the file when several components want it; [`publish`] puts it there, never
//! over different content; [`verify_pool`] looks again at what is there, and makes anew what was lost. The pool only gains here: nothing that a client may be reading changes.

pub mod layout;
mod publish;
mod verify;

pub use layout::PoolPath;
pub use publish::{Pool, PoolError, Pooled, Poolified, Skipped, poolify};
pub use verify::{Verified, verify_pool};
