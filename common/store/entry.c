/*
 * common/store/entry.c - see entry.h.
 */
#include "common/store/entry.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/mem.h"

static_assert(offsetof(struct entry, ids) + 37 <= 192, "with an id of the usual length three lines");
static_assert(RECORD_TEXT_MAX <= UINT8_MAX, "the length of an id fits");

/* The texts of the common part, those that tell records apart first. */
static const struct text {
	size_t at, max;
	bool is_hashed;
} texts[] = {
	{ offsetof(struct record, user_id), RECORD_TEXT_MAX, true },
	{ offsetof(struct record, model), RECORD_TEXT_MAX, true },
	{ offsetof(struct record, token_id), RECORD_NAME_MAX, true },
	{ offsetof(struct record, tenant_id), RECORD_NAME_MAX, false },
	{ offsetof(struct record, resolved_model), RECORD_TEXT_MAX, true },
	{ offsetof(struct record, resolved_backend), RECORD_NAME_MAX, true },
	{ offsetof(struct record, scope_id), RECORD_TEXT_MAX, false },
	{ offsetof(struct record, link_model), RECORD_TEXT_MAX, false },
	{ offsetof(struct record, rate_source), RECORD_RATE_SOURCE_MAX, false },
};

static const char *text_of(const struct record *r, const struct text *t)
{
	const char *text;

	memcpy(&text, (const char *)r + t->at, sizeof text);
	return text ? text : "";
}

uint32_t common_hash(const struct record *r)
{
	uint64_t hash = (uint64_t)(unsigned)r->status << 32 ^ (uint64_t)(unsigned)r->attempts << 8 ^
			(uint64_t)r->error << 16 ^ (uint64_t)r->streamed << 1 ^ r->finished ^
			(uint64_t)(uintptr_t)r->route << 3;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (texts[i].is_hashed) {
			const char *text = text_of(r, &texts[i]);

			hash = bytes_hash(hash, text, strnlen(text, texts[i].max));
		}
	return (uint32_t)(hash >> 32);
}

struct common *common_make(const struct record *r, uint32_t hash)
{
	size_t lengths[ARRAY_LEN(texts)], len = 0;
	struct common *c;
	char *at;
	const char *text;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		len += lengths[i] = strnlen(text_of(r, &texts[i]), texts[i].max);
	len += ARRAY_LEN(texts);
	c = mem_calloc(1, sizeof *c + len);
	c->parcel.kind = PARCEL_COMMON;
	c->hash = hash;
	c->len = len;
	c->like = *r;
	c->like.request_id = c->like.parent_request_id = "";
	at = c->texts;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		memcpy(at, text_of(r, &texts[i]), lengths[i]);
		text = at;
		memcpy((char *)&c->like + texts[i].at, &text, sizeof text);
		at += lengths[i] + 1;
	}
	return c;
}

/* Whether own is what is kept of text.  Many are empty, and those that differ often do so at once. */
static inline bool has_text(const char *own, const char *text, size_t max)
{
	if (!text)
		return !*own;
	return *own == *text && (!*own || strncmp(own, text, max) == 0);
}

/* All but the texts that are copied. */
static inline bool is_alike(const struct record *a, const struct record *b)
{
	return a->route == b->route && a->status == b->status && a->error == b->error &&
	       a->finished == b->finished && a->streamed == b->streamed && a->attempts == b->attempts &&
	       a->depth == b->depth && a->pseudonymous == b->pseudonymous &&
	       a->cost_source == b->cost_source && a->rate == b->rate && a->method == b->method &&
	       a->surface == b->surface;
}

bool common_is_of(const struct common *c, const struct record *r)
{
	const struct record *own = &c->like;

	if (!is_alike(own, r))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (!has_text(text_of(own, &texts[i]), text_of(r, &texts[i]), texts[i].max))
			return false;
	return true;
}

bool common_is_still_of(const struct common *c, const struct record *before, const struct record *r)
{
	const struct record *own = &c->like;

	return r->epoch && r->epoch == before->epoch && is_alike(own, r) &&
	       r->tenant_id == before->tenant_id && r->token_id == before->token_id &&
	       r->model == before->model && r->resolved_model == before->resolved_model &&
	       r->resolved_backend == before->resolved_backend && r->link_model == before->link_model &&
	       ((r->user_id == r->token_id && before->user_id == before->token_id) ||
		has_text(own->user_id, r->user_id, RECORD_TEXT_MAX)) &&
	       has_text(own->scope_id, r->scope_id, RECORD_TEXT_MAX) &&
	       has_text(own->rate_source, r->rate_source, RECORD_RATE_SOURCE_MAX);
}

/* The id with its NUL at at; its length. */
static uint8_t keep_id(char *at, const char *id)
{
	size_t len = 0;

	if (id && *id) {
		len = strnlen(id, RECORD_TEXT_MAX);
		memcpy(at, id, len);
	}
	at[len] = '\0';
	return (uint8_t)len;
}

static void fill_rest(struct entry *e, const struct record *r)
{
	e->has_rest = r->audio_ms >= 0 || r->characters >= 0 || r->estimated_usd || r->estimated_eur;
	if (!e->has_rest)
		return;
	e->audio_ms = r->audio_ms;
	e->characters = r->characters;
	e->estimated_usd = r->estimated_usd;
	e->estimated_eur = r->estimated_eur;
}

void entry_fill(struct entry *e, const struct record *r, struct common *common)
{
	e->parcel.kind = PARCEL_RECORD;
	e->common = common;
	e->ts_ms = r->ts_ms;
	e->prompt_tokens = r->prompt_tokens;
	e->completion_tokens = r->completion_tokens;
	e->cached_tokens = r->cached_tokens;
	e->reasoning_tokens = r->reasoning_tokens;
	e->cost_usd = r->cost_usd;
	e->cost_eur = r->cost_eur;
	e->cost_billed_usd = r->cost_billed_usd;
	e->cost_billed_eur = r->cost_billed_eur;
	e->latency_us = r->latency_us;
	e->first_byte_us = r->first_byte_us;
	e->upstream_us = r->upstream_us;
	e->bytes_in = r->bytes_in;
	e->bytes_out = r->bytes_out;
	fill_rest(e, r);
	e->request_len = keep_id(e->ids, r->request_id);
	e->parent_len = keep_id(e->ids + e->request_len + 1, r->parent_request_id);
}

void entry_read(const struct entry *e, struct record *r)
{
	*r = e->common->like;
	r->ts_ms = e->ts_ms;
	r->request_id = e->ids;
	r->parent_request_id = e->ids + e->request_len + 1;
	r->prompt_tokens = e->prompt_tokens;
	r->completion_tokens = e->completion_tokens;
	r->cached_tokens = e->cached_tokens;
	r->reasoning_tokens = e->reasoning_tokens;
	r->cost_usd = e->cost_usd;
	r->cost_eur = e->cost_eur;
	r->cost_billed_usd = e->cost_billed_usd;
	r->cost_billed_eur = e->cost_billed_eur;
	r->latency_us = e->latency_us;
	r->first_byte_us = e->first_byte_us;
	r->upstream_us = e->upstream_us;
	r->bytes_in = e->bytes_in;
	r->bytes_out = e->bytes_out;
	r->audio_ms = e->has_rest ? e->audio_ms : -1;
	r->characters = e->has_rest ? e->characters : -1;
	r->estimated_usd = e->has_rest ? e->estimated_usd : 0;
	r->estimated_eur = e->has_rest ? e->estimated_eur : 0;
}
