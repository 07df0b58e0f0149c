//! What the author of a Pressroom hook depends on.
//!
//! A hook is a type that implements a trait for each point at which it runs, and [`hooks!`] exports exactly these:
//!
//! ```
//! use pressroom_plugin::{HookError, HostExt, PassContext, PrePublication, Report, StagingHost};
//!
//! struct Motd;
//!
//! impl PrePublication for Motd {
//!     fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
//!         host.info("writing the message of the day");
//!         host.write("project/motd", format!("{} has news\n", context.distribution).as_bytes())?;
//!         Ok(Report::done("wrote project/motd"))
//!     }
//! }
//!
//! pressroom_plugin::hooks!(Motd: pre_publication);
//! # fn main() {}
//! ```
//!
//! The crate is a `cdylib` for the host and an `rlib` for its tests, and is built for the target of components:
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]
//!
//! [dependencies]
//! pressroom-plugin = "0.1"
//! ```
//!
//! ```sh
//! cargo build --release --target wasm32-wasip2
//! ```
//!
//! With `cargo test` the same code runs natively against a [`FakeHost`](testing::FakeHost), which has what the test gives it and
//! records what the hook does:
//!
//! ```
//! use pressroom_plugin::{testing::{self, FakeHost}, HookError, Outcome, PassContext, PrePublication, Report, StagingHost};
//! # struct Motd;
//! # impl PrePublication for Motd {
//! #     fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
//! #         host.write("project/motd", format!("{} has news\n", context.distribution).as_bytes())?;
//! #         Ok(Report::done("wrote project/motd"))
//! #     }
//! # }
//! let mut host = FakeHost::default();
//! let report = Motd::run(&testing::pass_context(), &mut host)?;
//! assert_eq!(report.outcome, Outcome::Done);
//! assert_eq!(host.text("project/motd"), "debian has news\n");
//! # Ok::<(), HookError>(())
//! ```
//!
//! Beside the component stands `hook.toml`, the author's manifest: what the hook is called, at which points it runs, and which
//! capabilities it asks for. The operator's grant says which of them it gets.

mod bindings;
mod host;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod words;

pub use host::{Host, HostExt, Pages, StagingHost, StagingHostExt};
pub use words::{
    Action, ArchiveError, Change, Entry, FinalizeContext, HookError, Index, Level, Outcome, Package,
    PackageKind, PassContext, Pocket, Priority, Report, SigningMode, StagingError, StateError, Suite,
};

/// A hook that runs before the Release files are made and signed: what it adds is covered by the signature.
pub trait PrePublication {
    /// Does the work for one pass over one archive. A panic is shown to the operator as a broken hook.
    ///
    /// # Errors
    /// A veto holds the pass; any other failure does so too, unless the operator says otherwise.
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError>;
}

/// A hook that runs after the new tree has become the live one.
pub trait PostPublication {
    /// Does the work for one pass over one archive.
    ///
    /// # Errors
    /// They are recorded and reported; the tree stays.
    fn run(context: &PassContext, host: &mut dyn Host) -> Result<Report, HookError>;
}

/// A hook that runs after all archives of the distribution have been installed.
pub trait Finalize {
    /// Does the work for one pass over the whole distribution.
    ///
    /// # Errors
    /// They are recorded and reported; the tree stays.
    fn run(context: &FinalizeContext, host: &mut dyn Host) -> Result<Report, HookError>;
}

/// Exports a hook at exactly the points named: `hooks!(Trace: pre_publication, finalize)`.
///
/// The type must implement [`PrePublication`] for `pre_publication`, [`PostPublication`] for `post_publication`, [`Finalize`] for
/// `finalize`. Natively nothing is exported, only that is checked.
#[macro_export]
macro_rules! hooks {
    ($hook:ty : $($point:ident),+ $(,)?) => {
        $( $crate::__export_point!($hook, $point); )+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_point {
    ($hook:ty, pre_publication) => {
        $crate::__export_point!(@ $hook, pre_publication, export_pre_publication, PassContext);
    };
    ($hook:ty, post_publication) => {
        $crate::__export_point!(@ $hook, post_publication, export_post_publication, PassContext);
    };
    ($hook:ty, finalize) => {
        $crate::__export_point!(@ $hook, finalize, export_finalize, FinalizeContext);
    };
    ($hook:ty, $other:ident) => {
        compile_error!(concat!("`", stringify!($other), "` is no point: use pre_publication, post_publication or finalize"));
    };
    (@ $hook:ty, $point:ident, $export:ident, $context:ident) => {
        #[allow(unsafe_code, reason = "a component's exports are unsafe functions, which wit-bindgen writes; natively there are none")]
        const _: () = {
            struct Exported;
            impl $crate::__private::$point::exports::pressroom::hooks::$point::Guest for Exported {
                fn run(
                    context: $crate::__private::types::$context,
                ) -> ::core::result::Result<$crate::__private::types::Report, $crate::__private::types::HookError> {
                    $crate::__private::run::$point::<$hook>(context)
                }
            }
            #[cfg(target_family = "wasm")]
            $crate::__private::$point::$export!(Exported with_types_in $crate::__private::$point);
        };
    };
}

/// What [`hooks!`] is made of. Not for anyone else.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings::{
        finalize, imports::pressroom::hooks::types, post_publication, pre_publication,
    };

    /// The exports, in the words of the traits.
    pub mod run {
        use super::types;
        use crate::{Finalize, PostPublication, PrePublication, host::ComponentHost};

        pub fn pre_publication<H: PrePublication>(
            context: types::PassContext,
        ) -> Result<types::Report, types::HookError> {
            Ok(H::run(&context.into(), &mut ComponentHost)?.into())
        }

        pub fn post_publication<H: PostPublication>(
            context: types::PassContext,
        ) -> Result<types::Report, types::HookError> {
            Ok(H::run(&context.into(), &mut ComponentHost)?.into())
        }

        pub fn finalize<H: Finalize>(
            context: types::FinalizeContext,
        ) -> Result<types::Report, types::HookError> {
            Ok(H::run(&context.into(), &mut ComponentHost)?.into())
        }
    }
}
