/*
 * server/api/a1_rag_jobs.c - /a1/rag/jobs: long work on indices.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/jmember.h"
#include "common/chat/rag_jobs.h"
#include "common/loop/fiber.h"
#include "server/api/a1_rag.h"
#include "server/api/fields.h"

enum {
	BODY_MAX = 16 * 1024,
	JOB_MAX = 1024 * 1024, /* of one as JSON: findings are bounded */
	LOOK_MS = 200,
	ALIVE_MS = 15 * 1000, /* something is sent, so that proxies and the client know */
};

/* ---- as JSON ---- */

static void add_time(struct buf *out, const char *key, int64_t ms)
{
	if (ms != 0)
		jmember_time(out, key, ms);
}

static void add_findings(struct buf *out, const struct rag_job *job)
{
	buf_printf(out, ",\"findings_total\":%lld,\"findings\":[", (long long)job->findings_total);
	for (size_t i = 0; i < job->finding_count; i++) {
		const struct rag_job_finding *f = &job->findings[i];

		buf_printf(out, "%s{\"what\":\"%s\"", i > 0 ? "," : "", f->what);
		if (*f->document)
			jmember_text(out, "document", span_str(f->document));
		jmember_text(out, "detail", span_str(f->detail));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void print_job(struct buf *out, const struct rag_job *job)
{
	buf_printf(out, "{\"id\":\"%s\"", job->id);
	jmember_text(out, "index_id", span_str(job->index));
	jmember_text(out, "kind", span_str(rag_job_kind_name(job->kind)));
	jmember_text(out, "state", span_str(rag_job_state_name(job->state)));
	buf_printf(out, ",\"done\":%lld,\"total\":%lld", (long long)job->done,
		   (long long)job->total);
	add_time(out, "created_at", job->created_ms);
	add_time(out, "started_at", job->started_ms);
	add_time(out, "finished_at", job->finished_ms);
	if (job->kind == RAG_JOB_CHECK && job->state != RAG_JOB_QUEUED)
		add_findings(out, job);
	if (job->err) {
		buf_printf(out, ",\"error\":{\"code\":\"%s\"", err_info(job->err->code)->code);
		jmember_text(out, "message", span_str(job->err->message));
		buf_add_char(out, '}');
	}
	buf_add_char(out, '}');
}

/* ---- one ---- */

struct look {
	struct buf out;
	bool has_ended;
};

static void show(void *arg, const struct rag_job *job)
{
	struct look *l = arg;

	l->has_ended = rag_job_has_ended(job->state);
	print_job(&l->out, job);
}

static int look_at(struct call *c, struct span id, struct look *l, struct err *err)
{
	buf_clear(&l->out);
	return rag_jobs_get(c->worker->core->rag_jobs, span_str(c->identity.tenant_id), id, show, l,
			    err);
}

static void reply_job(struct exchange *x, struct call *c, struct span id, int status)
{
	struct err err = ERR_INIT;
	struct look l;

	buf_init(&l.out, JOB_MAX);
	if (look_at(c, id, &l, &err) < 0)
		reply_error(x, &err);
	else
		reply_send(x, status, "application/json", buf_span(&l.out));
	buf_free(&l.out);
}

void a1_jobs_get(struct exchange *x, struct call *c)
{
	reply_job(x, c, span_str(call_param(x, c, 0)), 200);
}

void a1_jobs_cancel(struct exchange *x, struct call *c)
{
	struct span id = span_str(call_param(x, c, 0));
	struct err err = ERR_INIT;

	if (rag_jobs_cancel(c->worker->core->rag_jobs, span_str(c->identity.tenant_id), id, &err) <
	    0)
		reply_error(x, &err);
	else
		reply_job(x, c, id, 200);
}

/* ---- all ---- */

static void list_one(void *arg, const struct rag_job *job)
{
	struct buf *out = arg;

	if (out->ptr[out->len - 1] != '[')
		buf_add_char(out, ',');
	print_job(out, job);
}

void a1_jobs_list(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct buf out;

	buf_init(&out, A1_RAG_REPLY_MAX);
	buf_add_str(&out, "{\"items\":[");
	rag_jobs_each(c->worker->core->rag_jobs, span_str(c->identity.tenant_id), list_one, &out);
	buf_add_str(&out, "]}");
	if (buf_failed(&out)) {
		err_set(&err, E_too_large, "", "the list is too long");
		reply_error(x, &err);
	} else {
		reply_send(x, 200, "application/json", buf_span(&out));
	}
	buf_free(&out);
}

/* ---- a new one ---- */

struct order {
	struct rag_work work;
	json_t *body;
	unsigned kind;
};

static int read_order(struct exchange *x, struct order *o, struct err *err)
{
	/* Older clients say index, and people verify, as the command is called. */
	static const char *const names[] = { "index_id", "index", "kind", NULL };
	struct span id = SPAN_NONE, index = SPAN_NONE, kind;

	o->body = call_read_json(x, BODY_MAX, err);
	if (!o->body || fields_check(o->body, names, err) < 0 ||
	    field_text(o->body, "index", &index, err) < 0 ||
	    (index.ptr ? field_text : field_need_text)(o->body, "index_id", &id, err) < 0 ||
	    field_need_text(o->body, "kind", &kind, err) < 0)
		return -1;
	if (index.ptr && id.ptr && !span_equal(index, id))
		return err_set(err, E_invalid_field, "index", "index and index_id name two indices");
	o->work.index = id.ptr ? id : index;
	if (span_is(kind, "verify")) {
		o->kind = RAG_JOB_CHECK;
		return 0;
	}
	return field_choice(o->body, "kind", rag_job_kind_name, &o->kind, err);
}

static int find_index(void *arg)
{
	struct order *o = arg;
	struct rag_work *w = &o->work;
	struct rag_index_info index;

	return rag_index_get(w->rag, w->tenant, w->index, &w->arena, &index, &w->err);
}

static void start_job(struct exchange *x, struct call *c, struct order *o)
{
	char id[RAG_JOB_ID_SIZE], location[RAG_JOB_ID_SIZE + 32];

	if (rag_jobs_start(c->worker->core->rag_jobs, o->work.tenant, o->work.index,
			   (enum rag_job_kind)o->kind, id, &o->work.err) < 0) {
		reply_error(x, &o->work.err);
		return;
	}
	snprintf(location, sizeof(location), "/a1/rag/jobs/%s", id);
	reply_header(x, "Location", span_str(location));
	reply_job(x, c, span_str(id), 202);
}

void a1_jobs_create(struct exchange *x, struct call *c)
{
	struct order o = { .body = NULL };

	rag_work_begin(x, c, &o.work);
	if (read_order(x, &o, &o.work.err) < 0)
		reply_error(x, &o.work.err);
	else if (rag_work_run(x, c, &o.work, find_index, &o) == 0)
		start_job(x, c, &o);
	json_decref(o.body);
	rag_work_end(&o.work);
}

/* ---- as it goes on ---- */

static int send_event(struct exchange *x, const struct look *l, struct err *err)
{
	/* A job is one line: its JSON has no line breaks. */
	const struct span parts[] = {
		l->has_ended ? SPAN_LIT("event: rag.done\ndata: ")
			     : SPAN_LIT("event: rag.progress\ndata: "),
		buf_span(&l->out),
		SPAN_LIT("\n\n"),
	};

	if (reply_write(x, parts, ARRAY_LEN(parts), err) < 0)
		return -1;
	reply_flush(x);
	return 0;
}

static int send_alive(struct exchange *x, struct err *err)
{
	const struct span comment = SPAN_LIT(":\n\n");

	if (reply_write(x, &comment, 1, err) < 0)
		return -1;
	reply_flush(x);
	return 0;
}

/* Until the job ends or the client leaves. */
static int follow(struct exchange *x, struct call *c, struct span id, struct look *l,
		  struct err *err)
{
	int64_t told_ms = 0;
	struct buf told;
	int result = 0;

	buf_init(&told, JOB_MAX);
	for (;;) {
		bool is_new = !span_equal(buf_span(&l->out), buf_span(&told));

		if (is_new) {
			result = send_event(x, l, err);
			buf_clear(&told);
			buf_add_span(&told, buf_span(&l->out));
		} else if (clock_mono_ms() - told_ms > ALIVE_MS) {
			result = send_alive(x, err);
			is_new = true;
		}
		if (is_new)
			told_ms = clock_mono_ms();
		if (result < 0 || l->has_ended || (result = fiber_sleep(LOOK_MS, err)) < 0 ||
		    (result = look_at(c, id, l, err)) < 0)
			break;
	}
	buf_free(&told);
	return result;
}

void a1_jobs_events(struct exchange *x, struct call *c)
{
	struct span id = span_str(call_param(x, c, 0));
	struct err err = ERR_INIT;
	struct look l;

	buf_init(&l.out, JOB_MAX);
	if (look_at(c, id, &l, &err) < 0) {
		reply_error(x, &err);
	} else {
		reply_header(x, "Cache-Control", SPAN_LIT("no-cache"));
		reply_header(x, "X-Accel-Buffering", SPAN_LIT("no"));
		if (reply_begin(x, 200, "text/event-stream") == 0) {
			/* Of HEAD nobody reads the events. */
			if (x->head->method == HTTP1_HEAD || follow(x, c, id, &l, &err) == 0)
				reply_end(x);
			else
				reply_abort(x);
		}
	}
	buf_free(&l.out);
}
