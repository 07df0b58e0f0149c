//! The database: one file per table or tight family, functions that are questions in the field's words.
//!
//! SQLite in WAL mode, so that readers never wait for the publisher. Writers take the write lock at their first statement and wait for each
//! other; transactions are short. Everything that lists is ordered, so that the same database gives the same bytes.

pub mod accept;
pub mod ancestry;
pub mod archive;
pub mod archive_file;
pub mod archive_permission;
pub mod binary_package_build;
pub mod bug_closure;
pub mod built_using;
pub mod contents;
pub mod contest;
pub mod correspondent;
pub mod custom_publication;
mod db;
pub mod death_row;
pub mod derivation;
pub mod described;
pub mod distribution;
pub mod expiry;
pub mod extra_override;
pub mod hook;
pub mod hook_run;
pub mod hook_upkeep;
pub mod index_segment;
pub mod library_file;
pub mod listing;
pub mod new_series;
pub mod obsolete;
pub mod openpgp_key;
pub mod outbox_message;
pub mod override_change;
pub mod package_copy;
pub mod package_override;
pub mod package_release;
pub mod package_set;
pub mod package_upload;
pub mod pass;
pub mod person;
pub mod pool_file;
pub mod publication;
pub mod publisher;
pub mod removal;
pub mod run;
pub mod schedule;
pub mod script_log;
pub mod script_state;
pub mod series;
pub mod series_link;
pub mod shape;
pub mod signing_key;
pub mod source_group;
mod sql;
pub mod suite;
pub mod suite_hold;
pub mod unbuilt;
pub mod upload_check;
pub mod upload_queue;
pub mod upload_receipt;
pub mod upload_rules;
pub mod waiting;

pub use db::{Db, During, StoreError, attempt};
pub use rusqlite::{Connection, Transaction};
pub use sql::Made;
