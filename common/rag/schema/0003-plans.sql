-- Whether a key is there; and all that a filter which names no key reads of a document.
CREATE INDEX rag_meta_by_key ON rag_meta (index_id, key, document_id);
DROP INDEX rag_document_by_chunk;
CREATE UNIQUE INDEX rag_document_by_chunk ON rag_document (index_id, first_chunk, id, chunks);
