//! What one call of a hook, and one compilation, may cost. The defaults suit the hooks of a distribution; an operator may raise them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one call of a hook may cost. What the staged tree and the state may take is for
/// [`HostServices`](crate::HostServices) to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From the start of the worker on, the host's answers included.
    pub wall: Duration,
    /// All linear memories together.
    pub memory_bytes: u64,
    /// The stack of compiled code. (A guest in C or Rust also has one in its memory.)
    pub stack_bytes: u32,
    /// Linear memories.
    pub memories: u32,
    /// Tables.
    pub tables: u32,
    /// Elements of all tables together.
    pub table_elements: u32,
    /// Core instances: one for a hook in Rust, some thirty for one in Python.
    pub instances: u32,
    /// Change sets, package lists, streams and the like that are open at once.
    pub handles: u32,
    /// Questions to the host, log lines not among them.
    pub host_calls: u64,
    /// What one question may carry, such as the content of a file; never more than [`Limits::MOST_HOST_CALL_BYTES`].
    pub host_call_bytes: u32,
    /// Lines for the log; more are dropped.
    pub log_lines: u32,
    /// Bytes of all lines for the log; more are dropped.
    pub log_bytes: u32,
    /// Standard output and error together.
    pub output_bytes: u32,
    /// Random bytes in all: making them is work of the host that no deadline of the engine interrupts.
    pub random_bytes: u32,
    /// Summary and details of the report, or the reason of a refusal.
    pub report_bytes: u32,
    /// Requests to servers of the network, which count as questions too; a hook is told that there are no more.
    pub http_requests: u32,
    /// The body of one request; never more than `host_call_bytes`.
    pub http_request_bytes: u32,
    /// The body of one answer; never more than [`Limits::MOST_HOST_CALL_BYTES`].
    pub http_response_bytes: u32,
}

impl Limits {
    /// What one question may carry whatever is configured: the frames between the processes have an end.
    pub const MOST_HOST_CALL_BYTES: u32 = 16 << 20;

    /// What the body of one request may have.
    pub(crate) fn most_http_request_bytes(&self) -> usize {
        self.http_request_bytes.min(self.host_call_bytes).min(Self::MOST_HOST_CALL_BYTES) as usize
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(60),
            memory_bytes: 256 << 20,
            stack_bytes: 1 << 20,
            memories: 4,
            tables: 64,
            table_elements: 100_000,
            instances: 64,
            handles: 1_000,
            host_calls: 100_000,
            host_call_bytes: 8 << 20,
            log_lines: 1_000,
            log_bytes: 256 << 10,
            output_bytes: 1 << 20,
            random_bytes: 1 << 20,
            report_bytes: 64 << 10,
            http_requests: 100,
            http_request_bytes: 1 << 20,
            http_response_bytes: 1 << 20,
        }
    }
}

/// What one compilation may cost: 277 KB of the wrong kind take a compiler 18 seconds and 1.8 GB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompileLimits {
    /// From the start of the worker on.
    pub wall: Duration,
    /// Processor time, of all threads together.
    pub cpu: Duration,
    /// Address space of the compiling process.
    pub memory_bytes: u64,
    /// The artefact.
    pub artefact_bytes: u64,
}

impl Default for CompileLimits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(120),
            cpu: Duration::from_secs(120),
            memory_bytes: 2 << 30,
            artefact_bytes: 512 << 20,
        }
    }
}
