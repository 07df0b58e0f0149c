-- Changes the settings of a series (?1) that are given; ?14 is now.
UPDATE distro_series SET version = coalesce(?2, version), display_name = coalesce(?3, display_name),
description = coalesce(?4, description), status = coalesce(?5, status), index_compressors = coalesce(?6, index_compressors),
checksums = coalesce(?7, checksums), publish_by_hash = coalesce(?8, publish_by_hash),
advertise_by_hash = coalesce(?9, advertise_by_hash), backports_not_automatic = coalesce(?10, backports_not_automatic),
proposed_not_automatic = coalesce(?11, proposed_not_automatic),
valid_for_seconds = CASE WHEN ?12 THEN ?13 ELSE valid_for_seconds END,
index_segment_size = coalesce(?15, index_segment_size),
changes_list = CASE WHEN ?16 THEN ?17 ELSE changes_list END, source_formats = coalesce(?18, source_formats),
suite_name = coalesce(?19, suite_name), codename = coalesce(?20, codename),
translations = coalesce(?21, translations), contents = coalesce(?22, contents),
index_patches = coalesce(?23, index_patches),
date_released = CASE WHEN ?5 = 'CURRENT' THEN coalesce(date_released, ?14) ELSE date_released END
WHERE id = ?1
