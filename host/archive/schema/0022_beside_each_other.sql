-- Publishers that run beside each other, and what many archives cost that have nothing to do.

-- What a pre-publication hook has read of its memory: publishers beside each other have one memory for each hook, and a pass is not installed where another
-- publisher has changed since what it was made from. NULL: nothing was there.
CREATE TABLE publisher_hook_seen (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    hook            TEXT NOT NULL,
    key             TEXT NOT NULL,
    value           BLOB,
    PRIMARY KEY (publisher_pass, hook, key)
) STRICT, WITHOUT ROWID;

-- The custom uploads that wait, in whichever suite.
CREATE INDEX custom_publication_pending ON custom_publication (suite) WHERE status = 'PENDING';

-- A key that is gone from here on purpose. Its row stays for the history of who has signed what.
ALTER TABLE signing_key ADD COLUMN date_forgotten INTEGER;
