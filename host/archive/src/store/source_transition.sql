-- ?1 pass, ?2 publication
SELECT transition.to_status, publication.suite, component.name, 'source', publication.source_package_name, release.version,
       publication.section, release.priority, publication.source_package_name
FROM publisher_transition AS transition
JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
JOIN source_package_release AS release ON release.id = publication.source_package_release
JOIN component ON component.id = publication.component
WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE' AND transition.publication = ?2
