-- ?1 pass
-- The inactive publications of sources without a date whose binaries the pass has taken out, or that it has taken out itself.
SELECT publication.id FROM publisher_transition AS transition
CROSS JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.to_status <> 'PUBLISHED'
  AND publication.status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE')
  AND publication.scheduled_deletion_date IS NULL AND publication.date_removed IS NULL
UNION
SELECT publication.id FROM publisher_transition AS transition
CROSS JOIN binary_package_publishing_history AS binary ON binary.id = transition.publication
CROSS JOIN binary_package_release AS release ON release.id = binary.binary_package_release
CROSS JOIN source_package_release AS source INDEXED BY source_package_release_by_name
  ON source.source_package_name = release.source_package_name AND source.version = release.source_version
  AND (release.source_package_release IS NULL OR release.source_package_release = source.id)
CROSS JOIN source_package_publishing_history AS publication INDEXED BY source_publication_by_release
  ON publication.source_package_release = source.id AND publication.suite = binary.suite
WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND transition.to_status <> 'PUBLISHED'
  AND publication.status IN ('SUPERSEDED', 'DELETED', 'OBSOLETE')
  AND publication.scheduled_deletion_date IS NULL AND publication.date_removed IS NULL
ORDER BY 1
