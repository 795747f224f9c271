-- Messages that were added together are neighbours, a run: where each run begins is all that is kept to
-- find them.  An index of all messages cost a turn more than one of its messages did.
-- first_message: where the run begins that has the first message, 0 = in message_run, as the others.
ALTER TABLE conversation ADD COLUMN first_message BIGINT NOT NULL DEFAULT 0;
UPDATE conversation SET first_message = coalesce((SELECT m.number FROM message AS m
	WHERE m.conversation = conversation.number AND m.seq = 1), 0);
CREATE TABLE message_run (
	conversation BIGINT NOT NULL,
	seq BIGINT NOT NULL,
	number BIGINT NOT NULL,        -- of the message
	PRIMARY KEY (conversation, seq)
) WITHOUT ROWID;
INSERT INTO message_run (conversation, seq, number)
	SELECT m.conversation, m.seq, m.number FROM message AS m
	WHERE m.seq <> 1 AND NOT EXISTS (SELECT 1 FROM message AS p WHERE p.number = m.number - 1
		AND p.conversation = m.conversation AND p.seq = m.seq - 1)
	ORDER BY m.conversation, m.seq;
DROP INDEX message_by_conversation;

-- Nor is the conversation of each message looked for again: whoever adds messages has found it.  The
-- column's text is edited, for a copy of the table would be as large as the database.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, ' REFERENCES conversation (number)', '')
	WHERE type = 'table' AND name = 'message';
PRAGMA writable_schema = RESET;
