//! The whole, judged by real tools: apt, apt-ftparchive, gpgv, dpkg.
//!
//! One binary, whose tests run beside each other: each has a root of its own. Read `whole` first.

#![expect(
    clippy::unwrap_used,
    reason = "every function here is a part of a test, also those without the attribute"
)]

mod authors;
mod builds;
mod commands;
mod copies;
mod copy_archives;
mod crash;
mod death_row;
mod engine;
mod first_party;
mod hooks;
mod hostile;
mod hostile_uploads;
mod http;
mod indexes;
mod intake;
mod keys;
mod links;
mod mail;
mod many_uploads;
mod mirror;
mod monitoring;
mod operators_hooks;
mod oracle;
mod packaging;
mod patches;
mod people;
mod private;
mod process_upload;
mod publishers;
mod queue;
mod refusals;
mod replay;
mod retention;
mod segments;
mod snapshots;
mod suites;
mod takeover;
mod timings;
mod upload_checks;
mod whole;
