//! What goes over the pipes between the host and a worker: a length of four bytes, little end first, and that many bytes of
//! postcard. Both sides bound the length before they make room for it; a frame with anything left over is no frame.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    Sha256,
    engine::Metering,
    limits::CompileLimits,
    messages::{Call, CallOutcome, HostRequest},
    walls::Walls,
};

/// The longest frame for a worker: a component of 32 MiB is the longest thing in one.
pub(crate) const MOST_TO_WORKER_BYTES: usize = 40 << 20;
/// The longest frame from a worker: a host call of 16 MiB is the longest thing in one.
pub(crate) const MOST_FROM_WORKER_BYTES: usize = 20 << 20;
/// The bytes of a length.
pub(crate) const LENGTH_BYTES: usize = 4;

/// The first frame, which says what the worker is for. What follows are replies to its requests.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Call a hook.
    Call { artefact: Native, call: Call, walls: Insistence, metering: Metering },
    /// Instantiate a hook without calling it, for the points named.
    Check { artefact: Native, call: Call, points: Vec<crate::Point>, walls: Insistence, metering: Metering },
    /// Make native code of a component.
    Compile {
        #[serde(with = "serde_bytes")]
        component: Vec<u8>,
        artefact_out: std::path::PathBuf,
        limits: CompileLimits,
        walls: Insistence,
        metering: Metering,
    },
    /// Confine yourself as for a call, and say which walls stand.
    Probe,
}

/// What becomes of a hook where a wall is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Insistence {
    /// It runs within those that there are.
    WhatThereIs,
    /// It does not run.
    All,
}

/// Native code on disk, and what it must be.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Native {
    pub(crate) path: std::path::PathBuf,
    pub(crate) sha256: Sha256,
}

/// What a worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// Answer me.
    Request(HostRequest),
    /// The call, or the check, is over.
    Finished(WorkerReport),
    /// The artefact is written, or why it is not.
    Compiled(Result<(), String>),
    /// Which walls stand.
    Walls(Walls),
}

/// What a worker knows of a call that is over.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct WorkerReport {
    pub(crate) outcome: CallOutcome,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) fuel: Option<u64>,
    pub(crate) log_lines_dropped: u64,
    pub(crate) stdout_tail: String,
    pub(crate) stderr_tail: String,
    pub(crate) walls: Walls,
}

/// Why bytes are no frame.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("a frame of {length_bytes} bytes is longer than the {most_bytes} that are allowed")]
    TooLong { length_bytes: usize, most_bytes: usize },
    #[error("a frame cannot be read")]
    Malformed(#[source] postcard::Error),
    #[error("a frame has {0} bytes too many")]
    LeftOver(usize),
    #[error("a message cannot be put into a frame")]
    Unwritable(#[source] postcard::Error),
    #[error("a message came out of turn, or beyond the limits")]
    OutOfTurn,
    #[error("the pipe broke")]
    Pipe(#[from] io::Error),
}

/// A frame, its length included.
pub(crate) fn encode<T: Serialize>(message: &T, most_bytes: usize) -> Result<Vec<u8>, FrameError> {
    let mut frame = postcard::to_extend(message, vec![0; LENGTH_BYTES]).map_err(FrameError::Unwritable)?;
    let length = bounded_length(frame.len() - LENGTH_BYTES, most_bytes)?;
    frame[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// The length that stands before a frame, if it is allowed.
pub(crate) fn decode_length(length: [u8; LENGTH_BYTES], most_bytes: usize) -> Result<usize, FrameError> {
    bounded_length(u32::from_le_bytes(length) as usize, most_bytes).map(|length| length as usize)
}

/// What a frame says, its length not included.
pub(crate) fn decode<T: DeserializeOwned>(frame: &[u8]) -> Result<T, FrameError> {
    let (message, rest) = postcard::take_from_bytes(frame).map_err(FrameError::Malformed)?;
    if rest.is_empty() { Ok(message) } else { Err(FrameError::LeftOver(rest.len())) }
}

/// Writes a message, as the worker does: blocking.
pub(crate) fn write<T: Serialize>(pipe: &mut impl Write, message: &T) -> Result<(), FrameError> {
    pipe.write_all(&encode(message, MOST_FROM_WORKER_BYTES)?)?;
    Ok(pipe.flush()?)
}

/// Reads a message, as the worker does: blocking.
pub(crate) fn read<T: DeserializeOwned>(pipe: &mut impl Read) -> Result<T, FrameError> {
    let mut length = [0; LENGTH_BYTES];
    pipe.read_exact(&mut length)?;
    let mut frame = vec![0; decode_length(length, MOST_TO_WORKER_BYTES)?];
    pipe.read_exact(&mut frame)?;
    decode(&frame)
}

fn bounded_length(length_bytes: usize, most_bytes: usize) -> Result<u32, FrameError> {
    match u32::try_from(length_bytes) {
        Ok(length) if length_bytes <= most_bytes => Ok(length),
        _ => Err(FrameError::TooLong { length_bytes, most_bytes }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back() {
        let mut pipe = Vec::new();
        write(&mut pipe, &HostRequest::StateSet { key: "k".into(), value: vec![0, 255, 7] }).unwrap();
        let back: HostRequest = read(&mut pipe.as_slice()).unwrap();
        assert_eq!(back, HostRequest::StateSet { key: "k".into(), value: vec![0, 255, 7] });
    }

    #[test]
    fn a_length_beyond_the_limit_makes_no_room() {
        let error = read::<HostRequest>(&mut [255, 255, 255, 255, 0].as_slice()).unwrap_err();
        assert!(matches!(error, FrameError::TooLong { .. }), "{error}");
        assert!(matches!(encode(&"long enough", 4), Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn what_is_cut_off_or_left_over_is_refused() {
        let frame = encode(&HostRequest::StateKeys, 100).unwrap();
        assert!(matches!(read::<HostRequest>(&mut &frame[..3]), Err(FrameError::Pipe(_))));
        assert!(matches!(decode::<HostRequest>(&[]), Err(FrameError::Malformed(_))));
        assert!(matches!(decode::<HostRequest>(&[200]), Err(FrameError::Malformed(_))));
        let mut more = frame[LENGTH_BYTES..].to_vec();
        more.push(0);
        assert!(matches!(decode::<HostRequest>(&more), Err(FrameError::LeftOver(1))));
    }

    #[test]
    fn a_list_that_claims_to_be_endless_makes_no_room() {
        // Keys(Ok([..])) with 2^60 elements and none of them.
        let frame = [9, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10];
        assert!(decode::<crate::HostReply>(&frame).is_err());
    }
}
