//! What hooks remember is one memory for publishers that run beside each other: nobody's word is lost.

use pressroom_archive::dists::{InstallStep, install};
use pressroom_archive::store::hook::{Seen, changed_meanwhile, plan_state, remember_seen, set_state, state};
use pressroom_archive::store::{StoreError, pass};

use crate::fixture::{House, Package, Prepared, Wanted};

const HOOK: &str = "count";
const KEY: &str = "passes";

impl House {
    fn remembered(&self) -> Option<Vec<u8>> {
        state(self.db.read(), self.archive.distribution, HOOK, KEY).unwrap()
    }

    fn remember(&mut self, value: &[u8]) {
        let distribution = self.archive.distribution;
        self.db.write(|tx| set_state(tx, distribution, HOOK, KEY, Some(value))).unwrap();
    }

    /// A pass whose pre-publication hook has read one thing, and wants to keep another.
    fn prepare_with_hook(&mut self, read: Option<&[u8]>, kept: &[u8]) -> Prepared {
        let prepared = self.prepare(Wanted::All);
        let seen = Seen::from([(KEY.to_owned(), read.map(<[u8]>::to_vec))]);
        self.db
            .write(|tx| {
                remember_seen(tx, prepared.pass, HOOK, &seen)?;
                plan_state(tx, prepared.pass, HOOK, KEY, Some(kept))
            })
            .unwrap();
        prepared
    }

    fn changed(&self, seen: Option<&[u8]>) -> bool {
        let seen = Seen::from([(KEY.to_owned(), seen.map(<[u8]>::to_vec))]);
        let of = (self.archive.distribution, HOOK);
        changed_meanwhile(self.db.read(), of, &seen, std::iter::empty(), None).unwrap().is_some()
    }
}

fn house() -> House {
    let mut house = House::new(&["main"], &["amd64"]);
    house.import("s", None, &[Package::new("aa", "1", "amd64")]);
    house
}

#[test]
fn a_memory_that_nobody_else_has_changed_is_kept_with_the_installation() {
    let mut house = house();
    let prepared = house.prepare_with_hook(None, b"1");
    assert_eq!(house.remembered(), None);
    house.install(&prepared);
    assert_eq!(house.remembered().as_deref(), Some(&b"1"[..]));
    let prepared = house.prepare_with_hook(Some(b"1"), b"2");
    house.install(&prepared);
    assert_eq!(house.remembered().as_deref(), Some(&b"2"[..]));
    assert_eq!(house.value::<i64>("SELECT count(*) FROM publisher_hook_seen"), 0);
}

#[test]
fn a_pass_is_not_installed_whose_hook_has_read_what_another_publisher_has_changed_since() {
    let mut house = house();
    house.remember(b"1");
    let prepared = house.prepare_with_hook(Some(b"1"), b"2");
    house.remember(b"7");
    let now = house.now;
    let (step, error) = install(&mut house.db, prepared.pass, &prepared.staged, |_| Ok(()), now).unwrap_err();
    assert_eq!(step, InstallStep::Before);
    let said = error.to_string();
    assert!(
        said.contains("hook count remembers under \"passes\"") && said.contains("makes the pass again"),
        "{said}"
    );
    house.db.write(|tx| pass::abandon_pass(tx, prepared.pass, &said, now)).unwrap();
    assert_eq!(house.remembered().as_deref(), Some(&b"7"[..]));
    assert!(!house.paths.dists().join("s").exists());
    // the next one reads what is there now
    let prepared = house.prepare_with_hook(Some(b"7"), b"8");
    house.install(&prepared);
    assert_eq!(house.remembered().as_deref(), Some(&b"8"[..]));
}

#[test]
fn a_call_that_has_read_what_was_changed_or_is_just_being_installed_is_told_so() {
    let mut house = house();
    assert!(!house.changed(None));
    house.remember(b"1");
    assert!(house.changed(None) && house.changed(Some(b"2")) && !house.changed(Some(b"1")));
    let prepared = house.prepare_with_hook(Some(b"1"), b"2");
    assert!(!house.changed(Some(b"1")), "it may be forgotten still");
    house.db.write(|tx| pass::begin_installing(tx, prepared.pass, &[])).unwrap();
    assert!(house.changed(Some(b"1")), "the other one is as good as kept");
    let (of, key) = ((house.archive.distribution, HOOK), KEY.to_owned());
    let nothing = Seen::new();
    let blind = changed_meanwhile(house.db.read(), of, &nothing, std::iter::once(&key), None).unwrap();
    assert_eq!(blind, Some(KEY), "what is set unread must not be lost either");
    let own = changed_meanwhile(house.db.read(), of, &nothing, std::iter::once(&key), Some(prepared.pass));
    assert_eq!(own.unwrap(), None);
    let now = house.now;
    house
        .db
        .write(|tx| {
            pass::complete_installation(tx, prepared.pass, now)?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert!(house.changed(Some(b"1")) && !house.changed(Some(b"2")));
}
