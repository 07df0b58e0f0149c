-- What hooks did as an operator sees and repeats it: attempts, replays, what each was told, vetoes that were overridden.

-- Which call with the same context it is: 1 is the first.
ALTER TABLE hook_run ADD COLUMN attempt INTEGER NOT NULL DEFAULT 1 CHECK (attempt > 0);
-- The first call, where this one is a later one with its context. What becomes of them all stands in the first.
ALTER TABLE hook_run ADD COLUMN repeats INTEGER REFERENCES hook_run (id);
-- Of a first call that failed: the later one that succeeded.
ALTER TABLE hook_run ADD COLUMN made_good_by INTEGER REFERENCES hook_run (id);
-- Of a first call that failed for a time: from when on a run calls it again by itself.
ALTER TABLE hook_run ADD COLUMN date_next_attempt INTEGER;
ALTER TABLE hook_run ADD COLUMN host_calls INTEGER;
-- Of a veto that did not hold the pass, or of a failure after the installation that is left as it is: who said so, and why.
ALTER TABLE hook_run ADD COLUMN overridden_by TEXT;
ALTER TABLE hook_run ADD COLUMN override_reason TEXT;

CREATE INDEX hook_run_by_pass ON hook_run (publisher_pass, point);
CREATE INDEX hook_run_by_first ON hook_run (repeats) WHERE repeats IS NOT NULL;
CREATE INDEX hook_run_to_retry ON hook_run (date_next_attempt) WHERE date_next_attempt IS NOT NULL;
CREATE INDEX hook_run_not_made_good ON hook_run (id)
    WHERE point <> 'pre-publication' AND outcome NOT IN ('DONE', 'SKIPPED') AND repeats IS NULL AND made_good_by IS NULL;

-- What the hooks of a point were told: JSON of the publisher's own. Kept for so many runs as the configuration says.
CREATE TABLE hook_context (
    script_activity INTEGER NOT NULL REFERENCES script_activity (id),
    -- the first one, where finalize is about several
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id),
    point           TEXT NOT NULL CHECK (point IN ('pre-publication', 'post-publication', 'finalize')),
    distribution    INTEGER NOT NULL REFERENCES distribution (id),
    context         TEXT NOT NULL,
    PRIMARY KEY (script_activity, publisher_pass, point)
) STRICT, WITHOUT ROWID;
CREATE INDEX hook_context_by_distribution ON hook_context (distribution, script_activity);

-- The transitions of an abandoned pass stay while it is the last one that hooks were called in, for dry runs of these hooks.
-- 1: they are gone, so what the pass would have changed is not known any more.
ALTER TABLE publisher_pass ADD COLUMN changes_forgotten INTEGER NOT NULL DEFAULT 0 CHECK (changes_forgotten IN (0, 1));
CREATE INDEX publisher_pass_with_changes_kept ON publisher_pass (archive, priority)
    WHERE state = 'ABANDONED' AND NOT changes_forgotten;
