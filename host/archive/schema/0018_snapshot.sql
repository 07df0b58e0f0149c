-- Snapshots: suites as passes have installed them, and what is restored from them.

-- So long a suite can be had as it was after something else has taken its place; NULL: it cannot.
ALTER TABLE archive ADD COLUMN keep_snapshots_seconds INTEGER CHECK (keep_snapshots_seconds > 0);

-- A folder below snapshots/ of an archive: what it was when a pass had installed something.
CREATE TABLE snapshot_moment (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    -- of the folder, as 20260501T120000Z
    name            TEXT NOT NULL,
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id),
    date_created    INTEGER NOT NULL,
    -- NULL: nothing was installed since
    date_superseded INTEGER,
    -- NULL: it leads to all suites as they were then; otherwise to those alone of which it has the snapshot
    date_expired    INTEGER,
    UNIQUE (archive, name)
) STRICT;
CREATE INDEX snapshot_moment_whole ON snapshot_moment (archive, date_superseded) WHERE date_expired IS NULL;
CREATE INDEX snapshot_moment_expired ON snapshot_moment (archive) WHERE date_expired IS NOT NULL;

-- A suite as a pass has installed it.
CREATE TABLE snapshot (
    id              INTEGER PRIMARY KEY,
    moment          INTEGER NOT NULL REFERENCES snapshot_moment (id),
    suite           INTEGER NOT NULL REFERENCES suite (id),
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id),
    date_created    INTEGER NOT NULL,
    -- NULL: its folder is owed
    date_made       INTEGER,
    -- NULL: it is what is live
    date_superseded INTEGER,
    -- NULL: it is kept, with the files that it needs; otherwise its folder is about to go, and the row with it
    date_expired    INTEGER,
    -- what is in its folder, and how much of that the snapshot before it did not have
    files           INTEGER,
    file_size       INTEGER,
    new_size        INTEGER,
    -- who wants it kept whatever its age; NULL: nobody
    pinned_by       TEXT,
    pin_reason      TEXT NOT NULL DEFAULT '',
    date_pinned     INTEGER,
    UNIQUE (moment, suite)
) STRICT;
CREATE INDEX snapshot_by_pass ON snapshot (suite, publisher_pass);
CREATE INDEX snapshot_live ON snapshot (suite) WHERE date_superseded IS NULL;
CREATE INDEX snapshot_owed ON snapshot (suite) WHERE date_made IS NULL;
CREATE INDEX snapshot_pinned ON snapshot (suite, publisher_pass) WHERE pinned_by IS NOT NULL;
CREATE INDEX snapshot_due ON snapshot (suite, date_superseded) WHERE pinned_by IS NULL AND date_expired IS NULL;
CREATE INDEX snapshot_expired ON snapshot (suite) WHERE date_expired IS NOT NULL;

-- A wish to have a suite as it was; the next pass over it carries it out.
CREATE TABLE snapshot_restore (
    id              INTEGER PRIMARY KEY,
    suite           INTEGER NOT NULL REFERENCES suite (id),
    -- of the snapshot, which need not be kept any more
    name            TEXT NOT NULL,
    actor           TEXT NOT NULL,
    comment         TEXT NOT NULL,
    -- also in the release pocket of a stable series, which does not change otherwise
    allow_stable    INTEGER NOT NULL CHECK (allow_stable IN (0, 1)),
    date_created    INTEGER NOT NULL
) STRICT;
CREATE INDEX snapshot_restore_by_suite ON snapshot_restore (suite, id);

-- The pass that has brought a publication into the indexes, and the one that has taken it out; NULL: it was there before this was kept, or is in no index
-- for another reason.
ALTER TABLE source_package_publishing_history ADD COLUMN published_by_pass INTEGER;
ALTER TABLE source_package_publishing_history ADD COLUMN left_by_pass INTEGER;
ALTER TABLE binary_package_publishing_history ADD COLUMN published_by_pass INTEGER;
ALTER TABLE binary_package_publishing_history ADD COLUMN left_by_pass INTEGER;

-- The restoration that wants it in the index as it is, and the one that wants it out.
ALTER TABLE source_package_publishing_history ADD COLUMN restored_by INTEGER;
ALTER TABLE source_package_publishing_history ADD COLUMN left_out_by INTEGER;
ALTER TABLE binary_package_publishing_history ADD COLUMN restored_by INTEGER;
ALTER TABLE binary_package_publishing_history ADD COLUMN left_out_by INTEGER;
