-- Patches of indexes, by which clients bring up to date what they have instead of fetching it whole.

-- So many of them are kept of each index; 0: none are made.
ALTER TABLE distro_series ADD COLUMN index_patches INTEGER NOT NULL DEFAULT 0 CHECK (index_patches BETWEEN 0 AND 1000);

-- A patch in an index's folder (PATH.diff/NAME.gz): what makes the text that clients have of the one that was published before it.
CREATE TABLE index_patch (
    id              INTEGER PRIMARY KEY,
    suite           INTEGER NOT NULL REFERENCES suite (id),
    -- of the index, below the suite's folder, without the ending of a form
    path            TEXT NOT NULL,
    name            TEXT NOT NULL,
    from_sha256     BLOB NOT NULL CHECK (length(from_sha256) = 32),
    from_size       INTEGER NOT NULL,
    to_sha256       BLOB NOT NULL CHECK (length(to_sha256) = 32),
    to_size         INTEGER NOT NULL,
    -- the commands
    patch_sha256    BLOB NOT NULL CHECK (length(patch_sha256) = 32),
    patch_size      INTEGER NOT NULL,
    -- the file, in which they are compressed
    file_sha256     BLOB NOT NULL CHECK (length(file_sha256) = 32),
    file_size       INTEGER NOT NULL,
    -- NULL: PATH.diff/Index names it; otherwise the file goes after a while, for clients that read an older Index
    date_superseded INTEGER,
    -- the pass that has made it and is not installed yet; NULL: it is live
    publisher_pass  INTEGER REFERENCES publisher_pass (id)
) STRICT;
CREATE UNIQUE INDEX index_patch_by_name ON index_patch (suite, path, name);
CREATE INDEX index_patch_by_pass ON index_patch (publisher_pass) WHERE publisher_pass IS NOT NULL;

-- What a pass does to patches: Index names them no more, or their files have gone.
CREATE TABLE publisher_index_patch (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    index_patch     INTEGER NOT NULL,
    change          TEXT NOT NULL CHECK (change IN ('RETIRED', 'REMOVED')),
    PRIMARY KEY (publisher_pass, index_patch, change)
) STRICT, WITHOUT ROWID;
