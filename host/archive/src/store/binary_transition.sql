-- ?1 pass, ?2 publication
SELECT transition.to_status, publication.suite, component.name, distro_arch_series.architecture_tag, publication.binary_package_name,
       release.version, publication.section, publication.priority, release.source_package_name
FROM publisher_transition AS transition
JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
JOIN binary_package_release AS release ON release.id = publication.binary_package_release
JOIN component ON component.id = publication.component
JOIN distro_arch_series ON distro_arch_series.id = publication.distro_arch_series
WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY' AND transition.publication = ?2
