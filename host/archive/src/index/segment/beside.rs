//! Work on the texts of an index that nobody waits for before its end: done at once while there is little of it, and on a thread of its own as soon as
//! there is much.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

/// So much text is not worth a thread.
const LITTLE_BYTES: usize = 4 << 20;
/// So many pieces wait for the thread.
const WAITING: usize = 4;

/// Takes pieces of text in order.
pub(super) trait Taker: Default + Send + 'static {
    /// Of what.
    type Piece: Send;

    /// Takes the next one.
    fn take(&mut self, piece: Self::Piece);

    /// How much text a piece has.
    fn length(piece: &Self::Piece) -> usize;
}

/// A taker, here or on its thread.
#[derive(Debug)]
pub(super) enum Beside<T: Taker> {
    Here { taker: Box<T>, taken_bytes: usize },
    There { sender: SyncSender<T::Piece>, thread: JoinHandle<T> },
}

impl<T: Taker> Beside<T> {
    pub(super) fn begin() -> Self {
        Self::Here { taker: Box::default(), taken_bytes: 0 }
    }

    pub(super) fn take(&mut self, piece: T::Piece) {
        match self {
            Self::Here { taker, taken_bytes } if *taken_bytes < LITTLE_BYTES => {
                *taken_bytes += T::length(&piece);
                taker.take(piece);
            }
            Self::Here { taker, .. } => {
                let mut taker = std::mem::take(&mut **taker);
                let (sender, pieces) = sync_channel::<T::Piece>(WAITING);
                let thread = std::thread::spawn(move || {
                    pieces.into_iter().for_each(|piece| taker.take(piece));
                    taker
                });
                *self = Self::There { sender, thread };
                self.take(piece);
            }
            // it ends only when this end is dropped
            Self::There { sender, .. } => drop(sender.send(piece)),
        }
    }

    /// The taker, when it has taken everything.
    pub(super) fn finish(self) -> T {
        match self {
            Self::Here { taker, .. } => *taker,
            Self::There { sender, thread } => {
                let _span = tracing::debug_span!("wait").entered();
                drop(sender);
                thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            }
        }
    }
}
