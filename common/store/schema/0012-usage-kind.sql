-- Rows of usage in two parts: what many have in common is stored once, in usage_kind, and a row
-- holds what is its own.  The view usage shows them as they were; its rowid is the row's number.
-- since: a number of a row; a kind is named by no row that is much further on (common/store/usage.c),
-- by which the writer knows when a kind may go.
CREATE TABLE usage_kind (
	number INTEGER PRIMARY KEY,
	since BIGINT NOT NULL,
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
	cost_source TEXT,
	attempts INTEGER NOT NULL,
	streamed INTEGER NOT NULL,
	finished INTEGER NOT NULL,
	rate BIGINT,
	rate_source TEXT
);
CREATE INDEX usage_kind_since ON usage_kind (since);

CREATE TABLE usage_row (
	number INTEGER PRIMARY KEY,
	ts BIGINT NOT NULL,
	request_id TEXT NOT NULL,
	parent_request_id TEXT,
	kind BIGINT NOT NULL,
	prompt_tokens BIGINT,
	completion_tokens BIGINT,
	cached_tokens BIGINT,
	reasoning_tokens BIGINT,
	cost_usd BIGINT,
	cost_eur BIGINT,
	cost_billed_usd BIGINT,
	cost_billed_eur BIGINT,
	latency_us BIGINT,
	first_byte_us BIGINT,
	upstream_us BIGINT,
	bytes_in BIGINT,
	bytes_out BIGINT
);

INSERT INTO usage_kind (since, depth, tenant_id, token_id, user_id, scope_id, surface, method, route,
		status, error_code, model, resolved_model, resolved_backend, cost_source, attempts,
		streamed, finished, rate, rate_source)
	SELECT (SELECT max(rowid) FROM usage), k.* FROM (SELECT DISTINCT depth, tenant_id, token_id,
		user_id, scope_id, surface, method, route, status, error_code, model, resolved_model,
		resolved_backend, cost_source, attempts, streamed, finished, rate, rate_source
		FROM usage) AS k;
INSERT INTO usage_row
	SELECT u.rowid, u.ts, u.request_id, u.parent_request_id, k.number, u.prompt_tokens,
		u.completion_tokens, u.cached_tokens, u.reasoning_tokens, u.cost_usd, u.cost_eur,
		u.cost_billed_usd, u.cost_billed_eur, u.latency_us, u.first_byte_us, u.upstream_us,
		u.bytes_in, u.bytes_out
	FROM usage AS u CROSS JOIN usage_kind AS k ON k.tenant_id IS u.tenant_id
		AND k.token_id IS u.token_id AND k.user_id IS u.user_id AND k.scope_id IS u.scope_id
		AND k.model IS u.model AND k.route IS u.route AND k.surface IS u.surface
		AND k.method IS u.method AND k.depth = u.depth AND k.status = u.status
		AND k.error_code IS u.error_code AND k.resolved_model IS u.resolved_model
		AND k.resolved_backend IS u.resolved_backend AND k.cost_source IS u.cost_source
		AND k.attempts = u.attempts AND k.streamed = u.streamed AND k.finished = u.finished
		AND k.rate IS u.rate AND k.rate_source IS u.rate_source
	ORDER BY u.rowid;
DROP TABLE usage;

CREATE VIEW usage (rowid, ts, request_id, parent_request_id, depth, tenant_id, token_id, user_id,
		scope_id, surface, method, route, status, error_code, model, resolved_model,
		resolved_backend, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
		cost_source, attempts, streamed, finished, latency_us, first_byte_us, upstream_us,
		bytes_in, bytes_out, cost_usd, cost_eur, cost_billed_usd, cost_billed_eur, rate,
		rate_source) AS
	SELECT r.number, r.ts, r.request_id, r.parent_request_id, k.depth, k.tenant_id, k.token_id,
		k.user_id, k.scope_id, k.surface, k.method, k.route, k.status, k.error_code, k.model,
		k.resolved_model, k.resolved_backend, r.prompt_tokens, r.completion_tokens,
		r.cached_tokens, r.reasoning_tokens, k.cost_source, k.attempts, k.streamed, k.finished,
		r.latency_us, r.first_byte_us, r.upstream_us, r.bytes_in, r.bytes_out, r.cost_usd,
		r.cost_eur, r.cost_billed_usd, r.cost_billed_eur, k.rate, k.rate_source
	FROM usage_row AS r CROSS JOIN usage_kind AS k ON k.number = r.kind;
