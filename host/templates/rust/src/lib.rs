//! Lists the sources that a publication brings.

use std::collections::BTreeMap;

{{rust-use}}
@if pre-publication
use serde::Deserialize;
@end

/// The hook.
pub struct Hook;

pressroom_plugin::hooks!(Hook: {{rust-points}});

@if pre-publication
/// `[config]`, as the operator writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    /// Sources whose publication is held.
    hold: Vec<String>,
}

/// Where the list lies in the archive.
const PATH: &str = "project/{{name}}.txt";

impl PrePublication for Hook {
    fn run(_context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        let sources = published(host)?;
        if let Some(held) = config.hold.iter().find(|name| sources.contains_key(*name)) {
            return Err(HookError::veto(format!(
                "{held} is held by the configuration of this hook"
            )));
        }
        if sources.is_empty() {
            return Ok(Report::skipped("no sources were published"));
        }
        let mut list = String::new();
        for (name, version) in &sources {
            host.info(&format!("{name} {version}"));
            list.push_str(&format!("{name} {version}\n"));
        }
        host.write(PATH, list.as_bytes())?;
        let count = sources.len();
        Ok(Report::done(format!("listed {count} sources in {PATH}")))
    }
}

@end
@if post-publication
impl PostPublication for Hook {
    fn run(context: &PassContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let sources = published(host)?;
        if sources.is_empty() {
            return Ok(Report::skipped("no sources were published"));
        }
        for (name, version) in &sources {
            host.info(&format!("{name} {version}"));
        }
        let (count, archive) = (sources.len(), &context.archive);
        Ok(Report::done(format!(
            "{count} sources published in {archive}"
        )))
    }
}

@end
@if finalize
impl Finalize for Hook {
    fn run(context: &FinalizeContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let sources = published(host)?;
        if sources.is_empty() {
            return Ok(Report::skipped("no sources were published"));
        }
        let before = host.state_get("passes")?.unwrap_or_default();
        let passes = String::from_utf8_lossy(&before).parse().unwrap_or(0_u64) + 1;
        host.state_set("passes", passes.to_string().as_bytes())?;
        let (count, archives) = (sources.len(), context.archives.len());
        Ok(Report::done(format!(
            "pass {passes} brought {count} sources to {archives} archives"
        )))
    }
}

@end
/// The sources that this pass publishes, with their versions.
fn published(host: &mut dyn Host) -> Result<BTreeMap<String, String>, HookError> {
    let mut sources = BTreeMap::new();
    for change in host.changes()? {
        let change = change?;
        if change.kind == PackageKind::Source && change.action == Action::Published {
            sources.insert(change.name, change.version);
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        Outcome,
        testing::{self, FakeHost},
    };

    use super::*;

    /// A host in whose pass one source and one binary are published.
    fn host() -> FakeHost {
        let mut host = FakeHost::default();
        host.changes = vec![
            testing::source("zlib", "1.3.1-1"),
            testing::binary("zlib1g", "1.3.1-1", "amd64"),
        ];
        host
    }
@if pre-publication

    #[test]
    fn sources_are_listed_before_publication() {
        let mut host = host();
        let report = <Hook as PrePublication>::run(&testing::pass_context(), &mut host).unwrap();
        assert_eq!(report.outcome, Outcome::Done);
        assert_eq!(host.text(PATH), "zlib 1.3.1-1\n");
    }

    #[test]
    fn a_source_can_be_held() {
        let mut host = host();
        host.config = r#"{"hold": ["zlib"]}"#.to_owned();
        let held = <Hook as PrePublication>::run(&testing::pass_context(), &mut host);
        assert!(matches!(held, Err(HookError::Veto(reason)) if reason.contains("zlib")));
        assert!(host.written.is_empty());
    }
@end
@if post-publication

    #[test]
    fn sources_are_counted_after_publication() {
        let mut host = host();
        let report = <Hook as PostPublication>::run(&testing::pass_context(), &mut host).unwrap();
        assert_eq!(report.summary, "1 sources published in debian");
        host.changes.clear();
        let report = <Hook as PostPublication>::run(&testing::pass_context(), &mut host).unwrap();
        assert_eq!(report.outcome, Outcome::Skipped);
    }
@end
@if finalize

    #[test]
    fn passes_are_counted_at_the_end() {
        let mut host = host();
        for pass in 1..=2 {
            let report = <Hook as Finalize>::run(&testing::finalize_context(), &mut host).unwrap();
            assert_eq!(report.outcome, Outcome::Done);
            assert_eq!(host.state["passes"], pass.to_string().as_bytes());
        }
    }
@end
}
