//! The permission matrix: who may upload what and decide about what.

use jiff::Timestamp;

use super::*;
use crate::domain::{ArchivePurpose, PersonKind};
use crate::store::archive::{archive, create_archive};
use crate::store::archive_permission::{NewPermission, grant};
use crate::store::distribution::{create_distribution, distribution};
use crate::store::person::{
    NewPerson, Person, PersonChange, change_person, create_person, join_team, leave_team,
};
use crate::store::{Db, Transaction, package_set};

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

/// A distribution with two series, two components and a package set, and the archives `demo` and `~crew/demo/tools`.
struct House {
    db: Db,
    one: SeriesId,
    two: SeriesId,
    main: (ComponentId, ComponentName),
    universe: (ComponentId, ComponentName),
    desktop: PackageSetId,
}

impl House {
    fn new() -> Self {
        let mut db = Db::in_memory().unwrap();
        let (one, two, desktop) = db
            .write(|tx| {
                let name = "demo".parse().unwrap();
                create_distribution(tx, &name, &"Demo".parse().unwrap(), NOW)?;
                let demo = distribution(tx, &name)?;
                create_archive(
                    tx,
                    &demo,
                    &ArchiveReference::primary(name),
                    ArchivePurpose::Primary,
                    "",
                    NOW,
                )?;
                let mut made = Vec::new();
                for series_name in ["one", "two"] {
                    let name = series_name.parse().unwrap();
                    let id = series::create_series(tx, demo.id, &name, &"1".parse().unwrap(), NOW)?;
                    for component in ["main", "universe"] {
                        series::add_component(tx, id, &component.parse().unwrap())?;
                    }
                    made.push(id);
                }
                let desktop = package_set::create_package_set(tx, made[0], &"desktop".parse().unwrap(), NOW)?;
                let change = package_set::PackageSetChange {
                    add: ["shell".parse().unwrap()].into(),
                    ..Default::default()
                };
                package_set::change_package_set(tx, desktop, &change)?;
                for (name, kind) in [
                    ("ann", PersonKind::Person),
                    ("ben", PersonKind::Person),
                    ("crew", PersonKind::Team),
                    ("all-crews", PersonKind::Team),
                ] {
                    let name = name.parse().unwrap();
                    create_person(tx, &NewPerson { name: &name, kind, display_name: "Somebody" }, NOW)?;
                }
                let reference: ArchiveReference = "~crew/demo/tools".parse().unwrap();
                create_archive(tx, &demo, &reference, ArchivePurpose::Ppa, "Tools", NOW)?;
                Ok::<_, StoreError>((made[0], made[1], desktop))
            })
            .unwrap();
        let component = |name: &str| {
            let found = series::component(db.read(), one, &name.parse().unwrap()).unwrap();
            (found.id, found.name)
        };
        let (main, universe) = (component("main"), component("universe"));
        Self { db, one, two, main, universe, desktop }
    }

    fn person(&self, name: &str) -> Person {
        person::person(self.db.read(), &name.parse().unwrap()).unwrap()
    }

    fn archive(&self, name: &str) -> Archive {
        archive(self.db.read(), &name.parse().unwrap()).unwrap()
    }

    fn rights(&self, name: &str, over: &str) -> Rights {
        rights(self.db.read(), &self.archive(over), &Actor::Person(self.person(name))).unwrap()
    }

    fn grant(
        &mut self,
        who: &str,
        over: &str,
        permission: Permission,
        scope: &Scope,
        series: Option<SeriesId>,
    ) {
        let (person, archive) = (self.person(who).id, self.archive(over).id);
        let new = NewPermission { archive, person, permission, scope, series };
        assert!(self.db.write(|tx| grant(tx, &new, "ben", NOW)).unwrap());
        assert!(!self.db.write(|tx| grant(tx, &new, "ben", NOW)).unwrap(), "it is there already");
    }

    fn change(&mut self, who: &str, change: &PersonChange) {
        let person = self.person(who);
        self.db.write(|tx| change_person(tx, &person, change)).unwrap();
    }

    fn write(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<bool, StoreError>) -> bool {
        self.db.write(work).unwrap()
    }

    fn source(&self, component: &(ComponentId, ComponentName)) -> Scope {
        Scope::Component(component.0, component.1.clone())
    }
}

/// What is asked: series, pocket, component, source, whether it is new.
type Asked<'a> = (&'a str, Pocket, &'a str, &'a str, bool);

fn may_upload(
    house: &House,
    who: &str,
    over: &str,
    (series, pocket, component, source, is_new): Asked<'_>,
) -> bool {
    let series = if series == "one" { house.one } else { house.two };
    let component = if component == "main" { &house.main } else { &house.universe };
    let source: SourceName = source.parse().unwrap();
    let sets = package_sets_of(house.db.read(), series, &source).unwrap();
    let question = UploadQuestion {
        series,
        pocket,
        component: Some((component.0, &component.1)),
        source: &source,
        package_sets: &sets,
        is_new,
    };
    house.rights(who, over).may_upload(&question).is_ok()
}

const QUESTIONS: [Asked<'static>; 9] = [
    ("one", Pocket::Release, "main", "hello", false),
    ("one", Pocket::Release, "universe", "hello", false),
    ("one", Pocket::Proposed, "universe", "hello", false),
    ("one", Pocket::Release, "universe", "shell", false),
    ("one", Pocket::Release, "universe", "games", false),
    ("one", Pocket::Release, "universe", "fresh", true),
    ("two", Pocket::Release, "main", "hello", false),
    ("two", Pocket::Release, "universe", "shell", false),
    ("two", Pocket::Release, "universe", "fresh", true),
];

/// The answers to all questions, a character for each.
fn answers(house: &House, who: &str, over: &str) -> String {
    QUESTIONS.iter().map(|asked| if may_upload(house, who, over, *asked) { 'y' } else { '-' }).collect()
}

#[test]
fn uploads_are_allowed_by_component_pocket_package_set_or_archive() {
    let house = House::new();
    let (main, desktop) =
        (house.source(&house.main), Scope::PackageSet(house.desktop, "desktop".parse().unwrap()));
    for (scope, in_all_series, in_one) in [
        (None, "---------", "---------"),
        (Some(Scope::Archive), "yyyyyyyyy", "yyyyyy---"),
        (Some(main), "y----yy-y", "y----y---"),
        (Some(Scope::Pocket(Pocket::Proposed)), "--y--y--y", "--y--y---"),
        (Some(Scope::Source("hello".parse().unwrap())), "yyy--yy-y", "yyy--y---"),
        // the set is of series one
        (Some(desktop), "---y-y---", "---y-y---"),
    ] {
        for (expected, series) in [(in_all_series, None), (in_one, Some(house.one))] {
            let mut house = House::new();
            if let Some(scope) = &scope {
                house.grant("ann", "demo", Permission::Upload, scope, series);
            }
            assert_eq!(answers(&house, "ann", "demo"), expected, "{scope:?} {series:?}");
            assert_eq!(answers(&house, "ben", "demo"), "---------", "somebody else's right");
            assert_eq!(
                answers(&house, "ann", "~crew/demo/tools"),
                "---------",
                "a right over another archive"
            );
        }
    }
}

#[test]
fn a_right_to_decide_is_none_to_upload_and_the_other_way_round() {
    let mut house = House::new();
    house.grant("ann", "demo", Permission::QueueAdmin, &Scope::Archive, None);
    house.grant("ben", "demo", Permission::Upload, &Scope::Archive, None);
    assert_eq!(answers(&house, "ann", "demo"), "---------");
    let main = [house.main.clone()];
    assert!(house.rights("ann", "demo").may_administer(house.one, Pocket::Release, &main).is_ok());
    assert!(house.rights("ben", "demo").may_administer(house.one, Pocket::Release, &main).is_err());
}

#[test]
fn decisions_need_a_right_over_all_components_or_the_pocket() {
    let house = House::new();
    let (main, universe) = (house.main.clone(), house.universe.clone());
    let (of_main, of_universe) = (house.source(&main), house.source(&universe));
    // over main; over main and universe; over nothing known; in -proposed over both; in series two over main
    let asked = |house: &House| -> String {
        let rights = house.rights("ann", "demo");
        [
            rights.may_administer(house.one, Pocket::Release, std::slice::from_ref(&main)),
            rights.may_administer(house.one, Pocket::Release, &[main.clone(), universe.clone()]),
            rights.may_administer(house.one, Pocket::Release, &[]),
            rights.may_administer(house.one, Pocket::Proposed, &[main.clone(), universe.clone()]),
            rights.may_administer(house.two, Pocket::Release, std::slice::from_ref(&main)),
        ]
        .iter()
        .map(|answer| if answer.is_ok() { 'y' } else { '-' })
        .collect()
    };
    for (scopes, series, expected) in [
        (vec![], None, "-----"),
        (vec![Scope::Archive], None, "yyyyy"),
        (vec![Scope::Archive], Some(house.one), "yyyy-"),
        (vec![of_main.clone()], None, "y---y"),
        (vec![of_universe.clone()], None, "-----"),
        (vec![of_main.clone(), of_universe.clone()], None, "yy-yy"),
        (vec![of_main, of_universe], Some(house.two), "----y"),
        (vec![Scope::Pocket(Pocket::Proposed)], None, "---y-"),
        (vec![Scope::Pocket(Pocket::Release)], Some(house.one), "yyy--"),
    ] {
        let mut house = House::new();
        for scope in &scopes {
            house.grant("ann", "demo", Permission::QueueAdmin, scope, series);
        }
        assert_eq!(asked(&house), expected, "{scopes:?} {series:?}");
    }
}

#[test]
fn nobody_decides_over_single_packages() {
    let mut house = House::new();
    let (person, archive) = (house.person("ann").id, house.archive("demo").id);
    let scope = Scope::Source("hello".parse().unwrap());
    let new =
        NewPermission { archive, person, permission: Permission::QueueAdmin, scope: &scope, series: None };
    assert!(matches!(house.db.write(|tx| grant(tx, &new, "ben", NOW)), Err(StoreError::Refused(_))));
}

#[test]
fn members_of_teams_in_teams_have_what_the_team_has() {
    let mut house = House::new();
    let (ann, crew, all) = (house.person("ann"), house.person("crew"), house.person("all-crews"));
    house.grant("all-crews", "demo", Permission::Upload, &Scope::Archive, None);
    assert!(house.write(|tx| join_team(tx, &all, &crew, NOW)));
    assert_eq!(answers(&house, "ann", "demo"), "---------");
    assert!(house.write(|tx| join_team(tx, &crew, &ann, NOW)));
    assert!(!house.write(|tx| join_team(tx, &crew, &ann, NOW)), "it is in it already");
    assert_eq!(answers(&house, "ann", "demo"), "yyyyyyyyy");
    assert_eq!(answers(&house, "ann", "~crew/demo/tools"), "yyyyyyyyy");
    assert_eq!(answers(&house, "ben", "~crew/demo/tools"), "---------");
    // a team that is put aside is no way in, neither to its own rights nor to those behind it
    house.change("crew", &PersonChange { active: Some(false), ..PersonChange::default() });
    assert_eq!(answers(&house, "ann", "demo"), "---------");
    assert_eq!(answers(&house, "ann", "~crew/demo/tools"), "---------");
    house.change("crew", &PersonChange { active: Some(true), ..PersonChange::default() });
    assert!(house.write(|tx| leave_team(tx, crew.id, ann.id)));
    assert_eq!(answers(&house, "ann", "demo"), "---------");
}

#[test]
fn teams_are_in_no_circle() {
    let mut house = House::new();
    let (ann, crew, all) = (house.person("ann"), house.person("crew"), house.person("all-crews"));
    assert!(house.write(|tx| join_team(tx, &all, &crew, NOW)));
    for (team, member) in [(&crew, &all), (&crew, &crew), (&ann, &crew)] {
        let refused = house.db.write(|tx| join_team(tx, team, member, NOW));
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{} in {}", member.name, team.name);
    }
}

#[test]
fn a_ppa_is_its_owners_and_of_whom_that_one_lets_in() {
    let mut house = House::new();
    let (ann, crew) = (house.person("ann"), house.person("crew"));
    house.write(|tx| join_team(tx, &crew, &ann, NOW));
    let over_main = [house.main.clone()];
    assert_eq!(answers(&house, "ann", "~crew/demo/tools"), "yyyyyyyyy");
    assert!(
        house
            .rights("ann", "~crew/demo/tools")
            .may_administer(house.one, Pocket::Release, &over_main)
            .is_ok()
    );
    assert_eq!(answers(&house, "ann", "demo"), "---------", "and nobody else's archive");
    // nothing waits for a look in a PPA: a right over one package is none over new ones
    let hello = Scope::Source("hello".parse().unwrap());
    house.grant("ben", "~crew/demo/tools", Permission::Upload, &hello, None);
    assert_eq!(answers(&house, "ben", "~crew/demo/tools"), "yyy---y--");
    assert!(
        house
            .rights("ben", "~crew/demo/tools")
            .may_administer(house.one, Pocket::Release, &over_main)
            .is_err()
    );
}

#[test]
fn admins_and_operators_may_everything_and_who_is_inactive_nothing() {
    let mut house = House::new();
    house.change("ann", &PersonChange { is_admin: Some(true), ..PersonChange::default() });
    assert_eq!(answers(&house, "ann", "demo"), "yyyyyyyyy");
    house.grant("ann", "demo", Permission::Upload, &Scope::Archive, None);
    house.change("ann", &PersonChange { active: Some(false), ..PersonChange::default() });
    assert_eq!(answers(&house, "ann", "demo"), "---------");
    let operator = Actor::Operator { name: "root".to_owned() };
    let rights = rights(house.db.read(), &house.archive("demo"), &operator).unwrap();
    assert!(rights.may_administer(house.one, Pocket::Release, &[]).is_ok());
    // a team can be neither
    let crew = house.person("crew");
    let admin = PersonChange { is_admin: Some(true), ..PersonChange::default() };
    assert!(house.db.write(|tx| change_person(tx, &crew, &admin)).is_err());
}

#[test]
fn a_refusal_says_who_lacks_what_and_which_command_helps() {
    let mut house = House::new();
    let main = house.main.clone();
    let source: SourceName = "hello".parse().unwrap();
    let question = UploadQuestion {
        series: house.one,
        pocket: Pocket::Updates,
        component: Some((main.0, &main.1)),
        source: &source,
        package_sets: &[],
        is_new: false,
    };
    let said = |house: &House, over: &str, question: &UploadQuestion<'_>| {
        house.rights("ann", over).may_upload(question).unwrap_err().to_string()
    };
    for (text, words) in [
        (
            said(&house, "demo", &question),
            vec![
                "ann may not upload hello to one-updates of demo",
                "permission grant ann UPLOAD --archive demo --component main",
            ],
        ),
        (
            said(&house, "demo", &UploadQuestion { is_new: true, ..question }),
            vec!["new there", "--source hello"],
        ),
        (
            said(&house, "~crew/demo/tools", &question),
            vec!["the archive of crew", "--archive ~crew/demo/tools --source hello"],
        ),
    ] {
        for word in words {
            assert!(text.contains(word), "{text} lacks {word}");
        }
    }
    let both = [house.universe.clone(), house.main.clone()];
    let said = house.rights("ann", "demo").may_administer(house.one, Pocket::Proposed, &both).unwrap_err();
    assert!(said.what.contains("in main and universe for one-proposed of demo"), "{said}");
    assert!(said.remedy.contains("--pocket PROPOSED"), "{said}");
    house.change("ann", &PersonChange { active: Some(false), ..PersonChange::default() });
    let said = house.rights("ann", "demo").may_upload(&question).unwrap_err();
    assert!(said.remedy.contains("person set ann --active true"), "{said}");
}

#[test]
fn a_person_of_a_ppa_must_exist() {
    let mut house = House::new();
    let demo = distribution(house.db.read(), &"demo".parse().unwrap()).unwrap();
    for (reference, purpose) in [
        ("~nobody/demo/tools", ArchivePurpose::Ppa),
        ("~ann/demo/tools", ArchivePurpose::Partner),
        ("demo/tools", ArchivePurpose::Ppa),
        ("~crew/demo/tools", ArchivePurpose::Ppa),
        ("~ann/demo/x-staging", ArchivePurpose::Ppa),
    ] {
        let reference: ArchiveReference = reference.parse().unwrap();
        assert!(
            house.db.write(|tx| create_archive(tx, &demo, &reference, purpose, "", NOW)).is_err(),
            "{reference}"
        );
    }
    // its name is nobody else's business
    for reference in ["~ann/demo/tools", "~ann/demo/primary"] {
        let reference: ArchiveReference = reference.parse().unwrap();
        house.db.write(|tx| create_archive(tx, &demo, &reference, ArchivePurpose::Ppa, "", NOW)).unwrap();
        assert_eq!(house.archive(&reference.to_string()).reference, reference);
    }
}
