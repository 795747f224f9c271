-- What conversations weigh, for quotas: each with its messages, and those of a tenant together.  A
-- message weighs 512 bytes more than it has: its row, and its places in indexes.
ALTER TABLE conversation ADD COLUMN bytes BIGINT NOT NULL DEFAULT 0;
UPDATE conversation SET bytes =
	(SELECT coalesce(sum(m.bytes + 512), 0) FROM message AS m WHERE m.conversation = conversation.number);
CREATE TABLE conversation_total (
	tenant_id TEXT PRIMARY KEY,
	bytes BIGINT NOT NULL
);
INSERT INTO conversation_total (tenant_id, bytes)
	SELECT tenant_id, sum(bytes) FROM conversation WHERE tenant_id <> '' GROUP BY tenant_id;
