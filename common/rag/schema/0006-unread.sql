-- Files that no reader could read, as they were then: as long as they and what reads are the same they
-- are not sent again.  readers: reader_stamp.  The oldest go when there are many.
CREATE TABLE rag_unread (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	index_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	source_bytes BIGINT NOT NULL,
	mtime BIGINT NOT NULL,
	readers TEXT NOT NULL,
	message TEXT NOT NULL,
	UNIQUE (index_id, name)
);
