-- ?1 the suite
WITH RECURSIVE here AS (
    SELECT suite.id, suite.archive, suite.distro_series, suite.pocket, archive.distribution, archive.purpose
    FROM suite JOIN archive ON archive.id = suite.archive WHERE suite.id = ?1
),
-- a series, and those that it is made from, the nearest first
line (series, depth, ordering) AS (
    SELECT distro_series, 0, 0 FROM here
    UNION
    SELECT parent.parent_series, line.depth + 1, parent.ordering
    FROM line JOIN distro_series_parent AS parent ON parent.derived_series = line.series WHERE line.depth < 8
)
SELECT suite.id
FROM here, line
JOIN suite ON suite.distro_series = line.series
JOIN archive ON archive.id = suite.archive
WHERE (suite.pocket = 'RELEASE' OR (line.depth = 0 AND suite.pocket = here.pocket))
AND (archive.purpose = 'PRIMARY' OR (line.depth = 0 AND archive.id = here.archive))
GROUP BY suite.id
ORDER BY min(line.depth), archive.id <> here.archive, suite.pocket <> here.pocket, min(line.ordering), suite.id
