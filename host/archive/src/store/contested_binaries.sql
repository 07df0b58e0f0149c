-- ?1 pass, ?2 suite, ?3 name
-- What is to be removed and stays, because nobody has approved that yet, takes no part and is there.
SELECT publication.id, publication.binary_package_release, release.version, publication.status, publication.date_created,
       (publication.status = 'PUBLISHED' AND publication.removed_by IS NULL) OR transition.to_status IS NOT NULL, publication.restored_by IS NOT NULL,
       publication.distro_arch_series, release.architecture_tag = 'all', release.bin_package_format,
       coalesce(publication.phased_update_percentage, 100) < 100, release.source_package_name, release.source_version,
       release.bin_package_format = 'DDEB' AND substr(?3, -7) = '-dbgsym' AND EXISTS (
         SELECT 1 FROM binary_package_publishing_history AS package
         JOIN binary_package_release AS packaged ON packaged.id = package.binary_package_release
         WHERE package.suite = ?2 AND package.distro_arch_series = publication.distro_arch_series
           AND package.binary_package_name = substr(?3, 1, length(?3) - 7) AND packaged.version = release.version)
FROM suite
CROSS JOIN distro_arch_series AS architecture ON architecture.distro_series = suite.distro_series
CROSS JOIN binary_package_publishing_history AS publication INDEXED BY binary_publication_by_name
  ON publication.suite = suite.id AND publication.distro_arch_series = architecture.id AND publication.binary_package_name = ?3
  AND publication.status IN ('PENDING', 'PUBLISHED')
CROSS JOIN binary_package_release AS release ON release.id = publication.binary_package_release
LEFT JOIN publisher_transition AS transition
  ON transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND transition.publication = publication.id
WHERE suite.id = ?2
  AND transition.to_status IS NOT 'DELETED'
ORDER BY publication.id
