-- ?1 suite, ?2 what has waited since then has waited long enough
WITH waiting AS (
    SELECT publication.id, publication.date_created, release.source_package_release AS source
    FROM binary_package_publishing_history AS publication INDEXED BY binary_publication_by_status
    JOIN distro_arch_series ON distro_arch_series.id = publication.distro_arch_series AND distro_arch_series.enabled
    JOIN binary_package_release AS release ON release.id = publication.binary_package_release
    WHERE publication.status = 'PENDING' AND publication.suite = ?1 AND release.source_package_release IS NOT NULL
      AND publication.restored_by IS NULL
),
unfinished AS (
    SELECT source FROM waiting GROUP BY source
    HAVING min(date_created) > ?2 AND EXISTS (
        SELECT 1 FROM suite
        JOIN binary_package_build AS build ON build.archive = suite.archive AND build.source_package_release = source
        JOIN distro_arch_series AS architecture ON architecture.id = build.distro_arch_series AND architecture.enabled
        WHERE suite.id = ?1 AND build.suite = suite.id
          AND build.status IN ('NEEDSBUILD', 'BUILDING', 'GATHERING', 'UPLOADING', 'CANCELLING', 'MANUALDEPWAIT', 'CHROOTWAIT'))
)
SELECT id FROM waiting WHERE source IN (SELECT source FROM unfinished) ORDER BY id
