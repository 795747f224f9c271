-- Settings of tenants as they were changed at run time: the highest level of the cascade.
-- value: JSON; times in milliseconds since 1970-01-01 UTC; updated_by: a token's id.
CREATE TABLE tenant_config (
	tenant_id TEXT NOT NULL,
	key TEXT NOT NULL,
	value TEXT NOT NULL,
	updated_at BIGINT NOT NULL,
	updated_by TEXT NOT NULL,
	PRIMARY KEY (tenant_id, key)
);
