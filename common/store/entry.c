/*
 * common/store/entry.c - see entry.h.
 */
#include "common/store/entry.h"

#include <string.h>

#include "common/base/mem.h"

/* Texts stand behind each other, each with its NUL. */
static char *keep(char *at, const char **text, size_t max)
{
	size_t len = *text ? strnlen(*text, max) : 0;

	memcpy(at, *text ? *text : "", len);
	at[len] = '\0';
	*text = at;
	return at + len + 1;
}

void entry_fill(struct entry *e, const struct record *r)
{
	struct record *own = &e->record;
	char *at = e->texts;

	*own = *r;
	at = keep(at, &own->tenant_id, RECORD_NAME_MAX);
	at = keep(at, &own->token_id, RECORD_NAME_MAX);
	at = keep(at, &own->user_id, RECORD_TEXT_MAX);
	at = keep(at, &own->scope_id, RECORD_TEXT_MAX);
	at = keep(at, &own->model, RECORD_TEXT_MAX);
	at = keep(at, &own->resolved_model, RECORD_TEXT_MAX);
	at = keep(at, &own->resolved_backend, RECORD_NAME_MAX);
	at = keep(at, &own->link_model, RECORD_TEXT_MAX);
	at = keep(at, &own->rate_source, RECORD_RATE_SOURCE_MAX);
	e->common_len = (size_t)(at - e->texts);
	at = keep(at, &own->request_id, RECORD_TEXT_MAX);
	keep(at, &own->parent_request_id, RECORD_TEXT_MAX);
}

static const char *next_text(const char **at)
{
	const char *text = *at;

	*at += strlen(text) + 1;
	return text;
}

void entry_point(struct record *r, const char *texts)
{
	const char **const members[] = { &r->tenant_id, &r->token_id, &r->user_id, &r->scope_id,
					 &r->model, &r->resolved_model, &r->resolved_backend,
					 &r->link_model, &r->rate_source };

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		*members[i] = next_text(&texts);
}

bool entry_is_like(const struct entry *e, const struct record *r, const char *texts, size_t len)
{
	const struct record *own = &e->record;

	return e->common_len == len && memcmp(e->texts, texts, len) == 0 && own->route == r->route &&
	       own->method == r->method && own->surface == r->surface && own->status == r->status &&
	       own->error == r->error && own->finished == r->finished && own->streamed == r->streamed &&
	       own->attempts == r->attempts && own->depth == r->depth &&
	       own->pseudonymous == r->pseudonymous && own->cost_source == r->cost_source &&
	       own->rate == r->rate;
}

uint32_t entry_hash(const struct entry *e)
{
	const struct record *r = &e->record;
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t hash = (uint64_t)(unsigned)r->status << 32 ^ (uint64_t)(unsigned)r->attempts << 8 ^
			(uint64_t)r->error << 16 ^ (uint64_t)r->streamed << 1 ^ r->finished ^
			(uint64_t)(uintptr_t)r->route << 3, word;
	size_t i = 0;

	for (; i + sizeof word <= e->common_len; i += sizeof word) {
		memcpy(&word, e->texts + i, sizeof word);
		hash = (hash ^ word) * prime;
		hash ^= hash >> 29;
	}
	for (; i < e->common_len; i++)
		hash = (hash ^ (unsigned char)e->texts[i]) * prime;
	return (uint32_t)(hash >> 32);
}
