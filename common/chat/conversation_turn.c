/*
 * common/chat/conversation_turn.c - a turn from its request to the body that a model is sent.
 */
#include "common/chat/conversation_turn.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/chat/conversation_history.h"
#include "common/chat/conversation_images.h"
#include "common/chat/conversation_keep.h"
#include "common/chat/conversation_turn_room.h"
#include "common/chat/open_calls.h"
#include "common/chat/spend.h"

enum { BODY_MAX = 128 * 1024 * 1024, PICTURES_MAX = BODY_MAX / 4, NAME_BYTES_MAX = 512, CALLS_MAX = 256 * 1024 };

void conversation_turn_init(struct conversation_turn *t)
{
	memset(t, 0, sizeof *t);
	buf_init(&t->pictures, PICTURES_MAX);
	buf_init(&t->model, 64 * KIB);
	buf_init(&t->body, BODY_MAX);
	buf_init(&t->calls, CALLS_MAX);
	buf_init(&t->held, STREAM_TAIL_MAX);
}

void conversation_turn_end(struct conversation_turn *t)
{
	conversation_keep_free(t);
	holds_leave(&t->hold, 0, false);
	new_messages_free(&t->news);
	buf_free(&t->pictures);
	buf_free(&t->model);
	buf_free(&t->body);
	buf_free(&t->calls);
	buf_free(&t->held);
	if (t->worker)
		turnstile_leave(t->worker->core->conversations, &t->pass);
}

/* Reading: what is in the database, on a thread of jobs. */

struct loading {
	struct conversation_turn *turn;
	struct history_weight *weights;
	size_t count, room;
	struct history_writer writer;
};

static int note_weight(void *arg, const struct message_row *m, struct err *err)
{
	struct loading *l = arg;

	(void)err;
	if (l->count == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		l->weights = mem_realloc(l->weights, l->room * sizeof *l->weights);
	}
	l->weights[l->count++] = (struct history_weight){
		.seq = m->seq,
		.tokens = m->tokens,
		.bytes = m->bytes,
		.begins_turn = span_is(m->role, "user"),
	};
	return 0;
}

static int take_message(void *arg, const struct message_row *m, struct err *err)
{
	struct loading *l = arg;

	open_calls_follow(&l->turn->calls, m);
	if (history_write(&l->writer, m) < 0)
		return err_set(err, E_too_large, "conversation_id",
			       "the conversation is larger than %d bytes", BODY_MAX);
	return 0;
}

/* The alias that is named, now or before, else the one of whoever names none. */
static int find_model(struct conversation_turn *t, struct span last, struct span *name, struct err *err)
{
	const struct model *preferred;

	if (conversation_request_model(&t->request, &t->model, name, err) < 0)
		return -1;
	if (!name->ptr && last.ptr) {
		buf_add_span(&t->model, last);
		*name = buf_span(&t->model);
	}
	if (!name->ptr) {
		preferred = spend_default_model(&t->offer);
		*name = span_str((preferred ? preferred : routing_default(t->snapshot->routing))->alias);
	}
	t->alias = conversation_find_alias(t->snapshot->routing, *name, t->request.provider);
	if (!t->alias)
		return 0; /* the check of the request says so */
	if (!tenancy_admits_model(t->offer.tenant, t->offer.token, span_str(t->alias->alias))) {
		t->alias = NULL;
		return offer_lacks(&t->offer, *name, err);
	}
	*name = span_str(t->alias->alias);
	return 0;
}

static struct history_news weigh_news(const struct conversation_turn *t, size_t head_len)
{
	struct history_news news = {
		.tokens = history_tokens(t->front) + history_tokens(t->request.system.text) +
			  history_tokens(span_of(t->body.ptr, head_len)),
		.bytes = (int64_t)(t->front.len + t->request.system.text.len + head_len),
		.continues = t->request.result_count > 0,
	};

	for (size_t i = 0; i < t->news.count; i++) {
		news.tokens += t->news.rows[i].tokens;
		news.bytes += t->news.rows[i].bytes;
	}
	return news;
}

/* Nothing comes before what the client has sent: it is checked when it is put together. */
static bool is_all_there_is(const struct conversation_turn *t)
{
	const struct conversation_request *r = &t->request;

	return !r->id.ptr && !t->named.ptr && !t->front.len && !r->result_count && !r->provider &&
	       r->system.type != J_STRING;
}

/* What was said before, as much of it as the model's window takes. */
static int load_history(struct loading *l, struct db *db, const struct conversation_row *row,
			size_t head_len, struct err *err)
{
	struct conversation_turn *t = l->turn;
	bool same_model = t->alias && span_is(row->model, t->alias->alias);
	struct history_limits limits = history_limits_of(t->alias ? t->alias->context_window : 0);
	struct history_news news = weigh_news(t, head_len);
	int64_t number = row->number, from = same_model ? row->sent_from : 1;
	size_t begin;

	/* Another model has another window, and nothing of this one in its cache. */
	if (conversation_weights(db, number, from, note_weight, l, err) < 0)
		return -1;
	begin = history_begin(l->weights, l->count, &news, &limits);
	if (begin < l->count)
		t->sent_from = l->weights[begin].seq;
	else
		t->sent_from = l->count ? l->weights[l->count - 1].seq + 1 : from;
	return conversation_messages(db, number, t->sent_from, take_message, l, err);
}

static void add_system(struct conversation_turn *t, size_t head_len)
{
	if (t->request.system.type != J_STRING)
		return;
	buf_add_str(&t->body, t->body.len > head_len ? ",{" : "{");
	buf_add_str(&t->body, "\"role\":\"system\",\"content\":");
	buf_add_span(&t->body, t->request.system.text);
	buf_add_char(&t->body, '}');
}

/*
 * The list of messages, in order: system texts, the request's own last; what was said before; what is new.  The one place
 * where a prompt is put together.
 */
static int load(struct db *db, void *arg, struct err *err)
{
	struct loading *l = arg;
	struct conversation_turn *t = l->turn;
	struct conversation_row row = { .number = 0 };
	struct span name;

	if (db && conversation_get(db, &t->owner, span_str(t->id), &row, err) < 0)
		return -1;
	t->exists = db != NULL;
	if (find_model(t, row.model, &name, err) < 0)
		return -1;
	/* With a model of its own the request was checked before: see check_step. */
	if ((!t->alias || (t->request.model.type != J_STRING && !is_all_there_is(t))) &&
	    conversation_request_check(&t->request, &t->news, name, t->snapshot->routing, err) < 0)
		return -1;
	buf_reserve(&t->body, t->request.body.len + t->front.len + 256);
	conversation_request_head(&t->request, name, &t->body);
	size_t head_len = t->body.len;
	buf_add_span(&t->body, t->front);
	add_system(t, head_len);
	history_writer_init(&l->writer, &t->body, t->alias && t->alias->kind == MODEL_IMAGE);
	l->writer.begun = head_len;
	t->sent_from = 1;
	if (!db)
		return 0;
	return load_history(l, db, &row, head_len, err) < 0 ? -1 : conversation_room_read(db, t, err);
}

/* The end of the body: what is new. */
static int compose(struct conversation_turn *t, struct history_writer *writer, struct err *err)
{
	if (open_calls_answer(&t->calls, &t->news, t->request.result_count, err) < 0)
		return -1;
	for (size_t i = 0; i < t->news.count; i++)
		history_write(writer, &t->news.rows[i]);
	if (buf_add_str(&t->body, "]}") < 0)
		return err_set(err, E_body_too_large, "body", "the request is larger than %d bytes with "
							      "what was said before",
			       BODY_MAX);
	if (!is_all_there_is(t))
		return chat_request_read(&t->chat, buf_span(&t->body), t->snapshot->routing, err);
	if (chat_request_check(&t->chat, buf_span(&t->body), &(struct offer){ .routing = t->snapshot->routing },
			       err) == 0)
		return 0;
	conversation_request_blame(&t->request, err);
	return -1;
}

/* Small requests on the worker's own thread, large ones on a job. */
struct step {
	int (*run)(struct conversation_turn *t, void *arg, struct err *err);
	struct conversation_turn *turn;
	void *arg;
	int result;
	struct err err;
};

static void run_step(void *arg)
{
	struct step *s = arg;

	s->result = s->run(s->turn, s->arg, &s->err);
}

static int do_step(struct conversation_turn *t, size_t size,
		   int (*run)(struct conversation_turn *t, void *arg, struct err *err), void *arg,
		   struct err *err)
{
	struct step *s;
	int result;

	if (size <= REQUEST_INLINE_MAX)
		return run(t, arg, err);
	s = mem_new(struct step);
	*s = (struct step){ .run = run, .turn = t, .arg = arg };
	result = job_run(t->worker->core->jobs, run_step, s, err);
	if (result == 0 && s->result < 0) {
		*err = s->err;
		result = -1;
	}
	mem_free(s);
	return result;
}

static int check_step(struct conversation_turn *t, void *arg, struct err *err)
{
	struct span name;

	(void)arg;
	if (conversation_request_messages(&t->request, &t->news, err) < 0)
		return -1;
	for (size_t i = 0; i < t->news.count; i++)
		t->news.rows[i].created_ms = clock_wall_ms();
	/* What is wrong in any case is told before others are waited for. */
	if (t->request.model.type != J_STRING || is_all_there_is(t))
		return 0;
	if (find_model(t, SPAN_NONE, &name, err) < 0)
		return -1;
	return conversation_request_check(&t->request, &t->news, name, t->snapshot->routing, err);
}

static int read_step(struct conversation_turn *t, void *arg, struct err *err)
{
	struct span *body = arg;

	if (conversation_request_read(&t->request, *body, err) < 0)
		return -1;
	return conversation_images_stored(&t->request) ? 0 : check_step(t, NULL, err);
}

/* What was only read, its stored pictures being there now. */
static int expand_and_check(struct conversation_turn *t, struct err *err)
{
	const struct image_place place = { t->worker->core->store, t->worker->core->jobs, t->owner.tenant_id };

	if (conversation_images_expand(&place, &t->request, &t->pictures, err) < 0)
		return -1;
	return do_step(t, t->request.body.len + t->pictures.len, check_step, NULL, err);
}

static int load_new_step(struct conversation_turn *t, void *arg, struct err *err)
{
	(void)t;
	return load(NULL, arg, err);
}

static int compose_step(struct conversation_turn *t, void *arg, struct err *err)
{
	return compose(t, arg, err);
}

/* The owner is part of the turnstile's name, so that nobody notices another's. */
static int name_turnstile(const struct conversation_owner *owner, struct span id, char text[NAME_BYTES_MAX],
			  struct span *name, struct err *err)
{
	const struct span parts[] = {
		span_str(owner->tenant_id), SPAN_LIT("/"), span_str(owner->user_id), SPAN_LIT("/"),
		span_of(id.ptr, id.len > CONVERSATION_ID_SIZE ? CONVERSATION_ID_SIZE : id.len),
	};
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i].len > NAME_BYTES_MAX - len)
			return err_set(err, E_internal_error, "", "a name is too long");
		if (parts[i].len)
			memcpy(text + len, parts[i].ptr, parts[i].len);
		len += parts[i].len;
	}
	*name = span_of(text, len);
	return 0;
}

/* What a turnstile's entrance says, as an answer. */
static int tell_entrance(int result, struct err *err)
{
	if (result <= 0)
		return result;
	err_set(err, E_conversation_busy, "conversation_id",
		"another turn of this conversation is being answered");
	err->retry_after_s = 1;
	return -1;
}

int conversation_enter_ahead(struct turnstile *turnstile, const struct conversation_owner *owner,
			     struct span id, int64_t wait_ms, struct turnstile_pass *pass, struct err *err)
{
	char text[NAME_BYTES_MAX];
	struct span name;

	if (name_turnstile(owner, id, text, &name, err) < 0)
		return -1;
	return tell_entrance(turnstile_enter_ahead(turnstile, name, wait_ms, pass, err), err);
}

static int enter(struct conversation_turn *t, struct err *err)
{
	const int64_t wait_ms = t->snapshot->config->conversation_wait;
	struct turnstile *turnstile = t->worker->core->conversations;
	char text[NAME_BYTES_MAX];
	struct span name = SPAN_LIT("");

	if (name_turnstile(&t->owner, span_str(t->id), text, &name, err) < 0)
		return -1;
	return tell_entrance(turnstile_enter(turnstile, name, wait_ms, &t->pass, err), err);
}

static int load_history_step(struct conversation_turn *t, struct loading *l, struct err *err)
{
	holds_enter(t->worker->core->holds, &t->owner, &t->hold);
	if (t->is_new && conversation_room_look(t, err) < 0)
		return -1;
	if (t->is_new)
		return do_step(t, t->request.body.len + t->pictures.len, load_new_step, l, err);
	return store_read(t->worker->core->store, t->worker->core->jobs, load, l, err);
}

/* By the header or by the body; when by both, it must be the same one. */
static int find_named(struct conversation_turn *t, struct err *err)
{
	if (t->named.ptr && t->request.id.ptr && !span_equal(t->named, t->request.id))
		return err_set(err, E_invalid_field, "headers.x-conversation-id",
			       "the header x-conversation-id and the member conversation_id name two "
			       "conversations");
	if (t->named.ptr)
		t->request.id = t->named;
	return 0;
}

int conversation_turn_prepare(struct conversation_turn *t, struct span body, struct err *err)
{
	struct loading l = { .turn = t };
	int result = -1;

	if (do_step(t, body.len, read_step, &body, err) < 0 || find_named(t, err) < 0)
		return -1;
	if (conversation_images_stored(&t->request) && expand_and_check(t, err) < 0)
		return -1;
	t->is_new = !t->request.id.ptr;
	if (t->is_new)
		conversation_make_id(t->id, clock_wall_ms());
	else if (conversation_is_id(t->request.id))
		memcpy(t->id, t->request.id.ptr, t->request.id.len);
	/* An id of another shape stays "" and is found nowhere. */
	buf_clear(&t->model);
	/* Nobody knows the id of a new one before its answer leaves. */
	if (!t->is_new && enter(t, err) < 0)
		return -1;
	if (load_history_step(t, &l, err) == 0 && conversation_narrow(t, err) == 0 &&
	    do_step(t, t->body.len, compose_step, &l.writer, err) == 0 && conversation_room_hold(t, err) == 0 &&
	    (!t->is_new || !t->chat.streams || enter(t, err) == 0))
		result = 0;
	mem_free(l.weights);
	return result;
}
