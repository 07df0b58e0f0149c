//! Phase B: of several publications of one name in one index, which stay.
//!
//! [`judge`] decides and knows no database; [`apply`] asks for the contests that a pass has opened and writes down the verdicts as transitions of
//! the pass. Only names that the pass publishes are looked at: the cost is that of the change.

mod apply;
mod judge;

pub use apply::{Dominated, dominate};
pub use judge::{Verdict, judge};
