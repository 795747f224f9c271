/*
 * tests/support/indices_read.c - questions of all kinds while everything changes; what is found is
 * compared with the text that its version must have.
 */
#include "tests/support/indices.h"

#include "common/rag/retrieve.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIMENSIONS = 8, TOP = 20, MEMORY = 16 << 20 };

static uint32_t below(struct reader *r, uint32_t max)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return (uint32_t)(r->random >> 33) % max;
}

static bool wrong(struct reader *r, const char *what, struct span name, const char *why)
{
	snprintf(r->message, sizeof(r->message), "%s %.*s: %s", what, SPAN_ARGS(name), why);
	return false;
}

/* Of its name and version; text is what stands there from start on. */
static bool says(const struct rag_document_info *d, size_t start, struct span text)
{
	char expected[TEXT_MAX];
	size_t len = indices_text((int)strtol(d->name.ptr + 1, NULL, 10), d->mtime_us, expected);

	return start + text.len <= len && memcmp(expected + start, text.ptr, text.len) == 0;
}

/* ---- a question ---- */

static struct retrieve_question question(struct reader *r, char *text, size_t size, float *vector)
{
	static const char *const things[] = { "birds", "fish", "weather", "sea", "chunks" };
	struct retrieve_question q = { .top_k = 1 + below(r, TOP),
				       .mode = (enum retrieve_mode)below(r, 4),
				       .scope = (enum retrieve_scope)below(r, 3),
				       .fusion = below(r, 2) ? FUSION_CONVEX : FUSION_RRF,
				       .dense_weight = NAN };

	snprintf(text, size, "what does number %u say about the %s and the %s", below(r, 1000),
		 things[below(r, 5)], things[below(r, 5)]);
	q.text = span_str(text);
	if (below(r, 3) == 0)
		q.filter = SPAN_LIT("{\"third\":true}");
	if (below(r, 4) == 0)
		q.before = SPAN_LIT("And the fish?");
	if (below(r, 2) == 0) {
		for (size_t i = 0; i < DIMENSIONS; i++)
			vector[i] = (float)below(r, 255) - 127.5F;
		q.vector = vector;
		q.dimensions = DIMENSIONS;
		q.model = SPAN_LIT("m");
	}
	return q;
}

static bool check_hits(struct reader *r, const struct retrieve_question *q,
		       const struct retrieve_answer *answer)
{
	for (size_t i = 0; i < answer->count; i++) {
		const struct retrieve_hit *hit = &answer->hits[i];

		r->hits++;
		if (!says(&hit->document, hit->start, hit->text))
			return wrong(r, "hit", hit->document.name, "not what its document says");
		if (q->filter.len > 0 && hit->document.meta.len < 10)
			return wrong(r, "hit", hit->document.name, "the filter leaves it out");
	}
	return true;
}

static bool ask(struct reader *r, struct arena *a)
{
	struct retrieve_answer answer;
	struct err err = ERR_INIT;
	float vector[DIMENSIONS];
	char text[128];
	struct retrieve_question q = question(r, text, sizeof(text), vector);

	r->questions++;
	if (retrieve(r->rag, indices_tenant, indices_index, &q, a, &answer, &err) < 0)
		return wrong(r, "question", q.text, err.message);
	return check_hits(r, &q, &answer);
}

/* ---- a document ---- */

static bool get(struct reader *r, struct arena *a)
{
	struct rag_document_info info;
	struct err err = ERR_INIT;
	struct span text;
	char name[16];

	snprintf(name, sizeof(name), "d%u", below(r, DOCUMENTS));
	if (rag_document_get(r->rag, indices_tenant, indices_index, span_str(name), a, &info, &text,
			     &err) < 0)
		return err.code == E_rag_document_not_found ||
		       wrong(r, "document", span_str(name), err.message);
	return says(&info, 0, text) || wrong(r, "document", info.name, "not what was put");
}

static int count_chunks(void *arg, const struct rag_document_info *d)
{
	*(int64_t *)arg += d->chunks;
	return 0;
}

static bool list(struct reader *r, struct arena *a)
{
	struct rag_index_info info;
	struct err err = ERR_INIT;
	int64_t chunks = 0;

	if (rag_document_each(r->rag, indices_tenant, indices_index, SPAN_NONE, SPAN_NONE, -1,
			      count_chunks, &chunks, &err) < 0 ||
	    rag_index_get(r->rag, indices_tenant, indices_index, a, &info, &err) < 0)
		return wrong(r, "index", indices_index, err.message);
	return true;
}

bool indices_read(struct reader *r)
{
	struct arena a;
	bool result = true;

	arena_init(&a, MEMORY);
	while (result && !atomic_load(r->stop)) {
		uint32_t dice = below(r, 100);

		arena_reset(&a);
		result = dice < 80 ? ask(r, &a) : dice < 95 ? get(r, &a) : list(r, &a);
	}
	arena_clear(&a);
	return result;
}
