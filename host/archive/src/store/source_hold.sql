-- ?1 publication of a source
-- A binary is of a source of its source's name and version, unless it is known to be of another.
SELECT publication.status,
  EXISTS (
    SELECT 1 FROM source_package_release AS own
    CROSS JOIN binary_package_release AS release INDEXED BY binary_package_release_by_source
      ON release.source_package_name = own.source_package_name AND release.source_version = own.version
      AND (release.source_package_release IS NULL OR release.source_package_release = own.id)
    CROSS JOIN binary_package_publishing_history AS binary INDEXED BY binary_publication_by_release
      ON binary.binary_package_release = release.id
    WHERE own.id = publication.source_package_release AND binary.suite = publication.suite
      AND binary.scheduled_deletion_date IS NULL AND binary.date_removed IS NULL),
  EXISTS (
    SELECT 1 FROM source_package_publishing_history AS other INDEXED BY source_publication_by_release
    WHERE other.source_package_release = publication.source_package_release AND other.suite = publication.suite
      AND other.status = 'PUBLISHED')
FROM source_package_publishing_history AS publication
WHERE publication.id = ?1
