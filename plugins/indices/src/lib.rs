//! Writes the override files of the suites of a pass under `indices/`, as archives have kept them since before there were
//! databases: which priority and section each package has.

pub mod logic;

use std::collections::BTreeSet;

use pressroom_plugin::{
    ArchiveError, HookError, HostExt, Index, PassContext, PrePublication, Priority, Report, StagingHost,
    Suite,
};
use serde::Deserialize;

/// The hook.
pub struct Indices;

pressroom_plugin::hooks!(Indices: pre_publication);

/// What the operator may wish.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// Also in a security pass.
    at_high_priority: bool,
}

impl PrePublication for Indices {
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        if context.priority == Priority::High && !config.at_high_priority {
            return Ok(Report::skipped("override files wait for the normal pass"));
        }
        let mut written = 0;
        for suite in &context.suites {
            // Subcomponents are covered with their components.
            for component in suite.components.iter().filter(|component| !component.contains('/')) {
                for kind in logic::Kind::ALL {
                    let lines = overrides(&context.archive, suite, component, kind, host)?;
                    // Every component has its two files; those of subcomponents are there when there is something in them.
                    if lines.is_empty() && kind.is_optional() {
                        continue;
                    }
                    let path = logic::override_path(&suite.name, component, kind)?;
                    host.write(&path, logic::text(&lines).as_bytes())?;
                    written += 1;
                }
            }
        }
        Ok(Report::done(format!("{written} override files of {} suites", context.suites.len())))
    }
}

/// The lines of one file, over all architectures.
fn overrides(
    archive: &str,
    suite: &Suite,
    component: &str,
    kind: logic::Kind,
    host: &mut dyn StagingHost,
) -> Result<BTreeSet<String>, HookError> {
    let mut lines = BTreeSet::new();
    for architecture in kind.architectures(suite) {
        let index = Index {
            archive: archive.to_owned(),
            suite: suite.name.clone(),
            component: kind.index_component(component),
            architecture: architecture.to_owned(),
        };
        let packages = match host.packages(&index) {
            Ok(packages) => packages,
            // Not every archive has installer packages.
            Err(ArchiveError::Unknown(_)) if kind.is_optional() => continue,
            Err(error) => return Err(error.into()),
        };
        for package in packages {
            lines.insert(logic::line(&package?, kind));
        }
    }
    Ok(lines)
}
