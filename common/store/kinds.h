/*
 * common/store/kinds.h - what many records have in common, kept once.
 *
 * A kind has a row in usage_kind, which the rows of its records name; its parts of a line of the
 * audit; and the sum of its records in the present batch.  Owner thread: the writer's.  Internal
 * to common/store.
 */
#ifndef SPASS_STORE_KINDS_H
#define SPASS_STORE_KINDS_H

#include "common/store/entry.h"
#include "common/store/usage_day.h"

struct kind {
	struct kind *next;     /* private: of the same slot */
	struct common *common; /* a copy of its own */
	int64_t number;        /* of its row; 0: has none */
	struct record_frame frame;
	char *frame_text;      /* NULL: the frame is not printed yet */
	struct kind *next_summed;
	int64_t day;           /* of sum, which counts a request or is empty */
	struct usage_sum sum;
};

struct kinds;

struct kinds *kinds_new(void);
void kinds_free(struct kinds *k);
/* Between batches: forgets all when there are many. */
void kinds_begin(struct kinds *k);
/* That of c, whoever made it; made when there is none.  Borrowed until kinds_begin. */
struct kind *kinds_find(struct kinds *k, struct common *c);
/* None has a row any more. */
void kinds_unnumber(struct kinds *k);

/* Adds a record to the sum of its kind, which was found. */
void kinds_add(struct kinds *k, const struct entry *e, struct usage_batch *b);
/* Moves all sums into b. */
void kinds_sum_up(struct kinds *k, struct usage_batch *b);

#endif
