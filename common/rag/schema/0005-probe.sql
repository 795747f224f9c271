-- Models of one name are several when what answers to it has changed.  probe: the vector of a text
-- that is always the same, float16; NULL: not known yet.  The one that was seen last is meant.
CREATE TABLE rag_model_seen (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL,
	dimensions BIGINT NOT NULL,    -- 0: not known yet
	probe BLOB,
	seen_at BIGINT NOT NULL
);
INSERT INTO rag_model_seen (id, name, dimensions, probe, seen_at) SELECT id, name, dimensions, NULL, 0 FROM rag_model;
DROP TABLE rag_model;
ALTER TABLE rag_model_seen RENAME TO rag_model;
CREATE INDEX rag_model_by_name ON rag_model (name, seen_at);
