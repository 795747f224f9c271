/*
 * common/rag/snapshot.h - an index as of one commit, in memory and on the disk alike.
 *
 * Internal to common/rag: what searching (retrieve.c, filter.c) sees.  A view is a reading
 * connection inside a transaction and the counted snapshot of the same generation: ids and rows of
 * the one are those of the other, whatever is committed meanwhile.  Views are short: as long as
 * one is open the write-ahead log cannot be emptied.
 *
 * Chunks have ids, ascending with time and never given out twice; those of a document follow each
 * other.  In a snapshot a chunk is also a row (of the lexical view), and perhaps a row of a block
 * of vectors.
 *
 * A snapshot never changes; any thread.  A view belongs to one thread at a time.
 */
#ifndef SPASS_RAG_SNAPSHOT_H
#define SPASS_RAG_SNAPSHOT_H

#include "common/rag/lexical.h"
#include "common/rag/rag.h"
#include "common/store/db.h"

struct vector_block;
struct vector_space;
struct vector_partition;
struct latent_space;
struct latent_rows;

/* Vectors of one model.  Arrays by block, as struct vector_view takes them. */
struct snapshot_vectors {
	char model[RAG_MODEL_MAX + 1];
	size_t dimensions;
	const struct vector_space *space;
	const struct vector_block *const *blocks;
	const uint64_t *const *dead;
	const struct vector_partition *partition; /* or NULL */
	size_t count;
	int64_t live; /* chunks that have a vector here */
	/* private */
	int64_t space_id;
	size_t lists; /* of the blocks, the first ones */
};

struct rag_snapshot {
	int64_t index_id, generation;
	struct lexical_view lexical;            /* .only is NULL: a search sets it in a copy */
	uint32_t row_count;                     /* with the dead */
	int64_t chunks;                         /* alive */
	const struct snapshot_vectors *vectors; /* of the model in use, or NULL */
	const struct latent_space *latent;      /* or NULL */
	const struct latent_rows *const
		*latent_rows; /* by segment, as struct latent_view has them */
	size_t bytes;         /* of memory, about */
};

struct rag_view {
	const struct rag_snapshot *snapshot;
	struct db *db; /* reading; statements by db_statement */
	struct rag_config config;
	/* private */
	struct rag *rag;
	struct rag_tenant *tenant;
	int64_t model;
};

/* E_rag_index_not_found. */
int rag_view_open(struct rag *r, struct span tenant, struct span index, struct rag_view *v,
		  struct err *err);
void rag_view_close(struct rag_view *v);

/* ---- rows and chunks ---- */

/* row < row_count. */
int64_t rag_snapshot_chunk(const struct rag_snapshot *s, uint32_t row);
/* The row of a chunk that is alive; -1. */
int64_t rag_snapshot_row(const struct rag_snapshot *s, int64_t chunk);

/* Chunks that a filter leaves: ascending ranges of ids, as rag_document's first_chunk, chunks. */
struct rag_range_ids {
	int64_t first, count;
};
struct rag_only {
	uint64_t *rows;                /* for struct lexical_view */
	const uint64_t *const *blocks; /* for struct vector_view; NULL without vectors */
	int64_t chunks;                /* alive */
};
/* -1: the arena is full (E_too_large). */
int rag_snapshot_only(const struct rag_snapshot *s, const struct rag_range_ids *ranges,
		      size_t count, struct arena *a, struct rag_only *out, struct err *err);

/* ---- what the database has of them; into the arena ---- */

struct rag_chunk {
	int64_t id, document;
	int64_t ordinal;   /* in the document, from 0; chunk id - ordinal is the document's first */
	size_t start, end; /* bytes of the document's text */
	size_t chars_start, chars_end; /* the same in code points */
	uint32_t line, page;           /* page 0: there is none */
	struct span heading;           /* "Manual > Install > Debian" */
	struct span text;              /* document[start:end] */
};
/* text: whether it is wanted, too.  -1 also for a chunk that is not there (E_storage_error). */
int rag_view_chunk(struct rag_view *v, int64_t chunk, bool text, struct arena *a,
		   struct rag_chunk *out, struct err *err);
/*
 * What byte `at` of the document stands under, where the chunk (with its text) holds it: its page
 * and its row (see enum reader_places), 0 when there is none, and the headings, as cut.h writes
 * them; those of code are the chunk's.
 */
struct rag_above {
	uint32_t page, row;
	struct span heading;
};
int rag_view_above(struct rag_view *v, const struct rag_document_info *of,
		   const struct rag_chunk *chunk, size_t at, struct arena *a,
		   struct rag_above *out, struct err *err);
/* By id, as a chunk has it. */
int rag_view_document(struct rag_view *v, int64_t document, struct arena *a,
		      struct rag_document_info *out, struct err *err);
/* E_rag_document_not_found. */
int rag_view_find(struct rag_view *v, struct span name, struct arena *a,
		  struct rag_document_info *out, struct err *err);
/* Bytes start..end of a document's text; end SIZE_MAX: to its end. */
int rag_view_text(struct rag_view *v, const struct rag_document_info *of, size_t start, size_t end,
		  struct arena *a, struct span *text, struct err *err);
/*
 * The stored vector of a chunk, as struct vector_view's exact wants it: data is the view.
 */
bool rag_view_exact(void *data, int64_t chunk, float *vector);

#endif
