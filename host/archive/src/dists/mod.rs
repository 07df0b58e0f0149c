//! The trees that are served: a staged one beside the live one, the exchange, and what a run that died left behind.
//!
//! A staged tree begins as a second tree of the live one's files. Nothing in it is live until [`install`] exchanges it, which is journalled: from
//! the rows of a pass and the identity of the folders [`recover`] reads what had happened, and takes it to its end or back to its beginning.

mod install;
mod link;
mod recover;
mod stage;

pub use install::{InstallError, InstallStep, install};
pub use link::{Linked, Taken, clear_links, make_links, possible_links, taken, wanted_links};
pub use recover::{Recovered, recover};
pub use stage::{ArchivePaths, StageError, Staged};
