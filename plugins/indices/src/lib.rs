//! A hook.
