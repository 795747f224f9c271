-- Conversations and their messages.  An owner is a tenant and a user; "owner" holds one word for
-- each of them, by which the full-text index tells whose a message is.
-- Times: milliseconds since 1970-01-01 UTC.  NULL = unknown or none.
CREATE TABLE conversation (
	number INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE,
	tenant_id TEXT NOT NULL,
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
-- Newest first, of one user and of a whole tenant.
CREATE INDEX conversation_by_user ON conversation (tenant_id, user_id, used_at, number);
CREATE INDEX conversation_by_tenant ON conversation (tenant_id, used_at, number);

-- body: the message as it is sent; NULL when role and text are all of it.  images: what an answer
-- holds beside its body, a JSON list.  The long columns come last: rows are weighed without them.
CREATE TABLE message (
	number INTEGER PRIMARY KEY,
	conversation BIGINT NOT NULL REFERENCES conversation (number),
	seq BIGINT NOT NULL,
	id TEXT NOT NULL,
	role TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	tokens BIGINT NOT NULL,        -- an estimate of what it weighs in a prompt
	bytes BIGINT NOT NULL,
	interrupted INTEGER NOT NULL,
	finish_reason TEXT,
	model TEXT,
	prompt_tokens BIGINT,
	completion_tokens BIGINT,
	text TEXT,
	body TEXT,
	images TEXT
);
CREATE UNIQUE INDEX message_by_conversation ON message (conversation, seq);

-- What people and models said, for search.  The first 32,768 characters of a message count.
CREATE VIEW message_said (number, text, owner) AS
	SELECT m.number, substr(m.text, 1, 32768), c.owner
	FROM message AS m JOIN conversation AS c ON c.number = m.conversation
	WHERE m.role IN ('user', 'assistant') AND m.text IS NOT NULL;
CREATE VIRTUAL TABLE message_index USING fts5(
	text, owner, content='message_said', content_rowid='number', columnsize=0,
	tokenize='unicode61 remove_diacritics 2'
);
