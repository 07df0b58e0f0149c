//! What the end-to-end tests stand on: packages to publish, a root to publish them in, and the real tools that judge.
//!
//! Nothing here knows how Pressroom works: it runs the binary as a user would, and looks at what an archive's user sees. The tests themselves
//! are one binary, `tests/e2e`. A tool that is missing fails the test that needs it, with its name; nothing is skipped.

pub mod apt;
pub mod binary;
pub mod deb;
pub mod elsewhere;
pub mod gnupg;
pub mod intake;
pub mod mail_server;
pub mod mount;
pub mod pool;
pub mod random;
pub mod receiver;
pub mod root;
pub mod server;
pub mod source;
pub mod stanza;
pub mod tool;
pub mod tree;
pub mod upload;
pub mod uploader;
pub mod writing;
