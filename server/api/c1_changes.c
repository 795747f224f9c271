/*
 * server/api/c1_changes.c - /c1/conversations: another title, forks, imports, and the end.
 */
#include <string.h>

#include "common/base/clock.h"
#include "common/chat/conversation_print.h"
#include "common/chat/conversation_request.h"
#include "common/chat/conversation_turn_room.h"
#include "server/api/c1.h"
#include "server/api/fields.h"

enum { SMALL_BODY_MAX = 64 * 1024, ROW_MAX = 64 * 1024 };

/* One change of the database. */
struct change {
	struct conversation_owner owner;
	struct span id, at, title;
	struct buf title_text;
	char new_id[CONVERSATION_ID_SIZE];
	struct conversation_import import;
	struct conversation_quota quota;
	struct hold hold;
	int64_t now_ms;
};

static int begin_change(struct exchange *x, struct call *c, struct change *k, struct err *err)
{
	memset(k, 0, sizeof *k);
	k->owner = c1_owner(c);
	k->id = span_str(call_param(x, c, 0));
	k->quota = conversation_quota_of(c->snapshot, c->identity.tenant);
	k->now_ms = clock_wall_ms();
	buf_init(&k->title_text, 4 * KIB);
	conversation_make_id(k->new_id, k->now_ms);
	if (k->owner.user_id)
		return 0;
	return err_set(err, E_missing_field, "headers.spass-user-id", "the SPASS-User-Id header is required");
}

static int read_title(json_t *root, struct change *k, struct err *err)
{
	struct span title = SPAN_NONE;

	if (field_text(root, "title", &title, err) < 0)
		return -1;
	if (!title.ptr)
		return 0;
	if (conversation_clean_title(title, &k->title_text, err) < 0)
		return -1;
	k->title = buf_span(&k->title_text);
	return 0;
}

/* What the row looks like now. */
struct look {
	struct conversation_owner owner;
	struct span id;
	struct buf out;
};

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
	struct look l = { .owner = c1_owner(c), .id = span_str(id) };

	buf_init(&l.out, ROW_MAX);
	if (store_read(c->worker->core->store, c->worker->core->jobs, look_at_row, &l, &err) < 0)
		c1_answer_error(x, &err);
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
	static const char *const names[] = { "title", NULL };
	struct err err = ERR_INIT;
	json_t *root = NULL;
	struct change k;
	int result = begin_change(x, c, &k, &err);

	if (result == 0 && !(root = call_read_json(x, SMALL_BODY_MAX, &err)))
		result = -1;
	if (result == 0)
		result = fields_check(root, names, &err);
	if (result == 0)
		result = read_title(root, &k, &err);
	if (result == 0 && !k.title.ptr)
		result = err_set(&err, E_missing_field, "title", "title is required");
	if (result == 0)
		result = store_write(c->worker->core->store, rename_row, &k, &err);
	if (result < 0)
		c1_answer_error(x, &err);
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

/* A turn that is under way ends first: its answer would have no place.  Those that wait find nothing. */
void c1_delete(struct exchange *x, struct call *c)
{
	struct turnstile *turnstile = c->worker->core->conversations;
	struct turnstile_pass pass = { NULL };
	struct err err = ERR_INIT;
	struct change k;
	int result = begin_change(x, c, &k, &err);

	if (result == 0)
		result = conversation_enter_ahead(turnstile, &k.owner, k.id,
						  c->snapshot->config->conversation_wait, &pass, &err);
	if (result == 0)
		result = store_write(c->worker->core->store, delete_row, &k, &err);
	turnstile_leave(turnstile, &pass);
	if (result < 0)
		c1_answer_error(x, &err);
	else
		call_reply_nothing(x);
	buf_free(&k.title_text);
}

struct forking {
	struct conversation_fork fork;
	struct hold *hold;
	bool begun, more;
};

static int begin_fork(struct db *db, struct forking *f, struct err *err)
{
	holds_renew(f->hold); /* the writer sees all that is kept */
	if (conversation_fork_begin(db, &f->fork, err) < 0 ||
	    holds_take(f->hold, &f->fork.left, true, f->fork.bytes, 0, err) < 0)
		return -1;
	f->begun = true;
	return 0;
}

static int fork_some(struct db *db, void *arg, struct err *err)
{
	struct forking *f = arg;

	if (!f->begun && begin_fork(db, f, err) < 0)
		return -1;
	return conversation_fork_some(db, &f->fork, &f->more, err);
}

static int write_fork(struct core *core, struct change *k, struct err *err)
{
	struct forking f = {
		.hold = &k->hold,
		.fork = { .owner = k->owner, .id = k->id, .at = k->at, .title = k->title,
			  .new_id = k->new_id, .quota = &k->quota, .now_ms = k->now_ms },
	};
	int result;

	holds_enter(core->holds, &k->owner, &k->hold);
	do
		result = store_write(core->store, fork_some, &f, err);
	while (result == 0 && f.more);
	holds_leave(&k->hold, result == 0 ? f.fork.bytes : 0, result == 0);
	return result;
}

/* An empty body asks for all of it under the same title. */
static int read_fork(struct exchange *x, struct change *k, struct err *err)
{
	static const char *const names[] = { "at", "title", NULL };
	struct span at = SPAN_NONE;
	json_t *root = call_read_json_if_any(x, SMALL_BODY_MAX, err);
	int result;

	if (!root)
		return -1;
	result = fields_check(root, names, err);
	if (result == 0)
		result = field_text(root, "at", &at, err);
	/* The body goes before the fork is made. */
	if (result == 0 && at.ptr) {
		k->at = arena_span(&x->arena, at);
		result = k->at.ptr ? 0 : err_used_up(err);
	}
	if (result == 0)
		result = read_title(root, k, err);
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
		result = write_fork(c->worker->core, &k, &err);
	if (result < 0)
		c1_answer_error(x, &err);
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
 * The writer serves others between two slices of a large import.  Nobody sees it before it is whole:
 * one that is cut short by a crash is swept away.
 */
struct slice {
	struct change *change;
	size_t from, count;
};

static int make_room(struct db *db, struct change *k, struct err *err)
{
	const int64_t bytes = conversation_weigh(k->import.rows, k->import.count);
	struct conversation_quota left;

	holds_renew(&k->hold); /* the writer sees all that is kept */
	if (conversation_check_room(db, &k->owner, &k->quota, true, bytes, &left, err) < 0)
		return -1;
	return holds_take(&k->hold, &left, true, bytes, 0, err);
}

static int import_slice(struct db *db, void *arg, struct err *err)
{
	const struct slice *s = arg;
	const struct change *k = s->change;
	struct conversation_addition a = {
		.owner = k->owner,
		.id = k->new_id,
		.is_new = s->from == 0,
		.is_unfinished = true,
		.title = buf_span(&k->import.title),
		.model = k->import.model.len ? buf_span(&k->import.model) : SPAN_LIT(""),
		.created_ms = k->import.created_ms,
		.now_ms = k->now_ms,
		.messages = k->import.rows + s->from,
		.count = s->count,
	};

	/* All of it at once, before the first slice is written. */
	if (a.is_new && make_room(db, s->change, err) < 0)
		return -1;
	if (conversation_add(db, &a, err) < 0)
		return -1;
	return s->from + s->count < k->import.count
		       ? 0
		       : conversation_publish(db, &k->owner, span_str(k->new_id), k->now_ms, err);
}

/* At least one message, and no more than the writer does in some milliseconds. */
static size_t measure_slice(const struct conversation_import *i, size_t from)
{
	int64_t bytes = 0;
	size_t to = from;

	while (to < i->count && to - from < CONVERSATION_SLICE_MESSAGES &&
	       (to == from || bytes + i->rows[to].bytes <= CONVERSATION_SLICE_BYTES))
		bytes += i->rows[to++].bytes;
	return to - from;
}

static int write_import(struct core *core, struct change *k, struct err *err)
{
	struct slice s = { .change = k };
	int result = 0;

	holds_enter(core->holds, &k->owner, &k->hold);
	for (; result == 0 && s.from < k->import.count; s.from += s.count) {
		s.count = measure_slice(&k->import, s.from);
		result = store_write(core->store, import_slice, &s, err);
	}
	holds_leave(&k->hold, result == 0 ? conversation_weigh(k->import.rows, k->import.count) : 0, result == 0);
	return result;
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
	k.now_ms = clock_wall_ms(); /* the upload may have taken long */
	if (result == 0)
		result = write_import(c->worker->core, &k, &err);
	if (result < 0)
		c1_answer_error(x, &err);
	else
		reply_row(x, c, 201, k.new_id);
	conversation_import_free(&k.import);
	buf_free(&k.title_text);
}
