-- ?1 pass
-- A name is contested where something else of that name is in the index, or might be. Most are not, and only these are read.
WITH contested AS (
    SELECT DISTINCT publication.suite, publication.source_package_name
    FROM publisher_transition AS transition
    JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.to_status = 'PUBLISHED'
      AND EXISTS (
        SELECT 1 FROM source_package_publishing_history AS other
        WHERE other.suite = publication.suite AND other.source_package_name = publication.source_package_name
          AND other.status IN ('PENDING', 'PUBLISHED') AND other.id <> publication.id)
)
SELECT publication.suite || ' ' || publication.source_package_name, publication.suite, publication.id,
       publication.source_package_release, release.version, publication.status, publication.date_created
FROM contested
JOIN source_package_publishing_history AS publication
  ON publication.suite = contested.suite AND publication.source_package_name = contested.source_package_name
JOIN source_package_release AS release ON release.id = publication.source_package_release
WHERE publication.status IN ('PENDING', 'PUBLISHED') AND ((publication.status = 'PUBLISHED' AND publication.removed_by IS NULL) OR EXISTS (
    SELECT 1 FROM publisher_transition AS transition
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.publication = publication.id))
ORDER BY publication.suite, publication.source_package_name, publication.id
