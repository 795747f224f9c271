/* Tests of rag_check and rag_rebuild of common/rag/rag.h. */
#include "tests/support/rag_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

static void put_manual(struct rag_stage *s)
{
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };
	struct rag_document_in in = { .name = SPAN_INIT("manual.md"), .mtime_us = -1 };
	struct rag_put_result result;
	struct buf text;

	buf_init(&text, MIB);
	buf_add_str(&text, "# Manual\n\nHow it is d\xc3\xb6ne.\n\n");
	for (int i = 0; i < 40; i++)
		buf_printf(&text,
			   "## Part %d\n\nThe zebra number %d grazes on the plain; the lion of %d "
			   "looks on. It is the same every day, and the gra\xc3\x9f grows.\n\n",
			   i, i, i * 3);
	in.content = buf_span(&text);
	in.meta = SPAN_LIT("{\"lang\":\"en\"}");
	if (rag_put(s->rag, acme, docs, &how, &in, 1, &s->arena, &result, &s->err) < 0)
		fail_msg("%s", s->err.message);
	buf_free(&text);
}

static void make(struct rag_stage *s)
{
	put_manual(s);
	stage_put(s, "a", "The zebra grazes.");
	stage_put(s, "b", "The lion sleeps.");
	stage_put(s, "empty", "");
	stage_put(s, "a", "The whale dives.");
}

static void an_index_as_it_was_made_is_clean(void **state)
{
	struct rag_stage *s = *state;

	make(s);
	assert_string_equal(stage_findings(s), "");
	while (rag_tend(s->rag, acme, docs, &s->err))
		;
	assert_string_equal(stage_findings(s), "");
	stage_erase(s, "manual.md");
	assert_string_equal(stage_findings(s), "");
}

static void change(struct rag_stage *s, const char *sql)
{
	char path[128];
	struct db *db;

	snprintf(path, sizeof(path), "%s/acme.db", s->dir);
	db = db_open(path, DB_WRITE, &s->err);
	assert_non_null(db);
	if (db_exec(db, sql, &s->err) < 0)
		fail_msg("%s", s->err.message);
	db_close(db);
}

static void what_was_changed_behind_its_back_is_found(void **state)
{
	static const struct {
		const char *sql, *finding;
	} cases[] = {
		{ "UPDATE rag_document SET text_hash = zeroblob(32) WHERE name = 'a'",
		  "text_hash" },
		{ "UPDATE rag_part SET coding = 0, text = CAST('The snail dives.' || char(10) AS "
		  "BLOB)"
		  " WHERE size = 17 AND document_id ="
		  " (SELECT max(id) FROM rag_document WHERE name = 'a')",
		  "text_hash postings" },
		{ "DELETE FROM rag_part WHERE document_id ="
		  " (SELECT max(id) FROM rag_document WHERE name = 'b')",
		  "text" },
		{ "UPDATE rag_index SET documents = 99", "counts" },
		{ "UPDATE rag_index SET chunks = chunks + 1", "counts" },
		{ "UPDATE rag_segment SET bytes = zeroblob(100) WHERE id ="
		  " (SELECT max(id) FROM rag_segment)",
		  "segments" },
		{ "DELETE FROM rag_gone", "postings" },
	};
	struct rag_stage *s = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		make(s);
		change(s, cases[i].sql);
		stage_open_again(s);
		if (strcmp(stage_findings(s), cases[i].finding) != 0)
			fail_msg("%s: %s", cases[i].sql, stage_findings(s));
		assert_int_equal(rag_index_delete(s->rag, acme, docs, &s->err), 0);
	}
}

static int64_t chunks_of(struct rag_stage *s, const char *name)
{
	struct rag_document_info info;

	if (rag_document_get(s->rag, acme, docs, span_str(name), &s->arena, &info, NULL, &s->err) <
	    0)
		fail_msg("%s", s->err.message);
	assert_true(info.meta.len >= 2);
	return info.chunks;
}

static void a_rebuilt_index_is_cut_as_it_is_configured(void **state)
{
	const struct rag_config small = { .chunk_target = 100, .chunk_max = 200 };
	struct rag_stage *s = *state;
	int64_t before;

	make(s);
	before = chunks_of(s, "manual.md");
	assert_int_equal(rag_index_configure(s->rag, acme, docs, &small, &s->err), 0);
	assert_int_equal(rag_rebuild(s->rag, acme, docs, NULL, NULL, &s->err), 0);
	assert_true(chunks_of(s, "manual.md") > 2 * before);
	assert_string_equal(stage_findings(s), "");
	assert_string_equal(stage_found(s, "whale"), "a");
	while (rag_tend(s->rag, acme, docs, &s->err))
		;
	assert_string_equal(stage_findings(s), "");
	assert_int_equal(chunks_of(s, "empty"), 0);
}

static int stop(void *arg, int64_t done, int64_t total)
{
	int *calls = arg;

	assert_true(done <= total);
	return ++*calls < 2 ? 0 : -1;
}

static void a_stopped_rebuild_goes_on(void **state)
{
	struct rag_stage *s = *state;
	int calls = 0, steps = 0, result;

	for (int i = 0; i < 600; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		stage_put(s, name, name);
	}
	do {
		calls = 1;
		result = rag_rebuild(s->rag, acme, docs, stop, &calls, &s->err);
		if (result < 0)
			assert_int_equal(s->err.code, E_cancelled);
		assert_string_equal(stage_findings(s), "");
		stage_open_again(s);
		steps++;
	} while (result < 0 && steps < 10);
	assert_int_equal(steps, 4);
}

struct steps {
	int64_t last, total;
	int left;
};

static int count_step(void *arg, int64_t done, int64_t total)
{
	struct steps *steps = arg;

	assert_int_equal(done, steps->last + 1);
	steps->last = done;
	steps->total = total;
	return --steps->left >= 0 ? 0 : -1;
}

static void find_nothing(void *arg, const struct rag_finding *finding)
{
	(void)arg;
	fail_msg("%s", finding->what);
}

static void a_check_tells_how_far_it_is_and_can_be_stopped(void **state)
{
	struct steps steps = { .left = 10 };
	struct rag_stage *s = *state;

	make(s);
	assert_int_equal(rag_check(s->rag, acme, docs, find_nothing, count_step, &steps, &s->err), 0);
	assert_int_equal(steps.last, 4);
	assert_int_equal(steps.total, 4);
	steps = (struct steps){ .left = 1 };
	assert_int_equal(rag_check(s->rag, acme, docs, find_nothing, count_step, &steps, &s->err), -1);
	assert_int_equal(s->err.code, E_cancelled);
	assert_int_equal(steps.last, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_index_as_it_was_made_is_clean),
		TEST(what_was_changed_behind_its_back_is_found),
		TEST(a_rebuilt_index_is_cut_as_it_is_configured),
		TEST(a_stopped_rebuild_goes_on),
		TEST(a_check_tells_how_far_it_is_and_can_be_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
