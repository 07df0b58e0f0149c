-- ?1 archive, ?2 file name, ?3 the offered sha256
SELECT upload.id, content.sha256
FROM library_file_alias AS alias
JOIN library_file_content AS content ON content.id = alias.content
JOIN source_package_release_file AS file ON file.library_file = alias.id
JOIN package_upload_source AS source ON source.source_package_release = file.source_package_release
JOIN package_upload AS upload ON upload.id = source.package_upload
WHERE alias.filename = ?2 AND content.sha256 <> ?3
  AND upload.archive = ?1 AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
UNION ALL
SELECT upload.id, content.sha256
FROM library_file_alias AS alias
JOIN library_file_content AS content ON content.id = alias.content
JOIN binary_package_release AS release ON release.binary_package_file = alias.id
JOIN package_upload_binary AS binary ON binary.binary_package_release = release.id
JOIN package_upload AS upload ON upload.id = binary.package_upload
WHERE alias.filename = ?2 AND content.sha256 <> ?3
  AND upload.archive = ?1 AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
LIMIT 1
