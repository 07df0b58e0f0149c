//! What is sent and what the answer means, apart from who sends it.

use std::collections::BTreeMap;

use hmac::{Hmac, Mac};
use pressroom_plugin::{
    Action, Change, FinalizeContext, HookError, HttpError, HttpResponse, PassContext, Priority, Report, Suite,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// A key that is shorter could be found by trying.
const LEAST_KEY_BYTES: usize = 16;
/// The name of the key among the grant's secrets.
const KEY: &str = "key";

/// What the operator may wish.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Where the news goes.
    pub url: String,
    /// Also after a normal pass.
    pub at_low_priority: bool,
    /// Send it without a signature.
    pub unsigned: bool,
    /// So many changes are sent at the most.
    pub most_changes: usize,
    /// What is sent: any JSON, in whose strings `{name}` stands for a value of the event. Without it, all of them.
    pub payload: Option<Value>,
    /// What the host read from the files of the grant's `[secrets]`.
    pub secrets: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: String::new(),
            at_low_priority: true,
            unsigned: false,
            most_changes: 500,
            payload: None,
            secrets: BTreeMap::new(),
        }
    }
}

impl Config {
    /// The key to sign with; nothing if the operator wants no signature.
    ///
    /// # Errors
    /// When there is none and one is wanted, or it is too short.
    pub fn key(&self) -> Result<Option<&str>, HookError> {
        match self.secrets.get(KEY) {
            Some(_) if self.unsigned => Err(HookError::failed(
                "there is a key and `unsigned`: take one of them out of the grant, so that it is clear what is meant",
            )),
            Some(key) if key.len() < LEAST_KEY_BYTES => {
                Err(HookError::failed(format!("the key has less than {LEAST_KEY_BYTES} bytes")))
            }
            Some(key) => Ok(Some(key)),
            None if self.unsigned => Ok(None),
            None => Err(HookError::failed(
                "there is no key to sign with: name its file in the grant, as [secrets] key = \"secrets/webhook\", \
                 or set `unsigned = true`",
            )),
        }
    }
}

/// What happened, at whichever point it is told.
#[derive(Debug)]
pub struct Event {
    /// The name of the point.
    pub point: &'static str,
    /// The number of the run.
    pub run: u64,
    /// The number of the pass.
    pub pass: u64,
    /// How urgent it was.
    pub priority: Priority,
    /// The distribution.
    pub distribution: String,
    /// The archives that were published.
    pub archives: Vec<String>,
    /// The suites that were published, by name.
    pub suites: Vec<String>,
    /// The clock of the run.
    pub started: u64,
    /// The name of the publishing host.
    pub site_name: String,
    /// Nothing was installed.
    pub dry_run: bool,
}

impl Event {
    /// The publication of one archive.
    pub fn of_pass(context: &PassContext) -> Self {
        Self {
            point: "post-publication",
            run: context.run,
            pass: context.pass,
            priority: context.priority,
            distribution: context.distribution.clone(),
            archives: vec![context.archive.clone()],
            suites: names(&context.suites),
            started: context.started,
            site_name: context.site_name.clone(),
            dry_run: context.dry_run,
        }
    }

    /// The end of a pass for the whole distribution.
    pub fn of_finalize(context: &FinalizeContext) -> Self {
        Self {
            point: "finalize",
            run: context.run,
            pass: context.pass,
            priority: context.priority,
            distribution: context.distribution.clone(),
            archives: context.archives.clone(),
            suites: names(&context.suites),
            started: context.started,
            site_name: context.site_name.clone(),
            dry_run: context.dry_run,
        }
    }
}

fn names(suites: &[Suite]) -> Vec<String> {
    suites.iter().map(|suite| suite.name.clone()).collect()
}

/// The changes of the event, counted, and the first of them.
#[derive(Debug)]
pub struct News<'event> {
    event: &'event Event,
    most_changes: usize,
    counts: BTreeMap<&'static str, u64>,
    changes: Vec<Value>,
    left_out: u64,
}

impl<'event> News<'event> {
    /// None yet.
    pub fn new(event: &'event Event, most_changes: usize) -> Self {
        let counts = [("published", 0), ("superseded", 0), ("deleted", 0)].into();
        Self { event, most_changes, counts, changes: Vec::new(), left_out: 0 }
    }

    /// Takes note of a change.
    pub fn add(&mut self, change: Change) {
        if !self.event.archives.contains(&change.archive) {
            return;
        }
        let action = match change.action {
            Action::Published => "published",
            Action::Superseded => "superseded",
            Action::Deleted => "deleted",
        };
        *self.counts.entry(action).or_default() += 1;
        if self.changes.len() >= self.most_changes {
            self.left_out += 1;
            return;
        }
        let Change { name, version, architecture, archive, suite, component, source, .. } = change;
        self.changes.push(json!({
            "action": action, "archive": archive, "suite": suite, "component": component, "name": name,
            "version": version, "architecture": architecture, "source": source,
        }));
    }
}

/// The values of an event, by the names that a payload knows.
fn values(event: &Event, news: &News<'_>, delivery: &str) -> Map<String, Value> {
    let mut values = Map::new();
    let mut set = |name: &str, value: Value| drop(values.insert(name.to_owned(), value));
    set("event", json!(event.point));
    set("delivery", json!(delivery));
    set("distribution", json!(event.distribution));
    set("archives", json!(event.archives));
    set("suites", json!(event.suites));
    set("priority", json!(event.priority.to_string()));
    set("run", json!(event.run));
    set("pass", json!(event.pass));
    set("site", json!(event.site_name));
    set("timestamp", json!(event.started));
    for (action, count) in &news.counts {
        set(action, json!(count));
    }
    set("changes", json!(news.changes));
    set("changes-left-out", json!(news.left_out));
    values
}

/// The body of the request.
///
/// # Errors
/// When the operator's payload names a value that there is not.
pub fn body(config: &Config, event: &Event, news: &News<'_>) -> Result<Vec<u8>, HookError> {
    let values = values(event, news, &delivery(event, &config.url));
    let payload = match &config.payload {
        Some(template) => filled(template, &values)?,
        None => Value::Object(values),
    };
    serde_json::to_vec(&payload)
        .map_err(|error| HookError::failed(format!("cannot write the payload: {error}")))
}

/// A template with its values. A string that is nothing but one name becomes the value itself, a list or a number; in a longer one the value
/// is written as text, a list with commas.
fn filled(template: &Value, values: &Map<String, Value>) -> Result<Value, HookError> {
    Ok(match template {
        Value::String(text) => filled_text(text, values)?,
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| filled(item, values)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| Ok((name.clone(), filled(member, values)?)))
                .collect::<Result<_, HookError>>()?,
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) => template.clone(),
    })
}

fn filled_text(text: &str, values: &Map<String, Value>) -> Result<Value, HookError> {
    let value = |name: &str| {
        values.get(name).ok_or_else(|| {
            let known: Vec<&str> = values.keys().map(String::as_str).collect();
            HookError::failed(format!(
                "the payload has {{{name}}}, which is none of {}; a brace is written twice",
                known.join(", ")
            ))
        })
    };
    let whole = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = whole.filter(|name| !name.contains(['{', '}'])) {
        return value(name).cloned();
    }
    let mut written = String::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        written.push_str(&rest[..brace]);
        let (this, after) = rest[brace..].split_at(1);
        if let Some(after) = after.strip_prefix(this) {
            written.push_str(this);
            rest = after;
        } else if let Some((name, after)) = after.split_once('}').filter(|_| this == "{") {
            written.push_str(&as_text(value(name)?));
            rest = after;
        } else {
            return Err(HookError::failed(format!(
                "the payload has a brace that is not closed or opened: {text}"
            )));
        }
    }
    written.push_str(rest);
    Ok(Value::String(written))
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(as_text).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

/// What the server may know a delivery again by: the same for the same event and URL, however often it is sent.
pub fn delivery(event: &Event, url: &str) -> String {
    let mut digest = Sha256::new();
    for part in [
        event.site_name.as_str(),
        event.distribution.as_str(),
        event.point,
        &event.run.to_string(),
        &event.pass.to_string(),
        &event.archives.join(" "),
        url,
    ] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex(&digest.finalize()[..16])
}

/// `sha256=` and the HMAC of `DELIVERY.TIMESTAMP.BODY`: who has the key can tell that all three are ours.
///
/// # Errors
/// When the key is none, which no text is.
pub fn signature(key: &str, delivery: &str, timestamp: u64, body: &[u8]) -> Result<String, HookError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes())
        .map_err(|error| HookError::failed(format!("the key cannot be used: {error}")))?;
    mac.update(format!("{delivery}.{timestamp}.").as_bytes());
    mac.update(body);
    Ok(format!("sha256={}", hex(&mac.finalize().into_bytes())))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A URL as it may be shown: some servers' URLs have a token in their query.
pub fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

/// Why there is no answer, with the server that was asked: temporary if there may be one later.
pub fn unanswered(error: &HttpError, url: &str) -> HookError {
    let reason = format!("{} was not told: {error}", shown(url));
    if error.is_temporary() { HookError::Temporary(reason) } else { HookError::Failed(reason) }
}

/// What the answer means.
///
/// # Errors
/// When the server has not taken it: temporary if it may take it later.
pub fn judge(response: &HttpResponse, url: &str, delivery: &str) -> Result<Report, HookError> {
    let status = response.status;
    let url = shown(url);
    if response.is_success() {
        return Ok(
            Report::done(format!("told {url} ({status})")).with_details(format!("delivery {delivery}\n"))
        );
    }
    // in one line, as the reason is
    let said = response.text().split_whitespace().collect::<Vec<_>>().join(" ");
    let said: String = said.chars().take(200).collect();
    let reason = match response.header("location").filter(|_| (300..400).contains(&status)) {
        Some(_) => format!("{url} answers {status}: it has moved, and no redirect is followed"),
        None if said.is_empty() => format!("{url} answers {status}"),
        None => format!("{url} answers {status}: {said}"),
    };
    Err(if response.is_temporary() { HookError::Temporary(reason) } else { HookError::Failed(reason) })
}

#[cfg(test)]
mod tests {
    use pressroom_plugin::{
        Finalize, Outcome, PackageKind, PostPublication,
        testing::{FakeHost, finalize_context, pass_context},
    };

    use super::*;
    use crate::Webhook;

    const URL: &str = "https://hooks.example.org/pressroom?token=t0ken";
    const KEY: &str = "correct horse battery staple";

    fn config(more: &str) -> String {
        format!(r#"{{"url": "{URL}", "secrets": {{"key": "{KEY}"}}{more}}}"#)
    }

    fn change(name: &str) -> Change {
        Change {
            action: Action::Published,
            kind: PackageKind::Binary,
            name: name.into(),
            version: "1.0".into(),
            architecture: "amd64".into(),
            archive: "debian".into(),
            suite: "bookworm".into(),
            component: "main".into(),
            section: "utils".into(),
            priority: "optional".into(),
            source: name.into(),
        }
    }

    fn host(status: u16, more: &str) -> FakeHost {
        let mut host = FakeHost {
            config: config(more),
            changes: vec![change("bash"), change("zlib")],
            ..FakeHost::default()
        };
        host.answer(URL, Ok(HttpResponse::with_status(status)));
        host
    }

    fn header<'request>(host: &'request FakeHost, name: &str) -> &'request str {
        let headers = &host.requests[0].headers;
        headers.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    #[test]
    fn a_delivery_is_signed_over_its_name_time_and_body() {
        let mut host = host(204, "");
        let report = Webhook::run_finalize(&mut host).unwrap();
        assert_eq!(report.summary, "told https://hooks.example.org/pressroom (204)");
        let request = &host.requests[0];
        assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", URL));
        let delivery = header(&host, "X-Pressroom-Delivery");
        let timestamp = header(&host, "X-Pressroom-Timestamp");
        assert_eq!(timestamp, "1709210096");
        let expected = signature(KEY, delivery, 1_709_210_096, &request.body).unwrap();
        assert_eq!(header(&host, "X-Pressroom-Signature"), expected);
        assert_eq!(header(&host, "X-Pressroom-Event"), "finalize");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["published"], 2);
        assert_eq!(body["changes"][1]["name"], "zlib");
        assert_eq!(body["suites"], json!(["bookworm"]));
        assert_eq!(body["delivery"], delivery);
        assert!(body.get("secrets").is_none() && !String::from_utf8_lossy(&request.body).contains(KEY));
    }

    trait Shorter {
        fn run_finalize(host: &mut FakeHost) -> Result<Report, HookError>;
    }

    impl Shorter for Webhook {
        fn run_finalize(host: &mut FakeHost) -> Result<Report, HookError> {
            <Self as Finalize>::run(&finalize_context(), host)
        }
    }

    #[test]
    fn the_signature_is_hmac_sha256() {
        // RFC 4231, test case 2, whose data has two dots by our form
        let mac = |data: &[u8]| {
            let mut mac = Hmac::<Sha256>::new_from_slice(b"Jefe").unwrap();
            mac.update(data);
            hex(&mac.finalize().into_bytes())
        };
        assert_eq!(
            mac(b"what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        assert_eq!(signature("Jefe", "a", 7, b"body").unwrap(), format!("sha256={}", mac(b"a.7.body")));
    }

    #[test]
    fn the_same_event_has_the_same_name_and_another_has_another() {
        let event = |run| Event { run, ..Event::of_finalize(&finalize_context()) };
        assert_eq!(delivery(&event(7), URL), delivery(&event(7), URL));
        assert_ne!(delivery(&event(7), URL), delivery(&event(8), URL));
        assert_ne!(delivery(&event(7), URL), delivery(&event(7), "https://other.example.org/"));
        assert_ne!(delivery(&Event::of_pass(&pass_context()), URL), delivery(&event(7), URL));
    }

    #[test]
    fn a_payload_of_the_operators_own() {
        let template = r#", "payload": {"text": "{distribution}: {published} new in {suites} {{!}}", "n": "{run}",
            "list": ["{suites}", true], "changes": "{changes}"}, "most-changes": 1"#;
        let mut host = host(200, template);
        Webhook::run_finalize(&mut host).unwrap();
        let body: Value = serde_json::from_slice(&host.requests[0].body).unwrap();
        assert_eq!(body["text"], "debian: 2 new in bookworm {!}");
        assert_eq!(body["n"], 7);
        assert_eq!(body["list"], json!([["bookworm"], true]));
        assert_eq!(body["changes"].as_array().unwrap().len(), 1);
        for (payload, word) in [
            (r#""{changed}""#, "changed"),
            (r#""{open""#, "brace"),
            (r#""closed}""#, "brace"),
            (r#""{}""#, "{}"),
        ] {
            host.config = config(&format!(r#", "payload": {payload}"#));
            let error = Webhook::run_finalize(&mut host).unwrap_err();
            assert!(matches!(&error, HookError::Failed(reason) if reason.contains(word)), "{error}");
        }
        assert_eq!(host.requests.len(), 1);
    }

    #[test]
    fn answers_mean_what_they_say() {
        for (status, temporary) in [
            (301, false),
            (400, false),
            (404, false),
            (410, false),
            (408, true),
            (429, true),
            (500, true),
            (503, true),
        ] {
            let error = Webhook::run_finalize(&mut host(status, "")).unwrap_err();
            assert_eq!(matches!(error, HookError::Temporary(_)), temporary, "{status}: {error}");
            assert!(error.to_string().contains(&status.to_string()), "{error}");
            assert!(!error.to_string().contains("t0ken"), "{error}");
        }
        for (failure, temporary) in [
            (HttpError::TimedOut, true),
            (HttpError::Unreachable("refused".into()), true),
            (HttpError::Denied, false),
            (HttpError::AddressDenied, false),
            (HttpError::Insecure, false),
        ] {
            let mut host = FakeHost { config: config(""), ..FakeHost::default() };
            host.answer(URL, Err(failure.clone()));
            let error = Webhook::run_finalize(&mut host).unwrap_err();
            assert_eq!(matches!(error, HookError::Temporary(_)), temporary, "{failure}");
            let told = format!("https://hooks.example.org/pressroom was not told: {failure}");
            assert!(error.to_string().ends_with(&told), "{error}");
        }
    }

    #[test]
    fn what_a_server_says_is_told_in_one_line() {
        for (body, said) in [("", ""), (" \n", ""), ("no:\r\n  ask\tus\n", ": no: ask us")] {
            let mut host = FakeHost { config: config(""), ..FakeHost::default() };
            host.answer(URL, Ok(HttpResponse { body: body.into(), ..HttpResponse::with_status(403) }));
            let error = Webhook::run_finalize(&mut host).unwrap_err();
            assert_eq!(error.to_string(), format!("https://hooks.example.org/pressroom answers 403{said}"));
        }
    }

    #[test]
    fn without_a_key_nothing_is_sent_unless_that_is_wished() {
        let without = |more: &str| format!(r#"{{"url": "{URL}"{more}}}"#);
        let mut host = host(200, "");
        for config in [
            without(""),
            without(r#", "secrets": {"key": "short"}"#),
            without(r#", "secrets": {"other": "correct horse battery staple"}"#),
            config(r#", "unsigned": true"#),
        ] {
            host.config = config;
            assert!(matches!(Webhook::run_finalize(&mut host), Err(HookError::Failed(_))), "{}", host.config);
        }
        assert!(host.requests.is_empty());
        host.config = without(r#", "unsigned": true"#);
        Webhook::run_finalize(&mut host).unwrap();
        assert_eq!(header(&host, "X-Pressroom-Signature"), "");
    }

    #[test]
    fn a_dry_run_and_what_nobody_waits_for_send_nothing() {
        let mut host = host(200, "");
        let report =
            <Webhook as Finalize>::run(&FinalizeContext { dry_run: true, ..finalize_context() }, &mut host)
                .unwrap();
        assert!(report.summary.contains("would be sent") && !report.summary.contains("t0ken"));
        host.config = config(r#", "at-low-priority": false"#);
        assert_eq!(Webhook::run_finalize(&mut host).unwrap().outcome, Outcome::Skipped);
        host.config = "{}".into();
        assert_eq!(Webhook::run_finalize(&mut host).unwrap().outcome, Outcome::Skipped);
        assert!(host.requests.is_empty());
    }

    #[test]
    fn after_a_publication_only_that_archive_is_told() {
        let mut host = host(200, "");
        host.changes.push(Change { archive: "debian/partner".into(), ..change("other") });
        <Webhook as PostPublication>::run(&pass_context(), &mut host).unwrap();
        let body: Value = serde_json::from_slice(&host.requests[0].body).unwrap();
        assert_eq!((&body["event"], &body["published"]), (&json!("post-publication"), &json!(2)));
    }

    #[test]
    fn what_is_not_granted_fails_the_hook() {
        for denied in ["archive", "http"] {
            let mut host = host(200, "");
            host.denied.insert(denied.into());
            let error = Webhook::run_finalize(&mut host).unwrap_err();
            assert!(matches!(&error, HookError::Failed(reason) if reason.contains(denied)), "{error}");
        }
    }
}
