//! Segments: how an index is made in time proportional to what changed in it.
//!
//! An index is a sorted sequence of stanzas. [`cut`] says, by the names alone and how much text stands between them, where it is divided into
//! segments, so that a change touches the segment it is in and rarely a neighbour. [`form`] packs a segment so that packed segments, one after the
//! other between an opening and a closing, are one file of that form. The published files are the store of packed segments: the rows say which
//! segments a file has and what each must be, [`previous`] takes them from there, and [`assemble`] puts the next file together from what stays and
//! what is new, while [`difference`] tells what has become of what was published. [`splice`] changes single packages in a segment's text. A segment that is not what its row says, or not there, is made again.

pub(super) mod assemble;
mod beside;
pub(super) mod cut;
pub(super) mod difference;
pub(super) mod form;
pub(super) mod previous;
pub(super) mod splice;
mod xz;
