-- ?1 suite, ?2 status
-- Each file with each name that its archive's pool has for it.
SELECT publication.id, publication.component, publication.source_package_name, alias.filename, content.id, content.sha256,
       content.file_size, name.component, held.sha256, name.is_symlink
FROM source_package_publishing_history AS publication
JOIN source_package_release_file AS file ON file.source_package_release = publication.source_package_release
JOIN library_file_alias AS alias ON alias.id = file.library_file
JOIN library_file_content AS content ON content.id = alias.content
LEFT JOIN pool_file AS name
  ON name.archive = (SELECT archive FROM suite WHERE id = ?1)
  AND name.source_package_name = publication.source_package_name AND name.filename = alias.filename
LEFT JOIN library_file_content AS held ON held.id = name.content
WHERE publication.status = ?2 AND publication.suite = ?1
ORDER BY publication.id, file.library_file
