//! What an announcement says, apart from who asks.

use std::collections::{BTreeMap, BTreeSet};

use pressroom_plugin::{Action, Change, HookError, PackageKind, PassContext};
use serde::Serialize;

/// The longest announcement: what is longer ends with a line that says so. Below the host's own limit for a report.
pub const MOST_BYTES: usize = 48 << 10;
/// What the keys of kept announcements begin with.
const KEY: &str = "announcement ";

/// What was published, by suite, component and source.
#[derive(Debug, Default)]
pub struct Sources(BTreeMap<(String, String, String), Source>);

#[derive(Debug, Default)]
struct Source {
    version: Option<String>,
    binaries: BTreeSet<String>,
    architectures: BTreeSet<String>,
}

/// One line of an announcement.
#[derive(Serialize)]
struct Line<'line> {
    archive: &'line str,
    suite: &'line str,
    component: &'line str,
    source: &'line str,
    /// Nothing when only binaries of an older source were published.
    version: Option<&'line str>,
    binaries: &'line BTreeSet<String>,
    architectures: &'line BTreeSet<String>,
    run: u64,
    published: u64,
}

impl Sources {
    /// Takes note of a change; what was superseded or deleted is not announced.
    pub fn add(&mut self, change: &Change) {
        if change.action != Action::Published {
            return;
        }
        let key = (change.suite.clone(), change.component.clone(), change.source.clone());
        let source = self.0.entry(key).or_default();
        match change.kind {
            PackageKind::Source => source.version = Some(change.version.clone()),
            PackageKind::Binary => {
                source.binaries.insert(change.name.clone());
                source.architectures.insert(change.architecture.clone());
            }
        }
    }

    /// Whether nothing was published.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many sources there are, each counted once for every suite and component.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The announcement, sorted by suite, component and source.
    ///
    /// # Errors
    /// When a line cannot be written as JSON, which these can.
    pub fn lines(&self, context: &PassContext) -> Result<String, HookError> {
        let mut lines = String::new();
        for ((suite, component, source), published) in &self.0 {
            let line = Line {
                archive: &context.archive,
                suite,
                component,
                source,
                version: published.version.as_deref(),
                binaries: &published.binaries,
                architectures: &published.architectures,
                run: context.run,
                published: context.started,
            };
            let line = serde_json::to_string(&line)
                .map_err(|error| HookError::failed(format!("cannot announce {source}: {error}")))?;
            lines.push_str(&line);
            lines.push('\n');
        }
        Ok(lines)
    }
}

/// The whole lines that fit, and one that says how many did not.
pub fn clip(lines: &str) -> String {
    if lines.len() <= MOST_BYTES {
        return lines.to_owned();
    }
    let mut kept = String::new();
    let mut left_out = 0;
    for line in lines.split_inclusive('\n') {
        if left_out == 0 && kept.len() + line.len() <= MOST_BYTES {
            kept.push_str(line);
        } else {
            left_out += 1;
        }
    }
    kept + &format!("{{\"left-out\":{left_out}}}\n")
}

/// Where an announcement is kept. Keys of later passes sort later.
pub fn state_key(context: &PassContext) -> String {
    // A key has at most 256 bytes; an archive's name may be long, and the numbers say enough.
    let archive: String = context.archive.chars().take(40).collect();
    format!("{KEY}{:020} {:020} {archive}", context.run, context.pass)
}

/// The keys of the announcements that are too many, given all keys of the state.
pub fn outdated(keys: &[String], keep_runs: usize) -> Vec<String> {
    let mut own: Vec<&String> = keys.iter().filter(|key| key.starts_with(KEY)).collect();
    own.sort();
    let beyond = own.len().saturating_sub(keep_runs);
    own.into_iter().take(beyond).cloned().collect()
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        Outcome, PostPublication, Priority,
        testing::{FakeHost, pass_context},
    };

    use super::*;
    use crate::Announce;

    fn change(action: Action, kind: PackageKind, name: &str, architecture: &str, source: &str) -> Change {
        Change {
            action,
            kind,
            name: name.into(),
            version: "5.2-2+deb12u1".into(),
            architecture: architecture.into(),
            archive: "debian".into(),
            suite: "bookworm-security".into(),
            component: "main".into(),
            section: "shells".into(),
            priority: "optional".into(),
            source: source.into(),
        }
    }

    fn published() -> Vec<Change> {
        vec![
            change(Action::Superseded, PackageKind::Binary, "bash-old", "amd64", "bash-old"),
            change(Action::Published, PackageKind::Binary, "bash", "amd64", "bash"),
            change(Action::Published, PackageKind::Binary, "bash", "arm64", "bash"),
            change(Action::Published, PackageKind::Binary, "bash-doc", "amd64", "bash"),
            change(Action::Published, PackageKind::Source, "bash", "source", "bash"),
            change(Action::Published, PackageKind::Binary, "zlib1g", "amd64", "zlib"),
        ]
    }

    fn high() -> PassContext {
        PassContext { priority: Priority::High, ..pass_context() }
    }

    #[test]
    fn a_security_pass_is_announced() {
        let mut host = FakeHost { changes: published(), ..FakeHost::default() };
        let report = Announce::run(&high(), &mut host).unwrap();
        assert_eq!(report.summary, "packages of 2 sources published in debian");
        let expected = concat!(
            r#"{"archive":"debian","suite":"bookworm-security","component":"main","source":"bash","#,
            r#""version":"5.2-2+deb12u1","binaries":["bash","bash-doc"],"architectures":["amd64","arm64"],"#,
            r#""run":7,"published":1709210096}"#,
            "\n",
            r#"{"archive":"debian","suite":"bookworm-security","component":"main","source":"zlib","#,
            r#""version":null,"binaries":["zlib1g"],"architectures":["amd64"],"run":7,"published":1709210096}"#,
            "\n",
        );
        assert_eq!(report.details, expected);
        assert_eq!(host.state.len(), 1);
        assert_eq!(host.state.values().next().unwrap(), expected.as_bytes());
    }

    #[test]
    fn a_normal_pass_is_announced_only_if_it_is_wished() {
        let mut host = FakeHost { changes: published(), ..FakeHost::default() };
        assert_eq!(Announce::run(&pass_context(), &mut host).unwrap().outcome, Outcome::Skipped);
        assert!(host.state.is_empty());
        host.config = r#"{"at-low-priority": true}"#.into();
        assert_eq!(Announce::run(&pass_context(), &mut host).unwrap().outcome, Outcome::Done);
    }

    #[test]
    fn nothing_published_is_nothing_to_announce() {
        let mut host = FakeHost { changes: published()[..1].to_vec(), ..FakeHost::default() };
        assert_eq!(Announce::run(&high(), &mut host).unwrap().outcome, Outcome::Skipped);
        let elsewhere = PassContext { archive: "debian/partner".into(), ..high() };
        host.changes = published();
        assert_eq!(Announce::run(&elsewhere, &mut host).unwrap().outcome, Outcome::Skipped);
        assert!(host.state.is_empty());
    }

    #[test]
    fn only_so_many_runs_are_kept() {
        let mut host =
            FakeHost { changes: published(), config: r#"{"keep-runs": 3}"#.into(), ..FakeHost::default() };
        host.state.insert("something else".into(), b"stays".to_vec());
        for run in 8..=12 {
            Announce::run(&PassContext { run, ..high() }, &mut host).unwrap();
        }
        let keys: Vec<&String> = host.state.keys().collect();
        assert_eq!(keys.len(), 4, "{keys:?}");
        assert!(keys[0].contains("00010 "), "{keys:?}");
        assert!(host.state.contains_key("something else"));
        host.config = r#"{"keep-runs": 0}"#.into();
        Announce::run(&high(), &mut host).unwrap();
        assert_eq!(host.state.len(), 1);
    }

    #[test]
    fn a_dry_run_is_not_kept() {
        let mut host = FakeHost { changes: published(), ..FakeHost::default() };
        let report = Announce::run(&PassContext { dry_run: true, ..high() }, &mut host).unwrap();
        assert_eq!(report.outcome, Outcome::Done);
        assert!(host.state.is_empty());
    }

    #[test]
    fn a_long_announcement_says_what_it_leaves_out() {
        let line = format!("{}\n", "x".repeat(999));
        let clipped = clip(&line.repeat(60));
        assert!(
            clipped.len() <= MOST_BYTES + 40 && clipped.ends_with("{\"left-out\":11}\n"),
            "{}",
            clipped.len()
        );
        assert_eq!(clip(&line), line);
    }

    #[test]
    fn a_key_is_never_too_long() {
        let context = PassContext { archive: "é".repeat(300), ..high() };
        assert!(state_key(&context).len() <= 256);
    }

    #[test]
    fn what_is_not_granted_fails_the_hook() {
        for denied in ["archive", "state"] {
            let mut host =
                FakeHost { changes: published(), denied: [denied.to_owned()].into(), ..FakeHost::default() };
            let error = Announce::run(&high(), &mut host).unwrap_err();
            assert!(error.to_string().contains(denied), "{error}");
        }
    }
}
