//! Whatever came in, in whatever order: what the increments made is what a full rebuild makes.

use proptest::prelude::*;

use crate::fixture::{House, Package, Wanted};

#[derive(Debug, Clone)]
enum Event {
    Import { suite: usize, component: usize, name: usize, version: usize, architecture: usize },
    Publish,
}

const SUITES: [&str; 2] = ["s", "s-security"];
const COMPONENTS: [&str; 2] = ["main", "universe"];
const NAMES: [&str; 4] = ["aa", "ab", "libaa1", "zz"];
const VERSIONS: [&str; 4] = ["1.0-1", "1.0-1+b1", "1:0.9", "2.0~rc1"];
const ARCHITECTURES: [&str; 3] = ["amd64", "arm64", "all"];

fn events() -> impl Strategy<Value = Vec<Event>> {
    let import =
        (0..SUITES.len(), 0..COMPONENTS.len(), 0..NAMES.len(), 0..VERSIONS.len(), 0..ARCHITECTURES.len())
            .prop_map(|(suite, component, name, version, architecture)| Event::Import {
                suite,
                component,
                name,
                version,
                architecture,
            });
    proptest::collection::vec(prop_oneof![4 => import, 1 => Just(Event::Publish)], 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn increments_and_a_full_rebuild_give_the_same_text(events in events()) {
        let mut house = House::new(&COMPONENTS, &["amd64", "arm64"]);
        for event in events {
            match event {
                Event::Import { suite, component, name, version, architecture } => {
                    house.now += jiff::SignedDuration::from_secs(1);
                    let package = Package::new(NAMES[name], VERSIONS[version], ARCHITECTURES[architecture]);
                    house.import(SUITES[suite], Some(COMPONENTS[component]), &[package]);
                }
                Event::Publish => {
                    house.publish(Wanted::Changed);
                    house.assert_consistent();
                }
            }
        }
        house.publish(Wanted::Changed);
        let increments = house.texts();
        house.publish(Wanted::All);
        prop_assert_eq!(&increments, &house.texts());
        house.assert_consistent();
        prop_assert_eq!(house.pending(), 0);
        // and no name is twice in an index, unless an architecture that lags needs an older version for all
        for text in increments.values() {
            let mut names: Vec<&str> = text
                .split_terminator("\n\n")
                .filter(|stanza| !stanza.contains("\nArchitecture: all\n"))
                .filter_map(|stanza| stanza.lines().next())
                .collect();
            let count = names.len();
            names.dedup();
            prop_assert_eq!(names.len(), count, "{}", text);
        }
    }
}
