-- What operators look at: how every script is doing, what its last failed run said, and messages that need not be kept.

-- What a run is about beside its distribution, as a folder of uploads; '': nothing else
ALTER TABLE script_activity ADD COLUMN scope TEXT NOT NULL DEFAULT '';
-- 1: it had nothing to do, and the next of the same script that has nothing to do takes its place
ALTER TABLE script_activity ADD COLUMN idle INTEGER NOT NULL DEFAULT 0 CHECK (idle IN (0, 1));
-- 1: script_state knows how it ended
ALTER TABLE script_activity ADD COLUMN considered INTEGER NOT NULL DEFAULT 0 CHECK (considered IN (0, 1));
-- of the past, what is needed to say how each script is doing
UPDATE script_activity SET considered = 1 WHERE date_completed IS NOT NULL AND id NOT IN (
    SELECT max(id) FROM script_activity WHERE date_completed IS NOT NULL GROUP BY name, distribution
    UNION ALL SELECT max(id) FROM script_activity WHERE outcome = 'SUCCEEDED' GROUP BY name, distribution);
CREATE INDEX script_activity_not_considered ON script_activity (id) WHERE considered = 0 AND date_completed IS NOT NULL;
CREATE INDEX script_activity_open ON script_activity (id) WHERE date_completed IS NULL;
CREATE INDEX script_activity_idle ON script_activity (name, scope) WHERE idle = 1;

-- How a script is doing: as of the last of its runs that was considered.
CREATE TABLE script_state (
    id                  INTEGER PRIMARY KEY,
    name                TEXT NOT NULL,
    distribution        INTEGER REFERENCES distribution (id),
    scope               TEXT NOT NULL,
    -- the last run that ended; its row may be gone
    last_run            INTEGER NOT NULL,
    last_outcome        TEXT NOT NULL CHECK (last_outcome IN ('SUCCEEDED', 'FAILED', 'HELD', 'INTERRUPTED')),
    last_message        TEXT NOT NULL,
    date_last_started   INTEGER NOT NULL,
    date_last_completed INTEGER NOT NULL,
    -- NULL: it never succeeded
    date_last_success   INTEGER,
    -- since it last succeeded: an incident
    failures            INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    first_failure       INTEGER,
    date_failing_since  INTEGER,
    -- 1: the operators were told of the incident
    told                INTEGER NOT NULL DEFAULT 0 CHECK (told IN (0, 1)),
    CHECK ((failures > 0) = (first_failure IS NOT NULL)),
    CHECK ((failures > 0) = (date_failing_since IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX script_state_of ON script_state (name, coalesce(distribution, 0), scope);

-- What runs that did not succeed said: the end of it, of the last of them.
CREATE TABLE script_log (
    script_activity     INTEGER PRIMARY KEY REFERENCES script_activity (id) ON DELETE CASCADE,
    log                 TEXT NOT NULL
) STRICT;

-- What was said once and is not said again, although the message is gone.
CREATE TABLE outbox_said (
    dedup_key           TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
-- How many messages about an upload are gone, so that those to come have numbers of their own.
CREATE TABLE outbox_gone (
    package_upload      INTEGER PRIMARY KEY REFERENCES package_upload (id),
    news                INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_message_by_status ON outbox_message (status, id);
CREATE INDEX outbox_message_sent ON outbox_message (date_sent) WHERE status = 'SENT';
