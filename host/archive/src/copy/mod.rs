//! Copies of published packages from one suite to another, perhaps of another archive.
//!
//! [`plan`](plan()) looks at all that was asked for and gives either what will be done or every reason against it; [`judge`] is the pure part of that.
//! [`carry_out`] does what was planned in one transaction: publications that wait for a pass where the target takes them at once, uploads where it has a
//! queue. No file is touched: the originals are the librarian's, whichever archive they came into.
//!
//! [`populate`] fills a whole archive that is a copy of another one, by requests that are carried out in batches and go on where they were after a death;
//! [`request`] is their life.

mod carry_out;
pub mod judge;
mod plan;
pub mod populate;
pub mod request;

pub use carry_out::{Copied, Outcome, carry_out};
pub use plan::{CopyError, Copying, End, Plan, Planned, PlannedBinary, Wish, WishError, plan};
