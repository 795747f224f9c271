-- What calls cost, in millionths; NULL = not known.  cost_usd and cost_eur are what the gateway
-- pays, the billed ones what the tenant is told; rate: euros for a dollar.
ALTER TABLE usage ADD COLUMN cost_usd BIGINT;
ALTER TABLE usage ADD COLUMN cost_eur BIGINT;
ALTER TABLE usage ADD COLUMN cost_billed_usd BIGINT;
ALTER TABLE usage ADD COLUMN cost_billed_eur BIGINT;
ALTER TABLE usage ADD COLUMN rate BIGINT;
ALTER TABLE usage ADD COLUMN rate_source TEXT;

-- The same, added up by day (days since 1970-01-01 UTC): calls of models alone.  What is not known
-- adds nothing but to unknown, which counts answers without a cost.  '' = none.
CREATE TABLE usage_day (
	tenant_id TEXT NOT NULL,
	day BIGINT NOT NULL,
	user_id TEXT NOT NULL,
	token_id TEXT NOT NULL,
	model TEXT NOT NULL,
	requests BIGINT NOT NULL,
	prompt_tokens BIGINT NOT NULL,
	completion_tokens BIGINT NOT NULL,
	cost_usd BIGINT NOT NULL,
	cost_eur BIGINT NOT NULL,
	cost_billed_usd BIGINT NOT NULL,
	cost_billed_eur BIGINT NOT NULL,
	unknown BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, day, user_id, token_id, model)
);
INSERT INTO usage_day
	SELECT coalesce(tenant_id, ''), ts / 86400000, coalesce(user_id, ''), coalesce(token_id, ''), model,
		count(*), coalesce(sum(prompt_tokens), 0), coalesce(sum(completion_tokens), 0), 0, 0, 0, 0,
		sum(CASE WHEN cost_source = 'unknown' THEN 1 ELSE 0 END)
	FROM usage WHERE model IS NOT NULL GROUP BY 1, 2, 3, 4, 5;
