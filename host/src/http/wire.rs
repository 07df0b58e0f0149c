//! One request on the wire: resolve, look at every address, connect to exactly one of these, speak HTTP/1.1, read a bounded answer.
//!
//! Every step is here to be seen: no second resolution, no redirect, no proxy, no connection that is kept, no decompression. All of it is
//! one future, which is dropped when its time is over, so a server that trickles, stalls or reads slowly ends with the others.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use pressroom_sandbox::{ByteBuf, HttpFailure, HttpRequest, HttpResponse};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::lookup_host;
use tokio::runtime::Runtime;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::address::{Networks, canonical};
use super::connect::{self, MAX_TRIED, USER_AGENT, Unreached, trusting_the_system};
use super::target::Target;

/// The longest head of an answer.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// Most headers of an answer.
const MAX_HEADERS: usize = 100;
/// How long connecting may take, all addresses of a name together.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// What a hook must not say: it is between the host and the server how a message is framed and which connection has it.
const NOT_THE_HOOKS: [&str; 11] = [
    "connection",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// What the wire needs of the system, made when the first request is.
pub(crate) struct Wire {
    runtime: Option<Runtime>,
    tls: Option<TlsConnector>,
}

impl Wire {
    pub(crate) fn new() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { runtime: Some(runtime), tls: None })
    }

    /// Asks, in `time` at the most.
    pub(crate) fn ask(
        &mut self,
        target: &Target,
        request: &HttpRequest,
        networks: &Networks,
        most_bytes: u64,
        time: Duration,
    ) -> Result<HttpResponse, HttpFailure> {
        let message = message(target, request)?;
        let tls = if target.is_https() { Some(self.tls()?) } else { None };
        let Some(runtime) = self.runtime.as_ref() else {
            return Err(HttpFailure::Failed("the host is about to end".to_owned()));
        };
        runtime.block_on(async {
            let exchange = exchange(target, message, request, networks, tls, most_bytes);
            timeout(time, exchange).await.unwrap_or(Err(HttpFailure::TimedOut))
        })
    }

    fn tls(&mut self) -> Result<TlsConnector, HttpFailure> {
        if let Some(tls) = &self.tls {
            return Ok(tls.clone());
        }
        let tls = trusting_the_system().map_err(HttpFailure::Tls)?;
        self.tls = Some(tls.clone());
        Ok(tls)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // a name that is still being resolved, beyond its time, must not hold the publisher
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The request as it goes out.
fn message(target: &Target, request: &HttpRequest) -> Result<Request<Full<Bytes>>, HttpFailure> {
    let bad = |what: String| HttpFailure::BadRequest(what);
    let method = Method::from_bytes(request.method.as_bytes())
        .ok()
        .filter(|method| *method != Method::CONNECT && *method != Method::TRACE)
        .ok_or_else(|| bad(format!("{:?} is no method that a hook may use", request.method)))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let name =
            HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(format!("{name:?} is no header")))?;
        if NOT_THE_HOOKS.contains(&name.as_str()) {
            return Err(bad(format!("the header {name} is the host's to say")));
        }
        // the length is that of the body, whatever is said
        if name == header::CONTENT_LENGTH {
            continue;
        }
        let value = HeaderValue::from_bytes(value)
            .map_err(|_| bad(format!("the value of the header {name} is none")))?;
        headers.append(name, value);
    }
    headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    let host = HeaderValue::from_str(target.authority()).map_err(|error| bad(error.to_string()))?;
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let mut message = Request::builder()
        .method(method)
        .uri(target.path_and_query())
        .body(Full::new(Bytes::copy_from_slice(&request.body)))
        .map_err(|error| bad(error.to_string()))?;
    *message.headers_mut() = headers;
    Ok(message)
}

async fn exchange(
    target: &Target,
    message: Request<Full<Bytes>>,
    request: &HttpRequest,
    networks: &Networks,
    tls: Option<TlsConnector>,
    most_bytes: u64,
) -> Result<HttpResponse, HttpFailure> {
    let time = request.connect_timeout.map_or(CONNECT_TIME, |wished| wished.min(CONNECT_TIME));
    let until = Instant::now() + time;
    let addresses = addresses(target, networks, until).await?;
    let unreached = |why| match why {
        Unreached::TimedOut => HttpFailure::ConnectTimedOut,
        Unreached::NoConnection(reason) => HttpFailure::NoConnection(reason),
        Unreached::Tls(reason) => HttpFailure::Tls(reason),
    };
    let stream = connect::to(&addresses, until).await.map_err(unreached)?;
    let answer_time = request.first_byte_timeout;
    match tls {
        None => speak(stream, message, answer_time, most_bytes).await,
        Some(tls) => {
            let stream = connect::secured(&tls, target.host(), stream, until).await.map_err(unreached)?;
            speak(stream, message, answer_time, most_bytes).await
        }
    }
}

/// The addresses of the target, all of which may be reached; or none.
async fn addresses(
    target: &Target,
    networks: &Networks,
    until: Instant,
) -> Result<Vec<SocketAddr>, HttpFailure> {
    let port = target.port();
    let mut found: Vec<SocketAddr> = match target.host() {
        Err(address) => vec![SocketAddr::new(address, port)],
        Ok(name) => timeout_at(until, lookup_host((name, port)))
            .await
            .map_err(|_| HttpFailure::NoSuchHost(format!("{name} is not resolved in time")))?
            .map_err(|error| HttpFailure::NoSuchHost(format!("{name} cannot be resolved: {error}")))?
            .collect(),
    };
    // an address in another dress is the same address
    for address in &mut found {
        let bare: IpAddr = canonical(address.ip());
        if let Some(what) = networks.refusal(bare) {
            return Err(HttpFailure::Prohibited(format!("{bare} is {what}")));
        }
        *address = SocketAddr::new(bare, port);
    }
    if found.is_empty() {
        return Err(HttpFailure::NoSuchHost("the name has no address".to_owned()));
    }
    found.truncate(MAX_TRIED);
    Ok(found)
}

/// The conversation over a connection.
async fn speak<S>(
    stream: S,
    message: Request<Full<Bytes>>,
    answer_time: Option<Duration>,
    most_bytes: u64,
) -> Result<HttpResponse, HttpFailure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .handshake::<_, Full<Bytes>>(TokioIo::new(stream))
        .await
        .map_err(|error| failure(&error))?;
    let mut connection = std::pin::pin!(connection);
    let mut is_open = true;
    let conversation = async {
        let answer = sender.send_request(message);
        let response = match answer_time {
            Some(time) => timeout(time, answer).await.map_err(|_| HttpFailure::TimedOut)?,
            None => answer.await,
        };
        collect(response.map_err(|error| failure(&error))?, most_bytes).await
    };
    let mut conversation = std::pin::pin!(conversation);
    loop {
        tokio::select! {
            biased;
            response = &mut conversation => return response,
            // the connection moves the bytes; how it ended the conversation will say
            _ = &mut connection, if is_open => is_open = false,
        }
    }
}

/// A bounded answer.
async fn collect(response: Response<Incoming>, most_bytes: u64) -> Result<HttpResponse, HttpFailure> {
    let (head, mut incoming) = response.into_parts();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| failure(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if body.len() as u64 + data.len() as u64 > most_bytes {
            return Err(HttpFailure::ResponseTooLarge(most_bytes));
        }
        body.extend_from_slice(&data);
    }
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), ByteBuf::from(value.as_bytes())))
        .collect();
    Ok(HttpResponse { status: head.status.as_u16(), headers, body: ByteBuf::from(body) })
}

fn failure(error: &hyper::Error) -> HttpFailure {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    if error.is_parse_too_large() {
        HttpFailure::HeadersTooLarge
    } else if error.is_parse() {
        HttpFailure::Protocol(reason)
    } else {
        HttpFailure::Closed(reason)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    fn ask(url: &str, networks: &[&str]) -> Result<HttpResponse, HttpFailure> {
        let networks: Vec<String> = networks.iter().map(|&network| network.to_owned()).collect();
        let request = HttpRequest {
            method: "GET".into(),
            url: url.into(),
            headers: Vec::new(),
            body: ByteBuf::new(),
            connect_timeout: None,
            first_byte_timeout: None,
        };
        let target = Target::parse(url).unwrap();
        let networks = Networks::parse(&networks).unwrap();
        Wire::new().unwrap().ask(&target, &request, &networks, 1000, Duration::from_secs(20))
    }

    /// A server that says this to the first that connects, whatever that says.
    fn saying(words: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || listener.accept().map(|(mut stream, _)| stream.write_all(words)));
        port
    }

    /// A server that hears one request out and answers it so.
    fn answering(words: &'static [u8]) -> u16 {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let (mut heard, mut byte) = (Vec::new(), [0]);
            while !heard.ends_with(b"\r\n\r\n") && stream.read(&mut byte)? > 0 {
                heard.extend(byte);
            }
            stream.write_all(words)
        });
        port
    }

    #[test]
    fn a_server_that_does_not_speak_tls_is_no_secure_connection() {
        let port = saying(b"220 mail.example.org ESMTP\r\n");
        let failure = ask(&format!("https://127.0.0.1:{port}/"), &["127.0.0.1"]).unwrap_err();
        assert!(matches!(failure, HttpFailure::Tls(_)), "{failure}");
    }

    #[test]
    fn the_address_is_judged_before_anyone_is_connected_to() {
        let port = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
        for host in ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"] {
            let failure = ask(&format!("http://{host}:{port}/"), &[]).unwrap_err();
            assert!(matches!(failure, HttpFailure::Prohibited(_)), "{host}: {failure}");
        }
        let failure = ask(&format!("http://0.0.0.0:{port}/"), &["0.0.0.0/0"]).unwrap_err();
        assert!(matches!(failure, HttpFailure::Prohibited(_)), "{failure}");
        // the server has still not seen anyone
        let response = ask(&format!("http://127.0.0.1:{port}/"), &["127.0.0.1"]).unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, b"hi".as_slice()));
    }

    #[test]
    fn a_message_that_is_none_is_not_sent() {
        let target = Target::parse("http://h.example/x").unwrap();
        let request = |method: &str, headers: &[(&str, &str)]| HttpRequest {
            method: method.into(),
            url: String::new(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), ByteBuf::from(value.as_bytes())))
                .collect(),
            body: ByteBuf::from(b"body"),
            connect_timeout: None,
            first_byte_timeout: None,
        };
        for (method, headers) in [
            ("CONNECT", &[][..]),
            ("TRACE", &[]),
            ("GET /", &[]),
            ("", &[]),
            ("GET", &[("host", "other.example")]),
            ("GET", &[("Transfer-Encoding", "chunked")]),
            ("GET", &[("x-a", "b\r\nx-c: d")]),
            ("GET", &[("x a", "b")]),
            ("GET", &[("", "b")]),
        ] {
            let refused = message(&target, &request(method, headers));
            assert!(matches!(refused, Err(HttpFailure::BadRequest(_))), "{method} {headers:?}");
        }
        let sent =
            message(&target, &request("POST", &[("Content-Length", "9"), ("user-agent", "mine")])).unwrap();
        assert_eq!(sent.headers()["user-agent"], "mine");
        assert_eq!(sent.headers()["host"], "h.example");
        assert!(!sent.headers().contains_key("content-length"));
    }
}
