-- Messages are indexed some time after they were written, in order of their numbers: a turn does not
-- wait for the words of its texts.  A search first catches up.
CREATE TABLE message_indexed (up_to BIGINT NOT NULL);
INSERT INTO message_indexed (up_to) SELECT coalesce(max(number), 0) FROM message;

-- What the index holds, or should.
DROP VIEW message_said;
CREATE VIEW message_said (number, text, owner) AS
	SELECT m.number, substr(m.text, 1, 32768), c.owner
	FROM message AS m JOIN conversation AS c ON c.number = m.conversation
	WHERE m.role IN ('user', 'assistant') AND m.text IS NOT NULL
		AND m.number <= (SELECT up_to FROM message_indexed);
