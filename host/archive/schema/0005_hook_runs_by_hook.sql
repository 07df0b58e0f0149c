-- How a hook ended the last time: found without reading what all hooks ever did.
CREATE INDEX hook_run_by_hook ON hook_run (hook, point, id);
