-- What waits for somebody's decision, in all archives together.
CREATE INDEX package_upload_by_state ON package_upload (status, id);
