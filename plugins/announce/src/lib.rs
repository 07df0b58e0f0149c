//! Tells what a security pass has published: one JSON line for each source, in the details of the report and in the hook's
//! state, for whoever writes the advisory.

pub mod logic;

use pressroom_plugin::{HookError, Host, HostExt, PassContext, PostPublication, Priority, Report};
use serde::Deserialize;

/// The hook.
pub struct Announce;

pressroom_plugin::hooks!(Announce: post_publication);

/// What the operator may wish.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// Also after a normal pass.
    at_low_priority: bool,
    /// How many announcements are kept.
    keep_runs: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { at_low_priority: false, keep_runs: 20 }
    }
}

impl PostPublication for Announce {
    fn run(context: &PassContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        if context.priority != Priority::High && !config.at_low_priority {
            return Ok(Report::skipped("only security passes are announced"));
        }
        let mut sources = logic::Sources::default();
        for change in host.changes()? {
            let change = change?;
            if change.archive == context.archive {
                sources.add(&change);
            }
        }
        if sources.is_empty() {
            return Ok(Report::skipped("nothing was published"));
        }
        let lines = sources.lines(context)?;
        if !context.dry_run {
            keep(context, &lines, config.keep_runs, host)?;
        }
        let summary = format!("packages of {} sources published in {}", sources.len(), context.archive);
        Ok(Report::done(summary).with_details(logic::clip(&lines)))
    }
}

/// Puts the announcement into the state, and takes the oldest out of it.
fn keep(context: &PassContext, lines: &str, keep_runs: usize, host: &mut dyn Host) -> Result<(), HookError> {
    if keep_runs > 0 {
        host.state_set(&logic::state_key(context), logic::clip(lines).as_bytes())?;
    }
    for key in logic::outdated(&host.state_keys()?, keep_runs) {
        host.state_delete(&key)?;
    }
    Ok(())
}
