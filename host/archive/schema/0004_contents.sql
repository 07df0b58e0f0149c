-- What binary packages bring along: for hooks, and for indexes of files.

-- A release without a row came in before there was this table: its list is in its file.
CREATE TABLE binary_package_contents (
    binary_package_release  INTEGER PRIMARY KEY REFERENCES binary_package_release (id) ON DELETE CASCADE,
    paths                   INTEGER NOT NULL CHECK (paths >= 0),
    -- the paths in order, each ended by a zero byte, as one zstd frame; empty where there is none
    list                    BLOB NOT NULL,
    CHECK ((paths = 0) = (length(list) = 0))
) STRICT;
