//! Opening the database, its migrations, its transactions, its errors.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use rusqlite::trace::TraceEventCodes;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};

use crate::work::{Work, count};

/// In order; merged ones are never edited.
static MIGRATIONS: LazyLock<Migrations<'static>> = LazyLock::new(|| {
    Migrations::new(vec![
        M::up(include_str!("../../schema/0001_archive.sql")),
        M::up(include_str!("../../schema/0002_segments_and_removals.sql")),
        M::up(include_str!("../../schema/0003_hook_runs.sql")),
        M::up(include_str!("../../schema/0004_contents.sql")),
        M::up(include_str!("../../schema/0005_hook_runs_by_hook.sql")),
        M::up(include_str!("../../schema/0006_intake.sql")),
        M::up(include_str!("../../schema/0007_receipts.sql")),
        M::up(include_str!("../../schema/0008_queue.sql")),
        M::up(include_str!("../../schema/0009_builds.sql")),
        M::up(include_str!("../../schema/0010_copies.sql")),
        M::up(include_str!("../../schema/0011_retention.sql")),
        M::up(include_str!("../../schema/0012_death_row.sql")),
        M::up(include_str!("../../schema/0013_publishers.sql")),
        M::up(include_str!("../../schema/0014_keys.sql")),
        M::up(include_str!("../../schema/0015_indexes.sql")),
        M::up(include_str!("../../schema/0016_operators.sql")),
        M::up(include_str!("../../schema/0017_index_patch.sql")),
        M::up(include_str!("../../schema/0018_snapshot.sql")),
        M::up(include_str!("../../schema/0019_mirror_journal.sql")),
        M::up(include_str!("../../schema/0021_copy_archive.sql")),
        M::up(include_str!("../../schema/0022_beside_each_other.sql")),
        M::up(include_str!("../../schema/0023_copies_by_source.sql")),
        M::up(include_str!("../../schema/0024_message_numbers.sql")),
    ])
});

/// How long a writer waits for another writer's transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(60);

/// What the database would not do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database to open.
    #[error("there is no database at {0}: is this a root made by `pressroom init`?")]
    Missing(PathBuf),
    /// A newer Pressroom has been here.
    #[error(
        "the database {path} is not one that this pressroom can read (newer, or not a database): use the pressroom that wrote it"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<rusqlite_migration::Error>,
    },
    /// It is there, and cannot be used.
    #[error("cannot open the database {}{}", path.display(), hint(source))]
    Open {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A statement failed.
    #[error("the database could not {what}{}", hint(source))]
    Sql {
        /// As `list the suites`.
        what: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// A named thing that does not exist.
    #[error("there is no {what} {name}{}", among(known))]
    Unknown {
        /// As `series`.
        what: &'static str,
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A named thing that exists already.
    #[error("the {what} {name} exists already")]
    Exists {
        /// As `series`.
        what: &'static str,
        /// Which.
        name: String,
    },
    /// A change that the archive's rules do not allow.
    #[error("{0}")]
    Refused(String),
}

impl StoreError {
    /// Whether the database would not have these rows; it serves others.
    #[must_use]
    pub fn is_about_rows(&self) -> bool {
        use rusqlite::ErrorCode::{ConstraintViolation, TooBig};
        match self {
            Self::Refused(_) | Self::Exists { .. } | Self::Unknown { .. } => true,
            Self::Sql { source, .. } => {
                matches!(
                    source,
                    rusqlite::Error::ToSqlConversionFailure(_)
                        | rusqlite::Error::FromSqlConversionFailure(..)
                ) || matches!(source.sqlite_error_code(), Some(ConstraintViolation | TooBig))
            }
            Self::Missing(_) | Self::Unreadable { .. } | Self::Open { .. } => false,
        }
    }
}

fn hint(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => {
            " (make room on its filesystem and run again: nothing was lost)"
        }
        Some(rusqlite::ErrorCode::ReadOnly) => {
            " (its filesystem or file is read-only: make it writable and run again)"
        }
        Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked) => {
            " (another process holds it: run again when that one has ended)"
        }
        Some(rusqlite::ErrorCode::CannotOpen) => {
            " (its folder must be writable for this user, and its filesystem not read-only)"
        }
        Some(rusqlite::ErrorCode::SystemIoFailure) => {
            " (make room on its filesystem if it is full, otherwise look at the disk; then run again: nothing was lost)"
        }
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            " (the file is damaged: restore it from a backup)"
        }
        _ => "",
    }
}

fn among(known: &[String]) -> String {
    if known.is_empty() {
        ": there is none yet".to_owned()
    } else {
        format!(": there is {}", known.join(", "))
    }
}

/// Says of a statement what it was for.
pub trait During<T> {
    /// Turns the error into a [`StoreError`].
    fn during(self, what: &'static str) -> Result<T, StoreError>;
}

impl<T> During<T> for rusqlite::Result<T> {
    fn during(self, what: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| StoreError::Sql { what, source })
    }
}

/// An open database.
#[derive(Debug)]
pub struct Db {
    connection: Connection,
}

impl Db {
    /// Makes a new database.
    ///
    /// # Errors
    /// When there is one, or it cannot be made.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        if path.exists() {
            return Err(StoreError::Exists { what: "database", name: path.display().to_string() });
        }
        let connection =
            Connection::open(path).map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        Self::prepare(connection, path)
    }

    /// Opens the database of a root, and brings its schema up to date.
    ///
    /// # Errors
    /// When there is none, or it is not ours.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .map_err(|source| StoreError::Open { path: path.to_owned(), source })?;
        Self::prepare(connection, path)
    }

    /// Opens the database of a root to ask it something, for one who may not write to it, or where nobody can. Nothing is made or changed.
    ///
    /// # Errors
    /// When there is none, it is not ours or of an older pressroom, or somebody is writing to it whom we cannot follow.
    pub fn open_for_reading(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        let failed = |source| StoreError::Open { path: path.to_owned(), source };
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let asked = |connection: Connection| -> rusqlite::Result<Connection> {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            count_work(&connection)?;
            Ok(connection)
        };
        let connection = match Connection::open_with_flags(path, flags).and_then(asked) {
            // readers take part in a log beside the file. Where they cannot, and there is none, the file is all that there is
            Err(error) if !has_log(path) => {
                let flags = flags | OpenFlags::SQLITE_OPEN_URI;
                Connection::open_with_flags(uri(path), flags).and_then(asked).map_err(|_| failed(error))?
            }
            opened => opened.map_err(failed)?,
        };
        connection.set_prepared_statement_cache_capacity(128);
        let unreadable = |source| StoreError::Unreadable { path: path.to_owned(), source: Box::new(source) };
        match MIGRATIONS.pending_migrations(&connection).map_err(unreadable)? {
            0 => Ok(Self { connection }),
            1.. => Err(StoreError::Refused(format!(
                "the database {} was written by an older pressroom: run any command as the user who publishes, which brings it up to date",
                path.display()
            ))),
            ..0 => Err(StoreError::Refused(format!(
                "the database {} was written by a newer pressroom: use that one",
                path.display()
            ))),
        }
    }

    /// A database that is gone with the value: for tests, and to see whether something could be written.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory().during("be made")?, Path::new(":memory:"))
    }

    /// Makes a copy of the database as it is now and opens that: to see what much work would come to. Nobody who writes waits for it.
    ///
    /// # Errors
    /// When there is a file of that name, or no room for it.
    pub fn copy_to(&self, path: &Path) -> Result<Self, StoreError> {
        if path.exists() {
            return Err(StoreError::Exists { what: "database", name: path.display().to_string() });
        }
        let name = path.to_str().ok_or_else(|| {
            StoreError::Refused(format!(
                "{} is no UTF-8, and the database cannot be copied to it: set TMPDIR to another folder",
                path.display()
            ))
        })?;
        self.connection.execute("VACUUM INTO ?1", [name]).during("be copied")?;
        Self::open(path)
    }

    /// How long the database is, with what is written beside it still.
    ///
    /// # Errors
    /// When it cannot be asked.
    pub fn size_bytes(&self) -> Result<u64, StoreError> {
        self.connection
            .query_row("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", [], |row| {
                row.get(0)
            })
            .during("say how long it is")
    }

    fn prepare(mut connection: Connection, path: &Path) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Open { path: path.to_owned(), source };
        connection.busy_timeout(BUSY_TIMEOUT).map_err(unusable)?;
        count_work(&connection).map_err(unusable)?;
        connection
            .execute_batch(
                // FULL: what a transaction said is on disk when it returns, which the journal of a run relies on
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = -16384;
                 PRAGMA temp_store = MEMORY;",
            )
            .map_err(unusable)?;
        connection.set_prepared_statement_cache_capacity(128);
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        MIGRATIONS.to_latest(&mut connection).map_err(|error| {
            if let rusqlite_migration::Error::RusqliteError { err, .. } = error {
                return unusable(err);
            }
            StoreError::Unreadable { path: path.to_owned(), source: Box::new(error) }
        })?;
        Ok(Self { connection })
    }

    /// For questions.
    #[must_use]
    pub const fn read(&self) -> &Connection {
        &self.connection
    }

    /// Asks several things about one moment. Others write meanwhile, and are neither seen nor kept waiting.
    ///
    /// # Errors
    /// What `work` said, or that it could not be begun.
    pub fn look<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred)
            .during("begin to look at the database")?;
        work(&transaction)
    }

    /// Does something as one transaction: all of it, or nothing when it fails.
    ///
    /// # Errors
    /// What `work` said, or that the transaction could not be begun or committed.
    pub fn write<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self.connection.transaction().during("begin a change")?;
        let value = work(&transaction)?;
        transaction.commit().during("keep a change")?;
        Ok(value)
    }

    /// Does something in a transaction and takes it back: to see what would be. Until then nobody else writes.
    ///
    /// # Errors
    /// What `work` said, or that the transaction could not be begun.
    pub fn rehearse<T, E: From<StoreError>>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self.connection.transaction().during("begin a change")?;
        let value = work(&transaction)?;
        transaction.rollback().during("take a change back")?;
        Ok(value)
    }
}

/// Whether something was written that is not in the database's file yet.
fn has_log(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
}

/// The name of a database that nobody changes while it is read.
fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                uri.push(char::from(*byte));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// Does something within a transaction as if it were one of its own: all of it, or nothing when it fails, and the transaction goes on.
///
/// # Errors
/// When the database can neither keep nor take back what was done. What `work` said is in the value.
pub fn attempt<T, E>(
    tx: &Transaction<'_>,
    work: impl FnOnce() -> Result<T, E>,
) -> Result<Result<T, E>, StoreError> {
    tx.execute_batch("SAVEPOINT attempt").during("begin a part of a change")?;
    let result = work();
    let end = if result.is_ok() { "RELEASE attempt" } else { "ROLLBACK TO attempt; RELEASE attempt" };
    tx.execute_batch(end).during("end a part of a change")?;
    Ok(result)
}

/// How many instructions SQLite carries out between two words about them: so few that a statement that looks at some hundred rows is seen,
/// so many that nobody feels it.
const STEPS_BETWEEN: u16 = 100;

/// Lets SQLite say itself what it does: the rows that it gives, and the steps that it takes.
fn count_work(connection: &Connection) -> rusqlite::Result<()> {
    connection.trace_v2(TraceEventCodes::SQLITE_TRACE_ROW, Some(|_| count(Work::RowsRead, 1)));
    let went_on = || {
        count(Work::DatabaseSteps, STEPS_BETWEEN.into());
        // true would interrupt it
        false
    };
    connection.progress_handler(STEPS_BETWEEN.into(), Some(went_on))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::Counts;

    #[test]
    fn the_migrations_are_sound() {
        MIGRATIONS.validate().unwrap();
    }

    #[test]
    fn messages_keep_their_numbers_and_no_number_is_given_again() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        // as it was before
        MIGRATIONS.to_version(&mut connection, 22).unwrap();
        let add = |connection: &Connection| {
            let sql = "INSERT INTO outbox_message (kind, topic, recipients, content, status, date_created, date_sent)
                       VALUES ('WEBHOOK', 'BUG', 'https://bugs.example.org', x'7b7d', 'SENT', 1, 1)";
            connection.execute(sql, []).unwrap();
            connection.last_insert_rowid()
        };
        assert_eq!((add(&connection), add(&connection)), (1, 2));
        connection.execute("DELETE FROM outbox_message WHERE id = 1", []).unwrap();
        MIGRATIONS.to_latest(&mut connection).unwrap();
        let kept: i64 = connection
            .query_row("SELECT id FROM outbox_message WHERE topic = 'BUG'", [], |row| row.get(0))
            .unwrap();
        assert_eq!(kept, 2);
        connection.execute("DELETE FROM outbox_message", []).unwrap();
        assert_eq!(add(&connection), 3);
    }

    #[test]
    fn what_is_no_database_is_refused_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pressroom.db");
        assert!(matches!(Db::open(&path), Err(StoreError::Missing(_))));
        crate::disk::write_staged(&path, &[7; 5000]).unwrap();
        assert!(Db::open(&path).is_err());
    }

    #[test]
    fn a_database_that_cannot_be_written_to_can_be_asked() {
        let folder = tempfile::tempdir().unwrap();
        // a name that means something in a URI
        let path = folder.path().join("a?b%20#c.db");
        assert!(matches!(Db::open_for_reading(&path), Err(StoreError::Missing(_))));
        let add = |db: &mut Db, name: &str| {
            db.write(|tx| tx.execute("INSERT INTO component (name) VALUES (?1)", [name]).during("add"))
                .unwrap();
        };
        let components = |db: &Db| -> i64 {
            db.read().query_row("SELECT count(*) FROM component", [], |row| row.get(0)).unwrap()
        };
        let mut db = Db::create(&path).unwrap();
        add(&mut db, "main");
        // beside one that writes
        assert_eq!(components(&Db::open_for_reading(&path).unwrap()), 1);
        add(&mut db, "universe");
        drop(db);
        let mut reading = Db::open_for_reading(&path).unwrap();
        assert_eq!(components(&reading), 2);
        let refused = reading.write(|tx| tx.execute("DELETE FROM component", []).during("remove"));
        assert!(refused.is_err());
        drop(reading);
        assert_eq!(uri(&path).matches('?').count(), 1);
        let immutable = Connection::open_with_flags(
            uri(&path),
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI,
        );
        assert_eq!(components(&Db { connection: immutable.unwrap() }), 2);
    }

    #[test]
    fn a_copy_is_worked_on_while_others_write_and_they_do_not_see_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("pressroom.db"), folder.path().join("aside.db"));
        let add = |tx: &Transaction<'_>, name: &str| {
            tx.execute("INSERT INTO component (name) VALUES (?1)", [name]).map(|_| ()).during("add")
        };
        let components = |db: &Db| -> Vec<String> {
            let mut statement = db.read().prepare("SELECT name FROM component ORDER BY name").unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
        };
        let mut db = Db::create(&path).unwrap();
        db.write(|tx| add(tx, "main")).unwrap();
        let mut other = Db::open(&path).unwrap();
        // one that writes is not waited for either, and what is not kept yet is not copied
        let mut copy = other
            .write(|tx| {
                add(tx, "universe")?;
                db.copy_to(&aside)
            })
            .unwrap();
        copy.write(|tx| {
            add(tx, "partner")?;
            other.write(|tx| add(tx, "multiverse"))
        })
        .unwrap();
        assert!(
            copy.size_bytes().unwrap() >= 4096 && copy.size_bytes().unwrap() <= 2 * db.size_bytes().unwrap()
        );
        assert_eq!(components(&copy), ["main", "partner"]);
        assert_eq!(components(&db), ["main", "multiverse", "universe"]);
        assert!(matches!(db.copy_to(&aside), Err(StoreError::Exists { .. })));
        assert!(db.copy_to(&folder.path().join("nowhere/aside.db")).is_err());
    }

    #[test]
    fn rows_and_steps_are_counted() {
        let db = Db::in_memory().unwrap();
        let before = Counts::now();
        let numbers = "WITH RECURSIVE number(it) AS (SELECT 1 UNION ALL SELECT it + 1 FROM number WHERE it < 2000) SELECT";
        let sum = |what: &str| -> i64 {
            let mut statement = db.read().prepare(&format!("{numbers} {what} FROM number")).unwrap();
            let rows = statement.query_map([], |row| row.get::<_, i64>(0)).unwrap();
            rows.map(Result::unwrap).sum()
        };
        assert_eq!(sum("it"), sum("sum(it)"));
        // other tests of this process count too
        let since = Counts::now().since(&before);
        assert!(since.of(Work::RowsRead) >= 2001 && since.of(Work::DatabaseSteps) >= 4000, "{since:?}");
    }

    #[test]
    fn a_failed_part_of_a_change_leaves_nothing_and_the_rest_stays() {
        let mut db = Db::in_memory().unwrap();
        db.write(|tx| {
            let add = |name: &str| tx.execute("INSERT INTO component (name) VALUES (?1)", [name]).map(|_| ());
            add("main").during("add")?;
            let failed = attempt(tx, || add("lost").and_then(|()| add("main")))?;
            assert!(failed.is_err());
            attempt(tx, || add("universe"))?.during("add")
        })
        .unwrap();
        let mut statement = db.read().prepare("SELECT name FROM component ORDER BY name").unwrap();
        let names: Vec<String> =
            statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert_eq!(names, ["main", "universe"]);
    }

    #[test]
    fn a_failed_change_leaves_nothing() {
        let mut db = Db::in_memory().unwrap();
        let result: Result<(), StoreError> = db.write(|tx| {
            tx.execute("INSERT INTO component (name) VALUES ('main')", []).during("add")?;
            Err(StoreError::Refused("no".into()))
        });
        assert!(result.is_err());
        let count: i64 = db.read().query_row("SELECT count(*) FROM component", [], |row| row.get(0)).unwrap();
        assert_eq!(count, 0);
    }
}
