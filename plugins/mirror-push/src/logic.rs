//! Which mirrors are told what, in which order, and what comes of it, apart from who tells them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use pressroom_plugin::{FinalizeContext, HookError, HttpError, HttpRequest, HttpResponse, Priority, Report};
use serde::Deserialize;
use serde_json::json;

/// What the keys of the state begin with.
const KEY: &str = "told ";
/// The longest name of a mirror: a key of the state has at most 256 bytes.
const MOST_NAME_BYTES: usize = 200;

/// What the operator wishes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// In any order.
    pub mirrors: Vec<Mirror>,
    /// What the host read from the files of the grant's `[secrets]`.
    pub secrets: BTreeMap<String, String>,
}

/// One mirror.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Mirror {
    /// Its own, under which it is remembered.
    pub name: String,
    /// Where it is told.
    pub url: String,
    /// 0 is told first, as a pass with priority 0 comes first.
    #[serde(default = "middle")]
    pub priority: u32,
    /// After which passes.
    #[serde(default)]
    pub passes: Passes,
    /// How.
    #[serde(default = "post")]
    pub method: String,
    /// What is sent.
    #[serde(default)]
    pub body: Body,
    /// Which of the secrets is its token.
    #[serde(default)]
    pub token: Option<String>,
}

/// After which passes a mirror is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Passes {
    /// After each.
    #[default]
    All,
    /// After security passes only.
    High,
    /// After the others only.
    Low,
}

/// What a mirror is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// What was published, as JSON.
    #[default]
    Json,
    /// Nothing: the request itself is the news.
    None,
}

fn middle() -> u32 {
    50
}

fn post() -> String {
    "POST".to_owned()
}

impl Mirror {
    /// Where it is remembered what this mirror was told last.
    pub fn state_key(&self) -> String {
        format!("{KEY}{}", self.name)
    }
}

impl Config {
    /// The mirrors that are told after a pass of this priority: the most urgent first, and those of one priority by name.
    ///
    /// # Errors
    /// When a name is none or there twice.
    pub fn in_order(&self, priority: Priority) -> Result<Vec<&Mirror>, HookError> {
        let mut names = BTreeSet::new();
        for mirror in &self.mirrors {
            if mirror.name.is_empty() || mirror.name.len() > MOST_NAME_BYTES {
                return Err(HookError::failed(format!(
                    "{:?} cannot be a mirror's name: it has 1 to {MOST_NAME_BYTES} bytes",
                    mirror.name
                )));
            }
            if !names.insert(&mirror.name) {
                return Err(HookError::failed(format!(
                    "there are two mirrors of the name {:?}",
                    mirror.name
                )));
            }
        }
        let mut mirrors: Vec<&Mirror> = self
            .mirrors
            .iter()
            .filter(|mirror| match mirror.passes {
                Passes::All => true,
                Passes::High => priority == Priority::High,
                Passes::Low => priority != Priority::High,
            })
            .collect();
        mirrors.sort_by_key(|mirror| (mirror.priority, &mirror.name));
        Ok(mirrors)
    }
}

/// The keys of mirrors that there are no more, given all keys of the state.
pub fn outdated(keys: &[String], config: &Config) -> Vec<String> {
    let wanted: BTreeSet<String> = config.mirrors.iter().map(Mirror::state_key).collect();
    keys.iter().filter(|key| key.starts_with(KEY) && !wanted.contains(*key)).cloned().collect()
}

/// The first and the last number of the journals of archives, by archive.
pub type Journals = BTreeMap<String, (u64, u64)>;

/// What a mirror is asked.
///
/// # Errors
/// When its token is none of the secrets.
pub fn request(
    mirror: &Mirror,
    config: &Config,
    context: &FinalizeContext,
    journals: &Journals,
) -> Result<HttpRequest, HookError> {
    let mut request = HttpRequest::new(mirror.method.clone(), mirror.url.clone());
    match mirror.body {
        Body::Json => {
            let suites: Vec<&str> = context.suites.iter().map(|suite| suite.name.as_str()).collect();
            let mut news = json!({
                "distribution": context.distribution, "archives": context.archives, "suites": suites,
                "priority": context.priority.to_string(), "run": context.run, "pass": context.pass,
                "site": context.site_name, "timestamp": context.started,
            });
            if !journals.is_empty() {
                let numbers = |(archive, (first, last)): (&String, &(u64, u64))| {
                    (archive.clone(), json!({ "first": first, "last": last }))
                };
                news["journal"] = journals.iter().map(numbers).collect::<serde_json::Map<_, _>>().into();
            }
            request.body = news.to_string().into_bytes();
            request = request.header("Content-Type", "application/json");
        }
        Body::None => {}
    }
    if let Some(name) = &mirror.token {
        let token = config.secrets.get(name).ok_or_else(|| {
            HookError::failed(format!(
                "the token {name:?} of the mirror {} is none of the grant's [secrets]",
                mirror.name
            ))
        })?;
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    Ok(request)
}

/// What is remembered of a mirror that was told: the same for the same pass and the same place.
pub fn mark(request: &HttpRequest, context: &FinalizeContext) -> String {
    format!(
        "run {} pass {} priority {} {} {}",
        context.run,
        context.pass,
        context.priority.number(),
        request.method,
        request.url
    )
}

/// Why a mirror was not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    reason: String,
    is_temporary: bool,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.reason)
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        Self { reason: error.to_string(), is_temporary: error.is_temporary() }
    }
}

/// What a mirror's answer means.
///
/// # Errors
/// When it is no success.
pub fn judge(response: &HttpResponse) -> Result<(), Failure> {
    if response.is_success() {
        return Ok(());
    }
    Err(Failure { reason: format!("it answers {}", response.status), is_temporary: response.is_temporary() })
}

/// How it went.
#[derive(Debug, Default)]
pub struct Told {
    /// Mirrors that knew.
    pub before: usize,
    /// Mirrors that were told.
    pub now: usize,
    would: Vec<String>,
    not: Vec<(String, Failure)>,
}

impl Told {
    /// In a dry run this one would be told.
    pub fn would(&mut self, mirror: &Mirror) {
        self.would.push(mirror.name.clone());
    }

    /// This one was not told.
    pub fn not(&mut self, mirror: &Mirror, failure: Failure) {
        self.not.push((mirror.name.clone(), failure));
    }

    /// What the hook answers.
    ///
    /// # Errors
    /// When a mirror was not told. That is temporary when some were, or when another try may do better: the host keeps the state then, and a
    /// replay tells those that were not.
    pub fn report(self) -> Result<Report, HookError> {
        if !self.would.is_empty() {
            return Ok(Report::done(format!("{} mirrors would be told", self.would.len()))
                .with_details(lines(self.would.iter())));
        }
        if !self.not.is_empty() {
            let all = self.before + self.now + self.not.len();
            let names: Vec<String> =
                self.not.iter().map(|(name, failure)| format!("{name} ({failure})")).collect();
            let reason = format!("{} of {all} mirrors were not told: {}", self.not.len(), names.join("; "));
            let is_temporary =
                self.before + self.now > 0 || self.not.iter().any(|(_, failure)| failure.is_temporary);
            return Err(if is_temporary { HookError::Temporary(reason) } else { HookError::Failed(reason) });
        }
        Ok(match (self.now, self.before) {
            (0, 0) => Report::skipped("there is no mirror to tell after this pass"),
            (0, before) => Report::skipped(format!("{before} mirrors had been told before")),
            (now, 0) => Report::done(format!("{now} mirrors told")),
            (now, before) => Report::done(format!("{now} mirrors told, {before} had been told before")),
        })
    }
}

fn lines<'name>(names: impl Iterator<Item = &'name String>) -> String {
    names.map(|name| format!("{name}\n")).collect()
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        Finalize, Outcome,
        testing::{FakeHost, finalize_context},
    };

    use super::*;
    use crate::MirrorPush;

    const CONFIG: &str = r#"{"mirrors": [
        {"name": "late", "url": "https://late.example.net/push", "priority": 90},
        {"name": "b", "url": "https://b.example.net/push"},
        {"name": "first", "url": "https://first.example.net/push", "priority": 0, "token": "first"},
        {"name": "a", "url": "http://a.example.net:8080/push", "method": "GET", "body": "none"},
        {"name": "secure", "url": "https://secure.example.net/push", "priority": 1, "passes": "high"}
    ], "secrets": {"first": "t0ken"}}"#;
    const ALL: [&str; 5] = [
        "https://first.example.net/push",
        "https://secure.example.net/push",
        "http://a.example.net:8080/push",
        "https://b.example.net/push",
        "https://late.example.net/push",
    ];

    fn host() -> FakeHost {
        let mut host = FakeHost { config: CONFIG.into(), ..FakeHost::default() };
        for url in ALL {
            host.answer(url, Ok(HttpResponse::with_status(202)));
        }
        host
    }

    fn asked(host: &mut FakeHost) -> Vec<String> {
        std::mem::take(&mut host.requests).into_iter().map(|request| request.url).collect()
    }

    fn run(host: &mut FakeHost) -> Result<Report, HookError> {
        MirrorPush::run(&finalize_context(), host)
    }

    #[test]
    fn the_most_urgent_are_told_first() {
        let mut host = host();
        let high = FinalizeContext { priority: Priority::High, ..finalize_context() };
        assert_eq!(MirrorPush::run(&high, &mut host).unwrap().summary, "5 mirrors told");
        assert_eq!(asked(&mut host), ALL);
        assert_eq!(run(&mut host).unwrap().summary, "4 mirrors told");
        assert_eq!(asked(&mut host), [ALL[0], ALL[2], ALL[3], ALL[4]]);
    }

    #[test]
    fn what_is_sent() {
        let mut host = host();
        run(&mut host).unwrap();
        let first = &host.requests[0];
        assert!(first.headers.contains(&("Authorization".into(), "Bearer t0ken".into())));
        let news: serde_json::Value = serde_json::from_slice(&first.body).unwrap();
        assert_eq!((&news["priority"], &news["suites"]), (&json!("low"), &json!(["bookworm"])));
        let bare = &host.requests[1];
        assert_eq!((bare.method.as_str(), bare.body.len(), bare.headers.len()), ("GET", 0, 0));
    }

    #[test]
    fn one_that_fails_does_not_stop_the_others_and_alone_is_told_again() {
        let mut host = host();
        host.answers
            .insert(ALL[2].into(), vec![Err(HttpError::TimedOut), Ok(HttpResponse::with_status(200))]);
        host.answers.insert(ALL[3].into(), vec![Ok(HttpResponse::with_status(403))]);
        let error = run(&mut host).unwrap_err();
        let HookError::Temporary(reason) = &error else { panic!("{error}") };
        assert_eq!(reason, "2 of 4 mirrors were not told: a (no answer in time); b (it answers 403)");
        assert_eq!(asked(&mut host).len(), 4);
        // the replay
        let error = run(&mut host).unwrap_err();
        assert_eq!(asked(&mut host), [ALL[2], ALL[3]]);
        assert!(matches!(&error, HookError::Temporary(reason) if reason.starts_with("1 of 4")), "{error}");
        host.answers.insert(ALL[3].into(), vec![Ok(HttpResponse::with_status(200))]);
        assert_eq!(run(&mut host).unwrap().summary, "1 mirrors told, 3 had been told before");
        assert_eq!(asked(&mut host), [ALL[3]]);
        assert_eq!(run(&mut host).unwrap().outcome, Outcome::Skipped);
        assert!(host.requests.is_empty());
        // the next pass is news for all
        MirrorPush::run(&FinalizeContext { run: 8, ..finalize_context() }, &mut host).unwrap();
        assert_eq!(asked(&mut host).len(), 4);
    }

    #[test]
    fn when_nobody_could_be_told_it_matters_why() {
        for (failure, is_temporary) in [
            (Err(HttpError::Denied), false),
            (Err(HttpError::TimedOut), true),
            (Ok(HttpResponse::with_status(500)), true),
        ] {
            let mut host = host();
            for url in ALL {
                host.answers.insert(url.into(), vec![failure.clone()]);
            }
            let error = run(&mut host).unwrap_err();
            assert_eq!(matches!(error, HookError::Temporary(_)), is_temporary, "{error}");
            assert!(host.state.is_empty());
        }
    }

    #[test]
    fn a_mirror_that_is_gone_is_forgotten_and_a_moved_one_is_told() {
        let mut host = host();
        host.state.insert("told old".into(), b"x".to_vec());
        host.state.insert("other".into(), b"x".to_vec());
        run(&mut host).unwrap();
        assert!(!host.state.contains_key("told old") && host.state.contains_key("other"));
        asked(&mut host);
        host.config = CONFIG.replace("https://late.", "https://moved.");
        host.answer("https://moved.example.net/push", Ok(HttpResponse::with_status(200)));
        run(&mut host).unwrap();
        assert_eq!(asked(&mut host), ["https://moved.example.net/push"]);
    }

    #[test]
    fn a_dry_run_tells_nobody_and_remembers_nothing() {
        let mut host = host();
        let report =
            MirrorPush::run(&FinalizeContext { dry_run: true, ..finalize_context() }, &mut host).unwrap();
        assert_eq!(report.summary, "4 mirrors would be told");
        assert_eq!(report.details, "first\na\nb\nlate\n");
        assert!(host.requests.is_empty() && host.state.is_empty());
    }

    #[test]
    fn a_configuration_that_is_wrong_tells_nobody() {
        for (config, word) in [
            (CONFIG.replace("\"late\"", "\"b\""), "two mirrors"),
            (CONFIG.replace("\"late\"", "\"\""), "name"),
            (CONFIG.replace("\"secrets\": {\"first\"", "\"secrets\": {\"second\""), "[secrets]"),
            (CONFIG.replace("\"high\"", "\"urgent\""), "urgent"),
            (CONFIG.replace("\"passes\"", "\"pass\""), "pass"),
        ] {
            let mut host = FakeHost { config, ..host() };
            let error = run(&mut host).unwrap_err();
            assert!(matches!(&error, HookError::Failed(reason) if reason.contains(word)), "{error}");
            assert!(host.requests.is_empty());
        }
    }

    #[test]
    fn without_mirrors_there_is_nothing_to_do() {
        let mut host = FakeHost::default();
        assert_eq!(run(&mut host).unwrap().outcome, Outcome::Skipped);
    }
}
