/* Tests of the vectors of common/rag/rag.h. */
#include "tests/support/rag_stage.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/rag/rag_tend.h"
#include "common/rag/vector.h"

enum { DIMENSIONS = 32 };

static struct rag_index_info info_of(struct rag_stage *s)
{
	struct rag_index_info info;

	if (rag_index_get(s->rag, acme, docs, &s->arena, &info, &s->err) < 0)
		fail_msg("%s", s->err.message);
	return info;
}

/* The name of the document whose chunk is nearest to the direction of text. */
static const char *nearest(struct rag_stage *s, const char *text)
{
	const struct snapshot_vectors *v;
	struct vector_hit hit;
	struct rag_document_info info;
	struct rag_chunk chunk;
	struct rag_view view;
	float query[DIMENSIONS];
	const char *result = "";

	assert_int_equal(rag_view_open(s->rag, acme, docs, &view, &s->err), 0);
	v = view.snapshot->vectors;
	assert_non_null(v);
	stage_direction(span_str(text), query, DIMENSIONS);
	if (vector_search(v->space,
			  &(struct vector_view){ .blocks = v->blocks,
						 .count = v->count,
						 .dead = v->dead,
						 .partition = v->partition,
						 .exact = rag_view_exact,
						 .data = &view },
			  query, 0, &hit, 1) == 1) {
		assert_int_equal(rag_view_chunk(&view, hit.id, false, &s->arena, &chunk, &s->err),
				 0);
		assert_int_equal(
			rag_view_document(&view, chunk.document, &s->arena, &info, &s->err), 0);
		result = info.name.ptr;
		if (fabsf(hit.score - 1) > 0.01f)
			result = "far";
	}
	rag_view_close(&view);
	return result;
}

static void put_some(struct rag_stage *s, int from, int to)
{
	for (int i = from; i < to; i++) {
		char name[16], text[64];

		snprintf(name, sizeof(name), "d%d", i);
		snprintf(text, sizeof(text), "Animal number %d grazes.", i);
		stage_put(s, name, text);
	}
}

static void chunks_without_a_vector_are_handed_out_until_none_is_left(void **state)
{
	struct rag_stage *s = *state;

	put_some(s, 0, 40);
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 40);
	assert_int_equal(info_of(s).vectors, 40);
	assert_string_equal(nearest(s, "Animal number 7 grazes.\n"), "d7");
	assert_string_equal(nearest(s, "Animal number 39 grazes.\n"), "d39");
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 0);
}

static void equal_texts_are_embedded_once(void **state)
{
	struct rag_stage *s = *state;

	stage_put(s, "a", "The same.");
	stage_put(s, "b", "The same.");
	stage_put(s, "c", "Another.");
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 2);
	assert_int_equal(info_of(s).vectors, 3);
	stage_put(s, "c", "The same.");
	stage_put(s, "d", "Another.");
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 0);
	assert_int_equal(info_of(s).vectors, 4);
	assert_string_equal(nearest(s, "Another.\n"), "d");
}

static void what_is_deleted_is_not_near(void **state)
{
	struct rag_stage *s = *state;

	put_some(s, 0, 5);
	stage_embed(s, "m", DIMENSIONS);
	stage_erase(s, "d3");
	assert_string_not_equal(nearest(s, "Animal number 3 grazes.\n"), "d3");
	assert_int_equal(info_of(s).vectors, 4);
}

static void a_vector_that_comes_too_late_is_left_out(void **state)
{
	struct rag_stage *s = *state;
	struct rag_pending pending[4];
	float vectors[4 * DIMENSIONS];
	size_t count;

	put_some(s, 0, 3);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), 0, &s->arena, pending, 4, 1 << 20, &count,
		    &s->err);
	assert_int_equal(count, 3);
	stage_erase(s, "d1");
	for (size_t i = 0; i < count; i++)
		stage_direction(pending[i].text, vectors + i * DIMENSIONS, DIMENSIONS);
	assert_int_equal(rag_vectors_put(s->rag, acme, docs, SPAN_LIT("m"), pending, count, vectors,
					 DIMENSIONS, &s->err),
			 0);
	assert_int_equal(info_of(s).vectors, 2);
	assert_string_equal(nearest(s, "Animal number 2 grazes.\n"), "d2");
}

static void another_model_is_used_when_it_is_complete(void **state)
{
	struct rag_stage *s = *state;
	struct rag_pending pending[2];
	float vectors[2 * 64];
	size_t count;

	put_some(s, 0, 3);
	stage_embed(s, "old", DIMENSIONS);
	rag_pending(s->rag, acme, docs, SPAN_LIT("new"), 0, &s->arena, pending, 2, 1 << 20, &count,
		    &s->err);
	for (size_t i = 0; i < count; i++)
		stage_direction(pending[i].text, vectors + i * 64, 64);
	rag_vectors_put(s->rag, acme, docs, SPAN_LIT("new"), pending, count, vectors, 64, &s->err);
	assert_true(span_is(info_of(s).model, "old"));
	assert_true(span_is(info_of(s).building, "new"));
	assert_int_equal(info_of(s).building_vectors, 2);
	assert_string_equal(nearest(s, "Animal number 2 grazes.\n"), "d2");
	assert_int_equal(stage_embed(s, "new", 64), 1);
	assert_true(span_is(info_of(s).model, "new"));
	assert_int_equal(info_of(s).building.len, 0);
	assert_int_equal(info_of(s).vectors, 3);
}

static void vectors_of_another_dimension_are_refused(void **state)
{
	struct rag_stage *s = *state;
	struct rag_pending pending[2];
	float vectors[2 * 64] = { 1 };
	size_t count;

	put_some(s, 0, 1);
	stage_embed(s, "m", DIMENSIONS);
	put_some(s, 1, 2);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), 0, &s->arena, pending, 2, 1 << 20, &count,
		    &s->err);
	assert_int_equal(rag_vectors_put(s->rag, acme, docs, SPAN_LIT("m"), pending, count, vectors,
					 64, &s->err),
			 -1);
	assert_int_equal(s->err.code, E_rag_dimension_mismatch);
	vectors[0] = 0;
	assert_int_equal(rag_vectors_put(s->rag, acme, docs, SPAN_LIT("m"), pending, count, vectors,
					 DIMENSIONS, &s->err),
			 -1);
	assert_int_equal(s->err.code, E_invalid_field);
	assert_int_equal(info_of(s).vectors, 1);
}

static void a_replacement_keeps_the_vectors_of_equal_texts(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_in in[] = { text_document("x", "Animal number 1 grazes."),
					text_document("y", "A new one.") };
	struct rag_put_result results[2];
	struct rag_replacement to;

	put_some(s, 0, 3);
	stage_embed(s, "m", DIMENSIONS);
	assert_int_equal(rag_replace_begin(s->rag, acme, docs, &to, &s->err), 0);
	assert_int_equal(
		rag_replace_put(s->rag, acme, &to, NULL, in, 2, &s->arena, results, &s->err), 0);
	assert_int_equal(rag_replace_end(s->rag, acme, &to, &s->err), 0);
	assert_int_equal(info_of(s).vectors, 1);
	assert_string_equal(nearest(s, "Animal number 1 grazes.\n"), "x");
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 1);
}

static void tend_all(struct rag_stage *s)
{
	err_clear(&s->err);
	while (rag_tend(s->rag, acme, docs, &s->err))
		;
	if (s->err.code != E_none)
		fail_msg("%s", s->err.message);
}

static void assert_near(struct rag_stage *s, int from, int to)
{
	for (int i = from; i < to; i += 17) {
		char name[16], text[64];

		snprintf(name, sizeof(name), "d%d", i);
		snprintf(text, sizeof(text), "Animal number %d grazes.\n", i);
		assert_string_equal(nearest(s, text), name);
	}
	arena_reset(&s->arena);
}

static void many_vectors_are_coded_anew_and_grouped(void **state)
{
	struct rag_stage *s = *state;
	struct rag_view view;

	s->options.flat_max = 300;
	stage_open_again(s);
	put_some(s, 0, 280);
	stage_embed(s, "m", DIMENSIONS);
	tend_all(s);
	assert_near(s, 0, 280);
	put_some(s, 280, 400);
	stage_embed(s, "m", DIMENSIONS);
	tend_all(s);
	assert_int_equal(rag_view_open(s->rag, acme, docs, &view, &s->err), 0);
	assert_non_null(view.snapshot->vectors->partition);
	rag_view_close(&view);
	assert_near(s, 0, 400);
	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		stage_erase(s, name);
	}
	put_some(s, 400, 410);
	stage_embed(s, "m", DIMENSIONS);
	assert_near(s, 20, 410);
	tend_all(s);
	assert_near(s, 20, 410);
	assert_string_equal(stage_findings(s), "");
	put_some(s, 410, 600);
	stage_embed(s, "m", DIMENSIONS);
	tend_all(s);
	stage_open_again(s);
	assert_near(s, 20, 600);
	assert_string_equal(stage_findings(s), "");
}

static int64_t number_in(struct rag_stage *s, const char *change, const char *sql)
{
	char path[128];
	int64_t number;
	struct db *db;

	snprintf(path, sizeof(path), "%s/acme.db", s->dir);
	db = db_open(path, DB_WRITE, &s->err);
	assert_non_null(db);
	assert_int_equal(db_exec(db, change, &s->err), 0);
	assert_int_equal(db_number(db, sql, &number, &s->err), 0);
	db_close(db);
	return number;
}

/* As a crash leaves it between two steps. */
static void a_grouping_that_was_not_finished_is_replaced(void **state)
{
	static const char copy[] =
		"INSERT INTO rag_segment (index_id, kind, model, parent, first_chunk, last_chunk,"
		" rows, born, size, bytes) SELECT index_id, kind, model, 0, first_chunk,"
		" last_chunk, rows, born, size, bytes FROM rag_segment WHERE kind = 6;"
		"INSERT INTO rag_segment (index_id, kind, model, parent, first_chunk, last_chunk,"
		" rows, born, size, bytes) SELECT index_id, kind, model, (SELECT max(id) FROM"
		" rag_segment), first_chunk, last_chunk, rows, born, size, bytes FROM rag_segment"
		" WHERE kind = 7 LIMIT 3";
	struct rag_stage *s = *state;

	s->options.flat_max = 300;
	stage_open_again(s);
	put_some(s, 0, 400);
	stage_embed(s, "m", DIMENSIONS);
	tend_all(s);
	assert_int_equal(number_in(s, copy, "SELECT count(*) FROM rag_segment WHERE kind = 6"), 2);
	stage_open_again(s);
	assert_near(s, 0, 400);
	put_some(s, 400, 600);
	stage_embed(s, "m", DIMENSIONS);
	tend_all(s);
	assert_near(s, 0, 600);
	assert_int_equal(number_in(s, "", "SELECT count(*) FROM rag_segment WHERE kind = 6"), 1);
	assert_int_equal(number_in(s, "",
				   "SELECT count(*) FROM rag_segment WHERE kind = 7 AND parent NOT"
				   " IN (SELECT id FROM rag_segment WHERE kind = 6)"),
			 0);
	assert_string_equal(stage_findings(s), "");
}

static void what_is_replaced_or_deleted_leaves_no_vector(void **state)
{
	struct rag_stage *s = *state;

	put_some(s, 0, 5);
	stage_embed(s, "m", DIMENSIONS);
	assert_int_equal(number_in(s, "", "SELECT count(*) FROM rag_vector"), 5);
	stage_put(s, "d1", "It swims now.");
	assert_int_equal(stage_erase(s, "d2"), 1);
	assert_int_equal(number_in(s, "", "SELECT count(*) FROM rag_vector"), 4);
	/* What was replaced may serve until all has its vectors. */
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 1);
	while (rag_tend(s->rag, acme, SPAN_NONE, &s->err))
		;
	assert_int_equal(number_in(s, "", "SELECT count(*) FROM rag_vector"), 4);
	assert_int_equal(number_in(s, "", "SELECT count(*) FROM rag_stale"), 0);
	assert_string_equal(nearest(s, "It swims now.\n"), "d1");
	/* Of an index that is deleted, while another has the same model. */
	number_in(s, "UPDATE rag_index SET name = 'other'", "SELECT 1");
	stage_open_again(s);
	put_some(s, 0, 3);
	stage_embed(s, "m", DIMENSIONS);
	assert_int_equal(number_in(s, "", "SELECT count(*) FROM rag_vector"), 7);
	assert_int_equal(rag_index_delete(s->rag, acme, SPAN_LIT("other"), &s->err), 0);
	while (rag_tend(s->rag, acme, SPAN_NONE, &s->err))
		;
	assert_int_equal(number_in(s, "", "SELECT count(*) FROM rag_vector"), 3);
}

static int64_t count_of(struct rag_stage *s, const char *of)
{
	char sql[1024];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM rag_segment AS s WHERE %s", of);
	return number_in(s, "", sql);
}

/* What a grouping was made of is past at once, and goes later: killed in between, nothing is lost or twice. */
static void what_a_grouping_replaces_goes_in_steps_of_its_own(void **state)
{
	struct rag_stage *s = *state;
	struct rag_segment_row *rows;
	struct rag_tenant *t;
	struct db *db;
	size_t count;
	int64_t past;

	s->options.flat_max = 300;
	stage_open_again(s);
	put_some(s, 0, 400);
	stage_embed(s, "m", DIMENSIONS);
	while (count_of(s, "kind = 6 AND parent > 0") == 0)
		assert_true(rag_tend(s->rag, acme, docs, &s->err));
	past = number_in(s, "", "SELECT max(id) FROM rag_segment WHERE kind = 3");
	assert_true(past > 0);
	stage_open_again(s);
	assert_near(s, 0, 400);
	assert_string_equal(stage_findings(s), "");
	/* Nobody lists it, or builds on it. */
	t = rag_tenant_find(s->rag, acme, false, &s->err);
	db = rag_read_begin(t, &s->err);
	assert_int_equal(rag_segment_list(db, 1, &rows, &count, &s->err), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_not_equal(rows[i].kind, RAG_CODES);
	assert_int_equal(rag_segments_stand(db, 1, &past, 1, &s->err), 0);
	rag_read_end(t, db);
	mem_free(rows);
	/* New vectors are no part of it. */
	put_some(s, 400, 410);
	stage_embed(s, "m", DIMENSIONS);
	assert_near(s, 0, 410);
	tend_all(s);
	assert_int_equal(number_in(s, "", "SELECT min(id) FROM rag_segment WHERE kind = 3") > past, 1);
	assert_int_equal(count_of(s, "NOT" RAG_SEGMENT_STANDS), 0);
	assert_near(s, 0, 410);
	assert_string_equal(stage_findings(s), "");
}

/* Grouped again: lists and blocks of the grouping before are past, with what was never finished. */
static void a_second_grouping_takes_the_place_of_the_first(void **state)
{
	struct rag_stage *s = *state;
	int64_t first;

	s->options.flat_max = 300;
	stage_open_again(s);
	put_some(s, 0, 400);
	stage_embed(s, "m", DIMENSIONS);
	tend_all(s);
	first = number_in(s, "", "SELECT max(id) FROM rag_segment WHERE kind = 6");
	put_some(s, 400, 600);
	stage_embed(s, "m", DIMENSIONS);
	while (number_in(s, "", "SELECT max(id) FROM rag_segment WHERE kind = 6 AND parent > 0") == first)
		assert_true(rag_tend(s->rag, acme, docs, &s->err));
	assert_true(count_of(s, "kind = 7 AND NOT" RAG_SEGMENT_STANDS) > 0);
	stage_open_again(s);
	assert_near(s, 0, 600);
	tend_all(s);
	assert_int_equal(count_of(s, "NOT" RAG_SEGMENT_STANDS), 0);
	assert_int_equal(count_of(s, "kind = 6"), 1);
	assert_near(s, 0, 600);
}

/* A model that was given up goes in steps; one that comes back meanwhile begins anew. */
static void what_was_of_another_model_is_past(void **state)
{
	struct rag_stage *s = *state;

	put_some(s, 0, 100);
	stage_embed(s, "m", DIMENSIONS);
	stage_embed(s, "n", DIMENSIONS);
	assert_true(span_is(info_of(s).model, "n"));
	assert_true(count_of(s, "kind = 3 AND NOT" RAG_SEGMENT_STANDS) > 0);
	assert_near(s, 0, 100);
	stage_embed(s, "m", DIMENSIONS);
	assert_true(span_is(info_of(s).model, "m"));
	assert_int_equal(info_of(s).vectors, 100);
	assert_near(s, 0, 100);
	tend_all(s);
	assert_int_equal(count_of(s, "NOT" RAG_SEGMENT_STANDS), 0);
	assert_int_equal(count_of(s, "kind = 2"), 1);
	assert_near(s, 0, 100);
	assert_string_equal(stage_findings(s), "");
}

/* What a model makes of the probe, by a seed, and by how much each number is off. */
static bool probe(struct rag_stage *s, unsigned seed, float noise)
{
	float vector[DIMENSIONS];
	char text[32];
	bool is_other;

	snprintf(text, sizeof(text), "probe %u", seed);
	stage_direction(span_str(text), vector, DIMENSIONS);
	for (size_t i = 0; i < DIMENSIONS; i++)
		vector[i] += i % 2 ? noise : -noise;
	if (rag_model_probe(s->rag, acme, SPAN_LIT("m"), vector, DIMENSIONS, &is_other, &s->err) < 0)
		fail_msg("%s", s->err.message);
	return is_other;
}

static void a_model_is_known_by_what_it_makes_of_one_text(void **state)
{
	struct rag_stage *s = *state;

	put_some(s, 0, 5);
	assert_false(probe(s, 1, 0));
	stage_embed(s, "m", DIMENSIONS);
	assert_false(probe(s, 1, 0.03F));
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 0);
	assert_false(info_of(s).model_changed);
	/* Another one: built beside what is there, which is not asked meanwhile. */
	assert_true(probe(s, 2, 0));
	assert_true(info_of(s).model_changed);
	assert_int_equal(info_of(s).vectors, 5);
	assert_false(probe(s, 2, 0));
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 5);
	assert_false(info_of(s).model_changed);
	assert_true(span_is(info_of(s).model, "m"));
	assert_int_equal(info_of(s).building.len, 0);
	assert_int_equal(info_of(s).vectors, 5);
	assert_near(s, 0, 5);
	tend_all(s);
	/* The first one comes back, and its vectors are there still. */
	assert_true(probe(s, 1, 0));
	assert_true(info_of(s).model_changed);
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 0);
	assert_false(info_of(s).model_changed);
	assert_int_equal(info_of(s).vectors, 5);
	assert_near(s, 0, 5);
}

static void one_that_comes_back_at_once_changes_nothing(void **state)
{
	struct rag_stage *s = *state;

	put_some(s, 0, 40);
	assert_false(probe(s, 1, 0));
	stage_embed(s, "m", DIMENSIONS);
	assert_true(probe(s, 2, 0));
	assert_true(stage_embed_some(s, "m", DIMENSIONS) > 0);
	assert_int_equal(info_of(s).building.len, 1);
	assert_true(probe(s, 1, 0));
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 0);
	assert_int_equal(info_of(s).building.len, 0);
	assert_false(info_of(s).model_changed);
	assert_near(s, 0, 40);
}

/* One whose vectors are from before there were probes is believed once. */
static void a_model_that_was_never_looked_at_is_what_it_is_now(void **state)
{
	struct rag_stage *s = *state;

	put_some(s, 0, 5);
	stage_embed(s, "m", DIMENSIONS);
	assert_false(probe(s, 1, 0));
	assert_false(info_of(s).model_changed);
	assert_true(probe(s, 2, 0));
	assert_true(info_of(s).model_changed);
}

static void what_is_no_vector_of_a_model_tells_nothing(void **state)
{
	struct rag_stage *s = *state;
	const float none[DIMENSIONS] = { 0 };
	bool is_other;

	put_some(s, 0, 1);
	assert_int_equal(rag_model_probe(s->rag, acme, SPAN_LIT("m"), none, DIMENSIONS, &is_other,
					 &s->err),
			 -1);
	assert_int_equal(s->err.code, E_invalid_field);
	assert_int_equal(rag_model_probe(s->rag, acme, SPAN_LIT(""), none, DIMENSIONS, &is_other,
					 &s->err),
			 -1);
}

static void several_batches_may_be_under_way(void **state)
{
	struct rag_stage *s = *state;
	struct rag_pending first[2], second[4];
	size_t count;

	put_some(s, 0, 5);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), 0, &s->arena, first, 2, 1 << 20, &count,
		    &s->err);
	assert_int_equal(count, 2);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), first[1].chunk, &s->arena, second, 4,
		    1 << 20, &count, &s->err);
	assert_int_equal(count, 3);
	assert_true(second[0].chunk > first[1].chunk);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), second[2].chunk, &s->arena, second, 4,
		    1 << 20, &count, &s->err);
	assert_int_equal(count, 0);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), 0, &s->arena, second, 4, 30, &count,
		    &s->err);
	assert_int_equal(count, 1);
}

static void what_a_model_refuses_is_out_of_the_way_until_the_index_is_configured(void **state)
{
	struct rag_stage *s = *state;
	struct rag_pending pending[2];
	size_t count;

	put_some(s, 0, 5);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), 0, &s->arena, pending, 2, 1 << 20, &count,
		    &s->err);
	assert_int_equal(rag_vectors_refuse(s->rag, acme, docs, SPAN_LIT("m"), pending, 2, &s->err),
			 0);
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 3);
	assert_int_equal(info_of(s).vectors, 3);
	assert_int_equal(info_of(s).refused, 2);
	/* Twice is once, and what has its vector keeps it. */
	assert_int_equal(rag_vectors_refuse(s->rag, acme, docs, SPAN_LIT("m"), pending, 2, &s->err),
			 0);
	assert_int_equal(info_of(s).refused, 2);
	assert_int_equal(info_of(s).vectors, 3);
	assert_int_equal(rag_index_configure(s->rag, acme, docs, NULL, &s->err), 0);
	assert_int_equal(info_of(s).refused, 0);
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 2);
	assert_int_equal(info_of(s).vectors, 5);
	/* What is gone is not refused any more. */
	put_some(s, 5, 6);
	rag_pending(s->rag, acme, docs, SPAN_LIT("m"), 0, &s->arena, pending, 2, 1 << 20, &count,
		    &s->err);
	rag_vectors_refuse(s->rag, acme, docs, SPAN_LIT("m"), pending, count, &s->err);
	assert_int_equal(info_of(s).refused, count);
	assert_int_equal(rag_index_delete(s->rag, acme, docs, &s->err), 0);
	put_some(s, 0, 1);
	assert_int_equal(info_of(s).refused, 0);
}

static void configure(struct rag_stage *s, const char *embedder)
{
	struct rag_config config = { .embedder = "" };

	snprintf(config.embedder, sizeof(config.embedder), "%s", embedder);
	if (rag_index_configure(s->rag, acme, docs, &config, &s->err) < 0)
		fail_msg("%s", s->err.message);
}

/* Nobody is asked for the vector of a question then, and nothing is made by who was under way. */
static void an_index_that_shall_have_no_model_has_none(void **state)
{
	struct rag_stage *s = *state;
	struct rag_pending pending[1];
	size_t count;

	put_some(s, 0, 5);
	stage_embed(s, "m", DIMENSIONS);
	put_some(s, 5, 8);
	configure(s, "none");
	assert_int_equal(info_of(s).model.len, 0);
	assert_int_equal(info_of(s).vectors, 0);
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 0);
	assert_int_equal(info_of(s).model.len, 0);
	tend_all(s);
	assert_int_equal(count_of(s, "kind IN (2, 3, 6, 7)"), 0);
	assert_string_equal(stage_findings(s), "");
	/* What the model made before is known still. */
	configure(s, "auto");
	assert_int_equal(stage_embed(s, "m", DIMENSIONS), 3);
	assert_int_equal(info_of(s).vectors, 8);
	assert_near(s, 0, 8);
	/* One that is being built goes, too. */
	rag_pending(s->rag, acme, docs, SPAN_LIT("n"), 0, &s->arena, pending, 1, 1 << 20, &count,
		    &s->err);
	assert_true(span_is(info_of(s).building, "n"));
	configure(s, "none");
	assert_int_equal(info_of(s).building.len, 0);
	assert_int_equal(info_of(s).model.len, 0);
}

static void models_have_their_prefixes(void **state)
{
	static const struct {
		const char *model, *document, *query;
	} cases[] = {
		{ "nomic-embed-text-v1.5", "search_document: ", "search_query: " },
		{ "intfloat/multilingual-e5-large", "passage: ", "query: " },
		{ "bge-m3", "", "" },
		{ "text-embedding-3-small", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rag_prefixes p = rag_model_prefixes(span_str(cases[i].model));

		assert_string_equal(p.document, cases[i].document);
		assert_string_equal(p.query, cases[i].query);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(chunks_without_a_vector_are_handed_out_until_none_is_left),
		TEST(equal_texts_are_embedded_once),
		TEST(what_is_deleted_is_not_near),
		TEST(a_vector_that_comes_too_late_is_left_out),
		TEST(another_model_is_used_when_it_is_complete),
		TEST(vectors_of_another_dimension_are_refused),
		TEST(a_replacement_keeps_the_vectors_of_equal_texts),
		TEST(many_vectors_are_coded_anew_and_grouped),
		TEST(what_is_replaced_or_deleted_leaves_no_vector),
		TEST(a_grouping_that_was_not_finished_is_replaced),
		TEST(what_a_grouping_replaces_goes_in_steps_of_its_own),
		TEST(a_second_grouping_takes_the_place_of_the_first),
		TEST(what_was_of_another_model_is_past),
		TEST(a_model_is_known_by_what_it_makes_of_one_text),
		TEST(one_that_comes_back_at_once_changes_nothing),
		TEST(a_model_that_was_never_looked_at_is_what_it_is_now),
		TEST(what_is_no_vector_of_a_model_tells_nothing),
		TEST(several_batches_may_be_under_way),
		TEST(what_a_model_refuses_is_out_of_the_way_until_the_index_is_configured),
		TEST(an_index_that_shall_have_no_model_has_none),
		TEST(models_have_their_prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
