-- ?1 pass
WITH opened AS (
    SELECT DISTINCT publication.suite, publication.distro_arch_series, publication.binary_package_name
    FROM publisher_transition AS transition
    JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND transition.to_status = 'PUBLISHED'
)
SELECT publication.suite || ' ' || publication.distro_arch_series || ' ' || publication.binary_package_name, publication.suite,
       publication.id, publication.binary_package_release, release.version, publication.status, publication.date_created
FROM opened
JOIN binary_package_publishing_history AS publication
  ON publication.suite = opened.suite AND publication.distro_arch_series = opened.distro_arch_series
  AND publication.binary_package_name = opened.binary_package_name
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
WHERE (publication.status = 'PUBLISHED' AND publication.removed_by IS NULL) OR (publication.status = 'PENDING' AND EXISTS (
    SELECT 1 FROM publisher_transition AS transition
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND transition.publication = publication.id))
ORDER BY publication.suite, publication.distro_arch_series, publication.binary_package_name, publication.id
