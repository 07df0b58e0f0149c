-- ?1 archive: what it has, and what is on its way into it
SELECT content.sha256, content.file_size FROM library_file_content AS content WHERE content.id IN (
  SELECT pool_file.content FROM pool_file WHERE pool_file.archive = ?1
  UNION
  SELECT alias.content FROM package_upload AS upload
  JOIN package_upload_source AS source ON source.package_upload = upload.id
  JOIN source_package_release_file AS file ON file.source_package_release = source.source_package_release
  JOIN library_file_alias AS alias ON alias.id = file.library_file
  WHERE upload.archive = ?1 AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
  UNION
  SELECT alias.content FROM package_upload AS upload
  JOIN package_upload_binary AS binary ON binary.package_upload = upload.id
  JOIN binary_package_release AS release ON release.id = binary.binary_package_release
  JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
  WHERE upload.archive = ?1 AND upload.status IN ('NEW', 'UNAPPROVED', 'ACCEPTED')
  UNION
  SELECT alias.content FROM source_package_publishing_history AS publication
  JOIN suite ON suite.id = publication.suite
  JOIN source_package_release_file AS file ON file.source_package_release = publication.source_package_release
  JOIN library_file_alias AS alias ON alias.id = file.library_file
  WHERE publication.status = 'PENDING' AND suite.archive = ?1
  UNION
  SELECT alias.content FROM binary_package_publishing_history AS publication
  JOIN suite ON suite.id = publication.suite
  JOIN binary_package_release AS release ON release.id = publication.binary_package_release
  JOIN library_file_alias AS alias ON alias.id = release.binary_package_file
  WHERE publication.status = 'PENDING' AND suite.archive = ?1)
