-- ?1 suite, ?2 component, ?3 pass or NULL, ?4 and ?5 the names: from, below
-- The releases of ordinary packages on any architecture that is published: whether they are in the index now, and whether they will be.
SELECT publication.binary_package_name, publication.binary_package_release,
       max(publication.status = 'PUBLISHED'), max(coalesce(transition.to_status, publication.status) = 'PUBLISHED')
FROM suite
JOIN distro_arch_series AS architecture ON architecture.distro_series = suite.distro_series AND architecture.enabled
JOIN binary_package_publishing_history AS publication
  ON publication.suite = suite.id AND publication.distro_arch_series = architecture.id
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
LEFT JOIN publisher_transition AS transition
  ON transition.publisher_pass = ?3 AND transition.kind = 'BINARY' AND transition.publication = publication.id
WHERE suite.id = ?1 AND publication.component = ?2 AND release.bin_package_format = 'DEB'
  AND publication.status IN ('PENDING', 'PUBLISHED')
  AND publication.binary_package_name >= ?4 AND publication.binary_package_name < ?5
GROUP BY publication.binary_package_name, publication.binary_package_release
ORDER BY publication.binary_package_name, publication.binary_package_release
