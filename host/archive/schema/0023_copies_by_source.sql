-- Bugs are closed by copies over several steps: where a source was copied from is looked up by the source.
CREATE INDEX package_copy_by_source ON package_copy (source_package_release, to_suite);
