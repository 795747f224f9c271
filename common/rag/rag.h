/*
 * common/rag/rag.h - the indices of all tenants: documents in, what a search needs out.
 *
 * Each tenant has a database of its own (<dir>/<tenant>.db, made with its first index), which is
 * the only truth.  It keeps documents as text with the ranges of their chunks, and vectors;
 * segments of postings, blocks of codes and the latent space are derived, kept beside, and made
 * anew from the text when asked.  In memory an index is an immutable snapshot: a search takes a
 * lock only to count itself in (snapshot.h; searching is retrieve.h's).
 *
 * One writer of a tenant at a time, across processes, too (SQLite's lock): a change that waits for
 * another for too long is E_overloaded; searches never wait.  What has returned is on the disk.
 * Searches look at the index's generation first, so they see what was committed here and by other
 * processes.
 *
 * Everything here blocks: call it on a job or a thread of its own, never on a loop.  Any thread.
 * Names: an index has [A-Za-z0-9._-], 1..RAG_INDEX_NAME_MAX of them, the first a letter or digit; a
 * document 1..RAG_DOCUMENT_NAME_MAX bytes of UTF-8 without control characters (a path, a URL, an
 * id).  An index of another tenant is E_rag_index_not_found.  Every function may fail with
 * E_storage_error.
 */
#ifndef SPASS_RAG_RAG_H
#define SPASS_RAG_RAG_H

#include "common/base/arena.h"
#include "common/rag/reading.h"

enum {
	RAG_INDEX_NAME_MAX = 64,
	RAG_DOCUMENT_NAME_MAX = 512,
	RAG_META_MAX = 4096, /* bytes of JSON: one flat object of strings, numbers and booleans */
	RAG_MODEL_MAX = 127, /* bytes of a model's name */
};

/* Of a tenant; 0 = no limit.  What passes one is E_rag_limit_exceeded, whose param names it. */
struct rag_limits {
	int64_t indices_max;
	int64_t documents_max, chunks_max, bytes_max; /* of all its indices; bytes: of texts */
};

struct rag_options {
	const char *dir;   /* made when it is not there */
	size_t memory_max; /* of snapshots, idle ones go; 0 = 256 MiB */
	size_t flat_max;   /* vectors that are scanned whole, more are grouped; 0 = what is fast */
	size_t open_max;   /* tenants whose databases are open, but for those in use; 0 = 64 */
	int write_patience_ms; /* for another thread's or process's transaction; 0 = 5 s */
	struct rag_limits limits;
	struct reader_options reading; /* what it points at outlives the rag */
};

struct rag;
/* Opens no database yet. */
struct rag *rag_open(const struct rag_options *options, struct err *err);
/* Closes the databases that nobody has used for so long; to be called now and then. */
void rag_rest(struct rag *r, int64_t idle_ms);
/* Any thread: what rag_tend and rag_put do ends soon, with E_cancelled, from now on. */
void rag_stop(struct rag *r);
/* Nobody is inside any more.  r may be NULL. */
void rag_close(struct rag *r);

/* The tenants that have a database, in no order; ends with -1 (err untouched) when each returns -1.
 */
int rag_tenants_each(struct rag *r, int (*each)(void *arg, struct span tenant), void *arg,
		     struct err *err);

/* ---- indices ---- */

/* Zeros and "" are the defaults: RAG_CHUNK_TARGET, RAG_CHUNK_LARGEST, no overlap, "auto". */
enum { RAG_CHUNK_TARGET = 800, RAG_CHUNK_LARGEST = 1600 };
struct rag_config {
	uint32_t chunk_target, chunk_max, chunk_overlap; /* characters; used by the next put */
	char embedder[RAG_MODEL_MAX + 1]; /* "auto", "none", or an alias of the catalogue */
};

struct rag_index_info {
	struct span name; /* into the arena, or borrowed for the call of each */
	struct rag_config config;
	int64_t documents, chunks;
	int64_t bytes; /* of their texts */
	int64_t created_us, changed_us;
	int64_t generation;   /* greater after each change that a search can see */
	struct span model;    /* whose vectors searches use; empty = none */
	bool model_changed;   /* another answers to its name now: nobody can ask for them */
	int64_t vectors;      /* chunks that have one of it */
	struct span building; /* whose are made beside, until all chunks have one; empty = none */
	int64_t building_vectors;
	int64_t refused; /* chunks that get none, as the model being used or built takes them not */
	int64_t segments;      /* of postings */
	int64_t dead;          /* chunks that are gone and still in segments */
	int64_t latent_chunks; /* in the latent space; 0 = there is none */
	int64_t size;          /* bytes that its rows take, about */
};

/* What an index that is there may be called: earlier ones began with "-" or "_", too. */
bool rag_name_is_valid(struct span name);
/* What a new one may be called: 0, or -1 with err of this code and param. */
int rag_index_name_check(struct span name, enum err_code code, const char *param, struct err *err);
/* E_rag_index_exists, E_rag_limit_exceeded, E_invalid_field (name, config).  config may be NULL. */
int rag_index_create(struct rag *r, struct span tenant, struct span name,
		     const struct rag_config *config, struct err *err);
/*
 * Documents that are there stay as they were cut until rag_rebuild.  Where no model shall be, its vectors
 * are none of the index's at once; they are kept for a while.
 */
int rag_index_configure(struct rag *r, struct span tenant, struct span name,
			const struct rag_config *config, struct err *err);
/* Gone at once; rag_tend gives the space back. */
int rag_index_delete(struct rag *r, struct span tenant, struct span name, struct err *err);
int rag_index_get(struct rag *r, struct span tenant, struct span name, struct arena *a,
		  struct rag_index_info *out, struct err *err);
/* In the order of names; ends with -1 (err untouched) when each returns -1. */
int rag_index_each(struct rag *r, struct span tenant,
		   int (*each)(void *arg, const struct rag_index_info *index), void *arg,
		   struct err *err);

/* ---- documents ---- */

enum { RAG_MADE_NAME_SIZE = 33 };
/* The name of a document that comes without one, from the hash of its content. */
void rag_made_name(struct span content, char out[RAG_MADE_NAME_SIZE]);

struct rag_document_in {
	struct span name;    /* empty: rag_made_name */
	struct span title;   /* empty: what the reader finds */
	struct span source;  /* what a person would open: a path, a URL; may be empty */
	struct span type;    /* a media type, or a reader's name; empty: by name and content */
	struct span content; /* the file's bytes */
	struct span reading; /* of an export, see reading_print; content is its text then; or empty */
	struct span meta;    /* JSON; empty = {} */
	int64_t mtime_us;    /* of the file, for sync; -1 = unknown */
};

enum rag_put_how {
	RAG_PUT_ADD,     /* a name that is there is E_rag_document_exists */
	RAG_PUT_REPLACE, /* added, or put in its place */
};

struct rag_put {
	enum rag_put_how how;
	bool make;  /* the index, when it is not there */
	bool whole; /* when one document fails, nothing is kept and its error is returned */
	/* Looked at while documents are read, and between them; or NULL. */
	const atomic_bool *cancelled;
};

enum rag_put_what { RAG_ADDED, RAG_CHANGED, RAG_UNCHANGED, RAG_FAILED };
struct rag_put_result {
	enum rag_put_what what;
	struct err err;   /* of RAG_FAILED */
	struct span name; /* as kept; into the arena */
	int64_t chunks;
	bool has_made; /* they are new; else it has those that it had */
	bool flagged; /* it has passages that give orders to models */
};

/*
 * Reads, cuts, indexes and commits them in one transaction: searchable when this returns, here and
 * in other processes.  A document that cannot be read (or whose name or metadata is wrong) is
 * RAG_FAILED and keeps no other out, unless how->whole.  The same content, title and type again keep
 * their chunks: only source, meta and mtime are written, when they differ, and it is RAG_CHANGED
 * with other metadata, else RAG_UNCHANGED.  Of one name given twice the last one counts, the others
 * are RAG_FAILED (E_rag_document_exists).  So is a type that is neither a reader's name nor a media
 * type.
 *
 * 0, or -1 when nothing was kept: E_rag_index_not_found, E_rag_limit_exceeded, E_cancelled,
 * E_storage_error, or the first failure of how->whole.  results has count entries; how NULL = add.
 */
int rag_put(struct rag *r, struct span tenant, struct span index, const struct rag_put *how,
	    const struct rag_document_in *docs, size_t count, struct arena *a,
	    struct rag_put_result *results, struct err *err);

/*
 * All documents of an index by others, at once: what is put into the replacement is seen by nobody
 * until rag_replace_end, which exchanges them in one transaction (making the index when there is
 * none, with the configuration of the old one when there is).  Equal texts keep their vectors.
 * One that is given up leaves nothing; so does one that was left alone for RAG_REPLACE_IDLE_MS, as
 * by a crash: it is E_rag_index_not_found from then on (sooner when a tenant has many).  Eight
 * under way are all that a tenant may have: E_overloaded.
 */
enum { RAG_REPLACE_IDLE_MS = 3600 * 1000 };
struct rag_replacement {
	int64_t id;
};
int rag_replace_begin(struct rag *r, struct span tenant, struct span index,
		      struct rag_replacement *out, struct err *err);
int rag_replace_put(struct rag *r, struct span tenant, const struct rag_replacement *to,
		    const struct rag_put *how, const struct rag_document_in *docs, size_t count,
		    struct arena *a, struct rag_put_result *results, struct err *err);
int rag_replace_end(struct rag *r, struct span tenant, const struct rag_replacement *to,
		    struct err *err);
void rag_replace_cancel(struct rag *r, struct span tenant, const struct rag_replacement *to);

struct rag_document_info {
	struct span name, title, source; /* into the arena, or borrowed for the call of each */
	struct span type;                /* its reader's name */
	struct span meta;                /* JSON */
	struct span text_hash;           /* hex of SHA-256, of the text */
	struct span source_hash;         /* the same, of the bytes that came */
	int64_t id;                      /* of this version of it */
	int64_t bytes, chars;            /* of the text */
	int64_t first_chunk, chunks;     /* ids first_chunk..first_chunk + chunks - 1 */
	int64_t source_bytes, mtime_us, created_us, changed_us;
	bool flagged;
};

/*
 * In the order of names, those that begin with prefix and come after `after` (both may be empty),
 * at most limit (< 0: all).  Ends with -1 (err untouched) when each returns -1.
 */
int rag_document_each(struct rag *r, struct span tenant, struct span index, struct span prefix,
		      struct span after, int64_t limit,
		      int (*each)(void *arg, const struct rag_document_info *d), void *arg,
		      struct err *err);
/*
 * Files that could not be read when they were put last (E_document_unreadable; with a name and a time,
 * of no given type), and would not be today: names of documents, which may be there as they were before.
 */
struct rag_unread {
	struct span name, why; /* borrowed for the call of each */
	int64_t source_bytes, mtime_us;
};
int rag_unread_each(struct rag *r, struct span tenant, struct span index,
		    void (*each)(void *arg, const struct rag_unread *u), void *arg, struct err *err);
/* text, unless NULL: the whole of it, into the arena.  E_rag_document_not_found, E_too_large. */
int rag_document_get(struct rag *r, struct span tenant, struct span index, struct span name,
		     struct arena *a, struct rag_document_info *out, struct span *text,
		     struct err *err);
/*
 * The same, and the document as its reader left it, to be freed with reading_free (also on failure);
 * without a title.
 */
int rag_document_read(struct rag *r, struct span tenant, struct span index, struct span name,
		      struct arena *a, struct rag_document_info *out, struct reading *reading,
		      struct err *err);
/*
 * Those that are there, in one transaction, with text, postings and vectors; *gone: how many;
 * was_there[count] (may be NULL): which.
 */
int rag_document_delete(struct rag *r, struct span tenant, struct span index,
			const struct span *names, size_t count, int64_t *gone, bool *was_there,
			struct err *err);

/* ---- vectors: whoever can reach a model makes them, in small steps ---- */

/* What goes before texts of a model; "" = nothing. */
struct rag_prefixes {
	const char *document, *query;
};
struct rag_prefixes rag_model_prefixes(struct span model);

/*
 * What a model makes of this text (with its document prefix in front) tells it from another that
 * answers to the same name: as long as the vectors are the same but for what another precision makes
 * of them, nothing happens.  When they are not the model is another one from then on, or again the
 * one that it was once: rag_pending begins it beside what is in use, which nobody is asked with any
 * more, as searches cannot have questions in its space.  *is_other: it has just become so.
 */
#define RAG_PROBE_TEXT "The ferry leaves at noon; who misses it walks three hours along the shore."
int rag_model_probe(struct rag *r, struct span tenant, struct span model, const float *vector,
		    size_t dimensions, bool *is_other, struct err *err);

/* A chunk without a vector of the model, as the model shall read it. */
struct rag_pending {
	int64_t chunk;
	struct span text;       /* prefix, title and headings, text; into the arena */
	unsigned char hash[16]; /* of text */
};
/*
 * The oldest, at most max of them and about max_bytes of text, without those of the last chunk
 * up to `after` (0: from the first one), so that several batches may be under way.  Of equal texts
 * one; a text of which the tenant has a vector already gets it here.  A model that the index does
 * not have is begun: its vectors are built beside those in use, and used once no chunk is without
 * (then *count is 0 with after 0); what another model had built so far is given up.
 */
int rag_pending(struct rag *r, struct span tenant, struct span index, struct span model,
		int64_t after, struct arena *a, struct rag_pending *out, size_t max,
		size_t max_bytes, size_t *count, struct err *err);
/*
 * count vectors, one after the other.  E_rag_dimension_mismatch when the model's earlier ones have
 * another dimension, E_invalid_field when one has no direction; then none is kept.  What has gone
 * meanwhile is left out.
 */
int rag_vectors_put(struct rag *r, struct span tenant, struct span index, struct span model,
		    const struct rag_pending *of, size_t count, const float *vectors,
		    size_t dimensions, struct err *err);
/*
 * The model takes these texts not: nothing is wanted of it for their chunks any more, until the
 * index is configured, or what they are cut from changes.  What has gone meanwhile is left out.
 */
int rag_vectors_refuse(struct rag *r, struct span tenant, struct span index, struct span model,
		       const struct rag_pending *of, size_t count, struct err *err);

/* ---- keeping it fast and whole ---- */

/*
 * One step of merging, latent space, giving space back; true when there is more to do.  index
 * empty: of what is nobody's any more.  For a job in the background; on failure false, with err.
 */
bool rag_tend(struct rag *r, struct span tenant, struct span index, struct err *err);

struct rag_finding {
	const char *what; /* "text_hash" */
	struct span document, detail;
};
/*
 * Recomputes hashes, ranges and postings from the texts and compares.  Findings are no errors.
 * progress may be NULL: of documents; -1 ends it with E_cancelled.
 */
int rag_check(struct rag *r, struct span tenant, struct span index,
	      void (*each)(void *arg, const struct rag_finding *finding),
	      int (*progress)(void *arg, int64_t done, int64_t total), void *arg, struct err *err);
/*
 * All that is derived anew from the texts, which are cut as the index is configured now; vectors
 * of equal texts stay.  In steps, each whole by itself: stopped (progress returns -1: E_cancelled)
 * or killed, the next call goes on.  progress may be NULL.
 */
int rag_rebuild(struct rag *r, struct span tenant, struct span index,
		int (*progress)(void *arg, int64_t done, int64_t total), void *arg,
		struct err *err);

#endif
