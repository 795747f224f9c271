/* Tests of common/rag/rag.h under many threads: readers, one who writes, one who tends. */
#include "tests/support/rag_stage.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

enum { READERS = 8, WRITES = 150, DOCUMENTS = 20 };

struct shared {
	struct rag_stage *stage;
	atomic_bool stop;
	atomic_int wrong;
};

/* A text with its number in it twice, so that half of one would be seen. */
static void text_of(int document, int version, char *out, size_t size)
{
	snprintf(out, size, "Number%dx%d begins.\n\nThe zebra of %d grazes.\n\nNumber%dx%d ends.\n",
		 document, version, document, document, version);
}

static bool is_whole(struct span text)
{
	char begin[32], end[32];
	size_t at = text.len - strlen(" ends.\n");

	snprintf(begin, sizeof(begin), "%.*s", (int)strcspn(text.ptr, " "), text.ptr);
	snprintf(end, sizeof(end), "%.*s", (int)strlen(begin), text.ptr + at - strlen(begin));
	return strcmp(begin, end) == 0;
}

/* One question: all that is found is there, whole, of one moment. */
static bool ask(struct rag *r, struct lexical_scratch *scratch, struct arena *a)
{
	struct lexical_hit hits[DOCUMENTS];
	struct err err = ERR_INIT;
	struct rag_view view;
	bool result = true;
	size_t count;

	if (rag_view_open(r, acme, docs, &view, &err) < 0)
		return false;
	count = lexical_search(&view.snapshot->lexical, SPAN_LIT("zebra"), scratch, hits,
			       DOCUMENTS);
	result = (int64_t)count == view.snapshot->chunks;
	for (size_t i = 0; i < count && result; i++) {
		struct rag_document_info info;
		struct rag_chunk chunk;

		result = rag_view_chunk(&view, rag_snapshot_chunk(view.snapshot, hits[i].row), true,
					a, &chunk, &err) == 0 &&
			 rag_view_document(&view, chunk.document, a, &info, &err) == 0 &&
			 is_whole(chunk.text);
	}
	rag_view_close(&view);
	return result;
}

static void *read_all_the_time(void *data)
{
	struct shared *s = data;
	struct lexical_scratch *scratch = lexical_scratch_new();
	struct arena a;

	arena_init(&a, 16 * MIB);
	while (!atomic_load(&s->stop)) {
		arena_reset(&a);
		if (!ask(s->stage->rag, scratch, &a))
			atomic_fetch_add(&s->wrong, 1);
	}
	arena_clear(&a);
	lexical_scratch_free(scratch);
	return NULL;
}

static void *tend_all_the_time(void *data)
{
	struct shared *s = data;
	struct err err = ERR_INIT;

	while (!atomic_load(&s->stop)) {
		rag_tend(s->stage->rag, acme, docs, &err);
		rag_tend(s->stage->rag, acme, SPAN_NONE, &err);
		if (err.code != E_none)
			atomic_fetch_add(&s->wrong, 1);
	}
	return NULL;
}

static void put_version(struct rag_stage *s, int i)
{
	char name[16], text[256];

	snprintf(name, sizeof(name), "d%d", i % DOCUMENTS);
	text_of(i % DOCUMENTS, i, text, sizeof(text));
	stage_put(s, name, text);
}

static void readers_see_whole_documents_of_one_moment(void **state)
{
	struct rag_stage *s = *state;
	struct shared shared = { .stage = s };
	pthread_t readers[READERS], tender;

	put_version(s, 0);
	for (size_t i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, read_all_the_time, &shared), 0);
	assert_int_equal(pthread_create(&tender, NULL, tend_all_the_time, &shared), 0);
	for (int i = 1; i < WRITES; i++) {
		put_version(s, i * 7);
		if (i % 5 == 0) {
			char name[16];

			snprintf(name, sizeof(name), "d%d", i % DOCUMENTS);
			stage_erase(s, name);
		}
	}
	atomic_store(&shared.stop, true);
	for (size_t i = 0; i < READERS; i++)
		pthread_join(readers[i], NULL);
	pthread_join(tender, NULL);
	assert_int_equal(atomic_load(&shared.wrong), 0);
	assert_string_equal(stage_findings(s), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(readers_see_whole_documents_of_one_moment),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
