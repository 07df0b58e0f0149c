-- More indexes: descriptions apart from Packages, and which files packages have.

-- Where long descriptions stand: 'none' of them apart, or English ones in i18n/Translation-en.
ALTER TABLE distro_series ADD COLUMN translations TEXT NOT NULL DEFAULT 'none' CHECK (translations IN ('none', 'en'));
-- Whether Contents-ARCHITECTURE lists the files of packages.
ALTER TABLE distro_series ADD COLUMN contents INTEGER NOT NULL DEFAULT 0 CHECK (contents IN (0, 1));

-- What makes Packages and Sources.
ALTER TABLE archive ADD COLUMN index_engine TEXT NOT NULL DEFAULT 'native' CHECK (index_engine IN ('native', 'apt-ftparchive'));

-- An archive admin's word on further fields of a package's stanzas, as `Task`.
CREATE TABLE extra_override (
    archive         INTEGER NOT NULL REFERENCES archive (id),
    distro_series   INTEGER NOT NULL REFERENCES distro_series (id),
    kind            TEXT NOT NULL CHECK (kind IN ('SOURCE', 'BINARY')),
    package_name    TEXT NOT NULL,
    -- empty: all
    architecture    TEXT NOT NULL,
    field           TEXT NOT NULL COLLATE NOCASE CHECK (field <> ''),
    value           TEXT NOT NULL CHECK (value <> ''),
    creator         TEXT,
    date_created    INTEGER NOT NULL,
    PRIMARY KEY (archive, distro_series, kind, package_name, architecture, field)
) STRICT, WITHOUT ROWID;

-- What was said so when the publication was made: lines of a stanza.
ALTER TABLE source_package_publishing_history ADD COLUMN extra_fields TEXT CHECK (extra_fields <> '');
ALTER TABLE binary_package_publishing_history ADD COLUMN extra_fields TEXT CHECK (extra_fields <> '');
