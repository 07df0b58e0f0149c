//! Phase B: of several publications of one name in one index, which stay; and from when on the files of the others may go.
//!
//! [`judge`] decides and knows no database; [`apply`] asks for the contests that a pass has opened and writes down the verdicts as transitions of
//! the pass. [`schedule`] gives dates to what a pass has taken out, when it is installed. [`unbuilt()`] finds what nothing takes the place
//! of: for a report.

mod apply;
mod judge;
pub mod schedule;
mod unbuilt;

pub use apply::{Dominated, Scope, dominate};
pub use judge::{Becomes, Verdict, judge};
pub use schedule::{StayOfExecution, schedule_after, schedule_suite};
pub use unbuilt::{Unbuilt, unbuilt};
