//! A server on the loopback that hooks tell things: it remembers every request, and answers well or as badly as a test wants.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How a path answers.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With a status and nothing else.
    Status(u16),
    /// With a redirect.
    Redirect(String),
    /// With a body of so many bytes.
    Bytes(usize),
    /// With a body that has no end.
    Endless,
    /// With a byte now and then, and no end: never so long without one that a client would think it asleep.
    Trickle,
    /// The same, before the headers are over.
    TrickleHead,
    /// With so many headers.
    Headers(usize),
    /// With less than was promised.
    Short,
    /// With nothing: the connection is closed.
    Close,
    /// With nothing: the connection stays open.
    Silence,
    /// With something that is no HTTP.
    Garbage,
}

/// What was asked.
#[derive(Debug, Clone)]
pub struct Received {
    /// `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// By names in lower case.
    pub headers: BTreeMap<String, String>,
    /// As its length says.
    pub body: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    answers: BTreeMap<String, Answer>,
    received: Vec<Received>,
}

/// The server. Its threads end with the test.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    /// A server on a free port, whose every path answers 404.
    ///
    /// # Panics
    /// When there is no loopback.
    #[track_caller]
    #[must_use]
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("a listening socket has an address");
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // a client that goes away ends its own thread only
                std::thread::spawn(move || serve(&stream, &shared).ok());
            }
        });
        Self { address, state }
    }

    /// Lets a path answer from now on.
    #[must_use]
    pub fn with(self, path: &str, answer: Answer) -> Self {
        self.answer(path, answer);
        self
    }

    /// The same, for a server that is in use.
    pub fn answer(&self, path: &str, answer: Answer) {
        self.lock().answers.insert(path.to_owned(), answer);
    }

    /// Such as `http://127.0.0.1:4711/push`.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Takes what was asked since the last time.
    #[must_use]
    pub fn take_received(&self) -> Vec<Received> {
        std::mem::take(&mut self.lock().received)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::new()
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = Vec::new();
    Read::by_ref(&mut reader).take(length).read_to_end(&mut body)?;
    let path = target.split('?').next().unwrap_or_default().to_owned();
    let answer = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.received.push(Received { method, target, headers, body });
        state.answers.get(&path).cloned().unwrap_or(Answer::Status(404))
    };
    let mut writer = stream;
    match answer {
        Answer::Status(status) => write!(writer, "HTTP/1.1 {status} Said\r\nContent-Length: 0\r\n\r\n"),
        Answer::Redirect(location) => {
            write!(writer, "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
        }
        Answer::Bytes(length) => {
            write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
            writer.write_all(&vec![b'x'; length])
        }
        Answer::Endless => {
            write!(writer, "HTTP/1.1 200 OK\r\n\r\n")?;
            loop {
                writer.write_all(&[b'x'; 4096])?;
            }
        }
        Answer::Trickle => {
            write!(writer, "HTTP/1.1 200 OK\r\n\r\n")?;
            trickle(stream)
        }
        Answer::TrickleHead => {
            write!(writer, "HTTP/1.1 200 OK\r\nX-Slow: ")?;
            trickle(stream)
        }
        Answer::Headers(count) => {
            write!(writer, "HTTP/1.1 200 OK\r\n")?;
            for number in 0..count {
                write!(writer, "X-Flood-{number}: {}\r\n", "x".repeat(50))?;
            }
            write!(writer, "\r\n")
        }
        Answer::Short => write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nnot so long"),
        Answer::Close => Ok(()),
        Answer::Silence => wait_for_end(stream, None),
        Answer::Garbage => write!(writer, "220 mail.example.org ESMTP\r\n\r\n"),
    }
}

fn trickle(stream: &TcpStream) -> std::io::Result<()> {
    let mut writer = stream;
    loop {
        writer.write_all(b"x")?;
        wait_for_end(stream, Some(Duration::from_millis(100)))?;
    }
}

/// Waits until the client goes, or so long.
fn wait_for_end(mut stream: &TcpStream, time: Option<Duration>) -> std::io::Result<()> {
    stream.set_read_timeout(time)?;
    match stream.read(&mut [0]) {
        Ok(0) => Err(std::io::ErrorKind::ConnectionAborted.into()),
        Ok(_) => Ok(()),
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}
