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
