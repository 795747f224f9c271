/*
 * server/api/c1_conversations.c - /c1/conversations: what there is.
 */
#include <errno.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/chat/conversation_print.h"
#include "common/loop/fiber.h"
#include "server/api/c1.h"

enum {
	LIST_MAX = 16 * 1024 * 1024,
	PART_BYTES = 512 * 1024,       /* of a conversation, about: what is in memory at a time */
	PART_MAX = 256 * 1024 * 1024,  /* with a message of any size */
	SEARCH_STEP_US = 5000,
	CATCH_UP_MS = 1000, /* a search waits for the index, but not for ever */
	SECOND_US = 1000000,
};

struct conversation_owner c1_owner(const struct call *c)
{
	return (struct conversation_owner){
		.tenant_id = c->identity.tenant_id,
		.user_id = *c->identity.user_id ? c->identity.user_id : NULL,
	};
}

/* One look at the database, whose answer is written on the thread that looks. */
struct look {
	struct conversation_owner owner;
	struct span query, prefix;
	struct page page;
	struct buf out;
	int64_t total;
	bool more;
};

static int add_row(void *arg, const struct conversation_row *row, struct err *err)
{
	struct look *l = arg;

	(void)err;
	if (l->out.len > 1)
		buf_add_char(&l->out, ',');
	conversation_print_row(&l->out, row);
	return 0;
}

static int look_at_list(struct db *db, void *arg, struct err *err)
{
	struct look *l = arg;
	int result;

	buf_add_char(&l->out, '[');
	if (l->query.ptr)
		result = conversation_search(db, &l->owner, l->query, l->page.limit, l->page.offset, add_row, l,
					     &l->total, &l->more, err);
	else
		result = conversation_list(db, &l->owner, l->prefix, l->page.limit, l->page.offset, add_row, l,
					   &l->total, err);
	buf_add_char(&l->out, ']');
	if (result == 0 && buf_failed(&l->out))
		return err_set(err, E_too_large, "query.limit", "the list is larger than %d bytes", LIST_MAX);
	return result;
}

static int read_list_query(struct exchange *x, struct look *l, struct err *err)
{
	if (call_query_page(x, &l->page, err) < 0 || call_query(x, "q", &l->query, err) < 0 ||
	    call_query(x, "prefix", &l->prefix, err) < 0)
		return -1;
	if (l->query.ptr && l->prefix.ptr)
		return err_set(err, E_invalid_field, "query.prefix", "q and prefix exclude each other");
	return 0;
}

static void reply_list(struct exchange *x, const struct look *l)
{
	struct buf body;

	buf_init(&body, l->out.len + 1 * KIB);
	buf_add_str(&body, "{\"items\":");
	buf_add_span(&body, buf_span(&l->out));
	buf_printf(&body, ",\"total\":%lld,\"limit\":%lld,\"offset\":%lld%s}", (long long)l->total,
		   (long long)l->page.limit, (long long)l->page.offset, l->more ? ",\"more\":true" : "");
	reply_send(x, 200, "application/json", buf_span(&body));
	buf_free(&body);
}

void c1_answer_error(struct exchange *x, const struct err *err)
{
	if (err->code != E_cancelled)
		reply_error(x, err);
}

static int look_at_left(struct db *db, void *arg, struct err *err)
{
	return conversation_index_left(db, arg, err);
}

static int index_some(struct db *db, void *arg, struct err *err)
{
	return conversation_index_some(db, CONVERSATION_INDEX_STEP, arg, err);
}

/*
 * What was there when the search began is indexed first; others go on writing meanwhile.  After a
 * flood that takes too long, and a database that cannot be written still answers with what it has
 * indexed: then there may be more.
 */
static void catch_up(const struct exchange *x, struct call *c, bool *lacks)
{
	struct core *core = c->worker->core;
	struct err err = ERR_INIT;
	int64_t left = 0, until_ms = clock_mono_ms() + CATCH_UP_MS;
	bool more = store_read(core->store, core->jobs, look_at_left, &left, &err) == 0 && left > 0;

	for (; more && left > 0 && exchange_is_open(x); left -= CONVERSATION_INDEX_STEP)
		if (clock_mono_ms() > until_ms || store_write(core->store, index_some, &more, &err) < 0)
			break;
	*lacks = (more && left > 0) || err.code != E_none;
	if (err.code != E_none)
		log_warn("search", "%s: the latest messages are not searched: %s", x->request_id, err.message);
}

static void sleep_until(void *arg)
{
	const int64_t *until_us = arg;
	const struct timespec until = { *until_us / SECOND_US, *until_us % SECOND_US * 1000 };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/*
 * The index of words is one for all: whether others said a word, and how often, is in the time that
 * looking for it takes.  So a search is answered on the next full step after its begin; the loop's
 * timers go by whole milliseconds since the search ended, and a job waits for the rest: one to two
 * milliseconds of one of the pool's threads, which a search has held for longer.
 */
static void await_step(const struct exchange *x, const struct call *c)
{
	int64_t now_us = clock_mono_us(), took_us = now_us - x->started_us;
	int64_t until_us = now_us + SEARCH_STEP_US - took_us % SEARCH_STEP_US;
	int64_t whole_ms = (until_us - now_us) / 1000 - 1;

	if (whole_ms > 0 && fiber_sleep(whole_ms, NULL) < 0)
		return;
	job_run(c->worker->core->jobs, sleep_until, &until_us, NULL);
}

void c1_list(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct look l = { .owner = c1_owner(c) };
	bool lacks = false;

	buf_init(&l.out, LIST_MAX);
	if (read_list_query(x, &l, &err) < 0)
		goto out;
	if (l.query.ptr)
		catch_up(x, c, &lacks);
	store_read(c->worker->core->store, c->worker->core->jobs, look_at_list, &l, &err);
	l.more |= lacks;
	if (l.query.ptr)
		await_step(x, c);
out:
	if (err.code != E_none)
		c1_answer_error(x, &err);
	else
		reply_list(x, &l);
	buf_free(&l.out);
}

/* A whole conversation, part by part: what a slow client has not taken yet is never all of it. */
struct telling {
	struct conversation_owner owner;
	struct span id;
	enum conversation_form form;
	struct buf out;
	int64_t seq;  /* of the last message told, 0 = none and not begun */
	int64_t last; /* to be told: of later ones this answer does not know */
	bool more;
};

static int tell_message(void *arg, const struct message_row *m, struct err *err)
{
	struct telling *t = arg;

	if (m->seq > t->last)
		return 1;
	t->seq = m->seq;
	conversation_print_message(&t->out, t->form, m);
	if (buf_failed(&t->out))
		return err_set(err, E_too_large, "id", "a message is larger than %d bytes", PART_MAX);
	t->more = m->seq < t->last;
	return t->out.len >= PART_BYTES;
}

static int tell_part(struct db *db, void *arg, struct err *err)
{
	struct telling *t = arg;
	struct conversation_row row;
	int64_t number;

	if (conversation_get(db, &t->owner, t->id, &row, err) < 0)
		return -1;
	number = row.number;
	if (t->seq == 0) {
		t->last = row.last_seq;
		conversation_print_begin(&t->out, t->form, &row);
	}
	t->more = false;
	if (conversation_messages(db, number, t->seq + 1, tell_message, t, err) < 0)
		return -1;
	if (!t->more)
		conversation_print_end(&t->out, t->form);
	return 0;
}

static int tell_rest(struct exchange *x, struct call *c, struct telling *t, struct err *err)
{
	struct core *core = c->worker->core;
	struct span part;

	if (reply_begin(x, 200, conversation_form_type(t->form)) < 0)
		return -1;
	while (x->head->method != HTTP1_HEAD) {
		part = buf_span(&t->out);
		if (reply_write(x, &part, 1, err) < 0)
			return -1;
		reply_flush(x);
		if (!t->more)
			break;
		buf_clear(&t->out);
		if (store_read(core->store, core->jobs, tell_part, t, err) < 0)
			return -1;
	}
	reply_end(x);
	return 0;
}

/* headers: adds what the form needs, once the conversation has been found; or NULL. */
static void tell(struct exchange *x, struct call *c, enum conversation_form form,
		 void (*headers)(struct exchange *x, const struct telling *t))
{
	struct core *core = c->worker->core;
	struct telling t = { .owner = c1_owner(c), .id = span_str(call_param(x, c, 0)), .form = form };
	struct err err = ERR_INIT;

	buf_init(&t.out, PART_MAX);
	if (store_read(core->store, core->jobs, tell_part, &t, &err) < 0) {
		c1_answer_error(x, &err);
		goto out;
	}
	if (headers)
		headers(x, &t);
	if (!t.more)
		reply_send(x, 200, conversation_form_type(form), buf_span(&t.out));
	else if (tell_rest(x, c, &t, &err) < 0) /* deleted meanwhile, and part of it has left */
		reply_abort(x);
out:
	buf_free(&t.out);
}

void c1_get(struct exchange *x, struct call *c)
{
	tell(x, c, CONVERSATION_JSON, NULL);
}

static int read_form(struct exchange *x, enum conversation_form *form, struct err *err)
{
	struct span name;

	*form = CONVERSATION_EXPORT;
	if (call_query(x, "format", &name, err) < 0)
		return -1;
	if (!name.ptr || conversation_form_find(name, form) == 0)
		return 0;
	return err_set(err, E_invalid_field, "query.format", "format must be json, md or html");
}

static void add_export_headers(struct exchange *x, const struct telling *t)
{
	/* What models wrote is shown, and never runs. */
	reply_header(x, "Content-Security-Policy",
		     SPAN_LIT("default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"));
	reply_header(x, "X-Content-Type-Options", SPAN_LIT("nosniff"));
	reply_header(x, "Content-Disposition",
		     span_str(arena_printf(&x->arena, "attachment; filename=\"%.*s.%s\"", SPAN_ARGS(t->id),
					   conversation_form_name(t->form))));
}

void c1_export(struct exchange *x, struct call *c)
{
	enum conversation_form form;
	struct err err = ERR_INIT;

	if (read_form(x, &form, &err) < 0)
		c1_answer_error(x, &err);
	else
		tell(x, c, form, add_export_headers);
}

