/* Tests of common/rag/rag.h: who waits for whom, and how many databases are open. */
#include "tests/support/rag_stage.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/base/mem.h"

/* Descriptors of databases of that tenant, or of all (NULL). */
static int open_databases(const struct rag_stage *s, const char *tenant)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *entry;
	char path[300], target[512];
	int count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		count += strncmp(target, s->dir, strlen(s->dir)) == 0 &&
			 (!tenant || strstr(target, tenant));
	}
	closedir(dir);
	return count;
}

static int put_into(struct rag_stage *s, const char *tenant, struct err *err)
{
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };
	struct rag_document_in in = text_document("a", tenant);
	struct rag_put_result result;
	struct arena arena;
	int kept;

	arena_init(&arena, MIB);
	kept = rag_put(s->rag, span_str(tenant), docs, &how, &in, 1, &arena, &result, err);
	arena_clear(&arena);
	return kept;
}

static int look_into(struct rag_stage *s, const char *tenant)
{
	struct rag_index_info info;

	return rag_index_get(s->rag, span_str(tenant), docs, &s->arena, &info, &s->err);
}

struct writing {
	struct rag_stage *stage;
	struct err err;
	int kept;
};

static void *write_once(void *arg)
{
	struct writing *w = arg;

	w->kept = put_into(w->stage, "acme", &w->err);
	return NULL;
}

/* All that wait give up together, and who only reads does not wait at all. */
static void changes_give_up_while_another_process_writes(void **state)
{
	enum { WRITERS = 6, PATIENCE_MS = 300 };
	struct rag_stage *s = *state;
	struct writing writing[WRITERS];
	pthread_t threads[WRITERS];
	char path[128];
	struct db *other;
	int64_t began_ms;

	stage_put(s, "a", "The zebra grazes.");
	s->options.write_patience_ms = PATIENCE_MS;
	stage_open_again(s);
	snprintf(path, sizeof(path), "%s/acme.db", s->dir);
	other = db_open(path, DB_WRITE, &s->err);
	assert_non_null(other);
	assert_int_equal(db_begin(other, &s->err), 0);
	began_ms = clock_mono_ms();
	for (size_t i = 0; i < WRITERS; i++) {
		writing[i] = (struct writing){ .stage = s, .err = ERR_INIT };
		assert_int_equal(pthread_create(&threads[i], NULL, write_once, &writing[i]), 0);
	}
	assert_int_equal(look_into(s, "acme"), 0);
	assert_string_equal(stage_found(s, "zebra"), "a");
	for (size_t i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writing[i].kept, -1);
		assert_int_equal(writing[i].err.code, E_overloaded);
	}
	assert_in_range(clock_mono_ms() - began_ms, PATIENCE_MS, WRITERS * PATIENCE_MS - 1);
	db_rollback(other);
	db_close(other);
	assert_int_equal(put_into(s, "acme", &s->err), 0);
}

static void of_many_tenants_few_databases_are_open(void **state)
{
	enum {
		TENANTS = 12,
		OPEN = 3,
		FILES = 9
	}; /* three connections: file, log, and its index */
	struct rag_stage *s = *state;
	char name[16];

	s->options.open_max = OPEN;
	stage_open_again(s);
	for (int i = 0; i < TENANTS; i++) {
		snprintf(name, sizeof(name), "tenant%02d", i);
		assert_int_equal(put_into(s, name, &s->err), 0);
		assert_int_equal(look_into(s, name), 0);
		assert_in_range(open_databases(s, NULL), 1, OPEN * FILES);
	}
	assert_int_equal(open_databases(s, "tenant00"), 0);
	assert_true(open_databases(s, "tenant11") > 0);
	assert_int_equal(look_into(s, "tenant00"), 0);
	assert_int_equal(open_databases(s, "tenant09"), 0);
}

static void connections_that_nobody_uses_are_closed(void **state)
{
	struct rag_stage *s = *state;
	struct rag_view view;

	stage_put(s, "a", "The zebra grazes.");
	rag_rest(s->rag, 60000);
	assert_true(open_databases(s, NULL) > 0);
	rag_rest(s->rag, 0);
	assert_int_equal(open_databases(s, NULL), 0);
	/* What is in use stays. */
	assert_int_equal(rag_view_open(s->rag, acme, docs, &view, &s->err), 0);
	rag_rest(s->rag, 0);
	assert_true(open_databases(s, NULL) > 0);
	rag_view_close(&view);
	assert_string_equal(stage_found(s, "zebra"), "a");
	assert_int_equal(stage_put(s, "a", "The lion sleeps."), RAG_CHANGED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(changes_give_up_while_another_process_writes),
		TEST(of_many_tenants_few_databases_are_open),
		TEST(connections_that_nobody_uses_are_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
