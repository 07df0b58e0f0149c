-- Keys of archives and who signs what until when; what Release files say besides; links in dists; who may read private archives.

-- it was never read: an archive may have several keys
ALTER TABLE archive DROP COLUMN signing_key_fingerprint;
-- Signed-By of its Release files: empty for none, `keys` for those that sign, or fingerprints with commas between
ALTER TABLE archive ADD COLUMN signed_by TEXT NOT NULL DEFAULT '';
-- Changelogs and Snapshots of its Release files; empty for none
ALTER TABLE archive ADD COLUMN changelogs TEXT NOT NULL DEFAULT '';
ALTER TABLE archive ADD COLUMN snapshots TEXT NOT NULL DEFAULT '';
-- Suite and Codename of its Release files instead of its name; empty: its name
ALTER TABLE distro_series ADD COLUMN suite_name TEXT NOT NULL DEFAULT '';
ALTER TABLE distro_series ADD COLUMN codename TEXT NOT NULL DEFAULT '';
-- the link that leads to its newest series with content; empty: none
ALTER TABLE distribution ADD COLUMN development_alias TEXT NOT NULL DEFAULT '';

CREATE TABLE signing_key (
    id              INTEGER PRIMARY KEY,
    -- of the primary key, in upper-case hexadecimal digits
    fingerprint     TEXT NOT NULL UNIQUE,
    held_by         TEXT NOT NULL CHECK (held_by IN ('FILE', 'GPG')),
    -- FILE: the file, below the root unless absolute; GPG: the key as gpg is asked for it
    place           TEXT NOT NULL,
    date_created    INTEGER NOT NULL
) STRICT;

-- Which key signs what, and until when. The history stays.
CREATE TABLE signing_key_use (
    id              INTEGER PRIMARY KEY,
    -- NULL: all archives without a key of their own
    archive         INTEGER REFERENCES archive (id),
    signing_key     INTEGER NOT NULL REFERENCES signing_key (id),
    date_begun      INTEGER NOT NULL,
    -- NULL: until another takes its place
    date_ended      INTEGER,
    -- who said so
    decided_by      TEXT NOT NULL
) STRICT;
CREATE INDEX signing_key_use_by_archive ON signing_key_use (archive, id);

-- counts the reasons to write the Release of a suite anew though no index changes
ALTER TABLE suite ADD COLUMN release_wanted INTEGER NOT NULL DEFAULT 0;
-- what release_wanted was when it was
ALTER TABLE suite ADD COLUMN release_created INTEGER NOT NULL DEFAULT 0;
-- fingerprints of the keys for its live Release, sorted, with blanks between; NULL: it was published before this was kept
ALTER TABLE suite ADD COLUMN signing_keys TEXT;
ALTER TABLE publisher_pass ADD COLUMN signing_keys TEXT;
ALTER TABLE publisher_pass_suite ADD COLUMN release_wanted INTEGER NOT NULL DEFAULT 0;

-- The links that Pressroom has made in an archive's live dists, and those that a pass has made in its staged one.
CREATE TABLE dists_link (
    archive         INTEGER NOT NULL REFERENCES archive (id),
    name            TEXT NOT NULL,
    target          TEXT NOT NULL,
    PRIMARY KEY (archive, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE publisher_link (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    -- NULL: the link goes
    target          TEXT,
    PRIMARY KEY (publisher_pass, name)
) STRICT, WITHOUT ROWID;

-- Who may read a private archive: what a person, or a machine under a name, shows to the web server. Only a hash of it is kept.
CREATE TABLE archive_auth_token (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    -- NULL: a machine's
    person          INTEGER REFERENCES person (id),
    -- how the user is called to the web server
    user_name       TEXT NOT NULL,
    hash            TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    date_created    INTEGER NOT NULL,
    date_expires    INTEGER,
    date_revoked    INTEGER,
    revoked_by      TEXT
) STRICT;
CREATE UNIQUE INDEX archive_auth_token_active ON archive_auth_token (archive, user_name) WHERE date_revoked IS NULL;

-- what waits in the suite is not touched by the pass
ALTER TABLE publisher_pass_suite ADD COLUMN only_release INTEGER NOT NULL DEFAULT 0 CHECK (only_release IN (0, 1));
