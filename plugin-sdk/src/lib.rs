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
#[cfg(feature = "http")]
mod http;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod words;

pub use host::{Host, HostExt, Pages, StagingHost, StagingHostExt};
#[cfg(feature = "http")]
pub use http::{HttpError, HttpRequest, HttpResponse};
pub use words::{FinalizeContext, HookError, PassContext, Priority, Report};

/// For example, what a list of news leaves out:
///
/// ```
/// use pressroom_plugin::{Action, Change, testing};
///
/// let gone = Change { action: Action::Deleted, ..testing::source("zlib", "1.2-1") };
/// assert_ne!(gone.action, Action::Published);
/// ```
pub use words::Action;

/// For example, an index that not every archive has:
///
/// ```
/// use pressroom_plugin::{ArchiveError, Host, testing::FakeHost};
///
/// match FakeHost::default().suites("debian/partner") {
///     Err(ArchiveError::Unknown(what)) => assert_eq!(what, "archive debian/partner"),
///     other => panic!("{other:?}"),
/// }
/// ```
pub use words::ArchiveError;

/// For example, in a test:
///
/// ```
/// use pressroom_plugin::{Change, testing};
///
/// let change = Change { component: "contrib".into(), ..testing::source("steam", "1.0") };
/// assert_eq!((change.suite.as_str(), change.component.as_str()), ("bookworm", "contrib"));
/// ```
pub use words::Change;

/// For example, how large a folder is:
///
/// ```
/// use pressroom_plugin::{Entry, StagingHost, testing::FakeHost};
///
/// let mut host = FakeHost::default();
/// host.write("indices/a", b"1234")?;
/// let bytes: u64 = host.list_files("indices")?.iter().map(|Entry { size_bytes, .. }| size_bytes).sum();
/// assert_eq!(bytes, 4);
/// # Ok::<(), pressroom_plugin::StagingError>(())
/// ```
pub use words::Entry;

/// For example, the sources of main:
///
/// ```
/// use pressroom_plugin::{Index, testing};
///
/// let context = testing::pass_context();
/// let index = Index {
///     archive: context.archive.clone(),
///     suite: context.suites[0].name.clone(),
///     component: "main".into(),
///     architecture: "source".into(),
/// };
/// assert_eq!(index.suite, "bookworm");
/// ```
pub use words::Index;

/// For example:
///
/// ```
/// use pressroom_plugin::{Host, Level, testing::FakeHost};
///
/// let mut host = FakeHost::default();
/// host.log(Level::Error, "the list is broken");
/// assert_eq!(host.log[0].0, Level::Error);
/// ```
pub use words::Level;

/// For example:
///
/// ```
/// use pressroom_plugin::{Outcome, Report};
///
/// assert_eq!(Report::skipped("nothing is new").outcome, Outcome::Skipped);
/// ```
pub use words::Outcome;

/// For example, in a test:
///
/// ```
/// use pressroom_plugin::Package;
///
/// let package = Package {
///     name: "zlib1g".into(),
///     version: "1:1.3-1".into(),
///     architecture: "amd64".into(),
///     component: "main".into(),
///     section: "libs".into(),
///     priority: "optional".into(),
///     source: "zlib".into(),
///     source_version: "1:1.3-1".into(),
/// };
/// assert_ne!(package.name, package.source);
/// ```
pub use words::Package;

/// For example, in a test:
///
/// ```
/// use pressroom_plugin::PackageContents;
///
/// let contents = PackageContents {
///     name: "hello".into(),
///     version: "2.10-3".into(),
///     architecture: "amd64".into(),
///     paths: vec!["usr/bin/hello".into()],
/// };
/// assert!(contents.paths.iter().any(|path| path.starts_with("usr/bin/")));
/// ```
pub use words::PackageContents;

/// What changed at one path, for those who follow the files of an archive. For example, in a test:
///
/// ```
/// use pressroom_plugin::{ChangedFile, ChangedLink, FileChange};
///
/// let changes = [
///     FileChange::File(ChangedFile { path: "pool/main/h/hello/hello_1.dsc".into(), size_bytes: 5, sha256: "00ff".into() }),
///     FileChange::Link(ChangedLink { path: "dists/stable".into(), target: "bookworm".into() }),
///     FileChange::Removed("pool/main/h/hello/hello_0.dsc".into()),
/// ];
/// assert!(!changes.contains(&FileChange::Everything));
/// ```
pub use words::{ChangedFile, ChangedLink, FileChange, JournalNumbers};

/// For example:
///
/// ```
/// use pressroom_plugin::{PackageKind, testing};
///
/// assert_eq!(testing::binary("zlib1g", "1.3-1", "amd64").kind, PackageKind::Binary);
/// ```
pub use words::PackageKind;

/// For example:
///
/// ```
/// use pressroom_plugin::{Pocket, testing};
///
/// assert_eq!(testing::suite("bookworm-updates").pocket, Pocket::Updates);
/// ```
pub use words::Pocket;

/// For example:
///
/// ```
/// use pressroom_plugin::{SigningMode, StagingHost, testing::FakeHost};
///
/// let mut host = FakeHost::default();
/// host.write("project/news", b"news\n")?;
/// host.sign("project/news", "project/news.asc", SigningMode::Clear)?;
/// # Ok::<(), pressroom_plugin::StagingError>(())
/// ```
pub use words::SigningMode;

/// For example, a file that need not be there:
///
/// ```
/// use pressroom_plugin::{StagingError, StagingHost, testing::FakeHost};
///
/// match FakeHost::default().remove("indices/old") {
///     Ok(()) | Err(StagingError::NotFound) => {}
///     Err(error) => panic!("{error:?}"),
/// }
/// ```
pub use words::StagingError;

/// For example:
///
/// ```
/// use pressroom_plugin::{Host, StateError, testing::FakeHost};
///
/// let long = "k".repeat(257);
/// assert!(matches!(FakeHost::default().state_get(&long), Err(StateError::BadKey(_))));
/// ```
pub use words::StateError;

/// For example:
///
/// ```
/// use pressroom_plugin::testing;
///
/// let suite = testing::suite("bookworm-security");
/// assert_eq!((suite.series.as_str(), suite.components[0].as_str()), ("bookworm", "main"));
/// ```
pub use words::Suite;

/// A hook that runs before the Release files are made and signed: what it adds is covered by the signature.
///
/// ```
/// use pressroom_plugin::{HookError, HostExt, PassContext, PrePublication, Report, StagingHost, testing};
///
/// struct Freeze;
///
/// impl PrePublication for Freeze {
///     fn run(_: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError> {
///         for change in host.changes()? {
///             let change = change?;
///             if change.section == "kernel" {
///                 return Err(HookError::veto(format!("{} {} waits for the freeze", change.name, change.version)));
///             }
///         }
///         Ok(Report::skipped("nothing of the kernel"))
///     }
/// }
///
/// let mut host = testing::FakeHost::default();
/// assert_eq!(Freeze::run(&testing::pass_context(), &mut host)?.summary, "nothing of the kernel");
/// # Ok::<(), HookError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no hook for `pre_publication`",
    label = "it does not implement `PrePublication`",
    note = "implement `pressroom_plugin::PrePublication` for it, or take `pre_publication` out of `hooks!`"
)]
pub trait PrePublication {
    /// Does the work for one pass over one archive. A panic is shown to the operator as a broken hook.
    ///
    /// # Errors
    /// A veto holds the pass; any other failure does so too, unless the operator says otherwise.
    fn run(context: &PassContext, host: &mut dyn StagingHost) -> Result<Report, HookError>;
}

/// A hook that runs after the new tree has become the live one.
///
/// ```
/// use pressroom_plugin::{HookError, Host, HostExt, PassContext, PostPublication, Report, testing};
///
/// struct Tell;
///
/// impl PostPublication for Tell {
///     fn run(context: &PassContext, host: &mut dyn Host) -> Result<Report, HookError> {
///         host.info(&format!("{} is new", context.archive));
///         Ok(Report::done("told"))
///     }
/// }
///
/// let mut host = testing::FakeHost::default();
/// Tell::run(&testing::pass_context(), &mut host)?;
/// assert_eq!(host.log[0].1, "debian is new");
/// # Ok::<(), HookError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no hook for `post_publication`",
    label = "it does not implement `PostPublication`",
    note = "implement `pressroom_plugin::PostPublication` for it, or take `post_publication` out of `hooks!`"
)]
pub trait PostPublication {
    /// Does the work for one pass over one archive.
    ///
    /// # Errors
    /// They are recorded and reported; the tree stays.
    fn run(context: &PassContext, host: &mut dyn Host) -> Result<Report, HookError>;
}

/// A hook that runs after all archives of the distribution have been installed.
///
/// ```
/// use pressroom_plugin::{Finalize, FinalizeContext, HookError, Host, Report, testing};
///
/// struct Count;
///
/// impl Finalize for Count {
///     fn run(context: &FinalizeContext, _host: &mut dyn Host) -> Result<Report, HookError> {
///         Ok(Report::done(format!("{} archives", context.archives.len())))
///     }
/// }
///
/// let report = Count::run(&testing::finalize_context(), &mut testing::FakeHost::default())?;
/// assert_eq!(report.summary, "1 archives");
/// # Ok::<(), HookError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no hook for `finalize`",
    label = "it does not implement `Finalize`",
    note = "implement `pressroom_plugin::Finalize` for it, or take `finalize` out of `hooks!`"
)]
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
///
/// ```
/// use pressroom_plugin::{Finalize, FinalizeContext, HookError, Host, PassContext, PostPublication, Report};
///
/// struct Both;
///
/// impl PostPublication for Both {
///     fn run(_: &PassContext, _: &mut dyn Host) -> Result<Report, HookError> {
///         Ok(Report::done("after"))
///     }
/// }
///
/// impl Finalize for Both {
///     fn run(_: &FinalizeContext, _: &mut dyn Host) -> Result<Report, HookError> {
///         Ok(Report::done("at the end"))
///     }
/// }
///
/// pressroom_plugin::hooks!(Both: post_publication, finalize);
/// # fn main() {}
/// ```
///
/// A point that does not exist is refused: "`later` is no point: use pre_publication, post_publication or finalize".
///
/// ```compile_fail
/// struct Hook;
///
/// pressroom_plugin::hooks!(Hook: later);
/// # fn main() {}
/// ```
///
/// So is a type that does not implement the point's trait: "`Hook` is no hook for `finalize`".
///
/// ```compile_fail,E0277
/// struct Hook;
///
/// pressroom_plugin::hooks!(Hook: finalize);
/// # fn main() {}
/// ```
///
/// And a point that is named twice.
///
/// ```compile_fail
/// # use pressroom_plugin::{Finalize, FinalizeContext, HookError, Host, Report};
/// struct Hook;
/// # impl Finalize for Hook {
/// #     fn run(_: &FinalizeContext, _: &mut dyn Host) -> Result<Report, HookError> {
/// #         Ok(Report::done("at the end"))
/// #     }
/// # }
///
/// pressroom_plugin::hooks!(Hook: finalize, finalize);
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! hooks {
    ($hook:ty : $($point:ident),+ $(,)?) => {
        const _: () = {
            // what is named twice is an error here
            #[allow(non_camel_case_types, dead_code, reason = "only its names matter")]
            enum Points { $($point),+ }
        };
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
