/*
 * common/store/kinds.c - see kinds.h.
 */
#include "common/store/kinds.h"

#include <string.h>

#include "common/base/mem.h"

enum { SLOTS = 4096, KINDS_MAX = 4096 }; /* slots: a power of two */

struct kinds {
	struct kind *slots[SLOTS];
	struct kind *last; /* of the record before, and most likely of this one */
	struct kind *summed;
	size_t count;
};

struct kinds *kinds_new(void)
{
	return mem_new(struct kinds);
}

static void forget_all(struct kinds *k)
{
	for (size_t i = 0; i < SLOTS; i++)
		while (k->slots[i]) {
			struct kind *kind = k->slots[i];

			k->slots[i] = kind->next;
			mem_free(kind->frame_text);
			mem_free(kind);
		}
	k->last = NULL;
	k->summed = NULL;
	k->count = 0;
}

void kinds_free(struct kinds *k)
{
	if (!k)
		return;
	forget_all(k);
	mem_free(k);
}

void kinds_begin(struct kinds *k)
{
	if (k->count > KINDS_MAX)
		forget_all(k);
}

static struct kind *make(const struct entry *e, uint32_t hash)
{
	struct kind *kind = mem_calloc(1, sizeof *kind + e->common_len);

	kind->hash = hash;
	kind->like = e->record;
	kind->like.request_id = kind->like.parent_request_id = "";
	kind->len = e->common_len;
	memcpy(kind->texts, e->texts, e->common_len);
	entry_point(&kind->like, kind->texts);
	return kind;
}

struct kind *kinds_find(struct kinds *k, const struct entry *e)
{
	struct kind *kind = k->last;
	uint32_t hash;

	if (kind && entry_is_like(e, &kind->like, kind->texts, kind->len))
		return kind;
	hash = entry_hash(e);
	kind = k->slots[hash & (SLOTS - 1)];
	while (kind && !(kind->hash == hash && entry_is_like(e, &kind->like, kind->texts, kind->len)))
		kind = kind->next;
	if (!kind) {
		kind = make(e, hash);
		kind->next = k->slots[hash & (SLOTS - 1)];
		k->slots[hash & (SLOTS - 1)] = kind;
		k->count++;
	}
	k->last = kind;
	return kind;
}

void kinds_unnumber(struct kinds *k)
{
	for (size_t i = 0; i < SLOTS; i++)
		for (struct kind *kind = k->slots[i]; kind; kind = kind->next)
			kind->number = 0;
}

void kinds_add(struct kinds *k, struct kind *kind, const struct record *r, struct usage_batch *b)
{
	int64_t day = r->ts_ms / USAGE_DAY_MS;

	if (!kind->like.model[0])
		return;
	if (kind->sum.requests == 0) {
		kind->next_summed = k->summed;
		k->summed = kind;
		kind->day = day;
	} else if (kind->day != day) {
		usage_batch_add(b, &kind->like, kind->day, &kind->sum);
		kind->sum = (struct usage_sum){ 0 };
		kind->day = day;
	}
	usage_sum_add(&kind->sum, r);
}

void kinds_sum_up(struct kinds *k, struct usage_batch *b)
{
	for (struct kind *kind = k->summed; kind; kind = kind->next_summed) {
		usage_batch_add(b, &kind->like, kind->day, &kind->sum);
		kind->sum = (struct usage_sum){ 0 };
	}
	k->summed = NULL;
}
