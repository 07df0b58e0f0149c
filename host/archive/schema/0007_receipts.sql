-- Receipts: what was judged, so that what has changed since is another upload, and every complaint as it was found.

-- of the .changes as it lay in incoming
ALTER TABLE upload_receipt ADD COLUMN changes_sha256 BLOB CHECK (length(changes_sha256) = 32);
-- JSON: a list of severity, check, file, what, remedy
ALTER TABLE upload_receipt ADD COLUMN problems TEXT NOT NULL DEFAULT '[]';

-- Other names of a series in uploads: unstable for sid.
CREATE TABLE distro_series_alias (
    distribution    INTEGER NOT NULL REFERENCES distribution (id),
    alias           TEXT NOT NULL,
    distro_series   INTEGER NOT NULL REFERENCES distro_series (id),
    PRIMARY KEY (distribution, alias)
) STRICT, WITHOUT ROWID;
