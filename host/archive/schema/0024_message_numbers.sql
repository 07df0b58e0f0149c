-- Receivers know a message by its number, so that none is given again when the message is forgotten.
CREATE TABLE outbox_message_numbered (
    id                      INTEGER PRIMARY KEY AUTOINCREMENT,
    kind                    TEXT NOT NULL CHECK (kind IN ('MAIL', 'WEBHOOK')),
    topic                   TEXT NOT NULL,
    dedup_key               TEXT UNIQUE,
    package_upload          INTEGER REFERENCES package_upload (id),
    sender                  TEXT NOT NULL DEFAULT '',
    recipients              TEXT NOT NULL,
    content                 BLOB NOT NULL,
    status                  TEXT NOT NULL CHECK (status IN ('WAITING', 'SENT', 'FAILED', 'DROPPED')),
    attempts                INTEGER NOT NULL DEFAULT 0,
    date_created            INTEGER NOT NULL,
    date_next_attempt       INTEGER,
    date_sent               INTEGER,
    last_error              TEXT NOT NULL DEFAULT '',
    CHECK ((status = 'WAITING') = (date_next_attempt IS NOT NULL))
) STRICT;
INSERT INTO outbox_message_numbered (id, kind, topic, dedup_key, package_upload, sender, recipients, content, status, attempts, date_created,
    date_next_attempt, date_sent, last_error)
  SELECT id, kind, topic, dedup_key, package_upload, sender, recipients, content, status, attempts, date_created,
    date_next_attempt, date_sent, last_error FROM outbox_message ORDER BY id;
DROP TABLE outbox_message;
ALTER TABLE outbox_message_numbered RENAME TO outbox_message;
CREATE INDEX outbox_message_waiting ON outbox_message (date_next_attempt, id) WHERE status = 'WAITING';
CREATE INDEX outbox_message_by_upload ON outbox_message (package_upload);
CREATE INDEX outbox_message_by_status ON outbox_message (status, id);
CREATE INDEX outbox_message_sent ON outbox_message (date_sent) WHERE status = 'SENT';
