-- ?1 name, ?2 version, ?3 archive: what is published there rather than what was, what is accepted rather than what waits, then the newest
SELECT id FROM (
  SELECT release.id, release.upload_archive = ?3 AS is_own,
    coalesce((
      SELECT max(CASE WHEN publication.status IN ('PENDING', 'PUBLISHED') THEN 4 ELSE 1 END)
      FROM source_package_publishing_history AS publication JOIN suite ON suite.id = publication.suite
      WHERE publication.source_package_release = release.id AND suite.archive = ?3), 0) AS published,
    coalesce((
      SELECT max(CASE upload.status WHEN 'ACCEPTED' THEN 3 WHEN 'REJECTED' THEN 0 ELSE 2 END)
      FROM package_upload_source AS filed JOIN package_upload AS upload ON upload.id = filed.package_upload
      WHERE filed.source_package_release = release.id AND upload.archive = ?3), 0) AS filed
  FROM source_package_release AS release
  WHERE release.source_package_name = ?1 AND release.version = ?2)
WHERE is_own OR published > 0 OR filed > 0
ORDER BY max(published, filed) DESC, id DESC LIMIT 1
