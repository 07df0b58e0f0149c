//! A hook that asks servers as its configuration says, for the tests of whoever must bear it.
//!
//! `{"behave": "ask", "url": "http://…"}` asks once and reports status, length and the first header of the answer. What is refused ends as the SDK
//! makes a hook's error of it; with `"insist": true` the hook goes on, and reports the refusals in its details.

use pressroom_plugin::{
    Finalize, FinalizeContext, HookError, Host, HostExt, HttpError, HttpRequest, HttpResponse, Report,
};
use serde::Deserialize;

/// The hook.
pub struct BadHttp;

pressroom_plugin::hooks!(BadHttp: finalize);

/// What the operator wishes for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Config {
    behave: Behaviour,
    url: String,
    #[serde(default)]
    insist: bool,
    /// How often, or how much; without it, a thousand.
    amount: Option<usize>,
}

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Behaviour {
    /// Asks once.
    Ask,
    /// Asks, and goes where redirects lead, `amount` times.
    Follow,
    /// Asks `amount` times.
    Storm,
    /// Sends `amount` bytes.
    Send,
    /// Sends `amount` headers.
    HeaderFlood,
    /// Sends headers that are the host's to say, one after the other.
    Framing,
    /// Uses methods that make something else of a connection.
    Methods,
    /// Uses texts that are no URL, or one of something else.
    OddUrls,
}

impl Finalize for BadHttp {
    fn run(_: &FinalizeContext, host: &mut dyn Host) -> Result<Report, HookError> {
        let config: Config = host.config()?;
        let amount = config.amount.unwrap_or(1000);
        let get = || HttpRequest::get(config.url.clone());
        let requests: Vec<HttpRequest> = match config.behave {
            Behaviour::Ask => vec![get()],
            Behaviour::Follow => return follow(&config.url, amount, host),
            Behaviour::Storm => vec![get(); amount],
            Behaviour::Send => vec![HttpRequest::post(config.url.clone(), vec![b'x'; amount])],
            Behaviour::HeaderFlood => {
                vec![(0..amount).fold(get(), |request, number| {
                    request.header(format!("x-flood-{number}"), "x".repeat(50))
                })]
            }
            Behaviour::Framing => [
                ("Host", "other.example.org"),
                ("Transfer-Encoding", "chunked"),
                ("Connection", "keep-alive"),
                ("Proxy-Authorization", "Basic eDp4"),
                ("Upgrade", "websocket"),
                ("Content-Length", "7"),
                ("Expect", "100-continue"),
                ("TE", "trailers"),
                ("X-Broken", "one\r\nX-Smuggled: two"),
                ("X Broken", "one"),
            ]
            .map(|(name, value)| get().header(name, value))
            .to_vec(),
            Behaviour::Methods => {
                ["CONNECT", "TRACE", "GET /other HTTP/1.1\r\nHost: x\r\n\r\nGET", "", "PURGE"]
                    .map(|method| HttpRequest::new(method, config.url.clone()))
                    .to_vec()
            }
            Behaviour::OddUrls => [
                "",
                "http://",
                "/etc/passwd",
                "file:///etc/passwd",
                "ftp://127.0.0.1/",
                "http://127.0.0.1:99999/",
                "http://user:word@127.0.0.1/",
                "http://127.0.0.1/a b",
                "http://127.0.0.1/\r\nX-Smuggled: two",
                "http://[::1/",
                "http://127.0.0.1:80:80/",
            ]
            .map(HttpRequest::get)
            .to_vec(),
        };
        let mut details = Vec::new();
        let mut answered = 0;
        for request in &requests {
            match host.http(request) {
                Ok(response) => {
                    answered += 1;
                    details.push(shown(&response));
                }
                Err(error) if config.insist => details.push(shown_error(&error)),
                Err(error) => return Err(error.into()),
            }
        }
        details.dedup();
        Ok(Report::done(format!("{answered} of {} answered", requests.len()))
            .with_details(details.join("\n")))
    }
}

fn shown(response: &HttpResponse) -> String {
    format!("{}, {} bytes", response.status, response.body.len())
}

fn shown_error(error: &HttpError) -> String {
    format!("{error:?}")
}

fn follow(url: &str, most: usize, host: &mut dyn Host) -> Result<Report, HookError> {
    let mut url = url.to_owned();
    for _ in 0..most {
        let response = host.http(&HttpRequest::get(url.clone()))?;
        match response.header("location") {
            Some(location) => url = location.to_owned(),
            None => return Ok(Report::done(format!("{url} answers {}", response.status))),
        }
    }
    Err(HookError::failed("redirects without end"))
}
