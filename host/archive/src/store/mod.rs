//! The database: one file per table or tight family, functions that are questions in the field's words.
//!
//! SQLite in WAL mode, so that readers never wait for the publisher. Writers take the write lock at their first statement and wait for each
//! other; transactions are short. Everything that lists is ordered, so that the same database gives the same bytes.

pub mod accept;
pub mod ancestry;
pub mod archive;
pub mod archive_auth_token;
pub mod archive_file;
pub mod archive_permission;
pub mod binary_package_build;
pub mod bug_closure;
pub mod build_source;
pub mod built_using;
pub mod contest;
pub mod copy_archive;
pub mod copy_request;
pub mod correspondent;
pub mod custom_publication;
mod db;
pub mod death_row;
pub mod derivation;
pub mod described;
pub mod distribution;
pub mod dists_link;
pub mod expiry;
pub mod extra_override;
pub mod hook;
pub mod hook_run;
pub mod hook_upkeep;
pub mod index_patch;
pub mod index_segment;
pub mod indexed;
pub mod indexed_page;
pub mod library_file;
pub mod live;
pub mod mirror_journal;
pub mod new_series;
pub mod obsolete;
pub mod openpgp_key;
pub mod outbox_message;
pub mod override_change;
pub mod package_copy;
pub mod package_override;
pub mod package_paths;
pub mod package_release;
pub mod package_set;
pub mod package_upload;
pub mod pass;
pub mod person;
pub mod pool_file;
pub mod pool_listing;
pub mod pool_need;
pub mod publication;
pub mod publisher;
pub mod reaped_file;
pub mod removal;
pub mod run;
pub mod schedule;
pub mod script_log;
pub mod script_state;
pub mod series;
pub mod series_link;
pub mod shape;
pub mod signing_key;
pub mod snapshot;
pub mod snapshot_content;
pub mod snapshot_moment;
pub mod snapshot_need;
pub mod source_group;
mod sql;
pub mod step;
pub mod suite;
pub mod suite_hold;
pub mod survey;
pub mod takeover;
pub mod transition;
pub mod unbuilt;
pub mod upload_check;
pub mod upload_queue;
pub mod upload_receipt;
pub mod upload_rules;
pub mod waiting;

pub use db::{Db, During, StoreError, attempt};
pub use rusqlite::{Connection, Transaction};
pub use sql::Made;

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    /// The files of Rust below a folder.
    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_database_is_named_nowhere_else() {
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        sources(&own.join("src"), &mut found);
        sources(&own.join("../src"), &mut found);
        let store = own.join("src/store");
        assert!(found.iter().any(|path| path.starts_with(&store)), "this test looks elsewhere");
        let naming = found.iter().filter(|path| {
            !path.starts_with(&store) && std::fs::read_to_string(path).unwrap().contains("rusqlite")
        });
        assert_eq!(
            naming.collect::<Vec<_>>(),
            Vec::<&PathBuf>::new(),
            "take Connection and Transaction from the store"
        );
    }
}
