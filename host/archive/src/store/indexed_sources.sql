-- ?1 suite, ?2 component, ?3 pass or NULL, ?4 and ?5 the names: from, below
SELECT publication.source_package_name, release.version, publication.section, release.priority, release.dsc, alias.filename,
       content.file_size, content.md5, content.sha1, content.sha256, release.id, publication.extra_fields
FROM source_package_publishing_history AS publication
JOIN source_package_release AS release ON release.id = publication.source_package_release
JOIN library_file_alias AS alias ON alias.id = release.dsc_file
JOIN library_file_content AS content ON content.id = alias.content
LEFT JOIN publisher_transition AS transition
  ON transition.publisher_pass = ?3 AND transition.kind = 'SOURCE' AND transition.publication = publication.id
WHERE publication.suite = ?1 AND publication.component = ?2
  AND publication.status IN ('PENDING', 'PUBLISHED')
  AND publication.source_package_name >= ?4 AND publication.source_package_name < ?5
  AND coalesce(transition.to_status, publication.status) = 'PUBLISHED'
ORDER BY publication.source_package_name, release.version, publication.id
