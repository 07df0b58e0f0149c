//! A real apt client that knows nothing of the machine's own configuration, packages and lists.

use std::path::{Path, PathBuf};

use crate::tool::{self, Ran, tool};

/// What a client has in its sources.
#[derive(Debug, Clone)]
pub struct Line {
    /// Such as `file:///srv/archive`.
    pub uri: String,
    /// One suite or several, with blanks between.
    pub suites: String,
    /// Likewise.
    pub components: String,
    /// The key it trusts, and no other.
    pub signed_by: PathBuf,
}

/// The client. Its folder goes with it.
#[derive(Debug)]
pub struct Client {
    folder: tempfile::TempDir,
}

impl Client {
    /// A client of architecture amd64 that also knows of `foreign` ones. Nothing is installed on it.
    ///
    /// # Panics
    /// When its folder cannot be made.
    #[track_caller]
    #[must_use]
    pub fn new(line: &Line, foreign: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("there is room for a client");
        let root = folder.path();
        for needed in [
            "etc/apt.conf.d",
            "etc/preferences.d",
            "etc/sources.list.d",
            "etc/trusted.gpg.d",
            "state/lists/partial",
            "cache/archives/partial",
            "log",
            "work",
        ] {
            tool::make_folder(&root.join(needed));
        }
        tool::write(&root.join("status"), "");
        let architectures: String = ["amd64"]
            .iter()
            .chain(foreign)
            .map(|architecture| format!("APT::Architectures:: \"{architecture}\";\n"))
            .collect();
        tool::write(
            &root.join("apt.conf"),
            format!(
                "Dir::Etc \"{root}/etc\";\nDir::Etc::sourcelist \"/dev/null\";\nDir::Etc::trusted \"{root}/etc/trusted.gpg\";\n\
                 Dir::State \"{root}/state\";\nDir::State::status \"{root}/status\";\nDir::Cache \"{root}/cache\";\nDir::Log \"{root}/log\";\n\
                 APT::Architecture \"amd64\";\nAPT::Sandbox::User \"root\";\n{architectures}",
                root = root.display(),
            ),
        );
        let client = Self { folder };
        client.point_to(line);
        client
    }

    /// Writes the client's one source anew.
    ///
    /// # Panics
    /// When it cannot be written.
    #[track_caller]
    pub fn point_to(&self, line: &Line) {
        let text = format!(
            "Types: deb deb-src\nURIs: {}\nSuites: {}\nComponents: {}\nSigned-By: {}\n",
            line.uri,
            line.suites,
            line.components,
            line.signed_by.display(),
        );
        tool::write(&self.folder.path().join("etc/sources.list.d/archive.sources"), text);
    }

    /// Writes how the client shows servers who it is: lines of a netrc file.
    ///
    /// # Panics
    /// When it cannot be written.
    #[track_caller]
    pub fn write_login(&self, lines: &str) {
        let path = self.folder.path().join("etc/auth.conf.d/archive.conf");
        tool::make_folder(&self.folder.path().join("etc/auth.conf.d"));
        tool::write(&path, lines);
        tool::set_mode(&path, 0o600);
    }

    /// The file that holds the client's whole configuration, for `APT_CONFIG`.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.folder.path().join("apt.conf")
    }

    /// Where `apt-get source` and `download` leave things.
    #[must_use]
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// Where `apt-get install --download-only` leaves packages.
    #[must_use]
    pub fn archives(&self) -> PathBuf {
        self.folder.path().join("cache/archives")
    }

    /// Runs apt-get.
    #[track_caller]
    #[must_use]
    pub fn apt_get(&self, arguments: &[&str]) -> Ran {
        self.run("apt-get", arguments)
    }

    /// Runs apt-cache.
    #[track_caller]
    #[must_use]
    pub fn apt_cache(&self, arguments: &[&str]) -> Ran {
        self.run("apt-cache", arguments)
    }

    /// Runs apt-file over what `apt-file update`, which is `apt-get update` with its settings, has fetched.
    #[track_caller]
    #[must_use]
    pub fn apt_file(&self, arguments: &[&str]) -> Ran {
        self.run("apt-file", arguments)
    }

    /// Adds to the client's configuration.
    ///
    /// # Panics
    /// When it cannot be written.
    #[track_caller]
    pub fn configure(&self, name: &str, text: &str) {
        tool::write(&self.folder.path().join("etc/apt.conf.d").join(name), text);
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        let mut command = tool(program);
        command.env("APT_CONFIG", self.configuration()).env("DEBIAN_FRONTEND", "noninteractive");
        tool::run(command.current_dir(self.work()).args(arguments))
    }

    /// `apt-get update`, which has to succeed without a word of complaint.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn update(&self) -> Ran {
        spotless(self.apt_get(&["update"]))
    }

    /// Really installs packages, by dpkg, into a system that has nothing else; what they are for is not of this machine's system.
    ///
    /// # Panics
    /// When the system cannot be made.
    #[track_caller]
    #[must_use]
    pub fn install(&self, packages: &[&str]) -> Ran {
        let system = self.system();
        let database = system.join("var/lib/dpkg");
        for needed in ["info", "updates", "triggers"] {
            tool::make_folder(&database.join(needed));
        }
        let status = database.join("status");
        if !status.exists() {
            tool::write(&status, "");
        }
        let options = [
            format!("Dir::State::status={}", status.display()),
            format!("DPkg::Options::=--root={}", system.display()),
            "DPkg::Options::=--force-not-root".to_owned(),
        ];
        let options = options.iter().flat_map(|option| ["-o", option]);
        self.apt_get(&options.chain(["install", "--yes"]).chain(packages.iter().copied()).collect::<Vec<_>>())
    }

    /// Where [`Self::install`] installs.
    #[must_use]
    pub fn system(&self) -> PathBuf {
        self.folder.path().join("system")
    }

    /// The packages that are installed there, as `hello 1.0 install ok installed`, sorted.
    ///
    /// # Panics
    /// When dpkg-query fails.
    #[track_caller]
    #[must_use]
    pub fn installed(&self) -> Vec<String> {
        let mut query = tool("dpkg-query");
        query.arg(format!("--admindir={}", self.system().join("var/lib/dpkg").display()));
        let ran =
            tool::run(query.args(["--show", "--showformat=${Package} ${Version} ${Status}\\n"])).exits(0);
        let mut lines: Vec<String> = ran.stdout.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// The version that the client would install, if any.
    ///
    /// # Panics
    /// When apt-cache fails.
    #[track_caller]
    #[must_use]
    pub fn candidate(&self, package: &str) -> Option<String> {
        let said = spotless_or_unknown(self.apt_cache(&["policy", package]));
        let line =
            said.stdout.lines().find_map(|line| line.trim().strip_prefix("Candidate: ").map(str::to_owned));
        line.filter(|version| version != "(none)")
    }

    /// All files in the client's cache of packages, sorted.
    #[must_use]
    pub fn downloaded(&self) -> Vec<String> {
        names_in(&self.archives()).into_iter().filter(|name| name != "lock" && name != "partial").collect()
    }
}

/// The names in a folder, sorted; none if it is not there.
#[must_use]
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Insists that apt succeeded and neither warned nor complained nor noted anything.
///
/// # Panics
/// When it did.
#[track_caller]
pub fn spotless(ran: Ran) -> Ran {
    let ran = ran.exits(0);
    let complaint =
        ran.stdout.lines().chain(ran.stderr.lines()).find(|line| is_complaint(line)).map(str::to_owned);
    assert!(complaint.is_none(), "apt complains: {complaint:?}\n{}", ran.account());
    ran
}

/// `apt-cache policy` notes a package that nobody has; that is an answer.
fn spotless_or_unknown(ran: Ran) -> Ran {
    if ran.stderr.starts_with("N: Unable to locate package") { ran } else { spotless(ran) }
}

fn is_complaint(line: &str) -> bool {
    ["W:", "E:", "N:", "Err:"].iter().any(|prefix| line.starts_with(prefix))
}
