//! Phase C: the index files of a suite, from the rows.
//!
//! [`build`] decides which indexes a pass makes, and how: from what is published and the names that the pass touches ([`increment`]), or all of it from
//! the rows ([`render`]), where [`stanza`] writes one package as `apt-ftparchive` would; long descriptions stand there or in a Translation file
//! ([`description`]), and [`contents`] says which packages have which files. Packages and Sources can come from apt-ftparchive instead ([`ftparchive`]). Either way an index is a sequence of segments ([`segment`]),
//! and its files are put together from those that stay and those that are new; [`patch`] says the difference to clients. [`by_hash`] gives files their second names; [`unpack`] tells what text a
//! file carries that was not made here. Which stanzas an index has is said by the rows and the pass's transitions alone, so the same rows give the
//! same bytes.

mod build;
pub mod by_hash;
mod contents;
mod description;
mod ftparchive;
mod increment;
mod patch;
mod render;
mod segment;
mod stanza;
mod unpack;

pub(crate) use build::digests_of;
pub use build::{Built, IndexError, Scope, build, build_with, index_path};
pub use ftparchive::Workshop;
pub use patch::{patch_file, patch_folder, patch_index};
pub use stanza::{binary_stanza, source_stanza};
pub use unpack::text_digests;
