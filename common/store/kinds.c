/*
 * common/store/kinds.c - see kinds.h.
 */
#include "common/store/kinds.h"

#include <string.h>

#include "common/base/mem.h"

enum { SLOTS = 4096, KINDS_MAX = 4096 }; /* slots: a power of two */

struct kinds {
	struct kind *slots[SLOTS];
	uint64_t age; /* grows when all are forgotten; > 0 */
	struct kind *summed;
	size_t count;
};

struct kinds *kinds_new(void)
{
	struct kinds *k = mem_new(struct kinds);

	k->age = 1;
	return k;
}

static void forget_all(struct kinds *k)
{
	for (size_t i = 0; i < SLOTS; i++)
		while (k->slots[i]) {
			struct kind *kind = k->slots[i];

			k->slots[i] = kind->next;
			mem_free(kind->frame_text);
			mem_free(kind->common);
			mem_free(kind);
		}
	k->age++;
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

static struct kind *find_kind(struct kinds *k, const struct common *c)
{
	struct kind **slot = &k->slots[c->hash & (SLOTS - 1)], *kind = *slot;

	while (kind && !(kind->common->hash == c->hash && common_is_of(kind->common, &c->like)))
		kind = kind->next;
	if (kind)
		return kind;
	kind = mem_new(struct kind);
	kind->common = common_make(&c->like, c->hash);
	kind->next = *slot;
	*slot = kind;
	k->count++;
	return kind;
}

struct kind *kinds_find(struct kinds *k, struct common *c)
{
	if (c->kinds_age != k->age) {
		c->kind = find_kind(k, c);
		c->kinds_age = k->age;
	}
	return c->kind;
}

void kinds_unnumber(struct kinds *k)
{
	for (size_t i = 0; i < SLOTS; i++)
		for (struct kind *kind = k->slots[i]; kind; kind = kind->next)
			kind->number = 0;
}

void kinds_add(struct kinds *k, const struct entry *e, struct usage_batch *b)
{
	struct kind *kind = e->common->kind;
	const struct record *like = &kind->common->like;
	int64_t day = e->ts_ms / USAGE_DAY_MS;
	const struct usage_sum one = {
		.requests = 1,
		.unknown = e->cost_usd < 0 && like->resolved_backend[0],
		.prompt_tokens = e->prompt_tokens,
		.completion_tokens = e->completion_tokens,
		.cost_usd = e->cost_usd,
		.cost_eur = e->cost_eur,
		.cost_billed_usd = e->cost_billed_usd,
		.cost_billed_eur = e->cost_billed_eur,
		.estimated_usd = e->has_rest ? e->estimated_usd : 0,
		.estimated_eur = e->has_rest ? e->estimated_eur : 0,
	};

	if (!like->model[0])
		return;
	if (kind->sum.requests == 0) {
		kind->next_summed = k->summed;
		k->summed = kind;
		kind->day = day;
	} else if (kind->day != day) {
		usage_batch_add(b, like, kind->day, &kind->sum);
		kind->sum = (struct usage_sum){ 0 };
		kind->day = day;
	}
	usage_sum_add(&kind->sum, &one);
}

void kinds_sum_up(struct kinds *k, struct usage_batch *b)
{
	for (struct kind *kind = k->summed; kind; kind = kind->next_summed) {
		usage_batch_add(b, &kind->common->like, kind->day, &kind->sum);
		kind->sum = (struct usage_sum){ 0 };
	}
	k->summed = NULL;
}
