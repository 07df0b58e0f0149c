-- More indexes: descriptions apart from Packages, and which files packages have.

-- Where long descriptions stand: 'none' of them apart, or English ones in i18n/Translation-en.
ALTER TABLE distro_series ADD COLUMN translations TEXT NOT NULL DEFAULT 'none' CHECK (translations IN ('none', 'en'));
-- Whether Contents-ARCHITECTURE lists the files of packages.
ALTER TABLE distro_series ADD COLUMN contents INTEGER NOT NULL DEFAULT 0 CHECK (contents IN (0, 1));
