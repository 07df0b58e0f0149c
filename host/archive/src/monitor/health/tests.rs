use super::*;
use crate::domain::{DistributionId, Failing};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

const NOW: i64 = 1_000_000;

fn script(name: &str) -> Script {
    Script {
        name: name.into(),
        distribution_id: Some(DistributionId(1)),
        distribution: "demo".into(),
        scope: String::new(),
    }
}

/// A script that last succeeded so many seconds ago.
fn state(name: &str, age: i64) -> ScriptState {
    ScriptState {
        script: script(name),
        last_run: RunId(7),
        last_outcome: RunOutcome::Succeeded,
        last_message: "done".into(),
        last_started: at(NOW - age - 1),
        last_completed: at(NOW - age),
        last_success: Some(at(NOW - age)),
        failing: None,
    }
}

fn failing(name: &str, outcome: RunOutcome) -> ScriptState {
    let failing = Failing { first: RunId(5), since: at(NOW - 50), failures: 3, told: true };
    ScriptState {
        last_outcome: outcome,
        last_message: "no | room\nleft".into(),
        failing: Some(failing),
        ..state(name, 100)
    }
}

fn facts() -> Facts {
    Facts {
        now: at(NOW),
        scripts: vec![state("publish", 60)],
        open: Vec::new(),
        distributions: vec![DistributionFacts {
            name: "demo".into(),
            uploads: vec![
                (UploadStatus::New, Waiting::default()),
                (UploadStatus::Accepted, Waiting::default()),
            ],
            pending: Waiting::default(),
            failed_hooks: 0,
            complaints: Vec::new(),
            suites: Vec::new(),
        }],
        messages_waiting: Waiting::default(),
        messages_failed: Waiting::default(),
        keys: vec![KeyFacts { name: "ABCD".into(), state: KeyHealth::Good }],
        disks: vec![DiskFacts {
            path: "/srv".into(),
            free_bytes: 50,
            size_bytes: 100,
            free_files: 9,
            files: 10,
        }],
    }
}

fn limits() -> Limits {
    Limits {
        ages: Vec::new(),
        by_hand: vec!["import".into()],
        accepted_seconds: 3600,
        review_seconds: None,
        message_seconds: 3600,
        key_critical_seconds: 7 * 86_400,
        disk_warning_percent: 10,
        disk_critical_percent: 5,
    }
}

fn max_age(script: Option<&str>, seconds: i64, level: Level) -> AgeLimit {
    AgeLimit { script: script.map(str::to_owned), seconds, level }
}

/// The levels that are found, with what they are about.
fn found(facts: &Facts, limits: &Limits) -> Vec<(Level, &'static str)> {
    judge(facts, limits).findings.iter().map(|finding| (finding.level, finding.about)).collect()
}

#[test]
fn nothing_is_wrong_where_nothing_is_wrong() {
    let health = judge(&facts(), &limits());
    assert_eq!((health.level, health.findings.len()), (Level::Ok, 0));
    assert_eq!(
        text(&health),
        "PRESSROOM OK: all is well | 'publish of demo age'=60s 'new uploads of demo'=0 'accepted uploads of demo'=0 'pending of demo'=0 \
         'pending of demo age'=0s 'outbox waiting'=0 'outbox failed'=0 '/srv free'=50%;10:;5:\n"
    );
}

#[test]
fn the_age_of_the_last_success_is_held_against_the_limit_that_names_the_script_or_the_one_for_all() {
    use Level::{Critical, Warning};
    for (ages, expected) in [
        (vec![max_age(None, 60, Critical)], vec![]),
        (vec![max_age(None, 59, Critical)], vec![(Critical, "age")]),
        (vec![max_age(None, 59, Warning)], vec![(Warning, "age")]),
        (vec![max_age(None, 40, Warning), max_age(None, 50, Critical)], vec![(Critical, "age")]),
        (vec![max_age(Some("publish"), 100, Critical), max_age(None, 50, Critical)], vec![]),
        (vec![max_age(Some("publish"), 50, Critical), max_age(None, 500, Critical)], vec![(Critical, "age")]),
        (vec![max_age(Some("expire"), 50, Critical)], vec![(Critical, "age")]),
        (vec![max_age(Some("expire"), 50, Warning)], vec![(Warning, "age")]),
    ] {
        let limits = Limits { ages: ages.clone(), ..limits() };
        assert_eq!(found(&facts(), &limits), expected, "{ages:?}");
    }
}

#[test]
fn an_age_that_names_no_script_is_for_what_publishes_by_itself() {
    let mut old = vec![state("publish", 10), state("expire", 90_000), state("process-upload", 90_000)];
    let copies = Script { scope: Publisher::CopyArchives.as_str().into(), ..script("publish") };
    old.push(ScriptState { script: copies, ..state("publish", 90_000) });
    let facts = Facts { scripts: old, ..facts() };
    let ages = vec![max_age(None, 900, Level::Critical), max_age(Some("publish"), 900, Level::Critical)];
    assert_eq!(found(&facts, &Limits { ages, ..limits() }), []);
    let ages = vec![max_age(Some("expire"), 900, Level::Critical)];
    assert_eq!(found(&facts, &Limits { ages, ..limits() }), [(Level::Critical, "age")]);
}

#[test]
fn what_never_ran_is_missed_where_a_limit_asks_for_it() {
    let empty = Facts { scripts: Vec::new(), ..facts() };
    assert_eq!(found(&empty, &limits()), []);
    let asked = Limits { ages: vec![max_age(None, 60, Level::Critical)], ..limits() };
    assert_eq!(found(&empty, &asked), [(Level::Critical, "age")]);
    let never = ScriptState { last_success: None, ..state("publish", 1) };
    assert_eq!(found(&Facts { scripts: vec![never], ..facts() }, &asked), [(Level::Critical, "age")]);
}

#[test]
fn runs_that_fail_are_critical_and_those_that_are_held_a_warning() {
    for (outcome, level) in [
        (RunOutcome::Failed, Level::Critical),
        (RunOutcome::Interrupted, Level::Critical),
        (RunOutcome::Held, Level::Warning),
    ] {
        let facts = Facts { scripts: vec![failing("publish", outcome)], ..facts() };
        let health = judge(&facts, &limits());
        assert_eq!(health.level, level);
        let first = text(&health).lines().next().unwrap().to_owned();
        assert!(first.contains("3 times since") && first.contains("no / room left"), "{first}");
        assert_eq!(first.matches('|').count(), 1, "{first}");
    }
    // what people run by hand they see themselves, unless a limit names it
    let facts =
        Facts { scripts: vec![state("publish", 60), failing("import", RunOutcome::Failed)], ..facts() };
    assert_eq!(found(&facts, &limits()), []);
    let asked = Limits { ages: vec![max_age(Some("import"), 1000, Level::Critical)], ..limits() };
    assert_eq!(found(&facts, &asked), [(Level::Critical, "run")]);
}

#[test]
fn a_run_that_does_not_end_is_said() {
    let open = OpenRun { script: script("publish"), run: RunId(9), since: at(NOW - 100) };
    let facts = Facts { open: vec![open], ..facts() };
    assert_eq!(found(&facts, &limits()), []);
    for (seconds, expected) in [(99, vec![(Level::Warning, "run")]), (100, vec![])] {
        let asked = Limits { ages: vec![max_age(None, seconds, Level::Critical)], ..limits() };
        assert_eq!(found(&facts, &asked), expected);
    }
}

#[test]
fn uploads_and_messages_that_wait_too_long_are_said() {
    let waiting = |age: i64| Waiting { count: 2, since: Some(at(NOW - age)) };
    let with = |status, age| {
        let mut facts = facts();
        facts.distributions[0].uploads = vec![(status, waiting(age))];
        facts
    };
    let review = Limits { review_seconds: Some(100), ..limits() };
    assert_eq!(found(&with(UploadStatus::Accepted, 3600), &limits()), []);
    assert_eq!(found(&with(UploadStatus::Accepted, 3601), &limits()), [(Level::Warning, "uploads")]);
    assert_eq!(found(&with(UploadStatus::New, 99_999), &limits()), []);
    assert_eq!(found(&with(UploadStatus::New, 101), &review), [(Level::Warning, "uploads")]);
    assert_eq!(found(&with(UploadStatus::Unapproved, 100), &review), []);
    let messages = Facts { messages_waiting: waiting(3600), ..facts() };
    assert_eq!(found(&messages, &limits()), []);
    let messages = Facts { messages_waiting: waiting(3601), messages_failed: waiting(1), ..facts() };
    assert_eq!(found(&messages, &limits()), [(Level::Warning, "outbox"), (Level::Warning, "outbox")]);
}

#[test]
fn keys_disks_hooks_and_validity_are_looked_at_and_the_worst_comes_first() {
    let key = |state| Facts { keys: vec![KeyFacts { name: "ABCD".into(), state }], ..facts() };
    assert_eq!(
        found(&key(KeyHealth::Ends(8 * 86_400, "it expires".into())), &limits()),
        [(Level::Warning, "key")]
    );
    assert_eq!(
        found(&key(KeyHealth::Ends(7 * 86_400, "it expires".into())), &limits()),
        [(Level::Critical, "key")]
    );
    assert_eq!(found(&key(KeyHealth::Bad("it expired".into())), &limits()), [(Level::Critical, "key")]);
    assert_eq!(found(&key(KeyHealth::NotSeen("no right".into())), &limits()), [(Level::Unknown, "key")]);
    let disk = |free_bytes, free_files| {
        let disk = DiskFacts { path: "/srv".into(), free_bytes, size_bytes: 100, free_files, files: 1000 };
        Facts { disks: vec![disk], ..facts() }
    };
    assert_eq!(found(&disk(10, 100), &limits()), []);
    assert_eq!(found(&disk(9, 100), &limits()), [(Level::Warning, "disk")]);
    assert_eq!(found(&disk(4, 99), &limits()), [(Level::Critical, "disk"), (Level::Warning, "disk")]);
    let mut odd = facts();
    odd.distributions[0].failed_hooks = 1;
    odd.distributions[0].complaints = vec!["/srv/hooks/x: mode".into()];
    odd.distributions[0].suites = [1000, 99, 0]
        .map(|left| SuiteFacts {
            archive: "demo".into(),
            suite: "one".into(),
            last_published: None,
            valid_until: Some(at(NOW + left)),
            valid_for_seconds: 1000,
        })
        .into();
    use Level::{Critical, Warning};
    let expected = [(Critical, "suite"), (Warning, "hooks"), (Warning, "hooks"), (Warning, "suite")];
    assert_eq!(found(&odd, &limits()), expected);
    let lines = text(&judge(&odd, &limits()));
    assert!(lines.starts_with("PRESSROOM CRITICAL: one of demo is not valid since"), "{lines}");
    assert!(lines.contains(" (and 3 more) | ") && lines.lines().count() == 5, "{lines}");
}
