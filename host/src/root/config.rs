//! `pressroom.toml`: what an operator sets. What a distribution *is* stands in the database.
//!
//! A key that is not known is refused with its line, because a misspelt limit would be none.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use lettre::Address;
use lettre::message::Mailbox;
use pressroom_archive::custom::Limits;
use pressroom_archive::dominate::StayOfExecution;
use pressroom_archive::monitor::health::{AgeLimit, Limits as MonitoringLimits};
use pressroom_archive::notify::{NotifyError, Patience, mailbox};
use pressroom_archive::openpgp::Fingerprint;
use pressroom_archive::store::archive_file::Retention;
use pressroom_archive::upload::checks::Limits as UploadLimits;
use pressroom_archive::upload::incoming::Patience as UploadPatience;
use serde::Deserialize;

/// The whole file.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Config {
    /// How this host is called in trace files and to hooks; none: its host name.
    pub(crate) site_name: Option<String>,
    pub(crate) paths: Paths,
    pub(crate) signing: Signing,
    pub(crate) publication: Publication,
    pub(crate) librarian: LibrarianSettings,
    pub(crate) death_row: DeathRow,
    pub(crate) people: People,
    pub(crate) uploads: Uploads,
    pub(crate) hooks: Hooks,
    pub(crate) mail: Mail,
    pub(crate) monitoring: Monitoring,
    pub(crate) metrics: Metrics,
}

/// Folders, below the root unless absolute.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Paths {
    pub(crate) archives: PathBuf,
    pub(crate) private_archives: PathBuf,
    /// The files of who may read private archives.
    pub(crate) readers: PathBuf,
    pub(crate) hooks: PathBuf,
    pub(crate) librarian: PathBuf,
    pub(crate) cache: PathBuf,
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            archives: "archives".into(),
            private_archives: "private".into(),
            readers: "readers".into(),
            hooks: "hooks".into(),
            librarian: "librarian".into(),
            cache: "cache".into(),
        }
    }
}

impl Paths {
    /// What is not for everybody lies below no folder from which everybody, or every reader, is served. In words, where it does.
    pub(crate) fn shows_what_is_private(&self, root: &Path) -> Option<String> {
        let below = |path: &Path, folder: &Path| root.join(path).starts_with(root.join(folder));
        let (archives, private, readers) = (&self.archives, &self.private_archives, &self.readers);
        let wrong = [
            ("private-archives", private, "archives", archives),
            ("readers", readers, "archives", archives),
            ("readers", readers, "private-archives", private),
        ];
        wrong.into_iter().find(|(_, path, _, folder)| below(path, folder)).map(|(name, path, served, folder)| {
            format!(
                "[paths] {name} = \"{}\" lies in {served} = \"{}\", from where it is served: name a folder beside that one",
                path.display(),
                folder.display()
            )
        })
    }
}

/// Who signs: a key file of ours, or gpg.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Signing {
    pub(crate) key_file: PathBuf,
    /// So long before a key expires `status` warns of it.
    pub(crate) warn_before_seconds: u32,
    pub(crate) gpg: Option<Gpg>,
}

impl Default for Signing {
    fn default() -> Self {
        Self { key_file: DEFAULT_KEY_FILE.into(), warn_before_seconds: 30 * 86_400, gpg: None }
    }
}

/// Where `pressroom init` puts the key that it makes.
pub(crate) const DEFAULT_KEY_FILE: &str = "keys/signing-key.asc";

/// gpg, or a program that takes its options, as the signer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Gpg {
    #[serde(default = "gpg_program")]
    pub(crate) program: PathBuf,
    pub(crate) home: PathBuf,
    #[serde(deserialize_with = "fingerprint")]
    pub(crate) key: Fingerprint,
    #[serde(default = "gpg_time_limit_seconds")]
    pub(crate) time_limit_seconds: u64,
}

fn gpg_program() -> PathBuf {
    "gpg".into()
}

const fn gpg_time_limit_seconds() -> u64 {
    60
}

fn fingerprint<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// How index files of the past are kept, and how much custom uploads may take.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Publication {
    pub(crate) by_hash_generations: usize,
    pub(crate) by_hash_grace_seconds: u32,
    /// So long before its `Valid-Until` a Release is written anew; none: a third of the time that it is valid.
    pub(crate) refresh_margin_seconds: Option<u32>,
    /// So much may come out of a custom upload.
    pub(crate) custom_unpacked_mib: u32,
    /// So long apt-ftparchive may take for the indexes of a suite.
    pub(crate) apt_ftparchive_seconds: u32,
}

impl Default for Publication {
    fn default() -> Self {
        Self {
            by_hash_generations: 2,
            by_hash_grace_seconds: 24 * 60 * 60,
            refresh_margin_seconds: None,
            custom_unpacked_mib: 4096,
            apt_ftparchive_seconds: 4 * 60 * 60,
        }
    }
}

impl Publication {
    pub(crate) fn apt_ftparchive_time_limit(&self) -> Duration {
        Duration::from_secs(u64::from(self.apt_ftparchive_seconds))
    }

    pub(crate) const fn custom_limits(&self) -> Limits {
        Limits::new((self.custom_unpacked_mib as u64) << 20)
    }

    pub(crate) fn refresh_margin(&self) -> Option<SignedDuration> {
        self.refresh_margin_seconds.map(|seconds| SignedDuration::from_secs(seconds.into()))
    }

    pub(crate) fn retention(&self) -> Retention {
        Retention {
            generations: self.by_hash_generations,
            grace: SignedDuration::from_secs(i64::from(self.by_hash_grace_seconds)),
        }
    }
}

/// How long originals are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LibrarianSettings {
    /// So long after a package has left the pool of somebody's archive.
    pub(crate) keep_removed_seconds: u32,
}

impl Default for LibrarianSettings {
    fn default() -> Self {
        Self { keep_removed_seconds: 7 * 24 * 60 * 60 }
    }
}

/// When the files of what has given way may go.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct DeathRow {
    /// So long the files of what was superseded stay after that.
    pub(crate) stay_seconds: u32,
}

impl Default for DeathRow {
    fn default() -> Self {
        Self { stay_seconds: StayOfExecution::default().0 }
    }
}

impl DeathRow {
    pub(crate) const fn stay(&self) -> StayOfExecution {
        StayOfExecution(self.stay_seconds)
    }
}

/// Who works here.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct People {
    /// Who decides where a command has no `--as`; none: the person who is the user of the host.
    #[serde(rename = "as")]
    pub(crate) acts_as: Option<String>,
}

/// What is taken out of incoming, and when.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Uploads {
    /// So long nothing of an upload may have changed before it is looked at.
    pub(crate) settle_seconds: u32,
    /// So long after its last change an upload that lacks files is waited for.
    pub(crate) grace_seconds: u32,
    /// So long a file that no .changes lists may lie in incoming.
    pub(crate) orphan_seconds: u32,
    /// Of one upload.
    pub(crate) max_files: usize,
    pub(crate) max_bytes: u64,
    /// Of one tarball, when it is unpacked.
    pub(crate) max_unpacked_bytes: u64,
    pub(crate) max_unpacked_entries: usize,
}

impl Default for Uploads {
    fn default() -> Self {
        Self {
            settle_seconds: 5,
            grace_seconds: 900,
            orphan_seconds: 86_400,
            max_files: 2000,
            max_bytes: 32 << 30,
            max_unpacked_bytes: 32 << 30,
            max_unpacked_entries: 1_000_000,
        }
    }
}

impl Uploads {
    pub(crate) fn patience(&self) -> UploadPatience {
        UploadPatience {
            settle: SignedDuration::from_secs(self.settle_seconds.into()),
            grace: SignedDuration::from_secs(self.grace_seconds.into()),
            orphans: SignedDuration::from_secs(self.orphan_seconds.into()),
        }
    }

    pub(crate) const fn limits(&self) -> UploadLimits {
        UploadLimits {
            files: self.max_files,
            upload_bytes: self.max_bytes,
            unpacked_bytes: self.max_unpacked_bytes,
            unpacked_entries: self.max_unpacked_entries,
        }
    }
}

/// What hooks may take where their grant says nothing; legacy executables always.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Hooks {
    /// Of a WASM hook, by the wall.
    pub(crate) wall_seconds: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) staging_bytes: u64,
    pub(crate) staging_files: usize,
    pub(crate) state_bytes: u64,
    /// Of an executable, by the wall.
    pub(crate) executable_seconds: u64,
    /// So much of an executable's output is kept.
    pub(crate) executable_output_bytes: usize,
    /// Whether WASM hooks run only where Landlock, seccomp and rlimits stand around them.
    pub(crate) require_walls: bool,
    /// How often a hook that fails for a time after the installation is called, the first time included; 1: runs never call it again.
    pub(crate) retry_attempts: u32,
    /// How long the third attempt waits after the second; the second is made by the next run, later waits double.
    pub(crate) retry_seconds: u32,
    /// What hooks were told is kept for so many of a distribution's last runs with hooks, to be replayed.
    pub(crate) replayable_runs: u32,
    /// Whose signature WASM hooks must have where their grant names nobody: certificate files below the root, or fingerprints of certificates in
    /// `keys/authors`. Empty: they need none.
    pub(crate) signed_by: Vec<String>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            wall_seconds: 60,
            memory_bytes: 256 << 20,
            staging_bytes: 64 << 20,
            staging_files: 10_000,
            state_bytes: 1 << 20,
            executable_seconds: 600,
            executable_output_bytes: 64 << 10,
            require_walls: false,
            retry_attempts: 6,
            retry_seconds: 300,
            replayable_runs: 200,
            signed_by: Vec::new(),
        }
    }
}

impl Hooks {
    pub(crate) const fn executable_time_limit(&self) -> Duration {
        Duration::from_secs(self.executable_seconds)
    }
}

/// How mail is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MailTransport {
    /// Not at all, and none is written.
    #[default]
    None,
    /// To a server.
    Smtp,
    /// By a program.
    Sendmail,
    /// Into a folder.
    Maildir,
}

/// What is between us and a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MailTls {
    /// Nothing.
    None,
    /// TLS, begun in the conversation; without it nothing is sent.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
}

impl MailTls {
    /// The port that servers of this kind have.
    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::None => 25,
            Self::Starttls => 587,
            Self::Tls => 465,
        }
    }
}

/// Mails about uploads.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Mail {
    pub(crate) transport: MailTransport,
    /// Who they are from: `Acme Archive <archive@example.org>`.
    pub(crate) from: Option<String>,
    /// Who is told that one could not be delivered; none: the address of `from`.
    pub(crate) bounces_to: Option<String>,
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) tls: MailTls,
    /// Certificates that are trusted besides the system's, in PEM.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    /// How this host greets the server; none: its host name.
    pub(crate) hello_name: Option<String>,
    pub(crate) sendmail: PathBuf,
    pub(crate) maildir: PathBuf,
    pub(crate) templates: PathBuf,
    /// How long sending may take at the end of another command.
    pub(crate) time_limit_seconds: u64,
    /// How often a message is tried, the first time included.
    pub(crate) retry_attempts: u32,
    /// How long the second attempt waits after the first; later waits double, up to six hours.
    pub(crate) retry_seconds: u32,
    /// Who is told of runs that do not succeed; empty: nobody.
    pub(crate) operators: Vec<String>,
    /// For how many days messages that were sent are kept; 0: for ever.
    pub(crate) keep_sent_days: u32,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            transport: MailTransport::None,
            from: None,
            bounces_to: None,
            host: "localhost".into(),
            port: None,
            tls: MailTls::Starttls,
            ca_file: None,
            user: None,
            password_file: None,
            hello_name: None,
            sendmail: "/usr/sbin/sendmail".into(),
            maildir: "mail".into(),
            templates: "templates/mail".into(),
            time_limit_seconds: 10,
            retry_attempts: 24,
            retry_seconds: 300,
            operators: Vec::new(),
            keep_sent_days: 30,
        }
    }
}

impl Mail {
    pub(crate) const fn time_limit(&self) -> Duration {
        Duration::from_secs(self.time_limit_seconds)
    }

    pub(crate) fn patience(&self) -> Patience {
        Patience {
            attempts: self.retry_attempts,
            first_wait: SignedDuration::from_secs(i64::from(self.retry_seconds.max(1))),
        }
    }

    /// Who is told of runs that do not succeed. The error says what is wrong.
    pub(crate) fn operators(&self) -> Result<Vec<Mailbox>, String> {
        let parse = |text: &String| {
            mailbox(text).ok_or_else(|| {
                format!("operators has {text:?}, which is no mailbox: use a form as \"Operators <operators@example.org>\"")
            })
        };
        self.operators.iter().map(parse).collect()
    }

    /// Who mails are from, and who is told of those that could not be delivered; none where none are written. The error says what is wrong.
    pub(crate) fn sender(&self) -> Result<Option<(Mailbox, Address)>, String> {
        if self.transport == MailTransport::None {
            return Ok(None);
        }
        let from = self
            .from
            .as_deref()
            .ok_or("from is missing: say who mails are from, as \"Acme Archive <archive@example.org>\"")?;
        let sender = mailbox(from).ok_or_else(|| {
            format!(
                "from is {from:?}, which is no mailbox: use a form as \"Acme Archive <archive@example.org>\""
            )
        })?;
        let bounces = match &self.bounces_to {
            None => sender.email.clone(),
            Some(address) => {
                address.parse().map_err(|_| format!("bounces-to is {address:?}, which is no mail address"))?
            }
        };
        Ok(Some((sender, bounces)))
    }
}

/// What `pressroom check` looks at, and what is an incident.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Monitoring {
    /// Scripts that people run, who see how they end: nobody else is told.
    pub(crate) by_hand: Vec<String>,
    /// So long an upload may be ACCEPTED without being published.
    pub(crate) accepted_seconds: u32,
    /// So long an upload may wait for somebody's decision; 0: as long as it takes.
    pub(crate) review_seconds: u32,
    /// So long a message may wait to be sent.
    pub(crate) message_seconds: u32,
    /// A key that cannot sign in so many days is critical; in a month, a warning.
    pub(crate) key_critical_days: u32,
    /// A filesystem with less free than so many percent is a warning, or critical.
    pub(crate) disk_warning_percent: u8,
    pub(crate) disk_critical_percent: u8,
}

impl Default for Monitoring {
    fn default() -> Self {
        Self {
            by_hand: ["import", "import-archive", "populate-archive", "process-accepted", "hook-replay"]
                .map(str::to_owned)
                .into(),
            accepted_seconds: 86_400,
            review_seconds: 0,
            message_seconds: 3600,
            key_critical_days: 7,
            disk_warning_percent: 10,
            disk_critical_percent: 5,
        }
    }
}

impl Monitoring {
    /// What is too much, with the ages that somebody asks for.
    pub(crate) fn limits(&self, ages: Vec<AgeLimit>) -> MonitoringLimits {
        MonitoringLimits {
            ages,
            by_hand: self.by_hand.clone(),
            accepted_seconds: self.accepted_seconds.into(),
            review_seconds: (self.review_seconds > 0).then_some(self.review_seconds.into()),
            message_seconds: self.message_seconds.into(),
            key_critical_seconds: i64::from(self.key_critical_days) * 86_400,
            disk_warning_percent: self.disk_warning_percent,
            disk_critical_percent: self.disk_critical_percent,
        }
    }
}

/// Metrics for Prometheus.
#[derive(Debug, Clone, Deserialize, Default)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Metrics {
    /// The file that is written after each command that made a run; none: none.
    pub(crate) file: Option<PathBuf>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("there is no {}: is {} a root made by `pressroom init`?", path.display(), path.parent().unwrap_or(path).display())]
    Missing { path: PathBuf },
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not as it must be:\n{message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("{}, [mail]: {message}", path.display())]
    Mail { path: PathBuf, message: String },
    #[error("mail cannot be written")]
    Templates(#[source] NotifyError),
}

impl Config {
    /// Reads a configuration.
    pub(crate) fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| {
            if source.kind() == std::io::ErrorKind::NotFound {
                ConfigError::Missing { path: path.to_owned() }
            } else {
                ConfigError::Read { path: path.to_owned(), source }
            }
        })?;
        toml::from_str(&text)
            .map_err(|error| ConfigError::Syntax { path: path.to_owned(), message: error.to_string() })
    }

    /// What `pressroom init` writes: everything that can be set, with what holds when it is not.
    pub(crate) fn template(key_file: &str) -> String {
        // quoted as its characters ask for
        let key_file = toml::Value::String(key_file.to_owned());
        format!(
            r##"# What the operator of this root sets. Distributions, series and archives are made by commands and live in the database.
# Every line that begins with "# " and a key shows what holds when it is left out.

# How this host is called in trace files and to hooks.
# site-name = "the host's name"

[paths]
# Below this folder unless absolute. Archives and the librarian on one filesystem share their files.
# archives = "archives"
# Private archives, and the files of who may read them, are for a web server that asks who it is: see docs/operators.md.
# private-archives = "private"
# readers = "readers"
# hooks = "hooks"
# librarian = "librarian"
# cache = "cache"

[signing]
# An OpenPGP secret key without a passphrase, readable by its owner only.
key-file = {key_file}
# So long before a key expires, `pressroom status` warns of it.
# warn-before-seconds = 2592000

# Or gpg, with its agent, a card, or a program of yours that takes gpg's options:
# [signing.gpg]
# program = "gpg"
# home = "/var/lib/pressroom/gnupg"
# key = "the key's fingerprint"
# time-limit-seconds = 60

[publication]
# Older index files stay under by-hash: so many of each, and each for so long after a newer one came.
# by-hash-generations = 2
# by-hash-grace-seconds = 86400
# Where Release files have a Valid-Until, they are signed anew by themselves so long before it; without this, when a third of the time is left.
# refresh-margin-seconds = 172800
# A custom upload, as images of the installer, is refused when more comes out of it.
# custom-unpacked-mib = 4096
# An archive whose indexes apt-ftparchive makes is given up when that takes longer for a suite.
# apt-ftparchive-seconds = 14400

[librarian]
# The files of a package that has left the pool of a person's archive are kept for so long; `pressroom expire` lets them go.
# keep-removed-seconds = 604800

[death-row]
# So long the files of a superseded package stay in the pool, for clients with an older index. What was removed on purpose has no stay.
# stay-seconds = 86400

[people]
# Who decides where a command has no --as; without it, the person whose Unix user runs the command.
# as = "the name of a person"

[uploads]
# What `pressroom process-upload` takes out of incoming: an upload of which nothing has changed for so long, and so long after its last change
# one that lacks files; files that no .changes lists are put aside after so long.
# settle-seconds = 5
# grace-seconds = 900
# orphan-seconds = 86400
# How large an upload may be, and what comes out of one of its tarballs.
# max-files = 2000
# max-bytes = 34359738368
# max-unpacked-bytes = 34359738368
# max-unpacked-entries = 1000000

[hooks]
# What a WASM hook may take where its grant says nothing.
# wall-seconds = 60
# memory-bytes = 268435456
# staging-bytes = 67108864
# staging-files = 10000
# state-bytes = 1048576
# What an executable may take.
# executable-seconds = 600
# executable-output-bytes = 65536
# Whether nothing is published with WASM hooks where the kernel lacks Landlock, seccomp or rlimits to confine them; `pressroom status` shows them.
# require-walls = false
# A hook that fails for a time after the new tree is in place is called again by later runs: so often in all, the second time by the next
# run, the third so many seconds after that, with waits that double up to a day.
# retry-attempts = 6
# retry-seconds = 300
# What hooks were told is kept for so many of the last runs with hooks, so that `pressroom hook replay` can do them again.
# replayable-runs = 200
# Whose signature a WASM hook must have where its grant names nobody: certificate files, or fingerprints of certificates in keys/authors.
# signed-by = []

[mail]
# How people are told of uploads: "none", "smtp", "sendmail" or "maildir".
# transport = "none"
# Who mails are from, and who is told that one could not be delivered; the second is the first where it is left out.
# from = "Acme Archive <archive@example.org>"
# bounces-to = "bounces@example.org"
# For "smtp": the server, and what is between us and it: "none", "starttls" (without which nothing is sent) or "tls" (from the first byte).
# host = "localhost"
# tls = "starttls"
# port = 587
# Certificates that are trusted besides the system's; who we are to the server (the file is readable by its owner only); how we greet it.
# ca-file = "keys/mail-ca.pem"
# user = "archive"
# password-file = "keys/mail-password"
# hello-name = "the host's name"
# For "sendmail": the program. For "maildir": the folder.
# sendmail = "/usr/sbin/sendmail"
# maildir = "mail"
# Where distributions have texts of their own: <distribution>/accepted.txt and so on.
# templates = "templates/mail"
# How long commands wait for mail to be sent, at their end. What is not sent is tried again by later commands and `pressroom outbox send`: so
# often in all, the second time after so many seconds, with waits that double up to six hours.
# time-limit-seconds = 10
# retry-attempts = 24
# retry-seconds = 300
# Who is told when a run does not succeed, and again when one has, as "Operators <operators@example.org>"; `pressroom outbox test` tries it.
# operators = []
# Messages that were sent are forgotten after so many days; 0: never.
# keep-sent-days = 30

[monitoring]
# Scripts that people run and see the end of: their failures are mailed to nobody, and `pressroom check` passes them over unless it is asked.
# by-hand = ["import", "import-archive", "populate-archive", "process-accepted", "hook-replay"]
# What `pressroom check` warns of: accepted uploads that are not published after so long, uploads that wait for somebody's decision (0: never),
# messages that nobody takes.
# accepted-seconds = 86400
# review-seconds = 0
# message-seconds = 3600
# A key that cannot sign in a month is a warning, in so many days critical; so are filesystems with less free than this.
# key-critical-days = 7
# disk-warning-percent = 10
# disk-critical-percent = 5

[metrics]
# Where numbers for Prometheus are written after each command that made a run: a file in the folder of node_exporter's textfile collector.
# file = "/var/lib/prometheus/node-exporter/pressroom.prom"
"##
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_private_lies_in_no_folder_that_is_served() {
        let wrong = |text: &str| {
            let paths: Paths = toml::from_str(text).unwrap();
            paths.shows_what_is_private(Path::new("/srv/apt"))
        };
        for text in [
            "",
            "archives = \"/srv/www\"",
            "private-archives = \"archives-private\"",
            "readers = \"/etc/readers\"",
        ] {
            assert_eq!(wrong(text), None, "{text}");
        }
        for (text, word) in [
            ("private-archives = \"archives\"", "private-archives = "),
            ("private-archives = \"archives/private\"", "private-archives = "),
            ("archives = \"/srv/apt\"", "archives = "),
            ("readers = \"./archives/readers\"", "readers = "),
            ("readers = \"private\"", "in private-archives"),
        ] {
            assert!(wrong(text).is_some_and(|said| said.contains(word)), "{text}");
        }
    }

    #[test]
    fn the_template_is_a_configuration_with_the_defaults() {
        let config: Config = toml::from_str(&Config::template("keys/k.asc")).unwrap();
        assert_eq!(config.signing.key_file, PathBuf::from("keys/k.asc"));
        // what the comments promise is what holds
        let uncommented: String = Config::template("keys/signing-key.asc")
            .lines()
            .filter(|line| {
                !line.contains("site-name")
                    && !line.contains("# as =")
                    && !line.contains("gpg")
                    && !line.contains("home =")
                    && !line.contains("# key =")
                    && !line.starts_with("# file = ")
                    && ![
                        "refresh-margin-seconds",
                        "from",
                        "bounces-to",
                        "port",
                        "ca-file",
                        "user",
                        "password-file",
                        "hello-name",
                    ]
                    .iter()
                    .any(|key| line.starts_with(&format!("# {key} = ")))
            })
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.contains(" = ") && !rest.starts_with("time-limit") => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let explicit: Config = toml::from_str(&uncommented).unwrap();
        assert_eq!(format!("{explicit:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn the_template_and_the_guide_leave_no_key_out() {
        let template = Config::template("keys/signing-key.asc");
        let guides = ["operators", "mail", "monitoring", "uploads"].map(|guide| {
            let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
            std::fs::read_to_string(docs.join(format!("{guide}.md"))).unwrap()
        });
        let told = format!("{:#?}", Config::default());
        // a field of a section, which is one step further in than the section
        let keys = told.lines().filter_map(|line| line.strip_prefix("        ")?.split_once(": "));
        let keys: Vec<String> = keys
            .filter(|(key, _)| key.starts_with(|first: char| first.is_ascii_lowercase()))
            .map(|(key, _)| if key == "acts_as" { "as".to_owned() } else { key.replace('_', "-") })
            .collect();
        assert!(keys.len() > 50, "{keys:?}");
        for key in keys {
            // `[signing.gpg]` is a table of its own
            let line = if key == "gpg" { "[signing.gpg]".to_owned() } else { format!("{key} = ") };
            assert!(template.contains(&line), "the template lacks {key}");
            assert!(
                key == "gpg" || guides.iter().any(|guide| guide.contains(&format!("`{key}"))),
                "the guides lack {key}"
            );
        }
    }

    #[test]
    fn a_wrong_key_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pressroom.toml");
        pressroom_archive::disk::write_staged(&path, b"[publication]\nby-hash-generation = 3\n").unwrap();
        let error = Config::read(&path).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("by-hash-generation"), "{error}");
        assert!(matches!(Config::read(&folder.path().join("none")), Err(ConfigError::Missing { .. })));
    }
}
