//! By a POST of JSON to a URL that an operator has set.

use std::time::Duration;

use super::carrier::{Outcome, Parcel, Transport};
use crate::http::post_json;

/// How long one request may take, at the most.
const LONGEST: Duration = Duration::from_secs(30);

/// The transport.
pub(super) struct Webhooks {
    time: Duration,
}

impl Webhooks {
    pub(super) fn new(limit: Duration) -> Self {
        Self { time: limit.min(LONGEST) }
    }
}

impl Transport for Webhooks {
    fn open(&mut self) -> Result<(), String> {
        Ok(())
    }

    fn send(&mut self, parcel: &Parcel) -> Outcome {
        let [url] = parcel.recipients.as_slice() else {
            return Outcome::Refused("it has no URL".to_owned());
        };
        // who gets a message twice can tell by the number
        let (id, event) = (parcel.id.to_string(), parcel.topic.to_lowercase());
        let headers = [("X-Pressroom-Message", id.as_str()), ("X-Pressroom-Event", event.as_str())];
        match post_json(url, &headers, &parcel.content, self.time) {
            Ok(status) => judge(status),
            Err(failure) => Outcome::Later(failure.to_string()),
        }
    }
}

/// What an answer means. What an operator can put right, as a password or the server's address, is no reason to give a message up.
fn judge(status: u16) -> Outcome {
    let said = format!("the server answers {status}");
    match status {
        200..300 => Outcome::Taken,
        300..400 => Outcome::Later(format!("{said}: it has moved, set the URL that it points to")),
        // it understands, and does not want this one
        400 | 405 | 410 | 413 | 415 | 422 => Outcome::Refused(said),
        _ => Outcome::Later(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_takes_refuses_or_lets_wait() {
        for status in [200, 201, 202, 204] {
            assert_eq!(judge(status), Outcome::Taken);
        }
        for status in [400, 405, 410, 413, 415, 422] {
            assert!(matches!(judge(status), Outcome::Refused(_)), "{status}");
        }
        for status in [301, 308, 401, 403, 404, 408, 409, 425, 429, 500, 502, 503, 504, 999] {
            assert!(matches!(judge(status), Outcome::Later(_)), "{status}");
        }
    }
}
