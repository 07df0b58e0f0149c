//! A source that went into a binary package besides its own (Debian Policy 7.8).

use super::name::SourceName;
use super::version::DebVersion;
use super::word::words;

words! {
    /// Which field names it.
    BuiltUsingField, "field of sources that went into a package" {
        /// Its licence asks for it.
        BuiltUsing = "Built-Using",
        /// It was linked in, as a library.
        StaticBuiltUsing = "Static-Built-Using",
    }
}

/// A source that went into a binary package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ingredient {
    /// By which field.
    pub field: BuiltUsingField,
    /// Which.
    pub source: SourceName,
    /// Which version; none: whichever.
    pub version: Option<DebVersion>,
}
