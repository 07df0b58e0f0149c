-- ?1 pass
-- As opened_sources.sql, by index. Debug symbols go with their package, also where they are alone; and with what is deleted goes what it held.
SELECT DISTINCT publication.suite, publication.binary_package_name, transition.to_status = 'DELETED',
  CASE transition.to_status WHEN 'DELETED' THEN release.source_package_name END,
  CASE transition.to_status WHEN 'DELETED' THEN release.source_version END
FROM publisher_transition AS transition
CROSS JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
CROSS JOIN binary_package_release AS release ON release.id = publication.binary_package_release
WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY'
  AND (transition.to_status = 'DELETED' OR substr(publication.binary_package_name, -7) = '-dbgsym' OR EXISTS (
    SELECT 1 FROM binary_package_publishing_history AS other
    WHERE other.suite = publication.suite AND other.distro_arch_series = publication.distro_arch_series
      AND other.binary_package_name = publication.binary_package_name
      AND other.status IN ('PENDING', 'PUBLISHED') AND other.id <> publication.id))
ORDER BY 1, 2, 3, 4, 5
