-- ?1 pass
WITH opened AS (
    SELECT DISTINCT publication.suite, publication.source_package_name
    FROM publisher_transition AS transition
    JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.to_status = 'PUBLISHED'
)
SELECT publication.suite || ' ' || publication.source_package_name, publication.suite, publication.id,
       publication.source_package_release, release.version, publication.status, publication.date_created
FROM opened
JOIN source_package_publishing_history AS publication
  ON publication.suite = opened.suite AND publication.source_package_name = opened.source_package_name
JOIN source_package_release AS release ON release.id = publication.source_package_release
WHERE (publication.status = 'PUBLISHED' AND publication.removed_by IS NULL) OR (publication.status = 'PENDING' AND EXISTS (
    SELECT 1 FROM publisher_transition AS transition
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.publication = publication.id))
ORDER BY publication.suite, publication.source_package_name, publication.id
