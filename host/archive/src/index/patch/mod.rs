//! Patches of indexes (pdiffs): what clients that have the index of a day ago fetch instead of today's.
//!
//! Beside `PATH.xz` lies `PATH.diff/`, with a patch for each step from one publication to the next, and `Index`, which says from which text each leads.
//! Only `Index` is in the Release; what it says of the patches is as good as signed. [`maker`] makes a patch while the index is put together, from the
//! segments that changed: [`compare`] finds their lines, [`script`] says them as apt reads them. [`history`] decides which patches clients are told of,
//! and [`publish`] puts it all in place.
//!
//! A patch is there only where it was seen to make the one text of the other. Where that cannot be said, as when a hook has replaced an index, the
//! history begins anew, and clients fetch the whole index once.

mod compare;
mod history;
pub(super) mod maker;
pub(super) mod publish;
mod script;

/// Where the patches of an index lie, below its suite's folder.
#[must_use]
pub fn patch_folder(path: &str) -> String {
    format!("{path}.diff")
}

/// Where clients are told of the patches of an index.
#[must_use]
pub fn patch_index(path: &str) -> String {
    format!("{}/Index", patch_folder(path))
}

/// Where a patch of an index lies.
#[must_use]
pub fn patch_file(path: &str, name: &str) -> String {
    format!("{}/{name}.gz", patch_folder(path))
}
