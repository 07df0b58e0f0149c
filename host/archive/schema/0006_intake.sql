-- Intake: people and their rights, uploads and the queue, builds, messages.

-- ---------------------------------------------------------------- people

CREATE TABLE person (
    id              INTEGER PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    kind            TEXT NOT NULL CHECK (kind IN ('PERSON', 'TEAM')),
    display_name    TEXT NOT NULL,
    -- who of the host this is, for commands without --as
    unix_user       TEXT UNIQUE,
    -- may do everything
    is_admin        INTEGER NOT NULL DEFAULT 0 CHECK (is_admin IN (0, 1)),
    -- may do nothing any more, and is remembered
    active          INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    date_created    INTEGER NOT NULL,
    CHECK (kind = 'PERSON' OR (unix_user IS NULL AND is_admin = 0))
) STRICT;

CREATE TABLE email_address (
    person          INTEGER NOT NULL REFERENCES person (id),
    email           TEXT NOT NULL UNIQUE COLLATE NOCASE,
    -- the lowest gets mail
    ordering        INTEGER NOT NULL,
    PRIMARY KEY (person, email)
) STRICT;

CREATE TABLE team_membership (
    team            INTEGER NOT NULL REFERENCES person (id),
    -- a person, or a team in it
    member          INTEGER NOT NULL REFERENCES person (id),
    date_created    INTEGER NOT NULL,
    PRIMARY KEY (team, member),
    CHECK (team <> member)
) STRICT;
CREATE INDEX team_membership_by_member ON team_membership (member);

CREATE TABLE openpgp_key (
    id              INTEGER PRIMARY KEY,
    person          INTEGER NOT NULL REFERENCES person (id),
    -- of the primary key, in upper-case hexadecimal digits
    fingerprint     TEXT NOT NULL UNIQUE,
    -- the certificate, binary
    certificate     BLOB NOT NULL,
    active          INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    date_created    INTEGER NOT NULL
) STRICT;
CREATE INDEX openpgp_key_by_person ON openpgp_key (person);

-- What a signature may name of a certificate: its primary key and its subkeys.
CREATE TABLE openpgp_key_part (
    fingerprint     TEXT NOT NULL,
    -- as old signatures name it: the last 16 digits of a version 4 fingerprint
    key_id          TEXT NOT NULL,
    openpgp_key     INTEGER NOT NULL REFERENCES openpgp_key (id) ON DELETE CASCADE,
    PRIMARY KEY (fingerprint, openpgp_key)
) STRICT;
CREATE INDEX openpgp_key_part_by_id ON openpgp_key_part (key_id);

CREATE TABLE package_set (
    id                      INTEGER PRIMARY KEY,
    distro_series           INTEGER NOT NULL REFERENCES distro_series (id),
    name                    TEXT NOT NULL,
    description             TEXT NOT NULL DEFAULT '',
    relative_build_score    INTEGER NOT NULL DEFAULT 0,
    date_created            INTEGER NOT NULL,
    UNIQUE (distro_series, name)
) STRICT;

CREATE TABLE package_set_source (
    package_set             INTEGER NOT NULL REFERENCES package_set (id) ON DELETE CASCADE,
    source_package_name     TEXT NOT NULL,
    PRIMARY KEY (package_set, source_package_name)
) STRICT;
CREATE INDEX package_set_source_by_name ON package_set_source (source_package_name);

-- A right, over at most one kind of thing; over none of them: over the whole archive.
CREATE TABLE archive_permission (
    id                      INTEGER PRIMARY KEY,
    archive                 INTEGER NOT NULL REFERENCES archive (id),
    person                  INTEGER NOT NULL REFERENCES person (id),
    permission              TEXT NOT NULL CHECK (permission IN ('UPLOAD', 'QUEUE_ADMIN')),
    component               INTEGER REFERENCES component (id),
    pocket                  TEXT CHECK (pocket IN ('RELEASE', 'SECURITY', 'UPDATES', 'PROPOSED', 'BACKPORTS')),
    source_package_name     TEXT,
    package_set             INTEGER REFERENCES package_set (id),
    -- NULL: in every series
    distro_series           INTEGER REFERENCES distro_series (id),
    date_created            INTEGER NOT NULL,
    creator                 TEXT NOT NULL,
    CHECK ((component IS NOT NULL) + (pocket IS NOT NULL) + (source_package_name IS NOT NULL) + (package_set IS NOT NULL) <= 1),
    CHECK (permission = 'UPLOAD' OR (source_package_name IS NULL AND package_set IS NULL))
) STRICT;
CREATE INDEX archive_permission_by_person ON archive_permission (archive, person, permission);

-- ---------------------------------------------------------------- what a distribution wants of uploads

-- Where uploads to the release pocket of a series under development go: 1, to PROPOSED.
ALTER TABLE distribution ADD COLUMN redirect_release_uploads INTEGER NOT NULL DEFAULT 0 CHECK (redirect_release_uploads IN (0, 1));
-- Where bugs that uploads close are closed: a mail address with %s for the number, as %s-done@bugs.example.org; NULL: nowhere.
ALTER TABLE distribution ADD COLUMN bug_mail TEXT;
-- Or a URL that gets JSON by POST.
ALTER TABLE distribution ADD COLUMN bug_webhook TEXT;
-- Who reads what was accepted, by mail; NULL: nobody.
ALTER TABLE distro_series ADD COLUMN changes_list TEXT;
-- comma-separated, of: 1.0, 3.0 (native), 3.0 (quilt)
ALTER TABLE distro_series ADD COLUMN source_formats TEXT NOT NULL DEFAULT '1.0, 3.0 (native), 3.0 (quilt)';

-- ---------------------------------------------------------------- uploads

CREATE TABLE package_upload (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    suite           INTEGER NOT NULL REFERENCES suite (id),
    status          TEXT NOT NULL CHECK (status IN ('NEW', 'UNAPPROVED', 'ACCEPTED', 'DONE', 'REJECTED')),
    policy          TEXT NOT NULL CHECK (policy IN ('insecure', 'buildd', 'sync')),
    -- NULL: it was not signed
    signer          INTEGER REFERENCES person (id),
    signing_key     TEXT,
    changed_by      TEXT NOT NULL DEFAULT '',
    -- without its signature
    changes_file    INTEGER REFERENCES library_file_alias (id),
    -- what `queue list` shows and finds it by: the source, and its version
    source_package_name TEXT NOT NULL,
    version         TEXT NOT NULL,
    date_created    INTEGER NOT NULL,
    -- when it came to DONE or REJECTED
    date_ended      INTEGER
) STRICT;
CREATE INDEX package_upload_by_status ON package_upload (archive, status, id);
CREATE INDEX package_upload_by_name ON package_upload (source_package_name, version);

CREATE TABLE package_upload_source (
    package_upload          INTEGER PRIMARY KEY REFERENCES package_upload (id),
    source_package_release  INTEGER NOT NULL REFERENCES source_package_release (id),
    component               INTEGER NOT NULL REFERENCES component (id),
    section                 TEXT,
    -- nothing of its name was there before
    is_new                  INTEGER NOT NULL CHECK (is_new IN (0, 1))
) STRICT;
CREATE INDEX package_upload_source_by_release ON package_upload_source (source_package_release);

CREATE TABLE package_upload_build (
    package_upload          INTEGER NOT NULL REFERENCES package_upload (id),
    build                   INTEGER NOT NULL REFERENCES binary_package_build (id),
    PRIMARY KEY (package_upload, build)
) STRICT;
CREATE INDEX package_upload_build_by_build ON package_upload_build (build);

CREATE TABLE package_upload_binary (
    package_upload          INTEGER NOT NULL REFERENCES package_upload (id),
    binary_package_release  INTEGER NOT NULL REFERENCES binary_package_release (id),
    component               INTEGER NOT NULL REFERENCES component (id),
    section                 TEXT,
    priority                TEXT,
    is_new                  INTEGER NOT NULL CHECK (is_new IN (0, 1)),
    PRIMARY KEY (package_upload, binary_package_release)
) STRICT;
CREATE INDEX package_upload_binary_by_release ON package_upload_binary (binary_package_release);

CREATE TABLE package_upload_custom (
    id                      INTEGER PRIMARY KEY,
    package_upload          INTEGER NOT NULL REFERENCES package_upload (id),
    custom_format           TEXT NOT NULL CHECK (custom_format IN ('DEBIAN_INSTALLER', 'ROSETTA_TRANSLATIONS', 'DIST_UPGRADER',
        'DDTP_TARBALL', 'STATIC_TRANSLATIONS', 'META_DATA', 'UEFI', 'SIGNING')),
    library_file            INTEGER NOT NULL REFERENCES library_file_alias (id),
    component               INTEGER NOT NULL REFERENCES component (id)
) STRICT;
CREATE INDEX package_upload_custom_by_upload ON package_upload_custom (package_upload);

-- Other files of an upload that are kept: .buildinfo.
CREATE TABLE package_upload_file (
    package_upload          INTEGER NOT NULL REFERENCES package_upload (id),
    library_file            INTEGER NOT NULL REFERENCES library_file_alias (id),
    PRIMARY KEY (package_upload, library_file)
) STRICT;

-- Everything that was done to an upload, and by whom.
CREATE TABLE package_upload_log (
    id                      INTEGER PRIMARY KEY,
    package_upload          INTEGER NOT NULL REFERENCES package_upload (id),
    date_created            INTEGER NOT NULL,
    -- the person's name, or the publisher's own
    reviewer                TEXT NOT NULL,
    old_status              TEXT NOT NULL,
    new_status              TEXT NOT NULL,
    comment                 TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX package_upload_log_by_upload ON package_upload_log (package_upload);

-- What became of everything that was put into incoming.
CREATE TABLE upload_receipt (
    id                      INTEGER PRIMARY KEY,
    -- the base folder, and the name of the folder or .changes in incoming
    base                    TEXT NOT NULL,
    leaf                    TEXT NOT NULL,
    context                 TEXT NOT NULL,
    policy                  TEXT NOT NULL CHECK (policy IN ('insecure', 'buildd', 'sync')),
    verdict                 TEXT NOT NULL CHECK (verdict IN ('ACCEPTED', 'REJECTED', 'FAILED')),
    changes_filename        TEXT,
    source_package_name     TEXT,
    version                 TEXT,
    package_upload          INTEGER REFERENCES package_upload (id),
    signer                  INTEGER REFERENCES person (id),
    -- a line for each problem or remark
    messages                TEXT NOT NULL,
    -- where the upload went, below base; NULL: it is not moved yet
    moved_to                TEXT,
    date_created            INTEGER NOT NULL
) STRICT;
CREATE INDEX upload_receipt_by_leaf ON upload_receipt (base, leaf);
CREATE INDEX upload_receipt_by_upload ON upload_receipt (package_upload);
CREATE INDEX upload_receipt_not_moved ON upload_receipt (base) WHERE moved_to IS NULL;

-- The signed texts that have led to an upload: none does so twice.
CREATE TABLE signed_changes (
    archive                 INTEGER NOT NULL REFERENCES archive (id),
    sha256                  BLOB NOT NULL CHECK (length(sha256) = 32),
    package_upload          INTEGER NOT NULL REFERENCES package_upload (id),
    PRIMARY KEY (archive, sha256)
) STRICT, WITHOUT ROWID;

-- ---------------------------------------------------------------- builds

CREATE TABLE binary_package_build (
    id                      INTEGER PRIMARY KEY,
    archive                 INTEGER NOT NULL REFERENCES archive (id),
    suite                   INTEGER NOT NULL REFERENCES suite (id),
    distro_arch_series      INTEGER NOT NULL REFERENCES distro_arch_series (id),
    source_package_release  INTEGER NOT NULL REFERENCES source_package_release (id),
    -- makes the packages for all architectures too
    arch_indep              INTEGER NOT NULL CHECK (arch_indep IN (0, 1)),
    status                  TEXT NOT NULL CHECK (status IN ('NEEDSBUILD', 'FULLYBUILT', 'FAILEDTOBUILD', 'MANUALDEPWAIT', 'CHROOTWAIT',
        'SUPERSEDED', 'BUILDING', 'FAILEDTOUPLOAD', 'UPLOADING', 'CANCELLING', 'CANCELLED', 'GATHERING')),
    score                   INTEGER NOT NULL,
    -- set by a person: the score is not computed again
    score_is_manual         INTEGER NOT NULL DEFAULT 0 CHECK (score_is_manual IN (0, 1)),
    builder                 TEXT,
    -- what MANUALDEPWAIT waits for
    dependencies            TEXT,
    build_log               INTEGER REFERENCES library_file_alias (id),
    date_created            INTEGER NOT NULL,
    date_started            INTEGER,
    date_finished           INTEGER,
    UNIQUE (source_package_release, archive, distro_arch_series)
) STRICT;
CREATE INDEX binary_package_build_to_do ON binary_package_build (score DESC, id) WHERE status = 'NEEDSBUILD';
CREATE INDEX binary_package_build_by_status ON binary_package_build (archive, status, id);

-- ---------------------------------------------------------------- bugs and messages

-- The bugs that uploads have closed: each once for each version.
CREATE TABLE bug_closure (
    id                      INTEGER PRIMARY KEY,
    distribution            INTEGER NOT NULL REFERENCES distribution (id),
    tracker                 TEXT NOT NULL CHECK (tracker IN ('DEBBUGS', 'LAUNCHPAD')),
    bug                     INTEGER NOT NULL,
    source_package_name     TEXT NOT NULL,
    version                 TEXT NOT NULL,
    package_upload          INTEGER NOT NULL REFERENCES package_upload (id),
    date_created            INTEGER NOT NULL,
    UNIQUE (distribution, tracker, bug, source_package_name, version)
) STRICT;

-- What is to be sent: written in the transaction that it tells of, sent afterwards.
CREATE TABLE outbox_message (
    id                      INTEGER PRIMARY KEY,
    kind                    TEXT NOT NULL CHECK (kind IN ('MAIL', 'WEBHOOK')),
    -- what it is about, as ACCEPTED, REJECTED, NEW, ANNOUNCE, BUG
    topic                   TEXT NOT NULL,
    -- the same thing is said once; NULL: any number of times
    dedup_key               TEXT UNIQUE,
    package_upload          INTEGER REFERENCES package_upload (id),
    -- a mail's envelope: the sender, and its recipients, one a line; a webhook's URL
    sender                  TEXT NOT NULL DEFAULT '',
    recipients              TEXT NOT NULL,
    -- a whole mail (RFC 5322), or JSON
    content                 BLOB NOT NULL,
    status                  TEXT NOT NULL CHECK (status IN ('WAITING', 'SENT', 'FAILED', 'DROPPED')),
    attempts                INTEGER NOT NULL DEFAULT 0,
    date_created            INTEGER NOT NULL,
    date_next_attempt       INTEGER,
    date_sent               INTEGER,
    last_error              TEXT NOT NULL DEFAULT '',
    CHECK ((status = 'WAITING') = (date_next_attempt IS NOT NULL))
) STRICT;
CREATE INDEX outbox_message_waiting ON outbox_message (date_next_attempt, id) WHERE status = 'WAITING';
CREATE INDEX outbox_message_by_upload ON outbox_message (package_upload);

-- ---------------------------------------------------------------- custom uploads on their way into the tree

-- A custom upload that was accepted for a suite: a pass unpacks what is PENDING into the staged tree.
CREATE TABLE custom_publication (
    id                      INTEGER PRIMARY KEY,
    suite                   INTEGER NOT NULL REFERENCES suite (id),
    package_upload_custom   INTEGER NOT NULL REFERENCES package_upload_custom (id),
    status                  TEXT NOT NULL CHECK (status IN ('PENDING', 'PUBLISHED', 'SUPERSEDED', 'DELETED', 'OBSOLETE')),
    -- where it lies below the suite's folder, without the version; set when it is unpacked
    folder                  TEXT,
    version                 TEXT,
    date_created            INTEGER NOT NULL,
    date_published          INTEGER,
    UNIQUE (suite, package_upload_custom)
) STRICT;
CREATE INDEX custom_publication_by_status ON custom_publication (suite, status);

-- What a pass does to them, carried out when it is installed.
CREATE TABLE publisher_custom_transition (
    publisher_pass          INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    custom_publication      INTEGER NOT NULL REFERENCES custom_publication (id),
    to_status               TEXT NOT NULL,
    folder                  TEXT,
    version                 TEXT,
    PRIMARY KEY (publisher_pass, custom_publication)
) STRICT, WITHOUT ROWID;
