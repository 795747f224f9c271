-- How many conversations each user has: a list tells it with every page.
CREATE TABLE conversation_count (
	tenant_id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	count BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, user_id)
);
INSERT INTO conversation_count (tenant_id, user_id, count)
	SELECT tenant_id, user_id, count(*) FROM conversation GROUP BY tenant_id, user_id;
