-- ?1 pass, ?2 limit, ?3 offset
SELECT * FROM (
    SELECT transition.kind AS kind, transition.to_status, publication.suite AS suite, component.name, 'source' AS architecture,
           publication.source_package_name AS name, release.version AS version, publication.section, release.priority,
           publication.source_package_name, publication.id AS publication
    FROM publisher_transition AS transition
    JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
    JOIN source_package_release AS release ON release.id = publication.source_package_release
    JOIN component ON component.id = publication.component
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE'
    UNION ALL
    SELECT transition.kind, transition.to_status, publication.suite, component.name, distro_arch_series.architecture_tag,
           publication.binary_package_name, release.version, publication.section, publication.priority,
           release.source_package_name, publication.id
    FROM publisher_transition AS transition
    JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
    JOIN binary_package_release AS release ON release.id = publication.binary_package_release
    JOIN component ON component.id = publication.component
    JOIN distro_arch_series ON distro_arch_series.id = publication.distro_arch_series
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY'
)
ORDER BY suite, kind DESC, name, architecture, version, publication
LIMIT ?2 OFFSET ?3
