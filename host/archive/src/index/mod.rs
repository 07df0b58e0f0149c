//! Phase C: the index files of a suite, from the rows.
//!
//! [`stanza`] writes one package as `apt-ftparchive` would; [`build`] makes the files of the indexes that a pass touches (all of them where it has to)
//! in the staged tree; [`compress`] gives each its forms; [`by_hash`] gives them their second names. Which stanzas an index has is said by the rows
//! and the pass's transitions alone, so the same rows give the same bytes.

mod build;
pub mod by_hash;
mod compress;
mod stanza;

pub(crate) use build::digests_of;
pub use build::{Built, IndexError, Scope, build, index_path};
pub use compress::{compress, text_digests};
pub use stanza::{binary_stanza, source_stanza};
