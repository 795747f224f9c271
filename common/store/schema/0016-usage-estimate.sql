-- What budgets count for answers whose cost is not known, in millionths: estimated by what was
-- delivered, or reserved.  It is told to nobody, and in no other sum.
ALTER TABLE usage_day ADD COLUMN estimated_usd BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_day ADD COLUMN estimated_eur BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_link_day ADD COLUMN estimated_usd BIGINT NOT NULL DEFAULT 0;
ALTER TABLE usage_link_day ADD COLUMN estimated_eur BIGINT NOT NULL DEFAULT 0;
