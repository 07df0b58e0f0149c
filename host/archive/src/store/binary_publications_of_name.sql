-- ?1 suite, ?2 name, ?3 release, ?4 architecture
SELECT publication.status, publication.binary_package_release = ?3, release.version, own.version, publication.component,
       publication.section, publication.priority, publication.phased_update_percentage, publication.extra_fields
FROM binary_package_publishing_history AS publication
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
JOIN binary_package_release AS own ON own.id = ?3
WHERE publication.suite = ?1 AND publication.distro_arch_series = ?4 AND publication.binary_package_name = ?2
  AND (publication.status IN ('PENDING', 'PUBLISHED') OR publication.binary_package_release = ?3)
  AND NOT (publication.status = 'PUBLISHED' AND publication.removed_by IS NOT NULL)
ORDER BY publication.date_created DESC, publication.id DESC
