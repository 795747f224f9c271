/*
 * common/rag/rag_inside.h - what the files behind rag.h and snapshot.h share.
 */
#ifndef SPASS_RAG_RAG_INSIDE_H
#define SPASS_RAG_RAG_INSIDE_H

#include "common/base/list.h"
#include "common/rag/rag.h"
#include "common/rag/snapshot.h"
#include "common/store/db.h"

#include <pthread.h>
#include <stdatomic.h>

#define RAG_SCHEMA "common/rag/schema/"

/* What a row of rag_segment holds. */
enum rag_kind {
	RAG_POSTINGS = 1, /* segment.h */
	RAG_SPACE,       /* vector.h: how vectors of a model are coded; rows: what its mean is of */
	RAG_CODES,       /* vector.h: a block, parent: its space */
	RAG_LATENT,      /* latent.h: the space */
	RAG_LATENT_ROWS, /* latent.h: of the segment that is its parent */
	RAG_PARTITION,   /* vector_partition.h; parent: its space; rows: that it was made of */
	RAG_LIST,        /* vector.h: a block of the partition that is its parent, in order of id */
};

struct rag_cached;

struct rag_tenant {
	struct list link; /* in struct rag */
	struct rag *rag;
	char *name, *path;
	struct readers *readers;
	bool is_ready;           /* the database is there and has our schema; lock of struct rag */
	bool is_open;            /* may have connections; the same lock */
	int64_t used_ms;         /* the same lock */
	pthread_mutex_t write;   /* protects writer: held for a transaction */
	struct db *writer;       /* or NULL */
	pthread_mutex_t tending; /* held by the one who does a step of rag_tend */
	struct list cached;      /* struct rag_cached, by index; lock of struct rag */
};

enum { RAG_WORDS_IDLE = 4 };

struct rag {
	struct rag_options options;
	char *dir;
	pthread_mutex_t lock;  /* protects what follows; never held while working */
	struct list tenants;   /* the one used last first; none goes before rag_close */
	size_t open;           /* tenants that may have connections */
	uint64_t tick;         /* counts uses of snapshots */
	atomic_bool stopping;  /* rag_stop */
	struct lexical_scratch *words[RAG_WORDS_IDLE]; /* behind lock: for the next searches */
	_Atomic size_t loaded; /* bytes of all pieces of snapshots */
};

/* ---- rag.c: tenants ---- */

/*
 * What a search of words works in has some bytes for each row, which are not made anew, and emptied,
 * for each question.  To be given back.
 */
struct lexical_scratch *rag_words_take(struct rag *r);
void rag_words_give(struct rag *r, struct lexical_scratch *words);
/* Those that nobody has are given to the system. */
void rag_words_rest(struct rag *r);

/* make: also when there is no database yet.  NULL: E_rag_index_not_found, E_invalid_field. */
struct rag_tenant *rag_tenant_find(struct rag *r, struct span name, bool make, struct err *err);

/* ---- rag_connect.c: connections ---- */

/* Looks at the database once; it may be of an earlier version, or cut off before its schema. */
int rag_tenant_prepare(struct rag_tenant *t, struct err *err);
/* A connection in a reading transaction; end it with rag_read_end. */
struct db *rag_read_begin(struct rag_tenant *t, struct err *err);
void rag_read_end(struct rag_tenant *t, struct db *db);
int64_t rag_now_us(void);

/* Runs it inside one writing transaction. */
int rag_write(struct rag_tenant *t, int (*work)(struct db *db, void *arg, struct err *err),
	      void *arg, struct err *err);

/* ---- rag_row.c: the row of an index ---- */

struct rag_row {
	int64_t id, generation, documents, chunks, bytes, stored;
	int64_t model, building; /* 0: none */
	int64_t rebuilt, created_us, changed_us;
	struct rag_config config;                /* with the defaults in it */
	char name[RAG_INDEX_NAME_MAX + 1];       /* "" when it has none */
	char stands_for[RAG_INDEX_NAME_MAX + 1]; /* of a replacement */
};
/* E_rag_index_not_found. */
int rag_row_get(struct db *db, struct span name, struct rag_row *row, struct err *err);
/* 1, 0 when there is none, -1. */
int rag_row_find(struct db *db, struct span name, struct rag_row *row, struct err *err);
/* A replacement. */
int rag_row_get_replacement(struct db *db, int64_t id, struct rag_row *row, struct err *err);
/* By id, whatever it is: 1, 0, -1. */
int rag_row_find_id(struct db *db, int64_t id, struct rag_row *row, struct err *err);
/* name empty: a replacement for stands_for.  Sets row->id. */
int rag_row_insert(struct db *db, struct rag_row *row, struct err *err);
/* All of it but name and stands_for. */
int rag_row_update(struct db *db, struct rag_row *row, struct err *err);
/* Names it, or takes its name away (SPAN_NONE). */
int rag_row_rename(struct db *db, int64_t id, struct span name, struct err *err);
/* -1 E_rag_limit_exceeded when the tenant has too much with row as it is. */
int rag_row_check_limits(struct rag *r, struct db *db, const struct rag_row *row, struct err *err);
/* config with its zeros filled in; -1 E_invalid_field. */
int rag_config_fill(const struct rag_config *config, struct rag_config *out, struct err *err);
/*
 * The id of a model, 0 when it is not known and make is false, or -1.  Of several of that name the
 * one that answered to it last: see rag_model_probe.
 */
int64_t rag_model_id(struct db *db, struct span name, bool make, struct err *err);
/* Whether another answers to its name now. */
int rag_model_is_past(struct db *db, int64_t id, bool *is, struct err *err);
/* Its name, "" when there is none of that id. */
int rag_model_name(struct db *db, int64_t id, char name[RAG_MODEL_MAX + 1], int64_t *dimensions,
		   struct err *err);

/* ---- rag_meta.c ---- */

/* A flat object of at most RAG_META_MAX bytes.  -1 E_invalid_field. */
int rag_meta_check(struct span meta, struct err *err);
int rag_meta_insert(struct db *db, int64_t index_id, int64_t document_id, struct span meta,
		    struct err *err);
int rag_meta_delete(struct db *db, int64_t document_id, struct err *err);

/* ---- rag_part.c: texts and pieces, packed ---- */

struct cutting;
struct rag_part {
	int64_t first; /* chunk, within the document */
	int64_t chunks;
	size_t start, size; /* of the text */
	int coding;
	size_t pieces_at, pieces_len; /* in struct rag_parts' bytes */
	size_t text_at, text_len;
};
struct rag_parts {
	struct rag_part *list;
	size_t count;
	struct buf bytes;
};
/* out was zeroed.  E_document_too_large. */
int rag_parts_pack(struct span text, const struct cutting *c, struct rag_parts *out,
		   struct err *err);
void rag_parts_free(struct rag_parts *p);
/* 0 and what chunk number `at` of a packed run of pieces says, or -1: damaged. */
int rag_piece_unpack(struct span pieces, int64_t chunks, int64_t at, struct rag_chunk *out,
		     uint64_t hash[2]);
/* The text of a part into out[size]; -1: damaged. */
int rag_part_inflate(struct span stored, int coding, char *out, size_t size);
/* Marks as bytes, and back (r->marks; those there are replaced). */
int rag_marks_pack(const struct reading *r, struct buf *out, struct err *err);
int rag_marks_unpack(struct span rest, struct reading *r);
/* One by one: `before` is the start of the last one, 0 at first.  1, 0 at the end, -1: damaged. */
int rag_mark_next(struct span *rest, size_t before, size_t text_len, struct mark *out);

/* ---- rag_prepare.c: documents before the transaction ---- */

struct rag_prepared {
	const struct rag_document_in *in;
	size_t result; /* which of the results is its */
	bool is_known; /* the database had it when looked at, with the same text, title and type */
	int64_t known_id; /* that row */
	unsigned char text_hash[32], source_hash[32], given_hash[32];
	struct span name, title, type, language; /* into the arena */
	bool flagged;
	size_t bytes, chars;
	int64_t source_bytes;
	struct rag_parts parts;
	struct buf marks;
	int64_t chunks;
	int64_t first; /* chunk, within the batch */
};
/* A packed segment of the batch, chunk ids from 0. */
struct rag_tail {
	struct buf bytes;
	int64_t first, rows;
};
struct rag_batch {
	struct arena *arena;
	struct rag_prepared *docs;
	size_t count;
	struct rag_tail *tails;
	size_t tail_count;
	int64_t chunks;
};
struct rag_preparing {
	struct rag *rag;
	struct db *db;             /* reading */
	const struct rag_row *row; /* of the index; id 0 when there is none yet */
	const struct rag_put *put;
};
/*
 * Reads, cuts and indexes.  Failures are in results; -1 when nothing can be kept.  b is freed by
 * rag_batch_free in any case.
 */
int rag_prepare(const struct rag_preparing *how, const struct rag_document_in *docs, size_t count,
		struct arena *a, struct rag_batch *b, struct rag_put_result *results,
		struct err *err);
/*
 * The same of documents that were read once: next fills the title of d and the reading, which was
 * initialised and is freed here.
 */
int rag_prepare_again(const struct rag_row *row, size_t count, struct arena *a, struct rag_batch *b,
		      int (*next)(void *arg, struct rag_prepared *d, struct reading *r,
				  struct err *err),
		      void *arg, struct err *err);
void rag_batch_free(struct rag_batch *b);
/* Inside a transaction: ids for so many chunks. */
int rag_chunks_take(struct db *db, int64_t count, int64_t *first, struct err *err);
/* The parts of a document whose first chunk is `first`. */
int rag_parts_insert(struct db *db, const struct rag_prepared *d, int64_t id, int64_t first,
		     struct err *err);
/* Segments and wants of a batch whose chunks begin at base; row as it becomes. */
int rag_tails_insert(struct db *db, const struct rag_row *row, struct rag_batch *b, int64_t base,
		     struct err *err);

/* What of a chunk's document stands before its text in the index: title and headings. */
struct span rag_chunk_title(struct span title, struct span heading, struct buf *room);
/* The beginning of a document's text that all its chunks are found by, too; whole characters. */
struct span rag_document_head(struct span text);
/* A chunk as a row of a segment; id is what the row is called. */
int rag_index_chunk(struct segment_builder *b, struct terms *terms, int64_t id, struct span title,
		    struct span heading, struct span head, struct span text, struct buf *room,
		    struct err *err);

/* ---- rag_segment.c: rows of rag_segment, gone, want ---- */

struct rag_segment_row {
	int64_t id, index_id, model, parent, first, last, rows, born, size;
	enum rag_kind kind;
};
/* Sets row->id. */
int rag_segment_insert(struct db *db, struct rag_segment_row *row, struct span bytes,
		       struct err *err);
int rag_segment_delete(struct db *db, int64_t id, struct err *err);
/*
 * A row stands as long as something newer has not taken its place: blocks of codes and partitions
 * are past that are older than the partition in use, and so is all of a model that the index
 * neither uses nor builds.  What is past is not looked at, and goes in steps (rag_past.c), so that
 * no transaction is longer than others can wait.  As a condition on rag_segment AS s.
 */
#define RAG_SEGMENT_STANDS                                                                         \
	" (s.kind NOT IN (2, 3, 6, 7) OR EXISTS (SELECT 1 FROM rag_index AS i WHERE"               \
	" i.id = s.index_id AND (i.model = s.model OR i.building = s.model))"                      \
	" AND CASE s.kind WHEN 2 THEN 1 WHEN 7 THEN s.parent ELSE s.id END >="                     \
	" coalesce((SELECT max(p.id) FROM rag_segment AS p WHERE s.kind <> 2 AND"                  \
	" p.index_id = s.index_id AND p.kind = 6 AND p.model = s.model AND p.parent > 0), 0)) "
/* All that stand of an index, without their bytes, by kind and place; *rows is freed with mem_free. */
int rag_segment_list(struct db *db, int64_t index_id, struct rag_segment_row **rows, size_t *count,
		     struct err *err);
/* The bytes of one, into memory of mem_alloc. */
int rag_segment_bytes(struct db *db, int64_t id, char **bytes, size_t *len, struct err *err);
/* Chunks are gone since generation born, also from what is wanted. */
int rag_gone_insert(struct db *db, const struct rag_row *row, int64_t first, int64_t chunks,
		    int64_t born, struct err *err);
/* Forgets what no segment has any more. */
int rag_gone_forget(struct db *db, int64_t index_id, struct err *err);
int rag_want_insert(struct db *db, int64_t index_id, int64_t model, int64_t first, int64_t chunks,
		    struct err *err);
/* Takes first..first + chunks - 1 out of what is wanted of the model. */
int rag_want_remove(struct db *db, int64_t index_id, int64_t model, int64_t first, int64_t chunks,
		    struct err *err);
/* The last range of what is wanted that has something of first..end - 1: 1, 0, -1. */
struct rag_want {
	int64_t first, chunks;
};
int rag_want_touching(struct db *db, int64_t index_id, int64_t model, int64_t first, int64_t end,
		      struct rag_want *w, struct err *err);
int rag_want_count(struct db *db, int64_t index_id, int64_t model, int64_t *chunks,
		   struct err *err);

/* ---- rag_refused.c: chunks that a model does not take ---- */

int rag_refused_remove(struct db *db, int64_t index_id, int64_t first, int64_t chunks,
		       struct err *err);
int rag_refused_count(struct db *db, int64_t index_id, int64_t model, int64_t *chunks,
		      struct err *err);
/* All of the index are wanted again. */
int rag_refused_want(struct db *db, int64_t index_id, struct err *err);

/* ---- rag_unread.c: files that cannot be read ---- */

/* Whether there is something to note. */
bool rag_unread_has_any(const struct rag_document_in *docs, const struct rag_put_result *results,
			size_t count);
int rag_unread_note(struct db *db, int64_t index_id, const struct reader_options *reading,
		    const struct rag_document_in *docs, const struct rag_put_result *results, size_t count,
		    struct err *err);
/* Those that are documents now. */
int rag_unread_forget(struct db *db, int64_t index_id, const struct rag_batch *b, struct err *err);

/* ---- rag_tend.c ---- */

/*
 * After a put, when segments have become many because nobody tends the index, or because it is a
 * replacement: merges some.  A failure is logged: what was put is there.
 */
enum { RAG_SEGMENTS_MANY = 24 };
void rag_tend_put(struct rag_tenant *t, int64_t index_id);
/*
 * Before more is put, when much is nobody's because nobody tends: frees at least so many documents
 * of it, so that what is put and given up again and again does not fill the disk.
 */
void rag_free_much(struct rag_tenant *t, int64_t documents);

/* ---- rag_document.c ---- */

/* What must be known of a document to take it apart. */
struct rag_extent {
	int64_t id, first, chunks, bytes, stored, created_us;
};
/* 1, 0 when there is none, -1. */
int rag_extent_find(struct db *db, int64_t index_id, struct span name, struct rag_extent *e,
		    struct err *err);
/* Parts and metadata go, chunks are gone since born; row counts them out.  The document's row
 * stays. */
int rag_document_empty(struct db *db, struct rag_row *row, const struct rag_extent *e, int64_t born,
		       struct err *err);
int rag_document_drop(struct db *db, int64_t id, struct err *err);
/* Vectors of chunks first..first + chunks - 1, of all models. */
/* Its vectors may serve again when the same text comes back. */
int rag_vectors_stale(struct db *db, int64_t first, int64_t chunks, struct err *err);
int rag_vectors_drop(struct db *db, int64_t first, int64_t chunks, struct err *err);

/* A document as its reader left it, without type and title.  out was initialised. */
int rag_reading_get(struct db *db, const struct rag_document_info *info, struct reading *out,
		    struct err *err);

/* ---- rag_text.c ---- */

/* As rag_view_text, rag_view_chunk. */
int rag_text_read(struct db *db, const struct rag_document_info *of, size_t start, size_t end,
		  struct arena *a, struct span *text, struct err *err);
int rag_chunk_read(struct db *db, int64_t chunk, bool text, struct arena *a, struct rag_chunk *out,
		   struct err *err);

/* ---- snapshot.c ---- */

/* Counted; fits what db sees. */
struct rag_snapshot *rag_snapshot_take(struct rag_tenant *t, struct db *db,
				       const struct rag_row *row, struct err *err);
void rag_snapshot_give(const struct rag_snapshot *s);
/* Of an index that is gone: nobody asks for it again. */
void rag_snapshot_forget(struct rag_tenant *t, int64_t index_id);
void rag_snapshot_forget_all(struct rag_tenant *t);
/* Bits from..from + count - 1 as a bitmap of their own (mem_free); *set: how many are set. */
uint64_t *rag_bits_cut(const uint64_t *bits, size_t from, size_t count, size_t *set);

#endif
