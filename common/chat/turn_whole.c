/*
 * common/chat/turn_whole.c - answers that are read whole before anything of them leaves.
 */
#include "common/base/bytes.h"
#include "common/chat/turn_inside.h"

bool turn_is_json(const struct http1_head *head)
{
	struct span type = head->known[HTTP1_CONTENT_TYPE];

	/* Lenient: a missing type is taken for JSON, and judged by its content. */
	return !type.ptr || span_is(type, "application/json") || span_find(type, SPAN_LIT("json")) >= 0 ||
	       span_find(type, SPAN_LIT("JSON")) >= 0;
}

int turn_give_up(const struct target *target, struct failure *why, const struct err *err)
{
	failure_from_err(why, target, err);
	return why->class == FAILURE_CANCELLED ? TAKE_GONE : TAKE_FAILED;
}

int turn_take_wrong_type(const struct source *s, struct failure *why, const char *wanted)
{
	struct span type = source_head(s)->known[HTTP1_CONTENT_TYPE];
	struct span coding = source_coding(s);

	if (coding.ptr)
		failure_set(why, FAILURE_CUT, "the answer is %.*s-coded, which was not asked for",
			    SPAN_ARGS(coding));
	else
		failure_set(why, FAILURE_CUT, "the answer is %.*s, not %s", SPAN_ARGS(type), wanted);
	return TAKE_FAILED;
}

/* body: the whole, which may lie in room. */
static int read_answer(struct turn *t, struct source *s, struct buf *room, struct span *body,
		       struct failure *why, struct err *err)
{
	int64_t before = turn_now_us(t);
	int result;

	if (!turn_is_json(source_head(s)) || source_coding(s).ptr)
		return turn_take_wrong_type(s, why, "JSON");
	result = source_read_whole(s, room, body, err);
	t->waited_us += turn_now_us(t) - before;
	if (result == 0)
		return TAKEN;
	return turn_give_up(s->target, why, err);
}

int turn_take_hidden_error(struct source *s, struct span body, struct failure *why)
{
	failure_from_error(why, s->target, body);
	return TAKE_FAILED;
}

static int check_whole(struct turn *t, const void *request, struct turn_whole *w, turn_whole_step *step,
		       struct failure *why, struct err *err)
{
	if (w->answer.is_error)
		return turn_take_hidden_error(w->source, w->body, why);
	if (step(t, request, w, why, err) < 0)
		return TAKE_FAILED;
	t->usage = w->answer.usage;
	if (t->draws)
		t->usage.images = turn_dialect(w->source)->images(w->answer.items);
	t->target = w->source->target;
	t->choices = w->answer.items;
	t->finished = true;
	turn_announce(t, t->target);
	t->sink->send(t->sink->context, 200, "application/json", w->body);
	return TAKEN;
}

/* Of what the target answered last, if no other came between. */
static struct jform *form_of(const struct turn *t, const struct source *s)
{
	return &t->worker->answers[bytes_mix(0, (uintptr_t)s->target) % ANSWER_FORMS];
}

int turn_take_whole(struct turn *t, const void *request, struct source *s,
		    int (*read)(struct span body, struct answer *a, struct err *err), turn_whole_step *step,
		    struct failure *why, struct err *err)
{
	struct turn_whole w = { .source = s, .answer.form = form_of(t, s) };
	int result;

	buf_init(&w.room, (size_t)t->snapshot->config->max_answer_bytes);
	buf_init(&w.converted, (size_t)t->snapshot->config->max_answer_bytes);
	result = read_answer(t, s, &w.room, &w.body, why, err);
	if (result == TAKEN && read(w.body, &w.answer, err) < 0) {
		failure_set(why, FAILURE_CUT, "%s", err->message);
		result = TAKE_FAILED;
	}
	if (result == TAKEN)
		result = check_whole(t, request, &w, step, why, err);
	buf_free(&w.room);
	buf_free(&w.converted);
	return result;
}
