//! Asking servers, for whoever in this program has to: hooks that were granted it, messages to URLs, repositories of others.
//!
//! [`target`] is what is asked, [`address`] decides by what its host resolves to, [`connect`] reaches one of its addresses, [`wire`] makes one request with a
//! bounded answer. [`repository`] reads the files of a repository, one after the other.

mod address;
mod connect;
mod repository;
pub(crate) mod target;
mod wire;

use std::time::Duration;

use pressroom_sandbox::{ByteBuf, HttpFailure, HttpRequest};

pub(crate) use address::Networks;
pub(crate) use repository::WebRepository;
pub(crate) use target::Target;
pub(crate) use wire::Wire;

/// Tells a server something that an operator has asked for, wherever it is, by a POST of JSON. Says how the server answers.
pub(crate) fn post_json(
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    time: Duration,
) -> Result<u16, HttpFailure> {
    let target = Target::parse(url).map_err(|error| HttpFailure::BadRequest(error.to_string()))?;
    let said = [("Content-Type", "application/json")].into_iter().chain(headers.iter().copied());
    let request = HttpRequest {
        method: "POST".to_owned(),
        url: url.to_owned(),
        headers: said.map(|(name, value)| (name.to_owned(), ByteBuf::from(value.as_bytes()))).collect(),
        body: ByteBuf::from(body),
        connect_timeout: None,
        first_byte_timeout: None,
    };
    let mut wire = Wire::new().map_err(|error| HttpFailure::Failed(error.to_string()))?;
    wire.ask(&target, &request, &Networks::everywhere(), MOST_ANSWER_BYTES, time)
        .map(|response| response.status)
}

/// The longest answer to [`post_json`]; nothing of it is kept.
const MOST_ANSWER_BYTES: u64 = 1 << 20;
