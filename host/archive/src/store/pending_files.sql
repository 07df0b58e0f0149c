-- ?1 suite
SELECT 'SOURCE', publication.id, publication.component, publication.source_package_name, alias.filename, content.id, content.sha256,
       content.file_size
FROM source_package_publishing_history AS publication
JOIN source_package_release_file AS file ON file.source_package_release = publication.source_package_release
JOIN library_file_alias AS alias ON alias.id = file.library_file
JOIN library_file_content AS content ON content.id = alias.content
WHERE publication.status = 'PENDING' AND publication.suite = ?1
UNION ALL
SELECT 'BINARY', publication.id, publication.component, release.source_package_name, alias.filename, content.id, content.sha256,
       content.file_size
FROM binary_package_publishing_history AS publication
JOIN distro_arch_series ON distro_arch_series.id = publication.distro_arch_series AND distro_arch_series.enabled
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
JOIN library_file_content AS content ON content.id = alias.content
WHERE publication.status = 'PENDING' AND publication.suite = ?1
ORDER BY 1, 2, 5
