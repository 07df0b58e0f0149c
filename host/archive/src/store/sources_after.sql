-- ?1 suite, ?2 component, ?3 pass or NULL, ?4 and ?5 the names: from, below;
-- of the name ?4 what comes after version ?6, publication ?7; ?8 how many
-- In the index: as in indexed_sources.sql, and in the same order.
SELECT publication.source_package_name, release.version, publication.id, publication.section, release.priority
FROM source_package_publishing_history AS publication
JOIN source_package_release AS release ON release.id = publication.source_package_release
LEFT JOIN publisher_transition AS transition
  ON transition.publisher_pass = ?3 AND transition.kind = 'SOURCE' AND transition.publication = publication.id
WHERE publication.suite = ?1 AND publication.component = ?2
  AND publication.status IN ('PENDING', 'PUBLISHED')
  AND publication.source_package_name >= ?4 AND publication.source_package_name < ?5
  AND (publication.source_package_name > ?4 OR (release.version, publication.id) > (?6, ?7))
  AND coalesce(transition.to_status, publication.status) = 'PUBLISHED'
ORDER BY publication.source_package_name, release.version, publication.id
LIMIT ?8
