-- Publishing in time proportional to the change: the segments that index files are put together from.

-- How much text a segment has on average, in bytes.
ALTER TABLE distro_series ADD COLUMN index_segment_size INTEGER NOT NULL DEFAULT 524288
    CHECK (index_segment_size BETWEEN 1024 AND 67108864);

-- A segment of an index as it is published, or as a pass will publish it. The segments of an index are in the order of their first names.
CREATE TABLE index_segment (
    id              INTEGER PRIMARY KEY,
    suite           INTEGER NOT NULL REFERENCES suite (id),
    -- of the index, below the suite's folder, without the ending of a form
    path            TEXT NOT NULL,
    first_name      TEXT NOT NULL,
    stanzas         INTEGER NOT NULL CHECK (stanzas > 0),
    text_sha256     BLOB NOT NULL CHECK (length(text_sha256) = 32),
    text_size       INTEGER NOT NULL CHECK (text_size > 0),
    -- the pass that has made it and is not installed yet; NULL: it is live
    publisher_pass  INTEGER REFERENCES publisher_pass (id)
) STRICT;
CREATE INDEX index_segment_by_path ON index_segment (suite, path, first_name);
CREATE INDEX index_segment_by_pass ON index_segment (publisher_pass) WHERE publisher_pass IS NOT NULL;

-- What a segment is in the file of a form: so many bytes after those of the segments before it.
CREATE TABLE index_segment_form (
    index_segment   INTEGER NOT NULL REFERENCES index_segment (id) ON DELETE CASCADE,
    form            TEXT NOT NULL CHECK (form IN ('uncompressed', 'gz', 'xz', 'zst')),
    sha256          BLOB NOT NULL CHECK (length(sha256) = 32),
    file_size       INTEGER NOT NULL,
    PRIMARY KEY (index_segment, form)
) STRICT, WITHOUT ROWID;

-- The live segments that the pass replaces.
CREATE TABLE publisher_dropped_segment (
    publisher_pass  INTEGER NOT NULL REFERENCES publisher_pass (id) ON DELETE CASCADE,
    index_segment   INTEGER NOT NULL,
    PRIMARY KEY (publisher_pass, index_segment)
) STRICT, WITHOUT ROWID;

-- A published package with `removed_by` is one whose removal is asked for: the next pass takes it out.
CREATE INDEX source_publication_to_remove ON source_package_publishing_history (suite)
    WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL;
CREATE INDEX binary_publication_to_remove ON binary_package_publishing_history (suite)
    WHERE status = 'PUBLISHED' AND removed_by IS NOT NULL;
