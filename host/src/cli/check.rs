//! `pressroom check`: how the root is doing, for a monitoring system.

use std::ffi::OsString;
use std::process::ExitCode;
use std::str::FromStr;

use pressroom_archive::domain::DistributionName;
use pressroom_archive::domain::plain;
use pressroom_archive::monitor::health::{self, AgeLimit, Facts, Health, Level};
use pressroom_archive::store::distribution::distribution;

use super::output::write_out;
use super::{End, Session, exit};
use crate::operators::{Depth, gather};

const EXAMPLES: &str = "\
It reads, and changes nothing: a user who may only read the root can run it. The output is that of a Nagios plugin: a line with the worst, numbers
behind a bar, then a line for each thing that somebody has to look at. The exit code is 0 for OK, 1 for WARNING, 2 for CRITICAL and 3 for UNKNOWN.

Looked at are: scripts whose last run did not succeed (FAILED or died: CRITICAL; held by a hook: WARNING) and, with --max-age, those that have not
succeeded lately or never ran; uploads and messages that wait too long; keys that cannot sign, now or soon; Release files that clients will refuse;
hooks that will not run or have failed; filesystems that are nearly full. What is too much is said by [monitoring] in pressroom.toml.

Scripts are publish, process-upload, outbox-send, process-death-row, expire; and import, import-archive, populate-archive, process-accepted and hook-replay,
which people run: these are looked at only where they are named, unless [monitoring] by-hand says otherwise.

Examples:
  pressroom --root /srv/apt check --max-age 900
  pressroom check --max-age publish=900 --warn-age publish=600 --max-age process-upload=300
  pressroom check --distribution demo --format json";

/// Say whether all is well, as Nagios and its kin want to hear it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Check {
    /// CRITICAL when a script last succeeded longer ago, or never ran: SECONDS for publish of every distribution, SCRIPT=SECONDS for another; again
    /// for more.
    #[arg(long, value_name = "[SCRIPT=]SECONDS")]
    max_age: Vec<Age>,
    /// The same for WARNING.
    #[arg(long, value_name = "[SCRIPT=]SECONDS")]
    warn_age: Vec<Age>,
    /// Only what is about this distribution, or about the whole root.
    #[arg(long)]
    distribution: Option<DistributionName>,
}

/// A limit as it is written.
#[derive(Debug, Clone)]
struct Age {
    script: Option<String>,
    seconds: i64,
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (script, seconds) = match text.split_once('=') {
            Some((script, seconds)) => (Some(script), seconds),
            None => (None, text),
        };
        let is_name = |script: &str| {
            !script.is_empty() && script.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
        };
        if script.is_some_and(|script| !is_name(script)) {
            return Err("before the = stands the name of a script, as publish".to_owned());
        }
        let seconds: u32 = seconds.parse().map_err(|_| "an age is a number of seconds, as 900".to_owned())?;
        Ok(Self { script: script.map(str::to_owned), seconds: seconds.into() })
    }
}

impl Age {
    fn limit(&self, level: Level) -> AgeLimit {
        AgeLimit { script: self.script.clone(), seconds: self.seconds, level }
    }
}

impl Check {
    /// Never an error: what cannot be looked at is UNKNOWN.
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let health = match self.health(session) {
            Ok(health) => health,
            Err(error) => {
                let why = plain::line(&format!("{error:#}"), 1000).replace('|', "/");
                let unknown =
                    Health { level: Level::Unknown, findings: Vec::new(), measurements: Vec::new() };
                session.output.show(&unknown, || format!("PRESSROOM UNKNOWN: {why}\n"))?;
                if !session.output.is_text() {
                    anstream::eprintln!("{why}");
                }
                return Ok(End::Checked(Level::Unknown));
            }
        };
        session.output.show(&health, || health::text(&health))?;
        Ok(End::Checked(health.level))
    }

    fn health(&self, session: &Session) -> anyhow::Result<Health> {
        let root = session.root()?;
        let db = root.db_for_reading()?;
        let mut facts = gather(&root, db.read(), session.clock.now(), Depth::Everything)?;
        if let Some(name) = &self.distribution {
            distribution(db.read(), name)?;
            keep_only(&mut facts, name.as_str());
        }
        let critical = self.max_age.iter().map(|age| age.limit(Level::Critical));
        let warning = self.warn_age.iter().map(|age| age.limit(Level::Warning));
        let limits = root.config.monitoring.limits(critical.chain(warning).collect());
        Ok(health::judge(&facts, &limits))
    }
}

/// Leaves out what is about other distributions.
fn keep_only(facts: &mut Facts, name: &str) {
    let is_ours = |distribution: &str| distribution.is_empty() || distribution == name;
    facts.scripts.retain(|state| is_ours(&state.script.distribution));
    facts.open.retain(|open| is_ours(&open.script.distribution));
    facts.distributions.retain(|one| one.name == name);
}

/// Options before the command that take a value.
const WITH_VALUE: [&str; 3] = ["--root", "--format", "--now"];

/// Whether a command line is one of a check: a monitoring system takes the exit code of wrong use for something else otherwise.
pub(super) fn is_meant(arguments: impl Iterator<Item = OsString>) -> bool {
    let mut arguments = arguments.skip(1);
    while let Some(argument) = arguments.next() {
        if WITH_VALUE.iter().any(|option| argument == *option) {
            arguments.next();
        } else if !argument.as_encoded_bytes().starts_with(b"-") {
            return argument == "check";
        }
    }
    false
}

/// The end of a check that was asked for in a wrong way.
pub(super) fn wrong_use(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    // nobody is left to tell when standard output is closed
    let _ = write_out(&format!(
        "PRESSROOM UNKNOWN: {}\n{text}",
        plain::line(text.lines().next().unwrap_or_default(), 300)
    ));
    ExitCode::from(exit::of_level(Level::Unknown))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_seconds_for_all_or_for_one_script() {
        let age = |text: &str| text.parse::<Age>().map(|age| (age.script, age.seconds)).ok();
        assert_eq!(age("900"), Some((None, 900)));
        assert_eq!(age("process-upload=60"), Some((Some("process-upload".to_owned()), 60)));
        for wrong in ["", "-1", "15m", "=60", "publish=", "Publish=60", "a b=60", "publish=60=60"] {
            assert_eq!(age(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_check_is_known_wherever_the_options_stand() {
        let is = |line: &str| is_meant(line.split(' ').map(OsString::from));
        assert!(is("pressroom check --max-age x"));
        assert!(is("pressroom --root check check"));
        assert!(is("pressroom -v --root=/srv check"));
        assert!(!is("pressroom import check"));
        assert!(!is("pressroom --root check publish"));
    }
}
