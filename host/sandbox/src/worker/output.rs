//! A guest's standard output and error: the last of each is kept, and both together have an end.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError},
};

use super::bridge::BridgeError;
use crate::messages::LimitKind;

/// How much of the end of a stream is kept.
const TAIL_BYTES: usize = 4 << 10;
/// What a stream takes at once.
const PERMIT_BYTES: usize = 64 << 10;

/// One of the two streams.
#[derive(Clone)]
pub(super) struct Output {
    tail: Arc<Mutex<Vec<u8>>>,
    left: Arc<AtomicU64>,
}

impl Output {
    /// Standard output and error, which share one limit.
    pub(super) fn pair(output_bytes: u32) -> [Self; 2] {
        let left = Arc::new(AtomicU64::new(u64::from(output_bytes)));
        [Self { tail: Arc::default(), left: Arc::clone(&left) }, Self { tail: Arc::default(), left }]
    }

    /// The last of what was written.
    pub(super) fn tail(&self) -> String {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&tail).into_owned()
    }

    fn take(&self, bytes: &[u8]) -> Result<(), BridgeError> {
        let enough = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes.len() as u64));
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        tail.extend_from_slice(bytes);
        let beyond = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..beyond);
        enough.map(|_| ()).map_err(|_| BridgeError::Limit(LimitKind::Output))
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

impl OutputStream for Output {
    fn write(&mut self, bytes: bytes::Bytes) -> Result<(), StreamError> {
        self.take(&bytes).map_err(|error| StreamError::Trap(error.into()))
    }

    fn flush(&mut self) -> Result<(), StreamError> {
        Ok(())
    }

    fn check_write(&mut self) -> Result<usize, StreamError> {
        Ok(PERMIT_BYTES)
    }
}

impl AsyncWrite for Output {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.take(bytes).map(|()| bytes.len()).map_err(io::Error::other))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
