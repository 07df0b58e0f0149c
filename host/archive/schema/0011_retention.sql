-- Which versions of a package stay, and from when on what has given way may go.

-- So many of the newest versions of each name stay in the indexes.
ALTER TABLE archive ADD COLUMN keep_versions INTEGER NOT NULL DEFAULT 1 CHECK (keep_versions BETWEEN 1 AND 1000);

-- How long the files of what the pass supersedes stay. Written with its plan: whoever takes a dead pass to its end gives them the same.
ALTER TABLE publisher_pass ADD COLUMN stay_seconds INTEGER NOT NULL DEFAULT 86400 CHECK (stay_seconds >= 0);

-- Of a binary that goes because its source is deleted: the publication of the source, which says who asked for it and why.
ALTER TABLE publisher_transition ADD COLUMN deleted_with INTEGER;

-- What may go, by the date from which on it may.
CREATE INDEX source_publication_scheduled ON source_package_publishing_history (scheduled_deletion_date)
    WHERE date_removed IS NULL AND scheduled_deletion_date IS NOT NULL;
CREATE INDEX binary_publication_scheduled ON binary_package_publishing_history (scheduled_deletion_date)
    WHERE date_removed IS NULL AND scheduled_deletion_date IS NOT NULL;

-- What is inactive and has no such date: sources that are held by binaries, and nothing else for long.
CREATE INDEX source_publication_unscheduled ON source_package_publishing_history (suite)
    WHERE status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE') AND scheduled_deletion_date IS NULL AND date_removed IS NULL;
CREATE INDEX binary_publication_unscheduled ON binary_package_publishing_history (suite)
    WHERE status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE') AND scheduled_deletion_date IS NULL AND date_removed IS NULL;

-- What gave way before there was a judge is judged here, with a day's stay.
UPDATE binary_package_publishing_history
SET scheduled_deletion_date = coalesce(date_superseded, date_created) + CASE status WHEN 'SUPERSEDED' THEN 86400000000 ELSE 0 END
WHERE status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE') AND scheduled_deletion_date IS NULL AND date_removed IS NULL;
UPDATE source_package_publishing_history AS publication
SET scheduled_deletion_date = coalesce(date_superseded, date_created) + CASE status WHEN 'SUPERSEDED' THEN 86400000000 ELSE 0 END
WHERE status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE') AND scheduled_deletion_date IS NULL AND date_removed IS NULL
  AND (NOT EXISTS (
         SELECT 1 FROM source_package_release AS own
         JOIN binary_package_release AS release ON release.source_package_name = own.source_package_name AND release.source_version = own.version
           AND (release.source_package_release IS NULL OR release.source_package_release = own.id)
         JOIN binary_package_publishing_history AS binary ON binary.binary_package_release = release.id
         WHERE own.id = publication.source_package_release AND binary.suite = publication.suite
           AND binary.scheduled_deletion_date IS NULL AND binary.date_removed IS NULL)
       OR EXISTS (
         SELECT 1 FROM source_package_publishing_history AS other
         WHERE other.source_package_release = publication.source_package_release AND other.suite = publication.suite
           AND other.status = 'PUBLISHED'));
