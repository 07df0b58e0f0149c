-- The archive's rows. Names follow Soyuz's tables in snake_case.
--
-- Dates are microseconds since 1970-01-01T00:00:00Z. Digests are raw bytes. States are the words of `domain::status`.
-- Merged migrations are never edited: a change is the next file.

-- ---------------------------------------------------------------- what exists

CREATE TABLE distribution (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    display_name    TEXT NOT NULL,
    date_created    INTEGER NOT NULL
) STRICT;

CREATE TABLE component (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE archive (
    id                  INTEGER PRIMARY KEY,
    distribution        INTEGER NOT NULL REFERENCES distribution (id),
    purpose             TEXT NOT NULL CHECK (purpose IN ('PRIMARY', 'PPA', 'PARTNER', 'COPY')),
    -- empty for archives that belong to the distribution itself
    owner               TEXT NOT NULL DEFAULT '',
    name                TEXT NOT NULL,
    display_name        TEXT NOT NULL,
    description         TEXT NOT NULL DEFAULT '',
    -- Origin and Label of the Release files; empty: the distribution's display name
    origin              TEXT NOT NULL DEFAULT '',
    label               TEXT NOT NULL DEFAULT '',
    status              TEXT NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'DELETING', 'DELETED')),
    enabled             INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    publish             INTEGER NOT NULL DEFAULT 1 CHECK (publish IN (0, 1)),
    private             INTEGER NOT NULL DEFAULT 0 CHECK (private IN (0, 1)),
    require_virtualized INTEGER NOT NULL DEFAULT 0 CHECK (require_virtualized IN (0, 1)),
    -- NULL: the key of the configuration
    signing_key_fingerprint TEXT,
    -- MiB; NULL: no quota
    authorized_size     INTEGER,
    relative_build_score INTEGER NOT NULL DEFAULT 0,
    date_created        INTEGER NOT NULL,
    UNIQUE (distribution, owner, name)
) STRICT;

CREATE TABLE distro_series (
    id                  INTEGER PRIMARY KEY,
    distribution        INTEGER NOT NULL REFERENCES distribution (id),
    name                TEXT NOT NULL,
    version             TEXT NOT NULL,
    display_name        TEXT NOT NULL,
    description         TEXT NOT NULL DEFAULT '',
    status              TEXT NOT NULL CHECK (status IN
        ('EXPERIMENTAL', 'DEVELOPMENT', 'FROZEN', 'CURRENT', 'SUPPORTED', 'OBSOLETE', 'FUTURE')),
    previous_series     INTEGER REFERENCES distro_series (id),
    -- space-separated, of: uncompressed gz xz zst
    index_compressors   TEXT NOT NULL DEFAULT 'gz xz',
    -- space-separated, of: md5 sha1 sha256
    checksums           TEXT NOT NULL DEFAULT 'md5 sha256',
    publish_by_hash     INTEGER NOT NULL DEFAULT 1 CHECK (publish_by_hash IN (0, 1)),
    advertise_by_hash   INTEGER NOT NULL DEFAULT 1 CHECK (advertise_by_hash IN (0, 1)),
    backports_not_automatic INTEGER NOT NULL DEFAULT 1 CHECK (backports_not_automatic IN (0, 1)),
    proposed_not_automatic  INTEGER NOT NULL DEFAULT 1 CHECK (proposed_not_automatic IN (0, 1)),
    -- Valid-Until is Date plus so much; NULL: no Valid-Until
    valid_for_seconds   INTEGER CHECK (valid_for_seconds > 0),
    date_created        INTEGER NOT NULL,
    date_released       INTEGER,
    UNIQUE (distribution, name)
) STRICT;

-- Which series a series takes packages and overrides from, in order.
CREATE TABLE distro_series_parent (
    derived_series  INTEGER NOT NULL REFERENCES distro_series (id),
    parent_series   INTEGER NOT NULL REFERENCES distro_series (id),
    ordering        INTEGER NOT NULL,
    inherit_overrides INTEGER NOT NULL DEFAULT 0 CHECK (inherit_overrides IN (0, 1)),
    PRIMARY KEY (derived_series, parent_series)
) STRICT;

CREATE TABLE distro_arch_series (
    id                  INTEGER PRIMARY KEY,
    distro_series       INTEGER NOT NULL REFERENCES distro_series (id),
    architecture_tag    TEXT NOT NULL,
    enabled             INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    UNIQUE (distro_series, architecture_tag)
) STRICT;

-- The components of a series; the lowest ordering is the most preferred.
CREATE TABLE component_selection (
    distro_series   INTEGER NOT NULL REFERENCES distro_series (id),
    component       INTEGER NOT NULL REFERENCES component (id),
    ordering        INTEGER NOT NULL,
    PRIMARY KEY (distro_series, component)
) STRICT;

-- A pocket of a series in one archive: what stands as one folder under dists/.
CREATE TABLE suite (
    id                      INTEGER PRIMARY KEY,
    archive                 INTEGER NOT NULL REFERENCES archive (id),
    distro_series           INTEGER NOT NULL REFERENCES distro_series (id),
    pocket                  TEXT NOT NULL CHECK (pocket IN ('RELEASE', 'SECURITY', 'UPDATES', 'PROPOSED', 'BACKPORTS')),
    -- counts the reasons to publish its indexes in full: it is new, or settings that show in them have changed
    indexes_wanted          INTEGER NOT NULL DEFAULT 1,
    -- what indexes_wanted was when they were; less than it: the suite is fresh
    indexes_created         INTEGER NOT NULL DEFAULT 0,
    date_indexes_created    INTEGER,
    date_last_published     INTEGER,
    -- Date of its live Release
    release_date            INTEGER,
    UNIQUE (archive, distro_series, pocket)
) STRICT;

-- Explicit marks: the suite must be published although no publication of it waits. A pass takes the marks that it saw at its
-- start and removes them when it has installed.
CREATE TABLE dirty_suite (
    id              INTEGER PRIMARY KEY,
    suite           INTEGER NOT NULL REFERENCES suite (id),
    reason          TEXT NOT NULL,
    date_created    INTEGER NOT NULL
) STRICT;
CREATE INDEX dirty_suite_by_suite ON dirty_suite (suite);

-- ---------------------------------------------------------------- files and releases

CREATE TABLE library_file_content (
    id              INTEGER PRIMARY KEY,
    sha256          BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    sha1            BLOB NOT NULL CHECK (length(sha1) = 20),
    md5             BLOB NOT NULL CHECK (length(md5) = 16),
    file_size       INTEGER NOT NULL CHECK (file_size >= 0),
    date_created    INTEGER NOT NULL
) STRICT;

CREATE TABLE library_file_alias (
    id              INTEGER PRIMARY KEY,
    -- NULL: the content has expired
    content         INTEGER REFERENCES library_file_content (id),
    filename        TEXT NOT NULL,
    date_created    INTEGER NOT NULL,
    expires         INTEGER,
    UNIQUE (content, filename)
) STRICT;

CREATE INDEX library_file_alias_by_name ON library_file_alias (filename);

CREATE TABLE source_package_release (
    id                  INTEGER PRIMARY KEY,
    source_package_name TEXT NOT NULL,
    version             TEXT NOT NULL,
    dsc_format          TEXT NOT NULL,
    architecture_hint_list TEXT NOT NULL,
    section             TEXT,
    priority            TEXT,
    maintainer          TEXT NOT NULL,
    -- the stripped paragraph of the .dsc
    dsc                 TEXT NOT NULL,
    -- the .dsc is what makes two releases the same
    dsc_file            INTEGER NOT NULL UNIQUE REFERENCES library_file_alias (id),
    upload_archive      INTEGER REFERENCES archive (id),
    date_uploaded       INTEGER NOT NULL
) STRICT;
CREATE INDEX source_package_release_by_name ON source_package_release (source_package_name, version);

CREATE TABLE source_package_release_file (
    source_package_release  INTEGER NOT NULL REFERENCES source_package_release (id),
    library_file            INTEGER NOT NULL REFERENCES library_file_alias (id),
    PRIMARY KEY (source_package_release, library_file)
) STRICT;
CREATE INDEX source_package_release_file_by_file ON source_package_release_file (library_file);

CREATE TABLE binary_package_release (
    id                      INTEGER PRIMARY KEY,
    binary_package_name     TEXT NOT NULL,
    version                 TEXT NOT NULL,
    bin_package_format      TEXT NOT NULL CHECK (bin_package_format IN ('DEB', 'UDEB', 'DDEB')),
    architecture_tag        TEXT NOT NULL,
    source_package_name     TEXT NOT NULL,
    source_version          TEXT NOT NULL,
    -- NULL: its source is not known here
    source_package_release  INTEGER REFERENCES source_package_release (id),
    build                   INTEGER,
    section                 TEXT,
    priority                TEXT,
    essential               INTEGER NOT NULL CHECK (essential IN (0, 1)),
    -- what GPL-like licences ask to keep: the raw fields
    built_using             TEXT NOT NULL DEFAULT '',
    static_built_using      TEXT NOT NULL DEFAULT '',
    -- the control paragraph as it is in the package
    control                 TEXT NOT NULL,
    -- the file is what makes two releases the same
    binary_package_file     INTEGER NOT NULL UNIQUE REFERENCES library_file_alias (id),
    date_created            INTEGER NOT NULL
) STRICT;
CREATE INDEX binary_package_release_by_name ON binary_package_release (binary_package_name, version, architecture_tag);
CREATE INDEX binary_package_release_by_source ON binary_package_release (source_package_name, source_version);

-- ---------------------------------------------------------------- publications

CREATE TABLE source_package_publishing_history (
    id                      INTEGER PRIMARY KEY,
    suite                   INTEGER NOT NULL REFERENCES suite (id),
    source_package_release  INTEGER NOT NULL REFERENCES source_package_release (id),
    source_package_name     TEXT NOT NULL,
    component               INTEGER NOT NULL REFERENCES component (id),
    section                 TEXT,
    status                  TEXT NOT NULL CHECK (status IN ('PENDING', 'PUBLISHED', 'SUPERSEDED', 'DELETED', 'OBSOLETE')),
    date_created            INTEGER NOT NULL,
    date_published          INTEGER,
    date_superseded         INTEGER,
    superseded_by           INTEGER REFERENCES source_package_release (id),
    scheduled_deletion_date INTEGER,
    date_removed            INTEGER,
    removed_by              TEXT,
    removal_comment         TEXT,
    creator                 TEXT,
    ancestor                INTEGER REFERENCES source_package_publishing_history (id),
    CHECK ((status = 'PENDING') <= (date_published IS NULL)),
    CHECK ((status = 'PUBLISHED') <= (date_published IS NOT NULL))
) STRICT;
CREATE INDEX source_publication_by_name ON source_package_publishing_history (suite, source_package_name, status);
CREATE INDEX source_publication_by_status ON source_package_publishing_history (status, suite);
CREATE INDEX source_publication_by_release ON source_package_publishing_history (source_package_release);

CREATE TABLE binary_package_publishing_history (
    id                      INTEGER PRIMARY KEY,
    suite                   INTEGER NOT NULL REFERENCES suite (id),
    distro_arch_series      INTEGER NOT NULL REFERENCES distro_arch_series (id),
    binary_package_release  INTEGER NOT NULL REFERENCES binary_package_release (id),
    binary_package_name     TEXT NOT NULL,
    component               INTEGER NOT NULL REFERENCES component (id),
    section                 TEXT,
    priority                TEXT,
    phased_update_percentage INTEGER CHECK (phased_update_percentage BETWEEN 0 AND 100),
    status                  TEXT NOT NULL CHECK (status IN ('PENDING', 'PUBLISHED', 'SUPERSEDED', 'DELETED', 'OBSOLETE')),
    date_created            INTEGER NOT NULL,
    date_published          INTEGER,
    date_superseded         INTEGER,
    -- a build; a release where no build is known
    superseded_by           INTEGER REFERENCES binary_package_release (id),
    scheduled_deletion_date INTEGER,
    date_removed            INTEGER,
    removed_by              TEXT,
    removal_comment         TEXT,
    creator                 TEXT,
    ancestor                INTEGER REFERENCES binary_package_publishing_history (id),
    CHECK ((status = 'PENDING') <= (date_published IS NULL)),
    CHECK ((status = 'PUBLISHED') <= (date_published IS NOT NULL))
) STRICT;
CREATE INDEX binary_publication_by_name ON binary_package_publishing_history (suite, distro_arch_series, binary_package_name, status);
CREATE INDEX binary_publication_by_status ON binary_package_publishing_history (status, suite);
CREATE INDEX binary_publication_by_release ON binary_package_publishing_history (binary_package_release);

-- An archive admin's word on where a package belongs; what the package says of itself counts where there is none.
CREATE TABLE package_override (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    distro_series   INTEGER NOT NULL REFERENCES distro_series (id),
    kind            TEXT NOT NULL CHECK (kind IN ('SOURCE', 'BINARY')),
    package_name    TEXT NOT NULL,
    -- each NULL: as the package says
    component       INTEGER REFERENCES component (id),
    section         TEXT,
    priority        TEXT,
    date_created    INTEGER NOT NULL,
    creator         TEXT,
    UNIQUE (archive, distro_series, kind, package_name)
) STRICT;

-- ---------------------------------------------------------------- what lies on disk

-- A name in the pool. One of the names of a file in several components is the file, the others are links to it.
CREATE TABLE pool_file (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    component       INTEGER NOT NULL REFERENCES component (id),
    source_package_name TEXT NOT NULL,
    filename        TEXT NOT NULL,
    content         INTEGER NOT NULL REFERENCES library_file_content (id),
    is_symlink      INTEGER NOT NULL CHECK (is_symlink IN (0, 1)),
    date_created    INTEGER NOT NULL,
    UNIQUE (archive, source_package_name, filename, component)
) STRICT;
CREATE INDEX pool_file_by_content ON pool_file (content);
CREATE INDEX pool_file_by_name ON pool_file (filename);

-- What the Release files list, and the generations under by-hash.
CREATE TABLE archive_file (
    id              INTEGER PRIMARY KEY,
    suite           INTEGER NOT NULL REFERENCES suite (id),
    -- below the suite's folder
    path            TEXT NOT NULL,
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    sha1            BLOB NOT NULL CHECK (length(sha1) = 20),
    md5             BLOB NOT NULL CHECK (length(md5) = 16),
    file_size       INTEGER NOT NULL,
    -- listed, but only its compressed forms are on disk
    is_virtual      INTEGER NOT NULL CHECK (is_virtual IN (0, 1)),
    date_created    INTEGER NOT NULL,
    -- nanoseconds since 1970, as it lies on disk: a file that was written to since is another
    modified_ns     INTEGER NOT NULL,
    -- NULL: this is what the live Release lists; otherwise the row goes with its by-hash name
    date_superseded INTEGER
) STRICT;
CREATE INDEX archive_file_by_path ON archive_file (suite, path, sha256);
CREATE INDEX archive_file_current ON archive_file (suite, path) WHERE date_superseded IS NULL;

-- ---------------------------------------------------------------- runs

-- Every run of a publisher, however it ended.
CREATE TABLE script_activity (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL,
    hostname        TEXT NOT NULL,
    process_id      INTEGER NOT NULL,
    distribution    INTEGER REFERENCES distribution (id),
    date_started    INTEGER NOT NULL,
    -- NULL: running, or died
    date_completed  INTEGER,
    outcome         TEXT CHECK (outcome IN ('SUCCEEDED', 'FAILED', 'HELD', 'INTERRUPTED')),
    message         TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX script_activity_by_date ON script_activity (date_started);

-- One pass over one archive. `state` says what recovery has to do with it.
CREATE TABLE publisher_pass (
    id              INTEGER PRIMARY KEY,
    script_activity INTEGER NOT NULL REFERENCES script_activity (id),
    archive         INTEGER NOT NULL REFERENCES archive (id),
    priority        INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 255),
    state           TEXT NOT NULL CHECK (state IN ('PREPARING', 'INSTALLING', 'INSTALLED', 'ABANDONED')),
    -- Date of the Release files that it makes
    release_date    INTEGER NOT NULL,
    date_started    INTEGER NOT NULL,
    date_installed  INTEGER,
    date_completed  INTEGER,
    finalized       INTEGER NOT NULL DEFAULT 0 CHECK (finalized IN (0, 1)),
    message         TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX publisher_pass_by_run ON publisher_pass (script_activity);
CREATE INDEX publisher_pass_unfinished ON publisher_pass (state) WHERE state IN ('PREPARING', 'INSTALLING');

CREATE TABLE publisher_pass_suite (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    suite           INTEGER NOT NULL REFERENCES suite (id),
    -- what the pass saw, before it read the settings
    indexes_wanted  INTEGER NOT NULL,
    PRIMARY KEY (publisher_pass, suite)
) STRICT;

-- The explicit marks that the pass has seen, and takes away when it has installed.
CREATE TABLE publisher_pass_dirt (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    dirty_suite     INTEGER NOT NULL,
    PRIMARY KEY (publisher_pass, dirty_suite)
) STRICT;

-- What the pass does to publications. Written before the indexes are made, carried out when the tree is installed,
-- so that a pass that fails leaves every publication as it was.
CREATE TABLE publisher_transition (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    kind            TEXT NOT NULL CHECK (kind IN ('SOURCE', 'BINARY')),
    publication     INTEGER NOT NULL,
    from_status     TEXT NOT NULL,
    to_status       TEXT NOT NULL,
    superseded_by   INTEGER,
    PRIMARY KEY (publisher_pass, kind, publication)
) STRICT, WITHOUT ROWID;

-- The files that the Release files of this pass list: the next generation of archive_file.
CREATE TABLE publisher_index_file (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    suite           INTEGER NOT NULL REFERENCES suite (id),
    path            TEXT NOT NULL,
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    sha1            BLOB NOT NULL CHECK (length(sha1) = 20),
    md5             BLOB NOT NULL CHECK (length(md5) = 16),
    file_size       INTEGER NOT NULL,
    is_virtual      INTEGER NOT NULL CHECK (is_virtual IN (0, 1)),
    modified_ns     INTEGER NOT NULL,
    PRIMARY KEY (publisher_pass, suite, path)
) STRICT;

-- The older generations whose by-hash names the staged tree no longer has.
CREATE TABLE publisher_expiry (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    archive_file    INTEGER NOT NULL,
    PRIMARY KEY (publisher_pass, archive_file)
) STRICT;

-- What pre-publication hooks want to remember; kept when the pass is installed. NULL: forgotten.
CREATE TABLE publisher_hook_state (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    hook            TEXT NOT NULL,
    key             TEXT NOT NULL,
    value           BLOB,
    PRIMARY KEY (publisher_pass, hook, key)
) STRICT;

-- The trees that this pass puts in place, in order, and how to recognise each: the staged folder's device and inode.
CREATE TABLE publisher_exchange (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    ordering        INTEGER NOT NULL,
    tree            TEXT NOT NULL,
    staged_device   INTEGER NOT NULL,
    staged_inode    INTEGER NOT NULL,
    PRIMARY KEY (publisher_pass, ordering)
) STRICT;

-- Each step of a pass, recorded before and after.
CREATE TABLE publisher_step (
    id              INTEGER PRIMARY KEY,
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    name            TEXT NOT NULL,
    date_started    INTEGER NOT NULL,
    date_completed  INTEGER,
    duration_us     INTEGER,
    detail          TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX publisher_step_by_pass ON publisher_step (publisher_pass);

-- ---------------------------------------------------------------- hooks

CREATE TABLE hook_run (
    id                  INTEGER PRIMARY KEY,
    script_activity     INTEGER NOT NULL REFERENCES script_activity (id),
    publisher_pass      INTEGER REFERENCES publisher_pass (id),
    point               TEXT NOT NULL CHECK (point IN ('pre-publication', 'post-publication', 'finalize')),
    hook                TEXT NOT NULL,
    kind                TEXT NOT NULL CHECK (kind IN ('WASM', 'EXECUTABLE')),
    sha256              BLOB CHECK (length(sha256) = 32),
    priority            INTEGER NOT NULL,
    date_started        INTEGER NOT NULL,
    duration_us         INTEGER NOT NULL,
    peak_memory_bytes   INTEGER,
    outcome             TEXT NOT NULL CHECK (outcome IN
        ('DONE', 'SKIPPED', 'VETO', 'TEMPORARY', 'FAILED', 'TRAPPED', 'TIMED-OUT', 'OVER-LIMIT', 'REFUSED')),
    summary             TEXT NOT NULL DEFAULT '',
    details             TEXT NOT NULL DEFAULT '',
    log_tail            TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX hook_run_by_run ON hook_run (script_activity);

-- What hooks remember, by hook and distribution.
CREATE TABLE hook_state (
    distribution    INTEGER NOT NULL REFERENCES distribution (id),
    hook            TEXT NOT NULL,
    key             TEXT NOT NULL,
    value           BLOB NOT NULL,
    PRIMARY KEY (distribution, hook, key)
) STRICT, WITHOUT ROWID;

-- Compiled hooks: which artefact belongs to which component for which engine. The artefact is native code: its digest is checked
-- before it is loaded.
CREATE TABLE hook_artefact (
    component_sha256    BLOB NOT NULL CHECK (length(component_sha256) = 32),
    engine              TEXT NOT NULL,
    artefact_sha256     BLOB NOT NULL CHECK (length(artefact_sha256) = 32),
    file_size           INTEGER NOT NULL,
    date_created        INTEGER NOT NULL,
    PRIMARY KEY (component_sha256, engine)
) STRICT;
