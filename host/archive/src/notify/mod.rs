//! What people and bug trackers are told of uploads, and operators of runs that do not succeed.
//!
//! Decides who is told what ([`recipients`]), writes the mails ([`templates`], `letter`) and puts them into the outbox, in the transaction that
//! they tell of: a change that is taken back is told to nobody, one that is kept is told once. Sending is somebody else's, later; [`backoff`] says
//! when again. Everything here that came with an upload may be anything: it is cut, and cleaned of what a mail or a terminal would obey.

mod backoff;
mod error;
mod facts;
mod letter;
pub mod operators;
pub mod recipients;
mod telling;
pub mod templates;

pub use backoff::Patience;
pub use error::NotifyError;
pub use facts::{FactFile, FactKind, Signature, UploadFacts};
pub use letter::{Letterhead, mailbox};
pub use telling::{UploadNews, close_bug, tell, write_test};
