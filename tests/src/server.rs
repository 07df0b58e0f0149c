//! A small web server on the loopback: serves a folder, remembers what it was asked, and can hold back the times.
//!
//! It answers GET and HEAD of HTTP/1.1, which is what apt's `http` method speaks. A *pinned* path is answered with the bytes it had when it was
//! pinned: so a test sees what a client sees that read `InRelease` a moment before the archive changed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Debug, Default)]
struct State {
    folder: PathBuf,
    pinned: BTreeMap<String, Vec<u8>>,
    asked: Vec<String>,
}

/// The server. Its threads end with the test.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Server {
    /// Serves a folder on a free port.
    ///
    /// # Panics
    /// When there is no loopback.
    #[track_caller]
    #[must_use]
    pub fn new(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback has a free port");
        let address = listener.local_addr().expect("a listening socket has an address");
        let state = Arc::new(Mutex::new(State { folder: folder.to_owned(), ..State::default() }));
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
        // the head of the request: nothing in it changes the answer
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
                break;
            }
        }
        let mut words = request.split_whitespace();
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let path = target.trim_start_matches('/').replace("%2b", "+").replace("%7e", "~").replace("%3a", ":");
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
