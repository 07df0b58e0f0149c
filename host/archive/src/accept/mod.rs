//! What becomes of uploads that were accepted: their publications, their builds, the bugs that they close.
//!
//! [`process_accepted`] takes them in the order in which they came, each in a transaction of its own: it is wholly done, or waits as it did. What is to
//! be done is looked at first (`judge`), so that one that cannot be published says every reason, and is not begun. Nothing here makes an index: what
//! waits is found by the next pass.

mod judge;
mod process;

pub use process::{AcceptError, Done, Report, Stuck, process_accepted, process_within};
