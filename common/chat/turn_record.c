/*
 * common/chat/turn_record.c - see turn_record.h.
 */
#include "common/chat/turn_record.h"

#include <assert.h>

/* source: room for the rate's. */
static void fill_bill(struct record *r, const struct bill *b, char source[RATE_SOURCE_MAX])
{
	static_assert(RATE_SOURCE_MAX == RECORD_RATE_SOURCE_MAX + 1, "a rate's source fits");
	r->cost_source = b ? cost_source_name(b->source) : "";
	r->cost_usd = b ? b->usd : MONEY_UNKNOWN;
	r->cost_eur = b ? b->eur : MONEY_UNKNOWN;
	r->cost_billed_usd = b ? b->billed_usd : MONEY_UNKNOWN;
	r->cost_billed_eur = b ? b->billed_eur : MONEY_UNKNOWN;
	r->rate = b ? b->rate.eur : MONEY_UNKNOWN;
	r->rate_source = b ? rate_source(&b->rate, source) : "";
}

void turn_record(struct record *r, const struct turn *t, const struct spend *s,
		 char source[RATE_SOURCE_MAX])
{
	const struct target *target = t->target;

	r->resolved_model = target ? target->model : "";
	r->resolved_backend = target ? target->backend->name : "";
	r->link_model = target ? turn_link(&t->size, target) : NULL;
	fill_bill(r, target ? &t->bill : NULL, source);
	r->attempts = t->attempts;
	r->streamed = t->streamed;
	r->prompt_tokens = t->usage.prompt;
	r->completion_tokens = t->usage.completion;
	r->cached_tokens = t->usage.cached;
	r->reasoning_tokens = t->usage.reasoning;
	r->audio_ms = t->usage.audio_ms;
	r->characters = t->usage.characters;
	r->upstream_us = t->waited_us;
	r->estimated_usd = s->estimated.usd;
	r->estimated_eur = s->estimated.eur;
}

static void count_cost(struct metrics_shard *shard, const char *tenant, const char *model,
		       const struct bill *b)
{
	if (b->usd < 0) {
		metrics_add_texts(shard, M_spass_cost_unknown_total, 1, TEXTS(tenant, model));
		return;
	}
	metrics_add_texts(shard, M_spass_cost_usd_total, b->usd, TEXTS(tenant, model));
	metrics_add_texts(shard, M_spass_cost_eur_total, b->eur, TEXTS(tenant, model));
}

void turn_count(struct metrics_shard *shard, const struct turn *t, const char *tenant_id,
		int64_t started_us)
{
	static const char input[] = "input", output[] = "output";

	if (!t->attempts)
		return;
	if (t->target)
		count_cost(shard, tenant_id, t->model, &t->bill);
	if (t->usage.prompt >= 0)
		metrics_add_texts(shard, M_spass_tokens_total, t->usage.prompt,
				  TEXTS(t->model, input));
	if (t->usage.completion >= 0)
		metrics_add_texts(shard, M_spass_tokens_total, t->usage.completion,
				  TEXTS(t->model, output));
	if (t->finished && t->usage.prompt < 0 && t->usage.completion < 0)
		metrics_add_texts(shard, M_spass_usage_missing_total, 1, TEXTS(t->model));
	if (t->first_event_us)
		metrics_observe_texts_us(shard, M_spass_first_token_seconds,
					 t->first_event_us - started_us, TEXTS(t->model));
}
