-- ?1 pass
SELECT kind, publication FROM (
    SELECT transition.kind AS kind, publication.id AS publication, publication.suite AS suite,
           publication.source_package_name AS name, 'source' AS architecture, release.version AS version
    FROM publisher_transition AS transition
    JOIN source_package_publishing_history AS publication ON publication.id = transition.publication
    JOIN source_package_release AS release ON release.id = publication.source_package_release
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'SOURCE'
    UNION ALL
    SELECT transition.kind, publication.id, publication.suite,
           publication.binary_package_name, distro_arch_series.architecture_tag, release.version
    FROM publisher_transition AS transition
    JOIN binary_package_publishing_history AS publication ON publication.id = transition.publication
    JOIN binary_package_release AS release ON release.id = publication.binary_package_release
    JOIN distro_arch_series ON distro_arch_series.id = publication.distro_arch_series
    WHERE transition.publisher_pass = ?1 AND transition.kind = 'BINARY'
)
ORDER BY suite, kind DESC, name, architecture, version, publication
