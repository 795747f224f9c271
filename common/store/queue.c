/*
 * common/store/queue.c - a stack of parcels taken as a whole, and a stack of free entries.
 *
 * Parcels: producers push by compare-and-swap, the consumer swaps the whole chain out and turns
 * it round, so nothing can be taken from under it.  Free entries are popped by many, which is
 * where an address may come back between a look and a swap; so they go by index, with a count of
 * changes in the upper half of the head.
 */
#include "common/store/queue.h"

#include <assert.h>
#include <pthread.h>

#include "common/base/mem.h"

enum { SLAB_ENTRIES = 128, SLABS_MAX = 1024, CACHE_LINE = 64 };

/* A line of the processor's cache for each: producers and the consumer write them all the time. */
struct queue {
	_Atomic(struct parcel *) newest; /* &resting: the consumer sleeps */
	char apart[CACHE_LINE];
	_Atomic uint64_t free;            /* changes << 32 | index, 0 = none */
	char apart_too[CACHE_LINE];
	struct parcel resting;
	pthread_mutex_t lock; /* protects slab_count */
	size_t slab_count, slab_max;
	_Atomic(struct entry *) slabs[SLABS_MAX];
};

struct queue *queue_new(size_t max)
{
	struct queue *q = NULL;
	size_t slabs = (max + SLAB_ENTRIES - 1) / SLAB_ENTRIES;

	assert(max > 0 && slabs <= SLABS_MAX);
	q = mem_new(struct queue);
	q->slab_max = slabs;
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->slab_count; i++)
		mem_free(atomic_load_explicit(&q->slabs[i], memory_order_relaxed));
	pthread_mutex_destroy(&q->lock);
	mem_free(q);
}

static struct entry *entry_at(struct queue *q, uint32_t index)
{
	struct entry *slab = atomic_load_explicit(&q->slabs[(index - 1) / SLAB_ENTRIES],
						  memory_order_acquire);

	return &slab[(index - 1) % SLAB_ENTRIES];
}

/* Gives back a chain by next_free. */
static void push_free(struct queue *q, uint32_t first, struct entry *last)
{
	uint64_t old = atomic_load_explicit(&q->free, memory_order_relaxed), new;

	do {
		atomic_store_explicit(&last->next_free, (uint32_t)old, memory_order_relaxed);
		new = ((old >> 32) + 1) << 32 | first;
	} while (!atomic_compare_exchange_weak_explicit(&q->free, &old, new, memory_order_release,
							memory_order_relaxed));
}

static struct entry *pop_free(struct queue *q)
{
	uint64_t old = atomic_load_explicit(&q->free, memory_order_acquire), new;
	struct entry *e;

	do {
		if ((uint32_t)old == 0)
			return NULL;
		e = entry_at(q, (uint32_t)old);
		new = ((old >> 32) + 1) << 32 |
		      atomic_load_explicit(&e->next_free, memory_order_relaxed);
	} while (!atomic_compare_exchange_weak_explicit(&q->free, &old, new, memory_order_acquire,
							memory_order_acquire));
	return e;
}

/* A further slab: one entry for the caller, the others for all. */
static struct entry *grow(struct queue *q)
{
	struct entry *slab = NULL, *result = NULL;
	uint32_t first;

	pthread_mutex_lock(&q->lock);
	/* Another thread may have grown it while this one waited. */
	result = pop_free(q);
	if (result || q->slab_count == q->slab_max)
		goto out;
	slab = mem_calloc(SLAB_ENTRIES, sizeof(*slab));
	first = (uint32_t)(q->slab_count * SLAB_ENTRIES + 1);
	for (uint32_t i = 0; i < SLAB_ENTRIES; i++) {
		slab[i].index = first + i;
		atomic_store_explicit(&slab[i].next_free, first + i + 1, memory_order_relaxed);
	}
	atomic_store_explicit(&q->slabs[q->slab_count++], slab, memory_order_release);
	push_free(q, first + 1, &slab[SLAB_ENTRIES - 1]);
	result = &slab[0];
out:
	pthread_mutex_unlock(&q->lock);
	return result;
}

struct entry *queue_entry(struct queue *q)
{
	struct entry *e = pop_free(q);

	return e ? e : grow(q);
}

void queue_release(struct queue *q, struct entry *const *entries, size_t count)
{
	if (count == 0)
		return;
	for (size_t i = 0; i + 1 < count; i++)
		atomic_store_explicit(&entries[i]->next_free, entries[i + 1]->index,
				      memory_order_relaxed);
	push_free(q, entries[0]->index, entries[count - 1]);
}

bool queue_push(struct queue *q, struct parcel *m)
{
	struct parcel *old = atomic_load_explicit(&q->newest, memory_order_relaxed);

	do
		m->next = old == &q->resting ? NULL : old;
	while (!atomic_compare_exchange_weak_explicit(&q->newest, &old, m, memory_order_release,
						      memory_order_relaxed));
	return old == &q->resting;
}

struct parcel *queue_take(struct queue *q)
{
	struct parcel *newest = atomic_exchange_explicit(&q->newest, NULL, memory_order_acquire);
	struct parcel *oldest = NULL;

	if (newest == &q->resting)
		return NULL;
	while (newest) {
		struct parcel *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	return oldest;
}

bool queue_rest(struct queue *q)
{
	struct parcel *none = NULL;

	return atomic_compare_exchange_strong_explicit(&q->newest, &none, &q->resting,
						       memory_order_relaxed, memory_order_relaxed) ||
	       none == &q->resting;
}
