-- ?1 suite, ?2 name, ?3 release
SELECT publication.status, publication.source_package_release = ?3, release.version, own.version, publication.component,
       publication.section, publication.extra_fields
FROM source_package_publishing_history AS publication
JOIN source_package_release AS release ON release.id = publication.source_package_release
JOIN source_package_release AS own ON own.id = ?3
WHERE publication.suite = ?1 AND publication.source_package_name = ?2
  AND (publication.status IN ('PENDING', 'PUBLISHED') OR publication.source_package_release = ?3)
  AND NOT (publication.status = 'PUBLISHED' AND publication.removed_by IS NOT NULL)
ORDER BY publication.date_created DESC, publication.id DESC
