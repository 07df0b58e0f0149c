-- What mirrors follow: a listing of an archive's files as GNU ls writes it, and a journal of the changes of its files.

-- Whether there is an ls-lR.gz.
ALTER TABLE archive ADD COLUMN ls_lr INTEGER NOT NULL DEFAULT 0 CHECK (ls_lr IN (0, 1));
-- The listing is not as the archive is, whatever the pool is like: it is 0 again when the new one lies in the archive.
ALTER TABLE archive ADD COLUMN ls_lr_owed INTEGER NOT NULL DEFAULT 0 CHECK (ls_lr_owed IN (0, 1));
-- How many numbers of the journal stay; 0: there is none.
ALTER TABLE archive ADD COLUMN mirror_journal INTEGER NOT NULL DEFAULT 0 CHECK (mirror_journal >= 0);

-- When the file was written to last, in seconds since 1970, as it lies on disk; NULL: nobody has looked yet.
ALTER TABLE pool_file ADD COLUMN modified INTEGER;

-- The sources of a component whose folders in the pool are not as pool_listing has them. Only of archives with a listing.
CREATE TABLE pool_listing_stale (
    archive         INTEGER NOT NULL REFERENCES archive (id),
    component       INTEGER NOT NULL REFERENCES component (id),
    source_package_name TEXT NOT NULL,
    PRIMARY KEY (archive, component, source_package_name)
) STRICT, WITHOUT ROWID;

-- A part of the listing: the folders of some sources that follow each other below one prefix.
CREATE TABLE pool_listing (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    component       INTEGER NOT NULL REFERENCES component (id),
    -- as in the pool: h, liba
    prefix          TEXT NOT NULL,
    first_source    TEXT NOT NULL,
    sources         INTEGER NOT NULL CHECK (sources > 0),
    -- the latest change of a file in it, in seconds since 1970
    newest          INTEGER NOT NULL,
    -- the lines of the folders, as the folder above has them: a gzip member
    lines           BLOB NOT NULL,
    -- the folders themselves: a gzip member
    folders         BLOB NOT NULL,
    UNIQUE (archive, component, first_source)
) STRICT;

-- The names in the pool that changed since the journal was written last. Only of archives with a journal.
CREATE TABLE mirror_pool_change (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    component       INTEGER NOT NULL REFERENCES component (id),
    source_package_name TEXT NOT NULL,
    filename        TEXT NOT NULL
) STRICT;
CREATE INDEX mirror_pool_change_by_archive ON mirror_pool_change (archive, id);

CREATE TRIGGER pool_file_added AFTER INSERT ON pool_file
BEGIN
    INSERT INTO mirror_pool_change (archive, component, source_package_name, filename)
        SELECT new.archive, new.component, new.source_package_name, new.filename
        FROM archive WHERE id = new.archive AND mirror_journal > 0;
    INSERT INTO pool_listing_stale (archive, component, source_package_name)
        SELECT new.archive, new.component, new.source_package_name
        FROM archive WHERE id = new.archive AND ls_lr
        AND NOT EXISTS (SELECT 1 FROM pool_listing_stale WHERE archive = new.archive AND component = new.component
            AND source_package_name = new.source_package_name);
END;
-- Where a component gets the file itself, every link that there is leads to it from now on, although its own row stays as it is.
CREATE TRIGGER pool_file_holder_added AFTER INSERT ON pool_file
WHEN NOT new.is_symlink
BEGIN
    UPDATE pool_file SET modified = NULL
        WHERE archive = new.archive AND source_package_name = new.source_package_name AND filename = new.filename AND is_symlink;
    INSERT INTO mirror_pool_change (archive, component, source_package_name, filename)
        SELECT link.archive, link.component, link.source_package_name, link.filename
        FROM pool_file AS link JOIN archive ON archive.id = link.archive AND archive.mirror_journal > 0
        WHERE link.archive = new.archive AND link.source_package_name = new.source_package_name
        AND link.filename = new.filename AND link.is_symlink;
    INSERT INTO pool_listing_stale (archive, component, source_package_name)
        SELECT link.archive, link.component, link.source_package_name
        FROM pool_file AS link JOIN archive ON archive.id = link.archive AND archive.ls_lr
        WHERE link.archive = new.archive AND link.source_package_name = new.source_package_name
        AND link.filename = new.filename AND link.is_symlink
        AND NOT EXISTS (SELECT 1 FROM pool_listing_stale AS stale WHERE stale.archive = link.archive
            AND stale.component = link.component AND stale.source_package_name = link.source_package_name);
END;
CREATE TRIGGER pool_file_holder_changed AFTER UPDATE OF is_symlink, content ON pool_file
WHEN old.is_symlink AND NOT new.is_symlink
BEGIN
    UPDATE pool_file SET modified = NULL
        WHERE archive = new.archive AND source_package_name = new.source_package_name AND filename = new.filename AND is_symlink;
    INSERT INTO mirror_pool_change (archive, component, source_package_name, filename)
        SELECT link.archive, link.component, link.source_package_name, link.filename
        FROM pool_file AS link JOIN archive ON archive.id = link.archive AND archive.mirror_journal > 0
        WHERE link.archive = new.archive AND link.source_package_name = new.source_package_name
        AND link.filename = new.filename AND link.is_symlink;
    INSERT INTO pool_listing_stale (archive, component, source_package_name)
        SELECT link.archive, link.component, link.source_package_name
        FROM pool_file AS link JOIN archive ON archive.id = link.archive AND archive.ls_lr
        WHERE link.archive = new.archive AND link.source_package_name = new.source_package_name
        AND link.filename = new.filename AND link.is_symlink
        AND NOT EXISTS (SELECT 1 FROM pool_listing_stale AS stale WHERE stale.archive = link.archive
            AND stale.component = link.component AND stale.source_package_name = link.source_package_name);
END;
CREATE TRIGGER pool_file_removed AFTER DELETE ON pool_file
BEGIN
    INSERT INTO mirror_pool_change (archive, component, source_package_name, filename)
        SELECT old.archive, old.component, old.source_package_name, old.filename
        FROM archive WHERE id = old.archive AND mirror_journal > 0;
    INSERT INTO pool_listing_stale (archive, component, source_package_name)
        SELECT old.archive, old.component, old.source_package_name
        FROM archive WHERE id = old.archive AND ls_lr
        AND NOT EXISTS (SELECT 1 FROM pool_listing_stale WHERE archive = old.archive AND component = old.component
            AND source_package_name = old.source_package_name);
END;
-- A link has become the file, or the other way round.
CREATE TRIGGER pool_file_changed AFTER UPDATE OF is_symlink, content ON pool_file
WHEN old.is_symlink <> new.is_symlink OR old.content <> new.content
BEGIN
    UPDATE pool_file SET modified = NULL WHERE id = new.id;
    INSERT INTO mirror_pool_change (archive, component, source_package_name, filename)
        SELECT new.archive, new.component, new.source_package_name, new.filename
        FROM archive WHERE id = new.archive AND mirror_journal > 0;
    INSERT INTO pool_listing_stale (archive, component, source_package_name)
        SELECT new.archive, new.component, new.source_package_name
        FROM archive WHERE id = new.archive AND ls_lr
        AND NOT EXISTS (SELECT 1 FROM pool_listing_stale WHERE archive = new.archive AND component = new.component
            AND source_package_name = new.source_package_name);
END;

-- The journal of an archive: numbers without gaps.
CREATE TABLE mirror_journal (
    id              INTEGER PRIMARY KEY,
    archive         INTEGER NOT NULL REFERENCES archive (id),
    number          INTEGER NOT NULL CHECK (number > 0),
    cause           TEXT NOT NULL CHECK (cause IN ('PASS', 'DEATH-ROW', 'FILES', 'RESET')),
    publisher_pass  INTEGER REFERENCES publisher_pass (id) ON DELETE SET NULL,
    date_created    INTEGER NOT NULL,
    -- its file lies in the archive
    written         INTEGER NOT NULL DEFAULT 0 CHECK (written IN (0, 1)),
    UNIQUE (archive, number)
) STRICT;
CREATE INDEX mirror_journal_to_be_written ON mirror_journal (archive, number) WHERE written = 0;
CREATE INDEX mirror_journal_by_pass ON mirror_journal (publisher_pass) WHERE publisher_pass IS NOT NULL;

-- What changed, in the order in which to follow it.
CREATE TABLE mirror_change (
    mirror_journal  INTEGER NOT NULL REFERENCES mirror_journal (id) ON DELETE CASCADE,
    ordering        INTEGER NOT NULL,
    action          TEXT NOT NULL CHECK (action IN ('FILE', 'LINK', 'REMOVED', 'EVERYTHING')),
    -- below the archive's root
    path            TEXT NOT NULL,
    file_size       INTEGER,
    sha256          BLOB CHECK (length(sha256) = 32),
    target          TEXT,
    CHECK ((action = 'FILE') = (sha256 IS NOT NULL)),
    CHECK ((action = 'FILE') = (file_size IS NOT NULL)),
    CHECK ((action = 'LINK') = (target IS NOT NULL)),
    PRIMARY KEY (mirror_journal, ordering)
) STRICT, WITHOUT ROWID;

-- What a pass that is being installed changes in the trees that it replaces, in that order.
CREATE TABLE publisher_tree_change (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    ordering        INTEGER NOT NULL,
    action          TEXT NOT NULL,
    path            TEXT NOT NULL,
    file_size       INTEGER,
    sha256          BLOB,
    target          TEXT,
    PRIMARY KEY (publisher_pass, ordering)
) STRICT, WITHOUT ROWID;
-- Whether that was written down: otherwise whoever follows the journal has to begin anew.
ALTER TABLE publisher_pass ADD COLUMN tree_recorded INTEGER NOT NULL DEFAULT 0 CHECK (tree_recorded IN (0, 1));

-- Folders out of which a pass takes something: those that are empty when it is installed go.
CREATE TABLE vacated_folder (
    archive         INTEGER NOT NULL REFERENCES archive (id),
    path            TEXT NOT NULL,
    PRIMARY KEY (archive, path)
) STRICT, WITHOUT ROWID;
