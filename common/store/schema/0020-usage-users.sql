-- How many users a tenant's sums of a day tell apart: past a number of them all others are one.
CREATE TABLE usage_day_users (
	tenant_id TEXT NOT NULL,
	day BIGINT NOT NULL,
	users BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, day)
);
INSERT INTO usage_day_users SELECT tenant_id, day, count(DISTINCT user_id) FROM usage_day GROUP BY tenant_id, day;
