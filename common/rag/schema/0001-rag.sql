-- The indices of one tenant: documents as text in parts, vectors, and what is derived from them.
-- Times: microseconds since 1970-01-01 UTC.

-- The next chunk's id.  Ids are never given out twice, so that they ascend over all segments.
CREATE TABLE rag_counter (
	next_chunk BIGINT NOT NULL
);
INSERT INTO rag_counter VALUES (1);

-- name NULL: nobody sees it.  It is a replacement for the index called stands_for, or, without
-- that, gone, and its rows go step by step.
CREATE TABLE rag_index (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT UNIQUE,
	stands_for TEXT,
	generation BIGINT NOT NULL,    -- greater after each change that a search can see
	chunk_target BIGINT NOT NULL,
	chunk_max BIGINT NOT NULL,
	chunk_overlap BIGINT NOT NULL,
	embedder TEXT NOT NULL,
	documents BIGINT NOT NULL,
	chunks BIGINT NOT NULL,
	bytes BIGINT NOT NULL,         -- of texts
	stored BIGINT NOT NULL,        -- bytes of their parts
	model BIGINT,                  -- whose vectors searches use
	building BIGINT,               -- whose are made beside
	rebuilt BIGINT NOT NULL,       -- chunks below were made since the rebuild that is under way; 0: none is
	created_at BIGINT NOT NULL,
	changed_at BIGINT NOT NULL
);

-- The chunks of a document have the ids first_chunk .. first_chunk + chunks - 1.
CREATE TABLE rag_document (
	id INTEGER PRIMARY KEY,
	index_id BIGINT NOT NULL,
	name TEXT NOT NULL,
	first_chunk BIGINT NOT NULL,
	chunks BIGINT NOT NULL,
	bytes BIGINT NOT NULL,
	chars BIGINT NOT NULL,
	stored BIGINT NOT NULL,
	source_bytes BIGINT NOT NULL,
	mtime BIGINT NOT NULL,
	flagged INTEGER NOT NULL,
	created_at BIGINT NOT NULL,
	changed_at BIGINT NOT NULL,
	text_hash BLOB NOT NULL,       -- SHA-256
	source_hash BLOB NOT NULL,     -- the same of the bytes that came
	given_hash BLOB NOT NULL,      -- of the title and type that came with them
	title TEXT NOT NULL,
	source TEXT NOT NULL,
	type TEXT NOT NULL,
	language TEXT,
	meta TEXT NOT NULL,
	marks BLOB NOT NULL,           -- of the reader, packed: what cutting goes by
	UNIQUE (index_id, name)
);
-- By place in the index: what a filter hands on, and who a chunk belongs to.
CREATE UNIQUE INDEX rag_document_by_chunk ON rag_document (index_id, first_chunk, id);

-- Metadata, for filters.  kind: s has text; n, b (0 or 1) have a number.
CREATE TABLE rag_meta (
	index_id BIGINT NOT NULL,
	document_id BIGINT NOT NULL,
	key TEXT NOT NULL,
	kind TEXT NOT NULL,
	text TEXT,
	number REAL
);
CREATE INDEX rag_meta_by_document ON rag_meta (document_id);
CREATE INDEX rag_meta_by_text ON rag_meta (index_id, key, text, document_id) WHERE text IS NOT NULL;
CREATE INDEX rag_meta_by_number ON rag_meta (index_id, key, number, document_id) WHERE number IS NOT NULL;

-- A run of chunks with the text from the start of the first one to that of the next part.
CREATE TABLE rag_part (
	first_chunk INTEGER PRIMARY KEY,
	document_id BIGINT NOT NULL,
	chunks BIGINT NOT NULL,
	start BIGINT NOT NULL,         -- in the document's text
	size BIGINT NOT NULL,
	coding INTEGER NOT NULL,       -- of text: 0 as it is, 1 LZ4
	pieces BLOB NOT NULL,          -- ranges, places, headings, hashes: packed
	text BLOB NOT NULL
);

CREATE TABLE rag_model (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	dimensions BIGINT NOT NULL     -- 0: not known yet
);

-- hash: of the text as the model read it; equal texts are never sent twice.
CREATE TABLE rag_vector (
	model BIGINT NOT NULL,
	chunk BIGINT NOT NULL,
	hash BLOB NOT NULL,
	vector BLOB NOT NULL,          -- float16
	UNIQUE (model, chunk)
);
CREATE INDEX rag_vector_by_hash ON rag_vector (model, hash);

-- Chunks that have no vector of the model yet, as ranges that do not touch each other's chunks.
CREATE TABLE rag_want (
	index_id BIGINT NOT NULL,
	model BIGINT NOT NULL,
	first_chunk BIGINT NOT NULL,
	chunks BIGINT NOT NULL,
	PRIMARY KEY (index_id, model, first_chunk)
) WITHOUT ROWID;

-- Derived, packed, never changed: see enum rag_kind.  born: the generation whose dead chunks were
-- left out; what has gone later may stand in it still.
CREATE TABLE rag_segment (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	index_id BIGINT NOT NULL,
	kind INTEGER NOT NULL,
	model BIGINT NOT NULL,         -- of vectors, else 0
	parent BIGINT NOT NULL,        -- the segment, space or blocks that it belongs to, else 0
	first_chunk BIGINT NOT NULL,
	last_chunk BIGINT NOT NULL,
	rows BIGINT NOT NULL,
	born BIGINT NOT NULL,
	size BIGINT NOT NULL,
	bytes BLOB NOT NULL
);
CREATE INDEX rag_segment_by_place ON rag_segment (index_id, kind, first_chunk);

-- Chunks that are gone, and since which generation; forgotten when no segment has them any more.
CREATE TABLE rag_gone (
	index_id BIGINT NOT NULL,
	first_chunk BIGINT NOT NULL,
	chunks BIGINT NOT NULL,
	born BIGINT NOT NULL,
	PRIMARY KEY (index_id, first_chunk)
) WITHOUT ROWID;
