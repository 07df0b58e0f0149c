//! The queue: uploads that wait for somebody's decision, and what is decided.
//!
//! An upload is found by its number or its name ([`find`](find())), looked at ([`Entry`]), taken from one status to another if [`transitions`] allows it and nothing stands in
//! its way ([`decide`]), or filed otherwise ([`overrides`]). Publications are not made here: what is ACCEPTED waits for process-accepted.

pub mod decide;
pub mod diff;
mod entry;
pub mod fetch;
mod find;
pub mod overrides;
pub mod transitions;

pub use entry::{Entry, Item};
pub use find::{Asked, FindError, Use, Word, WordFault, find};
