//! Requests to servers, in this crate's words: in a component they go through `wasi:http`, in `cargo test` to the
//! [`FakeHost`](crate::testing::FakeHost).

use serde::{Serialize, de::DeserializeOwned};

use crate::words::HookError;

/// A request. The host makes it, if the operator's grant names its URL, and follows no redirect.
///
/// ```
/// use pressroom_plugin::HttpRequest;
///
/// let request = HttpRequest::post("https://hooks.example.org/news", "hello").header("Content-Type", "text/plain");
/// assert_eq!(request.method, "POST");
/// assert_eq!(request.headers, [("Content-Type".to_owned(), "text/plain".to_owned())]);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET`, `POST` and so on; not `CONNECT` or `TRACE`.
    pub method: String,
    /// The whole URL, `https://` or `http://`, without a user.
    pub url: String,
    /// Names and values. `Host`, the length and the like are the host's to say.
    pub headers: Vec<(String, String)>,
    /// The body; the grant's `http-request-bytes` limit it.
    pub body: Vec<u8>,
}

impl HttpRequest {
    /// A request without headers and body.
    ///
    /// ```
    /// let request = pressroom_plugin::HttpRequest::new("DELETE", "https://cdn.example.org/cache/dists");
    /// assert!(request.body.is_empty());
    /// ```
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self { method: method.into(), url: url.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Asks for something.
    ///
    /// ```
    /// assert_eq!(pressroom_plugin::HttpRequest::get("https://example.org/").method, "GET");
    /// ```
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// Sends something.
    ///
    /// ```
    /// assert_eq!(pressroom_plugin::HttpRequest::post("https://example.org/", "news").body, b"news");
    /// ```
    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST", url) }
    }

    /// Sends a value as JSON.
    ///
    /// ```
    /// use pressroom_plugin::HttpRequest;
    ///
    /// let request = HttpRequest::post_json("https://example.org/", &["one", "two"])?;
    /// assert_eq!(request.body, br#"["one","two"]"#);
    /// # Ok::<(), pressroom_plugin::HookError>(())
    /// ```
    ///
    /// # Errors
    /// When the value cannot be written as JSON.
    pub fn post_json(url: impl Into<String>, value: &impl Serialize) -> Result<Self, HookError> {
        let body = serde_json::to_vec(value)
            .map_err(|error| HookError::failed(format!("cannot write the request as JSON: {error}")))?;
        Ok(Self::post(url, body).header("Content-Type", "application/json"))
    }

    /// The same with one header more.
    ///
    /// ```
    /// let request = pressroom_plugin::HttpRequest::get("https://example.org/").header("Accept", "text/plain");
    /// assert_eq!(request.headers.len(), 1);
    /// ```
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

/// A server's answer, a redirect or a refusal among them: look at the status.
///
/// ```
/// let response = pressroom_plugin::HttpResponse::with_status(204);
/// assert!(response.is_success() && response.body.is_empty());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// 200 and so on.
    pub status: u16,
    /// Names in lower case, and values.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body; the grant's `http-response-bytes` limit it.
    pub body: Vec<u8>,
}

impl HttpResponse {
    /// An answer of nothing but a status, as a test gives it.
    ///
    /// ```
    /// assert_eq!(pressroom_plugin::HttpResponse::with_status(503).status, 503);
    /// ```
    pub fn with_status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// Whether the status is 200 to 299.
    ///
    /// ```
    /// assert!(!pressroom_plugin::HttpResponse::with_status(301).is_success());
    /// ```
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the server says that another try may do better: too busy, too early, or broken.
    ///
    /// ```
    /// use pressroom_plugin::HttpResponse;
    ///
    /// assert!(HttpResponse::with_status(503).is_temporary() && HttpResponse::with_status(429).is_temporary());
    /// assert!(!HttpResponse::with_status(404).is_temporary());
    /// ```
    pub fn is_temporary(&self) -> bool {
        matches!(self.status, 408 | 425 | 429 | 500..)
    }

    /// The value of a header, the first if there are several; nothing if it is none or no text.
    ///
    /// ```
    /// use pressroom_plugin::HttpResponse;
    ///
    /// let headers = vec![("location".to_owned(), b"/there".to_vec())];
    /// let response = HttpResponse { headers, ..HttpResponse::with_status(302) };
    /// assert_eq!(response.header("Location"), Some("/there"));
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(value).ok()
    }

    /// The body as text, with what is none of UTF-8 replaced.
    ///
    /// ```
    /// use pressroom_plugin::HttpResponse;
    ///
    /// let response = HttpResponse { body: b"thanks".to_vec(), ..HttpResponse::with_status(200) };
    /// assert_eq!(response.text(), "thanks");
    /// ```
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as a value.
    ///
    /// ```
    /// use pressroom_plugin::HttpResponse;
    ///
    /// let response = HttpResponse { body: b"[1, 2]".to_vec(), ..HttpResponse::with_status(200) };
    /// assert_eq!(response.json::<Vec<u8>>()?, [1, 2]);
    /// # Ok::<(), pressroom_plugin::HookError>(())
    /// ```
    ///
    /// # Errors
    /// When it is no JSON, or not of this kind.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, HookError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| HookError::failed(format!("the answer is not the JSON that is wanted: {error}")))
    }
}

/// Why there is no answer. The run's log has a line with more.
///
/// ```
/// use pressroom_plugin::{HookError, HttpError};
///
/// assert!(matches!(HookError::from(HttpError::TimedOut), HookError::Temporary(_)));
/// assert!(matches!(HookError::from(HttpError::Denied), HookError::Failed(_)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HttpError {
    /// The operator has not granted this URL, or no http at all.
    Denied,
    /// The server's address is not one of the public internet, and not granted.
    AddressDenied,
    /// It is no request that can be made.
    BadRequest(String),
    /// The grant allows no more requests in this call.
    TooMany,
    /// There is no server of this name, nobody takes the connection, or it broke.
    Unreachable(String),
    /// Nobody answered in time.
    TimedOut,
    /// The server is not who it should be.
    Insecure,
    /// The answer is longer than the grant allows, or no HTTP.
    BadAnswer(String),
    /// The host could not ask.
    Failed(String),
}

impl HttpError {
    /// Whether another try may do better.
    ///
    /// ```
    /// use pressroom_plugin::HttpError;
    ///
    /// assert!(HttpError::TimedOut.is_temporary() && !HttpError::Denied.is_temporary());
    /// ```
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut => true,
            Self::Denied
            | Self::AddressDenied
            | Self::BadRequest(_)
            | Self::TooMany
            | Self::Insecure
            | Self::BadAnswer(_)
            | Self::Failed(_) => false,
        }
    }
}

impl std::fmt::Display for HttpError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Denied => formatter.write_str("this URL is not granted to this hook under `http`"),
            Self::AddressDenied => {
                formatter.write_str("its address is not public, and not granted under `http-private`")
            }
            Self::BadRequest(reason) => write!(formatter, "not a request: {reason}"),
            Self::TooMany => formatter.write_str("more requests than `http-requests` of the grant allows"),
            Self::Unreachable(reason) => write!(formatter, "no connection: {reason}"),
            Self::TimedOut => formatter.write_str("no answer in time"),
            Self::Insecure => {
                formatter.write_str("no secure connection: the server's certificate is not good")
            }
            Self::BadAnswer(reason) => write!(formatter, "the answer cannot be taken: {reason}"),
            Self::Failed(reason) => write!(formatter, "the host cannot ask: {reason}"),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<HttpError> for HookError {
    fn from(error: HttpError) -> Self {
        if error.is_temporary() {
            Self::Temporary(error.to_string())
        } else {
            Self::Failed(error.to_string())
        }
    }
}

#[cfg(target_family = "wasm")]
pub(crate) use component::ask;

/// The request outside of the component.
#[cfg(target_family = "wasm")]
mod component {
    use wasip2::http::{
        outgoing_handler,
        types::{ErrorCode, Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, Scheme},
    };
    use wasip2::io::streams::StreamError;

    use super::{HttpError, HttpRequest, HttpResponse};

    /// What an output stream takes at once in its simplest use.
    const MOST_WRITE_BYTES: usize = 4096;

    pub(crate) fn ask(request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let outgoing = outgoing(request)?;
        let body = outgoing.body().map_err(|()| bad("it has no body to write"))?;
        let future = outgoing_handler::handle(outgoing, None).map_err(error)?;
        // a body that is refused ends with the answer, which says why
        let written = write(body, &request.body);
        let pollable = future.subscribe();
        let response = loop {
            match future.get() {
                Some(Ok(response)) => break response.map_err(error)?,
                Some(Err(())) => return Err(HttpError::Failed("the answer was taken twice".to_owned())),
                None => pollable.block(),
            }
        };
        written?;
        read(&response)
    }

    fn bad(reason: impl std::fmt::Display) -> HttpError {
        HttpError::BadRequest(reason.to_string())
    }

    fn outgoing(request: &HttpRequest) -> Result<OutgoingRequest, HttpError> {
        let headers: Vec<(String, Vec<u8>)> =
            request.headers.iter().map(|(name, value)| (name.clone(), value.as_bytes().to_vec())).collect();
        let headers =
            Fields::from_list(&headers).map_err(|error| bad(format!("a header cannot be sent: {error}")))?;
        let outgoing = OutgoingRequest::new(headers);
        let (scheme, rest) = match request.url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            _ => return Err(bad("its URL must begin with https:// or http://")),
        };
        // what is after the authority begins a path, a query or a fragment, and a fragment is not sent
        let rest = rest.split('#').next().unwrap_or_default();
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        outgoing.set_method(&method(&request.method)).map_err(|()| bad("its method is none"))?;
        outgoing.set_scheme(Some(&scheme)).map_err(|()| bad("its scheme is none"))?;
        outgoing.set_authority(Some(authority)).map_err(|()| bad("the authority of its URL is none"))?;
        outgoing.set_path_with_query(Some(&path)).map_err(|()| bad("the path of its URL is none"))?;
        Ok(outgoing)
    }

    fn method(name: &str) -> Method {
        match name {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "OPTIONS" => Method::Options,
            "PATCH" => Method::Patch,
            other => Method::Other(other.to_owned()),
        }
    }

    fn write(body: OutgoingBody, content: &[u8]) -> Result<(), HttpError> {
        let stream = body.write().map_err(|()| bad("its body cannot be written"))?;
        for part in content.chunks(MOST_WRITE_BYTES) {
            stream.blocking_write_and_flush(part).map_err(|_| bad("its body is not taken"))?;
        }
        drop(stream);
        OutgoingBody::finish(body, None).map_err(error)
    }

    fn read(response: &IncomingResponse) -> Result<HttpResponse, HttpError> {
        let status = response.status();
        let headers = response.headers().entries();
        let incoming = response.consume().map_err(|()| HttpError::BadAnswer("it has no body".to_owned()))?;
        let stream = incoming.stream().map_err(|()| HttpError::BadAnswer("it has no body".to_owned()))?;
        let mut body = Vec::new();
        loop {
            match stream.blocking_read(1 << 16) {
                Ok(part) => body.extend(part),
                Err(StreamError::Closed) => break,
                Err(StreamError::LastOperationFailed(_)) => {
                    return Err(HttpError::BadAnswer("its body cannot be read".to_owned()));
                }
            }
        }
        Ok(HttpResponse { status, headers, body })
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "the host of hooks says no others")]
    fn error(code: ErrorCode) -> HttpError {
        match code {
            ErrorCode::HttpRequestDenied => HttpError::Denied,
            ErrorCode::DestinationIpProhibited => HttpError::AddressDenied,
            ErrorCode::ConnectionLimitReached => HttpError::TooMany,
            ErrorCode::HttpRequestUriInvalid => bad("its URL, its method or a header cannot be sent"),
            ErrorCode::HttpRequestUriTooLong => bad("its URL is too long"),
            ErrorCode::HttpRequestBodySize(most) => bad(format!(
                "its body is longer than the {} bytes that it may have",
                most.unwrap_or_default()
            )),
            ErrorCode::HttpRequestHeaderSectionSize(_) => bad("its headers are too long"),
            ErrorCode::DnsError(payload) => {
                HttpError::Unreachable(payload.rcode.unwrap_or_else(|| "the name is not known".to_owned()))
            }
            ErrorCode::ConnectionRefused => HttpError::Unreachable("nobody takes it".to_owned()),
            ErrorCode::ConnectionTimeout => HttpError::Unreachable("nobody takes it in time".to_owned()),
            ErrorCode::HttpResponseIncomplete => {
                HttpError::Unreachable("it was closed before the answer was whole".to_owned())
            }
            ErrorCode::HttpResponseTimeout => HttpError::TimedOut,
            ErrorCode::TlsCertificateError => HttpError::Insecure,
            ErrorCode::HttpResponseBodySize(most) => HttpError::BadAnswer(format!(
                "it is longer than the {} bytes that it may have",
                most.unwrap_or_default()
            )),
            ErrorCode::HttpResponseHeaderSectionSize(_) => {
                HttpError::BadAnswer("its headers are too many or too long".to_owned())
            }
            ErrorCode::HttpProtocolError => HttpError::BadAnswer("it is not HTTP".to_owned()),
            ErrorCode::InternalError(reason) => HttpError::Failed(reason.unwrap_or_default()),
            // to name it would bring the names of all into every hook
            _ => HttpError::Failed("for a reason that this version of the SDK does not know".to_owned()),
        }
    }
}
