-- Publishers that run beside each other, what a run may leave out, and suites whose publication somebody holds.

-- Which of a distribution's publishers a run is of; NULL: it publishes nothing. A run that has not ended is dead when its publisher's lock can be had.
ALTER TABLE script_activity ADD COLUMN publisher TEXT
    CHECK (publisher IN ('main-archives', 'ppas', 'private-ppas', 'copy-archives'));
UPDATE script_activity SET publisher = 'main-archives' WHERE name IN ('publish', 'process-accepted', 'hook-replay');

-- The distribution that it derives from, where its series do not say so.
ALTER TABLE distribution ADD COLUMN parent INTEGER REFERENCES distribution (id);

-- Held by somebody: no run publishes it.
ALTER TABLE suite ADD COLUMN paused_by TEXT;
ALTER TABLE suite ADD COLUMN pause_reason TEXT NOT NULL DEFAULT '';
ALTER TABLE suite ADD COLUMN date_paused INTEGER;
-- Whether a change of it is published only when somebody has approved it.
ALTER TABLE suite ADD COLUMN approval_required INTEGER NOT NULL DEFAULT 0 CHECK (approval_required IN (0, 1));
-- Whether the binaries of a source wait for each other, and how long at the most.
ALTER TABLE suite ADD COLUMN group_by_source INTEGER NOT NULL DEFAULT 0 CHECK (group_by_source IN (0, 1));
ALTER TABLE suite ADD COLUMN group_by_source_seconds INTEGER NOT NULL DEFAULT 86400 CHECK (group_by_source_seconds >= 0);
-- Something was published in it without domination: the next pass that dominates looks at all its names.
ALTER TABLE suite ADD COLUMN domination_owed INTEGER NOT NULL DEFAULT 0 CHECK (domination_owed IN (0, 1));

-- What a pass leaves out because the operator said so, and owes then.
ALTER TABLE publisher_pass_suite ADD COLUMN domination_left_out INTEGER NOT NULL DEFAULT 0 CHECK (domination_left_out IN (0, 1));
ALTER TABLE publisher_pass_suite ADD COLUMN indexes_left_out INTEGER NOT NULL DEFAULT 0 CHECK (indexes_left_out IN (0, 1));

-- The changes that somebody has approved, until they are carried out.
CREATE TABLE approved_change (
    suite           INTEGER NOT NULL REFERENCES suite (id),
    kind            TEXT NOT NULL CHECK (kind IN
        ('SOURCE', 'BINARY', 'SOURCE-REMOVAL', 'BINARY-REMOVAL', 'CUSTOM', 'MARK', 'INDEXES')),
    -- the publication, the custom publication, the mark; of INDEXES what indexes_wanted was
    change          INTEGER NOT NULL,
    PRIMARY KEY (suite, kind, change)
) STRICT, WITHOUT ROWID;

-- Who has held, released, approved or marked a suite, and why.
CREATE TABLE suite_log (
    id              INTEGER PRIMARY KEY,
    suite           INTEGER NOT NULL REFERENCES suite (id),
    action          TEXT NOT NULL CHECK (action IN ('PAUSED', 'RESUMED', 'APPROVED', 'MARKED', 'SET')),
    actor           TEXT NOT NULL,
    comment         TEXT NOT NULL DEFAULT '',
    date_created    INTEGER NOT NULL
) STRICT;
CREATE INDEX suite_log_by_suite ON suite_log (suite, id);
-- A removal that was asked for and its approval are looked up by row.
CREATE INDEX binary_package_build_by_source ON binary_package_build (archive, source_package_release);
-- What is at work on an archive, or owes it hooks: few, of passes that become many.
CREATE INDEX publisher_pass_open ON publisher_pass (archive) WHERE date_completed IS NULL;
