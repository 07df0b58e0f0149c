//! What a hook asks of the network. The worker has none: it hands a whole request over, and this decides whether it is made, makes it, and
//! hands a bounded answer back.
//!
//! [`pattern`] decides by the URL, [`Networks`] by what its host resolves to, [`Wire`] asks. A redirect is an answer like others: a
//! hook that follows it asks again, and is judged again.

mod pattern;

use std::time::{Duration, Instant};

use pressroom_sandbox::{HttpFailure, HttpRequest, HttpResponse, Level, Limits};

use crate::http::{Networks, Target, Wire};
pub(super) use pattern::UrlPatterns;

/// How long one request may take, from the resolution of the name to the last byte, unless the grant says otherwise.
pub(super) const DEFAULT_TIME: Duration = Duration::from_secs(30);

/// The part of a call's time that its requests may take: the rest is for the hook to say that nobody answered.
const SHARE_OF_CALL: f32 = 0.9;

/// Makes the requests of one call of a hook.
pub(super) struct Fetcher {
    patterns: UrlPatterns,
    networks: Networks,
    most_response_bytes: u64,
    time: Duration,
    /// Shortly before the deadline of the call: nothing that it asks takes longer.
    until: Instant,
    wire: Option<Wire>,
}

/// How a request ended, and the line about it.
pub(super) struct Fetched {
    pub(super) reply: Result<HttpResponse, HttpFailure>,
    pub(super) level: Level,
    pub(super) line: String,
}

impl Fetcher {
    /// For a call that begins now.
    pub(super) fn new(patterns: UrlPatterns, networks: Networks, limits: &Limits, time: Duration) -> Self {
        // an absurd limit is no deadline to compute with
        let wall = limits.wall.min(Duration::from_secs(7 * 24 * 60 * 60));
        Self {
            patterns,
            networks,
            most_response_bytes: u64::from(limits.http_response_bytes),
            time,
            until: Instant::now() + wall.mul_f32(SHARE_OF_CALL),
            wire: None,
        }
    }

    /// Makes a request, if it is granted.
    pub(super) fn fetch(&mut self, request: &HttpRequest) -> Fetched {
        let begin = Instant::now();
        let (shown, reply) = match Target::parse(&request.url) {
            Ok(_) if request.method.len() > HttpRequest::MOST_METHOD_BYTES => {
                let most = HttpRequest::MOST_METHOD_BYTES;
                (
                    "a URL".to_owned(),
                    Err(HttpFailure::BadRequest(format!("a method has at most {most} bytes"))),
                )
            }
            // what is no URL may be anything, and is not for a log
            Err(error) => ("a URL".to_owned(), Err(HttpFailure::BadRequest(error.to_string()))),
            Ok(target) => (target.without_query(), self.ask(&target, request)),
        };
        let what = format!("http {} {shown}", one_word(&request.method));
        let (level, line) = match &reply {
            Ok(response) => (
                Level::Info,
                format!(
                    "{what}: {}, {} bytes, {} ms",
                    response.status,
                    response.body.len(),
                    begin.elapsed().as_millis()
                ),
            ),
            Err(failure) => (Level::Warn, format!("{what}: {failure}, {} ms", begin.elapsed().as_millis())),
        };
        Fetched { reply, level, line }
    }

    fn ask(&mut self, target: &Target, request: &HttpRequest) -> Result<HttpResponse, HttpFailure> {
        if !self.patterns.is_match(target) {
            return Err(HttpFailure::Denied("no pattern of its grant's http means this URL".to_owned()));
        }
        let time = self.time.min(self.until.saturating_duration_since(Instant::now()));
        if time.is_zero() {
            return Err(HttpFailure::TimedOut);
        }
        let wire = match &mut self.wire {
            Some(wire) => wire,
            none => none.insert(Wire::new().map_err(|error| HttpFailure::Failed(error.to_string()))?),
        };
        wire.ask(target, request, &self.networks, self.most_response_bytes, time)
    }
}

/// A method, which may be anything before it is judged.
fn one_word(method: &str) -> String {
    method.chars().take(20).filter(char::is_ascii_alphanumeric).collect()
}
