//! The worker's end of the pipes, and the questions of a guest on their way through it.

use std::{
    fs::File,
    io::BufWriter,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::WorkerError;
use crate::{
    frames::{self, FromWorker},
    limits::Limits,
    messages::{HostReply, HostRequest, Level, LimitKind},
    text,
};

/// The two pipes to the parent.
pub(super) struct Pipe {
    pub(super) from_parent: File,
    pub(super) to_parent: BufWriter<File>,
}

impl Pipe {
    /// Those that this process was started with.
    pub(super) fn of_this_process() -> Result<Self, WorkerError> {
        let own =
            |fd| rustix::io::dup(fd).map(File::from).map_err(|error| frames::FrameError::Pipe(error.into()));
        Ok(Self {
            from_parent: own(rustix::stdio::stdin())?,
            to_parent: BufWriter::new(own(rustix::stdio::stdout())?),
        })
    }
}

/// Why a question gets no answer; the guest ends because of it.
#[derive(Debug, thiserror::Error)]
pub(super) enum BridgeError {
    #[error("the limit of the call is reached: {0}")]
    Limit(LimitKind),
    #[error("the host does not answer")]
    Frame(#[from] frames::FrameError),
    #[error("the host answers something else")]
    WrongAnswer,
}

/// Asks for the guest, and counts. Clones are of one bridge: a request to a server waits for its body while the guest goes on.
#[derive(Clone)]
pub(super) struct Bridge(Arc<Mutex<Counted>>);

struct Counted {
    /// Nothing once the guest is gone.
    pipe: Option<Pipe>,
    host_calls_left: u64,
    http_requests_left: u32,
    log_lines_left: u32,
    log_bytes_left: u32,
    log_lines_dropped: u64,
}

impl Bridge {
    pub(super) fn new(pipe: Pipe, limits: &Limits) -> Self {
        Self(Arc::new(Mutex::new(Counted {
            pipe: Some(pipe),
            host_calls_left: limits.host_calls,
            http_requests_left: limits.http_requests,
            log_lines_left: limits.log_lines,
            log_bytes_left: limits.log_bytes,
            log_lines_dropped: 0,
        })))
    }

    /// Asks the host.
    pub(super) fn ask(&self, request: HostRequest) -> Result<HostReply, BridgeError> {
        let mut counted = self.counted();
        counted.host_calls_left =
            counted.host_calls_left.checked_sub(1).ok_or(BridgeError::Limit(LimitKind::HostCalls))?;
        if matches!(request, HostRequest::Http(_)) {
            counted.http_requests_left =
                counted.http_requests_left.checked_sub(1).ok_or(BridgeError::Limit(LimitKind::HostCalls))?;
        }
        counted.exchange(request)
    }

    /// Writes a line to the log, or drops it if there were enough.
    pub(super) fn log(&self, level: Level, message: &str) -> Result<(), BridgeError> {
        // One byte more than fits lets the parent see that the line was cut.
        let line = text::clip(message, text::MOST_LINE_BYTES + 4);
        let length = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let mut counted = self.counted();
        match (counted.log_lines_left.checked_sub(1), counted.log_bytes_left.checked_sub(length)) {
            (Some(lines_left), Some(bytes_left)) => {
                counted.log_lines_left = lines_left;
                counted.log_bytes_left = bytes_left;
                counted.exchange(HostRequest::Log { level, message: line.to_owned() }).map(|_| ())
            }
            _ => {
                counted.log_lines_dropped += 1;
                Ok(())
            }
        }
    }

    pub(super) fn log_lines_dropped(&self) -> u64 {
        self.counted().log_lines_dropped
    }

    /// The pipes, when the guest is gone; from then on nothing is asked.
    pub(super) fn into_pipe(self) -> Option<Pipe> {
        self.counted().pipe.take()
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    fn exchange(&mut self, request: HostRequest) -> Result<HostReply, BridgeError> {
        let pipe = self.pipe.as_mut().ok_or(BridgeError::WrongAnswer)?;
        frames::write(&mut pipe.to_parent, &FromWorker::Request(request))?;
        Ok(frames::read(&mut pipe.from_parent)?)
    }
}
