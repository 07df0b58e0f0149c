//! The rooms together, without a conductor: packages come in, a pass is taken through its phases, and is stopped wherever a machine can die.

mod fixture;
mod histories;
mod incoming;
mod pool;
mod recovery;
mod work;
