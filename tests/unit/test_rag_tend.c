/* Tests of keeping an index fast: common/rag/rag.h's rag_tend against a plain model of documents.
 */
#include "tests/support/rag_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

/* ---- the model: documents by number, each with some of the words ---- */

enum { DOCUMENTS = 60, WORDS = 24, STEPS = 500 };

static const char *const words[WORDS] = {
	"zebra",    "lion",    "whale",   "ostrich", "badger",  "falcon",  "salmon",  "tiger",
	"rabbit",   "hamster", "turtle",  "penguin", "donkey",  "monkey",  "spider",  "beetle",
	"mosquito", "giraffe", "leopard", "panther", "lobster", "sparrow", "vulture", "weasel",
};

struct model {
	uint32_t has[DOCUMENTS]; /* bits of words; 0 = not there */
};

static uint32_t random_below(uint64_t *state, uint32_t max)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 33) % max;
}

static void put_words(struct rag_stage *s, struct model *m, uint32_t document, uint32_t has)
{
	char name[16];
	struct buf text;

	snprintf(name, sizeof(name), "d%u", (unsigned)document);
	buf_init(&text, 4096);
	for (size_t i = 0; i < WORDS; i++)
		if (has >> i & 1)
			buf_printf(&text, "The %s is here. ", words[i]);
	stage_put(s, name, buf_str(&text));
	buf_free(&text);
	m->has[document] = has;
}

static void erase_words(struct rag_stage *s, struct model *m, uint32_t document)
{
	char name[16];

	snprintf(name, sizeof(name), "d%u", (unsigned)document);
	assert_int_equal(stage_erase(s, name), m->has[document] != 0);
	m->has[document] = 0;
}

static void tend(struct rag_stage *s)
{
	err_clear(&s->err);
	rag_tend(s->rag, acme, docs, &s->err);
	if (s->err.code != E_none)
		fail_msg("%s", s->err.message);
}

static void tend_all(struct rag_stage *s)
{
	int steps = 0;

	err_clear(&s->err);
	while (rag_tend(s->rag, acme, docs, &s->err))
		assert_true(++steps < 1000);
	if (s->err.code != E_none)
		fail_msg("%s", s->err.message);
}

/* Who has the word, by the index. */
static uint64_t documents_with(struct rag_stage *s, const char *word)
{
	struct lexical_scratch *scratch = lexical_scratch_new();
	struct lexical_hit hits[DOCUMENTS + 1];
	struct lexical_match matches[8];
	struct rag_view view;
	uint64_t found = 0;
	size_t count;

	if (rag_view_open(s->rag, acme, docs, &view, &s->err) < 0)
		fail_msg("%s", s->err.message);
	count = lexical_search(&view.snapshot->lexical, span_str(word), scratch, hits,
			       DOCUMENTS + 1);
	for (size_t i = 0; i < count; i++) {
		struct rag_document_info info;
		struct rag_chunk chunk;

		bool has_it = false;
		size_t some = lexical_matches(&view.snapshot->lexical, hits[i].row, scratch,
					      matches, ARRAY_LEN(matches));

		/* Others have a word that is alike. */
		for (size_t k = 0; k < some; k++)
			has_it = has_it || matches[k].weight >= 1;
		if (!has_it)
			continue;
		assert_int_equal(rag_view_chunk(&view,
						rag_snapshot_chunk(view.snapshot, hits[i].row),
						false, &s->arena, &chunk, &s->err),
				 0);
		assert_int_equal(
			rag_view_document(&view, chunk.document, &s->arena, &info, &s->err), 0);
		found |= UINT64_C(1) << strtoul(info.name.ptr + 1, NULL, 10);
	}
	rag_view_close(&view);
	lexical_scratch_free(scratch);
	return found;
}

static void assert_like(struct rag_stage *s, const struct model *m)
{
	for (size_t w = 0; w < WORDS; w++) {
		uint64_t expected = 0, found = documents_with(s, words[w]);

		for (size_t i = 0; i < DOCUMENTS; i++)
			if (m->has[i] >> w & 1)
				expected |= UINT64_C(1) << i;
		if (found != expected)
			fail_msg("%s: %llx, not %llx", words[w], (unsigned long long)found,
				 (unsigned long long)expected);
	}
	arena_reset(&s->arena);
}

static void whatever_happens_an_index_is_what_was_put(void **state)
{
	struct rag_stage *s = *state;

	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct model m = { .has = { 0 } };
		uint64_t random = seed * UINT64_C(0x9e3779b97f4a7c15);

		assert_int_equal(rag_index_create(s->rag, acme, docs, NULL, &s->err), 0);
		for (int i = 0; i < STEPS; i++) {
			uint32_t document = random_below(&random, DOCUMENTS);
			uint32_t dice = random_below(&random, 100);

			if (dice < 50)
				put_words(s, &m, document,
					  1 + random_below(&random, (1 << WORDS) - 1));
			else if (dice < 70)
				erase_words(s, &m, document);
			else if (dice < 90)
				tend(s);
			else if (dice < 92)
				stage_open_again(s);
			if (i % 100 == 99)
				assert_like(s, &m);
		}
		tend_all(s);
		assert_like(s, &m);
		stage_open_again(s);
		assert_like(s, &m);
		assert_string_equal(stage_findings(s), "");
		rag_index_delete(s->rag, acme, docs, &s->err);
	}
}

static struct rag_index_info info_of(struct rag_stage *s)
{
	struct rag_index_info info;

	if (rag_index_get(s->rag, acme, docs, &s->arena, &info, &s->err) < 0)
		fail_msg("%s", s->err.message);
	return info;
}

static void put_many(struct rag_stage *s, int from, int to)
{
	for (int i = from; i < to; i++) {
		char name[16];
		struct buf text;

		snprintf(name, sizeof(name), "d%d", i);
		buf_init(&text, 4096);
		buf_printf(&text, "The %s and the %s of %d meet a %s:", words[i % WORDS],
			   words[(i / 3) % WORDS], i, words[(i / 7) % WORDS]);
		for (int k = 1; k < 12; k++)
			buf_printf(&text, " %c%c%crel", 'a' + i * k % 23, 'a' + i / k % 19,
				   'a' + i % (k + 5));
		stage_put(s, name, buf_str(&text));
		buf_free(&text);
	}
}

static void few_segments_are_left_of_many(void **state)
{
	struct rag_stage *s = *state;

	put_many(s, 0, 100);
	tend_all(s);
	assert_true(info_of(s).segments <= 6);
	assert_int_equal(info_of(s).dead, 0);
}

static void segments_stay_few_when_nobody_tends_them(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_in in = text_document("a", "lion");
	struct rag_put_result result;
	struct rag_replacement to;

	put_many(s, 0, 100);
	assert_true(info_of(s).segments <= 30);
	assert_int_equal(rag_replace_begin(s->rag, acme, docs, &to, &s->err), 0);
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "r%d", i);
		in.name = span_str(name);
		assert_int_equal(rag_replace_put(s->rag, acme, &to, NULL, &in, 1, &s->arena,
						 &result, &s->err),
				 0);
	}
	assert_int_equal(rag_replace_end(s->rag, acme, &to, &s->err), 0);
	assert_true(info_of(s).segments <= 30);
	assert_int_equal(info_of(s).documents, 100);
	assert_string_equal(stage_findings(s), "");
}

static void what_is_largely_dead_is_written_again(void **state)
{
	struct rag_stage *s = *state;

	put_many(s, 0, 100);
	tend_all(s);
	for (int i = 0; i < 90; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		stage_erase(s, name);
	}
	assert_int_equal(info_of(s).dead, 90);
	tend_all(s);
	assert_true(info_of(s).dead <= 3);
}

static void an_index_of_some_size_has_a_latent_space(void **state)
{
	struct rag_stage *s = *state;

	put_many(s, 0, 150);
	tend_all(s);
	assert_int_equal(info_of(s).latent_chunks, 0);
	put_many(s, 150, 400);
	tend_all(s);
	assert_int_equal(info_of(s).latent_chunks, 400);
	put_many(s, 400, 410);
	tend_all(s);
	assert_int_equal(info_of(s).latent_chunks, 410);
	assert_string_equal(stage_findings(s), "");
}

static int64_t rows_in(struct rag_stage *s, const char *table)
{
	char path[128], sql[128];
	int64_t count;
	struct db *db;

	snprintf(path, sizeof(path), "%s/acme.db", s->dir);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	db = db_open(path, DB_READ, &s->err);
	assert_non_null(db);
	assert_int_equal(db_number(db, sql, &count, &s->err), 0);
	db_close(db);
	return count;
}

static void nothing_is_left_of_what_is_gone(void **state)
{
	static const char *const tables[] = {
		"rag_index", "rag_document", "rag_part",  "rag_meta",    "rag_vector", "rag_want",
		"rag_stale", "rag_unread", "rag_refused",  "rag_model", "rag_segment", "rag_gone",
	};
	struct rag_stage *s = *state;
	struct rag_document_in in = text_document("a", "lion");
	struct rag_pending pending[8];
	struct rag_put_result result;
	struct rag_replacement to;
	float vectors[8 * 4] = { 0 };
	size_t count;

	in.meta = SPAN_LIT("{\"k\":1}");
	put_many(s, 0, 100);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), 0, &s->arena, pending, 8, 4096, &count,
		    &s->err);
	for (size_t i = 0; i < count; i++)
		vectors[4 * i] = 1;
	assert_int_equal(rag_vectors_put(s->rag, acme, docs, SPAN_LIT("m"), pending, count, vectors,
					 4, &s->err),
			 0);
	stage_put(s, "d1", "Another text.");
	rag_replace_begin(s->rag, acme, docs, &to, &s->err);
	rag_replace_put(s->rag, acme, &to, NULL, &in, 1, &s->arena, &result, &s->err);
	rag_replace_cancel(s->rag, acme, &to);
	assert_int_equal(rag_index_delete(s->rag, acme, docs, &s->err), 0);
	err_clear(&s->err);
	while (rag_tend(s->rag, acme, SPAN_NONE, &s->err))
		;
	assert_int_equal(s->err.code, E_none);
	for (size_t i = 0; i < ARRAY_LEN(tables); i++)
		if (rows_in(s, tables[i]) != 0)
			fail_msg("%s has rows", tables[i]);
}

static void what_is_gone_stays_little_when_nobody_tends(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_in in = text_document("a", "lion");
	struct rag_put_result result;
	struct rag_replacement to;

	for (int i = 0; i < 40; i++) {
		stage_put(s, "a", "zebra");
		assert_int_equal(rag_index_delete(s->rag, acme, docs, &s->err), 0);
	}
	assert_in_range(rows_in(s, "rag_index"), 1, 10);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(rag_replace_begin(s->rag, acme, docs, &to, &s->err), 0);
		assert_int_equal(rag_replace_put(s->rag, acme, &to, NULL, &in, 1, &s->arena,
						 &result, &s->err),
				 0);
		assert_int_equal(rag_replace_end(s->rag, acme, &to, &s->err), 0);
	}
	assert_in_range(rows_in(s, "rag_index"), 1, 10);
	assert_in_range(rows_in(s, "rag_part"), 1, 10);
	assert_string_equal(stage_found(s, "lion"), "a");
}

static void replacements_under_way_are_few(void **state)
{
	enum { UNDER_WAY = 8 };
	struct rag_stage *s = *state;
	struct rag_replacement to;

	for (int i = 0; i < UNDER_WAY; i++)
		assert_int_equal(rag_replace_begin(s->rag, acme, docs, &to, &s->err), 0);
	assert_int_equal(rag_replace_begin(s->rag, acme, docs, &to, &s->err), -1);
	assert_int_equal(s->err.code, E_overloaded);
	rag_replace_cancel(s->rag, acme, &to);
	assert_int_equal(rag_replace_begin(s->rag, acme, docs, &to, &s->err), 0);
}

static void idle_snapshots_go_when_memory_is_short(void **state)
{
	struct rag_stage *s = *state;
	struct model m = { .has = { 0 } };

	s->options.memory_max = 1;
	stage_open_again(s);
	put_words(s, &m, 1, 3);
	assert_like(s, &m);
	put_words(s, &m, 2, 5);
	assert_like(s, &m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(whatever_happens_an_index_is_what_was_put),
		TEST(few_segments_are_left_of_many),
		TEST(segments_stay_few_when_nobody_tends_them),
		TEST(what_is_largely_dead_is_written_again),
		TEST(an_index_of_some_size_has_a_latent_space),
		TEST(nothing_is_left_of_what_is_gone),
		TEST(what_is_gone_stays_little_when_nobody_tends),
		TEST(replacements_under_way_are_few),
		TEST(idle_snapshots_go_when_memory_is_short),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
