/*
 * tests/support/indices_work.c - documents put, replaced, deleted; vectors; steps of tending.
 */
#include "tests/support/indices.h"
#include "tests/support/kit.h"
#include "common/store/db.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	BATCH_MAX = 6,
	PENDING_MAX = 32,
	DIMENSIONS = 8,
	MODEL_CALLS = 60,  /* of embed, with one model */
	FLAT_MAX = 100, /* vectors that are not grouped */
};

const struct span indices_tenant = SPAN_INIT("acme"), indices_index = SPAN_INIT("docs");

struct work {
	struct rag *rag;
	struct ledger *ledger;
	struct arena arena;
	struct err err;
	const char *dir;
	uint64_t random;
	bool other_model;
	_Atomic bool stop;
	struct reader readers[READERS_MAX];
	pthread_t threads[READERS_MAX];
	char texts[DOCUMENTS][TEXT_MAX];
	char names[DOCUMENTS][16];
};

static uint32_t below(uint64_t *state, uint32_t max)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 33) % max;
}

size_t indices_text(int document, int64_t version, char *out)
{
	uint64_t random = (uint64_t)version * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)document;
	size_t len = 0, paragraphs = 1 + below(&random, 40);

	len += (size_t)snprintf(out, TEXT_MAX, "Document %d, version %lld.\n", document,
				(long long)version);
	/* Some are the same in all versions, so that vectors are found again. */
	for (size_t i = 0; i < paragraphs; i++)
		len += (size_t)snprintf(
			out + len, TEXT_MAX - len,
			"\nParagraph %zu of %d says %u things about the weather, the "
			"sea and the %s of number %lld. It goes on for a while, so "
			"that chunks are filled, and then it ends, as all things do; "
			"but not before having said %u again.\n",
			i, document, below(&random, 1000), i % 2 ? "birds" : "fish",
			i % 3 ? (long long)i : (long long)version, below(&random, 1000));
	return len;
}

/* ---- a call, noted before and after ---- */

static void begin_call(struct ledger *l)
{
	l->asked = l->kept;
}

static void ask(struct ledger *l)
{
	atomic_store(&l->is_asked, true);
}

/* True when it went well, or failed for want of room and so changed nothing. */
static bool answer(struct work *w, int result)
{
	struct ledger *l = w->ledger;

	if (result < 0 && w->err.code != E_storage_error) {
		snprintf(l->message, sizeof(l->message), "%s", w->err.message);
		atomic_store(&l->failed, true);
		return false;
	}
	if (result == 0) {
		l->kept = l->asked;
		atomic_fetch_add(&l->calls, 1);
	} else {
		atomic_fetch_add(&l->refused, 1);
	}
	atomic_store(&l->is_asked, false);
	return true;
}

/* ---- the calls ---- */

static struct rag_document_in document(struct work *w, int number)
{
	int64_t version = ++w->ledger->last_version;
	size_t len = indices_text(number, version, w->texts[number]);

	w->ledger->asked.versions[number] = version;
	snprintf(w->names[number], sizeof(w->names[number]), "d%d", number);
	return (struct rag_document_in){
		.name = span_str(w->names[number]),
		.type = span_str("text/plain"),
		.content = span_of(w->texts[number], len),
		.meta = number % 3 ? SPAN_NONE : span_str("{\"third\":true}"),
		.mtime_us = version,
	};
}

static size_t some(struct work *w, struct rag_document_in *in)
{
	size_t count = 1 + below(&w->random, BATCH_MAX);
	int first = (int)below(&w->random, DOCUMENTS);

	for (size_t i = 0; i < count; i++)
		in[i] = document(w, (first + (int)i * 7) % DOCUMENTS);
	return count;
}

static int check_results(struct work *w, const struct rag_put_result *results, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (results[i].what == RAG_FAILED) {
			w->err = results[i].err;
			w->err.code = E_internal_error;
			return -1;
		}
	return 0;
}

static bool put(struct work *w)
{
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };
	struct rag_document_in in[BATCH_MAX];
	struct rag_put_result results[BATCH_MAX];
	size_t count = some(w, in);
	int result;

	ask(w->ledger);
	result = rag_put(w->rag, indices_tenant, indices_index, &how, in, count, &w->arena, results,
			 &w->err);
	return answer(w, result < 0 ? -1 : check_results(w, results, count));
}

static bool erase(struct work *w)
{
	struct span names[3];
	int64_t gone;

	for (size_t i = 0; i < 3; i++) {
		uint32_t number = below(&w->random, DOCUMENTS);

		snprintf(w->names[number], sizeof(w->names[number]), "d%u", (unsigned)number);
		names[i] = span_str(w->names[number]);
		w->ledger->asked.versions[number] = 0;
	}
	ask(w->ledger);
	return answer(w, rag_document_delete(w->rag, indices_tenant, indices_index, names, 3, &gone, NULL,
					     &w->err));
}

/*
 * Of each that was under way when the program was killed something is left for minutes, and a tenant
 * may have few: as if the minutes had passed.
 */
static int begin_replacement(struct work *w, struct rag_replacement *to)
{
	int result = rag_replace_begin(w->rag, indices_tenant, indices_index, to, &w->err);
	char path[256];
	struct db *db;

	if (result == 0 || w->err.code != E_overloaded)
		return result;
	err_clear(&w->err);
	snprintf(path, sizeof(path), "%s/%s.db", w->dir, indices_tenant.ptr);
	db = db_open(path, DB_WRITE, &w->err);
	result = db ? db_exec(db,
			      "UPDATE rag_index SET changed_at = 0 WHERE stands_for IS NOT NULL",
			      &w->err)
		    : -1;
	db_close(db);
	return result < 0 ? -1
			  : rag_replace_begin(w->rag, indices_tenant, indices_index, to, &w->err);
}

static int replace_all(struct work *w, struct rag_document_in *in, size_t count)
{
	struct rag_put_result results[BATCH_MAX];
	struct rag_replacement to;

	if (begin_replacement(w, &to) < 0)
		return -1;
	if (rag_replace_put(w->rag, indices_tenant, &to, NULL, in, count, &w->arena, results,
			    &w->err) < 0) {
		struct err failed = w->err;

		rag_replace_cancel(w->rag, indices_tenant, &to);
		w->err = failed;
		return -1;
	}
	return check_results(w, results, count) < 0
		       ? -1
		       : rag_replace_end(w->rag, indices_tenant, &to, &w->err);
}

static bool replace(struct work *w)
{
	struct rag_document_in in[BATCH_MAX];
	size_t count;

	memset(&w->ledger->asked, 0, sizeof(w->ledger->asked));
	count = some(w, in);
	ask(w->ledger);
	return answer(w, replace_all(w, in, count));
}

/* Of the hash, so that equal texts have equal ones.  Now and then another model comes. */
static bool embed(struct work *w)
{
	struct span model;
	struct rag_pending pending[PENDING_MAX];
	float vectors[PENDING_MAX * DIMENSIONS];
	size_t count;
	int result;

	ask(w->ledger);
	w->other_model ^= below(&w->random, MODEL_CALLS) == 0;
	model = w->other_model ? SPAN_LIT("n") : SPAN_LIT("m");
	result = rag_pending(w->rag, indices_tenant, indices_index, model, 0, &w->arena, pending,
			     PENDING_MAX, 64 * 1024, &count, &w->err);
	for (size_t i = 0; result == 0 && i < count * DIMENSIONS; i++)
		vectors[i] = (float)pending[i / DIMENSIONS].hash[i % DIMENSIONS] - 127.5f;
	if (result == 0 && count > 0)
		result = rag_vectors_put(w->rag, indices_tenant, indices_index, model, pending,
					 count, vectors, DIMENSIONS, &w->err);
	return answer(w, result);
}

/* Now large chunks, now small ones. */
static bool rebuild(struct work *w)
{
	const struct rag_config config = { .chunk_target = 200 + 600 * below(&w->random, 2) };
	int result;

	ask(w->ledger);
	result = rag_index_configure(w->rag, indices_tenant, indices_index, &config, &w->err);
	if (result == 0)
		result = rag_rebuild(w->rag, indices_tenant, indices_index, NULL, NULL, &w->err);
	return answer(w, result);
}

static void *tend(void *data)
{
	struct work *w = data;

	while (!atomic_load(&w->stop)) {
		struct err err = ERR_INIT;

		if (!rag_tend(w->rag, indices_tenant, indices_index, &err) &&
		    !rag_tend(w->rag, indices_tenant, SPAN_NONE, &err))
			usleep(500);
	}
	return NULL;
}

/* ---- */

static bool one_call(struct work *w)
{
	static const struct {
		uint32_t share; /* of 100 */
		bool (*run)(struct work *w);
	} calls[] = { { 50, put }, { 20, erase }, { 18, embed }, { 10, replace }, { 2, rebuild } };
	uint32_t dice = below(&w->random, 100);
	size_t i = 0;

	arena_reset(&w->arena);
	err_clear(&w->err);
	begin_call(w->ledger);
	for (; dice >= calls[i].share; i++)
		dice -= calls[i].share;
	return calls[i].run(w);
}

static void *read_all_the_time(void *data)
{
	struct reader *r = data;

	return indices_read(r) ? r : NULL;
}

static void start_readers(struct work *w, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		w->readers[i] = (struct reader){ .rag = w->rag,
						 .stop = &w->stop,
						 .random = w->ledger->seed + 2 * i + 1 };
		if (pthread_create(&w->threads[i], NULL, read_all_the_time, &w->readers[i]) != 0)
			kit_fatal("no thread for a reader");
	}
}

static void join_readers(struct work *w, size_t count)
{
	struct ledger *l = w->ledger;

	for (size_t i = 0; i < count; i++) {
		void *result;

		pthread_join(w->threads[i], &result);
		l->questions += w->readers[i].questions;
		l->hits += w->readers[i].hits;
		if (result)
			continue;
		snprintf(l->message, sizeof(l->message), "%s", w->readers[i].message);
		atomic_store(&l->failed, true);
	}
}

static bool goes_on(const struct work *w, const struct work_plan *plan)
{
	return atomic_load(&w->ledger->refused) < plan->refusals &&
	       (plan->until_us == 0 || kit_now_us() < plan->until_us);
}

void indices_work(const char *dir, struct ledger *l, const struct work_plan *plan)
{
	static struct work w;
	const struct rag_options options = { .dir = dir, .flat_max = FLAT_MAX };
	pthread_t thread;

	w.ledger = l;
	w.dir = dir;
	w.random = l->seed | 1;
	arena_init(&w.arena, 64 << 20);
	w.rag = rag_open(&options, &w.err);
	/* The first call has something to change. */
	begin_call(l);
	if (!w.rag || !put(&w)) {
		snprintf(l->message, sizeof(l->message), "%s", w.err.message);
		atomic_store(&l->failed, true);
		return;
	}
	if (pthread_create(&thread, NULL, tend, &w) != 0)
		return;
	start_readers(&w, plan->readers);
	while (goes_on(&w, plan) && one_call(&w))
		;
	atomic_store(&w.stop, true);
	pthread_join(thread, NULL);
	join_readers(&w, plan->readers);
	rag_close(w.rag);
	arena_clear(&w.arena);
}
