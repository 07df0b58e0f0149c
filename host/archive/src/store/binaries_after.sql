-- ?1 suite, ?2 component, ?3 architecture, ?4 format, ?5 pass or NULL, ?6 and ?7 the names: from, below;
-- of the name ?6 what comes after version ?8, architecture ?9, publication ?10; ?11 how many
-- In the index: as in indexed_binaries.sql, and in the same order.
SELECT publication.binary_package_name, release.version, release.architecture_tag, publication.id, release.id,
       publication.section, publication.priority, release.source_package_name, release.source_version
FROM binary_package_publishing_history AS publication
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
LEFT JOIN publisher_transition AS transition
  ON transition.publisher_pass = ?5 AND transition.kind = 'BINARY' AND transition.publication = publication.id
WHERE publication.suite = ?1 AND publication.distro_arch_series = ?3 AND publication.component = ?2
  AND release.bin_package_format = ?4
  AND publication.status IN ('PENDING', 'PUBLISHED')
  AND publication.binary_package_name >= ?6 AND publication.binary_package_name < ?7
  AND (publication.binary_package_name > ?6 OR (release.version, release.architecture_tag, publication.id) > (?8, ?9, ?10))
  AND coalesce(transition.to_status, publication.status) = 'PUBLISHED'
ORDER BY publication.binary_package_name, release.version, release.architecture_tag, publication.id
LIMIT ?11
