//! The sandbox, judged through its door with the real worker and a real component: whatever a hook does, the caller gets an outcome.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test may panic, and what it does not expect is all the rest"
)]

mod artefacts;
mod calls;
mod first_party;
mod frozen;
mod http;
mod limits;
mod python;
mod support;
mod walls;
mod workers;
