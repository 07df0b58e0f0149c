//! What an override file is called and what it says, apart from who asks.

use std::collections::BTreeSet;

use pressroom_plugin::{HookError, Package, Suite};

/// The kinds of override files of one component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of binaries: name, priority and section.
    Binaries,
    /// Of sources: name and section.
    Sources,
    /// Of the installer's binaries, as those of other binaries.
    Installer,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Binaries, Self::Sources, Self::Installer];

    /// Whether an archive may do without.
    pub fn is_optional(self) -> bool {
        self == Self::Installer
    }

    /// The component as the host's indexes are called.
    pub fn index_component(self, component: &str) -> String {
        match self {
            Self::Binaries | Self::Sources => component.to_owned(),
            Self::Installer => format!("{component}/debian-installer"),
        }
    }

    /// The architectures whose indexes hold what belongs into the file.
    pub fn architectures(self, suite: &Suite) -> Vec<&str> {
        match self {
            Self::Sources => vec!["source"],
            Self::Binaries | Self::Installer => suite.architectures.iter().map(String::as_str).collect(),
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Binaries => "",
            Self::Sources => ".src",
            Self::Installer => ".debian-installer",
        }
    }
}

/// `indices/override.SUITE.COMPONENT`, with `.src` or `.debian-installer`.
///
/// # Errors
/// When the suite or the component is no part of a file name, as a suite with a slash is not.
pub fn override_path(suite: &str, component: &str, kind: Kind) -> Result<String, HookError> {
    for name in [suite, component] {
        if name.is_empty() || name.contains(['/', '\0', '\n']) {
            return Err(HookError::failed(format!(
                "{name:?} cannot be part of the name of an override file"
            )));
        }
    }
    Ok(format!("indices/override.{suite}.{component}{}", kind.suffix()))
}

/// One line: `package<TAB>priority<TAB>section`, or `source<TAB>section`.
pub fn line(package: &Package, kind: Kind) -> String {
    match kind {
        Kind::Binaries | Kind::Installer => {
            format!("{}\t{}\t{}", package.name, package.priority, package.section)
        }
        Kind::Sources => format!("{}\t{}", package.name, package.section),
    }
}

/// A whole file.
pub fn text(lines: &BTreeSet<String>) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        HookError, Index, Outcome, PassContext, PrePublication, Priority,
        testing::{FakeHost, pass_context, suite},
    };

    use super::*;
    use crate::Indices;

    fn package(name: &str, priority: &str, section: &str) -> Package {
        Package {
            name: name.into(),
            version: "1.0-1".into(),
            architecture: "amd64".into(),
            component: "main".into(),
            section: section.into(),
            priority: priority.into(),
            source: name.into(),
            source_version: "1.0-1".into(),
        }
    }

    fn put(host: &mut FakeHost, suite: &str, component: &str, architecture: &str, packages: Vec<Package>) {
        let index = Index {
            archive: "debian".into(),
            suite: suite.into(),
            component: component.into(),
            architecture: architecture.into(),
        };
        host.packages.insert(index, packages);
    }

    /// An archive with bookworm: main with two architectures and an installer, contrib with nothing in it.
    fn archive() -> FakeHost {
        let mut host = FakeHost::default();
        let dash = || package("dash", "required", "shells");
        put(&mut host, "bookworm", "main", "amd64", vec![package("zsh", "optional", "shells"), dash()]);
        put(&mut host, "bookworm", "main", "arm64", vec![dash(), package("arm-tool", "optional", "misc")]);
        put(&mut host, "bookworm", "main", "source", vec![package("zsh", "optional", "shells"), dash()]);
        put(
            &mut host,
            "bookworm",
            "main/debian-installer",
            "amd64",
            vec![package("netcfg", "optional", "debian-installer")],
        );
        for architecture in ["amd64", "arm64", "source"] {
            put(&mut host, "bookworm", "contrib", architecture, Vec::new());
        }
        host
    }

    #[test]
    fn the_files_of_a_suite() {
        let mut host = archive();
        let report = Indices::run(&pass_context(), &mut host).unwrap();
        assert_eq!(report.summary, "5 override files of 1 suites");
        assert_eq!(
            host.text("indices/override.bookworm.main"),
            "arm-tool\toptional\tmisc\ndash\trequired\tshells\nzsh\toptional\tshells\n"
        );
        assert_eq!(host.text("indices/override.bookworm.main.src"), "dash\tshells\nzsh\tshells\n");
        assert_eq!(
            host.text("indices/override.bookworm.main.debian-installer"),
            "netcfg\toptional\tdebian-installer\n"
        );
        assert_eq!(host.text("indices/override.bookworm.contrib"), "");
        assert_eq!(host.text("indices/override.bookworm.contrib.src"), "");
        assert_eq!(host.written.len(), 5);
    }

    #[test]
    fn only_the_suites_of_the_pass_are_touched() {
        let mut host = archive();
        host.files.insert("indices/override.trixie.main".into(), b"old".to_vec());
        Indices::run(&pass_context(), &mut host).unwrap();
        assert!(host.written.iter().all(|path| path.contains(".bookworm.")), "{:?}", host.written);
        assert_eq!(host.text("indices/override.trixie.main"), "old");
    }

    #[test]
    fn a_security_pass_does_not_wait_for_it_unless_it_is_told_to() {
        let high = PassContext { priority: Priority::High, ..pass_context() };
        let mut host = archive();
        assert_eq!(Indices::run(&high, &mut host).unwrap().outcome, Outcome::Skipped);
        assert!(host.written.is_empty());
        host.config = r#"{"at-high-priority": true}"#.into();
        assert_eq!(Indices::run(&high, &mut host).unwrap().outcome, Outcome::Done);
        assert!(!host.written.is_empty());
    }

    #[test]
    fn a_missing_index_of_a_component_is_a_failure() {
        let mut host = archive();
        host.packages.retain(|index, _| index.component != "contrib");
        let error = Indices::run(&pass_context(), &mut host).unwrap_err();
        assert!(error.to_string().contains("contrib"), "{error}");
    }

    #[test]
    fn what_is_not_granted_or_not_known_fails_the_hook() {
        let mut host = FakeHost { denied: ["archive".to_owned()].into(), ..archive() };
        assert!(matches!(Indices::run(&pass_context(), &mut host), Err(HookError::Failed(_))));
        let mut host = FakeHost { config: r#"{"at-high-prioroty": true}"#.into(), ..archive() };
        let error = Indices::run(&pass_context(), &mut host).unwrap_err();
        assert!(error.to_string().contains("at-high-prioroty"), "{error}");
    }

    #[test]
    fn names_that_are_no_part_of_a_file_name() {
        for (suite, component) in
            [("", "main"), ("bookworm/updates", "main"), ("bookworm", "../main"), ("bookworm", "")]
        {
            assert!(override_path(suite, component, Kind::Binaries).is_err(), "{suite} {component}");
        }
    }

    #[test]
    fn several_suites() {
        let mut host = archive();
        let mut trixie = suite("trixie");
        trixie.components = vec!["main".into()];
        for architecture in ["amd64", "arm64", "source"] {
            put(&mut host, "trixie", "main", architecture, vec![package("dash", "required", "shells")]);
        }
        let context = PassContext { suites: vec![suite("bookworm"), trixie], ..pass_context() };
        assert_eq!(Indices::run(&context, &mut host).unwrap().summary, "7 override files of 2 suites");
    }
}
