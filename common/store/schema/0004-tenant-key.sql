-- Keys that tenants make at run time.  A secret is shown once; only its SHA-256 is kept, and after
-- a rotation that of the secret before, until old_until.
-- Times in milliseconds since 1970-01-01 UTC; scopes with a blank between; constraints in JSON.
CREATE TABLE tenant_key (
	id TEXT PRIMARY KEY,
	tenant_id TEXT NOT NULL,
	prefix TEXT NOT NULL,
	label TEXT NOT NULL,
	created_by TEXT NOT NULL,
	sha256 BLOB NOT NULL UNIQUE,
	old_sha256 BLOB,
	role TEXT NOT NULL,
	extra_scopes TEXT,
	deny_scopes TEXT,
	constraints TEXT,
	created_at BIGINT NOT NULL,
	rotated_at BIGINT,
	expires_at BIGINT,
	revoked_at BIGINT,
	old_until BIGINT,
	version BIGINT NOT NULL
);
CREATE INDEX tenant_key_of_tenant ON tenant_key (tenant_id, created_at, id);
