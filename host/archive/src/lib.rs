//! The archive: what is published, where, and how it is kept.
//!
//! From the ground up: [`domain`] has the words, [`format`] turns bytes into them, [`store`] and [`disk`] keep them; [`librarian`] has the
//! originals; [`openpgp`] makes and verifies signatures; [`people`] says who may do what, and who signed; [`notify`] writes down what people are
//! told. Above them stand the rooms of an upload's way, which never call each other: [`upload`] lets packages in, [`queue`] holds them for a decision, [`accept`] makes publications of what was
//! accepted, and [`build`] what is to be built of it. And those of a publication: [`pool`], [`dominate`], [`index`] and [`release`] are the phases A to D of a
//! pass, [`custom`] adds what is no package, [`dists`] stages and installs, [`mirror`] says what changed, and [`snapshot`] keeps what was installed.
//! What people do to published packages is in [`copy`], [`refile`], [`remove`] and [`overrides`].
//! What it all costs is counted in [`work`]; how it is doing is said by [`monitor`].

pub mod accept;
pub mod bugs;
pub mod build;
pub mod copy;
pub mod custom;
pub mod death_row;
pub mod disk;
pub mod dists;
pub mod domain;
pub mod dominate;
pub mod format;
pub mod index;
pub mod librarian;
pub mod mirror;
pub mod monitor;
pub mod notify;
pub mod openpgp;
pub mod overrides;
pub mod people;
pub mod pool;
pub mod queue;
pub mod refile;
pub mod release;
pub mod remove;
pub mod snapshot;
pub mod store;
pub mod upload;
pub mod work;
