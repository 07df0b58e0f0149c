//! The rooms together, without a conductor: packages come in, a pass is taken through its phases, and is stopped wherever a machine can die.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod accepted;
mod checks;
mod contents;
mod copies;
mod copy_archives;
mod custom;
mod death_row;
mod descriptions;
mod domination;
mod drafts;
mod expiry;
mod files_index;
mod fixture;
mod histories;
mod hook_memory;
mod incoming;
mod intake;
mod links;
mod mirror;
mod patches;
mod pool;
mod queue;
mod real_sources;
mod recovery;
mod removal;
mod segments;
mod snapshots;
mod telling;
mod uploads;
mod work;
mod year;
