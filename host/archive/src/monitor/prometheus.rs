//! Facts as metrics, in the text format of Prometheus: for node_exporter's textfile collector.
//!
//! Only gauges, and only what rows say now: nothing here counts through the past. Times are Unix seconds; a limit is the business of whoever asks for
//! an alert.

use std::fmt::Write;

use jiff::Timestamp;

use super::health::{Facts, KeyHealth};
use crate::domain::{RunOutcome, Script, ScriptState};

/// The whole file.
#[must_use]
pub fn text(facts: &Facts, version: &str) -> String {
    let mut page = Page { text: String::new() };
    page.family("pressroom_info", "The pressroom that wrote this.", [(label("version", version), 1)]);
    page.family(
        "pressroom_metrics_timestamp_seconds",
        "When this was written.",
        [(String::new(), facts.now.as_second())],
    );
    scripts(&mut page, facts);
    distributions(&mut page, facts);
    let messages = [("WAITING", facts.messages_waiting), ("FAILED", facts.messages_failed)];
    page.family(
        "pressroom_outbox_messages",
        "Messages that wait to be sent, or were given up.",
        messages.map(|(status, waiting)| (label("status", status), number(waiting.count))),
    );
    page.family(
        "pressroom_outbox_oldest_timestamp_seconds",
        "When the oldest of them was written.",
        messages
            .iter()
            .filter_map(|(status, waiting)| Some((label("status", status), waiting.since?.as_second()))),
    );
    let is_good = |state: &KeyHealth| match state {
        KeyHealth::Good | KeyHealth::Ends(..) => Some(1),
        KeyHealth::Bad(_) => Some(0),
        KeyHealth::NotSeen(_) => None,
    };
    page.family(
        "pressroom_key_usable",
        "Whether a key may sign.",
        facts.keys.iter().filter_map(|key| Some((label("key", &key.name), is_good(&key.state)?))),
    );
    page.family(
        "pressroom_key_expires_within_seconds",
        "Of a key that may not sign for long any more: after how long at most.",
        facts.keys.iter().filter_map(|key| match key.state {
            KeyHealth::Ends(seconds, _) => Some((label("key", &key.name), seconds)),
            KeyHealth::Good | KeyHealth::Bad(_) | KeyHealth::NotSeen(_) => None,
        }),
    );
    page.text
}

fn scripts(page: &mut Page, facts: &Facts) {
    let each = |value: fn(&ScriptState) -> Option<i64>| {
        facts.scripts.iter().filter_map(move |state| Some((labels(&state.script), value(state)?)))
    };
    page.family(
        "pressroom_run_last_start_timestamp_seconds",
        "When the last run that has ended began.",
        each(|state| Some(state.last_started.as_second())),
    );
    page.family(
        "pressroom_run_last_end_timestamp_seconds",
        "When it ended.",
        each(|state| Some(state.last_completed.as_second())),
    );
    page.family(
        "pressroom_run_last_success_timestamp_seconds",
        "When a run last ended well.",
        each(|state| state.last_success.map(Timestamp::as_second)),
    );
    page.family(
        "pressroom_run_last_outcome",
        "How the last run ended: 1 for its outcome.",
        facts.scripts.iter().flat_map(|state| {
            RunOutcome::ALL.iter().map(|outcome| {
                let of = format!("{},{}", labels(&state.script), label("outcome", outcome.as_str()));
                (of, i64::from(*outcome == state.last_outcome))
            })
        }),
    );
    page.family(
        "pressroom_run_failures",
        "How many runs have not succeeded since one did.",
        each(|state| Some(state.failing.map_or(0, |failing| failing.failures.into()))),
    );
    page.family(
        "pressroom_run_open_since_timestamp_seconds",
        "When a run began that has not ended.",
        facts.open.iter().map(|open| {
            let of = format!("{},{}", labels(&open.script), label("run", &open.run.to_string()));
            (of, open.since.as_second())
        }),
    );
}

fn distributions(page: &mut Page, facts: &Facts) {
    let of = |name: &str| label("distribution", name);
    let uploads = || {
        facts.distributions.iter().flat_map(move |one| {
            let name = of(&one.name);
            one.uploads.iter().map(move |(status, waiting)| {
                (format!("{name},{}", label("status", status.as_str())), *waiting)
            })
        })
    };
    page.family(
        "pressroom_uploads_waiting",
        "Uploads that wait, for a decision or for their publications.",
        uploads().map(|(of, waiting)| (of, number(waiting.count))),
    );
    page.family(
        "pressroom_uploads_oldest_timestamp_seconds",
        "When the oldest of them came.",
        uploads().filter_map(|(of, waiting)| Some((of, waiting.since?.as_second()))),
    );
    let each = &facts.distributions;
    page.family(
        "pressroom_publications_pending",
        "Publications that wait for a pass.",
        each.iter().map(|one| (of(&one.name), number(one.pending.count))),
    );
    page.family(
        "pressroom_publications_pending_oldest_timestamp_seconds",
        "When the oldest of them was made.",
        each.iter().filter_map(|one| Some((of(&one.name), one.pending.since?.as_second()))),
    );
    page.family(
        "pressroom_hooks_failed",
        "Hook calls that failed after an installation and were not made good.",
        each.iter().map(|one| (of(&one.name), number(one.failed_hooks))),
    );
    page.family(
        "pressroom_hooks_not_runnable",
        "Files in hook folders that will not run.",
        each.iter().map(|one| (of(&one.name), i64::try_from(one.complaints.len()).unwrap_or(i64::MAX))),
    );
    let suites = |value: fn(&super::health::SuiteFacts) -> Option<Timestamp>| {
        each.iter().flat_map(|one| &one.suites).filter_map(move |suite| {
            let of = format!("{},{}", label("archive", &suite.archive), label("suite", &suite.suite));
            Some((of, value(suite)?.as_second()))
        })
    };
    page.family(
        "pressroom_suite_last_published_timestamp_seconds",
        "When a suite of a main archive was last put in place.",
        suites(|suite| suite.last_published),
    );
    page.family(
        "pressroom_suite_valid_until_timestamp_seconds",
        "Valid-Until of its Release.",
        suites(|suite| suite.valid_until),
    );
}

fn labels(script: &Script) -> String {
    format!(
        "{},{},{}",
        label("script", &script.name),
        label("distribution", &script.distribution),
        label("scope", &script.scope)
    )
}

fn label(name: &str, value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            other => escaped.push(other),
        }
    }
    format!("{name}=\"{escaped}\"")
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

struct Page {
    text: String,
}

impl Page {
    /// A metric with all its samples, which have to stand together.
    fn family(&mut self, name: &str, help: &str, samples: impl IntoIterator<Item = (String, i64)>) {
        let mut samples = samples.into_iter().peekable();
        if samples.peek().is_none() {
            return;
        }
        // writing to a string does not fail
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
        for (labels, value) in samples {
            let braces = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
            let _ = writeln!(self.text, "{name}{braces} {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DistributionId, RunId};
    use crate::store::waiting::Waiting;

    #[test]
    fn every_metric_says_what_it_is_once_and_labels_cannot_end_early() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let script = |scope: &str| Script {
            name: "import".into(),
            distribution_id: Some(DistributionId(1)),
            distribution: "demo".into(),
            scope: scope.into(),
        };
        let state = |scope: &str| ScriptState {
            script: script(scope),
            last_run: RunId(3),
            last_outcome: RunOutcome::Held,
            last_message: String::new(),
            last_started: at(10),
            last_completed: at(11),
            last_success: None,
            failing: None,
        };
        let facts = Facts {
            now: at(20),
            scripts: vec![state("a"), state("b\"\\\n")],
            open: Vec::new(),
            distributions: Vec::new(),
            messages_waiting: Waiting { count: 2, since: Some(at(5)) },
            messages_failed: Waiting::default(),
            keys: Vec::new(),
            disks: Vec::new(),
        };
        let text = text(&facts, "1.0");
        for line in [
            "pressroom_info{version=\"1.0\"} 1",
            "pressroom_metrics_timestamp_seconds 20",
            r#"pressroom_run_last_end_timestamp_seconds{script="import",distribution="demo",scope="b\"\\\n"} 11"#,
            r#"pressroom_run_last_outcome{script="import",distribution="demo",scope="a",outcome="HELD"} 1"#,
            r#"pressroom_run_last_outcome{script="import",distribution="demo",scope="a",outcome="FAILED"} 0"#,
            r#"pressroom_outbox_messages{status="WAITING"} 2"#,
            r#"pressroom_outbox_oldest_timestamp_seconds{status="WAITING"} 5"#,
        ] {
            assert!(text.lines().any(|one| one == line), "{line} is not in\n{text}");
        }
        assert!(!text.contains("last_success"), "{text}");
        let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
        let names: std::collections::BTreeSet<&&str> = types.iter().collect();
        assert_eq!(names.len(), types.len());
        assert!(text.ends_with('\n'));
    }
}
