-- ?1 pass, ?2 suite, ?3 name
-- What is to be removed and stays, because nobody has approved that yet, takes no part and is there.
SELECT publication.id, publication.source_package_release, release.version, publication.status, publication.date_created,
       (publication.status = 'PUBLISHED' AND publication.removed_by IS NULL) OR transition.to_status IS NOT NULL, publication.restored_by IS NOT NULL
FROM source_package_publishing_history AS publication
JOIN source_package_release AS release ON release.id = publication.source_package_release
LEFT JOIN publisher_transition AS transition
  ON transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.publication = publication.id
WHERE publication.suite = ?2 AND publication.source_package_name = ?3 AND publication.status IN ('PENDING', 'PUBLISHED')
  AND transition.to_status IS NOT 'DELETED'
ORDER BY publication.id
