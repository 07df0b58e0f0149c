-- Copies of packages from one suite to another: who made them, and why.
CREATE TABLE package_copy (
    id                      INTEGER PRIMARY KEY,
    from_suite              INTEGER NOT NULL REFERENCES suite (id),
    to_suite                INTEGER NOT NULL REFERENCES suite (id),
    source_package_release  INTEGER NOT NULL REFERENCES source_package_release (id),
    -- with the binary packages that were built from it
    with_binaries           INTEGER NOT NULL CHECK (with_binaries IN (0, 1)),
    requester               TEXT NOT NULL,
    reason                  TEXT NOT NULL DEFAULT '',
    -- NULL: it was published at once
    package_upload          INTEGER REFERENCES package_upload (id),
    date_created            INTEGER NOT NULL
) STRICT;
CREATE INDEX package_copy_by_suite ON package_copy (to_suite, id);

-- Published packages that were filed elsewhere: who did it, and why.
CREATE TABLE override_change (
    id                      INTEGER PRIMARY KEY,
    suite                   INTEGER NOT NULL REFERENCES suite (id),
    kind                    TEXT NOT NULL CHECK (kind IN ('SOURCE', 'BINARY')),
    package_name            TEXT NOT NULL,
    -- as component main, section admin
    change                  TEXT NOT NULL,
    requester               TEXT NOT NULL,
    reason                  TEXT NOT NULL DEFAULT '',
    date_created            INTEGER NOT NULL
) STRICT;
CREATE INDEX override_change_by_suite ON override_change (suite, id);
