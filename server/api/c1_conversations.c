/*
 * server/api/c1_conversations.c - /c1/conversations: what there is, and what is done with it.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/chat/conversation_print.h"
#include "common/chat/conversation_request.h"
#include "common/chat/conversation_turn.h"
#include "server/api/call.h"

enum {
	LIST_MAX = 16 * 1024 * 1024,
	WHOLE_MAX = 1024 * 1024 * 1024, /* bytes of a conversation as one answer */
	SMALL_BODY_MAX = 64 * 1024,
	SLICE_BYTES = 512 * 1024, /* of an import, in one change */
	SLICE_MESSAGES = 500,
};

/*
 * Whose conversations a call is about.  On routes that only read an administrator may leave the
 * user out, and sees the whole tenant.
 */
static struct conversation_owner owner_of(const struct call *c)
{
	return (struct conversation_owner){
		.tenant_id = c->identity.tenant_id,
		.user_id = *c->identity.user_id ? c->identity.user_id : NULL,
	};
}

/* One look at the database, whose answer is written on the thread that looks. */
struct look {
	struct conversation_owner owner;
	struct span id, query, prefix;
	struct page page;
	enum conversation_form form;
	struct buf out;
	int64_t total;
	bool more;
};

static void begin_look(struct look *l, const struct call *c, size_t max)
{
	memset(l, 0, sizeof *l);
	l->owner = owner_of(c);
	buf_init(&l->out, max);
}

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

static void answer_error(struct exchange *x, const struct err *err)
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

/* A database that cannot be written still answers with what it has indexed. */
static void catch_up(const struct exchange *x, struct call *c)
{
	struct core *core = c->worker->core;
	struct err err = ERR_INIT;
	int64_t left = 0;
	bool more = store_read(core->store, core->jobs, look_at_left, &left, &err) == 0 && left > 0;

	while (more && exchange_is_open(x))
		if (store_write(core->store, index_some, &more, &err) < 0)
			break;
	if (err.code != E_none)
		log_warn("search", "%s: the latest messages are not searched: %s", x->request_id, err.message);
}

void c1_list(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct look l;

	begin_look(&l, c, LIST_MAX);
	if (read_list_query(x, &l, &err) < 0)
		goto out;
	if (l.query.ptr)
		catch_up(x, c);
	store_read(c->worker->core->store, c->worker->core->jobs, look_at_list, &l, &err);
out:
	if (err.code != E_none)
		answer_error(x, &err);
	else
		reply_list(x, &l);
	buf_free(&l.out);
}

static int add_message(void *arg, const struct message_row *m, struct err *err)
{
	struct look *l = arg;

	conversation_print_message(&l->out, l->form, m);
	if (buf_failed(&l->out))
		return err_set(err, E_too_large, "id", "the conversation is larger than %d bytes", WHOLE_MAX);
	return 0;
}

static int look_at_whole(struct db *db, void *arg, struct err *err)
{
	struct look *l = arg;
	struct conversation_row row;
	int64_t number;

	if (conversation_get(db, &l->owner, l->id, &row, err) < 0)
		return -1;
	number = row.number;
	conversation_print_begin(&l->out, l->form, &row);
	if (conversation_messages(db, number, 1, add_message, l, err) < 0)
		return -1;
	conversation_print_end(&l->out, l->form);
	return 0;
}

static int look(struct exchange *x, struct call *c, struct look *l, struct err *err)
{
	l->id = span_str(call_param(x, c, 0));
	return store_read(c->worker->core->store, c->worker->core->jobs, look_at_whole, l, err);
}

void c1_get(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct look l;

	begin_look(&l, c, WHOLE_MAX);
	l.form = CONVERSATION_JSON;
	if (look(x, c, &l, &err) < 0)
		answer_error(x, &err);
	else
		reply_send(x, 200, conversation_form_type(l.form), buf_span(&l.out));
	buf_free(&l.out);
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

void c1_export(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct look l;

	begin_look(&l, c, WHOLE_MAX);
	if (read_form(x, &l.form, &err) < 0 || look(x, c, &l, &err) < 0) {
		answer_error(x, &err);
	} else {
		/* What models wrote is shown, and never runs. */
		reply_header(x, "Content-Security-Policy",
			     SPAN_LIT("default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"));
		reply_header(x, "X-Content-Type-Options", SPAN_LIT("nosniff"));
		reply_header(x, "Content-Disposition",
			     span_str(arena_printf(&x->arena, "attachment; filename=\"%.*s.%s\"",
						   SPAN_ARGS(l.id), conversation_form_name(l.form))));
		reply_send(x, 200, conversation_form_type(l.form), buf_span(&l.out));
	}
	buf_free(&l.out);
}

/* One change of the database. */
struct change {
	struct conversation_owner owner;
	struct span id, at, title;
	struct buf title_text;
	char new_id[CONVERSATION_ID_SIZE];
	struct conversation_import import;
	int64_t now_ms;
};

static int begin_change(struct exchange *x, struct call *c, struct change *k, struct err *err)
{
	memset(k, 0, sizeof *k);
	k->owner = owner_of(c);
	k->id = span_str(call_param(x, c, 0));
	k->now_ms = clock_wall_ms();
	buf_init(&k->title_text, 4 * KIB);
	conversation_make_id(k->new_id, k->now_ms);
	if (k->owner.user_id)
		return 0;
	return err_set(err, E_missing_field, "headers.spass-user-id", "the SPASS-User-Id header is required");
}

/* A member that is a string; absent or null leaves *out. */
static int read_string(struct exchange *x, json_t *root, const char *name, struct span *out, struct err *err)
{
	json_t *value = json_object_get(root, name);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_string(value))
		return err_set(err, E_invalid_field, name, "%s must be a string", name);
	*out = arena_span(&x->arena, span_of(json_string_value(value), json_string_length(value)));
	return out->ptr ? 0 : call_used_up(err);
}

static int read_title(struct exchange *x, json_t *root, struct change *k, struct err *err)
{
	struct span title = SPAN_NONE;

	if (read_string(x, root, "title", &title, err) < 0)
		return -1;
	if (!title.ptr)
		return 0;
	if (conversation_clean_title(title, &k->title_text, err) < 0)
		return -1;
	k->title = buf_span(&k->title_text);
	return 0;
}

/* Only these members, so that a misspelt one is not taken for none. */
static int check_members(json_t *root, const char *first, const char *second, struct err *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(root, key, value)
		if (strcmp(key, first) != 0 && (!second || strcmp(key, second) != 0))
			return err_set(err, E_invalid_field, key, "there is no member %.60s here", key);
	return 0;
}

/* What the row looks like now, with that status. */
static int look_at_row(struct db *db, void *arg, struct err *err)
{
	struct look *l = arg;
	struct conversation_row row;

	if (conversation_get(db, &l->owner, l->id, &row, err) < 0)
		return -1;
	conversation_print_row(&l->out, &row);
	return 0;
}

static void reply_row(struct exchange *x, struct call *c, int status, const char *id)
{
	struct err err = ERR_INIT;
	struct look l;

	begin_look(&l, c, LIST_MAX);
	l.id = span_str(id);
	if (store_read(c->worker->core->store, c->worker->core->jobs, look_at_row, &l, &err) < 0)
		answer_error(x, &err);
	else
		reply_send(x, status, "application/json", buf_span(&l.out));
	buf_free(&l.out);
}

static int rename_row(struct db *db, void *arg, struct err *err)
{
	const struct change *k = arg;

	return conversation_rename(db, &k->owner, k->id, k->title, err);
}

void c1_rename(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	json_t *root = NULL;
	struct change k;
	int result = begin_change(x, c, &k, &err);

	if (result == 0 && !(root = call_read_json(x, SMALL_BODY_MAX, &err)))
		result = -1;
	if (result == 0)
		result = check_members(root, "title", NULL, &err);
	if (result == 0)
		result = read_title(x, root, &k, &err);
	if (result == 0 && !k.title.ptr)
		result = err_set(&err, E_missing_field, "title", "title is required");
	if (result == 0)
		result = store_write(c->worker->core->store, rename_row, &k, &err);
	if (result < 0)
		answer_error(x, &err);
	else
		reply_row(x, c, 200, call_param(x, c, 0));
	json_decref(root);
	buf_free(&k.title_text);
}

static int delete_row(struct db *db, void *arg, struct err *err)
{
	const struct change *k = arg;

	return conversation_delete(db, &k->owner, k->id, err);
}

/* A turn that is under way ends first: its answer would have no place. */
void c1_delete(struct exchange *x, struct call *c)
{
	struct turnstile *turnstile = c->worker->core->conversations;
	struct turnstile_pass pass = { NULL };
	struct err err = ERR_INIT;
	struct change k;
	int result = begin_change(x, c, &k, &err);

	if (result == 0)
		result = conversation_enter(turnstile, &k.owner, k.id, c->snapshot->config->conversation_wait,
					    &pass, &err);
	if (result == 0)
		result = store_write(c->worker->core->store, delete_row, &k, &err);
	turnstile_leave(turnstile, &pass);
	if (result < 0)
		answer_error(x, &err);
	else
		call_reply_nothing(x);
	buf_free(&k.title_text);
}

static int fork_row(struct db *db, void *arg, struct err *err)
{
	const struct change *k = arg;

	return conversation_fork(db, &k->owner, k->id, k->at, k->title, k->new_id, k->now_ms, err);
}

/* An empty body asks for all of it under the same title. */
static int read_fork(struct exchange *x, struct change *k, struct err *err)
{
	struct span body;
	json_t *root;
	int result;

	if (exchange_body(x, SMALL_BODY_MAX, &body, err) < 0)
		return -1;
	if (body.len == 0)
		return 0;
	root = call_read_json(x, SMALL_BODY_MAX, err);
	if (!root)
		return -1;
	result = check_members(root, "at", "title", err);
	if (result == 0)
		result = read_string(x, root, "at", &k->at, err);
	if (result == 0)
		result = read_title(x, root, k, err);
	json_decref(root);
	return result;
}

void c1_fork(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct change k;
	int result = begin_change(x, c, &k, &err);

	if (result == 0)
		result = read_fork(x, &k, &err);
	if (result == 0)
		result = store_write(c->worker->core->store, fork_row, &k, &err);
	if (result < 0)
		answer_error(x, &err);
	else
		reply_row(x, c, 201, k.new_id);
	buf_free(&k.title_text);
}

/* Reading what may be megabytes of JSON. */
struct reading {
	struct conversation_import *import;
	struct span body;
	const struct routing *routing;
	int result;
	struct err err;
};

static void run_reading(void *arg)
{
	struct reading *g = arg;

	g->result = conversation_import_read(g->import, g->body, g->routing, &g->err);
}

/*
 * The writer serves others between two slices of a large import: one that is cut short by a crash
 * was never answered.
 */
struct slice {
	const struct change *change;
	size_t from, count;
};

static int import_slice(struct db *db, void *arg, struct err *err)
{
	const struct slice *s = arg;
	const struct change *k = s->change;
	struct conversation_addition a = {
		.owner = k->owner,
		.id = k->new_id,
		.is_new = s->from == 0,
		.title = buf_span(&k->import.title),
		.model = k->import.model.len ? buf_span(&k->import.model) : SPAN_LIT(""),
		.created_ms = k->import.created_ms,
		.now_ms = k->now_ms,
		.messages = k->import.rows + s->from,
		.count = s->count,
	};

	return conversation_add(db, &a, err);
}

/* At least one message, and no more than the writer does in some milliseconds. */
static size_t measure_slice(const struct conversation_import *i, size_t from)
{
	int64_t bytes = 0;
	size_t to = from;

	while (to < i->count && to - from < SLICE_MESSAGES &&
	       (to == from || bytes + i->rows[to].bytes <= SLICE_BYTES))
		bytes += i->rows[to++].bytes;
	return to - from;
}

static int write_import(struct store *store, struct change *k, struct err *err)
{
	struct slice s = { .change = k };
	struct err ignored = ERR_INIT;

	for (; s.from < k->import.count; s.from += s.count) {
		s.count = measure_slice(&k->import, s.from);
		if (store_write(store, import_slice, &s, err) == 0)
			continue;
		k->id = span_str(k->new_id);
		if (s.from > 0)
			(void)store_write(store, delete_row, k, &ignored);
		return -1;
	}
	return 0;
}

static int read_import(struct exchange *x, struct call *c, struct change *k, struct err *err)
{
	struct reading g = { .import = &k->import, .routing = c->snapshot->routing };

	if (call_check_type(x, err) < 0 || exchange_body(x, SIZE_MAX, &g.body, err) < 0)
		return -1;
	if (g.body.len <= REQUEST_INLINE_MAX)
		run_reading(&g);
	else if (job_run(c->worker->core->jobs, run_reading, &g, err) < 0)
		return -1;
	if (g.result < 0)
		*err = g.err;
	return g.result;
}

void c1_import(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct change k;
	int result = begin_change(x, c, &k, &err);

	if (result == 0)
		result = read_import(x, c, &k, &err);
	if (result == 0)
		result = write_import(c->worker->core->store, &k, &err);
	if (result < 0)
		answer_error(x, &err);
	else
		reply_row(x, c, 201, k.new_id);
	conversation_import_free(&k.import);
	buf_free(&k.title_text);
}
