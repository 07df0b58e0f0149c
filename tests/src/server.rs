//! A small web server on the loopback: serves a folder, remembers what it was asked, and can hold back the times.
//!
//! It answers GET and HEAD of HTTP/1.1, which is what apt's `http` method speaks. A *pinned* path is answered with the bytes it had when it was
//! pinned: so a test sees what a client sees that read `InRelease` a moment before the archive changed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Says whether a user with a secret may read.
type Guard = Box<dyn Fn(&str, &str) -> bool + Send>;

#[derive(Default)]
struct State {
    folder: PathBuf,
    pinned: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
    guard: Option<Guard>,
}

/// The server. Its threads end with the test.
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Server {
    /// Serves a folder on a free port.
    ///
    /// # Panics
    /// When there is no loopback.
    #[track_caller]
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        Self::with_guard(folder, None)
    }

    /// The same, for those whom the guard lets in by their user name and secret (HTTP's Basic).
    ///
    /// # Panics
    /// When there is no loopback.
    #[track_caller]
    #[must_use]
    pub fn guarded(folder: &Path, guard: impl Fn(&str, &str) -> bool + Send + 'static) -> Self {
        Self::with_guard(folder, Some(Box::new(guard)))
    }

    #[track_caller]
    fn with_guard(folder: &Path, guard: Option<Guard>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("a listening socket has an address");
        let state = Arc::new(Mutex::new(State { folder: folder.to_owned(), guard, ..State::default() }));
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

    /// Such as `http://127.0.0.1:4711`.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on a path has the bytes that it has now.
    ///
    /// # Panics
    /// When it is not there.
    #[track_caller]
    pub fn pin(&self, path: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let content = crate::tool::read(&state.folder.join(path));
        state.pinned.insert(path.to_owned(), content);
    }

    /// Takes what was asked since the last time: paths, with the status of the answer.
    #[must_use]
    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner).asked)
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        // of the head of the request only who asks changes the answer
        let mut login = None;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
            if let Some(shown) = line.strip_prefix("Authorization: Basic ") {
                login = decoded(shown.trim());
            }
        }
        let mut words = request.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.trim_start_matches('/').replace("%2b", "+").replace("%7e", "~").replace("%3a", ":");
        let is_let_in = {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            state.guard.as_ref().is_none_or(|guard| {
                let login = login.as_deref().and_then(|login| login.split_once(':'));
                login.is_some_and(|(user, secret)| guard(user, secret))
            })
        };
        if !is_let_in {
            let mut writer = stream;
            write!(
                writer,
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"archive\"\r\nContent-Length: 0\r\n\r\n"
            )?;
            continue;
        }
        let content = {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let content = state.pinned.get(&path).cloned().or_else(|| read_below(&state.folder, &path));
            let status = if content.is_some() { 200 } else { 404 };
            state.asked.push(format!("{status} {path}"));
            content
        };
        let mut writer = stream;
        match content {
            Some(content) => {
                write!(writer, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", content.len())?;
                if method != "HEAD" {
                    writer.write_all(&content)?;
                }
            }
            None => write!(writer, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
    }
}

fn read_below(folder: &Path, path: &str) -> Option<Vec<u8>> {
    if path.split('/').any(|part| part == "..") {
        return None;
    }
    std::fs::read(folder.join(path)).ok()
}

/// What base64 stands for, if it is text.
fn decoded(base64: &str) -> Option<String> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for character in base64.trim_end_matches('=').bytes() {
        let digit = DIGITS.iter().position(|one| *one == character)?;
        bits = (bits << 6 | u32::try_from(digit).ok()?) & 0xffff;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}
