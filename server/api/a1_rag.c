/*
 * server/api/a1_rag.c - see a1_rag.h.
 */
#include "server/api/a1_rag.h"

#include "common/chat/rag_embedder.h"
#include "common/chat/rag_keeper.h"
#include "server/api/fields.h"

enum { INGEST_WAIT_MS = 2 * 60 * 1000, BODY_MAX = 32 * 1024 * 1024 };

/* A piece of work on its way to a thread and back. */
struct errand {
	struct rag_work *work;
	int (*do_it)(void *arg);
	void *arg;
};

void rag_work_begin(struct exchange *x, struct call *c, struct rag_work *w)
{
	*w = (struct rag_work){ .rag = c->worker->core->rag,
				.routing = c->snapshot->routing,
				.keeper = c->worker->core->keeper,
				.tenant = span_str(c->identity.tenant_id),
				.index = span_str(call_param(x, c, 0)) };
	arena_init(&w->arena, A1_RAG_REPLY_MAX);
	buf_init(&w->out, A1_RAG_REPLY_MAX);
}

void rag_work_end(struct rag_work *w)
{
	arena_clear(&w->arena);
	buf_free(&w->out);
}

static void run_errand(void *arg)
{
	struct errand *e = arg;

	e->work->result = e->do_it(e->arg);
	if (e->work->result == 0 && buf_failed(&e->work->out))
		e->work->result =
			err_set(&e->work->err, E_too_large, "", "the answer is larger than %d MiB",
				A1_RAG_REPLY_MAX >> 20);
}

static int run_on(struct job_pool *pool, struct rag_work *w, int (*do_it)(void *arg), void *arg)
{
	struct errand e = { w, do_it, arg };

	return job_run(pool, run_errand, &e, &w->err) < 0 ? -1 : w->result;
}

static int answer_failure(struct exchange *x, const struct rag_work *w)
{
	if (w->err.code != E_cancelled)
		reply_error(x, &w->err);
	return -1;
}

int rag_work_run(struct exchange *x, struct call *c, struct rag_work *w, int (*do_it)(void *arg),
		 void *arg)
{
	return run_on(c->worker->core->jobs, w, do_it, arg) == 0 ? 0 : answer_failure(x, w);
}

void rag_work_print_index(struct rag_work *w, const struct rag_index_info *index)
{
	struct rag_embedder e;
	struct rag_wanted wanted = { .is_free = false };
	const struct target *target;
	struct buf error;

	if (rag_embedder_find(w->routing, index, &e)) {
		wanted.model = span_str(e.model);
		target = rag_embedder_target(w->routing, &e);
		wanted.backend = target ? span_str(target->backend->name) : SPAN_NONE;
		wanted.is_free = target && target_is_free(target);
	}

	buf_init(&error, 1 * KIB);
	rag_keeper_error(w->keeper, w->tenant, index->name, &error);
	rag_print_index(&w->out, index, &wanted, buf_span(&error));
	buf_free(&error);
}

void rag_work_reply(struct exchange *x, struct rag_work *w, int status)
{
	reply_send(x, status, "application/json", buf_span(&w->out));
}

int rag_work_ingest(struct call *c, struct rag_work *w, int (*do_it)(void *arg), void *arg)
{
	struct core *core = c->worker->core;
	struct errand e = { w, do_it, arg };
	struct turnstile_pass pass = { NULL };
	int result = turnstile_enter(core->indices, w->tenant, INGEST_WAIT_MS, &pass, &w->err);

	if (result < 0)
		return -1;
	if (result > 0)
		return err_set(&w->err, E_overloaded, "",
			       "other documents of the tenant are being taken in");
	if (job_run_telling(core->ingests, run_errand, &e, &w->cancelled, &w->err) < 0)
		result = -1;
	else
		result = w->result;
	turnstile_leave(core->indices, &pass);
	return result;
}

int rag_work_always(struct call *c, struct rag_work *w, int (*do_it)(void *arg), void *arg)
{
	return run_on(c->worker->core->ingests, w, do_it, arg);
}

int rag_work_write(struct exchange *x, struct call *c, struct rag_work *w, int (*do_it)(void *arg),
		   void *arg)
{
	return rag_work_ingest(c, w, do_it, arg) == 0 ? 0 : answer_failure(x, w);
}

void rag_work_note(struct call *c, const struct rag_work *w)
{
	rag_keeper_note(c->worker->core->keeper, w->tenant, w->index);
}

static int run_body(void *arg)
{
	struct rag_body *b = arg;
	json_error_t why;
	int result = -1;

	b->root = json_loadb(b->bytes.ptr, b->bytes.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL,
			     &why);
	if (!b->root)
		err_set(&b->work.err, E_invalid_json, "body", "%s, at byte %d", why.text,
			why.position);
	else if (!json_is_object(b->root))
		err_set(&b->work.err, E_invalid_field, "body", "the body must be a JSON object");
	else if (fields_check(b->root, b->names, &b->work.err) == 0)
		result = b->do_it(b);
	json_decref(b->root);
	b->root = NULL;
	return result;
}

static void answer_body(struct exchange *x, struct call *c, struct rag_body *b)
{
	int result = b->changes ? rag_work_write(x, c, &b->work, run_body, b)
				: rag_work_run(x, c, &b->work, run_body, b);

	if (result < 0)
		return;
	if (b->changes)
		rag_work_note(c, &b->work);
	rag_work_reply(x, &b->work, 200);
}

void rag_body_run(struct exchange *x, struct call *c, struct rag_body *b)
{
	rag_work_begin(x, c, &b->work);
	if (call_check_type(x, &b->work.err) < 0 ||
	    exchange_body(x, BODY_MAX, &b->bytes, &b->work.err) < 0)
		reply_error(x, &b->work.err);
	else
		answer_body(x, c, b);
	rag_work_end(&b->work);
}
