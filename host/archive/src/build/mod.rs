//! Which sources have to be built for which architectures, in which order, and how far each build has come.
//!
//! Nothing is built here: an outside builder claims what waits, builds it, and uploads what it has made. A build is made where an upload of a source is
//! accepted ([`create`]), for the architectures that its .dsc names (`wildcard`); its [`score`] says when it is its turn. What a builder uploads
//! finds its build ([`attach`]), also where it is refused (`stay_out`). What builders say and people want of a build is in `act`. Which status may follow which is a table ([`transitions`]).

mod act;
mod attach;
pub mod create;
pub mod depwait;
pub mod score;
mod stay_out;
pub mod transitions;
mod upkeep;
mod wildcard;

pub use act::{Claim, Outcome, Report, cancel, claim, log_name, report, retry, set_score};
pub use attach::{attach, came_in, did_not_come_in};
pub use stay_out::{Said, builds_of_refused};
pub use upkeep::{rescore, supersede, supersede_built};
pub use wildcard::matches;
