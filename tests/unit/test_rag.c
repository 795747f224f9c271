/* Tests of common/rag/rag.h: indices and documents, and what a search sees of them. */
#include "tests/support/rag_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/mem.h"

static void a_document_is_found_once_it_was_put(void **state)
{
	struct rag_stage *s = *state;

	assert_int_equal(stage_put(s, "a", "The zebra grazes on the plain."), RAG_ADDED);
	assert_int_equal(stage_put(s, "b", "The lion sleeps."), RAG_ADDED);
	assert_string_equal(stage_found(s, "zebra"), "a");
	assert_string_equal(stage_found(s, "lion"), "b");
	assert_string_equal(stage_found(s, "whale"), "");
}

static void a_changed_document_is_found_by_its_new_words_alone(void **state)
{
	struct rag_stage *s = *state;

	stage_put(s, "a", "The zebra grazes.");
	assert_int_equal(stage_put(s, "a", "The whale dives."), RAG_CHANGED);
	assert_string_equal(stage_found(s, "zebra"), "");
	assert_string_equal(stage_found(s, "whale"), "a");
}

static void the_same_text_again_changes_nothing(void **state)
{
	struct rag_stage *s = *state;
	int64_t before;

	stage_put(s, "a", "The zebra grazes.");
	before = stage_generation(s);
	assert_int_equal(stage_put(s, "a", "The zebra grazes."), RAG_UNCHANGED);
	assert_int_equal(stage_generation(s), before);
	assert_string_equal(stage_found(s, "zebra"), "a");
}

static void what_is_deleted_is_not_found(void **state)
{
	struct rag_stage *s = *state;

	stage_put(s, "a", "The zebra grazes.");
	stage_put(s, "b", "The zebra sleeps.");
	assert_int_equal(stage_erase(s, "a"), 1);
	assert_int_equal(stage_erase(s, "a"), 0);
	assert_string_equal(stage_found(s, "zebra"), "b");
}

static void everything_is_there_after_opening_again(void **state)
{
	struct rag_stage *s = *state;

	stage_put(s, "a", "The zebra grazes.");
	stage_put(s, "b", "The lion sleeps.");
	stage_put(s, "a", "The whale dives.");
	stage_open_again(s);
	assert_string_equal(stage_found(s, "zebra"), "");
	assert_string_equal(stage_found(s, "whale"), "a");
	assert_string_equal(stage_found(s, "lion"), "b");
}

static void another_handle_sees_each_commit(void **state)
{
	struct rag_stage *s = *state, other = *s;

	other.rag = rag_open(&s->options, &s->err);
	arena_init(&other.arena, MIB);
	stage_put(s, "a", "The zebra grazes.");
	assert_string_equal(stage_found(&other, "zebra"), "a");
	stage_put(&other, "a", "The whale dives.");
	assert_string_equal(stage_found(s, "zebra"), "");
	assert_string_equal(stage_found(s, "whale"), "a");
	stage_erase(s, "a");
	assert_string_equal(stage_found(&other, "whale"), "");
	rag_close(other.rag);
	arena_clear(&other.arena);
}

static void a_view_sees_what_was_when_it_was_opened(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_info info;
	struct rag_view view;
	struct span text;

	stage_put(s, "a", "The zebra grazes.");
	assert_int_equal(rag_view_open(s->rag, acme, docs, &view, &s->err), 0);
	stage_put(s, "a", "The whale dives.");
	stage_erase(s, "a");
	assert_int_equal(rag_view_find(&view, SPAN_LIT("a"), &s->arena, &info, &s->err), 0);
	assert_int_equal(rag_view_text(&view, &info, 0, SIZE_MAX, &s->arena, &text, &s->err), 0);
	assert_true(span_is(text, "The zebra grazes.\n"));
	assert_true(rag_snapshot_row(view.snapshot, info.first_chunk) == 0);
	rag_view_close(&view);
}

static void a_long_text_comes_back_whole_and_in_pieces(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_info info;
	struct rag_view view;
	struct buf text;
	struct span back;
	size_t at = 0;

	buf_init(&text, 4 * MIB);
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "Line %d has w\xc3\xb6rds %d.%s", i, i * 7919,
			   i % 5 ? " " : "\n\n");
	buf_add_str(&text, "end\n");
	stage_put(s, "long", buf_str(&text));
	assert_int_equal(rag_document_get(s->rag, acme, docs, SPAN_LIT("long"), &s->arena, &info,
					  &back, &s->err),
			 0);
	assert_true(span_equal(back, buf_span(&text)));
	assert_int_equal(info.bytes, text.len);
	assert_true(info.chunks > 400);
	assert_int_equal(rag_view_open(s->rag, acme, docs, &view, &s->err), 0);
	for (int64_t i = 0; i < info.chunks; i++) {
		struct rag_chunk c;

		assert_int_equal(
			rag_view_chunk(&view, info.first_chunk + i, true, &s->arena, &c, &s->err),
			0);
		assert_int_equal(c.ordinal, i);
		assert_int_equal(c.start, at);
		assert_memory_equal(c.text.ptr, text.ptr + at, c.text.len);
		at = c.end;
	}
	assert_int_equal(at, text.len);
	rag_view_close(&view);
	buf_free(&text);
}

static int add_name(void *arg, const struct rag_document_info *d)
{
	struct buf *names = arg;

	buf_add_span(names, d->name);
	buf_add_char(names, ' ');
	return 0;
}

static void documents_are_listed_by_name_prefix_and_page(void **state)
{
	static const struct {
		const char *prefix, *after, *names;
		int64_t limit;
	} cases[] = {
		{ "", "", "a/1 a/2 b/1 b\xc3\xbf ", -1 },
		{ "a/", "", "a/1 a/2 ", -1 },
		{ "", "a/1", "a/2 b/1 ", 2 },
		{ "b", "", "b/1 b\xc3\xbf ", -1 },
		{ "b\xc3\xbf", "", "b\xc3\xbf ", -1 },
		{ "c", "", "", -1 },
		{ "a/", "a/1", "a/2 ", -1 },
		{ "b", "a/2", "b/1 b\xc3\xbf ", -1 },
		{ "b", "b/1", "b\xc3\xbf ", -1 },
		{ "a/", "b/1", "", -1 },
	};
	struct rag_stage *s = *state;

	stage_put(s, "b/1", "x");
	stage_put(s, "a/2", "x");
	stage_put(s, "a/1", "x");
	stage_put(s, "b\xc3\xbf", "x");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf names;

		buf_init(&names, 4096);
		assert_int_equal(rag_document_each(s->rag, acme, docs, span_str(cases[i].prefix),
						   span_str(cases[i].after), cases[i].limit,
						   add_name, &names, &s->err),
				 0);
		assert_string_equal(buf_str(&names), cases[i].names);
		buf_free(&names);
	}
}

static void one_bad_document_does_not_keep_the_others_out(void **state)
{
	struct rag_stage *s = *state;
	struct rag_put how = { .how = RAG_PUT_ADD, .make = true };
	struct rag_document_in in[] = {
		text_document("a", "zebra"),   text_document("b", "zebra"),
		text_document("c\n", "zebra"), text_document("d", "zebra"),
		text_document("a", "whale"),
	};
	struct rag_put_result results[ARRAY_LEN(in)];

	in[3].meta = SPAN_LIT("{\"a\":[1]}");
	assert_int_equal(
		rag_put(s->rag, acme, docs, &how, in, ARRAY_LEN(in), &s->arena, results, &s->err),
		0);
	assert_int_equal(results[0].err.code, E_rag_document_exists);
	assert_int_equal(results[1].what, RAG_ADDED);
	assert_int_equal(results[2].err.code, E_invalid_field);
	assert_string_equal(results[2].err.param, "id");
	assert_string_equal(results[3].err.param, "metadata");
	assert_int_equal(results[4].what, RAG_ADDED);
	assert_string_equal(stage_found(s, "zebra"), "b");
	assert_string_equal(stage_found(s, "whale"), "a");
	assert_int_equal(rag_put(s->rag, acme, docs, &how, in, 2, &s->arena, results, &s->err), 0);
	assert_int_equal(results[0].err.code, E_rag_document_exists);
}

static void metadata_that_is_refused_says_why(void **state)
{
	struct rag_stage *s = *state;
	static const struct {
		const char *meta, *why;
	} cases[] = {
		{ "[1]", "no JSON object" },   { "{\"a\":1", "no JSON: " },
		{ "{\"a\":null}", "\"a\" is" }, { "{\"a\":\"x\\u0000\"}", "\\u0000" },
		{ "{\"a\\u0000\":1}", "\\u0000" }, { "{\"a\":1,\"a\":2}", "duplicate" },
	};

	const struct rag_put how = { .make = true };

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct rag_document_in in = text_document("a", "zebra");
		struct rag_put_result result;

		in.meta = span_str(cases[i].meta);
		assert_int_equal(rag_put(s->rag, acme, docs, &how, &in, 1, &s->arena, &result, &s->err), 0);
		assert_int_equal(result.what, RAG_FAILED);
		assert_int_equal(result.err.code, E_invalid_field);
		assert_string_equal(result.err.param, "metadata");
		assert_non_null(strstr(result.err.message, cases[i].why));
	}
}

static void of_a_whole_put_one_failure_keeps_all_out(void **state)
{
	struct rag_stage *s = *state;
	struct rag_put how = { .how = RAG_PUT_ADD, .make = true, .whole = true };
	struct rag_document_in in[] = { text_document("a", "zebra"),
					text_document("c\n", "zebra") };
	struct rag_put_result results[2];

	assert_int_equal(rag_put(s->rag, acme, docs, &how, in, 2, &s->arena, results, &s->err), -1);
	assert_int_equal(s->err.code, E_invalid_field);
	how.make = false;
	assert_int_equal(rag_put(s->rag, acme, docs, &how, in, 1, &s->arena, results, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_index_not_found);
}

static void a_cancelled_put_leaves_nothing(void **state)
{
	struct rag_stage *s = *state;
	atomic_bool cancelled = true;
	struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true, .cancelled = &cancelled };
	struct rag_document_in in = text_document("a", "zebra");
	struct rag_put_result result;

	stage_put(s, "b", "lion");
	assert_int_equal(rag_put(s->rag, acme, docs, &how, &in, 1, &s->arena, &result, &s->err),
			 -1);
	assert_int_equal(s->err.code, E_cancelled);
	assert_string_equal(stage_found(s, "zebra"), "");
	assert_string_equal(stage_found(s, "lion"), "b");
}

static void an_index_of_another_tenant_is_not_there(void **state)
{
	struct rag_stage *s = *state;
	struct rag_index_info info;
	struct rag_view view;
	int64_t gone;

	stage_put(s, "a", "zebra");
	assert_int_equal(rag_view_open(s->rag, SPAN_LIT("other"), docs, &view, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_index_not_found);
	assert_int_equal(rag_index_get(s->rag, SPAN_LIT("other"), docs, &s->arena, &info, &s->err),
			 -1);
	assert_int_equal(s->err.code, E_rag_index_not_found);
	assert_int_equal(
		rag_document_delete(s->rag, SPAN_LIT("../acme"), docs, NULL, 0, &gone, NULL, &s->err),
		-1);
	assert_int_equal(s->err.code, E_rag_index_not_found);
}

/* On a disk that is not mounted, for one. */
static void a_database_that_cannot_be_got_at_is_not_one_that_is_not_there(void **state)
{
	struct rag_stage *s = *state;
	struct rag_view view;
	char path[128];

	snprintf(path, sizeof path, "%s/other.db", s->dir);
	assert_int_equal(symlink("nowhere/other.db", path), 0);
	assert_int_equal(rag_view_open(s->rag, SPAN_LIT("other"), docs, &view, &s->err), -1);
	assert_int_equal(s->err.code, E_storage_error);
	assert_int_equal(unlink(path), 0);
}

static int add_index(void *arg, const struct rag_index_info *i)
{
	buf_add_span(arg, i->name);
	buf_add_char(arg, ' ');
	return 0;
}

static void indices_are_made_listed_and_deleted(void **state)
{
	struct rag_stage *s = *state;
	struct rag_index_info info;
	struct buf names;

	buf_init(&names, 4096);
	assert_int_equal(rag_index_each(s->rag, acme, add_index, &names, &s->err), 0);
	assert_int_equal(rag_index_create(s->rag, acme, SPAN_LIT("x"), NULL, &s->err), 0);
	stage_put(s, "a", "zebra");
	assert_int_equal(rag_index_create(s->rag, acme, docs, NULL, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_index_exists);
	assert_int_equal(rag_index_create(s->rag, acme, SPAN_LIT(".x"), NULL, &s->err), -1);
	assert_int_equal(s->err.code, E_invalid_field);
	assert_int_equal(rag_index_each(s->rag, acme, add_index, &names, &s->err), 0);
	assert_string_equal(buf_str(&names), "docs x ");
	assert_int_equal(rag_index_delete(s->rag, acme, docs, &s->err), 0);
	assert_int_equal(rag_index_get(s->rag, acme, docs, &s->arena, &info, &s->err), -1);
	assert_int_equal(rag_index_delete(s->rag, acme, docs, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_index_not_found);
	assert_int_equal(stage_put(s, "b", "lion"), RAG_ADDED);
	assert_string_equal(stage_found(s, "zebra lion"), "b");
	buf_free(&names);
}

static void limits_are_kept_to_inside_the_transaction(void **state)
{
	struct rag_stage *s = *state;
	struct rag_put how = { .make = true };
	struct rag_document_in in[] = { text_document("b", "lion"), text_document("c", "whale") };
	struct rag_put_result results[2];

	s->options.limits.documents_max = 2;
	s->options.limits.indices_max = 1;
	stage_open_again(s);
	stage_put(s, "a", "zebra");
	assert_int_equal(rag_put(s->rag, acme, docs, &how, in, 2, &s->arena, results, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_limit_exceeded);
	assert_string_equal(s->err.param, "documents");
	assert_string_equal(stage_found(s, "lion"), "");
	stage_put(s, "b", "lion");
	assert_int_equal(rag_index_create(s->rag, acme, SPAN_LIT("x"), NULL, &s->err), -1);
	assert_string_equal(s->err.param, "indices");
}

static void replace(struct rag_stage *s, const struct rag_document_in *in, size_t count,
		    struct rag_replacement *to)
{
	struct rag_put_result results[8];

	assert_int_equal(rag_replace_begin(s->rag, acme, docs, to, &s->err), 0);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(rag_replace_put(s->rag, acme, to, NULL, &in[i], 1, &s->arena,
						 &results[i], &s->err),
				 0);
}

static void a_replacement_is_seen_when_it_is_whole(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_in in[] = { text_document("a", "lion"), text_document("c", "whale") };
	struct rag_replacement to;
	int64_t before;

	stage_put(s, "a", "zebra");
	stage_put(s, "b", "ostrich");
	before = stage_generation(s);
	replace(s, in, 2, &to);
	assert_string_equal(stage_found(s, "zebra lion whale"), "a");
	assert_int_equal(rag_replace_end(s->rag, acme, &to, &s->err), 0);
	assert_string_equal(stage_found(s, "zebra"), "");
	assert_string_equal(stage_found(s, "ostrich"), "");
	assert_string_equal(stage_found(s, "whale"), "c");
	assert_true(stage_generation(s) > before);
	assert_int_equal(rag_replace_end(s->rag, acme, &to, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_index_not_found);
}

/* It had room beside the others when it was made, and has none when it is to be seen. */
static void a_replacement_that_is_too_large_replaces_nothing(void **state)
{
	struct rag_stage *s = *state;
	const struct rag_put how = { .make = true };
	struct rag_document_in in[] = { text_document("x", "lion"), text_document("y", "whale"),
					text_document("z", "stoat") };
	struct rag_put_result results[3];
	struct rag_replacement to;

	s->options.limits.documents_max = 4;
	stage_open_again(s);
	stage_put(s, "a", "zebra");
	replace(s, in, 2, &to);
	assert_int_equal(rag_put(s->rag, acme, SPAN_LIT("more"), &how, in, 3, &s->arena, results, &s->err), 0);
	assert_int_equal(rag_replace_end(s->rag, acme, &to, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_limit_exceeded);
	assert_string_equal(s->err.param, "documents");
	assert_string_equal(stage_found(s, "zebra"), "a");
	assert_string_equal(stage_found(s, "lion"), "");
	rag_replace_cancel(s->rag, acme, &to);
}

static void a_replacement_that_is_given_up_leaves_nothing(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_in in[] = { text_document("a", "lion") };
	struct rag_replacement to;

	stage_put(s, "a", "zebra");
	replace(s, in, 1, &to);
	rag_replace_cancel(s->rag, acme, &to);
	assert_int_equal(rag_replace_end(s->rag, acme, &to, &s->err), -1);
	assert_string_equal(stage_found(s, "zebra"), "a");
	assert_string_equal(stage_found(s, "lion"), "");
}

static void a_replacement_makes_the_index(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_in in[] = { text_document("a", "lion") };
	struct rag_replacement to;

	replace(s, in, 1, &to);
	assert_int_equal(rag_replace_end(s->rag, acme, &to, &s->err), 0);
	assert_string_equal(stage_found(s, "lion"), "a");
}

static void metadata_alone_is_exchanged_without_indexing(void **state)
{
	struct rag_stage *s = *state;
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };
	struct rag_document_in in = text_document("a", "zebra");
	struct rag_document_info info;
	struct rag_put_result result;
	int64_t first;

	in.meta = SPAN_LIT("{\"year\":2020,\"lang\":\"de\",\"ok\":true}");
	rag_put(s->rag, acme, docs, &how, &in, 1, &s->arena, &result, &s->err);
	rag_document_get(s->rag, acme, docs, in.name, &s->arena, &info, NULL, &s->err);
	first = info.first_chunk;
	in.meta = SPAN_LIT("{\"year\":2021.5}");
	in.mtime_us = 5;
	assert_int_equal(rag_put(s->rag, acme, docs, &how, &in, 1, &s->arena, &result, &s->err), 0);
	assert_int_equal(result.what, RAG_CHANGED);
	assert_false(result.has_made);
	assert_int_equal(
		rag_document_get(s->rag, acme, docs, in.name, &s->arena, &info, NULL, &s->err), 0);
	assert_true(span_equal(info.meta, in.meta));
	assert_int_equal(info.mtime_us, 5);
	assert_int_equal(info.first_chunk, first);
}

/* A file that was touched, or moved, would else be sent again and again. */
static void each_of_what_is_known_of_a_document_is_exchanged_alone(void **state)
{
	struct rag_stage *s = *state;
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };
	struct rag_document_in steps[4];
	struct rag_document_info info;
	struct rag_put_result result;
	int64_t generation = 0;

	steps[0] = text_document("a", "zebra");
	steps[0].meta = SPAN_LIT("{\"year\":2020}");
	steps[1] = steps[0];
	steps[1].mtime_us = 7;
	steps[2] = steps[1];
	steps[2].source = SPAN_LIT("elsewhere/a");
	steps[3] = steps[2];
	steps[3].meta = SPAN_LIT("{\"year\":2021}");
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		assert_int_equal(
			rag_put(s->rag, acme, docs, &how, &steps[i], 1, &s->arena, &result, &s->err), 0);
		assert_int_equal(result.what, i == 0 ? RAG_ADDED : i == 3 ? RAG_CHANGED : RAG_UNCHANGED);
		assert_int_equal(result.has_made, i == 0);
		assert_int_equal(rag_document_get(s->rag, acme, docs, SPAN_LIT("a"), &s->arena, &info, NULL,
						  &s->err),
				 0);
		assert_int_equal(info.mtime_us, steps[i].mtime_us);
		assert_true(span_equal(info.source, steps[i].source));
		assert_true(span_equal(info.meta, steps[i].meta));
		assert_true(stage_generation(s) > generation);
		generation = stage_generation(s);
	}
	assert_int_equal(rag_put(s->rag, acme, docs, &how, &steps[3], 1, &s->arena, &result, &s->err), 0);
	assert_int_equal(stage_generation(s), generation);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_document_is_found_once_it_was_put),
		TEST(a_changed_document_is_found_by_its_new_words_alone),
		TEST(the_same_text_again_changes_nothing),
		TEST(what_is_deleted_is_not_found),
		TEST(everything_is_there_after_opening_again),
		TEST(another_handle_sees_each_commit),
		TEST(a_view_sees_what_was_when_it_was_opened),
		TEST(a_long_text_comes_back_whole_and_in_pieces),
		TEST(documents_are_listed_by_name_prefix_and_page),
		TEST(one_bad_document_does_not_keep_the_others_out),
		TEST(metadata_that_is_refused_says_why),
		TEST(of_a_whole_put_one_failure_keeps_all_out),
		TEST(a_cancelled_put_leaves_nothing),
		TEST(an_index_of_another_tenant_is_not_there),
		TEST(a_database_that_cannot_be_got_at_is_not_one_that_is_not_there),
		TEST(indices_are_made_listed_and_deleted),
		TEST(limits_are_kept_to_inside_the_transaction),
		TEST(a_replacement_is_seen_when_it_is_whole),
		TEST(a_replacement_that_is_too_large_replaces_nothing),
		TEST(a_replacement_that_is_given_up_leaves_nothing),
		TEST(a_replacement_makes_the_index),
		TEST(metadata_alone_is_exchanged_without_indexing),
		TEST(each_of_what_is_known_of_a_document_is_exchanged_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
