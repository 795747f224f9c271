-- Stored pictures.  A blob is one run of bytes of a tenant, whatever the number of images that are
-- made of it; its parts are written one by one, so that others' writes go in between, and it counts
-- once it is complete.  Times: milliseconds since 1970-01-01 UTC.
CREATE TABLE image_blob (
	number INTEGER PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	mime TEXT NOT NULL,
	bytes BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	complete INTEGER NOT NULL
);
CREATE UNIQUE INDEX image_blob_by_digest ON image_blob (tenant_id, sha256) WHERE complete = 1;
CREATE INDEX image_blob_unfinished ON image_blob (created_at) WHERE complete = 0;

CREATE TABLE image_part (
	blob_number BIGINT NOT NULL REFERENCES image_blob (number),
	seq INTEGER NOT NULL,
	content BLOB NOT NULL,
	PRIMARY KEY (blob_number, seq)
);

-- Ids sort by time.
CREATE TABLE image (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	blob_number BIGINT NOT NULL REFERENCES image_blob (number),
	created_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, id)
);
CREATE INDEX image_by_blob ON image (blob_number);

-- What a tenant has, so that nobody adds it up.
CREATE TABLE image_total (
	tenant_id TEXT NOT NULL PRIMARY KEY,
	images BIGINT NOT NULL,
	bytes BIGINT NOT NULL
);
