//! `pressroom hook replay`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use pressroom_archive::disk;
use pressroom_archive::domain::{DistributionName, HookOutcome, RunId};
use pressroom_archive::store::hook_run::{self, Recorded};
use pressroom_sandbox::Point;
use serde::Serialize;

use super::calls::{Detail, ShownCall, call_text, cost_text, micros, outcome_text, plain, shown_call};
use crate::cli::output::{BAD, BOLD, DIM, WARN, painted, write_bytes};
use crate::cli::who::{self, As};
use crate::cli::{End, Session, exit};
use crate::conductor::replay::{DryRun, Replayed, Wanted, dismiss, distribution_of, rehearse, replay};
use crate::hooks::replay::Component;

const EXAMPLES: &str = "\
Without --dry-run: the post-publication and finalize hooks that failed in that run are called again, with what they were told then (run, pass, suites,
time, changes of the pass), under the distribution's lock. One that succeeds makes its failure good. It runs with the grant and configuration of today.

With --dry-run: any hook of any point, also one that held the pass. It is told that it is a dry run; it sees the live tree as if it were staged; what it
writes and remembers is shown and dropped; signatures are place-holders. Executables are left out: they cannot be told.

Examples:
  pressroom hook replay 17
  pressroom hook replay 17 --hook mirror-push --all
  pressroom hook replay 17 --hook mirror-push --dismiss --reason \"the mirror is gone\"
  pressroom hook replay 17 --point pre-publication --dry-run
  pressroom hook replay 17 --hook indices --dry-run --into /tmp/written";

/// Call the hooks of a run again with what they were told then: those that failed after the installation, or any as a dry run.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct Replay {
    /// The run, as `pressroom history` numbers it.
    #[arg(value_name = "RUN", value_parser = clap::value_parser!(i64).range(1..))]
    run: i64,
    /// Only at this point.
    #[arg(long, value_name = "POINT")]
    point: Option<Point>,
    /// Only this hook: its name, or its file's.
    #[arg(long, value_name = "HOOK")]
    hook: Option<String>,
    /// The distribution that the run was for; a run of another one is refused.
    #[arg(long)]
    distribution: Option<DistributionName>,
    /// Those that succeeded as well.
    #[arg(long)]
    all: bool,
    /// The hook that lies there now, also where it is another component than the one that was called.
    #[arg(long)]
    current: bool,
    /// Show what they would do, and keep nothing of it.
    #[arg(long, conflicts_with = "all")]
    dry_run: bool,
    /// Do not call them: leave their failures as they are. No run calls them again by itself, and `pressroom status` no longer shows them.
    #[arg(long, requires = "reason", conflicts_with_all = ["all", "dry_run", "current"])]
    dismiss: bool,
    /// Why they are left; it is kept with the calls.
    #[arg(long, value_name = "TEXT", requires = "dismiss")]
    reason: Option<String>,
    /// Who says so: a person, where there are any; without it, as for every command that decides, who is set in pressroom.toml or the person who is
    /// this Unix user.
    #[arg(long = "as", value_name = "NAME", requires = "dismiss")]
    by: Option<String>,
    /// Print what a dry run would write to this path, and nothing else.
    #[arg(long, value_name = "PATH", requires = "dry_run")]
    show: Option<String>,
    /// Write what a dry run would write below this new folder, in a folder for each hook and pass.
    #[arg(long, value_name = "DIR", requires = "dry_run", conflicts_with = "show")]
    into: Option<PathBuf>,
}

#[derive(Serialize)]
struct ShownReplay {
    /// Its own run; none: there was nothing to do.
    run: Option<i64>,
    calls: Vec<ShownCall>,
    /// Hooks that failed before the installation, which only a dry run calls again.
    only_as_dry_run: Vec<String>,
}

#[derive(Serialize)]
struct ShownDryRun {
    of_run: i64,
    pass: Option<i64>,
    point: String,
    hook: String,
    /// None: an executable, which was not started.
    outcome: Option<HookOutcome>,
    /// What it could not be told.
    unknown: Option<String>,
    duration_us: Option<u64>,
    peak_memory_bytes: Option<u64>,
    host_calls: Option<u64>,
    summary: String,
    details: String,
    log: String,
    writes: Vec<ShownChange>,
    state: Vec<ShownChange>,
}

/// A path that would be written, or a key that would be remembered.
#[derive(Serialize)]
struct ShownChange {
    name: String,
    /// None: it would be removed.
    size_bytes: Option<u64>,
}

impl Replay {
    pub(super) fn run(&self, session: &Session) -> anyhow::Result<End> {
        let root = session.root()?;
        let run = RunId(self.run);
        if let Some(named) = &self.distribution {
            let of_run = distribution_of(root.db()?.read(), run)?.name;
            if of_run != *named {
                return Err(exit::usage(format!("run {run} was for {of_run}, not for {named}")));
            }
        }
        if !self.dry_run && self.point == Some(Point::PrePublication) {
            return Err(exit::usage(
                "hooks of before the publication are called again by the next `pressroom publish`: what they wrote went with the pass, so only \
                 --dry-run is left to do with them here",
            ));
        }
        let wanted = Wanted {
            run,
            point: self.point,
            hook: self.hook.clone(),
            everything: self.all,
            component: if self.current { Component::Current } else { Component::Recorded },
        };
        if self.dry_run {
            return self.show_dry_run(session, &rehearse(&root, &wanted, session.clock)?);
        }
        if self.dismiss {
            let word = who::word(&root, &root.db()?, self.reason.as_deref(), &As::named(self.by.as_deref()))?;
            return show_dismissed(session, self.run, dismiss(&root, &wanted, &word, session.clock)?);
        }
        let Replayed { run: own, calls, only_as_dry_run } = replay(&root, &wanted, session.clock)?;
        let db = root.db()?;
        let all_is_well = calls.iter().all(|one| one.call.outcome.is_success());
        let calls = calls.into_iter().map(|one| shown_call(db.read(), one)).collect::<Result<Vec<_>, _>>()?;
        let shown = ShownReplay { run: own.map(|own| own.0), calls, only_as_dry_run };
        session.output.show(&shown, || self.text(&shown))?;
        Ok(if all_is_well { End::Success } else { End::Failure })
    }

    fn text(&self, shown: &ShownReplay) -> String {
        let mut text: String = shown.calls.iter().map(|call| call_text(call, "", Detail::Failures)).collect();
        if shown.calls.is_empty() {
            let of_hook = self.hook.as_ref().map(|hook| format!(" of {hook}")).unwrap_or_default();
            text.push_str(&format!(
                "Nothing to replay: in run {} no call{of_hook} failed after the installation that was not made good since. (--all takes those that \
                 succeeded, too.)\n",
                self.run
            ));
        }
        for hook in &shown.only_as_dry_run {
            text.push_str(&format!(
                "{} {hook} failed before the installation: a later `pressroom publish` calls it anew, and --dry-run shows what it does\n",
                painted(DIM, "left out:")
            ));
        }
        text
    }

    fn show_dry_run(&self, session: &Session, runs: &[DryRun]) -> anyhow::Result<End> {
        if let Some(path) = &self.show {
            return show_path(path, runs);
        }
        if let Some(folder) = &self.into {
            write_into(folder, runs)?;
        }
        let shown: Vec<ShownDryRun> = runs.iter().map(shown_dry_run).collect();
        session.output.show(&shown, || {
            if shown.is_empty() {
                return format!("Run {} called no such hook.\n", self.run);
            }
            shown.iter().map(dry_run_text).collect::<Vec<_>>().join("\n")
        })?;
        if let (Some(folder), true) = (&self.into, session.output.is_text()) {
            anstream::eprintln!("{} {}", painted(DIM, "written below"), folder.display());
        }
        let all_is_well =
            runs.iter().all(|one| one.rehearsed.as_ref().is_none_or(|done| done.outcome.is_success()));
        Ok(if all_is_well { End::Success } else { End::Failure })
    }
}

fn show_dismissed(session: &Session, run: i64, dismissed: Vec<Recorded>) -> anyhow::Result<End> {
    let db = session.root()?.db()?;
    let mut shown = Vec::new();
    for first in dismissed {
        let now = hook_run::find_hook_run(db.read(), first.id)?.unwrap_or(first);
        shown.push(shown_call(db.read(), now)?);
    }
    session.output.show(&shown, || {
        if shown.is_empty() {
            return format!(
                "Nothing to leave as it is: in run {run} no such call failed after the installation that was not made good since.\n"
            );
        }
        shown.iter().map(|call| call_text(call, "", Detail::Failures)).collect()
    })?;
    Ok(End::Success)
}

/// Prints what one hook would write to a path.
fn show_path(path: &str, runs: &[DryRun]) -> anyhow::Result<End> {
    let written = |run: &DryRun| run.rehearsed.as_ref()?.writes.get(path).cloned().flatten();
    let mut contents: Vec<Vec<u8>> = runs.iter().filter_map(written).collect();
    // what comes later in a pass takes the place of what came before
    if let Some(content) = contents.pop() {
        write_bytes(&content)?;
        return Ok(End::Success);
    }
    let known: Vec<&str> = runs
        .iter()
        .filter_map(|run| run.rehearsed.as_ref())
        .flat_map(|done| done.writes.iter())
        .filter_map(|(path, content)| content.is_some().then_some(path.as_str()))
        .collect();
    let among = if known.is_empty() { "they would write nothing".to_owned() } else { known.join(", ") };
    Err(exit::usage(format!("no hook would write {path}: {among}")))
}

/// Writes what hooks would write. The folder is new, so that nothing is mixed with what lies there.
fn write_into(folder: &Path, runs: &[DryRun]) -> anyhow::Result<()> {
    if folder.symlink_metadata().is_ok() {
        return Err(exit::usage(format!(
            "{} is there already: name a new folder for --into",
            folder.display()
        )));
    }
    disk::make_folder(folder)?;
    for run in runs {
        let call = &run.first.call;
        let pass = call.pass.map_or_else(|| "none".to_owned(), |pass| pass.to_string());
        let below = folder.join(format!("pass-{pass}")).join(&call.hook);
        for (path, content) in run.rehearsed.iter().flat_map(|done| &done.writes) {
            if let Some(content) = content {
                disk::write_staged(&below.join(path), content)?;
            }
        }
    }
    Ok(())
}

fn changes(of: &BTreeMap<String, Option<Vec<u8>>>) -> Vec<ShownChange> {
    of.iter()
        .map(|(name, content)| ShownChange {
            name: name.clone(),
            size_bytes: content.as_ref().map(|content| content.len() as u64),
        })
        .collect()
}

fn shown_dry_run(run: &DryRun) -> ShownDryRun {
    let call = &run.first.call;
    let done = run.rehearsed.as_ref();
    let text = |of: Option<&String>| of.cloned().unwrap_or_default();
    ShownDryRun {
        of_run: call.run.0,
        pass: call.pass.map(|pass| pass.0),
        point: call.point.clone(),
        hook: call.hook.clone(),
        outcome: done.map(|done| done.outcome),
        unknown: run.unknown.clone(),
        duration_us: done.map(|done| micros(done.duration)),
        peak_memory_bytes: done.and_then(|done| done.peak_memory_bytes),
        host_calls: done.and_then(|done| done.host_calls),
        summary: text(done.map(|done| &done.summary)),
        details: text(done.map(|done| &done.details)),
        log: text(done.map(|done| &done.log_tail)),
        writes: done.map(|done| changes(&done.writes)).unwrap_or_default(),
        state: done.map(|done| changes(&done.state)).unwrap_or_default(),
    }
}

fn dry_run_text(shown: &ShownDryRun) -> String {
    let head = format!("{} {}", shown.point, painted(BOLD, &shown.hook));
    let Some(outcome) = shown.outcome else {
        return format!(
            "{head}: {} it is an executable, which cannot be told that this is a dry run\n",
            painted(WARN, "not started:")
        );
    };
    let took = std::time::Duration::from_micros(shown.duration_us.unwrap_or_default());
    let mut text = format!(
        "{head} {}: {} {}\n",
        outcome_text(outcome),
        plain(&shown.summary),
        cost_text(took, shown.peak_memory_bytes, shown.host_calls)
    );
    if let Some(unknown) = &shown.unknown {
        text.push_str(&format!("  {} {unknown}\n", painted(WARN, "not known:")));
    }
    for line in shown.details.lines().chain(shown.log.lines()) {
        text.push_str(&format!("  {}\n", plain(line)));
    }
    for (what, gone, changes) in
        [("would write", "would remove", &shown.writes), ("would remember", "would forget", &shown.state)]
    {
        for change in changes {
            text.push_str(&match change.size_bytes {
                Some(size) => format!("  {what} {} ({size} bytes)\n", change.name),
                None => format!("  {} {}\n", painted(BAD, gone), change.name),
            });
        }
    }
    text
}
