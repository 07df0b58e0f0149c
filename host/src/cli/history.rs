//! `pressroom history`: the last runs, their passes and hooks.

use pressroom_archive::domain::plain;
use pressroom_archive::domain::{PassPriority, Publisher, RunOutcome};
use pressroom_archive::store::run::{self, Run};
use pressroom_archive::store::{Connection, hook_run, pass, script_log, step, suite};
use serde::Serialize;

use super::hook::calls::{Detail, ShownCall, call_text, micros, shown_call};
use super::output::{BAD, BOLD, DIM, GOOD, WARN, duration, painted};
use super::{End, Session};

/// Show the last runs: their passes, hooks, durations and errors.
#[derive(Debug, clap::Args)]
pub(super) struct History {
    /// How many runs.
    #[arg(long, short = 'n', default_value_t = 5, value_name = "COUNT")]
    limit: u32,
    /// With the steps of each pass, and what hooks said beyond their line.
    #[arg(long)]
    details: bool,
}

#[derive(Serialize)]
struct ShownRun {
    run: i64,
    script: String,
    distribution: String,
    /// Of which publisher it is; none: it publishes nothing.
    publisher: Option<Publisher>,
    /// What it is about beside that, as a folder of uploads.
    scope: String,
    host: String,
    process: i64,
    started: String,
    completed: Option<String>,
    outcome: String,
    message: String,
    passes: Vec<ShownPass>,
    hooks: Vec<ShownCall>,
    /// The end of what it said, where it did not succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

#[derive(Serialize)]
struct ShownPass {
    pass: i64,
    priority: u8,
    state: String,
    suites: Vec<String>,
    message: String,
    steps: Vec<ShownStep>,
}

#[derive(Serialize)]
struct ShownStep {
    step: String,
    duration_us: Option<u64>,
    detail: String,
}

impl History {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let db = session.root()?.db_for_reading()?;
        let runs = run::last_runs(db.read(), self.limit)?
            .into_iter()
            .map(|run| shown(db.read(), run))
            .collect::<anyhow::Result<Vec<_>>>()?;
        session.output.show(&runs, || {
            if runs.is_empty() {
                return "No run yet.\n".to_owned();
            }
            runs.iter().map(|run| text(run, self.details)).collect::<Vec<_>>().join("\n")
        })?;
        Ok(End::Success)
    }
}

fn shown(db: &Connection, run: Run) -> anyhow::Result<ShownRun> {
    let mut passes = Vec::new();
    for one in pass::passes_of(db, run.id)? {
        let of_pass = pass::suites_of_pass(db, one.id)?;
        let suites = suite::suites_of(db, one.archive)?
            .into_iter()
            .filter(|suite| of_pass.contains(&suite.id))
            .map(|suite| suite.name.to_string())
            .collect();
        let steps = step::steps_of(db, one.id)?
            .into_iter()
            .map(|step| ShownStep {
                step: step.name,
                duration_us: step.duration.map(micros),
                detail: step.detail,
            })
            .collect();
        passes.push(ShownPass {
            pass: one.id.0,
            priority: one.priority.as_u8(),
            state: one.state.to_string(),
            suites,
            message: one.message,
            steps,
        });
    }
    let hooks = hook_run::hook_runs_of(db, run.id)?
        .into_iter()
        .map(|call| shown_call(db, call))
        .collect::<Result<_, _>>()?;
    Ok(ShownRun {
        run: run.id.0,
        script: run.name,
        distribution: run.distribution,
        publisher: run.publisher,
        scope: run.scope,
        host: run.hostname,
        process: run.process_id,
        started: run.date_started.to_string(),
        completed: run.date_completed.map(|date| date.to_string()),
        outcome: run.outcome.map_or("RUNNING", RunOutcome::as_str).to_owned(),
        message: run.message,
        passes,
        hooks,
        log: script_log::log_of(db, run.id)?,
    })
}

/// What a run is about: a scope within a distribution is one of its archives, which names it, or one of its publishers.
fn about(run: &ShownRun) -> String {
    let about = match run.publisher {
        _ if !run.scope.is_empty() => run.scope.clone(),
        Some(publisher @ (Publisher::Ppas | Publisher::PrivatePpas | Publisher::CopyArchives)) => {
            format!("{} ({publisher})", run.distribution)
        }
        Some(Publisher::MainArchives) | None => run.distribution.clone(),
    };
    plain::line(&about, 200)
}

fn text(run: &ShownRun, details: bool) -> String {
    let detail = if details { Detail::All } else { Detail::Failures };
    let style = match run.outcome.as_str() {
        "SUCCEEDED" => GOOD,
        "HELD" | "RUNNING" => WARN,
        _ => BAD,
    };
    let mut text = format!(
        "{} {} {} {} {}\n",
        painted(BOLD, format!("run {}", run.run)),
        run.script,
        about(run),
        painted(style, &run.outcome),
        painted(DIM, format!("{} on {}, process {}", run.started, run.host, run.process)),
    );
    if !run.message.is_empty() {
        text.push_str(&format!("  {}\n", run.message));
    }
    for pass in &run.passes {
        let took: u64 = pass.steps.iter().filter_map(|step| step.duration_us).sum();
        text.push_str(&format!(
            "  pass {}, {} priority, {}: {} {}\n",
            pass.pass,
            PassPriority::new(pass.priority),
            pass.state,
            pass.suites.join(" "),
            painted(DIM, duration(std::time::Duration::from_micros(took))),
        ));
        if !pass.message.is_empty() && pass.message != run.message {
            text.push_str(&format!("    {}\n", pass.message));
        }
        if details {
            for step in &pass.steps {
                let took = step.duration_us.map_or_else(
                    || "did not end".to_owned(),
                    |took| duration(std::time::Duration::from_micros(took)),
                );
                text.push_str(&format!("    {:<17}{took:>9}  {}\n", step.step, step.detail));
            }
        }
        for hook in run.hooks.iter().filter(|hook| hook.pass == Some(pass.pass)) {
            text.push_str(&call_text(hook, "    ", detail));
        }
    }
    let own = |hook: &&ShownCall| !run.passes.iter().any(|pass| hook.pass == Some(pass.pass));
    for hook in run.hooks.iter().filter(own) {
        text.push_str(&call_text(hook, "    ", detail));
    }
    if let Some(log) = run.log.as_deref().filter(|_| details) {
        text.push_str("  the end of its log:\n");
        for line in log.lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}
