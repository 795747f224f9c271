-- What is remembered of users, and texts that are put in front of their requests.
-- scope_id '' = no scope; user_id '' = the whole tenant's or scope's.  Times in ms since 1970 UTC.
CREATE TABLE memory (
	tenant_id TEXT NOT NULL,
	scope_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	name TEXT NOT NULL,
	content TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, scope_id, user_id, name)
);

CREATE TABLE system_prompt (
	tenant_id TEXT NOT NULL,
	layer TEXT NOT NULL,
	scope_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	content TEXT NOT NULL,
	enabled INTEGER NOT NULL,
	version BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	updated_by TEXT NOT NULL,
	PRIMARY KEY (tenant_id, layer, scope_id, user_id)
);
