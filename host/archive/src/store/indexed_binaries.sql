-- ?1 suite, ?2 component, ?3 architecture, ?4 format, ?5 pass or NULL, ?6 and ?7 the names: from, below
-- In the index: what the pass publishes, and what is published and not taken out by the pass.
SELECT publication.binary_package_name, release.version, release.architecture_tag, release.source_package_name, release.source_version,
       publication.section, publication.priority, release.control, alias.filename, content.file_size, content.md5, content.sha1,
       content.sha256, publication.phased_update_percentage, publication.extra_fields
FROM binary_package_publishing_history AS publication
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
JOIN library_file_content AS content ON content.id = alias.content
LEFT JOIN publisher_transition AS transition
  ON transition.publisher_pass = ?5 AND transition.kind = 'BINARY' AND transition.publication = publication.id
WHERE publication.suite = ?1 AND publication.distro_arch_series = ?3 AND publication.component = ?2
  AND release.bin_package_format = ?4
  AND publication.status IN ('PENDING', 'PUBLISHED')
  AND publication.binary_package_name >= ?6 AND publication.binary_package_name < ?7
  AND coalesce(transition.to_status, publication.status) = 'PUBLISHED'
ORDER BY publication.binary_package_name, release.version, release.architecture_tag, publication.id
