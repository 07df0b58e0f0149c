//! What a Commands index says, how the one before is changed, and what is remembered of it, apart from who asks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use pressroom_plugin::{Entry, HookError, PackageContents};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Where commands are, as shells look for them.
pub const FOLDERS: [&str; 5] = ["bin/", "sbin/", "usr/bin/", "usr/games/", "usr/sbin/"];

/// What the operator may wish.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// How strongly xz packs.
    pub xz_level: u32,
    /// Under which name a package is shown.
    pub visible_names: BTreeMap<String, String>,
    /// How much sooner than others a package is proposed.
    pub priority_bonus: BTreeMap<String, i64>,
}

impl Default for Config {
    fn default() -> Self {
        Self { xz_level: 3, visible_names: BTreeMap::new(), priority_bonus: BTreeMap::new() }
    }
}

impl Config {
    /// Whether it can be gone by.
    ///
    /// # Errors
    /// When a value is none, with what it has to be.
    pub fn check(&self) -> Result<(), HookError> {
        // what is above takes more memory than a hook has
        if self.xz_level > 6 {
            return Err(HookError::failed(format!(
                "[config] of this hook: xz-level is {}, but may be 0 to 6",
                self.xz_level
            )));
        }
        for name in self.visible_names.values() {
            if name.is_empty() || name.contains(char::is_whitespace) {
                return Err(HookError::failed(format!(
                    "[config] of this hook: {name:?} in visible-names is no name of a package"
                )));
            }
        }
        Ok(())
    }

    /// What shows in the file.
    fn digest(&self) -> String {
        hex(&Sha256::digest(format!("{:?} {:?}", self.visible_names, self.priority_bonus)))[..16].to_owned()
    }
}

/// Which index.
#[derive(Debug, Clone, Copy)]
pub struct Where<'a> {
    /// As under `dists/`.
    pub suite: &'a str,
    /// `main`.
    pub component: &'a str,
    /// `amd64`.
    pub architecture: &'a str,
}

impl Where<'_> {
    /// The folder of the index.
    pub fn folder(&self) -> String {
        format!("dists/{}/{}/cnf", self.suite, self.component)
    }

    /// The uncompressed file.
    pub fn path(&self) -> String {
        format!("{}/Commands-{}", self.folder(), self.architecture)
    }

    /// Its name within the suite.
    pub fn name(&self) -> String {
        format!("{}/{}", self.component, self.architecture)
    }

    /// Suite, component and architecture.
    pub fn owned(&self) -> (String, String, String) {
        (self.suite.to_owned(), self.component.to_owned(), self.architecture.to_owned())
    }
}

/// A package, and the commands that it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    name: String,
    version: String,
    architecture: String,
    commands: BTreeSet<String>,
}

impl Package {
    /// The package that these files are of, without them.
    pub fn of(contents: &PackageContents) -> Self {
        let PackageContents { name, version, architecture, .. } = contents;
        let (name, version, architecture) = (name.clone(), version.clone(), architecture.clone());
        Self { name, version, architecture, commands: BTreeSet::new() }
    }

    /// Whether these files are of the package.
    pub fn is_of(&self, contents: &PackageContents) -> bool {
        (&self.name, &self.version, &self.architecture)
            == (&contents.name, &contents.version, &contents.architecture)
    }

    /// Adds the commands among files.
    pub fn add(&mut self, contents: &PackageContents) {
        self.commands.extend(contents.paths.iter().filter_map(|path| command(path)).map(str::to_owned));
    }
}

/// The command that a file is, if it is one. A name that the format cannot hold is left out.
fn command(path: &str) -> Option<&str> {
    let name = FOLDERS.iter().find_map(|folder| path.strip_prefix(folder))?;
    let fits = !name.is_empty()
        && !name.contains(|one: char| matches!(one, '/' | ',') || one.is_whitespace() || one.is_control());
    fits.then_some(name)
}

/// The stanzas of a file by the names of the packages and their versions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Stanzas {
    stanzas: BTreeMap<(String, String), String>,
}

impl Stanzas {
    /// Those of a file, but for packages of these names.
    pub fn without(text: &str, names: &BTreeSet<String>) -> Self {
        let mut stanzas = BTreeMap::new();
        // the first paragraph is the header
        for stanza in text.split("\n\n").skip(1) {
            let field = |name: &str| {
                let value = stanza.lines().find_map(|line| line.strip_prefix(name));
                value.map_or("", |value| value.trim_start_matches(':').trim()).to_owned()
            };
            let (name, version) = (field("name"), field("version"));
            if !name.is_empty() && !names.contains(&name) {
                stanzas.insert((name, version), format!("{}\n", stanza.trim_end()));
            }
        }
        Self { stanzas }
    }

    /// Adds a package, if it has a command. What a package for all and one for the architecture have is told together.
    pub fn add(&mut self, package: Package, config: &Config) {
        let Package { name, version, commands, .. } = package;
        if commands.is_empty() {
            return;
        }
        let mut stanza = format!("name: {name}\nversion: {version}\n");
        if let Some(visible) = config.visible_names.get(&name) {
            stanza.push_str(&format!("visible-pkgname: {visible}\n"));
        }
        if let Some(bonus) = config.priority_bonus.get(&name) {
            stanza.push_str(&format!("priority-bonus: {bonus}\n"));
        }
        let commands: Vec<String> = commands.into_iter().collect();
        stanza.push_str(&format!("commands: {}\n", commands.join(",")));
        self.stanzas.insert((name, version), stanza);
    }

    /// How many packages have commands.
    pub fn len(&self) -> usize {
        self.stanzas.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.stanzas.is_empty()
    }

    /// The whole file.
    pub fn text(&self, at: &Where<'_>) -> String {
        let Where { suite, component, architecture } = at;
        let mut text = format!("suite: {suite}\ncomponent: {component}\narch: {architecture}\n");
        for stanza in self.stanzas.values() {
            text.push('\n');
            text.push_str(stanza);
        }
        text
    }
}

/// Whether the file and its packed form are in a folder.
pub fn are_there(path: &str, files: &[Entry]) -> bool {
    let packed = format!("{path}.xz");
    [path, packed.as_str()].iter().all(|wanted| files.iter().any(|file| file.path == *wanted))
}

/// As an `.xz` file.
///
/// # Errors
/// When there is no memory for it.
pub fn pack(text: &[u8], level: u32) -> Result<Vec<u8>, HookError> {
    let pack = || {
        let mut writer = lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(level))?;
        writer.write_all(text)?;
        writer.finish()
    };
    pack().map_err(|error: std::io::Error| HookError::failed(format!("xz cannot pack the index: {error}")))
}

/// Under which key the pass is remembered that was seen last.
pub fn pass_key(archive: &str) -> String {
    format!("pass {archive}")
}

/// Under which key the marks of a suite are remembered.
pub fn suite_key(archive: &str, suite: &str) -> String {
    format!("suite {archive} {suite}")
}

/// A number that was remembered.
pub fn number(kept: Option<&[u8]>) -> Option<u64> {
    std::str::from_utf8(kept?).ok()?.parse().ok()
}

/// By what a file is known again: its content, and the settings that it was made with.
pub fn mark(content: &[u8], config: &Config) -> String {
    format!("{} {}", hex(&Sha256::digest(content)), config.digest())
}

/// Whether a file with this mark was made with these settings.
pub fn has_settings(mark: &str, config: &Config) -> bool {
    mark.split_once(' ').is_some_and(|(_, settings)| settings == config.digest())
}

/// The marks of a suite, a line each.
pub fn record_text(record: &BTreeMap<String, String>) -> String {
    record.iter().map(|(index, mark)| format!("{index} {mark}\n")).collect()
}

/// The marks that were remembered.
pub fn parse_record(kept: Option<&[u8]>) -> BTreeMap<String, String> {
    let text = kept.and_then(|kept| std::str::from_utf8(kept).ok()).unwrap_or_default();
    let line = |line: &str| line.split_once(' ').map(|(index, mark)| (index.to_owned(), mark.to_owned()));
    text.lines().filter_map(line).collect()
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        Action, Change, Index, Outcome, PackageKind, PassContext, PrePublication, Suite,
        testing::{FakeHost, pass_context, suite},
    };

    use super::*;
    use crate::CommandNotFound;

    const PATH: &str = "dists/bookworm/main/cnf/Commands-amd64";

    fn contents(name: &str, version: &str, paths: &[&str]) -> PackageContents {
        PackageContents {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            paths: paths.iter().map(|path| (*path).into()).collect(),
        }
    }

    fn index_of(architecture: &str) -> Index {
        Index {
            archive: "debian".into(),
            suite: "bookworm".into(),
            component: "main".into(),
            architecture: architecture.into(),
        }
    }

    fn change(name: &str, architecture: &str) -> Change {
        Change {
            action: Action::Published,
            kind: PackageKind::Binary,
            name: name.into(),
            version: "1".into(),
            architecture: architecture.into(),
            archive: "debian".into(),
            suite: "bookworm".into(),
            component: "main".into(),
            section: "shells".into(),
            priority: "optional".into(),
            source: name.into(),
        }
    }

    /// Bookworm with main alone, for amd64 and arm64.
    fn context(pass: u64) -> PassContext {
        let suites = vec![Suite { components: vec!["main".into()], ..suite("bookworm") }];
        PassContext { pass, suites, ..pass_context() }
    }

    /// What the archive has at the first pass.
    fn archive() -> FakeHost {
        let mut host = FakeHost::default();
        host.suites.insert("debian".into(), Vec::new());
        let amd64 = vec![
            contents(
                "bash",
                "5.2-2",
                &["bin/bash", "etc/bash.bashrc", "usr/bin/clear_console", "usr/share/doc/bash/bin/x"],
            ),
            contents("coreutils", "9.1-1", &["bin/ls", "usr/bin/["]),
            contents("doc", "1", &["usr/share/doc/doc/README"]),
            contents("games", "1:2", &["usr/games/nethack", "usr/games/lib/x", "usr/bin/a,b", "usr/bin/a b"]),
        ];
        host.contents.insert(index_of("amd64"), amd64);
        host.packages.insert(index_of("arm64"), Vec::new());
        host.changes = vec![change("bash", "amd64")];
        host
    }

    const WHOLE: &str = "suite: bookworm\ncomponent: main\narch: amd64\n\n\
        name: bash\nversion: 5.2-2\ncommands: bash,clear_console\n\n\
        name: coreutils\nversion: 9.1-1\ncommands: [,ls\n\n\
        name: games\nversion: 1:2\ncommands: nethack\n";

    #[test]
    fn every_index_of_a_suite_is_written_the_first_time() {
        let mut host = archive();
        let report = CommandNotFound::run(&context(12), &mut host).unwrap();
        assert_eq!(report.summary, "wrote 2 Commands indexes, 2 of them anew; 3 packages have commands");
        assert_eq!(host.text(PATH), WHOLE);
        assert_eq!(
            host.text("dists/bookworm/main/cnf/Commands-arm64"),
            "suite: bookworm\ncomponent: main\narch: arm64\n"
        );
        assert_eq!(unpacked(&host.files[&format!("{PATH}.xz")]), WHOLE.as_bytes());
    }

    fn unpacked(xz: &[u8]) -> Vec<u8> {
        let mut text = Vec::new();
        std::io::Read::read_to_end(&mut lzma_rust2::XzReader::new(xz, true), &mut text).unwrap();
        text
    }

    /// The next pass, in which coreutils is newer, bash is gone and dash is new.
    fn next(host: &mut FakeHost) {
        host.written.clear();
        let amd64 = host.contents.get_mut(&index_of("amd64")).unwrap();
        amd64.remove(0);
        amd64[0] = contents("coreutils", "9.2-1", &["bin/ls", "usr/bin/b2sum"]);
        amd64.insert(1, contents("dash", "0.5", &["bin/dash"]));
        host.changes = ["bash", "coreutils", "dash", "doc"].map(|name| change(name, "amd64")).to_vec();
    }

    const NEXT: &str = "suite: bookworm\ncomponent: main\narch: amd64\n\n\
        name: coreutils\nversion: 9.2-1\ncommands: b2sum,ls\n\n\
        name: dash\nversion: 0.5\ncommands: dash\n\n\
        name: games\nversion: 1:2\ncommands: nethack\n";

    #[test]
    fn the_next_pass_asks_for_what_it_changes_alone() {
        let mut host = archive();
        CommandNotFound::run(&context(12), &mut host).unwrap();
        next(&mut host);
        host.previous_pass = Some(12);
        // what is not asked for is not looked at
        host.contents.get_mut(&index_of("amd64")).unwrap()[3].paths = vec!["usr/games/other".into()];
        let report = CommandNotFound::run(&context(13), &mut host).unwrap();
        assert_eq!(report.summary, "wrote 1 Commands indexes, 0 of them anew; 3 packages have commands");
        assert_eq!(host.text(PATH), NEXT);
        assert_eq!(host.written.len(), 2, "{:?}", host.written);
    }

    #[test]
    fn after_a_pass_that_was_missed_all_is_made_anew() {
        for previous in [None, Some(11), Some(13)] {
            let mut host = archive();
            CommandNotFound::run(&context(12), &mut host).unwrap();
            next(&mut host);
            host.changes = Vec::new();
            host.previous_pass = previous;
            let other = suite_key("debian", "trixie");
            host.state.insert(other.clone(), b"main/amd64 x y\n".to_vec());
            host.state.insert(suite_key("debian/partner", "trixie"), b"stays".to_vec());
            CommandNotFound::run(&context(14), &mut host).unwrap();
            assert_eq!(host.text(PATH), NEXT);
            assert!(!host.state.contains_key(&other), "it may have been changed in that pass");
            assert!(host.state.contains_key(&suite_key("debian/partner", "trixie")));
        }
    }

    #[test]
    fn a_file_that_somebody_changed_or_took_away_is_made_anew() {
        for damage in [
            (|host: &mut FakeHost| drop(host.files.insert(PATH.into(), b"suite: x\n".to_vec())))
                as fn(&mut FakeHost),
            |host| drop(host.files.remove(PATH)),
            |host| drop(host.files.remove(&format!("{PATH}.xz"))),
        ] {
            let mut host = archive();
            CommandNotFound::run(&context(12), &mut host).unwrap();
            next(&mut host);
            host.previous_pass = Some(12);
            damage(&mut host);
            CommandNotFound::run(&context(13), &mut host).unwrap();
            assert_eq!(host.text(PATH), NEXT);
        }
    }

    #[test]
    fn nothing_changed_is_nothing_to_do_unless_the_settings_are_others() {
        let mut host = archive();
        CommandNotFound::run(&context(12), &mut host).unwrap();
        host.written.clear();
        host.changes = vec![Change { kind: PackageKind::Source, ..change("bash", "source") }];
        host.previous_pass = Some(12);
        assert_eq!(CommandNotFound::run(&context(13), &mut host).unwrap().outcome, Outcome::Skipped);
        assert!(host.written.is_empty());
        host.config =
            r#"{"visible-names": {"bash": "sh"}, "priority-bonus": {"bash": 5}, "xz-level": 0}"#.into();
        host.previous_pass = Some(13);
        CommandNotFound::run(&context(14), &mut host).unwrap();
        let stanza = "name: bash\nversion: 5.2-2\nvisible-pkgname: sh\npriority-bonus: 5\ncommands: bash,clear_console\n";
        assert!(host.text(PATH).contains(stanza), "{}", host.text(PATH));
    }

    #[test]
    fn parts_of_a_package_are_one_stanza() {
        let mut host = archive();
        host.contents
            .get_mut(&index_of("amd64"))
            .unwrap()
            .insert(1, contents("bash", "5.2-2", &["usr/bin/more"]));
        CommandNotFound::run(&context(12), &mut host).unwrap();
        assert!(host.text(PATH).contains("commands: bash,clear_console,more\n"), "{}", host.text(PATH));
        assert_eq!(host.text(PATH).matches("name: bash\n").count(), 1);
    }

    #[test]
    fn changes_give_what_a_beginning_anew_gives() {
        let mut host = archive();
        CommandNotFound::run(&context(12), &mut host).unwrap();
        next(&mut host);
        host.previous_pass = Some(12);
        CommandNotFound::run(&context(13), &mut host).unwrap();
        let increment = host.text(PATH).to_owned();
        host.state.clear();
        CommandNotFound::run(&context(14), &mut host).unwrap();
        assert_eq!(host.text(PATH), increment);
    }

    #[test]
    fn wishes_that_cannot_be_are_named() {
        for (config, word) in [
            (r#"{"xz-level": 9}"#, "xz-level"),
            (r#"{"visible-names": {"a": "b c"}}"#, "visible-names"),
            (r#"{"level": 9}"#, "level"),
        ] {
            let mut host = FakeHost { config: config.into(), ..archive() };
            let error = CommandNotFound::run(&context(12), &mut host).unwrap_err().to_string();
            assert!(error.contains("[config]") && error.contains(word), "{error}");
        }
    }

    #[test]
    fn what_is_not_granted_fails_the_hook() {
        for denied in ["archive", "state", "dists/"] {
            let mut host = FakeHost { denied: [denied.to_owned()].into(), ..archive() };
            assert!(CommandNotFound::run(&context(12), &mut host).is_err());
        }
    }
}
