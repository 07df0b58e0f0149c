//! How the archive is doing, for those who run it.
//!
//! Decides from runs that have ended how each script is doing ([`incident`]: an incident lasts from the first run that did not succeed to the next that
//! did), and from what is known of a root what somebody has to look at ([`health`]); writes the same as metrics ([`prometheus`]). All of it is pure:
//! it reads no row, no clock and no disk. Who is mailed is `notify`'s business.

pub mod health;
pub mod incident;
pub mod prometheus;
