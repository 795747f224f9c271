/* Tests of common/chat/rag_jobs.h. */
#include "tests/support/rag_stage.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "common/base/clock.h"
#include "common/chat/rag_jobs.h"

enum { PATIENCE_MS = 60 * 1000 };

static const struct span other = SPAN_INIT("other");

struct seen {
	struct rag_job job;
	char what[64], detail[256];
	int count;
};

static void see(void *arg, const struct rag_job *job)
{
	struct seen *seen = arg;

	seen->job = *job;
	seen->count++;
	if (job->finding_count > 0) {
		snprintf(seen->what, sizeof(seen->what), "%s", job->findings[0].what);
		snprintf(seen->detail, sizeof(seen->detail), "%s", job->findings[0].detail);
	}
}

static struct seen look(struct rag_jobs *j, const char *id)
{
	struct seen seen = { .count = 0 };
	struct err err = ERR_INIT;

	if (rag_jobs_get(j, acme, span_str(id), see, &seen, &err) < 0)
		fail_msg("%s", err.message);
	return seen;
}

static struct seen wait_for_end(struct rag_jobs *j, const char *id)
{
	int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	struct seen seen = look(j, id);

	while (!rag_job_has_ended(seen.job.state)) {
		if (clock_mono_ms() > until_ms)
			fail_msg("%s does not end", id);
		nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
		seen = look(j, id);
	}
	return seen;
}

static void put_some(struct rag_stage *s, int count)
{
	for (int i = 0; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		stage_put(s, name, name);
	}
}

/* The tenant's database beside the engine. */
static struct db *open_db(struct rag_stage *s, const char *sql)
{
	char path[128];
	struct db *db;

	snprintf(path, sizeof(path), "%s/acme.db", s->dir);
	db = db_open(path, DB_WRITE, &s->err);
	assert_non_null(db);
	assert_int_equal(db_exec(db, sql, &s->err), 0);
	return db;
}

/* A rebuild that begins now waits for the database, until it is let go. */
static struct db *hold(struct rag_stage *s)
{
	return open_db(s, "BEGIN IMMEDIATE");
}

static void let_go(struct rag_stage *s, struct db *db)
{
	assert_int_equal(db_exec(db, "ROLLBACK", &s->err), 0);
	db_close(db);
}

static void count_change(void *arg, struct span tenant, struct span index)
{
	assert_true(span_equal(tenant, acme));
	assert_true(span_equal(index, docs));
	++*(int *)arg;
}

static void a_job_is_done_and_says_so(void **state)
{
	struct rag_stage *s = *state;
	int changes = 0;
	struct rag_jobs *j = rag_jobs_new(s->rag, count_change, &changes);
	char id[RAG_JOB_ID_SIZE];
	struct seen seen;

	put_some(s, 3);
	for (unsigned kind = 0; rag_job_kind_name(kind); kind++) {
		assert_int_equal(rag_jobs_start(j, acme, docs, (enum rag_job_kind)kind, id, &s->err),
				 0);
		seen = wait_for_end(j, id);
		assert_int_equal(seen.job.state, RAG_JOB_DONE);
		assert_int_equal(seen.job.kind, kind);
		assert_int_equal(seen.job.done, 3);
		assert_int_equal(seen.job.total, 3);
		assert_true(seen.job.created_ms <= seen.job.started_ms);
		assert_true(seen.job.started_ms <= seen.job.finished_ms);
		assert_int_equal(seen.job.findings_total, 0);
		assert_null(seen.job.err);
	}
	rag_jobs_free(j);
	assert_int_equal(changes, 1);
	assert_string_equal(stage_findings(s), "");
}

static void a_failure_is_told_and_findings_are_none(void **state)
{
	struct rag_stage *s = *state;
	struct rag_jobs *j = rag_jobs_new(s->rag, NULL, NULL);
	char id[RAG_JOB_ID_SIZE];
	struct seen seen;
	struct db *db;

	put_some(s, 2);
	assert_int_equal(rag_jobs_start(j, acme, other, RAG_JOB_CHECK, id, &s->err), 0);
	seen = wait_for_end(j, id);
	assert_int_equal(seen.job.state, RAG_JOB_FAILED);
	assert_int_equal(seen.job.err->code, E_rag_index_not_found);

	db = open_db(s, "UPDATE rag_document SET text_hash = zeroblob(32)");
	db_close(db);
	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_CHECK, id, &s->err), 0);
	seen = wait_for_end(j, id);
	assert_int_equal(seen.job.state, RAG_JOB_DONE);
	assert_int_equal(seen.job.findings_total, 2);
	assert_int_equal(seen.job.finding_count, 2);
	assert_string_equal(seen.what, "text_hash");
	rag_jobs_free(j);
}

static void a_job_that_waits_or_runs_is_cancelled_and_one_that_ended_is_not(void **state)
{
	struct rag_stage *s = *state;
	struct rag_jobs *j = rag_jobs_new(s->rag, NULL, NULL);
	char first[RAG_JOB_ID_SIZE], second[RAG_JOB_ID_SIZE];
	struct db *held;

	put_some(s, 400);
	held = hold(s);
	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_REBUILD, first, &s->err), 0);
	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_CHECK, second, &s->err), 0);
	/* One of a tenant at a time: the second waits. */
	assert_int_equal(rag_jobs_cancel(j, acme, span_str(second), &s->err), 0);
	assert_int_equal(look(j, second).job.state, RAG_JOB_CANCELLED);
	assert_int_equal(look(j, second).job.started_ms, 0);
	while (look(j, first).job.state != RAG_JOB_RUNNING)
		sched_yield();
	assert_int_equal(rag_jobs_cancel(j, acme, span_str(first), &s->err), 0);
	let_go(s, held);
	assert_int_equal(wait_for_end(j, first).job.state, RAG_JOB_CANCELLED);

	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_CHECK, first, &s->err), 0);
	assert_int_equal(wait_for_end(j, first).job.state, RAG_JOB_DONE);
	assert_int_equal(rag_jobs_cancel(j, acme, span_str(first), &s->err), 0);
	assert_int_equal(look(j, first).job.state, RAG_JOB_DONE);
	rag_jobs_free(j);
}

static void the_same_work_is_joined_and_a_tenant_has_so_many(void **state)
{
	struct rag_stage *s = *state;
	struct rag_jobs *j = rag_jobs_new(s->rag, NULL, NULL);
	char id[RAG_JOB_ID_SIZE], same[RAG_JOB_ID_SIZE];
	struct db *held;
	int begun = 0;

	put_some(s, 1);
	held = hold(s);
	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_REBUILD, id, &s->err), 0);
	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_REBUILD, same, &s->err), 0);
	assert_string_equal(id, same);
	for (; begun < 2 * RAG_JOBS_WAITING; begun++) {
		char name[16];

		snprintf(name, sizeof(name), "i%d", begun);
		if (rag_jobs_start(j, acme, span_str(name), RAG_JOB_CHECK, id, &s->err) < 0)
			break;
	}
	assert_int_equal(begun, RAG_JOBS_WAITING - 1);
	assert_int_equal(s->err.code, E_overloaded);
	assert_int_equal(rag_jobs_start(j, other, docs, RAG_JOB_CHECK, id, &s->err), 0);
	let_go(s, held);
	rag_jobs_free(j);
}

static void jobs_of_others_are_absent(void **state)
{
	struct rag_stage *s = *state;
	struct rag_jobs *j = rag_jobs_new(s->rag, NULL, NULL);
	struct seen seen = { .count = 0 };
	char id[RAG_JOB_ID_SIZE];

	put_some(s, 1);
	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_CHECK, id, &s->err), 0);
	assert_int_equal(rag_jobs_get(j, other, span_str(id), see, &seen, &s->err), -1);
	assert_int_equal(s->err.code, E_rag_job_not_found);
	assert_int_equal(rag_jobs_cancel(j, other, span_str(id), &s->err), -1);
	assert_int_equal(s->err.code, E_rag_job_not_found);
	rag_jobs_each(j, other, see, &seen);
	assert_int_equal(seen.count, 0);
	assert_int_equal(wait_for_end(j, id).job.state, RAG_JOB_DONE);
	rag_jobs_free(j);
}

struct order {
	char last[RAG_JOB_ID_SIZE];
	int count;
};

static void see_order(void *arg, const struct rag_job *job)
{
	struct order *order = arg;

	if (order->count++ > 0)
		assert_true(strcmp(job->id, order->last) != 0);
	else
		assert_true(order->last[0] == '\0' || strcmp(job->id, order->last) == 0);
	memcpy(order->last, job->id, sizeof(order->last));
}

static void the_last_hundred_that_ended_are_kept_newest_first(void **state)
{
	struct rag_stage *s = *state;
	struct rag_jobs *j = rag_jobs_new(s->rag, NULL, NULL);
	char first[RAG_JOB_ID_SIZE] = "";
	struct seen seen = { .count = 0 };
	struct order order = { .count = 0 };

	put_some(s, 1);
	for (int i = 0; i < RAG_JOBS_KEPT + 5; i++) {
		char id[RAG_JOB_ID_SIZE];

		assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_CHECK, id, &s->err), 0);
		wait_for_end(j, id);
		if (i == 0)
			memcpy(first, id, sizeof(first));
		memcpy(order.last, id, sizeof(id));
	}
	rag_jobs_each(j, acme, see_order, &order);
	assert_int_equal(order.count, RAG_JOBS_KEPT);
	assert_int_equal(rag_jobs_get(j, acme, span_str(first), see, &seen, &s->err), -1);
	rag_jobs_free(j);
}

static void a_table_that_stops_ends_its_jobs(void **state)
{
	struct rag_stage *s = *state;
	struct rag_jobs *j = rag_jobs_new(s->rag, NULL, NULL);
	char id[RAG_JOB_ID_SIZE];

	put_some(s, 400);
	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_REBUILD, id, &s->err), 0);
	assert_int_equal(rag_jobs_start(j, acme, docs, RAG_JOB_CHECK, id, &s->err), 0);
	rag_jobs_stop(j);
	assert_int_equal(rag_jobs_start(j, acme, other, RAG_JOB_CHECK, id, &s->err), -1);
	rag_jobs_free(j);
	stage_open_again(s);
	assert_string_equal(stage_findings(s), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_make, stage_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_is_done_and_says_so),
		TEST(a_failure_is_told_and_findings_are_none),
		TEST(a_job_that_waits_or_runs_is_cancelled_and_one_that_ended_is_not),
		TEST(the_same_work_is_joined_and_a_tenant_has_so_many),
		TEST(jobs_of_others_are_absent),
		TEST(the_last_hundred_that_ended_are_kept_newest_first),
		TEST(a_table_that_stops_ends_its_jobs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
