-- ?1 suite, ?2 component, ?3 pass or NULL
SELECT format.word
FROM (SELECT 'DEB' AS word UNION ALL SELECT 'UDEB' UNION ALL SELECT 'DDEB') AS format
WHERE EXISTS (
    SELECT 1
    FROM binary_package_publishing_history AS publication
    JOIN binary_package_release AS release ON release.id = publication.binary_package_release
    LEFT JOIN publisher_transition AS transition
      ON transition.publisher_pass = ?3 AND transition.kind = 'BINARY' AND transition.publication = publication.id
    WHERE publication.suite = ?1 AND publication.component = ?2 AND release.bin_package_format = format.word
      AND publication.status IN ('PENDING', 'PUBLISHED')
      AND coalesce(transition.to_status, publication.status) = 'PUBLISHED')
ORDER BY format.word
