/*
 * common/rag/latent.h - chunks that are about the same things, found without the same words.
 *
 * A latent semantic space computed from the index itself: the 64 or 128 directions in
 * which its chunks (log tf x idf of their terms) differ most, by subspace iteration from a fixed
 * start.  Each chunk is a row of int8 numbers there, a question a point; near is alike.  Alone it
 * ranks worse than lexical.h, as a second voice (fusion.h) it helps.
 *
 * Two kinds of packed bytes, both used as they lie, at any alignment, borrowed until closed: the
 * space (terms and their directions; for the whole index, made now and then), and the rows of one
 * segment in a space, row for row.  A new segment is folded into the space that is there; a merged
 * one again.  Rows of another space do not open.  Bytes that were forged, with a right checksum,
 * give wrong hits, but nothing reads outside them.
 *
 * What is open does not change; any thread, each search with its own scratch.
 */
#ifndef SPASS_RAG_LATENT_H
#define SPASS_RAG_LATENT_H

#include "common/rag/lexical.h"

enum {
	LATENT_DIMENSIONS = 64,
	LATENT_DIMENSIONS_MAX = 128,
	LATENT_ROWS_MIN = 200,    /* fewer chunks make no space worth having */
	LATENT_ROWS_WIDE = 50000, /* up to so many the wider one costs little and ranks better */
};

/* ---- the space ---- */

struct latent_options {
	size_t dimensions; /* 64 or 128; 0 = 128 up to LATENT_ROWS_WIDE rows, 64 above */
	/* Called now and then with the part that is done, 0..1; false ends the work.  Or NULL. */
	bool (*go_on)(void *data, double done);
	void *data;
};

/*
 * Appends the space of all rows of view that are not dead (only is not looked at) to out.  The same
 * rows give the same space, whatever segments they are in.  Returns 1 when it did, 0 when there are
 * too few rows or words for one, -1: E_cancelled or E_too_large.  options may be NULL.
 */
int latent_build(const struct lexical_view *view, const struct latent_options *options,
		 struct buf *out, struct err *err);

struct latent_space;
/* NULL with E_storage_error when bytes are none, damaged or of another version. */
struct latent_space *latent_space_open(struct span bytes, struct err *err);
void latent_space_close(struct latent_space *s);
size_t latent_space_dimensions(const struct latent_space *s);
/* Whether an index of so many rows has outgrown it: a fifth more, or half of them gone. */
bool latent_space_is_due(const struct latent_space *s, uint64_t rows);

/* ---- rows ---- */

/* Appends the rows of a segment, the dead ones too.  -1: E_too_large. */
int latent_fold(const struct latent_space *space, const struct segment *segment, struct buf *out,
		struct err *err);

struct latent_rows;
/*
 * Of that segment in that space, which it does not borrow.  NULL with E_storage_error when bytes
 * are not, or are damaged.
 */
struct latent_rows *latent_rows_open(const struct latent_space *space,
				     const struct segment *segment, struct span bytes,
				     struct err *err);
void latent_rows_close(struct latent_rows *r);

/* ---- finding ---- */

/* As struct lexical_view has it, with the same numbers of rows. */
struct latent_view {
	const struct latent_space *space;
	const struct latent_rows *const *rows; /* by segment; NULL for one not yet folded */
	const uint32_t *first;
	size_t count;
	const uint64_t *dead;
	const uint64_t *only;
};

struct latent_hit {
	uint32_t row;
	float score; /* cosine, above 0 */
};

struct latent_scratch;
struct latent_scratch *latent_scratch_new(void);
void latent_scratch_free(struct latent_scratch *s);
/*
 * The best max hits, best first, equal ones by row; returns how many.  None when the space knows
 * no word of the question.
 */
size_t latent_search(const struct latent_view *view, struct span question,
		     struct latent_scratch *scratch, struct latent_hit *hits, size_t max);

#endif
