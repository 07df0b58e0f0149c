//! What somebody has to look at: facts of a root, held against limits.

use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::plain;
use crate::domain::{Publisher, RunId, RunOutcome, Script, ScriptState, UploadStatus};
use crate::store::waiting::Waiting;

/// How bad it is; the worst is what the whole is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// Nothing is wrong.
    Ok,
    /// It could not be judged.
    Unknown,
    /// Somebody should look.
    Warning,
    /// Somebody must look.
    Critical,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Unknown => "UNKNOWN",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
        })
    }
}

/// A run that has not said how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRun {
    /// Of what.
    pub script: Script,
    /// Its row.
    pub run: RunId,
    /// When it began.
    pub since: Timestamp,
}

/// A suite that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuiteFacts {
    /// As `demo`.
    pub archive: String,
    /// As `one-security`.
    pub suite: String,
    /// When it was last installed.
    pub last_published: Option<Timestamp>,
    /// `Valid-Until` of its live Release; none: it has none.
    pub valid_until: Option<Timestamp>,
    /// For how long a Release is valid, in seconds.
    pub valid_for_seconds: i64,
}

/// A distribution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DistributionFacts {
    /// Its name.
    pub name: String,
    /// Uploads that wait, by status.
    pub uploads: Vec<(UploadStatus, Waiting)>,
    /// Publications that are PENDING.
    pub pending: Waiting,
    /// Hooks that failed after an installation, and were not made good.
    pub failed_hooks: u64,
    /// Files in hook folders that will not run, and why.
    pub complaints: Vec<String>,
    /// The suites of its main archives.
    pub suites: Vec<SuiteFacts>,
}

/// A key that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFacts {
    /// What people call it: its fingerprint, or its file where it cannot be read.
    pub name: String,
    /// Whether it may sign now and later.
    pub state: KeyHealth,
}

/// Whether a key may sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyHealth {
    /// For as long as was asked.
    Good,
    /// Not any more in so many seconds at most, and why.
    Ends(i64, String),
    /// Not now, and why.
    Bad(String),
    /// Whoever asks may not look.
    NotSeen(String),
}

/// A filesystem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskFacts {
    /// A folder on it.
    pub path: String,
    /// What is free for the one who asks.
    pub free_bytes: u64,
    /// Its size.
    pub size_bytes: u64,
    /// How many files can be made.
    pub free_files: u64,
    /// How many it can have; 0: it does not count them.
    pub files: u64,
}

/// Everything that is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// When it was looked.
    pub now: Timestamp,
    /// How scripts are doing.
    pub scripts: Vec<ScriptState>,
    /// Runs that go on, or have died.
    pub open: Vec<OpenRun>,
    /// Every distribution.
    pub distributions: Vec<DistributionFacts>,
    /// Messages that wait to be sent.
    pub messages_waiting: Waiting,
    /// Messages that were given up.
    pub messages_failed: Waiting,
    /// Keys that sign.
    pub keys: Vec<KeyFacts>,
    /// Where archives, originals and the database lie.
    pub disks: Vec<DiskFacts>,
}

/// How long ago a script may have succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeLimit {
    /// Which; none: `publish`, of every distribution.
    pub script: Option<String>,
    /// So many seconds.
    pub seconds: i64,
    /// What it is when that is over.
    pub level: Level,
}

/// What is too much.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For scripts.
    pub ages: Vec<AgeLimit>,
    /// Scripts that people run: how they end is nobody else's business, unless `ages` names them.
    pub by_hand: Vec<String>,
    /// For uploads that are ACCEPTED: so long they may wait for their publications, in seconds.
    pub accepted_seconds: i64,
    /// For uploads that wait for a person, in seconds; none: as long as it takes.
    pub review_seconds: Option<i64>,
    /// For messages that nobody takes, in seconds.
    pub message_seconds: i64,
    /// A key that ends within so many seconds is CRITICAL; one that ends later, if it is known to end, is a WARNING.
    pub key_critical_seconds: i64,
    /// A filesystem with less than so many percent free is a WARNING.
    pub disk_warning_percent: u8,
    /// With less than so many, CRITICAL.
    pub disk_critical_percent: u8,
}

impl Limits {
    /// Whether anybody but its caller cares how a script ends.
    fn looks_at(&self, name: &str) -> bool {
        let is_named = |limit: &AgeLimit| limit.script.as_deref() == Some(name);
        !self.by_hand.iter().any(|by_hand| by_hand == name) || self.ages.iter().any(is_named)
    }
}

/// Something that was looked at and is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// What it is about: `run`, `age`, `uploads`, `outbox`, `key`, `disk`, `hooks` or `suite`.
    pub about: &'static str,
    /// What is wrong and what to do, in one line.
    pub what: String,
}

/// A number that is worth a curve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Measurement {
    /// Its name.
    pub name: String,
    /// How much.
    pub value: i64,
    /// `s`, `B`, `%` or nothing.
    pub unit: &'static str,
    /// Beyond this it is a WARNING.
    pub warning: Option<i64>,
    /// Beyond this it is CRITICAL.
    pub critical: Option<i64>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// The worst of it.
    pub level: Level,
    /// What is wrong, the worst first.
    pub findings: Vec<Finding>,
    /// Numbers.
    pub measurements: Vec<Measurement>,
}

/// The script that all the others are for.
const PUBLISH: &str = "publish";
/// The longest line about a finding, in characters.
const MAX_LINE: usize = 400;

impl Finding {
    fn new(level: Level, about: &'static str, what: &str) -> Self {
        // a bar would be the beginning of the numbers
        Self { level, about, what: plain::line(what, MAX_LINE).replace('|', "/") }
    }
}

/// Holds facts against limits.
#[must_use]
pub fn judge(facts: &Facts, limits: &Limits) -> Health {
    let mut judge = Judge { facts, limits, findings: Vec::new(), measurements: Vec::new() };
    judge.scripts();
    judge.ages();
    judge.never();
    judge.open_runs();
    judge.distributions();
    judge.messages();
    judge.keys();
    judge.disks();
    let Judge { mut findings, measurements, .. } = judge;
    // those of one level in the order in which they were looked at
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.level));
    let level = findings.first().map_or(Level::Ok, |finding| finding.level);
    Health { level, findings, measurements }
}

struct Judge<'a> {
    facts: &'a Facts,
    limits: &'a Limits,
    findings: Vec<Finding>,
    measurements: Vec<Measurement>,
}

/// A duration for people: two of its units.
fn words(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds % 86_400 / 3600, seconds % 3600 / 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, ..) => format!("{hours} h {minutes} min"),
        (..) => format!("{days} d {hours} h"),
    }
}

impl Judge<'_> {
    fn find(&mut self, level: Level, about: &'static str, what: &str) {
        self.findings.push(Finding::new(level, about, what));
    }

    fn measure(&mut self, name: String, value: i64, unit: &'static str, limits: (Option<i64>, Option<i64>)) {
        self.measurements.push(Measurement { name, value, unit, warning: limits.0, critical: limits.1 });
    }

    fn seconds_since(&self, then: Timestamp) -> i64 {
        self.facts.now.duration_since(then).max(SignedDuration::ZERO).as_secs()
    }

    /// The strictest limit of a level that is about a script; one that names it counts before one that names none.
    fn limit(&self, name: &str, level: Level) -> Option<i64> {
        let of = |script: Option<&str>| {
            let limits = self.limits.ages.iter().filter(|limit| limit.level == level);
            limits.filter(|limit| limit.script.as_deref() == script).map(|limit| limit.seconds).min()
        };
        of(Some(name)).or_else(|| if name == PUBLISH { of(None) } else { None })
    }

    /// Runs that did not succeed.
    fn scripts(&mut self) {
        let (facts, limits) = (self.facts, self.limits);
        for state in facts.scripts.iter().filter(|state| limits.looks_at(&state.script.name)) {
            let Some(failing) = state.failing else { continue };
            let (level, word) = match state.last_outcome {
                // somebody decided so
                RunOutcome::Held => (Level::Warning, "is held"),
                RunOutcome::Interrupted => (Level::Critical, "died"),
                RunOutcome::Failed | RunOutcome::Succeeded => (Level::Critical, "failed"),
            };
            let times = match failing.failures {
                1 => String::new(),
                more => format!(" {more} times"),
            };
            let what = format!(
                "{} {word}{times} since {}: {} (`pressroom history` has run {})",
                state.script, failing.since, state.last_message, state.last_run
            );
            self.find(level, "run", &what);
        }
    }

    /// Scripts that did not succeed lately.
    fn ages(&mut self) {
        let (facts, limits) = (self.facts, self.limits);
        for state in facts.scripts.iter().filter(|state| limits.looks_at(&state.script.name)) {
            let name = &state.script.name;
            if name == PUBLISH && state.script.scope == Publisher::CopyArchives.as_str() {
                // these are published when somebody asks for it
                continue;
            }
            let limits = (self.limit(name, Level::Warning), self.limit(name, Level::Critical));
            let Some(success) = state.last_success else {
                if limits.0.or(limits.1).is_some() {
                    let what = format!("{} has never succeeded: see `pressroom history`", state.script);
                    self.find(Level::Critical, "age", &what);
                }
                continue;
            };
            let age = self.seconds_since(success);
            self.measure(format!("{} age", state.script), age, "s", limits);
            let over = |limit: Option<i64>| limit.filter(|limit| age > *limit);
            let found = over(limits.1)
                .map(|limit| (Level::Critical, limit))
                .or_else(|| over(limits.0).map(|limit| (Level::Warning, limit)));
            if let Some((level, limit)) = found {
                let what = format!(
                    "{} last succeeded {} ago, which may be {} at most: is its timer or cron job running?",
                    state.script,
                    words(age),
                    words(limit)
                );
                self.find(level, "age", &what);
            }
        }
    }

    /// Scripts that should have run and never have: those that a limit names, and a publisher of every distribution.
    fn never(&mut self) {
        let facts = self.facts;
        let known: BTreeSet<(&str, &str)> = facts
            .scripts
            .iter()
            .map(|state| (state.script.name.as_str(), state.script.distribution.as_str()))
            .collect();
        let has_run = |script: &str| known.iter().any(|(name, _)| *name == script);
        let limits = self.limits;
        let mut said = BTreeSet::new();
        for limit in &limits.ages {
            match limit.script.as_deref() {
                Some(script) if script != PUBLISH => {
                    if !has_run(script) && said.insert(script.to_owned()) {
                        self.find(
                            limit.level,
                            "age",
                            &format!("{script} has never run: is its timer or cron job running?"),
                        );
                    }
                }
                Some(_) | None => {
                    for one in &facts.distributions {
                        if !known.contains(&(PUBLISH, &one.name))
                            && said.insert(format!("publish {}", one.name))
                        {
                            let what = format!(
                                "publish of {} has never run: is its timer or cron job running?",
                                one.name
                            );
                            self.find(limit.level, "age", &what);
                        }
                    }
                }
            }
        }
    }

    /// Runs that do not end.
    fn open_runs(&mut self) {
        let (facts, limits) = (self.facts, self.limits);
        for open in facts.open.iter().filter(|open| limits.looks_at(&open.script.name)) {
            let name = &open.script.name;
            let (age, limit) = (self.seconds_since(open.since), self.limit(name, Level::Critical));
            if limit.or(self.limit(name, Level::Warning)).is_some_and(|limit| age > limit) {
                let what = format!(
                    "run {} of {} has not ended for {}: it hangs, or has died (the next run records that)",
                    open.run,
                    open.script,
                    words(age)
                );
                self.find(Level::Warning, "run", &what);
            }
        }
    }

    fn distributions(&mut self) {
        let facts = self.facts;
        for one in &facts.distributions {
            self.uploads(one);
            let waits = one.pending.since.map_or(0, |since| self.seconds_since(since));
            self.measure(format!("pending of {}", one.name), count(one.pending.count), "", (None, None));
            self.measure(format!("pending of {} age", one.name), waits, "s", (None, None));
            if one.failed_hooks > 0 {
                let what = format!(
                    "{} hook calls of {} failed after an installation and were not made good: see `pressroom status`",
                    one.failed_hooks, one.name
                );
                self.find(Level::Warning, "hooks", &what);
            }
            for complaint in &one.complaints {
                self.find(
                    Level::Warning,
                    "hooks",
                    &format!("a hook of {} will not run: {complaint}", one.name),
                );
            }
            for suite in &one.suites {
                self.suite(suite);
            }
        }
    }

    fn uploads(&mut self, one: &DistributionFacts) {
        for (status, waiting) in &one.uploads {
            let age = waiting.since.map_or(0, |since| self.seconds_since(since));
            let (limit, remedy) = match status {
                UploadStatus::Accepted => {
                    (Some(self.limits.accepted_seconds), "`pressroom process-accepted` says why")
                }
                UploadStatus::New | UploadStatus::Unapproved => (
                    self.limits.review_seconds,
                    "`pressroom queue info` shows what waits for somebody's decision",
                ),
                UploadStatus::Done | UploadStatus::Rejected => (None, ""),
            };
            let word = status.to_string().to_lowercase();
            self.measure(format!("{word} uploads of {}", one.name), count(waiting.count), "", (None, None));
            if waiting.count > 0 && limit.is_some_and(|limit| age > limit) {
                let what = format!(
                    "{} uploads of {} are {status}, one of them for {}: {remedy}",
                    waiting.count,
                    one.name,
                    words(age)
                );
                self.find(Level::Warning, "uploads", &what);
            }
        }
    }

    /// A Release that clients refuse soon: nothing has published the suite for most of the time that it is valid.
    fn suite(&mut self, suite: &SuiteFacts) {
        let Some(until) = suite.valid_until else { return };
        let left = until.duration_since(self.facts.now).as_secs();
        let SuiteFacts { archive, suite: name, valid_for_seconds, .. } = suite;
        self.measure(format!("{name} of {archive} valid"), left, "s", (None, None));
        if left <= 0 {
            let what = format!(
                "{name} of {archive} is not valid since {until}, and clients refuse it: see `pressroom suite show {name}` whether somebody has paused it, else publish it with `pressroom publish --suite {name}`"
            );
            self.find(Level::Critical, "suite", &what);
        } else if left < valid_for_seconds / 10 {
            let what = format!(
                "{name} of {archive} is valid for {} only: runs renew it in time: is their timer running, and has nobody paused it (`pressroom suite show {name}`)?",
                words(left)
            );
            self.find(Level::Warning, "suite", &what);
        }
    }

    fn messages(&mut self) {
        let (waiting, failed) = (self.facts.messages_waiting, self.facts.messages_failed);
        self.measure("outbox waiting".to_owned(), count(waiting.count), "", (None, None));
        self.measure("outbox failed".to_owned(), count(failed.count), "", (None, None));
        let age = waiting.since.map_or(0, |since| self.seconds_since(since));
        if age > self.limits.message_seconds {
            let what = format!(
                "{} messages wait to be sent, one of them for {}: `pressroom outbox list` says why",
                waiting.count,
                words(age)
            );
            self.find(Level::Warning, "outbox", &what);
        }
        if failed.count > 0 {
            let what = format!(
                "{} messages were given up: see `pressroom outbox list`, then `pressroom outbox retry --failed` or `drop --failed`",
                failed.count
            );
            self.find(Level::Warning, "outbox", &what);
        }
    }

    fn keys(&mut self) {
        let facts = self.facts;
        for key in &facts.keys {
            let name = &key.name;
            match &key.state {
                KeyHealth::Good => {}
                KeyHealth::Ends(seconds, why) => {
                    let is_soon = *seconds <= self.limits.key_critical_seconds;
                    let level = if is_soon { Level::Critical } else { Level::Warning };
                    self.find(
                        level,
                        "key",
                        &format!("the key {name} cannot sign in {}: {why}", words(*seconds)),
                    );
                }
                KeyHealth::Bad(why) => {
                    self.find(Level::Critical, "key", &format!("the key {name} cannot sign: {why}"));
                }
                KeyHealth::NotSeen(why) => {
                    let what = format!(
                        "the key {name} was not looked at: {why}; run the check as the user who publishes"
                    );
                    self.find(Level::Unknown, "key", &what);
                }
            }
        }
    }

    fn disks(&mut self) {
        let facts = self.facts;
        for disk in &facts.disks {
            let percent = |free: u64, of: u64| free.saturating_mul(100).checked_div(of);
            let (warning, critical) = (self.limits.disk_warning_percent, self.limits.disk_critical_percent);
            let free = percent(disk.free_bytes, disk.size_bytes);
            if let Some(free) = free {
                let limits = (Some(i64::from(warning)), Some(i64::from(critical)));
                self.measure(format!("{} free", disk.path), count(free), "%", limits);
            }
            let whats = [(free, "room"), (percent(disk.free_files, disk.files), "room for more files")];
            for (free, what) in whats {
                let Some(free) = free else { continue };
                let level = match free {
                    free if free < u64::from(critical) => Level::Critical,
                    free if free < u64::from(warning) => Level::Warning,
                    _ => continue,
                };
                self.find(
                    level,
                    "disk",
                    &format!("the filesystem of {} has {free} % {what} left", disk.path),
                );
            }
        }
    }
}

fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The output of a check, as Nagios and its kin read it: a line with the worst, numbers behind a bar, and a line for everything else.
#[must_use]
pub fn text(health: &Health) -> String {
    let Health { level, findings, measurements } = health;
    let head = match findings.split_first() {
        None => "all is well".to_owned(),
        Some((first, [])) => first.what.clone(),
        Some((first, rest)) => format!("{} (and {} more)", first.what, rest.len()),
    };
    let numbers: Vec<String> = measurements.iter().map(number).collect();
    let bar = if numbers.is_empty() { "" } else { " | " };
    let mut text = format!("PRESSROOM {level}: {head}{bar}{}\n", numbers.join(" "));
    for finding in findings {
        text.push_str(&format!("{}: {}\n", finding.level, finding.what));
    }
    text
}

fn number(one: &Measurement) -> String {
    let label: String = one
        .name
        .chars()
        .map(|c| if matches!(c, '\'' | '=' | '|') || plain::is_obeyed(c) { '_' } else { c })
        .collect();
    // less than the limit is too little, where the number is what is left
    let below = if one.unit == "%" { ":" } else { "" };
    let limit = |limit: Option<i64>| limit.map_or_else(String::new, |limit| format!("{limit}{below}"));
    let (warning, critical) = (limit(one.warning), limit(one.critical));
    let limits = match (warning.is_empty(), critical.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!(";{warning}"),
        (_, false) => format!(";{warning};{critical}"),
    };
    format!("'{label}'={}{}{limits}", one.value, one.unit)
}

#[cfg(test)]
mod tests;
