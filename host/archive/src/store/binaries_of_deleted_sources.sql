-- ?1 pass
-- What a restoration leaves out it names row by row: its binaries do not go with it unless they are named too.
-- A binary is of a source of its source's name and version, unless it is known to be of another.
SELECT binary.id, binary.status, min(publication.id)
FROM publisher_transition AS transition
CROSS JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
CROSS JOIN source_package_release AS source ON source.id = publication.source_package_release
CROSS JOIN binary_package_release AS release INDEXED BY binary_package_release_by_source
  ON release.source_package_name = source.source_package_name AND release.source_version = source.version
  AND (release.source_package_release IS NULL OR release.source_package_release = source.id)
CROSS JOIN binary_package_publishing_history AS binary INDEXED BY binary_publication_by_release
  ON binary.binary_package_release = release.id AND binary.suite = publication.suite
WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.to_status = 'DELETED'
  AND publication.left_out_by IS NULL
  AND binary.status IN ('PENDING', 'PUBLISHED') AND NOT (binary.status = 'PUBLISHED' AND binary.removed_by IS NOT NULL)
  AND NOT EXISTS (
    SELECT 1 FROM source_package_publishing_history AS other INDEXED BY source_publication_by_release
    WHERE other.source_package_release = source.id AND other.suite = publication.suite AND other.status IN ('PENDING', 'PUBLISHED')
      AND NOT EXISTS (
        SELECT 1 FROM publisher_transition AS deletion
        WHERE deletion.publisher_pass = ?1 AND deletion.kind = 'SOURCE' AND deletion.publication = other.id
          AND deletion.to_status = 'DELETED'))
GROUP BY binary.id
ORDER BY binary.id
