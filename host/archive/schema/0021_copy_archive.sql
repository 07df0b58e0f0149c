-- Copy archives, requests to fill them, and the bugs that copies close.

-- What was said when a copy archive was made.
CREATE TABLE copy_archive (
    archive         INTEGER PRIMARY KEY REFERENCES archive (id),
    -- of what it is a copy, as somebody has written it: demo, demo/primary/one
    origin          TEXT NOT NULL,
    -- NULL: that archive is not here
    origin_archive  INTEGER REFERENCES archive (id),
    reason          TEXT NOT NULL CHECK (reason <> ''),
    creator         TEXT NOT NULL,
    date_created    INTEGER NOT NULL
) STRICT;

-- Its architectures, which never change: what a series gets later is not in it.
CREATE TABLE copy_archive_architecture (
    archive         INTEGER NOT NULL REFERENCES copy_archive (archive),
    architecture_tag TEXT NOT NULL,
    PRIMARY KEY (archive, architecture_tag)
) STRICT, WITHOUT ROWID;

-- Requests to bring packages of one archive into a copy archive.
CREATE TABLE package_copy_request (
    id              INTEGER PRIMARY KEY,
    source_archive  INTEGER NOT NULL REFERENCES archive (id),
    target_archive  INTEGER NOT NULL REFERENCES archive (id),
    copy_binaries   INTEGER NOT NULL CHECK (copy_binaries IN (0, 1)),
    -- whether sources are taken by name: those in package_copy_request_source
    only_named      INTEGER NOT NULL CHECK (only_named IN (0, 1)),
    -- the package sets that these names are of, with blanks between
    package_sets    TEXT NOT NULL DEFAULT '',
    requester       TEXT NOT NULL,
    reason          TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('NEW', 'INPROGRESS', 'COMPLETE', 'FAILED', 'CANCELING', 'CANCELLED')),
    -- why it failed or was cancelled
    status_message  TEXT NOT NULL DEFAULT '',
    date_created    INTEGER NOT NULL,
    date_started    INTEGER,
    date_completed  INTEGER,
    CHECK ((status IN ('COMPLETE', 'FAILED', 'CANCELLED')) = (date_completed IS NOT NULL))
) STRICT;
CREATE INDEX package_copy_request_open ON package_copy_request (target_archive, id)
    WHERE status IN ('NEW', 'INPROGRESS', 'CANCELING');

-- Which suites, one after the other, and how far it has come in each.
CREATE TABLE package_copy_request_suite (
    request         INTEGER NOT NULL REFERENCES package_copy_request (id),
    ordering        INTEGER NOT NULL,
    from_suite      INTEGER NOT NULL REFERENCES suite (id),
    to_suite        INTEGER NOT NULL REFERENCES suite (id),
    -- every name up to this one has been dealt with
    last_name       TEXT NOT NULL DEFAULT '',
    is_done         INTEGER NOT NULL DEFAULT 0 CHECK (is_done IN (0, 1)),
    sources         INTEGER NOT NULL DEFAULT 0,
    binaries        INTEGER NOT NULL DEFAULT 0,
    builds          INTEGER NOT NULL DEFAULT 0,
    -- names of which the target has the same or newer
    left_alone      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (request, ordering)
) STRICT, WITHOUT ROWID;

-- Only these components; none: all.
CREATE TABLE package_copy_request_component (
    request         INTEGER NOT NULL REFERENCES package_copy_request (id),
    component       INTEGER NOT NULL REFERENCES component (id),
    PRIMARY KEY (request, component)
) STRICT, WITHOUT ROWID;

-- Only these sources of a suite, as its package sets had them when it was asked for.
CREATE TABLE package_copy_request_source (
    request         INTEGER NOT NULL REFERENCES package_copy_request (id),
    ordering        INTEGER NOT NULL,
    source_package_name TEXT NOT NULL,
    PRIMARY KEY (request, ordering, source_package_name)
) STRICT, WITHOUT ROWID;

-- What could not be copied, and why; the rest went on.
CREATE TABLE package_copy_request_problem (
    id              INTEGER PRIMARY KEY,
    request         INTEGER NOT NULL REFERENCES package_copy_request (id),
    to_suite        INTEGER NOT NULL REFERENCES suite (id),
    -- as hello 1.0, or hello 1.0 (amd64)
    package         TEXT NOT NULL,
    -- the rule, as in the objections to copies
    check_name      TEXT NOT NULL,
    message         TEXT NOT NULL
) STRICT;
CREATE INDEX package_copy_request_problem_by_request ON package_copy_request_problem (request, id);

-- Where a bug is closed by a copy of what its upload brought; NULL: where the upload went.
ALTER TABLE bug_closure ADD COLUMN suite INTEGER REFERENCES suite (id);
