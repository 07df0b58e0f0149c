-- Death row and expiry: what may go from the pool, what went, and which originals are not wanted any more.

-- Of a publication whose date has come and whose files are held: when it is looked at again; NULL: by the next run.
ALTER TABLE source_package_publishing_history ADD COLUMN date_look_again INTEGER;
ALTER TABLE binary_package_publishing_history ADD COLUMN date_look_again INTEGER;

CREATE INDEX source_publication_due ON source_package_publishing_history (suite, coalesce(date_look_again, scheduled_deletion_date))
    WHERE date_removed IS NULL AND scheduled_deletion_date IS NOT NULL;
CREATE INDEX binary_publication_due ON binary_package_publishing_history (suite, coalesce(date_look_again, scheduled_deletion_date))
    WHERE date_removed IS NULL AND scheduled_deletion_date IS NOT NULL;
-- What is in no index any more, and has files in the pool still: for reports.
CREATE INDEX source_publication_leaving ON source_package_publishing_history (suite)
    WHERE date_removed IS NULL AND status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE');
CREATE INDEX binary_publication_leaving ON binary_package_publishing_history (suite)
    WHERE date_removed IS NULL AND status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE');

-- What happens to a publication is a reason to look at it.
CREATE TRIGGER source_publication_look_again AFTER UPDATE OF status, scheduled_deletion_date ON source_package_publishing_history
WHEN new.date_look_again IS NOT NULL
BEGIN
    UPDATE source_package_publishing_history SET date_look_again = NULL WHERE id = new.id;
END;
CREATE TRIGGER binary_publication_look_again AFTER UPDATE OF status, scheduled_deletion_date ON binary_package_publishing_history
WHEN new.date_look_again IS NOT NULL
BEGIN
    UPDATE binary_package_publishing_history SET date_look_again = NULL WHERE id = new.id;
END;

-- The names that were taken out of pools. A row is written with the publications' date_removed, before the disk is touched.
CREATE TABLE reaped_file (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    component       INTEGER NOT NULL REFERENCES component (id),
    source_package_name TEXT NOT NULL,
    filename        TEXT NOT NULL,
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    file_size       INTEGER NOT NULL,
    -- it had a row of pool_file; 0: a pass may have made it that did not come to its end
    was_recorded    INTEGER NOT NULL CHECK (was_recorded IN (0, 1)),
    script_activity INTEGER REFERENCES script_activity (id),
    date_created    INTEGER NOT NULL,
    -- NULL: the disk still has it, as far as anyone knows
    date_done       INTEGER
) STRICT;
CREATE INDEX reaped_file_to_do ON reaped_file (archive, source_package_name, filename) WHERE date_done IS NULL;
CREATE INDEX reaped_file_by_run ON reaped_file (script_activity);

-- Files that stay in a pool although no publication wants them any more.
CREATE TABLE pool_hold (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    source_package_name TEXT NOT NULL,
    filename        TEXT NOT NULL,
    content         INTEGER NOT NULL REFERENCES library_file_content (id),
    -- who wants it, as a report says it
    held_by         TEXT NOT NULL,
    -- NULL: until the row goes
    date_until      INTEGER,
    date_created    INTEGER NOT NULL
) STRICT;
CREATE INDEX pool_hold_by_name ON pool_hold (archive, source_package_name, filename);
CREATE INDEX pool_hold_by_content ON pool_hold (content);

-- The sources that went into binary packages, as Built-Using and Static-Built-Using have them: they stay as long as the packages do.
CREATE TABLE binary_built_using (
    binary_package_release  INTEGER NOT NULL REFERENCES binary_package_release (id) ON DELETE CASCADE,
    source_package_name     TEXT NOT NULL,
    -- empty: whichever version
    source_version          TEXT NOT NULL,
    field                   TEXT NOT NULL CHECK (field IN ('Built-Using', 'Static-Built-Using')),
    PRIMARY KEY (binary_package_release, source_package_name, source_version, field)
) STRICT, WITHOUT ROWID;
CREATE INDEX binary_built_using_by_source ON binary_built_using (source_package_name, source_version);

-- Packages that came in before there was that table: the first run of death row reads their fields.
CREATE TABLE binary_built_using_unread (
    binary_package_release  INTEGER PRIMARY KEY REFERENCES binary_package_release (id) ON DELETE CASCADE
) STRICT;
INSERT INTO binary_built_using_unread (binary_package_release)
    SELECT id FROM binary_package_release WHERE built_using <> '' OR static_built_using <> '';

-- Originals that may be wanted by nobody any more: written when a publication has left a pool, judged by `pressroom expire`.
CREATE TABLE expiry_candidate (
    library_file    INTEGER PRIMARY KEY REFERENCES library_file_alias (id),
    -- before this it is not looked at again
    date_look_again INTEGER NOT NULL
) STRICT;
CREATE INDEX expiry_candidate_by_date ON expiry_candidate (date_look_again);

-- The originals that were given up. A row is written with the aliases' loss of their content, before the disk is touched.
CREATE TABLE expired_content (
    id              INTEGER PRIMARY KEY,
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    file_size       INTEGER NOT NULL,
    script_activity INTEGER REFERENCES script_activity (id),
    date_created    INTEGER NOT NULL,
    -- NULL: the disk still has it, as far as anyone knows
    date_done       INTEGER
) STRICT;
CREATE INDEX expired_content_to_do ON expired_content (id) WHERE date_done IS NULL;

-- Whether an original is kept with an upload or a build is asked of each that may go.
CREATE INDEX package_upload_by_changes ON package_upload (changes_file) WHERE changes_file IS NOT NULL;
CREATE INDEX package_upload_custom_by_file ON package_upload_custom (library_file);
CREATE INDEX package_upload_file_by_file ON package_upload_file (library_file);
CREATE INDEX binary_package_build_by_log ON binary_package_build (build_log) WHERE build_log IS NOT NULL;
