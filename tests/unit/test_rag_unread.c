/* Tests of common/rag/rag_unread.c: files that no reader could read. */
#include "tests/support/rag_stage.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "common/base/mem.h"

static void print(void *arg, const struct rag_unread *u)
{
	buf_printf(arg, "%.*s %lld %lld %d;", SPAN_ARGS(u->name), (long long)u->source_bytes, (long long)u->mtime_us,
		   u->why.len > 0);
}

static void expect_unread(struct rag_stage *s, const char *wanted)
{
	struct buf found;

	buf_init(&found, MIB);
	assert_int_equal(rag_unread_each(s->rag, acme, docs, print, &found, &s->err), 0);
	assert_string_equal(buf_str(&found), wanted);
	buf_free(&found);
}

static struct rag_document_in broken_file(const char *name, int64_t mtime_us)
{
	return (struct rag_document_in){
		.name = span_str(name), .content = SPAN_LIT("Kraken \xff swim.\n"), .mtime_us = mtime_us
	};
}

static enum rag_put_what put(struct rag_stage *s, struct rag_document_in in)
{
	const struct rag_put how = { .how = RAG_PUT_REPLACE };
	struct rag_put_result result;

	assert_int_equal(rag_put(s->rag, acme, docs, &how, &in, 1, &s->arena, &result, &s->err), 0);
	return result.what;
}

static void what_could_not_be_read_is_known_until_it_can(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_in in = broken_file("a.txt", 5);

	stage_put(s, "b", "An otter swims.");
	expect_unread(s, "");
	assert_int_equal(put(s, in), RAG_FAILED);
	expect_unread(s, "a.txt 15 5 1;");
	in.mtime_us = 6;
	assert_int_equal(put(s, in), RAG_FAILED);
	expect_unread(s, "a.txt 15 6 1;");
	stage_open_again(s);
	expect_unread(s, "a.txt 15 6 1;");
	in.content = SPAN_LIT("Krakens swim.\n");
	assert_int_equal(put(s, in), RAG_ADDED);
	expect_unread(s, "");
	/* One that is there and has become unreadable; then it is as it was again. */
	assert_int_equal(put(s, broken_file("a.txt", 7)), RAG_FAILED);
	expect_unread(s, "a.txt 15 7 1;");
	assert_int_equal(put(s, in), RAG_UNCHANGED);
	expect_unread(s, "");
}

static void only_files_as_they_are_found_are_known(void **state)
{
	struct rag_stage *s = *state;
	struct rag_document_in in = broken_file("a.txt", -1);

	/* There is no index yet. */
	assert_int_equal(rag_unread_each(s->rag, acme, docs, print, NULL, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_index_not_found);
	stage_put(s, "b", "An otter swims.");
	assert_int_equal(put(s, in), RAG_FAILED);
	in.mtime_us = 5;
	in.type = SPAN_LIT("text");
	assert_int_equal(put(s, in), RAG_FAILED);
	in.type = SPAN_NONE;
	in.name = SPAN_NONE;
	assert_int_equal(put(s, in), RAG_FAILED);
	in.name = SPAN_LIT("a.txt");
	in.meta = SPAN_LIT("[]");
	assert_int_equal(put(s, in), RAG_FAILED);
	expect_unread(s, "");
}

/* A command may read what the reader could not. */
static void other_readers_may_try_again(void **state)
{
	const struct reader_command command = { "txt", "cat \"$1\"" };
	struct rag_stage *s = *state;

	stage_put(s, "b", "An otter swims.");
	assert_int_equal(put(s, broken_file("a.txt", 5)), RAG_FAILED);
	s->options.reading.commands = &command;
	s->options.reading.command_count = 1;
	stage_open_again(s);
	expect_unread(s, "");
	s->options.reading.command_count = 0;
	stage_open_again(s);
	expect_unread(s, "a.txt 15 5 1;");
	assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
	expect_unread(s, "");
}

/* Its readers may be others, though its version is not. */
static void a_program_that_was_built_anew_may_try_again(void **state)
{
	const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1000000000 } };
	struct rag_stage *s = *state;

	stage_put(s, "b", "An otter swims.");
	assert_int_equal(put(s, broken_file("a.txt", 5)), RAG_FAILED);
	expect_unread(s, "a.txt 15 5 1;");
	assert_int_equal(utimensat(AT_FDCWD, "/proc/self/exe", times, 0), 0);
	expect_unread(s, "");
	assert_int_equal(utimensat(AT_FDCWD, "/proc/self/exe", NULL, 0), 0);
}

static void the_oldest_go_when_there_are_many(void **state)
{
	enum { MANY = 10001, BATCH = 1000 };
	static char names[BATCH][16];
	struct rag_document_in in[BATCH];
	struct rag_put_result results[BATCH];
	struct rag_stage *s = *state;
	struct buf found;

	stage_put(s, "b", "An otter swims.");
	for (int from = 0; from < MANY; from += BATCH) {
		size_t count = MANY - from < BATCH ? (size_t)(MANY - from) : BATCH;

		for (size_t i = 0; i < count; i++) {
			snprintf(names[i], sizeof(names[i]), "%05d.txt", from + (int)i);
			in[i] = broken_file(names[i], 5);
		}
		assert_int_equal(rag_put(s->rag, acme, docs, NULL, in, count, &s->arena, results, &s->err), 0);
	}
	buf_init(&found, 4 * MIB);
	assert_int_equal(rag_unread_each(s->rag, acme, docs, print, &found, &s->err), 0);
	assert_true(span_starts(buf_span(&found), "00001.txt"));
	assert_int_equal(span_count(buf_span(&found), ';'), 10000);
	buf_free(&found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_could_not_be_read_is_known_until_it_can),
		TEST(only_files_as_they_are_found_are_known),
		TEST(the_oldest_go_when_there_are_many),
		TEST(other_readers_may_try_again),
		TEST(a_program_that_was_built_anew_may_try_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
