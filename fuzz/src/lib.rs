//! What all targets hold a reader to, besides not panicking and not hanging: that it keeps within memory, and that what it says can be shown.
//!
//! Memory is counted here and not by the fuzzer, whose own corpus and counters are most of the process: every allocation of Rust code that a
//! reader makes while it reads one input. The tables of the C decoders (xz, zstd) are not among them; each has a limit of its own, which
//! `format::deb` sets to what the highest levels of both need.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// The most bytes that may be allocated at once for one input.
pub const MOST_BYTES: usize = 64 << 20;

struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(usize::MAX);

fn grown(by: usize) {
    let live = LIVE.fetch_add(by, Relaxed).saturating_add(by);
    if live > MOST.load(Relaxed) {
        // so that telling of it is within the limit
        MOST.store(usize::MAX, Relaxed);
        panic!("more than {MOST_BYTES} bytes are allocated for one input, the last {by} of them at once");
    }
}

// SAFETY: every call goes on to the system's allocator as it came; only numbers are kept besides.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are those that are asked here
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: as above
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as above
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size > layout.size() {
            grown(size - layout.size());
        } else {
            LIVE.fetch_sub(layout.size() - size, Relaxed);
        }
        // SAFETY: as above
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Lets a reader read one input within [`MOST_BYTES`].
pub fn bounded<T>(read: impl FnOnce() -> T) -> T {
    MOST.store(LIVE.load(Relaxed) + MOST_BYTES, Relaxed);
    let seen = read();
    MOST.store(usize::MAX, Relaxed);
    seen
}

/// An error, with all that caused it, has to be fit for a terminal and for a mail: no control characters, and not long whatever was read.
///
/// # Panics
/// When it is not.
pub fn presentable(error: &dyn Error) {
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        assert!(!text.contains(char::is_control), "control characters are told: {text:?}");
        assert!(text.len() < 4096, "a message of {} bytes: {text:?}", text.len());
        next = error.source();
    }
}

/// An `ar` archive of members, as deb(5) wants it.
#[must_use]
pub fn ar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = b"!<arch>\n".to_vec();
    for (name, content) in members {
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, "100644", content.len());
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(content);
        if content.len() % 2 == 1 {
            out.push(b'\n');
        }
    }
    out
}

/// A text that was read: anything else is not for readers of texts.
#[must_use]
pub fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data).ok()
}
