-- ?1 suite, ?2 source package release
-- Where the source is filed: its newest publication that stands in the series, in the suite itself if there is one; or else the upload that brings it.
SELECT archive.private, archive.purpose, archive.relative_build_score, suite.pocket, component.name,
       coalesce(filed.section, release.section),
       (SELECT max(package_set.relative_build_score) FROM package_set_source
        JOIN package_set ON package_set.id = package_set_source.package_set
        WHERE package_set_source.source_package_name = release.source_package_name
          AND package_set.distro_series = suite.distro_series),
       component.id
FROM suite
JOIN archive ON archive.id = suite.archive
JOIN source_package_release AS release ON release.id = ?2
LEFT JOIN (
    SELECT component, section FROM (
        SELECT publication.component AS component, publication.section AS section, publication.suite = ?1 AS is_own,
               1 AS is_published, publication.id AS id
        FROM source_package_publishing_history AS publication
        JOIN suite AS other ON other.id = publication.suite
        JOIN suite AS own ON own.id = ?1
        WHERE publication.source_package_release = ?2 AND publication.status IN ('PENDING', 'PUBLISHED')
          AND other.archive = own.archive AND other.distro_series = own.distro_series
        UNION ALL
        SELECT filed.component, filed.section, upload.suite = ?1, 0, upload.id
        FROM package_upload_source AS filed
        JOIN package_upload AS upload ON upload.id = filed.package_upload
        JOIN suite AS own ON own.id = ?1
        WHERE filed.source_package_release = ?2 AND upload.archive = own.archive)
    ORDER BY is_published DESC, is_own DESC, id DESC LIMIT 1) AS filed
LEFT JOIN component ON component.id = filed.component
WHERE suite.id = ?1
