/*
 * tests/support/rag_stage.c - see rag_stage.h.
 */
#include "tests/support/rag_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/tree.h"

enum { PENDING_MAX = 16 };

const struct span acme = SPAN_INIT("acme"), docs = SPAN_INIT("docs");

int stage_make(void **state)
{
	struct rag_stage *s = mem_new(struct rag_stage);

	snprintf(s->dir, sizeof(s->dir), "/tmp/spass-rag-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	s->options.dir = s->dir;
	s->rag = rag_open(&s->options, &s->err);
	assert_non_null(s->rag);
	arena_init(&s->arena, 64 * MIB);
	*state = s;
	return 0;
}

int stage_remove(void **state)
{
	struct rag_stage *s = *state;

	rag_close(s->rag);
	arena_clear(&s->arena);
	tree_remove(s->dir);
	mem_free(s);
	return 0;
}

void stage_open_again(struct rag_stage *s)
{
	rag_close(s->rag);
	s->rag = rag_open(&s->options, &s->err);
	assert_non_null(s->rag);
}

struct rag_document_in text_document(const char *name, const char *text)
{
	return (struct rag_document_in){ .name = span_str(name),
					 .type = span_str("text/plain"),
					 .content = span_str(text),
					 .mtime_us = -1 };
}

/* Puts one; what came of it. */
enum rag_put_what stage_put(struct rag_stage *s, const char *name, const char *text)
{
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };
	struct rag_document_in in = text_document(name, text);
	struct rag_put_result result;

	if (rag_put(s->rag, acme, docs, &how, &in, 1, &s->arena, &result, &s->err) < 0)
		fail_msg("%s", s->err.message);
	if (result.what == RAG_FAILED)
		fail_msg("%s", result.err.message);
	return result.what;
}

int64_t stage_erase(struct rag_stage *s, const char *name)
{
	struct span names[] = { span_str(name) };
	int64_t gone;

	assert_int_equal(rag_document_delete(s->rag, acme, docs, names, 1, &gone, NULL, &s->err), 0);
	return gone;
}

/* The names of the documents whose chunks have the word, best first, "a b"; into the arena. */
const char *stage_found(struct rag_stage *s, const char *question)
{
	struct lexical_scratch *scratch = lexical_scratch_new();
	struct lexical_hit hits[16];
	struct rag_view view;
	struct buf names;
	size_t count;
	char *result;

	buf_init(&names, 4096);
	if (rag_view_open(s->rag, acme, docs, &view, &s->err) < 0)
		fail_msg("%s", s->err.message);
	count = lexical_search(&view.snapshot->lexical, span_str(question), scratch, hits, 16);
	for (size_t i = 0; i < count; i++) {
		int64_t id = rag_snapshot_chunk(view.snapshot, hits[i].row);
		struct rag_document_info info;
		struct rag_chunk chunk;
		struct span text;

		assert_int_equal(rag_snapshot_row(view.snapshot, id), hits[i].row);
		assert_int_equal(rag_view_chunk(&view, id, true, &s->arena, &chunk, &s->err), 0);
		assert_int_equal(
			rag_view_document(&view, chunk.document, &s->arena, &info, &s->err), 0);
		assert_int_equal(rag_view_text(&view, &info, chunk.start, chunk.end, &s->arena,
					       &text, &s->err),
				 0);
		assert_true(span_equal(text, chunk.text));
		if (names.len > 0)
			buf_add_char(&names, ' ');
		buf_add_span(&names, info.name);
	}
	rag_view_close(&view);
	lexical_scratch_free(scratch);
	result = arena_strdup(&s->arena, buf_str(&names));
	buf_free(&names);
	return result;
}

int64_t stage_generation(struct rag_stage *s)
{
	struct rag_index_info info;

	if (rag_index_get(s->rag, acme, docs, &s->arena, &info, &s->err) < 0)
		fail_msg("%s", s->err.message);
	return info.generation;
}

static void add_finding(void *arg, const struct rag_finding *finding)
{
	struct buf *found = arg;

	if (found->len > 0)
		buf_add_char(found, ' ');
	buf_add_str(found, finding->what);
}

const char *stage_findings(struct rag_stage *s)
{
	struct buf found;
	char *result;

	buf_init(&found, 4096);
	if (rag_check(s->rag, acme, docs, add_finding, NULL, &found, &s->err) < 0)
		fail_msg("%s", s->err.message);
	result = arena_strdup(&s->arena, buf_str(&found));
	buf_free(&found);
	return result;
}

void stage_direction(struct span text, float *out, size_t dimensions)
{
	uint64_t state = 88172645463325252u;

	for (size_t i = 0; i < text.len; i++)
		state = (state ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	for (size_t i = 0; i < dimensions; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		out[i] = (float)(int32_t)(state >> 32) / (float)INT32_MAX;
	}
}

size_t stage_embed_some(struct rag_stage *s, const char *model, size_t dimensions)
{
	struct rag_pending pending[PENDING_MAX];
	float vectors[PENDING_MAX * STAGE_DIMENSIONS_MAX];
	size_t count;

	assert_true(dimensions <= STAGE_DIMENSIONS_MAX);
	if (rag_pending(s->rag, acme, docs, span_str(model), 0, &s->arena, pending, PENDING_MAX,
			1 << 20, &count, &s->err) < 0)
		fail_msg("%s", s->err.message);
	for (size_t i = 0; i < count; i++)
		stage_direction(pending[i].text, vectors + i * dimensions, dimensions);
	if (count > 0 && rag_vectors_put(s->rag, acme, docs, span_str(model), pending, count,
					 vectors, dimensions, &s->err) < 0)
		fail_msg("%s", s->err.message);
	return count;
}

size_t stage_embed(struct rag_stage *s, const char *model, size_t dimensions)
{
	size_t sum = 0, count;

	while ((count = stage_embed_some(s, model, dimensions)) > 0)
		sum += count;
	return sum;
}

const char *stage_order(struct rag_stage *s, const struct retrieve_question *q, struct retrieve_answer *answer)
{
	char *names;

	if (retrieve(s->rag, acme, docs, q, &s->arena, answer, &s->err) < 0)
		fail_msg("%s", s->err.message);
	names = arena_alloc(&s->arena, answer->count + 1);
	for (size_t i = 0; i < answer->count; i++)
		names[i] = answer->hits[i].document.name.ptr[0];
	names[answer->count] = '\0';
	return names;
}
