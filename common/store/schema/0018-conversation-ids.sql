-- An id is unique by conversation_by_id; an index of all ids beside it costs every new conversation a
-- further place on the disk.  A column's UNIQUE goes only with its table, which is made again: what
-- messages refer to is counted as missing meanwhile, and found again before the commit.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE conversation_kept AS SELECT * FROM conversation;
DROP TABLE conversation;
CREATE TABLE conversation (
	number INTEGER PRIMARY KEY,
	id TEXT NOT NULL,
	tenant_id TEXT NOT NULL,       -- "": nobody may see it, see conversation_remove.c
	user_id TEXT NOT NULL,
	owner TEXT NOT NULL,
	title TEXT NOT NULL,
	model TEXT NOT NULL,           -- the last used
	created_at BIGINT NOT NULL,
	used_at BIGINT NOT NULL,
	message_count BIGINT NOT NULL,
	last_seq BIGINT NOT NULL,
	sent_from BIGINT NOT NULL,     -- seq of the first message that models are still sent
	parent_id TEXT,                -- a fork's origin, which may be gone
	parent_message TEXT
);
INSERT INTO conversation SELECT number, id, tenant_id, user_id, owner, title, model, created_at, used_at,
	message_count, last_seq, sent_from, parent_id, parent_message FROM conversation_kept ORDER BY number;
DROP TABLE conversation_kept;
-- A row's number is in each of its indexes by itself, and comes last.
CREATE INDEX conversation_by_user ON conversation (tenant_id, user_id, used_at);
CREATE INDEX conversation_by_tenant ON conversation (tenant_id, used_at);
CREATE UNIQUE INDEX conversation_by_id ON conversation (tenant_id, id, user_id);
