-- What requests used: one row a request, ids and numbers only, in the order in which they ended.
-- Every index is paid for by every request, one on the ids more than the row itself: each comes
-- with the query that needs it.
-- Times: ts in milliseconds since 1970-01-01 UTC, durations in microseconds.  NULL = unknown or none.
CREATE TABLE usage (
	ts BIGINT NOT NULL,
	request_id TEXT NOT NULL,
	parent_request_id TEXT,
	depth INTEGER NOT NULL,
	tenant_id TEXT,
	token_id TEXT,
	user_id TEXT,
	scope_id TEXT,
	surface TEXT,
	method TEXT,
	route TEXT,
	status INTEGER NOT NULL,
	error_code TEXT,
	model TEXT,
	resolved_model TEXT,
	resolved_backend TEXT,
	prompt_tokens BIGINT,
	completion_tokens BIGINT,
	cached_tokens BIGINT,
	reasoning_tokens BIGINT,
	cost_source TEXT,
	attempts INTEGER NOT NULL,
	streamed INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	latency_us BIGINT,
	first_byte_us BIGINT,
	upstream_us BIGINT,
	bytes_in BIGINT NOT NULL,
	bytes_out BIGINT NOT NULL
);
