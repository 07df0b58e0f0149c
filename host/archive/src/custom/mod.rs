//! Custom uploads, on their way from the librarian into the staged tree: images of the installer, translated descriptions, what is to be signed.
//!
//! Their names say what they are ([`custom_name`](crate::format::custom_name)). [`unpack`] takes tarballs apart that nobody has reason to trust, [`publish`] gives what is in them its
//! place in a pass. [`inherit_customs`] asks for a new series to have what the one before it has.

mod inherit;
mod publish;
mod unpack;

pub use inherit::{Inherited, inherit_customs};
pub use publish::{CustomError, Customs, KEPT_VERSIONS, Published, Refused, publish};
pub use unpack::{Fault, Limits};
