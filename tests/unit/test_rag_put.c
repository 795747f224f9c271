/* Tests of common/rag/rag.h: documents that are given up while they are read. */
#include "tests/support/rag_stage.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

enum { LOADER_S = 60, SOON_MS = 20 * 1000 };

/* Puts on a thread: a small document, and one that takes a minute. */
struct putting {
	struct rag_stage *stage;
	atomic_bool cancelled;
	struct rag_put how;
	struct rag_replacement replacement;
	int result;
	struct err err;
	struct arena arena;
	pthread_t thread;
	char fifo[128], command[256];
	struct reader_command loader;
};

static void *put(void *arg)
{
	struct putting *p = arg;
	struct rag_document_in in[] = { text_document("small", "An otter swims."),
					text_document("big.slow", "A badger digs.") };
	struct rag_put_result results[2];

	p->result = p->replacement.id > 0
			    ? rag_replace_put(p->stage->rag, acme, &p->replacement, &p->how, in, 2,
					      &p->arena, results, &p->err)
			    : rag_put(p->stage->rag, acme, docs, &p->how, in, 2, &p->arena, results,
				      &p->err);
	return NULL;
}

/* Until its loader runs. */
static void start(struct putting *p)
{
	char byte;
	int fd;

	assert_int_equal(pthread_create(&p->thread, NULL, put, p), 0);
	fd = open(p->fifo, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, &byte, 1), 1);
	close(fd);
}

static void prepare(struct putting *p, struct rag_stage *s)
{
	memset(p, 0, sizeof(*p));
	p->stage = s;
	p->how = (struct rag_put){ .how = RAG_PUT_REPLACE, .make = true };
	arena_init(&p->arena, MIB);
	snprintf(p->fifo, sizeof(p->fifo), "%s/fifo", s->dir);
	assert_int_equal(mkfifo(p->fifo, 0600), 0);
	snprintf(p->command, sizeof(p->command), "echo > %s; exec sleep %d", p->fifo, LOADER_S);
	p->loader = (struct reader_command){ "slow", p->command };
	s->options.reading.commands = &p->loader;
	s->options.reading.command_count = 1;
	stage_open_again(s);
	stage_put(s, "before", "It was there, an eagle.");
}

static void ends_soon_and_keeps_nothing(struct putting *p)
{
	int64_t began = clock_mono_ms();

	assert_int_equal(pthread_join(p->thread, NULL), 0);
	assert_true(clock_mono_ms() - began < SOON_MS);
	assert_int_equal(p->result, -1);
	assert_int_equal(p->err.code, E_cancelled);
	arena_clear(&p->arena);
	assert_string_equal(stage_found(p->stage, "otter"), "");
	assert_string_equal(stage_found(p->stage, "eagle"), "before");
	assert_string_equal(stage_findings(p->stage), "");
}

static void one_that_is_cancelled_ends_in_the_middle_of_a_document(void **state)
{
	struct putting p;

	prepare(&p, *state);
	p.how.cancelled = &p.cancelled;
	start(&p);
	atomic_store(&p.cancelled, true);
	ends_soon_and_keeps_nothing(&p);
}

static void a_replacement_that_is_cancelled_replaces_nothing(void **state)
{
	struct rag_stage *s = *state;
	struct putting p;

	prepare(&p, s);
	p.how.cancelled = &p.cancelled;
	assert_int_equal(rag_replace_begin(s->rag, acme, docs, &p.replacement, &s->err), 0);
	start(&p);
	atomic_store(&p.cancelled, true);
	ends_soon_and_keeps_nothing(&p);
	rag_replace_cancel(s->rag, acme, &p.replacement);
}

static void a_stop_ends_it_too(void **state)
{
	struct putting p;

	prepare(&p, *state);
	start(&p);
	rag_stop(p.stage->rag);
	ends_soon_and_keeps_nothing(&p);
}

static void a_stop_between_documents_is_seen_beside_another_flag(void **state)
{
	struct rag_stage *s = *state;
	struct putting p;

	prepare(&p, s);
	p.how.cancelled = &p.cancelled;
	rag_stop(s->rag);
	put(&p);
	assert_int_equal(p.result, -1);
	assert_int_equal(p.err.code, E_cancelled);
	arena_clear(&p.arena);
}

static int64_t chunks_of(struct rag_stage *s, const char *name)
{
	struct rag_document_info info;

	if (rag_document_get(s->rag, acme, docs, span_str(name), &s->arena, &info, NULL, &s->err) < 0)
		fail_msg("%s", s->err.message);
	return info.chunks;
}

/* Its loader waits for a word the first time, in which the index is configured; then it is read again. */
static void what_was_cut_as_the_index_was_is_cut_again(void **state)
{
	struct rag_stage *s = *state;
	struct rag_put_result result;
	struct rag_document_in later = text_document("later.slow", "A badger digs.");
	struct rag_config small = { .chunk_target = 200, .chunk_max = 400 };
	char word[160];
	struct putting p;
	int fd;

	prepare(&p, s);
	snprintf(word, sizeof(word), "%s/word", s->dir);
	assert_int_equal(mkfifo(word, 0600), 0);
	snprintf(p.command, sizeof(p.command),
		 "cd %s; [ -e ran ] || { touch ran; echo > fifo; cat word; };"
		 " for i in $(seq 300); do echo \"Badger $i digs a hole.\"; done",
		 s->dir);
	start(&p);
	assert_int_equal(rag_index_configure(s->rag, acme, docs, &small, &s->err), 0);
	fd = open(word, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(pthread_join(p.thread, NULL), 0);
	assert_int_equal(p.result, 0);
	assert_int_equal(rag_put(s->rag, acme, docs, &p.how, &later, 1, &s->arena, &result, &s->err), 0);
	assert_true(chunks_of(s, "later.slow") > 10);
	assert_int_equal(chunks_of(s, "big.slow"), chunks_of(s, "later.slow"));
	assert_string_equal(stage_findings(s), "");
	arena_clear(&p.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			one_that_is_cancelled_ends_in_the_middle_of_a_document, stage_make,
			stage_remove),
		cmocka_unit_test_setup_teardown(a_replacement_that_is_cancelled_replaces_nothing,
						stage_make, stage_remove),
		cmocka_unit_test_setup_teardown(a_stop_ends_it_too, stage_make, stage_remove),
		cmocka_unit_test_setup_teardown(
			a_stop_between_documents_is_seen_beside_another_flag, stage_make,
			stage_remove),
		cmocka_unit_test_setup_teardown(what_was_cut_as_the_index_was_is_cut_again, stage_make,
						stage_remove),
	};

	return cmocka_run_group_tests_name("rag_put", tests, NULL, NULL);
}
