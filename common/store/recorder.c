/*
 * common/store/recorder.c - the common parts that this thread has made, by their hash.
 */
#include "common/store/recorder.h"

#include "common/base/mem.h"
#include "common/store/store_inside.h"

enum { SLOTS = 1024 }; /* a power of two */

struct recorder {
	struct queue *queue;
	struct writer *writer;
	struct common *last;  /* of the record before, and most likely of the next */
	struct record before; /* one of those; what it borrowed may be gone */
	struct common *slots[SLOTS];
};

struct recorder *recorder_new(struct store *s)
{
	struct recorder *r;

	if (!s)
		return NULL;
	r = mem_new(struct recorder);
	r->queue = s->queue;
	r->writer = s->writer;
	return r;
}

static void push_parcel(struct recorder *r, struct parcel *p)
{
	if (queue_push(r->queue, p))
		writer_wake(r->writer);
}

void recorder_free(struct recorder *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		if (r->slots[i])
			push_parcel(r, &r->slots[i]->parcel);
	mem_free(r);
}

/* One that made room goes behind the records that name it: the queue keeps a thread's order. */
static struct common *find_common(struct recorder *r, const struct record *record)
{
	uint32_t hash = common_hash(record);
	struct common **slot = &r->slots[hash & (SLOTS - 1)];

	if (*slot && (*slot)->hash == hash && common_is_of(*slot, record))
		return *slot;
	if (*slot)
		push_parcel(r, &(*slot)->parcel);
	*slot = common_make(record, hash);
	return *slot;
}

void recorder_keep(struct recorder *r, const struct record *record)
{
	struct entry *e = r ? queue_entry(r->queue) : NULL;

	if (!e) {
		if (r)
			writer_count_dropped(r->writer);
		return;
	}
	if (!r->last || !common_is_still_of(r->last, &r->before, record)) {
		if (!r->last || !common_is_of(r->last, record))
			r->last = find_common(r, record);
		r->before = *record;
	}
	entry_fill(e, record, r->last);
	push_parcel(r, &e->parcel);
}
