-- Chunks that were replaced and whose vectors may serve again, until nothing is wanted any more.
CREATE TABLE rag_stale (
	first_chunk INTEGER PRIMARY KEY,
	chunks BIGINT NOT NULL
);
