-- Milliseconds of sound that were listened to, characters that were spoken; NULL = not known, or none.
ALTER TABLE usage_row ADD COLUMN audio_ms BIGINT;
ALTER TABLE usage_row ADD COLUMN characters BIGINT;
DROP VIEW usage;
CREATE VIEW usage (rowid, ts, request_id, parent_request_id, depth, tenant_id, token_id, user_id,
		scope_id, surface, method, route, status, error_code, model, resolved_model,
		resolved_backend, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,
		cost_source, attempts, streamed, finished, latency_us, first_byte_us, upstream_us,
		bytes_in, bytes_out, cost_usd, cost_eur, cost_billed_usd, cost_billed_eur, rate,
		rate_source, link_model, audio_ms, characters) AS
	SELECT r.number, r.ts, r.request_id, r.parent_request_id, k.depth, k.tenant_id, k.token_id,
		k.user_id, k.scope_id, k.surface, k.method, k.route, k.status, k.error_code, k.model,
		k.resolved_model, k.resolved_backend, r.prompt_tokens, r.completion_tokens,
		r.cached_tokens, r.reasoning_tokens, k.cost_source, k.attempts, k.streamed, k.finished,
		r.latency_us, r.first_byte_us, r.upstream_us, r.bytes_in, r.bytes_out, r.cost_usd,
		r.cost_eur, r.cost_billed_usd, r.cost_billed_eur, k.rate, k.rate_source,
		k.link_model, r.audio_ms, r.characters
	FROM usage_row AS r CROSS JOIN usage_kind AS k ON k.number = r.kind;
