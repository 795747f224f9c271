-- Chunks whose text the model does not take: they have no vector of it, and none is wanted.
CREATE TABLE rag_refused (
	index_id BIGINT NOT NULL,
	model BIGINT NOT NULL,
	chunk BIGINT NOT NULL,
	PRIMARY KEY (index_id, model, chunk)
) WITHOUT ROWID;
