-- ?1 suite, ?2 pass, ?3 when it was installed; what was in the indexes after it
SELECT publication.id, publication.binary_package_release, publication.binary_package_name, release.version,
       publication.component, component.name, publication.section, publication.extra_fields, publication.removed_by IS NOT NULL,
       -- a restoration's own words are those of its row
       CASE WHEN NOT EXISTS (SELECT 1 FROM snapshot_restore AS restore WHERE restore.id = publication.left_out_by
           AND restore.actor IS publication.removed_by AND restore.comment IS publication.removal_comment)
         THEN publication.removed_by || coalesce(': ' || nullif(publication.removal_comment, ''), '') END,
       publication.distro_arch_series, architecture.architecture_tag, architecture.enabled, publication.priority,
       publication.phased_update_percentage
FROM binary_package_publishing_history AS publication INDEXED BY binary_publication_by_name
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
JOIN component ON component.id = publication.component
JOIN distro_arch_series AS architecture ON architecture.id = publication.distro_arch_series
WHERE publication.suite = ?1 AND publication.date_published IS NOT NULL AND coalesce(publication.published_by_pass, 0) <= ?2
  AND (publication.status = 'PUBLISHED'
    OR CASE WHEN publication.left_by_pass IS NULL THEN publication.date_superseded > ?3 ELSE publication.left_by_pass > ?2 END)
ORDER BY publication.binary_package_name, architecture.architecture_tag, publication.id
