//! The operator's word on a WASM hook (`NN-name.toml` beside `NN-name.wasm`), and the author's wish (`hook.toml`).
//!
//! Both have the same keys for capabilities, limits and configuration; a capability counts when it is in the grant. A key or capability that is not
//! known is refused: a grant that is misread grants the wrong thing.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use pressroom_archive::disk;
use pressroom_archive::domain::Sha256;
use pressroom_sandbox::{Limits, Point};
use serde::{Deserialize, Serialize};

use super::http::{DEFAULT_TIME, UrlPatterns};
use super::secrets::{CONFIG_KEY, Secrets};
use crate::http::Networks;
use crate::root::Config;

/// What happens to the pass when the hook fails before the tree is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnFailure {
    /// It is given up; everything stays pending.
    #[default]
    Abort,
    /// It goes on; the failure is recorded.
    Warn,
}

/// What a hook may ask of the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Capabilities {
    /// Questions about the archive.
    pub(crate) archive: bool,
    /// The staged tree: patterns of what may be written; an empty list may read only; not there: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) staging: Option<Vec<String>>,
    /// A memory of its own.
    pub(crate) state: bool,
    /// Patterns of what may be signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) signing: Vec<String>,
    /// Patterns of URLs that may be asked. An empty list is an author's wish for some that the operator knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http: Option<Vec<String>>,
    /// Networks that are not of the public internet, but may be asked: the operator's to say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) http_private: Vec<String>,
}

/// Limits that differ from the configuration's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct GrantLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wall_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host_calls: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_lines: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) report_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) staging_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) staging_files: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_requests: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_request_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_response_bytes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) http_seconds: Option<u64>,
}

impl GrantLimits {
    /// The sandbox's limits, with the configuration's where the grant says nothing.
    pub(crate) fn sandbox(&self, config: &Config) -> Limits {
        let default = Limits::default();
        Limits {
            wall: Duration::from_secs(self.wall_seconds.unwrap_or(config.hooks.wall_seconds)),
            memory_bytes: self.memory_bytes.unwrap_or(config.hooks.memory_bytes),
            host_calls: self.host_calls.unwrap_or(default.host_calls),
            log_lines: self.log_lines.unwrap_or(default.log_lines),
            report_bytes: self.report_bytes.unwrap_or(default.report_bytes),
            http_requests: self.http_requests.unwrap_or(default.http_requests),
            http_request_bytes: self.http_request_bytes.unwrap_or(default.http_request_bytes),
            http_response_bytes: self
                .http_response_bytes
                .unwrap_or(default.http_response_bytes)
                .min(Limits::MOST_HOST_CALL_BYTES),
            ..default
        }
    }

    /// How long one request to a server may take.
    pub(crate) fn http_time(&self) -> Duration {
        self.http_seconds.map_or(DEFAULT_TIME, Duration::from_secs)
    }
}

/// The operator's file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Grant {
    /// The component that is meant; another one under its name is not run.
    pub(crate) sha256: Sha256,
    /// The component that may lie there instead while a command puts another in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaces: Option<Sha256>,
    /// The file name, less its ending, under which the hook stood before, while a command gives it another number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) moved_from: Option<String>,
    /// It does not run, and is not missed.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) disabled: bool,
    /// Where it may run.
    #[serde(with = "points")]
    pub(crate) points: Vec<Point>,
    #[serde(default)]
    pub(crate) on_failure: OnFailure,
    /// Whose signature the component must have: certificate files, or fingerprints of certificates among those of `keys/authors`. Empty: the
    /// configuration's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) signed_by: Vec<String>,
    /// That signature, in ASCII armour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) signature: Option<String>,
    #[serde(default)]
    pub(crate) capabilities: Capabilities,
    #[serde(default)]
    pub(crate) limits: GrantLimits,
    #[serde(default)]
    pub(crate) config: toml::Table,
    /// Files whose contents the hook finds in its configuration, and nobody in the grant.
    #[serde(default, skip_serializing_if = "Secrets::is_empty")]
    pub(crate) secrets: Secrets,
    /// What its author asks for: for lists and comparisons. It grants nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) requested: Option<Capabilities>,
}

const fn is_false(value: &bool) -> bool {
    !*value
}

/// The author's file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Manifest {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) description: String,
    #[serde(with = "points")]
    pub(crate) points: Vec<Point>,
    /// The suggested number before the name.
    #[serde(default = "default_order")]
    pub(crate) order: u8,
    #[serde(default)]
    pub(crate) capabilities: Capabilities,
    #[serde(default)]
    pub(crate) limits: GrantLimits,
    #[serde(default)]
    pub(crate) config: toml::Table,
}

const fn default_order() -> u8 {
    50
}

mod points {
    use pressroom_sandbox::Point;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(points: &[Point], serializer: S) -> Result<S::Ok, S::Error> {
        points.iter().map(|point| point.as_str()).collect::<Vec<_>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Point>, D::Error> {
        Vec::<String>::deserialize(deserializer)?
            .iter()
            .map(|text| text.parse().map_err(serde::de::Error::custom))
            .collect()
    }
}

/// Why a grant or manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GrantError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is not as it must be:\n{message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("{} has the pattern {pattern:?}, which is none: {reason}", path.display())]
    Pattern { path: PathBuf, pattern: String, reason: String },
    #[error(
        "{} asks for http-private: which networks a hook may reach besides the public internet is the operator's to say, with --grant http-private=NETWORK",
        path.display()
    )]
    Private { path: PathBuf },
    #[error("{} has both [secrets] and a key {CONFIG_KEY} under [config]: the hook would find one of them only", path.display())]
    Secrets { path: PathBuf },
    #[error("{} has {key} under [config], which JSON cannot say and the hook would not get: {reason}", path.display())]
    Config { path: PathBuf, key: String, reason: &'static str },
}

/// A grant or manifest is a page, not a book.
const MAX_BYTES: u64 = 256 << 10;

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, GrantError> {
    let failed = |source| GrantError::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        return Err(GrantError::Syntax {
            path: path.to_owned(),
            message: format!("it is longer than {MAX_BYTES} bytes"),
        });
    }
    let mut text = String::new();
    disk::open(path).map_err(|error| failed(error.source))?.read_to_string(&mut text).map_err(failed)?;
    toml::from_str(&text)
        .map_err(|error| GrantError::Syntax { path: path.to_owned(), message: error.to_string() })
}

impl Grant {
    /// Reads a grant and looks at its patterns.
    pub(crate) fn read(path: &Path) -> Result<Self, GrantError> {
        let grant: Self = read(path)?;
        let bad = |(pattern, reason)| GrantError::Pattern { path: path.to_owned(), pattern, reason };
        for list in [grant.capabilities.staging.as_deref().unwrap_or_default(), &grant.capabilities.signing] {
            patterns(list).map_err(bad)?;
        }
        grant.capabilities.url_patterns().map_err(bad)?;
        grant.capabilities.networks().map_err(bad)?;
        if !grant.secrets.is_empty() && grant.config.contains_key(CONFIG_KEY) {
            return Err(GrantError::Secrets { path: path.to_owned() });
        }
        check_config(path, &grant.config)?;
        Ok(grant)
    }

    /// Whether a file that cannot be used as a grant says clearly enough that its hook is not to run.
    pub(crate) fn says_disabled(path: &Path) -> bool {
        read::<toml::Table>(path)
            .is_ok_and(|table| table.get("disabled").and_then(toml::Value::as_bool) == Some(true))
    }
}

impl Manifest {
    /// Reads a manifest.
    pub(crate) fn read(path: &Path) -> Result<Self, GrantError> {
        let manifest: Self = read(path)?;
        manifest.capabilities.url_patterns().map_err(|(pattern, reason)| GrantError::Pattern {
            path: path.to_owned(),
            pattern,
            reason,
        })?;
        if !manifest.capabilities.http_private.is_empty() {
            return Err(GrantError::Private { path: path.to_owned() });
        }
        check_config(path, &manifest.config)?;
        Ok(manifest)
    }
}

fn check_config(path: &Path, config: &toml::Table) -> Result<(), GrantError> {
    let unfit = config.iter().find_map(|(key, value)| unfit_for_json(key, value));
    unfit.map_or(Ok(()), |(key, reason)| Err(GrantError::Config { path: path.to_owned(), key, reason }))
}

/// The first value that a hook, which gets its configuration as JSON, would not get as it is written.
fn unfit_for_json(key: &str, value: &toml::Value) -> Option<(String, &'static str)> {
    match value {
        toml::Value::Datetime(_) => Some((key.to_owned(), "write the date as a text, in quotes")),
        toml::Value::Float(number) if !number.is_finite() => Some((key.to_owned(), "it is no number")),
        toml::Value::Array(list) => list
            .iter()
            .enumerate()
            .find_map(|(index, value)| unfit_for_json(&format!("{key}[{index}]"), value)),
        toml::Value::Table(table) => {
            table.iter().find_map(|(inner, value)| unfit_for_json(&format!("{key}.{inner}"), value))
        }
        toml::Value::String(_)
        | toml::Value::Integer(_)
        | toml::Value::Float(_)
        | toml::Value::Boolean(_) => None,
    }
}

/// Patterns of paths: `*` and `?` within a part of a path, `**` over parts.
pub(crate) fn patterns(list: &[String]) -> Result<GlobSet, (String, String)> {
    let mut set = GlobSetBuilder::new();
    for pattern in list {
        let bad = |reason: String| (pattern.clone(), reason);
        if pattern.is_empty() || pattern.starts_with('/') || pattern.split('/').any(|part| part == "..") {
            return Err(bad("it must be a path below the archive's root, without ..".to_owned()));
        }
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .build()
            .map_err(|error| bad(error.to_string()))?;
        set.add(glob);
    }
    set.build().map_err(|error| (list.join(", "), error.to_string()))
}

impl Capabilities {
    /// The capabilities by name, for lists and comparisons.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        if self.archive {
            names.insert("archive".to_owned());
        }
        if let Some(staging) = &self.staging {
            names.insert("staging".to_owned());
            names.extend(staging.iter().map(|pattern| format!("staging={pattern}")));
        }
        if self.state {
            names.insert("state".to_owned());
        }
        names.extend(self.signing.iter().map(|pattern| format!("signing={pattern}")));
        match self.http.as_deref() {
            None => {}
            Some([]) => drop(names.insert("http".to_owned())),
            Some(http) => names.extend(http.iter().map(|pattern| format!("http={pattern}"))),
        }
        names.extend(self.http_private.iter().map(|network| format!("http-private={network}")));
        names
    }

    /// Adds a capability by name: `archive`, `state`, `staging` (to read), `staging=PATTERN` (to write), `signing=PATTERN`,
    /// `http=PATTERN`, `http-private=NETWORK`.
    pub(crate) fn add(&mut self, name: &str) -> Result<(), String> {
        match name.split_once('=') {
            None if name == "archive" => self.archive = true,
            None if name == "state" => self.state = true,
            None if name == "staging" => drop(self.staging.get_or_insert_default()),
            Some(("staging", pattern)) => {
                patterns(&[pattern.to_owned()])
                    .map_err(|(pattern, reason)| format!("{pattern:?}: {reason}"))?;
                self.staging.get_or_insert_default().push(pattern.to_owned());
            }
            Some(("signing", pattern)) => {
                patterns(&[pattern.to_owned()])
                    .map_err(|(pattern, reason)| format!("{pattern:?}: {reason}"))?;
                self.signing.push(pattern.to_owned());
            }
            Some(("http", pattern)) => {
                UrlPatterns::parse(&[pattern.to_owned()])
                    .map_err(|(pattern, reason)| format!("{pattern:?}: {reason}"))?;
                self.http.get_or_insert_default().push(pattern.to_owned());
            }
            Some(("http-private", network)) => {
                Networks::parse(&[network.to_owned()])
                    .map_err(|(network, reason)| format!("{network:?}: {reason}"))?;
                self.http_private.push(network.to_owned());
            }
            _ => {
                return Err(format!(
                    "{name:?} is not a capability: use archive, state, staging, staging=PATTERN, signing=PATTERN, http=PATTERN, http-private=NETWORK or requested"
                ));
            }
        }
        Ok(())
    }

    /// Adds all that another one has.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.archive |= other.archive;
        self.state |= other.state;
        if let Some(staging) = &other.staging {
            let own = self.staging.get_or_insert_default();
            own.extend(staging.iter().filter(|pattern| !own.contains(pattern)).cloned().collect::<Vec<_>>());
        }
        let missing: Vec<String> =
            other.signing.iter().filter(|pattern| !self.signing.contains(pattern)).cloned().collect();
        self.signing.extend(missing);
        // a wish for URLs that are not named is none that could be granted
        for pattern in other.http.iter().flatten() {
            let own = self.http.get_or_insert_default();
            if !own.contains(pattern) {
                own.push(pattern.clone());
            }
        }
        let missing: Vec<String> = other
            .http_private
            .iter()
            .filter(|network| !self.http_private.contains(network))
            .cloned()
            .collect();
        self.http_private.extend(missing);
    }

    /// What both have.
    pub(crate) fn common_with(&self, other: &Self) -> Self {
        let both = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter().filter(|pattern| other.contains(pattern)).cloned().collect()
        };
        Self {
            archive: self.archive && other.archive,
            staging: self.staging.as_ref().zip(other.staging.as_ref()).map(|(one, other)| both(one, other)),
            state: self.state && other.state,
            signing: both(&self.signing, &other.signing),
            http: self.http.as_ref().zip(other.http.as_ref()).map(|(one, other)| both(one, other)),
            http_private: both(&self.http_private, &other.http_private),
        }
    }

    /// For the sandbox: which interfaces answer at all.
    pub(crate) fn sandbox(&self) -> pressroom_sandbox::Capabilities {
        pressroom_sandbox::Capabilities {
            archive: self.archive,
            staging: self.staging.is_some(),
            state: self.state,
            signing: !self.signing.is_empty(),
            http: self.grants_http(),
        }
    }

    /// Whether there is a URL that may be asked.
    pub(crate) fn grants_http(&self) -> bool {
        self.http.as_ref().is_some_and(|patterns| !patterns.is_empty())
    }

    /// Which URLs may be asked; the error is the pattern that is none, and why.
    pub(super) fn url_patterns(&self) -> Result<UrlPatterns, (String, String)> {
        UrlPatterns::parse(self.http.as_deref().unwrap_or_default())
    }

    /// Which networks may be asked besides the public internet; the error is the one that is none, and why.
    pub(super) fn networks(&self) -> Result<Networks, (String, String)> {
        Networks::parse(&self.http_private)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn grant(text: &str) -> Result<Grant, GrantError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("10-x.toml");
        pressroom_archive::disk::write_staged(&path, text.as_bytes()).unwrap();
        Grant::read(&path)
    }

    #[test]
    fn a_grant_comes_back_as_it_was_written() {
        let mut grant = grant(&format!(
            "sha256 = \"{DIGEST}\"\npoints = [\"finalize\"]\non-failure = \"warn\"\n[capabilities]\narchive = true\nstaging = []\n\
             [limits]\nwall-seconds = 5\n[config]\ngreeting = \"hello\"\n"
        ))
        .unwrap();
        assert_eq!(grant.on_failure, OnFailure::Warn);
        assert_eq!(grant.capabilities.staging, Some(Vec::new()));
        grant.capabilities.add("signing=dists/*/x").unwrap();
        let again: Grant = toml::from_str(&toml::to_string(&grant).unwrap()).unwrap();
        assert_eq!(again, grant);
        assert_eq!(grant.limits.sandbox(&Config::default()).wall, Duration::from_secs(5));
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_name() {
        for (more, word) in [
            ("[capabilities]\nnetwork = true\n", "network"),
            ("[capabilities]\nstaging = [\"../x\"]\n", ".."),
            ("[capabilities]\nhttp = [\"https://example.org\"]\n", "no path"),
            ("[capabilities]\nhttp-private = [\"localhost\"]\n", "localhost"),
            ("[config]\nsecrets = 1\n[secrets]\nkey = \"/key\"\n", "[secrets]"),
            ("[limits]\nwall-second = 5\n", "wall-second"),
            ("surprise = 1\n", "surprise"),
            ("on-failure = \"ignore\"\n", "ignore"),
            ("disabled = \"yes\"\n", "disabled"),
            ("[config.when]\nsince = [2025-03-01]\n", "when.since[0]"),
            ("[config]\nshare = nan\n", "share"),
            ("[requested]\nnetwork = true\n", "network"),
        ] {
            let error = grant(&format!("sha256 = \"{DIGEST}\"\npoints = [\"finalize\"]\n{more}"))
                .unwrap_err()
                .to_string();
            assert!(error.contains(word), "{error}");
        }
        assert!(grant("sha256 = \"beef\"\npoints = []\n").is_err());
        assert!(grant(&format!("sha256 = \"{DIGEST}\"\npoints = [\"later\"]\n")).is_err());
        assert!(Capabilities::default().add("network").is_err());
    }

    #[test]
    fn a_wish_for_http_is_granted_only_with_its_urls_and_networks_only_by_the_operator() {
        let mut granted = Capabilities::default();
        let wish = Capabilities { http: Some(Vec::new()), ..Capabilities::default() };
        assert_eq!(wish.names(), ["http".to_owned()].into());
        granted.extend(&wish);
        assert!(granted.names().is_empty() && !granted.sandbox().http);
        granted.add("http=https://hooks.example.org/*").unwrap();
        granted.add("http-private=10.0.0.0/8").unwrap();
        assert!(granted.sandbox().http);
        assert_eq!(granted.common_with(&granted.clone()), granted);
        let names = ["http-private=10.0.0.0/8", "http=https://hooks.example.org/*"];
        assert_eq!(granted.names(), names.map(str::to_owned).into());
        for name in
            ["http", "http=", "http=*", "http=hooks.example.org/*", "http-private=", "http-private=lan"]
        {
            assert!(granted.add(name).is_err(), "{name}");
        }

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hook.toml");
        let manifest =
            "name = \"x\"\npoints = [\"finalize\"]\n[capabilities]\nhttp-private = [\"10.0.0.0/8\"]\n";
        pressroom_archive::disk::write_staged(&path, manifest.as_bytes()).unwrap();
        assert!(matches!(Manifest::read(&path), Err(GrantError::Private { .. })));
    }

    #[test]
    fn a_star_stays_within_a_part_of_a_path() {
        let set = patterns(&["project/trace/*".into(), "dists/**/cnf/*".into()]).unwrap();
        for (path, matches) in [
            ("project/trace/host", true),
            ("project/trace/a/b", false),
            ("project/trace", false),
            ("dists/s/main/cnf/Commands-amd64.xz", true),
        ] {
            assert_eq!(set.is_match(path), matches, "{path}");
        }
    }
}
