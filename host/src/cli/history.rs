//! `pressroom history`: the last runs, their passes and hooks.

use pressroom_archive::domain::{HookOutcome, PassPriority, RunOutcome};
use pressroom_archive::store::run::{self, Run};
use pressroom_archive::store::{Connection, hook, pass, suite};
use serde::Serialize;

use super::output::{BAD, BOLD, DIM, GOOD, WARN, bytes, duration, painted};
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
    host: String,
    process: i64,
    started: String,
    completed: Option<String>,
    outcome: String,
    message: String,
    passes: Vec<ShownPass>,
    hooks: Vec<ShownHook>,
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

#[derive(Serialize)]
struct ShownHook {
    pass: Option<i64>,
    point: String,
    hook: String,
    kind: String,
    priority: u8,
    outcome: HookOutcome,
    duration_us: u64,
    peak_memory_bytes: Option<u64>,
    summary: String,
    details: String,
    log: String,
}

impl History {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let db = session.root()?.db()?;
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

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
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
        let steps = pass::steps_of(db, one.id)?
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
    let hooks = hook::hook_runs_of(db, run.id)?
        .into_iter()
        .map(|call| ShownHook {
            pass: call.pass.map(|pass| pass.0),
            point: call.point,
            hook: call.hook,
            kind: call.kind,
            priority: call.priority.as_u8(),
            outcome: call.outcome,
            duration_us: micros(call.duration),
            peak_memory_bytes: call.peak_memory_bytes,
            summary: call.summary,
            details: call.details,
            log: call.log_tail,
        })
        .collect();
    Ok(ShownRun {
        run: run.id.0,
        script: run.name,
        distribution: run.distribution,
        host: run.hostname,
        process: run.process_id,
        started: run.date_started.to_string(),
        completed: run.date_completed.map(|date| date.to_string()),
        outcome: run.outcome.map_or("RUNNING", RunOutcome::as_str).to_owned(),
        message: run.message,
        passes,
        hooks,
    })
}

fn text(run: &ShownRun, details: bool) -> String {
    let style = match run.outcome.as_str() {
        "SUCCEEDED" => GOOD,
        "HELD" | "RUNNING" => WARN,
        _ => BAD,
    };
    let mut text = format!(
        "{} {} {} {} {}\n",
        painted(BOLD, format!("run {}", run.run)),
        run.script,
        run.distribution,
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
            text.push_str(&hook_text(hook, details));
        }
    }
    let own = |hook: &&ShownHook| !run.passes.iter().any(|pass| hook.pass == Some(pass.pass));
    for hook in run.hooks.iter().filter(own) {
        text.push_str(&hook_text(hook, details));
    }
    text
}

fn hook_text(hook: &ShownHook, details: bool) -> String {
    let style = if hook.outcome.is_success() { GOOD } else { BAD };
    let memory = hook.peak_memory_bytes.map(|peak| format!(", {}", bytes(peak))).unwrap_or_default();
    let mut text = format!(
        "    {} {} {}: {} {}\n",
        hook.point,
        painted(BOLD, &hook.hook),
        painted(style, hook.outcome),
        hook.summary,
        painted(DIM, format!("({}{memory})", duration(std::time::Duration::from_micros(hook.duration_us)))),
    );
    if details || !hook.outcome.is_success() {
        for line in hook.details.lines().chain(hook.log.lines()) {
            text.push_str(&format!("      {line}\n"));
        }
    }
    text
}
