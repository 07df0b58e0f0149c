//! A repository behind a web server, read file by file: HTTP/1.1, with or without TLS.
//!
//! It decides where a file is, which answers are one, and when asking again is worth it. What a file has is verified by who reads it, and bounded there: nothing
//! here is kept in memory but the piece that has just come. A connection is used again for the next file; a download that breaks off goes on where it was.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, Read};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, ACCEPT, CONTENT_RANGE, HOST, LOCATION, RANGE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use pressroom_archive::upload::takeover::{OpenError, Repository, RepositoryPath};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::lookup_host;
use tokio::runtime::Runtime;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use super::connect::{self, MAX_TRIED, USER_AGENT, Unreached, trusting_the_system};

/// How long it may take to find and reach a server.
const CONNECT_TIME: Duration = Duration::from_secs(30);
/// What is said when that is over.
const TOO_LATE: &str = "the server cannot be reached in time";
/// How long a server may say nothing.
const SILENCE: Duration = Duration::from_secs(60);
/// So often a file is asked for again when the server or the way to it fails.
const TRIES: u32 = 4;
/// So many redirects lead to a file.
const MOST_REDIRECTS: usize = 5;
/// So many files are read at once.
const AT_ONCE: usize = 6;
/// The longest head of an answer.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// A URL that is no repository's.
#[derive(Debug, thiserror::Error)]
#[error("{shown} is no URL of a repository: {reason}")]
pub(crate) struct BadUrl {
    shown: String,
    reason: String,
}

/// The repository below a URL.
pub(crate) struct WebRepository {
    base: Url,
    tls: Mutex<Option<TlsConnector>>,
    /// Connections that nobody uses, the latest last.
    idle: Mutex<VecDeque<Connection>>,
}

impl WebRepository {
    /// The repository whose `dists` and pool lie below a URL.
    pub(crate) fn new(text: &str) -> Result<Self, BadUrl> {
        let bad = |reason: &str| BadUrl {
            // what is no URL may be anything, and a password is nobody's to see
            shown: if text.contains('@') {
                "this".to_owned()
            } else {
                text.chars().filter(char::is_ascii_graphic).take(200).collect()
            },
            reason: reason.to_owned(),
        };
        let mut base = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
        if !["http", "https"].contains(&base.scheme()) || base.host().is_none() {
            return Err(bad("it must begin with http:// or https:// and a server"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(bad(
                "names and passwords have no place in it: everybody who sees this command would see them",
            ));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(bad("it is the folder that has dists/, without a query"));
        }
        if let Ok(mut segments) = base.path_segments_mut() {
            segments.pop_if_empty().push("");
        }
        Ok(Self { base, tls: Mutex::new(None), idle: Mutex::new(VecDeque::new()) })
    }

    /// Where it is.
    pub(crate) const fn url(&self) -> &Url {
        &self.base
    }

    fn url_of(&self, path: &RepositoryPath) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path.as_str().split('/'));
        }
        url
    }

    fn tls(&self) -> Result<TlsConnector, Trouble> {
        let mut tls = self.tls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tls) = &*tls {
            return Ok(tls.clone());
        }
        let made = trusting_the_system().map_err(Trouble::Final)?;
        *tls = Some(made.clone());
        Ok(made)
    }

    fn take_idle(&self, origin: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let at = idle.iter().rposition(|one| one.origin == *origin)?;
        idle.remove(at)
    }

    fn put_idle(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push_back(connection);
        while idle.len() > AT_ONCE {
            idle.pop_front();
        }
    }

    /// Asks for a file from some byte on, as often as it is worth it.
    fn get(&self, url: &Url, from: u64, tries: &mut u32) -> Result<Answer, OpenError> {
        loop {
            let reason = match self.follow(url, from) {
                Ok(answer) => return Ok(answer),
                Err(Trouble::NotThere) => return Err(OpenError::NotThere),
                Err(Trouble::Final(reason)) => return Err(OpenError::Failed(reason)),
                Err(Trouble::Passing(reason)) => reason,
            };
            *tries += 1;
            if *tries >= TRIES {
                return Err(OpenError::Failed(format!("{reason} (asked {TRIES} times)")));
            }
            tracing::debug!(%url, tries, "asking again: {reason}");
            if let Ok(runtime) = runtime() {
                let pause = Duration::from_millis(250) * 2_u32.pow(*tries);
                runtime.block_on(async { sleep(pause).await });
            }
        }
    }

    /// Asks for a file, wherever the server has moved it to.
    fn follow(&self, url: &Url, from: u64) -> Result<Answer, Trouble> {
        let mut url = url.clone();
        for _ in 0..=MOST_REDIRECTS {
            let (connection, response) = self.ask(&url, from)?;
            let status = response.status();
            match status {
                StatusCode::OK => {
                    return Ok(Answer { connection, body: response.into_body(), skip_bytes: from });
                }
                StatusCode::PARTIAL_CONTENT if from > 0 => {
                    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
                    if !range.is_some_and(|range| range.trim().starts_with(&format!("bytes {from}-"))) {
                        return Err(Trouble::Passing("the server sends another part of the file".to_owned()));
                    }
                    return Ok(Answer { connection, body: response.into_body(), skip_bytes: 0 });
                }
                StatusCode::MOVED_PERMANENTLY
                | StatusCode::FOUND
                | StatusCode::SEE_OTHER
                | StatusCode::TEMPORARY_REDIRECT
                | StatusCode::PERMANENT_REDIRECT => {
                    let to = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
                    url = redirected(&url, to.unwrap_or_default())?;
                }
                StatusCode::NOT_FOUND | StatusCode::GONE => return Err(Trouble::NotThere),
                StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                    return Err(Trouble::Passing(format!("the server answers {status}")));
                }
                _ if status.is_server_error() => {
                    return Err(Trouble::Passing(format!("the server answers {status}")));
                }
                _ => return Err(Trouble::Final(format!("the server answers {status}"))),
            }
        }
        Err(Trouble::Final(format!("it is redirected more than {MOST_REDIRECTS} times")))
    }

    /// One question and the head of its answer.
    fn ask(&self, url: &Url, from: u64) -> Result<(Connection, Response<Incoming>), Trouble> {
        let origin = Origin::of(url)?;
        if let Some(mut connection) = self.take_idle(&origin) {
            // the server may have ended it meanwhile
            if let Ok(response) = connection.ask(&message(url, from)?) {
                return Ok((connection, response));
            }
        }
        let tls = if origin.is_https { Some(self.tls()?) } else { None };
        let mut connection = Connection::open(origin, tls)?;
        let response = connection.ask(&message(url, from)?)?;
        Ok((connection, response))
    }
}

impl Repository for WebRepository {
    fn open(&self, path: &RepositoryPath) -> Result<Box<dyn Read + Send + '_>, OpenError> {
        let url = self.url_of(path);
        let mut tries = 0;
        let answer = self.get(&url, 0, &mut tries)?;
        Ok(Box::new(Download {
            repository: self,
            url,
            answer: Some(answer),
            piece: Bytes::new(),
            offset: 0,
            tries,
        }))
    }

    fn on_disk(&self, _path: &RepositoryPath) -> Option<std::path::PathBuf> {
        None
    }

    fn at_once(&self) -> usize {
        AT_ONCE
    }
}

/// Why a question has no answer that counts.
#[derive(Debug)]
enum Trouble {
    /// There is no such file.
    NotThere,
    /// It will be the same when it is asked again.
    Final(String),
    /// It may be otherwise then.
    Passing(String),
}

/// Where a redirect leads.
fn redirected(from: &Url, to: &str) -> Result<Url, Trouble> {
    let next = from.join(to).map_err(|_| Trouble::Final("it is redirected to what is no URL".to_owned()))?;
    match (from.scheme(), next.scheme()) {
        (_, "https") | ("http", "http") => Ok(next),
        _ => Err(Trouble::Final("it is redirected to where no TLS protects it".to_owned())),
    }
}

/// The request for a file.
fn message(url: &Url, from: u64) -> Result<Request<Empty<Bytes>>, Trouble> {
    let mut authority = url.host_str().unwrap_or_default().to_owned();
    if let Some(port) = url.port() {
        authority = format!("{authority}:{port}");
    }
    let mut path = url.path().to_owned();
    if let Some(query) = url.query() {
        path = format!("{path}?{query}");
    }
    let mut request = Request::get(path)
        .header(HOST, authority)
        .header(header::USER_AGENT, USER_AGENT)
        .header(ACCEPT, "*/*");
    if from > 0 {
        request = request.header(RANGE, format!("bytes={from}-"));
    }
    request.body(Empty::new()).map_err(|error| Trouble::Final(error.to_string()))
}

/// A server, as far as connections to it are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Origin {
    is_https: bool,
    host: Host<String>,
    port: u16,
}

impl Origin {
    fn of(url: &Url) -> Result<Self, Trouble> {
        let is_https = url.scheme() == "https";
        let host = url.host().ok_or_else(|| Trouble::Final("the URL names no server".to_owned()))?;
        Ok(Self {
            is_https,
            host: host.to_owned(),
            port: url.port().unwrap_or(if is_https { 443 } else { 80 }),
        })
    }
}

fn runtime() -> Result<Runtime, Trouble> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Trouble::Final(format!("cannot begin to ask servers: {error}")))
}

/// A connection to a server, and what moves its bytes while somebody waits for them.
struct Connection {
    origin: Origin,
    sender: http1::SendRequest<Empty<Bytes>>,
    runtime: Option<Runtime>,
}

impl Connection {
    fn open(origin: Origin, tls: Option<TlsConnector>) -> Result<Self, Trouble> {
        let runtime = runtime()?;
        let opened = runtime.block_on(async {
            timeout(CONNECT_TIME, connect(&origin, tls))
                .await
                .unwrap_or_else(|_| Err(Trouble::Passing(TOO_LATE.to_owned())))
        });
        match opened {
            Ok(sender) => Ok(Self { origin, sender, runtime: Some(runtime) }),
            Err(trouble) => {
                // a name that is still being resolved holds nobody
                runtime.shutdown_background();
                Err(trouble)
            }
        }
    }

    /// Waits for something of this connection, and not for ever.
    fn wait<T>(&mut self, time: Duration, what: impl Future<Output = T>) -> Option<T> {
        self.runtime.as_ref()?.block_on(async { timeout(time, what).await.ok() })
    }

    fn ask(&mut self, message: &Request<Empty<Bytes>>) -> Result<Response<Incoming>, Trouble> {
        let Some(runtime) = self.runtime.take() else {
            return Err(Trouble::Final("the connection has ended".to_owned()));
        };
        let answered = runtime.block_on(async {
            timeout(SILENCE, async {
                self.sender.ready().await?;
                self.sender.send_request(message.clone()).await
            })
            .await
        });
        self.runtime = Some(runtime);
        match answered {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Trouble::Passing(said(&error))),
            Err(_) => Err(Trouble::Passing("the server does not answer in time".to_owned())),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn connect(
    origin: &Origin,
    tls: Option<TlsConnector>,
) -> Result<http1::SendRequest<Empty<Bytes>>, Trouble> {
    let until = Instant::now() + CONNECT_TIME;
    let unreached = |why| {
        Trouble::Passing(match why {
            Unreached::TimedOut => TOO_LATE.to_owned(),
            Unreached::NoConnection(reason) => format!("no connection to {reason}"),
            Unreached::Tls(reason) => format!("no secure connection: {reason}"),
        })
    };
    let (name, addresses) = match &origin.host {
        Host::Domain(name) => {
            let found = lookup_host((name.as_str(), origin.port))
                .await
                .map_err(|error| Trouble::Passing(format!("{name} cannot be resolved: {error}")))?;
            let addresses: Vec<SocketAddr> = found.take(MAX_TRIED).collect();
            if addresses.is_empty() {
                return Err(Trouble::Passing(format!("{name} has no address")));
            }
            (Ok(name.as_str()), addresses)
        }
        Host::Ipv4(address) => (Err(IpAddr::V4(*address)), vec![SocketAddr::from((*address, origin.port))]),
        Host::Ipv6(address) => (Err(IpAddr::V6(*address)), vec![SocketAddr::from((*address, origin.port))]),
    };
    let stream = connect::to(&addresses, until).await.map_err(unreached)?;
    // small requests wait for nothing
    let _ = stream.set_nodelay(true);
    match tls {
        None => begin(stream).await,
        Some(tls) => begin(connect::secured(&tls, name, stream, until).await.map_err(unreached)?).await,
    }
}

async fn begin<S>(stream: S) -> Result<http1::SendRequest<Empty<Bytes>>, Trouble>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Trouble::Passing(said(&error)))?;
    // it moves while somebody waits on this runtime; how it ended, the answer will say
    tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

fn said(error: &hyper::Error) -> String {
    pressroom_archive::domain::chain(error)
}

/// A file that is on its way.
struct Answer {
    connection: Connection,
    body: Incoming,
    /// The server sends from the beginning what was asked for from later on.
    skip_bytes: u64,
}

/// The bytes of a file, as they come.
struct Download<'a> {
    repository: &'a WebRepository,
    url: Url,
    /// None: it has come to its end.
    answer: Option<Answer>,
    piece: Bytes,
    /// How many bytes were read.
    offset: u64,
    tries: u32,
}

impl Download<'_> {
    /// The next piece; none at the end.
    fn next(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let Some(answer) = &mut self.answer else { return Ok(None) };
            let Answer { connection, body, skip_bytes } = answer;
            let reason = match connection.wait(SILENCE, body.frame()) {
                Some(Some(Ok(frame))) => {
                    let Ok(mut data) = frame.into_data() else { continue };
                    let skipped = usize::try_from(*skip_bytes).unwrap_or(usize::MAX).min(data.len());
                    *skip_bytes -= skipped as u64;
                    data = data.slice(skipped..);
                    if data.is_empty() {
                        continue;
                    }
                    return Ok(Some(data));
                }
                Some(None) => {
                    if let Some(Answer { connection, .. }) = self.answer.take() {
                        self.repository.put_idle(connection);
                    }
                    return Ok(None);
                }
                Some(Some(Err(error))) => said(&error),
                None => "the server has stopped in the middle".to_owned(),
            };
            self.answer = None;
            self.tries += 1;
            if self.tries >= TRIES {
                return Err(io::Error::other(format!("{reason} (asked {TRIES} times)")));
            }
            tracing::debug!(url = %self.url, offset = self.offset, "going on: {reason}");
            let answer = self
                .repository
                .get(&self.url, self.offset, &mut self.tries)
                .map_err(|error| io::Error::other(error.to_string()))?;
            self.answer = Some(answer);
        }
    }
}

impl Read for Download<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.piece.is_empty() {
            match self.next()? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        self.offset += length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    /// A server that gives each connection its answers, one for each request, and then ends it. Says what it was asked.
    fn answering(connections: Vec<Vec<String>>) -> (String, Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/some/repo", listener.local_addr().unwrap());
        let (said, heard) = channel();
        std::thread::spawn(move || {
            for answers in connections {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                for answer in answers {
                    let (mut head, mut line) = (String::new(), String::new());
                    while reader.read_line(&mut line).unwrap_or(0) > 2 {
                        head.push_str(&line);
                        line.clear();
                    }
                    if head.is_empty() {
                        break;
                    }
                    let range = head.lines().find(|line| line.to_lowercase().starts_with("range:"));
                    let first = head.lines().next().unwrap_or_default().to_owned();
                    let _ = said.send(format!("{first} {}", range.unwrap_or_default()).trim().to_owned());
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        (url, heard)
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    fn read(repository: &WebRepository, path: &str) -> Result<String, String> {
        let mut text = String::new();
        let mut file = repository.open(&path.parse().unwrap()).map_err(|error| error.to_string())?;
        file.read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }

    #[test]
    fn files_come_over_one_connection_and_their_names_are_sent_as_they_are() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n".to_owned();
        let (url, heard) =
            answering(vec![vec![ok("one"), chunked, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".into()]]);
        let repository = WebRepository::new(&url).unwrap();
        assert_eq!(read(&repository, "pool/a_1%3a2+b~c.deb").unwrap(), "one");
        assert_eq!(read(&repository, "x").unwrap(), "two");
        assert_eq!(read(&repository, "none").unwrap_err(), "it is not there");
        let asked: Vec<String> = heard.iter().take(3).collect();
        assert_eq!(
            asked,
            [
                "GET /some/repo/pool/a_1%253a2+b~c.deb HTTP/1.1",
                "GET /some/repo/x HTTP/1.1",
                "GET /some/repo/none HTTP/1.1"
            ]
        );
    }

    #[test]
    fn what_breaks_off_goes_on_where_it_was() {
        let cut = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123".to_owned();
        let rest = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 4-9/10\r\nContent-Length: 6\r\n\r\n456789"
            .to_owned();
        let (url, heard) = answering(vec![vec![cut.clone()], vec![rest]]);
        assert_eq!(read(&WebRepository::new(&url).unwrap(), "file").unwrap(), "0123456789");
        assert_eq!(
            heard.iter().nth(1).unwrap().to_lowercase(),
            "get /some/repo/file http/1.1 range: bytes=4-"
        );
        // a server that knows no parts sends all of it
        let (url, _heard) = answering(vec![vec![cut.clone()], vec![ok("0123456789")]]);
        assert_eq!(read(&WebRepository::new(&url).unwrap(), "file").unwrap(), "0123456789");
        // one that sends another part is not believed, and one that never sends all is given up
        let wrong =
            "HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789"
                .to_owned();
        let again = vec![wrong; 4].into_iter().map(|one| vec![one]);
        let (url, _heard) = answering([vec![cut]].into_iter().chain(again).collect());
        let error = read(&WebRepository::new(&url).unwrap(), "file").unwrap_err();
        assert!(error.contains("another part") && error.contains("asked 4 times"), "{error}");
    }

    #[test]
    fn a_server_in_trouble_is_asked_again_and_one_that_refuses_is_not() {
        let busy = "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned();
        let (url, _heard) = answering(vec![vec![busy], vec![ok("there")]]);
        assert_eq!(read(&WebRepository::new(&url).unwrap(), "file").unwrap(), "there");
        let refused = "HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_owned();
        let (url, heard) = answering(vec![vec![refused]]);
        let error = read(&WebRepository::new(&url).unwrap(), "file").unwrap_err();
        assert!(error.contains("403"), "{error}");
        assert_eq!(heard.iter().count(), 1);
    }

    #[test]
    fn redirects_are_followed_within_reason() {
        let to = |place: &str| {
            format!(
                "HTTP/1.1 302 Moved\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        };
        let (url, heard) = answering(vec![vec![to("/other/file")], vec![ok("there")]]);
        assert_eq!(read(&WebRepository::new(&url).unwrap(), "file").unwrap(), "there");
        assert_eq!(heard.iter().nth(1).unwrap(), "GET /other/file HTTP/1.1");
        let (url, _heard) = answering((0..6).map(|_| vec![to("/round")]).collect());
        let error = read(&WebRepository::new(&url).unwrap(), "file").unwrap_err();
        assert!(error.contains("more than 5 times"), "{error}");
        let (url, _heard) = answering(vec![vec![to("file:///etc/passwd")]]);
        let error = read(&WebRepository::new(&url).unwrap(), "file").unwrap_err();
        assert!(error.contains("no TLS"), "{error}");
        let https: Url = "https://h.example/a".parse().unwrap();
        assert!(redirected(&https, "http://h.example/a").is_err());
        assert_eq!(redirected(&https, "b").unwrap().as_str(), "https://h.example/b");
    }

    #[test]
    fn a_url_is_the_folder_of_a_repository() {
        for (text, url) in [
            ("http://h.example", "http://h.example/"),
            ("https://h.example/debian", "https://h.example/debian/"),
            ("http://h.example/debian/", "http://h.example/debian/"),
        ] {
            assert_eq!(WebRepository::new(text).unwrap().url().as_str(), url);
        }
        for text in [
            "",
            "ftp://h.example",
            "http://",
            "http://u:secret@h.example/",
            "http://h.example/?x",
            "http://h.example/#x",
        ] {
            let error = WebRepository::new(text).err().unwrap().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
