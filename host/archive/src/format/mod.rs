//! The files of the packaging world, bytes to values and back.
//!
//! Everything read here was made by somebody else: it is bounded in size, refused with a line or a member and a
//! reason, and never makes a reader panic. Nothing here decides whether a package is welcome, only whether it can
//! be understood. Errors hold their cause as a source: print the chain.

pub mod control;
pub mod field;

pub mod clearsign;
pub mod file_list;
pub mod mailbox;
pub mod relation;
pub mod relations;

pub mod ar;
pub mod binary_control;
pub mod deb;
pub mod package_paths;
pub mod tarball;

pub mod built_using;
pub mod changelog;
pub mod changes;
pub mod custom_name;
pub mod dsc;
pub mod source_diff;
pub mod source_tree;

pub use binary_control::{BinaryControl, PackageType};
pub use changes::{Changes, ChangesError, ChangesFile};
pub use control::{ControlError, Paragraph};
pub use deb::{DebControl, DebError, read_deb, read_deb_control};
pub use dsc::{DscError, SourceControl, SourceFile, SourceFormat};
pub use package_paths::{ContentsError, PathList};
