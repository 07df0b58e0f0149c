//! A year of an archive: uploads, builds that lag, copies, removals, packages that move and updates that are phased, two publishers, new series and
//! old ones, death row and expiry, day after day. After every step a slow model says what must be there ([`model`]), and all that can be seen is compared
//! with it ([`agree`]).
//!
//! The year is the same in every run. `YEAR_SEED` makes another one, `YEAR_DAYS` ends it earlier or later; a day is the same however many come after it.
//! Where something disagrees, the test says which seed and which day that was, and what had happened on it.

mod agree;
mod chance;
mod life;
mod model;

use life::World;

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")),
        Err(_) => default,
    }
}

#[test]
fn a_year_of_an_archive_is_as_a_slow_model_says_after_every_step() {
    let (seed, days) = (setting("YEAR_SEED", 1), setting("YEAR_DAYS", 365));
    let mut world = World::new(seed);
    for day in 1..=days {
        world.live(day);
    }
    let counts = world.counts;
    eprintln!("{counts:?}");
    if days >= 365 {
        // a year in which nothing happens proves nothing
        assert!(counts.uploads > 200 && counts.builds > 300 && counts.copies > 50, "{counts:?}");
        assert!(counts.removals > 20 && counts.refiled > 50 && counts.passes > 300, "{counts:?}");
        assert!(counts.reaped > 500 && counts.expired > 200 && counts.died > 5, "{counts:?}");
    }
}
