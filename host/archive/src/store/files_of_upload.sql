-- ?1 the upload
SELECT alias.filename, content.sha256, content.file_size
FROM (
    SELECT changes_file AS library_file FROM package_upload WHERE id = ?1 AND changes_file IS NOT NULL
    UNION
    SELECT file.library_file FROM package_upload_source AS filed
    JOIN source_package_release_file AS file USING (source_package_release) WHERE filed.package_upload = ?1
    UNION
    SELECT release.binary_package_file FROM package_upload_binary AS filed
    JOIN binary_package_release AS release ON release.id = filed.binary_package_release WHERE filed.package_upload = ?1
    UNION
    SELECT library_file FROM package_upload_custom WHERE package_upload = ?1
    UNION
    SELECT library_file FROM package_upload_file WHERE package_upload = ?1
) AS kept
JOIN library_file_alias AS alias ON alias.id = kept.library_file
LEFT JOIN library_file_content AS content ON content.id = alias.content
ORDER BY alias.filename, alias.id
