-- ?1 pass
-- A name is contested where something else of that name is in the index, or might be. Most are not, and only these are read.
SELECT DISTINCT publication.suite, publication.source_package_name
FROM publisher_transition AS transition
CROSS JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.to_status <> 'DELETED'
  AND EXISTS (
    SELECT 1 FROM source_package_publishing_history AS other
    WHERE other.suite = publication.suite AND other.source_package_name = publication.source_package_name
      AND other.status IN ('PENDING', 'PUBLISHED') AND other.id <> publication.id)
ORDER BY 1, 2
