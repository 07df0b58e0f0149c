-- ?1 suite, ?2 component, ?3 architecture, ?4 format, ?5 pass, ?6 and ?7 the names: from, below
-- Whose files an index lists: whether they are in it now, and whether they will be.
SELECT publication.binary_package_name, publication.section, publication.binary_package_release, coalesce(contents.paths, 0),
       publication.status = 'PUBLISHED', coalesce(transition.to_status, publication.status) = 'PUBLISHED'
FROM binary_package_publishing_history AS publication
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
LEFT JOIN binary_package_contents AS contents ON contents.binary_package_release = release.id
LEFT JOIN publisher_transition AS transition
  ON transition.publisher_pass = ?5 AND transition.kind = 'BINARY' AND transition.publication = publication.id
WHERE publication.suite = ?1 AND publication.distro_arch_series = ?3 AND publication.component = ?2
  AND release.bin_package_format = ?4
  AND publication.status IN ('PENDING', 'PUBLISHED')
  AND publication.binary_package_name >= ?6 AND publication.binary_package_name < ?7
ORDER BY publication.binary_package_name, publication.section, publication.id
