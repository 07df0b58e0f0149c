//! Death row: what has left the indexes leaves the pool, and later the librarian.
//!
//! A publication that was superseded, deleted or made obsolete has a date, `scheduled_deletion_date`, from which on its files may go. [`condemn`] decides which of
//! them do: those that no publication of the archive wants any more. [`reap`] writes that down and takes their names out of the pool, in this order, so
//! that a death loses nothing; the publisher finishes what a dead run has begun before it makes names itself. [`expire`] lets go of originals that no
//! row wants.

pub mod condemn;
pub mod expire;
mod names;
pub mod reap;

pub use condemn::Reason;
pub use expire::{Expired, expire};
pub use reap::{Finished, Reap, ReapError, Reaped, finish, reap};
