-- ?1 archive, ?2 file name, ?3 the offered sha256
SELECT content.sha256, release.binary_package_name || ' ' || release.version || ' (' || release.architecture_tag || ')'
FROM library_file_alias AS alias
JOIN library_file_content AS content ON content.id = alias.content
JOIN binary_package_release AS release ON release.binary_package_file = alias.id
JOIN binary_package_publishing_history AS publication ON publication.binary_package_release = release.id
JOIN suite ON suite.id = publication.suite
WHERE alias.filename = ?2 AND content.sha256 <> ?3
  AND suite.archive = ?1 AND publication.date_removed IS NULL
UNION ALL
SELECT content.sha256, release.source_package_name || ' ' || release.version || ' (source)'
FROM library_file_alias AS alias
JOIN library_file_content AS content ON content.id = alias.content
JOIN source_package_release_file AS file ON file.library_file = alias.id
JOIN source_package_release AS release ON release.id = file.source_package_release
JOIN source_package_publishing_history AS publication ON publication.source_package_release = release.id
JOIN suite ON suite.id = publication.suite
WHERE alias.filename = ?2 AND content.sha256 <> ?3
  AND suite.archive = ?1 AND publication.date_removed IS NULL
UNION ALL
SELECT content.sha256, 'a file in the pool'
FROM pool_file
JOIN library_file_content AS content ON content.id = pool_file.content
WHERE pool_file.archive = ?1 AND pool_file.filename = ?2 AND content.sha256 <> ?3
LIMIT 1
