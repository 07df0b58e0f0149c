-- ?1 series, ?2 architecture, ?3 creator, ?4 now
-- Of one package there may be two: as it is filed, and as it is about to be. They are made at one moment, so that the row says which is the newer one.
INSERT INTO binary_package_publishing_history (suite, distro_arch_series, binary_package_release, binary_package_name, component,
    section, priority, phased_update_percentage, status, date_created, creator)
SELECT publication.suite, ?2, publication.binary_package_release, publication.binary_package_name, publication.component,
    publication.section, publication.priority, publication.phased_update_percentage, 'PENDING', ?4, ?3
FROM binary_package_publishing_history AS publication
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
JOIN suite ON suite.id = publication.suite
WHERE suite.distro_series = ?1 AND release.architecture_tag = 'all' AND publication.status IN ('PENDING', 'PUBLISHED')
  AND publication.removed_by IS NULL
  -- the architectures of a copy are those that it was made for
  AND (NOT EXISTS (SELECT 1 FROM copy_archive WHERE copy_archive.archive = suite.archive)
       OR EXISTS (SELECT 1 FROM copy_archive_architecture AS fixed
                  JOIN distro_arch_series AS architecture ON architecture.architecture_tag = fixed.architecture_tag
                  WHERE fixed.archive = suite.archive AND architecture.id = ?2))
  AND NOT EXISTS (
    SELECT 1 FROM binary_package_publishing_history AS own
    WHERE own.suite = publication.suite AND own.distro_arch_series = ?2
      AND own.binary_package_name = publication.binary_package_name
      AND own.binary_package_release = publication.binary_package_release AND own.status IN ('PENDING', 'PUBLISHED'))
GROUP BY publication.suite, publication.binary_package_release, publication.binary_package_name, publication.component,
    publication.section, publication.priority, publication.phased_update_percentage
ORDER BY 1, 4, 3, max(publication.id)
