-- Builds: what their score is made of, and what was done to them.

-- As the upload says how much it hurries; it counts for the score.
ALTER TABLE binary_package_build ADD COLUMN urgency TEXT NOT NULL DEFAULT 'low'
    CHECK (urgency IN ('low', 'medium', 'high', 'critical', 'emergency'));

-- Everything that was done to a build, and by whom: a person, a builder, or the publisher itself.
CREATE TABLE binary_package_build_event (
    id                      INTEGER PRIMARY KEY,
    build                   INTEGER NOT NULL REFERENCES binary_package_build (id),
    date_created            INTEGER NOT NULL,
    actor                   TEXT NOT NULL,
    old_status              TEXT NOT NULL,
    new_status              TEXT NOT NULL,
    comment                 TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX binary_package_build_event_by_build ON binary_package_build_event (build);

-- When the tracker was told, as far as the distribution has one to tell; NULL: it is to be.
ALTER TABLE bug_closure ADD COLUMN date_told INTEGER;
CREATE INDEX bug_closure_to_tell ON bug_closure (distribution, id) WHERE date_told IS NULL;
CREATE INDEX bug_closure_by_upload ON bug_closure (package_upload);
