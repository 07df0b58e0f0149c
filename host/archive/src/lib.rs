//! The archive: what is published, where, and how it is kept.
//!
//! From the ground up: [`domain`] has the words, [`format`] turns bytes into them, [`store`] and [`disk`] keep them; [`librarian`] has the
//! originals; [`people`] says who may do what, and who signed. Above them stand the rooms of a publication, which never call each other: [`upload`] lets
//! packages in, [`queue`] has what waits for a word, [`accept`] and [`build`] what comes of it, [`pool`], [`dominate`], [`index`] and [`release`] are the
//! phases A to D of a pass, [`custom`] adds what is no package, [`dists`] stages and installs; [`notify`] writes down what people are told. What it all
//! costs is counted in [`work`].

pub mod accept;
pub mod build;
pub mod custom;
pub mod disk;
pub mod dists;
pub mod domain;
pub mod dominate;
pub mod format;
pub mod index;
pub mod librarian;
pub mod notify;
pub mod people;
pub mod pool;
pub mod queue;
pub mod release;
pub mod store;
pub mod upload;
pub mod work;
