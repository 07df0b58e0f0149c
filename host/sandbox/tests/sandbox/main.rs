//! The sandbox, judged through its door with the real worker and a real component: whatever a hook does, the caller gets an outcome.

mod artefacts;
mod calls;
mod limits;
mod python;
mod support;
mod workers;
